# SPDX-License-Identifier: Apache-2.0
"""covers: M-030 M-031 M-032 M-033 M-034 M-035 M-036 M-037 M-038 M-084 M-095
The catalog of events: the program, doc/events and src/core/event_type.h say the same; every example
is taken; and over all schemas, each required member is left out and each member is given each wrong
type: the door refuses every one of them with the pointer of that member, and so does the schema."""
import copy
import json
import os
import pathlib
import re
import subprocess
import tempfile

from described import jsonschema
from served import METE, done, equal, note, ok

ROOT = pathlib.Path(os.environ["ROOT"])
STORY = ROOT / "src/http/openapi/examples.ndjson"
VALUES = {"null": [None], "boolean": [True], "number": [1.5], "integer": [7], "string": ["wrong"],
          "array": [[]], "object": [{}]}


def mete(*words, text=None, status=0):
    ran = subprocess.run([METE, *words], input=text, capture_output=True, text=True, check=False)
    if ran.returncode != status:
        note(f"mete {' '.join(words)}: {ran.returncode}: {ran.stderr[-300:]}")
    return ran


def validate(events):
    """Line -> (code, pointer, message, remediation) of those that would be refused."""
    with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as file:
        file.write("".join(json.dumps(e) + "\n" for e in events))
        file.flush()
        ran = subprocess.run([METE, "events", "validate", "--json", file.name], capture_output=True,
                             text=True, check=False)
    said = json.loads(ran.stdout)
    equal((ran.returncode, said["valid"], said["events"]),
          (1 if said["errors"] else 0, not said["errors"], len(events)), "a verdict on all of them")
    return {e["line"]: e for e in said["errors"]}


# --- what the catalog has ------------------------------------------------------------------------

def rows_of_the_header():
    text = (ROOT / "src/core/event_type.h").read_text().replace("\\\n", " ")
    return re.findall(r'X\([A-Z_0-9]+,\s*"([^"]+)",\s*(\w+),\s*\w+,\s*"([^"]*)"\s*\)', text)


def listed():
    rows = json.loads(mete("events", "list", "--json").stdout)
    rows = rows if isinstance(rows, list) else next(iter(rows.values()))
    equal([(r["type"], "RESERVED" if r["reserved"] else "HANDLED", r["scope"] or "") for r in rows],
          rows_of_the_header(), f"the {len(rows)} types of the header, in its order")
    equal([r["type"] for r in rows if r["tier"] not in (1, 2, 3) or not r["producers"] or
           not r["description"]], [], "each with tier, producers and description")
    family = json.loads(mete("events", "list", "--family", "spend", "--json").stdout)
    family = family if isinstance(family, list) else next(iter(family.values()))
    equal([r["type"] for r in family], ["spend.authorized", "spend.executed", "spend.refunded"],
          "a family")
    mete("events", "list", "--family", "nonsense", status=2)
    return rows


def shown(rows):
    every = {}
    for row in rows:
        one = json.loads(mete("events", "show", row["type"], "--json").stdout)
        file = json.loads((ROOT / "doc/events" / (row["type"] + ".schema.json")).read_text())
        examples = file.pop("examples", [])
        if (one["schema"], one["examples"]) != (file, examples):
            ok(False, f"{row['type']}: the program and doc/events differ")
        jsonschema.Draft202012Validator.check_schema(file)
        every[row["type"]] = file, examples
    there = {p.name for p in (ROOT / "doc/events").glob("*.schema.json")}
    equal(there, {t + ".schema.json" for t in every} | {"envelope.schema.json"},
          f"doc/events has these {len(there)} schemas")
    handled = [r["type"] for r in rows if not r["reserved"]]
    equal([t for t in handled if not every[t][1]], [], "each handled type has an example")
    equal([t for t in every if t not in handled and every[t][1]], [], "a reserved one has none")
    return every


def taken(every):
    events = [json.loads(line) for line in STORY.read_text().splitlines()]
    equal(validate(events), {}, f"{len(events)} examples are taken at the door")
    flaws = []
    for e in events:
        for schema in (every[e["event_type"]][0],
                       json.loads((ROOT / "doc/events/envelope.schema.json").read_text())):
            flaws += [(e["event_id"], f.message[:200])
                      for f in jsonschema.Draft202012Validator(schema).iter_errors(e)]
    equal(flaws, [], "and fit their schemas")
    said = json.loads(mete("run", "--json", "--strict", str(STORY)).stdout)
    equal((said["events"], said["refused"], said["waiting"]),
          ({"applied": len(events), "duplicate": 0, "refused": 0, "waiting": 0}, [], []),
          "in their order they are a story that a book takes")
    kinds = {e["event_type"] for e in events}
    reserved = [{**events[0], "event_type": t} for t in every if t not in kinds]
    equal({e["code"] for e in validate(reserved).values()}, {"reserved_type"},
          f"{len(reserved)} reserved types are refused")
    equal(len(validate(reserved)), len(reserved), "each of them")


# --- what the door refuses -----------------------------------------------------------------------

class Table:
    """Events with one thing wrong each, and the pointer that the refusal has to have."""

    def __init__(self):
        self.cases = []  # (event, pointer, what, type)

    def add(self, event, path, what, change):
        wrong = copy.deepcopy(event)
        at = wrong
        for step in path[:-1]:
            at = at[step]
        change(at, path[-1])
        pointer = "".join("/" + str(p).replace("~", "~0").replace("/", "~1") for p in path)
        self.cases.append((wrong, pointer, what, event["event_type"]))


def resolve(schema, root):
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def types_of(schema, root):
    schema = resolve(schema, root)
    if "type" in schema:
        kinds = schema["type"]
        return {kinds} if isinstance(kinds, str) else set(kinds)
    for word in ("anyOf", "oneOf"):
        if word in schema and all("required" not in s or "type" in s for s in schema[word]):
            return set().union(*(types_of(s, root) for s in schema[word]))
    if "allOf" in schema:
        return set.intersection(*(types_of(s, root) for s in schema["allOf"]))
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if values is None:
        return set(VALUES)
    return {"string" if isinstance(v, str) else "boolean" if isinstance(v, bool) else "integer"
            for v in values}


def wrong_values(kinds):
    for kind, values in VALUES.items():
        fits = kind in kinds or (kind == "integer" and "number" in kinds)
        if not fits:
            yield from values


def required_of(schema, value):
    """Members without which the value is refused: of the alternatives, those that it has chosen."""
    yield from schema.get("required", [])
    for word in ("oneOf", "anyOf"):
        fits = [s["required"] for s in schema.get(word, [])
                if "required" in s and all(n in value for n in s["required"])]
        if len(fits) == 1 and len(schema[word]) > 1:
            yield from fits[0]


def walk(table, event, schema, root, value, path):
    schema = resolve(schema, root)
    if not isinstance(value, dict):
        return
    for name in required_of(schema, value):
        table.add(event, [*path, name], "missing", lambda at, last: at.pop(last))
    for name, part in schema.get("properties", {}).items():
        for wrong in wrong_values(types_of(part, root)):
            table.add(event, [*path, name], "type",
                      lambda at, last, wrong=wrong: at.__setitem__(last, wrong))
        if name in value:
            walk(table, event, part, root, value[name], [*path, name])


def refused(every):
    table = Table()
    for schema, examples in every.values():
        for event in examples:
            walk(table, event, schema, schema, event, [])
    said = validate([case[0] for case in table.cases])
    passed, misplaced, counts, unlike, silent = [], [], {}, [], []
    checkers = {t: jsonschema.Draft202012Validator(every[t][0]) for t in every}
    for line, (event, pointer, what, kind) in enumerate(table.cases, 1):
        counts[what] = counts.get(what, 0) + 1
        error = said.get(line)
        if error is None:
            passed.append((kind, pointer, what))
        elif error["pointer"] != pointer:
            misplaced.append((kind, pointer, what, error["pointer"], error["code"]))
        elif not error["message"] or not error["remediation"]:
            silent.append((kind, pointer))
        if checkers[kind].is_valid(event):
            unlike.append((kind, pointer, what))
    note(f"{len(every)} schemas: {counts.get('missing')} members left out, "
         f"{counts.get('type')} of a wrong type")
    equal(sorted(set(passed))[:10], [], "the door refuses every one")
    equal(misplaced[:10], [], "with the pointer of the member")
    equal(silent[:10], [], "and says how to mend it")
    equal(unlike[:10], [], "and the schema refuses them too")
    ok(counts.get("missing", 0) > 200 and counts.get("type", 0) > 1000, "there was much to refuse")


def shapes():
    """NDJSON, an array, an ingest body, and what is none of them."""
    event = json.loads(STORY.read_text().splitlines()[0])
    for text in (json.dumps(event), json.dumps([event, event], indent=1),
                 json.dumps({"appId": "a", "env": "prod", "events": [event]})):
        equal(mete("events", "validate", "-", text=text).returncode, 0, "good: " + " ".join(text[:12].split()))
    other = {**event, "source": {"producer": "control_plane", "app_id": "b"}}
    ran = mete("events", "validate", "-", "--json", status=1,
               text=json.dumps({"appId": "a", "events": [event, other]}))
    equal([(e["event_id"], e["code"], e["pointer"]) for e in json.loads(ran.stdout)["errors"]],
          [(event["event_id"], "member_value", "/source/app_id")], "an event of another app")
    ran = mete("events", "validate", "-", "--json", text="{nonsense}\n" + json.dumps(event),
               status=1)
    said = json.loads(ran.stdout)
    equal((said["events"], [(e["line"], e["code"]) for e in said["errors"]]),
          (2, [(1, "json_syntax")]), "a broken line harms no other")
    mete("events", "validate", "/nowhere/at/all", status=1)
    mete("events", "show", "no.such_type", status=2)


ROWS = listed()
EVERY = shown(ROWS)
taken(EVERY)
refused(EVERY)
shapes()
done()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The catalog of events, from what is said once: the names, producers and scopes of
src/core/event_type.h, the schemas beside this file, and the events of examples.ndjson.

usage: catalog.py c OUT    the C file that the program carries
       catalog.py doc                       writes doc/events
       catalog.py check                     fails when doc/events is not what doc would write
"""
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
DOC = ROOT / "doc" / "events"
PARTS = ("values.json", "events.schemas.json", "manifests.json", "economy.schemas.json",
         "reserved.schemas.json")
REF = "#/components/schemas/"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
STATUS = {"HANDLED": "handled", "RESERVED": "reserved", "LATER": "later"}
WIDTH = 100


def header_types():
    """(name, status, rule, scope) of each type, and what the rules say in words."""
    text = (ROOT / "src/core/event_type.h").read_text(encoding="utf-8").replace("\\\n", " ")
    words = dict(re.findall(r"(BY_\w+),?\s*/\* (.*?) \*/", text))
    words["BY_NOBODY"] = "mete itself"
    rows = re.findall(r'X\([A-Z_0-9]+,\s*"([^"]+)",\s*(\w+),\s*(\w+),\s*"([^"]*)"\s*\)', text)
    return [(name, STATUS[status], words[rule], scope) for name, status, rule, scope in rows]


def tiers():
    """The data tier of each type: 1, but for those that the header lists."""
    text = (ROOT / "src/core/event_type.h").read_text(encoding="utf-8").replace("\\\n", " ")
    names = dict(re.findall(r'X\(([A-Z_0-9]+),\s*"([^"]+)"', text))
    second = re.search(r"#define EVENT_TYPES_TIER_2\(X\)(.*)", text)[1]
    second = {names[symbol] for symbol in re.findall(r"X\((\w+)\)", second)}
    return {name: 2 if name in second else 1 for name in names.values()}


def schemas():
    every = {}
    for part in PARTS:
        whole = json.loads((HERE / part).read_text(encoding="utf-8"))
        every |= whole.get("components", {}).get("schemas", {})
    return every


def examples():
    """The events of each type, in the order of the story."""
    found = {}
    for line in (HERE / "examples.ndjson").read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        found.setdefault(event["event_type"], []).append(event)
    return found


def refs(node):
    if isinstance(node, dict):
        for name, part in node.items():
            if name == "$ref" and part.startswith(REF):
                yield part.removeprefix(REF)
            else:
                yield from refs(part)
    elif isinstance(node, list):
        for part in node:
            yield from refs(part)


def here(node):
    """References into the document become references into this schema."""
    if isinstance(node, dict):
        return {name: "#/$defs/" + part.removeprefix(REF)
                if name == "$ref" and part.startswith(REF) else here(part)
                for name, part in node.items()}
    return [here(part) for part in node] if isinstance(node, list) else node


def needed(every, node):
    names, left = set(), list(refs(node))
    while left:
        name = left.pop()
        if name not in names:
            names.add(name)
            left += refs(every[name])
    return {name: here(every[name]) for name in sorted(names)}


def envelope(every):
    event = {k: v for k, v in every["Event"].items() if k not in ("allOf", "description")}
    return {"$schema": DRAFT, "$id": "envelope.schema.json", "title": "The envelope of every event",
            "description": every["Event"]["description"], **here(event),
            "$defs": needed(every, event)}


def schema_of(every, name, shown):
    payload = every["payload." + name]
    event = {k: v for k, v in every["Event"].items() if k in ("type", "required", "properties")}
    event["properties"] = {**event["properties"], "event_type": {"const": name},
                           "payload": {k: v for k, v in payload.items()
                                       if k not in ("description", "x-mete-derived")}}
    if "x-mete-derived" in payload:
        event["properties"]["caused_by"] = {"$ref": REF + "EventId",
                                            "description": "The event that led to it."}
        event["required"] = [*event["required"], "caused_by"]
    return {"$schema": DRAFT, "$id": name + ".schema.json", "title": name,
            "description": payload["description"], **here(event),
            "$defs": needed(every, event), **({"examples": shown} if shown else {})}


def catalog():
    every, shown, tier = schemas(), examples(), tiers()
    rows = []
    for name, status, who, scope in header_types():
        payload = every.get("payload." + name)
        if payload is None or "description" not in payload:
            sys.exit(f"{name} has no schema with a description")
        if "x-mete-tier" in payload:
            sys.exit(f"{name}: the tier of a type stands in src/core/event_type.h alone")
        if (status == "handled") != (name in shown):
            sys.exit(f"{name} is {status}: examples.ndjson has {len(shown.get(name, []))} of it")
        rows.append({"type": name, "family": name.partition(".")[0], "status": status, "who": who,
                     "scope": scope, "tier": tier[name],
                     "does": payload["description"],
                     "schema": schema_of(every, name, shown.get(name)),
                     "examples": shown.get(name, [])})
    strange = set(shown) - {row["type"] for row in rows}
    if strange:
        sys.exit(f"examples.ndjson has types that do not exist: {sorted(strange)}")
    return rows


# --- doc/events ----------------------------------------------------------------------------------

def pretty(node, indent=0, before=0):
    flat = json.dumps(node, ensure_ascii=False)
    if not isinstance(node, (dict, list)) or not node or indent + before + len(flat) < WIDTH:
        return flat
    pad = " " * (indent + 2)
    if isinstance(node, dict):
        inside = [f"{pad}{json.dumps(k)}: {pretty(v, indent + 2, len(json.dumps(k)) + 2)}"
                  for k, v in node.items()]
    else:
        inside = [pad + pretty(v, indent + 2) for v in node]
    ends = "{}" if isinstance(node, dict) else "[]"
    return ends[0] + "\n" + ",\n".join(inside) + "\n" + " " * indent + ends[1]


def readme(rows):
    lines = ["# Catalog of events", "",
             "Made by `src/http/openapi/catalog.py doc` from `src/core/event_type.h`, the schemas",
             "beside it and `src/http/openapi/examples.ndjson`; `mete events list`, `show` and",
             "`validate` are the same in the program. Every type has its schema (JSON Schema",
             "2020-12) with examples in the file of its name; `envelope.schema.json` is what all of",
             "them have in common. The examples, in the order of `examples.ndjson`, are one story",
             "that `mete run` takes without a refusal.", "",
             "The tier says what data of a type are kept: 1 and 2 by default, 3 only where a book",
             "opts in (`tier3` of `book.configured`). No type has tier 3; members have, and their",
             "schemas say so (`x-mete-tier`). Reserved types are made by mete itself, and refused",
             "from outside. A payload carries no e-mail address; in those of the economic",
             "protocol, no phone number and no IP address either. Further members are kept.", "",
             "| type | family | who may say it | scope | tier | what it does |",
             "|---|---|---|---|---|---|"]
    for row in rows:
        who = row["who"] if row["status"] == "handled" else "*reserved:* " + row["who"]
        scope = f"`{row['scope']}`" if row["scope"] else ""
        lines.append(f"| [`{row['type']}`]({row['type']}.schema.json) | {row['family']} | {who} | "
                     f"{scope} | {row['tier']} | {row['does']} |")
    return "\n".join(lines) + "\n"


def pages():
    rows = catalog()
    out = {row["type"] + ".schema.json": pretty(row["schema"]) + "\n" for row in rows}
    out["envelope.schema.json"] = pretty(envelope(schemas())) + "\n"
    out["README.md"] = readme(rows)
    return out


def doc_write():
    DOC.mkdir(exist_ok=True)
    wanted = pages()
    for path in DOC.iterdir():
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (DOC / name).write_text(text, encoding="utf-8")


def doc_check():
    wanted = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in DOC.iterdir()} \
        if DOC.is_dir() else {}
    wrong = sorted(name for name in wanted.keys() | there.keys()
                   if wanted.get(name) != there.get(name))
    if wrong:
        sys.exit("doc/events is not what its sources say (src/http/openapi/catalog.py doc mends "
                 f"it): {', '.join(wrong)}")


# --- the program ---------------------------------------------------------------------------------

def quoted(text, indent):
    escaped = [{"\\": "\\\\", '"': '\\"', "?": "\\?", "\n": "\\n"}.get(c, c) for c in text]
    lines, line = [], ""
    for c in escaped:
        if len(line) + len(c) > 88:
            lines.append(line)
            line = ""
        line += c
    return "\n".join(f'{" " * indent}"{part}"' for part in [*lines, line])


def c_row(row):
    shown = "".join(json.dumps(e, separators=(",", ":")) + "\n" for e in row["examples"])
    texts = [row["type"], row["family"], row["who"], row["does"],
             pretty({k: v for k, v in row["schema"].items() if k != "examples"}), shown]
    inside = ",\n".join(quoted(text, 5) for text in texts)
    return f"    {{{inside[4:].lstrip()},\n     {row['tier']}}},\n"


def c_file():
    rows = "".join(c_row(row) for row in catalog())
    return ('#include "http/openapi/catalog.h"\n\n'
            f"const struct catalog_row catalog_rows[EVENT_TYPE_COUNT] = {{\n{rows}}};\n")


def main():
    what = sys.argv[1:2]
    if what == ["c"] and len(sys.argv) == 3:
        pathlib.Path(sys.argv[2]).write_text(c_file(), encoding="ascii")
    elif what == ["doc"]:
        doc_write()
    elif what == ["check"]:
        doc_check()
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""covers: F-001
The OpenAPI document: the same routes as the table of the program, well formed, and true. A walk
calls every operation with the examples of the document, and every answer has to be one that the
document describes."""
import re
import subprocess

from described import Client, Document, METHODS
from served import METE, Served, done, equal, note, ok

ROLES = ("distributions", "wallet", "manifests", "dashboard", "facilitator", "worker")


def table(*options):
    text = subprocess.run([METE, "serve", "--routes", *options], capture_output=True, text=True,
                          check=True).stdout
    return [tuple(line.split()) for line in text.splitlines()]


# --- the table and the document ------------------------------------------------------------------

def same_routes(document):
    described = [(o.method, o.path, o.id, o.scope) for o in document.operations]
    answered = table()
    equal(sorted(set(answered) - set(described)), [], "every route of the table is described")
    equal(sorted(set(described) - set(answered)), [], "nothing else is described")
    equal(len(described), len(answered), f"{len(answered)} routes, each once")
    for role in ROLES:
        equal({o.id for o in document.operations if {role, "all"} & set(o.roles)},
              {row[2] for row in table("--roles", role)}, f"the routes of the role {role}")
    equal([o.id for o in document.operations if not set(o.roles) <= {*ROLES, "all"}], [],
          "no other role is named")


# --- form ----------------------------------------------------------------------------------------

def nodes(node, where="#"):
    yield where, node
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) \
        else ()
    for name, part in items:
        yield from nodes(part, f"{where}/{str(name).replace('~', '~0').replace('/', '~1')}")


def is_example(where):
    return re.search(r"/(example|examples|default|const|enum)(/|$)", where) is not None


def references(document):
    refs = [(w, n["$ref"]) for w, n in nodes(document.whole)
            if isinstance(n, dict) and "$ref" in n and not is_example(w)]
    broken = []
    for where, ref in refs:
        try:
            document.resolve({"$ref": ref})
        except (KeyError, TypeError):
            broken.append((where, ref))
    equal(broken, [], f"{len(refs)} references lead somewhere")
    used = {ref for _, ref in refs} | {"#/components/responses/MethodNotAllowed"}
    kinds = ("schemas", "parameters", "headers", "responses")
    parts = {f"#/components/{k}/{name}" for k in kinds for name in document.whole["components"][k]}
    equal(sorted(parts - used), [], "no shared part is left over")


def operation_flaws(o):
    wanted = set(re.findall(r"\{(\w+)\}", o.path))
    got = [p["name"] for p in o.in_("path")]
    names = [(p["in"], p["name"]) for p in o.parameters]
    if set(got) != wanted or not all(p.get("required") for p in o.in_("path")):
        yield f"path parameters {got}"
    if len(set(names)) != len(names):
        yield "a parameter twice"
    if not o.node.get("summary") or not o.node.get("tags"):
        yield "no summary or tag"
    if not any(s.startswith("2") for s in o.answers):
        yield "no good answer"
    if (o.scope == "none") != (o.node["security"] == []):
        yield "security and scope differ"
    if o.scope not in ("none", "any") and any([o.scope] not in s.values()
                                              for s in o.node["security"]):
        yield "security names another scope"
    for p in o.parameters:
        if p["in"] == "path" and "example" not in p:
            yield f"{p['name']} has no example"
    for status, answer in o.answers.items():
        if not re.fullmatch(r"[2345]\d\d", status) or not answer.get("description"):
            yield f"answer {status} has no description"
    if o.node.get("requestBody") and not o.bodies():
        yield "a body without an example"


def form(document):
    whole = document.whole
    ok(re.fullmatch(r"3\.1\.\d+", whole["openapi"]), "OpenAPI 3.1")
    ok({"title", "version", "license"} <= set(whole["info"]), "title, version, license")
    ids = [o.id for o in document.operations]
    equal(sorted({i for i in ids if ids.count(i) > 1}), [], "operationIds are unique")
    flaws = [(o.id, flaw) for o in document.operations for flaw in operation_flaws(o)]
    equal(flaws, [], "operations have what they must have")
    tags = {t["name"] for t in whole["tags"]}
    equal({t for o in document.operations for t in o.node["tags"]}, tags, "tags are those listed")
    references(document)


def schemas_of(document):
    """(where, schema) of each place that has one."""
    for where, node in nodes(document.whole):
        if re.fullmatch(r"#/components/schemas/[^/]+", where) or \
                (where.endswith("/schema") and not is_example(where)):
            yield where, node


def examples(document):
    flaws, count = [], 0
    for o in document.operations:
        for name, kind, value, schema in o.bodies():
            flaws += [(o.id, name, f) for f in document.flaws(value, schema)]
            count += 1
        for p in o.parameters:
            if "example" in p:
                flaws += [(o.id, p["name"], f) for f in document.flaws(p["example"], p["schema"])]
                count += 1
        for status, answer in o.answers.items():
            for media in answer.get("content", {}).values():
                for name, example in media.get("examples", {}).items():
                    flaws += [(o.id, status, f) for f in
                              document.flaws(example["value"], media["schema"], strict=True)]
                    count += 1
    for where, schema in schemas_of(document):
        for value in schema.get("examples", []) if isinstance(schema, dict) else []:
            flaws += [(where, f) for f in document.flaws(value, schema)]
            count += 1
    equal(flaws, [], f"{count} examples fit their schemas")


def schemas(document):
    from jsonschema import Draft202012Validator, SchemaError
    flaws, count = [], 0
    for where, schema in schemas_of(document):
        count += 1
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as e:
            flaws.append((where, e.message))
    equal(flaws, [], f"{count} schemas are schemas (JSON Schema 2020-12)")


with Served() as server:
    client = Client(server.port)
    answer = client.ask("GET", "/openapi.json")
    equal((answer.status, answer.headers["Content-Type"]), (200, "application/json"),
          "GET /openapi.json")
    doc = Document(answer.json)
    same_routes(doc)
    form(doc)
    schemas(doc)
    examples(doc)
    client.close()
done()

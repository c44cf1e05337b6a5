#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the table of tools: table.py OUT OPENAPI.json TOOLS.json

A tool is an operation of the OpenAPI document under another name. Its arguments are the operation's
parameters and the members of its body; its output schema is that of the operation's answer. So a
tool says what the route says, and cannot say anything else."""
import copy
import json
import pathlib
import sys

PLACES = {"path": "MCP_IN_PATH", "query": "MCP_IN_QUERY"}
AUDIENCE = {"key": "MCP_FOR_ANY", "party": "MCP_FOR_PARTY", "book": "MCP_FOR_BOOK"}
# What says the same as another member, or what the log says by itself.
LEFT_OUT = {"id", "event_id", "occurred_at"}
KEPT = {"type", "properties", "required", "items", "enum", "const", "anyOf", "allOf", "oneOf",
        "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems",
        "additionalProperties", "description", "$ref", "format", "default"}
REHEARSAL = {"type": "boolean", "description": "The same answer, and nothing is kept."}
IDEMPOTENCY = {"type": "string", "minLength": 1, "maxLength": 255,
               "description": "Sent again with the same key, this is done once and answers the same; an "
                              "answer with a secret is given once."}


def resolve(document, node):
    while "$ref" in node:
        at = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            at = at[step]
        node = at
    return node


def schema_of(node, used):
    """The schema without what is there for readers of the document alone."""
    out = {}
    for name, part in node.items():
        if name not in KEPT:
            continue
        if name == "$ref":
            used.append(part.rsplit("/", 1)[1])
            out[name] = "#/$defs/" + used[-1]
        elif name == "properties":
            out[name] = {k: schema_of(v, used) for k, v in part.items()}
        elif name in ("anyOf", "allOf", "oneOf"):
            out[name] = [schema_of(v, used) for v in part]
        elif name in ("items", "additionalProperties") and isinstance(part, dict):
            out[name] = schema_of(part, used)
        else:
            out[name] = part
    return out


def whole_schema(document, node):
    """A schema that stands alone: what it refers to is in its $defs."""
    used, done = [], {}
    out = schema_of(resolve(document, node), used)
    while used:
        name = used.pop()
        if name not in done:
            done[name] = None
            done[name] = schema_of(document["components"]["schemas"][name], used)
    if done:
        out["$defs"] = dict(sorted(done.items()))
    return out


class Argument:
    def __init__(self, row, target, place, schema, required):
        self.name = row.get("rename", {}).get(target, target) if place != "MCP_IN_KEY" else target
        self.target, self.place, self.schema, self.required = target, place, schema, required

    def type_of(self, document):
        schema = resolve(document, self.schema)
        words = all(isinstance(value, str) for value in schema.get("enum", [0]))
        kind = schema.get("type", "string" if words else None)
        return {"string": "MCP_STRING", "integer": "MCP_INTEGER",
                "boolean": "MCP_BOOLEAN"}.get(kind, "MCP_ANY")


def body_arguments(document, row, operation):
    body = operation.get("requestBody")
    if body is None:
        return []
    if "document" in row:
        d = row["document"]
        return [Argument({"rename": {}}, d["name"], "MCP_IN_DOCUMENT", d["schema"], True)]
    schema = resolve(document, body["content"]["application/json"]["schema"])
    required = set(schema.get("required", []))
    return [Argument({}, name, "MCP_IN_BODY", part, name in required)
            for name, part in schema.get("properties", {}).items()
            if name not in LEFT_OUT | set(row.get("leave", [])) and name == name.lower()]


def arguments(document, row, operation):
    out = []
    for p in operation.get("parameters", []):
        p = resolve(document, p)
        if p["in"] in PLACES and p["name"] != row.get("own") and p["name"] not in row.get("leave", []):
            schema = {**p["schema"], "description": p["description"]}
            if p["name"] == "dry_run":
                schema = REHEARSAL
            out.append(Argument(row, p["name"], PLACES[p["in"]], schema, p.get("required", False)))
    out += body_arguments(document, row, operation)
    if not row.get("read"):
        out.append(Argument(row, "idempotency_key", "MCP_IN_KEY", IDEMPOTENCY, False))
    return out


def input_schema(document, args):
    node = {"type": "object", "properties": {a.name: a.schema for a in args},
            "required": [a.name for a in args if a.required], "additionalProperties": False}
    if not node["required"]:
        del node["required"]
    return whole_schema(document, node)


def output_schema(document, operation):
    """Of the answers that say that it went well: one schema, whatever the status."""
    found = []
    for status, answer in operation["responses"].items():
        content = resolve(document, answer).get("content", {})
        if status.startswith("2") and "application/json" in content:
            schema = content["application/json"]["schema"]
            if schema not in found:
                found.append(schema)
    if len(found) != 1:
        sys.exit(f"{operation['operationId']}: {len(found)} schemas of answers")
    out = whole_schema(document, found[0])
    if out.get("type") != "object":
        sys.exit(f"{operation['operationId']}: its answer is no object")
    return out


def definition(document, row, operation, args):
    """The tool as tools/list shows it."""
    read = row.get("read", False)
    hints = {"title": row["title"], "readOnlyHint": read,
             "destructiveHint": row.get("destructive", False), "idempotentHint": True,
             "openWorldHint": row.get("world", False)}
    if read:
        del hints["destructiveHint"], hints["idempotentHint"]  # they say nothing of a reading
    elif row.get("repeats"):
        hints["idempotentHint"] = False
    return {"name": row["name"], "title": row["title"], "description": row["description"],
            "inputSchema": input_schema(document, args),
            "outputSchema": output_schema(document, operation), "annotations": hints}


def c_string(text):
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
    return f'"{text}"'


def c_long(value):
    text = json.dumps(value, separators=(",", ":"))  # ASCII alone
    return "\n        ".join(c_string(text[i:i + 90]) for i in range(0, len(text), 90))


def operations(document):
    return {o["operationId"]: o for item in document["paths"].values()
            for o in item.values() if isinstance(o, dict) and "operationId" in o}


def tool_rows(document, tools):
    by_id = operations(document)
    for row in tools["tools"]:
        operation = by_id[row["operation"]]
        args = arguments(document, row, operation)
        names = [a.name for a in args]
        if len(set(names)) != len(names):
            sys.exit(f"{row['name']}: an argument twice: {names}")
        own = [Argument({}, row["own"], "MCP_IN_OWN", {}, False)] if "own" in row else []
        yield row, args + own, definition(copy.deepcopy(document), row, operation, args)


def c_argument(document, a):
    return (f"    {{{c_string(a.name)}, {c_string(a.target)}, {a.place}, {a.type_of(document)}, "
            f"{'true' if a.required else 'false'}}},")


def c_file(document, tools):
    out = ['/* Made by src/http/mcp/table.py. */', '#include "http/mcp/table.h"', ""]
    rows = []
    for i, (row, args, tool) in enumerate(tool_rows(document, tools)):
        out += [f"static const struct mcp_argument ARGUMENTS_{i}[] = {{",
                *[c_argument(document, a) for a in args], "};"]
        rows += [f"    {{{c_string(row['name'])}, {c_string(row['operation'])},"
                 f" {AUDIENCE[row['for']]}, ARGUMENTS_{i}, {len(args)},",
                 f"        {c_long(tool)}}},"]
    out += ["const struct mcp_tool MCP_TOOLS[] = {", *rows, "};",
            f"const size_t MCP_TOOLS_COUNT = {len(tools['tools'])};", "",
            "const struct mcp_resource MCP_RESOURCES[] = {"]
    for r in tools["resources"]:
        shown = {"uriTemplate": f"{r['uri']}{{{r['parameter']}}}", "mimeType": "application/json",
                 **{k: r[k] for k in ("name", "title", "description")}}
        out.append(f"    {{{c_string(r['uri'])}, {c_string(r['operation'])}, "
                   f"{c_string(r['parameter'])}, {c_string(r['name'])}, {c_string(r['title'])},\n"
                   f"        {c_long(shown)}}},")
    out += ["};", f"const size_t MCP_RESOURCES_COUNT = {len(tools['resources'])};", ""]
    return "\n".join(out)


def main():
    out, openapi, tools = map(pathlib.Path, sys.argv[1:])
    document = json.loads(openapi.read_text(encoding="ascii"))
    out.write_text(c_file(document, json.loads(tools.read_text(encoding="utf-8"))), encoding="ascii")


main()

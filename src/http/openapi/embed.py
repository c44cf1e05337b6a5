#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Merges the parts of the OpenAPI document and writes it as a C file, with its entity tag.

usage: embed.py VERSION OUT PART...        OUT ends in .c or .json

A part that ends in .ndjson holds events: their payloads become the examples of the schemas
payload.TYPE. Which payload belongs to which type is said by the names of the schemas alone.

What the desk does to every request is said once, in desk.json, and put into each operation here:
its rules add parameters, answers and headers where the operation does not say its own.
"""
import hashlib
import json
import pathlib
import sys

import catalog

KEYS = ("bearer", "apiKey")
METHODS = ("get", "post", "put", "patch", "delete")


def no_twins(pairs):
    names = [name for name, _ in pairs]
    twins = {name for name in names if names.count(name) > 1}
    if twins:
        sys.exit(f"twice in one object: {', '.join(sorted(twins))}")
    return dict(pairs)


def merge(into, part, where):
    for name, value in part.items():
        if isinstance(into.get(name), dict) and isinstance(value, dict):
            merge(into[name], value, f"{where}/{name}")
        elif name in into:
            sys.exit(f"{where}/{name} stands in two parts")
        else:
            into[name] = value


def applies(rule, method, operation):
    """Does what a rule of desk.json asks for hold?"""
    scope = operation["x-mete-scope"]
    facts = {"method": method.upper(), "keyed": scope != "none",
             "scoped": scope not in ("none", "any"), "body": "requestBody" in operation,
             "book": operation.get("x-mete-book", True),
             "everywhere": "all" in operation["x-mete-roles"]}
    return all(facts[name] in wanted if isinstance(wanted, list) else facts[name] == wanted
               for name, wanted in rule.items())


def complete(method, operation, desk):
    scope = operation["x-mete-scope"]
    scopes = [] if scope in ("any", "none") else [scope]
    operation["security"] = [] if scope == "none" else [{name: scopes} for name in KEYS]
    for rule in desk:
        if not applies(rule["when"], method, operation):
            continue
        operation.setdefault("parameters", []).extend(rule.get("parameters", []))
        answers = operation["responses"]
        for status, answer in rule.get("responses", {}).items():
            answers.setdefault(status, answer)
        for answer in answers.values():
            if answer is not None and "$ref" not in answer:
                answer["headers"] = {**answer.get("headers", {}), **rule.get("headers", {})}
    said = operation["responses"].items()
    operation["responses"] = {k: v for k, v in sorted(said) if v is not None}  # null: not here


def event_rules(schemas):
    """if event_type is TYPE, then payload is payload.TYPE"""
    return [{"if": {"properties": {"event_type": {"const": name.removeprefix("payload.")}}},
             "then": {"properties": {"payload": {"$ref": f"#/components/schemas/{name}"}}}}
            for name in schemas if name.startswith("payload.")]


def payload_examples(schemas, path):
    for line in path.read_text(encoding="utf-8").splitlines():
        event = json.loads(line, object_pairs_hook=no_twins)
        schemas["payload." + event["event_type"]].setdefault("examples", []).append(
            event["payload"])


def document(version, paths):
    whole = {}
    desk = []
    events = None
    for path in map(pathlib.Path, paths):
        if path.suffix == ".ndjson":
            events = path
            continue
        part = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=no_twins)
        if path.name == "desk.json":
            desk = part["rules"]
        else:
            merge(whole, part, path.name)
    whole["info"]["version"] = version
    schemas = whole["components"]["schemas"]
    schemas["Event"]["allOf"] = event_rules(schemas)
    payload_examples(schemas, events)
    for name, tier in catalog.tiers().items():
        if "payload." + name in schemas:
            schemas["payload." + name]["x-mete-tier"] = tier
    for item in whole["paths"].values():
        for method in METHODS:
            if method in item:
                complete(method, item[method], desk)
    return whole


def c_file(text):
    tag = hashlib.sha256(text.encode()).hexdigest()
    lines = [text[i:i + 90] for i in range(0, len(text), 90)]
    lines = [line.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?") for line in lines]
    body = "\n".join(f'    "{line}"' for line in lines)
    return (f'#include "http/openapi/openapi.h"\n\nconst char openapi_text[] =\n{body};\n'
            f"const size_t openapi_len = sizeof openapi_text - 1;\n"
            f'const char openapi_etag[] = "\\"{tag[:32]}\\"";\n')


def main():
    version, out, *parts = sys.argv[1:]
    text = json.dumps(document(version, parts), separators=(",", ":"))  # ASCII alone
    out = pathlib.Path(out)
    out.write_text(text if out.suffix == ".json" else c_file(text), encoding="ascii")


main()

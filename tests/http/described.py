# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document as tests use it: its operations, requests made from its examples, and whether
an answer is one that it describes. Knows nothing of what the answers should say."""
import copy
import http.client
import json
import re
import warnings
from urllib.parse import quote, urlencode

warnings.simplefilter("ignore", DeprecationWarning)
import jsonschema  # noqa: E402  (Debian: python3-jsonschema; tools/setup installs it)

METHODS = ("get", "post", "put", "patch", "delete")
TRANSPORT = {"date", "content-type", "content-length", "connection", "transfer-encoding"}  # headers of HTTP itself


def pairs_once(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"a member twice: {names}")
    return dict(pairs)


def read_json(raw):
    return json.loads(raw.decode("utf-8"), object_pairs_hook=pairs_once)


def closed(schema):
    """A copy in which objects have no members but those that are named, unless the schema says so:
    clients may have to live with more, but what mete answers it has to describe."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    out = {name: closed(part) for name, part in schema.items()}
    if isinstance(out.get("properties"), dict) and out.get("type") == "object":
        out.setdefault("additionalProperties", False)
    return out


class Operation:
    def __init__(self, document, method, path, node):
        self.document, self.method, self.path, self.node = document, method.upper(), path, node
        self.id = node["operationId"]
        self.scope, self.roles = node["x-mete-scope"], node["x-mete-roles"]
        self.parameters = [document.resolve(p) for p in node.get("parameters", [])]
        self.answers = {status: document.resolve(a) for status, a in node["responses"].items()}

    def in_(self, where):
        return [p for p in self.parameters if p["in"] == where]

    def bodies(self):
        """(name, media type, value, schema) of each example."""
        content = self.node.get("requestBody", {}).get("content", {})
        return [(name, kind, example["value"], media["schema"])
                for kind, media in content.items()
                for name, example in media.get("examples", {}).items()]

    def target(self, ids=None, query=None):
        ids = ids or {}
        examples = {p["name"]: p.get("example") for p in self.in_("path")}
        path = re.sub(r"\{(\w+)\}", lambda m: quote(str(ids.get(m[1], examples[m[1]])), safe=":"),
                      self.path)
        return path + ("?" + urlencode(query) if query else "")


class Document:
    def __init__(self, document):
        self.whole = document
        self.schemas = document["components"]["schemas"]
        self.closed = closed(copy.deepcopy(self.schemas))
        self.operations = [Operation(self, method, path, item[method])
                           for path, item in document["paths"].items()
                           for method in METHODS if method in item]
        self.by_id = {o.id: o for o in self.operations}
        self.known = {}

    def find(self, method, target):
        """The operation that a request asks for, by the segments of its path; None: none. A
        parameter with x-mete-rest takes all segments that are left."""
        path = target.partition("?")[0].split("/")
        method = "GET" if method == "HEAD" else method
        for o in self.operations:
            row = o.path.split("/")
            more = len(path) - len(row)
            rest = any(p.get("x-mete-rest") for p in o.in_("path"))
            if o.method == method and (more == 0 or (more > 0 and rest)) and \
                    all(p != "" if r.startswith("{") else r == p for r, p in zip(row, path)):
                return o
        return None

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            at = self.whole
            for step in node["$ref"].removeprefix("#/").split("/"):
                at = at[step.replace("~1", "/").replace("~0", "~")]
            node = at
        return node

    def flaws(self, value, schema, strict=False):
        """What of `value` does not fit; strict: members that are not described do not fit either."""
        key = (id(schema), strict)
        if key not in self.known:
            whole = {"allOf": [closed(schema) if strict else schema],
                     "components": {"schemas": self.closed if strict else self.schemas}}
            self.known[key] = schema, jsonschema.Draft202012Validator(whole)
        return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}"[:300]
                for e in self.known[key][1].iter_errors(value)]

    def answer_of(self, operation, status):
        """The description of an answer; `operation` None: the path, or its method, has none."""
        if operation is not None:
            return operation.answers.get(str(status))
        name = {204: "Methods", 404: "NotFound", 405: "MethodNotAllowed", 400: "Unreadable", 413: "TooLarge"}
        return self.whole["components"]["responses"].get(name.get(status))

    def misfits(self, operation, answer):
        """Why an answer is not one of those that are described; [] when it is."""
        found = self.answer_of(operation, answer.status)
        if found is None:
            return [f"status {answer.status} is not described"]
        kind = (answer.headers.get("Content-Type") or "").replace(" ", "").lower()
        media = {k.replace(" ", "").lower(): m for k, m in found.get("content", {}).items()}
        known = TRANSPORT | {name.lower() for name in found.get("headers", {})}
        out = [f"header {name} is not described" for name in answer.headers.keys()
               if name.lower() not in known]
        out += [f"header {name}: {flaw}" for name, header in found.get("headers", {}).items()
                for flaw in self.header_flaws(answer, name, header)]
        if answer.head_only or not media:
            return out + (["a body that is not described"] if answer.raw else [])
        if kind not in media:
            return out + [f"content type {kind or 'none'} is not described"]
        return out + self.body_misfits(answer, kind, media[kind]["schema"])

    def header_flaws(self, answer, name, header):
        value = answer.headers.get(name)
        schema = self.resolve(header)["schema"]
        if value is None:
            return ["is missing"] if name == "X-Request-Id" else []
        number = schema.get("type") == "integer" and re.fullmatch(r"\d+", value)
        return self.flaws(int(value) if number else value, schema)

    def body_misfits(self, answer, kind, schema):
        if kind == "application/x-ndjson":
            return [flaw for line in answer.raw.splitlines()
                    for flaw in self.flaws(read_json(line), schema, strict=True)]
        try:
            coding = "latin-1" if kind == "application/octet-stream" else "utf-8"
            value = read_json(answer.raw) if "json" in kind else answer.raw.decode(coding)
        except ValueError as e:
            return [f"the body cannot be read: {e}"]
        out = self.flaws(value, schema, strict=True)
        if kind == "application/problem+json" and not out and value["status"] != answer.status:
            out.append(f"the problem has status {value['status']}")
        return out


class Answer:
    def __init__(self, status, headers, raw, head_only=False):
        self.status, self.headers, self.raw, self.head_only = status, headers, raw, head_only

    @property
    def json(self):
        return read_json(self.raw)


class Client:
    """One connection that is opened again when it was closed."""

    def __init__(self, port, key=None):
        self.port, self.key, self.connection = port, key, None

    def ask(self, method, target, body=None, headers=None, kind=None, key=None, only_begin=False):
        """`only_begin`: of an answer that does not end by itself."""
        headers = dict(headers or {})
        key = self.key if key is None else key
        if key:
            headers.setdefault("Authorization", "Bearer " + key)
        if body is not None and not isinstance(body, bytes):
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        if kind:
            headers["Content-Type"] = kind
        for last in (False, True):
            try:
                return self.once(method, target, body, headers, only_begin)
            except (http.client.RemoteDisconnected, ConnectionError):
                self.close()  # it was idle for too long
                if last:
                    raise

    def once(self, method, target, body, headers, only_begin):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        self.connection.request(method, target, body, headers)
        got = self.connection.getresponse()
        if only_begin:
            self.close()
            raw = got.read1(4096)
            got.close()
            return Answer(got.status, got.headers, raw)
        return Answer(got.status, got.headers, got.read(), method == "HEAD")

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

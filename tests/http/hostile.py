# SPDX-License-Identifier: Apache-2.0
"""Requests that nobody who reads the OpenAPI document would send, made from its schemas and examples
by chance. A method of Hostile for each kind of hostility gives the bytes of one request."""
import copy
import json
from urllib.parse import quote

TIMES = ["", "yesterday", "2025-02-30T00:00:00Z", "2025-13-01", "0000-01-01T00:00:00Z",
         "9999-12-31T23:59:60Z", "10000-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2025-01-01T24:00:00Z",
         "2025-01-01T00:00:00", "2025-01-01T00:00:00+99:99", "2025-01-01T00:00:00." + "9" * 300 + "Z",
         "-2025-01-01T00:00:00Z", "2025-01-01 00:00:00Z", "2025-W01-1", "3000-01-01T00:00:00Z"]
AMOUNTS = ["", "-1", "+1", "1e5", "1.", ".5", "1,000", "0x10", "NaN", "Infinity", "0", "0.00",
           "00001.00", "1.0000000000000000000000000000001", "9" * 36, "9" * 60, "1" + "0" * 5000, "1 ", "½", "١"]
WORDS = ["", " ", "\t\r\n", "mete:clearing", "mete:x", "../../etc/passwd", "' OR 1=1 --", "%00", "{{7*7}}",
         "\u202e\u2066", "e\u0301" * 20, "\U0001f4b0", "a@example.org", "/", "~", "~0~1", "x/0", "null",
         "\x7f", "\x01", "\ufeff", "\ufffe", "did:" + "x" * 300]
NUMBERS = ["-1", "0", "-0", "0.5", "1e0", "1E+2", "1e400", "-1e400", "1e-400", "9007199254740993",
           "9223372036854775808", "18446744073709551616", "1" + "0" * 40, "9" * 400,
           "0.1000000000000000055511151231257827", "1." + "0" * 500, "01", "+1", "1.", ".5", "NaN",
           "-Infinity", "0x1", "1_000", "--1", "1e", "1" + "0" * 20000]
ANY = [None, True, False, 0, -1, 1.5, "", "x", [], [[]], {}, {"": ""}, {"x": None}]
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
MARK = "\ue000here\ue000"  # stands for bytes that no JSON writer would write


def paths_of(value, at=()):
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) \
        if isinstance(value, list) else ()
    for name, part in items:
        yield from paths_of(part, (*at, name))


def put(value, at, new):
    """A copy of `value` with `new` at that place."""
    if not at:
        return new
    value = copy.deepcopy(value)
    holder = value
    for step in at[:-1]:
        holder = holder[step]
    holder[at[-1]] = new
    return value


def get(value, at):
    for step in at:
        value = value[step]
    return value


def written(value, raw=None):
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return text if raw is None else text.replace(json.dumps(MARK, ensure_ascii=False).encode(), raw, 1)


class Hostile:
    def __init__(self, document, chance):
        self.document, self.chance = document, chance
        self.writers = [o for o in document.operations if o.bodies()]

    def pick(self, values):
        return values[self.chance.randrange(len(values))]

    # --- what a request is made of -------------------------------------------------------------

    def request(self, o, body=b"", headers=None, target=None, method=None, length=True, kind=None):
        """The bytes of a request."""
        method = method or o.method
        lines = [f"{method} {target or self.target(o)} HTTP/1.1".encode("utf-8", "surrogatepass"),
                 b"Host: x"]
        if body and kind is not False:
            lines.append(b"Content-Type: " + (kind or b"application/json"))
        if body and length:
            lines.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join(lines + (headers or [])) + b"\r\n\r\n" + body

    def target(self, o, query=None):
        rehearse = {"dry_run": "true"} if self.chance.random() < 0.2 else {}
        return o.target(query={**rehearse, **(query or {})})

    def example(self, json_only=True):
        """An operation that takes a body, and one of its bodies with the schema."""
        found = []
        while not found:  # some take XML alone
            o = self.pick(self.writers)
            found = [(v, s) for _, _, v, s in o.bodies() if not (json_only and isinstance(v, str))]
        return (o, *self.pick(found))

    def place(self, value, of=None):
        """Somewhere in a value; `of`: where something of this type stands."""
        found = [p for p in paths_of(value) if of is None or isinstance(get(value, p), of)]
        return self.pick(found) if found else ()

    # --- bodies, from the schemas --------------------------------------------------------------

    def branch(self, schema, value):
        """The schema that speaks of this value: references and alternatives are followed."""
        schema = self.document.resolve(schema)
        for choice in ("anyOf", "oneOf"):
            parts = [self.document.resolve(s) for s in schema.get(choice, ())]
            fitting = [s for s in parts if self.fits_type(s, value)]
            if fitting and "properties" not in schema:
                return self.branch(self.pick(fitting), value)
        for rule in schema.get("allOf", ()):
            wanted = rule.get("if", {}).get("properties", {})
            if wanted and isinstance(value, dict) and \
                    all(value.get(n) == s.get("const") for n, s in wanted.items()):
                more = rule["then"]["properties"]
                schema = {**schema, "properties": {**schema["properties"], **more}}
        return schema

    def fits_type(self, schema, value):
        wanted = schema.get("type")
        named = schema.get("required", [])
        kinds = schema.get("properties", {}).get("kind", {}).get("const")
        if kinds and isinstance(value, dict) and value.get("kind") != kinds:
            return False
        if wanted in TYPES and not isinstance(value, TYPES[wanted]):
            return False
        return not isinstance(value, dict) or all(n in value for n in named)

    def descend(self, schema, value):
        """A place in the value and the schema of it."""
        at = ()
        while True:
            schema = self.branch(schema, value) if isinstance(schema, dict) else {}
            named = schema.get("properties", {})
            down = [n for n in value if n in named] if isinstance(value, dict) else \
                list(range(len(value))) if isinstance(value, list) and "items" in schema else []
            if not down or self.chance.random() < 0.15:
                return at, schema
            step = self.pick(down)
            schema = named[step] if isinstance(value, dict) else schema["items"]
            value, at = value[step], (*at, step)

    def against(self, schema, value):
        """A value that the schema forbids at this place."""
        found = []
        if "type" in schema:
            found += [v for v in ANY if type(v) is not type(value)]
        if "minLength" in schema:
            found.append("x" * (schema["minLength"] - 1))
        if "maxLength" in schema:
            found += ["x" * (schema["maxLength"] + 1), "\u00e9" * schema["maxLength"]]
        if "minimum" in schema:
            found += [schema["minimum"] - 1, -(10 ** 30)]
        if "maximum" in schema:
            found += [schema["maximum"] + 1, 10 ** 30]
        if "maxItems" in schema and isinstance(value, list) and value:
            found.append(value[:1] * (schema["maxItems"] + 1))
        if "enum" in schema or "const" in schema:
            found += ["", "other", 7, None]
        if schema.get("format") == "date-time" or schema.get("description", "").startswith("An RFC"):
            found += TIMES
        if "pattern" in schema:
            found += WORDS
        if "properties" in schema:
            found += [{}, {"x": 1}]
        return self.pick(found or ANY)

    def schema_broken(self):
        o, value, schema = self.example()
        for _ in range(self.pick([1, 1, 1, 2, 3])):
            at, part = self.descend(schema, value)
            value = put(value, at, self.against(part, get(value, at)))
        return self.request(o, written(value))

    # --- bodies, by hand -----------------------------------------------------------------------

    def wrong_type(self):
        o, value, _ = self.example()
        return self.request(o, written(put(value, self.place(value), self.pick(ANY))))

    def missing_member(self):
        o, value, _ = self.example()
        at = self.place(value, dict)
        holder = dict(get(value, at)) if isinstance(get(value, at), dict) else {}
        if holder:
            del holder[self.pick(sorted(holder))]
        return self.request(o, written(put(value, at, holder)))

    def more_members(self):
        o, value, _ = self.example()
        at = self.place(value, dict)
        holder = dict(get(value, at)) if isinstance(get(value, at), dict) else {}
        names = [*holder, "x", "", "mete:x", "__proto__", "constructor", "\u0000", "a" * 500, "x_own", "occured_at"]
        for _ in range(self.pick([1, 2, 100])):
            holder[self.pick(names) + self.pick(["", "_", "s", "Id"])] = self.pick(ANY)
        return self.request(o, written(put(value, at, holder)))

    def duplicate_key(self):
        o, value, _ = self.example()
        at = self.place(value, dict)
        holder = get(value, at)
        if not isinstance(holder, dict) or not holder:
            return self.request(o, b'{"x":1,"x":1}')
        name = self.pick(sorted(holder))
        twin = written(name) + b":" + written(self.pick([holder[name], None, "other"]))
        inner = written(holder)[:-1] + b"," + twin + b"}"
        return self.request(o, written(put(value, at, MARK), inner))

    def odd_number(self):
        o, value, _ = self.example()
        at = self.place(value, (int, float)) or self.place(value)
        return self.request(o, written(put(value, at, MARK), self.pick(NUMBERS).encode()))

    def odd_text(self):
        o, value, _ = self.example()
        at = self.place(value, str)
        return self.request(o, written(put(value, at, self.pick(WORDS))))

    def odd_amount(self):
        o, value, _ = self.example()
        found = [p for p in paths_of(value) if p and p[-1] in ("amount", "cost", "weight", "revenue")]
        at = self.pick(found) if found else self.place(value)
        return self.request(o, written(put(value, at, self.pick(AMOUNTS))))

    def odd_time(self):
        o, value, _ = self.example()
        found = [p for p in paths_of(value) if p and ("at" in str(p[-1]) or "time" in str(p[-1])
                                                      or "window" in str(p[-1]).lower())]
        at = self.pick(found) if found else self.place(value)
        return self.request(o, written(put(value, at, self.pick(TIMES))))

    def long_text(self):
        o, value, _ = self.example()
        size = self.pick([201, 457, 1000, 4096, 30000, 66000])
        return self.request(o, written(put(value, self.place(value), self.pick("x\u20ac\\\"") * size)))

    def bad_utf8(self):
        o, value, _ = self.example()
        raw = self.pick([b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"',
                         b'"\\ud800"', b'"\\udc00x"', b'"\\ud83d\\ud83d"', b'"\x80"', b'"\\u00"', b'"\\x41"'])
        return self.request(o, written(put(value, self.place(value), MARK), raw))

    def zero_byte(self):
        o, value, _ = self.example()
        raw = self.pick([b'"\\u0000"', b'"a\\u0000b"', b'"\x00"', b"\x00", b'"\\u001f"', b'"\n"'])
        return self.request(o, written(put(value, self.place(value), MARK), raw))

    def deep(self):
        o, value, _ = self.example()
        depth = self.pick([63, 64, 65, 66, 1000, 20000])
        raw = self.pick([b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth])
        return self.request(o, written(put(value, self.place(value), MARK), raw))

    def cut_short(self):
        o, value, _ = self.example()
        text = written(value)
        return self.request(o, text[:self.chance.randrange(1, len(text))])

    def garbled(self):
        o, value, _ = self.example()
        text = bytearray(written(value))
        for _ in range(self.pick([1, 1, 2, 5])):
            text[self.chance.randrange(len(text))] = self.chance.randrange(256)
        return self.request(o, bytes(text))

    def other_body(self):
        o, value, _ = self.example()
        text = written(value)
        body = self.pick([b"", b" ", b"\n\n\n", b"null", b"true", b"7", b'"x"', b"[]", b"{}", b"[{}]", b"[[]]",
                          text + text, text + b"\n" + text, text + b",", b"\xef\xbb\xbf" + text, b"[" + text + b"]",
                          text.decode().encode("utf-16"), b"a=b&c=d", b"<x/>", b"\x1f\x8b\x08\x00", b"---\n- x",
                          b'{"events":[]}', b'{"events":{}}', b'{"appId":7,"events":[' + text + b"]}",
                          b'{"specversion":"1.0"}', b"{}\n" * 300, b'"' * 999, b"}" * 999])
        return self.request(o, body)

    def other_type(self):
        o, value, _ = self.example()
        kind = self.pick([False, b"text/html", b"application/xml", b"multipart/form-data; boundary=x", b"*/*", b";;;",
                          b"application/json; charset=utf-16", b"application/x-www-form-urlencoded", b"x" * 3000])
        return self.request(o, written(value), kind=kind)

    # --- targets -------------------------------------------------------------------------------

    def odd_query(self):
        o = self.pick(self.document.operations)
        named = o.in_("query")
        query = "&".join(f"{p['name']}={self.query_value(p['schema'])}"
                         for p in self.chance.sample(named, self.chance.randrange(len(named) + 1)))
        return self.plain(o, o.target() + "?" + query)

    def query_value(self, schema):
        schema = self.document.resolve(schema)
        if schema.get("type") == "integer":
            values = [*NUMBERS[:14], "", " 1", "1 ", "1001", "%31", "1&limit=2", "1099511627777", "4294967296"]
            return quote(self.pick(values), safe="%&=")
        if schema.get("description", "").startswith("An RFC"):
            return quote(self.pick(TIMES), safe="")
        found = [quote(w, safe="") for w in WORDS] + ["x" * 5000, "%ff", "%00", "%zz", "%", "%e2%82", "a%0d%0ab:c"]
        return self.pick(found + [quote(str(v)) for v in schema.get("enum", [])])

    def strange_query(self):
        o = self.pick(self.document.operations)
        query = self.pick(["x=1", "&&&", "=", "=x", "a&b&c", "%00=1", "%ff=1", "%=1", "a=%2", "?", "?a=?b",
                           "limit=1&limit=2", "limit", "as_of", "as_of=", "dry_run=maybe", "after=1.2&after=x",
                           "&".join(f"a{i}={i}" for i in range(70)), "a=" + "b" * 9000, "party=&event=&policy=",
                           "party=did:example:alice&party=did:example:bob", "size=0", "first=2&second=1", "\u00e9=\u00e9"])
        return self.plain(o, o.target() + "?" + quote(query, safe="%&=?:"))

    def odd_id(self):
        o = self.pick([o for o in self.document.operations if o.in_("path")])
        odd = self.pick([*(quote(w, safe="") for w in WORDS), "x" * 201, "x" * 457, "x" * 6000, "%00", "a%00b", "%ff",
                         "%c0%80", "%zz", "%", "%2", "%2F", "..", ".", "%2e%2e", "a%2F..%2Fb", "+", "*", ";", "a;b=c",
                         "sale-1001%2F999999999999999999999", "sale-1001%2F1%2F2", "sale-1001%2F-1", "sale-1001%2F0",
                         "sale-1001%2F", "sale-1001%2F%2F1", "%2Fsale-1001", "sale-1001%2F1.1.1.1.1", "sale-1001/1",
                         "%E2%80%AE", "%ED%A0%80", "mete:roles", "mete:clearing", "mete%3Aresidue", "a//b"])
        head, _, tail = o.path.partition("{")
        return self.plain(o, head + odd + tail.partition("}")[2])

    def odd_path(self):
        o = self.pick(self.document.operations)
        at = o.target()
        target = self.pick([at + "/", "/" + at, at.upper(), at + "/x", at + "%20", at[:-1], at.replace("/", "//"),
                            "/." + at, "/%2e" + at, at + ";x", at + "#x", "http://elsewhere" + at, "http://", "*",
                            "/", "//", "/v1", "/..", "/%2f", "/" + "a/" * 200, "/" + "x" * 9000, "x" + at])
        return self.plain(o, target)

    def plain(self, o, target):
        body = written(self.pick([v for _, _, v, _ in o.bodies()])) if o.bodies() else b""
        return self.request(o, body, target=target)

    # --- methods and headers -------------------------------------------------------------------

    def wrong_method(self):
        o = self.pick(self.document.operations)
        method = self.pick(["HEAD", "OPTIONS", "GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "FOO", "get", "PROPFIND", "X" * 300])
        return self.request(o, self.pick([b"", b"{}"]), method=method)

    def odd_key(self):
        o = self.pick(self.document.operations)
        key = self.pick([b"Authorization: Bearer", b"Authorization: Bearer ", b"Authorization: bearer x",
                         b"Authorization: Bearer " + b"x" * 6000, b"Authorization: Bearer \xff\xfe", b"X-API-Key:",
                         b"Authorization: Basic eDp5", b"X-API-Key: mete_" + b"0" * 48, b"Authorization: ,",
                         b"Authorization: Bearer mete_" + b"0" * 48 + b"\r\nX-API-Key: x", b"X-API-Key: \xc3\xa9"])
        return self.request(o, headers=[key])

    def odd_header(self):
        o = self.pick(self.document.operations)
        body = written(self.pick([v for _, _, v, _ in o.bodies()])) if o.bodies() else b""
        name = self.pick([b"Idempotency-Key", b"If-Match", b"If-None-Match", b"X-Request-Id", b"traceparent", b"Accept",
                          b"Accept-Encoding", b"Range", b"Content-Encoding", b"X-Forwarded-For", b"Cookie", b"Origin",
                          b"X-HTTP-Method-Override", b"Upgrade", b"Last-Event-ID", b"If-Modified-Since", b"Prefer"])
        value = self.pick([b"", b"*", b"\"", b"W/\"x\"", b"\xff\xfe", b"\xc3\xa9", b"x" * 65, b"x" * 256, b"x" * 5000,
                           b"a, b, c", b"\"" + b"0" * 64 + b"\"", b"00-" + b"0" * 60, b"bytes=0-", b"gzip", b"\t", b"-1",
                           b"req_ok-1", b"DELETE", b"application/x-ndjson", b"text/html;q=0.9,*/*;q=0.1",
                           b"*/*;q=0", b"application/json;q=x", b"../x", b"%00", b"websocket", b"99999999999999999999"])
        return self.request(o, body, [name + b": " + value])

    def many_headers(self):
        o = self.pick(self.document.operations)
        count = self.pick([10, 60, 64, 65, 100])
        return self.request(o, headers=[b"X-%d: y" % i for i in range(count)])

    def body_unasked(self):
        o = self.pick([o for o in self.document.operations if not o.bodies()])
        return self.request(o, self.pick([b"{}", b"x" * 300, b"x" * 70000]))

    def too_long(self):
        o = self.pick(self.document.operations)
        size = self.pick([b"68719476736", b"67108865", b"9223372036854775807", b"18446744073709551616"])
        return self.request(o, headers=[b"Expect: 100-continue", b"Content-Length: " + size])

    def chunked(self):
        o, value, _ = self.example()
        text = written(value)
        cut = self.chance.randrange(1, len(text))
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (text[:cut], text[cut:]))
        return self.request(o, chunks + b"0\r\n\r\n", [b"Transfer-Encoding: chunked"], length=False)

    # --- no HTTP -------------------------------------------------------------------------------

    def broken_head(self):
        o = self.pick(self.document.operations)
        at = o.target().encode()
        return self.pick([
            b"GET " + at + b"\x00 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET " + at + b"\r\nHost: x\r\n\r\n",
            b"GET  " + at + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"GET " + at + b" HTTP/1.1\r\n\r\n",
            b"GET " + at + b" HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", b"\r\n\r\n\r\nGET /healthz\r\n\r\n",
            b"GET " + at + b" HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n", b"\xff\xfe\xfd\r\n\r\n",
            b"GET " + at + b" HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", b"GET " + at + b" FTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /" + b"x" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET " + at + b" HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 40000 + b"\r\n\r\n",
            b"POST " + at + b" HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            b"POST " + at + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
            b"POST " + at + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST " + at + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
            b"POST " + at + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"])

    def half_sent(self):
        whole = self.plain(self.pick(self.writers), None)
        return whole[:self.chance.randrange(1, len(whole))]

    def harmless(self):
        """Not hostile: that the server still does what it should."""
        o = self.pick(self.document.operations)
        found = [(v, k) for _, k, v, _ in o.bodies()]
        if not found:
            return self.request(o)
        value, kind = self.pick(found)
        return self.request(o, value.encode() if isinstance(value, str) else written(value),
                            kind=kind.encode())


BODIES = ("schema_broken wrong_type missing_member more_members duplicate_key odd_number odd_text odd_amount "
          "odd_time long_text bad_utf8 zero_byte deep cut_short garbled other_body other_type").split()
TARGETS = "odd_query strange_query odd_id odd_path".split()
OTHERS = "wrong_method odd_key odd_header many_headers body_unasked too_long chunked".split()
TRANSPORT = "broken_head half_sent".split()

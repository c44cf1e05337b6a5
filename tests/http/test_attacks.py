# SPDX-License-Identifier: Apache-2.0
"""covers: V-078
Attacks that once went through, or were tried by hand and should go on failing: requests that two
readers read in two ways, browsers as go-betweens, paths, ids and numbers at the edge, other services
that lie. doc/threat-model.md says whose attacks they are."""
import http.server
import json
import socket
import threading
import time

from served import Served, done, equal, event, ok

SCOPES = "revenue:write,revenue:read,policy:write,policy:read,dispute:write,earnings:read,audit:read"
USD = {"amount": "10.00", "currency": "USD"}


def raw(s, head, body=b"", wait=20):
    """Statuses of all answers to these bytes."""
    with socket.create_connection(("127.0.0.1", s.port), timeout=wait) as c:
        c.sendall(head + b"\r\n" + body)
        c.shutdown(socket.SHUT_WR)
        got = b""
        while (more := c.recv(65536)):
            got += more
    return [int(line.split()[1]) for line in got.split(b"\n") if line.startswith(b"HTTP/1.1 ")]


def post_head(*lines, path=b"/v1/events"):
    return b"\r\n".join([b"POST " + path + b" HTTP/1.1", b"Host: x", *lines, b""])


# --- smuggling -----------------------------------------------------------------------------------

def smuggling(s, key):
    auth = b"Authorization: Bearer " + key.encode()
    inner = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    e = json.dumps(event("smuggled", "party.registered", {"party": "did:s"})).encode()
    length = b"Content-Length: %d" % len(e)
    for what, lines, body in (
            ("a length and chunks", (b"Content-Length: 4", b"Transfer-Encoding: chunked"),
             b"0\r\n\r\n"),
            ("two lengths", (length, b"Content-Length: 0"), e),
            ("the same length twice", (length, length), e),
            ("a list of lengths", (b"Content-Length: %d, %d" % (len(e), len(e)),), e),
            ("a length in hex", (b"Content-Length: 0x10",), e),
            ("no length at all behind its name", (b"Content-Length: ",), e),
            ("chunks under another name", (b"Transfer-Encoding: xchunked",), e),
            ("chunks and what is not", (b"Transfer-Encoding: chunked, identity",), b"0\r\n\r\n"),
            ("two codings", (b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"),
             b"0\r\n\r\n"),
            ("a space before the colon of a coding", (b"Transfer-Encoding : chunked", length), e),
            ("a space before the colon of a length", (b"Content-Length : %d" % len(e),), e),
            ("a return in a value", (b"X-Request-Id: a\rContent-Length: 0", length), e),
            ("a line that goes on", (b"X-A: b", b" Content-Length: 3", length), e),
            ("two hosts", (b"Host: y", length), e),
            ("a name with a slash", (b"A/B: c", length), e),
            ("a chunk of negative size", (b"Transfer-Encoding: chunked",), b"-1\r\n" + e),
            ("a chunk beyond 64 bits", (b"Transfer-Encoding: chunked",),
             b"10000000000000001\r\n" + e)):
        got = raw(s, post_head(auth, *lines), body + inner)
        ok(got and set(got) <= {400, 413}, f"{what}: refused, and nothing behind it is read", got)
    equal(s.get("/v1/events/smuggled", key=key)[0], 404, "none of them wrote anything")
    equal(raw(s, b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + auth + b"\r\nContent-Length: 40\r\n",
              inner), [413], "a GET with a body: its body is no request")


# --- splitting answers ---------------------------------------------------------------------------

def splitting(s, key):
    for name, value in (("X-Request-Id", "a%0d%0aSet-Cookie: b"), ("X-Request-Id", "a b"),
                        ("X-Request-Id", "x" * 500), ("traceparent", "00-" + "\xff" * 60),
                        ("If-None-Match", '"\u00e9"')):
        _, headers, _ = s.get("/v1/manifests", key=key, headers={name: value.encode("latin-1")})
        ok(headers["X-Request-Id"].startswith("req_") and "Set-Cookie" not in headers,
           f"{name} {value[:20]!r} is not repeated", str(headers))
    for at in ("/v1/manifests/%0d%0aSet-Cookie:%20a", "/v1/events/%0aA:%20b",
               "/v1/explain/%0d%0a%0d%0a%3Cscript%3E"):
        _, headers, body = s.get(at, key=key)
        ok("Set-Cookie" not in headers and "A" not in headers
           and headers["Content-Type"].startswith("application/"),
           f"{at} is data, not headers", str(headers), body)


# --- paths, ids, numbers -------------------------------------------------------------------------

def paths(s, key):
    for at in ("/v1/../healthz", "/v1/%2e%2e/healthz", "//healthz", "/healthz/", "/healthz;a=b",
               "/healthz%00", "/healthz%2f", "/HEALTHZ", "/v1//parties", "/./healthz", "/%68ealthz",
               "/v1/parties%2fdid:a%2fbalance", "\\healthz", "/v1/events/..%2f..%2fv1/x"):
        equal(s.get(at, key=key)[0], 404, f"{at}: no path")
    for at in ("%00", "%ff", "%", "%2", "%zz", "%c0%af", "%ed%a0%80", "a%00b"):
        equal(s.get("/v1/events/" + at, key=key)[0], 400, f"an id {at}: cannot be read")
    for name, body, wanted in (("é", "did:\u00e9", 200), ("e and an accent", "did:e\u0301", 200),
                               ("right to left", "did:\u202ea", 422), ("a return", "did:\r\na", 422),
                               ("a zero-width joiner", "did:a\u200d", 422)):
        equal(s.post("/v1/events", event("u-" + name, "revenue.received",
                                         {"party": body, "amount": USD}), key=key)[0], wanted,
              f"a party called {name}")
    rows = s.get("/v1/parties?limit=1000", key=key)[2]["parties"]
    equal(len({r["party"] for r in rows}), len(rows), "each is one of its own: no two are folded")


def numbers(s, key):
    for text in ("-1", "+1", "1e3", "0x1", "1.0", "", "18446744073709551616", "9" * 40,
                 "%EF%BC%91", "1%20", "1;limit=2", "NaN", "0" * 20 + "1"):
        equal([s.get(at + text, key=key)[0] for at in
               ("/v1/events?after=", "/v1/events?limit=", "/v1/log/checkpoint?size=",
                "/v1/log/consistency?first=", "/v1/manifests?after=")], [400] * 5,
              f"{text!r} is no number")
    equal(s.get("/v1/events?limit=1&limit=1000", key=key)[0], 200, "the first of two counts")
    for text in ("0000-01-01", "99999-01-01", "2025-02-30", "2025-01-01T00:00:00", "never", "-1",
                 "2025-01-01T00:00:00.1234567890123Z"):
        equal(s.get("/v1/parties?as_of=" + text, key=key)[0], 422, f"as_of {text}: no time")
    future = s.get("/v1/parties/did%3Aa/balance?as_of=9999-12-31T23:59:59Z", key=key)[2]
    equal(sum(int(b["pending"]) for b in future["balances"]), 0, "in the end all of it is cleared")


# --- browsers ------------------------------------------------------------------------------------

def browsers():
    with Served() as s:
        here = f"127.0.0.1:{s.port}"
        e = event("b1", "party.registered", {"party": "did:b"})
        for what, headers, wanted in (
                ("a page of another site", {"Origin": "https://evil.example"}, 401),
                ("a page in a box", {"Origin": "null"}, 401),
                ("a page that is called like us", {"Origin": f"http://{here}.evil.example"}, 401),
                ("a name that was pointed here", {"Host": f"evil.example:{s.port}"}, 401),
                ("and its own page", {"Host": f"evil.example:{s.port}",
                                      "Origin": f"http://evil.example:{s.port}"}, 401),
                ("a name that begins like an address", {"Host": "127.0.0.1.evil.example"}, 401),
                ("a name with a dot at its end", {"Host": "evil."}, 401),
                ("our own page", {"Origin": f"http://{here}"}, 200),
                ("localhost", {"Host": f"localhost:{s.port}"}, 200),
                ("an address of IPv6", {"Host": f"[::1]:{s.port}"}, 200)):
            equal(s.post("/v1/events?dry_run=true", e, headers=headers)[0], wanted,
                  f"while everything is open: {what}")
            body = s.get("/", headers=headers | {"Accept": "text/html"})[2]
            equal("open to this machine" in body, wanted == 200, "and what the front page shows")
        text = s.get("/", headers={"Accept": "text/html",
                                   "Host": 'localhost"><script>alert(1)</script>'})[2]
        ok("<script>" not in text, "a Host is text in the page", text[:400])
        equal(s.get("/healthz")[2]["open"], True, "still open")
        key = s.make_key(SCOPES)
        equal((s.get("/healthz")[2]["open"], s.get("/v1/parties")[0]), (False, 401),
              "the first key closes the door at once")
        equal(s.post("/v1/events", e, key=key, headers={"Origin": "https://evil.example"})[0], 200,
              "who has a key may be a page: the browser has the key from its owner")
        ok("Access-Control-Allow-Origin" not in
           s.get("/v1/parties", key=key, headers={"Origin": "https://evil.example"})[1],
           "but no page of another site reads an answer")
        equal(s.request("OPTIONS", "/v1/parties", headers={
            "Origin": "https://evil.example", "Access-Control-Request-Method": "GET"})[1]
            .get("Access-Control-Allow-Origin"), None, "nor may it ask before")


# --- services that lie ---------------------------------------------------------------------------

class Liar:
    """A service that answers whatever `say` makes of a path: (status, headers, body)."""

    def __init__(self, say):
        liar = self
        self.paths = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                liar.paths.append(self.path)
                status, headers, body = say(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def revenue(event_id, policy):
    return event(event_id, "revenue.received", {"policy": policy, "amount": USD})


def lying_registry():
    elsewhere = Liar(lambda path: (200, {}, b"{}"))
    document = {"kind": "weights", "shares": [{"party": "did:thief", "weight": "1"}]}

    def say(path):
        if "redirect" in path:
            return 302, {"Location": elsewhere.url + "/stolen"}, b""
        if "large" in path:
            return 200, {}, b" " * (17 << 20)
        if "other" in path:
            return 200, {}, json.dumps({"id": "urn:somebody-else", **document}).encode()
        if "deep" in path:
            return 200, {}, b"[" * 100000
        if "binary" in path:
            return 200, {}, bytes(range(256))
        return 404, {}, b""

    registry = Liar(say)
    with Served("--roles", "distributions", env={"MANIFEST_REGISTRY_URL": registry.url + "/base",
                                                 "API_KEY": "an-admin-key"}) as s:
        s.key = "an-admin-key"
        for name in ("redirect", "large", "other", "deep", "binary"):
            answer = s.post("/v1/events", revenue(f"r-{name}", f"urn:{name}"))[2]
            equal(answer["results"][0]["status"], "waiting", f"{name}: the money waits for a policy")
        equal(elsewhere.paths, [], "a redirect is not followed, and nobody else gets the key")
        equal(s.get("/v1/events?limit=1000")[2]["events"][-1]["seq"], 5,
              "nothing but what was sent was booked")
        seen = len(registry.paths)
        for policy in ("..", ".", "../../admin", "a/../../b", "http://169.254.169.254/latest",
                       "@evil.example/", "?key=1", "#x", "%2e%2e", "\\..\\"):
            s.post("/v1/events?dry_run=true", revenue("p", policy))
        equal([p for p in registry.paths[seen:] if not p.startswith("/base/v1/manifests/")
               or p.count("/") != 4 or "?" in p or "#" in p], [],
              "an id is one segment below the address that was configured")
        equal(len(registry.paths) - seen, 10, "each of them was asked for")
        equal(s.get("/healthz")[0], 200, "and the server stands")


def lying_distributions():
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    stored = event("f1", "party.registered", {"party": "did:f"})
    lies = {"endless": {"events": [], "next": 0, "more": True},
            "backwards": {"events": [{"seq": 1, "recorded_at": now, "event": stored}],
                          "next": -1, "more": True},
            "future": {"events": [{"seq": 1, "recorded_at": "2999-01-01T00:00:00Z",
                                   "event": stored}], "next": 1, "more": False},
            "forms": {"events": [1, None, {"seq": "x"}, []], "next": 4, "more": False}}
    for name, answer in lies.items():
        service = Liar(lambda path, a=answer: (200, {}, json.dumps(a).encode()))
        with Served("--roles", "wallet",
                    env={"DISTRIBUTION_SERVICE_URL": service.url, "API_KEY": "k"}) as s:
            s.key = "k"
            end = time.monotonic() + 60
            while not service.paths and time.monotonic() < end:
                time.sleep(0.05)
            ok(service.paths, f"{name}: it was asked")
            seen, began = len(service.paths), time.monotonic()
            time.sleep(1.5)
            most = 2 + (time.monotonic() - began) / 2
            ok(len(service.paths) - seen <= most, f"{name}: it is not asked without end",
               len(service.paths) - seen)
            equal(s.get("/readyz")[2]["log_size"], 0, "and nothing of it was booked")


with Served() as all_of_it:
    owner = all_of_it.make_key(SCOPES)
    all_of_it.post("/v1/events", event("a1", "revenue.received", {"party": "did:a", "amount": USD}),
                   key=owner)
    smuggling(all_of_it, owner)
    splitting(all_of_it, owner)
    paths(all_of_it, owner)
    numbers(all_of_it, owner)
browsers()
lying_registry()
lying_distributions()
done()

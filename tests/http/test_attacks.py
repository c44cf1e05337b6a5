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


# --- strangers, readers, parties -----------------------------------------------------------------

def bodies_of_strangers(s, key, reader):
    """Who may not write may not make the server keep what he sends, either."""
    body = json.dumps([event(f"big-{i}", "party.registered", {"party": f"did:big:{i}"})
                       for i in range(1000)])
    ok(len(body) > 65536, "it is a large body")
    for who, shown in (("nobody", ""), ("a wrong key", "mete_" + "0" * 48)):
        equal(s.post("/v1/events", body, key=shown)[0], 401, f"{who}: a large body is not read")
    equal(s.post("/v1/manifests", body, key=reader)[0], 401, "a key without the scope, neither")
    equal(s.post("/v1/events", body, key=key)[0], 200, "a key of its own: it is")
    before = s.rss_kib()
    held = []
    for _ in range(12):
        c = socket.create_connection(("127.0.0.1", s.port), timeout=20)
        c.sendall(post_head(b"Content-Length: %d" % (64 << 20)) + b"\r\n")
        for _ in range(8):
            c.sendall(b" " * (1 << 20))
        held.append(c)
    end = time.monotonic() + 60  # until all of it is read, that is thrown away
    while s.get("/healthz")[0] != 200 and time.monotonic() < end:
        pass
    grown = s.rss_kib() - before
    ok(grown < 48 << 10, "96 MiB from strangers do not lie in memory", f"{grown} KiB")
    equal(s.post("/v1/events?dry_run=true", body, key=key)[0], 200, "nor stand in the way of others")
    for c in held:
        c.close()


def the_quarantine(s, key):
    """It is there for writers. Who only reads, or speaks for himself, cannot fill it."""
    def kept():
        return len(s.get("/v1/quarantine?limit=1000", key=s.admin)[2]["refused"])
    before = kept()
    for scopes, more in (("policy:read", ()), ("earnings:read,audit:read,revenue:read", ()),
                         ("earnings:read,dispute:write,payout:write", ("--party", "did:a"))):
        other = s.make_key(scopes, *more)
        for body in ("rubbish", {"event_id": "x"}, [1, 2], "[" * 1000,
                     event("q", "revenue.received", {"party": "did:a"}),
                     event("q", "wallet.transferred", {"from": "did:a", "to": "did:b", "amount": {
                         "amount": "999999.00", "currency": "USD"}})):
            s.post("/v1/events", body, key=other)
            s.post("/api/economic/events/ingest", body, key=other)
        equal(kept(), before, f"a key for {scopes} {' '.join(more)} leaves nothing there")
    s.post("/v1/events", "rubbish", key=key)
    equal(kept(), before + 1, "a writer's mistake is kept")


def oracles(s, key):
    """To a party's key what is another's is like what is not there, to the letter."""
    s.post("/v1/events", [
        event("o-p", "policy.published", {"policy": {"id": "urn:o", "kind": "weights", "shares": [
            {"party": "did:a", "weight": "0.5"}, {"party": "did:o", "weight": "0.5"}]}}),
        event("o-both", "revenue.received", {"policy": "urn:o", "amount": USD}),
        event("o-other", "revenue.received", {"party": "did:o", "amount": USD})], key=key)
    bound = s.make_key("earnings:read,dispute:write", "--party", "did:a")

    def told(at):
        status, _, body = s.get(at, key=bound)
        return status, {k: v for k, v in body.items() if k not in ("request_id", "as_of")}
    for at in ("/v1/explain/{}", "/v1/log/inclusion/{}", "/v1/statements?party={}",
               "/v1/parties/{}/balance", "/v1/allocations?event={}", "/v1/allocations?party={}",
               "/providers/{}/earnings"):
        nobody = told(at.format("never"))
        equal([i for i in ("o-other", "o-p", "did:o", "o-both%2F2", "o-other%2F1", "urn:o")
               if told(at.format(i)) != nobody], [], f"{at}: another's, and nobody's")
    equal(told("/v1/explain/o-both%2F1")[0], 200, "its own is there")
    equal([s.post(f"/v1/allocations/{i}/dispute", {"reason": "r"}, key=bound)[2]["detail"]
           for i in ("o-both%2F2", "o-other%2F1", "never%2F1")],
          ["there is no such allocation"] * 3, "nor does a dispute tell")
    equal(s.get("/v1/events?after=0", key=bound)[0], 403, "the whole is not for it")
    other = s.get("/v1/allocations?limit=1", key=key)[2]["next"]
    seen = s.get("/v1/allocations?after=" + other, key=bound)[2]["allocations"]
    equal({a["party"] for a in seen}, {"did:a"}, "a cursor of the whole book shows its own alone")


def outsiders(s):
    equal(s.get("/readyz")[2], {"status": "ready"}, "how much happens in a book is not for everybody")
    equal(s.get("/metrics")[0], 401, "nor are its numbers")


def terminals(s, key):
    """What steers a terminal, or turns the order of what is read, reaches none."""
    for i, text in enumerate(("\x1b]0;owned\x07", "\x1b[2J", "\u202egnp", "\u009b31m", "\0z")):
        s.post("/v1/events", event(text, "revenue.received", {"party": "did:term", "amount": USD}),
               key=key)
        s.post("/v1/events", event(f"t{i}", text, {"source": text}), key=key)
    for command in (("statement", "did:term"), ("explain", "did:term"), ("explain", "\x1b[2J"),
                    ("quarantine", "list"), ("report",), ("parties",)):
        text = s.mete(*command)
        equal([c for c in "\x1b\x07\x00\u202e\u009b" if c in text], [],
              f"mete {command[0]} prints nothing that steers")


def two_readers(s, key):
    """JSON that two parsers take for two things is refused, and so is an amount that is not exact."""
    text = ('{"event_id":"%s","event_type":"revenue.received","occurred_at":"2025-01-01T00:00:00Z",'
            '"payload":{"party":"did:j","amount":%s}}')
    for i, (amount, code) in enumerate((
            ('{"amount":"1.00","currency":"USD","amount":"9.00"}', "json_duplicate_key"),
            ('{"amount":"1.00","\\u0061mount":"9.00","currency":"USD"}', "json_duplicate_key"),
            ('{"amount":NaN,"currency":"USD"}', "json_syntax"),
            ('{"amount":9007199254740993,"currency":"USD"}', "number_inexact"),
            ('{"amount":1.10000000000000001,"currency":"USD"}', "number_inexact"),
            ('{"amount":1e2,"currency":"USD"}', "amount_invalid"),
            ('{"amount":"-1","currency":"USD"}', "amount_invalid"),
            ('{"amount":"1,00","currency":"USD"}', "amount_invalid"),
            ('{"amount":"\uff11","currency":"USD"}', "amount_invalid"),
            ('{"amount":"0.005","currency":"USD"}', "amount_scale"),
            ('{"amount":"%s","currency":"USD"}' % ("9" * 40), "amount_range"),
            ('{"amount":"1.00","currency":"USD\\u0000"}', "currency_unknown"))):
        answer = s.post("/v1/events", text % (f"j{i}", amount), key=key)
        equal((answer[0], answer[2]["results"][0]["code"]), (422, code), amount[:50])
    answer = s.post("/v1/events", text % ("\\ud800", json.dumps(USD)), key=key)
    equal(answer[2]["results"][0]["code"], "json_utf8", "half a character")
    equal(s.get("/v1/parties/did%3Aj/balance", key=key)[0], 404, "none of it was booked")


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
            equal(s.get("/v1/log/checkpoint")[2].split("\n")[1], "0",
                  "and nothing of it was booked")


with Served() as all_of_it:
    owner = all_of_it.make_key(SCOPES)
    all_of_it.post("/v1/events", event("a1", "revenue.received", {"party": "did:a", "amount": USD}),
                   key=owner)
    smuggling(all_of_it, owner)
    splitting(all_of_it, owner)
    paths(all_of_it, owner)
    numbers(all_of_it, owner)
    all_of_it.admin = all_of_it.make_key("admin")
    bodies_of_strangers(all_of_it, owner, all_of_it.make_key("policy:read"))
    the_quarantine(all_of_it, owner)
    oracles(all_of_it, owner)
    outsiders(all_of_it)
    terminals(all_of_it, owner)
    two_readers(all_of_it, owner)
browsers()
lying_registry()
lying_distributions()
done()

# SPDX-License-Identifier: Apache-2.0
"""covers: F-027
The Idempotency-Key of every POST: the first answer again, another body refused, one at a time."""
import json
import socket
import threading

from served import SANITIZED, Served, done, equal, event, note, ok

USD = {"amount": "1.00", "currency": "USD"}


def fact(event_id, amount="1.00"):
    return event(event_id, "revenue.received",
                 {"party": "did:p", "amount": {"amount": amount, "currency": "USD"}})


def post(s, idem, body, path="/v1/events", **more):
    return s.post(path, body, headers={"Idempotency-Key": idem}, **more)


def balance(s, key):
    return s.get("/v1/parties/did:p/balance", key=key)[2]["balances"][0]["pending"]


def the_first_answer(s, a, b):
    first = post(s, "k1", fact("e1"), key=a)
    equal((first[0], first[2]["results"][0]["status"], first[1].get("Idempotency-Hit")),
          (200, "applied", None), "the first time")
    again = post(s, "k1", fact("e1"), key=a)
    equal((again[0], again[2], again[1].get("Idempotency-Hit")), (200, first[2], "true"),
          "the second time: the first answer, and a header that says so")
    ok(first[1]["X-Request-Id"] != again[1]["X-Request-Id"], "each request has its own id")
    status, _, body = post(s, "k1", fact("e2"), key=a)
    equal((status, body["code"]), (422, "idempotency_mismatch"), "another body")
    equal(post(s, "k1", fact("e1"), "/v1/events?dry_run=true", key=a)[0], 422, "another query")
    equal(post(s, "k1", fact("e1"), "/api/economic/events/ingest", key=a)[0], 422, "another path")
    equal(post(s, "k1", fact("e1"), key=b)[2]["results"][0]["status"], "duplicate",
          "another API key knows nothing of it; the event id does")
    equal(post(s, "k2", fact("e1"), key=a)[2]["results"][0]["status"], "duplicate",
          "another Idempotency-Key, too")
    refused = post(s, "k3", {"event_id": "x"}, key=a)
    equal((refused[0], post(s, "k3", {"event_id": "x"}, key=a)[2]), (422, refused[2]),
          "a refusal is an answer")
    missing = post(s, "k4", "", "/v1/nothing", key=a)
    equal((missing[0], post(s, "k4", fact("e9"), key=a)[0]), (404, 200),
          "what was not worked on leaves the key free")
    document = {"id": "urn:p", "kind": "single", "party": "did:p"}
    made = post(s, "k5", document, "/v1/manifests", key=a)
    again = post(s, "k5", document, "/v1/manifests", key=a)
    equal((made[0], again[0], again[1]["ETag"], again[2]), (201, 201, made[1]["ETag"], made[2]),
          "status and headers come back as they were")
    equal(again[1]["Content-Type"], made[1]["Content-Type"], "with their type")
    equal(s.request("GET", "/v1/events", headers={"Idempotency-Key": "k1"}, key=a)[0], 200,
          "a GET has no use for one")
    for bad in ("", "x" * 256):
        equal(post(s, bad, fact("e1"), key=a)[0], 400, f"a key of {len(bad)} characters")
    equal(post(s, "x" * 255, fact("e1"), key=a)[0], 200, "255 are fine")
    equal(post(s, "k6", "{}", key="mete_wrong")[0], 401, "without authority")
    equal(post(s, "k6", fact("e6"), key=a)[0], 200, "a key is not used up")


def secrets(s, admin, worker):
    """A secret is shown once. What is sent again is not done again, and hears why it hears less."""
    def again(method, path, body, wanted, key, why):
        def ask():
            return s.request(method, path, body, {"Idempotency-Key": "secret " + why}, key)
        first = ask()
        equal((first[0], first[1].get("Cache-Control")), (wanted, "no-store"), f"{why}: the first time")
        held = len(s.get("/api/auth/keys", key=admin)[2]["keys"])
        second = ask()
        equal((second[0], second[2].get("code"), second[1].get("Idempotency-Hit")),
              (409, "idempotency_secret", "true"), f"{why}: sent again")
        equal(len(s.get("/api/auth/keys", key=admin)[2]["keys"]), held, f"{why}: done once")
        equal(s.request(method, path, {"scopes": ["admin"], "rails": ["y"], "keep_s": 1},
                        {"Idempotency-Key": "secret " + why}, key)[2].get("code"),
              "idempotency_mismatch", f"{why}: bound to its body as any")
        return first[2]

    made = again("POST", "/api/auth/keys", {"scopes": ["earnings:read"]}, 201, admin, "a key made")
    path = "/api/auth/keys/" + made["key_id"]
    again("PUT", path, {"keep_s": 60}, 201, admin, "a key replaced")
    again("POST", "/v1/payouts/claims", {"rails": ["x"]}, 200, worker, "payouts claimed")
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "create_key", "arguments": {"scopes": ["earnings:read"]}}}
    again("POST", "/mcp", call, 200, admin, "a key made by a tool")
    refused = [post(s, "secret refused", {"scopes": ["sudo"]}, "/api/auth/keys", key=admin)
               for _ in range(2)]
    equal([(r[0], r[2], r[1].get("Idempotency-Hit")) for r in refused],
          [(400, refused[0][2], None), (400, refused[0][2], "true")], "a refusal holds no secret")
    ended = [s.request("DELETE", path, headers={"Idempotency-Key": "end"}, key=admin)
             for _ in range(2)]
    equal([(e[0], e[2], e[1].get("Idempotency-Hit")) for e in ended],
          [(200, ended[0][2], None), (200, ended[0][2], "true")], "DELETE has keys, too")


def dry_runs(s, a):
    path = "/v1/events?dry_run=true"
    first = post(s, "d1", fact("dry"), path, key=a)
    equal(post(s, "d1", fact("dry"), path, key=a)[2], first[2], "rehearsals have keys, too")
    equal(s.get("/v1/events/dry", key=a)[0], 404, "and write nothing")


def one_at_a_time(s, a):
    """Many clients at once with one key: one works, the others hear so or get its answer."""
    body = json.dumps([fact(f"many-{i}", "0.01") for i in range(3000)])
    answers = []
    start = threading.Barrier(16)

    def client():
        start.wait()
        answers.append(post(s, "together", body, key=a))

    threads = [threading.Thread(target=client) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    worked = [x for x in answers if x[0] == 200 and "Idempotency-Hit" not in x[1]]
    running = [x for x in answers if x[0] == 409]
    hits = [x for x in answers if x[0] == 200 and x[1].get("Idempotency-Hit") == "true"]
    note(f"16 at once: {len(worked)} worked, {len(running)} told to wait, {len(hits)} answered again")
    equal((len(worked), len(worked) + len(running) + len(hits)), (1, 16), "one of sixteen works")
    ok(len(running) > 0, "some meet it at work")
    equal({(x[2]["code"], x[2]["retryable"], x[1]["Retry-After"] is not None)
           for x in running}, {("idempotency_running", True, True)}, "and may ask again")
    equal({r["status"] for r in worked[0][2]["results"]}, {"applied"}, "all is applied once")
    equal(post(s, "together", body, key=a)[2], worked[0][2], "later all have its answer")


def bounded(s, a):
    """More keys than are kept: the oldest is forgotten, memory stays."""
    post(s, "oldest", fact("e1"), key=a)
    before = s.rss_kib()
    with socket.create_connection(("127.0.0.1", s.port), 60) as c:
        for first in range(0, 10000, 50):
            c.sendall(b"".join(
                b"POST /v1/follow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                b"Authorization: Bearer %s\r\nIdempotency-Key: fill-%d\r\n\r\n" %
                (a.encode(), i) for i in range(first, first + 50)))
            got = b""
            while got.count(b"X-Request-Id") < 50:
                more = c.recv(1 << 16)
                if not more:
                    raise RuntimeError("the connection ended")
                got += more
    grown = s.rss_kib() - before
    note(f"10,000 kept answers: {grown} KiB more")
    most = 40000 if not SANITIZED else 400000
    ok(grown < most, "10,000 answers fit into memory", f"{grown} KiB")
    hit = post(s, "oldest", fact("e1"), key=a)
    equal((hit[1].get("Idempotency-Hit"), hit[2]["results"][0]["status"]), (None, "duplicate"),
          "the oldest is forgotten; its event id is not")
    equal(s.post("/v1/follow", "", key=a,
                 headers={"Idempotency-Key": "fill-9999"})[1].get("Idempotency-Hit"), "true",
          "the newest is there")


def payments(s, a):
    """Of the same amount, without ids: what tells them apart is the key alone."""
    body = {"manifestId": "urn:p", "revenue": {"amount": 2500, "currency": "USD"}}
    had = int(balance(s, a))
    ids = []
    for again in (False, True):
        for idem, wanted, more in (("order-1", 201, 250000), ("order-2", 201, 500000), (None, 201, 750000)):
            headers = {"Idempotency-Key": idem} if idem else {}
            status, _, answer = s.post("/revenue/distribute", body, headers=headers, key=a)
            equal((status, int(balance(s, a)) - had), (200 if again else wanted, 750000 if again else more),
                  f"a payment {'that is sent again after a restart, ' if again else ''}with the key {idem}")
            ids.append(answer["event_id"])
        s.stop()
        s.start()
    equal((len(set(ids)), ids[:3]), (3, ids[3:]), "each has an id of its own, and keeps it")


with Served() as s:
    a = s.make_key("revenue:write,revenue:read,policy:write,earnings:read")
    b = s.make_key("revenue:write")
    the_first_answer(s, a, b)
    dry_runs(s, a)
    secrets(s, s.make_key("admin"), s.make_key("payout:work"))
    one_at_a_time(s, a)
    bounded(s, a)
    had = balance(s, a)
    equal(s.stop(), 0, "it stops as it should")
    s.start()
    equal((post(s, "k1", fact("e1"), key=a)[2]["results"][0]["status"], balance(s, a)),
          ("duplicate", had), "a restart forgets answers, and still nothing counts twice")
    payments(s, a)
done()

# SPDX-License-Identifier: Apache-2.0
"""covers: F-002 V-108
The way in and out: events are posted, read back, explained, and survive the server."""
from served import Served, done, equal, event, ok

SHARES = [{"party": "did:a", "weight": "0.6"}, {"party": "did:b", "weight": "0.4"}]

with Served() as s:
    equal(s.get("/healthz")[2]["open"], True, "without keys, on loopback, everything is open")
    status, _, body = s.post("/v1/events", event("p", "policy.published",
                             {"policy": {"id": "urn:p", "kind": "weights", "shares": SHARES}}))
    equal((status, body["results"][0]["status"], body["log"]["size"]), (200, "applied", 1),
          "a policy is published")
    revenue = event("e1", "revenue.received",
                    {"policy": "urn:p", "amount": {"amount": "10.00", "currency": "USD"}})
    equal(s.post("/v1/events?dry_run=true", revenue)[2]["results"][0]["status"], "applied",
          "a rehearsal answers")
    equal(s.get("/v1/events/e1")[0], 404, "and leaves nothing")
    equal(s.post("/v1/events", [revenue, revenue])[2]["results"],
          [{"event_id": "e1", "status": "applied"}, {"event_id": "e1", "status": "duplicate"}],
          "an array, item by item")
    revenue["payload"]["amount"]["amount"] = "11.00"
    status, headers, body = s.post("/v1/events", revenue)
    equal((status, body["results"][0]["code"]), (409, "conflict"), "one conflict is a 409")
    equal(s.post("/v1/events", {"event_id": "x"})[0], 422, "one refused event is a 422")
    equal(s.post("/v1/events", "not json")[0], 422, "what is no JSON is refused")
    equal(s.get("/v1/parties/did:a/balance")[2]["balances"][0]["pending"], "600", "a balance")
    equal(s.get("/v1/events?after=1")[2]["events"][0]["event"]["event_id"], "e1", "the feed")
    equal(s.post("/healthz", "")[0], 405, "a path with another method")
    for sent, wanted in (({"X-Request-Id": "order-17.b"}, "order-17.b"),
                         ({"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
                          "0af7651916cd43dd8448eb211c80319c")):
        equal(s.request("GET", "/v1/events/never", headers=sent)[1]["X-Request-Id"], wanted,
              "a request keeps the id that its client or its trace gave it")
        equal(s.request("GET", "/v1/events/never", headers=sent)[2]["request_id"], wanted,
              "a problem names it")
    ids = [s.get("/healthz")[1]["X-Request-Id"] for _ in range(3)]
    equal(len(set(ids)), 3, "who has none gets one of his own")
    equal(s.get("/healthz")[1]["Content-Type"], "application/json", "JSON says so")
    head = s.get("/readyz")[2]["log_size"]
    equal(s.stop(), 0, "SIGTERM ends it")
    s.start()
    equal(s.get("/readyz")[2]["log_size"], head, "and nothing is lost")
    ok("explain" not in s.get("/v1/explain/e1")[2], "an explanation")
done()

# SPDX-License-Identifier: Apache-2.0
"""covers: R-038 R-039
Keys over HTTP: made, listed, replaced and ended by administrators of one book, who do not see those of
another. What a key may move at once is bounded by its limits, by whatever way it asks."""
import time
from urllib.parse import quote

from served import Served, done, equal, event, ok, until

POLICY = event("p", "policy.published", {"policy": {
    "id": "urn:p", "kind": "weights",
    "shares": [{"party": "did:a", "weight": "0.6"}, {"party": "did:b", "weight": "0.4"}]}})
KEYS = "/api/auth/keys"


def life(s, other):
    status, headers, made = s.post(KEYS, {"scopes": ["earnings:read", "dispute:write"],
                                          "party": "did:a", "note": "of an agent",
                                          "limits": " USD=6.00,  EUR=5 "})
    equal((status, made["book"], made["standing"], made["party"], made["limits"]),
          (201, "main", "valid", "did:a", "USD=6.00 EUR=5"), "a key is made")
    equal(headers["Cache-Control"], "no-store", "and its answer is kept by nobody in between")
    equal(s.get("/v1/parties/did:a/balance", key=made["key"])[0], 200, "it opens what is its party's")
    equal(s.get("/v1/parties/did:b/balance", key=made["key"])[0], 404, "and nothing else")
    listed = {k["key_id"]: k for k in s.get(KEYS)[2]["keys"]}
    equal(listed[made["key_id"]], {k: v for k, v in made.items() if k != "key"},
          "it is listed, without itself")
    equal([s.request("DELETE", f"{KEYS}/{made['key_id']}", key=other)[0],
           s.request("PUT", f"{KEYS}/{made['key_id']}", key=other)[0]], [404, 404],
          "administrators of another book do not see it")
    ok(made["key_id"] not in {k["key_id"] for k in s.get(KEYS, key=other)[2]["keys"]}, "nor list it")
    status, _, new = s.request("PUT", f"{KEYS}/{made['key_id']}", {"keep_s": 3600})
    equal((status, new["scopes"], new["party"], new["limits"]),
          (201, made["scopes"], "did:a", "USD=6.00 EUR=5"), "one that may do the same takes its place")
    equal([s.get("/v1/parties/did:a/balance", key=k)[0] for k in (made["key"], new["key"])],
          [200, 200], "for an hour both open")
    status, _, ended = s.request("DELETE", f"{KEYS}/{made['key_id']}")
    equal((status, ended["standing"]), (200, "revoked"), "it is ended before")
    until("a second later it opens nothing",
          lambda: s.get("/v1/parties/did:a/balance", key=made["key"])[0] == 401)
    equal(s.request("PUT", f"{KEYS}/{made['key_id']}")[0], 404, "what has ended is not replaced")
    return new["key"]


def wrong(s):
    for body, why in (({}, "no scopes"), ({"scopes": []}, "none"), ({"scopes": ["sudo"]}, "no such scope"),
                      ({"scopes": ["admin"], "producer": "me"}, "no such producer"),
                      ({"scopes": ["admin"], "limits": "USD"}, "no limit"),
                      ({"scopes": ["admin"], "limits": "USD=-1"}, "below nothing"),
                      ({"scopes": ["admin"], "limits": "=1"}, "of nothing"),
                      ({"scopes": ["admin"], "party": 7}, "no party"),
                      ({"scopes": ["admin"], "expires_at": "soon"}, "no time"), ([], "no object"),
                      ({"scopes": ["admin"], "expires": "2025-01-01"}, "a member that nobody knows")):
        status = s.post(KEYS, body)[0]
        ok(status in (400, 422), f"refused: {why}", status)
    some = s.post(KEYS, {"scopes": ["earnings:read"]})[2]["key_id"]
    status, _, body = s.request("PUT", f"{KEYS}/{some}", {"keep": 0})
    equal((status, body.get("code"), body.get("pointer")), (422, "member_unknown", "/keep"),
          "nor is a key replaced with one")
    for scopes, party in (("audit:read,earnings:read", ()), ("admin", ("--party", "did:a"))):
        weak = s.make_key(scopes, *party)
        equal([s.get(KEYS, key=weak)[0], s.post(KEYS, {"scopes": ["admin"]}, key=weak)[0],
               s.request("DELETE", KEYS + "/key_0", key=weak)[0]], [403, 403, 403],
              f"keys are an administrator's, not of {scopes} {party}")


def limits(s, agent):
    """6.00 of each sale of 10.00 is the agent's; its limit is 6.00 of USD."""
    def dispute(allocation, **more):
        return s.post(f"/v1/allocations/{quote(allocation, safe='')}/dispute", {"reason": "x"}, key=agent, **more)

    def called(allocation):
        return s.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "dispute", "arguments": {"allocation_id": allocation, "reason": "x"}}}, key=agent)[2]

    rows = {(r["event_id"], r["asset"]): r["allocation_id"]
            for r in s.get("/v1/allocations?party=did:a&limit=100")[2]["allocations"]}
    equal(dispute(rows["small", "USD/2"])[0], 201, "a share as large as the limit")
    status, _, body = dispute(rows["large", "USD/2"])
    equal((status, body["code"]), (403, "key_limit"), "a larger one")
    ok("6.01 USD" in body["detail"] and "6.00" in body["detail"], "in words", body)
    equal(dispute(rows["yen", "JPY/0"])[2]["code"], "key_limit", "an asset that the limits do not name")
    refused = called(rows["large", "USD/2"])["result"]
    equal((refused["isError"], refused["_meta"]["mete/problem"]["code"]), (True, "key_limit"),
          "by a tool as by a route")
    sent = s.post("/v1/events", [event("e", "allocation.disputed", {
        "allocation_id": rows["large", "USD/2"], "reason": "x"},
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))], key=agent)
    equal(sent[2]["results"][0]["code"], "key_limit", "as an event of its own")
    free = s.make_key("dispute:write", "--party", "did:a")
    equal(s.post(f"/v1/allocations/{quote(rows['large', 'USD/2'], safe='')}/dispute", {"reason": "x"}, key=free)[0], 201,
          "a key without limits has none")
    given = s.make_key("payout:write", "--limit", "USD=1.00")
    moved = {"from": "did:b", "to": "did:a", "amount": {"amount": "1.01", "currency": "USD"}}
    answer = s.post("/v1/events", [event("t", "wallet.transferred", moved)], key=given)
    equal(answer[2]["results"][0]["code"], "key_limit", "nor may more be handed on")
    s.post("/v1/events", [
        event("rate", "fx.rate_set", {"base": "EUR", "quote": "USD", "rate": "1.25", "provider": "ECB",
                                      "as_of": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}),
        event("clear", "book.configured", {"clear_after_days": 0}, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())),
        event("euros", "revenue.received", {"party": "did:b", "amount": {"amount": "9.00", "currency": "EUR"}},
              time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))])
    changer = s.make_key("payout:write", "--limit", "EUR=2.00")

    def convert(name, amount, to="USD", key=changer):
        body = {"party": "did:b", "amount": {"amount": amount, "currency": "EUR"}, "to": to}
        return s.post("/v1/events", [event(name, "fx.converted", body)], key=key)[2]["results"][0]

    equal(convert("c1", "2.01").get("code"), "key_limit", "nor may more be exchanged")
    equal(convert("c2", "1.00", key=given).get("code"), "key_limit", "nor an asset that the limits do not name")
    equal(convert("c3", "2.00")["status"], "applied", "as much may")
    shown = s.mete("key", "list")
    ok("USD=6.00 EUR=5" in shown and "USD=1.00" in shown, "mete key list shows them", shown)


def main():
    with Served() as s:
        s.key = s.make_key("revenue:write,policy:write,earnings:read,audit:read,admin")
        other = s.make_key("admin", "--book", "other")
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        s.post("/v1/events", [
            event("book", "book.configured", {"clear_after_days": 7}), POLICY,
            *[event(name, "revenue.received", {"policy": "urn:p", "amount": {
                "amount": amount, "currency": currency}}, now)
              for name, amount, currency in (("small", "10.00", "USD"), ("large", "10.02", "USD"),
                                             ("yen", "5", "JPY"))]])
        agent = life(s, other)
        wrong(s)
        limits(s, agent)


main()
done()

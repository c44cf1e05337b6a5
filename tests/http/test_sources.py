# SPDX-License-Identifier: Apache-2.0
"""covers: F-001 F-010 F-020 F-023
covers: B-001 B-003 B-004 B-009 B-042 B-070 B-074 B-075 B-076
covers: R-033 R-039 V-078 M-090
The routes that the clients of the sources call, with the bodies that they send."""
import http.client
import json
import time

from served import Served, done, equal, event, ok

MANIFEST = {"id": "urn:fair:cli:stripe-cli-v1.2.0", "title": "stripe-cli", "created_by": "did:x:org",
            "created_at": "2025-01-01T00:00:00Z",
            "contributors": [
                {"actor": {"id": "did:ethr:0xA", "name": "Ada"}, "role": "author", "weight": 0.6},
                {"actor": {"id": "did:ethr:0xB", "name": "Bob"}, "role": "editor", "weight": 0.4}]}
URN = MANIFEST["id"]
PATH = "/v1/manifests/" + URN


def report(cost="0.01", calls=3, **more):
    return {"cliId": URN, "customerWallet": "did:customer",
            "usage": [{"timestamp": f"2025-01-01T10:0{i}:00.000Z", "endpoint": "/v1/charges",
                       "cost": float(cost), "fairAttribution": URN} for i in range(calls)], **more}


def raw(s, body):
    """POST /usage as fetch sends a string: no Content-Type of JSON."""
    c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=30)
    c.putrequest("POST", "/usage")
    c.putheader("Content-Length", str(len(body)))
    c.endheaders(body.encode())
    answer = c.getresponse()
    out = answer.status, json.loads(answer.read())
    c.close()
    return out


def metered(s):
    return [e["event"] for e in s.get("/v1/events?limit=1000")[2]["events"]
            if e["event"]["event_type"] == "usage.metered"]


def manifests(s):
    status, headers, body = s.post("/v1/manifests", MANIFEST)
    equal((status, body["status"], body["version"]), (201, "applied", 1), "a manifest is published")
    etag = headers["ETag"]
    equal(etag, body["etag"], "its ETag is a header too")
    status, headers, body = s.get(PATH)
    equal((status, body), (200, MANIFEST), "it is read back as it was sent, names included")
    equal(headers["ETag"], etag, "with its ETag")
    equal(s.get(PATH, headers={"If-None-Match": etag})[0], 304, "not again when it is known")
    equal(s.post("/v1/manifests", MANIFEST)[0], 200, "publishing it again changes nothing")
    second = json.loads(json.dumps(MANIFEST))
    second["contributors"][0]["weight"], second["contributors"][1]["weight"] = 0.5, 0.5
    status, _, body = s.post("/v1/manifests", second, headers={"If-Match": '"' + "0" * 64 + '"'})
    equal((status, body["code"]), (412, "precondition_failed"), "If-Match of another version")
    equal(s.get(PATH + "?meta=true")[2]["versions"], 1, "published nothing")
    equal(s.post("/v1/manifests", second, headers={"If-None-Match": "*"})[0], 412,
          "If-None-Match: * when there is one")
    status, headers, body = s.post("/v1/manifests", second, headers={"If-Match": etag})
    equal((status, body["version"]), (201, 2), "If-Match of the newest version")
    ok(headers["ETag"] != etag, "which is another ETag then")
    equal(s.get(PATH + "?version=1")[2], MANIFEST, "the first version is still there")
    equal(s.get(PATH)[2]["contributors"][0]["weight"], 0.5, "the newest is what one gets")
    equal(s.get(PATH + "?version=3")[0], 404, "no such version")
    equal(s.get("/v1/manifests/urn:none")[0], 404, "no such manifest")
    for i in range(4):
        s.post("/v1/manifests", {"id": f"urn:p{i}", "kind": "single", "party": f"did:{i}"})
    seen, after = [], 0
    while after is not None:
        page = s.get(f"/v1/manifests?limit=2&after={after}")[2]
        seen += [m["id"] for m in page["manifests"]]
        after = page["next"]
    equal(seen, [URN, "urn:p0", "urn:p1", "urn:p2", "urn:p3"], "the list, page by page")
    s.post("/v1/events", event("ev", "policy.published",
                               {"policy": {"id": "urn:ev", "kind": "single", "party": "did:ev"}}))
    equal(s.get("/v1/manifests/urn:ev")[2]["party"], "did:ev", "published by an event: found too")
    equal(s.post("/v1/manifests?dry_run=true", {"id": "urn:dry", "kind": "single",
                                                "party": "did:1"})[0], 201, "a rehearsal")
    equal(s.get("/v1/manifests/urn:dry")[0], 404, "publishes nothing")


def long_ids(s):
    """Longer than any id may be, and than a key of the state has room for."""
    for size in (201, 254, 255, 256, 5000):
        name = "u" * size
        document = {"id": name, "kind": "single", "party": "did:x"}
        for headers in ({}, {"If-None-Match": "*"}):
            status, _, body = s.post("/v1/manifests", document, headers=headers)
            equal((status, body["pointer"]), (422, "/id"), f"a manifest with an id of {size} bytes")
        equal(s.get("/v1/manifests/" + name)[0], 404, "there is none")
        for path in ("/v1/events/", "/v1/explain/", "/v1/log/inclusion/"):
            equal(s.get(path + name)[0], 404, f"{path}...")
        for path in (f"/v1/parties/{name}/balance", f"/providers/{name}/earnings",
                     f"/v1/allocations?policy={name}", f"/v1/allocations?party={name}",
                     f"/v1/statements?party={name}&from=2025-01-01&to=2025-01-02"):
            ok(s.get(path)[0] in (200, 404, 422), f"{path[:20]}...", s.get(path))
        ok(s.post("/revenue/distribute", {"policy": name, "amount": {
            "amount": "1", "currency": "USD"}})[0] in (400, 422), "revenue for it")


def validation(s):
    for path in ("/validate", "/v1/manifests/validate"):
        equal(s.post(path, MANIFEST)[2], {"valid": True, "errors": []}, path + ": valid")
    bad = json.loads(json.dumps(MANIFEST))
    bad["contributors"][0]["weight"] = "much"
    bad["contributors"][1]["actor"] = 7
    status, _, body = s.post("/validate", bad)
    equal((status, body["valid"]), (200, False), "an invalid manifest")
    equal(sorted(e["pointer"] for e in body["errors"]),
          ["/contributors/0/weight", "/contributors/1/actor", "/contributors/1/id"], "every field that is wrong")
    equal(sorted(body["errors"][0]), ["code", "message", "pointer"], "each with code and message")
    equal(s.post("/validate", "{")[2]["errors"][0]["code"], "json_syntax", "what is no JSON")


def usage(s):
    status, body = raw(s, json.dumps(report()))
    equal((status, [r["status"] for r in body["results"]]), (200, ["applied"]),
          "a usage report without Content-Type")
    equal(body["report_id"].split(":")[0], "sha256", "its id is made from the body")
    p = metered(s)[0]["payload"]
    equal((p["cost"]["amount"], p["calls"], p["customer_wallet"]),
          ("0.030000000000000000", 3, "did:customer"), "three calls of 0.01 are exactly 0.03")
    equal(raw(s, json.dumps(report(), indent=1))[1]["results"][0]["status"], "duplicate",
          "the same report again, in other white space, counts once")
    mine = report(report_id="r1")
    equal(s.post("/usage", mine)[2]["results"][0]["status"], "applied", "with a report_id")
    equal(s.post("/usage", mine)[2]["results"][0]["status"], "duplicate", "sent again")
    before = len(metered(s))
    other = report(report_id="r1", calls=2)
    other["usage"].append({"timestamp": "2025-01-01T12:00:00Z", "endpoint": "/new", "cost": 1})
    status, _, body = s.post("/usage", other)
    equal((status, body["code"], body["pointer"]), (409, "conflict", "/report_id"),
          "another report with that id")
    equal(len(metered(s)), before, "leaves nothing, not even what is new in it")
    late = report(report_id="r4")
    late["usage"][0].update(timestamp="2999-01-01T00:00:00Z")
    equal([r["status"] for r in s.post("/usage", late)[2]["results"]], ["refused", "applied"],
          "a call from the future is refused, the others are not")
    before = len(metered(s))
    late["usage"][0].update(timestamp="2025-01-03T00:00:00Z")
    equal((s.post("/usage", late)[0], len(metered(s))), (409, before),
          "nor does a corrected one count under that id, not even in part")
    many = {"cliId": URN, "report_id": "r2", "usage": [
        {"timestamp": f"2025-01-02T{h:02}:30:00Z", "endpoint": e, "cost": 0.1}
        for h in (1, 2) for e in ("/a", "/b") for _ in range(5)]}
    equal(len(s.post("/usage", many)[2]["results"]), 4, "one event for each endpoint and hour")
    for body, pointer in (("[]", None), ("{", None), ({"usage": []}, "/cliId"), ({"cliId": URN}, "/usage"),
                          ({"cliId": URN, "usage": [{}]}, "/usage/0/timestamp"),
                          ({"cliId": URN, "usage": [{"timestamp": "2025-01-01T00:00:00Z",
                                                     "endpoint": "/a", "cost": -1}]}, "/usage/0/cost")):
        status, _, answer = s.post("/usage", body)
        equal((status, answer.get("pointer") if pointer else None), (400, pointer),
              f"a malformed report: {pointer}")
    unknown = report(report_id="r3")
    unknown["cliId"] = "urn:fair:cli:nobody"
    for u in unknown["usage"]:
        del u["fairAttribution"]
    equal(s.post("/usage", unknown)[2]["results"][0]["status"], "applied",
          "usage for a manifest that nobody published is kept")
    close = {"policy": "urn:fair:cli:nobody", "day": "2025-01-01"}
    r = s.post("/v1/events", event("close", "metering.closed", close, "2025-01-02T00:00:00Z"))[2]
    equal(r["results"][0]["code"], "policy_unknown", "its day waits for the manifest")
    equal(s.post("/v1/manifests", {"id": "urn:fair:cli:nobody", "kind": "single",
                                   "party": "did:late"})[0], 201, "the manifest comes")
    equal(s.get("/v1/parties/did:late/balance")[2]["balances"][0]["pending"], "3",
          "and nothing was lost")


def contributions(s):
    body = {"contentItemId": "item", "agentProfileId": "did:agent", "role": "author", "weight": 2}
    equal(s.post("/v1/contributions", body)[0], 201, "a contribution")
    equal(s.post("/v1/contributions", body)[2]["status"], "duplicate", "sent again, later")
    body["weight"] = 0
    status, _, answer = s.post("/v1/contributions", body)
    equal((status, answer["pointer"]), (400, "/weight"), "a refusal points into the body")
    body["weight"], body["agentProfileId"] = 1, "did:with space"
    equal(s.post("/v1/contributions", body)[2]["pointer"], "/agentProfileId",
          "by the name that the body has")
    body["party"] = "did:agent"
    equal(s.post("/v1/contributions", body)[2]["detail"], "agentProfileId and party are the same: keep one",
          "two names of one thing")
    status, _, answer = s.post("/revenue/distribute", {
        "contentItemId": "item", "amount": {"amount": "101", "currency": "SAT"}, "id": "sale-1"})
    equal((status, answer["event_id"]), (201, "sale-1"), "a revenue of that item")
    equal(s.get("/v1/parties/did:agent/balance")[2]["balances"][0]["pending"], "101",
          "the author's, who takes what absent roles leave")


def distribution(s):
    body = {"manifestId": URN, "revenue": {"amount": 1500, "currency": "USD", "source": "api_calls"},
            "period": {"start": "2025-01-01", "end": "2025-01-31"}}
    equal(s.post("/revenue/distribute", body)[0], 201, "processRevenue, as the source writes it")
    equal(s.post("/revenue/distribute", body)[2]["status"], "duplicate", "counts once")
    equal([b["pending"] for b in s.get("/v1/parties/did:ethr:0xA/balance")[2]["balances"]], ["75000"],
          "half of it, by the newest version")
    rows = s.get("/v1/reports?by=source")[2]["rows"]
    equal([r["gross"] for r in rows if r["name"] == "api_calls"], ["150003"],
          "its source stands in the report, with what was metered")


def providers(s):
    one = "did:ethr:0xP1"
    status, _, body = s.post("/usage/submit", batch(one, 10, "b0"))
    equal((status, body["code"]), (409, "state_forbids"), "usage of someone who never registered")
    registration = {"providerId": one, "displayName": "Weather API", "pricing": {"tier": "free"},
                    "publicKey": {"x": "123456789012345678901234567890", "y": "987654321"}}
    equal(s.post("/providers/register", registration)[0], 201, "a provider registers")
    equal(s.get(f"/providers/{one}/earnings")[2]["state"], "registered", "is registered")
    equal(s.post("/usage/submit", batch(one, 10, "b0"))[0], 409, "but not integrated yet")
    registration["api"] = {"base_url": "https://weather.example/v1", "schema": "openapi"}
    equal(s.post("/providers/register", registration)[0], 201, "its API is integrated")
    equal(s.get(f"/providers/{one}/earnings")[2]["state"], "integrated", "is integrated")
    equal(s.post("/providers/register", registration)[2]["status"], "duplicate", "the same again")
    registration["pricing"]["tier"] = "commercial"
    equal(s.post("/providers/register", registration)[2]["status"], "applied", "changed details")
    equal(s.post("/providers/register", registration)[2]["status"], "duplicate", "and these again")
    details = [e["event"]["payload"] for e in s.get("/v1/events?limit=1000")[2]["events"]
               if e["event"]["event_type"] == "party.registered"]
    equal((details[-1]["public_key"]["y"], details[-1]["integration"]["schema"],
           details[-1]["kind"]), ("987654321", "openapi", "provider"),
          "key and integration stand in the log")
    ok("Weather" not in json.dumps(details), "its name does not")
    equal(s.post("/providers/register", {"did": "did:ethr:0xP2", "api": {}})[0], 201,
          "another one does both steps at once")
    s.post("/v1/manifests", {"id": "urn:pool", "kind": "usage"})
    equal(s.post("/usage/submit", batch(one, 30, "b1"))[2]["status"], "applied", "a batch of usage")
    equal(s.post("/usage/submit", batch(one, 30, "b1"))[2]["status"], "duplicate", "sent again")
    again = batch(one, 999, "b1")
    equal(s.post("/usage/submit", again)[0], 201, "a batch_id that was used before")
    equal(s.post("/usage/submit", batch("did:ethr:0xP2", 10, "b2", "other-platform"))[0], 201,
          "another platform, of whatever ecosystem")
    equal(s.get(f"/providers/{one}/earnings")[2]["state"], "earning_revenue", "earns")
    status, _, body = s.post("/revenue/distribute", {
        "policyId": "urn:pool", "windowStart": "2025-02-01T00:00:00Z",
        "windowEnd": "2025-02-02T00:00:00Z", "pool": {"amount": "4.000001", "currency": "USDC"}})
    equal((status, body["status"]), (201, "applied"), "a pool is divided")
    equal([s.get(f"/providers/{p}/earnings")[2]["earnings"][0]["pending"]
           for p in (one, "did:ethr:0xP2")], ["3000001", "1000000"],
          "by 30 and 10 calls: the repeated batch added nothing")
    totals = {t["asset"]: t for t in s.get("/audit/totals?from=2025-01-01")[2]["totals"]}
    equal((totals["USDC/6"]["gross"], totals["USDC/6"]["allocated"]), ("4000001", "4000001"),
          "the auditor's totals")
    ok(all(t["balanced"] for t in totals.values()), "balance")
    ok("0xP" not in json.dumps(totals), "and name nobody")
    equal(s.get("/audit/totals?to=2024-12-31")[2]["totals"], [], "nothing happened before")


def ingest(s):
    fact = {"event_id": "i1", "event_type": "revenue.received", "occurred_at": "2025-01-01T00:00:00Z",
            "payload": {"party": "did:i", "amount": {"amount": "1.00", "currency": "USD"}}}
    body = {"appId": "app-1", "env": "prod", "sentAtUtc": "2025-01-01T00:00:00Z",
            "events": [fact, fact, {"event_type": "revenue.received"},
                       dict(fact, event_id="i2", payload={}),
                       dict(fact, event_id="i3", source={"app_id": "app-2"})]}
    status, _, answer = s.post("/api/economic/events/ingest", body)
    equal((status, answer["inserted"], answer["duplicates"]), (202, 1, 1), "a batch of facts")
    equal([r["index"] for r in answer["skipped"]], [2], "one without an id is skipped")
    equal([r["event_id"] for r in answer["refused"]], ["i2", "i3"],
          "one without money and one of another app are refused")
    equal(s.post("/api/economic/events/ingest", body)[2]["duplicates"], 2, "a batch sent twice")
    stored = s.get("/v1/events/i1")[2]["event"]
    equal(stored.get("source"), {"app_id": "app-1", "environment": "prod"},
          "what the body says stands in the stored event")
    changed = dict(body, events=[dict(fact, payload=dict(fact["payload"], note="other"))])
    equal(s.post("/api/economic/events/ingest", changed)[2]["refused"][0]["code"], "conflict",
          "what stands in the log is not changed")


def batch(provider, calls, batch_id, platform="flowmcp"):
    return {"platformId": platform, "serverId": "s1", "providerId": provider,
            "windowStart": "2025-02-01T00:00:00Z", "windowEnd": "2025-02-01T01:00:00Z",
            "calls": calls, "bytes": 2048, "latencyMsSum": 12, "batchId": batch_id}


def pages(s, query, limit):
    """All rows of a query, page by page; and whether each but the last page was full."""
    rows, after, full = [], "", True
    while after is not None:
        page = s.get(f"/v1/allocations?{query}&limit={limit}{after}")[2]
        rows += page["allocations"]
        after = "&after=" + page["next"] if page["next"] else None
        full = full and (len(page["allocations"]) == limit if after else
                         len(page["allocations"]) > 0 or not rows)
    return rows, full


def listing(s):
    """Filters beside a list of everything that is filtered here; pages are full until the end."""
    at, n = "2025-01-01T00:00:00Z", 0
    def post(kind, *payloads):
        nonlocal n
        events = []
        for p in payloads:
            n += 1
            events.append({"event_id": f"l{n}", "event_type": kind, "occurred_at": at, "payload": p})
        status, _, body = s.post("/v1/events", events)
        ok(status == 200 and all(r["status"] in ("applied", "waiting") for r in body["results"]),
           f"{len(events)} of {kind}", json.dumps(body)[:400])
        return [e["event_id"] for e in events]
    def policy(i, parties):
        return {"policy": {"id": f"urn:l:{i}", "kind": "weights",
                           "shares": [{"party": p, "weight": "0.25"} for p in parties]}}
    def revenue(target, amount, currency="USD"):
        return {"policy": target, "amount": {"amount": amount, "currency": currency}}
    post("policy.published", policy(1, ["l:a", "l:b", "l:c"]), policy(2, ["l:b", "l:a"]))
    first = post("revenue.received", *[revenue("urn:l:1", "40", c) for c in ("USD", "EUR", "JPY")] * 5)
    post("revenue.received", revenue("urn:l:3", "9"), revenue("urn:l:3", "6"))  # they wait
    for i in range(3):  # more entries of the log than one page may ever have looked at
        post("party.registered", *[{"party": f"l:x{i}-{k}"} for k in range(7100)])
    post("policy.published", policy(3, ["l:a", "l:d"]))
    post("revenue.received", *[revenue("urn:l:2", "10", c) for c in ("EUR", "USD")] * 70)
    # one decision in two currencies, so that a party has two entries of one place
    post("usage.metered", *[{"policy": "urn:l:2", "endpoint": "/x", "calls": 1,
                             "cost": {"amount": "8", "currency": c}} for c in ("EUR", "USD")])
    post("metering.closed", {"policy": "urn:l:2", "day": "2025-01-01"})
    post("revenue.reversed", {"reverses": first[0]},
         {"reverses": first[3], "amount": {"amount": "20", "currency": "USD"}})
    for i in (1, 4, 6):
        rows = s.get(f"/v1/allocations?event={first[i]}")[2]["allocations"]
        path = "/v1/allocations/" + rows[0]["allocation_id"].replace("/", "%2F")
        equal(s.post(path + "/dispute", {"reason": "r"})[0], 201, "a dispute")
    every, _ = pages(s, "", 1000)
    every_one, full = pages(s, "", 7)
    equal((every_one, full), (every, True), f"{len(every)} rows, and pages of 7 are full")
    equal([a["reversed"] for a in every if a["event_id"] == first[0]], ["1000"] * 3,
          "all of a revenue was reversed")
    equal([a["reversed"] for a in every if a["event_id"] == first[3]], ["500"] * 3,
          "half of another")
    equal(sum(int(a["reversed"]) for a in every if a["event_id"] not in (first[0], first[3])), 0,
          "and of no other")
    for query, fits in [("party=l:a", lambda a: a["party"] == "l:a"),
                        ("party=l:d", lambda a: a["party"] == "l:d"),
                        ("party=l:b&policy=urn:l:2",
                         lambda a: a["party"] == "l:b" and a["policy"] == "urn:l:2"),
                        ("policy=urn:l:3", lambda a: a["policy"] == "urn:l:3"),
                        ("state=disputed", lambda a: a["state"] == "disputed"),
                        ("state=upheld", lambda a: a["state"] == "upheld"),
                        ("state=disputed&party=l:a",
                         lambda a: a["state"] == "disputed" and a["party"] == "l:a"),
                        ("state=pending&policy=urn:l:1",
                         lambda a: a["state"] == "pending" and a["policy"] == "urn:l:1"),
                        (f"event={first[1]}", lambda a: a["event_id"] == first[1])]:
        wanted = [a for a in every if fits(a)]
        for limit in (1, 3, 1000):
            equal(pages(s, query, limit), (wanted, True), f"{query}: {len(wanted)} by {limit}")


def allocations(s):
    every, after = [], ""
    while after is not None:
        page = s.get("/v1/allocations?limit=1" + after)[2]
        every += page["allocations"]
        after = "&after=" + page["next"] if page["next"] else None
    equal(every, s.get("/v1/allocations?limit=1000")[2]["allocations"],
          "one by one or all at once: the same allocations")
    ok(len(every) > 5, "and some of them")
    mine = s.get("/v1/allocations?event=sale-1")[2]["allocations"]
    equal([(a["party"], a["amount"], a["role"], a["state"]) for a in mine],
          [("did:agent", "101", "author", "pending")], "of one event")
    equal(s.get("/v1/allocations?party=did:agent")[2]["allocations"], mine, "of one party")
    equal(len(s.get("/v1/allocations?policy=urn:pool")[2]["allocations"]), 2, "of one policy")
    equal(s.get("/v1/allocations?state=disputed")[2]["allocations"], [], "none is disputed")
    for query in ("state=odd", "after=1.2", "after=x", "limit=0"):
        equal(s.get("/v1/allocations?" + query)[0], 400, "a bad query: " + query)
    path = "/v1/allocations/" + mine[0]["allocation_id"].replace("/", "%2F")
    equal(s.post(path + "/dispute?dry_run=true", {"reason": "x"})[0], 201, "a rehearsed dispute")
    equal(s.post(path + "/dispute", {})[2]["pointer"], "/reason", "a dispute needs a reason")
    twice = {"reason": "copied", "allocation_id": mine[0]["allocation_id"]}
    equal(s.post(path + "/dispute?dry_run=true", twice)[0], 201,
          "the body may repeat which allocation it is about")
    twice["allocation_id"] += "0"
    status, _, body = s.post(path + "/dispute", twice)
    equal((status, body["code"], body["pointer"]), (400, "request_invalid", "/allocation_id"),
          "but not name another")
    twice["allocationId"] = twice.pop("allocation_id")
    equal(s.post(path + "/dispute", twice)[2]["pointer"], "/allocationId", "in neither spelling")
    equal(s.post("/providers/register", {"did": "did:kind", "kind": "provider"})[0], 201,
          "a provider that says so")
    equal(s.post("/providers/register", {"did": "did:kind", "kind": "agent"})[2]["pointer"], "/kind",
          "or says something else")
    equal(s.post(path + "/dispute", {"reason": "copied"})[0], 201, "a dispute")
    equal(s.post(path + "/dispute", {"reason": "copied"})[2]["status"], "duplicate", "sent again")
    equal(s.get("/v1/allocations?state=disputed")[2]["allocations"][0]["party"], "did:agent",
          "is disputed now")
    ok("copied" not in json.dumps(s.get("/v1/events?limit=1000")[2]), "its reason is private")
    equal(s.post(path + "/evidence", {"reason": "see", "evidence": "a scan"})[0], 201, "evidence")
    equal(s.post(path + "/escalate", {"reason": "unclear"})[0], 201, "is escalated")
    equal(s.post(path + "/uphold", {"reason": "true", "reallocateTo": "did:other"})[0], 201,
          "is upheld")
    row = s.get("/v1/allocations?event=sale-1")[2]["allocations"][0]
    equal((row["state"], row["held_by"]), ("upheld", "did:other"), "another party has it now")
    status, _, body = s.post(path + "/override", {"reason": "late"})
    equal((status, body["code"]), (409, "state_forbids"), "which cannot be overridden any more")
    equal(s.post("/v1/allocations/none%2F1/dispute", {"reason": "x"})[0], 404, "no such allocation")
    other = s.get("/v1/allocations?policy=urn:pool")[2]["allocations"][0]["allocation_id"]
    path = "/v1/allocations/" + other.replace("/", "%2F")
    s.post(path + "/dispute", {"reason": "x"})
    equal(s.post(path + "/override", {"reason": "fine"})[0], 201, "a dispute is overridden")
    equal(s.get("/v1/allocations?state=cleared")[2]["allocations"][0]["allocation_id"], other,
          "and cleared")


WRITES = [("/usage", report(), "revenue:write"), ("/v1/manifests", MANIFEST, "policy:write"),
          ("/v1/contributions", {"content_item_id": "i", "party": "p", "role": "r", "weight": 1},
           "policy:write"),
          ("/providers/register", {"did": "did:p"}, "policy:write"),
          ("/usage/submit", batch("did:p", 1, "b"), "revenue:write"),
          ("/revenue/distribute", {"party": "p", "amount": {"amount": "1", "currency": "USD"}},
           "revenue:write")] + \
         [(f"/v1/allocations/e%2F1/{act}", {"reason": "r"}, "dispute:write")
          for act in ("dispute", "evidence", "escalate", "override", "uphold")]
READS = [("/v1/events", "revenue:read"), ("/v1/manifests", "policy:read"), (PATH, "policy:read"), ("/audit/totals", "audit:read"),
         ("/providers/did:p/earnings", "earnings:read"), ("/v1/allocations", "earnings:read")]
SCOPES = ["revenue:write", "revenue:read", "policy:write", "policy:read", "payout:write",
          "dispute:write", "earnings:read", "audit:read", "admin"]


def authority():
    with Served() as s:
        s.stop()
        s.mete("init", "--book", "other")
        s.start()
        key = {scope: s.make_key(scope) for scope in SCOPES}
        runtime = s.make_key(",".join(SCOPES), "--producer", "runtime")
        own = s.make_key("earnings:read", "--party", "did:mine")
        tenant = s.make_key(",".join(SCOPES), "--book", "other")
        time.sleep(1.2)  # the server looks at its keys twice a second
        for path, body, needed in WRITES:
            equal(s.request("POST", path, body)[0], 401, f"{path} without a key")
            got = {scope for scope in SCOPES if s.post(path, body, key=key[scope])[0] != 403}
            equal(got, {needed}, f"{path} needs {needed} and nothing else will do")
            by_control = path != "/revenue/distribute"
            equal(s.post(path, body, key=runtime)[0] == 403, by_control,
                  f"{path} from the runtime: {'refused' if by_control else 'taken'}")
        transfer = event("t", "wallet.transferred",
                         {"from": "a", "to": "b", "amount": {"amount": "1", "currency": "USD"}})
        got = {scope for scope in SCOPES
               if s.post("/v1/events", transfer, key=key[scope])[0] != 403}
        equal(got, {"payout:write"}, "moving money needs payout:write")
        for path, needed in READS:
            got = {scope for scope in SCOPES if s.get(path, key=key[scope])[0] != 403}
            equal(got, {needed}, f"{path} needs {needed}")
        share = {"party": "did:rival", "amount": {"amount": "9", "currency": "USD"}, "id": "big"}
        equal(s.post("/revenue/distribute", share, key=key["revenue:write"])[0], 201, "a rival earns")
        for path in ("/providers/did:rival/earnings", "/v1/allocations?party=did:rival"):
            status, _, body = s.get(path, key=own)
            equal((status, "900" in json.dumps(body)), (404, False), f"{path}: nothing for others")
        equal(s.get("/v1/allocations?event=big", key=own)[0:1] +
              (s.get("/v1/allocations", key=own)[2].get("allocations", []),), (404, []),
              "a party's key finds its own alone")
        equal(s.get(PATH, key=tenant)[0], 404, "another book has none of these manifests")
        equal(s.get("/v1/allocations", key=tenant)[2]["allocations"], [], "and no allocations")
        equal(s.get("/audit/totals", key=tenant)[2]["totals"], [], "and no totals")


with Served() as server:
    manifests(server)
    validation(server)
    long_ids(server)
    usage(server)
    contributions(server)
    distribution(server)
    providers(server)
    allocations(server)
    ingest(server)
with Served() as server:
    listing(server)
authority()
done()

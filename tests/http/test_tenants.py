# SPDX-License-Identifier: Apache-2.0
"""covers: R-039 B-042 V-078
Two books in one store. With the key of one, every route is called with the ids of the other: what
comes is what comes for ids that do not exist. The same for a key that is bound to a party."""
import json
import re
import subprocess
from urllib.parse import quote

from served import METE, Served, done, equal, event, note, ok

SCOPES = ("revenue:write,revenue:read,policy:write,policy:read,payout:write,payout:approve,"
          "dispute:write,earnings:read,audit:read,facilitator,admin,payout:work")
HIDDEN = ("HIDDEN", "31415926", "27182818")  # what alone the other tenant, or party, may read


def usd(minor):
    return {"amount": f"{minor // 100}.{minor % 100:02d}", "currency": "USD"}


def world():
    """Alice has 10.00 of each 314,169.26; the rest is another's. Nothing that a request below names
    has a word of HIDDEN in it."""
    shares = [{"party": "did:alice", "weight": "1/1000"},
              {"party": "did:HIDDEN", "weight": "999/1000", "role": "HIDDEN-role"}]
    return [
        event("alpha-policy", "policy.published",
              {"policy": {"id": "urn:alpha:p", "kind": "weights", "shares": shares}}),
        event("alpha-revenue", "revenue.received",
              {"policy": "urn:alpha:p", "amount": usd(31415926), "source": "HIDDEN",
               "source_ref": "HIDDEN"}),
        event("alpha-other", "revenue.received",
              {"party": "did:bob", "amount": usd(27182818), "source": "HIDDEN"}),
        event("alpha-waits", "revenue.received",
              {"policy": "urn:alpha:unknown", "amount": usd(27182818), "source": "HIDDEN"}),
        event("alpha-usage", "usage.reported",
              {"platform_id": "HIDDEN", "provider": "did:bob", "calls": 31415926,
               "window_start": "2025-01-01T00:00:00Z", "window_end": "2025-01-02T00:00:00Z"}),
        event("alpha-item", "contribution.recorded",
              {"content_item_id": "alpha-item", "party": "did:bob", "role": "author",
               "weight": 1}),
        {"event_id": "alpha-refused", "event_type": "HIDDEN"},
    ]


def routes():
    text = subprocess.run([METE, "serve", "--routes"], capture_output=True, text=True,
                          check=True).stdout
    return [line.split() for line in text.splitlines()]


def bodies(path, wanted):
    """Bodies that name an id wherever this route takes one."""
    money = usd(100)
    if path in ("/v1/events", "/api/economic/events/ingest"):
        return [{"events": [
            event("x-reverse", "revenue.reversed", {"reverses": wanted}),
            event("x-dispute", "allocation.disputed", {"allocation_id": wanted, "reason": "r"}),
            event("x-transfer", "wallet.transferred",
                  {"from": wanted, "to": "did:mallory", "amount": money}),
            event("x-revenue", "revenue.received", {"policy": wanted, "amount": money}),
            event("x-content", "revenue.received", {"content_item_id": wanted, "amount": money}),
            event("x-condition", "condition.changed",
                  {"policy": wanted, "condition": "c", "active": True})]}]
    return [{}, {"policy": wanted, "manifestId": wanted, "content_item_id": wanted,
                 "contentItemId": wanted, "allocation_id": wanted, "reason": "r",
                 "provider": wanted, "party": wanted, "cliId": wanted, "amount": money,
                 "revenue": money, "id": wanted, "report_id": wanted, "event_id": wanted,
                 "reverses": wanted, "usage": [], "kind": "weights",
                 "shares": [{"policy": wanted, "weight": 1}]}]


QUERIES = ["", "?party={}", "?event={}", "?policy={}", "?id={}", "?event_id={}", "?source={}",
           "?party={}&limit=1000", "?after={}", "?asset=USD", "?by=party", "?by=policy",
           "?first=1", "?size=1", "?dry_run=true"]


def plain(answer, wanted):
    """An answer without what differs between any two."""
    status, headers, body = answer
    text = json.dumps(body) if not isinstance(body, str) else body
    text = text.replace(json.dumps(wanted)[1:-1], "ID")
    text = re.sub(r'"(request_id|report_id|event_id)": "[^"]*"', "", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]*Z", "", text)
    text = re.sub(r"[0-9a-f]{32,64}|byte \d+", "", text)
    return status, re.sub(r'"(uptime_s|size|elapsed_us|events)": \d+', "", text)


class Walk:
    def __init__(self, s, key):
        self.s, self.key = s, key
        self.calls, self.leaks, self.found, self.failed = 0, [], [], []

    def call(self, method, path, body=None):
        self.calls += 1
        answer = self.s.request(method, path, body, key=self.key)
        text = json.dumps([answer[2], list(answer[1].items())])
        if any(word in text for word in HIDDEN):
            self.leaks.append((method, path, answer[0], text[:200]))
        if answer[0] >= 500:
            self.failed.append((method, path, answer[0]))
        return answer

    def requests(self, method, path, wanted):
        filled = re.sub(r"\{[^}]*\}", lambda _: quote(wanted, safe=""), path)
        for query in QUERIES:
            at = filled + query.format(quote(wanted, safe=""))
            if method == "GET":
                yield method, at, None
            elif query in ("", "?dry_run=true"):
                for body in bodies(path, wanted):
                    yield method, at, body

    def compare(self, method, path, wanted, never):
        """The id of another, and one of the same length that nobody has."""
        for mine, theirs in zip(self.requests(method, path, wanted),
                                self.requests(method, path, never)):
            if method == "POST" and "dry_run" not in mine[1]:
                mine = (mine[0], mine[1] + "?dry_run=true", mine[2])
                theirs = (theirs[0], theirs[1] + "?dry_run=true", theirs[2])
            got, wants = plain(self.call(*mine), wanted), plain(self.call(*theirs), never)
            if got != wants:
                self.found.append((mine[:2], got, wants))


IDS = ["alpha-revenue", "alpha-revenue/0.0", "alpha-revenue/0.1", "alpha-waits", "alpha-usage",
       "alpha-policy", "urn:alpha:p", "did:alice", "did:bob", "alpha-item", "alpha-refused"]


def never_of(wanted):
    return re.sub(r"alpha|alice|bob", lambda m: "z" * len(m[0]), wanted)


def allocations(s, key, party):
    return [a["allocation_id"]
            for a in s.get(f"/v1/allocations?party={party}", key=key)[2]["allocations"]]


def head(s, key):
    return s.get("/v1/log/checkpoint", key=key)[2].split("\n")[1:3]


def two_tenants(s, alpha, beta, ids):
    before = head(s, alpha)
    walk = Walk(s, beta)
    table = routes()
    for method, path, _, _ in table:
        for wanted in ids:
            walk.compare(method, path, wanted, never_of(wanted))
    note(f"{len(table)} routes, {len(ids)} ids, {walk.calls} calls with the other tenant's key")
    ok(not walk.leaks, "no answer holds a word of the other book", *walk.leaks[:5])
    ok(not walk.found, "the other's ids are like ids that nobody has", *walk.found[:5])
    ok(not walk.failed, "not one 5xx", *walk.failed[:5])
    equal(head(s, alpha), before, "nothing was written into the other book")
    ok(walk.calls > 5000, "it was a long walk", walk.calls)
    control = Walk(s, alpha)
    for method, path, _, _ in table:
        for wanted in ids:
            for request in control.requests(method, path, wanted):
                if method == "GET":
                    control.call(*request)
    readable = {m + " " + re.sub(r"\?.*", "", p) for m, p, _, _ in control.leaks}
    ok(len(readable) > 15, "the owner reads the words that were looked for", sorted(readable))
    for method, path, operation, scope in table:
        if scope != "none":
            at = path.replace("{", "").replace("}", "")
            equal([s.request(method, at, key="" if k is None else k)[0] for k in ("mete_x", "")],
                  [401, 401], f"{operation}: an unknown key, and none")
    # the same ids in both books are two things
    mine = event("alpha-revenue", "revenue.received",
                 {"party": "did:alice", "amount": usd(500)})
    equal(s.post("/v1/events", mine, key=beta)[2]["results"][0]["status"], "applied",
          "an id that the other has is free here")
    equal((s.get("/v1/parties/did%3Aalice/balance", key=beta)[2]["balances"][0]["pending"],
           s.get("/v1/parties/did%3Aalice/balance", key=alpha)[2]["balances"][0]["pending"]),
          ("500", "31416"), "and a party is another in each")


def one_party(s, alpha, ids, own, others):
    """A key that is bound to did:alice, with every scope there is."""
    key = s.make_key(SCOPES, "--party", "did:alice")
    before = head(s, alpha)
    walk = Walk(s, key)
    table = routes()
    foreign = [i for i in ids if i not in own and i != "did:alice"]
    for method, path, _, _ in table:
        for wanted in foreign:
            for request in walk.requests(method, path, wanted):
                walk.call(*request)
    equal(head(s, alpha), before, "nothing was written")
    note(f"{len(foreign)} ids, {walk.calls} calls with a party's key")
    ok(not walk.leaks, "a party's key reads no word about others", *walk.leaks[:5])
    ok(not walk.failed, "not one 5xx", *walk.failed[:5])
    for path in ("/v1/parties/did%3Aalice/balance", "/v1/statements", "/v1/allocations",
                 "/v1/explain/did%3Aalice", "/v1/explain/" + quote(own[0], safe=""),
                 "/v1/log/inclusion/alpha-revenue", "/v1/log/checkpoint"):
        answer = walk.call("GET", path)
        text = json.dumps(answer[2])
        equal((answer[0], "31416" in text or "/log/" in path), (200, True), f"its own: {path}")
        # why it got its share shows what was shared, but not with whom
        ok("did:HIDDEN" not in text and "HIDDEN-role" not in text, "and its own alone", text)
    for path in ("/v1/parties/did%3Abob/balance", "/v1/statements?party=did:bob",
                 "/v1/allocations?party=did:bob", "/v1/explain/did%3Abob",
                 "/v1/explain/" + quote(others[0], safe=""), "/v1/explain/alpha-other",
                 "/v1/log/inclusion/alpha-other", "/providers/did%3Abob/earnings"):
        equal(s.get(path, key=key)[0], 404, f"another's: {path}")
    for path in ("/v1/events", "/v1/events/alpha-revenue", "/v1/parties", "/v1/reports",
                 "/v1/quarantine", "/audit/totals", "/v1/manifests"):
        equal(s.get(path, key=key)[0], 403, f"of the whole book: {path}")
    why = {"reason": "r"}
    act = "/v1/allocations/{}/{}"
    for name in ("dispute", "evidence", "escalate"):
        equal(s.post(act.format(quote(others[0], safe=""), name), why, key=key)[0], 404,
              f"{name} of another's share")
        equal(s.post(act.format(quote(own[0], safe=""), name), why, key=key)[0] // 100, 2,
              f"{name} of its own")
    for name in ("override", "uphold"):
        equal(s.post(act.format(quote(own[0], safe=""), name), why, key=key)[0], 403,
              f"{name} is no party's")
    sends = [("wallet.transferred", {"from": "did:bob", "to": "did:alice", "amount": usd(1)}),
             ("party.destination_set", {"party": "did:bob", "rail": "r", "destination": "d"}),
             ("revenue.received", {"party": "did:alice", "amount": usd(1)}),
             ("policy.published", {"policy": {"id": "u", "kind": "single", "party": "did:alice"}})]
    for event_type, payload in sends:
        status, _, body = s.post("/v1/events", event("y-" + event_type, event_type, payload),
                                 key=key)
        equal((status, body["results"][0]["code"]), (403, "forbidden"), f"it sends no {event_type}")
    equal(s.post("/v1/events", event("y-own", "party.destination_set",
                 {"party": "did:alice", "rail": "r", "destination": "d"}), key=key)[0], 200,
          "but where its own money goes")


s = Served()
for book in ("main", "beta"):
    subprocess.run([METE, "init", "--store", str(s.store), "--book", book], check=True,
                   capture_output=True)
with s:
    alpha = s.make_key(SCOPES)
    beta = s.make_key(SCOPES, "--book", "beta")
    results = s.post("/v1/events", world(), key=alpha)[2]["results"]
    equal([r["status"] for r in results], ["applied"] * 3 + ["waiting"] + ["applied"] * 2 +
          ["refused"], "a book with something of everything")
    s.post("/v1/events", event("beta-1", "revenue.received",
                               {"party": "did:carol", "amount": usd(100)}), key=beta)
    own, others = allocations(s, alpha, "did:alice"), allocations(s, alpha, "did:bob")
    equal((len(own), len(others)), (1, 1), "shares to look for")
    ids = sorted(set(IDS + own + others))
    two_tenants(s, alpha, beta, ids)
    one_party(s, alpha, ids, own, others)
    equal(s.stop(), 0, "it stops as it should")
done()

# SPDX-License-Identifier: Apache-2.0
"""covers: R-001 R-033
A key that is bound to a party can neither see nor move anything of another: every route that the
program answers is asked with it, with every scope, about another party's ids, in the path, in the
query and in the body. No answer may name what is the other's alone, and nothing of the other may
have changed. A route that nobody has thought of here fails the test."""
import datetime
import json
import re
import subprocess
import urllib.parse

from served import METE, Served, done, equal, event, note, ok, until

SCOPES = ("revenue:write,revenue:read,policy:write,policy:read,payout:write,payout:approve,"
          "payout:work,dispute:write,earnings:read,audit:read,facilitator,admin")
MINE, OTHER = "did:example:mallory", "did:example:alice"
# What is the other's alone: no answer to the bound key may have any of it.
MARKS = ["sale-of-alice", "7771.13", "777113", "alice-evidence-words", "alice-lines",
         "acct_ALICE", "alice's policy", "4242.42", "424242", "alice-batch"]
OPEN = {"index", "guide", "fairPolicy", "health", "ready", "version", "openapi"}


def routes():
    text = subprocess.run([METE, "serve", "--routes"], capture_output=True, text=True,
                          check=True).stdout
    return [tuple(line.split()) for line in text.splitlines()]


def q(text):
    return urllib.parse.quote(text, safe="")


def fill(s, key):
    """Alice has earned, disputed, been paid; Mallory has a little of her own."""
    now = "2025-01-01T00:00:00Z"

    def sale(name, party, amount):
        return event(name, "revenue.received", {"party": party, "amount": {
            "amount": amount, "currency": "USD"}}, now)
    events = [
        sale("sale-of-alice-1", OTHER, "7771.13"), sale("sale-of-alice-2", OTHER, "7771.13"),
        sale("sale-of-mallory", MINE, "5.00"),
        event("alice-lines", "policy.published", {"policy": {
            "id": "urn:alice", "kind": "weights", "title": "alice's policy",
            "shares": [{"party": OTHER, "weight": "1"}]}}, now),
        event("d1", "party.destination_set", {"party": OTHER, "rail": "stripe",
                                              "destination": "acct_ALICE"}, now),
        event("o1", "allocation.disputed", {"allocation_id": "sale-of-alice-1/1",
                                            "reason": "alice-evidence-words"}, now)]
    now_clear = [event("at-once", "book.configured", {"clear_after_days": 0}, now),
                 sale("sale-of-alice-3", OTHER, "4242.42"),
                 event("later", "book.configured", {"clear_after_days": 7}, now)]
    answer = s.post("/v1/events", events + now_clear, key=key)[2]
    assert all(r["status"] == "applied" for r in answer["results"]), answer
    s.post("/v1/payouts/batches", {"batch_id": "alice-batch", "asset": "USD", "rail": "stripe",
                                   "cutoff_at": answer_time()}, key=key)
    path = f"/v1/payouts?party={q(OTHER)}"
    until("alice is to be paid", lambda: s.get(path, key=key)[2]["payouts"])
    payout = s.get(path, key=key)[2]["payouts"][0]
    assert payout["amount_minor"] == "424242", payout
    BY_PATH.append(("/v1/payouts/", [payout["transfer_id"], "alice-batch"]))
    return payout["transfer_id"]


def answer_time():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def standing(s, key):
    """All that the other has, as a supervisor sees it."""
    return [s.get(f"/v1/parties/{q(OTHER)}/balance?as_of=2025-06-01", key=key)[2]["balances"],
            s.get(f"/v1/allocations?party={q(OTHER)}&as_of=2025-06-01", key=key)[2],
            s.get("/v1/disputes?as_of=2025-06-01", key=key)[2],
            s.get("/v1/payouts", key=key)[2],
            json.loads(s.mete("policy", "list", "--json"))]


# What stands for a path's parameter: an id of the other's.
IDS = {"event_id": ["sale-of-alice-1"], "level": ["0"], "index": ["0"]}
BY_PATH = [("/v1/parties/", [OTHER]), ("/v1/allocations/", ["sale-of-alice-1/1",
                                                            "sale-of-alice-2/1"]),
           ("/v1/disputes/", ["sale-of-alice-1/1"]), ("/providers/", [OTHER]),
           ("/v1/explain/", ["sale-of-alice-1", "sale-of-alice-1/1", OTHER]),
           ("/v1/manifests/", ["urn:alice"])]


def targets(path):
    names = re.findall(r"\{(\w+)\*?\}", path)
    if not names:
        return [path]
    own = next((ids for begin, ids in BY_PATH if path.startswith(begin)), None)
    out = []
    for value in own or IDS.get(names[0], ["sale-of-alice-1", OTHER]):
        target = path
        for i, name in enumerate(names):
            target = re.sub(r"\{" + name + r"\*?\}", q(value if i == 0 else IDS.get(
                name, ["0"])[0]), target)
        out.append(target)
    return out


def queries():
    names = ("party", "beneficiary", "provider", "event", "q", "after")
    yield ""
    for name in names:
        yield f"?{name}={q(OTHER)}"
    yield f"?party={q(OTHER)}&asset=USD&limit=1000&format=csv"
    yield f"?event={q('sale-of-alice-1')}"
    yield "?as_of=2025-06-01&limit=1000"


def bodies(payout):
    """Every body is about the other; each route takes what it knows."""
    money = {"amount": "1.00", "currency": "USD"}
    who = {name: OTHER for name in ("party", "from", "beneficiary_id", "provider", "agent",
                                    "providerId", "reallocate_to", "customerWallet", "creator")}
    yield {**who, "to": MINE, "amount": money, "reason": "take it", "pool": money,
           "allocation_id": "sale-of-alice-1/1", "provider_ref": "x", "outcome": "paid",
           "settlement_id": "theft", "calls": 1, "role": "author", "weight": 1,
           "content_item_id": "c", "policy": "urn:alice", "transfer_id": payout,
           "batch_id": "b", "id": "theft", "asset": "USD", "rail": "stripe",
           "rails": ["stripe"], "steps": [{"transfer_id": payout, "step": "paid", "attempt": 1}],
           "window_start": "2025-01-01T00:00:00Z", "window_end": "2025-01-02T00:00:00Z",
           "platform_id": "p", "destination": "acct_MALLORY"}
    yield {"reason": "take it"}
    yield {"reason": "take it", "reallocate_to": MINE}
    yield from ([event(f"theft-{i}", kind, payload, "2025-01-01T00:00:00Z")]
                for i, (kind, payload) in enumerate(thefts(money, payout)))


def thefts(money, payout):
    share = {"allocation_id": "sale-of-alice-1/1", "reason": "mine"}
    yield "wallet.transferred", {"from": OTHER, "to": MINE, "amount": money}
    yield "party.destination_set", {"party": OTHER, "rail": "stripe", "destination": "acct_M"}
    yield "party.registered", {"party": OTHER, "kind": "agent", "display_name": "Mallory"}
    yield "usage.reported", {"platform_id": "p", "provider": OTHER, "calls": 1,
                             "window_start": "2025-01-01T00:00:00Z",
                             "window_end": "2025-01-02T00:00:00Z"}
    for kind in ("disputed", "evidence_added", "escalated", "overridden", "upheld"):
        yield f"allocation.{kind}", {**share, **({"reallocate_to": MINE}
                                                 if kind == "upheld" else {})}
    yield "allocation.disputed", {**share, "allocation_id": "sale-of-alice-2/1"}
    yield "revenue.received", {"party": MINE, "amount": money}
    yield "revenue.reversed", {"reverses": "sale-of-alice-1"}
    yield "policy.published", {"policy": {"id": "urn:alice", "kind": "weights", "shares": [
        {"party": MINE, "weight": "1"}]}}
    yield "payout.transfer_cancelled", {"transfer_id": payout, "reason": "x"}
    yield "payout.hold_released", {"party": OTHER, "reason": "x"}
    yield "payout.transfer_queued", {"batch_id": "b", "party": OTHER, "amount": money}
    yield "key.registered", {"key_id": "k", "alg": "ed25519", "key": "A" * 43, "party": OTHER}
    yield "book.configured", {"clear_after_days": 0, "unallocated": MINE}


class Thief:
    def __init__(self, s, key, payout):
        self.payout = payout
        self.s, self.key, self.asked, self.seen, self.taken = s, key, 0, [], []
        self.statuses = {}

    def ask(self, row, target, body=None):
        status, headers, answer = self.s.request(row[0], target, body, {"X-Request-Id": "mine"}, key=self.key)
        text = json.dumps(answer) if isinstance(answer, (dict, list)) else answer
        self.asked += 1
        count = self.statuses.setdefault(row[2], {})
        count[status] = count.get(status, 0) + 1
        told = text + str(headers)
        # What was asked for may be said again; what was not may not be told.
        asked = urllib.parse.unquote(target) + json.dumps(body)
        self.seen += [(row[2], target, mark) for mark in MARKS
                      if mark in told and mark not in asked]
        if status >= 500:
            self.seen.append((row[2], target, status))

    def walk(self, row):
        for target in targets(row[1]):
            if row[0] == "GET":
                for query in queries():
                    self.ask(row, target + query)
            else:
                for body in bodies(self.payout):
                    self.ask(row, target, body)


def every_route(s, admin, bound, payout):
    before = standing(s, admin)
    thief = Thief(s, bound, payout)
    table = routes()
    for row in table:
        thief.walk(row)
        if standing(s, admin) != before:
            thief.taken.append(row[2])
            before = standing(s, admin)
    equal(thief.seen, [], "no answer tells what is another's")
    equal(thief.taken, [], "and nothing of another's has moved")
    equal(sorted({r[2] for r in table} - set(thief.statuses)), [], "every route was asked")
    refused = sum(n for c in thief.statuses.values() for st, n in c.items() if st >= 400)
    note(f"{len(table)} routes, {thief.asked} requests, {refused} refused")
    some = {r[2] for r in table if set(thief.statuses[r[2]]) & {200, 201}} - OPEN
    note("answered with something: " + ", ".join(sorted(some)))


def the_test_can_fail(s, admin, payout):
    """The same walk with a key of the whole book sees and moves a good deal."""
    thief = Thief(s, admin, payout)
    for row in routes():
        if row[2] in ("getBalance", "listAllocations", "getDispute", "explain", "listDisputes",
                      "getEarnings", "getStatement", "listPayouts", "getPayout"):
            thief.walk(row)
    ok(len({what for what, _, _ in thief.seen}) == 9, "a key that is not bound is told of it all",
       thief.seen[:20])


def own_things(s, bound):
    """The thief is no stranger: her own she sees."""
    rows = s.get("/v1/allocations", key=bound)[2]["allocations"]
    equal([r["allocation_id"] for r in rows], ["sale-of-mallory/1"], "its own shares")
    equal(s.get("/api/agents/me/earnings", key=bound)[2]["data"]["pending"], "500", "its earnings")
    equal(s.post("/v1/disputes", {"allocation_id": "sale-of-mallory/1", "reason": "r"},
                 key=bound)[0], 201, "its own share it may dispute")


def main():
    with Served() as s:
        admin = s.make_key(SCOPES)
        bound = s.make_key(SCOPES, "--party", MINE)
        payout = fill(s, admin)
        own_things(s, bound)
        every_route(s, admin, bound, payout)
        the_test_can_fail(s, admin, payout)
    done()


if __name__ == "__main__":
    main()

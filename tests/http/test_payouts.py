# SPDX-License-Identifier: Apache-2.0
"""covers: F-043 F-044 F-053 F-054 F-055 F-056 F-058 F-112 F-113 R-009 R-010 R-021 R-032 R-033
Payouts as programs see them: a plan that says who is left out, a batch that is filled in the
background, one payout with the lines that make it up, holds, cancelling, asking for one's own; who
may do what; and a server that is killed in the middle of a batch, which goes on where it was."""
import json
import signal
import subprocess

from served import METE, Served, done, equal, note, ok, until

PARTIES = 3000


def event(n, kind, payload):
    return {"event_id": n, "event_type": kind, "occurred_at": "2025-01-01T00:00:00Z",
            "payload": payload}


def usd(amount):
    return {"amount": amount, "currency": "USD"}


def revenue(n, party, amount, source=None):
    more = {"source": source} if source else {}
    return event(n, "revenue.received", {"party": party, "amount": usd(amount), **more})


def lives_at(n, party, account, rail="stripe"):
    return event(n, "party.destination_set",
                 {"party": party, "rail": rail, "destination": account})


def post(s, *events):
    status, _, answer = s.post("/v1/events", list(events))
    equal((status, [r["status"] for r in answer["results"]]), (200, ["applied"] * len(events)),
          f"{len(events)} events")


def batch(s, name):
    return s.get("/v1/payouts/batches/" + name)[2]


def finished(s, name):
    until(f"batch {name} is filled", lambda: batch(s, name)["status"] != "queueing")
    return batch(s, name)


def plan(s, **body):
    status, _, answer = s.post("/v1/payouts/plan", {"asset": "USD", "rail": "stripe", **body})
    equal(status, 200, "a plan")
    return {p["party"]: p for p in answer["parties"]}, answer


def book(s):
    post(s, event("conf", "book.configured",
                  {"clear_after_days": 0, "payout_minimum": usd("5.00"),
                   "destination_cool_off_hours": 48,
                   "payout_schedules": [
                       {"id": "monthly", "every": "month", "on": 5, "asset": "USD",
                        "rail": "stripe", "minimum": "10.00", "fee": "0.25", "fee_cap_bps": 100},
                       {"id": "pull", "every": "demand", "asset": "USD", "rail": "stripe",
                        "maximum": "50.00"}]}))
    post(s,
         revenue("m1", "did:creator", "245.20", "music_streaming"),
         revenue("m2", "did:creator", "432.10", "cli_usage"),
         revenue("m3", "did:creator", "170.20", "event_revenue"),
         lives_at("d1", "did:creator", "acct_1234567890"),
         revenue("s1", "did:small", "4.00"), lives_at("d2", "did:small", "acct_small"),
         revenue("f1", "did:fee", "12.00"), lives_at("d3", "did:fee", "acct_fee"),
         revenue("l1", "did:lost", "30.00"),
         revenue("h1", "did:held", "30.00"), lives_at("d4", "did:held", "acct_held"),
         revenue("b1", "did:bank", "30.00"), lives_at("d5", "did:bank", "DE00", "bank"),
         revenue("c1", "did:cooling", "30.00"), lives_at("d6", "did:cooling", "acct_old"),
         lives_at("d7", "did:cooling", "acct_new"))


def plan_tells(s):
    status, _, answer = s.post("/v1/payouts/holds", {"party": "did:held", "reason": "asked"})
    equal((status, answer["hold"]), (201, "supervisor"), "a hold")
    rows, answer = plan(s)
    equal({p: r["code"] for p, r in rows.items()},
          {"did:creator": None, "did:small": "below_minimum", "did:fee": None,
           "did:lost": "destination_missing", "did:held": "party_held",
           "did:bank": "destination_missing", "did:cooling": "destination_cooling"},
          "who is left out and why")
    equal((answer["totals"]["paid"], answer["totals"]["amount_minor"], answer["totals"]["left_out"],
           answer["totals"]["carried_minor"]), (2, "85950", 5, "12400"), "what it comes to")
    ok("minimum" in rows["did:small"]["what"] and "carried on" in rows["did:small"]["what"],
       "in words", rows["did:small"]["what"])
    status, _, answer = s.post("/v1/payouts/plan", {"schedule": "monthly"})
    rows = {p["party"]: p for p in answer["parties"]}
    equal(rows["did:fee"]["code"], "fee_above_cap", "a schedule carries on what the fee would eat")
    equal(rows["did:creator"]["code"], None, "and pays the others")
    pages, after = [], None
    for _ in range(10):
        body = {"asset": "USD", "rail": "stripe", "limit": 3}
        answer = s.post("/v1/payouts/plan", {**body, **({"after": after} if after else {})})[2]
        pages += [p["party"] for p in answer["parties"]]
        after = answer["next"]
        if after is None:
            break
    equal(len(pages), len(set(pages)), "in pages, nobody twice")
    equal(len(pages), 7, "everybody")
    for body, pointer in (({"schedule": "weekly"}, "/schedule"), ({"rail": "stripe"}, "/asset"),
                          ({"asset": "USD", "rail": "stripe", "at": "soon"}, "/at")):
        status, _, answer = s.post("/v1/payouts/plan", body)
        ok(status >= 400 and answer["pointer"] == pointer, f"refused: {body}", answer)


def one_batch(s):
    """The 847.50 of the sources: three of them, one payout."""
    body = {"batch_id": "first", "asset": "USD", "rail": "stripe"}
    status, headers, answer = s.post("/v1/payouts/batches", body)
    equal((status, headers["Location"], answer["batch_id"]),
          (202, "/v1/payouts/batches/first", "first"), "opened")
    row = finished(s, "first")
    equal((row["transfers"], row["amount_minor"], row["states"]),
          ("2", "85950", [{"state": "queued", "transfers": "2", "amount_minor": "85950"}]),
          "progress, by state")
    equal(s.post("/v1/payouts/batches", body)[0], 200, "opened again: it is there")
    equal(s.post("/v1/payouts/batches", {**body, "rail": "bank"})[0], 409, "another one is not")
    row = finished(s, "first")
    equal(row["transfers"], "2", "nobody is queued twice")
    payouts = s.get("/v1/payouts?batch=first&party=did:creator")[2]["payouts"]
    equal(len(payouts), 1, "one payout to the creator")
    p = s.get("/v1/payouts/" + payouts[0]["transfer_id"])[2]
    equal({(l["source"], l["amount_minor"]) for l in p["lines"]},
          {("music_streaming", "24520"), ("cli_usage", "43210"), ("event_revenue", "17020")},
          "its lines, by source")
    equal((p["amount_minor"], sum(int(l["amount_minor"]) for l in p["lines"])), ("84750", 84750),
          "which come to 847.50")
    equal(p["destination"], "\u20267890", "the destination is masked")
    ok("acct_1234567890" not in json.dumps(p), "and stands nowhere")
    equal((p["state"], p["steps"], p["hold"]), ("queued", [], None), "no attempt yet")
    return p["transfer_id"]


def in_between(s, payout):
    """What came after, and what was taken back, is of the next payout."""
    post(s, revenue("m4", "did:creator", "20.00", "music_streaming"),
         event("r1", "revenue.reversed", {"reverses": "m3", "amount": usd("5.00")}))
    status, _, answer = s.post("/v1/payouts/batches",
                               {"batch_id": "second", "asset": "USD", "rail": "stripe"})
    equal(status, 202, "a second batch")
    finished(s, "second")
    payouts = s.get("/v1/payouts?batch=second")[2]["payouts"]
    equal([(p["party"], p["amount_minor"]) for p in payouts], [("did:creator", "1500")],
          "pays what is left")
    p = s.get("/v1/payouts/" + payouts[0]["transfer_id"])[2]
    equal({(l["source"], l["what"], l["amount_minor"]) for l in p["lines"]},
          {("music_streaming", "earned", "2000"), ("event_revenue", "reversed", "-500")},
          "its lines say what was taken back")
    post(s, event("r2", "revenue.reversed", {"reverses": "m2", "amount": usd("100.00")}))
    rows, _ = plan(s)
    ok(rows["did:creator"]["debt_minor"] == "10000" and "owes 100.00 USD" in
       rows["did:creator"]["what"], "a debt, in plain words", rows["did:creator"])
    status, _, answer = s.post(f"/v1/payouts/{p['transfer_id']}/cancel", {"reason": "not yet"})
    equal((status, answer["state"], answer["held_minor"]), (200, "cancelled", "0"), "cancelled")
    equal(answer["steps"][-1]["reason"], "not yet", "with its reason")
    equal(s.post(f"/v1/payouts/{p['transfer_id']}/cancel", {"reason": "again"})[0], 200,
          "cancelling twice is once")
    equal(s.post(f"/v1/payouts/{p['transfer_id']}/cancel", {})[0], 422, "a reason is asked for")
    rows, _ = plan(s)
    equal(rows["did:creator"]["debt_minor"], "8500", "what was put aside pays the debt first")
    tree = s.get("/v1/explain/" + payout)[2]
    text = json.dumps(tree)
    ok("queued" in text and "music_streaming" in text, "explain tells of a payout", text)


def holds(s):
    status, _, answer = s.post("/v1/payouts/holds", {"party": "did:fee", "reason": "fraud check"})
    equal(status, 201, "a hold")
    payout = s.get("/v1/payouts?party=did:fee")[2]["payouts"][0]["transfer_id"]
    whole = s.get("/v1/payouts/" + payout)[2]
    equal(whole["hold"], "supervisor", "which its payout says")
    status, _, answer = s.post(f"/v1/payouts/{payout}/release", {"reason": "checked"})
    equal((status, answer["hold"]), (200, None), "released by the payout")
    equal(s.post(f"/v1/payouts/{payout}/release", {"reason": "checked"})[0], 409, "once")
    equal(s.post("/v1/payouts/po_0/release", {"reason": "x"})[0], 404, "no such payout")
    equal(s.post("/v1/payouts/holds", {"party": "did:nobody", "reason": "x"})[0], 404,
          "a party that the log does not name")


def schedules(s):
    status, _, answer = s.post("/v1/payouts/batches", {"schedule": "monthly",
                                                       "period": "2025-01"})
    equal((status, answer["batch_id"], answer["cutoff_at"]),
          (202, "monthly/2025-01", "2025-01-31T23:59:59.999999Z"), "a period by its name")
    equal(s.post("/v1/payouts/batches", {"schedule": "monthly", "period": "2025-01"})[0], 200,
          "exists once")
    for body in ({"schedule": "monthly", "period": "2999-01"},
                 {"schedule": "monthly", "period": "2025-W01"}, {"schedule": "pull"},
                 {"schedule": "monthly", "rail": "bank"}, {"rail": "bank"}):
        ok(400 <= s.post("/v1/payouts/batches", body)[0] < 500, f"refused: {body}")
    equal(s.post("/v1/payouts/batches", {"schedule": "yearly"})[0], 404, "no such schedule")
    finished(s, "monthly/2025-01")
    listed = [b["batch_id"] for b in s.get("/v1/payouts/batches")[2]["batches"]]
    equal(listed, ["first", "second", "monthly/2025-01"], "batches, oldest first")
    first = s.get("/v1/payouts/batches?limit=2")[2]
    rest = s.get("/v1/payouts/batches?limit=2&after=" + first["next"])[2]
    equal([b["batch_id"] for b in first["batches"] + rest["batches"]], listed, "in pages")
    equal(rest["next"], None, "to the end")


def by_itself(s):
    post(s, revenue("p1", "did:puller", "80.00"), lives_at("p2", "did:puller", "acct_puller"))
    own = s.make_key("payout:write,earnings:read", "--party", "did:puller")
    status, _, answer = s.post("/v1/payouts/request", {"schedule": "pull", "amount": "60.00"},
                               key=own)
    equal((status, answer["code"]), (409, "payout_limit"), "more than the schedule allows at once")
    status, _, answer = s.post("/v1/payouts/request", {"schedule": "monthly"}, key=own)
    equal(status, 404, "that schedule is not on demand")
    status, _, answer = s.post("/v1/payouts/request", {"schedule": "pull"}, key=own)
    equal((status, answer["party"], answer["amount_minor"]), (201, "did:puller", "5000"),
          "asked for, up to the bound")
    mine = answer["transfer_id"]
    status, _, answer = s.post("/v1/payouts/request", {"schedule": "pull"}, key=own)
    equal((status, answer["code"]), (409, "payout_limit"), "once a day")
    equal([p["transfer_id"] for p in s.get("/v1/payouts", key=own)[2]["payouts"]], [mine],
          "a bound key sees its own alone")
    other = s.get("/v1/payouts?batch=first", key=s.key)[2]["payouts"][0]["transfer_id"]
    equal(s.get("/v1/payouts/" + other, key=own)[0], 404, "others do not exist for it")
    equal(s.get("/v1/payouts?party=did:creator", key=own)[0], 404, "nor others' lists")
    for method, path in (("POST", "/v1/payouts/plan"), ("POST", "/v1/payouts/batches"),
                         ("GET", "/v1/payouts/batches"), ("GET", "/v1/payouts/batches/first"),
                         ("POST", f"/v1/payouts/{mine}/cancel"), ("POST", "/v1/payouts/holds"),
                         ("POST", f"/v1/payouts/{mine}/release")):
        body = {"reason": "x", "party": "did:puller"} if method == "POST" else None
        equal(s.request(method, path, body, key=own)[0], 403, f"{method} {path} is not for it")
    equal(s.post("/v1/payouts/request", {"schedule": "pull"}, key=s.key)[0], 403,
          "a key of nobody asks for nobody")


def scopes(s):
    reader = s.make_key("earnings:read")
    writer = s.make_key("payout:write")
    equal(s.get("/v1/payouts", key=reader)[0], 200, "earnings:read lists payouts")
    equal(s.post("/v1/payouts/plan", {"asset": "USD", "rail": "stripe"}, key=reader)[0], 403,
          "and plans none")
    equal(s.post("/v1/payouts/plan", {"asset": "USD", "rail": "stripe"}, key=writer)[0], 200,
          "payout:write plans")
    equal(s.post("/v1/payouts/holds", {"party": "did:fee", "reason": "x"}, key=writer)[0], 403,
          "and holds nobody")


def killed():
    """kill -9 while a batch is filled: it goes on, nobody twice, the sums are equal."""
    with Served() as s:
        s.post("/v1/events", [event("c", "book.configured", {"clear_after_days": 0})])
        total = 0
        for at in range(0, PARTIES, 500):
            rows = []
            for i in range(at, at + 500):
                total += 100 * (i % 7 + 1)
                rows += [revenue(f"r{i}", f"did:p{i}", f"{i % 7 + 1}.00"),
                         lives_at(f"d{i}", f"did:p{i}", f"acct_{i}")]
            s.post("/v1/events", rows)
        status, _, answer = s.post("/v1/payouts/batches",
                                   {"batch_id": "big", "asset": "USD", "rail": "stripe"})
        equal(status, 202, f"a batch for {PARTIES} parties")
        kills, seen = 0, [0]
        while kills < 4:
            s.stop(signal.SIGKILL)
            kills += 1
            s.start()
            seen.append(int(batch(s, "big")["transfers"]))
        note(f"queued when it came back after each kill: {seen[1:]}")
        ok(seen == sorted(seen), "what was queued stays queued", seen)
        row = finished(s, "big")
        equal((row["transfers"], row["amount_minor"]), (str(PARTIES), str(total)),
              "everybody once, the sums are equal")
        s.stop()
        s.start()
        equal(int(batch(s, "big")["transfers"]), PARTIES, "and stays so")
        got, after = [], "0"
        while after:
            answer = s.get(f"/v1/payouts?batch=big&limit=1000&after={after}")[2]
            got += [p["party"] for p in answer["payouts"]]
            after = answer["next"]
        equal((len(got), len(set(got))), (PARTIES, PARTIES), "as many parties as payouts")
        s.stop()
        subprocess.run([METE, "audit", "--store", str(s.store), "--quiet"], check=True)


def main():
    with Served() as s:
        book(s)
        s.key = s.make_key("payout:write,payout:approve,earnings:read,revenue:write,admin,"
                           "revenue:read")
        plan_tells(s)
        payout = one_batch(s)
        in_between(s, payout)
        holds(s)
        schedules(s)
        by_itself(s)
        scopes(s)
        told = s.mete("payout", "show", payout)
        ok("music_streaming" in told and "847.50 USD" in told, "mete payout show", told)
    killed()
    done()


main()

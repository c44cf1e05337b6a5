# SPDX-License-Identifier: Apache-2.0
"""covers: F-049 F-058 F-059 F-082 R-019 R-022
The worker's door: what is due is claimed once, steps are booked once, all or none where that is
asked for; then the thread of `mete serve` and the program `mete worker` pay out over the internal
ledger, with destinations that only they can open."""
import json
import os
import sqlite3
import subprocess

from served import METE, Served, done, equal, event, ok, until

QUEUE = os.environ["QUEUE_PAYOUTS"]
SECRET = "wallet-of-nobody-else"
USD = "USD"


def earn(s, parties, rail, at="2025-01-01T00:00:00Z"):
    events = [event("conf", "book.configured", {"clear_after_days": 0}, at)]
    for i in range(parties):
        events.append(event(f"r{i}", "revenue.received", {
            "party": f"did:p{i}", "amount": {"amount": f"{10 + i}.50", "currency": USD}}, at))
        events.append(event(f"d{i}", "party.destination_set", {
            "party": f"did:p{i}", "rail": rail, "destination": f"{SECRET}-{i}"}, at))
    status, _, body = s.post("/v1/events", {"events": events})
    ok(status in (200, 202) and {r["status"] for r in body["results"]} == {"applied"},
       f"{parties} parties have money and a place for it", body)


def queue(s, batch, rail, parties):
    """While no server has the store."""
    s.stop()
    out = subprocess.run([QUEUE, str(s.store), "main", batch, rail, USD], capture_output=True,
                         text=True, check=True).stdout
    s.start()
    equal(int(out), parties, f"{parties} payouts are queued")


def claim(s, rails, **more):
    return s.post("/v1/payouts/claims", {"rails": rails, **more})


def say(s, *steps, **more):
    status, _, body = s.post("/v1/payouts/steps", {"steps": list(steps), **more})
    return body["results"] if status == 200 else (status, body)


def told(results):
    return [(r["status"], r["code"]) for r in results]


def sending(payout, anchor, attempt=1, look=0, **more):
    return {"transfer_id": payout["transfer_id"], "step": "sending", "attempt": attempt,
            "look": look, "anchor": anchor, **more}


# --- who may -------------------------------------------------------------------------------------

def scopes(s):
    work = s.make_key("payout:work")
    other = s.make_key("payout:write,payout:approve,admin,audit:read")
    for path, body in (("/v1/payouts/claims", {"rails": ["test"]}),
                       ("/v1/payouts/steps", {"steps": [{"transfer_id": "x", "step": "sent"}]})):
        equal(s.post(path, body, key=other)[0], 403, f"{path} needs payout:work")
        equal(s.post(path, body, key=work)[0], 200, "and whoever has it may")
        bound = s.make_key("payout:work,earnings:read", "--party", "did:p0")
        equal(s.post(path, body, key=bound)[0], 403, "but nobody who is bound to a party")
    return work


def forms(s):
    for body in ({}, {"rails": []}, {"rails": [1]}, {"rails": ["x"] * 33}, {"rails": "x"},
                 {"rails": ["x"], "max": 1001}, {"rails": ["x"], "max": -1},
                 {"rails": ["x"], "lease_s": "long"}):
        equal(s.post("/v1/payouts/claims", body)[0], 400, f"no claim: {str(body)[:60]}")
    for steps in ([], [1], [{}], [{"transfer_id": "x"}], [{"transfer_id": "x", "step": "queued"}],
                  [{"transfer_id": "x", "step": "sent", "attempt": "1"}],
                  [{"transfer_id": "x", "step": "sent", "retry_at": "soon"}],
                  [{"transfer_id": "x", "step": "sent", "body": 1}],
                  [{"transfer_id": "x", "step": "sent", "other": 1}]):
        equal(s.post("/v1/payouts/steps", {"steps": steps})[0], 400, f"no step: {steps}")


def rehearsals(s):
    """A claim that takes no lease would be none: it is refused. Steps are tried, and nothing is kept."""
    path = "/v1/payouts/claims?dry_run=true"
    answer = s.post(path, {"rails": ["test"], "max": 1, "lease_s": 600})
    equal((answer[0], answer[2].get("code")), (400, "request_invalid"), "no rehearsal of a claim")
    payout = claim(s, ["test"], max=1, lease_s=600)[2]["payouts"][0]
    status, _, body = s.post("/v1/payouts/steps?dry_run=true",
                             {"steps": [sending(payout, "rehearsed", look=None)]})
    equal((status, told(body["results"])), (200, [("applied", None)]), "a step would be taken")
    unprepared = {"transfer_id": payout["transfer_id"], "step": "failed", "attempt": 1,
                  "unprepared": True, "reason": "x", "retry_at": "2025-01-01T00:00:00Z"}
    status, _, body = s.post("/v1/payouts/steps?dry_run=true", {"steps": [unprepared]})
    equal((status, told(body["results"])), (200, [("applied", None)]), "or another")
    ok(payout["transfer_id"] not in [p["transfer_id"] for p in
                                     claim(s, ["test"], max=1000, lease_s=0)[2]["payouts"]],
       "its lease goes on")
    equal(s.get("/v1/payouts/" + payout["transfer_id"])[2]["state"], "queued", "and it is as it was")
    for method, path, body in (("POST", "/api/auth/keys", {"scopes": ["earnings:read"]}),
                               ("PUT", "/api/auth/keys/key_0", {}), ("DELETE", "/api/auth/keys/key_0", None)):
        answer = s.request(method, path + "?dry_run=true", body)
        equal((answer[0], answer[2].get("code")), (400, "request_invalid"), f"no rehearsal of {method} {path}")
    s.stop()  # leases end
    s.start()


# --- claims and steps ----------------------------------------------------------------------------

def one_payout(s):
    status, _, body = claim(s, ["test"], max=1, lease_s=600)
    payout = body["payouts"][0]
    equal((status, len(body["payouts"]), payout["state"], payout["attempts"], payout["bodies"]),
          (200, 1, "queued", 0, []), "one payout is claimed")
    number = payout["party"].removeprefix("did:p")
    equal((payout["destination"], payout["asset"], payout["amount"]),
          (f"{SECRET}-{number}", {"code": "USD", "scale": 2}, f"{10 + int(number)}.50"),
          "with its destination")
    equal(told(say(s, sending(payout, "a1", body="pay " + SECRET, group="g"))), [("applied", None)],
          "an attempt is committed")
    first = say(s, sending(payout, "a1", body="pay " + SECRET, group="g"))
    equal(told(first), [("duplicate", None)], "said again it is booked once")
    equal(told(say(s, sending(payout, "a2"))), [("conflict", "conflict")],
          "another anchor under the same name is none")
    equal(told(say(s, sending(payout, "a2", 2))), [("refused", "state_forbids")],
          "and no second attempt is made while the first may pay")
    return payout, first[0]["event_id"]


def what_became(s, payout, event_id):
    unknown = {"transfer_id": payout["transfer_id"], "step": "unknown", "attempt": 1, "look": 1,
               "reason": "no answer"}
    equal(told(say(s, unknown)), [("applied", None)], "nobody knows")
    equal(told(say(s, {**unknown, "reason": "mail nobody@example.org", "look": 2})),
          [("refused", "pii_email")], "a reason with a person in it is not kept")
    stored = s.get(f"/v1/events/{event_id}")[2]
    ok("commit:" in str(stored) and SECRET not in str(stored), "the log has no bytes, but a commitment",
       stored)
    until("it is due again", lambda: payout["transfer_id"] in [
        p["transfer_id"] for p in claim(s, ["test"], max=1000, lease_s=0)[2]["payouts"]])
    again = next(p for p in claim(s, ["test"], max=1000, lease_s=0)[2]["payouts"]
                 if p["transfer_id"] == payout["transfer_id"])
    equal((again["state"], again["attempts"], again["looks"], again["anchor"], again["group"],
           again["bodies"]), ("unknown", 1, 1, "a1", "g", ["pay " + SECRET]),
          "whoever comes next has the same bytes")
    paid = {"transfer_id": payout["transfer_id"], "step": "paid", "attempt": 1, "proof": "p",
            "fee": {"amount": "0.25", "currency": USD}}
    equal(told(say(s, paid)), [("applied", None)], "it is paid")
    equal(told(say(s, paid)), [("duplicate", None)], "once")
    balance = s.get(f"/v1/parties/{payout['party']}/balance")[2]["balances"][0]
    equal(balance["paid"], payout["amount"].replace(".", ""), "and the balance says so")


def leases(s, parties):
    ids = [p["transfer_id"] for p in claim(s, ["test"], max=1000, lease_s=600)[2]["payouts"]]
    equal(len(ids), parties - 1, "the others are claimed")
    equal(claim(s, ["test"], max=1000)[2]["payouts"], [], "and nobody gets them twice")
    equal(claim(s, ["other"], max=1000)[2]["payouts"], [], "nor those of a rail that is not asked for")
    unprepared = {"transfer_id": ids[0], "step": "failed", "attempt": 1, "unprepared": True,
                  "reason": "its host is away", "retry_at": "2025-01-01T00:00:00Z"}
    equal(told(say(s, unprepared)), [("applied", None)], "one cannot be prepared")
    back = claim(s, ["test"], max=1000, lease_s=600)[2]["payouts"]
    equal([(p["transfer_id"], p["state"], p["attempts"], p["anchor"]) for p in back],
          [(ids[0], "failed", 1, None)], "which ends its lease, and counts")
    return ids


def groups(s, ids):
    """All of them or none."""
    three = [{"transfer_id": t} for t in ids[1:4]]
    held = [sending(p, f"g{i}", body="all", group="g") for i, p in enumerate(three)]
    bad = [*held[:2], {**held[2], "anchor": "a1"}]
    equal(told(say(s, *bad, whole=True)),
          [("refused", "step_left_out"), ("refused", "step_left_out"), ("refused", "anchor_used")],
          "one is refused, so none is taken")
    same = [*held[:2], {**held[2], "anchor": "g0"}]
    equal(told(say(s, *same, whole=True))[2], ("refused", "request_invalid"),
          "two payments with one anchor are none")
    equal({r[0] for r in told(say(s, *held, whole=True))}, {"applied"}, "then all are taken")
    equal({r[0] for r in told(say(s, *held, whole=True))}, {"duplicate"}, "once")
    equal(told(say(s, {"transfer_id": "nobody's", "step": "sent", "attempt": 1})),
          [("refused", "transfer_unknown")], "a payout that is none")


# --- over a rail ---------------------------------------------------------------------------------

def wallets(folder):
    db = sqlite3.connect(f"file:{folder}/wallets.db?mode=ro", uri=True)
    try:
        return dict(db.execute("SELECT wallet, balance FROM wallet")), \
            db.execute("SELECT COUNT(*), COUNT(DISTINCT transfer) FROM credit").fetchone()
    finally:
        db.close()


def paid(folder):
    try:
        return wallets(folder)[1][0]
    except sqlite3.OperationalError:
        return 0


def wanted(parties):
    return {f"{SECRET}-{i}": (10 + i) * 100 + 50 for i in range(parties)}


def configuration(s, name="mete.conf", **more):
    path = s.folder / name
    path.write_text("[rails]\n" + "".join(f"{k} = {v}\n" for k, v in more.items()) +
                    f"[internal_ledger]\nfile = {s.folder}/wallets.db\n")
    return {"METE_CONFIG": str(path)}


def doctor(s, **more):
    out = subprocess.run([METE, "doctor", "--json", "--store", str(s.store), "--listen",
                          "127.0.0.1:0"], env={**s.env, **configuration(s, "doctor.conf", **more)},
                         capture_output=True, text=True).stdout
    return [(f["finding"], f["what"], f["message"]) for f in json.loads(out)
            if f["what"] in ("rails", "destinations", "payouts")]


def doctors(s, parties):
    equal(doctor(s)[0], ("ok", "rails", "none: nobody pays out here"), "mete doctor sees no rail")
    found = doctor(s, rails="ledger")
    equal([f[:2] for f in found],
          [("ok", "rails"), ("warning", "destinations"), ("ok", "payouts")], "and sees one")
    equal(found[-1][2], f"main: {parties} on their way, of them 0 in doubt", "and what is on its way")
    bad = doctor(s, rails="ledger,nowhere")[0]
    ok(bad[:2] == ("error", "rails") and "internal_ledger" in bad[2], "and a rail that is none", bad)


def by_the_server(parties):
    s = Served()
    s.env.update(configuration(s, rails="internal"))
    with s:
        earn(s, parties, "internal_ledger")
        queue(s, "b1", "internal_ledger", parties)
        until("the thread of the server pays them", lambda: paid(s.folder) == parties)
        equal(wallets(s.folder), (wanted(parties), (parties, parties)), "each once, and all of it")
        until("and says so", lambda: (s.folder / "log").read_text().count(": paid") == parties)
        log = (s.folder / "log").read_text()
        ok(SECRET not in log, "without saying where to", log[-500:])
        until("it is booked", lambda: s.get("/v1/parties/did:p0/balance")[2]
              ["balances"][0]["paid"] == "1050")
        metrics = s.get("/metrics")[2]
        ok('mete_payout_outcomes_total{call="send",outcome="paid"} %d' % parties in metrics and
           'mete_payouts{book="main",state="paid"} %d' % parties in metrics,
           "and the metrics count it", [m for m in metrics.splitlines() if "payout" in m])


def by_the_program(parties):
    """The server has no rails; destinations are sealed to the worker."""
    s = Served()
    keys = s.folder / "worker.keys"
    env = {**s.env, **configuration(s, rails="internal_ledger", worker_keys_file=keys)}
    with s:
        s.stop()
        subprocess.run([METE, "worker", "key", str(keys), "--store", str(s.store)], env=s.env,
                       check=True, capture_output=True)
        s.start()
        earn(s, parties, "internal_ledger")
        queue(s, "b1", "internal_ledger", parties)
        doctors(s, parties)
        key = s.make_key("payout:work")
        s.key = key
        seen = claim(s, ["internal_ledger"], lease_s=0)[2]["payouts"][0]["destination"]
        ok(SECRET not in seen and seen.startswith("box:"), "the server cannot open destinations", seen)
        command = [METE, "worker", "--url", f"http://127.0.0.1:{s.port}", "--until-idle"]
        nobody = subprocess.run(command, env=env, capture_output=True, text=True)
        equal(nobody.returncode, 1, "without a key a worker ends")
        ok("key" in nobody.stderr, "and says why", nobody.stderr)
        run = subprocess.run(command, env={**env, "METE_API_KEY": key}, capture_output=True, text=True)
        equal((run.returncode, run.stdout.count(" paid ")), (0, parties),
              "mete worker pays them" + ("" if run.returncode == 0 else run.stderr))
        equal(wallets(s.folder), (wanted(parties), (parties, parties)), "each once, and all of it")
        ok(SECRET not in run.stdout + run.stderr, "without saying where to")


with Served() as server:
    server.key = scopes(server)
    forms(server)
    server.key = server.make_key("payout:work,payout:write,admin,revenue:write,policy:write,"
                                 "earnings:read,revenue:read,audit:read")
    earn(server, 8, "test")
    queue(server, "b1", "test", 8)
    rehearsals(server)
    what_became(server, *one_payout(server))
    groups(server, leases(server, 8))
by_the_server(20)
by_the_program(20)
done()

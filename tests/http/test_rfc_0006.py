# SPDX-License-Identifier: Apache-2.0
"""covers: R-009 R-010 R-015 R-016 R-017 R-021 R-022 R-023 R-024 R-025 R-026 R-027 R-029 R-032 R-035
RFC 0006 told by the clock: an offer is bought, three roles share it, a supervisor disputes on day 6,
nothing of it is paid on day 8, nobody decides and it has cleared by day 22; the payout goes over the
threshold; the provider is down, three retries are made and it fails for good; the amount is back in the
balance, the supervisors are told, the agent reads what to do, sets a new address, waits for it to cool
off, and is paid. The worker is this test, at the worker's door."""
import datetime
import json
import subprocess
import urllib.parse

from served import METE, done, equal, event, note, ok, until
from travel import Travel

AUTHOR, EDITOR, DISTRIBUTOR = "agent:author", "agent:editor", "agent:distributor"
OLD, NEW = "author@down.example", "author@up.example"


class Story:
    def __init__(self, s):
        self.s = s
        self.boss = s.make_key("admin,revenue:write,revenue:read,policy:write,payout:write,"
                               "payout:approve,earnings:read,audit:read")
        self.supervisor = s.make_key("dispute:write,earnings:read,revenue:read")
        self.worker = s.make_key("payout:work")
        self.agent = s.make_key("earnings:read,payout:write,dispute:write", "--party", AUTHOR)
        self.batches = 0

    def note(self, text):
        note(f"{self.s.now()}  {text}")

    def tell(self, name, kind, payload, key=None):
        answer = self.s.post("/v1/events", event(name, kind, payload, self.s.now()),
                             key=key or self.boss)[2]
        equal(answer["results"][0]["status"], "applied", f"{kind}: {name}")

    def mine(self):
        return self.s.get("/api/agents/me/earnings", key=self.agent)[2]["data"]

    def sums(self):
        d = self.mine()
        return tuple(int(d[k]) for k in ("pending", "disputed", "cleared", "on_the_way", "paid"))

    def events(self, kind):
        rows = self.s.get("/v1/events?limit=1000", key=self.boss)[2]["events"]
        return [r["event"] for r in rows if r["event"]["event_type"] == kind]

    def plan(self):
        """Who would be left out of a payout now, and why."""
        answer = self.s.post("/v1/payouts/plan", {"asset": "SAT", "rail": "lightning"},
                             key=self.boss)[2]
        return {p["party"]: p["code"] for p in answer["parties"]}

    def batch(self):
        """Pays all who can be: the transfers it made."""
        self.batches += 1
        name = f"batch-{self.batches}"
        status, _, answer = self.s.post("/v1/payouts/batches", {
            "batch_id": name, "asset": "SAT", "rail": "lightning", "cutoff_at": self.s.now()},
            key=self.boss)
        assert status == 202, answer
        path = "/v1/payouts/batches/" + name
        until(f"{name} is filled", lambda: self.s.get(path, key=self.boss)[2]["status"]
              != "queueing")
        answer = self.s.get(f"/v1/payouts?batch={name}", key=self.boss)[2]
        return [(p["transfer_id"], p["party"], p["amount_minor"]) for p in answer["payouts"]]

    # The worker's door.

    def claim(self):
        answer = self.s.post("/v1/payouts/claims", {"max": 10, "lease_s": 30,
                                                    "rails": ["lightning"]}, key=self.worker)[2]
        return answer["payouts"]

    def step(self, transfer, step, attempt=None, **more):
        body = {"transfer_id": transfer, "step": step, **more}
        if attempt is not None:
            body["attempt"] = attempt
        answer = self.s.post("/v1/payouts/steps", {"steps": [body]}, key=self.worker)[2]
        return answer["results"][0]["status"]


def purchase(t):
    """Day 0: 1,000 sats, 50 of them fees; 70/10/20 of 950, what is left over to the author."""
    t.note("day 0: an offer is bought")
    for role, party in (("author", AUTHOR), ("editor", EDITOR), ("distributor", DISTRIBUTOR)):
        t.tell(f"c-{role}", "contribution.recorded", {
            "content_item_id": "article-1", "party": party, "role": role, "weight": 1})
    t.tell("purchase-1", "revenue.received", {
        "content_item_id": "article-1", "amount": {"amount": "1000", "currency": "SAT"},
        "fee": {"amount": "50", "currency": "SAT"}, "source": "offer_purchase",
        "source_ref": "payment-hash-1"})
    t.tell("to-1", "party.destination_set", {"party": AUTHOR, "rail": "lightning",
                                             "destination": OLD}, t.agent)
    rows = t.s.get("/v1/allocations?event=purchase-1", key=t.supervisor)[2]["allocations"]
    equal({r["role"]: (r["party"], r["amount"], r["state"]) for r in rows},
          {"author": (AUTHOR, "665", "pending"), "editor": (EDITOR, "95", "pending"),
           "distributor": (DISTRIBUTOR, "190", "pending")}, "split by role, all of it pending")
    equal(t.sums(), (665, 0, 0, 0, 0), "the agent sees its share at once")
    return next(r["allocation_id"] for r in rows if r["role"] == "author")


def disputed(t, share):
    t.s.day(6)
    t.note("day 6: a supervisor disputes the author's share")
    status, _, answer = t.s.post("/v1/disputes", {
        "allocation_id": share, "reason": "the text is from elsewhere",
        "evidence": {"url": "https://example.org/original"}}, key=t.supervisor)
    equal(status, 201, "disputed") or note(answer)
    equal(t.sums(), (0, 665, 0, 0, 0), "it is held")
    t.s.day(8)
    t.note("day 8: the window of the others is over")
    states = {r["role"]: r["state"] for r in t.s.get("/v1/allocations?event=purchase-1",
                                                     key=t.supervisor)[2]["allocations"]}
    equal(states, {"author": "disputed", "editor": "cleared", "distributor": "cleared"},
          "they have cleared, it has not")
    plan = t.plan()
    equal((plan.get(EDITOR), plan.get(DISTRIBUTOR)), ("below_minimum", "below_minimum"),
          "below 500 sats nothing is paid")
    ok(plan.get(AUTHOR) is not None or AUTHOR not in plan, "nor what is disputed", plan)
    equal(t.batch(), [], "so a batch pays nobody")


def lapses(t, share):
    t.s.day(19, hours=23)
    equal(t.sums()[1], 665, "day 19: held for 14 days")
    t.s.day(22)
    t.note("day 22: nobody has decided")
    equal(t.sums(), (0, 0, 665, 0, 0), "it has cleared by itself")
    until("and the clerk has said so", lambda: t.events("allocation.cleared_through")[-1:] and
          t.events("allocation.cleared_through")[-1]["payload"]["through"][:10] == "2026-03-24")
    path = "/v1/disputes/" + urllib.parse.quote(share, safe="")
    d = t.s.get(path, key=t.supervisor)[2]
    equal((d["dispute"]["state"], [(h["state"], h["at"][:10]) for h in d["history"]]),
          ("lapsed", [("pending", "2026-03-02"), ("disputed", "2026-03-08"),
                      ("cleared", "2026-03-22")]), "the audit trail")
    equal(d["history"][1]["reason"], "the text is from elsewhere", "with why")


def provider_down(t):
    """The first attempt and three more: after 1 min, 10 min and 1 h."""
    t.note("over the threshold: a payout")
    payouts = t.batch()
    equal([p[1:] for p in payouts], [(AUTHOR, "665")], "665 exceed 500")
    transfer = payouts[0][0]
    equal(t.sums(), (0, 0, 0, 665, 0), "on its way")
    start = t.s.clock()
    waits = (0, 61, 601, 3601)
    after = 0
    for attempt, wait in enumerate(waits, 1):
        after += wait
        if wait:
            t.s.to(start + datetime.timedelta(seconds=after - 30))
            equal(t.claim(), [], f"attempt {attempt} waits")
            after += 30
            t.s.to(start + datetime.timedelta(seconds=after))
        claims = t.claim()
        equal([(c["transfer_id"], c["attempts"]) for c in claims], [(transfer, attempt - 1)],
              f"attempt {attempt} is due")
        t.note(f"attempt {attempt}: the provider is down")
        anchor = f"hash-{transfer}-{attempt}"
        equal(t.step(transfer, "sending", attempt, anchor=anchor, body="invoice"), "applied",
              "written down before the first byte")
        equal(t.step(transfer, "failed", attempt, reason="connection refused"), "applied",
              "nothing moved")
        equal(t.step(transfer, "failed", attempt, reason="connection refused"), "duplicate",
              "said twice, booked once")
    equal(t.step(transfer, "sending", 5, anchor="hash-5", body="invoice"), "refused",
          "there is no fifth")
    equal(t.step(transfer, "failed_permanent", reason="the provider did not answer",
                 remediation="Your Lightning address does not answer; set another one."),
          "applied", "it has failed for good")
    return transfer


def credited_again(t, transfer):
    t.note("permanent failure: the ledger gives it back")
    equal(t.sums(), (0, 0, 665, 0, 0), "665 are in the balance again")
    d = t.mine()
    equal((d["status"], d["remediation"]),
          ("PAYOUT_FAILED_PERMANENT",
           "Your Lightning address does not answer; set another one."), "the agent reads what to do")
    f = d["failed_payout"]
    equal((f["transfer_id"], f["state"], f["attempts"], f["reason"], f["amount"]),
          (transfer, "failed_permanent", 4, "the provider did not answer", "665"), "and why")
    equal((d["hold"]["kind"], d["next_payout"]["code"]), ("destination", "party_held"),
          "further payouts wait for it")
    told = t.events("payout.transfer_failed_permanent")
    equal([e["payload"]["transfer_id"] for e in told], [transfer], "the supervisors' feed has it")
    equal(t.batch(), [], "another batch leaves it out")
    equal(t.claim(), [], "nothing is to be done")


def mended(t):
    t.s.day(23)
    t.note("day 23: the agent sets a new address")
    t.tell("to-2", "party.destination_set", {"party": AUTHOR, "rail": "lightning",
                                             "destination": NEW}, t.agent)
    d = t.mine()
    equal((d["status"], d["hold"], d["next_payout"]["code"]), ("OK", None, "destination_cooling"),
          "it is no longer held; the address cools off")
    equal(d["next_payout"]["not_before"][:10], "2026-03-26", "for a day")
    equal((t.plan().get(AUTHOR), t.batch()), ("destination_cooling", []), "until then nothing")
    t.s.day(24, minutes=5)
    d = t.mine()
    equal((d["next_payout"]["payable"], d["next_payout"]["amount"]), (True, "665"), "now it holds")


def paid(t, failed):
    t.note("day 24: paid")
    payouts = t.batch()
    equal([p[1:] for p in payouts], [(AUTHOR, "665")], "one payout")
    transfer = payouts[0][0]
    ok(transfer != failed, "another one than the one that failed")
    c = t.claim()[0]
    equal(c["destination"], NEW, "to the new address")
    ok(OLD not in json.dumps(c), "not to the old one")
    equal((c["transfer_id"], c["amount"], c["state"]), (transfer, "665", "queued"), "whole")
    equal(t.step(transfer, "sending", 1, anchor="hash-last", body="invoice"), "applied", "sending")
    equal(t.step(transfer, "sent", 1), "applied", "sent")
    equal(t.sums(), (0, 0, 0, 665, 0), "on its way")
    said = [t.step(transfer, "paid", 1, proof="preimage") for _ in range(3)]
    equal(said, ["applied", "duplicate", "duplicate"], "paid once, however often it is said")
    equal(t.sums(), (0, 0, 0, 0, 665), "the agent has its money")
    d = t.mine()
    equal((d["status"], d["year_to_date"]), ("OK", {"year": 2026, "earned": "665",
                                                    "paid_out": "665"}), "the year so far")
    equal([(p["state"], p["attempts"]) for p in d["payouts"]],
          [("paid", 1), ("failed_permanent", 4)], "both payouts, newest first")
    equal([(h["event_type"], h["amount"]) for h in d["history"]],
          [("payout.transfer_queued", "-665"), ("payout.transfer_failed_permanent", "665"),
           ("payout.transfer_queued", "-665"), ("revenue.received", "665")],
          "every movement is a row")
    equal(t.batch(), [], "and there is nothing left to pay")


def reconciled(s):
    """From the log alone, by a program that shares nothing with the one that wrote it."""
    s.stop()
    audit = subprocess.run([METE, "audit", "--store", str(s.store)], env=s.env,
                           capture_output=True, text=True)
    equal(audit.returncode, 0, "mete audit recomputes every balance") or note(audit.stdout)
    log = (s.folder / "log").read_text() + s.store.read_bytes().decode("latin-1")
    ok(OLD not in log and NEW not in log, "no address stands in the clear in log or store")


def main():
    s = Travel()
    s.mete("init", "--preset", "agents")
    with s:
        t = Story(s)
        share = purchase(t)
        disputed(t, share)
        lapses(t, share)
        failed = provider_down(t)
        credited_again(t, failed)
        mended(t)
        paid(t, failed)
        reconciled(s)
    done()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
# covers: F-046 F-053 M-070 M-071 R-022 R-032
"""Payouts over Stripe, played by rail-sim with its faults: what left is what the book says, once,
also when the server is killed in the midst; and Stripe's webhooks, late, twice and forged."""
import hashlib
import hmac
import json
import pathlib
import signal
import tempfile
import time

from railsim import RailSim
from served import Served, done, equal, event, note, ok, until

SECRET = "whsec_of_the_endpoint"
FAULTS = ("cut_request", "cut_before", "cut_middle", "error_after", "garbage_body", "too_many",
          "redirect", "slow_body")
# party: account, and what becomes of its payout
PARTIES = {f"did:p{i}": (f"acct_good{i}", "paid") for i in range(len(FAULTS) + 2)}
PARTIES.update({"did:gone": ("acct_missing1", "failed_permanent"),
                "did:barred": ("acct_restricted1", "failed_permanent")})


def usd(cents):
    return {"amount": f"{cents // 100}.{cents % 100:02d}", "currency": "USD"}


def book(s):
    events = [event("conf", "book.configured", {"clear_after_days": 0})]
    for i, (party, (account, _)) in enumerate(PARTIES.items()):
        events += [event(f"r{i}", "revenue.received", {"party": party, "amount": usd(1001 + i)}),
                   event(f"d{i}", "party.destination_set",
                         {"party": party, "rail": "stripe", "destination": account})]
    status, _, answer = s.post("/v1/events", events)
    equal({r["status"] for r in answer["results"]}, {"applied"}, "a book with payees")


def payouts(s, batch):
    rows, cursor = [], ""
    status, _, answer = s.get(f"/v1/payouts?batch={batch}&limit=100{cursor}")
    rows += answer["payouts"]
    return {p["party"]: p for p in rows}


def at_rest(s, batch):
    return all(p["state"] in ("paid", "failed_permanent", "returned") for p in
               payouts(s, batch).values()) and len(payouts(s, batch)) == len(PARTIES)


def batch_of_faults(s, sim):
    for i, fault in enumerate(FAULTS):
        sim.fault(fault, "stripe.transfer.create", ms=200, s=1, skip=0,
                  text=sim.url("/elsewhere"))
    status, _, _ = s.post("/v1/payouts/batches", {"batch_id": "first", "asset": "USD",
                                                  "rail": "stripe"})
    equal(status, 202, "a batch")
    until("one payout has been sent", lambda: len(sim.payments(rail="stripe")) > 0, 60)
    s.stop(signal.SIGKILL)
    s.start()
    until("all payouts are at rest", lambda: at_rest(s, "first"), 120)
    rows = payouts(s, "first")
    equal({p: r["state"] for p, r in rows.items()}, {p: end for p, (_, end) in PARTIES.items()},
          "each ended as it should")
    moved = sim.payments(rail="stripe")
    equal(sorted((m["destination"], int(m["amount"])) for m in moved),
          sorted((account, 1001 + i) for i, (account, end) in enumerate(PARTIES.values())
                 if end == "paid"), "Stripe has moved what the book says, each once")
    fired = sim.fired()
    note(f"faults that fired: {fired}")
    equal({f for f in FAULTS if f not in fired}, set(), "each fault has struck")
    one = s.get("/v1/payouts/" + rows["did:gone"]["transfer_id"])[2]
    ok("connected account" in json.dumps(one), "who cannot be paid is told what to do", one)
    for party, (_, end) in PARTIES.items():
        b = s.get(f"/v1/parties/{party}/balance")[2]["balances"][0]
        equal(int(b["cleared"]) > 0, end == "failed_permanent",
              f"{party}: the money is {'back' if end != 'paid' else 'out'}")


# --- webhooks ------------------------------------------------------------------------------------

def signed(body, secret=SECRET, at=None):
    at = int(time.time() if at is None else at)
    sum_ = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={sum_}", "Content-Type": "application/json"}


def forged(s):
    body = json.dumps({"id": "evt_1", "object": "event", "type": "transfer.reversed", "created": 1,
                       "livemode": False, "data": {"object": {"id": "tr_1"}}}).encode()
    for headers, code in ((signed(body, "whsec_other"), "webhook_signature"), ({}, "webhook_signature"),
                          (signed(body, at=time.time() - 301), "webhook_stale"),
                          (signed(body + b" "), "webhook_signature")):
        status, _, answer = s.request("POST", "/webhooks/stripe", body, headers)
        equal((status, answer["code"]), (401, code), f"refused: {code}")
    status, _, answer = s.request("POST", "/webhooks/stripe", body, signed(body))
    equal((status, answer["status"]), (200, "ignored"), "what is none of ours")
    equal(s.request("POST", "/webhooks/stripe", b"{", signed(b"{"))[0], 400, "no JSON")
    body = json.dumps({"id": "evt_2", "object": "event", "type": "transfer.created", "created": 1,
                       "livemode": False, "data": {"object": {
                           "id": "tr_9", "object": "transfer", "amount": 100, "currency": "usd",
                           "destination": "acct_1", "livemode": False, "reversed": False,
                           "amount_reversed": 0, "balance_transaction": "txn_1",
                           "metadata": {"mete_transfer": "po_" + "0" * 32, "mete_attempt": "1",
                                        "book": "elsewhere"}}}}).encode()
    status, _, answer = s.request("POST", "/webhooks/stripe", body, signed(body))
    equal((status, answer.get("status"), answer.get("reason")),
          (200, "ignored", "there is no book elsewhere here"),
          "of a book that another installation has, Stripe need not say it again")
    until("who runs it is told", lambda: "evt_2" in (s.folder / "log").read_text())
    body = body.replace(b"elsewhere", b"../etc\\u0000")
    equal(s.request("POST", "/webhooks/stripe", body, signed(body))[0] in (200, 400), True, "nor of none")


def reversal(s, sim):
    for fault in ("webhook_twice", "webhook_order"):
        sim.fault(fault, "*")
    sim.request("POST", "/sim/webhook", json.dumps(
        {"url": f"http://127.0.0.1:{s.port}/webhooks/stripe", "secret": SECRET}))
    rows = payouts(s, "first")
    ids = {p: r["reference"] if "reference" in r else None for p, r in rows.items()}
    listed = sim.stripe("/transfers?limit=100")[2]["data"]
    by_account = {t["destination"]: t["id"] for t in listed}
    note(f"{len(ids)} payouts, {len(listed)} transfers")
    whole, part = by_account["acct_good0"], by_account["acct_good1"]
    equal(sim.stripe(f"/transfers/{whole}/reversals", {})[0], 200, "a transfer is reversed")
    equal(sim.stripe(f"/transfers/{part}/reversals", {"amount": 400})[0], 200, "a part of one")
    until("its payout came back", lambda: payouts(s, "first")["did:p0"]["state"] == "returned", 60)
    until("and the other one", lambda: payouts(s, "first")["did:p1"]["state"] == "returned", 60)
    cleared = [int(s.get(f"/v1/parties/did:p{i}/balance")[2]["balances"][0]["cleared"])
               for i in (0, 1, 2)]
    equal(cleared, [1001, 400, 0], "the money is the party's again, once")
    equal(sim.stripe(f"/transfers/{part}/reversals", {"amount": 200})[0], 200, "a further part")
    until("lies in the quarantine", lambda: [
        q for q in s.get("/v1/quarantine")[2]["refused"] if "a further part" in json.dumps(q)], 60)
    equal(s.get("/v1/parties/did:p1/balance")[2]["balances"][0]["cleared"], "400",
          "and moves nothing by itself")


KEYS = pathlib.Path(tempfile.mkdtemp(prefix="mete-stripe-"))
try:
    with RailSim("--seed", "3", "--hold", "300") as sim:
        for name, text in (("key", "sk_test_railsim\n"), ("webhook", SECRET + "\n")):
            (KEYS / name).write_text(text)
            (KEYS / name).chmod(0o600)
        (KEYS / "mete.conf").write_text(
            f"[rails]\nrails = stripe\n[stripe]\nkey_file = {KEYS}/key\nurl = {sim.url()}\n"
            f"webhook_key_file = {KEYS}/webhook\n")
        with Served("--config", str(KEYS / "mete.conf")) as server:
            book(server)
            batch_of_faults(server, sim)
            forged(server)
            reversal(server, sim)
            server.stop()
            log = (server.folder / "log").read_text()
            ok(": paid" in log and not any(f"{party} over" in log for party in PARTIES),
               "what is said of payouts names no party")
            ok("acct_good" not in log and "sk_test" not in log and SECRET not in log,
               "no destination and no key in the log")
            server.start()
finally:
    for path in KEYS.iterdir():
        path.unlink()
    KEYS.rmdir()
done()

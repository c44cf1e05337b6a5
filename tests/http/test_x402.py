# SPDX-License-Identifier: Apache-2.0
"""Payments by x402 over HTTP: steps, lists, one payment, what they add up to, policies of resources;
who may say and see what; all of it after a kill; and the auditor agrees.
covers: V-023 V-049 V-054 V-056
"""
import json
import os
import signal
import subprocess
import threading

from served import Served, done, equal, note, ok
from x402_steps import NETWORK, OTHER, TO, payment_id, reserve, settle, step

WORK = "x402:work"


def say(s, *steps, key=None):
    status, _, body = s.post("/v1/x402/steps", {"steps": list(steps)}, key=key)
    return [(r["status"], r["code"]) for r in body["results"]] if status == 200 else status


def steps(s, key):
    equal(say(s, reserve(1, "a"), reserve(1, "b"), reserve(1, "a"), key=key),
          [("taken", None), ("refused", "payment_reserved"), ("known", None)],
          "a payment is reserved once")
    equal(say(s, settle(1), settle(1, reservation="b"), settle(1, reservation="a"), key=key),
          [("refused", "payment_reserved")] * 2 + [("taken", None)],
          "and settled by who has reserved it")
    equal(say(s, settle(1, reservation="a"), settle(1, "1", reservation="a"), key=key),
          [("known", None), ("refused", "payment_settled_otherwise")],
          "again it is answered as before, with another amount it is refused")
    equal(say(s, settle(2, "10000"), key=key), [("refused", "no_signer")],
          "without a key nothing of value is settled")
    equal(say(s, step("release", 9, reservation="x"), key=key), [("refused", "not_found")],
          "what nobody has heard of is not released")
    equal(say(s, reserve(3, "c"), step("release", 3, reservation="c"), settle(3, to=OTHER), key=key),
          [("taken", None)] * 3, "what was given back is free")
    status, _, body = s.post("/v1/x402/steps", {"steps": [{"step": "settle", "id": "x", "gas": "1"}]},
                             key=key)
    equal((status, body["pointer"]), (400, "/steps/0/gas"), "a wrong step is told by its member")
    status, _, body = s.post("/v1/x402/steps?dry_run=true", {"steps": [reserve(4, "a")]}, key=key)
    ok(status >= 400, "there is no rehearsal: it would sign what nobody has journalled", status)


def race(s, key):
    """Many servers that were shown one payment."""
    answers = []

    def one(n):
        answers.append((n, say(s, reserve(100, f"token {n}"), key=key)[0]))
    threads = [threading.Thread(target=one, args=(n,)) for n in range(24)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    taken = [n for n, a in answers if a[0] == "taken"]
    note(f"{len(answers)} reservations at once, {len(taken)} taken")
    equal((len(answers), len(taken)), (24, 1), "of all that ask at once one gets it")
    return f"token {taken[0]}"


def readings(s, key):
    one = s.get(f"/v1/x402/payments/{payment_id(1)}", key=key)[2]
    equal((one["state"], one["to"], one["code"], "raws" in one), ("settled", TO, "USDC", False),
          "one payment, without its signed bytes")
    equal(s.get(f"/v1/x402/payments/{payment_id(77)}", key=key)[0], 404, "nobody knows another")
    equal(s.get("/v1/x402/payments/0xabc", key=key)[0], 404, "nor a transaction")
    rows = s.get("/v1/x402/payments?state=settled", key=key)[2]["payments"]
    equal([r["payment"] for r in rows], [payment_id(1), payment_id(3)], "those that are settled")
    first = s.get("/v1/x402/payments?limit=1", key=key)[2]
    more = s.get(f"/v1/x402/payments?limit=9&after={first['next']}", key=key)[2]
    equal((len(first["payments"]), len(more["payments"]), more["next"]), (1, 1, None), "by pages")
    equal(s.get("/v1/x402/payments?state=gone", key=key)[0], 400, "a state that is none")
    sums = s.get("/v1/x402/revenue?by=resource", key=key)[2]
    equal([(r["resource"], r["settlements"], r["payers"]) for r in sums["rows"]],
          [("https://api.example.org/weather", "2", "2")], "what they add up to")
    equal((sums["success_bps"], sums["gas"]), (10000, []), "all of them were settled")
    tree = s.get(f"/v1/explain/{payment_id(1)}", key=key)[2]
    ok("settled" in str(tree), "a payment is explained", tree)


def policies(s, key):
    row = {"pay_to": TO.upper().replace("0X", "0x"), "resource": "https://api.example.org/*",
           "policy": "urn:weather"}
    equal(s.request("PUT", "/v1/x402/policies", row, key=key)[0], 200, "a resource gets a policy")
    wanted = [{"pay_to": TO, "resource": row["resource"], "network": None, "policy": "urn:weather"}]
    equal(s.get("/v1/x402/policies", key=key)[2]["policies"], wanted, "it is listed")
    say(s, settle(5), key=key)
    equal(s.get(f"/v1/x402/payments/{payment_id(5)}", key=key)[2]["policy"], "urn:weather",
          "and holds for the next payment")
    equal(s.request("PUT", "/v1/x402/policies", {**row, "policy": None}, key=key)[0], 200,
          "it is taken away")
    equal(s.get("/v1/x402/policies", key=key)[2]["policies"], [], "and is gone")
    equal(s.request("PUT", "/v1/x402/policies", {**row, "policy": None}, key=key)[0], 409,
          "what is not there cannot be taken away")
    equal(s.get(f"/v1/x402/payments/{payment_id(5)}", key=key)[2]["policy"], "urn:weather",
          "what was fixed stays")


def pay_tos(s, key):
    """Who would wait in vain for what is paid to an address that is none is told so."""
    row = {"resource": "https://api.example.org/*", "policy": "urn:weather"}

    def put(**more):
        status, _, body = s.request("PUT", "/v1/x402/policies", {**row, **more}, key=key)
        return (status, body.get("code"), body.get("pointer")) if status != 200 else status
    proper = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
    for bad, code in (("0x1", "address_invalid"), ("0X" + proper[2:], "address_invalid"),
                      (proper.replace("Bc6", "bc6"), "address_checksum")):
        for on in ({}, {"network": NETWORK}):
            equal(put(pay_to=bad, **on), (422, code, "/pay_to"), f"a policy for {bad} is refused")
    equal(put(payTo="0x1"), (422, "address_invalid", "/payTo"), "by the name that it came under")
    equal(put(pay_to="So1ana", network=NETWORK), (422, "address_invalid", "/pay_to"), "no address of that network")
    equal(s.get("/v1/x402/policies", key=key)[2]["policies"], [], "and none was set")
    good = [{"pay_to": proper}, {"pay_to": "So1ana"},
            {"pay_to": "0x1", "network": "aptos:1"}, {"pay_to": "So1ana", "network": "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"}]
    equal([put(**g) for g in good], [200] * 4, "what can be paid to gets one, on networks of other kinds as well")
    equal([put(**g, policy=None) for g in good], [200] * 4, "and loses it")
    equal(put(pay_to="0x1", policy=None)[:2], (409, "state_forbids"), "one that is none may be taken away, were it there")


def whose(s, admin):
    own = s.make_key("earnings:read,revenue:read,policy:read,x402:work", "--party",
                     f"{NETWORK}:{OTHER}")
    rows = s.get("/v1/x402/payments", key=own)[2]["payments"]
    equal([r["payment"] for r in rows], [payment_id(3)], "a bound key sees what was paid to it")
    equal([s.get(f"/v1/x402/payments/{payment_id(n)}", key=own)[0] for n in (3, 1)], [200, 404],
          "one by one as well")
    equal(s.get(f"/v1/x402/payments?to={TO}", key=own)[0], 404, "and asks for no other's")
    equal([s.get(path, key=own)[0] for path in ("/v1/x402/revenue", "/v1/x402/policies")],
          [403, 403], "what is of everybody is not its business")
    equal(say(s, reserve(50, "a"), key=own), 403, "and it takes no step")
    reader = s.make_key("earnings:read")
    equal(say(s, reserve(50, "a"), key=reader), 403, "nor does one without the scope")
    equal(s.get(f"/v1/x402/payments/{payment_id(50)}", key=admin)[0], 404, "nothing came of it")


def after_a_kill(s, key, token):
    s.stop(signal.SIGKILL)
    s.start()
    equal(say(s, settle(1, reservation="a"), settle(100, reservation="other"),
              settle(100, reservation=token), key=key),
          [("known", None), ("refused", "payment_reserved"), ("taken", None)],
          "after a kill all is as it was")


def on_the_command_line(s):
    """The same, as mete x402 shows it."""
    s.stop()
    rows = json.loads(s.mete("x402", "payments", "--state", "settled", "--json"))["payments"]
    equal([r["payment"] for r in rows], [payment_id(n) for n in (1, 3, 5, 100)], "mete x402 payments")
    equal(json.loads(s.mete("x402", "payment", payment_id(3), "--json"))["to"], OTHER,
          "mete x402 payment")
    sums = json.loads(s.mete("x402", "revenue", "--by", "network", "--json"))
    equal([(r["network"], r["settlements"]) for r in sums["rows"]], [(NETWORK, "4")],
          "mete x402 revenue")
    head, *lines = s.mete("x402", "payments", "--state", "settled", "--csv").split()
    equal((head, [line.count(",") for line in lines]),
          ("payment,state,network,from,to,asset,amount,resource,transaction,begun_at", [9] * 4), "as CSV, with the time")
    s.mete("x402", "policy", TO, "https://a.org/*", "urn:p", "--network", NETWORK)
    wanted = [{"pay_to": TO, "resource": "https://a.org/*", "network": NETWORK, "policy": "urn:p"}]
    equal(json.loads(s.mete("x402", "policies", "--json"))["policies"], wanted, "mete x402 policies")
    for command in (("payments",), ("payment", payment_id(1)), ("revenue",), ("policies",)):
        ok(s.mete("x402", *command) != "", f"mete x402 {command[0]}, for people")
    for bad, why in ((("policy", "0x1", "https://a.org/*", "urn:p"), "PAY_TO '0x1': an address is 0x"),
                     (("policy", TO, "https://a.org/*", "urn:p", "--network", "bse"), "--network is a name"),
                     (("payments", "--network", "bse"), "--network is a name"), (("revenue", "--network", "bse"), "--network is a name")):
        run = subprocess.run([os.environ["METE"], "x402", *bad, "--store", str(s.store)], capture_output=True, text=True, check=False)
        ok(run.returncode == 2 and why in run.stderr, f"mete x402 {bad[0]}: {why}", run.stderr)
    told = subprocess.run([os.environ["METE"], "x402", "policy", TO, "https://b.org/*", "urn:p", "--network", "base", "--store", str(s.store)],
                          capture_output=True, text=True, check=False).stderr
    ok("urn:p is not published in this book yet" in told, "a policy that nobody has published is told", told)
    equal(json.loads(s.mete("x402", "policies", "--json"))["policies"][1:],
          [{"pay_to": TO, "resource": "https://b.org/*", "network": "eip155:8453", "policy": "urn:p"}], "a network by its name")
    s.mete("x402", "policy", TO, "https://b.org/*", "--network", "base", "--remove")
    s.mete("x402", "policy", TO, "https://a.org/*", "--network", NETWORK, "--remove")
    equal(json.loads(s.mete("x402", "policies", "--json"))["policies"], [], "and --remove")
    ok("it is settled: nothing was to be moved" in s.mete("explain", payment_id(1)), "mete explain")


def audited(s):
    made = subprocess.run([os.environ["METE"], "export", "--store", s.folder / "mete.db",
                           "audit"], capture_output=True, check=True)
    judged = subprocess.run([os.environ["METE_AUDIT"], "-"], input=made.stdout,
                            capture_output=True, check=False)
    equal(judged.returncode, 0, "the auditor agrees")
    note(judged.stdout.decode().strip()[:200])


def main():
    with Served() as s:
        admin = s.make_key("admin,policy:write,policy:read,revenue:read,earnings:read,x402:work")
        key = s.make_key("x402:work")
        steps(s, key)
        readings(s, admin)
        policies(s, admin)
        pay_tos(s, admin)
        token = race(s, key)
        whose(s, admin)
        after_a_kill(s, key, token)
        on_the_command_line(s)
        audited(s)
    done()


if __name__ == "__main__":
    main()

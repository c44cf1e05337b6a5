# SPDX-License-Identifier: Apache-2.0
"""A payment is settled once: reserved for one, asked a hundred times at the same moment, shown with
other terms; and a hundred payments at once all settle, with account nonces without a hole.
covers: V-041 V-052 V-073"""
import copy
import json
import time

from facilitated import Facilitator, audited, once
from chain import X402Chain
from scripts import Signer, ask, at_once
from served import done, equal, note, ok

MANY = 100


def bodies_of(said):
    return {(status, json.dumps(body, sort_keys=True)) for status, body in said}


def reservation(chain, signer, mete):
    p = signer.pay()
    status, said = mete.verify(p, reserve=True)
    token = said.get("extra", {}).get("reservation", "")
    equal((status, said["isValid"], len(token)), (200, True, 32), "a valid payment is reserved when asked for")
    ok(token not in json.dumps(mete.events()), "the log does not have the token")
    equal(mete.judged(p, reserve=True), (False, "payment_reserved"), "nobody else gets it")
    equal(mete.judged(p), (True, None), "who does not ask for it is told that it is valid")
    for what, more in (("without the token", {}), ("with another", {"reservation": "0" * 32})):
        status, said = mete.settle(p, **more)
        equal((said["success"], said["errorReason"], said["transaction"]), (False, "payment_reserved", ""), f"it is not settled {what}")
    equal(ask(mete.port, "POST", "/release", {**p["body"], "reservation": "0" * 32})[0] >= 400, True, "nor released with another")
    equal(ask(mete.port, "POST", "/release", {**p["body"], "reservation": token}), (200, {"released": True}), "but by who has it")
    equal(ask(mete.port, "POST", "/release", {**p["body"], "reservation": token}), (200, {"released": True}), "as often as he likes")
    other = mete.verify(p, reserve=True)[1].get("extra", {}).get("reservation", token)
    ok(other != token, "then it can be reserved again")
    equal(mete.settle(p, reservation=token)[1]["errorReason"], "payment_reserved", "the first token is worth nothing any more")
    first = mete.settle(p, reservation=other)
    equal((first[1]["success"], mete.settle(p, reservation=other)), (True, first), "the second settles it, once")
    for what, more in (("without a token", {}), ("with the first token", {"reservation": token})):
        equal(mete.settle(p, **more)[1]["errorReason"], "payment_reserved", f"nobody else is told that it is settled: {what}")
    equal(mete.judged(p, reserve=True)[0], False, "and it cannot be reserved any more")
    once(chain, mete, p, "one transfer")
    equal(mete.happened(p), ["reserved", "released", "reserved", "settling", "settled"], "all of which is in the log")


def expiry(chain, signer, mete):
    """A reservation ends with the authorization; a token that has run out is nobody's either."""
    p = signer.pay(authorization={"validBefore": str(int(time.time()) + 9)})
    token = mete.verify(p, reserve=True)[1]["extra"]["reservation"]
    while time.time() < int(p["body"]["paymentPayload"]["payload"]["authorization"]["validBefore"]) + 0.2:
        time.sleep(0.1)
    equal(mete.settle(p, reservation=token)[1]["errorReason"], "invalid_exact_evm_payload_authorization_valid_before",
          "an authorization that is over is not settled, reserved or not")
    equal(mete.payment(p)["is_reserved"], False, "and nobody holds it")
    equal(chain.transfers(p["from"], p["nonce"]), 0, "nothing moved")


def copies(chain, signer, mete):
    for job in ({}, {"kind": "permit2"}):
        p = signer.pay(**job)
        said = at_once(mete.port, "/settle", [p["body"]] * MANY)
        equal(len(bodies_of(said)), 1, f"{MANY} copies at once get one answer: {job}")
        equal(said[0][1]["success"], True, "which is that it is settled")
        once(chain, mete, p, "one transfer")


def reserving_race(signer, mete):
    p = signer.pay()
    said = at_once(mete.port, "/verify", [{**p["body"], "reserve": True}] * 50)
    equal(sorted({a[1].get("invalidReason", "valid") for a in said}), ["payment_reserved", "valid"], "of fifty who reserve at once")
    equal(sum(a[1]["isValid"] for a in said), 1, "one gets it")


def many(chain, signer, mete, what):
    """Different payments, all at once."""
    payments = signer.pay(count=MANY, value="7")
    before = chain.nonce(), chain.balance("merchant"), len(mete.events("x402.settled"))
    began = time.monotonic()
    said = at_once(mete.port, "/settle", [p["body"] for p in payments])
    note(f"{MANY} settled in {time.monotonic() - began:.2f} s, {what}")
    equal([a[1].get("errorReason") for a in said if not a[1]["success"]], [], f"{MANY} payments at once all succeed, {what}")
    equal(len({a[1]["transaction"] for a in said}), MANY, "each by a transaction of its own")
    equal([chain.transfers(p["from"], p["nonce"]) for p in payments], [1] * MANY, "each moves once")
    equal((chain.nonce() - before[0], chain.balance("merchant") - before[1]), (MANY, 7 * MANY), "account nonces have no hole")
    equal(chain.nonce("pending"), chain.nonce(), "and nothing waits")
    equal(len(mete.events("x402.settled")) - before[2], MANY, "each is one revenue event")
    nonces = [e["payload"]["account_nonce"] for e in mete.events("x402.settling") if "account_nonce" in e["payload"]]
    equal(nonces, list(range(nonces[0], nonces[0] + len(nonces))), "the log has them in order, each once")


def otherwise(chain, signer, mete):
    """The same payment with anything else is another, and refused."""
    p = signer.pay()
    equal(mete.settle(p)[1]["success"], True, "a payment is settled")
    for what, change in {
        "other requirements": lambda b: b["paymentRequirements"].update(maxTimeoutSeconds=61),
        "another resource": lambda b: b["paymentPayload"]["resource"].update(url="http://127.0.0.1/other"),
        "a further member": lambda b: b["paymentPayload"].update(extensions={"a": 1}),
    }.items():
        q = copy.deepcopy(p)
        change(q["body"])
        said = mete.settle(q)[1]
        equal((said["success"], said["errorReason"], said["transaction"]), (False, "payment_settled_otherwise", ""), f"not with {what}")
    again = copy.deepcopy(p)
    again["body"]["x402Version"] = 2
    again["body"] = dict(reversed(list(again["body"].items())))
    equal(mete.settle(again)[1]["success"], True, "the order of members is not another request")
    up = signer.pay(kind="upto", value="5000")
    amounts = lambda n: {**up, "body": {**up["body"], "paymentRequirements": {**up["body"]["paymentRequirements"], "amount": n}}}  # noqa: E731
    first = mete.settle(amounts("1234"))
    equal((first[1]["success"], first[1]["amount"]), (True, "1234"), "of an upto a part is charged")
    for other in ("1235", "5000", "0"):
        said = mete.settle(amounts(other))[1]
        equal((said["success"], said["errorReason"]), (False, "payment_settled_otherwise"), f"and no other amount afterwards: {other}")
    equal(mete.settle(amounts("1234")), first, "the same is answered again")
    once(chain, mete, up, "one transfer")
    none = signer.pay(kind="upto", value="5000")
    none["body"]["paymentRequirements"]["amount"] = "0"
    before = chain.nonce()
    said = mete.settle(none)
    equal((said[1]["success"], said[1]["transaction"], said[1]["amount"]), (True, "", "0"), "an upto of nothing succeeds without a transaction")
    equal((mete.settle(none), chain.nonce() - before, mete.state(none)), (said, 0, "settled"), "as often as it is asked")
    none["body"]["paymentRequirements"]["amount"] = "5000"
    equal(mete.settle(none)[1]["errorReason"], "payment_settled_otherwise", "and is charged nothing later")


def nothing_of_strange_tokens(chain, signer, mete):
    """Who charges nothing asks no node, so nobody has said how many decimals the token has."""
    token = chain.put_token("Fiat")
    chain.fund("payer", token=token)
    chain.approve_permit2("payer", token=token)

    def nothing():
        p = signer.pay(kind="upto", asset=token, value="5000")
        p["body"]["paymentRequirements"]["amount"] = "0"
        return p
    assets = lambda: [e["payload"] for e in mete.events("asset.")]  # noqa: E731
    free = [signer.pay(kind=kind, asset=token, value="0") for kind in ("upto", "permit2", "eip3009")]
    for p in free:
        verified, settled = mete.verify(p, reserve=True)[1], mete.settle(p)[1]
        equal((verified["isValid"], verified.get("invalidReason"), settled["success"], settled.get("errorReason")),
              (False, "unexpected_verify_error", False, "unexpected_settle_error"), "of what is free /verify says what /settle says")
        equal((verified.get("invalidMessage"), mete.payment(p)), (settled.get("errorMessage"), None), "in the same words, and nothing is held")
    before, p = assets(), nothing()
    said = mete.settle(p)[1]
    equal((said["success"], said.get("errorReason"), mete.payment(p), assets()), (False, "unexpected_settle_error", None, before),
          "nothing of a token that nobody knows defines no asset")
    ok("book does not know" in said.get("errorMessage", ""), "and is told why", said)
    p = signer.pay(kind="upto", asset=token, value="5000")
    equal(mete.settle(p)[1].get("success"), True, "then somebody pays in it")
    once(chain, mete, p, "once", token=token)
    equal(([a["scale"] for a in assets()[len(before):]], mete.payment(p)["scale"]), ([6], 6), "it is defined with the decimals that it has")
    p = nothing()
    said = mete.settle(p)[1]
    equal((said["success"], said["transaction"], mete.payment(p)["scale"]), (True, "", 6), "and nothing of it is settled from now on")
    for p in free:
        equal((mete.judged(p), mete.settle(p)[1]["success"]), ((True, None), True), "as /verify says, too")


def main():
    with X402Chain() as chain:
        chain.approve_permit2("payer")
        with Signer(chain) as signer, Facilitator(chain) as mete:
            reservation(chain, signer, mete)
            expiry(chain, signer, mete)
            copies(chain, signer, mete)
            reserving_race(signer, mete)
            many(chain, signer, mete, "a block for each transaction")
            chain.resume_mining(1)
            chain.rpc("evm_setAutomine", False)
            many(chain, signer, mete, "a block a second")
            otherwise(chain, signer, mete)
            nothing_of_strange_tokens(chain, signer, mete)
            mete.stop()
            audited(mete)


main()
done()

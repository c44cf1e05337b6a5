# SPDX-License-Identifier: Apache-2.0
"""Nodes that fail, lie and forget; fees that rise, blocks that go away, strangers and hostile tokens:
what was committed comes to its one end, and no bytes reach a node that the book does not have.
covers: V-049 V-052 V-054 V-073"""
import signal
import threading
import time

from facilitated import Facilitator, audited, once
from chain import X402Chain
from rpc_proxy import (FaultyRpc, backwards, delay, drop_after, drop_before, error, garbage, half, missing_last, result,
                       status, wrong_chain)
from scripts import Signer, ask, at_once
from served import done, equal, note, ok

SEND, RECEIPT, TRIAL = "eth_sendRawTransaction", "eth_getTransactionReceipt", "eth_estimateGas"
FAULTS = {"delay": delay(0.3), "drop before": drop_before, "drop after": drop_after, "half": half, "garbage": garbage,
          "429": status(429, Retry_After="1"), "500": status(500), "wrong chain": wrong_chain(5), "missing": missing_last,
          "backwards": backwards}
DECIMALS = "0x313ce567"
GAS_MAX = 300_000


def until(holds, seconds=40):
    end = time.time() + seconds
    while not holds() and time.time() < end:
        time.sleep(0.02)
    return bool(holds())


class Asked(threading.Thread):
    """A settlement that somebody waits for."""

    def __init__(self, mete, p):
        super().__init__(daemon=True)
        self.mete, self.p, self.said = mete, p, None
        self.start()

    def run(self):
        self.said = self.mete.settle(self.p)

    def result(self):
        self.join(90)
        return self.said[1] if self.said else {}


def journalled(mete, rpc, late):
    """At the moment a node is to see bytes, the log has them."""
    def look(x):
        raws = {e["payload"]["raw"] for e in mete.events() if "raw" in e["payload"]}
        late.extend(q["params"][0] for q in x.asked if q["method"] == SEND and q["params"][0] not in raws)
    rpc.fault("journal looked at", look, methods=SEND)


def transport(chain, signer, mete, rpc):
    """One node, which fails now and then."""
    for name, fault in FAULTS.items():
        f = rpc.fault(name, fault, methods=SEND, times=2)
        p = signer.pay()
        equal(mete.settle(p)[1].get("success"), True, f"sending meets {name}: settled all the same")
        once(chain, mete, p, f"{name}: once")
        f.times = 0
        # what is cut off on a connection that was kept open is asked once more by itself
        f = rpc.fault(name + " (trial)", fault, methods=TRIAL, times=2 if name.startswith("drop") else 1)
        p = signer.pay()
        said = mete.settle(p)[1]
        if name in ("delay", "backwards"):
            equal(said.get("success"), True, f"judging meets {name}: settled")
        else:
            equal((said["success"], said.get("errorReason"), said["transaction"], mete.payment(p)), (False, "node_unavailable", "", None),
                  f"judging meets {name}: refused, and nothing is begun")
            equal(mete.settle(p)[1]["success"], True, "asked again it is settled")
        f.times = 0
    equal(until(lambda: '"code":"node_unavailable","why":"node 1 of 1: it is of another network"' in mete.said()), True,
          "the log says what is wrong with a node")


def two_nodes(chain, signer):
    with FaultyRpc(chain.port) as second:
        first = FaultyRpc(chain.port)
        with first, Facilitator(chain, rpc=[first.url(), second.url()]) as mete:
            equal(mete.settle(signer.pay())[1]["success"], True, "of two nodes the first is asked")
            ok(first.posts > 0 and second.posts == 0, "alone", first.posts, second.posts)
            held = first.hold(SEND)
            p = signer.pay()
            asked = Asked(mete, p)
            held.wait()
            first.fault("dead", drop_before)
            held.release()
            equal(asked.result().get("success"), True, "it dies while it has the bytes: the other settles")
            once(chain, mete, p, "once")
            equal(mete.judged(signer.pay()), (True, None), "and judges")


def forgotten(chain, signer, mete, rpc):
    chain.stop_mining()
    p = signer.pay()
    asked = Asked(mete, p)
    ok(until(lambda: len(chain.pool()) == 1), "a transaction waits")
    tx = chain.pool()[0]["hash"]
    chain.drop(tx)
    equal(chain.pool(), [], "the node forgets it")
    ok(until(lambda: [t["hash"] for t in chain.pool()] == [tx]), "the same bytes are sent again")
    chain.resume_mining()
    equal((asked.result().get("success"), asked.result().get("transaction")), (True, tx), "and settle it")
    once(chain, mete, p, "once")


def fee_rises(chain, signer, mete, rpc):
    chain.stop_mining()
    p = signer.pay()
    asked = Asked(mete, p)
    until(lambda: len(chain.pool()) == 1)
    first = chain.pool()[0]
    high = int(first["maxFeePerGas"], 16) * 3
    chain.set_base_fee(high)
    chain.mine(1)
    equal(chain.transfers(p["from"], p["nonce"]), 0, "the fee is too low for the next block")

    def mined():  # the base fee sinks again when blocks are empty
        chain.set_base_fee(high)
        chain.mine(1)
        return chain.transfers(p["from"], p["nonce"]) == 1
    ok(until(mined), "until it was raised")
    said = asked.result()
    happened = mete.happened(p)
    ok(happened[0] == "settling" and happened[-1] == "settled" and "replaced" in happened, "the log says how", happened)
    final = chain.rpc("eth_getTransactionByHash", said["transaction"])
    ok(final["nonce"] == first["nonce"] and int(final["maxFeePerGas"], 16) > int(first["maxFeePerGas"], 16)
       and final["hash"] != first["hash"], "the same account nonce, a higher fee", final)
    once(chain, mete, p, "once")
    chain.set_base_fee(10**9)
    chain.resume_mining()


def expires(chain, signer, mete, rpc):
    chain.stop_mining()
    p = signer.pay(authorization={"validBefore": str(int(time.time()) + 8)})
    nonce = chain.nonce()
    asked = Asked(mete, p)
    ok(until(lambda: mete.happened(p).count("replaced") > 0 and mete.payment(p)["cancels"]),
       "the authorization ends while it waits: an empty transaction takes its place", mete.happened(p))
    until(lambda: any(t["input"] == "0x" for t in chain.pool()))
    chain.resume_mining()
    said = asked.result()
    equal((said.get("success"), said.get("errorReason"), chain.transfers(p["from"], p["nonce"])), (False, "payment_expired", 0),
          "which ends it, and nothing has moved")
    equal((mete.settle(p)[1], chain.nonce()), (said, nonce + 1), "that stays the answer; the account nonce is used")
    equal(mete.settle(signer.pay())[1]["success"], True, "and the next payment settles")


def goes_away(chain, signer, mete):
    """A re-organisation takes the block of a settlement."""
    party = f"{chain.network}:{chain.address('merchant').lower()}"
    p = signer.pay(value="4321")
    first = mete.settle(p)
    book = mete.balance(party)["paid"]
    chain.reorg(1)
    equal(chain.transfers(p["from"], p["nonce"]), 0, "its block goes away")
    ok(until(lambda: mete.happened(p)[-2:] == ["undone", "settled"]), "it is undone, and settled again", mete.happened(p))
    equal(chain.transfers(p["from"], p["nonce"]), 1, "by one transfer")
    equal(mete.balance(party)["paid"], book, "the balance is as before")
    ok(first[1]["success"] and mete.settle(p)[1]["success"], "and so is the answer")


def failure_goes_away(chain, signer, mete):
    """So does a failure's: the same bytes may do better."""
    place = chain.hostile("turncoat")
    p = signer.pay(asset=place)
    said = mete.settle(p)[1]
    equal((said["success"], said["errorReason"]), (False, "invalid_exact_evm_transaction_failed"), "a token reverts in the block")
    chain.rpc("anvil_setCode", place, chain.code["Fiat"]["runtime"])
    chain.reorg(1)
    chain.rpc("anvil_setCode", place, chain.code["Fiat"]["runtime"])
    ok(until(lambda: mete.happened(p)[-2:] == ["undone", "settled"]), "its block goes away, and the token has mended its ways",
       mete.happened(p), mete.said()[-500:])
    equal(mete.settle(p)[1]["success"], True, "now it is settled")


def failure_outlives(chain, signer, mete):
    """A failure is followed also by a program that was started again: its block may still go away."""
    place = chain.hostile("turncoat")
    p = signer.pay(asset=place)
    said = mete.settle(p)[1]
    equal((said["success"], mete.state(p)), (False, "failed"), "a token reverts in the block, and the program is killed")
    mete.stop(signal.SIGKILL)
    chain.rpc("anvil_setCode", place, chain.code["Fiat"]["runtime"])
    chain.reorg(1)
    chain.rpc("anvil_setCode", place, chain.code["Fiat"]["runtime"])
    mete.start()
    ok(until(lambda: mete.happened(p)[-2:] == ["undone", "settled"]),
       "its block goes away, and the program that was started again sends the bytes again", mete.happened(p), mete.said()[-500:])
    equal((mete.settle(p)[1]["success"], chain.transfers(p["from"], p["nonce"], token=place)), (True, 1), "so it is settled, once")
    lost = signer.pay(asset=chain.hostile("turncoat"))
    mete.settle(lost)
    mete.stop(signal.SIGKILL)
    mete.start()
    chain.mine(6)
    ok(until(lambda: mete.happened(lost)[-2:] == ["failed", "confirmed"]), "one whose block is deep enough has failed for good",
       mete.happened(lost))
    equal((mete.state(lost), mete.settle(lost)[1]["success"]), ("failed", False), "and that stays the answer")


def strangers(chain, signer, mete, rpc):
    """Anybody may bring an authorization, or a permit for exact, to the chain."""
    for job in ({}, {"kind": "permit2"}):
        earlier = signer.pay(**job)
        chain.transact(earlier["call"]["to"], earlier["call"]["data"], "rival")  # another payment of the same two
        held = rpc.hold(SEND)
        p = signer.pay(**job)
        asked = Asked(mete, p)
        held.wait()
        receipt = chain.transact(p["call"]["to"], p["call"]["data"], "rival")
        held.release()
        said = asked.result()
        equal((said.get("success"), said.get("transaction")), (True, receipt["transactionHash"]), f"settled by a stranger's transaction: {job}")
        once(chain, mete, p, "one transfer, one payment")
        mete.stop()
        mete.start()
        time.sleep(3)
        equal(mete.happened(p), ["settling", "settled"], "a restart does not doubt it")
        chain.mine(6)
        equal(mete.wait_state(p, "confirmed", 20), "confirmed", "and it becomes final")


def another_receipt(chain, signer, mete, rpc):
    """A node shows the receipt of a transaction that nobody asked for, which paid as much from and to the same."""
    other = signer.pay()
    receipt = chain.transact(other["call"]["to"], other["call"]["data"], "rival")
    chain.stop_mining()
    lie = rpc.fault("another's receipt", result(receipt, RECEIPT), methods=RECEIPT)
    p = signer.pay()
    asked = Asked(mete, p)
    ok(until(lambda: lie.fired > 3), "a node shows another's receipt")
    equal(mete.happened(p), ["settling"], "which settles nothing")
    lie.times = 0
    chain.resume_mining()
    equal((asked.result().get("success"), asked.result().get("transaction") != receipt["transactionHash"]), (True, True), "its own does")
    once(chain, mete, p, "once")


def lost_nonce(chain, signer, mete, rpc):
    """Another program uses the same key."""
    held = rpc.hold(SEND)
    p = signer.pay()
    asked = Asked(mete, p)
    held.wait()
    chain.transact(chain.address("rival"), "0x", "facilitator")
    held.release()
    ok(until(lambda: "nonce too low" in mete.said()), "the node refuses the bytes, which the log says")
    chain.mine(6)
    said = asked.result()
    equal((said.get("success"), said.get("errorReason"), chain.transfers(p["from"], p["nonce"])),
          (False, "unexpected_settle_error", 0), "whose account nonce is gone for good: it has failed")
    lines = [line for line in mete.said().splitlines() if "does not take its transaction" in line]
    equal(len([line for line in lines if mete.id_of(p) in line]), 1, "said once")
    note(f"said of all payments so far: {lines}")
    equal(mete.settle(signer.pay())[1]["success"], True, "the next payment takes a higher one")


def late_copy(chain, signer, mete, rpc):
    """A copy is being judged while the first one settles: it gets the first answer."""
    for job in ({}, {"kind": "permit2"}):
        p = signer.pay(**job)
        held = rpc.hold(TRIAL)
        copy = Asked(mete, p)
        held.wait()
        first = mete.settle(p)
        held.release()
        equal((copy.result(), first[1]["success"]), (first[1], True), f"a copy that fails when tried hears what became of the first: {job}")


def stands_still(chain, signer, rpc):
    """A chain without blocks: a higher fee is offered once, and to nobody after that."""
    with Facilitator(chain, rpc=[rpc.url()], settings={"replace_after_s": 1}) as mete:
        chain.stop_mining()
        p = signer.pay()
        asked = Asked(mete, p)
        until(lambda: mete.happened(p) == ["settling", "replaced"])
        time.sleep(6)
        equal(mete.happened(p), ["settling", "replaced"], "as long as the chain stands still a transaction is replaced once")
        chain.resume_mining()
        equal(asked.result().get("success"), True, "and when it goes on, it settles")
        once(chain, mete, p, "once")


def never_mined(chain, signer, rpc):
    """A node that has the bytes, says so, and forgets that it is their turn, as this one does when they
    come while it makes the block before theirs. Nothing moves, unless other bytes take their place."""
    with Facilitator(chain, rpc=[rpc.url()], settings={"replace_after_s": 1}) as mete:
        account, nonce = chain.address("facilitator"), chain.nonce()
        held = rpc.hold(SEND)
        p = signer.pay()
        asked = Asked(mete, p)
        held.wait()
        chain.rpc("anvil_setNonce", account, hex(nonce - 1))
        held.release()
        until(lambda: chain.rpc("txpool_status")["queued"] == "0x1")
        chain.rpc("anvil_setNonce", account, hex(nonce))
        equal(asked.result().get("success"), True, "a node that holds bytes and never mines them: it settles all the same")
        equal(mete.happened(p), ["settling", "replaced", "settled"], "by other bytes")
        once(chain, mete, p, "once")


def pending(chain, signer, rpc):
    with Facilitator(chain, rpc=[rpc.url()], settings={"settle_wait_s": 1}) as mete:
        equal(mete.settle(signer.pay())[1]["success"], True, "a facilitator that waits for a second")
        chain.stop_mining()
        p = signer.pay()
        said = mete.settle(p)[1]
        tx = chain.pool()[0]["hash"]
        equal((said["success"], said["errorReason"], said["transaction"]), (False, "settlement_pending", tx), "says that it is pending, and by what")
        equal(mete.settle(p)[1], said, "as often as it is asked")
        chain.resume_mining()
        equal((mete.settle(p)[1]["success"], mete.settle(p)[1]["transaction"]), (True, tx), "and then that it is settled")
        once(chain, mete, p, "once")
        refusing = rpc.fault("refuses", error("insufficient funds for gas * price + value", methods={SEND}), methods=SEND)
        p = signer.pay()
        said = mete.settle(p)[1]
        equal((said["success"], said["errorReason"], "insufficient funds for gas" in said["errorMessage"]), (False, "settlement_pending", True),
              "what a node says against the bytes stands in the answer")
        equal(mete.said().count("insufficient funds for gas"), 1, "and once in the log")
        refusing.times = 0
        ok(until(lambda: mete.settle(p)[1]["success"]), "when it takes them, it is settled")


def spoilt(chain, signer):
    """A contract of somebody's makes a node say what cannot be taken: the payments that were asked about beside it do not suffer."""
    place = chain.hostile("honest")

    def says(**what):
        def run(x):
            x.forward()
            time.sleep(0.1)  # so that others gather
            for q, a in zip(x.asked, x.answer):
                if q["method"] == "eth_call" and q["params"][0]["to"].lower() == place.lower():
                    a.pop("result", None)
                    a.pop("error", None)
                    a.update(what)
        return run

    with FaultyRpc(chain.port) as rpc, Facilitator(chain, rpc=[rpc.url()]) as mete:
        for name, fault in (("too long", says(result="0x" + "00" * (5 << 19))), ("no text", says(error={"code": 3, "message": "\ud800"})),
                            ("no answer", says())):
            f = rpc.fault(name, fault)
            bad = [signer.pay(asset=place) for _ in range(2)]
            good = signer.pay(count=22)
            said = at_once(mete.port, "/verify", [p["body"] for p in (*good[:11], *bad, *good[11:])])
            valid = [s[1].get("isValid") for s in said]
            equal((valid[:11] + valid[13:], valid[11:13]), ([True] * 22, [False] * 2), f"one asks about a contract whose answer is {name}: the others are valid")
            f.times = 0
        rpc.report(note)


def decimals_not_said(chain, signer, mete, rpc):
    """What a node has not said is not taken for 0: the book would keep it for ever."""
    token = chain.put_token("Fiat")
    chain.fund("payer", token=token)

    def busy(x):
        x.forward()
        for q, a in zip(x.asked, x.answer):
            if q["method"] == "eth_call" and q["params"][0].get("data", q["params"][0].get("input")) == DECIMALS:
                a.pop("result", None)
                a["error"] = {"code": -32005, "message": "limit exceeded"}
    f, p = rpc.fault("decimals not said", busy, methods="eth_call"), signer.pay(asset=token)
    said = mete.settle(p)[1]
    equal((said["success"], mete.payment(p)), (False, None), "a node does not say how many decimals a token has: nothing is begun")
    f.times = 0
    equal((mete.settle(p)[1]["success"], (mete.payment(p) or {}).get("scale")), (True, 6), "once it says so the payment settles, with the token's")


def hostile(chain, signer, mete):
    """Tokens that nobody knows. What they do costs the gas cap at most, and is called what it is."""
    def settle(place):
        before = len(chain.sent_by("facilitator"))
        p = signer.pay(asset=place)
        said = mete.settle(p)[1]
        sent = chain.sent_by("facilitator")[before:]
        if sent:
            code, own = mete.payment(p)["code"], f"{chain.chain_id}:{place[2:].lower()}"
            ok(len(code) == 24 and own.startswith(code), "booked as what nothing else can be", code, own)
        gas = sum(int(chain.receipt(t["hash"])["gasUsed"], 16) for t in sent)
        ok(gas <= GAS_MAX, "for no more gas than the cap", gas)
        return said.get("errorReason"), len(sent)

    for mode, number, wanted in (("honest", 0, (None, 1)), ("burn", 2_000_000, ("gas_too_high", 0)),
                                 ("mute", 0, ("invalid_exact_evm_transfer_event_mismatch", 1)),
                                 ("fee", 100, ("invalid_exact_evm_transfer_event_mismatch", 1)),
                                 ("turncoat", 0, ("invalid_exact_evm_transaction_failed", 1)), ("lie", 0, (None, 1))):
        equal(settle(chain.hostile(mode, number)), wanted, f"a token that is {mode}")
    p = signer.pay(asset=chain.hostile("burn", 2_000_000))
    equal(mete.judged(p), (False, "invalid_exact_evm_transaction_simulation_failed"), "what no settlement may cost is not tried on a node either")
    said, sent = settle(chain.hostile("burn", 10**12))
    equal(sent, 0, f"one that burns all there is: {said}")
    said, sent = settle(chain.hostile("loud", 100_000))
    equal(sent, 0, f"one that shouts: {said}")
    wallet = chain.odd_wallet("burn")
    p = signer.pay(signer="stranger", **{"from": wallet})
    said = mete.settle(p)[1]
    equal((said["success"], said["transaction"]), (False, ""), f"a wallet that burns gas: {said['errorReason']}")


def main():
    late = []
    with X402Chain() as chain, FaultyRpc(chain.port) as rpc:
        chain.approve_permit2("payer")
        with Signer(chain) as signer:
            quick = Facilitator(chain, rpc=[rpc.url()], settings={"replace_after_s": 7},
                                network={"confirmations": 5, "gas_max": GAS_MAX})
            with quick as mete:
                journalled(mete, rpc, late)
                for test in (transport, forgotten, fee_rises, expires, strangers, another_receipt, lost_nonce, late_copy,
                             decimals_not_said):
                    began = time.monotonic()
                    test(chain, signer, mete, rpc)
                    note(f"{test.__name__}: {time.monotonic() - began:.1f} s")
                for test in (goes_away, failure_goes_away, failure_outlives, hostile):
                    began = time.monotonic()
                    test(chain, signer, mete)
                    note(f"{test.__name__}: {time.monotonic() - began:.1f} s")
                equal(late, [], "no node was ever shown bytes before the log had them")
                rpc.report(note)
                unfired = [n for n, c in rpc.fired().items() if c == 0]
                equal(unfired, [], "each fault fired")
                equal(sorted(set(rpc.sent) - {e["payload"]["raw"] for e in mete.events() if "raw" in e["payload"]}), [],
                      "nor any that are not in it")
                rpc.clear()
                mete.stop()
                audited(mete)
            two_nodes(chain, signer)
            stands_still(chain, signer, rpc)
            never_mined(chain, signer, rpc)
            pending(chain, signer, rpc)


main()
done()

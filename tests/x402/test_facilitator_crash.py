# SPDX-License-Identifier: Apache-2.0
"""The facilitator is killed at fifty points of settling, some chosen and some by chance, and started
again on the same store: transfers on the chain, answers and revenue events agree, nothing doubled,
nothing lost. METE_TEST_SEED says which chances.
covers: V-049 V-052 V-054"""
import collections
import os
import random
import signal
import threading
import time

from facilitated import Facilitator, audited
from chain import X402Chain
from rpc_proxy import FaultyRpc
from scripts import Signer, ask
from served import done, equal, note, ok

SEED = int(os.environ.get("METE_TEST_SEED", "") or random.SystemRandom().randrange(2**32))
chance = random.Random(SEED)
KINDS = ({}, {"version": 1}, {"kind": "permit2"}, {"kind": "upto"})
SEND, RECEIPT, TRIAL = "eth_sendRawTransaction", "eth_getTransactionReceipt", "eth_estimateGas"
# A point: what is held, before or after the node has heard of it, and what the chain has by then.
POINTS = {
    "before it is judged": (TRIAL, False, 0),
    "judged, nothing committed": (TRIAL, True, 0),
    "committed, not sent": (SEND, False, 0),
    "sent and mined, not known": (SEND, True, 1),
    "sent, not mined": (SEND, True, None),
    "mined, the receipt not seen": (RECEIPT, True, None),
}
ROUNDS = 4  # of each point
RANDOM = 26


def until(holds):
    end = time.time() + 20
    while not holds() and time.time() < end:
        time.sleep(0.01)


class Asker(threading.Thread):
    """Settles, and may get no answer."""

    def __init__(self, mete, p):
        super().__init__(daemon=True)
        self.mete, self.p, self.port, self.said = mete, p, mete.port, None
        self.start()

    def run(self):
        try:
            self.said = ask(self.port, "POST", "/settle", self.p["body"])
        except Exception as e:  # noqa: BLE001 - the server is killed
            self.said = type(e).__name__


def again(mete, rpc, askers):
    """After the crash: the program is started again, the held exchanges go nowhere."""
    mete.stop(signal.SIGKILL)
    for f in rpc.faults:
        if hasattr(f.run, "release"):
            f.run.release(cut=True)
    rpc.clear()
    for a in askers:
        a.join(60)
    mete.start()


def agrees(chain, mete, p, what):
    status, said = mete.settle(p)
    book = mete.payment(p)
    got = (said.get("success"), chain.transfers(p["from"], p["nonce"]), mete.happened(p).count("settled"),
           mete.happened(p).count("settling"), said["transaction"] == book["settled_by"])
    return equal((status, got, mete.settle(p)[1]), (200, (True, 1, 1, 1, True), said), what)


def at_points(chain, signer, mete, rpc, hit):
    for name, (method, after, moved) in POINTS.items():
        for n in range(ROUNDS):
            waits = moved is None
            if waits:
                chain.stop_mining()
            held = rpc.hold(method, after=after, skip=1 if method == RECEIPT else 0)
            p = signer.pay(**KINDS[n % len(KINDS)])
            asker = Asker(mete, p)
            held.wait()
            if moved is not None:
                if moved:
                    until(lambda: chain.transfers(p["from"], p["nonce"]) == moved)
                equal(chain.transfers(p["from"], p["nonce"]), moved, f"{name}: the chain has {moved} transfers when the program dies")
            again(mete, rpc, [asker])
            ok(not isinstance(asker.said, tuple), f"{name}: no answer came", asker.said)
            hit[name] += 1
            if waits:
                chain.resume_mining()
            agrees(chain, mete, p, f"{name}: settled once after the crash")


def by_chance(chain, signer, mete, rpc, hit):
    """Several under way at once, killed at any moment; with blocks at once and by the clock."""
    for n in range(RANDOM):
        clocked = n % 2
        if clocked:
            chain.resume_mining(1)
            chain.rpc("evm_setAutomine", False)
        payments = [signer.pay(**chance.choice(KINDS)) for _ in range(4)]
        sent = len(rpc.sent)
        askers = [Asker(mete, p) for p in payments]
        time.sleep(chance.uniform(0, 0.04) if not clocked else chance.choice((chance.uniform(0, 0.04), chance.uniform(0, 1.1))))
        mete.process.send_signal(signal.SIGKILL)
        mete.process.wait(60)
        moved = [chain.transfers(p["from"], p["nonce"]) for p in payments]
        again(mete, rpc, askers)
        for a, m in zip(askers, moved):
            hit["by chance: answered" if isinstance(a.said, tuple) else "by chance: moved, not answered" if m
                else "by chance: perhaps sent, not moved" if len(rpc.sent) > sent else "by chance: nothing sent"] += 1
        for p in payments:
            agrees(chain, mete, p, f"killed by chance, round {n}")
        for a in askers:
            if isinstance(a.said, tuple):
                equal(a.said, mete.settle(a.p), "what had been answered is answered again")
        if clocked:
            chain.block_time = None
            chain.rpc("evm_setIntervalMining", 0)
            chain.resume_mining()


def book_of(chain, mete, before):
    party = f"{chain.network}:{chain.address('merchant').lower()}"
    paid = mete.balance(party)["paid"]
    settled = mete.events("x402.settled")
    equal(paid, chain.balance("merchant") - before, "the merchant has on the chain what the book says")
    equal(sum(int(e["payload"]["value"]) for e in settled), paid, "which is the sum of the revenue events")
    equal(len({e["payload"]["payment"] for e in settled}), len(settled), "one for each payment")
    nonces = [e["payload"]["account_nonce"] for e in mete.events("x402.settling")]
    equal(nonces, list(range(len(nonces))), "account nonces have no hole, and none twice")
    equal((chain.nonce(), chain.nonce("pending")), (len(nonces), len(nonces)), "as the chain counts them")
    allowed = {e["payload"]["raw"] for e in mete.events("x402.") if "raw" in e["payload"]}
    return allowed


def main():
    note(f"METE_TEST_SEED={SEED}")
    hit = collections.Counter()
    with X402Chain() as chain, FaultyRpc(chain.port) as rpc:
        chain.approve_permit2("payer")
        before = chain.balance("merchant")
        with Signer(chain) as signer, Facilitator(chain, rpc=[rpc.url()]) as mete:
            at_points(chain, signer, mete, rpc, hit)
            by_chance(chain, signer, mete, rpc, hit)
            allowed = book_of(chain, mete, before)
            ok(set(rpc.sent) <= allowed, "no node has ever seen bytes that are not in the book")
            rpc.report(note)
            mete.stop()
            audited(mete)
    for name, count in sorted(hit.items()):
        note(f"{name}: {count}")
    equal(min(hit[name] for name in POINTS), ROUNDS, "each chosen point was hit")
    equal(ROUNDS * len(POINTS) + RANDOM, 50, "fifty crashes")


main()
done()

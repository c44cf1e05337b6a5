# SPDX-License-Identifier: Apache-2.0
"""Two facilitators with one key on one PostgreSQL: a payment raced on both settles once, different
ones all settle, and when one is killed the other brings to an end what it had begun.
covers: V-053 V-080 V-081 F-114"""
import collections
import itertools
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

from facilitated import Facilitator, once
from chain import X402Chain
from rpc_proxy import FaultyRpc
from scripts import Signer, ask
from served import METE, done, equal, note, ok

sys.path.insert(0, os.environ["ROOT"] + "/tests/pg")
from cluster import Cluster  # noqa: E402

SEED = int(os.environ.get("METE_TEST_SEED", "") or random.SystemRandom().randrange(2**32))
chance = random.Random(SEED)
ROUNDS = 50
KINDS = ({}, {"version": 1}, {"kind": "permit2"}, {"kind": "upto"})


def until(holds, seconds=40):
    end = time.time() + seconds
    while not holds() and time.time() < end:
        time.sleep(0.02)
    return bool(holds())


def settle_at(jobs):
    """[(node, payment)] at the same moment: what each answered, in order; None: nothing came."""
    said = [None] * len(jobs)
    start = threading.Barrier(len(jobs))

    def one(k, node, p):
        port = node.port
        start.wait()
        try:
            said[k] = ask(port, "POST", "/settle", p["body"])
        except OSError:
            pass

    threads = [threading.Thread(target=one, args=(k, *job)) for k, job in enumerate(jobs)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return said


def raced(chain, signer, nodes):
    """The same payment at both, several copies each."""
    wrong, began = [], time.monotonic()
    for n in range(ROUNDS):
        p = signer.pay(**KINDS[n % len(KINDS)])
        said = settle_at([(node, p) for node in nodes for _ in range(3)])
        good = all(a and a[1]["success"] for a in said) and len({a[1]["transaction"] for a in said}) == 1
        if not good or chain.transfers(p["from"], p["nonce"]) != 1 or nodes[0].happened(p).count("settling") != 1:
            wrong.append((n, said))
    equal(wrong, [], f"{ROUNDS} payments raced on both settle once, with one answer")
    note(f"in {time.monotonic() - began:.1f} s")


def together(chain, signer, nodes):
    payments = signer.pay(count=60, value="3")
    before = chain.nonce()
    said = settle_at([(nodes[k % 2], p) for k, p in enumerate(payments)])
    equal([a for a in said if not a or not a[1]["success"]], [], "60 different payments over both all settle")
    equal([chain.transfers(p["from"], p["nonce"]) for p in payments], [1] * 60, "each moves once")
    equal(chain.nonce() - before, 60, "by 60 transactions")


def counted(nodes):
    """What both follow is counted by the one that the book has heard it from."""
    def counts(name):
        return [int(re.search(rf"^{name} (\d+)$", node.get("/metrics")[2], re.M)[1]) for node in nodes]

    for name, event in (("mete_x402_settle_seconds_count", "x402.settled"), ("mete_x402_confirmed_total", "x402.confirmed")):
        ok(until(lambda: sum(counts(name)) == len(nodes[0].events(event)) > 0, 10),
           f"each {event} is counted once", counts(name), len(nodes[0].events(event)))


def one_dies(chain, signer, nodes, rpc, hit):
    """Killed at any moment; the other one goes on, also with what was not answered."""
    for n, victim in itertools.islice(itertools.product(range(4), nodes), 8):
        other = nodes[1 - nodes.index(victim)]
        payments = [signer.pay(**chance.choice(KINDS)) for _ in range(6)]
        moment = chance.uniform(0, 0.08)
        killer = threading.Timer(moment, lambda v=victim: v.process.send_signal(signal.SIGKILL))
        killer.start()
        said = settle_at([(nodes[k % 2], p) for k, p in enumerate(payments)])
        killer.join()
        victim.process.wait(60)
        hit["answered before"] += sum(a is not None for a in said[nodes.index(victim)::2])
        hit["not answered"] += sum(a is None for a in said[nodes.index(victim)::2])
        for p, a in zip(payments, said):
            status, answer = other.settle(p)
            once(chain, other, p, f"round {n}, one is killed after {moment * 1000:.0f} ms: settled once")
            ok(status == 200 and answer["success"] and (a is None or a[1]["transaction"] == answer["transaction"]),
               "and both say so", a, answer)
        victim.start()


def nobody_asks(chain, signer, nodes, rpc):
    """What one has committed and not sent is sent by the other, though nobody asks."""
    one, other = nodes
    held = rpc.hold("eth_sendRawTransaction")
    p = signer.pay()
    thread = threading.Thread(target=lambda: settle_at([(one, p)]))
    thread.start()
    held.wait()
    one.process.send_signal(signal.SIGKILL)
    one.process.wait(60)
    rpc.clear()
    held.release(cut=True)
    thread.join()
    equal(other.wait_state(p, "settled"), "settled", "one dies before it has sent what it committed: the other one sends it")
    once(chain, other, p, "once")
    one.start()
    equal(one.settle(p), other.settle(p), "and both give the same answer")


def no_database(chain, signer, pg, nodes, rpc):
    """A book that gives no answer has decided nothing: what it was asked may have been done."""
    p, held = signer.pay(), rpc.hold("eth_estimateGas")
    said = []
    thread = threading.Thread(target=lambda: said.append(ask(nodes[0].port, "POST", "/settle", p["body"])))
    thread.start()
    held.wait()
    pg.crash()
    held.release()
    thread.join(90)
    status, answer = said[0]
    equal((status, answer["success"], answer["errorReason"], answer["transaction"]), (503, False, "unexpected_settle_error", ""),
          "the database dies while a payment is judged: nobody says that it has failed")
    other = signer.pay()
    equal(ask(nodes[0].port, "POST", "/settle", other["body"])[0], 503, "nor of one that cannot even be looked up")
    equal(ask(nodes[0].port, "POST", "/verify", {**other["body"], "reserve": True})[0], 503, "nor whether one is held")
    pg.start()
    for each in (p, other):
        end = time.time() + 60
        while not (last := ask(nodes[0].port, "POST", "/settle", each["body"]))[1].get("success") and time.time() < end:
            time.sleep(0.2)
        equal(last[1].get("success"), True, "asked again it is settled")
        once(chain, nodes[0], each, "once")


def failure_not_booked(chain, signer, pg, nodes, rpc):
    """A failure that the book could not be told of has its block taken away: whoever waits is told of the success alone."""
    one, other = nodes
    other.stop()
    token = chain.hostile("turncoat")
    held = rpc.hold("eth_getTransactionReceipt")
    p, said = signer.pay(asset=token), []
    thread = threading.Thread(target=lambda: said.append(one.settle(p)))
    thread.start()
    held.wait()
    pg.crash()
    held.release()
    missed = f"payment {one.id_of(p)} is not booked yet"
    ok(until(lambda: missed in one.said()), "the book does not hear of a failure", said, one.said()[-1500:])
    for _ in range(2):
        chain.rpc("anvil_setCode", token, chain.code["Fiat"]["runtime"])
        chain.reorg(1)
        chain.rpc("anvil_setCode", token, chain.code["Fiat"]["runtime"])
    ok(until(lambda: chain.transfers(p["from"], p["nonce"], token=token) == 1), "its block goes away, and the token has mended its ways")
    pg.start()
    thread.join(90)
    equal((said[0][0], said[0][1]["success"], said[0][1].get("errorReason")), (200, True, None), "who waits is told that it is settled")
    equal(one.happened(p), ["settling", "settled"], "as the book has it")
    other.start()


def book(chain, nodes, before):
    settled = nodes[0].events("x402.settled")
    equal(sum(int(e["payload"]["value"]) for e in settled), chain.balance("merchant") - before,
          "the revenue events are what the merchant has got")
    equal(len({e["payload"]["payment"] for e in settled}), len(settled), "one for each payment")
    nonces = [e["payload"]["account_nonce"] for e in nodes[1].events("x402.settling")]
    equal((nonces, chain.nonce()), (list(range(len(nonces))), len(nonces)), "account nonces have no hole")


def main():
    note(f"METE_TEST_SEED={SEED}")
    hit = collections.Counter()
    with Cluster() as pg, X402Chain() as chain, FaultyRpc(chain.port) as rpc, Signer(chain) as signer:
        env = {"METE_KEY_FILE": str(pg.folder / "key")}
        subprocess.run([METE, "store", "prepare", "--role", pg.APP], check=True, capture_output=True,
                       env={**os.environ, **env, "DATABASE_URL": pg.url(pg.OWNER)})
        chain.approve_permit2("payer")
        before = chain.balance("merchant")
        one = Facilitator(chain, rpc=[rpc.url()], store=pg.url(), env=env)
        two = Facilitator(chain, rpc=[chain.url()], store=pg.url(), env=env)
        with one, two:
            nodes = [one, two]
            raced(chain, signer, nodes)
            together(chain, signer, nodes)
            counted(nodes)
            one_dies(chain, signer, nodes, rpc, hit)
            nobody_asks(chain, signer, nodes, rpc)
            no_database(chain, signer, pg, nodes, rpc)
            book(chain, nodes, before)
            failure_not_booked(chain, signer, pg, nodes, rpc)
    note(", ".join(f"{k} {v}" for k, v in sorted(hit.items())))
    ok(hit["not answered"] > 0, "some were killed before they had answered")


main()
done()

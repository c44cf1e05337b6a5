# SPDX-License-Identifier: Apache-2.0
"""Payments by x402 through several `mete serve` on one database: whichever of them is asked, a payment
is reserved and settled once, also when the one that has the book is killed in between.
covers: V-053 V-055 V-081
"""
import random
import signal
import threading
import time

from cluster import Cluster
from installation import SEED, Installation
from served import done, equal, note, ok
from x402_steps import payment_id, reserve, settle

PAYMENTS = 12
SERVERS = 6


def say(node, step):
    """None: nobody knows what came of it."""
    try:
        status, _, body = node.post("/v1/x402/steps", {"steps": [step]})
    except OSError:
        return None
    return body["results"][0] if status == 200 else None


def at_once(work):
    threads = [threading.Thread(target=one, args=arguments) for one, *arguments in work]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def relayed(pg):
    """Asked at all nodes at once, each payment has one holder."""
    told = {}

    def one(node, n, who):
        told[n, who] = say(node, reserve(n, f"token {who}"))
    with Installation(pg) as i:
        work = [(one, i.nodes[(n + who) % len(i.nodes)], n, who)
                for n in range(PAYMENTS) for who in range(SERVERS)]
        random.Random(SEED).shuffle(work)
        at_once(work)
        ok(all(told.values()), "every node answers", [k for k, v in told.items() if not v])
        taken = {n: [w for w in range(SERVERS) if told[n, w]["status"] == "taken"]
                 for n in range(PAYMENTS)}
        equal({len(w) for w in taken.values()}, {1}, "each payment is reserved by one server")
        holder = i.holder()
        other = next(n for n in i.nodes if n is not holder)
        own = [say(other, settle(n, reservation=f"token {taken[n][0]}")) for n in range(PAYMENTS)]
        equal({r["status"] for r in own}, {"taken"}, "and settled through a node without the book")
        again = [say(holder, settle(n, reservation=f"token {taken[n][0]}"))
                 for n in range(PAYMENTS)]
        equal([(a["status"], a["payment"]) for a in again], [("known", o["payment"]) for o in own],
              "the node with the book answers the same")
        read = {str(node.get(f"/v1/x402/payments/{payment_id(3)}")[2]) for node in i.nodes}
        equal(len(read), 1, "all nodes read the same")


def kill_amid(node, answers):
    """Once some have their answer and others wait for theirs."""
    while len(answers) < PAYMENTS * SERVERS // 4:
        time.sleep(0.001)
    node.process.send_signal(signal.SIGKILL)


def killed(pg):
    """The node with the book is killed while all settle; who got no answer asks another one."""
    answers = {}

    def one(i, n, who):
        order = i.nodes[who % len(i.nodes):] + i.nodes[:who % len(i.nodes)]
        for _ in range(20):
            for node in order:
                said = say(node, settle(n)) if node.process.poll() is None else None
                if said is not None:
                    answers[n, who] = said
                    return
    with Installation(pg) as i:
        say(i.nodes[0], reserve(999, "first"))
        holder = i.wait_for_holder()
        work = [(one, i, n, who) for n in range(PAYMENTS) for who in range(SERVERS)]
        random.Random(SEED + 1).shuffle(work)
        killer = threading.Thread(target=kill_amid, args=(holder, answers))
        killer.start()
        at_once(work)
        killer.join()
        known = sum(a["status"] == "known" for a in answers.values())
        note(f"{len(answers)} answers, {known} of them known already, "
             f"holder {'killed' if holder.process.poll() is not None else 'alive'}")
        equal(len(answers), PAYMENTS * SERVERS, "everybody gets an answer in the end")
        equal({a["status"] for a in answers.values()} - {"taken", "known"}, set(),
              "the first one, or the same again")
        equal({n for n in range(PAYMENTS)
               if len({str(answers[n, w]["payment"]) for w in range(SERVERS)}) != 1}, set(),
              "all are told the same of a payment")
        alive = next(n for n in i.nodes if n.process.poll() is None)
        sums = alive.get("/v1/x402/revenue")[2]
        equal(sums["settlements"], str(PAYMENTS), "each payment is settled once")
        events = pg.sql("select count(*) from mete.event")
        equal(int(events), 1 + 2 * PAYMENTS, "and stands in the log once")


def main():
    note(f"seed {SEED}")
    with Cluster() as pg:
        relayed(pg)
        killed(pg)
    done()


if __name__ == "__main__":
    main()

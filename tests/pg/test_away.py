# SPDX-License-Identifier: Apache-2.0
"""The database of `mete serve` goes away and comes back: whoever asks meanwhile is told at once,
nobody waits behind anybody, and what was acknowledged stands in the log once.
covers: F-027 M-002
"""
import itertools
import signal
import sys
import threading
import time

from cluster import Cluster
from installation import SEED, Installation, revenue
from proxy import Proxy
from served import Served, done, equal, note, ok, until

ASKED = 24  # one after the other; each of them waited for 8 s or longer, once


def told(answer):
    status, headers, body = answer
    return status, headers.get("Retry-After") is not None, body.get("code")


def each(calls):
    """All at once; what they gave and how long the longest took."""
    gave = [None] * len(calls)
    took = [0.0] * len(calls)

    def run(n):
        began = time.monotonic()
        try:
            gave[n] = calls[n]()
        except OSError as e:
            gave[n] = (0, {}, {"code": str(e)})
        took[n] = time.monotonic() - began
    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return gave, max(took)


def read_balance(node):
    return node.get("/v1/parties/did%3Ax%3Aa/balance")


def stands_once(pg, ids, what):
    rows = pg.sql("select substring(convert_from(event, 'UTF8') from '\"event_id\":\"([^\"]*)\"') "
                  "from mete.event order by seq").splitlines()
    equal([i for i in ids if rows.count(i) != 1], [], f"{what}: acknowledged, once")
    equal(len(rows), len(set(rows)), f"{what}: nothing is there twice")


def tells_at_once(pg):
    """While it is away, a request takes no longer than an answer; when it is back, it is served."""
    with Installation(pg, 1) as i:
        node = i.nodes[0]
        names = (f"w{n}" for n in itertools.count())
        acknowledged = [next(names)]
        equal(node.post("/v1/events", revenue(acknowledged[0]))[0], 200, "an event")
        equal(node.get("/v1/parties")[0], 200, "a long reading")
        for round_ in range(2):
            pg.crash()
            began = time.monotonic()
            gave, longest = each([lambda: node.post("/v1/events", revenue(next(names)))] * 8
                                 + [lambda: read_balance(node)] * 4
                                 + [lambda: node.get("/v1/parties")] * 4)
            note(f"asked at the same moment: the longest wait is {longest:.2f} s")
            # a balance may be told from memory for as long as the lease is sure
            equal({told(a) for n, a in enumerate(gave) if not (8 <= n < 12 and a[0] == 200)},
                  {(503, True, "store_failed")}, "without its database: 503, and when to come again")
            equal(node.get("/readyz")[0], 503, "it says that it is not ready")
            equal(node.get("/healthz")[0], 200, "but that it lives")
            began = time.monotonic()
            gave = [node.post("/v1/events", revenue("lost")) for _ in range(ASKED)]
            gave += [read_balance(node) for _ in range(ASKED)]
            took = time.monotonic() - began
            note(f"{2 * ASKED} requests one after the other: {took:.2f} s")
            gave += [node.get("/v1/parties") for _ in range(ASKED)]
            equal({told(a) for a in gave}, {(503, True, "store_failed")}, "nor does anybody later wait")
            ok(took < ASKED, "for as long as a database takes to come back", took)
            pg.start()
            began = time.monotonic()
            until("back again, it is ready", lambda: node.get("/readyz")[0] == 200)
            acknowledged.append(next(names))
            equal(node.post("/v1/events", revenue(acknowledged[-1]))[0], 200, "and takes an event")
            note(f"after {time.monotonic() - began:.2f} s")
            equal([read_balance(node)[0], node.get("/v1/parties")[0]], [200, 200], "and is read")
        stands_once(pg, acknowledged, "away twice")


def resolves_a_commit(pg):
    """Nobody could say whether a COMMIT arrived: the book is read before anything else is decided."""
    with Installation(pg, 0) as i, Proxy(pg, SEED) as proxy:
        node = Served(env=i.env, store=proxy.url())
        i.nodes = [node]
        node.start()
        acknowledged = ["u0"]
        equal(node.post("/v1/events", revenue("u0"))[0], 200, "an event")
        for how, event_id, wanted in (("lost", "u1", "duplicate"), ("unsent", "u2", "applied")):
            proxy.shut = True
            proxy.chances[how] = 1
            answer = node.post("/v1/events", revenue(event_id))
            equal((told(answer), proxy.fired[how]), ((503, True, "store_failed"), 1),
                  f"COMMIT {how}, and nobody to ask: 503")
            ok("event_id" in answer[2]["remediation"], "it says how to go on", answer[2])
            equal(told(node.post("/v1/events", revenue("other"))), (503, True, "store_failed"),
                  "and so for everybody")
            proxy.chances[how] = 0
            proxy.shut = False
            until("back again, it is ready", lambda: node.get("/readyz")[0] == 200)
            answer = node.post("/v1/events", [revenue(event_id), revenue("after-" + event_id)])
            equal([r["status"] for r in answer[2]["results"]], [wanted, "applied"],
                  f"sent again: the one whose COMMIT was {how} is {wanted}")
            acknowledged += [event_id, "after-" + event_id]
        stands_once(pg, acknowledged, "COMMIT without an answer")
        equal(pg.sql("select count(*) from mete.event"), "5", "and nothing that was refused")


class Asking(threading.Thread):
    """A request that is under way while something else happens."""

    def __init__(self, node, event_id):
        super().__init__()
        self.call = lambda: node.post("/v1/events", revenue(event_id))
        self.start()

    def run(self):
        began = time.monotonic()
        try:
            self.answer = self.call()
        except OSError as e:
            self.answer = (0, {}, {"code": str(e), "detail": ""})
        self.took = time.monotonic() - began

    def end(self):
        self.join()
        return self.answer


def forwarded(pg):
    """What waits for the process that has the book waits for no database that is away; and what the
    inbox loses when the server crashes is not waited for in vain."""
    with Installation(pg, 2) as i:
        equal({n.post("/v1/events", revenue(f"f{k}"))[0] for k, n in enumerate(i.nodes)}, {200},
              "both nodes take events")
        for name, back in (("g", False), ("h", True)):
            holder = i.wait_for_holder()
            other = i.nodes[1 - i.nodes.index(holder)]
            equal(other.post("/v1/events", revenue(name + "-before"))[0], 200, "one is forwarded")
            equal(i.holder(), holder, "to the process that has the book")
            holder.process.send_signal(signal.SIGSTOP)
            asking = Asking(other, name)
            until("another is under way", lambda: pg.sql("select count(*) from mete.inbox") == "1")
            pg.crash()
            if back:
                pg.start()
            answer = asking.end()
            note(f"answered {answer[0]} after {asking.took:.2f} s")
            ok(asking.took < 15, "it is answered long before it would be given up", asking.took)
            ok(answer[0] == 200 if answer[0] != 503 else told(answer) == (503, True, "store_failed"),
               "with what became of it", answer)
            if answer[0] == 503:
                ok("may or may not" in answer[2]["detail"] and "event_id" in answer[2]["detail"],
                   "it may have been stored, and is to be sent again", answer)
            if not back:
                began = time.monotonic()
                gave = {told(other.post("/v1/events", revenue("lost"))) for _ in range(ASKED)}
                equal(gave, {(503, True, "store_failed")}, "who comes later is told the same")
                ok(time.monotonic() - began < ASKED, "at once", time.monotonic() - began)
                pg.start()
            holder.process.send_signal(signal.SIGCONT)
            until("back again, it takes the event",
                  lambda: other.post("/v1/events", revenue(name))[0] == 200)
            stands_once(pg, ["f0", "f1", name + "-before", name], "forwarded when it crashed")


def main():
    note(f"seed {SEED}")
    # what is committed without waiting stays in memory: a crash loses it
    with Cluster(settings={"wal_writer_delay": "10s"}) as pg:
        for part in (tells_at_once, resolves_a_commit, forwarded):
            if part.__name__ in sys.argv[1:] or len(sys.argv) == 1:
                part(pg)
    done()


if __name__ == "__main__":
    main()

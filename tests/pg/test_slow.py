# SPDX-License-Identifier: Apache-2.0
"""A database on which a group takes longer than its lease lasts, and two nodes that are asked for the
same book at the same time: neither ends the other's work again and again, so every event comes in.
A holder that is frozen in the midst of a group is replaced all the same.
covers: F-027 M-002
"""
import http.client
import itertools
import json
import signal
import sys
import threading
import time

from cluster import Cluster
from installation import SEED, WAIT_S, Installation, revenue
from proxy import Proxy
from served import Served, done, equal, note, ok, until

CLIENTS = 4
ENDED = "terminating connection due to administrator command"
EACH = 2  # events of a client
# A statement of the server's that takes longer than a lease.
SLOW_WRITES = ("create function mete.slow() returns trigger language plpgsql security definer as $$ "
               "begin perform pg_sleep(4); return null; end $$; "
               "create trigger slow after insert on mete.event for each statement "
               "execute function mete.slow()")


def send_until_taken(node_of, event_id, until_s):
    """How often it was sent; None: it was never taken."""
    for n in itertools.count():
        node = node_of(n)
        c = http.client.HTTPConnection("127.0.0.1", node.port, timeout=WAIT_S)
        try:
            c.request("POST", "/v1/events", json.dumps(revenue(event_id)),
                      {"Content-Type": "application/json"})
            if c.getresponse().status == 200:
                return n + 1
        except (OSError, http.client.HTTPException):
            pass
        finally:
            c.close()
        if time.monotonic() > until_s:
            return None
        time.sleep(0.05)
    return None


def all_come_in(pg, i, what):
    """Clients at both nodes at once."""
    sent = {}
    before = len(pg.log())
    end = time.monotonic() + 3 * WAIT_S

    def client(n):
        for k in range(EACH):
            event_id = f"s{n}-{k}"
            sent[event_id] = send_until_taken(lambda t: i.nodes[(n + t) % 2], event_id, end)
    began = time.monotonic()
    threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    note(f"{what}: {len(sent)} events in {time.monotonic() - began:.1f} s, sent so often: "
         f"{sorted(str(s) for s in sent.values())}")
    equal([e for e, s in sent.items() if s is None], [], f"{what}: every event was taken")
    equal(pg.log()[before:].count(ENDED), 0, f"{what}: nobody ended the work of who lives")
    rows = pg.sql("select substring(convert_from(event, 'UTF8') from '\"event_id\":\"([^\"]*)\"') "
                  "from mete.event").splitlines()
    equal(sorted(r for r in rows if r in sent), sorted(sent), f"{what}: each is there once")


def slow_server(pg):
    with Installation(pg, 2) as i:
        equal({n.post("/v1/events", revenue(f"a{k}"))[0] for k, n in enumerate(i.nodes)}, {200},
              "both nodes take events")
        pg.sql(SLOW_WRITES)
        all_come_in(pg, i, "slow server")
        pg.sql("drop trigger slow on mete.event")


def slow_network(pg):
    """Rows are long under way; each message of theirs waits."""
    with Installation(pg, 0) as i, Proxy(pg, SEED) as proxy:
        i.nodes = [Served(env=i.env, store=proxy.url()) for _ in range(2)]
        for node in i.nodes:
            node.start()
        equal({n.post("/v1/events", revenue(f"a{k}"))[0] for k, n in enumerate(i.nodes)}, {200},
              "both nodes take events")
        proxy.slow = {b"d": 0.7}  # CopyData: three in each table
        all_come_in(pg, i, "slow network")
        proxy.slow = {}


def frozen_in_copy(pg):
    """Its session ends when it has sent nothing for a lease, so that another node goes on."""
    with Installation(pg, 0) as i, Proxy(pg, SEED) as proxy:
        i.nodes = [Served(env=i.env, store=url) for url in (proxy.url(), pg.url())]
        for node in i.nodes:
            node.start()
        first, second = i.nodes
        equal(first.post("/v1/events", revenue("a"))[0], 200, "an event")
        equal(i.holder(), first, "the first node has the book")
        held = threading.Event()
        proxy.gate = lambda message: held if message[:1] == b"d" else None
        thread = threading.Thread(target=lambda: send_until_taken(lambda _: second, "b",
                                                                  time.monotonic() + WAIT_S))
        thread.start()
        until("it is in the midst of its rows", lambda: proxy.fired["held"] > 0)
        first.process.send_signal(signal.SIGSTOP)
        thread.join()
        equal(i.holder(), second, "another node has the book")
        equal(pg.sql("select count(*) from mete.event"), "2", "and took the event")
        proxy.gate = None
        held.set()
        first.process.send_signal(signal.SIGCONT)
        equal(first.post("/v1/events", revenue("b"))[2]["results"][0]["status"], "duplicate",
              "the one that was frozen knows of it")


def main():
    note(f"seed {SEED}")
    with Cluster() as pg:
        for part in (slow_server, slow_network, frozen_in_copy):
            if part.__name__ in sys.argv[1:] or len(sys.argv) == 1:
                part(pg)
    done()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""Points and insight events on several `mete serve` of one database: each of them takes reports, the
one that has the book writes them, each of them reads them; what was acknowledged outlives the one
that wrote it; what is old goes, whoever has the book. covers: M-091 M-092"""
import json
import pathlib
import signal
import threading
import time

from cluster import Cluster
from installation import NODES, Installation
from served import done, equal, ok, until

KPIS = "/api/insights/ingest/kpis"
EVENTS = "/api/insights/ingest/events"


def stamp(i, days=0):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86400 * days - 60 * i))


def batch(app, *points):
    return {"appId": app, "points": list(points)}


def rows(node, path, name):
    out, cursor = [], ""
    while cursor is not None:
        _, _, body = node.get(f"{path}?limit=1000" + (f"&cursor={cursor}" if cursor else ""))
        out += body[name]
        cursor = body["next"]
    return [json.dumps(r, sort_keys=True) for r in out]


def both(node):
    return rows(node, "/v1/insights/kpis", "points") + rows(node, "/v1/insights/events", "events")


def alike(i):
    moment = stamp(1)
    said = [n.post(KPIS, batch("shared", {"metric": "m", "t": moment, "v": k}))[2]
            for k, n in enumerate(i.nodes)]
    equal([(s["inserted"], s["updated"]) for s in said], [(1, 0)] + [(0, 1)] * (NODES - 1),
          "one point, told by every node in turn")
    said = [n.post(EVENTS, {"appId": "shared", "events": [{"eventId": "e", "t": moment, "type": "x"}]})[2]
            for n in i.nodes]
    equal([(s["inserted"], s["duplicates"]) for s in said], [(1, 0)] + [(0, 1)] * (NODES - 1),
          "one event likewise")
    equal({tuple(both(n)) for n in i.nodes}, {tuple(both(i.nodes[0]))}, "all read the same")
    problems = [n.post(KPIS, {"appId": "shared"})[2]["code"] for n in i.nodes]
    equal(problems, ["no_points"] * NODES, "all refuse the same")


def storm(i):
    """Every node is told much at once; the one that has the book dies meanwhile."""
    kept, lock = {}, threading.Lock()

    def tell(k, node):
        for n in range(40):
            body = batch(f"app{k}", *[{"metric": f"m{n}", "t": stamp(j), "v": j} for j in range(20)])
            try:
                status = node.post(KPIS, body)[0]
            except OSError:
                continue
            if status == 202:
                with lock:
                    kept[f"app{k}", f"m{n}"] = [p["t"] for p in body["points"]]

    threads = [threading.Thread(target=tell, args=(k, node)) for k, node in enumerate(i.nodes)]
    for t in threads:
        t.start()
    holder = i.wait_for_holder()
    until("some of it is written", lambda: len(kept) > 10)
    holder.process.send_signal(signal.SIGKILL)
    holder.process.wait()
    for t in threads:
        t.join()
    ok(len(kept) > 40, f"{len(kept)} batches were acknowledged")
    left = next(n for n in i.nodes if n is not holder)
    until("another has the book", lambda: i.holder() not in (None, holder))
    have = {}
    for r in map(json.loads, rows(left, "/v1/insights/kpis", "points")):
        have.setdefault((r["app"], r["metric"]), set()).add(r["t"])
    equal([k for k, times in kept.items() if not set(times) <= have.get(k, set())], [],
          "each of them is there, whole")
    holder.start()


def swept(i, pg):
    old = batch("old", *[{"metric": "m", "t": stamp(j, days=300), "v": j} for j in range(500)])
    equal(i.nodes[1].post(KPIS, old)[2]["inserted"], 500, "points of 300 days ago")
    for node in i.nodes:
        node.stop()
        node.env["METE_CONFIG"] = str(i.conf)
    for node in i.nodes:
        node.start()
    until("go when 30 are kept",
          lambda: pg.sql("select count(*) from mete.kpi where app = 'old'::bytea") == "0", 60)
    ok(int(pg.sql("select count(*) from mete.kpi")) > 100, "the others stay")


def moved(i):
    """Into a file and back into another database's books: mete copy, both ways."""
    for node in i.nodes:
        node.stop()
    names = ("insights", "kpis", "--json"), ("insights", "events", "--json")
    whole = [i.mete(*n) for n in names]
    file = str(i.folder / "copy.db")
    told = json.loads(i.mete("copy", "--from", i.pg.url(), "--to", file, "--json"))
    ok(told["books"][0]["new"]["insights"] > 100, "mete copy takes them into a file")
    equal([i.mete(*n, store=file) for n in names], whole, "as they are")
    i.pg.sql("set client_min_messages = error; drop schema mete cascade")
    i.mete("store", "prepare", "--role", i.pg.APP, store=i.pg.url(i.pg.OWNER))
    i.mete("copy", "--from", file, "--to", i.pg.url(), "--json")
    equal([i.mete(*n) for n in names], whole, "and back")


with Cluster() as pg:
    with Installation(pg) as i:
        i.conf = pathlib.Path(i.folder / "mete.conf")
        i.conf.write_text("[insights]\ninsights_retention_days = 30\n")
        alike(i)
        storm(i)
        swept(i, pg)
        moved(i)
done()

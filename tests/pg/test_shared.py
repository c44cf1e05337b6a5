# SPDX-License-Identifier: Apache-2.0
"""Several `mete serve` on one database: they share its books, answer alike, and replace one another.
Under load one is killed, one is frozen past its lease and woken, the server crashes: everything that
was acknowledged stands in the log once, and all have the same head.
covers: F-027 M-002 V-053 V-080 V-081 F-114
"""
import http.client
import json
import random
import re
import shutil
import signal
import sys
import threading
import time

from cluster import Cluster
from installation import NODES, SEED, WAIT_S, Installation, Load, holds, revenue
from proxy import Proxy
from served import Served, done, equal, event, note, ok, until
from signing import Ed25519, now, signed_headers


FAILING_COMMITS = (
    "create function mete.fail() returns trigger language plpgsql as $$ begin "
    "raise exception 'not now' using errcode = '23514'; end $$; "
    "create constraint trigger fail after update on mete.lease deferrable initially "
    "deferred for each row when (new.commits > old.commits) execute function mete.fail()")


def as_sent(node, path, body):
    """Status, headers and the bytes of the body, but for what is of this moment."""
    c = http.client.HTTPConnection("127.0.0.1", node.port, timeout=WAIT_S)
    c.request("POST", path, body if isinstance(body, str) else json.dumps(body),
              {"Content-Type": "application/json", "X-Request-Id": "the-same"})
    answer = c.getresponse()
    raw = answer.read()
    if "dry_run" in path:  # the head would be of another moment each time
        raw = re.sub(rb'"head":"[^"]*"', b'"head"', raw)
    c.close()
    return answer.status, sorted((k, v) for k, v in answer.getheaders() if k != "Date"), raw


# --- without load ---------------------------------------------------------------------------------

def answer_alike(pg):
    with Installation(pg) as i:
        a, b, c = i.nodes
        equal([n.post("/v1/events", revenue(f"e{k}"))[0] for k, n in enumerate(i.nodes)], [200] * 3,
              "every node takes events")
        holder = i.holder()
        others = [n for n in i.nodes if n is not holder]
        ok(holder is not None, "one of them has the book")
        equal({json.dumps(n.get("/v1/parties/did%3Ax%3Aa/balance")[2]["balances"])
               for n in i.nodes}, {json.dumps(holder.get("/v1/parties/did%3Ax%3Aa/balance")[2]
                                              ["balances"])}, "and all read the same")
        for what, path, body in [
                ("an event that is refused", "/v1/events", revenue("x1", "0.001")),
                ("one that is known", "/v1/events", revenue("e1")),
                ("one that is in conflict", "/v1/events", revenue("e1", "6.00")),
                ("a rehearsal", "/v1/events?dry_run=true", revenue("x2")),
                ("no JSON", "/v1/events", "{"),
                ("a policy", "/v1/manifests", {"policy": {"id": "urn:p", "kind": "single"}}),
                ("a usage report that is wrong", "/usage", {"nonsense": 1})]:
            told = [as_sent(n, path, body) for n in (holder, *others)]
            ok(told[0] == told[1] == told[2], f"{what}: the same answer everywhere", *told)
        equal(i.holder(), holder, "the book stayed where it was")
        rehearsed = pg.sql("select count(*) from mete.event")
        equal(rehearsed, "3", "a rehearsal leaves nothing, wherever it is asked for")
        equal(pg.sql("select (select count(*) from mete.inbox), (select count(*) from mete.answer)"),
              "0|0", "inbox and answers are empty again")
        for node in i.nodes:
            equal(node.get("/v1/parties")[0], 200, "a long reading")
        until("what rests holds no transaction open", lambda: pg.sql(
            "select count(*) from pg_stat_activity where usename = 'mete_app' and "
            "xact_start < clock_timestamp() - interval '20 milliseconds'") == "0")
        # what stands in the inbox is sealed: a secret is found nowhere
        other = others[0]
        holder.process.send_signal(signal.SIGSTOP)
        c = http.client.HTTPConnection("127.0.0.1", other.port, timeout=30)
        secret = event("d1", "party.registered", {"party": "did:x:a", "display_name": "Alice Adams"})
        c.request("POST", "/v1/events", json.dumps(secret),
                  {"Content-Type": "application/json", "Cookie": "secret-cookie"})
        seen = ""
        end = time.monotonic() + WAIT_S
        while seen == "" and time.monotonic() < end:
            seen = pg.sql("select encode(request, 'escape') from mete.inbox")
        ok(seen != "" and "Alice" not in seen and "cookie" not in seen and "did:x" not in seen,
           "what waits in the inbox is sealed")
        equal(c.getresponse().status, 200, "and is decided when its holder does not come back")
        holder.process.send_signal(signal.SIGCONT)
        c.close()


def signed_everywhere(pg):
    """What a request's signature is worth does not depend on the node that it reaches."""
    with Installation(pg, 2) as i:
        admin, key = [i.mete("key", "create", "--scopes", s).strip()
                      for s in ("admin,revenue:write", "revenue:write")]
        time.sleep(1.2)
        own = Ed25519(i.folder)
        registered = event("k", "key.registered", {"key_id": "k", "alg": own.alg, **own.member,
                                                   "producer": "control_plane"}, at=now())
        equal(i.nodes[0].post("/v1/events", registered, key=admin)[0], 200, "a key is registered")
        equal(i.holder(), i.nodes[0], "at the node that has the book")
        cover = ["@method", "@path", "content-digest"]
        bearer = "Bearer " + key
        for n, (what, target, sent, more, wanted) in enumerate([
                ("as it is", "/usage", "", {}, "applied"),
                ("with a query", "/usage?x=1", "", {"cover": [*cover, "@query"]}, "applied"),
                ("with its whole target", "/usage?x=1", "",
                 {"cover": ["@method", "@target-uri", "content-digest"]}, "applied"),
                ("with the key that it shows", "/usage", "",
                 {"cover": [*cover, "authorization"], "fields": {"authorization": bearer}}, "applied"),
                ("a query more", "/usage", "?x=1", {}, "signature_invalid")]):
            told = []
            for m, node in enumerate(i.nodes):
                body = json.dumps({"cliId": "urn:s", "report_id": f"r{n}-{m}", "usage": [
                    {"timestamp": now(), "endpoint": "/x", "cost": 1}]}).encode()
                headers = signed_headers(own, "k", "POST", target, body, f"127.0.0.1:{node.port}",
                                         **more)
                answer = node.request("POST", target + sent, body, headers, key=key)[2]
                first = (answer.get("results") or [answer])[0]
                told.append(first.get("code") or first.get("status"))
            equal(told, [wanted] * 2, f"signed {what}: the same at both nodes")


def discreet(pg):
    """What is wrong with the database is for the log, not for whoever asks."""
    with Installation(pg, 1) as i:
        node = i.nodes[0]
        equal(node.post("/v1/events", revenue("e"))[0], 200, "an event")
        pg.crash()
        try:
            told = [node.post("/v1/events", revenue("f")), node.get("/readyz"), node.get("/"),
                    node.get("/v1/parties")]
        finally:
            pg.start()
        ok(all(status == 503 and body["code"] == "store_failed" for status, _, body in told),
           "without its database it fails", told)
        said = json.dumps([body for _, _, body in told])
        ok("socket" not in said and str(pg.folder) not in said, "and does not say where it is", said)
        ok(str(pg.folder) in (node.folder / "log").read_text(), "but in its log")


def fails_alike(pg):
    """What a forwarded request says of a failure is what a direct one says; each log says why."""
    with Installation(pg, 2) as i:
        equal([n.post("/v1/events", revenue(f"e{k}"))[0] for k, n in enumerate(i.nodes)], [200] * 2,
              "both nodes take events")
        holder = i.holder()
        other = i.nodes[1 - i.nodes.index(holder)]
        pg.sql(FAILING_COMMITS)
        told = [as_sent(n, "/v1/events", revenue("x")) for n in (holder, other)]
        pg.sql("drop trigger fail on mete.lease; drop function mete.fail()")
        equal(told[0][0], 503, "a group that cannot be committed")
        equal(told[1], told[0], "the same answer by the other node")
        ok("Retry-After" in dict(told[1][1]), "with when to come again", told[1])
        for n in (holder, other):
            said = [json.loads(line) for line in (n.folder / "log").read_text().splitlines()
                    if line.startswith("{") and '"the-same"' in line]
            equal([("not now" in line.get("why", ""), line["code"]) for line in said],
                  [(True, "store_failed")], "its log says why")


def another_key_file(pg):
    """A node that could not read what the others say does not begin."""
    with Installation(pg, 1) as i:
        equal(i.nodes[0].post("/v1/events", revenue("e"))[0], 200, "a node has the book")
        key = (i.folder / "key").read_text()
        at = key.index("log-seed ") + 9
        changed = key[:at] + ("1" if key[at] == "0" else "0") + key[at + 1:]
        (i.folder / "other").write_text(changed)
        other = Served(env={"METE_KEY_FILE": str(i.folder / "other")}, store=pg.url())
        try:
            other.start()
            said = other.post("/v1/events", revenue("f"))
        except RuntimeError as e:
            said = str(e)
        if other.process.poll() is None:
            other.stop()
        ok("seal_key" in str(said) and "another key file" in str(said), "another one is refused", said)
        shutil.rmtree(other.folder, ignore_errors=True)


def revoked_elsewhere(pg):
    """A node that has the book again knows that another one revoked a producer's key, even if the
    log is as long as one that it had in mind itself and could not commit."""
    with Installation(pg, 2) as i:
        first, second = i.nodes
        admin, key = [i.mete("key", "create", "--scopes", s).strip()
                      for s in ("admin,revenue:write", "revenue:write")]
        time.sleep(1.2)
        own = Ed25519(i.folder)

        def report(name):
            body = json.dumps({"cliId": "urn:s", "report_id": name, "usage": [
                {"timestamp": now(), "endpoint": "/x", "cost": 1}]}).encode()
            headers = signed_headers(own, "k", "POST", "/usage", body, f"127.0.0.1:{first.port}")
            answer = first.request("POST", "/usage", body, headers, key=key)[2]
            one = (answer.get("results") or [answer])[0]
            return one.get("code") or one.get("status")
        registered = event("k", "key.registered", {"key_id": "k", "alg": own.alg, **own.member,
                                                   "producer": "control_plane"}, at=now())
        first.post("/v1/events", registered, key=admin)
        equal(report("r1"), "applied", "its key signs")
        pg.sql(FAILING_COMMITS)
        equal(report("r2"), "store_failed", "a group that cannot be committed")
        pg.sql("drop trigger fail on mete.lease")
        revoked = event("revoked", "key.revoked", {"key_id": "k"}, at=now())
        equal(second.post("/v1/events", revoked, key=admin)[0], 200, "another node revokes the key")
        second.stop()
        equal(report("r3"), "key_unknown", "then it signs nowhere")


def share_books(pg):
    with Installation(pg) as i:
        keys = {}
        for n in range(6):
            i.mete("init", "--book", f"b{n}", "--quiet")
            keys[n] = i.mete("key", "create", "--book", f"b{n}", "--scopes",
                             "revenue:write,earnings:read,audit:read").strip()
        time.sleep(1.2)  # keys are looked at twice a second
        for n in range(6):
            status, _, body = i.nodes[n % NODES].post("/v1/events", revenue(f"e{n}"), key=keys[n])
            equal(status, 200, f"book b{n} takes an event at node {n % NODES}")
        holders = [i.nodes.index(i.holder(f"b{n}")) for n in range(6)]
        equal(holders, [0, 1, 2, 0, 1, 2], "whoever is asked first has the book")
        for n in range(6):
            told = {json.dumps(node.get("/v1/parties/did%3Ax%3Aa/balance", key=keys[n])[2]
                               ["balances"]) for node in i.nodes}
            equal(len(told), 1, f"book b{n} reads the same everywhere")
        i.nodes[0].stop()
        began = time.monotonic()
        equal(i.nodes[1].post("/v1/events", revenue("f0"), key=keys[0])[0], 200,
              "a node that ends leaves its books to others")
        note(f"after an orderly end: {time.monotonic() - began:.2f} s")
        equal(i.nodes.index(i.holder("b0")), 1, "at once")
        i.nodes[0].start()
        equal(i.nodes[0].post("/v1/events", revenue("f1"), key=keys[0])[0], 200,
              "and takes part again when it is back")


def followed_everywhere(pg):
    """Live feeds of a node hear of what another node has written."""
    with Installation(pg) as i:
        for k, node in enumerate(i.nodes):
            node.post("/v1/events", revenue(f"l{k}"))
        heard = [[] for _ in i.nodes]
        connections = []

        def listen(n):
            c = http.client.HTTPConnection("127.0.0.1", i.nodes[n].port, timeout=WAIT_S)
            connections.append(c)
            c.request("GET", "/v1/events", headers={"Accept": "text/event-stream"})
            answer = c.getresponse()
            while len(heard[n]) < 9:
                line = answer.readline()
                if not line:
                    return
                if line.startswith(b"data:"):
                    heard[n].append(json.loads(line[5:])["event"]["event_id"])
        threads = [threading.Thread(target=listen, args=(n,)) for n in range(len(i.nodes))]
        for t in threads:
            t.start()
        for k in range(6):
            equal(i.nodes[k % NODES].post("/v1/events", revenue(f"m{k}"))[0], 200, "an event")
        for t in threads:
            t.join(WAIT_S)
        equal(heard, [[f"l{k}" for k in range(3)] + [f"m{k}" for k in range(6)]] * NODES,
              "every node tells its followers of every event, in order")
        for c in connections:
            c.close()


def handed_on(pg):
    """A lease that is given back stays so, also when it is just being confirmed."""
    with Installation(pg, 0) as i, Proxy(pg, SEED) as proxy:
        released = threading.Event()

        def gate(message):
            if b"owner = ''," in message:
                threading.Timer(0.2, released.set).start()
            return released if b"skip locked" in message and b"commits >=" in message else None
        proxy.gate = gate
        node = Served(env=i.env, store=proxy.url())
        node.start()
        equal(node.post("/v1/events", revenue("h0"))[0], 200, "an event")
        until("its lease is just being confirmed", lambda: proxy.fired["held"] > 0)
        node.stop()
        equal(pg.sql("select owner = '' and expires_at <= clock_timestamp() from mete.lease"), "t",
              "the lease of a node that ended is nobody's")
        shutil.rmtree(node.folder, ignore_errors=True)


def start_together(pg):
    """On an empty database, at the same moment."""
    with Installation(pg, 0) as i:
        i.nodes = [Served(env=i.env, store=pg.url()) for _ in range(4)]
        threads = [threading.Thread(target=n.start) for n in i.nodes]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        equal([n.post("/v1/events", revenue(f"s{k}"))[0] for k, n in enumerate(i.nodes)], [200] * 4,
              "four that start together on an empty database all serve")
        equal(pg.sql("select count(*) from mete.book"), "1", "one book was made")


# --- under load -----------------------------------------------------------------------------------

def killed(pg, rounds=4):
    with Installation(pg) as i:
        recovered = []
        with Load(i, SEED) as load:
            ok(load.wait_for(100), "events come in")
            for k in range(rounds):
                holder = i.wait_for_holder()
                holder.process.kill()
                began = time.monotonic()
                new = i.wait_for_holder(holder)
                recovered.append(time.monotonic() - began)
                ok(new is not None, f"kill {k}: another node has the book")
                ok(load.wait_for(50), f"kill {k}: events come in again")
                holder.process.wait()
                holder.start(holder.port)
        note(f"{rounds} kills of the holder; replaced after "
             + ", ".join(f"{s:.1f} s" for s in recovered))
        holds(i, load, "kills")


def frozen(pg, rounds=4):
    """Past its lease and awake again: it believes that it has the book, the database does not."""
    with Installation(pg) as i:
        fenced = 0
        r = random.Random(SEED)
        with Load(i, SEED) as load:
            ok(load.wait_for(100), "events come in")
            for k in range(rounds):
                holder = i.wait_for_holder()
                token = i.token()
                time.sleep(r.random() * 0.05)
                holder.process.send_signal(signal.SIGSTOP)
                new = i.wait_for_holder(holder)
                ok(new is not None, f"freeze {k}: another node has the book")
                ok(load.wait_for(50), f"freeze {k}: events come in again")
                size = int(pg.sql("select max(seq) from mete.event"))
                holder.process.send_signal(signal.SIGCONT)
                status, _, body = holder.get("/v1/log/checkpoint")
                ok(status == 200 and int(body.split("\n")[1]) >= size,
                   f"freeze {k}: awake again, it does not tell of old times", status, body, size)
                fenced += i.token() > token
                ok(load.wait_for(50), f"freeze {k}: awake again, it takes part")
        equal(fenced, rounds, "each time the lease was another's when it woke")
        holds(i, load, "freezes")


def frozen_idle(pg):
    """Without load nothing is refused that would tell it: it has to find out before it answers."""
    with Installation(pg, 2) as i:
        for k in range(2):
            for node in i.nodes:
                node.post("/v1/events", revenue(f"a{k}-{node.port}"))
            holder = i.wait_for_holder()
            other = i.nodes[1 - i.nodes.index(holder)]
            holder.process.send_signal(signal.SIGSTOP)
            equal(other.post("/v1/events", revenue(f"b{k}"))[0], 200, "the other node takes over")
            size = pg.sql("select max(seq) from mete.event")
            holder.process.send_signal(signal.SIGCONT)
            equal(holder.get("/v1/log/checkpoint")[2].split("\n")[1], size,
                  "awake again, the first thing that it says is true")
            equal(holder.get("/v1/parties/did%3Ax%3Aa/balance")[2]["balances"],
                  other.get("/v1/parties/did%3Ax%3Aa/balance")[2]["balances"], "and the second")


def crashed(pg, rounds=3):
    with Installation(pg) as i:
        with Load(i, SEED) as load:
            ok(load.wait_for(100), "events come in")
            for k in range(rounds):
                pg.crash()
                pg.start()
                ok(load.wait_for(50), f"crash {k} of the server: events come in again")
        ok(all(n.process.poll() is None for n in i.nodes), "no node ended")
        holds(i, load, "crashes of the server")


def main():
    note(f"seed {SEED}")
    with Cluster() as pg:
        for part in (answer_alike, signed_everywhere, discreet, fails_alike, another_key_file,
                     revoked_elsewhere, share_books, followed_everywhere, handed_on, start_together,
                     killed, frozen, frozen_idle, crashed):
            if part.__name__ in sys.argv[1:] or len(sys.argv) == 1:
                part(pg)
    done()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""Several `mete serve` on one database: they share its books, answer alike, and replace one another.
Under load one is killed, one is frozen past its lease and woken, the server crashes: everything that
was acknowledged stands in the log once, and all have the same head.
covers: F-027 M-002
"""
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "http")]
from cluster import Cluster  # noqa: E402
from proxy import Proxy  # noqa: E402
from signing import Ed25519, now, signed_headers  # noqa: E402
from served import METE, Served, done, equal, event, note, ok, until  # noqa: E402

SEED = int(os.environ.get("METE_TEST_SEED", time.time_ns() % 1000000))
NODES = 3
CLIENTS = 8
WAIT_S = 60


def revenue(event_id, amount="5.00"):
    return event(event_id, "revenue.received",
                 {"amount": {"amount": amount, "currency": "USD"}, "party": "did:x:a"})


class Installation:
    """A database and some nodes on it."""

    def __init__(self, pg, nodes=NODES):
        self.pg = pg
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mete-shared-"))
        self.env = {"METE_KEY_FILE": str(self.folder / "key")}
        pg.sql("set client_min_messages = error; drop schema if exists mete cascade")
        self.mete("store", "prepare", "--role", pg.APP, store=pg.url(pg.OWNER))
        self.nodes = [Served(env=self.env, store=pg.url()) for _ in range(nodes)]

    def __enter__(self):
        for node in self.nodes:
            node.start()
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            if node.process.poll() is None:
                node.process.send_signal(signal.SIGCONT)
            node.stop(signal.SIGKILL)
            shutil.rmtree(node.folder, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def mete(self, *args, store=None):
        return subprocess.run([METE, *args], capture_output=True, text=True, check=True,
                              env={**os.environ, **self.env,
                                   "DATABASE_URL": store or self.pg.url()}).stdout

    def holder(self, book="main"):
        """The node that has the book; None: nobody, or nobody that lives."""
        owner = self.pg.sql("select owner from mete.lease join mete.book using (book_id) "
                            f"where name = '{book}'")
        for node in self.nodes:
            if f"/{node.process.pid}/" in owner:
                return node
        return None

    def wait_for_holder(self, other_than=None):
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            holder = self.holder()
            if holder is not None and holder is not other_than:
                return holder
            time.sleep(0.01)
        return None

    def token(self):
        return int(self.pg.sql("select token from mete.lease where book_id = 1"))


class Load:
    """Clients that send events of their own to any node, again until they are acknowledged."""

    def __init__(self, installation, seed):
        self.i = installation
        self.stopping = False
        self.acknowledged = [[] for _ in range(CLIENTS)]
        self.sent = [0] * CLIENTS
        self.wrong = []
        self.failures = 0
        self.longest = 0.0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._client, args=(n, random.Random(seed + n)))
                        for n in range(CLIENTS)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for t in self.threads:
            t.join()

    def count(self):
        return sum(len(a) for a in self.acknowledged)

    def wait_for(self, more):
        """Until so many more are acknowledged."""
        target = self.count() + more
        until = time.monotonic() + WAIT_S
        while self.count() < target and time.monotonic() < until:
            time.sleep(0.01)
        return self.count() >= target

    def _client(self, n, r):
        while not self.stopping:
            size = r.choice([1, 1, 1, 5, 20])
            ids = [f"c{n}-{self.sent[n] + k}" for k in range(size)]
            self.sent[n] += size
            began = time.monotonic()
            while not self._send(ids, r):
                time.sleep(0.02)
                if self.stopping and time.monotonic() - began > WAIT_S:
                    return
            with self.lock:
                self.longest = max(self.longest, time.monotonic() - began)
            self.acknowledged[n] += ids

    def _send(self, ids, r):
        node = r.choice(self.i.nodes)
        c = http.client.HTTPConnection("127.0.0.1", node.port, timeout=6)
        try:
            c.request("POST", "/v1/events", json.dumps([revenue(i) for i in ids]),
                      {"Content-Type": "application/json"})
            answer = c.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            with self.lock:
                self.failures += 1
            return False
        finally:
            c.close()
        if answer.status != 200:
            with self.lock:
                self.failures += 1
                if answer.status < 500:
                    self.wrong.append(body[:200])
            return False
        results = json.loads(body)["results"]
        if any(x["status"] not in ("applied", "duplicate") for x in results):
            self.wrong.append(body[:200])
        return True


def holds(i, load, what):
    """What was acknowledged is stored, once; everybody says the same; the audit holds."""
    sent = load.count()
    have = set()
    rows = i.pg.sql("select substring(convert_from(event, 'UTF8') from '\"event_id\":\"([^\"]*)\"') "
                    "from mete.event order by seq").splitlines()
    have.update(rows)
    missing = [e for a in load.acknowledged for e in a if e not in have]
    ok(sent > 0 and not missing, f"{what}: all {sent} acknowledged events are stored", missing[:5])
    equal(len(rows), len(have), f"{what}: each of them once")
    equal(load.wrong, [], f"{what}: nobody was told anything wrong")
    heads = set()
    for node in i.nodes:
        status, _, body = node.get("/v1/log/checkpoint")
        heads.add(str(body).split("\n")[1:3].__str__() if status == 200 else f"{status} {body}")
    equal(len(heads), 1, f"{what}: every node has the same head {heads if len(heads) > 1 else ''}")
    ok(str(len(rows)) in str(heads), f"{what}: of the whole log", heads)
    audit = subprocess.run([METE, "audit"], capture_output=True, text=True, check=False,
                           env={**os.environ, **i.env, "DATABASE_URL": i.pg.url()})
    ok(audit.returncode == 0, f"{what}: the audit holds", audit.stderr[-400:])
    note(f"{what}: {sent} acknowledged, {load.failures} attempts without an answer, longest wait "
         f"{load.longest:.1f} s")


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
            told = [n.post(path, body)[::2] for n in (holder, *others)]
            told = [(s, {k: v for k, v in b.items() if k != "request_id" and k != "instance"}
                     if isinstance(b, dict) else b) for s, b in told]
            if "dry_run" in path:  # the head would be of another moment each time
                told = [(s, b["results"]) for s, b in told]
            ok(told[0] == told[1] == told[2], f"{what}: the same answer everywhere", *told)
        rehearsed = pg.sql("select count(*) from mete.event")
        equal(rehearsed, "3", "a rehearsal leaves nothing, wherever it is asked for")
        equal(pg.sql("select (select count(*) from mete.inbox), (select count(*) from mete.answer)"),
              "0|0", "inbox and answers are empty again")
        # what stands in the inbox is sealed: a secret is found nowhere
        other = others[0]
        holder.process.send_signal(signal.SIGSTOP)
        c = http.client.HTTPConnection("127.0.0.1", other.port, timeout=30)
        secret = event("d1", "party.registered", {"party": "did:x:a", "display_name": "Alice Adams"})
        c.request("POST", "/v1/events", json.dumps(secret),
                  {"Content-Type": "application/json", "Cookie": "secret-cookie"})
        seen = ""
        until = time.monotonic() + WAIT_S
        while seen == "" and time.monotonic() < until:
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
        time.sleep(0.6)
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


def revoked_elsewhere(pg):
    """A node that has the book again knows that another one revoked a producer's key, even if the
    log is as long as one that it had in mind itself and could not commit."""
    with Installation(pg, 2) as i:
        first, second = i.nodes
        admin, key = [i.mete("key", "create", "--scopes", s).strip()
                      for s in ("admin,revenue:write", "revenue:write")]
        time.sleep(0.6)
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
        pg.sql("create function mete.fail() returns trigger language plpgsql as $$ begin "
               "raise exception 'not now' using errcode = '23514'; end $$; "
               "create constraint trigger fail after update on mete.lease deferrable initially "
               "deferred for each row when (new.commits > old.commits) execute function mete.fail()")
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
        time.sleep(0.6)  # keys are looked at twice a second
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
            return released if b"skip locked" in message and b"mete.lease" in message else None
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
        for part in (answer_alike, signed_everywhere, revoked_elsewhere, share_books, followed_everywhere, handed_on, start_together,
                     killed, frozen, frozen_idle, crashed):
            if part.__name__ in sys.argv[1:] or len(sys.argv) == 1:
                part(pg)
    done()


main()

# SPDX-License-Identifier: Apache-2.0
"""Several `mete serve` on one database, clients that load them, and what must hold at the end:
whatever was acknowledged is stored, once; all say the same; the audit holds.
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
from served import METE, Served, equal, event, note, ok  # noqa: E402

SEED = int(os.environ.get("METE_TEST_SEED", time.time_ns() % 1000000))
NODES = 3
CLIENTS = 8
WAIT_S = 60


def revenue(event_id, amount="5.00"):
    return event(event_id, "revenue.received",
                 {"amount": {"amount": amount, "currency": "USD"}, "party": "did:x:a"})


class Installation:
    """A database and some nodes on it; `urls`: by which each of them reaches it, `envs`: what else
    each of them is told."""

    def __init__(self, pg, nodes=NODES, urls=None, envs=None):
        self.pg = pg
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mete-shared-"))
        self.env = {"METE_KEY_FILE": str(self.folder / "key")}
        pg.sql("set client_min_messages = error; drop schema if exists mete cascade")
        self.mete("store", "prepare", "--role", pg.APP, store=pg.url(pg.OWNER))
        urls = urls or [pg.url()] * nodes
        self.nodes = [Served(env={**self.env, **(envs[n] if envs else {})}, store=urls[n])
                      for n in range(nodes)]

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
        owner = self.pg.ask("select owner from mete.lease join mete.book using (book_id) "
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
        return int(self.pg.ask("select token from mete.lease where book_id = 1"))


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
        self.attempts = []  # of the longest: which node, what it said, after how many seconds
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

    def was_sent(self, event_id):
        """Events that do not look like ours are somebody else's: they were."""
        client, _, number = event_id.partition("-")
        return (not client.removeprefix("c").isdigit() or not number.isdigit()
                or int(number) < self.sent[int(client.removeprefix("c"))])

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
            attempts = []
            while not self._send(ids, r, attempts):
                time.sleep(0.02)
                if self.stopping and time.monotonic() - began > WAIT_S:
                    return
            with self.lock:
                if time.monotonic() - began > self.longest:
                    self.longest = time.monotonic() - began
                    self.attempts = attempts
            self.acknowledged[n] += ids

    def _send(self, ids, r, attempts):
        node = r.choice(self.i.nodes)
        began = time.monotonic()

        def note_attempt(what):
            attempts.append(f"node {self.i.nodes.index(node)}: {what}, "
                            f"{time.monotonic() - began:.1f} s")
        c = http.client.HTTPConnection("127.0.0.1", node.port, timeout=6)
        try:
            c.request("POST", "/v1/events", json.dumps([revenue(i) for i in ids]),
                      {"Content-Type": "application/json"})
            answer = c.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as e:
            note_attempt(e.__class__.__name__)
            with self.lock:
                self.failures += 1
            return False
        finally:
            c.close()
        if answer.status != 200:
            note_attempt(f"{answer.status} {body[:160]}")
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
    foreign = [e for e in have if not load.was_sent(e)]
    equal(foreign[:5], [], f"{what}: and nothing that was not sent")
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
    for attempt in load.attempts[:20]:
        note(f"  {attempt}")

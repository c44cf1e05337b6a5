# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at random moments of `mete serve` while clients send single events and streams of many:
what was acknowledged is there, once; the log goes on from its earlier head; nothing is half there.
In the end every store is audited. `test_kill_serve.py 1000` kills so often.

covers: V-054
"""
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "http"))
from served import METE, Served, done, equal, event, note, ok  # noqa: E402

KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 24
SEED = int(os.environ.get("METE_TEST_SEED", "0")) or random.randrange(1, 1 << 32)
CLIENTS = 6
STORE_KILLS = 12  # then another store: what is looked at grows with the log
chance = random.Random(SEED)
note(f"seed {SEED} (METE_TEST_SEED), {KILLS} kills")

POLICY = event("p", "policy.published", {"policy": {
    "id": "urn:p", "kind": "weights", "rounding": "carry",
    "shares": [{"party": "did:a", "weight": "1/3"}, {"party": "did:b", "weight": "0.5"}]}})


def revenue(event_id):
    return event(event_id, "revenue.received",
                 {"policy": "urn:p", "amount": {"amount": "10.01", "currency": "USD"}})


class Client(threading.Thread):
    """Sends until nobody answers, and notes what it was told."""

    def __init__(self, port, name, stream):
        super().__init__()
        self.port, self.name_, self.stream = port, name, stream
        self.told, self.sent, self.waits, self.wrong = [], [], False, []
        self.stopping = False

    def batch(self, number):
        if not self.stream:
            return [f"{self.name_}-{number}"]
        return [f"{self.name_}-{number}-{i}" for i in range(self.stream)]

    def send(self, connection, ids):
        if self.stream:
            body = "".join(json.dumps(revenue(i)) + "\n" for i in ids)
            connection.request("POST", "/v1/events", body,
                               {"Content-Type": "application/x-ndjson"})
        else:
            connection.request("POST", "/v1/events", json.dumps(revenue(ids[0])))
        answer = connection.getresponse()
        results = self.results(answer)
        if answer.status == 200 and all(r == "applied" for r in results) and len(results):
            self.told += ids[:len(results)]
        elif answer.status != 503:
            self.wrong.append((answer.status, results[:3]))

    @staticmethod
    def results(answer):
        body = answer.read().decode()
        if "ndjson" in answer.headers.get("Content-Type", ""):
            return [r["status"] for r in map(json.loads, body.splitlines()) if "event_id" in r]
        return [r["status"] for r in json.loads(body).get("results", [])]

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        number = 0
        while not self.stopping:
            ids, number = self.batch(number), number + 1
            try:
                self.sent += ids
                self.waits = True
                self.send(connection, ids)
                self.waits = False
            except (OSError, http.client.HTTPException, ValueError):
                return


# --- what a killed server left -------------------------------------------------------------------

def half_group(store):
    """The write-ahead log ends with pages of a transaction without its end."""
    wal = pathlib.Path(f"{store}-wal")
    data = wal.read_bytes() if wal.exists() else b""
    if len(data) < 32:
        return False
    page, at, half = int.from_bytes(data[8:12], "big"), 32, False
    while at + 24 <= len(data) and data[at + 8:at + 16] == data[16:24]:
        half = data[at + 4:at + 8] == b"\0\0\0\0"
        at += 24 + page
    return half


class Store:
    """A store over many kills: what of it was seen must stay."""

    def __init__(self):
        self.server = Served()
        small = self.server.folder / "small.conf"  # so that runs are written and merged
        small.write_text("[store]\ncache_mib = 1\n")
        self.server.options = ("--config", str(small))
        self.leaves = []  # as they were seen last
        self.told = set()

    def look(self):
        """Rows as they are, of a copy: to mend the files is the next server's work."""
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "copy.db")
            for end in ("", "-wal"):
                if os.path.exists(f"{self.server.store}{end}"):
                    shutil.copy(f"{self.server.store}{end}", copy + end)
            db = sqlite3.connect(copy)
            rows = db.execute("select key, leaf, event from event order by key").fetchall()
            merging = db.execute("select count(*) from merge").fetchone()[0]
            db.close()
        return rows, merging

    def check(self, tally):
        rows, merging = self.look()
        leaves = [leaf for _, leaf, _ in rows]
        ids = [json.loads(body)["event_id"] for _, _, body in rows]
        tally["merge"] += merging > 0
        wrong = []
        if leaves[:len(self.leaves)] != self.leaves:
            wrong.append("the log is not a continuation of what it was")
        if [k & 0xffffffff for k, _, _ in rows] != list(range(1, len(rows) + 1)):
            wrong.append("the log has gaps")
        if len(set(ids)) != len(ids):
            wrong.append("an id is there twice")
        lost = self.told - set(ids)
        if lost:
            wrong.append(f"{len(lost)} acknowledged events are gone: {sorted(lost)[:3]}")
        self.leaves = leaves
        return wrong, set(ids)

    def audit(self):
        """The program's own look at all of it, and the auditor's."""
        for what in (["log", "verify"], ["audit"]):
            r = subprocess.run([METE, *what, "--quiet", "--store", str(self.server.store)],
                               capture_output=True, text=True)
            if r.returncode != 0:
                return f"{what}: {r.returncode} {r.stdout[-300:]} {r.stderr[-300:]}"
        return None

    def end(self):
        shutil.rmtree(self.server.folder, ignore_errors=True)


# --- a kill --------------------------------------------------------------------------------------

def kill_opening(server):
    """Before it says that it listens."""
    server.log = open(server.folder / "log", "ab")
    server.process = subprocess.Popen(
        [METE, "serve", "--store", str(server.store), "--listen", "127.0.0.1:0",
         *server.options],
        stderr=server.log, stdout=server.log, env=server.env)
    time.sleep(chance.random() * 0.03)
    server.stop(signal.SIGKILL)


def kill_working(store, name, tally):
    """With requests under way, or, now and then, after the last of them."""
    server = store.server
    server.start()
    if not store.leaves:
        server.post("/v1/events", POLICY)
    streams = [0, 0, 0, 40, 400, 2000]
    clients = [Client(server.port, f"{name}-{i}", streams[i]) for i in range(CLIENTS)]
    for c in clients:
        c.start()
    time.sleep(0.05 + chance.random() * chance.choice([0.1, 0.4, 1.0]))
    idle = chance.randrange(8) == 0
    if idle:
        for c in clients:
            c.stopping = True
        for c in clients:
            c.join()
    waits = sum(c.waits for c in clients)
    server.stop(signal.SIGKILL)
    for c in clients:
        c.stopping = True
        c.join()
    tally["idle" if idle else "requests"] += 1
    tally["in flight"] += waits
    tally["half"] += half_group(server.store)
    return clients


def main():
    tally = dict.fromkeys(["opening", "requests", "in flight", "half", "merge", "idle", "told",
                           "unanswered", "unanswered there", "stores", "audits"], 0)
    wrong, store = [], None
    for i in range(KILLS):
        if i % STORE_KILLS == 0:
            if store:
                wrong += filter(None, [store.audit()])
                tally["audits"] += 1
                store.end()
            store = Store()
            tally["stores"] += 1
        if i % 6 == 5 and store.leaves:
            kill_opening(store.server)
            tally["opening"] += 1
            clients = []
        else:
            clients = kill_working(store, f"k{i}", tally)
        told = {e for c in clients for e in c.told}
        store.told |= told
        found, ids = store.check(tally)
        unsure = {e for c in clients for e in c.sent} - told
        tally["told"] += len(told)
        tally["unanswered"] += len(unsure)
        tally["unanswered there"] += len(unsure & ids)
        wrong += [f"kill {i}: {w}" for w in found]
        wrong += [f"kill {i}: {w}" for c in clients for w in c.wrong]
    wrong += filter(None, [store.audit()])
    tally["audits"] += 1
    store.end()
    note("mete serve: " + ", ".join(f"{k} {v}" for k, v in tally.items()))
    equal(wrong[:5], [], "after each kill: acknowledged is stored once, the log goes on, all audits")
    ok(tally["requests"] > 0 and tally["in flight"] > 0 and tally["opening"] > 0,
       "kills hit requests under way, and openings")
    ok(tally["told"] > KILLS, "much was acknowledged")


main()
done()

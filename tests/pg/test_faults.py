# SPDX-License-Identifier: Apache-2.0
"""`mete ingest` into PostgreSQL while connections are cut, answers to COMMIT are lost, the server
crashes and the writer is killed: in the end every event stands in the log once, everybody is owed
what an undisturbed book owes, and the audit holds.
covers: F-027 M-002
"""
import itertools
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "http")]
from cluster import Cluster  # noqa: E402
from proxy import Proxy  # noqa: E402
from served import METE, done, equal, note, ok  # noqa: E402

SEED = int(os.environ.get("METE_TEST_SEED", time.time_ns() % 1000000))
EVENTS = int(os.environ.get("EVENTS", 6000))
RUNS_MAX = 50  # a cut while it opens the book ends a run
AT = "2030-01-01T00:00:00Z"


def stream(folder):
    """Policies, revenue, reversals: the same for every run."""
    r = random.Random(7)
    path = folder / "stream"
    with open(path, "w", encoding="ascii") as out:
        def put(event_id, kind, payload):
            json.dump({"event_id": event_id, "event_type": kind,
                       "occurred_at": "2025-01-01T00:00:00Z", "payload": payload}, out)
            out.write("\n")
        for p in range(20):
            put(f"p{p}", "policy.published", {"policy": {
                "id": f"urn:{p}", "kind": "weights", "rounding": r.choice(["largest", "carry"]),
                "shares": [{"party": f"a{p % 7}", "weight": "1/3"},
                           {"party": f"b{p % 3}", "weight": "0.5"}]}})
        for i in range(EVENTS):
            put(f"e{i}", "revenue.received", {"policy": f"urn:{r.randrange(20)}", "amount": {
                "amount": f"{r.randrange(1, 900)}.{r.randrange(100):02}", "currency": "USD"}})
            if i % 40 == 39:
                put(f"r{i}", "revenue.reversed", {"reverses": f"e{i - r.randrange(30)}"})
    return path


class Book:
    def __init__(self, folder, url):
        self.folder = folder
        self.env = {**os.environ, "DATABASE_URL": url, "METE_KEY_FILE": str(folder / "key")}

    def run(self, *args):
        return subprocess.run([METE, *args], env=self.env, capture_output=True, text=True,
                              check=False)

    def start(self, *args, stdin=subprocess.DEVNULL):
        return subprocess.Popen([METE, *args], env=self.env, stdin=stdin,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def json(self, *args):
        answer = self.run(*args, "--json")
        return json.loads(answer.stdout) if answer.returncode == 0 else answer.stderr


def ends_as(book, pg, whole, what):
    """The book of the database against the undisturbed one."""
    equal(count(pg), whole["size"], f"{what}: every event is there once")
    equal(book.json("parties", "--at", AT), whole["parties"], f"{what}: the same is owed")
    audit = book.run("audit")
    ok(audit.returncode == 0, f"{what}: the audit holds", audit.stderr[-500:])


def empty(pg, book):
    pg.sql("drop schema if exists mete cascade")
    book.run("--store", pg.url(pg.OWNER), "store", "prepare", "--role", pg.APP)
    (book.folder / "key").unlink(missing_ok=True)
    made = book.run("init", "--quiet")
    ok(made.returncode == 0, "a new book", made.stderr)


def through_faults(pg, folder, path, whole, **chances):
    """All at once. A failure of the program is allowed, a wrong book is not."""
    direct = Book(folder, pg.url())
    empty(pg, direct)
    with Proxy(pg, SEED, **chances) as proxy:
        for runs in range(1, RUNS_MAX + 1):
            last = Book(folder, proxy.url()).run("ingest", "--quiet", "--group", "20", str(path))
            if last.returncode == 0:
                break
        note(f"{dict(proxy.fired)} in {runs} runs")
        ok(last.returncode == 0, "a run came to its end", last.stderr.strip())
    last = direct.run("ingest", "--quiet", str(path))
    ok(last.returncode == 0, "undisturbed, it goes on", last.stderr)
    for what in chances:
        ok(proxy.fired[what] > 0, f"it happened: {what}")
    ends_as(direct, pg, whole, "/".join(chances))


def count(pg):
    return int(pg.ask("select count(*) from mete.event"))


def grown(pg, process, size):
    """Waits until the log has so many events, or its writer has ended."""
    while process.poll() is None and count(pg) < size:
        time.sleep(0.005)


def through_kills(pg, folder, path, whole, rounds):
    """The writer is killed while it writes."""
    r = random.Random(SEED)
    book = Book(folder, pg.url())
    empty(pg, book)
    last = inside = 0
    for i in range(rounds):
        process = book.start("ingest", "--quiet", "--group", r.choice(["1", "5", "20"]), str(path))
        grown(pg, process, last + r.randrange(1, EVENTS // rounds))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        size = count(pg)
        ok(size >= last, f"kill {i}: nothing went back", f"{last} -> {size}")
        inside += last < size < whole["size"]
        last = size
    note(f"{rounds} kills of the writer, {inside} of them in the midst of new work")
    ok(inside > 0, "writers were killed in the midst of their work")
    finished = book.run("ingest", "--quiet", str(path))
    ok(finished.returncode == 0, "after kills it goes on where it stopped", finished.stderr)
    ends_as(book, pg, whole, "kills")


def wait_for_the_midst(pg, process, feed):
    """The writer gets work while somebody else has locked what it needs for it: when this returns
    True it waits in the midst of a group."""
    with subprocess.Popen(["psql", "-XqAt", pg.url(pg.SUPER)], stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as other:
        other.stdin.write("begin; lock table mete.event in access exclusive mode; select 1;\n")
        other.stdin.flush()
        other.stdout.readline()
        feed()
        waits = False
        while not waits and process.poll() is None:
            waits = pg.ask("select exists (select from pg_locks where not granted)") == "t"
        pg.crash()
    return waits


def through_crashes(pg, folder, path, whole, rounds):
    """The server crashes and comes back; the writer goes on by itself. It is handed a part of its
    work before each crash and the rest at the end, so that it never has finished before. Every
    second crash comes when it may, the others in the midst of a group."""
    book = Book(folder, pg.url())
    empty(pg, book)
    lines = iter(path.read_bytes().splitlines(keepends=True))
    process = book.start("ingest", "--quiet", "--group", "20", "-", stdin=subprocess.PIPE)

    def feed(number):
        process.stdin.writelines(itertools.islice(lines, number))
        process.stdin.flush()
    inside = 0
    for i in range(rounds):
        feed(EVENTS // rounds // 2)
        if i % 2:
            inside += wait_for_the_midst(pg, process, lambda: feed(100))
        else:
            pg.crash()
        pg.start()
    note(f"{rounds} crashes of the server, {inside} of them for certain in the midst of a group")
    ok(process.poll() is None, "the writer is still there")
    feed(None)
    said = process.communicate()[1]
    equal(inside, rounds // 2, "the server crashed in the midst of groups")
    equal(process.returncode, 0, f"the writer went on by itself {said.decode()[:200]}")
    ends_as(book, pg, whole, "crashes")


def main():
    note(f"seed {SEED}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mete-faults-"))
    path = stream(folder)
    (folder / "whole").mkdir()
    undisturbed = Book(folder / "whole", str(folder / "whole" / "book.db"))
    undisturbed.run("init", "--quiet")
    undisturbed.run("ingest", "--quiet", str(path))
    whole = {"size": undisturbed.json("log", "verify")["size"],
             "parties": undisturbed.json("parties", "--at", AT)}

    with Cluster() as pg:
        through_faults(pg, folder, path, whole, lost=0.1)
        through_faults(pg, folder, path, whole, unsent=0.1)
        through_faults(pg, folder, path, whole, cut=0.02, delay=0.05, lost=0.05, unsent=0.05)
        through_kills(pg, folder, path, whole, 10)
        through_crashes(pg, folder, path, whole, 4)
    subprocess.run(["rm", "-rf", str(folder)], check=False)
    done()


main()

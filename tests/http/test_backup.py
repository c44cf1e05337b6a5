#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Backups of a store that a server is writing: each is a beginning of the log with everything in it
that was acknowledged before; killed, interrupted and without room there is none; a byte that differs
is found wherever it is; and what is restored goes on. Beside tests/pg/with_postgres: of PostgreSQL."""
import hashlib
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time

from served import METE, Served, done, equal, event, note, ok, until

SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
KILLS = int(os.environ.get("KILLS", 30))
FLIPS = int(os.environ.get("FLIPS", 200))
rng = random.Random(SEED)
note(f"seed {SEED}")
PG = os.environ.get("METE_PG_APP")
os.chdir(tempfile.mkdtemp(prefix="mete-backup-"))
here = pathlib.Path(".").resolve()
ENV = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "METE_KEY_FILE")}
KEYS = {"METE_KEY_FILE": str(here / "live.key")} if PG else {}
SHARES = [{"party": "alice", "weight": "1/3"}, {"party": "bob", "weight": "2/3"}]


def mete(*args, env=None, limit=None):
    """(status, answer, what was said)"""
    def before():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    p = subprocess.run([METE, *map(str, args)], env={**ENV, **(env or {})}, capture_output=True,
                       text=True, stdin=subprocess.DEVNULL, preexec_fn=before)
    try:
        return p.returncode, json.loads(p.stdout), p.stderr
    except ValueError:
        return p.returncode, None, p.stderr


def line(i):
    return json.dumps(event(f"e{i}", "revenue.received", {
        "policy": "urn:p", "amount": {"amount": f"{i % 90 + 1}.{i % 100:02}", "currency": "USD"}}))


class Writer(threading.Thread):
    """Sends event after event, twenty at a time, and counts those that were acknowledged."""

    def __init__(self, server):
        super().__init__()
        self.server = server
        self.acknowledged = 0
        self.stopped = False
        self.wrong = []

    def run(self):
        while not self.stopped:
            first = self.acknowledged
            body = "\n".join(line(i) for i in range(first, first + 20)) + "\n"
            status, _, answer = self.server.post("/v1/events", body,
                                                 headers={"Content-Type": "application/x-ndjson"})
            if status != 200 or '"refused"' in answer:
                self.wrong.append(f"{status} {answer[:300]}")
                break
            self.acknowledged += 20
            time.sleep(0.02)  # small stores are checked quickly


def leftovers(folder):
    return sorted(p.name for p in pathlib.Path(folder).iterdir() if "partial" in p.name)


def beside_a_server(s, store):
    """Backups while it is written to. Returns the last."""
    setup = [event("d1", "party.registered", {"party": "alice", "display_name": "Alice"}),
             event("p1", "policy.published",
                   {"policy": {"id": "urn:p", "kind": "weights", "shares": SHARES}})]
    equal(s.post("/v1/events", setup)[0], 200, "a policy is there")
    writer = Writer(s)
    writer.start()
    sizes = []
    for i in range(4):
        had = writer.acknowledged
        until(f"backup {i}: events arrive", lambda had=had: writer.acknowledged > had + 100)
        had = writer.acknowledged
        status, made, said = mete("backup", "--store", store, f"b{i}.db", "--json", env=KEYS)
        if not ok(status == 0, f"backup {i} beside the server", said):
            break
        size = made["books"][0]["size"]
        sizes.append(size)
        ok(size >= had + 2, f"backup {i} has what was acknowledged before it began", size, had)
        now = writer.acknowledged
        until(f"backup {i}: the server goes on", lambda now=now: writer.acknowledged > now + 100)
        status, seen, said = mete("backup", "verify", f"b{i}.db", "--against", store, "--json",
                                  env=KEYS)
        if not ok(status == 0 and seen["against"]["books"][0]["newer"] > 0,
                  f"backup {i} is a beginning of what the store has now", status, seen, said):
            break
        status, proof, said = mete("log", "consistency", size, size + seen["against"]["books"][0]["newer"],
                                   "--store", store, "--json", env=KEYS)
        ok(status == 0 and proof["first_root"] == made["books"][0]["root"],
           f"backup {i}: the log proves it", proof, said)
    writer.stopped = True
    writer.join()
    equal(writer.wrong, [], "nothing was refused meanwhile")
    ok(sizes == sorted(set(sizes)) and len(sizes) == 4, "each is longer than the one before", sizes)
    note(f"backups of {sizes} events; {writer.acknowledged} acknowledged at the end")
    return "b3.db", sizes[-1], writer.acknowledged


def restored_goes_on(backup, size, acknowledged, store):
    equal(mete("--store", "back.db", "restore", backup)[0], 0, "restore")
    with open("all.ndjson", "w", encoding="ascii") as f:
        f.writelines(line(i) + "\n" for i in range(acknowledged))
    status, told, said = mete("--store", "back.db", "ingest", "--json", "all.ndjson")
    equal(status, 0, "everything is sent again " + said[-200:])
    counts = told["events"]
    equal([counts["duplicate"], counts["applied"], counts["refused"], counts["conflict"]],
          [size - 2, acknowledged - size + 2, 0, 0],
          "what the backup had is a duplicate, the rest is new")
    at = ("parties", "--json", "--at", "2030-01-01")
    equal(mete("--store", "back.db", *at)[1], mete("--store", store, *at, env=KEYS)[1],
          "everybody is owed the same")
    equal(mete("--store", "back.db", "audit")[0], 0, "the audit holds")


# --- interrupted -----------------------------------------------------------------------------------

def phase_of(folder, name):
    parts = [p for p in leftovers(folder) if p.startswith(f".{name}.partial") and
             p.rsplit("-", 1)[1].isdigit()]
    if (folder / name).exists():
        return "in place"
    if (folder / (name + ".key")).exists():
        return "keys in place"
    if not parts:
        return "not begun"
    tail = (folder / parts[0]).read_bytes()[-90:]
    return "written, in check" if tail.startswith(b"mete-backup/1 ") else "half written"


def interrupted(store, how, times):
    """Ends backups at random moments; in half of the rounds as soon as something is written."""
    folder = here / f"kill{how}"
    folder.mkdir()
    begun = time.monotonic()
    equal(mete("backup", "--store", store, folder / "whole.db", env=KEYS)[0], 0, "one that is left alone")
    whole = time.monotonic() - begun
    phases = {"not begun": 0, "half written": 0, "written, in check": 0, "keys in place": 0,
              "in place": 0}
    broken = []
    statuses = []
    for i in range(times):
        name = f"k{i}.db"
        p = subprocess.Popen([METE, "backup", "--store", store, str(folder / name)],
                             env={**ENV, **KEYS}, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        while i % 4 in (1, 3) and p.poll() is None and not leftovers(folder):
            pass
        time.sleep((0.6, 0, 1.1, 0.6)[i % 4] * rng.random() * whole)
        before = phase_of(folder, name)
        p.send_signal(how)
        p.wait()
        phases[phase_of(folder, name) if how == signal.SIGKILL else before] += 1
        statuses.append(p.returncode)
        if (folder / name).exists() and mete("backup", "verify", folder / name)[0] != 0:
            broken.append(name)
        if how == signal.SIGTERM and leftovers(folder):
            broken.append((name, leftovers(folder)))
        for left in leftovers(folder):
            (folder / left).rename(folder / ("kept" + left.replace("partial", "")))
    note(f"signal {int(how)}, {times} times, of {whole:.2f} s each: {phases}")
    equal(broken, [], "what has the name of a backup is a whole one")
    ok(sum(phases.values()) - phases["not begun"] - phases["in place"] > 0,
       "some were ended in the midst", phases)
    if how == signal.SIGTERM:
        ok(130 in statuses and set(statuses) <= {0, 130, -how}, "interrupted: exit 130", statuses)
    for kept in folder.glob("kept.*"):  # as the next backup finds them
        kept.rename(folder / kept.name[4:].replace(".db-", ".db.partial-", 1))
    return folder


def restore_interrupted(backup, times):
    """A store is there whole or not at all."""
    broken = []
    there = 0
    for i in range(times):
        p = subprocess.Popen([METE, "--store", f"r{i}.db", "restore", backup], env=ENV,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while i % 2 and p.poll() is None and not leftovers(here):
            pass
        time.sleep((i % 2 == 0) * rng.random() * 0.5)
        p.kill()
        p.wait()
        if os.path.exists(f"r{i}.db"):
            there += 1
            if mete("--store", f"r{i}.db", "audit")[0] != 0 or not os.path.exists(f"r{i}.db.key"):
                broken.append(i)
    note(f"restore killed {times} times, the store was there {there} times")
    equal(broken, [], "a store that is there is whole, and has its keys")
    equal(mete("--store", "r.db", "restore", backup)[0], 0, "restore after those")
    equal(leftovers(here), [], "leaves nothing of them")


def swept(store, folder):
    p = subprocess.Popen([METE, "backup", "--store", store, str(folder / "last.db")],
                         env={**ENV, **KEYS}, stdout=subprocess.DEVNULL)
    while p.poll() is None and not leftovers(folder):
        pass
    p.kill()
    p.wait()
    alive = folder / f".other.db.partial-{os.uname().nodename}-{os.getpid()}"
    alive.touch()
    shutil.rmtree(folder / "last.db", ignore_errors=True)
    (folder / "last.db").unlink(missing_ok=True)
    equal(mete("backup", "--store", store, folder / "last.db", env=KEYS)[0], 0, "the next one")
    equal(leftovers(folder), [alive.name],
          "removes what killed ones left, and not what a living one writes")


# --- no room ---------------------------------------------------------------------------------------

def no_room(store, backup):
    size = os.path.getsize(backup)
    image = json.loads(pathlib.Path(backup).read_bytes().rsplit(b"\n", 3)[1])["bytes"]
    limits = [4096, size // 4, size // 2, image - 1, image + 1, size - 1]
    for limit in limits:
        status, _, said = mete("backup", "--store", store, "full.db", env=KEYS, limit=limit)
        ok(status == 1 and not os.path.exists("full.db"), f"room for {limit} of {size} bytes: none",
           status, said)
        why = ("(file)", "(store_full)", "(store_failed)")
        ok(any(code in said for code in why), "and it says why", said)
    for limit in [4096, size // 2, image - 1]:
        status, _, said = mete("--store", "small.db", "restore", backup, limit=limit)
        ok(status == 1 and "(file)" in said and not os.path.exists("small.db"),
           f"restore with room for {limit} bytes: no store", status, said)
    equal(leftovers(here), [], "nothing is left of these")


# --- damage ----------------------------------------------------------------------------------------

def verify(path, *more):
    return mete("backup", "verify", path, *more)[0]


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]


def bytes_are_guarded(backup):
    data = pathlib.Path(backup).read_bytes()
    image = json.loads(data.rsplit(b"\n", 3)[1])["bytes"]
    shutil.copy(backup + ".key", "flip.db.key")
    target = pathlib.Path("flip.db")
    places = [rng.randrange(len(data)) for _ in range(FLIPS)]
    places += [rng.randrange(image, len(data)) for _ in range(FLIPS // 4)]
    target.write_bytes(data)
    equal(verify(target), 0, "a copy verifies")
    missed = []
    for at in places:
        target.write_bytes(flipped(data, at))
        if verify(target) != 3:
            missed.append(at)
    equal(missed, [], f"{len(places)} of {len(places)} flipped bytes are found")
    for cut in (1, 90, 91, len(data) - image, len(data) // 2, len(data) - 1, len(data)):
        target.write_bytes(data[:-cut])
        equal(verify(target), 3, f"{cut} bytes missing at the end")
    target.write_bytes(data + b"\n")
    equal(verify(target), 3, "a byte too many")
    target.write_bytes(data)
    pathlib.Path("flip.db-wal").touch()
    equal(verify(target), 3, "a log beside it: somebody has written into it")
    os.unlink("flip.db-wal")
    keys = pathlib.Path("flip.db.key").read_bytes()
    missed = []
    for at in (rng.randrange(len(keys)) for _ in range(20)):
        pathlib.Path("flip.db.key").write_bytes(flipped(keys, at))
        if verify(target) != 3:
            missed.append(at)
    equal(missed, [], "20 of 20 flipped bytes of the key file are found")
    pathlib.Path("flip.db.key").write_bytes(keys)


def sealed(image, said):
    """The same file format, made by somebody else."""
    said = {**said, "bytes": len(image), "sha256": hashlib.sha256(image).hexdigest()}
    text = b"\n" + json.dumps(said).encode() + b"\n"
    return image + text + b"mete-backup/1 %010d %s\n" % (len(text),
                                                         hashlib.sha256(text).hexdigest().encode())


def contents_are_guarded(backup):
    """Hashes that fit do not make a log: heads, rows and signatures are looked at too."""
    data = pathlib.Path(backup).read_bytes()
    said = json.loads(data.rsplit(b"\n", 3)[1])
    image = data[:said["bytes"]]
    target = pathlib.Path("flip.db")
    target.write_bytes(sealed(image, said))
    equal(verify(target, "--no-audit"), 0, "one that was sealed by this test is whole")

    def with_sql(sql):
        target.write_bytes(image)
        db = sqlite3.connect(target)
        for (name,) in db.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            db.execute(f"drop trigger {name}")
        ok(db.execute(sql).rowcount > 0, "there is something to change: " + sql[:40])
        db.commit()
        db.close()
        return sealed(target.read_bytes(), said)

    def with_broken_page(table):
        target.write_bytes(image)
        db = sqlite3.connect(target)
        (page,), = db.execute("select rootpage from sqlite_master where name = ?", (table,))
        db.close()
        at = (page - 1) * 16384
        return sealed(image[:at] + b"\xff" + image[at + 1:], said)

    def with_book(**more):
        return sealed(image, {**said, "books": [{**said["books"][0], **more}]})

    book = said["books"][0]
    other = book["checkpoint"].rstrip()
    other = other[:-9] + ("A" if other[-9] != "A" else "B") + other[-8:] + "\n"
    for what, made in (
            ("an event that was changed", with_sql(
                "update event set event = cast(replace(cast(event as text), 'USD', 'EUR') as blob) where key % 64 = 9")),
            ("a decision that was changed", with_sql(
                "update event set decision = zeroblob(length(decision)) where key % 64 = 9")),
            ("an event that is missing", with_sql(
                "delete from event where key = (select max(key) from event)")),
            ("an event in the middle that is missing", with_sql(
                "delete from event where key % 4096 = 9")),
            ("a page that no log is read from", with_broken_page("quarantine")),
            ("a checkpoint that was changed", with_sql(
                "update checkpoint set root = zeroblob(32)")),
            ("another size", with_book(size=book["size"] - 1)),
            ("another head", with_book(root="00" * 32)),
            ("another book", with_book(book="other")),
            ("another signature", with_book(checkpoint=other)),
            ("no book", sealed(image, {**said, "books": []}))):
        target.write_bytes(made)
        equal(verify(target, "--no-audit"), 3, what + " is found")
    target.write_bytes(sealed(image, {**said, "format": "mete-backup/2"}))
    equal(verify(target), 3, "a format that is not known is refused")
    target.write_bytes(with_sql("delete from sealed"))
    equal(verify(target, "--no-audit"), 0, "values that were erased are no damage")


def main():
    if PG:
        subprocess.run([METE, "--store", os.environ["METE_PG_OWNER"], "store", "prepare", "--role",
                        "mete_app", "--quiet"], env=ENV, check=True)
        with Served(env=KEYS, store=PG) as s:
            kept = beside_a_server(s, PG)
        store = PG
    else:
        (here / "server").mkdir()
        with Served(folder=here / "server", clean=False) as s:
            store = str(s.store)
            kept = beside_a_server(s, store)
    restored_goes_on(*kept, store)
    folder = interrupted(store, signal.SIGKILL, KILLS)
    swept(store, folder)
    interrupted(store, signal.SIGTERM, KILLS // 3)
    restore_interrupted(kept[0], KILLS // 3)
    no_room(store, kept[0])
    equal(mete("log", "head", "--store", store, env=KEYS)[0], 0, "a checkpoint is signed and kept")
    equal(mete("backup", "--store", store, "last.db", env=KEYS)[0], 0, "a backup with it")
    bytes_are_guarded("last.db")
    contents_are_guarded("last.db")
    os.chdir("/")
    shutil.rmtree(here)
    done()


main()

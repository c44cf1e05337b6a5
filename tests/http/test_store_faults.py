# SPDX-License-Identifier: Apache-2.0
"""The store fails as its users see it: a disk that is really full, a bound on the size of files, a
folder that nobody may write, a database that is removed, renamed or locked by another process. The
message says what to do, the status is 503 or 507 with Retry-After, readings go on, nothing that was
acknowledged is lost, nothing is half there; and when there is room again, it goes on.

covers: V-054
"""
import json
import os
import pathlib
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile

from served import METE, Served, done, equal, event, note, ok, until

INSIDE = "METE_TEST_OWN_MOUNTS"
POLICY = event("p", "policy.published", {"policy": {
    "id": "urn:p", "kind": "weights",
    "shares": [{"party": "did:a", "weight": "0.6"}, {"party": "did:b", "weight": "0.4"}]}})


def revenue(event_id):
    return event(event_id, "revenue.received",
                 {"policy": "urn:p", "amount": {"amount": "10.00", "currency": "USD"},
                  "source": "x" * 100})


def lines(*ids):
    return "".join(json.dumps(revenue(i)) + "\n" for i in ids)


def mete(*args, before=None):
    r = subprocess.run([METE, *map(str, args)], capture_output=True, text=True, preexec_fn=before)
    return r.returncode, r.stdout, r.stderr


def own_mounts():
    """This program again, where it may mount; else as it is."""
    for how in (["unshare", "-m"], ["unshare", "-Urm"]):
        can = subprocess.run([*how, "sh", "-c", "mount -t tmpfs tmpfs /mnt"], capture_output=True)
        if can.returncode == 0 and INSIDE not in os.environ:
            os.environ[INSIDE] = "1"
            os.execvp(how[0], [*how, sys.executable, *sys.argv])


def ids_of(store):
    db = sqlite3.connect(store)
    ids = [json.loads(e)["event_id"] for (e,) in db.execute("select event from event order by key")]
    db.close()
    return ids


def sound(store, acknowledged, what):
    ids = ids_of(store)
    equal([i for i in acknowledged if ids.count(i) != 1], [], f"{what}: acknowledged, once")
    equal(len(ids), len(set(ids)), f"{what}: no id is there twice")
    code, out, err = mete("audit", "--quiet", "--store", store)
    equal((code, err), (0, ""), f"{what}: the audit holds")


def told(answer):
    status, headers, body = answer
    return status, headers.get("Retry-After") is not None, body.get("code")


def fill_up(s, name):
    """Posts groups until one is not taken; (ids that were, the answer that was not)."""
    taken = []
    for i in range(100000):
        ids = [f"{name}-{i}-{k}" for k in range(50)]
        status, headers, body = s.post("/v1/events", [revenue(e) for e in ids])
        if status != 200:
            return taken, (status, headers, body), ids
        taken += ids
    raise RuntimeError("it never became full")


# --- a disk that is full -------------------------------------------------------------------------

def full_disk(folder):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder], check=True)
    with Served(folder=folder) as s:
        s.post("/v1/events", POLICY)
        ballast = pathlib.Path(folder) / "ballast"
        ballast.write_bytes(b"x" * (2 << 20))
        taken, refused, lost = fill_up(s, "full")
        note(f"full after {len(taken)} events: {refused[2].get('detail')}")
        equal(told(refused), (507, True, "store_full"), "a full disk is 507 with Retry-After")
        equal(refused[2].get("retryable"), True, "and says that it may be sent again")
        large = [f"n{i}" for i in range(2000)]  # small ones may still find a place
        status, _, body = s.post("/v1/events", lines(*large),
                                 headers={"Content-Type": "application/x-ndjson"})
        equal((status, [r["status"] for r in body.get("results", [])].count("applied")), (507, 0),
              "a stream too")
        equal(s.get("/v1/parties")[0], 200, "what is there is still read")
        equal(s.get("/healthz")[0], 200, "the server lives")
        equal(s.get("/v1/statements?party=did:a")[0], 200, "a statement too")
        ballast.unlink()
        status, _, body = s.post("/v1/events", [revenue(e) for e in lost])
        equal((status, {r["status"] for r in body.get("results", [])}), (200, {"applied"}),
              "room again: what was refused is taken, none of it is a duplicate")
        taken += lost
        equal(s.stop(), 0, "it ends in order")
        sound(s.store, taken, "full disk, mete serve")
        s.start()
    full_ingest(folder)


def full_ingest(folder):
    store = pathlib.Path(folder) / "i.db"
    stream = pathlib.Path(tempfile.mkstemp()[1])
    for f in pathlib.Path(folder).glob("*"):
        f.unlink()
    ballast = pathlib.Path(folder) / "ballast"
    ballast.write_bytes(b"x" * (3 << 20))
    stream.write_text(json.dumps(POLICY) + "\n" + lines(*[f"i{i}" for i in range(9000)]))
    mete("init", "--quiet", "--store", store)
    code, out, err = mete("ingest", "--quiet", "--group", 200, "--store", store, stream)
    equal(code, 1, "mete ingest on a full disk: the exit status of a failure of the program")
    ok("store_full" in err and "room" in err, "and it says to make room", err)
    before = ids_of(store)
    ok(0 < len(before) < 9001, f"{len(before)} events were durable")
    ballast.unlink()
    equal(mete("ingest", "--quiet", "--store", store, stream)[0], 0, "room again: the same command")
    equal(ids_of(store)[:len(before)], before, "goes on where it stopped")
    sound(store, ["p"] + [f"i{i}" for i in range(9000)], "full disk, mete ingest")
    stream.unlink()


def file_size_bound():
    folder = tempfile.mkdtemp()
    store, stream = os.path.join(folder, "m.db"), os.path.join(folder, "s")
    pathlib.Path(stream).write_text(json.dumps(POLICY) + "\n" + lines(*[f"i{i}" for i in range(5000)]))
    mete("init", "--quiet", "--store", store)
    bound = 1 << 20
    code, out, err = mete("ingest", "--quiet", "--group", 100, "--store", store, stream,
                          before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bound, bound)))
    equal(code, 1, "a bound on the size of files is no death by a signal", )
    ok("store_full" in err, "but a store without room", err)
    equal(mete("ingest", "--quiet", "--store", store, stream)[0], 0, "without the bound it goes on")
    sound(store, [f"i{i}" for i in range(5000)], "RLIMIT_FSIZE")
    shutil.rmtree(folder)


# --- rights --------------------------------------------------------------------------------------

def as_nobody():
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def no_rights():
    folder = tempfile.mkdtemp()
    store = os.path.join(folder, "m.db")
    mete("init", "--quiet", "--store", store)
    mete("ingest", "--quiet", "--store", store, "/dev/null")
    for f in os.listdir(folder):
        os.chmod(os.path.join(folder, f), 0o644)
    os.chmod(folder, 0o555)
    stream = os.path.join(tempfile.gettempdir(), f"mete-faults-{os.getpid()}")
    pathlib.Path(stream).write_text(json.dumps(POLICY) + "\n")
    os.chmod(stream, 0o644)
    code, out, err = mete("ingest", "--store", store, stream, before=as_nobody)
    ok(code == 1 and "m.db" in err and "ermission" in err,
       "a store that this user may not write: which file, and that it is a question of rights",
       code, err)
    code, out, err = mete("parties", "--store", store, before=as_nobody)
    equal(code, 0, "reading it needs no right to write")
    code, out, err = mete("init", "--store", os.path.join(folder, "new.db"), before=as_nobody)
    ok(code == 1 and "new.db" in err and "ermission" in err, "no new store either", code, err)
    code, out, err = mete("serve", "--listen", "127.0.0.1:0", "--store", store, before=as_nobody)
    ok(code == 1 and "ermission" in err, "nor a server", code, err)
    for f in os.listdir(folder):
        os.chmod(os.path.join(folder, f), 0o000)
    code, out, err = mete("parties", "--store", store, before=as_nobody)
    ok(code == 1 and "m.db" in err, "a store that may not be read says so", code, err)
    os.chmod(folder, 0o755)
    os.unlink(stream)
    shutil.rmtree(folder)


# --- a file that goes away -----------------------------------------------------------------------

def removed_file():
    for how in ("removed", "replaced"):
        with Served() as s:
            s.post("/v1/events", POLICY)
            equal(s.post("/v1/events", revenue("before"))[0], 200, "before")
            aside = s.folder / "aside"
            aside.mkdir()
            for end in ("", "-wal", "-shm"):
                f = pathlib.Path(f"{s.store}{end}")
                if f.exists():
                    f.rename(aside / f.name)
            if how == "replaced":
                mete("init", "--quiet", "--store", s.store)
            answer = s.post("/v1/events", revenue("after"))
            equal(told(answer), (503, True, "store_failed"),
                  f"the file was {how}: nothing is acknowledged into a file without a name")
            until("and the server's log says what to do",
                  lambda: "start this process again" in (s.folder / "log").read_text())
            equal(s.get("/healthz")[0], 200, "the server lives")
            s.stop()
            for end in ("", "-wal", "-shm"):
                pathlib.Path(f"{s.store}{end}").unlink(missing_ok=True)
            for f in aside.iterdir():
                f.rename(s.folder / f.name)
            s.log.close()
            s.start()
            equal(s.post("/v1/events", revenue("before"))[2]["results"][0]["status"], "duplicate",
                  "put back: what was acknowledged is there")
            equal(s.post("/v1/events", revenue("after"))[2]["results"][0]["status"], "applied",
                  "and what was not can be sent again")
            s.stop()
            sound(s.store, ["before", "after"], how)
            s.start()


# --- two of them ---------------------------------------------------------------------------------

def two_writers():
    with Served() as s:
        s.post("/v1/events", POLICY)
        code, out, err = mete("serve", "--listen", "127.0.0.1:0", "--store", s.store)
        ok(code == 1 and "store_busy" in err and str(s.process.pid) in err,
           "a second server on one file: busy, and by whom", code, err)
        code, out, err = mete("ingest", "--store", s.store, "/dev/null")
        ok(code == 1 and "store_busy" in err and str(s.process.pid) in err, "mete ingest too", code, err)
        equal(s.post("/v1/events", revenue("mine"))[0], 200, "the first one does not mind")
        equal(mete("parties", "--store", s.store)[0], 0, "and others may read")


own_mounts()
if INSIDE in os.environ:
    with tempfile.TemporaryDirectory() as mounted:
        full_disk(mounted)
        subprocess.run(["umount", mounted], check=False)
else:
    note("nothing may be mounted here: no full disk")
file_size_bound()
no_rights()
removed_file()
two_writers()
done()

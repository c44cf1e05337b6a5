# SPDX-License-Identifier: Apache-2.0
"""covers: F-001 F-015
What a user stumbles over: a rehearsal in other words, a server without standard output, a store that
is copied after its server has stopped, a quarantine in pages, a clock that jumps."""
import base64
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import time

from served import METE, POLICY, Served, done, equal, free_ports, ok, revenue, until


def size_of(s):
    return s.get("/readyz")[2]["log_size"]


def events_in(store):
    db = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        return db.execute("select count(*) from event").fetchone()[0]
    except sqlite3.OperationalError as e:
        return str(e)
    finally:
        db.close()


# --- a rehearsal ---------------------------------------------------------------------------------

def rehearsals():
    with Served() as s:
        s.post("/v1/events", POLICY)
        lines = json.dumps(revenue("n")) + "\n"
        stream = {"Content-Type": "application/x-ndjson", "Accept": "application/x-ndjson"}
        for query in ("dry_run=True", "dry_run=yes", "dry_run=on", "dry-run=true", "dryRun=1", "DRYRUN",
                      "dry_run=false&dry_run=true", "dry_run=true&dry_run=true", "dry_run=%20true"):
            for path in ("/v1/events?", "/api/economic/events/ingest?"):
                status, _, body = s.post(path + query, revenue("e"))
                equal((status, body.get("code")), (400, "request_invalid"), f"{path}{query} is no rehearsal")
            equal(s.post("/v1/events?" + query, lines, headers=stream)[0], 400,
                  f"nor is it one of a stream: {query}")
        equal(size_of(s), 1, "nothing was booked")
        for query, booked in (("dry_run=true", 0), ("dry_run=1", 0), ("dry_run", 0), ("dry_run=false", 1),
                              ("dry_run=0", 2), ("dryer=1", 3)):
            equal(s.post("/v1/events?" + query, revenue(query))[0], 200, f"{query} is clear")
            equal(size_of(s), 1 + booked, "and does what it says")


# --- standard files ------------------------------------------------------------------------------

def closed_files():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mete-http-"))
    port = free_ports(1)[0]
    for closed in ("2>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"):
        server = subprocess.Popen(
            ["sh", "-c", f'exec "$0" serve --store "$1" --listen 127.0.0.1:{port} {closed}', METE,
             str(folder / "s.db")])
        s = Served(folder=folder, clean=False)
        s.port = port

        def answers():
            try:
                return s.get("/healthz")[0] == 200
            except OSError:
                return False
        until(f"a server with {closed} answers", answers)
        equal(s.post("/v1/events", {"event_id": closed})[0], 422, "and refuses")
        equal((folder / "s.db.lock").read_text(), f"{server.pid}\n", "what it says goes into no file")
        server.send_signal(signal.SIGTERM)
        equal(server.wait(60), 0, "and it ends")
    got = subprocess.run(["sh", "-c", '"$0" quarantine list --store "$1" 1>&-', METE,
                          str(folder / "s.db")], capture_output=True, text=True)
    ok(got.returncode != 0, "what cannot be written is a failure", got)
    shutil.rmtree(folder)


# --- an address that is none ----------------------------------------------------------------------

def addresses():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mete-http-"))
    with Served() as s:
        for listen, wanted in (("abc", "mete: --listen: listen wants HOST:PORT, not 'abc'\n"),
                               (f"127.0.0.1:{s.port}", "another program has it; say another port (listen)\n      Say another one, or end the program that has it: ss -ltnp")):
            got = subprocess.run([METE, "serve", "--store", str(folder / "s.db"), "--listen", listen],
                                 capture_output=True, text=True)
            ok(got.returncode != 0 and (got.stderr == wanted or wanted in got.stderr and listen != "abc"),
               f"a server that cannot listen on {'a name' if listen == 'abc' else 'what is taken'}", got)
        nobody = "http://127.0.0.1:9"
        (folder / "gate.json").write_text(json.dumps({"upstream": nobody, "facilitator": nobody, "pay_to": "0x" + "1" * 40,
                                                      "network": "base-sepolia", "routes": [{"path": "/a", "price": "$0.01"}]}))
        gate = subprocess.run([METE, "gate", "--config", str(folder / "gate.json"), "--listen", f"127.0.0.1:{s.port}"],
                              capture_output=True, text=True, check=False)
        ok(gate.returncode != 0 and "cannot listen on" in gate.stderr and "has it; say another port (listen)\n      Say another one" in gate.stderr,
           "a gate that cannot listen on what is taken", gate)
    shutil.rmtree(folder)


# --- a copy --------------------------------------------------------------------------------------

def copied():
    with Served() as s:
        s.post("/v1/events", [POLICY, *(revenue(f"e{i}") for i in range(200))])
        s.get("/v1/reports")  # by a snapshot, which rests
        s.get("/v1/statements?party=did:a", headers={"Accept": "application/x-ndjson"})
        equal(s.stop(), 0, "a server has stopped")
        equal(sorted(p.name for p in s.folder.glob("mete.db*")), ["mete.db", "mete.db.key", "mete.db.lock"],
              "nothing of the store lies beside it")
        shutil.copy(s.store, s.folder / "copy.db")
        equal(events_in(s.folder / "copy.db"), 201, "the one file is all of it")


# --- quarantine ----------------------------------------------------------------------------------

def quarantine():
    with Served() as s:
        s.post("/v1/events", [{"event_id": f"bad{i}"} for i in range(5)])
        pages, after = [], 0
        while after is not None:
            body = s.get(f"/v1/quarantine?limit=2&after={after}")[2]
            pages.append([r["id"] for r in body["refused"]])
            after = body["next"]
        equal(pages, [[1, 2], [3, 4], [5]], "the quarantine, page by page")
        equal(s.get("/v1/quarantine?limit=5")[2]["next"], None, "there is no page after the last row")
        s.stop()
        db = sqlite3.connect(s.store)
        db.execute("pragma trusted_schema = on")
        db.execute("update quarantine set sha256 = zeroblob(32) where key & 1099511627775 = 1")
        db.commit()
        db.close()
        s.start()
        equal(s.get("/v1/quarantine?limit=2")[0], 500, "a damaged row is told")
        equal([r["id"] for r in s.get("/v1/quarantine?after=2")[2]["refused"]], [3, 4, 5],
              "rows before the page are not read")


# --- readings of a damaged store -----------------------------------------------------------------

def damaged():
    with Served() as s:
        s.post("/v1/events", POLICY)
        s.post("/v1/events", [revenue(f"e{k}") for k in range(900)])
        equal(s.get("/v1/events/e1")[0], 200, "an event that is there")
        s.stop()
        db = sqlite3.connect(s.store)
        db.execute("update block set data = cast(substr(data, 1, 20) || x'00ff' || substr(data, 23) as blob) "
                   "where key in (select min(key) from block)")  # the event ids are in it
        db.commit()
        db.close()
        s.start()
        for path in ("/v1/events/e1", "/v1/explain/e1", "/v1/log/inclusion/e1"):
            for _ in range(2):
                status, _, body = s.get(path)
                equal((status, body.get("code")), (500, "store_corrupt"), f"{path} is not said to be missing")
        equal(s.get("/v1/events?limit=1")[0], 200, "what is whole is read")
        equal(s.post("/v1/events", {"event_id": "bad"})[0], 422, "and the next group is as good as ever")
        now = s.get("/v1/events?limit=1&after=899")[2]["events"][0]["recorded_at"]
        told = subprocess.run([METE, "explain", "e1", "--store", str(s.store)], capture_output=True, text=True)
        ok("store_corrupt" in told.stderr, "nor does the command line say that it is missing", told.stderr)
        s.stop()
        db = sqlite3.connect(s.store)
        for (name,) in db.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            db.execute(f'drop trigger "{name}"')
        db.execute("delete from event where key & 1099511627775 = 451")  # where looking for a moment begins
        db.commit()
        db.close()
        s.start()
        for path in ("/v1/events?", "/v1/events?limit=5&", "/v1/statements?party=did:a&to={now}&"):
            status, _, body = s.get(path.format(now=now) + f"as_of={now}")
            equal((status, body.get("code")), (500, "store_corrupt"), f"{path} does not end before its end")


# --- a cursor of somebody's own ------------------------------------------------------------------

def varint(n):
    out = b""
    while n >= 0x80:
        out, n = out + bytes([n & 0x7f | 0x80]), n >> 7
    return out + bytes([n])


def forged():
    with Served() as s:
        s.post("/v1/events", [POLICY, revenue("e1"), revenue("e2")])
        page = s.get("/v1/statements?party=did:a&limit=1")[2]["next"]
        raw = base64.urlsafe_b64decode(page + "=" * (-len(page) % 4))
        head = raw[:-len(varint(1200))]  # what comes last is the balance, twice as it is never negative
        for balance, wanted in ((600, 200), (2 ** 119, 200), (2 ** 120, 422), (2 ** 127 - 1, 422)):
            cursor = base64.urlsafe_b64encode(head + varint(2 * balance)).decode().rstrip("=")
            equal(s.get(f"/v1/statements?party=did:a&after={cursor}")[0], wanted, f"a cursor that carries {balance}")


# --- readings that are long ----------------------------------------------------------------------

EVENTS = 3000  # far more than the keeper reads for one answer


def snapshots(s):
    return int(re.search(r"^mete_snapshots_resting (\d+)$", s.get("/metrics")[2], re.M)[1])


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def text_of(at):
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def long_readings():
    with Served() as s:
        s.post("/v1/events", POLICY)
        for i in range(0, EVENTS, 1000):
            s.post("/v1/events", [revenue(f"e{k}") for k in range(i, i + 1000)])
            time.sleep(0.01)  # each thousand has moments of its own
        rows = [(r["seq"], moment(r["recorded_at"])) for after in range(0, EVENTS + 1, 1000) for r in
                s.get(f"/v1/events?limit=1000&after={after}")[2]["events"]]
        equal(s.get("/v1/statements?party=did:a&limit=100")[0], 200, "a page of a statement")
        equal(s.get("/v1/parties/did:a/balance")[2]["balances"][0]["pending"], str(600 * EVENTS), "a balance")
        equal(snapshots(s), 0, "that is short is read by the keeper")
        for place in (1500, 2900):
            at = rows[place][1]
            before = sum(when < at for seq, when in rows if seq > 1)
            account = s.get(f"/v1/statements?party=did:a&limit=1&from={text_of(at)}")[2]["accounts"][0]
            equal(account["opening"], str(600 * before), f"a statement from line {place} on")
            ok(snapshots(s) > 0, "what is long is read from a snapshot")
        due = text_of(rows[1500][1] + datetime.timedelta(days=7))
        pending = 600 * sum(when > rows[1500][1] for seq, when in rows if seq > 1)
        balance = s.get(f"/v1/parties/did:a/balance?as_of={due}")[2]["balances"][0]
        equal((balance["pending"], balance["cleared"]), (str(pending), str(600 * EVENTS - pending)),
              "a balance on the day on which much clears")
        equal(s.post("/v1/events", revenue("last"))[2]["results"][0]["status"], "applied",
              "and events are booked after it")


# --- a client that takes its time ----------------------------------------------------------------

def held():
    """A statement that is read slowly keeps nobody from clearing the write-ahead log."""
    with Served() as s:
        s.post("/v1/events", POLICY)
        for i in range(0, 3 * EVENTS, 1000):
            s.post("/v1/events", [revenue(f"e{k}") for k in range(i, i + 1000)])
        wanted = [(f"e{k}", str(600 * (k + 1))) for k in range(3 * EVENTS)]
        with socket.socket() as c:
            c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            c.connect(("127.0.0.1", s.port))
            c.sendall(b"GET /v1/statements?party=did:a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                      b"Accept: application/x-ndjson\r\n\r\n")
            first = c.recv(1000)
            ok(first.startswith(b"HTTP/1.1 200"), "all lines are on their way")
            for i in range(3):
                s.post("/v1/events", [revenue(f"later{i}-{k}") for k in range(100)])

            def cleared():
                db = sqlite3.connect(s.store, timeout=0)
                busy = db.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
                db.close()
                return busy == 0
            until("nothing is held while the client rests", cleared)
            answer = first + b"".join(iter(lambda: c.recv(1 << 20), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        chunks = []
        while body:
            size, _, body = body.partition(b"\r\n")
            chunks.append(body[:int(size, 16)])
            body = body[int(size, 16) + 2:]
        got = [(r["event_id"], r["balance"]) for r in map(json.loads, b"".join(chunks).splitlines())]
        ok(got == wanted, "and it gets what the log had when it asked, each line once", len(got), got[:2], got[-2:])
        for limit in (1, 2047, 2048, 2049, 4096, 5000):
            lines = s.get(f"/v1/statements?party=did:a&limit={limit}",
                          headers={"Accept": "application/x-ndjson"})[2].splitlines()
            equal([json.loads(x)["balance"] for x in (lines[0], lines[-1])] + [len(lines)],
                  ["600", str(600 * limit), limit], f"{limit} lines of it")


# --- a clock that jumps --------------------------------------------------------------------------

def clocks():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mete-http-"))
    offset = folder / "offset"
    offset.write_bytes(struct.pack("q", 86400))  # waits by this clock last a day
    env = {"LD_PRELOAD": os.environ["JUMPING_CLOCK"], "METE_TEST_CLOCK": str(offset),
           "ASAN_OPTIONS": "verify_asan_link_order=0"}
    shared = {"API_KEY": "a key that both of them share"}
    d, w = free_ports(2)
    books = Served("--roles", "distributions,manifests", env={**env, **shared})
    wallet = Served("--roles", "wallet",
                    env={**env, **shared, "DISTRIBUTION_SERVICE_URL": f"http://127.0.0.1:{d}"})
    books.key = wallet.key = shared["API_KEY"]
    books.start(d)
    wallet.start(w)
    try:
        books.post("/v1/events", [POLICY, revenue("e1")])
        until("who follows looks again, whatever the clock says",
              lambda: wallet.get("/v1/parties/did:a/balance")[0] == 200)
    finally:
        books.__exit__()
        wallet.__exit__()
    reader, writer = os.pipe()
    store = str(folder / "s.db")
    subprocess.run([METE, "init", "--quiet", "--store", store], check=True)
    ingest = subprocess.Popen([METE, "ingest", "--store", store, "-"], stdin=reader,
                              stdout=subprocess.DEVNULL, env={**os.environ, **env})
    os.close(reader)
    os.write(writer, (json.dumps(POLICY) + "\n").encode())
    until("what was read is stored when nothing comes after it", lambda: events_in(store) == 1)
    os.close(writer)
    equal(ingest.wait(60), 0, "and all of it at the end")
    shutil.rmtree(folder)


rehearsals()
closed_files()
addresses()
copied()
quarantine()
damaged()
forged()
long_readings()
held()
clocks()
done()

# SPDX-License-Identifier: Apache-2.0
"""covers: F-001 F-015
What a user stumbles over: a rehearsal in other words, a server without standard output, a store that
is copied after its server has stopped, a quarantine in pages, a clock that jumps."""
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import struct
import subprocess
import tempfile

from served import METE, Served, done, equal, event, free_ports, ok, until

POLICY = event("p", "policy.published", {"policy": {
    "id": "urn:p", "kind": "weights",
    "shares": [{"party": "did:a", "weight": "0.6"}, {"party": "did:b", "weight": "0.4"}]}})


def revenue(event_id):
    return event(event_id, "revenue.received",
                 {"policy": "urn:p", "amount": {"amount": "10.00", "currency": "USD"}})


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


# --- a clock that jumps --------------------------------------------------------------------------

def clocks():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mete-http-"))
    offset = folder / "offset"
    offset.write_bytes(struct.pack("q", 86400))  # waits by this clock last a day
    env = {"LD_PRELOAD": os.environ["JUMPING_CLOCK"], "METE_TEST_CLOCK": str(offset)}
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
copied()
quarantine()
clocks()
done()

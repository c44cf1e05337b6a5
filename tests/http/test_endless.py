# SPDX-License-Identifier: Apache-2.0
"""Bodies of events without an end: decided and stored while they arrive, in bounded memory, however
they are cut, however slowly they come, and whatever ends them.

covers: F-001 V-083
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

from endless import Stream
from served import METE, SANITIZED, Served, done, equal, event, note, ok, until

MEGABYTES = int(os.environ.get("ENDLESS_MB", 80 if SANITIZED else 300))
LINES = {"Accept": "application/x-ndjson"}
POLICY = event("p", "policy.published", {"policy": {
    "id": "urn:p", "kind": "weights",
    "shares": [{"party": "did:a", "weight": "0.6"}, {"party": "did:b", "weight": "0.4"}]}})


def revenue(event_id, size=0):
    """A line; blanks inside make it as long as `size`."""
    line = json.dumps(event(event_id, "revenue.received",
                            {"policy": "urn:p", "amount": {"amount": "10.00", "currency": "USD"}}))
    return line[:-1] + " " * max(0, size - len(line) - 1) + "}\n"


def revenues(name, count, size=0):
    return "".join(revenue(f"{name}{i}", size) for i in range(count))


def served(*options, **more):
    s = Served(*options, **more)
    s.start()
    return s


def stored(s, event_id, key=None):
    return s.get(f"/v1/events/{event_id}", key=key)[0] == 200


def counts(answer):
    return {k: v for k, v in answer[2]["stream"]["events"].items() if v}


def log_size(s):
    return s.get("/v1/log/checkpoint")[2].split("\n")[1]


# --- lines ---------------------------------------------------------------------------------------

def statuses(answer):
    return [(r["line"], r["event_id"], r["status"], r.get("code")) for r in answer[2][:-1]]


def lines():
    odd = ("\ufeff" + revenue("l1").replace("\n", "\r\n") + "\r\n\n  \n" + revenue("l2") + "not JSON\n"
           + revenue("l3").replace("urn:p", "urn:\0") + revenue("l4") + '{"event_id": "half\n'
           + revenue("l5") + revenue("l6")[:-1]).encode()
    wanted = [(1, "l1", "applied", None), (5, "l2", "applied", None),
              (6, "", "refused", "json_syntax"), (7, "l3", "refused", "json_syntax"),
              (8, "l4", "applied", None), (9, "", "refused", "json_syntax"),
              (10, "l5", "applied", None), (11, "l6", "applied", None)]
    for how in ("at once", "byte by byte", "with a Content-Length"):
        with Served() as s:
            s.post("/v1/events", POLICY)
            with Stream(s.port, LINES, len(odd) if "Length" in how else None) as c:
                for i in range(len(odd) if how == "byte by byte" else 1):
                    c.send(odd[i:i + 1] if how == "byte by byte" else odd)
                answer = c.end()
            equal(answer[0], 200, f"odd lines {how}: 200")
            equal(statuses(answer), wanted, f"odd lines {how}: an outcome for each, with its line")
            sum_ = answer[2][-1]["stream"]
            equal((sum_["durable_lines"], sum_["events"]["applied"], sum_["events"]["refused"],
                   [r["line"] for r in sum_["refused"]]), (11, 5, 3, [6, 7, 9]),
                  f"odd lines {how}: the sum")
            kept = s.get("/v1/quarantine")[2]
            ok("line 6" in json.dumps(kept) and "line 9" in json.dumps(kept),
               f"odd lines {how}: what is no JSON is in the quarantine with its line", kept)
    with Served() as s:
        s.post("/v1/events", POLICY)
        with Stream(s.port, LINES) as c:
            c.send(revenue("o1"))
            for _ in range(5):
                c.send(b'{"x":"' + b"y" * (1 << 20))
            c.send('"}\n' + revenue("o2"))
            equal(statuses(c.end()), [(1, "o1", "applied", None), (2, "", "refused", "event_too_large"),
                                      (3, "o2", "applied", None)],
                  "an overlong line is refused with its number, and the stream goes on")
        shapes(s)


def shapes(s):
    """What a body of few events is answered does not depend on how it was sent."""
    bodies = [revenue("s1"), revenue("s1").replace("10.00", "11.00"), "nonsense\n", "", " \n\n",
              revenue("s2") + revenue("s3"), "[" + revenue("s4") + "]",
              '{"appId":"a","env":"test","events":[' + revenue("s5") + "]}"]
    for body in bodies:
        whole = s.post("/v1/events?dry_run=true", body, headers={"Content-Type": "application/x-ndjson"})
        with Stream(s.port) as c:
            if body:
                c.send(body)
            streamed = c.end()
        if body in bodies[:2]:
            whole = s.post("/v1/events", body, headers={"Content-Type": "application/x-ndjson"})
            whole[2].get("results", [{}])[0].pop("status", None)
            streamed[2].get("results", [{}])[0].pop("status", None)
        for answer in (whole, streamed):
            for name in ("log", "request_id"):
                answer[2].pop(name, None)
        equal((streamed[0], streamed[2]), (whole[0], whole[2]), f"chunked as whole: {body[:30]!r}")
    with Stream(s.port) as c:
        c.send(revenues("s", 10))
        wrong = revenue("s0").replace("10.00", "12.00")
        c.send(wrong)
        answer = c.end()
        equal((answer[0], len(answer[2]["results"]), answer[2]["results"][-1]["status"]),
              (200, 11, "conflict"), "several events: 200 and a result for each")
    big = revenues("big", 1100, 4096)
    answer = s.post("/v1/events", big, headers={"Content-Type": "application/x-ndjson"})
    equal((answer[0], len(answer[2]["results"])), (200, 1100), "above 4 MiB, too")


# --- at length -------------------------------------------------------------------------------------

def at_length():
    """One connection, some hundred megabytes; the memory of the server before and after."""
    size, block = 4096, 64
    total = MEGABYTES * (1 << 20) // size // block
    with Served() as s:
        s.post("/v1/events", POLICY)
        s.post("/v1/events", revenues("warm", 5000, 1000), headers={"Content-Type": "text/plain"})
        before, most = s.rss_kib(), 0
        began = time.monotonic()
        with Stream(s.port) as c:
            for i in range(total):
                if not c.send(revenues(f"e{i}-", block, size)):
                    break
                if i % 100 == 0:
                    most = max(most, s.rss_kib())
                if i == total // 2:
                    until("the first event is stored while the rest arrives", lambda: stored(s, "e0-0"))
            answer = c.end()
        most = max(most, s.rss_kib())
        seconds = time.monotonic() - began
        note(f"{MEGABYTES} MiB, {total * block} events in {seconds:.1f} s, {total * block / seconds:.0f} "
             f"events/s; resident before {before} KiB, at most {most} KiB")
        equal((answer[0], answer[2].get("stream", {}).get("durable_lines"), counts(answer)),
              (200, total * block, {"applied": total * block}), "all of it is applied")
        ok("results" not in answer[2], "so long a stream is answered by a sum")
        bound = 160 << 10 if not SANITIZED else 700 << 10
        ok(most - before < bound, "the server's memory does not grow with it", f"{before} {most}")
        with Stream(s.port, LINES) as c:
            for i in range(200):
                c.send(revenues(f"e{i}-", block, size))
            answer = c.end()
        equal((answer[0], len(answer[2]), answer[2][-2]["line"], answer[2][-2]["status"],
               answer[2][-1]["stream"]["results_left_out"]),
              (200, 200 * block + 1, 200 * block, "duplicate", 0),
              "as lines it is answered by one for each event, however many")


def slow_streams():
    """Fifty that drip, and a client that posts single events."""
    with Served() as s:
        s.post("/v1/events", POLICY)
        streams = [Stream(s.port) for _ in range(50)]
        answers = []
        for i in range(40):
            for n, c in enumerate(streams):
                line = revenue(f"d{n}-{i // 2}")
                c.send(line[:50] if i % 2 == 0 else line[50:])
            answers.append(s.post("/v1/events", json.loads(revenue(f"q{i}")))[0])
        equal(set(answers), {200}, "beside fifty streams that drip, every single event is answered")
        until("what they brought is stored before they end", lambda: stored(s, "d49-19"))
        held = s.get("/metrics")[2]
        ok("mete_intake_streams 50" in held, "they are counted", held[:0])
        got = [c.end() for c in streams]
        equal({(a[0], len(a[2]["results"])) for a in got}, {(200, 20)}, "each gets its own answer")
        for c in streams:
            c.socket.close()


# --- ends ----------------------------------------------------------------------------------------

def client_killed():
    with Served() as s:
        s.post("/v1/events", POLICY)
        with Stream(s.port) as c:
            c.send(revenues("k", 500) + revenue("k500")[:-1])  # all but its end
            until("whole lines are stored", lambda: stored(s, "k499"))
            c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        until("its place is free again", lambda: "mete_intake_streams 0" in s.get("/metrics")[2])
        equal(log_size(s), "501", "a client that is gone: whole lines are stored, half a line is not")
        with Stream(s.port) as c:
            c.send(revenues("k", 501))
            answer = c.end()
        equal([r["status"] for r in answer[2]["results"]], ["duplicate"] * 500 + ["applied"],
              "sent again: each once")
        with Stream(s.port, length=10000) as c:
            c.send(revenue("short"))
            c.socket.shutdown(socket.SHUT_WR)
            equal(c.answer(), None, "a body that is shorter than it said gets no answer")


def server_killed():
    s = served()
    s.post("/v1/events", POLICY)
    with Stream(s.port) as c:
        for i in range(40):
            c.send(revenues(f"x{i}-", 100))
            if i == 20:
                until("some of it is stored", lambda: stored(s, "x5-0"))
                s.process.kill()
                s.process.wait(60)
    s.start()
    equal(stored(s, "x5-0"), True, "kill -9: what was there before is there after")
    had = int(log_size(s)) - 1
    with Stream(s.port, LINES) as c:
        for i in range(40):
            c.send(revenues(f"x{i}-", 100))
        answer = c.end()
    events = answer[2][-1]["stream"]["events"]
    note(f"{had} of 4000 were stored before the end")
    equal((events["duplicate"], events["applied"], log_size(s)), (had, 4000 - had, "4001"),
          "sent again: each once")
    s.stop()
    audit = subprocess.run([METE, "audit", "--store", str(s.store)], capture_output=True, text=True)
    equal(audit.returncode, 0, "and the audit is content")
    shutil.rmtree(s.folder)


def store_fails():
    """Somebody else holds the file for longer than anybody waits for it."""
    with Served() as s:
        s.post("/v1/events", POLICY)
        with Stream(s.port) as c:
            c.send(revenues("f", 10))
            until("the first lines are stored", lambda: stored(s, "f9"))
            other = sqlite3.connect(s.store, isolation_level=None)
            other.execute("begin immediate")
            c.send("\n" + revenues("g", 10) + revenue("h")[:30])
            answer = c.answer()
            other.execute("rollback")
            other.close()
            ok(answer is not None and answer[0] >= 500, "a store that fails ends it at once", answer)
            equal((answer[2]["stream"]["durable_lines"], answer[2]["stream"]["events"]["applied"],
                   answer[2]["code"], answer[2]["retryable"], answer[1]["connection"]),
                  (10, 10, "store_busy", True, "close"), "and it is said how far it went, and why")
        with Stream(s.port) as c:
            c.send(revenues("f", 10) + "\n" + revenues("g", 10))
            answer = c.end()
        equal([r["status"] for r in answer[2]["results"]], ["duplicate"] * 10 + ["applied"] * 10,
              "sent again: each once")


def full():
    """A store that takes nothing for a while: what waits is bounded, and who comes is told."""
    with Served() as s:
        s.post("/v1/events", POLICY)
        other = sqlite3.connect(s.store, isolation_level=None)
        other.execute("begin immediate")
        streams, threads, answers, turned_away = [], [], {}, None
        long, pieces = Stream(s.port), []

        def send_long():
            for i in range(48):
                long.send(revenues(f"long{i}-", 64, 16384))
                pieces.append(i)
            answers["long"] = long.end()

        def send(n):
            for i in range(20):
                streams[n].send(revenues(f"w{n}-{i}-", 32, 4096))
            answers[n] = streams[n].end()

        threads.append(threading.Thread(target=send_long))
        threads[-1].start()
        end = time.monotonic() + 7
        while turned_away is None and time.monotonic() < end:
            c = Stream(s.port)
            if c.answered(0.05):
                turned_away = c.answer()
                continue
            streams.append(c)
            threads.append(threading.Thread(target=send, args=(len(streams) - 1,)))
            threads[-1].start()
        read = -1
        while len(pieces) > read and time.monotonic() < end:  # does anybody still take them?
            read = len(pieces)
            time.sleep(0.4)
        other.execute("rollback")
        other.close()
        note(f"{len(streams)} streams before one was turned away; {read} MiB of the first are read, or "
             "in the system's buffers")
        ok(turned_away is not None and turned_away[0] == 503, "when the queue is full: 503 at once",
           turned_away)
        ok(turned_away and int(turned_away[1].get("retry-after", 0)) > 0, "with Retry-After")
        ok(turned_away and "too much is waiting" in turned_away[2]["detail"],
           "by what waits, not by the number of streams", turned_away)
        ok(read < 24, "who was let in is not read on from", read)
        for t in threads:
            t.join()
        long.socket.close()
        equal({(a[0], len(a[2]["results"])) for a in answers.values()}, {(200, 640), (200, 3072)},
              "and those who were let in go on when there is room")
        equal(log_size(s), str(1 + 640 * len(streams) + 3072), "each event once")


# --- who may, and how much --------------------------------------------------------------------------

def bounds():
    with Served("--streams", "2", "--streams-per-key", "2") as s:
        s.post("/v1/events", POLICY)
        two = [Stream(s.port), Stream(s.port)]
        for c in two:
            c.send(revenue("a"))
        until("two streams", lambda: stored(s, "a"))
        with Stream(s.port) as c:
            c.send(revenue("b") * 1000)
            answer = c.answer()
            equal((answer[0], answer[1]["retry-after"], answer[1]["connection"]), (503, "5", "close"),
                  "a third one finds no place, and is told so although it goes on sending")
        with Stream(s.port, {"Expect": "100-continue"}) as c:
            equal(c.answer()[0], 503, "who asks before sends nothing")
        for c in two:
            equal(c.end()[0], 200, "those that have a place are answered")
            c.socket.close()
        with Stream(s.port, {"Expect": "100-continue"}) as c:
            equal(c.answer()[0], 100, "then there is a place: 100")
            c.send(revenue("c"))
            equal(c.end()[0], 200, "and the answer")
        for name in ("Idempotency-Key", "Content-Digest", "Signature-Input"):
            with Stream(s.port, {name: "x", "Expect": "100-continue"}, length=100 << 20) as c:
                answer = c.answer()
                ok(answer[0] == 413 and name in answer[2]["detail"],
                   f"{name} is of a whole body: no more than one may have", answer)
        with Stream(s.port, {"Idempotency-Key": "once"}) as c:
            c.send(revenues("i", 3))
            equal(len(c.end()[2]["results"]), 3, "a small one may have it, chunked or not")
        with Stream(s.port, {"Expect": "100-continue"}, 100 << 20, "application/json") as c:
            equal(c.answer()[0], 413, "JSON has a bound")


def keys():
    with Served("--heartbeat", "1", "--rate", "60", "--burst", "60") as s:
        key = s.make_key("revenue:write,revenue:read,policy:write")
        reader = s.make_key("revenue:read")
        s.post("/v1/events", POLICY, key=key)
        head = {"Authorization": "Bearer " + key}
        with Stream(s.port) as c:
            equal(c.answer()[0], 401, "without a key: 401, before the body")
        began = time.monotonic()
        with Stream(s.port, head) as c:
            c.send(revenues("r", 240))
            until("it has begun", lambda: stored(s, "r0", reader))
            said, more = 200, 0
            while said == 200 and more < 60:  # it is behind, however slow this machine is
                said = s.post("/v1/events", json.loads(revenue("single")), key=key)[0]
                more += 1
                c.send(revenues(f"r{more}-", 240 if said == 200 else 1))
            equal(said, 429, "its events are requests of its key: others of it are turned away")
            equal((c.end()[0], time.monotonic() - began > 2), (200, True), "and it waits, too")
        time.sleep(1.5)
        with Stream(s.port, head) as c:
            c.send(revenue("v1"))
            until("its first event is stored", lambda: stored(s, "v1", reader))
            key_id = next(line.split()[0] for line in s.mete("key", "list").splitlines()
                          if "policy" in line)
            s.mete("key", "revoke", key_id)
            answer = c.answer()
            equal((answer[0], answer[2]["stream"]["durable_lines"]), (401, 1),
                  "a key that is revoked ends its streams, and says how far they went")


def pauses():
    with Served("--request-time", "3", "--idle-time", "1") as s:
        s.post("/v1/events", POLICY)
        with Stream(s.port) as c:
            for i in range(14):
                c.send("\n" if i % 2 else revenue(f"t{i}"))
                time.sleep(0.4)
            ok(not c.answered(), "a stream that brings something now and then is not cut")
            equal(c.end()[0], 200, "however long it takes")
        with Stream(s.port) as c:
            c.send(revenue("u"))
            ok(c.answered(20), "one that brings nothing for --request-time is cut")
            equal(c.answer(), None, "without an answer")
        until("what it brought is stored", lambda: stored(s, "u"))


def found(s, event_id, context):
    scheme = "http" if context is None else "https"
    try:
        urllib.request.urlopen(f"{scheme}://localhost:{s.port}/v1/events/{event_id}", context=context)
    except urllib.error.HTTPError:
        return False
    return True


def drained():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mete-endless-"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", folder / "key", "-out",
                    folder / "pem", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    tls = ssl.create_default_context(cafile=folder / "pem")
    for what, options, context in (
            ("", (), None),
            ("TLS: ", ("--certificate", str(folder / "pem"), "--certificate-key", str(folder / "key")),
             tls)):
        s = served(*options)
        with Stream(s.port, LINES, tls=context) as c:
            c.send(json.dumps(POLICY) + "\n" + revenues("z", 100) + '{"event_id":')
            until(what + "a stream is under way", lambda: found(s, "z99", context))
            s.process.send_signal(signal.SIGTERM)
            answer = c.answer()
            ok(answer and answer[0] == 503 and int(answer[1]["retry-after"]) > 0,
               what + "a server that stops ends its streams: 503, Retry-After", answer)
            equal(answer[2]["stream"]["durable_lines"], 101, what + "and says how far they went")
            equal(s.process.wait(20), 0, what + "and it ends in order")
        s.stop()
        shutil.rmtree(s.folder)
    shutil.rmtree(folder)


for test in (lines, slow_streams, client_killed, server_killed, store_fails, full, bounds, keys,
             pauses, drained, at_length):
    test()
done()

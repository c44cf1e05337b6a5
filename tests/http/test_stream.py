# SPDX-License-Identifier: Apache-2.0
"""The feed as server-sent events, over real sockets: what is sent, in which order, to whom, for how
long, and what those who do not read cost the others.

covers: F-001
"""
import json
import os
import random
import signal
import socket
import threading
import time

from described import Answer, Document
from served import Served, done, equal, event, note, ok
from streaming import EVENTS, PATIENCE, Stream, feed, open_sockets, wait_for

SEED = int(os.environ.get("METE_TEST_SEED", "20250101"))
SCOPES = "revenue:write,revenue:read,policy:write,earnings:read,admin"
FOLLOWERS = 20
EVENTS_COUNT = 2000


def party(i, name="party"):
    return event(f"{name}-{i}", "party.registered", {"party": f"did:{name}:{i}"})


def post(s, events, key=None):
    status, _, body = s.post("/v1/events", list(events), key=key)
    return status == 200 and all(r["status"] == "applied" for r in body["results"])


def of_feed(rows):
    return [(str(r["seq"]), r["event"]["event_type"], r) for r in rows]


def parsed(events):
    return [(i, kind, json.loads(data)) for i, kind, data in events]


# --- what is sent, and what is not --------------------------------------------------------------

def form(s):
    post(s, (party(i) for i in range(40)))
    rows = of_feed(feed(s))
    with Stream(s) as f:
        equal((f.status, f.headers["Content-Type"], f.headers["Cache-Control"],
               f.headers["Transfer-Encoding"]), (200, EVENTS, "no-store", "chunked"),
              "a stream of events is announced")
        document = Document(s.get("/openapi.json")[2])
        o = document.find("GET", "/v1/events")
        equal(document.misfits(o, Answer(200, f.headers, b"", True)), [], "as it is described")
        equal(parsed(f.take(40)), rows, "id, type and data are those of the feed")
        ok(f.retry and f.retry >= 1000, "a client is told when to come again", f.retry)
        post(s, [party("live")])
        (got,) = parsed(f.take(1))
        equal((got[0], got[2]["event"]["event_id"]), ("41", "party-live"), "and what comes, comes")
    for what, more, first in (
            ("after=", {"path": "/v1/events?after=17"}, "18"),
            ("Last-Event-ID", {"last": "30"}, "31"),
            ("an empty Last-Event-ID", {"path": "/v1/events?after=17", "last": ""}, "18"),
            ("Last-Event-ID before after=", {"path": "/v1/events?after=17", "last": "3"}, "4")):
        with Stream(s, **more) as f:
            equal(f.take(1)[0][0], first, f"goes on by {what}")
    with Stream(s, last="1000000") as f, Stream(s, last="41") as g:
        post(s, [party("after")])
        equal((f.status, g.take(1)[0][0]), (200, "42"), "who is ahead of the log holds up nobody")


def forms(s):
    """Other clients, other forms."""
    with Stream(s, version="1.0") as f:
        equal((f.status, f.headers["Transfer-Encoding"]), (200, None), "HTTP/1.0: no chunks")
        equal(parsed(f.take(42)), of_feed(feed(s)), "and the same events")
        post(s, [party("to-1.0")])
        equal(f.take(1)[0][0], "43", "also those that come")
    with Stream(s, method="HEAD") as f:
        equal((f.status, f.headers["Content-Type"], f.body()), (200, EVENTS, b""),
              "HEAD: no stream")
    for accept in ("text/event-stream;q=0.9, application/json;q=0.8", "text/*"):
        with Stream(s, accept=accept) as f:
            equal(f.headers["Content-Type"], EVENTS, f"Accept: {accept}")
    for accept in ("*/*", "text/html, application/json", "text/event-stream;q=0, */*"):
        equal(s.get("/v1/events", headers={"Accept": accept})[1]["Content-Type"],
              "application/json", f"Accept: {accept}")


def hostile(s):
    for last in ("x", "-1", "1.5", "0x10", "1e3", "99999999999999999999", "1 2", "\u00bd", "1\t2",
                 "1099511627777", "null", "1;2", "9" * 4000):
        head = f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: {EVENTS}\r\nLast-Event-ID: "
        with socket.create_connection(("127.0.0.1", s.port), timeout=PATIENCE) as c:
            c.sendall(head.encode() + last.encode() + b"\r\nConnection: close\r\n\r\n")
            answer = c.makefile("rb").read()
        ok(answer.startswith(b"HTTP/1.1 400") and b"application/problem+json" in answer
           and b"request_invalid" in answer, f"Last-Event-ID: {last[:30]} is refused", answer[:300])
    for query in ("?after=x", "?after=-1", "?limit=5", "?as_of=2025-01-01"):
        with Stream(s, path="/v1/events" + query) as f:
            equal(f.problem(), (400, "application/problem+json", "request_invalid"),
                  f"{query} is refused")


# --- order and completeness ---------------------------------------------------------------------

class Follower(threading.Thread):
    """Follows until the last event, going away and coming back as it likes."""

    def __init__(self, s, seed):
        super().__init__(daemon=True)
        self.s, self.random = s, random.Random(seed)
        self.got, self.opened, self.flaws = [], 0, []

    def run(self):
        last, over = None, False
        while not over:
            f = Stream(self.s, last=last)
            self.opened += 1
            wanted = self.random.randint(1, 200)
            for e in f.events():
                self.got.append(e)
                wanted -= 1
                over = '"event_id":"the-end"' in e[2]
                if over or wanted == 0:
                    break
            if not over and f.end is not None:
                self.flaws.append(f"ended by itself after {f.last}")
                return
            if self.random.random() < 0.5 and not over:  # goes in the middle of an event
                try:
                    f.socket.settimeout(0.01)
                    f.socket.recv(self.random.randint(1, 300))
                except OSError:
                    pass
            last = self.got[-1][0]
            f.close()


def completeness(s):
    note(f"seed {SEED} (METE_TEST_SEED)")
    followers = [Follower(s, SEED + i) for i in range(FOLLOWERS)]
    for f in followers:
        f.start()
    posted = []
    lock = threading.Lock()

    def poster(name, seed):
        chance = random.Random(seed)
        made = 0
        while made < EVENTS_COUNT // 4:
            batch = [party(f"{name}-{made + i}") for i in range(chance.randint(1, 20))]
            made += len(batch)
            if post(s, batch):
                with lock:
                    posted.extend(e["event_id"] for e in batch)
            time.sleep(chance.random() * 0.01)

    posters = [threading.Thread(target=poster, args=(f"w{i}", SEED + 100 + i)) for i in range(4)]
    for t in posters:
        t.start()
    for t in posters:
        t.join()
    post(s, [event("the-end", "party.registered", {"party": "did:the-end"})])
    for f in followers:
        f.join(PATIENCE)
    wanted = of_feed(feed(s))
    ok(not any(f.is_alive() for f in followers), "every follower came to the end")
    equal([f.flaws for f in followers if f.flaws], [], "no stream ended by itself")
    equal(sum(parsed(f.got) == wanted for f in followers), FOLLOWERS,
          "each got every event once, in the order of the log, as the feed has it")
    ids = {r[2]["event"]["event_id"] for r in wanted}
    equal(len(ids & set(posted)), len(posted), "what was posted is what was streamed")
    again = sum(f.opened - 1 for f in followers)
    note(f"{len(wanted)} events to {FOLLOWERS} followers, who came back {again} times")
    ok(again > 100, "they came back often", again)


# --- those who do not read ----------------------------------------------------------------------

def policy(i, shares):
    return event(f"large-{i}", "policy.published", {"policy": {
        "id": f"urn:large:{i}", "kind": "weights",
        "shares": [{"party": f"did:{'x' * 40}:{k}", "weight": f"1/{shares}"}
                   for k in range(shares)]}})


def slow_readers():
    with Served("--request-time", "8", "--heartbeat", "1") as s:
        post(s, [party(0)])
        base = s.rss_kib()
        slow = [Stream(s, receive=4096) for _ in range(20)]
        fast = Stream(s)
        fast.take(1)
        got = []
        reader = threading.Thread(target=lambda: got.extend(fast.take(60)), daemon=True)
        reader.start()
        size = sum(len(json.dumps(policy(i, 4000))) for i in range(60)) >> 20
        for i in range(60):
            if not post(s, [policy(i, 4000)]):
                ok(False, "a large event is taken")
        reader.join(PATIENCE)
        equal(len(got), 60, "who reads gets everything beside 20 who do not")
        fresh = Stream(s, last="1")
        equal(len(fresh.take(60)), 60, "also who comes only then")
        grown = (s.rss_kib() - base) >> 10
        note(f"{size} MiB of events, 20 streams that are not read: {grown} MiB more memory")
        ok(grown < 150, "what is not read is not kept in memory", grown)
        ok(wait_for(lambda: open_sockets(s) <= 3), "who does not read is cut by the clock",
           open_sockets(s))
        post(s, [party(1)])
        equal((len(fast.take(1)), len(fresh.take(1))), (1, 1), "the others go on")
        for f in (fast, fresh, *slow):
            f.close()


# --- authority ----------------------------------------------------------------------------------

def known(s, key):
    """The key, when the server has heard of it."""
    wait_for(lambda: s.get("/v1/events?limit=1", key=key)[0] != 401)
    return key


def authority(s):
    with Stream(s) as f:
        admin = s.make_key(SCOPES)
        s.key = admin
        f.take(10**9)
        equal((f.end, f.comments[-1]), ("whole", "the key has ended"),
              "who came without a key is sent away when there are keys")
    for what, key, wanted in (
            ("no key", "", (401, "unauthorized")),
            ("an unknown key", "mete_x", (401, "unauthorized")),
            ("another scope", known(s, s.make_key("earnings:read")), (403, "forbidden")),
            ("a key of one party", known(s, s.make_key("revenue:read", "--party", "did:a")),
             (403, "forbidden"))):
        with Stream(s, key=key) as f:
            status, _, code = f.problem()
            equal((status, code), wanted, f"{what}: no stream")
    before = {k["key_id"] for k in json.loads(s.mete("key", "list", "--json"))}
    key = known(s, s.make_key("revenue:read"))
    (key_id,) = {k["key_id"] for k in json.loads(s.mete("key", "list", "--json"))} - before
    now = time.time()
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 5))
    ends = known(s, s.make_key("revenue:read", "--expires", at))
    with Stream(s, key=key) as f, Stream(s, key=admin) as g, Stream(s, key=ends) as h:
        for stream in (f, g, h):
            stream.take(1)
        s.mete("key", "revoke", key_id)
        f.take(10**9)
        equal((f.end, f.comments[-1]), ("whole", "the key has ended"),
              "a key that is revoked ends its stream")
        with Stream(s, key=key, last=f.last) as again:
            equal(again.status, 401, "and opens none any more")
        h.take(10**9)
        ok(time.time() >= now + 4, "a key that expires streams until then")
        equal((h.end, h.comments[-1]), ("whole", "the key has ended"), "and not longer")
        ok(post(s, [party("revoked")]), "something is posted")
        ok(any(json.loads(data)["event"]["event_id"] == "party-revoked"
               for _, _, data in g.events()), "the streams of other keys go on")


def tenants():
    s = Served("--heartbeat", "1", "--streams-per-key", "10")
    for book in ("alpha", "beta"):
        s.mete("init", "--book", book)
    with s:
        keys = {book: known(s, s.make_key(SCOPES, "--book", book)) for book in ("alpha", "beta")}
        streams = {book: Stream(s, key=key) for book, key in keys.items()}
        sent = {}
        for i in range(50):
            for book, key in keys.items():
                e = party(i, book)
                ok_ = post(s, [e], key=key)
                sent.setdefault(book, []).append(e["event_id"] if ok_ else None)
        for book, f in streams.items():
            got = [json.loads(e[2])["event"]["event_id"] for e in f.take(50)]
            equal(got, sent[book], f"book {book}: its own events alone, in order")
        with Stream(s, key=keys["beta"], last=streams["alpha"].last) as f:
            post(s, [party("x", "alpha")], key=keys["alpha"])
            post(s, [party("x", "beta")], key=keys["beta"])
            equal(json.loads(f.take(1)[0][2])["event"]["event_id"], "beta-x",
                  "a place of another book is only a number")
        for f in streams.values():
            f.close()


# --- bounds -------------------------------------------------------------------------------------

def bounds():
    with Served("--heartbeat", "1", "--streams", "5", "--streams-per-key", "3",
                "--connections", "40") as s:
        a, b = known(s, s.make_key("revenue:read")), known(s, s.make_key("revenue:read"))
        held = [Stream(s, key=a) for _ in range(3)]
        with Stream(s, key=a) as f:
            equal((f.problem(), f.headers["Retry-After"]),
                  ((503, "application/problem+json", "overloaded"), "5"),
                  "a key has so many streams and no more")
        held += [Stream(s, key=b) for _ in range(2)]
        with Stream(s, key=b) as f:
            equal((f.problem()[0], f.headers["Retry-After"]), (503, "5"), "nor have all together")
        equal(s.get("/v1/events", key=b)[0], 200, "other answers are given")
        held.pop().close()

        def comes_in():
            f = Stream(s, key=b)
            held.append(f)
            return f.status == 200
        ok(wait_for(comes_in), "who went makes room within a heartbeat")
        for f in held:
            f.close()


# --- the end of the server ----------------------------------------------------------------------

def drain():
    with Served("--heartbeat", "1") as s:
        post(s, (party(i) for i in range(300)))
        streams = [Stream(s) for _ in range(10)]
        for i, f in enumerate(streams):
            f.take(i * 30)
        old = Stream(s, version="1.0")
        s.process.send_signal(signal.SIGTERM)
        for f in (*streams, old):
            f.take(10**9)
        equal([(f.end, f.comments[-1:]) for f in streams],
              [("whole", ["the server stops; come back with Last-Event-ID"])] * 10,
              "SIGTERM: every stream ends with a comment, and whole")
        equal(old.comments[-1:], streams[0].comments[-1:], "also over HTTP/1.0")
        equal(s.process.wait(60), 0, "and the server ends with 0")
        places = [f.last for f in streams]
        s.log.close()
        s.start()
        post(s, [party("new")])
        for place in places:
            with Stream(s, last=place) as f:
                rows = of_feed(feed(s, after=int(place or 0)))
                if parsed(f.take(len(rows))) != rows:
                    ok(False, "a stream goes on where it ended", place)
        ok(True, "streams go on where they ended")


with Served("--heartbeat", "1") as server:
    form(server)
    forms(server)
    hostile(server)
    completeness(server)
    authority(server)
slow_readers()
tenants()
bounds()
drain()
done()

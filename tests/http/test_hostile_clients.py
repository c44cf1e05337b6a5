# SPDX-License-Identifier: Apache-2.0
"""Clients that mean harm or know no better, from raw sockets. First each kind alone, for what it is
answered; then each at length from processes of its own, while another client's p99 is measured
beside its p99 at rest, and the server's memory with it.

covers: V-083 F-001
"""
import json
import multiprocessing
import os
import random
import re
import resource
import socket
import struct
import threading
import time

from served import MEMORY, POLICY, Served, done, equal, note, ok, revenue

REQUEST_S, IDLE_S = 3, 4
ATTACK_S = float(os.environ.get("ATTACK_S", "2.5"))
SEED = int(os.environ.get("SEED", str(random.SystemRandom().randrange(1 << 32))))
GET = b"GET /v1/parties/did:a/balance HTTP/1.1\r\nHost: x\r\n\r\n"


def connect(port, source="127.0.0.1"):
    s = socket.socket()
    s.settimeout(20)
    s.bind((source, 0))
    s.connect(("127.0.0.1", port))
    return s


def answer_of(f):
    """(status, headers, body) of the next answer in a file of a socket; None at its end."""
    line = f.readline()
    if not line:
        return None
    headers = {}
    while (h := f.readline().strip()):
        name, _, value = h.partition(b":")
        headers[name.decode().lower()] = value.strip().decode()
    body = b"" if line.split()[1] == b"100" else f.read(int(headers.get("content-length", 0)))
    return int(line.split()[1]), headers, body


def ask(port, raw, half_close=False):
    """All answers to raw bytes, until the server has no more to say."""
    with connect(port) as s:
        s.settimeout(REQUEST_S + 3)
        try:
            s.sendall(raw)
            if half_close:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        answers = []
        f = s.makefile("rb")
        try:
            while (a := answer_of(f)) is not None:
                answers.append(a)
        except (OSError, ValueError, IndexError):
            pass
        return answers


def statuses(port, raw, **more):
    return [a[0] for a in ask(port, raw, **more)]


def closing(raw):
    return raw.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n", 1)


def rst(s):
    """Closes with a reset in place of a proper end."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def cut_after(port, head, drip, before=b""):
    """Seconds until the server cuts off who sends `drip` now and then."""
    with connect(port) as s:
        if before:
            s.sendall(before)
            answer_of(s.makefile("rb"))
        began = time.monotonic()
        s.sendall(head)
        try:
            while time.monotonic() - began < 20:
                s.sendall(drip)
                s.settimeout(0.1)
                try:
                    if s.recv(1) == b"":
                        break
                except TimeoutError:
                    pass
        except OSError:
            pass
        return time.monotonic() - began


# --- kinds of attack: each returns what it did, by name ----------------------------------------

def attack_slow_heads(port, rng, until, n):
    socks = []
    while time.monotonic() < until:
        if len(socks) < 150:
            s = connect(port)
            s.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Drip: ")
            socks.append(s)
            n["connections that drip a header"] += 1
        for s in rng.sample(socks, min(len(socks), 10)):
            try:
                s.send(b"a")
                n["drips"] += 1
            except OSError:
                socks.remove(s)
                n["cut off"] += 1
        time.sleep(0.01)


def attack_slow_bodies(port, rng, until, n):
    socks = []
    while time.monotonic() < until:
        if len(socks) < 150:
            s = connect(port)
            s.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\n")
            socks.append(s)
            n["connections that drip a body"] += 1
        for s in rng.sample(socks, min(len(socks), 10)):
            try:
                s.send(b" " * rng.randrange(1, 2000))
                n["drips"] += 1
            except OSError:
                socks.remove(s)
                n["cut off"] += 1
        time.sleep(0.01)


def attack_chunks(port, rng, until, n):
    while time.monotonic() < until:
        with connect(port) as s:
            try:
                s.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
                size = rng.choice([1, 10, 1000, 60000])
                chunk = b"%x\r\n%s\r\n" % (size, b" " * size) * (60000 // size + 1)
                while time.monotonic() < until:
                    s.sendall(chunk[:60000 - 60000 % (len(b"%x" % size) + 4 + size)]
                              if size < 60000 else chunk)
                    n["chunk floods, 60 KB"] += 1
                    time.sleep(0.005)
            except OSError:
                n["cut off"] += 1


def attack_bombs(port, rng, until, n):
    while time.monotonic() < until:
        kind = rng.choice(["one long header", "many headers", "long path"])
        raw = {"one long header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 100000,
               "many headers": b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 20000,
               "long path": b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n"}[kind]
        n[kind] += bool([s for s in statuses(port, raw + b"\r\n\r\n") if 400 <= s < 500]) or 1
        time.sleep(0.01)


def attack_resets(port, rng, until, n):
    body = json.dumps(revenue("never")).encode()
    whole = b"POST /v1/events?dry_run=true HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body), body)
    while time.monotonic() < until:
        s = connect(port)
        at = rng.choice([rng.randrange(len(whole)), len(whole)])
        s.sendall(whole[:at])
        if rng.random() < 0.5:
            time.sleep(0.001)
        rst(s)
        n["resets before the answer" if at == len(whole) else "resets in a request"] += 1
        time.sleep(0.003)


def attack_deaf(port, rng, until, n):
    socks = []
    while time.monotonic() < until:
        if len(socks) < 60:
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", port))
            s.setblocking(False)
            socks.append(s)
            n["connections that never read"] += 1
        s = rng.choice(socks)
        try:
            s.send(GET * 20)
            n["requests whose answers nobody reads"] += 20
        except BlockingIOError:
            n["sends that found the server waiting"] += 1
        except OSError:
            socks.remove(s)
            n["cut off"] += 1
        time.sleep(0.01)


def attack_pipelines(port, rng, until, n):
    while time.monotonic() < until:
        count = rng.randrange(2, 40)
        got = statuses(port, GET * (count - 1) + closing(GET))
        n["pipelined requests"] += count
        n["pipelines answered whole"] += got == [200] * count
        n["pipelines"] += 1
        time.sleep(0.03)


def attack_half_closed(port, rng, until, n):
    while time.monotonic() < until:
        got = statuses(port, GET, half_close=True)
        n[f"half-closed, {'answered' if got == [200] else 'closed without an answer'}"] += 1
        time.sleep(0.01)


def attack_garbage(port, rng, until, n):
    parts = [b"GET", b"POST", b" ", b"/", b"/v1/events", b"HTTP/1.1", b"HTTP/9.9", b"\r\n", b"\n",
             b"\0", b"\xff", b"Host: x", b"Content-Length: -1", b"Transfer-Encoding: chunked",
             b"Expect: 100-continue", b"%00", b"%", b"?", b"=", b"ffffffffffffffffff\r\n", b":"]
    while time.monotonic() < until:
        raw = b"".join(rng.choice(parts) for _ in range(rng.randrange(1, 30)))
        with connect(port) as s:
            try:
                s.sendall(raw)
                s.shutdown(socket.SHUT_WR)
                s.settimeout(0.2)
                got = s.recv(100)
                n["garbage"] += 1
                n["garbage that got a 5xx"] += got[9:10] == b"5" and got[9:12] != b"505"
            except OSError:
                n["garbage"] += 1
        time.sleep(0.01)


ATTACKS = [attack_slow_heads, attack_slow_bodies, attack_chunks, attack_bombs, attack_resets,
           attack_deaf, attack_pipelines, attack_half_closed, attack_garbage]


class Counts(dict):
    def __missing__(self, key):
        return 0


def attacker(attack, port, seed, until, out):
    counts = Counts()
    try:
        attack(port, random.Random(seed), until, counts)
    except OSError as e:
        counts["gave up: " + type(e).__name__] += 1
    out.put(dict(counts))


class Victim:
    """One client that reads a balance and posts events, all the time, and how long each took."""

    def __init__(self, port):
        self.port, self.posted, self.failed = port, 0, 0
        self.s, self.f = None, None

    def one(self, raw):
        if self.s is None:
            self.s = connect(self.port, "127.0.0.2")
            self.f = self.s.makefile("rb")
        began = time.monotonic()
        self.s.sendall(raw)
        status, headers, _ = answer_of(self.f)
        took = time.monotonic() - began
        self.failed += status != 200
        if headers.get("connection") == "close":
            self.s = None
        return took

    def measure(self, seconds):
        """p99 in milliseconds, and of how many. With a connection of its own: one that waited between
        two measurements may have been closed as idle, and rightly so."""
        self.s = None
        took, until = [], time.monotonic() + seconds
        while time.monotonic() < until:
            took.append(self.one(GET))
            self.posted += 1
            body = json.dumps(revenue(f"victim-{self.posted}")).encode()
            took.append(self.one(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                                 % (len(body), body)))
        took.sort()
        return took[int(len(took) * 0.99)] * 1000, len(took)


# --- each alone --------------------------------------------------------------------------------

def one_by_one(port):
    equal(statuses(port, GET * 49 + closing(GET)), [200] * 50, "50 pipelined requests: 50 answers")
    equal(statuses(port, GET.replace(b"/v1/parties/did:a/balance", b"/healthz"), half_close=True),
          [200], "who closes its sending half is answered when the answer is there at once")
    # libmicrohttpd takes the end of the sending half for the end, when it sees it before the answer.
    got, slowest = [], 0
    for _ in range(50):
        began = time.monotonic()
        got.append(statuses(port, GET, half_close=True))
        slowest = max(slowest, time.monotonic() - began)
    ok(all(g in ([200], []) for g in got) and slowest < IDLE_S + 2,
       "or else answered or closed, and never left hanging", got, slowest)
    note(f"half-closed: {got.count([200])} of 50 answered")
    equal(statuses(port, b"GET /healthz HTTP/1.0\r\n\r\n"), [200], "HTTP/1.0, and then closed")
    equal(statuses(port, b"GET http://x/healthz?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
          [200], "an absolute URI")
    equal(statuses(port, b"GET http://x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), [200],
          "an absolute URI without a path")
    for method, status in ((b"FOO", 405), (b"get", 405), (b"TRACE", 405), (b"DELETE", 405),
                           (b"M" * 200, 405)):
        equal(statuses(port, method + b" /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              [status], f"method {method[:10].decode()}")
    equal(statuses(port, b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), [404],
          "CONNECT")
    equal(statuses(port, b"GET /healthz HTTP/1.1\r\n\r\n")[:1], [400], "HTTP/1.1 without Host")
    equal(statuses(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 100 + b"\r\n"),
          [400], "100 headers")
    equal(statuses(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40000 + b"\r\n\r\n"),
          [431], "a header of 40 KB")
    equal(statuses(port, b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"), [414],
          "a path of 40 KB")
    for what, lines in (("two lengths", b"Content-Length: 2\r\nContent-Length: 3\r\n"),
                        ("a length and chunks", b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"),
                        ("a negative length", b"Content-Length: -2\r\n"),
                        ("a length with a sign", b"Content-Length: +2\r\n")):
        got = statuses(port, b"POST /v1/events HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n0\r\n\r\n" + GET)
        ok(got in ([400], [413]), f"{what}: refused, and what follows is not read as a request", got)
    for what, length in (("much too long", 10**15), ("longer than 64 bits", 10**30)):
        got = statuses(port, b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length)
        ok(got in ([413], [400]), f"a body said to be {what} is refused before it comes", got)
    equal(statuses(port, b"POST /v1/contributions HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n"
                   + b" " * 70000), [413], "a route's own bound")
    body = json.dumps(revenue("continue")).encode()
    with connect(port) as s:
        f = s.makefile("rb")
        s.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body))
        equal(answer_of(f)[0], 100, "Expect: 100-continue is told to go on")
        s.sendall(body)
        equal(answer_of(f)[0], 200, "and then answered")
        s.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                  b"Content-Length: 99999999\r\n\r\n")
        equal(answer_of(f)[0], 413, "or told at once that it is too much")
    for what, took in (
            ("a header", cut_after(port, b"GET /healthz HTTP/1.1\r\nA: ", b"a")),
            ("a request line", cut_after(port, b"GET /", b"a")),
            ("a body", cut_after(port, b"POST /v1/events HTTP/1.1\r\nHost: x\r\n"
                                       b"Content-Length: 9999\r\n\r\n", b" ")),
            ("chunks", cut_after(port, b"POST /v1/events HTTP/1.1\r\nHost: x\r\n"
                                       b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n")),
            ("a second body", cut_after(port, b"POST /v1/events HTTP/1.1\r\nHost: x\r\n"
                                              b"Content-Length: 9999\r\n\r\n", b" ", GET)),
            ("a second request line", cut_after(port, b"GET /", b"a", GET))):
        note(f"who drips {what} is cut off after {took:.1f} s")
        ok(REQUEST_S - 0.5 < took < REQUEST_S + 1, f"dripping {what}: cut off when its time is over")
    began = time.monotonic()
    flood = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    with connect(port) as s:
        sent = 0
        s.sendall(b"POST /v1/usage-none HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while time.monotonic() - began < 20:
                s.sendall(flood)
                sent += len(flood)
        except OSError:
            pass
    note(f"chunks without end: cut off after {sent >> 20} MiB, {time.monotonic() - began:.1f} s")
    ok(sent < 80 << 20, "chunks without end are cut off")


# --- beside another client ---------------------------------------------------------------------

def besieged(s):
    victim = Victim(s.port)
    victim.measure(1)
    rest, n = victim.measure(3)
    rss = s.rss_kib()
    note(f"at rest: p99 {rest:.1f} ms of {n}; RSS {rss >> 10} MiB; load {os.getloadavg()[0]:.1f}")
    for i, attack in enumerate(ATTACKS):
        out = multiprocessing.Queue()
        until = time.monotonic() + ATTACK_S + 0.5
        p = multiprocessing.Process(target=attacker, args=(attack, s.port, SEED + i, until, out))
        p.start()
        time.sleep(0.3)
        p99, n = victim.measure(ATTACK_S)
        counts = out.get(timeout=60)
        p.join()
        name = attack.__name__[7:].replace("_", " ")
        note(f"{name}: p99 {p99:.1f} ms of {n}; RSS {s.rss_kib() >> 10} MiB; " +
             ", ".join(f"{v} {k}" for k, v in sorted(counts.items())))
        ok(p99 < 5000, f"{name}: the other client is not held up")  # how fast: tools/bench
        ok(sum(counts.values()) > 0, f"{name}: it did happen", counts)
        equal(counts.get("garbage that got a 5xx", 0), 0, f"{name}: no 5xx")
        equal(counts.get("pipelines answered whole"), counts.get("pipelines"), f"{name}: answers")
    equal(victim.failed, 0, "it was never refused")
    ok(s.rss_kib() < rss + (MEMORY * 300 << 10), "memory is bounded", s.rss_kib(), rss)
    equal(s.get("/v1/events/never")[0], 404, "what was reset was a rehearsal, and left nothing")


def crowds(s):
    began = time.monotonic()
    crowd = [connect(s.port) for _ in range(200)]
    time.sleep(0.5)
    gone = 0
    for c in crowd:
        c.setblocking(False)
        try:
            gone += c.recv(1) == b""
        except BlockingIOError:
            pass
        except OSError:
            gone += 1
    equal(200 - gone, 120, "one address has 120 connections, as it was said, and no more")
    victim = Victim(s.port)
    ok(victim.one(GET) < 1, "another address gets in at once")
    for c in crowd:
        c.close()
    time.sleep(0.5)
    crowd = [connect(s.port, f"127.0.0.{i % 4 + 3}") for i in range(300)]
    began = time.monotonic()
    victim = Victim(s.port)
    victim.one(GET)
    took = time.monotonic() - began
    note(f"300 silent connections where 240 fit: the next client waits {took:.1f} s")
    ok(took < 7, "who asks nothing makes room")
    for c in crowd:
        c.close()


def bodies(s):
    size, clients, results = 8 << 20, 200, {}
    peak = [0]
    gate = threading.Barrier(clients + 1)
    going = True

    def client(i):
        body = json.dumps([revenue(f"big-{i}")]).encode()
        with connect(s.port) as c:
            c.settimeout(60)
            gate.wait()
            try:
                c.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
                c.sendall(b" " * (size - len(body)) + body)
                results[i] = answer_of(c.makefile("rb"))
            except OSError as e:
                results[i] = (0, {}, str(e))

    def watch():
        while going:
            peak[0] = max(peak[0], s.rss_kib())
            time.sleep(0.02)

    rest = s.rss_kib()
    watcher = threading.Thread(target=watch)
    threads = [threading.Thread(target=client, args=(i,)) for i in range(clients)]
    for t in threads + [watcher]:
        t.start()
    gate.wait()
    for t in threads:
        t.join()
    going = False
    watcher.join()
    taken = sorted(i for i, a in results.items() if a and a[0] == 200)
    away = [a for a in results.values() if a and a[0] == 503]
    note(f"200 clients with 8 MiB each: {len(taken)} taken, {len(away)} turned away; "
         f"RSS {rest >> 10} MiB before, {peak[0] >> 10} MiB at most")
    equal(len(taken) + len(away), clients, "each is taken or turned away")
    ok(len(taken) >= 5 and len(away) >= 1, "some of both")
    ok(all("retry-after" in a[1] for a in away), "with Retry-After")
    there = [i for i in range(clients) if s.get(f"/v1/events/big-{i}")[0] == 200]
    equal(there, taken, "who was turned away left nothing, who was taken is there")
    ok(peak[0] - rest < MEMORY * 600 << 10, "memory is bounded", peak[0], rest)


def many_events(s):
    """Bodies of small events take far more memory than their size once they are read."""
    answers = []

    def client(i):
        body = "\n".join(json.dumps(revenue(f"many-{i}-{n}")) for n in range(12000))
        status, headers, _ = s.post("/v1/events?dry_run=true", body)
        answers.append((status, "Retry-After" in headers))

    rest = s.rss_kib()
    threads = [threading.Thread(target=client, args=(i,)) for i in range(40)]
    for t in threads:
        t.start()
    peak = 0
    while any(t.is_alive() for t in threads):
        peak = max(peak, s.rss_kib())
        time.sleep(0.02)
    note(f"40 bodies of 12,000 events, 2 MiB each: {answers.count((200, False))} taken, "
         f"{answers.count((503, True))} turned away; RSS {rest >> 10} MiB before, {peak >> 10} MiB at most")
    equal(answers.count((200, False)) + answers.count((503, True)), 40, "taken, or turned away")
    ok(peak - rest < MEMORY * 1100 << 10, "many events: memory is bounded", peak, rest)


resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
note(f"seed {SEED}")
with Served("--request-time", str(REQUEST_S), "--idle-time", str(IDLE_S)) as s:
    s.post("/v1/events", POLICY)
    one_by_one(s.port)
    besieged(s)
    equal(s.stop(), 0, "after all of it the server ends as it should")
    text = (s.folder / "log").read_text(errors="replace")
    equal(re.findall(r'.*"status":500.*', text), [], "and never failed")
with Served("--request-time", "50") as s:
    s.post("/v1/events", POLICY)
    bodies(s)
with Served("--request-time", "50") as s:
    s.post("/v1/events", POLICY)
    many_events(s)
with Served("--request-time", "20", "--idle-time", "20", "--connections", "240",
            "--per-address", "120") as s:
    s.post("/v1/events", POLICY)
    crowds(s)
done()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a reverse proxy has to do, whatever is paid: bodies of any size in bounded memory both ways, events as
they come, connections kept open, clients and servers that go away. covers: V-020 V-021 V-092"""
import hashlib
import http.client
import json
import signal
import socket
import threading
import time

from gated import Facilitator, Gate, SANITIZED, Upstream, done, equal, free_port, note, ok, pay, until

BIG = 200 << 20
BLOCK = hashlib.sha256(b"x").digest() * 2048  # 64 KiB
ROUTES = [{"path": "/paid", "price": "$0.01"}, {"path": "/paidbig", "price": "$0.01"},
          {"path": "/paidevents", "price": "$0.01"}, {"path": "/paidcut", "price": "$0.01"},
          {"path": "/paidupload", "price": "$0.01"}]


def big(handler, _body):
    handler.send_response(200)
    handler.send_header("Content-Length", str(BIG))
    handler.send_header("ETag", '"big"')
    handler.end_headers()
    for _ in range(BIG // len(BLOCK)):
        handler.wfile.write(BLOCK)


def chunks(handler, _body):
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for i in range(200):
        part = BLOCK[:1 + i * 300]
        handler.wfile.write(b"%x\r\n" % len(part) + part + b"\r\n")
    handler.wfile.write(b"0\r\n\r\n")


class Events:
    """An endless answer; says when its reader has gone."""

    def __init__(self):
        self.go = threading.Semaphore(0)
        self.ended = threading.Event()

    def __call__(self, handler, _body):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close, X-Hop")
        handler.send_header("X-Hop", "this connection's alone")
        handler.end_headers()
        handler.close_connection = True
        try:
            i = 0
            for _ in range(1000):
                if not self.go.acquire(timeout=0.05):
                    handler.connection.setblocking(False)
                    try:
                        if handler.connection.recv(1) == b"":
                            break
                    except BlockingIOError:
                        pass
                    handler.connection.setblocking(True)
                    continue
                handler.wfile.write(b"data: %d\n\n" % i)
                i += 1
        except OSError:
            pass
        self.ended.set()


def streaming(gate, up):
    before = gate.rss_kib()
    peak = before
    for path, headers in (("/big", {}), ("/paidbig", None)):
        headers = pay(gate.get(path)) if headers is None else headers
        c = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=120)
        c.request("GET", path, headers=headers)
        r = c.getresponse()
        equal((r.status, r.headers["Content-Length"], r.headers["ETag"]), (200, str(BIG), '"big"'), f"{path}: a length is passed on")
        got = hashlib.sha256()
        length = 0
        while True:
            part = r.read(1 << 20)
            if not part:
                break
            got.update(part)
            length += len(part)
            peak = max(peak, gate.rss_kib())
        c.close()
        wanted = hashlib.sha256()
        [wanted.update(BLOCK) for _ in range(BIG // len(BLOCK))]
        equal((length, got.hexdigest()), (BIG, wanted.hexdigest()), f"{path}: 200 MiB come through")
    note(f"resident: {before} KiB before, {peak} KiB at most")
    if not SANITIZED:
        ok(peak - before < 48 << 10, "in bounded memory", peak - before)
    got = gate.get("/chunks")
    equal(got.body, b"".join(BLOCK[:1 + i * 300] for i in range(200)), "chunks come through")
    ok(b"Transfer-Encoding: chunked" in gate.raw(b"GET /chunks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "as chunks")


def slow_reader(gate, up):
    """Who reads slowly fills no memory."""
    before = gate.rss_kib()
    with socket.create_connection(("127.0.0.1", gate.port)) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        s.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        s.recv(1024)
        time.sleep(1)
        if not SANITIZED:
            ok(gate.rss_kib() - before < 16 << 10, "a client that reads nothing holds little", gate.rss_kib() - before)


def uploading(gate, up):
    def take(handler):
        length = handler.headers.get("Content-Length")
        got = hashlib.sha256()
        total = 0
        left = int(length)
        while left > 0:
            part = handler.rfile.read(min(1 << 20, left))
            got.update(part)
            left -= len(part)
            total += len(part)
        handler.owner.note({"path": handler.path, "method": handler.command, "headers": dict(handler.headers)})
        handler.reply(200, json.dumps({"length": total, "sha256": got.hexdigest()}).encode())
    up.streams["/upload"] = up.streams["/paidupload"] = take
    wanted = hashlib.sha256()
    [wanted.update(BLOCK) for _ in range(BIG // len(BLOCK))]
    before = peak = gate.rss_kib()
    for path in ("/upload", "/paidupload"):
        headers = pay(gate.request("POST", path)) if path == "/paidupload" else {}
        c = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=120)
        c.putrequest("POST", path)
        for name, value in {"Content-Length": str(BIG), **headers}.items():
            c.putheader(name, value)
        c.endheaders()
        for _ in range(BIG // len(BLOCK)):
            c.send(BLOCK)
            peak = max(peak, gate.rss_kib()) if _ % 64 == 0 else peak
        r = c.getresponse()
        equal((r.status, json.loads(r.read())), (200, {"length": BIG, "sha256": wanted.hexdigest()}), f"{path}: 200 MiB go through")
        c.close()
    note(f"resident: {before} KiB before, {peak} KiB at most")
    if not SANITIZED:
        ok(peak - before < 48 << 10, "in bounded memory", peak - before)

    def parts():
        for i in range(50):
            yield BLOCK[:1 + i * 100]
    whole = b"".join(parts())
    up.seen.clear()
    got = gate.request("POST", "/echo", body=parts())
    equal((got.status, up.seen[0]["body"]), (200, whole), "a body in chunks goes through")
    for size in (1000, 100000, 4 << 20):
        got = gate.request("POST", "/paidupload", body=b"x" * size)
        equal((got.status, "PAYMENT-REQUIRED" in got.headers), (402, True), f"who sends {size} bytes at once is told the price all the same")
    with socket.create_connection(("127.0.0.1", gate.port), timeout=20) as s:
        s.sendall(b"POST /paidupload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
        got = s.recv(65536)
        ok(got.startswith(b"HTTP/1.1 402"), "who asks before it sends is told the price at once", got[:100])


def answering_early(gate, up, fac):
    """An upstream that streams while it still reads: nobody pays for what cannot be passed on."""
    def eager(handler):
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        try:
            for _ in range(10):
                handler.wfile.write(BLOCK)
            time.sleep(3)
        except OSError:
            pass
        handler.close_connection = True
    up.streams["/paidupload"] = eager
    settles = fac.count("/settle")
    header = pay(gate.request("POST", "/paidupload"))["PAYMENT-SIGNATURE"]
    with socket.create_connection(("127.0.0.1", gate.port), timeout=20) as s:
        s.sendall(f"POST /paidupload HTTP/1.1\r\nHost: x\r\nPAYMENT-SIGNATURE: {header}\r\nContent-Length: 9000000\r\n\r\n".encode() + BLOCK)
        got = s.recv(65536)
        while b"\r\n\r\n" not in got:
            got += s.recv(65536)
    ok(got.startswith(b"HTTP/1.1 502"), "it is a 502", got[:300])
    equal(fac.count("/settle"), settles, "that costs nothing")
    del up.streams["/paidupload"]


def events(gate, up):
    for path in ("/events", "/paidevents"):
        source = up.answers[path] = Events()
        headers = pay(gate.get(path)) if path == "/paidevents" else {}
        c = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=20)
        source.go.release()
        c.request("GET", path, headers=headers)
        r = c.getresponse()
        equal((r.status, r.headers["Content-Type"]), (200, "text/event-stream"), f"{path}: events begin")
        ok("X-Hop" not in r.headers, "without what was for one connection alone")
        if headers:
            ok(r.headers["PAYMENT-RESPONSE"] is not None, "they were settled before the first one")
        for i in range(5):
            equal(r.fp.readline() + r.fp.readline() + r.fp.readline() + r.fp.readline() if r.chunked else r.fp.readline(),
                  b"%x\r\ndata: %d\n\n\r\n" % (len(b"data: %d\n\n" % i), i), f"event {i} comes when it is sent")
            source.go.release()
        c.close()
        r.close()
        ok(source.ended.wait(10), "a client that leaves ends the upstream's work")


def keeping(gate, up):
    c = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=20)
    c.connect()
    own = c.sock.getsockname()
    for i in range(20):
        method = ("GET", "POST", "HEAD", "PUT", "DELETE")[i % 5]
        c.request(method, f"/k{i}", body=b"x" * i if method in ("POST", "PUT") else None)
        r = c.getresponse()
        r.read()
        if r.status != 200 or c.sock is None or c.sock.getsockname() != own:
            ok(False, "a connection is kept open", i, r.status)
            break
    else:
        ok(True, "a connection is kept open")
    c.request("GET", "/paid")
    r = c.getresponse()
    r.read()
    equal((r.status, c.sock is not None), (402, True), "also after a 402")
    c.close()


def heads(gate, up):
    up.answers["/h"] = lambda h, _b: h.reply(200, b"12345", [("X-A", "1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"),
                                                            ("Proxy-Authenticate", "Basic"), ("Keep-Alive", "timeout=1")])
    got = gate.request("HEAD", "/h")
    equal((got.status, got.headers["Content-Length"], got.body), (200, "5", b""), "HEAD has the length and no body")
    got = gate.get("/h")
    equal(got.headers.get_all("Set-Cookie"), ["a=1", "b=2"], "a header may come twice")
    ok("Proxy-Authenticate" not in got.headers and "Keep-Alive" not in got.headers, "what is of one hop stays there")
    for status in (204, 304):
        up.answers["/s"] = lambda h, _b, s=status: h.reply(s, headers=[("ETag", '"x"')])
        got = gate.get("/s", headers={"If-None-Match": '"x"'})
        equal((got.status, got.body, got.headers["ETag"]), (status, b"", '"x"'), f"{status} is passed on")
    up.answers["/r"] = lambda h, _b: h.reply(206, b"23", [("Content-Range", "bytes 1-2/5")])
    up.seen.clear()
    got = gate.get("/r", headers={"Range": "bytes=1-2"})
    equal((got.status, got.headers["Content-Range"], up.seen[0]["headers"]["Range"]), (206, "bytes 1-2/5", "bytes=1-2"), "so are ranges")
    up.seen.clear()
    gate.get("/f", headers={"X-Forwarded-For": "1.2.3.4", "Connection": "X-Mine", "X-Mine": "1", "TE": "trailers", "X-Kept": "",
                            "Proxy-Authorization": "Basic x", "Host": "shop.example", "Authorization": "Bearer t"})
    head = up.seen[0]["headers"]
    equal((head["Host"], head["X-Forwarded-Host"], head["X-Forwarded-For"], head["X-Forwarded-Proto"]),
          ("shop.example", "shop.example", "127.0.0.1", "http"), "the upstream knows who asked for what; nobody else says so")
    ok(not {"X-Mine", "TE", "Proxy-Authorization", "Connection"} & set(head), "without headers of one hop", head)
    equal((head["Authorization"], head["X-Kept"]), ("Bearer t", ""), "with all others, also empty ones")
    ok("User-Agent" not in head and "Accept" not in head, "and none that the client did not send", head)
    got = gate.raw(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n")
    ok(got.startswith(b"HTTP/1.1 501") and b"WebSocket" in got, "WebSocket is refused in words", got[:80])
    equal(gate.request("TRACE", "/").status, 405, "TRACE is not passed on")
    up.answers["/many"] = lambda h, _b: h.reply(200, b"", [(f"X-{i}", "v" * 50) for i in range(45)])
    equal(len([n for n in gate.get("/many").headers if n.startswith("X-") and n[2:].isdigit()]), 45, "many headers are passed on")


def caches(gate, up):
    """A cache on the way keeps nothing that was paid for."""
    for said, wanted in (("public, max-age=60", "max-age=60, private"), ("S-MaxAge=9\t,\tpublic\t,max-age=1", "max-age=1, private"),
                         ('private="Set-Cookie, X", no-cache="A, public"', 'no-cache="A, public", private'),
                         ("no-store", "no-store, private"), ("", "private"), (",, ,", "private")):
        up.answers["/paid"] = lambda h, _b, v=said: h.reply(200, b"x", [("Cache-Control", v), ("CDN-Cache-Control", "max-age=60"), (
            "Surrogate-Control", "max-age=60"), ("X-Accel-Expires", "60"), ("Acme-CDN-Cache-Control", "public"), ("ETag", "e")])
        got = gate.get("/paid", headers=pay(gate.get("/paid")))
        equal((got.status, got.headers.get_all("Cache-Control")), (200, [wanted]), f"{said!r} of the upstream is for who paid alone")
        left = [n for n in got.headers if n.lower().endswith("-control") and n != "Cache-Control" or "Accel" in n]
        left = [n for n in left if not n.startswith("Access-")]
        equal((left, got.headers["ETag"]), ([], "e"), "and says nothing to other caches")
    up.answers["/paid"] = lambda h, _b: h.reply(200, b"x", [("Cache-Control", "public"), ("Cache-Control", "max-age=5")])
    got = gate.get("/paid", headers=pay(gate.get("/paid")))
    equal(got.headers.get_all("Cache-Control"), ["max-age=5, private"], "of two such headers one is made")
    up.answers["/paid"] = lambda h, _b: h.reply(404, b"x", [("Cache-Control", "public, max-age=5")])
    got = gate.get("/paid", headers=pay(gate.get("/paid")))
    equal((got.status, got.headers["Cache-Control"]), (404, "max-age=5, private"), "what was not charged is kept by no cache either")
    up.answers["/h"] = lambda h, _b: h.reply(200, b"x", [("Cache-Control", "public, max-age=5"), ("CDN-Cache-Control", "max-age=60")])
    got = gate.get("/h")
    equal((got.headers["Cache-Control"], got.headers["CDN-Cache-Control"]), ("public, max-age=5", "max-age=60"), "what is free stays as it was")
    del up.answers["/paid"], up.answers["/h"]


def dying(gate, up, fac):
    def cut(handler, _body):
        handler.send_response(200)
        handler.send_header("Content-Length", str(1 << 20))
        handler.end_headers()
        handler.wfile.write(b"x" * 300000)
        handler.wfile.flush()
        time.sleep(0.3)
        handler.connection.shutdown(2)
    up.answers["/cut"] = up.answers["/paidcut"] = cut
    for path in ("/cut", "/paidcut"):
        headers = pay(gate.get(path)) if path == "/paidcut" else {}
        try:
            got = gate.get(path, headers=headers)
            ok(False, f"{path}: a cut answer is seen to be cut", got.status, len(got.body))
        except (http.client.IncompleteRead, ConnectionError) as e:
            ok(True, f"{path}: a cut answer is seen to be cut ({type(e).__name__})")
    equal(len(gate.payments()), len([s for s in fac.seen if s["path"] == "/settle"]), "what was settled at the head is in the file")
    note("an upstream that dies in the middle of a large answer was settled at its head: it is charged")


def nobody_behind(fac):
    with Gate(f"http://127.0.0.1:{free_port()}", fac, ROUTES) as gate:
        got = gate.get("/x")
        equal((got.status, got.json()["code"]), (502, "upstream_failed"), "no upstream is a 502")
        before = fac.count("/settle")
        equal(gate.get("/paid", headers=pay(gate.get("/paid"))).status, 502, "also for who would pay")
        equal(fac.count("/settle"), before, "who does not")


def ending(up, fac):
    """A signal lets what is open end, and takes nothing new."""
    up.answers["/slow"] = lambda h, _b: (time.sleep(1), h.reply(200, b"whole"))
    gate = Gate(up, fac, ROUTES).__enter__()
    got = []
    t = threading.Thread(target=lambda: got.append(gate.get("/slow").body))
    t.start()
    until("a request is under way", lambda: up.count("/slow") == 1)
    gate.stop()
    t.join()
    equal(got, [b"whole"], "it was answered")


def crowd_ending(up, fac):
    """What is answered at the very end leaves, too: nobody waits for these answers but their clients."""
    go, got = threading.Event(), []
    up.answers["/crowd"] = lambda h, _b: (go.wait(60), h.reply(200, b"whole"))

    def ask():
        try:
            got.append(gate.get("/crowd").body)
        except (OSError, http.client.HTTPException) as e:
            got.append(repr(e))
    gate = Gate(up, fac, ROUTES).__enter__()
    asking = [threading.Thread(target=ask) for _ in range(100)]
    for t in asking:
        t.start()
    until("a hundred are under way", lambda: up.count("/crowd") == len(asking))
    gate.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    go.set()
    gate.stop()
    for t in asking:
        t.join()
    equal((len(got), [g for g in got if g != b"whole"]), (100, []), "all of them were answered")


with Upstream(big=big, paidbig=big, chunks=chunks) as up, Facilitator(reserves=True) as fac, Gate(up, fac, ROUTES) as gate:
    heads(gate, up)
    caches(gate, up)
    keeping(gate, up)
    streaming(gate, up)
    slow_reader(gate, up)
    uploading(gate, up)
    answering_early(gate, up, fac)
    events(gate, up)
    dying(gate, up, fac)
    ending(up, fac)
    crowd_ending(up, fac)
    nobody_behind(fac)
done()

# SPDX-License-Identifier: Apache-2.0
"""Stands between a program and a node, counts what is asked, and breaks it as it is told to.

    with FaultyRpc(chain.port) as rpc:                 # give the program rpc.url()
        rpc.fault("slow", delay(0.2), methods="eth_call", times=3)
        held = rpc.hold("eth_sendRawTransaction", after=True)
        held.wait()                                    # the node has it, the program does not know
        held.release()
        rpc.report()                                   # how often each fault fired

A fault is a function of the exchange: it changes what is asked or answered, or raises Cut."""
import collections
import http.client
import http.server
import json
import socket
import threading
import time


class Cut(Exception):
    """The connection ends, after `bytes` were sent."""

    def __init__(self, raw=b""):
        self.raw = raw


class Exchange:
    def __init__(self, asked, forward):
        self.asked = asked  # a list, also of one
        self.batch = True
        self.status = 200
        self.headers = {}
        self.answer = None  # as JSON; or bytes, sent as they are
        self._forward = forward

    def forward(self):
        if self.answer is None:
            self.answer = self._forward(self.asked)


def delay(seconds):
    """The node is asked, and the answer waits."""
    def run(x):
        x.forward()
        time.sleep(seconds)
    return run


def drop_before(x):
    """The node never hears of it."""
    raise Cut


def drop_after(x):
    """The node has it, and the answer is lost."""
    x.forward()
    raise Cut


def half(x):
    """The head promises all of the answer, and half of it comes."""
    x.forward()
    raw = json.dumps(x.answer if x.batch else x.answer[0]).encode()
    raise Cut(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
              % len(raw) + raw[:len(raw) // 2])


def garbage(x):
    x.answer = b"<html>busy</html>"


def status(code, **headers):
    """`status(429, Retry_After="1")`, without asking the node."""
    def run(x):
        x.status, x.answer = code, b'{"error":"no"}'
        x.headers = {k.replace("_", "-"): v for k, v in headers.items()}
    return run


def wrong_chain(chain_id):
    """eth_chainId is answered so; the rest is true."""
    def run(x):
        x.forward()
        for q, a in zip(x.asked, x.answer):
            if q["method"] == "eth_chainId":
                a["result"] = hex(chain_id)
    return run


def error(message, code=-32000, methods=None, forward=False):
    """The matching requests get this error; the node sees them when `forward`, others always."""
    def run(x):
        def hit(q):
            return methods is None or q["method"] in methods
        others = x.asked if forward else [q for q in x.asked if not hit(q)]
        said = {a["id"]: a for a in (x._forward(others) if others else [])}
        x.answer = [{"jsonrpc": "2.0", "id": q["id"], "error": {"code": code, "message": message}}
                    if hit(q) else said[q["id"]] for q in x.asked]
    return run


def result(value, method):
    """The requests of that method get this result."""
    def run(x):
        x.forward()
        for q, a in zip(x.asked, x.answer):
            if q["method"] == method:
                a.pop("error", None)
                a["result"] = value
    return run


def missing_last(x):
    """A batch is answered without its last member."""
    x.forward()
    x.answer = x.answer[:-1]


def backwards(x):
    """A batch is answered in another order, as it may be."""
    x.forward()
    x.answer = x.answer[::-1]


class Hold:
    """Stops exchanges until they are released; `wait` says that one is there."""

    def __init__(self, after):
        self.after = after
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self, x):
        if self.after:
            x.forward()
        self.reached.set()
        self.open.wait(120)

    def wait(self, seconds=60):
        assert self.reached.wait(seconds), "nothing came to be held"

    def release(self):
        self.open.set()


class Fault:
    def __init__(self, name, run, methods, times, skip, every, chance):
        self.name, self.run, self.times, self.skip, self.every = name, run, times, skip, every
        self.methods = {methods} if isinstance(methods, str) else set(methods or ())
        self.chance = chance  # of a random.Random with a known seed, or None: always
        self.seen = self.fired = 0

    def wants(self, methods):
        if self.methods and not self.methods & set(methods):
            return False
        self.seen += 1
        if self.seen <= self.skip or (self.seen - self.skip - 1) % self.every:
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        if self.chance and self.chance[0].random() >= self.chance[1]:
            return False
        self.fired += 1
        return True


class FaultyRpc:
    def __init__(self, port):
        self.target = port
        self.lock = threading.Lock()
        self.posts = 0
        self.methods = collections.Counter()
        self.history = []  # the methods of each post, in order
        self.sent = []  # the raw transactions that were to be broadcast, in order, with repetitions
        self.faults = []
        self.server = self._serve()
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        for f in self.faults:
            if isinstance(f.run, Hold):
                f.run.release()
        self.server.shutdown()
        self.server.server_close()

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    # -- what is to go wrong

    def fault(self, name, run, methods=None, times=None, skip=0, every=1, chance=None):
        """`times`: so often at most (None: always). `skip`: not the first so many of those that
        match. `every`: each so manieth. `chance`: (random.Random(seed), probability)."""
        with self.lock:
            self.faults.append(Fault(name, run, methods, times, skip, every, chance))
        return self.faults[-1]

    def hold(self, methods, after=False, skip=0, times=1):
        held = Hold(after)
        self.fault("hold", held, methods, times, skip)
        return held

    def clear(self):
        """No more faults; what fired stays counted."""
        with self.lock:
            for f in self.faults:
                f.times = 0

    # -- what was asked

    def reset(self):
        with self.lock:
            self.posts = 0
            self.methods.clear()
            self.history.clear()
            self.sent.clear()

    def fired(self):
        with self.lock:
            count = collections.Counter()
            for f in self.faults:
                count[f.name] += f.fired
            return dict(count)

    def report(self, say=lambda text: print("# " + text, flush=True)):
        """A fault that never fired has shown nothing."""
        say("faults that fired: " + (", ".join(f"{n} {c}" for n, c in sorted(self.fired().items())) or "none"))
        say(f"{self.posts} posts: " + ", ".join(f"{m} {c}" for m, c in sorted(self.methods.items())))

    # -- the exchange

    def _forward(self, connection, asked):
        for fresh in (False, True):
            if fresh or not hasattr(connection, "up"):
                connection.up = http.client.HTTPConnection("127.0.0.1", self.target, timeout=60)
            try:
                connection.up.request("POST", "/", json.dumps(asked), {"Content-Type": "application/json"})
                answer = json.loads(connection.up.getresponse().read())
                by_id = {json.dumps(a["id"]): a for a in answer}
                return [by_id[json.dumps(q["id"])] for q in asked]
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                if fresh:
                    raise
        return None

    def _pick(self, asked):
        methods = [q["method"] for q in asked]
        with self.lock:
            self.posts += 1
            self.methods.update(methods)
            self.history.append(methods)
            self.sent += [q["params"][0] for q in asked if q["method"] == "eth_sendRawTransaction"]
            return [f for f in self.faults if f.wants(methods)]

    def _serve(self):
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                asked = body if isinstance(body, list) else [body]
                x = Exchange(asked, lambda q: proxy._forward(self, q))
                x.batch = isinstance(body, list)
                try:
                    for f in proxy._pick(asked):
                        f.run(x)
                    x.forward()
                    self._send(x)
                except Cut as cut:
                    self.wfile.write(cut.raw)
                    self.wfile.flush()
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)

            def _send(self, x):
                said = x.answer
                if not isinstance(said, bytes):
                    said = json.dumps(said if x.batch else said[0]).encode()
                self.send_response(x.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                for name, value in x.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                pass  # who asked has gone

        return Server(("127.0.0.1", 0), Handler)

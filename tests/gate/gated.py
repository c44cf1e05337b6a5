# SPDX-License-Identifier: Apache-2.0
"""A real gate between an upstream and a facilitator that do what a test tells them.

    with Upstream() as up, Facilitator() as fac, Gate(up, fac, routes=[...]) as gate:
        asked = gate.get("/paid")
        answer = gate.get("/paid", headers=pay(asked))
"""
import base64
import hashlib
import http.client
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "http"))
from served import METE, SANITIZED, done, equal, free_ports, note, ok, until  # noqa: E402,F401

def free_port():
    return free_ports(1)[0]


PAY_TO = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
PAYER = "0x857b06519E91e3A54538791bDbb0E22373e36b66"
V2 = "eip155:84532"
V1 = "base-sepolia"
KINDS = [{"x402Version": 2, "scheme": "exact", "network": V2},
         {"x402Version": 1, "scheme": "exact", "network": V1},
         {"x402Version": 2, "scheme": "upto", "network": V2,
          "extra": {"facilitatorAddress": "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc"}}]


def encode(value):
    return base64.b64encode(json.dumps(value).encode()).decode()


def decode(header):
    return json.loads(base64.b64decode(header))


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def required(self):
        return decode(self.headers["PAYMENT-REQUIRED"])

    def settled(self):
        return decode(self.headers["PAYMENT-RESPONSE"])


_nonces = iter(range(1, 1 << 30))


def payment(asked, version=2, offer=0, nonce=None, extensions=None, **change):
    """A payment for an answer 402; its signature is for a facilitator that does not look."""
    nonce = nonce if nonce is not None else next(_nonces)
    if version == 1:
        accepted = asked.json()["accepts"][offer]
    else:
        accepted = asked.required()["accepts"][offer]
    value = accepted.get("amount") or accepted["maxAmountRequired"]
    until_s = str(int(time.time()) + 60)
    if accepted["scheme"] == "upto":
        payload = {"signature": "0x" + "11" * 64 + "1b",
                   "permit2Authorization": {
                       "from": PAYER, "permitted": {"token": accepted["asset"], "amount": value},
                       "spender": "0x4020633461b2895a48930Ff97eE8fCdE8E520002",
                       "nonce": str(nonce), "deadline": until_s,
                       "witness": {"to": accepted["payTo"], "validAfter": "0",
                                   "facilitator": accepted["extra"]["facilitatorAddress"]}}}
    else:
        payload = {"signature": "0x" + "11" * 64 + "1b",
                   "authorization": {"from": PAYER, "to": accepted["payTo"], "value": value, "validAfter": "0",
                                     "validBefore": until_s, "nonce": "0x%064x" % nonce}}
    if version == 1:
        return {"x402Version": 1, "scheme": accepted["scheme"], "network": accepted["network"], "payload": payload}
    out = {"x402Version": 2, "resource": asked.required()["resource"], "accepted": {**accepted, **change},
           "payload": payload}
    if extensions is not None:
        out["extensions"] = extensions
    return out


def pay(asked, version=2, **more):
    """The header of such a payment."""
    name = "X-PAYMENT" if version == 1 else "PAYMENT-SIGNATURE"
    return {name: encode(payment(asked, version, **more))}


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass  # a client that went away


class Server:
    """A threading server on a free port; `self.seen` is what it was asked."""

    def __init__(self, handler):
        outer = self

        class Handler(handler):
            owner = outer
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

        self.seen = []
        self.lock = threading.Lock()
        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def note(self, what):
        with self.lock:
            self.seen.append(what)

    def count(self, path):
        with self.lock:
            return sum(1 for s in self.seen if s["path"] == path)


class Asked(http.server.BaseHTTPRequestHandler):
    """What a facilitator is asked. `owner.faults[path]` are functions of the handler and the body, taken one a request."""

    def reply(self, status, value, headers=()):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, text in headers:
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.owner.note({"path": self.path, "headers": dict(self.headers)})
        if self.owner.redirects:
            self.reply(308, {}, [("Location", self.owner.redirects)])
        else:
            self.reply(200, {"kinds": self.owner.kinds, "extensions": self.owner.extensions, "signers": {}})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.owner.note({"path": self.path, "headers": dict(self.headers), "body": body})
        with self.owner.lock:
            faults = self.owner.faults.get(self.path, [])
            fault = faults.pop(0) if faults else None
        if fault is not None:
            with self.owner.lock:
                self.owner.fired += 1
            fault(self, body)
        else:
            self.owner.decide(self, body)


class Facilitator(Server):
    def __init__(self, kinds=None, reserves=False, delay=0.0):
        super().__init__(Asked)
        self.kinds = KINDS if kinds is None else kinds
        self.extensions = []
        self.reserves = reserves
        self.delay = delay
        self.redirects = None
        self.faults = {}
        self.fired = 0
        self.reserved = {}

    def decide(self, handler, body):
        requirements = body["paymentRequirements"]
        time.sleep(self.delay)
        if handler.path == "/verify":
            answer = {"isValid": True, "payer": PAYER}
            if self.reserves and body.get("reserve"):
                answer["extra"] = {"reservation": "held-" + hashlib.sha256(
                    json.dumps(body["paymentPayload"]).encode()).hexdigest()[:20]}
            handler.reply(200, answer)
        elif handler.path == "/settle":
            text = json.dumps(body["paymentPayload"]["payload"], sort_keys=True)
            handler.reply(200, {"success": True, "transaction": "0x" + hashlib.sha256(text.encode()).hexdigest(),
                                "network": requirements["network"], "payer": PAYER})
        elif handler.path == "/release" and self.reserves:
            handler.reply(200, {"released": True})
        else:
            handler.reply(404, {"error": "no such path"})


class Behind(http.server.BaseHTTPRequestHandler):
    """The upstream: `owner.answers[path]` is a function of the handler, else it echoes."""

    def handle_any(self):
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            body = b""
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                body += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    break
        else:
            streamed = self.owner.streams.get(self.path.split("?")[0])
            if streamed is not None:
                streamed(self)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = {"path": self.path, "method": self.command, "headers": dict(self.headers), "body": body}
        self.owner.note(seen)
        answer = self.owner.answers.get(self.path.split("?")[0])
        if answer is not None:
            answer(self, body)
        else:
            self.reply(200, json.dumps({"path": self.path, "method": self.command, "length": len(body)}).encode(),
                       [("Content-Type", "application/json")])

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = handle_any


class Upstream(Server):
    def __init__(self, **answers):
        super().__init__(Behind)
        self.answers = {"/" + k: v for k, v in answers.items()}
        self.streams = {}


class Gate:
    def __init__(self, upstream, facilitator, routes, *options, ready=True, **config):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mete-gate-"))
        self.config = {"pay_to": PAY_TO, "network": V1, "routes": routes, **config}
        (self.folder / "gate.json").write_text(json.dumps(self.config))
        self.command = [METE, "gate", "--config", str(self.folder / "gate.json"), "--upstream",
                        upstream if isinstance(upstream, str) else upstream.url, "--facilitator",
                        facilitator if isinstance(facilitator, str) else facilitator.url, "--listen", "127.0.0.1:0",
                        "--admin", "127.0.0.1:0", "--stats", str(self.folder / "stats.ndjson"), *options]
        self.ready = ready

    def __enter__(self):
        self.log = open(self.folder / "log", "wb")
        env = {k: v for k, v in os.environ.items() if not k.startswith("METE_") and k != "DATABASE_URL"}
        self.process = subprocess.Popen(self.command, stderr=self.log, env=env)
        try:
            self._started(time.time() + 30)
        except BaseException:  # who waits for the test's output would wait for the gate's too
            self.process.kill()
            self.process.wait()
            raise
        return self

    def _started(self, end):
        while self.lines("metrics on port") == [] and time.time() < end and self.process.poll() is None:
            time.sleep(0.02)
        text = self.lines("listening on")
        if not text:
            raise RuntimeError("the gate did not start: " + self.text())
        self.port = int(text[0].split(", ")[0].rsplit(":", 1)[1])
        self.admin = int(self.lines("metrics on port")[0].rsplit(" ", 1)[1])
        while self.ready and time.time() < end and self.get("/readyz", port=self.admin).status != 200:
            time.sleep(0.02)

    def text(self):
        return (self.folder / "log").read_text(errors="replace")

    def lines(self, part):
        return [line for line in self.text().splitlines() if part in line]

    def stop(self, wanted=0):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "killed: it did not stop"
        self.log.close()
        if status != wanted:
            print("# " + self.text()[-4000:].replace("\n", "\n# "), flush=True)
        equal(status, wanted, "the gate ends well")

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def request(self, method, path, body=None, headers=None, port=None, timeout=60):
        c = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            c.request(method, path, body=body, headers=headers or {})
            r = c.getresponse()
            return Answer(r.status, r.headers, r.read())
        finally:
            c.close()

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def raw(self, data, timeout=20, whole=True):
        """What comes back for bytes as they are."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            s.sendall(data)
            got = b""
            try:
                while whole or b"\r\n\r\n" not in got:
                    part = s.recv(65536)
                    if not part:
                        break
                    got += part
            except OSError:
                pass
            return got

    def metric(self, name):
        for line in self.get("/metrics", port=self.admin).body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        return None

    def payments(self):
        file = self.folder / "stats.ndjson"
        rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [r for r in rows if r["kind"] == "payment"]

    def rss_kib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1])
        return 0

# SPDX-License-Identifier: Apache-2.0
"""A server that wants to be paid and misbehaves as it is told: each path has a list of steps, one a
request, the last of which goes on. It records what it was sent.

    with Shop() as shop:
        shop.steps("/a", price(amount="10000"), paid(b"here"))
        shop.payments("/a")                       # the payments that came, as JSON

Steps are functions of the connection and the request: they send what they like."""
import base64
import json
import socket
import ssl
import threading
import time

TOKEN = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"  # Circle's on Base
PAY_TO = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
NETWORK = "eip155:8453"
HASH = "0x" + "ab" * 32


def b64(value):
    return base64.b64encode(json.dumps(value).encode() if not isinstance(value, bytes) else value).decode()


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        said = headers.get("payment-signature") or headers.get("x-payment")
        self.header = said
        self.payment = json.loads(base64.b64decode(said)) if said else None


class Shop:
    def __init__(self, tls=None):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.tls = None
        if tls:  # certificate and key
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)
        self.plans, self.log, self.lock = {}, [], threading.Lock()
        self.served = []  # a thread for each connection that came
        self.over = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.socket.close()

    def steps(self, path, *steps):
        with self.lock:
            self.plans[path] = list(steps)
            self.log = [q for q in self.log if q.path != path]
        return self.url + path

    def requests(self, path):
        with self.lock:
            return [q for q in self.log if q.path == path]

    def payments(self, path):
        return [q.payment for q in self.requests(path) if q.payment]

    def headers(self, path):
        """The different payments that came."""
        return {q.header for q in self.requests(path) if q.header}

    def _accept(self):
        while not self.over.is_set():
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(c,), daemon=True)
            thread.start()
            self.served.append(thread)

    def left(self):
        """Waits until all that clients sent before they went is served: what is asked for next meets none of it."""
        with socket.create_connection(("127.0.0.1", self.port)) as last:  # who came before it has been let in
            last.shutdown(socket.SHUT_WR)
            last.recv(1)
        for thread in self.served:
            thread.join(30)
            assert not thread.is_alive(), "a connection that is still open"
        self.served.clear()

    def _serve(self, c):
        try:
            c = self.tls.wrap_socket(c, server_side=True) if self.tls else c
            f = c.makefile("rb")
            while (line := f.readline()) not in (b"", b"\r\n"):
                method, target, _ = line.decode().split(" ", 2)
                headers = {}
                while (h := f.readline()) not in (b"", b"\r\n"):
                    name, value = h.decode("latin-1").split(":", 1)
                    headers[name.lower()] = value.strip()
                body = f.read(int(headers.get("content-length", 0)))
                q = Request(method, target.split("?")[0], headers, body)
                with self.lock:
                    self.log.append(q)
                    plan = self.plans.get(q.path, [answer(404)])
                    step = plan.pop(0) if len(plan) > 1 else plan[0]
                if step(c, q) is False:
                    break
        except (OSError, ValueError):
            pass
        finally:
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            c.close()


# --- what is sent ---------------------------------------------------------------------------------

def raw(status, headers=(), body=b""):
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in headers)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answer(status, headers=(), body=b""):
    return lambda c, q: c.sendall(raw(status, headers, body))


def offer_v2(amount="10000", **more):
    o = {"scheme": "exact", "network": NETWORK, "amount": amount, "asset": TOKEN, "payTo": PAY_TO,
         "maxTimeoutSeconds": 60, "extra": {"name": "USD Coin", "version": "2"}}
    o.update(more)
    return {k: v for k, v in o.items() if v is not None}


def offer_v1(amount="10000", **more):
    o = {"scheme": "exact", "network": "base", "maxAmountRequired": amount, "asset": TOKEN, "payTo": PAY_TO,
         "maxTimeoutSeconds": 60, "extra": {"name": "USD Coin", "version": "2"}, "resource": "http://x/y",
         "description": "test", "mimeType": "text/plain", "outputSchema": None}
    o.update(more)
    return o


def required(offers, version=2, **more):
    said = {"x402Version": version, "error": "Payment required", "accepts": offers}
    if version == 2:
        said["resource"] = {"url": "http://x/y", "description": "test"}
    return {**said, **more}


def price(*offers, amount="10000", headers=(), **more):
    said = required(list(offers) or [offer_v2(amount)], **more)
    return answer(402, [("PAYMENT-REQUIRED", b64(said)), *headers], b"{}")


def price_v1(*offers, amount="10000"):
    return answer(402, [("Content-Type", "application/json")],
                  json.dumps(required(list(offers) or [offer_v1(amount)], 1)).encode())


def price_both(amount="10000"):
    return answer(402, [("PAYMENT-REQUIRED", b64(required([offer_v2(amount)])))],
                  json.dumps(required([offer_v1(amount)], 1)).encode())


def receipt(success=True, **more):
    return {"success": success, "transaction": HASH if success else "", "network": NETWORK, **more}


def paid(body=b"goods", name="PAYMENT-RESPONSE", status=200, **more):
    return answer(status, [(name, b64(receipt(**more)))], body)


def refused(reason, **more):
    return answer(402, [("PAYMENT-RESPONSE", b64(receipt(False, errorReason=reason, **more)))], b"{}")


def pending():
    return refused("settlement_pending", transaction=HASH)


def cut(_c, _q):
    """The connection ends without an answer."""
    return False


def cut_in(body, declared, headers=()):
    def step(c, _q):
        lines = ["HTTP/1.1 200 X", f"Content-Length: {declared}", *(f"{k}: {v}" for k, v in headers)]
        c.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return False
    return step


def hang(event, seconds=60):
    def step(_c, _q):
        event.wait(seconds)
        return False
    return step


def drip(data, pause):
    def step(c, _q):
        for b in data:
            c.sendall(bytes([b]))
            time.sleep(pause)
    return step

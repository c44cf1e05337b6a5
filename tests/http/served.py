# SPDX-License-Identifier: Apache-2.0
"""A real server for a test: its own folder, a free port, stopped by its process id. TAP output.

    from served import Served, ok, equal, done
    with Served("--preset", ...) as s:
        status, headers, body = s.get("/healthz")
"""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

METE = os.environ["METE"]
# A sanitizer keeps what was freed, and shadows of all that is there: bounds of memory are wider.
SANITIZED = re.search(rb"__[at]san_init", pathlib.Path(METE).read_bytes()) is not None
MEMORY = 4 if SANITIZED else 1
_tests = 0
_failed = 0


def ok(holds, what, *more):
    """One TAP line; `more` is printed when it does not hold."""
    global _tests, _failed
    _tests += 1
    _failed += not holds
    print(f"{'ok' if holds else 'not ok'} {_tests} - {what}", flush=True)
    if not holds:
        for line in more:
            print("# " + str(line).replace("\n", "\n# "), flush=True)
    return holds


def equal(got, wanted, what):
    return ok(got == wanted, what, f"got:    {got!r}", f"wanted: {wanted!r}")


def note(text):
    print(f"# {text}", flush=True)


def done():
    print(f"1..{_tests}")
    sys.exit(1 if _failed else 0)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def until(what, holds, seconds=20):
    """Waits for what another process does by itself."""
    end = time.time() + seconds
    while not holds() and time.time() < end:
        time.sleep(0.05)
    ok(holds(), what)


class Served:
    """`mete serve` on a free loopback port, in a folder of its own."""

    def __init__(self, *options, env=None, folder=None, store="mete.db", clean=True):
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="mete-http-"))
        self.clean = clean
        self.options = options
        self.store = store if "://" in store else self.folder / store
        self.env = {k: v for k, v in os.environ.items()
                    if k not in ("API_KEY", "HOST", "PORT", "DATABASE_URL")}
        self.env.update(env or {})
        self.process = None
        self.port = 0
        self.key = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        if self.clean:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, port=0):
        self.log = open(self.folder / "log", "ab")
        at = self.log.tell()
        self.process = subprocess.Popen(
            [METE, "serve", "--store", str(self.store), "--listen", f"127.0.0.1:{port}",
             *self.options],
            stderr=self.log, stdout=self.log, env=self.env)
        for _ in range(2000):
            text = (self.folder / "log").read_bytes()[at:].decode(errors="replace")
            found = re.search(r"listening on https?://[^ :]*:(\d+)", text)
            if found:
                self.port = int(found[1])
                return
            if self.process.poll() is not None:
                raise RuntimeError("the server did not start: " + text)
            time.sleep(0.01)
        raise RuntimeError("the server did not start in time")

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)
        self.log.close()
        return self.process.returncode

    def rss_kib(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1])

    def mete(self, *args):
        """The program on the same store, beside the running server."""
        return subprocess.run([METE, *args, "--store", str(self.store)], env=self.env,
                              capture_output=True, text=True, check=True).stdout

    def make_key(self, scopes, *options):
        return self.mete("key", "create", "--scopes", scopes, *options).strip()

    def request(self, method, path, body=None, headers=None, key=None):
        """(status, headers, body); JSON bodies come parsed. A dict or list is sent as JSON."""
        headers = dict(headers or {})
        key = key if key is not None else self.key
        if key:
            headers["Authorization"] = "Bearer " + key
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            c.request(method, path, body, headers)
            answer = c.getresponse()
            raw = answer.read()
        finally:
            c.close()
        kind = answer.headers.get("Content-Type", "")
        if "json" in kind and "ndjson" not in kind and raw:
            return answer.status, answer.headers, json.loads(raw)
        return answer.status, answer.headers, raw.decode(errors="replace")

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.request("POST", path, body, **more)


def event(event_id, event_type, payload, at="2025-01-01T00:00:00Z", **more):
    return {"event_id": event_id, "event_type": event_type, "occurred_at": at,
            "payload": payload, **more}


# What most tests need: somebody who gets 6 of 10, and somebody who gets 4.
POLICY = event("p", "policy.published", {"policy": {
    "id": "urn:p", "kind": "weights",
    "shares": [{"party": "did:a", "weight": "0.6"}, {"party": "did:b", "weight": "0.4"}]}})


def revenue(event_id):
    return event(event_id, "revenue.received",
                 {"policy": "urn:p", "amount": {"amount": "10.00", "currency": "USD"}})

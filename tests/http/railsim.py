# SPDX-License-Identifier: Apache-2.0
"""`mete rail-sim` for a test: a free port, a state file of its own, stopped by its process id.

    from railsim import RailSim
    with RailSim("--seed", "7") as sim:
        invoice = sim.invoice("alice", 21000)
        status, headers, body = sim.phoenixd("/payinvoice", {"invoice": invoice})
"""
import base64
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.parse

METE = os.environ["METE"]
SECRET = "railsim"


class Lost(Exception):
    """The connection ended without a whole answer."""


class RailSim:
    def __init__(self, *options, folder=None):
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="mete-railsim-"))
        self.options = options
        self.process = None
        self.port = 0
        self.said = ""

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, port=0):
        self.process = subprocess.Popen(
            [METE, "rail-sim", "--listen", f"127.0.0.1:{port}", "--state",
             str(self.folder / "state"), *self.options],
            stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        found = re.search(r"listening on https?://[^ ]*:(\d+),", line)
        if not found:
            raise RuntimeError("rail-sim did not start: " + line + self.process.stderr.read())
        self.port = int(found[1])

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.said = self.process.stderr.read()
            self.process.wait(60)
            self.process.stderr.close()
        return self.process.returncode

    def url(self, path=""):
        return f"http://127.0.0.1:{self.port}{path}"

    def request(self, method, path, body=None, headers=None, timeout=60):
        """(status, headers, body); JSON comes parsed. Lost when there was no whole answer."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            c.request(method, path, body, headers or {})
            answer = c.getresponse()
            raw = answer.read()
        except (http.client.HTTPException, OSError) as e:
            raise Lost(repr(e)) from e
        finally:
            c.close()
        if "json" in answer.headers.get("Content-Type", ""):
            try:
                return answer.status, answer.headers, json.loads(raw)
            except ValueError:
                pass
        return answer.status, answer.headers, raw

    # --- control -------------------------------------------------------------------------------
    def fault(self, name, at="*", **more):
        status, _, body = self.request("POST", "/sim/faults",
                                       json.dumps({"fault": name, "at": at, **more}))
        if status != 200:
            raise RuntimeError(body)

    def fired(self):
        return {k: v for k, v in self.request("GET", "/sim/faults")[2]["fired"].items() if v}

    def payments(self, **filters):
        query = urllib.parse.urlencode(filters)
        return self.request("GET", "/sim/payments?" + query)[2]["payments"]

    def advance(self, seconds):
        return self.request("POST", "/sim/clock", json.dumps({"advance_s": seconds}))[2]

    # --- doubles -------------------------------------------------------------------------------
    def pay_request(self, name):
        return self.request("GET", "/.well-known/lnurlp/" + name)[2]

    def callback(self, name, msat, **more):
        query = urllib.parse.urlencode({"amount": msat, **more})
        return self.request("GET", f"/lnurl/callback/{name}?{query}")[2]

    def invoice(self, name, msat):
        return self.callback(name, msat)["pr"]

    def form(self, path, values, headers, method="POST", **more):
        body = urllib.parse.urlencode(values) if values is not None else None
        if body is not None:
            headers = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        return self.request(method if body is not None else "GET", path, body, headers, **more)

    def phoenixd(self, path, values=None, **more):
        auth = base64.b64encode((":" + SECRET).encode()).decode()
        return self.form("/phoenixd" + path, values, {"Authorization": "Basic " + auth}, **more)

    def cln(self, method, **params):
        return self.request("POST", "/cln/v1/" + method, json.dumps(params),
                            {"Rune": SECRET, "Content-Type": "application/json"})

    def lnd(self, path, body=None, **more):
        return self.request("POST" if body else "GET", "/lnd" + path,
                            json.dumps(body) if body else None,
                            {"Grpc-Metadata-macaroon": SECRET.encode().hex()}, **more)

    def lnbits(self, path, body=None):
        return self.request("POST" if body else "GET", "/lnbits" + path,
                            json.dumps(body) if body else None, {"X-Api-Key": SECRET})

    def stripe(self, path, values=None, key=None, account=None, **more):
        headers = {"Authorization": "Bearer sk_test_" + SECRET}
        if key:
            headers["Idempotency-Key"] = key
        if account:
            headers["Stripe-Account"] = account
        return self.form("/v1" + path, values, headers, **more)

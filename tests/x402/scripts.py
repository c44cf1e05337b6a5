# SPDX-License-Identifier: Apache-2.0
"""The scripts of tests/node/x402 and x402_legacy as processes: servers on free ports, clients that
check, and the signer that answers line by line. Each is stopped by its process id.

    with Signer(chain) as signer, Script(chain, "facilitator.mjs") as facilitator:
        p = signer.pay(kind="permit2", fault="high_s")   # p["body"], p["header"], p["call"], ...
        status, answer = facilitator.post("/verify", p["body"])"""
import atexit
import http.client
import itertools
import json
import os
import pathlib
import re
import subprocess
import tempfile
import threading
import time

FOLDER = pathlib.Path(os.environ["ROOT"]) / "tests/node"


def environment(chain, **more):
    """Only what a script needs: nothing of the caller's settings leads it elsewhere."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR", "LANG")}
    told = {k: str(v) for k, v in more.items() if v is not None}
    return {**kept, "X402_CHAIN": json.dumps(chain.describe()), "NO_PROXY": "127.0.0.1", **told}


def command(script, legacy=False):
    folder = FOLDER / ("x402_legacy" if legacy else "x402")
    if not (folder / "node_modules").is_dir():
        raise SystemExit(f"Bail out! no packages in {folder}: run tools/setup")
    return ["node", str(folder / script)]


class Script:
    """A server: `port` and `url` are its own. rpc= puts a FaultyRpc between it and the chain."""

    def __init__(self, chain, script, legacy=False, rpc=None, **env):
        self.name = script
        self.log = tempfile.NamedTemporaryFile("w+", prefix="mete-x402-", suffix=".log")
        told = environment(chain, **env)
        if rpc:
            told["X402_CHAIN"] = json.dumps({**chain.describe(), "rpc": rpc.url()})
        self.process = subprocess.Popen(command(script, legacy), env=told, stdout=self.log, stderr=self.log,
                                        stdin=subprocess.DEVNULL)
        atexit.register(self.__exit__)  # it runs from now on, and may never be entered
        self.port = None

    def __enter__(self):
        """Comes back when it listens; start several, then enter them, and they start together."""
        end = time.time() + 120
        while self.port is None:
            said = re.search(r"^READY (\d+)$", self.said(), re.M)
            self.port = int(said[1]) if said else None
            if self.process.poll() is not None or time.time() > end:
                self.__exit__()
                raise SystemExit(f"Bail out! {self.name} does not start: {self.said()[-800:]}")
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)

    def said(self):
        return pathlib.Path(self.log.name).read_text()

    def ask(self, method, path, body=None, headers=None):
        return ask(self.port, method, path, body, headers)

    def get(self, path, headers=None):
        return self.ask("GET", path, None, headers)

    def post(self, path, body, headers=None):
        return self.ask("POST", path, body, headers)


def ask(port, method, path, body=None, headers=None):
    """(status, body as JSON where it is that)."""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        raw = None if body is None else body if isinstance(body, (str, bytes)) else json.dumps(body)
        c.request(method, path, raw, {**({"Content-Type": "application/json"} if raw else {}), **(headers or {})})
        r = c.getresponse()
        said = r.read()
    finally:
        c.close()
    try:
        return r.status, json.loads(said)
    except ValueError:
        return r.status, said


def at_once(port, path, bodies, headers=None):
    """All bodies posted at the same moment, each by its own connection: what ask() says, in order;
    an exception where nothing came."""
    said = [None] * len(bodies)
    start = threading.Barrier(len(bodies))

    def one(i):
        start.wait()
        try:
            said[i] = ask(port, "POST", path, bodies[i], headers)
        except (OSError, http.client.HTTPException) as e:
            said[i] = e

    threads = [threading.Thread(target=one, args=(i,)) for i in range(len(bodies))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return said


class SignerError(Exception):
    pass


class Signer:
    """One process signs for the whole test; many threads may ask it."""

    def __init__(self, chain):
        self.errors = tempfile.NamedTemporaryFile("w+", prefix="mete-x402-", suffix=".log")
        self.process = subprocess.Popen(command("signer.mjs"), env=environment(chain), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
        self.lock = threading.Lock()
        self.ids = itertools.count(1)

    def __enter__(self):
        if self.process.stdout.readline() != "READY signer\n":
            self.__exit__()
            raise SystemExit("Bail out! the signer does not start: " + pathlib.Path(self.errors.name).read_text()[-800:])
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        self.process.stdin.close()
        self.process.stdout.close()

    def ask(self, op, **job):
        with self.lock:
            number = next(self.ids)
            self.process.stdin.write(json.dumps({"id": number, "op": op, **job}) + "\n")
            self.process.stdin.flush()
            said = json.loads(self.process.stdout.readline())
        assert said.pop("id") == number
        if "error" in said:
            raise SignerError(said["error"])
        return said

    def pay(self, **job):
        """One payment; with count=N a list of them. What may be set: tests/node/x402/signer.mjs."""
        said = self.ask("pay", **job)
        return said.get("payments", said)


def run_client(chain, url, legacy=False, **env):
    """The official client pays: (its TAP lines, as pairs of truth and text, all it printed)."""
    out = subprocess.run(command("client.mjs", legacy) + [url], env=environment(chain, **env),
                         capture_output=True, text=True, timeout=120)
    lines = [(m[1] is None, m[2]) for m in re.finditer(r"^(not )?ok \d+ - (.*)$", out.stdout, re.M)]
    planned = re.search(r"^1\.\.(\d+)$", out.stdout, re.M)
    whole = planned is not None and int(planned[1]) == len(lines) and (out.returncode == 0) == all(h for h, _ in lines)
    return [*lines, (whole, "the client came to its end")], out.stdout + out.stderr

# SPDX-License-Identifier: Apache-2.0
"""covers: B-073 F-070 F-071 F-072 F-073 F-074 F-075 F-076 F-077 F-020 F-027
The usage tracker inside programs: the example, servers that are away or answer nonsense, spools that
a crash left behind, and very many at once. A platform that embeds it passes through its states: it
routes requests, tracks usage, submits data (B-073)."""
import http.server
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import tempfile
import threading
import time
from decimal import Decimal

from served import Served, done, equal, note, ok
from swarm import MANY, Relay, metered, swarm

BUILD = os.environ["BUILD"]
EXAMPLE = BUILD + "/examples/tracked-cli/tracked-cli"
NOBODY = "http://127.0.0.1:9/usage"  # the discard port: nobody listens


def example(spool, url, *args, **env):
    began = time.monotonic()
    done = subprocess.run([EXAMPLE, *args], capture_output=True, text=True, check=False,
                          env={"METE_SPOOL": str(spool), "METE_USAGE_URL": url, **env})
    return done.returncode, done.stdout, done.stderr, time.monotonic() - began


def many(spool, url, trackers=1, calls=0, seconds=0, seed=1):
    """What track_many says; with 0 calls it only sends what the spool has."""
    return json.loads(subprocess.run([MANY, str(seed), str(trackers), str(calls), url, str(spool),
                                      str(seconds)], capture_output=True, check=True).stdout)


def files(folder, suffix):
    return sorted(f for f in pathlib.Path(folder).rglob("*" + suffix))


class Answers(http.server.BaseHTTPRequestHandler):
    """Says what its server's `script` says next: (status, headers, body)."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((time.monotonic(), self.path, body, dict(self.headers)))
        script = self.server.script
        status, headers, text = script.pop(0) if len(script) > 1 else script[0]
        text = text.replace("REPORT", body["report_id"]).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Scripted:
    def __init__(self, *script):
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.http.script = list(script)
        self.http.seen = []
        self.url = f"http://127.0.0.1:{self.http.server_port}/usage"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self.http.seen, self.url

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()


FINE = (200, {}, '{"report_id":"REPORT"}')


def embedded(tmp):
    """The example CLI; the server is away, then comes."""
    spool = tmp / "0"
    status, out, err, took = example(spool, NOBODY, "charge", "a", "b", CUSTOMER_WALLET_ID="did:w")
    equal((status, out, err), (0, "/v1/charges a: done\n/v1/charges b: done\n", ""),
          "a program does not notice that the server is away")
    ok(took < 1, f"nor wait for it: {took * 1000:.0f} ms")
    example(spool, NOBODY, "balance", CUSTOMER_WALLET_ID="did:w")
    equal(len(files(spool, ".calls")), 1, "the next run goes on with the same file")
    with Served() as s:
        many(tmp, f"http://127.0.0.1:{s.port}/usage")
        rows = [r["event"] for r in s.get("/v1/events?after=0")[2]["events"]]
        equal([(e["event_type"], e["payload"]["policy"], e["payload"]["customer_wallet"],
                e["payload"]["endpoint"], e["payload"]["calls"],
                Decimal(e["payload"]["cost"]["amount"])) for e in rows],
              [("usage.metered", "urn:fair:cli:tracked-cli", "did:w", "/v1/balance", 1,
                Decimal("0.0001")),
               ("usage.metered", "urn:fair:cli:tracked-cli", "did:w", "/v1/charges", 2,
                Decimal("0.02"))], "what it cost is added up and belongs to its manifest and customer")
        equal([str(f) for f in files(tmp, "") if f.is_file()], [], "what was acknowledged is cleared")
    for folder in ("/proc/nowhere", "/dev/null/x", ""):
        equal(example(folder, NOBODY, "charge")[0], 0, f"a spool at '{folder}' cannot be: no matter")
    equal(example(tmp / "w", "no:// url", "charge")[0], 0, "a URL that is none: no matter")
    home = tmp / "home"
    subprocess.run([EXAMPLE, "charge"], env={"HOME": str(home)}, capture_output=True, check=True)
    equal(len(files(home / ".local/state/mete/track/urn_fair_cli_tracked-cli", ".calls")), 1,
          "without any setting the spool is in the state home")


def answers(tmp):
    """What an answer means for the report."""
    for script, name, attempts in (
            ([FINE], "acknowledged", 1),
            ([(503, {}, ""), (429, {}, ""), (401, {}, ""), FINE], "put off, then acknowledged", 4),
            ([(200, {}, "<html>welcome to this hotel"), (302, {"Location": "/x"}, ""), FINE],
             "answered by somebody else, then acknowledged", 3)):
        spool = tmp / name[:9] / str(attempts)
        with Scripted(*script) as (seen, url):
            said = many(spool, url, calls=1)
        equal((said["all"], said["attempts"], said["acknowledged"], files(spool, ".report")),
              (True, attempts, 1, []), name)
        equal(len({json.dumps(body) for _, _, body, _ in seen}), 1, "every time the same bytes")
    for status in (400, 409, 413, 422):
        with Scripted((status, {}, "{}")) as (seen, url):
            said = many(tmp / str(status), url, calls=1)
        equal((said["all"], said["refused"], len(seen), len(files(tmp / str(status), ".refused"))),
              (True, 1, 1, 1), f"{status}: kept aside, not sent again")
    with Scripted((503, {"Retry-After": "1"}, ""), FINE) as (seen, url):
        many(tmp / "after", url, calls=1)
    ok(seen[1][0] - seen[0][0] > 0.9, "Retry-After is waited for")
    with Scripted(*[(500, {}, "")] * 6, FINE) as (seen, url):
        many(tmp / "backoff", url, calls=1)
    gaps = [b[0] - a[0] for a, b in zip(seen, seen[1:])]
    ok(gaps[-1] > 2 * gaps[0] and 0.02 < gaps[0] < 0.3 and gaps[-1] < 1.3,
       "each wait is longer, up to a bound", gaps)
    with Scripted(FINE) as (seen, url):
        example(tmp / "key" / "0", url, "charge", METE_API_KEY="secret")
        os.environ["METE_API_KEY"] = "secret"
        many(tmp / "key", url)
        del os.environ["METE_API_KEY"]
    equal(seen[0][3].get("Authorization"), "Bearer secret", "the key of the environment is sent")
    equal(seen[0][1], "/usage", "to the URL that was given")


def crashes(tmp):
    """Spools as a crash leaves them."""
    spool = tmp / "torn" / "0"
    example(spool, NOBODY, "charge", "1", "2", "3", "4")
    file = files(spool, ".calls")[0]
    whole = file.read_bytes()
    lines = whole.split(b"\n")
    lines[2] = lines[2].replace(b"0.01", b"9.01")
    file.write_bytes(b"\n".join(lines[:4]) + b"\n" + lines[4][:-5])
    example(spool, NOBODY, "refund")
    (spool / ("f" * 32 + ".calls")).write_bytes(b"no head\n")
    with Served() as s:
        said = many(tmp / "torn", f"http://127.0.0.1:{s.port}/usage")
        events, calls, cost, _ = metered(s)
        equal((said["all"], events, calls, cost), (True, 2, 3, Decimal("0.025")),
              "changed and half lines are left out, all others are reported")
        equal([f.name for f in files(tmp / "torn", ".refused")], ["f" * 32 + ".refused"],
              "a file without a head is kept for people to look at")
        # a crash after reports were made and sent, before their calls were removed
        sealed = spool / ("a" * 32 + ".sealed")
        sealed.write_bytes(whole)
        many(tmp / "torn", f"http://127.0.0.1:{s.port}/usage")
        first = metered(s)
        sealed.write_bytes(whole)
        said = many(tmp / "torn", f"http://127.0.0.1:{s.port}/usage")
        equal((said["duplicates"], metered(s)), (1, first), "a report made again is a duplicate")
        equal(first[1], 7, "and was counted once")
    for file in spool.glob("*.refused"):
        file.unlink()


def killed(tmp):
    """Programs that die while they record, and while they report."""
    seed = int(os.environ.get("METE_TEST_SEED", time.time_ns() % 1000000))
    note(f"seed {seed} (METE_TEST_SEED)")
    chance = random.Random(seed)
    spool = tmp / "killed"
    p = subprocess.Popen([MANY, "3", "40", "10", NOBODY, str(spool), "1"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(2)
    p.send_signal(signal.SIGKILL)
    p.wait()
    waiting = len(files(spool, ".report")) + len(files(spool, ".calls"))
    with Served() as s:
        url = f"http://127.0.0.1:{s.port}/usage"
        relay = Relay(s.port, lossy=False)
        left = []
        for _ in range(12):
            p = subprocess.Popen([MANY, "3", "40", "0", f"http://127.0.0.1:{relay.port}/usage",
                                  str(spool), "0"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            # it dies after some of its reports were answered, however fast or slow the machine is
            for _ in range(chance.randrange(1, 80)):
                if p.poll() is not None or not relay.carried.acquire(timeout=5):
                    break
            p.send_signal(signal.SIGKILL)
            p.wait()
            left.append(len(files(spool, ".report")) + len(files(spool, ".sealed")))
            if left[-1] == 0:
                break
        relay.listener.close()
        said = many(spool, url, trackers=40)
        note(f"{waiting} files waited; left after each SIGKILL of the sender: {left}")
        ok(any(0 < n < waiting for n in left), "some died in the middle of it")
        twin = many(tmp / "twin", url, trackers=40, calls=10, seed=3)
        events, calls, cost, twice = metered(s)
        equal((said["all"], calls, cost, twice),
              (True, 2 * twin["calls"], 2 * Decimal(twin["cost_micro"]).scaleb(-6), 0),
              "SIGKILL loses no call that was written, and reports none twice")
        equal([f for f in files(spool, "") if f.is_file()], [], "and leaves nothing behind")


def scripted(tmp):
    """mete track, for scripts."""
    def track(*args, **env):
        r = subprocess.run([os.environ["METE"], "track", *args, "--cli", "urn:c"], check=False,
                           capture_output=True, text=True, env={"METE_SPOOL": str(tmp), **env})
        return r.returncode, r.stdout, r.stderr
    equal(track("call", "/v1/x", "0.0001", "--wallet", "w", "--calls", "5", "--currency", "EUR",
                "--policy", "urn:p", "--at", "2025-01-01T00:00:00Z"), (0, "", ""), "track call")
    equal(track("call", "/v1/x", "1e5")[0], 2, "a cost that is none")
    status, _, err = track("call", "/v1/x", "1", METE_SPOOL="/proc/nowhere")
    ok(status == 0 and "could not be written" in err, "no room for the call is said, not more", err)
    status, _, err = track("report", "--url", NOBODY, "--wait", "1")
    ok(status == 1 and "stays in the spool" in err, "track report without a server", err)
    with Served() as s:
        status, out, _ = track("report", "--json", DISTRIBUTION_SERVICE_URL=s_url(s))
        equal((status, json.loads(out)["acknowledged"]), (0, 1), "track report")
        row = s.get("/v1/events?after=0")[2]["events"][0]["event"]
        row["payload"].pop("report_sha256")
        row["payload"]["cost"]["amount"] = Decimal(row["payload"]["cost"]["amount"])
        equal((row["occurred_at"], row["payload"]),
              ("2025-01-01T00:00:00Z",
               {"policy": "urn:p", "endpoint": "/v1/x", "calls": 5, "customer_wallet": "w",
                "cli": "urn:c", "cost": {"amount": Decimal("0.0001"), "currency": "EUR"}}),
              "all that was said of the call arrives")
    equal([f for f in tmp.rglob("*") if f.is_file()], [], "the spool is empty")


def s_url(s):
    return f"http://127.0.0.1:{s.port}"


def aggregated(s):
    """POST /usage takes a record that stands for several calls."""
    record = {"timestamp": "2025-01-01T00:00:00Z", "endpoint": "/a", "cost": "0.3", "calls": 3}
    body = {"cliId": "urn:c", "usage": [record, {**record, "calls": 1}]}
    equal(s.post("/usage", body)[0], 200, "a record of several calls")
    equal(metered(s)[1:3], (4, Decimal("0.6")), "its cost is of all of them")
    for wrong in (0, -1, "3", 1.5):
        status, _, answer = s.post("/usage", {**body, "usage": [{**record, "calls": wrong}]})
        equal((status, answer["pointer"]), (400, "/usage/0/calls"), f"calls {wrong!r} is refused")


def names():
    """libmete has the names of its headers, and no other."""
    root = pathlib.Path(os.environ["ROOT"]) / "include/mete"
    told = set(re.findall(r"\b(mete_[a-z0-9_]+)\(", "".join(
        re.sub(r"/\*.*?\*/", "", (root / f).read_text(), flags=re.S)
        for f in ("tracker.h", "client.h", "x402.h", "error.h"))))
    for file, option in (("libmete.so", "-D"), ("libmete.a", "-g")):
        out = subprocess.run(["nm", option, "--defined-only", f"{BUILD}/src/client/{file}"],
                             capture_output=True, text=True, check=True).stdout
        equal(sorted({w[2] for w in (line.split() for line in out.splitlines()) if len(w) == 3
                      and w[2].split("@")[0].isidentifier() and w[1] in "TDBR"}), sorted(told),
              f"{file} has the {len(told)} names of its headers and no other")


with tempfile.TemporaryDirectory(prefix="mete-tracker-") as folder:
    for part in (embedded, answers, crashes, killed, scripted):
        part(pathlib.Path(folder) / part.__name__)
with Served() as server:
    aggregated(server)
names()
swarm(int(os.environ.get("SWARM", "1000")), 20, 15, 16)
done()

# SPDX-License-Identifier: Apache-2.0
"""covers: R-038
mete mcp as a process: what it shows to a server, what it never shows to anybody else, and that it does
for its store what it is asked to and nothing more."""
import http.server
import json
import subprocess
import threading
import time

from served import METE, Served, done, equal, event, ok, until

PING = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "ping"}) + "\n"
TOOLS = json.dumps({"jsonrpc": "2.0", "id": 8, "method": "tools/list"}) + "\n"
ELSEWHERE = "distributions,wallet,manifests,dashboard,facilitator"


def mcp(s, *options, lines=PING, env=None):
    return subprocess.run([METE, "mcp", *options], input=lines, env={**s.env, **(env or {})},
                          capture_output=True, text=True, timeout=60)


def head(s):
    return json.loads(s.mete("log", "head", "--no-store", "--json"))["size"]


# --- a store of its own --------------------------------------------------------------------------

def does_nothing_by_itself(s):
    """A batch is open and waits to be filled: an agent that looks at the book must not do that."""
    s.post("/v1/events", [
        event("conf", "book.configured", {"clear_after_days": 0}, "2025-01-01T00:00:00Z"),
        event("d", "party.destination_set", {"party": "did:p", "rail": "internal_ledger",
                                             "destination": "wallet"}, "2025-01-01T00:00:00Z"),
        event("r", "revenue.received", {"party": "did:p", "amount": {
            "amount": "10.00", "currency": "USD"}}, "2025-01-02T00:00:00Z")])
    opened = s.post("/v1/payouts/batches", {"batch_id": "b", "asset": "USD",
                                            "rail": "internal_ledger"})
    equal((opened[0], s.get("/v1/payouts")[2]["payouts"]), (202, []), "a batch waits")
    s.stop()
    before = head(s)
    program = subprocess.Popen([METE, "mcp", "--store", str(s.store)], env=s.env, text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    program.stdin.write(PING)
    program.stdin.flush()
    answer = json.loads(program.stdout.readline())
    time.sleep(3)  # the first look is at once
    program.communicate(PING, timeout=60)
    equal((answer.get("id"), program.returncode, head(s)), (7, 0, before),
          "while it waits for its agent the log stays as it is")
    s.options = ()
    s.start()
    until("mete serve on the same store fills it", lambda: s.get("/v1/payouts")[2]["payouts"])


# --- a server elsewhere --------------------------------------------------------------------------

class Ear(http.server.BaseHTTPRequestHandler):
    heard = []

    def do_POST(self):
        Ear.heard.append(dict(self.headers))
        self.send_response(500)
        self.end_headers()

    def log_message(self, *_):
        pass


def keys(s):
    url = ("--url", f"http://127.0.0.1:{s.port}")
    key = s.make_key("earnings:read")
    path = s.folder / "agent.key"
    path.write_text(key + "\n")
    path.chmod(0o640)
    run = mcp(s, *url, "--api-key-file", str(path))
    ok(run.returncode != 0 and "chmod 600" in run.stderr,
       "a file with a key that others may read is refused", run)
    path.chmod(0o600)
    names = [{t["name"] for t in json.loads(run.stdout)["result"]["tools"]} for run in (
        mcp(s, *url, "--api-key-file", str(path), lines=TOOLS),
        mcp(s, *url, lines=TOOLS, env={"METE_API_KEY": key}))]
    ok(names[0] and names[0] == names[1] and "create_key" not in names[0],
       "a key of a file, or of the environment, says which tools there are", names)
    wrong = {"long": "k" * 5000, "lines": "a\nX-Evil: b\n", "empty": "\n", "spaced": "a b"}
    for name, text in wrong.items():
        path.write_text(text)
        run = mcp(s, *url, "--api-key-file", str(path))
        ok(run.returncode != 0 and run.stdout == "" and str(path) in run.stderr and
           "X-Evil" not in run.stderr and "kkkk" not in run.stderr,
           f"a file that holds no key ({name}) is refused", run)
    for name in ("long", "lines", "spaced"):
        run = mcp(s, *url, env={"METE_API_KEY": wrong[name]})
        ok(run.returncode != 0 and run.stdout == "" and "METE_API_KEY" in run.stderr,
           f"and so is a variable ({name})", run)
        run = subprocess.run([METE, "worker", *url, "--once"], env={
            **s.env, "METE_API_KEY": wrong[name], "PAYMENT_PROCESSORS": "internal_ledger",
            "METE_CONFIG": str(rails(s))}, capture_output=True, text=True)
        ok(run.returncode != 0 and "METE_API_KEY" in run.stderr, f"by mete worker too ({name})", run)
    run = mcp(s, *url, env={"METE_API_KEY": "mete_wrong"})
    equal(json.loads(run.stdout)["error"]["data"]["code"], "unauthorized",
          "a key that opens nothing is told by the server")


def rails(s):
    path = s.folder / "rails.conf"
    path.write_text(f"[internal_ledger]\nfile = {s.folder}/wallets.db\n")
    return path


def names_of_others(s):
    """127.0.0.1.example.org is anybody's, whoever it leads to today."""
    ear = http.server.HTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=ear.serve_forever, args=(0.02,), daemon=True).start()
    port = ear.server_port
    for host in ("127.0.0.1.localtest.me", "127.evil.example", "localhost.example", "[::1].example"):
        run = mcp(s, "--url", f"http://{host}:{port}", env={"METE_API_KEY": "secret"})
        equal((run.returncode, run.stdout), (2, ""), f"no key for http://{host}")
    equal(Ear.heard, [], "nobody heard it")
    run = mcp(s, "--url", f"http://127.0.0.1:{port}", env={"METE_API_KEY": "secret"})
    equal([h.get("Authorization") for h in Ear.heard], ["Bearer secret"], "this machine may")
    ear.shutdown()
    ear.server_close()


with Served("--roles", ELSEWHERE) as server:
    does_nothing_by_itself(server)
    keys(server)
    names_of_others(server)
done()

# SPDX-License-Identifier: Apache-2.0
"""covers: R-022 R-023 R-024 R-026 R-032
RFC 0006 once more, with nobody played: mete worker pays, over HTTP, and mete rail-sim is the Lightning
node and the host of the addresses. While that is away the worker makes its four attempts, each when it
is due and not before; then the payout has failed for good. When it is back, the new address is paid,
once, and the node has moved what the book says."""
import datetime
import json
import re
import socket
import subprocess

from served import METE, done, equal, note, ok
from test_rfc_0006 import AUTHOR, Story, disputed, lapses, mended, purchase
from travel import Travel

HOST = "up.example"


class Node:
    """rail-sim behind TLS, by the server's clock; it can be away."""

    def __init__(self, s):
        self.s = s
        self.folder = s.folder / "node"
        self.folder.mkdir()
        self.process = self.place = None
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90", "-keyout",
                        self.folder / "key.pem", "-out", self.folder / "cert.pem", "-subj",
                        "/CN=test", "-addext",
                        f"subjectAltName=DNS:{HOST},DNS:down.example,IP:127.0.0.1"],
                       check=True, stderr=subprocess.DEVNULL, env=s.env)
        self.port = 0
        self.start()
        self.stop()  # its port is known, and it is away
        password = self.folder / "password"
        password.write_text("railsim\n")
        password.chmod(0o600)
        (self.folder / "mete.conf").write_text(
            "[rails]\nrails = lightning\n[lightning]\nnode = phoenixd\n"
            f"url = https://127.0.0.1:{self.port}/phoenixd\npassword_file = {password}\n"
            f"node_certificate = {self.folder}/cert.pem\nnetwork = regtest\n"
            f"resolve_public_only = no\nresolve_to = 127.0.0.1:{self.port}\n"
            f"resolve_ca = {self.folder}/cert.pem\npay_timeout_s = 5\n")

    def start(self):
        if self.place is not None:
            self.place.close()
            self.place = None
        self.process = subprocess.Popen(
            [METE, "rail-sim", "--listen", f"127.0.0.1:{self.port}", "--state",
             str(self.folder / "state"), "--certificate", str(self.folder / "cert.pem"), "--key",
             str(self.folder / "key.pem")], stderr=subprocess.PIPE, text=True, env=self.s.env)
        line = self.process.stderr.readline()
        self.port = int(re.search(r"listening on https?://[^ ]*:(\d+),", line)[1])

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process.stderr.close()
            self.process = None
            self.place = socket.socket()  # nobody else gets the port; nobody listens either
            self.place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.place.bind(("127.0.0.1", self.port))

    def moved(self):
        got = subprocess.run(["curl", "-s", "--cacert", str(self.folder / "cert.pem"),
                              f"https://127.0.0.1:{self.port}/sim/payments"],
                             capture_output=True, text=True, check=True, env=self.s.env).stdout
        return json.loads(got)["payments"]

    def work(self, t):
        """mete worker, until nothing is due."""
        env = {**self.s.env, "METE_API_KEY": t.worker, "METE_CONFIG": str(self.folder / "mete.conf")}
        got = subprocess.run([METE, "worker", "--url", f"http://127.0.0.1:{self.s.port}",
                              "--until-idle"], env=env, capture_output=True, text=True, timeout=120)
        if got.returncode != 0:
            note(got.stdout + got.stderr)
        return got.returncode

    def state(self, t, transfer):
        p = t.s.get("/v1/payouts/" + transfer, key=t.boss)[2]
        return p["state"], p["attempts"]


def provider_down(t, node):
    t.note("over the threshold: a payout, and nobody is there to take it")
    payouts = t.batch()
    equal([p[1:] for p in payouts], [(AUTHOR, "665")], "665 exceed 500")
    transfer = payouts[0][0]
    start, after = t.s.clock(), 0
    for attempt, wait in enumerate((0, 65, 605, 3605), 1):
        if wait:
            t.s.to(start + datetime.timedelta(seconds=after + wait - 40))
            equal(node.work(t), 0, "the worker looks")
            equal(node.state(t, transfer), ("failed", attempt - 1), f"attempt {attempt} is not due")
        after += wait
        t.s.to(start + datetime.timedelta(seconds=after))
        equal(node.work(t), 0, f"attempt {attempt}: the provider is down")
        wanted = "failed" if attempt < 4 else "failed_permanent"
        equal(node.state(t, transfer), (wanted, attempt), wanted)
    return transfer


def credited_again(t, transfer):
    t.note("permanent failure")
    equal(t.sums(), (0, 0, 665, 0, 0), "665 are in the balance again")
    d = t.mine()
    equal((d["status"], d["failed_payout"]["transfer_id"], d["hold"]["kind"]),
          ("PAYOUT_FAILED_PERMANENT", transfer, "destination"), "the agent is told")
    ok(d["remediation"], "with what to do", d)
    note(f"reason: {d['failed_payout']['reason']}; remediation: {d['remediation']}")
    equal(t.batch(), [], "and waits")


def paid(t, node, failed):
    t.note("day 24: the node is back")
    node.start()
    payouts = t.batch()
    equal([p[1:] for p in payouts], [(AUTHOR, "665")], "one payout")
    transfer = payouts[0][0]
    equal(node.work(t), 0, "the worker pays")
    equal(node.state(t, transfer), ("paid", 1), "it is paid")
    moved = node.moved()
    equal(len(moved), 1, "the node has moved money once") or note(moved)
    equal(t.sums(), (0, 0, 0, 0, 665), "the agent has its money")
    equal(node.work(t), 0, "the worker looks again")
    equal(len(node.moved()), 1, "and pays nothing more")
    equal([(p["transfer_id"], p["state"]) for p in t.mine()["payouts"]],
          [(transfer, "paid"), (failed, "failed_permanent")], "both payouts")


def main():
    s = Travel()
    s.mete("init", "--preset", "agents")
    with s:
        t = Story(s)
        node = Node(s)
        try:
            share = purchase(t)
            disputed(t, share)
            lapses(t, share)
            failed = provider_down(t, node)
            credited_again(t, failed)
            mended(t)
            paid(t, node, failed)
        finally:
            node.stop()
            node.place.close()
        s.stop()
        audit = subprocess.run([METE, "audit", "--store", str(s.store)], env=s.env,
                               capture_output=True, text=True)
        equal(audit.returncode, 0, "mete audit recomputes every balance") or note(audit.stdout)
    done()


if __name__ == "__main__":
    main()

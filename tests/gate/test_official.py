#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The official clients of both versions on our gate, on a real node, with the official facilitator behind
it, or another one:  test_official.py --start COMMAND
(run with PORT, RPC_URL, PRIVATE_KEY, CHAIN_ID and NETWORK, and serving at that port).
covers: V-020 V-021 V-022 V-023 V-025 V-027 V-051 V-077 V-092 V-110"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / d) for d in ("x402", "rails", "http")]
from chain import X402Chain  # noqa: E402
from facilitated import Facilitator as Mete  # noqa: E402
from gated import Gate, Upstream, decode, done, encode, equal, free_port, note, ok  # noqa: E402
from scripts import FOLDER, Script, Signer, environment, run_client  # noqa: E402

FLOWS = [("GET", "/paid", {}), ("POST", "/paid", {"BODY": '{"a":1}'}), ("GET", "/fail", {"EXPECT": "uncharged"}),
         ("GET", "/upfront", {}), ("GET", "/permit2", {}), ("GET", "/upto", {})]
ROUTES = [{"path": "/paid", "price": "$0.01", "description": "GET and POST", "mime_type": "application/json"},
          {"path": "/fail", "price": "$0.01"}, {"path": "/upfront", "price": "$0.01", "flow": "upfront"},
          {"path": "/permit2", "accepts": [{"price": "$0.01", "method": "permit2"}]},
          {"path": "/upto", "accepts": [{"price": "$0.05", "scheme": "upto"}]},
          {"path": "/page", "price": "$0.01", "description": "A <b>page</b> & more", "accepts": [{}, {"method": "permit2"}]}]


class Started:
    """A facilitator that a command starts."""

    def __init__(self, command, chain):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        env = {**os.environ, "PORT": str(self.port), "RPC_URL": chain.url(), "CHAIN_ID": str(chain.chain_id),
               "PRIVATE_KEY": "0x" + chain.key("facilitator"), "NETWORK": chain.network_v1}
        self.process = subprocess.Popen(command, shell=True, env=env, start_new_session=True)

    def __enter__(self):
        for _ in range(300):
            try:
                urllib.request.urlopen(self.url + "/supported", timeout=2).read()
                return self
            except OSError:
                time.sleep(0.1)
        raise SystemExit("Bail out! the facilitator does not answer")

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(30)


def wallet(chain, url, **env):
    run = subprocess.run(["node", str(FOLDER / "x402/wallet.mjs"), url], env=environment(chain, **env), capture_output=True,
                         text=True, timeout=60)
    if run.returncode != 0:
        return {"failed": run.stderr[-1500:]}
    return json.loads(run.stdout)


def clients(chain, gate, up):
    up.answers["/fail"] = lambda h, _b: h.reply(500, b"fails on purpose")
    up.answers["/upto"] = lambda h, _b: h.reply(200, b"metered", [("Settlement-Overrides", '{"amount":"12345"}')])
    for method, path, env in FLOWS:
        lines, said = run_client(chain, f"http://127.0.0.1:{gate.port}{path}", METHOD=method, **env)
        bad = [text for holds, text in lines if not holds]
        ok(not bad and len(lines) > 3, f"the official client on the gate: {method} {path}, {len(lines)} checks", bad, said)
    for path, env in (("/paid", {}), ("/fail", {"EXPECT": "uncharged"})):
        before = chain.balance("payer"), chain.balance("merchant")
        lines, said = run_client(chain, f"http://127.0.0.1:{gate.port}{path}", legacy=True, KEY="0x" + chain.key("payer"),
                                 NETWORK=chain.network_v1, **env)
        bad = [text for holds, text in lines if not holds]
        ok(not bad and len(lines) > 3, f"that of version 1: GET {path}", bad, said)
        paid = 0 if env else 10000
        equal((chain.balance("payer") - before[0], chain.balance("merchant") - before[1]), (-paid, paid), f"which moves {paid}")


def page(chain, gate, up):
    url = f"http://127.0.0.1:{gate.port}/page"
    up.answers["/page"] = lambda h, _b: h.reply(200, b"<p>bought</p>", [("Content-Type", "text/html")])
    before = chain.balance("merchant")
    said = wallet(chain, url, CHAIN="1")
    ok("failed" not in said, "the page's script runs", said)
    equal((said["status"], said["title"]), (402, "Payment required: 0.01 USDC"), "a browser gets a page that says the price")
    ok(said["required"], "with the header for programs")
    equal(said["outside"], [], "which takes nothing from elsewhere")
    ok("default-src 'none'" in said["policy"], "and may not")
    equal(said["asked"], ["eth_requestAccounts", "eth_chainId", "wallet_switchEthereumChain", "eth_signTypedData_v4"],
          "the wallet is asked for an account, its chain and one signature")
    equal(said["offers"], 2, "one may choose how to pay")
    shown = said.get("shown") or {}
    equal((shown.get("srcdoc"), shown.get("sandbox")), ("<p>bought</p>", ""), "what was bought is shown, where its scripts do not run")
    equal(chain.balance("merchant") - before, 10000, "and paid once")
    for env, text in (({"REFUSE": "1"}, "You have refused in the wallet; nothing was paid."), ({"NO_WALLET": "1"}, "No wallet is here.")):
        said = wallet(chain, url, **env)
        ok(said.get("state", "").startswith(text) and not said.get("sent"), f"the page says: {text}", said)
    up.answers["/page"] = lambda h, _b: h.reply(500, b"broken")
    said = wallet(chain, url, PRESSES="2")
    equal((len(said["sent"]), len(set(said["sent"])), said["asked"].count("eth_signTypedData_v4")), (2, 1, 1),
          "who presses again after a failure sends the same payment")
    said = wallet(chain, url, FROM="poor")
    ok("The payment was not taken: " in said["state"], "who has no money is told so", said)
    equal(chain.balance("merchant") - before, 10000, "nothing more moved")


def real_browser(chain, gate, up):
    program = shutil.which("chromium")
    if program is None:
        print("ok - # SKIP no Chromium here: run tools/setup")
        return
    up.answers["/page"] = lambda h, _b: h.reply(200, b"<p>bought</p>", [("Content-Type", "text/html")])
    before = chain.balance("merchant")
    run = subprocess.run(["node", str(FOLDER / "x402/browser.mjs"), program, f"http://127.0.0.1:{gate.port}/page"],
                         env=environment(chain), capture_output=True, text=True, timeout=120)
    said = json.loads(run.stdout) if run.returncode == 0 else {}
    equal(said.get("price"), "0.01 USDC", "a real browser shows the page" + (": " + run.stderr[-800:] if not said else ""))
    ok("bought" in (said.get("shown") or ""), "pays, and shows what was bought", said)
    equal((said.get("hidden"), said.get("complaints")), (True, []), "instead of the price, and complains of nothing")
    equal(chain.balance("merchant") - before, 10000, "one payment moved")


def copies(chain, signer, gates, up, path):
    """One payment at two gates before one server, which share nothing but the facilitator."""
    signed = decode(signer.pay(value="10000", payTo="merchant")["header"])
    header = {"PAYMENT-SIGNATURE": encode({**signed, "accepted": gates[0].get(path).required()["accepts"][0]})}
    runs, before = up.count(path), chain.balance("merchant")
    statuses = []
    gun = threading.Barrier(100)

    def shoot(gate):
        gun.wait()
        statuses.append(gate.get(path, headers=header).status)
    threads = [threading.Thread(target=shoot, args=(gates[i % 2],)) for i in range(100)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    equal((statuses.count(200), statuses.count(402)), (1, 99), f"of a hundred copies at two gates one is served: {path}")
    equal((up.count(path) - runs, chain.balance("merchant") - before), (1, 10000), "the server ran once, and was paid once")


def book(facilitator, paid):
    """What the gates have written down is what the book has."""
    events = facilitator.events()
    settled = [e for e in events if e["event_type"] == "x402.settled"]
    equal(sorted(e["payload"]["transaction"] for e in settled), sorted(p["transaction"] for p in paid),
          f"the facilitator's book has the {len(paid)} payments that the gates have")
    ok(len(paid) > 8 and len({p["transaction"] for p in paid}) == len(paid), "each once")
    released = [e for e in events if e["event_type"] == "x402.released"]
    ok(len(released) >= 2, "what was reserved and not served was given back", len(released))


arguments = argparse.ArgumentParser()
arguments.add_argument("--start", default=os.environ.get("X402_START"))
options = arguments.parse_args()
FACILITATORS = {"a given facilitator": lambda chain: Started(options.start, chain)} if options.start else {
    "the official facilitator": lambda chain: Script(chain, "facilitator.mjs"), "mete's facilitator": Mete}
for title, make in FACILITATORS.items():
    note(title)
    with X402Chain(chain_id=84532) as chain:
        chain.approve_permit2("payer")
        pay_to = chain.describe()["accounts"]["merchant"]["address"]
        with make(chain) as facilitator, Upstream() as up, Signer(chain) as signer:
            url = facilitator.url() if callable(facilitator.url) else facilitator.url
            with Gate(up, url, ROUTES, pay_to=pay_to) as gate, Gate(up, url, ROUTES, pay_to=pay_to) as second:
                clients(chain, gate, up)
                page(chain, gate, up)
                real_browser(chain, gate, up)
                if make is Mete:
                    copies(chain, signer, (gate, second), up, "/paid")
                    copies(chain, signer, (gate, second), up, "/upfront")
                    book(facilitator, gate.payments() + second.payments())
done()

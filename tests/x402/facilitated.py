# SPDX-License-Identifier: Apache-2.0
"""`mete serve` as a facilitator on a chain of the harness, and what its book says of payments.

    with X402Chain() as chain, Signer(chain) as signer, Facilitator(chain) as mete:
        p = signer.pay()
        status, answer = mete.settle(p)
        mete.payment(p)["state"]"""
import hashlib
import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path[1:1] = [str(pathlib.Path(__file__).parent.parent / d) for d in ("rails", "http")]
from chain import PLACES  # noqa: E402
from scripts import ask  # noqa: E402
from served import Served, equal  # noqa: E402


def payment_id(network, asset, who, nonce):
    """As doc/decisions/0015-x402.md makes it."""
    name = "|".join((network, asset.lower(), who.lower(), str(nonce).lower()))
    return "x402-" + hashlib.sha256(name.encode()).hexdigest()[:40]


class Facilitator(Served):
    """`rpc`: URLs of nodes, unless it is to ask the chain itself. `network`: members of its
    entry. `settings`: of its section. `conf`: further sections."""

    def __init__(self, chain, *options, rpc=None, network=None, settings=None, conf="", env=None, **more):
        super().__init__(*options, env={**(env or {}), "METE_CONFIG": ""}, **more)
        self.chain = chain
        self.entry = {"network": chain.network, "rpc": rpc or [chain.url()], "factories": [PLACES["WalletFactory"]],
                      **(network or {})}
        self.settings = settings or {}
        self.conf = conf

    def start(self, port=0):
        (self.folder / "networks.json").write_text(json.dumps({"networks": [self.entry]}))
        (self.folder / "key").write_text(self.chain.key("facilitator"))
        (self.folder / "key").chmod(0o600)
        told = {"networks_file": self.folder / "networks.json", "key_file": self.folder / "key", "public": "yes", **self.settings}
        (self.folder / "mete.conf").write_text(
            "[facilitator]\n" + "".join(f"{k} = {v}\n" for k, v in told.items()) + self.conf)
        self.env["METE_CONFIG"] = str(self.folder / "mete.conf")
        super().start(port)
        if self.key is None:
            self.key = self.make_key("admin,earnings:read,revenue:read,policy:write,policy:read,"
                                     "revenue:write,audit:read")

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    # -- the protocol

    def verify(self, p, **more):
        return ask(self.port, "POST", "/verify", {**p["body"], **more})

    def settle(self, p, **more):
        return ask(self.port, "POST", "/settle", {**p["body"], **more})

    def judged(self, p, **more):
        """(is it valid, why not)"""
        status, said = self.verify(p, **more)
        return (said.get("isValid"), said.get("invalidReason")) if status == 200 else (status, said.get("invalidReason"))

    # -- the book

    def id_of(self, p):
        return payment_id(self.chain.network, self.asset_of(p), p["from"], p["nonce"])

    @staticmethod
    def asset_of(p):
        return p["body"]["paymentRequirements"]["asset"]

    def payment(self, p):
        """What the book knows of a payment; None when it has not heard of it."""
        status, _, said = self.get("/v1/x402/payments/" + self.id_of(p))
        return said if status == 200 else None

    def state(self, p):
        known = self.payment(p)
        return known["state"] if known else None

    def wait_state(self, p, wanted, seconds=60):
        end = time.time() + seconds
        while self.state(p) != wanted and time.time() < end:
            time.sleep(0.02)
        return self.state(p)

    def events(self, kind="x402."):
        """All events of the log whose type begins so, in order: the event, with `seq` and `recorded_at`."""
        found, after, end = [], 0, time.time() + 20
        while True:
            status, _, said = self.get(f"/v1/events?after={after}&limit=1000")
            if status == 503 and said["retryable"] and time.time() < end:  # its database has just come back
                time.sleep(0.1)
                continue
            assert status == 200, said
            found += [{**r["event"], "seq": r["seq"], "recorded_at": r["recorded_at"]} for r in said["events"]
                      if r["event"]["event_type"].startswith(kind)]
            if not said["more"]:
                return found
            after = said["next"]

    def happened(self, p, events=None):
        """The steps of one payment, in order."""
        own = self.id_of(p)
        return [e["event_type"].removeprefix("x402.") for e in events or self.events() if e["payload"].get("payment") == own]

    def balance(self, party, code="USDC/6"):
        """What a party has in an asset, by its member of a balance; zeros when it has none."""
        status, _, said = self.get(f"/v1/parties/{party}/balance")
        rows = said["balances"] if status == 200 else []
        none = dict.fromkeys(("pending", "disputed", "cleared", "debt", "paid"), 0)
        return next(({k: int(b[k]) for k in none} for b in rows if b["asset"] == code), none)

    def said(self):
        return (self.folder / "log").read_text(errors="replace")


def audited(mete):
    """The book of a facilitator that has been stopped, by mete audit and by the independent mete-audit."""
    try:
        return equal("agrees with itself" in mete.mete("audit"), True, "the book agrees with itself, for the independent auditor too")
    except subprocess.CalledProcessError as e:
        return equal(e.stderr, "", "the book agrees with itself")


def once(chain, mete, p, what, token=None):
    """One transfer on the chain, one payment in the book."""
    return equal((chain.transfers(p["from"], p["nonce"], token=token), mete.happened(p).count("settled")), (1, 1), what)

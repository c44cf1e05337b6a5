# SPDX-License-Identifier: Apache-2.0
"""A rail's driver, and a book that plays core's part in its payouts: what is committed outlives the
driver, an anchor is used once, a new attempt is made only when the last one is proven dead."""
import json
import os
import pathlib
import subprocess
import sys

SECOND = 1_000_000
_tests = 0
_failed = 0


def ok(holds, what, *more):
    global _tests, _failed
    _tests += 1
    _failed += not holds
    print(f"{'ok' if holds else 'not ok'} {_tests} - {what}", flush=True)
    if not holds:
        for line in more:
            print("# " + str(line).replace("\n", "\n# "), flush=True)
    return holds


def equal(got, wanted, what, *more):
    return ok(got == wanted, what, f"got:    {got!r}", f"wanted: {wanted!r}", *more)


def note(text):
    print(f"# {text}", flush=True)


def done():
    print(f"1..{_tests}")
    sys.exit(1 if _failed else 0)


class Driver:
    def __init__(self, kind, settings=None, env=None):
        self.kind = kind
        self.env = dict(os.environ, **(env or {}))
        self.settings = settings
        self.error = None
        self.start()

    def start(self):
        self.process = subprocess.Popen([os.environ["RAIL_DRIVER"], self.kind],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.env)
        if self.settings is not None:
            self.error = self.ask({"do": "open", "settings": self.settings}).get("error")

    def ask(self, what):
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the driver died: {self.process.wait()}")
        return json.loads(line)

    def tell(self, what):
        """Without waiting for what it says."""
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def stop(self):
        self.process.stdin.close()
        code = self.process.wait(30)
        self.process.stdout.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            ok(self.stop() == 0, "the driver ends in peace")


class Transfer:
    def __init__(self, number, amount, destination, asset="USDC", scale=6, fee_max=None):
        self.id = f"po_{number:032x}"
        self.amount = amount
        self.destination = destination
        self.asset = asset
        self.scale = scale
        self.fee_max = fee_max
        self.state = "queued"
        self.attempt = 1
        self.taken = 0
        self.anchor = None
        self.bodies = []
        self.sending_at = 0
        self.report = {}
        self.paid = []

    def payment(self, now, secret=False):
        p = {"transfer_id": self.id, "attempt": self.attempt, "anchors_taken": self.taken,
             "asset": self.asset, "scale": self.scale, "amount": str(self.amount), "now": now,
             "sending_at": self.sending_at, "destination": "" if secret else self.destination}
        if self.fee_max is not None:
            p["fee_max"] = str(self.fee_max)
        if self.anchor:
            p["anchor"] = self.anchor
            p["bodies"] = self.bodies
        return p


class Book:
    """The machine of transfers, as far as a rail meets it."""

    def __init__(self):
        self.anchors = set()
        self.committed = set()  # transactions: a body of the EVM rail holds one, or several
        self.now = 1_800_000_000 * SECOND
        self.seen = {}

    def ask(self, driver, what, transfers):
        """One call of the rail; keeps each report in its transfer."""
        said = driver.ask({"do": what, "payments": [
            t.payment(self.now, secret=what == "probe") for t in transfers]})["payments"]
        for t, report in zip(transfers, said):
            t.report = report
            self.seen[what, report["outcome"]] = self.seen.get((what, report["outcome"]), 0) + 1
        return said

    def prepare(self, driver, transfers):
        """Prepares, and commits what may be; what is told that its anchor is taken asks again.
        Returns what is committed."""
        committed, again = [], transfers
        while again:
            some, again = self.prepare_once(driver, again)
            committed += some
        return committed

    def prepare_once(self, driver, transfers):
        """What is committed, and what offered an anchor that is taken."""
        groups = {}
        for t, report in zip(transfers, self.ask(driver, "prepare", transfers)):
            if report["outcome"] == "accepted":
                groups.setdefault(report["group"] or t.id, []).append(t)
            else:
                assert report["outcome"] in ("rejected", "transient"), report
                t.state = "rejected" if report["outcome"] == "rejected" else "failed"
                t.attempt += 1
        committed, taken = [], []
        for group in groups.values():
            if self.anchors & {t.report["anchor"] for t in group}:
                for t in group:
                    t.taken += 1
                    assert t.taken < 1000, t.report["anchor"]
                taken += group
            else:
                for t in group:
                    self.commit(t)
                committed += group
        return committed, taken

    def commit(self, t):
        assert t.state in ("queued", "failed"), t.state
        assert t.report["anchor"] not in self.anchors, t.report["anchor"]
        self.anchors.add(t.report["anchor"])
        t.state, t.anchor, t.bodies = "sending", t.report["anchor"], t.report["bodies"]
        t.sending_at, t.taken = self.now, 0
        self.committed |= set(t.bodies[-1].split(","))

    def send(self, driver, transfers):
        for t, report in zip(transfers, self.ask(driver, "send", transfers)):
            t.state = {"accepted": "sent", "unknown": "unknown"}[report["outcome"]]

    def probe(self, driver, transfers):
        """Takes what the rail says; returns those that are to be sent (again)."""
        again = []
        for t, report in zip(transfers, self.ask(driver, "probe", transfers)):
            outcome = report["outcome"]
            if outcome == "paid":
                t.state = "paid"
                t.paid.append(report)
            elif outcome == "accepted":
                t.state = "sent"
            elif outcome == "unknown":
                t.state = "unknown"
            elif outcome == "transient":
                t.state, t.anchor, t.bodies, t.attempt = "failed", None, [], t.attempt + 1
            elif outcome == "rejected":
                t.state = "rejected"
            elif outcome == "absent":
                again.append(t)
            elif outcome == "replace":
                assert report["bodies"][:-1] == t.bodies and report["anchor"] == t.anchor
                t.bodies = report["bodies"]
                self.committed |= set(t.bodies[-1].split(","))
                again.append(t)
        return again

    def pay(self, driver, transfers):
        committed = self.prepare(driver, transfers)
        if committed:
            self.send(driver, committed)
        return committed

    def look(self, driver, transfers):
        again = self.probe(driver, transfers)
        if again:
            self.send(driver, again)
        return again

# SPDX-License-Identifier: Apache-2.0
"""The Lightning rail through each kind of node that `mete rail-sim` doubles: every fault at every
place that it can strike, without a crash and with a driver killed before, within and behind the
call. What moved at the node is what the book says, once for each transfer.

covers: R-022 R-032"""
import os
import pathlib
import random
import sys
import time

ROOT = pathlib.Path(os.environ["ROOT"])
sys.path.insert(0, str(ROOT / "tests/http"))

from rail_book import SECOND, Book, Driver, Transfer, done, equal, note, ok
from railsim import SECRET, RailSim

PAY = ["timeout_before", "timeout_after", "done_late", "cut_request", "cut_before", "cut_middle",
       "error_before", "error_after", "slow_body", "garbage_body", "huge_body", "too_many",
       "redirect", "held", "held_fails", "late_success", "no_route"]
LOOK = ["timeout_before", "cut_middle", "error_before", "garbage_body", "huge_body", "too_many",
        "redirect"]
INVOICE = LOOK + ["wrong_amount", "wrong_hash", "wrong_network", "expired_invoice", "same_hash",
                  "duplicate_callback", "done_late", "error_after"]
NODES = {"cln": "rune_file", "lnd": "macaroon_file", "phoenixd": "password_file",
         "lnbits": "key_file"}
CRASHES = [None, "before", "within", "behind"]


class FaultBook(Book):
    """Time is the simulator's, which is moved along; sending may say how it ended."""

    travelled = 0  # seconds, of the simulator and thus of all books

    def __init__(self, sim):
        super().__init__()
        self.sim = sim
        self.now = (int(time.time()) + FaultBook.travelled) * SECOND
        self.invoices = {}

    def later(self, seconds):
        FaultBook.travelled += seconds
        self.now += seconds * SECOND
        self.sim.advance(seconds)

    def commit(self, t):
        super().commit(t)
        self.invoices.setdefault(t.id, []).append(t.anchor)

    def send(self, driver, transfers):
        for t, report in zip(transfers, self.ask(driver, "send", transfers)):
            t.state = {"paid": "paid", "accepted": "sent", "unknown": "unknown",
                       "transient": "failed"}[report["outcome"]]
            if t.state == "failed":
                t.anchor, t.bodies, t.attempt = None, [], t.attempt + 1


class Bench:
    def __init__(self, sim, node):
        self.sim = sim
        self.node = node
        self.book = FaultBook(sim)
        key = sim.folder / f"{node}.key"
        key.write_text(SECRET.encode().hex() if node == "lnd" else SECRET)
        key.chmod(0o600)
        self.settings = {"node": node, "url": sim.url(f"/{node}"), NODES[node]: str(key),
                         "network": "regtest", "resolve_public_only": "no", "pay_timeout_s": "5"}
        self.d = Driver("lightning", self.settings)
        self.all = []

    def die(self):
        self.d.kill()
        self.d = Driver("lightning", self.settings)

    def begin(self, t, crash):
        """The first round of a worker, which may die in it."""
        if crash == "before":
            self.book.ask(self.d, "prepare", [t])
            self.die()
        if not self.book.prepare(self.d, [t]):
            return
        if crash == "within":
            self.d.tell({"do": "send", "payments": [t.payment(self.book.now)]})
            time.sleep(0.005)
            self.die()
            return
        self.book.send(self.d, [t])
        if crash == "behind":
            self.die()

    def settle(self, t):
        """Further rounds; what is dead waits for its next attempt."""
        for _ in range(14):
            if t.state == "paid":
                return
            self.book.later(30)
            if t.state in ("queued", "failed"):
                if self.book.prepare(self.d, [t]):
                    self.book.send(self.d, [t])
            else:
                self.book.look(self.d, [t])

    def run(self, number, fault, place, crash):
        t = Transfer(number, 1000 + number % 977, f"p{number}@127.0.0.1:{self.sim.port}",
                     asset="SAT", scale=0)
        self.sim.fault(fault, place, ms=150, s=2)
        self.begin(t, crash)
        self.settle(t)
        self.sim.request("DELETE", "/sim/faults")
        self.all.append((t, f"{self.node} {place} {fault} {crash}"))

    def check(self):
        moved = {}
        for p in self.sim.payments(rail=self.node):
            moved.setdefault(p["anchor"], []).append(int(p["amount"]))
        wrong, total = [], 0
        for t, name in self.all:
            got = [a for i in self.book.invoices.get(t.id, []) for a in moved.get(i, [])]
            total += sum(got)
            if t.state != "paid" or got != [t.amount * 1000]:
                wrong.append(f"{name}: {t.state}, moved {got}: {t.report}")
        equal(wrong, [], f"{self.node}: {len(self.all)} transfers are paid, each once")
        equal(total, sum(t.amount * 1000 for t, _ in self.all), f"{self.node}: and as much")
        equal(sum(sum(m) for m in moved.values()), total, f"{self.node}: nothing else moved")
        second = sum(len(i) > 1 for i in self.book.invoices.values())
        equal(second, 0, f"{self.node}: no invoice lived beside another")
        note(f"{self.node}: {self.book.seen}")


def places(node):
    for fault in PAY:
        if fault != "late_success" or node in ("lnd", "phoenixd"):
            yield f"{node}.pay", fault
    for fault in LOOK:
        yield f"{node}.look", fault
        yield f"{node}.wallet" if node == "lnbits" else f"{node}.info", fault
        yield "lnurl.pay", fault
    for fault in INVOICE:
        yield "lnurl.callback", fault


def main():
    seed = int(os.environ.get("METE_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
    note(f"seed {seed}")
    with RailSim("--seed", str(seed), "--network", "regtest") as sim:
        number = 0
        for node in NODES:
            bench = Bench(sim, node)
            for place, fault in places(node):
                for crash in CRASHES:
                    number += 1
                    bench.run(number, fault, place, crash)
            bench.check()
            ok(bench.d.stop() == 0, f"{node}: the driver ends in peace")
        fired = sim.fired()
        note(f"fired: {fired}")
        for fault in sorted(set(PAY + LOOK + INVOICE)):
            ok(fired.get(fault, 0) > 0, f"{fault} fired {fired.get(fault, 0)} times")
    done()


if __name__ == "__main__":
    sys.exit(main())

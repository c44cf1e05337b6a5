# SPDX-License-Identifier: Apache-2.0
"""The Lightning rail by its driver: to Lightning addresses that the LNURL server of npm serves
behind TLS, paid by a node of LDK (npm) behind LND's interface, while drivers are killed with SIGKILL between
and within all steps, and the node holds, fails, hangs up behind the payment or is away.

covers: R-020 R-022 R-032"""
import hashlib
import json
import os
import random
import sys
import time

from lightning_host import HOST, Host
from rail_book import SECOND, Book, Driver, Transfer, done, equal, note, ok

HOUR = 3600 * SECOND


class LightningBook(Book):
    """Sending may say how it ended; time is the machine's, and travels from there."""

    def __init__(self):
        super().__init__()
        self.now = int(time.time()) * SECOND
        self.invoices = {}

    def commit(self, t):
        super().commit(t)
        self.invoices.setdefault(t.id, []).append(t.anchor)

    def send(self, driver, transfers):
        for t, report in zip(transfers, self.ask(driver, "send", transfers)):
            t.state = {"paid": "paid", "accepted": "sent", "unknown": "unknown",
                       "transient": "failed"}[report["outcome"]]
            if t.state == "paid":
                t.paid.append(report)
            if t.state == "failed":
                t.anchor, t.bodies, t.attempt = None, [], t.attempt + 1


def sats(number, amount=12345, user="agent", **more):
    return Transfer(number, amount, f"{user}@{HOST}", asset="SAT", scale=0, **more)


def proven(host, t, what):
    """One payment of the transfer, with the preimage of its anchor."""
    proof = bytes.fromhex(t.report["proof"])
    equal(hashlib.sha256(proof).hexdigest(), t.anchor, f"{what}: the preimage is the receipt")
    p = host.payment(t.anchor)
    equal((p["status"], p["value_msat"]), ("SUCCEEDED", str(t.amount * 1000)), f"{what}: exactly")
    equal(t.report.get("fee"), "0", f"{what}: a neighbour takes no fee")


def run_plain(host):
    book, t = LightningBook(), sats(1)
    with Driver("lightning", host.settings()) as d:
        before = host.tell()["invoices"]
        book.pay(d, [t])
        equal(t.state, "paid", "an address of the LNURL server of npm is paid", t.report)
        equal(host.tell()["invoices"], before + 1, "by one invoice")
        proven(host, t, "plain")
        ok(HOST not in json.dumps(t.bodies) and "agent" not in json.dumps(t.bodies),
           "what is committed does not name the destination")
        body = json.loads(t.bodies[0])
        equal(body["fee_max_msat"], "133450", "the cap is in what is committed")
        equal(host.payment(t.anchor)["fee_limit_msat"], "133450", "and is the node's")
        note(f"receipt: invoice {body['invoice'][:40]}..., preimage {t.report['proof'][:16]}...")
        for number, destination in (2, f"lnurlp://{HOST}/.well-known/lnurlp/author"), \
                (3, f"author@{HOST}"):
            other = Transfer(number, 1, destination, asset="BTC", scale=8)
            book.pay(d, [other])
            equal(other.state, "paid", f"so is {destination}", other.report)


def run_refused(host):
    book = LightningBook()
    with Driver("lightning", host.settings(comment="x" * 21)) as d:
        for t, words in ((sats(1, user="nobody"), "the service says: there is no ..."),
                         (sats(2, amount=500_001), "the service takes 1000 to 500000000 msat")):
            book.pay(d, [t])
            equal(t.state, "failed", f"refused: {words}", t.report)
            ok(words in t.report["reason"] and HOST not in t.report["reason"], "and said", t.report)
        t = sats(3)
        book.pay(d, [t])
        equal(t.state, "paid", "a comment that is too long for the host is left out", t.report)
    for more, words in (({"resolve_ca": str(host.folder / "other.pem")}, "certificate"),
                        ({"resolve_ca": ""}, "certificate"),
                        ({"network": "testnet"}, "the node is on bitcoin"),
                        ({"resolve_to": "127.0.0.1:1"}, "connect")):
        with Driver("lightning", host.settings(**more)) as d:
            t = sats(9)
            book.pay(d, [t])
            equal(t.state, "failed", f"refused: {words}", t.report)
            ok(words in t.report["reason"].lower(), "and said", t.report)
    public = host.settings(resolve_public_only="yes", resolve_to="")
    with Driver("lightning", public) as d:
        equal(d.error, None, "without the switches for tests")
        t = Transfer(9, 5, f"lnurlp://localhost:{host.ports['https']}/x", asset="SAT", scale=0)
        book.pay(d, [t])
        equal(t.state, "rejected", "a bare name is no destination", t.report)


def pay_held(host, book, d, t, number):
    host.tell(mode="hold")
    book.prepare(d, [t])
    d.tell({"do": "send", "payments": [t.payment(book.now)]})
    end = time.time() + 60
    while host.payment(t.anchor) is None and time.time() < end:
        time.sleep(0.02)
    ok(host.payment(t.anchor) is not None, f"{number}: the node holds it")


def run_killed_in_flight(host):
    """SIGKILL while the node holds the payment; a new invoice is never asked for."""
    for number, failed in (20, False), (21, True):
        book, t = LightningBook(), sats(number)
        d = Driver("lightning", host.settings())
        pay_held(host, book, d, t, number)
        d.kill()
        with Driver("lightning", host.settings()) as d:
            equal(book.look(d, [t]), [], "in flight: nothing is sent again")
            equal(t.state, "sent", "it is on its way", t.report)
            book.now += 48 * HOUR
            book.look(d, [t])
            equal(t.state, "sent", "so it is when its invoice has expired long ago", t.report)
            book.now -= 48 * HOUR
            host.tell(mode="release", failed=failed)
            host.tell(mode="pay")
            again = book.look(d, [t])
            equal(len(again), int(failed), "what failed is sent again, by the same invoice")
            equal(t.state, "paid", "and is paid", t.report)
            equal(len(book.invoices[t.id]), 1, "one invoice")
            equal(host.payment(t.anchor)["tries"], 1 + failed, "tries of it")
            proven(host, t, "held")


def run_two_workers(host):
    book, t = LightningBook(), sats(30)
    with Driver("lightning", host.settings()) as a, Driver("lightning", host.settings()) as b:
        pay_held(host, book, a, t, 30)
        book.ask(b, "send", [t])
        equal(t.report["outcome"], "accepted", "a second worker does what the first one did",
              t.report)
        host.tell(mode="pay")
        host.tell(mode="release")
        equal(json.loads(a.process.stdout.readline())["payments"][0]["outcome"], "paid", "paid")
        book.ask(b, "send", [t])
        equal(t.report["outcome"], "paid", "a third time, it was paid", t.report)
        equal(host.payment(t.anchor)["tries"], 1, "once")


def run_away(host):
    """The node is away until the invoice has died; only then there is a second one."""
    book, t = LightningBook(), sats(40)
    with Driver("lightning", host.settings()) as d:
        book.prepare(d, [t])
        host.tell(mode="away")
        book.send(d, [t])
        equal(t.state, "unknown", "a node that is away proves nothing", t.report)
        book.now += 30 * HOUR
        book.look(d, [t])
        equal(t.state, "unknown", "nor when the invoice has expired", t.report)
        host.tell(mode="pay")
        book.now -= 30 * HOUR
        book.now += 65 * 60 * SECOND
        book.look(d, [t])
        equal(t.state, "unknown", "nor within ten minutes of that", t.report)
        book.now += 6 * 60 * SECOND
        book.look(d, [t])
        equal(t.state, "failed", "the node never saw it, and its invoice is dead", t.report)
        # the next invoice is made now, by the machine's clock
        book.now = int(time.time()) * SECOND
        book.pay(d, [t])
        equal(t.state, "paid", "the second invoice is paid", t.report)
        equal(len(book.invoices[t.id]), 2, "two invoices")
        equal(host.payment(book.invoices[t.id][0]), None, "the first was never paid")


def random_step(host, rng, book, d, t, fired):
    """One step of a worker, which may die before, within or behind it. The driver that goes on."""
    mode = rng.choice(["pay", "pay", "hold", "fail", "cut", "away"])
    host.tell(mode=mode)
    if rng.random() < 0.3:
        host.tell(mode="release", failed=rng.random() < 0.5)
    crash = rng.choice([None, None, "before", "within", "behind"])
    fired[mode] = fired.get(mode, 0) + 1
    fired[crash or "no crash"] = fired.get(crash or "no crash", 0) + 1
    if crash == "before":
        d.kill()
        d = Driver("lightning", host.settings())
    if t.state in ("queued", "failed"):
        committed = book.prepare(d, [t])
        if not committed or rng.random() < 0.3:
            return d
    if crash == "within":
        d.tell({"do": "send", "payments": [t.payment(book.now)]})
        time.sleep(rng.random() * 0.02)
        d.kill()
        return Driver("lightning", host.settings())
    if mode == "hold":
        d.tell({"do": "send", "payments": [t.payment(book.now)]})
        d.kill()
        d = Driver("lightning", host.settings())
    elif t.state == "sending":
        book.send(d, [t])
    else:
        book.look(d, [t])
    if crash == "behind":
        d.kill()
        d = Driver("lightning", host.settings())
    return d


def run_random(host, seed, count):
    rng, book, fired = random.Random(seed), LightningBook(), {}
    transfers = [sats(1000 + i, amount=rng.randrange(1, 2000)) for i in range(count)]
    d = Driver("lightning", host.settings())
    for _ in range(count * 4):
        t = rng.choice(transfers)
        if t.state != "paid":
            d = random_step(host, rng, book, d, t, fired)
    host.tell(mode="pay")
    host.tell(mode="release")
    for _ in range(6):
        for t in transfers:
            if t.state in ("queued", "failed"):
                book.pay(d, [t])
            elif t.state != "paid":
                book.look(d, [t])
    ok(d.stop() == 0, "the last driver ends in peace")
    rows = {p["hash"]: p for p in host.tell()["payments"]}
    paid = [[a for a in book.invoices[t.id] if rows.get(a, {}).get("status") == "SUCCEEDED"]
            for t in transfers]
    note(f"seed {seed}: {count} transfers; fired {fired}; reports {book.seen}")
    equal([len(p) for p in paid], [1] * count, "each transfer is paid once at the node")
    equal(sum(int(rows[a]["value_msat"]) for p in paid for a in p),
          sum(t.amount * 1000 for t in transfers), "what the node paid is what the book paid")
    equal([t.state for t in transfers], ["paid"] * count, "and the book knows of all")
    equal([len(book.invoices[t.id]) for t in transfers], [1] * count,
          "none had a second invoice, since none of the first had died")
    for what in ("hold", "fail", "cut", "away", "before", "within", "behind"):
        ok(fired.get(what, 0) > 0, f"{what} fired {fired.get(what, 0)} times")


def main():
    seed = int(os.environ.get("METE_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
    host = Host()
    try:
        run_plain(host)
        run_refused(host)
        run_killed_in_flight(host)
        run_two_workers(host)
        run_away(host)
        run_random(host, seed, 60)
    finally:
        host.close()
    done()


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""The Stripe rail by its driver, against the double: refusals, and a worker that sleeps with the
committed bytes and wakes up after another one was refused. What Stripe has moved is what was said
to be paid, and what was said to be over is never moved.
covers: F-046 R-022"""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "http"))
from rail_book import SECOND, Book, Driver, Transfer, done, equal, note, ok  # noqa: E402
from railsim import RailSim  # noqa: E402

HOUR = 3600 * SECOND
KEYS = tempfile.TemporaryDirectory(prefix="mete-stripe-key-")
KEY = pathlib.Path(KEYS.name) / "key"
KEY.write_text("sk_test_railsim\n")
KEY.chmod(0o600)
REFUSALS = ("account_invalid", "resource_missing", "balance_insufficient",
            "insufficient_capabilities_for_transfer", "parameter_invalid_integer")


def moved(sim, t):
    return sum(int(p["amount"]) for p in sim.payments(rail="stripe")
               if p["kind"] == "paid" and p["anchor"] == t.id)


def committed(book, d, number, account="acct_good"):
    t = Transfer(number, 1000 + number, account, asset="USD", scale=2)
    book.prepare(d, [t])
    return t


def said(book, d, what, t):
    return book.ask(d, what, [t])[0]["outcome"]


def sleeper(sim, awake, asleep):
    """One worker is refused; the other one has the same bytes, and sends them afterwards."""
    for i, code in enumerate(REFUSALS):
        for kept in (True, False):
            book = Book()
            t = committed(book, awake, 100 + 2 * i + kept)
            if kept:
                sim.fault("refused", "stripe.transfer.create", text=code)
            else:
                sim.fault("refused_unkept", "stripe.transfer.create", text=code, times=2)
            first = said(book, awake, "send", t)
            ended = first in ("rejected", "transient")
            late = said(book, asleep, "send", t)
            what = f"{code}, {'kept under the key' if kept else 'not kept'}"
            equal((ended, moved(sim, t) > 0), (kept, not kept),
                  f"{what}: it is over when nobody can pay it any more, and only then",
                  t.report, first, late)
            if not kept:
                equal((late, said(book, awake, "probe", t), moved(sim, t)),
                      ("paid", "paid", t.amount), f"{what}: who wakes up pays it, once")


def between(sim, awake, asleep):
    """The other worker is heard between a refusal and its repetition."""
    book = Book()
    t = committed(book, awake, 200)
    sim.fault("refused_unkept", "stripe.transfer.create", text="balance_insufficient")
    equal((said(book, awake, "send", t), said(book, asleep, "send", t), moved(sim, t)),
          ("paid", "paid", t.amount), "a refusal that is over at once pays, once")


def never(sim, d):
    """A refusal that Stripe never keeps: the attempt ends when nobody can send it any more."""
    book = Book()
    t = committed(book, d, 300)
    seen = []
    for hours in (0, 1, 5, 22, 23, 24, 25):
        book.now = t.sending_at + hours * HOUR
        sim.fault("refused_unkept", "stripe.transfer.create", text="account_invalid", times=2)
        seen.append(said(book, d, "probe", t))
        if seen[-1] == "absent":
            seen[-1] = said(book, d, "send", t)
    equal(seen, ["unknown"] * 6 + ["transient"], "unknown for a day, then over")
    sim.request("DELETE", "/sim/faults")
    equal(moved(sim, t), 0, "and nothing has moved")


with RailSim("--seed", "9") as sim:
    settings = {"key_file": str(KEY), "url": sim.url()}
    with Driver("stripe", settings) as one, Driver("stripe", settings) as two:
        equal((one.error, two.error), (None, None), "two workers")
        sleeper(sim, one, two)
        between(sim, one, two)
        never(sim, one)
    fired = sim.fired()
    note(f"faults that fired: {fired}")
    ok(fired.get("refused") == len(REFUSALS) and fired.get("refused_unkept", 0) > len(REFUSALS),
       "both kinds of refusal have struck", fired)
done()

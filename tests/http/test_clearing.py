# SPDX-License-Identifier: Apache-2.0
"""covers: R-008 R-015
The clerk of the role worker says once a day, by the clock, what has cleared: an event of the log, in
every book that has something to clear, and in no other. Balances do not wait for it. By hand: mete
clear. The clock is set by the test."""
import json
import subprocess

from served import METE, done, equal, event, ok, until
from travel import Travel


def told(s, book_key):
    """The watermarks of the log: through, and when it was recorded."""
    rows = s.get("/v1/events?limit=1000", key=book_key)[2]["events"]
    return [r["event"]["payload"]["through"] for r in rows
            if r["event"]["event_type"] == "allocation.cleared_through"]


def sale(s, key, name, party="did:a"):
    answer = s.post("/v1/events", [event(name, "revenue.received", {
        "party": party, "amount": {"amount": "10.00", "currency": "USD"}}, s.now())], key=key)
    assert answer[2]["results"][0]["status"] == "applied", answer


def balance(s, key, party="did:a"):
    row = s.get(f"/v1/parties/{party}/balance", key=key)[2]["balances"][0]
    return row["pending"], row["cleared"]


def clerk():
    s = Travel()
    for more in (("main",), ("quiet",), ("once", "--preset", "fair")):
        s.mete("init", "--book", *more)
    with s:
        keys = {book: s.make_key("admin,revenue:write,revenue:read,earnings:read", "--book", book)
                for book in ("main", "quiet", "once")}
        key = keys["main"]
        sale(s, key, "e1")
        sale(s, keys["once"], "e1")
        s.day(6)
        sale(s, key, "e2")
        equal(told(s, key), [], "day 6: nothing has cleared")
        s.day(7, minutes=1)
        equal(balance(s, key), ("1000", "1000"), "day 7: balances know it at once")
        s.day(8)
        until("day 8: the clerk has said so", lambda: told(s, key) == ["2026-03-10T00:00:00Z"])
        h = s.get("/v1/allocations/e1%2F1", key=key)[2]["history"]
        equal([(x["state"], x["at"][:10]) for x in h],
              [("pending", "2026-03-02"), ("cleared", "2026-03-09")], "the share says when")
        equal(s.get("/v1/events/" + h[1]["event_id"], key=key)[2]["seq"], h[1]["seq"],
              "and which event covers it")
        s.day(9)
        until("day 9: the second day", lambda: len(told(s, key)) == 2)
        s.day(14, minutes=5)
        until("some days later: one for all of them", lambda: len(told(s, key)) == 3)
        equal(told(s, key)[-1], "2026-03-16T00:00:00Z", "to the last midnight")
        equal(balance(s, key), ("0", "2000"), "everything is clear")
        s.stop()
        s.start()
        s.day(15)
        until("it goes on after a restart", lambda: len(told(s, key)) == 4)
        s.day(60)
        until("day 60: the last one", lambda: len(told(s, key)) == 5)
        sale(s, keys["quiet"], "e1")
        s.day(61)
        s.day(68)
        until("another book has something to clear", lambda: len(told(s, keys["quiet"])) == 1)
        equal(len(told(s, key)), 5, "and where nothing was, nothing is said")
        equal(told(s, keys["once"]), [], "nor in a book that clears at once")
        subprocess.run([METE, "log", "verify", "--store", str(s.store)], env=s.env, check=True,
                       capture_output=True)
        ok(True, "the log holds")


def not_asked():
    """A process without the role, and one that is told not to."""
    with Travel("--roles", "distributions,wallet") as s:
        key = s.make_key("admin,revenue:write,revenue:read,earnings:read")
        sale(s, key, "e1")
        s.day(9)
        equal(balance(s, key), ("0", "1000"), "without the role balances are the same")
        s.stop()
        equal(told_by_hand(s), (["cleared"], 1), "mete clear says it")


def told_by_hand(s):
    def mete(*args):
        done = subprocess.run([METE, *args, "--store", str(s.store)], env=s.env,
                              capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    at = "2026-03-10T00:00:00Z"
    equal(mete("clear", "--through", "2026-03-02T13:00:00Z"),
          (0, "Cleared through 2026-03-02T13:00:00Z\n"), "through any moment")
    equal(mete("clear", "--through", at), (0, f"Cleared through {at}\n"), "and later ones")
    equal(mete("clear", "--through", at), (0, f"Cleared before, also through {at}\n"), "once")
    equal(mete("clear", "--through", "2026-03-09T00:00:00Z")[1][:14], "Cleared before",
          "never back")
    status, text = mete("clear", "--through", "2026-03-11T12:03:00Z")
    ok(status == 1 and "clearing_ahead" in text, "never ahead of the clock", text)
    h = json.loads(mete("dispute", "show", "e1/1", "--json")[1])["history"]
    before = json.loads(mete("dispute", "show", "e1/1", "--json", "--at", "2026-03-03")[1])
    equal(before["history"][1:], [], "by an earlier clock it had not cleared")
    return [x["state"] for x in h[1:]], len([x for x in h if x["event_id"] == f"cleared_through:{at}"])


def main():
    clerk()
    not_asked()
    done()


if __name__ == "__main__":
    main()

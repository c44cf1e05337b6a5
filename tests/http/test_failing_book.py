# SPDX-License-Identifier: Apache-2.0
"""covers: R-037
A store of which one book is damaged: the threads that tend all books say so once, not each second, and
the other books are tended as ever."""
import json
import re
import sqlite3
import subprocess
import time

from served import METE, done, equal, event, ok, until
from travel import Travel

BOOKS = ("alpha", "beta")  # the damaged one comes first


def fill(s, book):
    lines = "\n".join(json.dumps(e) for e in (
        event("conf", "book.configured", {"clear_after_days": 1}, s.now()),
        *[event(f"r{i}", "revenue.received", {"party": "did:p", "amount": {
            "amount": "1.00", "currency": "USD"}}, s.now()) for i in range(3)]))
    subprocess.run([METE, "init", "--store", str(s.store), "--book", book], env=s.env, check=True,
                   capture_output=True)
    subprocess.run([METE, "ingest", "--store", str(s.store), "--book", book, "-"], input=lines, env=s.env,
                   check=True, text=True, capture_output=True)


def row_out(s, book):
    """Takes the first row out of a book's log, and returns it."""
    db = sqlite3.connect(s.store)
    db.execute("pragma trusted_schema = on")
    for (name,) in db.execute("select name from sqlite_master where type = 'trigger' and "
                              "tbl_name = 'event'").fetchall():
        db.execute(f'drop trigger "{name}"')
    row = db.execute("select * from event where key >> 40 = (select book_id from book where name = ?) "
                     "order by key limit 1", (book,)).fetchone()
    db.execute("delete from event where key = ?", row[:1])
    db.commit()
    db.close()
    return row


def row_back(s, row):
    db = sqlite3.connect(s.store, timeout=30)
    db.execute(f"insert into event values ({','.join('?' * len(row))})", row)
    db.commit()
    db.close()


def lines(s, pattern):
    return re.findall(pattern, (s.folder / "log").read_text())


def watermarks(s, key):
    rows = s.get("/v1/events?limit=1000", key=key)[2]["events"]
    return [r for r in rows if r["event"]["event_type"] == "allocation.cleared_through"]


with Travel() as s:
    s.stop()
    for name in BOOKS:
        fill(s, name)
    row = row_out(s, "alpha")
    s.day(3)
    s.start()
    key = s.make_key("admin,revenue:read", "--book", "beta")
    until("the book behind it is tended", lambda: len(watermarks(s, key)) == 1)
    said = ("payouts of book alpha are not queued: .+", "book alpha: its log does not say .+: .+")
    for line in said:
        until(f"it is said: {line}", lambda: lines(s, line))
    time.sleep(5)  # some looks of each thread
    for line in said:
        found = lines(s, line)
        ok(len(found) == 1, f"once: {line}", found)
    equal(len(lines(s, "beta")), 0, "of the other book there is nothing to say")
    row_back(s, row)
    for line in ("payouts of book alpha are queued again", "book alpha: its log says again"):
        until(f"when it is whole again: {line}", lambda: lines(s, line), 90)
done()

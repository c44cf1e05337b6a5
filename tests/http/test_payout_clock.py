# SPDX-License-Identifier: Apache-2.0
"""covers: F-049
The thread of mete serve that pays out, when somebody sets the machine's clock: it rests by a clock that
nobody sets, and what it asks takes the time that it takes."""
import datetime
import re
import sqlite3
import time

from served import done, equal, event, ok, until
from travel import Travel

PARTIES = 3


def events(s, name):
    at = "2025-01-01T00:00:00Z"
    status, _, body = s.post("/v1/events", [
        event("conf", "book.configured", {"clear_after_days": 0}, at),
        *[event(f"d{i}", "party.destination_set", {"party": f"did:p{i}", "rail": "internal_ledger",
                                                   "destination": f"wallet-{i}"}, at)
          for i in range(PARTIES)],
        *[event(f"{name}{i}", "revenue.received", {"party": f"did:p{i}", "amount": {
            "amount": "10.00", "currency": "USD"}}, at) for i in range(PARTIES)]])
    ok(status == 200 and all(r["status"] in ("applied", "duplicate") for r in body["results"]),
       f"money for payday {name}", body)
    answer = s.post("/v1/payouts/batches", {"batch_id": name, "asset": "USD",
                                            "rail": "internal_ledger"})
    ok(answer[0] == 202, f"payday {name}", answer[2])


def paid(s):
    path = s.folder / "wallets.db"
    if not path.exists():
        return 0
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return db.execute("SELECT COUNT(*) FROM credit").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        db.close()


def latencies(s, since):
    """One thread asks, one question after the other: together they take no longer than it lives."""
    metrics = s.get("/metrics")[2]
    for operation in ("claimPayouts", "stepPayouts"):
        found = {name: float(value) for name, value in re.findall(
            r'^mete_http_request_seconds_(sum|count)\{[^}]*%s[^}]*\} (\S+)$' % operation, metrics, re.M)}
        ok(found.get("count", 0) > 0 and found["sum"] <= time.monotonic() - since,
           f"{operation}: answered within the time that has passed", found)


began = time.monotonic()
server = Travel()
config = server.folder / "mete.conf"
config.write_text(f"[rails]\nrails = internal_ledger\n[internal_ledger]\nfile = {server.folder}/wallets.db\n")
server.env["METE_CONFIG"] = str(config)
with server as s:
    events(s, "first")
    until("paid", lambda: paid(s) == PARTIES)
    s.to(s.begin - datetime.timedelta(minutes=4))  # more, and the log would find it odd
    events(s, "second")
    until("four minutes earlier it goes on", lambda: paid(s) == 2 * PARTIES)
    s.day(3)
    events(s, "third")
    until("and days later", lambda: paid(s) == 3 * PARTIES)
    latencies(s, began)
done()

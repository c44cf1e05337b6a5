# SPDX-License-Identifier: Apache-2.0
"""covers: F-058 F-059 R-019 R-022
kill -9 of the server and of two workers, again and again, while they pay out over the internal
ledger. In the end every wallet has what its party had, once, and the book says the same.
METE_TEST_SEED says at which moments."""
import os
import random
import signal
import sqlite3
import subprocess
import time

from served import METE, Served, done, equal, event, note, ok

QUEUE = os.environ["QUEUE_PAYOUTS"]
SEED = int(os.environ.get("METE_TEST_SEED", random.randrange(1 << 30)))
PARTIES = 300
KILLS = 24
PATIENCE_S = 400  # what is in the midst of being sent is looked at after 30 s, a lease after 60 s


def money(i):
    return (1 + i % 97) * 100 + i % 100


def earn(s):
    events = [event("conf", "book.configured", {"clear_after_days": 0})]
    for i in range(PARTIES):
        cents = money(i)
        events.append(event(f"r{i}", "revenue.received", {
            "party": f"p{i}", "amount": {"amount": f"{cents // 100}.{cents % 100:02}",
                                         "currency": "USD"}}))
        events.append(event(f"d{i}", "party.destination_set", {
            "party": f"p{i}", "rail": "internal_ledger", "destination": f"wallet {i}"}))
    status, _, body = s.post("/v1/events", {"events": events})
    ok(status in (200, 202) and all(r["status"] == "applied" for r in body["results"]),
       f"{PARTIES} parties have money and a wallet")


class Worker:
    def __init__(self, s, port):
        path = s.folder / "worker.conf"
        path.write_text(f"[rails]\nrails = internal_ledger\n"
                        f"[internal_ledger]\nfile = {s.folder}/wallets.db\n")
        self.env = {**s.env, "METE_CONFIG": str(path)}
        self.command = [METE, "worker", "--url", f"http://127.0.0.1:{port}"]
        self.log = open(s.folder / "workers", "ab")
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, env=self.env, stdout=self.log,
                                        stderr=self.log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()
        return self.process.returncode


def credits(s):
    db = sqlite3.connect(f"file:{s.folder}/wallets.db?mode=ro", uri=True)
    try:
        return db.execute("SELECT COUNT(*) FROM credit").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        db.close()


def credited(s):
    try:
        return credits(s)
    except sqlite3.OperationalError:  # no file yet
        return 0


def resting(s):
    """Payouts that the book says are paid."""
    lines = s.get("/metrics")[2].splitlines()
    return {line.split('state="')[1].split('"')[0]: int(line.split()[-1])
            for line in lines if line.startswith("mete_payouts{")}


def kill_some(s, workers, rng):
    killed = {"server": 0, "worker": 0}
    for _ in range(KILLS):
        # after so many more payments, or when nothing has moved for a while
        wanted, began = credited(s) + rng.randrange(1 + PARTIES // KILLS), time.time()
        while credited(s) < wanted and time.time() - began < 2:
            time.sleep(0.002)
        if rng.random() < 0.4:
            s.stop(signal.SIGKILL)
            s.start(s.port)
            killed["server"] += 1
        else:
            w = rng.choice(workers)
            w.kill()
            w.start()
            killed["worker"] += 1
    return killed


def wait_for_end(s):
    end = time.time() + PATIENCE_S
    while resting(s).get("paid") != PARTIES and time.time() < end:
        time.sleep(0.5)


def check(s):
    db = sqlite3.connect(s.folder / "wallets.db")
    wallets = dict(db.execute("SELECT wallet, balance FROM wallet"))
    count, transfers = db.execute("SELECT COUNT(*), COUNT(DISTINCT transfer) FROM credit").fetchone()
    db.close()
    equal(wallets, {f"wallet {i}": money(i) for i in range(PARTIES)},
          "every wallet has what its party had")
    equal((count, transfers), (PARTIES, PARTIES), "nobody was paid twice")
    states = {k: v for k, v in resting(s).items() if v}
    equal(states, {"paid": PARTIES}, "the book says the same")
    paid = sum(int(b["paid"]) for i in range(PARTIES)
               for b in s.get(f"/v1/parties/p{i}/balance")[2]["balances"])
    equal(paid, sum(money(i) for i in range(PARTIES)), "to the cent")


note(f"seed {SEED} (METE_TEST_SEED)")
dice = random.Random(SEED)
with Served() as server:
    earn(server)
    server.stop()
    queued = subprocess.run([QUEUE, str(server.store), "main", "b1", "internal_ledger", "USD"],
                            capture_output=True, text=True, check=True).stdout
    server.start()
    equal(int(queued), PARTIES, f"{PARTIES} payouts are queued")
    both = [Worker(server, server.port), Worker(server, server.port)]
    try:
        note(f"killed: {kill_some(server, both, dice)}, {credited(server)} paid by then")
        wait_for_end(server)
        check(server)
    finally:
        equal([w.stop() for w in both], [0, 0], "the workers end when they are told to")
    server.stop()
    audit = subprocess.run([METE, "log", "verify", "--store", str(server.store)], env=server.env,
                           capture_output=True, text=True)
    equal(audit.returncode, 0, "the log holds" + ("" if audit.returncode == 0 else audit.stderr))
done()

# SPDX-License-Identifier: Apache-2.0
"""Lightning payouts as they are lived: earned in satoshi, queued by a batch over HTTP, paid to
Lightning addresses that the LNURL server of npm serves, through nodes of LDK, by the thread of
`mete serve` and by processes of `mete worker` that are killed with SIGKILL again and again while
the payment is held in flight, fails, is made without an answer, or the node is away; and the server
dies too.

covers: F-043 F-045 R-020 R-022 R-032"""
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(os.environ["ROOT"]) / "tests/rails"))

from lightning_host import HOST, Host
from served import METE, Served, done, equal, event, note, ok, until

FAULTS = ["hold", "fail", "cut", "away", "pay"]


def earn(s, parties, rail):
    events = [event("conf", "book.configured", {"clear_after_days": 0})]
    for i in range(parties):
        events.append(event(f"r{i}", "revenue.received", {
            "party": f"did:p{i}", "amount": {"amount": str(1000 + i), "currency": "SAT"}}))
        events.append(event(f"d{i}", "party.destination_set", {
            "party": f"did:p{i}", "rail": rail, "destination": f"agent@{HOST}"}))
    _, _, body = s.post("/v1/events", {"events": events})
    equal({r["status"] for r in body["results"]}, {"applied"}, f"{parties} parties have earned")


def nobody(s):
    """A party whose address its host does not know."""
    _, _, body = s.post("/v1/events", {"events": [
        event("rn", "revenue.received", {
            "party": "did:nobody", "amount": {"amount": "5000", "currency": "SAT"}}),
        event("dn", "party.destination_set", {
            "party": "did:nobody", "rail": "lightning", "destination": f"nobody@{HOST}"})]})
    equal({r["status"] for r in body["results"]}, {"applied"}, "and one whose address is wrong")


def queue(s, name, parties, rail):
    body = {"batch_id": name, "asset": "SAT", "rail": rail}
    status, _, answer = s.post("/v1/payouts/batches", body)
    ok(status == 202, "a batch is opened", answer)
    until("and filled", lambda: s.get(f"/v1/payouts/batches/{name}")[2]["status"] != "queueing")
    equal(s.get(f"/v1/payouts/batches/{name}")[2]["transfers"], str(parties), f"{parties} are queued")


def configuration(s, host, rails="lightning", **more):
    path = s.folder / "mete.conf"
    lines = [f"{k} = {v}" for k, v in host.settings(**more).items()]
    path.write_text("[lightning]\n" + "\n".join(lines) + "\n")
    return {"METE_CONFIG": str(path), "PAYMENT_PROCESSORS": rails}


def balances(s, parties):
    return [s.get(f"/v1/parties/did:p{i}/balance")[2]["balances"][0]["paid"]
            for i in range(parties)]


def once_each(host, parties, what):
    """What the node has paid: exactly what was earned, each once. The sum of fees."""
    rows = [p for p in host.tell()["payments"] if p["status"] == "SUCCEEDED"]
    equal(sorted(int(p["value_msat"]) for p in rows), [(1000 + i) * 1000 for i in range(parties)],
          f"{what}: the node has paid each once, exactly")
    return rows


def by_the_server(parties):
    host = Host()
    s = Served()
    s.env.update(configuration(s, host, rails="lightning_address"))
    try:
        with s:
            earn(s, parties, "lightning")
            nobody(s)
            queue(s, "b1", parties + 1, "lightning")
            wanted = [str(1000 + i) for i in range(parties)]
            until("the thread of the server pays them", lambda: balances(s, parties) == wanted, 120)
            once_each(host, parties, "mete serve")
            text = (s.folder / "log").read_text()
            ok(HOST not in text and "agent@" not in text, "its log names no destination", text[-800:])
            ok("0201036c6e64" not in text, "and no key")
            lost = "/v1/payouts?batch=b1&party=did:nobody"
            until("one that fails keeps back no other",
                  lambda: [p["state"] for p in s.get(lost)[2]["payouts"]] == ["failed"])
            report = s.get("/v1/payouts?batch=b1")[2]
            ok(HOST not in str(report), "nor do reports", str(report)[:500])
    finally:
        host.close()


def worker_start(s, env):
    return subprocess.Popen([METE, "worker", "--url", f"http://127.0.0.1:{s.port}"], env=env,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def kill(process):
    process.kill()
    process.stderr.close()
    process.wait()


def storm(s, host, env, rng, rounds):
    """Workers that live for a moment, two at a time; the node changes its mind, the server dies."""
    fired = {name: 0 for name in FAULTS + ["worker killed", "server killed"]}
    port = s.port
    modes = [FAULTS[i % len(FAULTS)] for i in range(rounds)]
    deaths = [i % 4 == 0 for i in range(rounds)]
    rng.shuffle(modes)
    rng.shuffle(deaths)
    for mode, dies in zip(modes, deaths):
        host.tell(mode=mode)
        fired[mode] += 1
        workers = [worker_start(s, env) for _ in range(rng.choice([1, 2]))]
        time.sleep(0.05 + rng.random())
        if dies:
            s.stop(signal.SIGKILL)
            fired["server killed"] += 1
            time.sleep(rng.random() * 0.2)
            s.start(port)
        if rng.random() < 0.5:
            host.tell(mode="release", failed=rng.random() < 0.3)
        for w in workers:
            kill(w)
            fired["worker killed"] += 1
    return fired


def by_workers_that_die(parties, seed):
    rng = random.Random(seed)
    host = Host()
    s = Served()
    env = {**s.env, **configuration(s, host)}
    try:
        with s:
            earn(s, parties, "lightning")
            queue(s, "b1", parties, "lightning")
            s.key = None
            fired = storm(s, host, env, rng, 24)
            host.tell(mode="pay")
            host.tell(mode="release")
            last = worker_start(s, env)
            wanted = [str(1000 + i) for i in range(parties)]
            until("what is left is paid", lambda: balances(s, parties) == wanted, 240)
            kill(last)
            once_each(host, parties, "killed workers")
            lost = host.tell()
            note(f"seed {seed}: {fired}; {lost['invoices']} invoices were given out, "
                 f"{sum(p['tries'] for p in lost['payments'])} tries at the node")
            for name, times in fired.items():
                ok(times > 0, f"{name}: {times} times")
    finally:
        host.close()


def main():
    seed = int(os.environ.get("METE_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
    by_the_server(12)
    by_workers_that_die(30, seed)
    done()


main()

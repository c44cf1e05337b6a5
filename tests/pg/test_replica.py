# SPDX-License-Identifier: Apache-2.0
"""A database with a standby, under load, when the machine of the first server dies: the standby is
promoted, and the nodes, which have the addresses of both, go on there. With a synchronous standby
nothing that was acknowledged is gone. With an asynchronous one that hangs behind, what it lacked is
gone, which is counted; the log goes on without a hole, and whoever has a checkpoint of before is told
that it does not hold.
covers: F-114 F-104 V-054 V-081

usage: test_replica.py                    (both, once)
       test_replica.py synchronous|asynchronous ROUNDS    (asynchronous: without hanging behind)
"""
import os
import subprocess
import sys
import time
import urllib.parse

from cluster import PASSWORD, Cluster, Standby
from installation import METE, SEED, WAIT_S, Installation, Load, holds
from served import done, equal, note, ok

BEHIND = 400  # events: more than the clients have under way


def address_of_both(first, second):
    secret = urllib.parse.quote(PASSWORD, safe="")
    return (f"postgres://{Cluster.APP}:{secret}@127.0.0.1:{first.port},127.0.0.1:{second.port}/"
            f"{Cluster.DATABASE}?target_session_attrs=read-write")


def mete(i, *args, pg=None):
    return subprocess.run([METE, *args], capture_output=True, text=True, check=False,
                          env={**os.environ, **i.env, "DATABASE_URL": (pg or i.pg).url()})


def stored(pg):
    return set(pg.sql("select substring(convert_from(event, 'UTF8') from "
                      "'\"event_id\":\"([^\"]*)\"') from mete.event").splitlines())


def checkpoint(i):
    """(size, note) as a node signs it now."""
    node = i.wait_for_holder()
    status, _, body = node.get("/v1/log/checkpoint")
    return (int(body.split("\n")[1]), body) if status == 200 else (0, str(body))


def machine_dies(i, load, primary, standby, behind):
    """Returns the last checkpoint of before, and how long nobody got an answer."""
    if behind:
        standby.stop()
        ok(load.wait_for(BEHIND), "events come in while the standby hangs behind")
    size, text = checkpoint(i)
    ok(load.wait_for(20), "and more of them")
    primary.kill()
    began = time.monotonic()
    if behind:
        standby.start()
    standby.promote()
    i.pg = standby
    if not behind:
        ok(load.wait_for(50), "on the promoted standby events come in again")
    return size, text, time.monotonic() - began


def synchronous(seed):
    with Cluster() as primary, Standby(primary) as standby:
        url = address_of_both(primary, standby)
        with Installation(primary, urls=[url] * 3) as i:
            standby.wait_until_followed(synchronous=True)
            with Load(i, seed) as load:
                ok(load.wait_for(100), "events come in")
                for command in (["parties"], ["log", "verify"]):
                    read = mete(i, *command, pg=standby)
                    equal(read.returncode, 0, f"mete {' '.join(command)} on the standby "
                          f"{read.stderr}")
                size, text, took = machine_dies(i, load, primary, standby, behind=False)
            note(f"events came in again {took:.1f} s after the machine had died")
            holds(i, load, "a synchronous standby")
            (i.folder / "before").write_text(text)
            held = mete(i, "log", "verify", "--checkpoint", str(i.folder / "before"))
            equal(held.returncode, 0, f"the checkpoint of {size} events holds {held.stderr}")


def asynchronous(seed, behind=True):
    """Returns how many acknowledged events are gone, and of how many."""
    with Cluster() as primary, Standby(primary) as standby:
        url = address_of_both(primary, standby)
        with Installation(primary, urls=[url] * 3) as i:
            standby.wait_until_followed(synchronous=False)
            with Load(i, seed) as load:
                ok(load.wait_for(100), "events come in")
                size, text, _ = machine_dies(i, load, primary, standby, behind)
            have = stored(standby)
            gone = [e for a in load.acknowledged for e in a if e not in have]
            note(f"an asynchronous standby: {len(gone)} of {load.count()} acknowledged events are "
                 "gone")
            if behind:
                ok(len(gone) >= BEHIND // 2, "what it lacked is gone")
                tells_of_it(i, size, text)
            goes_on(i, load.sent)
            return len(gone), load.count()


def tells_of_it(i, size, text):
    (i.folder / "before").write_text(text)
    now = int(i.pg.sql("select max(seq) from mete.event"))
    ok(now < size, f"the log has {now} events, it had {size}")
    said = mete(i, "log", "consistency", str(size), str(now))
    ok(said.returncode != 0, "mete log consistency: there is no such log", said.stdout, said.stderr)
    said = mete(i, "log", "consistency", str(now), str(size))
    ok(said.returncode != 0 and str(now) in said.stderr, "nor in the other order", said.stdout,
       said.stderr)
    held = mete(i, "log", "verify", "--checkpoint", str(i.folder / "before"))
    equal(held.returncode, 3, f"mete log verify --checkpoint: {held.stderr.splitlines()[:1]}")


def goes_on(i, sent):
    """Whole, the same everywhere, and it can be written."""
    before = int(i.pg.sql("select max(seq) from mete.event"))
    load = Load(i, 1)
    load.sent = list(sent)
    with load:
        ok(load.wait_for(50), "events come in")
    missing = i.pg.sql("select max(seq) - count(*) from mete.event")
    equal(missing, "0", "no number is missing in the log")
    ok(int(i.pg.sql("select max(seq) from mete.event")) > before, "it has grown")
    heads = {node.get("/v1/log/checkpoint")[2].split("\n", 3)[1:3].__str__() for node in i.nodes}
    equal(len(heads), 1, f"all nodes have one head {heads}")
    audit = mete(i, "audit")
    equal(audit.returncode, 0, f"the audit holds {audit.stderr[-300:]}")


def main():
    note(f"seed {SEED}, patience {WAIT_S} s")
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    which = sys.argv[1:2]
    for k in range(rounds):
        if which != ["asynchronous"]:
            synchronous(SEED + k)
        if not which:
            asynchronous(SEED + k)
    if which == ["asynchronous"]:
        lost = [asynchronous(SEED + k, behind=False) for k in range(rounds)]
        note(f"gone of acknowledged, each round: {lost}")
    done()


main()

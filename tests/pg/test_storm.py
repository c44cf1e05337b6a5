# SPDX-License-Identifier: Apache-2.0
"""Everything at once, at random, under load: nodes are killed, frozen past their lease and woken,
their clocks jump by hours; the network cuts, delays, and loses COMMITs and the answers to them; the
server gives transactions up, ends sessions, crashes and is restarted. In the end what was
acknowledged is stored, once; all have the same head; the audit holds. How often each kind really
happened is printed, and none of them may have happened never.
covers: F-027 F-114 V-053 V-080 V-081 V-084 V-085

usage: test_storm.py [direct|pooled] [SECONDS]     (pooled: through PgBouncer in transaction mode)
"""
import collections
import contextlib
import mmap
import os
import random
import re
import signal
import struct
import subprocess
import sys
import time

from cluster import Cluster, Pooler
from installation import NODES, SEED, Installation, Load, holds
from proxy import Proxy
from served import done, equal, note, ok

CHANCES = {"lost": 0.04, "unsent": 0.04, "cut": 0.0007, "delay": 0.01}
PATIENCE_S = 120  # for what happens by chance
SLOW_S = 5  # told, not judged
# What the server itself tells: its log has the state and the session of every error.
SETTINGS = {"log_line_prefix": "%e %a ", "deadlock_timeout": "200ms", "max_connections": "150"}
TOLD = {"given up (40001)": r"^40001 mete", "deadlocks (40P01)": r"^40P01 mete"}
GIVES_UP = """
create function public.gives_up() returns trigger language plpgsql as $$
begin
    if random() < 0.01 then
        raise exception 'by chance' using errcode = 'serialization_failure';
    end if;
    return null;
end
$$;
create trigger gives_up after insert on mete.event for each statement
    execute function public.gives_up();
create constraint trigger gives_up after update on mete.lease deferrable initially deferred
    for each row execute function public.gives_up();
"""
CALM = ["drop trigger gives_up on mete.event", "drop trigger gives_up on mete.lease"]
# Waits for a group's rows while the group waits for its lease: the group has to notice.
STANDS_IN_THE_WAY = ["set deadlock_timeout = '10s'; set lock_timeout = '3s'", "begin",
                     "lock table mete.event in share row exclusive mode", "select pg_sleep(0.1)",
                     "update mete.lease set owner = owner", "rollback"]


class Clocks:
    """Of the nodes: each is off by as much as its file says."""

    def __init__(self, folder):
        self.files = []
        self.envs = []
        for n in range(NODES):
            path = folder / f"clock-{n}"
            path.write_bytes(bytes(8))
            with open(path, "r+b") as f:
                self.files.append(mmap.mmap(f.fileno(), 8))
            self.envs.append({"LD_PRELOAD": os.environ["JUMPING_CLOCK"],
                              "METE_TEST_CLOCK": str(path)})

    def set(self, n, seconds):
        self.files[n][:8] = struct.pack("=q", seconds)


class Storm:
    def __init__(self, pg, front, seed):
        self.pg = pg
        self.random = random.Random(seed)
        self.fired = collections.Counter()
        self.stack = contextlib.ExitStack()
        self.clocks = Clocks(pg.folder)
        self.proxies = [self.stack.enter_context(
            Proxy(pg, seed + n, port=front.port, fired=self.fired))
            for n in range(NODES)]
        self.i = self.stack.enter_context(
            Installation(pg, urls=[p.url() for p in self.proxies], envs=self.clocks.envs))
        for proxy in self.proxies:
            proxy.chances.update(CHANCES)
        pg.sql(GIVES_UP)

    # --- kinds: each returns whether it really happened ---

    def killed(self):
        holder = self.i.wait_for_holder()
        holder.process.kill()
        holder.process.wait()
        taken = self.i.wait_for_holder(holder) is not None
        self._start(holder)
        return taken

    def killed_idle(self):
        """One that has not the book: whoever asked it asks another."""
        holder = self.i.wait_for_holder()
        other = self.random.choice([n for n in self.i.nodes if n is not holder])
        other.process.kill()
        other.process.wait()
        time.sleep(0.3)
        self._start(other)
        return True

    @staticmethod
    def _start(node):
        """The network may be as bad when it starts: whoever watches over it starts it again."""
        for _ in range(50):
            try:
                node.start(node.port)
                return
            except RuntimeError:
                node.process.kill()
                node.process.wait()
        raise RuntimeError("a node did not start in 50 attempts")

    def frozen(self):
        """Past its lease, and awake again."""
        holder = self.i.wait_for_holder()
        holder.process.send_signal(signal.SIGSTOP)
        taken = self.i.wait_for_holder(holder) is not None
        holder.process.send_signal(signal.SIGCONT)
        return taken

    def paused(self):
        """Shorter than its lease."""
        holder = self.i.wait_for_holder()
        holder.process.send_signal(signal.SIGSTOP)
        time.sleep(self.random.uniform(0.2, 1.5))
        holder.process.send_signal(signal.SIGCONT)
        return True

    def server_crashed(self):
        self.pg.crash()
        time.sleep(self.random.uniform(0, 0.5))
        self.pg.start()
        return True

    def server_restarted(self):
        self.pg.stop()
        self.pg.start()
        return True

    def sessions_ended(self):
        return int(self.pg.sql(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity "
            f"where usename = '{self.pg.APP}' and random() < 0.7")) > 0

    def statements_cancelled(self):
        return int(self.pg.sql(
            "select count(pg_cancel_backend(pid)) from pg_stat_activity "
            f"where usename = '{self.pg.APP}' and state <> 'idle'")) > 0

    def severed(self):
        return self.random.choice(self.proxies).sever() > 0

    def deadlocked(self):
        before = self._told("deadlocks (40P01)")
        command = ["psql", "-XqAt", self.pg.url(self.pg.SUPER)]
        for sql in STANDS_IN_THE_WAY:
            command += ["-c", sql]
        for _ in range(20):
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           check=False)
            if self._told("deadlocks (40P01)") > before:
                return True
        return False

    def _clock(self, hours):
        holder = self.i.wait_for_holder()
        self.clocks.set(self.i.nodes.index(holder), hours * 3600)
        return holder

    def clock_forward(self):
        """As the log tells, unless another node takes the book just then."""
        for _ in range(20):
            self._clock(self.random.randint(3, 20))
            time.sleep(0.3)
            if self.pg.sql("select max(recorded_at) > extract(epoch from now() + "
                           "interval '2 hours') * 1000000 from mete.event") == "t":
                return True
        return False

    def clock_back(self):
        self._clock(-self.random.randint(3, 20))
        return True

    KINDS = (killed, killed_idle, frozen, paused, server_crashed, server_restarted, sessions_ended,
             statements_cancelled, severed, deadlocked, clock_forward, clock_back)

    # --- the whole ---

    def _told(self, what):
        return len(re.findall(TOLD[what], self.pg.log(), re.M))

    def rage(self, load, seconds):
        """Each kind once at least, in random order, until the time is over."""
        until = time.monotonic() + seconds
        at_last = until + PATIENCE_S
        while (time.monotonic() < until or
               (self._missing() and time.monotonic() < at_last)):
            for kind in self.random.sample(self.KINDS, len(self.KINDS)):
                name = kind.__name__.replace("_", " ")
                began = time.monotonic()
                self.fired[name] += kind(self)
                took = time.monotonic() - began
                self._all_live(name)
                if not load.wait_for(20):
                    ok(False, f"after {name}: events come in again")
                    return
                again = time.monotonic() - began - took
                if again > SLOW_S:
                    note(f"{name}: {took:.1f} s, and {again:.1f} s until events came in again")

    def _all_live(self, name):
        """A node ends when it is killed, and never by itself."""
        for n, node in enumerate(self.i.nodes):
            if node.process.poll() is not None:
                log = (node.folder / "log").read_text(errors="replace")
                said = [line for line in log.splitlines() if not line.startswith("{")]
                ok(False, f"after {name}: node {n} ended by itself ({node.process.returncode})",
                   *said[-8:], *log.splitlines()[-3:])
                self._start(node)

    def _wanted(self):
        return {k.__name__.replace("_", " ") for k in self.KINDS} | set(CHANCES) | set(TOLD)

    def _missing(self):
        return [w for w in self._wanted()
                if not (self._told(w) if w in TOLD else self.fired[w])]

    def calm(self):
        for proxy in self.proxies:
            proxy.chances.clear()
        for sql in CALM:
            self.pg.sql(sql)

    def tell(self):
        wanted = self._wanted()
        self.fired.update({what: self._told(what) for what in TOLD})
        note(", ".join(f"{what}: {self.fired[what]}" for what in sorted(wanted)))
        for what in sorted(wanted):
            ok(self.fired[what] > 0, f"it happened: {what}")


def storm(pg, front, seconds, what):
    s = Storm(pg, front, SEED)
    with s.stack:
        with Load(s.i, SEED) as load:
            ok(load.wait_for(50), "events come in")
            began = time.monotonic()
            s.rage(load, seconds)
            note(f"{what}: {time.monotonic() - began:.0f} s of storm")
            s.calm()
            ok(load.wait_for(50), "afterwards events come in")
        s.tell()
        holds(s.i, load, what)
        back = pg.sql("select count(*) from (select recorded_at, lag(recorded_at) over "
                      "(partition by book_id order by seq) as before from mete.event) t "
                      "where recorded_at < before")
        equal(back, "0", "no event was recorded before the one before it")
        gone = pg.sql("select (select count(*) from mete.event) - (select max(seq) from mete.event)")
        equal(gone, "0", "no number is missing in the log")


def main():
    pooled = "pooled" in sys.argv[1:]
    seconds = int(next((a for a in sys.argv[1:] if a.isdigit()), 10))
    note(f"seed {SEED}")
    with Cluster(settings=SETTINGS) as pg:
        if pooled:
            with Pooler(pg, pool=20) as front:
                storm(pg, front, seconds, "a storm through a pooler")
        else:
            storm(pg, pg, seconds, "a storm")
    done()


main()

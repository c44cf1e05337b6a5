# SPDX-License-Identifier: Apache-2.0
"""Many trackers at once against one server that dies again and again."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time
from decimal import Decimal

from served import Served, equal, note, ok

MANY = os.environ["BUILD"] + "/tests/track_many"
KILLS = 3


class Relay:
    """Between some trackers and the server: where it is lossy, every second connection loses its
    answer, after the server gave it; `carried` is released with every answer that passes."""

    def __init__(self, to_port, lossy):
        self.to_port = to_port
        self.lossy = lossy
        self.lost = 0
        self.carried = threading.Semaphore(0)
        self.lock = threading.Lock()
        self.count = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        with self.lock:
            self.count += 1
            lossy = self.lossy and self.count % 2 == 0
        try:
            server = socket.create_connection(("127.0.0.1", self.to_port))
        except OSError:
            client.close()
            return
        threading.Thread(target=self.copy, args=(client, server), daemon=True).start()
        try:
            while answer := server.recv(65536):
                if lossy:
                    with self.lock:
                        self.lost += 1
                    break
                client.sendall(answer)
                self.carried.release()
        except OSError:
            pass
        for s in (client, server):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    @staticmethod
    def copy(client, server):
        try:
            while sent := client.recv(65536):
                server.sendall(sent)
        except OSError:
            pass


def metered(s):
    """What the server's feed says was metered: events, calls, cost, and ids that came twice."""
    after, ids, calls, cost = 0, [], 0, Decimal(0)
    while page := s.get(f"/v1/events?after={after}")[2]["events"]:
        for row in page:
            e = row["event"]
            ids.append(e["event_id"])
            calls += e["payload"]["calls"]
            cost += Decimal(e["payload"]["cost"]["amount"])
        after = page[-1]["seq"]
    return len(ids), calls, cost, len(ids) - len(set(ids))


def swarm(trackers, processes, calls, seconds):
    each = trackers // processes
    with tempfile.TemporaryDirectory(prefix="mete-swarm-") as spools, Served() as s:
        port = s.port
        relay = Relay(port, lossy=True)
        began = time.monotonic()
        running = []
        for i in range(processes):
            # every tenth process hears answers through the relay; two processes share their spools
            to = relay.port if i % 10 == 0 else port
            running.append(subprocess.Popen(
                [MANY, str(i + 1), str(each), str(calls), f"http://127.0.0.1:{to}/usage",
                 f"{spools}/{i // 2}", str(seconds)], stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL))
        kills = 0
        for _ in range(KILLS):
            time.sleep(seconds / (KILLS + 1))
            kills += s.stop(signal.SIGKILL) == -signal.SIGKILL
            time.sleep(0.3)
            s.start(port)
        said = [json.loads(p.communicate()[0]) for p in running]
        took = time.monotonic() - began
        sums = {k: sum(one[k] for one in said) for k in said[0]}
        left = [str(f) for f in pathlib.Path(spools).rglob("*")
                if f.is_file() and f.suffix in (".report", ".calls", ".refused")]
        events, got_calls, got_cost, twice = metered(s)
        relay.listener.close()
    note(f"{trackers} trackers in {processes} processes, {took:.1f} s: {sums['recorded']} lines of "
         f"{sums['calls']} calls, {sums['attempts']} requests, {events} events")
    note(f"fired: {kills} kills, {sums['unreachable']} refused connections, "
         f"{sums['broken']} broken off, {relay.lost} answers lost by the relay, "
         f"{sums['retries']} retries, {sums['duplicates']} duplicates")
    note(f"longest call of mete_tracker_record: {max(one['longest_us'] for one in said)} us")
    wanted = Decimal(sums["cost_micro"]).scaleb(-6)
    equal(sum(one["all"] for one in said), processes, "every process saw all its reports acknowledged")
    equal(sums["recorded"], trackers * calls, "every call was taken")
    equal(left, [], "nothing is left in the spools, nothing was refused")
    equal(got_calls, sums["calls"], "reported calls = recorded calls")
    equal(got_cost, wanted, "reported costs = recorded costs")
    equal(twice, 0, "no event twice")
    equal(kills, KILLS, "the server was killed three times")
    for name in ("unreachable", "broken", "retries", "duplicates"):
        ok(sums[name] > 0, f"{name} happened")
    equal([sums[n] for n in ("invalid", "dropped_memory", "dropped_disk", "disk_errors")], [0] * 4,
          "nothing was dropped")

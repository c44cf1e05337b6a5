# SPDX-License-Identifier: Apache-2.0
"""Stands between a program and PostgreSQL and does what networks do: cuts, delays, and loses the
answer to COMMIT. What it does follows from a seed; how often it did what is in `fired`.

    with Proxy(cluster, seed=1, lost=0.05, unsent=0.05, cut=0.001, delay=0.01) as proxy:
        url = proxy.url()
"""
import collections
import random
import select
import socket
import struct
import threading
import time

STARTUP = 0  # the first message of a connection has no type


class Proxy:
    def __init__(self, cluster, seed, port=None, fired=None, **chances):
        """`port`: of something else before the cluster; `fired`: a counter shared with others."""
        self.cluster = cluster
        self.to = port
        self.random = random.Random(seed)
        self.chances = chances
        self.fired = collections.Counter() if fired is None else fired
        self.carried = set()
        self.lock = threading.Lock()
        self.gate = None  # of a message: whether it waits, and until when (threading.Event or None)
        self.slow = {}  # seconds that messages of a type take
        self.shut = False  # what is connected stays so, nobody else gets in
        self.open = True
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.open = False
        self.listener.close()

    def url(self, role=None):
        return (self.cluster.url(role, host="127.0.0.1", port=self.port)
                + "&sslmode=disable&gssencmode=disable")

    def happens(self, what):
        with self.lock:
            if self.random.random() < self.chances.get(what, 0):
                self.fired[what] += 1
                return True
        return False

    def _accept(self):
        while self.open:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.shut:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.to or self.cluster.port),
                                                  timeout=5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.fired["connections"] += 1
            threading.Thread(target=self._talk, args=(client, server), daemon=True).start()

    def sever(self):
        """Cuts every connection at once. Returns how many there were."""
        with self.lock:
            ends = list(self.carried)
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        return len(ends)

    def _talk(self, client, server):
        with self.lock:
            self.carried.add(client)
        try:
            self._carry(client, server)
        except OSError:
            pass
        finally:
            with self.lock:
                self.carried.discard(client)
            client.close()
            server.close()

    def _carry(self, client, server):
        sent = b""
        first = True
        while self.open:
            ready, _, _ = select.select([client, server], [], [], 1)
            if server in ready:
                data = server.recv(1 << 16)
                if not data:
                    return
                client.sendall(data)
            if client in ready:
                data = client.recv(1 << 16)
                if not data:
                    return
                sent += data
                while True:
                    message, sent = _split(sent, first)
                    if message is None:
                        break
                    first = False
                    if not self._forward(message, server):
                        return

    def _forward(self, message, server):
        """False: the connection ends here."""
        gate = self.gate(message) if self.gate else None
        if gate is not None:
            self.fired["held"] += 1
            gate.wait(30)
        commit = message[:1] == b"Q" and message[5:] == b"commit\0"
        if commit and self.happens("unsent"):
            return False
        if self.happens("cut"):
            server.sendall(message[: len(message) // 2])
            return False
        time.sleep(self.slow.get(message[:1], 0))
        if self.happens("delay"):
            time.sleep(0.02)
        server.sendall(message)
        if commit and self.happens("lost"):
            server.settimeout(10)
            while server.recv(1 << 16)[-6:-1] != b"Z\0\0\0\5":  # until it is done with it
                pass
            return False
        return True


def _split(data, first):
    """The first whole message and the rest; (None, data) when there is none yet."""
    head = 4 if first else 5
    if len(data) < head:
        return None, data
    size = struct.unpack("!I", data[head - 4:head])[0] + head - 4
    return (data[:size], data[size:]) if len(data) >= size else (None, data)

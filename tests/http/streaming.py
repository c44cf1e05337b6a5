# SPDX-License-Identifier: Apache-2.0
"""A client of streamed answers: server-sent events by the steps of the WHATWG standard, and lines."""
import http.client
import json
import os
import socket
import time

PATIENCE = 90  # seconds: only so that a test ends at all

EVENTS = "text/event-stream"
LINES = "application/x-ndjson"


class Stream:
    """One streamed answer, on a connection of its own."""

    def __init__(self, s, path="/v1/events", accept=EVENTS, last=None, key=None, version="1.1",
                 receive=None, method="GET", headers=()):
        self.socket = socket.socket()
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", s.port))
        key = key if key is not None else s.key
        head = [f"{method} {path} HTTP/{version}", "Host: x", f"Accept: {accept}", *headers]
        if last is not None:
            head.append(f"Last-Event-ID: {last}")
        if key:
            head.append(f"Authorization: Bearer {key}")
        self.socket.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = http.client.parse_headers(self.file)
        self.length = 0 if method == "HEAD" else self.headers["Content-Length"]
        self.rest = b""  # of what came, not yet a line
        self.last = last
        self.comments, self.retry = [], None
        self.end = None  # "whole" or "cut", when it has ended

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def block(self):
        """The next bytes; b"" at the end, and then self.end says which one it is."""
        if self.end is not None:
            return b""
        try:
            if self.headers["Transfer-Encoding"] is None:
                data = self.file.read(int(self.length)) if self.length is not None \
                    else self.file.read1(65536)
                self.end = "whole" if self.length is not None or not data else None
                return data
            size = self.file.readline()
            data = self.file.read(int(size, 16) + 2) if size.endswith(b"\r\n") else b""
        except ConnectionError:
            data = b""
        if not data.endswith(b"\r\n") or len(data) != int(size, 16) + 2:
            self.end = "cut"
            return b""
        self.end = "whole" if len(data) == 2 else None
        return data[:-2]

    def body(self):
        return b"".join(iter(self.block, b""))

    def problem(self):
        """Of an answer that is none of ours: status, content type and code."""
        return self.status, self.headers["Content-Type"], json.loads(self.body())["code"]

    def lines(self):
        """Lines without their end, until the answer ends."""
        while True:
            line, end, rest = self.rest.partition(b"\n")
            if end:
                self.rest = rest
                yield line
            elif data := self.block():
                self.rest += data
            else:
                return

    def rows(self):
        for line in self.lines():
            yield json.loads(line)

    def events(self):
        """(id, type, data) of each event; comments and retry are kept beside."""
        kind, data, last = "", [], None
        for line in self.lines():
            name, _, value = line.decode().partition(":")
            value = value.removeprefix(" ")
            if line == b"":
                if last is not None:
                    self.last = last
                if data:
                    yield self.last, kind, "\n".join(data)
                kind, data, last = "", [], None
            elif name == "":
                self.comments.append(value)
            elif name == "event":
                kind = value
            elif name == "data":
                data.append(value)
            elif name == "id":
                last = value
            elif name == "retry":
                self.retry = int(value)

    def take(self, count):
        """The next `count` events; fewer when the stream ends."""
        taken = []
        if count > 0:
            for e in self.events():
                taken.append(e)
                if len(taken) == count:
                    break
        return taken


def feed(s, key=None, after=0):
    """Everything that the JSON feed has, page by page."""
    rows = []
    while True:
        page = s.get(f"/v1/events?after={after}&limit=1000", key=key)[2]
        rows += page["events"]
        after = page["next"]
        if not page["more"]:
            return rows


def wait_for(holds, patience=PATIENCE):
    """True as soon as `holds` says so."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.02)
    return False


def open_sockets(s):
    """Sockets of the server that are connected or were, by its own table of descriptors."""
    count = 0
    for fd in os.listdir(f"/proc/{s.process.pid}/fd"):
        try:
            count += os.readlink(f"/proc/{s.process.pid}/fd/{fd}").startswith("socket:")
        except OSError:
            pass
    return count

# SPDX-License-Identifier: Apache-2.0
"""A client of streamed answers: server-sent events by the steps of the WHATWG standard, and lines."""
import http.client
import json
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
        self.response = http.client.HTTPResponse(self.socket, method=method)
        self.response.begin()
        self.status, self.headers = self.response.status, self.response.headers
        self.last = last
        self.comments, self.retry = [], None
        self.end = None  # "whole" or "cut", when it has ended

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.response.close()
        self.socket.close()

    def problem(self):
        """Of an answer that is none of ours: status, content type and code."""
        body = json.loads(self.response.read())
        return self.status, self.headers["Content-Type"], body["code"]

    def lines(self):
        """Lines without their end, until the answer ends."""
        try:
            while line := self.response.readline():
                if not line.endswith(b"\n"):
                    raise http.client.IncompleteRead(line)
                yield line[:-1]
            self.end = "whole"
        except (http.client.IncompleteRead, ConnectionError):
            self.end = "cut"

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

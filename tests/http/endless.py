# SPDX-License-Identifier: Apache-2.0
"""A client that sends the body of its request by and by, and looks now and then whether it has been
answered already."""
import json
import select
import socket


def parsed(raw):
    """(status, headers, body) of one whole answer, or None."""
    head, gap, body = raw.partition(b"\r\n\r\n")
    if not gap:
        return None
    lines = head.decode().split("\r\n")
    headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
    status = int(lines[0].split()[1])
    if status == 100:
        return status, headers, b""
    if headers.get("transfer-encoding") == "chunked":
        out = b""
        while True:
            size, gap, body = body.partition(b"\r\n")
            if not gap:
                return None
            size = int(size, 16)
            if size == 0:
                return status, headers, out
            if len(body) < size + 2:
                return None
            out, body = out + body[:size], body[size + 2:]
    length = int(headers.get("content-length", 0))
    return (status, headers, body[:length]) if len(body) >= length else None


class Stream:
    """`length`: what Content-Length says; without it the body is chunked."""

    def __init__(self, port, headers=None, length=None, kind="application/x-ndjson", tls=None,
                 path="/v1/events"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.chunked = length is None
        lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {kind}",
                 "Transfer-Encoding: chunked" if self.chunked else f"Content-Length: {length}",
                 *(f"{n}: {v}" for n, v in (headers or {}).items())]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """False: nobody takes it any more."""
        data = data.encode() if isinstance(data, str) else data
        if self.chunked:
            data = b"%x\r\n%s\r\n" % (len(data), data)
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def end(self):
        if self.chunked:
            try:
                self.socket.sendall(b"0\r\n\r\n")
            except OSError:
                pass
        return self.answer()

    def answered(self, seconds=0):
        """Something came, be it the end of the connection."""
        return bool(select.select([self.socket], [], [], seconds)[0])

    def answer(self, seconds=60):
        """(status, headers, body), JSON parsed; None: the connection ended without one."""
        raw = b""
        self.socket.settimeout(seconds)
        while True:
            try:
                more = self.socket.recv(1 << 20)
            except OSError:
                more = b""
            raw += more
            whole = parsed(raw)
            if whole is None and more:
                continue
            if whole is None:
                return None
            status, headers, body = whole
            kind = headers.get("content-type", "")
            if "ndjson" in kind:
                return status, headers, [json.loads(line) for line in body.splitlines()]
            return status, headers, json.loads(body) if body else None

# SPDX-License-Identifier: Apache-2.0
"""covers: F-002
HEAD of whatever can be read, OPTIONS of every path, Allow where a method is not the right one, and
nothing for pages of other origins."""
import re
import socket
import subprocess
from urllib.parse import quote

from served import METE, Served, done, equal, event, note, ok

IDS = {"event_id": "e1", "id": "did:a", "level": "0", "index": "000.p/1"}
CHANGING = {"date", "x-request-id"}


def routes():
    text = subprocess.run([METE, "serve", "--routes"], capture_output=True, text=True,
                          check=True).stdout
    return [line.split() for line in text.splitlines()]


def raw(s, method, target, headers=""):
    """(status, headers by lower-case name, all bytes after them): until the server closes."""
    with socket.create_connection(("127.0.0.1", s.port), timeout=60) as c:
        c.sendall(f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"
                  .encode())
        answer = b""
        while chunk := c.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    return (int(lines[0].split()[1]),
            {n.lower(): v.strip() for n, v in (l.split(":", 1) for l in lines[1:])}, body)


def filled(path):
    return re.sub(r"\{(\w+)\}", lambda m: quote(IDS.get(m[1], "000"), safe=""), path)


def heads(s, table):
    """The answer of GET without its body. What tells the time has another length now and then."""
    wrong, good = [], 0
    for method, path, operation, _ in table:
        if method != "GET":
            continue
        for _ in range(5):
            full = raw(s, "GET", filled(path))
            head = raw(s, "HEAD", filled(path))
            if full[1].get("content-length") == head[1].get("content-length"):
                break
        same = {n: v for n, v in full[1].items() if n not in CHANGING}
        without = {n: v for n, v in head[1].items() if n not in CHANGING}
        if operation == "metrics":
            same.pop("content-length"), without.pop("content-length")
        else:
            equal(len(full[2]), int(full[1]["content-length"]), f"GET {path}: all of it came")
        if (full[0], same) != (head[0], without) or head[2] != b"":
            wrong.append((path, full[:2], head))
        good += full[0] == 200
    ok(not wrong, "HEAD: status and headers of GET, and no body", *wrong)
    ok(good > 10, "most of them are there to be read", good)
    note(f"{good} of the readings answer 200")


def options(s, table):
    for path in sorted({row[1] for row in table}):
        # "/v1/manifests/validate" is a path of its own, and that of a manifest of this name
        rows = [r[0] for r in table if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", r[1]), filled(path))]
        methods = {"OPTIONS", *rows, *(["HEAD"] if "GET" in rows else [])}
        status, headers, body = raw(s, "OPTIONS", filled(path))
        equal((status, set(headers["allow"].split(", ")), len(headers["allow"].split(", ")), body),
              (204, methods, len(methods), b""), f"OPTIONS {path}")
        ok("content-length" not in headers and "content-type" not in headers,
           "an answer without a body says nothing of one", headers)
        status, headers, _ = raw(s, "PATCH", filled(path))
        equal((status, set(headers["allow"].split(", "))), (405, methods), f"PATCH {path}")
        if "GET" not in methods:
            equal(raw(s, "HEAD", filled(path))[0], 405, f"HEAD {path}")
    equal(raw(s, "OPTIONS", "/nowhere")[0], 404, "OPTIONS of what is not there")
    status, headers, _ = raw(s, "OPTIONS", "*")
    equal((status, headers["allow"]), (204, "GET, HEAD, POST, OPTIONS"), "OPTIONS of the server")
    equal(raw(s, "GET", "*")[0], 404, "which has no other method")


def other_origins(s):
    """A browser asks first, and then shows a page nothing that is not meant for it."""
    asks = ("Origin: https://elsewhere.example\r\nAccess-Control-Request-Method: POST\r\n"
            "Access-Control-Request-Headers: authorization\r\n")
    for method, target, wanted in (("OPTIONS", "/v1/events", 204), ("GET", "/healthz", 200),
                                   ("GET", "/v1/events/e1", 401)):
        status, headers, _ = raw(s, method, target, asks)
        equal((status, [n for n in headers if n.startswith("access-control")]), (wanted, []),
              f"{method} {target}: nothing for other origins")


with Served() as s:
    s.post("/v1/events", [
        event("p", "policy.published", {"policy": {"id": "urn:p", "kind": "single", "party": "did:a"}}),
        event("e1", "revenue.received",
              {"policy": "urn:p", "amount": {"amount": "1.00", "currency": "USD"}})])
    table = routes()
    heads(s, table)
    options(s, table)
    other_origins(s)
    equal(s.stop(), 0, "it stops as it should")
done()

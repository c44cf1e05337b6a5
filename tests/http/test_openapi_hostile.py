# SPDX-License-Identifier: Apache-2.0
"""covers: F-001 R-033
Thousands of requests that are wrong in some way, generated from the OpenAPI document. Every answer
is one that the document describes, none is a 5xx, and the book is whole afterwards.
METE_TEST_EACH=800 sends more of each kind."""
import collections
import http.client
import os
import random
import re
import socket
import subprocess
import time

from described import Answer, Client, Document
from hostile import BODIES, OTHERS, TARGETS, TRANSPORT, Hostile
from served import METE, Served, done, equal, note, ok

SCOPES = ("revenue:write,revenue:read,policy:write,policy:read,payout:write,payout:approve,"
          "dispute:write,earnings:read,audit:read,facilitator,admin,payout:work")
EACH = int(os.environ.get("METE_TEST_EACH", 130))  # requests of each kind
SEED = int(os.environ.get("METE_TEST_SEED", time.time_ns() % 1000000))


class Wire:
    """Bytes to the server, and answers from it. No request is sent while one is not answered."""

    def __init__(self, port):
        self.port, self.socket = port, None

    def send(self, raw, head_only=False):
        """An answer; None: the server closed the connection without one."""
        for again in (True, False):
            fresh = self.socket is None
            try:
                if fresh:
                    self.socket = socket.create_connection(("127.0.0.1", self.port), 120)
                    self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return self.answer(raw, head_only)
            except (http.client.HTTPException, ConnectionError):
                self.close()
                if fresh or not again:
                    return None

    def answer(self, raw, head_only):
        self.socket.sendall(raw)
        got = http.client.HTTPResponse(self.socket, method="HEAD" if head_only else "GET")
        got.begin()
        answer = Answer(got.status, got.headers, got.read(), head_only)
        if got.will_close:
            self.close()
        return answer

    def dead(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 120).close()
        except ConnectionRefusedError:
            return True
        return False

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None


class Storm:
    def __init__(self, document, port, key):
        self.document = document
        self.hostile = Hostile(document, random.Random(SEED))
        self.wire = Wire(port)
        self.key = b"Authorization: Bearer " + key.encode() + b"\r\n"
        self.kinds, self.statuses = collections.Counter(), collections.Counter()
        self.codes, self.seen = collections.Counter(), set()
        self.wrong = []

    def one(self, kind):
        raw = getattr(self.hostile, kind)()
        if kind != "odd_key":
            raw = raw.replace(b"Host: x\r\n", b"Host: x\r\n" + self.key, 1)
        if kind in TRANSPORT:
            self.wire.close()
        if kind == "half_sent":
            self.half(raw)
            return
        answer = self.wire.send(raw, raw.startswith(b"HEAD "))
        self.kinds[kind] += 1
        self.statuses[str(answer.status) if answer else "closed"] += 1
        if answer is None and self.wire.dead():
            self.wrong += [(kind, "the server does not stand any more", raw)] * 21
        elif answer is None or (b"<html>" in answer.raw and "Content-Type" not in answer.headers):
            self.by_transport(kind, raw, answer)
        else:
            self.judge(kind, raw, answer)

    def half(self, raw):
        with socket.create_connection(("127.0.0.1", self.wire.port), 120) as s:
            s.sendall(raw)
        self.kinds["half_sent"] += 1
        self.statuses["left"] += 1

    def by_transport(self, kind, raw, answer):
        """What is no HTTP gets a few words of HTML, or nothing."""
        if kind not in (*TRANSPORT, "odd_path", "wrong_method", "odd_header", "strange_query",
                        "odd_id", "odd_key", "too_long") or (answer and answer.status >= 500):
            self.wrong.append((kind, answer and answer.status, raw[:300]))
        elif kind not in TRANSPORT:
            self.kinds[kind + " (no HTTP)"] += 1

    def judge(self, kind, raw, answer):
        method, target = (raw.decode("latin-1").replace("\0", " ").split(None, 2) + [""])[:2]
        target = re.sub(r"^\w+://[^/]*", "", target) or "/"
        o = self.document.find(method, target)
        misfits = self.document.misfits(o, answer)
        if answer.status >= 500:
            misfits.append("a 5xx")
        if answer.headers["Content-Type"] == "application/problem+json" and answer.raw \
                and not misfits:
            self.codes[answer.json["code"]] += 1
        if o is not None:
            self.seen.add((o.id, str(answer.status)))
        if kind == "harmless" and answer.status in (405, 413, 415):
            misfits.append("refused, and is harmless")
        for misfit in misfits:
            self.wrong.append((kind, answer.status, misfit, raw[:400], answer.raw[:300]))


def kept_examples(document, port, key):
    """The world that the examples make, so that ids lead somewhere."""
    client = Client(port, key)
    for name in ("publishManifest", "registerProvider", "recordContribution", "postEvents"):
        o = document.by_id[name]
        for _, kind, value, _ in o.bodies():
            client.ask(o.method, o.target(), value, kind=kind)
    client.close()


def table(counter, width=96):
    line = ""
    for name, count in sorted(counter.items()):
        part = f"{name} {count}, "
        if len(line) + len(part) > width:
            note(line)
            line = ""
        line += part
    note(line.rstrip(", "))


def audit(s):
    equal(s.stop(), 0, "the server ends as it should")
    got = subprocess.run([METE, "audit", "--store", str(s.store)], capture_output=True, text=True)
    ok(got.returncode == 0, "mete audit agrees with the book", got.stdout[-600:], got.stderr[-600:])


note(f"seed {SEED} (METE_TEST_SEED)")
with Served() as server:
    client = Client(server.port)
    doc = Document(client.ask("GET", "/openapi.json").json)
    client.close()
    api_key = server.make_key(SCOPES)
    kept_examples(doc, server.port, api_key)
    storm = Storm(doc, server.port, api_key)
    kinds = [*BODIES, *TARGETS, *OTHERS, *TRANSPORT, "harmless"] * EACH
    storm.hostile.chance.shuffle(kinds)
    began = time.monotonic()
    for kind in kinds:
        storm.one(kind)
        if len(storm.wrong) > 20:
            break
    note(f"{sum(storm.kinds.values())} requests in {time.monotonic() - began:.1f} s")
    for counter in (storm.kinds, storm.statuses, storm.codes):
        table(counter)
    for line in dict.fromkeys(storm.wrong[:40]):
        note(line)
    if server.process.poll() is not None:
        note((server.folder / "log").read_text(errors="replace")[-400:])
    equal(len(storm.wrong), 0, "every answer is described, and none is a 5xx")
    ok(all(storm.kinds[k] >= EACH for k in set(kinds)), "every kind of hostility was sent")
    if equal(server.process.poll(), None, "the server stands"):
        equal([server.get(p, key=api_key)[0] for p in ("/healthz", "/readyz")], [200, 200],
              "and is well")
    storm.wire.close()
    audit(server)
done()

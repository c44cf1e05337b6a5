# SPDX-License-Identifier: Apache-2.0
"""Long answers as lines: all of them, from one state of the book, in little memory, whatever the
client does.

covers: F-001
"""
import json
import signal
import threading
import urllib.parse

from described import Answer, Document
from served import MEMORY, Served, done, equal, event, note, ok
from streaming import LINES, Stream, feed, open_sockets, wait_for

SHARES = 100
REVENUES = 2000
ALICE = "/v1/statements?party=did%3Aalice"


def post(s, events, key=None):
    status, _, body = s.post("/v1/events", list(events), key=key)
    return status == 200 and all(r["status"] == "applied" for r in body["results"])


def revenue(i, name="sale"):
    return event(f"{name}-{i}", "revenue.received",
                 {"policy": "urn:p", "amount": {"amount": "%d.%02d" % (i % 900 + 1, i % 100),
                                                "currency": "USD"}})


def world(s):
    """SHARES lines of one party for each revenue."""
    shares = [{"party": "did:alice", "weight": f"1/{SHARES + 1}"} for _ in range(SHARES)]
    shares.append({"party": "did:bob", "weight": f"1/{SHARES + 1}"})
    return post(s, [event("p", "policy.published",
                          {"policy": {"id": "urn:p", "kind": "weights", "shares": shares}})])


def statement_pages(s, query=""):
    """The lines of did:alice by the JSON pages, each with its asset."""
    lines, after = [], ""
    while after is not None:
        page = s.get(f"{ALICE}&limit=1000{query}&after={urllib.parse.quote(after)}")[2]
        for account in page["accounts"]:
            lines += [{"asset": account["asset"], **line} for line in account["lines"]]
        after = page["next"]
    return lines


def peak_kib(s):
    with open(f"/proc/{s.process.pid}/status") as f:
        return int(f.read().split("VmHWM:")[1].split()[0])


# --- what is answered ---------------------------------------------------------------------------

def forms(s):
    post(s, (revenue(i) for i in range(30)))
    post(s, [event("sats", "revenue.received",
                   {"party": "did:alice", "amount": {"amount": "5", "currency": "SAT"}})])
    document = Document(s.get("/openapi.json")[2])
    for path, wanted in (("/v1/events", feed(s)), (ALICE, statement_pages(s))):
        with Stream(s, path=path, accept=LINES) as f:
            equal((f.status, f.headers["Content-Type"], f.headers["Transfer-Encoding"]),
                  (200, LINES, "chunked"), f"{path}: lines are announced")
            raw = list(f.lines())
            equal(([json.loads(line) for line in raw], f.end), (wanted, "whole"),
                  f"{path}: they are the rows of all pages")
            o = document.find("GET", path)
            equal(document.misfits(o, Answer(200, f.headers, b"\n".join(raw))), [],
                  f"{path}: as is described")
        with Stream(s, path=path, accept=LINES, version="1.0") as f:
            equal((f.headers["Transfer-Encoding"], list(f.rows())), (None, wanted),
                  f"{path}: over HTTP/1.0, too")
        with Stream(s, path=path, accept=LINES, method="HEAD") as f:
            equal((f.status, f.body()), (200, b""), f"{path}: HEAD has none")
        connection = "&" if "?" in path else "?"
        with Stream(s, path=f"{path}{connection}limit=7", accept=LINES) as f:
            equal(list(f.rows()), wanted[:7], f"{path}: a limit is one")
    rows = feed(s)
    with Stream(s, path="/v1/events?after=11&limit=5", accept=LINES) as f:
        equal(list(f.rows()), rows[11:16], "after a place")
    with Stream(s, path="/v1/events?after=999999", accept=LINES) as f:
        equal((list(f.rows()), f.end), ([], "whole"), "after the end: none")
    with Stream(s, path=ALICE + "&asset=SAT", accept=LINES) as f:
        equal([line["amount"] for line in f.rows()], ["5"], "of one asset")
    for query in ("&as_of=2025-01-02", "&as_of=2099-01-01", "&from=2025-01-01", "&to=2020-01-01"):
        with Stream(s, path=ALICE + query, accept=LINES) as f:
            got = list(f.rows())
        equal(got, statement_pages(s, query), f"{query[1:]}: as in the pages")
        if "as_of" in query:
            equal({line["state"] for line in got}, {"pending" if "2025" in query else "cleared"},
                  f"{query[1:]}: the clock that clears")
    for at, wanted in ((rows[9]["recorded_at"], None), ("2020-01-01", [])):
        path = "/v1/events?as_of=" + urllib.parse.quote(at)
        wanted = [r for r in rows if r["recorded_at"] <= at] if wanted is None else wanted
        with Stream(s, path=path, accept=LINES) as f:
            equal(list(f.rows()), wanted, f"the log as of {at}")
        equal(s.get(path + "&limit=1000")[2]["events"], wanted, "as in the page")


def refusals(s):
    for path, wanted in (("/v1/statements?party=did%3Anobody", (404, "not_found")),
                         ("/v1/statements", (400, "request_invalid")),
                         (ALICE + "&asset=XXX", (422, "currency_unknown")),
                         (ALICE + "&after=nonsense", (422, "member_value")),
                         (ALICE + "&as_of=soon", (422, "time_invalid")),
                         (ALICE + "&limit=0", (400, "request_invalid")),
                         ("/v1/events?after=x", (400, "request_invalid")),
                         ("/v1/events?as_of=soon", (422, "time_invalid"))):
        with Stream(s, path=path, accept=LINES) as f:
            status, kind, code = f.problem()
            equal((status, code, kind), (*wanted, "application/problem+json"), f"{path}: a problem")


# --- a long one ---------------------------------------------------------------------------------

def long_one(s):
    for i in range(30, REVENUES, 50):
        if not post(s, [revenue(k) for k in range(i, min(i + 50, REVENUES))]):
            ok(False, "revenues are taken")
    base = peak_kib(s)
    count, balance, flaws, late = 0, 0, 0, 0
    with Stream(s, path=ALICE + "&asset=USD", accept=LINES) as f:
        for line in f.rows():
            if count == 0:  # the reading has begun
                ok(post(s, [revenue(0, "late")]), "somebody writes meanwhile")
            balance += int(line["amount"])
            late += line["event_id"].startswith("late")
            flaws += line["balance"] != str(balance)
            count += 1
    grown = (peak_kib(s) - base) >> 10
    note(f"{count} lines: {grown} MiB more memory at most")
    equal((count, flaws, f.end), (REVENUES * SHARES, 0, "whole"),
          "every line is there, and each balance is the sum of the amounts so far")
    equal(late, 0, "what was written meanwhile is not: it is one state of the book")
    ok(grown < 64 * MEMORY, "in little memory", grown)
    rows = feed(s)
    with Stream(s, path="/v1/events", accept=LINES) as f:
        seen = 0
        for row in f.rows():
            if seen == 0:
                post(s, [revenue(1, "late")])
            if row != rows[seen]:
                flaws += 1
            seen += 1
        equal((seen, flaws, f.end), (len(rows), 0, "whole"),
              "the feed: every row, up to where it began")


def clients(s):
    """Some go, some do not read; nobody else is concerned."""
    path = ALICE + "&asset=USD"
    for _ in range(40):
        with Stream(s, path=path, accept=LINES) as f:
            next(f.lines())
    idle = []
    for i in range(16):
        def comes_in():
            f = Stream(s, path=path, accept=LINES, receive=4096)
            idle.append(f)
            return f.status == 200
        if not wait_for(comes_in):
            ok(False, "there is a place for a long answer", i)
    with Stream(s, path=path, accept=LINES) as f:
        equal((f.problem()[0], f.headers["Retry-After"]), (503, "5"),
              "sixteen do not read: the next one is told to come again")
    equal((s.get("/v1/events?limit=1")[0], s.get(ALICE)[0], s.get("/v1/parties")[0]),
          (200, 200, 200), "all other answers are given")

    def served():
        with Stream(s, path=path + "&limit=3", accept=LINES) as f:
            return f.status == 200 and len(list(f.rows())) == 3
    ok(wait_for(served), "who does not read is cut by the clock")
    wait_for(lambda: open_sockets(s) <= 1)
    ended = []
    for f in idle:
        if f.status == 200:
            for _ in f.lines():
                pass
            ended.append(f.end)
        f.close()
    equal(ended, ["cut"] * 16, "and sees that it is not the whole answer")


def ends(s):
    admin = s.make_key("earnings:read,revenue:read,revenue:write,policy:write,admin")
    s.key = admin
    wait_for(lambda: s.get("/v1/events?limit=1")[0] == 200)
    before = {k["key_id"] for k in json.loads(s.mete("key", "list", "--json"))}
    key = s.make_key("earnings:read", "--party", "did:alice")
    (key_id,) = {k["key_id"] for k in json.loads(s.mete("key", "list", "--json"))} - before
    wait_for(lambda: s.get("/v1/statements", key=key)[0] == 200)
    with Stream(s, path="/v1/statements", accept=LINES, key=key, receive=4096) as f:
        equal(next(f.rows())["what"], "share", "a party's key reads its own lines")
        with Stream(s, path="/v1/statements?party=did%3Abob", accept=LINES, key=key) as g:
            equal(g.problem()[0], 404, "and nobody else's")
        with Stream(s, path="/v1/events", accept=LINES, key=key) as g:
            equal(g.problem()[0], 403, "nor the log")
        s.mete("key", "revoke", key_id)
        wait_for(lambda: s.get("/v1/statements", key=key)[0] == 401)
        threading.Event().wait(2.5)  # two beats: it is cut while its client does not read
        for _ in f.lines():
            pass
        equal(f.end, "cut", "a key that is revoked gets no more")
    with Stream(s, path=ALICE, accept=LINES) as f:
        lines = f.rows()
        count = 1 if next(lines) else 0
        s.process.send_signal(signal.SIGTERM)
        count += sum(1 for _ in lines)
        equal((f.end, count > REVENUES * SHARES), ("whole", True),
              "SIGTERM: a long answer that is read goes on to its end")
    equal(s.process.wait(60), 0, "and the server ends with 0")


with Served("--heartbeat", "1", "--request-time", "6") as server:
    ok(world(server), "a policy with many shares")
    forms(server)
    refusals(server)
    long_one(server)
    clients(server)
    ends(server)
done()

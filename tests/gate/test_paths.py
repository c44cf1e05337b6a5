#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Spellings of a paid path: none reaches it unpaid. The upstream here is as careless as servers are: it
decodes, folds, cuts and normalises paths in every way that any of them does, and tells whether the paid
resource was reached by one of them. covers: V-021 V-022 V-110"""
import posixpath
import re
import unicodedata
import urllib.parse

from gated import Facilitator, Gate, Upstream, done, equal, note, ok, pay

SECRET = b"the paid resource"
ROUTES = [{"path": "/paid/report", "price": "$0.01"}, {"path": "/exact", "methods": ["GET"], "price": "$0.01"},
          {"path": "/only", "price": "$0.01"}, {"path": "/tree/**", "price": "$0.01"}]
FREE = ["/public/**", "/paid/free"]
# Every one of these names /paid/report to some server.
SPELLINGS = """
/paid/report /paid/report/ /paid//report //paid/report ///paid///report /./paid/report /paid/./report
/paid/report/. /paid/x/../report /x/../paid/report /public/../paid/report /public/..%2fpaid/report
/public/%2e%2e/paid/report /public/.%2e/paid/report /public/%2E%2E/paid/report /public/..;/paid/report
/public/..;x=1/paid/report /public/..%3b/paid/report /%70aid/report /paid/%72eport /%70%61%69%64/%72%65%70%6f%72%74
/paid%2freport /paid%2Freport /paid%5creport /paid\\report /%2570aid/report /paid/%2572eport /PAID/REPORT
/Paid/Report /paid/REPORT /paid;/report /paid;x=y/report /paid/report;x=y /paid/report; /paid/report%3b
/paid/report%3fx /paid/report%23x /paid/report? /paid/report?x=1 /paid/report?/../../public /paid/report. /paid/report..
/paid/report%20 /paid/report%2e /paid/report%00 /paid/report%00.html /paid/report%0a /paid/report%09
/paid/report::$DATA /paid%20/report /paid./report /%c0%afpaid/report /paid%c0%afreport /%ef%bc%8fpaid/report
/%ef%bd%90aid/report /paid/%ef%bd%92eport /paid%ef%bc%8freport /paid%e2%88%95report /paid/report%e2%80%a4
/public/%ef%bc%8e%ef%bc%8e/paid/report /../paid/report /../../paid/report /public/../../paid/report /%2e/paid/report
/paid/free/../report /paid/free/%2e%2e/report /paid/free/..;/report /%u0070aid/report /paid/rep%6frt /paid/report%C2%A0
/public/./../paid/report /public//../paid/report /public/x/..//../paid/report http://x/paid/report http://x//paid/report
/paid/report%2f /paid/report%2f.. /public/%252e%252e/paid/report /paid%252freport /%2fpaid%2freport /paid/report%e2%80%8b
/paid/report%E3%80%80 /paid/rep%C2%ADort /paid/report%EF%BB%BF /paid/report%E2%80%AF /paid%c2%85/report
""".split()


def readings(target):
    """What any server could take the target for."""
    rest = re.sub(r"^https?://[^/]*", "", target)
    seen = {rest, rest.split("?")[0], rest.split("?")[0].split("#")[0]}
    for _ in range(4):
        more = set()
        for t in seen:
            more.add(urllib.parse.unquote(t, errors="replace"))
            more.add(re.sub(r"%u00([0-9a-fA-F]{2})", lambda m: chr(int(m[1], 16)), t))
            more.add(t.replace("\\", "/"))
            more.add(re.sub(r";[^/]*", "", t))
            more.add(unicodedata.normalize("NFKC", t))
            more.add(re.split(r"[?#\0\n]|::", t)[0])
            more.add(re.sub(r"//+", "/", t))
            more.add(posixpath.normpath(re.sub(r"^/+", "/", t)) if t.startswith("/") else t)
            more.add("/".join(s.rstrip(". \t\xa0") if s.strip(".") else s for s in t.split("/")))
            more.add(re.sub(r"\u2215|\u2044", "/", t).replace("\u2024", "."))
            more.add(re.sub("[\u0080-\u00a0\u00ad\u200b-\u200f\u202f\ufeff]", "", t))
            more.add(t.casefold())
            more.add(t.rstrip("/") or "/")
        seen |= more
    return seen


def careless(handler, body=b""):
    reached = any(r in ("/paid/report", "/only") for r in readings(handler.path))
    handler.reply(200, SECRET if reached else b"something else")


class Careless(Upstream):
    def __init__(self):
        super().__init__()
        outer = self

        class Any(dict):
            def get(self, _path, default=None):
                return careless
        outer.answers = Any()


def ask(gate, target, method="GET", extra=""):
    return gate.raw(f"{method} {target} HTTP/1.1\r\nHost: x\r\n{extra}Connection: close\r\n\r\n".encode())


def spellings(gate):
    tally = {}
    for target in SPELLINGS:
        for method in ("GET", "POST", "HEAD", "FOO"):
            got = ask(gate, target, method)
            status = got.split(b" ")[1:2]
            tally[status[0] if status else b"cut"] = tally.get(status[0] if status else b"cut", 0) + 1
            if not ok(SECRET not in got, f"{method} {target} does not reach it unpaid: {status}", got[-200:]):
                return
    note(f"{len(SPELLINGS)} spellings: " + ", ".join(f"{v} times {k.decode()}" for k, v in sorted(tally.items())))
    ok(len(SPELLINGS) >= 40 and tally.get(b"402", 0) > 60 and tally.get(b"400", 0) > 30, "some are asked to pay, some refused", tally)
    named = [t for t in SPELLINGS if any(r in ("/paid/report",) for r in readings(t))]
    ok(len(named) >= 60, "the upstream would have taken most of them for it", len(named))


def others(gate, up):
    for header in ("X-Original-URL: /only", "X-Rewrite-URL: /only", "X-HTTP-Method-Override: GET", "X-Method-Override: GET",
                   "X-HTTP-Method: GET", "X-Forwarded-Prefix: /only", "X_Original_URL: /only", "x_http_method_override: GET",
                   "X_Forwarded_For: 1.2.3.4", "X.Rewrite.URL: /only", "X-Original-URI: /only", "X-Payment_Payer: 0x1",
                   "Transfer_Encoding: chunked", "X-Named: a\r\nConnection: X-Other\r\nConnection: x-named"):
        up.seen.clear()
        got = ask(gate, "/exact", "POST", header + "\r\n")
        name = header.split(":")[0].lower()
        ok(b" 200 " in got.split(b"\r\n")[0], f"a request with {name} passes")
        ok(up.seen and name not in {n.lower() for n in up.seen[0]["headers"]}, "without that header")
    equal(ask(gate, "/exact", "get").split(b" ")[1], b"402", "a method in small letters costs the same")
    for method in ("GET\t/only", "GET:/only", "GET\x0b/only", "G{}T", "G\"T"):
        up.seen.clear()
        got = ask(gate, "/free", method)
        ok(b" 400 " in got.split(b"\r\n")[0] and not up.seen, f"{method!r} is no method, and goes nowhere", got[:200])
    ok(b"BaseHTTP" in ask(gate, "/free", "M-SEARCH"), "others are passed on, whatever the upstream makes of them")
    for target in ("/public/a", "/paid/free", "/", "/paid/reports", "/a/b;c=d", "/what%3f", "/caf%C3%A9", "/a%20b", "/x/"):
        up.seen.clear()
        got = ask(gate, target)
        ok(b" 200 " in got.split(b"\r\n")[0], f"{target} is free", got[:300])
    equal([ask(gate, t).split(b" ")[1] for t in ("/tree", "/tree/", "/tree/a", "/tree/a/b.html", "/TREE/a", "/treehouse")],
          [b"402"] * 5 + [b"200"], "a double star is all that is below, and the folder itself")
    up.seen.clear()
    ask(gate, "/a//b/./c/../d%41%20e?q=%2F..")
    equal(up.seen[0]["path"], "/a/b/dA%20e?q=%2F..", "the upstream gets one spelling, and the query as it was")
    for smuggled in ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: xchunked\r\n",
                     "Content-Length: 5\r\nContent-Length: 6\r\n", "Transfer-Encoding : chunked\r\n"):
        up.seen.clear()
        got = gate.raw(f"POST /public/a HTTP/1.1\r\nHost: x\r\n{smuggled}\r\n0\r\n\r\nGET /paid/report HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
                       timeout=3)
        ok(SECRET not in got and all("/paid" not in s["path"] for s in up.seen), f"nothing is smuggled by {smuggled!r}", got)


def two_prices(gate, up):
    """A path that the upstream may read as another one that costs more."""
    cents = {t: ask(gate, t) for t in ("/premium", "/cheap", "/cheap;x=1", "/cheap/a.b")}
    equal([b"$9" in c or b'"9000000"' in c for c in cents.values()], [True, False, False, False], "two prices")
    for target in ("/premium;x=1", "/premium.", "/premium%3fa", "/premium%20", "/premium::$DATA", "/Premium;", "/premium;/a;"):
        up.seen.clear()
        got = ask(gate, target)
        ok(b" 400 " in got.split(b"\r\n")[0] or b'"9000000"' in got, f"{target} is not sold at the lower price", got[:600])
    equal([ask(gate, "/premium", m).split(b" ")[1] for m in ("trace", "Trace", "connect")], [b"405"] * 3, "TRACE in any letters is refused")


with Careless() as up, Facilitator() as fac, Gate(up, fac, [{"path": "/premium/**", "price": "$9"}, {"path": "/**", "price": "$0.01"}]) as gate:
    two_prices(gate, up)
with Careless() as up, Facilitator() as fac, Gate(up, fac, ROUTES, free=FREE) as gate:
    asked = gate.get("/paid/report")
    equal(gate.get("/paid/report", headers=pay(asked)).body, SECRET, "who pays gets it")
    equal(gate.get("/PAID/./report", headers=pay(asked)).body, SECRET, "by another spelling too")
    spellings(gate)
    others(gate, up)
done()

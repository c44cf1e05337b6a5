#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an administrator writes, and what the gate tells him: the file and its mistakes, a facilitator that
takes less or does not answer, scripts from other origins, metrics, reports, TLS.
covers: V-020 V-022 V-024 V-027 V-028 V-051"""
import csv
import http.client
import io
import json
import pathlib
import resource
import signal
import ssl
import subprocess
import tempfile
import threading
import time

from gated import Facilitator, Gate, KINDS, METE, PAY_TO, Upstream, V2, done, equal, free_port, note, ok, pay, until

TOP = {"pay_to": PAY_TO, "network": "base-sepolia"}
OTHER = "0x6B175474E89094C44Da98b954EedeAC495271d0F"


def mete(*arguments):
    return subprocess.run([METE, *arguments], capture_output=True, text=True, timeout=60)


def check(folder, config, *options):
    (folder / "c.json").write_text(config if isinstance(config, str) else json.dumps(config))
    return mete("gate", "--config", str(folder / "c.json"), "--check", *options)


def route(**more):
    return {**TOP, "routes": [{"path": "/a", "price": "$1", **more}]}


def mistakes(folder):
    wrong = [
        ("{", "json_syntax", ""), ({**TOP}, "member_missing", "/routes"), ({**TOP, "routes": {}}, "member_type", "/routes"),
        ({**TOP, "routes": [], "rotues": []}, "member_unknown", "/rotues"),
        (route(prise="$1"), "member_unknown", "/routes/0/prise"),
        (route(regex="^x"), "member_missing", "/routes/0"), ({**TOP, "routes": [{"price": "$1"}]}, "member_missing", "/routes/0"),
        ({**TOP, "routes": [{"path": "a", "price": "$1"}]}, "member_value", "/routes/0/path"),
        ({**TOP, "routes": [{"path": "/a%20b", "price": "$1"}]}, "member_value", "/routes/0/path"),
        ({**TOP, "routes": [{"path": "/a//b", "price": "$1"}]}, "member_value", "/routes/0/path"),
        ({**TOP, "routes": [{"regex": "(", "price": "$1"}]}, "member_value", "/routes/0/regex"),
        (route(price="0.01"), "x402_price", "/routes/0"), (route(price="$0"), "x402_price", "/routes/0"),
        (route(price="$0.0000001"), "amount_scale", "/routes/0"), (route(price="1 EURC"), "x402_price", "/routes/0"),
        (route(price=1), "member_type", "/routes/0/price"),
        (route(network="moon"), "x402_network", "/routes/0"), (route(asset="PEPE"), "member_value", "/routes/0"),
        (route(asset=OTHER), "member_missing", "/routes/0"), (route(pay_to="0x12"), "address_invalid", "/routes/0"),
        (route(pay_to="0x209693bC6afc0C5328bA36FaF03C514EF312287C"), "address_checksum", "/routes/0"),
        (route(pay_to="0x" + "0" * 40), "address_invalid", "/routes/0"),
        (route(max_timeout_s=0), "number_range", "/routes/0/max_timeout_s"), (route(flow="later"), "member_value", "/routes/0/flow"),
        (route(network="10"), "member_missing", "/routes/0"), (route(accepts=[]), "number_range", "/routes/0/accepts"), (route(accepts=[{"scheme": "free"}]), "member_value", "/routes/0/accepts/0/scheme"),
        (route(accepts=[{"price": "$1", "prices": 1}]), "member_unknown", "/routes/0/accepts/0/prices"),
        (route(accepts=[{"scheme": "upto"}], flow="upfront"), "member_value", "/routes/0/accepts/0"),
        (route(methods="GET"), "member_type", "/routes/0/methods"), (route(methods=[1]), "member_type", "/routes/0/methods/0"),
        (route(discovery={"route_template": "/../x"}), "member_value", "/routes/0/discovery/route_template"),
        (route(payment_identifier="maybe"), "member_value", "/routes/0/payment_identifier"),
        ({"network": "base", "routes": [{"path": "/a", "price": "$1"}]}, "member_missing", "/routes/0"),
        ({**route(), "upstream": "ftp://x"}, "member_value", "/upstream"), ({**route(), "public_url": "https://x/?a"}, "member_value", "/public_url"),
        ({**route(), "free": ["x"]}, "member_value", "/free/0"), ({**route(), "service": {"name": "\u00fc"}}, "member_value", "/routes/0"),
    ]
    a, get = {"path": "/a", "price": "$1"}, {"methods": ["get"]}
    wrong += [({**TOP, "routes": [{"path": "/x", "price": "$1"}, first, second]}, "member_value", "/routes/2") for first, second in (
        (a, {**a, "price": "$2"}), (a, {**a, **get}), ({**a, "methods": ["POST", "GET"]}, {**a, **get}), ({**a, **get}, {**a, "methods": ["HEAD"]}), ({**a, "path": "/A/*"}, {**a, "path": "/a/*"}),
        ({"regex": "^/r", "price": "$1"}, {"regex": "^/r", "price": "$2"}))]
    for config, code, pointer in wrong:
        run = check(folder, config)
        ok(run.returncode == 1 and f"({code})" in run.stderr and (pointer == "" or f"at {pointer}" in run.stderr),
           f"{json.dumps(config)[:100]} is {code} at {pointer}", run.returncode, run.stderr, run.stdout)


    said = check(folder, {**TOP, "routes": [a, a]}).stderr
    ok("/routes/0 has the same path" in said and "at /routes/1" in said, "a path that stands there twice: both places are named", said)
    for first, second in ((a, {**a, "methods": ["OPTIONS"]}), ({**a, **get}, a), ({**a, **get}, {**a, "methods": ["GET", "PUT"]}),
                          (a, {"regex": "/a", "price": "$1"})):
        run = check(folder, {**TOP, "routes": [first, second]})
        equal((run.returncode, run.stderr), (0, ""), f"what the first leaves to the second is its own: {second}")


def good(folder):
    config = {**TOP, "service": {"name": "Shop", "tags": ["news"], "icon_url": "https://shop.example/i.png"}, "x_note": 1,
              "routes": [{"path": "/a", "price": "$0.01"}, {"path": "/b", "price": "0.5 USDC", "network": "base"},
                         {"path": "/c", "price": "250", "asset": OTHER, "accepts": [{"method": "permit2"}, {"name": "Dai", "version": "1", "decimals": 18, "price": "$2"}]},
                         {"path": "/d", "price": "$1", "network": "eip155:42161"}, {"path": "/e", "price": "$1", "network": "10", "accepts": [{"name": "USD Coin", "version": "2"}]}]}
    run = check(folder, config, "--json")
    equal(run.returncode, 0, "a good file is good")
    rows = json.loads(run.stdout)
    rows = rows if isinstance(rows, list) else next(v for v in rows.values() if isinstance(v, list))
    equal([(r["network"], r["price"]) for r in rows],
          [(V2, "0.01"), ("eip155:8453", "0.5"), (V2, "250"), (V2, "2"), ("eip155:42161", "1"), ("eip155:10", "1")],
          "and what is sold is shown")
    for arguments, text in (((), "--config"), (("--config", "/nowhere"), "/nowhere")):
        run = mete("gate", *arguments)
        ok(run.returncode != 0 and text in run.stderr, f"without a file: {text}", run.stderr)
    file = str(folder / "c.json")
    for more, text in ((["--upstream", "http://127.0.0.1:1"], "--facilitator"),
                       (["--upstream", "x", "--facilitator", "http://127.0.0.1:1"], "the upstream: it begins"),
                       (["--upstream", "http://127.0.0.1:1", "--facilitator", "http://127.0.0.1.fac.example"], "--plain"),
                       (["--upstream", "http://127.0.0.1:1", "--facilitator", "http://127.0.0.1:1", "--listen", "8403"], "HOST:PORT, not '8403'"),
                       (["--upstream", "http://127.0.0.1:1", "--facilitator", "http://127.0.0.1:1", "--listen", "127.0.0.1.fac.example:0"], "--plain"),
                       (["--upstream", "http://127.0.0.1:1", "--facilitator", "http://fac.example"], "--plain"),
                       (["--upstream", "http://127.0.0.1:1", "--facilitator", "http://127.0.0.1:1", "--listen", "0.0.0.0:0"], "--plain"),
                       (["--upstream", "http://127.0.0.1:1", "--facilitator", "http://127.0.0.1:1", "--key", file], "belong together")):
        run = mete("gate", "--config", file, *more)
        ok(run.returncode == 2 and text in run.stderr, f"{more[-1]}: {text}", run.returncode, run.stderr)


def kinds(up):
    routes = [{"path": "/a", "price": "$1", "accepts": [{}, {"network": "base"}, {"scheme": "upto"}]}, {"path": "/b", "price": "$1", "network": "base"}]
    with Facilitator(kinds=KINDS[:1]) as fac, Gate(up, fac, routes, ready=False) as gate:
        until("the gate has asked what is taken", lambda: gate.lines("facilitator_answers"))
        got = gate.get("/a")
        equal((len(got.required()["accepts"]), got.json()), (1, {}), "what the facilitator does not take is left out, also version 1")
        equal(len(gate.lines("offer_left_out")), 3, "with a warning each")
        equal((gate.get("/b").status, gate.get("/b").json()["code"]), (503, "facilitator_unavailable"), "a route that cannot be sold is closed")
        equal(gate.get("/readyz", port=gate.admin).status, 503, "which the administrator is told")
        equal(up.count("/b"), 0, "and never free")
    with Facilitator() as fac:
        fac.redirects = "http://127.0.0.1:1/"
        with Gate(up, fac, routes, ready=False) as gate:
            until("a facilitator that redirects is named", lambda: gate.lines("redirects /supported"))
            equal(gate.get("/a").status, 503, "and nothing is sold, nothing free")
            fac.redirects = None
            until("until it answers", lambda: gate.get("/a").status == 402)
    port = free_port()
    with Gate(up, f"http://127.0.0.1:{port}", routes, ready=False) as gate:
        until("a facilitator that is not there is named", lambda: gate.lines("facilitator_unavailable"))
        equal((gate.get("/a").status, gate.get("/free").status), (503, 200), "what is paid is closed, what is free is open")


def origins(up, fac):
    routes = [{"path": "/a", "price": "$1"}, {"path": "/named", "price": "$1", "payment_identifier": "required"}]
    with Gate(up, fac, routes, cors="https://app.example", public_url="https://shop.example/") as gate:
        got = gate.request("OPTIONS", "/a", headers={"Origin": "https://app.example", "Access-Control-Request-Method": "GET",
                                                     "Access-Control-Request-Headers": "payment-signature, access-control-expose-headers"})
        equal((got.status, got.headers["Access-Control-Allow-Origin"], got.headers["Access-Control-Allow-Headers"]),
              (204, "https://app.example", "payment-signature, access-control-expose-headers"), "browsers are told that they may")
        asked = gate.get("/a")
        equal((asked.headers["Access-Control-Allow-Origin"], asked.required()["resource"]["url"]),
              ("https://app.example", "https://shop.example/a"), "a 402 says so too, and the public URL")
        up.answers["/a"] = lambda h, _b: h.reply(200, b"x", [("Access-Control-Allow-Origin", "*")])
        got = gate.get("/a", headers=pay(asked))
        equal(got.headers.get_all("Access-Control-Allow-Origin"), ["*"], "the upstream's own word stands alone")
        up.answers["/a"] = lambda h, _b: h.reply(404, b"x")
        for path, headers in (("/free", {}), ("/a", pay(gate.get("/a")))):
            got = gate.get(path, headers=headers)
            equal(got.headers.get_all("Access-Control-Allow-Origin"), ["https://app.example"],
                  f"{got.status} of {path}: whoever was told so may read what costs nothing as well")
        del up.answers["/a"]
        paid, wrong = pay(asked), {"PAYMENT-SIGNATURE": "!!!"}
        fac.faults["/verify"] = [lambda h, _b: h.reply(500, b"oops")]
        up.answers["/gone"] = lambda h, _b: h.connection.shutdown(2)
        for wanted, path, headers in ((400, "/%2fa", {}), (501, "/a", {"Upgrade": "websocket"}), (402, "/a", wrong), (503, "/a", paid),
                                      (200, "/a", paid), (402, "/a", paid), (502, "/gone", {}), (400, "/named", pay(gate.get("/named")))):
            got = gate.get(path, headers=headers)
            equal((got.status, got.headers.get_all("Access-Control-Allow-Origin"), "PAYMENT-REQUIRED" in got.headers["Access-Control-Expose-Headers"]),
                  (wanted, ["https://app.example"], True), f"{wanted} of {path}: a page of that origin may read why")


def reports(up, fac, folder):
    routes = [{"path": "/a", "price": "$0.01"}, {"path": "/b/*", "price": "$2", "description": "x"}]
    with Gate(up, fac, routes) as gate:
        for _ in range(3):
            asked = gate.get("/a")
            gate.get("/a", headers=pay(asked))
        gate.get("/b/1", headers=pay(gate.get("/b/1")))
        gate.get("/b/2")
        gate.get("/free")
        text = gate.get("/metrics", port=gate.admin).body.decode()
        ok('mete_gate_requests_total{outcome="paid"} 4' in text and 'outcome="asked"} 5' in text, "what happened is counted", text[:600])
        ok("mete_gate_settle_seconds_count 4" in text, "and timed")
        equal(gate.get("/healthz", port=gate.admin).status, 200, "it is well")
        equal(gate.get("/x", port=gate.admin).status, 404, "and serves no more")
        paid = gate.payments()
        equal((len(paid), paid[0]["amount"], paid[0]["route"], paid[0]["served"]), (4, "10000", "/a", True), "each payment is a line at once")
        gate.stop()
        file = gate.folder / "stats.ndjson"
        with open(file, "a") as f:
            f.write('{"at":"2026-01-01T00:00:00Z","kind":"pay')
        run = mete("gate", "report", str(file), "--csv")
        rows = list(csv.DictReader(io.StringIO(run.stdout)))
        found = {(r["route"], r["network"]): r for r in rows}
        a, b = found[("/a", V2)], found[("/b/*", V2)]
        equal((a["paid"], a["revenue"], a["units"], a["asset"]), ("3", "0.03", "30000", "USDC"), "revenue by route")
        equal((b["paid"], b["revenue"]), ("1", "2"), "and by another")
        equal((found[("/a", "")]["requests"], found[("/a", "")]["asked"], found[("", "")]["free"]), ("6", "3", "1"), "beside what was asked")
        ok("1 lines could not be read" in run.stderr, "a line that a crash has cut is told")
        run = mete("gate", "report", str(file), "--by", "day", "--json")
        day = time.strftime("%Y-%m-%d", time.gmtime())
        ok(run.returncode == 0 and day in run.stdout and '"revenue":"2.03"' in run.stdout.replace(" ", ""), "by day", run.stdout)
        equal(mete("gate", "report", str(file), "--by", "moon").returncode, 2, "by nothing else")
        run = mete("gate", "report", str(file), "--from", "2030-01-01")
        ok(run.returncode == 0 and "/a" not in run.stdout, "in a span of time")
        equal((a["unserved"], a["requests"], found[("/a", "")]["paid"]), ("0", "", ""), "a row says nothing of what it does not count")
    with Gate(up, fac, [{"path": "/u", "price": "$1", "flow": "upfront"}]) as gate:
        def payments():
            run = mete("gate", "report", str(gate.folder / "stats.ndjson"), "--csv")
            return [(r["paid"], r["revenue"], r["unserved"]) for r in csv.DictReader(io.StringIO(run.stdout)) if r["network"]]
        asked = gate.get("/u")
        gate.get("/u", headers=pay(asked))
        equal(payments(), [("1", "1", "0")], "what is settled up-front and served")
        up.answers["/u"] = lambda h, _b: h.reply(500, b"no")
        header = pay(asked)
        gate.get("/u", headers=header)
        equal(payments(), [("2", "2", "1")], "what is settled and not served is told")
        del up.answers["/u"]
        equal(gate.get("/u", headers=header).status, 200, "it is brought again")
        equal(payments(), [("2", "2", "0")], "and told no more")


def torn(up, fac):
    """A disk that is full for a while takes one line away, not the next one as well."""
    gate = Gate(up, fac, [{"path": "/a", "price": "$1"}])
    file = gate.folder / "stats.ndjson"
    file.write_text('{"at":"2026-01-01T00:00:00Z","kind":"pay')
    with gate:
        def bought(room=None):
            was = resource.prlimit(gate.process.pid, resource.RLIMIT_FSIZE)
            if room is not None:
                resource.prlimit(gate.process.pid, resource.RLIMIT_FSIZE, (file.stat().st_size + room, was[1]))
            equal(gate.get("/a", headers=pay(gate.get("/a"))).status, 200, "it sells, whatever the disk says")
            resource.prlimit(gate.process.pid, resource.RLIMIT_FSIZE, was)
        for room in (None, 100, None, 0, None):
            bought(room)
        gate.stop()
        run = mete("gate", "report", str(file), "--csv")
        equal([r["paid"] for r in csv.DictReader(io.StringIO(run.stdout)) if r["network"]], ["3"], "three of the five lines were written")
        ok("2 lines could not be read" in run.stderr, "what was cut is told, also what the gate before has left", run.stderr)


def served_later(folder):
    """A payment counts where it was paid, also when it is served on another day or by another route."""
    def line(at, kind, route, transaction, **more):
        return json.dumps({"at": at, "kind": kind, "route": route, "network": V2, "asset": "0x" + "11" * 20,
                           "transaction": transaction, **more}) + "\n"

    def payment(at, route, transaction, served=False):
        return line(at, "payment", route, transaction, symbol="USDC", decimals=6, amount="10000", served=served)
    file = folder / "later.ndjson"
    file.write_text(line("2026-01-31T00:00:00Z", "served", "/a", "0x9") + payment("2026-02-01T10:00:00Z", "/a", "0x1", True) +
                    payment("2026-02-01T23:59:50Z", "/a", "0x2") + payment("2026-02-01T23:59:51Z", "/b", "0x3") +
                    line("2026-02-02T00:00:05Z", "served", "/b", "0x2") + payment("2026-02-02T12:00:00Z", "/a", "0x4", True))

    def unserved(*args):
        run = mete("gate", "report", str(file), "--csv", *args)
        return [(r["day"], r["route"], r["paid"], r["unserved"]) for r in csv.DictReader(io.StringIO(run.stdout))]
    equal(unserved("--by", "day"), [("2026-02-01", "", "3", "1"), ("2026-02-02", "", "1", "0")], "served on another day: on the day it was paid")
    equal(unserved(), [("", "/a", "3", "0"), ("", "/b", "1", "1")], "served by another route: on the route it was paid for")
    equal(unserved("--by", "day", "--until", "2026-02-01"), [("2026-02-01", "", "3", "1")], "served behind the span: is served")
    equal(unserved("--by", "day", "--from", "2026-02-02"), [("2026-02-02", "", "1", "0")], "paid before the span: is not in it")


def again(gate, config=None, text=None, wanted="configuration_read_again"):
    """SIGHUP, and the line of the log that answers it."""
    before = len(gate.lines(wanted))
    (gate.folder / "gate.json").write_text(text if text is not None else json.dumps({**gate.config, **(config or {})}))
    gate.process.send_signal(signal.SIGHUP)
    until(wanted, lambda: len(gate.lines(wanted)) == before + 1)
    return json.loads(gate.lines(wanted)[-1])


def reloading(up, fac, folder):
    (folder / "rotated").write_text("bearer-one")
    (folder / "rotated").chmod(0o600)
    with Gate(up, fac, [{"path": "/a", "price": "$0.01"}, {"path": "/old", "price": "$0.01"}], "--facilitator-key",
              str(folder / "rotated")) as gate:
        old = gate.get("/a")
        c = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=20)
        c.request("GET", "/old")
        equal((c.getresponse().read() != b"", gate.get("/new").status), (True, 200), "before: one is sold, another is free")
        socket_before = c.sock
        hold = threading.Event()
        up.answers["/a"] = lambda h, _b: (hold.wait(20), h.reply(200, b"slow"))
        slow, runs = [], up.count("/a")
        t = threading.Thread(target=lambda: slow.append(gate.get("/a", headers=pay(old))))
        t.start()
        until("a paid request is under way", lambda: up.count("/a") == runs + 1)
        (folder / "rotated").write_text("bearer-two")
        (folder / "rotated").chmod(0o640)
        refused = again(gate, wanted="configuration_refused")
        ok("rotated: others may read or write it: chmod 600 it" in refused["why"], "a key that others may read is not taken over", refused)
        (folder / "rotated").chmod(0o600)
        again(gate, {"routes": [{"path": "/new", "price": "$0.03"}, {"path": "/a", "price": "$0.02"}], "cors": "https://b.example"})
        hold.set()
        t.join()
        equal((slow[0].status, slow[0].body), (200, b"slow"), "what was under way is finished, at the old price")
        del up.answers["/a"]
        asked = gate.get("/a")
        equal((asked.required()["accepts"][0]["amount"], asked.headers["Access-Control-Allow-Origin"]), ("20000", "https://b.example"),
              "the new price holds from then on, and all else")
        c.request("GET", "/old")
        equal((c.getresponse().status, c.sock is socket_before), (200, True), "on connections that were open as well")
        equal(gate.get("/new").required()["accepts"][0]["amount"], "30000", "a new route is sold at once")
        settles = fac.count("/settle")
        got = gate.get("/a", headers=pay(old))
        equal((got.status, got.required()["accepts"][0]["amount"], fac.count("/settle")), (402, "20000", settles),
              "a payment for the old price buys nothing and costs nothing")
        equal(gate.get("/a", headers=pay(asked)).status, 200, "one for the new price does")
        equal([s["headers"].get("Authorization") for s in fac.seen if s["path"] == "/verify"][-1], "Bearer bearer-two",
              "the facilitator is shown the new key")
        bad = again(gate, {"routes": [{"path": "/a", "price": "$0.0000001"}]}, wanted="configuration_refused")
        ok(all(t in bad["why"] for t in ("gate.json", "/routes/0", "price", "all stays as it was")) and bad["level"] == "ERROR",
           "a price that cannot be: file, place and reason are in the log", bad)
        equal(gate.metric("mete_gate_config_refused"), 1, "and in the metrics")
        again(gate, text="{", wanted="configuration_refused")
        (gate.folder / "gate.json").unlink()
        gate.process.send_signal(signal.SIGHUP)
        until("a file that is gone is refused as well", lambda: len(gate.lines("configuration_refused")) == 4)
        equal(gate.get("/a").required()["accepts"][0]["amount"], "20000", "and all stays as it was")
        again(gate, {"listen": "127.0.0.1:1", "upstream": "http://127.0.0.1:9"})
        ok(not gate.lines("takes_a_restart"), "what options say is not asked of the file")
        again(gate, {"admin": "127.0.0.1:1"})
        for n in range(40):
            again(gate, {"routes": [{"path": f"/r{n}", "price": "$0.01"}]})
        equal((gate.get("/r39").status, gate.get("/r38").status), (402, 200), "as often as one likes")
        equal([gate.metric("mete_gate_" + n) for n in ("config_refused", "routes", "routes_closed")], [0, 1, 0], "the metrics know it")
        gate.stop()
        report = subprocess.run([METE, "gate", "report", str(gate.folder / "stats.ndjson"), "--json"], capture_output=True, text=True)
        ok(all(f'"{r}"' in report.stdout for r in ("/old", "/a", "/r39")), "the report knows the routes of all of them", report.stdout[-500:])


def encrypted(up, fac, folder):
    key, certificate = folder / "k.pem", folder / "c.pem"
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                           "-out", certificate, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
                          capture_output=True)
    equal(made.returncode, 0, "a certificate is made")
    subprocess.run([folder / "other.pem" if a == key else "/dev/null" if a == certificate else a for a in made.args], capture_output=True)
    for wrong, pair, says in (("bad.pem", ("bad.pem", "k.pem"), "it holds no certificate in PEM"),
                              ("bad.pem", ("c.pem", "bad.pem"), "it holds no private key in PEM"),
                              ("other.pem", ("c.pem", "other.pem"), "it is not the key of the certificate")):
        (folder / "bad.pem").write_text("-----BEGIN NOTHING-----\n")
        said = check(folder, route(), "--certificate", str(folder / pair[0]), "--key", str(folder / pair[1])).stderr
        ok(f"{folder / wrong}: {says}" in said, f"the file is named, and that {says}", said)
    (folder / "bearer").write_text("secret-bearer-123\n")
    (folder / "bearer").chmod(0o600)
    with Gate(up, fac, [{"path": "/a", "price": "$1"}], "--certificate", str(certificate), "--key", str(key),
              "--facilitator-key", str(folder / "bearer")) as gate:
        context = ssl.create_default_context(cafile=str(certificate))
        c = http.client.HTTPSConnection("127.0.0.1", gate.port, timeout=20, context=context)
        c.request("GET", "/a")
        r = c.getresponse()
        equal((r.status, json.loads(r.read())["accepts"][0]["resource"]), (402, f"https://127.0.0.1:{gate.port}/a"), "it speaks TLS")
        c.close()
        asked = [s for s in fac.seen if s["path"] == "/supported"][-1]
        equal(asked["headers"]["Authorization"], "Bearer secret-bearer-123", "the facilitator is shown the key")
        ok("secret-bearer" not in gate.text(), "and nobody else")
        before = ssl.get_server_certificate(("127.0.0.1", gate.port))
        subprocess.run(made.args, capture_output=True, check=True)
        again(gate)
        after = ssl.get_server_certificate(("127.0.0.1", gate.port))
        equal((before != after, after.strip()), (True, certificate.read_text().strip()), "a renewed certificate is taken at once")
        certificate.write_text("rubbish")
        again(gate, {"routes": [{"path": "/b", "price": "$1"}]}, wanted="configuration_refused")
        equal(ssl.get_server_certificate(("127.0.0.1", gate.port)), after, "a bad one is not")


with tempfile.TemporaryDirectory(prefix="mete-gate-") as name, Upstream() as up, Facilitator() as fac:
    folder = pathlib.Path(name)
    mistakes(folder)
    good(folder)
    kinds(up)
    origins(up, fac)
    reports(up, fac, folder)
    torn(up, fac)
    served_later(folder)
    encrypted(up, fac, folder)
    reloading(up, fac, folder)
done()

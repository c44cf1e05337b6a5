#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A gate that dies while it settles, and one that is stopped: with --state nothing that was paid is lost, and
nothing is served twice. covers: V-020 V-022"""
import json
import pathlib
import subprocess
import tempfile
import threading

from gated import Facilitator, Gate, Upstream, V2, done, equal, ok, pay, until

ROUTES = [{"path": "/paid", "price": "$0.01"}, {"path": "/up", "price": "$0.01", "flow": "upfront"}]


def started(up, fac, state, routes=ROUTES):
    return Gate(up, fac, routes, "--state", str(state)).__enter__()


def settles(fac):
    return [s["body"] for s in fac.seen if s["path"] == "/settle"]


def killed(up, fac, state, path):
    """It is killed when the facilitator has settled, and has not heard so."""
    gate = started(up, fac, state)
    header = pay(gate.get(path))
    before = len(settles(fac))
    hold = threading.Event()
    fac.faults["/settle"] = [lambda _h, _b: hold.wait(20)]

    def ask():
        try:
            gate.get(path, headers=header)
        except OSError:
            pass
    t = threading.Thread(target=ask)
    t.start()
    until("it is being settled", lambda: len(settles(fac)) == before + 1)
    gate.process.kill()
    gate.stop(-9)
    hold.set()
    t.join()
    with open(state, "a") as f:
        f.write('{"state":"served","key":"00')
    gate = started(up, fac, state)
    verifies = fac.count("/verify")
    got = gate.get(path, headers=header)
    equal((got.status, fac.count("/verify")), (200, verifies), f"{path}: who paid a gate that died is served by the next one")
    ok(len(settles(fac)) == before + 2 and settles(fac)[-1] == settles(fac)[-2], "by the same bytes, with the same reservation", settles(fac)[-2:])
    equal(gate.get(path, headers=header).status, 402, "once")
    equal(len(gate.payments()), 1, "it stands in the file of what was sold")
    gate.stop()
    gate = started(up, fac, state)
    asked = (fac.count("/verify"), fac.count("/settle"))
    got = gate.get(path, headers=header)
    equal((got.status, got.settled()["errorReason"]), (402, "duplicate_settlement"), "the third one knows that it was served")
    equal((fac.count("/verify"), fac.count("/settle")), asked, "and asks nobody")
    gate.stop()


def counted_once(up, fac, state):
    """It is killed when the payment was settled up-front, and the upstream works for it."""
    gate = started(up, fac, state)
    header = pay(gate.get("/up"))
    runs = up.count("/up")
    hold = threading.Event()
    up.answers["/up"] = lambda _h, _b: hold.wait(20)

    def ask():
        try:
            gate.get("/up", headers=header)
        except OSError:
            pass
    t = threading.Thread(target=ask)
    t.start()
    until("it is paid, and the upstream works", lambda: up.count("/up") == runs + 1)
    gate.process.kill()
    gate.stop(-9)
    hold.set()
    t.join()
    del up.answers["/up"]
    gate.__enter__()
    equal(gate.get("/up", headers=header).status, 200, "what was settled up-front is served by the next gate")
    equal(len(gate.payments()), 1, "and counted once")
    gate.stop()


def dearer(up, fac, state):
    """The price changes while a payment is under way."""
    routes = [{**ROUTES[0], "price": "$0.02"}, ROUTES[1]]

    def unknown():
        fac.faults["/settle"] = [lambda h, _b: h.reply(500, b"oops")] * 4
    for version in (1, 2):
        gate = started(up, fac, state)
        header = pay(gate.get("/paid"), version=version)
        other = pay(gate.get("/paid"), version=version)
        unknown()
        equal(gate.get("/paid", headers=header).status, 503, f"version {version}: a payment is under way")
        gate.stop()
        gate = started(up, fac, state, routes)
        asked = len(fac.seen)
        got = gate.get("/paid", headers=header)
        equal((got.status, got.json().get("code")), (503, "settlement_pending"), "at another price it is under way still")
        ok("PAYMENT-REQUIRED" not in got.headers and b"accepts" not in got.body and len(fac.seen) == asked, "nothing is offered, and nobody asked")
        got = gate.get("/paid", headers=other)
        equal((got.status, len(fac.seen)), (402, asked), "another one of the old price is told the new one")
        gate.stop()
        gate = started(up, fac, state)
        equal(gate.get("/paid", headers=header).status, 200, "when the old price is asked again it is served")
        gate.stop()


def refused(up, fac, state):
    gate = started(up, fac, state)
    header = pay(gate.get("/paid"))
    fac.faults["/settle"] = [lambda h, _b: h.reply(200, {"success": False, "errorReason": "insufficient_funds", "transaction": "", "network": V2})]
    equal(gate.get("/paid", headers=header).status, 402, "a settlement that failed")
    other = subprocess.run(gate.command, capture_output=True, text=True, timeout=30)
    ok(other.returncode != 0 and "another gate writes it" in other.stderr, "a second gate on the same file does not start", other.stderr[-300:])
    gate.stop()
    gate = started(up, fac, state)
    verifies = fac.count("/verify")
    got = gate.get("/paid", headers=header)
    equal((got.status, fac.count("/verify")), (200, verifies + 1), "is forgotten: the same payment is judged anew")
    gate.stop()
    rows = [json.loads(line) for line in state.read_text().splitlines()]
    ok(len(rows) > 2 and all(len(r["key"]) == 64 for r in rows), "the file has whole lines alone after a start", rows)
    equal(oct(state.stat().st_mode & 0o777), "0o600", "which nobody else reads")


with tempfile.TemporaryDirectory(prefix="mete-gate-") as name, Upstream() as up, Facilitator(reserves=True) as fac:
    state = pathlib.Path(name) / "payments.ndjson"
    killed(up, fac, state, "/paid")
    killed(up, fac, state, "/up")
    counted_once(up, fac, state)
    dearer(up, fac, state)
    refused(up, fac, state)
done()

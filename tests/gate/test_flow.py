#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is asked, what is paid, what is delivered: each way through the gate, and each way in which the
facilitator or the upstream fails. covers: V-020 V-021 V-022 V-023 V-024 V-025 V-027 V-028 V-051 V-092"""
import json
import threading
import time

from gated import (Facilitator, Gate, PAYER, Upstream, V1, V2, decode, done, encode, equal, note, ok, pay, payment,
                   until)

ROUTES = [
    {"path": "/paid", "price": "$0.01", "description": "A page", "mime_type": "application/json"},
    {"path": "/articles/*", "methods": ["GET"], "price": "0.05 USDC"},
    {"regex": "^/data/[0-9]+$", "price": "12345"},
    {"path": "/up", "price": "$0.02", "flow": "upfront"},
    {"path": "/meter", "accepts": [{"scheme": "upto", "price": "$1.00"}]},
    {"path": "/choice", "price": "$0.03", "accepts": [{}, {"method": "permit2"}, {"price": "0.04 USDC"}]},
    {"path": "/bad", "price": "$0.01"},
    {"path": "/split", "price": "$0.01", "policy": "pol_film"},
    {"path": "/id", "price": "$0.01", "payment_identifier": "optional"},
    {"path": "/both", "price": "$0.01", "payment_identifier": "optional", "flow": "upfront"},
    {"path": "/theirs", "price": "$0.01", "pay_to": PAYER},
    {"path": "/must", "price": "$0.01", "payment_identifier": "required"},
    {"path": "/found", "price": "$0.01", "methods": ["POST"],
     "discovery": {"body_type": "json", "example": {"q": "x"}, "output_example": {"a": 1}}},
]


def overrides(text, status=200):
    def answer(handler, _body):
        handler.reply(status, b"metered", [("Settlement-Overrides", text)] if text else [])
    return answer


def fault_reply(status, value):
    return lambda handler, _body: handler.reply(status, value)


def fault_cut(handler, _body):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    handler.close_connection = True


def pending(tx="0x" + "ab" * 32):
    return fault_reply(200, {"success": False, "errorReason": "settlement_pending", "transaction": tx,
                             "network": V2, "payer": PAYER})


def asked_and_paid(gate, up, fac):
    asked = gate.get("/paid")
    equal(asked.status, 402, "without a payment the answer is 402")
    required = asked.required()
    equal(required["x402Version"], 2, "its header is of version 2")
    equal(required["resource"], {"url": f"http://127.0.0.1:{gate.port}/paid", "description": "A page",
                                 "mimeType": "application/json"}, "it names the resource")
    offer = required["accepts"][0]
    equal(set(offer), {"scheme", "network", "amount", "asset", "payTo", "maxTimeoutSeconds", "extra"},
          "an offer has the seven members")
    equal((offer["amount"], offer["network"], offer["extra"]), ("10000", V2, {"name": "USDC", "version": "2"}),
          "a cent is 10000 of USDC, with the name that its contract has there")
    v1 = asked.json()
    equal((v1["x402Version"], v1["accepts"][0]["maxAmountRequired"], v1["accepts"][0]["network"]),
          (1, "10000", V1), "its body is of version 1")
    equal(asked.headers["Cache-Control"], "no-store", "nobody keeps it")
    ok("PAYMENT-REQUIRED" in asked.headers["Access-Control-Expose-Headers"], "scripts may read the header")
    equal(len(up.seen), 0, "the upstream saw nothing")

    header = pay(asked)
    got = gate.get("/paid", headers={**header, "X-Request-Id": "mine-1"})
    equal((got.status, got.json()["path"]), (200, "/paid"), "a payment buys it")
    settled = got.settled()
    ok(settled["success"] and settled["transaction"].startswith("0x"), "PAYMENT-RESPONSE says how", settled)
    ok("X-PAYMENT-RESPONSE" not in got.headers, "and nothing is said in the words of version 1")
    equal(got.headers["Cache-Control"], "private", "it is for who paid")
    verify = [s for s in fac.seen if s["path"] == "/verify"][0]
    settle = [s for s in fac.seen if s["path"] == "/settle"][0]
    equal(verify["body"]["paymentRequirements"], offer, "the facilitator judges by the gate's own offer")
    ok(verify["body"]["reserve"] is True, "and is asked for a reservation")
    equal(verify["headers"]["X-Request-Id"], "mine-1", "the request's id goes to it")
    equal(up.seen[0]["headers"]["X-Request-Id"], "mine-1", "and to the upstream")
    ok("PAYMENT-SIGNATURE" not in {n.upper() for n in up.seen[0]["headers"]}, "the payment itself does not")
    equal(encode(settle["body"]["paymentPayload"]), encode(verify["body"]["paymentPayload"]), "settled is what was verified")
    until("the log names request and transaction", lambda: any(settled["transaction"] in x for x in gate.lines("mine-1")))

    again = gate.get("/paid", headers=header)
    equal(again.status, 402, "the same payment buys it once")
    equal((again.settled()["success"], again.settled()["transaction"]), (False, settled["transaction"]),
          "it is told which transaction that was")
    equal(up.count("/paid"), 1, "the upstream was asked once")


def version_one(gate, fac):
    asked = gate.get("/paid")
    ok(all("outputSchema" not in a for a in asked.json()["accepts"]), "what is not known is left out: clients refuse a null")
    before = fac.count("/settle")
    got = gate.get("/paid", headers=pay(asked, version=1))
    equal(got.status, 200, "a payment of version 1 buys it")
    ok(decode(got.headers["X-PAYMENT-RESPONSE"])["success"], "answered in the header of version 1")
    ok(got.headers["PAYMENT-RESPONSE"] is not None, "and in that of version 2")
    body = [s for s in fac.seen if s["path"] == "/verify"][-1]["body"]
    equal((body["x402Version"], body["paymentRequirements"]["network"], body["paymentRequirements"]["maxAmountRequired"]),
          (1, V1, "10000"), "the facilitator is asked in version 1")
    equal(fac.count("/settle"), before + 1, "and settles")
    got = gate.get("/paid", headers={"PAYMENT-SIGNATURE": encode(payment(asked, 1))})
    equal(got.status, 200, "whichever header carries it")


def refused(gate, up, fac):
    asked = gate.get("/paid")
    count = (len(up.seen), fac.count("/verify"))
    wrong = {"no base64": "!!!", "no JSON": encode("x")[:-1], "an empty object": encode({}), "null": encode(None),
             "of version 3": encode({**payment(asked), "x402Version": 3}),
             "cheaper": encode(payment(asked, amount="1")), "for another payee": encode(payment(asked, payTo=PAYER)),
             "on another network": encode(payment(asked, network="eip155:1")),
             "without accepted": encode({k: v for k, v in payment(asked).items() if k != "accepted"}),
             "of two accepted": encode({**payment(asked), "accepted": [payment(asked)["accepted"]]}),
             "longer than any": "A" * 70000}
    for what, header in wrong.items():
        try:
            got = gate.get("/paid", headers={"PAYMENT-SIGNATURE": header})
            ok(got.status in (402, 431, 400), f"a payment that is {what} buys nothing", got.status)
            if got.status == 402:
                ok(got.required()["error"] != "", f"... and is told why: {got.required()['error']}")
        except OSError as e:
            ok(what == "longer than any", f"a payment that is {what} is cut off", e)
    equal((len(up.seen), fac.count("/verify")), count, "nobody was asked because of them")
    fac.faults["/verify"] = [fault_reply(200, {"isValid": False, "invalidReason": "insufficient_funds", "payer": PAYER})]
    header = pay(asked)
    got = gate.get("/paid", headers=header)
    equal((got.status, got.required()["error"]), (402, "insufficient_funds"), "what the facilitator refuses is refused")
    equal(gate.get("/paid", headers=header).status, 200, "and may be brought again")
    fac.faults["/verify"] = [fault_reply(200, {"isValid": False, "invalidReason": "permit2_allowance_required"})]
    equal(gate.get("/paid", headers=pay(asked)).status, 412, "a missing allowance is 412, as official servers say")


def patterns(gate, up):
    for path, amount in (("/articles/a", "50000"), ("/data/7", "12345"), ("/data/007", "12345")):
        equal(gate.get(path).required()["accepts"][0]["amount"], amount, f"{path} costs {amount}")
    for method, path in (("POST", "/articles/a"), ("GET", "/articles/a/b"), ("GET", "/data/x"), ("GET", "/"),
                         ("OPTIONS", "/paid")):
        equal(gate.request(method, path).status, 200, f"{method} {path} is free")
    equal(gate.request("HEAD", "/articles/a").status, 402, "HEAD costs what GET costs")
    offers = gate.get("/choice").required()["accepts"]
    equal([o["amount"] for o in offers], ["30000", "30000", "40000"], "a route may be paid in several ways")
    equal(offers[1]["extra"]["assetTransferMethod"], "permit2", "one of them Permit2")
    equal(len(gate.get("/choice").json()["accepts"]), 2, "which version 1 cannot say")
    asked = gate.get("/choice")
    equal(gate.get("/choice", headers=pay(asked, offer=2)).status, 200, "any of them does")
    listing = gate.get("/.well-known/x402").json()
    equal([r.get("path") or r["regex"] for r in listing["routes"]],
          [r.get("path") or r["regex"] for r in gate.config["routes"]], "all that is sold stands in a list")
    equal(listing["routes"][0]["price"], "0.01 USDC", "with its price")
    info = gate.request("POST", "/found").required()["extensions"]["bazaar"]["info"]
    equal((info["input"]["method"], info["input"]["bodyType"]), ("POST", "json"), "how it is called stands in the bazaar")
    asked = gate.request("POST", "/found")
    kept = asked.required()["extensions"]
    equal(gate.request("POST", "/found", headers=pay(asked, extensions=kept)).status, 200, "an extension that is echoed is fine")
    changed = json.loads(json.dumps(kept))
    changed["bazaar"]["info"]["input"]["method"] = "GET"
    got = gate.request("POST", "/found", headers=pay(asked, extensions=changed))
    equal((got.status, got.required()["error"]), (402, "extension_echo_mismatch"), "one that is changed is not")


def failing(gate, up, fac):
    asked = gate.get("/bad")
    for status in (400, 404, 500, 503):
        up.answers["/bad"] = lambda h, _b, s=status: h.reply(s, b"no")
        before = fac.count("/settle")
        header = pay(asked)
        got = gate.get("/bad", headers=header)
        equal((got.status, got.body, fac.count("/settle")), (status, b"no", before), f"a handler that says {status} is not paid")
        ok("PAYMENT-RESPONSE" not in got.headers, "and nothing is said of a payment")
    up.answers["/bad"] = lambda h, _b: h.reply(200, b"now")
    equal(gate.get("/bad", headers=header).body, b"now", "the payment is still good")
    up.answers["/bad"] = lambda h, _b: h.reply(302, b"", [("Location", "/elsewhere")])
    equal(gate.get("/bad", headers=pay(asked)).status, 302, "a redirect is an answer, and is paid")
    ok(fac.reserves is False or fac.count("/release") >= 4, "what was reserved was given back", fac.count("/release"))

    up.answers["/bad"] = lambda h, _b: h.connection.shutdown(2)
    before = fac.count("/settle")
    got = gate.get("/bad", headers=pay(asked))
    equal((got.status, got.json()["code"]), (502, "upstream_failed"), "an upstream that hangs up is a 502")

    def cut(h, _b):
        h.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        h.wfile.flush()
        h.close_connection = True
    up.answers["/bad"] = cut
    got = gate.get("/bad", headers=pay(asked))
    equal((got.status, fac.count("/settle")), (502, before), "a small answer that is cut off is not paid")
    up.answers["/bad"] = lambda h, _b: (time.sleep(3), h.reply(200, b"late"))
    got = gate.get("/bad", headers=pay(asked))
    equal((got.status, got.json()["code"], fac.count("/settle")), (504, "upstream_timeout", before), "nor is one that comes late")

    def stalls(h, _b):
        h.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        h.wfile.flush()
        time.sleep(8)
        h.close_connection = True
    up.answers["/bad"] = stalls
    began = time.time()
    got = gate.get("/bad", headers=pay(asked))
    equal((got.status, got.json()["code"], fac.count("/settle")), (504, "upstream_timeout", before), "nor one that stops in the middle")
    ok(time.time() - began < 6, "nobody waits for it for ever", time.time() - began)
    for what, headers in (("too many headers", [(f"X-{i}", "v") for i in range(80)]), ("too large a head", [("X-A", "v" * 40000), ("X-B", "v" * 40000)])):
        up.answers["/bad"] = lambda h, _b, v=headers: h.reply(200, b"x", v)
        got = gate.get("/bad", headers=pay(asked))
        equal((got.status, got.json()["code"], fac.count("/settle")), (502, "upstream_failed", before), f"nor one with {what}")
    large = {"X-Large": "r" * 24000}
    up.answers["/bad"] = lambda h, _b: h.reply(200, b"x", [("X-A", "v" * 14000), ("X-B", "w" * 14000)])
    got = gate.get("/bad", headers={**pay(asked), **large})
    equal((got.status, len(got.headers.get("X-B", ""))), (200, 14000), "a large head of both fits")
    large = {"X-Large": "r" * 30000, "X-More": "r" * 22000}
    before = fac.count("/settle")
    got = gate.get("/bad", headers={**pay(asked), **large})
    equal((got.status, fac.count("/settle")), (502, before), "where both do not fit nothing is charged")


def settling(gate, up, fac):
    asked = gate.get("/paid")
    fac.faults["/settle"] = [fault_reply(200, {"success": False, "errorReason": "insufficient_funds", "transaction": "",
                                               "network": V2})]
    got = gate.get("/paid", headers=pay(asked))
    equal((got.status, got.settled()["success"], got.settled()["errorReason"]), (402, False, "insufficient_funds"),
          "nothing is delivered when the settlement fails")
    ok(b'"length"' not in got.body, "not a byte of it", got.body)

    before = fac.count("/settle")
    fac.faults["/settle"] = [pending(), pending()]
    got = gate.get("/paid", headers=pay(asked))
    equal((got.status, fac.count("/settle") - before), (200, 3), "a pending settlement is asked for again, and then served")
    bodies = [s["body"] for s in fac.seen if s["path"] == "/settle"][-3:]
    ok(bodies[0] == bodies[1] == bodies[2], "each time with the same bytes")

    fac.faults["/settle"] = [fault_cut, fault_reply(500, b"oops"), fault_reply(200, b"<html>")]
    equal(gate.get("/paid", headers=pay(asked)).status, 200, "so is one whose answer was lost, or no answer")

    fac.faults["/settle"] = [pending()] * 4
    header = pay(asked)
    runs = up.count("/paid")
    got = gate.get("/paid", headers=header)
    equal((got.status, got.settled()["errorReason"], got.settled()["transaction"]),
          (503, "settlement_pending", "0x" + "ab" * 32), "in the end the client is told the transaction")
    ok("PAYMENT-REQUIRED" not in got.headers and b"accepts" not in got.body, "and is not asked for another payment")
    verifies = fac.count("/verify")
    got = gate.get("/paid", headers=header)
    equal((got.status, fac.count("/verify")), (200, verifies), "the same payment is then settled first, and served")
    equal(up.count("/paid"), runs + 2, "by asking the upstream again")
    equal(gate.get("/paid", headers=header).status, 402, "once")


def used_up(gate, up, fac):
    """A settlement whose answer was lost, by a facilitator that does not remember that it was its own."""
    asked = gate.get("/paid")
    reasons = ["duplicate_settlement", "invalid_exact_evm_nonce_already_used", "permit2_invalid_nonce"]

    def used(why):
        return fault_reply(200, {"success": False, "errorReason": why, "transaction": "", "network": V2})
    fac.faults["/settle"] = [fault_cut, *(used(why) for why in reasons)]
    header, before = pay(asked), fac.count("/settle")
    for what in ("in the second try", "in that of the same payment brought again"):
        got = gate.get("/paid", headers=header)
        equal((got.status, got.settled()["errorReason"]), (503, "settlement_pending"), f"what is used {what} may have been paid")
        ok("PAYMENT-REQUIRED" not in got.headers and b"accepts" not in got.body, "and nobody is asked to pay again")
        fac.faults["/settle"] = [used(why) for why in (*reasons, reasons[0])]
    equal((fac.count("/settle") - before, len(fac.faults["/settle"])), (8, 4), "each time it was tried four times")
    fac.faults["/settle"] = []
    equal(gate.get("/paid", headers=header).status, 200, "it is served when its settlement is known")
    fac.faults["/settle"] = [used(reasons[1])]
    equal(gate.get("/paid", headers=pay(asked)).status, 402, "what was used before the first try buys nothing")
    over = ("payment_expired", "invalid_exact_evm_payload_authorization_valid_before", "permit2_deadline_expired")
    fac.faults["/settle"], header = [pending()] * 4, pay(asked)
    equal(gate.get("/paid", headers=header).status, 503, "a payment is under way")
    fac.faults["/settle"] = [used(why) for why in (*over, over[0])]
    got = gate.get("/paid", headers=header)
    equal((got.status, "PAYMENT-REQUIRED" in got.headers, len(fac.faults["/settle"])), (402, True, 3) if fac.reserves else (503, False, 0),
          "that its time is over, said when it is brought again: " + ("who reserves remembers, and is believed" if fac.reserves else
                                                                      "it may have been paid before that"))
    fac.faults["/settle"] = []


def another_payee(gate, up, fac):
    """Version 1 names no payee but the one that is signed."""
    asked = gate.get("/paid")
    header, words = pay(asked, version=1), ("PAYMENT-RESPONSE", "X-PAYMENT-RESPONSE")
    fac.faults["/settle"] = [pending()] * 4
    equal(gate.get("/paid", headers=header).status, 503, "a payment of version 1 is under way")
    up.answers["/paid"] = lambda h, _b: h.connection.shutdown(2)
    got = gate.get("/paid", headers=header)
    equal((got.status, [decode(got.headers[name])["success"] for name in words]), (502, [True, True]),
          "then it is settled and not served, which is said in both headers")
    runs = up.count("/theirs")
    got = gate.get("/theirs", headers=header)
    equal((got.status, up.count("/theirs")), (503, runs), "it buys nothing of somebody else, who got nothing of it")
    del up.answers["/paid"]
    equal(gate.get("/paid", headers=header).status, 200, "but what it was paid for")
    got = gate.get("/paid", headers=header)
    equal((got.status, [decode(got.headers[name])["errorReason"] for name in words]), (402, ["duplicate_settlement"] * 2),
          "once, which is said in both headers")
    asked = len(fac.seen)
    got = gate.get("/theirs", headers=pay(gate.get("/paid"), version=1))
    equal((got.status, got.required()["error"], len(fac.seen)), (402, "No matching payment requirements", asked),
          "nor is anybody asked about one for another payee")
    for what, path, held in (("another payee", "/theirs", {}), ("another price", "/choice", {}), ("another token", "/paid", {"token": "0x" + "99" * 20})):
        at, bought = "/paid" if held else path, by_permit2(gate.get("/paid"), **held)
        runs, asked = up.count(at), len(fac.seen)
        if not held:
            fac.faults["/settle"] = [pending()] * 4
            equal(gate.get("/paid", headers=bought).status, 503, "a payment of version 1 by Permit2 is under way")
            asked = len(fac.seen)
        got = gate.get(at, headers=bought)
        equal((got.status, up.count(at), len(fac.seen)), (402 if held else 503, runs, asked), f"by Permit2, too, it buys nothing for {what}")
        if not held:
            equal(gate.get("/paid", headers=bought).status, 200, "but what it was paid for")


def by_permit2(asked, **permitted):
    """A payment of version 1, which does not say by which method it pays."""
    p = payment(asked, version=1)
    a = p["payload"].pop("authorization")
    p["payload"]["permit2Authorization"] = {
        "from": a["from"], "permitted": {"token": asked.json()["accepts"][0]["asset"], "amount": a["value"], **permitted},
        "spender": "0x402085c248EeA27D92E8b30b2C58ed07f9E20001", "nonce": str(int(a["nonce"], 16)), "deadline": a["validBefore"],
        "witness": {"to": a["to"], "validAfter": "0"}}
    return {"X-PAYMENT": encode(p)}


def unreachable(gate, up, fac):
    asked = gate.get("/paid")
    runs = up.count("/paid")
    for what, fault in {"cuts its answer off": fault_cut, "answers 500": fault_reply(500, b"oops"),
                        "wants a key": fault_reply(401, {"code": "unauthorized"}), "answers with a page": fault_reply(200, b"<html></html>"),
                        "answers without isValid": fault_reply(200, {"payer": PAYER}),
                        "says valid with 500": fault_reply(500, {"isValid": True, "payer": PAYER}),
                        "takes too long": lambda h, _b: time.sleep(4)}.items():
        fac.faults["/verify"] = [fault]
        got = gate.get("/paid", headers=pay(asked))
        equal((got.status, got.json().get("code")), (503, "facilitator_unavailable"), f"a facilitator that {what} lets nobody in")
    equal(up.count("/paid"), runs, "the upstream was not asked")
    until("the log says that a key is missing",
          lambda: gate.lines("its answer to /verify, of status 401, cannot be read: it wants a key with the scope facilitator"))


def upfront(gate, up, fac):
    asked = gate.get("/up")
    equal(asked.required()["accepts"][0]["extra"]["paymentFlow"], "upfront", "the flow is said")
    order = []
    up.answers["/up"] = lambda h, _b: (order.append(fac.count("/settle")), h.reply(200, b"done"))
    before = (fac.count("/verify"), fac.count("/settle"))
    equal(gate.get("/up", headers=pay(asked)).body, b"done", "what is paid up-front is served")
    equal((fac.count("/verify"), order), (before[0] + 1, [before[1] + 1]), "after it was reserved and settled")
    up.answers["/up"] = lambda h, _b: h.reply(500, b"broken")
    header = pay(asked)
    got = gate.get("/up", headers=header)
    ok(got.status == 500 and got.settled()["success"], "its failure says that it was paid", got.status)
    first, sold, settles = got.settled(), len(gate.payments()), fac.count("/settle")

    def cut(h, _b):
        h.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        h.wfile.flush()
        h.close_connection = True
    up.answers["/up"] = cut
    got = gate.get("/up", headers=header)
    equal((got.status, got.settled()), (502, first), "so does a small answer that is cut off")
    up.answers["/up"] = lambda h, _b: h.reply(200, b"done")
    got = gate.get("/up", headers=header)
    equal((got.body, got.settled()), (b"done", first), "and the same payment may be brought again")
    equal(fac.count("/settle"), settles, "the facilitator is not asked for it again")
    equal(gate.get("/up", headers=header).status, 402, "until it is served")
    equal(len(gate.payments()), sold, "it stands in the file once")


def metered(gate, up, fac):
    asked = gate.get("/meter")
    offer = asked.required()["accepts"][0]
    equal((offer["scheme"], offer["amount"]), ("upto", "1000000"), "up to a dollar")
    ok("facilitatorAddress" in offer["extra"], "and who may settle it")
    for text, amount in (('{"amount":"1234"}', "1234"), ('{"amount":"50%"}', "500000"), ('{"amount":"$0.01"}', "10000"),
                         (None, "1000000")):
        up.answers["/meter"] = overrides(text)
        got = gate.get("/meter", headers=pay(asked))
        body = [s["body"] for s in fac.seen if s["path"] == "/settle"][-1]
        equal((got.status, body["paymentRequirements"]["amount"]), (200, amount), f"{text} charges {amount}")
        ok("Settlement-Overrides" not in got.headers, "nobody sees how")
    before = fac.count("/settle")
    for text in ('{"amount":"1000001"}', '{"amount":"101%"}', '{"amount":5}', "nonsense"):
        up.answers["/meter"] = overrides(text)
        got = gate.get("/meter", headers=pay(asked))
        equal((got.status, fac.count("/settle")), (502, before), f"{text} charges nothing")
    up.answers["/paid"] = overrides('{"amount":"1"}')
    got = gate.get("/paid", headers=pay(gate.get("/paid")))
    body = [s["body"] for s in fac.seen if s["path"] == "/settle"][-1]
    equal((got.status, body["paymentRequirements"]["amount"]), (200, "10000"), "an exact price is not overridden")
    ok("Settlement-Overrides" not in got.headers, "and the header does not leave")
    del up.answers["/paid"]


def left_pending(gate, up, fac):
    """A payment under way is brought again by a client that has gone before anything is begun for it."""
    import socket
    fac.faults["/settle"] = [pending()] * 4
    header = pay(gate.get("/paid"))
    equal(gate.get("/paid", headers=header).status, 503, "a payment is under way")
    asked = [fac.count(path) for path in ("/verify", "/settle", "/release")]
    left = gate.metric('mete_gate_requests_total{outcome="left"}')
    with socket.create_connection(("127.0.0.1", gate.port)) as s:
        line = f"GET /paid HTTP/1.1\r\nHost: x\r\nPAYMENT-SIGNATURE: {header['PAYMENT-SIGNATURE']}\r\n\r\n".encode()
        s.send(line, socket.MSG_MORE)  # leaves with the end, in one packet
        s.shutdown(socket.SHUT_WR)
        until("its client has gone", lambda: gate.metric('mete_gate_requests_total{outcome="left"}') == left + 1)
    equal([fac.count(path) for path in ("/verify", "/settle", "/release")], asked, "nobody is asked, and nothing given back")
    equal(gate.get("/paid", headers=header).status, 200, "the payment is still under way, and served when it is brought again")
    equal((fac.count("/verify"), fac.count("/settle")), (asked[0], asked[1] + 1), "settled first, without judging it anew")


def identified(gate, up, fac):
    asked = gate.get("/id")
    advertised = asked.required()["extensions"]["payment-identifier"]
    equal(advertised["info"], {"required": False}, "an id may be given")

    def with_id(name):
        return {"payment-identifier": {**advertised, "info": {**advertised["info"], "id": name}}}
    name = "pay_" + "7" * 32
    header = pay(asked, extensions=with_id(name))
    runs = (up.count("/id"), fac.count("/settle"))
    first = gate.get("/id", headers=header)
    again = gate.get("/id", headers=header)
    equal((first.status, again.status, again.body), (200, 200, first.body), "the same id and payment gets the same answer again")
    equal(again.headers["PAYMENT-RESPONSE"], first.headers["PAYMENT-RESPONSE"], "with the same settlement")
    equal((up.count("/id"), fac.count("/settle")), (runs[0] + 1, runs[1] + 1), "it was made and paid once")
    other = gate.get("/id", headers=pay(asked, extensions=with_id(name)))
    equal(other.status, 409, "another payment with that id is a conflict")
    equal(gate.get("/id?x=1", headers=header).status, 409, "and so is another request")
    equal(gate.get("/id", headers=pay(asked, extensions=with_id("short"))).status, 400, "an id that is none is refused")
    equal(gate.get("/id", headers=pay(asked)).status, 200, "none is needed")
    up.answers["/id"] = lambda h, _b: h.reply(500, b"broken")
    name = "pay_" + "8" * 32
    header = pay(asked, extensions=with_id(name))
    equal(gate.get("/id", headers=header).status, 500, "an answer that was not paid is not kept")
    del up.answers["/id"]
    equal(gate.get("/id", headers=header).status, 200, "the id is still good")
    up.answers["/id"] = lambda h, _b: h.reply(200, b"x" * 700000)
    header = pay(asked, extensions=with_id("pay_" + "9" * 32))
    equal(len(gate.get("/id", headers=header).body), 700000, "a large answer is passed on")
    equal(gate.get("/id", headers=header).status, 409, "and not kept")
    asked = gate.get("/must")
    equal(gate.get("/must", headers=pay(asked)).status, 400, "where an id is required none is 400")
    got = gate.get("/must", headers=pay(asked, extensions={"payment-identifier": {
        **asked.required()["extensions"]["payment-identifier"], "info": {"required": True, "id": "pay_" + "a" * 32}}}))
    equal(got.status, 200, "and one does")


def identified_upfront(gate, up, fac):
    """An id stands for what was bought, and never for a failure that was paid for."""
    import socket
    asked = gate.get("/both")
    advertised = asked.required()["extensions"]["payment-identifier"]

    def with_id():
        name = f"pay_{fac.count('/settle'):032d}"
        return pay(asked, extensions={"payment-identifier": {**advertised, "info": {**advertised["info"], "id": name}}})

    def leaves(header):
        runs, left = up.count("/both"), gate.metric('mete_gate_requests_total{outcome="left"}')
        with socket.create_connection(("127.0.0.1", gate.port)) as s:
            s.sendall(f"GET /both HTTP/1.1\r\nHost: x\r\nPAYMENT-SIGNATURE: {header['PAYMENT-SIGNATURE']}\r\n\r\n".encode())
            until("the upstream works for it", lambda: up.count("/both") == runs + 1)
        until("its client has gone", lambda: gate.metric('mete_gate_requests_total{outcome="left"}') == left + 1)
    hold = threading.Event()
    for what, answer in (("fails", lambda h, _b: h.reply(500, b"broken")), ("hangs up", lambda h, _b: h.connection.shutdown(2)),
                         ("works for a client that leaves", lambda h, _b: (hold.wait(20), h.reply(200, b"late")))):
        up.answers["/both"] = answer
        header, settles = with_id(), fac.count("/settle")
        if what.startswith("works"):
            leaves(header)
            hold.set()
        else:
            ok(gate.get("/both", headers=header).status >= 500, f"paid up-front with an id, and the upstream {what}")
        del up.answers["/both"]
        got = gate.get("/both", headers=header)
        equal((got.status, fac.count("/settle")), (200, settles + 1), "the same payment with that id is served then")
        again, runs = gate.get("/both", headers=header), up.count("/both")
        equal((again.status, again.body, up.count("/both")), (200, got.body, runs), "and from then on gets that answer")


def policy(gate, fac):
    equal(gate.get("/split", headers=pay(gate.get("/split"))).status, 200, "a route with a policy is served")
    equal([s["body"].get("policy") for s in fac.seen if s["path"] == "/settle"][-1], "pol_film", "the facilitator is told whose revenue it is")
    fac.seen = [s for s in fac.seen if s["path"] != "/settle"]


def copies(gate, up, fac, count=100):
    """One payment, as often as possible at the same moment."""
    asked = gate.get("/paid")
    header = pay(asked)
    fac.delay = 0.05
    runs, settles = up.count("/paid"), fac.count("/settle")
    gun = threading.Barrier(count)
    statuses = []

    def shoot():
        gun.wait()
        statuses.append(gate.get("/paid", headers=header).status)
    threads = [threading.Thread(target=shoot) for _ in range(count)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    fac.delay = 0
    equal((len(statuses), statuses.count(200), statuses.count(402)), (count, 1, count - 1), f"of {count} copies at once one is served")
    equal((up.count("/paid") - runs, fac.count("/settle") - settles), (1, 1), "the upstream ran once, and it was settled once")


def leaving(gate, up, fac):
    """Clients that go away."""
    import socket
    asked = gate.get("/paid")
    hold = threading.Event()
    up.answers["/paid"] = lambda h, _b: (hold.wait(20), h.reply(200, b"late"))
    header = pay(asked)
    line = f"GET /paid HTTP/1.1\r\nHost: x\r\nPAYMENT-SIGNATURE: {header['PAYMENT-SIGNATURE']}\r\n\r\n".encode()
    settles = fac.count("/settle")
    runs, left = up.count("/paid"), gate.metric('mete_gate_requests_total{outcome="left"}')
    s = socket.create_connection(("127.0.0.1", gate.port))
    s.sendall(line)
    until("the upstream works for it", lambda: up.count("/paid") == runs + 1)
    s.close()
    until("a client that leaves is noticed", lambda: gate.metric('mete_gate_requests_total{outcome="left"}') == left + 1)
    equal(fac.count("/settle"), settles, "and charged nothing")
    hold.set()
    del up.answers["/paid"]
    equal(gate.get("/paid", headers=header).status, 200, "its payment is still good")

    header = pay(gate.get("/up"))
    line = f"GET /up HTTP/1.1\r\nHost: x\r\nPAYMENT-SIGNATURE: {header['PAYMENT-SIGNATURE']}\r\n\r\n".encode()
    settles, runs, unserved = fac.count("/settle"), up.count("/up"), gate.metric("mete_gate_settled_unserved_total")
    hold = threading.Event()
    fac.faults["/settle"] = [lambda h, b: (hold.wait(20), fac.decide(h, b))]
    s = socket.create_connection(("127.0.0.1", gate.port))
    s.sendall(line)
    until("it is being settled", lambda: fac.count("/settle") == settles + 1)
    s.close()
    hold.set()
    until("a client that leaves during the settlement is noticed", lambda: gate.metric("mete_gate_settled_unserved_total") == unserved + 1)
    equal(up.count("/up"), runs, "nothing is made for it")
    equal(gate.get("/up", headers=header).status, 200, "what it has paid for it gets when it comes back")
    equal(up.count("/up"), runs + 1, "once")

    header = pay(gate.get("/paid"))
    line = f"GET /paid HTTP/1.1\r\nHost: x\r\nPAYMENT-SIGNATURE: {header['PAYMENT-SIGNATURE']}\r\n\r\n".encode()
    settles, hold = fac.count("/settle"), threading.Event()
    fac.faults["/settle"] = [lambda h, b: (hold.wait(20), fac.decide(h, b))]
    with socket.create_connection(("127.0.0.1", gate.port)) as s:
        s.sendall(line)
        until("it is being settled", lambda: fac.count("/settle") == settles + 1)
        s.shutdown(socket.SHUT_WR)
        hold.set()
        got = b"".join(iter(lambda: s.recv(65536), b""))
    again = [gate.get("/paid", headers=header).status for _ in range(2)]
    equal((got.split()[1], b"client_left" in got, again), (b"503", True, [200, 402]),
          "who closes half of its connection is counted as left, gets nothing then, and what it has paid for once")

    header = pay(gate.get("/up"))
    line = f"POST /up HTTP/1.1\r\nHost: x\r\nPAYMENT-SIGNATURE: {header['PAYMENT-SIGNATURE']}\r\nContent-Length: 900000\r\n\r\nhalf".encode()
    settles, sold, hold = fac.count("/settle"), len(gate.payments()), threading.Event()
    fac.faults["/settle"] = [lambda h, b: (hold.wait(20), fac.decide(h, b))]
    s = socket.create_connection(("127.0.0.1", gate.port))
    s.sendall(line)
    until("a payment is settled while its request's body comes", lambda: fac.count("/settle") == settles + 1)
    s.shutdown(socket.SHUT_WR)
    s.recv(1)  # that its client has gone is noticed
    s.close()
    hold.set()
    until("it is settled", lambda: len(gate.payments()) == sold + 1)
    transaction = gate.payments()[-1]["transaction"]
    until("the log has its transaction", lambda: gate.lines(transaction))
    equal(gate.request("POST", "/up", headers=header, body=b"whole").settled()["transaction"], transaction, "the same payment is served later")


for reserves in (False, True):
    note("a facilitator that " + ("reserves" if reserves else "knows no reservations"))
    with Upstream() as up, Facilitator(reserves=reserves) as fac, \
            Gate(up, fac, ROUTES, "--upstream-timeout", "2000", "--facilitator-timeout", "3000") as gate:
        asked_and_paid(gate, up, fac)
        version_one(gate, fac)
        refused(gate, up, fac)
        patterns(gate, up)
        failing(gate, up, fac)
        settling(gate, up, fac)
        used_up(gate, up, fac)
        left_pending(gate, up, fac)
        another_payee(gate, up, fac)
        unreachable(gate, up, fac)
        upfront(gate, up, fac)
        metered(gate, up, fac)
        identified(gate, up, fac)
        identified_upfront(gate, up, fac)
        policy(gate, fac)
        copies(gate, up, fac)
        leaving(gate, up, fac)
        settled = [s["body"] for s in fac.seen if s["path"] == "/settle"]
        if reserves:
            ok(all(b.get("reservation", "").startswith("held-") for b in settled), "each settlement carries its reservation")
        note(f"{fac.fired} faults of the facilitator fired")
        ok(fac.fired > 15, "the faults did fire")
done()

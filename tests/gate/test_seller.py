#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server in C that sells by libmete alone (examples/x402-microhttpd), against a facilitator that does what it
is told. covers: V-020 V-022 V-023 V-025"""
import http.client
import os
import pathlib
import re
import subprocess
import threading

from gated import Answer, Facilitator, PAY_TO, PAYER, V1, V2, decode, done, encode, equal, ok, pay, payment

SELLER = os.environ["SELLER"]
ROOT = pathlib.Path(os.environ["ROOT"])


class Shop:
    def __init__(self, facilitator, *arguments):
        self.arguments = [SELLER, "0", facilitator if isinstance(facilitator, str) else facilitator.url, *arguments]

    def __enter__(self):
        self.process = subprocess.Popen(self.arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.port = int(line.split()[1]) if line else None
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.status = self.process.wait(30)
        self.said = self.process.stderr.read()

    def get(self, path, headers=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        c.request("GET", path, headers=headers or {})
        r = c.getresponse()
        got = Answer(r.status, r.headers, r.read())
        c.close()
        return got


def reply(status, value):
    return lambda handler, _body: handler.reply(status, value)


def sells(shop, fac):
    equal(shop.get("/").body, b"free\n", "what is free is free")
    asked = shop.get("/article")
    offer = asked.required()["accepts"][0]
    equal((asked.status, offer["amount"], offer["network"], offer["payTo"]), (402, "10000", V2, PAY_TO), "an article costs a cent")
    equal((asked.json()["accepts"][0]["network"], asked.json()["accepts"][0]["maxAmountRequired"]), (V1, "10000"), "in version 1 too")
    header = pay(asked)
    got = shop.get("/article", header)
    equal((got.status, got.body), (200, b"<h1>An article</h1>\n"), "who pays gets it")
    ok(got.settled()["success"], "and is told how it was settled", got.headers)
    verify = [s["body"] for s in fac.seen if s["path"] == "/verify"][-1]
    settle = [s["body"] for s in fac.seen if s["path"] == "/settle"][-1]
    equal((verify["paymentRequirements"], verify["reserve"]), (offer, True), "the facilitator judges by the seller's own offer")
    ok(settle["reservation"].startswith("held-"), "the settlement carries the reservation")
    equal(shop.get("/article", header).status, 402, "once")
    got = shop.get("/article", pay(asked, version=1))
    equal((got.status, decode(got.headers["X-PAYMENT-RESPONSE"])["success"]), (200, True), "by version 1 as well")
    for what, value in {"cheaper": payment(asked, amount="1"), "for another": payment(asked, payTo=PAYER), "empty": {}, "of version 9":
                        {**payment(asked), "x402Version": 9}}.items():
        got = shop.get("/article", {"PAYMENT-SIGNATURE": encode(value)})
        equal(got.status, 402, f"a payment that is {what} buys nothing: {got.required()['error']}")


def fails(shop, fac):
    asked = shop.get("/article")
    settles = fac.count("/settle")
    header = pay(asked)
    equal((shop.get("/article?fail=1", header).status, fac.count("/settle")), (500, settles), "what could not be made is not settled")
    equal(fac.count("/release"), 1, "but given back")
    equal(shop.get("/article", header).status, 200, "and may be paid with the same payment")
    fac.faults["/verify"] = [reply(200, {"isValid": False, "invalidReason": "insufficient_funds"})]
    equal(shop.get("/article", pay(asked)).required()["error"], "insufficient_funds", "a refusal is passed on")
    for what, fault in {"says nothing": reply(500, b""), "says nonsense": reply(200, b"<"), "says yes with 500": reply(500, {"isValid": True})}.items():
        fac.faults["/verify"] = [fault]
        equal(shop.get("/article", pay(asked)).status, 503, f"a facilitator that {what} lets nobody in")
    fac.faults["/settle"] = [reply(200, {"success": False, "errorReason": "insufficient_funds", "transaction": "", "network": V2})]
    got = shop.get("/article", pay(asked))
    equal((got.status, got.required()["error"]), (402, "insufficient_funds"), "a settlement that fails delivers nothing")
    pending = reply(200, {"success": False, "errorReason": "settlement_pending", "transaction": "0xab", "network": V2})
    fac.faults["/settle"] = [pending, reply(500, b"")]
    equal(shop.get("/article", pay(asked)).status, 200, "a pending one is asked for again")
    fac.faults["/settle"] = [pending] * 4
    header = pay(asked)
    got = shop.get("/article", header)
    ok(got.status == 503 and "PAYMENT-REQUIRED" not in got.headers, "and in the end nobody is asked to pay twice", got.status)
    equal(got.settled()["transaction"], "0xab", "but told the transaction")
    equal(shop.get("/article", header).status, 200, "the same payment still does")


def copies(shop, fac):
    header = pay(shop.get("/article"))
    statuses = []
    gun = threading.Barrier(40)

    def shoot():
        gun.wait()
        statuses.append(shop.get("/article", header).status)
    threads = [threading.Thread(target=shoot) for _ in range(40)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    equal((len(statuses), statuses.count(200)), (40, 1), "of forty copies at once one is served")


def refuses(fac):
    for arguments, text in (((V1, "0x12", "$1"), "address"), (("moon", PAY_TO, "$1"), "network"), ((V1, PAY_TO, "1.5"), "price"),
                            ((V1, PAY_TO, "$0"), "price"), (("base", PAY_TO, "$1"), "none of the offers")):
        with Shop(fac, *arguments) as shop:
            equal(shop.port, None, f"{arguments} opens nothing")
        ok(shop.status == 1 and text in shop.said, f"and says why: {shop.said.strip()}")
    for url, text in (("http://fac.example", "https"), ("http://127.0.0.1.fac.example", "https"), ("ftp://x", "URL: it begins"),
                      ("http://127.0.0.1:1", "does not say what it takes: http://127.0.0.1:1/supported does not answer")):
        with Shop(url, V1, PAY_TO, "$1") as shop:
            pass
        ok(shop.status == 1 and text in shop.said, f"{url}: {shop.said.strip()}")


def documents():
    functions = set(re.findall(r"\bmete_x402_\w+(?=\()", (ROOT / "include/mete/x402.h").read_text()))
    exported = set(re.findall(r"\bmete_x402_\w+(?=;)", (ROOT / "src/client/libmete.map").read_text()))
    page = (ROOT / "man/mete-x402.3").read_text()
    equal(functions, exported, "libmete exports what the header has")
    equal({f for f in functions if f".Fn {f}" not in page}, set(), "and the manual explains it")


with Facilitator(reserves=True) as fac:
    with Shop(fac, V1, PAY_TO, "$0.01") as shop:
        sells(shop, fac)
        fails(shop, fac)
        copies(shop, fac)
    equal(shop.status, 0, "it ends well")
    refuses(fac)
    documents()
done()

# SPDX-License-Identifier: Apache-2.0
"""mete fetch against a shop with every fault: what is paid, how often, and what is said of it.
covers: V-001 V-002 V-003 V-004 V-005 V-006 V-007 V-008 V-009 V-010 V-011 V-012"""
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "http"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from served import METE, SANITIZED, done, equal, note, ok, until  # noqa: E402
from paying import (ADDRESS, FOLDER, KEY, PAID, UNKNOWN, check, command, environment, fetch, history, lines, one,  # noqa: E402
                    plain, signed)
from faulty_shop import (HASH, NETWORK, PAY_TO, TOKEN, Shop, answer, b64, cut, cut_in, drip, hang, offer_v1,  # noqa: E402

                         offer_v2, paid, pending, price, price_both, price_v1, raw, receipt, refused, required)

def versions(shop):
    for name, asked, header, answered in (("v2", price(), "payment-signature", "PAYMENT-RESPONSE"),
                                          ("v1", price_v1(), "x-payment", "X-PAYMENT-RESPONSE"),
                                          ("both", price_both(), "payment-signature", "PAYMENT-RESPONSE")):
        url = shop.steps(f"/{name}", asked, paid(b"goods", answered))
        book = history()
        out = plain(url, book=book)
        equal((out.returncode, out.stdout), (0, b"goods"), f"{name}: the body comes to stdout")
        ok(b"paid 0.01 USDC on eip155:8453" in out.stderr and HASH.encode() in out.stderr,
           f"{name}: what was paid is told", out.stderr)
        came = shop.requests(f"/{name}")
        equal([header in q.headers for q in came], [False, True], f"{name}: the header of its version")
        p = came[1].payment
        a = p["payload"]["authorization"]
        equal((a["from"], a["to"], a["value"]), (ADDRESS, PAY_TO, "10000"), f"{name}: who pays whom how much")
        early = 0 if name != "v1" else int(a["validBefore"]) - 60 - 600
        equal(int(a["validAfter"]), early, f"{name}: from when it is valid")
        ok(abs(int(a["validBefore"]) - 60 - time.time()) < 60, f"{name}: until when")
        if name == "v1":
            equal((p["x402Version"], p["scheme"], p["network"]), (1, "exact", "base"), "v1: the envelope")
        else:
            equal((p["x402Version"], p["accepted"], p["resource"]),
                  (2, offer_v2(), {"url": "http://x/y", "description": "test"}), f"{name}: what was offered is echoed")
        equal([e["state"] for e in lines(book)], ["signed", "sent", "paid"], f"{name}: the history")
        url = shop.steps("/year", price(offer_v2(maxTimeoutSeconds=31536000)), paid())
        plain(url)
        a = shop.payments("/year")[0]["payload"]["authorization"]
        ok(int(a["validBefore"]) - time.time() < 3700, "a signature is good for an hour at most", a)
        equal(book.stat().st_mode & 0o777, 0o600, f"{name}: nobody else reads the history")


def echo(shop):
    """Bytes of the server come back as they were: order, spaces, escapes, unknown members."""
    offer = ('{"extra": {"version":"2","name":"USD Coin", "more":[1.50,"\\u0041"]},"scheme":"exact","network":"eip155:8453",'
             f'"amount":"10000","asset":"{TOKEN.lower()}","payTo":"{PAY_TO}","maxTimeoutSeconds":60}}')
    resource = '{ "url":"http://x/y" ,"z":1e2}'
    extensions = ('{"payment-identifier":{"info":{"required":true},"schema":{}}, "bazaar":{"info":{"a":1.0},"schema":{}},'
                  '"eip2612GasSponsoring":{"info":{"version":"1"},"schema":{}}}')
    said = f'{{"x402Version":2,"accepts":[{offer}],"resource":{resource},"extensions":{extensions}}}'
    url = shop.steps("/echo", answer(402, [("payment-required", b64(said.encode()))]), paid())
    book = history()
    equal(plain(url, book=book).returncode, 0, "echo: it is paid")
    import base64
    text = base64.b64decode(shop.requests("/echo")[1].header).decode()
    ok(f'"accepted":{offer}' in text, "the offer is echoed byte for byte", text)
    ok(f'"resource":{resource}' in text, "the resource is echoed byte for byte", text)
    ok('"bazaar":{"info":{"a":1.0},"schema":{}}' in text, "an extension is echoed byte for byte", text)
    ok("eip2612GasSponsoring" not in text, "an extension without an answer is left out")
    sent = json.loads(text)["extensions"]["payment-identifier"]["info"]
    equal(sent, {"required": True, "id": "pay_" + signed(book)[0]["id"]}, "the payment has its own identifier")


def free(shop):
    url = shop.steps("/free", answer(200, [], b"hello"))
    out = plain(url, key=False)
    equal((out.returncode, out.stdout), (0, b"hello"), "what is free needs no key")
    out = plain("-i", url)
    ok(out.stdout.startswith(b"HTTP/1.1 200 X\r\n") and out.stdout.endswith(b"\r\n\r\nhello"), "-i shows the header")
    target = FOLDER / "out"
    equal((plain("-o", target, url).returncode, target.read_bytes()), (0, b"hello"), "-o writes a file")
    url = shop.steps("/post", answer(200, [], b"ok"))
    plain("-X", "PUT", "-H", "X-Own: 1", "-H", "Content-Type: text/plain", "-d", "a=1", url)
    q = shop.requests("/post")[0]
    equal((q.method, q.headers["x-own"], q.headers["content-type"], q.body), ("PUT", "1", "text/plain", b"a=1"),
          "-X, -H and -d")
    equal(plain("-H", "PAYMENT-SIGNATURE: x", url).returncode, 2, "a payment of the caller's own is refused")
    equal(one(shop.steps("/404", answer(404)))[0], 1, "a status of 404 is a failure")
    code, said = one(shop.steps("/busy", answer(503, [("Retry-After", "1")]), answer(200)))
    equal((code, said["attempts"]), (0, 2), "503 with Retry-After is tried again")
    ok(said["ms"] >= 1000, "not before the time that was told", said["ms"])
    url = shop.steps("/p503", answer(500), answer(200))
    equal(one("-X", "POST", url)[1]["attempts"], 1, "a POST that may have been done is not repeated")
    url = shop.steps("/head", answer(200))
    equal((plain("-X", "HEAD", url).returncode, shop.requests("/head")[0].method), (0, "HEAD"), "HEAD")


def tls():
    """https: a certificate that is trusted, and one that is not."""
    cert, key = FOLDER / "cert.pem", FOLDER / "cert.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    with Shop(tls=(cert, key)) as shop:
        url = shop.steps("/tls", price(), paid())
        equal(one("--retry", "0", url)[1]["error"], "not_sent", "a certificate that nobody knows is not trusted")
        out = plain("--cacert", cert, url)
        equal((out.returncode, out.stdout), (0, b"goods"), "--cacert trusts it")


def refusals(shop):
    """Offers that are not paid, and why: nothing is signed."""
    bad = PAY_TO.replace("C44", "c44")
    cases = {
        "no base64": (answer(402, [("PAYMENT-REQUIRED", "!!!")]), "required_invalid"),
        "no JSON": (answer(402, [("PAYMENT-REQUIRED", b64(b"{"))]), "required_invalid"),
        "two headers": (answer(402, [("PAYMENT-REQUIRED", b64(required([offer_v2()]))),
                                     ("PAYMENT-REQUIRED", b64(required([offer_v2("1")])))]), "required_invalid"),
        "no x402 at all": (answer(402, [], b"pay me"), "required_invalid"),
        "version 3": (price(version=3), "required_invalid"),
        "no offers": (answer(402, [("PAYMENT-REQUIRED", b64({"x402Version": 2, "accepts": []}))]), "required_invalid"),
        "malformed offer": (price(offer_v2(amount="0x10")), "no_offer"),
        "amount as a number": (price(offer_v2(amount=10000)), "no_offer"),
        "unknown scheme": (price(offer_v2(scheme="deferred")), "no_offer"),
        "unknown flow": (price(offer_v2(extra={"name": "USD Coin", "version": "2", "paymentFlow": "later"})), "no_offer"),
        "unknown network": (price(offer_v2(network="eip155:999999999")), "no_offer"),
        "solana": (price(offer_v2(network="solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")), "no_offer"),
        "unknown asset": (price(offer_v2(asset=PAY_TO)), "no_offer"),
        "wrong checksum": (price(offer_v2(payTo=bad)), "no_offer"),
        "nobody's address": (price(offer_v2(payTo="0x" + "0" * 40)), "no_offer"),
        "no domain": (price(offer_v2(extra={"name": "USD Coin"})), "domain_missing"),
        "no facilitator for upto": (price(offer_v2(scheme="upto")), "domain_missing"),
        "too expensive": (price(amount="1000001"), "over_budget"),
        "beyond 256 bits": (price(amount="9" * 80), "no_offer"),
        "very expensive": (price(amount="9" * 77), "over_budget"),
    }
    for number, (name, (step, error)) in enumerate(cases.items()):
        url = shop.steps(f"/bad{number}", step)
        book = history()
        check(shop, f"/bad{number}", one(url, book=book), (1, error, "none"), name, 0)
        equal((len(shop.requests(f"/bad{number}")), book.read_bytes()), (1, b""), f"{name}: one request, no payment")
    url = shop.steps("/mix", price(offer_v2(scheme="x"), {"scheme": 5}, offer_v2("300"), offer_v2("200")), paid())
    equal(one(url)[1]["payment"]["amount"], "200", "bad offers do not spoil the good ones; the cheapest is paid")
    equal(one("--select", "first", shop.steps("/mix", price(offer_v2("300"), offer_v2("200")), paid()))[1]["payment"]["amount"],
          "300", "--select first")
    other = offer_v2("100", network="eip155:137", asset="0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359")
    both = (price(other, offer_v2("300")), paid())
    equal(one("--select", "preferred", "--network", "base,polygon", shop.steps("/mix", *both))[1]["payment"]["network"],
          NETWORK, "--select preferred takes the first network of the list")
    equal(one("--network", "polygon", shop.steps("/mix", *both))[1]["payment"]["network"], "eip155:137", "--network")
    upfront = offer_v2("100", extra={"name": "USD Coin", "version": "2", "paymentFlow": "upfront"})
    equal(one(shop.steps("/mix", price(upfront, offer_v2("300")), paid()))[1]["payment"]["amount"], "300",
          "where both are offered, what is paid last is preferred")
    own = f"eip155:8453/{PAY_TO}/4/OWN"
    url = shop.steps("/own", price(offer_v2("9999", asset=PAY_TO)), paid())
    equal(one("--asset", own, url)[0], 0, "an asset is allowed by its address")
    url = shop.steps("/own", price(offer_v2("10001", asset=PAY_TO)), paid())
    equal(one("--asset", own, url)[1]["error"], "over_budget", "and counts by its decimals")
    equal(one("--recipient", ADDRESS, shop.steps("/r", price(), paid()))[1]["error"], "no_offer", "--recipient")
    equal(one("--scheme", "upto", shop.steps("/r", price(), paid()))[1]["error"], "no_offer", "--scheme")
    equal(one("--max-amount", "0.01 EURC", shop.steps("/r", price(), paid()))[1]["error"], "over_budget",
          "a limit of another name allows nothing")
    equal(one("--no-pay", shop.steps("/r", price(), paid()))[1]["error"], "no_pay", "--no-pay")
    out = plain("--no-pay", shop.steps("/r", answer(402, [], b"the 402"), paid()))
    equal(out.stdout, b"the 402", "--no-pay shows the 402 as it came")
    code, said = one("--dry-run", shop.steps("/r", price(), paid()), key=False)
    equal((code, said["error"], said["payment"]["amount"], len(shop.requests("/r"))), (0, "dry_run", "10000", 1),
          "--dry-run says what would be paid, without a key")
    equal(one(shop.steps("/r", price(), paid()), key=False)[1]["error"], "key", "without a key nothing is paid")


def budgets(shop):
    book = history()
    url = shop.steps("/cheap", price(), paid())
    def again():
        shop.steps("/cheap", price(), paid())
    how = ["--max-per-host", "$0.02"]
    for wanted in (0, 0, 1):
        again()
        code, said = one(*how, url, book=book)
        equal((code, said["signatures"]), (wanted, 1 - wanted), "a host may have two cents a day, over several runs")
    again()
    equal(one("--max-per-day", "$0.02", url, book=book)[1]["error"], "over_budget", "a day's limit counts them too")
    again()
    equal(one("--max-total", "0.02 USDC", url, book=book)[1]["error"], "over_budget", "so does that of all")
    again()
    equal(one("--max-per-host", "$0.03", "--max-per-day", "$0.03", url, book=book)[0], 0, "up to the limit is within it")
    entries = lines(book)
    old = [dict(e, at="2020-01-01" + e["at"][10:]) for e in entries]
    book.write_text("".join(json.dumps(e) + "\n" for e in old))
    again()
    equal(one("--max-per-day", "$0.01", url, book=book)[0], 0, "other days are not of this day")
    again()
    equal(one("--max-total", "$0.04", url, book=book)[1]["error"], "over_budget", "but of the total")
    # many processes at once
    book = history()
    urls = [shop.steps(f"/many{i}", price(), paid()) for i in range(10)]
    running = [subprocess.Popen(command("--max-total", "$0.05", url, book=book), env=environment(),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for url in urls]
    codes = sorted(p.wait(120) for p in running)
    equal(codes, [0] * 5 + [1] * 5, "ten processes at once share one budget")
    equal(len(signed(book)), 5, "five payments were signed")
    url = shop.steps("/host", price(), paid())
    book = history()
    many = FOLDER / "many"
    many.write_text("".join(f"{shop.steps(f'/own{i}', price(), paid())}\n" for i in range(20)))
    code, said = fetch("--max-per-host", "$0.10", "--from-file", many, book=book)
    equal((code, sum(s["signatures"] for s in said), len(signed(book))), (1, 10, 10), "twenty in flight share one budget")


def unknown_outcomes(shop):
    cases = {
        "cut before the answer": [cut, paid()],
        "502 after charging": [answer(502), answer(504), paid()],
        "settlement pending": [pending(), pending(), paid()],
        "cut in the body": [cut_in(b"go", 5, [("PAYMENT-RESPONSE", b64(receipt()))]), paid()],
        "429": [answer(429, [("Retry-After", "1")]), paid()],
        "cut in the head": [lambda c, q: (c.sendall(b"HTTP/1.1 200 X\r\nPAYM"), False)[1], paid()],
    }
    for number, (name, steps) in enumerate(cases.items()):
        path = f"/u{number}"
        url = shop.steps(path, price(), *steps)
        target = FOLDER / "out"
        check(shop, path, one("-o", target, "-X", "POST", "-d", "x", url), PAID, name)
        equal(len(shop.payments(path)), len(steps), f"{name}: sent again until it is known")
        equal(target.read_bytes(), b"goods", f"{name}: the goods once, from their beginning")
        ok(all(q.body == b"x" and q.method == "POST" for q in shop.requests(path)), f"{name}: the same request")
    url = shop.steps("/never", price(), cut)
    book = history()
    check(shop, "/never", one("--retry", "2", url, book=book), UNKNOWN, "never an answer")
    ok(len(shop.payments("/never")) >= 3, "never an answer: it was tried three times") # and by libcurl, on a dead connection
    equal([e["state"] for e in lines(book)][-1], "unknown", "never an answer: the history says so")
    shop.steps("/never", paid())
    check(shop, "/never", one(url, book=book), PAID, "asked again", 0, 1)
    equal(shop.payments("/never")[0]["payload"]["authorization"]["nonce"], signed(book)[0]["nonce"],
          "asked again: the same payment")
    equal(len(shop.requests("/never")), 1, "asked again: at once, without asking for the price")
    shop.steps("/never", price(), paid())
    equal(one(url, book=book)[1]["signatures"], 1, "and after that it is a new request")
    url = shop.steps("/used", price(), cut, refused("invalid_exact_evm_nonce_already_used"))
    check(shop, "/used", one(url), (4, "not_delivered", "paid"), "the first attempt was taken, the second says so")
    url = shop.steps("/odd", price(), cut, refused("something_else"))
    check(shop, "/odd", one(url), UNKNOWN, "an attempt without an answer, then a 402")
    url = shop.steps("/charged", price(), paid(status=500))
    check(shop, "/charged", one(url), (4, "not_delivered", "paid"), "a receipt with a failure")
    equal(len(shop.payments("/charged")), 1, "a receipt with a failure is not tried again")
    url = shop.steps("/late", price(), answer(503, [("Retry-After", "4000")]))
    check(shop, "/late", one(url), UNKNOWN, "later than it is waited for")
    equal(len(shop.payments("/late")), 1, "later than it is waited for: not tried again")
    code, said = one("--max-time", "1", shop.steps("/drip", price(), drip(b"HTTP/1.1 200 X\r\n" * 99, 0.05)))
    equal((code, said["error"], said["ms"] < 20000), (3, "unknown", True), "a slow drip is ended by --max-time")
    url = shop.steps("/nosign", price(), answer(200, [], b"goods"))
    code, said = one(url)
    equal((code, said["error"], said["money"]), (0, None, "unknown"), "served without a receipt")
    url = shop.steps("/served", price(), answer(200, [("PAYMENT-RESPONSE", b64(receipt(False, errorReason="x")))], b"goods"))
    equal(one(url)[1]["money"], "unpaid", "served with a receipt that says no")


def refused_payments(shop):
    book = history()
    url = shop.steps("/no", price(), refused("insufficient_funds"))
    check(shop, "/no", one(url, book=book), (1, "refused", "unpaid"), "refused")
    equal(len(shop.payments("/no")), 1, "refused: sent once, and never another one")
    ok("insufficient_funds" in one(url, book=book)[1]["message"], "the reason is told")
    shop.steps("/no", paid())
    check(shop, "/no", one(url, book=book), PAID, "refused and tried again: the same payment while it is valid", 0, 1)
    book = history()
    url = shop.steps("/short", price(offer_v2(maxTimeoutSeconds=1)), refused("x"), price(), paid())
    one(url, book=book)
    time.sleep(2.1)
    check(shop, "/short", one(url, book=book), PAID, "refused and run out: a new one may be signed", 1, 2)
    url = shop.steps("/again", price(), price(amount="20000"))
    check(shop, "/again", one(url), (1, "refused", "unpaid"), "another price after the payment: it is returned")
    url = shop.steps("/412", price(), answer(412, [("PAYMENT-REQUIRED", b64(required([offer_v2()], error="permit2_allowance_required")))]))
    code, said = one(url)
    ok((code, said["error"]) == (1, "refused") and "approved for Permit2" in said["message"], "412 says what has to be done", said)
    url = shop.steps("/gone", price(), answer(410, [], b"gone"))
    check(shop, "/gone", one(url), (1, None, "unpaid"), "the program behind the price says no")


def run_out(shop):
    """A payment of which nobody knows, after its end: never a second one by itself."""
    book = history()
    url = shop.steps("/out", price(offer_v2(maxTimeoutSeconds=1)), cut)
    check(shop, "/out", one("--retry", "0", url, book=book), UNKNOWN, "unknown")
    entries = lines(book)
    entries[0]["valid_until"] -= 1000
    book.write_text("".join(json.dumps(e) + "\n" for e in entries))
    shop.steps("/out", price())
    check(shop, "/out", one(url, book=book), UNKNOWN, "unknown and run out", 0, 1)
    shop.steps("/out", price(), paid())
    check(shop, "/out", one("--pay-again", url, book=book), PAID, "--pay-again", 1, 2)
    ok(shop.headers("/out"), "the old payment was tried first")
    equal(len(signed(book)), 2, "two were signed in all")


def named(shop):
    book = history()
    url = shop.steps("/named", price(), paid())
    check(shop, "/named", one("--id", "order_0000000000000001", url, book=book), PAID, "a named request")
    shop.steps("/named", paid(b"again"))
    out = plain("--id", "order_0000000000000001", url, book=book)
    equal((out.stdout, len(signed(book))), (b"again", 1), "the same name pays once, ever")
    shop.steps("/named", refused("invalid_exact_evm_nonce_already_used"))
    code, said = one("--id", "order_0000000000000001", url, book=book)
    equal((code, said["error"], said["signatures"]), (4, "not_delivered", 0), "a server that forgot is not paid again")
    ok("and served under this id before" in said["message"] and json.loads(plain("--history", "--json", book=book).stdout)[0]["state"] == "paid",
       "but owes nothing", said)
    shop.steps("/named", price(), paid())
    equal(one("--id", "order_0000000000000002", url, book=book)[1]["signatures"], 1, "another name is another request")
    shop.steps("/named", price(), paid())
    equal(one(url, book=book)[1]["signatures"], 1, "so is none")
    extensions = {"payment-identifier": {"info": {"required": False}, "schema": {}}}
    url = shop.steps("/ident", price(extensions=extensions), paid())
    one("--id", "order_0000000000000001", url)
    equal(shop.payments("/ident")[0]["extensions"]["payment-identifier"]["info"]["id"], "order_0000000000000001",
          "the server is told the name")


def redirects(shop, other):
    url = shop.steps("/move", price(), answer(302, [("Location", other.url + "/there")]))
    other.steps("/there", answer(200, [], b"there"))
    out = plain("-L", "-H", "Authorization: Bearer secret", "-H", "X-Own: 1", url)
    q = other.requests("/there")[0]
    equal((out.stdout, q.header, "authorization" in q.headers, q.headers.get("x-own")), (b"there", None, False, "1"),
          "another origin sees neither payment nor credentials")
    other.steps("/there", price())
    url = shop.steps("/move", price(), answer(302, [("Location", other.url + "/there")]))
    check(shop, "/move", one("-L", url), UNKNOWN, "another origin that wants to be paid, too, is not")
    url = shop.steps("/near", price(), answer(307, [("Location", "/near2")]))
    shop.steps("/near2", paid(b"near"))
    out = plain("-L", "-X", "POST", "-d", "x", url)
    equal((out.stdout, shop.headers("/near") == shop.headers("/near2"), shop.requests("/near2")[0].body),
          (b"near", True, b"x"), "the same origin gets the same payment")
    url = shop.steps("/first", answer(301, [("Location", other.url + "/price")]))
    other.steps("/price", price(), paid(b"paid there"))
    book = history()
    equal(plain("-L", url, book=book).stdout, b"paid there", "who asks for the price is paid")
    equal(signed(book)[0]["host"], f"127.0.0.1:{other.port}", "and its host is counted")
    url = shop.steps("/loop", answer(302, [("Location", "/loop")]))
    equal(one("-L", url)[1]["error"], "redirects", "a loop ends")
    url = shop.steps("/http", answer(302, [("Location", "http://example.com/")]))
    equal(one("-L", url)[1]["error"], "url_refused", "a redirection to plain http is not followed")
    url = shop.steps("/file", answer(302, [("Location", "file:///etc/passwd")]))
    equal(one("-L", url)[1]["error"], "url_refused", "nor one to a file")
    equal(one(shop.steps("/stay", answer(302, [("Location", "/x")])))[1]["status"], 302, "without -L it is an answer")


def guards(shop):
    equal(plain("http://example.com/").returncode, 2, "plain http is for this machine")
    equal(one("--public-only", shop.steps("/g", answer(200)))[1]["error"], "url_refused", "--public-only")
    equal(one("--public-only", "--allow-http", "http://localhost:1/")[1]["error"], "url_refused", "names too")
    equal(one("--retry", "0", "http://127.0.0.1:1/")[1]["error"], "not_sent", "no connection")
    huge = [("X-Big", "x" * 60000)] * 5
    code, said = one("--retry", "0", shop.steps("/huge", answer(402, huge)))
    ok(said["error"] in ("too_large", "broken"), "a huge header is refused", said)
    loose = FOLDER / "loose"
    loose.write_text(KEY)
    loose.chmod(0o644)
    out = subprocess.run([METE, "fetch", "--key-file", loose, "--history-file", history(), shop.url], capture_output=True,
                         env=environment())
    ok(out.returncode == 1 and b"chmod 600" in out.stderr and KEY.encode() not in out.stderr, "a key that others read", out.stderr)
    book = history()
    book.write_text('{"state":"nonsense"}\n')
    out = plain(shop.steps("/g", price(), paid()), book=book)
    ok(out.returncode == 1 and b"(history)" in out.stderr and not shop.requests("/g"), "a history that is none stops all", out.stderr)
    book = history()
    one(shop.steps("/torn", price(), cut), "--retry", "0", book=book)
    book.write_bytes(book.read_bytes() + b'{"v":1,"at":"2026')
    shop.steps("/torn", paid())
    check(shop, "/torn", one(shop.url + "/torn", book=book), PAID, "a line that a crash cut", 0, 1)
    equal(one(shop.steps("/torn2", price(), paid()), book=book)[0], 0, "and the history goes on behind it")
    (FOLDER / "full").touch(0o600)
    book = pathlib.Path("/dev/full")
    out = plain(shop.steps("/g", price(), paid()), book=book)
    ok(out.returncode == 1 and not shop.payments("/g"), "no history, no payment", out.stderr)
    book = history()
    out = subprocess.run(command(shop.steps("/g", price(), paid()), book=book), env=environment(), preexec_fn=no_room,
                         capture_output=True, timeout=60)
    ok(f"the history {book} cannot be written" in out.stderr.decode() and not shop.payments("/g"), "no room for it, no payment either", out.stderr)


def no_room():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))


def wait_for_payment(shop, path):
    until(f"{path}: a payment is on its way", lambda: shop.payments(path))


def kills(shop):
    for how in ("answered", "price again"):
        path = "/kill" + how[0]
        hold = threading.Event()
        book = history()
        url = shop.steps(path, price(), hang(hold))
        p = subprocess.Popen(command("--id", "order-42", url, book=book), env=environment(), stdout=subprocess.DEVNULL)
        wait_for_payment(shop, path)
        code, said = one("--id", "order-42", url, book=book)
        equal((code, said["error"]), (1, "busy"), f"killed, {how}: while it runs nobody else pays for it")
        p.send_signal(signal.SIGKILL)
        p.wait(30)
        hold.set()
        sent = shop.requests(path)[1].header
        shop.steps(path, paid(b"late") if how == "answered" else refused("invalid_exact_evm_nonce_already_used"))
        code, said = one("--id", "order-42", url, book=book)
        equal((shop.headers(path), said["signatures"], said["resent"]), ({sent}, 0, True),
              f"killed, {how}: the same payment goes out again")
        equal(code, 0 if how == "answered" else 4, f"killed, {how}: what became of it")
        equal(len(signed(book)), 1, f"killed, {how}: one signature in all")
    book = history()
    url = shop.steps("/early", price(), paid())
    one(url, book=book)
    book.write_text(book.read_text().splitlines()[0] + "\n")  # as if it had died before it was sent
    shop.steps("/early", paid())
    check(shop, "/early", one(url, book=book), PAID, "killed between signing and sending", 0, 1)
    note("a stop at many points")
    book = history()
    fired = {"before it was signed": 0, "between": 0, "paid": 0}
    for i in range(12):
        path = f"/many{i}"
        url = shop.steps(path, price(), drip(raw(200, [("PAYMENT-RESPONSE", b64(receipt()))], b"goods"), 0.002))
        p = subprocess.Popen(command(url, book=book), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.02 * i)
        p.kill()
        p.wait(30)
        shop.left()
        finished = {e["id"] for e in lines(book) if e["state"] == "paid"}
        mine = [e for e in signed(book) if e["url"] == url]
        fired["before it was signed" if not mine else "paid" if mine[0]["id"] in finished else "between"] += 1
        if mine and mine[0]["id"] in finished:
            continue
        shop.steps(path, *([paid()] if mine else [price(), paid()]))
        code, said = one(url, book=book)
        ok(code == 0 and all(q == mine[0]["payment"] for q in shop.headers(path) if mine), f"stop {i}: at most one payment", said)
        equal(len([e for e in signed(book) if e["url"] == url]), 1, f"stop {i}: one signature")
    note(f"stopped: {fired}")


def secrets(shop):
    hold = threading.Event()
    url = shop.steps("/secret", price(), hang(hold))
    p = subprocess.Popen(command(url, key=False, book=history()), env=environment(METE_PAY_KEY=KEY),
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_payment(shop, "/secret")
    root = pathlib.Path(f"/proc/{p.pid}")
    ok(KEY.encode() not in (root / "cmdline").read_bytes(), "the key is not in the arguments")
    ok(KEY.encode() not in (root / "environ").read_bytes(), "nor any more in the environment")
    ok(re.search(r"Max core file size +0 +0 ", (root / "limits").read_text()), "there will be no core")
    found, looked, guarded = [], 0, False
    with open(root / "mem", "rb", 0) as mem:
        for line in (root / "maps").read_text().splitlines():
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line)
            start, end = int(m[1], 16), int(m[2], 16)
            guarded = guarded or m[3].startswith("---")
            if not m[3].startswith("rw") or end - start > 1 << 28:
                continue
            mem.seek(start)
            data = mem.read(end - start)
            looked += len(data)
            for what in (bytes.fromhex(KEY), KEY.encode()):
                if what in data:
                    found.append(line)
    p.kill()
    p.wait(30)
    hold.set()
    ok(looked > 100000 and guarded and not found, "the key is in no memory that a core would have", found, looked)


def batches(shop):
    file = FOLDER / "batch"
    out1, out2 = FOLDER / "b1", FOLDER / "b2"
    urls = [shop.steps(f"/batch{i}", price(), paid(f"body {i}\n".encode())) for i in range(8)]
    file.write_text("# eight\n" + "\n".join(urls[:6]) + "\n\n" +
                    json.dumps({"url": urls[6], "method": "POST", "headers": {"X-Own": "6"}, "body": {"a": 1}, "output": str(out1)}) + "\n" +
                    json.dumps({"url": urls[7], "body": "text", "output": str(out2)}) + "\n")
    out = plain("--from-file", file, "--parallel", "3")
    equal((out.returncode, out.stdout), (0, b"".join(f"body {i}\n".encode() for i in range(6))), "bodies in the order of the batch")
    equal((out1.read_bytes(), out2.read_bytes()), (b"body 6\n", b"body 7\n"), "and into their files")
    q = shop.requests("/batch6")[1]
    equal((q.method, q.headers["x-own"], json.loads(q.body)), ("POST", "6", {"a": 1}), "a line may say everything")
    file.write_text("{nonsense\n")
    equal(plain("--from-file", file).returncode, 2, "a line that is none is refused")
    a, b = shop.steps("/same", price(), price(), paid(), paid()), None
    del b
    code, said = fetch(a, a)
    equal((code, [s["signatures"] for s in said]), (0, [1, 1]), "twice the same at once is twice")
    hold = threading.Event()
    slow = [shop.steps(f"/slow{i}", hang(hold, 20)) for i in range(12)]
    p = subprocess.Popen(command("--parallel", "12", "--retry", "0", *slow), stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, env=environment())
    until("twelve are in flight at once", lambda: all(shop.requests(f"/slow{i}") for i in range(12)))
    hold.set()
    p.wait(60)


def query(shop):
    book = history()
    one(shop.steps("/q1", price(), paid()) + "?secret=1", book=book)
    one(shop.steps("/q2", price(), refused("x")), book=book)
    one("--retry", "0", shop.steps("/q3", price(), cut), book=book)
    upto = offer_v2("50000", scheme="upto", extra={"name": "USD Coin", "version": "2", "facilitatorAddress": ADDRESS})
    one(shop.steps("/q4", price(upto), paid(amount="12345")), book=book)
    code, said = fetch("--history", book=book)
    equal([(e["state"], e["amount"], e["charged"]) for e in said],
          [("paid", "10000", None), ("refused", "10000", None), ("unknown", "10000", None), ("paid", "50000", "12345")],
          "the history, in order")
    ok("secret" not in json.dumps(said), "queries of URLs are not shown")
    equal(len(fetch("--history", "--state", "paid", book=book)[1]), 2, "--state")
    equal(len(fetch("--history", "--host", "nowhere", book=book)[1]), 0, "--host")
    equal(len(fetch("--history", "--from", "2100-01-01", book=book)[1]), 0, "--from")
    equal(len(fetch("--history", "--asset", "usdc", "--network", "base", book=book)[1]), 4, "--asset and --network")
    total = fetch("--history", "--totals", book=book)[1]
    equal([(t["paid"], t["paid_count"], t["unknown"], t["unknown_count"]) for t in total], [("22345", 2, "10000", 1)], "--totals")
    text = plain("--history", book=book).stdout.decode()
    ok("0.012345 USDC" in text and "refused" in text, "for people", text)


def main():
    with Shop() as shop, Shop() as other:
        versions(shop)
        echo(shop)
        free(shop)
        tls()
        refusals(shop)
        budgets(shop)
        unknown_outcomes(shop)
        refused_payments(shop)
        run_out(shop)
        named(shop)
        redirects(shop, other)
        guards(shop)
        kills(shop)
        if not SANITIZED:  # which keeps copies of its own
            secrets(shop)
        batches(shop)
        query(shop)
    done()


main()

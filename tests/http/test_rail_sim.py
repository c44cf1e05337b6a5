# SPDX-License-Identifier: Apache-2.0
"""`mete rail-sim`: what the doubles answer, what really moved, faults, the clock, kill -9."""
import base64
import hashlib
import json
import os
import pathlib
import random
import re
import signal
import ssl
import subprocess
import threading
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET

from railsim import METE, SECRET, Lost, RailSim
from served import done, equal, note, ok, until


def sha(text):
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode()).hexdigest()


def decode(sim, invoice):
    """By our own reader, which checks the signature."""
    return sim.cln("decode", string=invoice)[2]


def paid(sim, **filters):
    return [p for p in sim.payments(**filters) if p["kind"] == "paid"]


def lost(work):
    try:
        work()
        return False
    except Lost:
        return True


def lnurl(sim):
    pay = sim.pay_request("alice")
    equal(pay["tag"], "payRequest", "LUD-16: an address answers")
    ok(["text/identifier", f"alice@127.0.0.1:{sim.port}"] in json.loads(pay["metadata"]),
       "the identifier is the address", pay["metadata"])
    got = sim.callback("alice", 21001)
    invoice = decode(sim, got["pr"])
    equal((invoice["amount_msat"], invoice["description_hash"], invoice["currency"],
           invoice["expiry"]), (21001, sha(pay["metadata"]), "bcrt", 3600),
          "the invoice is for the amount, the metadata, the network")
    verify = got["verify"].replace(sim.url(), "")
    equal(sim.request("GET", verify)[2]["settled"], False, "LUD-21: not settled")
    equal(sim.phoenixd("/payinvoice", {"invoice": got["pr"]})[0], 200, "it is paid")
    receipt = sim.request("GET", verify)[2]
    ok(receipt["settled"] and sha(bytes.fromhex(receipt["preimage"])) == invoice["payment_hash"],
       "LUD-21: settled, with the preimage", receipt)
    equal(sim.callback("alice", 1)["status"], "ERROR", "below minSendable is refused")
    equal(sim.callback("alice", 21000, comment="x" * 141)["status"], "ERROR",
          "a long comment is refused")
    equal(sim.pay_request("nobody")["status"], "ERROR", "nobody has no account")
    sim.request("POST", "/sim/lnurl", json.dumps({"name": "rich", "min_msat": 5, "max_msat": 9}))
    equal(sim.pay_request("rich")["maxSendable"], 9, "an account has bounds of its own")
    ok(sim.request("GET", "/sim/lnurl/alice")[2].startswith(b"lnurl1"), "LUD-01: lnurl1")


def invoice_faults(sim):
    good = sim.callback("alice", 9000)["pr"]
    sim.fault("wrong_amount", "lnurl.callback")
    equal(decode(sim, sim.invoice("alice", 9000))["amount_msat"], 10000, "wrong_amount")
    sim.fault("wrong_hash", "lnurl.callback")
    ok(decode(sim, sim.invoice("alice", 9000))["description_hash"] !=
       decode(sim, good)["description_hash"], "wrong_hash")
    sim.fault("wrong_network", "lnurl.callback")
    equal(decode(sim, sim.invoice("alice", 9000))["currency"], "bc", "wrong_network")
    sim.fault("expired_invoice", "lnurl.callback")
    old = sim.invoice("alice", 9000)
    ok(decode(sim, old)["created_at"] + 3600 < time.time(), "expired_invoice")
    equal(sim.cln("xpay", invstring=old)[2]["code"], 207, "and a node refuses it")
    before = sim.invoice("alice", 9000)
    sim.fault("same_hash", "lnurl.callback")
    twin = sim.invoice("alice", 9000)
    ok(twin != before and decode(sim, twin)["payment_hash"] == decode(sim, before)["payment_hash"],
       "same_hash: two invoices, one hash")
    equal(sim.cln("xpay", invstring=before)[0], 201, "one of them is paid")
    equal(sim.cln("xpay", invstring=twin)[2]["code"], 219, "its node refuses the other")
    equal(sim.lnbits("/api/v1/payments", {"out": True, "bolt11": twin})[0], 520,
          "the payee declines it from another node")
    equal(len(paid(sim, anchor=decode(sim, twin)["payment_hash"])), 1, "it moved once")


def phoenixd(sim):
    invoice = sim.invoice("bob", 50000)
    h = decode(sim, invoice)["payment_hash"]
    equal(sim.phoenixd("/payments/outgoingbyhash/" + h)[0], 404, "phoenixd: no such payment")
    status, _, body = sim.phoenixd("/payinvoice", {"invoice": invoice})
    ok(status == 200 and sha(bytes.fromhex(body["paymentPreimage"])) == h, "phoenixd pays", body)
    equal(sim.phoenixd("/payinvoice", {"invoice": invoice})[2],
          {"paymentHash": h, "reason": "this invoice has already been paid"},
          "phoenixd: paid before is a reason with 200")
    row = sim.phoenixd("/payments/outgoingbyhash/" + h)[2]
    ok(row["isPaid"] and row["fees"] == 4000 + 200 and row["preimage"] == body["paymentPreimage"],
       "phoenixd: found by its hash", row)
    equal(sim.request("POST", "/phoenixd/payinvoice", "invoice=x")[0], 401, "phoenixd: password")
    sim.fault("no_route", "phoenixd.pay")
    other = sim.invoice("bob", 50000)
    ok("reason" in sim.phoenixd("/payinvoice", {"invoice": other})[2], "phoenixd: no route")
    row = sim.phoenixd("/payments/outgoingbyhash/" + decode(sim, other)["payment_hash"])[2]
    ok(not row["isPaid"] and row["completedAt"] is not None, "phoenixd: failed", row)
    ok("paymentPreimage" in sim.phoenixd("/payinvoice", {"invoice": other})[2],
       "phoenixd: what failed may be paid again")


def cln(sim):
    invoice = sim.invoice("carol", 70000)
    h = decode(sim, invoice)["payment_hash"]
    equal(sim.cln("listpays", payment_hash=h)[2], {"pays": []}, "CLN: unknown hash")
    status, _, body = sim.cln("xpay", invstring=invoice)
    ok(status == 201 and body["amount_msat"] == 70000, "CLN pays with 201", body)
    equal(sim.cln("xpay", invstring=invoice)[2]["code"], 219, "xpay: paid before is error 219")
    equal(sim.cln("pay", bolt11=invoice)[2]["status"], "complete", "pay repeats its success")
    sim.fault("late_success", "cln.pay", s=100)
    late = sim.invoice("carol", 71000)
    h = decode(sim, late)["payment_hash"]
    status, _, body = sim.cln("xpay", invstring=late)
    ok(status == 500 and body["code"] == 210, "late_success sounds like a failure", body)
    equal(sim.cln("xpay", invstring=late)[2]["code"], -3, "xpay: in flight is error -3")
    equal(sim.cln("listpays", payment_hash=h)[2]["pays"][0]["status"], "pending", "pending")
    equal(len(paid(sim, anchor=h)), 0, "nothing moved yet")
    sim.advance(101)
    equal(sim.cln("listpays", payment_hash=h)[2]["pays"][0]["status"], "complete", "complete")
    equal(len(paid(sim, anchor=h)), 1, "it moved once")
    sim.fault("no_route", "cln.pay")
    two = sim.invoice("carol", 72000)
    equal(sim.cln("xpay", invstring=two)[2]["code"], 205, "CLN: no route")
    sim.cln("xpay", invstring=two)
    equal([p["status"] for p in sim.cln("listpays", invstring=two)[2]["pays"]],
          ["failed", "complete"], "failed, then paid: two rows")
    equal(sim.cln("xpay", invstring=sim.invoice("carol", 9000), maxfee=10)[2]["code"], 206,
          "CLN: no route within maxfee")
    equal(sim.request("POST", "/cln/v1/getinfo", "{}")[0], 403, "CLN: no rune")
    equal(sim.cln("stop")[0], 404, "CLN: unknown method")


def lnd(sim):
    def send(invoice, **more):
        status, _, raw = sim.lnd("/v2/router/send", {"payment_request": invoice,
                                                     "fee_limit_sat": "100", **more})
        raw = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
        return status, [json.loads(line) for line in raw.splitlines()]

    def track(invoice):
        key = base64.urlsafe_b64encode(bytes.fromhex(decode(sim, invoice)["payment_hash"]))
        return sim.lnd(f"/v2/router/track/{key.decode()}?no_inflight_updates=true")

    invoice = sim.invoice("dave", 80000)
    status, _, body = track(invoice)
    equal((status, body["error"]["code"]), (404, 5), "LND: NotFound")
    status, lines = send(invoice)
    equal([x["result"]["status"] for x in lines], ["IN_FLIGHT", "SUCCEEDED"], "LND: a stream")
    equal(lines[1]["result"]["value_msat"], "80000", "LND: numbers are texts")
    status, lines = send(invoice)
    equal((status, lines[0]["error"]["code"]), (409, 6), "LND: AlreadyExists")
    equal(track(invoice)[2]["result"]["status"], "SUCCEEDED", "LND: track")
    sim.fault("held", "lnd.pay", s=1)
    status, lines = send(sim.invoice("dave", 81000))
    equal([x["result"]["status"] for x in lines], ["IN_FLIGHT", "SUCCEEDED"],
          "LND: the stream goes on until it has ended")
    sim.fault("held_fails", "lnd.pay", s=1)
    status, lines = send(sim.invoice("dave", 81000), no_inflight_updates=True)
    equal([x["result"]["status"] for x in lines], ["FAILED"], "LND: held, then failed")
    status, lines = send(sim.invoice("dave", 81000), fee_limit_sat="0")
    equal(lines[-1]["result"]["failure_reason"], "FAILURE_REASON_NO_ROUTE", "LND: no fee, no route")
    equal(sim.request("GET", "/lnd/v1/getinfo")[0], 500, "LND: no macaroon")


def lnbits(sim):
    invoice = sim.invoice("erin", 90000)
    h = decode(sim, invoice)["payment_hash"]
    equal(sim.lnbits("/api/v1/payments/" + h)[0], 404, "LNbits: unknown")
    sim.fault("held", "lnbits.pay", s=100)
    status, _, body = sim.lnbits("/api/v1/payments", {"out": True, "bolt11": invoice})
    equal((status, body["status"]), (201, "pending"), "LNbits: pending is 201")
    sim.advance(101)
    equal(sim.lnbits("/api/v1/payments/" + h)[2]["paid"], True, "LNbits: paid")
    sim.lnbits("/api/v1/payments", {"out": True, "bolt11": invoice})
    equal(len(paid(sim, anchor=h)), 1, "LNbits: one row a hash")


def transport(sim):
    """Each fault of the transport: whether it was done, and what the caller sees."""
    def pay():
        invoice = sim.invoice("frank", 30000)
        h = decode(sim, invoice)["payment_hash"]
        try:
            status, headers, body = sim.phoenixd("/payinvoice", {"invoice": invoice})
        except Lost:
            return "lost", {}, b"", h
        return status, headers, body, h

    want = {"timeout_before": ("lost", 0), "timeout_after": ("lost", 1), "done_late": (200, 1),
            "cut_request": ("lost", 0), "cut_before": ("lost", 1), "cut_middle": ("lost", 1),
            "error_before": (500, 0), "error_after": (500, 1), "slow_body": (200, 1),
            "garbage_body": (200, 1), "huge_body": (200, 1), "too_many": (429, 0),
            "redirect": (302, 0)}
    before = sim.fired()
    for name, (status, moved) in want.items():
        sim.fault(name, "phoenixd.pay", ms=200, s=7, text="http://127.0.0.1:1/")
        got = pay()
        equal((got[0], len(paid(sim, anchor=got[3]))), (status, moved), name)
        if name == "too_many":
            equal(got[1]["Retry-After"], "7", "429 says when")
        if name == "redirect":
            equal(got[1]["Location"], "http://127.0.0.1:1/", "302 says where")
        if name == "huge_body":
            equal(len(got[2]), 64 << 20, "it is huge")
    fired = {k: v - before.get(k, 0) for k, v in sim.fired().items() if v > before.get(k, 0)}
    equal(fired, {name: 1 for name in want}, "each has fired once, and nothing else")


def stripe_keys(sim):
    wish = {"amount": 700, "currency": "eur", "destination": "acct_z", "transfer_group": "g1"}

    def make(key, **more):
        return sim.stripe("/transfers", {**wish, **more}, key=key)

    def count(group):
        return len(paid(sim, anchor=group))

    first = make("a")[2]["id"]
    equal(make("a")[2]["id"], first, "one key, one transfer")
    sim.advance(23 * 3600)
    equal(make("a")[2]["id"], first, "23 hours later, too")
    sim.advance(2 * 3600)
    ok(make("a")[2]["id"] != first and count("g1") == 2,
       "after 24 hours the key is a new request: it pays twice")
    equal(make("b", destination="")[0], 400, "what fails validation")
    equal(make("b")[0], 200, "is not kept under its key")
    equal(make("c", destination="acct_missing", transfer_group="g2")[0], 400, "a refusal")
    equal(make("c", destination="acct_missing",
               transfer_group="g2")[1]["Idempotent-Replayed"], "true", "is kept")
    sim.fault("error_before", "stripe.transfer.create")
    equal((make("d", transfer_group="g3")[0], make("d", transfer_group="g3")[0], count("g3")),
          (500, 500, 0), "a 500 before it was done is kept, nothing moved")

    fired = sim.fired().get("done_late", 0)
    sim.fault("done_late", "stripe.transfer.create", ms=600000)
    answers = []
    slow = threading.Thread(target=lambda: answers.append(make("e", transfer_group="g4")))
    slow.start()
    until("it hangs", lambda: sim.fired().get("done_late", 0) == fired + 1)
    status, _, body = make("e", transfer_group="g4")
    equal(count("g4"), 0, "nothing moved yet")
    sim.request("DELETE", "/sim/faults")
    slow.join()
    equal((status, body["error"]["code"]), (409, "idempotency_key_in_use"),
          "a key that is at work is 409")
    equal((answers[0][0], make("e", transfer_group="g4")[2]["id"], count("g4")),
          (200, answers[0][2]["id"], 1), "and its transfer is made once")
    sim.fault("refused", "stripe.transfer.create", text="account_closed")
    equal(make("f")[2]["error"]["code"], "account_closed", "refused by name")
    sim.fault("refused_unkept", "stripe.transfer.create", text="account_closed")
    equal((make("g")[2]["error"]["code"], make("g")[0]), ("account_closed", 200),
          "refused before it began: the key is as it was")
    equal(sim.request("GET", "/v1/balance")[0], 401, "a key of the API is needed")
    auth = {"Authorization": "Bearer sk_test_" + SECRET}
    equal([sim.request("GET", "/v1/balance", None, {**auth, "Stripe-Version": v})[0]
           for v in ("2026-10-28.endive", "2024-06-20", "latest")], [200, 200, 400],
          "versions are dates")
    equal(sim.stripe("/transfers?metadata[a]=b")[2]["error"]["code"], "parameter_unknown",
          "there is no list by metadata")


PAIN = """<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.03">
<CstmrCdtTrfInitn><GrpHdr><MsgId>{id}</MsgId><CreDtTm>2026-01-01T00:00:00</CreDtTm>
<NbOfTxs>{n}</NbOfTxs><CtrlSum>{sum}</CtrlSum><InitgPty><Nm>X</Nm></InitgPty></GrpHdr>
<PmtInf><PmtInfId>{id}-1</PmtInfId><PmtMtd>TRF</PmtMtd><DbtrAcct><Id><IBAN>DE89370400440532013000
</IBAN></Id></DbtrAcct>{all}</PmtInf></CstmrCdtTrfInitn></Document>"""
ONE = """<CdtTrfTxInf><PmtId><EndToEndId>{e2e}</EndToEndId></PmtId><Amt><InstdAmt Ccy="EUR">{amount}
</InstdAmt></Amt><Cdtr><Nm>A &amp; B</Nm></Cdtr><CdtrAcct><Id><IBAN>{iban}</IBAN></Id></CdtrAcct>
</CdtTrfTxInf>"""
IBAN = "FR1420041010050500013M02606"


def pain(message, *payments, total=None, iban=IBAN):
    rows = "".join(ONE.format(e2e=e, amount=a, iban=iban) for e, a in payments)
    cents = sum(round(float(a) * 100) for _, a in payments)
    return PAIN.format(id=message, n=len(payments), all=rows,
                       sum=total or f"{cents // 100}.{cents % 100:02}")


def bank(sim):
    auth = {"Authorization": "Bearer " + SECRET}

    def put(name, body):
        return sim.request("PUT", "/bank/files/" + name, body, auth)

    def reports(kind=None):
        rows = sim.request("GET", "/bank/reports", None, auth)[2]["reports"]
        return [sim.request("GET", "/bank/reports/" + r["name"], None, auth)[2].decode()
                for r in rows if kind in (None, r["type"])]

    def told(message):
        """What the bank said first of a message."""
        return next(r for r in reports("pain.002") if f"<OrgnlMsgId>{message}<" in r)

    def statuses(xml):
        return re.findall(r"<TxSts>(\w+)</TxSts>", xml)

    equal(sim.request("GET", "/bank/reports")[0], 401, "bank: a token is needed")
    file = pain("M1", ("E1", "12.34"), ("E2", "1000.00"))
    equal(put("m1.xml", file)[0], 201, "bank: a file is taken")
    equal(statuses(told("M1")), ["ACCP", "ACCP"], "pain.002: ACCP")
    equal(put("m1.xml", file)[0], 200, "the same file under its name again is known")
    equal(put("m1.xml", file + " ")[0], 409, "other bytes under the name are refused")
    put("m1b.xml", file)
    ok(any("DU01" in r and statuses(r) == ["RJCT", "RJCT"] for r in reports("pain.002")),
       "a message id counts once", reports("pain.002"))
    sim.advance(2)
    until("the payments are booked", lambda: len(paid(sim, anchor="M1")) == 2)
    equal([p["amount"] for p in paid(sim, anchor="M1")], ["1234", "100000"], "each once")
    ok(any(statuses(r) == ["ACSC", "ACSC"] for r in reports("pain.002")), "pain.002: ACSC")
    statement = next(r for r in reports("camt.053") if "<EndToEndId>E1</EndToEndId>" in r)
    ok("<EndToEndId>E2</EndToEndId>" in statement and
       statement_balances(statement), "camt.053: the entries give the balance", statement)

    put("sum.xml", pain("M2", ("E3", "5.00"), total="6.00"))
    ok("AM10" in told("M2"), "a wrong CtrlSum is rejected")
    put("iban.xml", pain("M3", ("E4", "5.00"), iban="FR1420041010050500013M02607"))
    ok("AC01" in told("M3"), "a wrong IBAN is rejected")
    sim.fault("bank_rejected", "bank.upload", text="AC06")
    put("rej.xml", pain("M4", ("E5", "5.00"), ("E6", "6.00")))
    ok(statuses(told("M4")) == ["RJCT", "ACCP"] and "<GrpSts>PART</GrpSts>" in told("M4") and
       "AC06" in told("M4"), "one of two is rejected: PART", told("M4"))
    sim.fault("bank_pending", "bank.upload", s=500)
    put("pend.xml", pain("M5", ("E7", "7.00")))
    equal(statuses(told("M5")), ["PDNG"], "PDNG")
    sim.advance(10)
    equal(len(paid(sim, anchor="M5")), 0, "and not booked")
    sim.advance(500)
    until("and later booked", lambda: len(paid(sim, anchor="M5")) == 1)
    sim.fault("bank_returned", "bank.upload", s=86400, text="AC04")
    put("ret.xml", pain("M6", ("E8", "8.00")))
    sim.advance(2)
    until("booked", lambda: len(sim.payments(anchor="M6")) == 1)
    sim.advance(86401)
    until("and returned", lambda: [p["kind"] for p in sim.payments(anchor="M6")] ==
          ["paid", "returned"])
    statement = reports("camt.053")[-1]
    ok("<RtrInf><Rsn><Cd>AC04</Cd>" in statement and "<CdtDbtInd>CRDT" in statement and
       statement_balances(statement), "camt.053: the return", statement)
    sim.fault("duplicate_callback", "bank.upload")
    put("dup.xml", pain("M7", ("E9", "9.00")))
    twice = [r for r in reports("pain.002") if "<OrgnlMsgId>M7<" in r]
    ok(len(twice) >= 2 and twice[0] == twice[1], "duplicate_callback: a report twice", twice)


def cents(text):
    return int(text.replace(".", ""))


def statement_balances(xml):
    root = ET.fromstring(xml)
    n = {"c": "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"}

    def signed(e):
        amount = cents(e.find("c:Amt", n).text)
        return amount if e.find("c:CdtDbtInd", n).text == "CRDT" else -amount
    codes = {b.find("c:Tp/c:CdOrPrtry/c:Cd", n).text: signed(b) for b in root.iter(
        "{%s}Bal" % n["c"])}
    moved = sum(signed(e) for e in root.iter("{%s}Ntry" % n["c"]))
    return codes["OPBD"] + moved == codes["CLBD"]


def nacha(sim):
    auth = {"Authorization": "Bearer " + SECRET}
    lines = ["101 021000021 1234567892502041200A094101" + "EXAMPLE BANK".ljust(23) +
             "MULLER INC".ljust(23) + " " * 8,
             "5220" + "MULLER INC".ljust(16) + " " * 20 + "1234567890PPDPAYOUT    " + " " * 6 +
             "250205   1021000020000001",
             "622091000019" + "12345-678".ljust(17) + "0000084750" + "TR-0001".ljust(15) +
             "JANE DOE".ljust(22) + "  0021000020000001",
             "820000000100091000010000000000000000000847501234567890" + " " * 25 + "021000020000001",
             "9000001000001000000010009100001000000000000000000084750" + " " * 39]
    lines += ["9" * 94] * 5
    equal([len(line) for line in lines], [94] * 10, "the NACHA file has 94 columns")
    sim.fault("bank_returned", "bank.upload", s=86400, text="R03")
    equal(sim.request("PUT", "/bank/files/a.ach", "\n".join(lines) + "\n", auth)[0], 201,
          "NACHA: a file is taken")
    sim.advance(2)
    until("NACHA: settled", lambda: len(paid(sim, rail="nacha")) == 1)
    sim.advance(86401)
    until("NACHA: returned", lambda: len(sim.payments(rail="nacha")) == 2)
    names = [r["name"] for r in sim.request("GET", "/bank/reports", None, auth)[2]["reports"]
             if r["type"] == "nacha"]
    file = sim.request("GET", "/bank/reports/" + names[0], None, auth)[2].decode().splitlines()
    ok(len(file) == 10 and all(len(line) == 94 for line in file), "NACHA: a block of 94", file)
    equal((file[2][0:3], file[3][0:6], file[3][6:21], file[2][29:39]),
          ("621", "799R03", "021000020000001", "0000084750"), "NACHA: the return names its entry")
    equal((file[4][10:20], file[5][21:31], file[4][32:44], file[5][43:55]),
          ("0002100002", "0002100002", "000000084750", "000000084750"), "NACHA: hash and totals")


def folder(root):
    with RailSim("--bank-folder", str(root)) as sim:
        until("the bank makes its folders", lambda: (root / "in").is_dir())
        part = root / "in" / ".part"
        part.write_text(pain("F1", ("E1", "3.00")))
        part.rename(root / "in" / "f1.xml")
        until("a file is taken out of the folder", lambda: (root / "done" / "f1.xml").exists())
        sim.advance(2)
        until("reports come into the folder",
              lambda: any("camt.053" in p.name for p in (root / "out").iterdir()))
        equal(len(paid(sim, anchor="F1")), 1, "and it is paid once")


def rates(sim):
    status, headers, body = sim.request("GET", "/ecb/stats/eurofxref/eurofxref-daily.xml")
    cubes = [e.attrib for e in ET.fromstring(body).iter() if e.tag.endswith("}Cube")]
    day = next(c["time"] for c in cubes if "time" in c)
    ok(time.strptime(day, "%Y-%m-%d").tm_wday < 5, "ECB: a working day", day)
    table = {c["currency"]: c["rate"] for c in cubes if "currency" in c}
    ok(len(table) == 30 and 1.06 < float(table["USD"]) < 1.14 and "." in table["JPY"],
       "ECB: thirty currencies", table)
    (sim.folder / "rates.xml").write_bytes(body)
    store = str(sim.folder / "fx.db")
    subprocess.run([METE, "init", "--store", store], check=True, capture_output=True)
    taken = subprocess.run([METE, "fx", "import", "--store", store, str(sim.folder / "rates.xml")],
                           capture_output=True, text=True, timeout=60)
    equal(taken.returncode, 0, "ECB: mete fx import takes them")
    again = sim.request("GET", "/ecb/stats/eurofxref/eurofxref-daily.xml")[2]
    equal(again, body, "ECB: the same for a day")
    sim.request("POST", "/sim/clock", json.dumps({"now": "2026-12-25T18:00:00Z"}))
    ok(b"time='2026-12-24'" in
       sim.request("GET", "/ecb/stats/eurofxref/eurofxref-daily.xml")[2],
       "ECB: no rates on a holiday")


def at_once(sim):
    """Many callers with one invoice on four nodes: it moves once."""
    invoice = sim.invoice("hank", 13000)
    h = decode(sim, invoice)["payment_hash"]
    calls = [lambda: sim.phoenixd("/payinvoice", {"invoice": invoice}),
             lambda: sim.cln("xpay", invstring=invoice),
             lambda: sim.lnd("/v2/router/send", {"payment_request": invoice,
                                                 "fee_limit_sat": "100"}),
             lambda: sim.lnbits("/api/v1/payments", {"out": True, "bolt11": invoice})] * 5
    threads = [threading.Thread(target=call) for call in calls]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal(len(paid(sim, anchor=h)), 1, "twenty callers, one payment")


def control(sim):
    ok(sim.request("GET", "/sim")[2]["phoenixd"].endswith("/phoenixd"), "GET /sim lists the doubles")
    equal(sim.request("POST", "/sim/faults", '{"fault":"no_such"}')[0], 400, "an unknown fault")
    equal(sim.request("POST", "/sim/clock", '{"now":"tomorrow"}')[0], 400, "no such time")
    equal(sim.request("GET", "/nothing")[0], 404, "no such route")
    equal(sim.request("DELETE", "/v1/balance")[0], 405, "no such method")
    sim.fault("cut_request", "ecb", skip=2, times=2)
    path = "/ecb/stats/eurofxref/eurofxref-daily.xml"
    equal([lost(lambda: sim.request("GET", path)) for _ in range(5)],
          [False, False, True, True, False],
          "skip and times")
    sim.fault("cut_request", "lnd")
    sim.request("DELETE", "/sim/faults")
    equal(sim.lnd("/v1/getinfo")[0], 200, "scripts can be dropped")


def hostile(sim):
    """Calls that no client would make: the simulator lives on."""
    seed = int(os.environ.get("METE_TEST_SEED", "4712"))
    note(f"seed {seed}")
    r = random.Random(seed)
    paths = ["/v1/transfers", "/v1/payouts", "/v1/transfers/%s/reversals", "/v1/events", "/v1/%s",
             "/phoenixd/payinvoice", "/phoenixd/payments/outgoingbyhash/%s", "/cln/v1/xpay",
             "/cln/v1/listpays", "/cln/v1/decode", "/lnd/v2/router/send", "/lnd/v2/router/track/%s",
             "/lnbits/api/v1/payments", "/lnbits/api/v1/payments/%s", "/lnurl/callback/%s",
             "/lnurl/verify/%s", "/.well-known/lnurlp/%s", "/bank/files/%s", "/bank/reports/%s",
             "/sim/faults", "/sim/clock", "/sim/lnurl", "/sim/webhook", "/sim/payments"]
    names = ["amount", "currency", "destination", "metadata[%s]", "transfer_group", "invoice", "limit",
             "bolt11", "invstring", "payment_request", "string", "name", "fault", "at", "times",
             "min_msat", "comment", "starting_after", "created[gt]", "out", "%s", "rail"]
    odd = ["", "0", "-1", "1e9", "99999999999999999999", "acct_\xff", "\u2028", "a" * 5000, "%",
           "%zz", "\x00", "null", "true", "{}", "[", "usd", "acct_1", "lnbcrt1", "<a>", "101",
           "' OR 1", "tr_1", "\ud83d\ude00"]
    auth = {"Rune": SECRET, "X-Api-Key": SECRET, "Grpc-Metadata-macaroon": SECRET.encode().hex()}
    kinds = ["Basic " + base64.b64encode((":" + SECRET).encode()).decode(),
             "Bearer sk_test_" + SECRET, "Bearer " + SECRET, "Basic x", "Bearer"]

    def value():
        return r.choice(odd) if r.random() < 0.8 else bytes(
            r.randrange(256) for _ in range(r.randrange(40))).decode("latin-1")

    def escaped(text):
        return urllib.parse.quote(text.encode("latin-1" if r.random() < 0.5 and all(
            ord(c) < 256 for c in text) else "utf-8", "surrogatepass"))

    seen = {}
    broken = []
    for _ in range(1500):
        path = r.choice(paths).replace("%s", escaped(value()) or "x")
        pairs = [(r.choice(names).replace("%s", value()), value()) for _ in range(r.randrange(6))]
        form = "&".join(escaped(k) + "=" + escaped(v) for k, v in pairs)
        headers = {**auth, "Authorization": r.choice(kinds)}
        method = r.choice(["GET", "POST", "PUT", "DELETE"])
        body = None
        if method != "GET":
            body = r.choice([form.encode(), json.dumps(dict(pairs)).encode(), bytes(
                r.randrange(256) for _ in range(r.randrange(200))), b"", b"[" * 500])
            headers["Content-Type"] = r.choice(["application/x-www-form-urlencoded",
                                                "application/json", "text/xml"])
        elif r.random() < 0.7:
            path += "?" + form
        if r.random() < 0.3:
            headers["Idempotency-Key"] = r.choice(["k", "k" * 256, "k2"])
        status, got, answer = sim.request(method, path, body, headers)
        if "json" in got.get("Content-Type", "") and isinstance(answer, bytes):
            broken.append((path, answer[:100]))
        seen[status // 100] = seen.get(status // 100, 0) + 1
    note(f"answers: {seen}")
    equal(broken, [], "what says that it is JSON is JSON")
    ok(seen.get(2, 0) > 50 and seen.get(4, 0) > 300, "hostile calls are answered", seen)
    equal(sim.request("GET", "/sim")[0], 200, "and it lives on")


def kill(sim):
    """What was paid stays paid, and known, when the simulator is killed."""
    invoice = sim.invoice("gina", 11000)
    h = decode(sim, invoice)["payment_hash"]
    sim.fault("held", "lnbits.pay", s=1000)
    held = sim.invoice("gina", 12000)
    sim.lnbits("/api/v1/payments", {"out": True, "bolt11": held})
    sim.fault("timeout_after", "phoenixd.pay", ms=60000)
    caller = threading.Thread(target=lambda: lost(lambda: sim.phoenixd("/payinvoice",
                                                                       {"invoice": invoice})))
    caller.start()
    until("it is paid, the caller hangs", lambda: len(paid(sim, anchor=h)) == 1)
    before = sim.payments()
    fired = sim.fired()
    sim.stop(signal.SIGKILL)
    caller.join()
    sim.start()
    equal(sim.payments(), before, "after kill -9 the same has moved")
    equal(sim.fired(), fired, "and the same has fired")
    ok("already" in sim.phoenixd("/payinvoice", {"invoice": invoice})[2]["reason"],
       "the node knows what it has paid")
    sim.advance(1001)
    equal(sim.lnbits("/api/v1/payments/" + decode(sim, held)["payment_hash"])[2]["paid"], True,
          "what was in flight goes on")


def chance():
    """One seed and one order of calls: one order of faults. None of them moves money twice."""
    seed = int(os.environ.get("METE_TEST_SEED", "4711"))
    note(f"seed {seed}")

    def walk():
        seen = []
        with RailSim("--seed", str(seed), "--fault-rate", "0.5", "--hold", "20") as sim:
            for i in range(60):
                status, h = "lost", None
                try:
                    answer = sim.callback(f"u{i}", 5000 + i)
                    invoice = answer["pr"] if isinstance(answer, dict) else None
                    status = invoice[:12] if invoice else "none"
                    if invoice:
                        for _ in range(3):
                            seen.append(sim.lnbits("/api/v1/payments",
                                                   {"out": True, "bolt11": invoice})[0])
                except (Lost, KeyError):
                    pass
                seen.append(status)
            sim.advance(100)
            moved = paid(sim)
            anchors = [p["anchor"] for p in moved]
            equal(len(anchors), len(set(anchors)), "no hash was paid twice")
            fired = sim.fired()
            sim.stop()
        return seen, fired, sim.said

    first, fired, said = walk()
    again, fired_again, _ = walk()
    equal(again, first, "the same seed gives the same walk")
    equal(fired_again, fired, "and the same faults")
    ok(sum(fired.values()) > 40 and len(fired) > 12, "many faults fired", fired)
    note(f"fired: {fired}")
    ok(f"seed {seed}; fired: " in said and all(f"{k} {v}" in said for k, v in fired.items()),
       "the last line says so", said)


def https(root):
    key, certificate = root / "key.pem", root / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", certificate,
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days",
                    "2"], check=True, capture_output=True)
    with RailSim("--certificate", str(certificate), "--key", str(key)) as sim:
        trust = ssl.create_default_context(cafile=certificate)
        with urllib.request.urlopen(sim.url("/.well-known/lnurlp/a").replace("http:", "https:"),
                                    context=trust, timeout=60) as answer:
            ok(json.load(answer)["callback"].startswith("https://127.0.0.1:"), "it serves https")


def command_line():
    def run(*options):
        return subprocess.run([METE, "rail-sim", *options], capture_output=True, text=True,
                              timeout=30)
    equal(run("--fault-rate", "2").returncode, 2, "a rate above 1 is refused")
    equal(run("--network", "moon").returncode, 2, "an unknown network is refused")
    equal(run("--certificate", "/dev/null").returncode, 2, "a certificate needs its key")
    broken = run("--state", "/nonexistent/state")
    ok(broken.returncode == 1 and "sim_state" in broken.stderr, "a state that cannot be kept",
       broken.stderr)


with RailSim("--seed", "7", "--hold", "300") as s:
    for part in (control, lnurl, invoice_faults, phoenixd, cln, lnd, lnbits, at_once, transport,
                 stripe_keys, bank, nacha, rates):
        part(s)
    equal(subprocess.run([METE, "rail-sim", "--state", str(s.folder / "state")],
                         capture_output=True, timeout=30).returncode, 1,
          "one state is open once")
    kill(s)
    folder(s.folder / "bank")
    with RailSim() as other:
        hostile(other)
    https(s.folder)
chance()
command_line()
done()

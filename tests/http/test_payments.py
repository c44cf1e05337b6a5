# SPDX-License-Identifier: Apache-2.0
# covers: R-005 R-006 R-037
"""Webhooks of payment providers: three ways to sign, a window, states, and money that counts once
however often and in whatever order it is told."""
import base64
import hashlib
import hmac
import json
import pathlib
import tempfile
import time

from served import Served, done, equal, event, ok

SECRET = "a-long-secret-of-the-shop"
STANDARD = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


def now_text(offset=0):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset))


def purchase(event_id, payment_id, **more):
    body = {"event_id": event_id, "payment_id": payment_id, "status": "paid",
            "amount": {"amount": "1000", "currency": "SAT"}, "content_item_id": "post-1",
            "offer": "read-once", "occurred_at": now_text()}
    body.update(more)
    return {k: v for k, v in body.items() if v is not None}


def plain(body, secret=SECRET):
    return {"X-Webhook-Signature": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256)
            .hexdigest()}


def standard(body, event_id="msg_1", at=None):
    at = str(int(time.time() if at is None else at))
    key = base64.b64decode(STANDARD[6:])
    sum_ = hmac.new(key, f"{event_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": event_id, "webhook-timestamp": at,
            "webhook-signature": "v1," + base64.b64encode(sum_).decode()}


def stripe(body, secret=SECRET, at=None):
    at = str(int(time.time() if at is None else at))
    sum_ = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={sum_}"}


def secrets_folder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mete-secrets-"))
    for name, text in (("shop", SECRET + "\n"), ("lnbits", STANDARD + "\n"),
                       ("rolling", "old-secret\nnew-secret\n"), ("open", SECRET)):
        path = folder / name
        path.write_text(text)
        path.chmod(0o644 if name == "open" else 0o600)
    return folder


def tell(s, provider, body, headers=None, how=plain):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return s.request("POST", f"/webhooks/payments/{provider}/settled", raw,
                     headers if headers is not None else how(raw))


def balance(s, party):
    _, _, answer = s.get(f"/v1/parties/{party}/balance")
    return sum(int(b["pending"]) + int(b["cleared"]) for b in answer["balances"])


def signatures(s):
    body = json.dumps(purchase("s1", "sig-1")).encode()
    for headers, what in (({}, "none"), ({"X-Webhook-Signature": "00"}, "a wrong one"),
                          (plain(body, "other"), "one of another secret"),
                          (plain(body + b" "), "one of other bytes")):
        status, _, answer = tell(s, "shop", body, headers)
        equal((status, answer["code"]), (401, "webhook_signature"), f"signature: {what}")
    for provider in ("nobody", "open", "..%2Fshop", "SHOP"):
        status, _, answer = tell(s, provider, body)
        equal((status, answer["code"]), (404, "webhook_provider"), f"provider {provider}")
    equal(balance(s, "did:author"), 0, "none of them moved money")
    status, _, answer = tell(s, "shop", body)
    equal((status, answer["status"], answer["state"]), (200, "applied", "paid"), "a good one")
    equal(balance(s, "did:author"), 1000, "is revenue of its item")
    for secret in ("old-secret", "new-secret"):
        raw = json.dumps(purchase(secret, secret)).encode()
        equal(tell(s, "rolling", raw, plain(raw, secret))[0], 200, f"while it changes: {secret}")
    equal(balance(s, "did:author"), 3000, "both counted")


def standard_webhooks(s):
    raw = json.dumps(purchase(None, "std-1", occurred_at=None)).encode()
    equal(tell(s, "lnbits", raw, how=standard)[0], 200, "Standard Webhooks: id and time of headers")
    again = tell(s, "lnbits", raw, standard(raw, at=time.time() + 5))
    equal((again[0], again[2]["status"]), (200, "duplicate"), "delivered again, later")
    old = tell(s, "lnbits", raw, standard(raw, "msg_2", time.time() - 73 * 3600))
    equal((old[0], old[2]["code"]), (401, "webhook_stale"), "signed 73 h ago")
    equal(balance(s, "did:author"), 4000, "counted once")


def unsigned_headers(s):
    """webhook-id and webhook-timestamp count when they are signed, as Standard Webhooks has it; on
    a body that is signed alone anybody who once saw it could write new ones."""
    before = balance(s, "did:author")
    at = str(int(time.time()))
    said = {"webhook-id": "again-1", "webhook-timestamp": at}
    for name, how in (("X-Webhook-Signature", plain), ("Stripe-Signature", stripe)):
        for missing, body in (("event id", purchase(None, f"un-{name}")),
                              ("moment", purchase(f"un-{name}", f"un-{name}", occurred_at=None))):
            raw = json.dumps(body).encode()
            got = tell(s, "shop", raw, {**how(raw), **said})
            equal((got[0], got[2].get("code")), (400, "request_invalid"),
                  f"{name}: the {missing} of an unsigned header is not taken")
    raw = json.dumps(purchase(None, "un-both", occurred_at=None)).encode()
    got = tell(s, "lnbits", raw, {**plain(raw, STANDARD), **said})
    equal(got[0], 400, "nor of a provider that could have signed them")
    equal(balance(s, "did:author"), before, "none of them moved money")
    raw = json.dumps(purchase("un-good", "un-good")).encode()
    equal(tell(s, "shop", raw, {**stripe(raw), **said})[0], 200, "said in the body they are signed")


def window(s):
    late = tell(s, "shop", purchase("w1", "w-1", occurred_at=now_text(-73 * 3600)))
    equal((late[0], late[2]["code"]), (401, "webhook_stale"), "73 h old")
    equal(tell(s, "shop", purchase("w2", "w-2", occurred_at=now_text(-71 * 3600)))[0], 200,
          "71 h old")
    ahead = tell(s, "shop", purchase("w3", "w-3", occurred_at=now_text(3600)))
    equal((ahead[0], ahead[2]["code"]), (401, "webhook_stale"), "an hour ahead")
    none = tell(s, "shop", purchase("w4", "w-4", occurred_at=None))
    equal((none[0], none[2]["code"]), (400, "request_invalid"), "without any time")


def once(s):
    before = balance(s, "did:author")
    body = purchase("o1", "o-1")
    for i in range(3):
        equal(tell(s, "shop", body)[2]["status"], "applied" if i == 0 else "duplicate",
              f"the same event, time {i + 1}")
    other = tell(s, "shop", dict(body, event_id="o2"))
    equal((other[0], other[2]["status"]), (200, "duplicate"), "another event of the same payment")
    conflict = tell(s, "shop", dict(body, payment_id="o-2"))
    equal((conflict[0], conflict[2]["code"]), (409, "conflict"), "the same event, another payment")
    changed = tell(s, "shop", dict(body, event_id="o3",
                                   amount={"amount": "9000", "currency": "SAT"}))
    equal((changed[0], changed[2]["code"]), (409, "conflict"), "the same payment, another amount")
    equal(balance(s, "did:author"), before + 1000, "counted once")


def states(s):
    before = balance(s, "did:author")

    count = iter(range(1000))

    def to(payment, status, wanted, state=None):
        body = purchase(f"step-{next(count)}", payment, status=status)
        got = tell(s, "shop", body)
        equal((got[0], got[2].get("state") if got[0] == 200 else got[2]["code"]),
              (wanted, state or status if wanted == 200 else "payment_state"),
              f"{payment} -> {status}")

    for status in ("pending", "paid", "consumed"):
        to("st-1", status, 200)
    to("st-1", "expired", 409)
    to("st-1", "pending", 409)
    to("st-2", "pending", 200)
    to("st-2", "expired", 200)
    to("st-2", "paid", 409)
    to("st-3", "pending", 200)
    to("st-3", "failed", 200)
    to("st-3", "consumed", 409)
    to("st-4", "consumed", 409)
    to("st-5", "settled", 200, "paid")
    to("st-5", "failed", 409)
    again = tell(s, "shop", purchase("late-paid", "st-1", status="paid"))
    equal((again[0], again[2]["status"], again[2]["state"]), (200, "duplicate", "consumed"),
          "paid is told of again after it was consumed")
    equal(balance(s, "did:author"), before + 2000, "two of them brought money")
    _, _, kept = s.get("/v1/quarantine")
    rows = next(v for v in kept.values() if isinstance(v, list))
    ok(any(q["code"] == "payment_state" and q["attempts"] == 1 for q in rows),
       "money that was refused stands in the quarantine", kept)


def shapes(s):
    before = balance(s, "did:author")
    sats = {"eventId": "c1", "paymentHash": "abc", "state": "settled", "amountSats": 500,
            "contentItemId": "post-1", "sourceType": "distribution", "channel": "rss",
            "settledAt": now_text()}
    got = tell(s, "shop", sats)
    equal(got[0], 200, "names as the sources write them")
    equal(balance(s, "did:author"), before + 500, "satoshi")
    _, _, log = s.get("/v1/events/" + got[2]["event_id"])
    payload = log["event"]["payload"]
    equal((payload["source"], payload["source_ref"], payload["channel"]),
          ("distribution", "abc", "rss"), "revenue of a channel says so")
    fee = tell(s, "shop", purchase("c2", "c-2", fee={"amount": "50", "currency": "SAT"}))
    equal((fee[0], balance(s, "did:author")), (200, before + 1450), "less the provider's fee")
    waits = tell(s, "shop", purchase("c3", "c-3", content_item_id=None, policy="urn:later"))
    equal((waits[0], waits[2]["status"]), (200, "waiting"), "a policy that is not there yet")
    bad = tell(s, "shop", purchase("c4", "c-4", amount={"amount": "x", "currency": "SAT"}))
    equal((bad[0], bad[2]["code"]), (422, "amount_invalid"), "no amount")
    equal(tell(s, "shop", purchase("c4", "c-4"))[0], 200, "mended, under the same event")
    for broken in (b"", b"[]", b"{", b"\xff"):
        equal(tell(s, "shop", broken)[0], 400, f"body {broken!r}")
    equal(tell(s, "shop", purchase(None, "c-5"))[0], 400, "no event id")
    equal(tell(s, "shop", purchase("c6", None))[0], 400, "no payment id")
    equal(tell(s, "shop", purchase("c7", "x" * 129))[0], 400, "too long a payment id")
    equal(tell(s, "shop", purchase("c8", "c-8", status="maybe"))[0], 400, "an unknown status")


FOLDER = secrets_folder()
CONFIG = FOLDER / "mete.conf"
CONFIG.write_text(f"[payments]\nwebhook_keys = {FOLDER}\n")
try:
    with Served("--config", str(CONFIG)) as server:
        server.post("/v1/events", [
            event("b", "book.configured", {"clear_after_days": 0}),
            event("c", "contribution.recorded", {"content_item_id": "post-1", "role": "author",
                                                 "party": "did:author", "weight": 1})])
        for part in (signatures, standard_webhooks, unsigned_headers, window, once, states, shapes):
            part(server)
        server.stop()
        server.start()
        again = tell(server, "shop", purchase("restart", "o-1"))
        equal((again[0], again[2]["status"]), (200, "duplicate"), "after a restart too")
        log = (server.folder / "log").read_text()
        ok(SECRET not in log and STANDARD not in log, "no secret stands in the log")
    with Served() as server:
        equal(tell(server, "shop", purchase("n", "n"))[0], 404, "without the setting nobody speaks")
finally:
    for path in FOLDER.iterdir():
        path.unlink()
    FOLDER.rmdir()
done()

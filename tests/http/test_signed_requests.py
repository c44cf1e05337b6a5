# SPDX-License-Identifier: Apache-2.0
"""covers: M-003
Requests that are signed as a whole (RFC 9421, RFC 9530): what a producer with a registered key
sends to routes that take no events. The signatures are made by openssl and python."""
import base64
import json
import os
import time

from served import Served, done, equal, event, ok
from signing import Ed25519, Hmac, now, signed_headers

SCOPES = "revenue:write,policy:write,policy:read,dispute:write,earnings:read,revenue:read,admin"
USD = {"amount": "1.00", "currency": "USD"}
MANIFEST = {"id": "urn:s", "kind": "weights",
            "shares": [{"party": "did:a", "weight": "0.5"}, {"party": "did:b", "weight": "0.5"}]}
made = 0


class Producer:
    """A client with a key of the server and a key of its own."""

    def __init__(self, s, api_key, key, key_id):
        self.s, self.api_key, self.key, self.key_id = s, api_key, key, key_id

    def post(self, target, body, change=None, **more):
        """(status, code or status of the outcome). `change` gets (target, body, headers)."""
        body = json.dumps(body).encode()
        host = f"127.0.0.1:{self.s.port}"
        headers = signed_headers(more.pop("key", self.key), more.pop("key_id", self.key_id),
                                 more.pop("method", "POST"), target, body, host, **more)
        if change:
            target, body, headers = change(target, body, headers)
        status, _, answer = self.s.request("POST", target, body, headers, key=self.api_key)
        first = (answer.get("results") or [answer])[0]
        return status, first.get("code") or first.get("status")

    def unsigned(self, target, body):
        answer = self.s.post(target, body, key=self.api_key)[2]
        return (answer.get("results") or [answer])[0].get("code")


def report():
    global made
    made += 1
    return {"cliId": "urn:s", "report_id": f"r{made}",
            "usage": [{"timestamp": now(), "endpoint": "/x", "cost": 1}]}


def register(s, admin, key_id, key, **more):
    e = event("register-" + key_id, "key.registered",
              {"key_id": key_id, "alg": key.alg, **key.member, **more}, at=now())
    equal(s.post("/v1/events", e, key=admin)[2]["results"][0]["status"], "applied",
          f"{key_id} is registered")


def routes(control, runtime):
    """Every route that writes."""
    share = None
    for who, target, body in (
            (control, "/v1/manifests", MANIFEST),
            (control, "/usage", report()),
            (control, "/v1/contributions", {"content_item_id": "i", "party": "p", "role": "r",
                                            "weight": 1}),
            (control, "/providers/register", {"did": "did:p", "api": {}}),
            (control, "/usage/submit", {"batchId": "b", "platformId": "x", "provider": "did:p",
                                        "windowStart": now(7200), "windowEnd": now(3600),
                                        "calls": 1}),
            (runtime, "/revenue/distribute", {"id": "rev", "manifestId": "urn:s", "amount": USD}),
            (control, "/v1/allocations/rev%2F0.0/dispute", {"reason": "r"}),
            (runtime, "/v1/events", event("ev", "revenue.received", {"party": "did:q", "amount": USD},
                                          at=now()))):
        if "allocations" in target:
            share = control.s.get("/v1/allocations?event=rev", key=control.api_key)[2]
            target = "/v1/allocations/" + share["allocations"][0]["allocation_id"].replace(
                "/", "%2F") + "/dispute"
        equal(who.unsigned(target, body), "signature_invalid", f"{target.split('?')[0]}: not unsigned")
        status, code = who.post(target, body)
        ok(status in (200, 201) and code == "applied", f"{target}: signed as a request", status, code)


def refusals(p, stranger, window_s):
    """One thing at a time that makes a good request a bad one."""
    far = int(time.time())
    def other(name, value):
        return lambda t, b, h: (t, b, {**h, name: value(h[name]) if callable(value) else value})
    def drop(name):
        return lambda t, b, h: (t, b, {k: v for k, v in h.items() if k != name})
    bad = "signature_invalid"
    cover = ["@method", "@path", "content-digest"]
    for what, wanted, target, more in (
            ("as it is", "applied", "/usage", {}),
            ("another body", bad, "/usage", {"change": lambda t, b, h: (t, b + b" ", h)}),
            ("another path", bad, "/usage", {"method": "POST", "change": None, "cover": [
                "@method", "@target-uri", "content-digest"], "scheme": "ftp"}),
            ("another method", bad, "/usage", {"method": "PUT"}),
            ("another query", bad, "/usage?x=1", {"change": lambda t, b, h: (t + "2", b, h)}),
            ("a query more", bad, "/usage", {"change": lambda t, b, h: (t + "?x=1", b, h)}),
            ("a query that is covered", "applied", "/usage?x=1", {}),
            ("the whole target", "applied", "/usage?x=1",
             {"cover": ["@method", "@target-uri", "content-digest"]}),
            ("by a proxy's TLS", "applied", "/usage?x=1",
             {"cover": ["@method", "@target-uri", "content-digest"], "scheme": "https"}),
            ("host and type too", "applied", "/usage",
             {"cover": [*cover, "@authority", "content-type", "host"]}),
            ("a field that is not sent", bad, "/usage", {
                "cover": [*cover, "content-type"], "change": drop("Content-Type")}),
            ("no method covered", bad, "/usage", {"cover": cover[1:]}),
            ("no path covered", bad, "/usage", {"cover": [cover[0], cover[2]]}),
            ("no digest covered", bad, "/usage", {"cover": cover[:2]}),
            ("no digest", bad, "/usage", {"change": drop("Content-Digest")}),
            ("sha-512", "applied", "/usage", {"digest": "sha-512"}),
            ("a digest of a kind that is not known", bad, "/usage", {"digest": "md5"}),
            ("a broken digest", bad, "/usage", {"change": other("Content-Digest", "sha-256=x")}),
            ("no moment", bad, "/usage", {"created": ""}),
            ("older than the window", bad, "/usage", {"created": far - window_s - 60}),
            ("not so old", "applied", "/usage", {"created": far - window_s + 600}),
            ("of the future", bad, "/usage", {"created": far + 3600}),
            ("expired", bad, "/usage", {"expires": far - 10}),
            ("not yet expired", "applied", "/usage", {"expires": far + 600}),
            ("no alg", "applied", "/usage", {"alg": ""}),
            ("another alg", bad, "/usage", {"alg": "rsa-pss-sha512"}),
            ("another's key", bad, "/usage", {"key": stranger}),
            ("an unknown key", "key_unknown", "/usage", {"key_id": "nobody"}),
            ("a party's key", "key_unknown", "/usage", {"key": stranger, "key_id": "party"}),
            ("no value", bad, "/usage", {"change": drop("Signature")}),
            ("the value of another label", bad, "/usage", {
                "change": other("Signature", lambda v: "x" + v)}),
            ("an empty value", bad, "/usage", {"change": other("Signature", "sig1=::")}),
            ("a value that is no base64", bad, "/usage", {"change": other("Signature", "sig1=:-:")}),
            ("later parameters", bad, "/usage", {
                "change": other("Signature-Input", lambda v: v + ";nonce=\"x\"")}),
            ("nonsense", bad, "/usage", {"change": other("Signature-Input", "=;\"(")}),
            ("a component twice", bad, "/usage", {"cover": [*cover, "@path"]}),
            ("a foreign signature before it", "applied", "/usage", {
                "change": lambda t, b, h: (t, b, {
                    **h, "Signature-Input": 'proxy=("@method");created=1;keyid="cdn", '
                    + h["Signature-Input"], "Signature": "proxy=:AAAA:, " + h["Signature"]})})):
        status, code = p.post(target, report(), **more)
        equal(code, wanted, f"{p.key.alg}: {what}")


def repeated(p):
    """What came once may come again, however old its signature is by then."""
    body = report()
    equal(p.post("/usage", body)[1], "applied", "a report")
    equal(p.post("/usage", body, created=1)[1], "duplicate", "again, by an old signature")
    body["usage"][0]["cost"] = 2
    equal(p.post("/usage", body, created=1)[1], "conflict", "but not with another content")


def nobody_must(s, admin, stranger):
    """Who needs no signature is not asked what a proxy's is worth."""
    p = Producer(s, admin, stranger, "cdn")
    equal(p.post("/usage", report())[1], "applied", "a signature of somebody whom nobody knows")
    equal(p.post("/usage", report(), change=lambda t, b, h: (t, b, {
        **h, "Signature-Input": "?"}))[1], "applied", "or one that cannot be read")


with Served("--replay-window", "2") as s:
    admin = s.make_key(SCOPES)
    runtime_key = s.make_key("revenue:write", "--producer", "runtime")
    control_key = s.make_key("policy:write,dispute:write,earnings:read,revenue:write", "--producer",
                             "control_plane")
    ed, stranger, runtime_ed = Ed25519(s.folder), Ed25519(s.folder), Ed25519(s.folder)
    raw = os.urandom(32)
    mac = Hmac(base64.b64encode(raw).decode(), raw)
    nobody_must(s, admin, stranger)
    register(s, admin, "ed", ed, producer="control_plane")
    register(s, admin, "mac", mac, producer="control_plane")
    register(s, admin, "runtime", runtime_ed, producer="runtime")
    register(s, admin, "party", stranger, party="did:p")
    control = Producer(s, control_key, ed, "ed")
    routes(control, Producer(s, runtime_key, runtime_ed, "runtime"))
    refusals(control, stranger, 7200)
    refusals(Producer(s, control_key, mac, "mac"), stranger, 7200)
    equal(control.post("/usage", report(), key=runtime_ed, key_id="runtime")[1], "key_unknown",
          "a producer's key signs for no other")
    repeated(control)
    nobody = Producer(s, admin, ed, "ed")
    equal(nobody.unsigned("/usage", report()), "signature_invalid",
          "who leaves out who speaks must sign too")
    equal(nobody.post("/usage", report())[1], "applied", "by a producer's key")
    equal(nobody.post("/usage", report(), key=stranger, key_id="cdn")[1], "key_unknown",
          "not by one that nobody registered")
    equal(nobody.post("/usage", report(), key=stranger, key_id="party")[1], "key_unknown",
          "not by a party's")
    s.post("/v1/events", event("revoke", "key.revoked", {"key_id": "ed"}, at=now()), key=admin)
    equal(control.post("/usage", report())[1], "key_unknown", "a revoked key signs no requests")
    equal(s.stop(), 0, "it stops as it should")
done()

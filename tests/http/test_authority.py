# SPDX-License-Identifier: Apache-2.0
"""covers: M-003 M-005 M-078 R-033 V-078 V-079
Who may say what: every event type, by every scope, by every producer and service, compared with
the one table below, which is written down from the specification and not from the program. Then
keys that end, signatures of producers, and rates."""
import base64
import json
import os
import pathlib
import signal
import time

from signing import Ed25519, Hmac, b64, now
from served import Served, done, equal, event, note, ok

SCOPES = ("revenue:write revenue:read policy:write policy:read payout:write payout:approve "
          "dispute:write earnings:read audit:read facilitator admin payout:work x402:work").split()
SERVICES = ["validationengine", "governance", "payment", "insights", "runtime_shell"]
CONTROL = [("control_plane", service) for service in ["", *SERVICES]]
RUNTIME = [("runtime", "")]
SPEAKERS = [("", ""), *RUNTIME, *CONTROL]


def of(*services):
    return [("control_plane", service) for service in services]


# type: (who may say it, the scope that a key needs). "`revenue.*` runtime, or payment" and "native
# types below: any control_plane" are both permissions, so that revenue.received has both.
NATIVE = {
    "book.configured": (CONTROL, "admin"),
    "key.registered": (CONTROL, "admin"),
    "key.revoked": (CONTROL, "admin"),
    "asset.defined": (CONTROL, "policy:write"),
    "app.registered": (CONTROL, "policy:write"),
    "fees.scheduled": (CONTROL, "policy:write"),
    "party.registered": (CONTROL, "policy:write"),
    "policy.published": (CONTROL, "policy:write"),
    "contribution.recorded": (CONTROL, "policy:write"),
    "condition.changed": (CONTROL, "policy:write"),
    "x402.policy_set": (CONTROL, "policy:write"),
    "x402.listed": (CONTROL, "policy:write"),
    "x402.unlisted": (CONTROL, "policy:write"),
    "fx.rate_set": (CONTROL, "policy:write"),
    "party.destination_set": (CONTROL, "payout:write"),
    "wallet.transferred": (CONTROL, "payout:write"),
    "allocation.disputed": (CONTROL, "dispute:write"),
    "allocation.evidence_added": (CONTROL, "dispute:write"),
    "allocation.escalated": (CONTROL, "dispute:write"),
    "allocation.overridden": (CONTROL, "dispute:write"),
    "allocation.upheld": (CONTROL, "dispute:write"),
    "metering.closed": (CONTROL, "revenue:write"),
    "cycle.closed": (CONTROL, "revenue:write"),
    "usage.reported": (CONTROL, "revenue:write"),
    "usage.metered": (CONTROL, "revenue:write"),
    "revenue.received": (RUNTIME + CONTROL, "revenue:write"),
    "revenue.reversed": (RUNTIME + CONTROL, "revenue:write"),
}
# The families of the economic protocol.
FAMILIES = [
    ("revenue:write", RUNTIME + of("payment"), "revenue.invoice_paid revenue.refund_issued "
     "revenue.chargeback revenue.subscription_cancelled"),
    ("revenue:write", RUNTIME, "attribution.assigned attribution.updated"),
    ("revenue:write", RUNTIME + of("validationengine"), "kpi.reported creative.generated "
     "creative.launched spend.executed spend.refunded"),
    ("policy:write", of("validationengine"), "campaign.created campaign.updated "
     "campaign.opened_for_funding campaign.funding_closed campaign.activated campaign.paused "
     "campaign.resumed campaign.completed campaign.cancelled allocation.created "
     "allocation.deployed spend.authorized"),
    ("policy:write", of("governance"), "round.created round.approved round.opened round.closed "
     "round.cancelled commitment.created commitment.cancelled"),
    ("revenue:write", of("payment"), "commitment.confirmed"),
    ("policy:write", of("payment"), "app.economic_terms_set app.royalty_enabled "
     "app.royalty_disabled"),
]
NATIVE |= {name: (who, scope) for scope, who, names in FAMILIES for name in names.split()}
RESERVED = ("ledger.accrued ledger.adjusted settlement.initiated settlement.paid "
            "settlement.failed allocation.cleared_through x402.settled x402.reserved x402.released "
            "x402.settling x402.replaced x402.failed x402.confirmed x402.undone "
            "payout.batch_opened "
            "payout.transfer_queued payout.transfer_sending payout.transfer_sent "
            "payout.transfer_unknown payout.transfer_paid payout.transfer_failed "
            "payout.transfer_failed_permanent payout.transfer_returned payout.transfer_cancelled "
            "payout.hold_placed payout.hold_released payout.batch_closed").split()
USD = {"amount": "1.00", "currency": "USD"}
DAY = {"window_start": "2025-01-01T00:00:00Z", "window_end": "2025-01-02T00:00:00Z"}
PAYLOAD = {
    "book.configured": {"clear_after_days": 7},
    "asset.defined": {"code": "GOLD", "scale": 3},
    "app.registered": {"app_id": "a", "owner": "did:o"},
    "x402.policy_set": {"pay_to": "0xaa", "resource": "*", "policy": "p"},
    "x402.listed": {"resource": "https://a.org/x", "type": "http", "x402_version": 2,
                    "accepts": [{"payTo": "0xaa"}]},
    "x402.unlisted": {"resource": "https://a.org/x"},
    "fees.scheduled": {"fees": [{"label": "f", "bps": 1, "payee": "did:f"}]},
    "party.registered": {"party": "did:p", "kind": "human"},
    "party.destination_set": {"party": "did:p", "rail": "stripe", "destination": "acct_1"},
    "key.registered": {"key_id": "k", "alg": "hmac-sha256", "secret": "0123456789abcdef"},
    "key.revoked": {"key_id": "k"},
    "policy.published": {"policy": {"id": "urn:p", "kind": "single", "party": "did:p"}},
    "contribution.recorded": {"content_item_id": "c", "party": "did:p", "role": "author",
                              "weight": 1},
    "usage.reported": {"platform_id": "pl", "provider": "did:p", "calls": 1, **DAY},
    "usage.metered": {"policy": "urn:p", "endpoint": "/x", "cost": USD},
    "metering.closed": {"policy": "urn:p", "day": "2025-01-01"},
    "cycle.closed": {"policy": "urn:p", "pool": USD, **DAY},
    "condition.changed": {"policy": "urn:p", "condition": "c", "active": True},
    "revenue.received": {"policy": "urn:p", "amount": USD},
    "revenue.reversed": {"reverses": "e1"},
    "wallet.transferred": {"from": "did:p", "to": "did:q", "amount": USD},
    "fx.rate_set": {"base": "USD", "quote": "EUR", "rate": "0.9", "provider": "x",
                    "as_of": "2025-01-01T00:00:00Z"},
}
for act in ("disputed", "evidence_added", "escalated", "overridden", "upheld"):
    PAYLOAD["allocation." + act] = {"allocation_id": "e1/0", "reason": "r"}
for line in (pathlib.Path(os.environ["ROOT"]) /
             "src/http/openapi/examples.ndjson").read_text().splitlines():
    PAYLOAD.setdefault(json.loads(line)["event_type"], json.loads(line)["payload"])
PAYLOAD["app.royalty_disabled"] = {}  # without force: that is a supervisor's
IDS = {name + "_id": "9" for name in ("campaign", "round", "commitment", "allocation",
                                      "transaction", "user")}
TYPES = [*NATIVE, *RESERVED]
AUTHORITY = ("forbidden", "producer_forbidden", "reserved_type")
PASSED = "passed"


def expected(name, scopes, bound, claim):
    """What comes of an event that claims `claim`, by a key with `scopes`, bound to `bound`."""
    if name in RESERVED:
        return "reserved_type"
    who, scope = NATIVE[name]
    speaker = bound if bound[0] else claim
    if claim[0] and claim not in who:
        return "producer_forbidden"
    if scope not in scopes:
        return "forbidden"
    if bound[0] and claim[0] and (claim[0] != bound[0] or
                                  (bound[1] and claim[1] and claim[1] != bound[1])):
        return "producer_forbidden"
    if bound[0] and not bound[1]:
        speaker = (bound[0], claim[1])
    return "producer_forbidden" if speaker[0] and speaker not in who else PASSED


def batch(claim):
    events = []
    for name in TYPES:
        e = event("try-" + name, name, PAYLOAD.get(name, {}), correlation=IDS)
        e["source"] = {"app_id": "a", **({"producer": claim[0]} if claim[0] else {}),
                       **({"service": claim[1]} if claim[1] else {})}
        events.append(e)
    return events


def outcomes(s, key, claim):
    status, _, body = s.post("/v1/events?dry_run=true", batch(claim), key=key)
    if status != 200:
        return {name: f"HTTP {status}" for name in TYPES}, {}
    codes = {r["event_id"][4:]: r.get("code", "applied") for r in body["results"]}
    return {n: c if c in AUTHORITY else PASSED for n, c in codes.items()}, codes


def named(bound):
    return bound[0] + ("/" + bound[1] if bound[1] else "")


def the_table(s):
    equal(len(NATIVE) + len(RESERVED), len(set(TYPES)), "the table names a type once")
    keys = {}
    for bound in SPEAKERS:
        options = ("--producer", named(bound)) if bound[0] else ()
        for scope in [*SCOPES, ",".join(SCOPES)]:
            keys[bound, scope] = s.make_key(scope, *options)
    _, codes = outcomes(s, keys[("", ""), ",".join(SCOPES)], ("", ""))
    allowed_codes = ("applied", "allocation_unknown", "policy_unknown", "original_unknown",
                     "insufficient_funds", "usage_none", "key_unknown", "policy_kind",
                     "campaign_unknown", "round_unknown", "commitment_unknown", "grant_unknown",
                     "unattributed", "state_forbids")
    equal([(n, codes[n]) for n in NATIVE if codes[n] not in allowed_codes], [],
          "the events are well formed: what stops one below is authority alone")
    tried, wrong, counts = 0, [], {}
    for (bound, scope), key in keys.items():
        claims = SPEAKERS if "," in scope or not bound[0] else [("", ""), bound]
        for claim in claims:
            got, _ = outcomes(s, key, claim)
            for name in TYPES:
                want = expected(name, scope.split(","), bound, claim)
                tried += 1
                counts[want] = counts.get(want, 0) + 1
                if got[name] != want:
                    wrong.append((name, scope[:20], named(bound), named(claim), got[name], want))
    note(f"{len(TYPES)} types, {len(keys)} keys, {tried} combinations: {counts}")
    ok(not wrong, f"{tried} combinations of type, scope, key and claim are as the table says",
       f"{len(wrong)} are not", *wrong[:8])
    for scope in SCOPES:
        want = 200 if scope == "revenue:read" else 403
        equal(s.get("/v1/events", key=keys[("", ""), scope])[0], want, f"the feed by {scope}")


def ids_of(s):
    return [k["key_id"] for k in json.loads(s.mete("key", "list", "--json"))]


def keys_that_end(s):
    equal(s.get("/v1/events")[0], 401, "without a key")
    status, headers, body = s.get("/v1/events", key="mete_" + "0" * 48)
    equal((status, headers["WWW-Authenticate"], body["code"]), (401, "Bearer", "unauthorized"),
          "with an unknown one")
    made = s.make_key("revenue:read")
    time.sleep(0.1)
    equal(s.get("/v1/events", headers={"X-API-Key": made})[0], 200,
          "a new key works at once, in X-API-Key too")
    past = s.make_key("revenue:read", "--expires", "2020-01-01T00:00:00Z")
    time.sleep(1.2)
    equal(s.get("/v1/events", key=past)[0], 401, "an expired key")
    made = json.loads(s.mete("key", "create", "--scopes", "revenue:read", "--json"))
    time.sleep(1.2)
    equal(s.get("/v1/events", key=made["key"])[0], 200, "a key")
    s.mete("key", "revoke", made["key_id"])
    began = time.monotonic()
    while s.get("/v1/events", key=made["key"])[0] != 401 and time.monotonic() - began < 5:
        time.sleep(0.02)
    took = time.monotonic() - began
    ok(took < 1.0, "is revoked for a running server within a second", f"took {took:.2f} s")
    made = json.loads(s.mete("key", "create", "--scopes", "revenue:read", "--json"))
    new = s.mete("key", "rotate", made["key_id"], "--keep", "0").strip()
    time.sleep(1.2)
    equal((s.get("/v1/events", key=made["key"])[0], s.get("/v1/events", key=new)[0]), (401, 200),
          "rotated: the new key works, the old one does not")
    made = json.loads(s.mete("key", "create", "--scopes", "revenue:read", "--json"))
    new = s.mete("key", "rotate", made["key_id"], "--keep", "60").strip()
    time.sleep(1.2)
    equal((s.get("/v1/events", key=made["key"])[0], s.get("/v1/events", key=new)[0]), (200, 200),
          "rotated with time to change: both work")
    log = (s.folder / "log").read_text()
    ok(made["key"] not in log and new not in log, "no key stands in the log")
    store = b"".join(p.read_bytes() for p in s.folder.glob("mete.db*"))
    ok(made["key"].encode() not in store, "nor in the store")


# --- signatures ----------------------------------------------------------------------------------

def canonical(e):
    """RFC 8785 of what these tests send: ASCII names, no numbers but small integers."""
    return json.dumps({k: v for k, v in e.items() if k != "signature"}, sort_keys=True,
                      separators=(",", ":"), ensure_ascii=False).encode()


def signed(e, key, key_id):
    return {**e, "signature": {"key_id": key_id, "alg": key.alg, "value": b64(key.sign(canonical(e)))}}


def fact(event_id, ago=0, producer="runtime", **more):
    return event(event_id, "revenue.received", {"party": "did:p", "amount": USD, **more},
                 at=now(ago), source={"producer": producer})


def result(s, e, key):
    status, _, body = s.post("/v1/events", e, key=key)
    r = body["results"][0]
    return status, r.get("code", r["status"]), r.get("pointer", "")


def register(s, admin, key_id, key, **more):
    e = event("register-" + key_id, "key.registered",
              {"key_id": key_id, "alg": key.alg, **key.member, **more}, at=now())
    equal(s.post("/v1/events", e, key=admin)[2]["results"][0]["status"], "applied",
          f"{key_id} is registered")


def each_algorithm(s, admin, runtime, key, key_id):
    e = signed(fact("s-" + key_id), key, key_id)
    equal(result(s, e, runtime), (200, "applied", ""), f"{key_id}: a signed event")
    equal(result(s, e, runtime), (200, "duplicate", ""), "again")
    bad = signed(fact("t-" + key_id), key, key_id)
    bad["payload"]["amount"] = {"amount": "9.00", "currency": "USD"}
    equal(result(s, bad, runtime), (422, "signature_invalid", "/signature/value"), "changed bytes")
    bad = signed(fact("u-" + key_id), key, key_id)
    bad["signature"]["alg"] = "ed25519" if key.alg != "ed25519" else "hmac-sha256"
    equal(result(s, bad, runtime), (422, "signature_invalid", "/signature/alg"), "another alg")
    bad["signature"].update(alg=key.alg, value=b64(b"\0" * 16))
    equal(result(s, bad, runtime), (422, "signature_invalid", "/signature/value"), "a short one")
    secret = event("d-" + key_id, "revenue.reversed", {"reverses": "s-" + key_id, "reason": "söme"},
                   at=now(), source={"producer": "runtime"})
    equal(result(s, signed(secret, key, key_id), runtime), (200, "applied", ""),
          "a private value is signed as it was sent")


def signatures():
    with Served("--replay-window", "48") as s:
        admin = s.make_key(",".join(SCOPES))
        runtime = s.make_key("revenue:write", "--producer", "runtime")
        ed, ed2 = Ed25519(s.folder), Ed25519(s.folder)
        raw = os.urandom(32)
        mac, mac64 = Hmac("a text of 24 characters!", b"a text of 24 characters!"), \
            Hmac(base64.b64encode(raw).decode(), raw)
        equal(result(s, fact("unsigned-before"), runtime)[1], "applied",
              "while no key is registered nothing needs a signature")
        register(s, admin, "other", ed2, party="did:p")
        equal(result(s, fact("unsigned-party"), runtime)[1], "applied", "a party's key changes nothing")
        register(s, admin, "ed", ed, producer="runtime")
        equal(result(s, fact("unsigned"), runtime), (422, "signature_invalid", "/signature"),
              "a registered producer must sign")
        equal(result(s, fact("unsigned-before", quantity=2), runtime)[1], "conflict",
              "an id that stands in the log is compared, not judged again")
        unclaimed = fact("unclaimed")
        del unclaimed["source"]
        equal(result(s, unclaimed, runtime)[1], "signature_invalid", "also when only its key says so")
        equal(result(s, fact("claimed"), admin)[1], "signature_invalid", "also by an unbound key")
        unclaimed["event_id"] = "unclaimed-by-admin"
        equal(result(s, unclaimed, admin), (422, "signature_invalid", "/signature"),
              "an unbound key that leaves the producer out gets round nothing")
        equal(result(s, signed(unclaimed, ed2, "other"), admin)[1], "key_unknown",
              "nor by a party's signature")
        equal(result(s, signed(unclaimed, ed, "ed"), admin)[1], "applied",
              "a producer's signature says who speaks")
        equal(s.post("/v1/events", event("p-free", "policy.published", {"policy": {
                         "id": "urn:free", "kind": "single", "party": "did:p"}}), key=admin)[0],
              200, "what that producer may not send needs none")
        equal(result(s, fact("control", producer="control_plane"), admin)[1], "applied",
              "the other producer need not")
        register(s, admin, "mac", mac, producer="runtime")
        register(s, admin, "mac64", mac64, producer="runtime")
        for key, key_id in ((ed, "ed"), (mac, "mac"), (mac64, "mac64")):
            each_algorithm(s, admin, runtime, key, key_id)
        equal(result(s, signed(fact("v"), ed2, "other"), runtime),
              (422, "key_unknown", "/signature/key_id"), "a party's key signs for no producer")
        equal(result(s, signed(fact("w"), ed2, "nobody"), runtime),
              (422, "key_unknown", "/signature/key_id"), "an unknown key")
        equal(result(s, signed(fact("x"), ed2, "ed"), runtime),
              (422, "signature_invalid", "/signature/value"), "another's key under a known id")
        answer = s.post("/revenue/distribute", {"party": "did:p", "amount": USD}, key=runtime)[2]
        equal(answer.get("code"), "signature_invalid",
              "a request without a signature brings nothing of who must sign")
        hours = 3600
        equal(result(s, signed(fact("old", 49 * hours), ed, "ed"), runtime),
              (422, "signature_invalid", "/occurred_at"), "an old signed event that is new here")
        young = signed(fact("young", 47 * hours), ed, "ed")
        equal(result(s, young, runtime)[1], "applied", "within the window")
        equal(s.stop(), 0, "it stops as it should")
        s.options = ()
        s.start()
        equal(result(s, young, runtime)[1], "duplicate", "old, but known: by default a day counts")
        equal(result(s, signed(fact("old2", 25 * hours), ed, "ed"), runtime)[2], "/occurred_at",
              "25 hours are too many")
        equal(result(s, signed(fact("mac-again"), mac, "mac"), runtime)[1], "applied",
              "a sealed secret is found again")
        equal(s.post("/v1/events", event("revoke", "key.revoked", {"key_id": "mac"}, at=now()),
                     key=admin)[2]["results"][0]["status"], "applied", "a key is revoked")
        equal(result(s, signed(fact("y"), mac, "mac"), runtime),
              (422, "key_unknown", "/signature/key_id"), "and signs no more")
        group = [event("revoke2", "key.revoked", {"key_id": "ed"}, at=now()),
                 signed(fact("z"), ed, "ed")]
        equal([r.get("code", r["status"]) for r in
               s.post("/v1/events?dry_run=true", group, key=admin)[2]["results"]],
              ["applied", "key_unknown"], "within one request, too")
        equal(result(s, signed(fact("z"), ed, "ed"), runtime)[1], "applied",
              "what was rehearsed only is not revoked")
        store = b"".join(p.read_bytes() for p in s.folder.glob("mete.db*"))
        feed = json.dumps(s.get("/v1/events?limit=1000", key=admin)[2])
        ok(b"a text of 24 characters!" not in store and "a text of 24" not in feed,
           "a secret stands sealed in the store, and in no answer")
        equal(s.stop(), 0, "it stops as it should")


# --- rates ---------------------------------------------------------------------------------------

def rates():
    with Served("--rate", "2", "--burst", "5") as s:
        a, b = s.make_key("revenue:read"), s.make_key("revenue:read")
        got = [s.get("/v1/events", key=a) for _ in range(9)]
        statuses = [g[0] for g in got]
        equal((statuses[:5], statuses.count(429) >= 3), ([200] * 5, True), "a burst of five")
        equal([g[1]["RateLimit-Remaining"] for g in got[:5]], ["4", "3", "2", "1", "0"],
              "is counted down")
        status, headers, body = next(g for g in got if g[0] == 429)
        equal((headers["RateLimit-Limit"], headers["RateLimit-Remaining"], headers["Retry-After"],
               body["code"], body["retryable"]), ("5", "0", "1", "rate_limited", True),
              "then it is told when to come back")
        ok(1 <= int(headers["RateLimit-Reset"]) <= 3, "and when all is there again")
        equal(s.get("/v1/events", key=b)[0], 200, "another key is not concerned")
        time.sleep(1.1)
        equal(s.get("/v1/events", key=a)[0], 200, "after Retry-After it goes on")
        equal(s.get("/healthz")[0], 200, "who needs no key has no bucket")


with Served(env={"API_KEY": "the operator's own key"}) as s:
    equal(s.get("/v1/events", key="the operator's own key")[0], 200, "API_KEY is a key")
    the_table(s)
    keys_that_end(s)
    s.process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    equal(s.get("/v1/events", key="the operator's own key")[0], 200, "SIGHUP ends nothing")
    equal(s.stop(), 0, "it stops as it should")
signatures()
rates()
done()

# SPDX-License-Identifier: Apache-2.0
"""covers: M-043 M-070 M-071 M-078
Settlements by hand: money leaves once, whoever says so how often; what failed is payable again; a
completed campaign is closed when all of it is settled. Then who may say it, and what a royalty that
is forced off leaves in the log."""
import json
import threading

from campaign_story import Story, assigned, book, offering, self_funded
from served import POLICY, Served, done, equal, ok, revenue
from signing import Ed25519, now, signed_headers

SCOPES = "revenue:write,policy:write,admin,earnings:read,revenue:read"


def money(amount, currency="USD"):
    return {"amount": amount, "currency": currency}


def transfer(reference, amount="50.00", party="did:maker", outcome="paid", **more):
    return {"beneficiary_id": party, "amount": money(amount), "provider": "bank",
            "provider_ref": reference, "outcome": outcome, **more}


def cleared(s, party):
    balances = s.get(f"/v1/parties/{party}/balance")[2]["balances"]
    return [(b["cleared"], b["paid"], b["debt"]) for b in balances][0]


def entries(s):
    return s.get("/v1/log/checkpoint")[2].split("\n")[1]


class Desk:
    """A supervisor's."""

    def __init__(self, s, key):
        self.s, self.key = s, key

    def settle(self, body, query="", **headers):
        return self.s.post("/v1/settlements" + query, body, key=self.key,
                           headers={k.replace("_", "-"): v for k, v in headers.items()})

    def code(self, body):
        status, _, answer = self.settle(body)
        return status, answer.get("code"), answer.get("pointer")


def paid_at_once(s, desk):
    before = int(entries(s))
    status, _, answer = desk.settle(transfer("wire-1", "40.00", settlement_id="one",
                                             campaign_id="s1", reason="week 3",
                                             occurred_at="2025-01-20T00:00:00Z"))
    equal((status, answer["status"], answer["state"]), (201, "applied", "PAID"), "paid at once")
    equal({k: answer[k] for k in ("settlement_id", "beneficiary_id", "amount_minor", "asset",
                                  "campaign_id", "provider", "provider_ref", "failure_reason")},
          {"settlement_id": "one", "beneficiary_id": "did:maker", "amount_minor": "4000",
           "asset": "USD/2", "campaign_id": "s1", "provider": "bank", "provider_ref": "wire-1",
           "failure_reason": None}, "to whom, how much, by which transfer")
    equal([(h["state"], h["seq"], h["reason"], h["occurred_at"]) for h in answer["history"]],
          [("INITIATED", before + 1, "week 3", "2025-01-20T00:00:00Z"),
           ("PAID", before + 2, "week 3", "2025-01-20T00:00:00Z")], "two events")
    equal({h["actor_id"] for h in answer["history"]}, {desk.key_id}, "which say who settled")
    equal(cleared(s, "did:maker"), ("5700", "4000", "0"), "the money has left")
    for h in answer["history"]:
        e = s.get("/v1/events/" + h["event_id"])[2]["event"]
        equal((e["actor"]["actor_id"], e["source"], e["correlation"]),
              (desk.key_id, {"producer": "control_plane", "service": "payment"},
               {"campaign_id": "s1"}), f"{e['event_type']} in the log")
    whole = {k: v for k, v in answer.items() if k not in ("status", "log")}
    equal(s.get("/v1/settlements/one")[2], whole, "GET tells the same")


def said_again(s, desk):
    """The same settlement is recorded once, whoever says it how."""
    before = entries(s)
    body = transfer("wire-1", "40.00", settlement_id="one", campaign_id="s1", reason="week 3")
    status, _, answer = desk.settle(body)
    equal((status, answer["status"], answer["state"]), (200, "duplicate", "PAID"), "said again")
    status, _, answer = desk.settle({**body, "amount": money("40")})
    equal((status, answer["status"]), (200, "duplicate"), "with the amount in other words")
    status, _, answer = desk.settle({"settlement_id": "one", "outcome": "paid"})
    equal((status, answer["status"]), (200, "duplicate"), "or with its id alone")
    status, _, answer = desk.settle({**body, "outcome": "initiated"})
    equal((status, answer["status"], answer["state"]), (200, "duplicate", "PAID"),
          "that it was initiated is known too")
    other = Desk(s, s.make_key("payout:approve"))
    equal(other.settle(body)[0], 200, "by another supervisor")
    for name, value in (("amount", money("40.01")), ("beneficiary_id", "did:other"),
                        ("provider", "stripe"), ("provider_ref", "wire-2"),
                        ("campaign_id", "s2"), ("reason", "another"),
                        ("occurred_at", "2025-01-21T00:00:00Z")):
        equal(desk.code({**body, name: value}), (409, "conflict", "/" + name),
              f"another {name} is a conflict")
    equal(desk.code({**body, "outcome": "failed"})[:2], (409, "state_forbids"),
          "what was paid has not failed")
    detail = desk.settle({**body, "outcome": "failed"})[2]
    ok("PAID" in detail["detail"] and detail["pointer"] == "/outcome", "which is said", detail)
    natural = transfer("wire-9", "1.00")
    first, again = desk.settle(natural)[2], desk.settle(natural)[2]
    equal((first["status"], again["status"]), ("applied", "duplicate"), "by its reference")
    equal(desk.code({**natural, "amount": money("2.00")})[0], 409, "one transfer has one amount")
    once = {"Idempotency_Key": "k1"}
    keyed = [desk.settle(transfer("wire-8", "1.00"), **once) for _ in range(2)]
    equal([(a[0], a[1].get("Idempotency-Hit")) for a in keyed], [(201, None), (201, "true")],
          "by its Idempotency-Key")
    equal(keyed[0][2], keyed[1][2], "with the first answer")
    equal(desk.settle(transfer("wire-8", "2.00"), **once)[0], 422, "which is of that body alone")
    equal(int(entries(s)), int(before) + 4, "nothing else was written")
    equal(cleared(s, "did:maker"), ("5500", "4200", "0"), "nothing else has left")


def step_by_step(s, desk):
    body = transfer("wire-3", "10.00", settlement_id="two", outcome="initiated")
    status, _, answer = desk.settle(body)
    equal((status, answer["state"], len(answer["history"])), (201, "INITIATED", 1), "initiated")
    equal(cleared(s, "did:maker"), ("4500", "4200", "0"), "the money is on its way")
    status, _, answer = desk.settle({"settlement_id": "two", "outcome": "failed",
                                     "failure_reason": "account closed"})
    equal((status, answer["status"], answer["state"], answer["failure_reason"]),
          (200, "applied", "FAILED", "account closed"), "it failed")
    equal([h["state"] for h in answer["history"]], ["INITIATED", "FAILED"], "its history")
    equal(cleared(s, "did:maker"), ("5500", "4200", "0"), "the money is payable again")
    equal(desk.code({"settlement_id": "two", "outcome": "paid"})[:2], (409, "state_forbids"),
          "what failed is not paid any more")
    status, _, answer = desk.settle(transfer("wire-4", "10.00", settlement_id="three",
                                             outcome="failed", failure_reason="no such account"))
    equal((status, answer["state"], len(answer["history"])), (201, "FAILED", 2), "failed at once")
    equal(cleared(s, "did:maker"), ("5500", "4200", "0"), "which moves nothing in the end")
    desk.settle({**body, "settlement_id": "four"})
    status, _, answer = desk.settle({"settlement_id": "four", "outcome": "paid",
                                     "provider_ref": "wire-3-b"})
    equal((answer["state"], answer["provider_ref"], answer["history"][0]["provider_ref"]),
          ("PAID", "wire-3-b", "wire-3"), "a reference that came later")
    equal(cleared(s, "did:maker"), ("4500", "5200", "0"), "paid")


def refused(s, desk):
    before = (entries(s), cleared(s, "did:maker"))
    status, _, answer = desk.settle(transfer("wire-5", "45.01"))
    equal((status, answer["code"], answer["pointer"]),
          (422, "insufficient_funds", "/amount/amount"), "more than is payable")
    ok("45.00 USD" in answer["detail"], "what is payable is said", answer["detail"])
    good = transfer("wire-6", "1.00")
    for name, code, change in (
            ("nothing", "amount_zero", {"amount": money("0")}),
            ("no currency", "currency_unknown", {"amount": money("1.00", "XXY")}),
            ("half a cent", "amount_scale", {"amount": money("1.005")}),
            ("no amount", "member_type", {"amount": "1.00"}),
            ("no such campaign", "campaign_unknown", {"campaign_id": "none"}),
            ("a campaign of others", "member_value", {"campaign_id": "c1"}),
            ("another party", "insufficient_funds", {"beneficiary_id": "did:nobody"}),
            ("no party", "member_missing", {"beneficiary_id": None, "settlement_id": "x"}),
            ("no provider", "member_missing", {"provider": None, "settlement_id": "x"}),
            ("no reference", "member_missing", {"provider_ref": None, "settlement_id": "x"}),
            ("neither id nor reference", "member_missing", {"provider_ref": None}),
            ("no outcome", "request_invalid", {"outcome": None}),
            ("another outcome", "request_invalid", {"outcome": "sent"}),
            ("a failure that is none", "request_invalid", {"failure_reason": "x"}),
            ("a long id", "text_length", {"settlement_id": "x" * 161}),
            ("the future", "time_future", {"occurred_at": "2199-01-01T00:00:00Z"}),
            ("no time", "time_invalid", {"occurred_at": "soon"}),
            ("an address", "pii_email", {"reason": "ask me@example.org"}),
            ("a member of no meaning", "member_unknown", {"ammount": "1.00"})):
        answer = desk.settle({**good, **change})[2]
        equal(answer.get("code"), code, name)
        pointer = answer.get("pointer", "/" + next(iter(change)))
        ok(pointer[1:].split("/")[0] in [*change, "settlement_id", "amount", "beneficiary_id"],
           f"{name}: the pointer is into the body", answer)
    equal(desk.settle("{")[0], 400, "no JSON")
    equal((entries(s), cleared(s, "did:maker")), before, "nothing was written, nothing has left")
    equal(desk.settle(good, "?dry_run=true")[0], 201, "a rehearsal answers the same")
    equal(desk.settle(transfer("wire-7", "99.00"), "?dry_run=true")[2]["code"],
          "insufficient_funds", "or that it would not do")
    equal((entries(s), cleared(s, "did:maker")), before, "and keeps nothing")
    squat = Story(s, s.make_key(SCOPES), app="squat")
    e = squat.make("attribution.assigned", {"user_id": "u", "campaign_id": "s1"})
    e["event_id"] = "settlement.paid:taken"
    equal(s.post("/v1/events", e)[2]["results"][0]["status"], "applied", "somebody takes an id")
    before = (entries(s), cleared(s, "did:maker"))
    equal(desk.code(transfer("wire-6", "1.00", settlement_id="taken"))[0], 409,
          "the second event cannot be")
    equal((entries(s), cleared(s, "did:maker"), s.get("/v1/settlements/taken")[0]), (*before, 404),
          "then the first is not either")


def at_once(s, desk):
    """Many say the same, and many want the same money."""
    answers = []

    def say(body):
        answers.append(desk.settle(body))

    bodies = [transfer("race", "20.00", settlement_id="race")] * 8
    bodies += [transfer(f"race-{i}", "20.00") for i in range(8)]
    threads = [threading.Thread(target=say, args=(body,)) for body in bodies]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    good = [a[2]["settlement_id"] for a in answers if a[0] in (200, 201)]
    applied = [a for a in answers if a[2].get("status") == "applied"]
    equal(len(applied), 2, "of 45.00 two settlements of 20.00 are taken")
    ok({a[0] for a in answers} <= {200, 201, 422} and len(good) < len(answers),
       "the others are told", good)
    equal(cleared(s, "did:maker"), ("500", "9200", "0"), "what is left")


def listed(s):
    def ids(query="", key=None):
        return [x["settlement_id"] for x in s.get("/v1/settlements" + query, key=key)[2]["settlements"]]

    every = ids()
    equal(every[0], "one", "in the order in which they were initiated")
    equal(len(every), 8, "all of them")
    seen, after = [], ""
    while True:
        page = s.get(f"/v1/settlements?limit=3{after}")[2]
        seen += [x["settlement_id"] for x in page["settlements"]]
        if page["next"] is None:
            break
        after = "&after=" + page["next"]
    equal(seen, every, "page by page")
    equal(ids("?state=FAILED"), ["two", "three"], "of one state")
    equal(ids("?campaign=s1"), ["one"], "of one campaign")
    equal(ids("?campaign=none"), [], "of none")
    equal(ids("?party=did:nobody"), [], "of another party")
    equal(ids("?party=did:maker"), every, "of the party")
    for query in ("?state=SENT", "?after=x", "?limit=0"):
        equal(s.get("/v1/settlements" + query)[0], 400, query)
    mine, others = (s.make_key("earnings:read", "--party", p) for p in ("did:maker", "did:i1"))
    equal((ids(key=mine), ids(key=others)), (every, []), "a bound key sees its own")
    equal(s.get("/v1/settlements?party=did:maker", key=others)[0], 404, "and asks for no other")
    equal((s.get("/v1/settlements/one", key=mine)[0], s.get("/v1/settlements/one", key=others)[0]),
          (200, 404), "one by one too")


def batch_and_receipts(s, desk):
    """covers: M-018"""
    for reference in ("wire-b1", "wire-b2"):
        status, _, answer = desk.settle(transfer(reference, "0.01", batch_id="week-05"))
        equal((status, answer["batch_id"]), (201, "week-05"), "sent with others")
    listed = s.get("/v1/settlements?batch=week-05")[2]["settlements"]
    equal([(r["beneficiary_id"], r["provider_ref"], r["state"]) for r in listed],
          [("did:maker", "wire-b1", "PAID"), ("did:maker", "wire-b2", "PAID")],
          "a batch with its receipts")
    equal(s.get("/v1/settlements?batch=week-06")[2]["settlements"], [], "no other batch has them")
    first = s.get("/v1/settlements?batch=week-05&limit=1")[2]
    second = s.get("/v1/settlements?batch=week-05&limit=1&after=" + first["next"])[2]
    equal([first["settlements"][0], second["settlements"][0]], listed, "the same in pages")
    equal(desk.code(transfer("wire-b1", "0.01", batch_id="week-06")),
          (409, "conflict", "/batch_id"), "a settlement stays in its batch")


def who_may(s, desk):
    """covers: M-078"""
    body = transfer("wire-10", "1.00")
    for scope in ("payout:write", "earnings:read", "admin", "revenue:write", "policy:write"):
        equal(s.post("/v1/settlements?dry_run=true", body, key=s.make_key(scope))[0], 403,
              f"{scope} does not settle")
    key = s.make_key("payout:approve", "--party", "did:maker")
    equal(s.post("/v1/settlements?dry_run=true", body, key=key)[0], 403, "nor a party itself")
    for producer, status in (("runtime", 403), ("control_plane/governance", 403),
                             ("control_plane/validationengine", 403), ("control_plane", 201),
                             ("control_plane/payment", 201)):
        key = s.make_key("payout:approve", "--producer", producer)
        equal(s.post("/v1/settlements?dry_run=true", body, key=key)[0], status, producer)
    for kind in ("initiated", "paid", "failed"):
        e = Story(s, app="x-" + kind).make("settlement." + kind, {"settlement_id": "x"})
        equal(s.post("/v1/events", e)[2]["results"][0]["code"], "reserved_type",
              f"settlement.{kind} is nobody's to send")


def state(s, campaign):
    return s.get("/v1/campaigns/" + campaign)[2]["state"]


def closed(s, desk, story):
    """covers: M-043"""
    equal(story.say("campaign.completed", {"reason": "off_ramp", "off_ramp": "done"},
                    campaign_id="s1"), "applied", "the campaign completes")
    equal(state(s, "s1"), "COMPLETED", "its creator is owed something")
    desk.settle(transfer("last", "5.00", settlement_id="last", outcome="initiated"))
    equal((cleared(s, "did:maker")[0], state(s, "s1")), ("0", "COMPLETED"),
          "what is on its way is not settled yet")
    desk.settle({"settlement_id": "last", "outcome": "failed", "failure_reason": "closed"})
    equal((cleared(s, "did:maker")[0], state(s, "s1")), ("500", "COMPLETED"), "it came back")
    desk.settle(transfer("last-2", "5.00"))
    equal((cleared(s, "did:maker"), state(s, "s1")), (("0", "9700", "0"), "CLOSED"),
          "when all is settled it is closed")
    equal([c["campaign_id"] for c in s.get("/v1/campaigns?state=CLOSED")[2]["campaigns"]], ["s1"],
          "and listed as closed")


def debt(s, desk, story):
    """A refund that comes after the money has left is a debt, which later accruals recover."""
    equal(story.say("revenue.refund_issued", {"refund_amount_cents": 5000, "currency": "usd",
                                              "stripe_payment_intent_id": "pi_1"}), "applied",
          "a refund after the settlement")
    equal(cleared(s, "did:maker"), ("0", "9700", "4850"), "leaves a debt")
    equal(desk.code(transfer("after", "0.01"))[:2], (422, "insufficient_funds"), "nothing to pay")
    equal(story.invoice(10000, "pi_2"), "applied", "more revenue")
    equal(cleared(s, "did:maker"), ("4850", "9700", "0"), "recovers it first")


def royalty(s):
    """Only a supervisor forces a royalty off, and the log says who."""
    writer = s.make_key("policy:write,revenue:read")
    boss = s.make_key("policy:write,admin,revenue:read")
    boss_id = key_id(s, "policy:write,admin,revenue:read")
    story = Story(s, writer, app="roy")
    equal(story.say("app.royalty_enabled"), "applied", "a royalty")
    equal(story.say("app.royalty_disabled"), "state_forbids", "holds for good")
    force = {"force": True, "reason": "a court said so"}
    status, _, answer = s.post("/v1/events", story.make("app.royalty_disabled", force), key=writer)
    result = answer["results"][0]
    equal((status, result["code"], result["pointer"]), (403, "forbidden", "/payload/force"),
          "without a supervisor also when it is forced")
    ok("admin" in result["message"], "which says what is missing", result)
    equal(story.say("app.economic_terms_set", {**force, "royalty_fee_bps": 0}), "forbidden",
          "nor by other words")
    body = {"appId": "roy", "env": "prod", "events": [story.make("app.royalty_disabled", force)]}
    equal(s.post("/api/economic/events/ingest", body, key=writer)[2]["refused"][0]["code"],
          "forbidden", "nor by the other door")
    lie = story.make("app.royalty_disabled", {**force, "forced_by": "somebody else"})
    equal(s.post("/v1/events", lie, key=boss)[2]["results"][0]["code"], "member_value",
          "nor in another's name")
    e = story.make("app.royalty_disabled", force)
    equal(s.post("/v1/events", e, key=boss)[2]["results"][0]["status"], "applied", "a supervisor may")
    stored = s.get("/v1/events/" + e["event_id"], key=boss)[2]["event"]["payload"]
    equal((stored["force"], stored["forced_by"]), (True, boss_id), "the log says who")
    ok(stored["reason"].startswith("commit:"), "and has the reason, which is private")
    equal(s.post("/v1/events", e, key=boss)[2]["results"][0]["status"], "duplicate", "said again")
    equal(story.say("app.royalty_enabled", {}), "applied", "and on again")


def judged(s):
    """What is done with a share says who did it, too; said again by another it is the same."""
    boss = s.make_key("dispute:write,policy:write,revenue:write,revenue:read")
    boss_id = key_id(s, "dispute:write,policy:write,revenue:write,revenue:read")
    other = s.make_key("dispute:write")
    equal([s.post("/v1/events", e, key=boss)[0] for e in (POLICY, revenue("r1"))], [200, 200],
          "a share")
    for act, wanted in (("dispute", 201), ("override", 201)):
        status, _, answer = s.post("/v1/allocations/r1%2F1/" + act, {"reason": "late"}, key=boss)
        equal((status, answer.get("status")), (wanted, "applied"), act)
        e = s.get("/v1/events/" + answer["event_id"], key=boss)[2]["event"]
        equal((e["actor"], e["payload"]["reason"][:7]),
              ({"actor_type": "user", "actor_id": boss_id}, "commit:"), "with its actor and reason")
        for again in ({"reason": "late"}, {"reason": "late", "occurred_at": e["occurred_at"],
                                           "event_id": e["event_id"]}):
            answer = s.post("/v1/allocations/r1%2F1/" + act, again, key=other)[2]
            equal(answer.get("status"), "duplicate", "said again by another key")


def signed(s):
    """A book that has a key of the control plane wants settlements signed too."""
    key = Ed25519(s.folder)
    admin = s.make_key("admin")
    e = {"event_id": "cp", "event_type": "key.registered", "occurred_at": now(),
         "payload": {"key_id": "cp1", "alg": "ed25519", **key.member,
                     "producer": "control_plane"}}
    equal(s.post("/v1/events", e, key=admin)[2]["results"][0]["status"], "applied",
          "the control plane registers a key")
    answer = s.post("/v1/settlements", transfer("unsigned", "1.00"),
                    key=s.make_key("payout:approve"))
    equal(answer[2]["code"], "signature_invalid", "from then on a settlement is signed")
    body = json.dumps(transfer("signed", "1.00")).encode()
    approver = s.make_key("payout:approve")
    headers = signed_headers(key, "cp1", "POST", "/v1/settlements", body, f"127.0.0.1:{s.port}")
    equal(s.post("/v1/settlements", body, key=approver, headers=headers)[0], 201,
          "a signed one is taken")


def key_id(s, scopes):
    """Of the newest key with these scopes."""
    return [k["key_id"] for k in json.loads(s.mete("key", "list", "--json"))
            if set(k["scopes"].replace(",", " ").split()) == set(scopes.split(","))][-1]


with Served() as server:
    server.key = server.make_key(SCOPES + ",audit:read,policy:read")
    supervisor = Desk(server, server.make_key("payout:approve"))
    supervisor.key_id = key_id(server, "payout:approve")
    maker = Story(server, server.key)
    equal(maker.all(*book(), *self_funded(), assigned("s1")), [], "a campaign that funds itself")
    other = Story(server, server.key, app="app2", day="2025-01-02")
    equal(other.all(*offering()), [], "and an offering of others")
    equal(maker.invoice(10000, "pi_1"), "applied", "97.00 of revenue")
    paid_at_once(server, supervisor)
    said_again(server, supervisor)
    step_by_step(server, supervisor)
    refused(server, supervisor)
    at_once(server, supervisor)
    listed(server)
    who_may(server, supervisor)
    closed(server, supervisor, maker)
    debt(server, supervisor, maker)
    royalty(server)
    batch_and_receipts(server, supervisor)
    signed(server)
with Served() as server:
    judged(server)
done()

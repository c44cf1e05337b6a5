# SPDX-License-Identifier: Apache-2.0
# A random stream of the economic protocol as NDJSON: economy_stream.py SEED EVENTS. Several apps,
# users and campaigns; rounds, grants, terms; invoices found by every way there is; refunds by each
# of their references; attributions, corrections and campaigns that come late; some events that are
# refused; disputes, and now and then another currency or no app at all. What tests/flow/campaigns.sh lets the program book and the auditor judge.
import json
import random
import sys

APPS = ["app1", "app2", ""]
CAMPAIGNS = 5
USERS = 8


class Stream:
    def __init__(self, seed, count):
        self.r = random.Random(seed)
        self.count = count
        self.second = 1000
        self.told = 0
        self.invoices = []
        self.commitments = []
        self.grants = 0
        self.low_cap = self.r.randrange(3) == 0

    def moment(self):
        self.second += self.r.randrange(1, 4000)
        at = self.second
        if self.r.randrange(5) == 0:
            at = self.r.randrange(1, at)
        day, rest = divmod(at, 86400)
        return "2025-%02d-%02dT%02d:%02d:%02dZ" % (
            1 + day // 28 % 12, 1 + day % 28, rest // 3600, rest // 60 % 60, rest % 60)

    def say(self, kind, payload=None, about=None, app="app1", **more):
        event = {"event_id": "v%d" % self.told, "event_type": kind, "occurred_at": self.moment(),
                 "source": {"app_id": app}, "payload": payload or {}}
        if not app:
            del event["source"]
        if about:
            event["correlation"] = about
        event.update(more)
        self.told += 1
        print(json.dumps(event))
        return event["event_id"]

    def campaign(self, i):
        r = self.r
        about = {"campaign_id": "c%d" % i}
        app = APPS[i % 2]
        offering = r.randrange(4) != 0
        contract = {"revenue_share_bps": r.randrange(0, 10001)}
        if offering and r.randrange(4):
            contract["raise_amount"] = str(r.randrange(100, 5000))
        if r.randrange(2):
            contract["cap_multiple"] = r.choice(["0.01", "1.4", "7/5"] if self.low_cap else ["99"])
        if r.randrange(3) == 0:
            contract["cap_amount"] = str(r.randrange(1, 3000))
        if r.randrange(3) == 0:
            contract["duration_days"] = r.randrange(1, 40)
        if r.randrange(3) == 0:
            contract["off_ramps"] = ["qualified", "sold"]
        terms = {"contract": contract, "currency": "eur" if i == 4 else "USD"}
        if offering:
            terms["funding_mode"] = "offering"
        more = {}
        if r.randrange(2):
            terms["creator"] = "creator%d" % i
        else:
            more["actor"] = {"actor_type": "user", "actor_id": "maker%d" % i}
        self.say("campaign.created", terms, about, app, **more)
        if r.randrange(3) == 0:
            self.say("campaign.updated", {"contract": {"revenue_share_bps": r.randrange(10001)}},
                     about, app)
        if not offering:
            if r.randrange(3):
                self.say("campaign.activated", {}, about, app)
            return
        self.say("campaign.opened_for_funding", {}, about, app)
        rounds = {"round_id": "r%d" % i}
        if r.randrange(2):
            self.say("round.created", {"requires_moderation": r.randrange(2) == 0},
                     {**rounds, **about}, app)
            self.say("round.created", {"requires_moderation": True}, rounds, app)
            self.say("round.approved", {}, rounds, app)
            self.say("round.opened", {}, rounds, app)
        else:
            rounds = {}
        pledged = []
        for k in range(r.randrange(1, 7)):
            commitment = {"commitment_id": "k%d-%d" % (i, k)}
            amount = 500000 if k == 0 else r.randrange(1, 300000)
            self.say("commitment.created",
                     {"investor_id": "i%d" % r.randrange(5), "amount_minor": amount,
                      "currency": terms["currency"].upper()},
                     {**commitment, **(rounds or about)}, app)
            pledged.append(commitment)
        r.shuffle(pledged)
        later = pledged[r.randrange(1, len(pledged) + 1):]
        for commitment in pledged:
            if commitment in later:
                self.commitments.append((commitment, app))
            else:
                self.say("commitment.confirmed", {"payment_ref": "x"}, commitment, app)
        if rounds:
            self.say("round.closed", {}, rounds, app)
        self.say("campaign.funding_closed", {}, about, app)
        self.say("campaign.activated", {}, about, app)

    def invoice(self):
        r = self.r
        app = r.choice(APPS)
        about = {}
        if r.randrange(4):
            about["user_id"] = "u%d" % r.randrange(USERS)
        if r.randrange(5) == 0:
            about["campaign_id"] = "c%d" % r.randrange(CAMPAIGNS + 1)
        if r.randrange(2):
            about["transaction_id"] = "t%d" % r.randrange(self.count)
        gross = r.choice([0, 1, 7, r.randrange(1, 300), r.randrange(1, 3000000)])
        payload = {}
        if r.randrange(3):
            payload.update({"gross_amount_cents": gross,
                            "currency": r.choice(["usd"] * 6 + ["USD", "eur"])})
        else:
            payload["amount"] = {"amount": "%d.%02d" % divmod(gross, 100), "currency": "USD"}
        if r.randrange(3):
            payload["stripe_payment_intent_id"] = "p%d" % r.randrange(self.count)
        i = {"app": app, "about": about, "payload": payload, "gross": gross}
        if r.randrange(6) == 0:
            i["id"] = "v%d" % (self.told + 1)
            self.refund(i)
            if self.told + 0 != int(i["id"][1:]):
                i["id"] = None
        i["id"] = self.say("revenue.invoice_paid", payload, about, app)
        self.invoices.append(i)

    def refund(self, i=None):
        r = self.r
        if i is None:
            if not self.invoices:
                return
            i = r.choice(self.invoices[-40:])
        payload, about = {}, {}
        ways = ["reverses"]
        if "stripe_payment_intent_id" in i["payload"]:
            ways.append("intent")
        if "transaction_id" in i["about"]:
            ways.append("transaction")
        way = r.choice(ways)
        if way == "reverses":
            payload["reverses"] = i["id"]
        elif way == "intent":
            payload["stripe_payment_intent_id"] = i["payload"]["stripe_payment_intent_id"]
        else:
            about["transaction_id"] = i["about"]["transaction_id"]
        if r.randrange(3):
            member = r.choice(["refund_amount_cents", "chargeback_amount_cents", "amount_cents"])
            payload[member] = r.randrange(1, max(2, i["gross"] // 2 + 2))
            payload["currency"] = i["payload"].get("currency", "usd")
        kind = r.choice(["revenue.refund_issued"] * 3 + ["revenue.chargeback"])
        if way == "reverses" and r.randrange(4) == 0:
            kind = "revenue.reversed"
            payload = {"reverses": i["id"]}
        self.say(kind, payload, about, i["app"])

    def attribution(self):
        r = self.r
        payload = {"user_id": "u%d" % r.randrange(USERS),
                   "campaign_id": "c%d" % r.randrange(CAMPAIGNS + 1)}
        if r.randrange(5) == 0:
            payload["effective_from"] = self.moment()
        self.say(r.choice(["attribution.assigned"] * 2 + ["attribution.updated"]), payload, {},
                 r.choice(APPS))

    def terms(self):
        r = self.r
        app = r.choice(APPS)
        payload = {"effective_from": self.moment()} if r.randrange(4) == 0 else {}
        kind = r.randrange(4)
        if kind == 0:
            self.say("app.royalty_enabled", payload, {}, app)
        elif kind == 1:
            if r.randrange(2):
                payload.update({"force": True, "reason": "a court"})
            self.say("app.royalty_disabled", payload, {}, app)
        else:
            payload["marketplace_fee_bps"] = r.randrange(0, 900)
            if r.randrange(2):
                payload["royalty_fee_bps"] = r.randrange(0, 500)
            self.say("app.economic_terms_set", payload, {}, app)

    def spend(self):
        r = self.r
        money = {"amount_minor": r.randrange(1, 5000), "currency": "USD"}
        about = {"campaign_id": "c%d" % r.randrange(CAMPAIGNS)}
        if self.grants == 0 or r.randrange(4) == 0:
            about["allocation_id"] = "g%d" % self.grants
            self.grants += 1
            self.say("allocation.created", money, about)
            if r.randrange(3):
                self.say("allocation.deployed", {}, about)
            return
        money["platform"] = "META"
        if r.randrange(4):
            about["allocation_id"] = "g%d" % r.randrange(self.grants)
        kind = r.choice(["authorized", "executed", "refunded"])
        self.say("spend." + kind, money, about)

    def move(self):
        r = self.r
        about = {"campaign_id": "c%d" % r.randrange(CAMPAIGNS)}
        kind = r.choice(["paused", "resumed", "resumed", "paused", "cancelled", "activated",
                         "funding_closed", "completed"])
        payload = {}
        if kind == "completed":
            if r.randrange(4):
                return
            payload = {"reason": r.choice(["off_ramp", "duration_ended", "cap_reached"])}
            if r.randrange(2):
                payload["off_ramp"] = r.choice(["qualified", "other"])
        self.say("campaign." + kind, payload, about)

    def dispute(self):
        r = self.r
        if not self.invoices:
            return
        path = r.choice(["1", "2.1", "2.2", "r2.1", "r2.2.1"])
        allocation = "%s/%s" % (r.choice(self.invoices[-40:])["id"], path)
        kind = r.choice(["disputed"] * 4 + ["escalated", "overridden", "upheld", "upheld"])
        payload = {"allocation_id": allocation, "reason": "r"}
        if kind == "upheld" and r.randrange(2):
            payload["reallocate_to"] = "i1"
        self.say("allocation." + kind, payload)

    def other(self):
        r = self.r
        kind = r.randrange(13)
        if kind > 8:
            return self.less_usual(kind)
        if kind == 0:
            self.say("kpi.reported", {"impressions": 9, "clicks": 3, "conversions": 1,
                                      "spend": {"amount": "1.5", "currency": "USD"}},
                     {"campaign_id": "c0"})
        elif kind == 1:
            self.say("creative.launched", {"creative_id": "x", "format": "video", "hook": "h",
                                           "cta": "buy"}, {"campaign_id": "c0"})
        elif kind == 2:
            self.say("revenue.subscription_cancelled", {"plan_id": "x"}, {"user_id": "u1"})
        elif kind == 3:
            self.say("app.registered", {"app_id": r.choice(APPS), "owner": r.choice(["o1", "o2"])})
        elif kind == 4 and self.commitments:
            commitment, app = self.commitments.pop(0)
            self.say(r.choice(["commitment.confirmed"] * 3 + ["commitment.cancelled"]), {},
                     commitment, app)
        elif kind == 5:
            self.say("book.configured",
                     {"attribution_required": r.randrange(3) == 0,
                      "attribution_corrections": r.randrange(4) != 0,
                      "clear_after_days": r.randrange(9)})
        elif kind == 6:
            self.spend()
        else:
            self.move()

    def less_usual(self, kind):
        r = self.r
        about = {"campaign_id": "c%d" % r.randrange(CAMPAIGNS)}
        if kind == 9:
            self.say("campaign.updated", {"currency": r.choice(["USD", "EUR"])}, about)
        elif kind == 10:
            self.say("revenue.received", {"amount": {"amount": "5", "currency": "USD"},
                                          "policy": "mete:campaign:" + about["campaign_id"]})
        else:
            self.dispute()

    def run(self):
        r = self.r
        if r.randrange(5):
            self.say("fees.scheduled", {"fees": [
                {"label": "marketplace_fee", "bps": 300, "payee": "platform",
                 "children": [{"label": "half", "share_bps": 5000, "payee": "partner"}]},
                {"label": "stamp", "fixed": {"amount": "0.30", "currency": "USD"},
                 "payee": "state"}]})
        todo = list(range(CAMPAIGNS))
        r.shuffle(todo)
        while self.told < self.count or todo:
            dice = r.randrange(24)
            if todo and dice == 0 or self.told >= self.count:
                self.campaign(todo.pop())
            elif dice < 10:
                self.invoice()
            elif dice < 14:
                self.refund()
            elif dice < 18:
                self.attribution()
            elif dice < 19:
                self.terms()
            else:
                self.other()


Stream(int(sys.argv[1]), int(sys.argv[2])).run()

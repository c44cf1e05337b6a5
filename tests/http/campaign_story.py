# SPDX-License-Identifier: Apache-2.0
"""Campaigns for tests: what an offering and a campaign that funds itself are told by."""
from served import event


class Story:
    """Events of one app, a second after each other."""

    def __init__(self, server, key=None, app="app1", day="2025-01-01"):
        self.server, self.key, self.app, self.day, self.told = server, key, app, day, 0

    def make(self, kind, payload=None, **correlation):
        self.told += 1
        at = f"{self.day}T00:{self.told // 60:02}:{self.told % 60:02}Z"
        return event(f"{self.app}-{self.told}", kind, payload or {}, at, source={"app_id": self.app},
                     correlation=correlation)

    def say(self, kind, payload=None, **correlation):
        """What came of it: "applied", or the code of a refusal."""
        _, _, body = self.server.post("/v1/events", self.make(kind, payload, **correlation),
                                      key=self.key)
        result = body["results"][0] if "results" in body else body
        return result.get("code", result.get("status"))

    def all(self, *steps):
        """What was not applied, of steps that are (kind, payload, correlation)."""
        outcomes = [(kind, self.say(kind, payload, **ids)) for kind, payload, ids in steps]
        return [outcome for outcome in outcomes if outcome[1] != "applied"]

    def invoice(self, cents, reference, user="u1"):
        return self.say("revenue.invoice_paid", {"gross_amount_cents": cents, "currency": "usd",
                                                 "stripe_payment_intent_id": reference},
                        user_id=user)


def book(days=0):
    """Fees, and how long money takes to clear."""
    return [("fees.scheduled", {"fees": [{"label": "marketplace_fee", "bps": 300,
                                          "payee": "platform"}]}, {}),
            ("book.configured", {"clear_after_days": days}, {})]


def offering(campaign="c1", creator="did:creator", raised="20000.00", share=2000, multiple="1.4",
             pledges=(("k1", "did:i1", 1500000), ("k2", "did:i2", 500000))):
    """From the first draft to an active campaign, all of whose commitments have come."""
    c = {"campaign_id": campaign}
    steps = [("campaign.created", {"creator": creator, "currency": "USD", "funding_mode": "offering",
                                   "contract": {"raise_amount": raised, "revenue_share_bps": share,
                                                "cap_multiple": multiple, "duration_days": 7300,
                                                "purpose": "ads", "off_ramps": ["sold"]}}, c),
             ("campaign.opened_for_funding", {}, c)]
    for commitment, investor, minor in pledges:
        steps.append(("commitment.created", {"investor_id": investor, "amount_minor": minor,
                                             "currency": "USD"},
                      {**c, "commitment_id": commitment}))
    steps += [("commitment.confirmed", {}, {"commitment_id": p[0]}) for p in pledges]
    return [*steps, ("campaign.funding_closed", {}, c), ("campaign.activated", {}, c)]


def self_funded(campaign="s1", creator="did:maker"):
    c = {"campaign_id": campaign}
    return [("campaign.created", {"creator": creator, "currency": "USD", "funding_mode": "self",
                                  "contract": {"purpose": "ads", "off_ramps": ["done"]}}, c),
            ("campaign.activated", {}, c)]


def assigned(campaign="c1", user="u1"):
    return ("attribution.assigned", {"user_id": user, "campaign_id": campaign}, {})

# SPDX-License-Identifier: Apache-2.0
"""covers: F-026 F-040 F-041 F-042 F-051 F-052 F-057 R-036
A wallet as fair-protocol has it: made under a DID, with a balance for each currency, filled by
distributions of several domains, each once; what it pays to another one; every credit of it proven
back to the revenue and the manifest; and all of its sources in one payout."""
import json
import time
from urllib.parse import quote

from served import Served, done, equal, event, ok, until

WALLET = "did:ethr:0x52908400098527886E0F7030069857D2E4169EE7"
OTHER = "did:ethr:0xde709f2102306220921060314715629080e2fb77"


def money(amount, currency="USD"):
    return {"amount": amount, "currency": currency}


def post(s, *events):
    status, _, answer = s.post("/v1/events", list(events))
    return status, [r["status"] for r in answer["results"]]


def balances(s, wallet, query=""):
    accounts = s.get(f"/v1/parties/{wallet}/balance{query}")[2]["balances"]
    return {a["asset"]: a["cleared"] for a in accounts}


def policy(name, shares):
    return event("policy-" + name, "policy.published", {"policy": {
        "id": "urn:fair:" + name, "kind": "weights",
        "shares": [{"party": p, "weight": w} for p, w in shares]}})


def made(s):
    equal(post(s, event("book", "book.configured", {"clear_after_days": 0}),
               event("w1", "party.registered", {"party": WALLET, "kind": "human",
                                                "display_name": "Ada"}),
               event("w2", "party.registered", {"party": OTHER, "kind": "org"}),
               policy("song", [(WALLET, "0.5"), (OTHER, "0.5")]),
               policy("tool", [(WALLET, "1")])), (200, ["applied"] * 5), "wallets under their DIDs")
    equal(balances(s, WALLET), {}, "nothing in it yet")


def distributed(s):
    """The result of a distribution comes to the wallet once, whoever says it how often."""
    sold = [event("stream", "revenue.received", {"policy": "urn:fair:song", "source":
                  "music_streaming", "amount": money("84.00")}),
            event("calls", "revenue.received", {"policy": "urn:fair:tool", "source": "cli_usage",
                  "amount": money("58.00")}),
            event("gig", "revenue.received", {"party": WALLET, "source": "event_revenue",
                  "amount": money("40.00", "EUR")})]
    equal(post(s, *sold), (200, ["applied"] * 3), "revenue of three domains")
    equal(post(s, *sold), (200, ["duplicate"] * 3), "told again: known")
    equal(balances(s, WALLET), {"EUR/2": "4000", "USD/2": "10000"}, "each currency by itself")
    equal(balances(s, WALLET, "?asset=EUR"), {"EUR/2": "4000"}, "one of them")
    equal(balances(s, OTHER), {"USD/2": "4200"}, "and the other's share")


def transferred(s):
    def move(name, amount):
        return post(s, event(name, "wallet.transferred",
                             {"from": WALLET, "to": OTHER, "amount": money(amount, "EUR")}))[1]
    equal(move("t1", "15.00"), ["applied"], "a transfer")
    equal(move("t2", "25.01"), ["refused"], "more than there is")
    equal((balances(s, WALLET)["EUR/2"], balances(s, OTHER)["EUR/2"]), ("2500", "1500"),
          "of which nothing moved")


def converted(s):
    """What is changed into another currency is neither earned nor lost."""
    def year(asset):
        earnings = s.get(f"/v1/parties/{WALLET}/earnings?asset={asset}")[2]["data"]
        return earnings["year_to_date"]["earned"]
    before = year("EUR"), year("USD")
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    equal(post(s, event("rate", "fx.rate_set", {"base": "EUR", "quote": "USD", "rate": "1.5",
                                                "provider": "bank", "as_of": now}),
               event("fx", "fx.converted", {"party": WALLET, "amount": money("10.00", "EUR"),
                                            "to": "USD"})), (200, ["applied"] * 2), "a conversion")
    equal(balances(s, WALLET), {"EUR/2": "1500", "USD/2": "1500"}, "at its rate")
    equal((before, (year("EUR"), year("USD"))), (("4000", "10000"),) * 2, "is no income")


def proven(s):
    """Each credit <- its split <- its revenue <- its manifest, and that the log has it."""
    rows = s.get(f"/v1/allocations?party={WALLET}")[2]["allocations"]
    equal(len(rows), 3, "three credits")
    for row in rows:
        allocation = row["allocation_id"]
        revenue = allocation.split("/")[0]
        status, _, told = s.get("/v1/explain/" + quote(allocation, safe=""))
        text = json.dumps(told)
        ok(status == 200 and revenue in text, f"{allocation} comes of its revenue", text[:300])
        if revenue != "gig":
            ok("urn:fair:" in text, f"{allocation}: by a policy, in its version", text[:300])
        status, _, proof = s.get("/v1/log/inclusion/" + revenue)
        ok(status == 200 and proof["leaf"], f"{revenue} is in the log", proof)


def paid(s):
    """All domains of a currency in one payout, each source with its amount."""
    equal(post(s, event("to", "party.destination_set", {"party": WALLET, "rail": "stripe",
                                                        "destination": "acct_1234567890"})),
          (200, ["applied"]), "where its money goes")
    status, _, _ = s.post("/v1/payouts/batches", {"batch_id": "b", "asset": "USD",
                                                  "rail": "stripe"})
    equal(status, 202, "a batch")
    until("is filled", lambda: s.get("/v1/payouts?batch=b")[2]["payouts"])
    payouts = s.get("/v1/payouts?batch=b")[2]["payouts"]
    equal([(p["party"], p["amount_minor"]) for p in payouts], [(WALLET, "10000")], "one payout")
    whole = s.get("/v1/payouts/" + payouts[0]["transfer_id"])[2]
    equal(sorted((line["source"], line["amount_minor"]) for line in whole["lines"]),
          [("cli_usage", "5800"), ("music_streaming", "4200")], "music and tools, each by itself")
    equal(sum(int(line["amount_minor"]) for line in whole["lines"]), int(whole["amount_minor"]),
          "which come to its amount")


with Served() as server:
    for part in (made, distributed, transferred, proven, paid, converted):
        part(server)
done()

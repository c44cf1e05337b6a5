# SPDX-License-Identifier: Apache-2.0
"""covers: M-043 M-079
Campaigns over HTTP: as they stand now, page by page and one by one; what a key that is bound to a
party is told of them, and what nobody else is."""
from campaign_story import Story, assigned, book, offering, self_funded
from served import Served, done, equal, ok

SCOPES = "revenue:write,policy:write,admin,earnings:read,payout:approve"


def ids(answer):
    return [c["campaign_id"] for c in answer[2]["campaigns"]]


def one(s, key):
    status, _, c = s.get("/v1/campaigns/c1", key=key)
    equal(status, 200, "GET /v1/campaigns/{id}")
    equal((c["state"], c["app_id"], c["creator"], c["funding_mode"], c["asset"]),
          ("ACTIVE", "app1", "did:creator", "offering", "USD/2"), "whose it is and where it stands")
    equal(c["contract"], {"raise_minor": "2000000", "revenue_share_bps": 2000, "cap_minor": None,
                          "cap_multiple": "1.4", "duration_days": 7300, "off_ramps": ["sold"]},
          "its terms")
    equal((c["confirmed_minor"], c["cap_minor"]), ("2000000", "2800000"),
          "what has come, and where accrual stops")
    equal(c["accrued"], {"investors_minor": "1880", "creator_minor": "7520"},
          "100.00 with the royalty: 18.80 and 75.20")
    equal((c["completed_at"], c["reason"], c["off_ramp"]), (None, None, None), "it goes on")
    ok(c["activated_at"] < c["ends_at"], "until its days are over")
    equal(c["rounds"], [{"round_id": "c1-r", "state": "OPEN"},
                        {"round_id": "c1-r2", "state": "ROUND_DRAFT"}], "its rounds")
    equal(c["commitments"], [
        {"commitment_id": "k1", "investor_id": "did:i1", "amount_minor": "1500000",
         "state": "CONFIRMED"},
        {"commitment_id": "k2", "investor_id": "did:i2", "amount_minor": "500000",
         "state": "CONFIRMED"},
        {"commitment_id": "k3", "investor_id": "did:i3", "amount_minor": "100",
         "state": "CANCELLED"}], "its commitments, each with its state")
    equal(c["allocations"], [
        {"allocation_id": "g1", "state": "DEPLOYED", "asset": "USD/2", "amount_minor": "50000",
         "authorized_minor": "20000", "executed_minor": "12000", "refunded_minor": "500"}],
          "its spend grants")
    equal([(v["version"], v["effective_from"], v["confirmed_minor"], v["commitments"])
           for v in c["contract_versions"]], [(1, None, "2000000", 2)], "its contract")
    equal(s.get("/v1/campaigns/nothing", key=key)[0], 404, "one that there is not")


def grants(story):
    c, g = {"campaign_id": "c1"}, {"campaign_id": "c1", "allocation_id": "g1"}
    window = {"platform": "META", "window_start": "2025-01-01", "window_end": "2025-01-02"}
    return story.all(
        ("allocation.created", {"amount_minor": 50000, "currency": "USD"}, g),
        ("allocation.deployed", {}, g),
        ("spend.authorized", {"amount_minor": 20000, "currency": "USD", **window}, g),
        ("spend.executed", {"amount_minor": 12000, "currency": "USD", **window}, g),
        ("spend.refunded", {"amount_minor": 500, "currency": "USD", **window}, {**c, **g}))


def pages(s, key):
    equal(ids(s.get("/v1/campaigns", key=key)), ["c1", "s1", "s2", "s3"],
          "all, in the order of their first mention")
    seen, after = [], ""
    while True:
        answer = s.get(f"/v1/campaigns?limit=3{after}", key=key)
        seen.append(ids(answer))
        if answer[2]["next"] is None:
            break
        after = "&after=" + answer[2]["next"]
    equal(seen, [["c1", "s1", "s2"], ["s3"]], "page by page")
    equal(ids(s.get("/v1/campaigns?limit=4", key=key)), ["c1", "s1", "s2", "s3"], "a full page")
    equal(s.get("/v1/campaigns?limit=4", key=key)[2]["next"], None, "is the last one")
    equal(ids(s.get("/v1/campaigns?state=DRAFT", key=key)), ["s3"], "of one state")
    equal(ids(s.get("/v1/campaigns?app=app2", key=key)), ["s2"], "of one app")
    equal(ids(s.get("/v1/campaigns?app=app2&state=DRAFT", key=key)), [], "of both")
    for query in ("state=ACTIV", "after=x", "limit=0", "after=-1"):
        equal(s.get("/v1/campaigns?" + query, key=key)[0], 400, query)


def bound(s):
    """Own party only."""
    def of(party):
        return s.make_key("earnings:read,revenue:read,audit:read", "--party", party)

    creator, first, third, stranger = (of(p) for p in ("did:creator", "did:i1", "did:i3", "did:x"))
    equal(ids(s.get("/v1/campaigns", key=creator)), ["c1"], "a creator sees what it created")
    equal(ids(s.get("/v1/campaigns", key=first)), ["c1"], "an investor where it invested")
    equal(ids(s.get("/v1/campaigns", key=third)), ["c1"], "or wanted to")
    equal(ids(s.get("/v1/campaigns", key=stranger)), [], "others nothing")
    equal(ids(s.get("/v1/campaigns", key=of("did:maker"))), ["s1", "s2", "s3"], "the maker its own")
    equal([ids(s.get(f"/v1/campaigns?limit=1&after={n}", key=creator)) for n in range(4)].count([]),
          3, "whatever the cursor")
    equal(s.get("/v1/campaigns/c1", key=stranger)[0], 404, "nor one by one")
    equal(s.get("/v1/campaigns/c1", key=stranger)[2]["detail"],
          s.get("/v1/campaigns/none", key=stranger)[2]["detail"], "as if there were none")
    for key, who in ((first, "did:i1"), (third, "did:i3")):
        _, _, c = s.get("/v1/campaigns/c1", key=key)
        equal([k["investor_id"] for k in c["commitments"]], [who], f"{who} sees its own commitment")
        equal(c["allocations"], [], "and no grants")
    _, _, c = s.get("/v1/campaigns/c1", key=creator)
    equal((c["commitments"], len(c["allocations"])), ([], 1), "the creator its grants")


def rights(s):
    for scope in ("revenue:write", "policy:read", "audit:read", "payout:approve"):
        key = s.make_key(scope)
        equal([s.get(path, key=key)[0] for path in
               ("/v1/campaigns", "/v1/campaigns/c1", "/v1/settlements", "/v1/settlements/x")],
              [403] * 4, f"{scope} is not enough to read")


def intent_and_capture(s, key):
    """covers: M-079"""
    story = Story(s, key, app="app9", day="2025-02-01")
    c = {"campaign_id": "c9"}
    steps = offering("c9", "did:nine", raised="100.00", pledges=())[:2]
    equal(story.all(*steps), [], "an offering opens")
    pledge = {"investor_id": "did:i9", "amount_minor": 10000, "currency": "USD"}
    equal(story.say("commitment.created", pledge, commitment_id="k9", **c), "applied", "an intent")
    equal(s.get("/v1/campaigns/c9", key=key)[2]["confirmed_minor"], "0", "raises nothing")
    equal(story.say("campaign.funding_closed", **c), "state_forbids", "and funds nothing")
    for scopes, producer, kind, code in (
            ("revenue:write,policy:write", "control_plane/governance", "commitment.confirmed",
             "producer_forbidden"),
            ("revenue:write,policy:write", "control_plane/payment", "commitment.created",
             "producer_forbidden")):
        other = Story(s, s.make_key(scopes, "--producer", producer), app="app9-" + kind)
        equal(other.say(kind, pledge if kind.endswith("created") else {}, commitment_id="k9", **c),
              code, f"{producer} does not say {kind}")
    payment = Story(s, s.make_key("revenue:write", "--producer", "control_plane/payment"),
                    app="app9-payment")
    equal(payment.say("commitment.confirmed", {}, commitment_id="k9"), "applied", "the capture")
    equal(s.get("/v1/campaigns/c9", key=key)[2]["confirmed_minor"], "10000", "raises it")
    equal(story.say("campaign.funding_closed", **c), "applied", "and funds the campaign")
    equal(s.get("/v1/campaigns/c9", key=key)[2]["state"], "FUNDED", "which is shown")


def told(story):
    """A campaign with something of everything."""
    c = {"campaign_id": "c1"}
    third = {"investor_id": "did:i3", "amount_minor": 100, "currency": "USD"}
    steps = offering()
    equal(story.all(*book(), *steps[:2], ("round.created", {"requires_moderation": True}, {**c, "round_id": "c1-r"}),
                    ("round.approved", {}, {"round_id": "c1-r"}),
                    ("round.opened", {}, {"round_id": "c1-r"}),
                    ("round.created", {}, {**c, "round_id": "c1-r2"}), *steps[2:4],
                    ("commitment.created", third, {**c, "commitment_id": "k3"}),
                    ("commitment.cancelled", {}, {"commitment_id": "k3"}), *steps[4:], assigned()),
          [], "an offering, from draft to active")
    equal(story.invoice(10000, "pi_1"), "applied", "revenue of its user")
    equal(grants(story), [], "spend out of a grant")


with Served() as server:
    admin = server.make_key(SCOPES)
    told(Story(server, admin))
    one(server, admin)
    for app, campaign in (("app1", "s1"), ("app2", "s2"), ("app1", "s3")):
        funded = Story(server, admin, app=app, day="2025-01-0" + str(2 + int(campaign[1])))
        funded.app += "-" + campaign  # the ids of its events
        steps = [(kind, payload, ids) for kind, payload, ids in self_funded(campaign)]
        for kind, payload, correlation in steps[:1 if campaign == "s3" else 2]:
            e = funded.make(kind, payload, **correlation)
            e["source"] = {"app_id": app}
            equal(server.post("/v1/events", e, key=admin)[0], 200, f"{campaign}: {kind}")
    pages(server, admin)
    bound(server)
    rights(server)
    intent_and_capture(server, admin)
done()

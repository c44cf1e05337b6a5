# SPDX-License-Identifier: Apache-2.0
"""covers: M-037 M-060 M-061 M-062 M-063 M-076
Derived events in the feed: what an invoice, a refund, a correction, the cap and the clock lead to is
shown with its cause and an id that stays, as its schema says, in every form of the feed and in pages
of any size, and neither stored nor taken from outside."""
import json
import os
import pathlib
import subprocess

from described import Answer, Document, jsonschema
from served import METE, Served, done, equal, note, ok, until
from streaming import LINES, Stream

ROOT = pathlib.Path(os.environ["ROOT"])
SCHEMAS = {p.name.removesuffix(".schema.json"): json.loads(p.read_text())
           for p in (ROOT / "doc/events").glob("*.schema.json")}
DERIVED = ("ledger.accrued", "ledger.adjusted", "campaign.completed")


class Story:
    """Events of app1, a minute after each other unless a day is said."""

    def __init__(self):
        self.events, self.day = [], 1

    def say(self, kind, payload=None, day=None, **about):
        n = len(self.events) + 1
        self.day = day or self.day
        self.events.append({
            "event_id": f"s{n}", "event_type": kind, "source": {"app_id": "app1"},
            "occurred_at": f"2025-01-{self.day:02}T00:{n // 60:02}:{n % 60:02}Z",
            "correlation": about, "payload": payload or {}})
        return f"s{n}"

    def invoice(self, cents, payment, day=None, user="u1"):
        return self.say("revenue.invoice_paid", {
            "gross_amount_cents": cents, "currency": "usd", "stripe_payment_intent_id": payment},
            day, user_id=user)

    def offering(self, campaign="c1", **terms):
        about = {"campaign_id": campaign}
        self.say("campaign.created", {
            "creator": "did:creator", "currency": "USD",
            "contract": {"raise_amount": "20000.00", "revenue_share_bps": 2000, **terms}}, **about)
        self.say("campaign.opened_for_funding", **about)
        for k, (investor, amount) in enumerate((("did:i1", 1500000), ("did:i2", 500000))):
            promise = {"commitment_id": f"{campaign}-k{k}"}
            self.say("commitment.created", {"investor_id": investor, "amount_minor": amount,
                                            "currency": "USD"}, **about, **promise)
            self.say("commitment.confirmed", **promise)
        self.say("campaign.funding_closed", **about)
        self.say("campaign.activated", **about)

    def fees(self):
        self.say("fees.scheduled", {"fees": [
            {"label": "marketplace_fee", "bps": 300, "payee": "platform"}]})
        self.say("app.registered", {"app_id": "app1", "owner": "did:owner"})


def post(s, story):
    status, _, body = s.post("/v1/events", story.events)
    equal([r for r in body["results"] if r["status"] not in ("applied", "waiting")], [],
          f"a story of {len(story.events)} events is taken")
    return status


def feed(s, limit=1000, **query):
    """All of it, page by page, and how many pages there were."""
    rows, after, pages = [], 0, 0
    more = "".join(f"&{k}={v}" for k, v in query.items())
    while True:
        status, _, page = s.get(f"/v1/events?after={after}&limit={limit}{more}")
        stuck = status == 200 and page["more"] and page["next"] == after
        if status != 200 or stuck or len(page["events"]) > limit:
            ok(False, f"a page of {limit} after {after}", status, page)
            return rows, pages
        rows += page["events"]
        after = page["next"]
        pages += 1
        if not page["more"]:
            return rows, pages


def derived(rows):
    return [r for r in rows if "derived" in r]


def shown(r):
    """A derived event in short: its type, its cause, and what it says."""
    e, p = r["event"], r["event"]["payload"]
    if "reason" in p:
        return e["event_type"], e["caused_by"], p["reason"], e["occurred_at"]
    parts = {}
    for share in p["entries"]:
        who = share["beneficiary_id"].removeprefix("did:")
        parts[who] = parts.get(who, 0) + share["amount_minor"]
    return e["event_type"], e["caused_by"], p["source_event_id"], p.get("reverses_event_id"), parts


# --- what is shown -------------------------------------------------------------------------------

def money():
    story = Story()
    story.fees()
    story.offering(cap_multiple="1.4", duration_days=180)
    story.say("attribution.assigned", {"user_id": "u1", "campaign_id": "c1"})
    first = story.invoice(10000, "p1")
    refund = story.say("revenue.refund_issued", {
        "refund_amount_cents": 5000, "currency": "usd", "stripe_payment_intent_id": "p1"})
    owner = story.invoice(10000, "p2", user="u2")
    late = story.say("attribution.assigned", {"user_id": "u2", "campaign_id": "c1"})
    with Served() as s:
        post(s, story)
        rows = derived(feed(s)[0])
        paid = {"platform": 600, "creator": 7520, "i1": 1410, "i2": 470}
        equal([shown(r) for r in rows], [
            ("ledger.accrued", first, first, None, paid),
            ("ledger.adjusted", refund, refund, first,
             {"platform": -300, "creator": -3760, "i1": -705, "i2": -235}),
            ("ledger.accrued", owner, owner, None, {"platform": 600, "owner": 9400}),
            ("ledger.adjusted", late, owner, owner, {"platform": -600, "owner": -9400}),
            ("ledger.accrued", late, owner, None, paid),
        ], "an invoice, a refund, an invoice of nobody's, and whose it was")
        equal([(p["gross"], p["platform_fee"], p["shareable"]) for p in
               (r["event"]["payload"] for r in rows[:2])],
              [tuple({"amount": a, "currency": "USD"} for a in amounts) for amounts in
               (("100.00", "6.00", "94.00"), ("50.00", "3.00", "47.00"))],
              "what came in, the fees of it, what was shared")
        equal([(r["event"]["correlation"].get("campaign_id"), r["event"]["correlation"]["user_id"])
               for r in rows if r["event"]["event_type"] == "ledger.accrued"],
              [("c1", "u1"), (None, "u2"), ("c1", "u2")], "the campaign and the user")
        for event in (rows[0]["event"], {**story.events[0], "event_type": "ledger.adjusted"}):
            said = s.post("/v1/events", {**event, "event_id": "mine"})[2]["results"][0]
            equal((said["status"], said["code"]), ("refused", "reserved_type"),
                  f"{event['event_type']} from outside")
        equal(s.get("/v1/events/" + rows[0]["event"]["event_id"])[0], 404, "it is not in the log")
        check_all(s, story)


def ends():
    """The cap is met once, and the clock is told of by the first revenue behind it."""
    story = Story()
    story.fees()
    story.offering(cap_multiple="1.4", duration_days=180)
    story.offering("c2", duration_days=10)
    story.offering("c3", duration_days=10, cap_amount="10.00")
    for user, campaign in (("u1", "c1"), ("u2", "c2"), ("u3", "c3")):
        story.say("attribution.assigned", {"user_id": user, "campaign_id": campaign})
    story.invoice(10000, "a")
    met = story.invoice(14893617, "b")
    after = story.invoice(10000, "c")
    began = next(e["occurred_at"] for e in story.events if e["event_type"] == "campaign.activated" and
                 e["correlation"]["campaign_id"] == "c2")
    story.invoice(10000, "d", day=10, user="u2")
    over = story.invoice(10000, "e", day=12, user="u2")
    story.invoice(10000, "f", day=13, user="u2")
    story.invoice(10000, "g", day=9, user="u2")
    ended = story.invoice(10000, "h", day=14, user="u3")
    late = story.invoice(10000, "i", day=3, user="u3")
    met_at = next(e["occurred_at"] for e in story.events if e["event_id"] == met)
    with Served() as s:
        post(s, story)
        rows = derived(feed(s)[0])
        completed = [r for r in rows if r["event"]["event_type"] == "campaign.completed"]
        equal([shown(r) for r in completed], [
            ("campaign.completed", met, "cap_reached", met_at),
            ("campaign.completed", over, "duration_ended", began.replace("-01T", "-11T")),
            ("campaign.completed", ended, "duration_ended", completed[2]["event"]["occurred_at"]),
        ], "each campaign ends once, by its reason, at its moment")
        equal([r["event"]["correlation"]["campaign_id"] for r in completed], ["c1", "c2", "c3"],
              "and says which one it is")
        equal([sum(x["amount_minor"] for x in r["event"]["payload"]["entries"]
                   if x["beneficiary_type"] == "investor")
               for r in rows if r["event"]["caused_by"] == late], [1000],
              "a cap that late revenue reaches, once the end was told of, is no second one")
        investors = {}
        for r in rows:
            e = r["event"]
            if e["event_type"] == "ledger.accrued" and e["correlation"]["campaign_id"] == "c1":
                investors[e["caused_by"]] = sum(x["amount_minor"] for x in e["payload"]["entries"]
                                                if x["beneficiary_type"] == "investor")
        equal((sum(investors.values()), investors[after]), (2800000, 0),
              "28,000.00 accrue to the cent, and nothing after")
        of_entry = [r["event"]["event_type"] for r in rows if r["event"]["caused_by"] == over]
        equal(of_entry, ["campaign.completed", "ledger.accrued"],
              "the end of the days comes before the revenue that told of it")
        of_entry = [r["event"]["event_type"] for r in rows if r["event"]["caused_by"] == met]
        equal(of_entry, ["ledger.accrued", "campaign.completed"], "the cap after the one that met it")
        check_all(s, story)


# --- the same in every form ----------------------------------------------------------------------

def check_all(s, story):
    rows = feed(s)[0]
    wrong = [f"{r['event']['event_id']}: {e.message}" for r in derived(rows)
             for e in jsonschema.Draft202012Validator(SCHEMAS[r["event"]["event_type"]])
             .iter_errors(r["event"])]
    equal(wrong, [], f"{len(derived(rows))} derived events are what their schemas say")
    document = Document(s.get("/openapi.json")[2])
    raw = s.request("GET", "/v1/events?limit=1000")
    answer = Answer(200, raw[1], json.dumps(raw[2]).encode(), False)
    equal(document.misfits(document.find("GET", "/v1/events"), answer), [], "the page, as described")
    ids = [r["event"]["event_id"] for r in rows]
    equal(len(ids), len(set(ids)), "no id stands for two")
    equal([r["event"]["event_id"] for r in rows if "derived" not in r],
          [e["event_id"] for e in story.events], "the log is there, in its order")
    causes = {e["event_id"]: n + 1 for n, e in enumerate(story.events)}
    equal([r["seq"] for r in derived(rows)], [causes[r["event"]["caused_by"]] for r in derived(rows)],
          "each stands behind its cause")
    conserved = [r["event"]["payload"] for r in derived(rows) if "gross" in r["event"]["payload"]]
    equal([p for p in conserved if abs(sum(x["amount_minor"] for x in p["entries"])) !=
           round(float(p["gross"]["amount"]) * 100)], [], "entries add up to what came in or went back")
    for limit in (1, 2, 3, 7):
        equal(feed(s, limit)[0], rows, f"the same by pages of {limit}")
    paged_on(s, rows)
    forms(s, rows)


def paged_on(s, rows):
    """From each place there is, the rest and nothing else."""
    wrong = []
    for i, row in enumerate(rows):
        after = row.get("derived") or f"{row['seq']}.0.0"
        rest = s.get(f"/v1/events?limit=1000&after={after}")[2]["events"]
        wrong += [after] if rest != rows[i + 1:] else []
        with Stream(s, f"/v1/events?after={after}", accept=LINES) as f:
            wrong += ["lines " + after] if list(f.rows()) != rows[i + 1:] else []
        last = row.get("derived") or str(row["seq"])
        with Stream(s, last=last) as f:
            got = [json.loads(data) for _, _, data in f.take(len(rows) - i - 1)]
            wrong += ["stream " + last] if got != rows[i + 1:] else []
    equal(wrong, [], f"from each of {len(rows)} places the rest follows, in all forms")


def forms(s, rows):
    stored = [r for r in rows if "derived" not in r]
    for no in ("false", "0"):
        equal(feed(s, 5, derived=no)[0], stored, f"derived={no}: what the log has")
    with Stream(s, "/v1/events?derived=false", accept=LINES) as f:
        equal(list(f.rows()), stored, "in lines")
    with Stream(s, "/v1/events?derived=false") as f:
        equal([json.loads(data) for _, _, data in f.take(len(stored))], stored, "and as they come")
    with Stream(s) as f:
        got = f.take(len(rows))
        equal([(i, kind, json.loads(data)) for i, kind, data in got],
              [(r.get("derived") or str(r["seq"]), r["event"]["event_type"], r) for r in rows],
              "as they come: id, type and data")
    with Stream(s, "/v1/events?limit=3&after=9", accept=LINES) as f:
        equal(list(f.rows()), [r for r in rows if r["seq"] > 9][:3], "three lines")
    for types in (DERIVED[:1], DERIVED[1:], ("revenue.invoice_paid", "ledger.accrued")):
        wanted = [r for r in rows if r["event"]["event_type"] in types]
        for limit in (1, 1000):
            equal(feed(s, limit, type=",".join(types))[0], wanted, f"{types} by pages of {limit}")
        with Stream(s, f"/v1/events?type={','.join(types)}", accept=LINES) as f:
            equal(list(f.rows()), wanted, "and in lines")
    for bad in ("type=no.such", "derived=perhaps", "after=1.2", "after=1.2.3.4", "after=x"):
        equal(s.get("/v1/events?" + bad)[0], 400, bad)


def same_everywhere():
    """A second server that is told the same at other moments shows the same ids; so does the first
    one after it was started again. The log and its proofs know nothing of it."""
    story = Story()
    story.invoice(7777, "p")
    story.say("revenue.refund_issued", {"refund_amount_cents": 1, "currency": "usd",
                                        "stripe_payment_intent_id": "p"})
    story.fees()
    story.offering(cap_amount="1.00", duration_days=3)
    story.say("attribution.assigned", {"user_id": "u1", "campaign_id": "c1"})
    with Served() as one, Served() as two:
        post(one, story)
        for e in story.events:
            two.post("/v1/events", e)
        ids = [[(r["derived"], r["event"]["event_id"]) for r in derived(feed(s)[0])]
               for s in (one, two)]
        ok(len(ids[0]) >= 4, f"{len(ids[0])} are derived, also from what had waited", ids[0])
        equal(ids[0], ids[1], "their ids and places are the same elsewhere")
        check_all(one, story)
        whole = feed(one)[0]
        one.stop()
        one.start()
        equal(feed(one)[0], whole, "and after a new start")
        equal(checkpoint(one)[0], str(len(story.events)), "the log has only what was sent")
        exported = subprocess.run([METE, "--store", str(one.folder / "mete.db"), "export", "audit"],
                                  capture_output=True, text=True, check=True).stdout
        equal([i for _, i in ids[0] if i in exported], [], "nor does an export for the auditor")


def many():
    """More follows from one event than a page, a stream's memory and the bound of a stream have."""
    story = Story()
    story.fees()
    story.events[-1]["payload"]["owner"] = "did:owner"
    last = story.events.pop()  # the owner comes at the end: the invoices wait
    count = 4200
    for i in range(count):
        story.events.append({
            "event_id": f"i{i}", "event_type": "revenue.invoice_paid", "source": {"app_id": "app1"},
            "occurred_at": "2025-01-02T00:00:00Z",
            "payload": {"gross_amount_cents": 100 + i, "currency": "usd"}})
    story.events.append({**last, "occurred_at": "2025-01-03T00:00:00Z"})
    with Served() as s:
        post(s, story)
        rows, pages = feed(s)
        equal((len(rows), len(derived(rows)), pages), (2 * count + 2, count, 9),
              "pages of a thousand, however much follows from one event")
        equal([r["event"]["payload"]["source_event_id"] for r in derived(rows)],
              [f"i{i}" for i in range(count)], "in the order in which they came")
        with Stream(s, accept=LINES) as f:
            equal(list(f.rows()), rows, "all of it in lines")
        with Stream(s, f"/v1/events?after={count + 1}") as f:
            got = f.take(1 + 4096 + 1)
            equal((got[-1][1], json.loads(got[-1][2])), ("derived.more", {"after": "4202.4096.1"}),
                  "a stream says where the rest is")
        rest = s.get("/v1/events?limit=1000&after=4202.4096.1")[2]["events"]
        equal(rest, rows[-(count - 4096):], "and there it is")


def followed():
    """Who copies a log event by event gets what is in the log."""
    story = Story()
    story.fees()
    story.offering(cap_amount="10.00", duration_days=3)
    story.say("attribution.assigned", {"user_id": "u1", "campaign_id": "c1"})
    for i in range(3):
        story.invoice(7777, f"p{i}")
    head = {"API_KEY": "a key of both"}
    with Served("--roles", "distributions", env=head) as first:
        first.key = head["API_KEY"]
        url = f"http://127.0.0.1:{first.port}"
        with Served("--roles", "wallet", env={**head, "DISTRIBUTION_SERVICE_URL": url}) as second:
            second.key = first.key
            post(first, story)
            equal(len(derived(feed(first)[0])), 4, "three accruals and the cap are in the feed")
            until("a follower has the same head",
                  lambda: checkpoint(second) == checkpoint(first))


def checkpoint(s):
    """Size and root."""
    said = s.get("/v1/log/checkpoint")[2]
    return (said if isinstance(said, str) else said.decode()).splitlines()[1:3]


for part in (money, ends, same_everywhere, many, followed):
    note(part.__doc__ or part.__name__)
    part()
done()

# SPDX-License-Identifier: Apache-2.0
"""covers: F-001 V-075
The OpenAPI document: the same routes as the table of the program, well formed, and true. A walk
calls every operation with the examples of the document, and every answer has to be one that the
document describes."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time

from described import Client, Document
from served import METE, Served, done, equal, note, ok

ROLES = ("distributions", "wallet", "manifests", "dashboard", "facilitator", "worker")


def table(*options):
    text = subprocess.run([METE, "serve", "--routes", *options], capture_output=True, text=True,
                          check=True).stdout
    return [tuple(line.split()) for line in text.splitlines()]


# --- the table and the document ------------------------------------------------------------------

def same_routes(document):
    described = [(o.method, o.path, o.id, o.scope) for o in document.operations]
    answered = table()
    equal(sorted(set(answered) - set(described)), [], "every route of the table is described")
    equal(sorted(set(described) - set(answered)), [], "nothing else is described")
    equal(len(described), len(answered), f"{len(answered)} routes, each once")
    for role in ROLES:
        equal({o.id for o in document.operations if {role, "all"} & set(o.roles)},
              {row[2] for row in table("--roles", role)}, f"the routes of the role {role}")
    equal([o.id for o in document.operations if not set(o.roles) <= {*ROLES, "all"}], [],
          "no other role is named")


# --- form ----------------------------------------------------------------------------------------

def nodes(node, where="#"):
    yield where, node
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) \
        else ()
    for name, part in items:
        yield from nodes(part, f"{where}/{str(name).replace('~', '~0').replace('/', '~1')}")


def is_example(where):
    return re.search(r"/(example|examples|default|const|enum)(/|$)", where) is not None


def references(document):
    refs = [(w, n["$ref"]) for w, n in nodes(document.whole)
            if isinstance(n, dict) and "$ref" in n and not is_example(w)]
    broken = []
    for where, ref in refs:
        try:
            document.resolve({"$ref": ref})
        except (KeyError, TypeError):
            broken.append((where, ref))
    equal(broken, [], f"{len(refs)} references lead somewhere")
    used = {ref for _, ref in refs} | {"#/components/responses/" + name
                                       for name in ("Methods", "MethodNotAllowed")}
    kinds = ("schemas", "parameters", "headers", "responses")
    parts = {f"#/components/{k}/{name}" for k in kinds for name in document.whole["components"][k]}
    equal(sorted(parts - used), [], "no shared part is left over")


def operation_flaws(o):
    wanted = set(re.findall(r"\{(\w+)\}", o.path))
    got = [p["name"] for p in o.in_("path")]
    names = [(p["in"], p["name"]) for p in o.parameters]
    if set(got) != wanted or not all(p.get("required") for p in o.in_("path")):
        yield f"path parameters {got}"
    if len(set(names)) != len(names):
        yield "a parameter twice"
    if not o.node.get("summary") or not o.node.get("tags"):
        yield "no summary or tag"
    if not any(s.startswith("2") for s in o.answers):
        yield "no good answer"
    if (o.scope == "none") != (o.node["security"] == []):
        yield "security and scope differ"
    if o.scope not in ("none", "any") and any([o.scope] not in s.values()
                                              for s in o.node["security"]):
        yield "security names another scope"
    for p in o.parameters:
        if p["in"] == "path" and "example" not in p:
            yield f"{p['name']} has no example"
    for status, answer in o.answers.items():
        if not re.fullmatch(r"[2345]\d\d", status) or not answer.get("description"):
            yield f"answer {status} has no description"
    if o.node.get("requestBody") and not o.bodies():
        yield "a body without an example"


def form(document):
    whole = document.whole
    ok(re.fullmatch(r"3\.1\.\d+", whole["openapi"]), "OpenAPI 3.1")
    ok({"title", "version", "license"} <= set(whole["info"]), "title, version, license")
    ids = [o.id for o in document.operations]
    equal(sorted({i for i in ids if ids.count(i) > 1}), [], "operationIds are unique")
    flaws = [(o.id, flaw) for o in document.operations for flaw in operation_flaws(o)]
    equal(flaws, [], "operations have what they must have")
    tags = {t["name"] for t in whole["tags"]}
    equal({t for o in document.operations for t in o.node["tags"]}, tags, "tags are those listed")
    references(document)


def event_types(document):
    """Those that are handled, by the one table of them."""
    table = (pathlib.Path(os.environ["ROOT"]) / "src/core/event_type.h").read_text()
    handled = set(re.findall(r'X\([A-Z_0-9]+,\s*"([a-z_.0-9]+)",\s*HANDLED', table.replace("\\\n", "")))
    rules = document.schemas["Event"]["allOf"]
    equal({r["if"]["properties"]["event_type"]["const"] for r in rules}, handled,
          f"each of the {len(handled)} types of event that are handled has its payload described")
    equal([r for r in rules if r["then"]["properties"]["payload"]["$ref"] !=
           "#/components/schemas/payload." + r["if"]["properties"]["event_type"]["const"]], [],
          "by the schema of its name")


def schemas_of(document):
    """(where, schema) of each place that has one."""
    for where, node in nodes(document.whole):
        if re.fullmatch(r"#/components/schemas/[^/]+", where) or \
                (where.endswith("/schema") and not is_example(where)):
            yield where, node


def examples(document):
    flaws, count = [], 0
    for o in document.operations:
        for name, kind, value, schema in o.bodies():
            flaws += [(o.id, name, f) for f in document.flaws(value, schema)]
            count += 1
        for p in o.parameters:
            if "example" in p:
                flaws += [(o.id, p["name"], f) for f in document.flaws(p["example"], p["schema"])]
                count += 1
        for status, answer in o.answers.items():
            for media in answer.get("content", {}).values():
                for name, example in media.get("examples", {}).items():
                    flaws += [(o.id, status, f) for f in
                              document.flaws(example["value"], media["schema"], strict=True)]
                    count += 1
    for where, schema in schemas_of(document):
        for value in schema.get("examples", []) if isinstance(schema, dict) else []:
            flaws += [(where, f) for f in document.flaws(value, schema)]
            count += 1
    equal(flaws, [], f"{count} examples fit their schemas")


def schemas(document):
    from jsonschema import Draft202012Validator, SchemaError
    flaws, count = [], 0
    for where, schema in schemas_of(document):
        count += 1
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as e:
            flaws.append((where, e.message))
    equal(flaws, [], f"{count} schemas are schemas (JSON Schema 2020-12)")


# --- the walk ------------------------------------------------------------------------------------

SCOPES = ("revenue:write,revenue:read,policy:write,policy:read,payout:write,payout:approve,"
          "dispute:write,earnings:read,audit:read,facilitator,admin,payout:work,x402:work")
SECRETS = ["swordfish-swordfish-1", "acct_SECRETDESTINATION", "swordfish-swordfish-2"]
SHARE = {"id": "sale-1001/2"}  # the other one of the two that the examples make
WEBHOOK_SECRET = b"whsec_c3dvcmRmaXNoLXN3b3JkZmlzaC0z"
NEXT = {"id": "sale-1002/1"}
LAST = {"id": "sale-1004/1"}
SAID_OTHERWISE = {"events": [{"eventId": "deploy-7", "t": "2025-03-01T12:00:00Z", "type": "other"}]}
SPARE = {"id": "of a key that the walk makes"}
ORDER = [
    ("health",), ("ready",), ("version",), ("openapi",), ("index",), ("guide",), ("fairPolicy",),
    ("metrics",),
    ("publishManifest",), ("listManifests",), ("getManifest",), ("validateManifest",),
    ("validate",), ("recordContribution",), ("registerProvider",), ("submitUsage",),
    ("reportUsage",), ("postEvents",), ("ingestEvents",), ("distributeRevenue",), ("listEvents",),
    ("getEvent",), ("listAllocations",), ("getBalance",), ("explain",), ("getStatement",),
    ("listParties",), ("listCampaigns",), ("getCampaign",), ("getCampaignReport",),
    ("getProviderEarnings",), ("getReport",), ("getAuditTotals",),
    ("listQuarantine",), ("simulate",), ("getCheckpoint",), ("getTile",), ("proveInclusion",),
    ("proveConsistency",), ("follow",), ("disputeAllocation",), ("addEvidence",),
    ("escalateDispute",), ("overrideDispute",), ("disputeAllocation", SHARE),
    ("upholdDispute", SHARE), ("getAllocation",), ("listDisputes",), ("getDispute",),
    ("openDispute",), ("addDisputeEvidence", NEXT), ("escalateOpenDispute", NEXT),
    ("upholdOpenDispute", NEXT), ("disputeAllocation", LAST), ("overrideOpenDispute", LAST),
    ("getMyEarnings",), ("getEarnings",), ("recordSettlement",), ("listSettlements",), ("getSettlement",),
    ("ingestKpis",), ("ingestInsights",), ("ingestKpisInternal",), ("ingestInsightsInternal",),
    ("listKpis",), ("listInsights",), ("importRates",), ("listRates",), ("quoteConversion",),
    ("mcp",), ("getTaxTotals",), ("listKeys",), ("createKey",),
    ("rotateKey", SPARE), ("revokeKey", SPARE),
    ("planPayouts",), ("openPayoutBatch",), ("listPayoutBatches",), ("getPayoutBatch",),
    ("listPayouts",), ("getPayout", "paid"), ("cancelPayout", "paid"), ("holdPayouts",),
    ("claimPayouts",), ("stepPayouts",),
    ("facilitatorHealth",), ("supportedPayments",), ("verifyPayment",), ("settlePayment",), ("releasePayment",),
    ("registerPaidResource",), ("listPaidResources",), ("searchPaidResources",), ("paidResourceAnalytics",),
    ("stepPayments",), ("listPayments",), ("getPayment",), ("getPaymentRevenue",),
    ("setResourcePolicy",), ("listResourcePolicies",),
    ("importBankStatement",), ("stripeWebhook",), ("paymentWebhook",),
]
ONCE = ("releasePayout", "requestPayout")  # what the second one is refused


def webhook_headers(o, body):
    """What asks for no key asks for a signature."""
    now = str(int(time.time()))
    if o is None or o.id not in ("stripeWebhook", "paymentWebhook") or body is None:
        return {}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    if o.id == "stripeWebhook":
        sum_ = hmac.new(WEBHOOK_SECRET, now.encode() + b"." + raw, hashlib.sha256).hexdigest()
        return {"Stripe-Signature": f"t={now},v1={sum_}"}
    key = base64.b64decode(WEBHOOK_SECRET[6:])
    sum_ = hmac.new(key, f"m1.{now}.".encode() + raw, hashlib.sha256).digest()
    return {"webhook-id": "m1", "webhook-timestamp": now,
            "webhook-signature": "v1," + base64.b64encode(sum_).decode()}


class Walk:
    def __init__(self, document, s, key, weak):
        self.document, self.weak = document, weak
        self.client = Client(s.port, key)
        self.bound = s.make_key(SCOPES, "--party", "did:example:alice")
        self.seen, self.calls, self.misfits, self.bad = set(), 0, [], []
        self.told = []  # all that was answered

    def ask(self, o, method, target, body=None, wanted=None, **more):
        """Asks, and looks whether the answer is a described one; `wanted`: how its status begins."""
        more["headers"] = {**webhook_headers(o, body), **more.get("headers", {})}
        if o is not None and o.id == "getMyEarnings":
            more.setdefault("key", self.bound)
        answer = self.client.ask(method, target, body, **more)
        self.calls += 1
        self.told.append(str(answer.headers).encode() + answer.raw)
        self.misfits += [(method, target, answer.status, m)
                         for m in self.document.misfits(o, answer)]
        if o is not None:
            self.seen.add((o.id, str(answer.status)))
        if wanted and not str(answer.status).startswith(wanted):
            self.bad.append((method, target, answer.status, wanted, answer.raw[:200]))
        return answer

    def read(self, o, ids):
        given = {p["name"]: p["example"] for p in o.in_("query") if "example" in p}
        for name, value in given.items():
            self.ask(o, o.method, o.target(ids, {name: value}))
        self.ask(o, o.method, o.target(ids))
        answer = self.ask(o, o.method, o.target(ids, given), wanted="2")
        if "304" in o.answers:
            self.ask(o, o.method, o.target(ids, given), wanted="304",
                     headers={"If-None-Match": answer.headers["ETag"]})

    def other_kinds(self, o, ids):
        """Each type of the good answer, to those who ask for it."""
        kinds = list(o.answers["200"].get("content", {}))
        for kind in kinds if len(kinds) > 1 else []:
            plain = kind.partition(";")[0]
            given = {p["name"]: p["example"] for p in o.in_("query") if "example" in p}
            stream = plain == "text/event-stream"  # it has no pages, and no end
            answer = self.ask(o, o.method, o.target(ids, {} if stream else given), wanted="200",
                              headers={"Accept": plain}, only_begin=stream)
            if not answer.headers["Content-Type"].startswith(plain):
                self.bad.append((o.id, kind, answer.headers["Content-Type"]))

    def write(self, o, ids):
        names = {p["name"] for p in o.in_("query")}
        given = {p["name"]: p["example"] for p in o.in_("query") if "example" in p}
        for name, kind, value, _ in o.bodies() or [("none", None, None, None)]:
            more = {"wanted": "2", "kind": kind}
            if "dry_run" in names:
                self.ask(o, o.method, o.target(ids, {**given, "dry_run": "true"}), value, **more)
            once = {"Idempotency-Key": f"{o.id}-{name}-{ids}"}
            first = self.ask(o, o.method, o.target(ids, given), value, headers=once, **more)
            secret = first.headers["Cache-Control"] == "no-store"
            again = self.ask(o, o.method, o.target(ids, given), value, headers=once,
                             **{**more, "wanted": "409" if secret else "2"})
            if again.headers["Idempotency-Hit"] != "true" or \
                    (secret and again.json["code"] != "idempotency_secret") or \
                    (not secret and again.raw != first.raw):
                self.bad.append((o.id, name, "the same Idempotency-Key gets another answer"))
            self.ask(o, o.method, o.target(ids, given), value, **more)
            query, other = (given, b" {}") if kind else ({**given, "x": "y"}, None)
            self.ask(o, o.method, o.target(ids, query), other, wanted="422", headers=once)
        self.ask(o, o.method, o.target(ids), wanted="400",
                 headers={"Idempotency-Key": "k" * 256}, body={} if o.bodies() else None)

    def provoke(self, o, ids):
        """What any operation answers to those who may not, know not, or send too much."""
        body = o.bodies()[0][2] if o.bodies() else None
        if o.scope != "none":
            self.ask(o, o.method, o.target(ids), body, wanted="401", key="nobody's")
        if o.scope not in ("none", "any"):
            self.ask(o, o.method, o.target(ids), body, wanted="403", key=self.weak)
        if o.in_("path"):
            strange = {p["name"]: "nothing has this id" for p in o.in_("path")}
            self.ask(o, o.method, o.target(strange), body, wanted="404")
        self.ask(o, o.method, o.target(ids) + "?%zz=1", body, wanted="400")
        small = "413" if o.method == "GET" or not o.bodies() else None
        self.ask(o, o.method, o.target(ids), b'{"x":"' + b"y" * 70000 + b'"}', wanted=small)

    def moments(self, o):
        for p in o.in_("query"):
            if p["schema"].get("$ref", "").endswith("/Moment"):
                self.ask(o, o.method, o.target(query={"party": "did:example:alice",
                                                      p["name"]: "yesterday"}), wanted="422",
                         body=o.bodies()[0][2] if o.bodies() else None)

    def too_large(self, o):
        """Turned away by what the head says of the body, before any of it is sent."""
        self.ask(o, o.method, o.target(), b"", wanted="413",
                 headers={"Content-Length": str(65 << 20), "Expect": "100-continue"})
        self.client.close()

    def conflicts(self):
        """Facts that stand in the log already and say something else, and shares that were judged."""
        changes = {"postEvents": {"occurred_at": "2025-03-01T12:00:01Z"},
                   "ingestEvents": {}, "reportUsage": {"customerWallet": "did:example:other"},
                   "recordContribution": {"event_id": "sale-1001"},
                   "distributeRevenue": {"id": "sale-1001"}, "submitUsage": {"id": "sale-1001"},
                   "registerProvider": {"id": "sale-1001", "displayName": "Another"},
                   "ingestKpis": {"bucket": "1h"}, "ingestKpisInternal": {"bucket": "1h"},
                   "ingestInsights": SAID_OTHERWISE, "ingestInsightsInternal": SAID_OTHERWISE,
                   "importRates": {}, "mcp": {}, "createKey": {}, "rotateKey": {},
                   "claimPayouts": {}, "stepPayouts": {}, "stepPayments": {}, "verifyPayment": {},
                   "settlePayment": {}, "releasePayment": {}, "registerPaidResource": {},
                   "setResourcePolicy": {"event_id": "sale-1001"},
                   "importBankStatement": {}, "stripeWebhook": {},
                   "paymentWebhook": {"payment_id": "another"},
                   "openPayoutBatch": {"rail": "bank"}, "planPayouts": {}, "holdPayouts": {},
                   "cancelPayout": {}, "releasePayout": {}, "requestPayout": {},
                   "publishManifest": {}, "simulate": {}, "validate": {}, "validateManifest": {}}
        for o in self.document.operations:
            if o.bodies() and changes.get(o.id) != {} and o.id not in ("addEvidence", "addDisputeEvidence"):
                body = {**o.bodies()[0][2], **changes.get(o.id, {"reason": "another one"})}
                self.ask(o, o.method, o.target(), body, wanted="409")
        o = self.document.by_id["setResourcePolicy"]
        self.ask(o, "PUT", o.target(), {**o.bodies()[0][2], "resource": "a*b"}, wanted="422")
        o = self.document.by_id["publishManifest"]
        self.ask(o, "POST", o.target(query={"event_id": "sale-1001"}), o.bodies()[0][2], wanted="409")
        self.ask(o, "POST", o.target(), {}, wanted="422")
        o = self.document.by_id["postEvents"]
        self.ask(o, "POST", o.target(), o.bodies()[0][2], wanted="403", key=self.weak)
        o = self.document.by_id["getTile"]
        self.ask(o, "GET", o.target({"level": "entries"}), wanted="403", key=self.weak)
        o = self.document.by_id["index"]
        self.ask(o, "GET", o.target(), wanted="200", headers={"Accept": "text/html"})
        o = self.document.by_id["getReport"]
        self.ask(o, "GET", o.target(query={"period": "2025-13"}), wanted="422")
        o = self.document.by_id["follow"]
        for query, wanted in (({}, "2"), ({"x": "y"}, "422")):
            self.ask(o, "POST", o.target(query=query), wanted=wanted,
                     headers={"Idempotency-Key": "follow"})

    def no_book(self, key):
        """A key whose book is not there."""
        for o in self.document.operations:
            if (o.scope != "none" or o.id == "fairPolicy") and \
                    o.id not in ("follow", "validate", "validateManifest", "mcp", "listKeys", "createKey"):
                body = o.bodies()[0][2] if o.bodies() else None
                self.ask(o, o.method, o.target(), body, wanted="404", key=key)

    def agents(self):
        """What a client of the Model Context Protocol comes to see, beside results."""
        o = self.document.by_id["mcp"]
        modern = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "nothing"}
        meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {}}
        nothing = {"jsonrpc": "2.0", "id": 1, "method": "nothing", "params": {"_meta": meta}}
        note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        for body, wanted, headers in ((note, "202", {}), (b"{", "400", {}), (nothing, "404", modern),
                                      (note, "403", {"Origin": "https://elsewhere.example"}),
                                      (note, "406", {"Accept": "text/html"}),
                                      (note, "415", {"Content-Type": "text/plain"})):
            self.ask(o, "POST", o.target(), body, wanted=wanted, headers=headers)

    def other_methods(self):
        for path in self.document.whole["paths"]:
            mine = [o for o in self.document.operations if o.path == path]
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                if self.document.find(method, mine[0].target()) is None:
                    answer = self.ask(None, method, mine[0].target(), wanted="405")
                    allowed = set((answer.headers["Allow"] or "").split(", "))
                    if not {o.method for o in mine} <= allowed:
                        self.bad.append((method, path, allowed))
        for path in ("/v1", "/v1/", "/v1/events/", "/nothing/here", "//", "/v1/parties/x/y/z"):
            self.ask(None, "GET", path, wanted="404")

    def entrust(self):
        """Things that nobody may ever be told."""
        o = self.document.by_id["postEvents"]
        facts = [("key.registered", {"key_id": "k1", "alg": "hmac-sha256", "secret": SECRETS[0],
                                     "party": "did:example:alice"}),
                 ("party.destination_set", {"party": "did:example:alice", "rail": "stripe",
                                            "destination": SECRETS[1]}),
                 ("key.registered", {"key_id": "k2", "alg": "hmac-sha256", "secret": SECRETS[2],
                                     "producer": "nobody"})]
        for i, (kind, payload) in enumerate(facts):
            event = {"event_id": f"secret-{i}", "event_type": kind,
                     "occurred_at": "2025-03-01T12:00:00Z", "payload": payload}
            self.ask(o, "POST", o.target(), event, wanted="422" if i == 2 else "200")
        for i in (0, 1):
            self.ask(self.document.by_id["getEvent"], "GET", f"/v1/events/secret-{i}", wanted="200")
            self.ask(self.document.by_id["explain"], "GET", f"/v1/explain/secret-{i}", wanted="200")

    def rate(self):
        """Of today: old ones convert nothing."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        o = self.document.by_id["postEvents"]
        self.ask(o, "POST", o.target(), {
            "event_id": "rate-of-today", "event_type": "fx.rate_set", "occurred_at": now,
            "payload": {"base": "EUR", "quote": "USD", "rate": "1.0393", "provider": "bank",
                        "as_of": now}}, wanted="200")
        o = self.document.by_id["quoteConversion"]
        self.ask(o, "GET", o.target(query={"amount": "1", "from": "EUR", "to": "CHF"}), wanted="422")

    def queued(self):
        """The payout that the example's batch made, once the batch is filled."""
        o = self.document.by_id["listPayouts"]
        for _ in range(200):
            rows = json.loads(self.ask(o, "GET", o.target(), wanted="200").raw)["payouts"]
            if rows:
                return {"id": rows[0]["transfer_id"]}
            time.sleep(0.05)
        raise RuntimeError("the batch was not filled")

    def once(self, bound):
        """Of a hold, and by a party itself."""
        o = self.document.by_id["releasePayout"]
        body = o.bodies()[0][2]
        for query, wanted in (({"dry_run": "true"}, "200"), ({}, "200"), ({}, "409")):
            self.ask(o, "POST", o.target(self.queued(), query), body, wanted=wanted)
        self.ask(o, "POST", o.target(self.queued()), {}, wanted="422")
        o = self.document.by_id["postEvents"]
        self.ask(o, "POST", o.target(), {
            "event_id": "on-demand", "event_type": "book.configured",
            "occurred_at": "2025-03-01T12:00:00Z",
            "payload": {"payout_schedules": [{"id": "pull", "every": "demand", "asset": "USD",
                                              "rail": "stripe"}]}}, wanted="200")
        o = self.document.by_id["requestPayout"]
        body = o.bodies()[0][2]
        for query, wanted in (({"dry_run": "true"}, "201"), ({}, "201"), ({}, "409")):
            self.ask(o, "POST", o.target(query=query), body, wanted=wanted, key=bound)
        self.ask(o, "POST", o.target(), {}, wanted="422", key=bound)
        self.ask(o, "POST", o.target(), body, wanted="403")

    def all(self, bound):
        self.entrust()
        self.rate()
        for name, *ids in ORDER:
            o = self.document.by_id[name]
            ids = [self.queued()] if ids == ["paid"] else ids
            (self.read if o.method == "GET" else self.write)(o, ids[0] if ids else {})
            if o.method == "GET":
                self.other_kinds(o, ids[0] if ids else {})
        self.once(bound)
        stale = self.document.by_id["publishManifest"]
        self.ask(stale, "POST", stale.target(), stale.bodies()[0][2], wanted="412",
                 headers={"If-Match": '"' + "0" * 64 + '"'})
        for name, *ids in [*ORDER, *((name,) for name in ONCE)]:
            self.provoke(self.document.by_id[name], ids[0] if ids and ids != ["paid"] else {})
        for o in self.document.operations:
            self.moments(o)
            self.too_large(o)
        self.conflicts()
        self.agents()
        self.other_methods()


def in_need(o, status):
    """Answers that come of the load, of a failure, of a client certificate that is asked for, or of
    two requests at the same time."""
    return status in ("409", "429", "500", "503", "507") or (status == "401" and o.scope == "none")


def unseen(document, seen):
    return sorted((o.id, status) for o in document.operations for status in o.answers
                  if (o.id, status) not in seen and not in_need(o, status))


def by_role(document):
    """A server without the role of a route does not know its path."""
    wrong, seen = [], set()
    for role in ("facilitator", "wallet"):
        with Served("--roles", role) as s:
            client = Client(s.port)
            for o in document.operations:
                answer = client.ask(o.method, o.target())
                mine = {role, "all"} & set(o.roles)
                other = document.answer_of(None, answer.status)
                wrong += [(role, o.id, m) for m in document.misfits(o if mine else None, answer)]
                if not mine and (answer.status not in (404, 405) or other is None):
                    wrong.append((role, o.id, answer.status))
                seen.add((o.id, str(answer.status)))
            client.close()
    equal(wrong, [], "a server with another role does not know the path")
    return seen


def walk(document):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mete-openapi-"))
    for name in ("shop", "stripe"):
        (folder / name).write_bytes(WEBHOOK_SECRET + b"\n")
        (folder / name).chmod(0o600)
    (folder / "mete.conf").write_text(
        "[insights]\ninsights_retention_days = 0\n"  # examples get old
        f"[payments]\nwebhook_keys = {folder}\n[stripe]\nwebhook_key_file = {folder}/stripe\n")
    with Served("--config", str(folder / "mete.conf"), folder=folder) as s:
        key, weak = s.make_key(SCOPES), s.make_key("facilitator")
        s.make_key("facilitator", "--note", "spare")
        SPARE["id"] = next(k["key_id"] for k in s.get("/api/auth/keys", key=key)[2]["keys"]
                           if k["note"] == "spare")
        w = Walk(document, s, key, weak)
        equal({name for name, *_ in ORDER} | set(ONCE), set(document.by_id),
              "the walk knows every operation")
        w.all(s.make_key("payout:write", "--party", "did:example:alice"))
        w.no_book(s.make_key(SCOPES, "--book", "nowhere"))
        equal(w.misfits[:20], [], f"{w.calls} calls: every answer is described")
        equal(w.bad[:20], [], "the examples of the document are taken, and what is wrong is not")
        seen = w.seen | by_role(document)
        equal(unseen(document, seen), [], f"{len(seen)} described answers were seen, and only "
              "those that come in need were not")
        w.client.close()
        secrets(s, w.told, [key, weak, *SECRETS])
        healthy(s, key)


def healthy(s, key):
    equal((s.get("/healthz")[0], s.get("/readyz", key=key)[0]), (200, 200), "the server is well")
    s.stop()
    audit = subprocess.run([METE, "audit", "--store", str(s.store)], capture_output=True, text=True)
    equal(audit.returncode, 0, "mete audit agrees with the book") or note(audit.stdout[-400:])


def secrets(s, told, words):
    """What the book, its keys and the clients have to keep for themselves is told to nobody."""
    own = [line.split()[1] for line in (s.folder / "mete.db.key").read_text().splitlines()
           if re.fullmatch(r"[\w-]+ [0-9a-f]{64}", line)]
    equal(len(own), 2, "the book has two private keys")
    hidden = [w.encode() for w in own + words]
    ok(len(told) > 500, "much was answered")
    equal([w for w in hidden if any(w in answer for answer in told)], [],
          "no answer tells a private key, an API key, a secret or a destination")
    log = (s.folder / "log").read_bytes()
    ok(log.count(b'"request_id"') > 500, "and much was logged")
    equal([w for w in hidden if w in log], [], "nor does the log")


def too_often(document):
    with Served("--rate", "1", "--burst", "2") as s:
        key = s.make_key(SCOPES)
        client = Client(s.port, key)
        for o in document.operations:
            if o.scope != "none" and o.method == "GET":
                break
        answers = [client.ask("GET", o.target()) for _ in range(20)]
        equal([m for a in answers for m in document.misfits(o, a)], [], "as described")
        ok({200, 429} >= {a.status for a in answers} > {200}, "who asks too often is told so")
        ok(all("RateLimit-Limit" in a.headers for a in answers), "and how often is right")
        client.close()


with Served() as server:
    client = Client(server.port)
    answer = client.ask("GET", "/openapi.json")
    equal((answer.status, answer.headers["Content-Type"]), (200, "application/json"),
          "GET /openapi.json")
    doc = Document(answer.json)
    same_routes(doc)
    form(doc)
    event_types(doc)
    schemas(doc)
    examples(doc)
    client.close()
walk(doc)
too_often(doc)
done()

# SPDX-License-Identifier: Apache-2.0
"""covers: V-095
Numbers of an operator's own: what is counted, summed exactly, told apart, bounded, and refused."""
import decimal
import json
import subprocess
from decimal import Decimal

from exposition import lint, parse
from served import METE, POLICY, Served, done, equal, event, ok

DEFINED = {"metrics": [
    {"name": "sales", "help": "Revenue that came in.", "event": "revenue.received",
     "labels": {"currency": "/payload/amount/currency", "shop": "/producer"}},
    {"name": "sales_value", "help": "Its worth, by currency.", "event": "revenue.received",
     "value": "/payload/amount/amount", "labels": {"currency": "/payload/amount/currency"}, "series_max": 3},
    {"name": "all_value", "help": "All numbers together.", "event": "revenue.received", "value": "/payload/amount/amount"},
    {"name": "policies", "help": "What was said of policies.", "event": "policy.*", "labels": {"type": "/event_type"}},
    {"name": "odd", "help": "No decimals there.", "event": "revenue.received", "value": "/payload/party"},
]}
CONFLICT = event("r1", "revenue.received", {"policy": "urn:p", "amount": {"amount": "11.00", "currency": "USD"}})


def sale(event_id, amount, currency="USD", **more):
    return event(event_id, "revenue.received", {"party": "did:a", "amount": {"amount": amount, "currency": currency}}, **more)


class Measured(Served):
    def __init__(self, defined=None, **more):
        super().__init__(env={"METE_CONFIG": ""}, **more)
        (self.folder / "metrics.json").write_text(json.dumps(defined or DEFINED))
        (self.folder / "mete.conf").write_text(f"[metrics]\nfile = {self.folder / 'metrics.json'}\n")
        self.env["METE_CONFIG"] = str(self.folder / "mete.conf")


def samples(s, key=None):
    """{name: {labels without the book: value as it was written}}, of the own ones."""
    text = s.get("/metrics", key=key)[2]
    found = {}
    for line in text.splitlines():
        if line.startswith("mete_custom_"):
            name, rest = line.split("{", 1)
            labels, value = rest.rsplit("} ", 1)
            found.setdefault(name, {})[labels.replace('book="main"', "").strip(",")] = value
    return found, text


def counted(s):
    said = [s.post("/v1/events", e)[0] for e in (
        POLICY, sale("r1", "0.10"), sale("r2", "0.20"), sale("r3", "1.5", "EUR"), sale("r4", "3", "JPY"))]
    ok(all(status in (200, 201) for status in said), "events are decided", said)
    found, text = samples(s)
    equal(found["mete_custom_sales_total"], {'currency="EUR",shop=""': "1", 'currency="JPY",shop=""': "1",
                                             'currency="USD",shop=""': "2"},
          "events are counted by what they say; what they do not say is empty")
    equal(found["mete_custom_sales_value_total"], {'currency="EUR"': "1.5", 'currency="JPY"': "3", 'currency="USD"': "0.30"},
          "and summed, exactly")
    equal(found["mete_custom_policies_total"], {'type="policy.published"': "1"}, "by a family of types")
    equal(found["mete_custom_skipped_total"]['metric="mete_custom_odd_total"'], "4", "what is no decimal is not summed, and said")
    equal([fault for fault in lint(parse(text)) if "custom" in str(fault)], [], "in the form that Prometheus wants")


def once(s):
    before = samples(s)[0]
    s.post("/v1/events", sale("r1", "0.10"))
    s.post("/v1/events", CONFLICT)
    s.post("/v1/events", sale("bad", "-1"))
    s.post("/v1/simulate", {"events": [sale("never", "7")]})
    equal(samples(s)[0], before, "what came twice, was refused or only tried is not counted")


def exact(s):
    s.post("/v1/events", [sale(f"x{i}", "9007199254740993.01") for i in range(3)])
    total = 3 * Decimal("9007199254740993.01") + Decimal("0.30")
    equal(samples(s)[0]["mete_custom_sales_value_total"]['currency="USD"'], str(total), "a sum that no float could hold is exact")


def fine(s):
    for code, scale in (("FINE", 30), ("COARSE", 0)):
        s.post("/v1/events", event("define" + code, "asset.defined", {"code": code, "scale": scale}))
    before = Decimal(samples(s)[0]["mete_custom_all_value_total"][""])
    tiny, large = "0." + "9" * 30, "1" + "0" * 30
    for i, (amount, code) in enumerate(((tiny, "FINE"), (large, "COARSE"), (tiny, "FINE"))):
        s.post("/v1/events", sale(f"f{i}", amount, code))
    context = decimal.Context(prec=100)
    wanted = context.add(context.add(Decimal(tiny), Decimal(tiny)), context.add(Decimal(large), before))
    equal(samples(s)[0]["mete_custom_all_value_total"][""], str(wanted), "a value of many decimals takes no room from large ones")


def bounded(s):
    for i, currency in enumerate(("CHF", "GBP", "SEK")):
        s.post("/v1/events", sale(f"b{i}", "2", currency))
    values = samples(s)[0]["mete_custom_sales_value_total"]
    equal(values['currency="other"'], "6", "what comes beyond series_max is counted together")
    equal(len(values), 4, "and no series more is made")
    equal(samples(s)[0]["mete_custom_sales_total"]['currency="SEK",shop=""'], "1", "each metric has its own bound")


def apart(s):
    s.stop()
    s.mete("init", "--book", "second")
    s.start()
    other = s.make_key("revenue:write,audit:read", "--book", "second")
    s.post("/v1/events", sale("r1", "5"), key=other)
    s.post("/v1/events", sale("r9", "5"))
    found = samples(s, key=other)[0]
    equal(found["mete_custom_sales_total"], {'book="second",currency="USD",shop=""': "1"}, "a key sees its own book")
    ok("mete_custom_skipped_total" not in found, "and nothing of the others")


def refused():
    good = DEFINED["metrics"][0]
    for change, at, what in (
            ({"event": "revenue.recieved"}, "/metrics/0/event", "mete events list"),
            ({"event": "rev*"}, "/metrics/0/event", "usage.*"), ({"event": "nothing.*"}, "/metrics/0/event", "a type such as"),
            ({"name": "Sales"}, "/metrics/0/name", "a-z"), ({"name": ""}, "/metrics/0/name", "a-z"),
            ({"name": "skipped"}, "/metrics/0/name", "not skipped"),
            ({"help": "a\nb"}, "/metrics/0/help", "one line"), ({"help": None}, "/metrics/0/help", "what it counts"),
            ({"value": "payload.amount"}, "/metrics/0/value", "JSON pointer"), ({"value": 7}, "/metrics/0/value", "JSON pointer"),
            ({"labels": {"book": "/a"}}, "/metrics/0/labels", "not book"), ({"labels": {"A": "/a"}}, "/metrics/0/labels", "a-z"),
            ({"labels": {c: "/a" for c in "abcde"}}, "/metrics/0/labels", "at most 4"),
            ({"labels": {"a": "a"}}, "/metrics/0/labels", "JSON pointer"),
            ({"series_max": 1001}, "/metrics/0/series_max", "1 to 1000"), ({"kind": "sum"}, "/metrics/0", "series_max")):
        s = Measured({"metrics": [{**good, **change}]})
        said = unstarted(s)
        ok(at in said and what in said, f"refused: {json.dumps(change)[:60]}", said)
    ok("twice" in unstarted(Measured({"metrics": [good, good]})), "refused: one name twice")
    ok('{"metrics": [...]}' in unstarted(Measured({"numbers": []})), "refused: no list of metrics")


def unstarted(s):
    out = subprocess.run([METE, "serve", "--store", str(s.store), "--listen", "127.0.0.1:0"], env=s.env,
                         capture_output=True, text=True, timeout=60)
    return out.stderr if out.returncode else "it started"


with Measured() as s:
    s.key = s.make_key("admin,revenue:write,revenue:read,policy:write,earnings:read,audit:read")
    equal(samples(s)[0].keys(), {"mete_custom_skipped_total"}, "before there are events there is no series")
    counted(s)
    once(s)
    exact(s)
    bounded(s)
    apart(s)
    s.stop()
    s.start()
    equal(samples(s)[0].keys(), {"mete_custom_skipped_total"}, "like other counters they begin with the process")
    s.post("/v1/events", sale("late", "1"))
    equal(samples(s)[0]["mete_custom_sales_total"], {'currency="USD",shop=""': "1"}, "and count what it writes")
    fine(s)
refused()
done()

# SPDX-License-Identifier: Apache-2.0
"""covers: V-109
The dashboard and the alert rules of deploy/: every metric and label that they ask for is one that
a server or a gate has, and what they have is looked at. The gate's unit is as closed as the server's."""
import json
import os
import pathlib
import re
import subprocess
import sys

from exposition import PARTS, Scrape
from served import Served, done, equal, event, note, ok

ROOT = pathlib.Path(os.environ["ROOT"])
sys.path.insert(0, str(ROOT / "tests/gate"))
from gated import Facilitator, Gate, METE, Upstream  # noqa: E402
ADDED = {"instance", "job"}  # by Prometheus itself
OUTCOMES = set()  # of requests at a gate
WORDS = {"sum", "by", "rate", "increase", "histogram_quantile", "time", "max", "min", "or", "offset",
         "predict_linear", "changes", "label_values"}


def metrics_of(text):
    """{name: its labels}, the parts of histograms too."""
    found = {}
    for family in Scrape(text).families.values():
        names = [family.name] if family.type != "histogram" else [family.name + p for p in PARTS]
        for name in names:
            found.setdefault(name, set())
        for name, labels, _ in family.samples:
            found[name] |= {n for n, _ in labels}
    return found


def known_metrics():
    """Of a server that has booked something and knows a network, and of one that follows it."""
    network = {"NETWORK": "base", "RPC_URL": "http://127.0.0.1:9"}
    with Served(env=network) as s:
        s.post("/v1/events", event("e", "revenue.received",
                                   {"party": "did:a", "amount": {"amount": "1", "currency": "USD"}}))
        found = metrics_of(s.get("/metrics")[2])
        with Served("--roles", "wallet",
                    env={"DISTRIBUTION_SERVICE_URL": f"http://127.0.0.1:{s.port}"}) as follower:
            found.update({n: l for n, l in metrics_of(follower.get("/metrics")[2]).items() if n not in found})
    with Upstream() as up, Facilitator() as fac, Gate(up, fac, [{"path": "/a", "price": "$1"}]) as gate:
        text = gate.get("/metrics", port=gate.admin).body.decode()
        found.update(metrics_of(text))
        OUTCOMES.update(re.findall(r'outcome="(\w+)"', text))
    return found


def flaws_of(expr, known):
    """What is wrong with a query, as far as names and brackets tell."""
    bare = re.sub(r'"[^"]*"', '""', expr)
    for pair in ("()", "[]", "{}"):
        if bare.count(pair[0]) != bare.count(pair[1]):
            yield f"{pair} do not match"
    for name, matchers in re.findall(r"\b((?:mete|process)_\w+)(?:\{([^}]*)\})?", expr):
        if name not in known:
            yield f"{name} is not there"
            continue
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', matchers)):
            if label not in known[name] | ADDED:
                yield f"{name} has no label {label}"
    for labels in re.findall(r"\bby \(([^)]*)\)", expr):
        for label in re.split(r",\s*", labels):
            if not any(label in known.get(n, set()) | ADDED
                       for n in re.findall(r"\b(?:mete|process)_\w+", expr)):
                yield f"nothing has the label {label}"
    rest = re.sub(r"\{[^}]*\}|\[\w+\]|\bby \([^)]*\)|\b(?:mete|process)_\w+|\bup\b|\b[0-9.]+(e\d+)?[mhd]?\b",
                  " ", bare)
    for word in set(re.findall(r"[a-z_]+", rest)) - WORDS:
        yield f"{word} is no function"


def values_fit(expr):
    """Values of labels that have few."""
    few = {"status": {"2xx", "3xx", "4xx", "5xx"}, "reason": {"policy", "event", "usage", "stuck"},
           "result": {"applied", "duplicate", "waiting", "refused", "conflict"}}
    for label, value in re.findall(r'(\w+)=~?"([^"$]*)"', expr):
        if label in few and not set(value.split("|")) <= few[label]:
            yield f"{label} is never {value}"
    for value in re.findall(r'mete_gate_requests_total\{[^}]*outcome=~?"([^"$]*)"', expr):
        if not set(value.split("|")) <= OUTCOMES:
            yield f"outcome of a gate is never {value}"


def rules():
    """[{alert, expr, for, severity, summary, action}], of a file that is simpler than YAML is."""
    found = []
    for line in (ROOT / "deploy/prometheus/mete.rules.yml").read_text().splitlines():
        m = re.match(r" +(?:- )?(alert|expr|for|labels|summary|action): (.*)$", line)
        if m and m[1] == "alert":
            found.append({})
        if m:
            found[-1][m[1]] = m[2]
    return found


def the_rules(known):
    every = rules()
    ok(len(every) > 15, "there are rules", len(every))
    names = [r["alert"] for r in every]
    equal(len(set(names)), len(names), "each once")
    for r in every:
        flaws = [*flaws_of(r["expr"], known), *values_fit(r["expr"])]
        equal(flaws, [], f"{r['alert']}: {r['expr'][:60]}")
        ok(re.fullmatch(r"\{severity: (critical|warning)\}", r["labels"]) and
           r["summary"].endswith(".") and len(r.get("action", "")) > 10,
           f"{r['alert']} says what is wrong and what to do", r)
        labels = set(re.findall(r"\$labels\.(\w+)", r["summary"]))
        kept = re.search(r"\bby \(([^)]*)\)", r["expr"])
        names = set(re.findall(r"\b(?:mete|process)_\w+", r["expr"]))
        has = set(re.split(r",\s*", kept[1])) if kept else \
            ADDED.union(*[known[n] for n in names])
        ok(labels <= has, f"{r['alert']}: what it names is there", labels, has)


def the_dashboard(known):
    board = json.loads((ROOT / "deploy/grafana/mete.json").read_text())
    panels = board["panels"]
    ids = [p["id"] for p in panels]
    equal(len(set(ids)), len(ids), "panels have ids of their own")
    taken, twice = set(), []
    for p in panels:
        g = p["gridPos"]
        cells = {(x, y) for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])}
        twice += [p["title"]] if cells & taken or g["x"] + g["w"] > 24 else []
        taken |= cells
    equal(twice, [], "and places of their own")
    queries = [(p["title"], t["expr"]) for p in panels for t in p.get("targets", [])]
    queries += [(v["name"], v["query"]) for v in board["templating"]["list"] if v["type"] == "query"]
    queries += [(a["name"], a["expr"]) for a in board["annotations"]["list"]]
    ok(len(queries) > 30, "it asks for much", len(queries))
    for title, expr in queries:
        if expr.startswith("label_values("):
            name, label = re.match(r"label_values\((\w+), (\w+)\)", expr).groups()
            ok(label in known[name] | ADDED, f"{title}: {expr}")
        else:
            equal([*flaws_of(expr, known), *values_fit(expr)], [], f"{title}: {expr[:60]}")
    return [expr for _, expr in queries]


def it_sees(known):
    """A name that is wrong is found."""
    for expr in ("mete_nothing_total", 'rate(mete_http_requests_total{code="5xx"}[5m])',
                 "sum by (colour) (mete_hash_chain_height)", "sum(mete_hash_chain_height",
                 "summe(mete_hash_chain_height)"):
        ok(list(flaws_of(expr, known)), f"seen: {expr}")
    ok(list(values_fit('mete_http_requests_total{status="500"}')), "seen: a value that never comes")
    ok(list(values_fit('mete_gate_requests_total{outcome="sold"}')), "seen: an outcome that never comes")


def unit_of(name):
    return [line for line in (ROOT / "deploy" / name).read_text().splitlines() if line and not line.startswith("#")]


def the_units():
    """What closes the server's unit closes the gate's, and its command is one."""
    server, gate = unit_of("mete.service"), unit_of("mete-gate.service")
    closed = [x for x in server[server.index("DynamicUser=yes"):] if not x.startswith("StateDirectory=")]
    equal([x for x in closed if x not in gate], [], f"the gate's unit has the {len(closed)} lines that close the server's")
    command = next(x for x in gate if x.startswith("ExecStart=")).split()
    known = subprocess.run([METE, "gate", "--help"], capture_output=True, text=True).stdout
    options = [x for x in command if x.startswith("--")]
    equal([x for x in options if f" {x} " not in known], [], f"it is started with {' '.join(options)}")
    ok("ExecReload=/bin/kill -HUP $MAINPID" in gate and "Type=notify" in gate, "it can be told to read again")


known = known_metrics()
it_sees(known)
the_rules(known)
the_units()
asked = the_dashboard(known) + [r["expr"] for r in rules()]
unseen = {n for n in known if not any(re.search(rf"\b{n}\b", e) for e in asked)
          and not n.endswith(PARTS)}
note(f"{len(known)} metrics; nobody looks at {', '.join(sorted(unseen)) or 'none'}")
ok(len(unseen) < 8, "what is counted is looked at", unseen)
done()

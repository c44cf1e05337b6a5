# SPDX-License-Identifier: Apache-2.0
"""covers: F-010 F-023 F-026
Four processes with a role each do together what one with all roles does: manifests are fetched
from the registry, documents are judged by another service, and the wallet's book is the
distributions service's, entry by entry."""
import concurrent.futures
import json
import signal
import time

from served import Served, done, equal, event, free_ports, ok, until

CHILD = {"id": "urn:fair:track:child", "title": "c", "created_by": "did:o",
         "created_at": "2025-01-01T00:00:00Z",
         "contributors": [{"actor": {"id": "did:c1", "name": "Ada"}, "role": "x", "weight": 0.5},
                          {"actor": {"id": "did:c2"}, "role": "y", "weight": 0.5}]}
PARENT = {"id": "urn:fair:event:parent/1", "title": "p", "created_by": "did:o",
          "created_at": "2025-01-01T00:00:00Z",
          "contributors": [{"actor": {"ref": CHILD["id"]}, "role": "x", "weight": 0.5},
                           {"actor": {"id": "did:p"}, "role": "y", "weight": 0.5}]}
PARTIES = ["did:c1", "did:c2", "did:p"]


def head(s):
    _, _, body = s.get("/audit/totals")
    return body["log"]


def balances(s):
    return [[b["pending"] for b in s.get(f"/v1/parties/{p}/balance")[2].get("balances", [])]
            for p in PARTIES]


def acts(registry, distributions):
    """What clients do, to one process or to two; the outcomes."""
    out = []
    for document in (CHILD, PARENT):
        status, _, body = registry.post("/v1/manifests", document)
        out.append((status, body.get("version")))
    out.append(distributions.post("/revenue/distribute", {
        "manifestId": PARENT["id"], "revenue": {"amount": 25000, "currency": "USD",
                                                "source": "ticket_sales"}})[2]["status"])
    usage = [{"timestamp": f"2025-01-01T1{i}:00:00Z", "endpoint": "/a", "cost": 0.05}
             for i in range(9)]
    out.append([r["status"] for r in distributions.post("/usage", {
        "cliId": CHILD["id"], "usage": usage, "report_id": "r"})[2]["results"]])
    closed = event("close", "metering.closed", {"policy": CHILD["id"], "day": "2025-01-01"},
                   "2025-01-02T00:00:00Z")
    out.append(distributions.post("/v1/events", closed)[2]["results"][0]["status"])
    return out


KEY = {"API_KEY": "a key that all of them share"}


def server(role, env):
    s = Served("--roles", role, env={**KEY, **env})
    s.key = KEY["API_KEY"]
    return s


with server("all", {}) as one:
    wanted = acts(one, one)
    wanted_balances = balances(one)
equal(wanted, [(201, 1), (201, 1), "applied", ["applied"] * 9, "applied"], "one process does all")
equal(wanted_balances, [["625023"], ["625022"], ["1250000"]],
      "a quarter and a quarter, with 0.45 between them, and a half")

m, d, w, b = free_ports(4)
url = "http://127.0.0.1:{}".format
manifests = server("manifests", {"VALIDATION_SERVICE_URL": url(b) + "/validate"})
distributions = server("distributions", {"MANIFEST_REGISTRY_URL": url(m) + "/",
                                         "WALLET_SERVICE_URL": url(w)})
wallet = server("wallet", {"DISTRIBUTION_SERVICE_URL": url(d)})
dashboard = server("dashboard", {"DISTRIBUTION_SERVICE_URL": url(d)})
every = [(manifests, m), (distributions, d), (wallet, w), (dashboard, b)]
try:
    for s, port in every:
        s.start(port)
    equal(acts(manifests, distributions), wanted, "two of the four do the same for their clients")
    until("the wallet has the same balances as one process has",
          lambda: balances(wallet) == wanted_balances)
    until("the dashboard's log has the head of the distributions'",
          lambda: head(dashboard) == head(distributions))
    equal(head(wallet), head(distributions), "and so has the wallet's")
    equal([e["event"] for e in distributions.get("/v1/events")[2]["events"]
           if e["event"]["event_type"] == "policy.published"][0]["payload"]["manifest"]["id"],
          CHILD["id"], "the nested manifest came first")
    ok("Ada" not in json.dumps(distributions.get("/v1/events")[2]), "names stay out of logs")

    equal(manifests.post("/usage", {})[0], 404, "the registry takes no usage")
    equal(distributions.get("/v1/manifests")[0], 404, "distributions are no registry")
    equal(distributions.get("/v1/parties/did:p/balance")[0], 404, "nor a wallet")
    equal(wallet.post("/v1/events", [])[0], 404, "nothing is written to a wallet")
    equal(dashboard.post("/validate", CHILD)[2]["valid"], True, "each of them validates")
    equal(wallet.post("/v1/follow", key="wrong")[0], 401, "and asks for a key")

    bad = dict(CHILD, id="urn:bad", contributors=[{"actor": {"id": "did:x"}, "role": "r",
                                                   "weight": "2"}])
    status, _, body = manifests.post("/v1/manifests", bad)
    equal((status, body["detail"].split(":")[0]), (422, "the validation service"),
          "the validation service's judgement counts")
    dashboard.stop()
    good = dict(CHILD, id="urn:good")
    status, _, body = manifests.post("/v1/manifests", good)
    equal((status, body["code"], body["retryable"]), (503, "upstream_failed", True),
          "without it nothing is published")
    equal(manifests.get("/v1/manifests/urn:good")[0], 404, "not even a little")
    dashboard.start(b)
    equal(manifests.post("/v1/manifests", good)[0], 201, "until it is back")

    manifests.stop()
    late = {"manifestId": "urn:good", "amount": {"amount": "2.00", "currency": "USD"}}
    began = time.time()
    status, _, body = distributions.post("/revenue/distribute", dict(late, id="late"))
    equal((status, body["status"], body["code"]), (201, "waiting", "policy_unknown"),
          "without a registry the revenue waits")
    ok(time.time() - began < 5, "but its client does not")
    wallet.stop(signal.SIGKILL)
    manifests.start(m)
    time.sleep(5.1)  # a registry without an answer is not asked again at once
    equal(distributions.post("/revenue/distribute", dict(late, id="later"))[2]["status"], "applied",
          "the registry is back, and the manifest is fetched")
    rows = distributions.get("/v1/allocations?event=late")[2]["allocations"]
    equal([r["amount"] for r in rows], ["100", "100"], "what had waited is booked")
    wallet.start(w)
    until("a wallet that was killed reads what it missed", lambda: head(wallet) == head(distributions))
    until("and so does the dashboard", lambda: head(dashboard) == head(distributions))
    began = time.time()
    distributions.post("/revenue/distribute", dict(late, id="last"))
    until("news is told at once", lambda: head(wallet) == head(distributions))
    ok(time.time() - began < 1.5, "not when the wallet would look by itself",
       f"{time.time() - began:.2f} s")
finally:
    for s, _ in every:
        if s.process and s.process.poll() is None:
            s.stop()
equal([s.process.returncode for s, _ in every], [0, 0, 0, 0], "all end when they are told to")
m, = free_ports(1)
itself = server("manifests", {"VALIDATION_SERVICE_URL": url(m) + "/validate"})
itself.start(m)
try:
    began = time.time()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        status = list(pool.map(lambda i: itself.post(
            "/v1/manifests", dict(CHILD, id=f"urn:self:{i}"))[0], range(32)))
    equal(status, [201] * 32, "a registry that is its own validation service")
    ok(time.time() - began < 5, "does not wait for itself", f"{time.time() - began:.2f} s")
finally:
    itself.stop()
for role in ("facilitator", "facilitator,worker", "all"):
    with Served("--roles", role) as s:
        health = s.get("/healthz")[2]
        started = (s.folder / "log").read_text().splitlines()[0]
        wanted = sorted(role.split(",")) if role != "all" else None
        equal((sorted(health["roles"]) if wanted else None, sorted(health)),
              (wanted, ["open", "roles", "status", "uptime_s"]), f"/healthz of {role}")
        ok("with no routes" not in started, "its first line knows of no role without routes", started)
        ok("roles all" in started if not wanted else all(r in started for r in wanted),
           "and names the roles", started)
bad = Served("--roles", "walet")
try:
    bad.start()
    ok(False, "a role that does not exist")
except RuntimeError as why:
    ok('no role "walet"' in str(why), "a role that does not exist", why)
done()

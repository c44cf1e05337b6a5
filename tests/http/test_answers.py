# SPDX-License-Identifier: Apache-2.0
"""covers: F-002
The server and the command line say the same of the same book, member for member; and what the
server proves, the command line verifies with no store at hand."""
import json
import os
import pathlib
import subprocess
from urllib.parse import quote

from served import METE, Served, done, equal, event, ok

BOOK = pathlib.Path(os.environ["ROOT"]) / "tests/data/query/book.ndjson"
MANIFEST = pathlib.Path(os.environ["ROOT"]) / "tests/data/manifests/v0_4.fair.json"
LATER = "2099-01-01T00:00:00Z"
DRAFT = {"id": "urn:band:seven", "kind": "weights",
         "shares": [{"party": "did:ethr:0xBass", "weight": "1/2"},
                    {"party": "did:ethr:0xVoice", "weight": "1/4"}]}


def said(s, *command):
    return json.loads(s.mete(*command, "--json"))


def without(answer, *names):
    return {name: value for name, value in answer.items() if name not in names}


def get(s, path):
    status, _, body = s.get(path)
    equal(status, 200, path)
    return body


def statements(s):
    for party in ("did:ethr:0xA", "did:fair:foundation", "did:ethr:0xVoice"):
        equal(get(s, f"/v1/statements?party={party}&as_of={LATER}"),
              said(s, "statement", party, "--at", LATER, "--limit", "100"),
              f"the statement of {party}")


def parties(s):
    ours = said(s, "parties", "--at", LATER)
    equal(without(get(s, f"/v1/parties?as_of={LATER}"), "next"), without(ours, "totals"),
          "what everybody has")
    own = [without(row, "party", "kind") for row in ours["parties"] if row["party"] == "did:ethr:0xA"]
    equal(get(s, f"/v1/parties/did:ethr:0xA/balance?as_of={LATER}")["balances"], own,
          "what one party has")


def reports(s):
    for by in ("policy", "party", "source", "currency", "role"):
        ours = said(s, "report", "--by", by)
        for row in ours["rows"]:
            if by == "party":
                row["name"] = row.pop("party")
        equal(get(s, f"/v1/reports?by={by}"), ours, f"the report by {by}")
    ours = said(s, "report", "--period", "2025-03", "--recorded")
    equal(get(s, "/v1/reports?period=2025-03&recorded"), ours, "the report of a month")


def refused(s):
    equal(get(s, "/v1/quarantine")["refused"], said(s, "quarantine", "list"), "the quarantine")


def simulation(s):
    draft = s.folder / "draft.json"
    draft.write_text(json.dumps(DRAFT))
    status, _, body = s.post("/v1/simulate", DRAFT)
    equal(status, 200, "a simulation")
    spent = ("milliseconds", "events_per_second")
    equal(without(body, *spent), without(said(s, "simulate", "--policy", str(draft)), *spent),
          "what would have been")
    ok(all(name in body for name in spent), "and how long it took")


def explanation(s):
    equal(get(s, f"/v1/explain/{quote('t1/3.3', safe='')}?as_of={LATER}"),
          said(s, "explain", "t1/3.3", "--at", LATER), "why")


def held(s):
    """A share that was not countersigned clears at no moment."""
    lines = get(s, "/v1/statements?party=did:imajin:b")["accounts"][0]["lines"]
    shares = get(s, "/v1/allocations?event=counted")["allocations"]
    equal([line["clears_at"] for line in lines], [None], "the line of a share that is held")
    equal([share["clears_at"] for share in shares if share["party"] == "did:imajin:b"], [None],
          "the share itself")
    ok(all(share["clears_at"] for share in shares if share["party"] == "did:imajin:a"),
       "others clear")


def proofs(s):
    key = said(s, "log", "head", "--no-store")["key"]
    pairs = (("/v1/log/inclusion/t1?size=20", ("proof", "t1", "--size", "20")),
             ("/v1/log/consistency?first=3&second=20", ("consistency", "3", "20")))
    for path, command in pairs:
        proof = get(s, path)
        equal(proof, said(s, "log", *command), f"{proof['kind']} is proven the same way")
        file = s.folder / "proof"
        file.write_text(json.dumps(proof))
        for options, wanted in (((), 0), (("--key", key), 0)):
            ran = subprocess.run([METE, "log", "verify", "--proof", file, *options], cwd="/",
                                 capture_output=True, text=True, check=False)
            equal(ran.returncode, wanted, f"{proof['kind']}: it holds {' '.join(options)}")
        file.write_text(json.dumps(proof).replace('"seq": 7', '"seq": 8')
                        .replace('"first": 3', '"first": 4'))
        ran = subprocess.run([METE, "log", "verify", "--proof", file], cwd="/",
                             capture_output=True, text=True, check=False)
        equal(ran.returncode, 3, f"{proof['kind']}: of another entry it does not hold")


with Served() as server:
    for line in BOOK.read_text().splitlines():
        server.post("/v1/events", line)
    server.post("/v1/events", '{"event_type":"revenue.received"}')
    server.post("/v1/events", event("waits", "revenue.received", {
        "policy": "urn:late", "amount": {"amount": "1.00", "currency": "USD"}}))
    manifest = json.loads(MANIFEST.read_text())
    server.post("/v1/events", event("held", "policy.published", {"manifest": manifest}))
    server.post("/v1/events", event("counted", "revenue.received", {
        "policy": manifest["id"], "amount": {"amount": "10.00", "currency": "USD"}}))
    for check in (held, statements, parties, reports, refused, simulation, explanation, proofs):
        check(server)
done()

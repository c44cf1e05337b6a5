# SPDX-License-Identifier: Apache-2.0
"""covers: M-077 M-081
The report of a campaign over HTTP: what the command line says of the same book, to those who may
read the book, while others write to it."""
import json
import os
import pathlib
import threading

from served import Served, done, equal, event, ok

BOOK = pathlib.Path(os.environ["ROOT"]) / "tests/data/campaign/book.ndjson"
PATH = "/v1/campaigns/c1/report"
THEN = "2025-04-10T00:00:00Z"


def without(report, name):
    return {k: v for k, v in report.items() if k != name}


def same_as_by_hand(s):
    for campaign in ("c1", "c2"):
        status, _, ours = s.get(f"/v1/campaigns/{campaign}/report?as_of={THEN}")
        equal(status, 200, f"the report of {campaign}")
        equal(ours, json.loads(s.mete("report", "campaign", campaign, "--at", THEN, "--json")),
              "member for member what the command line says")
    report = s.get(f"{PATH}?as_of=2025-01-15")[2]
    equal((report["revenue"]["gross"], report["as_of"]), ("10000", "2025-01-15T23:59:59.999999Z"),
          "a day means its last moment")
    now = s.get(PATH)[2]
    equal(now["state"]["name"], "COMPLETED", "without a moment: now, when its days are over")


def rights(s):
    reader = s.make_key("audit:read")
    equal(s.get(PATH, key=reader)[0], 200, "who reads the book reads the report")
    for scopes in ("revenue:read", "earnings:read", "revenue:write,policy:write,dispute:write"):
        equal(s.get(PATH, key=s.make_key(scopes))[0], 403, f"{scopes} is not enough")
    equal(s.get(PATH, key=s.make_key("earnings:read", "--party", "did:creator"))[0], 403,
          "not its creator either: users and investors are in it")
    equal(s.get(PATH, key="nobody's")[0], 401, "and nobody without a key")


def errors(s):
    for path, status, code in (("/v1/campaigns/c9/report", 404, "not_found"),
                               ("/v1/campaigns/" + "x" * 300 + "/report", 404, "not_found"),
                               (f"{PATH}?as_of=2024-12-31", 404, "not_found"),
                               (f"{PATH}?as_of=yesterday", 422, "time_invalid")):
        got, _, problem = s.get(path)
        equal((got, problem["code"]), (status, code), path[:60])
    equal(s.post(PATH, {})[0], 405, "it is only read")


def while_others_write(s):
    """Each report is of one moment of the log: what it adds up fits together."""
    torn, reports, over = [], [], threading.Event()

    def read():
        while not over.is_set():
            r = s.get(PATH)[2]
            m = r["revenue"]
            parts = sum(int(m[k]) for k in ("fees", "pool", "creator"))
            months = sum(int(row["gross"]) for row in m["months"])
            reports.append(int(m["gross"]))
            if (parts, months) != (int(m["gross"]), int(m["gross"])):
                torn.append(m)

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(60):
        status, _, body = s.post("/v1/events", event(
            f"more-{i}", "revenue.invoice_paid",
            {"gross_amount_cents": 101, "currency": "USD"}, f"2025-03-20T00:00:{i:02}Z",
            source={"app_id": "app1"}, correlation={"campaign_id": "c1"}))
        if status != 200 or body["results"][0]["status"] != "applied":
            torn.append(body)
    over.set()
    reader.join()
    equal(torn, [], f"{len(reports)} reports while 60 invoices came")
    ok(reports and reports == sorted(reports), "each of them knows what the one before it knew")
    equal(s.get(PATH)[2]["revenue"]["gross"], str(48000 + 60 * 101), "and the last knows all")


with Served() as s:
    s.key = s.make_key("revenue:write,revenue:read,policy:write,payout:approve,audit:read,admin")
    results = s.post("/v1/events", BOOK.read_text(),
                     headers={"Content-Type": "application/x-ndjson"})[2]
    equal(results["applied"] if "applied" in results else
          sum(r["status"] == "applied" for r in results["results"]), 54, "the book is there")
    same_as_by_hand(s)
    rights(s)
    errors(s)
    while_others_write(s)
with Served("--roles", "wallet") as s:
    equal(s.get(PATH)[0], 404, "a server with another role does not know it")
done()

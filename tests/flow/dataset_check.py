#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What holds of every dataset.

usage: dataset_check.py DIR [STREAM AUDIT]     nothing, or what does not hold
       dataset_check.py columns DIR            its columns as doc/dataset.md has them

STREAM is what the book was fed with, AUDIT its export for the auditor: then the outcomes must be those
of the book, and nobody that the stream names may stand in the dataset."""
import collections
import csv
import hashlib
import json
import pathlib
import re
import sys

TEXTS = ("text", "JSON", "moment")
PEOPLE = ("user_id", "investor_id", "creator", "created_by_user_id", "owner", "actor_id", "payee",
          "stripe_payment_intent_id", "stripe_subscription_id", "transaction_id")
flaws = []


def hold(what, why):
    if not what:
        flaws.append(why)


def cell(column, value):
    """What stands in the CSV file for a value of the JSONL file."""
    if value is None:
        return ""
    if column["type"] == "JSON":
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    else:
        text = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
    return "'" + text if column["type"] in TEXTS and text[:1] in tuple("=+-@\t\r") else text


def family(folder, entry):
    name, columns = entry["name"], entry["columns"]
    for file in entry["files"]:
        data = (folder / file["name"]).read_bytes()
        hold((len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"]),
             f"{file['name']} is not what the manifest says")
    with open(folder / (name + ".csv"), encoding="utf-8", newline="") as file:
        head, *rows = list(csv.reader(file, strict=True))
    lines = (folder / (name + ".jsonl")).read_text(encoding="utf-8").split("\n")[:-1]
    told = [json.loads(line) for line in lines]
    hold(head == [c["name"] for c in columns], f"{name}: other columns than the manifest")
    hold(len(rows) == len(told) == entry["rows"], f"{name}: {len(rows)}, {len(told)} rows")
    for row, one in zip(rows, told):
        hold(list(one) == head, f"{name}: members {list(one)}")
        for c, text in zip(columns, row):
            wanted = cell(c, one[c["name"]])
            hold(text == wanted or (c["type"] == "JSON" and json.loads(text.removeprefix("'")) ==
                                    one[c["name"]]), f"{name}.{c['name']}: {text} {wanted}")
            if c["type"] == "pseudonym" and text:
                hold(re.fullmatch("u_[0-9a-f]{32}", text), f"{name}.{c['name']}: {text}")
            if c["type"] == "minor units" and text:
                hold(re.fullmatch("-?[0-9]+", text), f"{name}.{c['name']}: {text}")
    return told


def number(row, *names):
    return sum(int(row[n] or 0) for n in names)


def money(of):
    """Each booking adds up, and the ledger's lines are what it says."""
    lines = collections.defaultdict(int)
    by_role = collections.defaultdict(int)
    for row in of["ledger"]:
        lines[row["seq"], row["page"], row["group"]] += int(row["amount"])
        by_role[row["seq"], row["page"], row["group"], row["beneficiary_type"]] += int(row["amount"])
    columns = {"platform": "platform_fee", "investor": "investor_pool", "creator": "creator",
               "owner": "owner"}
    for row in of["accruals"]:
        place = row["seq"], row["page"], row["group"]
        hold(number(row, "gross") == number(row, "platform_fee", "shareable") == lines[place],
             f"booking {place}: gross")
        hold(number(row, "shareable") == number(row, "investor_pool", "creator", "owner"),
             f"booking {place}: shareable")
        hold((number(row, "gross") > 0) == (row["kind"] == "accrued"), f"booking {place}: kind")
        for role, column in columns.items():
            hold(by_role[*place, role] == number(row, column), f"booking {place}: {role}")
    hold(len(lines) == len(of["accruals"]), "bookings without lines, or lines without booking")


def outcomes(of, audit):
    sums = collections.defaultdict(lambda: collections.Counter())
    for row in of["accruals"]:
        gone = -number(row, "gross") if row["kind"] == "adjusted" else 0
        sums[row["campaign_id"]].update(accrued=number(row, "investor_pool"), reversed=gone,
                                        creators=number(row, "creator"))
    book = {line["campaign_id"]: line for line in audit if line["kind"] == "campaign"}
    investors = collections.Counter(i["campaign_id"] for i in audit if i["kind"] == "investment")
    hold(len(of["outcomes"]) == len(book), "not a row for each campaign")
    for row in of["outcomes"]:
        line = book[row["campaign_id"]]
        same = {"app_id": "app_id", "funding_mode": "funding_mode", "confirmed": "confirmed",
                "accrued": "accrued", "creator_earned": "creators", "reversed": "reversed",
                "revenue_share_bps": "share_bps", "raise": "raise", "activated_at": "activated_at"}
        for ours, theirs in same.items():
            hold((row[ours] or "") == line.get(theirs, ""),
                 f"{row['campaign_id']}: {ours} {row[ours]}, the book {line.get(theirs)}")
        hold(row["investors"] == investors[row["campaign_id"]], f"{row['campaign_id']}: investors")
        hold(row["state"] in (line["state"], "COMPLETED", "CLOSED"), f"{row['campaign_id']}: state")
        for name in ("accrued", "creators", "reversed"):
            hold(sums[row["campaign_id"]][name] == int(line[name]),
                 f"{row['campaign_id']}: {name} {sums[row['campaign_id']][name]} of accruals")
    hold(set(sums) <= set(book) | {None}, "accruals of campaigns that are not there")


def pools(of):
    """Investors' share of what is shareable, unless the cap kept some of it."""
    share = {row["campaign_id"]: row["revenue_share_bps"] for row in of["outcomes"]}
    for row in of["accruals"]:
        if row["kind"] == "accrued" and number(row, "investor_pool") > 0:
            wanted = number(row, "shareable") * share[row["campaign_id"]] // 10000
            hold(number(row, "cut_by_cap") >= 0 and wanted ==
                 number(row, "investor_pool", "cut_by_cap"), f"{row['source_event_id']}: pool")
    return any(number(row, "cut_by_cap") for row in of["accruals"])


def people(node, found):
    if isinstance(node, dict):
        for name, value in node.items():
            if name in PEOPLE and isinstance(value, str):
                found.add(value)
            people(value, found)
    elif isinstance(node, list):
        for value in node:
            people(value, found)


def hidden(of, stream):
    named = set()
    for line in stream:
        people(line, named)
    for name, rows in of.items():
        shown = {v for row in rows for c, v in row.items()
                 if isinstance(v, str) and c != "beneficiary_type"}
        hold(not shown & named, f"{name} names {shown & named}")
        hold(not any("commit:" in json.dumps(row) for row in rows), f"{name} has a commitment")


def joined(of):
    """A person is the same everywhere."""
    investors = {row["investor"] for row in of["commitments"]}
    paid = {row["beneficiary"] for row in of["ledger"] if row["beneficiary_type"] == "investor"}
    hold(paid <= investors, "investors that never committed")
    creators = {row["creator"] for row in of["outcomes"]}
    earned = {row["beneficiary"] for row in of["ledger"] if row["beneficiary_type"] == "creator"}
    hold(earned <= creators, "creators of no campaign")
    users = {row["user"] for row in of["attributions"]} & {row["user"] for row in of["revenue"]}
    hold(users - {None} or not of["attributions"] or not of["revenue"], "no user is the same")
    facts = {row["event_id"]: row for row in of["revenue"]}
    for row in of["accruals"]:
        hold(row["kind"] != "accrued" or number(facts[row["source_event_id"]], "amount") ==
             number(row, "gross"), f"{row['source_event_id']}: another amount")


def lines(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


def columns(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    for entry in manifest["families"]:
        print(f"### {entry['name']}\n\n| column | tier | type | what it is |\n|---|---|---|---|")
        for c in entry["columns"]:
            print(f"| `{c['name']}` | {c['tier'] or 'key'} | {c['type']} | {c['says']} |")
        print()


def main():
    if sys.argv[1] == "columns":
        columns(pathlib.Path(sys.argv[2]))
        return
    folder = pathlib.Path(sys.argv[1])
    manifest = json.loads((folder / "manifest.json").read_text())
    of = {entry["name"]: family(folder, entry) for entry in manifest["families"]}
    there = {p.name for p in folder.iterdir()}
    hold(there == {f["name"] for e in manifest["families"] for f in e["files"]} |
         {"manifest.json"}, f"files: {sorted(there)}")
    if len(sys.argv) > 2:
        money(of)
        joined(of)
        outcomes(of, lines(sys.argv[3]))
        if pools(of):
            pathlib.Path("a_cap_was_met").touch()
        hidden(of, lines(sys.argv[2]))
    for flaw in flaws[:10]:
        print(flaw)
    if "--count" in sys.argv:
        print({name: len(rows) for name, rows in of.items()})
    sys.exit(1 if flaws else 0)


main()

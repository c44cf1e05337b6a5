# SPDX-License-Identifier: Apache-2.0
"""covers: R-029 R-035 F-111
The year's figures and the forms made of them, against the ledger: what the forms have is what was
paid, years end where they are said to, VAT is exact, and statements add up. The seed is printed."""
import csv
import html.parser
import io
import os
import random
import subprocess
from fractions import Fraction

from served import METE, Served, done, equal, event, note, ok

POLICY = event("p", "policy.published", {"policy": {
    "id": "urn:p", "kind": "weights",
    "shares": [{"party": "did:a", "weight": "0.5"}, {"party": "did:b", "weight": "0.3"},
               {"party": "contractor-7", "weight": "0.2"}]}}, "2020-01-01T00:00:00Z")
AT_ONCE = event("book", "book.configured", {"clear_after_days": 0}, "2020-01-01T00:00:00Z")
PARTIES = ("did:a", "did:b", "contractor-7")
EDGES = ("2025-12-31T23:30:00Z", "2026-01-01T00:00:00Z", "2026-01-01T04:59:59Z",
         "2026-01-01T05:00:00Z", "2025-01-01T00:00:00Z", "2024-12-31T23:59:59Z")


def moment(r):
    return r.choice(EDGES) if r.random() < 0.5 else \
        f"202{r.choice('456')}-{r.randrange(1, 11):02}-{r.randrange(1, 29):02}T{r.randrange(24):02}:00:00Z"


def pay(s, number, party, cents, at, outcome="paid", currency="USD"):
    body = {"settlement_id": f"s{number}", "beneficiary_id": party, "provider": "bank",
            "provider_ref": f"wire-{number}", "outcome": outcome, "occurred_at": at,
            "amount": {"amount": f"{cents // 100}.{cents % 100:02}", "currency": currency}}
    return s.post("/v1/settlements", body)[0] in (200, 201)


def story(s, r):
    """Sales, reversals and payments of three years; the payments that were made."""
    facts = [AT_ONCE, POLICY]
    for i in range(60):
        cents = r.randrange(50000, 900000)
        facts.append(event(f"sale-{i}", "revenue.received", {
            "policy": "urn:p", "source": "sales",
            "amount": {"amount": f"{cents // 100}.{cents % 100:02}",
                       "currency": "EUR" if i % 10 == 0 else "USD"}}, moment(r)))
        if i % 9 == 5:
            facts.append(event(f"back-{i}", "revenue.reversed", {
                "reverses": f"sale-{i}", "amount": {"amount": "100.00",
                                                  "currency": "EUR" if i % 10 == 0 else "USD"}}, moment(r)))
    results = s.post("/v1/events", facts)[2]["results"]
    equal([x for x in results if x["status"] != "applied"], [], "sales and reversals are booked")
    payments = []
    for i in range(40):
        party, cents, at = r.choice(PARTIES), r.randrange(1, 150000), moment(r)
        outcome = "failed" if i % 8 == 7 else "paid"
        if pay(s, i, party, cents, at, outcome) and outcome == "paid":
            payments.append((party, "USD", cents, at))
    for i, party in enumerate(PARTIES):  # whatever chance has done, somebody was paid in each year
        for k, at in enumerate(("2025-06-01T00:00:00Z", "2026-06-01T00:00:00Z")):
            if pay(s, 100 + 2 * i + k, party, 700, at):
                payments.append((party, "USD", 700, at))
    if pay(s, 99, "did:a", 1234, EDGES[1], currency="EUR"):
        payments.append(("did:a", "EUR", 1234, EDGES[1]))
    ok(len(payments) > 9, f"{len(payments)} payments were made")
    return payments


def local_year(at, hours):
    """The year in which a moment lies where clocks are `hours` ahead."""
    import datetime
    t = datetime.datetime.fromisoformat(at.replace("Z", "+00:00"))
    return (t + datetime.timedelta(hours=hours)).year


def totals(s, year, query=""):
    rows = s.get(f"/v1/tax/totals?period={year}{query}")[2]["parties"]
    return {(x["party"], x["asset"].split("/")[0]): x for x in rows}


def figures(s, payments):
    for hours, offset in ((0, ""), (-5, "&utc_offset=-05:00"), (5, "&utc_offset=%2B05:00")):
        for year in (2024, 2025, 2026):
            wanted = {}
            for party, asset, cents, at in payments:
                if local_year(at, hours) == year:
                    wanted[party, asset] = wanted.get((party, asset), 0) + cents
            got = {k: int(x["paid"]) for k, x in totals(s, year, offset).items() if x["paid"] != "0"}
            equal(got, wanted, f"what was paid in {year} by clocks {hours} hours ahead")
    one = totals(s, 2025, "&party=did:a")
    equal({k[0] for k in one}, {"did:a"}, "of one party")
    equal(s.get("/v1/tax/totals?period=2025&party=did:nobody")[0], 404, "of nobody")
    equal([s.get("/v1/tax/totals?" + q)[0] for q in ("", "period=20", "period=2025&utc_offset=5")],
          [422, 422, 400], "what is no period, what is no offset")


def ledger(s):
    """All years together are the balances: earned - reversed + moved - paid + returned."""
    sums = {}
    for year in (2024, 2025, 2026):
        for key, x in totals(s, year).items():
            have = sums.setdefault(key, [0, 0])
            have[0] += (int(x["earned"]) - int(x["reversed"]) + int(x["moved"]) - int(x["paid"])
                        + int(x["returned"]))
            have[1] += int(x["paid"]) - int(x["returned"])
    for party in PARTIES:
        for b in s.get(f"/v1/parties/{party}/balance")[2]["balances"]:
            key = party, b["asset"].split("/")[0]
            stands = int(b["pending"]) + int(b["disputed"]) + int(b["cleared"]) - int(b["debt"])
            equal(sums[key], [stands, int(b["paid"])], f"{key}: the years make its balance")


# --- forms ---------------------------------------------------------------------------------------

def table(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def export(s, *options, fails=False):
    run = subprocess.run([METE, "tax", "export", "--store", str(s.store), *options],
                         capture_output=True, text=True, env=s.env)
    if fails:
        return run.returncode, run.stderr
    ok(run.returncode == 0, f"mete tax export {' '.join(options[:4])}", run.stderr)
    return table(run.stdout), run.stderr


def files(s):
    parties, payer, vat = (s.folder / name for name in ("parties.csv", "payer.csv", "vat.csv"))
    parties.write_text("party,Recipient TIN Type,Recipient Taxpayer ID Number,Recipient First Name,"
                       "Recipient Last Name (Surname),Recipient Address Line 1\r\n"
                       "did:a,SSN,123-45-6789,Ada,\"O\"\"Neil, Jr\",1 Main St\r\n"
                       "contractor-7,EIN,12-3456789,,,\"2 Side\nSt\"\r\n", encoding="utf-8", newline="")
    payer.write_text("Payer TIN Type,Payer Taxpayer ID Number,Payer Business or Entity Name Line 1\n"
                     "EIN,98-7654321,Mete Test Co\n")
    vat.write_text("\ufeffparty,name,country,vat_id,vat_rate,treatment\n"
                   "did:a,Ada,DE,DE123,19,added\ndid:b,Bob,FR,FR9,5.5,included\n"
                   "contractor-7,C,AT,ATU1,20,reverse\n", encoding="utf-8")
    return str(parties), str(payer), str(vat)


def form_1099(s, payments, parties, payer):
    paid = {}
    for party, asset, cents, at in payments:
        if asset == "USD" and at.startswith("2026"):
            paid[party] = paid.get(party, 0) + cents
    rows, said = export(s, "--form", "1099-nec", "--year", "2026", "--threshold", "0.01",
                        "--parties", parties, "--payer", payer)
    box = "Box 1 - Nonemployee Compensation"
    equal(sum(int(x[box].replace(".", "")) for x in rows), sum(paid.values()),
          "the forms of a year have what was paid in it")
    by_name = {x["Recipient First Name"] or x["Form Account Number"]: x for x in rows}
    ada = by_name["Ada"]
    equal((ada["Form Type"], ada["Tax Year"], ada["Payer Business or Entity Name Line 1"],
           ada["Recipient Taxpayer ID Number"], ada["Recipient Last Name (Surname)"], ada[box]),
          ("1099-NEC", "2026", "Mete Test Co", "123-45-6789", 'O"Neil, Jr',
           f"{paid['did:a'] // 100}.{paid['did:a'] % 100:02}"), "who it is comes from the table")
    equal(by_name["contractor-7"]["Recipient Address Line 1"], "2 Side\nSt", "cells with lines in them")
    ok("1 parties are not in the table" in said and "1 payees were paid in other assets" in said,
       "what is missing is said", said)
    strange = [x for x in rows if not x["Recipient TIN Type"]][0]
    equal(len(strange["Form Account Number"]), 20, "an account number for whom a form has no room")
    for year, least in (("2025", 60000), ("2026", 200000)):
        paid = {}
        for party, asset, cents, at in payments:
            if asset == "USD" and at.startswith(year):
                paid[party] = paid.get(party, 0) + cents
        rows, _ = export(s, "--form", "1099-nec", "--year", year)
        equal(sorted(int(x[box].replace(".", "")) for x in rows),
              sorted(c for c in paid.values() if c >= least), f"the threshold of {year}")
    misc, _ = export(s, "--form", "1099-misc", "--year", "2025")
    equal(sorted(int(x["Box 2 - Royalties"].replace(".", "")) for x in misc),
          sorted(c for c in paid_of(payments, "2025").values() if c >= 1000), "royalties: ten dollars")
    equal(export(s, "--form", "1099-nec", "--year", "2027", fails=True)[0], 2,
          "a threshold that nobody knows yet has to be said")


def paid_of(payments, year):
    paid = {}
    for party, asset, cents, at in payments:
        if asset == "USD" and at.startswith(year):
            paid[party] = paid.get(party, 0) + cents
    return paid


def half_away(x):
    size = abs(x)
    whole = (2 * size.numerator + size.denominator) // (2 * size.denominator)
    return whole if x >= 0 else -whole


def form_vat(s, vat):
    rates = {"did:a": (Fraction(19, 100), "added"), "did:b": (Fraction(55, 1000), "included"),
             "contractor-7": (Fraction(20, 100), "reverse")}
    seen = 0
    for period in ("2025-Q1", "2025-Q2", "2025", "2026"):
        rows, _ = export(s, "--form", "vat", "--period", period, "--parties", vat)
        sums = totals(s, period)
        for row in rows:
            x = sums[row["Party"], row["Currency"]]
            amount = int(x["earned"]) - int(x["reversed"])
            rate, how = rates[row["Party"]]
            tax = half_away(amount * rate) if how == "added" else \
                half_away(amount * rate / (1 + rate)) if how == "included" else 0
            net = amount - tax if how == "included" else amount
            wanted = [net, tax, net + tax]
            got = [int(row[k].replace(".", "")) for k in ("Taxable Amount", "VAT Amount", "Gross Amount")]
            if how == "reverse":
                wanted[2] = net
            seen += ok(got == wanted, f"VAT of {row['Party']} in {period}, {row['Currency']}: exact",
                       got, wanted)
        equal(len(rows), sum(int(x["earned"]) != int(x["reversed"]) for x in sums.values()),
              f"everybody who earned in {period}")
    ok(seen > 12, f"{seen} rows")


def broken_tables(s):
    bad = s.folder / "bad.csv"
    for text, why in (("", "empty"), ("a,b\n1\n", "line 2"), ('party\n"x', "never closed"),
                      ('party\nx"y\n', "quote"), ("party,party\n", "two columns"),
                      ("party\nx\nx\n", "two rows"), ("name\nx\n", 'no column "party"')):
        bad.write_text(text)
        code, said = export(s, "--form", "1099-nec", "--year", "2026", "--parties", str(bad), fails=True)
        ok(code == 1 and why in said, f"a table that is broken: {why}", said)
    bad.write_text("party,vat_rate,treatment\ndid:a,101,added\n")
    ok("vat_rate" in export(s, "--form", "vat", "--year", "2025", "--parties", str(bad), fails=True)[1],
       "no such rate")


# --- statements ----------------------------------------------------------------------------------

class Page(html.parser.HTMLParser):
    """Cells of tables, and every tag and attribute that could fetch or run something."""

    def __init__(self):
        super().__init__()
        self.tables, self.cell, self.bad = [], None, []

    def handle_starttag(self, tag, attributes):
        if tag in ("script", "link", "img", "iframe", "object") or any(
                k in ("src", "href", "style") or k.startswith("on") for k, _ in attributes):
            self.bad.append((tag, attributes))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.cell = ""

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[-1][-1].append(self.cell)
            self.cell = None


def minor(text):
    return int(text.replace(".", ""))


def statements(s):
    for party in PARTIES:
        for period in ("", "&from=2026-01-01", "&to=2030-12-31"):
            accounts = s.get(f"/v1/statements?party={party}&limit=1000{period}")[2]["accounts"]
            status, headers, text = s.get(f"/v1/statements?party={party}{period}",
                                          headers={"Accept": "text/html"})
            page = Page()
            page.feed(text)
            if not equal(len(page.tables), 2 * len(accounts), f"{party}: an account a table"):
                continue
            for account, lines, sums in zip(accounts, page.tables[::2], page.tables[1::2]):
                equal([minor(row[4]) for row in lines[2:-1]],
                      [int(x["amount"]) for x in account["lines"]], f"{party}: the lines of the JSON")
                parts = [minor(row[1]) for row in sums]
                equal((parts[0], sum(parts[:-1]), parts[-1]),
                      (int(account["opening"]), int(account["closing"]), int(account["closing"])),
                      f"{party}: opening, totals and closing balance add up")
            equal(page.bad, [], f"{party}: nothing of the page runs or comes from elsewhere")
            ok("default-src 'none'" in headers["Content-Security-Policy"], "and nothing could")
    shown = s.mete("statement", "did:a", "--format", "html")
    ok(shown.startswith("<!DOCTYPE html>") and "Payouts</td>" in shown and "@page" in shown,
       "mete statement --format html")
    ok("<tr><td>Reversals</td>" in shown, "with what was taken back")
    key = s.make_key("earnings:read", "--party", "did:b")
    equal(s.get("/v1/statements?party=did:a", headers={"Accept": "text/html"}, key=key)[0], 404,
          "another's is not there")


def escaped(s):
    name = "<script>alert('x')&\"</script>"
    s.post("/v1/events", [event("odd", "revenue.received", {
        "party": name, "amount": {"amount": "1.00", "currency": "USD"}})])
    page = Page()
    page.feed(s.mete("statement", name, "--format", "html"))
    equal((page.bad, len(page.tables)), ([], 2), "a name is text, whatever it has in it")


NOTHING = {"paid": "0", "returned": "0", "payments": 0}


def came_back():
    """A payout that was paid and came back is in both figures, on no form, and on the statement."""
    with Served() as s:
        s.key = s.make_key("admin,revenue:write,policy:write,payout:write,earnings:read,audit:read")
        worker = s.make_key("payout:work")
        party = s.make_key("payout:write,earnings:read", "--party", "did:c")
        s.post("/v1/events", [
            event("book", "book.configured", {
                "clear_after_days": 0, "payout_minimum": {"amount": "1.00", "currency": "USD"},
                "payout_schedules": [{"id": "pull", "every": "demand", "asset": "USD",
                                      "rail": "stripe"}]}),
            event("sale", "revenue.received", {"party": "did:c",
                                               "amount": {"amount": "3000.00", "currency": "USD"}}),
            event("to", "party.destination_set", {"party": "did:c", "rail": "stripe",
                                                  "destination": "acct_1234567890"})])
        status, _, made = s.post("/v1/payouts/request", {"schedule": "pull"}, key=party)
        equal(status, 201, "a payout is asked for") or note(made)
        year = made["queued_at"][:4]

        def step(name, **more):
            answer = s.post("/v1/payouts/steps", {"steps": [
                {"transfer_id": made["transfer_id"], "attempt": 1, "step": name, **more}]},
                key=worker)[2]
            equal(answer["results"][0]["status"], "applied", f"the worker says {name}") or note(answer)

        def figures_of():
            row = totals(s, year, "&party=did:c").get(("did:c", "USD"), NOTHING)
            return row["paid"], row["returned"], row["payments"]

        def form():
            return [x["Box 1 - Nonemployee Compensation"]
                    for x in export(s, "--form", "1099-nec", "--year", year, "--threshold", "2000")[0]]

        equal(figures_of(), ("0", "0", 0), "what is on its way is not paid")
        step("sending", anchor="one", body="{}")
        step("paid")
        equal((figures_of(), form()), (("300000", "0", 1), ["3000.00"]), "paid: on the form")
        step("returned", reason="the account was closed")
        equal((figures_of(), form()), (("300000", "300000", 1), []), "come back: on none")
        page = Page()
        page.feed(s.mete("statement", "did:c", "--format", "html"))
        sums = {row[0]: row[1] for row in page.tables[1]}
        equal((sums["Payouts"], sums["Payouts that came back"], sums["Closing balance"]),
              ("-3000.00", "3000.00", "3000.00"), "both on the statement")
        ok(any(row[2:4] == ["payout", made["transfer_id"]] for row in page.tables[0]),
           "by the payout's id")


def main():
    seed = int(os.environ.get("METE_TEST_SEED", random.randrange(2**32)))
    note(f"seed {seed}")
    r = random.Random(seed)
    with Served() as s:
        s.key = s.make_key("revenue:write,policy:write,earnings:read,audit:read,payout:approve,admin")
        payments = story(s, r)
        figures(s, payments)
        ledger(s)
        parties, payer, vat = files(s)
        form_1099(s, payments, parties, payer)
        form_vat(s, vat)
        broken_tables(s)
        statements(s)
        escaped(s)
        out = s.folder / "out.csv"
        s.mete("tax", "export", "--form", "1099-nec", "--year", "2026", "--out", str(out))
        equal(out.stat().st_mode & 0o777, 0o600, "a file of its owner alone")
        weak = s.make_key("earnings:read")
        equal(s.get("/v1/tax/totals?period=2026", key=weak)[0], 403, "the scope audit:read")
    came_back()


main()
done()

# SPDX-License-Identifier: Apache-2.0
# covers: F-048 F-112 M-070 M-071
"""Payouts by bank files, played by rail-sim: many payments in one file, a server killed while the
file is put out, rejections, returns, statements that come twice; and what fits no payout."""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from railsim import RailSim
from served import METE, Served, done, equal, event, note, ok, until

IBANS = ["NL91ABNA0417164300", "DE89370400440532013000", "FR1420041010050500013M02606",
         "BE68539007547034", "AT611904300234573201"]
ANSWERS = ("paid", "failed_permanent", "returned")


def eur(cents):
    return {"amount": f"{cents // 100}.{cents % 100:02d}", "currency": "EUR"}


def book(s, prefix, first):
    events = [] if first else [event("conf", "book.configured", {"clear_after_days": 0})]
    for i, iban in enumerate(IBANS):
        party = f"did:{prefix}{i}"
        events += [event(f"{prefix}r{i}", "revenue.received",
                         {"party": party, "amount": eur(1001 + i)}),
                   event(f"{prefix}d{i}", "party.destination_set",
                         {"party": party, "rail": "bank",
                          "destination": json.dumps({"name": f"Payee {i} & Sons", "iban": iban})})]
    bad = f"did:{prefix}bad"
    events += [event(f"{prefix}rb", "revenue.received", {"party": bad, "amount": eur(500)}),
               event(f"{prefix}db", "party.destination_set",
                     {"party": bad, "rail": "bank", "destination": "NL92ABNA0417164300, No One"})]
    answer = s.post("/v1/events", events)[2]
    equal({r["status"] for r in answer["results"]}, {"applied"}, "a book with payees")


def payouts(s, batch):
    return {p["party"]: p for p in s.get(f"/v1/payouts?batch={batch}&limit=100")[2]["payouts"]}


def states(s, batch):
    return sorted(p["state"] for p in payouts(s, batch).values())


def open_batch(s, name):
    equal(s.post("/v1/payouts/batches", {"batch_id": name, "asset": "EUR", "rail": "bank"})[0], 202,
          f"batch {name}")


def take_reports(s, folder, seen):
    """Everything that the bank has written since, by HTTP."""
    for path in sorted((folder / "out").iterdir()):
        if path.name in seen or path.name.startswith("."):
            continue
        seen.add(path.name)
        status, _, answer = s.request("POST", "/v1/bank/statements", path.read_bytes(),
                                      {"Content-Type": "application/xml"})
        if not ok(status == 200, f"report taken: {path.suffix}", answer):
            continue
        note({k: v for k, v in answer["counts"].items() if v})


def until_states(s, folder, batch, wanted, what):
    seen = set()

    def there():
        for path in (folder / "out").iterdir():
            if path.name not in seen and not path.name.startswith("."):
                take_reports(s, folder, seen)
        return states(s, batch) == sorted(wanted)
    until(what, there, 60)
    return seen


def one_file(s, sim, folder):
    book(s, "a", False)
    sim.fault("bank_rejected", "*", text="AC04")
    open_batch(s, "first")
    gone = pathlib.Path(folder / "in/.mete-sent")
    until("a file is put out", lambda: gone.is_dir() and any(
        p.suffix == ".xml" for p in gone.iterdir()), 60)
    s.stop(signal.SIGKILL)  # perhaps before the step was said
    s.start()
    marks = [p for p in gone.iterdir() if p.suffix == ".xml"]
    until("the bank has fetched it", lambda: (folder / "done").is_dir() and any(
        p.suffix == ".xml" for p in (folder / "done").iterdir()), 60)
    files = [p for p in (folder / "done").iterdir() if p.suffix == ".xml"]
    equal(([p.name for p in files], len(marks)), ([p.name for p in marks], 1), "one file for all")
    equal(marks[0].read_text().split()[0], hashlib.sha256(files[0].read_bytes()).hexdigest(),
          "of which a digest is remembered, and no name")
    checked = subprocess.run([METE, "bank", "check", str(files[0])], capture_output=True, text=True)
    ok("pain.001.001.09, 5 payments, sum 50.15" in checked.stdout, "it is checked again",
       checked.stdout, checked.stderr)
    until_states(s, folder, "first", ["paid"] * 4 + ["failed_permanent"] * 2,
                 "the bank's reports settle all of it")
    rows = payouts(s, "first")
    equal(rows["did:abad"]["state"], "failed_permanent", "an IBAN with a wrong digit is not sent")
    rejected = [p for p, r in rows.items() if r["state"] == "failed_permanent" and p != "did:abad"]
    why = json.dumps(s.get("/v1/payouts/" + rows[rejected[0]]["transfer_id"])[2])
    ok("AC04: the account is closed" in why, "the reason is told in words", why)
    equal(len([p for p in gone.iterdir() if p.suffix == ".xml"]), 1, "and no file was put out twice")


def same_reports_again(s, folder):
    before = (states(s, "first"), s.get("/v1/log/checkpoint")[2])
    for path in (folder / "out").iterdir():
        if path.name.startswith("."):
            continue
        status, _, answer = s.request("POST", "/v1/bank/statements", path.read_bytes())
        equal((status, answer["counts"]["paid"], answer["counts"]["rejected"]), (200, 0, 0),
              "the same report again")
    equal((states(s, "first"), s.get("/v1/log/checkpoint")[2]), before, "changes nothing")


def what_comes_back(s, sim, folder):
    book(s, "b", True)
    sim.fault("bank_returned", "*", text="AC06", s=1)
    open_batch(s, "second")
    until_states(s, folder, "second", ["paid"] * 4 + ["returned", "failed_permanent"],
                 "one payment comes back")
    moved = [int(p["amount"]) for p in sim.payments(rail="bank") if p["kind"] == "paid"]
    note(f"the bank has {len(moved)} payments")
    rows = {**payouts(s, "first"), **payouts(s, "second")}
    booked = sum(int(r["amount_minor"]) for r in rows.values() if r["state"] in ("paid", "returned"))
    equal(sum(moved), booked, "the bank has moved what the book says")


def by_hand(s, folder):
    s.stop()
    report = next(p for p in (folder / "out").iterdir() if not p.name.startswith("."))
    run = subprocess.run([METE, "bank", "import", "--store", str(s.store), str(report)],
                         capture_output=True, text=True)
    ok(run.returncode == 0 and "known already" in run.stderr, "mete bank import", run.stderr)
    broken = folder / "broken.xml"
    broken.write_bytes(report.read_bytes()[:-30])
    run = subprocess.run([METE, "bank", "import", "--store", str(s.store), str(broken)],
                         capture_output=True, text=True)
    equal(run.returncode, 1, "a file that is cut is refused")
    run = subprocess.run([METE, "bank", "import", "--json", "--store", str(s.store), str(report)],
                         capture_output=True, text=True)
    ok("counts" in json.loads(run.stdout), "as JSON", run.stdout)
    s.start()
    sheet = s.get("/v1/quarantine")[2]
    ok("NL91" not in json.dumps(sheet), "no account of a payee stands in the quarantine", sheet)


def schema(folder):
    """--xsd asks xmllint, where it is."""
    xsd = folder / "any.xsd"
    xsd.write_text('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="x"/>'
                   "</xs:schema>")
    path = next(p for p in (folder / "done").iterdir() if p.suffix == ".xml")
    run = subprocess.run([METE, "bank", "check", "--xsd", str(xsd), str(path)], capture_output=True,
                         text=True)
    there = any(os.access(f"{d}/xmllint", os.X_OK) for d in os.environ["PATH"].split(":"))
    ok(run.returncode != 0 and ("schema" in run.stderr if there else "libxml2-utils" in run.stderr),
       f"a schema that does not fit ({'with' if there else 'without'} xmllint)", run.stderr)


def nacha(folder):
    """The same over ACH: nobody acknowledges the file, and a return comes back."""
    folder = folder / "ach"
    for name in ("in", "out"):
        (folder / name).mkdir(parents=True)
    with RailSim("--seed", "6", "--bank-folder", str(folder)) as sim:
        (folder / "nacha.conf").write_text(
            f"[rails]\nrails = ach\n[bank]\nformat = nacha\nfolder = {folder}/in\n"
            "debtor = Mete Inc\nrouting = 021000021\nbank_name = A Bank\n"
            "origin = 1234567890\ncompany_id = 1234567890\n")
        sim.fault("bank_returned", "*", text="R03", s=1)
        with Served("--config", str(folder / "nacha.conf")) as s:
            where = {"routing": "021000021", "account": "123456", "type": "checking"}
            events = [event("conf", "book.configured", {"clear_after_days": 0})]
            for i in range(3):
                events += [event(f"r{i}", "revenue.received", {
                    "party": f"did:{i}", "amount": {"amount": f"{i + 1}.00", "currency": "USD"}}),
                    event(f"d{i}", "party.destination_set", {
                        "party": f"did:{i}", "rail": "bank",
                        "destination": json.dumps({"name": f"Payee {i}", **where})})]
            s.post("/v1/events", events)
            s.post("/v1/payouts/batches", {"batch_id": "ach", "asset": "USD", "rail": "bank"})
            until_states(s, folder, "ach", ["returned", "sent", "sent"], "a return finds its payout")
            moved = [p for p in sim.payments() if p["kind"] == "paid"]
            equal(sorted(int(p["amount"]) for p in moved), [100, 200, 300],
                  "the bank has each payment once")
            row = next(r for r in payouts(s, "ach").values() if r["state"] == "returned")
            why = json.dumps(s.get("/v1/payouts/" + row["transfer_id"])[2])
            ok("R03: there is no such account" in why, "with the reason in words", why)


def peers(folder):
    """The files beside programs by others."""
    node = shutil.which("node")
    script = pathlib.Path(__file__).parent.parent / "node/fiat/peers.mjs"
    if node is None or not (script.parent / "node_modules").is_dir():
        note("without node or its packages: no program by others has looked")
        return
    sent = next(p for p in (folder / "done").iterdir() if p.suffix == ".xml")
    reports = sorted(p for p in (folder / "out").iterdir() if p.suffix == ".xml")
    run = subprocess.run([node, script, sent, *reports], capture_output=True, text=True)
    if not ok(run.returncode == 0, "iso20022.js and ibantools run", run.stderr):
        return
    seen = json.loads(run.stdout)
    ours, theirs = seen["ours"], seen["theirs"]
    equal(seen["bad_ibans"], [], "ibantools finds every IBAN good")
    equal((ours["count"], ours["sum"]), (len(ours["rows"]), sum(r["cents"] for r in ours["rows"])),
          "count and sum of the file, read by fast-xml-parser")
    strip = [[{k: r[k] for k in ("cents", "currency", "iban")} for r in f["rows"]]
             for f in (ours, theirs)]
    equal(strip[0], strip[1], "the pain.001 of iso20022.js has the same payments, under ids of its own")
    equal({tuple(r["order"]) for r in ours["rows"]} - {("PmtId", "Amt", "Cdtr", "CdtrAcct", "RmtInf")},
          set(), "in the same order of elements")
    debits = [a for kind, a in seen["movements"] if kind == "debit"]
    credits = [a for kind, a in seen["movements"] if kind == "credit"]
    equal((len(debits), len(credits)), (9, 1), "it reads nine payments and a return in camt.053")


WORK = pathlib.Path(tempfile.mkdtemp(prefix="mete-bank-"))
for name in ("in", "out"):
    (WORK / name).mkdir()
with RailSim("--seed", "5", "--bank-folder", str(WORK)) as sim:
    (WORK / "mete.conf").write_text(
        "[rails]\nrails = bank_transfer\n[bank]\ndebtor = Mete & Co\n"
        f"iban = DE75512108001245126199\nfolder = {WORK}/in\n")
    with Served("--config", str(WORK / "mete.conf")) as server:
        one_file(server, sim, WORK)
        same_reports_again(server, WORK)
        what_comes_back(server, sim, WORK)
        by_hand(server, WORK)
        schema(WORK)
        peers(WORK)
nacha(WORK)
shutil.rmtree(WORK)
done()

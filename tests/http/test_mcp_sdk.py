# SPDX-License-Identifier: Apache-2.0
"""covers: R-028 R-034 R-038 F-111
Agents by the Model Context Protocol, spoken by the official clients (npm, tests/node/mcp): both eras
of the protocol, over HTTP and over stdio. An agent's key shows and moves what is its own, and nothing
else; a supervisor's judges. --record writes the transcript of one session into doc/mcp.md."""
import json
import os
import pathlib
import re
import subprocess
import sys

from served import METE, Served, done, equal, event, note, ok, revenue

ROOT = pathlib.Path(os.environ.get("ROOT", pathlib.Path(__file__).resolve().parents[2]))
NODE = ROOT / "tests/node/mcp"
POLICY = event("p", "policy.published", {"policy": {
    "id": "urn:p", "kind": "weights",
    "shares": [{"party": "did:a", "weight": "0.6"}, {"party": "did:b", "weight": "0.4"}]}})
AGENT = {"get_my_earnings", "get_balance", "list_allocations", "explain", "get_statement", "dispute",
         "add_evidence", "escalate", "list_payouts", "request_payout",
         "list_disputes", "get_dispute"}


def usd(amount):
    return {"amount": amount, "currency": "USD"}


# What did:a earned long ago is payable; the rest is pending.
PAYABLE = [
    event("book", "book.configured", {
        "clear_after_days": 0, "destination_cool_off_hours": 0, "payout_minimum": usd("1.00"),
        "payout_schedules": [{"id": "pull", "every": "demand", "asset": "USD", "rail": "stripe"}]}),
    event("old", "revenue.received", {"party": "did:a", "amount": usd("25.00")}),
    event("other", "revenue.received", {"party": "did:b", "amount": usd("30.00")}),
    event("d", "party.destination_set", {"party": "did:a", "rail": "stripe",
                                         "destination": "acct_1234567890"}),
    event("week", "book.configured", {"clear_after_days": 7})]


def story(s, now):
    results = s.post("/v1/events", PAYABLE)[2]["results"]
    equal([r for r in results if r["status"] != "applied"], [], "a book with a schedule on demand")
    s.post("/v1/events", [POLICY, *[{**revenue(f"sale-{i}"), "occurred_at": now} for i in range(4)]])
    rows = s.get("/v1/allocations?limit=100")[2]["allocations"]
    own = [r["allocation_id"] for r in rows if r["party"] == "did:a"]
    others = [r["allocation_id"] for r in rows if r["party"] == "did:b"]
    own = [i for i in own if i.startswith("sale")]
    others = [i for i in others if i.startswith("sale")]
    equal((len(own), len(others)), (4, 4), "four sales, a share of each for both")
    return own, others


def session(era, transport, plan):
    """What the client got, step by step; and what went over the wire."""
    run = subprocess.run(["node", str(NODE / "session.mjs"), era, transport], text=True,
                         input=json.dumps(plan), capture_output=True, timeout=120)
    if run.returncode != 0 or not run.stdout:
        note(run.stderr[-2000:])
        return [], []
    out = json.loads(run.stdout)
    return out["results"], out["messages"]


def tool(name, **arguments):
    return ["callTool", {"name": name, "arguments": arguments}]


def plan_of(s, key, *steps):
    return {"url": f"http://127.0.0.1:{s.port}/mcp", "key": key, "command": METE,
            "args": ["mcp", "--url", f"http://127.0.0.1:{s.port}"], "steps": list(steps)}


def content(result):
    return result.get("result", {}).get("structuredContent")


def refusal(result):
    """The code of the problem of a tool that refused; None: it did not."""
    r = result.get("result", {})
    return r.get("_meta", {}).get("mete/problem", {}).get("code") if r.get("isError") else None


def agent(s, how, key, own, others):
    era, transport = how
    mine, theirs = own.pop(), others[0]
    steps = [["listTools"], tool("get_my_earnings"), tool("list_allocations"),
             tool("explain", id=mine), tool("dispute", allocation_id=mine, reason="not my work",
                                            idempotency_key=f"{era}-{transport}"),
             tool("dispute", allocation_id=mine, reason="not my work",
                  idempotency_key=f"{era}-{transport}"),
             tool("list_allocations", state="disputed"), ["listResources"],
             ["readResource", {"uri": "mete://balance/did:a"}]]
    results, messages = session(*how, plan_of(s, key, *steps))
    if not equal(len(results), len(steps) + 1, f"{how}: the session came to its end"):
        return note(results)
    start, tools, earnings, listed, explained, disputed, again, held, resources, balance = results
    equal(start["connected"]["version"]["name"], "mete", f"{how}: connected")
    equal({t["name"] for t in tools["result"]["tools"]}, AGENT, f"{how}: the tools of an agent's key")
    equal((content(earnings)["meta"]["party"], content(earnings)["data"]["asset"]),
          ("did:a", "USD/2"), f"{how}: its own earnings, without saying whose")
    equal({r["party"] for r in content(listed)["allocations"]}, {"did:a"}, f"{how}: its own shares")
    equal(content(explained)["label"], "allocation", f"{how}: why it has this share")
    equal(content(disputed)["status"], "applied", f"{how}: a dispute of its own share")
    equal(content(again), content(disputed), f"{how}: sent again, it is done once")
    ok(mine in [r["allocation_id"] for r in content(held)["allocations"]], f"{how}: it is held")
    equal(sorted(r["uri"] for r in resources["result"]["resources"]),
          [f"mete://{k}/did:a" for k in ("balance", "explanation", "statement")],
          f"{how}: what there is to read of it")
    equal(json.loads(balance["result"]["contents"][0]["text"])["party"], "did:a", f"{how}: read")
    return messages


def strangers(s, how, key, others):
    """Nothing of another party can be seen or moved."""
    before = s.get("/v1/log/checkpoint")[2]
    steps = [tool("get_balance", party="did:b"), tool("list_allocations", party="did:b"),
             tool("get_statement", party="did:b"), tool("explain", id=others[0]),
             tool("explain", id="did:b"), tool("explain", id="sale-0"),
             tool("list_allocations", event="nothing"),
             tool("dispute", allocation_id=others[0], reason="mine"),
             tool("add_evidence", allocation_id=others[0], reason="mine"),
             tool("escalate", allocation_id=others[0], reason="mine"),
             ["readResource", {"uri": "mete://balance/did:b"}],
             ["readResource", {"uri": "mete://statement/did:b"}],
             ["readResource", {"uri": "mete://explanation/sale-0"}],
             tool("simulate", policy={}), tool("override", allocation_id=others[0], reason="x"),
             tool("uphold", allocation_id=others[0], reason="x")]
    results, messages = session(*how, plan_of(s, key, *steps))
    equal(len(results), len(steps) + 1, f"{how}: a stranger's session")
    told = json.dumps([m for m in messages if m["to"] == "client"][1:])
    equal([r for r in results[1:11] if refusal(r) not in ("not_found", "allocation_unknown")], [],
          f"{how}: what is another's is not there")
    equal([r for r in results[11:] if "error" not in r], [],
          f"{how}: nor are tools and resources that are not its own")
    equal([w for w in ("4.00", '"400"', '\\"400\\"') if w in told], [], f"{how}: no amount was told")
    equal(s.get("/v1/log/checkpoint")[2], before, f"{how}: nothing was written")


def payouts(s, judge):
    """An agent asks for its money; its key bounds how much; supervisors hold, release, cancel."""
    how = ("modern", "http")
    poor = s.make_key("earnings:read,payout:write", "--party", "did:a", "--limit", "USD=24.99")
    rich = s.make_key("earnings:read,payout:write", "--party", "did:a", "--limit", "USD=25.00")
    ask = tool("request_payout", schedule="pull", idempotency_key="monday")
    refused = session(*how, plan_of(s, poor, ["listTools"], ask))[0]
    equal(refusal(refused[2]), "key_limit", "more than its key may ask for")
    ok("25.00 USD" in refused[2]["result"]["content"][0]["text"], "and why")
    results = session(*how, plan_of(s, rich, ["listTools"], ask, ask, tool(
        "request_payout", schedule="pull"), tool("list_payouts")))[0]
    paid, again, more, listed = results[2:]
    equal((content(paid)["party"], content(paid)["amount_minor"]), ("did:a", "2500"), "it asks, and gets")
    equal(content(again), content(paid), "sent again it is one payout")
    equal(refusal(more), "payout_limit", "once a day")
    equal([p["transfer_id"] for p in content(listed)["payouts"]], [content(paid)["transfer_id"]],
          "it sees what became of it")
    one = content(paid)["transfer_id"]
    steps = [["listTools"], tool("hold", party="did:a", reason="looked at"),
             tool("plan_payout", asset="USD", rail="stripe"),
             tool("release", payout_id=one, reason="it was fine"),
             tool("release", payout_id=one, reason="it was fine"),
             tool("cancel_payout", payout_id=one, reason="asked to"),
             tool("get_balance", party="did:a")]
    held, planned, released, twice, cancelled, balance = session(*how, plan_of(s, judge, *steps))[0][2:]
    equal(content(held)["party"], "did:a", "a supervisor holds")
    equal(content(planned)["rail"], "stripe", "plans")
    equal((content(released)["transfer_id"], refusal(twice)), (one, "state_forbids"), "releases, once")
    equal(content(cancelled)["state"], "cancelled", "and cancels what was not sent")
    usd_row = [b for b in content(balance)["balances"] if b["asset"] == "USD/2"][0]
    equal(usd_row["cleared"], "2500", "which is the party's again")


def without_server(s, party):
    """mete mcp opens a store itself, when no server writes it; a key says who asks there, too."""
    busy = subprocess.run([METE, "mcp", "--store", str(s.store)], input="", text=True,
                          capture_output=True, env=s.env)
    ok(busy.returncode == 1 and "store_busy" in busy.stderr, "a store that a server writes", busy)
    s.stop()
    how = ("modern", "stdio")
    plan = {"command": METE, "args": ["mcp", "--store", str(s.store)],
            "steps": [["listTools"], tool("get_balance", party="did:b")]}
    tools, balance = session(*how, plan)[0][1:]
    names = {t["name"] for t in tools["result"]["tools"]}
    ok({"create_key", "override", "plan_payout"} <= names, "its owner may do everything", names)
    equal(content(balance)["party"], "did:b", "and sees everybody")
    tools, balance = session(*how, {**plan, "key": party})[0][1:]
    equal(({t["name"] for t in tools["result"]["tools"]}, refusal(balance)), (AGENT, "not_found"),
          "whoever shows a key may do what it may")
    results = session(*how, {**plan, "key": "mete_nobodys"})[0]
    equal([r for r in results if "error" not in r and "connected" not in r], [], "or nothing")


def supervisor(s, how, key, own):
    era, transport = how
    row, other = own[0], own[1]
    draft = {"id": "urn:p", "kind": "weights", "shares": [{"party": "did:b", "weight": "1"}]}
    steps = [["listTools"], tool("simulate", policy=draft), tool("get_balance", party="did:b"),
             tool("dispute", allocation_id=row, reason="copied", dry_run=True),
             tool("dispute", allocation_id=row, reason=f"copied {how}"),
             tool("override", allocation_id=other, reason="nobody disputed it"),
             tool("dispute", allocation_id=row),
             tool("dispute", allocation_id=row, reason="x", colour="red"),
             tool("list_allocations", limit="ten")]
    results, _ = session(*how, plan_of(s, key, *steps))
    if not equal(len(results), len(steps) + 1, f"{how}: the supervisor's session"):
        return note(results)
    tools, draft, balance, tried, held, early, short, strange, typed = results[1:]
    names = {t["name"] for t in tools["result"]["tools"]}
    ok({"simulate", "override", "uphold", "dispute"} <= names and "get_my_earnings" not in names,
       f"{how}: the tools of a supervisor's key", names)
    hints = {t["name"]: t["annotations"] for t in tools["result"]["tools"]}
    equal((hints["explain"]["readOnlyHint"], hints["uphold"]["destructiveHint"],
           hints["dispute"]["destructiveHint"], hints["dispute"]["idempotentHint"]),
          (True, True, False, True), f"{how}: what the tools say of themselves")
    equal(content(draft)["changed"], 2, f"{how}: what would have been")
    equal(content(balance)["party"], "did:b", f"{how}: everybody's balance")
    equal((content(tried)["status"], content(held)["status"]), ("applied", "applied"),
          f"{how}: a rehearsal, and the thing itself")
    equal([refusal(r) for r in (early, short, strange, typed)],
          ["state_forbids", "request_invalid", "request_invalid", "request_invalid"],
          f"{how}: what was wrong is said in words")
    ok("reason" in short["result"]["content"][0]["text"], f"{how}: and which argument")


# --- the transcript ------------------------------------------------------------------------------

def short(message):
    """A message for readers: schemas and repeated texts are left out."""
    m = json.loads(json.dumps(message))
    for t in m.get("result", {}).get("tools", []):
        t["inputSchema"] = t["outputSchema"] = "..."
    result = m.get("result", {})
    if "structuredContent" in result:
        result["content"] = "... the same as text"
    if "instructions" in result:
        result["instructions"] = "..."
    text = json.dumps(m, indent=1, ensure_ascii=False)
    text = re.sub(r"req_[0-9a-f]{24}", "req_...", text)
    text = re.sub(r"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d)[.\d]*Z", "2026-11-21T12:00:00Z", text)
    return re.sub(r"\n *", " ", text)


def record(messages, page):
    head = page.read_text().split("<!-- transcript -->")[0] + "<!-- transcript -->\n\n"
    lines = []
    for m in messages:
        lines.append(f"{'client' if m['to'] == 'server' else 'server'}:\n\n```json\n{short(m['message'])}\n```\n")
    page.write_text(head + "\n".join(lines))


def main():
    with Served() as s:
        s.key = s.make_key("revenue:write,policy:write,earnings:read,audit:read,admin,payout:write")
        party = s.make_key("earnings:read,dispute:write,payout:write", "--party", "did:a")
        judge = s.make_key("earnings:read,dispute:write,policy:read,payout:write,payout:approve")
        now = s.get("/v1/parties")[2]["as_of"]
        own, others = story(s, now)
        for how in (("legacy", "http"), ("modern", "http"), ("legacy", "stdio"), ("modern", "stdio")):
            strangers(s, how, party, others)
        messages = agent(s, ("modern", "http"), party, own, others)
        agent(s, ("legacy", "stdio"), party, own, others)
        payouts(s, judge)
        supervisor(s, ("legacy", "http"), judge, others[1:])
        supervisor(s, ("modern", "stdio"), judge, others[2:])
        without_server(s, party)
        if "--record" in sys.argv:
            record(messages, ROOT / "doc/mcp.md")


main()
done()

# SPDX-License-Identifier: Apache-2.0
"""covers: F-006
What a stranger reads first: the terms of a book, and the guide, every example of which is tried."""
import base64
import hashlib
import re
import subprocess

from served import METE, Served, done, equal, event, ok

PATH = "/.well-known/fair-policy.json"


def usd(amount):
    return {"amount": amount, "currency": "USD"}


def fees(event_id, *schedule, **more):
    return event(event_id, "fees.scheduled", {"fees": list(schedule), **more})


def terms(s, **more):
    status, headers, body = s.get(PATH, **more)
    equal(status, 200, "the terms")
    return body


def of_a_new_book(s):
    body = terms(s)
    equal((body["version"], body["node"], body["book"], body["software"]),
          ("1.0.0", f"http://127.0.0.1:{s.port}", "main", "mete " + s.get("/version")[2]["version"]),
          "whose they are")
    equal((body["fees"], body["fees_version"], body["fees_since"]), ([], 0, None), "no fees")
    equal(body["clearing"], {"clear_after_days": 7, "dispute_auto_clear_days": 14}, "7 and 14 days")
    equal((body["settlement"], body["attribution"]["required"], body["attribution"]["unallocated"]),
          ({"minimum": None}, False, "mete:unallocated"), "nothing else was said")
    equal(body["attribution"]["manifest_formats"],
          ["0.1", "0.2", "0.2.0", "0.3", "0.4.0", "1.0", "1.1"], "manifests that are read")
    bad = {n: p for n, p in body["endpoints"].items()
           if s.request("OPTIONS", re.sub(r"\{\w+\}", "x", p))[0] != 204}
    equal(bad, {}, "its endpoints are there")
    ok({"events", "manifests", "balance", "checkpoint"} <= set(body["endpoints"]), "and some are")


def of_its_events(s):
    infrastructure = {"label": "infrastructure", "bps": 200, "payee": "did:fair:foundation",
                      "children": [{"label": "pattern", "share_bps": 2500, "payee": "did:ethr:0xW"}]}
    s.post("/v1/events", [
        event("conf", "book.configured",
              {"clear_after_days": 3, "dispute_auto_clear_days": 9, "attribution_required": True,
               "payout_minimum": {"amount": "500", "currency": "SAT"}, "unallocated": "did:pool"}),
        fees("fees-1", infrastructure),
        fees("fees-2", dict(infrastructure, bps=300), {"label": "desk", "payee": "did:desk",
                                                       "fixed": usd("0.30")},
             effective_from="2025-06-01T00:00:00Z"),
        fees("fees-3", dict(infrastructure, bps=9000), effective_from="2999-01-01T00:00:00Z")])
    body = terms(s)
    equal(body["fees"], [
        {"label": "infrastructure", "rateBps": 300, "recipient": "did:fair:foundation",
         "children": [{"label": "pattern", "shareBps": 2500, "recipient": "did:ethr:0xW"}]},
        {"label": "desk", "fixed": {"amount": "30", "asset": "USD/2"}, "recipient": "did:desk",
         "children": []}], "the schedule that is in force, not the first, not the next")
    equal((body["fees_version"], body["fees_since"][:10]), (2, "2025-06-01"), "its version")
    equal((body["clearing"], body["settlement"], body["attribution"]["required"],
           body["attribution"]["unallocated"]),
          ({"clear_after_days": 3, "dispute_auto_clear_days": 9},
           {"minimum": {"amount": "500", "asset": "SAT/0"}}, True, "did:pool"), "its settings")
    s.post("/v1/events", event("e", "revenue.received", {"party": "did:a", "amount": usd("100.00")},
                               "2025-07-01T00:00:00Z"))
    got = {a["party"]: a["amount"] for a in s.get("/v1/allocations?event=e")[2]["allocations"]}
    equal(got, {"did:a": str(10000 - 300 - 30)}, "and what is told is what is taken")


def keys_of_the_log(s):
    body = terms(s)["log"]
    note = s.get("/v1/log/checkpoint")[2]
    equal(note.split("\n")[0], body["origin"], "the name that heads are signed under")
    name, key_id, key = body["verifier"].split("+", 2)
    raw = base64.b64decode(key)
    equal((name, raw[0], len(raw)), (body["origin"], 1, 33), "a verifier key of an Ed25519 key")
    equal(key_id, hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8], "with its id")
    signed = note.strip().split("\n")[-1].split(" ")
    equal((signed[1], base64.b64decode(signed[2])[:4].hex()), (name, key_id), "which signs the head")
    (s.folder / "head").write_text(note)
    check = [METE, "log", "verify", "--checkpoint", str(s.folder / "head"), "--store",
             str(s.store), "--key"]
    equal(subprocess.run(check + [body["key"]], capture_output=True).returncode, 0,
          "the signature holds under the did:key that is told")
    other = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
    ok(subprocess.run(check + [other], capture_output=True).returncode != 0, "and under no other")


def whose_book():
    """The book of the key; without one, that of the server."""
    s = Served("--book", "first")
    for book in ("first", "second"):
        subprocess.run([METE, "init", "--store", str(s.store), "--book", book], check=True,
                       capture_output=True)
    with s:
        first = s.make_key("earnings:read", "--book", "first")
        second = s.make_key("admin", "--book", "second")
        party = s.make_key("earnings:read", "--book", "second", "--party", "did:a")
        s.post("/v1/events", event("c", "book.configured", {"clear_after_days": 1}), key=second)
        for key, book, days in (("", "first", 7), (first, "first", 7), (second, "second", 1),
                                (party, "second", 1)):
            body = terms(s, key=key)
            equal((body["book"], body["clearing"]["clear_after_days"]), (book, days),
                  "the book of the key, else of the server")
        equal(terms(s, key=first)["log"]["key"] == terms(s, key=second)["log"]["key"], True,
              "one key file, one key")
        ok(terms(s, key=first)["log"]["verifier"] != terms(s, key=second)["log"]["verifier"],
           "and a name of its own for each book")
        equal(s.get(PATH, key="mete_x")[0], 401, "an unknown key is no guest")
        headers = s.get(PATH)[1]
        ok("private" in headers["Cache-Control"] and "Authorization" in headers["Vary"],
           "nobody gets another's from a cache")


# --- the guide -------------------------------------------------------------------------------------

def blocks(text):
    """(method, target, body) of each request that the guide shows."""
    for block in re.findall(r"```http\n(.*?)```", text, re.S):
        line, _, body = block.partition("\n")
        method, target = line.split(" ")
        yield method, target, body.strip()


def rows_of(text):
    return dict(re.findall(r"^\| `([a-z0-9:]+)` \| (.*) \|$", text, re.M))


def the_guide():
    with Served() as s:
        status, headers, text = s.get("/llms.txt")
        equal((status, headers["Content-Type"]), (200, "text/plain; charset=utf-8"), "the guide")
        ok(text.startswith("# mete\n\n> "), "begins with its title and what it is about")
        requests = list(blocks(text))
        wrong = []
        for method, target, body in requests:
            status, _, answer = s.request(method, target, body or None)
            results = answer.get("results", []) if isinstance(answer, dict) else []
            if status not in (200, 201) or any(r["status"] != "applied" for r in results):
                wrong.append((method, target, status, answer))
        equal(wrong, [], f"its {len(requests)} examples work, one after the other")
        ok(len(requests) > 12, "there are examples")
        listed = subprocess.run([METE, "serve", "--routes"], capture_output=True, text=True,
                                check=True).stdout
        paths = [line.split()[1] for line in listed.splitlines()]
        for link in re.findall(r"\]\((/[^)]*)\)", text):
            ok(link in paths or link == "/openapi.json", f"{link} is there")
        scopes = rows_of(text)
        for scope in {line.split()[3] for line in listed.splitlines()} - {"any", "none"}:
            ok(scope in scopes, f"it tells of the scope {scope}")
        for scope in scopes:
            s.make_key(scope)
        ok(True, "every scope that it names is one")
        ok(len(text) < 10000, "it is short enough to be read", len(text))


with Served() as s:
    of_a_new_book(s)
    of_its_events(s)
    keys_of_the_log(s)
    equal(s.stop(), 0, "it stops as it should")
whose_book()
the_guide()
done()

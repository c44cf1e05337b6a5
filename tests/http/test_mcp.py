# SPDX-License-Identifier: Apache-2.0
"""covers: R-038
POST /mcp by the letter: both eras, their headers, their errors; the doors that a browser would come
through; and requests that nobody should send, at random, which always get an answer of JSON-RPC."""
import json
import os
import random

from served import Served, done, equal, event, note, ok, revenue

MODERN = "2026-07-28"
META = {"io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {}}
POLICY = event("p", "policy.published", {"policy": {
    "id": "urn:p", "kind": "weights",
    "shares": [{"party": "did:a", "weight": "0.6"}, {"party": "did:b", "weight": "0.4"}]}})


def post(s, body, **headers):
    headers = {k.replace("_", "-"): v for k, v in headers.items()}
    return s.post("/mcp", body, headers={"Content-Type": "application/json", **headers})


def message(method, params=None, number=1):
    return {"jsonrpc": "2.0", "id": number, "method": method,
            **({} if params is None else {"params": params})}


def modern(s, method, params=None, **headers):
    params = {"_meta": META, **(params or {})}
    named = params.get("name", params.get("uri"))
    more = {"Mcp-Name": named} if isinstance(named, str) else {}
    return s.post("/mcp", message(method, params),
                  headers={"Content-Type": "application/json", "MCP-Protocol-Version": MODERN,
                           "Mcp-Method": method, **more, **headers})


def code_of(answer):
    return answer[0], answer[2].get("error", {}).get("code"), answer[2].get("id", "none")


def legacy_era(s):
    hello = {"protocolVersion": "2025-11-25", "capabilities": {},
             "clientInfo": {"name": "t", "version": "1"}}
    for asked, wanted in (("2025-11-25", "2025-11-25"), ("2025-06-18", "2025-06-18"),
                          ("2024-11-05", "2025-11-25"), (MODERN, "2025-11-25"),
                          ("1.0", "2025-11-25")):
        status, headers, body = post(s, message("initialize", {**hello, "protocolVersion": asked}))
        equal((status, body["result"]["protocolVersion"], headers.get("Mcp-Session-Id")),
              (200, wanted, None), f"initialize with {asked} is answered with {wanted}, no session")
    equal(set(body["result"]), {"protocolVersion", "capabilities", "serverInfo", "instructions"},
          "and with what belongs to it")
    for broken in ({}, {**hello, "capabilities": None}, {**hello, "clientInfo": 1},
                   {**hello, "protocolVersion": 7}):
        equal(code_of(post(s, message("initialize", broken))), (200, -32602, 1),
              "initialize needs its three members")
    equal(post(s, message("ping"), MCP_Protocol_Version="2025-11-25")[2],
          {"jsonrpc": "2.0", "id": 1, "result": {}}, "ping")
    equal(code_of(post(s, message("ping"), MCP_Protocol_Version="2023-01-01")), (400, -32022, 1),
          "a version that is not spoken")
    equal(code_of(post(s, message("server/discover"))), (200, -32601, 1),
          "a method of the other era")
    equal(code_of(post(s, message("tools/list", {"cursor": "x"}))), (200, -32602, 1),
          "a cursor of somebody else")
    equal(code_of(post(s, message("resources/read", {"uri": "file:///etc/passwd"}))),
          (200, -32002, 1), "a resource that is none")


def modern_era(s):
    status, _, body = modern(s, "server/discover")
    equal((status, body["result"]["resultType"], body["result"]["supportedVersions"][0]),
          (200, "complete", MODERN), "server/discover")
    listed = modern(s, "tools/list")[2]["result"]
    equal((listed["cacheScope"], listed["ttlMs"]), ("private", 60000), "a list is for one key alone")
    names = [t["name"] for t in listed["tools"]]
    equal(names, [t["name"] for t in modern(s, "tools/list")[2]["result"]["tools"]],
          "the same order each time")
    for wrong, why in (({"Mcp-Method": "ping"}, "another method"), ({"Mcp-Method": ""}, "no method"),
                       ({"MCP-Protocol-Version": "2025-11-25"}, "another version")):
        equal(code_of(modern(s, "tools/list", **wrong)), (400, -32020, 1), f"a header says {why}")
    call = {"name": "get_balance", "arguments": {"party": "did:a"}}
    equal(code_of(modern(s, "tools/call", call, **{"Mcp-Name": "explain"})), (400, -32020, 1),
          "a header names another tool")
    coded = modern(s, "tools/call", call, **{"Mcp-Name": "=?base64?Z2V0X2JhbGFuY2U=?="})
    equal((coded[0], coded[2]["result"]["isError"]), (200, False), "a name in base64 is the same")
    equal(code_of(modern(s, "tools/call", call, **{"Mcp-Name": "=?base64?Z2V0X2JhbGFuY2V=?="})),
          (400, -32020, 1), "broken base64 is no name")
    body = message("tools/list", {"_meta": META})
    equal(code_of(post(s, body)), (400, -32020, 1), "no header at all")
    body = message("tools/list", {"_meta": {**META, "io.modelcontextprotocol/protocolVersion": "1"}})
    answer = post(s, body, MCP_Protocol_Version="1", Mcp_Method="tools/list")
    equal((code_of(answer), answer[2]["error"]["data"]["requested"]), ((400, -32022, 1), "1"),
          "a version that is not spoken")
    equal(code_of(post(s, message("tools/list"), MCP_Protocol_Version=MODERN)), (400, -32602, 1),
          "a request without what it has to say of itself")
    for method in ("ping", "initialize", "subscriptions/listen", "prompts/list", ""):
        equal(code_of(modern(s, method)), (404, -32601, 1), f"no method \"{method}\"")
    equal(code_of(modern(s, "tools/call", {"name": "x"})), (200, -32602, 1), "no such tool")
    equal(code_of(modern(s, "resources/read", {"uri": "mete://balance/did:x"})), (200, -32602, 1),
          "no such resource")


def form(s):
    for body, wanted in ((b"{", (400, -32700, "none")), (b"", (400, -32700, "none")),
                         (b"\xff", (400, -32700, "none")), (b'{"a":1,"a":2}', (400, -32700, "none")),
                         (b"[]", (400, -32600, "none")), (b"1", (400, -32600, "none")),
                         ([message("ping")], (400, -32600, "none")), ({}, (400, -32600, "none")),
                         ({"jsonrpc": "1.0", "id": 4, "method": "ping"}, (400, -32600, 4)),
                         ({**message("ping"), "id": None}, (400, -32600, "none")),
                         ({**message("ping"), "id": 1.5}, (400, -32600, "none")),
                         ({**message("ping"), "id": []}, (400, -32600, "none")),
                         ({**message("ping"), "method": 1}, (400, -32600, 1)),
                         ({"jsonrpc": "2.0", "id": 1}, (400, -32600, 1)),
                         ({**message("ping"), "params": []}, (200, -32602, 1)),
                         ({**message("ping"), "params": "x"}, (200, -32602, 1))):
        equal(code_of(post(s, body)), wanted, f"{str(body)[:50]}")
    equal(post(s, {**message("ping"), "id": "ü\n\""})[2]["id"], "ü\n\"", "an id comes back as it was")
    for quiet in ({"jsonrpc": "2.0", "method": "notifications/cancelled"},
                  {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "dispute"}},
                  {"jsonrpc": "2.0", "id": 1, "result": {}}):
        status, _, raw = post(s, quiet)
        equal((status, raw), (202, ""), "nothing is said of a notification, and nothing done")


def doors(s):
    for method in ("GET", "DELETE"):
        status, headers, _ = s.request(method, "/mcp", headers={"Mcp-Session-Id": "x"})
        equal((status, headers["Allow"]), (405, "POST, OPTIONS"), f"{method}: there are no sessions")
    here = f"127.0.0.1:{s.port}"
    for origin, wanted in ((f"http://{here}", 200), ("https://good.example", 200),
                           ("https://good.example:444", 403), ("http://evil.example", 403),
                           ("null", 403), ("", 403), (f"http://{here}.evil.example", 403),
                           ("ftp://" + here, 403)):
        equal(post(s, message("ping"), Origin=origin)[0], wanted, f"Origin {origin}")
    s_key, s.key = s.key, "mete_nobodys"
    equal(post(s, message("ping"), Origin="http://evil.example")[0], 403, "before any key is read")
    status, headers, _ = post(s, message("ping"))
    equal((status, headers["WWW-Authenticate"]), (401, "Bearer"), "no key, no answer")
    s.key = s_key
    equal(s.post("/mcp", "{}", headers={"Content-Type": "text/plain"})[0], 415, "only JSON")
    equal(post(s, message("ping"), Accept="text/event-stream")[0], 406, "an answer is JSON")
    equal(post(s, message("ping"), Accept="application/json, text/event-stream")[0], 200,
          "as clients of the protocol ask")


def scopes(s):
    """A tool is listed exactly when its route may be asked."""
    tools = {t["name"]: t for t in post(s, message("tools/list"))[2]["result"]["tools"]}
    ok(len(tools) > 9, f"{len(tools)} tools for who may do everything")
    for scope, wanted in (("earnings:read", {"get_balance", "list_allocations", "explain",
                                             "get_statement", "list_payouts",
                                             "list_disputes", "get_dispute"}),
                          ("admin", {"list_keys", "create_key", "rotate_key", "revoke_key"}),
                          ("payout:approve", {"hold", "release", "cancel_payout"}),
                          ("policy:read", {"simulate"}), ("facilitator", set()),
                          ("dispute:write", {"dispute", "add_evidence", "escalate", "override",
                                             "uphold"})):
        weak = s.make_key(scope)
        listed = s.post("/mcp", message("tools/list"), key=weak)[2]["result"]["tools"]
        equal({t["name"] for t in listed}, wanted, f"the tools of {scope}")
        for name in set(tools) - wanted:
            answer = s.post("/mcp", message("tools/call", {"name": name, "arguments": {}}), key=weak)
            if code_of(answer)[1] != -32602 or "Unknown tool" not in answer[2]["error"]["message"]:
                ok(False, f"{scope}: {name} is not there", answer[2])


# --- at random -----------------------------------------------------------------------------------

WORDS = ["", "tools/call", "tools/list", "resources/read", "initialize", "ping", "dispute", "explain",
         "get_balance", "did:a", "mete://balance/did:a", "mete://", "2.0", MODERN, "../..", "%00",
         "ü" * 50, "\0", "x" * 3000, "{id}", "sale-0/1", "true"]
NAMES = ["jsonrpc", "id", "method", "params", "name", "arguments", "_meta", "uri", "party", "reason",
         "allocation_id", "cursor", "limit", "dry_run", "policy", "idempotency_key", *META]


def anything(r, depth=0):
    kind = r.randrange(9 if depth < 5 else 6)
    if kind == 0:
        return r.choice([None, True, False])
    if kind == 1:
        return r.choice([0, -1, 10**30, 1.5, 2**63, -0.0])
    if kind < 6:
        return r.choice(WORDS)
    if kind == 6:
        return [anything(r, depth + 1) for _ in range(r.randrange(4))]
    return {r.choice(NAMES): anything(r, depth + 1) for _ in range(r.randrange(5))}


def almost(r):
    """A good call in which one thing is another."""
    tool, arguments = r.choice([
        ("get_balance", {"party": "did:a"}), ("explain", {"id": "sale-0"}),
        ("list_allocations", {"state": "pending", "limit": 3}), ("simulate", {"policy": {}}),
        ("dispute", {"allocation_id": "sale-0/1", "reason": "r", "dry_run": True})])
    m = message("tools/call", {"name": tool, "arguments": dict(arguments)}, r.randrange(99))
    where = r.choice([m, m["params"], m["params"]["arguments"]])
    where[r.choice(list(where) + NAMES)] = anything(r, 2)
    return m


def loose(r):
    """The frame of a message, and anything in it."""
    m = anything(r)
    return {**m, "jsonrpc": "2.0", "method": r.choice(WORDS)} if isinstance(m, dict) else m


def spoil(r, raw):
    raw = bytearray(raw)
    for _ in range(r.randrange(1, 4)):
        at = r.randrange(len(raw) + 1)
        kind = r.randrange(3)
        if kind == 0:
            raw[at:at] = bytes([r.randrange(256)])
        elif kind == 1:
            del raw[at:at + r.randrange(1, 9)]
        else:
            raw[at:at] = raw[:r.randrange(20)]
    return bytes(raw)


def is_answer(answer):
    status, _, body = answer
    if status == 202:
        return body == ""
    if not isinstance(body, dict) or body.get("jsonrpc") != "2.0" or status not in (200, 400, 404):
        return False
    return ("result" in body) != ("error" in body) and \
        ("result" in body or isinstance(body["error"]["code"], int))


def fuzz(s):
    seed = int(os.environ.get("METE_TEST_SEED", random.randrange(2**32)))
    note(f"seed {seed}")
    r = random.Random(seed)
    seen, bad = {}, []
    for _ in range(1500):
        kind = r.randrange(3)
        body = json.dumps(loose(r) if kind == 0 else almost(r)).encode()
        body = spoil(r, body) if kind == 2 else body
        headers = {"MCP-Protocol-Version": r.choice(["2025-11-25", MODERN, "1"])} if r.random() < 0.3 else {}
        answer = post(s, body, **headers)
        if not is_answer(answer):
            bad.append((body[:300], answer[0], answer[2]))
        kind = answer[2] and (answer[2].get("error", {}).get("code") or
                              f"isError {answer[2]['result'].get('isError')}")
        seen[kind or "202"] = seen.get(kind or "202", 0) + 1
    note(f"what came: {seen}")
    equal(bad[:3], [], "each of 1,500 requests at random is answered by JSON-RPC")
    equal([k for k in (-32700, -32600, -32601, -32602, -32022, "202", "isError True", "isError False")
           if seen.get(k, 0) < 3], [], "every kind of answer came")
    equal(s.get("/healthz")[0], 200, "the server is well")


def main():
    with Served("--mcp-origins", "https://other.example, https://good.example") as s:
        s.key = s.make_key("revenue:write,policy:write,policy:read,earnings:read,dispute:write,"
                           "audit:read,payout:write,payout:approve,admin")
        s.post("/v1/events", [POLICY, revenue("sale-0")])
        legacy_era(s)
        modern_era(s)
        form(s)
        doors(s)
        scopes(s)
        fuzz(s)
    with Served() as s:  # no key exists: open to this machine, and to no page
        equal(post(s, message("ping"))[0], 200, "without any key this machine may ask")
        equal(post(s, message("ping"), Origin="http://evil.example")[0], 403, "and no page")
        equal(post(s, message("ping"), Host="evil.example")[0], 401, "nor by another name")


main()
done()

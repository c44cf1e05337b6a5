# SPDX-License-Identifier: Apache-2.0
"""covers: V-042 V-043 V-048 V-050 V-095 V-106 V-111
What can be paid for: registered, seen in payments, listed, searched and counted; and the
facilitator's own numbers, by the names of its environment."""
import base64
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path[1:1] = [str(pathlib.Path(__file__).parent.parent / d) for d in ("rails", "http")]
from chain import X402Chain  # noqa: E402
from facilitated import Facilitator  # noqa: E402
from scripts import Signer  # noqa: E402
from served import done, equal, ok, until  # noqa: E402

WEATHER = "https://api.example.org/weather"
OWN = tempfile.NamedTemporaryFile("w+", suffix=".json")  # the operator's own numbers
OWN.write(json.dumps({"metrics": [{"name": "income", "help": "Income by x402.", "event": "x402.settled", "value": "/payload/amount/amount",
                                   "labels": {"resource": "/payload/resource", "currency": "/payload/amount/currency"}}]}))
OWN.flush()


def entry(chain, url=WEATHER, **more):
    return {"resource": url, "description": "The weather of tomorrow", "mimeType": "application/json",
            "tags": ["weather", "Weather", "x" * 40], "serviceName": "Sky",
            "accepts": [{"scheme": "exact", "network": chain.network, "amount": "10000",
                         "asset": chain.address("Fiat"), "payTo": chain.address("merchant"),
                         "maxTimeoutSeconds": 60, "extra": {"name": "USD Coin", "version": "2"}}], **more}


def registered(s, chain):
    equal(s.get("/discovery/resources")[2]["items"], [], "nothing is listed at first")
    status, _, said = s.post("/discovery/resources", entry(chain))
    equal((status, said["changed"], said["dropped"]), (201, True, "tags"), "registered; a tag breaks the rules")
    equal(s.post("/discovery/resources", entry(chain))[0], 200, "and is the same the second time")
    equal(s.post("/discovery/resources", {"resource": WEATHER})[0], 400, "without requirements it is none")
    for i in range(3):
        s.post("/discovery/resources", entry(chain, f"https://api.example.org/{i}", description=f"number {i}"))
    page = s.get("/discovery/resources?limit=2&offset=1")[2]
    equal(([i["resource"][-1] for i in page["items"]], page["pagination"]),
          (["0", "1"], {"limit": 2, "offset": 1, "total": 4}), "pages by offset, in the order of listing")
    item = s.get("/discovery/resources?limit=1")[2]["items"][0]
    equal((item["type"], item["tags"], item["serviceName"], item["accepts"][0]["payTo"]),
          ("http", ["weather"], "Sky", chain.address("merchant")), "with what it says of itself")


def shown_elsewhere(s, chain):
    """An entry as other catalogues show it, and as this one does, posted back: it says as much as before."""
    outside = ("description", "mimeType", "tags", "serviceName")
    flat = entry(chain, "https://meta.example.org/a", tags=["weather"], iconUrl="https://meta.example.org/i.png")
    nested = {k: v for k, v in flat.items() if k not in outside} | {"metadata": {k: flat[k] for k in outside}}
    equal(s.post("/discovery/resources", nested)[0], 201, "an entry with metadata is registered")
    item = next(i for i in s.get("/discovery/resources?limit=100")[2]["items"] if i["resource"] == flat["resource"])
    equal({k: item.get(k) for k in (*outside, "iconUrl")}, {k: flat[k] for k in (*outside, "iconUrl")}, "and shown with all of it")
    equal([s.post("/discovery/resources", e)[2]["changed"] for e in (flat, item)], [False, False],
          "the same outside of it, and as it was shown, changes nothing")
    s.post("/discovery/resources", {**nested, "description": "Another", "serviceName": None})
    item = next(i for i in s.get("/discovery/resources?limit=100")[2]["items"] if i["resource"] == flat["resource"])
    equal((item["description"], item["serviceName"]), ("Another", "Sky"), "what stands outside counts")
    equal(s.post("/discovery/resources", {**flat, "metadata": "none"})[0], 201, "metadata that is none says nothing")


def searched(s, chain):
    found = s.get("/discovery/search?query=WEATHER%20tomorrow")[2]
    equal([i["resource"] for i in found["resources"]], [WEATHER], "all words, whatever their case")
    equal(s.get("/discovery/search?query=weather%20of%20mars")[2]["resources"], [], "and none is left out")
    equal(s.get("/discovery/search")[0], 400, "without words there is nothing to look for")
    for name, value, count in (("network", chain.network, 4), ("network", "eip155:1", 0), ("scheme", "upto", 0),
                               ("payTo", chain.address("merchant").lower(), 4),
                               ("payTo", chain.address("stranger"), 0), ("extensions", "bazaar", 0)):
        equal(s.get(f"/discovery/resources?{name}={value}")[2]["pagination"]["total"], count,
              f"{name}={value[:12]}: {count}")


def bazaar(info):
    return {"bazaar": {"info": info, "schema": {"type": "object", "properties": {"input": {"type": "object"}},
                                                "required": ["input"]}}}


def said_of(s, path, payment, extensions):
    body = json.loads(payment["body"]) if isinstance(payment["body"], str) else json.loads(json.dumps(payment["body"]))
    body["paymentPayload"]["extensions"] = extensions
    status, headers, answer = s.post(path, body)
    told = headers.get("EXTENSION-RESPONSES")
    return status, answer, json.loads(base64.b64decode(told))["bazaar"] if told else None


def seen(s, signer):
    url = "http://127.0.0.1/thing"
    good = bazaar({"input": {"type": "http", "method": "GET", "queryParams": {"city": "Bern"}}})
    p = signer.pay()
    status, answer, told = said_of(s, "/verify", p, good)
    equal((status, answer["isValid"], told["status"]), (200, True, "processing"), "a payment says what it is for")
    big = bazaar({"input": {"type": "http", "method": "GET", "queryParams": {"city": "B" * 20000}}})
    told = said_of(s, "/verify", p, big)[2]
    equal((told["status"], "16384 bytes" in told.get("rejectedReason", "")), ("rejected", True), "which may not be as long as it likes")
    before = s.events("x402.listed")
    for n in range(5):
        said_of(s, "/verify", p, bazaar({"input": {"type": "http", "method": "GET", "queryParams": {"city": str(n)}}}))
    equal(said_of(s, "/verify", p, bazaar({"input": {"type": "smoke"}}))[2]["status"], "rejected",
          "what breaks a rule is rejected, and the payment is valid all the same")
    equal(said_of(s, "/verify", p, {})[2], None, "a payment that says nothing hears nothing")
    equal(s.events("x402.listed"), before, "what is only verified costs nothing, and leaves nothing in the log")
    status, answer, told = said_of(s, "/settle", p, good)
    equal((answer["success"], told["status"]), (True, "processing"), "settling says it too")
    until("and then it is listed", lambda: s.get("/discovery/resources?extensions=bazaar")[2]["pagination"]["total"] == 1)
    numbers = s.get(f"/discovery/analytics?resource={url}")[2]
    equal((numbers["settlements"], numbers["failures"], numbers["payers"], numbers["volume"][0]["value"]),
          (1, 0, 1, p["body"]["paymentRequirements"]["amount"] if isinstance(p["body"], dict) else "10000"),
          "and what was paid for it is counted")


def counted(s, signer, chain):
    s.post("/verify", signer.pay(fault="flipped_bit")["body"])
    had = int(chain.rpc("eth_getBalance", chain.address("facilitator"), "latest"), 16)
    chain.set_gas_money("facilitator", 7 * 10**9 + 1)
    poor = s.post("/settle", signer.pay()["body"])[2]
    ok(poor["success"] is False and "too little to pay for the gas" in poor["errorMessage"], "an account without coins settles nothing, and says why", poor)
    until("and so says the log", lambda: '"code":"unexpected_settle_error","why":"the facilitator\'s account has too little' in s.said())
    poor = s.get("/metrics")[2]
    chain.set_gas_money("facilitator", had)
    ok(f'mete_x402_account_coins_gwei{{network="eip155:{chain.chain_id}"}} 7\n' in (poor if isinstance(poor, str) else poor.decode()), "counted: its coins")
    text = s.get("/metrics")[2]
    text = text if isinstance(text, str) else text.decode()
    for line in ('mete_x402_verifications_total{outcome="none"}', "mete_x402_settle_seconds_count 1",
                 'mete_x402_verifications_total{outcome="invalid_exact_evm_signature"} 1',
                 'mete_x402_settlements_total{outcome="none"} 1', "mete_x402_rpc_posts_total{network=",
                 'mete_custom_income_total{book="main",resource="http://127.0.0.1/thing",currency="USDC"} 0.01'):
        ok(line in text, f"counted: {line}")


def listed_once(s, signer, chain):
    chain.approve_permit2("payer")
    good = bazaar({"input": {"type": "http", "method": "GET", "queryParams": {"city": "Bern"}}})
    other = bazaar({"input": {"type": "http", "method": "GET", "queryParams": {"city": "Basel"}}})
    pairs = [(signer.pay(), good), (signer.pay(), other)]
    for p, said in pairs:
        said_of(s, "/settle", p, said)
    equal((said_of(s, "/verify", signer.pay(), good)[2]["status"], said_of(s, "/settle", *pairs[0])[2]["status"]), ("success", "success"),
          "and known from then on")
    until("the last one stands", lambda: "Basel" in json.dumps(s.get("/discovery/resources?extensions=bazaar")[2]))
    after = s.events("x402.listed")
    for p, said in pairs * 3:
        said_of(s, "/settle", p, said)
    equal(s.events("x402.listed"), after, "who asks again for what was settled changes nothing in the list")
    free = signer.pay(kind="upto")
    free["body"]["paymentRequirements"]["amount"] = "0"
    equal(said_of(s, "/settle", free, bazaar({"input": {"type": "http", "method": "POST", "bodyType": "json", "body": {}}}))[1]["success"], True,
          "a payment that charges nothing settles")
    equal(s.events("x402.listed"), after, "and lists nothing")


with X402Chain() as chain, Signer(chain) as signer, Facilitator(chain, conf=f"[metrics]\nfile = {OWN.name}\n") as facilitator:
    registered(facilitator, chain)
    searched(facilitator, chain)
    seen(facilitator, signer)
    counted(facilitator, signer, chain)
    listed_once(facilitator, signer, chain)
    shown_elsewhere(facilitator, chain)
done()

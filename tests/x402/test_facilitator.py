# SPDX-License-Identifier: Apache-2.0
"""The facilitator on a real chain: every kind of payment settles once and is booked once, and every
wrong one is refused with the reason that the official facilitator gives for the same bytes.
covers: V-040 V-041 V-045 V-046 V-049 V-094 V-070 V-071 V-072 V-073 V-074 V-120 V-121"""
import http.client
import json
import subprocess

from facilitated import Facilitator, audited, once
from chain import MILLION, PLACES, ROLES, X402Chain
from scripts import Script, Signer
from served import METE, done, equal, event, note, ok, until

KINDS = ({}, {"version": 1}, {"kind": "permit2"}, {"kind": "upto"}, {"kind": "wallet1271"},
         {"kind": "wallet1271", "long": True}, {"kind": "wallet6492"}, {"kind": "delegated"},
         {"kind": "permit2", "from": "payer2", "gasless": True})
NAME, VERSION = "paymentRequirements.extra.name", "paymentRequirements.extra.version"
PAYLOAD = "paymentPayload.payload."
PERMIT = PAYLOAD + "permit2Authorization."

MORE = "invalid_upto_evm_payload_settlement_exceeds_amount"  # settling says what is charged, verifying the most
SIGNATURE, SIGNATURE_2 = "invalid_exact_evm_signature", "invalid_permit2_signature"
# What is wrong, and what ours says where it differs from the official answer on purpose:
# - a signature that no contract of a token takes is one without asking a node: the official one
#   recovers it, simulates, and calls it a failed simulation; that of a permit has a low s as well
# - what is no payload by the rules of the protocol is called that
# - what is wrong with a grant of EIP-2612 is said, not that there is none
WRONG = [
    ({"fault": "high_s"}, SIGNATURE), ({"fault": "v_0_1"}, SIGNATURE), ({"fault": "v_other"}, None), ({"fault": "s_zero"}, None),
    ({"fault": "r_zero"}, None), ({"fault": "r_order"}, None), ({"fault": "flipped_v"}, None),
    ({"fault": "flipped_bit"}, None), ({"fault": "zero"}, None), ({"fault": "compact"}, None), ({"fault": "long"}, None),
    ({"fault": "empty"}, None), ({"fault": "no_prefix"}, "invalid_payload"), ({"fault": "upper_case"}, None),
    ({"payTo": "stranger"}, None),
    ({"authorization": {"validBefore": "1000"}}, None),
    ({"authorization": {"validAfter": "99999999999"}}, None),
    ({"requirements": {"amount": "10001"}}, None), ({"requirements": {"amount": "9999"}}, None),
    ({"version": 1, "requirements": {"maxAmountRequired": "10001"}}, None),
    ({"version": 1, "fault": "flipped_bit"}, None),
    ({"from": "poor"}, None), ({"value": str(MILLION * 9)}, None),
    ({"signer": "stranger", "authorization": {"from": ROLES["payer"][0]}}, None),
    ({"domain": {"name": "Other Coin"}}, None), ({"domain": {"chainId": 1}}, None),
    ({"domain": {"version": "1"}, "tamper": [[VERSION, "1"], ["paymentPayload.accepted.extra.version", "1"]]}, None),
    ({"domain": {"name": "USDC"}, "tamper": [[NAME, "USDC"], ["paymentPayload.accepted.extra.name", "USDC"]]}, None),
    ({"remove": [NAME]}, None), ({"remove": [VERSION]}, None),
    ({"asset": "0x00000000000000000000000000000000000dead0"}, None),
    ({"tamper": [["paymentRequirements.scheme", "upto"]]}, "invalid_upto_evm_scheme"),
    ({"tamper": [["paymentPayload.accepted.scheme", "upto"]]}, "invalid_payload"),
    ({"tamper": [["paymentPayload.accepted.network", "eip155:1"]]}, None),
    ({"kind": "permit2", "fault": "flipped_bit"}, None), ({"kind": "permit2", "fault": "zero"}, None),
    ({"kind": "permit2", "fault": "high_s"}, SIGNATURE_2), ({"kind": "permit2", "fault": "compact"}, None),
    ({"kind": "permit2", "payTo": "stranger"}, None),
    ({"kind": "permit2", "authorization": {"deadline": "1000"}}, None),
    ({"kind": "permit2", "witness": {"validAfter": "99999999999"}}, None),
    ({"kind": "permit2", "requirements": {"amount": "10001"}}, None),
    ({"kind": "permit2", "authorization": {"spender": PLACES["UptoProxy"]}}, None),
    ({"kind": "permit2", "from": "delegated"}, None), ({"kind": "permit2", "from": "poor"}, None),
    ({"kind": "permit2", "from": "payer2", "gasless": True, "grant": {"deadline": "1000"}}, None),
    ({"kind": "permit2", "from": "payer2", "gasless": True, "grant": {"amount": "1"}}, "permit2_2612_amount_mismatch"),
    ({"kind": "permit2", "from": "payer2", "gasless": True, "grant": {"spender": ROLES["rival"][0]}}, None),
    ({"kind": "permit2", "from": "payer2", "gasless": True, "grant": {"nonce": "77"}}, None),
    ({"kind": "upto", "facilitator": "rival"}, None), ({"kind": "upto", "fault": "flipped_bit"}, None),
    ({"kind": "upto", "authorization": {"deadline": "1000"}}, None),
    ({"kind": "upto", "requirements": {"amount": "10001"}}, None), ({"kind": "upto", "payTo": "stranger"}, None),
    ({"kind": "wallet1271", "fault": "flipped_bit"}, None), ({"kind": "wallet1271", "signer": "stranger"}, None),
    ({"kind": "wallet6492", "factory": PLACES["Multicall3"]}, None),
    ({"kind": "wallet6492", "signer": "stranger"}, None), ({"kind": "wallet6492", "fault": "flipped_bit"}, None),
]


def raw_settle(mete, p):
    """The bytes of the answer."""
    c = http.client.HTTPConnection("127.0.0.1", mete.port, timeout=60)
    c.request("POST", "/settle", json.dumps(p["body"]), {"Content-Type": "application/json"})
    said = c.getresponse()
    raw = said.status, said.read()
    c.close()
    return raw


def kinds(chain, signer, mete):
    party = f"{chain.network}:{chain.address('merchant').lower()}"
    for job in KINDS:
        p = signer.pay(**job)
        paid, earned = mete.balance(party)["paid"], chain.balance("merchant")
        equal(mete.judged(p), (True, None), f"valid: {job}")
        first = raw_settle(mete, p)
        said = json.loads(first[1])
        equal((first[0], said["success"], said["payer"].lower(), said["network"]),
              (200, True, p["from"].lower(), chain.network_v1 if job.get("version") == 1 else chain.network), f"settled: {job}")
        equal([raw_settle(mete, p) for _ in range(3)], [first] * 3, f"asked again, the same answer byte for byte: {job}")
        once(chain, mete, p, f"one transfer, one payment in the book: {job}")
        equal((mete.state(p), mete.payment(p)["settled_by"]), ("settled", said["transaction"]), f"the book knows it: {job}")
        equal((mete.balance(party)["paid"] - paid, chain.balance("merchant") - earned), (10000, 10000),
              f"credited and paid, as on the chain: {job}")
        ok(mete.judged(p)[0] is False, f"not valid again: {job}", mete.judged(p))


def refusals(signer, mete, official):
    """Both are shown the same bytes; what is refused leaves no trace in the book."""
    differ = 0
    for job, own in WRONG:
        p = signer.pay(**job)
        ours = mete.judged(p)
        status, said = official.post("/verify", p["body"])
        theirs = (said.get("isValid"), said.get("invalidReason")) if status == 200 else (status, said)
        if own:
            equal((ours, theirs != ours), ((False, own), True), f"{job}: our own reason, {own}; the official one: {theirs}")
        elif ours != (True, None):
            equal(ours, theirs, f"{job}: the official reason, {ours[1]}")
        else:
            equal(ours, theirs, f"{job}: valid for both")
        differ += own is not None
        if not ours[0]:
            status, said = mete.settle(p)
            wanted = MORE if job.get("kind") == "upto" and "requirements" in job else ours[1]
            ok((said["success"], said["errorReason"], said["transaction"]) == (False, wanted, ""), "nor is it settled", said)
            equal(mete.payment(p), None, "the book has not heard of it")
    note(f"{len(WRONG)} wrong payments, {differ} with a reason of our own")


def wrapped(chain, signer, mete):
    """A wallet that stands is judged by its own word alone: nobody calls the factory that stands beside its signature."""
    for factory in (PLACES["Multicall3"], PLACES["WalletFactory"]):
        p = signer.pay(kind="wallet6492", factory=factory, **{"from": chain.wallets["deployed"]})
        equal(mete.judged(p), (True, None), "a wallet that stands, with a factory beside its signature: valid")
        said = mete.settle(p)[1]
        equal(said.get("success"), True, "settled")
        to = chain.rpc("eth_getTransactionByHash", said["transaction"])["to"]
        equal(to, p["body"]["paymentRequirements"]["asset"].lower(), "by a call to the token, and to nobody else")
    p = signer.pay(kind="wallet6492", fault="flipped_bit", **{"from": chain.wallets["deployed"]})
    equal(mete.judged(p), (False, SIGNATURE), "what it does not stand by is refused")


def split(chain, signer, mete):
    """What a resource earns is divided by its policy; others pay their pay_to."""
    merchant = chain.address("merchant")
    policy = event("p", "policy.published", {"policy": {"id": "urn:p", "kind": "weights", "shares": [
        {"party": "did:a", "weight": "0.6"}, {"party": "did:b", "weight": "0.4"}]}})
    equal(mete.post("/v1/events", policy)[0], 200, "a policy")
    put = mete.request("PUT", "/v1/x402/policies", {"pay_to": merchant, "resource": "https://shop.example/a/*", "policy": "urn:p"})
    ok(put[0] in (200, 201), "of whatever is below /a/ and paid to the merchant", put[2])
    before = mete.balance(f"{chain.network}:{merchant.lower()}")["paid"]
    for version in (1, 2):
        wanted = {"requirements": {"resource": "https://shop.example/a/1"}} if version == 1 else {"url": "https://shop.example/a/1"}
        p = signer.pay(version=version, value="1000", **wanted)
        equal(mete.settle(p)[1]["success"], True, f"it is settled: version {version}")
        equal((mete.payment(p)["policy"], mete.payment(p)["resource"]), ("urn:p", "https://shop.example/a/1"), "by the policy of its resource")
        why = mete.get("/v1/explain/" + mete.payment(p)["settled_by"].upper().replace("0X", "0x"))[2]
        told = next((n["text"] for n in why.get("children", []) if "x402.settled" in n["text"]), str(why)).split()[-1]
        shares = str(mete.get(f"/v1/explain/{told}")[2])
        equal((mete.id_of(p) in str(why), "did:a" in shares and "did:b" in shares), (True, True), "from the transaction's hash to everybody's share")
        equal([sum(mete.balance(d)[k] for k in ("pending", "cleared")) for d in ("did:a", "did:b")],
              [600 * version, 400 * version], "six and four of ten")
    equal(mete.balance(f"{chain.network}:{merchant.lower()}")["paid"], before, "nothing of which is the merchant's by name")
    p = signer.pay(value="1000", to="stranger", payTo="stranger", url="https://shop.example/a/1")
    equal((mete.settle(p)[1]["success"], mete.payment(p)["policy"]), (True, None), "who pays himself under that URL gets nobody's policy")
    equal(mete.balance(f"{chain.network}:{chain.address('stranger').lower()}")["paid"], 1000, "but his own money")
    p = signer.pay(value="1000")
    equal((mete.settle(p, policy="urn:p")[1]["success"], mete.payment(p)["policy"]), (True, None), "who may not write revenue names no policy")
    until("which the log says", lambda: '"policy":"left out: it takes a key with revenue:write"' in mete.said())


def gas_told(chain, mete):
    sums = json.loads(mete.mete("x402", "revenue", "--json"))["gas"][0]
    told = subprocess.run([METE, "x402", "revenue", "--store", str(mete.store)], capture_output=True, text=True, check=True).stderr
    equal(told.splitlines()[-1], f"Gas on {chain.network} has cost {int(sums['cost']) // 10**18}.{int(sums['cost']) % 10**18:018} of its coin"
          f" (transactions: {sums['transactions']}).", "what gas has cost is told with the revenue")


def main():
    with X402Chain() as chain:
        chain.approve_permit2("payer")
        official = Script(chain, "facilitator.mjs", FACTORIES=1)
        with Signer(chain) as signer, Facilitator(chain) as mete, official:
            refusals(signer, mete, official)
            chain.delegate("delegated")
            kinds(chain, signer, mete)
            wrapped(chain, signer, mete)
            split(chain, signer, mete)
            mete.stop()
            gas_told(chain, mete)
            audited(mete)


main()
done()

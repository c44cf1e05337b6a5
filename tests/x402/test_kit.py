# SPDX-License-Identifier: Apache-2.0
"""The harness itself: official client, official server, official facilitator and our chain agree
with each other, both versions, each flow; and each contract is as bad as it says that it is. What
fails here is no fault of mete."""
import pathlib
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path[1:1] = [str(pathlib.Path(__file__).parent.parent / d) for d in ("rails", "http")]
from chain import MILLION, ROLES, NodeError, X402Chain, aggregated  # noqa: E402
from evm_node import ROOT, post  # noqa: E402
from rpc_proxy import (FaultyRpc, delay, drop_after, drop_before, error, garbage, half,  # noqa: E402
                       missing_last, status, wrong_chain)
from scripts import Script, Signer, at_once, run_client  # noqa: E402
from served import done, equal, note, ok  # noqa: E402

FLOWS = [("GET", "/paid", {}), ("POST", "/paid", {"BODY": '{"a":1}'}), ("GET", "/fail", {"EXPECT": "uncharged"}),
         ("GET", "/upfront", {}), ("GET", "/permit2", {}), ("GET", "/upto", {})]
TEXT = "execution reverted: "


def contracts():
    run = subprocess.run(["node", str(ROOT / "contracts/compile.mjs"), "--check", str(ROOT / "tests/x402/Contracts.sol")],
                         capture_output=True, text=True)
    equal((run.returncode, run.stderr), (0, ""), "the compiled contracts are what their source gives")


def flows(chain, server):
    for method, path, env in FLOWS:
        lines, said = run_client(chain, server.url + path, METHOD=method, **env)
        bad = [text for holds, text in lines if not holds]
        ok(not bad and len(lines) > 3, f"official to official: {method} {path}, {len(lines)} checks", bad, said)
    equal(server.get("/free"), (200, {"ok": True, "free": True}), "what is free is free")


def legacy_flows(chain, server):
    for path, env in (("/paid", {}), ("/fail", {"EXPECT": "uncharged"})):
        before = chain.balance("payer"), chain.balance("merchant")
        lines, said = run_client(chain, server.url + path, legacy=True, KEY="0x" + chain.key("payer"),
                                 NETWORK=chain.network_v1, **env)
        bad = [text for holds, text in lines if not holds]
        ok(not bad and len(lines) > 3, f"version 1, official to official: GET {path}", bad, said)
        paid = 0 if env else 10000
        equal((chain.balance("payer") - before[0], chain.balance("merchant") - before[1]), (-paid, paid),
              f"which moves {paid}")


def decide(facilitator, payment):
    status_, said = facilitator.post("/verify", payment["body"])
    return said.get("isValid", said) if status_ == 200 else (status_, said), said.get("invalidReason")


def kinds(chain, signer, facilitator):
    """Every kind of payment verifies and settles, once."""
    chain.delegate("delegated")
    for job in ({}, {"version": 1}, {"kind": "permit2"}, {"kind": "upto"}, {"kind": "wallet1271"},
                {"kind": "wallet1271", "long": True}, {"kind": "wallet6492"}, {"kind": "delegated"},
                {"kind": "permit2", "from": "payer2", "gasless": True}):
        if not chain.network_v1 and job.get("version") == 1:
            continue
        p = signer.pay(**job)
        equal(decide(facilitator, p), (True, None), f"verified: {job}")
        code, said = facilitator.post("/settle", p["body"])
        equal((code, said.get("success"), said.get("errorReason")), (200, True, None), f"settled: {job}")
        equal(chain.transfers(p["from"], p["nonce"]), 1, f"one transfer: {job}")
        ok(decide(facilitator, p)[0] is not True, f"not again: {job}")
    chain.delegate("delegated", None)


def refusals(signer, facilitator):
    """What is wrong is refused with the reason that the official package gives."""
    soon = "invalid_exact_evm_payload_authorization_valid_before"
    for reason, job in {
        "invalid_exact_evm_signature": {"fault": "flipped_bit"},
        "invalid_exact_evm_recipient_mismatch": {"payTo": "stranger"},
        soon: {"authorization": {"validBefore": "1000"}},
        "invalid_exact_evm_payload_authorization_valid_after": {"authorization": {"validAfter": "99999999999"}},
        "invalid_exact_evm_payload_authorization_value_mismatch": {"requirements": {"amount": "10001"}},
        "invalid_exact_evm_insufficient_balance": {"from": "poor"},
        "invalid_permit2_signature": {"kind": "permit2", "fault": "zero"},
        "permit2_allowance_required": {"kind": "permit2", "from": "delegated"},
        "upto_facilitator_mismatch": {"kind": "upto", "facilitator": "rival"},
    }.items():
        equal(decide(facilitator, signer.pay(**job)), (False, reason), f"refused: {reason}")


def copies(chain, signer, facilitator):
    """The chain alone sees to it that copies pay once."""
    p = signer.pay()
    said = at_once(facilitator.port, "/settle", [p["body"]] * 6)
    equal((len(said), {a[0] for a in said}), (6, {200}), "six copies at once are answered")
    equal(chain.transfers("payer", p["nonce"]), 1, "and pay once")


def simulate(chain, call, sender="facilitator", **more):
    """What a call would do: "" when nothing speaks against it, else the node's text."""
    try:
        chain.rpc("eth_call", {"from": chain.address(sender), "to": call["to"], "data": call["data"], **more}, "latest")
        return ""
    except NodeError as e:
        return str(e).removeprefix(TEXT)


def reverts(chain, call, sender="rival", **more):
    try:
        chain.transact(call["to"], call["data"], sender, **more)
        return False
    except NodeError as e:
        return "reverted" in str(e)


def token(chain, signer):
    """The token says what FiatToken v2.2 says."""
    used = signer.pay()
    chain.transact(used["call"]["to"], used["call"]["data"], "rival")
    ok(chain.authorization_state("payer", used["nonce"]), "a used nonce is known as used")
    canceled = signer.pay()
    cancel = signer.ask("cancel", nonce=canceled["nonce"])
    chain.transact(cancel["to"], cancel["data"], "rival")
    for what, payment, text in (
        ("a used nonce", used, "FiatTokenV2: authorization is used or canceled"),
        ("a canceled nonce", canceled, "FiatTokenV2: authorization is used or canceled"),
        ("too early", signer.pay(authorization={"validAfter": "99999999999"}), "FiatTokenV2: authorization is not yet valid"),
        ("too late", signer.pay(authorization={"validBefore": "1000"}), "FiatTokenV2: authorization is expired"),
        ("another's signature", signer.pay(signer="stranger", authorization={"from": ROLES["payer"][0]}), "FiatTokenV2: invalid signature"),
        ("a high s", signer.pay(fault="high_s"), "ECRecover: invalid signature 's' value"),
        ("v of 0 or 1", signer.pay(fault="v_0_1"), "ECRecover: invalid signature 'v' value"),
        ("66 bytes", signer.pay(fault="long"), "ECRecover: invalid signature length"),
        ("more than there is", signer.pay(value=MILLION * 9), "ERC20: transfer amount exceeds balance"),
        ("to nobody", signer.pay(to="0x" + "00" * 20), "ERC20: transfer to the zero address"),
    ):
        equal(simulate(chain, payment["call"]), text, f"the token refuses {what}")
        ok(reverts(chain, payment["call"]), f"also in a block: {what}")
    fresh = signer.pay()
    chain.blacklist("payer")
    equal(simulate(chain, fresh["call"]), "Blacklistable: account is blacklisted", "and who is blacklisted")
    chain.blacklist("payer", False)
    chain.pause()
    equal(simulate(chain, fresh["call"]), "Pausable: paused", "and all while it is paused")
    chain.pause(False)
    equal(simulate(chain, fresh["call"]), "", "and is open again")


def permit2(chain, signer):
    """Errors of Permit2 and of the two proxies, by their selectors."""
    used = signer.pay(kind="permit2")
    chain.transact(used["call"]["to"], used["call"]["data"], "rival")
    ok(chain.permit2_used("payer", used["nonce"]), "Permit2 knows the nonce as used")
    for name, job in {
        "InvalidNonce": used,
        "SignatureExpired": signer.pay(kind="permit2", authorization={"deadline": "1000"}),
        "InvalidSigner": signer.pay(kind="permit2", fault="flipped_bit"),
        "InvalidSignature": signer.pay(kind="permit2", fault="zero"),
        "InvalidSignatureLength": signer.pay(kind="permit2", fault="long"),
        "PaymentTooEarly": signer.pay(kind="permit2", witness={"validAfter": "99999999999"}),
        "InvalidDestination": signer.pay(kind="permit2", to="0x" + "00" * 20),
        "UnauthorizedFacilitator": signer.pay(kind="upto", facilitator="stranger"),
    }.items():
        said = post(chain.port, {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [
            {"from": chain.address("facilitator"), **job["call"]}, "latest"]})
        equal(said.get("error", {}).get("data", "")[:10], signer.ask("error", name=name)["selector"], f"Permit2: {name}")
    equal(simulate(chain, signer.pay(kind="permit2", fault="high_s")["call"]), "", "Permit2 takes a high s")
    equal(simulate(chain, signer.pay(kind="permit2", fault="compact")["call"]), "", "and 64 bytes")
    equal(simulate(chain, signer.pay(kind="permit2", **{"from": "delegated"})["call"]), "TRANSFER_FROM_FAILED",
          "and nothing of who has not allowed it")


def hostile(chain, signer):
    def moved(place, call):
        before = chain.balance("payer", place), chain.balance("merchant", place)
        receipt = chain.transact(call["to"], call["data"], "rival")
        return (chain.balance("payer", place) - before[0], chain.balance("merchant", place) - before[1]), receipt

    place = chain.hostile("burn", 5_000_000)
    _, receipt = moved(place, signer.pay(asset=place)["call"])
    ok(int(receipt["gasUsed"], 16) > 5_000_000, "one burns gas", receipt["gasUsed"])
    chain.set_hostile(place, "burn", 10**12)
    said = simulate(chain, signer.pay(asset=place)["call"])
    ok("gas" in said.lower(), "all that there is, when told so", said)
    for mode, number, change, logs in (("mute", 0, (0, 0), 0), ("lie", 0, (0, 0), 1), ("fee", 100, (-10000, 9900), 2),
                                       ("honest", 0, (-10000, 10000), 1)):
        chain.set_hostile(place, mode, number)
        p = signer.pay(asset=place)
        before = len(chain.moves("payer", token=place))
        got, receipt = moved(place, p["call"])
        equal((got, receipt["status"], len(chain.moves("payer", token=place)) - before), (change, "0x1", logs), f"one is {mode}")
        equal(chain.transfers("payer", p["nonce"], token=place), min(logs, 1), f"by its log: {mode}")
    chain.set_hostile(place, "turncoat")
    p = signer.pay(asset=place)
    equal(simulate(chain, p["call"]), "", "a turncoat passes the simulation")
    ok(reverts(chain, p["call"]), "and reverts in a block")
    chain.set_hostile(place, "late", int(chain.rpc("eth_blockNumber"), 16) + 3)
    equal(simulate(chain, p["call"]), "", "another passes today")
    chain.mine(5)
    ok(reverts(chain, p["call"]), "and not some blocks later")
    chain.set_hostile(place, "loud", 100_000)
    ok(len(simulate(chain, p["call"])) > 90_000, "one shouts")
    for mode, text in (("yes", ""), ("no", "FiatTokenV2: invalid signature"), ("short", "FiatTokenV2: invalid signature"),
                       ("revert", "FiatTokenV2: invalid signature"), ("huge", "")):
        wallet = chain.odd_wallet(mode)
        equal(simulate(chain, signer.pay(signer="stranger", **{"from": wallet})["call"]), text, f"a wallet that says {mode}")
    chain.delegate("delegated", "SilentDelegate")
    equal(simulate(chain, signer.pay(**{"from": "delegated"})["call"]), "FiatTokenV2: invalid signature",
          "a delegate without signatures invalidates those of the key")
    chain.delegate("delegated", None)
    equal(simulate(chain, signer.pay(**{"from": "delegated"})["call"]), "", "which are good without it")


def together(chain, signer):
    """Many simulations in one call."""
    good = signer.pay(count=3)
    bad = signer.pay(fault="high_s")
    batch = signer.ask("batch", calls=[p["call"] for p in (*good[:2], bad, good[2])])
    said = chain.rpc("eth_call", {"to": batch["to"], "data": batch["data"]}, "latest")
    equal(aggregated(said), [True, True, False, True], "Multicall3 says of each of four whether it would pay")


def mining(chain, signer):
    chain.stop_mining()
    p = signer.pay()
    fees = {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9, "gas": 200_000}
    nonce = chain.nonce(who="stranger")
    raw = signer.ask("raw", nonce=nonce, **p["call"], **fees)
    chain.rpc("eth_sendRawTransaction", raw["raw"])
    equal(([t["hash"] for t in chain.pool()], chain.receipt(raw["hash"])), ([raw["hash"]], None), "a transaction waits")
    chain.drop(raw["hash"])
    chain.mine(1)
    equal((chain.pool(), chain.receipt(raw["hash"])), ([], None), "dropped, it is never mined")
    chain.rpc("eth_sendRawTransaction", raw["raw"])
    chain.resume_mining()
    equal((chain.wait_receipt(raw["hash"])["status"], chain.transfers("payer", p["nonce"])), ("0x1", 1), "sent again it is")
    chain.reorg(1)
    equal((chain.receipt(raw["hash"]), chain.transfers("payer", p["nonce"])), (None, 0), "until another block is in its place")
    other = signer.ask("raw", nonce=nonce, to="merchant", value=1, **fees)
    chain.mine(1)
    chain.reorg(1, [other["raw"]])
    equal(chain.receipt(other["hash"])["status"], "0x1", "which may have another transaction of that nonce")
    chain.set_base_fee(7 * 10**9)
    chain.mine(1)
    equal(chain.base_fee(), 7 * 10**9, "the base fee is what it is set to")
    chain.snapshot()
    balance = chain.balance("payer")
    chain.fund("payer", 1)
    chain.revert()
    equal(chain.balance("payer"), balance, "and all can be taken back")


def faults(chain):
    """Each fault of the proxy fires, and as often as it should."""
    ask = [{"jsonrpc": "2.0", "id": i, "method": m, "params": []} for i, m in enumerate(("eth_chainId", "eth_blockNumber"))]

    def said(body=ask):
        try:
            return post(rpc.port, body)
        except Exception as e:
            return type(e).__name__

    with FaultyRpc(chain.port) as rpc:
        honest = said()
        equal([a["id"] for a in honest], [0, 1], "the proxy says what the node says")
        equal(said(ask[0])["result"], hex(chain.chain_id), "also of one")
        for name, run, seen in (
            ("drop before", drop_before, "RemoteDisconnected"), ("drop after", drop_after, "RemoteDisconnected"),
            ("half", half, "IncompleteRead"), ("garbage", garbage, "JSONDecodeError"), ("429", status(429), {"error": "no"}),
            ("500", status(500), {"error": "no"}), ("wrong chain", wrong_chain(5), [{**honest[0], "result": "0x5"}, honest[1]]),
            ("missing", missing_last, honest[:1]),
            ("error", error("busy", methods={"eth_blockNumber"}),
             [honest[0], {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "busy"}}])):
            rpc.fault(name, run, methods="eth_blockNumber", times=1)
            equal(said(), seen, f"fault: {name}")
        equal(said(), honest, "and the next time, the truth")
        rpc.fault("delay", delay(0.05), every=2, skip=1)
        took = []
        for _ in range(4):
            began = time.monotonic()
            said()
            took.append(time.monotonic() - began >= 0.05)
        equal((took[1], took[3], rpc.fired()["delay"]), (True, True, 2), "every second is late")
        equal((rpc.posts, rpc.methods), (16, {"eth_chainId": 16, "eth_blockNumber": 15}), "and all are counted")
        rpc.report(note)
        ok(all(rpc.fired().values()), "each fault fired")


def held(signer, chain):
    """A crash between broadcast and answer, as others will play it."""
    raw = signer.ask("raw", nonce=chain.nonce(who="stranger"), to="merchant", value=1, gas=21000,
                     maxFeePerGas=10**11, maxPriorityFeePerGas=10**9)
    ask = [{"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [raw["raw"]]}]
    chain.stop_mining()
    for after in (False, True):
        answers = []
        with FaultyRpc(chain.port) as rpc:
            hold = rpc.hold("eth_sendRawTransaction", after=after)
            asker = threading.Thread(target=lambda: answers.append(post(rpc.port, ask)))
            asker.start()
            hold.wait()
            there = chain.rpc("eth_getTransactionByHash", raw["hash"]) is not None
            equal((there, answers), (after, []), f"held {'after' if after else 'before'} the node has it")
            equal(rpc.sent, [raw["raw"]], "what was to be broadcast is known")
            hold.release()
            asker.join(60)
            equal([a[0]["result"] for a in answers], [raw["hash"]], "released, the answer comes")
        chain.drop(raw["hash"])
    chain.resume_mining()


def networks():
    """Other chains, with blocks by the clock."""
    separators = {84532: "0x71f17a3b2ff373b803d70a5a07c046c1a2bc8e89c09ef722fcb047abe94c9818", 11155111: None}
    for number, separator in separators.items():
        with X402Chain(chain_id=number, block_time=1) as chain:
            got = chain.view(chain.token, "Fiat", "DOMAIN_SEPARATOR")
            ok(got == separator if separator else len(got) == 66, f"chain {number}: the token's domain", got)
            facilitator = Script(chain, "facilitator.mjs")
            with Signer(chain) as signer, facilitator:
                for version in (1, 2):
                    p = signer.pay(version=version)
                    equal(facilitator.post("/settle", p["body"])[1].get("success"), True, f"chain {number}: version {version} settles")
                    equal(chain.transfers("payer", p["nonce"]), 1, "in a block that came by itself")


def main():
    contracts()
    networks()
    with X402Chain() as chain:
        chain.approve_permit2("payer")
        faults(chain)
        facilitator = Script(chain, "facilitator.mjs", FACTORIES=1)
        with Signer(chain) as signer, facilitator:
            server = Script(chain, "server.mjs", FACILITATOR_URL=facilitator.url)
            old = Script(chain, "server.mjs", legacy=True, FACILITATOR_URL=facilitator.url, PAY_TO=chain.address("merchant"))
            with server, old:
                flows(chain, server)
                legacy_flows(chain, old)
            kinds(chain, signer, facilitator)
            refusals(signer, facilitator)
            copies(chain, signer, facilitator)
            token(chain, signer)
            permit2(chain, signer)
            hostile(chain, signer)
            together(chain, signer)
            mining(chain, signer)
            held(signer, chain)


main()
done()

# SPDX-License-Identifier: Apache-2.0
"""The official servers, version 1 and 2, with our facilitator, paid by the official clients; the
facilitator is started by its environment alone, as a user would.
covers: V-040 V-041 V-044 V-075 V-091 V-096 V-101 V-102"""
import re

from facilitated import Facilitator
from chain import X402Chain
from scripts import Script, Signer, at_once, run_client
from served import Served, done, equal, note, ok

FLOWS = [("GET", "/paid", {}), ("POST", "/paid", {"BODY": '{"a":1}'}), ("GET", "/fail", {"EXPECT": "uncharged"}),
         ("GET", "/upfront", {}), ("GET", "/permit2", {}), ("GET", "/upto", {})]


def flow(chain, mete, url, what, legacy=False, **env):
    begun = len(mete.events("x402.settled"))
    before = chain.balance("merchant")
    lines, said = run_client(chain, url, legacy=legacy, **env)
    bad = [text for holds, text in lines if not holds]
    ok(not bad and len(lines) > 3, f"{what}: all {len(lines)} checks of the official client pass", bad, said[-2000:])
    for holds, text in lines:
        note(f"    {'ok' if holds else 'not ok'} {text}")
    settled = mete.events("x402.settled")[begun:]
    earned = chain.balance("merchant") - before
    equal(sum(int(e["payload"]["value"]) for e in settled), earned, f"{what}: the revenue events are what the merchant has got, {earned}")
    ok((earned == 0) == (env.get("EXPECT") == "uncharged"), f"{what}: who failed has charged nothing, others have", earned)


def resources(mete, server):
    """Each payment is booked for the URL that was paid for."""
    paid = {e["payload"].get("resource") for e in mete.events("x402.settled")}
    equal(sorted(paid), sorted(f"{server.url}/{name}" for name in ("paid", "permit2", "upfront", "upto")), "booked by the URL that was paid for")


def by_environment(chain):
    env = {"NETWORK": chain.network_v1, "RPC_URL": chain.url(), "PRIVATE_KEY": chain.key("facilitator"), "CHAIN_ID": str(chain.chain_id)}
    with Served(env={**env, "METE_CONFIG": ""}) as mete, Signer(chain) as signer:
        p = signer.pay()
        equal(mete.post("/verify", p["body"])[2]["isValid"], True, "NETWORK, RPC_URL, PRIVATE_KEY and CHAIN_ID are a facilitator")
        equal(mete.post("/settle", p["body"])[2]["success"], True, "that settles")
        said = (mete.folder / "log").read_text()
        ok(chain.key("facilitator") not in said, "and does not say its key")
        equal(mete.get("/health")[::2], (200, {"status": "ok", "network": chain.network, "networks": [chain.network], "database": "ok",
                                               "settlement": "ok"}), "and is well")
        ok(f"x402: {chain.network}, settled by {chain.address('facilitator')}" in said, "and says by which account, on which network", said[:500])
        kinds = mete.get("/supported")[2]["kinds"]
        equal(sorted((k["x402Version"], k["scheme"], k["network"]) for k in kinds),
              [(1, "exact", chain.network_v1), (2, "exact", chain.network), (2, "upto", chain.network)], "and says what it takes")
    wrong = Served(env={**env, "CHAIN_ID": "1", "METE_CONFIG": ""})
    try:
        wrong.start()
        ok(False, "a CHAIN_ID of another network is refused")
    except RuntimeError as e:
        ok(re.search(r"CHAIN_ID is 1", str(e)), "a CHAIN_ID of another network is refused", e)
        wrong.__exit__()


def repeats(chain, signer):
    """What `answer_repeats = no` is for: these servers settle whatever they are shown, as often as they are."""
    with Facilitator(chain, settings={"answer_repeats": "no"}) as mete:
        p = signer.pay()
        said = at_once(mete.port, "/settle", [p["body"]] * 20)
        good = [a for _, a in said if a["success"]]
        equal((len(good), {a.get("errorReason") for _, a in said if not a["success"]}), (1, {"duplicate_settlement"}),
              "of twenty copies one is told that it is settled")
        equal({a["transaction"] for _, a in said}, {good[0]["transaction"]}, "the others hear by which transaction")
        held = signer.pay()
        token = mete.verify(held, reserve=True)[1]["extra"]["reservation"]
        equal([mete.settle(held, reservation=token)[1]["success"] for _ in range(2)], [True, True], "who has the reservation may ask again")
    with Facilitator(chain) as mete:
        p = signer.pay()
        equal({a["success"] for _, a in at_once(mete.port, "/settle", [p["body"]] * 20)}, {True}, "unless said, all are told")


def main():
    with X402Chain() as chain:
        chain.approve_permit2("payer")
        by_environment(chain)
        with Signer(chain) as signer:
            repeats(chain, signer)
        with Facilitator(chain, settings={"answer_repeats": "no"}) as mete:
            server = Script(chain, "server.mjs", FACILITATOR_URL=mete.url())
            old = Script(chain, "server.mjs", legacy=True, FACILITATOR_URL=mete.url(), PAY_TO=chain.address("merchant"))
            with server, old:
                for method, path, env in FLOWS:
                    flow(chain, mete, server.url + path, f"version 2, {method} {path}", METHOD=method, **env)
                resources(mete, server)
                for path, env in (("/paid", {}), ("/fail", {"EXPECT": "uncharged"})):
                    flow(chain, mete, old.url + path, f"version 1, GET {path}", legacy=True,
                         KEY="0x" + chain.key("payer"), NETWORK=chain.network_v1, **env)


main()
done()

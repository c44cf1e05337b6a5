# SPDX-License-Identifier: Apache-2.0
"""covers: V-047 V-057 V-059 V-060 V-076 V-091 V-096 V-111 V-122
Networks are settings and nothing else: every one of the table by its name, a further one by its
chain id, two of them at once with money on both; and a facilitator by the names of its environment.
Keys stand in no file but their own."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path[1:1] = [str(pathlib.Path(__file__).parent.parent / d) for d in ("rails", "http")]
from chain import X402Chain  # noqa: E402
from facilitated import Facilitator  # noqa: E402
from rpc_proxy import FaultyRpc, wrong_chain  # noqa: E402
from scripts import Signer, ask  # noqa: E402
from served import METE, Served, done, equal, ok  # noqa: E402

NAMES = {"base": 8453, "base-sepolia": 84532, "ethereum": 1, "sepolia": 11155111, "arbitrum": 42161,
         "arbitrum-sepolia": 421614, "optimism": 10, "optimism-sepolia": 11155420, "polygon": 137, "polygon-amoy": 80002,
         "bsc": 56, "bsc-testnet": 97, "avalanche": 43114, "avalanche-fuji": 43113, "eip155:80001": 80001,
         "eip155:31337": 31337}
NOBODY = "http://127.0.0.1:9"


class Several(Facilitator):
    """With a file of networks of the test's own."""

    def __init__(self, chain, entries, **more):
        super().__init__(chain, **more)
        self.entries = entries

    def start(self, port=0):
        super().start(port)
        self.stop()
        (self.folder / "networks.json").write_text(json.dumps({"networks": self.entries}))
        Served.start(self, port)


def the_table(chain):
    entries = [{"network": name, "rpc": [NOBODY]} for name in NAMES]
    with Several(chain, entries) as s:
        kinds = s.get("/supported")[2]["kinds"]
        v2 = {k["network"] for k in kinds if k["x402Version"] == 2 and k["scheme"] == "exact"}
        equal(v2, {f"eip155:{n}" for n in NAMES.values()}, "every network by its chain, none asked for anything")
        equal({k["network"] for k in kinds if k["scheme"] == "upto"}, v2, "and by both schemes")
        v1 = {k["network"] for k in kinds if k["x402Version"] == 1}
        ok({"base", "base-sepolia", "polygon", "polygon-amoy", "avalanche", "avalanche-fuji"} <= v1,
           "version 1 has those that it has names for", v1)


def two_at_once(one, other):
    """A test network first, then the one with money: the same settings, another name."""
    entries = [{"network": c.network, "rpc": [c.url()], "confirmations": 2} for c in (one, other)]
    with Several(one, entries) as s, Signer(one) as signer, Signer(other) as other_signer:
        codes = {}
        for chain, sign in ((one, signer), (other, other_signer)):
            p = sign.pay()
            equal(s.judged(p), (True, None), f"valid on {chain.network}")
            status, said = s.settle(p)
            equal((status, said["success"], chain.transfers(p["from"], p["nonce"])), (200, True, 1), "and settled there")
            s.chain = chain
            codes[chain.network] = s.payment(p)["code"]
        equal(codes, {one.network: "USDC-base-sepolia", other.network: "USDC"}, "play money is booked under a name of its own")
        crossed = signer.pay()
        crossed["body"]["paymentRequirements"]["network"] = other.network
        equal(s.judged(crossed)[0], False, "a payment of one network is none on the other")
        secret = one.key("facilitator").removeprefix("0x")
        files = [f for f in s.folder.rglob("*") if f.is_file() and f.name != "key"]
        equal([f.name for f in files if secret.encode() in f.read_bytes().lower() or
               bytes.fromhex(secret) in f.read_bytes()], [], f"the key is in none of {len(files)} files: store, log, settings")


def dumped(pid):
    """What a core of the process would hold: its memory, but for what it has taken out of cores."""
    found, span = [pathlib.Path(f"/proc/{pid}/environ").read_bytes()], None
    with open(f"/proc/{pid}/mem", "rb") as memory:
        for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
            at = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            span = (int(at[1], 16), int(at[2], 16)) if at else None if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line) else span
            if span and line.startswith("VmFlags:") and " dd" not in line:
                memory.seek(span[0])
                found.append(memory.read(span[1] - span[0]))
    return b"".join(found)


def by_the_environment(chain):
    env = {"NETWORK": chain.network_v1, "RPC_URL": chain.url(), "PRIVATE_KEY": chain.key("facilitator"),
           "CHAIN_ID": str(chain.chain_id), "API_KEY": "swordfish-swordfish", "RATE_LIMIT_PER_MINUTE": "2", "METE_CONFIG": ""}
    with Served(env=env) as s, Signer(chain) as signer:
        p = signer.pay()
        equal(ask(s.port, "POST", "/verify", p["body"])[0], 401, "API_KEY closes it")
        core, secret = dumped(s.process.pid), chain.key("facilitator").removeprefix("0x")
        ok(chain.url().encode() in core, "what would be in a core of it")
        equal((secret.encode() in core.lower(), bytes.fromhex(secret) in core), (False, False), "is not the private key, by no spelling")
        s.key = "swordfish-swordfish"
        answers = [s.post("/verify", p["body"]) for _ in range(3)]
        equal([a[0] for a in answers], [200, 200, 429], "RATE_LIMIT_PER_MINUTE bounds it")
        equal((answers[2][2]["invalidReason"], int(answers[2][1]["Retry-After"]) in range(1, 61)),
              ("rate_limited", True), "and says when to come again")
    with Served(env={**env, "RATE_LIMIT_PER_MINUTE": "3"}) as s, Signer(chain) as signer:
        forged = [signer.pay(fault="flipped_bit")["body"] for _ in range(4)]
        stranger = s.make_key("facilitator")
        answers = [s.post(path, body, key=stranger)[0] for path, body in zip(["/verify", "/settle"] * 2, forged)]
        equal(answers, [200, 200, 200, 429], "forged payments count for who asks")
        s.key = "swordfish-swordfish"
        equal(s.post("/verify", signer.pay()["body"])[::2], (200, {"isValid": True, "payer": chain.address("payer")}),
              "and not for whom they name: nobody can be kept from paying by others")
        honest = [s.post("/verify", signer.pay()["body"], key=s.make_key("facilitator"))[0] for _ in range(3)]
        equal(honest, [200, 200, 429], "what a payer has signed does, whoever asks")
    for wrong, why in (({"CHAIN_ID": "1"}, "CHAIN_ID is 1, but the network"), ({"NETWORK": "atlantis"}, "NETWORK: a name such as base"),
                       ({"RPC_URL": "http://node.example.org"}, "RPC_URL: the URL of a node: it is not https"),
                       ({"PRIVATE_KEY": "0x12"}, "PRIVATE_KEY holds no private key")):
        try:
            with Served(env={**env, **wrong}):
                ok(False, f"refused: {wrong}")
        except RuntimeError as e:
            name, value = next(iter(wrong.items()))
            ok("did not start" in str(e) and why in str(e), f"refused at the start: {name}, which is named", e)
            ok(name != "PRIVATE_KEY" or env["PRIVATE_KEY"] not in str(e), "and says no secret")
        said, found = doctored({**env, **wrong})
        ok(said == 1 and found[0][:2] == ("error", "networks") and why in found[0][2], f"mete doctor says so before: {name}", (said, found))


def half_said(chain):
    """A key without a network, and what is said beside a file of networks: nobody finds out by a payment that fails."""
    key = {"METE_CONFIG": "", "PRIVATE_KEY": chain.key("facilitator")}

    def start(env, *more):
        try:
            with Served(*more, env=env):
                return "it started"
        except RuntimeError as e:
            return str(e)
    unused = "it is not used: there is a key to settle payments with, and no network; set NETWORK and RPC_URL"
    for more in ({}, {"CHAIN_ID": str(chain.chain_id)}):
        with Served(env={**key, **more}) as s:
            log = (s.folder / "log").read_text()
        ok(f"PRIVATE_KEY: {unused}" in log, f"a key without a network, beside {list(more)}: the start says so", log)
        ok(key["PRIVATE_KEY"].removeprefix("0x") not in log, "and does not show it")
    said = subprocess.run([METE, "doctor", "--store", "none.db", "--listen", "127.0.0.1:0"], capture_output=True, text=True, check=False,
                          env={**os.environ, **key}).stdout
    ok(re.search(f"warning +settings +PRIVATE_KEY: {unused}", said), "mete doctor says the same", said)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "networks.json"
        file.write_text(json.dumps({"networks": [{"network": chain.network, "rpc": [chain.url()]}]}))
        for env, wanted in (({"NETWORK": "base-sepolia"}, "NETWORK is base-sepolia, which is no network of "), ({"CHAIN_ID": "1"}, "CHAIN_ID is 1, which is "),
                            ({"NETWORK": "atlantis"}, "NETWORK is atlantis, which is")):
            why = start({**key, **env}, "--networks", str(file))
            ok("did not start" in why and wanted in why, f"refused beside a file of networks: {env}", why)
        pathlib.Path(folder, "mete.conf").write_text(f"[facilitator]\nnetworks_file = {file}\n")
        env = {**key, "METE_CONFIG": f"{folder}/mete.conf", "NETWORK": chain.network_v1, "CHAIN_ID": str(chain.chain_id), "RPC_URL": NOBODY}
        with Served(env=env) as s:
            equal(len(s.get("/supported")[2]["signers"]), 1, "the same network, beside the file, starts")
        said = subprocess.run([METE, "doctor", "--store", "none.db", "--listen", "127.0.0.1:0"], capture_output=True, text=True,
                              check=False, env={**os.environ, **env}).stdout
        equal([name for name in ("NETWORK", "CHAIN_ID", "RPC_URL") if re.search(f"warning +settings +{name}: .* is not used: .*networks_file", said)],
              ["NETWORK", "CHAIN_ID", "RPC_URL"], "and mete doctor tells what is not used")


def bounds(chain):
    """What a payment may cost at most is bounded whatever the file says; a node of this machine needs no https."""
    good = {"network": chain.network, "rpc": ["http://127.0.0.2:1"], "fee_max_gwei": "1000000", "gas_max": 16777216}
    with Several(chain, [good]) as s:
        equal(s.get("/supported")[0], 200, "the most that may be said")
    for member, value in (("fee_max_gwei", "1000000.000000001"), ("fee_max_gwei", "0"), ("fee_max_gwei", 5), ("gas_max", 16777217),
                          ("rpc", ["http://128.0.0.1:1"]), ("gasmax", 5), ("network", "atlantis"), ("key_file", "none")):
        try:
            with Several(chain, [{**good, member: value}]):
                ok(False, f"refused: {member}")
        except RuntimeError as e:
            where = "none cannot be read" if member == "key_file" else f"networks.json: /networks/0/{member}: "
            ok("did not start" in str(e) and where in str(e), f"refused at the start: {member} {value}", e)


def block_with(**members):
    """The newest block says so; `timestamp` is added to."""
    def run(x):
        x.forward()
        for q, a in zip(x.asked, x.answer):
            if q["method"] == "eth_getBlockByNumber":
                a["result"].update({k: hex(v + (int(a["result"][k], 16) if k == "timestamp" else 0)) for k, v in members.items()})
    return run


def repeats(key):
    def run(x):
        x.answer = json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": -32001, "message": f"no such key: {key}"}}).encode()
    return run


def doctored(env):
    """(exit status, [(finding, check, detail)]) of what mete doctor finds on networks; and that it shows no secret."""
    said = subprocess.run([METE, "doctor", "--json", "--store", "none.db", "--listen", "127.0.0.1:0"], capture_output=True, text=True,
                          env={k: v for k, v in {**os.environ, "METE_CONFIG": "", **env}.items() if v is not None})
    for name, secret in (("PRIVATE_KEY", env.get("PRIVATE_KEY")), ("a URL's key", "swordfish")):
        if secret and secret in said.stdout + said.stderr:
            ok(False, f"mete doctor shows {name}", said.stdout)
    return said.returncode, [(f["finding"], f["what"], f["message"]) for f in json.loads(said.stdout)
                             if f["what"] in ("networks", "network", "gas")]


def doctor(chain):
    """Before the server does: who answers, whose chain that is, whose clock, and what there is for gas."""
    def found(what, wanted, *patterns, status=0, **more):
        code, all_found = doctored({**env, **more})
        equal((code, [f[:2] for f in all_found]), (status, wanted), f"mete doctor: {what}")
        for f, pattern in zip(all_found, patterns):
            ok(re.search(pattern, f[2]), f"and says so: {pattern}", f[2])
    node, gas, money = ("ok", "network"), ("ok", "gas"), int(chain.rpc("eth_getBalance", chain.address("facilitator"), "latest"), 16)
    chain.mine(1)
    with FaultyRpc(chain.port) as rpc, tempfile.TemporaryDirectory() as folder:
        env = {"NETWORK": chain.network_v1, "RPC_URL": rpc.url() + "/v2/swordfish?key=swordfish", "CHAIN_ID": str(chain.chain_id),
               "PRIVATE_KEY": chain.key("facilitator")}
        found("all is well", [node, gas], f"^{chain.network}: node 1 of 1, 127.0.0.1 answers; its newest block, [0-9]+, ",
              f"^{chain.network}: {chain.address('facilitator')} has [0-9.]+ ETH, a settlement needs at most 0.[0-9]+ ETH$")
        found("without a key", [node, ("warning", "gas")], "", "payments are verified, and none is settled; set PRIVATE_KEY", PRIVATE_KEY=None)
        chain.set_gas_money("facilitator", 10**9)
        found("next to no gas", [node, ("warning", "gas")], "", "has 0.000000001 ETH, and a settlement may need 0.[0-9]+ ETH: send it some")
        chain.set_gas_money("facilitator", money)
        found("one node of two is away", [("warning", "network"), node, gas], "^[^ ]+ node 1 of 2, 127.0.0.1: .* see whether it is up",
              RPC_URL=f"{NOBODY}/swordfish,{env['RPC_URL']}")
        found("both are", [("error", "network")] * 2, "see whether it is up", RPC_URL=f"{NOBODY}/swordfish,{NOBODY}", status=1)
        for name, fault, wanted, pattern, status in (
                ("a node of another chain", wrong_chain(5), [("error", "network")], f"it is of chain 5, not {chain.chain_id}: say the URL", 1),
                ("a node that repeats its key", repeats("swordfish"), [("error", "network")], r"no such key: \*{9}: ", 1),
                ("a node that is behind", block_with(timestamp=-3600), [("warning", "network"), gas], " s old: the node is behind", 0),
                ("a clock that is behind", block_with(timestamp=3600), [("warning", "network"), gas], " s ahead of the clock .* NTP", 0)):
            fault = rpc.fault(name, fault)
            found(name, wanted, pattern, status=status)
            fault.times = 0
        fault = rpc.fault("gas is dear", block_with(baseFeePerGas=501 * 10**9))
        found("gas that costs more than is allowed", [node, ("warning", "gas")], "", "costs 501.0+ gwei now, and fee_max_gwei is 500.0+: ")
        fault.times = 0
        found("what is not configured right", [("error", "networks")], "CHAIN_ID is 1, but", CHAIN_ID="1", status=1)
        file = pathlib.Path(folder) / "networks.json"
        file.touch()
        (pathlib.Path(folder) / "mete.conf").write_text(f"[facilitator]\nnetworks_file = {file}\n")
        found("an empty file", [("error", "networks")], "networks.json: it is empty", METE_CONFIG=f"{folder}/mete.conf", status=1)
        env = {}
        found("no network at all", [("ok", "networks")], "none")
        rpc.report()


def fails(key):
    def run(x):
        x.forward()
        for q, a in zip(x.asked, x.answer):
            if q["method"] == "eth_call":
                a.pop("result", None)
                a["error"] = {"code": -32001, "message": f"no such key: {key}"}
    return run


def repeated(chain):
    """Strangers are shown what a node says, without the key of its URL, which it may repeat."""
    with Signer(chain) as signer, FaultyRpc(chain.port) as rpc, \
            Facilitator(chain, rpc=[rpc.url() + "/v2/swordfish?key=swordfish"]) as mete:
        for name, fault in (("refuses all that is asked", repeats), ("has no answer to a call", fails)):
            f, p = rpc.fault(name, fault("SwordFish, " * 60)), signer.pay()
            for path, ask_it in (("/verify", mete.verify), ("/settle", mete.settle)):
                said = json.dumps(ask_it(p)[1])
                equal(("no such key: *********, ****" in said, "sword" in said.lower()), (True, False),
                      f"{path}: a node that {name} repeats its key")
            f.times = 0
        ok("sword" not in mete.said().lower(), "nor does the log show it")
        rpc.report()


with X402Chain(chain_id=84532) as test_net, X402Chain(chain_id=8453) as main_net:
    the_table(test_net)
    bounds(test_net)
    repeated(test_net)
    doctor(main_net)
    two_at_once(test_net, main_net)
    by_the_environment(main_net)
    half_said(main_net)
done()

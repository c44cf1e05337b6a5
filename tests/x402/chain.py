# SPDX-License-Identifier: Apache-2.0
"""A real EVM node with all that x402 talks to at its canonical address, and accounts with money.

    with X402Chain(chain_id=8453) as chain:             # a block for each transaction
    with X402Chain(chain_id=84532, block_time=2) as chain:

What the harness itself sends is sent by `admin`: the nonces of all others are the test's own."""
import itertools
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "rails"))
from evm_node import Node, NodeError, artifact, checksummed  # noqa: E402, F401

# The development mnemonic that every such node has: these keys are known to everybody.
ROLES = {
    "facilitator": ("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
                    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    "payer": ("0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
              "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
    "merchant": ("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
                 "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"),
    "poor": ("0x90F79bf6EB2c4f870365E785982E1f101E93b906",
             "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"),
    "owner": ("0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65",
              "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a"),
    "payer2": ("0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc",
               "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"),
    "stranger": ("0x976EA74026E726554dB657fA54763abd0C3a0aa9",
                 "92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e"),
    "delegated": ("0x14dC79964da2C08b23698B3D3cc7Ca32193d9955",
                  "4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356"),
    "rival": ("0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f",
              "dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97"),
    "admin": ("0xa0Ee7A142d267C1f36714E4a8F75612F20a79720",
              "2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"),
}
ADMIN = ROLES["admin"][0]
# chain id: name in version 1 (None: has none), the token, its EIP-712 name; the version is "2"
NETWORKS = {
    1: ("ethereum", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "USD Coin"),
    8453: ("base", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin"),
    84532: ("base-sepolia", "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC"),
    11155111: ("sepolia", "0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238", "USDC"),
    137: ("polygon", "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "USD Coin"),
    42161: (None, "0xaf88d065e77c8cC2239327C5EDb3A432268e5831", "USD Coin"),
    43114: ("avalanche", "0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E", "USD Coin"),
    43113: ("avalanche-fuji", "0x5425890298aed601595a70AB815c96711a31Bc65", "USD Coin"),
}
PLACES = {
    "Permit2": "0x000000000022D473030F116dDEE9F6B43aC78BA3",
    "ExactProxy": "0x402085c248EeA27D92E8b30b2C58ed07f9E20001",
    "UptoProxy": "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002",
    "Multicall3": "0xcA11bde05977b3631167028862bE2a173976CA11",
    "WalletFactory": "0x0000000000000000000000000000000000f4c706",
    "Delegate": "0x0000000000000000000000000000000000007702",
    "SilentDelegate": "0x0000000000000000000000000000000000007703",
}
HOSTILE_MODES = ["honest", "burn", "mute", "lie", "fee", "turncoat", "late", "loud"]
ODD_MODES = ["yes", "no", "burn", "revert", "short", "huge"]
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
AUTHORIZATION_USED = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5"
MILLION = 10**12  # atomic units of a token with 6 decimals


def encode(*arguments):
    """The ABI: numbers, truths, addresses and words ("0x.."), bytes, and other text as strings."""
    head, tail = "", ""
    for a in arguments:
        if isinstance(a, str) and a.startswith("0x") and len(a) in (42, 66):
            head += a[2:].lower().rjust(64, "0")
        elif isinstance(a, (int, bool)):
            head += f"{int(a):064x}"
        else:
            raw = a if isinstance(a, bytes) else a.encode()
            head += f"{32 * len(arguments) + len(tail) // 2:064x}"
            tail += f"{len(raw):064x}" + raw.hex().ljust((len(raw) + 31) // 32 * 64, "0")
    return head + tail


def aggregated(said):
    """What Multicall3.aggregate3 answered of each call: did it succeed?"""
    words = [int(said[i:i + 64], 16) for i in range(2, len(said), 64)]
    return [words[2 + offset // 32] == 1 for offset in words[2:2 + words[1]]]


def topic(value):
    return "0x" + value[2:].lower().rjust(64, "0")


class X402Chain(Node):
    def __init__(self, chain_id=8453, block_time=None, options=()):
        super().__init__(*options, chain=chain_id)
        self.chain_id = chain_id
        self.block_time = block_time
        self.network = f"eip155:{chain_id}"
        self.network_v1, self.token, self.token_name = NETWORKS[chain_id]
        self.code = json.loads((pathlib.Path(__file__).parent / "Contracts.json").read_text())["contracts"]
        self.places = itertools.count(0xbad0000)
        self.mines_each = False
        self._snapshot = None
        try:
            self._deploy()
            self.resume_mining()
        except BaseException:
            self.__exit__()
            raise

    def _deploy(self):
        for name, place in PLACES.items():
            self.set_code(place, name)
        self.put_token("Fiat", self.token, self.token_name)
        for who in ("payer", "payer2", "delegated"):
            self.fund(who)
        self.wallets = {}
        for name, salt in (("deployed", 0), ("counterfactual", 1)):
            said = self.view(PLACES["WalletFactory"], "WalletFactory", "addressOf", self.address("owner"), f"0x{salt:064x}")
            self.wallets[name] = checksummed(self, "0x" + said[-40:])
            self.fund(self.wallets[name])
        self.do(PLACES["WalletFactory"], "WalletFactory", "create", self.address("owner"), f"0x{0:064x}")

    def describe(self):
        """All that the scripts of tests/node/x402 want to know."""
        return {
            "rpc": self.url(), "chainId": self.chain_id, "network": self.network,
            "networkV1": self.network_v1, "contracts": PLACES, "wallets": self.wallets,
            "token": {"asset": self.token, "name": self.token_name, "version": "2"},
            "accounts": {r: {"address": a, "key": "0x" + k} for r, (a, k) in ROLES.items()},
        }

    # -- names and calls

    def address(self, who):
        """Of a role, or what is an address already."""
        return ROLES[who][0] if who in ROLES else who

    def key(self, role):
        return ROLES[role][1]

    def data(self, contract, function, *arguments):
        """The call of a function by name; of several with one name, by its whole signature."""
        functions = self.code[contract]["functions"]
        name = next(f for f in functions if f == function or f.startswith(function + "("))
        return "0x" + functions[name] + encode(*arguments)

    def do(self, place, contract, function, *arguments, sender=ADMIN):
        return self.transact(place, self.data(contract, function, *arguments), sender)

    def view(self, place, contract, function, *arguments):
        return self.rpc("eth_call", {"to": place, "data": self.data(contract, function, *arguments)}, "latest")

    def transact(self, to, data="0x", sender=ADMIN, **more):
        """Mined at once, whatever the mining is set to; a transaction that reverts is an error."""
        tx = {"from": self.address(sender), "data": data, "gas": hex(10_000_000), **more}
        if to:
            tx["to"] = to
        tx_id = self.rpc("eth_sendTransaction", tx)
        if not self.mines_each:
            self.mine(1)
        receipt = self.wait_receipt(tx_id)
        if receipt["status"] != "0x1":
            raise NodeError("execution reverted in " + tx_id)
        return receipt

    # -- contracts

    def set_code(self, place, contract):
        self.rpc("anvil_setCode", place, self.code[contract]["runtime"])

    def put_token(self, contract, place=None, name="USD Coin", version="2", decimals=6):
        """A token of that contract, named so that it can be signed for."""
        place = checksummed(self, place or f"0x{next(self.places):040x}")
        self.set_code(place, contract)
        self.do(place, contract, "initialize", name, version, "USDC", decimals)
        return place

    def hostile(self, mode, number=0, funded=("payer",)):
        """A token of its own that cheats; see Hostile in Contracts.sol."""
        place = self.put_token("Hostile")
        for who in funded:
            self.fund(who, token=place)
        self.set_hostile(place, mode, number)
        return place

    def set_hostile(self, place, mode, number=0):
        self.do(place, "Hostile", "setMode", HOSTILE_MODES.index(mode), number)

    def odd_wallet(self, mode):
        """A funded wallet that says what it is told to say; see OddWallet in Contracts.sol."""
        place = checksummed(self, f"0x{next(self.places):040x}")
        self.set_code(place, "OddWallet")
        self.do(place, "OddWallet", "setMode", ODD_MODES.index(mode))
        self.fund(place)
        return place

    def delegate(self, who, contract="Delegate"):
        """EIP-7702: the account has code now, and its key still. None takes the code away."""
        code = "0xef0100" + PLACES[contract][2:].lower() if contract else "0x"
        self.rpc("anvil_setCode", self.address(who), code)

    # -- money

    def fund(self, who, amount=MILLION, token=None):
        self.do(token or self.token, "Fiat", "mint", self.address(who), amount)

    def set_balance(self, who, amount, token=None):
        self.do(token or self.token, "Fiat", "setBalance", self.address(who), amount)

    def set_gas_money(self, who, wei):
        self.rpc("anvil_setBalance", self.address(who), hex(wei))

    def approve_permit2(self, who, amount=2**255, token=None):
        self.do(token or self.token, "Fiat", "approve", PLACES["Permit2"], amount, sender=self.address(who))

    def blacklist(self, who, on=True):
        self.do(self.token, "Fiat", "setBlacklisted", self.address(who), on)

    def pause(self, on=True):
        self.do(self.token, "Fiat", "setPaused", on)

    def balance(self, who, token=None):
        return int(self.view(token or self.token, "Fiat", "balanceOf", self.address(who)), 16)

    def authorization_state(self, who, nonce, token=None):
        return int(self.view(token or self.token, "Fiat", "authorizationState", self.address(who), nonce), 16) == 1

    def permit2_used(self, who, nonce):
        word = int(self.view(PLACES["Permit2"], "Permit2", "nonceBitmap", self.address(who), int(nonce) >> 8), 16)
        return word >> (int(nonce) & 255) & 1 == 1

    # -- what happened

    def logs(self, *topics, token=None):
        return self.rpc("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "address": token or self.token,
                                        "topics": list(topics)})

    def moves(self, who=None, to=None, token=None):
        """Every transfer: (transaction, from, to, value)."""
        found = self.logs(TRANSFER, topic(self.address(who)) if who else None,
                          topic(self.address(to)) if to else None, token=token)
        return [(f["transactionHash"], *("0x" + t[-40:] for t in f["topics"][1:]), int(f["data"], 16)) for f in found]

    def transfers(self, who, nonce, token=None):
        """How often the authorization (from, nonce) moved money: Transfer right after
        AuthorizationUsed. A Permit2 nonce is a number, found in what was called."""
        who = self.address(who)
        if not str(nonce).startswith("0x"):
            return self._transfers_permit2(who, int(nonce), token)
        used = self.logs(AUTHORIZATION_USED, topic(who), nonce, token=token)
        moved = {(f["transactionHash"], int(f["logIndex"], 16)) for f in self.logs(TRANSFER, topic(who), token=token)}
        return sum((u["transactionHash"], int(u["logIndex"], 16) + 1) in moved for u in used)

    def _transfers_permit2(self, who, nonce, token):
        proxies = {PLACES["ExactProxy"].lower(), PLACES["UptoProxy"].lower()}
        calls = [self.rpc("eth_getTransactionByHash", m[0]) for m in self.moves(who, token=token)]
        return sum((c["to"] or "").lower() in proxies and f"{nonce:064x}" in c["input"] for c in calls)

    def receipt(self, tx):
        return self.rpc("eth_getTransactionReceipt", tx)

    def wait_receipt(self, tx, seconds=60):
        end = time.time() + seconds
        while time.time() < end:
            said = self.receipt(tx)
            if said:
                return said
            time.sleep(0.002)
        raise NodeError("not mined: " + tx)

    def sent_by(self, who):
        """The mined transactions of an account, in order."""
        who, found = self.address(who).lower(), []
        for number in range(int(self.rpc("eth_blockNumber"), 16) + 1):
            block = self.rpc("eth_getBlockByNumber", hex(number), True)
            found += [t for t in block["transactions"] if t["from"].lower() == who]
        return found

    def nonce(self, tag="latest", who="facilitator"):
        return super().nonce(tag, self.address(who))

    def now(self):
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    # -- mining, re-organisations, fees, the pool

    def stop_mining(self):
        self.rpc("evm_setIntervalMining", 0)
        self.rpc("evm_setAutomine", False)
        self.mines_each = False

    def resume_mining(self, block_time=None):
        """What waits is mined; then blocks come as at the start, or every so many seconds."""
        self.mine(1)
        self.block_time = block_time or self.block_time
        if self.block_time:
            self.rpc("evm_setIntervalMining", self.block_time)
        else:
            self.rpc("evm_setAutomine", True)
        self.mines_each = not self.block_time

    def reorg(self, depth, transactions=()):
        """The last blocks are others now, without what was in them; raw `transactions` are in the
        first of the new ones."""
        self.rpc("anvil_reorg", depth, [[t, 0] for t in transactions])

    def snapshot(self):
        self._snapshot = self.rpc("evm_snapshot")

    def revert(self):
        """Back to the last snapshot, which is taken again."""
        assert self.rpc("evm_revert", self._snapshot)
        self.snapshot()

    def set_base_fee(self, wei):
        self.rpc("anvil_setNextBlockBaseFeePerGas", hex(wei))

    def base_fee(self):
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)

    def pool(self):
        """The transactions that wait."""
        content = self.rpc("txpool_content")
        return [t for kind in ("pending", "queued") for of in content[kind].values() for t in of.values()]

    def drop(self, tx=None):
        """One transaction is forgotten, or all that wait are."""
        self.rpc("anvil_dropTransaction", tx) if tx else self.rpc("anvil_dropAllTransactions")

# SPDX-License-Identifier: Apache-2.0
"""The EVM rail against a real node: one payment and a thousand, crashes between any two steps;
nodes that lie, stall and break; tokens that refuse, take a fee, or say nothing; and all of it in an
order of chance. What becomes of nonces, fees and the allowance is in test_evm_chain.py.
covers: F-047 F-043 R-022 R-023 R-032 V-091"""
import json
import os
import pathlib
import random
import subprocess
import time

from evm_case import (GWEI, KEY, KEYS, command, configuration, outcomes, payee, run, settings,
                      settle, transfers)
from evm_node import CHAIN, PAYER, PAYER_KEY, RICH, ROOT, Node, Proxy, checksummed
from rail_book import SECOND, Book, Driver, Transfer, done, equal, note, ok


# --- contracts ----------------------------------------------------------------------------------

def test_contracts():
    run = subprocess.run(["node", str(ROOT / "contracts/compile.mjs"), "--check",
                          str(ROOT / "contracts/Batch.sol"), str(ROOT / "tests/rails/Tokens.sol")],
                         capture_output=True, text=True)
    ok(run.returncode == 0, "the checked-in code of the contracts is what their sources give",
       run.stderr)


def test_batch_contract(node):
    token = node.new_token()
    batch = node.new_batch()
    empty = node.contract["functions"]["pay(address,bytes32[])"]

    def pay(*payments, of=token, sender=PAYER, to=batch):
        words = "".join(f"{int(who, 16):040x}{amount:024x}" for who, amount in payments)
        data = "0x" + empty + f"{int(of, 16):064x}{64:064x}{len(payments):064x}" + words
        return {"from": sender, "to": to, "data": data, "gas": hex(8_000_000)}

    equal(int(node.rpc("eth_call", pay((payee(1), 5)), "latest"), 16), 1,
          "contract: without an allowance a payment is refused")
    node.send(token, node.token_code, "approve", batch, 100, sender=PAYER)
    call = pay((payee(1), 60), (payee(2), 50), (payee(1), 40))
    equal(int(node.rpc("eth_call", call, "latest"), 16), 2,
          "contract: what the allowance does not cover is refused, what is behind it is not")
    node.transact(batch, call["data"], sender=PAYER)
    equal([node.balance(token, w) for w in (payee(1), payee(2), batch)], [100, 0, 0],
          "contract: nothing of it stays in the contract")
    for what, bad in (("no token there", pay((payee(1), 5), of=payee(9))),
                      ("more than 256", pay(*[(payee(1), 0)] * 257)),
                      ("coins with it", dict(pay((payee(1), 0)), value="0x1"))):
        try:
            node.rpc("eth_call", bad, "latest")
            ok(False, f"contract: {what} is refused as a whole")
        except Exception as e:
            ok("revert" in str(e), f"contract: {what} is refused as a whole", e)
    node.send(token, node.token_code, "approve", batch, 2**256 - 1, sender=PAYER)
    other = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
    equal(int(node.rpc("eth_call", pay((payee(1), 5), sender=other), "latest"), 16), 1,
          "contract: the payer's allowance serves nobody else")


# --- payments -----------------------------------------------------------------------------------

def test_one(node):
    token, book = node.new_token(), Book()
    with Driver("evm", settings(node, token)) as d:
        equal(d.error, None, "the settings are taken")
        t = Transfer(1, 2_500_000, payee(1))
        nonce = node.nonce()
        book.prepare(d, [t])
        equal(t.anchor, f"eip155:{CHAIN}:{PAYER}:{nonce}", "the anchor names chain, account, nonce")
        equal((node.balance(token, payee(1)), node.nonce("pending")), (0, nonce),
              "preparing moves nothing")
        equal(book.probe(d, [t]), [t], "what was never sent is absent")
        book.send(d, [t])
        equal(t.state, "sent", "it is sent")
        node.mine(1)
        book.probe(d, [t])
        equal((t.state, "1 of 3" in t.report["reason"]), ("sent", True),
              "one block is not deep enough", t.report)
        node.mine(1)
        book.probe(d, [t])
        equal(t.state, "sent", "nor are two")
        node.mine(1)
        book.probe(d, [t])
        equal(t.state, "paid", "three are")
        proof = json.loads(t.report["proof"])
        receipt = node.rpc("eth_getTransactionReceipt", proof["transaction"])
        equal((proof["chain"], proof["block"], proof["block_hash"], proof["gas_used"],
               proof["gas_price_wei"], proof["confirmations"], proof["payments"]),
              (f"eip155:{CHAIN}", int(receipt["blockNumber"], 16), receipt["blockHash"],
               int(receipt["gasUsed"], 16), str(int(receipt["effectiveGasPrice"], 16)), 3, 1),
              "the proof is what the node's receipt says")
        equal((t.report["reference"], "fee" in t.report, "amount" in t.report),
              (receipt["transactionHash"], False, False), "gas is no fee in the token")
        book.send(d, [t])
        equal((t.state, node.balance(token, payee(1))), ("unknown", 2_500_000),
              "the same bytes once more pay nobody twice")
        ok(payee(1)[2:] not in json.dumps([t.report[k] for k in ("reason", "remediation", "proof")]),
           "no report names the destination")


def test_coin(node):
    book = Book()
    with Driver("evm", settings(node)) as d:
        dear = Transfer(1, 10**15, payee(2), "ETH", 18, fee_max=1000)
        book.prepare(d, [dear])
        equal((dear.state, "fee" in dear.report["reason"]), ("failed", True),
              "gas above the fee cap is not begun")
        t = Transfer(2, 10**15, payee(2), "ETH", 18, fee_max=10**16)
        book.pay(d, [t])
        node.mine(3)
        book.probe(d, [t])
        equal((t.state, int(node.rpc("eth_getBalance", payee(2), "latest"), 16)), ("paid", 10**15),
              "a coin is paid")
        proof = json.loads(t.report["proof"])
        equal(int(t.report["fee"]), proof["gas_used"] * int(proof["gas_price_wei"]),
              "gas is its fee")
        small = Transfer(3, 3, payee(3), "ETH", 2)
        book.pay(d, [small])
        node.mine(3)
        book.probe(d, [small])
        equal((small.state, int(node.rpc("eth_getBalance", payee(3), "latest"), 16),
               small.report["fee"]), ("paid", 3 * 10**16, "1"),
              "an asset of two decimals is scaled up; its fee is rounded up")
        closed = checksummed(node, node.deploy(node.closed_code))
        c = Transfer(4, 10**12, closed, "ETH", 18)
        book.prepare(d, [c])
        equal((c.state, "coins" in c.report["remediation"]), ("rejected", True),
              "a contract that takes no coins is refused before anything is signed")


def test_amounts(node):
    token, book = node.new_token(), Book()
    with Driver("evm", settings(node, token)) as d:
        t = Transfer(1, 1_234_567_00, payee(4), scale=8)
        odd = Transfer(2, 1_234_567_01, payee(4), scale=8)
        coarse = Transfer(3, 5, payee(4), scale=0)
        other = Transfer(4, 5, payee(4), asset="EURC")
        book.pay(d, [t, odd, coarse, other])
        equal([x.state for x in (t, odd, coarse, other)], ["sent", "rejected", "sent", "rejected"],
              "an amount that is no whole number of units is refused, so is an unknown asset")
        settle(book, d, node, [t, coarse])
        equal(node.balance(token, payee(4)), 1_234_567 + 5_000_000, "amounts are scaled exactly")
    with Driver("evm", settings(node, token, tokens=f"USDC={token}/18")) as d:
        t = Transfer(5, 1_000_000, payee(4))
        book.prepare(d, [t])
        equal((t.state, "decimals" in t.report["reason"]), ("failed", True),
              "a token of other decimals than the settings say is not paid with")


def test_destinations(node):
    token, book = node.new_token(), Book()
    batch = node.new_batch(token)
    good = checksummed(node, payee(5))
    swapped = good.swapcase().replace("0X", "0x")
    cases = [
        (good, "sending", ""), (f"eip155:{CHAIN}:{good}", "sending", ""),
        (f"eip155:1:{good}", "rejected", "another chain"), (swapped, "rejected", "capitals"),
        (good.lower(), "rejected", "capitals"), (good[:-1], "rejected", "no address"),
        ("", "rejected", "no address"), ("eip155:", "rejected", "another chain"),
        ("alice.eth", "rejected", "no address"), ("0x" + "0" * 40, "rejected", "zero address"),
        (token, "rejected", "token's contract"), (PAYER, "rejected", "payer itself"),
        (batch, "rejected", "payer itself")]
    with Driver("evm", settings(node, token, checksum="needed", batch_contract=batch)) as d:
        for i, (where, state, why) in enumerate(cases):
            t = Transfer(100 + i, 1000, where)
            book.prepare(d, [t])
            equal((t.state, why in t.report["reason"], t.state == "rejected" and
                   not t.report["remediation"]), (state, True, False),
                  f"destination {i}: {state} {why}")


def test_tokens(node):
    book = Book()
    token = node.new_token(owned=10_000)
    with Driver("evm", settings(node, token)) as d:
        rich, poor, next_one = (Transfer(i, a, payee(10 + i)) for i, a in
                                ((1, 6_000), (2, 6_000), (3, 4_000)))
        book.prepare(d, [rich, poor, next_one])
        equal([x.state for x in (rich, poor, next_one)], ["sending", "failed", "sending"],
              "what the account has is counted over all payments of a call")
        ok("too little" in poor.report["reason"], "and the reason says so")
        book.send(d, [rich, next_one])
    token = node.new_token()
    with Driver("evm", settings(node, token)) as d:
        node.send(token, node.token_code, "blacklist", payee(20), 1)
        t = Transfer(10, 5, payee(20))
        book.prepare(d, [t])
        equal((t.state, t.report["remediation"] != ""), ("rejected", True),
              "a blocked payee is refused, and told what to do")
        for what, how in (("paused", {"paused": 1}), ("refusing", {"refuses": 1})):
            node.set_token(token, **how)
            t = Transfer(11, 5, payee(21))
            book.prepare(d, [t])
            equal(t.state, "failed", f"a {what} token is not paid with, for now", t.report)
            ok(what != "paused" or "Pausable: paused" in t.report["reason"], "the token's words")
        node.set_token(token)
        for what, how, end in (
                ("reverts", {"paused": 1}, "failed"), ("answers false", {"refuses": 1}, "failed"),
                ("says yes and moves nothing", {"mute": 1}, "unknown"),
                ("moves and says nothing", {"silent": 1}, "paid")):
            t = Transfer(12, 500, payee(22))
            book.prepare(d, [t])
            node.set_token(token, **how)
            book.send(d, [t])
            node.mine(3)
            before = node.balance(token, payee(22))
            book.probe(d, [t])
            equal((t.state, before), (end, 500 if end == "paid" else 0),
                  f"a token that {what} by the time of the block: {end}")
            node.set_token(token)
        node.set_token(token, fee=100)
        t = Transfer(16, 10_000, payee(23))
        book.pay(d, [t])
        settle(book, d, node, [t])
        equal((t.state, t.report.get("amount"), node.balance(token, payee(23))),
              ("paid", "9900", 9900), "a token that takes a fee: what arrived is noted")


def test_poor(node):
    token, book = node.new_token(), Book()
    had = node.rpc("eth_getBalance", PAYER, "latest")
    with Driver("evm", settings(node, token)) as d:
        t, late = transfers(2, first=30)
        book.prepare(d, [late])
        node.rpc("anvil_setBalance", PAYER, hex(1000))
        book.prepare(d, [t])
        equal((t.state, "coins for gas" in t.report["reason"]), ("failed", True),
              "without coins for gas nothing is begun")
        book.send(d, [late])
        equal(late.state, "unknown", "nor is what was committed before dead")
        equal(book.probe(d, [late]), [late], "it is absent")
        node.rpc("anvil_setBalance", PAYER, had)
        book.send(d, [late])
        node.mine(3)
        book.probe(d, [late])
        equal((late.state, node.balance(token, late.destination)), ("paid", late.amount),
              "and paid when there are coins again")


# --- batches ------------------------------------------------------------------------------------

def test_batch(node):
    token, book = node.new_token(), Book()
    batch = node.new_batch(token)
    with Driver("evm", settings(node, token, batch_contract=batch)) as d:
        all_of = transfers(6, first=40)
        all_of[4].destination = all_of[1].destination  # two payouts to one address
        node.send(token, node.token_code, "blacklist", all_of[2].destination, 1)
        book.prepare(d, all_of)
        equal([t.state for t in all_of], ["sending", "sending", "rejected"] + ["sending"] * 3,
              "a blocked payee is left out of the batch")
        rest = [t for t in all_of if t.state == "sending"]
        equal((len({t.bodies[0] for t in rest}), len({t.report["group"] for t in rest})), (1, 1),
              "the others travel together")
        equal([t.anchor.split("#")[1:] for t in rest], [[], ["1"], ["2"], ["3"], ["4"]],
              "each has its own anchor, the first the nonce's")
        node.send(token, node.token_code, "blacklist", rest[2].destination, 1)
        book.send(d, rest)
        node.mine(3)
        book.probe(d, rest)
        equal([t.state for t in rest], ["paid", "paid", "failed", "paid", "paid"],
              "one who is blocked meanwhile is not paid, the others are", outcomes(rest))
        equal([node.balance(token, payee(i)) for i in (40, 41, 43, 45)],
              [1_000_000, 2_000_005, 0, 1_000_005], "the chain says the same")
        proofs = [json.loads(t.report["proof"]) for t in rest if t.state == "paid"]
        equal(([p["place"] for p in proofs], {p["payments"] for p in proofs}), ([0, 1, 3, 4], {5}),
              "each proof tells its place")
        alone = [rest[3]]
        alone[0].state = "sent"
        book.probe(d, alone)
        equal(alone[0].state, "paid", "one payment of a batch can be looked at by itself")
    impostor = node.new_batch(token, code=node.impostor_code)
    with Driver("evm", settings(node, token, batch_contract=impostor)) as d:
        all_of = transfers(2, first=50)
        book.prepare(d, all_of)
        equal([t.report["group"] for t in all_of], ["", ""],
              "a contract that is another one is not used: they are paid one by one")
        book.send(d, all_of)


def test_thousand(node):
    """A thousand payees; the driver is killed before, in and after each of its calls in turn."""
    token, book = node.new_token(), Book()
    batch = node.new_batch(token)
    d = Driver("evm", settings(node, token, batch_contract=batch))
    all_of = transfers(1000, first=1000, amount=lambda i: 7_000_000 + 13 * i)
    first_block = int(node.rpc("eth_blockNumber"), 16)
    kills = {"before it was committed": 0, "before it was sent": 0, "while it was sent": 0,
             "while it was looked at": 0}

    def kill(when):
        kills[when] += 1
        d.kill()
        d.start()

    for n in range(0, 1000, 200):
        call = all_of[n:n + 200]
        if n == 0:
            d.tell({"do": "prepare", "payments": [t.payment(book.now) for t in call]})
            kill("before it was committed")
        book.prepare(d, call)
        if n == 200:
            kill("before it was sent")
            continue
        if n == 400:
            d.tell({"do": "send", "payments": [t.payment(book.now) for t in call]})
            time.sleep(0.02)
            kill("while it was sent")
            continue
        book.send(d, call)
    d.tell({"do": "probe", "payments": [t.payment(book.now) for t in all_of[:200]]})
    kill("while it was looked at")
    for _ in range(10):
        book.now += 30 * SECOND
        node.mine(3)
        for n in range(0, 1000, 200):
            book.look(d, [t for t in all_of[n:n + 200] if t.state != "paid"])
        waiting = [t for t in all_of if t.state in ("queued", "failed")]
        for n in range(0, len(waiting), 200):
            book.pay(d, waiting[n:n + 200])
    equal({t.state for t in all_of}, {"paid"}, "1,000 payees: all are paid")
    equal(sum(node.balance(token, t.destination) == t.amount for t in all_of), 1000,
          "each has exactly the amount, once")
    equal(node.balance(token, PAYER), 10**15 - sum(t.amount for t in all_of),
          "what left the account is the sum of the book")
    hashes = sorted({json.loads(t.report["proof"])["transaction"] for t in all_of})
    used = [int(node.rpc("eth_getTransactionReceipt", h)["gasUsed"], 16) for h in hashes]
    note(f"receipts: {len(hashes)} transactions of 100, gas {sum(used)}, {sum(used) // 1000} a "
         f"payee; blocks from {first_block}; killed {kills}")
    equal(len(hashes), 10, "ten transactions")
    equal(sum(kills.values()), 4, "the driver was killed at four places")
    d.stop()


# --- nodes that lie -----------------------------------------------------------------------------

def test_liars(node):
    token, book = node.new_token(), Book()

    def without(method):
        def meddle(asked, forward):
            answers = forward()
            by_id = {r["id"]: r["method"] for r in asked}
            for a in answers:
                if by_id[a["id"]] == method:
                    a.pop("error", None)
                    a["result"] = None
            return answers
        return meddle

    def changed(method, key, value):
        def meddle(asked, forward):
            answers = forward()
            by_id = {r["id"]: r["method"] for r in asked}
            for a in answers:
                if by_id[a["id"]] == method and isinstance(a.get("result"), dict):
                    a["result"][key] = value
            return answers
        return meddle

    with Proxy(node.port) as proxy, Driver("evm", settings(proxy, token)) as d:
        t = transfers(1, first=2500)[0]
        book.pay(d, [t])
        node.mine(5)
        dead = []
        for what, meddle in (
                ("has no receipts", without("eth_getTransactionReceipt")),
                ("has other receipts", changed("eth_getTransactionReceipt", "transactionHash",
                                               "0x" + "11" * 32)),
                ("has receipts of another block", changed("eth_getTransactionReceipt", "blockHash",
                                                          "0x" + "22" * 32)),
                ("has receipts without a status", changed("eth_getTransactionReceipt", "status", None)),
                ("has no logs", changed("eth_getTransactionReceipt", "logs", [])),
                ("knows no blocks", without("eth_getBlockByNumber")),
                ("answers in words", lambda asked, forward: b"the node is being mended"),
                ("answers half", lambda asked, forward: forward()[:-1]),
                ("answers twice", lambda asked, forward: forward() * 2),
                ("answers with another id", lambda asked, forward: [
                    dict(a, id=a["id"] + 1000) for a in forward()]),
                ("is busy", lambda asked, forward: 503),
                ("answers well and says that it failed", lambda asked, forward: (500, forward())),
                ("takes no batches", lambda asked, forward: {
                    "jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no"}}),
                ("is too long", lambda asked, forward: b" " * (9 << 20)),
                ("hangs up", lambda asked, forward: None)):
            proxy.meddle = meddle
            book.probe(d, [t])
            equal(t.report["outcome"], "unknown", f"a node that {what}: nobody can say", )
        proxy.meddle = lambda asked, forward: (
            [dict(a, result=hex(CHAIN + 1)) if r["method"] == "eth_chainId" else a
             for r, a in zip(asked, forward())])
        book.probe(d, [t])
        equal((t.state, f"of chain {CHAIN + 1}" in t.report["reason"]), ("unknown", True),
              "a node that becomes one of another chain is not believed")
        proxy.meddle = None
        book.probe(d, [t])
        equal((t.state, node.balance(token, t.destination)), ("paid", t.amount),
              "and when it tells the truth, it is paid")

        u = transfers(1, first=2501)[0]
        book.prepare(d, [u])

        def swallow(asked, forward):
            forward()
            return None
        proxy.meddle = swallow
        book.send(d, [u])
        proxy.meddle = None
        equal(u.state, "unknown", "a node that hangs up after it has sent")
        node.mine(3)
        book.look(d, [u])
        settle(book, d, node, [u])
        equal((u.state, node.balance(token, u.destination)), ("paid", u.amount), "has sent it once")

        v = transfers(1, first=2502)[0]
        proxy.meddle = lambda asked, forward: None
        book.prepare(d, [v])
        equal((v.state, "node 1 of 1: " in v.report["reason"], "127.0." in v.report["reason"]),
              ("failed", True, False), "without a node nothing is begun, and the reason can be kept")
    gone = Proxy(node.port)
    gone.server.shutdown()
    gone.server.server_close()
    with Driver("evm", settings(f"{gone.url()} http://localhost:1", token)) as d:
        w = transfers(1, first=2503)[0]
        book.prepare(d, [w])
        ok(w.state == "failed" and "node 2 of 2" in w.report["reason"] and
           "127.0." not in w.report["reason"], "nor without a connection", w.report)


def test_stall(node):
    token, book = node.new_token(), Book()
    with Proxy(node.port) as proxy:
        with Driver("evm", settings(proxy, token, timeout_s="1")) as d:
            t = transfers(1, first=2600)[0]
            book.prepare(d, [t])
            stop = []
            proxy.meddle = lambda asked, forward: (forward(), stop or time.sleep(3), None)[2]
            book.send(d, [t])
            equal(t.state, "unknown", "a node that sends and does not answer in time")
            stop.append(1)
            proxy.meddle = None
            node.mine(3)
            settle(book, d, node, [t])
            equal((t.state, node.balance(token, t.destination)), ("paid", t.amount),
                  "what it sent is found, once")


def test_failover(node):
    token, book = node.new_token(), Book()
    with Proxy(node.port) as first, Proxy(node.port) as second:
        urls = f"{first.url()}, {second.url()}"
        with Driver("evm", settings(urls, token)) as d:
            t = transfers(1, first=2700)[0]
            book.pay(d, [t])
            equal((first.posts > 0, second.posts), (True, 0), "one node is enough")
            first.meddle = lambda asked, forward: 500
            node.mine(3)
            book.probe(d, [t])
            equal((t.state, second.posts > 0), ("paid", True), "when it fails the other is asked")
            posts = first.posts
            u = transfers(1, first=2701)[0]
            book.pay(d, [u])
            equal((u.state, first.posts), ("sent", posts), "and from then on first")
    with Node(chain=CHAIN + 5) as wrong, Proxy(wrong.port) as proxy:
        with Driver("evm", settings(f"{proxy.url()} {node.url()}", token)) as d:
            t = transfers(1, first=2702)[0]
            book.pay(d, [t])
            equal((t.state, set(proxy.requests)), ("sent", {"eth_chainId"}),
                  "a node of another chain is asked for its id and nothing else")
        with Driver("evm", settings(wrong, token)) as d:
            t = transfers(1, first=2703)[0]
            book.prepare(d, [t])
            equal((t.state, "chain" in t.report["reason"]), ("failed", True),
                  "alone, it gets nothing")
    with Proxy(node.port) as proxy, Driver("evm", settings(proxy, token)) as d:
        many = transfers(200, first=2800)
        book.prepare(d, many)
        equal({t.state for t in many}, {"sending"}, "200 payments of one call")
        note(f"200 payments prepared by {proxy.posts} requests")
        posts = proxy.posts
        book.send(d, many)
        equal({t.state for t in many}, {"sent"}, "sent")
        note(f"sent by {proxy.posts - posts}")
        posts = proxy.posts
        node.mine(3)
        book.probe(d, many)
        equal({t.state for t in many}, {"paid"}, "and paid", outcomes(many)[:3])
        note(f"looked at by {proxy.posts - posts}")
        ok(proxy.posts < 30, "in few round trips", proxy.posts)
        gas = [json.loads(t.report["proof"])["gas_used"] for t in many]
        note(f"gas of a payment alone: {sum(gas) // len(gas)}")


# --- all of it at once --------------------------------------------------------------------------

class Deck:
    """Chance without luck: every card comes once in each round of the deck."""

    def __init__(self, rng, *cards):
        self.rng, self.cards, self.left = rng, cards, []
        self.drawn = {}

    def draw(self):
        if not self.left:
            self.left = list(self.cards)
            self.rng.shuffle(self.left)
        card = self.left.pop()
        self.drawn[card] = self.drawn.get(card, 0) + 1
        return card


def test_storm(node):
    """Faults of node, pool and process in an order of chance. METE_TEST_SEED runs one again."""
    seed = int(os.environ.get("METE_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    rng = random.Random(seed)
    token, book = node.new_token(), Book()
    batch = node.new_batch(token)
    node.mine(20)  # deeper than all that is rolled back: the allowance is the operator's
    answers = Deck(rng, *["true"] * 12, "lost", "unanswered", "busy", "no receipts", "half")
    steps = Deck(rng, *["calm"] * 5, "killed", "dropped", "foreign", "dear", "rolled back", "unsent",
                 "unsent")

    def meddle(asked, forward):
        fault = answers.draw()
        if fault in ("lost", "busy"):
            return None if fault == "lost" else 429
        said = forward()
        if fault == "unanswered":
            return None
        if fault == "half":
            return said[:-1]
        by_id = {r["id"]: r["method"] for r in asked}
        return [dict(a, result=None) if fault == "no receipts" and
                by_id[a["id"]] == "eth_getTransactionReceipt" else a for a in said]

    all_of = transfers(150, first=5000, amount=lambda i: 100_000 + i)
    with Proxy(node.port) as proxy:
        d = Driver("evm", settings(proxy, token, batch_contract=batch, batch_size="7"))
        proxy.meddle, proxy.book = meddle, book
        for step in range(60):
            book.now += rng.randrange(5, 120) * SECOND
            what = steps.draw()
            under_way = [t for t in all_of if t.state in ("sending", "sent", "unknown")]
            fresh = [t for t in all_of if t.state in ("queued", "failed")]
            if fresh and len(under_way) < 60:
                some = rng.sample(fresh, min(len(fresh), rng.randrange(1, 12)))
                committed = book.prepare(d, some)
                if committed and what != "unsent":
                    book.send(d, committed)
            if under_way:
                book.look(d, rng.sample(under_way, rng.randrange(1, len(under_way) + 1)))
            if what == "killed":
                d.kill()
                d.start()
            elif what == "dropped":
                for t in rng.sample(under_way, min(3, len(under_way))):
                    node.rpc("anvil_dropTransaction", t.report.get("reference") or "0x" + "0" * 64)
            elif what == "foreign":  # with a fee that takes the place of whatever waits there
                node.rpc("eth_sendTransaction", {
                    "from": PAYER, "to": payee(1), "value": "0x1", "nonce": hex(node.nonce()),
                    "maxFeePerGas": hex(9000 * GWEI), "maxPriorityFeePerGas": hex(4000 * GWEI),
                    "gas": hex(30_000)})
                node.mine(1)
            elif what == "dear":
                node.rpc("anvil_setNextBlockBaseFeePerGas", hex(rng.randrange(2, 9) * GWEI))
            node.mine(rng.randrange(0, 3))
            if what == "rolled back":
                node.rpc("anvil_rollback", 1)
        proxy.meddle = None
        under_way = sum(t.state == "paid" for t in all_of)
        settle(book, d, node, all_of, 80)
        d.stop()
        equal(proxy.unlawful, [], f"storm: nothing was sent that was not committed (seed {seed})")
    note(f"seed {seed}; {dict(sorted(answers.drawn.items()))} {dict(sorted(steps.drawn.items()))}")
    note(f"said {({' '.join(k): v for k, v in sorted(book.seen.items())})}; paid in the storm: "
         f"{under_way} of {len(all_of)}")
    equal({t.state for t in all_of}, {"paid"}, f"storm: all are paid (seed {seed})",
          {t.state: t.report for t in all_of if t.state != "paid"})
    wrong = [(t.id, node.balance(token, t.destination), t.amount) for t in all_of
             if node.balance(token, t.destination) != t.amount]
    equal(wrong, [], f"storm: each once, to the unit (seed {seed})")
    equal((sorted(set(answers.cards) - set(answers.drawn)),
           sorted(set(steps.cards) - set(steps.drawn))), ([], []), "storm: every fault fired")


# --- settings -----------------------------------------------------------------------------------

def test_settings():
    base = settings("http://127.0.0.1:9")
    open_key = pathlib.Path(KEYS.name) / "open"
    open_key.write_text(PAYER_KEY)
    open_key.chmod(0o644)
    bad_key = pathlib.Path(KEYS.name) / "bad"
    bad_key.write_text("00" * 32)
    bad_key.chmod(0o600)
    secret = "https://node.example/v2/TOPSECRET"
    for change, why in (
            ({"network": None}, "network is missing"), ({"network": "bass"}, "not known"),
            ({"chain_id": "1"}, "has chain_id 8453"), ({"chain_id": "0"}, "whole number"),
            ({"rpc_url": None}, "rpc_url is missing"), ({"rpc_url": "ftp://x"}, "number 1"),
            ({"rpc_url": "http://node.example"}, "not https"),
            ({"rpc_url": " ".join([secret] * 9)}, "number 9"),
            ({"key_file": None}, "key_file is missing"), ({"key_file": "/none"}, "No such file"),
            ({"key_file": str(open_key)}, "others may read"),
            ({"key_file": str(bad_key)}, "no private key"),
            ({"confirmations": "0"}, "1 to 100000"), ({"max_fee_gwei": "1.5"}, "whole number"),
            ({"batch_contract": "0x12"}, "no address"), ({"batch_size": "201"}, "1 to 200"),
            ({"checksum": "maybe"}, "needed or optional"), ({"tokens": "EURC"}, "CODE=ADDRESS"),
            ({"tokens": "EURC=0x60a3e35cc302bfa44cb288bc5a4f316fdb1adb42/6"}, "CODE=ADDRESS"),
            ({"network": None, "chain_id": "424242"}, "tokens is missing")):
        s = {k: v for k, v in {**base, **change}.items() if v is not None}
        with Driver("evm") as d:
            said = d.ask({"do": "open", "settings": s}).get("error")
            ok(said is not None and why in said and "TOPSECRET" not in said,
               f"settings: {change} is refused, with the reason", said)
            if said is None or why in said:
                s = {**base, "rpc_url": "http://127.0.0.1:9"}
                equal(d.ask({"do": "open", "settings": s}), {"ok": True}, "and good ones are taken")
    urls = pathlib.Path(KEYS.name) / "urls"
    urls.write_text(secret + "\nhttps://other.example\n")
    urls.chmod(0o640)
    with Driver("evm", {k: v for k, v in base.items() if k != "rpc_url"} |
                {"rpc_url_file": str(urls)}) as d:
        ok("chmod 600" in str(d.error), "a file with keys in it that others may read is refused",
           d.error)
        d.ask({"do": "open", "settings": base})
    urls.chmod(0o600)
    filed = {k: v for k, v in base.items() if k != "rpc_url"}
    with Driver("evm", {**filed, "rpc_url_file": str(urls)}) as d:
        equal(d.error, None, "nodes may stand in a file")
        d.settings = {**filed, "rpc_url_file": str(urls) + "-none"}
        ok("cannot be read" in d.ask({"do": "open", "settings": d.settings})["error"],
           "which there has to be")
        d.ask({"do": "open", "settings": base})
    with Driver("evm", {k: v for k, v in base.items() if k != "rpc_url"},
                {"ETH_RPC": "http://127.0.0.1:9"}) as d:
        ok("rpc_url is missing" in str(d.error), "a rail asks its settings, never the environment",
           d.error)
        d.ask({"do": "open", "settings": base})
    with Proxy(9) as proxy:
        proxy.meddle = lambda asked, forward: [
            {"jsonrpc": "2.0", "id": r["id"], "result": "0x1"} for r in asked]
        conf = configuration({"key_file": KEY, "batch_contract": RICH})
        status, said = command(conf, "USDC", "1", ETH_RPC=proxy.url())
        ok(proxy.posts > 0 and status == 1 and "does not say block" in said,
           "ETH_RPC and a key are enough for Ethereum", said)
        conf = configuration({"key_file": KEY, "batch_contract": RICH, "network": "base"})
        status, said = command(conf, "USDC", "1", ETH_RPC=proxy.url())
        ok("of chain 1, not 8453" in said, "but a network that is said holds", said)
    with Driver("evm", {**base, "key_file": "pay.key"}, {"CREDENTIALS_DIRECTORY": KEYS.name}) as d:
        ok("No such file" in d.error, "a credential that is not there", d.error)
        d.ask({"do": "open", "settings": {**base, "network": "base-sepolia"}})
    (pathlib.Path(KEYS.name) / "pay.key").write_text("0x" + PAYER_KEY + "\n")
    with Driver("evm", {**base, "key_file": "pay.key"}, {"CREDENTIALS_DIRECTORY": KEYS.name}) as d:
        equal(d.error, None, "the key comes from systemd's credentials")


test_contracts()
test_settings()
with Node() as local:
    run(local, (test_batch_contract, test_one, test_coin, test_amounts, test_destinations,
                test_tokens, test_poor, test_batch, test_thousand, test_liars, test_stall,
                test_failover, test_storm))
done()

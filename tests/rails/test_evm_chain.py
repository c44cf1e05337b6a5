# SPDX-License-Identifier: Apache-2.0
"""The EVM rail and its chain: fees that rise, transactions that are dropped, re-organised and
overtaken, holes among nonces, another account, and what the batch contract may move. Nothing is
sent that was not committed before.
covers: F-047 R-022 R-023"""
import json
import pathlib
import re
import threading
import time

from evm_case import (GWEI, KEYS, command, configuration, outcomes, payee, run, settings, settle,
                      transfers)
from evm_node import CHAIN, PAYER, Node, Proxy
from rail_book import SECOND, Book, Driver, Transfer, done, equal, note, ok


def test_allowance(node):
    """What the batch contract may move is given by the operator, and by nobody else."""
    token, book = node.new_token(), Book()
    batch = node.new_batch()
    with Proxy(node.port) as proxy:
        proxy.book = book
        s = settings(proxy, token, batch_contract=batch)
        conf = configuration(s)
        with Driver("evm", s) as d:
            all_of = transfers(2, first=60)
            book.prepare(d, all_of)
            equal([(t.state, "mete rail approve USDC" in t.report["reason"]) for t in all_of],
                  [("failed", True)] * 2,
                  "without an allowance a batch is refused, and the command is named",
                  outcomes(all_of))
            one = transfers(1, first=62)[0]
            book.pay(d, [one])
            node.mine(3)
            book.probe(d, [one])
            equal((one.state, proxy.unlawful), ("paid", []),
                  "what travels alone needs none; nothing else is sent")

            status, said = command(conf, "USDC", "2.5")
            equal((status, node.nonce("pending"), "Nothing is sent" in said),
                  (0, node.nonce(), True),
                  "the command alone tells and sends nothing", said)
            ok(all(x in said for x in (PAYER, batch, token, "2.500000", "Allowed now  0.000000")),
               "it tells account, token, contract and amounts", said)
            status, said = command(conf, "USDC", "2.5", "--send", "--wait", "0")
            sent = re.search(r"sending (0x[0-9a-f]{64})", said)
            equal((status, sent is not None and "no block yet" in said), (1, True),
                  "with --send it is sent; in no block yet", said)
            equal(node.ask(token, node.token_code, "allowance", PAYER, batch), 0, "not yet so")
            node.mine(1)
            equal((node.rpc("eth_getTransactionReceipt", sent[1])["status"],
                   node.ask(token, node.token_code, "allowance", PAYER, batch)),
                  ("0x1", 2_500_000), "then exactly so much is allowed")
            nonce = node.nonce()
            status, said = command(conf, "USDC", "2.5", "--send")
            equal((status, "so already" in said, node.nonce("pending")), (0, True, nonce),
                  "the same once more changes nothing")

            book.now += 60 * SECOND
            equal(len(book.prepare(d, all_of)), 2, "what fits it travels together")
            equal(len({t.report["group"] for t in all_of}), 1, "in one transaction")
            book.send(d, all_of)
            more = transfers(2, first=64)
            book.prepare(d, more)
            equal([t.state for t in more], ["failed"] * 2, "what does not fit any more is refused")
            settle(book, d, node, all_of)
            equal([node.balance(token, t.destination) for t in all_of], [t.amount for t in all_of],
                  "and all are paid")

            mining = threading.Thread(target=lambda: (time.sleep(1), node.mine(1)))
            mining.start()
            status, said = command(conf, "USDC", "unlimited", "--send", "--json")
            mining.join()
            told = json.loads(said[said.index("{"):])
            equal((status, told["state"], told["amount"], told["balance"], told["block"]),
                  (0, "done", str(2**256 - 1), str(node.balance(token, PAYER)),
                   int(node.rpc("eth_blockNumber"), 16)),
                  "it waits for its block", said)
            equal(node.ask(token, node.token_code, "allowance", PAYER, batch), 2**256 - 1,
                  "without end, when somebody says so")
            for words, why in ((("EURC", "1"), "no token of that name"),
                               (("ETH", "1"), "no token of that name"),
                               (("USDC", "1.2345678"), "at most 6 decimals"),
                               (("USDC", "all"), "at most 6 decimals")):
                status, said = command(conf, *words, "--send")
                equal((status, why in said), (2, True), f"{' '.join(words)} is refused", said)
    impostor = node.new_batch(code=node.impostor_code)
    for change, why in (({"batch_contract": impostor}, "not that of contracts/Batch.sol"),
                        ({"batch_contract": None}, "batch_contract is missing"),
                        ({"tokens": f"USDC={token}/18"}, "other decimals"),
                        ({"rpc_url": "http://127.0.0.1:9"}, "node 1 of 1")):
        s = {**settings(node, token, batch_contract=batch), **change}
        s = {k: v for k, v in s.items() if v}
        nonce = node.nonce("pending")
        status, said = command(configuration(s), "USDC", "1", "--send")
        equal((status != 0, why in said, node.nonce("pending")), (True, True, nonce),
              f"{why}: nothing is sent", said)


# --- what chains do -----------------------------------------------------------------------------

def test_fee_bump(node):
    token, book = node.new_token(), Book()
    with Driver("evm", settings(node, token, max_fee_gwei="100")) as d:
        t, behind = transfers(2, first=2000)
        book.pay(d, [t])
        book.pay(d, [behind])
        book.now += 100 * SECOND
        equal(book.probe(d, [t, behind]), [], "what waits is given time")
        book.now += 100 * SECOND
        again = book.probe(d, [t, behind])
        equal((again, len(t.bodies), len(behind.bodies)), ([t], 2, 1),
              "then its fee is raised, of the first alone")
        fees = [int(node.rpc("eth_getTransactionByHash", t.report["reference"])[k], 16)
                for k in ("maxFeePerGas", "maxPriorityFeePerGas")]
        book.send(d, again)
        equal(t.state, "sent", "the node takes the replacement")
        raised = [int(node.rpc("eth_getTransactionByHash", t.report["reference"])[k], 16)
                  for k in ("maxFeePerGas", "maxPriorityFeePerGas")]
        ok(all(8 * new >= 9 * old for old, new in zip(fees, raised)),
           "both of its fees are an eighth higher", fees, raised)
        node.mine(3)
        book.probe(d, [t, behind])
        equal([x.state for x in (t, behind)], ["paid", "paid"], "both are paid")

        # The node throws out what cannot pay the base fee any more.
        up, next_one = transfers(2, first=2005)
        book.pay(d, [up])
        book.pay(d, [next_one])
        for gwei in (20, 22):
            node.rpc("anvil_setNextBlockBaseFeePerGas", hex(gwei * GWEI))
            node.mine(1)
        again = book.probe(d, [up, next_one])
        equal([x.report["outcome"] for x in (up, next_one)], ["replace", "absent"],
              "under a base fee that rises the next one is raised at once")
        book.send(d, [up])
        node.mine(1)
        book.probe(d, [up, next_one])
        equal([x.report["outcome"] for x in (up, next_one)], ["accepted", "replace"],
              "then the one behind it")
        book.send(d, [next_one])
        settle(book, d, node, [up, next_one])
        equal([node.balance(token, x.destination) for x in (t, behind, up, next_one)],
              [x.amount for x in (t, behind, up, next_one)], "each is paid once")

        node.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
        node.mine(1)
        old = transfers(1, first=2010)[0]
        book.pay(d, [old])
        first = old.bodies[0]
        for _ in range(3):
            book.now += 200 * SECOND
            again = book.probe(d, [old])
        ok(again == [old] and len(old.bodies) >= 3, "a fee is raised again and again",
           len(old.bodies))
        node.mine(3)
        book.probe(d, [old])
        equal((old.state, old.bodies[0] == first, node.balance(token, old.destination)),
              ("paid", True, old.amount), "the first body may be the one that pays")
    with Driver("evm", settings(node, token, max_fee_gwei="3")) as d:
        t = transfers(1, first=2020)[0]
        book.pay(d, [t])
        bodies = 0
        for _ in range(40):
            book.now += 400 * SECOND
            book.look(d, [t])
            bodies = max(bodies, len(t.bodies))
        most = int(node.rpc("eth_getTransactionByHash", t.report["reference"])["maxFeePerGas"], 16)
        ok(2 <= bodies < 16 and t.state == "sent" and most <= 3 * GWEI,
           "no fee is raised above the cap", bodies, most)
        node.mine(3)
        settle(book, d, node, [t])
        equal(node.balance(token, t.destination), t.amount, "and it is paid when fees are low again")


def test_dropped(node):
    token, book = node.new_token(), Book()
    with Driver("evm", settings(node, token)) as d:
        a, b = transfers(2, first=2100)
        book.pay(d, [a])
        book.pay(d, [b])
        node.rpc("anvil_dropTransaction", b.report["reference"])
        equal((book.probe(d, [a, b]), a.report["outcome"], b.report["outcome"]),
              ([b], "accepted", "absent"), "what a node has dropped is absent, what it has is not")
        node.rpc("anvil_dropTransaction", a.report["reference"])
        book.send(d, book.probe(d, [a, b]))
        node.mine(4)
        settle(book, d, node, [a, b])
        equal([node.balance(token, x.destination) for x in (a, b)], [a.amount, b.amount],
              "sent again, it is paid once, and so is the next")


def test_reorg(node):
    token, book = node.new_token(), Book()
    with Driver("evm", settings(node, token, confirmations="6")) as d:
        t = transfers(1, first=2200)[0]
        book.pay(d, [t])
        node.mine(3)
        book.probe(d, [t])
        ok("3 of 6" in t.report["reason"], "three blocks deep", t.report)
        node.rpc("anvil_rollback", 3)
        again = book.probe(d, [t])
        equal((again, node.balance(token, t.destination)), ([t], 0),
              "a re-org takes it out of the chain: it is absent")
        node.mine(8)
        equal(book.probe(d, [t]), [t], "and stays so, however many blocks come")
        book.send(d, [t])
        node.mine(3)
        node.rpc("anvil_reorg", 3, [])
        book.look(d, [t])
        settle(book, d, node, [t])
        equal((t.state, node.balance(token, t.destination)), ("paid", t.amount),
              "after two re-orgs it is paid, once")


def test_foreign_nonce(node):
    token, book = node.new_token(), Book()
    with Driver("evm", settings(node, token)) as d:
        t = transfers(1, first=2300)[0]
        book.prepare(d, [t])
        node.transact(payee(1), sender=PAYER, value="0x1")
        book.send(d, [t])
        equal(t.state, "unknown", "a nonce that is used already: nobody knows by what")
        book.probe(d, [t])
        equal((t.state, "not yet deep" in t.report["reason"]), ("unknown", True),
              "nor while that block is new")
        node.mine(2)
        book.probe(d, [t])
        equal((t.state, "another transaction" in t.report["reason"]), ("failed", True),
              "deep enough, the other transaction is found: this one is dead")
        settle(book, d, node, [t])
        equal((t.state, t.attempt, node.balance(token, t.destination)), ("paid", 2, t.amount),
              "the second attempt pays")
        # A replacement that this book never heard of: the same payment, so nothing is dead.
        u = transfers(1, first=2301)[0]
        book.pay(d, [u])
        book.now += 1000 * SECOND
        book.look(d, [u])
        equal(len(u.bodies), 2, "a replacement is sent")
        u.bodies = u.bodies[:1]
        node.mine(4)
        book.probe(d, [u])
        equal((u.state, node.balance(token, u.destination)), ("paid", u.amount),
              "who was not told of the replacement that paid finds it")


def test_holes(node):
    token, book = node.new_token(), Book()
    with Proxy(node.port) as proxy, Driver("evm", settings(proxy, token)) as d:
        proxy.book = book
        lost, kept, later, last = transfers(4, first=2400)
        said = book.ask(d, "prepare", [lost])
        hole = node.nonce()
        equal(said[0]["anchor"].split(":")[-1], str(hole), "a nonce is offered")
        book.pay(d, [kept])
        equal(kept.anchor.split(":")[-1], str(hole + 1), "and not offered to the next one")
        equal(node.nonce("pending"), hole, "which waits behind it")
        book.now += 31 * SECOND
        book.pay(d, [later])
        equal(later.anchor.split(":")[-1], str(hole),
              "one that was not committed in time is offered again")
        node.mine(3)
        settle(book, d, node, [kept, later])
        equal([x.state for x in (kept, later)], ["paid", "paid"], "so both are paid")

        book.ask(d, "prepare", [lost])
        hole = node.nonce()
        book.pay(d, [last])
        seen = []
        for seconds in (40, 40, 400):
            book.now += seconds * SECOND
            book.look(d, [last])
            seen.append(last.report)
        ok("waits for 1" in seen[0]["reason"] and len(last.bodies) >= 2 and
           last.bodies[1].split(",")[1:] == last.bodies[:1],
           "what uses up a hole that nobody comes back to is committed with what waits behind it",
           seen, last.bodies)
        node.mine(3)
        book.probe(d, [last])
        equal((last.state, node.balance(token, last.destination), node.nonce()),
              ("paid", last.amount, hole + 2), "and what waited behind it is paid")
        taken = transfers(2, first=2410)
        for i in range(20):
            book.anchors.add(f"eip155:{CHAIN}:{PAYER}:{hole + 2 + i}")
        book.prepare(d, taken[:1])
        asked = book.seen["prepare", "accepted"]
        ok(taken[0].state == "sending" and int(taken[0].anchor.split(":")[-1]) >= hole + 22,
           "nonces that the book knows to be taken are passed over", taken[0].anchor)
        book.prepare(d, taken[1:])
        note(f"twenty that were taken: {asked} and then {book.seen['prepare', 'accepted']} offers")
        equal(proxy.unlawful, [], "nothing is sent to the node that was not committed before")


def test_rows_of_holes(node):
    """What fills a hole is dropped, too cheap, or one of many; a batch waits behind one."""
    token, book = node.new_token(), Book()
    batch = node.new_batch(token)
    with Proxy(node.port) as proxy, Driver("evm", settings(proxy, token, batch_contract=batch,
                                                           max_fee_gwei="100")) as d:
        proxy.book = book
        t = transfers(1, first=2420)[0]
        book.pay(d, [t])
        node.mine(3)
        book.probe(d, [t])
        equal(t.state, "paid", "a first payment, so that the process is old enough later")

        book.now += 100 * SECOND
        t = transfers(1, first=2430)[0]
        first = node.nonce()
        book.ask(d, "prepare", transfers(1, first=2440))
        book.ask(d, "prepare", transfers(1, first=2441))
        book.ask(d, "prepare", transfers(1, first=2442))
        book.pay(d, [t])
        book.now += 70 * SECOND
        book.look(d, [t])
        equal(([len(b.split(",")) for b in t.bodies], node.nonce("pending")), ([1, 4], first + 4),
              "a row of holes is used up at once")
        node.mine(3)
        book.probe(d, [t])
        equal((t.state, node.nonce()), ("paid", first + 4), "so that the payment goes on")

        group = transfers(3, first=2450)
        book.ask(d, "prepare", transfers(1, first=2460))
        book.pay(d, group)
        equal(len({x.bodies[0] for x in group}), 1, "three payments of one transaction")
        node.rpc("anvil_dropTransaction", group[0].report["reference"])
        book.now += 70 * SECOND
        again = book.look(d, group)
        equal((again, {len(x.bodies) for x in group}, len({x.bodies[1] for x in group})),
              (group, {2}, 1), "wait behind a hole, unknown to the node: filled for all in one")
        filler = node.rpc("eth_getBlockByNumber", "pending", True)["transactions"][0]
        equal((filler["from"], filler["to"], int(filler["value"], 16), filler["input"]),
              (PAYER.lower(), PAYER.lower(), 0, "0x"), "by nothing, paid to the account itself")
        node.rpc("anvil_dropTransaction", filler["hash"])
        equal((book.probe(d, group), {x.report["outcome"] for x in group}), (group, {"absent"}),
              "when the node loses that, it is to be sent again")
        book.send(d, group)
        equal(node.rpc("eth_getBlockByNumber", "pending", True)["transactions"][0]["hash"],
              filler["hash"], "the same bytes")
        book.now += 300 * SECOND
        again = book.probe(d, group)
        equal((again, {len(x.bodies) for x in group}), (group, {3}),
              "when it waits too long its fee is raised")
        book.send(d, group)
        higher = node.rpc("eth_getBlockByNumber", "pending", True)["transactions"][0]
        ok(higher["nonce"] == filler["nonce"] and
           8 * int(higher["maxFeePerGas"], 16) >= 9 * int(filler["maxFeePerGas"], 16),
           "by an eighth at least", filler, higher)
        node.mine(3)
        settle(book, d, node, group)
        equal([node.balance(token, x.destination) for x in group], [x.amount for x in group],
              "and all three are paid, once")
        equal(proxy.unlawful, [], "all of that was committed before it was sent")


def test_other_account():
    """What another account has committed on the chain says nothing of this one's nonces."""
    other = pathlib.Path(KEYS.name) / "other"
    other.write_text("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a")
    other.chmod(0o600)
    book = Book()
    old, new, late = (Transfer(i, 10**12, payee(2470 + i), "ETH", 18) for i in range(1, 4))
    with Node() as node:
        with Driver("evm", settings(node)) as d:
            book.pay(d, [old])
            equal(old.anchor, f"eip155:{CHAIN}:{PAYER}:0", "an account's first payment waits")
        with Driver("evm", settings(node, key_file=str(other))) as d:
            book.look(d, [old])
            book.pay(d, [new])
            equal(new.anchor.split(":")[-1], "0", "its successor begins with its own first nonce")
            node.rpc("anvil_dropTransaction", new.report["reference"])
            node.mine(3)
            book.probe(d, [old])
            equal((old.state, old.anchor != new.anchor), ("paid", True), "the old one is paid")
            asked = book.ask(d, "prepare", [late])[0]["anchor"]
            equal(asked.split(":")[-1], "1",
                  "and the new account still knows what it has committed")
            settle(book, d, node, [new])
            equal(new.state, "paid", "which is paid too")


test_other_account()
with Node() as local:
    run(local, (test_allowance, test_fee_bump, test_dropped, test_reorg, test_foreign_nonce,
                test_holes, test_rows_of_holes))
done()

# SPDX-License-Identifier: Apache-2.0
"""A thousand payees in USDC through mete itself: a server with the book, `mete worker` with the
account's key, and a real node. The worker is killed with SIGKILL before a batch is sent, after the
node has it and before it answers, while it prepares, and while it looks; the server before it has
heard what is to be committed. What is on the chain is what is in the ledger.
covers: F-047 F-043 R-022 R-032"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "rails"))
from evm_node import PAYER, PAYER_KEY, Node, Proxy, checksummed  # noqa: E402
from served import METE, Served, done, equal, event, note, ok  # noqa: E402

PAYEES = 1000
QUEUE = os.environ["QUEUE_PAYOUTS"]
AT = "2025-01-01T00:00:00Z"


def amount(i):
    return 1_000_000 + 1001 * i


def earn(s, places):
    sent = [event("conf", "book.configured", {"clear_after_days": 0}, AT)]
    for i, place in enumerate(places):
        value = f"{amount(i) // 10**6}.{amount(i) % 10**6:06d}"
        sent.append(event(f"r{i}", "revenue.received", {
            "party": f"did:p{i}", "amount": {"amount": value, "currency": "USDC"}}, AT))
        sent.append(event(f"d{i}", "party.destination_set", {
            "party": f"did:p{i}", "rail": "evm", "destination": place}, AT))
    told = set()
    for n in range(0, len(sent), 500):
        status, _, body = s.post("/v1/events", {"events": sent[n:n + 500]})
        told |= {r["status"] for r in body["results"]} if status in (200, 202) else {status}
    equal(told, {"applied"}, f"{len(places)} parties have money and a place for it")


def queue(s):
    s.stop()
    out = subprocess.run([QUEUE, str(s.store), "main", "b1", "evm", "USDC"], capture_output=True,
                         text=True, check=True).stdout
    s.start()
    equal(int(out), PAYEES, "as many payouts are queued")


def states(s):
    return {m[1]: int(m[2]) for m in re.finditer(
        r'^mete_payouts\{book="main",state="([a-z_]+)"\} (\d+)', s.get("/metrics")[2], re.M)}


class Worker:
    """`mete worker` under supervision: started again whenever it has died."""

    def __init__(self, s, conf, key):
        self.s, self.log = s, open(s.folder / "worker.log", "ab")
        self.env = {**s.env, "METE_CONFIG": str(conf), "METE_API_KEY": key}
        self.deaths = 0
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen([METE, "worker", "--url", f"http://127.0.0.1:{self.s.port}"],
                                        env=self.env, stdout=self.log, stderr=self.log)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.deaths += 1

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


class Killer:
    """The proxy's meddling: each death once, at its place in what the worker asks the node."""

    def __init__(self, server):
        self.server, self.server_dead = server, threading.Event()
        self.worker = None
        self.sends = self.looks = self.prepares = 0
        self.died = []

    def die(self, why):
        self.died.append(why)
        self.worker.kill()
        return None

    def __call__(self, asked, forward):
        methods = {r["method"] for r in asked}
        if "eth_sendRawTransaction" in methods:
            self.sends += 1
            if self.sends == 1:
                return self.die("before a batch was sent")
            if self.sends == 3:
                forward()
                return self.die("after the node had it, before it said so")
        elif "eth_estimateGas" in methods:
            self.prepares += 1
            if self.prepares == 5:
                forward()
                return self.die("while it prepared")
            if self.prepares == 7:  # what the worker goes on to commit finds nobody
                self.died.append("the server, before it could commit")
                self.server.stop(signal.SIGKILL)
                self.server_dead.set()
        elif "eth_getTransactionReceipt" in methods:
            self.looks += 1
            if self.looks == 2:
                return self.die("while it looked")
        return forward()


def configuration(s, proxy, token, batch):
    key = s.folder / "evm.key"
    key.write_text(PAYER_KEY)
    key.chmod(0o600)
    conf = s.folder / "worker.conf"
    conf.write_text(f"[rails]\nrails = evm\n[evm]\nnetwork = base\nrpc_url = {proxy.url()}\n"
                    f"key_file = {key}\nconfirmations = 3\ntokens = USDC={token}/6\n"
                    f"batch_contract = {batch}\n")
    return conf


def run(s, node, worker, killer, seconds):
    """Mines, and starts again what has died, until all is paid."""
    end, paid = time.time() + seconds, 0
    while paid < PAYEES and time.time() < end:
        node.mine(1)
        if killer.server_dead.is_set():
            s.start(s.port)
            killer.server_dead.clear()
        if worker.process.poll() is not None:
            worker.start()
        try:
            paid = states(s).get("paid", 0)
        except OSError:
            pass  # it is dead, and will be started
        time.sleep(0.3)
    equal({k: v for k, v in states(s).items() if v}, {"paid": PAYEES}, "all are paid")


def told_of(s, path):
    status, _, body = s.get(path)
    assert status == 200, body
    return body


def compare(s, node, token, places):
    on_chain = [node.balance(token, place) for place in places]
    in_book = [int(told_of(s, f"/v1/parties/did:p{i}/balance")["balances"][0]["paid"])
               for i in range(PAYEES)]
    equal([i for i in range(PAYEES) if not on_chain[i] == in_book[i] == amount(i)], [],
          "each payee has exactly what the ledger says, once")
    equal((sum(on_chain), node.balance(token, PAYER)), (sum(in_book), 10**15 - sum(in_book)),
          "the sum on the chain is the sum in the ledger")


def receipts(s, node, batch):
    """What the chain has of the account: every transaction, with its gas."""
    found = []
    for number in range(int(node.rpc("eth_blockNumber"), 16) + 1):
        for tx in node.rpc("eth_getBlockByNumber", hex(number), True)["transactions"]:
            if tx["from"].lower() == PAYER.lower() and (tx["to"] or "").lower() == batch.lower():
                found.append(node.rpc("eth_getTransactionReceipt", tx["hash"]))
    gas = sum(int(r["gasUsed"], 16) for r in found)
    for r in found:
        note(f"receipt {r['transactionHash']} block {int(r['blockNumber'], 16)} gas "
             f"{int(r['gasUsed'], 16)} logs {len(r['logs'])}")
    note(f"{len(found)} transactions, gas {gas}, {gas // PAYEES} a payee")
    ok(0 < len(found) < PAYEES // 10 and {r["status"] for r in found} == {"0x1"},
       "many travelled together")


def proofs(s, node):
    """Each payment's proof stands in the log, and is what the node says."""
    paid, page = [], {"next": 0, "more": True}
    while page["more"]:
        page = told_of(s, f"/v1/events?type=payout.transfer_paid&limit=1000&after={page['next']}")
        paid += [row["event"]["payload"] for row in page["events"]]
    said = [json.loads(p["proof"]) for p in paid]
    blocks = {p["transaction"]: node.rpc("eth_getTransactionReceipt", p["transaction"])
              for p in {p["transaction"]: p for p in said}.values()}
    equal(len({(p["transaction"], p["place"]) for p in said}), PAYEES,
          "each payment has a proof of its own in the log")
    ok(all(p["block_hash"] == blocks[p["transaction"]]["blockHash"] and
           q["reference"] == p["transaction"] for p, q in zip(said, paid)),
       "which names transaction and block as the node does", said[:1])


def secrets(s, places):
    text = b"".join(p.read_bytes() for p in (s.folder / "log", s.folder / "worker.log"))
    ok(not any(place[2:].lower().encode() in text.lower() for place in places) and
       PAYER_KEY.encode() not in text, "no log has a destination or the key", text[-800:])


def main():
    with Node() as node, Proxy(node.port) as proxy, Served() as s:
        killer = Killer(s)
        token = node.new_token()
        batch = node.new_batch(token)
        places = [checksummed(node, f"0x{0xbee0000 + i:040x}") for i in range(PAYEES)]
        earn(s, places)
        queue(s)
        key = s.make_key("payout:work")
        s.key = s.make_key("admin,earnings:read,revenue:read,audit:read")
        proxy.meddle = killer
        killer.worker = worker = Worker(s, configuration(s, proxy, token, batch), key)
        try:
            run(s, node, worker, killer, 700)
        finally:
            worker.stop()
        note(f"killed: {killer.died}; payouts {states(s)}")
        equal(sorted(killer.died), ["after the node had it, before it said so",
                                    "before a batch was sent",
                                    "the server, before it could commit", "while it looked",
                                    "while it prepared"], "worker and server died at each place")
        compare(s, node, token, places)
        receipts(s, node, batch)
        proofs(s, node)
        secrets(s, places)
        s.stop()
        audit = subprocess.run([METE, "audit", "--store", str(s.store)], env=s.env,
                               capture_output=True, text=True)
        ok(audit.returncode == 0, "the book's audit holds", audit.stdout[-500:], audit.stderr[-500:])


main()
done()

# SPDX-License-Identifier: Apache-2.0
"""A real node of a local EVM chain (anvil, from tests/node/evm), contracts on it, and a proxy before
it that lies, stalls and breaks on demand."""
import glob
import http.client
import http.server
import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(os.environ["ROOT"])
# The second account of the development mnemonic that every such node has: known to everybody.
PAYER_KEY = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
PAYER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
RICH = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
CHAIN = 8453


class NodeError(Exception):
    pass


def post(port, body, path="/"):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        c.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        return json.loads(c.getresponse().read())
    finally:
        c.close()


def word(v):
    """One argument of the ABI: an address or a number."""
    return (v[2:].lower() if isinstance(v, str) else f"{int(v):x}").rjust(64, "0")


def artifact(path, name):
    return json.loads((ROOT / path).read_text())["contracts"][name]


class Node:
    """Mines when it is told to, and not before."""

    def __init__(self, *options, chain=CHAIN):
        found = glob.glob(str(ROOT / "tests/node/evm/node_modules/@foundry-rs/anvil-*/bin/anvil"))
        if not found:
            raise SystemExit("Bail out! no anvil: run tools/setup")
        self.folder = tempfile.TemporaryDirectory(prefix="mete-evm-")
        self.log = open(pathlib.Path(self.folder.name) / "log", "w+")
        self.process = subprocess.Popen(
            [found[0], "--host", "127.0.0.1", "--port", "0", "--no-mining", "--chain-id",
             str(chain), *options],
            stdout=self.log, stderr=self.log, cwd=self.folder.name,
            env=dict(os.environ, HOME=self.folder.name))
        self.port = None
        while self.port is None:
            text = pathlib.Path(self.log.name).read_text()
            said = re.search(r"Listening on 127\.0\.0\.1:(\d+)", text)
            self.port = int(said[1]) if said else None
            if self.process.poll() is not None:
                raise SystemExit("Bail out! anvil does not start: " + text[-500:])
            time.sleep(0.005)
        self.contract = artifact("contracts/Batch.json", "Batch")
        self.token_code = artifact("tests/rails/Tokens.json", "Token")
        self.closed_code = artifact("tests/rails/Tokens.json", "Closed")
        self.impostor_code = artifact("tests/rails/Tokens.json", "Impostor")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()
        self.folder.cleanup()

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def rpc(self, method, *params):
        answer = post(self.port, {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        if "error" in answer:
            raise NodeError(answer["error"]["message"])
        return answer["result"]

    def transact(self, to, data="0x", sender=RICH, **more):
        """By an account of the node's own, in the next block."""
        tx = {"from": sender, "data": data, "gas": hex(6_000_000), **more}
        if to:
            tx["to"] = to
        tx_id = self.rpc("eth_sendTransaction", tx)
        self.mine(1)
        receipt = self.rpc("eth_getTransactionReceipt", tx_id)
        assert receipt["status"] == "0x1", receipt
        return receipt

    def deploy(self, code, *arguments):
        made = self.transact(None, code["creation"] + "".join(map(word, arguments)))
        return checksummed(self, made["contractAddress"])

    def send(self, contract, code, function, *arguments, sender=RICH):
        name = next(f for f in code["functions"] if f.startswith(function + "("))
        return self.transact(contract, "0x" + code["functions"][name] +
                             "".join(map(word, arguments)), sender)

    def ask(self, contract, code, function, *arguments):
        name = next(f for f in code["functions"] if f.startswith(function + "("))
        data = "0x" + code["functions"][name] + "".join(map(word, arguments))
        return int(self.rpc("eth_call", {"to": contract, "data": data}, "latest"), 16)

    def new_token(self, decimals=6, owned=10**15):
        token = self.deploy(self.token_code, decimals)
        self.send(token, self.token_code, "mint", PAYER, owned)
        return token

    def set_token(self, token, paused=0, refuses=0, mute=0, silent=0, fee=0):
        self.send(token, self.token_code, "set", paused, refuses, mute, silent, fee)

    def balance(self, token, who):
        return self.ask(token, self.token_code, "balanceOf", who)

    def new_batch(self, *tokens, code=None):
        batch = self.deploy(code or self.contract)
        for token in tokens:
            self.send(token, self.token_code, "approve", batch, 2**256 - 1, sender=PAYER)
        return batch

    def mine(self, blocks):
        self.rpc("anvil_mine", hex(blocks))

    def nonce(self, tag="latest", who=PAYER):
        return int(self.rpc("eth_getTransactionCount", who, tag), 16)


def checksummed(node, address):
    """EIP-55, with the node's own hash."""
    low = address[2:].lower()
    digest = node.rpc("web3_sha3", "0x" + low.encode().hex())[2:]
    return "0x" + "".join(c.upper() if int(d, 16) > 7 else c for c, d in zip(low, digest))


class Proxy:
    """Stands before a node. `meddle(requests, forward)` may change what is asked and answered: it
    returns the list of answers, bytes that are sent as they are, a status, a status and what comes
    with it, or None to close the connection."""

    def __init__(self, port):
        self.target = port
        self.meddle = None
        self.posts = 0
        self.requests = []
        self.book = None  # who knows what is committed
        self.unlawful = []  # what was sent and was not
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                proxy.posts += 1
                proxy.requests += [r["method"] for r in body]
                proxy.unlawful += [r["params"][0] for r in body
                                   if proxy.book and r["method"] == "eth_sendRawTransaction"
                                   and r["params"][0] not in proxy.book.committed]
                forward = lambda asked=body: post(proxy.target, asked)
                said = proxy.meddle(body, forward) if proxy.meddle else forward()
                if said is None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                status = 200
                if isinstance(said, int):
                    status, said = said, b"{}"
                elif isinstance(said, tuple):
                    status, said = said
                raw = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def url(self):
        return f"http://127.0.0.1:{self.port}"

# SPDX-License-Identifier: Apache-2.0
"""mete fetch pays the official express servers (version 2 and version 1) behind the official
facilitator, on a real node; what it says is compared with what moved. Then the same node tells it
what became of payments that nobody answered for.
covers: V-001 V-002 V-003 V-004 V-006 V-007 V-008 V-010 V-110"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path[1:1] = [str(pathlib.Path(__file__).parent.parent / d) for d in ("rails", "http")]
from chain import PLACES, X402Chain  # noqa: E402
from faulty_shop import Shop, cut, offer_v2, paid, price, refused  # noqa: E402
from scripts import Script, ask  # noqa: E402
from served import METE, done, equal, note, ok  # noqa: E402

FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="mete-x402-official-"))
BOOK = FOLDER / "payments.ndjson"


def fetch(chain, *args, book=BOOK, body=None):
    """(exit, summary, body): of one request."""
    out = FOLDER / "body"
    out.unlink(missing_ok=True)
    command = [METE, "fetch", "--json", "--key-env", "PAYER", "--history-file", str(book), "-o", str(out), *args]
    more = ["-H", "Content-Type: application/json", "-d", body] if body else []
    run = subprocess.run(command + more, capture_output=True, timeout=120, env={**os.environ, "PAYER": chain.key("payer")})
    said = json.loads(run.stdout) if run.stdout else [{"error": run.stderr.decode()}]
    return run.returncode, said[0], out.read_bytes() if out.exists() else b""


def nonce_of(book=BOOK):
    return [e for e in (json.loads(line) for line in book.read_text().splitlines()) if "key" in e][-1]["nonce"]


def moved(chain, before):
    return chain.balance("payer") - before[0], chain.balance("merchant") - before[1]


def balances(chain):
    return chain.balance("payer"), chain.balance("merchant")


def flow(chain, server, method, path, cost, version, **more):
    what = f"version {version}, {method} {path}"
    before = balances(chain)
    code, said, body = fetch(chain, "-X", method, server.url + path, body=more.get("body"))
    equal((code, said["error"], said["money"], said["status"], said["signatures"]), (0, None, "paid", 200, 1),
          f"{what}: paid with one signature")
    equal(json.loads(body).get("route"), f"{method} {path}", f"{what}: and the goods came")
    if "body" in more:
        equal(json.loads(body)["echo"], json.loads(more["body"]), f"{what}: the body went along")
    equal(moved(chain, before), (-cost, cost), f"{what}: {cost} moved")
    receipt_ = chain.receipt(said["payment"]["transaction"])
    equal(receipt_ and receipt_["status"], "0x1", f"{what}: by the transaction that is told")
    equal(chain.transfers("payer", nonce_of()), 1, f"{what}: and once")
    equal(said["payment"]["charged"] or said["payment"]["amount"], str(cost), f"{what}: as much as is told")
    note(f"{what}: {said['ms']} ms, {said['payment']['transaction']}")


def failing(chain, server, version, rpc):
    """A handler that fails: nobody is charged, and the client does not know it until the chain says so."""
    before = balances(chain)
    code, said, body = fetch(chain, "--retry", "1", server.url + "/fail")
    what = f"version {version}, a handler that fails"
    equal((code, said["error"], said["status"], json.loads(body)), (3, "unknown", 500, {"error": "fails on purpose"}),
          f"{what}: the answer is shown, and what became of the payment is unknown")
    equal((moved(chain, before), chain.authorization_state("payer", nonce_of())), ((0, 0), False), f"{what}: nothing moved")
    lines = [json.loads(line) for line in BOOK.read_text().splitlines()]
    for line in lines:
        if line["id"] == lines[-1]["id"] and "key" in line:
            line["valid_until"] -= 100000  # its end is long over
    BOOK.write_text("".join(json.dumps(line) + "\n" for line in lines))
    code, said, _ = fetch(chain, "--retry", "1", "--rpc", rpc, server.url + "/fail")
    equal((code, said["error"], said["money"], said["signatures"]), (1, "expired", "unpaid", 0),
          f"{what}: once it has run out, the chain says that it was never taken")


def settled_by(chain, facilitator):
    """A step that takes the money and then says nothing."""
    def step(_c, q):
        request = {"x402Version": 2, "paymentPayload": q.payment, "paymentRequirements": q.payment["accepted"]}
        status, said = ask(facilitator.port, "POST", "/settle", request)
        assert status == 200 and said["success"], said
        return False
    return step


def asked_of_the_chain(chain, facilitator, rpc):
    with Shop() as shop:
        offer = offer_v2(asset=chain.token, network=chain.network, payTo=chain.address("merchant"))
        for kind, more in (("EIP-3009", {}), ("Permit2", {"assetTransferMethod": "permit2"})):
            own = dict(offer, extra={**offer["extra"], **more})
            book = FOLDER / f"{kind}.ndjson"
            before = balances(chain)
            url = shop.steps("/taken", price(own), settled_by(chain, facilitator), cut)
            code, said, _ = fetch(chain, "--retry", "1", "--rpc", rpc, url, book=book)
            equal((code, said["error"], said["money"]), (4, "not_delivered", "paid"), f"{kind}, taken and never answered: the chain says so")
            equal(moved(chain, before), (-10000, 10000), f"{kind}, taken: once")
            equal(len(shop.headers("/taken")), 1, f"{kind}, taken: one payment was sent")
            book.unlink()
            url = shop.steps("/kept", price(own), cut)
            code, said, _ = fetch(chain, "--retry", "1", "--rpc", rpc, url, book=book)
            equal((code, said["error"], said["money"]), (3, "unknown", "unknown"), f"{kind}, not taken: it may be taken yet")
            age(book)
            shop.steps("/kept", price(own), settled_by_and(chain, facilitator, paid()))
            before = balances(chain)
            code, said, body = fetch(chain, "--rpc", rpc, url, book=book)
            equal((code, said["money"], said["signatures"], body), (0, "paid", 1, b"goods"), f"{kind}, run out and never taken: a new one is signed")
            equal(moved(chain, before), (-10000, 10000), f"{kind}: once")
            equal([json.loads(line)["state"] for line in book.read_text().splitlines()][-4:], ["expired", "signed", "sent", "paid"],
                  f"{kind}: the history")
            book = FOLDER / f"{kind}-refused.ndjson"
            for nodes, error in (([], "refused"), (["--rpc", rpc], "not_delivered")):
                shop.steps("/told", price(own), settled_by_and(chain, facilitator, refused("unexpected_settle_error")), refused("x"))
                book.unlink(missing_ok=True)
                code, said, _ = fetch(chain, *nodes, shop.url + "/told", book=book)
                equal(said["error"], error, f"{kind}, taken and told that it was not, {len(nodes) // 2} nodes")
                if not nodes:
                    age(book)
                    code, said, _ = fetch(chain, "--rpc", rpc, shop.url + "/told", book=book)
                    equal((code, said["error"], said["signatures"]), (4, "not_delivered", 0), f"{kind}: the chain knows better, later too")
            book.unlink()
            url = shop.steps("/no", price(own), refused("x"), refused("x"), price(own), settled_by_and(chain, facilitator, paid()))
            code, said, _ = fetch(chain, url, book=book)
            age(book)
            shop.steps("/no", price(own), settled_by_and(chain, facilitator, paid()))
            code, said, _ = fetch(chain, "--rpc", rpc, url, book=book)
            equal((code, said["signatures"]), (0, 1), f"{kind}, refused, run out and not taken: a new one is signed")
            url = shop.steps("/dark", price(own), cut)
            code, said, _ = fetch(chain, "--retry", "1", "--rpc", f"{chain.network}=http://127.0.0.1:1/", url, book=FOLDER / "dark.ndjson")
            equal((code, said["error"]), (3, "unknown"), f"{kind}: a node that does not answer changes nothing")


def settled_by_and(chain, facilitator, then):
    settle = settled_by(chain, facilitator)

    def step(c, q):
        settle(c, q)
        return then(c, q)
    return step


def age(book):
    """The first payment of a history has run out long ago."""
    text = book.read_text().splitlines()
    first = json.loads(text[0])
    first["valid_until"] -= 100000
    book.write_text("\n".join([json.dumps(first), *text[1:]]) + "\n")


def gas_sponsored(chain, rpc):
    """The permit of EIP-2612 that goes along is one that the token takes."""
    extensions = {"eip2612GasSponsoring": {"info": {"description": "no gas", "version": "1"}, "schema": {}}}
    with Shop() as shop:
        own = offer_v2("77", asset=chain.token, network=chain.network,
                       extra={"name": chain.token_name, "version": "2", "assetTransferMethod": "permit2"})
        url = shop.steps("/gas", price(own, extensions=extensions), paid())
        code, _, _ = fetch(chain, "--rpc", rpc, url, book=FOLDER / "gas.ndjson")
        info = shop.payments("/gas")[0]["extensions"]["eip2612GasSponsoring"]["info"]
    equal((code, info["from"], info["asset"], info["spender"], info["amount"], info["version"], info["description"]),
          (0, chain.address("payer"), chain.token, PLACES["Permit2"], "77", "1", "no gas"), "a permit goes along")
    chain.do(chain.token, "Fiat", "approve", PLACES["Permit2"], 0, sender=chain.address("payer"))
    s = info["signature"][2:]
    chain.do(chain.token, "Fiat", "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)", info["from"], info["spender"], 77, int(info["deadline"]),
             int(s[128:], 16), "0x" + s[:64], "0x" + s[64:128])
    allowance = int(chain.view(chain.token, "Fiat", "allowance", info["from"], info["spender"]), 16)
    equal(allowance, 77, "which the token takes")
    chain.approve_permit2("payer")


def poor(chain, server):
    """Who has no money is refused, and not charged."""
    chain.set_balance("payer", 0)
    code, said, _ = fetch(chain, server.url + "/paid", book=FOLDER / "poor.ndjson")
    equal((code, said["error"], said["money"]), (1, "refused", "unpaid"), "without money: refused")
    chain.fund("payer")
    code, said, _ = fetch(chain, server.url + "/paid", book=FOLDER / "poor.ndjson")
    equal((code, said["signatures"], said["resent"]), (0, 0, True), "with money: the same payment is taken")


def many(chain, server):
    """Twenty at once, twenty payments."""
    before = balances(chain)
    batch = FOLDER / "batch"
    batch.write_text((server.url + "/paid\n") * 20)
    command = [METE, "fetch", "--json", "--key-env", "PAYER", "--history-file", str(FOLDER / "many.ndjson"), "--parallel", "20",
               "--from-file", str(batch)]
    run = subprocess.run(command, capture_output=True, timeout=240, env={**os.environ, "PAYER": chain.key("payer")})
    said = json.loads(run.stdout)
    done_ = sum(s["money"] == "paid" for s in said)
    note(f"of 20 at once the official facilitator settled {done_}; the others: "
         f"{sorted({str(s['payment']['reason']) for s in said if s['money'] != 'paid'})}")
    used = [json.loads(line) for line in (FOLDER / "many.ndjson").read_text().splitlines()]
    taken = [e for e in used if "key" in e and chain.authorization_state("payer", e["nonce"])]
    equal(moved(chain, before), (-10000 * len(taken), 10000 * len(taken)), "what moved is what was signed and taken")
    known = {e["id"] for e in used if e["state"] == "paid"}
    ok(known <= {e["id"] for e in taken}, "what the history calls paid was taken")
    equal(len([e for e in used if "key" in e]), 20, "twenty signatures for twenty requests")


VOLATILE = [(r"0x[0-9a-f]{64}", "HASH"), (r"20\d\d-\d\d-\d\dT[0-9:]{8}Z", "TIME"), (r"(?m)^20\d\d-\d\d-\d\d,", "DAY,")]


def same(text):
    for how, name in VOLATILE:
        text = re.sub(how, name, text)
    return text


def played(chain, server):
    """Every command of doc/x402-client.md answers what the document says."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=FOLDER))
    (folder / "key").touch(0o600)
    (folder / "key").write_text(chain.key("payer"))
    (folder / "mete").symlink_to(METE)
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "METE_PAY_HISTORY": str(folder / "history"), "HOME": str(folder)}
    text = (pathlib.Path(os.environ["ROOT"]) / "doc/x402-client.md").read_text()
    count = 0
    for block in re.findall(r"^```console\n(.*?)^```", text, re.M | re.S):
        for command, wanted in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M):
            count += 1
            # what is told comes before what is fetched, as they are written
            run = subprocess.run(["sh", "-c", command.replace("http://127.0.0.1:4021", server.url)], cwd=folder, env=env,
                                 capture_output=True, text=True, timeout=120)
            got = (run.stderr + run.stdout).replace(server.url, "http://127.0.0.1:4021").replace(server.url[7:], "127.0.0.1:4021")
            equal(same(got.rstrip("\n")), same(wanted.rstrip("\n")), f"doc/x402-client.md: {command}")
    ok(count >= 6, "the document has commands", count)


def main():
    with X402Chain(chain_id=8453) as chain:
        chain.approve_permit2("payer")
        rpc = f"{chain.network}=http://127.0.0.1:{chain.port}/"
        with Script(chain, "facilitator.mjs") as facilitator:
            server = Script(chain, "server.mjs", FACILITATOR_URL=facilitator.url)
            legacy = Script(chain, "server.mjs", legacy=True, FACILITATOR_URL=facilitator.url, NETWORK=chain.network_v1,
                            PAY_TO=chain.address("merchant"))
            with server, legacy:
                flow(chain, server, "GET", "/paid", 10000, 2)
                flow(chain, server, "POST", "/paid", 20000, 2, body='{"a":[1,"ü"]}')
                flow(chain, server, "GET", "/upfront", 10000, 2)
                flow(chain, server, "GET", "/permit2", 10000, 2)
                flow(chain, server, "GET", "/upto", 12345, 2)
                flow(chain, legacy, "GET", "/paid", 10000, 1)
                failing(chain, server, 2, rpc)
                failing(chain, legacy, 1, rpc)
                played(chain, server)
                poor(chain, server)
                many(chain, server)
            gas_sponsored(chain, rpc)
            asked_of_the_chain(chain, facilitator, rpc)
    done()


main()

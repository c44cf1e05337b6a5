# SPDX-License-Identifier: Apache-2.0
"""covers: V-090
A scheme that is one file and one line on each side (word_scheme.c): the server names it, judges and
settles it; the client picks it, signs it, and pays by it."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path[1:1] = [str(pathlib.Path(__file__).parent.parent / d) for d in ("rails", "http")]
from chain import X402Chain  # noqa: E402
from facilitated import Facilitator, audited, once  # noqa: E402
from faulty_shop import Shop, offer_v2, paid, price  # noqa: E402
from served import METE, done, equal, ok  # noqa: E402

FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="mete-x402-schemes-"))
WORD = "open \"sesame\""
USUAL = os.environ["METE_USUAL"]


def word_offer(chain, **more):
    return offer_v2(network=chain.network, asset=chain.token, payTo=chain.address("merchant"), scheme="word",
                    **{"extra": {"name": chain.token_name, "version": "2", "word": WORD}, **more})


def fetch(shop, url, *options, program=METE):
    """(exit status, the summary)"""
    key = FOLDER / "key"
    key.touch(0o600)
    key.write_text(shop.chain.key("payer"))
    out = subprocess.run([program, "fetch", "--json", "--key-file", str(key), "--history-file", str(FOLDER / "history"),
                          *options, url], capture_output=True, timeout=120,
                         env={**os.environ, "XDG_STATE_HOME": str(FOLDER)})
    return out.returncode, json.loads(out.stdout)[0] if out.stdout else out.stderr.decode()


def supported(mete, chain):
    kinds = [k for k in mete.get("/supported")[2]["kinds"] if k["scheme"] == "word"]
    equal(kinds, [{"x402Version": 2, "scheme": "word", "network": chain.network, "extra": {"length": 64}}],
          "GET /supported names it, with its extra, in the version that it has")


def bought(shop, chain):
    """What the client made of an offer of it, as a request to a facilitator."""
    url = shop.steps("/word", price(offer_v2(amount="20000", network=chain.network, asset=chain.token), word_offer(chain)),
                     paid(b"goods"))
    code, said = fetch(shop, url)
    equal((code, said["money"], said["signatures"]), (0, "paid", 1), "the client pays by it")
    payment = shop.payments("/word")[0]
    equal((payment["accepted"], payment["payload"]["word"]), (word_offer(chain), WORD),
          "it picks the offer, which is the cheapest, and signs it with the word")
    return payment


def refused_by_client(shop, chain):
    url = shop.steps("/wordless", price(word_offer(chain, extra={"name": chain.token_name, "version": "2"})), paid())
    code, said = fetch(shop, url)
    equal((code, said["error"], said["signatures"]), (1, "domain_missing", 0), "an offer without the word is not signed")
    url = shop.steps("/exact", price(word_offer(chain)), paid())
    code, said = fetch(shop, url, "--scheme", "exact")
    equal((said["error"], said["signatures"]), ("no_offer", 0), "nor is one when only exact is allowed")
    code, said = fetch(shop, url, "--scheme", "letter")
    ok(code == 2 and "'letter' is no scheme: exact, upto, word" in said, "the client says which schemes there are", said)
    code, said = fetch(shop, shop.steps("/usual", price(word_offer(chain)), paid()), program=USUAL)
    equal((said["error"], said["signatures"]), ("no_offer", 0), "a client without the scheme does not pay")


def payment_of(payment):
    """As the harness has it."""
    a = payment["payload"]["authorization"]
    return {"body": {"x402Version": 2, "paymentPayload": payment, "paymentRequirements": payment["accepted"]},
            "from": a["from"], "nonce": a["nonce"]}


def changed(p, **payload):
    body = json.loads(json.dumps(p["body"]))
    body["paymentPayload"]["payload"].update(payload)
    return {**p, "body": body}


def judged(mete, p):
    equal(mete.judged(p), (True, None), "a right payment is valid")
    status, said = mete.verify(changed(p, word="open barley"))
    equal((status, said["isValid"], said["invalidReason"]), (200, False, "invalid_payload"), "one with another word is not")
    ok("payload.word" in said["invalidMessage"], "and is told what is wrong", said)
    equal(mete.judged(changed(p, word=7)), (False, "invalid_payload"), "nor is one whose word is none")
    flipped = p["body"]["paymentPayload"]["payload"]["signature"]
    flipped = flipped[:20] + ("0" if flipped[20] != "0" else "1") + flipped[21:]
    equal(mete.judged(changed(p, signature=flipped)), (False, "invalid_exact_evm_signature"), "nor a forged one")
    status, said = mete.settle(changed(p, word="open barley"))
    equal((said["success"], said["errorReason"]), (False, "invalid_payload"), "what is not valid is not settled")


def settled(mete, chain, p):
    status, said = mete.settle(p)
    equal((status, said["success"], "amount" in said), (200, True, False), "it is settled")
    once(chain, mete, p, "once")
    equal(mete.payment(p)["scheme"], "word", "the book has its name")
    equal(mete.settle(p)[1]["transaction"], said["transaction"], "and gives the same answer again")


with X402Chain() as chain, Shop() as shop, Facilitator(chain) as mete:
    shop.chain = chain
    supported(mete, chain)
    payment = payment_of(bought(shop, chain))
    refused_by_client(shop, chain)
    judged(mete, payment)
    settled(mete, chain, payment)
    mete.stop()
    audited(mete)
done()

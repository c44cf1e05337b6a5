# SPDX-License-Identifier: Apache-2.0
"""Two thousand bodies that no client should send: payments with anything in any place, cut, flipped,
deep and long. Each is answered as the protocol has it, none by a 5xx; the program lives, and settles
a good payment afterwards. METE_TEST_SEED says which bodies.
covers: V-040 V-041 V-045"""
import collections
import copy
import http.client
import json
import os
import random

from facilitated import Facilitator, once
from chain import ROLES, X402Chain
from scripts import Signer
from served import done, equal, note, ok

SEED = int(os.environ.get("METE_TEST_SEED", "") or random.SystemRandom().randrange(2**32))
BODIES = int(os.environ.get("METE_FUZZ_BODIES", "2000"))
chance = random.Random(SEED)
KINDS = ({}, {"version": 1}, {"kind": "permit2"}, {"kind": "upto"}, {"kind": "wallet1271"}, {"kind": "wallet6492"},
         {"kind": "permit2", "from": "payer2", "gasless": True})
NUMBERS = ["0", "-1", "1.5", "1e400", "00010000", "0x2710", str(2**128), str(2**256), str(2**256 - 1), "9" * 5000, "", " 1", "NaN"]
PIECES = [None, True, False, 0, -1, 1, 2, 3, 1.5, 2**53, 2**63, 2**64, 10**400, [], {}, [[]], {"": ""}, "", " ", "\u0000", "\ud83d\ude00",
          "\u202e", "x" * 70000, "0x", "0X" + "0" * 40, "0x" + "g" * 40, "0x" + "0" * 39, "0x" + "0" * 40, "0x" + "f" * 64,
          "0x" + "00" * 65, "0x" + "ff" * 4000, "0x" + "00" * 32 + "6492" * 16, "0x" + "6492" * 16, "exact", "upto", "base", "eip155:8453",
          "eip155:1", "eip155:99999999999999999999", "eip155:", ":", "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", ROLES["payer"][0].lower(),
          "../../etc/passwd", "'; drop table event; --", "%s%n%x", *NUMBERS]


def places(value, at=()):
    yield at
    if isinstance(value, dict):
        for k, v in value.items():
            yield from places(v, (*at, k))
    if isinstance(value, list):
        for k, v in enumerate(value):
            yield from places(v, (*at, k))


def parent_of(body, at):
    for step in at[:-1]:
        body = body[step]
    return body


def change_value(body):
    at = chance.choice([p for p in places(body) if p])
    parent_of(body, at)[at[-1]] = copy.deepcopy(chance.choice(PIECES))
    return json.dumps(body)


def change_number(body):
    numeric = [p for p in places(body) if p and isinstance(p[-1], str) and
               any(w in p[-1].lower() for w in ("amount", "value", "valid", "nonce", "deadline", "seconds", "version"))]
    at = chance.choice(numeric)
    parent_of(body, at)[at[-1]] = chance.choice(NUMBERS)
    return json.dumps(body)


def remove(body):
    at = chance.choice([p for p in places(body) if p])
    del parent_of(body, at)[at[-1]]
    return json.dumps(body)


def change_several(body):
    for _ in range(chance.randrange(2, 8)):
        change_value(body)
        if not isinstance(body, dict) or not body:
            break
    return json.dumps(body)


def twice(body):
    text = json.dumps(body)
    name = chance.choice(["x402Version", "paymentPayload", "payload", "authorization", "from", "to", "amount", "signature", "scheme", "network"])
    return text.replace(f'"{name}":', f'"{name}": null, "{name}":', 1)


def add(body):
    at = chance.choice([p for p in places(body) if isinstance(parent_of(body, (*p, 0)) if p else body, dict)])
    where = parent_of(body, (*at, 0))
    if isinstance(where, dict):
        where[chance.choice(["reserve", "reservation", "policy", "extra", "extensions", "x", "__proto__", "a" * 3000])] = copy.deepcopy(chance.choice(PIECES))
    return json.dumps(body)


def swap_case(body):
    return "".join(c.swapcase() if chance.random() < 0.02 else c for c in json.dumps(body))


def cut(body):
    text = json.dumps(body)
    return text[:chance.randrange(len(text))]


def flip(body):
    raw = bytearray(json.dumps(body).encode())
    for _ in range(chance.randrange(1, 6)):
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return bytes(raw)


def noise(_):
    return bytes(chance.randrange(256) for _ in range(chance.randrange(300)))


def deep(body):
    depth = chance.choice((40, 200, 5000, 60000))
    what = chance.choice((("[", "]"), ('{"a":', "}")))
    nest = what[0] * depth + "1" + (what[1] * depth if chance.random() < 0.7 else "")
    body["paymentPayload"]["payload"] = "@"
    return json.dumps(body).replace('"@"', nest)


def wide(body):
    body["paymentRequirements"]["extra"] = {f"k{n}": n for n in range(chance.choice((100, 3000)))}
    return json.dumps(body)


KINDS_OF_RUBBISH = (change_value, change_value, change_number, remove, change_several, twice, add, swap_case, cut, flip, noise, deep, wide)


def is_shaped(path, status, said, size):
    """What the protocol's answer looks like; the path that is ours alone may answer a problem, and
    what is too long for a guest (401) or for anybody (413) is not read."""
    if (status == 401 and size > 65536) or (status == 413 and size > 256 * 1024) or (path == "/release" and status in (200, 400, 403, 404, 409, 422)):
        return True
    if status not in (200, 400) or not isinstance(said, dict):
        return False
    if path == "/verify":
        return said["isValid"] is True or (said["isValid"] is False and isinstance(said["invalidReason"], str) and said["invalidReason"] != "")
    return isinstance(said["transaction"], str) and isinstance(said["network"], str) and (
        said["success"] is True or (said["success"] is False and said["errorReason"] != ""))


def post(connection, path, raw, key):
    connection.request("POST", path, raw, {"Content-Type": "application/json", **({"Authorization": "Bearer " + key} if key else {})})
    answer = connection.getresponse()
    text = answer.read()
    try:
        return answer.status, json.loads(text), text
    except ValueError:
        return answer.status, None, text


def one_word(signer, mete):
    """What is found valid can be settled: a server that has served by then would be out of pocket."""
    for url in ("http://a.org/" + "x" * 2000, "http://a.org/" + "x" * 2100, "http://a.org/" + "x" * 9000, "http://a.org/\u0000", "http://a.org/\n",
                "http://a.org/\u202e", "", " ", "not a URL"):
        for version in (1, 2):
            p = signer.pay(version=version)
            where = p["body"]["paymentPayload"]["resource"] if version == 2 else p["body"]["paymentRequirements"]
            where["url" if version == 2 else "resource"] = url
            verified, settled = mete.verify(p)[1], mete.settle(p)[1]
            equal((verified["isValid"], verified.get("invalidReason")), (settled["success"], settled.get("errorReason")),
                  f"one word for both, whatever it is for: version {version}, {len(url)} bytes, {url[:20]!r}")
    for value, fits in ((2**96 - 1, True), (2**96, False), (2**127, False), (2**255, False)):
        p = signer.pay(value=str(value))
        verified, settled = mete.verify(p)[1], mete.settle(p)[1]
        equal((verified["isValid"], settled["success"]), (fits, fits), f"and however much it moves: {value}")
        wanted = None if fits else "invalid_payment_requirements"
        equal((verified.get("invalidReason"), settled.get("errorReason")), (wanted, wanted), "in words of x402, and the same ones")


def main():
    note(f"METE_TEST_SEED={SEED}")
    made, statuses, wrong, reasons, good = (collections.Counter(), collections.Counter(), [], collections.Counter(), 0)
    with X402Chain() as chain, Signer(chain) as signer, Facilitator(chain) as mete:
        chain.approve_permit2("payer")
        payments = [signer.pay(**KINDS[n % len(KINDS)]) for n in range(70)]
        connection = http.client.HTTPConnection("127.0.0.1", mete.port, timeout=60)
        for n in range(BODIES):
            change = chance.choice(KINDS_OF_RUBBISH)
            raw = change(copy.deepcopy(payments[n % len(payments)]["body"]))
            path = chance.choice(("/verify", "/verify", "/settle", "/release"))
            try:
                status, said, text = post(connection, path, raw, chance.choice((mete.key, None)))
            except (http.client.HTTPException, OSError) as e:
                status, said, text = 0, None, repr(e).encode()
                connection = http.client.HTTPConnection("127.0.0.1", mete.port, timeout=60)
            made[change.__name__] += 1
            statuses[status] += 1
            good += isinstance(said, dict) and (said.get("isValid") or said.get("success") or False)
            if isinstance(said, dict):
                reasons[said.get("invalidReason") or said.get("errorReason") or "none"] += 1
            if not is_shaped(path, status, said, len(raw)):
                wrong.append((n, change.__name__, path, status, text[:300], raw[:300]))
        equal(wrong[:5], [], f"{BODIES} bodies are answered as the protocol has it")
        equal([s for s in statuses if s >= 500 or s == 0], [], "none by a 5xx, none by silence")
        ok(mete.process.poll() is None, "the program lives")
        chain.set_balance("payer", 2**255)
        one_word(signer, mete)
        p = signer.pay()
        equal(mete.settle(p)[1]["success"], True, "and settles a good payment")
        once(chain, mete, p, "once")
        mete.stop()
        equal(mete.process.returncode, 0, "and ends in order")
        ok("ERROR: AddressSanitizer" not in mete.said() and "runtime error" not in mete.said(), "nothing was said of memory", mete.said()[-3000:])
    note("bodies: " + ", ".join(f"{k} {v}" for k, v in sorted(made.items())))
    note("statuses: " + ", ".join(f"{k} {v}" for k, v in sorted(statuses.items())) + f"; still good: {good}")
    note("reasons: " + ", ".join(f"{k} {v}" for k, v in reasons.most_common()))
    ok(len(reasons) > 12, "many different refusals were met", len(reasons))


main()
done()

# SPDX-License-Identifier: Apache-2.0
"""Steps of payments by x402 for tests: named by a number, settled without a value where no key is at
hand that could sign.
"""
import hashlib

NETWORK = "eip155:84532"
ASSET = "0x036cbd53842c5426634e7929541ec2318f3dcf7e"
TO = "0x209693bc6afc0c5328ba36faf03c514ef312287c"
OTHER = "0x00000000000000000000000000000000000000ff"


def named(n):
    return {"network": NETWORK, "asset": ASSET, "from": f"0x{n % 7 + 1:040x}",
            "nonce": f"0x{n:064x}"}


def payment_id(n):
    name = named(n)
    joined = "|".join(name[k] for k in ("network", "asset", "from", "nonce"))
    return "x402-" + hashlib.sha256(joined.encode()).hexdigest()[:40]


def step(kind, n, **more):
    return {"step": kind, **named(n), **more}


def reserve(n, token, until="2040-01-01T00:00:00Z"):
    return step("reserve", n, reservation=token, until=until)


def settle(n, value="0", to=TO, **more):
    asked = hashlib.sha256(f"{n} {value} {to}".encode()).hexdigest()
    return step("settle", n, request=asked, scheme="upto", to=to, value=value, code="USDC",
                scale=6, until="2040-01-01T00:00:00Z",
                resource="https://api.example.org/weather", **more)

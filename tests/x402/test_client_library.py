# SPDX-License-Identifier: Apache-2.0
"""libmete as a program uses it: a loop of its own, a selector, many in flight; shared and static.
covers: V-006 V-009 V-012 V-110"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "http"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from served import SANITIZED, done, equal, ok  # noqa: E402
from faulty_shop import PAY_TO, Shop, answer, offer_v2, paid, price  # noqa: E402

BUILD, ROOT = os.environ["BUILD"], pathlib.Path(os.environ["ROOT"])
KEY = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="mete-x402-library-"))
COUNT = 120


def many(shop, program, name):
    offers = [offer_v2("100"), offer_v2("200"), offer_v2("1", asset=PAY_TO)]
    for i in range(COUNT):
        shop.steps(f"/{name}/{i}", price(*offers), *([answer(502)] if i % 10 == 9 else []), paid(b"x" * 1000))
    book = FOLDER / f"{name}.ndjson"
    run = subprocess.run([program, str(book), f"{shop.url}/{name}", "n" * COUNT], capture_output=True, timeout=240,
                         env={**os.environ, "KEY": KEY})
    said = json.loads(run.stdout) if run.stdout else run.stderr.decode()
    if not ok(run.returncode == 0, f"{name}: it runs", run.returncode, said):
        return
    sent = COUNT - 1  # one was taken back before its turn
    equal((said["address"], said["wiped"], said["usage"]), ("0x70997970C51812dc3A010C7d01b50e0d17dc79C8", 1, 1),
          f"{name}: the key is taken, and wiped where it came from")
    equal((said["paid"], said["failed"], said["signatures"]), (sent, 0, sent), f"{name}: each is paid once")
    equal((said["seen"], said["refused"]), (3 * sent, sent), f"{name}: the selector sees all offers, and which are refused")
    equal((said["bytes"], said["restarts"]), (1000 * sent, sent), f"{name}: bodies piece by piece, each once")
    equal(said["most_open"], sent, f"{name}: all are under way at once")
    chosen = {p["payload"]["authorization"]["value"] for i in range(1, COUNT) for p in shop.payments(f"/{name}/{i}")}
    equal(chosen, {"200"}, f"{name}: what the selector chose is paid")
    equal([len(shop.headers(f"/{name}/{i}")) for i in range(COUNT)], [0] + [1] * sent, f"{name}: one payment a request")
    nonces = {p["payload"]["authorization"]["nonce"] for i in range(1, COUNT) for p in shop.payments(f"/{name}/{i}")}
    equal(len(nonces), sent, f"{name}: and no two are the same")


def errors():
    """Every error of the header is told of in the man page."""
    header = (ROOT / "include/mete/client.h").read_text()
    page = (ROOT / "man/mete-client.3").read_text()
    names = re.findall(r"^    X\(([A-Z_]+), (\d+), \"([a-z_]+)\"", header, re.M)
    ok(len(names) > 15, "there are errors", names)
    equal([n for n, _, _ in names if f"METE_CLIENT_{n}" not in page], [], "the man page tells of every error")
    equal(len({number for _, number, _ in names}), len(names), "and each has a number of its own")
    functions = re.findall(r"\b(mete_client_[a-z_]+)\(", header)
    equal([f for f in functions if f not in page], [], "and of every function")
    exported = (ROOT / "src/client/libmete.map").read_text()
    equal([f for f in functions if f"    {f};" not in exported], [], "and all of them are exported")


def main():
    errors()
    with Shop() as shop:
        many(shop, f"{BUILD}/tests/pay_many", "shared")
        if not SANITIZED:  # an archive made for another way of linking
            static = FOLDER / "pay_static"
            libraries = ["-lcurl", "-lsodium", "-lsecp256k1", "-lcrypto", "-lpthread"]
            run = subprocess.run(["cc", "-std=gnu17", "-I", ROOT / "include", ROOT / "tests/x402/pay_many.c",
                                  f"{BUILD}/src/client/libmete.a", *libraries, "-o", static], capture_output=True)
            ok(run.returncode == 0, "the archive links with what pkg-config names", run.stderr.decode())
            many(shop, str(static), "static")
    shutil.rmtree(FOLDER, ignore_errors=True)
    done()


main()

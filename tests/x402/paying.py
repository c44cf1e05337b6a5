# SPDX-License-Identifier: Apache-2.0
"""mete fetch for tests: with a key and a history of its own, and what it says as values.

    code, said = one(url)                 # the exit status, and the summary of --json
    check(shop, "/a", one(url), PAID, "what is tried")"""
import atexit
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "http"))
from served import METE, equal  # noqa: E402

KEY = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"  # of the development mnemonic
ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="mete-x402-client-"))
KEY_FILE = FOLDER / "key"
KEY_FILE.touch(0o600)
KEY_FILE.write_text(KEY + "\n")
atexit.register(shutil.rmtree, FOLDER, True)
books = 0


def history():
    """A new history file."""
    global books
    books += 1
    return FOLDER / f"history{books}.ndjson"


def environment(**more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("METE_PAY")}
    return {**kept, "XDG_STATE_HOME": str(FOLDER / "state"), **more}


def command(*args, book=None, key=True):
    own = ["--key-file", str(KEY_FILE)] if key else []
    return [METE, "fetch", *own, "--history-file", str(book or history()), *map(str, args)]


def plain(*args, env=None, **how):
    return subprocess.run(command(*args, **how), capture_output=True, timeout=120, env=environment(**(env or {})))


def fetch(*args, env=None, **how):
    """(exit status, the summaries)."""
    out = plain("--json", *args, env=env, **how)
    return out.returncode, json.loads(out.stdout) if out.stdout else out.stderr.decode()


def one(*args, **how):
    code, said = fetch(*args, **how)
    assert isinstance(said, list) and len(said) == 1, said
    return code, said[0]


def lines(book):
    book = pathlib.Path(book)
    return [json.loads(line) for line in book.read_text().splitlines()] if book.exists() else []


def signed(book):
    return [e for e in lines(book) if "key" in e]


def check(shop, path, got, wanted, what, signatures=1, payments=None):
    """Exit, error and money; how many payments were signed, and how many different ones came."""
    code, said = got
    equal((code, said["error"], said["money"]), wanted, f"{what}: what became of it")
    equal(said["signatures"], signatures, f"{what}: signatures")
    equal(len(shop.headers(path)), signatures if payments is None else payments, f"{what}: different payments sent")


PAID = (0, None, "paid")
UNKNOWN = (3, "unknown", "unknown")


def age(book):
    """All payments of a history have run out long ago."""
    entries = lines(book)
    for e in entries:
        if "key" in e:
            e["valid_until"] -= 100000
    book.write_text("".join(json.dumps(e) + "\n" for e in entries))

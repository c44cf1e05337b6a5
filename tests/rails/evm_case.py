# SPDX-License-Identifier: Apache-2.0
"""What the tests of the EVM rail share: its settings, payees, a book's way to the end, and the
operator's command."""
import os
import pathlib
import subprocess
import tempfile

from evm_node import PAYER_KEY
from rail_book import SECOND, Transfer, note

KEYS = tempfile.TemporaryDirectory(prefix="mete-evm-key-")
KEY = pathlib.Path(KEYS.name) / "key"
KEY.write_text(PAYER_KEY + "\n")
KEY.chmod(0o600)
GWEI = 10**9


def settings(node, token=None, **more):
    url = node if isinstance(node, str) else node.url()
    s = {"network": "base", "rpc_url": url, "key_file": str(KEY), "confirmations": "3",
         "checksum": "optional", **more}
    if token and "tokens" not in s:
        s["tokens"] = f"USDC={token}/6"
    return s


def payee(number):
    return f"0x{number + 0xa11ce0000:040x}"


def transfers(count, first=1, amount=lambda i: 1_000_000 + i):
    return [Transfer(first + i, amount(i), payee(first + i)) for i in range(count)]


def outcomes(all_of):
    return [t.report["outcome"] for t in all_of]


def settle(book, driver, node, all_of, rounds=40):
    """Mines and looks until all rest, making new attempts of what failed."""
    for _ in range(rounds):
        open_ones = [t for t in all_of if t.state not in ("paid", "rejected")]
        if not open_ones:
            return
        book.now += 60 * SECOND
        again = [t for t in open_ones if t.state in ("queued", "failed")]
        if again:
            book.pay(driver, again)
        looked_at = [t for t in open_ones if t.state in ("sending", "sent", "unknown")]
        if looked_at:
            book.look(driver, looked_at)
        node.mine(3)


def command(conf, *words, **environment):
    """`mete rail approve`: status, what it says."""
    run = subprocess.run([os.environ["METE"], "rail", "approve", *words], capture_output=True,
                         text=True, env=dict(os.environ, METE_CONFIG=str(conf), **environment))
    return run.returncode, run.stderr + run.stdout


def configuration(s):
    conf = pathlib.Path(KEYS.name) / "mete.conf"
    conf.write_text("[evm]\n" + "".join(f"{k} = {v}\n" for k, v in s.items()))
    return conf


def run(local, tests):
    """Each test, or the one that ONLY names."""
    for test in tests:
        if os.environ.get("ONLY", test.__name__) == test.__name__:
            note(test.__name__)
            # Fees begin where they began, whatever the test before has done to them.
            local.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
            local.mine(1)
            test(local)

# SPDX-License-Identifier: Apache-2.0
"""mete fetch against servers that want more than their price, and through accidents of its own:
what is owed, moved elsewhere, named twice, too long, or cannot be kept.
covers: V-004 V-007 V-008 V-010 V-011"""
import fcntl
import json
import os
import pathlib
import resource
import signal
import struct
import subprocess
import sys
import termios
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "http"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from served import SANITIZED, done, equal, ok, until  # noqa: E402
from paying import age, check, command, environment, fetch, FOLDER, history, lines, one, PAID, plain, signed, UNKNOWN  # noqa: E402
from faulty_shop import HASH, PAY_TO, TOKEN, Shop, answer, b64, cut, cut_in, drip, hang, offer_v2, paid, price, raw, receipt, refused, required  # noqa: E402

OWED = (4, "not_delivered", "paid")


def owed(shop):
    """Paid, and nothing came: the same payment until something comes; never a second one by itself."""
    head = [("PAYMENT-RESPONSE", b64(receipt()))]
    for path, name, step in (("/500", "a failure with a receipt", paid(status=500)),
                             ("/cut", "a receipt in a head whose body is cut", cut_in(b"go", 5, head))):
        book = history()
        url = shop.steps(path, price(), step)
        check(shop, path, one("--retry", "0", url, book=book), OWED, name)
        equal(lines(book)[-1]["state"], "owed", f"{name}: owed")
        shop.steps(path, refused("invalid_exact_evm_nonce_already_used"))
        check(shop, path, one(url, book=book), OWED, f"{name}, and the server has forgotten it", 0, 1)
        shop.steps(path, paid())
        check(shop, path, one(url, book=book), PAID, f"{name}, and it comes later", 0, 1)
        equal(len(signed(book)), 1, f"{name}: one signature in all")
        shop.steps(path, price(), paid())
        check(shop, path, one(url, book=book), PAID, f"{name}: then it is a new request")
    book = history()
    url = shop.steps("/give", price(), paid(status=500))
    one(url, book=book)
    shop.steps("/give", price(), paid())
    check(shop, "/give", one("--pay-again", url, book=book), PAID, "--pay-again gives up what is owed", 1, 2)
    shop.steps("/give", price(), paid())
    check(shop, "/give", one(url, book=book), PAID, "which is then over")
    equal(one("--max-total", "$0.03", shop.steps("/more", price(), paid()), book=book)[1]["error"], "over_budget",
          "and counts")
    book = history()
    url = shop.steps("/id", price(), paid(status=500))
    one("--id", "order-1", url, book=book)
    shop.steps("/id", price(), paid())
    code, said = one("--id", "order-1", "--pay-again", url, book=book)
    equal((code, said["signatures"]), (4, 0), "a name is paid once, also with --pay-again")


def moved(shop, other):
    """A redirection of what carried a payment."""
    there = [("Location", other.url + "/there")]
    told = [*there, ("PAYMENT-RESPONSE", b64(receipt()))]
    for head, step, wanted, state, what in (
            (told, answer(404), OWED, "owed", "a receipt, then 404 elsewhere"),
            (told, answer(200), PAID, "paid", "a receipt, then 200 elsewhere"),
            (there, answer(404), UNKNOWN, "unknown", "no receipt, then 404 elsewhere"),
            (there, answer(200), (0, None, "unknown"), "paid", "no receipt, then 200 elsewhere"),
            ([("Location", "http://example.com/")], None, UNKNOWN, "unknown", "to where nobody goes"),
            ([("Location", "/loop")], None, UNKNOWN, "unknown", "round and round"),
            ([("Location", "http://example.com/"), told[1]], None, OWED, "owed", "a receipt, and to where nobody goes")):
        other.steps("/there", step or answer(200))
        url = shop.steps("/loop", price(), answer(302, head))
        book = history()
        check(shop, "/loop", one("-L", url, book=book), wanted, f"moved: {what}")
        equal(lines(book)[-1]["state"], state, f"moved: {what}: the history")
        equal(any(q.header for q in other.requests("/there")), False, f"moved: {what}: the payment stays")

    book = history()
    url = shop.steps("/post", answer(303, [("Location", "/got")]))
    shop.steps("/got", price(), cut)
    one("-L", "--retry", "0", "-d", "x", url, book=book)
    shop.steps("/got", paid())
    check(shop, "/got", one("-L", "-d", "x", url, book=book), PAID, "moved: a POST that became a GET, in the next run", 0, 1)
    equal([(q.method, q.body) for q in shop.requests("/got")], [("GET", b"")], "moved: is still a GET")


def names(shop):
    """An id stands for one request, whatever its URL and body become."""
    book = history()
    url = shop.steps("/named", price(), paid())
    check(shop, "/named", one("--id", "order-17", url + "?a=1", book=book), PAID, "an id")
    for what, args in (("another query", [url + "?a=2"]), ("a body", ["-d", "x", url + "?a=1"]),
                       ("another method", ["-X", "PUT", url + "?a=1"]), ("another path", [url + "/2"])):
        shop.steps("/named", price(), paid())
        code, said = one("--id", "order-17", *args, book=book)
        equal((code, said["error"], said["money"], len(shop.requests("/named"))), (1, "id_taken", "none", 0),
              f"the same id with {what} is refused before anything is sent")
    shop.steps("/named", paid())
    check(shop, "/named", one("--id", "order-17", url + "?a=1", book=book), PAID, "the same id, the same request", 0, 1)
    equal(len(signed(book)), 1, "one signature for an id")
    old = history()
    old.touch(0o600)
    old.write_text("".join(json.dumps({k: v for k, v in e.items() if k != "asked"}) + "\n" for e in lines(book)))
    shop.steps("/named", paid())
    check(shop, "/named", one("--id", "order-17", url + "?a=1", book=old), PAID, "a history that does not say what the id was", 0, 1)
    shop.steps("/named", price(), paid())
    equal(one("--id", "order-18", url + "?a=1", book=book)[1]["signatures"], 1, "another id is another request")


def given_up(shop):
    """A server that takes payments and says nothing: --pay-again does not give the budget back."""
    book = history()
    how = ["--retry", "0", "--pay-again", "--max-total", "$0.03"]
    path = "/thief"
    for i in range(3):
        url = shop.steps(path, price(offer_v2(maxTimeoutSeconds=1)), cut)
        code, said = one(*how, url, book=book)
        equal((code, said["error"], said["signatures"]), (3, "unknown", 1), f"taken in silence, {i + 1}")
        age(book)
    shop.steps(path, price(), cut)
    code, said = one(*how, url, book=book)
    equal((said["error"], said["money"], said["signatures"]), ("over_budget", "none", 0), "what was given up counts")
    equal([e["state"] for e in lines(book)].count("abandoned"), 3, "and the history says that it was given up")
    total = fetch("--history", "--totals", book=book)[1]
    equal([(t["paid_count"], t["unknown"], t["unknown_count"]) for t in total], [(0, "30000", 3)], "so do the sums")
    book = history()
    url = shop.steps(path, price(offer_v2(maxTimeoutSeconds=1)), cut)
    one("--id", "order-19", *how, url, book=book)
    age(book)
    shop.steps(path, price(), paid())
    code, said = one("--id", "order-19", *how, url, book=book)
    equal((code, said["error"], said["signatures"]), (3, "unknown", 0), "a name is not paid again, also when it ran out")


def node(at_s, used):
    """A node whose last block is of that time, and which says so of every nonce."""
    def step(c, q):
        block = {"number": "0x10", "hash": HASH, "parentHash": HASH, "timestamp": hex(int(at_s)), "baseFeePerGas": "0x1"}
        said = [{"jsonrpc": "2.0", "id": ask["id"], "result": block if ask["method"] == "eth_getBlockByNumber" else f"0x{used:064x}"}
                for ask in json.loads(q.body)]
        c.sendall(raw(200, [], json.dumps(said).encode()))
    return step


def late_nodes(shop):
    """Only a chain that is past the end of a payment has proven that it is dead."""
    rpc = ["--rpc", f"eip155:8453={shop.url}/node"]
    for what, at_s, used, wanted, signatures in (
            ("a node that hangs behind", time.time() - 200000, 0, UNKNOWN, 0),
            ("a node of before its end and a minute", time.time() - 100000 + 30, 0, UNKNOWN, 0),
            ("a node that is past it", time.time(), 0, PAID, 1),
            ("one that hangs behind and has seen it", time.time() - 200000, 1, OWED, 0)):
        book = history()
        url = shop.steps("/late", price(offer_v2(maxTimeoutSeconds=1)), cut)
        one("--retry", "0", url, book=book)
        age(book)  # by 100000 s
        shop.steps("/node", node(at_s, used))
        shop.steps("/late", price(), paid())
        check(shop, "/late", one(*rpc, url, book=book), wanted, f"run out, {what}", signatures, 1 + signatures)


def files(shop):
    """-o: whole or as it was; what cannot be kept is not paid for, or is owed."""
    folder = FOLDER / "files"
    folder.mkdir()
    target = folder / "goods"
    def nothing_asked(what, *args, says):
        url = shop.steps("/file", price(), paid())
        out = plain(*args, url)
        ok(out.returncode == 2 and says in out.stderr and not shop.requests("/file"), f"{what}: nothing is asked, let alone paid",
           out.returncode, out.stderr)
    nothing_asked("no such folder", "-o", folder / "none/goods", says=b"No such file")
    nothing_asked("a folder", "-o", folder, says=b"Is a directory")
    taken = open(folder / "goods.partial", "w")
    fcntl.flock(taken, fcntl.LOCK_EX)
    nothing_asked("a file that another one writes", "-o", target, says=b"is written by another")
    taken.close()
    code, said = fetch("-o", target, "-o", target, shop.steps("/file", price(), paid()), shop.url + "/file")
    equal((code, shop.requests("/file")), (2, []), "two into one file: nothing is asked")
    target.write_bytes(b"before")
    head = [("PAYMENT-RESPONSE", b64(receipt()))]
    book = history()
    url = shop.steps("/file", price(), cut_in(b"go", 5, head))
    equal((one("--retry", "0", "-o", target, url, book=book)[0], target.read_bytes(), os.listdir(folder)),
          (4, b"before", ["goods"]), "half of an answer leaves the file as it was, and nothing beside it")
    shop.steps("/file", paid())
    equal((one("-o", target, url, book=book)[0], target.read_bytes(), os.listdir(folder)), (0, b"goods", ["goods"]), "a whole one takes its place")
    equal(target.stat().st_mode & 0o777, 0o666 & ~umask(), "with the mode of any new file")
    target.chmod(0o640)
    one("-o", target, shop.steps("/free", answer(200, [], b"new")))
    equal((target.read_bytes(), target.stat().st_mode & 0o777), (b"new", 0o640), "or that of the file before it")
    (folder / "link").symlink_to(target)
    one("-o", folder / "link", shop.steps("/free", answer(200, [], b"linked")))
    equal((target.read_bytes(), (folder / "link").is_symlink()), (b"linked", True), "a link stays one")
    one("-o", target, shop.steps("/free", answer(204)))
    equal(target.read_bytes(), b"", "an empty answer is an empty file")
    book = history()
    for options, break_it in (([], False), (["--json"], False), ([], True), (["--json"], True)):
        book, url = history(), shop.steps("/kept", price(), paid(b"goods" * 30000))
        read, write = os.pipe()
        os.close(read)
        with open("/dev/full", "w") as full:
            run = subprocess.run(command(*options, url, book=book), stdout=write if break_it else full, stderr=subprocess.PIPE,
                                 env=environment())
        os.close(write)
        kept = pathlib.Path(f"{book}.{lines(book)[0]['id']}.body")
        ok(run.returncode == 1 and f"{url}: was paid for, and standard output did not take it: it is in {kept}".encode() in run.stderr
           and (b"Broken pipe" if break_it else b"No space left") in run.stderr, f"standard output is broken: {options} {break_it}", run.stderr)
        ok(kept.exists() and kept.read_bytes() == b"goods" * 30000, "what was paid for is kept beside the history")
    book = history()
    url = shop.steps("/full", price(), paid())
    code, said = one("-o", "/dev/full", url, book=book)
    equal((code, said["error"], lines(book)[-1]["state"]), (4, "not_delivered", "owed"), "a full disk: what was paid is owed")
    ok("kept" in said["message"], "and that is said", said)
    shop.steps("/full", paid())
    check(shop, "/full", one("-o", target, url, book=book), PAID, "with room, the same payment brings it", 0, 1)
    equal(target.read_bytes(), b"goods", "and it is kept")
    equal(plain("-o", "-", shop.steps("/free", answer(200, [], b"hello"))).stdout, b"hello", "-o - is standard output")


def in_the_way(shop):
    """-o: what stands beside the file already is neither followed nor removed."""
    folder = FOLDER / "beside"
    folder.mkdir()
    target, partial, other = folder / "goods", folder / "goods.partial", folder / "other"
    other.write_bytes(b"another's")
    for what, make, says in (("a link", lambda: partial.symlink_to(other), b"it is a link"),
                             ("a link to nowhere", lambda: partial.symlink_to(folder / "none/x"), b"it is a link"),
                             ("a folder", partial.mkdir, b"Is a directory")):
        make()
        url = shop.steps("/file", price(), paid())
        out = plain("-o", target, url)
        ok((out.returncode, shop.requests("/file")) == (2, []) and str(partial).encode() in out.stderr and says in out.stderr,
           f"{what} in the way: it is told of which file, and nothing is asked", out.returncode, out.stderr)
        ok(partial.is_symlink() or partial.is_dir(), f"{what} in the way is left there")
        partial.rmdir() if partial.is_dir() else partial.unlink(missing_ok=True)
    equal(other.read_bytes(), b"another's", "and what a link leads to is as it was")
    target.write_bytes(b"secret")
    target.chmod(0o600)
    hold = threading.Event()

    def half(c, _q):
        c.sendall(raw(200, [], b"secret too")[:-4])
        hold.wait(20)
        c.sendall(b" too")
    p = subprocess.Popen(command("-o", target, shop.steps("/file", half)), env=environment())
    until("some of it is there", lambda: partial.exists() and partial.stat().st_size > 0)
    equal(partial.stat().st_mode & 0o777, 0o600, "half of a secret is as secret as the file before it")
    hold.set()
    equal((p.wait(20), target.read_bytes(), target.stat().st_mode & 0o777), (0, b"secret too", 0o600), "and so is the whole")


def pipes(shop):
    """-o: what cannot begin anew does not get a second answer behind the half of the first."""
    head = [("PAYMENT-RESPONSE", b64(receipt()))]
    pipe = FOLDER / "pipe"
    os.mkfifo(pipe)
    for steps, wanted, body, what in (((price(), cut_in(b"go", 5, head), paid()), OWED, b"go", "half an answer, then a whole one"),
                                      ((price(), cut, paid()), PAID, b"goods", "no answer, then a whole one")):
        came = []
        reader = threading.Thread(target=lambda: came.append(pipe.read_bytes()))
        reader.start()
        url = shop.steps("/pipe", *steps)
        check(shop, "/pipe", one("-o", pipe, url), wanted, f"into a pipe: {what}")
        reader.join(20)
        equal(came, [body], f"into a pipe: {what}: what comes out")
    url = shop.steps("/pipe", price(), cut_in(b"go", 5, head), paid())
    check(shop, "/pipe", one("-o", "/dev/null", url), PAID, "into nothing: half an answer, then a whole one")


def unkept(shop):
    """-o: an answer that is no goods, and for which there is no room, does not take the file's place."""
    def tight():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
    target = FOLDER / "tight"
    big = b"x" * 300000
    for what, steps, wanted, state in (
            ("a failure", (answer(404, [], big),), (1, "broken", "none"), None),
            ("a refused payment", (price(), answer(404, [], big)), (1, "broken", "unpaid"), "refused"),
            ("a redirection to nowhere, paid", (price(), paid(big, status=302)), OWED, "owed")):
        target.write_bytes(b"before")
        book = history()
        url = shop.steps("/tight", *steps)
        p = subprocess.run(command("--json", "-L", "--retry", "0", "-o", target, url, book=book), env=environment(),
                           preexec_fn=tight, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        said = json.loads(p.stdout)[0]
        equal((p.returncode, said["error"], said["money"]), wanted, f"no room for {what}: what became of it")
        equal(target.read_bytes(), b"before", f"no room for {what}: the file is as it was")
        equal([e["state"] for e in lines(book)][-1:], [state] if state else [], f"no room for {what}: the history")


def no_place(shop):
    """-o: what was paid for, and whose place is taken when it is whole, is not thrown away."""
    target = FOLDER / "taken"

    def taken(c, q):
        (target / "in").mkdir(parents=True)
        return paid()(c, q)
    out = plain("-o", target, shop.steps("/taken", price(), taken))
    partial = target.with_name("taken.partial")
    equal((out.returncode, partial.exists() and partial.read_bytes()), (1, b"goods"), "a folder is where the file is to be: what was bought is kept")
    ok(f"is in {partial}".encode() in out.stderr, "and where it is is told", out.stderr)


def times(shop):
    """A long answer is taken as long as something comes; a price has to come in its time."""
    whole = raw(200, [("PAYMENT-RESPONSE", b64(receipt()))], b"0123456789" * 8)
    head, body = whole[:-80], whole[-80:]

    def slowly(c, q):
        c.sendall(head)
        return drip(body, 0.03)(c, q)

    def stop(c, _q):
        c.sendall(whole[:-20])
        time.sleep(12)
        return False
    for args in (["-o", FOLDER / "long"], []):
        url = shop.steps("/long", price(), slowly)
        code, said = one("--attempt-time", "1", "--retry", "0", *args, url)
        ok((code, said["bytes"]) == (0, 80) and said["ms"] > 1500, f"an answer of more than its attempt's time, {len(args)}", said)
    url = shop.steps("/long", price(), slowly)
    code, said = one("--attempt-time", "1", "--max-time", "2", "--retry", "0", url)
    equal((code, said["error"]), (4, "not_delivered"), "--max-time ends it all the same")
    url = shop.steps("/long", price(), stop)
    code, said = one("--attempt-time", "1", "--retry", "0", url)
    ok((code, said["error"]) == (4, "not_delivered") and said["ms"] < 11000, "an answer that stops is not waited for", said)
    url = shop.steps("/long", drip(raw(402, [], b"x" * 999), 0.02))
    code, said = one("--attempt-time", "1", "--retry", "0", url)
    ok((code, said["error"]) == (1, "broken") and said["ms"] < 3000, "a price that takes its time is none", said)


def heeds(p, number):
    """Whether it has a handler for that signal by now."""
    status = pathlib.Path(f"/proc/{p.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), 16) >> (number - 1) & 1


def stops(shop):
    """Ctrl-C: what is under way is told, and nothing is left half."""
    for name, steps, wanted, state, says in (
            ("before the price", (hang(HOLD),), 130, None, None),
            ("while it pays", (price(), hang(HOLD)), 3, "unknown", "may have been paid"),
            ("while it comes", (price(), begun), 4, "owed", "was paid")):
        for how in (signal.SIGINT, signal.SIGTERM):
            HOLD.clear()
            book = history()
            target = FOLDER / "stopped"
            url = shop.steps("/stop", *steps)
            later = shop.steps("/later", answer(200))
            p = subprocess.Popen(command("--json", "--parallel", "1", "-o", target, url, later, book=book), env=environment(),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            until(f"{name}: it waits", lambda: len(shop.requests("/stop")) == len(steps) and
                  (steps[-1] is not begun or any(f.stat().st_size for f in FOLDER.glob("stopped*"))))
            p.send_signal(how)
            out, err = p.communicate(timeout=20)
            HOLD.set()
            said = json.loads(out)
            what = f"stopped {name}, {how.name}"
            equal((p.returncode, len(said), shop.requests("/later")), (wanted, 2, []), f"{what}: exit, all are told, nothing is begun")
            equal([e["state"] for e in lines(book)][-1:], [state] if state else [], f"{what}: the history")
            ok(says is None or says in said[0]["message"], f"{what}: what of the money", said[0])
            ok(not target.exists() and not list(FOLDER.glob("stopped*")), f"{what}: no half file")
            shop.steps("/stop", paid() if state else answer(200, [], b"goods"))
            code, said = one("-o", target, url, book=book)
            equal((code, said["signatures"], target.read_bytes()), (0, 0, b"goods"), f"{what}: the next run goes on with it")
            target.unlink()
    waiting = subprocess.Popen(command("--from-file", "-"), env=environment(), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    until("it heeds a signal", lambda: heeds(waiting, signal.SIGINT))
    waiting.send_signal(signal.SIGINT)
    equal(waiting.wait(10), 130, "a batch that waits for its next line is stopped, too")


def stops_anew(shop):
    """Ctrl-C with --pay-again: an old payment is given up for a new one, not for nothing."""
    heard = threading.Event()

    def later(c, _q):
        c.sendall(raw(402, [("PAYMENT-RESPONSE", b64(receipt(False, errorReason="settlement_pending", transaction=HASH))),
                            ("PAYMENT-REQUIRED", b64(required([offer_v2()]))), ("Retry-After", "20"), ("Connection", "close")]))
        c.recv(1)  # it closes what it has read to the end
        heard.set()
        return False
    for what, first, old, steps, wanted, state in (
            ("unknown and run out", cut, True, (price(), paid()), 3, "unknown"),
            ("owed, and said to be on its way", paid(status=500), False, (later, paid()), 4, "owed")):
        book = history()
        HOLD.clear()
        url = shop.steps("/old", price(offer_v2(maxTimeoutSeconds=1 if old else 60)), first)
        one("--retry", "0", url, book=book)
        if old:
            age(book)
        shop.steps("/node", hang(HOLD))
        shop.steps("/old", *steps)
        rpc = ["--rpc", f"eip155:8453={shop.url}/node"]
        p = subprocess.Popen(command("--json", "--pay-again", *rpc, url, book=book), env=environment(),
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        until(f"{what}: it waits", lambda: shop.requests("/node") if old else heard.is_set())
        p.send_signal(signal.SIGINT)
        said = json.loads(p.communicate(timeout=20)[0])[0]
        HOLD.set()
        equal((p.returncode, said["signatures"], len(signed(book)), lines(book)[-1]["state"]), (wanted, 0, 1, state),
              f"stopped while it asks of what is {what}: that is as it was")


def hosts(shop, other):
    """The limit of a host holds for all its spellings, and for where it leads to."""
    book = history()
    how = ["--max-per-host", "$0.02", "--allow-http"]
    spelled = [f"http://{host}:{shop.port}/h" for host in ("127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "127.0.0.1")]
    for i, url in enumerate(spelled):
        shop.steps("/h", price(), paid())
        equal(one(*how, url, book=book)[1]["error"], "over_budget" if i > 1 else None, f"a host in its spelling number {i}")
    equal({e["host"] for e in signed(book)}, {f"127.0.0.1:{shop.port}"}, "which is one host")
    book = history()
    with Shop() as third:
        for i, to in enumerate((other, third, other, third)):
            url = shop.steps("/lead", answer(302, [("Location", to.url + "/paid")]))
            to.steps("/paid", price(), paid())
            code, said = one("-L", *how, url, book=book)
            equal((said["error"], said["signatures"]), ("over_budget" if i > 1 else None, int(i < 2)), f"a host that leads to others, {i}")
        other.steps("/paid", price(), paid())
        equal(one(*how, other.url + "/paid", book=book)[0], 0, "of which each has its own limit")
        other.steps("/paid", price(), paid())
        equal(one(*how, other.url + "/paid", book=book)[1]["error"], "over_budget", "that counts who was led there, too")


def declines(shop):
    """A failure that says nothing of the money."""
    rpc = ["--rpc", f"eip155:8453={shop.url}/node"]
    upfront = offer_v2(extra={"name": "USD Coin", "version": "2", "paymentFlow": "upfront"})
    NO = (1, None, "unpaid")
    for what, offer, args, used, wanted, state in (
            ("nothing is said", offer_v2(), [], 0, NO, "refused"),
            ("it was to be settled before", upfront, [], 0, UNKNOWN, "unknown"),
            ("the chain has it taken", offer_v2(), rpc, 1, OWED, "owed"),
            ("the chain has it not taken", offer_v2(), rpc, 0, NO, "refused"),
            ("settled before, and the chain has it", upfront, rpc, 1, OWED, "owed")):
        shop.steps("/node", node(time.time(), used))
        url = shop.steps("/no", price(offer), answer(404, [], b"none"))
        book = history()
        check(shop, "/no", one(*args, url, book=book), wanted, f"404: {what}")
        equal(lines(book)[-1]["state"], state, f"404: {what}: the history")


def empty(pipe):
    """Waits until all that was written to it was read."""
    end = time.time() + 30
    while struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0] > 0 and time.time() < end:
        time.sleep(0.01)


def conversation(shop):
    """A batch whose writer waits for an answer before it says its next line."""
    p = subprocess.Popen(command("--from-file", "-"), env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    came = []
    reader = threading.Thread(target=lambda: came.extend(iter(p.stdout.readline, b"")))
    reader.start()
    for i in range(3):
        url = shop.steps(f"/talk{i}", price(), cut, paid(f"answer {i}\n".encode()))
        for piece in (f"# {i}\n\n{url[:9]}", f"{url[9:]}\n"):
            p.stdin.write(piece.encode())
            p.stdin.flush()
            empty(p.stdin)
        until(f"answer {i} comes before the next line", lambda: len(came) > i)
    p.stdin.write(shop.steps("/talk", answer(200, [], b"the last\n")).encode())
    p.stdin.close()
    equal(p.wait(20), 0, "the end of the batch is the end")
    reader.join(20)
    equal(came, [b"answer 0\n", b"answer 1\n", b"answer 2\n", b"the last\n"], "all are answered, also a line without its end")
    out = plain("--from-file", FOLDER)
    ok(out.returncode != 0 and b"Is a directory" in out.stderr, "what cannot be read is no empty batch", out.stderr)


def held_up(shop):
    """A first answer that does not come: what is behind it in the batch is not piled up in memory."""
    hold = threading.Event()
    url = shop.steps("/first", hang(hold))
    shop.steps("/rest", answer(200, [], b"rest\n"))
    batch = FOLDER / "held"
    batch.write_text(f"{url}\n" + f"{shop.url}/rest\n" * 1000)
    p = subprocess.Popen(command("--from-file", batch, "--parallel", "4", "--retry", "0"), env=environment(),
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    until("some are fetched behind it", lambda: len(shop.requests("/rest")) >= 100)
    time.sleep(1)
    ok(len(shop.requests("/rest")) < 500, "but not all", len(shop.requests("/rest")))
    hold.set()
    equal(p.communicate(timeout=60)[0], b"rest\n" * 1000, "and all in the end")


BACK = """#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *t)
{
    static time_t begun;
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, t);
    struct timespec m;
    (void)real(CLOCK_MONOTONIC, &m);
    begun = begun != 0 ? begun : m.tv_sec;
    t->tv_sec -= id == CLOCK_REALTIME && m.tv_sec > begun ? 3600 : 0;
    return result;
}
"""


def clocks(shop):
    """A clock that is set back while it waits: nothing waits for an hour."""
    (FOLDER / "back.c").write_text(BACK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", FOLDER / "back.so", FOLDER / "back.c", "-ldl"], check=True)
    url = shop.steps("/back", answer(503, [("Retry-After", "2")]), price(), paid())
    p = subprocess.Popen(command("--json", url), env=environment(LD_PRELOAD=str(FOLDER / "back.so")), stdout=subprocess.PIPE)
    try:
        said = json.loads(p.communicate(timeout=20)[0])[0]
        ok(said["money"] == "paid" and 2000 <= said["ms"] < 15000, "a clock that is set back delays nothing", said)
    except subprocess.TimeoutExpired:
        ok(False, "a clock that is set back delays nothing")
        p.kill()


def words(shop):
    """What is said where it would mislead."""
    url = shop.steps("/free", answer(200, [], b"free"))
    equal(plain(url, key=False, env={"METE_PAY_KEY": ""}).stdout, b"free", "an empty METE_PAY_KEY is none")
    hold = threading.Event()
    url = shop.steps("/hold", hang(hold))
    p = subprocess.Popen(command(url, "--retry", "0"), env=environment(METE_PAY_KEY="ab" * 32), stderr=subprocess.DEVNULL)
    until("it waits", lambda: shop.requests("/hold"))
    equal(b"abab" in pathlib.Path(f"/proc/{p.pid}/environ").read_bytes(), False, "METE_PAY_KEY is wiped, also beside --key-file")
    hold.set()
    p.wait(20)
    out = plain("--history", "--state", "payed")
    ok(out.returncode == 2 and b"refused" in out.stderr, "a state that is none is said to be none", out.stderr)
    book = history()
    for args, step, says in (
            (["--max-amount", "$0.001"], price(), b"0.01 USDC is above the limit of a request, $0.001"),
            ([], price(offer_v2(asset=PAY_TO)), f"the asset {PAY_TO} is not allowed".encode()),
            (["--recipient", TOKEN], price(), f"nobody may pay {PAY_TO}".encode()),
            (["--network", "polygon"], price(), b"exact on eip155:8453: its network is not allowed"),
            ([], price(offer_v2(maxTimeoutSeconds=10**10)), b"offer 1: malformed at /maxTimeoutSeconds: "),
            ([], price(offer_v2(amount="1.5")), b"offer 1: malformed at /amount: "),
            ([], price({}, {"scheme": 1}, 5), b"offer 3: malformed: expected an object"),
            ([], price(offer_v2("x" * 120000)), b"its header than"),
            ([], answer(402, [], b"x" * (17 << 20)), b"a price larger than"),
            ([], answer(402, [], b"pay me"), b"no PAYMENT-REQUIRED, and the body is none of version 1: byte 0")):
        out = plain(*args, shop.steps("/why", step))
        ok(says in out.stderr, f"it is said what is wrong: {says.decode()}", out.stderr)
    for status in (501, 503):
        out = plain("--retry", "0", shop.steps("/why", price(), answer(status, [], b"no")))
        ok(f"0.01 USDC may have been paid: the answer is {status}, and does not say so; ".encode() in out.stderr,
           "the status is told when nothing else is", out.stderr)
    for option in ("--max-amount", "--max-per-host", "--max-per-day", "--max-total"):
        out = plain(option, "5", shop.url + "/none")
        ok(f"({option}) is written $0.05".encode() in out.stderr, "a limit is called as it can be set", out.stderr)
    out = plain("--history", book=FOLDER / "nowhere")
    ok(f"{FOLDER / 'nowhere'}: there is no such file".encode() in out.stderr, "a history that is not there is not an empty one", out.stderr)
    for url, says in (("example.com", b"refused: it begins neither"), ("http://example.com/", b"refused: it is not https")):
        ok(says in plain(url).stderr, f"{url} is refused in a sentence", plain(url).stderr)
    nowhere = pathlib.Path("/proc/none/history")
    equal(one("--dry-run", shop.steps("/why", price()), book=nowhere)[0], 0, "a dry run needs no history, and makes none")
    for body, member, value in ((b"goods\n", "body", "goods\n"), (b"\xff\x00", "body_base64", "/wA="), (b"", "body", "")):
        said = one(shop.steps("/json", price(), paid(body)))[1]
        equal(said.get(member), value, "--json has the body that was paid for")
    ok("body" not in one("-o", FOLDER / "json", shop.steps("/json", price(), paid()))[1], "unless it went to a file")
    url = shop.steps("/gone", price(offer_v2(maxTimeoutSeconds=1)), cut)
    one("--retry", "0", url, book=book)
    age(book)
    shop.steps("/gone", price())
    said = one(url, book=book)[1]["message"]
    ok("ran out" in said and "valid until" not in said, "a payment that ran out is not said to be valid", said)
    good = book.read_text()
    book.write_text(good + '{"v":1}\n')
    for args in (["--history"], [url]):
        out = plain(*args, book=book)
        number = len(good.splitlines()) + 1
        ok(out.returncode == 1 and f"{book}, line {number}".encode() in out.stderr, "a broken line is named with its file and number", out.stderr)
    book.write_text(good.replace("}\n", "}\r\n"))
    equal(len(fetch("--history", book=book)[1]), 1, "lines that an editor gave other ends are read")
    shop.steps("/gone", price())
    check(shop, "/gone", one(url, book=book), UNKNOWN, "and a payment in one stands in the way of another", 0, 1)
    with open(book, "w") as f:
        f.write(good)
    shop.steps("/gone", refused("q~q}"))
    one("--retry", "0", url, book=book)
    cut_at = book.read_bytes().index(b"q~q") + 4
    book.write_bytes(book.read_bytes()[:cut_at])
    for _ in range(2):
        equal(plain(url, book=book).returncode, 3, "a server's words in a torn line do not look like its end")


HOLD = threading.Event()


def begun(c, _q):
    c.sendall(raw(200, [("PAYMENT-RESPONSE", b64(receipt()))], b"x" * 99)[:-50])
    HOLD.wait(20)
    return False


def umask():
    old = os.umask(0)
    os.umask(old)
    return old


def main():
    with Shop() as shop, Shop() as other:
        owed(shop)
        moved(shop, other)
        names(shop)
        given_up(shop)
        late_nodes(shop)
        files(shop)
        in_the_way(shop)
        pipes(shop)
        unkept(shop)
        no_place(shop)
        times(shop)
        stops(shop)
        stops_anew(shop)
        hosts(shop, other)
        declines(shop)
        conversation(shop)
        held_up(shop)
        if not SANITIZED:  # which has to be loaded first
            clocks(shop)
        words(shop)
    done()


main()

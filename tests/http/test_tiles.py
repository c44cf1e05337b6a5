# SPDX-License-Identifier: Apache-2.0
"""The log in tiles: a reader that has nothing else builds the root that the server signed, proves
leaves to be what they say, and finds one wrong byte in any tile."""
import base64
import hashlib
import json
import os
import random
import sqlite3
import subprocess
import time

from served import METE, Served, done, equal, event, note, ok
from tlog import Reader, leaf_hash, tile_path, tiles_of

SIZE = 66_000  # more than 65,536: a full tile of level 1, and a tile of level 2
SEED = int(os.environ.get("TEST_SEED", time.time_ns() % 2**32))


def signed_head(s, **more):
    """(size, root) of the checkpoint."""
    lines = s.get("/v1/log/checkpoint", **more)[2].split("\n")
    return int(lines[1]), base64.b64decode(lines[2])


def get(s, path, **more):
    """(status, headers, bytes)"""
    import http.client
    c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=60)
    key = more.get("key", s.key)
    c.request("GET", "/v1/log/" + path, headers={"Authorization": "Bearer " + key} if key else {})
    answer = c.getresponse()
    out = answer.status, answer.headers, answer.read()
    c.close()
    return out


class Fetch:
    """Tiles by their paths; what was fetched can be looked at, and spoilt."""

    def __init__(self, s, **more):
        self.s, self.more, self.got = s, more, {}

    def __call__(self, path):
        if path not in self.got:
            status, _, data = get(self.s, path, **self.more)
            self.got[path] = data if status == 200 else None
        return self.got[path]


def filled(s):
    lines = "".join(json.dumps(event(f"e{i}", "party.registered", {"party": f"did:{i}"})) + "\n"
                    for i in range(SIZE))
    (s.folder / "events").write_text(lines)
    for args in (["init"], ["ingest", str(s.folder / "events")]):
        subprocess.run([METE, *args, "--store", str(s.store)], check=True, capture_output=True)


def the_root(s):
    size, root = signed_head(s)
    equal(size, SIZE, "a log to read")
    fetch = Fetch(s)
    reader = Reader(size, fetch)
    equal(reader.root(), root, "from tiles alone: the root that the server signed")
    note(f"{len(fetch.got)} of {len(list(tiles_of(size)))} tiles were needed")
    equal(list(reader.faults()), [], "every tile above is made of those below")
    leaves = [h for n in range((size + 255) // 256) for h in reader.tile(0, n)]
    equal(len(leaves), size, "as many leaves as the head says")
    for first in (1, 2, 255, 256, 257, 65_535, 65_536, 65_537, size - 1):
        lines = s.get(f"/v1/log/checkpoint?size={first}")[2].split("\n")
        if Reader(first, fetch).root() != base64.b64decode(lines[2]):
            ok(False, f"the head of the first {first}, from tiles")
    ok(True, "earlier heads follow from tiles as well")
    return fetch, root, leaves


def one_byte(fetch, root):
    """One wrong byte, in one tile after the other: the upper ones all, of the lowest some."""
    rng = random.Random(SEED)
    note(f"seed {SEED}")
    missed, misnamed = [], []
    low = [t for t in tiles_of(SIZE) if t[0] == 0]
    tiles = [t for t in tiles_of(SIZE) if t[0] > 0] + [low[0], low[-2], low[-1]] + rng.sample(low, 20)
    for level, n, width in tiles:
        path = tile_path(level, n, width)
        good = fetch.got[path]
        at, bit = rng.randrange(len(good)), 1 << rng.randrange(8)
        fetch.got[path] = good[:at] + bytes([good[at] ^ bit]) + good[at + 1:]
        reader = Reader(SIZE, fetch)
        faults = list(reader.faults())
        if not faults and reader.root() == root:
            missed.append((path, at))
        parent = tile_path(level + 1, n // 256, min(256, (SIZE >> 8 * (level + 1)) - n // 256 * 256))
        if faults and not set(faults) <= {path, parent}:
            misnamed.append((path, at, faults))
        fetch.got[path] = good
    equal(missed, [], f"a byte changed in any of {len(tiles)} tiles is found")
    equal(misnamed, [], "and where it is, but for one level")


def entries(s, leaves):
    last = SIZE // 256
    wrong = []
    for n, width in ((0, 256), (1, 1), (257, 208), (last, SIZE - last * 256)):
        path = "tile/entries/" + tile_path(0, n, width)[len("tile/0/"):]
        status, headers, data = get(s, path)
        cut = [data[i:i + 74] for i in range(0, len(data), 74)]
        if status != 200 or len(cut) != width or any(
                c[:2] != b"\0\x48" or leaf_hash(c[2:]) != leaves[n * 256 + i]
                for i, c in enumerate(cut)):
            wrong.append((path, status))
    equal(wrong, [], "entries hash to the leaves")
    proof = s.get("/v1/log/inclusion/e300")[2]
    entry = get(s, "tile/entries/001")[2][74 * (301 - 257):][2:74]
    equal((proof["seq"], entry[:32].hex(), entry[32:64].hex()),
          (301, proof["event_sha256"], proof["decision_sha256"]), "and are what proofs speak of")
    event_bytes = json.dumps(s.get("/v1/events/e300")[2]["event"], separators=(",", ":"),
                             sort_keys=True).encode()
    equal(hashlib.sha256(event_bytes).hexdigest(), proof["event_sha256"], "the event's own hash")


def there_or_not(s):
    full, part = SIZE // 256, SIZE % 256
    for path in ("tile/0/000", f"tile/0/{full - 1:03}", "tile/1/000", "tile/entries/000"):
        status, headers, data = get(s, path)
        equal((status, headers["Content-Type"], headers["Cache-Control"], len(data)),
              (200, "application/octet-stream", "private, max-age=31536000, immutable",
               256 * (74 if "entries" in path else 32)), f"{path}: never asked for again")
    for path in (f"tile/0/{full:03}.p/{part}", "tile/0/000.p/1", "tile/0/000.p/255",
                 "tile/1/001.p/1", "tile/2/000.p/1"):
        status, headers, data = get(s, path)
        equal((status, len(data), "immutable" in headers["Cache-Control"]),
              (200, 32 * int(path.split("/")[-1]), False), f"{path}: a part")
    beyond = [f"tile/0/{full:03}", f"tile/0/{full:03}.p/{part + 1}", f"tile/0/{full + 1:03}.p/1",
              "tile/1/001", "tile/1/001.p/2", "tile/2/000", "tile/2/000.p/2", "tile/3/000",
              "tile/3/000.p/1", "tile/63/000.p/1", "tile/0/x001/000", "tile/0/x004/x294/x967/295",
              "tile/0/x999/x999/x999/999.p/255", "tile/entries/999",
              f"tile/entries/{full:03}.p/{part + 1}"]
    names = ["tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/x000/000", "tile/00/000", "tile/64/000",
             "tile/-1/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p", "tile/0/000.p/01",
             "tile/entry/000", "tile/0/001/000", "tile/0/x001/x234/x067/x000/000", "tile/0", "tile",
             "tile/0/x001/x001/x001/x001/x001/000", "tile/0/%2e%2e", "tile/0/a"]
    got = {path: get(s, path)[:2] for path in beyond + names}
    equal({p: g[0] for p, g in got.items() if g[0] != 404}, {},
          f"{len(beyond)} tiles beyond the log and {len(names)} that are none")
    equal({g[1]["Cache-Control"] for p, g in got.items() if p in beyond}, {"no-store"},
          "what is not there yet is asked for again")


def it_grows(s):
    """Full tiles stay as they are; a part of one becomes the beginning of more."""
    before = {p: get(s, p)[2] for p in ("tile/0/000", "tile/1/000", "tile/0/257.p/208")}
    s.post("/v1/events", [event(f"n{i}", "party.registered", {"party": f"did:n{i}"})
                          for i in range(100)])
    equal({p: get(s, p)[2] for p in before}, before, "what was read stays what it is")
    equal((get(s, "tile/0/257")[2][:208 * 32], get(s, "tile/0/258.p/52")[0]),
          (before["tile/0/257.p/208"], 200), "and goes on")
    size, root = signed_head(s)
    equal(Reader(size, Fetch(s)).root(), root, "to the new head")


def a_liar(s):
    """Somebody changes a hash in the file. Who kept the head finds out, whatever the server says."""
    size, root = signed_head(s)
    s.stop()
    db = sqlite3.connect(s.store, isolation_level=None)
    for (trigger,) in db.execute("select name from sqlite_master where type='trigger'").fetchall():
        db.execute(f"drop trigger {trigger}")
    seq = random.Random(SEED).randrange(1, 60_000)
    key, leaf = db.execute("select key, leaf from event where (key & ?) = ?",
                           ((1 << 40) - 1, seq)).fetchone()
    db.execute("update event set leaf = ? where key = ?", (bytes([leaf[0] ^ 1]) + leaf[1:], key))
    db.close()
    s.start()
    equal(signed_head(s), (size, root), "a server whose file was changed still signs the head")
    n = (seq - 1) // 256
    reader = Reader(size, Fetch(s))
    equal(list(reader.faults()), [tile_path(1, n // 256, 256)], "but its tiles are not those of it")
    ok(reader.tile(0, n)[(seq - 1) % 256] != leaf, "where it was changed")


def who_may(s):
    s.make_key("admin")
    keys = {"audit": s.make_key("audit:read"), "any": s.make_key("revenue:write"),
            "party": s.make_key("audit:read,earnings:read", "--party", "did:1"),
            "other": s.make_key("audit:read", "--book", "other")}
    got = {k: [get(s, "tile/0/000", key=keys[k])[0], get(s, "tile/entries/000", key=keys[k])[0]]
           for k in keys}
    equal(got, {"audit": [200, 200], "any": [200, 403], "party": [200, 403], "other": [404, 404]},
          "hashes for every key of the book, what they are made of for auditors")
    equal([get(s, "tile/0/000", key=k)[0] for k in ("", "mete_x")], [401, 401], "and for nobody else")
    equal(get(s, "tile/0/000", key=keys["any"])[1]["Vary"], "Authorization, X-API-Key",
          "the same path is another tile in another book")


with Served() as empty:
    equal(signed_head(empty), (0, Reader(0, None).root()), "an empty log has a head")
    equal(get(empty, "tile/0/000")[0], 404, "and no tile")
s = Served()
filled(s)
with s:
    fetch, root, leaves = the_root(s)
    one_byte(fetch, root)
    entries(s, leaves)
    there_or_not(s)
    it_grows(s)
    a_liar(s)
    equal(s.stop(), 0, "it stops as it should")
other = Served()
subprocess.run([METE, "init", "--store", str(other.store), "--book", "other"], check=True,
               capture_output=True)
with other:
    other.post("/v1/events", [event(f"e{i}", "party.registered", {"party": f"did:{i}"})
                              for i in range(300)])
    who_may(other)
done()

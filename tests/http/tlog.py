# SPDX-License-Identifier: Apache-2.0
"""A reader of logs in tiles (C2SP tlog-tiles, RFC 9162), from the two documents alone: it shares
nothing with the program. `fetch(path)` gives the bytes of "tile/...", or None."""
import hashlib

WIDTH = 256


def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def subtree_root(hashes):
    """Of a complete subtree: a power of two of hashes."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]


def index_name(n):
    name = f"{n % 1000:03}"
    while n >= 1000:
        n //= 1000
        name = f"x{n % 1000:03}/{name}"
    return name


def tile_path(level, n, width):
    return f"tile/{level}/{index_name(n)}" + (f".p/{width}" if width < WIDTH else "")


def tiles_of(size):
    """(level, index, width) of every tile of a log of this size."""
    level, nodes = 0, size
    while nodes:
        for n in range((nodes + WIDTH - 1) // WIDTH):
            yield level, n, min(WIDTH, nodes - n * WIDTH)
        level, nodes = level + 1, nodes // WIDTH


class Reader:
    """Fetches each tile once."""

    def __init__(self, size, fetch):
        self.size, self.fetch, self.kept = size, fetch, {}

    def tile(self, level, n):
        if (level, n) not in self.kept:
            width = min(WIDTH, (self.size >> (8 * level)) - n * WIDTH)
            data = self.fetch(tile_path(level, n, width))
            if data is None or len(data) != 32 * width:
                raise ValueError(f"{tile_path(level, n, width)}: {data and len(data)} bytes")
            self.kept[level, n] = [data[i:i + 32] for i in range(0, len(data), 32)]
        return self.kept[level, n]

    def subtree(self, height, n):
        """Hash of the complete subtree n of 2^height leaves, out of one tile."""
        level, above = divmod(height, 8)
        first = n << above
        tile = self.tile(level, first // WIDTH)
        return subtree_root(tile[first % WIDTH:first % WIDTH + (1 << above)])

    def root(self):
        """From as few tiles as there can be: those at the right edge."""
        at, parts = 0, []
        for height in reversed(range(self.size.bit_length())):
            if self.size >> height & 1:
                parts.append(self.subtree(height, at >> height))
                at += 1 << height
        if not parts:
            return hashlib.sha256(b"").digest()
        root = parts.pop()
        while parts:
            root = node_hash(parts.pop(), root)
        return root

    def faults(self):
        """Every tile that is not what the one below makes of it."""
        for level, n, width in tiles_of(self.size):
            if level > 0:
                for i, h in enumerate(self.tile(level, n)):
                    if subtree_root(self.tile(level - 1, n * WIDTH + i)) != h:
                        yield tile_path(level, n, width)
                        break

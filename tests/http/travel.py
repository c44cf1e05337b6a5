# SPDX-License-Identifier: Apache-2.0
"""A server whose clock the test sets: it starts at noon of a day, and jumps when it is told to.

    with Travel() as s:
        s.day(8)            # eight days after the beginning
        s.now()             # RFC 3339, by the server's clock
"""
import datetime
import mmap
import os
import struct
import time

from served import Served

NOON = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.timezone.utc)


class Travel(Served):
    def __init__(self, *options, env=None, begin=NOON, **more):
        super().__init__(*options, **more)
        path = self.folder / "offset"
        path.write_bytes(bytes(8))
        with open(path, "r+b") as f:
            self.file = mmap.mmap(f.fileno(), 8)
        self.begin = begin
        self.offset = 0
        self.env.update({"LD_PRELOAD": os.environ["JUMPING_CLOCK"], "METE_TEST_CLOCK": str(path),
                         "ASAN_OPTIONS": "verify_asan_link_order=0", **(env or {})})
        self.to(begin)

    def to(self, moment):
        """Jumps; the clock goes on from there."""
        self.offset = int(moment.timestamp() - time.time())
        self.file[:8] = struct.pack("=q", self.offset)

    def day(self, days, **more):
        self.to(self.begin + datetime.timedelta(days=days, **more))

    def clock(self):
        return datetime.datetime.fromtimestamp(time.time() + self.offset, datetime.timezone.utc)

    def now(self):
        return self.clock().strftime("%Y-%m-%dT%H:%M:%SZ")

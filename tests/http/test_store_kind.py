# SPDX-License-Identifier: Apache-2.0
"""covers: V-093
A server on a store that mete does not have: tests/unit/counted_store.c, one file and one line of the
list. It serves, remembers, and is refused by a program without it. The contract: store_counted."""
import os
import subprocess

from served import POLICY, Served, done, equal, ok, revenue

s = Served(clean=False)
s.store = f"counted:{s.folder / 'mete.db'}"
with s:
    s.key = s.make_key("admin,earnings:read,revenue:read,revenue:write,policy:write,audit:read")
    for e in (POLICY, revenue("r1"), revenue("r2")):
        status, _, said = s.post("/v1/events", e)
        ok(status in (200, 201), f"{e['event_id']} is decided", status, said)
    head = s.get("/v1/log/checkpoint")[2].split("\n")[:3]
    equal(head[1], "3", "in the log")
    equal(s.get("/v1/parties/did:a/balance")[2]["balances"][0]["pending"], "1200", "and booked")
with s:
    equal(s.get("/v1/log/checkpoint")[2].split("\n")[:3], head, "a server that starts again finds the same log")
    equal(s.get("/v1/parties/did:a/balance")[2]["balances"][0]["pending"], "1200", "and the same sums")
    ok("duplicate" in str(s.post("/v1/events", revenue("r1"))[2]), "and what it has heard")
ok("agrees with itself" in s.mete("audit"), "the book agrees with itself, for the independent auditor too")
out = subprocess.run([os.environ["METE_USUAL"], "log", "show", "--store", f"counted://{s.folder}/mete.db"],
                     capture_output=True, text=True)
ok(out.returncode != 0 and "no store of this kind" in out.stderr, "mete without it says that there is none", out.stderr)
done()

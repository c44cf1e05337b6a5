# SPDX-License-Identifier: Apache-2.0
"""covers: M-043 M-070 M-071 M-075 M-076 M-078 M-079
Both stories of doc/campaign-journeys.md, from the first event to CLOSED, through a running server
with curl alone; then whether the story told what it has to tell."""
import pathlib
import sys

import play

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "doc" / "campaign-journeys.md"
# By hand: what the protocol says of these amounts.
MUST = ['"state":"COMPLETED"', '"state":"CLOSED"', '"cleared":"9700"', '"reason":"cap_reached"',
        '"accrued":{"investors_minor":"1880000","creator_minor":"7520000"}',
        '"accrued":{"investors_minor":"2800000","creator_minor":"12334000"}',
        '"state":"OPEN_FOR_FUNDING"', '"confirmed_minor":"0"', '"cleared":"966300"',
        '    "state": "FAILED",']
told = play.blocks(DOCUMENT.read_text().split("\n"))
lines = [line for block in told for line in block.answer]
commands = [block.command for block in told]
lacking = [m for m in MUST if m not in lines]
others = [c for c in commands if "mete " in c and "mete key create" not in c and "serve" not in c
          and commands.index(c) < len(commands) - 4]
sys.exit(play.check(ROOT, DOCUMENT, [("the story has its amounts and states", lacking),
                                     ("it is told with curl alone", others)]))

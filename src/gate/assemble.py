#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts a script into another file, where its name stands in a comment: assemble.py OUT PART FILE."""
import pathlib
import sys

out, part, file = map(pathlib.Path, sys.argv[1:])
mark = f"/* {part.name} */\n"
text = file.read_text()
if text.count(mark) != 1:
    sys.exit(f"{file}: the line {mark.strip()} has to be there once")
script = part.read_text()
out.write_text(text.replace(mark, script[script.index("*/\n") + 3:]))

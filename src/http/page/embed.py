#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes texts part of the program: embed.py OUT NAME=FILE ... defines `const struct text NAME`."""
import pathlib
import sys

out = ['/* Made by src/http/page/embed.py. */', '#include "http/page/page.h"', ""]
for argument in sys.argv[2:]:
    name, path = argument.split("=", 1)
    data = pathlib.Path(path).read_bytes()
    numbers = [f"{b}," for b in data + b"\0"]
    lines = ["".join(numbers[i:i + 32]) for i in range(0, len(numbers), 32)]
    out += [f"static const char {name}_bytes[] = {{", *lines, "};",
            f"const struct text {name} = {{{name}_bytes, sizeof {name}_bytes - 1}};", ""]
pathlib.Path(sys.argv[1]).write_text("\n".join(out))

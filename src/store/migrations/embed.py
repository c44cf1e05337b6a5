#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the SQL of all migrations of one dialect as a C file, in order of their numbers.

usage: embed.py DIALECT OUT FOLDER... [NAME=FILE]...     (FOLDER is like .../0001_initial)

A NAME=FILE becomes a string of its own: SQL that is not part of the numbered history.
"""
import pathlib
import sys


def c_string(text):
    lines = []
    for line in text.splitlines():
        escaped = line.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'    "{escaped}\\n"')
    return "\n".join(lines)


def main():
    dialect, out, *rest = sys.argv[1:]
    folders = sorted(pathlib.Path(folder) for folder in rest if "=" not in folder)
    extras = [extra.split("=", 1) for extra in rest if "=" in extra]
    parts = ['#include "store/migrations/migration.h"\n']
    rows = []
    for number, folder in enumerate(folders, start=1):
        if int(folder.name.split("_")[0]) != number:
            sys.exit(f"{folder}: expected number {number}")
        text = (folder / f"{dialect}.sql").read_text(encoding="ascii")
        parts.append(f"static const char sql_{number}[] =\n{c_string(text)};\n")
        rows.append(f'    {{{number}, "{folder.name}", sql_{number}}},')
    table = "\n".join(rows)
    parts.append(f"const struct migration migrations_{dialect}[] = {{\n{table}\n}};\n")
    parts.append(f"const size_t migrations_{dialect}_count = {len(rows)};\n")
    for name, path in extras:
        text = pathlib.Path(path).read_text(encoding="ascii")
        parts.append(f"const char {name}[] =\n{c_string(text)};\n")
    pathlib.Path(out).write_text("\n".join(parts), encoding="ascii")


main()

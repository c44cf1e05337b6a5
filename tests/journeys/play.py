# SPDX-License-Identifier: Apache-2.0
"""Plays the ```console blocks of a document: runs each `$ command` in one shell, in a folder of its
own that has the checkout's examples/ and build/ in it, and prints what it answers.

    play.py DOCUMENT            prints the commands and what they answered
    play.py --check DOCUMENT    TAP: every command answers what the document says
    play.py --record DOCUMENT   writes what they answered into the document

What differs from run to run is named in VOLATILE, and nothing else may differ. A document says
http://127.0.0.1:8402; a free port takes the place of 8402 while it is played."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

SERVER = "127.0.0.1:8402"
VOLATILE = [  # (what it is, how it looks): equal to any other that looks so
    ("key", r"mete_[0-9a-f]{48}"),
    ("key id", r"key_[0-9a-f]{16}"),
    ("request id", r"req_[0-9a-f]{24}"),
    ("hash", r"\b[0-9a-f]{64}\b"),
    ("moment of the machine's clock", r"\b20(?:2[6-9]|[3-9]\d)-\d\d-\d\dT[0-9:]{8}(?:\.\d{3,6})?Z"),
    ("signature", r"(?<=mete/main )[A-Za-z0-9+/]{91}="),
    ("root", r"(?:(?<=\\n)|(?<![A-Za-z0-9+/]))[A-Za-z0-9+/]{43}="),
    ("did of a fresh book", r"did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}"),
    ("uptime", r'(?<="uptime_s":)\d+'),
    ("duration", r'(?<="milliseconds":)\d+'),
    ("duration, indented", r'(?<="milliseconds": )\d+'),
    ("speed", r'(?<="events_per_second":)\d+'),
    ("speed, indented", r'(?<="events_per_second": )\d+'),
]
PATIENCE_S = 120  # for one command, on a machine that is busy with other things
END = "--- that was all of it ---"


class Block:
    """A command and what it answered; where that stands in the document's lines."""

    def __init__(self, command, first, last, answer):
        self.command, self.first, self.last, self.answer = command, first, last, answer


def blocks(lines):
    """The commands of all ```console blocks. A command goes on behind a backslash at the end of
    a line, and in lines that begin with "> "."""
    out = []
    inside = False
    i = 0
    while i < len(lines):
        if lines[i].startswith("```"):
            inside = lines[i] == "```console"
        elif inside and lines[i].startswith("$ "):
            command = lines[i][2:]
            while command.endswith("\\") or lines[i + 1].startswith("> "):
                i += 1
                command += "\n" + lines[i].removeprefix("> ")
            first = i + 1
            while not lines[i + 1].startswith(("$ ", "```")):
                i += 1
            out.append(Block(command, first, i + 1, lines[first:i + 1]))
        i += 1
    return out


def plain(text):
    """The same text for every run."""
    for what, pattern in VOLATILE:
        text = re.sub(pattern, f"<{what}>", text)
    return text


class Shell:
    """One sh for all commands, so that variables and background jobs go on."""

    def __init__(self, root, folder):
        built = pathlib.Path(os.environ["METE"]).parent if "METE" in os.environ else root / "build"
        (folder / "examples").symlink_to(root / "examples")
        (folder / "build").symlink_to(built)
        # bound, not listening: nobody else is given this port, and the server may still take it
        self.reserved = socket.socket()
        self.reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.reserved.bind(("127.0.0.1", 0))
        self.port = self.reserved.getsockname()[1]
        self.server = f"127.0.0.1:{self.port}"
        env = {k: v for k, v in os.environ.items()
               if k not in ("API_KEY", "HOST", "PORT", "DATABASE_URL") and "proxy" not in k.lower()}
        env.update({"PORT": str(self.port), "NO_COLOR": "1"})
        self.process = subprocess.Popen(["sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, cwd=folder, env=env, text=True,
                                        start_new_session=True)

    def run(self, command):
        """What it answers, as lines; the address reads as in the document."""
        self.process.stdin.write(command.replace(SERVER, self.server) + f"\necho; echo '{END}'\n")
        self.process.stdin.flush()
        out = []
        while (line := self.process.stdout.readline()) and line.rstrip("\n") != END:
            out.append(line.rstrip("\n").replace(self.server, SERVER))
        if out and out[-1] == "":  # of our own echo
            out.pop()
        return out

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE_S)
        finally:
            try:  # a server that a broken document left behind, by its session
                os.killpg(self.process.pid, 15)
            except ProcessLookupError:
                pass


def played(root, document):
    """(block, answer) of each command of the document, in order."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mete-play-"))
    try:
        shell = Shell(root, folder)
        for block in blocks(document.read_text().split("\n")):
            yield block, shell.run(block.command)
        shell.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check(root, document, more=()):
    """`more`: (what holds, what speaks against it), told beside the commands."""
    count = failed = compared = 0
    for what, against in more:
        count += 1
        failed += bool(against)
        print(f"{'not ok' if against else 'ok'} {count} - {what}", *against, sep="\n# ", flush=True)
    for block, answer in played(root, document):
        count += 1
        compared += len(answer)
        wanted = [plain(line) for line in block.answer]
        got = [plain(line) for line in answer]
        failed += got != wanted
        print(f"{'ok' if got == wanted else 'not ok'} {count} - {block.command.splitlines()[0]}",
              flush=True)
        if got != wanted:
            print("\n".join(["# the document:", *("#   " + line for line in wanted),
                             "# the program:", *("#   " + line for line in got)]))
    ran = count - len(more)
    print(f"# {document.name}: {ran} commands run, {compared} lines compared")
    print(f"1..{count}")
    return failed > 0 or ran == 0


def record(root, document):
    """Values that only look different stay as they stand."""
    lines = document.read_text().split("\n")
    for block, answer in reversed(list(played(root, document))):
        if [plain(x) for x in answer] != [plain(x) for x in block.answer]:
            lines[block.first:block.last] = answer
    document.write_text("\n".join(lines))
    return False


def show(root, document):
    for block, answer in played(root, document):
        print("$ " + block.command.replace("\n", "\n> "))
        print("\n".join([*answer, ""]), flush=True)
    return False


def main(args):
    how = {"--check": check, "--record": record}.get(args[0], show)
    root = pathlib.Path(__file__).resolve().parents[2]
    return how(root, pathlib.Path(args[-1]).resolve())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

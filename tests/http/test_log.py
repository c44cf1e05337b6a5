# SPDX-License-Identifier: Apache-2.0
"""covers: F-077
A log that nobody reads: the server answers all the same, says later how many lines it dropped, and
ends when it is told to."""
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import urllib.request

from served import METE, done, equal, note, ok

REQUESTS = 9000  # their lines are more than a pipe and the server's queue hold


def start(folder):
    """(process, port, the end of the pipe that its log comes out of)"""
    out, log = os.pipe()
    env = {k: v for k, v in os.environ.items() if k not in ("API_KEY", "HOST", "PORT")}
    process = subprocess.Popen([METE, "serve", "--store", f"{folder}/m.db", "--listen",
                                "127.0.0.1:0"], stderr=log, env=env)
    os.close(log)
    text = b""
    while b"\n" not in text:
        text += os.read(out, 1)
    return process, int(re.search(rb"listening on http://[^ :]*:(\d+)", text)[1]), out


def ask(port, count):
    """How many of them were answered."""
    c, answered = http.client.HTTPConnection("127.0.0.1", port, timeout=60), 0
    for _ in range(count):
        c.request("GET", "/healthz")
        answer = c.getresponse()
        answer.read()
        answered += answer.status == 200
    c.close()
    return answered


def read_all(fd, into):
    while piece := os.read(fd, 65536):
        into.append(piece)


folder = tempfile.mkdtemp(prefix="mete-log-")
try:
    process, port, out = start(folder)
    equal(ask(port, REQUESTS), REQUESTS, "everybody is answered while nobody reads the log")
    pieces = []
    reader = threading.Thread(target=read_all, args=(out, pieces))
    reader.start()
    equal(ask(port, 3), 3, "somebody reads again")
    counted = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    counted = int(re.search(r"^mete_log_lines_dropped_total (\d+)$", counted, re.M)[1])
    process.send_signal(signal.SIGTERM)
    equal(process.wait(60), 0, "the server ends")
    reader.join()
    os.close(out)
    lines = b"".join(pieces).decode().splitlines()
    rows = [json.loads(line) for line in lines if line.startswith("{")]
    seen = sum("request_id" in row for row in rows)
    dropped = [row for row in rows if "dropped" in row]
    note(f"{seen} lines came, {[row['message'] for row in dropped]}")
    ok(all(row["message"] == f"{row['dropped']} lines dropped" for row in dropped) and dropped,
       "it says how many lines it dropped", dropped)
    equal(seen + sum(row["dropped"] for row in dropped), REQUESTS + 4,
          "every request has its line, or is counted")
    equal(counted, sum(row["dropped"] for row in dropped), "so do the metrics")
    ok(len({row["request_id"] for row in rows if "request_id" in row}) == seen, "each of them once")
    equal(lines[-1], "mete: stopped; every request was answered", "the last line says how it ended")

    process, port, out = start(folder)
    equal(ask(port, REQUESTS), REQUESTS, "a full pipe again")
    process.send_signal(signal.SIGTERM)
    equal(process.wait(60), 0, "it ends although nobody reads")
    os.close(out)

    process, port, out = start(folder)
    os.close(out)
    equal(ask(port, 50), 50, "nor does it matter that the reader is gone for good")
    process.send_signal(signal.SIGTERM)
    equal(process.wait(60), 0, "to the end")
finally:
    if process.poll() is None:
        process.kill()
    shutil.rmtree(folder)
done()

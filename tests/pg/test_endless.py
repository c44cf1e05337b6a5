# SPDX-License-Identifier: Apache-2.0
"""A stream of events to a process that does not have the book: its pieces go to the one that has it,
and the answer is the same. When that one dies in the midst, the stream goes on or says how far it
went, and sent again nothing is twice.
covers: F-001 F-027
"""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "http")]
from cluster import Cluster  # noqa: E402
from endless import Stream  # noqa: E402
from served import done, equal, note, ok, until  # noqa: E402
from test_shared import Installation, revenue  # noqa: E402
import json  # noqa: E402
import signal  # noqa: E402
import time  # noqa: E402

LINES = {"Accept": "application/x-ndjson"}


def lines(name, count):
    return "".join(json.dumps(revenue(f"{name}{i}")) + "\n" for i in range(count))


def stored(node, event_id):
    return node.get(f"/v1/events/{event_id}")[0] == 200


def pieces(i, holder, other):
    with Stream(other.port, LINES) as c:
        c.send(lines("a", 50) + "no JSON\n" + lines("a", 1)[:-2])
        until("its first lines are stored before it ends", lambda: stored(other, "a49"))
        c.send("}\n" + '{"event_id": "half\n' + lines("b", 3000))
        answer = c.end()
    results = answer[2][:-1]
    equal((answer[0], len(results)), (200, 3053), "by the other process: a line for each event")
    equal([(r["line"], r["status"], r.get("code")) for r in results
           if r["status"] != "applied"],
          [(51, "refused", "json_syntax"), (52, "duplicate", None), (53, "refused", "json_syntax")],
          "refusals and duplicates with their lines")
    kept = json.dumps(holder.get("/v1/quarantine")[2])
    ok("line 51" in kept and "line 53" in kept, "and in the quarantine", kept)
    equal(answer[2][-1]["log"]["size"], 3050, "each once")


def database_dies(pg, node, name, before):
    """Nobody can store the rest: it is said how far it went, and that alone was stored."""
    with Stream(node.port, LINES) as c:
        c.send(lines(f"{name}-a", 100))
        until("the first half is stored", lambda: stored(node, f"{name}-a99"))
        until("and the stream knows", lambda: "\nmete_intake_bytes 0\n" in node.get("/metrics")[2])
        pg.crash()
        try:
            c.send(lines(f"{name}-b", 100))
            answer = c.answer()
        finally:
            pg.start()
    ok(answer is not None and answer[0] == 503, "the database dies: 503", answer)
    sum_ = answer[2]["stream"]
    equal((sum_["durable_lines"], sum_["events"]["applied"]), (100, 100), "and how far it went")
    until("there is a database again", lambda: stored(node, f"{name}-a0"), 60)
    answer = None
    for _ in range(60):  # it finds out by and by that its connections are gone
        with Stream(node.port, LINES) as c:
            c.send(lines(f"{name}-a", 100) + lines(f"{name}-b", 100))
            answer = c.end()
        if answer is not None and answer[0] == 200:
            break
        time.sleep(0.5)
    ok(answer is not None and answer[0] == 200, "sent again", answer)
    equal((answer[2][-1]["stream"]["events"]["duplicate"], answer[2][-1]["log"]["size"]),
          (100, before + 200), "sent again: each once, and what was not durable was not there")


def settled(node, name):
    """True once streams are taken again, one after the other: a process whose database came back
    finds out by and by that its connections are gone."""
    for _ in range(5):
        with Stream(node.port, LINES) as c:
            c.send(lines(f"{name}-a", 100))
            answer = c.end()
        if answer is None or answer[0] != 200:
            return False
    return True


def holder_dies(i, holder, other):
    until("streams are taken again", lambda: settled(other, "far"), 60)
    with Stream(other.port, LINES) as c:
        for n in range(60):
            if n == 30:
                until("half of it is under way", lambda: stored(other, "k5-0"))
                holder.stop(signal.SIGKILL)
            if not c.send(lines(f"k{n}-", 50)):
                break
        answer = c.end()
    note(f"answered {answer and answer[0]}")
    ok(answer is not None and answer[0] in (200, 503), "the process with the book dies: an answer", answer)
    sum_ = answer[2][-1]["stream"] if answer[0] == 200 else answer[2]["stream"]
    note(f"{sum_['durable_lines']} of 3000 lines were durable then")
    with Stream(other.port, LINES) as c:
        c.send("".join(lines(f"k{n}-", 50) for n in range(60)))
        answer = c.end()
    events = answer[2][-1]["stream"]["events"]
    ok(answer[0] == 200 and events["duplicate"] >= sum_["durable_lines"], "what was said is durable is",
       events, sum_)
    equal((events["duplicate"] + events["applied"], answer[2][-1]["log"]["size"]), (3000, 3250 + 3000),
          "sent again: each once")


def main():
    with Cluster() as pg, Installation(pg, 2) as i:
        holder = i.wait_for_holder()
        other = next(n for n in i.nodes if n is not holder)
        pieces(i, holder, other)
        note("a stream to the process without the book")
        database_dies(pg, other, "far", 3050)
        holder = i.wait_for_holder()
        other = next(n for n in i.nodes if n is not holder)
        holder_dies(i, holder, other)
        note("a stream to the process with the book")
        database_dies(pg, other, "near", 6250)
    done()


if __name__ == "__main__":
    main()

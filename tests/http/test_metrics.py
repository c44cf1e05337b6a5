# SPDX-License-Identifier: Apache-2.0
"""/metrics: its form, each counter by exactly what was done, who sees what, and under load."""
import http.client
import re
import sqlite3
import subprocess
import threading
import time

from exposition import Scrape, lint, parse
from served import METE, Served, done, equal, event, note, ok

ALL = "revenue:write,revenue:read,policy:write,earnings:read,audit:read,admin"
RESULTS = {"applied", "duplicate", "waiting", "refused", "conflict"}


def usd(amount):
    return {"amount": amount, "currency": "USD"}


def revenue(event_id, amount="1.00", **to):
    return event(event_id, "revenue.received", {"amount": usd(amount), **(to or {"party": "did:a"})})


def scrape(s, **more):
    status, headers, text = s.get("/metrics", **more)
    if status != 200:
        raise RuntimeError(f"/metrics: {status} {text}")
    return Scrape(text)


def routes():
    text = subprocess.run([METE, "serve", "--routes"], capture_output=True, text=True,
                          check=True).stdout
    return [line.split() for line in text.splitlines()]


def the_linter_sees():
    """What finds no fault must be able to find one."""
    good = "# HELP mete_x_total Things that were.\n# TYPE mete_x_total counter\nmete_x_total 1\n"
    equal(lint(parse(good)), [], "a sound family has no faults")
    bad = {"_total": good.replace("counter", "gauge"),
           "a unit that is none": good.replace("x_total", "x_milliseconds_total"),
           "the unit in the middle": good.replace("x_total", "seconds_of_x_total"),
           "no help": good.replace("Things that were.", ""),
           "camel case": good.replace("mete_x", "mete_xY"),
           "a label le": good.replace("mete_x_total 1", 'mete_x_total{le="1"} 1')}
    for what, text in bad.items():
        ok(lint(parse(text)), f"the linter sees: {what}")
    histogram = ("# HELP mete_h A histogram of things.\n# TYPE mete_h histogram\n"
                 'mete_h_bucket{le="1"} 2\nmete_h_bucket{le="+Inf"} 2\nmete_h_sum 1\nmete_h_count 2\n')
    equal(lint(parse(histogram)), [], "a sound histogram has no faults")
    for what, text in {"falling counts": histogram.replace('"1"} 2', '"1"} 3'),
                       "no +Inf": histogram.replace("+Inf", "2"),
                       "another count": histogram.replace("count 2", "count 3")}.items():
        ok(lint(parse(text)), f"the linter sees: {what}")
    for what, text in {"a sample outside": good + "mete_y_total 1\n",
                       "a family twice": good + good, "no end": good[:-1],
                       "a sample twice": good + "mete_x_total 1\n",
                       "an open quote": good.replace("total 1", 'total{a="} 1')}.items():
        try:
            parse(text)
            ok(False, f"the parser sees: {what}")
        except ValueError:
            ok(True, f"the parser sees: {what}")


def its_form(s):
    status, headers, text = s.get("/metrics")
    equal((status, headers["Content-Type"]),
          (200, "text/plain; version=0.0.4; charset=utf-8"), "it is of version 0.0.4")
    equal(lint(parse(text)), [], "no fault in names, units, types and labels")
    now = Scrape(text)
    operations = {r[2] for r in routes()} | {"none"}
    equal(now.label_values("route") - operations, set(), "routes go by their operation")
    equal(now.label_values("status"), {"2xx", "3xx", "4xx", "5xx"}, "and classes of status")
    equal(now.label_values("result"), RESULTS, "outcomes are the five there are")
    equal(now.label_values("reason"), {"policy", "event", "usage", "stuck"}, "so are reasons")
    equal(now.label_values("state"), {"queued", "sending", "sent", "unknown", "paid", "failed",
                                      "failed_permanent", "returned", "cancelled"},
          "payouts go by their state")
    equal({n for f in now.families.values() for _, l, _ in f.samples for n, _ in l} -
          {"route", "status", "result", "reason", "book", "state", "version", "le"}, set(),
          "there are no other labels")
    started = now.value("process_start_time_seconds")
    ok(abs(time.time() - started) < 3600, "it says when it started", started)
    rss = now.value("process_resident_memory_bytes")
    ok(rss > 1 << 20 and rss % 4096 == 0, "what memory it has", rss)
    ok(now.value("process_open_fds") > 3, "and how many files")
    ok(now.value("mete_store_size_bytes") > 0 and now.value("mete_store_free_bytes") > 0,
       "and how large the store is, and how much room there is")
    equal(now.value("mete_server_ready"), 1, "it takes requests")
    equal(now.value("mete_books_stale"), 0, "the numbers of books are of now")


def moved(before, after):
    """What changed, but for times, memory, the scrape itself, and connections, which end when the
    system says so."""
    a, b = before.series(), after.series()
    return {(n, dict(l).get("book"), dict(l).get("route") or dict(l).get("result") or
             dict(l).get("reason"), dict(l).get("status")): b[n, l] - a.get((n, l), 0)
            for n, l in b if b[n, l] != a.get((n, l), 0)
            and not re.search(r"_seconds|_bytes|process_|mete_state_|_connections$", n)
            and "le" not in dict(l) and dict(l).get("route") != "metrics"}


def at_rest(s):
    """What begins with the server has looked after the books once."""
    writes = -1
    while writes != (now := scrape(s).value("mete_keeper_writes_total")):
        writes = now
        time.sleep(0.5)


def what_was_done(s):
    """Each request moves its own counters, and no other."""
    at_rest(s)
    before = scrape(s)
    s.post("/v1/events", [revenue("m1"), revenue("m2"), revenue("m1"), revenue("m1", "2.00"),
                          revenue("m3", policy="urn:later"), {"event_id": "m4"}])
    after = scrape(s)
    got = moved(before, after)
    ingested = "mete_events_ingested_total"
    wanted = {("mete_http_requests_total", None, "postEvents", "2xx"): 1,
              (ingested, "main", "applied", None): 2, (ingested, "main", "duplicate", None): 1,
              (ingested, "main", "waiting", None): 1, (ingested, "main", "refused", None): 1,
              (ingested, "main", "conflict", None): 1,
              ("mete_hash_chain_height", "main", None, None): 3,
              ("mete_quarantine_size", "main", None, None): 2,
              ("mete_allocations_total", "main", None, None): 2,
              ("mete_waiting_events", "main", "policy", None): 1,
              ("mete_keeper_writes_total", None, None, None): 1,
              ("mete_keeper_reads_total", None, None, None): 1,  # the first scrape
              ("mete_keeper_group_size_sum", None, None, None): 1,
              ("mete_keeper_group_size_count", None, None, None): 1}
    equal({k: v for k, v in got.items() if k not in wanted}, {}, "nothing else moved")
    equal({k: got.get(k) for k in wanted}, wanted, "six events, six outcomes")
    equal(after.value("mete_ledger_commit_seconds_count") -
          before.value("mete_ledger_commit_seconds_count"), 1, "in one commit")
    ok(after.value("mete_oldest_waiting_seconds", book="main", reason="policy") > 0 and
       after.value("mete_oldest_unattributed_seconds", book="main") > 0, "something waits, with money")
    equal(after.value("mete_oldest_waiting_seconds", book="main", reason="event"), 0,
          "but nothing for an event")
    equal(after.value("mete_http_request_seconds_count", route="postEvents") -
          (before.value("mete_http_request_seconds_count", route="postEvents") or 0), 1,
          "one duration")


def what_was_not_done(s):
    before = scrape(s)
    s.post("/v1/events?dry_run=true", [revenue("d1"), {"event_id": "d2"}])
    got = moved(before, scrape(s))
    equal(got, {("mete_http_requests_total", None, "postEvents", "2xx"): 1,
                ("mete_keeper_reads_total", None, None, None): 1}, "a rehearsal is no event")
    before = scrape(s)
    for method, path in (("GET", "/nowhere"), ("GET", "/v1/events/nothing"), ("PUT", "/healthz"),
                         ("GET", "/healthz"), ("HEAD", "/healthz"), ("GET", "/v1/events/%zz")):
        s.request(method, path)
    requests = "mete_http_requests_total"
    equal({k: v for k, v in moved(before, scrape(s)).items() if k[0] == requests},
          {(requests, None, "none", "4xx"): 2, (requests, None, "getEvent", "4xx"): 2,
           (requests, None, "health", "2xx"): 2}, "answers by route and class")
    before = scrape(s)
    for _ in range(3):
        s.post("/v1/events", revenue("k1"), headers={"Idempotency-Key": "k"})
    after = scrape(s)
    equal([after.value(n) - before.value(n) for n in
           ("mete_idempotency_hits_total", "mete_idempotency_entries")], [2, 1],
          "one answer is kept and was given twice more")
    ok(after.value("mete_idempotency_bytes") > 0, "which takes memory")
    equal(after.value("mete_events_ingested_total", book="main", result="applied") -
          before.value("mete_events_ingested_total", book="main", result="applied"), 1,
          "and one event came in")


def what_waited_goes_on(s):
    before = scrape(s)
    policy = {"id": "urn:later", "kind": "weights",
              "shares": [{"party": f"did:{i}", "weight": "1/4"} for i in range(4)]}
    s.post("/v1/events", event("later", "policy.published", {"policy": policy}))
    after = scrape(s)
    equal([after.value("mete_waiting_events", book="main", reason="policy"),
           after.value("mete_oldest_unattributed_seconds", book="main"),
           after.value("mete_allocations_total", book="main") -
           before.value("mete_allocations_total", book="main")], [0, 0, 4],
          "what waited is booked: nothing waits, four shares more")


def bytes_and_connections(s):
    before = scrape(s)
    body = b'{"policy": "' + b"x" * 5000 + b'"}'
    s.request("POST", "/v1/manifests/validate", body.decode())
    after = scrape(s)
    sent = after.value("mete_http_sent_bytes_total") - before.value("mete_http_sent_bytes_total")
    equal(after.value("mete_http_received_bytes_total") -
          before.value("mete_http_received_bytes_total"), len(body), "bytes of bodies that came")
    ok(sent > 0, "and went", sent)
    held = [http.client.HTTPConnection("127.0.0.1", s.port) for _ in range(5)]
    for c in held:
        c.request("GET", "/healthz")
        c.getresponse().read()
    now = scrape(s)
    ok(now.value("mete_http_connections") >= 6, "open connections",
       now.value("mete_http_connections"))
    for c in held:
        c.close()
    equal(now.value("mete_http_requests_in_flight"), 1, "only the scrape is not answered yet")


def who_sees_what(s):
    """A key sees its book; the operator sees all."""
    for book in ("alpha", "beta"):
        subprocess.run([METE, "init", "--store", str(s.store), "--book", book], check=True,
                       capture_output=True)
    s.start()
    keys = {name: s.make_key(scopes, *more) for name, scopes, more in (
        ("operator", ALL, []), ("reader", "audit:read", []),
        ("alpha", ALL, ["--book", "alpha"]), ("beta", ALL, ["--book", "beta"]),
        ("party", ALL, ["--party", "did:a"]), ("writer", "revenue:write", []))}
    s.post("/v1/events", [revenue("a1"), revenue("a2")], key=keys["alpha"])
    s.post("/v1/events", revenue("b1"), key=keys["beta"])
    equal([s.get("/metrics", key=keys[k])[0] for k in ("party", "writer")] +
          [s.get("/metrics", key=k)[0] for k in ("", "mete_x")], [403, 403, 401, 401],
          "a party's key, one that only writes, none, an unknown one")
    for name, books, all_of_it in (("operator", {"main", "alpha", "beta"}, True),
                                   ("reader", {"main"}, False), ("alpha", {"alpha"}, False),
                                   ("beta", {"beta"}, False)):
        now = scrape(s, key=keys[name])
        equal(now.label_values("book"), books, f"{name}: the books that it sees")
        equal(now.value("mete_http_connections") is not None, all_of_it,
              f"{name}: the server as a whole{'' if all_of_it else ' is not its business'}")
        if not all_of_it:
            equal({n for n in now.families if not re.match(r"mete_(build_info|books_stale)$", n)
                   and not all(dict(l).get("book") for _, l, _ in now.families[n].samples)}, set(),
                  f"{name}: every number is of its book")
            equal(lint(now.families), [], f"{name}: no faults either")
    now = scrape(s, key=keys["operator"])
    equal([now.value("mete_events_ingested_total", book=b, result="applied")
           for b in ("main", "alpha", "beta")], [0, 2, 1], "each book has its own numbers")
    s.stop()
    s.env["API_KEY"] = "the-admin"
    s.start()
    ok(scrape(s, key="the-admin").value("mete_http_connections"), "API_KEY is the operator's")
    s.stop()
    del s.env["API_KEY"]


def limits_are_counted():
    with Served("--rate", "1", "--burst", "3") as s:
        key = s.make_key(ALL)
        busy = s.make_key("earnings:read")
        got = [s.get("/v1/allocations", key=busy)[0] for _ in range(12)]
        equal(scrape(s, key=key).value("mete_http_rate_limited_total"), got.count(429),
              "requests beyond the rate")
        ok(got.count(429) > 0, "there were some", got)


def impatient(s):
    """A scrape that waits for a second; None: no answer."""
    c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=1)
    try:
        c.request("GET", "/metrics")
        return Scrape(c.getresponse().read().decode())
    except TimeoutError:
        return None
    finally:
        c.close()


def while_it_hangs(s, n):
    """Scrapes while another program holds the store: the first that says that it is late."""
    db = sqlite3.connect(s.store, isolation_level=None)
    db.execute("begin immediate")
    hanging = threading.Thread(target=s.post, args=("/v1/events", revenue(f"late{n}")))
    hanging.start()
    now = None
    while hanging.is_alive() and (now is None or now.value("mete_books_stale") == 0):
        now = impatient(s)
    db.execute("rollback")
    db.close()
    hanging.join()
    return now


def a_late_keeper(s):
    """Who looks at a server that hangs gets an answer, and is told that it hangs."""
    before, now = scrape(s), None
    for n in range(5):
        now = while_it_hangs(s, n)
        if now and now.value("mete_books_stale") == 1:
            break
    ok(now and now.value("mete_books_stale") == 1, "the keeper is late, and its numbers are old")
    ok(now.value("mete_keeper_round_seconds") > 2, "it has been at one thing for long",
       now.value("mete_keeper_round_seconds"))
    equal(now.value("mete_hash_chain_height", book="main"),
          before.value("mete_hash_chain_height", book="main"), "they are those of before")
    ok(now.value("process_resident_memory_bytes") > 0, "the others are of now")
    equal(scrape(s).value("mete_books_stale"), 0, "and it goes on")


def under_load(s):
    """Scrapes while others write: every one is whole, and no counter ever falls."""
    stop = threading.Event()
    sent = [0] * 4

    def write(n):
        while not stop.is_set():
            if s.post("/v1/events", [revenue(f"l{n}-{sent[n]}-{i}") for i in range(20)])[0] == 200:
                sent[n] += 1

    writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    base = scrape(s)
    for w in writers:
        w.start()
    last, faults, fallen = base, [], []
    for _ in range(40):
        now = scrape(s)
        faults += lint(now.families)
        a, b = last.series(), now.series()
        fallen += [k for k in a if k not in b or (b[k] < a[k] and k[0].endswith(
            ("_total", "_count", "_bucket", "_height")))]
        last = now
    stop.set()
    for w in writers:
        w.join()
    equal((faults, fallen), ([], []), "forty scrapes are whole, and no counter falls")
    end = scrape(s)
    applied = {"book": "main", "result": "applied"}
    equal(end.value("mete_events_ingested_total", **applied) -
          base.value("mete_events_ingested_total", **applied), 20 * sum(sent),
          "every event was counted once")
    equal(end.value("mete_hash_chain_height", book="main"), s.get("/readyz")[2]["log_size"],
          "the height is the size of the log")
    note(f"{sum(sent)} requests with 20 events each beside the scrapes")


the_linter_sees()
with Served() as s:
    its_form(s)
    what_was_done(s)
    what_was_not_done(s)
    what_waited_goes_on(s)
    bytes_and_connections(s)
    under_load(s)
    a_late_keeper(s)
    equal(s.stop(), 0, "it stops as it should")
other = Served(clean=True)
who_sees_what(other)
other.__exit__()
limits_are_counted()
done()

# SPDX-License-Identifier: Apache-2.0
"""covers: M-091 M-092
What apps report of themselves: points and insight events through a real server; what is refused and
why, who may report what, bounds, what is thrown away, and that the log knows nothing of it."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import time

from served import METE, Served, done, equal, ok, until

KPIS = "/api/insights/ingest/kpis"
EVENTS = "/api/insights/ingest/events"
FOR_EVER = "[insights]\ninsights_retention_days = 0\n"


def settings(folder, text):
    (folder / "mete.conf").write_text(text)
    return "--config", str(folder / "mete.conf")


def point(metric="signups", t="2025-03-01T12:00:00Z", v=1, **more):
    return {"metric": metric, "t": t, "v": v, **more}


def batch(*points, app="shop", **more):
    return {"appId": app, "points": list(points), **more}


def event(event_id="e1", t="2025-03-01T12:00:00Z", kind="deploy", **more):
    return {"eventId": event_id, "t": t, "type": kind, **more}


def report(*events, app="shop", **more):
    return {"appId": app, "events": list(events), **more}


def counted(answer, *names):
    status, _, body = answer
    return (status, *(body.get(n) for n in names))


def kpis(answer):
    return counted(answer, "inserted", "updated", "duplicates", "stale")


def problem(answer):
    status, _, body = answer
    return status, body.get("code"), body.get("pointer")


def pages(s, path, name, **query):
    """All rows, page by page."""
    rows, cursor, calls = [], None, 0
    while calls < 500:
        more = {**query, **({"cursor": cursor} if cursor else {})}
        text = "&".join(f"{k}={v}" for k, v in more.items())
        status, _, body = s.get(f"{path}?{text}")
        if status != 200:
            return status, body
        rows += body[name]
        cursor, calls = body["next"], calls + 1
        if cursor is None:
            break
    return rows


def values(s, **query):
    rows = pages(s, "/v1/insights/kpis", "points", **query)
    return [(r["metric"], r["t"][11:16], r["v"]) for r in rows]


def points(s):
    body = batch(point(v=41), point(t="2025-03-01T12:01:00Z", v="42.50"),
                 point("cac", v=11.25, unit="USD"), env="prod", bucket="1m")
    equal(kpis(s.post(KPIS, body)), (202, 3, 0, 0, 0), "three points are new")
    equal(kpis(s.post(KPIS, body)), (202, 0, 0, 3, 0), "sent again they are duplicates")
    equal(values(s), [("cac", "12:00", "11.25"), ("signups", "12:00", "41"),
                      ("signups", "12:01", "42.5")], "they are read in order, exactly")
    equal(kpis(s.post("/api/internal" + KPIS[4:], batch(point(v="41.0")))), (202, 0, 0, 1, 0),
          "41.0 by the other name is 41; env and bucket have defaults")
    row = s.get("/v1/insights/kpis?metric=cac")[2]["points"][0]
    equal((row["app"], row["env"], row["bucket"], row["tags"], row["unit"]),
          ("shop", "prod", "1m", {}, "USD"), "a row says all of its name")
    equal(kpis(s.post(KPIS, batch(point("big", v=str(10**39) + "." + "1" * 40),
                                  point("neg", v=-0.5), point("exp", v="1e-3")))),
          (202, 3, 0, 0, 0), "large, negative, with an exponent")
    equal([r[2] for r in values(s) if r[0] in ("big", "exp", "neg")],
          [str(10**39) + "." + "1" * 40, "0.001", "-0.5"], "no digit is lost")


def corrections(s):
    early, late = "2025-03-01T13:00:01Z", "2025-03-01T13:00:09Z"
    send = lambda v, at: kpis(s.post(KPIS, batch(point("fix", v=v), sentAtUtc=at)))  # noqa: E731
    equal(send(1, early), (202, 1, 0, 0, 0), "a bucket")
    equal(send(2, late), (202, 0, 1, 0, 0), "is corrected by sending it again")
    equal(send(1, early), (202, 0, 0, 0, 1), "what was sent before that comes too late")
    equal(values(s, metric="fix"), [("fix", "12:00", "2")], "the value that was sent last holds")
    equal(kpis(s.post(KPIS, batch(point("fix", v=3)))), (202, 0, 1, 0, 0),
          "without sentAtUtc it was sent now")
    equal(kpis(s.post(KPIS, batch(point("twice", v=1), point("twice", v=2), point("twice", v=2)))),
          (202, 1, 1, 1, 0), "of those that one body says twice the last holds")
    equal(values(s, metric="twice"), [("twice", "12:00", "2")], "as is read")


def names(s):
    for more in ({}, {"env": "dev"}, {"bucket": "1h"}, {"tags": {"country": "DE"}},
                 {"tags": {"country": "FR"}}, {"app": "other"}):
        equal(kpis(s.post(KPIS, batch(point("named"), **more)))[:2], (202, 1), f"a name of its own: {more}")
    equal(kpis(s.post(KPIS, batch(point("named"), tags={"country": "FR"}))), (202, 0, 0, 1, 0),
          "the same name again")
    equal(len(pages(s, "/v1/insights/kpis", "points", metric="named", app="shop")), 5, "all are there")
    equal(len(pages(s, "/v1/insights/kpis", "points", metric="named", app="shop", env="dev")), 1, "by env")


def batches(s):
    body = batch(point("keyed", v=1), dedupeKey="b1")
    equal(kpis(s.post(KPIS, body)), (202, 1, 0, 0, 0), "a batch with a key")
    equal(kpis(s.post(KPIS, batch(point("keyed", v=2)))), (202, 0, 1, 0, 0), "a correction")
    equal(kpis(s.post(KPIS, body)), (202, 0, 0, 1, 0), "the batch again is a duplicate")
    equal(values(s, metric="keyed"), [("keyed", "12:00", "2")], "and undoes nothing")
    equal(problem(s.post(KPIS, {**body, "points": [point("keyed", v=9)]})),
          (409, "conflict", "/dedupeKey"), "the key with other points is a conflict")
    equal(kpis(s.post(KPIS, {**body, "appId": "other"}))[:2], (202, 1), "another app has its own keys")


def paging(s):
    many = [point("m%d" % (i % 3), f"2025-04-{i // 24 + 1:02d}T{i % 24:02d}:00:00Z", i)
            for i in range(240)]
    equal(kpis(s.post(KPIS, batch(*many, app="pages")))[:2], (202, 240), "240 points")
    whole = pages(s, "/v1/insights/kpis", "points", app="pages", limit=1000)
    equal(len(whole), 240, "on one page")
    equal(pages(s, "/v1/insights/kpis", "points", app="pages", limit=7), whole, "the same in small pages")
    key = [(r["metric"], r["t"]) for r in whole]
    equal(key, sorted(key), "in order")
    day = pages(s, "/v1/insights/kpis", "points", app="pages", limit=5,
                **{"from": "2025-04-03", "to": "2025-04-04"})
    equal(day, [r for r in whole if r["t"][:10] in ("2025-04-03", "2025-04-04")], "two days of it")
    equal(pages(s, "/v1/insights/kpis", "points", app="pages", metric="m1", limit=9),
          [r for r in whole if r["metric"] == "m1"], "one metric of it")
    equal(pages(s, "/v1/insights/kpis", "points", app="nobody"), [], "an app that reported nothing")
    equal(problem(s.get("/v1/insights/kpis?cursor=nonsense")), (422, "member_value", None), "no cursor")
    equal(problem(s.get("/v1/insights/kpis?limit=0"))[:2], (400, "request_invalid"), "no limit")


def events(s):
    body = report(event(message="out\nnow", severity="info", data={"b": 1, "a": "x"}),
                  event("e2", "2025-03-01T11:00:00Z", "pause"), env="prod")
    equal(counted(s.post(EVENTS, body), "inserted", "duplicates", "refused"), (202, 2, 0, []), "two events")
    equal(counted(s.post("/api/internal" + EVENTS[4:], body), "inserted", "duplicates", "refused"),
          (202, 0, 2, []), "again")
    rows = pages(s, "/v1/insights/events", "events", app="shop", limit=1)
    equal([(r["event_id"], r["type"], r["severity"], r["message"], r["data"]) for r in rows],
          [("e2", "pause", None, None, None), ("e1", "deploy", "info", "out\nnow", {"a": "x", "b": 1})],
          "by their time")
    equal(problem(s.post(EVENTS, report(event(kind="other")))), (409, "conflict", "/events/0/eventId"),
          "an id that said something else")
    status, _, mixed = s.post(EVENTS, report(event("e3"), event(kind="other"), {"eventId": "e4"}))
    equal((status, mixed["inserted"], [(r["index"], r["code"], r["pointer"]) for r in mixed["refused"]]),
          (202, 1, [(2, "member_missing", "/events/2/t"), (1, "conflict", "/events/1/eventId")]),
          "what is wrong does not spoil the others")
    equal(counted(s.post(EVENTS, report(event("d"), event("d"))), "inserted", "duplicates"), (202, 1, 1),
          "one body may say it twice")
    equal([r["event_id"] for r in pages(s, "/v1/insights/events", "events", type="pause")], ["e2"], "by type")
    equal([r["event_id"] for r in pages(s, "/v1/insights/events", "events", severity="info")], ["e1"],
          "by severity")


def refusals(s):
    bad = [
        (KPIS, {"appId": "a"}, (400, "no_points", "/points")),
        (KPIS, batch(), (400, "no_points", "/points")),
        (EVENTS, {"appId": "a", "events": []}, (400, "no_events", "/events")),
        (EVENTS, {"appId": "a"}, (400, "no_events", "/events")),
        (KPIS, {"points": [point()]}, (422, "member_missing", "/appId")),
        (KPIS, batch(point(), env="mars"), (422, "member_value", "/env")),
        (KPIS, batch(point(), bucket="0m"), (422, "member_value", "/bucket")),
        (KPIS, batch(point(), bucket="m"), (422, "member_value", "/bucket")),
        (KPIS, batch({"metric": "m", "v": 1}), (422, "member_missing", "/points/0/t")),
        (KPIS, batch({"t": "2025-03-01T12:00:00Z", "v": 1}), (422, "member_missing", "/points/0/metric")),
        (KPIS, batch(point(v=None)), (422, "member_missing", "/points/0/v")),
        (KPIS, batch(point(v=True)), (422, "member_type", "/points/0/v")),
        (KPIS, batch(point(v="1,5")), (422, "amount_invalid", "/points/0/v")),
        (KPIS, batch(point(v="1" * 41)), (422, "amount_invalid", "/points/0/v")),
        (KPIS, batch(point(t="yesterday")), (422, "time_invalid", "/points/0/t")),
        (KPIS, batch(point(t="2999-01-01T00:00:00Z")), (422, "time_future", "/points/0/t")),
        (KPIS, batch(point(), sentAtUtc="2999-01-01T00:00:00Z"), (422, "time_future", "/sentAtUtc")),
        (KPIS, batch(point("of jane@example.org")), (422, "pii_email", "/points/0/metric")),
        (KPIS, batch(point(unit="call 555-234-5678")), (422, "pii_phone", "/points/0/unit")),
        (KPIS, batch(point(), tags={"who": "jane@example.org"}), (422, "pii_email", "/tags/who")),
        (KPIS, batch(point(), tags={"from": "203.0.113.7"}), (422, "pii_ip", "/tags/from")),
        (KPIS, batch(point(), tags={"user_id": "u1"}), (422, "member_value", "/tags/user_id")),
        (KPIS, batch(point(), tags={"userIds": "u1"}), (422, "member_value", "/tags/userIds")),
        (KPIS, batch(point(), tags={"n": 1}), (422, "member_type", "/tags/n")),
        (KPIS, batch(point(), tags={str(i): "x" for i in range(17)}), (422, "limit", "/tags")),
        (KPIS, batch(point(), app="jane@example.org"), (422, "pii_email", "/appId")),
        (KPIS, batch(point(), app="mete:payment:stripe"), (422, "party_reserved", "/appId")),
        (KPIS, batch(*[point()] * 2001), (413, "body_too_large", "/points")),
        (EVENTS, report(*[event()] * 501), (413, "body_too_large", "/events")),
        (EVENTS, report(event("p", message="ask jane@example.org")), (422, "pii_email", "/events/0/message")),
        (EVENTS, report(event("p", data={"deep": [{"ip": "2001:db8::7"}]})),
         (422, "pii_ip", "/events/0/data/deep/0/ip")),
        (EVENTS, report(event("p", data="x" * 70000)), (422, "limit", "/events/0/data")),
        (EVENTS, report(event("p", data={"n": 12345678901234567890123})),
         (400, "number_inexact", "/events/0/data")),
    ]
    wrong = [(p, str(b)[:90], problem(s.post(p, b)), w) for p, b, w in bad if problem(s.post(p, b)) != w]
    equal(wrong, [], f"{len(bad)} bodies are refused, with the place of what is wrong")
    equal(problem(s.post(KPIS, "[1]"))[:2], (422, "member_type"), "no object")
    equal(problem(s.post(KPIS, "{"))[:2], (400, "json_syntax"), "no JSON")
    status, _, mixed = s.post(KPIS, batch(point("good"), point("bad", v="x"), point("of jane@example.org")))
    equal((status, mixed["inserted"], [(r["index"], r["metric"], r["code"]) for r in mixed["refused"]]),
          (202, 1, [(1, "bad", "amount_invalid"), (2, "of jane@example.org", "pii_email")]),
          "what is wrong does not spoil the others")
    equal(values(s, metric="bad"), [], "and is not kept")


def headers(s):
    head = lambda app, path=KPIS, body=None: s.request(  # noqa: E731
        "POST", path, body or {"points": [point("head")]}, {"X-Mozaiks-App-Id": app,
                                                            "X-Mozaiks-Sdk-Version": "9.1",
                                                            "X-Correlation-Id": "corr-1"})
    answer = head("by-header")
    equal(kpis(answer)[:2], (202, 1), "the header names the app")
    equal(answer[1]["X-Request-Id"], "corr-1", "x-correlation-id is the request id")
    equal(len(pages(s, "/v1/insights/kpis", "points", app="by-header")), 1, "as is read")
    equal(problem(head("shop", body=batch(point(), app="other"))), (403, "app_id_mismatch", "/appId"),
          "header and body name two apps")
    equal(kpis(head("shop", body=batch(point("head"))))[0], 202, "or the same one")


def rehearsal(s):
    equal(kpis(s.post(KPIS + "?dry_run=true", batch(point("dry"))))[:2], (202, 1), "a rehearsal")
    equal(values(s, metric="dry"), [], "keeps nothing")


def command_line(s):
    rows = json.loads(s.mete("insights", "kpis", "--app", "shop", "--metric", "fix", "--json"))
    equal([(r["metric"], r["v"]) for r in rows], [("fix", "3")], "mete insights kpis --json")
    lines = s.mete("insights", "kpis", "--app", "pages", "--csv", "--from", "2025-04-02").splitlines()
    equal((lines[0], len(lines)),
          ("app,env,metric,bucket,tags,t,v,unit,sent_at,received_at", 1 + 216), "--csv")
    text = s.mete("insights", "events", "--app", "shop", "--type", "pause")
    ok("e2" in text and "e1" not in text, "mete insights events", text)
    rows = json.loads(s.mete("insights", "events", "--app", "shop", "--json", "--to", "2025-03-01T11:30:00Z"))
    equal([r["event_id"] for r in rows], ["e2"], "up to a moment")


def beside_the_log(s):
    before = s.get("/v1/log/checkpoint")[2]
    s.post(KPIS, batch(point("unlogged")))
    s.post(EVENTS, report(event("unlogged")))
    equal(s.get("/v1/log/checkpoint")[2], before, "no leaf of the log")
    metrics = s.get("/metrics")[2]
    ok(b"mete_insights_rows_total" in (metrics if isinstance(metrics, bytes) else metrics.encode()),
       "and it is counted")


def everything(s):
    for part in (points, corrections, names, batches, paging, events, refusals, headers, rehearsal,
                 command_line, beside_the_log):
        part(s)


# --- keys ----------------------------------------------------------------------------------------

def asked(s, key, body=None, headers=None):
    return s.request("POST", KPIS, body or batch(point("keys")), headers or {}, key=key)


def keys():
    with Served(*settings(FOLDER / "keys", FOR_EVER), folder=FOLDER / "keys", clean=False) as s:
        s.key = s.make_key("revenue:write,revenue:read,policy:write,admin")
        told = asked(s, ""), asked(s, "mete_wrong")
        equal([(*problem(a)[:2], a[2].get("reason")) for a in told],
              [(401, "unauthorized", "MissingAuthentication"), (401, "unauthorized", "InvalidApiKey")],
              "nobody reports without a key, and is told why")
        equal(asked(s, "", headers={"X-Mozaiks-Api-Key": s.key})[0], 202, "X-Mozaiks-Api-Key is one")
        equal(asked(s, "", headers={"X-Mozaiks-Api-Key": "mete_x"})[2]["reason"], "InvalidApiKey", "or none")
        equal(asked(s, s.make_key("revenue:read"))[0], 403, "reporting needs revenue:write")
        equal(s.get("/v1/insights/kpis", key=s.make_key("revenue:write"))[0], 403, "reading needs revenue:read")
        for producer, status in (("runtime", 202), ("control_plane/insights", 202),
                                 ("control_plane/validationengine", 202), ("control_plane/payment", 403),
                                 ("control_plane/governance", 403)):
            key = s.make_key("revenue:write", "--producer", producer)
            equal(asked(s, key)[0], status, f"a key of {producer}")
        bound = s.make_key("revenue:write", "--party", "did:example:owner")
        equal(problem(asked(s, bound)), (403, "app_id_mismatch", "/appId"), "a party's key, another's app")
        equal(asked(s, bound, batch(point(), app="did:example:owner"))[0], 202, "its own name")
        s.post("/v1/events", {"event_id": "reg", "event_type": "app.registered",
                              "occurred_at": "2025-01-01T00:00:00Z",
                              "payload": {"app_id": "shop", "owner": "did:example:owner"}})
        equal(asked(s, bound)[0], 202, "an app that it registered")
        equal(s.get("/v1/insights/kpis", key=bound)[0], 403, "it reads none")
        other = s.make_key("revenue:write,revenue:read", "--book", "other")
        equal(problem(asked(s, other))[0], 404, "a key of another book")
        equal(len(pages(s, "/v1/insights/kpis", "points", app="shop")), 1, "the book's own")


# --- bounds --------------------------------------------------------------------------------------

def bounds():
    folder = FOLDER / "bounds"
    folder.mkdir()
    with Served(*settings(folder, FOR_EVER + "insights_rate = 1\n"), folder=folder, clean=False) as s:
        got = [s.post(KPIS, batch(*[point("m", v=i)] * 30, app="fast")) for i in range(2)]
        equal([a[0] for a in got], [202, 429], "an app that sends too fast has to wait")
        ok(int(got[1][1]["Retry-After"]) >= 1, "and is told for how long")
        equal(got[1][2]["code"], "rate_limited", "by its code")
        equal(s.post(KPIS, batch(point(), app="slow"))[0], 202, "another app does not")
        equal(s.post("/v1/events", {"event_id": "m", "event_type": "app.registered",
                                    "occurred_at": "2025-01-01T00:00:00Z",
                                    "payload": {"app_id": "fast", "owner": "did:x"}})[0], 200,
              "nor does money")
        equal(s.request("POST", KPIS, b"{" + b" " * (1 << 20) + b"}")[0], 413, "a body has a bound")


# --- retention -----------------------------------------------------------------------------------

def retention():
    folder = FOLDER / "old"
    folder.mkdir()
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    old = [point("old", f"2025-04-{i // 24 + 1:02d}T{i % 24:02d}:00:00Z", i) for i in range(600)]
    with Served(*settings(folder, FOR_EVER), folder=folder, clean=False) as s:
        s.post(KPIS, batch(*old, point("new", now), dedupeKey="k"))
        s.post(EVENTS, report(event("old"), event("new", now)))
        equal(len(values(s)), 601, "for ever")
        time.sleep(0.5)
        equal(len(values(s)), 601, "is for ever")
        s.stop()
        s.options = settings(folder, "[insights]\ninsights_retention_days = 30\n")
        s.start()
        until("what is older than 30 days goes", lambda: len(values(s)) == 1)
        until("of the events too", lambda: len(pages(s, "/v1/insights/events", "events")) == 1)
        equal([(r["metric"]) for r in pages(s, "/v1/insights/kpis", "points")], ["new"], "the rest stays")
        equal(problem(s.post(KPIS, batch(point()))), (422, "time_range", "/points/0/t"),
              "what would not be kept is not taken")
        text = s.get("/metrics")[2]
        text = text if isinstance(text, str) else text.decode()
        ok("mete_insights_swept_total 601" in text, "it is counted", text[-1500:])


# --- the life of a store -------------------------------------------------------------------------

def run(*args):
    return subprocess.run([METE, *args], capture_output=True, text=True)


def listed(store):
    return [run("insights", what, "--json", "--store", str(store)).stdout for what in ("kpis", "events")]


def keeping():
    folder = FOLDER / "kept"
    folder.mkdir()
    with Served(*settings(folder, FOR_EVER), folder=folder, clean=False) as s:
        for i in range(3):
            s.post(KPIS, batch(*[point(f"m{k}", v=i) for k in range(700)], app=f"app{i}",
                               tags={"partner": "did:example:gone" if i == 1 else "x"}))
        s.post(EVENTS, report(event("1"), event("2", message="did:example:gone has left"),
                              event("3", data={"by": ["did:example:gone"]}), event("4", data={"a": "b"})))
        s.process.kill()
        s.process.wait()
        whole = listed(s.store)
        equal((len(json.loads(whole[0])), len(json.loads(whole[1]))), (2100, 4),
              "what was answered is there after the process was killed")
        doctor = run("doctor", "--store", str(s.store)).stdout
        ok("2100 points of 2100 series, 4 events" in doctor, "mete doctor looks at it", doctor)
        copy = folder / "copy.db"
        first = run("copy", "--from", str(s.store), "--to", str(copy), "--json")
        equal(json.loads(first.stdout)["books"][0]["new"]["insights"], 2104, "mete copy takes it along")
        equal(listed(copy), whole, "as it is")
        backup = folder / "backup"
        equal(run("backup", "--store", str(s.store), str(backup)).returncode, 0, "a backup")
        back = folder / "back"
        back.mkdir()
        restored = run("restore", "--store", str(back / "mete.db"), str(backup))
        equal(restored.returncode, 0, "is restored") or print("# " + restored.stderr)
        equal(listed(back / "mete.db"), whole, "with all of it")
        erased = run("party", "erase", "did:example:gone", "--yes", "--json", "--store", str(s.store))
        equal(json.loads(erased.stdout)["insights"], 702, "erasing a party takes what names it")
        left = listed(s.store)
        ok("did:example:gone" not in "".join(left), "nothing names it any more")
        equal((len(json.loads(left[0])), len(json.loads(left[1]))), (1400, 2), "the rest stays")
        second = run("copy", "--from", str(s.store), "--to", str(copy), "--json")
        equal(json.loads(second.stdout)["books"][0]["new"]["insights"], 0, "a second copy brings nothing new")
        equal(listed(copy), left, "and erases there what was erased here")
        raw = s.store.read_bytes()
        ok(b"did:example:gone has left" not in raw, "the file itself has forgotten it")


FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="mete-insights-"))
(FOLDER / "main").mkdir()
(FOLDER / "keys").mkdir()
with Served(*settings(FOLDER / "main", FOR_EVER), folder=FOLDER / "main") as served:
    everything(served)
keys()
bounds()
retention()
keeping()
shutil.rmtree(FOLDER, ignore_errors=True)
done()

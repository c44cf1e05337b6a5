# SPDX-License-Identifier: Apache-2.0
"""covers: R-001 R-027 R-029
GET /api/agents/me/earnings: who asks is whom the key is bound to; answers and errors in the shape of
RFC 0006; balances, history as rows, the year so far, holds and the next payout, by a clock that the
test sets. HEAD, ETag. The command line says the same."""
import http.client
import json
import subprocess

from served import METE, done, equal, event, ok
from travel import Travel

PATH = "/api/agents/me/earnings"


class Story:
    def __init__(self, s):
        self.s = s
        self.admin = s.make_key("admin,revenue:write,policy:write,payout:write,dispute:write,"
                                "earnings:read")
        self.agent = s.make_key("earnings:read,dispute:write", "--party", "did:agent")
        self.other = s.make_key("earnings:read", "--party", "did:other")
        self.blind = s.make_key("dispute:write", "--party", "did:agent")

    def tell(self, name, kind, payload):
        answer = self.s.post("/v1/events", event(name, kind, payload, self.s.now()),
                             key=self.admin)[2]
        result = answer["results"][0]
        assert result["status"] == "applied", result

    def sale(self, name, sats, party="did:agent", currency="SAT"):
        self.tell(name, "revenue.received",
                  {"party": party, "amount": {"amount": str(sats), "currency": currency}})

    def mine(self, query="", key=None):
        return self.s.get(PATH + query, key=key or self.agent)[2]["data"]

    def raw(self, method, key=None, headers=None):
        c = http.client.HTTPConnection("127.0.0.1", self.s.port, timeout=60)
        c.request(method, PATH, headers={**({"Authorization": "Bearer " + key} if key else {}),
                                         **(headers or {})})
        answer = c.getresponse()
        body = answer.read().decode()
        c.close()
        return answer.status, answer.headers, body


def errors(t):
    """Byte for byte: {"error","code","remediation"}, and nothing else."""
    for key, status, code in ((None, 401, "API_KEY_REQUIRED"), ("wrong", 401, "API_KEY_INVALID"),
                              (t.blind, 403, "FORBIDDEN"), (t.admin, 404, "PROFILE_NOT_FOUND")):
        got, headers, body = t.raw("GET", key)
        members = json.loads(body)
        equal((got, list(members), members["code"], headers["Content-Type"]),
              (status, ["error", "code", "remediation"], code, "application/json"),
              f"{status} {code}")
        equal(body, '{"error":%s,"code":"%s","remediation":%s}\n' % (
            json.dumps(members["error"]), code, json.dumps(members["remediation"])),
            "as RFC 0006 writes it")
        ok(members["error"] and members["remediation"], "with what to do")
    equal(t.raw("GET")[1]["WWW-Authenticate"], "Bearer", "401 says how to ask")
    equal(t.s.get(PATH + "?asset=NOPE", key=t.agent)[0], 422, "an asset that there is not")
    equal(t.s.get(PATH + "?limit=x", key=t.agent)[0], 400, "no number")


def nothing_yet(t):
    d = t.mine()
    equal((d["pending"], d["cleared"], d["disputed"], d["asset"], d["accounts"], d["status"]),
          ("0", "0", "0", None, [], "OK"), "who has earned nothing has nothing")


def balances(t):
    t.sale("e1", 700)
    t.sale("e2", 200)
    t.sale("usd", "3.00", currency="USD")
    d = t.mine()
    equal((d["pending"], d["cleared"], d["asset"]), ("900", "0", "SAT/0"), "day 0: pending")
    equal([(a["asset"], a["pending"]) for a in d["accounts"]], [("USD/2", "300"), ("SAT/0", "900")],
          "in each asset")
    equal(t.mine("?asset=USD")["pending"], "300", "any of them at large")
    t.s.day(3)
    status, _, _ = t.s.post("/v1/disputes", {"allocation_id": "e2/1", "reason": "x"}, key=t.admin)
    equal(status, 201, "day 3: one is disputed")
    equal([t.mine()[k] for k in ("pending", "disputed", "cleared")], ["700", "200", "0"], "held")
    t.s.day(8)
    d = t.mine()
    equal([d[k] for k in ("pending", "disputed", "cleared")], ["0", "200", "700"], "day 8: cleared")
    equal([(h["what"], h["allocation_id"], h["amount"], h["state"]) for h in d["history"]],
          [("share", "e2/1", "200", "disputed"), ("share", "e1/1", "700", "cleared")],
          "the history is rows, newest first")
    equal(len(t.mine("?limit=1")["history"]), 1, "as many as asked for")
    equal(t.mine(key=t.other)["pending"], "0", "another's key says another's")


def next_payout(t):
    n = t.mine()["next_payout"]
    equal((n["payable"], n["code"], n["minimum"], n["rail"]),
          (False, "destination_missing", "500", None), "no destination yet")
    t.tell("to", "party.destination_set", {"party": "did:agent", "rail": "lightning",
                                           "destination": "agent@example.org"})
    n = t.mine()["next_payout"]
    equal((n["payable"], n["amount"], n["code"], n["rail"]), (True, "700", None, "lightning"),
          "with one it would be paid")
    t.tell("to2", "party.destination_set", {"party": "did:agent", "rail": "lightning",
                                            "destination": "thief@example.org"})
    n = t.mine()["next_payout"]
    equal((n["payable"], n["code"]), (False, "destination_cooling"), "a changed one cools off")
    equal(n["not_before"][:10], "2026-03-11", "for a day")
    t.s.day(9, minutes=5)
    equal(t.mine()["next_payout"]["payable"], True, "and then holds")


def tags(t):
    status, headers, body = t.raw("GET", t.agent)
    tag = headers["ETag"]
    equal((status, headers["Cache-Control"]), (200, "private, no-cache"), "kept by the agent alone")
    equal(t.raw("GET", t.agent)[1]["ETag"], tag, "the same as long as nothing changes")
    equal(t.raw("GET", t.agent, {"If-None-Match": tag})[0::2], (304, ""), "nothing new")
    status, headers, empty = t.raw("HEAD", t.agent)
    equal((status, headers["ETag"], empty), (200, tag, ""), "HEAD")
    t.sale("e3", 1)
    ok(t.raw("GET", t.agent, {"If-None-Match": tag})[0] == 200, "something new")


def year(t):
    equal(t.mine()["year_to_date"], {"year": 2026, "earned": "901", "paid_out": "0"},
          "the year so far")
    t.tell("back", "revenue.reversed", {"reverses": "e1", "amount": {"amount": "100",
                                                                   "currency": "SAT"}})
    equal(t.mine()["year_to_date"]["earned"], "801", "less what was taken back")
    t.s.day(310)
    equal(t.mine()["year_to_date"], {"year": 2027, "earned": "0", "paid_out": "0"}, "a new year")
    t.sale("e4", 40)
    equal(t.mine()["year_to_date"]["earned"], "40", "begins with nothing")


def others_ask(t):
    path = "/v1/parties/did:agent/earnings"
    equal(t.s.get(path, key=t.admin)[2]["data"], t.mine(), "a supervisor sees the same")
    equal(t.s.get(path, key=t.other)[0], 404, "another agent does not")
    equal(t.s.get("/v1/parties/did:nobody/earnings", key=t.admin)[0], 404, "nobody's")


def command(t):
    s = t.s
    told = t.mine("?limit=10")

    def mete(*args):
        return subprocess.run([METE, "earnings", *args, "--store", str(s.store)], env=s.env,
                              capture_output=True, text=True)

    mine = json.loads(mete("did:agent", "--json").stdout)
    equal({k: v for k, v in mine.items() if k not in ("party", "as_of")}, told,
          "mete earnings says what the route says")
    text = mete("did:agent").stdout
    ok("Next payout: 801 SAT by lightning" in text and "2027 so far: 40 SAT earned" in text,
       "and for people", text)
    equal(mete("did:nobody").returncode, 1, "nobody")


def main():
    with Travel() as s:
        t = Story(s)
        errors(t)
        nothing_yet(t)
        balances(t)
        next_payout(t)
        tags(t)
        year(t)
        others_ask(t)
        command(t)
    done()


if __name__ == "__main__":
    main()

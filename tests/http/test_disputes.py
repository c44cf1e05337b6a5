# SPDX-License-Identifier: Apache-2.0
"""covers: R-008 R-015 R-016 R-017 R-018
Disputes by the clock: what is pending can be held, by its own party or a supervisor; what nobody
decides clears by itself, what was escalated does not; every step stands in the log with who said it
and why, and in the share's history. Lists have filters and cursors. The command line says the same."""
import json
import subprocess
import urllib.parse

from served import METE, done, equal, event, ok
from travel import Travel

SUPERVISOR = "dispute:write,earnings:read,revenue:read"
AGENT = "dispute:write,earnings:read"


def q(text):
    return urllib.parse.quote(text, safe="")


class Desk:
    def __init__(self, s):
        self.s = s
        self.keys = {name: s.make_key(scopes, *more) for name, scopes, more in (
            ("boss", "admin,revenue:write,policy:write,payout:write", ()),
            ("anna", SUPERVISOR, ()), ("ben", SUPERVISOR, ()),
            ("a", AGENT, ("--party", "did:a")), ("b", AGENT, ("--party", "did:b")),
            ("reader", "earnings:read", ("--party", "did:a")))}
        listed = json.loads(s.mete("key", "list", "--json"))
        self.ids = dict(zip(self.keys, (k["key_id"] for k in listed)))

    def tell(self, *events):
        answer = self.s.post("/v1/events", list(events), key=self.keys["boss"])[2]
        bad = [r for r in answer["results"] if r["status"] != "applied"]
        assert not bad, bad

    def sale(self, name, amount="10.00"):
        self.tell(event(name, "revenue.received", {
            "policy": "urn:p", "amount": {"amount": amount, "currency": "USD"}}, self.s.now()))

    def act(self, who, share, name, body=None):
        path = f"/v1/disputes/{q(share)}/{name}" if name != "open" else "/v1/disputes"
        more = {"allocation_id": share} if name == "open" else {}
        return self.s.post(path, {**more, "reason": f"{name} by {who}", **(body or {})},
                           key=self.keys[who])

    def status(self, *args):
        answer = self.act(*args)
        return answer[0], answer[2].get("code")

    def share(self, share, who="anna", path="allocations"):
        return self.s.get(f"/v1/{path}/{q(share)}", key=self.keys[who])[2]

    def list(self, who="anna", **query):
        answer = self.s.get("/v1/disputes?" + urllib.parse.urlencode(query), key=self.keys[who])[2]
        return answer.get("disputes", answer), answer.get("next")

    def ids_of(self, who="anna", **query):
        return [d["allocation_id"] for d in self.list(who, **query)[0]]

    def balance(self, party):
        row = self.s.get(f"/v1/parties/{party}/balance", key=self.keys["anna"])[2]["balances"][0]
        return row["pending"], row["disputed"], row["cleared"]

    def states(self, share):
        return [h["state"] for h in self.share(share)["history"]]


def who_may(d):
    """Day 0: nobody disputes for another, and nobody decides for himself."""
    d.sale("s1")
    equal(d.status("b", "s1/1", "open"), (404, "allocation_unknown"), "not the share of another")
    equal(d.status("reader", "s1/1", "open"), (403, "forbidden"), "not without dispute:write")
    equal(d.status("a", "s1/1", "override"), (403, "forbidden"), "nobody overrides for himself")
    equal(d.status("anna", "s1/1", "evidence"), (409, "state_forbids"), "evidence of no dispute")
    equal(d.status("anna", "s1/7", "open"), (404, "allocation_unknown"), "no such share")
    equal(d.act("anna", "s1/1", "open", {"reason": None})[0], 422, "a dispute says why")
    first = d.act("a", "s1/1", "open", {"evidence": {"url": "https://example.org/1"}})
    equal(first[0], 201, "a contributor disputes its own share")
    again = d.act("a", "s1/1", "open", {"evidence": {"url": "https://example.org/1"}})
    equal((again[0], again[2]["seq"]), (200, first[2]["seq"]), "said again it is said once")
    equal(d.status("anna", "s1/1", "open"), (409, "state_forbids"), "one dispute a share")
    equal((d.balance("did:a"), d.balance("did:b")), (("0", "600", "0"), ("400", "0", "0")),
          "what is disputed is held back, the rest is not")
    equal(d.status("a", "s1/1", "uphold"), (403, "forbidden"), "nor upholds")
    equal(d.act("a", "s1/1", "evidence", {"evidence": "{more"})[0], 201, "but shows what it has")
    equal(d.share("s1/1", "b")["code"], "allocation_unknown", "another sees nothing of it")
    equal((d.ids_of("b"), d.ids_of("a")), ([], ["s1/1"]), "not in the list either")


def trail(d):
    """Who said what, when, why; in the log only commitments."""
    equal(d.act("anna", "s1/1", "override")[0], 201, "a supervisor decides")
    h = d.share("s1/1")["history"]
    equal([(x["state"], x["actor_id"], x["reason"], x["evidence"]) for x in h],
          [("pending", None, None, None),
           ("disputed", d.ids["a"], "open by a", {"url": "https://example.org/1"}),
           ("evidence", d.ids["a"], "evidence by a", "{more"),
           ("overridden", d.ids["anna"], "override by anna", None)], "the audit trail")
    equal(d.share("s1/1", path="disputes"), d.share("s1/1"), "by either path")
    equal(d.share("s1/2", path="disputes")["code"], "not_found", "never disputed: no dispute")
    equal((d.share("s1/2")["dispute"], d.states("s1/2")), (None, ["pending"]), "but a share")
    e = d.s.get("/v1/events/" + h[1]["event_id"], key=d.keys["anna"])[2]["event"]
    ok(e["payload"]["reason"].startswith("commit:") and e["payload"]["evidence"].startswith(
        "commit:"), "the log has commitments alone", e)
    equal(e["actor"]["actor_id"], d.ids["a"], "and who did it")
    equal(d.balance("did:a"), ("0", "0", "600"), "overridden: clear at once")
    before = d.share("s1/1")["history"]
    d.act("ben", "s1/1", "evidence")
    equal(d.share("s1/1")["history"][:len(before)], before, "history is only ever added to")


def by_the_clock(d):
    """Days 6 to 22."""
    for name in ("lapses", "hard", "wrong"):
        d.sale(name)
    d.s.day(6)
    for share in ("lapses/1", "hard/1", "wrong/1"):
        equal(d.act("ben", share, "open")[0], 201, f"day 6: {share} is disputed")
    equal(d.act("ben", "hard/1", "escalate")[0], 201, "one of them is escalated")
    equal(d.act("anna", "hard/1", "escalate")[0], 201, "and further up")
    equal(d.act("anna", "wrong/1", "uphold", {"reallocate_to": "did:c"})[0], 201, "one is upheld")
    equal(d.status("anna", "wrong/1", "override"), (409, "state_forbids"), "that is the end of it")
    d.s.day(7, minutes=1)
    equal(d.status("anna", "lapses/2", "open"), (409, "state_forbids"),
          "day 7: what is clear cannot be disputed")
    equal(d.share("lapses/2")["state"], "cleared", "what nobody disputed is clear")
    equal((d.balance("did:a"), d.balance("did:c")), (("0", "1200", "600"), ("0", "0", "600")),
          "and the new owner has what was upheld")
    d.s.day(20, minutes=-2)
    equal(d.share("lapses/1")["dispute"]["state"], "disputed", "day 20 less a little: still held")
    d.s.day(20, minutes=2)
    lapsed = d.share("lapses/1")
    equal((lapsed["state"], lapsed["dispute"]["state"], lapsed["dispute"]["held"]),
          ("cleared", "lapsed", "0"), "14 days later it has cleared by itself")
    d.s.day(60)
    equal(d.share("hard/1")["dispute"]["state"], "escalated", "what was escalated never does")
    equal(d.balance("did:a"), ("0", "600", "1200"), "it is held still")
    equal(d.states("lapses/1"), ["pending", "disputed", "cleared"], "as its history says")


def lists(d):
    equal(d.ids_of(state="open"), ["hard/1"], "open ones")
    equal(d.ids_of(state="lapsed"), ["lapses/1"], "lapsed ones")
    equal(d.ids_of(state="upheld", party="did:a"), ["wrong/1"], "upheld ones of a party")
    equal(d.ids_of(state="open", as_of=d.s.begin.strftime("%Y-%m-%d")), ["lapses/1", "hard/1"],
          "by an earlier clock")
    equal(d.ids_of(policy="urn:none"), [], "of another policy")
    whole = d.ids_of()
    pages, after = [], None
    while after is not None or not pages:
        rows, after = d.list(limit=1, **({"after": after} if after else {}))
        pages += [r["allocation_id"] for r in rows]
        assert len(pages) <= len(whole)
    equal(pages, whole, f"page by page: {len(whole)}")
    equal([d.list(**bad)[0]["status"] for bad in ({"state": "x"}, {"after": "x"})], [400, 400],
          "what is no state, no cursor")
    equal(d.list(party="did:nobody")[0]["status"], 404, "nobody")
    equal(d.list("a", party="did:b")[0]["status"], 404, "not for the key of another")


def command(d):
    """The same by the program, beside the log that the server has written."""
    s = d.s
    d.sale("told")
    s.stop()

    def mete(*args, fails=False):
        done = subprocess.run([METE, "dispute", *args, "--store", str(s.store)], env=s.env,
                              capture_output=True, text=True, check=not fails)
        return done.stderr if fails else done.stdout

    ok("applied" in mete("open", "told/1", "--reason", "words", "--evidence", "a letter"),
       "mete dispute open")
    ok("duplicate" in mete("open", "told/1", "--reason", "words", "--evidence", "a letter"), "once")
    ok("--reason" in mete("open", "told/1", fails=True), "not without a reason")
    mete("evidence", "told/1", "--reason", "more", "--evidence", "a second letter")
    mete("escalate", "told/1", "--reason", "hard", "--by", "carla")
    shown = json.loads(mete("list", "--json", "--state", "open"))["disputes"]
    equal([(x["allocation_id"], x["dispute"]["held"]) for x in shown],
          [("hard/1", "600"), ("told/1", "600")], "mete dispute list")
    mete("uphold", "told/1", "--reason", "right", "--to", "did:c", "--by", "carla")
    mete("override", "hard/1", "--reason", "no")
    h = json.loads(mete("show", "told/1", "--json"))["history"]
    equal([(x["state"], x["reason"], x["evidence"]) for x in h],
          [("pending", None, None), ("disputed", "words", "a letter"),
           ("evidence", "more", "a second letter"), ("escalated", "hard", None),
           ("upheld", "right", None)], "mete dispute show")
    equal([x["actor_id"] for x in h[3:]], ["carla", "carla"], "with who said it")
    ok(h[1]["actor_id"].startswith("local"), "or who was logged in")
    s.store.with_name(s.store.name + ".key").rename(s.folder / "kept.key")
    ok("(sealed)" in mete("show", "told/1"), "without the key file the words stay sealed")
    (s.folder / "kept.key").rename(s.store.with_name(s.store.name + ".key"))
    s.start()
    equal(d.share("told/1")["held_by"], "did:c", "and the server knows")


def main():
    with Travel() as s:
        s.env.pop("API_KEY", None)
        d = Desk(s)
        d.tell(event("p", "policy.published", {"policy": {
            "id": "urn:p", "kind": "weights", "shares": [
                {"party": "did:a", "weight": "0.6"}, {"party": "did:b", "weight": "0.4"}]}},
            s.now()))
        who_may(d)
        trail(d)
        by_the_clock(d)
        lists(d)
        command(d)
    done()


if __name__ == "__main__":
    main()

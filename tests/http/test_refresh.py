# SPDX-License-Identifier: Apache-2.0
"""covers: F-010
Newer versions of policies come from the registry by themselves, in order and with the moments since
when they hold; what did not change is not sent again; while the registry is away nobody waits."""
import http.server
import json
import re
import threading
import time

from served import Served, done, equal, event, free_ports, ok, until

KEY = {"API_KEY": "a key that both of them share"}


def manifest(name, *weights, nested=None):
    actors = [{"actor": {"id": f"did:{name}:{i}"}, "role": "r", "weight": w}
              for i, w in enumerate(weights)]
    if nested:
        actors[0]["actor"] = {"ref": f"urn:{nested}"}
    return {"id": f"urn:{name}", "title": name, "created_by": "did:o",
            "created_at": "2025-01-01T00:00:00Z", "contributors": actors}


class Books:
    """The distributions service, and what its book says."""

    def __init__(self, registry_port):
        self.server = Served("--roles", "distributions",
                             env={**KEY, "MANIFEST_REFRESH_SECONDS": "1",
                                  "MANIFEST_REGISTRY_URL": f"http://127.0.0.1:{registry_port}"})
        self.server.key = KEY["API_KEY"]
        self.count = 0

    def revenue(self, policy, at=None):
        """What it was split into: (version, amounts)."""
        self.count += 1
        name = f"r{self.count}"
        body = {"id": name, "manifestId": policy, "amount": {"amount": "10.00", "currency": "USD"}}
        if at:
            body["occurred_at"] = at
        status, _, answer = self.server.post("/revenue/distribute", body)
        assert status == 201 and answer["status"] == "applied", answer
        rows = self.server.get(f"/v1/allocations?event={name}")[2]["allocations"]
        return rows[0]["policy_version"], [r["amount"] for r in rows]

    def published(self, policy):
        rows = self.server.get("/v1/events?limit=1000")[2]["events"]
        return [r["event"]["event_id"] for r in rows if r["event"]["event_type"] == "policy.published"
                and next(iter(r["event"]["payload"][k] for k in ("manifest", "policy")
                              if k in r["event"]["payload"]))["id"] == policy]

    def said(self):
        return (self.server.folder / "log").read_text()


def publish(registry, document, **query):
    q = "&".join(f"{k}={v}" for k, v in query.items())
    status, _, body = registry.post("/v1/manifests?" + q, document)
    assert status == 201, body
    return body["effective_from"]


def answered(registry, status):
    lines = (registry.folder / "log").read_text().splitlines()
    return sum(line.startswith("{") and json.loads(line)["status"] == status for line in lines)


def versions(registry, books):
    publish(registry, manifest("a", "0.5", "0.5"))
    equal(books.revenue("urn:a"), (1, ["500", "500"]), "a policy that is fetched")
    second = publish(registry, manifest("a", "0.9", "0.1"))
    until("a newer version comes by itself", lambda: books.revenue("urn:a")[0] == 2)
    equal(books.revenue("urn:a")[1], ["900", "100"], "revenue after it is decided by it")
    equal(books.revenue("urn:a", "2025-06-01T00:00:00Z"), (1, ["500", "500"]),
          f"and by the first version what occurred before {second}")
    ok("the registry has newer policies: 1 published" in books.said(), "the log says so")
    until("what did not change is not sent again", lambda: (
        books.revenue("urn:a"), answered(registry, 304) > 1)[1])

    publish(registry, manifest("a", "0.8", "0.2"), effective_from="2025-02-01")
    publish(registry, manifest("a", "0.7", "0.3"), effective_from="2025-03-01")
    publish(registry, manifest("a", "0.5", "0.5"), event_id="again")
    until("several versions come together", lambda: books.revenue("urn:a")[0] == 5)
    equal([books.revenue("urn:a", f"2025-{m}-15T00:00:00Z") for m in ("01", "02", "04")],
          [(1, ["500", "500"]), (3, ["800", "200"]), (4, ["700", "300"])],
          "each since the moment that the registry says")
    ids = books.published("urn:a")
    equal(len(set(ids)), 5, "the first document was published twice, under two ids")


def metrics(books):
    """Called when all of the above is over: a look may be under way."""
    text = books.server.get("/metrics")[2]
    text = text if isinstance(text, str) else text.decode()
    return {name: int(value) for name, value in
            re.findall(r"^mete_registry_(\w+)_total (\d+)$", text, re.M)}


def nested(registry, books):
    publish(registry, manifest("child", "0.5", "0.5"))
    publish(registry, manifest("parent", "0.5", "0.5", nested="child"))
    equal(books.revenue("urn:parent")[1], ["250", "250", "500"], "a policy in a policy")
    publish(registry, manifest("grandchild", "0.5"))
    publish(registry, manifest("child", "0.1", "0.9", nested="grandchild"))
    until("a newer version of what is nested comes too, with what is nested in it",
          lambda: books.revenue("urn:parent")[1] == ["25", "450", "500"])


def own(registry, books):
    """What somebody published here stays."""
    for name in ("own", "other"):
        publish(registry, manifest(name, "0.5", "0.5"))
        books.revenue(f"urn:{name}")
    mine = event("mine", "policy.published", {"manifest": manifest("own", "0.4", "0.6")})
    equal(books.server.post("/v1/events", mine)[2]["results"][0]["status"], "applied",
          "a version that is published here")
    publish(registry, manifest("own", "0.3", "0.7"))
    for weight in ("0.2", "0.3"):  # two looks at another one, and so two at this one
        publish(registry, manifest("other", weight, "0.1"))
        until("another policy is looked after", lambda w=weight: (
            books.revenue("urn:own"), books.revenue("urn:other")[1][0] == f"{w[2:]}00")[1])
    equal(books.revenue("urn:own")[1], ["400", "600"], "is not replaced by the registry's")


def away(registry, port, books):
    publish(registry, manifest("w", "0.5", "0.5"))
    books.revenue("urn:w")
    registry.stop()
    until("a registry that is away is noticed",
          lambda: (books.revenue("urn:w"), "looking for newer policies" in books.said())[1])
    began = time.time()
    for _ in range(20):
        books.revenue("urn:w")
    ok(time.time() - began < 10, "nobody waits for it", time.time() - began)
    registry.start(port)
    publish(registry, manifest("w", "0.6", "0.4"))
    until("it is back, and so are its versions", lambda: books.revenue("urn:w")[0] == 2, 60)
    lines = [line for line in books.said().splitlines() if "looking for newer policies" in line]
    counted = metrics(books)
    ok(counted["failures"] > 0 and counted["looks"] > 9 and counted["published"] >= 9 and
       counted["refused"] == 0, "so do the metrics", counted)
    ok(1 < len(lines) < 5 and "answers again" in lines[-1], "the log says when, once each", lines)


def restart(registry, books):
    books.server.stop()
    books.server.start()
    before, asked = len(books.published("urn:w")), answered(registry, 304)
    until("after a restart it is still known what is here",
          lambda: (books.revenue("urn:w"), answered(registry, 304) > asked)[1])
    equal(len(books.published("urn:w")), before, "nothing is published again")
    publish(registry, manifest("w", "0.1", "0.9"))
    until("and newer versions come", lambda: books.revenue("urn:w")[1] == ["100", "900"])


class Foreign(http.server.BaseHTTPRequestHandler):
    """A registry that is no mete: documents and their ETags, nothing else."""
    documents = {}
    seen = []

    def do_GET(self):
        document, etag = self.documents[self.path.split("?")[0].split("/")[-1]]
        known = self.headers["If-None-Match"]
        self.seen.append((self.path, known))
        self.send_response(304 if known and known == etag else 200)
        if etag:
            self.send_header("ETag", etag)
        body = b"" if known and known == etag else json.dumps(document).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def foreign():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    books = Books(server.server_port)
    with books.server:
        for name, tag in (("f", 'W/"1"'), ("g", None)):
            Foreign.documents["urn:" + name] = (manifest(name, "0.5", "0.5"), tag)
            equal(books.revenue("urn:" + name), (1, ["500", "500"]), f"a foreign registry, ETag {tag}")
            Foreign.documents["urn:" + name] = (manifest(name, "0.6", "0.4"), tag and 'W/"2"')
            until("its newer version comes", lambda n=name: books.revenue("urn:" + n)[0] == 2)
        until("its ETags are sent back as they came",
              lambda: (books.revenue("urn:f"), any(known == 'W/"2"' for _, known in Foreign.seen))[1])
        bad = manifest("f", "2", "0.4")
        Foreign.documents["urn:f"] = (bad, 'W/"3"')
        until("it is asked for", lambda: (
            books.revenue("urn:f"), sum(known == 'W/"2"' for _, known in Foreign.seen) > 4)[1])
        equal(books.revenue("urn:f")[0], 2, "a document that is no policy is not taken")
        Foreign.documents["urn:f"] = (manifest("f", "0.1", "0.1"), 'W/"4"')
        until("the next one is", lambda: books.revenue("urn:f")[1] == ["100", "100"])
        equal([len(books.published("urn:" + n)) for n in "fg"], [3, 2], "each version once")
    server.shutdown()


port, = free_ports(1)
with Served("--roles", "manifests", env=KEY) as one:
    one.key = KEY["API_KEY"]
    one.stop()
    one.start(port)
    two = Books(port)
    with two.server:
        versions(one, two)
        nested(one, two)
        own(one, two)
        away(one, port, two)
        restart(one, two)
foreign()
never = Served(env={"MANIFEST_REFRESH_SECONDS": "often"})
try:
    never.start()
    ok(False, "a period that is no number")
except RuntimeError as why:
    ok("MANIFEST_REFRESH_SECONDS" in str(why), "a period that is no number", why)
done()

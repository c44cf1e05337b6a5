# SPDX-License-Identifier: Apache-2.0
"""covers: F-002
GET /: an index for programs, a page for people, and who gets which."""
import html.parser
import json
import re
import shlex
import socket

from served import Served, done, equal, ok

JSON, HTML = "application/json", "text/html; charset=utf-8"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
WISHES = [
    (None, JSON), ("", JSON), ("*/*", JSON), ("application/json", JSON), ("text/html", HTML),
    (BROWSER, HTML), ("text/html, application/json", JSON), ("application/json, text/html", JSON),
    ("text/html;q=0.5, application/json;q=0.4", HTML), ("text/html;q=0.4, application/json;q=0.5", JSON),
    ("text/html;q=0.001, application/json;q=0", HTML), ("text/html;q=0, */*", JSON),
    ("text/*, application/json;q=0.9", HTML), ("text/*;q=0.1, text/html;q=0.9, */*;q=0.8", HTML),
    ("text/html;q=0.1, text/*, application/*;q=0.2", JSON), ("TEXT/HTML", HTML),
    (" text/html ; q=1 , */* ; q=0.1 ", HTML), ("text/html;Q=0.2, application/json;q=0.1", HTML),
    ("text/html;level=\"a,b;q=0\", application/json;q=0.5", HTML),
    ("text/html;q=1.000", HTML), ("text/html;q=1.001, */*;q=0.1", JSON), ("text/html;q=2", JSON),
    ("text/html;q=, */*;q=0.1", JSON), ("text/html;q=0.5x, */*;q=0.1", JSON),
    ("text/html;q=0.1234, */*;q=0.1", JSON), ("text/htm, text/htmll, html, text", JSON),
    ("application/xml", JSON), (",,,;;;,", JSON), ("text/html;\"", HTML), ("\\", JSON),
    ("text/html;q", HTML), ("*/html, */*;q=0.2", JSON), ("a" * 4000, JSON)]


class Page(html.parser.HTMLParser):
    """What a test asks of a page."""
    VOID = {"meta", "link", "br", "hr", "img", "input"}

    def __init__(self, text):
        super().__init__()
        self.stack, self.tags, self.faults, self.hidden = [], [], [], 0
        self.codes, self.visible, self.title, self.ids = [], "", "", set()
        self.feed(text)
        self.close()
        self.faults += [f"<{t}> is not closed" for t, _ in self.stack]

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        self.ids.add(attrs.get("id"))
        if tag not in self.VOID:
            self.stack.append((tag, "hidden" in attrs))

    def handle_endtag(self, tag):
        if not self.stack or self.stack[-1][0] != tag:
            self.faults.append(f"</{tag}> in {self.stack}")
        else:
            self.stack.pop()

    def handle_data(self, data):
        inside = [t for t, _ in self.stack]
        if "title" in inside:
            self.title += data
        elif "style" not in inside and not any(h for _, h in self.stack):
            self.visible += data
            if "pre" in inside and "code" in inside:
                self.codes.append(data)


def page(s, **headers):
    status, got, text = s.get("/", headers={"Accept": "text/html", **headers})
    equal((status, got["Content-Type"]), (200, HTML), "the page")
    return Page(text), got, text


def the_index(s):
    status, headers, body = s.get("/")
    equal((status, body["name"], body["version"], body["state"], body["open"], body["book"]),
          (200, "mete", s.get("/version")[2]["version"], "ready", True, "main"), "the index")
    equal(headers["Vary"], "Accept", "which is not the only answer")
    size, root = s.get("/v1/log/checkpoint")[2].split("\n")[1:3]
    import base64
    equal((body["log"]["size"], bytes.fromhex(body["log"]["head"])),
          (int(size), base64.b64decode(root)), "the head of the log is that of the checkpoint")
    equal({n: s.get(p)[0] for n, p in body["links"].items()}, {n: 200 for n in body["links"]},
          "every link leads somewhere")
    ok({"health", "version", "metrics", "checkpoint"} <= set(body["links"]), "there are links")
    return body


def who_gets_which(s):
    for wish, wanted in WISHES:
        got = s.get("/", headers={"Accept": wish} if wish is not None else {})
        equal((got[0], got[1]["Content-Type"]), (200, wanted), f"Accept: {str(wish)[:60]}")
    with socket.create_connection(("127.0.0.1", s.port)) as c:  # the field may come in parts
        c.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nAccept: application/json;q=0.1\r\n"
                  b"Accept: text/html\r\nConnection: close\r\n\r\n")
        answer = b""
        while chunk := c.recv(65536):
            answer += chunk
    ok(b"text/html" in answer.split(b"\r\n\r\n")[0], "two fields are one list")


def it_can_be_used(p, headers, text):
    equal(p.faults, [], "every element is closed where it was opened")
    tags = [t for t, _ in p.tags]
    equal({t: tags.count(t) for t in ("html", "title", "h1", "main", "script", "img", "link",
                                      "iframe", "form")},
          {"html": 1, "title": 1, "h1": 1, "main": 1, "script": 0, "img": 0, "link": 0,
           "iframe": 0, "form": 0}, "one heading, one main part, and nothing that is fetched or runs")
    equal(dict(p.tags)["html"].get("lang"), "en", "its language")
    ok("mete" in p.title, "its title")
    levels = [int(t[1]) for t in tags if re.fullmatch(r"h\d", t)]
    ok(levels[0] == 1 and all(b <= a + 1 for a, b in zip(levels, levels[1:])),
       "headings go down step by step", levels)
    for tag, attrs in p.tags:
        if tag == "pre":
            ok("tabindex" in attrs and attrs.get("role") == "region" and attrs.get("aria-label"),
               "what scrolls can be reached by keyboard and has a name", attrs)
        if tag in ("table", "ul"):
            ok(attrs.get("aria-labelledby") in p.ids, f"<{tag}> has a name", attrs)
        if tag == "a":
            ok(attrs["href"].startswith("/"), "links stay here", attrs)
        ok(not any(n.startswith("on") for n in attrs), "no attribute runs", attrs)
    equal(tags.count("th"), sum(a.get("scope") == "row" for t, a in p.tags if t == "th"),
          "heads of rows say so")
    ok("prefers-color-scheme" in text and "CanvasText" in text and "color-scheme" in text,
       "it has the colours of the system, light or dark")
    ok("url(" not in text and "@import" not in text and "{{" not in text, "nothing is left to fill in")
    policy = headers["Content-Security-Policy"]
    ok("default-src 'none'" in policy and "script" not in policy and
       "frame-ancestors 'none'" in policy, "the browser is told so", policy)


def curl(s, command, key=None):
    """Does what a command of the page says."""
    words = shlex.split(command.replace("\\\n", " "))
    equal(words[0], "curl", "a command")
    url, headers, body = None, {}, None
    while words := words[1:]:
        if words[0] in ("-H", "-d"):
            option, words = words[0], words[1:]
            if option == "-H":
                name, value = words[0].split(": ", 1)
                headers[name] = value.replace("KEY", key) if key else value
            else:
                body = words[0]
        else:
            url = words[0]
    base = f"http://127.0.0.1:{s.port}"
    ok(url.startswith(base + "/"), "it calls this server", url)
    return s.request("POST" if body else "GET", url[len(base):], body, headers)


def it_says_what_to_do(s, p, key=None):
    answers = [curl(s, c, key) for c in p.codes if c.startswith("curl")]
    equal([a[0] for a in answers], [200] * 3, "its commands work as they stand")
    equal(answers[0][2]["results"][0]["status"], "applied", "the first call posts an event")
    equal(answers[1][2]["balances"][0]["pending"], "1000", "the second shows what came of it")


with Served() as s:
    index = the_index(s)
    who_gets_which(s)
    p, headers, text = page(s)
    it_can_be_used(p, headers, text)
    ok(index["log"]["head"] in p.visible and index["version"] in p.visible, "it shows the same")
    ok("open to this machine" in p.visible and "key create" not in p.visible and
       "Bearer" not in "".join(p.codes), "nobody is asked for a key, and it says so")
    it_says_what_to_do(s, p)
    p, _, text = page(s, Host="evil\"><script>alert(1)</script>")
    ok("evil" not in text and p.faults == [], "what a client says of itself does not get into it")
    p, _, _ = page(s, Host="mete.example:99")
    ok("http://mete.example:99/v1/events" in p.visible, "but the name that it was called by does")

    key = s.make_key("revenue:write,earnings:read")
    s.post("/v1/events", {})  # a key is seen now
    while s.get("/healthz")[2]["open"]:
        s.get("/v1/parties", key="")
    body = s.get("/")[2]
    equal((body["open"], body.get("log"), body.get("book")), (False, None, None),
          "with a key in the store nothing is told about books")
    p, _, text = page(s)
    ok("events, head" not in p.visible and "key create" in p.visible, "neither on the page")
    ok(index["log"]["head"] not in text, "not even hidden")
    answers = [curl(s, c, key) for c in p.codes if c.startswith("curl")]
    equal([a[0] for a in answers], [200] * 3, "its commands work with a key")
    equal(s.stop(), 0, "it stops as it should")

with Served("--roles", "manifests") as s:
    p, headers, text = page(s)
    ok("/v1/events" not in p.visible, "a registry tells nobody to post events")
    equal({n: s.get(q)[0] for n, q in s.get("/")[2]["links"].items() if s.get(q)[0] != 200}, {},
          "and its links lead somewhere")
done()

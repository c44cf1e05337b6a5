#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: another certificate, another rate, while connections go on; a mistake changes nothing."""
# covers: F-081 V-107
import atexit
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

from served import METE, done, equal, ok

HERE = pathlib.Path(tempfile.mkdtemp(prefix="mete-reload-"))
atexit.register(shutil.rmtree, HERE, ignore_errors=True)


def pair(name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
                    "-keyout", HERE / "key.new", "-out", HERE / "crt.new", "-subj", f"/CN={name}"],
                   check=True, capture_output=True)
    os.chmod(HERE / "key.new", 0o600)


def put(certificate=True, key=True):
    if key:
        os.replace(HERE / "key.new", HERE / "key.pem")
    if certificate:
        os.replace(HERE / "crt.new", HERE / "crt.pem")


def config(rate="0", more=""):
    (HERE / "mete.conf").write_text(
        f"[store]\nstore = {HERE}/mete.db\n[server]\nlisten = 127.0.0.1:0\n[tls]\n"
        f"certificate = {HERE}/crt.pem\ncertificate_key = {HERE}/key.pem\n[keys]\nrate = {rate}\n{more}")


class Server:
    def __init__(self, scheme="https", **more):
        self.log = open(HERE / "log", "w+", encoding="utf-8")
        environment = {k: v for k, v in os.environ.items()
                       if k not in ("HOST", "PORT", "DATABASE_URL", "API_KEY", "PEER_API_KEY")}
        self.process = subprocess.Popen([METE, "serve", "--config", HERE / "mete.conf"],
                                        stderr=self.log, env={**environment, **more})
        self.port = int(self.wait(f"listening on {scheme}://127.0.0.1:").split(",")[0])

    def text(self):
        return (HERE / "log").read_text(encoding="utf-8")

    def wait(self, words, since=0):
        """What stands after these words in the log; a minute at most."""
        for _ in range(1200):
            at = self.text().find(words, since)
            if at >= 0:
                return self.text()[at + len(words):]
            time.sleep(0.05)
        raise SystemExit(f"never said: {words}\n{self.text()}")

    def reload(self, words):
        since = len(self.text())
        self.process.send_signal(signal.SIGHUP)
        self.wait(words, since)
        return self.text()[since:]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        equal(self.process.wait(60), 0, "it ends in order")

    def connect(self, own=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if own:
            context.load_cert_chain(HERE / f"{own}.pem", HERE / f"{own}.key")
        return context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), timeout=60))

    def name(self, connection):
        der = connection.getpeercert(binary_form=True)
        shown = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-subject", "-nameopt",
                                "RFC2253"], input=der, check=True, capture_output=True).stdout
        return shown.decode().strip().removeprefix("subject=").removeprefix("CN=")


def ask(connection, path="/v1/log/checkpoint", key="secret"):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n\r\n".encode())
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(65536)
    head, body = got.split(b"\r\n\r\n", 1)
    length = int(next(line.split(b":")[1] for line in head.split(b"\r\n")
                      if line.lower().startswith(b"content-length")))
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split(b" ")[1]), head.decode()


pair("first")
put()
config()
server = Server(API_KEY="secret")
old = server.connect()
equal(server.name(old), "first", "the certificate of the start")
status, head = ask(old)
equal(("RateLimit-Limit" in head, status < 500), (False, True), "no rate is set")

pair("second")
put()
config(rate="1000")
said = server.reload("read again")
new = server.connect()
equal(server.name(new), "second", "a new connection is shown the new certificate")
ok("RateLimit-Limit: 2000" in ask(new)[1], "the new rate holds")
ok(ask(old)[0] < 500, "the old connection goes on")
equal(server.name(old), "first", "with the certificate it began with")

pair("third")
put(certificate=True, key=False)
said = server.reload("stay as they were")
ok("do not go together" in said, "a certificate without its key is told")
equal(server.name(server.connect()), "second", "and the one before stays")
put(certificate=False, key=True)
server.reload("read again")
equal(server.name(server.connect()), "third", "with its key it is taken")

config(rate="1001", more="burts = 3\n")
said = server.reload("stay as they were")
ok("did you mean burst" in said, "a slip is told")
ok("RateLimit-Limit: 2000" in ask(new)[1], "and the rate is as it was")

config(rate="1001", more="replay_window_h = 3\nburst = 7\n")
said = server.reload("read again")
ok("replay_window_h of [keys] has changed: it takes a restart" in said, "what takes a restart is told")
ok("RateLimit-Limit: 7" in ask(new)[1], "what does not is in force")

def lines(level):
    """Levels of the lines that a good, a refused and an unknown request leave, in their order."""
    (HERE / "mete.conf").write_text(
        f"[store]\nstore = {HERE}/mete.db\n[server]\nlisten = 127.0.0.1:0\nlog_level = {level}\n[tls]\n"
        f"certificate = {HERE}/crt.pem\ncertificate_key = {HERE}/key.pem\n", encoding="utf-8")
    server.reload("read again")
    since = len(server.text())
    for path in ("/healthz", "/v1/log/inclusion/never", "/nothing"):
        ask(new, path)
    server.reload("read again")  # what comes after all lines of these requests
    return [json.loads(line)["level"] for line in server.text()[since:].splitlines()
            if line.startswith("{")]


for level, wanted in (("debug", ["DEBUG", "INFO"] + 2 * ["DEBUG", "WARNING"]),
                      ("info", ["INFO", "WARNING", "WARNING"]), ("warning", 2 * ["WARNING"]),
                      ("error", [])):
    equal(lines(level), wanted, f"log_level = {level}")

for i in range(20):  # many in a row, with connections in between
    pair(f"n{i}")
    put()
    server.reload("read again")
    equal(server.name(server.connect()), f"n{i}", f"certificate {i}")
ok(ask(old)[0] < 500, "the oldest connection still goes on")


(HERE / "mete.conf").write_text(f"[store]\nstore = {HERE}/mete.db\n")
said = server.reload("read again")
ok("to speak TLS or not" in said and "takes a restart" in said, "without TLS: that takes a restart")
equal(server.name(server.connect()), "n19", "until then it goes on as it was")
(HERE / "mete.conf").unlink()
said = server.reload("stay as they were")
ok("mete.conf: No such file" in said, "a file that is gone is told, and changes nothing")
server.end()

# client authorities
for name in ("alice", "bob"):
    pair(name)
    os.replace(HERE / "crt.new", HERE / f"{name}.pem")
    os.replace(HERE / "key.new", HERE / f"{name}.key")


def asks(authority):
    (HERE / "ca.pem").write_bytes((HERE / f"{authority}.pem").read_bytes())
    config()
    with open(HERE / "mete.conf", "a", encoding="utf-8") as f:
        f.write(f"[tls]\nclient_ca = {HERE}/ca.pem\n")


asks("alice")
server = Server(API_KEY="secret")
alice = server.connect("alice")
equal((ask(alice)[0], ask(server.connect("bob"))[0]), (200, 401), "clients of one authority")
asks("bob")
server.reload("read again")
equal((ask(server.connect("alice"))[0], ask(server.connect("bob"))[0], ask(server.connect())[0]),
      (401, 200, 401), "another authority: its clients instead")
equal(ask(alice)[0], 200, "a connection that was open goes on")
(HERE / "ca.pem").write_text("rubbish")
said = server.reload("stay as they were")
ok("no PEM certificate" in said, "what is no authority is told", said)
equal(ask(server.connect("bob"))[0], 200, "and the one before stays")
config()
said = server.reload("read again")
ok("takes a restart" in said, "not to ask any more: that takes a restart")
equal((ask(server.connect("bob"))[0], ask(server.connect())[0]), (200, 401), "until then it asks")
server.end()

# keys from files: a judge of manifests sees which one it is shown
shown = []


class Judge(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        shown.append(self.headers["Authorization"])
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def keys(own, theirs):
    for name, key in (("own", own), ("theirs", theirs)):
        (HERE / f"{name}.new").write_text(key + "\n")
        os.chmod(HERE / f"{name}.new", 0o600)
        os.replace(HERE / f"{name}.new", HERE / name)


judge = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Judge)
threading.Thread(target=judge.serve_forever, daemon=True).start()
keys("first", "to-judge")
(HERE / "mete.conf").write_text(
    f"[store]\nstore = {HERE}/plain.db\n[server]\nlisten = 127.0.0.1:0\n"
    f"[keys]\napi_key_file = {HERE}/own\n[services]\npeer_api_key_file = {HERE}/theirs\n"
    f"validation_service_url = http://127.0.0.1:{judge.server_address[1]}/validate\n")
server = Server("http")


def allowed(key):
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/v1/manifests", b"{}",
                                     {"X-API-Key": key, "Content-Type": "application/json"})
    try:
        urllib.request.urlopen(request, timeout=60).close()
    except urllib.error.HTTPError as e:
        return e.code != 401
    return True


equal((allowed("first"), allowed("second")), (True, False), "the key of a file")
keys("second", "to-judge-2")
server.reload("read again")
equal((allowed("first"), allowed("second")), (False, True), "another one instead")
equal(shown, ["Bearer to-judge", "Bearer to-judge-2"], "so is what others are shown")
text = (HERE / "mete.conf").read_text()
(HERE / "mete.conf").write_text(text.replace(f"api_key_file = {HERE}/own", "", 1))
server.reload("read again")
equal((allowed("second"), allowed("")), (False, False), "no key: nobody is let in, not everybody")
server.end()

# nobody reads what it says: signals are heard all the same
ends = os.pipe()
(HERE / "mete.conf").write_text(f"[store]\nstore = {HERE}/plain.db\n[server]\n"
                                "listen = 127.0.0.1:0\nworkers = 0\n")
silent = subprocess.Popen([METE, "serve", "--config", HERE / "mete.conf"], stderr=ends[1],
                          env={"PATH": os.environ["PATH"]})
equal(silent.wait(60), 2, "with a mistake it does not start")
(HERE / "mete.conf").write_text(f"[store]\nstore = {HERE}/plain.db\n[server]\nlisten = 127.0.0.1:0\n")
silent = subprocess.Popen([METE, "serve", "--config", HERE / "mete.conf"], stderr=ends[1],
                          env={"PATH": os.environ["PATH"]})
said = b""
while b"listening" not in said or not said.endswith(b"\n"):
    said += os.read(ends[0], 65536)
os.set_blocking(ends[1], False)
try:
    while True:
        os.write(ends[1], b"x" * 4096)
except BlockingIOError:
    os.set_blocking(ends[1], True)
for _ in range(20):
    silent.send_signal(signal.SIGHUP)
    time.sleep(0.05)
silent.send_signal(signal.SIGTERM)
try:
    ended = silent.wait(60)
except subprocess.TimeoutExpired:
    ended = "it did not end"
    silent.kill()
equal(ended, 0, "a log that nobody reads keeps no signal away")
done()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: another certificate, another rate, while connections go on; a mistake changes nothing."""
# covers: F-081
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import tempfile
import time

from served import METE, done, equal, ok

HERE = pathlib.Path(tempfile.mkdtemp())


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
    def __init__(self):
        self.log = open(HERE / "log", "w+", encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if k not in ("HOST", "PORT", "DATABASE_URL")}
        self.process = subprocess.Popen([METE, "serve", "--config", HERE / "mete.conf"],
                                        stderr=self.log, env={**environment, "API_KEY": "secret"})
        self.port = int(self.wait("listening on https://127.0.0.1:").split(":")[0].split(",")[0])

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

    def connect(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), timeout=60))

    def name(self, connection):
        der = connection.getpeercert(binary_form=True)
        shown = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-subject", "-nameopt",
                                "RFC2253"], input=der, check=True, capture_output=True).stdout
        return shown.decode().strip().removeprefix("subject=").removeprefix("CN=")


def ask(connection, path="/v1/log/checkpoint"):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: secret\r\n\r\n".encode())
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
server = Server()
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

for i in range(20):  # many in a row, with connections in between
    pair(f"n{i}")
    put()
    server.reload("read again")
    equal(server.name(server.connect()), f"n{i}", f"certificate {i}")
ok(ask(old)[0] < 500, "the oldest connection still goes on")

server.process.send_signal(signal.SIGTERM)
equal(server.process.wait(60), 0, "it ends in order")
done()

# SPDX-License-Identifier: Apache-2.0
"""covers: M-003 V-077
TLS, client certificates, and who may listen where without them."""
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request

from served import METE, Served, done, equal, event, ok

folder = pathlib.Path(tempfile.mkdtemp(prefix="mete-tls-"))


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], cwd=folder, check=True, capture_output=True)


def authority(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", name + ".key", "-out", name + ".pem", "-subj", "/CN=" + name, "-days", "2")


def certificate(name, ca):
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
    openssl("x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key",
            "-CAcreateserial", "-out", name + ".pem", "-days", "2", "-extfile", "ext")


def get(s, path, client=None, ca="server-ca", version=None, key=None):
    """The status; a word when there is none."""
    context = ssl.create_default_context(cafile=folder / (ca + ".pem"))
    if client:
        context.load_cert_chain(folder / (client + ".pem"), folder / (client + ".key"))
    if version:
        context.maximum_version = version
    headers = {"Authorization": "Bearer " + key} if key else {}
    request = urllib.request.Request(f"https://127.0.0.1:{s.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, context=context, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as e:
        return e.code
    except (ssl.SSLError, urllib.error.URLError, ConnectionError):
        return "turned away"


def serve_fails(*options):
    """The exit status of a server that must not start."""
    try:
        return subprocess.run([METE, "serve", "--store", folder / "no.db", *map(str, options)],
                              capture_output=True, timeout=20,
                              env={"PATH": os.environ["PATH"]}).returncode
    except subprocess.TimeoutExpired:
        return "it started"


authority("server-ca")
authority("client-ca")
authority("stranger-ca")
certificate("server", "server-ca")
certificate("client", "client-ca")
certificate("stranger", "stranger-ca")
tls = ("--certificate", str(folder / "server.pem"), "--certificate-key",
       str(folder / "server.key"))

with Served(*tls) as s:
    equal(get(s, "/healthz"), 200, "an answer over TLS")
    equal(get(s, "/healthz", ca="stranger-ca"), "turned away", "to who knows the authority")
    equal(get(s, "/healthz", version=ssl.TLSVersion.TLSv1_2), 200, "TLS 1.2 is spoken")
    with socket.create_connection(("127.0.0.1", s.port), 20) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        plain.settimeout(20)
        try:
            answer = plain.recv(1000)
        except ConnectionError:
            answer = b""
        ok(not answer.startswith(b"HTTP/"), "plain text is not", answer[:40])
    key = s.make_key("revenue:read")
    equal((get(s, "/v1/events", key=key), get(s, "/v1/events", key="x")), (200, 401), "keys count")
    s.process.send_signal(signal.SIGHUP)
    equal(get(s, "/healthz"), 200, "SIGHUP leaves it running")
    ok("https://" in (s.folder / "log").read_text(), "the start-up line says https")
    equal(s.stop(), 0, "it stops as it should")

with Served(*tls, "--client-ca", str(folder / "client-ca.pem")) as s:
    for version in (ssl.TLSVersion.TLSv1_2, None):
        name = "TLS 1.2" if version else "the newest TLS"
        equal(get(s, "/healthz", "client", version=version), 200, f"{name}: a known client")
        ok(get(s, "/healthz", version=version) in (401, "turned away"),
           f"{name}: a client without a certificate is turned away")
        ok(get(s, "/healthz", "stranger", version=version) in (401, "turned away"),
           f"{name}: one of another authority, too")
    key = s.make_key("revenue:read")
    equal((get(s, "/v1/events", "client", key=key), get(s, "/v1/events", "client")), (200, 401),
          "a certificate is no key")

equal(serve_fails("--listen", "0.0.0.0:0"), 2, "off loopback without TLS it does not start")
equal(serve_fails(*tls[:2]), 2, "a certificate without its key")
equal(serve_fails("--client-ca", folder / "client-ca.pem"), 2, "client certificates without TLS")
equal(serve_fails(tls[0], folder / "nothing.pem", *tls[2:]) not in (0, "it started"), True,
      "a certificate that is not there")
equal(serve_fails(tls[0], folder / "ext", *tls[2:]), 2, "what is no certificate")
equal(serve_fails(*tls[:3], folder / "client.key"), 2, "the key of another certificate")
equal(serve_fails(*tls, "--client-ca", folder / "ext"), 2, "what is no authority")
for options in ([*tls], ["--plaintext-behind-proxy"]):
    s = subprocess.Popen([METE, "serve", "--store", folder / "off.db", "--listen", "0.0.0.0:0",
                          *options], stderr=subprocess.PIPE, text=True,
                         env={"PATH": os.environ["PATH"]})
    line = next(line for line in s.stderr if "warning" not in line)
    s.send_signal(signal.SIGTERM)
    s.communicate(timeout=60)
    ok("listening" in line and "open" not in line, f"off loopback with {options[0]}", line)
shutil.rmtree(folder)
done()

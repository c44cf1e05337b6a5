# SPDX-License-Identifier: Apache-2.0
"""The LNURL server of npm behind TLS, and two nodes of LDK with a channel between them, of which the
paying one has LND's interface (tests/node/lightning): one process, in a folder of its own."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import urllib.request

NODE = pathlib.Path(os.environ["ROOT"]) / "tests/node/lightning"
HOST = "pay.example"


class Host:
    """Payee's host and paying node, in a folder of their own."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mete-lightning-"))
        for name in "host", "other":
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-keyout",
                            self.folder / f"{name}.key", "-out", self.folder / f"{name}.pem",
                            "-subj", "/CN=test", "-addext", f"subjectAltName=DNS:{HOST}"],
                           check=True, stderr=subprocess.DEVNULL)
        macaroon = self.folder / "macaroon"
        macaroon.write_text("0201036c6e64\n")
        macaroon.chmod(0o600)
        self.process = subprocess.Popen(
            ["node", NODE / "host.js", self.folder / "host.key", self.folder / "host.pem", HOST],
            stdout=subprocess.PIPE)
        for line in self.process.stdout:
            if line.startswith(b"{"):
                break
        self.ports = json.loads(line)

    def settings(self, **more):
        return {"node": "lnd", "url": f"http://127.0.0.1:{self.ports['node']}",
                "macaroon_file": str(self.folder / "macaroon"), "resolve_public_only": "no",
                "resolve_to": f"127.0.0.1:{self.ports['https']}",
                "resolve_ca": str(self.folder / "host.pem"), "pay_timeout_s": "5", **more}

    def tell(self, **what):
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports['node']}/test",
                                         json.dumps(what).encode())
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def payment(self, anchor):
        return next((p for p in self.tell()["payments"] if p["hash"] == anchor), None)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.folder)

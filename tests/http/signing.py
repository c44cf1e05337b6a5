# SPDX-License-Identifier: Apache-2.0
"""Keys of producers: what openssl signs, and HTTP Message Signatures made without mete's code."""
import base64
import hashlib
import hmac
import pathlib
import subprocess
import tempfile
import time


def now(ago=0):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago))


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Ed25519:
    alg = "ed25519"

    def __init__(self, folder):
        self.file = pathlib.Path(folder) / f"{time.monotonic_ns()}.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.file],
                       check=True, capture_output=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.file, "-pubout", "-outform", "DER"],
                             check=True, capture_output=True).stdout
        self.member = {"key": der[-32:].hex()}

    def sign(self, message):
        with tempfile.NamedTemporaryFile(dir=self.file.parent) as f:
            f.write(message)
            f.flush()
            return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.file,
                                   "-in", f.name], check=True, capture_output=True).stdout


class Hmac:
    alg = "hmac-sha256"

    def __init__(self, secret, raw):
        self.member, self.raw = {"secret": secret}, raw

    def sign(self, message):
        return hmac.new(self.raw, message, hashlib.sha256).digest()


def signed_headers(key, key_id, method, target, body, host, **more):
    """RFC 9421 and RFC 9530. `more`: cover (names), fields (of those), created, expires, alg, label,
    digest."""
    path, _, query = target.partition("?")
    digest = more.get("digest", "sha-256")
    name = {"sha-256": "sha256", "sha-512": "sha512"}.get(digest, "sha256")
    value = base64.b64encode(hashlib.new(name, body).digest()).decode()
    fields = {"content-digest": f"{digest}=:{value}:", "host": host, "content-type": "application/json",
              "@method": method, "@path": path, "@query": "?" + query, "@authority": host,
              "@target-uri": f"{more.get('scheme', 'http')}://{host}{target}",
              "@request-target": target, **more.get("fields", {})}
    cover = more.get("cover", ["@method", "@path", "content-digest"] + (["@query"] if query else []))
    params = "(" + " ".join(f'"{c}"' for c in cover) + ")"
    params += f";created={more.get('created', int(time.time()))}" if more.get("created") != "" else ""
    params += f";expires={more['expires']}" if "expires" in more else ""
    params += f';keyid="{key_id}"'
    params += f';alg="{more.get("alg", key.alg)}"' if more.get("alg") != "" else ""
    lines = [f'"{c}": {fields[c]}' for c in cover] + [f'"@signature-params": {params}']
    signature = base64.b64encode(key.sign("\n".join(lines).encode())).decode()
    label = more.get("label", "sig1")
    return {"Content-Digest": fields["content-digest"], "Content-Type": "application/json",
            "Signature-Input": f"{label}={params}", "Signature": f"{label}=:{signature}:"}

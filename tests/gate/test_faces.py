# SPDX-License-Identifier: Apache-2.0
"""covers: V-026
<x402-pay>, which the gate serves, in a plain page, in React and in Vue, in a real browser that pays a real gate on
a real chain; and its types, by TypeScript."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / d) for d in ("x402", "rails", "http")]
from chain import X402Chain  # noqa: E402
from facilitated import Facilitator  # noqa: E402
from gated import Gate, Upstream, done, equal, ok  # noqa: E402
from scripts import FOLDER, environment  # noqa: E402

FACES = FOLDER / "faces"
PACKAGES = FACES / "node_modules"
HTML, SCRIPT = ("Content-Type", "text/html; charset=utf-8"), ("Content-Type", "text/javascript; charset=utf-8")
REACT = {"react": "react/cjs/react.production.js", "scheduler": "scheduler/cjs/scheduler.production.js",
         "react-dom": "react-dom/cjs/react-dom.production.js", "react-dom/client": "react-dom/cjs/react-dom-client.production.js"}
ROUTES = [{"path": "/paid", "price": "$0.01"}, {"path": "/broken", "price": "$0.01"}, {"path": "/upto", "accepts": [{"price": "$0.01", "scheme": "upto"}]}]


def react():
    """The page's script with the packages that it requires."""
    parts = [f"{json.dumps(name)}: (module, exports) => {{\n{(PACKAGES / file).read_text()}\n}}" for name, file in REACT.items()]
    return (f"const parts = {{{','.join(parts)}}}, had = {{}};\n"
            "function require(name) {\n if (!had[name]) { had[name] = { exports: {} }; parts[name](had[name], had[name].exports); }\n"
            f" return had[name].exports;\n}}\n{(FACES / 'react.js').read_text()}")


def site(up):
    def serve(path, body, kind=HTML):
        up.answers[path] = lambda h, _b: h.reply(200, body.encode(), [kind])
    head = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/.well-known/x402-pay.js"></script>'
    serve("/plain", head + '<x402-pay src="/paid"></x402-pay>')
    serve("/dear", head + '<x402-pay src="/upto"></x402-pay>')
    serve("/free", head + '<x402-pay src="/gift"></x402-pay>')
    serve("/odd", head + '<x402-pay src="/broken"></x402-pay>')
    serve("/react", head + '<div id="root"></div><script src="/react.js"></script>')
    serve("/vue", head + '<div id="root"></div><script type="module" src="/vue/page.js"></script>')
    serve("/react.js", react(), SCRIPT)
    serve("/vue/page.js", (FACES / "vue.js").read_text(), SCRIPT)
    serve("/vue/vue.js", (PACKAGES / "vue/dist/vue.esm-browser.prod.js").read_text(), SCRIPT)
    serve("/paid", "<p>bought</p>")
    serve("/gift", "a gift", ("Content-Type", "text/plain"))
    up.answers["/broken"] = lambda h, _b: h.reply(500, b"broken")


def visit(chain, gate, *pages, **env):
    """What came of each page: price, label, got, sandbox, hidden, asked."""
    urls = [f"http://127.0.0.1:{gate.port}/{page}" for page in pages]
    run = subprocess.run(["node", str(FOLDER / "x402/faces.mjs"), shutil.which("chromium"), *urls],
                         env=environment(chain, **env), capture_output=True, text=True, timeout=180)
    if run.returncode != 0:
        raise SystemExit("Bail out! " + run.stderr[-1500:])
    said = json.loads(run.stdout)
    return said["told"], said["complaints"]


def bought(chain, gate):
    before = chain.balance("merchant")
    (plain, in_react, in_vue), complaints = visit(chain, gate, "plain", "react", "vue")
    equal((plain["got"], plain["sandbox"], plain["hidden"]), ("<p>bought</p>", "", True),
          "a plain page: the element pays and shows it, where its scripts do not run")
    equal(plain["price"], "10000 of USDC on " + chain.network, "without words it says the price in smallest units")
    for name, said in (("React", in_react), ("Vue", in_vue)):
        equal((said["price"], said["label"], said["got"]), ("0.01 USDC", f"Buy it in {name}", "<p>bought</p>"),
              f"{name}: its own words, and the page shows what was bought")
    for name, said in (("the plain page", plain), ("React", in_react), ("Vue", in_vue)):
        equal(said["asked"], ["eth_requestAccounts", "eth_chainId", "eth_signTypedData_v4"], f"{name}: one signature")
    equal(chain.balance("merchant") - before, 30000, "three prices were paid")
    equal(complaints, [], "and the browser complains of nothing")


def moved(chain, gate):
    before = chain.balance("merchant")
    (plain,), _ = visit(chain, gate, "plain", MOVES="1")
    equal((plain["got"], plain["hidden"]), ("<p>bought</p>", True), "an element that is moved in its page keeps what was bought")
    equal(chain.balance("merchant") - before, 10000, "which was paid once")


def not_bought(chain, gate):
    before = chain.balance("merchant")
    (free, dear, odd), _ = visit(chain, gate, "free", "dear", "odd")
    equal((free["got"], free["hidden"], free["asked"]), ("a gift", True, []), "what is free is shown, and no wallet is asked")
    equal((dear["got"], dear["asked"]), ("A browser's wallet cannot pay this; an x402 client can.", []), "upto is not for wallets")
    equal(odd["got"], "The server answered 500. Press again to send the same payment.", "a server that fails is said")
    (odd,), _ = visit(chain, gate, "odd", PRESSES="3")
    equal(odd["asked"].count("eth_signTypedData_v4"), 1, "who presses again sends the same payment")
    (odd,), _ = visit(chain, gate, "odd", PRESSES="3", MOVES="1")
    equal(odd["asked"].count("eth_signTypedData_v4"), 1, "also when the element was moved meanwhile")
    (poor,), _ = visit(chain, gate, "plain", FROM="poor")
    ok(poor["got"].startswith("The payment was not taken: ") and not poor["hidden"], "who has no money is told so", poor)
    equal(chain.balance("merchant") - before, 0, "none of which moved money")


def served(gate):
    answer = gate.get("/.well-known/x402-pay.js")
    equal((answer.status, answer.headers["Content-Type"], answer.headers["Access-Control-Allow-Origin"]),
          (200, "text/javascript; charset=utf-8", "*"), "the gate serves it, to pages of other servers too")
    text = answer.body.decode()
    ok("customElements.define" in text and "TransferWithAuthorization" in text, "with all that it needs")
    ok("http://" not in text and "https://" not in text and "import " not in text, "and nothing from elsewhere")


def typed():
    def complaints(source):
        file = FACES / f"checked-{os.getpid()}.tsx"
        file.write_text(source)
        try:
            run = subprocess.run(["node", str(PACKAGES / "typescript/bin/tsc"), "--noEmit", "--strict", "--jsx", "react-jsx", "--target",
                                  "es2022", "--module", "esnext", "--moduleResolution", "bundler", str(file)], capture_output=True, text=True)
            return run.stdout
        finally:
            file.unlink()
    article = (FACES / "article.tsx").read_text()
    equal(complaints(article), "", "its types fit what it is used for")
    said = complaints(article.replace('element.src = "/paid"', "element.src = 7").replace("detail.reason", "detail.why"))
    ok("TS2322" in said and "TS2339" in said, "and see what does not fit, also in events", said)


if shutil.which("chromium") is None or not PACKAGES.is_dir():
    print("1..0 # SKIP no Chromium, or no packages: run tools/setup")
    sys.exit(0)
with X402Chain(chain_id=84532) as chain, Facilitator(chain) as facilitator, Upstream() as up:
    site(up)
    with Gate(up, facilitator.url(), ROUTES, pay_to=chain.address("merchant")) as gate:
        served(gate)
        bought(chain, gate)
        moved(chain, gate)
        not_bought(chain, gate)
typed()
done()

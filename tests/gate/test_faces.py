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
from gated import Gate, Upstream, done, encode, equal, ok  # noqa: E402
from scripts import FOLDER, environment  # noqa: E402

FACES = FOLDER / "faces"
PACKAGES = FACES / "node_modules"
HTML, SCRIPT = ("Content-Type", "text/html; charset=utf-8"), ("Content-Type", "text/javascript; charset=utf-8")
REACT = {"react": "react/cjs/react.production.js", "scheduler": "scheduler/cjs/scheduler.production.js",
         "react-dom": "react-dom/cjs/react-dom.production.js", "react-dom/client": "react-dom/cjs/react-dom-client.production.js"}
ROUTES = [{"path": "/paid", "price": "$0.01"}, {"path": "/broken", "price": "$0.01"}, {"path": "/upto", "accepts": [{"price": "$0.01", "scheme": "upto"}]}]

OFFER = {"scheme": "exact", "network": "eip155:84532", "amount": "10000", "asset": "0x" + "11" * 20, "payTo": "0x" + "22" * 20,
         "maxTimeoutSeconds": 60, "extra": {"name": "USDC", "version": "2"}}
MALFORMED = {"base64": "!!!", "bytes": "gICA", "null": encode(None), "accepts": encode({"accepts": 5}), "none": encode({"x402Version": 2}),
             "offers": encode({"accepts": [None, 5, {**OFFER, "maxTimeoutSeconds": "60"}, {**OFFER, "extra": None}]})}
RULES = """
globalThis.document = { createElement: tag => ({ tag }) };
const made = [];
URL.createObjectURL = blob => { made.push(blob.type); return "blob:"; };
const offers = JSON.parse(process.argv[1]), now = Date.now() / 1000, bytes4 = new Uint8Array([1, 2, 3, 4]);
const minutes = o => Math.round((typed(o, "0x1").data.message[o.extra.assetTransferMethod ? "deadline" : "validBefore"] - now) / 60);
const answer = (status, headers) => new Response(status === 200 ? bytes4 : null, { status, headers });
for (const type of [[], [["content-type", "application/pdf"]]]) await element(answer(200, type), "/x");
console.log(JSON.stringify({ valid: offers.map(o => payable({ accepts: [o] }).length ? minutes(o) : null), made,
    refused: ["!!!", btoa("null"), btoa('{"error":"why","accepts":[]}')].map(said => trouble(answer(402, { "PAYMENT-REQUIRED": said }))) }));
"""


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
    serve("/twice", head + head.replace("pay.js", "pay.js?again") + '<x402-pay src="/gift"></x402-pay>')
    for name, said in MALFORMED.items():
        up.answers[f"/said/{name}"] = lambda h, _b, said=said: h.reply(402, b"", [("PAYMENT-REQUIRED", said)])
        serve(f"/malformed/{name}", head + f'<x402-pay src="/said/{name}"></x402-pay>')
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
    (twice,), complaints = visit(chain, gate, "twice")
    equal((twice["got"], complaints), ("a gift", []), "a page may have the script twice")
    for name, said in zip(MALFORMED, visit(chain, gate, *(f"malformed/{name}" for name in MALFORMED))[0]):
        equal((said["got"], said["asked"]), ("A browser's wallet cannot pay this; an x402 client can." if name == "offers" else
                                             "The server wants to be paid, and what it wants cannot be read.", []),
              f"a price that is malformed is said to be: {name}")
    (poor,), _ = visit(chain, gate, "plain", FROM="poor")
    ok(poor["got"].startswith("The payment was not taken: ") and not poor["hidden"], "who has no money is told so", poor)
    equal(chain.balance("merchant") - before, 0, "none of which moved money")


def rules():
    """What is asked of wallets and said of answers, without a browser."""
    permit2 = {**OFFER, "extra": {"assetTransferMethod": "permit2"}}
    timeouts = [60, 3600, 10 ** 9, "60", "", None, 0, -1, 1.5, [60]]
    offers = [{**o, "maxTimeoutSeconds": t} for o in (OFFER, permit2) for t in timeouts]
    script = (HERE.parent.parent / "src/gate/paying.js").read_text() + RULES
    run = subprocess.run(["node", "--input-type=module", "-e", script, json.dumps(offers)], capture_output=True, text=True, timeout=60)
    said = json.loads(run.stdout) if run.returncode == 0 else {"valid": run.stderr}
    equal(said["valid"], [1, 60, 60, *[None] * 7] * 2,
          "what is signed is valid for an hour at most; an offer that does not say for how long is not paid")
    equal(said.get("made"), ["application/octet-stream", "application/pdf"], "bytes of no type are of none that a browser shows")
    equal([(t["refused"], t["text"]) for t in said.get("refused", [])],
          [(True, f"The payment was not taken: {why}.") for why in (*["no reason that can be read was given"] * 2, "why")],
          "a refusal is one, whatever its header says")


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
rules()
typed()
done()

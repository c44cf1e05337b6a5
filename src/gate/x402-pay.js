/* SPDX-License-Identifier: Apache-2.0
 * <x402-pay src="/article">: a button that pays for a resource by x402 and shows it, in any page and any
 * framework. mete gate serves this file as /.well-known/x402-pay.js; it takes nothing from elsewhere.
 *   attributes   src: the resource; price: the words to show, else smallest units
 *   properties   wallet: EIP-1193, else window.ethereum; choose(offers): which is paid, else the first;
 *                pay(): as the button
 *   events       x402-asked {required, offers}: it has a price; x402-paid {response, settled}: here it is, and
 *                preventDefault() leaves showing it to the page; x402-failed {reason}: it was not paid or not served
 *   parts        price, button, state, content; the slot is what stands on the button */
/* paying.js */
const INSIDE = `<p part="price"></p><button part="button" type="button" disabled><slot>Pay with a wallet</slot></button>
<p part="state" role="status" aria-live="polite"></p><div part="content"></div>`;

export class X402Pay extends HTMLElement {
    static observedAttributes = ["src", "price"];
    wallet = null;
    choose = null;
    #required = null;
    #header = null; /* once it is signed the same payment is sent again, never another one */
    #asked = null; /* the src that it shows: a node that is moved asks nothing anew */
    #turn = 0; /* an answer that belongs to an earlier src is thrown away */
    #is_paying = false;
    #part;

    constructor() {
        super();
        const root = this.attachShadow({ mode: "open" });
        root.innerHTML = INSIDE;
        this.#part = name => root.querySelector(`[part=${name}]`);
        this.#part("button").addEventListener("click", () => this.pay());
    }
    get src() { return this.getAttribute("src") || ""; }
    set src(value) { this.setAttribute("src", value); }
    get price() { return this.getAttribute("price") || ""; }
    set price(value) { this.setAttribute("price", value); }
    connectedCallback() { if (this.src !== this.#asked) this.#ask(); }
    attributeChangedCallback(name, before, now) {
        if (!this.isConnected || before === now) return;
        if (name === "src") this.#ask();
        else this.#price();
    }
    #say(text) { this.#part("state").textContent = text; }
    #tell(name, detail) {
        return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable: true }));
    }
    #fail(reason) {
        this.#say(reason);
        this.#tell("x402-failed", { reason });
        return null;
    }
    #price() {
        const [offer] = this.#required ? payable(this.#required) : [];
        this.#part("price").textContent = offer
            ? this.price || offer.amount + " of " + ((offer.extra && offer.extra.name) || offer.asset) + " on " + offer.network : "";
    }
    async #ask() {
        const turn = ++this.#turn;
        this.#asked = this.src;
        this.#required = this.#header = null;
        this.#part("content").replaceChildren();
        this.#part("button").disabled = true;
        this.#part("button").hidden = false;
        this.#say("");
        if (!this.src) return;
        try {
            const response = await fetch(this.src, { headers: { Accept: "*/*" } });
            if (turn !== this.#turn) return;
            const asked = response.headers.get("PAYMENT-REQUIRED");
            if (response.ok) await this.#deliver(response, turn);
            else if (response.status !== 402 || !asked) this.#fail("The server answered " + response.status + ".");
            else this.#offer(required_by(asked));
        } catch (e) {
            if (turn === this.#turn) this.#fail(String((e && e.message) || e));
        }
    }
    #offer(required) {
        if (!required) return this.#fail("The server wants to be paid, and what it wants cannot be read.");
        const offers = payable(required);
        this.#required = required;
        this.#price();
        this.#part("button").disabled = offers.length === 0;
        this.#tell("x402-asked", { required, offers });
        if (offers.length === 0) this.#fail("A browser's wallet cannot pay this; an x402 client can.");
    }
    async #deliver(response, turn) {
        const is_shown = this.#tell("x402-paid", { response, settled: settled(response) });
        if (turn !== this.#turn) return response; /* it shows another resource by now */
        this.#say("");
        this.#part("price").textContent = "";
        this.#part("button").hidden = true;
        if (is_shown) {
            const node = await element(response, new URL(response.url).pathname);
            if (turn === this.#turn) this.#part("content").replaceChildren(node);
        }
        return response;
    }
    /* The response that was paid for; null when it was not, of which x402-failed has the reason. */
    async pay() {
        const wallet = this.wallet || window.ethereum, required = this.#required, turn = this.#turn, src = this.src;
        if (!required || this.#is_paying) return null;
        if (!wallet) return this.#fail("No wallet is here. Install one that browsers can use (EIP-1193), and load this page again.");
        const offers = payable(required);
        const offer = offers[this.choose ? this.choose(offers) : 0];
        if (!offer) return this.#fail("None of the offers was chosen.");
        this.#is_paying = true;
        this.#part("button").disabled = true;
        try {
            const header = this.#header || await signed(required, offer, wallet, text => this.#say(text));
            if (turn !== this.#turn) return null; /* nothing was sent: it cannot be taken */
            this.#header = header;
            this.#say("Paying\u2026");
            const response = await fetch(src, { headers: { "PAYMENT-SIGNATURE": header, Accept: "*/*" } });
            if (response.ok) return await this.#deliver(response, turn);
            const { refused, text } = trouble(response);
            if (refused && turn === this.#turn) this.#header = null;
            return this.#fail(text);
        } catch (e) {
            return this.#fail(e && e.code === 4001 ? "You have refused in the wallet; nothing was paid." : String((e && e.message) || e));
        } finally {
            this.#is_paying = false;
            this.#part("button").disabled = false;
        }
    }
}
if (!customElements.get("x402-pay")) customElements.define("x402-pay", X402Pay); /* a page may load it twice */

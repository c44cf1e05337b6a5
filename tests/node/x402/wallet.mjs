// SPDX-License-Identifier: Apache-2.0
// A browser as far as the gate's page needs one: runs the page's own script against elements that
// remember what was put into them, with a wallet (EIP-1193) that signs typed data as it is told to.
//   wallet.mjs URL     env: X402_CHAIN, FROM (payer), REFUSE=1 (the user says no), NO_WALLET=1,
//   PRESSES (1), CHAIN (the wallet begins on this one)
// Prints one line of JSON: what the page shows, and what the wallet was asked.
import vm from 'node:vm';
import { account, chainId } from './setting.mjs';

const url = process.argv[2];
const { FROM = 'payer', REFUSE, NO_WALLET, PRESSES = '1', CHAIN } = process.env;
const response = await fetch(url, { headers: { accept: 'text/html,*/*', 'user-agent': 'Mozilla/5.0' } });
const html = await response.text();
const unescape = (t) => t.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&quot;/g, '"').replace(/&#39;/g, "'").replace(/&amp;/g, '&');
const inside = (open, close) => html.slice(html.indexOf(open) + open.length, html.indexOf(close, html.indexOf(open)));
const elements = {};
function element(tag, id) {
    const listeners = {};
    return { tag, id, hidden: false, disabled: false, value: '', textContent: '', className: '', children: [], attributes: {},
        append(...n) { this.children.push(...n); }, setAttribute(n, v) { this.attributes[n] = v; },
        addEventListener(what, f) { listeners[what] = f; }, async press() { await listeners.click(); } };
}
for (const [, id] of html.matchAll(/ id="(\w+)"/g)) elements[id] = element('?', id);
elements.required.textContent = inside('<script type="application/json" id="required">', '</script>');

const page = html.replace(elements.required.textContent, ''); // what is data there is not fetched
const signer = account(FROM);
let current = Number(CHAIN ?? chainId);
const asked = [];
const wallet = { async request({ method, params }) {
    asked.push(method);
    if (REFUSE && method === 'eth_signTypedData_v4') throw Object.assign(new Error('no'), { code: 4001 });
    switch (method) {
    case 'eth_requestAccounts': return [signer.address];
    case 'eth_chainId': return '0x' + current.toString(16);
    case 'wallet_switchEthereumChain': current = Number(params[0].chainId); return null;
    case 'eth_signTypedData_v4': {
        const data = JSON.parse(params[1]);
        if (params[0] !== signer.address || data.domain.chainId !== current) throw new Error('wrong account or chain');
        const { EIP712Domain, ...types } = data.types;
        if (EIP712Domain.map((m) => m.name).join() !== Object.keys(data.domain).join()) throw new Error('wrong domain type');
        return signer.signTypedData({ ...data, types });
    }
    default: throw new Error('unknown method ' + method);
    }
} };
class Picture { constructor() { Object.assign(this, element('img')); } }
class Address extends URL { static createObjectURL(blob) { return `blob:${blob.size}`; } }
const sent = [];
const context = { document: { getElementById: (id) => elements[id], createElement: element }, console, crypto, btoa, atob,
    TextEncoder, TextDecoder, Uint8Array, Blob, Image: Picture, URL: Address, location: new URL(url),
    fetch: (u, o) => { sent.push(o.headers['PAYMENT-SIGNATURE']); return fetch(u, o); } };
context.window = NO_WALLET ? {} : { ethereum: wallet };
vm.runInNewContext(inside('<script>\n', '</script>'), context);
for (let i = 0; i < Number(PRESSES); i++) await elements.pay.press();
const [shown] = elements.paid.children;
console.log(JSON.stringify({ status: response.status, policy: response.headers.get('content-security-policy'),
    required: response.headers.get('payment-required'), title: unescape(inside('<title>', '</title>')),
    outside: (page.match(/(src|href)="[^"]*"/g) ?? []).concat(page.match(/https?:\/\/[^"'\s<]*/g) ?? []).filter((t) => !t.includes(new URL(url).host)),
    state: elements.state.textContent, offers: elements.offer.children.length, asked, sent,
    shown: shown && { tag: shown.tag, text: shown.textContent, srcdoc: shown.srcdoc, src: shown.src, sandbox: shown.attributes.sandbox } }));

// SPDX-License-Identifier: Apache-2.0
// The official fetch client of version 1 pays for URL. TAP lines; exit status 1 when one does not
// hold. What became of the money, who calls it checks on the chain.
//   client.mjs URL     env: KEY (0x...), NETWORK (base), METHOD (GET), BODY, EXPECT=uncharged
// The last line is what the server said: "# settled {...}".
import { createSigner, decodeXPaymentResponse, wrapFetchWithPayment } from 'x402-fetch';

const url = process.argv[2];
const { KEY, NETWORK = 'base', METHOD: method = 'GET', BODY: text, EXPECT } = process.env;
const request = { method, ...(text ? { body: text, headers: { 'content-type': 'application/json' } } : {}) };
let lines = 0;
let failed = 0;
function check(holds, what, more = '') {
    if (!holds) failed++;
    console.log(`${holds ? 'ok' : 'not ok'} ${++lines} - ${what}`);
    if (!holds) console.log(`# ${more}`);
}

const unpaid = await fetch(url, request);
const offer = await unpaid.json();
check(unpaid.status === 402, 'without payment the answer is 402', unpaid.status);
check(offer.x402Version === 1 && offer.accepts.length > 0, 'an offer of version 1', JSON.stringify(offer));
const pay = wrapFetchWithPayment(fetch, await createSigner(NETWORK, KEY));
const response = await pay(url, request);
const body = await response.text();
const header = response.headers.get('x-payment-response');
if (EXPECT === 'uncharged') {
    check(response.status >= 400 && !header, 'what fails is not settled', `${response.status} ${header}`);
} else {
    check(response.status === 200, 'the payment buys the resource', `${response.status} ${body}`);
    const said = header ? decodeXPaymentResponse(header) : undefined;
    check(said?.success === true && said.transaction.startsWith('0x'), 'the server says how it was settled', header);
    console.log(`# settled ${JSON.stringify(said)}`);
}
console.log(`1..${lines}`);
process.exit(failed ? 1 : 0);

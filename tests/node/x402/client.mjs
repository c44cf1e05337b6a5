// SPDX-License-Identifier: Apache-2.0
// The official fetch client pays for URL and checks on the chain what became of it; then it sends
// what no server may accept. TAP lines; exit status 1 when one does not hold.
//   client.mjs URL     env: X402_CHAIN, METHOD (GET), BODY, TIMES (1), EXPECT=uncharged (the
//   handler fails, so nobody pays), ATTACK=0 (only pays), FROM (payer)
import { decodePaymentResponseHeader, wrapFetchWithPayment, x402Client } from '@x402/fetch';
import { decodePaymentRequiredHeader } from '@x402/core/http';
import { toClientEvmSigner } from '@x402/evm';
import { registerExactEvmScheme } from '@x402/evm/exact/client';
import { UptoEvmScheme } from '@x402/evm/upto/client';
import { abi, account, node, token } from './setting.mjs';

const url = process.argv[2];
const { METHOD: method = 'GET', BODY: text, EXPECT, ATTACK, TIMES = '1', FROM = 'payer' } = process.env;
const request = { method, ...(text ? { body: text, headers: { 'content-type': 'application/json' } } : {}) };
let lines = 0;
let failed = 0;
function check(holds, what, more = '') {
    if (!holds) failed++;
    console.log(`${holds ? 'ok' : 'not ok'} ${++lines} - ${what}`);
    if (!holds) console.log(`# ${more}`);
}

const payer = account(FROM);
const signer = toClientEvmSigner(payer, node);
const client = new x402Client();
registerExactEvmScheme(client, { signer });
client.register('eip155:*', new UptoEvmScheme(signer));
client.setSpendControls({ allowedAssets: true, maxAmountPerPayment: '$5' });
const balance = (who) => node.readContract({ address: token.asset, abi: abi('Fiat'), functionName: 'balanceOf', args: [who] });

/** The offer, as version 2 has it in a header and version 1 in the body. */
async function ask() {
    const response = await fetch(url, request);
    check(response.status === 402, 'without payment the answer is 402', response.status);
    const body = await response.text();
    const header = response.headers.get('payment-required');
    const offer = header ? decodePaymentRequiredHeader(header) : JSON.parse(body);
    check(offer.x402Version === (header ? 2 : 1), `an offer of version ${offer.x402Version}`, body);
    if (header) {
        check(offer.resource?.url === url, 'it names the resource', JSON.stringify(offer.resource));
        check(/no-store/.test(response.headers.get('cache-control')), 'and may not be kept by caches', response.headers.get('cache-control'));
    }
    const first = offer.accepts[0];
    check(['scheme', 'network', 'asset', 'payTo'].every((n) => first[n]) && first.maxTimeoutSeconds > 0, 'it says how to pay', JSON.stringify(first));
    return offer;
}

async function payOnce(pay, offer) {
    const [first] = offer.accepts;
    const price = BigInt(first.amount ?? first.maxAmountRequired);
    const before = [await balance(payer.address), await balance(first.payTo)];
    const response = await pay(url, request);
    const body = await response.text();
    const header = response.headers.get('payment-response') ?? response.headers.get('x-payment-response');
    const said = header ? decodePaymentResponseHeader(header) : undefined;
    const spent = before[0] - await balance(payer.address);
    const earned = await balance(first.payTo) - before[1];
    if (EXPECT === 'uncharged') {
        check(response.status >= 400 && spent === 0n, 'what fails costs nothing', `${response.status}, ${spent} spent`);
        return;
    }
    check(response.status === 200, 'the payment buys the resource', `${response.status} ${body} ${header}`);
    check(said?.success === true && said.transaction.startsWith('0x'), 'the server says how it was settled', header);
    if (said?.transaction) {
        const receipt = await node.getTransactionReceipt({ hash: said.transaction });
        check(receipt.status === 'success', 'by a transaction that is on the chain', receipt.status);
    }
    check(first.scheme === 'upto' ? spent > 0n && spent <= price : spent === price, 'the payer has paid the price', `${spent} of ${price}`);
    check(earned === spent, 'all of which the payee has', `${earned} of ${spent}`);
}

const encode = (payment) => Buffer.from(JSON.stringify(payment)).toString('base64');
const send = (header) => fetch(url, { ...request, headers: { ...request.headers, 'PAYMENT-SIGNATURE': header } });
const refused = (response) => response.status === 402 || response.status === 400;

async function attack(offer) {
    const wrong = { 'no base64': '!!!!', 'no JSON': Buffer.from('hello').toString('base64'), 'an empty object': encode({}), 'null': encode(null) };
    for (const [what, header] of Object.entries(wrong)) {
        const response = await send(header);
        check(refused(response), `a payment that is ${what} buys nothing`, response.status);
    }
    const payment = await client.createPaymentPayload(offer);
    const cheap = structuredClone(payment);
    cheap.accepted.amount = '1';
    check(refused(await send(encode(cheap))), 'nor does one for another price');
    const forged = structuredClone(payment);
    forged.payload.signature = '0x' + '11'.repeat(64) + '1b';
    check(refused(await send(encode(forged))), 'nor one with a forged signature');
    const first = await send(encode(payment));
    check(first.status === 200, 'a payment carried by hand does', first.status);
    const again = await send(encode(payment));
    check(refused(again), 'once', again.status);
    const one = encode(await client.createPaymentPayload(offer));
    const statuses = (await Promise.all(Array.from({ length: 6 }, () => send(one)))).map((r) => r.status);
    check(statuses.filter((s) => s === 200).length === 1, 'of six copies at once, one is served', statuses);
}

const offer = await ask();
const pay = wrapFetchWithPayment(fetch, client);
for (let i = 0; i < Number(TIMES); i++) await payOnce(pay, offer);
if (EXPECT !== 'uncharged' && ATTACK !== '0' && offer.x402Version === 2) await attack(offer);
console.log(`1..${lines}`);
process.exit(failed ? 1 : 0);

/* SPDX-License-Identifier: Apache-2.0
 * The interface of LND's REST in front of a paying node of LDK: it pays a hash once, remembers it,
 * and does what a test tells it to at POST /test {"mode": ...}: "pay", "hold" (in flight until
 * "release"), "fail", "cut" (pays and hangs up without an answer), "away" (hangs up at once). */
'use strict';
const http = require('http');
const backend = require('./backend.js');

const MACAROON = '0201036c6e64';
const payments = new Map(); // hash -> {status, fee_msat, value_msat, preimage, tries, waiting}
let mode = 'pay';

function view(hash) {
    const p = payments.get(hash);
    return {
        payment_hash: hash,
        status: p.status,
        value_msat: p.value_msat,
        fee_msat: p.fee_msat,
        payment_preimage: p.preimage,
        failure_reason: p.status === 'FAILED' ? 'FAILURE_REASON_NO_ROUTE' : 'FAILURE_REASON_NONE',
    };
}

function answer(res, status, value) {
    res.writeHead(status, { 'Content-Type': 'application/json' });
    res.end(JSON.stringify(value) + '\n');
}

function refuse(res, status, code, message) {
    answer(res, status, { error: { code, message, details: [] } });
}

/** LDK says how a payment has ended. */
function ended(hash, preimage, fee) {
    const p = payments.get(hash);
    p.status = preimage ? 'SUCCEEDED' : 'FAILED';
    p.preimage = preimage || '0'.repeat(64);
    p.fee_msat = String(fee);
    for (const res of p.waiting.splice(0)) {
        answer(res, 200, { result: view(hash) });
    }
}

/** What the payee does with a payment that has arrived. */
function judge(hash) {
    return { hold: 'hold', fail: 'fail' }[payments.get(hash).mode] || 'claim';
}

function send(req, res, body) {
    const read = backend.nodes.read(body.payment_request);
    if (!read) {
        return refuse(res, 500, 2, 'invalid payment request');
    }
    const known = payments.get(read.hash);
    if (known && known.status !== 'FAILED') {
        const paid = known.status === 'SUCCEEDED';
        return refuse(res, 409, 6, paid ? 'invoice is already paid' : 'payment is in transition');
    }
    if (read.expires * 1000 <= Date.now()) {
        return refuse(res, 500, 2, 'invoice expired');
    }
    payments.set(read.hash, {
        status: 'IN_FLIGHT',
        mode,
        value_msat: String(read.msat),
        fee_msat: '0',
        fee_limit_msat: body.fee_limit_msat,
        preimage: '0'.repeat(64),
        tries: (known ? known.tries : 0) + 1,
        waiting: mode === 'cut' ? [] : [res],
    });
    if (!backend.nodes.pay(read.invoice)) {
        ended(read.hash, null, 0);
    }
    if (mode === 'cut') {
        res.destroy();
    }
}

function track(res, text) {
    const hash = Buffer.from(text, 'base64url').toString('hex');
    if (!payments.has(hash)) {
        return refuse(res, 404, 5, "payment isn't initiated");
    }
    res.writeHead(200);
    res.write(JSON.stringify({ result: view(hash) }) + '\n');
    if (payments.get(hash).status !== 'IN_FLIGHT') {
        res.end(); // else it goes on, as LND's does
    }
}

/** What is in flight ends as told; answers when it has. */
async function release(failed) {
    const hashes = [...payments.keys()].filter((h) => payments.get(h).status === 'IN_FLIGHT');
    for (const hash of hashes) {
        payments.get(hash).mode = failed ? 'fail' : 'pay'; // also of what has not arrived yet
        backend.nodes.settle(hash, judge(hash));
    }
    while (hashes.some((h) => payments.get(h).status === 'IN_FLIGHT')) {
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
}

async function test(res, body) {
    if (body.mode === 'release') {
        await release(body.failed);
    } else if (body.mode) {
        mode = body.mode;
    }
    const rows = [...payments].map(([hash, p]) => ({ hash, ...p, waiting: p.waiting.length }));
    answer(res, 200, { invoices: backend.given, payments: rows });
}

function route(req, res, body) {
    if (req.url === '/test') {
        return test(res, body);
    }
    if (mode === 'away') {
        return res.destroy();
    }
    if (req.headers['grpc-metadata-macaroon'] !== MACAROON) {
        return answer(res, 401, { code: 16, message: 'verification failed', details: [] });
    }
    if (req.url === '/v1/getinfo') {
        return answer(res, 200, {
            identity_pubkey: backend.nodes.key,
            synced_to_chain: true,
            chains: [{ chain: 'bitcoin', network: 'mainnet' }],
        });
    }
    if (req.url === '/v2/router/send' && req.method === 'POST') {
        return send(req, res, body);
    }
    if (req.url.startsWith('/v2/router/track/')) {
        return track(res, req.url.slice('/v2/router/track/'.length));
    }
    return answer(res, 404, { code: 5, message: 'Not Found', details: [] });
}

module.exports.ended = ended;
module.exports.judge = judge;
module.exports.server = http.createServer((req, res) => {
    let text = '';
    req.on('data', (part) => (text += part));
    req.on('end', () => route(req, res, text === '' ? {} : JSON.parse(text)));
});

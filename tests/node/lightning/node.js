/* SPDX-License-Identifier: Apache-2.0
 * A paying node with the REST interface of LND: it pays a hash once, remembers it, and does what a
 * test tells it to at POST /test {"mode": ...}: "pay", "hold" (until "release"), "fail", "cut" (pays
 * and hangs up without an answer), "away" (hangs up at once). It decodes invoices by npm bolt11. */
'use strict';
const http = require('http');
const bolt11 = require('bolt11');
const { preimages } = require('./backend.js');

const MACAROON = '0201036c6e64';
const KEY = '02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619';
const payments = new Map(); // hash -> {status, fee_msat, value_msat, tries}
let mode = 'pay';

function view(hash) {
    const p = payments.get(hash);
    return {
        payment_hash: hash,
        status: p.status,
        value_msat: p.value_msat,
        fee_msat: p.status === 'SUCCEEDED' ? '1001' : '0',
        payment_preimage: p.status === 'SUCCEEDED' ? preimages.get(hash) : '0'.repeat(64),
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

function finish(hash, status) {
    const p = payments.get(hash);
    p.status = status;
    for (const res of p.waiting.splice(0)) {
        answer(res, 200, { result: view(hash) });
    }
}

function send(req, res, body) {
    const invoice = bolt11.decode(body.payment_request);
    const hash = invoice.tagsObject.payment_hash;
    const known = payments.get(hash);
    if (known && known.status !== 'FAILED') {
        const paid = known.status === 'SUCCEEDED';
        return refuse(res, 409, 6, paid ? 'invoice is already paid' : 'payment is in transition');
    }
    if (invoice.timeExpireDate * 1000 <= Date.now()) {
        return refuse(res, 500, 2, 'invoice expired');
    }
    payments.set(hash, {
        status: 'IN_FLIGHT',
        value_msat: invoice.millisatoshis,
        fee_limit_msat: body.fee_limit_msat,
        tries: (known ? known.tries : 0) + 1,
        waiting: [res],
    });
    const reachable = preimages.has(hash) && BigInt(body.fee_limit_msat) >= 1001n;
    if (mode === 'cut') {
        payments.get(hash).waiting = [];
        finish(hash, 'SUCCEEDED');
        res.destroy();
    } else if (mode !== 'hold') {
        finish(hash, reachable && mode === 'pay' ? 'SUCCEEDED' : 'FAILED');
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

function test(res, body) {
    if (body.mode === 'release') {
        for (const [hash, p] of payments) {
            if (p.status === 'IN_FLIGHT') {
                finish(hash, body.failed ? 'FAILED' : 'SUCCEEDED');
            }
        }
    } else if (body.mode) {
        mode = body.mode;
    }
    const rows = [...payments].map(([hash, p]) => ({ hash, ...p, waiting: p.waiting.length }));
    answer(res, 200, { invoices: preimages.size, payments: rows });
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
            identity_pubkey: KEY,
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

module.exports = http.createServer((req, res) => {
    let text = '';
    req.on('data', (part) => (text += part));
    req.on('end', () => route(req, res, text === '' ? {} : JSON.parse(text)));
});

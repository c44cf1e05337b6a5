// SPDX-License-Identifier: Apache-2.0
// The official express middleware before a few routes. Env: X402_CHAIN, PORT (0), FACILITATOR_URL,
// PAY_TO (merchant), ROUTES (names, with commas: all), COUNT_SERVED=1 adds GET /served: how often each
// handler ran, which is what a test asks when nothing may be served twice.
import express from 'express';
import { paymentMiddleware, setSettlementOverrides } from '@x402/express';
import { HTTPFacilitatorClient, x402ResourceServer } from '@x402/core/server';
import { ExactEvmScheme } from '@x402/evm/exact/server';
import { UptoEvmScheme } from '@x402/evm/upto/server';
import { addressOf, listen, network, token } from './setting.mjs';

const payTo = addressOf(process.env.PAY_TO ?? 'merchant');
function accepts(scheme, amount, extra) {
    const price = { amount, asset: token.asset, extra: { name: token.name, version: token.version } };
    return [{ scheme, network, payTo, price, maxTimeoutSeconds: 60, ...(extra ? { extra } : {}) }];
}

const served = {};
const answer = (name, more = {}) => (_request, response) => {
    served[name] = (served[name] ?? 0) + 1;
    response.json({ ok: true, route: name, ...more });
};
const routes = {
    paid: ['GET /paid', accepts('exact', '10000'), answer('GET /paid')],
    post: ['POST /paid', accepts('exact', '20000'), (q, r) => answer('POST /paid', { echo: q.body ?? null })(q, r)],
    fail: ['GET /fail', accepts('exact', '10000'), (_q, r) => r.status(500).json({ error: 'fails on purpose' })],
    upfront: ['GET /upfront', accepts('exact', '10000', { paymentFlow: 'upfront' }), answer('GET /upfront')],
    permit2: ['GET /permit2', accepts('exact', '10000', { assetTransferMethod: 'permit2' }), answer('GET /permit2')],
    upto: ['GET /upto', accepts('upto', '50000'), (q, r) => {
        setSettlementOverrides(r, { amount: '12345' });
        answer('GET /upto', { charged: '12345' })(q, r);
    }],
};
const chosen = (process.env.ROUTES ?? Object.keys(routes).join(',')).split(',').map((name) => routes[name]);
const facilitator = new HTTPFacilitatorClient({ url: process.env.FACILITATOR_URL });
const resources = new x402ResourceServer(facilitator)
    .register(network, new ExactEvmScheme()).register(network, new UptoEvmScheme());
const app = express();
app.use(express.json());
app.use(paymentMiddleware(Object.fromEntries(chosen.map(([route, offer]) =>
    [route, { accepts: offer, description: `test of ${route}`, mimeType: 'application/json' }])), resources));
for (const [route, , handler] of chosen) {
    const [method, path] = route.split(' ');
    app[method.toLowerCase()](path, handler);
}
app.get('/free', (_request, response) => response.json({ ok: true, free: true }));
if (process.env.COUNT_SERVED) app.get('/served', (_request, response) => response.json(served));
listen(app);

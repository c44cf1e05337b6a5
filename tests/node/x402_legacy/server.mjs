// SPDX-License-Identifier: Apache-2.0
// The official express middleware of version 1 before GET /paid and GET /fail. Env: PORT (0),
// FACILITATOR_URL, NETWORK (base), PAY_TO (an address).
import express from 'express';
import { paymentMiddleware } from 'x402-express';

const network = process.env.NETWORK ?? 'base';
const offer = { price: '$0.01', network, config: { description: 'test', mimeType: 'application/json' } };
const app = express();
app.use(paymentMiddleware(process.env.PAY_TO, { 'GET /paid': offer, 'GET /fail': offer }, { url: process.env.FACILITATOR_URL }));
app.get('/paid', (_request, response) => response.json({ ok: true, route: 'GET /paid' }));
app.get('/fail', (_request, response) => response.status(500).json({ error: 'fails on purpose' }));
app.get('/free', (_request, response) => response.json({ ok: true, free: true }));
const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => console.log(`READY ${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));

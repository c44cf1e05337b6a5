// SPDX-License-Identifier: Apache-2.0
// The official facilitator in TypeScript behind its HTTP routes: the control of our tests, and what
// ours is measured against. Env: X402_CHAIN, PORT (0), ROLE (facilitator), FACTORIES=1 (allows
// smart wallets that are not there yet). GET /calls says which RPC methods it has called how often.
import express from 'express';
import { createWalletClient, http, publicActions } from 'viem';
import { x402Facilitator } from '@x402/core/facilitator';
import { toFacilitatorEvmSigner } from '@x402/evm';
import { registerExactEvmScheme } from '@x402/evm/exact/facilitator';
import { UptoEvmScheme } from '@x402/evm/upto/facilitator';
import { account, chain, contracts, listen, network, setting } from './setting.mjs';

const calls = {};
function count(_request, { body }) {
    for (const { method } of [JSON.parse(body)].flat()) calls[method] = (calls[method] ?? 0) + 1;
}

const key = account(process.env.ROLE ?? 'facilitator');
const client = createWalletClient({
    account: key, chain, pollingInterval: 50, cacheTime: 0, transport: http(setting.rpc, { onFetchRequest: count }),
}).extend(publicActions);
const withArgs = (f) => (call) => f({ ...call, args: call.args ?? [] });
const signer = toFacilitatorEvmSigner({
    address: key.address,
    getCode: (q) => client.getCode(q),
    readContract: withArgs(client.readContract),
    writeContract: withArgs(client.writeContract),
    verifyTypedData: (q) => client.verifyTypedData(q),
    sendTransaction: (q) => client.sendTransaction(q),
    waitForTransactionReceipt: (q) => client.waitForTransactionReceipt(q),
});

const facilitator = new x402Facilitator();
registerExactEvmScheme(facilitator, {
    signer, networks: [network], ...(process.env.FACTORIES ? { eip6492AllowedFactories: [contracts.WalletFactory] } : {}),
});
facilitator.register(network, new UptoEvmScheme(signer));

const decide = (what) => async (request, response) => {
    const { paymentPayload, paymentRequirements } = request.body ?? {};
    if (!paymentPayload || !paymentRequirements) {
        response.status(400).json({ error: 'Missing paymentPayload or paymentRequirements' });
        return;
    }
    try {
        response.json(await facilitator[what](paymentPayload, paymentRequirements));
    } catch (e) {
        response.status(500).json({ error: e.message });
    }
};
const app = express();
app.use(express.json({ limit: '1mb' }));
app.post('/verify', decide('verify'));
app.post('/settle', decide('settle'));
app.get('/supported', (_request, response) => response.json(facilitator.getSupported()));
app.get('/calls', (_request, response) => response.json(calls));
listen(app);

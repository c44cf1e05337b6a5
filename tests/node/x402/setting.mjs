// SPDX-License-Identifier: Apache-2.0
// What every script here is told: X402_CHAIN holds X402Chain.describe() of tests/x402/chain.py as
// JSON. Here are also the ways to read the chain, and to say that a server is ready.
import fs from 'node:fs';
import { createPublicClient, defineChain, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

export const setting = JSON.parse(process.env.X402_CHAIN);
export const { network, networkV1, token, contracts, wallets, chainId } = setting;
export const account = (role) => privateKeyToAccount(setting.accounts[role].key);
export const addressOf = (who) => setting.accounts[who]?.address ?? who;
export const chain = defineChain({
    id: chainId, name: 'local', nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [setting.rpc] } },
});
export const node = createPublicClient({ chain, transport: http(setting.rpc), pollingInterval: 50, cacheTime: 0 });
const compiled = JSON.parse(fs.readFileSync(new URL('../../x402/Contracts.json', import.meta.url), 'utf8'));
export const abi = (contract) => compiled.contracts[contract].abi;

/** Listens on a free loopback port and says which: "READY 12345". */
export function listen(app) {
    const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1',
        () => console.log(`READY ${server.address().port}`));
    process.on('SIGTERM', () => process.exit(0));
}

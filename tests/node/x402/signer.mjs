// SPDX-License-Identifier: Apache-2.0
// Signs on request for tests in other languages: a JSON object a line comes in, one goes out with the
// same `id`. X402_CHAIN as in setting.mjs. What can be asked for (op; default "pay"):
//   pay      a payment; see payment() in payloads.mjs for what may be set: version 1|2,
//            kind eip3009|permit2|upto|wallet1271|wallet6492|delegated, from, signer, to, value,
//            asset, payTo, domain, authorization, witness, requirements, extensions, gasless, fault
//            (of a signature), tamper [[path, value]...] and remove [path...] after signing.
//            count: N answers `payments`, N of them; file: PATH writes their bodies there, a line each
//   call     {contract, name, args, inputs?}: calldata of a function (of several: by its inputs)
//   batch    {calls: [{to, data}...]}: calldata of one Multicall3.aggregate3 of them
//   cancel   {from, nonce}: calldata that cancels an authorization
//   raw      {from, nonce, to, data, value, gas, maxFeePerGas, maxPriorityFeePerGas}: a signed
//            transaction and its hash
//   error    {name}: the selector of an error of Permit2 or the proxies
//   faults   the names of the signature faults
import fs from 'node:fs';
import readline from 'node:readline';
import { encodeFunctionData, keccak256, toFunctionSelector } from 'viem';
import { abi, account, addressOf, chainId, contracts, token } from './setting.mjs';
import { payment, signatureFaults } from './payloads.mjs';

async function pay(job) {
    if (job.count === undefined) return payment(job);
    const payments = [];
    for (let i = 0; i < job.count; i++) payments.push(await payment(job));
    if (!job.file) return { payments };
    fs.writeFileSync(job.file, payments.map((p) => JSON.stringify(p.body) + '\n').join(''));
    return { count: payments.length };
}

function call({ contract, name, args, inputs }) {
    const forms = abi(contract).filter((f) => f.name === name && (inputs === undefined || f.inputs.length === inputs));
    return { data: encodeFunctionData({ abi: forms, functionName: name, args }) };
}

function batch({ calls }) {
    const args = [calls.map((c) => ({ target: c.to, allowFailure: true, callData: c.data }))];
    return { to: contracts.Multicall3, data: encodeFunctionData({ abi: abi('Multicall3'), functionName: 'aggregate3', args }) };
}

async function cancel({ from = 'payer', nonce }) {
    const message = { authorizer: addressOf(from), nonce };
    const signature = await account(from).signTypedData({
        domain: { name: token.name, version: token.version, chainId, verifyingContract: token.asset },
        primaryType: 'CancelAuthorization',
        types: { CancelAuthorization: [{ name: 'authorizer', type: 'address' }, { name: 'nonce', type: 'bytes32' }] }, message,
    });
    return { to: token.asset, ...call({ contract: 'Fiat', name: 'cancelAuthorization', args: [message.authorizer, nonce, signature], inputs: 3 }) };
}

async function raw({ from = 'stranger', ...tx }) {
    const numbers = ['value', 'gas', 'maxFeePerGas', 'maxPriorityFeePerGas'].filter((n) => tx[n] !== undefined);
    const signed = await account(from).signTransaction({
        type: 'eip1559', chainId, ...tx, to: tx.to && addressOf(tx.to), ...Object.fromEntries(numbers.map((n) => [n, BigInt(tx[n])])),
    });
    return { raw: signed, hash: keccak256(signed) };
}

function error({ name }) {
    const known = ['Permit2', 'ExactProxy', 'UptoProxy'].flatMap((c) => abi(c)).find((e) => e.type === 'error' && e.name === name);
    return { selector: toFunctionSelector(`${name}(${known.inputs.map((i) => i.type)})`) };
}

const operations = { pay, call, batch, cancel, raw, error, faults: () => ({ names: signatureFaults }) };
console.log('READY signer');
for await (const line of readline.createInterface({ input: process.stdin })) {
    const { id, op = 'pay', ...job } = JSON.parse(line);
    try {
        console.log(JSON.stringify({ id, ...(await operations[op](job)) }));
    } catch (e) {
        console.log(JSON.stringify({ id, error: e.stack }));
    }
}

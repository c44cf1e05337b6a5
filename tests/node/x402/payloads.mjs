// SPDX-License-Identifier: Apache-2.0
// Signed payments of every kind, right ones and deliberately wrong ones, by viem alone: the official
// client would refuse to make the wrong ones.
import crypto from 'node:crypto';
import { concatHex, encodeAbiParameters, encodeFunctionData, parseSignature } from 'viem';
import { abi, account, addressOf, chainId, contracts, network, networkV1, node, token, wallets } from './setting.mjs';

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const MAGIC_6492 = '0x' + '6492'.repeat(16);
const word = (n) => '0x' + BigInt(n).toString(16).padStart(64, '0');
const seconds = () => Math.floor(Date.now() / 1000);
const random32 = () => '0x' + crypto.randomBytes(32).toString('hex');
const fields = (text) => text.split(',').map((f) => { const [type, name] = f.trim().split(' '); return { type, name }; });

/** What may be wrong with a signature that was right. */
const SIGNATURE_FAULTS = {
    high_s: (s) => join(s.r, word(ORDER - BigInt(s.s)), 55 - Number(s.v)),
    v_0_1: (s) => join(s.r, s.s, Number(s.v) - 27),
    v_other: (s) => join(s.r, s.s, 29),
    s_zero: (s) => join(s.r, word(0), Number(s.v)),
    r_zero: (s) => join(word(0), s.s, Number(s.v)),
    r_order: (s) => join(word(ORDER), s.s, Number(s.v)),
    flipped_v: (s) => join(s.r, s.s, 55 - Number(s.v)),
    flipped_bit: (s) => join(s.r, word(BigInt(s.s) ^ 1n), Number(s.v)), // of r, it might be no point
    zero: () => '0x' + '00'.repeat(65),
    compact: (s) => concatHex([s.r, word(BigInt(s.s) | (BigInt(s.v) - 27n) << 255n)]),
    long: (s) => concatHex([join(s.r, s.s, Number(s.v)), '0x00']),
    empty: () => '0x',
    no_prefix: (s) => join(s.r, s.s, Number(s.v)).slice(2),
    upper_case: (s) => '0x' + join(s.r, s.s, Number(s.v)).slice(2).toUpperCase(),
};
export const signatureFaults = Object.keys(SIGNATURE_FAULTS);

function join(r, s, v) {
    return concatHex([r, s, '0x' + v.toString(16).padStart(2, '0')]);
}

function spoil(signature, fault) {
    if (!fault) return signature;
    if (!SIGNATURE_FAULTS[fault]) throw new Error(`no such fault: ${fault}`);
    return SIGNATURE_FAULTS[fault](parseSignature(signature));
}

const big = (o, ...names) => ({ ...o, ...Object.fromEntries(names.map((n) => [n, BigInt(o[n])])) });

/** `domain` replaces members of the EIP-712 domain, `authorization` what is signed. */
async function eip3009(job) {
    const signer = account(job.signer ?? job.from ?? 'payer');
    const authorization = {
        from: addressOf(job.from ?? signer.address), to: addressOf(job.to ?? 'merchant'), value: String(job.value ?? '10000'),
        validAfter: '0', validBefore: String(seconds() + 300), nonce: random32(), ...job.authorization,
    };
    const made = await signer.signTypedData({
        domain: { name: token.name, version: token.version, chainId, verifyingContract: job.asset ?? token.asset, ...job.domain },
        primaryType: 'TransferWithAuthorization',
        types: { TransferWithAuthorization: fields('address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce') },
        message: big(authorization, 'value', 'validAfter', 'validBefore'),
    });
    return { signature: spoil(made, job.fault), authorization };
}

async function permit2(job) {
    const upto = job.kind === 'upto';
    const signer = account(job.signer ?? job.from ?? 'payer');
    const witness = {
        to: addressOf(job.to ?? 'merchant'), ...(upto ? { facilitator: addressOf(job.facilitator ?? 'facilitator') } : {}),
        validAfter: '0', ...job.witness,
    };
    const p = {
        from: addressOf(job.from ?? signer.address), permitted: { token: job.asset ?? token.asset, amount: String(job.value ?? '10000') },
        spender: upto ? contracts.UptoProxy : contracts.ExactProxy, nonce: BigInt(random32()).toString(),
        deadline: String(seconds() + 300), witness, ...job.authorization,
    };
    const made = await signer.signTypedData({
        domain: { name: 'Permit2', chainId, verifyingContract: contracts.Permit2, ...job.domain },
        primaryType: 'PermitWitnessTransferFrom',
        types: {
            PermitWitnessTransferFrom: fields('TokenPermissions permitted, address spender, uint256 nonce, uint256 deadline, Witness witness'),
            TokenPermissions: fields('address token, uint256 amount'),
            Witness: fields(`address to, ${upto ? 'address facilitator, ' : ''}uint256 validAfter`),
        },
        message: { ...big(p, 'nonce', 'deadline'), permitted: big(p.permitted, 'amount'), witness: big(p.witness, 'validAfter') },
    });
    return { signature: spoil(made, job.fault), permit2Authorization: p };
}

/** The grant of EIP-2612 that lets Permit2 take the money, as its extension has it. */
async function grant(job, p) {
    const owner = account(job.signer ?? job.from ?? 'payer');
    const asset = job.asset ?? token.asset;
    const nonce = await node.readContract({ address: asset, abi: abi('Fiat'), functionName: 'nonces', args: [owner.address] });
    const info = { from: owner.address, asset, spender: contracts.Permit2, amount: p.permitted.amount, nonce: String(nonce), deadline: p.deadline, ...job.grant };
    const signature = await owner.signTypedData({
        domain: { name: token.name, version: token.version, chainId, verifyingContract: asset },
        primaryType: 'Permit',
        types: { Permit: fields('address owner, address spender, uint256 value, uint256 nonce, uint256 deadline') },
        message: { owner: info.from, spender: info.spender, value: BigInt(info.amount), nonce: BigInt(info.nonce), deadline: BigInt(info.deadline) },
    });
    return { eip2612GasSponsoring: { info: { ...info, signature, version: '1' } } };
}

/** The wallets' own kinds: each signs as another would. */
const KINDS = {
    eip3009,
    permit2,
    upto: permit2,
    wallet1271: (job) => eip3009({ signer: 'owner', from: wallets.deployed, ...job }).then((p) =>
        job.long ? { ...p, signature: concatHex([p.signature, word(7)]) } : p),
    wallet6492: async (job) => {
        const p = await eip3009({ signer: 'owner', from: wallets.counterfactual, ...job });
        const create = encodeFunctionData({ abi: abi('WalletFactory'), functionName: 'create', args: [addressOf('owner'), word(1)] });
        const inner = encodeAbiParameters([{ type: 'address' }, { type: 'bytes' }, { type: 'bytes' }],
            [job.factory ?? contracts.WalletFactory, job.factoryCall ?? create, p.signature]);
        return { ...p, signature: concatHex([inner, MAGIC_6492]) };
    },
    delegated: (job) => eip3009({ signer: 'delegated', from: addressOf('delegated'), ...job }),
};

function requirements(job, payload) {
    const permit = payload.permit2Authorization;
    const amount = permit?.permitted.amount ?? payload.authorization.value;
    const extra = {
        name: token.name, version: token.version,
        ...(permit && job.kind !== 'upto' ? { assetTransferMethod: 'permit2' } : {}),
        ...(job.kind === 'upto' ? { facilitatorAddress: permit.witness.facilitator } : {}),
    };
    const common = { payTo: addressOf(job.payTo ?? 'merchant'), asset: job.asset ?? token.asset, maxTimeoutSeconds: 60, extra };
    return job.version === 1
        ? { scheme: 'exact', network: networkV1, maxAmountRequired: amount, resource: 'http://127.0.0.1/thing', description: '', mimeType: 'application/json', outputSchema: null, ...common, ...job.requirements }
        : { scheme: job.kind === 'upto' ? 'upto' : 'exact', network, amount, ...common, ...job.requirements };
}

function change(body, path, value) {
    const names = path.split('.');
    const last = names.pop();
    const place = names.reduce((o, n) => o[n], body);
    if (value === undefined) delete place[last];
    else place[last] = value;
}

/** The contract call that pays it, which is what a settlement sends. */
function settlement(payload, job) {
    try {
        const p = payload.permit2Authorization;
        if (!p) return { to: job.asset ?? token.asset, data: transfer(payload) };
        const permit = { permitted: p.permitted, nonce: p.nonce, deadline: p.deadline };
        const upto = job.kind === 'upto';
        const args = [permit, ...(upto ? [p.permitted.amount] : []), p.from, p.witness, payload.signature];
        const proxy = upto ? 'UptoProxy' : 'ExactProxy';
        return { to: contracts[proxy], data: encodeFunctionData({ abi: abi(proxy), functionName: 'settle', args }) };
    } catch (e) {
        return { impossible: e.shortMessage ?? e.message };
    }
}

/** 65 bytes go as v, r and s; any other signature goes whole. */
function transfer({ authorization: a, signature }) {
    const parts = signature.length === 132
        ? [parseInt(signature.slice(130), 16), signature.slice(0, 66), '0x' + signature.slice(66, 130)] : [signature];
    const forms = abi('Fiat').filter((f) => f.name === 'transferWithAuthorization' && f.inputs.length === 6 + parts.length);
    return encodeFunctionData({
        abi: forms, functionName: 'transferWithAuthorization',
        args: [a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, ...parts],
    });
}

/** One payment: the body for /verify and /settle, the header for a server, the call that pays it. */
export async function payment(job) {
    job = { version: 2, kind: 'eip3009', ...job };
    if (!KINDS[job.kind]) throw new Error(`no such kind: ${job.kind}`);
    const payload = await KINDS[job.kind](job);
    const call = settlement(payload, job);
    const wanted = requirements(job, payload);
    const extensions = job.gasless ? await grant(job, payload.permit2Authorization) : job.extensions;
    const paymentPayload = job.version === 1
        ? { x402Version: 1, scheme: wanted.scheme, network: wanted.network, payload }
        : { x402Version: 2, resource: { url: job.url ?? 'http://127.0.0.1/thing', description: '', mimeType: 'application/json' }, accepted: structuredClone(wanted), payload, ...(extensions ? { extensions } : {}) };
    const body = { x402Version: job.version, paymentPayload, paymentRequirements: wanted };
    for (const [path, value] of job.tamper ?? []) change(body, path, value);
    for (const path of job.remove ?? []) change(body, path);
    const { authorization: a, permit2Authorization: p } = payload;
    return { body, header: Buffer.from(JSON.stringify(body.paymentPayload)).toString('base64'), call, from: (a ?? p).from, nonce: (a ?? p).nonce };
}

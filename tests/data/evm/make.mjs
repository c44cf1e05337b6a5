// SPDX-License-Identifier: Apache-2.0
// Makes transactions.json, typed.json and calls.json beside this file: in a folder of your own,
//   npm install viem@2.49.3 && cp THIS_FILE . && node make.mjs OUTPUT_FOLDER
// Everything comes from one seed, so that the same bytes come out again. The keys are for tests.
import { writeFileSync } from 'node:fs'
import {
  keccak256, toBytes, toHex, concatHex, pad, encodeFunctionData, encodeFunctionResult, encodeErrorResult,
  encodeAbiParameters, parseAbi, parseAbiParameters, hashTypedData, hashStruct, hashDomain, hashMessage,
  serializeTransaction, parseTransaction, encodeEventTopics, toFunctionSelector, serializeErc6492Signature,
  getTypesForEIP712Domain,
} from 'viem'
import { privateKeyToAccount, sign, serializeSignature } from 'viem/accounts'
import { hashAuthorization } from 'viem/utils'

const OUT = process.argv[2] ?? '.'
let state = keccak256(toBytes('mete evm vectors 1'))
const word = () => (state = keccak256(concatHex([state, '0x6d'])))
const below = (n) => Number(BigInt(word()) % BigInt(n))
const bytes = (n) => { let h = '0x'; while (h.length < 2 + 2 * n) h += word().slice(2); return h.slice(0, 2 + 2 * n) }
const number = (bits) => { const b = 1 + below(bits); return BigInt(word()) & ((1n << BigInt(b)) - 1n) }
const address = () => account().address
const key = () => word()
const account = () => privateKeyToAccount(key())
const text = () => ['', 'USD Coin', 'USDC', 'USD₮0', 'a', 'Ethereum Signed Message', 'é'.repeat(below(40)), 'x'.repeat(below(300))][below(8)]
const str = (v) => JSON.stringify(v, (k, x) => (typeof x === 'bigint' ? x.toString() : x), 1)
const save = (name, v) => writeFileSync(`${OUT}/${name}`, str(v) + '\n')

// Transactions.
const accessList = () => Array.from({ length: below(4) }, () => ({ address: address(), storageKeys: Array.from({ length: below(4) }, word) }))
const data = () => [() => '0x', () => '0x00', () => bytes(1), () => bytes(below(70)), () => bytes(200 + below(400))][below(5)]()
async function transaction(i) {
  const type = ['eip1559', 'legacy', 'eip7702'][i % 3], k = key(), from = privateKeyToAccount(k).address
  const chainId = [1, 8453, 84532, 137, 42161, 31337, 1 + Number(number(50))][below(7)]
  const tx = { type, chainId, nonce: Number(number(40)), gas: number(32), value: number(90), data: data() }
  if (type === 'eip7702' || below(6) > 0) tx.to = address()
  if (type === 'legacy') tx.gasPrice = number(60)
  else {
    tx.maxFeePerGas = number(60)
    tx.maxPriorityFeePerGas = tx.maxFeePerGas / BigInt(1 + below(9))
    tx.accessList = accessList()
  }
  const delegations = []
  if (type === 'eip7702') {
    for (let n = 1 + below(3); n > 0; n--) {
      const a = account(), ask = { address: address(), chainId: below(3) ? chainId : 0, nonce: Number(number(30)) }
      const hash = hashAuthorization(ask), s = await a.signAuthorization(ask)
      delegations.push({ ...ask, hash, signer: a.address, yParity: s.yParity, r: s.r, s: s.s })
    }
    tx.authorizationList = delegations
  }
  const unsigned = serializeTransaction(tx), raw = await privateKeyToAccount(k).signTransaction(tx)
  const p = parseTransaction(raw)
  return {
    private_key: k, from, fields: { ...tx, to: tx.to ?? null, nonce: String(tx.nonce), chainId: String(chainId),
      authorizationList: delegations.map((d) => ({ ...d, chainId: String(d.chainId), nonce: String(d.nonce) })) },
    unsigned, signing_hash: keccak256(unsigned), raw, hash: keccak256(raw), r: p.r, s: p.s,
  }
}

// Typed data. The first six are what tokens, Permit2 and x402 use; the others try every kind.
const A = (name) => ({ name, type: 'address' }), U = (name, bits = 256) => ({ name, type: `uint${bits}` }), W = (name) => ({ name, type: 'bytes32' })
const AUTH = [A('from'), A('to'), U('value'), U('validAfter'), U('validBefore'), W('nonce')]
const PERMIT2 = (witness) => ({
  PermitWitnessTransferFrom: [{ name: 'permitted', type: 'TokenPermissions' }, A('spender'), U('nonce'), U('deadline'), { name: 'witness', type: 'Witness' }],
  TokenPermissions: [A('token'), U('amount')], Witness: witness,
})
const TYPES = [
  ['TransferWithAuthorization', { TransferWithAuthorization: AUTH }],
  ['ReceiveWithAuthorization', { ReceiveWithAuthorization: AUTH }],
  ['CancelAuthorization', { CancelAuthorization: [A('authorizer'), W('nonce')] }],
  ['Permit', { Permit: [A('owner'), A('spender'), U('value'), U('nonce'), U('deadline')] }],
  ['PermitWitnessTransferFrom', PERMIT2([A('to'), U('validAfter')])],
  ['PermitWitnessTransferFrom', PERMIT2([A('to'), A('facilitator'), U('validAfter')])],
  ['Mail', { Person: [{ name: 'name', type: 'string' }, A('wallet')], Mail: [{ name: 'from', type: 'Person' }, { name: 'to', type: 'Person[]' }, { name: 'contents', type: 'string' }, { name: 'flag', type: 'bool' }] }],
  ['ClaimBatch', { ClaimEntry: [W('channelId'), U('maxClaimableAmount', 128), U('totalClaimed', 128)], ClaimBatch: [{ name: 'claims', type: 'ClaimEntry[]' }] }],
  ['All', { All: [U('small', 8), U('delay', 40), { name: 'raw', type: 'bytes' }, { name: 'words', type: 'bytes32[]' }, { name: 'names', type: 'string[]' }, { name: 'b', type: 'B' }, { name: 'a', type: 'A' }], B: [{ name: 'c', type: 'C' }], A: [{ name: 'c', type: 'C' }, { name: 'ok', type: 'bool' }], C: [A('who')] }],
]
function value(type, types) {
  if (type.endsWith('[]')) return Array.from({ length: below(4) }, () => value(type.slice(0, -2), types))
  if (types[type]) return Object.fromEntries(types[type].map((f) => [f.name, value(f.type, types)]))
  if (type === 'address') return address()
  if (type === 'bytes32') return word()
  if (type === 'bytes') return bytes(below(80))
  if (type === 'string') return text()
  if (type === 'bool') return below(2) === 1
  return number(Number(type.slice(4)))
}
const hashes = (types, primaryType, message) => hashStruct({ data: message, primaryType, types })
async function typed(i) {
  const [primaryType, types] = TYPES[i % TYPES.length], a_key = key(), a = privateKeyToAccount(a_key)
  const domain = { name: text(), version: ['1', '2', 'v2.1'][below(3)], chainId: Number(number(45)), verifyingContract: address() }
  if (primaryType.startsWith('PermitWitness')) delete domain.version
  const message = value(primaryType, types), all = { EIP712Domain: getTypesForEIP712Domain({ domain }), ...types }
  const digest = hashTypedData({ domain, types, primaryType, message })
  return { types, primaryType, domain: { ...domain, chainId: String(domain.chainId) }, message, separator: hashDomain({ domain, types: all }),
    structure: hashes(types, primaryType, message), digest, private_key: a_key, signer: a.address,
    signature: await a.signTypedData({ domain, types, primaryType, message }) }
}
async function personal() {
  const a_key = key(), a = privateKeyToAccount(a_key), raw = bytes(below(120))
  return { message: raw, hash: hashMessage({ raw }), private_key: a_key, signer: a.address, signature: await a.signMessage({ message: { raw } }) }
}

// Calls, answers, logs.
const abi = parseAbi([
  'function transfer(address,uint256) returns (bool)', 'function approve(address,uint256) returns (bool)',
  'function balanceOf(address) view returns (uint256)', 'function allowance(address,address) view returns (uint256)',
  'function isBlacklisted(address) view returns (bool)', 'function paused() view returns (bool)',
  'function decimals() view returns (uint8)', 'function name() view returns (string)', 'function symbol() view returns (string)',
  'function version() view returns (string)', 'function DOMAIN_SEPARATOR() view returns (bytes32)', 'function PERMIT2() view returns (address)',
  'function receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)',
  'function cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)',
  'function authorizationState(address,bytes32) view returns (bool)',
  'struct Call3 { address target; bool allowFailure; bytes callData; }', 'struct Result { bool success; bytes returnData; }',
  'function aggregate3(Call3[]) returns (Result[])', 'function isValidSignature(bytes32,bytes) view returns (bytes4)',
  'function disperseToken(address,address[],uint256[])',
  'event Transfer(address indexed from, address indexed to, uint256 value)',
  'event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)', 'error Error(string)',
])
const twa = parseAbi(['function transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)'])
const twaBytes = parseAbi(['function transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)'])
const PERMIT = ['struct TokenPermissions { address token; uint256 amount; }', 'struct Permit { TokenPermissions permitted; uint256 nonce; uint256 deadline; }']
const exact = parseAbi([...PERMIT, 'struct Witness { address to; uint256 validAfter; }', 'function settle(Permit, address, Witness, bytes)'])
const upto = parseAbi([...PERMIT, 'struct Witness { address to; address facilitator; uint256 validAfter; }', 'function settle(Permit, uint256, address, Witness, bytes)'])
const APPROVAL = 'struct Approval { uint256 value; uint256 deadline; bytes32 r; bytes32 s; uint8 v; }'
const exactPermit = parseAbi([APPROVAL, ...PERMIT, 'struct Witness { address to; uint256 validAfter; }', 'function settleWithPermit(Approval, Permit, address, Witness, bytes)'])
const uptoPermit = parseAbi([APPROVAL, ...PERMIT, 'struct Witness { address to; address facilitator; uint256 validAfter; }', 'function settleWithPermit(Approval, Permit, uint256, address, Witness, bytes)'])
const rows = []
const add = (kind, args, out) => rows.push({ kind, args, data: out })
const enc = (functionName, args, from = abi) => encodeFunctionData({ abi: from, functionName, args })
const answer = (functionName, result) => encodeFunctionResult({ abi, functionName, result })
for (let i = 0; i < 5; i++) {
  const a = AUTH.map((f) => value(f.type, {})), signature = await sign({ hash: word(), privateKey: key() })
  const v = 27 + signature.yParity, vrs = [v, signature.r, signature.s], raw = bytes([65, 0, 1, 32, 200][i])
  const auth = { authorization: Object.fromEntries(AUTH.map((f, n) => [f.name, a[n]])), signature: serializeSignature(signature) }
  add('transfer', [a[0], a[2]], enc('transfer', [a[0], a[2]]))
  add('approve', [a[0], a[2]], enc('approve', [a[0], a[2]]))
  add('balanceOf', [a[0]], enc('balanceOf', [a[0]]))
  add('isBlacklisted', [a[0]], enc('isBlacklisted', [a[0]]))
  add('allowance', [a[0], a[1]], enc('allowance', [a[0], a[1]]))
  add('transferWithAuthorization', auth, enc('transferWithAuthorization', [...a, ...vrs], twa))
  add('transferWithAuthorizationBytes', { ...auth, signature: raw }, enc('transferWithAuthorization', [...a, raw], twaBytes))
  add('receiveWithAuthorization', auth, enc('receiveWithAuthorization', [...a, ...vrs]))
  add('cancelAuthorization', auth, enc('cancelAuthorization', [a[0], a[5], ...vrs]))
  add('authorizationState', auth, enc('authorizationState', [a[0], a[5]]))
  add('isValidSignature', [a[5], raw], enc('isValidSignature', [a[5], raw]))
  const many = Array.from({ length: i }, () => [address(), number(90)])
  add('disperseToken', { token: a[0], to: many.map((m) => m[0]), amounts: many.map((m) => m[1]) }, enc('disperseToken', [a[0], many.map((m) => m[0]), many.map((m) => m[1])]))
  const calls = Array.from({ length: [0, 1, 2, 3, 20][i] }, () => ({ target: address(), allowFailure: below(2) === 1, callData: data() }))
  add('aggregate3', calls, enc('aggregate3', [calls]))
  const results = calls.map(() => ({ success: below(2) === 1, returnData: data() }))
  add('aggregate3Answer', results, answer('aggregate3', results))
  const p = { token: address(), amount: number(90), spender: address(), nonce: number(256), deadline: number(40), to: address(), validAfter: number(40), facilitator: address(), owner: address(), charge: number(80), signature: raw, approved: number(90), approvedUntil: number(40), approvedBy: serializeSignature(signature) }
  const permit = { permitted: { token: p.token, amount: p.amount }, nonce: p.nonce, deadline: p.deadline }
  const approval = { value: p.approved, deadline: p.approvedUntil, r: signature.r, s: signature.s, v }
  const exactly = { to: p.to, validAfter: p.validAfter }, upToThat = { ...exactly, facilitator: p.facilitator }
  add('settleExactPermit', p, enc('settleWithPermit', [approval, permit, p.owner, exactly, raw], exactPermit))
  add('settleUptoPermit', p, enc('settleWithPermit', [approval, permit, p.charge, p.owner, upToThat, raw], uptoPermit))
  add('settleExact', p, enc('settle', [permit, p.owner, exactly, raw], exact))
  add('settleUpto', p, enc('settle', [permit, p.charge, p.owner, upToThat, raw], upto))
  const wrapped = { address: address(), data: data(), signature: raw }
  add('eip6492', wrapped, serializeErc6492Signature(wrapped))
  const name = text()
  add('textAnswer', [name], answer('name', name))
  add('numberAnswer', [a[2]], answer('balanceOf', a[2]))
  add('addressAnswer', [a[0]], answer('PERMIT2', a[0]))
  add('hashAnswer', [a[5]], answer('DOMAIN_SEPARATOR', a[5]))
  add('boolAnswer', [i % 2 === 0], answer('paused', i % 2 === 0))
  add('revert', [name], encodeErrorResult({ abi, errorName: 'Error', args: [name] }))
  add('logTransfer', { from: a[0], to: a[1], amount: a[2], topics: encodeEventTopics({ abi, eventName: 'Transfer', args: { from: a[0], to: a[1] } }) }, encodeAbiParameters(parseAbiParameters('uint256'), [a[2]]))
  add('logAuthorizationUsed', { authorizer: a[0], nonce: a[5], topics: encodeEventTopics({ abi, eventName: 'AuthorizationUsed', args: { authorizer: a[0], nonce: a[5] } }) }, '0x')
}
for (const f of ['decimals', 'name', 'symbol', 'version', 'DOMAIN_SEPARATOR', 'paused', 'PERMIT2']) add(f, [], enc(f, []))

save('transactions.json', { format: 'evm-transactions', transactions: await Promise.all(Array.from({ length: 90 }, (_, i) => transaction(i))) })
save('typed.json', { format: 'eip712', typed: await Promise.all(Array.from({ length: 90 }, (_, i) => typed(i))), personal: await Promise.all(Array.from({ length: 15 }, personal)) })
save('calls.json', { format: 'evm-calls', calls: rows })

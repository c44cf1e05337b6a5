// SPDX-License-Identifier: Apache-2.0
// Compiles a Solidity file with solc from npm (tests/node/evm) into JSON beside it, the same bytes
// every time: no metadata, a fixed optimizer, no instruction newer than "paris", which every network
// has. --check compares instead of writing.
//   node contracts/compile.mjs [--check] FILE.sol ...
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const here = path.dirname(new URL(import.meta.url).pathname);
const solc = createRequire(path.join(here, '../tests/node/evm/package.json'))('solc');
const check = process.argv.includes('--check');
let bad = 0;
for (const file of process.argv.slice(2).filter((a) => !a.startsWith('--'))) {
    const name = path.basename(file);
    const made = JSON.parse(solc.compile(JSON.stringify({
        language: 'Solidity',
        sources: { [name]: { content: fs.readFileSync(file, 'utf8') } },
        settings: {
            evmVersion: 'paris',
            optimizer: { enabled: true, runs: 10000 },
            metadata: { bytecodeHash: 'none', appendCBOR: false },
            outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object', 'evm.methodIdentifiers'] } },
        },
    })));
    for (const e of made.errors ?? []) console.error(e.formattedMessage);
    if ((made.errors ?? []).some((e) => e.severity === 'error')) process.exit(1);
    const contracts = {};
    for (const [contract, c] of Object.entries(made.contracts[name])) {
        contracts[contract] = {
            abi: c.abi,
            functions: c.evm.methodIdentifiers,
            creation: '0x' + c.evm.bytecode.object,
            runtime: '0x' + c.evm.deployedBytecode.object,
        };
    }
    const text = JSON.stringify({ compiler: solc.version(), contracts }, null, 1) + '\n';
    const out = file.replace(/\.sol$/, '.json');
    if (!check) {
        fs.writeFileSync(out, text);
    } else if (fs.readFileSync(out, 'utf8') !== text) {
        console.error(`${out} is not what ${file} gives: run contracts/compile.mjs`);
        bad = 1;
    }
}
process.exit(bad);

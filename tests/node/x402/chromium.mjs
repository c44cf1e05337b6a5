// SPDX-License-Identifier: Apache-2.0
// A real browser (Chromium, without a window) with a wallet that is put into its pages and signs here.
//   const page = await open(PROGRAM);  await page.go(URL);  await page.until(EXPRESSION);  page.close()
// `asked`: what the wallet was asked; `complaints`: what the browser complained of. env: X402_CHAIN, FROM (payer)
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { account, chainId } from './setting.mjs';

export async function open(program) {
    const signer = account(process.env.FROM ?? 'payer');
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mete-browser-'));
    const browser = spawn(program, ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
        '--no-proxy-server', '--disable-background-networking', `--user-data-dir=${folder}`, '--remote-debugging-pipe', 'about:blank'],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    const [, , , to, from] = browser.stdio;
    const waiting = new Map();
    const complaints = [];
    const asked = [];
    let number = 0;
    let session;
    function call(method, params = {}) {
        const id = ++number;
        to.write(JSON.stringify({ id, method, params, ...(session ? { sessionId: session } : {}) }) + '\0');
        return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
    }
    const evaluate = async (expression) => (await call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })).result.value;
    async function answer({ id, method, params }) {
        asked.push(method);
        let result = null;
        if (method === 'eth_requestAccounts') result = [signer.address];
        else if (method === 'eth_chainId') result = '0x' + chainId.toString(16);
        else if (method === 'eth_signTypedData_v4') {
            const { types: { EIP712Domain, ...types }, ...data } = JSON.parse(params[1]);
            result = await signer.signTypedData({ ...data, types });
        }
        await evaluate(`walletAnswer(${id}, ${JSON.stringify(result)})`);
    }
    function take({ id, method, params, result, error }) {
        if (id) {
            const { resolve, reject } = waiting.get(id);
            waiting.delete(id);
            if (error) reject(new Error(error.message));
            else resolve(result);
        } else if (method === 'Runtime.bindingCalled') answer(JSON.parse(params.payload));
        else if (method === 'Runtime.exceptionThrown') complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
        else if (method === 'Log.entryAdded' && !/402|favicon/.test(params.entry.text + params.entry.url)) complaints.push(params.entry.text);
    }
    let rest = '';
    from.setEncoding('utf8').on('data', (part) => {
        const messages = (rest + part).split('\0');
        rest = messages.pop();
        messages.forEach((m) => take(JSON.parse(m)));
    });
    const WALLET = `{ const open = {}; let next = 0;
        window.walletAnswer = (id, result) => open[id](result);
        window.ethereum = { request: (q) => new Promise((resolve) => { open[++next] = resolve; walletAsk(JSON.stringify({ id: next, ...q })); }) }; }`;
    async function until(expression) {
        for (let i = 0; i < 300; i++) {
            const value = await evaluate(expression);
            if (value) return value;
            await new Promise((resolve) => setTimeout(resolve, 50));
        }
        return null;
    }
    const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
    session = (await call('Target.attachToTarget', { targetId, flatten: true })).sessionId;
    for (const domain of ['Page', 'Runtime', 'Log']) await call(domain + '.enable');
    await call('Runtime.addBinding', { name: 'walletAsk' });
    await call('Page.addScriptToEvaluateOnNewDocument', { source: WALLET });
    return { asked, complaints, evaluate, until, go: (url) => call('Page.navigate', { url }), close() {
        browser.kill();
        browser.on('exit', () => { // its helpers write a moment longer
            const again = setInterval(() => {
                try {
                    fs.rmSync(folder, { recursive: true, force: true });
                    clearInterval(again);
                    process.exit(0);
                } catch { /* not empty yet */ }
            }, 50);
        });
    } };
}

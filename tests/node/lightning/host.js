/* SPDX-License-Identifier: Apache-2.0
 * A payee's host: the LNURL server of npm `lnurl`, behind TLS and the path of LUD-16, which that
 * server does not have itself; its invoices are those of a node of LDK, and another one pays. Prints its ports as JSON.
 * Usage: node host.js KEY.pem CERTIFICATE.pem HOSTNAME */
'use strict';
const fs = require('fs');
const http = require('http');
const https = require('https');
const path = require('path');
const lnurl = require('lnurl');
const backend = require('./backend.js');
const node = require('./node.js');

const [keyFile, certificateFile, hostname] = process.argv.slice(2);

/** Everything but the address of LUD-16 goes to the LNURL server as it came. */
function forward(server, users, req, res) {
    const user = /^\/\.well-known\/lnurlp\/([a-z0-9._-]+)$/.exec(req.url);
    if (user && !users.has(user[1])) {
        res.writeHead(404);
        return res.end(JSON.stringify({ status: 'ERROR', reason: `there is no ${user[1]}` }));
    }
    const to = user ? `/lnurl?q=${users.get(user[1])}` : req.url;
    const options = { port: server.app.webServer.address().port, host: '127.0.0.1', path: to };
    return http
        .get(options, (from) => {
            res.writeHead(from.statusCode, from.headers);
            from.pipe(res);
        })
        .on('error', () => res.destroy());
}

async function main() {
    const { open } = await import('./ldk.mjs');
    backend.nodes = await open(node.ended, node.judge);
    const front = https.createServer({
        key: fs.readFileSync(keyFile),
        cert: fs.readFileSync(certificateFile),
    });
    await new Promise((done) => front.listen(0, '127.0.0.1', done));
    await new Promise((done) => node.server.listen(0, '127.0.0.1', done));
    const server = lnurl.createServer({
        host: '127.0.0.1',
        port: '0', // any: it takes the number 0 for a missing one
        url: `https://${hostname}`,
        lightning: { backend: path.join(__dirname, 'backend.js'), config: {} },
    });
    await server.onReady();
    const users = new Map();
    for (const user of ['agent', 'author']) {
        const metadata = JSON.stringify([
            ['text/plain', `for ${user}: "ünïcode" \u2028 and a \\ `],
            ['text/identifier', `${user}@${hostname}`],
        ]);
        const params = { minSendable: 1000, maxSendable: 500000000, metadata, commentAllowed: 20 };
        const made = await server.generateNewUrl('payRequest', params, { uses: 0 });
        users.set(user, made.secret);
    }
    front.on('request', (req, res) => forward(server, users, req, res));
    console.log(JSON.stringify({ https: front.address().port, node: node.server.address().port }));
}

main();

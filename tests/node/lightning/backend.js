/* SPDX-License-Identifier: Apache-2.0
 * What the LNURL server gives out invoices by: the payee. Its own dummy backend forgets the payment
 * secret that BOLT 11 demands, so this one gives it. The preimages are shared with node.js. */
'use strict';
const crypto = require('crypto');
const LightningBackend = require('lightning-backends/lib/LightningBackend');
const generatePaymentRequest = require('lightning-backends/lib/generatePaymentRequest');

const preimages = new Map(); // payment hash in hex -> preimage in hex

class Backend extends LightningBackend {
    constructor(options) {
        super('payee', options, { defaultOptions: {}, requiredOptions: [] });
        this.key = crypto.createHash('sha256').update('payee').digest('hex');
    }

    getNodeUri() {
        return Promise.reject(new Error('not needed'));
    }

    openChannel() {
        return Promise.reject(new Error('not needed'));
    }

    payInvoice() {
        return Promise.reject(new Error('not needed'));
    }

    addInvoice(amount, extra) {
        const preimage = crypto.randomBytes(32);
        const hash = crypto.createHash('sha256').update(preimage).digest('hex');
        const invoice = generatePaymentRequest(amount, {
            descriptionHash: extra.descriptionHash,
            nodePrivateKey: this.key,
            paymentSecret: crypto.randomBytes(32),
            preimage,
        });
        preimages.set(hash, preimage.toString('hex'));
        return Promise.resolve({ id: hash, invoice });
    }
}

module.exports = Backend;
module.exports.preimages = preimages;

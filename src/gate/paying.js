/* SPDX-License-Identifier: Apache-2.0
 * How a browser's wallet (EIP-1193) pays by x402, scheme "exact" on EVM chains: what it is asked to
 * sign, what is sent, and what an answer says. Part of paywall.html and of x402-pay.js, into which
 * assemble.py puts it. */
const PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3";
const PROXY = "0x402085c248EeA27D92E8b30b2C58ed07f9E20001";
const VALID_S_MAX = 3600; /* whatever an offer says */
function bytes(n) {
    const b = crypto.getRandomValues(new Uint8Array(n));
    return "0x" + Array.from(b, x => x.toString(16).padStart(2, "0")).join("");
}
function base64(text) {
    return btoa(Array.from(new TextEncoder().encode(text), b => String.fromCharCode(b)).join(""));
}
function unbase64(text) {
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text), c => c.charCodeAt(0))));
}
/* What PAYMENT-REQUIRED says; null: nothing that can be read. */
function required_by(header) {
    try {
        const required = unbase64(header);
        return Array.isArray(required.accepts) ? required : null;
    } catch {
        return null;
    }
}
function is_permit2(offer) {
    return offer.extra && offer.extra.assetTransferMethod === "permit2";
}
/* The offers that a wallet can pay. */
function payable(required) {
    return required.accepts.filter(o => o && o.scheme === "exact" && /^eip155:\d+$/.test(o.network)
        && Number.isSafeInteger(o.maxTimeoutSeconds) && o.maxTimeoutSeconds > 0
        && (is_permit2(o) || (o.extra && o.extra.name && o.extra.version)));
}
function typed(offer, from) {
    const now = Math.floor(Date.now() / 1000), until = String(now + Math.min(offer.maxTimeoutSeconds, VALID_S_MAX));
    const chainId = Number(offer.network.slice(7));
    if (is_permit2(offer)) {
        const permitted = { token: offer.asset, amount: offer.amount };
        const nonce = BigInt(bytes(32)).toString();
        const witness = { to: offer.payTo, validAfter: String(now - 600) };
        return {
            payload: { permit2Authorization: { from, permitted, spender: PROXY, nonce, deadline: until, witness } },
            data: { domain: { name: "Permit2", chainId, verifyingContract: PERMIT2 },
                types: { EIP712Domain: [["name", "string"], ["chainId", "uint256"], ["verifyingContract", "address"]],
                    PermitWitnessTransferFrom: [["permitted", "TokenPermissions"], ["spender", "address"],
                        ["nonce", "uint256"], ["deadline", "uint256"], ["witness", "Witness"]],
                    TokenPermissions: [["token", "address"], ["amount", "uint256"]],
                    Witness: [["to", "address"], ["validAfter", "uint256"]] },
                primaryType: "PermitWitnessTransferFrom",
                message: { permitted, spender: PROXY, nonce, deadline: until, witness } } };
    }
    const authorization = { from, to: offer.payTo, value: offer.amount, validAfter: String(now - 600),
        validBefore: until, nonce: bytes(32) };
    return {
        payload: { authorization },
        data: { domain: { name: offer.extra.name, version: offer.extra.version, chainId, verifyingContract: offer.asset },
            types: { EIP712Domain: [["name", "string"], ["version", "string"], ["chainId", "uint256"],
                ["verifyingContract", "address"]],
                TransferWithAuthorization: [["from", "address"], ["to", "address"], ["value", "uint256"],
                    ["validAfter", "uint256"], ["validBefore", "uint256"], ["nonce", "bytes32"]] },
            primaryType: "TransferWithAuthorization", message: authorization } };
}
function named(data) {
    const types = {};
    for (const [name, members] of Object.entries(data.types))
        types[name] = members.map(([n, type]) => ({ name: n, type }));
    return JSON.stringify({ ...data, types });
}
async function onChain(wallet, id) {
    const wanted = "0x" + id.toString(16);
    if (Number(await wallet.request({ method: "eth_chainId" })) !== id)
        await wallet.request({ method: "wallet_switchEthereumChain", params: [{ chainId: wanted }] });
}
function extensions(required) {
    const out = {};
    for (const [name, value] of Object.entries(required.extensions)) {
        if (name === "payment-identifier") out[name] = { ...value, info: { ...value.info, id: "pay_" + bytes(16).slice(2) } };
        else if (name === "bazaar") out[name] = value;
    }
    return out;
}
/* Asks the wallet for a payment of an offer: the value of PAYMENT-SIGNATURE. `say` hears how far it is. */
async function signed(required, offer, wallet, say) {
    say("Asking the wallet for an account\u2026");
    const [from] = await wallet.request({ method: "eth_requestAccounts" });
    await onChain(wallet, Number(offer.network.slice(7)));
    const { payload, data } = typed(offer, from);
    say("Asking the wallet to sign\u2026");
    payload.signature = await wallet.request({ method: "eth_signTypedData_v4", params: [from, named(data)] });
    const payment = { x402Version: 2, resource: required.resource, accepted: offer, payload };
    if (required.extensions) payment.extensions = extensions(required);
    return base64(JSON.stringify(payment));
}
function settled(response) {
    const said = response.headers.get("PAYMENT-RESPONSE");
    try {
        return said ? unbase64(said) : null;
    } catch { /* money has moved all the same: what was bought is shown */
        return null;
    }
}
/* What to say of an answer that is not what was paid for. `refused`: the payment is not taken, else
   the same one may be sent again. */
function trouble(response) {
    const said = settled(response);
    if (said && said.errorReason === "duplicate_settlement") {
        return { refused: false, text: "This was paid for already; its transaction is " + (said.transaction || "not known") + "." };
    }
    if (response.status === 402 || response.status === 412) {
        const again = response.headers.get("PAYMENT-REQUIRED"), required = again && required_by(again);
        const why = (said && said.errorReason) || (required && required.error)
            || (again && !required ? "no reason that can be read was given" : "no reason was given");
        return { refused: true, text: "The payment was not taken: " + why + "." };
    }
    return { refused: false, text: said && said.errorReason === "settlement_pending"
        ? "The payment is under way. Press again in a moment: you will not pay twice."
        : "The server answered " + response.status + ". Press again to send the same payment." };
}
function named_by(path) {
    const name = path.split("/").pop() || "download";
    try {
        return decodeURIComponent(name);
    } catch {
        return name;
    }
}
/* What was bought, as an element. The scripts of HTML do not run. */
async function element(response, path) {
    const type = (response.headers.get("content-type") || "").toLowerCase();
    const blob = await response.blob();
    let node;
    if (type.startsWith("image/")) {
        node = new Image();
        node.src = URL.createObjectURL(blob);
    } else if (type.startsWith("text/html")) {
        node = document.createElement("iframe");
        node.setAttribute("sandbox", "");
        node.srcdoc = await blob.text();
    } else if (type.startsWith("text/") || type.includes("json") || type.includes("xml")) {
        node = document.createElement("pre");
        node.textContent = await blob.text();
    } else {
        node = document.createElement("a");
        /* of no type a browser guesses one, and shows it with the rights of this page */
        node.href = URL.createObjectURL(blob.type ? blob : new Blob([blob], { type: "application/octet-stream" }));
        node.download = named_by(path);
        node.textContent = "Save " + node.download + " (" + blob.size + " bytes)";
    }
    return node;
}

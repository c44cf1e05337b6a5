// SPDX-License-Identifier: Apache-2.0
// Stripe's own client and an npm decoder of invoices must be able to talk to `mete rail-sim`: it
// keeps the doubles honest. TAP.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import bolt11 from "light-bolt11-decoder";
import Stripe from "stripe";

let tests = 0;
let failed = 0;
function ok(holds, what, more) {
    tests += 1;
    failed += holds ? 0 : 1;
    console.log(`${holds ? "ok" : "not ok"} ${tests} - ${what}`);
    if (!holds && more !== undefined) {
        console.log("# " + JSON.stringify(more));
    }
}

async function thrown(work) {
    try {
        await work();
    } catch (e) {
        return e;
    }
    return undefined;
}

const events = [];
const hook = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
        events.push({ body: Buffer.concat(parts), signature: request.headers["stripe-signature"] });
        response.end();
    });
});
await new Promise((resolve) => hook.listen(0, "127.0.0.1", resolve));

const secret = "whsec_of_this_test";
const sim = spawn(process.env.METE, ["rail-sim", "--webhook-url",
    `http://127.0.0.1:${hook.address().port}/`, "--webhook-secret", secret, "--hold", "2000"],
    { stdio: ["ignore", "ignore", "pipe"] });
const port = await new Promise((resolve, reject) => {
    createInterface({ input: sim.stderr }).once("line", (line) => {
        const found = /listening on http:\/\/127\.0\.0\.1:(\d+),/.exec(line);
        found ? resolve(Number(found[1])) : reject(new Error(line));
    });
});
const url = (path) => `http://127.0.0.1:${port}${path}`;
const client = (key, retries) => new Stripe(key, { host: "127.0.0.1", port, protocol: "http",
    maxNetworkRetries: retries, telemetry: false });
const stripe = client("sk_test_railsim", 0);
const fault = async (name, at, more) => {
    const answer = await fetch(url("/sim/faults"), { method: "POST",
        body: JSON.stringify({ fault: name, at, ...more }) });
    ok(answer.status === 200, `the fault ${name} is scripted`, await answer.text());
};
const moved = async () => (await (await fetch(url("/sim/payments?rail=stripe"))).json()).payments;

try {
    // --- transfers and keys of idempotency
    const wish = { amount: 1234, currency: "usd", destination: "acct_alice",
        transfer_group: "po_1", metadata: { party: "did:a", "a key": "ä&=" } };
    const first = await stripe.transfers.create(wish, { idempotencyKey: "k1" });
    const again = await stripe.transfers.create(wish, { idempotencyKey: "k1" });
    ok(first.id.startsWith("tr_") && first.amount === 1234 && first.livemode === false,
        "a transfer is made", first);
    ok(again.id === first.id && again.lastResponse.headers["idempotent-replayed"] === "true",
        "the same key again replays it", again.lastResponse.headers);
    ok((await moved()).length === 1, "the money moved once");
    ok(first.metadata["a key"] === "ä&=", "metadata comes back as it was", first.metadata);
    ok(/^req_/.test(first.lastResponse.requestId), "answers have a request id");
    const other = await thrown(() => stripe.transfers.create({ ...wish, amount: 1 },
        { idempotencyKey: "k1" }));
    ok(other instanceof Stripe.errors.StripeIdempotencyError && other.statusCode === 400,
        "another body under the same key is an idempotency error", other);

    // --- reading
    const got = await stripe.transfers.retrieve(first.id);
    ok(got.id === first.id && got.transfer_group === "po_1", "a transfer is retrieved");
    await stripe.transfers.create({ ...wish, transfer_group: "po_2" });
    const listed = await stripe.transfers.list({ transfer_group: "po_1", destination: "acct_alice" });
    ok(listed.object === "list" && listed.data.length === 1 && listed.data[0].id === first.id,
        "a group is listed", listed);
    for (let i = 0; i < 5; i += 1) {
        await stripe.transfers.create({ ...wish, amount: 10 + i, transfer_group: "po_3" });
    }
    const pages = await stripe.transfers.list({ transfer_group: "po_3", limit: 2 })
        .autoPagingToArray({ limit: 100 });
    ok(pages.map((t) => t.amount).join() === "14,13,12,11,10", "the client pages through a list",
        pages.map((t) => t.amount));
    const balance = await stripe.balance.retrieve();
    ok(balance.available[0].amount === 100000000000 - 2 * 1234 - 60, "the balance is less", balance);
    const txn = await stripe.balanceTransactions.retrieve(first.balance_transaction);
    ok(txn.amount === -1234 && txn.source === first.id && txn.type === "transfer",
        "its balance transaction is there", txn);
    const account = await stripe.accounts.retrieve("acct_alice");
    ok(account.capabilities.transfers === "active", "an account is retrieved", account);
    const there = await stripe.balance.retrieve({}, { stripeAccount: "acct_alice" });
    ok(there.available[0].amount === 2 * 1234 + 60, "the funds are at the account", there);

    // --- classes of errors
    const none = await thrown(() => stripe.transfers.retrieve("tr_none"));
    ok(none instanceof Stripe.errors.StripeInvalidRequestError && none.statusCode === 404 &&
        none.code === "resource_missing", "an unknown id is an invalid request", none);
    const key = await thrown(() => client("sk_test_wrong", 0).transfers.list());
    ok(key instanceof Stripe.errors.StripeAuthenticationError, "a wrong key is refused", key);
    const lacking = await thrown(() => stripe.transfers.create({ amount: 5, currency: "usd" }));
    ok(lacking?.code === "parameter_missing" && lacking.param === "destination",
        "a missing parameter is named", lacking);
    const strange = await thrown(() => stripe.transfers.create({ ...wish, colour: "red" }));
    ok(strange?.code === "parameter_unknown" && strange.param === "colour",
        "an unknown parameter is named", strange);
    const poor = await thrown(() => stripe.transfers.create({ ...wish, amount: 999999999999 }));
    ok(poor?.code === "balance_insufficient", "too much is refused", poor);
    await fault("too_many", "stripe.transfer.list");
    const many = await thrown(() => stripe.transfers.list());
    ok(many instanceof Stripe.errors.StripeRateLimitError || many?.statusCode === 429,
        "429 is seen as such", many);
    await fault("error_after", "stripe.transfer.create");
    const broken = await thrown(() => stripe.transfers.create({ ...wish, transfer_group: "po_4" },
        { idempotencyKey: "k4" }));
    ok(broken instanceof Stripe.errors.StripeAPIError && broken.statusCode === 500,
        "a 500 is an API error", broken);
    const frozen = await thrown(() => stripe.transfers.create({ ...wish, transfer_group: "po_4" },
        { idempotencyKey: "k4" }));
    ok(frozen?.statusCode === 500 && frozen.headers["idempotent-replayed"] === "true",
        "the 500 stays under its key", frozen);
    ok((await stripe.transfers.list({ transfer_group: "po_4" })).data.length === 1,
        "the list shows that it was made");

    // --- the client's own retries
    await fault("cut_before", "stripe.transfer.create");
    const retried = await client("sk_test_railsim", 2).transfers.create({ ...wish,
        transfer_group: "po_5" });
    ok(retried.lastResponse.headers["idempotent-replayed"] === "true" &&
        (await stripe.transfers.list({ transfer_group: "po_5" })).data.length === 1,
        "after a cut connection the client retries, and it was made once", retried.lastResponse);

    // --- reversals, payouts, events
    const reversal = await stripe.transfers.createReversal(first.id, { amount: 234 });
    const after = await stripe.transfers.retrieve(first.id);
    ok(reversal.amount === 234 && after.amount_reversed === 234 && !after.reversed &&
        after.reversals.data[0].id === reversal.id, "a reversal takes a part back", after);
    await fault("late_failure", "stripe.payout.create", { s: 60 });
    const payout = await stripe.payouts.create({ amount: 500, currency: "usd" },
        { stripeAccount: "acct_alice", idempotencyKey: "p1" });
    ok(payout.status === "pending", "a payout is pending", payout);
    const forward = (s) => fetch(url("/sim/clock"), { method: "POST",
        body: JSON.stringify({ advance_s: s }) });
    const status = async () => (await stripe.payouts.retrieve(payout.id, {},
        { stripeAccount: "acct_alice" }));
    await forward(3);
    ok((await status()).status === "paid", "it is paid");
    await forward(60);
    const lost = await status();
    ok(lost.status === "failed" && lost.failure_code === "account_closed", "and fails later", lost);
    const told = await stripe.events.list({ type: "payout.failed" });
    ok(told.data.length === 1 && told.data[0].account === "acct_alice", "the event is listed", told);

    // --- webhooks
    const wanted = (type) => events.some((e) => JSON.parse(e.body).type === type);
    for (let i = 0; i < 2400 && !wanted("payout.failed"); i += 1) {
        await new Promise((resolve) => setTimeout(resolve, 25));
    }
    ok(wanted("payout.failed") && wanted("transfer.created") && wanted("transfer.reversed"),
        "events are delivered", events.length);
    const last = events[events.length - 1];
    const far = { tolerance: 1000000 }; // the clock was moved
    ok(stripe.webhooks.constructEvent(last.body, last.signature, secret, far.tolerance).object ===
        "event", "constructEvent verifies the signature");
    const bad = await thrown(() => stripe.webhooks.constructEvent(
        Buffer.concat([last.body, Buffer.from(" ")]), last.signature, secret, far.tolerance));
    ok(bad instanceof Stripe.errors.StripeSignatureVerificationError,
        "constructEvent refuses a changed body", bad);
    ok((await thrown(() => stripe.webhooks.constructEvent(last.body, last.signature, "whsec_other",
        far.tolerance))) instanceof Stripe.errors.StripeSignatureVerificationError,
        "constructEvent refuses another secret");

    const arrived = async (count) => {
        for (let i = 0; i < 2400 && events.length < count; i += 1) {
            await new Promise((resolve) => setTimeout(resolve, 25));
        }
        return events.map((e) => JSON.parse(e.body));
    };
    const before = events.length;
    await fault("webhook_twice", "stripe.transfer.create");
    const twice = await stripe.transfers.create({ ...wish, transfer_group: "po_6" });
    const both = (await arrived(before + 2)).slice(before);
    ok(both.length === 2 && both[0].id === both[1].id && both[0].data.object.id === twice.id,
        "webhook_twice: one event comes twice", both.map((e) => e.id));
    await fault("webhook_order", "stripe.transfer.create");
    const early = await stripe.transfers.create({ ...wish, transfer_group: "po_7" });
    const late = await stripe.transfers.create({ ...wish, transfer_group: "po_8" });
    const order = (await arrived(before + 4)).slice(before + 2).map((e) => e.data.object.id);
    ok(order.join() === [late.id, early.id].join(), "webhook_order: the next one comes first", order);

    // --- invoices
    const invoice = (await (await fetch(url("/lnurl/callback/bob?amount=1234567"))).json()).pr;
    const sections = Object.fromEntries(bolt11.decode(invoice).sections.map((s) => [s.name, s]));
    ok(sections.amount.value === "1234567", "an npm decoder reads the amount", sections.amount);
    ok(sections.description_hash.value.length === 64 && sections.payment_hash.value.length === 64,
        "and the hashes");
    ok(sections.coin_network.value.bech32 === "bcrt", "and the network", sections.coin_network);
    ok(sections.expiry === undefined || sections.expiry.value === 3600, "and the expiry");
} finally {
    sim.kill("SIGTERM");
    hook.close();
    hook.closeAllConnections();
}
const code = await new Promise((resolve) => sim.on("exit", resolve));
ok(code === 0, "the simulator ends well", code);
console.log(`1..${tests}`);
process.exit(failed > 0 ? 1 : 0);

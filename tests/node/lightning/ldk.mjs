/* SPDX-License-Identifier: Apache-2.0
 * Two nodes of LDK (npm lightningdevkit) in this process, with a channel between them that needs no
 * block: one pays, the other is the payee. What is between them are real HTLCs: one that the payee
 * neither claims nor fails is in flight. */
import * as fs from 'fs';
import { createRequire } from 'module';
import * as ldk from 'lightningdevkit';

const NETWORK = ldk.Network.LDKNetwork_Bitcoin;
const CHANNEL_SAT = 16000000n;
const require = createRequire(import.meta.url);
const hex = (bytes) => Buffer.from(bytes).toString('hex');

function persister() {
    const done = () => ldk.ChannelMonitorUpdateStatus.LDKChannelMonitorUpdateStatus_Completed;
    return ldk.Persist.new_impl({
        persist_new_channel: done,
        update_persisted_channel: done,
        archive_persisted_channel() {},
    });
}

function configuration() {
    const config = ldk.UserConfig.constructor_default();
    const handshake = config.get_channel_handshake_config();
    handshake.set_max_inbound_htlc_value_in_flight_percent_of_channel(100);
    handshake.set_our_max_accepted_htlcs(483);
    config.set_channel_handshake_config(handshake);
    config.set_manually_accept_inbound_channels(true); // or it would wait for blocks
    return config;
}

function router(n) {
    n.graph = ldk.NetworkGraph.constructor_new(NETWORK, n.logger);
    n.scorer = ldk.ProbabilisticScorer.constructor_new(
        ldk.ProbabilisticScoringDecayParameters.constructor_default(), n.graph, n.logger);
    n.score = ldk.MultiThreadedLockableScore.constructor_new(n.scorer.as_Score());
    return ldk.DefaultRouter.constructor_new(n.graph, n.logger, n.keys.as_EntropySource(),
        n.score.as_LockableScore(), ldk.ProbabilisticScoringFeeParameters.constructor_default());
}

/** A node; everything that it is made of is kept, since the bindings free what nobody holds. */
function make(seed, happened) {
    const now = Math.floor(Date.now() / 1000);
    const n = {};
    n.fees = ldk.FeeEstimator.new_impl({ get_est_sat_per_1000_weight: () => 253 });
    n.caster = ldk.BroadcasterInterface.new_impl({ broadcast_transactions() {} });
    n.logger = ldk.Logger.new_impl({ log() {} });
    n.persister = persister();
    n.monitor = ldk.ChainMonitor.constructor_new(ldk.Option_FilterZ.constructor_none(), n.caster,
        n.logger, n.fees, n.persister);
    n.keys = ldk.KeysManager.constructor_new(new Uint8Array(32).fill(seed), BigInt(now), seed);
    n.router = router(n);
    n.messages = ldk.DefaultMessageRouter.constructor_new(n.graph, n.keys.as_EntropySource());
    n.config = configuration();
    n.chain = ldk.ChainParameters.constructor_new(NETWORK,
        ldk.BestBlock.constructor_from_network(NETWORK));
    n.channels = ldk.ChannelManager.constructor_new(n.fees, n.monitor.as_Watch(), n.caster,
        n.router.as_Router(), n.messages.as_MessageRouter(), n.logger, n.keys.as_EntropySource(),
        n.keys.as_NodeSigner(), n.keys.as_SignerProvider(), n.config, n.chain, now);
    n.ignorer = ldk.IgnoringMessageHandler.constructor_new();
    n.peers = ldk.PeerManager.constructor_new(n.channels.as_ChannelMessageHandler(),
        n.ignorer.as_RoutingMessageHandler(), n.ignorer.as_OnionMessageHandler(),
        n.ignorer.as_CustomMessageHandler(), now,
        n.keys.as_EntropySource().get_secure_random_bytes(), n.logger, n.keys.as_NodeSigner());
    n.events = ldk.EventHandler.new_impl({
        handle_event(event) {
            setImmediate(() => happened(event)); // not from within the node
            return ldk.Result_NoneReplayEventZ.constructor_ok();
        },
    });
    return n;
}

/** A transaction that nobody will ever see: the channel is trusted from the start. */
function funding(event) {
    const value = Buffer.alloc(8);
    value.writeBigUInt64LE(event.channel_value_satoshis);
    const script = Buffer.from(event.output_script);
    return Buffer.concat([
        Buffer.from('020000000001' + '01' + '11'.repeat(32) + '0000000000ffffffff' + '01', 'hex'),
        value,
        Buffer.from([script.length]),
        script,
        Buffer.from('0101ff00000000', 'hex'),
    ]);
}

function connect(a, b) {
    const end = (to, number) => {
        const socket = ldk.SocketDescriptor.new_impl({
            send_data(data) {
                const copy = Uint8Array.from(data);
                setImmediate(() => to.peers.read_event(to.socket, copy));
                return data.length;
            },
            disconnect_socket() {
                throw new Error('the nodes have parted');
            },
            eq: (other) => other.hash() === number,
            hash: () => number,
        });
        return socket;
    };
    a.socket = end(b, 1n);
    b.socket = end(a, 2n);
    const nowhere = ldk.Option_SocketAddressZ.constructor_none();
    b.peers.new_inbound_connection(b.socket, nowhere);
    const first = a.peers.new_outbound_connection(b.channels.get_our_node_id(), a.socket, nowhere);
    b.peers.read_event(b.socket, first.res);
}

function turn(n) {
    n.peers.process_events();
    n.channels.process_pending_htlc_forwards();
    n.channels.as_EventsProvider().process_pending_events(n.events);
}

async function until(holds) {
    while (!holds()) {
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
}

/** Told of the end of a payment: ended(hash, preimage or null, fee in msat). The payee asks
 *  judge(hash) what to do with one that arrives: 'claim', 'fail' or 'hold'. */
export async function open(ended, judge) {
    await ldk.initializeWasmFromBinary(
        fs.readFileSync(require.resolve('lightningdevkit/liblightningjs.wasm')));
    const held = new Map(); // hash -> preimage
    const payee = make(2, (e) => {
        if (e instanceof ldk.Event_OpenChannelRequest) {
            payee.channels.accept_inbound_channel_from_trusted_peer_0conf(
                e.temporary_channel_id, e.counterparty_node_id, 0n);
        } else if (e instanceof ldk.Event_PaymentClaimable) {
            held.set(hex(e.payment_hash), e.purpose.preimage().some);
            settle(hex(e.payment_hash), judge(hex(e.payment_hash)));
        }
    });
    const payer = make(1, (e) => {
        if (e instanceof ldk.Event_FundingGenerationReady) {
            payer.channels.funding_transaction_generated(
                e.temporary_channel_id, e.counterparty_node_id, funding(e));
        } else if (e instanceof ldk.Event_PaymentSent) {
            ended(hex(e.payment_hash), hex(e.payment_preimage), e.fee_paid_msat.some);
        } else if (e instanceof ldk.Event_PaymentFailed) {
            ended(hex(e.payment_id), null, 0n);
        }
    });

    function settle(hash, how) {
        const preimage = held.get(hash);
        if (preimage && how !== 'hold') {
            held.delete(hash);
            if (how === 'claim') {
                payee.channels.claim_funds(preimage);
            } else {
                payee.channels.fail_htlc_backwards(Buffer.from(hash, 'hex'));
            }
        }
    }

    connect(payer, payee);
    setInterval(() => [payer, payee].forEach(turn), 2);
    await until(() => payer.peers.list_peers().length > 0);
    payer.channels.create_channel(
        payee.channels.get_our_node_id(), CHANNEL_SAT, 0n, 1n, null, payer.config);
    await until(() => payer.channels.list_usable_channels().length > 0);

    return {
        key: hex(payer.channels.get_our_node_id()),
        settle,
        invoice(msat, descriptionHash) {
            const made =
                ldk.UtilMethods.constructor_create_invoice_from_channelmanager_with_description_hash(
                    payee.channels, ldk.Option_u64Z.constructor_some(BigInt(msat)),
                    ldk.Sha256.constructor_from_bytes(Buffer.from(descriptionHash, 'hex')), 3600,
                    ldk.Option_u16Z.constructor_none());
            if (!made.is_ok()) {
                throw new Error('LDK makes no invoice');
            }
            return { hash: hex(made.res.payment_hash()), invoice: made.res.to_str() };
        },
        /** What an invoice says, or null. */
        read(text) {
            const invoice = ldk.Bolt11Invoice.constructor_from_str(text);
            return !invoice.is_ok() ? null : {
                invoice: invoice.res,
                hash: hex(invoice.res.payment_hash()),
                msat: invoice.res.amount_milli_satoshis().some,
                expires: Number(invoice.res.duration_since_epoch() +
                    invoice.res.expiry_time()),
            };
        },
        /** False: LDK does not even begin. */
        pay(invoice) {
            const terms = ldk.UtilMethods.constructor_payment_parameters_from_invoice(invoice).res;
            return payer.channels.send_payment(terms.get_a(), terms.get_b(), terms.get_a(),
                terms.get_c(), ldk.Retry.constructor_attempts(0)).is_ok();
        },
    };
}

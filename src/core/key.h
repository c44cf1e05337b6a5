/* SPDX-License-Identifier: Apache-2.0
 * The names of everything a book remembers besides its log. State is a sorted dictionary: the
 * first byte of a key is its class; numbers are big-endian, so that byte order is numeric order.
 * All of it can be rebuilt from the log. A value is either PUT (the last one holds) or a set of
 * sums that are ADDed to (blind writes: nothing is read to book a revenue). */
#ifndef METE_CORE_KEY_H
#define METE_CORE_KEY_H

#include "base/time.h"
#include "base/types.h"
#include "crypto/hash.h"

#define STATE_KEY_MAX 256
#define STATE_SUMS    4

/* X(symbol, class byte, is_sums, what it holds) */
#define KEY_CLASSES(X)                                                                             \
    X(BOOK, 'B', 0, "configuration of the book")                                                   \
    X(COUNTER, 'c', 1, "parties, policies, fee schedules, waiting-for-original")                   \
    X(ASSET, 'A', 0, "code -> number, scale of a defined asset")                                   \
    X(ASSET_NUMBER, 'a', 0, "number -> code, scale of a defined asset")                            \
    X(PARTY, 'N', 0, "party id -> number")                                                         \
    X(PARTY_NUMBER, 'n', 0, "party number -> id, kind")                                            \
    X(POLICY, 'P', 0, "policy id -> number, versions")                                             \
    X(POLICY_NUMBER, 'q', 0, "policy number -> id")                                                \
    X(POLICY_VERSION, 'p', 0, "policy number, version -> packed policy")                           \
    X(FEES, 'F', 0, "versions of the fee schedule")                                                \
    X(FEES_VERSION, 'f', 0, "version -> packed schedule")                                          \
    X(CONTENT, 'C', 0, "content item id -> contributions")                                         \
    X(NET, 'K', 1, "policy, asset -> amount split so far")                                         \
    X(QUANTITY, 'k', 1, "policy -> quantity so far")                                               \
    X(CONDITION, 'D', 0, "policy -> switched conditions")                                          \
    X(RESIDUE, 'Y', 0, "policy, asset, payee -> entitlement not credited yet")                     \
    X(WAITING, 'W', 0, "what it waits for, seq -> code")                                           \
    X(BELOW, 'w', 0, "policy, seq -> (empty): waits for one below; 0, seq -> all on the way")      \
    X(QUEUE, 'J', 0, "releases that are still to do")                                              \
    X(REVERSED, 'R', 0, "seq, group -> what was reversed, line by line")                           \
    X(BOOKED, 'Q', 0, "seq of an event that waited -> where it was booked")                        \
    X(DISPUTE, 'S', 0, "seq, group, line -> dispute of an allocation")                             \
    X(DISPUTED, 'Z', 1, "account, auto-clear time -> disputed amount")                             \
    X(ACCOUNT, 'L', 1, "party, asset -> four running totals")                                      \
    X(ENTRY, 'l', 0, "party, asset, seq, page -> (empty) postings of that account")                \
    X(PENDING, 'T', 1, "party, asset, due day -> amount pending at booking")                       \
    X(USAGE, 'U', 1, "window start, party -> calls, bytes, latency sum, reports")                  \
    X(BATCH, 'u', 0, "platform, batch -> seq of its first usage report, a varint")                 \
    X(METER, 'M', 1, "policy, day, asset, customer -> exact cost, calls, large costs")             \
    X(METER_REST, 'm', 1, "policy, asset, customer -> cost below one minor unit; open large ones") \
    X(EVENT_ID, 'E', 0, "first 16 bytes of SHA-256(event id) -> seq, a varint")                    \
    X(RATE, 'X', 0, "base, quote -> rate")                                                         \
    X(KEY, 'G', 0, "key id -> algorithm, owner")                                                   \
    X(DESTINATION, 'H', 0, "party -> rail, commitment")                                            \
    X(APP, 'O', 0, "app id -> owner")                                                              \
    X(CHILD, 'V', 0, "policy, child policy -> (empty): who contains whom")                         \
    X(CAMPAIGN, 'g', 0, "campaign (its policy's number) -> terms, state")                          \
    X(CAMPAIGN_SUMS, 'h', 1, "campaign -> confirmed, accrued, creator's, reversed gross")          \
    X(INVESTMENT, 'i', 0, "campaign, seq -> party, confirmed amount")                              \
    X(ROUND, 'r', 0, "round id -> campaign, state")                                                \
    X(COMMITMENT, 'o', 0, "commitment id -> campaign, investor, amount, state")                    \
    X(GRANT, 's', 0, "allocation id -> campaign, amount, state")                                   \
    X(GRANT_SUMS, 't', 1, "hash of allocation id -> authorized, executed, refunded")               \
    X(TERMS, 'e', 0, "app id -> royalty, versions of its fee schedule")                            \
    X(ATTRIBUTION, 'v', 0, "hash of app and user -> campaigns, each from a moment on")             \
    X(WAIT_USER, 'd', 0, "hash of app and user, seq -> where else the invoice waits")              \
    X(USER_REVENUE, 'x', 0, "hash of app and user, seq -> (empty): an invoice that is booked")     \
    X(PAYMENT, 'y', 0, "hash of a payment's reference -> seq of its invoice, a varint")            \
    X(REFUNDS, 'j', 0, "seq of an invoice -> what was taken back of it, and by whom")              \
    X(PAID, 'b', 1, "party, asset -> paid out so far, on its way")                                 \
    X(SETTLEMENT, 'z', 0, "settlement id -> party, amount, state, where it began and ended")       \
    X(MADE, 'I', 0, "campaign (0: settlements), seq -> what the event there made")                 \
    X(ABOUT, '1', 0, "hash of a campaign or of app and user, seq, page -> (empty): about it")      \
    X(TRANSFER, '2', 0, "transfer -> batch, party, amount, state, when it is due")                 \
    X(ATTEMPT, '3', 0, "transfer, attempt -> anchor, outcome")                                     \
    X(ANCHOR, '4', 0, "hash of rail and anchor -> its transfer and attempt")                       \
    X(OUTBOX, '5', 0, "due, transfer -> (empty): what a worker has to look at")                    \
    X(PAYOUT_BATCH, '6', 0, "batch -> asset, rail, cut-off, state")                                \
    X(BATCH_SUMS, '7', 1, "batch -> transfers, amount, at rest, paid; batch, state -> sums")       \
    X(BATCH_PARTY, '8', 0, "batch, party -> its transfer")                                         \
    X(HOLD, '9', 0, "party -> why nothing is paid out to it")                                      \
    X(PARTY_TRANSFER, '!', 0, "party, transfer -> its asset, a varint")                            \
    X(SCHEDULES, '"', 0, "when payouts are due: all schedules of the book")                        \
    X(CLEARED, '@', 0, "through -> seq of the watermark that said so; alone: the latest")          \
    X(X402, '#', 0, "payment by x402 -> its state and all that is said of it")                     \
    X(X402_OPEN, '$', 0, "payment -> (empty): settling, or decided and not final")                 \
    X(X402_TRANSACTION, '%', 0, "hash of a transaction's hash -> its payment, whether own")        \
    X(X402_ACCOUNT, '&', 0, "hash of network and signer -> next account nonce")                    \
    X(X402_LIST, '(', 0, "list, hash, seq -> payment that was first heard of there")               \
    X(X402_POLICIES, ')', 0, "hash of pay_to -> policies of its resources")                        \
    X(X402_RESOURCE, '*', 0, "hash of a resource -> its name, when it was last settled")           \
    X(X402_SUMS, '+', 1, "of what, day, resource, asset, network -> settled, value, failed")       \
    X(X402_PAYER, ',', 0, "the same, hash of payer -> how often, a varint")                        \
    X(X402_GAS, '-', 1, "day, network -> own transactions, gas used, its cost")                    \
    X(X402_LISTING, '.', 0, "hash of resource and tool -> what is listed of it")                   \
    X(X402_LISTED_AT, '/', 0, "seq -> hash of resource and tool that was listed there")            \
    X(X402_MERCHANT, ':', 0, "hash of pay_to, seq -> (empty): it is paid for what is listed")

enum key_class {
#define X(symbol, byte, is_sums, what) KEY_##symbol = (byte),
    KEY_CLASSES(X)
#undef X
};

/** True when values of this class are sums to be added to. */
bool key_is_sums(uint8_t class_byte);

/** A key being built, on the stack. */
struct key {
    uint8_t b[STATE_KEY_MAX];
    size_t len;
};

struct bytes key_bytes(const struct key *k);
struct key key_of(enum key_class class);                  /* the class alone: also a prefix */
struct key key_text(enum key_class class, struct text t); /* class, characters (<= 200) */
struct key key_u32(enum key_class class, uint32_t a);
struct key key_u32x2(enum key_class class, uint32_t a, uint32_t b);
struct key key_u32x3(enum key_class class, uint32_t a, uint32_t b, uint32_t c);
void key_add_u8(struct key *k, uint8_t v);
void key_add_u32(struct key *k, uint32_t v);
void key_add_u64(struct key *k, uint64_t v);
void key_add_time(struct key *k, mete_time t); /* order-preserving for negative values too */
uint32_t key_read_u32(struct bytes key, size_t offset);
uint64_t key_read_u64(struct bytes key, size_t offset);
mete_time key_read_time(struct bytes key, size_t offset);
/** The smallest key that does not begin with `k`: the end of its range. */
struct key key_prefix_end(struct key k);

struct key key_event_id(struct text event_id);
/** A platform's batch of usage, by hash: together the two ids are longer than a key. */
struct key key_batch(struct text platform, struct text batch);
/** Decisions about a campaign, in the order of the log: seq and page (32 bits) follow. By its id's
 *  hash: facts may come before it does. */
struct key key_about_campaign(struct text campaign_id);
/** The same of what a user did besides paying. */
struct key key_about_user(struct text app_id, struct text user_id);
/** The same of what was said of an allocation in dispute. */
struct key key_about_allocation(struct text allocation_id);
/** The same of the steps of a payout, after it was queued. */
struct key key_about_payout(struct text transfer_id);
/** The same of the steps of a payment by x402. */
struct key key_about_x402(struct text payment_id);
#define KEY_ABOUT_SEQ_AT 18u /* where the seq stands */
struct key key_account(uint32_t party, uint32_t asset);
struct key key_entry(uint32_t party, uint32_t asset, uint64_t seq, uint32_t page);
/** Entries of an account begin here: seq 0. */
struct key key_pending(uint32_t party, uint32_t asset, int32_t day);

#endif

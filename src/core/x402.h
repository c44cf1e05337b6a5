/* SPDX-License-Identifier: Apache-2.0
 * Payments by x402 as a book remembers them, the policies of resources, and what is listed for
 * discovery. A payment is (network, asset, from, nonce); its id and its key follow from these. See
 * doc/decisions/0015-x402.md. */
#ifndef METE_CORE_X402_H
#define METE_CORE_X402_H

#include "core/machine.h"
#include "core/view.h"
#include "core/x402_number.h"

#define X402_RESOURCE_LEN_MAX 2048 /* bytes of a URL */
#define X402_TRANSACTIONS_MAX 32   /* of one payment: the first and its replacements */
#define X402_ROWS_MAX         1000 /* policies of resources, of one pay_to */
#define X402_MERCHANTS_MAX    32   /* pay_tos of one listing */
#define X402_HASH_LEN         16   /* of a text in a key */

/* Texts point into state, or whatever they were made of. */
struct x402_payment {
    uint8_t state;  /* enum x402_state */
    uint64_t made;  /* seq of its first event: its place in lists */
    uint32_t steps; /* events so far */
    struct text network, asset, from, nonce;
    bool has_reservation;    /* of the last reservation, or of the one that it was settled with */
    struct hash reservation; /* SHA-256 of the token */
    mete_time until;
    /* from x402.settling on */
    mete_time begun_at;
    struct hash request;
    struct text scheme, to, value, resource, policy;
    uint32_t asset_number; /* of its code */
    i128 amount;           /* `value` */
    struct text signer;    /* "": nothing is signed, its value is 0 */
    uint64_t account_nonce;
    uint32_t transaction_count;
    struct text transaction[X402_TRANSACTIONS_MAX]; /* oldest first */
    uint64_t body[X402_TRANSACTIONS_MAX]; /* seq of the event that brought its signed bytes */
    bool cancels;                         /* the newest one */
    /* of x402.settled and x402.failed */
    struct text outcome; /* id of the event */
    struct text settled_by;
    uint64_t block;
    struct text reason;
    bool is_final; /* of a failed one: no block can undo it any more */
    int32_t day;   /* that it counts for */
    uint64_t gas_used;
    i128 gas_cost; /* in the network's smallest unit */
    mete_time changed_at;
};

bool x402_payment_unpack(struct bytes packed, struct x402_payment *out) METE_MUST_CHECK;
void x402_payment_pack(struct buf *out, const struct x402_payment *p);

/** The value of a payment, digits alone. It is bounded, so that sums have room for 2^27 of the
 *  largest: a refused x402.settled would lose what the chain has moved.
 *  Errors: METE_AMOUNT_INVALID; METE_AMOUNT_RANGE from 2^X402_VALUE_BITS_MAX on. */
enum mete_code x402_value_parse(struct text value, i128 *out) METE_MUST_CHECK;

/** Reserved, and the reservation has run out. */
bool x402_expired(const struct x402_payment *p, mete_time now);
/** Somebody has to look after it: settling, or settled by a transaction, or failed, and not final.
 */
bool x402_is_open(const struct x402_payment *p);

/* --- policies of resources ---------------------------------------------------------------------*/

struct x402_row {
    struct text resource; /* a URL, or how one begins with "*" behind it */
    struct text network;  /* "": any */
    struct text policy;
};

void x402_rows_pack(struct buf *out, struct text pay_to, const struct x402_row *row, size_t count);
/** Texts point into `packed`; the array is in `a`. */
bool x402_rows_unpack(struct arena *a, struct bytes packed, struct text *pay_to,
                      struct x402_row **row, size_t *count) METE_MUST_CHECK;
/** The policy of a resource that is paid to `pay_to`: the longest row that fits, one that is the
 *  whole URL before one that is a beginning, one that names the network before one that does not.
 *  In `a`. VIEW_ABSENT: no row fits. */
enum view_result view_x402_policy(const struct view *v, struct arena *a, struct text pay_to,
                                  struct text resource, struct text network, struct text *policy);

/* --- what is listed ----------------------------------------------------------------------------*/

struct x402_listing {
    uint64_t made; /* seq of the event that listed it first: its place in lists */
    uint64_t seq;  /* of the one that says what it is */
    bool seen;     /* in a payment; else registered */
    uint32_t merchant_count;
    uint8_t merchant[X402_MERCHANTS_MAX][X402_HASH_LEN]; /* pay_to, hashed */
};

bool x402_listing_unpack(struct bytes packed, struct x402_listing *out) METE_MUST_CHECK;
void x402_listing_pack(struct buf *out, const struct x402_listing *l);

/* --- keys --------------------------------------------------------------------------------------*/

enum x402_list { X402_LIST_ALL, X402_LIST_RESOURCE, X402_LIST_FROM, X402_LIST_TO };
enum x402_sums { X402_SUM_COUNT, X402_SUM_VALUE, X402_SUM_FAILED, X402_SUM_PAYERS };
enum x402_gas { X402_GAS_TRANSACTIONS, X402_GAS_USED, X402_GAS_COST };
/* What sums are of; then day (0 of X402_OF_RESOURCE), resource (zeros of X402_OF_DAY), asset and
 * network. */
enum x402_scope { X402_OF_DAY = 1, X402_OF_DAY_RESOURCE = 2, X402_OF_RESOURCE = 3 };
#define X402_SUMS_DAY_AT      2u
#define X402_SUMS_RESOURCE_AT 6u
#define X402_SUMS_ASSET_AT    22u
#define X402_SUMS_NETWORK_AT  26u

void x402_hash(struct text t, uint8_t out[X402_HASH_LEN]);
struct key key_x402(const struct x402_number *number);
struct key key_x402_open(const struct x402_number *number);
/** Where a transaction's payment stands: its number, and whether the transaction is mete's own. */
struct key key_x402_transaction(struct text transaction);
/** The next account nonce of a signer. */
struct key key_x402_account(struct text network, struct text signer);
/** Payments of X402_LIST_ALL (text empty), of a resource, from or to somebody; seq follows. */
struct key key_x402_list(enum x402_list list, struct text of);
struct key key_x402_policies(struct text pay_to);
struct key key_x402_resource(const uint8_t hash[X402_HASH_LEN]);
struct key key_x402_sums(enum x402_scope scope, int32_t day, const uint8_t resource[X402_HASH_LEN]);
/** How often somebody has paid under these sums, up to now. */
struct key key_x402_payer(struct key sums, struct text from);
struct key key_x402_gas(int32_t day, struct text network);
struct key key_x402_listing(struct text resource, struct text tool);
struct key key_x402_listed_at(uint64_t made);
struct key key_x402_merchant(const uint8_t pay_to[X402_HASH_LEN], uint64_t made);

/** What is known of a resource that was paid for. Its text points into `packed`. */
struct x402_known_resource {
    struct text resource;
    mete_time last_settled_at; /* 0: never */
    int32_t last_day;
    uint32_t days; /* on which something was settled */
};
bool x402_resource_unpack(struct bytes packed, struct x402_known_resource *out) METE_MUST_CHECK;
void x402_resource_pack(struct buf *out, const struct x402_known_resource *r);

/** Texts are in `a`. */
enum view_result view_x402(const struct view *v, struct arena *a, const struct x402_number *number,
                           struct x402_payment *out);
/** The payment that a transaction belongs to. */
enum view_result view_x402_transaction(const struct view *v, struct text transaction,
                                       struct x402_number *number, bool *is_own);
enum view_result view_x402_account(const struct view *v, struct text network, struct text signer,
                                   uint64_t *next);
enum view_result view_x402_listing(const struct view *v, struct text resource, struct text tool,
                                   struct x402_listing *out);

#endif

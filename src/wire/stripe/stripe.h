/* SPDX-License-Identifier: Apache-2.0
 * What goes to Stripe and what comes back, as values: amounts in its units, form bodies, transfers,
 * payouts, errors and events. No I/O. Texts that are read point into the JSON that they came from.
 */
#ifndef METE_WIRE_STRIPE_STRIPE_H
#define METE_WIRE_STRIPE_STRIPE_H

#include "base/buf.h"
#include "core/asset.h"
#include "wire/json.h"
#include "wire/webhook.h"

/* The version of the API that these readers were written for; sent with every request. */
#define STRIPE_VERSION "2026-10-28.endive"

enum stripe_kind {
    STRIPE_TRANSFER, /* from the platform's balance to that of a connected account */
    STRIPE_PAYOUT    /* from the balance of a connected account to its bank or card */
};

/** `amount` minor units of `asset` as Stripe counts them: it has decimals of its own for some
 *  currencies, and carries some in steps only. Exact, or NULL is not returned.
 *  Returns NULL, or why Stripe cannot carry it, as the end of a sentence.
 *  Source: Stripe, Supported currencies. */
const char *stripe_units(const struct asset *asset, i128 amount, enum stripe_kind kind,
                         int64_t *out) METE_MUST_CHECK;
/** The way back; false when it is not a whole number of the asset's minor units. */
bool stripe_units_back(const struct asset *asset, int64_t units, i128 *out) METE_MUST_CHECK;

/** "acct_" and 1 to 60 letters or digits. */
bool stripe_account_valid(struct text t);

/** Appends "name=value", a '&' before all but the first of the form; `name` is sent as it is. */
void stripe_form_put(struct buf *form, const char *name, struct text value);

/* One transfer or payout as Stripe describes it. */
struct stripe_object {
    enum stripe_kind kind;
    struct text id;       /* tr_..., po_... */
    int64_t amount;       /* Stripe's units */
    struct text currency; /* lower case */
    struct text destination;
    bool live;
    int64_t reversed;      /* of a transfer: how much of it went back */
    struct text status;    /* of a payout: pending, in_transit, paid, failed, canceled */
    struct text failure;   /* of a failed payout: its code; empty */
    struct text balance;   /* txn_... of the balance transaction; empty */
    struct text mete_id;   /* metadata mete_transfer; empty: it is not ours */
    struct text mete_book; /* metadata book */
    uint32_t mete_attempt; /* metadata mete_attempt; 0: not said */
};

/** Reads a transfer or a payout. False: it is neither, or a member that counts is missing. */
bool stripe_object_read(const struct json *j, struct stripe_object *out) METE_MUST_CHECK;

/** What a party can do about a payout that failed with this code; NULL: nothing, it may pass. */
const char *stripe_failure_remedy(struct text code);

/** A list as /v1/transfers answers it: *first its objects. False: it is none. */
bool stripe_list_read(const struct json *j, const struct json **first,
                      bool *has_more) METE_MUST_CHECK;

struct stripe_error {
    struct text type; /* api_error, invalid_request_error, idempotency_error, ... */
    struct text code; /* balance_insufficient, resource_missing, ...; empty */
    struct text param;
};
bool stripe_error_read(const struct json *j, struct stripe_error *out) METE_MUST_CHECK;

/* A webhook's body. */
struct stripe_event {
    struct text id; /* evt_... */
    struct text type;
    int64_t created; /* seconds since 1970 */
    bool live;
    struct text account; /* the connected account it is about; empty: the platform */
    const struct json *object;
};
bool stripe_event_read(const struct json *j, struct stripe_event *out) METE_MUST_CHECK;

/** Judges the header Stripe-Signature over the raw body. `secret` as Stripe shows it, with whsec_.
 *  Any one v1 that fits will do; other schemes are ignored. Times in seconds since 1970; a moment
 *  ahead is bounded like one behind.
 *  Source: Stripe, Check the webhook signatures. */
enum webhook_verdict stripe_signature_check(struct text header, struct bytes body,
                                            struct text secret, int64_t now,
                                            int64_t tolerance_s) METE_MUST_CHECK;

#endif

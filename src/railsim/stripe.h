/* SPDX-License-Identifier: Apache-2.0
 * What the parts of the double of Stripe share: calls with keys of idempotency (stripe.c), objects
 * (stripe_object.c), transfers and payouts, events (webhook.c). */
#ifndef METE_RAILSIM_STRIPE_H
#define METE_RAILSIM_STRIPE_H

#include "railsim/parts.h"

#define STRIPE_VERSION "2026-10-28.endive"

/** Whether what a call did is kept under its key of idempotency: everything that began to be
 *  executed is, what failed validation is not. */
enum stripe_fate { STRIPE_KEPT, STRIPE_NOT_KEPT };

/** Checks key, version and idempotency, runs `work`, and keeps its answer. */
void stripe_run(struct call *c, enum stripe_fate (*work)(struct call *c));

struct stripe_error {
    unsigned status;
    const char *type; /* "invalid_request_error" */
    const char *code; /* may be NULL */
    const char *param;
    const char *message;
};
void stripe_fail(struct call *c, const struct stripe_error *e);
/** False, and answered 400, when there is a parameter that is not in the list (NULL at its end). */
bool stripe_known(struct call *c, const char *const *names);
/** False, and answered, without a whole number from 1 in `name`. */
bool stripe_amount(struct call *c, const char *name, int64_t *out);
/** False, and answered 400, without the parameter. */
bool stripe_needs(struct call *c, const char *name, struct text *out);

/** The account that a call is about: Stripe-Account, or "" for the platform. */
struct text stripe_account(const struct call *c);

/* --- objects -----------------------------------------------------------------------------------*/

struct stripe_object {
    int64_t seq;
    struct text id, kind, account, currency, destination, group, description, status, metadata,
        parent, method, failure;
    int64_t created_s, amount, taken, arrival_s;
};

/** Adds a row; its id is made of `prefix`. */
void stripe_object_add(struct sim *s, struct arena *a, const char *prefix, struct stripe_object *o);
bool stripe_object_find(struct sim *s, struct arena *a, const char *kind, struct text account,
                        struct text id, struct stripe_object *o);
/** Writes it as the API shows it. */
void stripe_object_write(struct sim *s, struct arena *a, struct json_writer *w, const char *key,
                         const struct stripe_object *o);
/** Answers with a page of the objects of a kind that fit the call's filters. */
void stripe_list(struct call *c, const char *kind, const char *url);
/** The members metadata[...] as an object. */
struct text stripe_metadata(struct call *c);

/** Adds to the funds of an account ("" is the platform), and a balance transaction. */
void stripe_funds_add(struct sim *s, struct arena *a, const struct stripe_object *source,
                      const char *type, struct text account, int64_t amount);
int64_t stripe_funds(struct sim *s, struct text account, struct text currency);
/** Writes available and pending funds. */
void stripe_funds_write(struct call *c, struct json_writer *w);

/** An event about the object; `c` may be NULL. */
void stripe_event(struct sim *s, struct call *c, const char *type, const struct stripe_object *o);

#endif

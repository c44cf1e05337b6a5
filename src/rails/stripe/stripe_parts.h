/* SPDX-License-Identifier: Apache-2.0
 * What the files of the Stripe rail share. Private to it. */
#ifndef METE_RAILS_STRIPE_STRIPE_PARTS_H
#define METE_RAILS_STRIPE_STRIPE_PARTS_H

#include "rails/rail.h"
#include "rails/web.h"
#include "wire/stripe/stripe.h"

#define STRIPE_KEY_MAX 256 /* bytes of an API key, with its NUL */

/* Stripe keeps what it answered to an idempotency key for 24 h at least; after that the same key is
 * a new request, which would pay again. So for an hour less the bytes of an attempt may be sent. */
#define STRIPE_POST_US (23 * 3600 * TIME_SECOND_US)
/* And two hours later, when no worker can still be sending, what Stripe does not list is dead. */
#define STRIPE_DEAD_US (25 * 3600 * TIME_SECOND_US)
/* So old is an attempt at least before a stored failure and an empty list prove that it is dead. */
#define STRIPE_SETTLED_US (600 * TIME_SECOND_US)

struct rail {
    struct web *web;
    struct web_answer answer;
    char *key; /* in guarded memory */
    char *url; /* without a '/' at its end */
    bool live; /* by the key */
    enum stripe_kind kind;
    bool instant; /* payouts */
};

/* The committed bytes of an attempt: a request as HTTP writes it, without what is secret. */
struct stripe_request {
    struct text path;
    struct text idempotency_key;
    struct text version;
    struct text account; /* empty: the platform's own */
    struct text form;
};
void stripe_request_write(struct buf *out, const struct stripe_request *q);
/** False: these bytes are none of ours. */
bool stripe_request_read(struct text body, struct stripe_request *out) METE_MUST_CHECK;

/** Asks; the answer stands in r->answer. `path` with its query. Repeated headers are the rail's. */
void stripe_post(struct rail *r, const struct stripe_request *q, struct arena *a);
void stripe_get(struct rail *r, struct text path, struct text account, struct arena *a);

enum stripe_found {
    STRIPE_FOUND,  /* the report says what became of it */
    STRIPE_NONE,   /* Stripe lists all that could be it, and it is not there */
    STRIPE_UNTOLD, /* it could not be asked; the report says unknown, and why */
};
/** Looks for the attempt among what Stripe lists. */
enum stripe_found stripe_look(struct rail *r, struct rail_payment *p, struct arena *a);

/** What an object says of the attempt: the report. */
void stripe_judge_object(const struct rail *r, struct rail_payment *p,
                         const struct stripe_object *o, struct arena *a);

void stripe_send(struct rail *r, struct rail_payment **p, size_t count, struct arena *a);
void stripe_probe(struct rail *r, struct rail_payment **p, size_t count, struct arena *a);

#endif

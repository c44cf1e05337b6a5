/* SPDX-License-Identifier: Apache-2.0
 * Who is asking, and may they. A key is looked up by its hash; what it may do stands in its row and
 * nowhere in a request. */
#ifndef METE_HTTP_AUTHORITY_H
#define METE_HTTP_AUTHORITY_H

#include "http/exchange.h"
#include "store/api_key.h"

/* X(symbol, name): the number of a scope is its bit in a stored key and never changes. */
#define SCOPES(X)                                                                                  \
    X(REVENUE_WRITE, "revenue:write")                                                              \
    X(REVENUE_READ, "revenue:read")                                                                \
    X(POLICY_WRITE, "policy:write")                                                                \
    X(POLICY_READ, "policy:read")                                                                  \
    X(PAYOUT_WRITE, "payout:write")                                                                \
    X(PAYOUT_APPROVE, "payout:approve")                                                            \
    X(DISPUTE_WRITE, "dispute:write")                                                              \
    X(EARNINGS_READ, "earnings:read")                                                              \
    X(AUDIT_READ, "audit:read")                                                                    \
    X(FACILITATOR, "facilitator")                                                                  \
    X(ADMIN, "admin")                                                                              \
    X(PAYOUT_WORK, "payout:work")                                                                  \
    X(X402_WORK, "x402:work")

enum scope {
#define X(symbol, name) SCOPE_##symbol,
    SCOPES(X)
#undef X
        SCOPE_COUNT,
    SCOPE_ANY,   /* any valid key: each item is judged on its own */
    SCOPE_NONE,  /* nobody is asked */
    SCOPE_GUEST, /* nobody has to show a key; a key that is shown says which book is meant */
};

#define SCOPES_ALL   ((UINT32_C(1) << SCOPE_COUNT) - 1)
#define KEY_TEXT_MAX 64

const char *scope_name(enum scope s);
bool scope_of(struct text name, enum scope *out) METE_MUST_CHECK;
/** Reads "revenue:write,earnings:read" (commas or spaces). */
enum mete_code scopes_parse(struct text list, uint32_t *out, struct mete_err *err) METE_MUST_CHECK;

struct signatures;
struct message_signatures;

/** Who asks. Lives in the exchange's arena. */
struct principal {
    struct text key_id; /* empty: nobody was asked (open, or a route for all) */
    const char *book;
    uint32_t scopes;
    struct text party;                  /* empty: not bound */
    struct text producer;               /* empty: whatever an event says of itself */
    struct text service;                /* empty: any of the producer's */
    struct text limits;                 /* see struct api_key; empty: no bound */
    struct signatures *signatures;      /* of the authority */
    struct message_signatures *request; /* that came with what it wants written; NULL: none */
    /* the key's bucket after this request; limit 0: no bound */
    unsigned limit;
    unsigned remaining;
    unsigned reset_s; /* until it is full again */
};
/** A key that is bound to a party has no scope that shows or changes more than that party. */
bool principal_may(const struct principal *p, enum scope s);
/** The same, in words: METE_FORBIDDEN. */
enum mete_code principal_check(const struct principal *p, enum scope s,
                               struct mete_err *err) METE_MUST_CHECK;

struct authority_options {
    const char *store;
    const char *book;         /* of whoever needs no key */
    const char *admin_key;    /* API_KEY of the environment: all scopes; NULL: none */
    bool loopback;            /* the server listens on loopback only */
    unsigned rate;            /* requests a second for each key, on average; 0: no bound */
    unsigned burst;           /* so many at once after a rest; above 0 when `rate` is */
    unsigned replay_window_s; /* see http/signature.h; 0: none */
};

struct authority;
enum mete_code authority_open(struct authority **out, const struct authority_options *o,
                              struct mete_err *err) METE_MUST_CHECK;
void authority_close(struct authority *a);

/** No key exists and nobody else can connect: everything is allowed. */
bool authority_is_open(struct authority *a, mete_time now);
/** The same, and no page of another site asks through a browser of this machine. */
bool authority_is_open_to(struct authority *a, const struct exchange *x);
/** Finds out who asks, and fills x->who. METE_UNAUTHORIZED, METE_FORBIDDEN, METE_RATE_LIMITED.
 *  Any thread. */
enum mete_code authority_ask(struct authority *a, struct exchange *x, enum scope needed,
                             mete_time now, struct mete_err *err) METE_MUST_CHECK;
/** Of whoever was judged by another process of the same store. */
struct signatures *authority_signatures(struct authority *a);
/** Did it come with a key, good or not? */
bool authority_key_shown(const struct exchange *x);

/** What somebody was let in with, to be looked at again: for answers that go on for long. */
struct standing {
    bool keyed;
    struct hash key; /* of the whole key */
    enum scope scope;
};
struct standing authority_standing(const struct exchange *x, enum scope scope);
/** Would it be let in now? Any thread. */
bool authority_stands(struct authority *a, const struct standing *s, mete_time now) METE_MUST_CHECK;
/** Takes `count` requests more out of the bucket of its key, which may then be owed some: nobody is
 *  turned away. Returns for how many microseconds whoever has this key should wait. Any thread. */
int64_t authority_charge(struct authority *a, const struct standing *s, size_t count,
                         mete_time now);
bool standing_same_key(const struct standing *a, const struct standing *b);

/** Takes over rate, burst and admin_key, of which it keeps the hash. Any thread. */
void authority_adjust(struct authority *a, const struct authority_options *o);
/** Looks at the stored keys again now (SIGHUP). */
void authority_reload(struct authority *a);

/** A new key and its row: 24 random bytes. `text` is shown once and never again. */
void api_key_make(char text[KEY_TEXT_MAX], char key_id[KEY_TEXT_MAX], struct hash *sum);

#endif

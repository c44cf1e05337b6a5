/* SPDX-License-Identifier: Apache-2.0
 * The decisions of a stretch of the log, in order, each of them whole: pages joined, and every
 * release of an event that had waited as a decision of its own. Private to src/engine. */
#ifndef METE_ENGINE_WALK_H
#define METE_ENGINE_WALK_H

#include "core/decision.h"
#include "engine/engine.h"
#include "wire/json.h"

struct walk_item {
    uint64_t seq;          /* where the decision stands */
    uint32_t page;         /* its first page there */
    uint64_t event_seq;    /* the event that was decided: seq, or one that had waited */
    mete_time recorded_at; /* of the decision */
    struct bytes bytes;    /* of the event that was decided */
    struct decision decision;
};

/** What the header of an event says. */
struct walk_head {
    struct text event_id;
    enum event_type type;
    mete_time occurred_at;
    struct json *tree;
};

/** Return false to stop. The item lives until the visit returns. */
typedef bool walk_visit(void *arg, const struct walk_item *item);
/** Decisions at from..until-1. Reading the book inside a visit is allowed. */
enum mete_code walk_log(struct engine *e, uint64_t from, uint64_t until, walk_visit *visit,
                        void *arg, struct mete_err *err) METE_MUST_CHECK;

/** Rows at from..until-1 as they are stored; reading the book inside a visit is allowed. The row's
 *  event_id and signature are empty. Return false to stop. */
enum mete_code walk_rows(struct engine *e, uint64_t from, uint64_t until, log_visit *visit,
                         void *arg, struct mete_err *err) METE_MUST_CHECK;

/** The decision that page `page` at `seq` is part of. */
enum mete_code walk_one(struct engine *e, struct arena *a, uint64_t seq, uint32_t page,
                        struct walk_item *item, struct mete_err *err) METE_MUST_CHECK;

/** Reads the header of an event in its stored form. */
enum mete_code walk_head_of(struct arena *a, struct bytes event, struct walk_head *out,
                            struct mete_err *err) METE_MUST_CHECK;

/* Keys of a range, gathered some at a time, so that the book may be read between them. */
struct walk_keys {
    struct bytes *key;        /* in the arena of the call */
    struct bytes *value;      /* of PUT keys */
    i128 (*sums)[STATE_SUMS]; /* of ADD keys */
    size_t count;
    bool more;
};

/** Up to `max` keys of [from, until). All of it lives in `a`. */
enum mete_code walk_keys(struct engine *e, struct arena *a, struct bytes from, struct bytes until,
                         size_t max, struct walk_keys *out, struct mete_err *err) METE_MUST_CHECK;

/* One of them. It lives until the visit returns. */
struct walk_key {
    struct bytes key;
    struct bytes value; /* of a PUT key */
    const i128 *sums;   /* of an ADD key */
};
/** *go_on is true: false stops. Another code than METE_OK stops too, and is the walk's. */
typedef enum mete_code walk_key_visit(void *arg, const struct walk_key *k, bool *go_on);
/** All keys of [from, until), in order. Reading the book inside a visit is allowed. */
enum mete_code walk_each_key(struct engine *e, const struct key *from, const struct key *until,
                             walk_key_visit *visit, void *arg,
                             struct mete_err *err) METE_MUST_CHECK;

/** Where the `count` newest entries of an account begin: *seq, *page; 0, 0 when there are no more
 *  than that. Costs about as much as it finds. */
enum mete_code walk_tail(struct engine *e, uint32_t party, uint32_t asset, size_t count,
                         uint64_t *seq, uint32_t *page, struct mete_err *err) METE_MUST_CHECK;

/* Places that keys of an index name. */
struct walk_range {
    struct key from;
    struct key until;
    size_t seq_at; /* where in a key the seq stands; a page, 32 bits, follows it */
};
struct walk_places {
    struct walk_range *range; /* `from` moves on */
    size_t count;
};
/** Decisions at the places of all ranges, in the order of the log, each of them once. */
enum mete_code walk_at(struct engine *e, const struct walk_places *places, walk_visit *visit,
                       void *arg, struct mete_err *err) METE_MUST_CHECK;

/** The key right after `key`: where the next call goes on. */
struct key walk_key_after(struct bytes key);

#endif

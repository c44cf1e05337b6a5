/* SPDX-License-Identifier: Apache-2.0
 * What the simulator itself believes of a book: every posting that is durable, added up, and every
 * allocation with its dispute. It takes from the engine what stands in the log (who was given how
 * much); accounts, pending money, disputes and ids it keeps by itself, in plain lists. Nothing is
 * taken back: it is told of durable events only. */
#ifndef METE_TESTS_SIM_MODEL_H
#define METE_TESTS_SIM_MODEL_H

#include "base/arena.h"
#include "base/map.h"
#include "base/rng.h"
#include "core/decision.h"
#include "engine/engine.h"

struct model_posting {
    uint64_t seq; /* of the event that stored it */
    uint32_t party, asset;
    i128 amount;
};

enum model_state { MODEL_CLEAN, MODEL_DISPUTED, MODEL_ESCALATED, MODEL_OVERRIDDEN, MODEL_UPHELD };

struct model_allocation {
    struct text id;
    uint32_t party, asset; /* the party it was given to */
    mete_time due;
    i128 left; /* not reversed yet */
    enum model_state state;
    mete_time holds_until; /* of a dispute: the last moment of it */
};

struct model {
    struct arena keep;    /* names and ids */
    struct arena scratch; /* of one event */
    struct model_posting *posting;
    size_t posting_count, posting_cap;
    struct model_allocation *allocation;
    size_t allocation_count, allocation_cap;
    size_t *spoken; /* allocations that were disputed, by index */
    size_t spoken_count, spoken_cap;
    struct text *party; /* [number - PARTY_FIRST] */
    size_t party_count, party_cap;
    struct text *event_id; /* [seq - 1] */
    size_t size, size_cap;
    struct map known;    /* event id -> struct model_known */
    struct map by_id;    /* allocation id -> index + 1 */
    struct map by_place; /* seq, page, group, line -> index + 1 */
    struct map gross;    /* seq, page, group -> what is left to reverse */
    int32_t dispute_days;
};

struct model_known {
    uint64_t seq;
    struct hash sent; /* of the bytes as they were sent */
};

void model_begin(struct model *m);
void model_end(struct model *m);
/** Event `seq` of `e` is durable; `json` is how it was sent. NULL, or what is wrong with it. */
const char *model_follow(struct model *m, struct engine *e, uint64_t seq,
                         struct text json) METE_MUST_CHECK;

/** What must be answered to an event, as far as it follows from its id alone. */
bool model_knows(const struct model *m, struct text event_id, struct model_known *out);
/** Whether a dispute's event about this allocation is to be taken at that moment. */
bool model_allows(const struct model_allocation *a, enum event_type type, mete_time now);

/** The account of a random posting among those of the first `size` events; false: there is none. */
bool model_account(const struct model *m, struct rng *rng, uint64_t size, struct text *party,
                   uint32_t *asset);
/** Net of a party in an asset after the first `size` events. */
i128 model_net(const struct model *m, struct text party, uint32_t asset, uint64_t size);
/** "party asset net pending disputed" of every account that is not all zero and not mete's own, at
 *  a moment, sorted: from the model, and as the engine lists them. */
void model_balances(struct model *m, struct engine *e, mete_time at, struct buf *out);
bool engine_balances(struct engine *e, mete_time at, struct buf *out,
                     struct mete_err *err) METE_MUST_CHECK;

#endif

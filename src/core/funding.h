/* SPDX-License-Identifier: Apache-2.0
 * Rounds, commitments, spend grants and settlements as the book remembers them, and the list of
 * what was made for a campaign. What happens to them is decide_funding.c's and
 * decide_settlement.c's. */
#ifndef METE_CORE_FUNDING_H
#define METE_CORE_FUNDING_H

#include "base/arena.h"
#include "base/buf.h"
#include "core/machine.h"
#include "core/view.h"

struct round {
    uint8_t state; /* enum round_state */
    uint32_t campaign;
};

struct commitment {
    uint8_t state; /* enum commitment_state */
    uint32_t campaign;
    uint32_t investor; /* party */
    i128 amount;
    uint64_t created; /* seq: investors stand in this order */
};

struct grant {
    uint8_t state; /* enum grant_state */
    uint32_t campaign;
    uint32_t asset;
    i128 amount;
};

/* Sums of a grant, in minor units of its asset. */
enum grant_sum { GRANT_AUTHORIZED, GRANT_EXECUTED, GRANT_REFUNDED };

struct settlement {
    uint8_t state; /* enum settlement_state */
    uint32_t party;
    uint32_t asset;
    i128 amount;
    uint32_t campaign; /* 0: of none */
    uint64_t begun;    /* seq of its settlement.initiated */
    uint64_t ended;    /* of its settlement.paid or .failed; 0: not yet */
};

/* Sums of what has left a party. */
enum paid_sum { PAID_OUT, PAID_LEAVING };

void round_pack(struct buf *out, const struct round *r);
void commitment_pack(struct buf *out, const struct commitment *c);
void grant_pack(struct buf *out, const struct grant *g);
void settlement_pack(struct buf *out, const struct settlement *s);

/* What is absent is in its first state, all else zero. */
enum view_result view_round(const struct view *v, struct text id, struct round *out);
enum view_result view_commitment(const struct view *v, struct text id, struct commitment *out);
enum view_result view_grant(const struct view *v, struct text id, struct grant *out);
enum view_result view_settlement(const struct view *v, struct text id, struct settlement *out);

struct key grant_sums_key(struct text id);
struct key paid_key(uint32_t party, uint32_t asset);

/* What an event made: a round, a commitment or a grant of a campaign, or a settlement (under 0, of
 * whatever campaign). */
struct made {
    uint64_t seq;
    enum machine_kind kind;
    struct text id;
};

struct key made_key(uint32_t campaign, uint64_t seq);
void made_pack(struct buf *out, enum machine_kind kind, struct text id);
/** What stands in a key and its value; the id is the value's. */
struct made made_read(struct bytes key, struct bytes value);
/** All that was made for a campaign, in the order of the log, in `a`. */
enum view_result view_made(const struct view *v, struct arena *a, uint32_t campaign,
                           struct made **list, size_t *count);

#endif

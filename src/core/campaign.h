/* SPDX-License-Identifier: Apache-2.0
 * A campaign as the book remembers it: terms, state, and what follows from them at a moment. Its
 * number is that of its policy, whose id is "mete:campaign:" and the campaign's own. */
#ifndef METE_CORE_CAMPAIGN_H
#define METE_CORE_CAMPAIGN_H

#include "base/arena.h"
#include "base/buf.h"
#include "core/event.h"
#include "core/machine.h"
#include "core/view.h"

#define CAMPAIGN_POLICY_PREFIX "mete:campaign:"
#define CAMPAIGN_ID_LEN_MAX    (PARTY_ID_LEN_MAX - sizeof CAMPAIGN_POLICY_PREFIX + 1)

struct campaign {
    struct text id;
    struct text app_id;
    uint8_t state; /* enum campaign_state as events left it; the clock may have gone on */
    bool is_offering;
    uint32_t creator; /* party */
    uint32_t asset;
    uint32_t share_bps;
    i128 raise;                /* minor units; -1: none */
    i128 cap_amount;           /* -1: none */
    struct ratio cap_multiple; /* num 0: none */
    uint32_t duration_days;    /* 0: none */
    struct text *off_ramp;
    uint32_t off_ramp_count;
    mete_time activated_at; /* TIME_NEVER: not yet */
    mete_time completed_at; /* by an event or the cap; TIME_NEVER: not yet */
    uint8_t reason;         /* enum completion */
    struct text off_ramp_taken;
    bool end_told; /* revenue from behind the end of its days has told that they ended */
};

/* Sums of a campaign, in minor units of its asset. */
enum campaign_sum { CAMPAIGN_CONFIRMED, CAMPAIGN_ACCRUED, CAMPAIGN_CREATORS, CAMPAIGN_REVERSED };

struct investment {
    uint32_t party;
    i128 amount;
    uint64_t created; /* seq of its commitment.created */
};

/** "mete:campaign:ID" in `a`. */
struct text campaign_policy_id(struct arena *a, struct text campaign_id);

void campaign_pack(struct buf *out, const struct campaign *c);
/** Texts and lists in `a`. False when the bytes are damaged. */
bool campaign_unpack(struct arena *a, struct bytes packed, struct campaign *c) METE_MUST_CHECK;
enum view_result view_campaign(const struct view *v, struct arena *a, uint32_t number,
                               struct campaign *c);
enum view_result view_campaign_sums(const struct view *v, uint32_t number, i128 sums[STATE_SUMS]);
/** What was confirmed, in the order in which it was promised, in `a`. */
enum view_result view_investments(const struct view *v, struct arena *a, uint32_t number,
                                  struct investment **list, size_t *count);

/* One of a user's attributions. */
struct attributed {
    mete_time from;
    uint64_t seq; /* of its event */
    uint32_t campaign;
};

/** The attribution that a user's revenue of a moment belongs to, as all that are known now say. */
enum view_result view_attribution(const struct view *v, struct arena *a, struct text app_id,
                                  struct text user_id, mete_time at, struct attributed *out);

/** The fee schedules that are an app's own, oldest first; their numbers begin here. */
#define APP_SCHEDULE_FIRST 0x40000000u
enum view_result view_app_fees(const struct view *v, struct arena *a, struct text app_id,
                               struct version **versions, size_t *count);

/** The end of its days; TIME_NEVER while it has none. */
mete_time campaign_ends_at(const struct campaign *c);
/** The state at a moment: COMPLETED once its days are over. Not CLOSED, which depends on money. */
enum campaign_state campaign_state_at(const struct campaign *c, mete_time at);
/** True while investors earn from revenue of that moment, if there is room below the cap. */
bool campaign_accrues(const struct campaign *c, mete_time at);

/** The lower of both caps; the multiple is of the raise, else of what was confirmed; floored.
 * False: there is none. */
bool campaign_cap(const struct campaign *c, i128 confirmed, i128 *cap);

const char *completion_name(enum completion reason);

#endif

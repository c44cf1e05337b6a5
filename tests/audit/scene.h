/* SPDX-License-Identifier: Apache-2.0
 * Small books made by hand, decision by decision, and written as an export: what the auditor's
 * tests feed it. Rows of accounts, ids and hashes are added up here from what the decisions say, so
 * that a scene that lies in a decision lies consistently everywhere else. */
#ifndef METE_TESTS_AUDIT_SCENE_H
#define METE_TESTS_AUDIT_SCENE_H

#include "audit/decision_read.h"
#include "base/arena.h"
#include "base/buf.h"

#define SCENE_STEPS_MAX 60
#define SCENE_NAMES_MAX 30
#define SCENE_LINES_MAX 12

/** An event with its decision, or a further page. */
struct step {
    struct text event; /* canonical bytes; empty for a page */
    struct text id;    /* of the event that is decided */
    uint64_t seq;
    uint32_t page;
    mete_time recorded_at;
    struct found_decision d;
};

struct scene {
    struct arena arena;
    struct step step[SCENE_STEPS_MAX];
    uint32_t step_count;
    uint64_t events;
    struct text party[SCENE_NAMES_MAX]; /* from 16 */
    uint32_t party_count;
    struct text policy[SCENE_NAMES_MAX]; /* from 1 */
    uint32_t policy_count;
    mete_time at;          /* of the balances; 0: the last recorded_at */
    struct buf rows;       /* further rows, one a line */
    bool wrong_rest;       /* the hash of further pages is not theirs */
    bool wrong_checkpoint; /* signed, but of another root */
    bool own_balances;     /* the scene writes its balance and pending rows itself */
};

#define USD 7u /* the number that stands for USD in all scenes */

void scene_init(struct scene *s);
void scene_clear(struct scene *s);

/** Day of January 2025, at noon. */
mete_time scene_day(unsigned day);
/** An event of that day: its type and payload as JSON. */
struct found_decision *scene_event(struct scene *s, unsigned day, const char *id, const char *type,
                                   const char *payload);
/** The same, with more members of the envelope, each followed by a comma. */
struct found_decision *scene_told(struct scene *s, unsigned day, const char *id, const char *type,
                                  const char *more, const char *payload);
/** A further page of the last event; `about` is the id of who is decided anew, with its seq. */
struct found_decision *scene_page(struct scene *s, unsigned day, uint64_t about, const char *id);
/** The number of a party (policy), named in this decision when it is new. */
uint32_t scene_party(struct scene *s, struct found_decision *d, const char *id);
uint32_t scene_policy(struct scene *s, struct found_decision *d, const char *id);
/** A group in USD out of clearing that is due at `clears_at`. */
struct found_group *scene_group(struct scene *s, struct found_decision *d, unsigned kind,
                                i128 gross, mete_time clears_at);
struct found_node *scene_node(struct scene *s, struct found_group *g, uint32_t policy,
                              unsigned rounding, u128 den, i128 input);
struct found_line *scene_line(struct scene *s, struct found_group *g, unsigned kind, uint32_t party,
                              i128 amount);
/** An allocation of share `share` of node `node`. */
struct found_line *scene_share(struct scene *s, struct found_group *g, uint32_t node,
                               uint32_t share, uint32_t party, u128 weight, i128 amount);
void scene_row(struct scene *s, const char *row);

void scene_write(const struct scene *s, struct buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * An engine in a few lines, and looking at it from outside: balances by name, sums over all
 * accounts, a fingerprint of the whole state, the pages of the log. */
#ifndef METE_TESTS_ORACLE_SCENE_H
#define METE_TESTS_ORACLE_SCENE_H

#include "core/decision.h"
#include "engine/engine.h"

struct scene {
    struct engine *engine;
    struct submit_result last;
    struct buf json;
    struct arena arena;
};

/** A new book in memory whose clock is that of the events. Fails loudly. */
void scene_open(struct scene *s);
/** The same in a store, made when it is missing. cache_size 0: the default. */
void scene_open_store(struct scene *s, const char *store, size_t cache_size);
void scene_close(struct scene *s);
void scene_commit(struct scene *s);

enum submit_status scene_submit(struct scene *s, struct text json);
/** printf; single quotes become double ones. */
enum submit_status scene_send(struct scene *s, const char *fmt, ...) METE_PRINTF(2, 3);
/** The same, and nothing but `applied` will do. */
void scene_apply(struct scene *s, const char *fmt, ...) METE_PRINTF(2, 3);

/** Net of a party ("mete:carry" and the like included) in an asset; 0 when there is none. */
i128 scene_net(struct scene *s, const char *party, const char *asset);
/** False when the accounts of some asset do not sum to zero. */
bool scene_balanced(struct scene *s);
/** False when some page of the entry at `seq` does not balance or has more than LEGS_MAX lines. */
bool scene_pages_balanced(struct scene *s, uint64_t seq);

/** The log's head, and SHA-256 over all state: keys, values, sums. */
struct hash scene_root(struct scene *s);
struct hash scene_state(struct scene *s);

/** What a stranger says to the book: mete-audit, when the build has told where it is (METE_AUDIT);
 *  *asked tells. False: it differs, and stderr says where. */
bool scene_audited(struct scene *s, bool *asked);

/** "party asset net" of every account that is not zero, by names, sorted. */
void scene_balances(struct scene *s, struct buf *out);

#endif

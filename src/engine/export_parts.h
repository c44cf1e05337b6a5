/* SPDX-License-Identifier: Apache-2.0
 * What the exports share: flushing, names that other programs accept, and the walk over a journal.
 * Private to src/engine. */
#ifndef METE_ENGINE_EXPORT_PARTS_H
#define METE_ENGINE_EXPORT_PARTS_H

#include "base/map.h"
#include "engine/lines.h"
#include "engine/query.h"
#include "engine/walk.h"
#include "engine/words.h"

/** Hands `out` over once it is large; false when the reader has gone. */
bool export_spill(const struct export_query *q, struct buf *out);
/** The failure that a flush that said no stands for. */
enum mete_code export_stopped(struct mete_err *err);

/** Appends `t`, each byte but A-Z a-z 0-9 and those of `also` as `mark` and two hex digits: `mark`
 *  itself is never plain, so that the name can be turned back. */
void export_put_escaped(struct buf *out, struct text t, char mark, const char *also);

/** The stretch of the log that a query means. */
void export_stretch(struct engine *e, const struct export_query *q, uint64_t *from,
                    uint64_t *until);

/** Appends what the auditor is told of payments by x402, and counts the lines. */
enum mete_code export_x402(struct engine *e, const struct export_query *q, struct buf *out,
                           uint64_t *lines, struct mete_err *err) METE_MUST_CHECK;

/* --- journals
 * -----------------------------------------------------------------------------------*/

struct journal;

/** One posting; amounts are debits above zero, as accountants have them. */
struct journal_posting {
    uint32_t party;
    const struct asset *asset;
    i128 amount;
    struct text id; /* of the allocation or fee; may be empty */
};

struct journal_entry {
    const struct walk_item *item;
    const struct walk_head *head;
    struct text original; /* event id that is reversed or disputed; may be empty */
};

/* How a format writes each thing. */
struct journal_style {
    void (*begin)(struct journal *j);
    void (*commodity)(struct journal *j, const struct asset *asset);
    void (*account)(struct journal *j, uint32_t party);
    void (*entry)(struct journal *j, const struct journal_entry *entry);
    void (*opening)(struct journal *j, mete_time at);
    void (*posting)(struct journal *j, const struct journal_posting *p);
    void (*end)(struct journal *j);
    /** The account's balance after everything above. */
    void (*assertion)(struct journal *j, const struct journal_posting *balance, mete_time last);
};

struct journal {
    struct engine *e;
    const struct export_query *q;
    const struct journal_style *style;
    struct buf *out;
    struct names names;
    struct lines_origin origin;
    struct arena a;     /* of one decision */
    struct map balance; /* account -> i128, credits above zero: only for a part of the log */
    bool counting;      /* `balance` is kept */
    bool writing;       /* else the decisions only count */
    mete_time last;     /* recorded_at of the last decision written */
    enum mete_code code;
    struct mete_err *err;
};

enum mete_code journal_write(struct engine *e, const struct export_query *q,
                             const struct journal_style *style, struct buf *out,
                             struct mete_err *err) METE_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The one port of all rails: how a worker has money moved, and learns what became of it. A rail
 * knows neither books nor the log; it does its I/O on the worker's thread, and answers honestly:
 * what it cannot prove is unknown. See doc/decisions/0014-payouts.md. */
#ifndef METE_RAILS_RAIL_H
#define METE_RAILS_RAIL_H

#include "base/arena.h"
#include "base/i128.h"
#include "base/time.h"
#include "core/asset.h"
#include "mete/error.h"

#define RAIL_TEXT_MAX   300 /* bytes of a reason, with its NUL */
#define RAIL_ANCHOR_MAX 200 /* bytes */

enum rail_outcome {
    RAIL_PAID,      /* the rail says that the money has moved */
    RAIL_ACCEPTED,  /* it has taken the payment; a probe will learn the end */
    RAIL_REJECTED,  /* proven: nothing moved, nothing will, and no new attempt would help */
    RAIL_TRANSIENT, /* proven: nothing moved by this attempt, nothing will; a new one may succeed */
    RAIL_UNKNOWN,   /* nobody can say. The same bytes may be sent again, no others */
    RAIL_ABSENT,    /* of a probe: the rail has never seen it, and its bytes may be sent (again) */
    RAIL_REPLACE    /* of a probe: the bytes that it has added to `body` are committed under the
                       same anchor, and then sent (a fee that was raised) */
};
const char *rail_outcome_name(enum rail_outcome o);

/* What became of one payment in one call. */
struct rail_report {
    enum rail_outcome outcome;
    bool has_amount;
    i128 amount; /* of RAIL_PAID: what arrived, when it is not what was asked; minor units */
    bool has_fee;
    i128 fee;              /* that the rail took beside the amount, in the payment's asset */
    mete_time retry_at;    /* of RAIL_TRANSIENT, RAIL_UNKNOWN; 0: as the book does */
    struct text reference; /* by which people find it at the rail; in the arena; "" */
    struct text proof;     /* preimage, transaction hash and block, receipt; in the arena; "" */
    char reason[RAIL_TEXT_MAX];      /* for people; names no destination; "" */
    char remediation[RAIL_TEXT_MAX]; /* what the party can do, of RAIL_REJECTED; "" */
};

#define RAIL_BODIES_MAX 16

/* One attempt of one transfer. Texts are the caller's, or in the arena of the call that made them.
 */
struct rail_payment {
    struct text book;
    struct text transfer_id; /* "po_" and 32 hexadecimal digits: unique over all books */
    struct text batch_id;
    struct text party;
    uint32_t attempt;       /* from 1 */
    uint32_t anchors_taken; /* how often this call of prepare was told that its anchor is taken */
    struct asset asset;
    i128 amount;             /* minor units of the asset, above 0 */
    i128 fee_max;            /* minor units that the rail may take beside it; -1: as the rail's
                                settings say */
    struct text destination; /* as the party gave it, opened; wiped by the worker. "" in a probe of
                                a rail that does not need it */
    mete_time queued_at;
    mete_time sending_at; /* when this attempt was committed first; 0 while it is prepared */
    mete_time now;

    struct text anchor; /* made by prepare: the key under which the rail knows the attempt */
    /* Made by prepare: the bytes to send, or what is needed to send them again. The last is sent;
     * the others are replacements that came before it, oldest first, any of which may be the one
     * that pays. */
    struct text body[RAIL_BODIES_MAX];
    size_t body_count;
    /* Payments of one call to prepare with the same group, not empty, travel in the same bytes:
     * they are committed together or not at all, and sent and probed in one call. */
    struct text group;
    struct rail_report report;
};

/* The settings of a rail, by their names in its section of the configuration file. */
struct rail_config {
    const char *(*get)(void *ctx,
                       const char *name); /* NULL: not set. Valid while the rail is open */
    void *ctx;
};

struct rail; /* each kind's own */

struct rail_kind {
    const char *name;         /* of the batches: "lightning", "evm", "stripe", "bank", ... */
    const char *const *alias; /* other names that people give it, NULL at the end; may be NULL */
    size_t batch_max;         /* payments of one call; 1 where they do not travel together */

    /** Reads the settings; connects to nothing. METE_USAGE says which setting and how to mend it.
     */
    enum mete_code (*open)(struct rail **out, const struct rail_config *config,
                           struct mete_err *err);
    void (*close)(struct rail *r);

    /** Checks the destination, asks the rail what it has to ask, and makes anchor, body and group:
     *  everything that sending needs, moving nothing. report.outcome RAIL_ACCEPTED: it can be
     *  committed. RAIL_REJECTED, RAIL_TRANSIENT: not, and why. Nothing else. Texts in `a`. */
    void (*prepare)(struct rail *r, struct rail_payment **p, size_t count, struct arena *a);
    /** Sends exactly the last body, which is committed. Any outcome but RAIL_ABSENT, RAIL_REPLACE.
     */
    void (*send)(struct rail *r, struct rail_payment **p, size_t count, struct arena *a);
    /** What happened to what may have been sent: by this process, another one, or nobody. */
    void (*probe)(struct rail *r, struct rail_payment **p, size_t count, struct arena *a);
};

/** The i-th kind, NULL past the end: the one list of rails (rails.c). */
const struct rail_kind *rail_kind_at(size_t i);
/** By name or alias; NULL: there is none. */
const struct rail_kind *rail_kind_of(struct text name);

/** Fills in the outcome and printf's the reason. */
void rail_say(struct rail_payment *p, enum rail_outcome o, const char *fmt, ...) METE_PRINTF(3, 4);

#endif

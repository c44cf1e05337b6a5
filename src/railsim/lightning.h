/* SPDX-License-Identifier: Apache-2.0
 * What happens between nodes: the payee's invoices, and a node that pays one. Each paying node
 * remembers hashes for itself alone, as real ones do. */
#ifndef METE_RAILSIM_LIGHTNING_H
#define METE_RAILSIM_LIGHTNING_H

#include "railsim/parts.h"

enum ln_end {
    LN_PAID,     /* now */
    LN_ALREADY,  /* by an earlier call */
    LN_PENDING,  /* by an earlier call, in flight */
    LN_HELD,     /* by this call, in flight */
    LN_LATE,     /* by this call, in flight, and this call shall sound like a failure */
    LN_NO_ROUTE, /* failed */
    LN_DECLINED, /* failed: the payee does not take it (any more) */
    LN_FEE,      /* failed: no route within the fee */
    LN_EXPIRED,  /* nothing was tried */
    LN_INVALID   /* not an invoice, or of another network */
};

struct ln_order {
    const char *node; /* "phoenixd", "cln", "lnd", "lnbits" */
    struct text pr;
    int64_t fee_base_msat;
    int64_t fee_ppm;
    int64_t fee_max_msat; /* -1: no bound */
};

struct ln_payment {
    int64_t id;
    struct text uuid, hash, pr, preimage, status, reason; /* pending, complete, failed */
    int64_t amount_msat, fee_msat, created_us, completed_us;
};

/** Pays. `*p` is the row of this payment, or of the one that stands in its way; `*invoice` what was
 *  read. err says why it is LN_INVALID. */
enum ln_end ln_pay(struct call *c, const struct ln_order *o, struct ln_payment *p,
                   struct bolt11 *invoice, struct mete_err *err);

/** The rows of a node, newest first; `where` is a column's name or NULL. False at the end. */
sqlite3_stmt *ln_rows(struct sim *s, const char *node, const char *where, struct text value);
bool ln_row_next(struct sim *s, sqlite3_stmt *q, struct arena *a, struct ln_payment *p);
/** The row that tells most about a hash: complete, else pending, else failed. */
bool ln_find(struct sim *s, struct arena *a, const char *node, const char *where, struct text value,
             struct ln_payment *p);

/** The node's key in hexadecimal: of the payee, or of a paying node. */
void ln_node_id(const struct sim *s, const char *node, char out[67]);

#endif

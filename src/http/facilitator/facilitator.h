/* SPDX-License-Identifier: Apache-2.0
 * The facilitator of x402: what its routes share. It has no state of its own but what is under way:
 * payments are judged on the connection's thread and on the lines to the nodes, and what becomes of
 * them is said to the book by the journal's route (doc/decisions/0015-x402.md). */
#ifndef METE_HTTP_FACILITATOR_FACILITATOR_H
#define METE_HTTP_FACILITATOR_FACILITATOR_H

#include "http/desk.h"
#include "http/histogram.h"
#include "rails/x402/scheme.h"

struct facilitator_options {
    struct nets *nets;    /* the facilitator's from here on; NULL: none */
    bool is_public;       /* nobody has to show a key */
    bool refuses_repeats; /* of those who ask for a settlement, one is told that it succeeded */
    unsigned rate;        /* requests a minute of one asker and of one payer; 0: no bound */
    unsigned wait_s;      /* that a settlement is waited for before it is pending; 0: 60 */
    unsigned replace_s;   /* that a transaction is waited for before its fee is raised; 0: 30 */
};

struct facilitator;
struct watch;
struct catalog;
struct rate;
struct x402_signer;

/** Connects the networks. Without any there is nothing that it takes. */
void facilitator_start(struct facilitator **out, struct desk *d,
                       const struct facilitator_options *o);
/** Takes up what the book has open, which asks the desk: once that has all its parts. */
void facilitator_begin(struct facilitator *f);
/** Nobody is kept waiting for long any more. `f` may be NULL. */
void facilitator_quiesce(struct facilitator *f);
/** Payments that are waited for are answered as pending. While keeper and relay work. `f` may be
 *  NULL. */
void facilitator_stop(struct facilitator *f);

struct nets *facilitator_nets(struct facilitator *f);
struct rate *facilitator_rate(struct facilitator *f); /* NULL: no bound */
struct catalog *facilitator_catalog(struct facilitator *f);
struct watch *facilitator_watch(struct facilitator *f);
/** Its accounts, for whoever writes the book. */
const struct x402_signer *facilitator_signs(const struct facilitator *f);
/** Whether somebody who asks is told that a payment was settled; noted, so that nobody else is when
 *  the settings say so. `is_old`: who is not known to have been told was, before a restart. */
bool facilitator_tells(struct facilitator *f, struct text id, bool is_old);
unsigned facilitator_wait_s(const struct facilitator *f);
/** May whoever asks have payments judged and settled here? If not, the answer says so. */
bool facilitator_may(struct facilitator *f, struct exchange *x);

/* --- judging -----------------------------------------------------------------------------------*/

/** One payment that is being judged. In the arena of its exchange. */
struct judging {
    struct line_ask ask; /* first: it leads back */
    struct desk *d;
    struct exchange *x;
    struct x402_request in;
    struct x402_case c;
    bool is_verify;
    /** It is decided: c.reason. On any thread. */
    void (*then)(struct judging *j);
};

/** Has the asker, or the payer that was read, asked too often? Then the answer says so, and when
 *  to come again. */
bool judging_is_early(struct judging *j);
/** Reads the body of a /verify or /settle, and finds network and scheme. False: c.reason says why
 *  not, `is_malformed` whether it could not even be read. */
bool judging_read(struct judging *j, bool *is_malformed) METE_MUST_CHECK;
/** What its scheme can judge without a node, and whether the book can hold the value. False:
 *  c.reason says why not. */
bool judging_scheme_read(struct judging *j) METE_MUST_CHECK;
/** What is paid for: the echo of version 2, else what version 1 requires; "" when nothing says. */
struct text judging_resource(const struct x402_request *in);
/** Judges what was read; ends in `then`, perhaps before it returns. */
void judging_go(struct judging *j);
/** The same, of a payment that its scheme has read already. */
void judging_rounds(struct judging *j);
/** Why it was refused, into the line of the log, when the fault is not the payer's: a node, the
 *  account, the book. The answer says it to who asked, but its operator reads the log. */
void judging_note(struct judging *j);

/* --- numbers -----------------------------------------------------------------------------------*/

enum facilitator_act { ACT_VERIFY, ACT_SETTLE, ACT_COUNT };

struct facilitator_counts {
    _Atomic uint64_t good[ACT_COUNT];
    _Atomic uint64_t bad[ACT_COUNT][X402_REASON_COUNT];
};
struct facilitator_counts *facilitator_counts(struct facilitator *f);
/** What the account of a network had for gas when something was last to be settled, in 10^-9 of the
 *  chain's coin, as much of it as fits; negative: nothing was yet. */
int64_t facilitator_coins(const struct facilitator *f, const struct net *n);
/** Notes it: `coins` are in the smallest unit. */
void facilitator_coins_note(struct facilitator *f, const struct net *n, struct u256 coins);
void facilitator_count(struct facilitator *f, enum facilitator_act act, enum x402_reason reason);

#endif

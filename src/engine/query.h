/* SPDX-License-Identifier: Apache-2.0
 * What people ask of a stored book: who has how much, in which lines, why, in total, in the formats
 * of others, and what would have been. Nothing here changes the book. Lists are handed out row by
 * row, so that none of them must fit memory; a visit returns false to stop. */
#ifndef METE_ENGINE_QUERY_H
#define METE_ENGINE_QUERY_H

#include "base/buf.h"
#include "core/balance.h"
#include "core/decision.h"
#include "engine/engine.h"
#include "wire/json.h"

/* --- parties: what everybody has
 * ----------------------------------------------------------------*/

struct parties_query {
    mete_time at;      /* the clock that clears; not a place in the log */
    struct text asset; /* code; empty: all */
    struct text kind;  /* "human" ...; empty: all */
    struct text party; /* this one alone; empty: all */
    struct text after; /* those that the log named after this party; empty: from the first */
};

struct party_row {
    struct text party;
    struct text kind; /* "" when it was never registered */
    struct asset asset;
    struct balance balance;
};

/** One asset's sum over the rows. */
struct party_total {
    struct asset asset;
    uint64_t parties;
    struct balance balance;
};

typedef bool parties_visit(void *arg, const struct party_row *row);

/** Every account of a party that is not mete's own, in the order in which the log named them.
 *  *totals (in `a`, may be NULL) has one row an asset. METE_CURRENCY_UNKNOWN; METE_NOT_FOUND for a
 *  party that the log does not name. */
enum mete_code parties_list(struct engine *e, const struct parties_query *q, parties_visit *visit,
                            void *arg, struct arena *a, struct party_total **totals, size_t *count,
                            struct mete_err *err) METE_MUST_CHECK;

/* --- statement: one party, line by line
 * ---------------------------------------------------------*/

#define STATEMENT_CURSOR_MAX 128

struct statement_query {
    struct text party;
    struct text asset;        /* code; empty: all */
    mete_time from;           /* recorded at or after; TIME_ALWAYS: from the beginning */
    mete_time until;          /* recorded before; TIME_NEVER: to the end */
    mete_time at;             /* the clock that clears: state of the lines */
    struct text after;        /* a cursor; empty: from the first line */
    uint64_t limit;           /* lines; 0: all */
    uint32_t newest;          /* not 0: of each account only that many bookings, the newest */
    const _Atomic bool *stop; /* once true, no further line is read; NULL: nobody stops it */
    uint64_t size;            /* entries of the log that count; 0: all */
    bool no_last;             /* nobody will ask for the last page */
};

/** Cursors; "" when there is no such page. */
struct statement_pages {
    char next[STATEMENT_CURSOR_MAX];
    char last[STATEMENT_CURSOR_MAX]; /* the last `limit` bookings of the last account */
};

struct statement_line {
    uint64_t seq; /* entry of the log that booked it */
    mete_time recorded_at;
    mete_time occurred_at;
    struct text event_id;
    const char *event_type;
    bool is_move;     /* between accounts: neither earned nor taken back */
    const char *what; /* "share", "fee", "reversal of a share" ... */
    struct text id;   /* allocation or fee id; of the original's line for reversals */
    i128 amount;
    i128 balance;        /* of the account, this line included */
    const char *state;   /* "pending", "disputed", "cleared", "upheld" */
    mete_time clears_at; /* of pending lines, else the moment of booking; TIME_NEVER: held */
};

struct statement_account {
    struct asset asset;
    i128 opening; /* what stood there before the first line shown */
    i128 closing; /* after the last line shown */
    uint64_t lines;
};

/** Called for each account: open, its lines in log order, close. */
struct statement_sink {
    void *ctx;
    void (*open)(void *ctx, const struct statement_account *account);
    void (*line)(void *ctx, const struct statement_line *line);
    void (*close)(void *ctx, const struct statement_account *account);
};

/** opening + sum of lines = closing, for each account.
 *  METE_NOT_FOUND for a party that the log does not name; METE_MEMBER_VALUE for a bad cursor. */
enum mete_code statement_read(struct engine *e, const struct statement_query *q,
                              const struct statement_sink *sink, struct statement_pages *pages,
                              struct mete_err *err) METE_MUST_CHECK;

/* --- explain: why
 * -------------------------------------------------------------------------------*/

/** An exact member of an explanation: what a program reads instead of the sentence. */
struct explain_fact {
    const char *name;
    struct text value; /* numbers as digits, fractions as "2/5" */
    struct explain_fact *next;
};

struct explain_node {
    const char *label; /* "because", "fees", "policy", "share", "reversed", "state" ... */
    struct text text;  /* one sentence */
    bool has_amount;
    i128 amount;
    struct asset asset;
    struct explain_fact *fact, *fact_last;
    struct explain_node *child, *last, *next;
};

/** Explains an allocation, a fee, an event or a party's balance, from what was stored when it was
 *  decided: nothing is decided again. The tree lives in `a`. METE_NOT_FOUND. */
enum mete_code explain_id(struct engine *e, struct text id, mete_time at, struct arena *a,
                          struct explain_node **out, struct mete_err *err) METE_MUST_CHECK;
/** An indented tree, one line a node. */
void explain_text(struct buf *out, const struct explain_node *n);

/* --- report: totals of a period
 * -----------------------------------------------------------------*/

enum report_by { REPORT_POLICY, REPORT_PARTY, REPORT_SOURCE, REPORT_CURRENCY, REPORT_ROLE };

struct report_query {
    mete_time from;
    mete_time until; /* exclusive */
    bool recorded;   /* the period is of recorded_at, else of occurred_at */
    enum report_by by;
};

/** By party and role, gross is what the rows' lines sum to, fees included. */
struct report_row {
    struct text name; /* policy, party, source, currency or role; "" for those without */
    struct asset asset;
    i128 gross;
    i128 fees;
    i128 allocated;
    i128 unallocated;
    i128 carried;
    i128 reversed;     /* gross given back in the period, whenever it came */
    i128 year_to_date; /* by party: net of reversals, since 1 January of the period's last day */
    uint64_t count;    /* revenues; by party and role: lines */
};

struct report_usage {
    struct text provider;
    i128 calls, bytes, latency_ms_sum, reports;
};

struct report_waiting {
    struct text policy; /* "" when it waits for something else */
    const char *code;
    struct asset asset;
    i128 amount;
    uint64_t count;
};

struct report {
    struct report_row *row;
    size_t row_count;
    struct report_usage *usage; /* reported for windows that begin in the period */
    size_t usage_count;
    struct report_waiting *waiting; /* now, whatever the period */
    size_t waiting_count;
    uint64_t events; /* decisions looked at */
};

enum mete_code report_make(struct engine *e, const struct report_query *q, struct arena *a,
                           struct report *out, struct mete_err *err) METE_MUST_CHECK;
bool report_by_of(struct text name, enum report_by *by) METE_MUST_CHECK;
const char *report_by_name(enum report_by by);
/** Sources that go by several names are one: the name they are reported under. */
struct text report_source(struct text source);

/* --- export
 * -------------------------------------------------------------------------------------*/

/** Takes what was written so far out of `out` (or leaves it there); false stops the export. */
typedef bool export_flush(void *ctx, struct buf *out);

struct export_query {
    mete_time from;  /* recorded at or after; TIME_ALWAYS */
    mete_time until; /* recorded before; TIME_NEVER */
    export_flush *flush;
    void *ctx;
};

/** One row a posting, source postings included: every event sums to zero. */
enum mete_code export_csv(struct engine *e, const struct export_query *q, struct buf *out,
                          struct mete_err *err) METE_MUST_CHECK;
/* Journals: declarations, one transaction a decision, assertions of every account at the end. */
enum mete_code export_hledger(struct engine *e, const struct export_query *q, struct buf *out,
                              struct mete_err *err) METE_MUST_CHECK;
enum mete_code export_beancount(struct engine *e, const struct export_query *q, struct buf *out,
                                struct mete_err *err) METE_MUST_CHECK;
/** All of the book, for the auditor (doc/format.md); from and until do not apply. */
enum mete_code export_audit(struct engine *e, const struct export_query *q, struct buf *out,
                            struct mete_err *err) METE_MUST_CHECK;

/* Training data: a CSV and a JSONL file for each family of the economic protocol, and a manifest.
 */
struct dataset_query {
    const char *folder;
    bool force;     /* replace a dataset that is there */
    unsigned tiers; /* bit 1 << tier each */
    mete_time from; /* as in struct export_query; outcomes are of the whole log */
    mete_time until;
    struct text campaign;       /* empty: all */
    struct text app;            /* empty: all */
    struct bytes pseudonym_key; /* empty: made of the book's seal key */
};

struct dataset_result {
    uint64_t families;
    uint64_t rows;
    uint64_t bytes;
};

/** The folder appears whole or not at all; two exports of the same log are the same, byte for byte.
 *  METE_FILE; METE_NOT_FOUND for a campaign that is not there; METE_SEAL_KEY. */
enum mete_code export_dataset(struct engine *e, const struct dataset_query *q,
                              struct dataset_result *out, struct mete_err *err) METE_MUST_CHECK;

/* --- simulate: what would have been
 * -------------------------------------------------------------*/

struct simulate_query {
    const struct text *document; /* drafts: policy documents or manifests, each of another id */
    size_t document_count;
    struct when from; /* the drafts are in force from here; not set: always */
};

struct simulate_row {
    struct text party;
    struct asset asset;
    i128 now; /* net: pending, disputed and cleared together */
    i128 then;
};

/** One asset's sum over the rows. */
struct simulate_total {
    struct asset asset;
    i128 now;
    i128 then;
    i128 moved;       /* sum of the gains: what changes hands */
    uint64_t parties; /* accounts with a difference */
};

/** An event of the book that could not be applied under the drafts. */
struct simulate_refused {
    struct text event_id;
    const char *event_type;
    struct mete_err why;
};

#define SIMULATE_REFUSED_MAX 100

struct simulation {
    struct simulate_row *row; /* parties and mete's own accounts but the outside; by party, asset */
    size_t row_count;
    size_t changed;               /* rows with a difference */
    struct simulate_total *total; /* in the order in which the rows name their assets */
    size_t total_count;
    uint64_t events;
    uint64_t left_out; /* publications that the drafts replace */
    uint64_t
        uncovered; /* transfers and settlements that the drafts would not cover, booked as facts */
    uint64_t waiting; /* more or fewer than now would show in mete:suspense */
    uint64_t refused_count;
    struct simulate_refused refused[SIMULATE_REFUSED_MAX]; /* the first ones */
    int64_t elapsed_us;
};

/** Replays the book's events into a book in memory under the drafts. Writes nothing. Publications
 *  of a draft's id that would be in force at or after `from` are left out; the others stay.
 *  METE_USAGE; errors of documents, with a pointer into the document. */
enum mete_code simulate_run(struct engine *e, const struct simulate_query *q, struct arena *a,
                            struct simulation *out, struct mete_err *err) METE_MUST_CHECK;
/** Events a second; 0 when it took no time. */
uint64_t simulation_rate(const struct simulation *s);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The history of payments: a file of lines (JSON) that only grows, shared by any number of
 * processes. A payment is a line when it is signed, made durable before the payment is sent, and a
 * line for each later change. Whoever works on a payment holds a lock on its line: when the process
 * dies the lock is gone, and the next one goes on with the same payment. */
#ifndef METE_CLIENT_PAY_HISTORY_H
#define METE_CLIENT_PAY_HISTORY_H

#include "base/buf.h"
#include "base/map.h"
#include "base/time.h"
#include "base/u256.h"
#include "crypto/hash.h"
#include "mete/client.h"

#define ENTRY_ID_LEN     32u
#define ENTRY_HOST_MAX   256u
#define ENTRY_LINE_MAX   ((size_t)512 << 10)
#define ENTRY_SCALE      18u /* decimals of a worth in dollars */
#define HISTORY_SIZE_MAX ((uint64_t)1 << 40)

typedef char pay_text[METE_CLIENT_TEXT_MAX];

/* A payment. Amounts as decimal texts of smallest units. */
struct pay_entry {
    char id[ENTRY_ID_LEN + 1];
    struct hash key;   /* of the request that it pays for */
    struct hash asked; /* what a named request was: its method, URL and body */
    enum mete_client_state state;
    mete_time at;
    int64_t valid_until_s;
    unsigned decimals;
    int version;     /* of x402 */
    bool has_id;     /* the caller named the request: it is never paid a second time */
    bool has_asked;  /* `asked` is known */
    bool is_permit2; /* its nonce is one of Permit2 */
    char host[ENTRY_HOST_MAX];
    char asked_host[ENTRY_HOST_MAX]; /* when it has led to another one; else "" */
    char method[16];
    pay_text scheme;
    pay_text network;
    pay_text asset;
    pay_text symbol;
    pay_text pay_to;
    pay_text payer;
    pay_text amount;
    pay_text nonce;
    pay_text charged;
    pay_text transaction;
    pay_text reason;
    char *url;    /* owned */
    char *header; /* owned: the value that is sent */

    uint64_t offset;        /* of its first line: what its lock is on */
    bool is_claimed;        /* by this process */
    struct pay_entry *next; /* of the same key, in the order of signing */
};

void entry_free(struct pay_entry *e);
/** In dollars, ENTRY_SCALE decimals. False: too large, or no number. */
bool entry_worth(const struct pay_entry *e, struct u256 *out) METE_MUST_CHECK;
/** Whether nothing will change any more, and no request will look for it. */
bool entry_is_over(const struct pay_entry *e);

/* Lines. */
/** Appends the line of a payment that was signed, or of its change at `now`. */
void entry_write(struct buf *out, const struct pay_entry *e);
void entry_write_change(struct buf *out, const struct pay_entry *e, mete_time now);
enum entry_kind {
    LINE_SIGNED, /* *out is a new payment */
    LINE_CHANGE, /* *out has id, state, charged, transaction and reason */
    LINE_TORN,   /* a crash cut it: what it would have said was never acted upon */
    LINE_BROKEN
};
/** Reads one without its end. Of LINE_SIGNED out->url and out->header are to be freed. */
enum entry_kind entry_read(struct text line, struct pay_entry *out);

struct history;

/** Opens or makes the file, folders too. NULL: `why` says it. */
struct history *history_open(const char *path, char *why);
void history_close(struct history *h);
/** The descriptor of the file, made with its folders where it is not there; -1: `why` says it. */
int history_file_open(const char *path, char *why);
/** The usual file; false without a home. */
bool history_usual(char *out, size_t size);

/** Between the two no other process changes the file, and all that others did is known. False:
 *  history_why. */
bool history_lock(struct history *h) METE_MUST_CHECK;
void history_unlock(struct history *h);
const char *history_why(const struct history *h);

/** The oldest payment of that key that nobody works on and that may be sent again at `now`: claimed
 *  for this process, or NULL. `with_refused`: also those that were refused and have run out.
 * Locked. *is_busy: there is one, and somebody works on it. */
struct pay_entry *history_claim(struct history *h, const struct hash *key, mete_time now,
                                bool with_refused, bool *is_busy);
/** Nobody works on it any more. The entry may be gone after it. */
void history_release(struct history *h, struct pay_entry *e);

/** Takes the entry (allocated) and makes it durable. Locked. NULL: history_why, and it is freed. */
struct pay_entry *history_add(struct history *h, struct pay_entry *e) METE_MUST_CHECK;
/** Writes down the state, charged, transaction and reason that the entry has now. What cannot be
 *  written is lost: the state before it is the careful one. */
void history_change(struct history *h, const struct pay_entry *e, mete_time now);

/** What was signed and may have moved, by dollars of ENTRY_SCALE decimals. Locked. */
struct pay_sums {
    struct u256 host; /* that host, that day */
    struct u256 day;
    struct u256 total;
};
void history_sums(const struct history *h, int32_t day, const char *host, struct pay_sums *out);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The thread that owns a store and its books. Everybody else hands it work and goes on. It takes
 * whatever has queued: readings first, on what is durable; then writings, book by book, each book's
 * in one group; and tells each that it is done only when its group is durable. */
#ifndef METE_HTTP_KEEPER_H
#define METE_HTTP_KEEPER_H

#include "engine/engine.h"
#include "http/custom_metrics.h"
#include "http/histogram.h"
#include "http/known_books.h"

struct keeper;

struct keeper_options {
    const char *store;
    const char
        *node; /* how this process calls itself in the leases of a shared store; may be NULL */
    bool create_store;
    size_t cache_size;  /* bytes for all open books together; 0: 64 MiB */
    unsigned books_max; /* open at once; the one used longest ago is closed. 0: 16 */
    unsigned queue_max; /* works that wait; 0: 4096 */
    unsigned group_max; /* works of one commit; 0: 512 */
    /** A group of this book is durable. On the keeper's thread: must not block. May be NULL. */
    void (*committed)(void *ctx, const char *book);
    void *ctx;
    struct custom_metrics *metrics; /* counts what is durable; NULL: nobody does */
};

/** One piece of work. The caller owns it and keeps it until `done` was called. */
struct work {
    struct work *next;
    const char *book;
    bool writes;
    bool create_book; /* make the book when it is missing */
    bool alone;       /* a group of its own that is rolled back: a rehearsal */
    bool may_wait;    /* comes after all others of its round, in a group without them */
    /** On the keeper's thread. `e` NULL: the book cannot be opened, why in *err; METE_STORE_BUSY:
     *  another process writes it. */
    void (*run)(struct work *w, struct engine *e, const struct mete_err *err);
    /** On the keeper's thread, at the end. METE_OK: what was written is durable. Else it is not,
     *  and why is in *err; what `run` had to say is void. */
    void (*done)(struct work *w, enum mete_code code, const struct mete_err *err);
};

enum mete_code keeper_start(struct keeper **out, const struct keeper_options *o,
                            struct mete_err *err) METE_MUST_CHECK;
/** False when the queue is full or the keeper stops: nothing will happen to `w`. Never blocks. */
bool keeper_put(struct keeper *k, struct work *w) METE_MUST_CHECK;
/** Finishes what has queued, closes the books. keeper_put says no from then on. */
void keeper_stop(struct keeper *k);
/** After keeper_stop, when nobody can put any more. Closes the store: last, for who closes a file
 *  last, and may write it, leaves all of it in that one file. */
void keeper_free(struct keeper *k);

struct keeper_stats {
    uint64_t reads, writes, groups, failed_groups;
    unsigned queued, queue_max;
    unsigned books;   /* open now */
    int64_t round_us; /* that the round at hand has lasted so far; 0: it waits for work */
    const struct histogram *commit_time; /* microseconds; the keeper's, alive as long as it */
    const struct histogram *group_size;  /* works of one commit */
};
void keeper_stats(struct keeper *k, struct keeper_stats *out);

/** Reads the numbers of an open book, NULL: of each, for keeper_known_books. On the keeper's thread
 *  alone: by the run of a work that reads. */
void keeper_look(struct keeper *k, const char *name);
struct known_books *keeper_known_books(struct keeper *k);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Pages of logs, rendered once and read by everybody who follows a book: a thread of its own reads
 * them from the store, and nobody who writes does anything for those who read. Pages stay for a
 * while, within a bound of memory; a reader has none, only a place. */
#ifndef METE_HTTP_LOG_PAGES_H
#define METE_HTTP_LOG_PAGES_H

#include "base/buf.h"
#include "http/source.h"
#include "store/store.h"

struct log_pages;
struct log_page;
struct paged_book;

struct log_pages_options {
    const char *store;
    /** Appends what readers get of a row; the same bytes each time. True: more follows from it. */
    bool (*render)(struct buf *out, const struct log_row *row);
    /** Appends what follows from the row at `seq`, which is committed; the same bytes each time.
     *  False: it cannot be read. */
    bool (*follow)(void *ctx, struct buf *out, const char *book, uint64_t seq);
    /** Where to go on in all that there is of a row, for who got it up to and with `mark`. */
    size_t (*resume)(struct text row, const char *mark);
    void *ctx;
    size_t memory_max; /* bytes of all pages; 0: 32 MiB */
};

#define LOG_MARK_MAX 64

/** What a reader is to get. */
struct log_wish {
    uint64_t after;          /* rows after this one */
    bool own_only;           /* nothing of what follows from rows */
    char mark[LOG_MARK_MAX]; /* not empty: first the rest of row `after`, behind this mark */
};

/** One who follows a book. Everything in it is log_pages' own, but for what log_reader_join sets.
 */
struct log_reader {
    struct log_pages *pages;
    struct paged_book *book;
    struct log_reader *next;
    struct log_reader *before;
    struct source *source; /* woken when there is more */
    uint64_t seq;          /* the row that comes next, or that was given in part */
    size_t within;         /* bytes of it that were given */
    struct log_page *page; /* the one it waited for, kept until it comes back */
    uint64_t ticket;       /* since when it waits; 0: it does not */
    bool failed;
    bool own_only;
    char mark[LOG_MARK_MAX]; /* of the row at `seq`, not found yet; else empty */
};

enum mete_code log_pages_start(struct log_pages **out, const struct log_pages_options *o,
                               struct mete_err *err) METE_MUST_CHECK;
/** Reads no further page. */
void log_pages_stop(struct log_pages *p);
/** Every reader must have left. */
void log_pages_free(struct log_pages *p);

/** Of a book that exists. */
void log_reader_join(struct log_pages *p, struct log_reader *r, struct text book,
                     const struct log_wish *wish, struct source *source);
/** Its source is not woken any more. */
void log_reader_leave(struct log_reader *r);
/** As source.read. SOURCE_BROKEN: the log cannot be read. */
long log_reader_read(struct log_reader *r, uint8_t *to, size_t size);
/** It stands between two rows: something else may be said. */
bool log_reader_between(const struct log_reader *r);

/** Something was written to this book; NULL: perhaps, to any of them, by another process. Any
 * thread; costs nothing when nobody follows it. */
void log_pages_news(struct log_pages *p, const char *book);

struct log_pages_stats {
    uint64_t loads; /* times the store was read */
    uint64_t rows;
    size_t memory;
};
void log_pages_stats(struct log_pages *p, struct log_pages_stats *out);

#endif

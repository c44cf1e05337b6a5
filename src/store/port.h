/* SPDX-License-Identifier: Apache-2.0
 * What an implementation of the store provides: rows kept in order, in groups that are durable at
 * once. Everything that is the same for all of them (state, tree, replay) stands above, in book*.c.
 * Functions return STORE_FAILED with `err` (never NULL here) filled. Adding a store is a file that
 * fills a struct store_port and one line in the list of stores.c. */
#ifndef METE_STORE_PORT_H
#define METE_STORE_PORT_H

#include "store/api_key_port.h"
#include "store/inbox.h"
#include "store/insight.h"
#include "store/state/port.h"
#include "store/store.h"

/** A further page of a decision. */
struct page_row {
    uint64_t number; /* 1, 2, ... over the whole book, in order of storing */
    uint64_t seq;
    uint32_t page;
    uint64_t after; /* events in the log when it was stored: its place when replaying */
    mete_time recorded_at;
    struct bytes packed;
};
typedef bool page_visit(void *arg, const struct page_row *row);

/** What is there when a book is opened. */
struct log_found {
    uint64_t size;
    mete_time recorded_at; /* of the last event */
    uint64_t pages;        /* number of the last page row */
    uint64_t flushed_size; /* the stored runs hold the effects of the log up to here */
    uint64_t flushed_pages;
};

struct log_port {
    bool in_process; /* rows never leave this process, so none is checked when it is read */
    enum store_result (*find)(void *log, struct log_found *out, struct mete_err *err);
    void (*close)(void *log);
    /** STORE_FAILED: another process writes the book by now. NULL: no other can. */
    enum store_result (*held)(void *log, struct mete_err *err);

    enum store_result (*append)(void *log, const struct log_row *row, struct mete_err *err);
    enum store_result (*append_page)(void *log, const struct page_row *row, struct mete_err *err);
    enum store_result (*commit)(void *log, struct mete_err *err);
    void (*rollback)(void *log);
    /** Bytes are valid until the next call. */
    enum store_result (*row)(void *log, uint64_t seq, struct log_row *out, struct mete_err *err);
    enum store_result (*recorded_at)(void *log, uint64_t seq, mete_time *out, struct mete_err *err);
    enum store_result (*page)(void *log, uint64_t seq, uint32_t page, struct page_row *out,
                              struct mete_err *err);
    enum store_result (*page_count)(void *log, uint64_t seq, uint32_t *count, struct mete_err *err);
    enum store_result (*scan)(void *log, uint64_t from, uint64_t until, log_visit *visit, void *arg,
                              struct mete_err *err);
    /** Page rows from this number on, in order. */
    enum store_result (*scan_pages)(void *log, uint64_t number, page_visit *visit, void *arg,
                                    struct mete_err *err);

    /* The tree: leaves are in the rows; of the inner nodes those of level 8, 16, 24, 32 are kept.
     * `level` is one of 0, 8, 16, 24, 32; reading is of `count` <= 256 in a row. */
    enum store_result (*node_put)(void *log, unsigned level, uint64_t index, const struct hash *h,
                                  struct mete_err *err);
    enum store_result (*nodes)(void *log, unsigned level, uint64_t first, unsigned count,
                               struct hash *out, struct mete_err *err);

    const struct state_port *state; /* ctx is the log; NULL: state stays in memory */
    enum store_result (*flushed)(void *log, uint64_t size, uint64_t pages, struct mete_err *err);
    /** Of a reader that is its store's only open book; both NULL when it cannot. `rest` lets the
     *  snapshot go, `wake` takes the newest one. *moved: something was committed since. */
    void (*rest)(void *log);
    enum store_result (*wake)(void *log, bool *moved, struct mete_err *err);

    enum store_result (*checkpoint_add)(void *log, const struct checkpoint *c,
                                        struct mete_err *err);
    enum store_result (*checkpoints)(void *log, checkpoint_visit *visit, void *arg,
                                     struct mete_err *err);
    enum store_result (*seal_add)(void *log, const struct sealed_value *v, struct mete_err *err);
    enum store_result (*seals)(void *log, uint64_t seq, struct text party, sealed_visit *visit,
                               void *arg, struct mete_err *err);
    enum store_result (*seal_erase)(void *log, struct text party, uint64_t *count,
                                    struct mete_err *err);
    enum store_result (*quarantine_add)(void *log, const struct quarantined *q, uint64_t max,
                                        struct mete_err *err);
    enum store_result (*quarantine_remove)(void *log, uint64_t id, struct mete_err *err);
    enum store_result (*quarantine)(void *log, uint64_t after, quarantine_visit *visit, void *arg,
                                    struct mete_err *err);
    /** NULL: where `quarantine` is quick enough to count with. */
    enum store_result (*quarantine_count)(void *log, uint64_t *count, struct mete_err *err);
    enum store_result (*meta_get)(void *log, const char *name, struct arena *a, struct text *value,
                                  struct mete_err *err);
    enum store_result (*meta_set)(void *log, const char *name, struct text value,
                                  struct mete_err *err);
    enum store_result (*metas)(void *log, meta_visit *visit, void *arg, struct mete_err *err);
    /* See store/insight.h. */
    enum store_result (*kpi_find)(void *log, const struct kpi_point *want, size_t count,
                                  struct arena *a, struct kpi_point *found, struct mete_err *err);
    enum store_result (*kpi_put)(void *log, const struct kpi_point *p, size_t count,
                                 struct mete_err *err);
    enum store_result (*kpi_remove)(void *log, const struct kpi_point *p, size_t count,
                                    struct mete_err *err);
    enum store_result (*kpi_scan)(void *log, const struct kpi_point *from,
                                  const struct kpi_point *until, size_t limit, kpi_visit *visit,
                                  void *arg, struct mete_err *err);
    enum store_result (*insight_find)(void *log, const struct insight *want, size_t count,
                                      struct insight *found, struct mete_err *err);
    enum store_result (*insight_put)(void *log, const struct insight *i, size_t count,
                                     struct mete_err *err);
    enum store_result (*insight_remove)(void *log, const struct insight *i, size_t count,
                                        struct mete_err *err);
    enum store_result (*insight_scan)(void *log, const struct insight *from,
                                      const struct insight *until, size_t limit,
                                      insight_visit *visit, void *arg, struct mete_err *err);
    /* NULL: other processes cannot reach the store. */
    enum store_result (*inbox_claim)(void *log, const struct inbox_id *id, struct mete_err *err);
    enum store_result (*inbox_answer)(void *log, const struct inbox_item *answer,
                                      struct mete_err *err);
};

struct store_port {
    enum mete_code (*open)(void **out, const char *name, const struct store_options *options,
                           struct mete_err *err);
    void (*close)(void *store);
    enum store_result (*books)(void *store, struct arena *a, struct text **names, size_t *count,
                               struct mete_err *err);
    enum mete_code (*book_open)(void **log, void *store, struct text name, bool create,
                                struct mete_err *err);
    const struct log_port *log;
    const struct api_keys_port *keys; /* NULL: it has none */
    bool is_remote;                   /* processes of several machines may open it */
    bool is_file;                     /* its name is a file of SQLite's: backups, doctor */
    /* As store_prepare and store_distribute; both NULL where there is nothing to prepare. */
    enum mete_code (*prepare)(const char *url, const char *role, mete_time now,
                              struct mete_err *err);
    enum mete_code (*distribute)(const char *url, bool dry, struct buf *sql, struct mete_err *err);
};

/** What a store is called by itself. */
enum store_naming {
    STORE_NAMED_NOTHING, /* the prefix is all of the URL */
    STORE_NAMED_REST,    /* what stands behind the prefix */
    STORE_NAMED_URL,     /* the whole URL */
    STORE_NAMED_PATH     /* the same, of what has no scheme at all: a file name */
};

/** Which URLs are whose. */
struct store_kind {
    const char *prefix;
    enum store_naming naming;
    const struct store_port *port;
};
/** The list; the first that fits is taken, one without a port ends it: all that stores.c has. A
 *  program may be linked with its own. */
extern const struct store_kind STORE_KINDS[];

extern const struct store_port memory_store_port;
extern const struct store_port sqlite_store_port;
extern const struct store_port postgres_store_port;

/** The implementation, and what it calls the store; NULL: there is none of this kind. */
const struct store_port *store_port_of(const char *url, const char **name);
/** METE_USAGE, with all that may be said in its place. */
enum mete_code store_unknown(struct mete_err *err);

#define BOOK_NAME_LEN_MAX 200
/** Events and books that a 64-bit row key has room for: book_id << 40 | seq. */
#define LOG_SIZE_BITS 40

#endif

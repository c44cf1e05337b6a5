/* SPDX-License-Identifier: Apache-2.0
 * The port to what is remembered. A store holds books; a book is its log (events with their packed
 * decisions, append-only), the state that follows from it, the sealed values outside it, and the
 * quarantine. One writer a file; on PostgreSQL one writer a book, which holds its lease. Nothing is
 * visible to others before book_commit returns. A store and its books belong to one thread at a
 * time. Implementations: memory/ (mete run, simulate), sqlite/, postgres/. */
#ifndef METE_STORE_STORE_H
#define METE_STORE_STORE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"
#include "base/types.h"
#include "core/key.h"
#include "crypto/hash.h"
#include "mete/error.h"

struct store;
struct book;

enum store_result {
    STORE_OK,
    STORE_NONE,  /* nothing there */
    STORE_FAILED /* err says what; a failed write must be followed by book_rollback */
};

struct store_options {
    bool create; /* make the file when it is missing */
    bool read_only;
    bool untouched; /* a reader that leaves nothing beside the file, as long as nobody writes it */
    size_t cache_size; /* bytes for state in memory (buffer and cache together); 0: 64 MiB */
    bool strict_cache; /* filters of runs within it; else beside it, up to an eighth of the memory
                          that the process may have (memory_limit.h), for all books together */
    bool no_entries;   /* memory store: keep no account entries (mete run) */
    mete_time now;     /* stamped on what is created */
    bool no_wait;      /* a book that another process writes: do not look whether it still lives */
    const char *node; /* how this process calls itself in leases; NULL: a new name for each store */
    unsigned patience_ms; /* a database that was lost is waited for so long, and not at all as long
                             as it is known to be away; 0: a minute, each time */
    unsigned lease_ms; /* after so long without a sign of life another process may write; 0: 3000 */
};

/** Opens "memory:", "sqlite:FILE", a plain file name or "postgres://...".
 *  Errors: METE_STORE_MISSING, METE_STORE_NEWER, METE_STORE_BUSY, METE_STORE_CORRUPT, METE_FILE. */
enum mete_code store_open(struct store **out, const char *url, const struct store_options *options,
                          struct mete_err *err) METE_MUST_CHECK;
void store_close(struct store *s);

/** True for a database that processes of several machines may open. */
bool store_is_remote(const char *url);
#define STORE_NODE_MAX 96
/** The file of an embedded store; NULL: it is none. */
const char *store_file(const char *url);
/** A name for this process among those that share a store: machine, process, and a random rest. */
void store_node_name(char out[STORE_NODE_MAX]);
/** Appends the address as it may be shown to anybody: without a password. */
void store_label(const char *url, struct buf *out);
/** Appends the name that the key file of this store has unless another is given. */
void store_key_file(const char *url, struct buf *out);
/** Makes or updates the tables of a database as their owner, and gives a role the rights that the
 *  program needs (NULL: none). METE_USAGE for stores that need no such thing. */
enum mete_code store_prepare(const char *url, const char *role, mete_time now,
                             struct mete_err *err) METE_MUST_CHECK;
/** Spreads the tables of a prepared database over a Citus cluster, as their owner; what is spread
 *  already stays. `sql`: what was said, each statement with its end; with `dry`: what would be.
 *  METE_STORE_BUSY: a process is at work on it. */
enum mete_code store_distribute(const char *url, bool dry, struct buf *sql,
                                struct mete_err *err) METE_MUST_CHECK;

/** Names of all books, in order of creation, NULL-terminated, in `a`. */
enum store_result store_books(struct store *s, struct arena *a, struct text **names, size_t *count,
                              struct mete_err *err) METE_MUST_CHECK;
/** The same for a store that is not open: opens it for reading, asks, closes it. */
enum mete_code store_books_at(const char *location, struct arena *a, struct text **names,
                              size_t *count, struct mete_err *err) METE_MUST_CHECK;

/** Opens a book for writing (several may be open; one of them at a time has an open group: writing
 *  to another is METE_STORE_BUSY) or, in a read-only store, for reading a consistent snapshot.
 * METE_STORE_MISSING, METE_STORE_EXISTS with `create`. */
enum mete_code book_open(struct book **out, struct store *s, struct text name, bool create,
                         struct mete_err *err) METE_MUST_CHECK;
/** METE_OK: the book is still this process's to write. METE_STORE_BUSY: another one has it; what is
 *  in memory may be old: close it. Costs nothing as long as the lease is sure. */
enum mete_code book_held(struct book *b, struct mete_err *err) METE_MUST_CHECK;
/** A reader's snapshot is let go, and what was read stays in memory, so that book_wake is cheap.
 *  Until then only book_close may be called. False: this store cannot; the book goes on as it is.
 *  It must be the only open book of its store. */
bool book_rest(struct book *b) METE_MUST_CHECK;
/** The newest snapshot; costs by what was committed since the last. After a failure: close it. */
enum mete_code book_wake(struct book *b, struct mete_err *err) METE_MUST_CHECK;
/** As book_open in a read-only store, for the rows of the log alone: book_size, book_scan_log and
 *  book_seq_at. That costs next to nothing, however large the book is; state and tree are not
 *  there. */
enum mete_code book_open_log(struct book **out, struct store *s, struct text name,
                             struct mete_err *err) METE_MUST_CHECK;
/** What is queued is lost. Writes out the memory buffer unless it is small, so that the next open
 *  has little of the log to read again. */
void book_close(struct book *b);

/* --- the log -----------------------------------------------------------------------------------*/

struct log_row {
    uint64_t seq; /* 1, 2, ... */
    mete_time recorded_at;
    struct text event_id;     /* book_append sets key_event_id(event_id) -> seq (varint) */
    const struct key *id_key; /* that key, when the caller has it; never set when reading */
    struct bytes event;       /* RFC 8785 bytes, private values replaced by commitments */
    struct bytes signature;   /* JSON of the envelope's signature, or empty */
    struct bytes decision;    /* page 0, packed */
    struct hash leaf; /* log_row_leaf of the rest: also the row's checksum when it is read */
};

/** What the log commits to: event, decision page 0 and recorded_at (design section 5, "Log"). */
struct hash log_row_leaf(const struct log_row *row);

struct log_head {
    uint64_t size;         /* events in the log */
    mete_time recorded_at; /* of the last one; 0 when empty */
    struct hash root;      /* RFC 9162 tree head */
};

/** Queued events included. The root is computed when asked for, some 20 hashes. */
struct log_head book_head(struct book *b);
/** Events in the log, queued ones included: head.size without the root. */
uint64_t book_size(const struct book *b);

/** Queues one event for the current group: row.seq must be book_size + 1. What its decision changes
 *  in the state is the caller's to apply (core/decision.h), after this call. */
enum store_result book_append(struct book *b, const struct log_row *row,
                              struct mete_err *err) METE_MUST_CHECK;
/** Queues a further page of the decision at `seq` (page >= 1, in order; other events may have come
 *  in between). */
enum store_result book_append_page(struct book *b, uint64_t seq, uint32_t page, struct bytes packed,
                                   mete_time recorded_at, struct mete_err *err) METE_MUST_CHECK;

/** Makes everything queued since the last commit durable at once, or nothing of it: after
 *  STORE_FAILED the book is as it was at the last commit. */
enum store_result book_commit(struct book *b, struct mete_err *err) METE_MUST_CHECK;
/** Between groups: writes out the memory buffer unless it is small, so that a rollback, which reads
 *  the log again from there, is quick. */
void book_settle(struct book *b);
/** Throws the queued group away, with all state that it changed: rebuilds it from the store. */
void book_rollback(struct book *b);

/** From here on only so many rows of the log and pages of decisions are read (not by
 *  book_scan_log); to read another one fails. UINT64_MAX: no bound. */
void book_bound(struct book *b, uint64_t rows);
/** The bound is lifted. True: it was met. */
bool book_unbound(struct book *b);

/** True, with *err filled: book_seq_at or book_page_count, which cannot say so, failed since the
 *  book was opened or bounded. */
bool book_hid(const struct book *b, struct mete_err *err);

/** The book could not be read again after a failure: it answers nothing but that (its head says
 *  nothing either) until it is closed and opened anew. */
bool book_is_broken(const struct book *b);

/** Row `seq`, queued ones included. Bytes are valid until the next call on this book. */
enum store_result book_row(struct book *b, uint64_t seq, struct log_row *row,
                           struct mete_err *err) METE_MUST_CHECK;
enum store_result book_page(struct book *b, uint64_t seq, uint32_t page, struct bytes *packed,
                            mete_time *recorded_at, struct mete_err *err) METE_MUST_CHECK;
/** How many pages beyond page 0 stand at `seq`. */
uint32_t book_page_count(struct book *b, uint64_t seq);

/** Rows from..until-1 in order, streaming; `visit` returns false to stop. */
typedef bool log_visit(void *arg, const struct log_row *row);
enum store_result book_scan_log(struct book *b, uint64_t from, uint64_t until, log_visit *visit,
                                void *arg, struct mete_err *err) METE_MUST_CHECK;
/** The first seq recorded at or after `t` (head.size + 1 when none). Needs recorded_at to rise with
 *  seq, as it does in every stored book. */
uint64_t book_seq_at(struct book *b, mete_time t);

/* --- state -------------------------------------------------------------------------------------*/

/** `key` will be asked for soon: a hint that hides the wait for memory. */
void book_expect(struct book *b, struct bytes key);
/** The value of a PUT key: STORE_OK, STORE_NONE. Valid until the state changes or the next get. */
enum store_result book_get(struct book *b, struct bytes key, struct bytes *value,
                           struct mete_err *err) METE_MUST_CHECK;
/** The sums of an ADD key; zeros and STORE_NONE when never added to. */
enum store_result book_sums(struct book *b, struct bytes key, i128 sums[STATE_SUMS],
                            struct mete_err *err) METE_MUST_CHECK;
/** Keys in [from, until) in byte order; an empty `until` is the end. ADD keys come merged, deleted
 *  ones not at all. `visit` may read, but not write; key and value are its until it returns. */
typedef bool state_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums);
enum store_result book_scan_state(struct book *b, struct bytes from, struct bytes until,
                                  state_visit *visit, void *arg,
                                  struct mete_err *err) METE_MUST_CHECK;

/* Blind writes, part of the current group. */
void book_set(struct book *b, struct bytes key, struct bytes value);
void book_add(struct book *b, struct bytes key, const i128 sums[STATE_SUMS]);
void book_remove(struct book *b, struct bytes key);

/** Ends store_options.no_entries: from now on ENTRY and PENDING writes are kept. */
void book_keep_entries(struct book *b);

/* --- the Merkle log ----------------------------------------------------------------------------*/

/** Hash of the complete subtree of 2^level leaves number `index`. */
enum store_result book_tree_hash(struct book *b, unsigned level, uint64_t index, struct hash *out,
                                 struct mete_err *err) METE_MUST_CHECK;

struct checkpoint {
    uint64_t size;
    struct hash root;
    mete_time signed_at;
    struct text note; /* the signed note, C2SP tlog-checkpoint */
};
enum store_result book_checkpoint_add(struct book *b, const struct checkpoint *c,
                                      struct mete_err *err) METE_MUST_CHECK;
typedef bool checkpoint_visit(void *arg, const struct checkpoint *c);
enum store_result book_checkpoints(struct book *b, checkpoint_visit *visit, void *arg,
                                   struct mete_err *err) METE_MUST_CHECK;

/* --- outside the log ---------------------------------------------------------------------------*/

/** A private value: `commitment` stands in the log; `sealed` (salt and value, encrypted) may be
 *  erased. `party` is whom it is about (empty: nobody in particular). */
struct sealed_value {
    uint64_t seq;
    struct text pointer; /* JSON pointer inside the event */
    struct text party;
    struct hash commitment;
    struct bytes sealed;
};
enum store_result book_seal_add(struct book *b, const struct sealed_value *v,
                                struct mete_err *err) METE_MUST_CHECK;
typedef bool sealed_visit(void *arg, const struct sealed_value *v);
/** Those of one event (seq > 0), or of one party (seq 0, party not empty), or all. There is no
 * index by party (its keys would be random): that reads all. */
enum store_result book_seals(struct book *b, uint64_t seq, struct text party, sealed_visit *visit,
                             void *arg, struct mete_err *err) METE_MUST_CHECK;
/** Erases the sealed values about a party; *count of them are gone after the commit. */
enum store_result book_seal_erase(struct book *b, struct text party, uint64_t *count,
                                  struct mete_err *err) METE_MUST_CHECK;

struct quarantined {
    uint64_t id;
    mete_time received_at;
    struct text event_id; /* as far as it could be read */
    enum mete_code code;
    struct text pointer;
    struct text message;
    struct text body; /* as received, at most EVENT_SIZE_MAX bytes (cut beyond: `cut`) */
    bool cut;
    uint32_t attempts; /* times it was refused */
};
/** Keeps a refused event, outside the log. Bounded: the oldest makes room beyond `max` rows.
 *  The same body refused again only counts an attempt. */
enum store_result book_quarantine_add(struct book *b, const struct quarantined *q, uint64_t max,
                                      struct mete_err *err) METE_MUST_CHECK;
enum store_result book_quarantine_remove(struct book *b, uint64_t id,
                                         struct mete_err *err) METE_MUST_CHECK;
typedef bool quarantine_visit(void *arg, const struct quarantined *q);
/** In order of id, from `after` + 1. METE_STORE_CORRUPT when a body is not what was kept. */
enum store_result book_quarantine(struct book *b, uint64_t after, quarantine_visit *visit,
                                  void *arg, struct mete_err *err) METE_MUST_CHECK;
/** How many there are, those of the queued group included. */
enum store_result book_quarantine_count(struct book *b, uint64_t *count,
                                        struct mete_err *err) METE_MUST_CHECK;

/** Small named values of a book outside the log: its secret keys' public halves, settings. */
enum store_result book_meta_get(struct book *b, const char *name, struct arena *a,
                                struct text *value, struct mete_err *err) METE_MUST_CHECK;
enum store_result book_meta_set(struct book *b, const char *name, struct text value,
                                struct mete_err *err) METE_MUST_CHECK;

typedef bool meta_visit(void *arg, struct text name, struct text value);
enum store_result book_metas(struct book *b, meta_visit *visit, void *arg,
                             struct mete_err *err) METE_MUST_CHECK;

/** Counters of the state layer since the book was opened (store/state/stats.h). */
struct state_stats;
const struct state_stats *book_stats(struct book *b);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * An open book and the one door into it. Events are decided one by one against the state that the
 * events before them left, stored in groups, and durable when engine_commit returns. Not
 * thread-safe: one engine, one thread. */
#ifndef METE_ENGINE_ENGINE_H
#define METE_ENGINE_ENGINE_H

#include "base/arena.h"
#include "base/rng.h"
#include "base/time.h"
#include "core/decision.h"
#include "core/view.h"
#include "crypto/seal.h"
#include "mete/error.h"
#include "store/store.h"
#include "wire/envelope.h"

#include <signal.h>

struct engine;

enum clock_mode {
    CLOCK_REAL, /* recorded_at is the operating system's time, never going back */
    CLOCK_EVENT /* recorded_at equals occurred_at (mete run, simulate, tests) */
};

struct engine_options {
    const char *store;      /* "memory:", "sqlite:FILE", a file name or "postgres://..." */
    struct store *in_store; /* NULL; else `store`, open already, of the caller */
    const char *book;       /* "main" */
    bool create_store;
    bool create_book;
    bool read_only;
    bool untouched;    /* as in struct store_options */
    bool no_entries;   /* keep no account entries: nobody will ask for statements */
    size_t cache_size; /* bytes; 0: 64 MiB */
    bool strict_cache; /* see struct store_options */
    enum clock_mode clock;
    mete_time now;           /* CLOCK_EVENT: the first moment; else ignored */
    uint64_t salt_seed;      /* not 0: repeatable salts (mete run, tests) instead of random ones */
    const char *key_file;    /* NULL: as engine_key_file says; made with the book, mode 0600 */
    uint64_t quarantine_max; /* 0: 100,000 */
};

enum mete_code engine_open(struct engine **out, const struct engine_options *options,
                           struct mete_err *err) METE_MUST_CHECK;
/** Rolls back what was not committed. */
void engine_close(struct engine *e);

/** Appends the name of a store's key file, and a NUL that is not counted: `given`, else
 * METE_KEY_FILE of the environment, else FILE.key beside a file, DATABASE.key in the folder for a
 * database. */
void engine_key_file(const char *store, const char *given, struct buf *out);
/** A new key file, mode 0600, that appears whole or not at all and lasts, whatever ends us: written
 *  as `partial`, a name in the same folder, which is gone afterwards. 0 or errno; EEXIST: there is
 *  one. */
int key_file_make(const char *path, const char *partial, struct text all) METE_MUST_CHECK;
/** Lets the snapshot of a read-only engine go, keeping what was read. Until engine_wake only
 *  engine_close may be called. False: it cannot rest, or something failed in it; close it. */
bool engine_rest(struct engine *e) METE_MUST_CHECK;
/** Goes on with the newest snapshot, which costs by what was committed since the last. After a
 *  failure: close it. */
enum mete_code engine_wake(struct engine *e, struct mete_err *err) METE_MUST_CHECK;

/** The key that opens sealed values, from the store's key file. METE_SEAL_KEY. */
enum mete_code engine_seal_key_read(const char *store, uint8_t out[SEAL_KEY_LEN],
                                    struct mete_err *err) METE_MUST_CHECK;

/** True when the book of a database knows its key file; what cannot be read counts as known. */
bool engine_keys_pinned(struct engine *e);

struct book *engine_book(struct engine *e);
struct store *engine_store(struct engine *e);
/** The view that core decides on; also for reading. */
const struct view *engine_view(struct engine *e);
const char *engine_book_name(const struct engine *e);
/** Another number, in this process, for each opening and after each rollback: as long as it is the
 *  same, what was read from the book has only been added to by this engine. */
uint64_t engine_generation(const struct engine *e);
/** Ed25519 seed that signs checkpoints, and the key that opens sealed values; from the key file. */
const uint8_t *engine_log_seed(const struct engine *e);
/** False: it is open for reading, and the file of its keys is not here. */
bool engine_has_keys(const struct engine *e);
const uint8_t *engine_seal_key(const struct engine *e);
/** Now, by the engine's clock. */
mete_time engine_now(const struct engine *e);

enum submit_status {
    SUBMIT_APPLIED,
    SUBMIT_DUPLICATE,
    SUBMIT_WAITING,
    SUBMIT_REFUSED,
    SUBMIT_CONFLICT,
    SUBMIT_FAILED /* the store or the program failed; the group is lost: engine_rollback */
};
const char *submit_status_name(enum submit_status s);

struct submit_result {
    enum submit_status status;
    uint64_t seq;         /* of the event in the log; duplicate, conflict: of the one that stands */
    struct mete_err err;  /* waiting, refused, conflict, failed: why */
    struct text event_id; /* as far as it could be read; valid until the next submit */
};

struct submit_options {
    struct text app_id; /* of an ingest body */
    struct text environment;
    bool no_quarantine; /* refused events are not kept (mete run, replay from quarantine) */
    bool stored;        /* bytes of a log: private values are commitments already */
    bool own;           /* mete made it: reserved types are its own */
    struct text
        forced_by; /* who sends it, where that is known: stands in what forces a royalty off */
    mete_time recorded_at; /* not 0: replay; must not go back */
};

/** An event read and checked for form, ready to be decided: the part of the work that needs no
 *  book and may run on another thread. Reusable; owns everything it points to. */
struct prepared;
struct prepared *prepared_new(void);
void prepared_free(struct prepared *p);
/** Reads the event. `o` may be NULL. Touches nothing of the engine but its options; without one
 *  (NULL) the clock is real and salts are random, as in every stored book. */
void engine_prepare(const struct engine *e, struct prepared *p, struct text json,
                    const struct submit_options *o);
/** Notes bytes that are no event, and why: engine_submit_prepared refuses them. */
void engine_prepare_broken(struct prepared *p, struct text body, const struct mete_err *why,
                           const struct submit_options *o);
/** The event as it was read; only its id, as far as it could be made out, when it was not. */
const struct envelope *prepared_envelope(const struct prepared *p);
/** METE_OK: it can be decided. Else why not. */
enum mete_code prepared_code(const struct prepared *p, const struct mete_err **why);
/** RFC 8785 of the event as it was sent, without `signature`; valid as long as `p` is not reused.
 *  NULL: it was not read, or private values have been replaced, so that it is not there. */
struct text prepared_signed(const struct prepared *p);
/** It shall be refused for a reason that lies outside of it, and not be kept. */
void prepared_refuse(struct prepared *p, const struct mete_err *why);
/** `p` will be submitted soon: a hint. */
void engine_expect(struct engine *e, const struct prepared *p);
/** engine_submit for a prepared event. r->event_id is valid as long as `p` is not reused. */
void engine_submit_prepared(struct engine *e, struct prepared *p, struct submit_result *r);

/** What engine_submit_prepared would answer now, changing nothing and keeping nothing. */
void engine_try_prepared(struct engine *e, struct prepared *p, struct submit_result *r);

/** Decides one event (its JSON bytes) and queues it. Never loses anything: what is refused goes to
 *  the quarantine. `o` may be NULL. */
void engine_submit(struct engine *e, struct text json, const struct submit_options *o,
                   struct submit_result *r);
/** Puts into the quarantine what is no event at all. */
void engine_refuse(struct engine *e, struct text body, const struct mete_err *why);

/** Makes all since the last commit durable, and whatever else was written to the book. METE_OK,
 *  METE_STORE_FAILED, METE_STORE_FULL, METE_STORE_BUSY: another process has taken the book over;
 *  nothing of this was stored. After a failure: reopen. */
enum mete_code engine_commit(struct engine *e, struct mete_err *err) METE_MUST_CHECK;
void engine_rollback(struct engine *e);
/** Events queued since the last commit, and their bytes. */
size_t engine_queued(const struct engine *e);
size_t engine_queued_bytes(const struct engine *e);

/** Reads the event at `seq` again. */
enum mete_code engine_event(struct engine *e, uint64_t seq, struct arena *a,
                            struct envelope *envelope, mete_time *recorded_at,
                            struct mete_err *err) METE_MUST_CHECK;

/** The decision that booked the event at `seq` (pages joined; where it stands in *booked_seq and
 *  *booked_page). decision.wait_code != 0: it still waits. METE_NOT_FOUND past the log's end. */
enum mete_code engine_decision(struct engine *e, uint64_t seq, struct arena *a,
                               struct decision *decision, uint64_t *booked_seq,
                               uint32_t *booked_page, struct mete_err *err) METE_MUST_CHECK;

/** Appends the salt (SALT_LEN bytes) and the value behind a commitment. False: it does not open
 *  with the key file of this store. Wipe what came out. */
bool engine_unseal(const struct engine *e, const struct sealed_value *v,
                   struct buf *plain) METE_MUST_CHECK;

/** Between these two a reading is bounded: as if the store failed after so many rows of the log
 *  (UINT64_MAX: no bound), each of which takes some microseconds. No group is open. */
void engine_reading_begin(struct engine *e, uint64_t rows_max);
enum reading_end {
    READING_GOOD,
    READING_LONG,  /* the bound was met: what was read is void */
    READING_FAILED /* the store failed, *err says why: what was read is void */
};
enum reading_end engine_reading_end(struct engine *e, struct mete_err *err) METE_MUST_CHECK;

/** `code` of an operation that only read, unless the store failed in it: then why, for what could
 *  not be read looked as if it were not there. */
enum mete_code engine_sound(const struct engine *e, enum mete_code code,
                            struct mete_err *err) METE_MUST_CHECK;

/** The seq of an event id; 0 when it is not in the log. */
uint64_t engine_seq_of(struct engine *e, struct text event_id);

/* --- operations, each in its own file --------------------------------------------------------*/

/** Submits a preset's events; METE_USAGE for a name that is none.
 *   "fair"       2 % infrastructure fee, a quarter of it for pattern attribution; clears at once
 *   "agents"     clears after 7 days, disputes after 14; from 500 SAT on something is paid out
 *   "providers"  a policy urn:mete:usage, paid by usage; clears at once
 *   "economy"    marketplace_fee of 300 bps to the party `platform`, for apps that have no terms of
 *                their own; clears at once. A royalty is no part of it: apps bring theirs. */
enum mete_code preset_submit(struct engine *e, const char *name,
                             struct mete_err *err) METE_MUST_CHECK;
/** The i-th preset's name, NULL past the end. */
const char *preset_name_at(size_t i);

/** Submits a policy document or .fair manifest as policy.published. `event_id` empty: one is made
 *  from the document's id and hash. A document that is its policy's newest version already, in
 * force as `from` says (not set: by occurred_at), is SUBMIT_DUPLICATE: nothing is queued. One that
 * was published before an other version is SUBMIT_CONFLICT unless an `event_id` of its own is
 * given. */
void policy_submit(struct engine *e, struct text document, struct text event_id, struct when from,
                   mete_time occurred_at, struct submit_result *r);

struct ingest_counts {
    uint64_t applied, duplicate, waiting, refused, conflict;
    uint64_t bytes;
};

/** Called for every item with its outcome, and now and then with NULL for progress. */
typedef void ingest_tell(void *ctx, const struct submit_result *r, const struct ingest_counts *c);
/** Fills `buf` with up to `size` bytes; 0 at the end, negative on failure. */
typedef long ingest_read(void *ctx, void *buf, size_t size);

struct ingest {
    ingest_read *read;
    void *read_ctx;
    ingest_tell *tell; /* may be NULL */
    void *tell_ctx;
    size_t group_max; /* events of one commit; 0: 4096 */
    bool no_quarantine;
    bool dry_run;                      /* decide, answer, store nothing */
    const volatile sig_atomic_t *stop; /* may be NULL; not 0: commit what is decided and return */
};

/** Reads a stream to its end in constant memory. */
enum mete_code ingest_stream(struct engine *e, const struct ingest *in,
                             struct ingest_counts *counts, struct mete_err *err) METE_MUST_CHECK;

#endif

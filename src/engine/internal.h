/* SPDX-License-Identifier: Apache-2.0
 * The engine's own state, shared by its files; nobody outside src/engine includes this. */
#ifndef METE_ENGINE_INTERNAL_H
#define METE_ENGINE_INTERNAL_H

#include "base/buf.h"
#include "core/decide.h"
#include "crypto/box.h"
#include "engine/engine.h"
#include "engine/numbers.h"

uint64_t engine_generation_next(void);

struct engine {
    struct store *store;
    bool shares_store; /* it is the caller's to close */
    struct book *book;
    char name[256];
    uint64_t generation;
    struct view view;
    struct policy_cache *policies;
    struct state_sink sink;
    enum clock_mode clock;
    mete_time clock_last; /* recorded_at of the last event: never goes back */
    uint64_t quarantine_max;
    uint64_t salt_seed;
    uint8_t log_seed[32];
    uint8_t seal_key[SEAL_KEY_LEN];
    bool read_only;
    bool has_payout_key; /* the store announces a worker's key */
    uint8_t payout_key[BOX_KEY_LEN];
    bool in_memory; /* sealed with a key of zeros, and never signed */
    bool has_keys;
    bool entries; /* account entries are kept */
    bool failed;  /* the store failed while something was read: `err` says why */
    struct mete_err err;
    struct prepared *prepared; /* of engine_submit */
    struct arena arena;        /* of the event being decided */
    struct arena parse;        /* of events that are read again while deciding */
    struct buf packed;
    struct buf sealed;
    size_t queued;
    size_t queued_bytes;
    struct engine_counts counts;   /* of what is durable */
    struct engine_counts counting; /* of the group at hand */
    struct waits waits;
};

struct prepared {
    struct submit_options o;
    struct arena arena;
    struct buf json; /* a copy of what came in */
    struct envelope env;
    struct buf canonical;
    struct hash hash;    /* of the canonical bytes */
    struct key id_key;   /* of the event id */
    enum mete_code code; /* not METE_OK: refused, err says why */
    struct mete_err err;
    uint64_t salt_seed;
};

/** An envelope_salt over a struct prepared: a fresh salt. */
bool prepared_salt(void *ctx, const char *pointer, uint8_t salt[SALT_LEN]);

/** Counts what became of an event, and the shares that a decision books; void after a rollback. */
void numbers_outcome(struct engine *e, enum submit_status status);
void numbers_decision(struct engine *e, const struct decision *d);
/** The group at hand is durable, or void. */
void numbers_settle(struct engine *e, bool durable);

/** Reads the key file of a book, or makes it, with `create`, when nothing was sealed or signed. */
/* Lines of a key file. */
#define KEY_FILE_MAX    1024
#define KEY_FILE_PAYOUT "payout-public "

/** The name of a file lasts from now on: its folder is written. 0 or errno. */
int key_file_keep(const char *path);
enum mete_code engine_keys_load(struct engine *e, const char *path, bool create,
                                struct mete_err *err) METE_MUST_CHECK;
/** Binds a book that several machines open to its key file: METE_SEAL_KEY when it is another one. A
 *  reader then has no keys. */
enum mete_code engine_keys_pin(struct engine *e, struct mete_err *err) METE_MUST_CHECK;
/** The seq under a key of class EVENT_ID; 0 when there is none. */
uint64_t engine_seq_of_key(struct engine *e, const struct key *key);
/** Keeps statements possible from now on in a book that began without entries. */
void engine_entries_begin(struct engine *e);

#endif

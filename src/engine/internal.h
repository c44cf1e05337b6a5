/* SPDX-License-Identifier: Apache-2.0
 * The engine's own state, shared by its files; nobody outside src/engine includes this. */
#ifndef METE_ENGINE_INTERNAL_H
#define METE_ENGINE_INTERNAL_H

#include "base/buf.h"
#include "core/decide.h"
#include "engine/engine.h"

struct engine {
    struct store *store;
    struct book *book;
    char name[256];
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
    bool has_keys;
    bool entries; /* account entries are kept */
    bool failed;  /* the store failed while something was read: `err` says why */
    struct mete_err err;
    struct arena arena; /* of the event being decided */
    struct arena parse; /* of events that are read again while deciding */
    struct buf canonical;
    struct buf packed;
    struct buf sealed;
    struct text last_id; /* in `last_id_buf`: what submit_result.event_id points to */
    struct buf last_id_buf;
    size_t queued;
    size_t queued_bytes;
};

/** Reads or makes the key file of a book. */
enum mete_code engine_keys_load(struct engine *e, const char *path, bool create,
                                struct mete_err *err) METE_MUST_CHECK;
/** Keeps statements possible from now on in a book that began without entries. */
void engine_entries_begin(struct engine *e);

#endif

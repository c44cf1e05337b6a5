/* SPDX-License-Identifier: Apache-2.0
 * Nodes seal for each other with the key of the store's key file. Of several that start together on
 * a new database one makes it; the others wait for it here. */
#include "http/relay_key.h"

#include "engine/engine.h"

#include <time.h>

#define KEY_FILE_WAIT_MS 30000
#define KEY_FILE_STEP_MS 50

/* What the book of a database and its key file are to each other. */
struct key_file {
    bool is_known; /* the book knows one; what cannot be read counts as known */
    bool is_other; /* the one that is here is not that one, or none is here */
};

static enum mete_code key_file_look(const char *store, const char *book, struct key_file *out,
                                    struct mete_err *err)
{
    const struct engine_options o = {.store = store, .book = book, .read_only = true};
    struct engine *e;
    *out = (struct key_file){.is_known = true};
    enum mete_code code = engine_open(&e, &o, err);
    if (code == METE_STORE_MISSING) {
        out->is_known = false; /* no book: nothing was sealed yet */
        return METE_OK;
    }
    if (code == METE_OK) {
        *out = (struct key_file){engine_keys_pinned(e), !engine_has_keys(e)};
        engine_close(e);
    }
    return code;
}

/** Who has another key file than the one that has the book could not speak with it. */
static enum mete_code key_file_check(const char *store, const char *book, struct mete_err *err)
{
    struct key_file k;
    enum mete_code code = key_file_look(store, book, &k, err);
    return code != METE_OK || !k.is_other
               ? code
               : mete_fail(err, METE_SEAL_KEY, NULL,
                           "the book was made with another key file than this one: copy that "
                           "one here, METE_KEY_FILE names it");
}

enum mete_code relay_key_read(const char *store, const char *book, uint8_t key[SEAL_KEY_LEN],
                              struct mete_err *err)
{
    const struct timespec step = {.tv_nsec = KEY_FILE_STEP_MS * 1000000L};
    enum mete_code code = METE_SEAL_KEY;
    for (int i = 0; i < KEY_FILE_WAIT_MS / KEY_FILE_STEP_MS; i++) {
        struct key_file
            k; /* asked before the file is looked for: whoever has the book may make it */
        (void)key_file_look(store, book, &k, err);
        code = engine_seal_key_read(store, key, err);
        if (code != METE_SEAL_KEY || k.is_known) {
            break;
        }
        nanosleep(&step, NULL);
    }
    return code == METE_OK ? key_file_check(store, book, err) : code;
}

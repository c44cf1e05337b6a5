/* SPDX-License-Identifier: Apache-2.0
 * Nodes seal for each other with the key of the store's key file. Of several that start together on
 * a new database one makes it; the others wait for it here. */
#include "http/relay_key.h"

#include "engine/engine.h"

#include <time.h>

#define KEY_FILE_WAIT_MS 30000
#define KEY_FILE_STEP_MS 50

/** Who has another key file than the one that has the book could not speak with it. */
static enum mete_code key_file_check(const char *store, const char *book, struct mete_err *err)
{
    const struct engine_options o = {.store = store, .book = book, .read_only = true};
    struct engine *e;
    enum mete_code code = engine_open(&e, &o, err);
    if (code != METE_OK) {
        return code == METE_STORE_MISSING ? METE_OK : code;
    }
    bool other = !engine_has_keys(e);
    engine_close(e);
    return !other ? METE_OK
                  : mete_fail(err, METE_SEAL_KEY, NULL,
                              "the book was made with another key file than this one: copy that "
                              "one here, METE_KEY_FILE names it");
}

/** No key file is here, and the book knows of none: whoever has the book is just making it. */
static bool key_file_may_come(const char *store, const char *book)
{
    const struct engine_options o = {.store = store, .book = book, .read_only = true};
    struct engine *e;
    struct mete_err err;
    enum mete_code code = engine_open(&e, &o, &err);
    bool may = code == METE_OK ? !engine_keys_pinned(e) : code == METE_STORE_MISSING;
    if (code == METE_OK) {
        engine_close(e);
    }
    return may;
}

enum mete_code relay_key_read(const char *store, const char *book, uint8_t key[SEAL_KEY_LEN],
                              struct mete_err *err)
{
    const struct timespec step = {.tv_nsec = KEY_FILE_STEP_MS * 1000000L};
    enum mete_code code = METE_SEAL_KEY;
    for (int i = 0; i < KEY_FILE_WAIT_MS / KEY_FILE_STEP_MS; i++) {
        bool may_come = key_file_may_come(store, book); /* asked before it is looked for */
        code = engine_seal_key_read(store, key, err);
        if (code != METE_SEAL_KEY || !may_come) {
            break;
        }
        nanosleep(&step, NULL);
    }
    return code == METE_OK ? key_file_check(store, book, err) : code;
}

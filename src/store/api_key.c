/* SPDX-License-Identifier: Apache-2.0
 * The keys of a store, wherever it is: from its address to the implementation. */
#include "base/text.h"
#include "store/port.h"

#include <stdlib.h>

struct api_keys {
    const struct api_keys_port *port;
    void *impl;
};

enum mete_code api_keys_open(struct api_keys **out, const char *store, bool writing,
                             struct mete_err *err)
{
    const char *name;
    const struct store_port *kind = store_port_of(store, &name);
    if (kind == NULL) {
        return store_unknown(err);
    }
    if (kind->keys == NULL) {
        return mete_fail(err, METE_USAGE, NULL, "this kind of store has no keys");
    }
    struct api_keys *k = calloc(1, sizeof *k);
    METE_ASSERT(k != NULL);
    k->port = kind->keys;
    enum mete_code code = k->port->open(&k->impl, name, writing, err);
    if (code != METE_OK) {
        free(k);
        return code;
    }
    *out = k;
    return METE_OK;
}

void api_keys_close(struct api_keys *k)
{
    if (k != NULL) {
        k->port->close(k->impl);
        free(k);
    }
}

enum mete_code api_keys_read(struct api_keys *k, api_key_visit *visit, void *arg,
                             struct mete_err *err)
{
    return k->port->read(k->impl, visit, arg, err);
}

enum mete_code api_keys_add(struct api_keys *k, const struct api_key *key, struct mete_err *err)
{
    return k->port->add(k->impl, key, err);
}

enum mete_code api_keys_revoke(struct api_keys *k, struct text key_id, mete_time at,
                               struct mete_err *err)
{
    return k->port->revoke(k->impl, key_id, at, err);
}

bool api_keys_changed(struct api_keys *k)
{
    return k->port->changed(k->impl);
}

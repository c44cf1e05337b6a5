/* SPDX-License-Identifier: Apache-2.0
 * What an implementation of the keys provides; see api_key.h for what each has to do. */
#ifndef METE_STORE_API_KEY_PORT_H
#define METE_STORE_API_KEY_PORT_H

#include "store/api_key.h"

struct api_keys_port {
    enum mete_code (*open)(void **out, const char *name, bool writing, struct mete_err *err);
    void (*close)(void *keys);
    enum mete_code (*read)(void *keys, api_key_visit *visit, void *arg, struct mete_err *err);
    enum mete_code (*add)(void *keys, const struct api_key *key, struct mete_err *err);
    enum mete_code (*revoke)(void *keys, struct text key_id, mete_time at, struct mete_err *err);
    bool (*changed)(void *keys);
};

extern const struct api_keys_port sqlite_api_keys;
extern const struct api_keys_port postgres_api_keys;

#endif

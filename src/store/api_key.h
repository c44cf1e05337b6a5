/* SPDX-License-Identifier: Apache-2.0
 * The keys of a store's users. They belong to no log: they may be made and revoked while another
 * process writes the books, and are read again when they changed. */
#ifndef METE_STORE_API_KEY_H
#define METE_STORE_API_KEY_H

#include "store/store.h"

struct api_key {
    struct text key_id;
    struct text book;
    struct hash sha256; /* of the whole key: the key itself is never kept */
    uint32_t scopes;    /* bits */
    struct text party;  /* empty: not bound to a party */
    struct text producer;
    struct text service;
    struct text note;
    struct text limits; /* "USD=100.00 SAT=5000": the most that one act may be about, by asset, and
                           no other asset; empty: no bound */
    mete_time created_at;
    mete_time expires_at; /* TIME_NEVER */
    mete_time revoked_at; /* TIME_NEVER: it was not */
};

struct api_keys;

/** Opens the keys beside whoever writes the books; brings an older store to this schema only when
 *  `writing`. METE_STORE_MISSING and the others of store_open. */
enum mete_code api_keys_open(struct api_keys **out, const char *store, bool writing,
                             struct mete_err *err) METE_MUST_CHECK;
void api_keys_close(struct api_keys *k);

typedef bool api_key_visit(void *arg, const struct api_key *key);
/** All of them, in order of creation; durable at once when they were added. */
enum mete_code api_keys_read(struct api_keys *k, api_key_visit *visit, void *arg,
                             struct mete_err *err) METE_MUST_CHECK;
/** As it stands: one that ended already is never in force. */
enum mete_code api_keys_add(struct api_keys *k, const struct api_key *key,
                            struct mete_err *err) METE_MUST_CHECK;
/** Ends a key from `at` on; METE_NOT_FOUND; a key that ended earlier stays as it is. */
enum mete_code api_keys_revoke(struct api_keys *k, struct text key_id, mete_time at,
                               struct mete_err *err) METE_MUST_CHECK;
/** True when another connection changed the store since the last call. */
bool api_keys_changed(struct api_keys *k);

#endif

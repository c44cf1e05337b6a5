/* SPDX-License-Identifier: Apache-2.0
 * What a database's owner does once, for store.c. */
#ifndef METE_STORE_POSTGRES_PREPARE_H
#define METE_STORE_POSTGRES_PREPARE_H

#include "base/buf.h"
#include "base/time.h"
#include "mete/error.h"

/** store_prepare of store/store.h. */
enum mete_code postgres_prepare(const char *url, const char *role, mete_time now,
                                struct mete_err *err);
/** store_distribute of store/store.h. */
enum mete_code postgres_distribute(const char *url, bool dry, struct buf *sql,
                                   struct mete_err *err);

#endif

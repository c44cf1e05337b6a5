/* SPDX-License-Identifier: Apache-2.0
 * The schema's history, embedded at build by embed.py. A released migration never changes. */
#ifndef METE_STORE_MIGRATIONS_MIGRATION_H
#define METE_STORE_MIGRATIONS_MIGRATION_H

#include <stddef.h>

struct migration {
    int version; /* 1, 2, ... */
    const char *name;
    const char *sql;
};

extern const struct migration migrations_sqlite[];
extern const size_t migrations_sqlite_count;

#endif

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

extern const struct migration migrations_postgres[];
extern const size_t migrations_postgres_count;
/** Not part of the history: triggers, for databases that have them. */
extern const char postgres_guard[];

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The list of stores. Alone in its file, so that a program can be linked with a list of its own. */
#include "store/port.h"

const struct store_kind STORE_KINDS[] = {
    {"memory:", STORE_NAMED_NOTHING, &memory_store_port},
    {"sqlite:", STORE_NAMED_REST, &sqlite_store_port},
    {"postgres://", STORE_NAMED_URL, &postgres_store_port},
    {"postgresql://", STORE_NAMED_URL, &postgres_store_port},
    {"", STORE_NAMED_PATH, &sqlite_store_port},
    {NULL, STORE_NAMED_NOTHING, NULL},
};

/* SPDX-License-Identifier: Apache-2.0
 * The catalog of events as texts: made at build time by catalog.py out of core/event_type.h, the
 * schemas and the examples, in the order of enum event_type. doc/events says the same. */
#ifndef METE_HTTP_OPENAPI_CATALOG_H
#define METE_HTTP_OPENAPI_CATALOG_H

#include "core/event_type.h"

struct catalog_row {
    const char *type;
    const char *family; /* what stands before the point */
    const char *who;    /* may say it */
    const char *does;
    const char *schema;   /* JSON Schema 2020-12 of the whole event */
    const char *examples; /* one event a line; empty: reserved */
    unsigned tier;        /* 1 to 3: how far a book keeps it */
};

extern const struct catalog_row catalog_rows[EVENT_TYPE_COUNT];

#endif

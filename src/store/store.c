/* SPDX-License-Identifier: Apache-2.0
 * From a URL to the implementation that serves it. */
#include "base/text.h"
#include "store/book.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_SIZE_DEFAULT ((size_t)64 << 20)

/** The implementation, and what is left of the URL for it. */
static const struct store_port *port_of(const char *url, const char **name)
{
    static const char sqlite[] = "sqlite:";
    if (strcmp(url, "memory:") == 0) {
        *name = "";
        return &memory_store_port;
    }
    if (text_starts(text_of(url), sqlite)) {
        *name = url + sizeof sqlite - 1;
        return &sqlite_store_port;
    }
    *name = url;
    return strstr(url, "://") == NULL ? &sqlite_store_port : NULL;
}

enum mete_code store_open(struct store **out, const char *url, const struct store_options *options,
                          struct mete_err *err)
{
    struct mete_err unused;
    const char *name;
    const struct store_port *port = port_of(url, &name);
    err = err != NULL ? err : &unused;
    if (port == NULL) {
        return mete_fail(err, METE_USAGE, NULL,
                         "no store of this kind: give a file name, sqlite:FILE or memory:");
    }
    struct store *s = calloc(1, sizeof *s);
    METE_ASSERT(s != NULL);
    s->port = port;
    s->options = *options;
    if (s->options.cache_size == 0) {
        s->options.cache_size = CACHE_SIZE_DEFAULT;
    }
    enum mete_code code = port->open(&s->impl, name, &s->options, err);
    if (code != METE_OK) {
        free(s);
        return code;
    }
    *out = s;
    return METE_OK;
}

void store_close(struct store *s)
{
    if (s != NULL) {
        METE_ASSERT(s->writer == NULL); /* books are closed first */
        s->port->close(s->impl);
        free(s);
    }
}

enum store_result store_books(struct store *s, struct arena *a, struct text **names, size_t *count,
                              struct mete_err *err)
{
    struct mete_err unused;
    return s->port->books(s->impl, a, names, count, err != NULL ? err : &unused);
}

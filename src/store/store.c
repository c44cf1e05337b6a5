/* SPDX-License-Identifier: Apache-2.0
 * From a URL to the implementation that serves it. */
#include "base/encode.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "store/book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CACHE_SIZE_DEFAULT ((size_t)64 << 20)

/** "oracle:x", which is more likely a mistake than a file; not "C:/x", "./a:b" or "day-1:30.db". */
static bool has_scheme(const char *url)
{
    size_t len = 0;
    while (char_is_letter(url[len]) || (len > 0 && (char_is_digit(url[len]) || url[len] == '+'))) {
        len++;
    }
    return len > 1 && url[len] == ':';
}

/** What the store is called; NULL: the URL is not of this kind. */
static const char *name_of(const struct store_kind *k, const char *url)
{
    const char *rest = url + strlen(k->prefix);
    if (!text_starts(text_of(url), k->prefix)) {
        return NULL;
    }
    switch (k->naming) {
    case STORE_NAMED_NOTHING:
        return *rest == '\0' ? rest : NULL;
    case STORE_NAMED_REST:
        return rest;
    case STORE_NAMED_URL:
        return url;
    case STORE_NAMED_PATH:
        return strstr(url, "://") == NULL && !has_scheme(url) ? url : NULL;
    }
    return NULL;
}

const struct store_port *store_port_of(const char *url, const char **name)
{
    for (const struct store_kind *k = STORE_KINDS; k->port != NULL; k++) {
        *name = name_of(k, url);
        if (*name != NULL) {
            return k->port;
        }
    }
    *name = url;
    return NULL;
}

enum mete_code store_unknown(struct mete_err *err)
{
    struct buf known = {0};
    for (const struct store_kind *k = STORE_KINDS; k->port != NULL; k++) {
        if (k->naming != STORE_NAMED_PATH) {
            buf_printf(&known, ", %s%s", k->prefix, k->naming == STORE_NAMED_NOTHING ? "" : "...");
        }
    }
    enum mete_code code =
        mete_fail(err, METE_USAGE, NULL,
                  "no store of this kind: give a file name%.*s; a file with a colon in its name "
                  "as ./NAME",
                  (int)known.len, (const char *)known.p);
    buf_clear(&known);
    return code;
}

bool store_is_remote(const char *url)
{
    const char *name;
    const struct store_port *port = store_port_of(url, &name);
    return port != NULL && port->is_remote;
}

const char *store_file(const char *url)
{
    const char *name;
    const struct store_port *port = store_port_of(url, &name);
    return port != NULL && port->is_file ? name : NULL;
}

/* --- addresses ---------------------------------------------------------------------------------*/

/* What stands between the first colon and the last @ is a password, and so may be what stands in a
 * query. Where the two cannot be told apart, nothing but the kind of store is shown. */
void store_label(const char *url, struct buf *out)
{
    const char *scheme = strstr(url, "://");
    if (scheme == NULL) {
        buf_put_str(out, url);
        return;
    }
    const char *authority = scheme + 3;
    const char *end = authority + strcspn(authority, "?#");
    const char *at = memrchr(authority, '@', (size_t)(end - authority));
    if (strchr(end, '@') != NULL) {
        end = authority;
        at = NULL;
    }
    const char *user_end = at == NULL ? end : authority + strcspn(authority, ":@");
    buf_put(out, url, (size_t)(user_end - url));
    if (at != NULL) {
        buf_put(out, at, (size_t)(end - at));
    }
}

void store_key_file(const char *url, struct buf *out)
{
    const char *name;
    const struct store_port *port = store_port_of(url, &name);
    if (port == NULL || !port->is_remote) {
        buf_printf(out, "%s.key", name);
        return;
    }
    const char *authority = strstr(url, "://") + 3;
    const char *path = authority + strcspn(authority, "/?#");
    size_t len = *path == '/' ? strcspn(path + 1, "/?#") : 0;
    buf_printf(out, "%.*s.key", len > 0 ? (int)len : 4, len > 0 ? path + 1 : "mete");
}

void store_node_name(char out[STORE_NODE_MAX])
{
    uint8_t random[4];
    char host[48] = "";
    char hex[2 * sizeof random + 1];
    (void)gethostname(host, sizeof host - 1);
    random_bytes(random, sizeof random);
    hex_encode(hex, (struct bytes){random, sizeof random});
    snprintf(out, STORE_NODE_MAX, "%s/%ld/%s", host, (long)getpid(), hex);
}

enum mete_code store_prepare(const char *url, const char *role, mete_time now, struct mete_err *err)
{
    const char *name;
    const struct store_port *port = store_port_of(url, &name);
    return port != NULL && port->prepare != NULL
               ? port->prepare(url, role, now, err)
               : mete_fail(err, METE_USAGE, NULL, "only a database needs this: postgres://...");
}

enum mete_code store_distribute(const char *url, bool dry, struct buf *sql, struct mete_err *err)
{
    const char *name;
    const struct store_port *port = store_port_of(url, &name);
    return port != NULL && port->distribute != NULL
               ? port->distribute(url, dry, sql, err)
               : mete_fail(err, METE_USAGE, NULL, "only a database can be: postgres://...");
}

/* --- opening -----------------------------------------------------------------------------------*/

enum mete_code store_open(struct store **out, const char *url, const struct store_options *options,
                          struct mete_err *err)
{
    struct mete_err unused;
    const char *name;
    const struct store_port *port = store_port_of(url, &name);
    err = err != NULL ? err : &unused;
    if (port == NULL) {
        return store_unknown(err);
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

enum mete_code store_books_at(const char *location, struct arena *a, struct text **names,
                              size_t *count, struct mete_err *err)
{
    const struct store_options o = {.read_only = true};
    struct store *s;
    *count = 0;
    enum mete_code code = store_open(&s, location, &o, err);
    if (code == METE_OK) {
        code = store_books(s, a, names, count, err) == STORE_OK ? METE_OK : METE_STORE_FAILED;
        store_close(s);
    }
    return code;
}

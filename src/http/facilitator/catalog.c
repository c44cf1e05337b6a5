/* SPDX-License-Identifier: Apache-2.0
 * Entries from payments. The same entry comes with every payment for a resource: those of late are
 * remembered by their hashes, so that the book is asked for what is new alone. */
#include "http/facilitator/catalog.h"

#include "base/text.h"
#include "http/reply.h"
#include "wire/x402/discovery.h"
#include "wire/x402/header.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define RECENT    4096u              /* a power of two */
#define ENTRY_MAX ((size_t)16 << 10) /* bytes that the log keeps of one */

struct catalog {
    pthread_mutex_t lock;
    struct hash recent[RECENT];
};

struct catalog *catalog_new(void)
{
    struct catalog *c = calloc(1, sizeof *c);
    METE_ASSERT(c != NULL);
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void catalog_free(struct catalog *c)
{
    if (c != NULL) {
        pthread_mutex_destroy(&c->lock);
        free(c);
    }
}

/** False: it was there a short while ago. `takes`: now it is. */
static bool is_new(struct catalog *c, const struct hash *h, bool takes)
{
    struct hash *slot = &c->recent[((size_t)h->b[0] << 8 | h->b[1]) % RECENT];
    pthread_mutex_lock(&c->lock);
    const bool out = !hash_eq(slot, h);
    if (takes) {
        *slot = *h;
    }
    pthread_mutex_unlock(&c->lock);
    return out;
}

/* --- telling the book --------------------------------------------------------------------------*/

static void put_ended(struct exchange *inner)
{
    exchange_clear(inner); /* if it failed, the next payment but some tries again */
    free(inner);
}

static void put(struct desk *d, const struct buf *body, const char *request_id)
{
    struct exchange *inner = calloc(1, sizeof *inner);
    METE_ASSERT(inner != NULL);
    desk_own_init(d, inner, "registerPaidResource", request_id);
    buf_put(&inner->body, body->p, body->len);
    desk_own_ask(d, inner, put_ended);
}

static void text_write(struct json_writer *w, const char *name, struct text t)
{
    if (t.len > 0) {
        jw_text(w, name, t);
    }
}

static void entry_write(struct buf *out, const struct judging *j, const struct x402_discovered *f)
{
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_text(&w, "resource", f->url);
    jw_str(&w, "type", f->is_mcp ? "mcp" : "http");
    text_write(&w, "toolName", f->tool_name);
    jw_int(&w, "x402Version", f->version);
    jw_array(&w, "accepts");
    jw_raw(&w, NULL, j->in.requirements.json->raw);
    jw_end_array(&w);
    text_write(&w, "description", f->resource.description);
    text_write(&w, "mimeType", f->resource.mime_type);
    text_write(&w, "serviceName", f->resource.service_name);
    text_write(&w, "iconUrl", f->resource.icon_url);
    jw_array(&w, "tags");
    for (size_t i = 0; i < f->resource.tag_count; i++) {
        jw_text(&w, NULL, f->resource.tags[i]);
    }
    jw_end_array(&w);
    if (f->extension.len > 0) {
        jw_object(&w, "extensions");
        jw_raw(&w, X402_EXTENSION_BAZAAR, f->extension);
        jw_end_object(&w);
    }
    jw_str(&w, "source", "seen");
    jw_end_object(&w);
}

static void answer_add(struct exchange *x, enum x402_extension_status status, struct text reason)
{
    const struct x402_extension_response r = {
        .name = TEXT(X402_EXTENSION_BAZAAR), .status = status, .rejected_reason = reason};
    struct buf value = {0};
    x402_extension_responses_write(&value, &r, 1);
    reply_header(x, X402_HEADER_EXTENSIONS, buf_text(&value));
    buf_clear(&value);
}

void catalog_take(struct catalog *c, struct judging *j, bool is_paid)
{
    struct x402_discovered found;
    struct mete_err err;
    struct exchange *x = j->x;
    enum x402_discovery what =
        x402_discovery_read(&x->arena, &j->in.payload, &j->in.requirements, &found, &err);
    if (what == X402_DISCOVERY_NONE) {
        return;
    }
    if (what == X402_DISCOVERY_REJECTED) {
        answer_add(x, X402_EXTENSION_REJECTED, text_of(err.text));
        return;
    }
    struct buf body = {0};
    entry_write(&body, j, &found);
    const struct hash h = sha256(buf_bytes(&body));
    if (body.len > ENTRY_MAX) {
        answer_add(
            x, X402_EXTENSION_REJECTED,
            arena_printf(&x->arena, "what is said of a resource has at most %zu bytes", ENTRY_MAX));
    } else if (is_new(c, &h, is_paid)) {
        if (is_paid) {
            put(j->d, &body, x->request_id);
        }
        answer_add(x, X402_EXTENSION_PROCESSING, (struct text){0});
    } else {
        answer_add(x, X402_EXTENSION_SUCCESS, (struct text){0});
    }
    buf_clear(&body);
}

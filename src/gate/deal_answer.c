/* SPDX-License-Identifier: Apache-2.0
 * The last word to a client. Everything is written into its exchange under the deal's lock, so a
 * client that leaves at the same moment takes nothing away from under it. */
#include "base/text.h"
#include "gate/deal.h"
#include "http/reply.h"
#include "wire/url.h"

#include <stdio.h>
#include <string.h>

static void tale_tell(struct deal *d, struct exchange *x)
{
    struct tale *t = x->work;
    struct menu *menu = t->menu;
    *t = d->tale;
    t->menu = menu;
    t->route = d->route;
    t->payer = arena_text(&x->arena, t->payer);
    t->transaction = arena_text(&x->arena, t->transaction);
    t->reason = t->reason != NULL ? arena_text(&x->arena, text_of(t->reason)).p : NULL;
}

/** The exchange, with the lock held; NULL, and no lock, when the client has gone for good. */
static struct exchange *begin(struct deal *d)
{
    pthread_mutex_lock(&d->lock);
    d->is_answered = true;
    if (d->x == NULL) {
        pthread_mutex_unlock(&d->lock);
        if (d->tale.transaction.len > 0) { /* no line of a request says so */
            gate_note(d->g, "WARNING", "client_left", "transaction", d->tale.transaction);
        }
        return NULL;
    }
    return d->x;
}

static void end(struct deal *d, struct exchange *x)
{
    tale_tell(d, x);
    d->x = NULL;
    server_done(x);
    pthread_mutex_unlock(&d->lock);
}

void answer_problem(struct deal *d, enum gate_outcome outcome, unsigned status, const char *code,
                    const char *text)
{
    struct exchange *x = begin(d);
    d->tale.outcome = outcome;
    if (x == NULL) {
        return;
    }
    gate_problem(x, status, code, text);
    if (d->pay.is_settled) {
        gate_settled(x, buf_text(&d->pay.settled), d->pay.version);
    }
    gate_cors(x);
    end(d, x);
}

void answer_refused(struct deal *d, enum gate_outcome outcome, struct text reason)
{
    struct exchange *x = begin(d);
    d->tale.outcome = outcome;
    d->tale.reason = arena_text(&d->arena, reason).p;
    if (x == NULL) {
        return;
    }
    gate_required(d->menu, d->route, x, d->pay.url, reason);
    if (d->pay.settled.len > 0) { /* success: false, and why */
        gate_settled(x, buf_text(&d->pay.settled), d->pay.version);
    }
    end(d, x);
}

void answer_pending(struct deal *d)
{
    const struct x402_settled s = {.transaction = d->pay.pending,
                                   .network = d->pay.offer->offer.network,
                                   .payer = d->pay.payer};
    struct exchange *x = begin(d);
    d->tale.outcome = GATE_PENDING;
    if (x == NULL) {
        return;
    }
    gate_pending(x, &s, d->pay.version);
    end(d, x);
}

/* --- what the upstream said --------------------------------------------------------------------*/

static bool ends_with(struct text t, const char *end)
{
    size_t len = strlen(end);
    return t.len >= len && host_eq((struct text){t.p + t.len - len, len}, text_of(end));
}

/** Headers that tell caches on the way what to keep, whatever Cache-Control says. */
static bool is_for_caches(struct text name)
{
    return ends_with(name, "Cache-Control") || host_eq(name, TEXT("Surrogate-Control")) ||
           host_eq(name, TEXT("Edge-Control")) || host_eq(name, TEXT("X-Accel-Expires"));
}

/** The end of a directive: a comma that stands in no quotes. */
static size_t directive_end(struct text v, size_t at)
{
    bool quoted = false;
    for (; at < v.len && (quoted || v.p[at] != ','); at++) {
        quoted = quoted != (v.p[at] == '"');
    }
    return at;
}

/** What lets anybody else keep it; "private" as well, since it may be about one header alone. */
static bool is_shared(struct text directive)
{
    const char *equals = memchr(directive.p, '=', directive.len);
    struct text name = {directive.p,
                        equals != NULL ? (size_t)(equals - directive.p) : directive.len};
    return host_eq(name, TEXT("public")) || host_eq(name, TEXT("s-maxage")) ||
           host_eq(name, TEXT("private"));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void directives_put(struct buf *out, struct text v)
{
    for (size_t at = 0; at < v.len;) {
        size_t end = directive_end(v, at);
        struct text one = {v.p + at, end - at};
        while (one.len > 0 && is_blank(one.p[0])) {
            one = (struct text){one.p + 1, one.len - 1};
        }
        while (one.len > 0 && is_blank(one.p[one.len - 1])) {
            one.len--;
        }
        if (one.len > 0 && !is_shared(one)) {
            buf_put_text(out, one);
            buf_put_str(out, ", ");
        }
        at = end + 1;
    }
}

/** What a path with a price answers is for who asked: no cache on the way gives it to others. */
static void cache_reply(const struct deal *d, struct exchange *x)
{
    struct buf out = {0};
    for (size_t i = 0; i < d->head_count; i++) {
        if (host_eq(d->head[i].name, TEXT("Cache-Control"))) {
            directives_put(&out, d->head[i].value);
        }
    }
    buf_put_str(&out, "private");
    reply_header(x, "Cache-Control", buf_text(&out));
    buf_clear(&out);
}

static void head_reply(const struct deal *d, struct exchange *x)
{
    bool has_price = d->route != NULL;
    x->status = d->status;
    x->type = NULL; /* Content-Type is among the headers */
    for (size_t i = 0; i < d->head_count; i++) {
        if (!host_eq(d->head[i].name, TEXT("X-Request-Id")) &&
            !(has_price && is_for_caches(d->head[i].name))) {
            reply_header(x, d->head[i].name.p, d->head[i].value);
        }
    }
    reply_header(x, "X-Request-Id", text_of(d->request_id));
    if (has_price) {
        cache_reply(d, x);
    }
    if (d->pay.is_settled) {
        gate_settled(x, buf_text(&d->pay.settled), d->pay.version);
    }
    if (d->pay.is_settled || d->menu->config->cors.len > 0) {
        gate_cors(x);
    }
}

/** Status, headers and body in one, for who asks again under the same id. */
static void replay_keep(struct deal *d, const struct exchange *x, bool is_whole)
{
    struct buf kept = {0};
    if (d->pay.identifier.len == 0) {
        return;
    }
    if (is_whole && x != NULL) {
        buf_put_varint(&kept, x->status);
        buf_put_varint(&kept, x->reply_count);
        for (size_t i = 0; i < x->reply_count; i++) {
            buf_put_sized(&kept, x->reply[i].name);
            buf_put_sized(&kept, x->reply[i].value);
        }
        buf_put_sized(&kept, buf_text(&x->out));
    }
    replay_end(d->g->replay, d->pay.identifier, gate_clock(), &kept);
    d->pay.identifier = (struct text){0};
    buf_clear(&kept);
}

/** The body is here already, and small. */
static bool fits_whole(const struct deal *d)
{
    bool is_head = text_is(d->method, "HEAD");
    return upstream_is_whole(d) && !(is_head && d->has_size) && pipe_len(&d->down) <= DEAL_WINDOW;
}

void answer_deliver(struct deal *d)
{
    struct exchange *x = begin(d);
    if (!d->pay.is_paid) {
        d->tale.outcome = GATE_FREE;
    }
    if (x == NULL) {
        replay_keep(d, NULL, false);
        return;
    }
    bool whole = fits_whole(d);
    head_reply(d, x);
    if (whole) {
        buf_put(&x->out, d->down.b.p + d->down.from, pipe_len(&d->down));
        d->down.from = d->down.b.len;
        d->down_ended = true;
    } else {
        atomic_fetch_add(&d->holders, 1);
        d->is_source = true;
        x->source = &d->source;
        x->source_size = d->size;
        x->has_source_size = d->has_size;
    }
    if (d->pay.is_settled) {
        replay_keep(d, x, whole);
    }
    end(d, x);
}

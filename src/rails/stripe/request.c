/* SPDX-License-Identifier: Apache-2.0
 * Requests to Stripe: how an attempt's is kept, and sending them. Invariant: what is sent is what
 * is kept, and the key beside it. */
#include "rails/stripe/stripe_parts.h"

#include "base/text.h"
#include "crypto/seal.h"

#include <string.h>

void stripe_request_write(struct buf *out, const struct stripe_request *q)
{
    buf_put_str(out, "POST ");
    buf_put_text(out, q->path);
    buf_put_str(out, "\nIdempotency-Key: ");
    buf_put_text(out, q->idempotency_key);
    buf_put_str(out, "\nStripe-Version: ");
    buf_put_text(out, q->version);
    if (q->account.len > 0) {
        buf_put_str(out, "\nStripe-Account: ");
        buf_put_text(out, q->account);
    }
    buf_put_str(out, "\n\n");
    buf_put_text(out, q->form);
}

/** The next line without its end, when it begins with `prefix`: what stands behind that. */
static bool line_next(struct text *rest, const char *prefix, struct text *out)
{
    const char *end = rest->len > 0 ? memchr(rest->p, '\n', rest->len) : NULL;
    size_t skip = strlen(prefix);
    if (end == NULL) {
        return false;
    }
    const struct text line = {rest->p, (size_t)(end - rest->p)};
    if (!text_starts(line, prefix)) {
        return false;
    }
    *out = (struct text){line.p + skip, line.len - skip};
    *rest = (struct text){end + 1, rest->len - line.len - 1};
    return true;
}

bool stripe_request_read(struct text body, struct stripe_request *out)
{
    struct text empty;
    *out = (struct stripe_request){0};
    if (!line_next(&body, "POST ", &out->path) ||
        !line_next(&body, "Idempotency-Key: ", &out->idempotency_key) ||
        !line_next(&body, "Stripe-Version: ", &out->version)) {
        return false;
    }
    if (!line_next(&body, "Stripe-Account: ", &out->account)) {
        out->account = (struct text){0};
    }
    if (!line_next(&body, "", &empty) || empty.len > 0 || body.len == 0) {
        return false;
    }
    out->form = body;
    return text_starts(out->path, "/v1/") && out->idempotency_key.len > 0 && out->version.len > 0;
}

/** Header "Name: value"; the number of headers grows. */
static void header_add(struct web_request *q, size_t *count, struct arena *a, const char *name,
                       struct text value)
{
    METE_ASSERT(*count < WEB_HEADERS_MAX);
    q->header[(*count)++] = arena_printf(a, "%s: %.*s", name, (int)value.len, value.p).p;
}

static void ask(struct rail *r, struct web_request *q, const struct stripe_request *said,
                struct arena *a)
{
    char bearer[STRIPE_KEY_MAX + 32] = "Authorization: Bearer ";
    size_t n = 0;
    size_t begin = strlen(bearer);
    METE_ASSERT(text_copy(bearer + begin, sizeof bearer - begin, text_of(r->key)));
    q->header[n++] = bearer;
    header_add(q, &n, a, "Stripe-Version", said->version);
    if (said->account.len > 0) {
        header_add(q, &n, a, "Stripe-Account", said->account);
    }
    if (said->idempotency_key.len > 0) {
        header_add(q, &n, a, "Idempotency-Key", said->idempotency_key);
        header_add(q, &n, a, "Content-Type", TEXT("application/x-www-form-urlencoded"));
    }
    q->url = arena_printf(a, "%s%.*s", r->url, (int)said->path.len, said->path.p).p;
    web_do(r->web, q, &r->answer);
    q->header[0] = NULL;
    secret_wipe(bearer, sizeof bearer);
}

void stripe_post(struct rail *r, const struct stripe_request *q, struct arena *a)
{
    struct web_request w = {.method = "POST", .body = text_bytes(q->form)};
    ask(r, &w, q, a);
}

void stripe_get(struct rail *r, struct text path, struct text account, struct arena *a)
{
    const struct stripe_request q = {
        .path = path, .version = TEXT(STRIPE_VERSION), .account = account};
    struct web_request w = {.method = "GET"};
    ask(r, &w, &q, a);
}

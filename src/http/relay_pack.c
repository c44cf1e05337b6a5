/* SPDX-License-Identifier: Apache-2.0
 * Sizes and texts, one after the other; a byte in front says which version of this. */
#include "http/relay_pack.h"

#include "base/text.h"
#include "http/authority.h"

#include <string.h>
#include <strings.h>

#define REQUEST_FORMAT 4
#define ANSWER_FORMAT  3

static bool name_is(struct text name, const char *wanted)
{
    return name.len == strlen(wanted) && strncasecmp(name.p, wanted, name.len) == 0;
}

/* Keys stay where they were shown. */
static bool is_secret(struct text name)
{
    static const char *const secret[] = {"Authorization", "Proxy-Authorization", "X-API-Key",
                                         "X-Mozaiks-Api-Key", "Cookie"};
    for (size_t i = 0; i < ARRAY_LEN(secret); i++) {
        if (name_is(name, secret[i])) {
            return true;
        }
    }
    return false;
}

/** The client's own signature is over it (RFC 9421): without it nobody could check that. */
static bool is_signed(const struct pair *header, size_t count, struct text name)
{
    char quoted[32];
    size_t len = 0;
    quoted[len++] = '"';
    for (size_t i = 0; i < name.len && len < sizeof quoted - 1; i++) {
        char c = name.p[i];
        quoted[len++] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    quoted[len++] = '"';
    for (size_t i = 0; i < count; i++) {
        struct text input = header[i].value;
        if (name_is(header[i].name, "Signature-Input") && input.len > 0 &&
            memmem(input.p, input.len, quoted, len) != NULL) {
            return true;
        }
    }
    return false;
}

static bool stays_behind(const struct pair *p, size_t count, size_t i)
{
    return is_secret(p[i].name) && !is_signed(p, count, p[i].name);
}

static void put_pairs(struct buf *out, const struct pair *p, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        kept += !stays_behind(p, count, i);
    }
    buf_put_varint(out, kept);
    for (size_t i = 0; i < count; i++) {
        if (!stays_behind(p, count, i)) {
            buf_put_sized(out, p[i].name);
            buf_put_sized(out, p[i].value);
        }
    }
}

static struct text take_text(struct reader *r, struct exchange *x)
{
    struct text t = read_sized(r);
    return r->failed ? (struct text){0} : arena_text(&x->arena, t);
}

static size_t take_pairs(struct reader *r, struct exchange *x, struct pair *out, size_t max)
{
    uint64_t count = read_varint(r);
    if (count > max) {
        r->failed = true;
        return 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        out[i].name = take_text(r, x);
        out[i].value = take_text(r, x);
    }
    return (size_t)count;
}

static void take_body(struct reader *r, struct buf *out)
{
    struct text body = read_sized(r);
    if (!r->failed) {
        buf_put_text(out, body);
    }
}

/* --- requests ----------------------------------------------------------------------------------*/

static void put_principal(struct buf *out, const struct principal *p)
{
    buf_put_sized(out, p->key_id);
    buf_put_sized(out, text_of(p->book));
    buf_put_varint(out, p->scopes);
    buf_put_sized(out, p->party);
    buf_put_sized(out, p->producer);
    buf_put_sized(out, p->service);
    buf_put_sized(out, p->limits);
}

static void take_principal(struct reader *r, struct exchange *x)
{
    struct principal *p = arena_alloc(&x->arena, sizeof *p);
    p->key_id = take_text(r, x);
    p->book = take_text(r, x).p;
    p->scopes = (uint32_t)read_varint(r);
    p->party = take_text(r, x);
    p->producer = take_text(r, x);
    p->service = take_text(r, x);
    p->limits = take_text(r, x);
    r->failed = r->failed || p->book == NULL;
    x->who = p;
}

void relay_pack_request(struct buf *out, const struct exchange *x)
{
    buf_put_u8(out, REQUEST_FORMAT);
    buf_put_sized(out, text_of(x->request_id));
    buf_put_sized(out, x->method);
    buf_put_sized(out, x->path);
    buf_put_sized(out, x->target);
    buf_put_sized(out, x->peer);
    buf_put_u8(out, x->is_tls);
    put_pairs(out, x->query, x->query_count);
    put_pairs(out, x->header, x->header_count);
    put_principal(out, x->who);
    buf_put_sized(out, buf_text(&x->body));
}

bool relay_unpack_request(struct bytes in, struct exchange *x)
{
    struct reader r = reader_of(in);
    if (read_u8(&r) != REQUEST_FORMAT) {
        return false;
    }
    struct text id = read_sized(&r);
    if (!text_copy(x->request_id, sizeof x->request_id, id)) {
        return false;
    }
    x->method = take_text(&r, x);
    x->path = take_text(&r, x);
    x->target = take_text(&r, x);
    x->peer = take_text(&r, x);
    x->is_tls = read_u8(&r) != 0;
    x->query_count = take_pairs(&r, x, x->query, EXCHANGE_PAIRS_MAX);
    x->header_count = take_pairs(&r, x, x->header, EXCHANGE_PAIRS_MAX);
    take_principal(&r, x);
    take_body(&r, &x->body);
    x->received = x->body.len;
    return reader_done(&r);
}

/* --- answers -----------------------------------------------------------------------------------*/

void relay_pack_answer(struct buf *out, const struct exchange *x)
{
    buf_put_u8(out, ANSWER_FORMAT);
    buf_put_varint(out, x->status);
    buf_put_varint(out, x->retry_after_s);
    buf_put_sized(out, text_of(x->type));
    buf_put_sized(out, text_of(x->code));
    buf_put_sized(out, text_of(x->why));
    buf_put_u8(out, x->is_line);
    put_pairs(out, x->reply, x->reply_count);
    buf_put_sized(out, buf_text(&x->out));
}

bool relay_unpack_answer(struct bytes in, struct exchange *x)
{
    struct reader r = reader_of(in);
    relay_answer_reset(x);
    if (read_u8(&r) != ANSWER_FORMAT) {
        return false;
    }
    x->status = (unsigned)read_varint(&r);
    x->retry_after_s = (unsigned)read_varint(&r);
    struct text type = take_text(&r, x);
    struct text code = take_text(&r, x);
    struct text why = take_text(&r, x);
    x->type = type.len > 0 ? type.p : NULL;
    x->code = code.len > 0 ? code.p : NULL;
    x->why = why.len > 0 ? why.p : NULL;
    x->is_line = read_u8(&r) != 0;
    x->reply_count = take_pairs(&r, x, x->reply, EXCHANGE_HEADERS_MAX);
    take_body(&r, &x->out);
    bool whole = reader_done(&r) && x->status >= 100 && x->status <= 599;
    if (!whole) {
        relay_answer_reset(x);
    }
    return whole;
}

void relay_answer_reset(struct exchange *x)
{
    x->status = 0;
    x->type = NULL;
    x->code = NULL;
    x->retry_after_s = 0;
    x->why = NULL;
    x->is_line = false;
    x->reply_count = 0;
    buf_reset(&x->out);
}

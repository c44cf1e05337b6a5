/* SPDX-License-Identifier: Apache-2.0
 * Body: for each event whether it is broken, appId and env, its bytes; why it is broken. Answer:
 * for each event what became of it and its id; why it was not applied; then the log. Whoever
 * has the book reads each event anew from the body; here it is read while it arrives. */
#include "http/piece.h"

#include "base/text.h"
#include "http/reply.h"
#include "http/submission.h"

#include <stdlib.h>
#include <string.h>

#define PATH         "piece/1" /* without a slash in front: no client's path */
#define TYPE_PACKED  "application/octet-stream"
#define EVENT_WEIGHT 256u /* of an event beside its bytes */

/* --- making ------------------------------------------------------------------------------------*/

struct piece *piece_new(const struct principal *who, const char *request_id,
                        void (*ended)(struct exchange *x))
{
    struct piece *p = calloc(1, sizeof *p);
    METE_ASSERT(p != NULL);
    exchange_init(&p->x);
    p->x.method = TEXT("POST");
    p->x.path = TEXT(PATH);
    p->x.route = &PIECE_ROUTE;
    p->x.who = arena_alloc(&p->x.arena, sizeof *p->x.who);
    *p->x.who = *who;
    p->x.ended = ended;
    memcpy(p->x.request_id, request_id, sizeof p->x.request_id);
    (void)submission_new(&p->x);
    return p;
}

void piece_free(struct piece *p)
{
    if (p == NULL) {
        return;
    }
    if (p->x.release != NULL) {
        p->x.release(&p->x);
    }
    exchange_clear(&p->x);
    free(p->line);
    free(p);
}

static void why_put(struct buf *out, const struct mete_err *why)
{
    buf_put_sized(out, text_of(mete_code_name(why->code)));
    buf_put_sized(out, text_of(why->pointer));
    buf_put_sized(out, text_of(why->text));
}

static bool why_take(struct reader *in, struct mete_err *out)
{
    struct text name = read_sized(in);
    struct text pointer = read_sized(in);
    struct text text = read_sized(in);
    *out = (struct mete_err){.code = METE_OK};
    return !in->failed && mete_code_of(name.p, name.len, &out->code) &&
           text_copy(out->pointer, sizeof out->pointer, pointer) &&
           text_copy(out->text, sizeof out->text, text);
}

static void event_read(struct exchange *x, const struct cutting *c)
{
    const struct submit_options o = {.app_id = c->app_id, .environment = c->environment};
    if (c->broken) {
        submission_broken(x, c->text, &c->why, &o);
    } else {
        submission_text(x, c->text, &o);
    }
}

static void line_note(struct piece *p, uint64_t line)
{
    if (p->count == p->line_cap) {
        p->line_cap = p->line_cap == 0 ? 16 : 2 * p->line_cap;
        p->line = realloc(p->line, p->line_cap * sizeof *p->line);
        METE_ASSERT(p->line != NULL);
    }
    p->line[p->count++] = line;
}

void piece_add(struct piece *p, const struct cutting *c)
{
    struct buf *body = &p->x.body;
    buf_put_u8(body, c->broken);
    buf_put_sized(body, c->app_id);
    buf_put_sized(body, c->environment);
    buf_put_sized(body, c->text);
    if (c->broken) {
        why_put(body, &c->why);
    }
    event_read(&p->x, c);
    p->first = p->count == 0 ? c->line : p->first;
    p->last = c->last;
    p->weight += c->text.len + EVENT_WEIGHT;
    line_note(p, c->line);
}

/* --- on its way --------------------------------------------------------------------------------*/

static bool event_take(struct reader *in, struct cutting *c)
{
    c->broken = read_u8(in) != 0;
    c->app_id = read_sized(in);
    c->environment = read_sized(in);
    c->text = read_sized(in);
    return !in->failed && (!c->broken || why_take(in, &c->why));
}

/** Of one that came by the relay; here it has been read already. */
static void piece_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    struct reader in = reader_of(buf_bytes(&x->body));
    struct cutting c = {.line = 0};
    (void)d;
    (void)e;
    (void)submission_new(x);
    while (!reader_done(&in)) {
        if (!event_take(&in, &c)) {
            reply_fail(x, METE_INTERNAL, NULL, "a piece of another process cannot be read");
            return;
        }
        event_read(x, &c);
    }
}

static void outcome_put(struct buf *out, const struct submit_result *r)
{
    buf_put_u8(out, (uint8_t)r->status);
    buf_put_sized(out, r->event_id);
    if (r->status != SUBMIT_APPLIED && r->status != SUBMIT_DUPLICATE) {
        why_put(out, &r->err);
    }
}

static void piece_run(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct submission *s = x->work;
    (void)d;
    reply_body(x, 200, TYPE_PACKED, (struct text){0});
    for (size_t i = 0; i < s->count; i++) {
        outcome_put(&x->out, submission_run(e, x, i));
    }
    struct log_head head = book_head(engine_book(e));
    buf_put_varint(&x->out, head.size);
    buf_put(&x->out, head.root.b, sizeof head.root.b);
}

const struct route PIECE_ROUTE = {.method = "POST",
                                  .path = PATH,
                                  .operation = "piece",
                                  .scope = SCOPE_ANY,
                                  .place = PLACE_WRITE,
                                  .prepare = piece_prepare,
                                  .handle = piece_run};

bool piece_route_find(struct exchange *x)
{
    if (!text_is(x->path, PATH)) {
        return false;
    }
    x->route = &PIECE_ROUTE;
    return true;
}

/* --- reading its answer ------------------------------------------------------------------------*/

struct piece_reader piece_read(const struct piece *p)
{
    return (struct piece_reader){reader_of(buf_bytes(&p->x.out))};
}

bool piece_read_outcome(struct piece_reader *r, struct submit_result *out)
{
    unsigned status = read_u8(&r->in);
    *out = (struct submit_result){.event_id = read_sized(&r->in)};
    if (r->in.failed || status > SUBMIT_FAILED) {
        return false;
    }
    out->status = (enum submit_status)status;
    return out->status == SUBMIT_APPLIED || out->status == SUBMIT_DUPLICATE ||
           why_take(&r->in, &out->err);
}

bool piece_read_log(struct piece_reader *r, struct log_head *out)
{
    *out = (struct log_head){.size = read_varint(&r->in)};
    struct bytes root = read_bytes(&r->in, sizeof out->root.b);
    if (!reader_done(&r->in)) {
        return false;
    }
    memcpy(out->root.b, root.p, sizeof out->root.b);
    return true;
}

/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the body of a stream of events: however it is cut into parts and pieces, the same
 * events come out with the same lines as from the body in one part, and another process reads the
 * same out of a piece. Any bytes as the answer to a piece: it is read, or it is not. */
#include "base/text.h"
#include "http/piece.h"
#include "http/submission.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_OUTCOMES 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct principal WHO = {.book = "main", .scopes = SCOPES_ALL};

static void list_put(struct buf *list, const struct cutting *c)
{
    METE_ASSERT(c->line > 0 && c->last >= c->line);
    buf_put_u8(list, c->broken);
    buf_put_varint(list, c->line);
    buf_put_varint(list, c->last);
    buf_put_sized(list, c->app_id);
    buf_put_sized(list, c->environment);
    buf_put_sized(list, c->text);
    if (c->broken) {
        METE_ASSERT(c->why.code != METE_OK);
        buf_put_sized(list, text_of(c->why.text));
    }
}

/** The other end of the relay makes the same of it. */
static void piece_check(struct piece *p)
{
    struct exchange other;
    struct principal who = WHO;
    const struct submission *own = p->x.work;
    char id[REQUEST_ID_MAX + 1] = "req";
    exchange_init(&other);
    other.who = &who;
    other.path = p->x.path;
    memcpy(other.request_id, id, sizeof id);
    METE_ASSERT(piece_route_find(&other) && other.route->prepare != NULL);
    buf_put(&other.body, p->x.body.p, p->x.body.len);
    other.route->prepare(NULL, NULL, &other);
    const struct submission *read = other.work;
    METE_ASSERT(other.status == 0 && read->count == own->count && own->count == p->count);
    for (size_t i = 0; i < own->count; i++) {
        const struct mete_err *a;
        const struct mete_err *b;
        METE_ASSERT(prepared_code(own->item[i].prepared, &a) ==
                    prepared_code(read->item[i].prepared, &b));
        METE_ASSERT(strcmp(a->text, b->text) == 0 && strcmp(a->pointer, b->pointer) == 0);
        METE_ASSERT(text_eq(prepared_envelope(own->item[i].prepared)->id,
                            prepared_envelope(read->item[i].prepared)->id));
    }
    other.release(&other);
    exchange_clear(&other);
}

static void list_body(struct buf *list, struct bytes body, size_t part, size_t events)
{
    char id[REQUEST_ID_MAX + 1] = "req";
    struct cutter *c = cutter_new();
    struct piece *p = piece_new(&WHO, id, NULL);
    struct cutting cut;
    for (size_t at = 0; at <= body.len; at += part) {
        size_t len = body.len - at < part ? body.len - at : part;
        cutter_push(c, (struct bytes){body.p + at, len}, len < part);
        while (cutter_next(c, &cut)) {
            list_put(list, &cut);
            piece_add(p, &cut);
            if (p->count == events) {
                piece_check(p);
                piece_free(p);
                p = piece_new(&WHO, id, NULL);
            }
        }
        METE_ASSERT(cutter_pending(c) <= at + len);
    }
    piece_check(p);
    piece_free(p);
    buf_put_u8(list, cutter_is_plain(c));
    cutter_free(c);
}

static void answer_read(struct bytes answer)
{
    char id[REQUEST_ID_MAX + 1] = "req";
    struct piece *p = piece_new(&WHO, id, NULL);
    struct submit_result r;
    struct log_head log;
    buf_put(&p->x.out, answer.p, answer.len);
    struct piece_reader in = piece_read(p);
    for (size_t i = 0; i < ANSWER_OUTCOMES && piece_read_outcome(&in, &r); i++) {
        METE_ASSERT(r.status <= SUBMIT_FAILED);
    }
    (void)!piece_read_log(&in, &log);
    piece_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = {0};
    struct buf cut = {0};
    if (size < 2) {
        return 0;
    }
    struct bytes body = {data + 2, size - 2};
    list_body(&whole, body, body.len + 1, SIZE_MAX);
    list_body(&cut, body, 1 + data[0] % 100, 1 + data[1] % 8);
    METE_ASSERT(text_eq(buf_text(&whole), buf_text(&cut)));
    answer_read(body);
    buf_clear(&whole);
    buf_clear(&cut);
    return 0;
}

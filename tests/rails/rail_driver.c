/* SPDX-License-Identifier: Apache-2.0
 * A rail by itself, for tests: one JSON object a line in, one out. It commits nothing and remembers
 * nothing beside what the rail does, so that a test plays the book.
 *   rail_driver evm
 *   {"do": "open", "settings": {"network": "base", ...}}
 *   {"do": "prepare" | "send" | "probe", "payments": [{"transfer_id": ..., ...}]} */
#include "base/text.h"
#include "rails/rail.h"
#include "wire/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES ((size_t)256 << 20)
#define PAYMENTS_MAX   200

struct driver {
    const struct rail_kind *kind;
    struct rail *rail;
    struct arena settings_arena;
    const struct json *settings;
};

static const char *setting(void *ctx, const char *name)
{
    const struct driver *d = ctx;
    const struct json *j = json_get(d->settings, name);
    return j != NULL && j->type == JSON_STRING ? j->text.p : NULL;
}

static struct text text_in(const struct json *j, const char *key)
{
    const struct json *v = json_get(j, key);
    return v != NULL && v->type == JSON_STRING ? v->text : (struct text){0};
}

static int64_t int_in(const struct json *j, const char *key, int64_t otherwise)
{
    int64_t v = otherwise;
    const struct json *m = json_get(j, key);
    METE_ASSERT(m == NULL || json_int(m, INT64_MIN, INT64_MAX, &v));
    return v;
}

static i128 amount_in(const struct json *j, const char *key)
{
    u128 v = 0;
    const struct json *m = json_get(j, key);
    if (m == NULL) {
        return -1;
    }
    METE_ASSERT(u128_parse(m->text, &v));
    return (i128)v;
}

static void payment_read(const struct json *j, struct rail_payment *p)
{
    *p = (struct rail_payment){.transfer_id = text_in(j, "transfer_id"),
                               .attempt = (uint32_t)int_in(j, "attempt", 1),
                               .anchors_taken = (uint32_t)int_in(j, "anchors_taken", 0),
                               .amount = amount_in(j, "amount"),
                               .fee_max = amount_in(j, "fee_max"),
                               .destination = text_in(j, "destination"),
                               .queued_at = int_in(j, "queued_at", 0),
                               .sending_at = int_in(j, "sending_at", 0),
                               .now = int_in(j, "now", 0),
                               .anchor = text_in(j, "anchor")};
    p->asset.scale = (uint8_t)int_in(j, "scale", 0);
    METE_ASSERT(text_copy(p->asset.code, sizeof p->asset.code, text_in(j, "asset")));
    const struct json *bodies = json_get(j, "bodies");
    for (const struct json *b = bodies != NULL ? bodies->child : NULL; b != NULL; b = b->next) {
        METE_ASSERT(p->body_count < RAIL_BODIES_MAX);
        p->body[p->body_count++] = b->text;
    }
}

static void payment_write(struct json_writer *w, const struct rail_payment *p)
{
    const struct rail_report *r = &p->report;
    jw_object(w, NULL);
    jw_str(w, "outcome", rail_outcome_name(r->outcome));
    jw_str(w, "reason", r->reason);
    jw_str(w, "remediation", r->remediation);
    jw_text(w, "reference", r->reference);
    jw_text(w, "proof", r->proof);
    jw_text(w, "anchor", p->anchor);
    jw_text(w, "group", p->group);
    if (r->has_amount) {
        jw_i128(w, "amount", r->amount);
    }
    if (r->has_fee) {
        jw_i128(w, "fee", r->fee);
    }
    jw_array(w, "bodies");
    for (size_t i = 0; i < p->body_count; i++) {
        jw_text(w, NULL, p->body[i]);
    }
    jw_end_array(w);
    jw_end_object(w);
}

static void call(struct driver *d, const struct json *in, struct json_writer *w)
{
    static struct rail_payment all[PAYMENTS_MAX];
    struct rail_payment *p[PAYMENTS_MAX];
    struct arena a;
    const struct text what = text_in(in, "do");
    const struct json *list = json_get(in, "payments");
    size_t count = 0;
    arena_init(&a, LINE_MAX_BYTES);
    for (const struct json *j = list->child; j != NULL; j = j->next) {
        METE_ASSERT(count < PAYMENTS_MAX);
        payment_read(j, &all[count]);
        p[count] = &all[count];
        count++;
    }
    if (text_is(what, "prepare")) {
        d->kind->prepare(d->rail, p, count, &a);
    } else if (text_is(what, "send")) {
        d->kind->send(d->rail, p, count, &a);
    } else {
        METE_ASSERT(text_is(what, "probe"));
        d->kind->probe(d->rail, p, count, &a);
    }
    jw_array(w, "payments");
    for (size_t i = 0; i < count; i++) {
        payment_write(w, p[i]);
    }
    jw_end_array(w);
    arena_clear(&a);
}

static void open_rail(struct driver *d, struct text line, struct json_writer *w)
{
    struct json *in = NULL;
    struct mete_err err;
    d->kind->close(d->rail);
    d->rail = NULL;
    arena_clear(&d->settings_arena);
    arena_init(&d->settings_arena, JSON_ARENA_MAX(line.len) + 4 * line.len);
    const struct text kept = arena_text(&d->settings_arena, line);
    METE_ASSERT(json_parse(&d->settings_arena, kept, &in, &err) == METE_OK);
    d->settings = json_get(in, "settings");
    for (struct json *j = d->settings->child; j != NULL; j = j->next) {
        j->text = arena_text(&d->settings_arena, j->text); /* ends with NUL */
    }
    const struct rail_config config = {.get = setting, .ctx = d};
    if (d->kind->open(&d->rail, &config, &err) == METE_OK) {
        jw_bool(w, "ok", true);
    } else {
        jw_str(w, "error", err.text);
    }
}

static void line_do(struct driver *d, struct text line)
{
    struct arena a;
    struct json *in = NULL;
    struct mete_err err;
    struct buf out = {0};
    struct json_writer w;
    arena_init(&a, JSON_ARENA_MAX(line.len) + line.len);
    METE_ASSERT(json_parse(&a, line, &in, &err) == METE_OK);
    jw_init(&w, &out, false);
    jw_object(&w, NULL);
    if (text_is(text_in(in, "do"), "open")) {
        open_rail(d, line, &w);
    } else {
        call(d, in, &w);
    }
    jw_end_object(&w);
    buf_put_u8(&out, '\n');
    (void)fwrite(out.p, 1, out.len, stdout);
    (void)fflush(stdout);
    buf_clear(&out);
    arena_clear(&a);
}

int main(int argc, char **argv)
{
    struct driver d = {.kind = argc == 2 ? rail_kind_of(text_of(argv[1])) : NULL};
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    if (d.kind == NULL) {
        fprintf(stderr, "usage: rail_driver KIND\n");
        return 2;
    }
    while ((len = getline(&line, &size, stdin)) > 0) {
        line_do(&d, (struct text){line, (size_t)len});
    }
    d.kind->close(d.rail);
    arena_clear(&d.settings_arena);
    free(line);
    return 0;
}

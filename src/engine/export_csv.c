/* SPDX-License-Identifier: Apache-2.0
 * Every posting as a row of CSV (RFC 4180). Credits are positive: what is owed to a party. The rows
 * of one decision sum to zero. */
#include "engine/export_parts.h"

#include "base/text.h"
#include "engine/lines.h"

#include <string.h>

#define ARENA_MAX ((size_t)4 << 30)

struct sheet {
    struct engine *e;
    const struct export_query *q;
    struct buf *out;
    struct names names;
    struct lines_origin origin;
    struct arena a;
    enum mete_code code;
    struct mete_err *err;
};

static void put_cell(struct buf *out, struct text t)
{
    bool plain = true;
    for (size_t i = 0; i < t.len && plain; i++) {
        plain = t.p[i] != '"' && t.p[i] != ',' && t.p[i] != '\n' && t.p[i] != '\r';
    }
    if (plain) {
        buf_put_text(out, t);
    } else {
        buf_put_u8(out, '"');
        for (size_t i = 0; i < t.len; i++) {
            if (t.p[i] == '"') {
                buf_put_u8(out, '"');
            }
            buf_put_u8(out, (uint8_t)t.p[i]);
        }
        buf_put_u8(out, '"');
    }
    buf_put_u8(out, ',');
}

/* What the rows of one decision have in common, already as CSV. */
struct common {
    struct text cells;
    const struct walk_item *item;
    const struct walk_head *head;
};

static void row_put(struct sheet *s, const struct common *c, const struct lines_spot *spot)
{
    const struct group *g = &c->item->decision.group[spot->group];
    const struct asset *asset = names_asset(&s->names, g->asset);
    bool source = spot->line == LINE_SOURCE;
    uint32_t party = source ? g->source : g->line[spot->line].party;
    struct text role = source || g->kind != GROUP_REVENUE
                           ? (struct text){0}
                           : lines_role(engine_view(s->e), &s->a, g, spot->line);
    buf_put_text(s->out, c->cells);
    put_cell(s->out, text_of(lines_what(c->item, spot)));
    put_cell(s->out, lines_id(&s->origin, &s->a, c->item, c->head, spot));
    put_cell(s->out, names_party(&s->names, party));
    put_cell(s->out, words_plain(&s->a, spot->amount, asset));
    put_cell(s->out, text_of(asset->code));
    put_cell(s->out, words_i128(&s->a, spot->amount));
    put_cell(s->out, role);
    put_cell(s->out, lines_root_policy(engine_view(s->e), &s->a, g));
    s->out->len--; /* the last comma */
    buf_put_str(s->out, "\r\n");
}

static struct text common_cells(struct sheet *s, const struct walk_item *item,
                                const struct walk_head *head)
{
    struct buf b = {0};
    buf_printf(&b, "%llu,%u,", (unsigned long long)item->seq, item->page);
    put_cell(&b, head->event_id);
    put_cell(&b, text_of(event_type_name(head->type)));
    put_cell(&b, words_time(&s->a, head->occurred_at));
    put_cell(&b, words_time(&s->a, item->recorded_at));
    struct text cells = arena_text(&s->a, buf_text(&b));
    buf_clear(&b);
    return cells;
}

static bool item_write(void *arg, const struct walk_item *item)
{
    struct sheet *s = arg;
    struct walk_head head;
    if (item->decision.group_count == 0) {
        return true;
    }
    arena_reset(&s->a);
    s->code = walk_head_of(&s->a, item->bytes, &head, s->err);
    if (s->code != METE_OK) {
        return false;
    }
    const struct common c = {common_cells(s, item, &head), item, &head};
    for (uint32_t i = 0; i < item->decision.group_count; i++) {
        const struct group *g = &item->decision.group[i];
        if (g->gross != 0) {
            row_put(s, &c, &(struct lines_spot){i, LINE_SOURCE, -g->gross});
        }
        for (uint32_t k = 0; k < g->line_count; k++) {
            row_put(s, &c, &(struct lines_spot){i, k, g->line[k].amount});
        }
    }
    names_trim(&s->names);
    if (!export_spill(s->q, s->out)) {
        s->code = export_stopped(s->err);
    }
    return s->code == METE_OK;
}

enum mete_code export_csv(struct engine *e, const struct export_query *q, struct buf *out,
                          struct mete_err *err)
{
    struct sheet s = {.e = e, .q = q, .out = out, .err = err};
    uint64_t from, until;
    export_stretch(e, q, &from, &until);
    names_init(&s.names, engine_view(e));
    lines_origin_init(&s.origin, e);
    arena_init(&s.a, ARENA_MAX);
    buf_put_str(out, "seq,page,event_id,event_type,occurred_at,recorded_at,kind,id,party,amount,"
                     "currency,minor_units,role,policy\r\n");
    enum mete_code code = walk_log(e, from, until, item_write, &s, err);
    names_clear(&s.names);
    lines_origin_clear(&s.origin);
    arena_clear(&s.a);
    return code == METE_OK ? s.code : code;
}

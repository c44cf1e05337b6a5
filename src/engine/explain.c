/* SPDX-License-Identifier: Apache-2.0
 * What an id means, and the explanation of one line: an allocation, a fee, or what nobody got. */
#include "engine/explain_parts.h"

#include "base/text.h"
#include "engine/lines.h"

/** The line of a booking whose path is `path`; fills s->g, group, line, asset. */
static bool line_find(struct explain *x, struct explain_subject *s, struct text path)
{
    char text[PATH_TEXT_MAX];
    const struct decision *d = &s->item.decision;
    for (uint32_t i = 0; i < d->group_count; i++) {
        const struct group *g = &d->group[i];
        for (uint32_t k = 0; k < g->line_count && g->kind == GROUP_REVENUE; k++) {
            if (line_path(g, i, k, text) == path.len && text_is(path, text)) {
                s->g = g;
                s->group = i;
                s->line = k;
                s->asset = names_asset(&x->names, g->asset);
                return true;
            }
        }
    }
    return false;
}

static struct explain_node *line_title(struct explain *x, struct text id,
                                       const struct explain_subject *s)
{
    const struct line *l = &s->g->line[s->line];
    struct text party = names_party(&x->names, l->party);
    struct explain_node *n = explain_add(
        x, NULL, l->kind == LINE_FEE ? "fee" : "allocation", "%.*s: %s to %.*s", (int)id.len, id.p,
        words_money(x->a, l->amount, s->asset).p, (int)party.len, party.p);
    explain_amount(n, l->amount, s->asset);
    explain_fact(x, n, "id", id);
    explain_fact(x, n, "party", party);
    return n;
}

enum mete_code explain_line(struct explain *x, struct text id, struct explain_subject *s,
                            struct explain_node **out)
{
    struct explain_node *root = line_title(x, id, s);
    i128 left = 0;
    enum mete_code code = explain_because(x, root, s);
    if (code == METE_OK && explain_is_contract(s->g)) {
        code = explain_whose(x, root, s);
    }
    code = code == METE_OK ? explain_fees(x, root, s) : code;
    code = code == METE_OK ? explain_split(x, root, s) : code;
    code = code == METE_OK ? explain_carry(x, root, s) : code;
    code = code == METE_OK ? explain_reversals(x, root, s, &left) : code;
    if (code == METE_OK) {
        explain_state(x, root, s, id, left);
    }
    *out = root;
    return code;
}

/** "event id / path": the event ids may hold slashes, paths do not. */
static enum mete_code line_of(struct explain *x, struct text id, bool *known,
                              struct explain_node **out)
{
    size_t slash = id.len;
    struct explain_subject s;
    *known = false;
    while (slash > 0 && id.p[slash - 1] != '/') {
        slash--;
    }
    uint64_t seq = slash < 2 ? 0 : engine_seq_of(x->e, (struct text){id.p, slash - 1});
    if (seq == 0) {
        return METE_OK;
    }
    const struct text path = {id.p + slash, id.len - slash};
    enum mete_code code = explain_load(x, seq, &s);
    bool before = true;
    while (code == METE_OK && !(*known = line_find(x, &s, path)) && before &&
           explain_is_rebooking(&s.item)) {
        struct walk_item item = s.item;
        code = explain_former(x, &item, &s.item, &before); /* a line of what was booked anew */
    }
    return code == METE_OK && *known ? explain_line(x, id, &s, out) : code;
}

static enum mete_code anything(struct explain *x, struct text id, struct explain_node **out)
{
    bool known = false;
    uint32_t party;
    uint64_t seq = engine_seq_of(x->e, id);
    if (seq != 0) {
        struct transfer t;
        return view_transfer(x->view, seq, &t) == VIEW_FOUND ? explain_payout(x, seq, &t, id, out)
                                                             : explain_event(x, seq, out);
    }
    enum mete_code code = explain_x402(x, id, &known, out);
    code = code == METE_OK && !known ? line_of(x, id, &known, out) : code;
    if (code != METE_OK || known) {
        return code;
    }
    if (lines_party(x->view, id, &party)) {
        return explain_party(x, party, id, out);
    }
    return mete_fail(
        x->err, METE_NOT_FOUND, "",
        "\"%.*s\" is no event, allocation, fee, payment, transaction or party of this book",
        (int)id.len, id.p);
}

enum mete_code explain_id(struct engine *e, struct text id, mete_time at, struct arena *a,
                          struct explain_node **out, struct mete_err *err)
{
    struct explain x = {.e = e, .view = engine_view(e), .a = a, .at = at, .err = err};
    *out = NULL;
    names_init(&x.names, x.view);
    enum mete_code code = anything(&x, id, out);
    names_clear(&x.names);
    return engine_sound(e, code, err);
}

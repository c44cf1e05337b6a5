/* SPDX-License-Identifier: Apache-2.0
 * Reading derived events out of decisions. All of an entry's decisions are stored in the group of
 * the entry itself, so what follows from it is there as soon as it is, and never changes. */
#include "engine/derived.h"

#include "base/i128.h"
#include "base/text.h"
#include "core/campaign.h"
#include "crypto/hash.h"
#include "engine/walk.h"

#include <stdio.h>
#include <string.h>

#define ARENA_MAX ((size_t)4 << 30)

/* --- places ------------------------------------------------------------------------------------*/

size_t derived_place_format(struct derived_place p, char out[DERIVED_PLACE_MAX])
{
    bool end = p.page == UINT32_MAX;
    int n = end ? snprintf(out, DERIVED_PLACE_MAX, "%llu", (unsigned long long)p.seq)
                : snprintf(out, DERIVED_PLACE_MAX, "%llu.%u.%u", (unsigned long long)p.seq, p.page,
                           p.index);
    return (size_t)n;
}

static bool number_take(struct text *t, uint64_t max, uint64_t *out)
{
    size_t i = 0;
    *out = 0;
    while (i < t->len && i < 16 && t->p[i] >= '0' && t->p[i] <= '9') {
        *out = *out * 10 + (uint64_t)(t->p[i++] - '0');
    }
    bool fine = i > 0 && *out <= max;
    *t = (struct text){t->p + i, t->len - i};
    return fine;
}

static bool dot_take(struct text *t)
{
    bool fine = t->len > 0 && t->p[0] == '.';
    *t = (struct text){t->p + fine, t->len - fine};
    return fine;
}

struct derived_place derived_place_end(uint64_t seq)
{
    return (struct derived_place){seq, UINT32_MAX, UINT32_MAX};
}

bool derived_place_read(struct text t, uint64_t seq_max, struct derived_place *out)
{
    uint64_t n[3] = {0, UINT32_MAX, UINT32_MAX};
    bool fine = number_take(&t, seq_max, &n[0]);
    if (fine && t.len > 0) {
        fine = dot_take(&t) && number_take(&t, UINT32_MAX - 1, &n[1]) && dot_take(&t) &&
               number_take(&t, UINT32_MAX - 1, &n[2]) && t.len == 0;
    }
    *out = (struct derived_place){n[0], (uint32_t)n[1], (uint32_t)n[2]};
    return fine;
}

static bool is_after(struct derived_place a, struct derived_place b)
{
    return a.page != b.page ? a.page > b.page : a.index > b.index;
}

/* --- what to look at ---------------------------------------------------------------------------*/

static bool is_of_contract(const struct group *g)
{
    return g->kind == GROUP_REVENUE && g->node_count > 0 && g->node[0].rounding == NODE_CONTRACT;
}

static bool releases(const struct decision *d)
{
    for (uint32_t i = 0; i < d->put_count; i++) {
        const struct put *p = &d->put[i];
        if (p->op == PUT_SET && p->key.len > 0 && p->key.p[0] == KEY_QUEUE) {
            return true;
        }
    }
    return false;
}

bool derived_possible(struct arena *a, struct bytes decision)
{
    struct decision d;
    if (!decision_unpack(a, decision, &d)) {
        return true; /* whoever reads it says what is wrong */
    }
    for (uint32_t i = 0; i < d.group_count; i++) {
        if (is_of_contract(&d.group[i]) || d.group[i].kind == GROUP_REVERSAL) {
            return true;
        }
    }
    return d.pages > 1 || releases(&d);
}

/* --- one decision ------------------------------------------------------------------------------*/

struct deriving {
    struct engine *e;
    struct derived_place after;
    derived_visit *visit;
    void *arg;
    struct arena entry; /* of the whole entry */
    struct arena a;     /* of one decision */
    struct walk_head cause;
    struct walk_item *item;
    struct walk_head head; /* of item's event */
    struct walk_item original;
    struct walk_head original_head;
    uint32_t index;
    bool stop;
    struct mete_err *err;
};

static struct text member(const struct json *tree, const char *object, const char *name)
{
    const struct json *j = json_get(json_get(tree, object), name);
    return j != NULL && j->type == JSON_STRING ? j->text : (struct text){0};
}

/** A UUID of version 8 (RFC 9562): the first 16 bytes of a SHA-256 over the lines of a name. */
static void id_make(char out[DERIVED_ID_MAX], enum event_type type, struct text of, const char *nth)
{
    const struct text line = TEXT("\n");
    const struct bytes part[] = {text_bytes(TEXT("mete:derived\n")),
                                 text_bytes(text_of(event_type_name(type))), text_bytes(line),
                                 text_bytes(of), text_bytes(text_of(nth))};
    struct hash h = sha256_parts(part, ARRAY_LEN(part));
    h.b[6] = (uint8_t)((h.b[6] & 0x0f) | 0x80);
    h.b[8] = (uint8_t)((h.b[8] & 0x3f) | 0x80);
    char hex[65];
    hash_hex(&h, hex);
    snprintf(out, DERIVED_ID_MAX, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
             hex + 20);
}

static struct derived derived_begin(struct deriving *x, enum event_type type)
{
    const struct json *tree = x->head.tree;
    return (struct derived){.place = {x->after.seq, x->item->page, ++x->index},
                            .recorded_at = x->item->recorded_at,
                            .type = type,
                            .occurred_at = x->head.occurred_at,
                            .caused_by = x->cause.event_id,
                            .source = x->head.event_id,
                            .app_id = member(tree, "source", "app_id"),
                            .user_id = member(tree, "correlation", "user_id"),
                            .transaction_id = member(tree, "correlation", "transaction_id")};
}

static void tell(struct deriving *x, struct derived *d)
{
    char nth[DERIVED_PLACE_MAX];
    if (x->stop || !is_after(d->place, x->after)) {
        return;
    }
    if (d->type == EVENT_CAMPAIGN_COMPLETED) { /* there is one at most: it needs no number */
        id_make(d->id, d->type, d->campaign_id, "");
    } else {
        snprintf(nth, sizeof nth, "\n%u.%u", d->place.page, d->place.index);
        id_make(d->id, d->type, d->caused_by, nth);
    }
    x->stop = !x->visit(x->arg, d);
}

static struct text campaign_of(struct deriving *x, const struct group *g)
{
    struct text id = {0};
    uint32_t policy = g->node[0].policy;
    if (policy == 0 || view_policy_id(engine_view(x->e), policy, &id) != VIEW_FOUND) {
        return (struct text){0};
    }
    size_t prefix = sizeof CAMPAIGN_POLICY_PREFIX - 1;
    METE_ASSERT(id.len > prefix);
    return arena_text(&x->a, (struct text){id.p + prefix, id.len - prefix});
}

/** `line` as a share of the one who has it by `from`, a line of the booking. */
static void share_add(struct deriving *x, struct derived *d, const struct line *line,
                      const struct line *from)
{
    struct text party = {0};
    bool fee = from->kind == LINE_FEE;
    if (line->amount == 0) {
        return;
    }
    (void)view_party_id(engine_view(x->e), line->party, &party);
    d->fees += fee ? line->amount : 0;
    d->share[d->share_count++] = (struct derived_share){.kind = fee               ? "platform"
                                                                : from->node == 0 ? "creator"
                                                                                  : "investor",
                                                        .party = arena_text(&x->a, party),
                                                        .amount = line->amount};
}

static void shares_begin(struct deriving *x, struct derived *d, const struct group *g)
{
    d->share = arena_array(&x->a, g->line_count, sizeof *d->share);
    (void)view_asset_number(engine_view(x->e), g->asset, &d->asset);
}

static void accrued_tell(struct deriving *x, const struct group *g)
{
    struct derived d = derived_begin(x, EVENT_LEDGER_ACCRUED);
    shares_begin(x, &d, g);
    for (uint32_t i = 0; i < g->line_count; i++) {
        share_add(x, &d, &g->line[i], &g->line[i]);
    }
    d.gross = g->gross;
    d.campaign_id = campaign_of(x, g);
    tell(x, &d);
}

/** What the decision left of the campaign, if it wrote it. */
static bool campaign_put_by(struct deriving *x, uint32_t number, struct campaign *c)
{
    const struct decision *d = &x->item->decision;
    const struct key key = key_u32(KEY_CAMPAIGN, number);
    for (uint32_t i = 0; i < d->put_count; i++) {
        const struct put *p = &d->put[i];
        if (p->op == PUT_SET && bytes_cmp(p->key, key_bytes(&key)) == 0) {
            METE_ASSERT(campaign_unpack(&x->a, p->value, c));
            return true;
        }
    }
    return false;
}

static void completed_tell(struct deriving *x, const struct group *g, enum completion reason,
                           mete_time at)
{
    struct derived d = derived_begin(x, EVENT_CAMPAIGN_COMPLETED);
    d.occurred_at = at;
    d.campaign_id = campaign_of(x, g);
    d.user_id = d.transaction_id = (struct text){0};
    d.reason = completion_name(reason);
    tell(x, &d);
}

/** The end of its days was before this revenue, the cap is met by it. */
static void revenue_tell(struct deriving *x, const struct group *g)
{
    struct campaign c;
    bool written = g->node[0].policy != 0 && campaign_put_by(x, g->node[0].policy, &c);
    if (written && c.reason == COMPLETION_NONE && c.end_told) {
        completed_tell(x, g, COMPLETION_DURATION, campaign_ends_at(&c));
    }
    accrued_tell(x, g);
    if (written && c.reason == COMPLETION_CAP && !c.end_told) {
        completed_tell(x, g, COMPLETION_CAP, c.completed_at);
    }
}

/** The booking that a reversal takes from: of this very decision, or read. */
static enum mete_code original_load(struct deriving *x, const struct group *g,
                                    const struct walk_item **out, struct text *id)
{
    enum mete_code code = METE_OK;
    *out = x->item;
    *id = x->head.event_id;
    if (g->target_seq == x->item->seq && g->target_page == x->item->page) {
        return METE_OK;
    }
    if (x->original.seq != g->target_seq || x->original.page != g->target_page) {
        code = walk_one(x->e, &x->a, g->target_seq, g->target_page, &x->original, x->err);
        code = code == METE_OK ? walk_head_of(&x->a, x->original.bytes, &x->original_head, x->err)
                               : code;
    }
    *out = &x->original;
    *id = x->original_head.event_id;
    return code;
}

static enum mete_code reversal_tell(struct deriving *x, const struct group *g)
{
    const struct walk_item *booking;
    struct text invoice;
    enum mete_code code = original_load(x, g, &booking, &invoice);
    if (code != METE_OK || !is_of_contract(&booking->decision.group[g->target_group])) {
        return code;
    }
    const struct group *of = &booking->decision.group[g->target_group];
    struct derived d = derived_begin(x, EVENT_LEDGER_ADJUSTED);
    shares_begin(x, &d, g);
    for (uint32_t i = 0; i < g->line_count; i++) {
        METE_ASSERT(g->line[i].share < of->line_count);
        share_add(x, &d, &g->line[i], &of->line[g->line[i].share]);
    }
    d.gross = -g->gross;
    d.fees = -d.fees;
    d.reverses = invoice;
    d.campaign_id = campaign_of(x, of);
    tell(x, &d);
    return METE_OK;
}

static enum mete_code item_tell(struct deriving *x)
{
    const struct decision *d = &x->item->decision;
    enum mete_code code = METE_OK;
    x->index = 0;
    x->original.seq = 0;
    if (d->wait_code != 0 || d->group_count == 0) {
        return METE_OK;
    }
    code = walk_head_of(&x->a, x->item->bytes, &x->head, x->err);
    for (uint32_t i = 0; i < d->group_count && code == METE_OK && !x->stop; i++) {
        if (is_of_contract(&d->group[i])) {
            revenue_tell(x, &d->group[i]);
        } else if (d->group[i].kind == GROUP_REVERSAL) {
            code = reversal_tell(x, &d->group[i]);
        }
    }
    return code;
}

/* --- an entry ----------------------------------------------------------------------------------*/

static enum mete_code cause_load(struct deriving *x)
{
    struct log_row row;
    enum store_result found = book_row(engine_book(x->e), x->after.seq, &row, x->err);
    if (found != STORE_OK) {
        return found == STORE_FAILED
                   ? METE_STORE_FAILED
                   : mete_fail(x->err, METE_NOT_FOUND, NULL, "the log has no such entry");
    }
    struct text event = arena_text(&x->entry, bytes_text(row.event));
    return walk_head_of(&x->entry, text_bytes(event), &x->cause, x->err);
}

static enum mete_code items_tell(struct deriving *x)
{
    uint64_t seq = x->after.seq;
    uint32_t pages = book_page_count(engine_book(x->e), seq);
    enum mete_code code = METE_OK;
    for (uint32_t page = x->after.page; page <= pages && code == METE_OK && !x->stop;) {
        struct walk_item item;
        arena_reset(&x->a);
        x->item = &item;
        code = walk_one(x->e, &x->a, seq, page, &item, x->err);
        code = code == METE_OK ? item_tell(x) : code;
        page = item.page + item.decision.pages;
    }
    return code;
}

enum mete_code derived_list(struct engine *e, struct derived_place after, derived_visit *visit,
                            void *arg, struct mete_err *err)
{
    struct deriving x = {.e = e, .after = after, .visit = visit, .arg = arg, .err = err};
    if (after.page == UINT32_MAX) {
        return METE_OK;
    }
    arena_init(&x.entry, ARENA_MAX);
    arena_init(&x.a, ARENA_MAX);
    enum mete_code code = cause_load(&x);
    code = code == METE_OK ? items_tell(&x) : code;
    arena_clear(&x.entry);
    arena_clear(&x.a);
    return code;
}

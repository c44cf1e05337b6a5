/* SPDX-License-Identifier: Apache-2.0
 * The answer of `mete run --json`: short lists from the figures, long ones streamed off the log.
 * Every row of a list stands on its own line. */
#include "engine/campaigns.h"
#include "engine/run_books.h"

#include "base/text.h"
#include "core/contribution.h"
#include "core/policy.h"
#include "store/hash_seed.h"
#include "wire/json_values.h"

#include <string.h>

#define SCRATCH_MAX ((size_t)4 << 30)

/* Names of one policy version, as rows need them. */
struct policy_names {
    struct text id;
    struct text *role; /* of each share; of a roles policy: of each role */
    uint32_t role_count;
};

struct writing {
    const struct run_result *r;
    struct engine *e;
    struct view view; /* without the cache: what is read here is kept here, in short */
    struct json_writer w;
    run_spill *spill;
    void *ctx;
    struct mete_err *err;
    enum mete_code code;
    struct arena names;   /* as long as the writing */
    struct arena scratch; /* of one decision */
    struct map policy;    /* number, version -> struct policy_names */
    struct map fees;      /* version -> struct fee_schedule * */
    struct map party;     /* number -> struct text */
    bool fees_turn;       /* rows are fees, not allocations */
};

/* --- rows --------------------------------------------------------------------------------------*/

static void row_begin(struct writing *x)
{
    x->w.pretty = true;
    jw_object(&x->w, NULL);
    x->w.pretty = false;
}

static void row_end(struct writing *x)
{
    jw_end_object(&x->w);
    x->spill(x->ctx);
}

static void list_begin(struct writing *x, const char *key)
{
    x->w.pretty = true;
    jw_array(&x->w, key);
}

static void list_end(struct writing *x)
{
    x->w.pretty = true;
    jw_end_array(&x->w);
}

/* --- short lists -------------------------------------------------------------------------------*/

static void put_counts(struct writing *x)
{
    x->w.pretty = true;
    jw_object(&x->w, "events");
    x->w.pretty = false;
    jw_int(&x->w, "applied", (int64_t)x->r->applied);
    jw_int(&x->w, "duplicate", (int64_t)x->r->duplicate);
    jw_int(&x->w, "refused", (int64_t)x->r->refused_count);
    jw_int(&x->w, "waiting", (int64_t)x->r->waiting_count);
    jw_end_object(&x->w);
}

static void put_refused(struct writing *x)
{
    list_begin(x, "refused");
    for (size_t i = 0; i < x->r->refused_count; i++) {
        const struct run_refused *f = &x->r->refused[i];
        row_begin(x);
        jw_text_or_null(&x->w, "event_id", f->event_id);
        jw_str(&x->w, "code", mete_code_name(f->code));
        jw_text(&x->w, "pointer", f->pointer);
        jw_text(&x->w, "message", f->message);
        row_end(x);
    }
    list_end(x);
    list_begin(x, "waiting");
    for (size_t i = 0; i < x->r->waiting_count; i++) {
        const struct run_waiting *f = &x->r->waiting[i];
        row_begin(x);
        jw_text(&x->w, "event_id", f->event_id);
        jw_str(&x->w, "code", mete_code_name(f->code));
        jw_str(&x->w, "pointer", f->pointer);
        row_end(x);
    }
    list_end(x);
}

static void put_totals(struct writing *x)
{
    list_begin(x, "totals");
    for (size_t i = 0; i < x->r->total_count; i++) {
        const struct run_total *t = &x->r->total[i];
        row_begin(x);
        jw_asset(&x->w, &t->asset);
        jw_i128(&x->w, "gross", t->gross);
        jw_i128(&x->w, "fees", t->fees);
        jw_i128(&x->w, "allocated", t->allocated);
        jw_i128(&x->w, "unallocated", t->unallocated);
        jw_i128(&x->w, "carried", t->carried);
        jw_i128(&x->w, "reversed", t->reversed);
        row_end(x);
    }
    list_end(x);
}

static void put_parties(struct writing *x)
{
    list_begin(x, "parties");
    for (size_t i = 0; i < x->r->party_count; i++) {
        const struct run_party *p = &x->r->party[i];
        row_begin(x);
        jw_text(&x->w, "party", p->party);
        jw_asset(&x->w, &p->asset);
        jw_i128(&x->w, "pending", p->pending);
        jw_i128(&x->w, "disputed", p->disputed);
        jw_i128(&x->w, "cleared", p->cleared);
        jw_i128(&x->w, "paid", p->paid);
        jw_i128(&x->w, "debt", p->debt);
        row_end(x);
    }
    list_end(x);
}

/* --- names -------------------------------------------------------------------------------------*/

static struct bytes number_key(const uint32_t *numbers, size_t count)
{
    return (struct bytes){(const uint8_t *)numbers, count * sizeof *numbers};
}

static struct text party_name(struct writing *x, uint32_t number)
{
    bool made;
    struct text *name = map_put(&x->party, number_key(&number, 1), &made);
    if (made) {
        struct text id;
        METE_ASSERT(view_party_id(&x->view, number, &id) == VIEW_FOUND);
        *name = arena_text(&x->names, id);
    }
    return *name;
}

static void policy_learn(struct writing *x, struct policy_names *n, uint32_t number,
                         uint32_t version)
{
    const struct policy *p;
    struct text id;
    METE_ASSERT(view_policy_id(&x->view, number, &id) == VIEW_FOUND);
    n->id = arena_text(&x->names, id);
    if (view_policy_version(&x->view, &x->scratch, number, version, &p) != VIEW_FOUND) {
        return;
    }
    n->role_count = p->kind == POLICY_ROLES ? p->role_count : p->share_count;
    n->role = arena_array(&x->names, n->role_count, sizeof *n->role);
    for (uint32_t i = 0; i < n->role_count; i++) {
        n->role[i] =
            arena_text(&x->names, p->kind == POLICY_ROLES ? p->role[i].role : p->share[i].role);
    }
}

static const struct policy_names *policy_of(struct writing *x, const struct node *node)
{
    const uint32_t key[2] = {node->policy, node->version};
    bool made;
    struct policy_names *n = map_put(&x->policy, number_key(key, 2), &made);
    if (made) {
        policy_learn(x, n, node->policy, node->version);
    }
    return n;
}

static const struct fee_schedule *fees_of(struct writing *x, uint32_t version)
{
    bool made;
    struct fee_schedule **s = map_put(&x->fees, number_key(&version, 1), &made);
    if (made) {
        *s = arena_alloc(&x->names, sizeof **s);
        METE_ASSERT(view_fees_version(&x->view, &x->names, version, *s) == VIEW_FOUND);
    }
    return *s;
}

/* --- long lists --------------------------------------------------------------------------------*/

/* One line of a booking. */
struct spot {
    const struct walk_item *item;
    struct text event_id;
    uint32_t group;
    uint32_t line;
};

/* Roles built in have no policy; their pots hang below the node of the policy. */
static const char *const BUILT_IN_ROLES[] = {"author", "editor", "distributor"};

/** The role of a contribution: that of its pot, or the author's when it takes only what is left. */
static struct text role_of_pot(struct writing *x, const struct node *root, const struct node *pot)
{
    if (pot == NULL) {
        return TEXT("author");
    }
    if (root->policy == 0) {
        return pot->share < ARRAY_LEN(BUILT_IN_ROLES) ? text_of(BUILT_IN_ROLES[pot->share])
                                                      : (struct text){0};
    }
    const struct policy_names *n = policy_of(x, root);
    return pot->share < n->role_count ? n->role[pot->share] : (struct text){0};
}

static void put_policy(struct writing *x, const struct group *g, const struct line *l)
{
    const struct node *leaf = &g->node[l->node];
    const struct node *pot = NULL;
    if (leaf->rounding == NODE_ROLE) {
        pot = leaf;
        leaf = &g->node[leaf->parent];
    }
    const struct node *root = leaf;
    while (root->parent != NODE_NONE) {
        root = &g->node[root->parent];
    }
    bool roles = leaf->rounding == ROUNDING_AUTHOR;
    struct text role = {0};
    if (roles) {
        role = role_of_pot(x, leaf, pot);
    } else if (leaf->policy != 0 && l->share < policy_of(x, leaf)->role_count) {
        role = policy_of(x, leaf)->role[l->share];
    }
    struct text built_in = roles ? ROLES_POLICY_ID : (struct text){0};
    jw_text_or_null(&x->w, "role", role);
    jw_text_or_null(&x->w, "policy", leaf->policy != 0 ? policy_of(x, leaf)->id : built_in);
    jw_text_or_null(&x->w, "root_policy", root->policy != 0 ? policy_of(x, root)->id : built_in);
    bool no_contract = leaf->rounding == NODE_CONTRACT && leaf->version == 0;
    if ((leaf->policy == 0 && !roles) || no_contract) {
        jw_null(&x->w, "policy_version");
    } else {
        jw_int(&x->w, "policy_version", leaf->version);
    }
}

static void put_allocation(struct writing *x, const struct spot *s)
{
    const struct walk_item *item = s->item;
    const struct group *g = &item->decision.group[s->group];
    const struct line *l = &g->line[s->line];
    char path[PATH_TEXT_MAX];
    struct asset asset;
    (void)line_path(g, s->group, s->line, path);
    METE_ASSERT(view_asset_number(&x->view, g->asset, &asset) == VIEW_FOUND);
    struct dispute d = run_books_dispute(x->r->books, item->seq, item->page, s->group, s->line);
    i128 reversed = run_books_reversed(x->r->books, item->seq, item->page, s->group, s->line);
    row_begin(x);
    jw_text(&x->w, "allocation_id",
            arena_printf(&x->scratch, "%.*s/%s", (int)s->event_id.len, s->event_id.p, path));
    jw_text(&x->w, "event_id", s->event_id);
    jw_text(&x->w, "party", party_name(x, l->party));
    jw_i128(&x->w, "amount", l->amount);
    jw_i128(&x->w, "reversed", reversed);
    jw_asset(&x->w, &asset);
    put_policy(x, g, l);
    mete_time due = l->held ? TIME_NEVER : g->clears_at;
    jw_str(&x->w, "state", allocation_state_name(allocation_state_at(due, &d, x->r->at)));
    row_end(x);
}

static struct text fee_label(struct writing *x, const struct group *g, const struct line *l)
{
    if (l->share == FEE_PAYLOAD) {
        return TEXT("fee");
    }
    const struct fee_schedule *s = fees_of(x, g->fee_version);
    METE_ASSERT(l->share < s->fee_count);
    const struct fee *fee = &s->fee[l->share];
    if (l->entry == 0) {
        return fee->label;
    }
    METE_ASSERT(l->entry <= fee->child_count);
    return fee->child[l->entry - 1].label;
}

static void put_fee(struct writing *x, const struct spot *s)
{
    const struct walk_item *item = s->item;
    const struct group *g = &item->decision.group[s->group];
    const struct line *l = &g->line[s->line];
    struct asset asset;
    METE_ASSERT(view_asset_number(&x->view, g->asset, &asset) == VIEW_FOUND);
    row_begin(x);
    jw_text(&x->w, "event_id", s->event_id);
    jw_text(&x->w, "label", fee_label(x, g, l));
    jw_text(&x->w, "payee", party_name(x, l->party));
    jw_i128(&x->w, "amount", l->amount);
    jw_i128(&x->w, "reversed",
            run_books_reversed(x->r->books, item->seq, item->page, s->group, s->line));
    jw_asset(&x->w, &asset);
    row_end(x);
}

/** The id of the event whose money a booking is. */
static enum mete_code event_id_read(struct writing *x, const struct walk_item *item,
                                    struct text *id)
{
    struct walk_head head;
    enum mete_code code = walk_head_of(&x->scratch, item->bytes, &head, x->err);
    *id = head.event_id;
    return code;
}

static bool lines_visit(void *arg, const struct walk_item *item)
{
    struct writing *x = arg;
    const struct decision *d = &item->decision;
    struct spot s = {.item = item};
    enum line_kind wanted = x->fees_turn ? LINE_FEE : LINE_ALLOCATION;
    arena_reset(&x->scratch);
    for (s.group = 0; s.group < d->group_count; s.group++) {
        const struct group *g = &d->group[s.group];
        for (s.line = 0; s.line < g->line_count && g->kind == GROUP_REVENUE; s.line++) {
            if (g->line[s.line].kind != (uint8_t)wanted) {
                continue;
            }
            if (s.event_id.p == NULL) {
                x->code = event_id_read(x, item, &s.event_id);
            }
            if (x->code != METE_OK) {
                return false;
            }
            (x->fees_turn ? put_fee : put_allocation)(x, &s);
        }
    }
    return true;
}

static void put_lines(struct writing *x, const char *key, bool fees)
{
    if (x->code != METE_OK) {
        return;
    }
    list_begin(x, key);
    x->fees_turn = fees;
    enum mete_code walked = walk_log(x->e, 1, x->r->head.size + 1, lines_visit, x, x->err);
    x->code = walked != METE_OK ? walked : x->code;
    list_end(x);
}

static void put_campaigns(struct writing *x)
{
    struct campaign_row *rows;
    size_t count;
    list_begin(x, "campaigns");
    METE_ASSERT(campaigns_at(&x->view, &x->names, x->r->at, &rows, &count) != VIEW_MISSING);
    for (size_t i = 0; i < count; i++) {
        const struct campaign_row *row = &rows[i];
        row_begin(x);
        jw_text(&x->w, "campaign_id", row->campaign.id);
        jw_str(&x->w, "state", machine_of(MACHINE_CAMPAIGN)->state[row->state]);
        jw_i128(&x->w, "accrued", row->accrued);
        if (row->has_cap) {
            jw_i128(&x->w, "cap", row->cap);
        } else {
            jw_null(&x->w, "cap");
        }
        jw_asset(&x->w, &row->asset);
        row_end(x);
    }
    list_end(x);
}

static void put_log(struct writing *x)
{
    x->w.pretty = true;
    jw_object(&x->w, "log");
    x->w.pretty = false;
    jw_int(&x->w, "size", (int64_t)x->r->head.size);
    jw_hash(&x->w, "head", &x->r->head.root);
    jw_end_object(&x->w);
    x->w.pretty = true;
}

enum mete_code run_result_write(const struct run_result *r, struct engine *e, struct buf *out,
                                run_spill *spill, void *ctx, struct mete_err *err)
{
    struct writing x = {.r = r,
                        .e = e,
                        .view = *engine_view(e),
                        .spill = spill,
                        .ctx = ctx,
                        .err = err,
                        .code = METE_OK};
    x.view.policies = NULL;
    arena_init(&x.names, SCRATCH_MAX);
    arena_init(&x.scratch, SCRATCH_MAX);
    map_init(&x.policy, sizeof(struct policy_names), hash_seed());
    map_init(&x.fees, sizeof(struct fee_schedule *), hash_seed());
    map_init(&x.party, sizeof(struct text), hash_seed());
    jw_init(&x.w, out, true);
    jw_object(&x.w, NULL);
    put_counts(&x);
    put_refused(&x);
    put_totals(&x);
    put_parties(&x);
    put_lines(&x, "allocations", false);
    put_lines(&x, "fees", true);
    put_campaigns(&x);
    put_log(&x);
    jw_end_object(&x.w);
    buf_put_u8(out, '\n');
    map_clear(&x.policy);
    map_clear(&x.fees);
    map_clear(&x.party);
    arena_clear(&x.names);
    arena_clear(&x.scratch);
    return x.code;
}

/* SPDX-License-Identifier: Apache-2.0
 * An invoice: whose revenue it is and why, what its campaign's contract gives investors and creator
 * and what the cap took, and where it was booked before. Numbers are the stored ones; terms are
 * those of the campaign, which do not change once it runs. */
#include "engine/explain_parts.h"

#include "base/text.h"
#include "core/campaign.h"

#define BPS_ONE      10000u
#define BEFORE_MAX   20u /* earlier bookings that are written out */
#define POOL_NODE    1u
#define CREATOR_NODE 0u

bool explain_is_contract(const struct group *g)
{
    return g->kind == GROUP_REVENUE && g->node_count > 0 && g->node[0].rounding == NODE_CONTRACT;
}

/** Of the campaign with this number; empty: there is none. */
static struct text campaign_name(struct explain *x, uint32_t number)
{
    const size_t prefix = sizeof CAMPAIGN_POLICY_PREFIX - 1;
    struct text id = {0};
    if (number == 0 || view_policy_id(x->view, number, &id) != VIEW_FOUND || id.len <= prefix) {
        return (struct text){0};
    }
    return arena_text(x->a, (struct text){id.p + prefix, id.len - prefix});
}

/* --- whose it is -------------------------------------------------------------------------------*/

/** The event at `seq`: "attribution.assigned a1 of 2025-01-01, log entry 12". */
static enum mete_code event_named(struct explain *x, uint64_t seq, struct text *words,
                                  struct text *id)
{
    struct log_row row;
    struct walk_head head;
    if (book_row(engine_book(x->e), seq, &row, x->err) != STORE_OK) {
        return METE_STORE_FAILED;
    }
    struct bytes event = text_bytes(arena_text(x->a, bytes_text(row.event)));
    enum mete_code code = walk_head_of(x->a, event, &head, x->err);
    if (code == METE_OK) {
        *id = head.event_id;
        *words = arena_printf(x->a, "%s %.*s of %s, log entry %llu", event_type_name(head.type),
                              (int)head.event_id.len, head.event_id.p,
                              words_moment(x->a, head.occurred_at).p, (unsigned long long)seq);
    }
    return code;
}

static enum mete_code attributed_explain(struct explain *x, struct explain_node *parent,
                                         const struct event *e, const struct attributed *by,
                                         struct text campaign)
{
    struct text words = {0};
    struct text id = {0};
    struct text user = e->correlation.user_id;
    enum mete_code code = event_named(x, by->seq, &words, &id);
    if (code != METE_OK) {
        return code;
    }
    struct explain_node *n = explain_add(
        x, parent, "campaign", "campaign %.*s has it, for it%s brought user %.*s from %s on: %.*s",
        (int)campaign.len, campaign.p, by->from > e->occurred_at ? " is the first that" : "",
        (int)user.len, user.p, words_moment(x->a, by->from).p, (int)words.len, words.p);
    explain_fact(x, n, "campaign_id", campaign);
    explain_fact(x, n, "user_id", user);
    explain_fact(x, n, "event_id", id);
    explain_fact(x, n, "from", words_time(x->a, by->from));
    return METE_OK;
}

static void owner_explain(struct explain *x, struct explain_node *parent,
                          const struct explain_subject *s)
{
    struct text app = s->event.app_id;
    struct text owner = names_party(&x->names, s->g->line[s->g->line_count - 1].party);
    struct explain_node *n = explain_add(
        x, parent, "campaign", "no campaign has it, so it is the owner's of app %.*s, %.*s",
        (int)app.len, app.p, (int)owner.len, owner.p);
    explain_fact(x, n, "app_id", app);
    explain_fact(x, n, "party", owner);
}

enum mete_code explain_whose(struct explain *x, struct explain_node *parent,
                             const struct explain_subject *s)
{
    const struct event *e = &s->event;
    uint32_t number = s->g->node[0].policy;
    struct text campaign = campaign_name(x, number);
    struct attributed by = {0};
    if (number == 0) {
        owner_explain(x, parent, s);
        return METE_OK;
    }
    bool known = e->correlation.user_id.len > 0 &&
                 view_attribution(x->view, x->a, e->app_id, e->correlation.user_id, e->occurred_at,
                                  &by) == VIEW_FOUND;
    if (known && by.campaign == number && by.seq <= s->item.seq) {
        return attributed_explain(x, parent, e, &by, campaign);
    }
    bool said = text_eq(e->correlation.campaign_id, campaign);
    struct explain_node *n =
        explain_add(x, parent, "campaign", "campaign %.*s has it%s", (int)campaign.len, campaign.p,
                    said ? ", as it says itself" : ", by what was known of its user then");
    explain_fact(x, n, "campaign_id", campaign);
    return METE_OK;
}

/** "20 % (1/5) of 94.00 = 18.80 exactly", "all of 94.00". */
static struct text part_words(struct explain *x, i128 input, u128 weight, u128 den,
                              const struct asset *asset)
{
    struct explain_product p = explain_multiply(input, weight, den);
    const char *whole = words_amount(x->a, input, asset).p;
    return weight == den ? arena_printf(x->a, "all of %s", whole)
                         : arena_printf(x->a, "%s of %s = %s", words_weight(x->a, weight, den).p,
                                        whole, explain_exact(x, &p, asset).p);
}

/* --- the contract ------------------------------------------------------------------------------*/

struct agreement {
    const struct explain_subject *s;
    struct campaign c;
    const struct policy *p; /* NULL: none was in force */
    const struct node *root;
    const struct node *pool; /* NULL: investors get nothing of it */
    i128 confirmed;
};

static enum mete_code contract_load(struct explain *x, struct agreement *k)
{
    i128 sums[STATE_SUMS] = {0};
    uint32_t number = k->root->policy;
    bool fine = view_campaign(x->view, x->a, number, &k->c) == VIEW_FOUND &&
                view_campaign_sums(x->view, number, sums) != VIEW_MISSING;
    if (fine && k->root->version != 0) {
        fine = view_policy_version(x->view, x->a, number, k->root->version, &k->p) == VIEW_FOUND;
    }
    k->confirmed = sums[CAMPAIGN_CONFIRMED];
    struct text name = campaign_name(x, number);
    return fine ? METE_OK
                : mete_fail(x->err, METE_STORE_CORRUPT, "", "campaign %.*s cannot be read",
                            (int)name.len, name.p);
}

/** Why the cap is what it is: "140 % (7/5) of the 20,000.00 that were to be raised". */
static struct text cap_words(struct explain *x, const struct agreement *k)
{
    const struct asset *asset = k->s->asset;
    struct campaign multiple = k->c;
    i128 cap = -1;
    multiple.cap_amount = -1;
    bool has = campaign_cap(&multiple, (i128)k->p->den, &cap);
    if (!has || (k->c.cap_amount >= 0 && k->c.cap_amount <= cap)) {
        return TEXT("as agreed");
    }
    u128 num = k->c.cap_multiple.num;
    u128 den = k->c.cap_multiple.den;
    bool raise = k->c.raise >= 0;
    return arena_printf(x->a, "%s %s the %s that %s", words_weight(x->a, num, den).p,
                        num % den == 0 ? "times" : "of",
                        words_amount(x->a, raise ? k->c.raise : (i128)k->p->den, asset).p,
                        raise ? "were to be raised" : "were confirmed");
}

static mete_time version_from(struct explain *x, const struct agreement *k)
{
    uint32_t number;
    struct version *versions = NULL;
    size_t count = 0;
    struct text id = campaign_policy_id(x->a, k->c.id);
    (void)view_policy(x->view, x->a, id, &number, &versions, &count);
    for (size_t i = 0; i < count; i++) {
        if (versions[i].number == k->root->version) {
            return versions[i].from;
        }
    }
    return TIME_ALWAYS;
}

static void terms_explain(struct explain *x, struct explain_node *node, const struct agreement *k)
{
    const struct policy *p = k->p;
    const struct asset *asset = k->s->asset;
    mete_time from = version_from(x, k);
    struct text until =
        p->contract.has_cap
            ? arena_printf(x->a, "until they have had %s, %s",
                           words_money(x->a, p->contract.cap, asset).p, cap_words(x, k).p)
            : TEXT("without a cap");
    struct explain_node *n = explain_add(
        x, node, "version",
        "its contract, version %u, in force from %s: %s of what is shared for investors, %.*s",
        k->root->version, words_from(x->a, from).p, words_percent(x->a, p->contract.share_bps).p,
        (int)until.len, until.p);
    explain_fact_i128(x, n, "version", k->root->version);
    explain_fact(x, n, "effective_from", words_time(x->a, from));
    explain_fact_i128(x, n, "revenue_share_bps", p->contract.share_bps);
    if (p->contract.has_cap) {
        explain_fact_i128(x, n, "cap", p->contract.cap);
    }
}

/** Why nothing is the investors'. */
static const char *nothing_words(struct explain *x, const struct agreement *k)
{
    const struct campaign *c = &k->c;
    mete_time at = k->s->event.occurred_at;
    i128 cap = -1;
    if (!c->is_offering) {
        return "it funds itself";
    }
    if (at < c->activated_at && c->activated_at != TIME_NEVER) {
        return arena_printf(x->a, "it became active later, on %s",
                            words_moment(x->a, c->activated_at).p)
            .p;
    }
    if (campaign_cap(c, k->confirmed, &cap) && k->s->g->accrued >= cap) {
        return arena_printf(x->a, "they have had all of their %s",
                            words_money(x->a, cap, k->s->asset).p)
            .p;
    }
    if (at >= campaign_ends_at(c)) {
        return arena_printf(x->a, "its %u days ended on %s", c->duration_days,
                            words_moment(x->a, campaign_ends_at(c)).p)
            .p;
    }
    if (c->state == CAMPAIGN_COMPLETED && k->root->version == 0 && c->activated_at != TIME_NEVER) {
        return arena_printf(x->a, "it was completed on %s (%s)",
                            words_moment(x->a, c->completed_at).p,
                            completion_name((enum completion)c->reason))
            .p;
    }
    return k->root->version == 0 ? "it was not active then" : "nobody had invested";
}

static void accrued_explain(struct explain *x, struct explain_node *pool, const struct agreement *k)
{
    const struct asset *asset = k->s->asset;
    i128 before = k->s->g->accrued;
    i128 after = before + k->pool->input;
    struct text of =
        k->p->contract.has_cap
            ? arena_printf(x->a, " of %s", words_amount(x->a, k->p->contract.cap, asset).p)
            : TEXT("");
    bool met = k->p->contract.has_cap && after == k->p->contract.cap;
    struct explain_node *n =
        explain_add(x, pool, "accrued", "investors had %s before and %s%.*s with it%s",
                    words_amount(x->a, before, asset).p, words_amount(x->a, after, asset).p,
                    (int)of.len, of.p, met ? ": the cap is met, the campaign completed" : "");
    explain_amount(n, after, asset);
    explain_fact_i128(x, n, "before", before);
    explain_fact_i128(x, n, "after", after);
}

/** "20 % (1/5) of 94.00 = 18.80 exactly", and what the cap took. */
static struct text pool_words(struct explain *x, const struct agreement *k)
{
    const struct asset *asset = k->s->asset;
    struct explain_product p = explain_multiply(k->root->input, k->pool->weight, BPS_ONE);
    struct text out =
        arena_printf(x->a, "the investors' pool: %s",
                     part_words(x, k->root->input, k->pool->weight, BPS_ONE, asset).p);
    if (p.rem != 0) {
        out = arena_printf(x->a, "%s; rounded down to %s", out.p,
                           words_amount(x->a, p.floor, asset).p);
    }
    return k->pool->extra == 0
               ? out
               : arena_printf(x->a, "%s; only %s is left below the cap, which takes %s", out.p,
                              words_amount(x->a, k->pool->input, asset).p,
                              words_amount(x->a, -k->pool->extra, asset).p);
}

/** "15,000.00 of 20,000.00 confirmed: 75 % (3/4) of 18.80 = 14.10 exactly". */
static struct text investor_words(struct explain *x, const struct agreement *k,
                                  const struct line *line)
{
    const struct asset *asset = k->s->asset;
    struct explain_product p = explain_multiply(k->pool->input, line->weight, k->pool->den);
    struct text out = arena_printf(
        x->a, "%s of %s confirmed: %s", words_amount(x->a, (i128)line->weight, asset).p,
        words_amount(x->a, (i128)k->pool->den, asset).p,
        part_words(x, k->pool->input, line->weight, k->pool->den, asset).p);
    if (p.rem == 0) {
        return out;
    }
    return line->extra > 0
               ? arena_printf(x->a, "%s; rounded up to %s, as one that loses most by rounding down",
                              out.p, words_amount(x->a, line->amount, asset).p)
               : arena_printf(x->a, "%s; rounded down to %s", out.p,
                              words_amount(x->a, line->amount, asset).p);
}

static void share_facts(struct explain *x, struct explain_node *n, const struct agreement *k,
                        uint32_t index, const struct node *of)
{
    const struct line *line = &k->s->g->line[index];
    struct explain_product p = explain_multiply(of->input, line->weight, of->den);
    char path[PATH_TEXT_MAX];
    (void)line_path(k->s->g, k->s->group, index, path);
    explain_amount(n, line->amount, k->s->asset);
    explain_fact(x, n, "party", names_party(&x->names, line->party));
    explain_fact(x, n, "path", text_of(path));
    explain_fact_ratio(x, n, "weight", line->weight, of->den);
    explain_fact_i128(x, n, "input", of->input);
    explain_fact_product(x, n, &p);
    explain_fact_i128(x, n, "extra", line->extra);
}

static bool is_wanted(const struct explain_subject *s, uint32_t line)
{
    return s->line == EXPLAIN_ALL || s->line == line;
}

static void investors_explain(struct explain *x, struct explain_node *pool,
                              const struct agreement *k)
{
    const struct group *g = k->s->g;
    uint64_t count = 0;
    for (uint32_t i = 0; i < g->line_count; i++) {
        const struct line *line = &g->line[i];
        if (line->kind != LINE_ALLOCATION || line->node != POOL_NODE || !is_wanted(k->s, i)) {
            continue;
        }
        if (count++ < EXPLAIN_LIST_MAX) {
            struct text party = names_party(&x->names, line->party);
            struct explain_node *n = explain_add(x, pool, "share", "investment %u of %u, %.*s: %s",
                                                 line->share + 1, k->p->share_count, (int)party.len,
                                                 party.p, investor_words(x, k, line).p);
            share_facts(x, n, k, i, k->pool);
        }
    }
    explain_rest(x, pool, count > EXPLAIN_LIST_MAX ? count - EXPLAIN_LIST_MAX : 0, "investments");
}

static void pool_explain(struct explain *x, struct explain_node *node, const struct agreement *k)
{
    if (k->pool == NULL) {
        struct explain_node *none =
            explain_add(x, node, "pool", "investors get nothing of it: %s", nothing_words(x, k));
        explain_amount(none, 0, k->s->asset);
        return;
    }
    struct explain_node *pool = explain_add(x, node, "pool", "%s", pool_words(x, k).p);
    struct explain_product p = explain_multiply(k->root->input, k->pool->weight, BPS_ONE);
    explain_amount(pool, k->pool->input, k->s->asset);
    explain_fact_ratio(x, pool, "weight", k->pool->weight, BPS_ONE);
    explain_fact_i128(x, pool, "input", k->root->input);
    explain_fact_product(x, pool, &p);
    explain_fact_i128(x, pool, "cap_took", -k->pool->extra);
    accrued_explain(x, pool, k);
    investors_explain(x, pool, k);
}

static void creator_explain(struct explain *x, struct explain_node *node, const struct agreement *k,
                            const char *who)
{
    const struct group *g = k->s->g;
    const struct asset *asset = k->s->asset;
    for (uint32_t i = 0; i < g->line_count; i++) {
        const struct line *line = &g->line[i];
        if (line->kind != LINE_ALLOCATION || line->node != CREATOR_NODE || !is_wanted(k->s, i)) {
            continue;
        }
        struct text party = names_party(&x->names, line->party);
        const char *all = words_amount(x->a, k->root->input, asset).p;
        struct explain_node *n =
            k->pool == NULL ? explain_add(x, node, "share", "%s, %.*s: all of %s", who,
                                          (int)party.len, party.p, all)
                            : explain_add(x, node, "share", "%s, %.*s: the rest, %s less %s = %s",
                                          who, (int)party.len, party.p, all,
                                          words_amount(x->a, k->pool->input, asset).p,
                                          words_amount(x->a, line->amount, asset).p);
        share_facts(x, n, k, i, k->root);
    }
}

static void owned_explain(struct explain *x, struct explain_node *parent, const struct agreement *k)
{
    struct explain_node *node =
        explain_add(x, parent, "policy", "without a campaign all of %s is the owner's",
                    words_money(x->a, k->root->input, k->s->asset).p);
    explain_fact_i128(x, node, "input", k->root->input);
    creator_explain(x, node, k, "the owner");
}

enum mete_code explain_contract(struct explain *x, struct explain_node *parent,
                                const struct explain_subject *s)
{
    struct agreement k = {.s = s, .root = &s->g->node[0]};
    k.pool = s->g->node_count > 1 ? &s->g->node[POOL_NODE] : NULL;
    if (k.root->policy == 0) {
        owned_explain(x, parent, &k);
        return METE_OK;
    }
    enum mete_code code = contract_load(x, &k);
    if (code != METE_OK) {
        return code;
    }
    struct explain_node *node =
        explain_add(x, parent, "policy", "campaign %.*s shares %s between investors and creator",
                    (int)k.c.id.len, k.c.id.p, words_money(x->a, k.root->input, s->asset).p);
    explain_fact(x, node, "policy", campaign_policy_id(x->a, k.c.id));
    explain_fact(x, node, "campaign_id", k.c.id);
    explain_fact_i128(x, node, "version", k.root->version);
    explain_fact_i128(x, node, "input", k.root->input);
    if (k.p != NULL) {
        terms_explain(x, node, &k);
    }
    pool_explain(x, node, &k);
    creator_explain(x, node, &k, "the creator");
    return METE_OK;
}

/* --- booked before -----------------------------------------------------------------------------*/

/** What was left of it went back, if anything was. */
static bool has_rest(const struct walk_item *item)
{
    const struct decision *d = &item->decision;
    return d->group_count > 1 && d->group[0].kind == GROUP_REVERSAL &&
           explain_is_contract(&d->group[1]);
}

bool explain_is_rebooking(const struct walk_item *item)
{
    const struct decision *d = &item->decision;
    bool again = d->group_count > 1 && explain_is_contract(&d->group[0]) &&
                 d->group[1].kind == GROUP_REVERSAL;
    return d->about != 0 && (has_rest(item) || again);
}

enum mete_code explain_former(struct explain *x, const struct walk_item *item,
                              struct walk_item *former, bool *known)
{
    const struct group *back = &item->decision.group[0];
    bool rest = has_rest(item);
    enum mete_code code = walk_one(x->e, x->a, rest ? back->target_seq : item->event_seq,
                                   rest ? back->target_page : 0, former, x->err);
    *known = code == METE_OK && former->decision.wait_code == 0;
    return code;
}

/** The revenue of an invoice, in the decision that booked it. */
static const struct group *booked_group(const struct walk_item *item)
{
    return &item->decision.group[has_rest(item) ? 1 : 0];
}

/** "campaign c1", or "did:o, the owner of its app,". */
static struct text booked_for(struct explain *x, const struct group *g)
{
    struct text campaign = campaign_name(x, g->node[0].policy);
    if (campaign.len > 0) {
        return arena_printf(x->a, "campaign %.*s", (int)campaign.len, campaign.p);
    }
    struct text owner = names_party(&x->names, g->line[g->line_count - 1].party);
    return arena_printf(x->a, "%.*s, the owner of its app,", (int)owner.len, owner.p);
}

/** "it was booked for ... with log entry 14; what was left of that, 90.00 USD, went back" */
static struct text former_words(struct explain *x, const struct walk_item *item,
                                const struct walk_item *former, bool known)
{
    const struct group *back = &item->decision.group[0];
    struct text out =
        known ? arena_printf(x->a, "it was booked for %s with log entry %llu",
                             booked_for(x, booked_group(former)).p, (unsigned long long)former->seq)
              : TEXT("it was booked for somebody else before");
    return has_rest(item)
               ? arena_printf(
                     x->a, "%s; what was left of that, %s, went back", out.p,
                     words_money(x->a, -back->gross, names_asset(&x->names, back->asset)).p)
               : arena_printf(x->a, "%s, and nothing was left of that", out.p);
}

enum mete_code explain_rebooked(struct explain *x, struct explain_node *parent,
                                const struct explain_subject *s)
{
    struct walk_item item = s->item;
    enum mete_code code = METE_OK;
    bool known = true;
    for (unsigned i = 0; i < BEFORE_MAX && known && explain_is_rebooking(&item); i++) {
        struct walk_item former;
        struct text words = {0};
        struct text id = {0};
        code = explain_former(x, &item, &former, &known);
        code = code == METE_OK ? event_named(x, item.seq, &words, &id) : code;
        if (code != METE_OK) {
            break;
        }
        struct explain_node *n =
            explain_add(x, parent, "rebooked", "%s; all of it was booked anew with %s",
                        former_words(x, &item, &former, known).p, words.p);
        explain_fact(x, n, "event_id", id);
        explain_fact_i128(x, n, "seq", (i128)item.seq);
        explain_fact_i128(x, n, "page", item.page);
        if (known) {
            explain_fact_i128(x, n, "former_seq", (i128)former.seq);
        }
        item = former;
    }
    return code;
}

/* SPDX-License-Identifier: Apache-2.0
 * A whole event: what it said, what it moved, what it released, what it waits for. */
#include "engine/explain_parts.h"

#include "base/text.h"
#include "engine/lines.h"

#define GROUPS_MAX   20u /* revenues of one event that are written out */
#define RELEASES_MAX 20u

/* --- money that came in
 * -------------------------------------------------------------------------*/

static i128 kind_sum(const struct group *g, enum line_kind kind)
{
    i128 sum = 0;
    for (uint32_t i = 0; i < g->line_count; i++) {
        sum += g->line[i].kind == kind ? g->line[i].amount : 0;
    }
    return sum;
}

static void sum_explain(struct explain *x, struct explain_node *parent,
                        const struct explain_subject *s)
{
    i128 fees = kind_sum(s->g, LINE_FEE);
    i128 shares = kind_sum(s->g, LINE_ALLOCATION);
    i128 rest = kind_sum(s->g, LINE_UNALLOCATED);
    i128 carry = kind_sum(s->g, LINE_CARRY);
    struct explain_node *n =
        explain_add(x, parent, "sum", "fees %s + shares %s + unallocated %s + carried %s = %s",
                    words_amount(x->a, fees, s->asset).p, words_amount(x->a, shares, s->asset).p,
                    words_amount(x->a, rest, s->asset).p, words_amount(x->a, carry, s->asset).p,
                    words_money(x->a, s->g->gross, s->asset).p);
    explain_amount(n, s->g->gross, s->asset);
    explain_fact_i128(x, n, "fees", fees);
    explain_fact_i128(x, n, "allocated", shares);
    explain_fact_i128(x, n, "unallocated", rest);
    explain_fact_i128(x, n, "carried", carry);
}

static enum mete_code revenue_explain(struct explain *x, struct explain_node *root,
                                      struct explain_subject *s)
{
    i128 left = 0;
    enum mete_code code = explain_is_rebooking(&s->item) ? METE_OK : explain_because(x, root, s);
    if (code == METE_OK && explain_is_contract(s->g)) {
        code = explain_whose(x, root, s);
    }
    code = code == METE_OK ? explain_fees(x, root, s) : code;
    code = code == METE_OK ? explain_split(x, root, s) : code;
    if (code == METE_OK) {
        sum_explain(x, root, s);
        code = explain_reversals(x, root, s, &left);
    }
    if (code == METE_OK) {
        struct explain_node *n = explain_add(x, root, "state", "%s of it stands; its shares %s %s",
                                             words_money(x->a, left, s->asset).p,
                                             s->g->clears_at > x->at ? "clear on" : "cleared on",
                                             words_moment(x->a, s->g->clears_at).p);
        explain_amount(n, left, s->asset);
        explain_fact(x, n, "clears_at", words_time(x->a, s->g->clears_at));
    }
    return code;
}

/* --- money that moved
 * ---------------------------------------------------------------------------*/

/** Lines of a reversal, a transfer or an upheld dispute. */
static void moves_explain(struct explain *x, struct explain_node *parent,
                          const struct explain_subject *s)
{
    struct walk_head head = {.event_id = s->event.id};
    const struct group *g = s->g;
    struct lines_origin origin;
    lines_origin_init(&origin, x->e);
    for (uint32_t i = 0; i < g->line_count && i < EXPLAIN_LIST_MAX; i++) {
        const struct lines_spot spot = {s->group, i, g->line[i].amount};
        struct text id = lines_id(&origin, x->a, &s->item, &head, &spot);
        struct text party = names_party(&x->names, g->line[i].party);
        struct explain_node *n = explain_add(
            x, parent, "line", "%s %s, %.*s%s%.*s", words_money(x->a, spot.amount, s->asset).p,
            lines_what(&s->item, &spot), (int)party.len, party.p, id.len > 0 ? ": " : "",
            (int)id.len, id.p == NULL ? "" : id.p);
        explain_amount(n, spot.amount, s->asset);
        explain_fact(x, n, "party", party);
        if (id.len > 0) {
            explain_fact(x, n, "id", id);
        }
    }
    lines_origin_clear(&origin);
    explain_rest(x, parent, g->line_count > EXPLAIN_LIST_MAX ? g->line_count - EXPLAIN_LIST_MAX : 0,
                 "lines");
}

/** A conversion names the event that set its rate. */
static enum mete_code rate_explain(struct explain *x, struct explain_node *parent, uint64_t seq)
{
    struct envelope *set = arena_alloc(x->a, sizeof *set);
    mete_time recorded_at;
    enum mete_code code = engine_event(x->e, seq, x->a, set, &recorded_at, x->err);
    if (code == METE_OK) {
        const struct event_rate *r = &set->event.rate;
        struct explain_node *n = explain_add(
            x, parent, "rate", "at 1 %.*s = %.*s %.*s, said by %.*s of %s (log entry %llu)",
            (int)r->base.len, r->base.p, (int)r->rate.len, r->rate.p, (int)r->quote.len, r->quote.p,
            (int)r->provider.len, r->provider.p, words_moment(x->a, r->as_of).p,
            (unsigned long long)seq);
        explain_fact(x, n, "base", r->base);
        explain_fact(x, n, "quote", r->quote);
        explain_fact(x, n, "rate", r->rate);
        explain_fact(x, n, "provider", r->provider);
        explain_fact(x, n, "as_of", words_time(x->a, r->as_of));
        explain_fact(x, n, "event_id", set->event.id);
    }
    return code;
}

static enum mete_code target_explain(struct explain *x, struct explain_node *parent,
                                     const struct group *g)
{
    if (g->kind == GROUP_TRANSFER) {
        return rate_explain(x, parent, g->target_seq);
    }
    struct walk_item original;
    struct walk_head head;
    enum mete_code code = walk_one(x->e, x->a, g->target_seq, g->target_page, &original, x->err);
    code = code == METE_OK ? walk_head_of(x->a, original.bytes, &head, x->err) : code;
    if (code == METE_OK) {
        struct explain_node *n = explain_add(
            x, parent, "original", "the original is %.*s of %s, log entry %llu",
            (int)head.event_id.len, head.event_id.p, words_moment(x->a, head.occurred_at).p,
            (unsigned long long)original.event_seq);
        explain_fact(x, n, "event_id", head.event_id);
    }
    return code;
}

/** A reversal inside of a booking anew is of what was booked before, or of what had gone back. */
static const char *group_words(const struct explain_subject *s)
{
    switch ((enum group_kind)s->g->kind) {
    case GROUP_REVERSAL:
        if (explain_is_rebooking(&s->item)) {
            return s->g->target_seq != s->item.seq || s->g->target_page != s->item.page
                       ? "took back what was left of the booking before,"
                       : "took back again what had been refunded,";
        }
        return "gave back";
    case GROUP_SUSPENSE:
        return "waits in mete:suspense with";
    case GROUP_UPHELD:
        return "made an allocation change hands:";
    case GROUP_TRANSFER:
        return "moved";
    case GROUP_REVENUE:
    case GROUP_MORE:
        break;
    }
    return "booked";
}

/** What went from one side to the other. */
static i128 group_moved(const struct group *g)
{
    i128 moved = 0;
    if (g->gross != 0) {
        return g->gross < 0 ? -g->gross : g->gross;
    }
    for (uint32_t i = 0; i < g->line_count; i++) {
        moved += g->line[i].amount > 0 ? g->line[i].amount : 0;
    }
    return moved;
}

static enum mete_code movement_explain(struct explain *x, struct explain_node *root,
                                       const struct explain_subject *s)
{
    i128 moved = group_moved(s->g);
    struct explain_node *n = explain_add(x, root, "moved", "it %s %s", group_words(s),
                                         words_money(x->a, moved, s->asset).p);
    explain_amount(n, moved, s->asset);
    if (s->g->target_seq != 0) {
        enum mete_code code = target_explain(x, n, s->g);
        if (code != METE_OK) {
            return code;
        }
    }
    moves_explain(x, n, s);
    return METE_OK;
}

/* --- what it said
 * -------------------------------------------------------------------------------*/

/** The version that the decision set: its key holds the policy's number and the version's. */
static bool version_set(const struct decision *d, uint32_t *policy, uint32_t *version)
{
    for (uint32_t i = 0; i < d->put_count; i++) {
        const struct put *p = &d->put[i];
        if (p->op == PUT_SET && p->key.len == 9 && p->key.p[0] == KEY_POLICY_VERSION &&
            key_read_u32(p->key, 1) != 0) {
            *policy = key_read_u32(p->key, 1);
            *version = key_read_u32(p->key, 5);
            return true;
        }
    }
    return false;
}

static void published_explain(struct explain *x, struct explain_node *root,
                              const struct explain_subject *s)
{
    uint32_t policy, version, number;
    struct version *versions = NULL;
    struct text id;
    size_t count = 0;
    char hex[65];
    const struct policy *p;
    if (!version_set(&s->item.decision, &policy, &version) ||
        view_policy_id(x->view, policy, &id) != VIEW_FOUND) {
        return;
    }
    id = arena_text(x->a, id);
    if (view_policy(x->view, x->a, id, &number, &versions, &count) != VIEW_FOUND ||
        version > count || view_policy_version(x->view, x->a, policy, version, &p) != VIEW_FOUND) {
        return;
    }
    hash_hex(&p->hash, hex);
    struct explain_node *n = explain_add(
        x, root, "policy", "it published version %u of %.*s, in force from %s (sha256 %s)", version,
        (int)id.len, id.p, words_from(x->a, versions[version - 1].from).p, hex);
    explain_fact(x, n, "policy", id);
    explain_fact_i128(x, n, "version", version);
    explain_fact(x, n, "effective_from", words_time(x->a, versions[version - 1].from));
    explain_fact(x, n, "sha256", text_of(hex));
}

/** A batch of usage counts once: which report it was that counted. */
static void batch_explain(struct explain *x, struct explain_node *root,
                          const struct explain_subject *s)
{
    const struct event_usage *u = &s->event.usage;
    const struct key key = key_batch(u->platform_id, u->batch_id);
    struct bytes value;
    if (u->batch_id.len == 0 || x->view->get(x->view->ctx, key_bytes(&key), &value) != VIEW_FOUND) {
        return;
    }
    struct reader r = reader_of(value);
    uint64_t first = read_varint(&r);
    if (first != s->item.seq) {
        struct explain_node *n =
            explain_add(x, root, "repeats",
                        "batch %.*s of %.*s was counted with log entry %llu: this changes "
                        "nothing",
                        (int)u->batch_id.len, u->batch_id.p, (int)u->platform_id.len,
                        u->platform_id.p, (unsigned long long)first);
        explain_fact_i128(x, n, "first_seq", (i128)first);
    }
}

static void said_explain(struct explain *x, struct explain_node *root,
                         const struct explain_subject *s)
{
    const struct event *e = &s->event;
    switch ((int)e->type) {
    case EVENT_POLICY_PUBLISHED:
        published_explain(x, root, s);
        break;
    case EVENT_CONTRIBUTION_RECORDED:
        explain_add(x, root, "said", "%.*s contributed to %.*s as %.*s with weight %llu",
                    (int)e->contribution.party.len, e->contribution.party.p,
                    (int)e->contribution.content_item_id.len, e->contribution.content_item_id.p,
                    (int)e->contribution.role.len, e->contribution.role.p,
                    (unsigned long long)e->contribution.weight);
        break;
    case EVENT_CONDITION_CHANGED:
        explain_add(x, root, "said", "condition %.*s of %.*s was switched %s",
                    (int)e->condition.condition.len, e->condition.condition.p,
                    (int)e->condition.policy.len, e->condition.policy.p,
                    e->condition.active ? "on" : "off");
        break;
    case EVENT_USAGE_REPORTED:
        explain_add(x, root, "said", "%.*s answered %llu calls and %llu bytes from %s to %s",
                    (int)e->usage.provider.len, e->usage.provider.p,
                    (unsigned long long)e->usage.calls, (unsigned long long)e->usage.bytes,
                    words_moment(x->a, e->usage.window_start).p,
                    words_moment(x->a, e->usage.window_end).p);
        batch_explain(x, root, s);
        break;
    case EVENT_ALLOCATION_DISPUTED:
    case EVENT_ALLOCATION_EVIDENCE_ADDED:
    case EVENT_ALLOCATION_ESCALATED:
    case EVENT_ALLOCATION_OVERRIDDEN:
    case EVENT_ALLOCATION_UPHELD:
        explain_add(x, root, "said", "it is about the allocation %.*s",
                    (int)e->allocation.allocation_id.len, e->allocation.allocation_id.p);
        break;
    default:
        break;
    }
}

/* --- waiting and releasing
 * ----------------------------------------------------------------------*/

static void waits_explain(struct explain *x, struct explain_node *root, const struct decision *d)
{
    enum mete_code code = (enum mete_code)d->wait_code;
    struct explain_node *n =
        explain_add(x, root, "waits", "it waits (%s): %s %s", mete_code_name(code),
                    mete_code_meaning(code), mete_code_remediation(code));
    explain_fact(x, n, "code", text_of(mete_code_name(code)));
    explain_fact(x, n, "pointer", text_of(decision_wait_pointer(d)));
}

/** The events that had waited and that this one let be booked. */
static enum mete_code releases_explain(struct explain *x, struct explain_node *root,
                                       const struct explain_subject *s)
{
    uint32_t pages = book_page_count(engine_book(x->e), s->item.seq);
    uint32_t shown = 0;
    if (s->item.page != 0) {
        return METE_OK;
    }
    uint32_t page = s->item.decision.pages;
    for (; page <= pages && shown < RELEASES_MAX; shown++) {
        struct walk_item item;
        struct walk_head head;
        enum mete_code code = walk_one(x->e, x->a, s->item.seq, page, &item, x->err);
        code = code == METE_OK ? walk_head_of(x->a, item.bytes, &head, x->err) : code;
        if (code != METE_OK) {
            return code;
        }
        struct explain_node *n = explain_add(
            x, root, "released", "with it, %s %.*s %s (log entry %llu)%s",
            event_type_name(head.type), (int)head.event_id.len, head.event_id.p,
            explain_is_rebooking(&item) ? "was booked anew, for it is another campaign's now"
                                        : "was decided that had waited",
            (unsigned long long)item.event_seq,
            item.decision.wait_code != 0 ? ", and waits on" : "");
        explain_fact(x, n, "event_id", head.event_id);
        page += item.decision.pages;
    }
    explain_rest(x, root, page <= pages ? pages - page + 1 : 0, "pages of such decisions");
    return METE_OK;
}

/* --- the event
 * ----------------------------------------------------------------------------------*/

static enum mete_code groups_explain(struct explain *x, struct explain_node *root,
                                     struct explain_subject *s)
{
    const struct decision *d = &s->item.decision;
    enum mete_code code = METE_OK;
    for (uint32_t i = 0; i < d->group_count && i < GROUPS_MAX && code == METE_OK; i++) {
        s->g = &d->group[i];
        s->group = i;
        s->asset = names_asset(&x->names, s->g->asset);
        code = s->g->kind == GROUP_REVENUE ? revenue_explain(x, root, s)
                                           : movement_explain(x, root, s);
    }
    explain_rest(x, root, d->group_count > GROUPS_MAX ? d->group_count - GROUPS_MAX : 0,
                 "bookings");
    return code;
}

enum mete_code explain_event(struct explain *x, uint64_t seq, struct explain_node **out)
{
    struct explain_subject s;
    enum mete_code code = explain_load(x, seq, &s);
    if (code != METE_OK) {
        return code;
    }
    struct explain_node *root =
        explain_add(x, NULL, "event", "%.*s: %s, log entry %llu", (int)s.event.id.len, s.event.id.p,
                    event_type_name(s.event.type), (unsigned long long)seq);
    explain_fact(x, root, "event_id", s.event.id);
    explain_fact(x, root, "event_type", text_of(event_type_name(s.event.type)));
    explain_fact_i128(x, root, "seq", (i128)seq);
    bool revenue =
        s.item.decision.group_count > 0 && s.item.decision.group[0].kind == GROUP_REVENUE;
    bool rebooked = explain_is_rebooking(&s.item);
    if (rebooked) {
        s.g = &s.item.decision.group[revenue ? 0 : 1];
        s.asset = names_asset(&x->names, s.g->asset);
    }
    code = revenue && !rebooked ? METE_OK : explain_because(x, root, &s);
    if (s.item.decision.wait_code != 0) {
        waits_explain(x, root, &s.item.decision);
    }
    said_explain(x, root, &s);
    code = code == METE_OK ? groups_explain(x, root, &s) : code;
    code = code == METE_OK ? releases_explain(x, root, &s) : code;
    *out = root;
    return code;
}

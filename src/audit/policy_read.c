/* SPDX-License-Identifier: Apache-2.0
 * One reader a document form: policy documents, manifests with `contributors` (0.1 to 0.4),
 * manifests with `attribution` (1.0, 1.1), fee schedules. */
#include "audit/policy_read.h"

#include <string.h>

#include "audit/member.h"
#include "base/text.h"

static const char not_a_weight[] = "a weight cannot be read";

static uint32_t count_of(const struct json *array)
{
    return array != NULL && array->type == JSON_ARRAY ? array->count : 0;
}

/** A member of a manifest: null is as good as absent. */
static const struct json *present(const struct json *object, const char *key)
{
    const struct json *j = json_get(object, key);
    return j != NULL && j->type != JSON_NULL ? j : NULL;
}

static const char *read_weight(const struct json *object, const char *key, struct frac *out)
{
    *out = frac_int(0);
    if (present(object, key) == NULL) {
        return NULL;
    }
    if (!member_frac(object, key, out) || out->negative) {
        return not_a_weight;
    }
    return NULL;
}

static const char *read_entry(struct arena *keep, const struct json *j, struct rules_entry *e)
{
    e->version = member_u64(j, "version", 0);
    e->from = member_time(j, "effective_from", false, TIME_ALWAYS);
    e->until = member_time(j, "effective_until", true, TIME_NEVER);
    const struct json *conditions = json_get(j, "conditions");
    e->condition_count = count_of(conditions);
    e->condition = arena_array(keep, e->condition_count, sizeof e->condition[0]);
    const struct json *c = e->condition_count > 0 ? conditions->child : NULL;
    for (uint32_t i = 0; c != NULL; c = c->next) {
        e->condition[i++] = arena_text(keep, member_literal(c));
    }
    return read_weight(j, "weight", &e->weight);
}

static const char *read_entries(struct arena *keep, const struct json *share, struct rules_share *s)
{
    const struct json *list = json_get(share, "temporal_splits");
    s->entry_count = count_of(list);
    s->entry = arena_array(keep, s->entry_count, sizeof s->entry[0]);
    const struct json *j = s->entry_count > 0 ? list->child : NULL;
    for (uint32_t i = 0; j != NULL; j = j->next) {
        const char *flaw = read_entry(keep, j, &s->entry[i++]);
        if (flaw != NULL) {
            return flaw;
        }
    }
    return NULL;
}

/* 0.4: a share with an attestation that its subject has not signed is not paid yet. */
static bool lacks_countersignature(const struct json *share)
{
    const struct json *attestation = json_get(share, "attestation");
    return attestation != NULL && attestation->type == JSON_OBJECT &&
           member_text(attestation, "subjectSignature").len == 0;
}

/* 0.1 and 0.2 name an actor {id} or {ref}; 0.3 and 0.4 put the id beside the role. */
static const char *read_contributor(struct arena *keep, const struct json *j, struct rules_share *s)
{
    const struct json *actor = present(j, "actor");
    s->is_policy = member_text(actor, "ref").len > 0;
    if (s->is_policy) {
        s->payee = member_keep(keep, actor, "ref");
    } else if (actor != NULL) {
        s->payee = member_keep(keep, actor, "id");
    } else {
        s->payee = member_keep(keep, j, "id");
    }
    s->held = lacks_countersignature(j);
    const char *flaw = read_weight(j, "weight", &s->weight);
    return flaw != NULL ? flaw : read_entries(keep, j, s);
}

static const char *read_attributed(struct arena *keep, const struct json *j, struct rules_share *s)
{
    s->payee = member_keep(keep, j, "did");
    s->held = lacks_countersignature(j);
    return read_weight(j, "share", &s->weight);
}

static const char *read_listed(struct arena *keep, const struct json *j, struct rules_share *s)
{
    s->is_policy = json_get(j, "policy") != NULL;
    s->payee = member_keep(keep, j, s->is_policy ? "policy" : "party");
    return read_weight(j, "weight", &s->weight);
}

typedef const char *share_reader(struct arena *keep, const struct json *j, struct rules_share *s);

static const char *read_shares(struct arena *keep, const struct json *list, share_reader *read,
                               struct rules *r)
{
    r->share_count = count_of(list);
    r->share = arena_array(keep, r->share_count, sizeof r->share[0]);
    r->sum = frac_int(0);
    const struct json *j = r->share_count > 0 ? list->child : NULL;
    for (uint32_t i = 0; j != NULL; j = j->next, i++) {
        struct rules_share *s = &r->share[i];
        const char *flaw = read(keep, j, s);
        if (flaw != NULL) {
            return flaw;
        }
        if (s->payee.len == 0) {
            return "a share names nobody";
        }
        r->is_temporal |= s->entry_count > 0;
        if (!frac_add(&r->sum, &r->sum, &s->weight)) {
            return "the weights have no common denominator";
        }
    }
    return NULL;
}

static int compare_to(const struct frac *f, u128 num, u128 den)
{
    struct frac bound;
    METE_ASSERT(frac_of_u128(&bound, num, den));
    return frac_cmp(f, &bound);
}

/* What the generations say about the sum of the base weights. */
static const char *judge_sum(const struct rules *r, const struct json *manifest)
{
    struct text fair = member_text(manifest, "fair");
    if (r->is_temporal) {
        return NULL;
    }
    if (!r->divides_excess) {
        return compare_to(&r->sum, 1, 1) > 0 ? "its weights sum to more than 1" : NULL;
    }
    if (text_is(fair, "1.1") &&
        (compare_to(&r->sum, 1000001, 1000000) > 0 || compare_to(&r->sum, 999999, 1000000) < 0)) {
        return "its shares differ from 1 by more than 0.000001";
    }
    return compare_to(&r->sum, 10001, 10000) > 0 ? "its shares sum to more than 1.0001" : NULL;
}

static const struct {
    const char *text;
    enum rules_compare compare;
} compares[] = {
    {"<=", IS_AT_MOST}, {">=", IS_AT_LEAST}, {"<", IS_BELOW}, {">", IS_ABOVE}, /* longest first */
};

static bool read_threshold(struct arena *keep, const struct json *j, struct rules_threshold *t)
{
    t->name = member_keep(keep, j, "name");
    struct text condition = member_text(j, "condition");
    for (size_t i = 0; i < ARRAY_LEN(compares); i++) {
        if (!text_starts(condition, compares[i].text)) {
            continue;
        }
        size_t skip = strlen(compares[i].text);
        while (skip < condition.len && condition.p[skip] == ' ') {
            skip++;
        }
        t->compare = compares[i].compare;
        return frac_parse(&t->quantity, (struct text){condition.p + skip, condition.len - skip});
    }
    return false;
}

static const char *read_thresholds(struct arena *keep, const struct json *list, struct rules *r)
{
    r->threshold_count = count_of(list);
    r->threshold = arena_array(keep, r->threshold_count, sizeof r->threshold[0]);
    const struct json *j = r->threshold_count > 0 ? list->child : NULL;
    for (uint32_t i = 0; j != NULL; j = j->next) {
        if (!read_threshold(keep, j, &r->threshold[i++])) {
            return "a ticket threshold cannot be read";
        }
    }
    return NULL;
}

/* early_bird is the condition early-bird; standard is standard and standard-sales. */
static void read_period(struct arena *keep, const struct json *j, struct rules_period *p)
{
    char *name = arena_alloc(keep, j->key.len + 1);
    for (size_t i = 0; i < j->key.len; i++) {
        char c = j->key.p[i];
        name[i] = c;
        if (c == '_') {
            name[i] = '-';
        }
    }
    p->name = (struct text){name, j->key.len};
    if (text_is(p->name, "standard")) {
        p->also = TEXT("standard-sales");
    }
    p->from = member_time(j, "start", false, TIME_ALWAYS);
    p->until = member_time(j, "end", true, TIME_NEVER);
}

static const char *read_metadata(struct arena *keep, const struct json *metadata, struct rules *r)
{
    const struct json *recoup = json_get(metadata, "recoup_threshold");
    if (recoup != NULL && recoup->type == JSON_OBJECT) {
        r->has_recoup = true;
        r->recoup_currency = member_keep(keep, recoup, "currency");
        if (!member_frac(recoup, "amount", &r->recoup_amount)) {
            return "its recoup_threshold cannot be read";
        }
    }
    r->default_condition = member_keep(keep, metadata, "default_condition");
    const struct json *periods = json_get(metadata, "ticket_sales_periods");
    if (periods != NULL && periods->type == JSON_OBJECT) {
        r->period_count = periods->count;
        r->period = arena_array(keep, r->period_count, sizeof r->period[0]);
        const struct json *j = periods->child;
        for (uint32_t i = 0; j != NULL; j = j->next) {
            read_period(keep, j, &r->period[i++]);
        }
    }
    return read_thresholds(keep, json_get(metadata, "ticket_thresholds"), r);
}

/* 1.x: what is above 1 within the tolerance is taken off everybody in proportion. */
static const char *divide_excess(struct rules *r)
{
    if (!r->divides_excess || compare_to(&r->sum, 1, 1) <= 0) {
        return NULL;
    }
    for (uint32_t i = 0; i < r->share_count; i++) {
        if (!frac_div(&r->share[i].weight, &r->share[i].weight, &r->sum)) {
            return not_a_weight;
        }
    }
    r->sum = frac_int(1);
    return NULL;
}

static const char *read_manifest(struct arena *keep, const struct json *m, struct rules *r)
{
    r->kind = RULES_WEIGHTS;
    r->rounding = BY_LARGEST;
    const struct json *attribution = json_get(m, "attribution");
    r->divides_excess = attribution != NULL;
    const char *flaw = attribution != NULL
                           ? read_shares(keep, attribution, read_attributed, r)
                           : read_shares(keep, json_get(m, "contributors"), read_contributor, r);
    if (flaw == NULL) {
        flaw = read_metadata(keep, json_get(m, "metadata"), r);
    }
    if (flaw == NULL) {
        flaw = judge_sum(r, m);
    }
    const char *undivided = divide_excess(r);
    return flaw != NULL ? flaw : undivided;
}

static const char *read_roles(struct arena *keep, const struct json *doc, struct rules *r)
{
    const struct json *shares = json_get(doc, "shares_bps");
    if (shares == NULL || shares->type != JSON_OBJECT) {
        return "its shares_bps cannot be read";
    }
    r->kind = RULES_ROLES;
    r->rounding = BY_AUTHOR;
    r->role_count = shares->count;
    r->role = arena_array(keep, r->role_count, sizeof r->role[0]);
    uint64_t total = 0;
    const struct json *j = shares->child;
    for (uint32_t i = 0; j != NULL; j = j->next, i++) {
        struct frac bps;
        i128 v;
        if (!frac_parse(&bps, member_literal(j)) || !frac_floor(&bps, &v) || v < 0 || v > 10000) {
            return "its shares_bps cannot be read";
        }
        r->role[i].role = arena_text(keep, j->key);
        r->role[i].bps = (uint32_t)v;
        total += (uint64_t)v;
    }
    return total > 10000 ? "its roles have more than 10000 basis points" : NULL;
}

static const char *read_usage(struct arena *keep, const struct json *doc, struct rules *r)
{
    r->kind = RULES_USAGE;
    const char *flaw = read_weight(doc, "kib_weight", &r->kib_weight);
    if (flaw == NULL) {
        flaw = read_weight(doc, "calls_weight", &r->calls_weight);
    }
    if (flaw != NULL) {
        return flaw;
    }
    if (json_get(doc, "calls_weight") == NULL) {
        r->calls_weight = frac_int(1);
    }
    const struct json *tiers = json_get(doc, "tiers");
    r->tier_count = tiers != NULL && tiers->type == JSON_OBJECT ? tiers->count : 0;
    r->tier = arena_array(keep, r->tier_count, sizeof r->tier[0]);
    const struct json *j = r->tier_count > 0 ? tiers->child : NULL;
    for (uint32_t i = 0; j != NULL; j = j->next, i++) {
        r->tier[i].provider = arena_text(keep, j->key);
        if (!frac_parse(&r->tier[i].factor, member_literal(j)) || r->tier[i].factor.negative) {
            return "a tier cannot be read";
        }
    }
    return NULL;
}

static const char *read_single(struct arena *keep, const struct json *doc, struct rules *r)
{
    r->kind = RULES_SINGLE;
    r->share_count = 1;
    r->share = arena_array(keep, 1, sizeof r->share[0]);
    r->share->payee = member_keep(keep, doc, "party");
    r->share->weight = frac_int(1);
    r->sum = frac_int(1);
    return r->share->payee.len > 0 ? NULL : "a single policy names nobody";
}

static const char *read_document(struct arena *keep, const struct json *doc, struct rules *r)
{
    struct text kind = member_text(doc, "kind");
    r->rounding = text_is(member_text(doc, "rounding"), "carry") ? BY_CARRY : BY_LARGEST;
    if (text_is(kind, "roles")) {
        return read_roles(keep, doc, r);
    }
    if (text_is(kind, "usage")) {
        return read_usage(keep, doc, r);
    }
    if (text_is(kind, "single")) {
        return read_single(keep, doc, r);
    }
    if (!text_is(kind, "weights")) {
        return "its kind is none that this auditor knows";
    }
    r->kind = RULES_WEIGHTS;
    const char *flaw = read_shares(keep, json_get(doc, "shares"), read_listed, r);
    return flaw != NULL ? flaw : judge_sum(r, NULL);
}

/* Nothing of a document that cannot be read is used: parts of it were never filled in. */
static void make_blank(struct rules *r)
{
    struct text id = r->id;
    enum rules_kind kind = r->kind;
    memset(r, 0, sizeof *r);
    r->id = id;
    r->kind = kind;
    r->rounding = BY_LARGEST;
    r->sum = r->calls_weight = r->kib_weight = frac_int(0);
}

const char *rules_read(struct arena *keep, const struct json *payload, struct rules *out)
{
    memset(out, 0, sizeof *out);
    out->sum = frac_int(0);
    const struct json *manifest = json_get(payload, "manifest");
    const struct json *doc = manifest != NULL ? manifest : json_get(payload, "policy");
    out->id = member_keep(keep, doc, "id");
    if (out->id.len == 0) {
        return "the policy has no id";
    }
    const char *flaw =
        manifest != NULL ? read_manifest(keep, doc, out) : read_document(keep, doc, out);
    if (flaw != NULL) {
        make_blank(out);
    }
    return flaw;
}

static const char *read_charge(struct arena *keep, const struct json *j, struct charge *c)
{
    const struct json *fixed = json_get(j, "fixed");
    c->is_fixed = fixed != NULL;
    if (c->is_fixed && (!member_frac(fixed, "amount", &c->fixed) || c->fixed.negative)) {
        return "a fixed fee cannot be read";
    }
    c->currency = member_keep(keep, fixed, "currency");
    c->bps = (uint32_t)member_u64(j, "bps", 0);
    c->label = member_keep(keep, j, "label");
    c->payee = member_keep(keep, j, "payee");
    const struct json *children = json_get(j, "children");
    c->child_count = count_of(children);
    c->child = arena_array(keep, c->child_count, sizeof c->child[0]);
    uint64_t total = 0;
    const struct json *k = c->child_count > 0 ? children->child : NULL;
    for (uint32_t i = 0; k != NULL; k = k->next, i++) {
        c->child[i].payee = member_keep(keep, k, "payee");
        c->child[i].share_bps = (uint32_t)member_u64(k, "share_bps", 0);
        total += c->child[i].share_bps;
    }
    return c->bps > 10000 || total > 10000 ? "a fee takes more than there is" : NULL;
}

const char *schedule_read(struct arena *keep, const struct json *payload, struct schedule *out)
{
    memset(out, 0, sizeof *out);
    const struct json *fees = json_get(payload, "fees");
    out->charge_count = count_of(fees);
    out->charge = arena_array(keep, out->charge_count, sizeof out->charge[0]);
    const struct json *j = out->charge_count > 0 ? fees->child : NULL;
    for (uint32_t i = 0; j != NULL; j = j->next) {
        const char *flaw = read_charge(keep, j, &out->charge[i++]);
        if (flaw != NULL) {
            out->charge_count = 0;
            return flaw;
        }
    }
    return NULL;
}

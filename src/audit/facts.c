/* SPDX-License-Identifier: Apache-2.0
 * Conditions are judged one name at a time, always against the state before the event. */
#include "audit/facts.h"

#include "base/text.h"

static bool is_given(const struct moment *m, struct text name)
{
    for (uint32_t i = 0; i < m->given_count; i++) {
        if (text_eq(m->given[i], name)) {
            return true;
        }
    }
    return false;
}

/* The last change that is not dated after the event; NULL when there is none. */
static const struct switched *switch_of(const struct moment *m, const struct book_policy *p,
                                        struct text name)
{
    const struct switched *found = NULL;
    for (uint32_t i = 0; i < p->switched_count; i++) {
        const struct switched *s = &p->switched[i];
        if (s->from <= m->occurred_at && text_eq(s->condition, name) &&
            (found == NULL || s->from >= found->from)) {
            found = s;
        }
    }
    return found;
}

static bool is_recouped(const struct moment *m, const struct book_policy *p, const struct rules *r)
{
    const struct asset *asset = book_asset(m->book, r->recoup_currency);
    if (asset == NULL) {
        return false;
    }
    struct frac major, unit, net = frac_int(policy_net(p, asset));
    struct big power, one;
    big_pow10(&power, asset->scale);
    big_set(&one, 1);
    METE_ASSERT(frac_of(&unit, &power, &one));
    return frac_div(&major, &net, &unit) && frac_cmp(&major, &r->recoup_amount) >= 0;
}

static bool passes(const struct rules_threshold *t, i128 quantity)
{
    struct frac so_far = frac_int(quantity);
    int order = frac_cmp(&so_far, &t->quantity);
    switch (t->compare) {
    case IS_BELOW:
        return order < 0;
    case IS_AT_MOST:
        return order <= 0;
    case IS_AT_LEAST:
        return order >= 0;
    case IS_ABOVE:
        return order > 0;
    }
    return false;
}

static bool is_computed(const struct moment *m, const struct book_policy *p, const struct rules *r,
                        struct text name)
{
    if (r->has_recoup && text_is(name, "pre-recoup")) {
        return !is_recouped(m, p, r);
    }
    if (r->has_recoup && text_is(name, "post-recoup")) {
        return is_recouped(m, p, r);
    }
    for (uint32_t i = 0; i < r->threshold_count; i++) {
        if (text_eq(r->threshold[i].name, name) && passes(&r->threshold[i], p->quantity)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < r->period_count; i++) {
        const struct rules_period *period = &r->period[i];
        if ((text_eq(period->name, name) || text_eq(period->also, name)) &&
            m->occurred_at >= period->from && m->occurred_at <= period->until) {
            return true;
        }
    }
    return false;
}

static bool is_sales(const struct rules *r, struct text name)
{
    static const char *const known[] = {"early-bird", "standard", "standard-sales", "late"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (text_is(name, known[i])) {
            return true;
        }
    }
    for (uint32_t i = 0; i < r->period_count; i++) {
        if (text_eq(r->period[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* Conditions of one family exclude each other. */
static struct text family(const struct rules *r, struct text name)
{
    if (text_starts(name, "pre-")) {
        return (struct text){name.p + 4, name.len - 4};
    }
    if (text_starts(name, "post-")) {
        return (struct text){name.p + 5, name.len - 5};
    }
    if (text_starts(name, "tickets-")) {
        return TEXT("tickets");
    }
    return is_sales(r, name) ? TEXT("sales") : name;
}

static bool same_family(const struct rules *r, struct text a, struct text b)
{
    return text_eq(family(r, a), family(r, b));
}

static bool is_switched(const struct moment *m, const struct book_policy *p, struct text name,
                        bool active)
{
    const struct switched *s = switch_of(m, p, name);
    return s != NULL && s->active == active;
}

/* A computed member decides while nobody has switched it off. */
static bool computed_decides(const struct moment *m, const struct book_policy *p,
                             const struct rules *r, struct text name, struct text member)
{
    return same_family(r, name, member) && is_computed(m, p, r, name) &&
           !is_switched(m, p, name, false);
}

/* Something other than the default says which member of the family holds. A member that is
 * switched off says nothing about the others. */
static bool family_is_decided(const struct moment *m, const struct book_policy *p,
                              const struct rules *r, struct text member)
{
    if (r->has_recoup && text_is(family(r, member), "recoup")) {
        return true;
    }
    for (uint32_t i = 0; i < m->given_count; i++) {
        if (same_family(r, m->given[i], member)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < p->switched_count; i++) {
        struct text name = p->switched[i].condition;
        if (same_family(r, name, member) && is_switched(m, p, name, true)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < r->threshold_count; i++) {
        if (computed_decides(m, p, r, r->threshold[i].name, member)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < r->period_count; i++) {
        const struct rules_period *period = &r->period[i];
        if (computed_decides(m, p, r, period->name, member) ||
            (period->also.len > 0 && computed_decides(m, p, r, period->also, member))) {
            return true;
        }
    }
    return false;
}

bool facts_hold(const struct moment *m, const struct book_policy *p, const struct rules *r,
                struct text condition)
{
    if (is_given(m, condition)) {
        return true;
    }
    const struct switched *s = switch_of(m, p, condition);
    if (s != NULL) {
        return s->active;
    }
    if (is_computed(m, p, r, condition)) {
        return true;
    }
    return text_eq(condition, r->default_condition) && !family_is_decided(m, p, r, condition);
}

static bool entry_holds(const struct moment *m, const struct book_policy *p, const struct rules *r,
                        const struct rules_entry *e)
{
    if (m->occurred_at < e->from || m->occurred_at > e->until) {
        return false;
    }
    for (uint32_t i = 0; i < e->condition_count; i++) {
        if (!facts_hold(m, p, r, e->condition[i])) {
            return false;
        }
    }
    return true;
}

const struct frac *facts_weight(const struct moment *m, const struct book_policy *p,
                                const struct rules *r, const struct rules_share *s, uint32_t *entry)
{
    const struct rules_entry *best = NULL;
    *entry = 0;
    for (uint32_t i = 0; i < s->entry_count; i++) {
        const struct rules_entry *e = &s->entry[i];
        if ((best == NULL || e->version >= best->version) && entry_holds(m, p, r, e)) {
            best = e;
            *entry = i + 1;
        }
    }
    return best != NULL ? &best->weight : &s->weight;
}

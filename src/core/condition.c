/* SPDX-License-Identifier: Apache-2.0
 * Which conditions hold for an event. Weakest first: the default of a family that nothing else
 * decides, what is computed, switches (off beats on), the event's own payload. */
#include "core/condition.h"

#include "base/limits.h"
#include "base/text.h"

struct text condition_family(struct text name)
{
    static const char *const SALES[] = {"early-bird", "standard", "standard-sales", "late"};
    if (text_starts(name, "pre-")) {
        return (struct text){name.p + 4, name.len - 4};
    }
    if (text_starts(name, "post-")) {
        return (struct text){name.p + 5, name.len - 5};
    }
    if (text_starts(name, "tickets-")) {
        return TEXT("tickets");
    }
    for (size_t i = 0; i < ARRAY_LEN(SALES); i++) {
        if (text_is(name, SALES[i])) {
            return TEXT("sales");
        }
    }
    return name;
}

/* As condition_family, and a name that this policy gives to a sales period is of "sales". */
static struct text family_in(const struct policy *p, struct text name)
{
    for (uint32_t i = 0; i < p->period_count; i++) {
        if (text_eq(p->condition[p->period[i].condition], name)) {
            return TEXT("sales");
        }
    }
    return condition_family(name);
}

/* --- computed
 * -----------------------------------------------------------------------------------*/

static bool threshold_holds(const struct threshold *t, i128 quantity)
{
    i128 mark = (i128)t->quantity;
    switch (t->op) {
    case THRESHOLD_LT:
        return quantity < mark;
    case THRESHOLD_LE:
        return quantity <= mark;
    case THRESHOLD_GE:
        return quantity >= mark;
    case THRESHOLD_GT:
        return quantity > mark;
    }
    return false;
}

static uint64_t named(const struct policy *p, struct text name)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < p->condition_count; i++) {
        bits |= (uint64_t)text_eq(p->condition[i], name) << i;
    }
    return bits;
}

static uint64_t computed(const struct policy *p, const struct condition_facts *facts)
{
    uint64_t bits = 0;
    if (p->has_recoup) {
        bool recouped = facts->net >= p->recoup_amount;
        bits |= named(p, recouped ? TEXT("post-recoup") : TEXT("pre-recoup"));
    }
    for (uint32_t i = 0; i < p->threshold_count; i++) {
        const struct threshold *t = &p->threshold[i];
        bits |= (uint64_t)threshold_holds(t, facts->quantity) << t->condition;
    }
    for (uint32_t i = 0; i < p->period_count; i++) {
        const struct sales_period *s = &p->period[i];
        bool inside = s->from <= facts->occurred_at && facts->occurred_at <= s->until;
        bits |= (uint64_t)inside << s->condition;
    }
    return bits;
}

/* --- said
 * ---------------------------------------------------------------------------------------*/

static uint64_t in_payload(const struct policy *p, const struct condition_facts *facts)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < facts->payload_count; i++) {
        bits |= named(p, facts->payload[i]);
    }
    return bits;
}

static uint64_t switched(const struct policy *p, const struct condition_facts *facts, bool active)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < facts->switched_count; i++) {
        if (facts->switched[i].active == active) {
            bits |= named(p, facts->switched[i].name);
        }
    }
    return bits;
}

/* --- the default
 * --------------------------------------------------------------------------------*/

/* True when some member of the family holds, or is known not to: a recoup threshold always tells.
 * Names that no entry uses decide as well, so payload and switches are asked once more by name. */
static bool family_decided(const struct policy *p, const struct condition_facts *facts,
                           uint64_t active, struct text family)
{
    if (p->has_recoup && text_is(family, "recoup")) {
        return true;
    }
    for (uint32_t i = 0; i < p->condition_count; i++) {
        if ((active >> i & 1) != 0 && text_eq(family_in(p, p->condition[i]), family)) {
            return true;
        }
    }
    for (size_t i = 0; i < facts->payload_count; i++) {
        if (text_eq(family_in(p, facts->payload[i]), family)) {
            return true;
        }
    }
    for (size_t i = 0; i < facts->switched_count; i++) {
        const struct condition_switch *s = &facts->switched[i];
        if (s->active && text_eq(family_in(p, s->name), family)) {
            return true;
        }
    }
    return false;
}

uint64_t condition_active(const struct policy *p, const struct condition_facts *facts)
{
    METE_ASSERT(p->condition_count <= CONDITIONS_MAX);
    uint64_t off = switched(p, facts, false);
    uint64_t payload = in_payload(p, facts);
    uint64_t active = ((computed(p, facts) | switched(p, facts, true)) & ~off) | payload;
    if (p->default_condition.len > 0 &&
        !family_decided(p, facts, active, family_in(p, p->default_condition))) {
        active |= named(p, p->default_condition) & ~off;
    }
    return active;
}

/* SPDX-License-Identifier: Apache-2.0
 * What a book is told about its world: policies, fees, assets, contributions, usage, costs. */
#include <string.h>

#include "core/asset.h"
#include "oracle/oracle_parts.h"

i128 power_of_ten(int n)
{
    i128 v = 1;
    while (n-- > 0)
        v *= 10;
    return v;
}

static bool reaches(const struct oracle *o, int from, int to)
{
    if (from == to)
        return true;
    for (int i = 0; i < POLICIES; i++) {
        if (o->child[from][i] && reaches(o, i, to))
            return true;
    }
    return false;
}

static int depth_below(const struct oracle *o, int policy)
{
    int deepest = 0;
    for (int i = 0; i < POLICIES; i++) {
        int below = o->child[policy][i] ? depth_below(o, i) : 0;
        deepest = below > deepest ? below : deepest;
    }
    return deepest + 1;
}

static int depth_above(const struct oracle *o, int policy)
{
    int deepest = 0;
    for (int i = 0; i < POLICIES; i++) {
        int above = o->child[i][policy] ? depth_above(o, i) + 1 : 0;
        deepest = above > deepest ? above : deepest;
    }
    return deepest;
}

static bool weight_invalid(const struct script_policy *p)
{
    for (int i = 0; i < p->share_count; i++) {
        const struct script_share *s = &p->share[i];
        if (p->kind != P_SINGLE && s->weight.num > s->weight.den)
            return true;
        for (int k = 0; k < s->entry_count; k++) {
            if (s->entry[k].weight.num > s->entry[k].weight.den)
                return true;
        }
    }
    return false;
}

static enum mete_code policy_judge(const struct oracle *o, const struct script_policy *p)
{
    struct fraction sum = {0, 1};
    bool temporal = false;
    for (int i = 0; i < p->share_count && (p->kind == P_WEIGHTS || p->kind == P_MANIFEST); i++) {
        sum = frac_add(sum, p->share[i].weight);
        temporal |= p->share[i].entry_count > 0;
    }
    if (!temporal && sum.num > sum.den)
        return METE_WEIGHT_ABOVE_ONE;
    if (temporal && weight_invalid(p))
        return METE_WEIGHT_INVALID;
    if (p->has_recoup && o->asset_rank[p->recoup_asset] == 0)
        return METE_CURRENCY_UNKNOWN;
    for (int i = 0; i < p->share_count; i++) {
        if (p->share[i].is_policy && reaches(o, p->share[i].payee, p->id))
            return METE_POLICY_CYCLE;
    }
    int above = depth_above(o, p->id);
    for (int i = 0; i < p->share_count; i++) {
        if (p->share[i].is_policy && above + 1 + depth_below(o, p->share[i].payee) > DEPTH_MAX)
            return METE_POLICY_DEPTH;
    }
    return METE_OK;
}

static mete_time version_from(const struct script_event *e, bool first)
{
    if (e->effective_from != TIME_ALWAYS)
        return e->effective_from;
    return first ? TIME_ALWAYS : e->at;
}

/* In the order of their names: members of an object have no other order in the log. */
static void tiers_mention(struct oracle *o, const struct script_policy *p)
{
    char last[32] = "";
    for (int n = 0; n < p->tier_count; n++) {
        char best[32] = "~";
        int party = NONE;
        for (int i = 0; i < p->tier_count; i++) {
            char name[32];
            script_party_name(p->tier_party[i], name);
            if (strcmp(name, last) > 0 && strcmp(name, best) < 0) {
                snprintf(best, sizeof best, "%s", name);
                party = p->tier_party[i];
            }
        }
        oracle_mention(o, party);
        snprintf(last, sizeof last, "%s", best);
    }
}

struct outcome oracle_policy(struct oracle *o, const struct script_event *e)
{
    const struct script_policy *p = &e->policy;
    enum mete_code code = policy_judge(o, p);
    if (code != METE_OK)
        return outcome_refused(code);
    int *count = &o->version_count[p->id];
    o->version[p->id] =
        realloc(o->version[p->id], sizeof *o->version[p->id] * (size_t)(*count + 1));
    o->version[p->id][*count] = (struct policy_version){version_from(e, *count == 0), *p};
    (*count)++;
    for (int i = 0; i < p->share_count; i++) {
        if (p->share[i].is_policy)
            o->child[p->id][p->share[i].payee] = true;
        else
            oracle_mention(o, p->share[i].payee);
    }
    tiers_mention(o, p);
    if (p->kind == P_ROLES) {
        METE_ASSERT(o->roles_count < VERSIONS_MAX);
        o->roles[o->roles_count] = (struct policy_version){version_from(e, *count == 1), *p};
        o->roles_count++;
    }
    return outcome_applied();
}

struct outcome oracle_schedule(struct oracle *o, const struct script_event *e)
{
    for (int i = 0; i < e->fees.count; i++) {
        if (e->fees.fee[i].fixed && o->asset_rank[e->fees.fee[i].asset] == 0)
            return outcome_refused(METE_CURRENCY_UNKNOWN);
    }
    METE_ASSERT(o->fees_count < VERSIONS_MAX);
    o->fees[o->fees_count] = (struct fees_version){version_from(e, o->fees_count == 0), e->fees};
    o->fees_count++;
    for (int i = 0; i < e->fees.count; i++) {
        oracle_mention(o, e->fees.fee[i].payee);
        for (int k = 0; k < e->fees.fee[i].child_count; k++)
            oracle_mention(o, e->fees.fee[i].child[k].payee);
    }
    return outcome_applied();
}

struct outcome oracle_asset(struct oracle *o, const struct script_event *e)
{
    if (o->asset_rank[e->asset] == 0)
        o->asset_rank[e->asset] = (int)ASSET_DEFINED_FIRST + o->asset_count++;
    else if (e->scale != script_scale[e->asset])
        return outcome_refused(METE_ASSET_EXISTS);
    return outcome_applied();
}

struct outcome oracle_condition(struct oracle *o, const struct script_event *e)
{
    o->change = realloc(o->change, sizeof *o->change * (size_t)(o->change_count + 1));
    o->change[o->change_count++] =
        (struct switch_row){e->policy_id, e->condition, e->at, e->active};
    return outcome_applied();
}

struct outcome oracle_contribution(struct oracle *o, const struct script_event *e)
{
    int *count = &o->item_count[e->item];
    METE_ASSERT(*count < LIST_MAX);
    o->item[e->item][(*count)++] = (struct contribution){e->party, e->role, e->weight};
    oracle_mention(o, e->party);
    return outcome_applied();
}

struct outcome oracle_usage(struct oracle *o, const struct script_event *e)
{
    for (int i = 0; i < o->usage_count; i++) {
        if (e->batch != NONE && o->usage[i].batch == e->batch) {
            oracle_see(o, SEEN_USAGE_AGAIN);
            return outcome_applied();
        }
    }
    o->usage = realloc(o->usage, sizeof *o->usage * (size_t)(o->usage_count + 1));
    o->usage[o->usage_count++] =
        (struct usage_row){e->party, e->window_start, e->calls, e->bytes, e->batch};
    oracle_mention(o, e->party);
    return outcome_applied();
}

struct outcome oracle_metered(struct oracle *o, const struct script_event *e)
{
    if (o->asset_rank[e->asset] == 0)
        return outcome_refused(METE_CURRENCY_UNKNOWN);
    o->metered = realloc(o->metered, sizeof *o->metered * (size_t)(o->metered_count + 1));
    o->metered[o->metered_count++] =
        (struct metered_row){.open = true,
                             .policy = e->policy_id,
                             .asset = e->asset,
                             .customer = e->party,
                             .day = time_day(e->window_start),
                             .cost = exact_mul(e->amount, power_of_ten(METER_DIGITS - 18))};
    if (e->party != NONE)
        oracle_mention(o, e->party);
    return outcome_applied();
}

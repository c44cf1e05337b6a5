/* SPDX-License-Identifier: Apache-2.0
 * Publishing versions: of policies and of the fee schedule. A version binds what arrives after it;
 * the first is in force from the beginning of time unless it says otherwise. */
#include "core/contribution.h"
#include "core/work.h"

#include "base/limits.h"
#include "base/text.h"

#include <stdio.h>

#define VERSIONS_MAX 10000u

static struct version version_next(const struct work *w, size_t count, const struct when *from)
{
    mete_time at = from->set ? from->at : count == 0 ? TIME_ALWAYS : w->event->occurred_at;
    return (struct version){(uint32_t)count + 1, at};
}

void versions_put(struct work *w, struct key key, uint32_t number, const struct version *versions,
                  size_t count, struct version next)
{
    struct version *more = arena_array(w->a, count + 1, sizeof *more);
    for (size_t i = 0; i < count; i++) {
        more[i] = versions[i];
    }
    more[count] = next;
    struct buf value = {0};
    versions_pack(&value, number, more, count + 1);
    work_set(w, key, &value);
    buf_clear(&value);
}

/* --- who contains whom
 * --------------------------------------------------------------------------*/

/* One walk for all shares of a publication: what one share reached without finding the target need
 * not be walked again for the next. */
struct walk {
    struct work *w;
    uint32_t target;
    struct map seen; /* policy number */
    uint32_t *stack;
    size_t count, cap;
    bool found;
};

static void walk_push(struct walk *k, uint32_t policy)
{
    struct key key = key_u32(KEY_POLICY_NUMBER, policy);
    bool made = false;
    (void)map_put(&k->seen, key_bytes(&key), &made);
    if (!made) {
        return;
    }
    if (k->count == k->cap) {
        size_t cap = k->cap == 0 ? 16 : k->cap * 2;
        uint32_t *more = arena_array(k->w->a, cap, sizeof *more);
        for (size_t i = 0; i < k->count; i++) {
            more[i] = k->stack[i];
        }
        k->stack = more;
        k->cap = cap;
    }
    k->stack[k->count++] = policy;
}

static bool walk_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    (void)sums;
    struct walk *k = arg;
    uint32_t child = key_read_u32(key, 5);
    k->found |= child == k->target;
    walk_push(k, child);
    return !k->found;
}

/** True when the target can be reached from `from` over published references. */
static bool policy_reaches(struct walk *k, uint32_t from)
{
    k->found = from == k->target;
    walk_push(k, from);
    while (k->count > 0 && !k->found) {
        struct key begin = key_u32(KEY_CHILD, k->stack[--k->count]);
        struct key end = key_prefix_end(begin);
        const struct view *v = k->w->view;
        if (v->scan(v->ctx, key_bytes(&begin), key_bytes(&end), walk_visit, k) == VIEW_MISSING) {
            k->w->missing = true;
        }
    }
    return k->found;
}

static enum decided child_link(struct walk *k, struct share *share, uint32_t index)
{
    struct work *w = k->w;
    struct version *versions = NULL;
    size_t count = 0;
    share->number = work_policy(w, share->payee, &versions, &count);
    if (policy_reaches(k, share->number)) {
        char at[64];
        snprintf(at, sizeof at, "/payload/policy/shares/%u", index);
        return work_refuse(w, METE_POLICY_CYCLE, at,
                           "\"%.*s\" would contain itself through this share",
                           (int)share->payee.len, share->payee.p);
    }
    struct buf none = {0};
    work_set(w, key_u32x2(KEY_CHILD, k->target, share->number), &none);
    return DECIDED_APPLIED;
}

/* --- policies
 * -----------------------------------------------------------------------------------*/

static enum decided payees_number(struct work *w, uint32_t number, struct policy *p)
{
    struct walk k = {.w = w, .target = number};
    enum decided fine = DECIDED_APPLIED;
    map_init(&k.seen, 1, 3);
    for (uint32_t i = 0; i < p->share_count && fine == DECIDED_APPLIED; i++) {
        struct share *share = &p->share[i];
        if (share->is_policy) {
            fine = child_link(&k, share, i);
        } else {
            share->number = work_party(w, share->payee);
        }
    }
    map_clear(&k.seen);
    for (uint32_t i = 0; i < p->tier_count; i++) {
        p->tier[i].number = work_party(w, p->tier[i].provider);
    }
    return fine;
}

static enum decided recoup_number(struct work *w, struct policy *p)
{
    struct asset asset;
    if (!p->has_recoup) {
        return DECIDED_APPLIED;
    }
    enum decided fine =
        work_money(w, &p->recoup_money, "/payload/manifest/metadata/recoup_threshold", &asset,
                   &p->recoup_amount);
    p->recoup_asset = asset.number;
    return fine;
}

/** The head of a stored version: its kind and denominator. */
static enum view_result version_head(struct work *w, uint32_t number, uint32_t version,
                                     struct policy *head)
{
    struct key key = key_u32x2(KEY_POLICY_VERSION, number, version);
    struct bytes packed;
    enum view_result found = w->view->get(w->view->ctx, key_bytes(&key), &packed);
    METE_ASSERT(found != VIEW_FOUND || policy_unpack_head(packed, head));
    w->missing |= found != VIEW_FOUND;
    return found;
}

/** The denominator that entitlements under a policy are kept over. */
static u128 entitlement_den(const struct policy *p)
{
    return p->kind == POLICY_WEIGHTS ? p->den : p->kind == POLICY_USAGE ? USAGE_QUANTUM : 1;
}

/** With carry the fractions of a version must share a denominator with those of all earlier ones,
 *  since residues live across versions. */
static enum decided version_fits(struct work *w, uint32_t number, const struct policy *p,
                                 const struct version *versions, size_t count)
{
    u128 den = entitlement_den(p);
    struct policy head;
    if (p->rounding != ROUNDING_CARRY || den == 1) {
        return DECIDED_APPLIED;
    }
    for (size_t i = 0; i < count; i++) {
        if (version_head(w, number, versions[i].number, &head) != VIEW_FOUND) {
            return DECIDED_NEEDS;
        }
        if (!u128_lcm(den, entitlement_den(&head), &den)) {
            return work_refuse(w, METE_WEIGHT_RANGE, "/payload/policy/shares",
                               "with the fractions of version %u there is no common denominator",
                               versions[i].number);
        }
    }
    return DECIDED_APPLIED;
}

/** The book's roles policy is the roles policy that was published last. */
static void roles_put(struct work *w, uint32_t number, struct version next)
{
    struct version *versions = NULL;
    size_t count = 0;
    w->missing |= view_roles_versions(w->view, w->a, &versions, &count) == VIEW_MISSING;
    struct version entry = {(uint32_t)count + 1, next.from};
    versions_put(w, key_text(KEY_POLICY, ROLES_VERSIONS_ID), 0, versions, count, entry);
    struct buf value = {0};
    buf_put_varint(&value, number);
    buf_put_varint(&value, next.number);
    work_set(w, key_u32x2(KEY_POLICY_VERSION, 0, entry.number), &value);
    buf_clear(&value);
}

enum decided decide_policy(struct work *w)
{
    struct policy *p = w->event->policy.policy;
    struct version *versions = NULL;
    size_t count = 0;
    if (text_starts(p->id, "mete:")) {
        return work_refuse(w, METE_PARTY_RESERVED, "/payload/policy/id",
                           "ids that begin with mete: are mete's own");
    }
    uint32_t number = work_policy(w, p->id, &versions, &count);
    if (count >= VERSIONS_MAX) {
        return work_refuse(w, METE_LIMIT, "/payload/policy/id", "a policy has at most %u versions",
                           VERSIONS_MAX);
    }
    enum decided fine = version_fits(w, number, p, versions, count);
    fine = fine == DECIDED_APPLIED ? payees_number(w, number, p) : fine;
    fine = fine == DECIDED_APPLIED ? recoup_number(w, p) : fine;
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    struct version next = version_next(w, count, &w->event->policy.effective_from);
    struct buf packed = {0};
    policy_pack(&packed, p);
    work_set(w, key_u32x2(KEY_POLICY_VERSION, number, next.number), &packed);
    buf_clear(&packed);
    versions_put(w, key_text(KEY_POLICY, p->id), number, versions, count, next);
    if (p->kind == POLICY_ROLES) {
        roles_put(w, number, next);
    }
    work_release(w, wait_policy_key(number));
    return DECIDED_APPLIED;
}

/* --- fees
 * ---------------------------------------------------------------------------------------*/

static enum decided fee_number(struct work *w, struct fee *fee, uint32_t index)
{
    fee->number = work_party(w, fee->payee);
    for (uint32_t i = 0; i < fee->child_count; i++) {
        fee->child[i].number = work_party(w, fee->child[i].payee);
    }
    if (!fee->is_fixed) {
        return DECIDED_APPLIED;
    }
    char at[64];
    struct asset asset;
    snprintf(at, sizeof at, "/payload/fees/%u/fixed", index);
    enum decided fine = work_money(w, &fee->fixed, at, &asset, &fee->fixed_amount);
    fee->fixed_asset = asset.number;
    return fine;
}

enum decided decide_fees(struct work *w)
{
    const struct fee_schedule *schedule = &w->event->fees.schedule;
    struct version *versions = NULL;
    size_t count = 0;
    for (uint32_t i = 0; i < schedule->fee_count; i++) {
        enum decided fine = fee_number(w, &schedule->fee[i], i);
        if (fine != DECIDED_APPLIED) {
            return fine;
        }
    }
    w->missing |= view_fees(w->view, w->a, &versions, &count) == VIEW_MISSING;
    if (count >= VERSIONS_MAX) {
        return work_refuse(w, METE_LIMIT, "/payload/fees", "a book has at most %u schedules",
                           VERSIONS_MAX);
    }
    struct version next = version_next(w, count, &w->event->fees.effective_from);
    struct buf packed = {0};
    fee_schedule_pack(&packed, schedule);
    work_set(w, key_u32(KEY_FEES_VERSION, next.number), &packed);
    buf_clear(&packed);
    versions_put(w, key_of(KEY_FEES), 0, versions, count, next);
    work_add(w, key_of(KEY_COUNTER), 0, 0, 1, 0);
    return DECIDED_APPLIED;
}

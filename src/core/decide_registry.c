/* SPDX-License-Identifier: Apache-2.0
 * Events that tell the book about its world: configuration, assets, apps, parties, keys,
 * destinations, contributions, conditions, rates. They move no money. */
#include "core/contribution.h"
#include "core/economy.h"
#include "core/fx.h"
#include "core/payout.h"
#include "core/payout_work.h"

#include "base/limits.h"
#include "base/text.h"

static enum decided done(struct work *w)
{
    return w->missing ? DECIDED_NEEDS : DECIDED_APPLIED;
}

/** Names a party when it is new; a known one is left alone. */
static void name_party(struct work *w, struct text id)
{
    if (id.len > 0) {
        (void)work_party(w, id);
    }
}

static enum decided book_minimum(struct work *w, struct book_config *book)
{
    struct asset asset;
    if (!w->event->book.has_payout_minimum) {
        return DECIDED_APPLIED;
    }
    enum decided fine = work_money(w, &w->event->book.payout_minimum, "/payload/payout_minimum",
                                   &asset, &book->payout_minimum);
    book->has_payout_minimum = true;
    book->payout_asset = asset.number;
    return fine;
}

enum decided decide_book(struct work *w)
{
    const struct event_book *e = &w->event->book;
    struct book_config book = w->book;
    if (e->clear_after_days >= 0) {
        book.clear_after_days = e->clear_after_days;
        if (book.clear_after_days > book.clear_after_days_max) {
            book.clear_after_days_max = book.clear_after_days;
        }
    }
    if (e->dispute_auto_clear_days >= 0) {
        book.dispute_auto_clear_days = e->dispute_auto_clear_days;
    }
    if (e->attribution_required >= 0) {
        book.attribution_required = e->attribution_required != 0;
    }
    if (e->attribution_corrections >= 0) {
        book.attribution_corrections = e->attribution_corrections != 0;
    }
    if (e->tier3 >= 0) {
        book.tier3 = e->tier3 != 0;
    }
    if (e->cool_off_hours >= 0) {
        book.cool_off_hours = e->cool_off_hours;
    }
    if (e->unallocated.len > 0) {
        book.unallocated = work_party(w, e->unallocated);
    }
    if (e->environment.len > 0) {
        book.environment = e->environment;
    }
    enum decided fine = book_minimum(w, &book);
    fine = fine == DECIDED_APPLIED ? decide_schedules(w) : fine;
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    struct buf value = {0};
    book_config_pack(&value, &book);
    work_set(w, key_of(KEY_BOOK), &value);
    buf_clear(&value);
    return done(w);
}

/** How many assets the book defined: their numbers follow one another. */
static struct key assets_key(void)
{
    return key_u32(KEY_COUNTER, 1);
}

static uint32_t assets_defined(struct work *w)
{
    i128 sums[STATE_SUMS] = {0};
    struct key key = assets_key();
    w->missing |= w->view->sums(w->view->ctx, key_bytes(&key), sums) == VIEW_MISSING;
    return (uint32_t)sums[0];
}

enum decided decide_asset(struct work *w)
{
    const struct event_asset *e = &w->event->asset;
    struct asset asset = {0};
    if (!asset_code_valid(e->code)) {
        return work_refuse(w, METE_MEMBER_VALUE, "/payload/code",
                           "a code has 1 to %d of A-Z a-z 0-9 . - _ :", ASSET_CODE_LEN_MAX);
    }
    enum view_result found = view_asset(w->view, e->code, &asset);
    if (found == VIEW_MISSING) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    if (found == VIEW_FOUND) {
        return asset.scale == e->scale
                   ? DECIDED_APPLIED
                   : work_refuse(w, METE_ASSET_EXISTS, "/payload/scale",
                                 "%s is known with scale %u", asset.code, asset.scale);
    }
    uint32_t count = assets_defined(w);
    if (count >= ASSETS_MAX) {
        return work_refuse(w, METE_LIMIT, "/payload/code", "a book defines at most %d assets",
                           ASSETS_MAX);
    }
    asset.number = ASSET_DEFINED_FIRST + count;
    asset.scale = e->scale;
    METE_ASSERT(text_copy(asset.code, sizeof asset.code, e->code));
    struct buf value = {0};
    asset_pack(&value, &asset);
    work_set(w, key_text(KEY_ASSET, e->code), &value);
    work_set(w, key_u32(KEY_ASSET_NUMBER, asset.number), &value);
    work_add(w, assets_key(), 1, 0, 0, 0);
    buf_clear(&value);
    return done(w);
}

enum decided decide_app(struct work *w)
{
    struct buf value = {0};
    buf_put_varint(&value, work_party(w, w->event->app.owner));
    work_set(w, key_text(KEY_APP, w->event->app.app_id), &value);
    buf_clear(&value);
    work_release(w, wait_app_key(w->event->app.app_id));
    return done(w);
}

enum decided decide_party(struct work *w)
{
    const struct event_party *e = &w->event->party;
    uint32_t number = work_party(w, e->party);
    struct buf value = {0};
    buf_put_sized(&value, e->party);
    buf_put_sized(&value, e->kind);
    buf_put_sized(&value, e->fair_server);
    work_set(w, key_u32(KEY_PARTY_NUMBER, number), &value);
    buf_clear(&value);
    return done(w);
}

static mete_time cool_off(const struct work *w)
{
    return w->book.cool_off_hours * (3600 * TIME_SECOND_US);
}

enum decided decide_destination(struct work *w)
{
    const struct event_destination *e = &w->event->destination;
    uint32_t number = work_party(w, e->party);
    struct destination before;
    enum hold_kind held;
    struct buf value = {0};
    enum view_result found = view_destination(w->view, number, &before);
    w->missing |= found == VIEW_MISSING || view_hold(w->view, number, &held) == VIEW_MISSING;
    const struct destination set = {.rail = e->rail,
                                    .seq = w->in->seq,
                                    .holds_from =
                                        found == VIEW_FOUND ? w->now + cool_off(w) : w->now};
    destination_pack(&value, &set);
    work_set(w, key_u32(KEY_DESTINATION, number), &value);
    buf_clear(&value);
    if (!w->missing && held == HOLD_DESTINATION) {
        work_remove(w, key_u32(KEY_HOLD, number));
    }
    return done(w);
}

enum decided decide_key(struct work *w)
{
    const struct event_key *e = &w->event->key;
    name_party(w, e->party);
    struct buf value = {0};
    buf_put_u8(&value, 1);
    buf_put_sized(&value, e->alg);
    buf_put_sized(&value, e->key);
    buf_put_sized(&value, e->party);
    buf_put_sized(&value, e->producer);
    work_set(w, key_text(KEY_KEY, e->key_id), &value);
    buf_clear(&value);
    return done(w);
}

enum decided decide_key_revoked(struct work *w)
{
    struct key key = key_text(KEY_KEY, w->event->key.key_id);
    struct bytes value;
    enum view_result found = w->view->get(w->view->ctx, key_bytes(&key), &value);
    w->missing |= found == VIEW_MISSING;
    if (found == VIEW_ABSENT) {
        return work_refuse(w, METE_KEY_UNKNOWN, "/payload/key_id", "no such key in this book");
    }
    if (!w->missing) {
        struct buf revoked = {0};
        buf_put(&revoked, value.p, value.len);
        revoked.p[0] = 0;
        work_set(w, key, &revoked);
        buf_clear(&revoked);
    }
    return done(w);
}

enum decided decide_contribution(struct work *w)
{
    const struct event_contribution *e = &w->event->contribution;
    struct contribution *list = NULL;
    size_t count = 0;
    w->missing |=
        view_contributions(w->view, w->a, e->content_item_id, &list, &count) == VIEW_MISSING;
    if (count >= CONTRIBUTIONS_MAX) {
        return work_refuse(w, METE_LIMIT, "/payload/content_item_id",
                           "a content item has at most %d contributions", CONTRIBUTIONS_MAX);
    }
    struct contribution *more = arena_array(w->a, count + 1, sizeof *more);
    for (size_t i = 0; i < count; i++) {
        more[i] = list[i];
    }
    more[count] = (struct contribution){work_party(w, e->party), e->role, e->weight};
    struct buf value = {0};
    contributions_pack(&value, more, count + 1);
    work_set(w, key_text(KEY_CONTENT, e->content_item_id), &value);
    buf_clear(&value);
    return done(w);
}

#define SWITCHES_MAX 4096u /* changes of one policy's conditions, each at its moment */

/** True when a change is listed before another: by condition, then by moment. */
static bool switch_before(struct text name, mete_time from, const struct event *event)
{
    int order = text_cmp(name, event->condition.condition);
    return order != 0 ? order < 0 : from < event->occurred_at;
}

static void switch_put(struct buf *out, struct text name, mete_time from, bool active)
{
    buf_put_sized(out, name);
    buf_put_zigzag(out, from);
    buf_put_u8(out, active ? 1 : 0);
}

/** The changes of a policy with one more in its place; one of the same condition and moment is
 *  replaced. The number of changes then. */
static uint64_t switches_with(const struct event *event, struct bytes old, struct buf *out)
{
    const struct event_condition *e = &event->condition;
    struct reader r = reader_of(old);
    uint64_t count = old.len > 0 ? read_varint(&r) : 0;
    uint64_t kept = 0;
    bool placed = false;
    for (uint64_t i = 0; i < count; i++) {
        struct text name = read_sized(&r);
        mete_time from = (mete_time)read_zigzag(&r);
        bool active = read_u8(&r) != 0;
        if (!placed && !switch_before(name, from, event)) {
            switch_put(out, e->condition, event->occurred_at, e->active);
            placed = true;
        }
        if (!text_eq(name, e->condition) || from != event->occurred_at) {
            switch_put(out, name, from, active);
            kept++;
        }
    }
    if (!placed) {
        switch_put(out, e->condition, event->occurred_at, e->active);
    }
    return kept + 1;
}

static enum decided switches_put(struct work *w, uint32_t policy, struct bytes old)
{
    struct buf list = {0};
    struct buf value = {0};
    uint64_t count = switches_with(w->event, old, &list);
    if (count <= SWITCHES_MAX) {
        buf_put_varint(&value, count);
        buf_put(&value, list.p, list.len);
        work_set(w, key_u32(KEY_CONDITION, policy), &value);
    }
    buf_clear(&list);
    buf_clear(&value);
    return count <= SWITCHES_MAX
               ? DECIDED_APPLIED
               : work_refuse(w, METE_LIMIT, "/payload/condition",
                             "the conditions of a policy change at most %u times; publish it "
                             "under a new id",
                             SWITCHES_MAX);
}

enum decided decide_condition(struct work *w)
{
    struct version *versions = NULL;
    size_t count = 0;
    uint32_t policy = work_policy(w, w->event->condition.policy, &versions, &count);
    struct key key = key_u32(KEY_CONDITION, policy);
    struct bytes old = {0};
    enum view_result found = w->view->get(w->view->ctx, key_bytes(&key), &old);
    w->missing |= found == VIEW_MISSING;
    if (w->missing) {
        return DECIDED_NEEDS;
    }
    enum decided put = switches_put(w, policy, found == VIEW_FOUND ? old : (struct bytes){0});
    work_release(w, wait_policy_key(policy));
    return put;
}

enum decided decide_rate(struct work *w)
{
    const struct event_rate *e = &w->event->rate;
    struct asset asset;
    const struct text code[2] = {e->base, e->quote};
    for (size_t i = 0; i < 2; i++) {
        enum view_result found = view_asset(w->view, code[i], &asset);
        w->missing |= found == VIEW_MISSING;
        if (found == VIEW_ABSENT) {
            return work_refuse(w, METE_CURRENCY_UNKNOWN,
                               i == 0 ? "/payload/base" : "/payload/quote",
                               "this currency is not known here");
        }
    }
    struct buf value = {0};
    buf_put_sized(&value, e->rate);
    buf_put_sized(&value, e->provider);
    buf_put_zigzag(&value, e->as_of);
    buf_put_varint(&value, w->in->seq);
    work_set(w, key_rate(e->base, e->quote), &value);
    buf_clear(&value);
    return done(w);
}

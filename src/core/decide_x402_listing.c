/* SPDX-License-Identifier: Apache-2.0
 * x402.policy_set, x402.listed and x402.unlisted: whose revenue a resource is, and what is offered
 * for discovery. Neither moves money. */
#include "core/work.h"
#include "core/x402.h"

#include "base/text.h"

#include <string.h>

/* --- policies of resources ---------------------------------------------------------------------*/

static enum decided rows_load(struct work *w, struct text pay_to, struct x402_row **row,
                              size_t *count)
{
    struct key key = key_x402_policies(pay_to);
    struct bytes value;
    struct text whose;
    *count = 0;
    enum view_result found = w->view->get(w->view->ctx, key_bytes(&key), &value);
    w->missing |= found == VIEW_MISSING;
    if (found == VIEW_FOUND) {
        value = text_bytes(arena_text(w->a, bytes_text(value)));
        METE_ASSERT(x402_rows_unpack(w->a, value, &whose, row, count));
    }
    return w->missing ? DECIDED_NEEDS : DECIDED_APPLIED;
}

static int row_cmp(const struct x402_row *a, const struct x402_row *b)
{
    int order = text_cmp(a->resource, b->resource);
    return order != 0 ? order : text_cmp(a->network, b->network);
}

/** The rows with `row` in its place, or without it when it has no policy. False: it is not there to
 *  be removed. */
static bool rows_change(struct arena *a, const struct x402_row *row, struct x402_row **rows,
                        size_t *count)
{
    struct x402_row *next = arena_array(a, *count + 1, sizeof *next);
    size_t n = 0, i = 0;
    while (i < *count && row_cmp(&(*rows)[i], row) < 0) {
        next[n++] = (*rows)[i++];
    }
    bool had = i < *count && row_cmp(&(*rows)[i], row) == 0;
    i += had;
    if (row->policy.len > 0) {
        next[n++] = *row;
    }
    while (i < *count) {
        next[n++] = (*rows)[i++];
    }
    *rows = next;
    *count = n;
    return had || row->policy.len > 0;
}

enum decided decide_x402_policy(struct work *w)
{
    const struct event_x402_policy *e = &w->event->x402_policy;
    const struct x402_row row = {e->resource, e->network, e->policy};
    struct x402_row *rows = NULL;
    size_t count;
    enum decided fine = rows_load(w, e->pay_to, &rows, &count);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (!rows_change(w->a, &row, &rows, &count)) {
        return work_refuse(w, METE_STATE_FORBIDS, "/payload/resource",
                           "this resource of the pay_to has no policy");
    }
    if (count > X402_ROWS_MAX) {
        return work_refuse(w, METE_MEMBER_VALUE, "/payload/resource",
                           "a pay_to has at most %u resources with a policy", X402_ROWS_MAX);
    }
    struct buf value = {0};
    x402_rows_pack(&value, e->pay_to, rows, count);
    if (count > 0) {
        work_set(w, key_x402_policies(e->pay_to), &value);
    } else {
        work_remove(w, key_x402_policies(e->pay_to));
    }
    buf_clear(&value);
    return DECIDED_APPLIED;
}

/* --- listings ----------------------------------------------------------------------------------*/

static void merchants_remove(struct work *w, const struct x402_listing *l)
{
    for (uint32_t i = 0; i < l->merchant_count; i++) {
        work_remove(w, key_x402_merchant(l->merchant[i], l->made));
    }
}

static void merchants_put(struct work *w, struct x402_listing *l)
{
    const struct event_x402_listing *e = &w->event->x402_listing;
    const struct buf none = {0};
    l->merchant_count = (uint32_t)e->pay_to_count;
    for (uint32_t i = 0; i < l->merchant_count; i++) {
        x402_hash(e->pay_to[i], l->merchant[i]);
        work_set(w, key_x402_merchant(l->merchant[i], l->made), &none);
    }
}

static void listing_put(struct work *w, struct key key, struct x402_listing *l)
{
    struct buf value = {0};
    l->seq = w->in->seq;
    l->seen = w->event->x402_listing.seen;
    merchants_put(w, l);
    x402_listing_pack(&value, l);
    work_set(w, key, &value);
    buf_reset(&value);
    buf_put(&value, key.b + 1, key.len - 1);
    work_set(w, key_x402_listed_at(l->made), &value);
    buf_clear(&value);
}

enum decided decide_x402_listing(struct work *w)
{
    const struct event_x402_listing *e = &w->event->x402_listing;
    struct key key = key_x402_listing(e->resource, e->tool);
    struct x402_listing l = {.made = w->in->seq};
    enum view_result found = view_x402_listing(w->view, e->resource, e->tool, &l);
    w->missing |= found == VIEW_MISSING;
    if (w->missing) {
        return DECIDED_NEEDS;
    }
    if (w->event->type == EVENT_X402_UNLISTED && found != VIEW_FOUND) {
        return work_refuse(w, METE_NOT_FOUND, "/payload/resource", "this resource is not listed");
    }
    if (found == VIEW_FOUND && e->seen && !l.seen) {
        return work_refuse(w, METE_STATE_FORBIDS, "/payload/source",
                           "what was registered is not replaced by what a payment says");
    }
    if (found == VIEW_FOUND) {
        merchants_remove(w, &l);
    }
    if (w->event->type == EVENT_X402_UNLISTED) {
        work_remove(w, key);
        work_remove(w, key_x402_listed_at(l.made));
    } else {
        listing_put(w, key, &l);
    }
    return DECIDED_APPLIED;
}

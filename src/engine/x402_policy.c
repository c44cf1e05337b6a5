/* SPDX-License-Identifier: Apache-2.0
 * The policies of resources that are paid by x402, all of them. Which one holds says core. */
#include "engine/x402_list.h"

#include "base/text.h"
#include "engine/own_event.h"
#include "engine/walk.h"

#include <string.h>

#define BATCH_KEYS 256u

struct rows {
    struct x402_policy_row *row;
    size_t count, cap;
};

static void row_add(struct rows *r, struct arena *a, struct text pay_to, const struct x402_row *row)
{
    if (r->count == r->cap) {
        size_t cap = r->cap == 0 ? 16 : 2 * r->cap;
        struct x402_policy_row *more = arena_array(a, cap, sizeof *more);
        if (r->count > 0) {
            memcpy(more, r->row, r->count * sizeof *more);
        }
        r->row = more;
        r->cap = cap;
    }
    r->row[r->count++] = (struct x402_policy_row){pay_to, row->resource, row->network, row->policy};
}

enum mete_code x402_policies(struct engine *e, struct arena *a, struct x402_policy_row **row,
                             size_t *count, struct mete_err *err)
{
    struct key from = key_of(KEY_X402_POLICIES);
    struct key until = key_prefix_end(from);
    struct walk_keys keys = {.more = true};
    struct rows all = {0};
    enum mete_code code = METE_OK;
    while (code == METE_OK && keys.more) {
        code = walk_keys(e, a, key_bytes(&from), key_bytes(&until), BATCH_KEYS, &keys, err);
        for (size_t i = 0; i < keys.count && code == METE_OK; i++) {
            struct x402_row *rows;
            struct text pay_to;
            size_t n;
            METE_ASSERT(x402_rows_unpack(a, keys.value[i], &pay_to, &rows, &n));
            for (size_t k = 0; k < n; k++) {
                row_add(&all, a, pay_to, &rows[k]);
            }
            from = walk_key_after(keys.key[i]);
        }
    }
    *row = all.row;
    *count = all.count;
    return engine_sound(e, code, err);
}

enum mete_code x402_policy_set(struct engine *e, const struct x402_policy_row *row,
                               struct mete_err *err)
{
    struct own_event event;
    char id[OWN_PLACE_ID_MAX];
    const struct own_head head = {.id = own_event_place_id(e, "x402.policy", id),
                                  .type = EVENT_X402_POLICY_SET};
    own_event_begin(&event, e, &head);
    jw_text(&event.w, "pay_to", row->pay_to);
    jw_text(&event.w, "resource", row->resource);
    if (row->network.len > 0) {
        jw_text(&event.w, "network", row->network);
    }
    jw_text_or_null(&event.w, "policy", row->policy);
    return own_event_submit(&event, NULL, err);
}

/* SPDX-License-Identifier: Apache-2.0
 * Ranges of keys read ahead for a page of accounts. An account whose history is long is asked for
 * by itself: its old days would be read for nothing. */
#include "engine/payout_beside.h"

#include "base/text.h"

#define ROWS_MAX ((size_t)1 << 15) /* of one class and page; what has more is not read ahead */

static enum mete_code class_read(struct engine *e, struct arena *a, enum key_class class,
                                 const uint32_t party[2], struct beside *out, struct mete_err *err)
{
    struct key from = key_u32(class, party[0]);
    struct key until = key_prefix_end(key_u32(class, party[1]));
    out->class = class;
    out->at = 0;
    return walk_keys(e, a, key_bytes(&from), key_bytes(&until), ROWS_MAX, &out->keys, err);
}

enum mete_code beside_read(struct engine *e, struct arena *a, uint32_t first, uint32_t last,
                           struct page_beside *out, struct mete_err *err)
{
    const struct {
        enum key_class class;
        struct beside *to;
    } classes[] = {{KEY_PARTY_NUMBER, &out->name},
                   {KEY_HOLD, &out->hold},
                   {KEY_DESTINATION, &out->destination},
                   {KEY_PENDING, &out->pending},
                   {KEY_DISPUTED, &out->disputed}};
    const uint32_t party[] = {first, last};
    enum mete_code code = METE_OK;
    for (size_t i = 0; i < ARRAY_LEN(classes) && code == METE_OK; i++) {
        code = class_read(e, a, classes[i].class, party, classes[i].to, err);
    }
    return code;
}

static bool seek(struct beside *b, uint32_t party)
{
    while (b->at < b->keys.count && key_read_u32(b->keys.key[b->at], 1) < party) {
        b->at++;
    }
    return b->at < b->keys.count && key_read_u32(b->keys.key[b->at], 1) == party;
}

enum view_result beside_value(const struct view *v, struct beside *b, uint32_t party,
                              struct bytes *value)
{
    if (b->keys.more) {
        struct key key = key_u32(b->class, party);
        return v->get(v->ctx, key_bytes(&key), value);
    }
    if (!seek(b, party)) {
        return VIEW_ABSENT;
    }
    *value = b->keys.value[b->at];
    return VIEW_FOUND;
}

/** What the account's keys add up to from `from` on, which is one of its keys or between two. */
static i128 sum_from(struct beside *b, const struct account_at *of, const struct key *from)
{
    i128 sum = 0;
    if (!seek(b, of->party)) {
        return 0;
    }
    for (size_t i = b->at; i < b->keys.count; i++) {
        struct bytes key = b->keys.key[i];
        if (key_read_u32(key, 1) != of->party) {
            break;
        }
        bool counts = key_read_u32(key, 5) == of->asset && bytes_cmp(key, key_bytes(from)) >= 0;
        sum += counts ? b->keys.sums[i][0] : 0;
    }
    return sum;
}

static bool has_key(const struct beside *b, const struct key *key)
{
    for (size_t i = b->at; i < b->keys.count; i++) {
        int order = bytes_cmp(b->keys.key[i], key_bytes(key));
        if (order >= 0) {
            return order == 0;
        }
    }
    return false;
}

enum view_result beside_balance(const struct view *v, struct arena *scratch, struct page_beside *p,
                                const struct account_at *of, struct balance *out)
{
    int32_t day = time_day(of->at);
    struct key today = key_pending(of->party, of->asset, day);
    struct key later = key_pending(of->party, of->asset, day + 1);
    struct key open = key_u32x2(KEY_DISPUTED, of->party, of->asset);
    key_add_time(&open, of->at);
    *out = (struct balance){.pending = sum_from(&p->pending, of, &later),
                            .disputed = sum_from(&p->disputed, of, &open)};
    bool is_end_of_day = time_day(of->at + 1) != day;
    if (p->pending.keys.more || p->disputed.keys.more ||
        (!is_end_of_day && has_key(&p->pending, &today))) {
        return balance_of(v, scratch, of, out); /* posting by posting */
    }
    i128 free = of->net - out->pending - out->disputed;
    out->cleared = free > 0 ? free : 0;
    out->debt = free < 0 ? -free : 0;
    return VIEW_FOUND;
}

/* SPDX-License-Identifier: Apache-2.0
 * Usage and waiting revenue, read from state, and the names that sources go by. */
#include "engine/report_parts.h"

#include "base/map.h"
#include "base/text.h"
#include "core/work.h"
#include "engine/walk.h"
#include "store/hash_seed.h"

#include <stdlib.h>

#define ARENA_MAX ((size_t)4 << 30)

/* --- sources
 * ------------------------------------------------------------------------------------*/

struct text report_source(struct text source)
{
    static const struct {
        const char *alias;
        const char *name;
    } ALIAS[] = {/* covers: F-060 */
                 {"music_streams", "streaming"},
                 {"music_streaming", "streaming"},
                 {"cli_usage", "api_calls"},
                 {"event_revenue", "ticket_sales"}};
    for (size_t i = 0; i < ARRAY_LEN(ALIAS); i++) {
        if (text_is(source, ALIAS[i].alias)) {
            return text_of(ALIAS[i].name);
        }
    }
    return source;
}

/* --- usage
 * --------------------------------------------------------------------------------------*/

static bool usage_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    struct map *by_party = arg;
    struct report_usage *u = map_put(by_party, (struct bytes){key.p + key.len - 4, 4}, NULL);
    u->calls += sums[0];
    u->bytes += sums[1];
    u->latency_ms_sum += sums[2];
    u->reports += sums[3];
    return true;
}

static int usage_cmp(const void *x, const void *y)
{
    return text_cmp(((const struct report_usage *)x)->provider,
                    ((const struct report_usage *)y)->provider);
}

enum mete_code report_usage_add(struct engine *e, const struct report_query *q, struct arena *a,
                                struct names *names, struct report *out, struct mete_err *err)
{
    struct map by_party;
    struct key from = key_of(KEY_USAGE);
    struct key until = key_of(KEY_USAGE);
    key_add_time(&from, q->from);
    key_add_time(&until, q->until);
    map_init(&by_party, sizeof(struct report_usage), hash_seed());
    enum store_result r = book_scan_state(engine_book(e), key_bytes(&from), key_bytes(&until),
                                          usage_visit, &by_party, err);
    out->usage = arena_array(a, by_party.count, sizeof *out->usage);
    size_t i = 0;
    struct bytes key;
    void *value;
    while (map_next(&by_party, &i, &key, &value)) {
        struct report_usage *u = &out->usage[out->usage_count++];
        *u = *(struct report_usage *)value;
        u->provider = arena_text(a, names_party(names, key_read_u32(key, 0)));
    }
    map_clear(&by_party);
    if (out->usage_count > 0) {
        qsort(out->usage, out->usage_count, sizeof *out->usage, usage_cmp);
    }
    return r == STORE_FAILED ? METE_STORE_FAILED : METE_OK;
}

/* --- waiting
 * ------------------------------------------------------------------------------------*/

struct waits {
    struct engine *e;
    struct map row; /* policy, code, asset -> struct report_waiting */
    struct arena item;
    struct names *names;
    struct arena *a;
    struct mete_err *err;
};

struct waiting_key {
    uint32_t policy;
    uint32_t code;
    uint32_t asset;
};

static struct text waiting_policy(struct waits *w, uint32_t policy)
{
    struct text id;
    bool found = policy != 0 && view_policy_id(engine_view(w->e), policy, &id) == VIEW_FOUND;
    return found ? arena_text(w->a, id) : TEXT("");
}

static void waiting_group(struct waits *w, const struct waiting_key *key, const struct group *g)
{
    bool made = false;
    struct bytes bytes = {(const uint8_t *)key, sizeof *key};
    struct report_waiting *row = map_put(&w->row, bytes, &made);
    if (made) {
        row->policy = waiting_policy(w, key->policy);
        row->code = mete_code_name((enum mete_code)key->code);
        row->asset = *names_asset(w->names, key->asset);
    }
    row->amount += g->gross;
    row->count++;
}

/** What it waits for now: not what it first did. */
static enum mete_code waiting_code(struct waits *w, struct bytes key, uint32_t *out)
{
    struct bytes value;
    enum store_result found = book_get(engine_book(w->e), key, &value, w->err);
    if (found != STORE_OK) {
        return found == STORE_NONE ? mete_fail(w->err, METE_STORE_FAILED, "", "a wait is not there")
                                   : METE_STORE_FAILED;
    }
    struct reader r = reader_of(value);
    *out = (uint32_t)read_varint(&r);
    return METE_OK;
}

/** A WAITING key: what it waits for (a kind, then a policy or an id) and the event's seq. */
static enum mete_code waiting_key_add(struct waits *w, struct bytes key)
{
    struct walk_item item;
    bool for_policy = key.len == 14 && (key.p[1] == WAIT_POLICY || key.p[1] == WAIT_CYCLE);
    uint32_t reason = 0;
    arena_reset(&w->item);
    enum mete_code code = waiting_code(w, key, &reason);
    if (code == METE_OK) {
        code = walk_one(w->e, &w->item, key_read_u64(key, key.len - 8), 0, &item, w->err);
    }
    for (uint32_t i = 0; code == METE_OK && i < item.decision.group_count; i++) {
        const struct group *g = &item.decision.group[i];
        if (g->kind == GROUP_SUSPENSE) {
            const struct waiting_key k = {for_policy ? key_read_u32(key, 2) : 0, reason, g->asset};
            waiting_group(w, &k, g);
        }
    }
    return code;
}

static int waiting_cmp(const void *x, const void *y)
{
    const struct report_waiting *a = x;
    const struct report_waiting *b = y;
    int order = text_cmp(a->policy, b->policy);
    order = order != 0 ? order : text_cmp(text_of(a->code), text_of(b->code));
    return order != 0 ? order : text_cmp(text_of(a->asset.code), text_of(b->asset.code));
}

static void waiting_give(struct waits *w, struct report *out)
{
    size_t i = 0;
    struct bytes key;
    void *value;
    out->waiting = arena_array(w->a, w->row.count, sizeof *out->waiting);
    while (map_next(&w->row, &i, &key, &value)) {
        out->waiting[out->waiting_count++] = *(struct report_waiting *)value;
    }
    if (out->waiting_count > 0) {
        qsort(out->waiting, out->waiting_count, sizeof *out->waiting, waiting_cmp);
    }
}

static enum mete_code waiting_key_visit(void *arg, const struct walk_key *k, bool *go_on)
{
    (void)go_on;
    return waiting_key_add(arg, k->key);
}

enum mete_code report_waiting_add(struct engine *e, struct arena *a, struct names *names,
                                  struct report *out, struct mete_err *err)
{
    struct waits w = {.e = e, .names = names, .a = a, .err = err};
    const struct key from = key_of(KEY_WAITING);
    const struct key until = key_prefix_end(from);
    map_init(&w.row, sizeof(struct report_waiting), hash_seed());
    arena_init(&w.item, ARENA_MAX);
    enum mete_code code = walk_each_key(e, &from, &until, waiting_key_visit, &w, err);
    if (code == METE_OK) {
        waiting_give(&w, out);
    }
    map_clear(&w.row);
    arena_clear(&w.item);
    return code;
}

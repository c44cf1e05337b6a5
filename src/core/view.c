/* SPDX-License-Identifier: Apache-2.0
 * Reading typed things out of a view: numbers, names, versions, configuration; and the cache of
 * unpacked policies. */
#include "core/view.h"

#include "base/limits.h"
#include "base/map.h"
#include "base/text.h"
#include "core/contribution.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    uint32_t number;
    const char *name;
} SYSTEM_PARTY[] = {
    {PARTY_CLEARING, "mete:clearing"}, {PARTY_UNALLOCATED, "mete:unallocated"},
    {PARTY_CARRY, "mete:carry"},       {PARTY_SUSPENSE, "mete:suspense"},
    {PARTY_PAYOUT, "mete:payout"},     {PARTY_RAIL_FEES, "mete:rail_fees"},
    {PARTY_EXCHANGE, "mete:exchange"},
};

const char *party_system_name(uint32_t number)
{
    for (size_t i = 0; i < ARRAY_LEN(SYSTEM_PARTY); i++) {
        if (SYSTEM_PARTY[i].number == number) {
            return SYSTEM_PARTY[i].name;
        }
    }
    return NULL;
}

static enum view_result get(const struct view *v, struct key key, struct bytes *value)
{
    return v->get(v->ctx, key_bytes(&key), value);
}

enum view_result view_book(const struct view *v, struct book_config *out)
{
    *out = (struct book_config){.clear_after_days = 7,
                                .dispute_auto_clear_days = 14,
                                .clear_after_days_max = 7,
                                .cool_off_hours = COOL_OFF_HOURS,
                                .unallocated = PARTY_UNALLOCATED,
                                .attribution_corrections = true,
                                .rules_version = RULES_VERSION};
    struct bytes value;
    enum view_result found = get(v, key_of(KEY_BOOK), &value);
    if (found != VIEW_FOUND) {
        return found;
    }
    struct reader r = reader_of(value);
    out->clear_after_days = (int32_t)read_varint(&r);
    out->dispute_auto_clear_days = (int32_t)read_varint(&r);
    out->clear_after_days_max = (int32_t)read_varint(&r);
    out->has_payout_minimum = read_u8(&r) != 0;
    out->payout_asset = (uint32_t)read_varint(&r);
    out->payout_minimum = read_zigzag(&r);
    out->unallocated = (uint32_t)read_varint(&r);
    uint8_t flags = read_u8(&r); /* the second the other way round */
    out->attribution_required = (flags & 1) != 0;
    out->attribution_corrections = (flags & 2) == 0;
    out->tier3 = (flags & 4) != 0;
    out->rules_version = (uint32_t)read_varint(&r);
    out->environment = read_sized(&r);
    if (r.p < r.end) { /* absent in what was written before it could be set */
        out->cool_off_hours = (int32_t)read_varint(&r);
    }
    METE_ASSERT(reader_done(&r));
    return VIEW_FOUND;
}

void book_config_pack(struct buf *out, const struct book_config *c)
{
    buf_put_varint(out, (uint64_t)c->clear_after_days);
    buf_put_varint(out, (uint64_t)c->dispute_auto_clear_days);
    buf_put_varint(out, (uint64_t)c->clear_after_days_max);
    buf_put_u8(out, c->has_payout_minimum);
    buf_put_varint(out, c->payout_asset);
    buf_put_zigzag(out, c->payout_minimum);
    buf_put_varint(out, c->unallocated);
    buf_put_u8(out, (uint8_t)((c->attribution_required ? 1 : 0) |
                              (c->attribution_corrections ? 0 : 2) | (c->tier3 ? 4 : 0)));
    buf_put_varint(out, c->rules_version);
    buf_put_sized(out, c->environment);
    buf_put_varint(out, (uint64_t)c->cool_off_hours);
}

enum view_result view_counter(const struct view *v, enum counter which, i128 *out)
{
    i128 sums[STATE_SUMS] = {0};
    struct key key = key_of(KEY_COUNTER);
    enum view_result found = v->sums(v->ctx, key_bytes(&key), sums);
    *out = sums[which];
    return found == VIEW_MISSING ? VIEW_MISSING : VIEW_FOUND;
}

enum view_result view_party(const struct view *v, struct text id, uint32_t *number)
{
    struct bytes value;
    *number = 0;
    if (id.len == 0 || id.len > PARTY_ID_LEN_MAX) {
        return VIEW_ABSENT;
    }
    enum view_result found = get(v, key_text(KEY_PARTY, id), &value);
    if (found == VIEW_FOUND) {
        struct reader r = reader_of(value);
        *number = (uint32_t)read_varint(&r);
    }
    return found;
}

enum view_result view_party_id(const struct view *v, uint32_t number, struct text *id)
{
    const char *name = party_system_name(number);
    if (name != NULL) {
        *id = text_of(name);
        return VIEW_FOUND;
    }
    struct bytes value;
    enum view_result found = get(v, key_u32(KEY_PARTY_NUMBER, number), &value);
    if (found == VIEW_FOUND) {
        struct reader r = reader_of(value);
        *id = read_sized(&r);
    }
    return found;
}

static bool asset_unpack(struct bytes value, struct asset *out)
{
    struct reader r = reader_of(value);
    out->number = (uint32_t)read_varint(&r);
    out->scale = read_u8(&r);
    struct text code = read_sized(&r);
    return reader_done(&r) && text_copy(out->code, sizeof out->code, code);
}

void asset_pack(struct buf *out, const struct asset *asset)
{
    buf_put_varint(out, asset->number);
    buf_put_u8(out, asset->scale);
    buf_put_sized(out, text_of(asset->code));
}

enum view_result view_asset(const struct view *v, struct text code, struct asset *out)
{
    const struct asset *builtin = asset_builtin(code);
    if (builtin != NULL) {
        *out = *builtin;
        return VIEW_FOUND;
    }
    if (!asset_code_valid(code)) {
        return VIEW_ABSENT;
    }
    struct bytes value;
    enum view_result found = get(v, key_text(KEY_ASSET, code), &value);
    METE_ASSERT(found != VIEW_FOUND || asset_unpack(value, out));
    return found;
}

enum view_result view_asset_number(const struct view *v, uint32_t number, struct asset *out)
{
    const struct asset *builtin = asset_builtin_number(number);
    if (builtin != NULL) {
        *out = *builtin;
        return VIEW_FOUND;
    }
    struct bytes value;
    enum view_result found = get(v, key_u32(KEY_ASSET_NUMBER, number), &value);
    METE_ASSERT(found != VIEW_FOUND || asset_unpack(value, out));
    return found;
}

/* --- versions
 * -----------------------------------------------------------------------------------*/

void versions_pack(struct buf *out, uint32_t number, const struct version *versions, size_t count)
{
    buf_put_varint(out, number);
    buf_put_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        buf_put_varint(out, versions[i].number);
        buf_put_zigzag(out, versions[i].from);
    }
}

bool versions_unpack(struct arena *a, struct bytes in, uint32_t *number, struct version **versions,
                     size_t *count)
{
    struct reader r = reader_of(in);
    *number = (uint32_t)read_varint(&r);
    uint64_t n = read_varint(&r);
    if (r.failed || n > in.len) {
        return false;
    }
    *versions = arena_array(a, n, sizeof **versions);
    *count = n;
    for (size_t i = 0; i < n; i++) {
        (*versions)[i].number = (uint32_t)read_varint(&r);
        (*versions)[i].from = (mete_time)read_zigzag(&r);
    }
    return reader_done(&r);
}

const struct version *version_at(const struct version *versions, size_t count, mete_time at)
{
    const struct version *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (versions[i].from <= at && (best == NULL || versions[i].from >= best->from)) {
            best = &versions[i];
        }
    }
    return best;
}

static enum view_result versions_read(const struct view *v, struct arena *a, struct text id,
                                      uint32_t *number, struct version **versions, size_t *count)
{
    struct bytes value;
    enum view_result found = get(v, key_text(KEY_POLICY, id), &value);
    METE_ASSERT(found != VIEW_FOUND || versions_unpack(a, value, number, versions, count));
    return found;
}

enum view_result view_policy(const struct view *v, struct arena *a, struct text id,
                             uint32_t *number, struct version **versions, size_t *count)
{
    *number = 0;
    *count = 0;
    return id.len > 0 && id.len <= PARTY_ID_LEN_MAX
               ? versions_read(v, a, id, number, versions, count)
               : VIEW_ABSENT;
}

enum view_result view_roles_versions(const struct view *v, struct arena *a,
                                     struct version **versions, size_t *count)
{
    uint32_t unused;
    *count = 0;
    return versions_read(v, a, ROLES_VERSIONS_ID, &unused, versions, count);
}

enum view_result view_policy_id(const struct view *v, uint32_t number, struct text *id)
{
    struct bytes value;
    enum view_result found = get(v, key_u32(KEY_POLICY_NUMBER, number), &value);
    if (found == VIEW_FOUND) {
        *id = bytes_text(value);
    }
    return found;
}

enum view_result view_fees(const struct view *v, struct arena *a, struct version **versions,
                           size_t *count)
{
    struct bytes value;
    uint32_t unused;
    *count = 0;
    enum view_result found = get(v, key_of(KEY_FEES), &value);
    METE_ASSERT(found != VIEW_FOUND || versions_unpack(a, value, &unused, versions, count));
    return found;
}

enum view_result view_fees_version(const struct view *v, struct arena *a, uint32_t version,
                                   struct fee_schedule *out)
{
    struct bytes value;
    enum view_result found = get(v, key_u32(KEY_FEES_VERSION, version), &value);
    if (found == VIEW_FOUND) { /* its labels outlive the value */
        METE_ASSERT(fee_schedule_unpack(a, text_bytes(arena_text(a, bytes_text(value))), out));
    }
    return found;
}

/* --- policies, unpacked
 * -------------------------------------------------------------------------*/

struct policy_cache {
    struct map map; /* number, version -> struct policy * */
    struct arena arena;
    size_t size_max;
};

#define POLICY_CACHE_ROOM ((size_t)1 << 30) /* one policy beyond the limit is always let in */

struct policy_cache *policy_cache_new(size_t size_max)
{
    struct policy_cache *c = calloc(1, sizeof *c);
    METE_ASSERT(c != NULL);
    map_init(&c->map, sizeof(struct policy *), 7);
    arena_init(&c->arena, size_max + POLICY_CACHE_ROOM);
    c->size_max = size_max;
    return c;
}

void policy_cache_free(struct policy_cache *c)
{
    if (c != NULL) {
        map_clear(&c->map);
        arena_clear(&c->arena);
        free(c);
    }
}

void policy_cache_forget(struct policy_cache *c)
{
    map_reset(&c->map);
    arena_reset(&c->arena);
}

bool policy_cache_full(const struct policy_cache *c)
{
    return c->arena.size > c->size_max;
}

static const struct policy *policy_remember(struct policy_cache *c, struct key key,
                                            struct bytes packed)
{
    struct bytes copy = text_bytes(arena_text(&c->arena, bytes_text(packed)));
    struct policy *p = arena_alloc(&c->arena, sizeof *p);
    METE_ASSERT(policy_unpack(&c->arena, copy, p));
    struct policy **slot = map_put(&c->map, key_bytes(&key), NULL);
    *slot = p;
    return p;
}

enum view_result view_policy_version(const struct view *v, struct arena *a, uint32_t number,
                                     uint32_t version, const struct policy **out)
{
    struct key key = key_u32x2(KEY_POLICY_VERSION, number, version);
    struct policy_cache *c = v->policies;
    if (c != NULL) {
        struct policy **hit = map_get(&c->map, key_bytes(&key));
        if (hit != NULL) {
            *out = *hit;
            return VIEW_FOUND;
        }
    }
    struct bytes value;
    enum view_result found = get(v, key, &value);
    if (found != VIEW_FOUND) {
        return found;
    }
    if (c != NULL) {
        *out = policy_remember(c, key, value);
        return VIEW_FOUND;
    }
    struct policy *p = arena_alloc(a, sizeof *p);
    METE_ASSERT(policy_unpack(a, text_bytes(arena_text(a, bytes_text(value))), p));
    *out = p;
    return VIEW_FOUND;
}

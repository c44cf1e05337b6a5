/* SPDX-License-Identifier: Apache-2.0
 * Members of JSON objects as values, and growing arrays. */
#include "audit/member.h"

#include <string.h>

#include "base/i128.h"

struct text member_text(const struct json *object, const char *key)
{
    const struct json *j = json_get(object, key);
    return j != NULL && j->type == JSON_STRING ? j->text : (struct text){NULL, 0};
}

struct text member_keep(struct arena *a, const struct json *object, const char *key)
{
    return arena_text(a, member_text(object, key));
}

struct text member_literal(const struct json *value)
{
    if (value == NULL || (value->type != JSON_STRING && value->type != JSON_NUMBER)) {
        return (struct text){NULL, 0};
    }
    return value->text;
}

uint64_t member_u64(const struct json *object, const char *key, uint64_t otherwise)
{
    struct frac f;
    i128 v;
    if (!member_frac(object, key, &f) || big_bits(&f.den) != 1 || !frac_floor(&f, &v)) {
        return otherwise;
    }
    return v < 0 || v > (i128)UINT64_MAX ? otherwise : (uint64_t)v;
}

bool member_frac(const struct json *object, const char *key, struct frac *out)
{
    return frac_parse(out, member_literal(json_get(object, key)));
}

mete_time member_time(const struct json *object, const char *key, bool end_of_day,
                      mete_time otherwise)
{
    mete_time t;
    struct text text = member_text(object, key);
    return text.len > 0 && time_parse_date(text, end_of_day, &t) == TIME_OK ? t : otherwise;
}

void *arena_grow(struct arena *a, void *items, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity) {
        return items;
    }
    METE_ASSERT(*capacity < UINT32_MAX / 2);
    uint32_t larger = *capacity == 0 ? 4 : *capacity * 2;
    void *copy = arena_array(a, larger, size);
    if (count > 0) {
        memcpy(copy, items, count * size);
    }
    *capacity = larger;
    return copy;
}

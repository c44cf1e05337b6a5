/* SPDX-License-Identifier: Apache-2.0
 * Reading Accept: ranges, each with a weight. What cannot be read counts as not said. */
#include "http/accept.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

#define WEIGHT_FULL 1000u

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static struct text trimmed(struct text t)
{
    while (t.len > 0 && is_space(t.p[0])) {
        t.p++;
        t.len--;
    }
    while (t.len > 0 && is_space(t.p[t.len - 1])) {
        t.len--;
    }
    return t;
}

/** Up to the next `end` that is in no quoted string; `rest` goes on after it. */
static struct text part_next(struct text *rest, char end)
{
    bool quoted = false;
    size_t len = 0;
    while (len < rest->len && (quoted || rest->p[len] != end)) {
        quoted ^= rest->p[len] == '"';
        len += quoted && rest->p[len] == '\\' && len + 1 < rest->len ? 2 : 1;
    }
    struct text part = trimmed((struct text){rest->p, len});
    size_t skip = len < rest->len ? len + 1 : len;
    *rest = (struct text){rest->p + skip, rest->len - skip};
    return part;
}

/** "0.25" is 250; anything that is no weight is none: 0. */
static unsigned weight_read(struct text t)
{
    unsigned value = 0;
    unsigned place = WEIGHT_FULL;
    if (t.len == 0 || t.len > 5 || t.p[0] < '0' || t.p[0] > '1' || (t.len > 1 && t.p[1] != '.')) {
        return 0;
    }
    for (size_t i = 0; i < t.len; i += i == 0 ? 2 : 1) {
        if (t.p[i] < '0' || t.p[i] > '9') {
            return 0;
        }
        value += (unsigned)(t.p[i] - '0') * place;
        place /= 10;
    }
    return value <= WEIGHT_FULL ? value : 0;
}

/** 0: does not fit; 1: any; 2: any of this kind; 3: this one. */
static unsigned fits(struct text range, const char *type)
{
    size_t kind = strcspn(type, "/");
    if (text_is(range, "*/*")) {
        return 1;
    }
    if (range.len == strlen(type) && strncasecmp(range.p, type, range.len) == 0) {
        return 3;
    }
    return range.len == kind + 2 && strncasecmp(range.p, type, kind + 1) == 0 &&
                   range.p[kind + 1] == '*'
               ? 2
               : 0;
}

struct wish {
    unsigned fits; /* of the most specific range so far */
    unsigned weight;
};

static void range_read(struct text item, const char *type, struct wish *best)
{
    unsigned weight = WEIGHT_FULL;
    unsigned how = fits(part_next(&item, ';'), type);
    while (item.len > 0) {
        struct text parameter = part_next(&item, ';');
        if (parameter.len >= 2 && (parameter.p[0] | 0x20) == 'q' && parameter.p[1] == '=') {
            weight = weight_read((struct text){parameter.p + 2, parameter.len - 2});
        }
    }
    if (how > best->fits || (how == best->fits && how > 0 && weight > best->weight)) {
        *best = (struct wish){how, weight};
    }
}

unsigned accept_quality(const struct exchange *x, const char *type)
{
    struct wish best = {0};
    bool any = false;
    for (size_t i = 0; i < x->header_count; i++) {
        struct text name = x->header[i].name;
        if (name.len != strlen("Accept") || strncasecmp(name.p, "Accept", name.len) != 0) {
            continue;
        }
        struct text rest = x->header[i].value;
        any |= trimmed(rest).len > 0;
        while (rest.len > 0) {
            range_read(part_next(&rest, ','), type, &best);
        }
    }
    return any ? best.weight : WEIGHT_FULL;
}

size_t accept_pick(const struct exchange *x, const char *const *offer)
{
    size_t best = 0;
    for (size_t i = 1; offer[i] != NULL; i++) {
        if (accept_quality(x, offer[i]) > accept_quality(x, offer[best])) {
            best = i;
        }
    }
    return best;
}

/* SPDX-License-Identifier: Apache-2.0
 * Reading Accept headers. What cannot be read is passed over: a client that says nothing of use
 * gets what a client gets that says nothing. */
#include "http/accept.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

#define QUALITY_ONE 1000

static struct text trim(struct text t)
{
    while (t.len > 0 && (t.p[0] == ' ' || t.p[0] == '\t')) {
        t = (struct text){t.p + 1, t.len - 1};
    }
    while (t.len > 0 && (t.p[t.len - 1] == ' ' || t.p[t.len - 1] == '\t')) {
        t.len--;
    }
    return t;
}

/** Takes the part before the next `end` off `rest`. */
static struct text part_take(struct text *rest, char end)
{
    const char *at = rest->len > 0 ? memchr(rest->p, end, rest->len) : NULL;
    struct text part = {rest->p, at != NULL ? (size_t)(at - rest->p) : rest->len};
    size_t took = part.len + (at != NULL);
    rest->p = took > 0 ? rest->p + took : rest->p;
    rest->len -= took;
    return trim(part);
}

/** "0.25" in thousandths. */
static unsigned quality_of(struct text t)
{
    unsigned value = 0;
    unsigned digits = 0;
    for (size_t i = 0; i < t.len && digits < 4; i++) {
        if (t.p[i] >= '0' && t.p[i] <= '9') {
            value = value * 10 + (unsigned)(t.p[i] - '0');
            digits++;
        } else if (t.p[i] != '.' || i != 1) {
            return 0;
        }
    }
    for (; digits < 4; digits++) {
        value *= 10;
    }
    return value < QUALITY_ONE ? value : QUALITY_ONE;
}

/** 3: this very type, 2: its family, 1: everything, 0: another one. */
static unsigned fits(struct text range, const char *offer)
{
    size_t family = (size_t)(strchr(offer, '/') - offer) + 1;
    size_t all = strcspn(offer, ";");
    if (range.len == all && strncasecmp(range.p, offer, all) == 0) {
        return 3;
    }
    if (range.len == family + 1 && range.p[family] == '*' &&
        strncasecmp(range.p, offer, family) == 0) {
        return 2;
    }
    return text_is(range, "*/*");
}

static unsigned liking(struct text accept, const char *offer)
{
    unsigned best_fit = 0;
    unsigned quality = 0;
    while (accept.len > 0) {
        struct text item = part_take(&accept, ',');
        unsigned fit = fits(part_take(&item, ';'), offer);
        unsigned q = QUALITY_ONE;
        while (item.len > 0) {
            struct text parameter = part_take(&item, ';');
            if (parameter.len >= 2 && (parameter.p[0] | 0x20) == 'q' && parameter.p[1] == '=') {
                q = quality_of((struct text){parameter.p + 2, parameter.len - 2});
            }
        }
        if (fit > best_fit) {
            best_fit = fit;
            quality = q;
        }
    }
    return quality;
}

size_t accept_pick(const struct exchange *x, const char *const *offer)
{
    struct text accept = exchange_header(x, "Accept");
    size_t best = 0;
    unsigned best_liking = 0;
    for (size_t i = 0; offer[i] != NULL; i++) {
        unsigned now = liking(accept, offer[i]);
        if (now > best_liking) {
            best = i;
            best_liking = now;
        }
    }
    return best;
}

/* SPDX-License-Identifier: Apache-2.0
 * Lines of spool files, written and read back. */
#include "client/call_line.h"

#include "base/i128.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEAD_MARK    "mete-spool 1"
#define CALL_MARK    "call"
#define MEMBERS_MAX  9
#define CHECKSUM_LEN 16u

/* --- costs -------------------------------------------------------------------------------------*/

bool cost_parse(struct text t, i128 *out)
{
    const char *point = t.len > 0 ? memchr(t.p, '.', t.len) : NULL;
    struct text whole = {t.p, point != NULL ? (size_t)(point - t.p) : t.len};
    struct text part = {point, 0};
    u128 units;
    u128 rest = 0;
    if (point != NULL) {
        part = (struct text){point + 1, t.len - whole.len - 1};
    }
    if (whole.len == 0 || whole.len > COST_DIGITS || !u128_parse(whole, &units) ||
        part.len > COST_SCALE || (point != NULL && (part.len == 0 || !u128_parse(part, &rest)))) {
        return false;
    }
    *out =
        (i128)(units * u128_pow10(COST_SCALE) + rest * u128_pow10(COST_SCALE - (unsigned)part.len));
    return true;
}

size_t cost_format(i128 cost, char out[COST_TEXT_MAX])
{
    const u128 unit = u128_pow10(COST_SCALE);
    char digits[I128_TEXT_MAX];
    size_t len = u128_format((u128)cost / unit, out);
    size_t have = u128_format((u128)cost % unit, digits);
    if ((u128)cost % unit == 0) {
        return len;
    }
    out[len++] = '.';
    memset(out + len, '0', COST_SCALE - have);
    memcpy(out + len + COST_SCALE - have, digits, have);
    len += COST_SCALE;
    while (out[len - 1] == '0') {
        len--;
    }
    out[len] = '\0';
    return len;
}

/* --- members -----------------------------------------------------------------------------------*/

bool member_is_valid(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        if ((unsigned char)t.p[i] < 0x20 || t.p[i] == 0x7f) {
            return false;
        }
    }
    return t.len > 0 && t.len <= METE_TRACKER_TEXT_MAX && text_is_utf8(t);
}

bool call_is_valid(const struct call *c)
{
    return c->at > TIME_MIN && c->at <= TIME_MAX && c->calls > 0 && c->calls <= CALLS_MAX &&
           c->cost >= 0 && member_is_valid(c->currency) && c->currency.len <= CURRENCY_BYTES &&
           member_is_valid(c->policy) && member_is_valid(c->endpoint) &&
           (c->wallet.len == 0 || member_is_valid(c->wallet));
}

/* --- lines -------------------------------------------------------------------------------------*/

/** FNV-1a: it must find torn lines, not forgers. */
static uint64_t checksum(const char *p, size_t len)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++) {
        h = (h ^ (unsigned char)p[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

static size_t line_end(char out[CALL_LINE_MAX], int len)
{
    METE_ASSERT(len > 0 && (size_t)len + CHECKSUM_LEN + 1 < CALL_LINE_MAX);
    size_t at = (size_t)len;
    at += (size_t)snprintf(out + at, CALL_LINE_MAX - at, "%016" PRIx64 "\n", checksum(out, at));
    return at;
}

/** The members of a whole line; 0 when the checksum does not fit. */
static size_t members_of(struct text line, struct text member[MEMBERS_MAX])
{
    char sum[CHECKSUM_LEN + 1];
    size_t count = 0;
    size_t from = 0;
    if (line.len <= CHECKSUM_LEN || line.len >= CALL_LINE_MAX) {
        return 0;
    }
    size_t covered = line.len - CHECKSUM_LEN;
    (void)snprintf(sum, sizeof(sum), "%016" PRIx64, checksum(line.p, covered));
    if (memcmp(sum, line.p + covered, CHECKSUM_LEN) != 0) {
        return 0;
    }
    for (size_t i = 0; i < covered && count < MEMBERS_MAX; i++) {
        if (line.p[i] == '\t') {
            member[count++] = (struct text){line.p + from, i - from};
            from = i + 1;
        }
    }
    return from == covered ? count : 0;
}

static bool number_parse(struct text t, uint64_t max, uint64_t *out)
{
    u128 v;
    if (!u128_parse(t, &v) || v > max) {
        return false;
    }
    *out = (uint64_t)v;
    return true;
}

size_t call_format(const struct call *c, char out[CALL_LINE_MAX])
{
    char cost[COST_TEXT_MAX];
    cost_format(c->cost, cost);
    return line_end(out,
                    snprintf(out, CALL_LINE_MAX,
                             CALL_MARK "\t%" PRId64 "\t%" PRIu64 "\t%s\t%.*s\t%.*s\t%.*s\t%.*s\t",
                             c->at, c->calls, cost, (int)c->currency.len, c->currency.p,
                             (int)c->policy.len, c->policy.p, (int)c->endpoint.len, c->endpoint.p,
                             (int)c->wallet.len, c->wallet.len > 0 ? c->wallet.p : ""));
}

bool call_parse(struct text line, struct call *out)
{
    struct text m[MEMBERS_MAX];
    uint64_t at = 0;
    if (members_of(line, m) != 8 || !text_is(m[0], CALL_MARK) ||
        !number_parse(m[1], (uint64_t)TIME_MAX, &at) ||
        !number_parse(m[2], CALLS_MAX, &out->calls) || !cost_parse(m[3], &out->cost)) {
        return false;
    }
    out->at = (mete_time)at;
    out->currency = m[4];
    out->policy = m[5];
    out->endpoint = m[6];
    out->wallet = m[7];
    return call_is_valid(out);
}

size_t head_format(mete_time begun, struct text cli_id, char out[CALL_LINE_MAX])
{
    return line_end(out, snprintf(out, CALL_LINE_MAX, HEAD_MARK "\t%" PRId64 "\t%.*s\t", begun,
                                  (int)cli_id.len, cli_id.p));
}

bool head_parse(struct text line, mete_time *begun, struct text *cli_id)
{
    struct text m[MEMBERS_MAX];
    uint64_t at = 0;
    if (members_of(line, m) != 3 || !text_is(m[0], HEAD_MARK) ||
        !number_parse(m[1], (uint64_t)TIME_MAX, &at)) {
        return false;
    }
    *begun = (mete_time)at;
    *cli_id = m[2];
    return true;
}

bool line_next(struct text *rest, struct text *line)
{
    const char *end = rest->len > 0 ? memchr(rest->p, '\n', rest->len) : NULL;
    if (end == NULL) {
        return false;
    }
    *line = (struct text){rest->p, (size_t)(end - rest->p)};
    rest->p = end + 1;
    rest->len -= line->len + 1;
    return true;
}

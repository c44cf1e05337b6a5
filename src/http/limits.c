/* SPDX-License-Identifier: Apache-2.0
 * Limits are texts in the units that people use; they are compared in minor units, exactly. */
#include "http/limits.h"

#include "base/text.h"
#include "core/amount.h"
#include "core/asset.h"
#include "engine/allocations.h"

#include <string.h>

#define SCALE_MAX 18u /* of a limit, before its asset is known */

/** The next "CODE=amount" of a list; false at its end. */
static bool limit_next(struct text *list, struct text *code, struct text *amount)
{
    while (list->len > 0 && (list->p[0] == ' ' || list->p[0] == ',')) {
        list->p++;
        list->len--;
    }
    size_t len = 0;
    while (len < list->len && list->p[len] != ' ' && list->p[len] != ',') {
        len++;
    }
    const char *equals = len > 0 ? memchr(list->p, '=', len) : NULL;
    size_t name = equals != NULL ? (size_t)(equals - list->p) : len;
    *code = (struct text){list->p, name};
    *amount = (struct text){list->p + name, len - name};
    if (equals != NULL) {
        amount->p++;
        amount->len--;
    }
    list->p += len;
    list->len -= len;
    return len > 0;
}

enum mete_code limits_parse(struct arena *a, struct text list, struct text *out,
                            struct mete_err *err)
{
    struct text code, amount;
    i128 unused;
    *out = (struct text){0};
    if (list.len > LIMITS_MAX) {
        return mete_fail(err, METE_USAGE, NULL, "limits are at most %u bytes", LIMITS_MAX);
    }
    while (limit_next(&list, &code, &amount)) {
        if (code.len == 0 || code.len > ASSET_CODE_LEN_MAX ||
            amount_parse(amount, SCALE_MAX, &unused) != METE_OK) {
            return mete_fail(err, METE_USAGE, NULL, "a limit is CODE=amount, such as USD=100.00");
        }
        *out =
            arena_printf(a, "%.*s%s%.*s=%.*s", (int)out->len, out->p != NULL ? out->p : "",
                         out->len > 0 ? " " : "", (int)code.len, code.p, (int)amount.len, amount.p);
    }
    return METE_OK;
}

/** -1: no limit names this asset, or it has more decimals than the asset: then nothing fits. */
static i128 limit_of(const struct principal *who, const struct asset *asset)
{
    struct text list = who->limits;
    struct text code, amount;
    i128 limit = -1;
    while (limit_next(&list, &code, &amount)) {
        if (text_is(code, asset->code) && amount_parse(amount, asset->scale, &limit) == METE_OK) {
            return limit;
        }
    }
    return -1;
}

enum mete_code limits_allow(const struct principal *who, const struct asset *asset, i128 amount,
                            struct mete_err *err)
{
    i128 limit = who->limits.len > 0 ? limit_of(who, asset) : AMOUNT_LIMIT;
    char most[AMOUNT_TEXT_MAX];
    char asked[AMOUNT_TEXT_MAX];
    if (amount <= limit) {
        return METE_OK;
    }
    amount_format(amount, asset->scale, asked);
    amount_format(limit >= 0 ? limit : 0, asset->scale, most);
    return mete_fail(err, METE_KEY_LIMIT, NULL,
                     "this is about %s %s; one act of this key, %s at most", asked, asset->code,
                     most);
}

/* --- events ------------------------------------------------------------------------------------*/

struct search {
    struct text id;
    struct asset asset;
    i128 amount;
    bool found;
};

static bool row_look(void *arg, const struct allocation_row *row)
{
    struct search *s = arg;
    if (text_eq(row->id, s->id)) {
        s->found = true;
        s->asset = row->asset;
        s->amount = row->amount - row->reversed;
    }
    return !s->found;
}

static enum mete_code dispute_check(struct engine *e, const struct principal *who, struct text id,
                                    struct mete_err *err)
{
    struct mete_err unused;
    char next[ALLOCATION_CURSOR_MAX];
    struct search s = {.id = id};
    size_t slash = id.len;
    while (slash > 0 && id.p[slash - 1] != '/') {
        slash--;
    }
    const struct allocations_query q = {
        .at = engine_now(e), .event_id = {id.p, slash > 0 ? slash - 1 : 0}, .limit = UINT32_MAX};
    bool read = slash > 1 && allocations_list(e, &q, row_look, &s, next, &unused) == METE_OK;
    return read && s.found ? limits_allow(who, &s.asset, s.amount, err)
                           : METE_OK; /* there is none: the decision says so */
}

static enum mete_code money_check(struct engine *e, const struct principal *who,
                                  const struct money *money, struct mete_err *err)
{
    struct asset asset;
    i128 amount;
    if (view_asset(engine_view(e), money->currency, &asset) != VIEW_FOUND) {
        return METE_OK; /* the decision says so */
    }
    unsigned scale = money->is_minor ? 0 : asset.scale;
    return amount_parse(money->amount, scale, &amount) == METE_OK
               ? limits_allow(who, &asset, amount, err)
               : METE_OK;
}

enum mete_code limits_check(struct engine *e, const struct principal *who,
                            const struct event *event, struct mete_err *err)
{
    if (who->limits.len == 0) {
        return METE_OK;
    }
    if (event->type == EVENT_ALLOCATION_DISPUTED) {
        return dispute_check(e, who, event->allocation.allocation_id, err);
    }
    const struct money *moved = event->type == EVENT_WALLET_TRANSFERRED ? &event->transfer.amount
                                : event->type == EVENT_FX_CONVERTED     ? &event->conversion.amount
                                                                        : NULL;
    return moved != NULL ? money_check(e, who, moved, err) : METE_OK;
}

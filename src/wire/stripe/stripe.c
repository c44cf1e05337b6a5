/* SPDX-License-Identifier: Apache-2.0
 * Stripe's amounts, forms and objects. Invariant: an amount is converted exactly or not at all. */
#include "wire/stripe/stripe.h"

#include "base/i128.h"
#include "base/text.h"
#include "wire/url.h"

#include <string.h>

#define ACCOUNT_LEN_MAX 65
#define UNITS_MAX       INT64_C(999999999999) /* twelve digits */
#define ATTEMPT_MAX     1000

/* --- amounts -----------------------------------------------------------------------------------*/

/* Currencies that Stripe counts otherwise than in hundredths of which any number will do.
 * X(code, decimals at Stripe, step of transfers, step of payouts).
 * Source: Stripe, Supported currencies: zero-decimal, three-decimal and special cases. */
#define UNUSUAL(X)                                                                                 \
    X("BHD", 3, 10, 10)                                                                            \
    X("BIF", 0, 1, 1)                                                                              \
    X("CLP", 0, 1, 1)                                                                              \
    X("DJF", 0, 1, 1)                                                                              \
    X("GNF", 0, 1, 1)                                                                              \
    X("HUF", 2, 1, 100)                                                                            \
    X("ISK", 2, 100, 100)                                                                          \
    X("JOD", 3, 10, 10)                                                                            \
    X("JPY", 0, 1, 1)                                                                              \
    X("KMF", 0, 1, 1)                                                                              \
    X("KRW", 0, 1, 1)                                                                              \
    X("KWD", 3, 10, 10)                                                                            \
    X("MGA", 0, 1, 1)                                                                              \
    X("OMR", 3, 10, 10)                                                                            \
    X("PYG", 0, 1, 1)                                                                              \
    X("RWF", 0, 1, 1)                                                                              \
    X("TND", 3, 10, 10)                                                                            \
    X("TWD", 2, 1, 100)                                                                            \
    X("UGX", 2, 100, 100)                                                                          \
    X("VND", 0, 1, 1)                                                                              \
    X("VUV", 0, 1, 1)                                                                              \
    X("XAF", 0, 1, 1)                                                                              \
    X("XOF", 0, 1, 1)                                                                              \
    X("XPF", 0, 1, 1)

struct unusual {
    char code[4];
    uint8_t decimals;
    uint8_t step_transfer;
    uint8_t step_payout;
};
static const struct unusual unusual[] = {
#define X(code, decimals, transfer, payout) {code, decimals, transfer, payout},
    UNUSUAL(X)
#undef X
};

/** Three capitals that ISO 4217 knows: tokens have such codes too, and are none of Stripe's. */
static bool is_currency(const struct asset *asset)
{
    static const char *const tokens[] = {"AVAX", "BNB", "BTC", "ETH", "POL", "SAT", "SOL"};
    const struct asset *known = asset_builtin(text_of(asset->code));
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        if (strcmp(asset->code, tokens[i]) == 0) {
            return false;
        }
    }
    return known != NULL && known->scale == asset->scale && strlen(asset->code) == 3;
}

static struct unusual ways_of(const struct asset *asset)
{
    struct unusual usual = {.decimals = 2, .step_transfer = 1, .step_payout = 1};
    for (size_t i = 0; i < ARRAY_LEN(unusual); i++) {
        if (strcmp(unusual[i].code, asset->code) == 0) {
            return unusual[i];
        }
    }
    return usual;
}

const char *stripe_units(const struct asset *asset, i128 amount, enum stripe_kind kind,
                         int64_t *out)
{
    const struct unusual w = ways_of(asset);
    unsigned step = kind == STRIPE_PAYOUT ? w.step_payout : w.step_transfer;
    if (!is_currency(asset)) {
        return "is not in a currency that Stripe has";
    }
    if (amount <= 0 || amount > UNITS_MAX) {
        return amount <= 0 ? "is not above zero" : "is more than Stripe carries";
    }
    i128 units = amount;
    if (asset->scale < w.decimals) {
        units *= (i128)u128_pow10(w.decimals - asset->scale);
    } else {
        i128 divisor = (i128)u128_pow10(asset->scale - w.decimals);
        if (units % divisor != 0) {
            return "has more decimals than Stripe carries in this currency";
        }
        units /= divisor;
    }
    if (units % step != 0) {
        return "is not a whole number of the steps in which Stripe carries this currency";
    }
    if (units > UNITS_MAX) {
        return "is more than Stripe carries";
    }
    *out = (int64_t)units;
    return NULL;
}

bool stripe_units_back(const struct asset *asset, int64_t units, i128 *out)
{
    const struct unusual w = ways_of(asset);
    i128 divisor = 1;
    i128 factor = 1;
    if (!is_currency(asset) || units < 0) {
        return false;
    }
    if (asset->scale < w.decimals) {
        divisor = (i128)u128_pow10(w.decimals - asset->scale);
    } else {
        factor = (i128)u128_pow10(asset->scale - w.decimals);
    }
    if (units % divisor != 0) {
        return false;
    }
    *out = units / divisor * factor;
    return true;
}

/* --- requests ----------------------------------------------------------------------------------*/

bool stripe_account_valid(struct text t)
{
    if (t.len < 6 || t.len > ACCOUNT_LEN_MAX || !text_starts(t, "acct_")) {
        return false;
    }
    for (size_t i = 5; i < t.len; i++) {
        char c = t.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) {
            return false;
        }
    }
    return true;
}

void stripe_form_put(struct buf *form, const char *name, struct text value)
{
    buf_put_str(form, form->len > 0 ? "&" : "");
    buf_put_str(form, name);
    buf_put_u8(form, '=');
    url_put_escaped(form, value);
}

/* --- answers -----------------------------------------------------------------------------------*/

static struct text text_member(const struct json *j, const char *name)
{
    const struct json *m = json_get(j, name);
    return m != NULL && m->type == JSON_STRING ? m->text : (struct text){0};
}

/** Many members hold an id, or the object itself when it was asked for ("expanded"). */
static struct text id_member(const struct json *j, const char *name)
{
    const struct json *m = json_get(j, name);
    return m != NULL && m->type == JSON_OBJECT ? text_member(m, "id") : text_member(j, name);
}

static bool int_member(const struct json *j, const char *name, int64_t *out)
{
    return json_int(json_get(j, name), INT64_MIN, INT64_MAX, out);
}

static void metadata_read(const struct json *j, struct stripe_object *out)
{
    const struct json *meta = json_get(j, "metadata");
    struct text attempt = text_member(meta, "mete_attempt");
    u128 n = 0;
    out->mete_id = text_member(meta, "mete_transfer");
    out->mete_book = text_member(meta, "book");
    if (u128_parse(attempt, &n) && n <= ATTEMPT_MAX) {
        out->mete_attempt = (uint32_t)n;
    }
}

bool stripe_object_read(const struct json *j, struct stripe_object *out)
{
    const struct json *live = json_get(j, "livemode");
    struct text object = text_member(j, "object");
    *out =
        (struct stripe_object){.kind = text_is(object, "payout") ? STRIPE_PAYOUT : STRIPE_TRANSFER,
                               .id = text_member(j, "id"),
                               .currency = text_member(j, "currency"),
                               .destination = id_member(j, "destination"),
                               .live = json_is_true(live),
                               .status = text_member(j, "status"),
                               .failure = text_member(j, "failure_code"),
                               .balance = id_member(j, "balance_transaction")};
    bool known = text_is(object, "transfer") || text_is(object, "payout");
    bool reversed =
        json_get(j, "amount_reversed") == NULL || int_member(j, "amount_reversed", &out->reversed);
    if (!known || out->id.len == 0 || out->currency.len == 0 || live == NULL || !reversed ||
        !int_member(j, "amount", &out->amount) || out->amount < 0 ||
        (out->kind == STRIPE_PAYOUT && out->status.len == 0)) {
        return false;
    }
    metadata_read(j, out);
    return true;
}

bool stripe_list_read(const struct json *j, const struct json **first, bool *has_more)
{
    const struct json *data = json_get(j, "data");
    const struct json *more = json_get(j, "has_more");
    if (!text_is(text_member(j, "object"), "list") || data == NULL || data->type != JSON_ARRAY ||
        more == NULL || (more->type != JSON_TRUE && more->type != JSON_FALSE)) {
        return false;
    }
    *first = data->child;
    *has_more = more->type == JSON_TRUE;
    return true;
}

bool stripe_error_read(const struct json *j, struct stripe_error *out)
{
    const struct json *e = json_get(j, "error");
    *out = (struct stripe_error){text_member(e, "type"), text_member(e, "code"),
                                 text_member(e, "param")};
    return out->type.len > 0;
}

bool stripe_event_read(const struct json *j, struct stripe_event *out)
{
    const struct json *live = json_get(j, "livemode");
    *out = (struct stripe_event){.id = text_member(j, "id"),
                                 .type = text_member(j, "type"),
                                 .live = json_is_true(live),
                                 .account = text_member(j, "account"),
                                 .object = json_get(json_get(j, "data"), "object")};
    return text_is(text_member(j, "object"), "event") && out->id.len > 0 && out->type.len > 0 &&
           int_member(j, "created", &out->created) && live != NULL && out->object != NULL &&
           out->object->type == JSON_OBJECT;
}

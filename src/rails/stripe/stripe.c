/* SPDX-License-Identifier: Apache-2.0
 * The Stripe rail: its settings, and making an attempt. See doc/rails-fiat.md. */
#include "rails/stripe/stripe.h"

#include "base/text.h"
#include "crypto/seal.h"
#include "rails/secret_file.h"
#include "rails/settings.h"
#include "rails/stripe/stripe_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_DEFAULT "https://api.stripe.com"

/* --- settings ----------------------------------------------------------------------------------*/

static enum mete_code key_read(struct rail *r, const struct rail_config *c, struct mete_err *err)
{
    struct secret_file secret;
    struct mete_err wrong;
    const char *value = c->get(c->ctx, "key");
    const char *file = c->get(c->ctx, "key_file");
    if (value == NULL && file == NULL) {
        return mete_fail(err, METE_USAGE, NULL,
                         "[stripe] key_file is not set: the file that holds the secret key");
    }
    const enum mete_code code =
        value != NULL ? secret_value_line(&secret, "STRIPE_KEY", value, STRIPE_KEY_MAX - 1, &wrong)
                      : secret_file_line(&secret, file, STRIPE_KEY_MAX - 1, &wrong);
    if (code != METE_OK) {
        return mete_fail(err, METE_USAGE, NULL, "[stripe] key_file: %s", wrong.text);
    }
    r->key = secret.text;
    const struct text key = {secret.text, secret.len};
    bool live = text_starts(key, "sk_live_") || text_starts(key, "rk_live_");
    bool test = text_starts(key, "sk_test_") || text_starts(key, "rk_test_");
    r->live = live;
    return live || test
               ? METE_OK
               : mete_fail(
                     err, METE_USAGE, NULL,
                     "[stripe] key_file (or STRIPE_KEY) does not hold a secret or restricted key "
                     "(sk_live_, sk_test_, rk_live_, rk_test_)");
}

static enum mete_code words_read(struct rail *r, const struct rail_config *c, struct mete_err *err)
{
    const char *pays = c->get(c->ctx, "pays");
    const char *speed = c->get(c->ctx, "payout_method");
    bool payout = pays != NULL && strcmp(pays, "payout") == 0;
    if (!payout && pays != NULL && strcmp(pays, "transfer") != 0) {
        return mete_fail(err, METE_USAGE, NULL, "[stripe] pays is transfer or payout");
    }
    r->kind = payout ? STRIPE_PAYOUT : STRIPE_TRANSFER;
    r->instant = speed != NULL && strcmp(speed, "instant") == 0;
    return r->instant || speed == NULL || strcmp(speed, "standard") == 0
               ? METE_OK
               : mete_fail(err, METE_USAGE, NULL, "[stripe] payout_method is standard or instant");
}

static void stripe_close(struct rail *r)
{
    if (r != NULL) {
        web_close(r->web);
        web_answer_clear(&r->answer);
        secret_text_free(r->key);
        free(r->url);
        free(r);
    }
}

static enum mete_code stripe_open(struct rail **out, const struct rail_config *c,
                                  struct mete_err *err)
{
    struct rail *r = calloc(1, sizeof *r);
    const char *url = c->get(c->ctx, "url");
    METE_ASSERT(r != NULL);
    enum mete_code code = key_read(r, c, err);
    code = code == METE_OK ? words_read(r, c, err) : code;
    code = code == METE_OK ? rail_url_check("[stripe] url", url != NULL ? url : URL_DEFAULT, err)
                           : code;
    if (code != METE_OK) {
        stripe_close(r);
        return code;
    }
    const struct web_options o = {.allow_http = true, /* of this machine alone: rail_url_check */
                                  .keep_alive = true,
                                  .ca_file = c->get(c->ctx, "ca_file")};
    r->url = rail_url_base(url != NULL ? url : URL_DEFAULT);
    web_open(&r->web, &o);
    *out = r;
    return METE_OK;
}

/* --- an attempt --------------------------------------------------------------------------------*/

static void form_write(const struct rail *r, const struct rail_payment *p, struct text units,
                       struct buf *form)
{
    char currency[ASSET_CODE_LEN_MAX + 1];
    char attempt[16];
    (void)snprintf(currency, sizeof currency, "%s", p->asset.code);
    for (char *c = currency; *c != '\0'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
    (void)snprintf(attempt, sizeof attempt, "%u", p->attempt);
    stripe_form_put(form, "amount", units);
    stripe_form_put(form, "currency", text_of(currency));
    if (r->kind == STRIPE_TRANSFER) {
        stripe_form_put(form, "destination", p->destination);
        stripe_form_put(form, "transfer_group", p->transfer_id);
    } else {
        stripe_form_put(form, "method", text_of(r->instant ? "instant" : "standard"));
    }
    stripe_form_put(form, "metadata[mete_transfer]", p->transfer_id);
    stripe_form_put(form, "metadata[mete_attempt]", text_of(attempt));
    stripe_form_put(form, "metadata[book]", p->book);
}

static void attempt_make(const struct rail *r, struct rail_payment *p, int64_t units,
                         struct arena *a)
{
    struct buf form = {0};
    struct buf body = {0};
    bool payout = r->kind == STRIPE_PAYOUT;
    p->anchor = arena_printf(a, "%.*s-%u", (int)p->transfer_id.len, p->transfer_id.p, p->attempt);
    if (p->anchors_taken > 0) {
        p->anchor = arena_printf(a, "%s.%u", p->anchor.p, p->anchors_taken);
    }
    form_write(r, p, arena_printf(a, "%lld", (long long)units), &form);
    const struct stripe_request q = {.path = payout ? TEXT("/v1/payouts") : TEXT("/v1/transfers"),
                                     .idempotency_key = p->anchor,
                                     .version = TEXT(STRIPE_VERSION),
                                     .account = payout ? p->destination : (struct text){0},
                                     .form = buf_text(&form)};
    stripe_request_write(&body, &q);
    p->body[0] = arena_text(a, buf_text(&body));
    p->body_count = 1;
    secret_wipe(form.p, form.cap);
    secret_wipe(body.p, body.cap);
    buf_clear(&form);
    buf_clear(&body);
    rail_say(p, RAIL_ACCEPTED, "%s", "");
}

static void stripe_prepare(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    int64_t units = 0;
    METE_ASSERT(count == 1);
    const char *why = stripe_units(&p[0]->asset, p[0]->amount, r->kind, &units);
    if (!stripe_account_valid(p[0]->destination)) {
        rail_say(p[0], RAIL_REJECTED, "the destination is not a connected account of Stripe");
        (void)snprintf(p[0]->report.remediation, sizeof p[0]->report.remediation,
                       "Give the id of the connected account: acct_ and letters and digits.");
    } else if (why != NULL) {
        rail_say(p[0], RAIL_REJECTED, "the amount %s", why);
        (void)snprintf(p[0]->report.remediation, sizeof p[0]->report.remediation,
                       "Choose another rail for this currency, or wait until it is a rounder sum.");
    } else {
        attempt_make(r, p[0], units, a);
    }
}

static const char *const aliases[] = {"stripe_direct_deposit", "stripe_connect", "stripe-link",
                                      NULL};
const struct rail_kind STRIPE_RAIL = {.name = "stripe",
                                      .alias = aliases,
                                      .batch_max = 1,
                                      .open = stripe_open,
                                      .close = stripe_close,
                                      .prepare = stripe_prepare,
                                      .send = stripe_send,
                                      .probe = stripe_probe};

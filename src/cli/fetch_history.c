/* SPDX-License-Identifier: Apache-2.0
 * mete fetch --history: the payments that were signed, or their sums. */
#include "cli/fetch.h"

#include "base/text.h"
#include "base/u256.h"
#include "wire/x402/network.h"
#include "wire/x402/price.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct table_column PAYMENTS[] = {
    {"at", "SIGNED", COLUMN_TEXT},      {"state", "STATE", COLUMN_TEXT},
    {NULL, "AMOUNT", COLUMN_TEXT},      {"amount", NULL, COLUMN_TEXT},
    {"charged", NULL, COLUMN_TEXT},     {"decimals", NULL, COLUMN_NUMBER},
    {"symbol", NULL, COLUMN_TEXT},      {"network", "NETWORK", COLUMN_TEXT},
    {"scheme", NULL, COLUMN_TEXT},      {"asset", NULL, COLUMN_TEXT},
    {"payer", NULL, COLUMN_TEXT},       {"pay_to", NULL, COLUMN_TEXT},
    {"method", NULL, COLUMN_TEXT},      {"url", "URL", COLUMN_TEXT},
    {"host", NULL, COLUMN_TEXT},        {"transaction", "TRANSACTION", COLUMN_TEXT},
    {"reason", NULL, COLUMN_TEXT},      {"nonce", NULL, COLUMN_TEXT},
    {"valid_until", NULL, COLUMN_TEXT}, {"id", NULL, COLUMN_TEXT},
};

static const struct table_column TOTALS[] = {
    {"day", "DAY", COLUMN_TEXT},
    {"host", "HOST", COLUMN_TEXT},
    {"network", "NETWORK", COLUMN_TEXT},
    {"asset", NULL, COLUMN_TEXT},
    {"symbol", NULL, COLUMN_TEXT},
    {"decimals", NULL, COLUMN_NUMBER},
    {"paid", NULL, COLUMN_TEXT},
    {NULL, "PAID", COLUMN_TEXT},
    {"paid_count", "COUNT", COLUMN_NUMBER},
    {"unknown", NULL, COLUMN_TEXT},
    {NULL, "UNKNOWN", COLUMN_TEXT},
    {"unknown_count", "COUNT", COLUMN_NUMBER},
};

struct shower {
    struct cli *c;
    struct table *t;
};

const char *fetch_amount(struct cli *c, const char *units, unsigned decimals, const char *symbol)
{
    char number[X402_PRICE_TEXT_MAX + X402_DECIMALS_MAX];
    struct u256 v;
    if (!u256_parse(text_of(units), &v) || decimals > X402_DECIMALS_MAX) {
        return units;
    }
    (void)x402_price_format(v, decimals, 0, number);
    return arena_printf(&c->arena, "%s %s", number, symbol).p;
}

static void text_or_null(struct table *t, const char *value)
{
    if (value[0] != '\0') {
        table_str(t, value);
    } else {
        table_null(t);
    }
}

static bool payment_show(void *ctx, const struct mete_client_entry *e)
{
    struct shower *s = ctx;
    const bool is_other = e->charged[0] != '\0';
    table_time(s->t, e->at_us);
    table_str(s->t, mete_client_state_name(e->state));
    table_str(s->t, fetch_amount(s->c, is_other ? e->charged : e->amount, e->decimals, e->symbol));
    table_str(s->t, e->amount);
    text_or_null(s->t, e->charged);
    table_number(s->t, e->decimals);
    text_or_null(s->t, e->symbol);
    table_str(s->t, e->network);
    table_str(s->t, e->scheme);
    table_str(s->t, e->asset);
    table_str(s->t, e->payer);
    table_str(s->t, e->pay_to);
    table_str(s->t, e->method);
    table_str(s->t, e->url);
    table_str(s->t, e->host);
    text_or_null(s->t, e->transaction);
    text_or_null(s->t, e->reason);
    table_str(s->t, e->nonce);
    table_time(s->t, e->valid_until_s * TIME_SECOND_US);
    table_str(s->t, e->id);
    return true;
}

static bool total_show(void *ctx, const struct mete_client_total *e)
{
    struct shower *s = ctx;
    table_str(s->t, e->day);
    table_str(s->t, e->host);
    table_str(s->t, e->network);
    table_str(s->t, e->asset);
    text_or_null(s->t, e->symbol);
    table_number(s->t, e->decimals);
    table_str(s->t, e->paid);
    table_str(s->t, fetch_amount(s->c, e->paid, e->decimals, e->symbol));
    table_number(s->t, e->paid_count);
    table_str(s->t, e->unknown);
    table_str(s->t, fetch_amount(s->c, e->unknown, e->decimals, e->symbol));
    table_number(s->t, e->unknown_count);
    return true;
}

static int state_judge(struct cli *c, const char *state)
{
    for (int s = METE_CLIENT_STATE_SIGNED; s <= METE_CLIENT_STATE_ABANDONED; s++) {
        if (state == NULL ||
            strcmp(state, mete_client_state_name((enum mete_client_state)s)) == 0) {
            return CLI_OK;
        }
    }
    return cli_usage(c,
                     "--state is signed, sent, paid, owed, refused, unknown, expired or abandoned, "
                     "not '%s'",
                     state);
}

static int filter_read(struct cli *c, struct mete_client_filter *f, char network[X402_NETWORK_MAX])
{
    const char *chain = cli_option(c, "network");
    mete_time from = 0;
    mete_time until = 0;
    int status = cli_option_time(c, "from", false, &from);
    status = status == CLI_OK ? cli_option_time(c, "until", true, &until) : status;
    status = status == CLI_OK ? state_judge(c, cli_option(c, "state")) : status;
    if (status != CLI_OK) {
        return status;
    }
    if (chain != NULL && !x402_network_resolve(text_of(chain), network)) {
        return cli_usage(c, "--network wants base, or eip155:8453, not '%s'", chain);
    }
    *f = (struct mete_client_filter){.host = cli_option(c, "host"),
                                     .network = chain != NULL ? network : NULL,
                                     .asset = cli_option(c, "asset"),
                                     .state = cli_option(c, "state"),
                                     .from_us = from,
                                     .until_us = until > 0 ? until + 1 : 0};
    return CLI_OK;
}

int fetch_history(struct cli *c)
{
    struct mete_client_filter filter;
    char network[X402_NETWORK_MAX];
    char why[METE_CLIENT_ERROR_MAX] = "";
    const bool sums = cli_flag(c, "totals");
    const char *file = cli_option(c, "history-file");
    int status = filter_read(c, &filter, network);
    if (status != CLI_OK) {
        return status;
    }
    struct shower s = {c, sums ? table_new(TOTALS, ARRAY_LEN(TOTALS))
                               : table_new(PAYMENTS, ARRAY_LEN(PAYMENTS))};
    const enum mete_client_error error =
        sums ? mete_client_totals(file, &filter, total_show, &s, why)
             : mete_client_history(file, &filter, payment_show, &s, why);
    if (error != METE_CLIENT_OK) {
        struct mete_err err;
        table_free(s.t);
        (void)mete_fail(&err, METE_FILE, "", "%s", why);
        return cli_fail(c, &err);
    }
    const bool is_there = file == NULL || access(file, F_OK) == 0;
    cli_table_or(c, s.t,
                 is_there ? "mete: there is no such payment"
                          : arena_printf(&c->arena, "mete: %s: there is no such file", file).p);
    return CLI_OK;
}

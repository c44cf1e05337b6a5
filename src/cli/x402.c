/* SPDX-License-Identifier: Apache-2.0
 * mete x402 payments, payment, revenue, policies, policy: payments by x402 as they stand, what they
 * add up to, and whose revenue a resource is. */
#include "cli/rows.h"

#include "base/i128.h"
#include "base/text.h"
#include "core/amount.h"
#include "render/x402.h"
#include "wire/x402/network.h"

#include <string.h>

#define EVERY      SIZE_MAX
#define COIN_SCALE 18 /* of every chain's coin here */

static void text_or_null(struct table *t, struct text value)
{
    if (value.len > 0) {
        table_text(t, value);
    } else {
        table_null(t);
    }
}

static int with_book(struct cli *c, enum cli_access access,
                     enum mete_code (*work)(struct cli *c, struct engine *e, struct mete_err *err))
{
    struct engine *e;
    struct mete_err err;
    int status = cli_open(c, access, &e);
    if (status != CLI_OK) {
        return status;
    }
    enum mete_code code = work(c, e, &err);
    engine_close(e);
    return code == METE_OK ? CLI_OK : cli_fail(c, &err);
}

static struct text option_text(const struct cli *c, const char *name)
{
    return text_of(cli_option(c, name));
}

/** --network as the book has it; what may be said is what x402_network_resolve takes. */
static int network_read(struct cli *c, struct text *out)
{
    const char *given = cli_option(c, "network");
    char id[X402_NETWORK_MAX];
    *out = (struct text){0};
    if (given == NULL) {
        return CLI_OK;
    }
    if (!x402_network_resolve(text_of(given), id)) {
        return cli_usage(c, "--network is a name such as base, or eip155:8453, not '%.60s'", given);
    }
    *out = arena_text(&c->arena, text_of(id));
    return CLI_OK;
}

static const char *state_name(const struct x402_status *p)
{
    return p->state == X402_NONE ? "none" : machine_of(MACHINE_X402)->state[p->state];
}

/** The value in the asset of the book; what was never begun has none. */
static void value_cell(struct table *t, const struct x402_status *p, struct engine *e)
{
    struct asset asset;
    i128 value;
    if (p->asset_code.len > 0 && view_asset(engine_view(e), p->asset_code, &asset) == VIEW_FOUND &&
        amount_parse(p->value, 0, &value) == METE_OK) {
        table_amount(t, value, &asset);
    } else {
        table_null(t);
    }
}

/* --- payments ----------------------------------------------------------------------------------*/

static const struct table_column PAYMENTS_COLUMNS[] = {{"payment", "PAYMENT", COLUMN_TEXT},
                                                       {"state", "STATE", COLUMN_TEXT},
                                                       {"network", "NETWORK", COLUMN_TEXT},
                                                       {"from", "FROM", COLUMN_TEXT},
                                                       {"to", "TO", COLUMN_TEXT},
                                                       {"asset", NULL, COLUMN_TEXT},
                                                       {"amount", "AMOUNT", COLUMN_AMOUNT},
                                                       {"resource", "RESOURCE", COLUMN_TEXT},
                                                       {"transaction", "TRANSACTION", COLUMN_TEXT},
                                                       {"begun_at", NULL, COLUMN_TEXT}};

struct showing {
    struct listing l;
    struct engine *e;
};

static bool payment_row(void *arg, const struct x402_listed_payment *row)
{
    struct showing *s = arg;
    const struct x402_status *p = &row->status;
    struct table *t = listing_row(&s->l);
    char id[X402_ID_LEN + 1];
    if (t == NULL) {
        x402_payment_json(&s->l.w, NULL, p, false);
        return !s->l.c->out_failed;
    }
    x402_id(&p->name, id);
    table_str(t, id);
    table_str(t, state_name(p));
    table_text(t, p->name.network);
    table_text(t, p->name.from);
    text_or_null(t, p->to);
    text_or_null(t, p->asset_code);
    value_cell(t, p, s->e);
    text_or_null(t, p->resource);
    text_or_null(t, p->settled_by.len > 0      ? p->settled_by
                    : p->transaction_count > 0 ? p->transactions[0]
                                               : (struct text){0});
    if (p->begun_at != 0) {
        table_time(t, p->begun_at);
    } else {
        table_null(t);
    }
    return !s->l.c->out_failed;
}

/** What has to be looked at before the book is opened. */
static int filter_read(struct cli *c, struct x402_query *q)
{
    int status = network_read(c, &q->network);
    status = status == CLI_OK ? cli_option_time(c, "since", false, &q->since) : status;
    return status == CLI_OK ? cli_option_time(c, "until", true, &q->until) : status;
}

static enum mete_code payments(struct cli *c, struct engine *e, struct mete_err *err)
{
    struct showing s = {.e = e};
    uint64_t unused;
    struct x402_query q = {.state = option_text(c, "state"),
                           .resource = option_text(c, "resource"),
                           .from = option_text(c, "from"),
                           .to = option_text(c, "to"),
                           .until = TIME_NEVER,
                           .limit = EVERY};
    (void)filter_read(c, &q); /* they could be read: payments_run has looked */
    listing_begin(&s.l, c, PAYMENTS_COLUMNS, ARRAY_LEN(PAYMENTS_COLUMNS));
    listing_rows(&s.l, "payments");
    return listing_end(&s.l, x402_list(e, &q, payment_row, &s, &unused, err),
                       "There are no such payments.");
}

static int payments_run(struct cli *c)
{
    struct x402_query unused = {0};
    int status = filter_read(c, &unused);
    return status == CLI_OK ? with_book(c, CLI_READ, payments) : status;
}

static const struct cli_option PAYMENTS_OPTIONS[] = {
    {"state", 0, "STATE", "only those in this state, such as settling, settled or failed"},
    {"resource", 0, "URL", "only those for this resource"},
    {"from", 0, "ADDRESS", "only those of this payer"},
    {"to", 0, "ADDRESS", "only those to this address"},
    {"network", 0, "NETWORK", "only those on this network, such as eip155:8453"},
    {"since", 0, "TIME", "only those that were begun then or later"},
    {"until", 0, "TIME", "only those that were begun then or before"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_x402_payments = {.name = "x402 payments",
                                                  .operands = "",
                                                  .summary =
                                                      "list payments by x402 and where they stand",
                                                  .option = PAYMENTS_OPTIONS,
                                                  .run = payments_run};

/* --- payment -----------------------------------------------------------------------------------*/

static void fact(struct table *t, const char *name, struct text value)
{
    if (value.len > 0) {
        table_str(t, name);
        table_text(t, value);
    }
}

static void payment_show(struct cli *c, const struct x402_status *p)
{
    static const struct table_column columns[] = {{"what", "WHAT", COLUMN_TEXT},
                                                  {"value", "VALUE", COLUMN_TEXT}};
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    char at[TIME_TEXT_MAX];
    char id[X402_ID_LEN + 1];
    x402_id(&p->name, id);
    fact(t, "payment", text_of(id));
    fact(t, "state", text_of(state_name(p)));
    fact(t, "network", p->name.network);
    fact(t, "asset", p->name.asset);
    fact(t, "from", p->name.from);
    fact(t, "nonce", p->name.nonce);
    fact(t, "to", p->to);
    fact(t, "value", p->value);
    fact(t, "code", p->asset_code);
    fact(t, "scheme", p->scheme);
    fact(t, "resource", p->resource);
    fact(t, "policy", p->policy);
    fact(t, "signer", p->signer);
    fact(t, "settled by", p->settled_by);
    fact(t, "reason", p->reason);
    if (p->begun_at != 0) {
        time_format(p->begun_at, at);
        fact(t, "begun at", text_of(at));
    }
    time_format(p->until < TIME_MAX ? p->until : TIME_MAX, at);
    fact(t, "authorized until", text_of(at));
    for (size_t i = 0; i < p->transaction_count; i++) {
        fact(t, "transaction", p->transactions[i]);
    }
    cli_table(c, t);
}

static enum mete_code payment(struct cli *c, struct engine *e, struct mete_err *err)
{
    struct text id = text_of(c->operand[0]);
    struct x402_status p;
    struct json_writer w;
    enum mete_code code = text_starts(id, X402_ID_PREFIX)
                              ? x402_find(e, id, &c->arena, &p, err)
                              : x402_find_transaction(e, id, &c->arena, &p, err);
    if (code != METE_OK) {
        return code;
    }
    if (c->json) {
        cli_json_begin(c, &w);
        x402_payment_json(&w, NULL, &p, false);
        cli_json_end(c);
    } else {
        payment_show(c, &p);
    }
    return METE_OK;
}

static int payment_run(struct cli *c)
{
    return with_book(c, CLI_READ, payment);
}

const struct cli_command command_x402_payment = {
    .name = "x402 payment",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "show what has become of one payment",
    .about = "ID is the payment's, or the hash of any of its transactions.",
    .run = payment_run};

/* --- revenue -----------------------------------------------------------------------------------*/

static const struct table_column REVENUE_COLUMNS[] = {{"day", "DAY", COLUMN_TEXT},
                                                      {"resource", "RESOURCE", COLUMN_TEXT},
                                                      {"network", "NETWORK", COLUMN_TEXT},
                                                      {"asset", NULL, COLUMN_TEXT},
                                                      {"settlements", "SETTLED", COLUMN_NUMBER},
                                                      {"value", "VALUE", COLUMN_AMOUNT},
                                                      {"failures", "FAILED", COLUMN_NUMBER},
                                                      {"payers", "PAYERS", COLUMN_NUMBER}};

static void revenue_row(struct cli *c, struct table *t, const struct x402_revenue_query *q,
                        const struct x402_revenue_row *row)
{
    char day[11];
    if (q->by == X402_BY_DAY) {
        time_format_day(row->day, day);
        table_str(t, day);
    } else {
        table_null(t);
    }
    text_or_null(t, q->by == X402_BY_RESOURCE ? row->resource : q->resource);
    table_text(t, row->network);
    table_text(t, asset_label(&c->arena, &row->asset));
    table_number(t, row->settlements);
    table_amount(t, row->value, &row->asset);
    table_number(t, row->failures);
    if (row->payers >= 0) {
        table_number(t, row->payers);
    } else {
        table_null(t);
    }
}

/** What settling has cost: the coins of EVM chains have 18 decimals. */
static void gas_note(struct cli *c, const struct x402_gas_row *g)
{
    char count[I128_TEXT_MAX];
    char cost[AMOUNT_TEXT_MAX];
    (void)i128_format(g->transactions, count);
    (void)amount_format(g->cost, COIN_SCALE, cost);
    cli_note(c, "Gas on %.*s has cost %s of its coin (transactions: %s).", (int)g->network.len,
             g->network.p, cost, count);
}

static void revenue_show(struct cli *c, const struct x402_revenue_query *q,
                         const struct x402_revenue *r)
{
    struct table *t = table_new(REVENUE_COLUMNS, ARRAY_LEN(REVENUE_COLUMNS));
    int bps = x402_success_bps(r);
    for (size_t i = 0; i < r->row_count; i++) {
        revenue_row(c, t, q, &r->row[i]);
    }
    cli_table_or(c, t, "Nothing was paid by x402.");
    if (bps >= 0) {
        cli_note(c, "%d.%02d %% of the payments that ended were settled.", bps / 100, bps % 100);
    }
    for (size_t i = 0; i < r->gas_count; i++) {
        gas_note(c, &r->gas[i]);
    }
}

static int query_read(struct cli *c, struct x402_revenue_query *q)
{
    const char *by = cli_option(c, "by");
    const char *from = cli_option(c, "from");
    const char *until = cli_option(c, "until");
    *q = (struct x402_revenue_query){.until_day = time_day(TIME_MAX),
                                     .all_days = from == NULL && until == NULL,
                                     .resource = option_text(c, "resource")};
    if (by != NULL && !x402_by_of(text_of(by), &q->by)) {
        return cli_usage(c, "--by wants day, resource or network, not '%s'", by);
    }
    if ((from != NULL && !time_parse_day(text_of(from), &q->from_day)) ||
        (until != NULL && !time_parse_day(text_of(until), &q->until_day))) {
        return cli_usage(c, "a day looks like 2025-01-31");
    }
    return network_read(c, &q->network);
}

static enum mete_code revenue(struct cli *c, struct engine *e, struct mete_err *err)
{
    struct x402_revenue_query q;
    struct x402_revenue r;
    struct json_writer w;
    (void)query_read(c, &q); /* it could be read: revenue_run has looked */
    enum mete_code code = x402_revenue(e, &q, &c->arena, &r, err);
    if (code != METE_OK) {
        return code;
    }
    if (c->json) {
        cli_json_begin(c, &w);
        x402_revenue_json(&w, &q, &r);
        cli_json_end(c);
    } else {
        revenue_show(c, &q, &r);
    }
    return METE_OK;
}

static int revenue_run(struct cli *c)
{
    struct x402_revenue_query unused;
    int status = query_read(c, &unused);
    return status == CLI_OK ? with_book(c, CLI_READ, revenue) : status;
}

static const struct cli_option REVENUE_OPTIONS[] = {
    {"by", 0, "WHAT", "what makes a row: day (the default), resource or network"},
    {"from", 0, "DAY", "from this day on"},
    {"until", 0, "DAY", "up to this day"},
    {"resource", 0, "URL", "only of this resource"},
    {"network", 0, "NETWORK", "only of this network"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_x402_revenue = {.name = "x402 revenue",
                                                 .operands = "",
                                                 .summary = "show what payments by x402 add up to",
                                                 .option = REVENUE_OPTIONS,
                                                 .run = revenue_run};

/* --- policies ----------------------------------------------------------------------------------*/

static const struct table_column POLICIES_COLUMNS[] = {{"pay_to", "PAY TO", COLUMN_TEXT},
                                                       {"resource", "RESOURCE", COLUMN_TEXT},
                                                       {"network", "NETWORK", COLUMN_TEXT},
                                                       {"policy", "POLICY", COLUMN_TEXT}};

static enum mete_code policies(struct cli *c, struct engine *e, struct mete_err *err)
{
    struct listing l;
    struct x402_policy_row *row = NULL;
    size_t count = 0;
    enum mete_code code = x402_policies(e, &c->arena, &row, &count, err);
    listing_begin(&l, c, POLICIES_COLUMNS, ARRAY_LEN(POLICIES_COLUMNS));
    listing_rows(&l, "policies");
    for (size_t i = 0; i < count && code == METE_OK; i++) {
        struct table *t = listing_row(&l);
        if (t == NULL) {
            x402_policy_json(&l.w, &row[i]);
            continue;
        }
        table_text(t, row[i].pay_to);
        table_text(t, row[i].resource);
        text_or_null(t, row[i].network);
        table_text(t, row[i].policy);
    }
    return listing_end(&l, code, "No resource has a policy.");
}

static int policies_run(struct cli *c)
{
    return with_book(c, CLI_READ, policies);
}

const struct cli_command command_x402_policies = {
    .name = "x402 policies",
    .operands = "",
    .summary = "list which policies split what is paid for resources",
    .run = policies_run};

/** Who sets a policy for an address that is none would wait for it in vain. */
static int row_read(struct cli *c, struct x402_policy_row *row)
{
    struct mete_err err;
    *row = (struct x402_policy_row){.pay_to = text_of(c->operand[0]),
                                    .resource = text_of(c->operand[1])};
    int status = network_read(c, &row->network);
    if (status != CLI_OK || c->operand_count == 2) {
        return status;
    }
    row->policy = text_of(c->operand[2]);
    return x402_pay_to_check(row->pay_to, row->network, &err) == METE_OK
               ? CLI_OK
               : cli_usage(c, "PAY_TO '%.60s': %s", c->operand[0], err.text);
}

static bool is_published(struct cli *c, struct engine *e, struct text policy)
{
    struct version *unused;
    uint32_t number;
    size_t count;
    return view_policy(engine_view(e), &c->arena, policy, &number, &unused, &count) == VIEW_FOUND &&
           count > 0;
}

static enum mete_code policy(struct cli *c, struct engine *e, struct mete_err *err)
{
    struct x402_policy_row row;
    (void)row_read(c, &row); /* it could be read: policy_run has looked */
    enum mete_code code = x402_policy_set(e, &row, err);
    code = code == METE_OK ? engine_commit(e, err) : code;
    if (code == METE_OK) {
        cli_note(c, row.policy.len > 0 ? "It holds from the next payment on."
                                       : "It has no policy from the next payment on.");
        if (row.policy.len > 0 && !is_published(c, e, row.policy)) {
            cli_note(c, "%s is not published in this book yet: what is paid waits for it.",
                     c->operand[2]);
        }
    }
    return code;
}

static int policy_run(struct cli *c)
{
    if ((c->operand_count == 3) == cli_flag(c, "remove")) {
        return cli_usage(c, "say a policy, or --remove");
    }
    struct x402_policy_row unused;
    int status = row_read(c, &unused);
    return status == CLI_OK ? with_book(c, CLI_WRITE, policy) : status;
}

static const struct cli_option POLICY_OPTIONS[] = {
    {"network", 0, "NETWORK", "only on this network, such as eip155:8453"},
    {"remove", 0, NULL, "the resource has no policy any more"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_x402_policy = {
    .name = "x402 policy",
    .operands = "PAY_TO RESOURCE [POLICY]",
    .operands_min = 2,
    .operands_max = 3,
    .summary = "say which policy splits what is paid for a resource",
    .about = "RESOURCE is a URL, or how it begins with * behind it. The longest that fits holds,\n"
             "from the next payment on. Without a policy all of it is who was paid.",
    .option = POLICY_OPTIONS,
    .no_csv = true,
    .no_json = true,
    .run = policy_run};

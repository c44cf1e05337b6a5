/* SPDX-License-Identifier: Apache-2.0
 * mete fx: rates of exchange and conversions by them. */
#include "cli/rows.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "engine/own_event.h"
#include "render/render.h"
#include "wire/bank/ecb.h"
#include "wire/json_values.h"

#include <string.h>

/* --- import ------------------------------------------------------------------------------------*/

static void imported_show(struct cli *c, const struct rates_imported *r)
{
    if (c->json) {
        struct json_writer w;
        cli_json_begin(c, &w);
        jw_object(&w, NULL);
        jw_str(&w, "day", r->day);
        jw_int(&w, "set", (int64_t)r->set);
        jw_int(&w, "known", (int64_t)r->known);
        jw_int(&w, "unknown", (int64_t)r->unknown);
        jw_end_object(&w);
        cli_json_end(c);
        return;
    }
    cli_print(c, "Rates up to %s: %zu set, %zu known already", r->day, r->set, r->known);
    cli_print(c, r->unknown > 0 ? ", %zu of currencies that this book does not know\n" : "\n",
              r->unknown);
}

static int import_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct rates_imported done;
    struct buf file = {0};
    if (cli_read_file(c->operand[0], ECB_SIZE_MAX, &file, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    int status = cli_open(c, CLI_WRITE, &e);
    if (status == CLI_OK) {
        enum mete_code code = rates_import(e, buf_bytes(&file), &done, &err);
        code = code == METE_OK ? engine_commit(e, &err) : code;
        if (code == METE_OK) {
            imported_show(c, &done);
        } else {
            cli_in_file(&err, c->operand[0]);
            status = cli_fail(c, &err);
        }
        engine_close(e);
    }
    buf_clear(&file);
    return status;
}

const struct cli_command command_fx_import = {
    .name = "fx import",
    .operands = "FILE|-",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "take over the reference rates of the European Central Bank",
    .about = "FILE is its eurofxref-daily.xml, or one of those with more days. Each rate that is\n"
             "newer than the book's becomes fx.rate_set; the same file again sets nothing.",
    .no_csv = true,
    .run = import_run};

/* --- list --------------------------------------------------------------------------------------*/

static const struct table_column COLUMNS[] = {
    {"base", "BASE", COLUMN_TEXT}, {"quote", "QUOTE", COLUMN_TEXT},
    {"rate", "RATE", COLUMN_TEXT}, {"provider", "SAID BY", COLUMN_TEXT},
    {"as_of", "OF", COLUMN_TEXT},  {"is_old", "STATE", COLUMN_TEXT},
};

static bool row_show(void *arg, const struct rate_row *row)
{
    struct listing *l = arg;
    struct table *t = listing_row(l);
    if (t == NULL) {
        exchange_rate_json(&l->w, row);
        return !l->c->out_failed;
    }
    table_text(t, row->base);
    table_text(t, row->quote);
    table_text(t, row->rate.text);
    table_text(t, row->rate.provider);
    table_time(t, row->rate.as_of);
    table_str(t, row->is_old ? "old" : "holds");
    return !l->c->out_failed;
}

static enum mete_code list(struct cli *c, struct engine *e, struct mete_err *err)
{
    struct listing l;
    const struct text base = text_of(cli_option(c, "base"));
    const struct text quote = text_of(cli_option(c, "quote"));
    listing_begin(&l, c, COLUMNS, ARRAY_LEN(COLUMNS));
    listing_rows(&l, "rates");
    return listing_end(&l, rates_list(e, base, quote, row_show, &l, err),
                       "No rates are recorded: see mete fx import.");
}

static int list_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    int status = cli_open(c, CLI_READ, &e);
    if (status == CLI_OK) {
        status = list(c, e, &err) == METE_OK ? CLI_OK : cli_fail(c, &err);
        engine_close(e);
    }
    return status;
}

static const struct cli_option LIST_OPTIONS[] = {{"base", 0, "CODE", "of this asset alone"},
                                                 {"quote", 0, "CODE", "into this asset alone"},
                                                 {NULL, 0, NULL, NULL}};

const struct cli_command command_fx_list = {.name = "fx list",
                                            .operands = "",
                                            .summary = "the last rate of each pair of assets",
                                            .option = LIST_OPTIONS,
                                            .run = list_run};

/* --- quote -------------------------------------------------------------------------------------*/

static void rate_line(struct cli *c, const struct rate *r, struct text base, struct text quote)
{
    char day[TIME_TEXT_MAX];
    time_format(r->as_of, day);
    cli_print(c, "at 1 %.*s = %.*s %.*s, said by %.*s of %s\n", (int)base.len, base.p,
              (int)r->text.len, r->text.p, (int)quote.len, quote.p, (int)r->provider.len,
              r->provider.p, day);
}

static void quote_show(struct cli *c, const struct rates_quote *q)
{
    if (c->json) {
        struct json_writer w;
        cli_json_begin(c, &w);
        quote_json(&w, q);
        cli_json_end(c);
        return;
    }
    struct text given = amount_label(&c->arena, q->amount, &q->from);
    struct text got = amount_label(&c->arena, q->made, &q->to);
    cli_print(c, "%.*s is %.*s\n", (int)given.len, given.p, (int)got.len, got.p);
    rate_line(c, &q->first, q->first_base, q->first_quote);
    if (q->second.seq != q->first.seq) {
        rate_line(c, &q->second, q->second_base, q->second_quote);
    }
}

static int quote_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct rates_quote q = {0};
    int status = cli_open(c, CLI_READ, &e);
    if (status != CLI_OK) {
        return status;
    }
    if (rates_quote(e, &c->arena, text_of(c->operand[0]), text_of(c->operand[1]),
                    text_of(c->operand[2]), &q, &err) == METE_OK) {
        quote_show(c, &q);
    } else {
        status = cli_fail(c, &err);
    }
    engine_close(e);
    return status;
}

const struct cli_command command_fx_quote = {
    .name = "fx quote",
    .operands = "AMOUNT CURRENCY TO",
    .operands_min = 3,
    .operands_max = 3,
    .summary = "what an amount would come to in another asset",
    .about = "By the rate of the pair, the other way round, or over EUR or USD; rounded down.\n"
             "Nothing is moved.",
    .no_csv = true,
    .run = quote_run};

/* --- convert -----------------------------------------------------------------------------------*/

/** An id of the caller's makes saying it again harmless; else it is a new conversion each time. */
static const char *event_id(struct cli *c)
{
    uint8_t random[16];
    char hex[2 * sizeof random + 1];
    if (cli_option(c, "id") != NULL) {
        return cli_option(c, "id");
    }
    random_bytes(random, sizeof random);
    hex_encode(hex, (struct bytes){random, sizeof random});
    return arena_printf(&c->arena, "fx.converted:%s", hex).p;
}

static void event_submit(struct cli *c, struct engine *e, struct submit_result *r)
{
    struct own_event event;
    const struct own_head head = {.id = text_of(event_id(c)), .type = EVENT_FX_CONVERTED};
    own_event_begin(&event, e, &head);
    jw_str(&event.w, "party", c->operand[0]);
    jw_money_said(&event.w, "amount", text_of(c->operand[1]), text_of(c->operand[2]));
    jw_str(&event.w, "to", c->operand[3]);
    if (cli_option(c, "at-least") != NULL) {
        jw_money_said(&event.w, "at_least", text_of(cli_option(c, "at-least")),
                      text_of(c->operand[3]));
    }
    own_event_end(&event, r);
}

static int convert(struct cli *c, struct engine *e)
{
    struct rates_quote q = {0};
    struct submit_result r;
    struct mete_err err;
    event_submit(c, e, &r);
    bool dry = cli_flag(c, "dry-run");
    if (r.status != SUBMIT_APPLIED && r.status != SUBMIT_DUPLICATE) {
        return cli_fail(c, &r.err);
    }
    if (rates_quote(e, &c->arena, text_of(c->operand[1]), text_of(c->operand[2]),
                    text_of(c->operand[3]), &q, &err) != METE_OK ||
        (!dry && engine_commit(e, &err) != METE_OK)) {
        return cli_fail(c, &err);
    }
    if (r.status == SUBMIT_DUPLICATE) {
        cli_note(c, "Known already: nothing was moved again.");
    } else {
        quote_show(c, &q);
    }
    if (dry) {
        engine_rollback(e);
        cli_note(c, "Nothing was moved.");
    }
    return CLI_OK;
}

static int convert_run(struct cli *c)
{
    struct engine *e;
    int status = cli_open(c, CLI_WRITE, &e);
    if (status == CLI_OK) {
        status = convert(c, e);
        engine_close(e);
    }
    return status;
}

static const struct cli_option CONVERT_OPTIONS[] = {
    {"at-least", 0, "AMOUNT", "of the other asset; when it would be less, nothing moves"},
    {"id", 0, "ID", "of the event: said again, nothing is moved again"},
    {"dry-run", 'n', NULL, "decide and answer, move nothing"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_fx_convert = {
    .name = "fx convert",
    .operands = "PARTY AMOUNT CURRENCY TO",
    .operands_min = 4,
    .operands_max = 4,
    .summary = "give cleared money of a party for another asset",
    .about = "At the rate that fx quote shows; mete:exchange is the other side. The event\n"
             "fx.converted stands in the log, and explain says at which rate it went.",
    .option = CONVERT_OPTIONS,
    .no_csv = true,
    .run = convert_run};

/* SPDX-License-Identifier: Apache-2.0
 * mete key: keys for the server's users. They may be made and revoked while it runs. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/rows.h"
#include "http/desk.h"
#include "http/limits.h"

#include <string.h>

static int keys_open(struct cli *c, struct api_keys **k)
{
    struct mete_err err;
    int status = cli_store_known(c);
    if (status != CLI_OK) {
        return status;
    }
    return api_keys_open(k, c->store, true, &err) == METE_OK ? CLI_OK : cli_fail(c, &err);
}

static struct text option_text(struct cli *c, const char *name)
{
    const char *given = cli_option(c, name);
    return given != NULL ? text_of(given) : (struct text){0};
}

/* --- create ------------------------------------------------------------------------------------*/

/** "runtime", "control_plane", or "control_plane/payment". */
static int producer_read(struct cli *c, struct api_key *key)
{
    struct text given = option_text(c, "producer");
    const char *slash = given.len > 0 ? memchr(given.p, '/', given.len) : NULL;
    key->producer = given;
    if (slash != NULL) {
        key->producer.len = (size_t)(slash - given.p);
        key->service = (struct text){slash + 1, given.len - key->producer.len - 1};
    }
    if (given.len > 0 && !text_is(key->producer, "runtime") &&
        !text_is(key->producer, "control_plane")) {
        return cli_usage(c, "--producer is runtime, control_plane or control_plane/SERVICE");
    }
    return CLI_OK;
}

static void shown_once(struct cli *c, const char *key, const struct api_key *row)
{
    if (c->json) {
        struct json_writer w;
        cli_json_begin(c, &w);
        jw_object(&w, NULL);
        jw_str(&w, "key", key);
        jw_text(&w, "key_id", row->key_id);
        jw_text(&w, "book", row->book);
        jw_end_object(&w);
        cli_json_end(c);
        return;
    }
    cli_print(c, "%s\n", key);
    cli_note(c, "mete: %.*s for book %.*s; the key is shown this once and kept nowhere",
             (int)row->key_id.len, row->key_id.p, (int)row->book.len, row->book.p);
}

static int key_add(struct cli *c, struct api_keys *k, struct api_key *row)
{
    char key[KEY_TEXT_MAX];
    char key_id[KEY_TEXT_MAX];
    struct mete_err err;
    api_key_make(key, key_id, &row->sha256);
    row->key_id = arena_text(&c->arena, text_of(key_id));
    row->created_at = desk_now();
    row->revoked_at = TIME_NEVER;
    if (api_keys_add(k, row, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    shown_once(c, key, row);
    return CLI_OK;
}

static int key_create_run(struct cli *c)
{
    struct mete_err err;
    struct api_keys *k;
    struct api_key row = {.book = text_of(c->book),
                          .party = option_text(c, "party"),
                          .note = option_text(c, "note"),
                          .expires_at = TIME_NEVER};
    if (cli_option(c, "scopes") == NULL) {
        return cli_usage(c, "--scopes says what the key may do; see mete key create --help");
    }
    if (scopes_parse(option_text(c, "scopes"), &row.scopes, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    if (limits_parse(&c->arena, option_text(c, "limit"), &row.limits, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    int status = producer_read(c, &row);
    status = status == CLI_OK ? cli_option_time(c, "expires", true, &row.expires_at) : status;
    status = status == CLI_OK ? keys_open(c, &k) : status;
    if (status != CLI_OK) {
        return status;
    }
    status = key_add(c, k, &row);
    api_keys_close(k);
    return status;
}

/* --- list --------------------------------------------------------------------------------------*/

struct key_rows {
    struct cli *c;
    struct table *t;
    mete_time now;
};

static struct text scopes_label(struct arena *a, uint32_t scopes)
{
    struct text list = {0};
    if (scopes == SCOPES_ALL) {
        return text_of("all");
    }
    for (unsigned s = 0; s < SCOPE_COUNT; s++) {
        if ((scopes >> s & 1) != 0) {
            list = arena_printf(a, "%.*s%s%s", (int)list.len, list.p == NULL ? "" : list.p,
                                list.len > 0 ? " " : "", scope_name((enum scope)s));
        }
    }
    return list;
}

static const char *standing(const struct api_key *key, mete_time now)
{
    return key->revoked_at <= now ? "revoked" : key->expires_at <= now ? "expired" : "valid";
}

static bool row_show(void *arg, const struct api_key *key)
{
    struct key_rows *l = arg;
    struct arena *a = &l->c->arena;
    char created[TIME_TEXT_MAX];
    char expires[TIME_TEXT_MAX] = "";
    if (!text_is(key->book, l->c->book)) {
        return true;
    }
    time_format(key->created_at, created);
    if (key->expires_at != TIME_NEVER) {
        time_format(key->expires_at, expires);
    }
    table_text(l->t, arena_text(a, key->key_id));
    table_str(l->t, standing(key, l->now));
    table_text(l->t, scopes_label(a, key->scopes));
    table_text(l->t, arena_text(a, key->party));
    table_text(l->t, key->service.len > 0
                         ? arena_printf(a, "%.*s/%.*s", (int)key->producer.len, key->producer.p,
                                        (int)key->service.len, key->service.p)
                         : arena_text(a, key->producer));
    table_text(l->t, arena_text(a, key->limits));
    table_text(l->t, arena_text(a, text_of(created)));
    table_text(l->t, arena_text(a, text_of(expires)));
    table_text(l->t, arena_text(a, key->note));
    return true;
}

static int key_list_run(struct cli *c)
{
    static const struct table_column COLUMNS[] = {
        {"key_id", "KEY", COLUMN_TEXT},         {"standing", "STANDING", COLUMN_TEXT},
        {"scopes", "SCOPES", COLUMN_TEXT},      {"party", "PARTY", COLUMN_TEXT},
        {"producer", "PRODUCER", COLUMN_TEXT},  {"limits", "LIMITS", COLUMN_TEXT},
        {"created_at", "CREATED", COLUMN_TEXT}, {"expires_at", "EXPIRES", COLUMN_TEXT},
        {"note", "NOTE", COLUMN_TEXT}};
    struct mete_err err;
    struct api_keys *k;
    struct key_rows l = {.c = c, .now = desk_now()};
    int status = keys_open(c, &k);
    if (status != CLI_OK) {
        return status;
    }
    l.t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    if (api_keys_read(k, row_show, &l, &err) != METE_OK) {
        status = cli_fail(c, &err);
    }
    cli_table(c, l.t);
    api_keys_close(k);
    return status;
}

/* --- revoke, rotate ----------------------------------------------------------------------------*/

static int key_end(struct cli *c, struct api_keys *k, struct text key_id, mete_time at)
{
    struct mete_err err;
    return api_keys_revoke(k, key_id, at, &err) == METE_OK ? CLI_OK : cli_fail(c, &err);
}

static int key_revoke_run(struct cli *c)
{
    struct api_keys *k;
    int status = keys_open(c, &k);
    if (status == CLI_OK) {
        status = key_end(c, k, text_of(c->operand[0]), desk_now());
        if (status == CLI_OK) {
            cli_note(c, "mete: %s is revoked; a running server knows within a second",
                     c->operand[0]);
        }
        api_keys_close(k);
    }
    return status;
}

struct finding {
    struct cli *c;
    struct text key_id;
    struct api_key row;
    bool found;
};

static bool row_find(void *arg, const struct api_key *key)
{
    struct finding *f = arg;
    if (!text_eq(key->key_id, f->key_id)) {
        return true;
    }
    struct arena *a = &f->c->arena;
    f->found = true;
    f->row = *key;
    f->row.book = arena_text(a, key->book);
    f->row.party = arena_text(a, key->party);
    f->row.producer = arena_text(a, key->producer);
    f->row.service = arena_text(a, key->service);
    f->row.note = arena_text(a, key->note);
    f->row.limits = arena_text(a, key->limits);
    return false;
}

/** A new key that may do the same; the old one goes on for as long as --keep says. */
static int rotate(struct cli *c, struct api_keys *k, uint64_t keep_s)
{
    struct mete_err err;
    struct finding f = {.c = c, .key_id = text_of(c->operand[0])};
    if (api_keys_read(k, row_find, &f, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    if (!f.found || f.row.revoked_at <= desk_now() || f.row.expires_at <= desk_now()) {
        (void)mete_fail(&err, METE_NOT_FOUND, NULL, "there is no valid key %s", c->operand[0]);
        return cli_fail(c, &err);
    }
    int status = key_add(c, k, &f.row);
    return status == CLI_OK
               ? key_end(c, k, f.key_id, desk_now() + (mete_time)keep_s * TIME_SECOND_US)
               : status;
}

static int key_rotate_run(struct cli *c)
{
    struct api_keys *k;
    uint64_t keep_s = 86400;
    int status = cli_option_number(c, "keep", 0, 366 * 86400, &keep_s);
    status = status == CLI_OK ? keys_open(c, &k) : status;
    if (status == CLI_OK) {
        status = rotate(c, k, keep_s);
        api_keys_close(k);
    }
    return status;
}

/* --- the commands ------------------------------------------------------------------------------*/

static const struct cli_option CREATE_OPTIONS[] = {
    {"scopes", 0, "LIST", "what it may do, separated by commas"},
    {"party", 'p', "PARTY", "sees and speaks for this party alone"},
    {"producer", 0, "NAME", "speaks for runtime, control_plane or control_plane/SERVICE alone"},
    {"limit", 0, "LIST", "most that one act may be about: USD=100.00,SAT=5000"},
    {"expires", 0, "TIME", "ends by itself"},
    {"note", 0, "TEXT", "for people: who has it"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_key_create = {
    .name = "key create",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "make a key for the server and show it once",
    .about = "Scopes: revenue:write revenue:read policy:write policy:read payout:write\n"
             "payout:approve dispute:write earnings:read audit:read facilitator admin\n"
             "payout:work x402:work.\n"
             "The key belongs to the book that --book names. Only its hash is kept.",
    .option = CREATE_OPTIONS,
    .run = key_create_run};

const struct cli_command command_key_list = {.name = "key list",
                                             .operands = "",
                                             .operands_min = 0,
                                             .operands_max = 0,
                                             .summary = "list the keys of a book",
                                             .run = key_list_run};

const struct cli_command command_key_revoke = {.name = "key revoke",
                                               .operands = "KEY_ID",
                                               .operands_min = 1,
                                               .operands_max = 1,
                                               .summary = "end a key now",
                                               .run = key_revoke_run};

static const struct cli_option ROTATE_OPTIONS[] = {
    {"keep", 0, "SECONDS", "how long the old key goes on; else 86400, a day"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_key_rotate = {
    .name = "key rotate",
    .operands = "KEY_ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "make a new key that may do the same, and end the old one later",
    .option = ROTATE_OPTIONS,
    .run = key_rotate_run};

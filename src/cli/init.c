/* SPDX-License-Identifier: Apache-2.0
 * mete init: makes a book, and says what must be kept safe. */
#include "base/text.h"
#include "cli/cli.h"
#include "crypto/sign.h"
#include "render/render.h"

static struct text key_path(struct cli *c)
{
    struct buf path = {0};
    engine_key_file(c->store, NULL, &path);
    struct text kept = arena_text(&c->arena, buf_text(&path));
    buf_clear(&path);
    return kept;
}

static void show_json(struct cli *c, struct engine *e, const char *preset, const char *did)
{
    struct json_writer w;
    struct log_head head = book_head(engine_book(e));
    cli_json_begin(c, &w);
    jw_object(&w, NULL);
    jw_str(&w, "store", c->store_label);
    jw_str(&w, "book", c->book);
    jw_text(&w, "key_file", key_path(c));
    jw_str(&w, "preset", preset);
    jw_str(&w, "checkpoint_key", did);
    log_head_json(&w, &head);
    jw_end_object(&w);
    cli_json_end(c);
}

static void show_text(struct cli *c, struct engine *e, const char *preset, const char *did)
{
    struct text key = key_path(c);
    if (c->quiet) {
        return;
    }
    cli_print(c, "Book %s in %s\n", c->book, c->store_label);
    cli_print(c, "Keys in %.*s: they sign the log and open private values.\n", (int)key.len, key.p);
    cli_print(c, "Back this file up apart from the store; without it neither can be done again.\n");
    cli_print(c, "Checkpoints are signed by %s\n", did);
    if (preset != NULL) {
        cli_print(c, "Preset %s: %llu events in the log\n", preset,
                  (unsigned long long)book_head(engine_book(e)).size);
    }
    cli_note(c, "\nNext:\n  mete policy publish FILE    a policy document or .fair manifest\n"
                "  mete ingest FILE|-          events\n"
                "  mete parties                who is owed what");
}

static int init_run(struct cli *c)
{
    const char *preset;
    const struct engine_options o = {.store = c->store,
                                     .book = c->book,
                                     .create_store = true,
                                     .create_book = true,
                                     .clock = CLOCK_REAL};
    struct engine *e = NULL;
    struct mete_err err;
    uint8_t public_key[ED25519_PUBLIC_LEN];
    char did[DID_KEY_TEXT_MAX];
    int status = cli_option_preset(c, &preset);
    status = status == CLI_OK ? cli_store_known(c) : status;
    if (status != CLI_OK) { /* before anything is made */
        return status;
    }
    enum mete_code code = engine_open(&e, &o, &err);
    if (code == METE_OK && preset != NULL) {
        code = preset_submit(e, preset, &err);
        code = code == METE_OK ? engine_commit(e, &err) : code;
    }
    if (code == METE_OK) {
        ed25519_public(public_key, engine_log_seed(e));
        did_key_format(did, public_key);
        (c->json ? show_json : show_text)(c, e, preset, did);
    }
    engine_close(e);
    if (code == METE_STORE_EXISTS) {
        cli_in_file(&err, c->book);
    }
    return code == METE_OK ? CLI_OK : cli_fail(c, &err);
}

static const struct cli_option OPTIONS[] = {
    {"preset", 0, "NAME", "write a preset's events: fair, agents, providers, economy"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_init = {
    .name = "init",
    .operands = "",
    .summary = "make a store, a book and its keys",
    .about = "Refuses a book that exists already; other books of the store are left alone.",
    .option = OPTIONS,
    .no_csv = true,
    .run = init_run};

/* SPDX-License-Identifier: Apache-2.0
 * mete backup verify: is a file still the backup that it was, and is a living store what became of
 * it. */
#include "base/text.h"
#include "cli/backup_check.h"
#include "engine/log.h"
#include "wire/json_values.h"

struct verifying {
    struct cli *c;
    const char *file;
    const char *against; /* NULL: nothing */
    struct backup_checked checked;
    uint64_t *since; /* events of each book of `against` that the backup does not have */
};

/* --- a living store ----------------------------------------------------------------------------*/

/** The backup's log is a beginning of the store's. */
static enum mete_code book_against(struct engine *e, const struct backup_book *b, uint64_t *since,
                                   struct mete_err *err)
{
    struct log_consistency proof;
    uint64_t size = book_size(engine_book(e));
    *since = size - b->size;
    if (size < b->size) {
        return mete_fail(err, METE_PROOF_FAILED, "",
                         "book %.*s of the store has %llu events, the backup has %llu",
                         (int)b->name.len, b->name.p, (unsigned long long)size,
                         (unsigned long long)b->size);
    }
    if (b->size == 0) {
        return METE_OK;
    }
    enum mete_code code = log_prove_consistency(e, b->size, size, &proof, err);
    if (code == METE_OK &&
        !(log_consistency_holds(&proof) && hash_eq(&proof.first_root, &b->root))) {
        code = mete_fail(err, METE_PROOF_FAILED, "",
                         "book %.*s of the store is not a continuation of the backup's",
                         (int)b->name.len, b->name.p);
    }
    return code;
}

static int store_against(struct verifying *v)
{
    const struct backup *b = &v->checked.backup;
    int status = CLI_OK;
    v->since = arena_array(&v->c->arena, b->count + 1, sizeof *v->since);
    backup_turn_to(v->c, v->against, NULL);
    for (size_t i = 0; i < b->count && status == CLI_OK; i++) {
        struct engine *e = NULL;
        struct mete_err err;
        v->c->book = b->book[i].name.p;
        status = cli_open(v->c, CLI_READ, &e);
        if (status == CLI_OK && book_against(e, &b->book[i], &v->since[i], &err) != METE_OK) {
            status = cli_fail(v->c, &err);
        }
        engine_close(e);
    }
    return status;
}

/* --- showing -----------------------------------------------------------------------------------*/

static const char *keys_word(const struct verifying *v)
{
    const struct backup_checked *k = &v->checked;
    return k->keys == NULL ? "none" : k->keys_beside ? "beside" : "elsewhere";
}

static void since_json(struct verifying *v, struct json_writer *w)
{
    const struct backup *b = &v->checked.backup;
    jw_object(w, "against");
    jw_str(w, "store", v->c->store_label);
    jw_array(w, "books");
    for (size_t i = 0; i < b->count; i++) {
        jw_object(w, NULL);
        jw_text(w, "book", b->book[i].name);
        jw_int(w, "newer", (int64_t)v->since[i]);
        jw_end_object(w);
    }
    jw_end_array(w);
    jw_end_object(w);
}

static void show_json(struct verifying *v)
{
    struct json_writer w;
    const struct backup *b = &v->checked.backup;
    cli_json_begin(v->c, &w);
    jw_object(&w, NULL);
    jw_bool(&w, "holds", true);
    jw_str(&w, "file", v->file);
    jw_text(&w, "mete", b->version);
    jw_time(&w, "made_at", b->made_at);
    jw_hash(&w, "sha256", &b->sha256);
    jw_str(&w, "keys", keys_word(v));
    jw_bool(&w, "audited", v->checked.audited);
    backup_books_json(&w, b);
    if (v->against != NULL) {
        since_json(v, &w);
    }
    jw_end_object(&w);
    cli_json_end(v->c);
}

static void show_text(struct verifying *v)
{
    char at[TIME_TEXT_MAX];
    const struct backup *b = &v->checked.backup;
    time_format(b->made_at, at);
    cli_print(v->c, "Whole: a backup of %s, %llu bytes%s\n", at, (unsigned long long)b->bytes,
              v->checked.audited ? "; the audit holds" : "");
    backup_books_text(v->c, b);
    for (size_t i = 0; v->against != NULL && i < b->count; i++) {
        cli_print(v->c, "Since then book %.*s of %s: %llu events\n", (int)b->book[i].name.len,
                  b->book[i].name.p, v->c->store_label, (unsigned long long)v->since[i]);
    }
    if (v->checked.keys != NULL) {
        cli_print(v->c, "Keys %s: they are those of every book\n", v->checked.keys);
    } else {
        cli_note(v->c, "The key file is not here: signatures were not checked, private values not "
                       "opened.");
    }
}

static int backup_verify_run(struct cli *c)
{
    struct verifying v = {.c = c, .file = c->operand[0], .against = cli_option(c, "against")};
    const struct backup_wants wants = {.audit = !cli_flag(c, "no-audit")};
    int status = backup_check(c, v.file, &wants, &v.checked);
    if (status == CLI_OK && v.against != NULL) {
        status = store_against(&v);
    }
    if (status == CLI_OK && c->json) {
        show_json(&v);
    } else if (status == CLI_OK && !c->quiet) {
        show_text(&v);
    }
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"against", 0, "STORE", "and that this store, FILE or URL, goes on where the backup ends"},
    {"no-audit", 0, NULL, "recompute the log, but do not audit the books"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_backup_verify = {
    .name = "backup verify",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "say whether a backup is whole",
    .about = "Compares every byte with the hash that was taken when it was made, then pages and\n"
             "indexes, heads, logs and keys, and audits every book. Nothing is written. Exit\n"
             "status 3 when something is not what it was.",
    .option = OPTIONS,
    .no_csv = true,
    .run = backup_verify_run};

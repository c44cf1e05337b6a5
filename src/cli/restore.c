/* SPDX-License-Identifier: Apache-2.0
 * mete restore: a backup as a store again. It replaces nothing, and a file is there only when it is
 * whole; a database takes one book after the other. */
#include "base/text.h"
#include "cli/backup_check.h"
#include "cli/new_file.h"
#include "engine/copy.h"
#include "store/save.h"
#include "wire/json_values.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define KEY_FILE_MAX 4096

struct restoring {
    struct cli *c;
    const char *backup;
    const char *store;
    const char *key_file; /* where the store looks for its keys */
    bool audit;
    bool has_keys; /* they lie there now */
    struct backup_checked checked;
    struct mete_err err;
};

/* --- keys --------------------------------------------------------------------------------------*/

/** Puts the keys where the store will look for them, unless they are there. */
static enum mete_code keys_restore(struct restoring *r)
{
    struct buf keys = {0};
    const char *from = r->checked.keys;
    if (from == NULL) {
        return METE_OK;
    }
    enum mete_code code = cli_read_file(from, KEY_FILE_MAX, &keys, &r->err);
    code = code == METE_OK ? new_file_keys(r->key_file, buf_text(&keys), &r->err) : code;
    r->has_keys = code == METE_OK;
    secret_wipe(keys.p, keys.len);
    buf_clear(&keys);
    return code;
}

/** What came out has the heads that were written down. */
static enum mete_code heads_check(struct restoring *r, const char *store)
{
    struct backup found = {0};
    enum mete_code code = backup_books(&r->c->arena, store, r->key_file, &found, &r->err);
    return code == METE_OK ? backup_compare(&r->checked.backup, &found, &r->err) : code;
}

/* --- a file ------------------------------------------------------------------------------------*/

/** Nothing is replaced; and a log that lies beside would be taken for the store's own. */
static enum mete_code beside_check(struct restoring *r, const char *file)
{
    static const char *const names[] = {"", "-wal", "-journal", "-shm"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *name = arena_printf(&r->c->arena, "%s%s", file, names[i]).p;
        if (access(name, F_OK) == 0) {
            return mete_fail(&r->err, METE_STORE_EXISTS, "",
                             "%.200s is there already, and stays as it is", name);
        }
    }
    return METE_OK;
}

static enum mete_code image_copy(struct restoring *r, struct new_file *p)
{
    int fd = open(p->partial, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return mete_fail(&r->err, METE_FILE, "", "%.200s: %s", p->partial, strerror(errno));
    }
    enum mete_code code = backup_image_read(r->backup, &r->checked.backup, fd, &r->err);
    if (close(fd) != 0 && code == METE_OK) {
        code = mete_fail(&r->err, METE_FILE, "", "%.200s: %s", p->partial, strerror(errno));
    }
    return code;
}

static enum mete_code into_place(struct restoring *r, const char *file)
{
    struct new_file p = {0};
    enum mete_code code = new_file_begin(&p, &r->c->arena, file, false, &r->err);
    if (code != METE_OK) {
        return code;
    }
    const char *partial = arena_printf(&r->c->arena, "sqlite:%s", p.partial).p;
    code = image_copy(r, &p);
    code = code == METE_OK ? store_check(p.partial, &r->err) : code;
    code = code == METE_OK ? heads_check(r, partial) : code;
    code = code == METE_OK ? keys_restore(r) : code;
    code = code == METE_OK ? new_file_finish(&p, 0600, false, &r->err) : code;
    new_file_drop(&p);
    return code;
}

static enum mete_code into_file(struct restoring *r, const char *file)
{
    int lock = -1;
    enum mete_code code = store_claim(file, &lock, &r->err);
    code = code == METE_OK ? into_place(r, file) : code;
    if (lock >= 0) {
        close(lock);
    }
    return code;
}

/* --- a database --------------------------------------------------------------------------------*/

static enum mete_code empty_check(struct restoring *r)
{
    struct store *s = NULL;
    struct text *names;
    size_t count = 0;
    const struct store_options o = {.read_only = true};
    enum mete_code code = store_open(&s, r->store, &o, &r->err);
    if (code == METE_OK && store_books(s, &r->c->arena, &names, &count, &r->err) != STORE_OK) {
        code = r->err.code;
    }
    store_close(s);
    if (code == METE_OK && count > 0) {
        code = mete_fail(&r->err, METE_STORE_EXISTS, "",
                         "there are %zu books already; if they come from a restore of this backup "
                         "that was interrupted, mete copy --from FILE goes on with it",
                         count);
    }
    return code;
}

static enum mete_code into_database(struct restoring *r)
{
    struct store_copied unused;
    const struct store_copy_options o = {.from =
                                             arena_printf(&r->c->arena, "sqlite:%s", r->backup).p,
                                         .to = r->store,
                                         .no_key_file = true};
    enum mete_code code = keys_restore(r);
    code = code == METE_OK ? store_copy(&o, &unused, &r->err) : code;
    return code == METE_OK ? heads_check(r, r->store) : code;
}

/* --- showing -----------------------------------------------------------------------------------*/

static void show_json(struct restoring *r)
{
    struct json_writer w;
    cli_json_begin(r->c, &w);
    jw_object(&w, NULL);
    jw_str(&w, "store", r->c->store_label);
    jw_str(&w, "file", r->backup);
    jw_time(&w, "made_at", r->checked.backup.made_at);
    jw_str(&w, "key_file", r->has_keys ? r->key_file : NULL);
    jw_bool(&w, "audited", r->audit);
    backup_books_json(&w, &r->checked.backup);
    jw_end_object(&w);
    cli_json_end(r->c);
}

/** What was done after the backup is undone: each of it has somebody who does it again. */
static void show_text(struct restoring *r)
{
    char at[TIME_TEXT_MAX];
    time_format(r->checked.backup.made_at, at);
    cli_print(r->c, "Restored %s from the backup of %s%s; the heads are equal\n", r->c->store_label,
              at, r->audit ? "; the audit holds" : "");
    backup_books_text(r->c, &r->checked.backup);
    cli_print(r->c,
              "What came later is not there:\n"
              "  events: producers send again what they sent from a little before %s on; what is\n"
              "          here already is answered as a duplicate\n"
              "  heads:  whoever holds a larger one than these sees another log from here on:\n"
              "          say so to them\n"
              "  keys:   those made since then are gone, those revoked since then hold again:\n"
              "          mete key list\n"
              "  erased: private values erased since then are back: mete party erase\n",
              at);
    if (!r->has_keys) {
        cli_note(r->c, "Put the key file at %s before a server starts.", r->key_file);
    }
}

static int restored_check(struct restoring *r)
{
    backup_turn_to(r->c, r->store, r->key_file);
    return r->audit && store_is_remote(r->store) ? backup_audit(r->c, &r->checked.backup) : CLI_OK;
}

/* The image is read twice: what it is worth must be known before anything is made of it. */
static int restore_run(struct cli *c)
{
    int status = cli_store_known(c);
    if (status != CLI_OK) {
        return status;
    }
    struct buf keys = {0};
    struct restoring r = {
        .c = c, .backup = c->operand[0], .store = c->store, .audit = !cli_flag(c, "no-audit")};
    const struct backup_wants wants = {.audit = r.audit};
    const char *file = store_file(r.store);
    if (file == NULL && !store_is_remote(r.store)) {
        return cli_usage(c, "--store names a file or a database to restore into");
    }
    engine_key_file(r.store, NULL, &keys);
    r.key_file = arena_text(&c->arena, buf_text(&keys)).p;
    buf_clear(&keys);
    if ((file != NULL ? beside_check(&r, file) : empty_check(&r)) != METE_OK) {
        return cli_fail(c, &r.err);
    }
    status = backup_check(c, r.backup, &wants, &r.checked);
    if (status == CLI_OK && (file != NULL ? into_file(&r, file) : into_database(&r)) != METE_OK) {
        status = cli_fail(c, &r.err);
    }
    status = status == CLI_OK ? restored_check(&r) : status;
    if (status == CLI_OK && c->json) {
        show_json(&r);
    } else if (status == CLI_OK && !c->quiet) {
        show_text(&r);
    }
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"no-audit", 0, NULL, "recompute the log, but do not audit the books"}, {NULL, 0, NULL, NULL}};

const struct cli_command command_restore = {
    .name = "restore",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "make a store of a backup",
    .about = "Checks the backup, then makes the store that --store names of it: a file that is\n"
             "not there yet, or a database without books. Ends with equal heads, and says what\n"
             "has to be done about what came after the backup.",
    .option = OPTIONS,
    .no_csv = true,
    .run = restore_run};

/* SPDX-License-Identifier: Apache-2.0
 * mete backup: an image of the store beside the name that it shall have, sealed, checked, and only
 * then given that name. Until then there is no backup. */
#include "base/text.h"
#include "cli/backup_check.h"
#include "cli/new_file.h"
#include "http/desk.h"
#include "store/steady.h"
#include "wire/json_values.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#ifndef METE_VERSION
#define METE_VERSION "0.1.0"
#endif
#define KEY_FILE_MAX 4096
#define MODE_KEPT    0400 /* nobody writes a backup */

struct keeping {
    struct cli *c;
    const char *file;
    const char *key_file; /* of the store */
    const char *key_copy; /* NULL: none is made */
    struct buf keys;
    struct backup b;
    struct backup_checked checked;
    struct new_file out;
    bool force;
    int64_t begun_ms;
    uint64_t bytes; /* of the whole file */
    struct mete_err err;
};

static int64_t now_ms(void)
{
    return steady_now() / 1000;
}

/* --- where -------------------------------------------------------------------------------------*/

/** In a folder: the store's name and the moment, "mete-20250131T120000Z.db". */
static const char *dated_name(struct keeping *k, const char *folder)
{
    struct buf key = {0};
    char at[TIME_TEXT_MAX];
    char digits[TIME_TEXT_MAX];
    size_t n = 0;
    store_key_file(k->c->store, &key);
    struct text stem = {(const char *)key.p, key.len - strlen(".key")};
    const char *slash = memrchr(stem.p, '/', stem.len);
    if (slash != NULL) {
        stem = (struct text){slash + 1, (size_t)(stem.p + stem.len - slash) - 1};
    }
    stem.len -= stem.len > 3 && memcmp(stem.p + stem.len - 3, ".db", 3) == 0 ? 3 : 0;
    time_format(k->b.made_at / TIME_SECOND_US * TIME_SECOND_US, at);
    for (const char *p = at; *p != '\0'; p++) {
        if (*p != '-' && *p != ':') {
            digits[n++] = *p;
        }
    }
    const char *name =
        arena_printf(&k->c->arena, "%s/%.*s-%.*s.db", folder, (int)stem.len, stem.p, (int)n, digits)
            .p;
    buf_clear(&key);
    return name;
}

/** What --force may replace is another backup: never a store. */
static enum mete_code replaced_check(struct keeping *k)
{
    struct backup old;
    struct stat st;
    if (!k->force || lstat(k->file, &st) != 0) {
        return METE_OK;
    }
    if (backup_read(&k->c->arena, k->file, &old, &k->err) == METE_OK) {
        return METE_OK;
    }
    return mete_fail(&k->err, METE_STORE_EXISTS, "",
                     "%.200s is no whole backup: whether it may go is for you to decide, remove it "
                     "first",
                     k->file);
}

/* --- keys --------------------------------------------------------------------------------------*/

static enum mete_code keys_read(struct keeping *k)
{
    struct buf path = {0};
    bool wanted = !cli_flag(k->c, "without-keys");
    engine_key_file(k->c->store, NULL, &path);
    k->key_file = arena_text(&k->c->arena, buf_text(&path)).p;
    buf_clear(&path);
    enum mete_code code = cli_read_file(k->key_file, KEY_FILE_MAX, &k->keys, &k->err);
    if (code != METE_OK && wanted) {
        struct mete_err why = k->err;
        return mete_fail(&k->err, METE_SEAL_KEY, "",
                         "no key file to copy: %.200s; METE_KEY_FILE names it, --without-keys "
                         "leaves it out",
                         why.text);
    }
    k->b.keys_known = code == METE_OK;
    k->b.keys = sha256(buf_bytes(&k->keys));
    k->b.keys_beside = wanted;
    k->key_copy = wanted ? arena_printf(&k->c->arena, "%s.key", k->file).p : NULL;
    return METE_OK;
}

/* --- making ------------------------------------------------------------------------------------*/

static enum mete_code image_make(struct keeping *k)
{
    const char *partial = k->out.partial;
    const char *image = arena_printf(&k->c->arena, "sqlite:%s", partial).p;
    enum mete_code code = backup_image(k->c->store, partial, &k->err);
    code = code == METE_OK ? backup_books(&k->c->arena, image, k->b.keys_known ? k->key_file : NULL,
                                          &k->b, &k->err)
                           : code;
    return code == METE_OK ? backup_seal(partial, &k->b, &k->err) : code;
}

/** The keys are there before what they open, so that whoever sees a backup sees all of it. */
static enum mete_code put_in_place(struct keeping *k)
{
    struct stat st;
    enum mete_code code = METE_OK;
    if (k->key_copy != NULL) {
        code = new_file_keys(k->key_copy, buf_text(&k->keys), &k->err);
    }
    code = code == METE_OK ? new_file_finish(&k->out, MODE_KEPT, k->force, &k->err) : code;
    k->bytes = code == METE_OK && stat(k->file, &st) == 0 ? (uint64_t)st.st_size : 0;
    return code;
}

static int make(struct keeping *k)
{
    const struct backup_wants wants = {.keys = k->b.keys_known ? k->key_file : NULL,
                                       .audit = !cli_flag(k->c, "no-audit")};
    if (image_make(k) != METE_OK) {
        return cli_fail(k->c, &k->err);
    }
    int status = backup_check(k->c, k->out.partial, &wants, &k->checked);
    if (status == CLI_OK && put_in_place(k) != METE_OK) {
        status = cli_fail(k->c, &k->err);
    }
    return status;
}

/* --- showing -----------------------------------------------------------------------------------*/

static void show_json(struct keeping *k)
{
    struct json_writer w;
    cli_json_begin(k->c, &w);
    jw_object(&w, NULL);
    jw_str(&w, "file", k->file);
    jw_int(&w, "bytes", (int64_t)k->bytes);
    jw_hash(&w, "sha256", &k->b.sha256);
    jw_str(&w, "key_file", k->key_copy);
    jw_time(&w, "made_at", k->b.made_at);
    jw_int(&w, "took_ms", now_ms() - k->begun_ms);
    jw_bool(&w, "audited", k->checked.audited);
    backup_books_json(&w, &k->b);
    jw_end_object(&w);
    cli_json_end(k->c);
}

static void show_text(struct keeping *k)
{
    int64_t ms = now_ms() - k->begun_ms;
    cli_print(k->c, "Backup %s: %llu bytes, %zu books, %lld.%03lld s%s\n", k->file,
              (unsigned long long)k->bytes, k->b.count, (long long)(ms / 1000),
              (long long)(ms % 1000), k->checked.audited ? "; the audit holds" : "");
    backup_books_text(k->c, &k->b);
    if (k->key_copy != NULL) {
        cli_print(k->c,
                  "Keys %s: they sign, and open private values; who has both files can read all\n",
                  k->key_copy);
    } else {
        cli_note(k->c, "The key file is not in it: without that, nothing can be signed and no "
                       "private value be opened.");
    }
}

static int keep(struct keeping *k)
{
    struct stat st;
    const char *given = k->c->operand[0];
    bool is_folder = stat(given, &st) == 0 && S_ISDIR(st.st_mode);
    k->file = is_folder ? dated_name(k, given) : given;
    enum mete_code code = replaced_check(k);
    code = code == METE_OK ? keys_read(k) : code;
    code =
        code == METE_OK ? new_file_begin(&k->out, &k->c->arena, k->file, k->force, &k->err) : code;
    if (code != METE_OK) {
        return cli_fail(k->c, &k->err);
    }
    int status = make(k);
    new_file_drop(&k->out);
    if (status == CLI_OK) {
        if (k->c->json) {
            show_json(k);
        } else if (!k->c->quiet) {
            show_text(k);
        }
    }
    return status;
}

static int backup_run(struct cli *c)
{
    int status = cli_store_known(c);
    if (status != CLI_OK) {
        return status;
    }
    struct keeping k = {.c = c,
                        .b = {.version = text_of(METE_VERSION), .made_at = desk_now()},
                        .force = cli_flag(c, "force"),
                        .begun_ms = now_ms()};
    status = keep(&k);
    secret_wipe(k.keys.p, k.keys.len);
    buf_clear(&k.keys);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"force", 0, NULL, "replace a backup of that name"},
    {"no-audit", 0, NULL, "recompute the log, but do not audit the books"},
    {"without-keys", 0, NULL, "do not copy the key file: it is kept elsewhere"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_backup = {
    .name = "backup",
    .operands = "FILE|DIRECTORY",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "an image of the store, while it is in use",
    .about = "Writes all books of the store as they are now into one file, and the key file\n"
             "beside it as FILE.key; who writes the store goes on. The file has its name only\n"
             "when it is whole and checked. In a directory its name is the store's and the date.",
    .option = OPTIONS,
    .no_csv = true,
    .run = backup_run};

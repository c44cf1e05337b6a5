/* SPDX-License-Identifier: Apache-2.0
 * From the outside to the inside: bytes, then pages, then heads, then every row. What is further
 * inside is not looked at when it lies in something that is damaged. */
#include "cli/backup_check.h"

#include "base/text.h"
#include "cli/audit.h"
#include "engine/log.h"
#include "store/save.h"
#include "wire/json_values.h"

#include <stdlib.h>
#include <unistd.h>

#define KEY_FILE_MAX 4096

struct checking {
    struct cli *c;
    const char *file;
    const struct backup_wants *wants;
    struct backup_checked *out;
    struct mete_err err;
};

void backup_turn_to(struct cli *c, const char *store, const char *key_file)
{
    struct buf label = {0};
    store_label(store, &label);
    c->store = store;
    c->store_label = arena_text(&c->arena, buf_text(&label)).p;
    c->key_file = key_file;
    buf_clear(&label);
}

/* --- bytes -------------------------------------------------------------------------------------*/

/** A file that somebody opened as a store and wrote to is a backup no more. */
static enum mete_code untouched_check(struct checking *k)
{
    static const char *const beside[] = {"-wal", "-journal"};
    for (size_t i = 0; i < ARRAY_LEN(beside); i++) {
        const char *name = arena_printf(&k->c->arena, "%s%s", k->file, beside[i]).p;
        if (access(name, F_OK) == 0) {
            return mete_fail(&k->err, METE_STORE_CORRUPT, "",
                             "%.200s lies beside it: somebody has written into the backup", name);
        }
    }
    return METE_OK;
}

static enum mete_code bytes_check(struct checking *k)
{
    struct backup *b = &k->out->backup;
    enum mete_code code = backup_read(&k->c->arena, k->file, b, &k->err);
    code = code == METE_OK ? backup_image_read(k->file, b, -1, &k->err) : code;
    code = code == METE_OK ? untouched_check(k) : code;
    return code == METE_OK ? store_check(k->file, &k->err) : code;
}

/* --- keys --------------------------------------------------------------------------------------*/

static enum mete_code keys_hash(struct checking *k, const char *path, struct hash *out)
{
    struct buf text = {0};
    enum mete_code code = cli_read_file(path, KEY_FILE_MAX, &text, &k->err);
    *out = sha256(buf_bytes(&text));
    secret_wipe(text.p, text.len);
    buf_clear(&text);
    return code;
}

static enum mete_code beside_check(struct checking *k, const char *path)
{
    struct hash found;
    const struct backup *b = &k->out->backup;
    enum mete_code code = keys_hash(k, path, &found);
    if (code == METE_OK && b->keys_known && !hash_eq(&found, &b->keys)) {
        code = mete_fail(&k->err, METE_STORE_CORRUPT, "",
                         "%.200s is not the key file that the store had", path);
    }
    return code;
}

/** Which key file is meant, and whether it has to be there. */
static enum mete_code keys_find(struct checking *k)
{
    struct backup_checked *out = k->out;
    const char *beside = arena_printf(&k->c->arena, "%s.key", k->file).p;
    const char *named = getenv("METE_KEY_FILE");
    out->keys = k->wants->keys;
    if (out->keys != NULL) {
        return METE_OK;
    }
    if (access(beside, F_OK) == 0) {
        out->keys = beside;
        out->keys_beside = true;
        return beside_check(k, beside);
    }
    if (named != NULL && named[0] != '\0' && access(named, F_OK) == 0) {
        out->keys = named;
    } else if (out->backup.keys_beside) {
        return mete_fail(&k->err, METE_SEAL_KEY, "",
                         "the key file %.200s that was copied with it is not there; METE_KEY_FILE "
                         "names another copy",
                         beside);
    }
    return METE_OK;
}

/* --- books -------------------------------------------------------------------------------------*/

/** Signing the same head twice gives the same note: the key is the one that signed. */
static enum mete_code notes_compare(struct checking *k, const struct backup *found)
{
    const struct backup *b = &k->out->backup;
    k->out->keys_fit = k->out->keys != NULL;
    for (size_t i = 0; i < b->count; i++) {
        struct text have = found->book[i].note;
        k->out->keys_fit = k->out->keys_fit && have.len > 0;
        if (have.len > 0 && b->book[i].note.len > 0 && !text_eq(have, b->book[i].note)) {
            return mete_fail(&k->err, k->out->keys_beside ? METE_PROOF_FAILED : METE_SEAL_KEY, "",
                             "the head of book %.*s was not signed by the keys of %.200s",
                             (int)b->book[i].name.len, b->book[i].name.p, k->out->keys);
        }
    }
    if (k->out->keys != NULL && !k->out->keys_fit) {
        return mete_fail(&k->err, METE_SEAL_KEY, "", "%.200s is not the key file of every book",
                         k->out->keys);
    }
    return METE_OK;
}

static enum mete_code heads_check(struct checking *k)
{
    struct backup found = {0};
    const char *store = k->c->store;
    enum mete_code code = backup_books(&k->c->arena, store, k->c->key_file, &found, &k->err);
    code = code == METE_OK ? backup_compare(&k->out->backup, &found, &k->err) : code;
    return code == METE_OK ? notes_compare(k, &found) : code;
}

static int logs_check(struct cli *c, const struct backup *b)
{
    int status = CLI_OK;
    for (size_t i = 0; i < b->count && status == CLI_OK; i++) {
        struct engine *e = NULL;
        struct mete_err err;
        struct log_verdict verdict;
        c->book = b->book[i].name.p;
        status = cli_open(c, CLI_READ, &e);
        if (status == CLI_OK && log_verify(e, &verdict, &err) != METE_OK) {
            status = cli_fail(c, &err);
        }
        engine_close(e);
    }
    return status;
}

int backup_audit(struct cli *c, const struct backup *b)
{
    int status = CLI_OK;
    for (size_t i = 0; i < b->count && status == CLI_OK; i++) {
        c->book = b->book[i].name.p;
        status = audit_quietly(c);
    }
    return status;
}

int backup_check(struct cli *c, const char *file, const struct backup_wants *wants,
                 struct backup_checked *out)
{
    struct checking k = {.c = c, .file = file, .wants = wants, .out = out};
    *out = (struct backup_checked){0};
    enum mete_code code = bytes_check(&k);
    code = code == METE_OK ? keys_find(&k) : code;
    if (code == METE_OK) {
        const char *none = arena_printf(&c->arena, "%s.key", file).p;
        backup_turn_to(c, arena_printf(&c->arena, "sqlite:%s", file).p,
                       out->keys != NULL ? out->keys : none);
        code = heads_check(&k);
    }
    if (code != METE_OK) {
        return cli_fail(c, &k.err);
    }
    int status = wants->audit ? backup_audit(c, &out->backup) : logs_check(c, &out->backup);
    out->audited = status == CLI_OK && wants->audit;
    return status;
}

/* --- showing -----------------------------------------------------------------------------------*/

void backup_books_json(struct json_writer *w, const struct backup *b)
{
    jw_array(w, "books");
    for (size_t i = 0; i < b->count; i++) {
        const struct backup_book *k = &b->book[i];
        jw_object(w, NULL);
        jw_text(w, "book", k->name);
        jw_int(w, "size", (int64_t)k->size);
        jw_hash(w, "root", &k->root);
        jw_time(w, "recorded_at", k->size > 0 ? k->recorded_at : TIME_NEVER);
        jw_text_or_null(w, "checkpoint", k->note);
        jw_end_object(w);
    }
    jw_end_array(w);
}

void backup_books_text(struct cli *c, const struct backup *b)
{
    for (size_t i = 0; i < b->count; i++) {
        char root[65];
        char at[TIME_TEXT_MAX];
        const struct backup_book *k = &b->book[i];
        hash_hex(&k->root, root);
        time_format(k->recorded_at, at);
        cli_print(c, "Book %.*s: %llu events%s%s\n     head %s\n", (int)k->name.len, k->name.p,
                  (unsigned long long)k->size, k->size > 0 ? ", the last of " : "",
                  k->size > 0 ? at : "", root);
    }
}

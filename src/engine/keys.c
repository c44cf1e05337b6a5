/* SPDX-License-Identifier: Apache-2.0
 * The key file of a store: what signs its checkpoints and opens its sealed values. It lies beside
 * the store, or on each machine that writes a database, readable by its owner alone, and belongs
 * into a safe place of its own. */
#include "engine/internal.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_LEN_MAX 4096

/* What a book remembers of its key file. */
#define PIN_LOG  "log_key"  /* the public half of what signs */
#define PIN_SEAL "seal_key" /* a digest of what seals */

static const char HEADER[] = "# mete keys: signs checkpoints, opens sealed values. Keep a copy; "
                             "show it to nobody.\n";

/** All of it, durably; 0 or errno. */
static int fd_fill(int fd, struct text all)
{
    for (size_t at = 0; at < all.len;) {
        ssize_t n = write(fd, all.p + at, all.len - at);
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return fsync(fd) == 0 ? 0 : errno;
}

/** A name lasts when its folder is written; 0 or errno. Some file systems know no such thing: then
 *  it does. */
int key_file_keep(const char *path)
{
    char folder[PATH_LEN_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (!text_copy(folder, sizeof folder, len > 0 ? (struct text){path, len} : TEXT("."))) {
        return ENAMETOOLONG;
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int why = fd >= 0 && fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP ? errno : 0;
    if (fd >= 0) {
        close(fd);
    }
    return why;
}

int key_file_make(const char *path, const char *partial, struct text all)
{
    (void)unlink(partial); /* of a process that had our number */
    int fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    int why = fd_fill(fd, all);
    why = close(fd) != 0 && why == 0 ? errno : why;
    if (why == 0 && link(partial, path) != 0) {
        why = errno;
        if (why == EPERM || why == ENOTSUP || why == ENOSYS) { /* no second names there */
            why = access(path, F_OK) == 0 ? EEXIST : rename(partial, path) == 0 ? 0 : errno;
        }
    }
    (void)unlink(partial);
    return why == 0 ? key_file_keep(path) : why;
}

/** What it would open and sign with is about to be used: half of it is worse than none. */
static int file_make(const char *path, struct text all)
{
    char partial[PATH_LEN_MAX];
    int n = snprintf(partial, sizeof partial, "%s.partial-%ld", path, (long)getpid());
    return n < 0 || (size_t)n >= sizeof partial ? ENAMETOOLONG : key_file_make(path, partial, all);
}

/** *exists: another process has made the file meanwhile, and its keys count. */
static enum mete_code keys_make(struct engine *e, const char *path, bool *exists,
                                struct mete_err *err)
{
    char hex[65];
    char text[KEY_FILE_MAX];
    random_bytes(e->log_seed, sizeof e->log_seed);
    random_bytes(e->seal_key, sizeof e->seal_key);
    hex_encode(hex, (struct bytes){e->log_seed, sizeof e->log_seed});
    int n = snprintf(text, sizeof text, "%slog-seed %s\n", HEADER, hex);
    hex_encode(hex, (struct bytes){e->seal_key, sizeof e->seal_key});
    n += snprintf(text + n, sizeof text - (size_t)n, "seal-key %s\n", hex);
    int why = file_make(path, (struct text){text, (size_t)n});
    secret_wipe(text, sizeof text);
    secret_wipe(hex, sizeof hex);
    e->has_keys = why == 0;
    *exists = why == EEXIST;
    return why == 0 ? METE_OK
                    : mete_fail(err, METE_FILE, "", "cannot write the key file %s: %s", path,
                                strerror(why));
}

/** The 32 bytes after `name` on a line of its own. */
static bool key_find(const char *text, const char *name, uint8_t out[32])
{
    const char *at = strstr(text, name);
    return at != NULL && strlen(at) >= strlen(name) + 64 &&
           hex_decode(out, 32, (struct text){at + strlen(name), 64});
}

static enum mete_code keys_read(struct engine *e, const char *path, int fd, struct mete_err *err)
{
    char text[KEY_FILE_MAX];
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    e->has_keys =
        key_find(text, "\nlog-seed ", e->log_seed) && key_find(text, "\nseal-key ", e->seal_key);
    e->has_payout_key = key_find(text, "\n" KEY_FILE_PAYOUT, e->payout_key);
    secret_wipe(text, sizeof text);
    return e->has_keys ? METE_OK
                       : mete_fail(err, METE_SEAL_KEY, "", "%s holds no keys of mete", path);
}

/** *is_new: nothing in the store can have been sealed or signed yet; only then may a missing key
 *  file be made. */
static enum mete_code store_look(struct engine *e, bool *is_new, struct mete_err *err)
{
    struct arena a;
    struct text *names;
    size_t count = 0;
    arena_init(&a, (size_t)1 << 28);
    bool fine = store_books(e->store, &a, &names, &count, err) == STORE_OK;
    arena_clear(&a);
    *is_new = fine && count <= 1 && book_size(e->book) == 0;
    return fine ? METE_OK : err->code;
}

/** 0, or errno: the file cannot be read. */
static int keys_open(struct engine *e, const char *path, enum mete_code *code, struct mete_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    *code = keys_read(e, path, fd, err);
    close(fd);
    return 0;
}

enum mete_code engine_keys_load(struct engine *e, const char *path, bool create,
                                struct mete_err *err)
{
    enum mete_code code = METE_OK;
    int why = keys_open(e, path, &code, err);
    if (why == ENOENT && create) {
        bool is_new = false;
        bool exists = true; /* unless the store is new, and stays so until the file is made */
        code = store_look(e, &is_new, err);
        code = code == METE_OK && is_new ? keys_make(e, path, &exists, err) : code;
        if (!exists || (code != METE_OK && !is_new)) {
            return code;
        }
        why = keys_open(e, path, &code, err);
    }
    if (why == 0) {
        return code;
    }
    if (why == ENOENT && e->read_only) {
        return METE_OK; /* reading needs no keys; what needs them says so */
    }
    return mete_fail(err, METE_SEAL_KEY, "", "cannot read the key file %s: %s", path,
                     strerror(why));
}

void engine_key_file(const char *store, const char *given, struct buf *out)
{
    const char *named = given != NULL ? given : getenv("METE_KEY_FILE");
    if (named != NULL && named[0] != '\0') {
        buf_put_str(out, named);
    } else {
        store_key_file(store, out);
    }
    buf_put_u8(out, 0);
    out->len--;
}

/** The book keeps `value` when it has none yet. *same is false when it has another one. */
static enum mete_code pin(struct engine *e, const char *name, struct text value, bool *same,
                          struct mete_err *err)
{
    struct arena a;
    struct text pinned;
    enum mete_code code = METE_OK;
    arena_init(&a, 1 << 20);
    enum store_result r = book_meta_get(e->book, name, &a, &pinned, err);
    if (r == STORE_NONE && !e->read_only) {
        bool kept = book_meta_set(e->book, name, value, err) == STORE_OK &&
                    book_commit(e->book, err) == STORE_OK;
        code = kept ? METE_OK : err->code;
    } else if (r == STORE_FAILED) {
        code = err->code;
    }
    *same = *same && (r != STORE_OK || text_eq(pinned, value));
    arena_clear(&a);
    return code;
}

bool engine_keys_pinned(struct engine *e)
{
    struct arena a;
    struct text pinned;
    struct mete_err unused;
    arena_init(&a, 1 << 20);
    enum store_result r = book_meta_get(e->book, PIN_LOG, &a, &pinned, &unused);
    arena_clear(&a);
    return r != STORE_NONE;
}

/** 64 hex digits that only this key gives and that tell nothing of it: it is 32 random bytes. */
static void seal_key_digest(const struct engine *e, char out[65])
{
    const struct bytes parts[] = {text_bytes(TEXT("mete seal key v1")),
                                  {e->seal_key, sizeof e->seal_key}};
    const struct hash h = sha256_parts(parts, ARRAY_LEN(parts));
    hash_hex(&h, out);
}

enum mete_code engine_keys_pin(struct engine *e, struct mete_err *err)
{
    uint8_t public_key[ED25519_PUBLIC_LEN];
    char did[DID_KEY_TEXT_MAX];
    char digest[65];
    bool same = true;
    if (!e->has_keys) {
        return METE_OK;
    }
    ed25519_public(public_key, e->log_seed);
    did_key_format(did, public_key);
    seal_key_digest(e, digest);
    enum mete_code code = pin(e, PIN_LOG, text_of(did), &same, err);
    if (code == METE_OK && same) {
        code = pin(e, PIN_SEAL, text_of(digest), &same, err);
    }
    if (code == METE_OK && !same) {
        e->has_keys = false;
        secret_wipe(e->log_seed, sizeof e->log_seed);
        secret_wipe(e->seal_key, sizeof e->seal_key);
        code = e->read_only ? METE_OK
                            : mete_fail(err, METE_SEAL_KEY, "",
                                        "the book was made with another key file than this one: "
                                        "copy that one here, METE_KEY_FILE names it");
    }
    return code;
}

enum mete_code engine_seal_key_read(const char *store, uint8_t out[SEAL_KEY_LEN],
                                    struct mete_err *err)
{
    struct engine keys = {0};
    struct buf path = {0};
    engine_key_file(store, NULL, &path);
    const char *name = buf_text(&path).p;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    enum mete_code code = METE_OK;
    if (fd >= 0) {
        code = keys_read(&keys, name, fd, err);
        close(fd);
    } else {
        code = mete_fail(err, METE_SEAL_KEY, "", "cannot read the key file %s: %s", name,
                         strerror(errno));
    }
    memcpy(out, keys.seal_key, SEAL_KEY_LEN);
    secret_wipe(keys.log_seed, sizeof keys.log_seed);
    secret_wipe(keys.seal_key, sizeof keys.seal_key);
    buf_clear(&path);
    return code;
}

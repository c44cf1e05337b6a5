/* SPDX-License-Identifier: Apache-2.0
 * One book after the other, then the keys of their users. The key file comes first: a book whose
 * sealed values nobody can open any more would be no copy. */
#include "engine/copy.h"
#include "store/wall.h"

#include "base/text.h"
#include "engine/internal.h"
#include "store/api_key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define KEY_FILE_MAX   1024
#define ARENA_SIZE_MAX ((size_t)256 << 20)

struct moving {
    const struct store_copy_options *o;
    struct store_copied *out;
    struct store *from;
    struct store *to;
    struct text book; /* the present one */
    struct mete_err *err;
};

/* --- the key file ------------------------------------------------------------------------------*/

/** The text of a key file; *len 0: there is none. */
static enum mete_code key_file_read(const char *path, char text[KEY_FILE_MAX], size_t *len,
                                    struct mete_err *err)
{
    *len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return METE_OK;
    }
    ssize_t got = fd >= 0 ? read(fd, text, KEY_FILE_MAX) : -1;
    int why = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (got <= 0) {
        return mete_fail(err, METE_SEAL_KEY, "", "cannot read the key file %.150s: %s", path,
                         strerror(got == 0 ? EIO : why));
    }
    *len = (size_t)got;
    return METE_OK;
}

static enum mete_code key_file_write(const char *path, const char *text, size_t len,
                                     struct mete_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool written = fd >= 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    if (fd >= 0) {
        written = close(fd) == 0 && written;
    }
    return written ? METE_OK
                   : mete_fail(err, METE_FILE, "", "cannot write the key file %.150s: %s", path,
                               strerror(errno));
}

static enum mete_code key_files_join(struct moving *m, const char *from, const char *to)
{
    char source[KEY_FILE_MAX];
    char have[KEY_FILE_MAX];
    size_t source_len;
    size_t have_len = 0;
    enum mete_code code = key_file_read(from, source, &source_len, m->err);
    if (code == METE_OK && source_len == 0) {
        code = mete_fail(m->err, METE_SEAL_KEY, "", "there is no key file %.150s to copy", from);
    }
    code = code == METE_OK ? key_file_read(to, have, &have_len, m->err) : code;
    if (code == METE_OK && have_len == 0) {
        code = key_file_write(to, source, source_len, m->err);
        m->out->key_file_copied = code == METE_OK;
    } else if (code == METE_OK &&
               (have_len != source_len || memcmp(have, source, source_len) != 0)) {
        code = mete_fail(m->err, METE_SEAL_KEY, "",
                         "another key file than %.80s lies at %.80s: move it away", from, to);
    }
    secret_wipe(source, sizeof source);
    secret_wipe(have, sizeof have);
    return code;
}

static enum mete_code key_file_copy(struct moving *m)
{
    struct buf from = {0};
    struct buf to = {0};
    engine_key_file(m->o->from, NULL, &from);
    engine_key_file(m->o->to, NULL, &to);
    enum mete_code code = text_eq(buf_text(&from), buf_text(&to))
                              ? METE_OK
                              : key_files_join(m, buf_text(&from).p, buf_text(&to).p);
    buf_clear(&from);
    buf_clear(&to);
    return code;
}

/* --- books -------------------------------------------------------------------------------------*/

static void tell_group(void *arg, uint64_t done, uint64_t all)
{
    struct moving *m = arg;
    if (m->o->tell != NULL) {
        m->o->tell(m->o->tell_ctx, m->book, NULL, done, all);
    }
}

static enum mete_code one_book(struct moving *m)
{
    struct book *from = NULL;
    struct book *to = NULL;
    struct book_copied copied;
    enum mete_code code = book_open(&from, m->from, m->book, false, m->err);
    if (code == METE_OK) {
        code = book_open(&to, m->to, m->book, false, m->err);
        if (code == METE_STORE_MISSING) {
            code = book_open(&to, m->to, m->book, true, m->err);
        }
    }
    if (code == METE_OK) {
        tell_group(m, book_size(to), book_size(from));
        code = book_copy(from, to, tell_group, m, &copied, m->err);
    }
    book_close(to);
    book_close(from);
    if (code == METE_OK) {
        m->out->books++;
        if (m->o->tell != NULL) {
            m->o->tell(m->o->tell_ctx, m->book, &copied, copied.size, copied.size);
        }
    }
    return code;
}

static enum mete_code books_copy(struct moving *m)
{
    struct arena a;
    struct text *names = NULL;
    size_t count = 0;
    enum mete_code code = METE_OK;
    arena_init(&a, ARENA_SIZE_MAX);
    if (m->o->book != NULL) {
        m->book = text_of(m->o->book);
        code = one_book(m);
    } else if (store_books(m->from, &a, &names, &count, m->err) != STORE_OK) {
        code = m->err->code;
    }
    for (size_t i = 0; i < count && code == METE_OK; i++) {
        m->book = names[i];
        code = one_book(m);
    }
    arena_clear(&a);
    return code;
}

/* --- keys of users -----------------------------------------------------------------------------*/

struct key_copying {
    struct moving *m;
    struct api_keys *to;
    const struct api_key *wanted;
    bool there;
    bool ended_alike;
    enum mete_code code;
};

static bool key_compare(void *arg, const struct api_key *have)
{
    struct key_copying *k = arg;
    if (text_eq(have->key_id, k->wanted->key_id)) {
        k->there = true;
        k->ended_alike = have->revoked_at <= k->wanted->revoked_at;
    }
    return !k->there;
}

static bool key_copy(void *arg, const struct api_key *key)
{
    struct key_copying *k = arg;
    struct moving *m = k->m;
    if (m->o->book != NULL && !text_is(key->book, m->o->book)) {
        return true;
    }
    k->wanted = key;
    k->there = false;
    k->ended_alike = key->revoked_at == TIME_NEVER;
    k->code = api_keys_read(k->to, key_compare, k, m->err);
    bool changed = k->code == METE_OK && !(k->there && k->ended_alike);
    if (k->code == METE_OK && !k->there) {
        k->code = api_keys_add(k->to, key, m->err);
    }
    if (k->code == METE_OK && !k->ended_alike) {
        k->code = api_keys_revoke(k->to, key->key_id, key->revoked_at, m->err);
    }
    m->out->keys += changed && k->code == METE_OK;
    return k->code == METE_OK;
}

static enum mete_code keys_copy(struct moving *m)
{
    struct api_keys *from = NULL;
    struct key_copying k = {.m = m};
    enum mete_code code = api_keys_open(&from, m->o->from, false, m->err);
    code = code == METE_OK ? api_keys_open(&k.to, m->o->to, true, m->err) : code;
    code = code == METE_OK ? api_keys_read(from, key_copy, &k, m->err) : code;
    api_keys_close(k.to);
    api_keys_close(from);
    return code != METE_OK ? code : k.code;
}

enum mete_code store_copy(const struct store_copy_options *o, struct store_copied *out,
                          struct mete_err *err)
{
    struct moving m = {.o = o, .out = out, .err = err};
    const struct store_options reading = {.read_only = true};
    const struct store_options writing = {.create = true, .now = wall_now()};
    *out = (struct store_copied){0};
    enum mete_code code = store_open(&m.from, o->from, &reading, err);
    code = code == METE_OK && !o->no_key_file ? key_file_copy(&m) : code;
    code = code == METE_OK ? store_open(&m.to, o->to, &writing, err) : code;
    code = code == METE_OK ? books_copy(&m) : code;
    store_close(m.to);
    store_close(m.from);
    return code == METE_OK ? keys_copy(&m) : code;
}

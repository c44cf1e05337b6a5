/* SPDX-License-Identifier: Apache-2.0
 * The image and what is written behind it. The last line has a fixed length, so that it can be
 * found from the end; it is compared as a whole, so no byte of it can differ. */
#include "engine/backup.h"

#include "base/text.h"
#include "engine/copy.h"
#include "engine/internal.h"
#include "engine/log.h"
#include "store/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ARENA_SIZE_MAX ((size_t)256 << 20)
#define CHUNK_SIZE     ((size_t)1 << 20)
#define SEAL_MAGIC     "mete-backup/1 "
#define SEAL_LEN       (sizeof SEAL_MAGIC - 1 + 10 + 1 + 64 + 1)
#define TEXT_SIZE_MAX  ((size_t)64 << 20)

static enum mete_code file_failed(const char *path, struct mete_err *err)
{
    return mete_fail(err, METE_FILE, "", "%.200s: %s", path, strerror(errno));
}

static enum mete_code damaged(const char *path, const char *what, struct mete_err *err)
{
    return mete_fail(err, METE_STORE_CORRUPT, "", "%.200s %s", path, what);
}

/* --- books -------------------------------------------------------------------------------------*/

static enum mete_code book_read(struct arena *a, struct engine *e, struct backup_book *out)
{
    struct log_head head = book_head(e->book);
    out->size = head.size;
    out->root = head.root;
    out->recorded_at = head.recorded_at;
    out->note = log_note(e, a, head.size);
    return METE_OK;
}

static enum mete_code names_read(struct arena *a, const char *store, struct text **names,
                                 size_t *count, struct mete_err *err)
{
    struct store *s = NULL;
    const struct store_options o = {.read_only = true};
    enum mete_code code = store_open(&s, store, &o, err);
    if (code == METE_OK && store_books(s, a, names, count, err) != STORE_OK) {
        code = err->code;
    }
    store_close(s);
    return code;
}

enum mete_code backup_books(struct arena *a, const char *store, const char *key_file,
                            struct backup *out, struct mete_err *err)
{
    struct text *names = NULL;
    size_t count = 0;
    enum mete_code code = names_read(a, store, &names, &count, err);
    out->count = 0;
    out->book = arena_array(a, count + 1, sizeof *out->book);
    for (size_t i = 0; i < count && code == METE_OK; i++) {
        struct engine *e = NULL;
        const struct engine_options o = {.store = store,
                                         .book = names[i].p,
                                         .key_file = key_file,
                                         .read_only = true,
                                         .clock = CLOCK_REAL};
        code = engine_open(&e, &o, err);
        if (code == METE_OK) {
            out->book[out->count].name = names[i];
            code = book_read(a, e, &out->book[out->count++]);
            engine_close(e);
        }
    }
    return code;
}

enum mete_code backup_compare(const struct backup *wanted, const struct backup *found,
                              struct mete_err *err)
{
    if (wanted->count != found->count) {
        return mete_fail(err, METE_PROOF_FAILED, "", "there are %zu books instead of %zu",
                         found->count, wanted->count);
    }
    for (size_t i = 0; i < wanted->count; i++) {
        const struct backup_book *w = &wanted->book[i];
        const struct backup_book *f = &found->book[i];
        if (!text_eq(w->name, f->name) || w->size != f->size || !hash_eq(&w->root, &f->root)) {
            return mete_fail(err, METE_PROOF_FAILED, "",
                             "book %.*s has %llu events and another head than the %llu of the "
                             "backup",
                             (int)w->name.len, w->name.p, (unsigned long long)f->size,
                             (unsigned long long)w->size);
        }
    }
    return METE_OK;
}

/* --- writing -----------------------------------------------------------------------------------*/

enum mete_code backup_image(const char *store, const char *path, struct mete_err *err)
{
    const char *file = store_file(store);
    if (file != NULL) {
        return store_save(file, path, err);
    }
    if (!store_is_remote(store)) {
        return mete_fail(err, METE_USAGE, "", "this store has nothing that could be kept");
    }
    struct store_copied unused;
    struct buf to = {0};
    buf_printf(&to, "sqlite:%s", path);
    buf_put_u8(&to, 0);
    const struct store_copy_options o = {
        .from = store, .to = (const char *)to.p, .no_key_file = true};
    enum mete_code code = store_copy(&o, &unused, err);
    buf_clear(&to);
    return code == METE_OK ? store_settle(path, err) : code;
}

static bool write_all(int fd, struct bytes b)
{
    while (b.len > 0) {
        ssize_t n = write(fd, b.p, b.len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        b.p += n > 0 ? n : 0;
        b.len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/** Hashes the next `want` bytes of a file, or what there is, and passes them on. False: errno. */
static bool hash_file(int fd, int to, uint64_t want, struct hash *out, uint64_t *got)
{
    struct buf chunk = {0};
    struct hashing *h = hashing_new();
    bool fine = true;
    *got = 0;
    buf_reserve(&chunk, CHUNK_SIZE);
    while (fine && *got < want) {
        size_t max = want - *got < CHUNK_SIZE ? (size_t)(want - *got) : CHUNK_SIZE;
        ssize_t n = read(fd, chunk.p, max);
        if (n == 0) {
            break;
        }
        fine = n > 0 || errno == EINTR;
        if (n > 0) {
            const struct bytes piece = {chunk.p, (size_t)n};
            hashing_add(h, piece);
            *got += (uint64_t)n;
            fine = to < 0 || write_all(to, piece);
        }
    }
    *out = hashing_end(h);
    buf_clear(&chunk);
    return fine;
}

/** The line that makes the text before it, and itself, unchangeable. */
static void seal_text(struct bytes text, char out[SEAL_LEN + 1])
{
    char hex[65];
    struct hash h = sha256(text);
    hash_hex(&h, hex);
    (void)snprintf(out, SEAL_LEN + 1, SEAL_MAGIC "%010zu %s\n", text.len, hex);
}

enum mete_code backup_seal(const char *path, struct backup *b, struct mete_err *err)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || !hash_file(fd, -1, UINT64_MAX, &b->sha256, &b->bytes)) {
        enum mete_code code = file_failed(path, err);
        if (fd >= 0) {
            close(fd);
        }
        return code;
    }
    struct buf text = {0};
    char seal[SEAL_LEN + 1];
    buf_put_u8(&text, '\n');
    backup_text(b, &text);
    buf_put_u8(&text, '\n');
    seal_text(buf_bytes(&text), seal);
    buf_put(&text, seal, SEAL_LEN);
    bool written = write_all(fd, buf_bytes(&text)) && fsync(fd) == 0;
    enum mete_code code = written ? METE_OK : file_failed(path, err);
    if (close(fd) != 0 && code == METE_OK) {
        code = file_failed(path, err);
    }
    buf_clear(&text);
    return code;
}

/* --- reading -----------------------------------------------------------------------------------*/

static bool read_at(int fd, off_t at, void *to, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(fd, (char *)to + done, len - done, at + (off_t)done);
        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool seal_length(const char seal[SEAL_LEN], size_t *len)
{
    *len = 0;
    for (size_t i = sizeof SEAL_MAGIC - 1; i < sizeof SEAL_MAGIC - 1 + 10; i++) {
        if (seal[i] < '0' || seal[i] > '9') {
            return false;
        }
        *len = *len * 10 + (size_t)(seal[i] - '0');
    }
    return memcmp(seal, SEAL_MAGIC, sizeof SEAL_MAGIC - 1) == 0 && *len < TEXT_SIZE_MAX;
}

static enum mete_code text_read(struct arena *a, const char *path, int fd, struct backup *out,
                                struct mete_err *err)
{
    char seal[SEAL_LEN];
    char wanted[SEAL_LEN + 1];
    size_t len;
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < (off_t)SEAL_LEN || !read_at(fd, size - (off_t)SEAL_LEN, seal, SEAL_LEN) ||
        !seal_length(seal, &len) || size < (off_t)(SEAL_LEN + len)) {
        return damaged(path, "is no backup of mete, or its end is missing", err);
    }
    char *text = arena_alloc(a, len + 1);
    if (!read_at(fd, size - (off_t)(SEAL_LEN + len), text, len)) {
        return file_failed(path, err);
    }
    seal_text((struct bytes){(const uint8_t *)text, len}, wanted);
    if (memcmp(seal, wanted, SEAL_LEN) != 0) {
        return damaged(path, "is damaged where it says what is in it", err);
    }
    if (!backup_text_read(a, (struct text){text, len}, out)) {
        return damaged(path, "was made by a version of mete that this one does not know", err);
    }
    return out->bytes + len + SEAL_LEN == (uint64_t)size
               ? METE_OK
               : damaged(path, "has another length than it says", err);
}

enum mete_code backup_read(struct arena *a, const char *path, struct backup *out,
                           struct mete_err *err)
{
    *out = (struct backup){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return file_failed(path, err);
    }
    enum mete_code code = text_read(a, path, fd, out, err);
    close(fd);
    return code;
}

enum mete_code backup_image_read(const char *path, const struct backup *b, int to,
                                 struct mete_err *err)
{
    struct hash found;
    uint64_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return file_failed(path, err);
    }
    enum mete_code code = METE_OK;
    if (!hash_file(fd, to, b->bytes, &found, &got)) {
        code = file_failed(to >= 0 ? "the copy" : path, err);
    } else if (got != b->bytes || !hash_eq(&found, &b->sha256)) {
        code = damaged(path, "is damaged: its bytes are not those that were written", err);
    }
    close(fd);
    return code;
}

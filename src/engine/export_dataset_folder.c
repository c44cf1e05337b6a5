/* SPDX-License-Identifier: Apache-2.0
 * The folder of a dataset: written under another name beside the wanted one, synced, and renamed
 * when all of it is there. What is replaced is removed by the names that a dataset has, so that no
 * file of anybody else's is ever lost. */
#include "engine/export_dataset.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPILL_SIZE ((size_t)1 << 16)
#define NAME_SIZE  64
#define MANIFEST   "manifest.json"

static const char *const endings[FORM_COUNT] = {[FORM_CSV] = "csv", [FORM_JSONL] = "jsonl"};

static const char *text_at(const struct buf *b)
{
    return (const char *)b->p;
}

static void file_name(char out[NAME_SIZE], size_t family, size_t form)
{
    (void)snprintf(out, NAME_SIZE, "%s.%s", dataset_table_of((enum dataset_family)family)->name,
                   endings[form]);
}

static void path_put(struct buf *out, const char *folder, const char *name)
{
    buf_reset(out);
    buf_printf(out, "%s/%s", folder, name);
    buf_put_u8(out, 0);
}

static enum mete_code folder_failed(const char *path, int why, struct mete_err *err)
{
    return mete_fail(err, METE_FILE, "", "%.200s: %s", path, strerror(why));
}

/* --- what is there -----------------------------------------------------------------------------*/

static bool is_ours(const char *name)
{
    char ours[NAME_SIZE];
    bool found = strcmp(name, MANIFEST) == 0;
    for (size_t i = 0; i < FAMILY_COUNT * FORM_COUNT && !found; i++) {
        file_name(ours, i / FORM_COUNT, i % FORM_COUNT);
        found = strcmp(name, ours) == 0;
    }
    return found;
}

/** Whether a folder is there, is empty, and has nothing that a dataset does not have. 0 or errno;
 *  none at all is no error. */
static int look_into(const char *path, bool *is_there, bool *is_empty, bool *is_dataset)
{
    *is_there = false;
    *is_empty = *is_dataset = true;
    DIR *d = opendir(path);
    if (d == NULL) {
        return errno == ENOENT ? 0 : errno;
    }
    *is_there = true;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            *is_empty = false;
            *is_dataset &= is_ours(e->d_name);
        }
    }
    (void)closedir(d);
    return 0;
}

static enum mete_code place_check(const char *path, bool force, struct mete_err *err)
{
    bool is_there, is_empty, is_dataset;
    int why = look_into(path, &is_there, &is_empty, &is_dataset);
    if (why != 0) {
        return folder_failed(path, why, err);
    }
    if (is_empty || (force && is_dataset)) {
        return METE_OK;
    }
    return mete_fail(err, METE_FILE, "",
                     is_dataset ? "%.150s has a dataset already: --force replaces it"
                                : "%.150s has files that are no dataset's: name another folder",
                     path);
}

/** Removes the files of a dataset, and the folder when nothing else is in it. */
static void dataset_remove(const char *folder)
{
    char name[NAME_SIZE];
    struct buf path = {0};
    for (size_t i = 0; i < FAMILY_COUNT * FORM_COUNT; i++) {
        file_name(name, i / FORM_COUNT, i % FORM_COUNT);
        path_put(&path, folder, name);
        (void)unlink(text_at(&path));
    }
    path_put(&path, folder, MANIFEST);
    (void)unlink(text_at(&path));
    (void)rmdir(folder);
    buf_clear(&path);
}

/* --- writing -----------------------------------------------------------------------------------*/

static bool write_all(int fd, const uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static void file_flush(struct dataset_folder *f, struct dataset_file *file)
{
    if (f->failed == 0 && !write_all(file->fd, file->waiting.p, file->waiting.len)) {
        f->failed = errno;
    }
    hashing_add(file->hashing, buf_bytes(&file->waiting));
    file->bytes += file->waiting.len;
    buf_reset(&file->waiting);
}

void folder_spill(struct dataset_folder *f, struct dataset_file *file)
{
    if (file->waiting.len >= SPILL_SIZE) {
        file_flush(f, file);
    }
}

static bool file_make(struct dataset_folder *f, const char *name, int *fd)
{
    struct buf path = {0};
    path_put(&path, text_at(&f->part), name);
    *fd = open(text_at(&path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    buf_clear(&path);
    return *fd >= 0;
}

static bool files_make(struct dataset_folder *f, unsigned tiers)
{
    char name[NAME_SIZE];
    bool fine = true;
    for (size_t i = 0; i < FAMILY_COUNT * FORM_COUNT && fine; i++) {
        struct dataset_file *file = &f->file[i / FORM_COUNT][i % FORM_COUNT];
        if (dataset_has_family(dataset_table_of((enum dataset_family)(i / FORM_COUNT)), tiers)) {
            file_name(name, i / FORM_COUNT, i % FORM_COUNT);
            fine = file_make(f, name, &file->fd);
            file->hashing = fine ? hashing_new() : NULL;
        }
    }
    return fine;
}

/** A name of its own beside the wanted one, with the rights that a new folder would have. */
static bool part_make(struct dataset_folder *f)
{
    mode_t mask = umask(0);
    (void)umask(mask);
    buf_printf(&f->part, "%s.XXXXXX", text_at(&f->path));
    buf_put_u8(&f->part, 0);
    f->is_made = mkdtemp((char *)f->part.p) != NULL;
    return f->is_made && chmod(text_at(&f->part), 0777 & ~mask) == 0;
}

enum mete_code folder_begin(struct dataset_folder *f, const char *path, bool force, unsigned tiers,
                            struct mete_err *err)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < FAMILY_COUNT * FORM_COUNT; i++) {
        f->file[i / FORM_COUNT][i % FORM_COUNT].fd = -1;
    }
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    buf_put(&f->path, path, len);
    buf_put_u8(&f->path, 0);
    enum mete_code code = place_check(text_at(&f->path), force, err);
    if (code == METE_OK && (!part_make(f) || !files_make(f, tiers))) {
        code = folder_failed(text_at(&f->part), errno, err);
    }
    return code;
}

/** Closes a file that has to last. */
static bool file_end(int fd)
{
    bool synced = fsync(fd) == 0;
    int why = errno;
    bool closed = close(fd) == 0;
    errno = synced ? errno : why;
    return synced && closed;
}

enum mete_code folder_settle(struct dataset_folder *f, struct mete_err *err)
{
    for (size_t i = 0; i < FAMILY_COUNT * FORM_COUNT; i++) {
        struct dataset_file *file = &f->file[i / FORM_COUNT][i % FORM_COUNT];
        if (file->fd < 0) {
            continue;
        }
        file_flush(f, file);
        file->sha256 = hashing_end(file->hashing);
        file->hashing = NULL;
        if (!file_end(file->fd) && f->failed == 0) {
            f->failed = errno;
        }
        file->fd = -1;
    }
    return f->failed == 0 ? METE_OK : folder_failed(text_at(&f->path), f->failed, err);
}

/* --- the name ----------------------------------------------------------------------------------*/

static bool folder_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && file_end(fd);
}

static bool parent_sync(const char *path)
{
    char *copy = strdup(path);
    METE_ASSERT(copy != NULL);
    char *slash = strrchr(copy, '/');
    if (slash != NULL) {
        slash[slash == copy ? 1 : 0] = '\0';
    }
    bool fine = folder_sync(slash != NULL ? copy : ".");
    free(copy);
    return fine;
}

/** Gives the folder its name; one that is there changes places with it, and is then removed. */
static bool name_take(struct dataset_folder *f)
{
    const char *part = text_at(&f->part);
    const char *path = text_at(&f->path);
    bool is_there, is_empty, is_dataset;
    bool fine = look_into(path, &is_there, &is_empty, &is_dataset) == 0;
    if (fine && is_empty) {
        fine = rename(part, path) == 0; /* an empty folder is replaced by it */
        f->is_made = !fine;
    } else if (fine) {
        fine = renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_EXCHANGE) == 0;
    }
    return fine && parent_sync(path);
}

enum mete_code folder_finish(struct dataset_folder *f, struct bytes manifest, struct mete_err *err)
{
    int fd = -1;
    bool fine = file_make(f, MANIFEST, &fd) && write_all(fd, manifest.p, manifest.len);
    fine = fd >= 0 && file_end(fd) && fine;
    fine = fine && folder_sync(text_at(&f->part)) && name_take(f);
    return fine ? METE_OK : folder_failed(text_at(&f->path), errno, err);
}

void folder_clear(struct dataset_folder *f)
{
    for (size_t i = 0; i < FAMILY_COUNT * FORM_COUNT; i++) {
        struct dataset_file *file = &f->file[i / FORM_COUNT][i % FORM_COUNT];
        if (file->fd >= 0) {
            (void)close(file->fd);
        }
        if (file->hashing != NULL) {
            (void)hashing_end(file->hashing);
        }
        buf_clear(&file->waiting);
    }
    if (f->is_made) {
        dataset_remove(text_at(&f->part));
    }
    buf_clear(&f->path);
    buf_clear(&f->part);
}

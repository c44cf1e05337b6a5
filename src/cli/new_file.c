/* SPDX-License-Identifier: Apache-2.0
 * Names, signals, and the order of fsync and rename. The name of a partial file begins with a dot
 * and says which process of which machine writes it. */
#include "cli/new_file.h"

#include "base/text.h"
#include "engine/engine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_LEN 4096
#define HOST_LEN     64
#define MARK         ".partial-"

/* What SQLite and the store put beside a file that they write. */
static const char *const BESIDE[] = {"", "-journal", "-wal", "-shm", ".lock"};

/* Of the handler of signals, which may only use what does not change under it. */
static char doomed[ARRAY_LEN(BESIDE)][NAME_MAX_LEN];
static char doomed_keys[NAME_MAX_LEN];
static volatile sig_atomic_t armed;

static void on_signal(int number)
{
    (void)number;
    for (size_t i = 0; armed && i < ARRAY_LEN(doomed); i++) {
        (void)unlink(doomed[i]);
    }
    (void)unlink(doomed_keys);
    _exit(CLI_INTERRUPTED);
}

static void arm(const char *partial)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < ARRAY_LEN(BESIDE); i++) {
        (void)snprintf(doomed[i], sizeof doomed[i], "%s%s", partial, BESIDE[i]);
    }
    armed = 1;
    (void)signal(SIGXFSZ, SIG_IGN); /* a limit of size is an error of writing, not the end */
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (signal(numbers[i], on_signal) == SIG_IGN) {
            (void)signal(numbers[i], SIG_IGN); /* as nohup wants it */
        }
    }
}

static enum mete_code file_failed(const char *path, struct mete_err *err)
{
    return mete_fail(err, METE_FILE, "", "%.200s: %s", path, strerror(errno));
}

static enum mete_code taken(const char *path, struct mete_err *err)
{
    return mete_fail(err, METE_STORE_EXISTS, "", "%.200s is there already, and stays as it is",
                     path);
}

/* --- what others left --------------------------------------------------------------------------*/

/** ".NAME.partial-MACHINE-PROCESS" and what lies beside it, of a process that lives no more. */
static bool is_orphan(const char *name, const char *host)
{
    const char *mark = name[0] == '.' ? strstr(name, MARK) : NULL;
    size_t len = strlen(host);
    if (mark == NULL || strncmp(mark + strlen(MARK), host, len) != 0 ||
        mark[strlen(MARK) + len] != '-') {
        return false;
    }
    const char *digits = mark + strlen(MARK) + len + 1;
    char number[16];
    uint64_t pid;
    size_t count = strspn(digits, "0123456789");
    return count < sizeof number &&
           text_copy(number, sizeof number, (struct text){digits, count}) &&
           cli_number(number, 2, INT32_MAX, &pid) && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static void sweep(const char *folder, const char *host)
{
    DIR *d = opendir(folder);
    const struct dirent *entry;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (is_orphan(entry->d_name, host)) {
            (void)unlinkat(dirfd(d), entry->d_name, 0);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
}

/** False: it is too long. */
static bool partial_name(const char *path, char out[NAME_MAX_LEN])
{
    char host[HOST_LEN] = "";
    const char *slash = strrchr(path, '/');
    int len = slash == NULL ? 0 : (int)(slash - path) + 1;
    (void)gethostname(host, sizeof host - 1);
    int n = snprintf(out, NAME_MAX_LEN, "%.*s.%s" MARK "%s-%ld", len, path, path + len, host,
                     (long)getpid());
    return n > 0 && n + 16 < NAME_MAX_LEN;
}

/* --- one file ----------------------------------------------------------------------------------*/

enum mete_code new_file_begin(struct new_file *p, struct arena *a, const char *path, bool replace,
                              struct mete_err *err)
{
    struct stat st;
    char partial[NAME_MAX_LEN];
    char host[HOST_LEN] = "";
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    p->path = path;
    p->partial = NULL;
    p->folder = len == 0 ? "." : arena_text(a, (struct text){path, len}).p;
    if (!replace && lstat(path, &st) == 0) {
        return taken(path, err);
    }
    (void)gethostname(host, sizeof host - 1);
    sweep(p->folder, host);
    if (!partial_name(path, partial)) {
        return mete_fail(err, METE_FILE, "", "the name of the file is too long");
    }
    arm(partial);
    int fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return file_failed(p->folder, err);
    }
    close(fd);
    p->partial = arena_text(a, text_of(partial)).p;
    return METE_OK;
}

static bool folder_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return done;
}

/** Some file systems cannot refuse to replace: there a look has to do. */
static bool rename_new(const char *from, const char *to)
{
    struct stat st;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return true;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return false;
    }
    if (lstat(to, &st) == 0) {
        errno = EEXIST;
        return false;
    }
    return rename(from, to) == 0;
}

enum mete_code new_file_finish(struct new_file *p, unsigned mode, bool replace,
                               struct mete_err *err)
{
    int fd = open(p->partial, O_RDONLY | O_CLOEXEC);
    bool fine = fd >= 0 && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    if (!fine) {
        enum mete_code code = file_failed(p->partial, err);
        if (fd >= 0) {
            close(fd);
        }
        return code;
    }
    close(fd);
    if (!(replace ? rename(p->partial, p->path) == 0 : rename_new(p->partial, p->path))) {
        return errno == EEXIST ? taken(p->path, err) : file_failed(p->path, err);
    }
    return folder_sync(p->folder) ? METE_OK : file_failed(p->folder, err);
}

void new_file_drop(struct new_file *p)
{
    for (size_t i = 0; p->partial != NULL && i < ARRAY_LEN(BESIDE); i++) {
        (void)unlink(doomed[i]);
    }
    armed = 0;
    p->partial = NULL;
}

/* --- keys --------------------------------------------------------------------------------------*/

static enum mete_code keys_compare(const char *path, struct text keys, struct mete_err *err)
{
    struct buf have = {0};
    enum mete_code code = cli_read_file(path, 4096, &have, err);
    if (code == METE_OK && !crypto_equal(buf_bytes(&have), text_bytes(keys))) {
        code = mete_fail(err, METE_SEAL_KEY, "",
                         "another key file lies at %.200s: it may be the only one of its store; "
                         "move it away",
                         path);
    }
    secret_wipe(have.p, have.len);
    buf_clear(&have);
    return code;
}

enum mete_code new_file_keys(const char *path, struct text keys, struct mete_err *err)
{
    if (access(path, F_OK) == 0) {
        return keys_compare(path, keys, err);
    }
    if (!partial_name(path, doomed_keys)) {
        return mete_fail(err, METE_FILE, "", "the name of the key file is too long");
    }
    int why = key_file_make(path, doomed_keys, keys);
    errno = why;
    return why == 0 ? METE_OK : file_failed(path, err);
}

/* SPDX-License-Identifier: Apache-2.0
 * Files of the spool: claimed, appended to, turned into reports, counted. What is inside a line or
 * a body is not known here. */
#include "client/spool.h"

#include "base/encode.h"
#include "base/text.h"
#include "client/report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX_CALLS   ".calls"
#define SUFFIX_SEALED  ".sealed"
#define SUFFIX_REPORT  ".report"
#define SUFFIX_REFUSED ".refused"
#define NAME_WAIT      "wait"
#define DERIVED_MAX    (SPOOL_NAME_MAX + 16u) /* a name and another suffix */
#define NEW_MODE       0600

void spool_init(struct spool *s, const char *path, struct text cli_id)
{
    *s = (struct spool){.path = path, .cli_id = cli_id, .folder = -1, .fd = -1};
}

static void own_close(struct spool *s)
{
    int fd = atomic_exchange(&s->fd, -1);
    if (fd >= 0) {
        close(fd); /* and gives the lock up */
    }
    s->size = 0;
    s->dirty = false;
}

void spool_close(struct spool *s)
{
    own_close(s);
    if (s->folder >= 0) {
        close(s->folder);
    }
    s->folder = -1;
}

/* --- the folder --------------------------------------------------------------------------------*/

/** Makes the folder and those above it that are missing. */
static void folder_make(const char *path)
{
    char part[PATH_MAX];
    if (!text_copy(part, sizeof(part), text_of(path))) {
        return;
    }
    for (char *p = part + 1; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '\0';
            (void)mkdir(part, 0700);
            *p = '/';
        }
    }
    (void)mkdir(part, 0700);
}

static bool folder_open(struct spool *s)
{
    if (s->folder < 0) {
        s->folder = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (s->folder < 0 && errno == ENOENT) {
        folder_make(s->path);
        s->folder = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    return s->folder >= 0;
}

static DIR *folder_read(struct spool *s)
{
    int fd = folder_open(s) ? openat(s->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL && fd >= 0) {
        close(fd);
    }
    return d;
}

static bool name_ends(const char *name, const char *suffix)
{
    size_t len = strlen(name);
    size_t end = strlen(suffix);
    return len > end && len < SPOOL_NAME_MAX && strcmp(name + len - end, suffix) == 0;
}

static bool is_file_of(const char *name, const char *suffix)
{
    return name_ends(name, suffix) && strlen(name) == SPOOL_ID_LEN + strlen(suffix);
}

static mete_time stat_time(const struct stat *st)
{
    return (mete_time)st->st_mtim.tv_sec * TIME_SECOND_US + st->st_mtim.tv_nsec / 1000;
}

/** Opens and locks a file that is still the one of its name; -1: somebody has it, or it is gone. */
static int file_claim(struct spool *s, const char *name, bool *gone)
{
    struct stat mine;
    struct stat named;
    int fd = openat(s->folder, name, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    *gone = fd < 0;
    if (fd < 0) {
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return -1;
    }
    *gone = fstat(fd, &mine) != 0 || fstatat(s->folder, name, &named, AT_SYMLINK_NOFOLLOW) != 0 ||
            mine.st_ino != named.st_ino || !S_ISREG(mine.st_mode);
    if (*gone) {
        close(fd);
        return -1;
    }
    return fd;
}

/** All of a file of at most `max` bytes; NULL: it is larger, or no memory. free() it. */
static char *file_read(int fd, size_t max, size_t *len)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size < 0 || (size_t)st.st_size > max) {
        return NULL;
    }
    char *p = malloc((size_t)st.st_size + 1);
    ssize_t got = 1;
    *len = 0;
    while (p != NULL && got > 0 && *len < (size_t)st.st_size) {
        got = pread(fd, p + *len, (size_t)st.st_size - *len, (off_t)*len);
        *len += got > 0 ? (size_t)got : 0;
    }
    if (p != NULL && got < 0) {
        free(p);
        return NULL;
    }
    return p;
}

static bool write_all(int fd, struct text t)
{
    while (t.len > 0) {
        ssize_t put = write(fd, t.p, t.len);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        t.p += put > 0 ? put : 0;
        t.len -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

/* --- the file of this process ------------------------------------------------------------------*/

static bool is_due(const struct spool *s, mete_time begun, mete_time now)
{
    return now - begun >= s->interval || begun - now > SPOOL_CLOCK_S * TIME_SECOND_US;
}

static bool id_make(char id[SPOOL_ID_LEN + 1])
{
    uint8_t bytes[SPOOL_ID_LEN / 2];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        return false;
    }
    hex_encode(id, (struct bytes){bytes, sizeof(bytes)});
    return true;
}

/** Locked and with its head before it gets the name under which others look for it. */
static bool own_create(struct spool *s, mete_time now)
{
    char made[SPOOL_NAME_MAX];
    char name[SPOOL_NAME_MAX];
    char head[CALL_LINE_MAX];
    if (!id_make(s->id)) {
        return false;
    }
    (void)snprintf(made, sizeof(made), "%s.new", s->id);
    (void)snprintf(name, sizeof(name), "%s" SUFFIX_CALLS, s->id);
    int fd = openat(s->folder, made, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, NEW_MODE);
    if (fd < 0) {
        return false;
    }
    size_t len = head_format(now, s->cli_id, head);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 || !write_all(fd, (struct text){head, len}) ||
        fdatasync(fd) != 0 || renameat(s->folder, made, s->folder, name) != 0) {
        (void)unlinkat(s->folder, made, 0);
        close(fd);
        return false;
    }
    s->begun = now;
    s->size = len;
    s->bytes += len;
    s->fd = fd;
    return true;
}

/** Goes on with a file whose process is gone; ends the line that it may have left half written. */
static bool own_adopt(struct spool *s, const char *name, mete_time now)
{
    struct text line;
    struct text cli_id;
    size_t len = 0;
    bool gone;
    bool fine = false;
    int fd = file_claim(s, name, &gone);
    char *p = fd >= 0 ? file_read(fd, SPOOL_FILE_MAX, &len) : NULL;
    struct text rest = {p, p != NULL ? len : 0};
    if (line_next(&rest, &line) && head_parse(line, &s->begun, &cli_id) &&
        text_eq(cli_id, s->cli_id) && !is_due(s, s->begun, now) &&
        (p[len - 1] == '\n' || write_all(fd, TEXT("\n")))) {
        (void)snprintf(s->id, sizeof(s->id), "%.*s", (int)SPOOL_ID_LEN, name);
        s->size = len + (p[len - 1] != '\n');
        s->fd = fd;
        fine = true;
    }
    free(p);
    if (!fine && fd >= 0) {
        close(fd);
    }
    return fine;
}

static bool own_open(struct spool *s, mete_time now)
{
    DIR *d = folder_read(s);
    const struct dirent *e = NULL;
    bool found = false;
    if (d == NULL) {
        return false;
    }
    while (!found && (e = readdir(d)) != NULL) {
        found = is_file_of(e->d_name, SUFFIX_CALLS) && own_adopt(s, e->d_name, now);
    }
    closedir(d);
    return found || own_create(s, now);
}

enum spool_append spool_append(struct spool *s, struct text lines, mete_time now)
{
    if (s->bytes + lines.len > s->size_max) {
        return SPOOL_FULL;
    }
    if (s->fd < 0 && !own_open(s, now)) {
        return SPOOL_FAILED;
    }
    if (!write_all(s->fd, lines)) {
        if (ftruncate(s->fd, (off_t)s->size) != 0) {
            own_close(s); /* its half line is known by its checksum */
        }
        return SPOOL_FAILED;
    }
    s->size += lines.len;
    s->bytes += lines.len;
    s->dirty = true;
    return SPOOL_KEPT;
}

bool spool_sync(struct spool *s)
{
    if (s->dirty && fdatasync(s->fd) != 0) {
        return false;
    }
    s->dirty = false;
    return true;
}

/* --- from calls to reports ---------------------------------------------------------------------*/

static bool body_write(const struct report *r, size_t from, size_t until, const char *report_id,
                       int fd)
{
    FILE *out = fdopen(fd, "w");
    if (out == NULL) {
        close(fd);
        return false;
    }
    report_write(r, from, until, report_id, out);
    bool fine = fflush(out) == 0 && ferror(out) == 0 && fsync(fd) == 0;
    return fclose(out) == 0 && fine;
}

static bool report_make(struct spool *s, const struct report *r, size_t from, const char *report_id)
{
    char made[DERIVED_MAX];
    char name[DERIVED_MAX];
    (void)snprintf(made, sizeof(made), "%s.tmp", report_id);
    (void)snprintf(name, sizeof(name), "%s" SUFFIX_REPORT, report_id);
    int fd = openat(s->folder, made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, NEW_MODE);
    if (fd >= 0 && body_write(r, from, report_run(r, from), report_id, fd) &&
        renameat(s->folder, made, s->folder, name) == 0) {
        s->reports++;
        return true;
    }
    (void)unlinkat(s->folder, made, 0);
    return false;
}

/** From now on nothing is added to it. The caller holds its lock. */
static bool calls_seal(struct spool *s, const char *id)
{
    char calls[SPOOL_NAME_MAX];
    char sealed[SPOOL_NAME_MAX];
    (void)snprintf(calls, sizeof(calls), "%s" SUFFIX_CALLS, id);
    (void)snprintf(sealed, sizeof(sealed), "%s" SUFFIX_SEALED, id);
    return renameat(s->folder, calls, s->folder, sealed) == 0 && fsync(s->folder) == 0;
}

static bool reports_make(struct spool *s, const struct report *r, const char *id)
{
    char report_id[SPOOL_NAME_MAX];
    unsigned number = 0;
    bool fine = true;
    for (size_t at = 0; fine && at < r->count; at = report_run(r, at)) {
        (void)snprintf(report_id, sizeof(report_id), "%s.%u", id, number++);
        fine = report_make(s, r, at, report_id);
    }
    return fine;
}

/** The reports of a sealed file, which then goes. The caller holds its lock. */
static bool sealed_turn(struct spool *s, int fd, const char *id)
{
    char name[SPOOL_NAME_MAX];
    char other[SPOOL_NAME_MAX];
    struct report r = {0};
    size_t len = 0;
    char *p = fdatasync(fd) == 0 ? file_read(fd, SPOOL_BODY_MAX, &len) : NULL;
    enum report_read read = REPORT_NO_MEMORY;
    if (p != NULL) {
        read = report_read(&r, (struct text){p, len});
    }
    bool fine = read == REPORT_OK && reports_make(s, &r, id);
    s->torn += fine ? r.torn : 0;
    report_clear(&r);
    free(p);
    (void)snprintf(name, sizeof(name), "%s" SUFFIX_SEALED, id);
    (void)snprintf(other, sizeof(other), "%s" SUFFIX_REFUSED, id);
    if (read == REPORT_NO_HEAD) {
        return renameat(s->folder, name, s->folder, other) == 0; /* for people to look at */
    }
    return fine && fsync(s->folder) == 0 && unlinkat(s->folder, name, 0) == 0;
}

bool spool_seal(struct spool *s)
{
    if (s->fd < 0) {
        return true;
    }
    if (!calls_seal(s, s->id)) {
        return false;
    }
    bool fine = sealed_turn(s, s->fd, s->id);
    own_close(s); /* when it was not fine, spool_look tries again */
    return fine;
}

/* --- looking at all of it ----------------------------------------------------------------------*/

/** A file of calls whose process is gone: sealed when its time has come. True: it is sealed. */
static bool orphan_seal(struct spool *s, int fd, const char *id, bool all, mete_time now)
{
    char head[CALL_LINE_MAX];
    struct text line;
    struct text cli_id;
    mete_time begun = 0;
    ssize_t got = pread(fd, head, sizeof(head), 0);
    struct text rest = {head, got > 0 ? (size_t)got : 0};
    bool due = all || !line_next(&rest, &line) || !head_parse(line, &begun, &cli_id) ||
               is_due(s, begun, now);
    return due && calls_seal(s, id);
}

static void orphan_turn(struct spool *s, const char *name, bool all, mete_time now)
{
    bool is_sealed = is_file_of(name, SUFFIX_SEALED);
    char id[SPOOL_ID_LEN + 1];
    bool gone;
    if (!is_sealed && !is_file_of(name, SUFFIX_CALLS)) {
        return;
    }
    (void)text_copy(id, sizeof(id), (struct text){name, SPOOL_ID_LEN});
    int fd = s->fd >= 0 && strcmp(id, s->id) == 0 ? -1 : file_claim(s, name, &gone);
    if (fd < 0) {
        return;
    }
    if (is_sealed || orphan_seal(s, fd, id, all, now)) {
        (void)sealed_turn(s, fd, id);
    }
    close(fd);
}

struct look {
    uint64_t bytes;
    uint64_t reports;
    unsigned refused;
    mete_time refused_at; /* the oldest of them */
    char refused_name[SPOOL_NAME_MAX];
};

static void look_count(struct spool *s, struct look *l, const char *name, mete_time now)
{
    struct stat st;
    if (fstatat(s->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) {
        return;
    }
    bool left = name_ends(name, ".new") || name_ends(name, ".tmp");
    if (left && now - stat_time(&st) > SPOOL_NEW_S * TIME_SECOND_US) {
        (void)unlinkat(s->folder, name, 0);
        return;
    }
    l->bytes += (uint64_t)st.st_size;
    l->reports += name_ends(name, SUFFIX_REPORT) || name_ends(name, SUFFIX_SEALED);
    if (name_ends(name, SUFFIX_REFUSED) && (l->refused++ == 0 || stat_time(&st) < l->refused_at)) {
        l->refused_at = stat_time(&st);
        (void)text_copy(l->refused_name, sizeof(l->refused_name), text_of(name));
    }
}

static bool is_removed(int fd)
{
    struct stat st;
    return fd >= 0 && fstat(fd, &st) == 0 && st.st_nlink == 0;
}

bool spool_look(struct spool *s, bool all, mete_time now)
{
    struct look l = {0};
    const struct dirent *e;
    if (is_removed(s->fd)) {
        own_close(s); /* what comes next must not go into a file that nobody will find */
    }
    if (is_removed(s->folder)) {
        spool_close(s);
    }
    DIR *d = folder_read(s);
    if (d == NULL) {
        return false;
    }
    while ((e = readdir(d)) != NULL) {
        orphan_turn(s, e->d_name, all, now);
    }
    rewinddir(d);
    while ((e = readdir(d)) != NULL) {
        look_count(s, &l, e->d_name, now);
    }
    closedir(d);
    if (l.refused > SPOOL_REFUSED_MAX) {
        (void)unlinkat(s->folder, l.refused_name, 0);
    }
    s->bytes = l.bytes;
    s->reports = l.reports;
    return true;
}

/* --- sending -----------------------------------------------------------------------------------*/

bool spool_list(struct spool *s, char (**out)[SPOOL_NAME_MAX], size_t *count)
{
    DIR *d = folder_read(s);
    const struct dirent *e;
    size_t cap = 0;
    *out = NULL;
    *count = 0;
    while (d != NULL && (e = readdir(d)) != NULL) {
        if (!name_ends(e->d_name, SUFFIX_REPORT)) {
            continue;
        }
        if (*count == cap) {
            cap = cap * 2 + 16;
            void *more = reallocarray(*out, cap, sizeof(**out));
            if (more == NULL) {
                break; /* those that fit are sent first */
            }
            *out = more;
        }
        (void)text_copy((*out)[(*count)++], SPOOL_NAME_MAX, text_of(e->d_name));
    }
    if (d != NULL) {
        closedir(d);
    }
    return d != NULL;
}

enum spool_claim spool_claim(struct spool *s, const char *name, struct spool_report *out)
{
    bool gone;
    *out = (struct spool_report){.name = name};
    out->fd = file_claim(s, name, &gone);
    if (out->fd < 0) {
        return gone ? SPOOL_GONE : SPOOL_BUSY;
    }
    out->body = file_read(out->fd, SPOOL_BODY_MAX, &out->len);
    if (out->body == NULL) {
        close(out->fd);
        return SPOOL_BUSY;
    }
    return SPOOL_CLAIMED;
}

bool spool_finish(struct spool *s, struct spool_report *r, enum spool_outcome how)
{
    char name[SPOOL_NAME_MAX + sizeof(SUFFIX_REFUSED)];
    bool fine = true;
    if (how == SPOOL_ACKNOWLEDGED) {
        fine = unlinkat(s->folder, r->name, 0) == 0;
    } else if (how == SPOOL_REFUSED) {
        size_t stem = strlen(r->name) - strlen(SUFFIX_REPORT);
        (void)snprintf(name, sizeof(name), "%.*s" SUFFIX_REFUSED, (int)stem, r->name);
        fine = renameat(s->folder, r->name, s->folder, name) == 0;
    }
    s->reports -= how != SPOOL_LATER && fine && s->reports > 0;
    free(r->body);
    close(r->fd);
    return fine;
}

mete_time spool_not_before(struct spool *s, mete_time now, mete_time longest)
{
    struct stat st;
    if (!folder_open(s) || fstatat(s->folder, NAME_WAIT, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return 0;
    }
    mete_time at = stat_time(&st);
    return at <= now || at - now > longest ? 0 : at; /* so far ahead: the clock was moved */
}

void spool_set_not_before(struct spool *s, mete_time at)
{
    if (!folder_open(s)) {
        return;
    }
    if (at == 0) {
        (void)unlinkat(s->folder, NAME_WAIT, 0);
        return;
    }
    int fd = openat(s->folder, NAME_WAIT, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, NEW_MODE);
    const struct timespec when = {.tv_sec = at / TIME_SECOND_US,
                                  .tv_nsec = at % TIME_SECOND_US * 1000};
    if (fd >= 0) {
        (void)futimens(fd, (const struct timespec[2]){when, when});
        close(fd);
    }
}

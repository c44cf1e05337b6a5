/* SPDX-License-Identifier: Apache-2.0
 * Two dictionaries: by key, and by the moment at which an entry may be forgotten. What is being
 * served is in the first alone, so it is never forgotten. In the file the last line of a key
 * holds; one that was cut is none. */
#include "gate/once.h"

#include "base/encode.h"
#include "base/map.h"
#include "base/text.h"
#include "base/u256.h"
#include "wire/json.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DUE_LEN      (8 + sizeof(struct hash))
#define LINE_LEN_MAX 4096
#define LINES_MIN    10000             /* before a file is written anew */
#define WAIT_LINES   100               /* after a disk had no room for that */
#define WRITTEN_MAX  ((size_t)1 << 20) /* bytes of a write, when it is */

struct entry {
    enum once_state state;
    struct hash payload;
    int64_t until;
    struct once_note note;
    bool is_written; /* the file says that it is being settled */
};

struct once {
    pthread_mutex_t lock;
    size_t count_max;
    struct omap by_key;
    struct omap by_time; /* SERVED and PENDING alone */
    int fd;              /* of the file; -1: none */
    char *path;
    size_t lines;   /* in it */
    bool is_torn;   /* its last line has no end */
    bool is_behind; /* it lacks lines, which was told */
    unsigned wait;  /* lines until it is tried again to write those */
    once_failure *failure;
    void *failure_ctx;
};

static struct bytes key_bytes(const struct hash *key)
{
    return (struct bytes){key->b, sizeof key->b};
}

static struct bytes due_bytes(const struct hash *key, int64_t until, uint8_t out[DUE_LEN])
{
    for (size_t i = 0; i < 8; i++) {
        out[i] = (uint8_t)((uint64_t)until >> (56 - 8 * i));
    }
    memcpy(out + 8, key->b, sizeof key->b);
    return (struct bytes){out, DUE_LEN};
}

struct once *once_open(size_t count_max)
{
    struct once *o = calloc(1, sizeof *o);
    METE_ASSERT(o != NULL && pthread_mutex_init(&o->lock, NULL) == 0);
    o->count_max = count_max;
    o->fd = -1;
    omap_init(&o->by_key, sizeof(struct entry), 1);
    omap_init(&o->by_time, 1, 2);
    return o;
}

static void entry_forget(struct once *o, const struct hash *key, const struct entry *e)
{
    uint8_t due[DUE_LEN];
    if (e->state == ONCE_SERVED || e->state == ONCE_PENDING) {
        METE_ASSERT(omap_remove(&o->by_time, due_bytes(key, e->until, due)));
    }
    METE_ASSERT(omap_remove(&o->by_key, key_bytes(key)));
}

/** Makes room for one. False: all are being served. */
static bool room_make(struct once *o, int64_t now)
{
    struct omap_node *first;
    while ((first = omap_seek(&o->by_time, (struct bytes){0})) != NULL) {
        struct bytes due = omap_key(first);
        int64_t until = 0;
        struct hash key;
        for (size_t i = 0; i < 8; i++) {
            until = until * 256 + due.p[i];
        }
        memcpy(key.b, due.p + 8, sizeof key.b);
        if (until > now && o->by_key.count < o->count_max) {
            break;
        }
        entry_forget(o, &key, omap_get(&o->by_key, key_bytes(&key)));
    }
    return o->by_key.count < o->count_max;
}

/* --- the file ----------------------------------------------------------------------------------*/

static void line_format(struct buf *out, const struct hash *key, const struct entry *e,
                        const char *state)
{
    struct json_writer w;
    char hex[2 * sizeof key->b + 1];
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_str(&w, "state", state);
    hash_hex(key, hex);
    jw_str(&w, "key", hex);
    hash_hex(&e->payload, hex);
    jw_str(&w, "payload", hex);
    jw_int(&w, "until", e->until);
    jw_str(&w, "transaction", e->note.transaction);
    jw_str(&w, "reservation", e->note.reservation);
    jw_str(&w, "amount", e->note.amount);
    jw_bool(&w, "told", e->note.is_told);
    jw_end_object(&w);
    buf_put_u8(out, '\n');
}

/** All of it, and what was written is no more in `out`. False: errno says why. */
static bool written(int fd, struct buf *out)
{
    for (size_t at = 0; at < out->len;) {
        ssize_t n = write(fd, out->p + at, out->len - at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        at += (size_t)n;
    }
    buf_reset(out);
    return true;
}

static const char *word_of(const struct entry *e)
{
    return e->state == ONCE_SERVED ? "served" : e->state == ONCE_PENDING ? "pending" : "settling";
}

/** What is remembered and is in a file. False: errno says why. */
static bool lines_write(struct once *o, int fd, size_t *lines)
{
    struct buf out = {0};
    bool good = true;
    *lines = 0;
    for (struct omap_node *n = omap_seek(&o->by_key, (struct bytes){0}); n != NULL && good;
         n = omap_next(n)) {
        const struct entry *e = omap_value(n);
        struct hash key;
        memcpy(key.b, omap_key(n).p, sizeof key.b);
        if (e->state != ONCE_SERVING || e->is_written) {
            line_format(&out, &key, e, word_of(e));
            ++*lines;
        }
        good = out.len < WRITTEN_MAX || written(fd, &out);
    }
    good = good && written(fd, &out);
    int why = errno;
    buf_clear(&out);
    errno = why;
    return good;
}

/** All that is remembered, in a file that takes the other one's place when it is whole. The lock on
 *  it is taken before it has its name. */
static enum mete_code file_anew(struct once *o, struct mete_err *err)
{
    char path[4096];
    size_t lines;
    if (snprintf(path, sizeof path, "%s.new", o->path) >= (int)sizeof path) {
        return mete_fail(err, METE_FILE, "", "%s: the name is too long", o->path);
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int why = errno;
        if (fd >= 0) {
            close(fd);
        }
        return mete_fail(err, METE_FILE, "", "%s: %s", path, strerror(why));
    }
    if (!lines_write(o, fd, &lines) || fdatasync(fd) != 0 || rename(path, o->path) != 0) {
        int why = errno;
        (void)unlink(path);
        close(fd);
        return mete_fail(err, METE_FILE, "", "%s: %s", path, strerror(why));
    }
    if (o->fd >= 0) {
        close(o->fd);
    }
    o->fd = fd;
    o->lines = lines;
    o->is_torn = o->is_behind = false;
    return METE_OK;
}

void once_close(struct once *o)
{
    if (o != NULL) {
        struct mete_err err;
        if (o->is_behind) {
            (void)file_anew(o, &err); /* there may be room by now */
        }
        omap_clear(&o->by_key);
        omap_clear(&o->by_time);
        if (o->fd >= 0) {
            close(o->fd);
        }
        free(o->path);
        pthread_mutex_destroy(&o->lock);
        free(o);
    }
}

/** Appends a line. One that does not fit on the disk is remembered in memory alone until all is
 *  written anew; the next one does not go on where it was cut. */
static void line_append(struct once *o, const struct hash *key, const struct entry *e,
                        const char *state)
{
    struct buf out = {0};
    if (o->is_torn) {
        buf_put_u8(&out, '\n');
    }
    line_format(&out, key, e, state);
    o->is_torn = !written(o->fd, &out);
    if (o->is_torn && !o->is_behind && o->failure != NULL) {
        o->failure(o->failure_ctx, strerror(errno));
    }
    o->is_behind = o->is_behind || o->is_torn;
    buf_clear(&out);
}

/** It has grown long, or there is room again for what it lacks. */
static bool is_due_anew(const struct once *o)
{
    return (o->is_behind && !o->is_torn && o->wait == 0) ||
           o->lines > LINES_MIN + 4 * o->by_key.count;
}

static void line_put(struct once *o, const struct hash *key, const struct entry *e,
                     const char *state)
{
    struct mete_err err;
    if (o->fd < 0) {
        return;
    }
    line_append(o, key, e, state);
    o->lines++;
    o->wait -= o->wait > 0;
    if (is_due_anew(o) && file_anew(o, &err) != METE_OK) { /* the one that is there goes on */
        o->lines = 0;
        o->wait = WAIT_LINES;
    }
}

static bool hash_member(const struct json *j, const char *name, struct hash *out)
{
    const struct json *m = json_get(j, name);
    return m != NULL && m->type == JSON_STRING && m->text.len == 2 * sizeof out->b &&
           hex_decode(out->b, sizeof out->b, m->text);
}

static void text_member(const struct json *j, const char *name, char *to, size_t size)
{
    const struct json *m = json_get(j, name);
    (void)text_copy(to, size, m != NULL && m->type == JSON_STRING ? m->text : (struct text){0});
}

/** What a line says holds over what those before it said. */
static void line_take(struct once *o, const struct json *j, int64_t now)
{
    struct entry e = {.state = ONCE_PENDING};
    struct hash key;
    uint8_t due[DUE_LEN];
    const struct json *state = json_get(j, "state");
    const struct json *until = json_get(j, "until");
    const struct json *told = json_get(j, "told");
    struct u256 amount;
    if (state == NULL || until == NULL || !hash_member(j, "key", &key) ||
        !hash_member(j, "payload", &e.payload) || !json_int(until, 0, INT64_MAX, &e.until)) {
        return;
    }
    text_member(j, "amount", e.note.amount, sizeof e.note.amount);
    if (e.note.amount[0] != '\0' && !u256_parse(text_of(e.note.amount), &amount)) {
        return; /* no gate wrote that */
    }
    struct entry *before = omap_get(&o->by_key, key_bytes(&key));
    if (before != NULL) {
        entry_forget(o, &key, before);
    }
    if (text_is(state->text, "forgotten") || e.until <= now || !room_make(o, now)) {
        return;
    }
    e.state = text_is(state->text, "served") ? ONCE_SERVED : ONCE_PENDING;
    text_member(j, "transaction", e.note.transaction, sizeof e.note.transaction);
    text_member(j, "reservation", e.note.reservation, sizeof e.note.reservation);
    e.note.is_told = told != NULL && told->type == JSON_TRUE;
    *(struct entry *)omap_put(&o->by_key, key_bytes(&key), NULL) = e;
    (void)omap_put(&o->by_time, due_bytes(&key, e.until, due), NULL);
}

static void lines_take(struct once *o, FILE *f, int64_t now)
{
    char line[LINE_LEN_MAX];
    while (fgets(line, sizeof line, f) != NULL) {
        struct arena a;
        struct json *j;
        size_t len = strcspn(line, "\n");
        arena_init(&a, JSON_ARENA_MAX(len) + 4096);
        if (json_parse(&a, (struct text){line, len}, &j, NULL) == METE_OK &&
            j->type == JSON_OBJECT) {
            line_take(o, j, now);
        }
        arena_clear(&a);
    }
}

void once_on_failure(struct once *o, once_failure *failure, void *ctx)
{
    o->failure = failure;
    o->failure_ctx = ctx;
}

/** Whether that is still the file of this name: a gate may have written it anew meanwhile. */
static bool is_named(int fd, const char *path)
{
    struct stat mine;
    struct stat theirs;
    return fstat(fd, &mine) == 0 && stat(path, &theirs) == 0 && mine.st_dev == theirs.st_dev &&
           mine.st_ino == theirs.st_ino;
}

/** The file, with the lock on it. -1: it failed. */
static int file_open(const char *path, struct mete_err *err)
{
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0) {
            (void)mete_fail(err, METE_FILE, "", "%s: %s", path, strerror(errno));
            return -1;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            close(fd);
            (void)mete_fail(err, METE_FILE, "", "%s: another gate writes it", path);
            return -1;
        }
        if (is_named(fd, path)) {
            return fd;
        }
        close(fd);
    }
}

enum mete_code once_keep_in(struct once *o, const char *path, int64_t now, struct mete_err *err)
{
    int fd = file_open(path, err);
    if (fd < 0) {
        return METE_FILE;
    }
    FILE *f = fdopen(fd, "r");
    o->path = strdup(path);
    METE_ASSERT(f != NULL && o->path != NULL);
    lines_take(o, f, now);
    enum mete_code code = file_anew(o, err);
    fclose(f);
    return code;
}

/* --- asking ------------------------------------------------------------------------------------*/

enum once_state once_begin(struct once *o, const struct hash *key, const struct hash *payload,
                           int64_t now, struct once_note *note)
{
    *note = (struct once_note){0};
    pthread_mutex_lock(&o->lock);
    struct entry *e = omap_get(&o->by_key, key_bytes(key));
    enum once_state state = e != NULL || room_make(o, now) ? ONCE_NEW : ONCE_FULL;
    if (e != NULL) {
        bool is_same = memcmp(e->payload.b, payload->b, sizeof payload->b) == 0;
        state = e->state == ONCE_PENDING && !is_same ? ONCE_SERVING : e->state;
        *note = e->note;
        if (state == ONCE_PENDING) {
            uint8_t due[DUE_LEN];
            METE_ASSERT(omap_remove(&o->by_time, due_bytes(key, e->until, due)));
            e->state = ONCE_SERVING;
            e->is_written = o->fd >= 0;
        }
    } else if (state == ONCE_NEW) {
        e = omap_put(&o->by_key, key_bytes(key), NULL);
        e->state = ONCE_SERVING;
        e->payload = *payload;
    }
    pthread_mutex_unlock(&o->lock);
    return state;
}

enum once_state once_look(struct once *o, const struct hash *key, int64_t now,
                          struct once_note *note)
{
    enum once_state state = ONCE_NEW;
    *note = (struct once_note){0};
    pthread_mutex_lock(&o->lock);
    const struct entry *e = omap_get(&o->by_key, key_bytes(key));
    if (e != NULL && (e->state == ONCE_SERVING || e->until > now)) {
        state = e->state;
        *note = e->note;
    }
    pthread_mutex_unlock(&o->lock);
    return state;
}

void once_forget(struct once *o, const struct hash *key)
{
    pthread_mutex_lock(&o->lock);
    struct entry *e = omap_get(&o->by_key, key_bytes(key));
    METE_ASSERT(e != NULL && e->state == ONCE_SERVING);
    const struct entry was = *e;
    entry_forget(o, key, e); /* first: when all is written anew, this is not */
    if (was.is_written) {
        line_put(o, key, &was, "forgotten");
    }
    pthread_mutex_unlock(&o->lock);
}

void once_settling(struct once *o, const struct hash *key, int64_t until,
                   const struct once_note *note)
{
    pthread_mutex_lock(&o->lock);
    struct entry *e = omap_get(&o->by_key, key_bytes(key));
    METE_ASSERT(e != NULL && e->state == ONCE_SERVING);
    e->until = until;
    e->note = *note;
    e->is_written = o->fd >= 0;
    line_put(o, key, e, "settling");
    pthread_mutex_unlock(&o->lock);
}

static void keep(struct once *o, const struct hash *key, enum once_state state, int64_t until,
                 const struct once_note *note)
{
    uint8_t due[DUE_LEN];
    pthread_mutex_lock(&o->lock);
    struct entry *e = omap_get(&o->by_key, key_bytes(key));
    METE_ASSERT(e != NULL && e->state == ONCE_SERVING && until >= 0);
    e->state = state;
    e->until = until;
    e->note = *note;
    (void)omap_put(&o->by_time, due_bytes(key, until, due), NULL);
    line_put(o, key, e, word_of(e));
    pthread_mutex_unlock(&o->lock);
}

void once_served(struct once *o, const struct hash *key, int64_t until,
                 const struct once_note *note)
{
    keep(o, key, ONCE_SERVED, until, note);
}

void once_pending(struct once *o, const struct hash *key, int64_t until,
                  const struct once_note *note)
{
    keep(o, key, ONCE_PENDING, until, note);
}

size_t once_count(struct once *o)
{
    pthread_mutex_lock(&o->lock);
    size_t count = o->by_key.count;
    pthread_mutex_unlock(&o->lock);
    return count;
}

/* SPDX-License-Identifier: Apache-2.0
 * The file of the history. flock orders the processes; a lock on one byte (fcntl, of the open file)
 * says who works on a payment. Nothing that was written is ever changed. */
#include "client/pay_history.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE   ((size_t)64 << 10)
#define DAY_KEY_LEN 4u

/* The payments of a request, in the order of signing. */
struct chain {
    struct pay_entry *first;
    struct pay_entry *last;
};

struct history {
    int fd;
    char *path;
    unsigned locks; /* how often this process has taken it; it holds it above 0 */
    uint64_t read_at;
    uint64_t lines;     /* before read_at */
    bool is_torn;       /* the file ends in the middle of a line */
    struct omap by_id;  /* struct pay_entry *: those that are not over; owned */
    struct omap by_key; /* struct chain */
    struct omap sums;   /* struct u256: day, and day with host */
    struct u256 total;
    struct buf line;
    char why[METE_CLIENT_ERROR_MAX];
};

METE_PRINTF(2, 3) static bool fail(struct history *h, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(h->why, sizeof h->why, fmt, args);
    va_end(args);
    return false;
}

const char *history_why(const struct history *h)
{
    return h->why;
}

/* --- sums --------------------------------------------------------------------------------------*/

static struct bytes sum_key(struct buf *room, int32_t day, const char *host)
{
    buf_reset(room);
    buf_put_be32(room, (uint32_t)day);
    buf_put_str(room, host);
    return buf_bytes(room);
}

static void sum_change(struct u256 *sum, struct u256 worth, bool is_taken)
{
    if (is_taken) {
        if (!u256_add(*sum, worth, sum)) {
            *sum = U256_MAX; /* nothing more is allowed then */
        }
    } else if (!u256_sub(*sum, worth, sum)) {
        *sum = u256_of(0);
    }
}

static void sums_change(struct history *h, const struct pay_entry *e, bool is_taken)
{
    struct u256 worth;
    const int32_t day = time_day(e->at);
    if (!entry_worth(e, &worth)) {
        return;
    }
    struct buf key = {0};
    sum_change(omap_put(&h->sums, sum_key(&key, day, e->host), NULL), worth, is_taken);
    if (e->asked_host[0] != '\0') {
        sum_change(omap_put(&h->sums, sum_key(&key, day, e->asked_host), NULL), worth, is_taken);
    }
    sum_change(omap_put(&h->sums, sum_key(&key, day, ""), NULL), worth, is_taken);
    sum_change(&h->total, worth, is_taken);
    buf_clear(&key);
}

void history_sums(const struct history *h, int32_t day, const char *host, struct pay_sums *out)
{
    struct buf key = {0};
    METE_ASSERT(h->locks > 0);
    const struct u256 *of_host = omap_get(&h->sums, sum_key(&key, day, host));
    *out = (struct pay_sums){.total = h->total};
    out->host = of_host != NULL ? *of_host : u256_of(0);
    const struct u256 *of_day = omap_get(&h->sums, sum_key(&key, day, ""));
    out->day = of_day != NULL ? *of_day : u256_of(0);
    buf_clear(&key);
}

/* --- what is known -----------------------------------------------------------------------------*/

static struct bytes id_key(const struct pay_entry *e)
{
    return (struct bytes){(const uint8_t *)e->id, ENTRY_ID_LEN};
}

static struct bytes key_key(const struct hash *key)
{
    return (struct bytes){key->b, SHA256_LEN};
}

static void entry_put(struct history *h, struct pay_entry *e)
{
    bool made;
    struct pay_entry **slot = omap_put(&h->by_id, id_key(e), &made);
    if (!made) { /* the same line twice: nothing new */
        entry_free(e);
        return;
    }
    *slot = e;
    struct chain *c = omap_put(&h->by_key, key_key(&e->key), NULL);
    *(c->last != NULL ? &c->last->next : &c->first) = e;
    c->last = e;
    sums_change(h, e, true);
}

static void entry_drop(struct history *h, struct pay_entry *e)
{
    struct chain *c = omap_get(&h->by_key, key_key(&e->key));
    struct pay_entry *before = NULL;
    while ((before != NULL ? before->next : c->first) != e) {
        before = before != NULL ? before->next : c->first;
    }
    *(before != NULL ? &before->next : &c->first) = e->next;
    c->last = c->last == e ? before : c->last;
    if (c->first == NULL) {
        METE_ASSERT(omap_remove(&h->by_key, key_key(&e->key)));
    }
    METE_ASSERT(omap_remove(&h->by_id, id_key(e)));
    entry_free(e);
}

/** What another process, or an earlier one, has written of a payment. */
static void change_take(struct history *h, const struct pay_entry *change)
{
    struct pay_entry **slot = omap_get(&h->by_id, id_key(change));
    struct pay_entry *e = slot != NULL ? *slot : NULL;
    if (e == NULL || e->is_claimed) {
        return;
    }
    if (change->state == METE_CLIENT_STATE_LAPSED && e->state != METE_CLIENT_STATE_LAPSED) {
        sums_change(h, e, false);
    }
    e->state = change->state;
    memcpy(e->charged, change->charged, sizeof e->charged);
    memcpy(e->transaction, change->transaction, sizeof e->transaction);
    memcpy(e->reason, change->reason, sizeof e->reason);
    if (entry_is_over(e)) {
        entry_drop(h, e);
    }
}

static bool line_take(struct history *h, struct text line, uint64_t offset)
{
    struct pay_entry read;
    struct pay_entry *e;
    switch (entry_read(line, &read)) {
    case LINE_SIGNED:
        e = malloc(sizeof *e);
        METE_ASSERT(e != NULL);
        *e = read;
        e->offset = offset;
        entry_put(h, e);
        return true;
    case LINE_CHANGE:
        change_take(h, &read);
        return true;
    case LINE_TORN:
        return true;
    case LINE_BROKEN:
        break;
    }
    return fail(h, "%.160s, line %llu (byte %llu) is not what mete wrote: mend it, or move it away",
                h->path, (unsigned long long)h->lines + 1, (unsigned long long)offset);
}

/** The whole lines that begin in h->line, which holds the file from h->read_at on. */
static bool lines_take(struct history *h)
{
    size_t done = 0;
    const uint8_t *end;
    while ((end = memchr(h->line.p + done, '\n', h->line.len - done)) != NULL) {
        const struct text line = {(const char *)h->line.p + done, (size_t)(end - h->line.p) - done};
        if (!line_take(h, line, h->read_at + done)) {
            return false;
        }
        done += line.len + 1;
        h->lines++;
    }
    h->read_at += done;
    memmove(h->line.p, h->line.p + done, h->line.len - done);
    h->line.len -= done;
    return h->line.len <= ENTRY_LINE_MAX || fail(h, "a line of the history is too long");
}

/** Reads what was appended since. */
static bool catch_up(struct history *h)
{
    struct stat st;
    if (fstat(h->fd, &st) != 0 || st.st_nlink == 0 || (uint64_t)st.st_size < h->read_at) {
        return fail(h, "the history %.160s was removed or cut while it was used", h->path);
    }
    buf_reset(&h->line);
    for (;;) {
        buf_reserve(&h->line, READ_SIZE);
        ssize_t n =
            pread(h->fd, h->line.p + h->line.len, READ_SIZE, (off_t)(h->read_at + h->line.len));
        if (n < 0 && errno != EINTR) {
            return fail(h, "the history %.160s cannot be read: %s", h->path, strerror(errno));
        }
        if (n == 0) {
            break;
        }
        h->line.len += n > 0 ? (size_t)n : 0;
        if (!lines_take(h)) {
            return false;
        }
    }
    h->is_torn = h->line.len > 0;
    return true;
}

bool history_lock(struct history *h)
{
    if (h->locks == 0) {
        while (flock(h->fd, LOCK_EX) != 0) {
            if (errno != EINTR) {
                return fail(h, "the history %.160s cannot be locked: %s", h->path, strerror(errno));
            }
        }
        if (!catch_up(h)) {
            (void)flock(h->fd, LOCK_UN);
            return false;
        }
    }
    h->locks++;
    return true;
}

void history_unlock(struct history *h)
{
    METE_ASSERT(h->locks > 0);
    if (--h->locks == 0) {
        (void)flock(h->fd, LOCK_UN);
    }
}

/* --- claims ------------------------------------------------------------------------------------*/

static bool byte_lock(const struct history *h, uint64_t offset, short type)
{
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)offset, .l_len = 1};
    return fcntl(h->fd, F_OFD_SETLK, &l) == 0;
}

/** Refused ones are sent again while they are valid; after that only who can ask the chain whether
 *  the server said the truth wants them. */
static bool is_wanted(const struct pay_entry *e, mete_time now, bool with_refused)
{
    return with_refused || e->state != METE_CLIENT_STATE_UNPAID ||
           e->valid_until_s > now / TIME_SECOND_US;
}

struct pay_entry *history_claim(struct history *h, const struct hash *key, mete_time now,
                                bool with_refused, bool *is_busy)
{
    METE_ASSERT(h->locks > 0);
    const struct chain *c = omap_get(&h->by_key, key_key(key));
    *is_busy = false;
    for (struct pay_entry *e = c != NULL ? c->first : NULL; e != NULL; e = e->next) {
        if (!is_wanted(e, now, with_refused)) {
            continue;
        }
        if (!e->is_claimed && byte_lock(h, e->offset, F_WRLCK)) {
            e->is_claimed = true;
            return e;
        }
        *is_busy = true;
    }
    return NULL;
}

void history_release(struct history *h, struct pay_entry *e)
{
    METE_ASSERT(e->is_claimed);
    e->is_claimed = false;
    (void)byte_lock(h, e->offset, F_UNLCK);
    if (entry_is_over(e)) {
        entry_drop(h, e);
    }
}

/* --- writing -----------------------------------------------------------------------------------*/

/** Appends h->line. *offset: where it begins. */
static bool line_append(struct history *h, uint64_t *offset)
{
    const uint8_t *p = h->line.p;
    size_t left = h->line.len;
    struct stat st;
    if (fstat(h->fd, &st) != 0) {
        return fail(h, "the history %.160s: %s", h->path, strerror(errno));
    }
    while (left > 0) {
        ssize_t n = write(h->fd, p, left);
        if (n < 0 && errno != EINTR) {
            return fail(h, "the history %.160s cannot be written: %s", h->path, strerror(errno));
        }
        p += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    *offset = (uint64_t)st.st_size + (h->is_torn ? 1 : 0);
    h->read_at = (uint64_t)st.st_size + h->line.len;
    h->lines += h->is_torn ? 2 : 1;
    h->is_torn = false;
    return true;
}

static void line_begin(struct history *h)
{
    buf_reset(&h->line);
    if (h->is_torn) {
        buf_put_u8(&h->line, '\n');
    }
}

struct pay_entry *history_add(struct history *h, struct pay_entry *e)
{
    METE_ASSERT(h->locks > 0);
    h->why[0] = '\0';
    line_begin(h);
    entry_write(&h->line, e);
    if (h->line.len > ENTRY_LINE_MAX || !line_append(h, &e->offset) || fdatasync(h->fd) != 0 ||
        !byte_lock(h, e->offset, F_WRLCK)) {
        if (h->why[0] == '\0') {
            (void)fail(h, "the history %.160s cannot be made durable: %s", h->path,
                       strerror(errno));
        }
        entry_free(e);
        return NULL;
    }
    e->is_claimed = true;
    entry_put(h, e);
    return e;
}

void history_change(struct history *h, const struct pay_entry *e, mete_time now)
{
    uint64_t offset;
    METE_ASSERT(e->is_claimed);
    if (!history_lock(h)) {
        return;
    }
    line_begin(h);
    entry_write_change(&h->line, e, now);
    if (line_append(h, &offset) && e->state == METE_CLIENT_STATE_LAPSED) {
        sums_change(h, e, false);
    }
    history_unlock(h);
}

/* --- opening -----------------------------------------------------------------------------------*/

struct history *history_open(const char *path, char *why)
{
    int fd = history_file_open(path, why);
    if (fd < 0) {
        return NULL;
    }
    struct history *h = calloc(1, sizeof *h);
    METE_ASSERT(h != NULL);
    h->fd = fd;
    h->path = strdup(path);
    METE_ASSERT(h->path != NULL);
    omap_init(&h->by_id, sizeof(struct pay_entry *), 1);
    omap_init(&h->by_key, sizeof(struct chain), 2);
    omap_init(&h->sums, sizeof(struct u256), 3);
    if (!history_lock(h)) {
        (void)text_copy(why, METE_CLIENT_ERROR_MAX, text_of(h->why));
        history_close(h);
        return NULL;
    }
    history_unlock(h);
    return h;
}

void history_close(struct history *h)
{
    struct omap_node *n;
    if (h == NULL) {
        return;
    }
    for (n = omap_seek(&h->by_id, (struct bytes){0}); n != NULL; n = omap_next(n)) {
        entry_free(*(struct pay_entry **)omap_value(n));
    }
    omap_clear(&h->by_id);
    omap_clear(&h->by_key);
    omap_clear(&h->sums);
    buf_clear(&h->line);
    (void)close(h->fd);
    free(h->path);
    free(h);
}

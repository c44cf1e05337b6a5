/* SPDX-License-Identifier: Apache-2.0
 * Opening a book, and its log: appending, committing, reading. Invariant: between calls the state
 * in memory is that of the log, queued rows included; if it cannot be, the book is broken. */
#include "store/book.h"

#include "base/text.h"
#include "store/event_id.h"

#include <stdlib.h>
#include <string.h>

/* Rows that are read again in a few milliseconds: not worth a run of their own. */
#define TAIL_SMALL 512u

struct mete_err *book_err(struct book *b, struct mete_err *err)
{
    return err != NULL ? err : &b->unused;
}

bool book_usable(struct book *b, bool writing, struct mete_err *err)
{
    if (b->broken) {
        (void)mete_fail(err, METE_STORE_FAILED, NULL,
                        "the book could not be read again after a failure: open it anew");
        return false;
    }
    if (writing && b->read_only) {
        (void)mete_fail(err, METE_STORE_FAILED, NULL, "the store is open for reading only");
        return false;
    }
    if (writing && b->store->writer != NULL && b->store->writer != b) {
        (void)mete_fail(err, METE_STORE_BUSY, NULL, "another book of this store has an open group");
        return false;
    }
    if (writing) {
        book_touch(b);
    }
    return true;
}

bool book_is_broken(const struct book *b)
{
    return b->broken;
}

void book_touch(struct book *b)
{
    METE_ASSERT(!b->read_only && (b->store->writer == NULL || b->store->writer == b));
    b->store->writer = b;
    b->dirty = true;
}

static void group_end(struct book *b)
{
    if (b->store->writer == b) {
        b->store->writer = NULL;
    }
}

enum store_result book_wrote(struct book *b, enum store_result r)
{
    b->failed = b->failed || r == STORE_FAILED;
    return r;
}

struct hash log_row_leaf(const struct log_row *row)
{
    struct hash event = sha256(row->event);
    struct hash decision = sha256(row->decision);
    return merkle_leaf(&event, &decision, row->recorded_at);
}

/* --- opening and closing -----------------------------------------------------------------------*/

static struct book *book_new(struct store *s, void *log, struct text name)
{
    struct book *b = calloc(1, sizeof *b);
    METE_ASSERT(b != NULL);
    b->store = s;
    b->port = s->port->log;
    b->log = log;
    b->read_only = s->options.read_only;
    b->no_entries = s->options.no_entries;
    buf_put_text(&b->name, name);
    if (!b->read_only) {
        b->next = s->open;
        s->open = b;
    }
    tree_init(&b->tree, b->port, log);
    state_init(&b->state, b->port->state, log, s->options.cache_size, s->options.strict_cache);
    return b;
}

static void book_free(struct book *b)
{
    for (struct book **at = &b->store->open; *at != NULL; at = &(*at)->next) {
        if (*at == b) {
            *at = b->next;
            break;
        }
    }
    buf_clear(&b->name);
    tree_clear(&b->tree);
    state_clear(&b->state);
    buf_clear(&b->id_room);
    b->port->close(b->log);
    free(b);
}

/** Two states of one book would part; and what makes a book needs a transaction of its own. */
static enum mete_code check_free(const struct store *s, struct text name, bool create,
                                 struct mete_err *err)
{
    for (const struct book *b = s->open; b != NULL; b = b->next) {
        if (text_eq(buf_text(&b->name), name)) {
            return mete_fail(err, create ? METE_STORE_EXISTS : METE_STORE_BUSY, NULL,
                             "this process has the book open already");
        }
    }
    return s->writer == NULL || s->options.read_only
               ? METE_OK
               : mete_fail(err, METE_STORE_BUSY, NULL, "another book's group is not committed yet");
}

static enum mete_code name_check(struct text name, struct mete_err *err)
{
    if (name.len == 0 || name.len > BOOK_NAME_LEN_MAX || !text_is_utf8(name)) {
        return mete_fail(err, METE_TEXT_LENGTH, NULL,
                         "the name of a book is 1 to %d bytes of UTF-8", BOOK_NAME_LEN_MAX);
    }
    return METE_OK;
}

enum mete_code book_open(struct book **out, struct store *s, struct text name, bool create,
                         struct mete_err *err)
{
    struct mete_err unused;
    void *log;
    err = err != NULL ? err : &unused;
    enum mete_code code = name_check(name, err);
    if (code == METE_OK) {
        code = check_free(s, name, create, err);
    }
    if (code == METE_OK) {
        code = s->port->book_open(&log, s->impl, name, create, err);
    }
    if (code != METE_OK) {
        return code;
    }
    struct book *b = book_new(s, log, name);
    code = book_load(b, err);
    if (code != METE_OK) {
        book_free(b);
        return code;
    }
    *out = b;
    return METE_OK;
}

enum mete_code book_held(struct book *b, struct mete_err *err)
{
    err = book_err(b, err);
    bool held = b->read_only || b->port->held == NULL || b->port->held(b->log, err) == STORE_OK;
    return held ? METE_OK : err->code;
}

enum mete_code book_open_log(struct book **out, struct store *s, struct text name,
                             struct mete_err *err)
{
    struct mete_err unused;
    void *log;
    METE_ASSERT(s->options.read_only);
    err = err != NULL ? err : &unused;
    enum mete_code code = name_check(name, err);
    if (code == METE_OK) {
        code = s->port->book_open(&log, s->impl, name, false, err);
    }
    if (code != METE_OK) {
        return code;
    }
    struct book *b = book_new(s, log, name);
    if (b->port->find(log, &b->found, err) != STORE_OK) {
        book_free(b);
        return err->code;
    }
    *out = b;
    return METE_OK;
}

static enum mete_code flush(struct book *b, struct mete_err *err)
{
    enum mete_code code = state_flush(&b->state, err);
    if (code == METE_OK &&
        b->port->flushed(b->log, b->found.size, b->found.pages, err) != STORE_OK) {
        code = err->code;
    }
    if (code == METE_OK) {
        b->found.flushed_size = b->found.size;
        b->found.flushed_pages = b->found.pages;
    }
    return code;
}

/** The buffer follows from the log, so failing to write it out loses nothing. False: it failed, and
 *  the buffer may be only partly there. */
static bool tail_flush(struct book *b)
{
    struct mete_err err;
    uint64_t rows = b->found.size - b->found.flushed_size + b->found.pages - b->found.flushed_pages;
    if (b->port->state == NULL || rows < TAIL_SMALL) {
        return true;
    }
    enum mete_code code = flush(b, &err);
    code = code == METE_OK ? state_merge_slice(&b->state, &err) : code;
    if (code != METE_OK || b->port->commit(b->log, &err) != STORE_OK) {
        b->port->rollback(b->log);
        return false;
    }
    return true;
}

void book_close(struct book *b)
{
    if (b == NULL) {
        return;
    }
    if (!b->read_only) {
        if (b->dirty || b->failed) {
            b->port->rollback(b->log);
        } else if (!b->broken && b->store->writer == NULL) {
            (void)tail_flush(b);
        }
        group_end(b);
    }
    book_free(b);
}

bool book_rest(struct book *b)
{
    bool able = b->read_only && !b->broken && b->port->rest != NULL;
    if (able) {
        b->port->rest(b->log);
    }
    return able;
}

enum mete_code book_wake(struct book *b, struct mete_err *err)
{
    bool moved;
    err = book_err(b, err);
    enum mete_code code = METE_OK;
    if (b->port->wake(b->log, &moved, err) != STORE_OK) {
        code = err->code;
    } else if (moved) {
        code = book_advance(b, err);
    }
    b->broken = code != METE_OK;
    return code;
}

void book_settle(struct book *b)
{
    struct mete_err err;
    bool able = !b->read_only && !b->dirty && !b->failed && !b->broken && b->store->writer == NULL;
    if (able && !tail_flush(b)) {
        b->broken = book_load(b, &err) != METE_OK;
    }
}

void book_keep_entries(struct book *b)
{
    b->no_entries = false;
}

/* --- groups ------------------------------------------------------------------------------------*/

void book_rollback(struct book *b)
{
    struct mete_err err;
    if (b->read_only || (!b->dirty && !b->failed)) {
        return;
    }
    b->port->rollback(b->log);
    b->dirty = false;
    b->failed = false;
    group_end(b);
    b->broken = book_load(b, &err) != METE_OK;
}

static enum mete_code maintain(struct book *b, struct mete_err *err)
{
    enum mete_code code = METE_OK;
    if (b->port->state == NULL) {
        return METE_OK;
    }
    if (state_full(&b->state)) {
        code = flush(b, err);
    }
    return code == METE_OK ? state_merge_slice(&b->state, err) : code;
}

enum store_result book_commit(struct book *b, struct mete_err *err)
{
    err = book_err(b, err);
    if (!b->dirty && !b->failed) {
        return STORE_OK;
    }
    if (!book_usable(b, true, err)) {
        return STORE_FAILED;
    }
    enum store_result r = STORE_FAILED;
    if (b->failed) {
        (void)mete_fail(err, METE_STORE_FAILED, NULL, "a write of this group has failed");
    } else if (maintain(b, err) == METE_OK) {
        r = b->port->commit(b->log, err);
    }
    if (r == STORE_OK) {
        b->dirty = false;
        group_end(b);
    } else {
        book_rollback(b);
    }
    return r;
}

/* --- appending ---------------------------------------------------------------------------------*/

void book_event_id_put(struct book *b, const struct key *key, uint64_t seq)
{
    uint8_t value[10];
    size_t len = 0;
    for (; seq >= 0x80; seq >>= 7) {
        value[len++] = (uint8_t)(seq | 0x80);
    }
    value[len++] = (uint8_t)seq;
    state_set(&b->state, key_bytes(key), (struct bytes){value, len});
}

enum store_result book_append(struct book *b, const struct log_row *row, struct mete_err *err)
{
    struct text id = row->event_id;
    err = book_err(b, err);
    METE_ASSERT(row->seq == b->found.size + 1);
    if (!book_usable(b, true, err)) {
        return STORE_FAILED;
    }
    if (id.len == 0 && !event_id_of(row->event, &b->id_room, &id)) {
        (void)mete_fail(err, METE_STORE_FAILED, "/event_id", "the event has no event_id");
        return book_wrote(b, STORE_FAILED);
    }
    enum store_result r = b->port->append(b->log, row, err);
    if (r == STORE_OK) {
        r = tree_append(&b->tree, &row->leaf, err);
    }
    if (r != STORE_OK) {
        return book_wrote(b, r);
    }
    b->found.size++;
    b->found.recorded_at = row->recorded_at;
    b->tail_pages = 0;
    b->tail_known = true;
    if (row->id_key != NULL) {
        book_event_id_put(b, row->id_key, row->seq);
    } else {
        struct key key = key_event_id(id);
        book_event_id_put(b, &key, row->seq);
    }
    return STORE_OK;
}

enum store_result book_append_page(struct book *b, uint64_t seq, uint32_t page, struct bytes packed,
                                   mete_time recorded_at, struct mete_err *err)
{
    err = book_err(b, err);
    METE_ASSERT(page >= 1 && seq >= 1 && seq <= b->found.size);
    if (!book_usable(b, true, err)) {
        return STORE_FAILED;
    }
    struct page_row row = {b->found.pages + 1, seq, page, b->found.size, recorded_at, packed};
    enum store_result r = b->port->append_page(b->log, &row, err);
    if (r != STORE_OK) {
        return book_wrote(b, r);
    }
    b->found.pages++;
    if (seq == b->found.size) {
        b->tail_pages = page;
    }
    return STORE_OK;
}

/* --- reading -----------------------------------------------------------------------------------*/

void book_bound(struct book *b, uint64_t rows)
{
    b->bounded = rows != UINT64_MAX;
    b->rows_left = rows;
    b->spent = false;
    b->hid = false;
}

bool book_hid(const struct book *b, struct mete_err *err)
{
    if (b->hid) {
        *err = b->hidden;
    }
    return b->hid;
}

static void hide(struct book *b, const struct mete_err *err)
{
    b->hid = true;
    b->hidden = *err;
}

bool book_unbound(struct book *b)
{
    b->bounded = false;
    return b->spent;
}

/** One more row is read. */
static bool row_spend(struct book *b, struct mete_err *err)
{
    if (!b->bounded) {
        return true;
    }
    b->spent = b->spent || b->rows_left == 0;
    b->rows_left -= b->rows_left > 0;
    if (b->spent) {
        (void)mete_fail(err, METE_STORE_FAILED, NULL, "this reading is too long for its place");
    }
    return !b->spent;
}

uint64_t book_size(const struct book *b)
{
    return b->found.size;
}

struct log_head book_head(struct book *b)
{
    if (b->root_size != b->found.size) {
        b->root = merkle_root(&b->tree.merkle);
        b->root_size = b->found.size;
    }
    return (struct log_head){b->found.size, b->found.recorded_at, b->root};
}

static bool leaf_holds(const struct log_row *row)
{
    struct hash leaf = log_row_leaf(row);
    return hash_eq(&leaf, &row->leaf);
}

enum store_result book_row_check(struct book *b, struct log_row *row, struct mete_err *err)
{
    if ((b->port->in_process || leaf_holds(row)) &&
        event_id_of(row->event, &b->id_room, &row->event_id)) {
        return STORE_OK;
    }
    (void)mete_fail(err, METE_STORE_CORRUPT, NULL, "event %llu of the log is damaged",
                    (unsigned long long)row->seq);
    return STORE_FAILED;
}

enum store_result book_row(struct book *b, uint64_t seq, struct log_row *row, struct mete_err *err)
{
    err = book_err(b, err);
    if (!book_usable(b, false, err) || !row_spend(b, err)) {
        return STORE_FAILED;
    }
    if (seq == 0 || seq > b->found.size) {
        return STORE_NONE;
    }
    enum store_result r = b->port->row(b->log, seq, row, err);
    return r == STORE_OK ? book_row_check(b, row, err) : r;
}

enum store_result book_page(struct book *b, uint64_t seq, uint32_t page, struct bytes *packed,
                            mete_time *recorded_at, struct mete_err *err)
{
    struct page_row row;
    err = book_err(b, err);
    if (!book_usable(b, false, err) || !row_spend(b, err)) {
        return STORE_FAILED;
    }
    enum store_result r = b->port->page(b->log, seq, page, &row, err);
    if (r == STORE_OK) {
        *packed = row.packed;
        *recorded_at = row.recorded_at;
    }
    return r;
}

uint32_t book_page_count(struct book *b, uint64_t seq)
{
    struct mete_err err;
    uint32_t count = 0;
    if (seq == b->found.size && b->tail_known) {
        return b->tail_pages;
    }
    if (b->broken || b->found.pages == 0) {
        return 0;
    }
    if (b->port->page_count(b->log, seq, &count, &err) != STORE_OK) {
        hide(b, &err);
        return 0;
    }
    if (seq == b->found.size) {
        b->tail_pages = count;
        b->tail_known = true;
    }
    return count;
}

struct log_walk {
    struct book *b;
    log_visit *visit;
    void *arg;
    struct mete_err *err;
    bool failed;
};

static bool walk_row(void *arg, const struct log_row *row)
{
    struct log_walk *w = arg;
    struct log_row checked = *row;
    if (book_row_check(w->b, &checked, w->err) != STORE_OK) {
        w->failed = true;
        return false;
    }
    return w->visit(w->arg, &checked);
}

enum store_result book_scan_log(struct book *b, uint64_t from, uint64_t until, log_visit *visit,
                                void *arg, struct mete_err *err)
{
    err = book_err(b, err);
    if (!book_usable(b, false, err)) {
        return STORE_FAILED;
    }
    struct log_walk w = {b, visit, arg, err, false};
    from = from == 0 ? 1 : from;
    until = until > b->found.size + 1 ? b->found.size + 1 : until;
    enum store_result r = STORE_OK;
    if (from < until) {
        r = b->port->scan(b->log, from, until, walk_row, &w, err);
    }
    return w.failed ? STORE_FAILED : r;
}

uint64_t book_seq_at(struct book *b, mete_time t)
{
    struct mete_err err;
    uint64_t lo = 1;
    uint64_t hi = b->found.size + 1;
    while (lo < hi && !b->broken) {
        uint64_t mid = lo + (hi - lo) / 2;
        mete_time at;
        if (b->port->recorded_at(b->log, mid, &at, &err) != STORE_OK) {
            hide(b, &err);
            return lo;
        }
        if (at < t) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

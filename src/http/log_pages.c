/* SPDX-License-Identifier: Apache-2.0
 * One lock over books, readers and pages; the store is read without it. Invariants: a book's pages
 * do not overlap and are in order; a page with pins is not freed; a reader with a ticket has been
 * told that nothing is there, and will be woken. */
#include "http/log_pages.h"

#include "base/buf.h"
#include "base/text.h"
#include "store/steady.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MEMORY_MAX ((size_t)32 << 20)
#define PAGE_BYTES ((size_t)128 << 10) /* one row may be larger */
#define PAGE_ROWS  512u
#define PAGES_MAX  512u
#define REST_US    20 /* for each reader: about what it costs to send it a page, however small */
#define CACHE_SIZE ((size_t)1 << 20) /* of the store's connection: no state is read */

struct log_page {
    uint64_t first;
    size_t count;
    size_t end[PAGE_ROWS]; /* of each row in `text`, with what follows from it */
    size_t own[PAGE_ROWS]; /* without that */
    struct buf text;
    uint64_t used; /* ticket of the last use */
    unsigned pins; /* readers that will come back for it */
};

struct paged_book {
    struct paged_book *next;
    struct text name;
    struct log_reader *first;
    unsigned readers;
    uint64_t head; /* rows that the log had when it was last read */
    bool news;     /* it may have more */
    int64_t rest;  /* until when it is not looked for; microseconds of the monotonic clock */
    bool loading;
    struct log_page *page[PAGES_MAX];
    size_t page_count;
};

struct log_pages {
    struct log_pages_options o;
    struct store *store;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;  /* somebody waits, there are news, or it shall stop */
    pthread_cond_t unpinned; /* a page may go */
    struct paged_book *first;
    size_t pages;
    uint64_t ticket;
    bool stopping;
    struct log_pages_stats stats;
};

/* --- pages -------------------------------------------------------------------------------------*/

/** Where the page that holds `seq` stands, or would stand. */
static size_t page_place(const struct paged_book *b, uint64_t seq)
{
    size_t lo = 0;
    size_t hi = b->page_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (b->page[mid]->first + b->page[mid]->count <= seq) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

static bool page_has(const struct log_page *page, uint64_t seq)
{
    return seq >= page->first && seq - page->first < page->count;
}

static struct log_page *page_find(const struct paged_book *b, uint64_t seq)
{
    size_t at = page_place(b, seq);
    return at < b->page_count && page_has(b->page[at], seq) ? b->page[at] : NULL;
}

static size_t page_size(const struct log_page *page)
{
    return sizeof *page + page->text.cap;
}

static void page_free(struct log_page *page)
{
    buf_clear(&page->text);
    free(page);
}

static void page_remove(struct log_pages *p, struct paged_book *b, size_t at)
{
    struct log_page *page = b->page[at];
    METE_ASSERT(page->pins == 0);
    memmove(&b->page[at], &b->page[at + 1], (b->page_count - at - 1) * sizeof b->page[0]);
    b->page_count--;
    p->pages--;
    p->stats.memory -= page_size(page);
    page_free(page);
}

static void page_insert(struct log_pages *p, struct paged_book *b, struct log_page *page)
{
    size_t at = page_place(b, page->first);
    METE_ASSERT(b->page_count < PAGES_MAX);
    memmove(&b->page[at + 1], &b->page[at], (b->page_count - at) * sizeof b->page[0]);
    b->page[at] = page;
    b->page_count++;
    p->pages++;
    p->stats.memory += page_size(page);
}

/** Removes the page that nobody waits for and that was used longest ago. */
static bool oldest_remove(struct log_pages *p)
{
    struct paged_book *in = NULL;
    size_t at = 0;
    for (struct paged_book *b = p->first; b != NULL; b = b->next) {
        for (size_t i = 0; i < b->page_count; i++) {
            if (b->page[i]->pins == 0 && (in == NULL || b->page[i]->used < in->page[at]->used)) {
                in = b;
                at = i;
            }
        }
    }
    if (in != NULL) {
        page_remove(p, in, at);
    }
    return in != NULL;
}

/** Before the next page is read. Pins last no longer than a thread of the server takes to come
 *  round, so waiting for them is waiting for no client. */
static void make_room(struct log_pages *p)
{
    while (!p->stopping && (p->stats.memory >= p->o.memory_max || p->pages >= PAGES_MAX)) {
        if (!oldest_remove(p)) {
            pthread_cond_wait(&p->unpinned, &p->lock);
        }
    }
}

/* --- books -------------------------------------------------------------------------------------*/

static struct paged_book *paged_find(const struct log_pages *p, struct text name)
{
    for (struct paged_book *b = p->first; b != NULL; b = b->next) {
        if (text_eq(b->name, name)) {
            return b;
        }
    }
    return NULL;
}

static struct paged_book *paged_add(struct log_pages *p, struct text name)
{
    struct paged_book *b = calloc(1, sizeof *b);
    char *copy = strndup(name.p, name.len);
    METE_ASSERT(b != NULL && copy != NULL);
    b->name = (struct text){copy, name.len};
    b->news = true;
    b->next = p->first;
    p->first = b;
    return b;
}

/** When nobody follows it any more. */
static void paged_drop(struct log_pages *p, struct paged_book *b)
{
    if (b->readers > 0 || b->loading) {
        return;
    }
    while (b->page_count > 0) {
        page_remove(p, b, b->page_count - 1);
    }
    struct paged_book **at = &p->first;
    while (*at != b) {
        at = &(*at)->next;
    }
    *at = b->next;
    free((char *)(uintptr_t)b->name.p);
    free(b);
}

/* --- reading the store -------------------------------------------------------------------------*/

struct load {
    struct log_pages *p;
    struct log_page *page;
    uint64_t head;
    bool follows; /* something follows from the last row, and is not here yet */
};

static bool has_room(const struct log_page *page)
{
    return page->text.len < PAGE_BYTES && page->count < PAGE_ROWS;
}

static bool load_row(void *arg, const struct log_row *row)
{
    struct load *l = arg;
    struct log_page *page = l->page;
    l->follows = l->p->o.render(&page->text, row) && l->p->o.follow != NULL;
    page->own[page->count] = page->end[page->count] = page->text.len;
    page->count++;
    return !l->follows && has_room(page);
}

static bool load_follow(struct load *l, struct text name)
{
    struct log_page *page = l->page;
    bool read = l->p->o.follow(l->p->o.ctx, &page->text, name.p, page->first + page->count - 1);
    page->end[page->count - 1] = page->text.len;
    return read;
}

/** Fills l->page from its `first` on, at most to `until`. */
static bool load_page(struct load *l, struct text name, uint64_t until)
{
    struct mete_err err;
    struct book *book;
    bool read = true;
    if (book_open_log(&book, l->p->store, name, &err) != METE_OK) {
        return false;
    }
    l->head = book_size(book);
    do {
        uint64_t next = l->page->first + l->page->count;
        l->follows = false;
        read = book_scan_log(book, next, until, load_row, l, &err) != STORE_FAILED;
        read = read && (!l->follows || load_follow(l, name));
    } while (read && l->follows && has_room(l->page));
    book_close(book);
    return read;
}

/** What waits longest of what can be had: a row that was there when the log was last read, or any
 *  when there are news. *rest: when there may be more to have. */
static struct log_reader *next_served(const struct log_pages *p, int64_t now, int64_t *rest)
{
    struct log_reader *found = NULL;
    *rest = INT64_MAX;
    for (const struct paged_book *b = p->first; b != NULL; b = b->next) {
        bool fresh = b->news && b->rest <= now;
        for (struct log_reader *r = b->first; r != NULL; r = r->next) {
            if (r->ticket != 0 && (fresh || r->seq <= b->head) &&
                (found == NULL || r->ticket < found->ticket)) {
                found = r;
            }
        }
        *rest = b->news && !fresh && b->rest < *rest ? b->rest : *rest;
    }
    return found;
}

static void give(struct log_pages *p, struct log_reader *r, struct log_page *page)
{
    r->ticket = 0;
    r->page = page;
    page->pins++;
    page->used = p->ticket++;
    source_wake(r->source);
}

static void give_all(struct log_pages *p, struct paged_book *b, struct log_page *page)
{
    for (struct log_reader *r = b->first; r != NULL; r = r->next) {
        if (r->ticket != 0 && page_has(page, r->seq)) {
            give(p, r, page);
        }
    }
}

static void fail_all(struct paged_book *b)
{
    for (struct log_reader *r = b->first; r != NULL; r = r->next) {
        if (r->ticket != 0) {
            r->ticket = 0;
            r->failed = true;
            source_wake(r->source);
        }
    }
}

/** One page, for everybody who waits for it. The lock is held, but not while the store is read. */
static void serve(struct log_pages *p, struct log_reader *waiting)
{
    struct paged_book *b = waiting->book;
    struct load l = {.p = p, .page = calloc(1, sizeof *l.page)};
    METE_ASSERT(l.page != NULL);
    size_t at = page_place(b, waiting->seq);
    uint64_t until = at < b->page_count ? b->page[at]->first : UINT64_MAX;
    l.page->first = waiting->seq;
    b->news = false;
    b->loading = true;
    pthread_mutex_unlock(&p->lock);
    bool read = load_page(&l, b->name, until);
    pthread_mutex_lock(&p->lock);
    b->loading = false;
    p->stats.loads++;
    p->stats.rows += l.page->count;
    if (read && l.page->count > 0) {
        page_insert(p, b, l.page);
        b->head = l.head;
        b->rest = steady_now() + (int64_t)b->readers * REST_US;
        give_all(p, b, l.page);
    } else {
        page_free(l.page);
        b->head = read ? l.head : b->head;
        if (!read) {
            b->news = true; /* for whoever asks next: this time may have been bad luck */
            fail_all(b);
        }
    }
    paged_drop(p, b);
}

static void changed_wait(struct log_pages *p, int64_t until)
{
    if (until == INT64_MAX) {
        pthread_cond_wait(&p->changed, &p->lock);
        return;
    }
    const struct timespec t = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};
    (void)pthread_cond_timedwait(&p->changed, &p->lock, &t);
}

static void *load_on(void *arg)
{
    struct log_pages *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->stopping) {
        int64_t rest;
        make_room(p);
        struct log_reader *waiting = next_served(p, steady_now(), &rest);
        if (waiting != NULL && !p->stopping) {
            serve(p, waiting);
        } else if (!p->stopping) {
            changed_wait(p, rest);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* --- readers -----------------------------------------------------------------------------------*/

void log_reader_join(struct log_pages *p, struct log_reader *r, struct text book,
                     const struct log_wish *wish, struct source *source)
{
    bool within = wish->mark[0] != '\0' && !wish->own_only;
    *r = (struct log_reader){
        .pages = p, .source = source, .seq = wish->after + !within, .own_only = wish->own_only};
    (void)text_copy(r->mark, sizeof r->mark, text_of(within ? wish->mark : ""));
    pthread_mutex_lock(&p->lock);
    struct paged_book *b = paged_find(p, book);
    b = b != NULL ? b : paged_add(p, book);
    r->book = b;
    r->next = b->first;
    if (r->next != NULL) {
        r->next->before = r;
    }
    b->first = r;
    b->readers++;
    pthread_mutex_unlock(&p->lock);
}

static void unpin(struct log_pages *p, struct log_reader *r)
{
    if (r->page != NULL) {
        r->page->pins--;
        r->page = NULL;
        pthread_cond_signal(&p->unpinned);
    }
}

void log_reader_leave(struct log_reader *r)
{
    struct log_pages *p = r->pages;
    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    unpin(p, r);
    if (r->next != NULL) {
        r->next->before = r->before;
    }
    *(r->before != NULL ? &r->before->next : &r->book->first) = r->next;
    r->book->readers--;
    paged_drop(p, r->book);
    r->pages = NULL;
    pthread_mutex_unlock(&p->lock);
}

static size_t row_start(const struct log_page *page, size_t row)
{
    return row > 0 ? page->end[row - 1] : 0;
}

/** Copies what rows are themselves from where the reader stands in `page`. */
static size_t copy_own(struct log_reader *r, const struct log_page *page, uint8_t *to, size_t size)
{
    size_t row = (size_t)(r->seq - page->first);
    size_t copied = 0;
    while (row < page->count && copied < size) {
        size_t from = row_start(page, row) + r->within;
        size_t left = page->own[row] - from;
        size_t len = left < size - copied ? left : size - copied;
        memcpy(to + copied, page->text.p + from, len);
        copied += len;
        r->within = len == left ? 0 : r->within + len;
        row += len == left;
    }
    r->seq = page->first + row;
    return copied;
}

/** Copies from where the reader stands in `page`. */
static size_t copy_all(struct log_reader *r, const struct log_page *page, uint8_t *to, size_t size)
{
    size_t row = (size_t)(r->seq - page->first);
    size_t from = row_start(page, row) + r->within;
    size_t len = page->text.len - from < size ? page->text.len - from : size;
    size_t reached = from + len;
    memcpy(to, page->text.p + from, len);
    while (row < page->count && page->end[row] <= reached) {
        row++;
    }
    r->seq = page->first + row;
    r->within = reached - row_start(page, row);
    return len;
}

/** Goes behind the mark that a reader came with. It may then want the page after this one. */
static void mark_find(struct log_reader *r, const struct log_page *page)
{
    size_t row = (size_t)(r->seq - page->first);
    size_t start = row_start(page, row);
    const struct text all = {(const char *)page->text.p + start, page->end[row] - start};
    r->within = r->pages->o.resume(all, r->mark);
    METE_ASSERT(r->within <= all.len);
    if (r->within == all.len) {
        r->seq++;
        r->within = 0;
    }
    r->mark[0] = '\0';
    r->ticket = 0;
}

long log_reader_read(struct log_reader *r, uint8_t *to, size_t size)
{
    struct log_pages *p = r->pages;
    pthread_mutex_lock(&p->lock);
    long got = r->failed ? SOURCE_BROKEN : 0;
    struct log_page *page = r->page != NULL ? r->page : page_find(r->book, r->seq);
    if (page != NULL && r->mark[0] != '\0') {
        mark_find(r, page);
        unpin(p, r);
        page = page_find(r->book, r->seq);
    }
    if (page != NULL) {
        page->used = p->ticket++;
        r->ticket = 0;
        got = (long)(r->own_only ? copy_own : copy_all)(r, page, to, size);
    } else if (!r->failed && r->ticket == 0) {
        r->ticket = ++p->ticket;
        if (r->book->news || r->seq <= r->book->head) {
            pthread_cond_signal(&p->changed);
        }
    }
    unpin(p, r);
    pthread_mutex_unlock(&p->lock);
    return got;
}

bool log_reader_between(const struct log_reader *r)
{
    return r->within == 0;
}

/* --- for others --------------------------------------------------------------------------------*/

void log_pages_news(struct log_pages *p, const char *book)
{
    pthread_mutex_lock(&p->lock);
    for (struct paged_book *b = p->first; b != NULL; b = b->next) {
        if (book == NULL || text_is(b->name, book)) {
            b->news = true;
            pthread_cond_signal(&p->changed);
        }
    }
    pthread_mutex_unlock(&p->lock);
}

enum mete_code log_pages_start(struct log_pages **out, const struct log_pages_options *o,
                               struct mete_err *err)
{
    struct log_pages *p = calloc(1, sizeof *p);
    const struct store_options so = {
        .read_only = true, .cache_size = CACHE_SIZE, .strict_cache = true};
    METE_ASSERT(p != NULL);
    p->o = *o;
    p->o.memory_max = o->memory_max != 0 ? o->memory_max : MEMORY_MAX;
    p->ticket = 1;
    enum mete_code code = store_open(&p->store, o->store, &so, err);
    if (code != METE_OK) {
        free(p);
        return code;
    }
    METE_ASSERT(pthread_mutex_init(&p->lock, NULL) == 0);
    steady_cond_init(&p->changed);
    METE_ASSERT(pthread_cond_init(&p->unpinned, NULL) == 0);
    METE_ASSERT(pthread_create(&p->thread, NULL, load_on, p) == 0);
    *out = p;
    return METE_OK;
}

void log_pages_stop(struct log_pages *p)
{
    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->changed);
    pthread_cond_broadcast(&p->unpinned);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
}

void log_pages_free(struct log_pages *p)
{
    if (p == NULL) {
        return;
    }
    METE_ASSERT(p->first == NULL);
    store_close(p->store);
    pthread_cond_destroy(&p->changed);
    pthread_cond_destroy(&p->unpinned);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void log_pages_stats(struct log_pages *p, struct log_pages_stats *out)
{
    pthread_mutex_lock(&p->lock);
    *out = p->stats;
    pthread_mutex_unlock(&p->lock);
}

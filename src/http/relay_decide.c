/* SPDX-License-Identifier: Apache-2.0
 * The relay's requests of other processes. Invariant: one that is at work is noted, so that it is
 * handed on once, however often it is seen. */
#include "http/relay_parts.h"

#include "base/text.h"
#include "http/relay_pack.h"

#include <stdlib.h>
#include <string.h>

#define AT_WORK_SIZE ((size_t)64 << 20)
#define TRIES_MAX    3u
#define UNHELD_MS    50 /* between two attempts at a book that nobody has, or who has it is slow */

/** One of others: x->relayed. */
struct relayed {
    struct inbox_item item; /* node: in the exchange's arena */
    bool gone;              /* decided or withdrawn before it was our turn */
    bool stored;            /* the answer is in the group */
};

struct answer {
    struct answer *next;
    struct inbox_item item;
    struct buf sealed;
    char node[STORE_NODE_MAX];
};

static struct at_work *at_work_find(struct relay *r, const struct inbox_id *id)
{
    for (size_t i = 0; i < r->at_work_count; i++) {
        if (memcmp(r->at_work[i].id.b, id->b, sizeof id->b) == 0) {
            return &r->at_work[i];
        }
    }
    return NULL;
}

static void at_work_remove(struct relay *r, const struct inbox_id *id)
{
    struct at_work *w = at_work_find(r, id);
    if (w != NULL) {
        *w = r->at_work[--r->at_work_count];
    }
}

/** Failed ones that did not come again are forgotten when their place is needed. */
static void at_work_make_room(struct relay *r)
{
    for (size_t i = 0; i < r->at_work_count && r->at_work_count == AT_WORK_MAX; i++) {
        if (!r->at_work[i].now) {
            r->at_work[i] = r->at_work[--r->at_work_count];
        }
    }
}

/** Notes that it is at work from now on. False: it is already, or too much is. */
static bool at_work_begin(struct relay *r, const struct inbox_id *id, size_t size)
{
    size_t total = 0;
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->at_work_count; i++) {
        total += r->at_work[i].now ? r->at_work[i].size : 0;
    }
    struct at_work *w = at_work_find(r, id);
    bool begun = (w == NULL || !w->now) && (total == 0 || total + size <= AT_WORK_SIZE);
    if (begun && w == NULL) {
        at_work_make_room(r);
        begun = r->at_work_count < AT_WORK_MAX;
        w = begun ? &r->at_work[r->at_work_count++] : NULL;
        if (begun) {
            *w = (struct at_work){.id = *id};
        }
    }
    if (begun) {
        w->now = true;
        w->size = size;
    }
    pthread_mutex_unlock(&r->lock);
    return begun;
}

static bool is_at_work(struct relay *r, const struct inbox_id *id)
{
    pthread_mutex_lock(&r->lock);
    const struct at_work *w = at_work_find(r, id);
    bool now = w != NULL && (w->now || w->foreign);
    pthread_mutex_unlock(&r->lock);
    return now;
}

static void foreign_note(struct relay *r, const struct inbox_id *id)
{
    pthread_mutex_lock(&r->lock);
    at_work_make_room(r);
    if (r->at_work_count < AT_WORK_MAX) {
        r->at_work[r->at_work_count++] = (struct at_work){.id = *id, .foreign = true};
    }
    pthread_mutex_unlock(&r->lock);
}

/** Opens one and hands it on. */
static void arrive(struct relay *r, const struct inbox_item *item, struct bytes sealed)
{
    struct buf plain = {0};
    struct exchange *x = calloc(1, sizeof *x);
    METE_ASSERT(x != NULL);
    exchange_init(x);
    struct relayed *own = arena_alloc(&x->arena, sizeof *own);
    own->item = *item;
    own->item.node = arena_text(&x->arena, item->node);
    own->item.data = (struct bytes){0};
    x->relayed = own;
    bool ours = relay_unseal(r, item, sealed, &plain) && relay_unpack_request(buf_bytes(&plain), x);
    buf_clear(&plain);
    if (!ours) { /* of another version, or of nobody who has the key: its sender gives up */
        foreign_note(r, &item->id);
        exchange_clear(x);
        free(x);
        return;
    }
    if (!at_work_begin(r, &item->id, sealed.len)) {
        exchange_clear(x);
        free(x);
        return;
    }
    r->o.arrived(r->o.ctx, x);
}

struct arriving {
    struct relay *r;
    struct arena a;
    struct inbox_item item[AT_WORK_MAX];
    size_t count;
};

static bool arriving_note(void *arg, const struct inbox_item *item)
{
    struct arriving *list = arg;
    if (!is_at_work(list->r, &item->id)) {
        struct inbox_item *own = &list->item[list->count++];
        *own = *item;
        own->node = arena_text(&list->a, item->node);
    }
    return list->count < AT_WORK_MAX;
}

static void requests_of_book(struct relay *r, int64_t book)
{
    struct arriving list = {.r = r};
    struct mete_err err;
    arena_init(&list.a, 1 << 20);
    if (inbox_requests(r->inbox, book, arriving_note, &list, &err) != METE_OK) {
        r->failed = true;
    }
    for (size_t i = 0; i < list.count; i++) {
        struct buf sealed = {0};
        if (inbox_request(r->inbox, book, &list.item[i].id, &sealed, &err) == METE_OK) {
            arrive(r, &list.item[i], buf_bytes(&sealed));
        }
        buf_clear(&sealed);
    }
    if (list.count > 0) {
        r->active_until_ms = relay_now_ms() + ACTIVE_MS;
    }
    arena_clear(&list.a);
}

static void requests_look(struct relay *r)
{
    struct arena a;
    int64_t *book;
    size_t count = 0;
    struct mete_err err;
    bool unheld = relay_now_ms() - r->unheld_ms >= UNHELD_MS;
    arena_init(&a, 1 << 24);
    if (inbox_books(r->inbox, &a, &book, &count, &err) != METE_OK) {
        r->failed = true;
    }
    for (size_t i = 0; i < count; i++) {
        enum inbox_holder holder;
        if (inbox_holder(r->inbox, book[i], text_of(r->node), &holder, &err) != METE_OK) {
            r->failed = true;
        } else if (holder == INBOX_HELD_BY_NODE || (holder == INBOX_HELD_BY_NONE && unheld)) {
            r->unheld_ms = holder == INBOX_HELD_BY_NONE ? relay_now_ms() : r->unheld_ms;
            requests_of_book(r, book[i]);
        }
    }
    arena_clear(&a);
}

bool relay_claim(struct exchange *x, struct engine *e)
{
    struct relayed *own = x->relayed;
    struct mete_err err;
    own->gone = book_inbox_claim(engine_book(e), &own->item.id, &err) != STORE_OK;
    return !own->gone;
}

void relay_decided(struct relay *r, struct exchange *x, struct engine *e)
{
    struct relayed *own = x->relayed;
    struct buf plain = {0};
    struct buf sealed = {0};
    struct mete_err err;
    relay_pack_answer(&plain, x);
    relay_seal(r, &own->item, &plain, &sealed);
    struct inbox_item answer = own->item;
    answer.data = buf_bytes(&sealed);
    own->stored = book_inbox_answer(engine_book(e), &answer, &err) == STORE_OK;
    buf_clear(&plain);
    buf_clear(&sealed);
}

/** Has the thread store an answer that no group stored. */
static void answer_later(struct relay *r, const struct exchange *x)
{
    const struct relayed *own = x->relayed;
    struct buf plain = {0};
    struct answer *a = calloc(1, sizeof *a);
    METE_ASSERT(a != NULL);
    a->item = own->item;
    (void)text_copy(a->node, sizeof a->node, own->item.node);
    relay_pack_answer(&plain, x);
    relay_seal(r, &own->item, &plain, &a->sealed);
    buf_clear(&plain);
    pthread_mutex_lock(&r->lock);
    a->next = r->answers;
    r->answers = a;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void answers_store(struct relay *r)
{
    struct mete_err err;
    pthread_mutex_lock(&r->lock);
    struct answer *list = r->answers;
    r->answers = NULL;
    pthread_mutex_unlock(&r->lock);
    while (list != NULL) {
        struct answer *a = list;
        list = a->next;
        a->item.node = text_of(a->node);
        a->item.data = buf_bytes(&a->sealed);
        r->failed = inbox_answer(r->inbox, &a->item, &err) != METE_OK || r->failed;
        pthread_mutex_lock(&r->lock);
        at_work_remove(r, &a->item.id);
        pthread_mutex_unlock(&r->lock);
        buf_clear(&a->sealed);
        free(a);
    }
}

void relay_end(struct relay *r, struct exchange *x, enum mete_code code)
{
    const struct relayed *own = x->relayed;
    bool away = code == METE_STORE_BUSY || own->gone;
    bool done = away || (code == METE_OK && own->stored);
    bool later = code == METE_OK && !done;
    pthread_mutex_lock(&r->lock);
    struct at_work *w = at_work_find(r, &own->item.id);
    if (done) {
        at_work_remove(r, &own->item.id);
    } else if (!later && w != NULL) { /* its group failed: it may be another's fault */
        w->now = false;
        later = ++w->tries >= TRIES_MAX;
        w->now = later;
    }
    pthread_mutex_unlock(&r->lock);
    if (later) {
        answer_later(r, x);
    }
    exchange_clear(x);
    free(x);
}

void relay_decide_round(struct relay *r)
{
    answers_store(r);
    if (!r->failed) {
        requests_look(r);
    }
}

void relay_decide_end(struct relay *r)
{
    answers_store(r);
}

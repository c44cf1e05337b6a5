/* SPDX-License-Identifier: Apache-2.0
 * Both sides of the inbox on one thread. Invariant: a request of ours is in exactly one place:
 * fresh (not in the database yet), or waiting (in it, or already answered). */
#include "http/relay.h"

#include "base/text.h"
#include "http/authority.h"
#include "http/relay_pack.h"
#include "http/reply.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define QUEUE_MAX    4096u
#define PUT_MAX      256u /* in one transaction */
#define BUSY_MS      2    /* between looks when there is something to wait for */
#define IDLE_MS      20
#define FAILED_MS    100   /* after the database gave no answer */
#define ACTIVE_MS    1000  /* after a request: more of them are likely */
#define AWAY_MS      250   /* a book that was another's is not asked for again so soon */
#define GIVE_UP_MS   20000 /* without an answer */
#define LAST_WAIT_MS 10000 /* then, for one that is just being decided */
#define AT_WORK_MAX  256u  /* requests of others at once */
#define AT_WORK_SIZE ((size_t)64 << 20)
#define BEAT_MS      100
#define TRIES_MAX    3u
#define AWAY_MAX     64u
#define NAMES_MAX    256u
#define NAME_LEN     256

/** One of ours. */
struct asked {
    struct asked *next;
    struct exchange *x;
    struct inbox_item item; /* data: `sealed` */
    struct buf sealed;
    int64_t give_up_ms;
    bool put;    /* it may be in the database */
    bool safe;   /* it was withdrawn before anybody decided it, or was never there */
    bool silent; /* withdrawing came too late: it is being decided */
};

/** One of others: x->relayed. */
struct relayed {
    struct inbox_item item; /* node: in the exchange's arena */
    bool gone;              /* decided or withdrawn before it was our turn */
    bool stored;            /* the answer is in the group */
};

/** Requests of others that are at work here, or failed here. */
struct at_work {
    struct inbox_id id;
    unsigned tries;
    bool now;
    bool foreign; /* it cannot be read here, and is not fetched again */
    size_t size;
};

struct answer {
    struct answer *next;
    struct inbox_item item;
    struct buf sealed;
    char node[STORE_NODE_MAX];
};

struct book_name {
    int64_t id;
    char name[NAME_LEN];
};

struct relay {
    struct relay_options o;
    char node[STORE_NODE_MAX];
    struct inbox *inbox;
    pthread_t thread;

    /* of the thread alone */
    struct asked *waiting;
    struct book_name name[NAMES_MAX];
    size_t names;
    int64_t active_until_ms;
    int64_t beat_ms; /* the last one */
    bool failed;     /* the database gave no answer in this round */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    struct asked *fresh;
    unsigned queued; /* fresh and waiting */
    struct answer *answers;
    struct at_work at_work[AT_WORK_MAX];
    size_t at_work_count;
    struct {
        char name[NAME_LEN];
        int64_t until_ms;
    } away[AWAY_MAX];

    _Atomic uint64_t count_put, count_answered, count_unanswered, count_arrived, count_decided;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- sealing -----------------------------------------------------------------------------------*/

static void context_of(const struct inbox_item *item, struct buf *out)
{
    buf_put_str(out, "mete-inbox-v1");
    buf_put(out, item->id.b, sizeof item->id.b);
}

static void seal_for(const struct relay *r, const struct inbox_item *item, const struct buf *plain,
                     struct buf *out)
{
    uint8_t nonce[SEAL_NONCE_LEN];
    struct buf context = {0};
    random_bytes(nonce, sizeof nonce);
    context_of(item, &context);
    seal(out, r->o.key, nonce, buf_bytes(&context), buf_bytes(plain));
    buf_clear(&context);
}

static bool unseal(const struct relay *r, const struct inbox_item *item, struct bytes sealed,
                   struct buf *plain)
{
    struct buf context = {0};
    context_of(item, &context);
    bool opened = seal_open(plain, r->o.key, buf_bytes(&context), sealed);
    buf_clear(&context);
    return opened;
}

/* --- whose book it is --------------------------------------------------------------------------*/

bool relay_is_away(struct relay *r, const char *book)
{
    bool is_away = false;
    int64_t now = now_ms();
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < AWAY_MAX && !is_away; i++) {
        is_away = r->away[i].until_ms > now && strcmp(r->away[i].name, book) == 0;
    }
    pthread_mutex_unlock(&r->lock);
    return is_away;
}

void relay_note_away(struct relay *r, const char *book)
{
    size_t oldest = 0;
    if (strlen(book) >= NAME_LEN) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < AWAY_MAX; i++) {
        if (strcmp(r->away[i].name, book) == 0) {
            oldest = i;
            break;
        }
        oldest = r->away[i].until_ms < r->away[oldest].until_ms ? i : oldest;
    }
    memcpy(r->away[oldest].name, book, strlen(book) + 1);
    r->away[oldest].until_ms = now_ms() + AWAY_MS;
    pthread_mutex_unlock(&r->lock);
}

/** The number of a book, 0: not known, and r->failed when the database did not say. */
static int64_t id_of(struct relay *r, const char *book)
{
    struct mete_err err;
    int64_t id = 0;
    for (size_t i = 0; i < r->names; i++) {
        if (strcmp(r->name[i].name, book) == 0) {
            return r->name[i].id;
        }
    }
    if (inbox_book(r->inbox, text_of(book), &id, &err) != METE_OK) {
        r->failed = true;
        return 0;
    }
    if (id != 0 && strlen(book) < NAME_LEN) {
        struct book_name *n = &r->name[r->names < NAMES_MAX ? r->names++ : 0];
        n->id = id;
        memcpy(n->name, book, strlen(book) + 1);
    }
    return id;
}

/* --- ours --------------------------------------------------------------------------------------*/

bool relay_put(struct relay *r, struct exchange *x, bool tries)
{
    struct asked *q = calloc(1, sizeof *q);
    struct buf plain = {0};
    METE_ASSERT(q != NULL);
    relay_answer_reset(x);
    q->x = x;
    q->item.kind = tries ? INBOX_TRIES : INBOX_WRITES;
    q->item.node = text_of(r->node);
    q->give_up_ms = now_ms() + GIVE_UP_MS;
    random_bytes(q->item.id.b, sizeof q->item.id.b);
    relay_pack_request(&plain, x);
    seal_for(r, &q->item, &plain, &q->sealed);
    q->item.data = buf_bytes(&q->sealed);
    buf_clear(&plain);
    pthread_mutex_lock(&r->lock);
    bool room = !r->stopping && r->queued < QUEUE_MAX;
    if (room) {
        q->next = r->fresh;
        r->fresh = q;
        r->queued++;
        pthread_cond_signal(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    if (!room) {
        buf_clear(&q->sealed);
        free(q);
    }
    return room;
}

/** Ends the wait of one that is in no list any more. */
static void asked_end(struct relay *r, struct asked *q)
{
    pthread_mutex_lock(&r->lock);
    r->queued--;
    pthread_mutex_unlock(&r->lock);
    r->o.answered(r->o.ctx, q->x);
    buf_clear(&q->sealed);
    free(q);
}

/** Moves what is fresh to those that wait; the list is turned round, the oldest last. */
static void fresh_take(struct relay *r)
{
    pthread_mutex_lock(&r->lock);
    struct asked *fresh = r->fresh;
    r->fresh = NULL;
    pthread_mutex_unlock(&r->lock);
    while (fresh != NULL) {
        struct asked *q = fresh;
        fresh = q->next;
        q->next = r->waiting;
        r->waiting = q;
        atomic_fetch_add(&r->count_put, 1);
        r->active_until_ms = now_ms() + ACTIVE_MS;
    }
}

/** Puts what is not in the database yet. One whose putting failed may be there all the same: its
 *  answer was looked for before, and its id is taken only once. */
static void put_all(struct relay *r)
{
    struct inbox_item item[PUT_MAX];
    struct asked *from[PUT_MAX];
    struct mete_err err;
    size_t count = 0;
    for (struct asked *q = r->waiting; q != NULL && count < PUT_MAX; q = q->next) {
        if (q->put) {
            continue;
        }
        q->item.book = q->item.book != 0 ? q->item.book : id_of(r, q->x->who->book);
        if (q->item.book != 0) {
            from[count] = q;
            item[count++] = q->item;
        }
    }
    if (count == 0) {
        return;
    }
    if (inbox_put(r->inbox, item, count, &err) != METE_OK) {
        r->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        from[i]->put = true;
        buf_clear(&from[i]->sealed);
    }
}

static bool answer_take(void *arg, const struct inbox_item *item)
{
    struct relay *r = arg;
    for (struct asked **at = &r->waiting; *at != NULL; at = &(*at)->next) {
        struct asked *q = *at;
        if (memcmp(q->item.id.b, item->id.b, sizeof item->id.b) != 0) {
            continue;
        }
        struct buf plain = {0};
        *at = q->next;
        if (!unseal(r, &q->item, item->data, &plain) ||
            !relay_unpack_answer(buf_bytes(&plain), q->x)) {
            reply_fail(q->x, METE_INTERNAL, NULL,
                       "the answer of another process cannot be read: its version or its key file "
                       "is another one");
        }
        buf_clear(&plain);
        atomic_fetch_add(&r->count_answered, 1);
        asked_end(r, q);
        break;
    }
    return true;
}

static void answers_look(struct relay *r)
{
    int64_t book[AWAY_MAX];
    size_t books = 0;
    struct mete_err err;
    for (const struct asked *q = r->waiting; q != NULL && books < AWAY_MAX; q = q->next) {
        bool known = q->item.book == 0;
        for (size_t i = 0; i < books && !known; i++) {
            known = book[i] == q->item.book;
        }
        if (!known) {
            book[books++] = q->item.book;
        }
    }
    for (size_t i = 0; i < books; i++) {
        if (inbox_answers(r->inbox, book[i], text_of(r->node), answer_take, r, &err) != METE_OK) {
            r->failed = true;
        }
    }
}

/** True: the time of this one is over, and its request will not be decided, or nobody knows. */
static bool is_over(struct relay *r, struct asked *q, int64_t now)
{
    bool was_there = false;
    struct mete_err err;
    if (now < q->give_up_ms) {
        return false;
    }
    if (q->silent || q->item.book == 0 ||
        inbox_withdraw(r->inbox, q->item.book, &q->item.id, &was_there, &err) != METE_OK ||
        was_there || !q->put) {
        q->safe = was_there || q->item.book == 0;
        return true;
    }
    q->silent = true;
    q->give_up_ms = now + LAST_WAIT_MS;
    return false;
}

static void give_up(struct relay *r, bool all)
{
    int64_t now = now_ms();
    for (struct asked **at = &r->waiting; *at != NULL;) {
        struct asked *q = *at;
        if (!all && !is_over(r, q, now)) {
            at = &q->next;
            continue;
        }
        *at = q->next;
        reply_fail(q->x, METE_OVERLOADED, NULL,
                   q->safe ? "the process that has the book gave no answer; nothing was done: "
                             "send it again"
                           : "the process that has the book gave no answer: whether it was done is "
                             "not known; sent again, what has an event id counts once");
        atomic_fetch_add(&r->count_unanswered, 1);
        asked_end(r, q);
    }
}

/* --- those of others ---------------------------------------------------------------------------*/

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
    bool ours = unseal(r, item, sealed, &plain) && relay_unpack_request(buf_bytes(&plain), x);
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
    atomic_fetch_add(&r->count_arrived, 1);
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
        r->active_until_ms = now_ms() + ACTIVE_MS;
    }
    arena_clear(&list.a);
}

static void requests_look(struct relay *r)
{
    struct arena a;
    int64_t *book;
    size_t count = 0;
    struct mete_err err;
    arena_init(&a, 1 << 24);
    if (inbox_books(r->inbox, &a, &book, &count, &err) != METE_OK) {
        r->failed = true;
    }
    for (size_t i = 0; i < count; i++) {
        enum inbox_holder holder;
        if (inbox_holder(r->inbox, book[i], text_of(r->node), &holder, &err) != METE_OK) {
            r->failed = true;
        } else if (holder != INBOX_HELD_BY_OTHERS) {
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
    seal_for(r, &own->item, &plain, &sealed);
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
    seal_for(r, &own->item, &plain, &a->sealed);
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
    atomic_fetch_add(&r->count_decided, done && !away);
    if (later) {
        answer_later(r, x);
    }
    exchange_clear(x);
    free(x);
}

/* --- the thread --------------------------------------------------------------------------------*/

static void wait_a_while(struct relay *r)
{
    struct timespec until;
    int64_t ms = r->failed                                             ? FAILED_MS
                 : r->waiting != NULL || now_ms() < r->active_until_ms ? BUSY_MS
                                                                       : IDLE_MS;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)ms * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&r->lock);
    bool nothing = r->failed || (r->fresh == NULL && r->answers == NULL);
    if (!r->stopping && nothing) {
        (void)pthread_cond_timedwait(&r->changed, &r->lock, &until);
    }
    pthread_mutex_unlock(&r->lock);
}

static void beat(struct relay *r)
{
    int64_t now = now_ms();
    if (now - r->beat_ms >= BEAT_MS) {
        r->beat_ms = now;
        r->o.beat(r->o.ctx);
    }
}

static bool is_stopping(struct relay *r)
{
    pthread_mutex_lock(&r->lock);
    bool stopping = r->stopping;
    pthread_mutex_unlock(&r->lock);
    return stopping;
}

static void *relay_run(void *arg)
{
    struct relay *r = arg;
    while (!is_stopping(r)) {
        r->failed = false;
        answers_look(r);
        fresh_take(r);
        if (!r->failed) { /* else an answer may be there that was not seen */
            put_all(r);
        }
        give_up(r, false);
        answers_store(r);
        requests_look(r);
        beat(r);
        wait_a_while(r);
    }
    fresh_take(r);
    give_up(r, true);
    return NULL;
}

void relay_start(struct relay **out, const struct relay_options *o)
{
    struct relay *r = calloc(1, sizeof *r);
    pthread_condattr_t monotonic;
    METE_ASSERT(r != NULL);
    r->o = *o;
    r->inbox = inbox_new(o->store);
    (void)text_copy(r->node, sizeof r->node, text_of(o->node));
    METE_ASSERT(pthread_mutex_init(&r->lock, NULL) == 0);
    METE_ASSERT(pthread_condattr_init(&monotonic) == 0);
    METE_ASSERT(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    METE_ASSERT(pthread_cond_init(&r->changed, &monotonic) == 0);
    pthread_condattr_destroy(&monotonic);
    *out = r; /* what arrives is answered by it */
    METE_ASSERT(pthread_create(&r->thread, NULL, relay_run, r) == 0);
}

void relay_stop(struct relay *r)
{
    if (r == NULL) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
}

void relay_free(struct relay *r)
{
    if (r == NULL) {
        return;
    }
    answers_store(r); /* of what was still at work */
    inbox_free(r->inbox);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    secret_wipe(r->o.key, sizeof r->o.key);
    free(r);
}

void relay_stats(struct relay *r, struct relay_stats *out)
{
    *out = (struct relay_stats){.put = r->count_put,
                                .answered = r->count_answered,
                                .unanswered = r->count_unanswered,
                                .arrived = r->count_arrived,
                                .decided = r->count_decided};
}

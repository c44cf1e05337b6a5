/* SPDX-License-Identifier: Apache-2.0
 * The relay's requests of this process. Invariant: each is in exactly one place: fresh (not in the
 * database yet), or waiting (in it, or already answered). */
#include "http/relay_parts.h"

#include "base/text.h"
#include "http/authority.h"
#include "http/relay_pack.h"
#include "http/reply.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX    4096u
#define PUT_MAX      256u  /* in one transaction */
#define BOOKS_MAX    64u   /* whose answers are looked for in one round */
#define GIVE_UP_MS   20000 /* without an answer */
#define LAST_WAIT_MS 10000 /* then, for one that is just being decided */
/* A database that gave no answer for so long is not waited for: one that crashes is back within
 * seconds, and then nobody need be told that nothing is known; what it never saw is told at once.
 */
#define AWAY_MS       3000
#define AWAY_FRESH_MS 600

/** One of ours. */
struct asked {
    struct asked *next;
    struct exchange *x;
    struct inbox_item item; /* data: `sealed` */
    struct buf sealed;
    int64_t give_up_ms;
    bool tried;  /* it may be in the database */
    bool put;    /* it was put there */
    bool doubt;  /* the database may have lost it since */
    bool safe;   /* it was withdrawn before anybody decided it, or was never there */
    bool silent; /* withdrawing came too late: it is being decided */
};

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

bool relay_put(struct relay *r, struct exchange *x, bool tries)
{
    struct asked *q = calloc(1, sizeof *q);
    struct buf plain = {0};
    METE_ASSERT(q != NULL);
    relay_answer_reset(x);
    q->x = x;
    q->item.kind = tries ? INBOX_TRIES : INBOX_WRITES;
    q->item.node = text_of(r->node);
    q->give_up_ms = relay_now_ms() + GIVE_UP_MS;
    random_bytes(q->item.id.b, sizeof q->item.id.b);
    relay_pack_request(&plain, x);
    relay_seal(r, &q->item, &plain, &q->sealed);
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
        r->active_until_ms = relay_now_ms() + ACTIVE_MS;
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
    for (size_t i = 0; i < count; i++) {
        from[i]->tried = true;
    }
    if (inbox_put(r->inbox, item, count, &err) != METE_OK) {
        r->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        from[i]->put = true;
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
        if (!relay_unseal(r, &q->item, item->data, &plain) ||
            !relay_unpack_answer(buf_bytes(&plain), q->x)) {
            reply_fail(q->x, METE_INTERNAL, NULL,
                       "the answer of another process cannot be read: its version or its key file "
                       "is another one");
        }
        buf_clear(&plain);
        asked_end(r, q);
        break;
    }
    return true;
}

static void answers_look(struct relay *r)
{
    int64_t book[BOOKS_MAX];
    size_t books = 0;
    struct mete_err err;
    for (const struct asked *q = r->waiting; q != NULL && books < BOOKS_MAX; q = q->next) {
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

/** The inbox is written without waiting for the disk: a server that crashed may have lost what was
 *  put there. What is neither there nor answered was not decided, and is put there again. */
static void doubts_settle(struct relay *r)
{
    struct mete_err err;
    bool failing = r->failed || r->failed_since_ms != 0;
    for (struct asked *q = r->waiting; q != NULL; q = q->next) {
        bool there = true;
        q->doubt = q->doubt || (failing && q->put);
        if (r->failed || !q->doubt) {
            continue;
        }
        if (inbox_find(r->inbox, q->item.book, &q->item.id, &there, &err) != METE_OK) {
            r->failed = true;
            continue;
        }
        q->doubt = false;
        q->put = there;
    }
}

/** The database gives no answer, and is not waited for any more. */
static bool is_away(const struct relay *r, const struct asked *q)
{
    int64_t patience_ms = q->tried ? AWAY_MS : AWAY_FRESH_MS;
    return r->failed && r->failed_since_ms != 0 &&
           relay_now_ms() - r->failed_since_ms >= patience_ms;
}

/** True: the time of this one is over, and its request will not be decided, or nobody knows. */
static bool is_over(struct relay *r, struct asked *q, int64_t now)
{
    bool was_there = false;
    struct mete_err err;
    if (is_away(r, q)) {
        q->safe = !q->tried;
        return true;
    }
    if (now < q->give_up_ms) {
        return false;
    }
    if (q->silent || q->item.book == 0 ||
        inbox_withdraw(r->inbox, q->item.book, &q->item.id, &was_there, &err) != METE_OK ||
        was_there || !q->put) {
        q->safe = was_there || !q->tried;
        return true;
    }
    q->silent = true;
    q->give_up_ms = now + LAST_WAIT_MS;
    return false;
}

static void give_up_one(struct relay *r, struct asked *q)
{
    struct mete_err err;
    (void)mete_fail(&err, is_away(r, q) ? METE_STORE_FAILED : METE_OVERLOADED, NULL, "%s; %s",
                    is_away(r, q) ? "the database gives no answer"
                                  : "the process that has the book gave no answer",
                    q->safe ? "nothing was done: send it again"
                            : "it may or may not have been stored: send it again with the same "
                              "event_id or Idempotency-Key, and it counts once");
    reply_problem_shown(q->x, &err);
    asked_end(r, q);
}

static void give_up(struct relay *r, bool all)
{
    int64_t now = relay_now_ms();
    for (struct asked **at = &r->waiting; *at != NULL;) {
        struct asked *q = *at;
        if (!all && !is_over(r, q, now)) {
            at = &q->next;
            continue;
        }
        *at = q->next;
        give_up_one(r, q);
    }
}

void relay_ask_round(struct relay *r)
{
    answers_look(r);
    fresh_take(r);
    doubts_settle(r);
    if (!r->failed) { /* else an answer may be there that was not seen */
        put_all(r);
    }
    give_up(r, false);
}

void relay_ask_end(struct relay *r)
{
    fresh_take(r);
    give_up(r, true);
}

/* SPDX-License-Identifier: Apache-2.0
 * A list under a lock. A book has to exist to get into it, so it is as long as a store has books.
 */
#include "http/known_books.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct known_book {
    char *name;
    struct engine_counts before; /* of the times it was open that are over */
    struct book_numbers numbers; /* counts: with those of before */
};

struct known_books {
    pthread_mutex_t lock;
    struct known_book **book;
    size_t count;
    size_t cap;
};

struct known_books *known_books_new(void)
{
    struct known_books *k = calloc(1, sizeof *k);
    METE_ASSERT(k != NULL && pthread_mutex_init(&k->lock, NULL) == 0);
    return k;
}

void known_books_free(struct known_books *k)
{
    for (size_t i = 0; i < k->count; i++) {
        free(k->book[i]->name);
        free(k->book[i]);
    }
    pthread_mutex_destroy(&k->lock);
    free(k->book);
    free(k);
}

static struct known_book *book_new(struct known_books *k, const char *name)
{
    if (k->count == k->cap) {
        k->cap = k->cap == 0 ? 16 : 2 * k->cap;
        k->book = realloc(k->book, k->cap * sizeof(struct known_book *));
        METE_ASSERT(k->book != NULL);
    }
    struct known_book *b = calloc(1, sizeof *b);
    METE_ASSERT(b != NULL && (b->name = strdup(name)) != NULL);
    k->book[k->count++] = b;
    return b;
}

static struct known_book *book_of(struct known_books *k, const char *name)
{
    for (size_t i = 0; i < k->count; i++) {
        if (strcmp(k->book[i]->name, name) == 0) {
            return k->book[i];
        }
    }
    return book_new(k, name);
}

static void counts_add(struct engine_counts *to, const struct engine_counts *more)
{
    for (size_t i = 0; i < SUBMIT_FAILED; i++) {
        to->outcome[i] += more->outcome[i];
    }
    to->allocations += more->allocations;
}

static void look(struct known_books *k, const char *name, struct engine *e, bool closing)
{
    struct book_numbers now = {0};
    struct mete_err unused;
    bool read = book_numbers_read(e, &now, &unused) == METE_OK;
    const struct engine_counts own = *engine_counts_of(e);
    pthread_mutex_lock(&k->lock);
    struct known_book *b = book_of(k, name);
    if (!read) {
        now = b->numbers;
    }
    now.counts = b->before;
    counts_add(&now.counts, &own);
    b->numbers = now;
    if (closing) {
        b->before = now.counts;
    }
    pthread_mutex_unlock(&k->lock);
}

void known_books_look(struct known_books *k, const char *name, struct engine *e)
{
    look(k, name, e, false);
}

void known_books_close(struct known_books *k, const char *name, struct engine *e)
{
    look(k, name, e, true);
}

bool known_books_at(struct known_books *k, size_t n, const char **name, struct book_numbers *out)
{
    pthread_mutex_lock(&k->lock);
    bool there = n < k->count;
    if (there) {
        *name = k->book[n]->name;
        *out = k->book[n]->numbers;
    }
    pthread_mutex_unlock(&k->lock);
    return there;
}

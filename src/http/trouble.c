/* SPDX-License-Identifier: Apache-2.0
 * A list: books in trouble are few. */
#include "http/trouble.h"

#include "store/steady.h"

#include <stdlib.h>
#include <string.h>

#define REST_FIRST INT64_C(1000000) /* us */
#define DOUBLES    6u
#define REST_MOST  INT64_C(60000000)

struct troubled {
    struct troubled *next;
    char *book;
    char *why; /* as it was said; NULL: nothing was */
    unsigned times;
    int64_t until; /* steady_now */
};

static struct troubled *find(const struct trouble *t, const char *book)
{
    struct troubled *r = t->first;
    while (r != NULL && strcmp(r->book, book) != 0) {
        r = r->next;
    }
    return r;
}

static struct troubled *make(struct trouble *t, const char *book)
{
    struct troubled *r = calloc(1, sizeof *r);
    METE_ASSERT(r != NULL);
    r->book = strdup(book);
    METE_ASSERT(r->book != NULL);
    r->next = t->first;
    t->first = r;
    return r;
}

static void drop(struct troubled *r)
{
    free(r->book);
    free(r->why);
    free(r);
}

bool trouble_add(struct trouble *t, const char *book, const char *why)
{
    struct troubled *r = find(t, book);
    r = r != NULL ? r : make(t, book);
    int64_t rest = REST_FIRST << (r->times < DOUBLES ? r->times : DOUBLES);
    r->until = steady_now() + (rest < REST_MOST ? rest : REST_MOST);
    r->times++;
    if (why == NULL || (r->why != NULL && strcmp(r->why, why) == 0)) {
        return false;
    }
    free(r->why);
    r->why = strdup(why);
    METE_ASSERT(r->why != NULL);
    return true;
}

bool trouble_end(struct trouble *t, const char *book)
{
    struct troubled **at = &t->first;
    while (*at != NULL && strcmp((*at)->book, book) != 0) {
        at = &(*at)->next;
    }
    struct troubled *r = *at;
    if (r == NULL) {
        return false;
    }
    bool said = r->why != NULL;
    *at = r->next;
    drop(r);
    return said;
}

bool trouble_has(const struct trouble *t, const char *book)
{
    return find(t, book) != NULL;
}

bool trouble_rests(const struct trouble *t, const char *book)
{
    const struct troubled *r = find(t, book);
    return r != NULL && steady_now() < r->until;
}

bool trouble_is_due(const struct trouble *t)
{
    int64_t now = steady_now();
    const struct troubled *r = t->first;
    while (r != NULL && now < r->until) {
        r = r->next;
    }
    return r != NULL;
}

void trouble_clear(struct trouble *t)
{
    for (struct troubled *r = t->first, *next; r != NULL; r = next) {
        next = r->next;
        drop(r);
    }
    t->first = NULL;
}

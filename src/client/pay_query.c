/* SPDX-License-Identifier: Apache-2.0
 * Questions about the history: its payments one by one, and sums. They read the file and change
 * nothing. */
#include "client/pay_history.h"

#include "base/text.h"
#include "wire/url.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PATH_LEN_MAX 4096
#define KEY_MAX      1024

/* All payments of a file, in the order of their signing. */
struct book {
    struct pay_entry **entry;
    size_t count;
    size_t cap;
    struct omap by_id; /* size_t */
    const char *path;
    uint64_t lines;
    char *why;
};

static bool wrong(struct book *b, const char *what)
{
    snprintf(b->why, METE_CLIENT_ERROR_MAX, "the history: %s", what);
    return false;
}

static void entry_keep(struct book *b, const struct pay_entry *read)
{
    bool made;
    size_t *at =
        omap_put(&b->by_id, (struct bytes){(const uint8_t *)read->id, ENTRY_ID_LEN}, &made);
    struct pay_entry *e = malloc(sizeof *e);
    METE_ASSERT(e != NULL);
    *e = *read;
    if (!made) {
        entry_free(e);
        return;
    }
    if (b->count == b->cap) {
        b->cap = b->cap == 0 ? 64 : 2 * b->cap;
        b->entry = reallocarray(b->entry, b->cap, sizeof(struct pay_entry *));
        METE_ASSERT(b->entry != NULL);
    }
    *at = b->count;
    b->entry[b->count++] = e;
}

static void change_keep(struct book *b, const struct pay_entry *read)
{
    const size_t *at = omap_get(&b->by_id, (struct bytes){(const uint8_t *)read->id, ENTRY_ID_LEN});
    if (at != NULL) {
        struct pay_entry *e = b->entry[*at];
        e->state = read->state;
        memcpy(e->charged, read->charged, sizeof e->charged);
        memcpy(e->transaction, read->transaction, sizeof e->transaction);
        memcpy(e->reason, read->reason, sizeof e->reason);
    }
}

static bool line_keep(struct book *b, struct text line)
{
    struct pay_entry read;
    switch (entry_read(line, &read)) {
    case LINE_SIGNED:
        entry_keep(b, &read);
        return true;
    case LINE_CHANGE:
        change_keep(b, &read);
        return true;
    case LINE_TORN:
        return true;
    case LINE_BROKEN:
        break;
    }
    snprintf(b->why, METE_CLIENT_ERROR_MAX,
             "%.200s, line %llu is not what mete wrote: mend it, or move it away", b->path,
             (unsigned long long)b->lines);
    return false;
}

static bool lines_keep(struct book *b, FILE *f)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    bool fine = true;
    while (fine && (len = getline(&line, &cap, f)) > 0) {
        b->lines++;
        /* a last line without an end is being written, or was cut */
        fine = line[len - 1] != '\n' || line_keep(b, (struct text){line, (size_t)len - 1});
    }
    free(line);
    return fine;
}

static bool book_read(struct book *b, const char *path)
{
    FILE *f = fopen(path, "re");
    b->path = path;
    if (f == NULL) {
        return errno == ENOENT || wrong(b, strerror(errno));
    }
    const bool fine = flock(fileno(f), LOCK_SH) == 0 && lines_keep(b, f);
    (void)fclose(f);
    return fine;
}

static void book_clear(struct book *b)
{
    for (size_t i = 0; i < b->count; i++) {
        entry_free(b->entry[i]);
    }
    free(b->entry);
    omap_clear(&b->by_id);
}

static bool fits(const struct pay_entry *e, const struct mete_client_filter *f)
{
    if (f == NULL) {
        return true;
    }
    return (f->host == NULL || host_eq(text_of(f->host), text_of(e->host))) &&
           (f->network == NULL || strcmp(f->network, e->network) == 0) &&
           (f->asset == NULL || host_eq(text_of(f->asset), text_of(e->asset)) ||
            host_eq(text_of(f->asset), text_of(e->symbol))) &&
           (f->state == NULL || strcmp(f->state, mete_client_state_name(e->state)) == 0) &&
           (f->from_us == 0 || e->at >= f->from_us) && (f->until_us == 0 || e->at < f->until_us);
}

static struct mete_client_entry shown(const struct pay_entry *e, char url[KEY_MAX])
{
    const size_t len = strcspn(e->url, "?");
    (void)text_copy(url, KEY_MAX, (struct text){e->url, len}); /* a query may hold secrets */
    return (struct mete_client_entry){.at_us = e->at,
                                      .state = e->state,
                                      .id = e->id,
                                      .method = e->method,
                                      .url = url,
                                      .host = e->host,
                                      .scheme = e->scheme,
                                      .network = e->network,
                                      .asset = e->asset,
                                      .symbol = e->symbol,
                                      .pay_to = e->pay_to,
                                      .payer = e->payer,
                                      .amount = e->amount,
                                      .charged = e->charged,
                                      .transaction = e->transaction,
                                      .reason = e->reason,
                                      .nonce = e->nonce,
                                      .valid_until_s = e->valid_until_s,
                                      .decimals = e->decimals};
}

static enum mete_client_error book_open(struct book *b, const char *file, char *why)
{
    char usual[PATH_LEN_MAX];
    *b = (struct book){.why = why};
    omap_init(&b->by_id, sizeof(size_t), 1);
    if (file == NULL && !history_usual(usual, sizeof usual)) {
        (void)wrong(b, "there is no home for it: name a file");
        return METE_CLIENT_HISTORY;
    }
    return book_read(b, file != NULL ? file : usual) ? METE_CLIENT_OK : METE_CLIENT_HISTORY;
}

enum mete_client_error
mete_client_history(const char *file, const struct mete_client_filter *filter,
                    bool (*each)(void *ctx, const struct mete_client_entry *entry), void *ctx,
                    char *why)
{
    char room[METE_CLIENT_ERROR_MAX];
    char url[KEY_MAX];
    struct book b;
    const enum mete_client_error error = book_open(&b, file, why != NULL ? why : room);
    bool goes_on = error == METE_CLIENT_OK;
    for (size_t i = 0; goes_on && i < b.count; i++) {
        if (fits(b.entry[i], filter)) {
            const struct mete_client_entry e = shown(b.entry[i], url);
            goes_on = each(ctx, &e);
        }
    }
    book_clear(&b);
    return error;
}

/* --- sums --------------------------------------------------------------------------------------*/

struct sum {
    const struct pay_entry *first;
    struct u256 paid;
    struct u256 unknown;
    uint64_t paid_count;
    uint64_t unknown_count;
};

static void more(struct u256 *sum, uint64_t *count, const char *amount)
{
    struct u256 v;
    if (u256_parse(text_of(amount), &v) && !u256_add(*sum, v, sum)) {
        *sum = U256_MAX;
    }
    ++*count;
}

static void sum_add(struct omap *sums, const struct pay_entry *e)
{
    char key[KEY_MAX];
    const int len = snprintf(key, sizeof key, "%08x|%s|%s|%s", (unsigned)time_day(e->at), e->host,
                             e->network, e->asset);
    const bool is_paid = e->state == METE_CLIENT_STATE_PAID || e->state == METE_CLIENT_STATE_OWED;
    if (len < 0 || e->state == METE_CLIENT_STATE_LAPSED || e->state == METE_CLIENT_STATE_UNPAID) {
        return;
    }
    struct sum *s = omap_put(sums, (struct bytes){(const uint8_t *)key, (size_t)len}, NULL);
    s->first = s->first != NULL ? s->first : e;
    more(is_paid ? &s->paid : &s->unknown, is_paid ? &s->paid_count : &s->unknown_count,
         e->charged[0] != '\0' ? e->charged : e->amount);
}

static bool sum_show(const struct sum *s, bool (*each)(void *, const struct mete_client_total *),
                     void *ctx)
{
    char day[11];
    char paid[U256_TEXT_MAX];
    char unknown[U256_TEXT_MAX];
    time_format_day(time_day(s->first->at), day);
    (void)u256_format(s->paid, paid);
    (void)u256_format(s->unknown, unknown);
    const struct mete_client_total t = {.day = day,
                                        .host = s->first->host,
                                        .network = s->first->network,
                                        .asset = s->first->asset,
                                        .symbol = s->first->symbol,
                                        .paid = paid,
                                        .unknown = unknown,
                                        .paid_count = s->paid_count,
                                        .unknown_count = s->unknown_count,
                                        .decimals = s->first->decimals};
    return each(ctx, &t);
}

enum mete_client_error mete_client_totals(const char *file, const struct mete_client_filter *filter,
                                          bool (*each)(void *ctx,
                                                       const struct mete_client_total *total),
                                          void *ctx, char *why)
{
    char room[METE_CLIENT_ERROR_MAX];
    struct book b;
    struct omap sums;
    const enum mete_client_error error = book_open(&b, file, why != NULL ? why : room);
    omap_init(&sums, sizeof(struct sum), 2);
    for (size_t i = 0; error == METE_CLIENT_OK && i < b.count; i++) {
        if (fits(b.entry[i], filter)) {
            sum_add(&sums, b.entry[i]);
        }
    }
    struct omap_node *n = omap_seek(&sums, (struct bytes){0});
    while (n != NULL && sum_show(omap_value(n), each, ctx)) {
        n = omap_next(n);
    }
    omap_clear(&sums);
    book_clear(&b);
    return error;
}

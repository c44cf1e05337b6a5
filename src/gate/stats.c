/* SPDX-License-Identifier: Apache-2.0
 * Each line is one write to a file that was opened for appending, so lines of several gates may
 * stand in one file, and one that a crash has cut is the last. */
#include "gate/stats.h"

#include "base/map.h"
#include "base/text.h"
#include "gate/loop.h"
#include "gate/parts.h"
#include "store/steady.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLUSH_US (10 * INT64_C(1000000))

struct counts {
    uint64_t of[GATE_OUTCOME_COUNT];
};

struct stats {
    int fd; /* -1: nothing is kept */
    pthread_mutex_t lock;
    struct omap counts; /* by label of a route, empty for none: what was not written yet */
    int64_t flushed_at;
    atomic_bool is_torn; /* its last line has no end */
};

/** Whether its last line has no end: a gate may have died on a full disk. */
static bool ends_torn(const char *path)
{
    char last = '\n';
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    bool is_torn = fd >= 0 && lseek(fd, -1, SEEK_END) >= 0 && read(fd, &last, 1) == 1;
    if (fd >= 0) {
        close(fd);
    }
    return is_torn && last != '\n';
}

enum mete_code stats_open(struct stats **out, const char *path, struct mete_err *err)
{
    struct stats *s = calloc(1, sizeof *s);
    METE_ASSERT(s != NULL && pthread_mutex_init(&s->lock, NULL) == 0);
    s->fd = -1;
    if (path != NULL) {
        s->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        if (s->fd < 0) {
            free(s);
            return mete_fail(err, METE_FILE, NULL, "%s: %s", path, strerror(errno));
        }
        s->is_torn = ends_torn(path);
    }
    omap_init(&s->counts, sizeof(struct counts), 6);
    s->flushed_at = steady_now();
    *out = s;
    return METE_OK;
}

void stats_count(struct stats *s, const struct gate_route *r, enum gate_outcome outcome)
{
    bool made;
    if (s->fd < 0) {
        return;
    }
    pthread_mutex_lock(&s->lock);
    struct counts *c =
        omap_put(&s->counts, text_bytes(r != NULL ? r->label : (struct text){0}), &made);
    c->of[outcome]++;
    pthread_mutex_unlock(&s->lock);
}

static void line_begin(struct stats *s, struct json_writer *w, struct buf *out, const char *kind,
                       struct text route)
{
    char at[TIME_TEXT_MAX];
    if (atomic_exchange(&s->is_torn, false)) { /* it does not go on where that one was cut */
        buf_put_u8(out, '\n');
    }
    time_format((mete_time)gate_clock() * TIME_SECOND_US, at);
    jw_init(w, out, false);
    jw_object(w, NULL);
    jw_str(w, "at", at);
    jw_str(w, "kind", kind);
    if (route.len > 0) {
        jw_text(w, "route", route);
    }
}

static void line_end(struct stats *s, struct json_writer *w, struct buf *out)
{
    jw_end_object(w);
    buf_put_u8(out, '\n');
    if (s->fd >= 0 && write(s->fd, out->p, out->len) != (ssize_t)out->len) {
        s->is_torn = true; /* a disk that is full loses a line of the report and no money */
    }
    buf_clear(out);
}

void stats_served(struct stats *s, const struct stats_payment *p)
{
    struct buf out = {0};
    struct json_writer w;
    line_begin(s, &w, &out, "served", p->route->label);
    jw_text(&w, "network", p->offer->offer.network);
    jw_text(&w, "asset", p->offer->offer.asset);
    jw_text(&w, "transaction", p->transaction);
    jw_str(&w, "request_id", p->request_id);
    line_end(s, &w, &out);
}

void stats_paid(struct stats *s, const struct stats_payment *p)
{
    struct buf out = {0};
    struct json_writer w;
    line_begin(s, &w, &out, "payment", p->route->label);
    jw_text(&w, "scheme", p->offer->offer.scheme);
    jw_text(&w, "network", p->offer->offer.network);
    jw_text(&w, "asset", p->offer->offer.asset);
    jw_text(&w, "symbol", p->offer->symbol);
    if (p->offer->has_decimals) {
        jw_int(&w, "decimals", p->offer->decimals);
    }
    jw_text(&w, "amount", p->amount);
    jw_text(&w, "pay_to", p->offer->offer.pay_to);
    jw_text(&w, "payer", p->payer);
    jw_text(&w, "transaction", p->transaction);
    jw_str(&w, "request_id", p->request_id);
    jw_bool(&w, "served", p->was_served);
    line_end(s, &w, &out);
}

static void counts_write(struct stats *s, struct text route, const struct counts *c)
{
    struct buf out = {0};
    struct json_writer w;
    line_begin(s, &w, &out, "requests", route);
    for (size_t k = 0; k < GATE_OUTCOME_COUNT; k++) {
        if (c->of[k] > 0) {
            jw_int(&w, gate_outcome_word((enum gate_outcome)k), (int64_t)c->of[k]);
        }
    }
    line_end(s, &w, &out);
}

void stats_flush(struct stats *s, bool now)
{
    pthread_mutex_lock(&s->lock);
    if (now || steady_now() - s->flushed_at >= FLUSH_US) {
        s->flushed_at = steady_now();
        for (struct omap_node *n = omap_seek(&s->counts, (struct bytes){0}); n != NULL;
             n = omap_next(n)) {
            counts_write(s, bytes_text(omap_key(n)), omap_value(n));
        }
        omap_clear(&s->counts);
    }
    pthread_mutex_unlock(&s->lock);
}

void stats_close(struct stats *s)
{
    if (s == NULL) {
        return;
    }
    stats_flush(s, true);
    if (s->fd >= 0) {
        close(s->fd);
    }
    pthread_mutex_destroy(&s->lock);
    omap_clear(&s->counts);
    free(s);
}

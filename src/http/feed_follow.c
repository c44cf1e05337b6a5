/* SPDX-License-Identifier: Apache-2.0
 * The feed as server-sent events: what stands in the log after a place, then what comes, with a
 * comment now and then while nothing does. Between events alone is anything else said. */
#include "http/desk.h"
#include "http/feed.h"
#include "http/log_pages.h"
#include "http/reply.h"
#include "http/snapshots.h"
#include "http/sse.h"
#include "http/streams.h"

#include "base/text.h"
#include "render/render.h"
#include "store/event_id.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DECISION_MAX ((size_t)1 << 30)
#define FOLLOWS_MAX  4096u /* events that are shown of what follows from one row */
#define NOTE_MAX     128u
#define RETRY_MS     1000u
#define SPREAD_MS    2000u /* clients of a server that was away do not all come back at once */

enum ending { ENDING_NOT, ENDING_KEY, ENDING_DRAIN, ENDING_SAID };

struct follower {
    struct stream stream; /* first: it leads back */
    struct log_reader reader;
    char note[NOTE_MAX]; /* what is said between events */
    size_t note_len;
    size_t note_at;
    _Atomic bool beat; /* it is time for a comment */
    _Atomic enum ending ending;
};

/* --- events ------------------------------------------------------------------------------------*/

static void event_put(struct buf *out, struct text id, struct text type, struct buf *data)
{
    sse_event(out, id, type, buf_text(data));
    buf_clear(data);
}

bool feed_row_event(struct buf *out, const struct log_row *row)
{
    struct buf data = {0};
    struct buf room = {0};
    struct json_writer w;
    struct arena a;
    struct text type = {0};
    char id[24];
    struct text cursor = {id,
                          (size_t)snprintf(id, sizeof id, "%llu", (unsigned long long)row->seq)};
    jw_init(&w, &data, false);
    log_row_json(&w, row);
    (void)!event_member_of(row->event, "event_type", &room, &type);
    event_put(out, cursor, type, &data);
    buf_clear(&room);
    arena_init(&a, DECISION_MAX);
    bool more = derived_possible(&a, row->decision);
    arena_clear(&a);
    return more;
}

struct following {
    struct buf *out;
    unsigned count;
    struct derived_place last;
};

/** The rest of very many is to be read page by page: this is kept in memory. */
static void rest_put(struct following *f)
{
    struct buf data = {0};
    struct json_writer w;
    char place[DERIVED_PLACE_MAX];
    size_t len = derived_place_format(f->last, place);
    jw_init(&w, &data, false);
    jw_object(&w, NULL);
    jw_text(&w, "after", (struct text){place, len});
    jw_end_object(&w);
    event_put(f->out, (struct text){0}, TEXT("derived.more"), &data);
}

static bool derived_put(void *arg, const struct derived *d)
{
    struct following *f = arg;
    struct buf data = {0};
    struct json_writer w;
    char place[DERIVED_PLACE_MAX];
    if (f->count++ == FOLLOWS_MAX) {
        rest_put(f);
        return false;
    }
    jw_init(&w, &data, false);
    derived_json(&w, d);
    size_t len = derived_place_format(d->place, place);
    event_put(f->out, (struct text){place, len}, text_of(event_type_name(d->type)), &data);
    f->last = d->place;
    return true;
}

bool feed_follows(void *desk, struct buf *out, const char *book, uint64_t seq)
{
    struct desk *d = desk;
    struct mete_err err;
    struct following f = {.out = out};
    struct engine *e = snapshots_take(d->snapshots, book, &err);
    if (e == NULL) {
        return false;
    }
    enum mete_code code =
        derived_list(e, (struct derived_place){.seq = seq}, derived_put, &f, &err);
    snapshots_give(d->snapshots, e);
    return code == METE_OK;
}

/** Data has no line that begins so. */
size_t feed_resume(struct text row, const char *id)
{
    char line[LOG_MARK_MAX + 8];
    size_t len = (size_t)snprintf(line, sizeof line, "id: %s\n", id);
    const char *end = row.p + row.len;
    const char *at = row.p;
    while (at != NULL && ((size_t)(end - at) < len || memcmp(at, line, len) != 0)) {
        at = memmem(at, (size_t)(end - at), "\n\n", 2);
        at = at != NULL && at + 2 < end ? at + 2 : NULL;
    }
    const char *next = at != NULL ? memmem(at, (size_t)(end - at), "\n\n", 2) : NULL;
    return next != NULL ? (size_t)(next + 2 - row.p) : 0;
}

/* --- what is said between events ---------------------------------------------------------------*/

static void note_set(struct follower *f, struct buf *b)
{
    METE_ASSERT(b->len <= NOTE_MAX);
    memcpy(f->note, b->p, b->len);
    f->note_len = b->len;
    f->note_at = 0;
    buf_clear(b);
}

static void note_comment(struct follower *f, const char *words)
{
    struct buf b = {0};
    sse_comment(&b, text_of(words));
    note_set(f, &b);
}

/** Puts the next thing to say in place. False: it is the end. */
static bool note_next(struct follower *f)
{
    switch (atomic_load(&f->ending)) {
    case ENDING_SAID:
        return false;
    case ENDING_KEY:
        note_comment(f, "the key has ended");
        f->ending = ENDING_SAID;
        return true;
    case ENDING_DRAIN:
        note_comment(f, "the server stops; come back with Last-Event-ID");
        f->ending = ENDING_SAID;
        return true;
    case ENDING_NOT:
        break;
    }
    if (atomic_exchange(&f->beat, false)) {
        note_comment(f, "");
    }
    return true;
}

static long follower_read(struct source *s, uint8_t *to, size_t size)
{
    struct follower *f = (struct follower *)s;
    if (f->note_at == f->note_len && log_reader_between(&f->reader) && !note_next(f)) {
        return SOURCE_END;
    }
    if (f->note_at == f->note_len) {
        return log_reader_read(&f->reader, to, size);
    }
    size_t len = f->note_len - f->note_at < size ? f->note_len - f->note_at : size;
    memcpy(to, f->note + f->note_at, len);
    f->note_at += len;
    return (long)len;
}

static void follower_close(struct source *s)
{
    struct follower *f = (struct follower *)s;
    streams_leave(&f->stream);
    log_reader_leave(&f->reader);
    pthread_mutex_destroy(&s->lock);
    free(f);
}

static void follower_tell(struct stream *s, enum stream_news news)
{
    struct follower *f = (struct follower *)s;
    enum ending not_yet = ENDING_NOT;
    if (news == STREAM_BEAT) {
        f->beat = true;
    } else {
        enum ending why = news == STREAM_DRAIN ? ENDING_DRAIN : ENDING_KEY;
        (void)!atomic_compare_exchange_strong(&f->ending, &not_yet, why);
    }
    source_wake(&s->source);
}

void feed_follow(struct desk *d, struct exchange *x, const struct log_wish *wish)
{
    struct mete_err err;
    struct buf greeting = {0};
    struct follower *f = calloc(1, sizeof *f);
    METE_ASSERT(f != NULL);
    source_init(&f->stream.source, follower_read, follower_close);
    f->stream.kind = STREAM_LIVE;
    f->stream.tell = follower_tell;
    if (streams_enter(d->streams, &f->stream, x, x->route->scope, &err) != METE_OK) {
        follower_close(&f->stream.source);
        reply_problem(x, &err);
        return;
    }
    sse_retry(&greeting, RETRY_MS + (unsigned)(x->began_at % SPREAD_MS));
    note_set(f, &greeting);
    log_reader_join(d->log_pages, &f->reader, text_of(x->who->book), wish, &f->stream.source);
    reply_stream(x, TYPE_EVENTS, &f->stream.source);
    reply_header(x, "Cache-Control", text_of("no-store"));
    reply_header(x, "X-Accel-Buffering", text_of("no")); /* nginx: pass it on at once */
    reply_header(x, "Vary", text_of("Accept"));
}

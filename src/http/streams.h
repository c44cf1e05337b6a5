/* SPDX-License-Identifier: Apache-2.0
 * The places for answers that go on for long: how many there may be, in all and of one key, and the
 * beat on which each is looked at: is its key still good, is its client still there. */
#ifndef METE_HTTP_STREAMS_H
#define METE_HTTP_STREAMS_H

#include "http/authority.h"
#include "http/source.h"

enum stream_kind {
    STREAM_LIVE, /* goes on until somebody ends it */
    STREAM_LONG  /* ends by itself, and has a thread and a snapshot of a book until then */
};

enum stream_news {
    STREAM_BEAT,      /* once a heartbeat */
    STREAM_KEY_ENDED, /* end now: whoever asked may not see more */
    STREAM_DRAIN      /* the server stops */
};

struct streams;

/** One place. First member of what holds a source. */
struct stream {
    struct source source; /* first: it leads back */
    struct streams *all;  /* NULL: it has no place */
    struct stream *next;
    struct stream *before;
    enum stream_kind kind;
    struct standing standing;
    /** Any thread; must not block, and not leave. A live stream ends when it is told to; a long one
     *  goes on when the server stops. */
    void (*tell)(struct stream *s, enum stream_news news);
};

struct streams_options {
    struct authority *authority;
    unsigned live_max;    /* places for STREAM_LIVE */
    unsigned long_max;    /* for STREAM_LONG */
    unsigned per_key_max; /* of both, for one key */
    unsigned beat_s;
};

void streams_start(struct streams **out, const struct streams_options *o);
/** No further beat; who is there may still leave. */
void streams_stop(struct streams *all);
/** Everybody must have left. */
void streams_free(struct streams *all);

/** Takes a place for the one who asks in `x`, who needed `scope`. METE_OVERLOADED. */
enum mete_code streams_enter(struct streams *all, struct stream *s, struct exchange *x,
                             enum scope scope, struct mete_err *err) METE_MUST_CHECK;
/** Gives the place back when it has one; then nobody tells it anything any more. */
void streams_leave(struct stream *s);

/** Tells everybody, and lets nobody in any more. */
void streams_drain(struct streams *all);
/** Places that are taken. */
unsigned streams_count(struct streams *all, enum stream_kind kind);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * What the files of a gate share. Private to src/gate. */
#ifndef METE_GATE_PARTS_H
#define METE_GATE_PARTS_H

#include "gate/gate.h"
#include "gate/loop.h"
#include "gate/menu.h"
#include "gate/meters.h"
#include "gate/once.h"
#include "gate/replay.h"
#include "gate/stats.h"
#include "http/exchange.h"
#include "http/lines.h"
#include "http/server.h"

#include <pthread.h>

#define GATE_LOOPS         2
#define GATE_HEADER_MEMORY ((size_t)64 << 10) /* a head and its answer's; zeroed every time */

struct gate {
    struct arena arena; /* of the options */
    struct gate_options o;
    struct text upstream;    /* without a slash at the end */
    struct text facilitator; /* likewise */
    struct text upstream_host;
    struct server *front;
    struct server *admin; /* NULL: none */
    struct loop *loop[GATE_LOOPS];
    _Atomic unsigned next_loop;
    struct once *once;
    struct replay *replay;
    struct stats *stats;
    struct meters meters;
    struct lines *lines;       /* NULL: no log */
    struct watch *watch;       /* asks the facilitator what it takes, now and then */
    _Atomic unsigned deals;    /* that are not over */
    _Atomic bool is_stopping;  /* whoever is served now is cut off */
    pthread_mutex_t menu_lock; /* of what stands below; short */
    struct menu *menu;
    struct buf key;              /* that the facilitator is sent; empty: none */
    pthread_mutex_t making_lock; /* of making another menu */
    struct buf supported;        /* what the facilitator answered last; empty: nothing yet */
};

/** What is sold now; menu_drop it. */
struct menu *gate_menu(struct gate *g);
/** The facilitator says what it takes: a menu of that from now on. False: it cannot be read. */
bool gate_menu_supported(struct gate *g, struct text answer) METE_MUST_CHECK;

/** A line of the log: `level` in capitals, what happened, and two names with values (NULL: none).
 */
void gate_note(struct gate *g, const char *level, const char *what, const char *name,
               struct text value);

/** Sets what every request to the facilitator has. `path` begins with '/'; `body` NULL: GET. It
 *  lives as long as the transfer. The list of headers is the caller's. */
struct curl_slist *gate_ask(struct gate *g, CURL *c, const char *path, const struct buf *body,
                            const char *request_id);

/** Begins to watch, and ends it. */
void gate_watch_open(struct gate *g);
void gate_watch_close(struct gate *g);

/** Seconds since 1970. */
int64_t gate_clock(void);

#endif

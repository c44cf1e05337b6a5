/* SPDX-License-Identifier: Apache-2.0
 * Answers that were paid for under an id of the client (extension "payment-identifier"), to be
 * given again to who asks the same thing with the same payment. Bounded in count, bytes and time.
 * Any thread. */
#ifndef METE_GATE_REPLAY_H
#define METE_GATE_REPLAY_H

#include "base/buf.h"
#include "crypto/hash.h"

#define REPLAY_KEPT_S 3600 /* seconds that an answer is kept */

enum replay_state {
    REPLAY_NEW,      /* it is the asker's: replay_end ends that */
    REPLAY_RUNNING,  /* another request with this id is being answered */
    REPLAY_ANSWERED, /* here is the answer */
    REPLAY_LOST,     /* it was answered, and the answer was not kept */
    REPLAY_OTHER,    /* the id was used for another payment or another request */
    REPLAY_FULL      /* too many ids at once */
};

struct replay;

struct replay *replay_open(size_t count_max, size_t bytes_max);
void replay_close(struct replay *r);

/** `request` is what the id is bound to: payment, method, path, body. The answer is appended to
 *  `answer`. `now` in seconds. */
enum replay_state replay_begin(struct replay *r, struct text id, const struct hash *request,
                               int64_t now, struct buf *answer);
/** NULL: it was not paid for, and the id is free again. An answer without bytes was given and is
 *  not kept. */
void replay_end(struct replay *r, struct text id, int64_t now, const struct buf *answer);

#endif

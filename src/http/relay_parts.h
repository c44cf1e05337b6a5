/* SPDX-License-Identifier: Apache-2.0
 * The relay's own state, shared by its files: relay.c has the thread, relay_ask.c the requests of
 * this process, relay_decide.c those of others. Nobody else includes this. */
#ifndef METE_HTTP_RELAY_PARTS_H
#define METE_HTTP_RELAY_PARTS_H

#include "http/relay.h"

#include <pthread.h>
#include <stdatomic.h>

#define ACTIVE_MS   1000 /* after a request: more of them are likely */
#define AT_WORK_MAX 256u /* requests of others at once */
#define AWAY_MAX    64u
#define NAMES_MAX   256u
#define NAME_LEN    256

struct asked;
struct answer;

/** Requests of others that are at work here, or failed here. */
struct at_work {
    struct inbox_id id;
    unsigned tries;
    bool now;
    bool foreign; /* it cannot be read here, and is not fetched again */
    size_t size;
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
    int64_t beat_ms;         /* the last one */
    int64_t unheld_ms;       /* when books that nobody has were last looked after */
    bool failed;             /* the database gave no answer in this round */
    int64_t failed_since_ms; /* and in those since then; 0: it answers */

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
};

int64_t relay_now_ms(void);
/** Only who has the key can read it, and only under this id. */
void relay_seal(const struct relay *r, const struct inbox_item *item, const struct buf *plain,
                struct buf *out);
bool relay_unseal(const struct relay *r, const struct inbox_item *item, struct bytes sealed,
                  struct buf *plain) METE_MUST_CHECK;

/* On the thread of the relay. */

/** Looks for answers, puts down what is new, and gives up what waited for too long. */
void relay_ask_round(struct relay *r);
/** Whoever waits is told that there is no answer. */
void relay_ask_end(struct relay *r);
/** Stores answers that no group stored, then takes what others ask. */
void relay_decide_round(struct relay *r);
/** When nothing is at work any more. */
void relay_decide_end(struct relay *r);

#endif

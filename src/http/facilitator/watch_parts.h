/* SPDX-License-Identifier: Apache-2.0
 * What the files of the watch share. An item that is busy belongs to one: the line to the nodes or
 * the book, whichever answers next; only that one changes it, and nobody with the lock calls either
 * of them. Under the lock: the list, `stage`, `is_busy`, `next_us`, `waiters`, `refusal` and the
 * numbers; from STAGE_MINED on also what an outcome is told with (`settled_by`, `reason`), while in
 * STAGE_SENT nobody else reads it. */
#ifndef METE_HTTP_FACILITATOR_WATCH_PARTS_H
#define METE_HTTP_FACILITATOR_WATCH_PARTS_H

#include "base/map.h"
#include "core/x402.h"
#include "http/facilitator/step.h"
#include "http/facilitator/watch.h"
#include "http/workers.h"
#include "store/steady.h"

#include <pthread.h>

#define LATER_US   INT64_C(1000000) /* after something that did not go well */
#define BODIES     X402_TRANSACTIONS_MAX
#define STRANGERS  8u /* transactions of strangers, of which one may have paid */
#define ITEM_ARENA ((size_t)64 << 20)

enum stage {
    STAGE_SENT,  /* its bytes are committed; they may have reached a node */
    STAGE_MINED, /* booked as settled, not final */
    STAGE_LOST,  /* booked as failed, not final */
    STAGE_OVER,
};

/** What a step was that is under way. */
enum saying {
    SAYING_REPLACE,
    SAYING_SETTLED,
    SAYING_FAILED,
    SAYING_CONFIRMED,
    SAYING_UNDONE,
};

struct item {
    struct line_ask ask; /* first: it leads back */
    struct watch *w;
    struct item *next;
    char id[X402_ID_LEN + 1];
    const struct net *net;
    struct arena arena; /* of its texts and bytes */
    enum stage stage;
    enum saying saying;
    bool is_busy;
    bool sends;     /* the ask at hand begins with the bytes */
    bool must_send; /* the next one has to */
    bool counts;    /* the ask at hand ends with the account's nonce */
    struct evm_address asset, from, to, signer;
    struct u256 value;
    struct text nonce;
    uint64_t account_nonce;
    mete_time until;
    size_t count;
    struct bytes raw[BODIES]; /* of the account's own, the newest first */
    struct hash hash[BODIES];
    bool cancels;           /* the newest one */
    bool has_stranger;      /* somebody else's transaction may have paid: ... */
    struct hash stranger;   /* ... this one */
    bool is_searched;       /* strangers were looked for */
    uint64_t search_blocks; /* back from the head */
    size_t candidate_count;
    struct hash candidate[STRANGERS];
    const char *excuse; /* the reason when no stranger has paid */
    uint64_t block;     /* that what became of it is in; 0: in none */
    uint64_t head;      /* of the network, at the last look */
    uint64_t body_head; /* the same when the newest bytes were first looked for; 0: not yet */
    struct u256 base;   /* its fee */
    unsigned missing;   /* looks since it was seen in a block */
    unsigned looks;
    int64_t begun_us, sent_us, replaced_us, next_us;
    struct hash settled_by; /* or failed by; zeros: by none */
    struct text reason;
    char refusal[CASE_MESSAGE_MAX]; /* what a node said of the bytes; "": nothing bad */
    struct watch_waiter *waiters;
    enum mete_code complained; /* of last; METE_OK: nothing yet */
};

struct watch {
    struct desk *d;
    const struct nets *nets;
    int64_t replace_us; /* for which one transaction is waited for */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_stopping;
    int64_t patience_us; /* of whoever waits, by the clock: INT64_MAX, or when all are told */
    struct item *items;
    struct omap by_id; /* id -> struct item * */
    unsigned busy;     /* items */
    int64_t loaded_us;
    bool is_loading;
    struct work load;
    struct watch_stats stats;
    struct histogram settle_time;
};

/* --- the items, in watch_item.c ----------------------------------------------------------------*/

/** A payment of the book that nobody here looks after yet; NULL: there is nothing to look after. */
struct item *item_make(struct watch *w, const char *id, const struct x402_status *s);
void item_free(struct item *i);
/** Takes over the bytes that the book has. False: they cannot be read. */
bool item_take(struct item *i, const struct x402_status *s);
/** What became of it, as the book has it. */
void item_outcome_take(struct item *i, const struct x402_status *s);
/** The item is nobody's again, and looked at after a pause. Who waited, once it is decided. */
struct watch_waiter *item_leave(struct item *i, enum stage stage, int64_t pause_us) METE_MUST_CHECK;
/** The same where nobody waits, or is told later. */
void item_rest(struct item *i, enum stage stage, int64_t pause_us);
/** "0x" and the hash; "" for one that is none. */
struct text item_hash_text(struct arena *a, const struct hash *h);
bool item_hash_is_none(const struct hash *h);

/* --- who waits ---------------------------------------------------------------------------------*/

/** Without the lock. */
void waiters_tell(struct watch_waiter *list, enum watch_outcome outcome, struct text transaction,
                  struct text reason);

/* --- asking the nodes, in watch_look.c and watch_stranger.c ------------------------------------*/

/** Looks at a busy item, perhaps sending it first. Without the lock. */
void item_look(struct item *i, bool sends);
/** None of its own transactions has paid: has somebody else's? Else it has failed, for `reason`. */
void item_search(struct item *i, const char *reason);

/* --- telling the book, in watch_say.c ----------------------------------------------------------*/

void item_say_settled(struct item *i, const struct evm_receipt *r, const struct evm_block *head);
void item_say_failed(struct item *i, const char *reason);
void item_say_confirmed(struct item *i);
void item_say_undone(struct item *i);
/** The same call with a higher fee; when the payment's time is over, nothing in its place. False:
 *  no further transaction can be made, or paid for. */
bool item_say_replaced(struct item *i) METE_MUST_CHECK;

#endif

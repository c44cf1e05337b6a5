/* SPDX-License-Identifier: Apache-2.0
 * What the parts of the paying client share: a client, its requests, and which part does what.
 * pay_client.c is the door and the loop, pay_request.c says what may be asked, pay_transfer.c
 * speaks HTTP, pay_flow.c decides what an answer means, pay_node.c asks a chain. */
#ifndef METE_CLIENT_PAY_PARTS_H
#define METE_CLIENT_PAY_PARTS_H

#include "base/rng.h"
#include "client/pay_history.h"
#include "client/pay_key.h"
#include "client/pay_offer.h"
#include "client/pay_rules.h"
#include "wire/x402/facilitator.h"

#include <curl/curl.h>
#include <sys/queue.h>

#define STATUS_PRICE    402
#define PAY_HEADER_MAX  ((size_t)256 << 10) /* bytes of all header lines of an answer */
#define PAY_PRICE_MAX   ((size_t)16 << 20)  /* bytes of the body of a 402; some are pages */
#define PAY_HEADERS_MAX 256                 /* lines of a request */

enum pay_step {
    STEP_QUEUED,
    STEP_TRANSFER,
    STEP_DELAY, /* until r->due */
    STEP_NODE,  /* a node of the chain is asked */
    STEP_DONE
};

/** What came back of one attempt. */
struct pay_answer {
    bool is_answered; /* whole, whatever its status */
    bool is_sent;     /* some of the request has left */
    bool is_refused;  /* by us: an address of the host */
    bool is_allowed;  /* another address was not */
    bool is_too_large;
    bool is_stopped; /* by the caller's function */
    bool has_head;
    unsigned begun; /* how often libcurl began to send it: again when a kept connection was dead */
    bool is_streamed; /* the body went to the caller's function */
    bool has_begun;   /* it was told of this answer */
    unsigned status;
    unsigned retry_after_s;
    char why[CURL_ERROR_SIZE];
    struct buf header;
    struct buf body;
    uint64_t streamed;
};

enum pay_receipt_kind {
    RECEIPT_NONE,
    RECEIPT_PAID,
    RECEIPT_PENDING, /* sent to the chain; not known yet */
    RECEIPT_FAILED
};

struct pay_receipt {
    enum pay_receipt_kind kind;
    pay_text transaction;
    pay_text charged;
    pay_text reason;
};

enum pay_question { ASK_USED, ASK_NONCE };

struct mete_client_request {
    TAILQ_ENTRY(mete_client_request) link;
    struct mete_client *client;
    enum pay_step step;
    bool is_shown;     /* mete_client_next has returned it */
    struct hash key;   /* of the history */
    struct hash asked; /* of method, URL and body */
    mete_time begun;
    mete_time due;   /* of STEP_DELAY */
    mete_time until; /* no attempt goes on longer */
    struct pay_limit limit;

    /* what was asked; owned */
    char *url;
    char *method;
    char *id; /* NULL: none */
    struct curl_slist *header;
    struct buf body;
    bool (*take)(void *user, uint64_t at, const void *piece, size_t len);
    void *user;

    /* the attempt */
    CURL *easy;
    struct curl_slist *sent_header;
    char *url_now; /* owned */
    bool is_get;   /* a redirection has made it a GET */
    bool carries;  /* the payment goes along */
    bool is_stopping;
    unsigned failures;
    unsigned redirects;
    struct pay_answer answer;

    /* the payment */
    struct pay_offers offers; /* of the last 402 */
    bool has_offers;
    size_t pick;
    struct pay_entry *entry; /* claimed; the history's. Once there is one, nothing more is signed */
    bool is_adopted;         /* it was signed by an earlier request */
    bool was_paid;           /* it was paid before this request */
    bool was_unknown;        /* sent before, with no answer that says what became of it */
    bool is_out;             /* a byte of it has left, now or earlier */
    struct pay_receipt receipt;
    CURL *node;
    struct curl_slist *node_header;
    enum pay_question question;
    bool is_node_asked;
    bool has_permit;
    struct u256 permit_nonce;
    struct buf node_body;
    struct buf node_answer;

    struct mete_client_result result;
};

TAILQ_HEAD(pay_list, mete_client_request);

struct mete_client {
    struct mete_client_options o; /* texts are owned; lists are in rules */
    struct pay_rules rules;
    struct pay_key *key; /* NULL: none */
    char address[EVM_ADDRESS_TEXT_LEN + 1];
    struct history *history; /* NULL: nothing can be paid */
    CURLM *multi;
    int poll;
    mete_time curl_due;
    struct rng rng;
    struct pay_list queued;
    struct pay_list active;
    struct pay_list done;
    size_t active_count;
    size_t open_count; /* queued and active */
};

/* pay_client.c */
/** A copy; NULL of NULL. */
char *pay_keep(const char *s);
/** What time it is: of payments and days. */
mete_time pay_now(void);
/** A clock that nobody sets: of delays. */
mete_time pay_tick(void);

/* pay_transfer.c */
/** Begins an attempt for r->url_now. False: libcurl cannot. */
bool transfer_begin(struct mete_client_request *r);
/** Fills in the rest of r->answer, and lets the handle go. */
void transfer_end(struct mete_client_request *r, CURLcode code);
/** Breaks it off. */
void transfer_stop(struct mete_client_request *r);
/** A header of the last answer; false when there is none, or two that differ. free(*out). */
bool answer_header(const struct pay_answer *a, const char *name, char **out);
void answer_reset(struct pay_answer *a);
void answer_clear(struct pay_answer *a);
/** Whether two URLs are of one origin. */
bool origin_eq(const char *a, const char *b);
/** Why a URL may not be asked; NULL: it may. */
const char *url_refused(const struct mete_client *c, const char *url);
/** What holds for every handle: proxies, protocols, addresses. `flags`: the answer to be marked. */
void handle_set(const struct mete_client *c, CURL *easy, const char *url, struct pay_answer *flags);

/* pay_flow.c */
/** Its turn has come. */
void flow_start(struct mete_client_request *r);
/** Breaks it off, wherever it is. */
void flow_stop(struct mete_client_request *r);
/** Makes the next attempt. */
void flow_send(struct mete_client_request *r);
/** Delays it; false: no more attempts. */
bool flow_delay(struct mete_client_request *r);
/** An attempt has ended. */
void flow_ended(struct mete_client_request *r, CURLcode code);
/** Whether the answer is a redirection that is to be followed, and following it. */
bool flow_is_redirected(const struct mete_client_request *r);
void flow_redirected(struct mete_client_request *r);
/** Whether the method may be done twice. */
bool flow_may_repeat(const struct mete_client_request *r);
/** Whether the body of an answer of such a status is what the caller wants. */
bool flow_is_last(const struct mete_client_request *r, unsigned status);
/** The body goes to the caller's function, if it did not while it came. False: it was stopped, and
 *  the answer is none. */
bool flow_hand_over(struct mete_client_request *r);
/** The end of a request. */
METE_PRINTF(3, 4)
void flow_finish(struct mete_client_request *r, enum mete_client_error error, const char *fmt, ...);

/* pay_paid.c */
/** An attempt with the payment has ended with a whole answer, or without one. */
void paid_ended(struct mete_client_request *r);
/** It is broken off, by the caller. */
void paid_stop(struct mete_client_request *r);
/** It will not be sent again: asks the chain what became of it, or says that nobody knows. */
void paid_give_up(struct mete_client_request *r);
/** The chain has said whether the nonce is used, in a state of `time_s` (0: it did not say); with
 *  `is_known` false it has said nothing. */
void paid_told(struct mete_client_request *r, bool is_known, bool is_used, uint64_t time_s);
/** Puts what is known into the history and the result. */
void paid_note(struct mete_client_request *r, enum mete_client_state state,
               enum mete_client_money money);

/* pay_judge.c */
/** A 402 came to a request without a payment: pay, or say why not. */
void judge_required(struct mete_client_request *r);
/** Signs for r->offers and r->pick, and sends. */
void judge_sign(struct mete_client_request *r);

/* pay_node.c */
/** Asks a node. False: there is none for the chain. */
bool pay_node_ask(struct mete_client_request *r, enum pay_question question);
void pay_node_ended(struct mete_client_request *r, CURLcode code);
void pay_node_stop(struct mete_client_request *r);

#endif

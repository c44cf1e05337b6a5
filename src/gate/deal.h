/* SPDX-License-Identifier: Apache-2.0
 * One request on its way through the gate: its body to the upstream, the answer back, and between
 * them the payment. The server's threads and one loop share it; what the loop alone uses needs no
 * lock. Private to src/gate. */
#ifndef METE_GATE_DEAL_H
#define METE_GATE_DEAL_H

#include "gate/parts.h"
#include "http/sink.h"
#include "http/source.h"
#include "wire/x402/facilitator.h"

#define DEAL_WINDOW ((size_t)256 << 10) /* bytes that wait, each way */
#define DEAL_WHOLE                                                                                 \
    ((size_t)64 << 10) /* answers up to this size are settled when they are whole                  \
                        */
#define DEAL_HEADERS_MAX (EXCHANGE_HEADERS_MAX - 12)
#define DEAL_SETTLES_MAX 4 /* tries of one settlement, when nobody knows what became of it */

/** Bytes between two threads. */
struct pipe_bytes {
    struct buf b;
    size_t from; /* bytes before it were taken */
};
size_t pipe_len(const struct pipe_bytes *p);
void pipe_put(struct pipe_bytes *p, const void *data, size_t len);
size_t pipe_take(struct pipe_bytes *p, void *to, size_t max);

enum deal_step {
    DEAL_BEGIN,
    DEAL_VERIFY,
    DEAL_UPSTREAM, /* until the head of its answer is there */
    DEAL_SETTLE,
    DEAL_PAUSE, /* before the settlement is tried again */
    DEAL_DELIVER,
    DEAL_OVER
};

/** The payment that came with it. Texts are in the deal's arena. */
struct payment {
    bool is_paid; /* the route asks for one, and here it is */
    int version;
    struct text payload; /* JSON, as it came */
    struct text requirements;
    const struct menu_offer *offer;
    struct text url; /* of the resource */
    struct hash key; /* in the gate's once */
    int64_t until;   /* seconds: when the authorization ends */
    struct text reservation;
    struct text payer;      /* as it says itself, until it is verified */
    struct text identifier; /* empty: none; it is running in the gate's replay */
    bool is_begun;          /* its key is in once, as being served */
    bool settles_first;     /* before it is served */
    bool is_pending; /* its settlement was begun by an earlier request: no need to verify it */
    bool is_settled;
    bool is_told;        /* it was settled, and stands in the file of --stats */
    bool is_unserved;    /* as one that nobody was served for yet */
    unsigned settles;    /* tries so far */
    struct text amount;  /* that is settled */
    bool is_overridden;  /* another one than was asked for (upto) */
    struct buf settled;  /* the value of PAYMENT-RESPONSE */
    struct text pending; /* transaction of a settlement whose end nobody knows */
};

/** What the log says of it at the end; in the exchange's arena. */
struct tale {
    struct menu *menu; /* that the request is served by; held until it is logged */
    const struct gate_route *route;
    enum gate_outcome outcome;
    struct text payer;
    struct text transaction;
    unsigned upstream_status;
    const char *reason; /* of a refusal; lives in the arena too */
};

struct deal {
    struct source source; /* of the answer */
    struct sink sink;     /* of the body */
    struct turner turner;
    struct gate *g;
    struct loop *loop;
    struct menu *menu;              /* held */
    const struct gate_route *route; /* NULL: it is free */
    _Atomic unsigned holders;
    struct arena arena;
    pthread_mutex_t lock;

    /* under the lock */
    struct exchange *x; /* NULL: it is answered, or its client has gone */
    bool has_left;      /* its client has gone */
    bool is_stopped;    /* it has not: the gate ends, which counts as that */
    bool is_closed;     /* nobody reads the source any more */
    bool is_source;     /* the answer comes from it */
    struct pipe_bytes up, down;
    bool up_ended, up_full, up_waits;      /* full: the sink said so; waits: libcurl is paused */
    bool down_ended, down_cut, down_waits; /* cut: it is not whole */

    /* set before the loop has it */
    int fd;
    bool has_sink;
    bool has_body;
    size_t body_size; /* SERVER_LENGTH_UNKNOWN */
    struct text method;
    struct text url;            /* for the upstream */
    struct curl_slist *headers; /* for the upstream */
    char request_id[REQUEST_ID_MAX + 1];
    struct payment pay;

    /* the loop's own */
    enum deal_step step;
    struct transfer upstream;
    struct transfer ask;
    struct buf ask_body, ask_answer;
    struct curl_slist *ask_headers;
    const char *ask_path;
    int64_t began_us; /* this step */
    int64_t pause_until;
    bool head_done;
    unsigned status;
    struct pair head[DEAL_HEADERS_MAX];
    size_t head_count;
    bool head_full;            /* it has more than can be passed on */
    size_t head_len, head_max; /* bytes */
    bool has_size;
    uint64_t size;         /* of the body, as the head says */
    struct text hop;       /* names that the head has for one connection alone */
    struct text overrides; /* Settlement-Overrides */
    bool is_answered;
    struct tale tale;
};

/* --- deal.c: its life, and the server's side ---------------------------------------------------*/

struct deal *deal_new(struct gate *g, struct exchange *x);
/** The loop takes over. */
void deal_go(struct deal *d);
/** It ends before the loop had it; the caller answers. */
void deal_give_up(struct deal *d);
/** Its body comes in parts. */
void deal_sink(struct deal *d, struct exchange *x);

/* --- deal_flow.c: on the loop ------------------------------------------------------------------*/

void deal_turn(struct turner *t);

/* --- upstream.c --------------------------------------------------------------------------------*/

/** The headers of a request, as the upstream gets them. */
void upstream_headers(struct deal *d, const struct exchange *x);
void upstream_begin(struct deal *d);
/** Goes on where there is room or data again. */
void upstream_resume(struct deal *d);
/** All of the answer is here. */
bool upstream_is_whole(const struct deal *d);

/* --- deal_pay.c: the facilitator ---------------------------------------------------------------*/

void pay_verify(struct deal *d);
void pay_verified(struct deal *d); /* the answer is there */
void pay_settle(struct deal *d);
void pay_settled(struct deal *d);
/** An earlier request had it settled and got nothing for it: nobody is asked again. */
void pay_settled_before(struct deal *d);
/** Gives a reservation back, and lets the payment be brought again. */
void pay_release(struct deal *d);
void pay_ask_end(struct deal *d);
/** The end of a payment that was settled: it was served, or may be brought again. */
void pay_served(struct deal *d, bool is_served);
/** Nothing is kept under its identifier: who asks again under it is answered anew. */
void pay_identifier_end(struct deal *d);
/** Goes on with the upstream, or with the delivery: it was settled. */
void deal_settled(struct deal *d, bool has_client);
void deal_verified(struct deal *d);
/** Its client has gone and nothing was settled. */
void deal_left(struct deal *d);

/* --- deal_answer.c -----------------------------------------------------------------------------*/

/** Each answers the client, unless it has gone, and ends the deal's part in it. */
void answer_deliver(struct deal *d);
void answer_problem(struct deal *d, enum gate_outcome outcome, unsigned status, const char *code,
                    const char *text);
void answer_refused(struct deal *d, enum gate_outcome outcome, struct text reason);
void answer_pending(struct deal *d);

/* --- answers.c: without a deal as well ---------------------------------------------------------*/

/** The configuration by which a request is served. */
const struct gate_config *config_of(const struct exchange *x);
/** A problem (RFC 9457) of the gate itself. */
void gate_problem(struct exchange *x, unsigned status, const char *code, const char *text);
/** A 402 for a route, as a page for browsers; status 503 when nothing is sold now. */
void gate_required(const struct menu *m, const struct gate_route *r, struct exchange *x,
                   struct text url, struct text error);
/** The value of PAYMENT-RESPONSE, to who pays by `version` in the header of that as well. */
void gate_settled(struct exchange *x, struct text settled, int version);
/** 503 and no offer: what became of a payment of `version` is not known yet. */
void gate_pending(struct exchange *x, const struct x402_settled *s, int version);
void gate_cors(struct exchange *x);
/** "/.well-known/x402" */
void gate_listing(struct exchange *x, struct text base);
/** "/.well-known/x402-pay.js" */
void gate_element(struct exchange *x);
struct text gate_base(const struct gate *g, struct exchange *x);

#endif

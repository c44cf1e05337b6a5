/* SPDX-License-Identifier: Apache-2.0
 * The paying client: HTTP requests that pay for themselves by x402 when a server answers 402. One
 * thread at a time uses a client; nothing waits but mete_client_wait, and for the disk. What was
 * signed stands in the history before it is sent: the same request never pays twice, also after
 * a crash. mete-client(3) says more. */
#ifndef METE_CLIENT_H
#define METE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define METE_CLIENT_KEY_LEN     32
#define METE_CLIENT_ERROR_MAX   320
#define METE_CLIENT_TEXT_MAX    80 /* networks, amounts, hashes, symbols, with NUL */
#define METE_CLIENT_ID_MAX      128
#define METE_CLIENT_MAX_DEFAULT "$1"

/* X(symbol, number, wire name, meaning, how to mend it). Numbers are permanent. */
#define METE_CLIENT_ERRORS(X)                                                                      \
    X(OK, 0, "ok", "An answer came; if it had a price, it is paid.", "")                           \
    X(USAGE, 1, "usage", "An option or a request is not well-formed.", "See the message.")         \
    X(KEY, 2, "key", "There is no private key to pay with.",                                       \
      "Give a file of mode 0600 with 64 hexadecimal digits, or name a variable.")                  \
    X(HISTORY, 3, "history", "The history cannot be read or written: nothing is signed.",          \
      "See the message; a payment is written down before it is sent.")                             \
    X(URL_REFUSED, 4, "url_refused", "The URL, or an address of its host, is not allowed.",        \
      "Use https, or allow http; ask for public hosts only where that is the rule.")               \
    X(NOT_SENT, 5, "not_sent", "No connection: nothing was sent and nothing is paid.",             \
      "Try again.")                                                                                \
    X(BROKEN, 6, "broken", "No whole answer came to a request that carried no payment.",           \
      "Try again; nothing is paid.")                                                               \
    X(TOO_LARGE, 7, "too_large", "The answer, or its header, is larger than is allowed.",          \
      "Allow more, or take the body piece by piece.")                                              \
    X(REDIRECTS, 8, "redirects", "Too many redirections, or one that leads nowhere.",              \
      "Ask for the URL that it leads to.")                                                         \
    X(REQUIRED_INVALID, 9, "required_invalid", "A 402 that is none of x402, or is malformed.",     \
      "Tell whoever runs the server; the message says what is wrong.")                             \
    X(NO_OFFER, 10, "no_offer", "None of the offers can be paid by what is allowed.",              \
      "The message says why each was left; allow the asset or the network if it is meant.")        \
    X(DOMAIN_MISSING, 11, "domain_missing", "The offers do not say what has to be signed.",        \
      "The server has to send extra.name and extra.version of the token.")                         \
    X(OVER_BUDGET, 12, "over_budget", "The price is above a limit; nothing was signed.",           \
      "Raise the limit that the message names, if it is meant.")                                   \
    X(NOT_CHOSEN, 13, "not_chosen", "The selector chose none of the offers.", "")                  \
    X(NO_PAY, 14, "no_pay", "There is a price, and paying is turned off.",                         \
      "The answer is the 402 as it came.")                                                         \
    X(DRY_RUN, 15, "dry_run", "This would have been paid; nothing was signed.", "")                \
    X(REFUSED, 16, "refused", "The server did not take the payment, and says so.",                 \
      "The message has its reason. The same request sends the same payment while it is valid.")    \
    X(UNKNOWN, 17, "unknown", "A payment was sent, and nobody said what became of it.",            \
      "Ask again: the same payment is sent. A node of the chain can tell whether it was used.")    \
    X(NOT_DELIVERED, 18, "not_delivered", "The payment was taken, and no answer came for it.",     \
      "Ask again: the same payment is sent. Else show the transaction to whoever runs the "        \
      "server; "                                                                                   \
      "only pay_again (--pay-again) pays anew, and for a request with an id another id.")          \
    X(EXPIRED, 19, "expired", "The payment ran out before it was taken: nothing is paid.",         \
      "Ask again.")                                                                                \
    X(BUSY, 20, "busy", "A request with this id is under way already.", "Wait for it.")            \
    X(MEMORY, 21, "memory", "No memory, or libcurl cannot begin.", "Try again.")                   \
    X(ID_TAKEN, 22, "id_taken", "The id names another request: nothing was sent.",                 \
      "Give each request an id of its own, and a request that is repeated its own again.")

enum mete_client_error {
#define X(symbol, number, name, meaning, mend) METE_CLIENT_##symbol = (number),
    METE_CLIENT_ERRORS(X)
#undef X
};
/** The wire name; "unknown_error" for a number that is not in the table. */
const char *mete_client_error_name(enum mete_client_error error);
const char *mete_client_error_meaning(enum mete_client_error error);
const char *mete_client_error_remedy(enum mete_client_error error);

/* What is known of the money of one request. */
enum mete_client_money {
    METE_CLIENT_MONEY_NONE,   /* nothing was signed */
    METE_CLIENT_MONEY_PAID,   /* the server, or the chain, says that it was taken */
    METE_CLIENT_MONEY_UNPAID, /* signed; the server, or the chain, says that it was not taken */
    METE_CLIENT_MONEY_UNKNOWN /* signed and sent; nobody has said */
};
/** "none", "paid", "unpaid", "unknown". */
const char *mete_client_money_name(enum mete_client_money money);

/* Why an offer is not paid; METE_CLIENT_OFFER_FINE when it may be. */
enum mete_client_refusal {
    METE_CLIENT_OFFER_FINE,
    METE_CLIENT_OFFER_MALFORMED,
    METE_CLIENT_OFFER_SCHEME,    /* unknown, or not allowed */
    METE_CLIENT_OFFER_FLOW,      /* paymentFlow is unknown */
    METE_CLIENT_OFFER_NETWORK,   /* unknown, or not allowed */
    METE_CLIENT_OFFER_ASSET,     /* not among the assets that may be paid with */
    METE_CLIENT_OFFER_ADDRESS,   /* an address is none, or its capitals are no checksum */
    METE_CLIENT_OFFER_RECIPIENT, /* nobody's address, or not among the allowed recipients */
    METE_CLIENT_OFFER_DOMAIN,    /* extra.name or extra.version is missing */
    METE_CLIENT_OFFER_BUDGET     /* above max_amount */
};
/** "scheme", "network", ...; "" for METE_CLIENT_OFFER_FINE. */
const char *mete_client_refusal_name(enum mete_client_refusal refusal);

/* One offer of a 402. The texts live as long as the call that shows it. */
struct mete_client_offer {
    int version; /* of x402 */
    const char *scheme;
    const char *network; /* CAIP-2 where it is known, else as the server wrote it */
    const char *asset;
    const char *pay_to;
    const char *amount;      /* smallest units */
    const char *symbol;      /* "" when it is not known */
    const char *description; /* what it pays for, by the server's word; may be "" */
    unsigned decimals;
    unsigned timeout_s;
    bool is_permit2;
    bool is_upfront;
    enum mete_client_refusal refusal;
};

/* How one of several payable offers is picked. */
enum mete_client_select {
    METE_CLIENT_CHEAPEST, /* by dollars; the first of equals */
    METE_CLIENT_FIRST,    /* as the server orders them */
    METE_CLIENT_PREFERRED /* by the order of `networks`, then of `assets` */
};

/* All zero pays at most $1 a request with the dollars that x402 knows. Texts are copied. Amounts
 * are written "$0.05" or "0.05 USDC"; dollars count every allowed asset as worth a dollar. Lists
 * end with NULL. */
struct mete_client_options {
    /* whose money: the first of these that is there */
    uint8_t *key;         /* METE_CLIENT_KEY_LEN bytes: wiped by mete_client_open */
    const char *key_file; /* nobody else may read it; 64 hexadecimal digits */
    const char *key_env;  /* the name of a variable: its value is wiped */

    const char *history_file; /* NULL: METE_PAY_HISTORY, else mete/payments.ndjson of the state
                                 home */
    /* limits of what is signed; NULL: none, but max_amount is then $1 */
    const char *max_amount;   /* a request */
    const char *max_per_host; /* a host (with its port) and day, UTC; also the one that led there */
    const char *max_per_day;  /* a day, UTC */
    const char *max_total;    /* all of the history */

    const char *const *networks;   /* NULL: all that are known */
    const char *const *assets;     /* also these: "eip155:8453/0xADDRESS/6/SYMBOL"; a symbol alone
                                      ("USDC") leaves only assets of that name */
    const char *const *schemes;    /* NULL: exact and upto */
    const char *const *recipients; /* NULL: anybody */
    enum mete_client_select select;
    /* Picks an offer by its place, or -1 for none. Sees all of them; one with a refusal is not
     * paid. NULL: by `select`. */
    int (*choose)(void *ctx, const struct mete_client_offer *offers, size_t count);
    void *choose_ctx;
    const char *const *rpc;  /* "eip155:8453=https://node": asked what became of a payment, and for
                                the nonce of an EIP-2612 permit */
    unsigned validity_max_s; /* of a signature; 0: 3600 */

    bool no_pay;      /* a 402 is an answer like others */
    bool dry_run;     /* says what would be paid */
    bool pay_again;   /* unknown payments that have run out, and those that nothing comes for, do
                         not stand in the way of new ones */
    bool allow_http;  /* also outside of the loopback */
    bool public_only; /* connect to addresses of the public Internet only */
    bool no_retry;    /* one attempt; a payment is still sent again by the next same request */

    unsigned parallel;      /* requests at once, the others wait; 0: 16 */
    unsigned retries;       /* after the first attempt; 0: 4 */
    unsigned retry_min_ms;  /* first delay; it doubles, and half of it is by chance. 0: 250 */
    unsigned retry_max_ms;  /* largest delay, also by Retry-After; 0: 30000 */
    unsigned connect_ms;    /* 0: 10000 */
    unsigned attempt_ms;    /* of an attempt until its answer begins, and then without a byte (in
                               whole seconds); 0: 60000 */
    unsigned redirects;     /* followed at most; 0: none */
    size_t answer_max;      /* bytes of a body that is kept in memory; 0: 64 MiB */
    const char *ca_file;    /* PEM, instead of the system's */
    const char *proxy;      /* NULL: none, whatever the environment says */
    const char *user_agent; /* NULL: "mete-client/VERSION" */
};

struct mete_client;
struct mete_client_request;

/** Opens the history and takes the key. *out only when METE_CLIENT_OK; `why` (may be NULL) has
 *  METE_CLIENT_ERROR_MAX bytes. Without a key a client can do everything but sign. */
enum mete_client_error mete_client_open(const struct mete_client_options *options,
                                        struct mete_client **out, char *why);
/** Breaks off what is under way (its payments stay in the history), frees all its requests, wipes
 *  the key. NULL is fine. */
void mete_client_close(struct mete_client *c);
/** The address that pays, "0x...", or "" without a key. */
const char *mete_client_address(const struct mete_client *c);

struct mete_client_ask {
    const char *url;
    const char *method;        /* NULL: GET, or POST with a body */
    const char *const *header; /* "Name: value", the last one NULL; or NULL */
    const void *body;          /* copied */
    size_t body_len;
    const char *id;    /* makes it the same request as an earlier one of this id, and different from
                          all others: paid once, ever. It goes with one method, URL and body alone.
                          NULL: these three make the same request */
    unsigned total_ms; /* with all attempts; 0: no bound */
    const char *max_amount; /* instead of the client's; NULL */
    /* NULL: the body is kept. Else it is called with pieces of the last answer; `at` 0 begins anew,
     * `len` 0 only says so. False: stop. */
    bool (*take)(void *user, uint64_t at, const void *piece, size_t len);
    void *user;
};

/** Begins a request. METE_CLIENT_USAGE: `why` says what is wrong with it. */
enum mete_client_error mete_client_start(struct mete_client *c, const struct mete_client_ask *ask,
                                         struct mete_client_request **out, char *why);

/* A program with a loop of its own waits for mete_client_fd to become readable, at most
 * mete_client_timeout_ms, and calls mete_client_work. */
int mete_client_fd(const struct mete_client *c);
/** Milliseconds; -1: nothing is to be waited for but the descriptor. */
int mete_client_timeout_ms(const struct mete_client *c);
/** Does what can be done now. Returns how many requests are not at their end. */
size_t mete_client_work(struct mete_client *c);
/** The loop for who has none: works until a request is at its end, or `wait_ms` are over (-1: no
 *  bound). Returns as mete_client_work. */
size_t mete_client_wait(struct mete_client *c, int wait_ms);
/** A request that is at its end and was not returned before, or NULL. */
struct mete_client_request *mete_client_next(struct mete_client *c);

/* The payment of a request; all "" and 0 when there was none to be made. */
struct mete_client_payment {
    char scheme[METE_CLIENT_TEXT_MAX];
    char network[METE_CLIENT_TEXT_MAX]; /* CAIP-2 */
    char asset[METE_CLIENT_TEXT_MAX];
    char symbol[METE_CLIENT_TEXT_MAX];
    char pay_to[METE_CLIENT_TEXT_MAX];
    char amount[METE_CLIENT_TEXT_MAX];      /* signed: smallest units */
    char charged[METE_CLIENT_TEXT_MAX];     /* taken, by the server's word; "" when unknown */
    char price[METE_CLIENT_TEXT_MAX];       /* "0.01 USDC": of what was signed */
    char transaction[METE_CLIENT_TEXT_MAX]; /* "" when there is none */
    char reason[METE_CLIENT_TEXT_MAX];      /* the server's, when it refused */
    char id[METE_CLIENT_TEXT_MAX];          /* of the history */
    unsigned decimals;
    int version;
};

struct mete_client_result {
    enum mete_client_error error;
    enum mete_client_money money;
    char text[METE_CLIENT_ERROR_MAX]; /* one sentence on the error; no secrets */
    unsigned status;                  /* of the last answer; 0: there was none */
    unsigned attempts;                /* requests that were made */
    unsigned signatures;              /* of this request in this run: 0 or 1 */
    bool is_resent;                   /* with a payment of an earlier run */
    bool is_whole;                    /* the body is all of the last answer */
    uint64_t ms;
    uint64_t body_len;
    struct mete_client_payment payment;
};

/** Complete once mete_client_next returned the request. */
const struct mete_client_result *mete_client_result(const struct mete_client_request *r);
/** The body when it was kept; NUL follows it. */
const char *mete_client_body(const struct mete_client_request *r, size_t *len);
/** The header of the last answer as it came, with its status line. */
const char *mete_client_header(const struct mete_client_request *r, size_t *len);
/** The URL of the last answer: another one after redirections. */
const char *mete_client_url(const struct mete_client_request *r);
void *mete_client_user(const struct mete_client_request *r);
/** Also while it is under way: it is broken off, and its payment stays in the history. */
void mete_client_request_free(struct mete_client_request *r);
/** Breaks off all that is under way: mete_client_next returns it, METE_CLIENT_BROKEN or, where a
 *  payment is out, METE_CLIENT_UNKNOWN or _NOT_DELIVERED. For who has to end in time. */
void mete_client_stop(struct mete_client *c);

/* The history: states of a payment. */
enum mete_client_state {
    METE_CLIENT_STATE_SIGNED, /* written down; not known to be sent */
    METE_CLIENT_STATE_SENT,   /* on its way */
    METE_CLIENT_STATE_PAID,   /* the server or the chain says so, or delivered */
    METE_CLIENT_STATE_UNPAID, /* the server says that it did not take it; valid until it runs out */
    METE_CLIENT_STATE_OPEN,   /* unknown */
    METE_CLIENT_STATE_LAPSED, /* ran out, and the chain says that it was not used */
    METE_CLIENT_STATE_OWED,   /* as paid, and nothing came for it yet */
    METE_CLIENT_STATE_ABANDONED /* unknown, ran out, and given up by pay_again: counts as spent */
};
/** "signed", "sent", "paid", "refused", "unknown", "expired", "owed", "abandoned". */
const char *mete_client_state_name(enum mete_client_state state);

struct mete_client_entry {
    int64_t at_us; /* when it was signed: microseconds since 1970, UTC */
    enum mete_client_state state;
    const char *id;
    const char *method;
    const char *url; /* without its query */
    const char *host;
    const char *scheme;
    const char *network;
    const char *asset;
    const char *symbol;
    const char *pay_to;
    const char *payer;
    const char *amount;  /* signed */
    const char *charged; /* "" when nobody said another amount */
    const char *transaction;
    const char *reason;
    const char *nonce;
    int64_t valid_until_s;
    unsigned decimals;
};

/* NULL and 0: any. */
struct mete_client_filter {
    const char *host;
    const char *network;
    const char *asset; /* address or symbol */
    const char *state; /* by its name */
    int64_t from_us;
    int64_t until_us; /* before this moment */
};

/** Shows the payments of a history file (NULL: the usual one) in the order of their signing. A file
 *  that is not there has none. `each` returns false to stop. */
enum mete_client_error
mete_client_history(const char *file, const struct mete_client_filter *filter,
                    bool (*each)(void *ctx, const struct mete_client_entry *entry), void *ctx,
                    char *why);

/* A sum of payments of one asset: of a day and host. Smallest units. */
struct mete_client_total {
    const char *day; /* "2026-03-01" */
    const char *host;
    const char *network;
    const char *asset;
    const char *symbol;
    const char *paid;    /* charged, of those that are paid */
    const char *unknown; /* of those that nobody knows of */
    uint64_t paid_count;
    uint64_t unknown_count;
    unsigned decimals;
};
/** Sums by day, host and asset, in this order. */
enum mete_client_error mete_client_totals(const char *file, const struct mete_client_filter *filter,
                                          bool (*each)(void *ctx,
                                                       const struct mete_client_total *total),
                                          void *ctx, char *why);

#ifdef __cplusplus
}
#endif

#endif

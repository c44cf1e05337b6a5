/* SPDX-License-Identifier: Apache-2.0
 * What the files of the Lightning rail share: the settings, the port of nodes, and what a
 * committed body says. */
#ifndef METE_RAILS_LIGHTNING_PARTS_H
#define METE_RAILS_LIGHTNING_PARTS_H

#include "rails/lightning/lightning.h"
#include "wire/json.h"
#include "wire/lightning/bolt11.h"
#include "wire/lightning/lnurl.h"

#define LIGHTNING_MARGIN_S 30u /* an invoice stays valid at least so long when it is taken */
#define LIGHTNING_EXPIRY_MAX_S                                                                     \
    604800u                      /* a week: as long as money may wait for its proof of death */
#define LIGHTNING_DEAD_S     600 /* past its expiry no node takes an invoice, clocks aside */
#define LIGHTNING_RESEND_S   10  /* before its expiry it is not sent any more */
#define LIGHTNING_PAY_S_MAX  45
#define LIGHTNING_SECRET_MAX 4096                          /* bytes of a file that holds a key */
#define LIGHTNING_MSAT_MAX   UINT64_C(2100000000000000000) /* all bitcoin there will be */
#define LIGHTNING_KEY_HEX    (2 * SECP_COMPRESSED_LEN + 1)
#define LIGHTNING_HASH_HEX   (2 * SHA256_LEN + 1)

/* --- settings ----------------------------------------------------------------------------------*/

struct node_kind;

struct lightning_settings {
    const struct node_kind *node;
    char *url;         /* of the node, without a '/' at its end */
    char *auth;        /* the header that carries the key; in guarded memory */
    char *certificate; /* PEM file, or NULL */
    char *resolve_ca;  /* PEM file, or NULL */
    char *resolve_to;  /* HOST:PORT in the place of every payee's host, for tests, or NULL */
    char *onion_proxy; /* or NULL */
    char *comment;     /* to payees that take one, or NULL */
    enum bolt11_network network;
    uint32_t fee_ppm; /* of the amount */
    uint64_t fee_base_msat;
    unsigned max_delay; /* blocks that money may be locked on its way */
    unsigned pay_s;     /* seconds for which a node begins new tries */
    unsigned switches;  /* LNURL_TAKES_... */
    bool takes_any_description;
    bool public_only;
};

enum mete_code lightning_settings_read(struct lightning_settings *s, const struct rail_config *c,
                                       struct mete_err *err) METE_MUST_CHECK;
void lightning_settings_clear(struct lightning_settings *s);

/* --- the rail ----------------------------------------------------------------------------------*/

struct rail {
    struct lightning_settings s;
    struct lightning_transport t;
    struct web *node;
    struct web *payee;
    struct web *onion;
    struct web_answer answer; /* of the last question */
    struct arena work;        /* of one payment */
};

/** What an asset's minor unit is worth in msat; 0: it is not bitcoin. */
uint64_t lightning_unit_msat(const struct asset *asset);
/** False when it is not above zero, or more than there is. */
bool lightning_msat_of(const struct asset *asset, i128 amount, uint64_t *out) METE_MUST_CHECK;
/** Minor units, rounded up. */
i128 lightning_amount_of(const struct asset *asset, uint64_t msat);

/** Copies words of others for people: one line, cut between characters; what could be a key, an
 *  invoice or a destination (`hide`, with a NULL p at its end) becomes "...". */
void lightning_words(char *out, size_t size, struct text in, const struct text *hide);

/* --- nodes -------------------------------------------------------------------------------------*/

enum node_state {
    NODE_UNSURE,  /* it cannot be known from what was heard */
    NODE_ABSENT,  /* the node has no payment of this hash */
    NODE_PENDING, /* it may still be paid */
    NODE_FAILED,  /* the node says so, and has nothing in flight */
    NODE_PAID     /* with the preimage */
};

struct node_info {
    bool is_known;
    bool is_synced;
    bool has_network;
    enum bolt11_network network;
    char key[LIGHTNING_KEY_HEX]; /* of the node, or what else it is told by; "" */
    char words[RAIL_TEXT_MAX];   /* why it is not known */
};

struct node_payment {
    struct text invoice;
    struct bolt11 i;
    uint64_t fee_max_msat;
    unsigned max_delay; /* blocks, as the settings said when it was committed; so the next */
    unsigned pay_s;     /* seconds for which a node begins new tries */
    char hash[LIGHTNING_HASH_HEX];
};

struct node_answer {
    enum node_state state;
    bool has_fee;
    bool has_amount;
    uint64_t fee_msat;
    uint64_t amount_msat; /* what arrived */
    char preimage[LIGHTNING_HASH_HEX];
    char words[RAIL_TEXT_MAX];
};

struct node_kind {
    const char *name;
    const char *key_setting; /* the name of the setting that names the file of its key */
    /** Appends the header that carries the key. NULL, or why the file's content is none. */
    const char *(*auth)(struct buf *out, struct text content);
    void (*info)(struct rail *r, struct node_info *out);
    /** Of nodes that take no cap: what a payment may cost; false with words. NULL: it takes one. */
    bool (*fee_needed)(struct rail *r, const struct node_payment *p, uint64_t *msat,
                       char words[RAIL_TEXT_MAX]);
    /** Pays. Says NODE_PAID, or why not in words: what became of it is asked of `look`. */
    void (*pay)(struct rail *r, const struct node_payment *p, struct node_answer *out);
    void (*look)(struct rail *r, const struct node_payment *p, struct node_answer *out);
};
extern const struct node_kind node_cln;
extern const struct node_kind node_lnd;
extern const struct node_kind node_phoenixd;
extern const struct node_kind node_lnbits;

const struct node_kind *node_kind_of(const char *name);

struct node_question {
    const char *method;
    struct text path;   /* from the '/' on */
    struct buf *form;   /* body of application/x-www-form-urlencoded, or ... */
    struct buf *json;   /* ... of JSON; both NULL: none */
    unsigned total_ms;  /* 0: as the node's web has it */
    bool is_first_line; /* of a stream that goes on */
};
/** Asks the node. The answer's JSON in r->work, or NULL with words. r->answer has its status. */
struct json *node_ask(struct rail *r, const struct node_question *q, char words[RAIL_TEXT_MAX]);
/** r->answer's status and what the node says, for people. */
void node_refused(struct rail *r, struct text said, char words[RAIL_TEXT_MAX]);
struct text node_string(const struct json *j, const char *key);
/** A whole number that is not negative, written as one, in quotes, or with "msat" behind it. */
bool node_number(const struct json *j, const char *key, uint64_t *out) METE_MUST_CHECK;
/** NODE_PAID when `hex` is the preimage of the payment's hash, else NODE_UNSURE with words. */
void node_proof(const struct node_payment *p, struct text hex, struct node_answer *out);
void node_info_key(struct node_info *out, struct text key);
/** "mainnet" is "bitcoin". */
void node_info_network(struct node_info *out, struct text name);

/* --- bodies ------------------------------------------------------------------------------------*/

/* What an attempt was committed with. */
struct lightning_body {
    struct node_payment pay;
    struct text node;     /* the kind through which it goes */
    struct text node_url; /* of ours when it was made */
    struct text node_key; /* "" when the node could not say */
    mete_time expires_at;
    bool is_new; /* the node has said that it had no payment of the hash; else nobody pays it */
};
void lightning_body_write(struct buf *out, const struct rail *r, const struct node_payment *p,
                          const struct node_info *info, mete_time now, bool is_new);
/** Texts in r->work. False with words: it is not what lightning_body_write has written. */
bool lightning_body_read(struct rail *r, const struct rail_payment *p, struct lightning_body *out,
                         char words[RAIL_TEXT_MAX]) METE_MUST_CHECK;
mete_time lightning_expires_at(const struct bolt11 *i);

/* --- destinations ------------------------------------------------------------------------------*/

/** From the destination to an invoice that may be paid, in r->work. False: said in the report. */
bool lightning_resolve(struct rail *r, struct rail_payment *p, const struct node_info *info,
                       struct node_payment *out) METE_MUST_CHECK;

#endif

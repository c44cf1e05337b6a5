/* SPDX-License-Identifier: Apache-2.0
 * Lightning addresses and LNURL-pay as a payer reads them (LUD-01, 06, 09, 11, 12, 16, 18, 21):
 * from the address to the URL to ask, and from the answers to what may be asked and paid. Nothing
 * is fetched here. HTTP status and headers mean nothing in LNURL: every body is read.
 *
 * Errors of all of them: METE_LNURL_INVALID, and METE_LNURL_REFUSED where the service itself says
 * no; err->pointer is the place in the answer. */
#ifndef METE_WIRE_LIGHTNING_LNURL_H
#define METE_WIRE_LIGHTNING_LNURL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/types.h"
#include "crypto/hash.h"
#include "mete/error.h"
#include "wire/json.h"
#include "wire/url.h"

#define LNURL_TEXT_MAX         3400         /* characters of lnurl1...: a URL of 2048 bytes */
#define LNURL_PAY_SIZE_MAX     (512u << 10) /* bytes of the first answer: pictures are legal */
#define LNURL_INVOICE_SIZE_MAX (64u << 10)  /* bytes of the second answer, and of LUD-21's */
#define LNURL_REASON_MAX       160          /* bytes kept of a service's own reason */
#define LIGHTNING_USER_MAX     64           /* bytes before the @, as RFC 5321 has it */

/** What an arena must have for reading an answer of `len` bytes: the answer, and the JSON in it. */
#define LNURL_ARENA_MAX(len) (2 * JSON_ARENA_MAX(len) + 2 * (len))

/** Switches of a policy; 0 is strict. */
#define LNURL_TAKES_PLUS  1u /* '+' in user names: common, but not in LUD-16 */
#define LNURL_TAKES_LOCAL 2u /* http, ports, addresses and bare names as hosts: for tests only */

struct lightning_address {
    struct text user;
    struct text host; /* with LNURL_TAKES_LOCAL also host:port */
};

/** Reads "user@host": the user of a-z 0-9 - _ . in lower case, the host a domain in lower case. The
 *  texts point into `in`. Source: LUD-16. */
enum mete_code lightning_address_read(struct text in, unsigned switches,
                                      struct lightning_address *out,
                                      struct mete_err *err) METE_MUST_CHECK;

/** Appends the URL to ask: https, http below .onion; with LNURL_TAKES_LOCAL http for hosts that are
 *  no domains. Source: LUD-16. */
void lightning_address_url(struct buf *out, const struct lightning_address *address,
                           unsigned switches);

/** The lnurl1... in "lightning:lnurl1...", in "https://...?lightning=LNURL1...", or `in` itself.
 *  Source: LUD-01. */
struct text lnurl_find(struct text in);

/** Reads lnurl1... (either case) as a URL, which lives in `a` (room for 4 * LNURL_TEXT_MAX) and is
 *  https, or http below .onion. Source: LUD-01. */
enum mete_code lnurl_read(struct arena *a, struct text in, unsigned switches, struct text *url,
                          struct mete_err *err) METE_MUST_CHECK;

/** Appends lnurl1... of a URL. */
void lnurl_write(struct buf *out, struct text url);

/** What may be asked for: the first answer. Texts live in the arena or the body. */
struct lnurl_pay {
    struct url callback;
    struct text callback_text;
    uint64_t min_msat; /* 1 <= min_msat <= max_msat */
    uint64_t max_msat;
    uint32_t comment_max;    /* characters; 0: none */
    struct text metadata;    /* as its JSON string decodes, byte for byte: h commits to it */
    struct text description; /* text/plain; not for display as it is */
    struct text identifier;  /* text/identifier; p is NULL without one */
};

/** Reads the first answer.
 *  In:      `a` has room for LNURL_ARENA_MAX(body.len); `address` is who was asked for, or NULL.
 *  Refuses: bodies beyond LNURL_PAY_SIZE_MAX; other tags; amounts that are not whole, below 1,
 * beyond 63 bits or in the wrong order; callbacks that are neither https nor http below .onion;
 *           metadata that is no array of arrays that begin with a string, has not exactly one
 *           text/plain or has two pictures; a text/identifier that is not the address (ASCII case
 *           aside); payerData with anything mandatory.
 *  Source:  LUD-06, 12, 16, 18. */
enum mete_code lnurl_pay_read(struct arena *a, struct text body,
                              const struct lightning_address *address, unsigned switches,
                              struct lnurl_pay *out, struct mete_err *err) METE_MUST_CHECK;

/** METE_LNURL_REFUSED when the service does not take this amount. */
enum mete_code lnurl_pay_check_amount(const struct lnurl_pay *pay, uint64_t amount_msat,
                                      struct mete_err *err) METE_MUST_CHECK;

/** Appends the URL to ask for an invoice: the callback without its fragment, with amount and,
 * unless it is empty, comment added to its query. False, `out` untouched, when the comment has more
 *  characters than the service takes or is not UTF-8. Source: LUD-06, 12. */
bool lnurl_callback_write(struct buf *out, const struct lnurl_pay *pay, uint64_t amount_msat,
                          struct text comment) METE_MUST_CHECK;

enum lnurl_action {
    LNURL_ACTION_NONE,
    LNURL_ACTION_MESSAGE,
    LNURL_ACTION_URL /* for a human; never to be fetched */
};

/** The second answer. */
struct lnurl_invoice {
    struct text invoice; /* BOLT 11, not looked into: bolt11_read, bolt11_check_payout */
    enum lnurl_action action;
    struct text action_text; /* message or description; not for display as it is */
    struct text action_url;  /* on the host of the callback */
    struct text verify;      /* LUD-21, or empty */
    bool is_disposable;      /* false only when the service says so (LUD-11) */
};

/** Reads the second answer; `pay` is what the first one gave.
 *  Refuses: bodies beyond LNURL_INVOICE_SIZE_MAX; no pr; actions of other kinds, as LUD-09 wants
 *           before paying, aes (LUD-10) among them; an action's URL on another host than the
 *           callback; a verify that is no URL to be asked.
 *  Source:  LUD-06, 09, 11, 21. */
enum mete_code lnurl_invoice_read(struct arena *a, struct text body, const struct lnurl_pay *pay,
                                  unsigned switches, struct lnurl_invoice *out,
                                  struct mete_err *err) METE_MUST_CHECK;

/** Reads the answer of a verify URL about `invoice`. *is_settled only with the preimage of
 *  `payment_hash`: it proves receipt. That it is not settled proves nothing. Source: LUD-21. */
enum mete_code lnurl_verify_read(struct arena *a, struct text body, struct text invoice,
                                 const struct hash *payment_hash, bool *is_settled,
                                 struct mete_err *err) METE_MUST_CHECK;

#endif

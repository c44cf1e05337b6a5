/* SPDX-License-Identifier: Apache-2.0
 * Lightning invoices (BOLT 11): reading with every check of the standard, writing, and what must
 * hold of an invoice before money goes out by it. No I/O; the time is an argument. */
#ifndef METE_WIRE_LIGHTNING_BOLT11_H
#define METE_WIRE_LIGHTNING_BOLT11_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/types.h"
#include "crypto/hash.h"
#include "crypto/secp256k1.h"
#include "mete/error.h"

#define BOLT11_LEN_MAX         7089       /* characters: what the largest QR code holds */
#define BOLT11_ARENA_MAX       (64 << 10) /* what reading the longest invoice takes at most */
#define BOLT11_SECRET_LEN      32
#define BOLT11_EXPIRY_DEFAULT  3600 /* seconds */
#define BOLT11_CLTV_DEFAULT    18   /* blocks */
#define BOLT11_CLTV_MAX        2016 /* blocks, two weeks: the longest that money may be locked */
#define BOLT11_FIELD_BYTES_MAX 639  /* of a description or metadata */

enum bolt11_network { BOLT11_BITCOIN, BOLT11_TESTNET, BOLT11_SIGNET, BOLT11_REGTEST };

/** "bitcoin", "testnet", "signet", "regtest". */
const char *bolt11_network_name(enum bolt11_network network);
/** The network of such a name; false when there is none. */
bool bolt11_network_of(struct text name, enum bolt11_network *out) METE_MUST_CHECK;

struct bolt11 {
    enum bolt11_network network;
    bool has_amount;
    bool has_description;      /* either this (field d) ... */
    bool has_description_hash; /* ... or this (h), never both */
    bool has_metadata;         /* field m */
    bool has_payee;            /* field n: the payee was named, not recovered */
    uint64_t amount_msat;      /* millisatoshi; 0 without has_amount */
    int64_t timestamp_s;       /* seconds since 1970, below 2^35 */
    uint64_t expiry_s;         /* seconds after the timestamp */
    uint64_t cltv;             /* min_final_cltv_expiry_delta, blocks */
    struct hash payment_hash;
    uint8_t payment_secret[BOLT11_SECRET_LEN];
    struct text description; /* UTF-8, not for display as it is: the payee wrote it */
    struct hash description_hash;
    struct bytes metadata;
    uint8_t payee[SECP_COMPRESSED_LEN];
    struct bytes features; /* symbols of five bits, most significant first: bolt11_has_feature */
    /* How often each came with the right length. Where one comes twice the first counts here;
     * another reader may take the second. */
    uint32_t hash_count;             /* p, at least 1 */
    uint32_t secret_count;           /* s, at least 1 */
    uint32_t description_hash_count; /* h */
    uint32_t payee_count;            /* n */
    uint32_t route_hint_count;       /* r */
    struct hash signed_hash;         /* SHA-256 of what was signed */
    struct secp_signature signature;
};

/** Reads an invoice: checksum, network, amount, fields, features and signature.
 *  In:      `a` has room for BOLT11_ARENA_MAX; texts of *out live in it.
 *  Ignores: unknown fields, and p, h, s, n of a wrong length, as BOLT 11's own example has them.
 *  Refuses: longer than BOLT11_LEN_MAX; flaws of bech32; unknown networks; amounts that are not
 *           positive, end in part of a millisatoshi or need more than 64 bits; no p, no s; neither
 *           or both of d and h; x, c, 9 with leading zeros; padding that is not zero; unknown even
 *           features and features without those they need (BOLT 9); a signature that does not
 *           verify with n (then only low s) or from which no key can be recovered (then any s).
 *  Errors:  METE_INVOICE_INVALID; err->pointer is "". Source: BOLT 11, "A reader". */
enum mete_code bolt11_read(struct arena *a, struct text in, struct bolt11 *out,
                           struct mete_err *err) METE_MUST_CHECK;

/** Appends the invoice that `i` describes, signed with `secret`: s, p, d or h, m, x, c, 9 and, with
 *  has_payee, n. The amount has the largest unit that fits; x and c are left out at their defaults.
 *  What a reader finds out (payee, counts, signed_hash, signature) is not looked at; route hints
 * are not written. For the payee's side: tests, doubles, invoices of one's own. Needs:   exactly
 * one of d and h, at most 639 bytes each of d and m, amount above 0, timestamp below 2^35, no
 * leading zero in features: asserted. Returns: false, `out` untouched, when `secret` is no private
 * key. */
bool bolt11_write(struct buf *out, const struct bolt11 *i,
                  const uint8_t secret[SECP_SECRET_LEN]) METE_MUST_CHECK;

/** Whether feature `bit` (0 is the least significant) is set. */
bool bolt11_has_feature(const struct bolt11 *i, unsigned bit);

/** The second from which the payee may refuse; INT64_MAX when it lies beyond. */
int64_t bolt11_expires_at(const struct bolt11 *i);

/** What was agreed before the invoice came. */
struct bolt11_terms {
    enum bolt11_network network;
    uint64_t amount_msat;          /* exactly this */
    struct bytes metadata;         /* the string of LNURL-pay, byte for byte as its JSON decodes */
    bool takes_any_description;    /* the destination's opt-out: h is not compared */
    int64_t now_s;                 /* seconds since 1970 */
    uint32_t margin_s;             /* the invoice stays valid at least this long from now */
    const uint8_t *own_node;       /* our node's key, 33 bytes, or NULL */
    const uint8_t *expected_payee; /* the only key to be paid, 33 bytes, or NULL */
};

/** Whether money may go out by this invoice: the network; an amount, and exactly the one agreed; h
 *  is SHA-256 of the metadata (LUD-06); it expires no earlier than margin_s from now; p, s, h and n
 *  each come at most once; it locks money for at most BOLT11_CLTV_MAX blocks; the payee is not
 *  ourselves and, where a key is expected, has that key.
 *  Errors: METE_INVOICE_REFUSED. The invoice is sound but must not be paid. */
enum mete_code bolt11_check_payout(const struct bolt11 *i, const struct bolt11_terms *t,
                                   struct mete_err *err) METE_MUST_CHECK;

#endif

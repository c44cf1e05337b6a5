/* SPDX-License-Identifier: Apache-2.0
 * What a server asks for: requirements, the resource that they pay for, and the answer 402 that
 * carries them, in versions 1 and 2. Readers keep the JSON that they read, because it has to be
 * echoed byte for byte. Nothing is owned: texts point into what was read. */
#ifndef METE_WIRE_X402_REQUIREMENTS_H
#define METE_WIRE_X402_REQUIREMENTS_H

#include "base/u256.h"
#include "wire/evm/address.h"
#include "wire/x402/header.h"
#include "wire/x402/network.h"

#define X402_TIMEOUT_MAX_S 31536000u /* a year: nothing is asked for longer */
#define X402_ACCEPTS_MAX   64        /* offers of one 402 */
#define X402_TEXT_MAX      4096      /* bytes of a scheme, an asset, a recipient, a URL */

#define X402_SCHEME_EXACT "exact"
#define X402_SCHEME_UPTO  "upto"

/** When money moves, by extra.paymentFlow. */
enum x402_flow {
    X402_FLOW_AUTHORIZATION, /* verify, serve, settle; also when nothing is said */
    X402_FLOW_UPFRONT,       /* settle, then serve */
    X402_FLOW_ESCROW,        /* settle before and after */
    X402_FLOW_UNKNOWN        /* a client leaves such an offer alone */
};

/** One offer. The members from `resource` on are of version 1 alone. */
struct x402_requirements {
    int version;        /* 1 or 2: which of the two forms it had */
    struct text scheme; /* "exact", "upto", ...: not judged here */
    struct text network;
    struct text amount_text; /* amount, in version 1 maxAmountRequired: plain digits */
    struct u256 amount;      /* the same as a number, in the asset's smallest unit */
    struct text asset;
    struct text pay_to;
    uint32_t timeout_s;       /* 1..X402_TIMEOUT_MAX_S */
    const struct json *extra; /* an object, or NULL */
    struct text resource;     /* URL */
    struct text description;
    struct text mime_type;
    const struct json *output_schema; /* an object, or NULL */
    const struct json *json;          /* the whole, as it came */
};

/** Reads one offer of `version`. `at` is its JSON pointer in what was sent, for errors.
 *  Refuses: members that are missing, empty or of another type; an amount that is not plain digits
 *           without leading zeros (thus signs, hexadecimal, exponents, JSON numbers), or beyond 256
 *           bits; a maxTimeoutSeconds that is no whole number from 1 to a year; a network of
 * version 2 that is no CAIP-2. Unknown members are kept in json. Errors:  METE_MEMBER_MISSING,
 * _TYPE, _VALUE, METE_TEXT_LENGTH, METE_AMOUNT_INVALID, METE_NUMBER_RANGE, METE_X402_NETWORK;
 * err->pointer is the place. */
enum mete_code x402_requirements_read(struct arena *a, const struct json *j, int version,
                                      const char *at, struct x402_requirements *out,
                                      struct mete_err *err) METE_MUST_CHECK;

/** By extra.paymentFlow. */
enum x402_flow x402_requirements_flow(const struct x402_requirements *r);
/** A text member of extra; the empty text when there is none. */
struct text x402_requirements_extra(const struct x402_requirements *r, const char *name);

#define X402_TAGS_MAX         5
#define X402_SERVICE_NAME_MAX 32
#define X402_ICON_URL_MAX     2048

/** What is paid for. Texts that are absent are empty. */
struct x402_resource {
    struct text url;
    struct text description;
    struct text mime_type;
    struct text service_name;
    struct text tags[X402_TAGS_MAX];
    size_t tag_count;
    struct text icon_url;
    const struct json *json; /* as it came; NULL when it was absent or is to be written */
};

/** Reads a resource. Types are judged and url has to be there; service name, tags and icon are the
 *  client's word: x402_metadata_clean (discovery.h) before they are shown to anybody. Tags beyond
 *  the fifth are left out. */
enum mete_code x402_resource_read(struct arena *a, const struct json *j, const char *at,
                                  struct x402_resource *out, struct mete_err *err) METE_MUST_CHECK;

/** A 402 of either version. */
struct x402_required {
    int version;
    struct text error;             /* may be empty */
    struct x402_resource resource; /* version 2; its json is NULL where a server left it out */
    struct x402_requirements *accepts;
    size_t accept_count;           /* 1..X402_ACCEPTS_MAX */
    size_t unread_count;           /* offers that could not be read and are left out */
    const struct json *extensions; /* an object, or NULL; version 2 */
    const struct json *json;
};

/** Reads a 402 from the value of PAYMENT-REQUIRED, or from a body of version 1, or from JSON that
 *  came in another way (MCP). A body of version 2 is read as well.
 *  Leaves out offers that cannot be read, as long as one can: a server may offer what only newer
 *  clients know.
 *  Errors: as x402_requirements_read; METE_X402_HEADER; METE_X402_VERSION for another version. */
enum mete_code x402_required_read_header(struct arena *a, struct text value,
                                         struct x402_required *out,
                                         struct mete_err *err) METE_MUST_CHECK;
enum mete_code x402_required_read_body(struct arena *a, struct text body, struct x402_required *out,
                                       struct mete_err *err) METE_MUST_CHECK;
enum mete_code x402_required_read(struct arena *a, const struct json *j, const char *at,
                                  struct x402_required *out, struct mete_err *err) METE_MUST_CHECK;

/* Writing. One description of a priced resource gives both versions. */

struct x402_offer {
    struct text scheme;
    struct text network; /* CAIP-2 */
    struct u256 amount;
    struct text asset;
    struct text pay_to;
    uint32_t timeout_s;
    struct text extra; /* a JSON object as text; empty: {} */
};

struct x402_priced {
    struct x402_resource resource;
    const struct x402_offer *offers;
    size_t offer_count;
    struct text error;         /* why this is a 402; empty: nothing is said */
    struct text extensions;    /* version 2: a JSON object as text, or empty */
    struct text output_schema; /* version 1: a JSON object as text, or empty */
};

/** Whether version 1 can say it: scheme "exact" by EIP-3009 (or on Solana), the flow that settles
 *  last, a network that has a name of version 1. */
bool x402_offer_has_v1(const struct x402_offer *o);

/** Appends one offer as a server sends it to a facilitator, and as its clients echo it. That of
 *  version 1 needs x402_offer_has_v1 and takes the rest from `p`. */
void x402_offer_write_v2(struct buf *out, const struct x402_offer *o);
void x402_offer_write_v1(struct buf *out, const struct x402_priced *p, const struct x402_offer *o);

/** Appends the JSON of a 402 of version 2: x402_header_write makes it the value of
 *  PAYMENT-REQUIRED. At least one offer: asserted. */
void x402_required_write_v2(struct buf *out, const struct x402_priced *p);
/** Appends the body of version 1 with those offers that it can say; {} when there is none. */
void x402_required_write_v1(struct buf *out, const struct x402_priced *p);

#endif

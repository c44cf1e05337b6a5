/* SPDX-License-Identifier: Apache-2.0
 * What a server and a facilitator say to each other: /verify, /settle, /supported, and the headers
 * that carry a settlement to the client. JSON that is passed on is text: raw, or empty when there
 * is none. Readers are as tolerant as the official ones: null is as good as absent. */
#ifndef METE_WIRE_X402_FACILITATOR_H
#define METE_WIRE_X402_FACILITATOR_H

#include "wire/x402/payload.h"
#include "wire/x402/reason.h"
#include "wire/x402/requirements.h"

#define X402_RESERVATION_MAX 128 /* bytes */
#define X402_POLICY_MAX      200 /* bytes */
#define X402_KINDS_MAX       1024
#define X402_SIGNERS_MAX     256 /* addresses over all patterns */

/** The body of POST /verify and POST /settle. */
struct x402_request {
    int outer_version; /* x402Version beside the two; 0 when absent. The payload's own decides. */
    struct x402_payload payload;
    struct x402_requirements requirements; /* in the form of the payload's version */
    bool reserve;                          /* mete's own: hold the payment for its life */
    struct text reservation; /* mete's own: what extra.reservation of the verification said */
    struct text policy;      /* mete's own: by which the payment is split; "" */
};

/** Reads such a body. x402_reason_of_error says what to answer when it fails.
 *  Errors: those of x402_payload_read and x402_requirements_read, with their pointers in the body.
 */
enum mete_code x402_request_read(struct arena *a, struct text body, struct x402_request *out,
                                 struct mete_err *err) METE_MUST_CHECK;

/** A request to write. */
struct x402_asking {
    int version;
    struct text payload;      /* JSON, as the client sent it */
    struct text requirements; /* JSON, the server's own */
    bool reserve;
    struct text reservation; /* empty: none */
    struct text policy;      /* empty: none */
};
void x402_request_write(struct buf *out, const struct x402_asking *r);

/** VerifyResponse. */
struct x402_verified {
    bool is_valid;
    struct text payer;
    struct text reason;  /* invalidReason: empty when it is valid */
    struct text message; /* invalidMessage */
    struct text extensions;
    struct text extra;
};

/** Reads an answer of /verify. Errors: METE_MEMBER_MISSING, _TYPE, those of x402_body_read. */
enum mete_code x402_verified_read(struct arena *a, struct text body, struct x402_verified *out,
                                  struct mete_err *err) METE_MUST_CHECK;
void x402_verified_write(struct buf *out, const struct x402_verified *v);
/** extra.reservation of a verification; the empty text when there is none. */
enum mete_code x402_reservation_read(struct arena *a, const struct x402_verified *v,
                                     struct text *out, struct mete_err *err) METE_MUST_CHECK;

/** SettleResponse. */
struct x402_settled {
    bool success;
    struct text transaction; /* hash or signature; empty: none was sent */
    struct text network;     /* as the payment names it */
    struct text payer;
    struct text amount;  /* what was charged, by "upto" */
    struct text reason;  /* errorReason */
    struct text message; /* errorMessage */
    struct text extensions;
    struct text extra;
};

/** Reads an answer of /settle, or the value of PAYMENT-RESPONSE or X-PAYMENT-RESPONSE. */
enum mete_code x402_settled_read(struct arena *a, struct text body, struct x402_settled *out,
                                 struct mete_err *err) METE_MUST_CHECK;
enum mete_code x402_settled_read_header(struct arena *a, struct text value,
                                        struct x402_settled *out,
                                        struct mete_err *err) METE_MUST_CHECK;
enum mete_code x402_settled_read_json(struct arena *a, const struct json *j, const char *at,
                                      struct x402_settled *out,
                                      struct mete_err *err) METE_MUST_CHECK;
void x402_settled_write(struct buf *out, const struct x402_settled *s);
/** Appends the value of the header that answers a payment. */
void x402_settled_write_header(struct buf *out, const struct x402_settled *s);
/** Whether money may have moved although it is no success: settlement_pending with a transaction.
 *  The same payment is sent again then, and never another one. */
bool x402_settled_is_pending(const struct x402_settled *s);

/** One kind of payment that a facilitator takes. */
struct x402_kind {
    int version;
    struct text scheme;
    struct text network; /* as `version` names it */
    struct text extra;   /* a JSON object as text, or empty */
};

struct x402_supported_signer {
    struct text pattern; /* "eip155:*" */
    struct text address;
};

/** GET /supported. Signers of one pattern stand together. */
struct x402_supported {
    struct x402_kind *kinds;
    size_t kind_count;
    struct text *extensions;
    size_t extension_count;
    struct x402_supported_signer *signers;
    size_t signer_count;
};

enum mete_code x402_supported_read(struct arena *a, struct text body, struct x402_supported *out,
                                   struct mete_err *err) METE_MUST_CHECK;
void x402_supported_write(struct buf *out, const struct x402_supported *s);
/** The kind of exactly these three; NULL when it is not listed. */
const struct x402_kind *x402_supported_find(const struct x402_supported *s, int version,
                                            struct text scheme, struct text network);

/** What became of an extension: the value of EXTENSION-RESPONSES. */
enum x402_extension_status {
    X402_EXTENSION_SUCCESS,
    X402_EXTENSION_PROCESSING,
    X402_EXTENSION_REJECTED
};
struct x402_extension_response {
    struct text name; /* "bazaar" */
    enum x402_extension_status status;
    struct text rejected_reason; /* empty: nothing is said */
};
/** Appends the header's value for `count` extensions. */
void x402_extension_responses_write(struct buf *out, const struct x402_extension_response *r,
                                    size_t count);

#endif

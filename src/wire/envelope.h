/* SPDX-License-Identifier: Apache-2.0
 * The canonical envelope (economic-protocol.md section 2): JSON in, core's struct event out, and
 * the canonical bytes that are hashed into the log. Checks form; meaning is core's business. */
#ifndef METE_WIRE_ENVELOPE_H
#define METE_WIRE_ENVELOPE_H

#include "base/arena.h"
#include "base/buf.h"
#include "core/event.h"
#include "crypto/hash.h"
#include "crypto/seal.h"
#include "mete/error.h"
#include "wire/json.h"

/** A value that must not stand in the log: a destination, a display name, free text, a secret. */
struct private_value {
    struct json *node;      /* inside envelope.tree */
    char pointer[192];      /* where, as a JSON pointer into the envelope */
    struct text party;      /* whom it is about; may be empty */
    struct bytes value;     /* the characters of a string, else the RFC 8785 bytes */
    uint8_t salt[SALT_LEN]; /* set by envelope_commit */
    struct hash commitment; /* set by envelope_commit */
};

struct envelope {
    struct event event;
    struct json *tree; /* the mapped envelope (CloudEvents are already translated) */
    struct text id;    /* event_id as far as it could be read, also after a refusal */
    struct private_value *private_value;
    size_t private_count;
    /* signature member, when present */
    bool is_signed;
    struct text key_id;
    struct text alg;
    struct text signature;     /* base64url */
    struct text signature_raw; /* the member as sent */
};

struct envelope_options {
    bool stored;             /* bytes of the log: private values are commitments already */
    bool own;                /* mete made it: reserved types are its own */
    mete_time now;           /* for the 5-minute rule; TIME_NEVER: do not judge */
    struct text app_id;      /* of an ingest body: must agree with source.app_id; may be empty */
    struct text environment; /* of an ingest body; may be empty */
    struct text forced_by;   /* who sends it: put into what forces a rule aside; may be empty */
};

/** What reading, committing and writing one event of `len` bytes takes from its arena at most. */
#define ENVELOPE_ARENA_MAX(len) (JSON_ARENA_MAX(len) + 64 * (size_t)(len) + ((size_t)16 << 20))

/** Reads one event. Everything lives in `a` or points into `input`.
 *  Errors: the codes 1..38 and those of documents (90..102); err->pointer is into the envelope. */
enum mete_code envelope_read(struct arena *a, struct text input, const struct envelope_options *o,
                             struct envelope *out, struct mete_err *err) METE_MUST_CHECK;
/** The same from a tree that was parsed already (an item of an array). */
enum mete_code envelope_read_tree(struct arena *a, struct json *tree,
                                  const struct envelope_options *o, struct envelope *out,
                                  struct mete_err *err) METE_MUST_CHECK;

/** The event_id of an input that json_parse refuses, as far as it can
 *  be made out; empty otherwise. For showing, not for deciding. */
struct text envelope_id_guess(struct text input);

/** Chooses the salt for the private value at `pointer`; false: that value was erased, leave it. */
typedef bool envelope_salt(void *ctx, const char *pointer, uint8_t salt[SALT_LEN]);

/** Replaces every private value by "commit:<64 hex>", in the tree and in the event. The commitment
 *  is SHA-256 over a salt and the value (crypto/seal.h). */
void envelope_commit(struct arena *a, struct envelope *e, envelope_salt *salt, void *ctx);

/** Appends the canonical bytes: RFC 8785 of the mapped envelope without `signature`. Called after
 *  envelope_commit. Errors: METE_NUMBER_INEXACT, METE_NUMBER_RANGE. */
enum mete_code envelope_canonical(const struct envelope *e, struct buf *out,
                                  struct mete_err *err) METE_MUST_CHECK;

/** True when the text looks like an e-mail address: used on payload strings outside the private
 *  ones. "did:...@", URNs and Lightning destinations in private places are not looked at. */
bool text_has_email(struct text t);

#endif

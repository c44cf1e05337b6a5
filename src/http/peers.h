/* SPDX-License-Identifier: Apache-2.0
 * The other services of a set, and calls to them. A call blocks for some seconds at most, so it is
 * never made on a connection's or the keeper's thread. */
#ifndef METE_HTTP_PEERS_H
#define METE_HTTP_PEERS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"
#include "mete/error.h"

/** Base addresses, without a slash at the end; NULL: there is none. */
struct peers_options {
    const char *registry;     /* MANIFEST_REGISTRY_URL: where unknown manifests are fetched */
    const char *wallet;       /* WALLET_SERVICE_URL: is told when there is news */
    const char *distribution; /* DISTRIBUTION_SERVICE_URL: whose log is followed */
    const char *validation;   /* VALIDATION_SERVICE_URL: the route itself; judges documents */
    const char *key;          /* sent to each of them; NULL: none */
    unsigned refresh_s;       /* between looks for newer versions of a policy; 0: never */
};

struct peers;
void peers_open(struct peers **out, const struct peers_options *o);
void peers_close(struct peers *p);
/** Another key from now on; NULL: none. Any thread. */
void peers_key_set(struct peers *p, const char *key);
const struct peers_options *peers_options_of(const struct peers *p);

/** One request, with the key of now: POST with `body`, or GET when body.p is NULL. The whole
 * answer, at most 16 MiB, is appended to `out`. METE_UPSTREAM when there is no answer; any status
 * is an answer. */
enum mete_code peers_call(struct peers *p, const char *base, struct text path, struct text body,
                          struct buf *out, unsigned *status, struct mete_err *err) METE_MUST_CHECK;
#define PEERS_ETAG_MAX 160
struct peers_answer {
    struct buf body;
    unsigned status;
    char etag[PEERS_ETAG_MAX]; /* "" when there is none, or a longer one */
};
/** GET, with If-None-Match unless `known` is empty. The body is appended. */
enum mete_code peers_get(struct peers *p, const char *base, struct text path, struct text known,
                         struct peers_answer *answer, struct mete_err *err) METE_MUST_CHECK;

/* What is known of policies, so that a registry is not asked for each event. Any thread. */
enum policy_known {
    POLICY_UNASKED,
    POLICY_HERE,   /* published in the book */
    POLICY_NOWHERE /* the registry had none, a moment ago */
};
enum policy_known peers_policy(struct peers *p, struct text book, struct text id, mete_time now);
void peers_policy_note(struct peers *p, struct text book, struct text id, enum policy_known known,
                       mete_time now);

struct policy_due {
    struct text book;
    struct text id;
};
/** Policies that are here, were asked for lately, and may have newer versions by now; their texts
 *  in `a`. At most `max`, others the next time. */
size_t peers_policies_due(struct peers *p, mete_time now, struct arena *a, struct policy_due *out,
                          size_t max);
/** One of them was looked after. */
void peers_policy_checked(struct peers *p, const struct policy_due *due, mete_time now);

#endif

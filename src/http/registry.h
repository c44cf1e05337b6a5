/* SPDX-License-Identifier: Apache-2.0
 * Reading manifests out of a registry (MANIFEST_REGISTRY_URL): what a book does not have, or what
 * is newer than what it has, as publications for its log. Nested policies come along. */
#ifndef METE_HTTP_REGISTRY_H
#define METE_HTTP_REGISTRY_H

#include "core/policy.h"
#include "http/peers.h"
#include "http/submission.h"

#define REGISTRY_FETCH_MAX  32u /* policies of one fetch, nested ones included */
#define REGISTRY_DRAFTS_MAX 64u /* versions of all of them */

struct registry_fetch {
    struct peers *peers;
    struct engine *e; /* a snapshot; NULL: the book has nothing yet */
    struct arena *a;
    struct text book;
    mete_time until; /* no further calls after it */
    struct {
        struct text id;
        struct text etag; /* of the version that is here; empty: none is */
    } want[REGISTRY_FETCH_MAX];
    size_t count;
    /* out: newest first, what contains before what is contained */
    struct draft draft[REGISTRY_DRAFTS_MAX];
    size_t drafts;
    struct mete_err err; /* of the first call without an answer */
};

/** Adds a policy, unless the book has it or it was asked for a moment ago. */
void registry_want(struct registry_fetch *f, struct text id);
/** The same for each policy that `p` contains. */
void registry_want_nested(struct registry_fetch *f, const struct policy *p);
/** Adds one of which a newer version than `etag` may be there. */
void registry_want_newer(struct registry_fetch *f, struct text id, struct text etag);
/** Asks for all of them. METE_UPSTREAM: a call had no answer; what is in `draft` is good. */
enum mete_code registry_fetch(struct registry_fetch *f);

/** Notes, outside the log, that the newest version of a policy came from the registry, which calls
 *  it `etag`. In the current group. */
void registry_note(struct engine *e, struct text id, struct text etag);
/** The noted etag, in `a`; p NULL when the newest version did not come from the registry. */
struct text registry_noted(struct engine *e, struct arena *a, struct text id);

#endif

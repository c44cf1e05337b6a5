/* SPDX-License-Identifier: Apache-2.0
 * Published documents: which entry of the log made a version of a policy, and its text. State keeps
 * what a version means, not what was sent. */
#ifndef METE_ENGINE_PUBLICATION_H
#define METE_ENGINE_PUBLICATION_H

#include "core/policy.h"
#include "engine/engine.h"

struct publication {
    uint32_t number;  /* of the version */
    uint32_t count;   /* of versions */
    mete_time from;   /* in force; TIME_ALWAYS */
    struct hash hash; /* of the document as it stands in the log */
    const struct policy *policy;
    uint64_t seq;         /* publication_document: the entry that published it */
    bool is_manifest;     /* publication_document */
    struct text document; /* publication_document: RFC 8785, private values opened */
};

/** A version of a policy; `version` 0: the newest. METE_NOT_FOUND. */
enum mete_code publication_version(struct engine *e, struct arena *a, struct text id,
                                   uint32_t version, struct publication *out,
                                   struct mete_err *err) METE_MUST_CHECK;
/** Fills the members of *p that are its document's. Values that were erased stay commitments. */
enum mete_code publication_document(struct engine *e, struct arena *a, struct publication *p,
                                    struct mete_err *err) METE_MUST_CHECK;

/** The last entry that published a document of this hash; 0: none. Reads the log from its end
 *  unless publication_note was called for it. */
enum mete_code publication_seek(struct engine *e, const struct hash *hash, uint64_t *seq,
                                struct mete_err *err) METE_MUST_CHECK;
/** Remembers the entry for publication_seek, outside the log, in the current group. */
enum mete_code publication_note(struct engine *e, const struct hash *hash, uint64_t seq,
                                struct mete_err *err) METE_MUST_CHECK;

#endif

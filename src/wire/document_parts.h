/* SPDX-License-Identifier: Apache-2.0
 * What the readers of documents share among themselves and with the envelope. Private to src/wire.
 */
#ifndef METE_WIRE_DOCUMENT_PARTS_H
#define METE_WIRE_DOCUMENT_PARTS_H

#include "wire/document.h"
#include "wire/form.h"

/** SHA-256 of the RFC 8785 bytes; err->pointer is relative to the document. */
enum mete_code document_hash(const struct json *doc, struct hash *out,
                             struct mete_err *err) METE_MUST_CHECK;
/** Puts the hash into `p` and compiles it; pointers get in->at before them. */
enum mete_code document_finish(const struct form_in *in, struct policy *p) METE_MUST_CHECK;

/** As manifest_read. `stored`: the document comes from the log, where private members are replaced
 *  by commitments, so its signature was verified at the door and cannot be any more. */
enum mete_code manifest_read_as(struct arena *a, const struct json *doc, const char *at,
                                bool stored, struct policy *p,
                                struct mete_err *err) METE_MUST_CHECK;

/** Reads the signature of a 1.x manifest: *state is 0 without one, 1 with a did:key (verified
 * unless `stored`), 2 with a key that is not known here. Errors: METE_SIGNATURE_INVALID and of
 * form. */
enum mete_code manifest_signature(const struct form_in *in, bool stored,
                                  uint32_t *state) METE_MUST_CHECK;

/** Reads temporal_splits of every contributor, in the order of p->share, and the metadata that
 *  decides conditions. `contributors` is the array that p->share was made from. */
enum mete_code manifest_conditions(const struct form_in *in, const struct json *contributors,
                                   struct policy *p) METE_MUST_CHECK;

#endif

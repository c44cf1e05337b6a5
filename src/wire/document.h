/* SPDX-License-Identifier: Apache-2.0
 * Documents that move money: policies, .fair manifests of every generation, fee schedules. Unknown
 * members are refused here (a typo would move money), except x_..., meta and inside manifests. */
#ifndef METE_WIRE_DOCUMENT_H
#define METE_WIRE_DOCUMENT_H

#include "base/arena.h"
#include "core/fees.h"
#include "core/policy.h"
#include "mete/error.h"
#include "wire/json.h"

/** Reads a policy document {id, kind, ...} (spec: "Policies"). p->hash is SHA-256 of its RFC 8785
 *  bytes. The policy is compiled (policy_compile). err->pointer begins with `at`. */
enum mete_code policy_document_read(struct arena *a, const struct json *doc, const char *at,
                                    struct policy *p, struct mete_err *err) METE_MUST_CHECK;

/** Reads a .fair manifest: 0.1, 0.2, 0.3, 0.2.0 runtime modules, 0.4.0, 1.0, 1.1. Compiled. A
 *  signature is verified when its key is a did:key (p->signature), refused when it does not fit. */
enum mete_code manifest_read(struct arena *a, const struct json *doc, const char *at,
                             struct policy *p, struct mete_err *err) METE_MUST_CHECK;

/** True when the document is a manifest rather than a policy document. */
bool document_is_manifest(const struct json *doc);

/** The generation a manifest is read as: "0.1", "0.2", "0.3", "0.2.0", "0.4.0", "1.0", "1.1". */
const char *manifest_generation(const struct json *doc);
/** The i-th of these, NULL past the end. */
const char *manifest_generation_at(size_t i);

/** Signs a 1.x manifest: sets `signature` over the RFC 8785 bytes without signature and
 *  platformSignature; publicKeyRef / signer become the did:key of the seed. */
enum mete_code manifest_sign(struct arena *a, struct json *doc, const uint8_t seed[32],
                             mete_time signed_at, struct mete_err *err) METE_MUST_CHECK;

/** Reads {"effective_from"?, "fees":[...]}; `at` as above. */
enum mete_code fees_document_read(struct arena *a, const struct json *payload, const char *at,
                                  struct fee_schedule *s, struct mete_err *err) METE_MUST_CHECK;

#endif

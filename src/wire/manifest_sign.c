/* SPDX-License-Identifier: Apache-2.0
 * Signatures of 1.x manifests: Ed25519 over the RFC 8785 bytes without signature and
 * platformSignature. "Verified" says that the bytes are those that the named did:key signed; who
 * that is, is for the reader to judge.
 *   1.0  {algorithm: "ed25519", value: 128 hex digits, publicKeyRef: DID}
 *   1.1  {signer: DID, alg: "ed25519", value: base64url, signedAt} */
#include <string.h>

#include "base/encode.h"
#include "base/limits.h"
#include "base/text.h"
#include "crypto/sign.h"
#include "wire/document_parts.h"

static const char *const unsigned_members[] = {"signature", "platformSignature", NULL};

struct signature {
    struct text alg;
    struct text value;
    struct text signer;
};

#define AT(member) offsetof(struct signature, member)

static const struct field fields_1_0[] = {
    {TEXT("algorithm"), field_line, true, AT(alg), 1, LABEL_LEN_MAX, NULL},
    {TEXT("value"), field_line, true, AT(value), 1, LABEL_LEN_MAX, NULL},
    {TEXT("publicKeyRef"), field_id, true, AT(signer), 0, 0, NULL}};
FORM(form_1_0, fields_1_0);

static const struct field fields_1_1[] = {
    {TEXT("signer"), field_id, true, AT(signer), 0, 0, NULL},
    {TEXT("alg"), field_line, true, AT(alg), 1, LABEL_LEN_MAX, NULL},
    {TEXT("value"), field_line, true, AT(value), 1, LABEL_LEN_MAX, NULL}};
FORM(form_1_1, fields_1_1);

static bool value_decode(struct text value, bool is_hex, uint8_t out[ED25519_SIGNATURE_LEN])
{
    size_t len = 0;
    if (is_hex) {
        return hex_decode(out, ED25519_SIGNATURE_LEN, value);
    }
    return base64url_decode(out, ED25519_SIGNATURE_LEN, &len, value) &&
           len == ED25519_SIGNATURE_LEN;
}

static enum mete_code verify(const struct form_in *in, const struct json *place,
                             const uint8_t signature[ED25519_SIGNATURE_LEN],
                             const uint8_t key[ED25519_PUBLIC_LEN])
{
    struct buf message = {0};
    struct mete_err inner = {0};
    enum mete_code code = json_canonical_without(in->root, unsigned_members, &message, &inner);
    if (code != METE_OK && in->err != NULL) {
        *in->err = inner;
        form_prefix(in, inner.pointer);
    } else if (code == METE_OK && !ed25519_verify(signature, key, buf_bytes(&message))) {
        code = form_fail(in, place, METE_SIGNATURE_INVALID,
                         "this is not a signature of the signer over the rest of the manifest");
    }
    buf_clear(&message);
    return code;
}

enum mete_code manifest_signature(const struct form_in *in, bool stored, uint32_t *state)
{
    const struct json *j = json_get(in->root, "signature");
    struct signature s = {0};
    uint8_t value[ED25519_SIGNATURE_LEN];
    uint8_t key[ED25519_PUBLIC_LEN];
    if (j == NULL || j->type == JSON_NULL) {
        return METE_OK;
    }
    bool is_1_0 = json_get(j, "publicKeyRef") != NULL;
    enum mete_code code = form_read(in, is_1_0 ? &form_1_0 : &form_1_1, j, &s);
    if (code != METE_OK) {
        return code;
    }
    if (!text_is(s.alg, "ed25519") && !text_is(s.alg, "Ed25519")) {
        return form_fail(in, json_get(j, is_1_0 ? "algorithm" : "alg"), METE_SIGNATURE_INVALID,
                         "manifests are signed with ed25519");
    }
    if (!value_decode(s.value, is_1_0, value)) {
        return form_fail(in, json_get(j, "value"), METE_SIGNATURE_INVALID,
                         "expected 64 bytes in %s", is_1_0 ? "hex" : "base64url");
    }
    *state = 2;
    if (!text_starts(s.signer, "did:key:")) {
        return METE_OK;
    }
    *state = 1;
    if (!did_key_parse(key, s.signer)) {
        return form_fail(in, json_get(j, is_1_0 ? "publicKeyRef" : "signer"),
                         METE_SIGNATURE_INVALID, "this did:key is not one of Ed25519");
    }
    return stored ? METE_OK : verify(in, json_get(j, "value"), value, key);
}

/* Signing. */

static void set_string(struct arena *a, struct json *object, struct text name, const char *value)
{
    json_set(object, name, json_new_string(a, text_of(value)));
}

static struct json *signature_1_0(struct arena *a, const char *did,
                                  const uint8_t value[ED25519_SIGNATURE_LEN])
{
    char hex[2 * ED25519_SIGNATURE_LEN + 1];
    struct json *j = json_new(a, JSON_OBJECT);
    hex_encode(hex, (struct bytes){value, ED25519_SIGNATURE_LEN});
    set_string(a, j, TEXT("algorithm"), "ed25519");
    set_string(a, j, TEXT("value"), hex);
    set_string(a, j, TEXT("publicKeyRef"), did);
    return j;
}

static struct json *signature_1_1(struct arena *a, const char *did,
                                  const uint8_t value[ED25519_SIGNATURE_LEN], mete_time signed_at)
{
    char text[BASE64_TEXT_MAX(ED25519_SIGNATURE_LEN)];
    char at[TIME_TEXT_MAX];
    struct json *j = json_new(a, JSON_OBJECT);
    base64url_encode(text, (struct bytes){value, ED25519_SIGNATURE_LEN});
    time_format(signed_at, at);
    set_string(a, j, TEXT("signer"), did);
    set_string(a, j, TEXT("alg"), "ed25519");
    set_string(a, j, TEXT("value"), text);
    set_string(a, j, TEXT("signedAt"), at);
    return j;
}

enum mete_code manifest_sign(struct arena *a, struct json *doc, const uint8_t seed[32],
                             mete_time signed_at, struct mete_err *err)
{
    uint8_t key[ED25519_PUBLIC_LEN];
    uint8_t value[ED25519_SIGNATURE_LEN];
    char did[DID_KEY_TEXT_MAX];
    struct buf message = {0};
    if (doc->type != JSON_OBJECT || manifest_generation(doc)[0] != '1') {
        return mete_fail(err, METE_POLICY_INVALID, "/fair",
                         "only .fair 1.0 and 1.1 say what a signature covers");
    }
    enum mete_code code = json_canonical_without(doc, unsigned_members, &message, err);
    if (code == METE_OK) {
        ed25519_public(key, seed);
        did_key_format(did, key);
        ed25519_sign(value, seed, buf_bytes(&message));
        form_remove(doc, "signature");
        json_set(doc, TEXT("signature"),
                 strcmp(manifest_generation(doc), "1.1") == 0
                     ? signature_1_1(a, did, value, signed_at)
                     : signature_1_0(a, did, value));
    }
    buf_clear(&message);
    return code;
}

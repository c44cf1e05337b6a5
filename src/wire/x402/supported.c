/* SPDX-License-Identifier: Apache-2.0
 * GET /supported. What a facilitator of tomorrow lists (another version, a kind of another form) is
 * left out, so that it does not hide what is understood. */
#include "base/text.h"
#include "wire/x402/facilitator.h"
#include "wire/x402/member.h"

static const struct field KIND_FIELDS[] = {
    MUST("x402Version", struct x402_kind, version, member_version, 0, 0),
    MUST("scheme", struct x402_kind, scheme, field_line, 1, X402_TEXT_MAX),
    MUST("network", struct x402_kind, network, field_line, 1, X402_TEXT_MAX),
    MAY("extra", struct x402_kind, extra, member_raw, 0, 0),
};
X402_FORM(KIND_FORM, KIND_FIELDS);

struct raw_supported {
    const struct json *kinds;
    const struct json *extensions;
    const struct json *signers;
};

static enum mete_code array_take(const struct form_in *in, const struct field *f,
                                 const struct json *j, void *out)
{
    enum mete_code code = form_type(in, j, JSON_ARRAY);
    if (code != METE_OK) {
        return code;
    }
    if (j->count > (size_t)f->max) {
        return form_fail(in, j, METE_MEMBER_VALUE, "expected at most %lld elements, found %u",
                         (long long)f->max, j->count);
    }
    *(const struct json **)out = j;
    return METE_OK;
}

static const struct field SUPPORTED_FIELDS[] = {
    MUST("kinds", struct raw_supported, kinds, array_take, 0, X402_KINDS_MAX),
    MAY("extensions", struct raw_supported, extensions, array_take, 0, X402_KINDS_MAX),
    MAY("signers", struct raw_supported, signers, member_object, 0, 0),
};
X402_FORM(SUPPORTED_FORM, SUPPORTED_FIELDS);

static void kinds_take(const struct form_in *in, const struct json *list,
                       struct x402_supported *out)
{
    const struct form_in quiet = {in->arena, in->root, in->at, NULL};
    out->kinds = arena_array(in->arena, list->count + 1, sizeof *out->kinds);
    for (const struct json *j = list->child; j != NULL; j = j->next) {
        struct x402_kind k = {0};
        if (form_read(&quiet, &KIND_FORM, j, &k) == METE_OK) {
            out->kinds[out->kind_count++] = k;
        }
    }
}

static void extensions_take(const struct form_in *in, const struct json *list,
                            struct x402_supported *out)
{
    if (list == NULL) {
        return;
    }
    out->extensions = arena_array(in->arena, list->count + 1, sizeof *out->extensions);
    for (const struct json *j = list->child; j != NULL; j = j->next) {
        if (j->type == JSON_STRING) {
            out->extensions[out->extension_count++] = j->text;
        }
    }
}

static void signers_take(const struct form_in *in, const struct json *map,
                         struct x402_supported *out)
{
    if (map == NULL) {
        return;
    }
    out->signers = arena_array(in->arena, X402_SIGNERS_MAX, sizeof *out->signers);
    for (const struct json *list = map->child; list != NULL; list = list->next) {
        const struct json *j = list->type == JSON_ARRAY ? list->child : NULL;
        for (; j != NULL && out->signer_count < X402_SIGNERS_MAX; j = j->next) {
            if (j->type == JSON_STRING) {
                out->signers[out->signer_count++] =
                    (struct x402_supported_signer){list->key, j->text};
            }
        }
    }
}

enum mete_code x402_supported_read(struct arena *a, struct text body, struct x402_supported *out,
                                   struct mete_err *err)
{
    struct json *j;
    struct raw_supported raw = {0};
    enum mete_code code = x402_body_read(a, body, &j, err);
    if (code != METE_OK) {
        return code;
    }
    const struct form_in in = {a, j, "", err};
    code = form_read(&in, &SUPPORTED_FORM, j, &raw);
    if (code != METE_OK) {
        return code;
    }
    struct x402_supported s = {0};
    kinds_take(&in, raw.kinds, &s);
    extensions_take(&in, raw.extensions, &s);
    signers_take(&in, raw.signers, &s);
    *out = s;
    return METE_OK;
}

static void kind_put(struct json_writer *w, const struct x402_kind *k)
{
    jw_object(w, NULL);
    jw_int(w, "x402Version", k->version);
    jw_text(w, "scheme", k->scheme);
    jw_text(w, "network", k->network);
    if (k->extra.len > 0) {
        jw_raw(w, "extra", k->extra);
    }
    jw_end_object(w);
}

static void signers_put(struct buf *out, const struct x402_supported *s)
{
    buf_put_u8(out, '{');
    for (size_t i = 0; i < s->signer_count; i++) {
        bool is_same = i > 0 && text_eq(s->signers[i - 1].pattern, s->signers[i].pattern);
        if (is_same) {
            buf_put_u8(out, ',');
        } else {
            buf_put_str(out, i == 0 ? "" : "],");
            json_put_string(out, s->signers[i].pattern);
            buf_put_str(out, ":[");
        }
        json_put_string(out, s->signers[i].address);
    }
    buf_put_str(out, s->signer_count > 0 ? "]}" : "}");
}

void x402_supported_write(struct buf *out, const struct x402_supported *s)
{
    struct json_writer w;
    struct buf signers = {0};
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_array(&w, "kinds");
    for (size_t i = 0; i < s->kind_count; i++) {
        kind_put(&w, &s->kinds[i]);
    }
    jw_end_array(&w);
    jw_array(&w, "extensions");
    for (size_t i = 0; i < s->extension_count; i++) {
        jw_text(&w, NULL, s->extensions[i]);
    }
    jw_end_array(&w);
    signers_put(&signers, s);
    jw_raw(&w, "signers", buf_text(&signers));
    jw_end_object(&w);
    buf_clear(&signers);
}

const struct x402_kind *x402_supported_find(const struct x402_supported *s, int version,
                                            struct text scheme, struct text network)
{
    for (size_t i = 0; i < s->kind_count; i++) {
        const struct x402_kind *k = &s->kinds[i];
        if (k->version == version && text_eq(k->scheme, scheme) && text_eq(k->network, network)) {
            return k;
        }
    }
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 * Single values. What a JavaScript reader would take by accident (hexadecimal, signs, white space,
 * numbers instead of strings) is refused: two readers must never see two amounts. */
#include "wire/x402/member.h"

#include "base/text.h"
#include "base/u256.h"
#include "wire/evm/hex.h"
#include "wire/x402/exact.h"

enum mete_code member_text(const struct form_in *in, const struct field *f, const struct json *j,
                           void *out)
{
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code != METE_OK) {
        return code;
    }
    if (j->text.len < (size_t)f->min || j->text.len > (size_t)f->max) {
        return form_fail(in, j, METE_TEXT_LENGTH, "expected %lld to %lld bytes, found %zu",
                         (long long)f->min, (long long)f->max, j->text.len);
    }
    *(struct text *)out = j->text;
    return METE_OK;
}

enum mete_code member_object(const struct form_in *in, const struct field *f, const struct json *j,
                             void *out)
{
    (void)f;
    enum mete_code code = form_type(in, j, JSON_OBJECT);
    if (code == METE_OK) {
        *(const struct json **)out = j;
    }
    return code;
}

enum mete_code member_raw(const struct form_in *in, const struct field *f, const struct json *j,
                          void *out)
{
    (void)f;
    enum mete_code code = form_type(in, j, JSON_OBJECT);
    if (code == METE_OK) {
        *(struct text *)out = j->raw;
    }
    return code;
}

enum mete_code member_any_raw(const struct form_in *in, const struct field *f, const struct json *j,
                              void *out)
{
    (void)in;
    (void)f;
    *(struct text *)out = j->raw;
    return METE_OK;
}

static bool is_all_digits(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] < '0' || t.p[i] > '9') {
            return false;
        }
    }
    return t.len > 0;
}

enum mete_code member_u256(const struct form_in *in, const struct field *f, const struct json *j,
                           void *out)
{
    (void)f;
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code != METE_OK || u256_parse(j->text, out)) {
        return code;
    }
    bool is_number = is_all_digits(j->text) && j->text.p[0] != '0';
    return is_number ? form_fail(in, j, METE_NUMBER_RANGE, "expected a number of at most 256 bits")
                     : form_fail(in, j, METE_AMOUNT_INVALID,
                                 "expected plain decimal digits without sign and leading zeros");
}

bool x402_address_read(struct text t, struct evm_address *out)
{
    struct evm_address a;
    if (!evm_hex_read_fixed(a.b, sizeof a.b, t)) {
        return false;
    }
    *out = a;
    return true;
}

enum mete_code member_address(const struct form_in *in, const struct field *f, const struct json *j,
                              void *out)
{
    (void)f;
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code == METE_OK && !x402_address_read(j->text, out)) {
        return form_fail(in, j, METE_ADDRESS_INVALID, "expected 0x and 40 hexadecimal digits");
    }
    return code;
}

enum mete_code member_word(const struct form_in *in, const struct field *f, const struct json *j,
                           void *out)
{
    (void)f;
    struct hash h;
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code != METE_OK) {
        return code;
    }
    if (!evm_hex_read_fixed(h.b, sizeof h.b, j->text)) {
        return form_fail(in, j, METE_MEMBER_VALUE, "expected 0x and 64 hexadecimal digits");
    }
    *(struct hash *)out = h;
    return METE_OK;
}

enum mete_code member_hex(const struct form_in *in, const struct field *f, const struct json *j,
                          void *out)
{
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code != METE_OK) {
        return code;
    }
    if (!text_starts(j->text, "0x") || j->text.len % 2 != 0 ||
        j->text.len - 2 > 2 * (size_t)f->max) {
        return form_fail(in, j, METE_MEMBER_VALUE,
                         "expected 0x and hexadecimal digits for at most %lld bytes",
                         (long long)f->max);
    }
    return evm_hex_read(in->arena, j->text, out)
               ? METE_OK
               : form_fail(in, j, METE_MEMBER_VALUE, "expected 0x and hexadecimal digits");
}

enum mete_code member_version(const struct form_in *in, const struct field *f, const struct json *j,
                              void *out)
{
    (void)f;
    int64_t version;
    if (!json_int(j, 1, 2, &version)) {
        return form_fail(in, j, METE_X402_VERSION, "x402Version is the number 1 or 2");
    }
    *(int *)out = (int)version;
    return METE_OK;
}

const char *member_at(struct arena *a, const char *at, const char *name)
{
    return arena_printf(a, "%s/%s", at, name).p;
}

static bool is_listed(struct text name, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (text_is(name, *list)) {
            return true;
        }
    }
    return false;
}

void members_put(struct buf *out, const struct json *object, const char *const *except,
                 bool has_before)
{
    const struct json *m = object != NULL && object->type == JSON_OBJECT ? object->child : NULL;
    for (; m != NULL; m = m->next) {
        if (is_listed(m->key, except)) {
            continue;
        }
        if (has_before) {
            buf_put_u8(out, ',');
        }
        json_put_string(out, m->key);
        buf_put_u8(out, ':');
        buf_put_text(out, m->raw);
        has_before = true;
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * Members of x402's objects for the tables of wire/form.h. Private to wire/x402. null is as good as
 * absent everywhere: the official readers take it so. */
#ifndef METE_WIRE_X402_MEMBER_H
#define METE_WIRE_X402_MEMBER_H

#include "wire/form.h"

#define X402_FORM(name, fields)                                                                    \
    static const struct form name = {fields, ARRAY_LEN(fields), false, true}

/** Rows of tables: name, member of `type`, function that reads it. */
#define MUST(name, type, member, read, min, max)                                                   \
    {                                                                                              \
        TEXT(name), read, true, offsetof(type, member), min, max, NULL                             \
    }
#define MAY(name, type, member, read, min, max)                                                    \
    {                                                                                              \
        TEXT(name), read, false, offsetof(type, member), min, max, NULL                            \
    }

field_read member_text;    /* struct text: any string of min..max bytes */
field_read member_object;  /* const struct json *: an object */
field_read member_raw;     /* struct text: the bytes of an object */
field_read member_any_raw; /* struct text: the bytes of any value */
field_read member_u256;    /* struct u256: a string of plain digits */
field_read member_address; /* struct evm_address: of any case */
field_read member_word;    /* struct hash: 0x and 64 hexadecimal digits */
field_read member_hex;     /* struct bytes in the arena: 0x and at most 2 * max digits */
field_read member_version; /* int: 1 or 2, METE_X402_VERSION otherwise */

/** Appends `"name":value` of each member of `object` (may be NULL) whose name is not in the
 *  NULL-terminated list `except`, with commas between and, when has_before, one in front. */
void members_put(struct buf *out, const struct json *object, const char *const *except,
                 bool has_before);

/** `at` and a member's name as a pointer, for form_in.at; in the arena. */
const char *member_at(struct arena *a, const char *at, const char *name);

#endif

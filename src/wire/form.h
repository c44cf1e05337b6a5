/* SPDX-License-Identifier: Apache-2.0
 * Reading JSON objects by tables: one row a member, with what it must be and where it goes. Private
 * to src/wire. An error's pointer is searched for only once there is an error. */
#ifndef METE_WIRE_FORM_H
#define METE_WIRE_FORM_H

#include "base/arena.h"
#include "base/time.h"
#include "core/amount.h"
#include "core/event.h"
#include "core/ratio.h"
#include "mete/error.h"
#include "wire/json.h"

#define FORM_FIELDS_MAX 24
/* JSON readers keep integers up to 2^53 - 1 exactly (RFC 8259 section 6). */
#define FORM_INTEGER_MAX INT64_C(9007199254740991)

/** The document that is being read. */
struct form_in {
    struct arena *arena;
    const struct json *root;
    const char *at;       /* JSON pointer of root in what was sent; "" at the top */
    struct mete_err *err; /* may be NULL */
};

struct field;
/** Reads one member into `out`. */
typedef enum mete_code field_read(const struct form_in *in, const struct field *f,
                                  const struct json *j, void *out);

struct field {
    struct text name;
    field_read *read; /* NULL: known, any type, not looked at */
    bool required;
    uint32_t offset; /* into `out` of form_read */
    int64_t min;     /* integers: bounds; others as their reader says */
    int64_t max;
    const void *more; /* the reader's own */
};

struct form {
    const struct field *field;
    size_t count;
    bool strict;         /* other members are refused, but for x_... and meta */
    bool null_is_absent; /* manifests: their writers leave nulls behind */
};

#define FORM(name, fields) static const struct form name = {fields, ARRAY_LEN(fields), false, false}
#define FORM_STRICT(name, fields)                                                                  \
    static const struct form name = {fields, ARRAY_LEN(fields), true, false}

/** Finds the members of `form` in `obj`: found[i] is that of form->field[i], or NULL. */
enum mete_code form_find(const struct form_in *in, const struct form *form, const struct json *obj,
                         const struct json *found[FORM_FIELDS_MAX]) METE_MUST_CHECK;
/** Reads what form_find found. */
enum mete_code form_take(const struct form_in *in, const struct form *form, const struct json *obj,
                         const struct json *const found[FORM_FIELDS_MAX],
                         void *out) METE_MUST_CHECK;
/** Both. */
enum mete_code form_read(const struct form_in *in, const struct form *form, const struct json *obj,
                         void *out) METE_MUST_CHECK;

/** Takes the member `name` out of an object. */
void form_remove(struct json *object, const char *name);

/* Refusing: the pointer is that of `node` inside in->root. */
enum mete_code form_fail(const struct form_in *in, const struct json *node, enum mete_code code,
                         const char *fmt, ...) METE_PRINTF(4, 5);
/** METE_MEMBER_MISSING at the member `name` of `obj`. */
enum mete_code form_missing(const struct form_in *in, const struct json *obj, struct text name);
/** METE_MEMBER_TYPE, unless it is of `type`. */
enum mete_code form_type(const struct form_in *in, const struct json *node,
                         enum json_type type) METE_MUST_CHECK;
/** Puts in->at and `relative` together as the pointer of an error that is filled already. */
void form_prefix(const struct form_in *in, const char *relative);

/* Single values. `out` may not be NULL; it is untouched after an error. */
enum mete_code form_id(const struct form_in *in, const struct json *j,
                       struct text *out) METE_MUST_CHECK;
enum mete_code form_party(const struct form_in *in, const struct json *j,
                          struct text *out) METE_MUST_CHECK;
/** The rules of a party for a text that is not a value, such as a member's name: METE_OK,
 *  METE_PARTY_INVALID, METE_PARTY_RESERVED. */
enum mete_code party_judge(struct text t);
/** A line of text, `min` to `max` bytes. */
enum mete_code form_line(const struct form_in *in, const struct json *j, size_t min, size_t max,
                         struct text *out) METE_MUST_CHECK;
/** A string that is a plain decimal, or a number whose RFC 8785 form is one; else `code`. */
enum mete_code form_decimal(const struct form_in *in, const struct json *j, enum mete_code code,
                            struct text *out) METE_MUST_CHECK;
/** A decimal or, in a string, a fraction; else METE_WEIGHT_INVALID. */
enum mete_code form_ratio(const struct form_in *in, const struct json *j,
                          struct ratio *out) METE_MUST_CHECK;
enum mete_code form_integer(const struct form_in *in, const struct json *j, int64_t min,
                            int64_t max, int64_t *out) METE_MUST_CHECK;
/** RFC 3339; with `dates` also a day alone, which means its start or, `end_of_day`, its end. */
enum mete_code form_time(const struct form_in *in, const struct json *j, bool dates,
                         bool end_of_day, mete_time *out) METE_MUST_CHECK;
/** `strict` as in struct form. */
enum mete_code form_money(const struct form_in *in, const struct json *j, bool strict,
                          struct money *out) METE_MUST_CHECK;

/* Readers for tables; the type of *out is named. */
field_read field_id;         /* struct text: 1..200 bytes, no white space */
field_read field_party;      /* struct text */
field_read field_event_id;   /* struct text: any 1..200 bytes, or 1..max */
field_read field_line;       /* struct text: min..max bytes, printable */
field_read field_shown;      /* struct text: any string, cut to at most max bytes */
field_read field_any_string; /* checks the type alone */
field_read field_choice;     /* struct text: one of the NULL-terminated list in `more` */
field_read field_money;      /* struct money */
field_read field_currency;   /* struct text */
field_read field_decimal;    /* struct text: plain decimal, METE_AMOUNT_INVALID */
field_read field_ratio;      /* struct ratio */
field_read field_u64;        /* uint64_t, min..max */
field_read field_i32;        /* int32_t, min..max */
field_read field_u8;         /* uint8_t, min..max */
field_read field_bool;       /* bool */
field_read field_flag;       /* int8_t: 0 or 1 */
field_read field_time;       /* mete_time */
field_read field_when;       /* struct when */
field_read field_when_start; /* struct when; a day alone is its start */
field_read field_when_end;   /* struct when; a day alone is its end */
field_read field_form;       /* the form in `more`, into the same `out` */

/** True when the text has no white space and nothing invisible. */
bool text_is_id(struct text t);
/** True when the text has no control characters and no line breaks. */
bool text_is_line(struct text t);
/** Appends any bytes for a terminal: what could steer it, or turn the order of what follows, and
 *  what is no UTF-8, stands as "?". */
void text_put_safe(struct buf *out, struct text t);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * A strict JSON reader (RFC 8259) over bytes that stay where they are, and the canonical writer of
 * RFC 8785. Why our own: packaged C readers cost 4 to 26 times more and lose exact decimals and
 * byte ranges (design section 5). */
#ifndef METE_WIRE_JSON_H
#define METE_WIRE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/types.h"
#include "mete/error.h"

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json {
    enum json_type type;
    uint32_t count;     /* elements or members */
    struct text raw;    /* exactly the bytes of this value in the input */
    struct text text;   /* string: decoded; number: its literal */
    struct text key;    /* decoded name, when this is a member of an object */
    struct json *child; /* first element or member */
    struct json *last;  /* last element or member, so that appending is O(1) */
    struct json *next;  /* next one of the same parent, in input order */
};

/** What json_parse takes from its arena at most, for an input of `len` bytes: one node for every
 *  two bytes (an array of digits). */
#define JSON_ARENA_MAX(len) ((len) / 2 * sizeof(struct json) + 8192)

/** Reads one value and nothing but white space around it.
 *  Out:     *out, nodes in `a`; texts point into `input` or, when they had escapes, into `a`.
 *  Refuses: bad syntax, bad UTF-8 or lone surrogates, duplicate member names, nesting beyond
 *           JSON_DEPTH_MAX. err->pointer is the place, err->text names the byte offset.
 *  Errors:  METE_JSON_SYNTAX, METE_JSON_UTF8, METE_JSON_DUPLICATE_KEY, METE_JSON_DEPTH. */
enum mete_code json_parse(struct arena *a, struct text input, struct json **out,
                          struct mete_err *err) METE_MUST_CHECK;

/** The member `key` of an object, or NULL (also when `obj` is NULL or no object). */
const struct json *json_get(const struct json *obj, const char *key);
const struct json *json_get_text(const struct json *obj, struct text key);

bool json_is_true(const struct json *j);

/** An integer literal without fraction and exponent, in min..max. */
bool json_int(const struct json *j, int64_t min, int64_t max, int64_t *out) METE_MUST_CHECK;

/** Appends the RFC 8785 form: members sorted by UTF-16 code units, ECMAScript numbers, shortest
 *  escapes. METE_NUMBER_INEXACT or METE_NUMBER_RANGE (err->pointer says where) when a number would
 *  change its value; `out` is then as before the call. */
enum mete_code json_canonical(const struct json *j, struct buf *out,
                              struct mete_err *err) METE_MUST_CHECK;

/** As json_canonical, leaving out the top-level members named in `skip` (NULL-terminated list). */
enum mete_code json_canonical_without(const struct json *j, const char *const *skip,
                                      struct buf *out, struct mete_err *err) METE_MUST_CHECK;

/** Appends `t` as a JSON string with its quotes, escaped as RFC 8785 demands. `t` is UTF-8. */
void json_put_string(struct buf *out, struct text t);

/* Building trees, for documents that mete itself makes or rewrites. All in `a`; at most twice
 * JSON_DEPTH_MAX deep. */
struct json *json_new(struct arena *a, enum json_type type);
struct json *json_new_string(struct arena *a, struct text t); /* t is copied */
struct json *json_new_number(struct arena *a, struct text literal);
void json_add(struct json *array, struct json *item);
/** Appends. `key` is not copied and must be new in the object: json_canonical asserts it. */
void json_set(struct json *object, struct text key, struct json *value);

/** Appends a JSON pointer token ("/" and the escaped name or index) to a NUL-terminated pointer of
 *  `size` bytes, cutting when full. */
void json_pointer_add(char *pointer, size_t size, struct text name);
void json_pointer_index(char *pointer, size_t size, size_t index);

/* A writer for output: commas and indentation are its business. */
struct json_writer {
    struct buf *out;
    unsigned depth;
    bool pretty;
    bool first;
    void (*spill)(void *ctx); /* whose answers may be long sets these two; NULL: nobody */
    void *spill_ctx;
};

void jw_init(struct json_writer *w, struct buf *out, bool pretty);
/** Between rows of long answers: lets the owner take out of `out` what was written so far. */
void jw_spill(struct json_writer *w);
void jw_object(struct json_writer *w, const char *key); /* key NULL inside arrays and at the top */
void jw_array(struct json_writer *w, const char *key);
void jw_end_object(struct json_writer *w);
void jw_end_array(struct json_writer *w);
void jw_text(struct json_writer *w, const char *key, struct text value);
void jw_str(struct json_writer *w, const char *key, const char *value); /* NULL writes null */
void jw_i128(struct json_writer *w, const char *key, i128 value);       /* as a string */
void jw_int(struct json_writer *w, const char *key, int64_t value);     /* as a number */
void jw_bool(struct json_writer *w, const char *key, bool value);
void jw_null(struct json_writer *w, const char *key);
void jw_raw(struct json_writer *w, const char *key, struct text json);

#endif

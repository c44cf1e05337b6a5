/* SPDX-License-Identifier: Apache-2.0
 * Look-ups in the table of error codes and the filling of a struct mete_err. Everything is
 * generated from METE_CODES; no code has a line of its own here. */
#include "mete/error.h"

#include "base/text.h"
#include "base/types.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct code_row {
    const char *name;
    const char *meaning;
    const char *mend;
    int status;
    bool retryable;
};

/* Indexed by number; the numbers that are not in use have no name. */
static const struct code_row ROWS[] = {
#define X(symbol, number, name, status, retryable, meaning, mend)                                  \
    [number] = {name, meaning, mend, status, retryable},
    METE_CODES(X)
#undef X
};

static const enum mete_code CODES[] = {
#define X(symbol, number, name, status, retryable, meaning, mend) METE_##symbol,
    METE_CODES(X)
#undef X
};

/* A number from outside the table is our own fault (500) and is not worth a retry. */
static const struct code_row UNKNOWN = {"unknown", "This code is not in the table.", "", 500,
                                        false};

static const struct code_row *row_of(enum mete_code code)
{
    size_t i = (size_t)code;
    return i < ARRAY_LEN(ROWS) && ROWS[i].name != NULL ? &ROWS[i] : &UNKNOWN;
}

const char *mete_code_name(enum mete_code code)
{
    return row_of(code)->name;
}

bool mete_code_of(const char *name, size_t len, enum mete_code *code)
{
    for (size_t i = 0; i < ARRAY_LEN(CODES); i++) {
        const char *candidate = ROWS[CODES[i]].name;
        if (strlen(candidate) == len && memcmp(candidate, name, len) == 0) {
            *code = CODES[i];
            return true;
        }
    }
    return false;
}

int mete_code_status(enum mete_code code)
{
    return row_of(code)->status;
}

bool mete_code_retryable(enum mete_code code)
{
    return row_of(code)->retryable;
}

const char *mete_code_meaning(enum mete_code code)
{
    return row_of(code)->meaning;
}

const char *mete_code_remediation(enum mete_code code)
{
    return row_of(code)->mend;
}

bool mete_code_at(size_t i, enum mete_code *code)
{
    if (i >= ARRAY_LEN(CODES)) {
        return false;
    }
    *code = CODES[i];
    return true;
}

/* A text that had to be cut must not end within a UTF-8 character. `len` is what was kept. */
static void drop_partial_character(char *s, size_t len)
{
    size_t start = len;
    while (start > 0 && ((unsigned char)s[start - 1] & 0xc0) == 0x80) {
        start--;
    }
    unsigned char lead = start > 0 ? (unsigned char)s[start - 1] : 0;
    size_t width = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (width > 1 && len - (start - 1) < width) {
        s[start - 1] = '\0';
    }
}

void mete_err_place(struct mete_err *err, const char *pointer)
{
    const size_t max = sizeof(err->pointer) - 1;
    size_t len = pointer == NULL ? 0 : strnlen(pointer, max + 1);
    size_t kept = len > max ? max : len;
    if (kept > 0) {
        memmove(err->pointer, pointer, kept);
    }
    err->pointer[kept] = '\0';
    if (kept < len) {
        drop_partial_character(err->pointer, kept);
    }
}

/** Whoever formats a text may cut an argument anywhere: what is left of a character becomes "?". */
static void mend_characters(char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len && !text_is_utf8((struct text){text + i, len - i});) {
        size_t size = 1;
        while (size < 4 && i + size < len && !text_is_utf8((struct text){text + i, size})) {
            size++;
        }
        if (text_is_utf8((struct text){text + i, size})) {
            i += size;
        } else {
            text[i++] = '?';
        }
    }
}

enum mete_code mete_fail_args(struct mete_err *err, enum mete_code code, const char *pointer,
                              const char *fmt, va_list args)
{
    if (err == NULL) {
        return code;
    }
    /* The text is formatted before the pointer is copied: an argument may live in err->pointer. */
    char text[sizeof(err->text)];
    int n = vsnprintf(text, sizeof(text), fmt, args);
    METE_ASSERT(n >= 0);
    if ((size_t)n >= sizeof(text)) {
        drop_partial_character(text, sizeof(text) - 1);
    }
    mend_characters(text);
    err->code = code;
    mete_err_place(err, pointer);
    memcpy(err->text, text, sizeof(text));
    return code;
}

enum mete_code mete_fail(struct mete_err *err, enum mete_code code, const char *pointer,
                         const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)mete_fail_args(err, code, pointer, fmt, args);
    va_end(args);
    return code;
}

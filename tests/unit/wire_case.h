/* SPDX-License-Identifier: Apache-2.0
 * What the tests of wire share: JSON written with single quotes, events around a payload, and the
 * three steps from bytes to canonical bytes. */
#ifndef METE_TESTS_WIRE_CASE_H
#define METE_TESTS_WIRE_CASE_H

#include "json_doc.h"

#include "base/limits.h"
#include "wire/document.h"
#include "wire/envelope.h"

#define NOW ((mete_time)1738323296000000) /* 2025-01-31T11:34:56Z */

/** One event and what was made of it; wire_clear gives the memory back. */
struct wire {
    struct arena arena;
    char *bytes;
    struct envelope e;
    enum mete_code code;
    struct mete_err err;
    struct buf canonical;
};

/** A copy whose single quotes are double ones; malloc'ed. */
static inline char *quoted(const char *json)
{
    char *copy = strdup(json);
    assert_non_null(copy);
    for (char *p = copy; *p != '\0'; p++)
        *p = *p == '\'' ? '"' : *p;
    return copy;
}

static inline struct envelope_options options_now(void)
{
    return (struct envelope_options){.now = NOW};
}

static inline bool salt_of_seven(void *ctx, const char *pointer, uint8_t salt[SALT_LEN])
{
    (void)ctx;
    (void)pointer;
    memset(salt, 7, SALT_LEN);
    return true;
}

static inline void wire_read_bytes(struct wire *w, struct text input,
                                   const struct envelope_options *o)
{
    memset(w, 0, sizeof *w);
    arena_init(&w->arena, ENVELOPE_ARENA_MAX(input.len));
    w->bytes = malloc(input.len > 0 ? input.len : 1);
    assert_non_null(w->bytes);
    if (input.len > 0)
        memcpy(w->bytes, input.p, input.len);
    w->code = envelope_read(&w->arena, (struct text){w->bytes, input.len}, o, &w->e, &w->err);
    assert_int_equal(w->code, w->err.code);
}

static inline void wire_read_with(struct wire *w, const char *json,
                                  const struct envelope_options *o)
{
    char *copy = quoted(json);
    wire_read_bytes(w, text_of(copy), o);
    free(copy);
}

static inline void wire_read(struct wire *w, const char *json)
{
    struct envelope_options o = options_now();
    wire_read_with(w, json, &o);
}

static inline void wire_clear(struct wire *w)
{
    arena_clear(&w->arena);
    buf_clear(&w->canonical);
    free(w->bytes);
}

/** Commits with a fixed salt and fills w->canonical. */
static inline void wire_commit(struct wire *w)
{
    envelope_commit(&w->arena, &w->e, salt_of_seven, NULL);
    w->code = envelope_canonical(&w->e, &w->canonical, &w->err);
}

/** An envelope around a payload; malloc'ed, single quotes. */
static inline char *event_around(const char *type, const char *payload)
{
    char *json = NULL;
    int len = asprintf(&json,
                       "{'event_id':'e1','event_type':'%s','occurred_at':'2025-01-31T11:00:00Z',"
                       "'payload':%s}",
                       type, payload);
    assert_true(len > 0);
    return json;
}

static inline void wire_payload(struct wire *w, const char *type, const char *payload)
{
    char *json = event_around(type, payload);
    wire_read(w, json);
    free(json);
}

/** Fails unless `w` has this outcome; `about` is shown. */
static inline void assert_outcome(const struct wire *w, enum mete_code code, const char *pointer,
                                  const char *about)
{
    if (w->code != code || strcmp(w->err.pointer, pointer) != 0)
        fail_msg("%s\n  expected %s at '%s'\n  found    %s at '%s': %s", about,
                 mete_code_name(code), pointer, mete_code_name(w->code), w->err.pointer,
                 w->err.text);
    if (code != METE_OK)
        assert_true(w->err.text[0] != '\0');
}

/** Reads the canonical bytes again as from the log: the event and the bytes must be the same. */
static inline void assert_canonical_again(const struct wire *w, const char *about)
{
    struct wire again;
    struct envelope_options stored = {.stored = true, .now = TIME_NEVER};
    wire_read_bytes(&again, buf_text(&w->canonical), &stored);
    assert_outcome(&again, METE_OK, "", about);
    assert_int_equal(again.e.private_count, 0);
    assert_int_equal(envelope_canonical(&again.e, &again.canonical, &again.err), METE_OK);
    if (!text_eq(buf_text(&w->canonical), buf_text(&again.canonical)))
        fail_msg("%s: the log reads differently", about);
    if (w->e.event.type == EVENT_POLICY_PUBLISHED) {
        assert_true(hash_eq(&w->e.event.policy.policy->hash, &again.e.event.policy.policy->hash));
        assert_int_equal(w->e.event.policy.policy->signature,
                         again.e.event.policy.policy->signature);
    }
    if (w->e.event.type == EVENT_KEY_REGISTERED)
        assert_true(text_eq(w->e.event.key.key, again.e.event.key.key));
    wire_clear(&again);
}

#endif

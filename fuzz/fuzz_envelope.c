/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as an event, somebody's or one of mete's own: what is read can be committed and
 * written, and reads the same again from the log; no private value and no e-mail address is left;
 * what is refused has a code and a place in valid UTF-8. */
#include <string.h>

#include "base/text.h"
#include "wire/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool salt_of_seven(void *ctx, const char *pointer, uint8_t salt[SALT_LEN])
{
    (void)ctx;
    METE_ASSERT(pointer[0] == '/');
    memset(salt, 7, SALT_LEN);
    return true;
}

static void check_stored(const struct envelope *first, struct text canonical)
{
    struct arena a;
    struct envelope e;
    struct mete_err err = {0};
    struct buf again = {0};
    struct envelope_options stored = {.stored = true, .now = TIME_NEVER};
    arena_init(&a, ENVELOPE_ARENA_MAX(canonical.len));
    METE_ASSERT(envelope_read(&a, canonical, &stored, &e, &err) == METE_OK);
    METE_ASSERT(e.event.type == first->event.type &&
                e.event.occurred_at == first->event.occurred_at);
    METE_ASSERT(text_eq(e.id, first->id) && e.private_count == 0 && !e.is_signed);
    METE_ASSERT(envelope_canonical(&e, &again, &err) == METE_OK);
    METE_ASSERT(text_eq(buf_text(&again), canonical));
    if (e.event.type == EVENT_POLICY_PUBLISHED) {
        const struct policy *p = e.event.policy.policy, *q = first->event.policy.policy;
        METE_ASSERT(hash_eq(&p->hash, &q->hash) && p->den == q->den);
        METE_ASSERT(p->signature == q->signature && p->share_count == q->share_count);
    }
    buf_clear(&again);
    arena_clear(&a);
}

static void check_read(struct arena *a, struct envelope *e, bool own)
{
    struct buf canonical = {0};
    struct mete_err err = {0};
    METE_ASSERT(own || event_type_status(e->event.type) == TYPE_HANDLED);
    METE_ASSERT(e->event.id.len > 0 && text_eq(e->event.id, e->id));
    envelope_commit(a, e, salt_of_seven, NULL);
    for (size_t i = 0; i < e->private_count; i++)
        METE_ASSERT(text_starts(e->private_value[i].node->text, "commit:"));
    if (envelope_canonical(e, &canonical, &err) == METE_OK)
        check_stored(e, buf_text(&canonical));
    else
        METE_ASSERT(err.code == METE_NUMBER_INEXACT || err.code == METE_NUMBER_RANGE);
    buf_clear(&canonical);
}

static void check(struct text in, bool own)
{
    struct arena a;
    struct envelope e;
    struct mete_err err = {0};
    struct envelope_options o = {
        .own = own, .now = (mete_time)1738323296000000, .app_id = TEXT("a")};
    arena_init(&a, ENVELOPE_ARENA_MAX(in.len));
    enum mete_code code = envelope_read(&a, in, &o, &e, &err);
    if (code == METE_OK)
        check_read(&a, &e, own);
    else
        METE_ASSERT(err.code == code && err.text[0] != '\0' && text_is_utf8(text_of(err.pointer)));
    METE_ASSERT(e.id.len <= 200 && text_is_utf8(e.id));
    arena_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text in = {(const char *)data, size};
    check(in, false);
    check(in, true);
    return 0;
}

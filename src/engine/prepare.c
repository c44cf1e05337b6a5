/* SPDX-License-Identifier: Apache-2.0
 * What can be done with an event before it meets its book: reading it, checking its form, replacing
 * private values, its canonical bytes and their hash. Needs no state, so it may run on any thread.
 */
#include "engine/internal.h"
#include "store/wall.h"

#include "base/limits.h"
#include "base/text.h"
#include "wire/json.h"

#include <stdlib.h>
#include <string.h>

struct prepared *prepared_new(void)
{
    struct prepared *p = calloc(1, sizeof *p);
    METE_ASSERT(p != NULL);
    arena_init(&p->arena, ENVELOPE_ARENA_MAX(EVENT_SIZE_MAX) * 2);
    return p;
}

void prepared_free(struct prepared *p)
{
    if (p != NULL) {
        arena_clear(&p->arena);
        buf_clear(&p->json);
        buf_clear(&p->canonical);
        free(p);
    }
}

/** A fresh salt for a private value; repeatable when the engine was given a seed. */
bool prepared_salt(void *ctx, const char *pointer, uint8_t salt[SALT_LEN])
{
    const struct prepared *p = ctx;
    if (p->salt_seed == 0) {
        random_bytes(salt, SALT_LEN);
        return true;
    }
    const struct bytes parts[3] = {{(const uint8_t *)&p->salt_seed, sizeof p->salt_seed},
                                   text_bytes(p->env.id),
                                   text_bytes(text_of(pointer))};
    struct hash h = sha256_parts(parts, ARRAY_LEN(parts));
    memcpy(salt, h.b, SALT_LEN);
    return true;
}

static void prepared_begin(struct prepared *p, struct text json, const struct submit_options *o)
{
    static const struct submit_options PLAIN = {0};
    arena_reset(&p->arena);
    buf_reset(&p->json);
    buf_reset(&p->canonical);
    buf_put_text(&p->json, json);
    p->o = o != NULL ? *o : PLAIN;
    p->env = (struct envelope){0};
    p->code = METE_OK;
}

/** Policies have objects whose order counts (roles, sales periods). What is decided is what the log
 *  will hold, so they are read once more from the canonical bytes. */
static enum mete_code policy_reread(struct prepared *p)
{
    struct envelope again;
    const struct envelope_options stored = {.stored = true, .now = TIME_NEVER};
    enum mete_code code =
        envelope_read(&p->arena, buf_text(&p->canonical), &stored, &again, &p->err);
    if (code == METE_OK) {
        p->env.event = again.event;
    }
    return code;
}

static enum mete_code canonical_make(struct prepared *p)
{
    if (!p->o.stored) {
        envelope_commit(&p->arena, &p->env, prepared_salt, p);
    }
    enum mete_code code = envelope_canonical(&p->env, &p->canonical, &p->err);
    if (code == METE_OK && p->env.event.type == EVENT_POLICY_PUBLISHED && !p->o.stored) {
        code = policy_reread(p);
    }
    if (code == METE_OK) {
        p->hash = sha256(buf_bytes(&p->canonical));
        p->id_key = key_event_id(p->env.event.id);
    }
    return code;
}

void engine_prepare(const struct engine *e, struct prepared *p, struct text json,
                    const struct submit_options *o)
{
    if (json.len > EVENT_SIZE_MAX) {
        struct mete_err err;
        (void)mete_fail(&err, METE_EVENT_TOO_LARGE, "", "%zu bytes, at most %u are read", json.len,
                        EVENT_SIZE_MAX);
        engine_prepare_broken(p, json, &err, o);
        return;
    }
    prepared_begin(p, json, o);
    p->salt_seed = e != NULL ? e->salt_seed : 0;
    bool judge = (e == NULL || e->clock == CLOCK_REAL) && p->o.recorded_at == 0;
    const struct envelope_options eo = {.stored = p->o.stored,
                                        .own = p->o.own,
                                        .now = judge ? wall_now() : TIME_NEVER,
                                        .app_id = p->o.app_id,
                                        .environment = p->o.environment,
                                        .forced_by = p->o.forced_by};
    p->code = envelope_read(&p->arena, buf_text(&p->json), &eo, &p->env, &p->err);
    if (p->code == METE_OK) {
        p->code = canonical_make(p);
    }
}

void engine_prepare_broken(struct prepared *p, struct text body, const struct mete_err *why,
                           const struct submit_options *o)
{
    prepared_begin(p, body, o);
    p->code = why->code;
    p->err = *why;
    p->env.id = envelope_id_guess(buf_text(&p->json));
}

const struct envelope *prepared_envelope(const struct prepared *p)
{
    return &p->env;
}

enum mete_code prepared_code(const struct prepared *p, const struct mete_err **why)
{
    *why = &p->err;
    return p->code;
}

struct text prepared_signed(const struct prepared *p)
{
    bool whole = p->code == METE_OK && p->env.private_count == 0;
    return whole ? buf_text(&p->canonical) : (struct text){0};
}

void prepared_refuse(struct prepared *p, const struct mete_err *why)
{
    p->code = why->code;
    p->err = *why;
    p->o.no_quarantine = true;
}

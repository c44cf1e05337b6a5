/* SPDX-License-Identifier: Apache-2.0
 * Checkpoints, sealed values, quarantine and named values in memory. */
#include "base/text.h"
#include "crypto/hash.h"
#include "store/memory/memory.h"

#include <stdlib.h>
#include <string.h>

enum store_result memory_checkpoint_add(void *log, const struct checkpoint *c, struct mete_err *err)
{
    struct memory_log *l = log;
    char *tail;
    (void)err;
    struct checkpoint *copy = vector_push(&l->checkpoint, sizeof *copy, c->note.len, &tail);
    *copy = *c;
    copy->note = tail_text(&tail, c->note);
    return STORE_OK;
}

enum store_result memory_checkpoints(void *log, checkpoint_visit *visit, void *arg,
                                     struct mete_err *err)
{
    const struct memory_log *l = log;
    (void)err;
    for (size_t i = 0; i < l->checkpoint.count; i++) {
        if (!visit(arg, l->checkpoint.item[i])) {
            break;
        }
    }
    return STORE_OK;
}

enum store_result memory_seal_add(void *log, const struct sealed_value *v, struct mete_err *err)
{
    struct memory_log *l = log;
    char *tail;
    size_t extra = v->pointer.len + v->party.len + v->sealed.len;
    (void)err;
    struct memory_seal *copy = vector_push(&l->seal, sizeof *copy, extra, &tail);
    copy->v = *v;
    copy->v.pointer = tail_text(&tail, v->pointer);
    copy->v.party = tail_text(&tail, v->party);
    copy->v.sealed = text_bytes(tail_text(&tail, bytes_text(v->sealed)));
    return STORE_OK;
}

static bool seal_matches(const struct memory_seal *s, uint64_t seq, struct text party)
{
    if (s->mark.gone) {
        return false;
    }
    return seq > 0 ? s->v.seq == seq : party.len == 0 || text_eq(s->v.party, party);
}

enum store_result memory_seals(void *log, uint64_t seq, struct text party, sealed_visit *visit,
                               void *arg, struct mete_err *err)
{
    const struct memory_log *l = log;
    (void)err;
    for (size_t i = 0; i < l->seal.count; i++) {
        const struct memory_seal *s = l->seal.item[i];
        if (seal_matches(s, seq, party) && !visit(arg, &s->v)) {
            break;
        }
    }
    return STORE_OK;
}

enum store_result memory_seal_erase(void *log, struct text party, uint64_t *count,
                                    struct mete_err *err)
{
    struct memory_log *l = log;
    (void)err;
    *count = 0;
    for (size_t i = 0; party.len > 0 && i < l->seal.count; i++) {
        struct memory_seal *s = l->seal.item[i];
        if (seal_matches(s, 0, party)) {
            memory_touch(l, &l->seal, i, sizeof *s);
            s->mark.gone = true;
            ++*count;
        }
    }
    return STORE_OK;
}

/* --- quarantine --------------------------------------------------------------------------------*/

void memory_quarantine_recount(struct memory_log *l)
{
    l->refused_oldest = 0;
    l->refused_live = 0;
    for (size_t i = 0; i < l->refused.count; i++) {
        l->refused_live += !((struct memory_mark *)l->refused.item[i])->gone;
    }
}

static void refused_drop(struct memory_log *l, size_t index)
{
    struct memory_refused *r = l->refused.item[index];
    memory_touch(l, &l->refused, index, sizeof *r);
    r->mark.gone = true;
    l->refused_live--;
}

/** True when this body is here already; counts the attempt. */
static bool refused_again(struct memory_log *l, const struct hash *body)
{
    const size_t *at = map_get(&l->refused_at, (struct bytes){body->b, sizeof body->b});
    if (at == NULL || *at >= l->refused.count) {
        return false;
    }
    struct memory_refused *r = l->refused.item[*at];
    if (r->mark.gone || !hash_eq(&r->sha256, body)) {
        return false;
    }
    memory_touch(l, &l->refused, *at, sizeof *r);
    r->q.attempts++;
    return true;
}

/** The oldest make room. */
static void trim(struct memory_log *l, uint64_t max)
{
    for (; l->refused_live > max; l->refused_oldest++) {
        if (!((struct memory_mark *)l->refused.item[l->refused_oldest])->gone) {
            refused_drop(l, l->refused_oldest);
        }
    }
}

enum store_result memory_quarantine_add(void *log, const struct quarantined *q, uint64_t max,
                                        struct mete_err *err)
{
    struct memory_log *l = log;
    struct hash body = sha256(text_bytes(q->body));
    char *tail;
    (void)err;
    if (refused_again(l, &body)) {
        return STORE_OK;
    }
    size_t extra = q->event_id.len + q->pointer.len + q->message.len + q->body.len;
    struct memory_refused *copy = vector_push(&l->refused, sizeof *copy, extra, &tail);
    copy->q = *q;
    copy->q.id = l->refused.count; /* gone ones keep their place, so no id comes twice */
    copy->q.attempts = 1;
    copy->q.event_id = tail_text(&tail, q->event_id);
    copy->q.pointer = tail_text(&tail, q->pointer);
    copy->q.message = tail_text(&tail, q->message);
    copy->q.body = tail_text(&tail, q->body);
    copy->sha256 = body;
    *(size_t *)map_put(&l->refused_at, (struct bytes){body.b, sizeof body.b}, NULL) =
        l->refused.count - 1;
    l->refused_live++;
    trim(l, max);
    return STORE_OK;
}

enum store_result memory_quarantine_remove(void *log, uint64_t id, struct mete_err *err)
{
    struct memory_log *l = log;
    (void)err;
    if (id == 0 || id > l->refused.count ||
        ((struct memory_mark *)l->refused.item[(size_t)id - 1])->gone) {
        return STORE_NONE;
    }
    refused_drop(l, (size_t)id - 1);
    return STORE_OK;
}

enum store_result memory_quarantine(void *log, uint64_t after, quarantine_visit *visit, void *arg,
                                    struct mete_err *err)
{
    const struct memory_log *l = log;
    (void)err;
    for (size_t i = (size_t)after; i < l->refused.count; i++) {
        const struct memory_refused *r = l->refused.item[i];
        if (!r->mark.gone && !visit(arg, &r->q)) {
            break;
        }
    }
    return STORE_OK;
}

/* --- named values ------------------------------------------------------------------------------*/

enum store_result memory_meta_get(void *log, const char *name, struct arena *a, struct text *value,
                                  struct mete_err *err)
{
    const struct memory_log *l = log;
    (void)err;
    for (size_t i = l->meta.count; i-- > 0;) {
        const struct memory_meta *m = l->meta.item[i];
        if (text_is(m->name, name)) {
            *value = arena_text(a, m->value);
            return STORE_OK;
        }
    }
    return STORE_NONE;
}

enum store_result memory_meta_set(void *log, const char *name, struct text value,
                                  struct mete_err *err)
{
    struct memory_log *l = log;
    char *tail;
    (void)err;
    struct text n = text_of(name);
    struct memory_meta *m = vector_push(&l->meta, sizeof *m, n.len + value.len, &tail);
    m->name = tail_text(&tail, n);
    m->value = tail_text(&tail, value);
    return STORE_OK;
}

/** True when a later value of the same name holds. */
static bool meta_is_old(const struct memory_log *l, size_t at)
{
    const struct memory_meta *m = l->meta.item[at];
    for (size_t i = at + 1; i < l->meta.count; i++) {
        if (text_eq(((const struct memory_meta *)l->meta.item[i])->name, m->name)) {
            return true;
        }
    }
    return false;
}

enum store_result memory_metas(void *log, meta_visit *visit, void *arg, struct mete_err *err)
{
    const struct memory_log *l = log;
    bool go_on = true;
    (void)err;
    for (size_t i = 0; go_on && i < l->meta.count; i++) {
        const struct memory_meta *m = l->meta.item[i];
        go_on = meta_is_old(l, i) || visit(arg, m->name, m->value);
    }
    return STORE_OK;
}

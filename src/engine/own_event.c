/* SPDX-License-Identifier: Apache-2.0
 * The frame of events that mete makes itself. Their moment and actor are those of the first time:
 * nothing else of a frame depends on when it is written. */
#include "engine/own_event.h"

#include "base/limits.h"
#include "base/text.h"
#include "crypto/seal.h"

#include <inttypes.h>
#include <stdio.h>

static const struct submit_options OWN = {.own = true, .no_quarantine = true};

bool own_event_recall(struct engine *e, struct text id, struct arena *a, mete_time *at,
                      struct text *actor)
{
    struct envelope *event = arena_alloc(a, sizeof *event);
    struct mete_err unused;
    mete_time recorded_at;
    uint64_t seq = engine_seq_of(e, id);
    if (seq == 0 || engine_event(e, seq, a, event, &recorded_at, &unused) != METE_OK) {
        return false;
    }
    *at = event->event.occurred_at;
    *actor = event->event.actor_id;
    return true;
}

struct text own_event_place_id(struct engine *e, const char *what, char out[OWN_PLACE_ID_MAX])
{
    (void)snprintf(out, OWN_PLACE_ID_MAX, "%s.%" PRIu64, what, book_size(engine_book(e)) + 1);
    return text_of(out);
}

static void frame_write(struct json_writer *w, const struct own_head *head, mete_time at,
                        struct text actor)
{
    jw_text(w, "event_id", head->id);
    jw_str(w, "event_type", event_type_name(head->type));
    jw_time(w, "occurred_at", at);
    if (head->service != NULL) {
        jw_object(w, "source");
        jw_str(w, "producer", "control_plane");
        jw_str(w, "service", head->service);
        jw_end_object(w);
    }
    if (actor.len > 0) {
        jw_object(w, "actor");
        jw_str(w, "actor_type", "user");
        jw_text(w, "actor_id", actor);
        jw_end_object(w);
    }
    if (head->campaign_id.len > 0) {
        jw_object(w, "correlation");
        jw_text(w, "campaign_id", head->campaign_id);
        jw_end_object(w);
    }
}

void own_event_begin(struct own_event *o, struct engine *e, const struct own_head *head)
{
    struct arena a;
    mete_time at = head->occurred_at.set ? head->occurred_at.at : engine_now(e);
    struct text actor = head->actor;
    *o = (struct own_event){.e = e};
    arena_init(&a, ENVELOPE_ARENA_MAX(EVENT_SIZE_MAX));
    (void)!own_event_recall(e, head->id, &a, &at, &actor);
    jw_init(&o->w, &o->out, false);
    jw_object(&o->w, NULL);
    frame_write(&o->w, head, at, actor);
    jw_object(&o->w, "payload");
    arena_clear(&a);
}

/** Payloads may have secrets: what is left of the bytes is theirs who read them. */
static void bytes_wipe(struct own_event *o)
{
    secret_wipe(o->out.p, o->out.len);
    buf_clear(&o->out);
}

static struct text whole(struct own_event *o)
{
    jw_end_object(&o->w);
    jw_end_object(&o->w);
    return buf_text(&o->out);
}

void own_event_end(struct own_event *o, struct submit_result *r)
{
    engine_submit(o->e, whole(o), &OWN, r);
    bytes_wipe(o);
}

enum mete_code own_event_submit(struct own_event *o, bool *is_new, struct mete_err *err)
{
    struct submit_result r;
    own_event_end(o, &r);
    if (is_new != NULL) {
        *is_new = r.status == SUBMIT_APPLIED;
    }
    if (r.status == SUBMIT_APPLIED || r.status == SUBMIT_DUPLICATE) {
        return METE_OK;
    }
    *err = r.err;
    return err->code;
}

void own_event_prepare(struct own_event *o, struct prepared *p)
{
    engine_prepare(o->e, p, whole(o), &OWN);
    bytes_wipe(o);
}

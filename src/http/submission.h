/* SPDX-License-Identifier: Apache-2.0
 * What a request wants written: events, read on the connection's thread and submitted together on
 * the keeper's. The one place that says which key may send which event. */
#ifndef METE_HTTP_SUBMISSION_H
#define METE_HTTP_SUBMISSION_H

#include "engine/engine.h"
#include "http/authority.h"
#include "http/signature.h"
#include "wire/json.h"

/** A body's member and the payload's member that it becomes. */
struct body_member {
    const char *to;
    const char *from[4]; /* names it may have in the body, the event's own first */
};

/** An event that a route makes of its body. Lives in the exchange's arena. */
struct draft {
    enum event_type type;
    struct text event_id;
    struct when occurred_at; /* not set: now; or what the log says when the event came before */
    struct text payload;     /* JSON */
    struct text actor;       /* the key that does it; empty: the event does not say */
    bool no_quarantine;      /* when refused it is not kept */
    const struct json *body; /* that it was made of; NULL: pointers stay as they are */
    const struct body_member *member; /* how; ends with `to` NULL; may be NULL */
    struct text registry_id;          /* a policy that a registry has; else empty */
    struct text registry_etag;        /* what it calls this version */
};
/** The event of a draft, as of a moment. In `a`. */
struct text draft_event(struct arena *a, const struct draft *d, mete_time occurred_at);

struct submission_item {
    struct prepared *prepared;
    const struct draft *draft; /* NULL: the event was sent as it is */
    struct text message;       /* that its signature covers; empty when it has none */
    struct signature_verdict verdict;
    struct submit_result result;
};

/** x->work of a request that writes events. */
struct submission {
    struct submission_item *before; /* what mete itself adds: submitted first, not answered */
    size_t before_count;
    size_t before_done;
    struct submission_item *item;
    size_t count;
    size_t cap;
    void *more; /* of the handler */
};

/** May this key send this event? METE_FORBIDDEN, METE_PRODUCER_FORBIDDEN. */
enum mete_code submission_may(const struct principal *who, const struct event *event,
                              struct mete_err *err) METE_MUST_CHECK;

/** May it, as far as the book tells: only shares of its own party, and signed when the book has a
 *  key of its producer. `item`: what is known of its signature; NULL: it has none.
 *  METE_ALLOCATION_UNKNOWN, METE_SIGNATURE_INVALID, METE_KEY_UNKNOWN. */
enum mete_code submission_allowed(struct engine *e, const struct principal *who,
                                  const struct envelope *envelope,
                                  const struct submission_item *item,
                                  struct mete_err *err) METE_MUST_CHECK;

/** Makes x->work, and has it freed at the end. */
struct submission *submission_new(struct exchange *x);
/** The one of a request; NULL: its x->work is something else. */
struct submission *submission_of(const struct exchange *x);
void submission_text(struct exchange *x, struct text event, const struct submit_options *o);
void submission_broken(struct exchange *x, struct text body, const struct mete_err *why,
                       const struct submit_options *o);
/** `d` is copied, what it points to is not. */
void submission_draft(struct exchange *x, const struct draft *d);

/** Room for `count` events of mete's own. They need no key, and may be refused unnoticed. */
void submission_before_room(struct exchange *x, size_t count);
void submission_before(struct exchange *x, const struct draft *d);

/** Submits one item; its result stays with it. */
const struct submit_result *submission_run(struct engine *e, struct exchange *x, size_t i);
/** Submits the only item and answers {"event_id","status","seq"} with `status`, 200 for a
 *  duplicate, or a problem that points into the body. False: it was a problem. */
bool submission_answer(struct engine *e, struct exchange *x, unsigned status);
/** The same for item i, which was submitted. */
bool submission_reply(struct engine *e, struct exchange *x, size_t i, unsigned status);

/* Parts of an answer. */
void submission_result_write(struct json_writer *w, const struct submit_result *r);
void submission_log_write(struct json_writer *w, struct engine *e);

#endif

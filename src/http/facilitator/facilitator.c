/* SPDX-License-Identifier: Apache-2.0
 * Opening and closing, who may, and asking the book. */
#include "http/facilitator/facilitator.h"

#include "base/text.h"
#include "http/facilitator/watch.h"
#include "http/reply.h"
#include "http/routes.h"

#include <stdlib.h>
#include <string.h>

#define WAIT_S 60u

struct facilitator {
    struct desk *d;
    struct nets *nets;
    bool is_public;
    unsigned wait_s;
    struct facilitator_counts counts;
    struct watch *watch;
};

void facilitator_start(struct facilitator **out, struct desk *d,
                       const struct facilitator_options *o)
{
    struct facilitator *f = calloc(1, sizeof *f);
    METE_ASSERT(f != NULL);
    f->d = d;
    f->nets = o->nets;
    f->is_public = o->is_public;
    f->wait_s = o->wait_s != 0 ? o->wait_s : WAIT_S;
    nets_connect(f->nets);
    *out = f;
    if (f->nets->count > 0) {
        watch_start(&f->watch, d, f->nets);
    }
}

void facilitator_stop(struct facilitator *f)
{
    if (f != NULL) {
        watch_stop(f->watch);
        nets_close(f->nets);
        free(f);
    }
}

struct nets *facilitator_nets(struct facilitator *f)
{
    return f->nets;
}

struct watch *facilitator_watch(struct facilitator *f)
{
    return f->watch;
}

unsigned facilitator_wait_s(const struct facilitator *f)
{
    return f->wait_s;
}

bool facilitator_may(struct facilitator *f, struct exchange *x)
{
    if (f->is_public || principal_may(x->who, SCOPE_FACILITATOR)) {
        return true;
    }
    struct mete_err err;
    enum mete_code code = authority_key_shown(x)
                              ? principal_check(x->who, SCOPE_FACILITATOR, &err)
                              : mete_fail(&err, METE_UNAUTHORIZED, NULL, "this needs a key");
    METE_ASSERT(code != METE_OK);
    reply_problem(x, &err);
    if (code == METE_UNAUTHORIZED) {
        reply_header(x, "WWW-Authenticate", TEXT("Bearer"));
    }
    return false;
}

/* --- numbers -----------------------------------------------------------------------------------*/

struct facilitator_counts *facilitator_counts(struct facilitator *f)
{
    return &f->counts;
}

void facilitator_count(struct facilitator *f, enum facilitator_act act, enum x402_reason reason)
{
    if (reason == X402_REASON_NONE) {
        atomic_fetch_add(&f->counts.good[act], 1);
    } else {
        atomic_fetch_add(&f->counts.bad[act][reason], 1);
    }
}

/* --- the journal -------------------------------------------------------------------------------*/

static const struct route *route_of(const char *operation)
{
    size_t i = 0;
    while (i < ROUTES_COUNT && strcmp(ROUTES[i].operation, operation) != 0) {
        i++;
    }
    METE_ASSERT(i < ROUTES_COUNT);
    return &ROUTES[i];
}

static void journal_ended(struct exchange *inner)
{
    struct journal_ask *j = (struct journal_ask *)inner;
    struct json *root = NULL;
    struct mete_err err;
    if (inner->status == 200 &&
        json_parse(&inner->arena, buf_text(&inner->out), &root, &err) != METE_OK) {
        root = NULL;
    }
    j->done(j, root);
    exchange_clear(inner);
    free(j);
}

struct journal_ask *journal_new(struct desk *d, const char *operation, const char *request_id)
{
    const struct route *r = route_of(operation);
    struct journal_ask *j = calloc(1, sizeof *j);
    METE_ASSERT(j != NULL);
    j->d = d;
    exchange_init(&j->inner);
    j->inner.method = text_of(r->method);
    j->inner.path = text_of(r->path);
    j->inner.who = arena_alloc(&j->inner.arena, sizeof *j->inner.who);
    *j->inner.who = (struct principal){
        .book = d->o.book, .scopes = SCOPES_ALL, .signatures = authority_signatures(d->authority)};
    j->inner.ended = journal_ended;
    (void)text_copy(j->inner.request_id, sizeof j->inner.request_id, text_of(request_id));
    return j;
}

void journal_go(struct journal_ask *j)
{
    j->inner.received = j->inner.body.len;
    desk_ask(j->d, &j->inner);
}

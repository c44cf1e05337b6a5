/* SPDX-License-Identifier: Apache-2.0
 * Claiming: the question, and its answer read into jobs. */
#include "engine/worker_parts.h"

#include "base/text.h"
#include "core/amount.h"
#include "engine/payout_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLAIM_DEFAULT 100u
#define LEASE_DEFAULT 60u

/** A rail goes by its name and by its others. */
static void rails_write(const struct worker *w, struct json_writer *j)
{
    jw_array(j, "rails");
    for (size_t i = 0; i < w->o.rails; i++) {
        const struct rail_kind *k = w->o.rail[i].kind;
        jw_str(j, NULL, k->name);
        for (const char *const *alias = k->alias; alias != NULL && *alias != NULL; alias++) {
            jw_str(j, NULL, *alias);
        }
    }
    jw_end_array(j);
}

static const struct worker_rail *rail_of(const struct worker *w, struct text name)
{
    for (size_t i = 0; i < w->o.rails; i++) {
        const struct rail_kind *k = w->o.rail[i].kind;
        const char *const *alias = k->alias;
        while (alias != NULL && *alias != NULL && !text_is(name, *alias)) {
            alias++;
        }
        if (text_is(name, k->name) || (alias != NULL && *alias != NULL)) {
            return &w->o.rail[i];
        }
    }
    return NULL;
}

/* --- reading one -------------------------------------------------------------------------------*/

static struct text said(const struct json *in, const char *name)
{
    const struct json *j = json_get(in, name);
    return j != NULL && j->type == JSON_STRING ? j->text : (struct text){0};
}

static bool number(const struct json *in, const char *name, uint32_t *out)
{
    const struct json *j = json_get(in, name);
    u128 n;
    bool fine = j != NULL && j->type == JSON_NUMBER && u128_parse(j->text, &n) && n <= UINT32_MAX;
    *out = fine ? (uint32_t)n : 0;
    return fine;
}

static mete_time moment(const struct json *in, const char *name)
{
    mete_time t = 0;
    return time_parse(said(in, name), &t) == TIME_OK ? t : 0;
}

void worker_destination(struct worker *w, const struct json *claimed, struct job *job)
{
    const struct json *j = json_get(claimed, "destination");
    struct mete_err err;
    job->p.destination = (struct text){.p = ""};
    job->destination = DESTINATION_NONE;
    if (j == NULL || j->type != JSON_STRING) {
        return;
    }
    job->destination = DESTINATION_OPEN;
    if (payout_keys_open(w->o.keys, j->text, &w->arena, &job->p.destination, &err) != METE_OK) {
        job->p.destination = (struct text){.p = ""};
        job->destination = DESTINATION_SHUT;
        snprintf(w->round->why, sizeof w->round->why, "a destination cannot be opened: %.200s",
                 err.text);
    }
}

static bool state_read(const struct json *in, enum transfer_state *out)
{
    const struct machine *m = machine_of(MACHINE_TRANSFER);
    struct text state = said(in, "state");
    for (uint8_t i = 1; i < m->state_count; i++) {
        if (text_is(state, m->state[i])) {
            *out = (enum transfer_state)i;
            return !transfer_rests(i);
        }
    }
    return false;
}

static bool money_read(const struct json *in, struct rail_payment *p)
{
    const struct json *asset = json_get(in, "asset");
    const struct json *fee = json_get(in, "fee_max");
    uint32_t scale;
    p->fee_max = -1;
    if (!number(asset, "scale", &scale) || scale > UINT8_MAX ||
        !text_copy(p->asset.code, sizeof p->asset.code, said(asset, "code"))) {
        return false;
    }
    p->asset.scale = (uint8_t)scale;
    bool fee_fine = fee == NULL || fee->type == JSON_NULL ||
                    amount_parse(said(in, "fee_max"), scale, &p->fee_max) == METE_OK;
    return fee_fine && amount_parse(said(in, "amount"), scale, &p->amount) == METE_OK;
}

static bool bodies_read(const struct json *in, struct rail_payment *p)
{
    const struct json *list = json_get(in, "bodies");
    if (list == NULL || list->type != JSON_ARRAY || list->count > RAIL_BODIES_MAX) {
        return false;
    }
    for (const struct json *j = list->child; j != NULL; j = j->next) {
        p->body[p->body_count++] = j->type == JSON_STRING ? j->text : (struct text){.p = ""};
    }
    return true;
}

static bool job_read(struct worker *w, const struct json *in, struct job *job)
{
    struct rail_payment *p = &job->p;
    *job = (struct job){.rail = rail_of(w, said(in, "rail"))};
    *p = (struct rail_payment){.book = w->book,
                               .transfer_id = said(in, "transfer_id"),
                               .batch_id = said(in, "batch_id"),
                               .party = said(in, "party"),
                               .queued_at = moment(in, "queued_at"),
                               .sending_at = moment(in, "sending_at"),
                               .now = w->now,
                               .anchor = said(in, "anchor"),
                               .group = said(in, "group")};
    worker_destination(w, in, job);
    bool fine = job->rail != NULL && p->transfer_id.len > 0 && state_read(in, &job->state) &&
                number(in, "attempts", &job->attempts) && number(in, "looks", &job->looks) &&
                money_read(in, p) && bodies_read(in, p);
    p->attempt = job->attempts;
    if (job->state == TRANSFER_QUEUED || job->state == TRANSFER_FAILED) {
        p->anchor = p->group = (struct text){.p = ""}; /* of an attempt that is over */
        p->body_count = 0;
    }
    return fine;
}

/* --- the answer --------------------------------------------------------------------------------*/

int worker_job_order(const void *a, const void *b)
{
    const struct job *x = *(struct job *const *)a;
    const struct job *y = *(struct job *const *)b;
    bool xnew = x->state == TRANSFER_QUEUED || x->state == TRANSFER_FAILED;
    bool ynew = y->state == TRANSFER_QUEUED || y->state == TRANSFER_FAILED;
    int order = x->rail < y->rail ? -1 : x->rail > y->rail;
    order = order != 0 ? order : (int)xnew - (int)ynew;
    order = order != 0 ? order : text_cmp(x->p.group, y->p.group);
    return order != 0 ? order : text_cmp(x->p.transfer_id, y->p.transfer_id);
}

static bool answer_read(struct worker *w, struct job_list *out)
{
    struct json *tree = NULL;
    struct mete_err err;
    const struct json *list = NULL;
    struct text kept = arena_text(&w->arena, buf_text(&w->answer)); /* jobs point into it */
    if (json_parse(&w->arena, kept, &tree, &err) == METE_OK) {
        list = json_get(tree, "payouts");
    }
    if (list == NULL || list->type != JSON_ARRAY) {
        snprintf(w->round->why, sizeof w->round->why, "the answer to a claim cannot be read");
        return false;
    }
    out->job = arena_array(&w->arena, list->count + 1, sizeof *out->job);
    for (const struct json *j = list->child; j != NULL; j = j->next) {
        struct job *job = arena_alloc(&w->arena, sizeof *job);
        if (!job_read(w, j, job)) {
            snprintf(w->round->why, sizeof w->round->why, "a claimed payout cannot be read");
            return false;
        }
        out->job[out->count++] = job;
    }
    qsort(out->job, out->count, sizeof(struct job *), worker_job_order);
    return true;
}

/** Why the server said no, for people. */
static void refusal_read(struct worker *w, unsigned status)
{
    struct json *tree = NULL;
    struct mete_err err;
    struct text why = buf_text(&w->answer);
    if (status != 0 && json_parse(&w->arena, why, &tree, &err) == METE_OK) {
        why = said(tree, "detail");
    }
    snprintf(w->round->why, sizeof w->round->why, "%s%.*s",
             status != 0 ? "the server refuses a claim: " : "no answer to a claim: ",
             (int)(why.len < 200 ? why.len : 200), why.p);
}

bool worker_claim(struct worker *w, struct job_list *out)
{
    struct json_writer j;
    unsigned lease_s = w->o.lease_s > 0 ? w->o.lease_s : LEASE_DEFAULT;
    *out = (struct job_list){0};
    w->lease_until = w->now + (mete_time)lease_s * TIME_SECOND_US;
    buf_reset(&w->ask);
    buf_reset(&w->answer);
    jw_init(&j, &w->ask, false);
    jw_object(&j, NULL);
    jw_int(&j, "max", (int64_t)(w->o.max > 0 ? w->o.max : CLAIM_DEFAULT));
    jw_int(&j, "lease_s", lease_s);
    rails_write(w, &j);
    jw_end_object(&j);
    unsigned status = w->o.port.ask(w->o.port.ctx, WORKER_CLAIMS, buf_text(&w->ask), &w->answer);
    if (status != 200) {
        w->counts.unanswered += status == 0;
        refusal_read(w, status);
        return false;
    }
    bool fine = answer_read(w, out);
    w->counts.claimed += out->count;
    return fine;
}

/* SPDX-License-Identifier: Apache-2.0
 * Performance that platforms reported, creatives, and the experiments that both are part of. A
 * snapshot speaks for its window; nothing is counted in a whole and once more in its parts. */
#include "engine/campaign_parts.h"

#include "base/text.h"

#include <stdlib.h>

struct snapshot {
    struct text platform, segment, experiment_id, variant_id;
    struct asset asset;
    bool has_window;
    mete_time from, until;
    uint64_t seq; /* its own window, when it has none */
    i128 impressions, clicks, conversions, spend;
};

/* --- gathering ---------------------------------------------------------------------------------*/

static struct text segment_of(struct gather *g, const struct fact *f)
{
    return fact_raw(g, f, "segment");
}

static bool window_of(const struct fact *f, struct snapshot *s)
{
    const struct json *from = json_get(f->payload, "window_start");
    const struct json *until = json_get(f->payload, "window_end");
    return from != NULL && until != NULL &&
           time_parse_date(from->text, false, &s->from) == TIME_OK &&
           time_parse_date(until->text, true, &s->until) == TIME_OK;
}

static void window_key(struct gather *g, const struct snapshot *s)
{
    row_key_number(g, s->has_window);
    row_key_number(g, s->has_window ? (uint64_t)s->from : s->seq);
    row_key_number(g, s->has_window ? (uint64_t)s->until : 0);
}

void kpi_take(struct gather *g, const struct fact *f)
{
    const struct event_kpi *kpi = &f->event.kpi;
    struct snapshot s = {.platform = fact_text(g, f, "platform"),
                         .segment = segment_of(g, f),
                         .experiment_id = fact_text(g, f, "experiment_id"),
                         .variant_id = fact_text(g, f, "variant_id"),
                         .seq = f->item->event_seq,
                         .impressions = kpi->impressions,
                         .clicks = kpi->clicks,
                         .conversions = kpi->conversions};
    s.has_window = window_of(f, &s);
    if (!fact_money(g, &kpi->spend, &s.asset, &s.spend)) {
        return;
    }
    row_begin(g, ROW_SNAPSHOT);
    row_key_text(g, s.platform);
    row_key_text(g, s.segment);
    row_key_text(g, s.experiment_id);
    row_key_text(g, s.variant_id);
    row_key_number(g, s.asset.number);
    window_key(g, &s);
    struct snapshot *row = row_obtain(g, &g->snapshot, sizeof *row, NULL);
    *row = s;
}

static struct report_trial *trial_obtain(struct gather *g, struct text experiment_id,
                                         struct text variant_id)
{
    bool made;
    row_begin(g, ROW_TRIAL);
    row_key_text(g, experiment_id);
    row_key_text(g, variant_id);
    struct report_trial *t = row_obtain(g, &g->out->trials, sizeof *t, &made);
    if (made) {
        t->experiment_id = experiment_id;
        t->variant_id = variant_id;
    }
    return t;
}

static void ad_take(struct gather *g, struct report_creative *c, struct text ad_id)
{
    bool made;
    row_begin(g, ROW_AD);
    row_key_text(g, ad_id);
    struct report_creative **of = row_obtain(g, NULL, sizeof *of, &made);
    if (made) { /* an ad shows the creative that named it first */
        struct text *id = arena_alloc(g->a, sizeof *id);
        *of = c;
        *id = ad_id;
        row_append(g, &c->ads, id);
    }
}

void creative_take(struct gather *g, const struct fact *f)
{
    bool made;
    struct text ad_id = fact_text(g, f, "ad_id");
    struct text id = fact_text(g, f, "creative_id");
    row_begin(g, ROW_CREATIVE);
    row_key_text(g, id);
    struct report_creative *c = row_obtain(g, &g->out->creatives, sizeof *c, &made);
    if (made) {
        c->creative_id = id;
        c->generated_at = c->launched_at = TIME_NEVER;
    }
    c->format = fact_text(g, f, "format");
    c->hook = fact_text(g, f, "hook");
    c->cta = fact_text(g, f, "cta");
    c->offer_framing = fact_text(g, f, "offer_framing");
    c->landing_page_type = fact_text(g, f, "landing_page_type");
    c->experiment_id = fact_text(g, f, "experiment_id");
    c->variant_id = fact_text(g, f, "variant_id");
    mete_time *when =
        f->event.type == EVENT_CREATIVE_GENERATED ? &c->generated_at : &c->launched_at;
    *when = f->head.occurred_at < *when ? f->head.occurred_at : *when;
    if (ad_id.len > 0) {
        ad_take(g, c, ad_id);
    }
}

void creative_followed(struct gather *g, struct text ad_id, const struct brought *u)
{
    row_begin(g, ROW_AD);
    row_key_text(g, ad_id);
    struct report_creative **of = row_find(g);
    if (of == NULL) {
        return;
    }
    followed_add(&(*of)->followed, u);
    if ((*of)->experiment_id.len > 0) {
        followed_add(&trial_obtain(g, (*of)->experiment_id, (*of)->variant_id)->followed, u);
    }
}

/* --- adding up ---------------------------------------------------------------------------------*/

/* What a row of performance is of. */
enum scope { SCOPE_TOTAL, SCOPE_PLATFORM, SCOPE_SEGMENT, SCOPE_TRIAL, SCOPE_COUNT };

static bool scope_has(enum scope scope, const struct snapshot *s)
{
    return (scope != SCOPE_SEGMENT || s->segment.len > 0) &&
           (scope != SCOPE_TRIAL || s->experiment_id.len > 0);
}

/** True when the snapshot speaks for all that the row is of. */
static bool is_whole(enum scope scope, const struct snapshot *s)
{
    bool by_segment = s->segment.len > 0 && scope != SCOPE_SEGMENT;
    bool by_variant = s->experiment_id.len > 0 && scope != SCOPE_TRIAL;
    return !by_segment && !by_variant;
}

static void scope_key(struct gather *g, enum scope scope, const struct snapshot *s)
{
    if (scope == SCOPE_PLATFORM || scope == SCOPE_SEGMENT) {
        row_key_text(g, s->platform);
    }
    if (scope == SCOPE_SEGMENT) {
        row_key_text(g, s->segment);
    }
    if (scope == SCOPE_TRIAL) {
        row_key_text(g, s->experiment_id);
        row_key_text(g, s->variant_id);
    }
    row_key_number(g, s->asset.number);
}

static void whole_key(struct gather *g, enum scope scope, const struct snapshot *s)
{
    row_begin(g, ROW_WHOLE + (unsigned)scope);
    scope_key(g, scope, s);
    row_key_text(g, s->platform);
    window_key(g, s);
}

static struct row_list *scope_list(struct gather *g, enum scope scope, const struct snapshot *s)
{
    struct campaign_report *out = g->out;
    return scope == SCOPE_TOTAL      ? &out->kpi_total
           : scope == SCOPE_PLATFORM ? &out->kpi_platform
           : scope == SCOPE_SEGMENT  ? &out->kpi_segment
                                     : &trial_obtain(g, s->experiment_id, s->variant_id)->kpi;
}

static void kpi_add(struct gather *g, enum scope scope, const struct snapshot *s)
{
    bool made;
    struct row_list *list = scope_list(g, scope, s);
    row_begin(g, ROW_KPI + (unsigned)scope);
    scope_key(g, scope, s);
    struct report_kpi *k = row_obtain(g, list, sizeof *k, &made);
    if (made) {
        bool by_platform = scope == SCOPE_PLATFORM || scope == SCOPE_SEGMENT;
        k->platform = by_platform ? s->platform : (struct text){0};
        k->segment = scope == SCOPE_SEGMENT ? s->segment : (struct text){0};
        k->asset = s->asset;
        k->from = k->until = TIME_NEVER;
    }
    k->snapshots++;
    sum_to(&k->impressions, s->impressions);
    sum_to(&k->clicks, s->clicks);
    sum_to(&k->conversions, s->conversions);
    sum_to(&k->spend, s->spend);
    if (s->has_window) {
        k->until = k->from == TIME_NEVER || s->until > k->until ? s->until : k->until;
        k->from = s->from < k->from ? s->from : k->from;
    }
    k->ctr = quota_of(k->clicks, k->impressions);
    k->cpc = quota_of(k->spend, k->clicks);
    k->cpa = quota_of(k->spend, k->conversions);
}

static void scope_fold(struct gather *g, enum scope scope)
{
    for (size_t i = 0; i < g->snapshot.count; i++) {
        const struct snapshot *s = g->snapshot.row[i];
        if (scope_has(scope, s) && is_whole(scope, s)) {
            whole_key(g, scope, s);
            (void)row_obtain(g, NULL, 1, NULL);
        }
    }
    for (size_t i = 0; i < g->snapshot.count; i++) {
        const struct snapshot *s = g->snapshot.row[i];
        if (!scope_has(scope, s)) {
            continue;
        }
        whole_key(g, scope, s);
        if (is_whole(scope, s) || row_find(g) == NULL) {
            kpi_add(g, scope, s);
        }
    }
}

static int kpi_cmp(const void *x, const void *y)
{
    const struct report_kpi *a = *(void *const *)x;
    const struct report_kpi *b = *(void *const *)y;
    int order = text_cmp(a->platform, b->platform);
    order = order != 0 ? order : text_cmp(a->segment, b->segment);
    return order != 0 ? order : text_cmp(text_of(a->asset.code), text_of(b->asset.code));
}

static int trial_cmp(const void *x, const void *y)
{
    const struct report_trial *a = *(void *const *)x;
    const struct report_trial *b = *(void *const *)y;
    int order = text_cmp(a->experiment_id, b->experiment_id);
    return order != 0 ? order : text_cmp(a->variant_id, b->variant_id);
}

static void list_sort(struct row_list *l, int (*cmp)(const void *, const void *))
{
    if (l->count > 1) {
        qsort(l->row, l->count, sizeof *l->row, cmp);
    }
}

void kpi_finish(struct gather *g)
{
    struct campaign_report *out = g->out;
    for (size_t i = 0; i < out->creatives.count; i++) {
        const struct report_creative *c = out->creatives.row[i];
        if (c->experiment_id.len > 0) {
            trial_obtain(g, c->experiment_id, c->variant_id)->creatives++;
        }
    }
    for (int scope = SCOPE_TOTAL; scope < SCOPE_COUNT; scope++) {
        scope_fold(g, (enum scope)scope);
    }
    list_sort(&out->kpi_total, kpi_cmp);
    list_sort(&out->kpi_platform, kpi_cmp);
    list_sort(&out->kpi_segment, kpi_cmp);
    list_sort(&out->trials, trial_cmp);
    for (size_t i = 0; i < out->trials.count; i++) {
        struct report_trial *t = out->trials.row[i];
        list_sort(&t->kpi, kpi_cmp);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * Following the log: decisions are read as they are stored, added up and compared with what the
 * event said. */
#include "model.h"

#include "base/text.h"
#include "core/amount.h"

#include <stdlib.h>
#include <string.h>

#define KEEP_MAX    ((size_t)2 << 30)
#define SCRATCH_MAX ((size_t)1 << 30)

void model_begin(struct model *m)
{
    *m = (struct model){.dispute_days = 14};
    arena_init(&m->keep, KEEP_MAX);
    arena_init(&m->scratch, SCRATCH_MAX);
    map_init(&m->known, sizeof(struct model_known), 1);
    map_init(&m->by_id, sizeof(size_t), 1);
    map_init(&m->by_place, sizeof(size_t), 1);
    map_init(&m->gross, sizeof(i128), 1);
}

void model_end(struct model *m)
{
    map_clear(&m->known);
    map_clear(&m->by_id);
    map_clear(&m->by_place);
    map_clear(&m->gross);
    free(m->posting);
    free(m->allocation);
    free(m->spoken);
    free(m->party);
    free(m->event_id);
    arena_clear(&m->keep);
    arena_clear(&m->scratch);
}

/** Room for one more of `size` bytes each. */
static void *grown(void *list, size_t count, size_t *cap, size_t size)
{
    if (count < *cap) {
        return list;
    }
    *cap = *cap == 0 ? 256 : *cap * 2;
    list = realloc(list, *cap * size);
    METE_ASSERT(list != NULL);
    return list;
}

/* --- where something stands --------------------------------------------------------------------*/

struct place {
    uint64_t seq;
    uint32_t page, group, line, zero; /* `zero`: no padding */
};

static struct bytes place_bytes(const struct place *p)
{
    return (struct bytes){(const uint8_t *)p, sizeof *p};
}

/* The decision that is followed. */
struct follow {
    struct model *m;
    struct engine *e;
    uint64_t seq;
    uint32_t page;
    mete_time recorded_at;
    struct text event_id; /* whose decision it is */
    const struct event *event;
};

/* --- money -------------------------------------------------------------------------------------*/

static void post(struct follow *f, uint32_t party, uint32_t asset, i128 amount)
{
    struct model *m = f->m;
    m->posting = grown(m->posting, m->posting_count, &m->posting_cap, sizeof *m->posting);
    m->posting[m->posting_count++] = (struct model_posting){f->seq, party, asset, amount};
}

static void allocation_add(struct follow *f, const struct group *g, uint32_t group, uint32_t line)
{
    struct model *m = f->m;
    char path[PATH_TEXT_MAX];
    struct buf id = {0};
    const struct place at = {f->seq, f->page, group, line, 0};
    const struct line *l = &g->line[line];
    (void)line_path(g, group, line, path);
    buf_put_text(&id, f->event_id);
    buf_put_str(&id, "/");
    buf_put_str(&id, path);
    m->allocation =
        grown(m->allocation, m->allocation_count, &m->allocation_cap, sizeof *m->allocation);
    struct model_allocation *a = &m->allocation[m->allocation_count++];
    *a = (struct model_allocation){.id = arena_text(&m->keep, buf_text(&id)),
                                   .party = l->party,
                                   .asset = g->asset,
                                   .due = l->held ? TIME_NEVER : g->clears_at,
                                   .left = l->amount};
    *(size_t *)map_put(&m->by_id, text_bytes(a->id), NULL) = m->allocation_count;
    *(size_t *)map_put(&m->by_place, place_bytes(&at), NULL) = m->allocation_count;
    buf_clear(&id);
}

static const char *reversal_follow(struct follow *f, const struct group *g)
{
    const struct place whole = {g->target_seq, g->target_page, g->target_group, UINT32_MAX, 0};
    i128 *left = map_get(&f->m->gross, place_bytes(&whole));
    if (left == NULL) {
        return "a reversal of what was never booked";
    }
    *left += g->gross;
    if (*left < 0) {
        return "more was reversed than came";
    }
    for (uint32_t i = 0; i < g->line_count; i++) {
        const struct place at = {g->target_seq, g->target_page, g->target_group, g->line[i].share,
                                 0};
        size_t *index = map_get(&f->m->by_place, place_bytes(&at));
        if (index != NULL) { /* also of a share that is disputed, which is no allocation any more */
            f->m->allocation[*index - 1].left += g->line[i].amount;
        }
    }
    return NULL;
}

static const char *group_follow(struct follow *f, const struct decision *d, uint32_t group)
{
    const struct group *g = &d->group[group];
    i128 sum = 0;
    for (uint32_t i = 0; i < g->line_count; i++) {
        sum += g->line[i].amount;
        post(f, g->line[i].party, g->asset, g->line[i].amount);
        if (g->kind == GROUP_REVENUE && g->line[i].kind == LINE_ALLOCATION) {
            allocation_add(f, g, group, i);
        }
    }
    post(f, g->source, g->asset, -g->gross);
    if (sum != g->gross) {
        return "the lines of a group do not sum to its gross";
    }
    if (g->kind == GROUP_REVENUE) {
        const struct place whole = {f->seq, f->page, group, UINT32_MAX, 0};
        *(i128 *)map_put(&f->m->gross, place_bytes(&whole), NULL) = g->gross;
    }
    return g->kind == GROUP_REVERSAL ? reversal_follow(f, g) : NULL;
}

/** All that came is booked, here or in suspense. */
static const char *revenue_check(struct follow *f, const struct decision *d)
{
    struct asset asset;
    i128 came;
    i128 booked = 0;
    const struct money *money = &f->event->revenue.amount;
    for (uint32_t i = 0; i < d->group_count; i++) {
        booked += d->group[i].gross;
    }
    if (view_asset(engine_view(f->e), money->currency, &asset) != VIEW_FOUND ||
        amount_parse(money->amount, asset.scale, &came) != METE_OK) {
        return "the amount of a revenue that was taken cannot be read";
    }
    if (d->about != 0 && d->wait_code != 0) {
        came = 0; /* released, only to wait for something else: it stays in suspense */
    }
    return came == booked ? NULL : "what was booked is not what came";
}

/* --- disputes ----------------------------------------------------------------------------------*/

static bool is_open(const struct model_allocation *a, mete_time now)
{
    return a->state == MODEL_ESCALATED || (a->state == MODEL_DISPUTED && now <= a->holds_until);
}

bool model_allows(const struct model_allocation *a, enum event_type type, mete_time now)
{
    switch ((int)type) {
    case EVENT_ALLOCATION_DISPUTED:
        return a->state == MODEL_CLEAN && now < a->due;
    case EVENT_ALLOCATION_OVERRIDDEN:
        return is_open(a, now) || (a->state == MODEL_CLEAN && a->due == TIME_NEVER);
    case EVENT_ALLOCATION_EVIDENCE_ADDED:
        return a->state != MODEL_CLEAN;
    default:
        return is_open(a, now);
    }
}

static const char *dispute_follow(struct follow *f)
{
    size_t *index = map_get(&f->m->by_id, text_bytes(f->event->allocation.allocation_id));
    if (index == NULL) {
        return "a dispute about an allocation that there is not";
    }
    struct model_allocation *a = &f->m->allocation[*index - 1];
    mete_time after = f->recorded_at + f->m->dispute_days * TIME_DAY_US;
    if (!model_allows(a, f->event->type, f->recorded_at)) {
        return "the state of the allocation forbids what was taken";
    }
    switch ((int)f->event->type) {
    case EVENT_ALLOCATION_DISPUTED:
        a->state = MODEL_DISPUTED;
        f->m->spoken =
            grown(f->m->spoken, f->m->spoken_count, &f->m->spoken_cap, sizeof *f->m->spoken);
        f->m->spoken[f->m->spoken_count++] = *index - 1;
        a->holds_until = a->due > after && a->due != TIME_NEVER ? a->due - 1 : after;
        a->holds_until = a->due == TIME_NEVER ? TIME_NEVER : a->holds_until;
        break;
    case EVENT_ALLOCATION_ESCALATED:
        a->state = MODEL_ESCALATED;
        break;
    case EVENT_ALLOCATION_OVERRIDDEN:
        a->state = MODEL_OVERRIDDEN;
        break;
    case EVENT_ALLOCATION_UPHELD:
        a->state = MODEL_UPHELD;
        break;
    default:
        break;
    }
    return NULL;
}

/* --- events ------------------------------------------------------------------------------------*/

static const char *names_follow(struct model *m, const struct decision *d)
{
    if (d->party_count > 0 && d->party_first != PARTY_FIRST + m->party_count) {
        return "parties are numbered with a gap";
    }
    for (uint32_t i = 0; i < d->party_count; i++) {
        m->party = grown(m->party, m->party_count, &m->party_cap, sizeof *m->party);
        m->party[m->party_count++] = arena_text(&m->keep, d->party[i]);
    }
    return NULL;
}

static const char *meaning_follow(struct follow *f, const struct decision *d)
{
    switch ((int)f->event->type) {
    case EVENT_REVENUE_RECEIVED:
        return revenue_check(f, d);
    case EVENT_BOOK_CONFIGURED:
        if (f->event->book.dispute_auto_clear_days >= 0) {
            f->m->dispute_days = f->event->book.dispute_auto_clear_days;
        }
        return NULL;
    case EVENT_ALLOCATION_DISPUTED:
    case EVENT_ALLOCATION_EVIDENCE_ADDED:
    case EVENT_ALLOCATION_ESCALATED:
    case EVENT_ALLOCATION_OVERRIDDEN:
    case EVENT_ALLOCATION_UPHELD:
        return dispute_follow(f);
    default:
        return NULL;
    }
}

static const char *decision_follow(struct follow *f, const struct decision *d)
{
    struct envelope *about = arena_alloc(&f->m->scratch, sizeof(struct envelope));
    struct mete_err err;
    mete_time unused;
    uint64_t seq = d->about != 0 ? d->about : f->seq;
    if (seq > f->m->size ||
        engine_event(f->e, seq, &f->m->scratch, about, &unused, &err) != METE_OK) {
        return "the event of a decision cannot be read";
    }
    f->event = &about->event;
    f->event_id = f->m->event_id[seq - 1];
    const char *wrong = names_follow(f->m, d);
    wrong = wrong != NULL ? wrong : meaning_follow(f, d);
    for (uint32_t i = 0; i < d->group_count && wrong == NULL; i++) {
        wrong = group_follow(f, d, i);
    }
    return wrong;
}

/** One page as it is stored, copied. */
static bool page_read(struct follow *f, uint32_t page, struct decision *d)
{
    struct log_row row;
    struct bytes packed;
    mete_time unused;
    struct mete_err err;
    if (page == 0) {
        if (book_row(engine_book(f->e), f->seq, &row, &err) != STORE_OK) {
            return false;
        }
        packed = row.decision;
    } else if (book_page(engine_book(f->e), f->seq, page, &packed, &unused, &err) != STORE_OK) {
        return false;
    }
    packed = text_bytes(arena_text(&f->m->scratch, bytes_text(packed)));
    return decision_unpack(&f->m->scratch, packed, d);
}

/** The decision that begins at a page, all its pages put together. */
static bool decision_read(struct follow *f, uint32_t page, struct decision *d)
{
    if (!page_read(f, page, d)) {
        return false;
    }
    struct decision *more = arena_array(&f->m->scratch, d->pages - 1, sizeof *more);
    for (uint32_t i = 1; i < d->pages; i++) {
        if (!page_read(f, page + i, &more[i - 1])) {
            return false;
        }
    }
    decision_join(&f->m->scratch, d, more, d->pages - 1);
    return true;
}

static const char *event_remember(struct model *m, struct text id, uint64_t seq, struct text json)
{
    bool made;
    struct model_known *k = map_put(&m->known, text_bytes(id), &made);
    if (!made) {
        return "an event id stands in the log twice";
    }
    *k = (struct model_known){seq, sha256(text_bytes(json))};
    m->event_id = grown(m->event_id, m->size, &m->size_cap, sizeof *m->event_id);
    m->event_id[m->size++] = arena_text(&m->keep, id);
    return NULL;
}

const char *model_follow(struct model *m, struct engine *e, uint64_t seq, struct text json)
{
    struct log_row row;
    struct mete_err err;
    struct follow f = {.m = m, .e = e, .seq = seq};
    if (seq != m->size + 1 || book_row(engine_book(e), seq, &row, &err) != STORE_OK) {
        return "the next event of the log cannot be read";
    }
    f.recorded_at = row.recorded_at;
    const char *wrong = event_remember(m, row.event_id, seq, json);
    uint32_t pages = book_page_count(engine_book(e), seq) + 1;
    while (f.page < pages && wrong == NULL) {
        struct decision d;
        arena_reset(&m->scratch);
        if (!decision_read(&f, f.page, &d)) {
            return "a decision cannot be read";
        }
        wrong = decision_follow(&f, &d);
        f.page += d.pages;
    }
    return wrong;
}

bool model_knows(const struct model *m, struct text event_id, struct model_known *out)
{
    const struct model_known *k = map_get(&m->known, text_bytes(event_id));
    if (k != NULL) {
        *out = *k;
    }
    return k != NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 * The fees of apps. What changes makes a new schedule out of the one that holds at that moment, the
 * app's own or else the book's; of it the marketplace fee and the royalty change. */
#include <string.h>

#include "audit/audit.h"
#include "audit/machines.h"
#include "audit/member.h"
#include "base/text.h"

#define MARKETPLACE "marketplace_fee"
#define ROYALTY     "offering_royalty_fee"
#define ROYALTY_BPS 300
#define UNCHANGED   UINT64_MAX

struct app *app_obtain(struct economy *e, struct text id)
{
    bool made;
    struct app **slot = map_put(&e->app_of, text_bytes(id), &made);
    if (made) {
        *slot = arena_alloc(e->keep, sizeof **slot);
        (*slot)->id = arena_text(e->keep, id);
        (*slot)->royalty = "OFF";
    }
    return *slot;
}

const struct schedule *terms_at(struct audit *a, struct text app, mete_time at)
{
    const struct schedule *found = NULL;
    struct app **slot = map_get(&a->economy.app_of, text_bytes(app));
    for (uint32_t i = 0; slot != NULL && i < (*slot)->terms_count; i++) {
        const struct schedule *s = (*slot)->terms[i];
        if (s->from <= at && (found == NULL || s->from >= found->from)) {
            found = s;
        }
    }
    return found != NULL ? found : schedule_at(&a->book, at);
}

const struct schedule *terms_numbered(struct audit *a, uint32_t number)
{
    const struct economy *e = &a->economy;
    if (number >= APP_SCHEDULE_FIRST) {
        uint32_t index = number - APP_SCHEDULE_FIRST;
        return index < e->schedule_count ? e->schedule[index] : NULL;
    }
    return number > 0 && number <= a->book.schedule_count ? a->book.schedule[number - 1] : NULL;
}

static struct charge *charge_of(const struct schedule *s, const char *label)
{
    for (uint32_t i = 0; i < s->charge_count; i++) {
        if (text_is(s->charge[i].label, label)) {
            return &s->charge[i];
        }
    }
    return NULL;
}

/* Nothing is taken out, a new one comes last. */
static void set_charge(struct schedule *s, const char *label, uint64_t bps)
{
    struct charge *there = charge_of(s, label);
    const struct charge *marketplace = charge_of(s, MARKETPLACE);
    if (bps == UNCHANGED || (there == NULL && bps == 0)) {
        return;
    }
    if (there == NULL) {
        struct text payee = marketplace != NULL ? marketplace->payee : TEXT("platform");
        s->charge[s->charge_count++] =
            (struct charge){.label = text_of(label), .bps = (uint32_t)bps, .payee = payee};
    } else if (bps == 0) {
        uint32_t at = (uint32_t)(there - s->charge);
        s->charge_count--;
        memmove(there, there + 1, (s->charge_count - at) * sizeof *there);
    } else {
        there->is_fixed = false;
        there->bps = (uint32_t)bps;
    }
}

static void change(struct audit *a, struct app *app, mete_time at, uint64_t marketplace,
                   uint64_t royalty)
{
    struct economy *e = &a->economy;
    const struct schedule *was = terms_at(a, app->id, at);
    struct schedule *s = arena_alloc(e->keep, sizeof *s);
    uint32_t count = was != NULL ? was->charge_count : 0;
    *s = (struct schedule){.version = APP_SCHEDULE_FIRST + e->schedule_count, .from = at};
    s->charge = arena_array(e->keep, (size_t)count + 2, sizeof s->charge[0]);
    s->charge_count = count;
    for (uint32_t i = 0; i < count; i++) {
        s->charge[i] = was->charge[i];
    }
    set_charge(s, MARKETPLACE, marketplace);
    set_charge(s, ROYALTY, royalty);
    e->schedule = arena_grow(e->keep, e->schedule, e->schedule_count, &e->schedule_capacity,
                             sizeof(struct schedule *));
    e->schedule[e->schedule_count++] = s;
    app->terms = arena_grow(e->keep, app->terms, app->terms_count, &app->terms_capacity,
                            sizeof(struct schedule *));
    app->terms[app->terms_count++] = s;
}

void terms_royalty(struct audit *a, struct moment *m, struct text app_id)
{
    struct app *app = app_id.len > 0 ? app_obtain(&a->economy, app_id) : NULL;
    if (app != NULL && strcmp(app->royalty, "ON") != 0) {
        app->royalty = "ON";
        change(a, app, m->occurred_at, UNCHANGED, ROYALTY_BPS);
    }
}

void terms_take(struct audit *a, struct moment *m)
{
    struct text type = event_kind_of(m);
    struct app *app = app_obtain(&a->economy, event_app(m));
    uint64_t marketplace = UNCHANGED;
    uint64_t royalty = member_u64(m->payload, "royalty_fee_bps", UNCHANGED);
    bool forced = json_is_true(json_get(m->payload, "force"));
    if (app->id.len == 0) {
        event_forbidden(m, "it names no app");
    }
    if (text_is(type, "app.economic_terms_set")) {
        marketplace = member_u64(m->payload, "marketplace_fee_bps", UNCHANGED);
    } else if (text_is(type, "app.royalty_disabled")) {
        royalty = 0;
    } else if (royalty == UNCHANGED || royalty == 0) {
        royalty = ROYALTY_BPS;
    }
    struct text means = royalty == 0 ? TEXT("app.royalty_disabled") : TEXT("app.royalty_enabled");
    if (royalty != UNCHANGED && !machine_allows(ROYALTY_MACHINE, app->royalty, means,
                                                forced ? IF_FORCED : 0, &app->royalty)) {
        event_forbidden(m, "a royalty holds for good unless it is forced off");
    }
    mete_time at = member_time(m->payload, "effective_from", false, m->occurred_at);
    change(a, app, at, marketplace, royalty);
}

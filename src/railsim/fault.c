/* SPDX-License-Identifier: Apache-2.0
 * Which call meets which fault. Scripts come before chance; chance draws once a call, so that one
 * seed and one order of calls give one order of faults. */
#include "base/buf.h"
#include "base/text.h"
#include "railsim/parts.h"

#include <stdio.h>
#include <string.h>

#define MILLION 1000000u

struct fault_row {
    const char *name;
    unsigned fits;
    bool chance;
    const char *what;
};

static const struct fault_row ROWS[FAULT_COUNT] = {
#define X(symbol, name, fits, chance, what)                                                        \
    [FAULT_##symbol] = {(name), (fits), (chance) != 0, (what)},
    FAULTS(X)
#undef X
};

static enum fault_kind fault_of(struct text name)
{
    for (enum fault_kind k = FAULT_NONE + 1; k < FAULT_COUNT; k++) {
        if (text_is(name, ROWS[k].name)) {
            return k;
        }
    }
    return FAULT_NONE;
}

/** A place is the name of a route, the beginning of one up to a '.', or "*". */
static bool place_fits(struct text place, const char *route)
{
    return text_is(place, "*") || (strncmp(route, place.p, place.len) == 0 &&
                                   (route[place.len] == '\0' || route[place.len] == '.'));
}

static bool kind_fits(const struct call *c, enum fault_kind k)
{
    return k != FAULT_NONE && (ROWS[k].fits & c->route->does) != 0;
}

/** The defaults of what a script may leave out. */
static void fault_set(struct call *c, enum fault_kind k)
{
    c->fault = (struct fault){.kind = k, .ms = c->s->o.hold_ms, .s = 2};
}

static bool pick_scripted(struct call *c)
{
    bool found = false;
    sqlite3_stmt *q = state_ask(c->s,
                                "SELECT seq, kind, place, skip, ms, s, text FROM "
                                "fault_script ORDER BY seq",
                                "");
    while (state_next(c->s, q)) {
        enum fault_kind k = fault_of(state_text(&c->arena, q, 1));
        if (!kind_fits(c, k) || !place_fits(state_text(&c->arena, q, 2), c->route->name)) {
            continue;
        }
        fault_set(c, k);
        c->fault.script = state_int(q, 0);
        c->fault.ms = state_int(q, 4) >= 0 ? (uint32_t)state_int(q, 4) : c->fault.ms;
        c->fault.s = state_int(q, 5) >= 0 ? state_int(q, 5) : c->fault.s;
        (void)text_copy(c->fault.text, sizeof c->fault.text, state_text(&c->arena, q, 6));
        found = true;
        bool skipped = state_int(q, 3) > 0;
        state_end(q);
        if (skipped) {
            state_do(c->s, "UPDATE fault_script SET skip = skip - 1 WHERE seq = ?", "i",
                     c->fault.script);
            c->fault = (struct fault){.kind = FAULT_NONE};
        }
        break;
    }
    return found;
}

static void pick_by_chance(struct call *c)
{
    enum fault_kind fit[FAULT_COUNT];
    size_t count = 0;
    if (c->s->o.fault_ppm == 0 || rng_below(&c->s->rng, MILLION) >= c->s->o.fault_ppm) {
        return;
    }
    for (enum fault_kind k = FAULT_NONE + 1; k < FAULT_COUNT; k++) {
        if (ROWS[k].chance && kind_fits(c, k)) {
            fit[count++] = k;
        }
    }
    fault_set(c, fit[rng_below(&c->s->rng, count)]);
}

void fault_pick(struct call *c)
{
    c->fault = (struct fault){.kind = FAULT_NONE};
    if (c->route->does != DOES_CONTROL && !pick_scripted(c)) {
        pick_by_chance(c);
    }
}

bool fault_take(struct call *c, enum fault_kind k)
{
    if (c->fault.kind != k) {
        return false;
    }
    if (!c->fault.fired) {
        c->fault.fired = true;
        state_do(c->s,
                 "INSERT INTO fault_fired VALUES(?1, 1) ON CONFLICT(name) DO UPDATE SET n = n + 1",
                 "s", ROWS[k].name);
        state_do(c->s, "UPDATE fault_script SET times = times - 1 WHERE seq = ?", "i",
                 c->fault.script);
        state_do(c->s, "DELETE FROM fault_script WHERE times <= 0", "");
    }
    return true;
}

static bool member_number(const struct json *j, const char *name, int64_t none, int64_t *out)
{
    const struct json *m = json_get(j, name);
    *out = none;
    return m == NULL || json_int(m, 0, 1000000000, out);
}

bool fault_script(struct sim *s, const struct json *j, char why[200])
{
    int64_t times, skip, ms, after;
    const struct json *name = json_get(j, "fault");
    const struct json *place = json_get(j, "at");
    const struct json *text = json_get(j, "text");
    struct text at = place != NULL ? place->text : TEXT("*");
    enum fault_kind k = name != NULL ? fault_of(name->text) : FAULT_NONE;
    if (k == FAULT_NONE) {
        (void)snprintf(why, 200, "\"fault\" is none of those that GET /sim/faults lists");
        return false;
    }
    if (!member_number(j, "times", 1, &times) || !member_number(j, "skip", 0, &skip) ||
        !member_number(j, "ms", -1, &ms) || !member_number(j, "s", -1, &after) || at.len == 0) {
        (void)snprintf(why, 200, "times, skip, ms and s are whole numbers from 0; at is a text");
        return false;
    }
    state_do(s,
             "INSERT INTO fault_script(kind, place, times, skip, ms, s, text) "
             "VALUES(?,?,?,?,?,?,?)",
             "stiiiit", ROWS[k].name, at, times, skip, ms, after,
             text != NULL ? text->text : TEXT(""));
    return true;
}

void fault_clear(struct sim *s)
{
    state_do(s, "DELETE FROM fault_script", "");
    s->let_go++;
    pthread_cond_broadcast(&s->ending);
}

static void scripted_write(struct sim *s, struct json_writer *w)
{
    struct arena a;
    arena_init(&a, (size_t)16 << 20);
    sqlite3_stmt *q =
        state_ask(s, "SELECT kind, place, times, skip FROM fault_script ORDER BY seq", "");
    jw_array(w, "scripted");
    while (state_next(s, q)) {
        jw_object(w, NULL);
        jw_text(w, "fault", state_text(&a, q, 0));
        jw_text(w, "at", state_text(&a, q, 1));
        jw_int(w, "times", state_int(q, 2));
        jw_int(w, "skip", state_int(q, 3));
        jw_end_object(w);
    }
    jw_end_array(w);
    arena_clear(&a);
}

static int64_t fired(struct sim *s, enum fault_kind k)
{
    return state_number(s, 0, "SELECT n FROM fault_fired WHERE name = ?", "s", ROWS[k].name);
}

void fault_write(struct sim *s, struct json_writer *w)
{
    scripted_write(s, w);
    jw_object(w, "fired");
    for (enum fault_kind k = FAULT_NONE + 1; k < FAULT_COUNT; k++) {
        jw_int(w, ROWS[k].name, fired(s, k));
    }
    jw_end_object(w);
    jw_object(w, "meaning");
    for (enum fault_kind k = FAULT_NONE + 1; k < FAULT_COUNT; k++) {
        jw_str(w, ROWS[k].name, ROWS[k].what);
    }
    jw_end_object(w);
}

void fault_summary(struct sim *s, struct buf *out)
{
    const char *between = "";
    for (enum fault_kind k = FAULT_NONE + 1; k < FAULT_COUNT; k++) {
        int64_t n = fired(s, k);
        if (n > 0) {
            buf_printf(out, "%s%s %lld", between, ROWS[k].name, (long long)n);
            between = ", ";
        }
    }
    buf_put_str(out, *between == '\0' ? "no fault" : "");
}

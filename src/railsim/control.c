/* SPDX-License-Identifier: Apache-2.0
 * /sim: what really moved, faults, the clock; and the table of all doubles. */
#include "railsim/parts.h"

#include "base/text.h"
#include "railsim/lightning.h"

static void index_show(struct call *c)
{
    char id[67];
    struct json_writer w;
    struct text base = call_base(c);
    ln_node_id(c->s, "payee", id);
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_text(&w, "lnurl",
            arena_printf(&c->arena, "%.*s/.well-known/lnurlp/NAME", (int)base.len, base.p));
    static const char *const prefix[] = {"phoenixd", "cln", "lnd", "lnbits", "bank", "ecb"};
    for (size_t i = 0; i < ARRAY_LEN(prefix); i++) {
        jw_text(&w, prefix[i],
                arena_printf(&c->arena, "%.*s/%s", (int)base.len, base.p, prefix[i]));
    }
    jw_text(&w, "stripe", base);
    jw_str(&w, "network", bolt11_network_name(c->s->o.network));
    jw_str(&w, "payee", id);
    jw_end_object(&w);
}

static void payments_show(struct call *c)
{
    struct json_writer w;
    char when[TIME_TEXT_MAX];
    struct text rail = call_arg(c, "rail");
    struct text anchor = call_arg(c, "anchor");
    sqlite3_stmt *q = state_ask(c->s,
                                "SELECT seq, at_us, rail, kind, reference, anchor, destination, "
                                "amount, currency FROM moved WHERE (?1 IS NULL OR rail = ?1) AND "
                                "(?2 IS NULL OR anchor = ?2) ORDER BY seq",
                                "tt", rail, anchor);
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "payments");
    while (state_next(c->s, q)) {
        (void)time_format(state_int(q, 1), when);
        jw_object(&w, NULL);
        jw_int(&w, "seq", state_int(q, 0));
        jw_str(&w, "at", when);
        jw_text(&w, "rail", state_text(&c->arena, q, 2));
        jw_text(&w, "kind", state_text(&c->arena, q, 3));
        jw_text(&w, "reference", state_text(&c->arena, q, 4));
        jw_text(&w, "anchor", state_text(&c->arena, q, 5));
        jw_text(&w, "destination", state_text(&c->arena, q, 6));
        jw_i128(&w, "amount", state_int(q, 7));
        jw_text(&w, "currency", state_text(&c->arena, q, 8));
        jw_end_object(&w);
    }
    jw_end_array(&w);
    jw_end_object(&w);
}

/* --- faults ------------------------------------------------------------------------------------*/

static void faults_show(struct call *c)
{
    struct json_writer w;
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    fault_write(c->s, &w);
    jw_end_object(&w);
}

/** One object, or an array of them: all or, when one is wrong, those before it. */
static void faults_add(struct call *c)
{
    char why[200] = "the body is an object or an array of objects, in JSON";
    bool one = c->json != NULL && c->json->type == JSON_OBJECT;
    bool good = one || (c->json != NULL && c->json->type == JSON_ARRAY);
    for (const struct json *j = !good ? NULL
                                : one ? c->json
                                      : c->json->child;
         good && j != NULL; j = one ? NULL : j->next) {
        good = fault_script(c->s, j, why);
    }
    if (!good) {
        call_plain(c, 400, why);
        return;
    }
    faults_show(c);
}

static void faults_drop(struct call *c)
{
    fault_clear(c->s);
    faults_show(c);
}

/* --- clock -------------------------------------------------------------------------------------*/

static void clock_show(struct call *c)
{
    char now[TIME_TEXT_MAX];
    struct json_writer w;
    (void)time_format(sim_now(c->s), now);
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_str(&w, "now", now);
    jw_int(&w, "ahead_s", c->s->clock_us / TIME_SECOND_US);
    jw_end_object(&w);
}

/** "advance_s": so many seconds on; "now": to this moment. */
static void clock_move(struct call *c)
{
    int64_t advance_s = 0;
    mete_time now = 0;
    struct text at = call_arg(c, "now");
    if (at.len > 0 ? time_parse(at, &now) != TIME_OK
                   : !call_number(call_arg(c, "advance_s"), &advance_s)) {
        call_plain(c, 400, "advance_s, a whole number, or now, like 2026-01-31T12:00:00Z\n");
        return;
    }
    c->s->clock_us += at.len > 0 ? now - sim_now(c->s) : advance_s * TIME_SECOND_US;
    state_do(c->s, "INSERT OR REPLACE INTO meta VALUES('clock_us', ?)", "i", c->s->clock_us);
    clock_show(c);
}

static const struct route control_routes[] = {
    {"GET", "/sim", "sim.index", DOES_CONTROL, index_show},
    {"GET", "/sim/payments", "sim.payments", DOES_CONTROL, payments_show},
    {"GET", "/sim/faults", "sim.faults", DOES_CONTROL, faults_show},
    {"POST", "/sim/faults", "sim.faults", DOES_CONTROL, faults_add},
    {"DELETE", "/sim/faults", "sim.faults", DOES_CONTROL, faults_drop},
    {"GET", "/sim/clock", "sim.clock", DOES_CONTROL, clock_show},
    {"POST", "/sim/clock", "sim.clock", DOES_CONTROL, clock_move},
    {NULL, NULL, NULL, 0, NULL}};

const struct route *const sim_routes[] = {
    control_routes, lnurl_routes,   phoenixd_routes, cln_routes, lnd_routes, lnbits_routes,
    stripe_routes,  webhook_routes, bank_routes,     ecb_routes, NULL};

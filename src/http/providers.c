/* SPDX-License-Identifier: Apache-2.0
 * Providers of an API: they register, are integrated, and earn by the usage that platforms submit.
 * The state of a provider follows from what stands in the log; steps are not skipped. */
#include "http/desk.h"
#include "http/mapping.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "core/key.h"
#include "render/render.h"

/* X(symbol, name) */
#define PROVIDER_STATES(X)                                                                         \
    X(UNREGISTERED, "unregistered")                                                                \
    X(REGISTERED, "registered")                                                                    \
    X(INTEGRATED, "integrated")                                                                    \
    X(EARNING, "earning_revenue")

enum provider_state {
#define X(symbol, name) PROVIDER_##symbol,
    PROVIDER_STATES(X)
#undef X
};

static const char *const state_names[] = {
#define X(symbol, name) name,
    PROVIDER_STATES(X)
#undef X
};

/** The id of the event that takes a provider into a state. */
static struct text step_id(struct arena *a, enum provider_state state, struct text provider)
{
    char hex[65];
    struct hash h = sha256(text_bytes(provider));
    hash_hex(&h, hex);
    return arena_printf(a, "provider-%s:%.32s", state_names[state], hex);
}

static enum provider_state state_of(struct engine *e, struct arena *a, struct text provider)
{
    if (engine_seq_of(e, step_id(a, PROVIDER_INTEGRATED, provider)) != 0) {
        return PROVIDER_INTEGRATED;
    }
    return engine_seq_of(e, step_id(a, PROVIDER_REGISTERED, provider)) != 0 ? PROVIDER_REGISTERED
                                                                            : PROVIDER_UNREGISTERED;
}

/* --- POST /providers/register ------------------------------------------------------------------*/

static const char *const PROVIDER[] = {"party",       "provider", "providerId",
                                       "provider_id", "did",      NULL};
static const char *const INTEGRATION[] = {"integration", "api", "apiIntegration",
                                          "api_integration"};
static const struct body_member REGISTRATION[] = {
    {"party", {"party", "providerId", "provider_id", "provider"}},
    {"party", {"did"}},
    {"display_name", {"display_name", "displayName", "name"}},
    {"fair_server", {"fair_server", "fairServer"}},
    {"public_key", {"public_key", "publicKey"}},
    {"integration", {"integration", "api", "apiIntegration", "api_integration"}},
    {NULL, {NULL}}};

static bool has_integration(const struct json *body)
{
    for (size_t i = 0; i < ARRAY_LEN(INTEGRATION); i++) {
        const struct json *j = json_get(body, INTEGRATION[i]);
        if (j != NULL && j->type != JSON_NULL) {
            return true;
        }
    }
    return false;
}

/** Item 0 is the step; item 1 the same as an event of its own, for details that changed later. */
void provider_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct json *body = body_object(x);
    struct text provider;
    (void)d;
    (void)e;
    if (body == NULL || !body_text(x, body, PROVIDER, &provider)) {
        return;
    }
    if (provider.len == 0) {
        reply_fail(x, METE_REQUEST_INVALID, "/provider", "who registers: a DID or an address");
        return;
    }
    enum provider_state to = has_integration(body) ? PROVIDER_INTEGRATED : PROVIDER_REGISTERED;
    struct body_plan plan = {.type = EVENT_PARTY_REGISTERED,
                             .member = REGISTRATION,
                             .kind = "provider-details",
                             .said = "kind",
                             .said_text = TEXT("provider"),
                             .event_id = step_id(&x->arena, to, provider),
                             .no_quarantine = true};
    submission_new(x);
    if (body_draft(x, body, &plan)) {
        plan.event_id = (struct text){0};
        plan.no_quarantine = false;
        (void)body_draft(x, body, &plan);
    }
}

void provider_post(struct desk *d, struct engine *e, struct exchange *x)
{
    size_t i = 0;
    (void)d;
    if (submission_run(e, x, 0)->status == SUBMIT_CONFLICT) {
        (void)submission_run(e, x, ++i);
    }
    (void)submission_reply(e, x, i, 201);
}

/* --- POST /usage/submit ------------------------------------------------------------------------*/

static const struct body_member USAGE[] = {
    {"platform_id", {"platform_id", "platformId", "platform"}},
    {"server_id", {"server_id", "serverId"}},
    {"provider", {"provider", "providerId", "provider_id"}},
    {"window_start", {"window_start", "windowStart"}},
    {"window_end", {"window_end", "windowEnd"}},
    {"bytes", {"bytes", "bytesTransferred", "bytes_transferred"}},
    {"latency_ms_sum", {"latency_ms_sum", "latencyMsSum"}},
    {"batch_id", {"batch_id", "batchId"}},
    {NULL, {NULL}}};

void usage_submit_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct json *body = body_object(x);
    const struct body_plan plan = {
        .type = EVENT_USAGE_REPORTED, .member = USAGE, .kind = "usage-batch"};
    (void)d;
    (void)e;
    if (body != NULL) {
        submission_new(x);
        (void)body_draft(x, body, &plan);
    }
}

void usage_submit_post(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct submission *s = x->work;
    const struct mete_err *unused;
    struct prepared *p = s->item[0].prepared;
    (void)d;
    if (prepared_code(p, &unused) == METE_OK) {
        struct text provider = prepared_envelope(p)->event.usage.provider;
        enum provider_state state = state_of(e, &x->arena, provider);
        if (state < PROVIDER_INTEGRATED) {
            reply_fail(x, METE_STATE_FORBIDS, "/provider",
                       "the provider is %s: usage is submitted once it is integrated "
                       "(POST /providers/register with its integration)",
                       state_names[state]);
            return;
        }
    }
    (void)submission_answer(e, x, 201);
}

/* --- GET /providers/{id}/earnings --------------------------------------------------------------*/

struct search {
    uint32_t party;
    bool found;
};

static bool usage_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    struct search *s = arg;
    (void)value;
    (void)sums;
    s->found = key_read_u32(key, key.len - 4) == s->party;
    return !s->found;
}

static bool was_used(struct engine *e, struct text provider)
{
    struct search s = {0};
    struct mete_err unused;
    struct key from = key_of(KEY_USAGE);
    struct key until = key_prefix_end(from);
    return view_party(engine_view(e), provider, &s.party) == VIEW_FOUND &&
           book_scan_state(engine_book(e), key_bytes(&from), key_bytes(&until), usage_visit, &s,
                           &unused) == STORE_OK &&
           s.found;
}

static bool earnings_write(void *arg, const struct party_row *row)
{
    struct json_writer *w = arg;
    const struct balance *b = &row->balance;
    jw_object(w, NULL);
    jw_asset(w, &row->asset);
    jw_i128(w, "pending", b->pending);
    jw_i128(w, "disputed", b->disputed);
    jw_i128(w, "available", b->cleared);
    jw_i128(w, "claimed", b->paid);
    jw_end_object(w);
    return true;
}

void provider_earnings_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    struct parties_query q = {.at = engine_now(e), .party = x->param[0]};
    (void)d;
    if (!arg_time(x, "as_of", true, &q.at) || !arg_own_party(x, x->param[0])) {
        return;
    }
    enum provider_state state = state_of(e, &x->arena, x->param[0]);
    if (state == PROVIDER_INTEGRATED && was_used(e, x->param[0])) {
        state = PROVIDER_EARNING;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_text(&w, "provider", x->param[0]);
    jw_str(&w, "state", state_names[state]);
    jw_array(&w, "earnings");
    if (parties_list(e, &q, earnings_write, &w, NULL, NULL, NULL, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&w);
    jw_end_object(&w);
}

/* SPDX-License-Identifier: Apache-2.0
 * Names of metrics. What a name means never changes. */
#include "gate/meters.h"

#include "base/text.h"

static const char *const WORDS[] = {
#define X(symbol, word) word,
    GATE_OUTCOMES(X)
#undef X
};

const char *gate_outcome_word(enum gate_outcome o)
{
    return WORDS[o];
}

void meters_init(struct meters *m)
{
    m->verify.bounds = m->settle.bounds = m->upstream.bounds = &histogram_of_time;
    m->unpaid.bounds = m->request.bounds = &histogram_of_time;
}

void meters_write(struct meters *m, struct exposition *e, const struct meters_more *more)
{
    const struct metric single[] = {
        {"mete_gate_settled_unserved_total", "counter", UNIT_NONE,
         "Payments that were settled although their client had gone.",
         (int64_t)m->settled_unserved},
        {"mete_gate_payments_remembered", "gauge", UNIT_NONE,
         "Payments that are held in memory so that each is served once.", (int64_t)more->payments},
        {"mete_gate_requests_open", "gauge", UNIT_NONE,
         "Requests that wait for the upstream or the facilitator.", (int64_t)more->requests},
        {"mete_gate_routes", "gauge", UNIT_NONE, "Routes with a price.", (int64_t)more->routes},
        {"mete_gate_routes_closed", "gauge", UNIT_NONE,
         "Routes that cannot be sold now: the facilitator is away, or takes nothing they ask for.",
         (int64_t)more->routes_closed},
        {"mete_gate_config_refused", "gauge", UNIT_NONE,
         "1: the configuration was read again and refused; the one before holds.",
         (int64_t)m->is_stale}};
    const struct {
        const char *name;
        const char *help;
        const struct histogram *h;
    } times[] = {{"mete_gate_verify_seconds", "What the facilitator took to verify.", &m->verify},
                 {"mete_gate_settle_seconds", "What the facilitator took to settle.", &m->settle},
                 {"mete_gate_upstream_head_seconds", "Until the head of the upstream's answer.",
                  &m->upstream},
                 {"mete_gate_unpaid_seconds", "What an answer 402 took.", &m->unpaid},
                 {"mete_gate_request_seconds", "Whole requests.", &m->request}};
    exposition_family(e, "mete_gate_requests_total", "counter", UNIT_NONE,
                      "Requests by what became of them.");
    for (size_t i = 0; i < GATE_OUTCOME_COUNT; i++) {
        const struct label label = {"outcome", text_of(WORDS[i])};
        exposition_sample(e, &label, 1, (int64_t)m->outcome[i]);
    }
    exposition_list(e, single, ARRAY_LEN(single));
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        exposition_family(e, times[i].name, "histogram", UNIT_SECONDS, times[i].help);
        exposition_histogram(e, NULL, 0, times[i].h);
    }
}

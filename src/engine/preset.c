/* SPDX-License-Identifier: Apache-2.0
 * Presets are only sets of events, written into the log like any other. */
#include "engine/internal.h"

#include "base/text.h"

#include <string.h>

#define EPOCH "1970-01-01T00:00:00Z"
#define EVENT(id, type, payload)                                                                   \
    "{\"event_id\":\"" id "\",\"event_type\":\"" type "\",\"occurred_at\":\"" EPOCH                \
    "\",\"payload\":" payload "}"
#define EVENTS_MAX 4

static const struct preset {
    const char *name;
    const char *event[EVENTS_MAX];
} PRESETS[] = {
    {"fair",
     {EVENT("preset:fair:book", "book.configured", "{\"clear_after_days\":0}"),
      EVENT("preset:fair:fees", "fees.scheduled",
            "{\"fees\":[{\"label\":\"infrastructure\",\"bps\":200,"
            "\"payee\":\"did:fair:foundation\",\"children\":[{"
            "\"label\":\"infrastructure_pattern_attribution\",\"share_bps\":2500,"
            "\"payee\":\"did:ethr:0xWeR1Protocol\"}]}]}")}},
    {"agents",
     {EVENT("preset:agents:book", "book.configured",
            "{\"clear_after_days\":7,\"dispute_auto_clear_days\":14,"
            "\"payout_minimum\":{\"amount\":\"500\",\"currency\":\"SAT\"}}")}},
    {"providers",
     {EVENT("preset:providers:book", "book.configured", "{\"clear_after_days\":0}"),
      EVENT("preset:providers:usage", "policy.published",
            "{\"policy\":{\"id\":\"urn:mete:usage\",\"kind\":\"usage\"}}")}},
    {"economy",
     {EVENT("preset:economy:book", "book.configured", "{\"clear_after_days\":0}"),
      EVENT("preset:economy:fees", "fees.scheduled",
            "{\"fees\":[{\"label\":\"marketplace_fee\",\"bps\":300,\"payee\":\"platform\"}]}")}},
};

const char *preset_name_at(size_t i)
{
    return i < ARRAY_LEN(PRESETS) ? PRESETS[i].name : NULL;
}

enum mete_code preset_submit(struct engine *e, const char *name, struct mete_err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(PRESETS); i++) {
        if (strcmp(PRESETS[i].name, name) != 0) {
            continue;
        }
        for (size_t k = 0; k < EVENTS_MAX && PRESETS[i].event[k] != NULL; k++) {
            struct submit_result r;
            engine_submit(e, text_of(PRESETS[i].event[k]), NULL, &r);
            if (r.status == SUBMIT_REFUSED || r.status == SUBMIT_FAILED ||
                r.status == SUBMIT_CONFLICT) {
                *err = r.err;
                return r.err.code;
            }
        }
        return METE_OK;
    }
    return mete_fail(err, METE_USAGE, "", "there is no preset \"%s\"", name);
}

/* SPDX-License-Identifier: Apache-2.0
 * From an event type to the table that reads its payload. The tables stand in payload_registry.c
 * (what a book is told about its world), payload_money.c (what moves money), payload_economy.c
 * (campaigns, and what apps sell) and payload_growth.c (what growth reports), payload_payout.c and
 * payload_x402.c. */
#include "base/text.h"
#include "wire/envelope_parts.h"

enum mete_code payload_window(const struct payload_in *p, const struct json *in, const char *end,
                              mete_time start_at, mete_time end_at)
{
    if (start_at <= end_at) {
        return METE_OK;
    }
    return form_fail(p->form, json_get(in, end), METE_TIME_ORDER,
                     "this is before the start of the window");
}

static const struct payload_kind *kind_of(enum event_type type)
{
    const struct payload_kind *kind = payload_kind_registry(type);
    kind = kind != NULL ? kind : payload_kind_money(type);
    kind = kind != NULL ? kind : payload_kind_economy(type);
    kind = kind != NULL ? kind : payload_kind_growth(type);
    kind = kind != NULL ? kind : payload_kind_payout(type);
    return kind != NULL ? kind : payload_kind_x402(type);
}

bool payload_known(enum event_type type)
{
    return kind_of(type) != NULL;
}

enum mete_code payload_read(const struct payload_in *p)
{
    const struct payload_kind *kind = kind_of(p->event->type);
    METE_ASSERT(kind != NULL && kind->form != NULL);
    if (kind->prepare != NULL) {
        kind->prepare(p->event);
    }
    enum mete_code code = form_read(p->form, kind->form, p->payload, p->event);
    if (code == METE_OK && kind->check != NULL) {
        code = kind->check(p);
    }
    return code;
}

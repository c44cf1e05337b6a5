/* SPDX-License-Identifier: Apache-2.0
 * Raw content: what a book may hold only where it was told to keep it (data tier 3). By the names
 * that the documents give, which may be spelled in any case, joined in any way, and in plural. */
#include "audit/audit.h"

#include "audit/member.h"
#include "base/text.h"

#include <string.h>

static const char *const raw_names[] = {
    "clickstream",  "rawclickstream",   "clickevent",       "creativeasset", "creativebody",
    "fullcreative", "interactiontrace", "sessionrecording", "sessionreplay", "sessiontrace"};

/** Whether `name`, its letters alone, is `wanted` or many of it. */
static bool reads_as(struct text name, const char *wanted)
{
    size_t at = 0;
    size_t len = strlen(wanted);
    for (size_t i = 0; i < name.len; i++) {
        int c = name.p[i] | 0x20;
        if (c < 'a' || c > 'z' || name.p[i] < 'A') {
            continue;
        }
        if (at > len || c != (at < len ? wanted[at] : 's')) {
            return false;
        }
        at++;
    }
    return at >= len;
}

bool holds_raw_content(const struct json *value)
{
    for (const struct json *j = value != NULL ? value->child : NULL; j != NULL; j = j->next) {
        bool is_raw = false;
        for (size_t i = 0; i < ARRAY_LEN(raw_names) && j->type != JSON_NULL; i++) {
            is_raw |= value->type == JSON_OBJECT && reads_as(j->key, raw_names[i]);
        }
        if (is_raw || holds_raw_content(j)) {
            return true;
        }
    }
    return false;
}

bool is_of_economy(struct text event_type)
{
    static const char *const families[] = {"campaign.", "round.",    "commitment.",  "spend.",
                                           "kpi.",      "creative.", "attribution.", "settlement."};
    static const char *const others[] = {
        "allocation.created",     "allocation.deployed", "revenue.invoice_paid",
        "revenue.refund_issued",  "revenue.chargeback",  "revenue.subscription_cancelled",
        "app.economic_terms_set", "app.royalty_enabled", "app.royalty_disabled"};
    bool found = false;
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        found |= text_starts(event_type, families[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        found |= text_is(event_type, others[i]);
    }
    return found;
}

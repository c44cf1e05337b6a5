/* SPDX-License-Identifier: Apache-2.0
 * The bounds of keys that are bound to a party. What no row of the table names they may not send:
 * a new event type is closed to them until somebody thought of it. */
#include "http/own.h"

#include "base/text.h"
#include "engine/allocations.h"

#include <stddef.h>
#include <string.h>

/* Which member of an event names the party that speaks. */
static const struct {
    enum event_type type;
    size_t party; /* offset of a struct text in struct event; 0: an allocation, looked up later */
    const char *pointer;
} SAYS[] = {
    {EVENT_USAGE_REPORTED, offsetof(struct event, usage.provider), "/payload/provider"},
    {EVENT_PARTY_DESTINATION_SET, offsetof(struct event, destination.party), "/payload/party"},
    {EVENT_WALLET_TRANSFERRED, offsetof(struct event, transfer.from), "/payload/from"},
    {EVENT_FX_CONVERTED, offsetof(struct event, conversion.party), "/payload/party"},
    {EVENT_ALLOCATION_DISPUTED, 0, NULL},
    {EVENT_ALLOCATION_EVIDENCE_ADDED, 0, NULL},
    {EVENT_ALLOCATION_ESCALATED, 0, NULL},
};

enum mete_code own_may(const struct principal *who, const struct event *event, struct mete_err *err)
{
    if (who->party.len == 0) {
        return METE_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(SAYS); i++) {
        if (SAYS[i].type != event->type) {
            continue;
        }
        const char *at = (const char *)event + SAYS[i].party;
        if (SAYS[i].party == 0 || text_eq(*(const struct text *)(const void *)at, who->party)) {
            return METE_OK;
        }
        return mete_fail(err, METE_FORBIDDEN, SAYS[i].pointer, "this key speaks for %.*s alone",
                         (int)who->party.len, who->party.p);
    }
    return mete_fail(err, METE_FORBIDDEN, "/event_type",
                     "a key that is bound to a party may not send %s",
                     event_type_name(event->type));
}

struct search {
    struct text id; /* empty: any */
    bool found;
};

static bool row_look(void *arg, const struct allocation_row *row)
{
    struct search *s = arg;
    s->found = s->id.len == 0 || text_eq(row->id, s->id);
    return !s->found;
}

static bool search_event(struct engine *e, const struct principal *who, struct text event_id,
                         struct search *s)
{
    struct mete_err unused;
    char next[ALLOCATION_CURSOR_MAX];
    const struct allocations_query q = {
        .at = engine_now(e), .party = who->party, .event_id = event_id, .limit = UINT32_MAX};
    return allocations_list(e, &q, row_look, s, next, &unused) == METE_OK && s->found;
}

bool own_allocation(struct engine *e, const struct principal *who, struct text allocation_id)
{
    struct search s = {.id = allocation_id};
    size_t slash = allocation_id.len;
    while (slash > 0 && allocation_id.p[slash - 1] != '/') {
        slash--;
    }
    return who->party.len == 0 ||
           (slash > 1 && search_event(e, who, (struct text){allocation_id.p, slash - 1}, &s));
}

bool own_event(struct engine *e, const struct principal *who, struct text event_id)
{
    struct search s = {0};
    return who->party.len == 0 || search_event(e, who, event_id, &s);
}

bool own_explanation(const struct principal *who, struct text id, const struct explain_node *root)
{
    if (who->party.len == 0 || (strcmp(root->label, "party") == 0 && text_eq(id, who->party))) {
        return true;
    }
    for (const struct explain_fact *f = root->fact; f != NULL; f = f->next) {
        if (strcmp(f->name, "party") == 0) {
            return text_eq(f->value, who->party);
        }
    }
    return false;
}

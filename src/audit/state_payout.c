/* SPDX-License-Identifier: Apache-2.0
 * The rows of payouts after the events: batches and what they add up to, transfers, attempts and
 * their anchors, the outbox, holds and destinations, held against what the events add up to. */
#include <stdio.h>
#include <string.h>

#include "audit/member.h"
#include "audit/said.h"
#include "base/encode.h"
#include "base/i128.h"
#include "base/text.h"

/* What the row names by the seq of the event that made it. */
static void *numbered(struct audit *a, const struct map *map, const struct json *line,
                      const char *kind, const char *member, struct said *s)
{
    uint64_t seq = 0;
    *s = (struct said){.a = a, .line = line, .kind = kind, .id = member_text(line, member)};
    void **slot = export_u64(line, member, &seq)
                      ? map_get(map, (struct bytes){(const uint8_t *)&seq, sizeof seq})
                      : NULL;
    if (slot == NULL) {
        report_difference(a->report, "%s %.*s: no event tells of it", kind, (int)s->id.len,
                          s->id.len > 0 ? s->id.p : "");
    }
    return slot != NULL ? *slot : NULL;
}

static void check_batch(struct audit *a, const struct json *line)
{
    struct said s;
    struct payout_batch *b =
        numbered(a, &a->payouts.batch_numbered, line, "payout_batch", "seq", &s);
    if (b == NULL) {
        return;
    }
    said_once(&s, &b->exported);
    said_text(&s, "state", text_of(b->is_closed ? "closed" : "open"));
    said_asset(&s, b->asset);
    said_text(&s, "rail", b->rail);
    said_text(&s, "pays", text_of(b->on_demand ? "asked" : "all"));
    said_amount(&s, "minimum", b->minimum);
    said_amount(&s, "fee", b->fee);
    said_number(&s, "fee_cap_bps", b->fee_cap_bps);
    said_moment(&s, "cutoff_at", b->cutoff_at);
    said_amount(&s, "transfers", b->count);
    said_amount(&s, "amount", b->amount);
    said_amount(&s, "resting", b->resting);
    said_amount(&s, "paid", b->paid);
}

static void check_payout(struct audit *a, const struct json *line)
{
    struct said s;
    struct payout *t = numbered(a, &a->payouts.numbered, line, "payout", "seq", &s);
    if (t == NULL) {
        return;
    }
    said_once(&s, &t->exported);
    said_number(&s, "batch", t->batch->seq);
    said_text(&s, "party", t->party);
    said_asset(&s, t->batch->asset);
    said_text(&s, "state", text_of(t->state));
    said_number(&s, "attempts", t->attempts);
    said_number(&s, "looks", t->looks);
    said_amount(&s, "amount", t->amount);
    said_amount(&s, "held", t->held);
    said_amount(&s, "paid", t->paid);
    said_amount(&s, "returned", t->returned);
    said_moment(&s, "due", t->due);
}

static void said_anchor(const struct said *s, const struct payout_attempt *x)
{
    char hex[2 * PAYOUT_ANCHOR_LEN + 1];
    hex_encode(hex, (struct bytes){x->anchor, PAYOUT_ANCHOR_LEN});
    said_text(s, "anchor", text_of(hex));
}

static void said_bodies(const struct said *s, const struct payout_attempt *x)
{
    const struct json *list = json_get(s->line, "bodies");
    bool same = list != NULL && list->type == JSON_ARRAY && list->count == x->bodies;
    const struct json *seq = same ? list->child : NULL;
    for (uint32_t i = 0; seq != NULL; seq = seq->next) {
        u128 number;
        same &=
            seq->type == JSON_STRING && u128_parse(seq->text, &number) && number == x->body[i++];
    }
    if (!same) {
        report_difference(s->a->report, "%s of payout %.*s: its bodies are not those of its events",
                          s->kind, (int)s->id.len, s->id.p);
    }
}

static struct payout_attempt *attempt_of(struct audit *a, const struct json *line, const char *kind,
                                         struct said *s)
{
    uint64_t number = 0;
    struct payout *t = numbered(a, &a->payouts.numbered, line, kind, "payout", s);
    if (t != NULL &&
        (!export_u64(line, "attempt", &number) || number == 0 || number > t->attempts)) {
        report_difference(a->report, "%s of payout %.*s: no event tells of it", kind,
                          (int)s->id.len, s->id.p);
        return NULL;
    }
    return t != NULL ? &t->attempt[number] : NULL;
}

static void check_attempt(struct audit *a, const struct json *line)
{
    struct said s;
    struct payout_attempt *x = attempt_of(a, line, "attempt", &s);
    if (x != NULL) {
        said_once(&s, &x->exported);
        said_text(&s, "outcome", text_of(x->outcome));
        said_anchor(&s, x);
        said_amount(&s, "paid", x->paid);
        said_amount(&s, "returned", x->returned);
        said_number(&s, "made", x->made);
        said_bodies(&s, x);
    }
}

static void check_anchor(struct audit *a, const struct json *line)
{
    struct said s;
    struct payout_attempt *x = attempt_of(a, line, "anchor", &s);
    if (x != NULL) {
        said_once(&s, &x->anchor_exported);
        said_anchor(&s, x);
    }
}

static void check_outbox(struct audit *a, const struct json *line)
{
    struct said s;
    struct payout *t = numbered(a, &a->payouts.numbered, line, "outbox", "payout", &s);
    if (t != NULL) {
        said_once(&s, &t->outbox_exported);
        said_moment(&s, "due", t->due);
    }
}

static void check_in_batch(struct audit *a, const struct json *line)
{
    struct said s;
    struct payout *t = numbered(a, &a->payouts.numbered, line, "batch_party", "payout", &s);
    if (t != NULL) {
        said_once(&s, &t->listed);
        said_number(&s, "batch", t->batch->seq);
        said_text(&s, "party", t->party);
    }
}

static void check_hold(struct audit *a, const struct json *line)
{
    struct said s;
    struct payout_hold *h = said_find(a, &a->payouts.hold_of, line, "hold", "party", &s);
    if (h != NULL) {
        said_once(&s, &h->exported);
        said_text(&s, "why", text_of(h->why != NULL ? h->why : ""));
        said_number(&s, "since", h->since);
    }
}

static void check_destination(struct audit *a, const struct json *line)
{
    struct said s;
    struct payout_place *p = said_find(a, &a->payouts.place_of, line, "destination", "party", &s);
    if (p != NULL) {
        said_once(&s, &p->exported);
        said_text(&s, "rail", p->rail);
        said_moment(&s, "holds_from", p->holds_from);
        said_number(&s, "set_by", p->set_by);
    }
}

bool state_check_payout(struct audit *a, const struct export_line *line)
{
    static const struct {
        const char *kind;
        void (*check)(struct audit *, const struct json *);
    } checks[] = {
        {"payout_batch", check_batch}, {"payout", check_payout},
        {"attempt", check_attempt},    {"anchor", check_anchor},
        {"outbox", check_outbox},      {"batch_party", check_in_batch},
        {"hold", check_hold},          {"destination", check_destination},
    };
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        if (text_is(line->kind, checks[i].kind)) {
            checks[i].check(a, line->object);
            return true;
        }
    }
    return false;
}

/* --- what is missing ---------------------------------------------------------------------------*/

static void missing(struct audit *a, const char *kind, struct bytes id)
{
    report_difference(a->report, "%s %.*s is missing", kind, (int)id.len, (const char *)id.p);
}

static void missing_transfer(struct audit *a, const struct payout *t, struct bytes id)
{
    if (!t->exported) {
        missing(a, "payout", id);
    }
    if (!t->listed) {
        missing(a, "what its batch lists as payout", id);
    }
    if (!t->outbox_exported && !payout_rests(t)) {
        missing(a, "the row in the outbox of payout", id);
    }
    for (uint32_t i = 1; i <= t->attempts; i++) {
        bool has_anchor = strcmp(t->attempt[i].outcome, "unmade") != 0;
        if (!t->attempt[i].exported || t->attempt[i].anchor_exported != has_anchor) {
            missing(a, "an attempt of payout", id);
        }
    }
}

void state_missing_payout(struct audit *a)
{
    const struct payouts *p = &a->payouts;
    size_t i = 0;
    struct bytes id;
    void *value;
    while (map_next(&p->batch_of, &i, &id, &value)) {
        if (!(*(struct payout_batch **)value)->exported) {
            missing(a, "payout_batch", id);
        }
    }
    for (i = 0; map_next(&p->transfer_of, &i, &id, &value);) {
        missing_transfer(a, *(struct payout **)value, id);
    }
    for (i = 0; map_next(&p->hold_of, &i, &id, &value);) {
        const struct payout_hold *h = *(struct payout_hold **)value;
        if (h->why != NULL && !h->exported) {
            missing(a, "the hold of", id);
        }
    }
    for (i = 0; map_next(&p->place_of, &i, &id, &value);) {
        if (!(*(struct payout_place **)value)->exported) {
            missing(a, "the destination of", id);
        }
    }
}

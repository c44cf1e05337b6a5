/* SPDX-License-Identifier: Apache-2.0
 * settlement.*: what is initiated leaves the party's cleared money and stands in mete:payout until
 * it is paid to the world outside, or has failed and is the party's again. */
#include "audit/audit.h"

#include "audit/machines.h"
#include "audit/member.h"
#include "base/i128.h"
#include "base/text.h"

/* Between the party and one of mete's own. */
static void move(struct moment *m, struct want *w, const struct settlement *s, enum own_party own,
                 bool out)
{
    struct want_group *g = want_group(m, w, FOUND_TRANSFER, s->asset, 0);
    (void)want_line(m, g, FOUND_MOVED, s->party, out ? -s->amount : s->amount);
    (void)want_own_line(m, g, FOUND_MOVED, own, out ? s->amount : -s->amount);
}

static void move_out(struct moment *m, struct want *w, const struct settlement *s)
{
    struct want_group *g = want_group(m, w, FOUND_TRANSFER, s->asset, 0);
    (void)want_own_line(m, g, FOUND_MOVED, OWN_PAYOUT, -s->amount);
    (void)want_own_line(m, g, FOUND_MOVED, OWN_CLEARING, s->amount);
}

static void begin(struct audit *a, struct moment *m, struct want *w, struct settlement *s)
{
    s->party = member_keep(a->economy.keep, m->payload, "beneficiary_id");
    if (!book_money(m->book, json_get(m->payload, "amount"), &s->asset, &s->amount) ||
        s->asset == NULL || s->amount == 0) {
        event_forbidden(m, "its amount is none");
        return;
    }
    uint32_t party = names_number(&m->book->parties, s->party);
    const struct account *x = ledger_find(&a->ledger, party, s->asset->number);
    struct balance b = x != NULL ? account_balance(x, m->booked_at) : (struct balance){0};
    if (b.cleared < s->amount) {
        char has[I128_TEXT_MAX];
        (void)i128_format(b.cleared, has);
        event_forbidden(m, "no more than %s is cleared", has);
    }
    move(m, w, s, OWN_PAYOUT, true);
}

void settlement_take(struct audit *a, struct moment *m, struct want *w)
{
    bool made;
    struct text id = member_text(m->payload, "settlement_id");
    struct text type = event_kind_of(m);
    struct settlement **slot = map_put(&a->economy.settlement_of, text_bytes(id), &made);
    if (made) {
        *slot = arena_alloc(a->economy.keep, sizeof **slot);
        (*slot)->state = STATE_NEW;
    }
    struct settlement *s = *slot;
    if (!machine_allows(SETTLEMENT_MACHINE, s->state, type, 0, &s->state)) {
        event_forbidden(m, "the settlement has another state");
    }
    if (text_is(type, "settlement.initiated")) {
        begin(a, m, w, s);
    } else if (s->asset == NULL) {
        return; /* said when it began */
    } else if (text_is(type, "settlement.paid")) {
        uint32_t party = names_number(&m->book->parties, s->party);
        struct account *x = ledger_obtain(&a->ledger, party, s->asset->number);
        x->paid = i128_plus(x->paid, s->amount);
        move_out(m, w, s);
    } else {
        move(m, w, s, OWN_PAYOUT, false);
    }
}

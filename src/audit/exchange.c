/* SPDX-License-Identifier: Apache-2.0
 * A rate holds for seven days from the moment that it is of. A pair without one of its own goes the
 * other way round, then over EUR, then over USD. */
#include "audit/exchange.h"

#include "audit/member.h"
#include "base/i128.h"
#include "base/text.h"

#include <string.h>

#define RATE_HOLDS (7 * 24 * 3600 * TIME_SECOND_US)

struct held_rate {
    struct frac value;
    bool is_usable;
    mete_time as_of;
    uint64_t seq;
};

static struct bytes pair_key(struct arena *a, struct text base, struct text quote)
{
    return text_bytes(arena_printf(a, "%.*s/%.*s", (int)base.len, base.p, (int)quote.len, quote.p));
}

void rate_note(const struct moment *m)
{
    bool made;
    struct book *b = m->book;
    const struct bytes key =
        pair_key(m->arena, member_text(m->payload, "base"), member_text(m->payload, "quote"));
    struct held_rate **slot = map_put(&b->rate_of, key, &made);
    if (made) {
        *slot = arena_alloc(&b->keep, sizeof **slot);
    }
    (*slot)->is_usable = frac_parse(&(*slot)->value, member_text(m->payload, "rate")) &&
                         !frac_is_zero(&(*slot)->value);
    (*slot)->as_of = member_time(m->payload, "as_of", false, 0);
    (*slot)->seq = m->seq;
}

static const struct held_rate *rate_at(const struct moment *m, struct text base, struct text quote)
{
    struct held_rate **slot = map_get(&m->book->rate_of, pair_key(m->arena, base, quote));
    const struct held_rate *r = slot != NULL ? *slot : NULL;
    return r != NULL && r->is_usable && m->booked_at <= r->as_of + RATE_HOLDS ? r : NULL;
}

struct way {
    struct frac value; /* of `to` for one of `from` */
    uint64_t first, second;
};

static bool way_find(const struct moment *m, struct text from, struct text to, struct way *out)
{
    static const struct text middle[] = {{"EUR", 3}, {"USD", 3}};
    const struct frac one = frac_int(1);
    const struct held_rate *there = rate_at(m, from, to);
    const struct held_rate *back = there == NULL ? rate_at(m, to, from) : NULL;
    if (there != NULL) {
        *out = (struct way){there->value, there->seq, there->seq};
        return true;
    }
    if (back != NULL) {
        out->first = out->second = back->seq;
        return frac_div(&out->value, &one, &back->value);
    }
    for (size_t i = 0; i < ARRAY_LEN(middle); i++) {
        const struct held_rate *a = rate_at(m, middle[i], from);
        const struct held_rate *b = rate_at(m, middle[i], to);
        if (a != NULL && b != NULL) {
            out->first = a->seq;
            out->second = b->seq;
            return frac_div(&out->value, &b->value, &a->value);
        }
    }
    return false;
}

/** floor(amount * value * 10^to / 10^from) */
static bool convert(const struct way *way, i128 amount, const struct asset *from,
                    const struct asset *to, i128 *out)
{
    struct big up, down;
    struct frac scale;
    struct frac x = frac_int(amount);
    big_pow10(&up, to->scale);
    big_pow10(&down, from->scale);
    return frac_of(&scale, &up, &down) && frac_mul(&x, &x, &way->value) &&
           frac_mul(&x, &x, &scale) && frac_floor(&x, out);
}

static void own_line(struct moment *m, struct want_group *g, i128 amount)
{
    struct want_line *l = want_line(m, g, FOUND_MOVED, (struct text){0}, amount);
    l->party = OWN_EXCHANGE;
}

static void funds_judge(const struct ledger *l, struct moment *m, uint32_t party,
                        const struct asset *asset, i128 amount)
{
    const struct account *a = ledger_find(l, party, asset->number);
    struct balance b = a != NULL ? account_balance(a, m->booked_at) : (struct balance){0};
    if (b.cleared < amount) {
        char has[I128_TEXT_MAX];
        (void)i128_format(b.cleared, has);
        report_difference(m->book->report, "the book let it convert more than is cleared: %s", has);
    }
}

void conversion_take(const struct ledger *l, struct moment *m, struct want *w)
{
    const struct text party = member_text(m->payload, "party");
    struct asset *from;
    struct asset *to = book_asset(m->book, member_text(m->payload, "to"));
    struct way way;
    i128 amount, made;
    if (!book_money(m->book, json_get(m->payload, "amount"), &from, &amount) || to == NULL) {
        report_difference(m->book->report, "its amount or its currencies cannot be read");
        return;
    }
    if (!way_find(m, from->code, to->code, &way) || !convert(&way, amount, from, to, &made)) {
        report_difference(m->book->report, "the book converted it without a rate that holds");
        return;
    }
    struct want_group *given = want_group(m, w, FOUND_TRANSFER, from, 0);
    given->target_seq = way.first;
    funds_judge(l, m, want_line(m, given, FOUND_MOVED, party, -amount)->party, from, amount);
    own_line(m, given, amount);
    struct want_group *got = want_group(m, w, FOUND_TRANSFER, to, 0);
    got->target_seq = way.second;
    own_line(m, got, -made);
    (void)want_line(m, got, FOUND_MOVED, party, made);
}

/* SPDX-License-Identifier: Apache-2.0
 * Metered costs: exact sums by policy, currency, customer and day; whole minor units are booked,
 * the rest stays with its meter. */
#include <stdlib.h>

#include "audit/member.h"
#include "audit/split.h"
#include "audit/usage.h"
#include "base/buf.h"
#include "base/text.h"
#include "mete/error.h"

struct meter_day {
    int32_t day;
    struct frac cost; /* in major units */
};

struct meter {
    struct text currency;
    struct text customer; /* empty: nobody in particular */
    struct frac carried;  /* below one minor unit, in major units */
    struct meter_day *day;
    uint32_t day_count, day_capacity;
};

struct meter_list {
    struct meter **meter;
    uint32_t count, capacity;
};

static struct meter *obtain_meter(struct usage *u, struct text policy, struct text currency,
                                  struct text customer)
{
    struct buf key = {0};
    bool made;
    buf_put_sized(&key, policy);
    buf_put_sized(&key, currency);
    buf_put_text(&key, customer);
    struct meter **slot = map_put(&u->meters, buf_bytes(&key), &made);
    buf_clear(&key);
    if (!made) {
        return *slot;
    }
    struct meter *meter = *slot = arena_alloc(u->keep, sizeof *meter);
    meter->currency = arena_text(u->keep, currency);
    meter->customer = arena_text(u->keep, customer);
    meter->carried = frac_int(0);
    struct meter_list **list = map_put(&u->metered_of, text_bytes(policy), &made);
    if (made) {
        *list = arena_alloc(u->keep, sizeof **list);
    }
    struct meter_list *all = *list;
    all->meter =
        arena_grow(u->keep, all->meter, all->count, &all->capacity, sizeof(struct meter *));
    all->meter[all->count++] = meter;
    return meter;
}

static struct frac *cost_of_day(struct usage *u, struct meter *meter, int32_t day)
{
    for (uint32_t i = 0; i < meter->day_count; i++) {
        if (meter->day[i].day == day) {
            return &meter->day[i].cost;
        }
    }
    meter->day = arena_grow(u->keep, meter->day, meter->day_count, &meter->day_capacity,
                            sizeof meter->day[0]);
    meter->day[meter->day_count] = (struct meter_day){day, frac_int(0)};
    return &meter->day[meter->day_count++].cost;
}

void usage_take_cost(struct usage *u, const struct moment *m)
{
    const struct json *cost = json_get(m->payload, "cost");
    struct frac amount;
    struct meter *meter =
        obtain_meter(u, member_text(m->payload, "policy"), member_text(cost, "currency"),
                     member_text(m->payload, "customer_wallet"));
    mete_time at = member_time(m->payload, "at", false, m->occurred_at);
    struct frac *sum = cost_of_day(u, meter, time_day(at));
    if (!member_frac(cost, "amount", &amount) || amount.negative || !frac_add(sum, sum, &amount)) {
        report_difference(m->book->report, "its cost cannot be read");
    }
}

/* All that is open up to and including `day`; false when a number is beyond reach. */
static bool open_until(const struct meter *meter, int32_t day, struct frac *out)
{
    *out = meter->carried;
    for (uint32_t i = 0; i < meter->day_count; i++) {
        if (meter->day[i].day <= day && !frac_add(out, out, &meter->day[i].cost)) {
            return false;
        }
    }
    return true;
}

static void drop_days(struct meter *meter, int32_t day)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < meter->day_count; i++) {
        if (meter->day[i].day > day) {
            meter->day[kept++] = meter->day[i];
        }
    }
    meter->day_count = kept;
}

/* The whole minor units of an amount; what is below one stays as *carried. */
static bool whole_units(const struct asset *asset, const struct frac *amount, i128 *minor,
                        struct frac *carried)
{
    struct frac unit, units, booked;
    struct big power, one;
    big_pow10(&power, asset->scale);
    big_set(&one, 1);
    if (!frac_of(&unit, &power, &one) || !frac_mul(&units, amount, &unit) ||
        !frac_floor(&units, minor)) {
        return false;
    }
    booked = frac_int(*minor);
    return frac_div(&booked, &booked, &unit) && frac_sub(carried, amount, &booked);
}

static bool has_whole_units(struct moment *m, const struct meter_list *list, int32_t day)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct meter *meter = list->meter[i];
        const struct asset *asset = book_asset(m->book, meter->currency);
        struct frac open, rest;
        i128 minor;
        if (asset == NULL || !open_until(meter, day, &open) ||
            !whole_units(asset, &open, &minor, &rest) || minor > 0) {
            return true;
        }
    }
    return false;
}

void metering_judge(struct usage *u, struct moment *m, struct want *w)
{
    struct text policy = member_text(m->payload, "policy");
    struct meter_list **list = map_get(&u->metered_of, text_bytes(policy));
    int32_t day;
    if (policy_at(book_policy(m->book, policy), m->occurred_at) == NULL) {
        want_waits(m, w, METE_POLICY_UNKNOWN, policy);
    } else if (list != NULL && time_parse_day(member_text(m->payload, "day"), &day) &&
               has_whole_units(m, *list, day)) {
        split_judge(m, w, policy);
    }
}

struct due_meter {
    struct meter *meter;
    struct asset *asset;
    uint32_t customer;
    i128 gross;
};

static int by_asset_and_customer(const void *left, const void *right)
{
    const struct due_meter *a = left, *b = right;
    uint32_t x = a->asset->number, y = b->asset->number;
    if (x != y) { /* numbers that are not learnt yet come last */
        return x - 1 < y - 1 ? -1 : 1;
    }
    if (a->customer != b->customer) {
        return a->customer < b->customer ? -1 : 1;
    }
    return text_cmp(a->meter->currency, b->meter->currency);
}

static uint32_t close_meters(struct moment *m, const struct meter_list *list, int32_t day,
                             struct due_meter *due)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        struct meter *meter = list->meter[i];
        struct asset *asset = book_asset(m->book, meter->currency);
        struct frac open;
        i128 minor = 0;
        if (asset == NULL || !open_until(meter, day, &open) ||
            !whole_units(asset, &open, &minor, &meter->carried)) {
            report_difference(m->book->report, "the metered costs in %.*s cannot be computed",
                              (int)meter->currency.len,
                              meter->currency.len > 0 ? meter->currency.p : "");
        }
        drop_days(meter, day);
        if (minor > 0) {
            due[count++] = (struct due_meter){
                meter, asset, names_number(&m->book->parties, meter->customer), minor};
        }
    }
    qsort(due, count, sizeof due[0], by_asset_and_customer);
    return count;
}

void metering_split(struct usage *u, struct carry *c, struct moment *m, struct want *w)
{
    struct text policy = member_text(m->payload, "policy");
    struct meter_list **list = map_get(&u->metered_of, text_bytes(policy));
    int32_t day;
    if (!time_parse_day(member_text(m->payload, "day"), &day)) {
        report_difference(m->book->report, "its day cannot be read");
        return;
    }
    if (list == NULL) {
        return;
    }
    struct due_meter *due = arena_array(m->arena, (*list)->count, sizeof due[0]);
    uint32_t count = close_meters(m, *list, day, due);
    for (uint32_t i = 0; i < count; i++) {
        struct want_group *g = want_group(m, w, FOUND_REVENUE, due[i].asset, due[i].gross);
        g->customer = due[i].meter->customer;
        g->has_clears_at = true;
        g->clears_at = want_clears_at(m);
        i128 net = split_charges(m, g, false, 0);
        split_policy(m, c, g, policy, net);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * Sums up the file that stats.c writes. Amounts of different assets are never added: a row is of
 * one asset on one network, or has no payments. */
#include "base/map.h"
#include "base/text.h"
#include "gate/stats.h"
#include "wire/json.h"

#include <string.h>

#define LINE_MAX_LEN ((size_t)64 << 10)

struct reading {
    struct arena *a;
    unsigned by;
    mete_time from, until;
    struct omap rows;     /* key to struct stats_row */
    struct omap unserved; /* network, asset and transaction to struct unserved */
    struct stats_report *out;
};

/** Payments that nobody was served for yet; several may be in one transaction. */
struct unserved {
    struct stats_row *row; /* in which the last one of them counts */
    uint64_t count;
};

static struct text member(const struct json *j, const char *name)
{
    const struct json *m = json_get(j, name);
    return m != NULL && m->type == JSON_STRING ? m->text : (struct text){0};
}

static uint64_t number(const struct json *j, const char *name)
{
    int64_t v = 0;
    const struct json *m = json_get(j, name);
    return m != NULL && json_int(m, 0, INT64_MAX, &v) ? (uint64_t)v : 0;
}

/** The row of these values, made when it is not there. */
static struct stats_row *row_of(struct reading *r, struct text route, struct text day,
                                struct text network, struct text asset)
{
    struct buf key = {0};
    bool made;
    struct text *const parts[] = {&route, &day, &network, &asset};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        bool wanted = i >= 2 ? parts[i]->len > 0 : (r->by & (1u << i)) != 0;
        *parts[i] = wanted ? *parts[i] : (struct text){0};
        buf_put_text(&key, *parts[i]);
        buf_put_u8(&key, 0);
    }
    struct stats_row *row = omap_put(&r->rows, buf_bytes(&key), &made);
    if (made) {
        *row = (struct stats_row){.route = arena_text(r->a, route),
                                  .day = arena_text(r->a, day),
                                  .network = arena_text(r->a, network),
                                  .asset = arena_text(r->a, asset),
                                  .decimals = -1};
    }
    buf_clear(&key);
    return row;
}

static void transaction_key(struct buf *out, const struct json *j)
{
    static const char *const MEMBERS[] = {"network", "asset", "transaction"};
    for (size_t i = 0; i < ARRAY_LEN(MEMBERS); i++) {
        buf_put_text(out, member(j, MEMBERS[i]));
        buf_put_u8(out, 0);
    }
}

static void unserved_add(struct reading *r, const struct json *j, struct stats_row *row)
{
    struct buf key = {0};
    transaction_key(&key, j);
    struct unserved *u = omap_put(&r->unserved, buf_bytes(&key), NULL);
    u->row = row;
    u->count++;
    row->unserved++;
    buf_clear(&key);
}

/** It counts where it was paid, whenever and by whichever route that is. */
static void served_add(struct reading *r, const struct json *j)
{
    struct buf key = {0};
    transaction_key(&key, j);
    struct unserved *u = omap_get(&r->unserved, buf_bytes(&key));
    if (u != NULL) {
        u->row->unserved -= u->row->unserved > 0;
        u->count--;
    }
    if (u != NULL && u->count == 0) {
        (void)omap_remove(&r->unserved, buf_bytes(&key));
    }
    buf_clear(&key);
}

static bool payment_add(struct reading *r, const struct json *j, struct text day)
{
    struct u256 amount;
    int64_t decimals = -1;
    const struct json *d = json_get(j, "decimals");
    if (!u256_parse(member(j, "amount"), &amount)) {
        return false;
    }
    struct stats_row *row =
        row_of(r, member(j, "route"), day, member(j, "network"), member(j, "asset"));
    if (d != NULL && json_int(d, 0, 255, &decimals)) {
        row->decimals = decimals;
    }
    row->symbol = row->symbol.len > 0 ? row->symbol : arena_text(r->a, member(j, "symbol"));
    const struct json *served = json_get(j, "served");
    if (served != NULL && served->type == JSON_FALSE) {
        unserved_add(r, j, row);
    }
    row->paid++;
    return u256_add(row->revenue, amount, &row->revenue);
}

static void requests_add(struct reading *r, const struct json *j, struct text day)
{
    static const char *const FAILED[] = {"refused",  "unsettled", "pending", "unavailable",
                                         "upstream", "uncharged", "left",    "invalid"};
    struct stats_row *row = row_of(r, member(j, "route"), day, (struct text){0}, (struct text){0});
    uint64_t failed = 0;
    for (size_t i = 0; i < ARRAY_LEN(FAILED); i++) {
        failed += number(j, FAILED[i]);
    }
    row->asked += number(j, "asked");
    row->free += number(j, "free");
    row->failed += failed;
    row->requests +=
        number(j, "asked") + number(j, "free") + failed + number(j, "paid") + number(j, "repeated");
}

static bool line_add(struct reading *r, struct text line)
{
    struct arena a;
    struct json *j;
    mete_time at;
    bool good = false;
    char day[11];
    if (line.len > LINE_MAX_LEN) {
        return false;
    }
    arena_init(&a, JSON_ARENA_MAX(line.len) + 4096);
    if (json_parse(&a, line, &j, NULL) == METE_OK && time_parse(member(j, "at"), &at) == TIME_OK) {
        struct text kind = member(j, "kind");
        time_format_day(time_day(at), day);
        good = true;
        if (at >= r->from && at < r->until && text_is(kind, "payment")) {
            good = payment_add(r, j, text_of(day));
        } else if (text_is(kind, "served")) {
            served_add(r, j);
        } else if (at >= r->from && at < r->until && text_is(kind, "requests")) {
            requests_add(r, j, text_of(day));
        }
    }
    arena_clear(&a);
    return good;
}

void stats_report(struct arena *a, struct text file, unsigned by, mete_time from, mete_time until,
                  struct stats_report *out)
{
    struct reading r = {.a = a, .by = by, .from = from, .until = until, .out = out};
    *out = (struct stats_report){0};
    omap_init(&r.rows, sizeof(struct stats_row), 5);
    omap_init(&r.unserved, sizeof(struct unserved), 7);
    for (size_t at = 0; at < file.len;) {
        const char *end = memchr(file.p + at, '\n', file.len - at);
        size_t len = end != NULL ? (size_t)(end - file.p) - at : file.len - at;
        out->broken += len > 0 && !line_add(&r, (struct text){file.p + at, len});
        at += len + 1;
    }
    out->row = arena_array(a, r.rows.count + 1, sizeof *out->row);
    for (struct omap_node *n = omap_seek(&r.rows, (struct bytes){0}); n != NULL; n = omap_next(n)) {
        out->row[out->count++] = *(const struct stats_row *)omap_value(n);
    }
    omap_clear(&r.rows);
    omap_clear(&r.unserved);
}

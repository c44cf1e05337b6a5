/* SPDX-License-Identifier: Apache-2.0
 * What payments by x402 add up to, by days and resources, and what their transactions have cost,
 * held against the rows that the book keeps for reading. */
#include "audit/audit.h"

#include <inttypes.h>
#include <string.h>

#include "audit/member.h"
#include "audit/said.h"
#include "base/text.h"
#include "crypto/hash.h"

enum { SETTLED, VALUE, FAILED, PAYERS };
enum { TRANSACTIONS, USED, COST };

static struct x402_sum *sum_of(struct audit *a, struct text id)
{
    bool made;
    struct x402_sum *sum = map_put(&a->x402.sum_of, text_bytes(id), &made);
    if (made) {
        *sum = (struct x402_sum){.exported = false};
    }
    return sum;
}

/* Who pays again is no further payer. */
static int payer_count(struct audit *a, struct moment *m, const struct x402_entry *p,
                       struct text id, int by)
{
    struct text key =
        arena_printf(m->arena, "%.*s %.*s", (int)id.len, id.p, (int)p->from.len, p->from.p);
    int64_t *count = map_put(&a->x402.payer_of, text_bytes(key), NULL);
    bool before = *count > 0;
    *count += by;
    return (*count > 0) - before;
}

static void count_under(struct audit *a, struct moment *m, const struct x402_entry *p, int by,
                        struct text id)
{
    struct x402_sum *sum = sum_of(a, id);
    if (strcmp(p->state, "settled") == 0) {
        int payers = payer_count(a, m, p, id, by);
        sum->sum[SETTLED] = i128_plus(sum->sum[SETTLED], by);
        sum->sum[VALUE] = i128_plus(sum->sum[VALUE], by * p->amount);
        sum->sum[PAYERS] = i128_plus(sum->sum[PAYERS], payers);
    } else {
        sum->sum[FAILED] = i128_plus(sum->sum[FAILED], by);
    }
}

static void gas_count(struct audit *a, struct moment *m, const struct x402_entry *p, int by)
{
    struct text id =
        arena_printf(m->arena, "gas %" PRId32 " %.*s", p->day, (int)p->network.len, p->network.p);
    struct x402_sum *gas = sum_of(a, id);
    gas->sum[TRANSACTIONS] = i128_plus(gas->sum[TRANSACTIONS], by);
    gas->sum[USED] = i128_plus(gas->sum[USED], by * (i128)p->gas_used);
    gas->sum[COST] = i128_plus(gas->sum[COST], by * p->gas_cost);
}

/* Of a day, of a resource on a day, of a resource. */
void x402_count(struct audit *a, struct moment *m, const struct x402_entry *p, int by)
{
    char asset[64] = "", resource[65], every[33] = "00000000000000000000000000000000";
    struct hash h = sha256(text_bytes(p->resource));
    hash_hex(&h, resource);
    if (p->unit != NULL) {
        asset_format(p->unit, asset);
    }
    for (int of = 1; of <= 3; of++) {
        struct text id =
            arena_printf(m->arena, "%d %" PRId32 " %.32s %s %.*s", of, of == 3 ? 0 : p->day,
                         of == 1 ? every : resource, asset, (int)p->network.len, p->network.p);
        count_under(a, m, p, by, id);
    }
    if (p->gas_used > 0) {
        gas_count(a, m, p, by);
    }
}

/* --- rows --------------------------------------------------------------------------------------*/

static void check(struct audit *a, const struct json *line, const char *kind, struct text id,
                  const char *const *member)
{
    struct said s = {.a = a, .line = line, .kind = kind, .id = id};
    struct x402_sum *sum = sum_of(a, id);
    said_once(&s, &sum->exported);
    for (size_t i = 0; member[i] != NULL; i++) {
        said_amount(&s, member[i], sum->sum[i]);
    }
}

void x402_check_sums(struct audit *a, const struct json *line)
{
    static const char *const parts[] = {"of", "day", "resource", "asset", "network"};
    static const char *const members[] = {"settled", "value", "failed", "payers", NULL};
    struct buf id = {0};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        buf_put_str(&id, i > 0 ? " " : "");
        buf_put_text(&id, member_text(line, parts[i]));
    }
    check(a, line, "x402_sums", buf_text(&id), members);
    buf_clear(&id);
}

void x402_check_gas(struct audit *a, const struct json *line)
{
    static const char *const members[] = {"transactions", "used", "cost", NULL};
    struct buf id = {0};
    struct text day = member_text(line, "day"), network = member_text(line, "network");
    buf_printf(&id, "gas %.*s %.*s", (int)day.len, day.p, (int)network.len, network.p);
    check(a, line, "x402_gas", buf_text(&id), members);
    buf_clear(&id);
}

void x402_missing_sums(struct audit *a)
{
    size_t i = 0;
    struct bytes id;
    void *value;
    while (map_next(&a->x402.sum_of, &i, &id, &value)) {
        const struct x402_sum *sum = value;
        bool is_zero = sum->sum[0] == 0 && sum->sum[1] == 0 && sum->sum[2] == 0 && sum->sum[3] == 0;
        if (!sum->exported && !is_zero) {
            report_difference(a->report, "x402_sums %.*s is missing", (int)id.len,
                              (const char *)id.p);
        }
    }
}

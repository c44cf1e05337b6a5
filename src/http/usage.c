/* SPDX-License-Identifier: Apache-2.0
 * Reports of command-line tools: many calls with their costs, added up exactly into one event for
 * each policy, endpoint, currency and hour. A report counts once: by its id, else by its bytes. */
#include "http/desk.h"
#include "http/mapping.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/limits.h"
#include "base/map.h"
#include "base/text.h"
#include "wire/json_values.h"

#include <string.h>

#define COST_SCALE    18u /* decimals of a metered cost */
#define REPORT_ID_MAX 150
#define CALLS_MAX     INT64_C(1000000000000)
#define CURRENCY      "USD" /* of a cost that names none */
#define HOUR_US       (TIME_SECOND_US * 3600)

struct aggregate {
    struct text policy;
    struct text endpoint;
    struct text currency;
    mete_time last; /* of its calls */
    i128 cost;      /* in 10^-18 */
    uint64_t calls;
};

struct usage_report {
    struct exchange *x;
    struct text cli;
    struct text wallet;
    struct text currency;
    struct text id;
    char hash[65]; /* of the body: in every event, so that another body of the same id conflicts */
    struct map index; /* key of an aggregate -> its place */
    struct aggregate *aggregate;
    size_t count;
};

static bool record_fail(struct usage_report *u, size_t i, const char *member, const char *what)
{
    char pointer[96] = "/usage";
    json_pointer_index(pointer, sizeof pointer, i);
    json_pointer_add(pointer, sizeof pointer, text_of(member));
    reply_fail(u->x, METE_REQUEST_INVALID, pointer, "%s: %s", member, what);
    return false;
}

static bool is_id(const struct json *j)
{
    return j != NULL && j->type == JSON_STRING && j->text.len > 0 &&
           j->text.len <= EVENT_ID_LEN_MAX;
}

/* --- one call ----------------------------------------------------------------------------------*/

/** A number, a string, or {"amount","currency"}. */
static bool cost_read(const struct json *record, struct text *currency, i128 *out)
{
    const struct json *cost = json_get(record, "cost");
    const struct json *named = json_get(record, "currency");
    if (cost != NULL && cost->type == JSON_OBJECT) {
        named = json_get(cost, "currency");
        cost = json_get(cost, "amount");
    }
    if (named != NULL && named->type == JSON_STRING) {
        *currency = named->text;
    }
    return cost != NULL && (cost->type == JSON_NUMBER || cost->type == JSON_STRING) &&
           amount_parse(cost->text, COST_SCALE, out) == METE_OK;
}

static struct aggregate *aggregate_of(struct usage_report *u, const struct aggregate *like)
{
    struct buf key = {0};
    bool made;
    buf_put_sized(&key, like->policy);
    buf_put_sized(&key, like->endpoint);
    buf_put_sized(&key, like->currency);
    buf_put_be64(&key, (uint64_t)(like->last / HOUR_US));
    size_t *place = map_put(&u->index, buf_bytes(&key), &made);
    if (made) {
        *place = u->count++;
        u->aggregate[*place] = *like;
        u->aggregate[*place].cost = 0;
        u->aggregate[*place].calls = 0;
    }
    buf_clear(&key);
    return &u->aggregate[*place];
}

static bool record_add(struct usage_report *u, const struct json *record, size_t i)
{
    const struct json *at = json_get(record, "timestamp");
    const struct json *endpoint = json_get(record, "endpoint");
    const struct json *policy = json_get(record, "fairAttribution");
    const struct json *many = json_get(record, "calls");
    struct aggregate a = {.policy = u->cli, .currency = u->currency};
    i128 cost = 0;
    int64_t calls = 1;
    if (at == NULL || at->type != JSON_STRING || time_parse(at->text, &a.last) != TIME_OK) {
        return record_fail(u, i, "timestamp", "expected an RFC 3339 time");
    }
    if (!is_id(endpoint)) {
        return record_fail(u, i, "endpoint", "expected a string of 1 to 200 bytes");
    }
    if (policy != NULL && !is_id(policy)) {
        return record_fail(u, i, "fairAttribution", "expected the id of a manifest");
    }
    if (!cost_read(record, &a.currency, &cost)) {
        return record_fail(u, i, "cost",
                           "expected a plain decimal of at most 18 decimals, without sign and "
                           "exponent; very small values go into a string");
    }
    if (many != NULL && !json_int(many, 1, CALLS_MAX, &calls)) {
        return record_fail(u, i, "calls",
                           "expected how many calls the cost is of, from 1 to 10^12");
    }
    a.policy = policy != NULL ? policy->text : a.policy;
    a.endpoint = endpoint->text;
    struct aggregate *sum = aggregate_of(u, &a);
    sum->last = sum->last > a.last ? sum->last : a.last;
    sum->calls += (uint64_t)calls; /* a body has too few records to wrap it */
    if (!i128_add(sum->cost, cost, &sum->cost) || !amount_in_range(sum->cost)) {
        return record_fail(u, i, "cost", "the sum of these costs is out of range");
    }
    return true;
}

/* --- the report --------------------------------------------------------------------------------*/

static void aggregate_draft(struct usage_report *u, size_t i)
{
    const struct aggregate *a = &u->aggregate[i];
    struct buf out = {0};
    struct json_writer w;
    char cost[AMOUNT_TEXT_MAX];
    amount_format(a->cost, COST_SCALE, cost);
    jw_init(&w, &out, false);
    jw_object(&w, NULL);
    jw_text(&w, "policy", a->policy);
    jw_text(&w, "endpoint", a->endpoint);
    jw_money_said(&w, "cost", text_of(cost), a->currency);
    jw_int(&w, "calls", (int64_t)a->calls);
    if (u->wallet.len > 0) {
        jw_text(&w, "customer_wallet", u->wallet);
    }
    jw_text(&w, "cli", u->cli);
    jw_str(&w, "report_sha256", u->hash);
    jw_end_object(&w);
    const struct draft d = {
        .type = EVENT_USAGE_METERED,
        .event_id = arena_printf(&u->x->arena, "usage:%.*s:%zu", (int)u->id.len, u->id.p, i),
        .occurred_at = {.set = true, .at = a->last},
        .payload = arena_text(&u->x->arena, buf_text(&out))};
    submission_draft(u->x, &d);
    buf_clear(&out);
}

static bool head_read(struct usage_report *u, const struct json *body)
{
    static const char *const cli[] = {"cliId", "cli_id", NULL};
    static const char *const wallet[] = {"customerWallet", "customer_wallet", NULL};
    static const char *const currency[] = {"currency", NULL};
    static const char *const id[] = {"report_id", "reportId", NULL};
    struct exchange *x = u->x;
    if (!body_text(x, body, cli, &u->cli) || !body_text(x, body, wallet, &u->wallet) ||
        !body_text(x, body, currency, &u->currency) || !body_text(x, body, id, &u->id)) {
        return false;
    }
    if (u->cli.len == 0 || u->id.len > REPORT_ID_MAX) {
        reply_fail(x, METE_REQUEST_INVALID, u->cli.len == 0 ? "/cliId" : "/report_id",
                   u->cli.len == 0 ? "cliId names the manifest that the costs belong to"
                                   : "a report_id has at most %d bytes",
                   REPORT_ID_MAX);
        return false;
    }
    struct text derived = body_id(x, body, "sha256", (struct text){0});
    (void)text_copy(u->hash, sizeof u->hash, derived);
    u->id = u->id.len > 0 ? u->id : derived;
    u->currency = u->currency.len > 0 ? u->currency : text_of(CURRENCY);
    return true;
}

static bool records_read(struct usage_report *u, const struct json *body)
{
    const struct json *usage = json_get(body, "usage");
    size_t i = 0;
    bool fine = usage != NULL && usage->type == JSON_ARRAY;
    if (!fine) {
        reply_fail(u->x, METE_REQUEST_INVALID, "/usage", "usage is an array of calls");
        return false;
    }
    map_init(&u->index, sizeof(size_t), 1); /* in memory of one request: no seed is guessed */
    u->aggregate = arena_array(&u->x->arena, usage->count, sizeof *u->aggregate);
    for (const struct json *r = usage->child; r != NULL && fine; r = r->next) {
        fine = record_add(u, r, i++);
    }
    map_clear(&u->index);
    return fine;
}

void usage_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct json *body = body_object(x);
    struct usage_report *u = arena_alloc(&x->arena, sizeof *u);
    (void)d;
    (void)e;
    u->x = x;
    if (body == NULL || !head_read(u, body) || !records_read(u, body)) {
        return;
    }
    submission_new(x)->more = u;
    for (size_t i = 0; i < u->count; i++) {
        aggregate_draft(u, i);
    }
}

/* --- the answer --------------------------------------------------------------------------------*/

/** What stands under the ids of this report was made from the same body. */
static bool report_is_same(struct engine *e, const struct usage_report *u,
                           const struct submission *s)
{
    struct log_row row;
    struct mete_err unused;
    for (size_t i = 0; i < s->count; i++) {
        uint64_t seq = engine_seq_of(e, s->item[i].draft->event_id);
        if (seq != 0 && (book_row(engine_book(e), seq, &row, &unused) != STORE_OK ||
                         memmem(row.event.p, row.event.len, u->hash, strlen(u->hash)) == NULL)) {
            return false;
        }
    }
    return true;
}

/** All of a report or, when its id came with other bytes before, nothing of it. */
void usage_post(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct submission *s = x->work;
    const struct usage_report *u = s->more;
    struct json_writer w;
    size_t refused = 0;
    size_t forbidden = 0;
    (void)d;
    if (!report_is_same(e, u, s)) {
        reply_fail(x, METE_CONFLICT, "/report_id", "another report has this report_id");
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_text(&w, "report_id", u->id);
    jw_array(&w, "results");
    for (size_t i = 0; i < s->count; i++) {
        const struct submit_result *r = submission_run(e, x, i);
        submission_result_write(&w, r);
        refused += r->status == SUBMIT_REFUSED;
        forbidden += r->status == SUBMIT_REFUSED && mete_code_status(r->err.code) == 403;
    }
    jw_end_array(&w);
    submission_log_write(&w, e);
    jw_end_object(&w);
    bool all = s->count > 0 && refused == s->count;
    x->status = !all ? 200 : forbidden == s->count ? 403 : 422;
}

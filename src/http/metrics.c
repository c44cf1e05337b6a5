/* SPDX-License-Identifier: Apache-2.0
 * GET /metrics. Who has a key sees its book; the server as a whole is its operator's to see. A
 * keeper that is late does not keep anybody waiting: then the numbers of books are those of before,
 * and one number says so. */
#include "http/metrics.h"

#include "base/text.h"
#include "http/custom_metrics.h"
#include "http/desk.h"
#include "http/facilitator/numbers.h"
#include "http/follow.h"
#include "http/idempotency.h"
#include "http/insights.h"
#include "http/intake.h"
#include "http/lines.h"
#include "http/log_pages.h"
#include "http/payout_worker.h"
#include "http/refresh.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/snapshots.h"
#include "http/streams.h"
#include "http/workers.h"

#include <string.h>

#define ROUND_LATE INT64_C(2000000) /* microseconds */

/** An admin of the book that the server was started with, which is everybody while it is open. */
static bool is_operator(const struct desk *d, const struct principal *who)
{
    return principal_may(who, SCOPE_ADMIN) && strcmp(who->book, d->o.book) == 0;
}

/* --- the server --------------------------------------------------------------------------------*/

static void front_write(const struct desk *d, struct exposition *e)
{
    struct server_stats s;
    server_stats(d->server, &s);
    const struct metric list[] = {
        {"mete_server_ready", "gauge", UNIT_NONE, "1: it takes requests; 0: it is ending.",
         d->state == DESK_READY},
        {"mete_http_requests_in_flight", "gauge", UNIT_NONE,
         "Requests that are not answered yet, this one included.", d->busy},
        {"mete_http_body_bytes", "gauge", UNIT_NONE,
         "Memory for bodies of requests, beyond the first 64 KiB of each.", (int64_t)s.body_bytes},
        {"mete_http_body_limit_bytes", "gauge", UNIT_NONE,
         "Of that, the most; further bodies are turned away.", (int64_t)s.body_bytes_max},
        {"mete_http_connections", "gauge", UNIT_NONE, "Open connections.", s.connections},
        {"mete_http_connections_limit", "gauge", UNIT_NONE,
         "Open connections at most; further ones wait in the queue of the system.",
         s.connections_max},
        {"mete_http_connections_cut_total", "counter", UNIT_NONE,
         "Connections that were cut because a request or an answer took too long.",
         (int64_t)s.cut}};
    exposition_list(e, list, ARRAY_LEN(list));
}

static void keeper_write(const struct desk *d, struct exposition *e)
{
    struct keeper_stats s;
    keeper_stats(d->keeper, &s);
    const struct metric list[] = {
        {"mete_keeper_queue_depth", "gauge", UNIT_NONE,
         "Readings and writings that wait for the thread that owns the books.", s.queued},
        {"mete_keeper_queue_limit", "gauge", UNIT_NONE,
         "That wait at most; further ones are turned away.", s.queue_max},
        {"mete_keeper_round_seconds", "gauge", UNIT_SECONDS,
         "How long that thread has been at what it has in hand; 0: it waits for work.", s.round_us},
        {"mete_keeper_reads_total", "counter", UNIT_NONE, "Readings that it did.",
         (int64_t)s.reads},
        {"mete_keeper_writes_total", "counter", UNIT_NONE, "Requests that wrote, done or not.",
         (int64_t)s.writes},
        {"mete_books_open", "gauge", UNIT_NONE, "Books that are open now.", s.books},
        {"mete_ledger_commit_failures_total", "counter", UNIT_NONE,
         "Groups that could not be made durable; nothing of them was stored.",
         (int64_t)s.failed_groups}};
    exposition_list(e, list, ARRAY_LEN(list));
    exposition_family(e, "mete_ledger_commit_seconds", "histogram", UNIT_SECONDS,
                      "Making a group durable.");
    exposition_histogram(e, NULL, 0, s.commit_time);
    exposition_family(e, "mete_keeper_group_size", "histogram", UNIT_NONE,
                      "Requests that were made durable together.");
    exposition_histogram(e, NULL, 0, s.group_size);
}

static void pools_write(const struct desk *d, struct exposition *e)
{
    struct workers_stats readings;
    struct workers_stats errands;
    struct idempotency_stats kept;
    struct snapshots_stats books;
    snapshots_stats(d->snapshots, &books);
    workers_stats(d->workers, &readings);
    workers_stats(d->errands, &errands);
    idempotency_stats(d->idempotency, &kept);
    const struct metric list[] = {
        {"mete_readings_queue_depth", "gauge", UNIT_NONE, "Long readings that wait for a thread.",
         readings.queued},
        {"mete_errands_queue_depth", "gauge", UNIT_NONE,
         "Requests that wait for a thread that asks another service.", errands.queued},
        {"mete_snapshots_open", "gauge", UNIT_NONE, "Snapshots of books that are being read.",
         books.taken},
        {"mete_snapshots_resting", "gauge", UNIT_NONE,
         "Snapshots of books that are kept for later.", books.resting},
        {"mete_idempotency_entries", "gauge", UNIT_NONE,
         "Answers that are kept for requests that are sent again, and those at work.",
         (int64_t)kept.entries},
        {"mete_idempotency_bytes", "gauge", UNIT_NONE, "Memory of them.", (int64_t)kept.bytes},
        {"mete_idempotency_hits_total", "counter", UNIT_NONE,
         "Requests that got their first answer again.", (int64_t)kept.hits}};
    exposition_list(e, list, ARRAY_LEN(list));
}

static void follow_write(const struct desk *d, struct exposition *e)
{
    mete_time read_at;
    if (follow_reads(d->follow, &read_at)) {
        const struct metric one = {
            "mete_follow_complete_timestamp_seconds", "gauge", UNIT_SECONDS,
            "When all of the log that is followed was here, last; 0: not yet.", read_at};
        exposition_list(e, &one, 1);
    }
}

static void refresh_write(const struct desk *d, struct exposition *e)
{
    struct refresh_stats s;
    refresh_stats(d->refresh, &s);
    const struct metric list[] = {
        {"mete_registry_looks_total", "counter", UNIT_NONE,
         "Looks for a newer version of a policy that the registry answered.", (int64_t)s.looks},
        {"mete_registry_failures_total", "counter", UNIT_NONE,
         "Looks for a newer version of a policy without an answer.", (int64_t)s.failures},
        {"mete_registry_published_total", "counter", UNIT_NONE,
         "Versions of policies that came from the registry by such looks.", (int64_t)s.published},
        {"mete_registry_refused_total", "counter", UNIT_NONE,
         "Versions of the registry that a book does not take.", (int64_t)s.refused}};
    exposition_list(e, list, d->refresh != NULL ? ARRAY_LEN(list) : 0);
}

static void streams_write(const struct desk *d, struct exposition *e)
{
    struct streams_stats s;
    struct log_pages_stats pages;
    streams_stats(d->streams, &s);
    log_pages_stats(d->log_pages, &pages);
    const struct metric list[] = {
        {"mete_streams_live", "gauge", UNIT_NONE, "Clients that follow events as they come.",
         s.live},
        {"mete_streams_live_limit", "gauge", UNIT_NONE, "Of these, the most.", s.live_max},
        {"mete_streams_lines", "gauge", UNIT_NONE, "Long answers that are being sent as lines.",
         s.lines},
        {"mete_streams_lines_limit", "gauge", UNIT_NONE, "Of these, the most.", s.lines_max},
        {"mete_streams_refused_total", "counter", UNIT_NONE,
         "Requests for either that found no place, or whose key has all that it may have.",
         (int64_t)s.refused},
        {"mete_feed_reads_total", "counter", UNIT_NONE,
         "Pages of logs that were read for all who follow them.", (int64_t)pages.loads},
        {"mete_feed_page_bytes", "gauge", UNIT_NONE, "Memory of such pages.",
         (int64_t)pages.memory}};
    exposition_list(e, list, ARRAY_LEN(list));
}

static void intake_write(const struct desk *d, struct exposition *e)
{
    struct intakes_stats s;
    intakes_stats(d->intakes, &s);
    const struct metric list[] = {
        {"mete_intake_streams", "gauge", UNIT_NONE,
         "Bodies of events that are decided while they arrive.", s.open},
        {"mete_intake_bytes", "gauge", UNIT_NONE, "Their events that are being decided, in bytes.",
         (int64_t)s.bytes},
        {"mete_intake_limit_bytes", "gauge", UNIT_NONE,
         "Of these, the most; then nobody reads on, and further ones are turned away.",
         (int64_t)s.bytes_max},
        {"mete_intake_events_total", "counter", UNIT_NONE, "Events that came by them.",
         (int64_t)s.events},
        {"mete_intake_waits_total", "counter", UNIT_NONE,
         "Times that a client was not read on from for want of room.", (int64_t)s.waits}};
    exposition_list(e, list, ARRAY_LEN(list));
}

static void insights_write(const struct desk *d, struct exposition *e)
{
    struct insights_stats s;
    insights_stats(d->insights, &s);
    const struct metric list[] = {
        {"mete_insights_rows_total", "counter", UNIT_NONE,
         "Points and insight events that were let in.", (int64_t)s.rows},
        {"mete_insights_turned_away_total", "counter", UNIT_NONE,
         "Of them, those that came too fast, or while too much was waiting.", (int64_t)s.refused},
        {"mete_insights_swept_total", "counter", UNIT_NONE,
         "Of them, those that were thrown away for their age.", (int64_t)s.swept}};
    exposition_list(e, list, ARRAY_LEN(list));
}

/** What rails answered, of the thread that pays out. */
static void payouts_write(const struct desk *d, struct exposition *e)
{
    struct worker_counts c;
    if (d->payouts == NULL) {
        return;
    }
    payout_worker_counts(d->payouts, &c);
    const struct metric list[] = {{"mete_payout_rounds_total", "counter", UNIT_NONE,
                                   "Claims of payouts that are due.", (int64_t)c.rounds},
                                  {"mete_payout_claimed_total", "counter", UNIT_NONE,
                                   "Payouts that were claimed.", (int64_t)c.claimed},
                                  {"mete_payout_refused_total", "counter", UNIT_NONE,
                                   "Steps of payouts that a book did not take.",
                                   (int64_t)c.refused},
                                  {"mete_payout_unanswered_total", "counter", UNIT_NONE,
                                   "Claims and steps that got no answer.", (int64_t)c.unanswered}};
    exposition_list(e, list, ARRAY_LEN(list));
    exposition_family(e, "mete_payout_outcomes_total", "counter", UNIT_NONE,
                      "What rails answered, payment by payment.");
    for (int call = 0; call < WORKER_CALLS; call++) {
        for (int o = 0; o <= RAIL_REPLACE; o++) {
            const struct label labels[] = {
                {"call", text_of(worker_call_name((enum worker_call)call))},
                {"outcome", text_of(rail_outcome_name((enum rail_outcome)o))}};
            exposition_sample(e, labels, ARRAY_LEN(labels), (int64_t)c.outcome[call][o]);
        }
    }
}

static void lines_write(const struct desk *d, struct exposition *e)
{
    const struct metric one = {"mete_log_lines_dropped_total", "counter", UNIT_NONE,
                               "Lines of the log that found no room: nobody read it.",
                               (int64_t)lines_dropped(d->lines)};
    exposition_list(e, &one, 1);
}

static void server_write(const struct desk *d, struct exposition *e)
{
    answers_write(d->answers, d->o.roles, e);
    front_write(d, e);
    keeper_write(d, e);
    pools_write(d, e);
    follow_write(d, e);
    refresh_write(d, e);
    streams_write(d, e);
    intake_write(d, e);
    insights_write(d, e);
    payouts_write(d, e);
    facilitator_numbers(d->facilitator, e);
    lines_write(d, e);
    metrics_process_write(e, d->o.store, d->started_at);
}

/* --- the answer --------------------------------------------------------------------------------*/

static void answer(const struct desk *d, struct exchange *x, bool late)
{
    const struct label version = {"version", text_of(METE_VERSION)};
    bool all = is_operator(d, x->who);
    struct exposition e = {.out = &x->out};
    reply_body(x, 200, TYPE_EXPOSITION, (struct text){0});
    exposition_family(&e, "mete_build_info", "gauge", UNIT_NONE, "Always 1.");
    exposition_sample(&e, &version, 1, 1);
    if (all) {
        server_write(d, &e);
    }
    const struct metric stale = {
        "mete_books_stale", "gauge", UNIT_NONE,
        "1: the thread that owns the books is late, and their numbers are of an earlier scrape.",
        late};
    exposition_list(&e, &stale, 1);
    metrics_books_write(&e, &x->arena, keeper_known_books(d->keeper), all ? NULL : x->who->book,
                        desk_now());
    custom_metrics_write(d->o.metrics, all ? NULL : x->who->book, &e);
}

/** When the keeper is late, what is known has to do. */
void metrics_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    struct keeper_stats s;
    (void)e;
    keeper_stats(d->keeper, &s);
    if (s.round_us > ROUND_LATE || s.queued > s.queue_max / 2) {
        answer(d, x, true);
    }
}

void metrics_get(struct desk *d, struct engine *e, struct exchange *x)
{
    (void)e;
    keeper_look(d->keeper, is_operator(d, x->who) ? NULL : x->who->book);
    answer(d, x, false);
}

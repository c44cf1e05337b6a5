/* SPDX-License-Identifier: Apache-2.0
 * mete track: the usage tracker for scripts. A call is written to the spool and that is all;
 * sending is for `track report`, by hand or by cron. */
#include "base/text.h"
#include "cli/cli.h"
#include "mete/tracker.h"

#define WRITE_WAIT_MS 2000u
#define WAIT_S        30u
#define WAIT_MAX_S    3600u

static int tracker_start(struct cli *c, const char *url, struct mete_tracker **t)
{
    const struct mete_tracker_options o = {.cli_id = cli_option(c, "cli"),
                                           .url = url,
                                           .spool = cli_option(c, "spool"),
                                           .close_wait_ms = WRITE_WAIT_MS};
    if (o.cli_id == NULL) {
        return cli_usage(c, "--cli names the manifest that the costs belong to");
    }
    *t = mete_tracker_open(&o);
    return *t != NULL ? CLI_OK
                      : cli_usage(c, "--cli is 1 to %d bytes without control characters",
                                  METE_TRACKER_TEXT_MAX);
}

/* --- call --------------------------------------------------------------------------------------*/

static int call_record(struct cli *c, const struct mete_tracker_call *call)
{
    struct mete_tracker *t;
    struct mete_tracker_stats stats;
    int status = tracker_start(c, NULL, &t);
    if (status != CLI_OK) {
        return status;
    }
    (void)mete_tracker_record(t, call);
    bool written = mete_tracker_flush(t, WRITE_WAIT_MS);
    mete_tracker_stats(t, &stats);
    mete_tracker_close(t);
    if (stats.invalid > 0) {
        return cli_usage(c, "not a call that can be reported: a cost is a plain decimal such as "
                            "0.0001, at most 18 decimals; texts have 1 to 200 bytes");
    }
    if (!written) {
        /* no failure: the script that costs something goes on */
        cli_note(c, "mete: the call could not be written (%s)", stats.last_error);
    }
    return CLI_OK;
}

static int track_call_run(struct cli *c)
{
    mete_time at = 0;
    uint64_t calls = 1;
    int status = cli_option_number(c, "calls", 1, 1000000000, &calls);
    status = status == CLI_OK ? cli_option_time(c, "at", false, &at) : status;
    if (status != CLI_OK) {
        return status;
    }
    const struct mete_tracker_call call = {.endpoint = c->operand[0],
                                           .cost = c->operand[1],
                                           .currency = cli_option(c, "currency"),
                                           .customer_wallet = cli_option(c, "wallet"),
                                           .policy = cli_option(c, "policy"),
                                           .calls = calls,
                                           .at_us = at};
    return call_record(c, &call);
}

/* --- report ------------------------------------------------------------------------------------*/

static void stats_show(struct cli *c, const struct mete_tracker_stats *s, bool all)
{
    struct json_writer w;
    if (!c->json) {
        cli_print(c,
                  "%llu reports acknowledged, %llu of them known before; %llu refused; %llu left\n",
                  (unsigned long long)s->acknowledged, (unsigned long long)s->duplicates,
                  (unsigned long long)s->refused, (unsigned long long)s->spool_reports);
        return;
    }
    cli_json_begin(c, &w);
    jw_object(&w, NULL);
    jw_bool(&w, "complete", all);
    jw_int(&w, "acknowledged", (int64_t)s->acknowledged);
    jw_int(&w, "duplicates", (int64_t)s->duplicates);
    jw_int(&w, "refused", (int64_t)s->refused);
    jw_int(&w, "left", (int64_t)s->spool_reports);
    jw_int(&w, "attempts", (int64_t)s->attempts);
    jw_int(&w, "torn", (int64_t)s->torn);
    jw_str(&w, "last_error", s->last_error);
    jw_end_object(&w);
    cli_json_end(c);
}

static int track_report_run(struct cli *c)
{
    struct mete_tracker *t;
    struct mete_tracker_stats stats;
    uint64_t wait_s = WAIT_S;
    int status = cli_option_number(c, "wait", 1, WAIT_MAX_S, &wait_s);
    status = status == CLI_OK ? tracker_start(c, cli_option(c, "url"), &t) : status;
    if (status != CLI_OK) {
        return status;
    }
    bool all = mete_tracker_report(t, (unsigned)wait_s * 1000);
    mete_tracker_stats(t, &stats);
    mete_tracker_close(t);
    stats_show(c, &stats, all);
    if (!all && stats.last_error[0] != '\0') {
        cli_note(c, "mete: what is left stays in the spool: %s", stats.last_error);
    }
    return all && stats.refused == 0 ? CLI_OK : CLI_FAILED;
}

/* --- the commands ------------------------------------------------------------------------------*/

#define CLI_OPTION                                                                                 \
    {                                                                                              \
        "cli", 0, "ID", "the manifest that the costs belong to; required"                          \
    }
#define SPOOL_OPTION                                                                               \
    {                                                                                              \
        "spool", 0, "DIR", "where calls wait; else METE_SPOOL, else the state home"                \
    }

static const struct cli_option CALL_OPTIONS[] = {
    CLI_OPTION,
    {"currency", 0, "CODE", "of the cost; else USD"},
    {"calls", 0, "N", "how many calls the cost is of; else 1"},
    {"wallet", 0, "ID", "the customer; else CUSTOMER_WALLET_ID"},
    {"policy", 0, "ID", "the manifest of this cost, when it is not that of --cli"},
    {"at", 0, "TIME", "when it was; else now"},
    SPOOL_OPTION,
    {NULL, 0, NULL, NULL}};

const struct cli_command command_track_call = {
    .name = "track call",
    .operands = "ENDPOINT COST",
    .operands_min = 2,
    .operands_max = 2,
    .summary = "note what a call of an API has cost",
    .about = "Speaks to no server. A spool that cannot be written is told, but is no failure.",
    .option = CALL_OPTIONS,
    .no_csv = true,
    .no_json = true,
    .run = track_call_run};

static const struct cli_option REPORT_OPTIONS[] = {
    CLI_OPTION,
    {"url", 0, "URL", "else METE_USAGE_URL, else DISTRIBUTION_SERVICE_URL/usage"},
    {"wait", 0, "SECONDS", "how long to try; else 30"},
    SPOOL_OPTION,
    {NULL, 0, NULL, NULL}};

const struct cli_command command_track_report = {
    .name = "track report",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "send what was noted to the server",
    .about = "The key stands in METE_API_KEY. What the server does not acknowledge stays.",
    .option = REPORT_OPTIONS,
    .no_csv = true,
    .run = track_report_run};

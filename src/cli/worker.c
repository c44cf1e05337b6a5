/* SPDX-License-Identifier: Apache-2.0
 * mete worker: pays out for a server elsewhere, over HTTP, with a key of the scope payout:work and
 * the rails of the settings of this machine. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/rails.h"
#include "cli/server_key.h"
#include "crypto/seal.h"
#include "rails/web.h"
#include "store/wall.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define URL_DEFAULT "http://127.0.0.1:8402"
#define URL_MAX     500u
#define ANSWER_MAX  ((size_t)64 << 20)
#define ASK_MS      60000u
#define ROUNDS_MAX  100000u /* of --until-idle */

struct remote {
    struct cli *c;
    struct web *web;
    struct web_answer answer;
    const char *url;                        /* without a slash at its end */
    char key_header[SERVER_KEY_HEADER_MAX]; /* empty: no key */
};

/* --- the port ----------------------------------------------------------------------------------*/

static unsigned remote_ask(void *ctx, const char *path, struct text body, struct buf *answer)
{
    struct remote *r = ctx;
    char url[URL_MAX + 64];
    (void)snprintf(url, sizeof url, "%s%s", r->url, path);
    const struct web_request q = {.method = "POST",
                                  .url = url,
                                  .header = {"Content-Type: application/json",
                                             r->key_header[0] != '\0' ? r->key_header : NULL},
                                  .body = text_bytes(body)};
    web_do(r->web, &q, &r->answer);
    if (r->answer.outcome != WEB_ANSWERED) {
        buf_put_str(answer, r->answer.error);
        return 0;
    }
    buf_put_text(answer, buf_text(&r->answer.body));
    secret_wipe(r->answer.body.p, r->answer.body.cap);
    return r->answer.status;
}

static enum mete_code remote_open(struct cli *c, struct remote *r, struct mete_err *err)
{
    const char *given = cli_option(c, "url");
    given = given != NULL ? given : getenv("METE_URL");
    given = given != NULL ? given : URL_DEFAULT;
    size_t len = strlen(given);
    while (len > 0 && given[len - 1] == '/') {
        len--;
    }
    *r = (struct remote){.c = c, .url = arena_text(&c->arena, (struct text){given, len}).p};
    bool http = strncmp(r->url, "http://", 7) == 0;
    if (len > URL_MAX || (!http && strncmp(r->url, "https://", 8) != 0)) {
        return mete_fail(err, METE_USAGE, NULL, "--url begins with https:// or http://");
    }
    if (http && !server_is_near(r->url) && !cli_flag(c, "plaintext")) {
        return mete_fail(err, METE_USAGE, NULL,
                         "keys and destinations would travel in the clear: use https, or say "
                         "--plaintext on a network of your own");
    }
    const struct web_options o = {.total_ms = ASK_MS,
                                  .answer_max = ANSWER_MAX,
                                  .any_port = true,
                                  .allow_http = http,
                                  .keep_alive = true,
                                  .ca_file = cli_option(c, "ca-file")};
    web_open(&r->web, &o);
    return server_key_read(c, r->key_header, err);
}

static void remote_close(struct remote *r)
{
    secret_wipe(r->key_header, sizeof r->key_header);
    secret_wipe(r->answer.body.p, r->answer.body.cap);
    web_answer_clear(&r->answer);
    web_close(r->web);
}

/* --- the loop ----------------------------------------------------------------------------------*/

static void ended_print(void *ctx, const struct worker_ended *e)
{
    struct remote *r = ctx;
    cli_print(r->c, "%.*s %s %.*s to %.*s over %s%s%.*s\n", (int)e->transfer_id.len,
              e->transfer_id.p, e->step, (int)e->amount.len, e->amount.p, (int)e->party.len,
              e->party.p, e->rail, e->reason.len > 0 ? ": " : "", (int)e->reason.len, e->reason.p);
    cli_flush(r->c);
}

static mete_time clock_now(void *ctx)
{
    (void)ctx;
    return wall_now();
}

/** False: it is to end. */
static bool pause_for(mete_time us, const sigset_t *set)
{
    const struct timespec wait = {.tv_sec = (time_t)(us / TIME_SECOND_US),
                                  .tv_nsec = (long)(us % TIME_SECOND_US) * 1000};
    return sigtimedwait(set, NULL, &wait) < 0;
}

static int rounds_run(struct cli *c, struct worker *w, const sigset_t *set)
{
    struct worker_round r;
    bool once = cli_flag(c, "once");
    bool until_idle = cli_flag(c, "until-idle");
    bool failing = false;
    bool told = false;
    for (unsigned i = 0; !until_idle || i < ROUNDS_MAX; i++) {
        worker_run(w, clock_now(NULL), &r);
        if (r.why[0] != '\0' && !told) {
            cli_note(c, "mete: %s", r.why);
        }
        told = r.why[0] != '\0';
        failing = r.failed;
        if (once || (until_idle && (r.failed || r.claimed == 0))) {
            break;
        }
        if (!pause_for(r.wait, set)) {
            return CLI_OK;
        }
    }
    return failing ? CLI_FAILED : CLI_OK;
}

static int worker_work(struct cli *c, struct remote *remote, const struct rails *rails)
{
    sigset_t set;
    const struct worker_options o = {.port = {remote_ask, remote},
                                     .rail = rails->rail,
                                     .rails = rails->count,
                                     .book = text_of(c->book),
                                     .keys = rails->keys,
                                     .clock = clock_now,
                                     .ended = ended_print,
                                     .ctx = remote};
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL); /* a payment at hand is seen through */
    signal(SIGPIPE, SIG_IGN);
    struct worker *w = worker_new(&o);
    int status = rounds_run(c, w, &set);
    worker_free(w);
    return status;
}

static int worker_cli_run(struct cli *c)
{
    struct rails rails;
    struct remote remote = {.c = c};
    struct mete_err err;
    settings_check(c->settings);
    settings_complain(c->settings);
    if (c->settings->errors > 0) {
        return CLI_USAGE;
    }
    if (rails_open(&rails, c->settings, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    if (rails.count == 0) {
        return cli_usage(c, "no rail is configured: PAYMENT_PROCESSORS, or rails of [rails] in "
                            "mete.conf(5), lists them");
    }
    int status = remote_open(c, &remote, &err) == METE_OK ? worker_work(c, &remote, &rails)
                                                          : cli_fail(c, &err);
    remote_close(&remote);
    rails_close(&rails);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"url", 0, "URL", "the server; else METE_URL, else http://127.0.0.1:8402"},
    {"api-key-file", 0, "FILE", "its key, of the scope payout:work; else METE_API_KEY"},
    {"ca-file", 0, "FILE", "authorities to believe the server by, PEM"},
    {"plaintext", 0, NULL, "http to another machine: keys and destinations travel in the clear"},
    {"once", 0, NULL, "claim once, see these payouts through, and end"},
    {"until-idle", 0, NULL, "end when nothing is due"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_worker = {
    .name = "worker",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "pay out what is due, for a server elsewhere",
    .about = "Claims payouts that are due, has the rails of the settings (PAYMENT_PROCESSORS)\n"
             "move the money, and says what became of each. Any number of them may run, and\n"
             "die at any moment: no payout is paid twice. mete serve with such rails does the\n"
             "same by itself.",
    .option = OPTIONS,
    .no_csv = true,
    .no_json = true,
    .run = worker_cli_run};

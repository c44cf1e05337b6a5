/* SPDX-License-Identifier: Apache-2.0
 * mete rail-sim: starts the doubles of rails, waits for a signal, says which faults fired. */
#include "railsim/railsim.h"

#include "base/text.h"
#include "cli/cli.h"
#include "http/listener.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define LISTEN  "127.0.0.1:0"
#define SECRET  "railsim"
#define HOLD_MS 30000u
#define PEM_MAX ((size_t)1 << 20)

/** "0.05": a part of one, in millionths. */
static bool rate_read(const char *t, uint32_t *ppm)
{
    uint32_t n = 0;
    uint32_t unit = 100000;
    const char *p = t + 1;
    if ((t[0] != '0' && t[0] != '1') || (t[1] != '\0' && t[1] != '.')) {
        return false;
    }
    n = t[0] == '1' ? 1000000 : 0;
    for (p += *p == '.'; *p >= '0' && *p <= '9' && unit > 0; p++, unit /= 10) {
        n += (uint32_t)(*p - '0') * unit;
    }
    *ppm = n;
    return *p == '\0' && n <= 1000000;
}

static int certificate_read(struct cli *c, const char *option, const char **out)
{
    struct buf text = {0};
    struct mete_err err;
    const char *path = cli_option(c, option);
    if (path == NULL) {
        return CLI_OK;
    }
    if (cli_read_file(path, PEM_MAX, &text, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    *out = arena_text(&c->arena, buf_text(&text)).p;
    buf_clear(&text);
    return CLI_OK;
}

static int options_read(struct cli *c, struct sim_options *o)
{
    uint64_t hold_ms = HOLD_MS;
    const char *network = cli_option(c, "network");
    const char *rate = cli_option(c, "fault-rate");
    const char *secret = cli_option(c, "secret");
    const char *webhook_secret = cli_option(c, "webhook-secret");
    *o = (struct sim_options){.state = cli_option(c, "state"),
                              .network = BOLT11_REGTEST,
                              .secret = secret != NULL ? secret : SECRET,
                              .bank_folder = cli_option(c, "bank-folder"),
                              .webhook_url = cli_option(c, "webhook-url"),
                              .webhook_secret =
                                  webhook_secret != NULL ? webhook_secret : "whsec_" SECRET};
    if (network != NULL && !bolt11_network_of(text_of(network), &o->network)) {
        return cli_usage(c, "--network is bitcoin, testnet, signet or regtest");
    }
    if (rate != NULL && !rate_read(rate, &o->fault_ppm)) {
        return cli_usage(c, "--fault-rate is a number from 0 to 1, such as 0.05");
    }
    int status = cli_option_number(c, "seed", 0, INT64_MAX, &o->seed);
    status = status == CLI_OK ? cli_option_number(c, "hold", 1, 3600000, &hold_ms) : status;
    status = status == CLI_OK ? certificate_read(c, "certificate", &o->certificate) : status;
    status = status == CLI_OK ? certificate_read(c, "key", &o->certificate_key) : status;
    o->hold_ms = (uint32_t)hold_ms;
    if (status == CLI_OK && (o->certificate == NULL) != (o->certificate_key == NULL)) {
        return cli_usage(c, "--certificate and --key belong together");
    }
    return status;
}

static void wait_for_signal(const sigset_t *set)
{
    int got = 0;
    while (sigwait(set, &got) != 0) {
    }
}

static int serve(struct cli *c, struct sim_options *o, const char *listen)
{
    uint16_t port = 0;
    sigset_t set;
    struct sim *s;
    struct mete_err err;
    struct buf summary = {0};
    const char *colon = strrchr(listen, ':');
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (listener_open(listen, &o->listen_fd, &port, &err) != METE_OK ||
        sim_start(&s, o, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    cli_note(c, "mete: rail-sim listening on %s://%.*s:%u, %s, state in %s; no money is here",
             o->certificate != NULL ? "https" : "http", colon != NULL ? (int)(colon - listen) : 0,
             listen, port, bolt11_network_name(o->network), o->state != NULL ? o->state : "memory");
    wait_for_signal(&set);
    sim_stop(s, &summary);
    cli_note(c, "mete: rail-sim stopped; %.*s", (int)summary.len, (const char *)summary.p);
    buf_clear(&summary);
    return CLI_OK;
}

static int rail_sim_run(struct cli *c)
{
    struct sim_options o;
    const char *listen = cli_option(c, "listen");
    int status = options_read(c, &o);
    return status != CLI_OK ? status : serve(c, &o, listen != NULL ? listen : LISTEN);
}

static const struct cli_option OPTIONS[] = {
    {"listen", 0, "HOST:PORT", "else 127.0.0.1:0, any free port; the first line tells"},
    {"state", 0, "FILE", "keeps what was paid, also when killed; else in memory"},
    {"seed", 0, "N", "of faults by chance and of keys; else 0"},
    {"fault-rate", 0, "P", "how many requests meet a fault by chance, 0 to 1; else 0"},
    {"hold", 0, "MS", "how long a connection hangs; else 30000"},
    {"network", 0, "NAME", "bitcoin, testnet, signet or regtest, which is the default"},
    {"secret", 0, "TEXT", "password and key of all doubles; else railsim"},
    {"bank-folder", 0, "DIR", "the bank takes files of DIR/in and answers in DIR/out"},
    {"webhook-url", 0, "URL", "where Stripe's events are sent"},
    {"webhook-secret", 0, "TEXT", "signs them; else whsec_railsim"},
    {"certificate", 0, "FILE", "PEM: serves https"},
    {"key", 0, "FILE", "PEM, of the certificate"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_rail_sim = {
    .name = "rail-sim",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "serve doubles of Lightning, Stripe, a bank and the ECB, for tests",
    .about = "No money is here. GET /sim lists the doubles, GET /sim/payments what really\n"
             "moved, GET /sim/faults the faults; POST /sim/faults scripts them, POST\n"
             "/sim/clock moves the time. Ends with SIGTERM, and says how often each fault\n"
             "fired. For loopback: whoever reaches it may use it.",
    .option = OPTIONS,
    .no_csv = true,
    .no_json = true,
    .run = rail_sim_run};

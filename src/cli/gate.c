/* SPDX-License-Identifier: Apache-2.0
 * mete gate: reads the configuration, starts the gate, waits for a signal. */
#include "gate/gate.h"

#include "base/text.h"
#include "cli/cli.h"
#include "cli/service.h"
#include "cli/settings.h"
#include "http/certificate.h"
#include "http/reply.h"
#include "rails/secret_file.h"
#include "wire/form.h"
#include "wire/url.h"
#include "wire/x402/price.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LISTEN     "127.0.0.1:8403"
#define PEM_MAX    ((size_t)1 << 20)
#define KEY_MAX    4096u
#define STOP_MS    20000u
#define RELOAD_MAX ((size_t)16 << 20)

static const struct table_column COLUMNS[] = {
    {"route", "Route", COLUMN_TEXT},   {"methods", "Methods", COLUMN_TEXT},
    {"scheme", "Scheme", COLUMN_TEXT}, {"network", "Network", COLUMN_TEXT},
    {"price", "Price", COLUMN_TEXT},   {"asset", "Asset", COLUMN_TEXT},
    {"pay_to", "Pay to", COLUMN_TEXT}};

static void offer_row(struct table *t, const struct gate_route *r, const struct gate_offer *o)
{
    char price[X402_PRICE_TEXT_MAX + X402_DECIMALS_MAX];
    struct buf methods = {0};
    size_t len = x402_price_format(o->offer.amount, o->decimals, 0, price);
    for (size_t i = 0; i < r->method_count; i++) {
        buf_put_str(&methods, i > 0 ? " " : "");
        buf_put_text(&methods, r->method[i]);
    }
    table_text(t, r->label);
    table_text(t, methods.len > 0 ? buf_text(&methods) : TEXT("*"));
    table_text(t, o->offer.scheme);
    table_text(t, o->offer.network);
    table_text(t, (struct text){price, len});
    table_text(t, o->symbol.len > 0 ? o->symbol : o->offer.asset);
    table_text(t, o->offer.pay_to);
    buf_clear(&methods);
}

static int check(struct cli *c, struct gate_config *config)
{
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < config->route_count; i++) {
        for (size_t k = 0; k < config->route[i].offer_count; k++) {
            offer_row(t, &config->route[i], &config->route[i].offer[k]);
        }
    }
    cli_table(c, t);
    gate_config_drop(config);
    return CLI_OK;
}

/** The option, else what the configuration says; NULL: neither. In the command's arena. */
static const char *chosen(struct cli *c, const char *option, struct text configured)
{
    const char *given = cli_option(c, option);
    return given != NULL ? given : configured.len > 0 ? arena_text(&c->arena, configured).p : NULL;
}

/** The file that an option names, without the end of its last line. */
static enum mete_code file_read(struct cli *c, struct arena *a, const char *option, size_t max,
                                const char **out, struct mete_err *err)
{
    struct buf text = {0};
    const char *path = cli_option(c, option);
    enum mete_code code = path != NULL ? cli_read_file(path, max, &text, err) : METE_OK;
    while (text.len > 0 && text.p[text.len - 1] == '\n') {
        text.len--;
    }
    if (code == METE_OK && path != NULL) {
        *out = arena_text(a, buf_text(&text)).p;
    }
    buf_clear(&text);
    return code;
}

/** The key that the facilitator is shown, out of a file that nobody but its owner may use. */
static enum mete_code key_read(struct cli *c, struct arena *a, const char **out,
                               struct mete_err *err)
{
    struct secret_file key = {0};
    const char *path = cli_option(c, "facilitator-key");
    enum mete_code code = path != NULL ? secret_file_line(&key, path, KEY_MAX, err) : METE_OK;
    if (code == METE_OK && path != NULL) {
        *out = arena_text(a, (struct text){key.text, key.len}).p;
    }
    secret_file_clear(&key);
    return code;
}

/** Certificate and its key, when both are named. */
static enum mete_code pair_read(struct cli *c, struct arena *a, struct gate_options *o,
                                struct mete_err *err)
{
    bool is_key = false;
    enum mete_code code = file_read(c, a, "certificate", PEM_MAX, &o->certificate, err);
    code = code == METE_OK ? file_read(c, a, "key", PEM_MAX, &o->certificate_key, err) : code;
    if (code != METE_OK || o->certificate == NULL || o->certificate_key == NULL) {
        return code;
    }
    const char *flaw =
        certificate_flaw(text_of(o->certificate), text_of(o->certificate_key), &is_key);
    return flaw == NULL ? METE_OK
                        : mete_fail(err, METE_USAGE, "", "%.160s: %s",
                                    cli_option(c, is_key ? "key" : "certificate"), flaw);
}

/** What may be read again while it runs. */
static enum mete_code files_read(struct cli *c, struct arena *a, struct gate_options *o,
                                 struct mete_err *err)
{
    struct buf text = {0};
    const char *path = cli_option(c, "config");
    enum mete_code code = cli_read_file(path, GATE_CONFIG_MAX, &text, err);
    if (code == METE_OK) {
        code = gate_config_read(buf_text(&text), &o->config, err);
        if (code != METE_OK) {
            cli_in_file(err, path);
        }
    }
    buf_clear(&text);
    code = code == METE_OK ? pair_read(c, a, o, err) : code;
    return code == METE_OK ? key_read(c, a, &o->facilitator_key, err) : code;
}

/** What pays travels on it: in the clear on this machine alone. */
static int urls_check(struct cli *c, const struct gate_options *o)
{
    struct url url;
    const char *wrong = url_read(text_of(o->upstream), &url);
    if (wrong != NULL || url.has_query) {
        return cli_usage(c, "the upstream: %s", wrong != NULL ? wrong : "it has a query");
    }
    wrong = url_read(text_of(o->facilitator), &url);
    if (wrong != NULL || url.has_query) {
        return cli_usage(c, "the facilitator: %s", wrong != NULL ? wrong : "it has a query");
    }
    if (!url.is_https && !host_is_loopback(url.host) && !cli_flag(c, "plain")) {
        return cli_usage(c, "the facilitator is not on this machine: use https, or say --plain");
    }
    if (strrchr(o->listen, ':') == NULL) {
        return cli_usage(c, "--listen wants HOST:PORT, not '%.100s'", o->listen);
    }
    if (o->certificate == NULL && !listen_is_loopback(o->listen) && !cli_flag(c, "plain")) {
        return cli_usage(c, "payments would be read by everybody on the way: give --certificate "
                            "and --key, listen on loopback behind a server that has TLS, or say "
                            "--plain");
    }
    return CLI_OK;
}

/** In the log, or, where there is none, to whoever started it. */
static void say(struct cli *c, struct gate *g, const char *level, const char *what, const char *why)
{
    if (!gate_say(g, level, what, why)) {
        cli_note(c, "mete: gate: %s%s%s", what, why != NULL ? ": " : "", why != NULL ? why : "");
    }
}

/** Members that an option would hold as well: others take a restart. */
static void restart_hints(struct cli *c, struct gate *g, const struct gate_options *o,
                          const struct gate_config *config)
{
    const struct {
        const char *name;
        const char *before;
        struct text now;
    } row[] = {{"upstream", o->upstream, config->upstream},
               {"facilitator", o->facilitator, config->facilitator},
               {"listen", o->listen, config->listen},
               {"admin", o->admin, config->admin},
               {"stats", o->stats, config->stats},
               {"state", o->state, config->state}};
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        bool is_option = cli_option(c, row[i].name) != NULL;
        if (!is_option && row[i].now.len > 0 && !text_eq(row[i].now, text_of(row[i].before))) {
            say(c, g, "WARNING", "takes_a_restart", row[i].name);
        }
    }
}

/** SIGHUP: the configuration, certificate and keys again. A mistake anywhere, and all stays. */
static void read_again(struct cli *c, struct gate *g, const struct gate_options *running)
{
    struct arena a;
    struct gate_options o = {0};
    struct mete_err err = {0};
    struct buf why = {0};
    arena_init(&a, RELOAD_MAX);
    enum mete_code code = files_read(c, &a, &o, &err);
    if (code == METE_OK) {
        restart_hints(c, g, running, o.config);
        code = gate_reload(g, &o, &err);
    }
    if (code == METE_OK) {
        say(c, g, "INFO", "configuration_read_again", NULL);
    } else {
        gate_config_drop(o.config);
        text_put_safe(&why, text_of(err.text[0] != '\0' ? err.text : mete_code_meaning(code)));
        buf_printf(&why, " (%s)%s", mete_code_name(code), err.pointer[0] != '\0' ? " at " : "");
        text_put_safe(&why, text_of(err.pointer));
        buf_put_str(&why, "; all stays as it was");
        const char *all = arena_text(&a, buf_text(&why)).p;
        if (!gate_refuse(g, all)) {
            cli_note(c, "mete: gate: configuration_refused: %s", all);
        }
    }
    buf_clear(&why);
    arena_clear(&a);
}

/** Until SIGINT or SIGTERM. */
static void wait_for_end(struct cli *c, struct gate *g, const struct gate_options *o,
                         const sigset_t *set)
{
    int got = 0;
    do {
        while (sigwait(set, &got) != 0) {
        }
        if (got == SIGHUP) {
            service_notify("RELOADING=1");
            read_again(c, g, o);
            service_notify("READY=1");
        }
    } while (got == SIGHUP);
}

static int serve(struct cli *c, const struct gate_options *o)
{
    sigset_t set;
    struct gate *g;
    struct mete_err err;
    const char *colon = strrchr(o->listen, ':');
    int host = colon != NULL ? (int)(colon - o->listen) : 0;
    size_t routes = o->config->route_count;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (gate_start(&g, o, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    cli_note(c, "mete: gate listening on %s://%.*s:%u, %zu routes, before %s",
             o->certificate != NULL ? "https" : "http", host, o->listen, gate_port(g), routes,
             o->upstream);
    if (gate_admin_port(g) != 0) {
        cli_note(c, "mete: gate metrics on port %u", gate_admin_port(g));
    }
    service_notify("READY=1");
    wait_for_end(c, g, o, &set);
    service_notify("STOPPING=1");
    gate_stop(g, STOP_MS);
    return CLI_OK;
}

static int options_read(struct cli *c, struct gate_options *o)
{
    uint64_t upstream_ms = 0;
    uint64_t facilitator_ms = 0;
    uint64_t connections = 0;
    const struct gate_config *config = o->config;
    o->upstream = chosen(c, "upstream", config->upstream);
    o->facilitator = chosen(c, "facilitator", config->facilitator);
    o->listen = chosen(c, "listen", config->listen);
    o->admin = chosen(c, "admin", config->admin);
    o->stats = chosen(c, "stats", config->stats);
    o->state = chosen(c, "state", config->state);
    o->listen = o->listen != NULL ? o->listen : LISTEN;
    o->log_fd = cli_flag(c, "no-log") ? -1 : STDERR_FILENO;
    int status = cli_option_number(c, "upstream-timeout", 1, 3600000, &upstream_ms);
    status = status == CLI_OK
                 ? cli_option_number(c, "facilitator-timeout", 1, 3600000, &facilitator_ms)
                 : status;
    status =
        status == CLI_OK ? cli_option_number(c, "connections", 1, 65536, &connections) : status;
    o->upstream_ms = (unsigned)upstream_ms;
    o->facilitator_ms = (unsigned)facilitator_ms;
    o->connections_max = (unsigned)connections;
    if (status != CLI_OK) {
        return status;
    }
    if ((o->certificate == NULL) != (o->certificate_key == NULL)) {
        return cli_usage(c, "--certificate and --key belong together");
    }
    if (o->upstream == NULL || o->facilitator == NULL) {
        return cli_usage(c, "--upstream and --facilitator, or the same members of the "
                            "configuration, are needed");
    }
    return urls_check(c, o);
}

static int gate_run(struct cli *c)
{
    struct mete_err err;
    struct gate_options o = {0};
    if (cli_option(c, "config") == NULL) {
        return cli_usage(c, "--config is needed");
    }
    if (files_read(c, &c->arena, &o, &err) != METE_OK) {
        gate_config_drop(o.config);
        return cli_fail(c, &err);
    }
    if (cli_flag(c, "check")) {
        return check(c, o.config);
    }
    int status = options_read(c, &o);
    if (status != CLI_OK) {
        gate_config_drop(o.config);
        return status;
    }
    return serve(c, &o);
}

static const struct cli_option OPTIONS[] = {
    {"config", 0, "FILE", "what is asked for which paths: JSON, doc/x402-gate.md"},
    {"check", 0, NULL, "reads the configuration, shows what is sold, and ends"},
    {"upstream", 0, "URL", "the web server behind the gate"},
    {"facilitator", 0, "URL", "who verifies and settles payments"},
    {"facilitator-key", 0, "FILE", "holds the key that is sent to it as a bearer"},
    {"listen", 0, "HOST:PORT", "else 127.0.0.1:8403"},
    {"admin", 0, "HOST:PORT", "serves /metrics, /healthz and /readyz there"},
    {"stats", 0, "FILE", "what was sold is added to it, for mete gate report"},
    {"state", 0, "FILE", "keeps what is remembered of payments over a restart"},
    {"certificate", 0, "FILE", "PEM: serves https"},
    {"key", 0, "FILE", "PEM, of the certificate"},
    {"plain", 0, NULL, "without TLS, also beyond this machine"},
    {"upstream-timeout", 0, "MS", "until an answer begins, or a small one ends; else 60000"},
    {"facilitator-timeout", 0, "MS", "for one answer; else 90000"},
    {"connections", 0, "N", "at most; else 1024"},
    {"no-log", 0, NULL, "no line for each request on stderr"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_gate = {
    .name = "gate",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "put a paywall by x402 before any web server",
    .about = "Who asks for a path that has a price gets 402 and what it costs, in both\n"
             "versions of the protocol; browsers get a page that asks a wallet. Who pays is\n"
             "served, once; nothing is delivered that was not settled, and an error of the\n"
             "server behind costs nothing. SIGHUP: reads configuration, certificate and keys\n"
             "again. Ends with SIGTERM, when what is open is done.",
    .option = OPTIONS,
    .run = gate_run,
};

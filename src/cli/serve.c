/* SPDX-License-Identifier: Apache-2.0
 * mete serve: starts the desk, waits for a signal, lets it finish. */
#include "base/i128.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/rails.h"
#include "cli/service.h"
#include "cli/settings.h"
#include "crypto/seal.h"
#include "http/custom_metrics.h"
#include "http/desk.h"
#include "http/roles.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BODY_MAX    ((size_t)64 << 20)
#define PEM_MAX     ((size_t)1 << 20)
#define DRAIN_S     25u
#define PER_ADDRESS 256u

/** The other services, by the names that their compose files use. */
static struct peers_options peers_of(struct settings *s, const char *own_key)
{
    const char *key = settings_secret(s, SETTING_PEER_KEY, SETTING_PEER_KEY_FILE);
    return (struct peers_options){.registry = settings_text(s, SETTING_REGISTRY_URL),
                                  .wallet = settings_text(s, SETTING_WALLET_URL),
                                  .distribution = settings_text(s, SETTING_DISTRIBUTION_URL),
                                  .validation = settings_text(s, SETTING_VALIDATION_URL),
                                  .key = key != NULL ? key : own_key,
                                  .refresh_s = (unsigned)settings_number(s, SETTING_REFRESH)};
}

static void say_started(struct cli *c, struct desk *d, const char *listen)
{
    const char *colon = strrchr(listen, ':');
    struct text roles = roles_text(&c->arena, d->o.roles);
    cli_note(c, "mete: listening on %s://%.*s:%u, book %s in %s, roles %.*s%s",
             d->o.server.certificate != NULL ? "https" : "http", (int)(colon - listen), listen,
             server_port(d->server), c->book, c->store_label, (int)roles.len, roles.p,
             authority_is_open(d->authority, desk_now())
                 ? "; no key exists: everything is open to this machine"
                 : "");
}

/** Through the server's lines: nobody may be reading stderr. */
static void stopped_say(const struct cli *c, struct desk *d, const char *how)
{
    if (!c->quiet) {
        desk_say(d, "stopped; %s", how);
    }
}

/** True: all were answered. False: not in time, or there was a second signal. */
static bool drain(struct desk *d, const sigset_t *set)
{
    const struct timespec step = {.tv_nsec = 10000000};
    service_notify("STOPPING=1");
    desk_quiesce(d);
    for (unsigned i = 0; i < DRAIN_S * 100; i++) {
        int got = sigtimedwait(set, NULL, &step);
        if (got == SIGTERM || got == SIGINT) {
            return false;
        }
        if (desk_is_drained(d)) {
            return true;
        }
    }
    return false;
}

/* --- options -----------------------------------------------------------------------------------*/

/** The text of the file that a setting names; NULL when it is not set. */
static const char *file_of(struct settings *s, enum setting which)
{
    const char *path = settings_path(s, which);
    struct buf text = {0};
    struct mete_err err;
    const char *out = NULL;
    if (path == NULL) {
        return NULL;
    }
    if (cli_read_file(path, PEM_MAX, &text, &err) != METE_OK) {
        settings_problem(s, s->value[which].where, false, "%s", err.text);
    } else {
        out = arena_text(s->arena, buf_text(&text)).p;
    }
    secret_wipe(text.p, text.len);
    buf_clear(&text);
    return out;
}

static struct server_options server_of(struct settings *s)
{
    struct server_options o = {.listen = settings_text(s, SETTING_LISTEN),
                               .body_max = BODY_MAX,
                               .connections_max = (unsigned)settings_number(s, SETTING_CONNECTIONS),
                               .per_address_max = (unsigned)settings_number(s, SETTING_PER_ADDRESS),
                               .request_s = (unsigned)settings_number(s, SETTING_REQUEST_TIME),
                               .idle_s = (unsigned)settings_number(s, SETTING_IDLE_TIME),
                               .certificate = file_of(s, SETTING_CERTIFICATE),
                               .certificate_key = file_of(s, SETTING_CERTIFICATE_KEY),
                               .client_ca = file_of(s, SETTING_CLIENT_CA)};
    if (o.per_address_max == 0 && o.certificate != NULL && !listen_is_loopback(o.listen)) {
        o.per_address_max = PER_ADDRESS; /* no proxy is in between: an address is a client */
    }
    return o;
}

static struct desk_options desk_of(struct settings *s)
{
    struct mete_err unused;
    const char *key = settings_secret(s, SETTING_API_KEY, SETTING_API_KEY_FILE);
    struct desk_options o = {
        .server = server_of(s),
        .store = settings_text(s, SETTING_STORE),
        .book = settings_text(s, SETTING_BOOK),
        .create = true,
        .peers = peers_of(s, key),
        .admin_key = key,
        .rate = (unsigned)settings_number(s, SETTING_RATE),
        .burst = (unsigned)settings_number(s, SETTING_BURST),
        .replay_window_s = (unsigned)settings_number(s, SETTING_REPLAY_WINDOW) * 3600,
        .workers = (unsigned)settings_number(s, SETTING_WORKERS),
        .streams = (unsigned)settings_number(s, SETTING_STREAMS),
        .streams_per_key = (unsigned)settings_number(s, SETTING_STREAMS_PER_KEY),
        .heartbeat_s = (unsigned)settings_number(s, SETTING_HEARTBEAT),
        .clear_hours = (unsigned)settings_number(s, SETTING_CLEAR_HOURS),
        .insights_days = (unsigned)settings_number(s, SETTING_INSIGHTS_DAYS),
        .insights_rate = (unsigned)settings_number(s, SETTING_INSIGHTS_RATE),
        .cache_size = (size_t)settings_number(s, SETTING_CACHE) << 20,
        .mcp_origins = settings_text(s, SETTING_MCP_ORIGINS),
        .payment_secrets = settings_text(s, SETTING_PAYMENT_SECRETS),
        .stripe_webhook_secret = settings_path(s, SETTING_STRIPE_WEBHOOK),
        .facilitator_public = settings_switch(s, SETTING_X402_PUBLIC),
        .facilitator_rate = settings_switch(s, SETTING_X402_LIMITED)
                                ? (unsigned)settings_number(s, SETTING_X402_RATE)
                                : 0,
        .settle_wait_s = (unsigned)settings_number(s, SETTING_X402_WAIT),
        .refuses_repeats = !settings_switch(s, SETTING_X402_REPEATS),
        .replace_after_s = (unsigned)settings_number(s, SETTING_X402_REPLACE),
        .loopback = listen_is_loopback(settings_text(s, SETTING_LISTEN)),
        .log = settings_switch(s, SETTING_LOG_REQUESTS),
        .log_level = (enum log_level)settings_log_level(s)};
    (void)!roles_parse(text_of(settings_text(s, SETTING_ROLES)), &o.roles, &unused); /* checked */
    return o;
}

/* --- reading it all again ----------------------------------------------------------------------*/

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/** Whether the certificates can be taken over: a server that speaks TLS, or asks its clients for
 *  certificates, does so from its start to its end. */
static bool tls_goes_on(const struct server_options *was, const struct server_options *is)
{
    return (was->certificate != NULL) == (is->certificate != NULL) &&
           (was->client_ca != NULL) == (is->client_ca != NULL);
}

static void restart_hints(struct cli *c, struct desk *d, const struct settings *is)
{
    for (size_t i = 0; i < SETTING_COUNT && !c->quiet; i++) {
        if ((SETTING[i].traits & SETTING_LIVE) == 0 &&
            !same(c->settings->value[i].text, is->value[i].text)) {
            desk_say(d, "%s of [%s] has changed: it takes a restart", SETTING[i].name,
                     SETTING[i].section);
        }
    }
}

/** Takes over what can change while it runs. A certificate that cannot be used is a problem of the
 *  settings, and nothing is taken over. */
static void take_over(struct cli *c, struct desk *d, struct settings *s)
{
    struct mete_err err;
    const struct desk_options o = desk_of(s);
    const struct certificate_texts t = {o.server.certificate, o.server.certificate_key,
                                        o.server.client_ca};
    bool tls = tls_goes_on(&d->o.server, &o.server);
    if (s->errors == 0 && tls && t.chain != NULL &&
        server_certificate(d->server, &t, &err) != METE_OK) {
        settings_problem(s, s->value[SETTING_CERTIFICATE].where, false, "%s", err.text);
    }
    if (s->errors > 0) {
        return;
    }
    desk_adjust(d, &o);
    restart_hints(c, d, s);
    if (!tls && !c->quiet) {
        desk_say(d, "to speak TLS or not, to ask clients for certificates or not: [tls] stays as "
                    "it was, that takes a restart");
    }
}

/** SIGHUP: keys, certificate, and the settings that can change while it runs. A mistake anywhere,
 *  and all stays as it was. It talks through the server's lines: nobody may be reading stderr. */
static void read_again(struct cli *c, struct desk *d)
{
    struct arena a;
    struct settings s;
    struct buf problem = {0};
    arena_init(&a, (size_t)64 << 20);
    authority_reload(d->authority);
    settings_read(&s, &a, c);
    if (c->settings->file != NULL && s.file == NULL) {
        settings_problem(&s, c->settings->file, false, "it is gone");
    }
    settings_check(&s);
    settings_check_validity(&s);
    if (s.errors == 0) {
        take_over(c, d, &s);
    }
    while (settings_next(&s, &problem)) {
        desk_say(d, "%.*s", (int)problem.len, (const char *)problem.p);
        buf_reset(&problem);
    }
    if (s.errors > 0) {
        desk_say(d, "SIGHUP: the settings stay as they were");
    } else if (!c->quiet) {
        desk_say(d, "SIGHUP: keys, certificate and settings read again");
    }
    buf_clear(&problem);
    arena_clear(&a);
}

/** Until SIGINT or SIGTERM. */
static void wait_for_end(struct cli *c, struct desk *d, const sigset_t *set)
{
    int got;
    do {
        while (sigwait(set, &got) != 0) {
        }
        if (got == SIGHUP) {
            service_notify("RELOADING=1");
            read_again(c, d);
            service_notify("READY=1");
        }
    } while (got == SIGHUP);
}

/** What is answered, one route a line: method, path, operation, scope. */
static int routes_print(struct cli *c, unsigned roles)
{
    const struct route *r;
    for (size_t i = 0; (r = route_at(i)) != NULL; i++) {
        if ((r->roles & roles) != 0) {
            size_t len = strlen(r->path);
            bool goes_on = len > 2 && r->path[len - 2] == '*'; /* see struct route */
            cli_print(c, "%s %.*s%s %s %s\n", r->method, (int)(goes_on ? len - 2 : len), r->path,
                      goes_on ? "}" : "", r->operation,
                      r->scope < SCOPE_COUNT  ? scope_name(r->scope)
                      : r->scope == SCOPE_ANY ? "any"
                                              : "none");
        }
    }
    return CLI_OK;
}

static void signals_block(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
    sigprocmask(SIG_BLOCK, set, NULL); /* before any thread: they inherit it */
    signal(SIGPIPE, SIG_IGN);
}

/** Those of the operator's own; *out is NULL when there are none. */
static enum mete_code metrics_open(struct custom_metrics **out, struct settings *s,
                                   struct mete_err *err)
{
    const char *path = settings_path(s, SETTING_METRICS_FILE);
    struct buf document = {0};
    if (path == NULL) {
        return METE_OK;
    }
    enum mete_code code = cli_read_file(path, CUSTOM_FILE_MAX, &document, err);
    code = code == METE_OK ? custom_metrics_read(out, buf_text(&document), err) : code;
    buf_clear(&document);
    return code;
}

static int serve_run(struct cli *c)
{
    struct desk *d;
    struct mete_err err;
    sigset_t set;
    if (cli_flag(c, "routes")) {
        unsigned roles;
        return roles_parse(text_of(settings_text(c->settings, SETTING_ROLES)), &roles, &err) ==
                       METE_OK
                   ? routes_print(c, roles)
                   : cli_usage(c, "%s", err.text);
    }
    settings_check(c->settings);
    settings_check_validity(c->settings);
    settings_complain(c->settings);
    if (c->settings->errors > 0) {
        return CLI_USAGE;
    }
    struct rails rails;
    struct desk_options o = desk_of(c->settings);
    if (c->settings->errors > 0) { /* a file has gone since it was looked at */
        settings_complain(c->settings);
        return CLI_USAGE;
    }
    signals_block(&set);
    if (rails_open(&rails, c->settings, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    if (networks_open(&o.nets, c->settings, &err) != METE_OK) {
        rails_close(&rails);
        nets_close(o.nets);
        return cli_fail(c, &err);
    }
    if (metrics_open(&o.metrics, c->settings, &err) != METE_OK) {
        rails_close(&rails);
        nets_close(o.nets);
        return cli_fail(c, &err);
    }
    o.rail = rails.rail;
    o.rails = rails.count;
    o.payout_keys = rails.keys;
    if (desk_open(&d, &o, &err) != METE_OK) {
        rails_close(&rails);
        return cli_fail(c, &err);
    }
    say_started(c, d, o.server.listen);
    service_notify("READY=1");
    wait_for_end(c, d, &set);
    if (!drain(d, &set)) {
        stopped_say(c, d, "some requests were not answered");
        desk_flush(d);
        _exit(CLI_FAILED); /* at once: the store stands this, as it stands the power going */
    }
    stopped_say(c, d, "every request was answered");
    desk_close(d);
    rails_close(&rails);
    return CLI_OK;
}

static const struct cli_option OPTIONS[] = {
    {"listen", 'l', "HOST:PORT", "where to listen; else HOST and PORT, else 127.0.0.1:8402"},
    {"roles", 0, "LIST", "groups of routes: all, distributions, wallet, manifests, dashboard ..."},
    {"routes", 0, NULL, "print what would be answered, and end"},
    {"certificate", 0, "FILE", "TLS: the server's certificate and its chain, PEM"},
    {"certificate-key", 0, "FILE", "TLS: the private key of it, PEM"},
    {"networks", 0, "FILE", "x402: the networks that payments are taken on, JSON"},
    {"public-facilitator", 0, NULL, "x402: nobody has to show a key to verify and settle"},
    {"client-ca", 0, "FILE", "clients must show a certificate of one of these, PEM"},
    {"rate", 0, "N", "requests a second for each key, on average; else no bound"},
    {"burst", 0, "N", "requests at once after a rest; else twice --rate"},
    {"replay-window", 0, "HOURS", "older signed events that are new are refused; else 24, 0: none"},
    {"connections", 0, "N", "connections at once; 1024 unless said"},
    {"per-address", 0, "N",
     "of them, those of one address; unless said 256 with TLS, else no bound"},
    {"request-time", 0, "SECONDS", "for a whole request, however slowly it comes; 60 unless said"},
    {"idle-time", 0, "SECONDS", "without a byte before a connection is closed; 30 unless said"},
    {"streams", 0, "N", "of the connections, those that follow events; half unless said"},
    {"streams-per-key", 0, "N", "of these, those of one key; a quarter unless said"},
    {"mcp-origins", 0, "LIST", "sites whose pages may ask /mcp, beside its own"},
    {"heartbeat", 0, "SECONDS", "between looks at who follows events; 15 unless said"},
    {"plaintext-behind-proxy", 0, NULL, "no TLS although others can connect: a proxy has it"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_serve = {
    .name = "serve",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "answer HTTP requests",
    .about =
        "Makes the store and the book when they are missing. SIGTERM: finishes what it has\n"
        "begun, then ends; a second one: at once. SIGHUP: reads keys, certificate and settings\n"
        "again. Everything can also stand in mete.conf(5). Several of them\n"
        "with a role each find each other by MANIFEST_REGISTRY_URL, WALLET_SERVICE_URL,\n"
        "DISTRIBUTION_SERVICE_URL and VALIDATION_SERVICE_URL, and show each other the key in\n"
        "PEER_API_KEY, else API_KEY.",
    .option = OPTIONS,
    .run = serve_run};

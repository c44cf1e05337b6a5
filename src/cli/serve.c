/* SPDX-License-Identifier: Apache-2.0
 * mete serve: starts the desk, waits for a signal, lets it finish. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/service.h"
#include "crypto/seal.h"
#include "http/desk.h"
#include "http/roles.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTEN_DEFAULT  "127.0.0.1:8402"
#define BODY_MAX        ((size_t)64 << 20)
#define PEM_MAX         ((size_t)1 << 20)
#define REPLAY_WINDOW_H 24
#define DRAIN_S         25u

#define CONNECTIONS_MOST 60000u
#define DAY_S            86400u
#define PER_ADDRESS      256u

static bool is_loopback(const char *listen)
{
    return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]:", 6) == 0 ||
           strncmp(listen, "localhost:", 10) == 0;
}

/** --listen, else HOST and PORT of the environment, else loopback. */
static const char *listen_of(struct cli *c)
{
    const char *given = cli_option(c, "listen");
    const char *host = getenv("HOST");
    const char *port = getenv("PORT");
    if (given != NULL) {
        return given;
    }
    if (host == NULL && port == NULL) {
        return LISTEN_DEFAULT;
    }
    return arena_printf(&c->arena, "%s:%s", host != NULL ? host : "127.0.0.1",
                        port != NULL ? port : "8402")
        .p;
}

/** --roles, else all. CLI_OK, or it was complained about. */
static int roles_of(struct cli *c, unsigned *out)
{
    struct mete_err err;
    const char *given = cli_option(c, "roles");
    enum mete_code code = roles_parse(text_of(given != NULL ? given : "all"), out, &err);
    return code == METE_OK ? CLI_OK : cli_usage(c, "%s", err.text);
}

/** The other services, by the names that their compose files use. */
static struct peers_options peers_of_environment(void)
{
    const char *key = getenv("PEER_API_KEY");
    return (struct peers_options){.registry = getenv("MANIFEST_REGISTRY_URL"),
                                  .wallet = getenv("WALLET_SERVICE_URL"),
                                  .distribution = getenv("DISTRIBUTION_SERVICE_URL"),
                                  .validation = getenv("VALIDATION_SERVICE_URL"),
                                  .key = key != NULL ? key : getenv("API_KEY")};
}

static void say_started(struct cli *c, struct desk *d, const char *listen)
{
    const char *colon = strrchr(listen, ':');
    cli_note(c, "mete: listening on %s://%.*s:%u, book %s in %s%s",
             d->o.server.certificate != NULL ? "https" : "http", (int)(colon - listen), listen,
             server_port(d->server), c->book, c->store_label,
             authority_is_open(d->authority) ? "; no key exists: everything is open to this machine"
                                             : "");
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

/** Until SIGINT or SIGTERM; SIGHUP reads the keys again. */
static void wait_for_end(struct desk *d, const sigset_t *set)
{
    int got;
    do {
        while (sigwait(set, &got) != 0) {
        }
        if (got == SIGHUP) {
            authority_reload(d->authority);
        }
    } while (got == SIGHUP);
}

/* --- options -----------------------------------------------------------------------------------*/

/** The text of the file that an option names; NULL when it was not given. */
static int file_option(struct cli *c, const char *name, const char **out)
{
    const char *path = cli_option(c, name);
    struct buf text = {0};
    struct mete_err err;
    *out = NULL;
    if (path == NULL) {
        return CLI_OK;
    }
    if (cli_read_file(path, PEM_MAX, &text, &err) != METE_OK) {
        buf_clear(&text);
        return cli_fail(c, &err);
    }
    *out = arena_text(&c->arena, buf_text(&text)).p;
    secret_wipe(text.p, text.len);
    buf_clear(&text);
    return CLI_OK;
}

static int tls_options(struct cli *c, struct server_options *o)
{
    int status = file_option(c, "certificate", &o->certificate);
    status = status == CLI_OK ? file_option(c, "certificate-key", &o->certificate_key) : status;
    status = status == CLI_OK ? file_option(c, "client-ca", &o->client_ca) : status;
    if (status != CLI_OK) {
        return status;
    }
    if ((o->certificate == NULL) != (o->certificate_key == NULL)) {
        return cli_usage(c, "--certificate and --certificate-key belong together");
    }
    if (o->client_ca != NULL && o->certificate == NULL) {
        return cli_usage(c, "--client-ca needs TLS: give --certificate and --certificate-key");
    }
    return CLI_OK;
}

/** Bounds of the server. CLI_OK, or it was complained about. */
static int bounds_of(struct cli *c, const char *listen, struct server_options *o)
{
    const struct {
        const char *name;
        uint64_t max;
        unsigned *to;
    } bound[] = {{"connections", CONNECTIONS_MOST, &o->connections_max},
                 {"per-address", CONNECTIONS_MOST, &o->per_address_max},
                 {"request-time", DAY_S, &o->request_s},
                 {"idle-time", DAY_S, &o->idle_s}};
    for (size_t i = 0; i < ARRAY_LEN(bound); i++) {
        uint64_t value = 0;
        int status = cli_option_number(c, bound[i].name, 1, bound[i].max, &value);
        if (status != CLI_OK) {
            return status;
        }
        *bound[i].to = (unsigned)value;
    }
    if (o->per_address_max == 0 && o->certificate != NULL && !is_loopback(listen)) {
        o->per_address_max = PER_ADDRESS; /* no proxy is in between: an address is a client */
    }
    return CLI_OK;
}

static int key_options(struct cli *c, struct desk_options *o)
{
    uint64_t rate = 0;
    uint64_t burst = 0;
    uint64_t hours = REPLAY_WINDOW_H;
    int status = cli_option_number(c, "rate", 0, 1000000, &rate);
    status = status == CLI_OK ? cli_option_number(c, "burst", 1, 1000000, &burst) : status;
    status = status == CLI_OK ? cli_option_number(c, "replay-window", 0, 8760, &hours) : status;
    o->rate = (unsigned)rate;
    o->burst = (unsigned)burst;
    o->replay_window_s = (unsigned)hours * 3600;
    return status;
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

static int serve_run(struct cli *c)
{
    struct desk *d;
    struct mete_err err;
    sigset_t set;
    unsigned roles;
    const char *listen = listen_of(c);
    int status = roles_of(c, &roles);
    if (status != CLI_OK) {
        return status;
    }
    if (cli_flag(c, "routes")) {
        return routes_print(c, roles);
    }
    struct desk_options o = {.server = {.listen = listen, .body_max = BODY_MAX},
                             .store = c->store,
                             .book = c->book,
                             .create = true,
                             .roles = roles,
                             .peers = peers_of_environment(),
                             .admin_key = getenv("API_KEY"),
                             .loopback = is_loopback(listen),
                             .log = !c->quiet};
    status = tls_options(c, &o.server);
    status = status == CLI_OK ? key_options(c, &o) : status;
    status = status == CLI_OK ? bounds_of(c, listen, &o.server) : status;
    if (status != CLI_OK) {
        return status;
    }
    if (!o.loopback && o.server.certificate == NULL && !cli_flag(c, "plaintext-behind-proxy")) {
        return cli_usage(c,
                         "%s can be reached from elsewhere: give a certificate, or say "
                         "--plaintext-behind-proxy",
                         listen);
    }
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL); /* before any thread: they inherit it */
    signal(SIGPIPE, SIG_IGN);
    if (desk_open(&d, &o, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    say_started(c, d, listen);
    service_notify("READY=1");
    wait_for_end(d, &set);
    if (!drain(d, &set)) {
        cli_note(c, "mete: stopped; some requests were not answered");
        _exit(CLI_FAILED); /* at once: the store stands this, as it stands the power going */
    }
    cli_note(c, "mete: stopped; every request was answered");
    desk_close(d);
    return CLI_OK;
}

static const struct cli_option OPTIONS[] = {
    {"listen", 'l', "HOST:PORT", "where to listen; else HOST and PORT, else 127.0.0.1:8402"},
    {"roles", 0, "LIST", "groups of routes: all, distributions, wallet, manifests, dashboard ..."},
    {"routes", 0, NULL, "print what would be answered, and end"},
    {"certificate", 0, "FILE", "TLS: the server's certificate and its chain, PEM"},
    {"certificate-key", 0, "FILE", "TLS: the private key of it, PEM"},
    {"client-ca", 0, "FILE", "clients must show a certificate of one of these, PEM"},
    {"rate", 0, "N", "requests a second for each key, on average; else no bound"},
    {"burst", 0, "N", "requests at once after a rest; else twice --rate"},
    {"replay-window", 0, "HOURS", "older signed events that are new are refused; else 24, 0: none"},
    {"connections", 0, "N", "connections at once; 1024 unless said"},
    {"per-address", 0, "N",
     "of them, those of one address; unless said 256 with TLS, else no bound"},
    {"request-time", 0, "SECONDS", "for a whole request, however slowly it comes; 60 unless said"},
    {"idle-time", 0, "SECONDS", "without a byte before a connection is closed; 30 unless said"},
    {"plaintext-behind-proxy", 0, NULL, "no TLS although others can connect: a proxy has it"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_serve = {
    .name = "serve",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "answer HTTP requests",
    .about = "Makes the store and the book when they are missing. SIGTERM: finishes what it has\n"
             "begun, then ends; a second one: at once. SIGHUP: reads keys again. Several of them\n"
             "with a role each find each other by MANIFEST_REGISTRY_URL, WALLET_SERVICE_URL,\n"
             "DISTRIBUTION_SERVICE_URL and VALIDATION_SERVICE_URL, and show each other the key in\n"
             "PEER_API_KEY, else API_KEY.",
    .option = OPTIONS,
    .run = serve_run};

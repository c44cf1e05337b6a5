/* SPDX-License-Identifier: Apache-2.0
 * mete doctor: what stands in the way of a server that does its work, before it does. Looks and
 * never changes anything: a store is opened for reading, a port is only tried. */
#include "cli/doctor.h"
#include "store/wall.h"

#include "base/text.h"
#include "http/descriptors.h"

#include <curl/curl.h>
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_S 3L
#define ANSWER_MAX       ((size_t)64 << 10)

static const char *const FINDING[] = {"ok", "warning", "error"};

void doctor_tell(struct doctor *d, enum finding f, const char *what, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    table_str(d->t, FINDING[f]);
    table_str(d->t, what);
    table_str(d->t, text);
    d->worst = f > d->worst ? f : d->worst;
}

/* --- the machine -------------------------------------------------------------------------------*/

static void settings_look(struct doctor *d)
{
    struct settings *s = d->c->settings;
    settings_check(s);
    for (const struct setting_problem *p = s->problem; p != NULL; p = p->next) {
        doctor_tell(d, p->is_warning ? WARNING : WRONG, "settings", "%.*s%s%.*s", (int)p->where.len,
                    p->where.p, p->where.len > 0 ? ": " : "", (int)p->text.len, p->text.p);
    }
    if (s->problem == NULL) {
        doctor_tell(d, FINE, "settings", "%s",
                    s->file != NULL ? s->file : "no file; what is built in");
    }
}

static void certificate_look(struct doctor *d)
{
    bool ended = false;
    char until[TIME_TEXT_MAX];
    struct settings *s = d->c->settings;
    if (!s->has_certificate) {
        return; /* there is none, or the settings have said why it cannot be used */
    }
    const char *text = settings_validity(s, &ended);
    time_format(s->certificate_until, until);
    if (text != NULL) {
        doctor_tell(d, ended ? WRONG : WARNING, "certificate", "%s", text);
    } else {
        doctor_tell(d, FINE, "certificate", "%lld days left, until %s",
                    (long long)((s->certificate_until - wall_now()) / TIME_DAY_US), until);
    }
}

static void descriptors_look(struct doctor *d)
{
    struct rlimit limit;
    uint64_t wanted = settings_number(d->c->settings, SETTING_CONNECTIONS) + DESCRIPTORS_OWN;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    if (limit.rlim_max < wanted) { /* the server asks for what it may have */
        doctor_tell(
            d, WARNING, "open files",
            "at most %llu, %llu connections want %llu: ulimit -n, or LimitNOFILE of the service",
            (unsigned long long)limit.rlim_max,
            (unsigned long long)settings_number(d->c->settings, SETTING_CONNECTIONS),
            (unsigned long long)wanted);
    } else {
        doctor_tell(d, FINE, "open files", "%llu", (unsigned long long)limit.rlim_max);
    }
}

/* --- the address -------------------------------------------------------------------------------*/

static size_t answer_take(char *p, size_t size, size_t count, void *arg)
{
    struct buf *out = arg;
    if (out->len + size * count > ANSWER_MAX) {
        return 0; /* curl ends the call */
    }
    buf_put(out, p, size * count);
    return size * count;
}

/** The status of a GET there; 0: nobody speaks HTTP. The answer is appended to `out`. */
static long ask(struct doctor *d, const char *listen, const char *path, struct buf *out)
{
    long status = 0;
    bool tls = settings_text(d->c->settings, SETTING_CERTIFICATE) != NULL;
    CURL *h = curl_easy_init();
    if (h == NULL) {
        return 0;
    }
    const char *url =
        arena_printf(&d->c->arena, "%s://%s%s", tls ? "https" : "http", listen, path).p;
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_TIMEOUT, ANSWER_TIMEOUT_S);
    curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, answer_take);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L); /* nothing is told, and nothing believed */
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
    if (curl_easy_perform(h) == CURLE_OK) {
        curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_easy_cleanup(h);
    return status;
}

/** The version of the mete that answers there, in the arena; NULL: it is no mete. */
static const char *version_of(struct doctor *d, struct text answer)
{
    struct mete_err err;
    struct json *j;
    const struct json *name;
    const struct json *version;
    if (json_parse(&d->c->arena, answer, &j, &err) != METE_OK) {
        return NULL;
    }
    name = json_get(j, "name");
    version = json_get(j, "version");
    bool mete = name != NULL && version != NULL && text_is(name->text, "mete");
    return mete ? arena_text(&d->c->arena, version->text).p : NULL;
}

/** 0: it can be listened on; else errno. */
static int address_try(struct doctor *d, const char *listen)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    const char *colon = strrchr(listen, ':');
    struct addrinfo *found = NULL;
    struct text name = {listen, (size_t)(colon - listen)};
    if (name.len >= 2 && name.p[0] == '[' && name.p[name.len - 1] == ']') {
        name = (struct text){name.p + 1, name.len - 2};
    }
    const char *host = arena_text(&d->c->arena, name).p;
    if (getaddrinfo(host[0] != '\0' ? host : NULL, colon + 1, &hints, &found) != 0) {
        return EADDRNOTAVAIL;
    }
    int one = 1;
    int why = 0;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) != 0) {
        why = errno;
    }
    if (fd >= 0) {
        close(fd);
    }
    freeaddrinfo(found);
    return why;
}

/** Somebody listens there already: a server of ours, or a stranger? */
static void listener_look(struct doctor *d, const char *listen)
{
    struct buf answer = {0};
    long status = ask(d, listen, "/version", &answer);
    const char *version = status == 200 ? version_of(d, buf_text(&answer)) : NULL;
    buf_reset(&answer);
    if (version != NULL && ask(d, listen, "/healthz", &answer) == 200) {
        doctor_tell(d, FINE, "address", "%s: mete %s answers there, and is well", listen, version);
    } else if (version != NULL) {
        doctor_tell(d, WRONG, "address",
                    "%s: mete %s is there, and not well: look at what it wrote to its log", listen,
                    version);
    } else if (status == 401 && settings_text(d->c->settings, SETTING_CLIENT_CA) != NULL) {
        doctor_tell(d, FINE, "address", "%s: somebody answers there, for client certificates",
                    listen);
    } else {
        doctor_tell(d, WRONG, "address",
                    "%s: another program listens there: end it, or say another listen", listen);
    }
    buf_clear(&answer);
}

static void address_look(struct doctor *d)
{
    const char *listen = settings_text(d->c->settings, SETTING_LISTEN);
    const char *colon = strrchr(listen, ':');
    if (colon == NULL || colon == listen) {
        return; /* the settings have said so */
    }
    int why = address_try(d, listen);
    if (why == 0) {
        doctor_tell(d, FINE, "address", "%s is free", listen);
    } else if (why == EADDRINUSE) {
        listener_look(d, listen);
    } else if (why == EACCES) {
        doctor_tell(d, WRONG, "address",
                    "%s: ports below 1024 are not for every user: say a higher one, or "
                    "AmbientCapabilities=CAP_NET_BIND_SERVICE in the service",
                    listen);
    } else {
        doctor_tell(d, WRONG, "address", "%s: %s: say another listen", listen, strerror(why));
    }
}

static int doctor_run(struct cli *c)
{
    static const struct table_column columns[] = {{"finding", "RESULT", COLUMN_TEXT},
                                                  {"what", "CHECK", COLUMN_TEXT},
                                                  {"message", "DETAIL", COLUMN_TEXT}};
    struct doctor d = {.c = c, .t = table_new(columns, ARRAY_LEN(columns))};
    const char *backups = cli_option(c, "backups");
    settings_look(&d);
    certificate_look(&d);
    descriptors_look(&d);
    doctor_look_at_rails(&d);
    doctor_look_at_networks(&d);
    doctor_look_at_store(&d);
    if (backups != NULL) {
        doctor_look_at_backups(&d, backups);
    }
    address_look(&d);
    enum finding worst = d.worst;
    cli_table(c, d.t);
    cli_note(c, worst == FINE      ? "mete: all is well"
                : worst == WARNING ? "mete: it will run; see the warnings"
                                   : "mete: there are errors to mend");
    return worst == WRONG ? CLI_FAILED : CLI_OK;
}

static const struct cli_option OPTIONS[] = {
    {"backups", 0, "FOLDER", "where mete backup writes to: is the newest one recent?"},
    {"listen", 'l', "HOST:PORT", "the address to look at; else that of the settings"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_doctor = {
    .name = "doctor",
    .operands = "",
    .summary = "look for what stands in the way of the server",
    .about =
        "Settings, the certificate, open files, disk, folder, the store's file, schema and keys;\n"
        "of every book the clock, the log against its head, what was refused and what waits for\n"
        "long; the nodes of networks of x402 and the gas of their account; the address. Changes\n"
        "nothing. Exit status 1: something is wrong.",
    .option = OPTIONS,
    .run = doctor_run};

/* SPDX-License-Identifier: Apache-2.0
 * mete doctor: what stands in the way of a server that does its work, before it does. Looks and
 * never changes anything: a store is opened for reading, a port is only tried. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/settings.h"
#include "engine/engine.h"
#include "engine/log.h"
#include "store/api_key.h"

#include <curl/curl.h>
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define DISK_FREE_MIN    ((uint64_t)1 << 30) /* bytes: below it a warning, below a tenth an error */
#define WAIT_OLD_DAYS    7
#define AHEAD_MAX_S      300
#define ANSWER_TIMEOUT_S 3L

enum finding { FINE, WARNING, WRONG };
static const char *const FINDING[] = {"ok", "warning", "error"};

struct doctor {
    struct cli *c;
    struct table *t;
    enum finding worst;
};

/** One line: what was looked at, how it stands, and for anything but FINE how to mend it. */
METE_PRINTF(4, 5)
static void tell(struct doctor *d, enum finding f, const char *what, const char *fmt, ...)
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

static mete_time now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (mete_time)t.tv_sec * TIME_SECOND_US + t.tv_nsec / 1000;
}

/* --- the machine -------------------------------------------------------------------------------*/

static void settings_look(struct doctor *d)
{
    struct settings *s = d->c->settings;
    settings_check(s);
    (void)settings_secret(s, SETTING_API_KEY, SETTING_API_KEY_FILE);
    (void)settings_secret(s, SETTING_PEER_KEY, SETTING_PEER_KEY_FILE);
    for (const struct setting_problem *p = s->problem; p != NULL; p = p->next) {
        tell(d, p->is_warning ? WARNING : WRONG, "settings", "%.*s%s%.*s", (int)p->where.len,
             p->where.p, p->where.len > 0 ? ": " : "", (int)p->text.len, p->text.p);
    }
    if (s->problem == NULL) {
        tell(d, FINE, "settings", "%s", s->file != NULL ? s->file : "no file; what is built in");
    }
}

static void descriptors_look(struct doctor *d)
{
    struct rlimit limit;
    uint64_t wanted = settings_number(d->c->settings, SETTING_CONNECTIONS) + 100;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    if (limit.rlim_cur < wanted) {
        tell(d, WARNING, "open files",
             "at most %llu, %llu connections want %llu: ulimit -n, or LimitNOFILE of the service",
             (unsigned long long)limit.rlim_cur,
             (unsigned long long)settings_number(d->c->settings, SETTING_CONNECTIONS),
             (unsigned long long)wanted);
    } else {
        tell(d, FINE, "open files", "%llu", (unsigned long long)limit.rlim_cur);
    }
}

/** The file of an embedded store; NULL: it is none. */
static const char *store_file(const char *store)
{
    if (strncmp(store, "sqlite:", 7) == 0) {
        return store + 7;
    }
    return strstr(store, "://") != NULL || strcmp(store, "memory:") == 0 ? NULL : store;
}

static const char *directory_of(struct doctor *d, const char *file)
{
    const char *slash = strrchr(file, '/');
    if (slash == NULL) {
        return ".";
    }
    size_t len = slash == file ? 1 : (size_t)(slash - file);
    return arena_text(&d->c->arena, (struct text){file, len}).p;
}

static void disk_look(struct doctor *d, const char *directory)
{
    struct statvfs v;
    if (statvfs(directory, &v) != 0) {
        tell(d, WRONG, "disk", "%s: %s", directory, strerror(errno));
        return;
    }
    uint64_t left = (uint64_t)v.f_bavail * v.f_frsize;
    enum finding f = left < DISK_FREE_MIN / 10 ? WRONG : left < DISK_FREE_MIN ? WARNING : FINE;
    tell(d, f, "disk", "%llu MiB free in %s%s", (unsigned long long)(left >> 20), directory,
         f == FINE ? "" : ": make room before events are refused");
    if ((v.f_flag & ST_RDONLY) != 0) {
        tell(d, WRONG, "disk", "%s is mounted for reading only", directory);
    }
}

static void mode_look(struct doctor *d, const char *what, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        tell(d, errno == ENOENT ? WARNING : WRONG, what, "%s: %s", path, strerror(errno));
    } else if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        tell(d, WARNING, what, "others can reach %s (mode %03o): chmod %s %s", path,
             (unsigned)(st.st_mode & 0777), S_ISDIR(st.st_mode) ? "700" : "600", path);
    } else {
        tell(d, FINE, what, "%s, mode %03o", path, (unsigned)(st.st_mode & 0777));
    }
}

/* --- the book ----------------------------------------------------------------------------------*/

static bool count_row(void *arg, const struct quarantined *q)
{
    (void)q;
    ++*(uint64_t *)arg;
    return true;
}

static void clock_look(struct doctor *d, const struct log_head *head)
{
    char at[TIME_TEXT_MAX];
    mete_time now = now_us();
    time_format(head->recorded_at, at);
    if (head->size > 0 && head->recorded_at > now + AHEAD_MAX_S * TIME_SECOND_US) {
        tell(d, WRONG, "clock",
             "the newest event was recorded at %s, which is ahead of this "
             "machine's clock: set the clock, else events of now are recorded then",
             at);
    } else {
        tell(d, FINE, "clock", "not before the newest event%s%s", head->size > 0 ? ", " : "",
             head->size > 0 ? at : "");
    }
}

static bool key_counts(void *arg, const struct api_key *key)
{
    mete_time now = now_us();
    *(uint64_t *)arg += key->revoked_at > now && key->expires_at > now;
    return true;
}

static void keys_look(struct doctor *d)
{
    struct settings *s = d->c->settings;
    struct api_keys *k;
    struct mete_err err;
    uint64_t keys = 0;
    const char *listen = settings_text(s, SETTING_LISTEN);
    bool own =
        settings_text(s, SETTING_API_KEY) != NULL || settings_text(s, SETTING_API_KEY_FILE) != NULL;
    enum mete_code code = api_keys_open(&k, d->c->store, false, &err);
    if (code == METE_OK) {
        code = api_keys_read(k, key_counts, &keys, &err);
        api_keys_close(k);
    }
    if (code != METE_OK) {
        tell(d, WRONG, "keys", "%s", err.text);
    } else if (keys == 0 && !own && listen_is_loopback(listen)) {
        tell(d, WARNING, "keys",
             "none: while the server listens on loopback only, everybody on "
             "this machine may do everything; mete key create");
    } else if (keys == 0 && !own) {
        tell(d, WARNING, "keys",
             "none, and %s is not loopback: nobody may do anything; mete key "
             "create",
             listen);
    } else {
        tell(d, FINE, "keys", "%llu that hold%s", (unsigned long long)keys,
             own ? ", and the one of the settings" : "");
    }
}

static void quarantine_look(struct doctor *d, struct engine *e)
{
    struct mete_err err;
    uint64_t rows = 0;
    if (book_quarantine(engine_book(e), 0, count_row, &rows, &err) != STORE_OK) {
        tell(d, WRONG, "quarantine", "%s", err.text);
    } else {
        tell(d, rows > 0 ? WARNING : FINE, "quarantine", "%llu refused events%s",
             (unsigned long long)rows, rows > 0 ? ": mete quarantine list" : "");
    }
}

static void book_look(struct doctor *d, struct engine *e)
{
    struct mete_err err;
    struct log_verdict v;
    struct log_head head = book_head(engine_book(e));
    tell(d, FINE, "book", "%s, %llu events", d->c->book, (unsigned long long)head.size);
    clock_look(d, &head);
    if (log_verify(e, &v, &err) == METE_OK) {
        tell(d, FINE, "log", "%llu rows and %llu checkpoints are what the head says",
             (unsigned long long)v.rows, (unsigned long long)v.checkpoints);
    } else {
        tell(d, WRONG, "log", "%s: stop the server, keep the file, restore a copy", err.text);
    }
    quarantine_look(d, e);
}

static void store_look(struct doctor *d)
{
    struct engine *e;
    struct mete_err err;
    const char *file = store_file(d->c->store);
    const struct engine_options o = {
        .store = d->c->store, .book = d->c->book, .read_only = true, .clock = CLOCK_REAL};
    if (file != NULL) {
        disk_look(d, directory_of(d, file));
        mode_look(d, "store", file);
        mode_look(d, "key file", arena_printf(&d->c->arena, "%s.key", file).p);
    }
    if (file != NULL && access(directory_of(d, file), W_OK) != 0) {
        tell(d, WRONG, "store", "%s: %s", directory_of(d, file), strerror(errno));
    }
    enum mete_code code = engine_open(&e, &o, &err);
    if (code == METE_STORE_MISSING) {
        tell(d, WARNING, "book", "%s: mete serve or mete init makes it", err.text);
    } else if (code != METE_OK) {
        tell(d, WRONG, "book", "%s: %s", err.text, mete_code_remediation(code));
    } else {
        book_look(d, e);
        engine_close(e);
        keys_look(d);
    }
}

/* --- the address -------------------------------------------------------------------------------*/

static size_t answer_drop(char *p, size_t size, size_t count, void *arg)
{
    (void)p;
    (void)arg;
    return size * count;
}

/** The status of GET /healthz there; 0: nobody speaks HTTP. */
static long healthz_ask(struct doctor *d, const char *listen)
{
    long status = 0;
    bool tls = settings_text(d->c->settings, SETTING_CERTIFICATE) != NULL;
    CURL *h = curl_easy_init();
    if (h == NULL) {
        return 0;
    }
    const char *url =
        arena_printf(&d->c->arena, "%s://%s/healthz", tls ? "https" : "http", listen).p;
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_TIMEOUT, ANSWER_TIMEOUT_S);
    curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, answer_drop);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L); /* nothing is told, and nothing believed */
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
    if (curl_easy_perform(h) == CURLE_OK) {
        curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_easy_cleanup(h);
    return status;
}

/** 0: it can be listened on; else errno. */
static int address_try(struct doctor *d, const char *listen)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    const char *colon = strrchr(listen, ':');
    struct addrinfo *found = NULL;
    const char *host = arena_text(&d->c->arena, (struct text){listen, (size_t)(colon - listen)}).p;
    if (host[0] == '[') {
        host = arena_text(&d->c->arena, (struct text){host + 1, strlen(host) - 2}).p;
    }
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

static void address_look(struct doctor *d)
{
    const char *listen = settings_text(d->c->settings, SETTING_LISTEN);
    const char *colon = strrchr(listen, ':');
    if (colon == NULL || colon == listen) {
        return; /* the settings have said so */
    }
    int why = address_try(d, listen);
    if (why == 0) {
        tell(d, FINE, "address", "%s is free", listen);
        return;
    }
    long status = why == EADDRINUSE ? healthz_ask(d, listen) : 0;
    if (status == 200) {
        tell(d, FINE, "address", "%s: a server answers there, and is well", listen);
    } else if (status != 0) {
        tell(d, WARNING, "address", "%s: something answers there with %ld", listen, status);
    } else {
        tell(d, WRONG, "address", "%s: %s: choose another with --listen", listen, strerror(why));
    }
}

static int doctor_run(struct cli *c)
{
    static const struct table_column columns[] = {
        {"finding", "", COLUMN_TEXT}, {"what", "", COLUMN_TEXT}, {"message", "", COLUMN_TEXT}};
    struct doctor d = {.c = c, .t = table_new(columns, ARRAY_LEN(columns))};
    settings_look(&d);
    descriptors_look(&d);
    store_look(&d);
    address_look(&d);
    enum finding worst = d.worst;
    cli_table(c, d.t);
    cli_note(c, worst == FINE      ? "mete: all is well"
                : worst == WARNING ? "mete: it will run; see the warnings"
                                   : "mete: there are errors to mend");
    return worst == WRONG ? CLI_FAILED : CLI_OK;
}

static const struct cli_option OPTIONS[] = {
    {"listen", 'l', "HOST:PORT", "the address to look at; else that of the settings"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_doctor = {
    .name = "doctor",
    .operands = "",
    .summary = "look for what stands in the way of the server",
    .about =
        "Settings, files and their modes, the disk, the clock, the log against its head, keys,\n"
        "what was refused, the address. Changes nothing. Exit status 1: something is wrong.",
    .option = OPTIONS,
    .run = doctor_run};

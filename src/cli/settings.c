/* SPDX-License-Identifier: Apache-2.0
 * Reading the settings from their sources. Invariant: a value that is set has been found good by
 * itself; a bad one is a problem, and what the source before said stays. */
#include "cli/settings.h"

#include "base/text.h"
#include "cli/cli.h"
#include "crypto/seal.h"
#include "wire/form.h"

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_DEFAULT  "/etc/mete/mete.conf"
#define DROP_INS_MAX  256
#define LINE_MAX_TEXT 198 /* of the reader of INI files */

const struct setting_row SETTING[SETTING_COUNT] = {
#define X(symbol, section, name, env, option, kind, otherwise, min, max, traits, what)             \
    {section, name, env, option, SETTING_##kind, otherwise, min, max, traits, what},
    SETTINGS(X)
#undef X
};

/* --- problems ----------------------------------------------------------------------------------*/

void settings_problem(struct settings *s, const char *where, bool is_warning, const char *fmt, ...)
{
    struct setting_problem *p = arena_alloc(s->arena, sizeof *p);
    char text[600];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    *p =
        (struct setting_problem){.where = arena_text(s->arena, text_of(where != NULL ? where : "")),
                                 .text = arena_text(s->arena, text_of(text)),
                                 .is_warning = is_warning};
    *s->problem_last = p;
    s->problem_last = &p->next;
    s->errors += !is_warning;
}

bool settings_next(struct settings *s, struct buf *line)
{
    struct setting_problem *p = s->problem;
    while (p != NULL && p->is_told) {
        p = p->next;
    }
    if (p != NULL) {
        p->is_told = true;
        buf_put_str(line, p->is_warning ? "warning: " : "");
        text_put_safe(line, p->where);
        buf_put_str(line, p->where.len > 0 ? ": " : "");
        text_put_safe(line, p->text);
    }
    return p != NULL;
}

void settings_complain(struct settings *s)
{
    struct buf line = {0};
    while (settings_next(s, &line)) {
        fprintf(stderr, "mete: %.*s\n", (int)line.len, (const char *)line.p);
        buf_reset(&line);
    }
    buf_clear(&line);
}

/* --- values ------------------------------------------------------------------------------------*/

static bool switch_read(const char *text, bool *out)
{
    static const char *const yes[] = {"yes", "true", "on", "1"};
    static const char *const no[] = {"no", "false", "off", "0"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            *out = strcmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

/** NULL: the text will do. Else what is wanted instead. */
static const char *value_wants(const struct setting_row *row, const char *text, char room[80])
{
    uint64_t number;
    bool flag;
    if (row->kind == SETTING_NUMBER && !cli_number(text, row->min, row->max, &number)) {
        (void)snprintf(room, 80, "a number from %llu to %llu", (unsigned long long)row->min,
                       (unsigned long long)row->max);
        return room;
    }
    if (row->kind == SETTING_SWITCH && !switch_read(text, &flag)) {
        return "yes or no";
    }
    bool web = strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
    if (row->kind == SETTING_URL && !web) {
        return "a URL that begins with http:// or https://";
    }
    return text[0] != '\0' ? NULL : "something";
}

static void value_set(struct settings *s, enum setting which, const char *text,
                      struct setting_value from)
{
    const struct setting_row *row = &SETTING[which];
    char room[80];
    const char *wants = value_wants(row, text, room);
    const char *shown = setting_shown(s->arena, which, text);
    if (wants != NULL && from.source != FROM_FILE) { /* it goes by the name that it has there */
        settings_problem(s, NULL, false, "%s wants %s, not '%.100s'", from.where, wants, shown);
        return;
    }
    if (wants != NULL) {
        settings_problem(s, from.where, false, "%s wants %s, not '%.100s'", row->name, wants,
                         shown);
        return;
    }
    from.text = arena_text(s->arena, text_of(text)).p;
    s->value[which] = from;
}

const char *settings_text(const struct settings *s, enum setting which)
{
    return s->value[which].text;
}

void settings_forget(struct settings *s, enum setting which)
{
    const char *name = SETTING[which].environment;
    char *given = name != NULL ? getenv(name) : NULL;
    if (given != NULL) {
        secret_wipe(given, strlen(given));
        (void)unsetenv(name);
    }
    if (s->value[which].text != NULL) { /* value_set's copy */
        secret_wipe((void *)(uintptr_t)s->value[which].text, strlen(s->value[which].text));
        s->value[which].text = NULL;
    }
}

uint64_t settings_number(const struct settings *s, enum setting which)
{
    uint64_t number = 0;
    const char *text = s->value[which].text;
    if (text != NULL) {
        METE_ASSERT(cli_number(text, SETTING[which].min, SETTING[which].max, &number));
    }
    return number;
}

bool settings_switch(const struct settings *s, enum setting which)
{
    bool on = false;
    const char *text = s->value[which].text;
    METE_ASSERT(text == NULL || switch_read(text, &on));
    return on;
}

/** Appends a URL without its passwords: "://user:HERE@" and "?password=HERE". */
static void url_put_safe(struct buf *out, const char *url)
{
    const char *at = strstr(url, "://");
    const char *end = at != NULL ? at + 3 + strcspn(at + 3, "/?#") : url;
    const char *sign = at != NULL ? memrchr(at + 3, '@', (size_t)(end - at) - 3) : NULL;
    const char *colon = sign != NULL ? memchr(at + 3, ':', (size_t)(sign - at) - 3) : NULL;
    if (colon != NULL) {
        buf_printf(out, "%.*s:(set)", (int)(colon - url), url);
        url = sign;
    }
    while (at != NULL && (at = strstr(url, "password=")) != NULL) {
        at += strlen("password=");
        buf_printf(out, "%.*s(set)", (int)(at - url), url);
        url = at + strcspn(at, "&#");
    }
    buf_put_str(out, url);
}

const char *setting_shown(struct arena *a, enum setting which, const char *text)
{
    struct buf out = {0};
    if (text == NULL || SETTING[which].kind == SETTING_VALUE) {
        return text != NULL ? "(set)" : NULL;
    }
    url_put_safe(&out, text);
    text = arena_text(a, buf_text(&out)).p;
    buf_clear(&out);
    return text;
}

const char *setting_where(const struct setting_value *v)
{
    return v->text == NULL ? "not set" : v->source == FROM_BUILT_IN ? "built in" : v->where;
}

/* --- a file ------------------------------------------------------------------------------------*/

struct reading {
    struct settings *s;
    const char *path;
    FILE *file;
    unsigned line;
    unsigned seen[SETTING_COUNT]; /* line where this file says it; 0: it does not */
};

static const char *reading_where(const struct reading *r)
{
    return arena_printf(r->s->arena, "%s:%u", r->path, r->line).p;
}

/** A line, and its number. One that is too long for the library is left out, and said. */
static char *line_read(char *to, int room, void *stream)
{
    struct reading *r = stream;
    if (fgets(to, room, r->file) == NULL) {
        return NULL;
    }
    r->line++;
    if (strchr(to, '\n') == NULL && !feof(r->file)) {
        int c;
        while ((c = fgetc(r->file)) != EOF && c != '\n') {
        }
        settings_problem(r->s, reading_where(r), false, "a line has at most %d characters",
                         LINE_MAX_TEXT);
        to[0] = '\0';
    }
    if ((to[0] == ' ' || to[0] == '\t') && strspn(to, " \t\r\n") != strlen(to)) {
        settings_problem(r->s, reading_where(r), false,
                         "an indented line would go on with the one before: begin at the margin");
        to[0] = '\0';
    }
    return to;
}

/** Letters that differ, swapped and missing ones counted: small for a slip of the finger. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64];
    size_t len = strlen(b);
    if (len >= ARRAY_LEN(row) || strlen(a) >= ARRAY_LEN(row)) {
        return SIZE_MAX;
    }
    for (size_t k = 0; k <= len; k++) {
        row[k] = k;
    }
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t k = 1; k <= len; k++) {
            size_t above = row[k];
            size_t best = corner + (a[i - 1] != b[k - 1]);
            best = best < above + 1 ? best : above + 1;
            row[k] = best < row[k - 1] + 1 ? best : row[k - 1] + 1;
            corner = above;
        }
    }
    return row[len];
}

static void unknown(struct reading *r, const char *section, const char *name)
{
    size_t least = SIZE_MAX;
    const struct setting_row *near = NULL;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        size_t d = distance(name, SETTING[i].name);
        if (d < least) {
            least = d;
            near = &SETTING[i];
        }
    }
    if (least <= 1 + strlen(name) / 4) {
        settings_problem(r->s, reading_where(r), false,
                         "there is no setting %s in [%s]: did you mean %s in [%s]?", name, section,
                         near->name, near->section);
    } else {
        settings_problem(r->s, reading_where(r), false,
                         "there is no setting %s in [%s]: mete config example shows all", name,
                         section);
    }
}

/** Called for each member; 1: go on. */
static int member_take(void *user, const char *section, const char *name, const char *value)
{
    struct reading *r = user;
    size_t i = 0;
    while (i < SETTING_COUNT &&
           (strcmp(SETTING[i].section, section) != 0 || strcmp(SETTING[i].name, name) != 0)) {
        i++;
    }
    if (i == SETTING_COUNT) {
        unknown(r, section, name);
    } else if (r->seen[i] != 0) {
        settings_problem(r->s, reading_where(r), false, "%s stands in line %u already", name,
                         r->seen[i]);
    } else if (SETTING[i].kind == SETTING_VALUE) {
        settings_problem(r->s, reading_where(r), false,
                         "a secret does not stand in a configuration file: use %s_file or %s of "
                         "the environment",
                         name, SETTING[i].environment);
    } else {
        r->seen[i] = r->line;
        value_set(r->s, (enum setting)i, value,
                  (struct setting_value){.source = FROM_FILE, .where = reading_where(r)});
    }
    return 1;
}

static void file_read(struct settings *s, const char *path)
{
    struct reading r = {.s = s, .path = path, .file = fopen(path, "r")};
    if (r.file == NULL) {
        settings_problem(s, path, false, "%s", strerror(errno));
        s->is_blind = true;
        return;
    }
    int bad = ini_parse_stream(line_read, &r, member_take, &r);
    if (ferror(r.file)) { /* a folder can be opened, too */
        settings_problem(s, path, false, "%s", strerror(errno));
        s->is_blind = true;
    } else if (bad > 0) {
        r.line = (unsigned)bad;
        settings_problem(s, reading_where(&r), false,
                         "neither [section] nor name = value: comments begin with #");
    }
    fclose(r.file);
}

/* --- the files ---------------------------------------------------------------------------------*/

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void drop_ins_read(struct settings *s)
{
    const char *name[DROP_INS_MAX];
    size_t count = 0;
    const char *directory = arena_printf(s->arena, "%s.d", s->file).p;
    DIR *d = opendir(directory);
    if (d == NULL) {
        if (errno != ENOENT && errno != ENOTDIR) {
            settings_problem(s, directory, false, "%s", strerror(errno));
            s->is_blind = true;
        }
        return;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL && count <= DROP_INS_MAX;) {
        size_t len = strlen(e->d_name);
        if (e->d_name[0] == '.' || len <= 5 || strcmp(e->d_name + len - 5, ".conf") != 0) {
            continue;
        }
        if (count == DROP_INS_MAX) {
            settings_problem(s, directory, false, "more than %d files", DROP_INS_MAX);
            break;
        }
        name[count++] = arena_printf(s->arena, "%s/%s", directory, e->d_name).p;
    }
    closedir(d);
    qsort(name, count, sizeof *name, by_name);
    for (size_t i = 0; i < count; i++) {
        file_read(s, name[i]);
    }
}

/** --config, else METE_CONFIG (empty: none), else the one in /etc when it is there. */
static void files_read(struct settings *s, const struct cli *c)
{
    const char *given = cli_option(c, "config");
    given = given != NULL ? given : getenv("METE_CONFIG");
    bool there = access(FILE_DEFAULT, F_OK) == 0 || errno != ENOENT;
    s->file = given != NULL && given[0] != '\0' ? given : NULL;
    s->file = given == NULL && there ? FILE_DEFAULT : s->file;
    if (s->file != NULL) {
        file_read(s, s->file);
        drop_ins_read(s);
    }
}

/* --- environment and options -------------------------------------------------------------------*/

/** Set to nothing is how compose files unset. */
static const char *environment(const char *name)
{
    const char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/** HOST and PORT, each over its half of what the files say. */
static void listen_of_environment(struct settings *s)
{
    const char *host = environment("HOST");
    const char *port = environment("PORT");
    const char *below = settings_text(s, SETTING_LISTEN);
    const char *colon = strrchr(below, ':');
    if (host == NULL && port == NULL) {
        return;
    }
    struct text old_host = {below, colon != NULL ? (size_t)(colon - below) : strlen(below)};
    bool bare = host != NULL && host[0] != '[' && strchr(host, ':') != NULL; /* ::1 */
    const char *both = arena_printf(s->arena, "%s%.*s%s:%s", bare ? "[" : "",
                                    host != NULL ? (int)strlen(host) : (int)old_host.len,
                                    host != NULL ? host : old_host.p, bare ? "]" : "",
                                    port != NULL    ? port
                                    : colon != NULL ? colon + 1
                                                    : "")
                           .p;
    const char *where = host == NULL ? "PORT" : port == NULL ? "HOST" : "HOST and PORT";
    value_set(s, SETTING_LISTEN, both,
              (struct setting_value){.source = FROM_ENVIRONMENT, .where = where});
}

static void environment_read(struct settings *s)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const char *name = SETTING[i].environment;
        const char *text = name != NULL ? environment(name) : NULL;
        if (text != NULL) {
            value_set(s, (enum setting)i, text,
                      (struct setting_value){.source = FROM_ENVIRONMENT, .where = name});
        }
    }
    listen_of_environment(s);
}

static void options_read(struct settings *s, const struct cli *c)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting_row *row = &SETTING[i];
        if (row->option == NULL || !cli_has_option(c, row->option) || !cli_flag(c, row->option)) {
            continue;
        }
        const char *text = row->kind == SETTING_SWITCH ? "yes" : cli_option(c, row->option);
        value_set(s, (enum setting)i, text,
                  (struct setting_value){.source = FROM_OPTION,
                                         .where = arena_printf(s->arena, "--%s", row->option).p});
    }
    if (c->quiet) {
        value_set(s, SETTING_LOG_REQUESTS, "no",
                  (struct setting_value){.source = FROM_OPTION, .where = "--quiet"});
    }
}

/** store_file is for who says nothing of the store. */
static void store_of_file(struct settings *s)
{
    const struct setting_value *file = &s->value[SETTING_STORE_FILE];
    struct setting_value *store = &s->value[SETTING_STORE];
    if (file->text == NULL || store->source > FROM_FILE) {
        return;
    }
    if (store->source == FROM_FILE) {
        settings_problem(s, file->where, false, "store says it already, in %s: keep one of the two",
                         store->where);
        return;
    }
    store->text = NULL;
    const char *text = settings_secret(s, SETTING_STORE, SETTING_STORE_FILE);
    *store = text != NULL ? (struct setting_value){text, FROM_FILE, file->where}
                          : (struct setting_value){.text = SETTING[SETTING_STORE].otherwise};
    s->is_blind = s->is_blind || text == NULL;
}

/** ETH_RPC is a node of Ethereum, for who says no more than that. */
static void network_of_environment(struct settings *s)
{
    const struct setting_value *url = &s->value[SETTING_EVM_RPC];
    if (url->source == FROM_ENVIRONMENT && settings_text(s, SETTING_EVM_NETWORK) == NULL &&
        settings_text(s, SETTING_EVM_CHAIN) == NULL) {
        s->value[SETTING_EVM_NETWORK] =
            (struct setting_value){"ethereum", FROM_ENVIRONMENT, url->where};
    }
}

void settings_read(struct settings *s, struct arena *a, const struct cli *c)
{
    *s = (struct settings){.arena = a};
    s->problem_last = &s->problem;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        s->value[i].text = SETTING[i].otherwise;
    }
    files_read(s, c);
    environment_read(s);
    options_read(s, c);
    network_of_environment(s);
    store_of_file(s);
}

/* SPDX-License-Identifier: Apache-2.0
 * From the command line to a command: finds the row, reads the options that the row names, runs it
 * and writes out what it left in cli.out. What help and completion say comes from help.c. */
#include "cli/cli.h"

#include "base/text.h"
#include "cli/help.h"
#include "cli/settings.h"
#include "wire/form.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_MAX       48
#define GIVEN_FIRST       256 /* getopt's value of the first option: above every letter */
#define COMMAND_ARENA_MAX ((size_t)1 << 30)

struct cli_given {
    const struct cli_option *option;
    const char *argument;
};

/* --- what was given ----------------------------------------------------------------------------*/

static const struct cli_option *list_find(const struct cli_option *list, const char *name)
{
    for (; list != NULL && list->name != NULL; list++) {
        if (strcmp(list->name, name) == 0) {
            return list;
        }
    }
    return NULL;
}

/** A command's own option hides the one of that name that all commands have. */
static const struct cli_option *option_find(const struct cli *c, const char *name)
{
    const struct cli_option *own = c->command != NULL ? list_find(c->command->option, name) : NULL;
    return own != NULL ? own : list_find(cli_globals, name);
}

const char *cli_option_at(const struct cli *c, const char *name, int i)
{
    METE_ASSERT(option_find(c, name) != NULL); /* a command asks for what its row names */
    for (int k = 0; k < c->given_count; k++) {
        if (strcmp(c->given[k].option->name, name) == 0 && i-- == 0) {
            return c->given[k].argument;
        }
    }
    return NULL;
}

const char *cli_option(const struct cli *c, const char *name)
{
    METE_ASSERT(option_find(c, name) != NULL);
    for (int k = c->given_count; k-- > 0;) { /* the last one holds */
        if (strcmp(c->given[k].option->name, name) == 0) {
            return c->given[k].argument;
        }
    }
    return NULL;
}

bool cli_has_option(const struct cli *c, const char *name)
{
    return option_find(c, name) != NULL;
}

bool cli_flag(const struct cli *c, const char *name)
{
    return cli_option(c, name) != NULL;
}

int cli_option_time(struct cli *c, const char *name, bool end_of_day, mete_time *out)
{
    const char *text = cli_option(c, name);
    if (text == NULL) {
        return CLI_OK;
    }
    if (time_parse_date(text_of(text), end_of_day, out) != TIME_OK) {
        return cli_usage(c,
                         "--%s wants a time such as 2025-01-31T12:00:00Z, or a day such as "
                         "2025-01-31, not '%s'",
                         name, text);
    }
    return CLI_OK;
}

bool cli_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    u128 value;
    if (!u128_parse(text_of(text), &value) || value < min || value > max) {
        return false;
    }
    *out = (uint64_t)value;
    return true;
}

int cli_option_number(struct cli *c, const char *name, uint64_t min, uint64_t max, uint64_t *out)
{
    const char *text = cli_option(c, name);
    if (text == NULL || cli_number(text, min, max, out)) {
        return CLI_OK;
    }
    return cli_usage(c, "--%s wants a number from %llu to %llu, not '%s'", name,
                     (unsigned long long)min, (unsigned long long)max, text);
}

int cli_option_preset(struct cli *c, const char **out)
{
    *out = cli_option(c, "preset");
    for (size_t i = 0; *out != NULL; i++) {
        if (preset_name_at(i) == NULL) {
            return cli_usage(c, "there is no preset '%s': fair, agents, providers or economy",
                             *out);
        }
        if (strcmp(preset_name_at(i), *out) == 0) {
            break;
        }
    }
    return CLI_OK;
}

/* --- reading options ---------------------------------------------------------------------------*/

/* The options of a call in getopt's words. */
struct parser {
    const struct cli_option *option[OPTIONS_MAX];
    struct option longs[OPTIONS_MAX + 1];
    char letters[3 * OPTIONS_MAX + 3];
    size_t count;
};

static void parser_add(struct parser *p, const struct cli_option *list,
                       const struct cli_option *hidden_by)
{
    for (; list != NULL && list->name != NULL; list++) {
        if (list_find(hidden_by, list->name) != NULL) {
            continue;
        }
        METE_ASSERT(p->count < OPTIONS_MAX);
        int has = list->argument != NULL ? required_argument : no_argument;
        p->longs[p->count] = (struct option){list->name, has, NULL, GIVEN_FIRST + (int)p->count};
        p->option[p->count++] = list;
        if (list->letter != 0) {
            size_t len = strlen(p->letters);
            p->letters[len] = list->letter;
            p->letters[len + 1] = list->argument != NULL ? ':' : 0;
        }
    }
}

static const struct cli_option *parser_find(const struct parser *p, int got)
{
    if (got >= GIVEN_FIRST) {
        return p->option[got - GIVEN_FIRST];
    }
    for (size_t i = 0; i < p->count; i++) {
        if (p->option[i]->letter == got) {
            return p->option[i];
        }
    }
    return NULL;
}

static int option_unknown(struct cli *c, int got, char **argv)
{
    const char *word = argv[optind - 1];
    if (optopt > 0 && optopt < GIVEN_FIRST) {
        return cli_usage(c, got == ':' ? "-%c wants an argument" : "there is no option -%c",
                         optopt);
    }
    if (got == ':') {
        return cli_usage(c, "%s wants an argument", word);
    }
    return cli_usage(c,
                     optopt >= GIVEN_FIRST ? "%s takes no argument"
                                           : "there is no option %s, or it is ambiguous",
                     word);
}

/** More than there are words: "-qqq" is three options. */
static void given_add(struct cli *c, const struct cli_option *option, const char *argument)
{
    if (c->given_count == c->given_cap) {
        c->given_cap = c->given_cap == 0 ? 16 : 2 * c->given_cap;
        c->given = reallocarray(c->given, (size_t)c->given_cap, sizeof *c->given);
        METE_ASSERT(c->given != NULL);
    }
    c->given[c->given_count++] = (struct cli_given){option, argument};
}

/** Reads options from argv[1] on and leaves optind at the first operand. `stop`: at the first
 *  operand, else options and operands may be mixed. */
static int options_read(struct cli *c, int argc, char **argv, bool stop)
{
    struct parser p = {.letters = ":"};
    memmove(p.letters, stop ? "+:" : ":", stop ? 3 : 2);
    const struct cli_option *own = c->command != NULL ? c->command->option : NULL;
    parser_add(&p, cli_globals, own);
    parser_add(&p, own, NULL);
    optind = 0;
    opterr = 0;
    for (;;) {
        int got = getopt_long(argc, argv, p.letters, p.longs, NULL);
        if (got == -1) {
            return CLI_OK;
        }
        if (got == '?' || got == ':') {
            return option_unknown(c, got, argv);
        }
        given_add(c, parser_find(&p, got), optarg != NULL ? optarg : "");
    }
}

/* --- talking -----------------------------------------------------------------------------------*/

/** Blanks what may be a password in every address that stands in a text: from the first colon after
 *  its scheme to the last @ of the word. */
static void passwords_hide(struct buf *text)
{
    uint8_t *end = text->p + text->len;
    for (uint8_t *at = text->p; (at = memmem(at, (size_t)(end - at), "://", 3)) != NULL;) {
        at += 3;
        uint8_t *word_end = at;
        while (word_end<end && * word_end> ' ' && *word_end != '\'' && *word_end != '"') {
            word_end++;
        }
        uint8_t *host = memrchr(at, '@', (size_t)(word_end - at));
        uint8_t *colon = host != NULL ? memchr(at, ':', (size_t)(host - at)) : NULL;
        if (colon != NULL) {
            memset(colon + 1, '*', (size_t)(host - colon - 1));
        }
        uint8_t *query = memmem(at, (size_t)(word_end - at), "password=", 9);
        if (query != NULL) {
            memset(query + 9, '*', (size_t)(word_end - query - 9));
        }
    }
}

int cli_fail(struct cli *c, const struct mete_err *err)
{
    struct buf line = {0};
    (void)c;
    buf_put_str(&line, "mete: ");
    text_put_safe(&line, text_of(err->text[0] != 0 ? err->text : mete_code_meaning(err->code)));
    buf_printf(&line, " (%s)", mete_code_name(err->code));
    if (err->pointer[0] != 0) {
        buf_put_str(&line, " at ");
        text_put_safe(&line, text_of(err->pointer));
    }
    buf_printf(&line, "\n      %s\n", mete_code_remediation(err->code));
    passwords_hide(&line);
    fwrite(line.p, 1, line.len, stderr);
    buf_clear(&line);
    if (err->code == METE_USAGE) {
        return CLI_USAGE;
    }
    bool unproven = err->code == METE_PROOF_FAILED || err->code == METE_STORE_CORRUPT;
    return unproven ? CLI_UNPROVEN : CLI_FAILED;
}

void cli_in_file(struct mete_err *err, const char *path)
{
    struct mete_err inner = *err;
    if (strstr(inner.text, path) == NULL) {
        (void)mete_fail(err, inner.code, inner.pointer, "%s: %s", path,
                        inner.text[0] != 0 ? inner.text : mete_code_meaning(inner.code));
    }
}

METE_PRINTF(2, 0) static void out_printf(struct buf *out, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, fmt, args);
    METE_ASSERT(need >= 0);
    buf_reserve(out, (size_t)need + 1);
    vsnprintf((char *)out->p + out->len, (size_t)need + 1, fmt, again);
    out->len += (size_t)need;
    va_end(again);
}

int cli_usage(struct cli *c, const char *fmt, ...)
{
    struct buf line = {0};
    va_list args;
    buf_put_str(&line, "mete: ");
    va_start(args, fmt);
    out_printf(&line, fmt, args);
    va_end(args);
    buf_printf(&line, "\n      See mete %s%s--help.\n", c->command != NULL ? c->command->name : "",
               c->command != NULL ? " " : "");
    passwords_hide(&line);
    fwrite(line.p, 1, line.len, stderr);
    buf_clear(&line);
    return CLI_USAGE;
}

void cli_note(const struct cli *c, const char *fmt, ...)
{
    if (!c->quiet) {
        char *line = NULL; /* written at once: a log may go to the same place */
        va_list args;
        va_start(args, fmt);
        METE_ASSERT(vasprintf(&line, fmt, args) >= 0);
        va_end(args);
        fprintf(stderr, "%s\n", line);
        free(line);
    }
}

void cli_print(struct cli *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    out_printf(&c->out, fmt, args);
    va_end(args);
}

void cli_heading(struct cli *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    buf_put_str(&c->out, c->color ? "\033[1m" : "");
    out_printf(&c->out, fmt, args);
    buf_put_str(&c->out, c->color ? "\033[0m\n" : "\n");
    va_end(args);
}

/* --- output ------------------------------------------------------------------------------------*/

#define SPILL_SIZE ((size_t)256 << 10)

static void out_write(struct cli *c)
{
    if (c->out.len > 0 && !c->out_failed) {
        c->out_failed = fwrite(c->out.p, 1, c->out.len, stdout) != c->out.len;
    }
    buf_reset(&c->out);
}

void cli_spill(struct cli *c)
{
    if (c->out.len >= SPILL_SIZE) {
        out_write(c);
    }
}

static void spill(void *ctx)
{
    cli_spill(ctx);
}

void cli_json_begin(struct cli *c, struct json_writer *w)
{
    jw_init(w, &c->out, true);
    w->spill = spill;
    w->spill_ctx = c;
}

void cli_json_end(struct cli *c)
{
    buf_put_u8(&c->out, '\n');
    cli_spill(c);
}

void cli_flush(struct cli *c)
{
    out_write(c);
    c->out_failed |= fflush(stdout) != 0;
}

/** A command is done only when its output has arrived: a full disk must not look like success. */
static int out_finish(struct cli *c, int status)
{
    cli_flush(c);
    if (c->out_failed) {
        fprintf(stderr, "mete: cannot write the output: %s\n", strerror(errno));
        return status == CLI_OK ? CLI_FAILED : status;
    }
    return status;
}

void cli_table(struct cli *c, struct table *t)
{
    if (c->json) {
        struct json_writer w;
        cli_json_begin(c, &w);
        table_to_json(t, &w, NULL);
        cli_json_end(c);
    } else if (c->csv) {
        table_to_csv(t, &c->out);
    } else {
        table_to_text(t, &c->out, c->color);
    }
    table_free(t);
    cli_spill(c);
}

void cli_table_or(struct cli *c, struct table *t, const char *nothing)
{
    if (table_row_count(t) == 0 && !c->json && !c->csv) {
        cli_note(c, "%s", nothing);
        table_free(t);
        return;
    }
    cli_table(c, t);
}

/* --- stores and files --------------------------------------------------------------------------*/

int cli_open(struct cli *c, enum cli_access access, struct engine **out)
{
    struct mete_err err;
    int status = cli_store_known(c);
    if (status != CLI_OK) {
        return status;
    }
    const struct engine_options o = {.store = c->store,
                                     .book = c->book,
                                     .key_file = c->key_file,
                                     .read_only = access == CLI_READ,
                                     .clock = CLOCK_REAL};
    if (engine_open(out, &o, &err) == METE_OK) {
        return CLI_OK;
    }
    if (err.code == METE_STORE_MISSING && strstr(err.text, c->store_label) == NULL) {
        cli_in_file(&err, c->book); /* the store is there, the book is not */
    }
    return cli_fail(c, &err);
}

static enum mete_code file_failed(const char *path, struct mete_err *err)
{
    return mete_fail(err, METE_FILE, "", "%s: %s", path, strerror(errno));
}

enum mete_code cli_read_file(const char *path, size_t max, struct buf *out, struct mete_err *err)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (f == NULL) {
        return file_failed(path, err);
    }
    enum mete_code code = METE_OK;
    size_t start = out->len;
    size_t got = 1;
    while (got > 0 && code == METE_OK) {
        buf_reserve(out, 64 << 10);
        got = fread(out->p + out->len, 1, 64 << 10, f);
        out->len += got;
        if (out->len - start > max) {
            code = mete_fail(err, METE_FILE, "", "%s: more than %zu bytes", path, max);
        }
    }
    if (code == METE_OK && ferror(f)) {
        code = file_failed(path, err);
    }
    if (f != stdin) {
        fclose(f);
    }
    return code;
}

struct text asset_label(struct arena *a, const struct asset *asset)
{
    return arena_printf(a, "%s/%u", asset->code, asset->scale);
}

struct text amount_label(struct arena *a, i128 amount, const struct asset *asset)
{
    char text[AMOUNT_TEXT_MAX];
    amount_format(amount, asset->scale, text);
    return arena_printf(a, "%s %s", text, asset->code);
}

/* --- running -----------------------------------------------------------------------------------*/

/** Globals may be given before the command and after it; the later one holds. */
static void globals_take(struct cli *c)
{
    const char *no_color = getenv("NO_COLOR");
    c->json = cli_flag(c, "json");
    c->csv = cli_flag(c, "csv");
    c->quiet = cli_flag(c, "quiet");
    /* no-color.org: "when present and not an empty string (regardless of its value)" */
    bool objection = cli_flag(c, "no-color") || (no_color != NULL && no_color[0] != 0);
    c->color = isatty(STDOUT_FILENO) && !objection;
    c->settings = arena_alloc(&c->arena, sizeof *c->settings);
    settings_read(c->settings, &c->arena, c);
    c->store = settings_text(c->settings, SETTING_STORE);
    struct buf label = {0};
    store_label(c->store, &label);
    c->store_label = arena_text(&c->arena, buf_text(&label)).p;
    buf_clear(&label);
    c->book = settings_text(c->settings, SETTING_BOOK);
}

/** A slip in a part of the file that this command does not need shall not stop it. */
static void settings_hint(const struct cli *c)
{
    bool tells_itself = cli_has_option(c, "listen") || strncmp(c->command->name, "config", 6) == 0;
    if (c->settings->errors > 0 && !tells_itself && !c->settings->is_blind) {
        cli_note(c, "mete: %s has mistakes: see mete config check",
                 c->settings->file != NULL ? c->settings->file : "the environment");
    }
}

int cli_store_known(const struct cli *c)
{
    if (c->settings->is_blind && c->settings->value[SETTING_STORE].source <= FROM_FILE) {
        settings_complain(c->settings);
        fputs("      It may say which store is meant: mend it, or say --store.\n", stderr);
        return CLI_USAGE;
    }
    return CLI_OK;
}

static int operands_check(struct cli *c)
{
    const struct cli_command *command = c->command;
    if (c->operand_count < command->operands_min) {
        return cli_usage(c, "'mete %s' wants %s", command->name, command->operands);
    }
    if (command->operands_max != CLI_ANY && c->operand_count > command->operands_max) {
        return cli_usage(c, "'%s' is one argument too many", c->operand[command->operands_max]);
    }
    if (c->json && c->csv) {
        return cli_usage(c, "--json and --csv exclude each other");
    }
    if (c->csv && command->no_csv) {
        return cli_usage(c, "'mete %s' has no table to show as CSV", command->name);
    }
    if (c->json && command->no_json) {
        return cli_usage(c, "'mete %s' has a format of its own, no JSON", command->name);
    }
    return CLI_OK;
}

/** Runs the command whose last word is argv[0]. */
static int command_run(struct cli *c, int argc, char **argv)
{
    int status = options_read(c, argc, argv, false);
    if (status != CLI_OK) {
        return status;
    }
    c->operand = argv + optind;
    c->operand_count = argc - optind;
    globals_take(c);
    if (cli_flag(c, "help")) {
        help_command(&c->out, c->command);
        return CLI_OK;
    }
    status = operands_check(c);
    settings_hint(c);
    return status == CLI_OK ? c->command->run(c) : status;
}

static bool is_family(const char *word)
{
    struct buf unused = {0};
    bool found = help_family(&unused, word);
    buf_clear(&unused);
    return found;
}

/** "mete help", "mete help policy", "mete help policy show". */
static int help_run(struct cli *c, int argc, char **argv)
{
    int words = 0;
    const struct cli_command *command = argc > 0 ? command_find(argc, argv, &words) : NULL;
    if (argc == 0) {
        help_all(&c->out);
    } else if (command != NULL) {
        help_command(&c->out, command);
    } else if (!help_family(&c->out, argv[0])) {
        return cli_usage(c, "there is no command '%s'", argv[0]);
    }
    return CLI_OK;
}

/** "mete policy --help" and "mete help": the words that are no command by themselves. */
static int family_run(struct cli *c, int argc, char **argv)
{
    bool asked = cli_flag(c, "help") ||
                 (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0));
    if (strcmp(argv[0], "help") == 0) {
        return help_run(c, argc - 1, argv + 1);
    }
    if (asked && help_family(&c->out, argv[0])) {
        return CLI_OK;
    }
    if (is_family(argv[0]) && argc > 1 && argv[1][0] != '-') {
        return cli_usage(c, "there is no command '%s %s'", argv[0], argv[1]);
    }
    if (is_family(argv[0])) {
        fprintf(stderr, "mete: '%s' wants one more word\n      See mete %s --help.\n", argv[0],
                argv[0]);
        return CLI_USAGE;
    }
    return cli_usage(c, "there is no command '%s'", argv[0]);
}

static int dispatch(struct cli *c, int argc, char **argv)
{
    int status = options_read(c, argc, argv, true);
    if (status != CLI_OK) {
        return status;
    }
    argc -= optind;
    argv += optind;
    if (cli_flag(c, "version")) {
        help_version(&c->out);
        return CLI_OK;
    }
    if (argc == 0 && cli_flag(c, "help")) {
        help_all(&c->out);
        return CLI_OK;
    }
    if (argc == 0) {
        return cli_usage(c, "a command is missing");
    }
    int words = 0;
    c->command = command_find(argc, argv, &words);
    if (c->command != NULL) {
        return command_run(c, argc - words + 1, argv + words - 1);
    }
    return family_run(c, argc, argv);
}

int cli_main(int argc, char **argv)
{
    struct cli c = {0};
    arena_init(&c.arena, COMMAND_ARENA_MAX);
    int status = dispatch(&c, argc, argv);
    status = out_finish(&c, status);
    buf_clear(&c.out);
    free(c.given);
    arena_clear(&c.arena);
    return status;
}

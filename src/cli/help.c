/* SPDX-License-Identifier: Apache-2.0
 * The list of commands, and the help that comes from it. */
#include "cli/help.h"

#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#ifndef METE_VERSION
#define METE_VERSION "0.1.0"
#endif

static const struct cli_command *const COMMANDS[] = {
#define X(symbol) &command_##symbol,
    CLI_COMMANDS(X)
#undef X
};

const struct cli_option cli_globals[] = {
    {"store", 's', "FILE|URL", "the store; else DATABASE_URL, else mete.db"},
    {"book", 'b', "NAME", "the book inside the store; else main"},
    {"config", 0, "FILE", "settings; else METE_CONFIG, else /etc/mete/mete.conf when it is there"},
    {"json", 0, NULL, "answer in JSON, amounts in minor units"},
    {"csv", 0, NULL, "answer in CSV (RFC 4180)"},
    {"no-color", 0, NULL, "no colour; so does NO_COLOR in the environment"},
    {"quiet", 'q', NULL, "say nothing but errors and what was asked for"},
    {"help", 'h', NULL, "show this help"},
    {"version", 'V', NULL, "show the version"},
    {NULL, 0, NULL, NULL}};

bool option_is_hidden(const struct cli_command *command, const struct cli_option *global)
{
    const struct cli_option *o = command != NULL ? command->option : NULL;
    while (o != NULL && o->name != NULL && strcmp(o->name, global->name) != 0) {
        o++;
    }
    return o != NULL && o->name != NULL;
}

const struct cli_command *command_at(size_t i)
{
    return i < ARRAY_LEN(COMMANDS) ? COMMANDS[i] : NULL;
}

/** How many words of argv the name takes; 0 when it is another name. */
static int name_matches(const char *name, int argc, char **argv)
{
    const char *blank = strchr(name, ' ');
    if (blank == NULL) {
        return strcmp(name, argv[0]) == 0 ? 1 : 0;
    }
    size_t first = (size_t)(blank - name);
    bool same = argc > 1 && strlen(argv[0]) == first && memcmp(argv[0], name, first) == 0 &&
                strcmp(argv[1], blank + 1) == 0;
    return same ? 2 : 0;
}

const struct cli_command *command_find(int argc, char **argv, int *words)
{
    for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++) {
        *words = name_matches(COMMANDS[i]->name, argc, argv);
        if (*words > 0) {
            return COMMANDS[i];
        }
    }
    return NULL;
}

/* --- help --------------------------------------------------------------------------------------*/

static void put_row(struct buf *out, const char *left, size_t width, const char *right)
{
    buf_printf(out, "  %-*s  %s\n", (int)width, left, right);
}

static void put_options(struct buf *out, const struct cli_option *list,
                        const struct cli_command *hiding)
{
    for (; list != NULL && list->name != NULL; list++) {
        if (option_is_hidden(hiding, list)) {
            continue;
        }
        char left[64];
        char letter[5] = "    ";
        if (list->letter != 0) {
            letter[0] = '-';
            letter[1] = list->letter;
            letter[2] = ',';
        }
        snprintf(left, sizeof left, "%s--%s%s%s", letter, list->name,
                 list->argument != NULL ? " " : "", list->argument != NULL ? list->argument : "");
        put_row(out, left, 26, list->help);
    }
}

static void put_commands(struct buf *out, const char *family)
{
    size_t len = family != NULL ? strlen(family) : 0;
    for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++) {
        const char *name = COMMANDS[i]->name;
        if (family == NULL || (strncmp(name, family, len) == 0 && name[len] == ' ')) {
            put_row(out, name, 17, COMMANDS[i]->summary);
        }
    }
}

void help_all(struct buf *out)
{
    buf_put_str(out, "mete: who is owed what, and why\n\n"
                     "Usage: mete [OPTION]... COMMAND [ARGUMENT]...\n\nCommands:\n");
    put_commands(out, NULL);
    buf_put_str(out, "\nOptions of every command:\n");
    put_options(out, cli_globals, NULL);
    buf_put_str(out, "\nmete COMMAND --help says more of a command; so does mete(1).\n");
}

bool help_family(struct buf *out, const char *word)
{
    size_t before = out->len;
    put_commands(out, word);
    return out->len > before;
}

void help_command(struct buf *out, const struct cli_command *command)
{
    buf_printf(out, "mete %s: %s\n\nUsage: mete %s [OPTION]...%s%s\n", command->name,
               command->summary, command->name, command->operands[0] != 0 ? " " : "",
               command->operands);
    if (command->about != NULL) {
        buf_printf(out, "\n%s\n", command->about);
    }
    if (command->option != NULL) {
        buf_put_str(out, "\nOptions:\n");
        put_options(out, command->option, NULL);
    }
    buf_put_str(out, "\nOptions of every command:\n");
    put_options(out, cli_globals, command);
}

void help_version(struct buf *out)
{
    buf_put_str(out, "mete " METE_VERSION "\n");
}

/* --- small commands ----------------------------------------------------------------------------*/

static int version_run(struct cli *c)
{
    if (c->json) {
        cli_print(c, "{\"name\":\"mete\",\"version\":\"%s\",\"rules_version\":%u}\n", METE_VERSION,
                  RULES_VERSION);
    } else {
        help_version(&c->out);
    }
    return CLI_OK;
}

const struct cli_command command_version = {.name = "version",
                                            .operands = "",
                                            .summary = "show the version",
                                            .no_csv = true,
                                            .run = version_run};

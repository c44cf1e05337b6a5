/* SPDX-License-Identifier: Apache-2.0
 * Completion scripts for bash, zsh and fish, made from the rows of commands. */
#include "cli/help.h"

#include "base/text.h"

#include <string.h>

/** The options of a command after those of all, each once, through `put`. */
typedef void put_option(struct buf *out, const struct cli_command *command,
                        const struct cli_option *option);

static void options_each(struct buf *out, const struct cli_command *command, put_option *put)
{
    for (const struct cli_option *o = cli_globals; o->name != NULL; o++) {
        if (!option_is_hidden(command, o)) {
            put(out, command, o);
        }
    }
    for (const struct cli_option *o = command->option; o != NULL && o->name != NULL; o++) {
        put(out, command, o);
    }
}

/** First words of commands, each once, in order: command i begins a new one. */
static bool is_new_word(size_t i, size_t *len)
{
    const char *name = command_at(i)->name;
    *len = strcspn(name, " ");
    for (size_t k = 0; k < i; k++) {
        const char *other = command_at(k)->name;
        if (strcspn(other, " ") == *len && strncmp(other, name, *len) == 0) {
            return false;
        }
    }
    return true;
}

/** Inside single quotes of a shell. */
static void put_quoted(struct buf *out, const char *s)
{
    for (; *s != 0; s++) {
        if (*s == '\'') {
            buf_put_str(out, "'\\''");
        } else {
            buf_put_u8(out, (uint8_t)*s);
        }
    }
}

/* --- bash --------------------------------------------------------------------------------------*/

static void bash_option(struct buf *out, const struct cli_command *command,
                        const struct cli_option *option)
{
    (void)command;
    buf_printf(out, " --%s", option->name);
}

static void bash_first_words(struct buf *out)
{
    for (size_t i = 0, len; command_at(i) != NULL; i++) {
        if (is_new_word(i, &len)) {
            buf_printf(out, " %.*s", (int)len, command_at(i)->name);
        }
    }
}

/** The words that may follow the first: of a family its commands, else operands that are words. */
static void bash_second_words(struct buf *out)
{
    for (size_t i = 0, len; command_at(i) != NULL; i++) {
        const char *family = command_at(i)->name;
        const char *operands = command_at(i)->operands;
        if (!is_new_word(i, &len) ||
            (family[len] == 0 && (operands[0] < 'a' || operands[0] > 'z'))) {
            continue;
        }
        buf_printf(out, "    %.*s) words='", (int)len, family);
        for (size_t k = i; family[len] != 0 && command_at(k) != NULL; k++) {
            const char *name = command_at(k)->name;
            if (strncmp(name, family, len) == 0 && name[len] == ' ') {
                buf_printf(out, " %s", name + len + 1);
            }
        }
        for (const char *c = operands; family[len] == 0 && *c != 0; c++) {
            buf_put_u8(out, *c == '|' ? ' ' : (uint8_t)*c);
        }
        buf_put_str(out, "' ;;\n");
    }
}

/** Every option that takes an argument, once; --version, which does only sometimes, is left out. */
static void bash_taking(struct buf *out)
{
    buf_put_str(out, "--store|-s|--book|-b");
    for (size_t i = 0; command_at(i) != NULL; i++) {
        const struct cli_option *o = command_at(i)->option;
        for (; o != NULL && o->name != NULL; o++) {
            if (o->argument != NULL && strcmp(o->name, "version") != 0) {
                buf_printf(out, "|--%s", o->name);
            }
        }
    }
}

static void bash_options(struct buf *out)
{
    buf_put_str(out, "  case \"$one $two\" in\n    ' ') options='");
    for (const struct cli_option *o = cli_globals; o->name != NULL; o++) {
        bash_option(out, NULL, o);
    }
    buf_put_str(out, "' ;;\n");
    for (size_t i = 0; command_at(i) != NULL; i++) {
        const struct cli_command *command = command_at(i);
        buf_printf(out, "    '%s%s'*) options='", command->name,
                   strchr(command->name, ' ') != NULL ? "" : " ");
        options_each(out, command, bash_option);
        buf_put_str(out, "' ;;\n");
    }
    buf_put_str(out, "  esac\n");
}

/** What it leaves empty bash completes with the names of files. */
static void bash_write(struct buf *out)
{
    buf_put_str(out, "# bash completion for mete; made by: mete completion bash\n"
                     "_mete() {\n"
                     "  local cur=${COMP_WORDS[COMP_CWORD]} words= options= one= two= i\n"
                     "  COMPREPLY=()\n"
                     "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
                     "    case ${COMP_WORDS[i]} in\n    ");
    bash_taking(out);
    buf_put_str(out, ") ((++i < COMP_CWORD)) || return 0 ;;\n"
                     "    -*) ;;\n"
                     "    *) if [[ -z $one ]]; then one=${COMP_WORDS[i]}\n"
                     "       elif [[ -z $two ]]; then two=${COMP_WORDS[i]}; fi ;;\n"
                     "    esac\n"
                     "  done\n"
                     "  case $one in\n    ''|help) words='");
    bash_first_words(out);
    buf_put_str(out, "' ;;\n");
    bash_second_words(out);
    buf_put_str(out, "  esac\n"
                     "  if [[ -n $two ]]; then words=; fi\n");
    bash_options(out);
    buf_put_str(out, "  if [[ $cur == -* ]]; then words=$options; fi\n"
                     "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
                     "}\n"
                     "complete -o default -F _mete mete\n");
}

/* --- zsh ---------------------------------------------------------------------------------------*/

/** zsh reads "[...]" as help and ":" as a divider. */
static void zsh_help(struct buf *out, const char *help)
{
    for (; *help != 0; help++) {
        if (*help == '[' || *help == ']' || *help == ':') {
            buf_put_u8(out, '\\');
        }
        put_quoted(out, (char[]){*help, 0});
    }
}

static void zsh_option(struct buf *out, const struct cli_command *command,
                       const struct cli_option *option)
{
    (void)command;
    buf_printf(out, " \\\n      '*--%s[", option->name);
    zsh_help(out, option->help);
    buf_put_u8(out, ']');
    if (option->argument != NULL) {
        buf_put_u8(out, ':');
        zsh_help(out, option->argument);
        buf_put_str(out, strstr(option->argument, "FILE") != NULL ? ":_files" : ": ");
    }
    buf_put_u8(out, '\'');
}

static void zsh_write(struct buf *out)
{
    buf_put_str(out, "#compdef mete\n# zsh completion for mete; made by: mete completion zsh\n"
                     "_mete() {\n  local -a commands\n  commands=(\n");
    for (size_t i = 0; command_at(i) != NULL; i++) {
        buf_put_str(out, "    '");
        zsh_help(out, command_at(i)->name);
        buf_put_u8(out, ':');
        zsh_help(out, command_at(i)->summary);
        buf_put_str(out, "'\n");
    }
    buf_put_str(out, "  )\n"
                     "  if (( CURRENT == 2 )); then\n"
                     "    compadd -- ${(u)${commands%%:*}%% *}\n    return\n  fi\n"
                     "  local -a second\n"
                     "  second=(${${(M)commands:#${words[2]} *}#${words[2]} })\n"
                     "  if (( CURRENT == 3 && $#second )); then\n"
                     "    _describe 'command' second\n    return\n  fi\n"
                     "  local name=${words[2]}\n"
                     "  if (( $#second )); then name+=\" ${words[3]}\"; fi\n"
                     "  case $name in\n");
    for (size_t i = 0; command_at(i) != NULL; i++) {
        buf_printf(out, "    '%s')\n      _arguments", command_at(i)->name);
        options_each(out, command_at(i), zsh_option);
        buf_put_str(out, " \\\n      '*:file:_files' ;;\n");
    }
    buf_put_str(out, "  esac\n}\n"
                     "if [[ $funcstack[1] == _mete ]]; then _mete \"$@\"; "
                     "else compdef _mete mete; fi\n");
}

/* --- fish --------------------------------------------------------------------------------------*/

static void fish_condition(struct buf *out, const struct cli_command *command)
{
    const char *blank = strchr(command->name, ' ');
    if (blank == NULL) {
        buf_printf(out, "__fish_seen_subcommand_from %s", command->name);
    } else {
        buf_printf(out, "__fish_seen_subcommand_from %.*s; and __fish_seen_subcommand_from %s",
                   (int)(blank - command->name), command->name, blank + 1);
    }
}

static void fish_option(struct buf *out, const struct cli_command *command,
                        const struct cli_option *option)
{
    buf_put_str(out, "complete -c mete");
    if (command != NULL) {
        buf_put_str(out, " -n '");
        fish_condition(out, command);
        buf_put_u8(out, '\'');
    }
    buf_printf(out, " -l %s", option->name);
    if (option->letter != 0) {
        buf_printf(out, " -s %c", option->letter);
    }
    buf_put_str(out, option->argument != NULL ? " -r -d '" : " -d '");
    put_quoted(out, option->help);
    buf_put_str(out, "'\n");
}

static void fish_word(struct buf *out, size_t i)
{
    const struct cli_command *command = command_at(i);
    const char *blank = strchr(command->name, ' ');
    size_t len = 0;
    if (is_new_word(i, &len)) {
        buf_printf(out, "complete -c mete -n __fish_use_subcommand -a %.*s -d '", (int)len,
                   command->name);
        put_quoted(out, blank == NULL ? command->summary : "");
        buf_put_str(out, "'\n");
    }
    if (blank != NULL) {
        buf_printf(out, "complete -c mete -n '__fish_seen_subcommand_from %.*s' -a %s -d '",
                   (int)len, command->name, blank + 1);
        put_quoted(out, command->summary);
        buf_put_str(out, "'\n");
    }
}

static void fish_write(struct buf *out)
{
    buf_put_str(out, "# fish completion for mete; made by: mete completion fish\n");
    for (const struct cli_option *o = cli_globals; o->name != NULL; o++) {
        fish_option(out, NULL, o);
    }
    for (size_t i = 0; command_at(i) != NULL; i++) {
        fish_word(out, i);
        const struct cli_option *o = command_at(i)->option;
        for (; o != NULL && o->name != NULL; o++) {
            fish_option(out, command_at(i), o);
        }
    }
}

/* --- the command -------------------------------------------------------------------------------*/

bool completion_write(struct buf *out, const char *shell)
{
    if (strcmp(shell, "bash") == 0) {
        bash_write(out);
    } else if (strcmp(shell, "zsh") == 0) {
        zsh_write(out);
    } else if (strcmp(shell, "fish") == 0) {
        fish_write(out);
    } else {
        return false;
    }
    return true;
}

static int completion_run(struct cli *c)
{
    if (!completion_write(&c->out, c->operand[0])) {
        return cli_usage(c, "'%s' is none of bash, zsh and fish", c->operand[0]);
    }
    return CLI_OK;
}

const struct cli_command command_completion = {
    .name = "completion",
    .operands = "bash|zsh|fish",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "print a completion script for a shell",
    .about = "For bash: mete completion bash > ~/.local/share/bash-completion/completions/mete",
    .no_csv = true,
    .no_json = true,
    .run = completion_run};

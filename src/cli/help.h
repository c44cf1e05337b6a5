/* SPDX-License-Identifier: Apache-2.0
 * What the rows of commands say of themselves: help texts and completion scripts. */
#ifndef METE_CLI_HELP_H
#define METE_CLI_HELP_H

#include "cli/cli.h"

/** Options that every command has; ends with a name of NULL. A command's own option of the same
 * name hides one. */
extern const struct cli_option cli_globals[];
bool option_is_hidden(const struct cli_command *command, const struct cli_option *global);

/** The i-th command, NULL past the end. */
const struct cli_command *command_at(size_t i);
/** The command that argv begins with, one or two words; NULL when there is none. */
const struct cli_command *command_find(int argc, char **argv, int *words);

void help_all(struct buf *out);
void help_command(struct buf *out, const struct cli_command *command);
/** The commands whose first word is `word`; false when there are none. */
bool help_family(struct buf *out, const char *word);
void help_version(struct buf *out);

/** "bash", "zsh" or "fish"; false for others. */
bool completion_write(struct buf *out, const char *shell);

#endif

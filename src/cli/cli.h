/* SPDX-License-Identifier: Apache-2.0
 * What every command of `mete` shares. A command is one row: its name, options and function; the
 * parsing, --help, the completion scripts and the test of the man page all come from these rows.
 * Data goes to stdout through cli.out, talk to stderr. */
#ifndef METE_CLI_CLI_H
#define METE_CLI_CLI_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"
#include "cli/table.h"
#include "core/decision.h"
#include "engine/engine.h"
#include "mete/error.h"

enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,   /* also: refused events under --strict */
    CLI_USAGE = 2,    /* the command line is wrong */
    CLI_UNPROVEN = 3, /* a proof or a balance does not hold, stored bytes are not what they were */
    CLI_INTERRUPTED = 130
};

struct cli;

struct cli_option {
    const char *name;     /* long name, without dashes */
    char letter;          /* short form, or 0 */
    const char *argument; /* what it takes, "FILE"; NULL: a flag */
    const char *help;     /* one line, no full stop */
};

#define CLI_ANY (-1)

struct cli_command {
    const char *name;     /* "run", or two words: "policy check" */
    const char *operands; /* as in the synopsis: "FILE|-..."; "" when there are none */
    int operands_min;
    int operands_max;    /* CLI_ANY: no bound */
    const char *summary; /* one line, no full stop */
    const char *about;   /* more for --help, lines of at most 78 characters; may be NULL */
    const struct cli_option *option; /* ends with a name of NULL; may be NULL */
    bool no_csv;                     /* its answer is no table: --csv is refused */
    bool no_json;                    /* its answer has a format of its own: --json is refused */
    int (*run)(struct cli *c);       /* returns an enum cli_exit */
};

struct cli {
    const struct cli_command *command;
    char **operand;
    int operand_count;
    const char *store;       /* --store, else DATABASE_URL, else mete.conf(5), else mete.db */
    const char *store_label; /* the same without a password: for people */
    const char *key_file;    /* NULL: as engine_key_file says */
    const char *book;        /* --book, else mete.conf(5), else main */
    bool json;
    bool csv;
    bool color; /* stdout is a terminal and nobody objects */
    bool quiet;
    struct settings *settings; /* see settings.h; in `arena` */
    struct arena arena;        /* lives as long as the command */
    struct buf out;            /* on its way to stdout; a json_writer may write into it */
    bool out_failed;
    struct cli_given *given; /* options as they were given, in order */
    int given_count;
    int given_cap;
};

/* --- options ---------------------------------------------------------------------------------*/

bool cli_flag(const struct cli *c, const char *name);
/** Whether the command has such an option at all. */
bool cli_has_option(const struct cli *c, const char *name);
/** The argument of an option (the last one given), or NULL. */
const char *cli_option(const struct cli *c, const char *name);
/** The i-th argument of an option that may be repeated, or NULL. */
const char *cli_option_at(const struct cli *c, const char *name, int i);

/** The time given with an option: RFC 3339, or a day, which means its first or last moment. *out
 *  is untouched when the option is absent. CLI_OK, or CLI_USAGE and the error was printed. */
int cli_option_time(struct cli *c, const char *name, bool end_of_day,
                    mete_time *out) METE_MUST_CHECK;
/** The integer given with an option, in min..max. As above. */
int cli_option_number(struct cli *c, const char *name, uint64_t min, uint64_t max,
                      uint64_t *out) METE_MUST_CHECK;
/** The preset given with --preset, or NULL. As above. */
int cli_option_preset(struct cli *c, const char **out) METE_MUST_CHECK;
/** Reads digits in min..max. */
bool cli_number(const char *text, uint64_t min, uint64_t max, uint64_t *out) METE_MUST_CHECK;

/* --- talking ---------------------------------------------------------------------------------*/

/** Prints "mete: what happened (code) at pointer" and how to mend it; returns the exit status that
 *  belongs to the code: METE_USAGE 2, METE_PROOF_FAILED and METE_STORE_CORRUPT 3, others 1. */
int cli_fail(struct cli *c, const struct mete_err *err);
/** The command line is wrong: says why and where help is; returns CLI_USAGE. */
int cli_usage(struct cli *c, const char *fmt, ...) METE_PRINTF(2, 3);
/** Puts "path: " before what went wrong inside that file. */
void cli_in_file(struct mete_err *err, const char *path);
/** A line on stderr, unless --quiet. */
void cli_note(const struct cli *c, const char *fmt, ...) METE_PRINTF(2, 3);

/** Appends to c->out. */
void cli_print(struct cli *c, const char *fmt, ...) METE_PRINTF(2, 3);
/** A heading above a table of text output: bold on a terminal. */
void cli_heading(struct cli *c, const char *fmt, ...) METE_PRINTF(2, 3);
/** Writes c->out to stdout once it is large; call it between rows of long outputs. The rest is
 *  written when the command has ended. */
void cli_spill(struct cli *c);
/** Begins the answer of --json in c->out; long ones are written to stdout between rows. */
void cli_json_begin(struct cli *c, struct json_writer *w);
/** The line ends where the answer ends. */
void cli_json_end(struct cli *c);
/** Writes all of c->out now: somebody else is about to write to stdout. */
void cli_flush(struct cli *c);
/** Shows a table as --json, --csv or text, and frees it. */
void cli_table(struct cli *c, struct table *t);
/** As cli_table; but people see no head without rows, they see `nothing` on stderr. */
void cli_table_or(struct cli *c, struct table *t, const char *nothing);

/* --- stores and files ------------------------------------------------------------------------*/

enum cli_access { CLI_READ, CLI_WRITE };

/** CLI_OK; else something that may name the store could not be read, which was told: nothing is
 *  opened by guess. */
int cli_store_known(const struct cli *c) METE_MUST_CHECK;
/** Opens the chosen book. CLI_OK, or the error was printed and this is the exit status. */
int cli_open(struct cli *c, enum cli_access access, struct engine **out) METE_MUST_CHECK;

/** Appends a whole file ("-": stdin) of at most `max` bytes. METE_FILE. */
enum mete_code cli_read_file(const char *path, size_t max, struct buf *out,
                             struct mete_err *err) METE_MUST_CHECK;

/** "USD/2", in `a`. */
struct text asset_label(struct arena *a, const struct asset *asset);
/** "882.00 USD", in `a`. */
struct text amount_label(struct arena *a, i128 amount, const struct asset *asset);

/** The whole program: what main hands over. */
int cli_main(int argc, char **argv);

#endif

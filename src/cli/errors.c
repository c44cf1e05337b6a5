/* SPDX-License-Identifier: Apache-2.0
 * mete errors: the table of codes. doc/errors.md is what it prints with --markdown. */
#include "cli/cli.h"

#include "base/text.h"

static const struct table_column COLUMNS[] = {
    {"code", "CODE", COLUMN_TEXT},       {"number", "NUMBER", COLUMN_NUMBER},
    {"status", "HTTP", COLUMN_NUMBER},   {"retryable", "RETRY", COLUMN_BOOL},
    {"meaning", "MEANING", COLUMN_TEXT}, {"remediation", NULL, COLUMN_TEXT}};

static void put_table(struct cli *c)
{
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    enum mete_code code;
    for (size_t i = 0; mete_code_at(i, &code); i++) {
        table_str(t, mete_code_name(code));
        table_number(t, (uint64_t)code);
        table_number(t, (uint64_t)mete_code_status(code));
        table_bool(t, mete_code_retryable(code));
        table_str(t, mete_code_meaning(code));
        table_str(t, mete_code_remediation(code));
    }
    cli_table(c, t);
}

static void put_markdown(struct cli *c)
{
    enum mete_code code;
    cli_print(c, "# Error codes\n\n"
                 "Made by `mete errors --markdown` from the table in `include/mete/error.h`. "
                 "Numbers are permanent.\n\n"
                 "| code | number | HTTP | retry | meaning | how to mend it |\n"
                 "|---|---|---|---|---|---|\n");
    for (size_t i = 0; mete_code_at(i, &code); i++) {
        cli_print(c, "| `%s` | %d | %d | %s | %s | %s |\n", mete_code_name(code), (int)code,
                  mete_code_status(code), mete_code_retryable(code) ? "yes" : "no",
                  mete_code_meaning(code), mete_code_remediation(code));
    }
}

static int errors_run(struct cli *c)
{
    if (cli_flag(c, "markdown")) {
        put_markdown(c);
    } else {
        put_table(c);
    }
    return CLI_OK;
}

static const struct cli_option OPTIONS[] = {{"markdown", 0, NULL, "print the page doc/errors.md"},
                                            {NULL, 0, NULL, NULL}};

const struct cli_command command_errors = {.name = "errors",
                                           .operands = "",
                                           .summary = "list the error codes and how to mend them",
                                           .option = OPTIONS,
                                           .run = errors_run};

/* SPDX-License-Identifier: Apache-2.0
 * mete store: what the owner of a database does once. */
#include "cli/cli.h"
#include "http/desk.h"

static int store_prepare_run(struct cli *c)
{
    struct mete_err err;
    const char *role = cli_option(c, "role");
    if (store_prepare(c->store, role, desk_now(), &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    cli_note(c, "mete: %s is ready%s%s", c->store_label, role != NULL ? " for the role " : "",
             role != NULL ? role : "");
    return CLI_OK;
}

static const struct cli_option PREPARE_OPTIONS[] = {
    {"role", 0, "NAME", "give this role the rights that the program needs, no more"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_store_prepare = {
    .name = "store prepare",
    .operands = "",
    .summary = "make or update the tables of a database",
    .about = "Given the address of the role that owns the tables. The program itself runs as\n"
             "another role, which can only append to what is append-only.",
    .option = PREPARE_OPTIONS,
    .no_csv = true,
    .no_json = true,
    .run = store_prepare_run};

static int store_distribute_run(struct cli *c)
{
    struct mete_err err;
    bool dry = cli_flag(c, "dry-run");
    if (store_distribute(c->store, dry, &c->out, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    if (c->out.len == 0) {
        cli_note(c, "mete: %s: nothing is left to distribute", c->store_label);
    } else {
        cli_note(c, "mete: %s%s", c->store_label,
                 dry ? ": nothing was changed" : " is distributed by book");
    }
    return CLI_OK;
}

static const struct cli_option DISTRIBUTE_OPTIONS[] = {
    {"dry-run", 'n', NULL, "print the SQL, change nothing"}, {NULL, 0, NULL, NULL}};

const struct cli_command command_store_distribute = {
    .name = "store distribute",
    .operands = "",
    .summary = "spread the tables of a database over a Citus cluster",
    .about =
        "Given the address of the role that owns the tables, after store prepare and while no\n"
        "process uses it. Tables go by book, all of a book to one machine. Prints the SQL\n"
        "that was said. Again: does what is missing.",
    .option = DISTRIBUTE_OPTIONS,
    .no_csv = true,
    .no_json = true,
    .run = store_distribute_run};

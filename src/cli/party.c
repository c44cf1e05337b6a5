/* SPDX-License-Identifier: Apache-2.0
 * mete party erase: forgets what is private about a party; amounts, log and proofs stay. */
#include "base/text.h"
#include "cli/cli.h"
#include "engine/erase.h"
#include "render/render.h"

#include <stdio.h>
#include <unistd.h>

/** Asks on the terminal; without one, --yes must have been given. */
static int confirm(struct cli *c, const struct erased *what)
{
    if (cli_flag(c, "yes")) {
        return CLI_OK;
    }
    if (!isatty(STDIN_FILENO)) {
        return cli_usage(c, "erasing cannot be undone: say --yes");
    }
    fprintf(stderr,
            "Erase %llu private values about %s, %llu refused events and %llu insights, for ever? "
            "[y/N] ",
            (unsigned long long)what->values, c->operand[0], (unsigned long long)what->quarantined,
            (unsigned long long)what->insights);
    char answer[16] = "";
    bool yes =
        fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
    if (!yes) {
        cli_note(c, "Nothing was erased.");
    }
    return yes ? CLI_OK : CLI_FAILED;
}

static void show(struct cli *c, struct engine *e, const struct erased *what)
{
    char root[65];
    struct log_head head = book_head(engine_book(e));
    hash_hex(&head.root, root);
    if (c->json) {
        struct json_writer w;
        cli_json_begin(c, &w);
        jw_object(&w, NULL);
        jw_str(&w, "party", c->operand[0]);
        jw_int(&w, "erased", (int64_t)what->values);
        jw_int(&w, "quarantined", (int64_t)what->quarantined);
        jw_int(&w, "insights", (int64_t)what->insights);
        log_head_json(&w, &head);
        jw_end_object(&w);
        cli_json_end(c);
        return;
    }
    cli_print(c,
              "%llu private values about %s are gone, and %llu refused events and %llu insights "
              "that name it\n",
              (unsigned long long)what->values, c->operand[0],
              (unsigned long long)what->quarantined, (unsigned long long)what->insights);
    cli_print(c, "Log: %llu entries, head %s, as before\n", (unsigned long long)head.size, root);
}

static int erase_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct erased what;
    int status = cli_open(c, CLI_WRITE, &e);
    if (status != CLI_OK) {
        return status;
    }
    struct text party = text_of(c->operand[0]);
    enum mete_code code = party_erasable(e, party, &what, &err);
    bool some = code == METE_OK && what.values + what.quarantined + what.insights > 0;
    status = some ? confirm(c, &what) : CLI_OK;
    if (code == METE_OK && status == CLI_OK) {
        code = party_erase(e, party, &what, &err);
        if (code == METE_OK) {
            show(c, e, &what);
        }
    }
    engine_close(e);
    return code == METE_OK ? status : cli_fail(c, &err);
}

static const struct cli_option OPTIONS[] = {{"yes", 'y', NULL, "do not ask"},
                                            {NULL, 0, NULL, NULL}};

const struct cli_command command_party_erase = {
    .name = "party erase",
    .operands = "PARTY",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "forget the private values about a party",
    .about = "Destinations, display names and free text are erased, and refused events that name\n"
             "the party, which were kept as they came, and what apps reported and names it. The\n"
             "log, its head, every\n"
             "amount and every proof stay as they are. There is no way back, but backups of the\n"
             "store still hold the values.",
    .option = OPTIONS,
    .no_csv = true,
    .run = erase_run};

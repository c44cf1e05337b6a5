/* SPDX-License-Identifier: Apache-2.0
 * mete explain: why this amount. */
#include "cli/cli.h"

#include "base/text.h"
#include "render/render.h"

static int explain_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct explain_node *root;
    mete_time at = TIME_ALWAYS;
    int status = cli_option_time(c, "at", true, &at);
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    at = at == TIME_ALWAYS ? engine_now(e) : at;
    enum mete_code code = explain_id(e, text_of(c->operand[0]), at, &c->arena, &root, &err);
    if (code != METE_OK) {
        status = cli_fail(c, &err);
    } else if (c->json) {
        struct json_writer w;
        cli_json_begin(c, &w);
        explain_json(&w, root);
        cli_json_end(c);
    } else {
        explain_text(&c->out, root);
    }
    engine_close(e);
    return status;
}

static const struct cli_option OPTIONS[] = {{"at", 0, "TIME", "the clock that clears; else now"},
                                            {NULL, 0, NULL, NULL}};

const struct cli_command command_explain = {
    .name = "explain",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "show why an amount is what it is",
    .about =
        "ID is an allocation (e1/2.1), a fee (e1/f1), an event (e1), a payout (po_...), a\n"
        "payment (x402-..., or the hash of its transaction) or a party. The answer is a tree\n"
        "down to the source event: fees, policy versions, conditions, shares, rounding,\n"
        "reversals, disputes, all from what was stored when it was decided; of a payout, where\n"
        "its money stands and what became of each attempt.\n"
        "--json has every number as an exact member.",
    .option = OPTIONS,
    .no_csv = true,
    .run = explain_run};

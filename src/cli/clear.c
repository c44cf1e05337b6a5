/* SPDX-License-Identifier: Apache-2.0
 * mete clear: says in the log through when what was due has cleared, as the clerk of mete serve
 * does by itself. */
#include "cli/cli.h"

#include "base/text.h"
#include "engine/clearing.h"
#include "render/render.h"

static void cleared_show(struct cli *c, mete_time through, const struct clearing *done)
{
    char text[TIME_TEXT_MAX];
    time_format(through, text);
    if (c->json) {
        struct json_writer w;
        cli_json_begin(c, &w);
        jw_object(&w, NULL);
        jw_str(&w, "through", text);
        jw_time(&w, "before", done->before);
        jw_bool(&w, "moved", done->moved);
        jw_end_object(&w);
        cli_json_end(c);
        return;
    }
    cli_print(c, "%s%s\n", done->moved ? "Cleared through " : "Cleared before, also through ",
              text);
}

/** Said before, it is fine. */
static enum mete_code clear(struct cli *c, struct engine *e, mete_time through,
                            struct mete_err *err)
{
    struct clearing done;
    enum mete_code code = clearing_say(e, through, &done, err);
    if (code == METE_OK) {
        code = engine_commit(e, err);
    } else if (code == METE_CLEARING_KNOWN) {
        code = METE_OK;
    }
    if (code == METE_OK) {
        cleared_show(c, through, &done);
    }
    return code;
}

static int clear_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    mete_time through = TIME_ALWAYS;
    int status = cli_option_time(c, "through", false, &through);
    status = status == CLI_OK ? cli_open(c, CLI_WRITE, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    through = through == TIME_ALWAYS ? engine_now(e) : through;
    status = clear(c, e, through, &err) == METE_OK ? CLI_OK : cli_fail(c, &err);
    engine_close(e);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"through", 0, "TIME", "what was due by then; else by now"}, {NULL, 0, NULL, NULL}};

const struct cli_command command_clear = {
    .name = "clear",
    .operands = "",
    .summary = "say in the log what has cleared",
    .about = "Adds allocation.cleared_through, for whoever follows the log. Balances and payouts\n"
             "go by the clock and do not wait for it. mete serve does this by itself, once a day\n"
             "(clear_every_h in mete.conf(5)).",
    .option = OPTIONS,
    .no_csv = true,
    .run = clear_run};

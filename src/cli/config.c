/* SPDX-License-Identifier: Apache-2.0
 * mete config check | print | example: what a server would be started with. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/settings.h"

#include <string.h>

/** The value as it may be seen: no secret, and no password of a URL. */
static const char *value_shown(struct cli *c, enum setting which)
{
    const char *text = c->settings->value[which].text;
    const char *scheme = text != NULL ? strstr(text, "://") : NULL;
    const char *at = scheme != NULL ? strrchr(scheme, '@') : NULL;
    const char *colon = at != NULL ? memchr(scheme + 3, ':', (size_t)(at - scheme) - 3) : NULL;
    if (text != NULL && SETTING[which].kind == SETTING_VALUE) {
        return "(set)";
    }
    return colon == NULL ? text
                         : arena_printf(&c->arena, "%.*s:(set)%s", (int)(colon - text), text, at).p;
}

/* --- check -------------------------------------------------------------------------------------*/

static void problems_json(struct cli *c)
{
    struct json_writer w;
    jw_init(&w, &c->out, true);
    jw_object(&w, NULL);
    jw_str(&w, "file", c->settings->file);
    jw_bool(&w, "valid", c->settings->errors == 0);
    jw_array(&w, "problems");
    for (const struct setting_problem *p = c->settings->problem; p != NULL; p = p->next) {
        jw_object(&w, NULL);
        jw_str(&w, "severity", p->is_warning ? "warning" : "error");
        jw_text(&w, "where", p->where);
        jw_text(&w, "message", p->text);
        jw_end_object(&w);
    }
    jw_end_array(&w);
    jw_end_object(&w);
    buf_put_u8(&c->out, '\n');
}

static int check_run(struct cli *c)
{
    struct settings *s = c->settings;
    settings_check(s);
    (void)settings_secret(s, SETTING_API_KEY, SETTING_API_KEY_FILE);
    (void)settings_secret(s, SETTING_PEER_KEY, SETTING_PEER_KEY_FILE);
    if (c->json) {
        problems_json(c);
        return s->errors == 0 ? CLI_OK : CLI_FAILED;
    }
    settings_complain(s);
    if (s->errors > 0) {
        cli_note(c, "mete: %u to mend", s->errors);
        return CLI_FAILED;
    }
    cli_note(c, "mete: the configuration is good%s%s",
             s->file != NULL ? ": " : "; there is no file", s->file != NULL ? s->file : "");
    return CLI_OK;
}

const struct cli_command command_config_check = {
    .name = "config check",
    .operands = "",
    .summary = "find mistakes in the settings of the server",
    .about = "Looks at mete.conf(5), at its drop-ins and at the environment, and tells everything\n"
             "that is wrong at once: where it stands, and how to mend it.",
    .no_csv = true,
    .run = check_run};

/* --- print -------------------------------------------------------------------------------------*/

static int print_run(struct cli *c)
{
    static const struct table_column columns[] = {{"section", "SECTION", COLUMN_TEXT},
                                                  {"setting", "SETTING", COLUMN_TEXT},
                                                  {"value", "VALUE", COLUMN_TEXT},
                                                  {"from", "FROM", COLUMN_TEXT}};
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting_value *v = &c->settings->value[i];
        table_str(t, SETTING[i].section);
        table_str(t, SETTING[i].name);
        table_str(t, value_shown(c, (enum setting)i));
        table_str(t, setting_where(v));
    }
    settings_complain(c->settings);
    cli_table(c, t);
    return c->settings->errors == 0 ? CLI_OK : CLI_FAILED;
}

const struct cli_command command_config_print = {
    .name = "config print",
    .operands = "",
    .summary = "show every setting, its value and where that came from",
    .about = "Secrets are shown as (set).",
    .run = print_run};

/* --- example -----------------------------------------------------------------------------------*/

static void example_row(struct cli *c, const struct setting_row *row)
{
    cli_print(c, "\n# %s.\n", row->what);
    if (row->kind == SETTING_VALUE) {
        cli_print(c, "# Never here: %s of the environment, or %s_file.\n", row->environment,
                  row->name);
        return;
    }
    if (row->kind == SETTING_NUMBER) {
        cli_print(c, "# A number from %llu to %llu.", (unsigned long long)row->min,
                  (unsigned long long)row->max);
    } else {
        cli_print(c, "#%s",
                  row->kind == SETTING_SECRET
                      ? " A file; without / at the beginning, one of systemd's credentials"
                        " goes first."
                  : row->kind == SETTING_FILE   ? " A file."
                  : row->kind == SETTING_SWITCH ? " yes or no."
                  : row->kind == SETTING_URL    ? " A URL."
                                                : " A text.");
    }
    if (row->environment != NULL) {
        cli_print(c, " Environment: %s.", row->environment);
    }
    if (row->option != NULL) {
        cli_print(c, " Option: --%s.", row->option);
    }
    cli_print(c, "%s\n#%s =%s%s\n",
              (row->traits & SETTING_LIVE) != 0 ? " Read again at SIGHUP." : "", row->name,
              row->otherwise != NULL ? " " : "", row->otherwise != NULL ? row->otherwise : "");
}

static int example_run(struct cli *c)
{
    const char *section = "";
    cli_print(c,
              "# Settings of mete: /etc/mete/mete.conf, or the file that METE_CONFIG or --config "
              "names.\n"
              "# Then come the files of mete.conf.d/*.conf beside it, by name; the environment; "
              "the options.\n"
              "# Each setting is shown with what holds without it. mete config check finds "
              "mistakes,\n"
              "# mete config print shows what holds and why. See mete.conf(5).\n");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(SETTING[i].section, section) != 0) {
            section = SETTING[i].section;
            cli_print(c, "\n[%s]\n", section);
        }
        example_row(c, &SETTING[i]);
    }
    return CLI_OK;
}

const struct cli_command command_config_example = {
    .name = "config example",
    .operands = "",
    .summary = "write a commented configuration file with all settings",
    .no_csv = true,
    .no_json = true,
    .run = example_run};

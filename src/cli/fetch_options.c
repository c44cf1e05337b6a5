/* SPDX-License-Identifier: Apache-2.0
 * The options of mete fetch: a client with its rules and its key, and what all requests have in
 * common. */
#include "cli/fetch.h"

#include "base/text.h"
#include "crypto/seal.h"
#include "http/descriptors.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIST_MAX     64
#define SECONDS_MAX  86400
#define RETRIES_MAX  100
#define REDIRECTS    20
#define KEY_VARIABLE "METE_PAY_KEY"
#define STDOUT_MAX   ((size_t)256 << 20)

/** All of an option that may be repeated and may hold commas. */
static const char **list_read(struct cli *c, const char *name)
{
    const char **out = arena_array(&c->arena, LIST_MAX + 1, sizeof *out);
    size_t n = 0;
    const char *given;
    for (int i = 0; (given = cli_option_at(c, name, i)) != NULL; i++) {
        while (*given != '\0' && n < LIST_MAX) {
            const size_t len = strcspn(given, ",");
            out[n++] = arena_text(&c->arena, (struct text){given, len}).p;
            given += len + (given[len] == ',');
        }
    }
    return n > 0 ? out : NULL;
}

static int select_read(struct cli *c, enum mete_client_select *out)
{
    static const char *const NAMES[] = {[METE_CLIENT_CHEAPEST] = "cheapest",
                                        [METE_CLIENT_FIRST] = "first",
                                        [METE_CLIENT_PREFERRED] = "preferred"};
    const char *name = cli_option(c, "select");
    *out = METE_CLIENT_CHEAPEST;
    for (size_t i = 0; name != NULL && i < ARRAY_LEN(NAMES); i++) {
        if (strcmp(name, NAMES[i]) == 0) {
            *out = (enum mete_client_select)i;
            return CLI_OK;
        }
    }
    return name == NULL ? CLI_OK
                        : cli_usage(c, "--select is cheapest, first or preferred, not '%s'", name);
}

static int numbers_read(struct cli *c, struct mete_client_options *o, uint64_t *total_ms)
{
    uint64_t parallel = FETCH_PARALLEL;
    uint64_t retries = UINT64_MAX;
    uint64_t seconds = 0;
    uint64_t attempt = 0;
    int status = cli_option_number(c, "parallel", 1, FETCH_PARALLEL_MAX, &parallel);
    status = status == CLI_OK ? cli_option_number(c, "retry", 0, RETRIES_MAX, &retries) : status;
    status = status == CLI_OK ? cli_option_number(c, "max-time", 1, SECONDS_MAX, &seconds) : status;
    status =
        status == CLI_OK ? cli_option_number(c, "attempt-time", 1, SECONDS_MAX, &attempt) : status;
    o->attempt_ms = (unsigned)attempt * 1000;
    o->parallel = (unsigned)parallel;
    (void)descriptors_for(3 * o->parallel); /* files are open before they are asked for */
    o->no_retry = retries == 0;
    o->retries = retries == UINT64_MAX ? 0 : (unsigned)retries;
    *total_ms = seconds * 1000;
    return status;
}

/** The environment is memory like any other: what is secret in it goes. */
static void secret_unset(const char *name)
{
    char *value = getenv(name);
    if (value != NULL) {
        secret_wipe(value, strlen(value));
        (void)unsetenv(name);
    }
}

int fetch_client_open(struct cli *c, struct mete_client **out, uint64_t *total_ms)
{
    char why[METE_CLIENT_ERROR_MAX];
    struct mete_client_options o = {
        .key_file = cli_option(c, "key-file"),
        .key_env = cli_option(c, "key-env"),
        .history_file = cli_option(c, "history-file"),
        .max_amount = cli_option(c, "max-amount"),
        .max_per_host = cli_option(c, "max-per-host"),
        .max_per_day = cli_option(c, "max-per-day"),
        .max_total = cli_option(c, "max-total"),
        .networks = list_read(c, "network"),
        .assets = list_read(c, "asset"),
        .schemes = list_read(c, "scheme"),
        .recipients = list_read(c, "recipient"),
        .rpc = list_read(c, "rpc"),
        .no_pay = cli_flag(c, "no-pay"),
        .dry_run = cli_flag(c, "dry-run"),
        .pay_again = cli_flag(c, "pay-again"),
        .allow_http = cli_flag(c, "allow-http"),
        .public_only = cli_flag(c, "public-only"),
        .redirects = cli_flag(c, "location") ? REDIRECTS : 0,
        .answer_max = STDOUT_MAX,
        .ca_file = cli_option(c, "cacert"),
        .user_agent = "mete-fetch/" METE_VERSION,
    };
    const char *key = getenv(KEY_VARIABLE);
    if (o.key_file == NULL && o.key_env == NULL && key != NULL && key[0] != '\0') {
        o.key_env = KEY_VARIABLE;
    }
    int status = numbers_read(c, &o, total_ms);
    status = status == CLI_OK ? select_read(c, &o.select) : status;
    if (status != CLI_OK) {
        return status;
    }
    const enum mete_client_error error = mete_client_open(&o, out, why);
    secret_unset(KEY_VARIABLE); /* also when another key is used */
    if (error == METE_CLIENT_USAGE) {
        return cli_usage(c, "%s", why);
    }
    if (error != METE_CLIENT_OK) {
        fprintf(stderr, "mete: %s (%s)\n      %s\n", why, mete_client_error_name(error),
                mete_client_error_remedy(error));
    }
    return error == METE_CLIENT_OK ? CLI_OK : CLI_FAILED;
}

static int body_read(struct cli *c, struct buf *body, struct fetch_job *like)
{
    struct mete_err err;
    const char *given;
    for (int i = 0; (given = cli_option_at(c, "data", i)) != NULL; i++) {
        if (i > 0) {
            buf_put_u8(body, '&');
        }
        if (given[0] != '@') {
            buf_put_str(body, given);
        } else if (cli_read_file(given + 1, FETCH_BODY_MAX, body, &err) != METE_OK) {
            return cli_fail(c, &err);
        }
    }
    like->body = buf_bytes(body);
    return CLI_OK;
}

/** As curl has it: a body without a type is a form. */
int fetch_like_read(struct cli *c, struct buf *body, struct fetch_job *like)
{
    bool has_type = false;
    size_t n = 0;
    const char *line;
    like->method = cli_option(c, "request");
    like->id = cli_option(c, "id");
    for (int i = 0; (line = cli_option_at(c, "header", i)) != NULL; i++) {
        if (n + 1 >= FETCH_HEADERS_MAX) {
            return cli_usage(c, "more than %d headers", FETCH_HEADERS_MAX - 1);
        }
        has_type = has_type || strncasecmp(line, "content-type:", 13) == 0;
        like->header[n++] = line;
    }
    int status = body_read(c, body, like);
    if (like->body.len > 0 && !has_type) {
        like->header[n] = "Content-Type: application/x-www-form-urlencoded";
    }
    return status;
}

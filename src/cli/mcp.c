/* SPDX-License-Identifier: Apache-2.0
 * mete mcp: the Model Context Protocol over stdin and stdout. A message a line; each goes to /mcp
 * of a server and its answer is a line: one table of tools, one way of every request. Without --url
 * the server is this process, on a port of loopback that only a key of its own opens. */
#include "base/encode.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/server_key.h"
#include "crypto/seal.h"
#include "http/desk.h"
#include "rails/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX     ((size_t)4 << 20)
#define ANSWER_MAX   ((size_t)64 << 20)
#define ANSWER_MS    120000u
#define URL_MAX      2048
#define HEADER_MAX   1400
#define NAME_MAX_LEN 900 /* of a tool or a resource: more is no name of ours */

#define META_VERSION "io.modelcontextprotocol/protocolVersion"

struct bridge {
    struct cli *c;
    struct desk *desk; /* NULL: the server is elsewhere */
    struct web *web;
    struct arena arena; /* of one message */
    char url[URL_MAX];
    char authorization[SERVER_KEY_HEADER_MAX]; /* a header; empty: no key */
    char version[HEADER_MAX];
    char method[HEADER_MAX];
    char name[HEADER_MAX];
};

/* --- headers -----------------------------------------------------------------------------------*/

static bool is_plain(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] < ' ' || t.p[i] > '~') {
            return false;
        }
    }
    return t.len > 0 && t.p[0] != ' ' && t.p[t.len - 1] != ' ' && !text_starts(t, "=?base64?");
}

/** "Name: value", the value made fit for a header when it is not. Empty when there is none. */
static void header_write(char out[HEADER_MAX], const char *name, const struct json *value)
{
    char coded[BASE64_TEXT_MAX(NAME_MAX_LEN)];
    out[0] = '\0';
    if (value == NULL || value->type != JSON_STRING || value->text.len > NAME_MAX_LEN) {
        return;
    }
    if (is_plain(value->text)) {
        snprintf(out, HEADER_MAX, "%s: %.*s", name, (int)value->text.len, value->text.p);
        return;
    }
    base64_encode(coded, text_bytes(value->text));
    snprintf(out, HEADER_MAX, "%s: =?base64?%s?=", name, coded);
}

/** What a message of 2026-07-28 says in its headers too. Of one before that there is nothing to
 * say: its version was agreed with the server that made no session of it. */
static void headers_of(struct bridge *b, const struct json *message)
{
    const struct json *params = json_get(message, "params");
    const struct json *version = json_get(json_get(params, "_meta"), META_VERSION);
    const struct json *name = json_get(params, "name");
    b->method[0] = b->name[0] = '\0';
    header_write(b->version, "MCP-Protocol-Version", version);
    if (b->version[0] != '\0') {
        header_write(b->method, "Mcp-Method", json_get(message, "method"));
        header_write(b->name, "Mcp-Name", name != NULL ? name : json_get(params, "uri"));
    }
}

/* --- a message ---------------------------------------------------------------------------------*/

static void line_print(struct bridge *b, struct text line)
{
    line.len -= line.len > 0 && line.p[line.len - 1] == '\n';
    cli_print(b->c, "%.*s\n", (int)line.len, line.p);
    cli_flush(b->c);
}

/** The server gave no answer of the protocol: its problem, or that there was no answer. */
static void failure_print(struct bridge *b, const struct json *id, const char *why,
                          struct text problem)
{
    struct buf out = {0};
    struct json_writer w;
    jw_init(&w, &out, false);
    jw_object(&w, NULL);
    jw_str(&w, "jsonrpc", "2.0");
    jw_raw(&w, "id", id->raw);
    jw_object(&w, "error");
    jw_int(&w, "code", -32603);
    jw_str(&w, "message", why);
    if (problem.len > 0) {
        jw_raw(&w, "data", problem);
    }
    jw_end_object(&w);
    jw_end_object(&w);
    line_print(b, buf_text(&out));
    buf_clear(&out);
}

static const char *detail_of(struct bridge *b, const struct json *problem)
{
    const struct json *detail = json_get(problem, "detail");
    return detail != NULL && detail->type == JSON_STRING && detail->text.len > 0
               ? arena_text(&b->arena, detail->text).p
               : "the server gave an answer that is none of the protocol";
}

static void answer_print(struct bridge *b, const struct json *id, const struct web_answer *a)
{
    struct json *answer = NULL;
    struct mete_err unused;
    struct text body = buf_text(&a->body);
    if (a->outcome != WEB_ANSWERED) {
        if (id != NULL) {
            failure_print(b, id, a->error, (struct text){0});
        }
        return;
    }
    bool read = json_parse(&b->arena, body, &answer, &unused) == METE_OK;
    if (read && json_get(answer, "jsonrpc") != NULL) {
        line_print(b, body);
    } else if (id != NULL) {
        failure_print(b, id, detail_of(b, answer), read ? answer->raw : (struct text){0});
    }
}

static void message_pass(struct bridge *b, struct text line)
{
    struct json *message = NULL;
    struct mete_err unused;
    struct web_answer answer = {0};
    arena_reset(&b->arena);
    bool read = json_parse(&b->arena, line, &message, &unused) == METE_OK;
    headers_of(b, read ? message : NULL);
    struct web_request q = {.method = "POST", .url = b->url, .body = text_bytes(line)};
    const char *const header[] = {"Content-Type: application/json",
                                  "Accept: application/json",
                                  b->authorization,
                                  b->version,
                                  b->method,
                                  b->name};
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(header); i++) {
        if (header[i][0] != '\0') {
            q.header[count++] = header[i];
        }
    }
    web_do(b->web, &q, &answer);
    answer_print(b, read ? json_get(message, "id") : NULL, &answer);
    web_answer_clear(&answer);
}

static int lines_pass(struct bridge *b)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    while (!b->c->out_failed && (len = getline(&line, &size, stdin)) >= 0) {
        struct text t = {line, (size_t)len};
        while (t.len > 0 && (t.p[t.len - 1] == '\n' || t.p[t.len - 1] == '\r')) {
            t.len--;
        }
        if (t.len > LINE_MAX) {
            cli_note(b->c, "mete: a message of more than %zu bytes was left out", LINE_MAX);
        } else if (t.len > 0) {
            message_pass(b, t);
        }
    }
    free(line);
    return CLI_OK;
}

/* --- the server --------------------------------------------------------------------------------*/

static int url_set(struct bridge *b, const char *url)
{
    size_t len = strlen(url);
    const char *path = len >= 4 && strcmp(url + len - 4, "/mcp") == 0 ? "" : "/mcp";
    len -= *path != '\0' && len > 0 && url[len - 1] == '/';
    if (len + 5 > sizeof b->url) {
        return cli_usage(b->c, "--url is too long");
    }
    if (strncmp(url, "https://", 8) != 0 && !server_is_near(url)) {
        return cli_usage(b->c, "--url is https://..., or http:// of this machine: a key goes with "
                               "each request");
    }
    snprintf(b->url, sizeof b->url, "%.*s%s", (int)len, url, path);
    return CLI_OK;
}

/** Opens the store here. Others of this machine can reach the port, so nobody is let in without a
 *  key; whoever may open the store may do everything, unless a key says less. Nothing is done that
 *  nobody asked for: paydays and watermarks are for mete serve. */
static int desk_begin_here(struct bridge *b)
{
    char key[KEY_TEXT_MAX];
    char unused_id[KEY_TEXT_MAX];
    struct hash unused_sum;
    struct mete_err err;
    int status = cli_store_known(b->c);
    if (status != CLI_OK) {
        return status;
    }
    api_key_make(key, unused_id, &unused_sum);
    const struct desk_options o = {.server = {.listen = "127.0.0.1:0", .body_max = LINE_MAX * 2},
                                   .store = b->c->store,
                                   .book = b->c->book,
                                   .roles = ROLE_ALL & ~(unsigned)ROLE_WORKER,
                                   .admin_key = key};
    if (b->authorization[0] == '\0') {
        snprintf(b->authorization, sizeof b->authorization, "Authorization: Bearer %s", key);
    }
    enum mete_code code = desk_open(&b->desk, &o, &err);
    secret_wipe(key, sizeof key);
    if (code != METE_OK) {
        b->desk = NULL;
        return cli_fail(b->c, &err);
    }
    snprintf(b->url, sizeof b->url, "http://127.0.0.1:%u/mcp", server_port(b->desk->server));
    return CLI_OK;
}

static int server_find(struct bridge *b)
{
    struct mete_err err;
    const char *url = cli_option(b->c, "url");
    if (server_key_read(b->c, b->authorization, &err) != METE_OK) {
        return cli_fail(b->c, &err);
    }
    return url != NULL ? url_set(b, url) : desk_begin_here(b);
}

static int mcp_run(struct cli *c)
{
    struct bridge *b = arena_alloc(&c->arena, sizeof *b);
    const struct web_options o = {.total_ms = ANSWER_MS,
                                  .answer_max = ANSWER_MAX,
                                  .allow_http = true,
                                  .any_port = true,
                                  .ca_file = cli_option(c, "ca-file")};
    *b = (struct bridge){.c = c};
    int status = server_find(b);
    if (status == CLI_OK) {
        arena_init(&b->arena, ANSWER_MAX * 4);
        web_open(&b->web, &o);
        status = lines_pass(b);
        web_close(b->web);
        arena_clear(&b->arena);
    }
    if (b->desk != NULL) {
        desk_close(b->desk);
    }
    secret_wipe(b->authorization, sizeof b->authorization);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"url", 0, "URL", "a running server; else the store is opened here"},
    {"api-key-file", 0, "FILE", "the key that is shown to it; else METE_API_KEY"},
    {"ca-file", 0, "FILE", "authorities to believe the server by, PEM"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_mcp = {
    .name = "mcp",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "tools for agents: the Model Context Protocol over stdin and stdout",
    .about = "A message of the protocol is a line. What the key may not use is not listed.\n"
             "Without a key the store's owner asks, who may do everything in the book.",
    .option = OPTIONS,
    .no_csv = true,
    .no_json = true,
    .run = mcp_run};

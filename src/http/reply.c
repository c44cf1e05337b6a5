/* SPDX-License-Identifier: Apache-2.0
 * Writing answers. */
#include "http/reply.h"

#include "base/text.h"
#include "http/authority.h"
#include "http/router.h"
#include "http/source.h"

#include <stdarg.h>
#include <string.h>

#define RETRY_AFTER_S 1u

/** What was answered before does not count any more. */
static void reply_anew(struct exchange *x)
{
    buf_reset(&x->out);
    if (x->source != NULL) {
        x->source->close(x->source);
        x->source = NULL;
    }
}

void reply_void(struct exchange *x)
{
    reply_anew(x);
    x->status = 0;
    x->reply_count = 0;
    x->code = x->why = NULL;
}

void reply_json(struct exchange *x, unsigned status, struct json_writer *w)
{
    reply_anew(x);
    x->status = status;
    x->type = TYPE_JSON;
    x->is_line = true; /* who reads it in a terminal has the prompt below it, not behind it */
    jw_init(w, &x->out, false);
}

void reply_body(struct exchange *x, unsigned status, const char *type, struct text body)
{
    reply_anew(x);
    buf_put_text(&x->out, body);
    x->status = status;
    x->type = type;
    x->is_line = false;
}

void reply_stream(struct exchange *x, const char *type, struct source *source)
{
    reply_anew(x);
    x->status = 200;
    x->type = type;
    x->source = source;
}

void reply_header(struct exchange *x, const char *name, struct text value)
{
    METE_ASSERT(x->reply_count < EXCHANGE_HEADERS_MAX);
    x->reply[x->reply_count++] =
        (struct pair){arena_text(&x->arena, text_of(name)), arena_text(&x->arena, value)};
}

void reply_secret(struct exchange *x)
{
    reply_header(x, "Cache-Control", TEXT("no-store"));
}

bool reply_is_secret(const struct exchange *x)
{
    bool found = false;
    for (size_t i = 0; i < x->reply_count; i++) {
        found = found || (text_is(x->reply[i].name, "Cache-Control") &&
                          text_is(x->reply[i].value, "no-store"));
    }
    return found;
}

void reply_page_headers(struct exchange *x)
{
    reply_header(x, "Content-Security-Policy",
                 TEXT("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
                      "form-action 'none'; frame-ancestors 'none'"));
    reply_header(x, "X-Content-Type-Options", TEXT("nosniff"));
    reply_header(x, "Referrer-Policy", TEXT("no-referrer"));
}

bool etag_is_listed(struct text list, struct text tag)
{
    return text_is(list, "*") ||
           (list.len >= tag.len && tag.len > 0 && memmem(list.p, list.len, tag.p, tag.len) != NULL);
}

static bool comes_back(enum mete_code code)
{
    int status = mete_code_status(code);
    return status == 429 || status == 503 || status == 507 || code == METE_IDEMPOTENCY_RUNNING;
}

/** It names files, machines or roles, which are nobody's business who asks over HTTP. */
static bool is_of_the_store(enum mete_code code)
{
    static const enum mete_code list[] = {METE_STORE_FAILED,  METE_STORE_BUSY,  METE_STORE_CORRUPT,
                                          METE_STORE_MISSING, METE_STORE_NEWER, METE_FILE};
    bool found = false;
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        found = found || list[i] == code;
    }
    return found;
}

/** Agents of RFC 0006 know {error, code, remediation} with codes in capitals. */
static void agent_problem(struct exchange *x, const struct mete_err *err)
{
    struct json_writer w;
    char code[64];
    const char *name = mete_code_name(err->code);
    size_t len = strlen(name);
    METE_ASSERT(len < sizeof code);
    for (size_t i = 0; i <= len; i++) {
        code[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 'a' + 'A') : name[i];
    }
    x->code = name;
    reply_json(x, (unsigned)mete_code_status(err->code), &w);
    jw_object(&w, NULL);
    jw_str(&w, "error", err->text);
    jw_str(&w, "code",
           err->code != METE_UNAUTHORIZED ? code
           : authority_key_shown(x)       ? "API_KEY_INVALID"
                                          : "API_KEY_REQUIRED");
    jw_str(&w, "remediation", mete_code_remediation(err->code));
    jw_end_object(&w);
}

static bool is_of_agents(const struct exchange *x, enum mete_code code)
{
    int status = mete_code_status(code);
    return route_is(x, ROUTE_OF_AGENTS) && status >= 401 && status <= 404;
}

static void problem_write(struct exchange *x, const struct mete_err *err, bool shown)
{
    struct json_writer w;
    enum mete_code code = err->code;
    const char *name = mete_code_name(code);
    if (is_of_agents(x, code)) {
        agent_problem(x, err);
        return;
    }
    bool ours = is_of_the_store(code) && mete_code_status(code) >= 500;
    bool hidden = ours && !shown;
    x->why = ours ? arena_printf(&x->arena, "%s", err->text).p : NULL;
    reply_json(x, (unsigned)mete_code_status(code), &w);
    x->type = TYPE_PROBLEM;
    x->code = name;
    jw_object(&w, NULL);
    jw_text(&w, "type", arena_printf(&x->arena, "urn:mete:error:%s", name));
    jw_str(&w, "title", mete_code_meaning(code));
    jw_int(&w, "status", mete_code_status(code));
    jw_str(&w, "detail", hidden ? "the server's log says more about this request" : err->text);
    jw_str(&w, "code", name);
    jw_str(&w, "error", name); /* where clients of the sources look */
    if (code == METE_UNAUTHORIZED) {
        jw_str(&w, "reason", authority_key_shown(x) ? "InvalidApiKey" : "MissingAuthentication");
    }
    if (err->pointer[0] != '\0') {
        jw_str(&w, "pointer", err->pointer);
    }
    jw_bool(&w, "retryable", mete_code_retryable(code));
    jw_str(&w, "request_id", x->request_id);
    jw_str(&w, "remediation", mete_code_remediation(code));
    jw_end_object(&w);
    if (comes_back(code)) {
        reply_header(
            x, "Retry-After",
            arena_printf(&x->arena, "%u", x->retry_after_s > 0 ? x->retry_after_s : RETRY_AFTER_S));
    }
}

void reply_problem(struct exchange *x, const struct mete_err *err)
{
    problem_write(x, err, false);
}

void reply_problem_shown(struct exchange *x, const struct mete_err *err)
{
    problem_write(x, err, true);
}

void reply_fail(struct exchange *x, enum mete_code code, const char *pointer, const char *fmt, ...)
{
    struct mete_err err;
    va_list args;
    va_start(args, fmt);
    (void)mete_fail_args(&err, code, pointer, fmt, args);
    va_end(args);
    reply_problem(x, &err);
}

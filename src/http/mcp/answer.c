/* SPDX-License-Identifier: Apache-2.0
 * A problem is told in one text, for whoever reads it to do better, and as it is in _meta. */
#include "http/mcp/answer.h"

#include "base/text.h"
#include "http/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define META_PROBLEM "mete/problem"

/** The body of an answer, without the end of its line. */
static struct text body_of(const struct exchange *from)
{
    struct text body = buf_text(&from->out);
    body.len -= body.len > 0 && body.p[body.len - 1] == '\n';
    return body;
}

static struct text member(const struct json *problem, const char *name)
{
    const struct json *j = json_get(problem, name);
    return j != NULL && j->type == JSON_STRING ? j->text : (struct text){0};
}

static void sentence_put(struct buf *out, const char *before, struct text t)
{
    if (t.len > 0) {
        buf_put_text(out, text_of(before));
        buf_put_text(out, t);
    }
}

/** "title: detail (code, at pointer). What to do." */
static void problem_say(struct buf *out, const struct json *problem)
{
    buf_put_text(out, member(problem, "title"));
    sentence_put(out, " ", member(problem, "detail"));
    sentence_put(out, " [", member(problem, "code"));
    sentence_put(out, ", at ", member(problem, "pointer"));
    buf_put_text(out, TEXT("] "));
    buf_put_text(out, member(problem, "remediation"));
}

static void error_write(struct exchange *x, const struct mcp_message *m, struct text words,
                        struct text problem)
{
    struct json_writer w;
    mcp_result_begin(x, m, &w);
    jw_array(&w, "content");
    jw_object(&w, NULL);
    jw_str(&w, "type", "text");
    jw_text(&w, "text", words);
    jw_end_object(&w);
    jw_end_array(&w);
    jw_bool(&w, "isError", true);
    mcp_result_end_with(m, &w, META_PROBLEM, problem);
}

static void problem_answer(struct exchange *x, const struct mcp_message *m, struct text body)
{
    struct json *problem;
    struct mete_err err;
    struct buf words = {0};
    if (json_parse(&x->arena, body, &problem, &err) != METE_OK) { /* no answer of ours is so */
        mcp_answer_argument(x, m, "", "the route gave an answer that cannot be read");
        return;
    }
    problem_say(&words, problem);
    error_write(x, m, buf_text(&words), body);
    buf_clear(&words);
}

void mcp_answer_tool(struct exchange *x, const struct mcp_message *m, const struct exchange *from)
{
    struct json_writer w;
    struct text body = body_of(from);
    if (from->status >= 300 || from->source != NULL) {
        problem_answer(x, m, body);
        return;
    }
    mcp_result_begin(x, m, &w);
    jw_array(&w, "content");
    jw_object(&w, NULL);
    jw_str(&w, "type", "text");
    jw_text(&w, "text", body);
    jw_end_object(&w);
    jw_end_array(&w);
    jw_raw(&w, "structuredContent", body);
    jw_bool(&w, "isError", false);
    mcp_result_end(m, &w);
}

void mcp_answer_resource(struct exchange *x, const struct mcp_message *m,
                         const struct exchange *from, struct text uri)
{
    struct json_writer w;
    struct text body = body_of(from);
    if (from->status >= 300 || from->source != NULL) {
        mcp_error_data(x, m, m->modern ? MCP_INVALID_PARAMS : MCP_RESOURCE_NOT_FOUND,
                       TEXT("Resource not found"), body);
        return;
    }
    mcp_result_begin(x, m, &w);
    mcp_result_ttl(m, &w, 0);
    jw_array(&w, "contents");
    jw_object(&w, NULL);
    jw_text(&w, "uri", uri);
    jw_str(&w, "mimeType", TYPE_JSON);
    jw_text(&w, "text", body);
    jw_end_object(&w);
    jw_end_array(&w);
    mcp_result_end(m, &w);
}

/** In the form of a problem of a route, so that there is one way to read one. */
void mcp_answer_argument(struct exchange *x, const struct mcp_message *m, const char *pointer,
                         const char *fmt, ...)
{
    char detail[400];
    struct exchange asked; /* that the route would have refused */
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    exchange_init(&asked);
    memcpy(asked.request_id, x->request_id, sizeof x->request_id);
    reply_fail(&asked, METE_REQUEST_INVALID, pointer, "%s", detail);
    struct text body = arena_text(&x->arena, body_of(&asked));
    exchange_clear(&asked);
    problem_answer(x, m, body);
}

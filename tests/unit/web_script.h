/* SPDX-License-Identifier: Apache-2.0
 * The place of rails/web.c in tests of rails: answers come from a script, and what was asked is
 * kept. A request beyond the script fails the test. */
#ifndef METE_TESTS_WEB_SCRIPT_H
#define METE_TESTS_WEB_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "rails/web.h"

#define SCRIPT_MAX 64

struct script_answer {
    enum web_outcome outcome;
    unsigned status;
    const char *body;
    bool is_replayed;
    unsigned retry_after_s;
};

struct script_asked {
    char method[8];
    char url[1024];
    char headers[2048]; /* a line each */
    char body[8192];
};

static struct {
    struct script_answer answer[SCRIPT_MAX];
    struct script_asked asked[SCRIPT_MAX];
    size_t answers;
    size_t asked_count;
} script;

static inline void script_clear(void)
{
    memset(&script, 0, sizeof script);
}

static inline void script_add(struct script_answer a)
{
    assert_true(script.answers < SCRIPT_MAX);
    script.answer[script.answers++] = a;
}

static inline void script_say(unsigned status, const char *body)
{
    script_add((struct script_answer){WEB_ANSWERED, status, body, false, 0});
}

static inline bool script_has_header(size_t i, const char *line)
{
    char wanted[600];
    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    return strstr(script.asked[i].headers, wanted) != NULL;
}

struct web {
    int unused;
};

void web_open(struct web **out, const struct web_options *o)
{
    (void)o;
    *out = calloc(1, sizeof **out);
}

void web_close(struct web *w)
{
    free(w);
}

void web_answer_clear(struct web_answer *a)
{
    buf_clear(&a->body);
}

void web_do(struct web *w, const struct web_request *q, struct web_answer *out)
{
    const struct buf body = out->body;
    (void)w;
    if (script.asked_count == script.answers) {
        fail_msg("not in the script: %s %s", q->method, q->url);
    }
    struct script_asked *asked = &script.asked[script.asked_count];
    const struct script_answer *a = &script.answer[script.asked_count++];
    snprintf(asked->method, sizeof asked->method, "%s", q->method);
    snprintf(asked->url, sizeof asked->url, "%s", q->url);
    snprintf(asked->body, sizeof asked->body, "%.*s", (int)q->body.len, (const char *)q->body.p);
    snprintf(asked->headers, sizeof asked->headers, "\n");
    for (size_t i = 0; i < WEB_HEADERS_MAX && q->header[i] != NULL; i++) {
        size_t len = strlen(asked->headers);
        snprintf(asked->headers + len, sizeof asked->headers - len, "%s\n", q->header[i]);
    }
    *out = (struct web_answer){.outcome = a->outcome,
                               .body = body,
                               .status = a->status,
                               .is_replayed = a->is_replayed,
                               .retry_after_s = a->retry_after_s};
    buf_reset(&out->body);
    buf_put_str(&out->body, a->body != NULL ? a->body : "");
    if (a->outcome != WEB_ANSWERED) {
        snprintf(out->error, sizeof out->error, "scripted");
    }
}

/* --- settings and payments ---------------------------------------------------------------------*/

struct script_setting {
    const char *name, *value;
};

static inline const char *script_get(void *ctx, const char *name)
{
    for (const struct script_setting *s = ctx; s->name != NULL; s++) {
        if (strcmp(s->name, name) == 0) {
            return s->value;
        }
    }
    return NULL;
}

/** A file of its own with `text`; the name is valid until the next call but seven. */
static inline const char *script_file(const char *text)
{
    static char names[8][64];
    static unsigned next;
    char *name = names[next++ % 8];
    snprintf(name, sizeof names[0], "/tmp/mete-rail-XXXXXX");
    int fd = mkstemp(name);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return name;
}

#endif

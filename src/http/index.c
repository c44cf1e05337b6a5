/* SPDX-License-Identifier: Apache-2.0
 * GET /: what this is and how to go on, for programs and for people. The book is looked at only
 * while nobody is asked for a key. */
#include "http/accept.h"
#include "http/base_url.h"
#include "http/desk.h"
#include "http/page.h"
#include "http/page/page.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "render/render.h"

/* Shown when this server answers them. */
static const struct {
    const char *name;
    const char *path;
    const char *about;
} LINKS[] = {
    {"openapi", "/openapi.json", "Every request and answer, as an OpenAPI 3.1 document"},
    {"documentation", "/llms.txt", "How to use this server, in words"},
    {"fair_policy", "/.well-known/fair-policy.json", "Fees, clearing, and keys of the log"},
    {"health", "/healthz", "Is it there"},
    {"ready", "/readyz", "Is it ready"},
    {"version", "/version", "Which one is it"},
    {"metrics", "/metrics", "Numbers for Prometheus"},
    {"checkpoint", "/v1/log/checkpoint", "The signed head of the log"},
};

static const char *state_name(const struct desk *d)
{
    return d->state == DESK_READY ? "ready" : "ending";
}

/* --- for programs ------------------------------------------------------------------------------*/

static void index_json(struct desk *d, struct engine *e, struct exchange *x)
{
    struct json_writer w;
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_str(&w, "name", "mete");
    jw_str(&w, "about", "who is owed what, and why");
    jw_str(&w, "version", METE_VERSION);
    jw_str(&w, "state", state_name(d));
    jw_bool(&w, "open", e != NULL); /* nobody is asked for a key */
    if (e != NULL) {
        struct log_head head = book_head(engine_book(e));
        jw_str(&w, "book", engine_book_name(e));
        log_head_json(&w, &head);
    }
    jw_object(&w, "links");
    for (size_t i = 0; i < ARRAY_LEN(LINKS); i++) {
        if (path_is_answered(d, LINKS[i].path)) {
            jw_str(&w, LINKS[i].name, LINKS[i].path);
        }
    }
    jw_end_object(&w);
    jw_end_object(&w);
}

/* --- for people --------------------------------------------------------------------------------*/

static struct text links_of(const struct desk *d, struct arena *a)
{
    struct text all = {0};
    for (size_t i = 0; i < ARRAY_LEN(LINKS); i++) {
        if (path_is_answered(d, LINKS[i].path)) {
            all = arena_printf(a, "%.*s<li><a href=\"%s\">%s</a>: %s.</li>\n", (int)all.len,
                               all.p != NULL ? all.p : "", LINKS[i].path, LINKS[i].path,
                               LINKS[i].about);
        }
    }
    return all;
}

static struct text hidden_unless(bool shown)
{
    return shown ? (struct text){0} : TEXT("hidden");
}

static void index_html(struct desk *d, struct engine *e, struct exchange *x)
{
    char hex[65] = "";
    struct log_head head = {0};
    bool books =
        path_is_answered(d, "/v1/events") && path_is_answered(d, "/v1/parties/{id}/balance");
    if (e != NULL) {
        head = book_head(engine_book(e));
        hash_hex(&head.root, hex);
    }
    const struct page_word words[] = {
        {"version", text_of(METE_VERSION), false},
        {"state", text_of(state_name(d)), false},
        {"access",
         text_of(e != NULL ? "open to this machine: no key exists yet"
                           : "with a key, in Authorization: Bearer KEY"),
         false},
        {"book", text_of(e != NULL ? engine_book_name(e) : ""), false},
        {"log_size", arena_printf(&x->arena, "%llu", (unsigned long long)head.size), false},
        {"log_head", text_of(hex), false},
        {"log_hidden", hidden_unless(e != NULL), true},
        {"events_hidden", hidden_unless(books), true},
        {"key_hidden", hidden_unless(e == NULL), true},
        {"authorization", text_of(e == NULL ? " -H 'Authorization: Bearer KEY'" : ""), false},
        {"base", base_url(d, x), false},
        {"links", links_of(d, &x->arena), true}};
    reply_body(x, 200, TYPE_HTML, (struct text){0});
    page_fill(&x->out, page_index, words, ARRAY_LEN(words));
    reply_page_headers(x);
}

/* --- which -------------------------------------------------------------------------------------*/

void index_get(struct desk *d, struct engine *e, struct exchange *x)
{
    if (accept_quality(x, "text/html") > accept_quality(x, "application/json")) {
        index_html(d, e, x);
    } else {
        index_json(d, e, x);
    }
    reply_header(x, "Vary", TEXT("Accept"));
    reply_header(x, "Cache-Control", TEXT("no-cache"));
}

void index_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    if (!authority_is_open_to(d->authority, x)) {
        index_get(d, e, x);
    }
}

/* --- in words ----------------------------------------------------------------------------------*/

void guide_get(struct desk *d, struct engine *e, struct exchange *x)
{
    (void)d;
    (void)e;
    reply_body(x, 200, TYPE_TEXT, page_guide);
    reply_header(x, "Cache-Control", TEXT("max-age=300"));
}

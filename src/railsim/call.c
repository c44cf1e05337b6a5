/* SPDX-License-Identifier: Apache-2.0
 * One call: its arguments, whichever way they were sent, and the beginnings of answers. */
#include "base/text.h"
#include "railsim/parts.h"

#include <string.h>

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/** Takes %XX and '+' back; what is no escape stays. */
static struct text form_decode(struct arena *a, struct text in)
{
    char *out = arena_alloc(a, in.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        bool escape = in.p[i] == '%' && i + 2 < in.len && hex_digit(in.p[i + 1]) >= 0 &&
                      hex_digit(in.p[i + 2]) >= 0;
        if (escape) {
            out[n++] = (char)(hex_digit(in.p[i + 1]) * 16 + hex_digit(in.p[i + 2]));
            i += 2;
        } else {
            out[n++] = in.p[i] == '+' ? ' ' : in.p[i];
        }
    }
    return (struct text){out, n};
}

static void arg_add(struct call *c, struct text name, struct text value)
{
    if (c->arg_count < CALL_ARGS_MAX) {
        c->arg[c->arg_count++] = (struct pair_text){name, value};
    }
}

static void form_read(struct call *c, struct text form)
{
    while (form.len > 0) {
        const char *end = memchr(form.p, '&', form.len);
        size_t len = end != NULL ? (size_t)(end - form.p) : form.len;
        const char *eq = memchr(form.p, '=', len);
        size_t name_len = eq != NULL ? (size_t)(eq - form.p) : len;
        struct text value = {form.p + name_len, len - name_len};
        if (eq != NULL) {
            value.p++;
            value.len--;
        }
        if (len > 0) {
            arg_add(c, form_decode(&c->arena, (struct text){form.p, name_len}),
                    form_decode(&c->arena, value));
        }
        form.p += len + (end != NULL);
        form.len -= len + (end != NULL);
    }
}

static enum MHD_Result query_add(void *ctx, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct call *c = ctx;
    (void)kind;
    arg_add(c, arena_text(&c->arena, text_of(name)), arena_text(&c->arena, text_of(value)));
    return MHD_YES;
}

void call_read(struct call *c)
{
    struct text type = call_header(c, "Content-Type");
    struct text body = buf_text(&c->body);
    struct mete_err err;
    (void)MHD_get_connection_values(c->connection, MHD_GET_ARGUMENT_KIND, query_add, c);
    /* curl -d says that anything is a form */
    bool control = text_starts(c->path, "/sim") && body.len > 0 && strchr("{[", body.p[0]) != NULL;
    if (text_starts(type, "application/x-www-form-urlencoded") && !control) {
        form_read(c, body);
    } else if (body.len > 0 && body.p[0] != '<' &&
               json_parse(&c->arena, body, &c->json, &err) != METE_OK) {
        c->json = NULL;
    }
}

bool call_is_text(const struct call *c)
{
    bool good = text_is_utf8(c->path);
    for (size_t i = 0; i < c->arg_count; i++) {
        good = good && text_is_utf8(c->arg[i].name) && text_is_utf8(c->arg[i].value);
    }
    return good;
}

struct text call_arg(const struct call *c, const char *name)
{
    const struct json *m = json_get(c->json, name);
    for (size_t i = 0; i < c->arg_count; i++) {
        if (text_is(c->arg[i].name, name)) {
            return c->arg[i].value;
        }
    }
    if (m == NULL || m->type == JSON_NULL || m->type == JSON_ARRAY || m->type == JSON_OBJECT) {
        return (struct text){0};
    }
    return m->type == JSON_STRING || m->type == JSON_NUMBER ? m->text : m->raw;
}

bool call_number(struct text t, int64_t *out)
{
    int64_t n = 0;
    if (t.len == 0 || t.len > 18) {
        return false;
    }
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] < '0' || t.p[i] > '9') {
            return false;
        }
        n = n * 10 + (t.p[i] - '0');
    }
    *out = n;
    return true;
}

struct text call_header(const struct call *c, const char *name)
{
    return text_of(MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, name));
}

struct text call_base(struct call *c)
{
    struct text host = call_header(c, "Host");
    return arena_printf(&c->arena, "%s://%.*s", c->s->o.certificate != NULL ? "https" : "http",
                        (int)host.len, host.p);
}

void call_add_header(struct call *c, const char *name, struct text value)
{
    METE_ASSERT(c->header_count < CALL_HEADERS_MAX);
    c->header[c->header_count++] = (struct pair_text){text_of(name), arena_text(&c->arena, value)};
}

void call_json(struct call *c, unsigned status, struct json_writer *w)
{
    c->status = status;
    c->type = "application/json";
    buf_reset(&c->out);
    jw_init(w, &c->out, false);
}

void call_plain(struct call *c, unsigned status, const char *text)
{
    c->status = status;
    c->type = "text/plain; charset=utf-8";
    buf_reset(&c->out);
    buf_put_str(&c->out, text);
}

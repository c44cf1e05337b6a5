/* SPDX-License-Identifier: Apache-2.0
 * Tables of members, and what they default to. Prices become whole units here, so a gate that has
 * started cannot meet one that it cannot say. */
#include "gate/config.h"

#include "base/limits.h"
#include "base/text.h"
#include "gate/terms.h"
#include "wire/form.h"
#include "wire/url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ARENA_MAX ((size_t)512 << 20)
#define TEXT_MAX  4096

static field_read field_strings, field_json;

/** Rows: name, type of the whole, member, function that reads it. */
#define ROW(name, type, member, read, min, max)                                                    \
    {                                                                                              \
        TEXT(name), read, false, offsetof(type, member), min, max, NULL                            \
    }
#define LINE(name, type, member) ROW(name, type, member, field_line, 1, TEXT_MAX)

static enum mete_code field_json(const struct form_in *in, const struct field *f,
                                 const struct json *j, void *out)
{
    enum mete_code code = form_type(in, j, (enum json_type)f->max);
    if (code == METE_OK) {
        *(const struct json **)out = j;
    }
    return code;
}

/** An array of texts, of which each is a line. */
static enum mete_code field_strings(const struct form_in *in, const struct field *f,
                                    const struct json *j, void *out)
{
    enum mete_code code = form_type(in, j, JSON_ARRAY);
    for (const struct json *e = code == METE_OK ? j->child : NULL; e != NULL && code == METE_OK;
         e = e->next) {
        struct text t;
        code = form_line(in, e, 1, TEXT_MAX, &t);
    }
    if (code == METE_OK && j->count > (uint32_t)f->max) {
        return form_fail(in, j, METE_NUMBER_RANGE, "at most %u stand here", (unsigned)f->max);
    }
    if (code == METE_OK) {
        *(const struct json **)out = j;
    }
    return code;
}

/* --- discovery ---------------------------------------------------------------------------------*/

struct discovery {
    struct text method;
    struct text body_type;
    struct text route_template;
    const struct json *example;
    const struct json *schema;
    const struct json *output;
};

static enum mete_code field_any(const struct form_in *in, const struct field *f,
                                const struct json *j, void *out)
{
    (void)in;
    (void)f;
    *(const struct json **)out = j;
    return METE_OK;
}

static const struct field discovery_fields[] = {
    LINE("method", struct discovery, method),
    LINE("body_type", struct discovery, body_type),
    LINE("route_template", struct discovery, route_template),
    ROW("example", struct discovery, example, field_json, 0, JSON_OBJECT),
    ROW("schema", struct discovery, schema, field_json, 0, JSON_OBJECT),
    ROW("output_example", struct discovery, output, field_any, 0, 0),
};
FORM_STRICT(discovery_form, discovery_fields);

static struct text raw_of(const struct json *j)
{
    return j != NULL ? j->raw : (struct text){0};
}

static struct text kept(struct arena *a, struct buf *b)
{
    struct text t = arena_text(a, buf_text(b));
    buf_clear(b);
    return t;
}

static enum mete_code discovery_read(const struct form_in *in, const struct json *j,
                                     struct gate_route *r)
{
    struct discovery d = {0};
    struct buf out = {0};
    enum mete_code code = form_read(in, &discovery_form, j, &d);
    if (code != METE_OK) {
        return code;
    }
    if (d.route_template.len > 0 && !x402_route_template_ok(d.route_template)) {
        return form_fail(in, json_get(j, "route_template"), METE_MEMBER_VALUE,
                         "a template begins with '/' and has no dot segments: \"/users/:id\"");
    }
    const struct text method = d.method.len > 0      ? d.method
                               : r->method_count > 0 ? r->method[0]
                                                     : TEXT("GET");
    const struct x402_http_input input = {.method = method,
                                          .body_type = d.body_type,
                                          .example = raw_of(d.example),
                                          .schema = raw_of(d.schema),
                                          .output_example = raw_of(d.output),
                                          .route_template = d.route_template};
    x402_bazaar_write(&out, &input);
    r->discovery = kept(in->arena, &out);
    x402_output_schema_write(&out, &input);
    r->output_schema = kept(in->arena, &out);
    return METE_OK;
}

/* --- routes ------------------------------------------------------------------------------------*/

struct raw_route {
    struct gate_terms terms; /* of the whole route, and of its offers unless they say otherwise */
    struct text path;
    struct text regex;
    const struct json *methods;
    const struct json *accepts;
    const struct json *discovery;
    const struct json *tags;
    struct text description;
    struct text mime_type;
    struct text service_name;
    struct text icon_url;
    struct text policy;
    struct text flow;
    struct text identifier;
};

static const char *const FLOWS[] = {"authorization", "upfront", NULL};
static const char *const IDENTIFIERS[] = {"none", "optional", "required", NULL};

static const struct field route_fields[] = {
    LINE("path", struct raw_route, path),
    LINE("regex", struct raw_route, regex),
    ROW("methods", struct raw_route, methods, field_strings, 0, GATE_METHODS_MAX),
    ROW("accepts", struct raw_route, accepts, field_json, 0, JSON_ARRAY),
    GATE_TERMS_ROWS(struct raw_route, terms),
    ROW("description", struct raw_route, description, field_line, 0, X402_DISCOVERED_TEXT_MAX),
    LINE("mime_type", struct raw_route, mime_type),
    LINE("policy", struct raw_route, policy),
    {TEXT("flow"), field_choice, false, offsetof(struct raw_route, flow), 0, 0, FLOWS},
    {TEXT("payment_identifier"), field_choice, false, offsetof(struct raw_route, identifier), 0, 0,
     IDENTIFIERS},
    ROW("discovery", struct raw_route, discovery, field_json, 0, JSON_OBJECT),
};
FORM_STRICT(route_form, route_fields);

static const struct field service_fields[] = {
    ROW("name", struct raw_route, service_name, field_line, 1, X402_SERVICE_NAME_MAX),
    ROW("tags", struct raw_route, tags, field_strings, 0, X402_TAGS_MAX),
    ROW("icon_url", struct raw_route, icon_url, field_line, 1, X402_ICON_URL_MAX),
};
FORM_STRICT(service_form, service_fields);

static struct text upper(struct arena *a, struct text t)
{
    char *to = arena_alloc(a, t.len + 1);
    for (size_t i = 0; i < t.len; i++) {
        to[i] = t.p[i] >= 'a' && t.p[i] <= 'z' ? (char)(t.p[i] - 'a' + 'A') : t.p[i];
    }
    return (struct text){to, t.len};
}

static enum mete_code pattern_read(const struct form_in *in, const struct json *node, bool is_regex,
                                   struct text t, struct gate_pattern *out)
{
    struct mete_err err;
    enum mete_code code = is_regex ? gate_pattern_regex(in->arena, t, out, &err)
                                   : gate_pattern_glob(in->arena, t, out, &err);
    return code == METE_OK ? METE_OK : form_fail(in, node, code, "%s", err.text);
}

static enum mete_code resource_set(const struct form_in *in, const struct json *j,
                                   const struct raw_route *raw, struct gate_route *r)
{
    r->resource = (struct x402_resource){.description = raw->description,
                                         .mime_type = raw->mime_type,
                                         .service_name = raw->service_name,
                                         .icon_url = raw->icon_url};
    for (const struct json *t = raw->tags != NULL ? raw->tags->child : NULL; t != NULL;
         t = t->next) {
        r->resource.tags[r->resource.tag_count++] = t->text;
    }
    unsigned dropped = x402_metadata_clean(&r->resource);
    if (dropped != 0) {
        struct buf names = {0};
        x402_dropped_write(&names, dropped);
        enum mete_code code =
            form_fail(in, j, METE_MEMBER_VALUE, "not a value that may be shown to clients: %.*s",
                      (int)names.len, (const char *)names.p);
        buf_clear(&names);
        return code;
    }
    return METE_OK;
}

static enum mete_code offers_read(const struct form_in *in, const struct json *j,
                                  const struct raw_route *raw, struct gate_route *r)
{
    const struct json *first = raw->accepts != NULL ? raw->accepts->child : NULL;
    size_t count = raw->accepts != NULL ? raw->accepts->count : 1;
    if (count == 0 || count > GATE_OFFERS_MAX) {
        return form_fail(in, raw->accepts, METE_NUMBER_RANGE, "1 to %d ways to pay stand here",
                         GATE_OFFERS_MAX);
    }
    r->offer = arena_array(in->arena, count, sizeof *r->offer);
    for (size_t i = 0; i < count; i++) {
        struct gate_terms terms = raw->terms;
        enum mete_code code = METE_OK;
        if (first != NULL) {
            code = gate_terms_read(in, first, &terms);
        }
        code = code == METE_OK ? gate_terms_offer(in, first != NULL ? first : j, &terms,
                                                  r->is_upfront, &r->offer[i])
                               : code;
        if (code != METE_OK) {
            return code;
        }
        first = first != NULL ? first->next : NULL;
    }
    r->offer_count = count;
    return METE_OK;
}

static enum mete_code route_read(const struct form_in *in, const struct json *j,
                                 const struct raw_route *defaults, struct gate_route *r)
{
    struct raw_route raw = *defaults;
    enum mete_code code = form_read(in, &route_form, j, &raw);
    if (code != METE_OK) {
        return code;
    }
    if ((raw.path.len > 0) == (raw.regex.len > 0)) {
        return form_fail(in, j, METE_MEMBER_MISSING, "a route has a path or a regex, one of them");
    }
    r->label = raw.path.len > 0 ? raw.path : raw.regex;
    code = pattern_read(in, json_get(j, raw.path.len > 0 ? "path" : "regex"), raw.regex.len > 0,
                        r->label, &r->pattern);
    for (const struct json *m = raw.methods != NULL ? raw.methods->child : NULL; m != NULL;
         m = m->next) {
        r->method[r->method_count++] = upper(in->arena, m->text);
    }
    r->is_upfront = text_is(raw.flow, "upfront");
    r->policy = raw.policy;
    r->identifier = text_is(raw.identifier, "required")   ? GATE_IDENTIFIER_REQUIRED
                    : text_is(raw.identifier, "optional") ? GATE_IDENTIFIER_OPTIONAL
                                                          : GATE_IDENTIFIER_NONE;
    code = code == METE_OK ? resource_set(in, j, &raw, r) : code;
    code = code == METE_OK ? offers_read(in, j, &raw, r) : code;
    return code == METE_OK && raw.discovery != NULL ? discovery_read(in, raw.discovery, r) : code;
}

static bool method_is(struct text a, struct text b)
{
    return a.len == b.len && strncasecmp(a.p, b.p, a.len) == 0;
}

/** HEAD says what GET would: who pays for one pays for the other. */
static bool method_fits(const struct gate_route *r, struct text method)
{
    bool is_head = method_is(method, TEXT("HEAD"));
    if (r->method_count == 0) {
        return !method_is(method, TEXT("OPTIONS"));
    }
    for (size_t i = 0; i < r->method_count; i++) {
        if (method_is(r->method[i], method) || (is_head && text_is(r->method[i], "GET"))) {
            return true;
        }
    }
    return false;
}

/** Whether `first` takes whatever `r`, behind it, would. */
static bool takes_all(const struct gate_route *first, const struct gate_route *r)
{
    const bool is_regex = r->pattern.is_regex;
    bool takes = first->pattern.is_regex == is_regex &&
                 text_eq(is_regex ? first->label : first->pattern.glob,
                         is_regex ? r->label : r->pattern.glob) &&
                 (r->method_count > 0 || first->method_count == 0);
    for (size_t i = 0; i < r->method_count && takes; i++) {
        takes = method_fits(first, r->method[i]);
    }
    return takes;
}

/** `r`, the last so far, has to differ from those before it. */
static enum mete_code again_check(const struct form_in *in, const struct json *j,
                                  const struct gate_config *c, const struct gate_route *r)
{
    for (size_t i = 0; &c->route[i] != r; i++) {
        if (takes_all(&c->route[i], r)) {
            return form_fail(
                in, j, METE_MEMBER_VALUE,
                "/routes/%zu has the same path and its methods, so this route is never "
                "taken: remove one, or say other methods",
                i);
        }
    }
    return METE_OK;
}

/* --- the file ----------------------------------------------------------------------------------*/

struct raw_config {
    struct raw_route defaults;
    struct gate_config *c;
    struct text upstream, facilitator, listen, admin, stats, state, public_url, host, cors;
    const struct json *free;
    const struct json *routes;
    const struct json *service;
    bool trusts_forwarded;
    bool has_paywall;
};

static const struct field config_fields[] = {
    LINE("upstream", struct raw_config, upstream),
    LINE("facilitator", struct raw_config, facilitator),
    LINE("listen", struct raw_config, listen),
    LINE("admin", struct raw_config, admin),
    LINE("stats", struct raw_config, stats),
    LINE("state", struct raw_config, state),
    LINE("public_url", struct raw_config, public_url),
    LINE("host", struct raw_config, host),
    LINE("cors", struct raw_config, cors),
    ROW("trust_forwarded", struct raw_config, trusts_forwarded, field_bool, 0, 0),
    ROW("paywall", struct raw_config, has_paywall, field_bool, 0, 0),
    ROW("free", struct raw_config, free, field_strings, 0, GATE_ROUTES_MAX),
    ROW("service", struct raw_config, service, field_json, 0, JSON_OBJECT),
    GATE_TERMS_ROWS(struct raw_config, defaults.terms),
    {TEXT("flow"), field_choice, false, offsetof(struct raw_config, defaults.flow), 0, 0, FLOWS},
    {TEXT("payment_identifier"), field_choice, false,
     offsetof(struct raw_config, defaults.identifier), 0, 0, IDENTIFIERS},
    {TEXT("routes"), field_json, true, offsetof(struct raw_config, routes), 0, JSON_ARRAY, NULL},
};
_Static_assert(ARRAY_LEN(config_fields) <= FORM_FIELDS_MAX &&
                   ARRAY_LEN(route_fields) <= FORM_FIELDS_MAX,
               "see form.h");

static enum mete_code url_check(const struct form_in *in, struct text t, const char *name)
{
    struct url url;
    const char *wrong = t.len > 0 ? url_read(t, &url) : NULL;
    if (wrong == NULL && t.len > 0 && (url.has_query || url.fragment.len > 0)) {
        wrong = "has a query or a fragment";
    }
    return wrong == NULL
               ? METE_OK
               : form_fail(in, json_get(in->root, name), METE_MEMBER_VALUE, "the URL %s", wrong);
}

static struct text without_slash(struct text t)
{
    while (t.len > 0 && t.p[t.len - 1] == '/') {
        t.len--;
    }
    return t;
}

static enum mete_code lists_read(const struct form_in *in, struct raw_config *raw)
{
    struct gate_config *c = raw->c;
    enum mete_code code = METE_OK;
    if (raw->routes->count > GATE_ROUTES_MAX) {
        return form_fail(in, raw->routes, METE_NUMBER_RANGE, "at most %d routes", GATE_ROUTES_MAX);
    }
    c->route = arena_array(in->arena, raw->routes->count + 1, sizeof *c->route);
    for (const struct json *j = raw->routes->child; j != NULL && code == METE_OK; j = j->next) {
        struct gate_route *r = &c->route[c->route_count];
        code = route_read(in, j, &raw->defaults, r);
        c->route_count++; /* also a bad one: its pattern is to be cleared */
        code = code == METE_OK ? again_check(in, j, c, r) : code;
    }
    size_t count = raw->free != NULL ? raw->free->count : 0;
    c->free = arena_array(in->arena, count + 1, sizeof *c->free);
    for (const struct json *j = count > 0 ? raw->free->child : NULL; j != NULL && code == METE_OK;
         j = j->next) {
        code = pattern_read(in, j, false, j->text, &c->free[c->free_count]);
        c->free_count += code == METE_OK;
    }
    return code;
}

static void config_set(struct gate_config *c, const struct raw_config *raw)
{
    c->upstream = without_slash(raw->upstream);
    c->facilitator = without_slash(raw->facilitator);
    c->listen = raw->listen;
    c->admin = raw->admin;
    c->stats = raw->stats;
    c->state = raw->state;
    c->public_url = without_slash(raw->public_url);
    c->host = raw->host;
    c->cors = raw->cors;
    c->trusts_forwarded = raw->trusts_forwarded;
    c->has_paywall = raw->has_paywall;
}

static enum mete_code config_take(struct gate_config *c, struct text text, struct mete_err *err)
{
    struct json *root;
    struct raw_config raw = {.c = c, .has_paywall = true};
    if (text.len > GATE_CONFIG_MAX) {
        return mete_fail(err, METE_BODY_TOO_LARGE, "", "at most %u bytes", GATE_CONFIG_MAX);
    }
    enum mete_code code = json_parse(&c->arena, arena_text(&c->arena, text), &root, err);
    if (code != METE_OK) {
        return code;
    }
    const struct form_in in = {&c->arena, root, "", err};
    raw.defaults.terms = gate_terms_default();
    code = form_read(&in, &(struct form){config_fields, ARRAY_LEN(config_fields), true, false},
                     root, &raw);
    if (code == METE_OK && raw.service != NULL) {
        code = form_read(&in, &service_form, raw.service, &raw.defaults);
    }
    code = code == METE_OK ? url_check(&in, raw.upstream, "upstream") : code;
    code = code == METE_OK ? url_check(&in, raw.facilitator, "facilitator") : code;
    code = code == METE_OK ? url_check(&in, raw.public_url, "public_url") : code;
    code = code == METE_OK ? lists_read(&in, &raw) : code;
    if (code == METE_OK) {
        config_set(c, &raw);
    }
    return code;
}

enum mete_code gate_config_read(struct text text, struct gate_config **out, struct mete_err *err)
{
    struct gate_config *c = calloc(1, sizeof *c);
    METE_ASSERT(c != NULL);
    c->holders = 1;
    arena_init(&c->arena, ARENA_MAX);
    enum mete_code code = config_take(c, text, err);
    if (code != METE_OK) {
        gate_config_drop(c);
        c = NULL;
    }
    *out = c;
    return code;
}

void gate_config_hold(struct gate_config *c)
{
    atomic_fetch_add(&c->holders, 1);
}

void gate_config_drop(struct gate_config *c)
{
    if (c == NULL || atomic_fetch_sub(&c->holders, 1) != 1) {
        return;
    }
    for (size_t i = 0; c->route != NULL && i < c->route_count; i++) {
        gate_pattern_clear(&c->route[i].pattern);
    }
    arena_clear(&c->arena);
    free(c);
}

/* --- finding -----------------------------------------------------------------------------------*/

static const struct gate_route *find(const struct gate_config *c, struct text key,
                                     struct text method)
{
    for (size_t i = 0; i < c->free_count; i++) {
        if (gate_pattern_match(&c->free[i], key)) {
            return NULL;
        }
    }
    for (size_t i = 0; i < c->route_count; i++) {
        if (method_fits(&c->route[i], method) && gate_pattern_match(&c->route[i].pattern, key)) {
            return &c->route[i];
        }
    }
    return NULL;
}

bool gate_config_find(const struct gate_config *c, const struct gate_path *path, struct text method,
                      const struct gate_route **out)
{
    const struct gate_route *r = find(c, path->key, method);
    const struct gate_route *cut = text_eq(path->key, path->cut) ? r : find(c, path->cut, method);
    *out = r != NULL ? r : cut;
    return r == NULL || cut == NULL || r == cut;
}

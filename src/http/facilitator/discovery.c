/* SPDX-License-Identifier: Apache-2.0
 * What can be paid for: lists, searches, registers. What stands here was said by servers and
 * clients and is shown as theirs; metadata that breaks a rule was left out when it came in. */
#include "wire/x402/discovery.h"
#include "base/text.h"
#include "engine/x402_list.h"
#include "http/desk.h"
#include "http/mapping.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"
#include "render/x402.h"
#include "wire/url.h"

#include <stdio.h>

#define PAGE_DEFAULT 20u
#define PAGE_MAX     100u
#define PAGE_READ    1000u
#define LISTED_MAX   UINT64_C(1000000) /* that an offset goes over */

/* --- from what is kept to what is shown --------------------------------------------------------*/

static struct text member(const struct json *j, const char *name)
{
    const struct json *m = json_get(j, name);
    return m != NULL && m->type == JSON_STRING ? m->text : (struct text){0};
}

static void tags_read(const struct json *list, struct x402_resource *r)
{
    for (const struct json *j = list != NULL && list->type == JSON_ARRAY ? list->child : NULL;
         j != NULL && r->tag_count < X402_TAGS_MAX; j = j->next) {
        if (j->type == JSON_STRING) {
            r->tags[r->tag_count++] = j->text;
        }
    }
}

/** A row lives for its visit alone: all is copied. */
static void item_of(struct arena *a, const struct x402_listed *row, struct x402_item *out)
{
    const struct x402_entry *o = &row->offer;
    struct json *metadata = NULL;
    char at[TIME_TEXT_MAX];
    struct text said = arena_text(a, o->metadata);
    if (said.len > 0 && json_parse(a, said, &metadata, NULL) != METE_OK) {
        metadata = NULL;
    }
    time_format(row->updated_at, at);
    *out = (struct x402_item){.is_mcp = text_is(o->type, "mcp"),
                              .version = o->version,
                              .accepts = arena_text(a, o->accepts),
                              .extensions = arena_text(a, o->extensions),
                              .updated = arena_text(a, text_of(at))};
    out->resource = (struct x402_resource){.url = arena_text(a, o->resource),
                                           .description = member(metadata, "description"),
                                           .mime_type = member(metadata, "mimeType"),
                                           .service_name = member(metadata, "serviceName"),
                                           .icon_url = member(metadata, "iconUrl")};
    tags_read(json_get(metadata, "tags"), &out->resource);
}

/* --- filters -----------------------------------------------------------------------------------*/

struct listing {
    struct exchange *x;
    struct text scheme, network, extension, pay_to;
    uint64_t offset;
    uint64_t limit;
    uint64_t seen; /* that passed the filters */
    struct x402_item *items;
    size_t count;
};

/** One of the offers is of this scheme, network and recipient. */
static bool accepts_fit(const struct listing *l, const struct json *accepts)
{
    if (l->scheme.len == 0 && l->network.len == 0 && l->pay_to.len == 0) {
        return true;
    }
    for (const struct json *j = accepts != NULL ? accepts->child : NULL; j != NULL; j = j->next) {
        if ((l->scheme.len == 0 || text_eq(member(j, "scheme"), l->scheme)) &&
            (l->network.len == 0 || text_eq(member(j, "network"), l->network)) &&
            (l->pay_to.len == 0 || host_eq(member(j, "payTo"), l->pay_to))) {
            return true;
        }
    }
    return false;
}

static bool fits(const struct listing *l, const struct x402_listed *row, struct arena *a)
{
    struct json *accepts = NULL;
    struct json *extensions = NULL;
    const struct x402_entry *o = &row->offer;
    if (o->accepts.len > 0 && json_parse(a, o->accepts, &accepts, NULL) != METE_OK) {
        return false;
    }
    if (o->extensions.len > 0 && json_parse(a, o->extensions, &extensions, NULL) != METE_OK) {
        extensions = NULL;
    }
    return accepts_fit(l, accepts) &&
           (l->extension.len == 0 || json_get_text(extensions, l->extension) != NULL);
}

static bool row_take(void *arg, const struct x402_listed *row)
{
    struct listing *l = arg;
    struct arena a;
    arena_init(&a, (size_t)16 << 20);
    const bool is_wanted = fits(l, row, &a);
    arena_clear(&a);
    if (is_wanted) {
        if (l->seen >= l->offset && l->count < l->limit) {
            item_of(&l->x->arena, row, &l->items[l->count++]);
        }
        l->seen++;
    }
    return true;
}

static bool listing_read(struct exchange *x, struct listing *l, struct x402_offers_query *q)
{
    *l = (struct listing){.x = x,
                          .scheme = exchange_query(x, "scheme"),
                          .network = exchange_query(x, "network"),
                          .extension = exchange_query(x, "extensions"),
                          .pay_to = exchange_query(x, "payTo"),
                          .limit = PAGE_DEFAULT};
    *q = (struct x402_offers_query){.type = exchange_query(x, "type"), .limit = PAGE_READ};
    if (!arg_number(x, "limit", 1, PAGE_MAX, &l->limit) ||
        !arg_number(x, "offset", 0, LISTED_MAX, &l->offset)) {
        return false;
    }
    l->items = arena_array(&x->arena, l->limit, sizeof *l->items);
    return true;
}

/** All of them are counted, one page of them is kept. */
static bool listing_fill(struct engine *e, struct listing *l, struct x402_offers_query *q)
{
    struct mete_err err;
    do {
        if (x402_offers(e, q, row_take, l, &q->after, &err) != METE_OK) {
            reply_problem(l->x, &err);
            return false;
        }
    } while (q->after != 0 && l->seen < LISTED_MAX);
    return true;
}

void x402_resources_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct listing l;
    struct x402_offers_query q;
    (void)d;
    if (!listing_read(x, &l, &q) || !listing_fill(e, &l, &q)) {
        return;
    }
    const struct x402_page page = {
        .items = l.items, .count = l.count, .limit = l.limit, .offset = l.offset, .total = l.seen};
    reply_body(x, 200, TYPE_JSON, (struct text){0});
    x402_resources_write(&x->out, &page);
}

void x402_search_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct listing l;
    struct x402_offers_query q;
    struct text cursor = exchange_query(x, "cursor");
    (void)d;
    if (!listing_read(x, &l, &q)) {
        return;
    }
    q.words = exchange_query(x, "query");
    if (q.words.len == 0 || (cursor.len > 0 && !text_number(cursor, 0, LISTED_MAX, &l.offset))) {
        reply_fail(x, METE_REQUEST_INVALID, NULL,
                   "query is the words to look for; cursor what the page before said");
        return;
    }
    if (!listing_fill(e, &l, &q)) {
        return;
    }
    const uint64_t next = l.offset + l.count;
    const struct x402_page page = {
        .items = l.items,
        .count = l.count,
        .limit = l.limit,
        .cursor = next < l.seen ? arena_printf(&x->arena, "%llu", (unsigned long long)next)
                                : (struct text){0}};
    reply_body(x, 200, TYPE_JSON, (struct text){0});
    x402_search_write(&x->out, &page);
}

/* --- registering -------------------------------------------------------------------------------*/

static struct text raw_member(const struct json *body, const char *name, enum json_type type,
                              bool *is_good)
{
    const struct json *j = json_get(body, name);
    if (j == NULL || j->type == JSON_NULL) {
        return (struct text){0};
    }
    *is_good = *is_good && j->type == type;
    return j->raw;
}

/** Metadata as it is kept: what breaks a rule is left out, and named in the answer. */
static struct text metadata_write(struct arena *a, const struct x402_resource *r)
{
    struct buf out = {0};
    struct json_writer w;
    const struct {
        const char *name;
        struct text value;
    } members[] = {{"description", r->description},
                   {"mimeType", r->mime_type},
                   {"serviceName", r->service_name},
                   {"iconUrl", r->icon_url}};
    jw_init(&w, &out, false);
    jw_object(&w, NULL);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (members[i].value.len > 0) {
            jw_text(&w, members[i].name, members[i].value);
        }
    }
    if (r->tag_count > 0) {
        jw_array(&w, "tags");
        for (size_t i = 0; i < r->tag_count; i++) {
            jw_text(&w, NULL, r->tags[i]);
        }
        jw_end_array(&w);
    }
    jw_end_object(&w);
    struct text kept = arena_text(a, buf_text(&out));
    buf_clear(&out);
    return kept;
}

struct registering {
    struct x402_entry entry;
    unsigned dropped;
};

/** A member of the entry, else of its metadata: other catalogues show an entry like that. */
static const struct json *said(const struct json *body, const char *name)
{
    const struct json *j = json_get(body, name);
    return j != NULL && j->type != JSON_NULL ? j : json_get(json_get(body, "metadata"), name);
}

static struct text said_text(const struct json *body, const char *name)
{
    const struct json *j = said(body, name);
    return j != NULL && j->type == JSON_STRING ? j->text : (struct text){0};
}

static bool entry_read(struct exchange *x, const struct json *body, struct registering *g)
{
    int64_t version = 2;
    bool is_good = true;
    const struct json *v = json_get(body, "x402Version");
    struct x402_resource r = {.description = said_text(body, "description"),
                              .mime_type = said_text(body, "mimeType"),
                              .service_name = said_text(body, "serviceName"),
                              .icon_url = said_text(body, "iconUrl")};
    tags_read(said(body, "tags"), &r);
    g->dropped = x402_metadata_clean(&r);
    g->entry =
        (struct x402_entry){.resource = member(body, "resource"),
                            .tool = member(body, "toolName"),
                            .type = member(body, "type"),
                            .accepts = raw_member(body, "accepts", JSON_ARRAY, &is_good),
                            .metadata = metadata_write(&x->arena, &r),
                            .extensions = raw_member(body, "extensions", JSON_OBJECT, &is_good)};
    if (g->entry.type.len == 0) {
        g->entry.type = TEXT("http");
    }
    if (v != NULL && !json_int(v, 1, 2, &version)) {
        reply_fail(x, METE_REQUEST_INVALID, "/x402Version", "x402Version is 1 or 2");
        return false;
    }
    if (!is_good || g->entry.resource.len == 0 || g->entry.accepts.len == 0) {
        reply_fail(x, METE_REQUEST_INVALID, NULL,
                   "an entry has resource (a URL), accepts (a list of payment requirements), and "
                   "may have type, toolName, x402Version, description, mimeType, serviceName, "
                   "tags, iconUrl (or these in an object metadata) and extensions (an object)");
        return false;
    }
    g->entry.version = (int)version;
    return true;
}

void x402_resource_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct json *body = body_object(x);
    struct registering *g = arena_alloc(&x->arena, sizeof *g);
    (void)d;
    (void)e;
    if (body == NULL || !entry_read(x, body, g)) {
        return;
    }
    /* what a facilitator saw in a payment yields to what somebody has registered */
    g->entry.seen = text_is(member(body, "source"), "seen");
    x->work = g;
}

void x402_resource_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct registering *g = x->work;
    struct mete_err err;
    struct json_writer w;
    struct buf dropped = {0};
    bool changed;
    (void)d;
    if (x402_offer_put(e, &g->entry, &changed, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    x402_dropped_write(&dropped, g->dropped);
    reply_json(x, changed ? 201 : 200, &w);
    jw_object(&w, NULL);
    jw_text(&w, "resource", g->entry.resource);
    jw_bool(&w, "changed", changed);
    jw_text(&w, "dropped", buf_text(&dropped));
    jw_end_object(&w);
    buf_clear(&dropped);
}

/* --- numbers -----------------------------------------------------------------------------------*/

void x402_analytics_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct x402_resource_stats s;
    struct mete_err err;
    struct json_writer w;
    char at[TIME_TEXT_MAX];
    struct text resource = exchange_query(x, "resource");
    (void)d;
    if (resource.len == 0) {
        reply_fail(x, METE_REQUEST_INVALID, NULL,
                   "resource is the URL that was paid for; GET /v1/x402/revenue?by=resource has "
                   "all of them");
        return;
    }
    if (x402_resource_stats(e, resource, &x->arena, &s, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_text(&w, "resource", resource);
    if (s.last_settled_at != 0) {
        time_format(s.last_settled_at, at);
        jw_str(&w, "last_settled_at", at);
    } else {
        jw_null(&w, "last_settled_at");
    }
    jw_int(&w, "days", s.days);
    jw_int(&w, "settlements", (int64_t)s.settlements);
    jw_int(&w, "failures", (int64_t)s.failures);
    jw_int(&w, "payers", (int64_t)s.payers);
    jw_array(&w, "volume");
    for (size_t i = 0; i < s.row_count; i++) {
        const struct x402_revenue_row *r = &s.row[i];
        jw_object(&w, NULL);
        jw_text(&w, "network", r->network);
        jw_str(&w, "code", r->asset.code);
        jw_int(&w, "scale", r->asset.scale);
        jw_i128(&w, "value", r->value);
        jw_int(&w, "settlements", (int64_t)r->settlements);
        jw_end_object(&w);
    }
    jw_end_array(&w);
    jw_end_object(&w);
}

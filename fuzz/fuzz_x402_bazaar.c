/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as {"resource","extensions","outputSchema"}, of which a payment says what it pays for,
 * and, behind a first byte 1, as a route template. What is found may be shown. */
#include "base/text.h"
#include "wire/form.h"
#include "wire/url.h"
#include "wire/x402/discovery.h"
#include "wire/x402/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_shown(const struct x402_discovered *d)
{
    struct x402_resource r = d->resource;
    struct url u;
    METE_ASSERT(x402_metadata_clean(&r) == 0); /* nothing is left to drop */
    METE_ASSERT(r.tag_count == d->resource.tag_count && r.tag_count <= X402_TAGS_MAX);
    METE_ASSERT(r.service_name.len <= X402_SERVICE_NAME_MAX);
    METE_ASSERT(text_is_line(d->url) && d->url.len > 0);
    METE_ASSERT(d->route_template.len == 0 || x402_route_template_ok(d->route_template));
    METE_ASSERT(d->is_mcp || d->url.len > URL_LEN_MAX || url_read(d->url, &u) == NULL);
    METE_ASSERT(!d->is_mcp || (d->tool_name.len > 0 && d->tool_name.len <= X402_TOOL_NAME_MAX));
}

static void check_found(struct arena *a, const struct x402_discovered *d)
{
    struct json *info, *extension;
    struct buf out = {0};
    check_shown(d);
    METE_ASSERT(json_parse(a, d->info, &info, NULL) == METE_OK);
    METE_ASSERT(json_parse(a, d->extension, &extension, NULL) == METE_OK);
    METE_ASSERT(x402_schema_check(json_get(extension, "schema"), json_get(extension, "info"),
                                  NULL) == METE_OK);
    const struct x402_item item = {.is_mcp = d->is_mcp,
                                   .version = d->version,
                                   .resource = d->resource,
                                   .extensions = d->extension,
                                   .updated = TEXT("2026-01-01T00:00:00Z")};
    const struct x402_page page = {.items = &item, .count = 1, .limit = 20, .total = 1};
    x402_resources_write(&out, &page);
    METE_ASSERT(json_parse(a, arena_text(a, buf_text(&out)), &info, NULL) == METE_OK ||
                out.len > d->extension.len);
    buf_clear(&out);
}

static void check(int version, struct text in)
{
    struct arena a, b; /* a: of the size that is promised to be enough */
    struct json *j;
    struct x402_discovered d;
    struct mete_err err = {0};
    arena_init(&a, X402_ARENA_MAX(in.len));
    arena_init(&b, (size_t)16 * X402_ARENA_MAX(in.len));
    if (x402_body_read(&a, in, &j, NULL) == METE_OK) {
        const struct x402_payload p = {.version = version,
                                       .resource = json_get(j, "resource"),
                                       .extensions = json_get(j, "extensions"),
                                       .json = j};
        const struct x402_requirements r = {.version = version,
                                            .resource = TEXT("https://a.example/x"),
                                            .output_schema = json_get(j, "outputSchema")};
        enum x402_discovery found = x402_discovery_read(&a, &p, &r, &d, &err);
        if (found == X402_DISCOVERY_FOUND) {
            check_found(&b, &d);
        } else if (found == X402_DISCOVERY_REJECTED) {
            METE_ASSERT(err.text[0] != '\0' && text_is_utf8(text_of(err.text)));
            METE_ASSERT(text_is_utf8(text_of(err.pointer)));
        }
    }
    arena_clear(&a);
    arena_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct text in = bytes_text((struct bytes){data + 1, size - 1});
    if (data[0] == 1) {
        (void)x402_route_template_ok(in);
        return 0;
    }
    check(1, in);
    check(2, in);
    return 0;
}

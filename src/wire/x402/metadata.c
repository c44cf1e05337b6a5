/* SPDX-License-Identifier: Apache-2.0
 * What may be shown of a resource that a stranger described. */
#include <string.h>

#include "base/encode.h"
#include "base/text.h"
#include "wire/form.h"
#include "wire/url.h"
#include "wire/x402/catalogue.h"

#define MIME_TYPE_MAX 255 /* bytes */
/* Of a route template; what is still encoded then hides something. The official packages go as far,
 * so that both name an item alike. */
#define DECODE_PASSES 4

static const char *const DROPPED_NAMES[] = {"serviceName",   "tags",        "iconUrl",
                                            "routeTemplate", "description", "mimeType"};

void x402_dropped_write(struct buf *out, unsigned dropped)
{
    bool is_later = false;
    for (size_t i = 0; i < ARRAY_LEN(DROPPED_NAMES); i++) {
        if ((dropped >> i & 1u) != 0) {
            buf_put_str(out, is_later ? ", " : "");
            buf_put_str(out, DROPPED_NAMES[i]);
            is_later = true;
        }
    }
}

static bool is_printable_ascii(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] < 0x20 || t.p[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

static bool is_label(struct text t)
{
    return t.len > 0 && t.len <= X402_SERVICE_NAME_MAX && is_printable_ascii(t);
}

/* Lines of text with line feeds and tabs between. */
static bool is_prose(struct text t)
{
    size_t from = 0;
    for (size_t i = 0; t.len > 0 && i <= t.len; i++) {
        if (i == t.len || t.p[i] == '\n' || t.p[i] == '\r' || t.p[i] == '\t') {
            if (!text_is_line((struct text){t.p + from, i - from})) {
                return false;
            }
            from = i + 1;
        }
    }
    return t.len <= X402_DISCOVERED_TEXT_MAX;
}

static bool host_ends(struct text host, const char *with)
{
    struct text end = text_of(with);
    return host.len >= end.len && host_eq((struct text){host.p + host.len - end.len, end.len}, end);
}

static bool is_icon_url(struct text t)
{
    struct url u;
    return t.len > 0 && t.len <= X402_ICON_URL_MAX && url_read(t, &u) == NULL &&
           host_is_domain(u.host) && !host_ends(u.host, ".localhost") &&
           !host_ends(u.host, ".localdomain");
}

static bool tag_is_new(const struct x402_resource *r, struct text tag)
{
    for (size_t i = 0; i < r->tag_count; i++) {
        if (host_eq(r->tags[i], tag)) {
            return false;
        }
    }
    return r->tag_count < X402_TAGS_MAX;
}

bool x402_tag_add(struct x402_resource *r, struct text tag)
{
    if (!is_label(tag) || !tag_is_new(r, tag)) {
        return false;
    }
    r->tags[r->tag_count++] = tag;
    return true;
}

static unsigned drop_unless(bool ok, struct text *t, unsigned flag)
{
    if (t->len == 0 || ok) {
        return 0;
    }
    *t = TEXT("");
    return flag;
}

unsigned x402_metadata_clean(struct x402_resource *r)
{
    struct x402_resource given = *r;
    unsigned dropped = 0;
    r->tag_count = 0;
    for (size_t i = 0; i < given.tag_count; i++) {
        dropped |= x402_tag_add(r, given.tags[i]) ? 0 : X402_DROPPED_TAGS;
    }
    dropped |= drop_unless(is_label(r->service_name), &r->service_name, X402_DROPPED_SERVICE_NAME);
    dropped |= drop_unless(is_icon_url(r->icon_url), &r->icon_url, X402_DROPPED_ICON_URL);
    dropped |= drop_unless(is_prose(r->description), &r->description, X402_DROPPED_DESCRIPTION);
    bool is_mime = r->mime_type.len <= MIME_TYPE_MAX && is_printable_ascii(r->mime_type);
    dropped |= drop_unless(is_mime, &r->mime_type, X402_DROPPED_MIME_TYPE);
    return dropped;
}

static bool is_template_character(char c)
{
    return char_is_letter(c) || char_is_digit(c) || (c != '\0' && strchr("_/:.-~%", c) != NULL);
}

/* One pass of percent-decoding in place; false on a '%' without two digits, or no UTF-8. */
static bool decode_once(char *p, size_t *len)
{
    size_t to = 0;
    for (size_t from = 0; from < *len; from++) {
        uint8_t byte = (uint8_t)p[from];
        if (p[from] == '%') {
            if (*len - from < 3 || !hex_decode(&byte, 1, (struct text){p + from + 1, 2})) {
                return false;
            }
            from += 2;
        }
        p[to++] = (char)byte;
    }
    *len = to;
    return text_is_utf8((struct text){p, to});
}

static bool contains(struct text t, const char *part)
{
    return memmem(t.p, t.len, part, strlen(part)) != NULL;
}

bool x402_route_template_ok(struct text t)
{
    char decoded[X402_ROUTE_TEMPLATE_MAX];
    size_t len = t.len, passes = 0;
    if (t.len < 2 || t.len > sizeof decoded || t.p[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < t.len; i++) {
        if (!is_template_character(t.p[i])) {
            return false;
        }
    }
    memcpy(decoded, t.p, t.len);
    while (memchr(decoded, '%', len) != NULL) {
        if (passes++ == DECODE_PASSES || !decode_once(decoded, &len)) {
            return false;
        }
    }
    struct text plain = {decoded, len};
    return !contains(plain, "..") && !contains(plain, "://");
}

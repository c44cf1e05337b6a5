/* SPDX-License-Identifier: Apache-2.0
 * Reading them: structured fields (RFC 8941) as far as they are needed, and the signature base
 * (RFC 9421, 2.5). What is not understood makes a signature unusable, never weaker. */
#include "http/message_signature.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/hash.h"

#include <ctype.h>
#include <string.h>

#define DIGITS_MAX  15                     /* RFC 8941: of an integer */
#define SECONDS_MAX INT64_C(1000000000000) /* some 30,000 years */

/* --- structured fields -------------------------------------------------------------------------*/

struct scan {
    const char *p;
    const char *end;
};

static bool at(const struct scan *s, char c)
{
    return s->p < s->end && *s->p == c;
}

static bool take(struct scan *s, char c)
{
    bool there = at(s, c);
    s->p += there;
    return there;
}

static void spaces(struct scan *s, bool tabs)
{
    while (at(s, ' ') || (tabs && at(s, '\t'))) {
        s->p++;
    }
}

static bool is_one_of(char c, const char *more)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != '\0' && strchr(more, c));
}

static bool key_take(struct scan *s, struct text *out)
{
    const char *begin = s->p;
    if (s->p == s->end || !((*s->p >= 'a' && *s->p <= 'z') || *s->p == '*')) {
        return false;
    }
    while (s->p < s->end && is_one_of(*s->p, "_-.*")) {
        s->p++;
    }
    *out = (struct text){begin, (size_t)(s->p - begin)};
    return true;
}

/** Without its quotes; one with an escape is not taken: no name that counts here has any. */
static bool string_take(struct scan *s, struct text *out)
{
    if (!take(s, '"')) {
        return false;
    }
    const char *begin = s->p;
    while (s->p < s->end && *s->p != '"' && *s->p != '\\' && *s->p >= ' ' && *s->p < 0x7f) {
        s->p++;
    }
    *out = (struct text){begin, (size_t)(s->p - begin)};
    return take(s, '"');
}

static bool integer_take(struct scan *s, int64_t *out)
{
    bool minus = take(s, '-');
    const char *begin = s->p;
    *out = 0;
    while (s->p < s->end && isdigit((unsigned char)*s->p) && s->p - begin < DIGITS_MAX) {
        *out = *out * 10 + (*s->p++ - '0');
    }
    *out = minus ? -*out : *out;
    return s->p > begin && !at(s, '.') && (s->p == s->end || !isdigit((unsigned char)*s->p));
}

/** A byte sequence, its base64 text. */
static bool bytes_take(struct scan *s, struct text *out)
{
    if (!take(s, ':')) {
        return false;
    }
    const char *begin = s->p;
    while (s->p < s->end && *s->p != ':') {
        s->p++;
    }
    *out = (struct text){begin, (size_t)(s->p - begin)};
    return take(s, ':');
}

/** Between two members of a dictionary; false: there is none, and `s` is at its end if it is well
 *  formed. */
static bool comma_take(struct scan *s)
{
    spaces(s, true);
    bool there = take(s, ',');
    spaces(s, true);
    return there && s->p < s->end;
}

/* --- the request's fields ----------------------------------------------------------------------*/

static struct text trimmed(struct text t)
{
    while (t.len > 0 && strchr(" \t\r\n", t.p[0]) != NULL) {
        t.p++;
        t.len--;
    }
    while (t.len > 0 && strchr(" \t\r\n", t.p[t.len - 1]) != NULL) {
        t.len--;
    }
    return t;
}

static bool name_is(struct text got, struct text wanted)
{
    return got.len == wanted.len && strncasecmp(got.p, wanted.p, got.len) == 0;
}

/** All lines of a field as one. False: there is none. */
static bool field_join(const struct exchange *x, struct text name, struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < x->header_count; i++) {
        if (name_is(x->header[i].name, name)) {
            buf_put_str(out, any ? ", " : "");
            buf_put_text(out, trimmed(x->header[i].value));
            any = true;
        }
    }
    return any;
}

static struct text field_of(struct exchange *x, const char *name)
{
    struct buf out = {0};
    bool any = field_join(x, text_of(name), &out);
    struct text joined = any ? arena_text(&x->arena, buf_text(&out)) : (struct text){0};
    buf_clear(&out);
    return joined;
}

/* --- Content-Digest ----------------------------------------------------------------------------*/

/** False: it is one that is known, and does not fit. *known is set when it is. */
static bool digest_fits(struct text alg, struct text base64, struct bytes body, bool *known)
{
    uint8_t wanted[SHA512_LEN];
    uint8_t given[SHA512_LEN];
    size_t len = 0;
    if (text_is(alg, "sha-256")) {
        struct hash h = sha256(body);
        memcpy(wanted, h.b, sizeof h.b);
        len = sizeof h.b;
    } else if (text_is(alg, "sha-512")) {
        sha512(wanted, body);
        len = sizeof wanted;
    } else {
        return true;
    }
    size_t given_len = 0;
    *known = true;
    return base64_decode(given, sizeof given, &given_len, base64) && given_len == len &&
           memcmp(given, wanted, len) == 0;
}

/** NULL: a digest that is known is there, and all that are known fit. */
static const char *digest_flaw(struct exchange *x)
{
    struct text field = field_of(x, "Content-Digest");
    bool known = false;
    if (field.p == NULL) {
        return "there is no Content-Digest";
    }
    struct scan s = {field.p, field.p + field.len};
    do {
        struct text alg;
        struct text value;
        if (!key_take(&s, &alg) || !take(&s, '=') || !bytes_take(&s, &value)) {
            return "Content-Digest cannot be read";
        }
        if (!digest_fits(alg, value, buf_bytes(&x->body), &known)) {
            return "Content-Digest does not fit the body";
        }
    } while (comma_take(&s));
    return s.p != s.end ? "Content-Digest cannot be read"
           : known      ? NULL
                        : "Content-Digest has neither sha-256 nor sha-512";
}

/* --- the signature base ------------------------------------------------------------------------*/

static struct text path_of(const struct exchange *x)
{
    return x->path.len > 0 ? x->path : TEXT("/");
}

/** "?" and what follows it, as it was sent; "?" alone when there is none. */
static struct text query_of(const struct exchange *x)
{
    const char *mark = x->target.len > 0 ? memchr(x->target.p, '?', x->target.len) : NULL;
    return mark != NULL ? (struct text){mark, x->target.len - (size_t)(mark - x->target.p)}
                        : TEXT("?");
}

static bool has_query(const struct exchange *x)
{
    return x->target.len > 0 && memchr(x->target.p, '?', x->target.len) != NULL;
}

/** Lower case, without the port that the scheme has by itself. */
static void authority_put(const struct exchange *x, bool tls, struct buf *out)
{
    static const char *const ports[] = {":80", ":443"};
    struct text host = trimmed(exchange_header(x, "Host"));
    size_t port = strlen(ports[tls]);
    if (host.len > port && memcmp(host.p + host.len - port, ports[tls], port) == 0) {
        host.len -= port;
    }
    for (size_t i = 0; i < host.len; i++) {
        char c = host.p[i];
        buf_put_u8(out, (uint8_t)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c));
    }
}

static void target_put(const struct exchange *x, bool tls, struct buf *out)
{
    buf_put_str(out, tls ? "https://" : "http://");
    authority_put(x, tls, out);
    buf_put_text(out, path_of(x));
    if (has_query(x)) {
        buf_put_text(out, query_of(x));
    }
}

/* A signature while it is read. */
struct reading {
    struct exchange *x;
    struct message_signature *m;
    struct text component[MESSAGE_COMPONENTS_MAX];
    size_t components;
    struct buf params; /* the serialized @signature-params */
};

static bool component_put(const struct exchange *x, struct text name, bool tls, struct buf *out)
{
    buf_printf(out, "\"%.*s\": ", (int)name.len, name.p);
    if (text_is(name, "@method")) {
        buf_put_text(out, x->method);
    } else if (text_is(name, "@path")) {
        buf_put_text(out, path_of(x));
    } else if (text_is(name, "@query")) {
        buf_put_text(out, query_of(x));
    } else if (text_is(name, "@authority")) {
        authority_put(x, tls, out);
    } else if (text_is(name, "@scheme")) {
        buf_put_str(out, tls ? "https" : "http");
    } else if (text_is(name, "@target-uri")) {
        target_put(x, tls, out);
    } else if (text_is(name, "@request-target")) {
        buf_put_text(out, x->target);
    } else if (name.len == 0 || name.p[0] == '@' || !field_join(x, name, out)) {
        return false;
    }
    buf_put_u8(out, '\n');
    return true;
}

/** p NULL: a component is not there, or not known. */
static struct text base_of(const struct reading *r, bool tls)
{
    struct buf out = {0};
    struct text base = {0};
    bool good = true;
    for (size_t i = 0; i < r->components && good; i++) {
        good = component_put(r->x, r->component[i], tls, &out);
    }
    if (good) {
        buf_put_str(&out, "\"@signature-params\": ");
        buf_put_text(&out, buf_text(&r->params));
        base = arena_text(&r->x->arena, buf_text(&out));
    }
    buf_clear(&out);
    return base;
}

static bool covers(const struct reading *r, const char *name)
{
    for (size_t i = 0; i < r->components; i++) {
        if (text_is(r->component[i], name)) {
            return true;
        }
    }
    return false;
}

/** What a signature must cover here, so that nothing that matters can be put under it. */
static const char *lacking(const struct reading *r)
{
    bool target = covers(r, "@target-uri") || covers(r, "@request-target");
    if (!covers(r, "@method")) {
        return "@method";
    }
    if (!target && !covers(r, "@path")) {
        return "@path or @target-uri";
    }
    if (!target && has_query(r->x) && !covers(r, "@query")) {
        return "@query or @target-uri";
    }
    if (!covers(r, "content-digest")) {
        return "content-digest";
    }
    return r->m->created == TIME_NEVER ? "created" : NULL;
}

/* --- Signature-Input ---------------------------------------------------------------------------*/

/** ("a" "b"): names without parameters, each once. */
static bool components_take(struct scan *s, struct reading *r)
{
    if (!take(s, '(')) {
        return false;
    }
    buf_put_u8(&r->params, '(');
    for (spaces(s, false); !at(s, ')'); spaces(s, false)) {
        struct text name;
        if (r->components == MESSAGE_COMPONENTS_MAX || !string_take(s, &name) ||
            !(at(s, ' ') || at(s, ')'))) {
            return false;
        }
        for (size_t i = 0; i < r->components; i++) {
            if (text_eq(r->component[i], name)) {
                return false;
            }
        }
        buf_printf(&r->params, "%s\"%.*s\"", r->components > 0 ? " " : "", (int)name.len, name.p);
        r->component[r->components++] = name;
    }
    buf_put_u8(&r->params, ')');
    return take(s, ')');
}

static bool moment_take(struct scan *s, struct reading *r, mete_time *out)
{
    int64_t seconds;
    if (!integer_take(s, &seconds) || seconds < 0 || seconds > SECONDS_MAX) {
        return false;
    }
    *out = seconds * TIME_SECOND_US;
    buf_printf(&r->params, "%lld", (long long)seconds);
    return true;
}

static bool words_take(struct scan *s, struct reading *r, struct text *out)
{
    if (!string_take(s, out)) {
        return false;
    }
    buf_printf(&r->params, "\"%.*s\"", (int)out->len, out->p);
    return true;
}

/** ;created=1;keyid="k": those that RFC 9421 names. */
static bool params_take(struct scan *s, struct reading *r)
{
    struct message_signature *m = r->m;
    struct text unused;
    while (take(s, ';')) {
        struct text key;
        spaces(s, false);
        if (!key_take(s, &key) || !take(s, '=')) {
            return false;
        }
        buf_printf(&r->params, ";%.*s=", (int)key.len, key.p);
        bool good = text_is(key, "created")                        ? moment_take(s, r, &m->created)
                    : text_is(key, "expires")                      ? moment_take(s, r, &m->expires)
                    : text_is(key, "keyid")                        ? words_take(s, r, &m->key_id)
                    : text_is(key, "alg")                          ? words_take(s, r, &m->alg)
                    : text_is(key, "nonce") || text_is(key, "tag") ? words_take(s, r, &unused)
                                                                   : false;
        if (!good) {
            return false;
        }
    }
    return true;
}

/** The value of a label in Signature; false: none that could be one. */
static bool value_find(struct text field, struct text label, struct message_signature *m)
{
    struct scan s = {field.p, field.p + field.len};
    do {
        struct text key;
        struct text value;
        if (!key_take(&s, &key) || !take(&s, '=') || !bytes_take(&s, &value)) {
            return false;
        }
        if (text_eq(key, label)) {
            return base64_decode(m->value, sizeof m->value, &m->len, value);
        }
    } while (comma_take(&s));
    return false;
}

/** One member of Signature-Input. False: the field cannot be read. *usable: it is well formed, and
 *  has a value and all that it covers. */
static bool signature_take(struct scan *s, struct exchange *x, struct message_signature *m,
                           bool *usable)
{
    struct reading r = {.x = x, .m = m};
    struct text label;
    *m = (struct message_signature){.created = TIME_NEVER, .expires = TIME_NEVER};
    *usable = false;
    bool good = key_take(s, &label) && take(s, '=') && components_take(s, &r) && params_take(s, &r);
    if (good && value_find(field_of(x, "Signature"), label, m)) {
        bool scheme =
            covers(&r, "@target-uri") || covers(&r, "@scheme") || covers(&r, "@authority");
        m->base = base_of(&r, x->is_tls);
        m->other = scheme ? base_of(&r, !x->is_tls) : (struct text){0};
        m->lacks = lacking(&r);
        *usable = m->base.p != NULL;
    }
    buf_clear(&r.params);
    return good;
}

struct message_signatures *message_signatures_read(struct exchange *x)
{
    struct text field = field_of(x, "Signature-Input");
    if (field.p == NULL) {
        return NULL;
    }
    struct scan s = {field.p, field.p + field.len};
    struct message_signatures *all = arena_alloc(&x->arena, sizeof *all);
    do {
        bool usable;
        if (!signature_take(&s, x, &all->one[all->count], &usable)) {
            all->broken = "Signature-Input cannot be read";
            return all;
        }
        all->count += usable;
    } while (comma_take(&s) && all->count < MESSAGE_SIGNATURES_MAX);
    all->broken = all->count == 0 ? "no signature has a value, and fields for all that it covers"
                                  : digest_flaw(x);
    return all;
}

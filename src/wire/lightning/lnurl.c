/* SPDX-License-Identifier: Apache-2.0
 * Names of payees: Lightning addresses and lnurl1..., and the URLs they stand for. */
#include "wire/lightning/lnurl.h"

#include "base/text.h"
#include "wire/bech32.h"
#include "wire/lightning/lnurl_parts.h"

#include <string.h>

enum mete_code lnurl_url_read(struct text in, unsigned switches, struct url *out,
                              const char *pointer, struct mete_err *err)
{
    const char *flaw = url_read(in, out);
    if (flaw == NULL && (switches & LNURL_TAKES_LOCAL) == 0) {
        if (!host_is_domain(out->host)) {
            flaw = "its host is no domain";
        } else if (!out->is_https && !host_is_onion(out->host)) {
            flaw = "http is only for .onion, everything else needs https";
        }
    }
    return flaw == NULL ? METE_OK
                        : mete_fail(err, METE_LNURL_INVALID, pointer, "not a usable URL: %s", flaw);
}

static bool is_user_char(char c, unsigned switches)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
           (c == '+' && (switches & LNURL_TAKES_PLUS) != 0);
}

static enum mete_code user_read(struct text user, unsigned switches, struct mete_err *err)
{
    for (size_t i = 0; i < user.len; i++) {
        if (!is_user_char(user.p[i], switches)) {
            return mete_fail(err, METE_LNURL_INVALID, "",
                             "byte %zu: before the @ only a-z 0-9 - _ . are allowed, in lower case",
                             i + 1);
        }
    }
    if (user.len == 0 || user.len > LIGHTNING_USER_MAX) {
        return mete_fail(err, METE_LNURL_INVALID, "", "1 to %d bytes before the @, not %zu",
                         LIGHTNING_USER_MAX, user.len);
    }
    /* as a segment of a path these two would lead elsewhere */
    if (text_is(user, ".") || text_is(user, "..")) {
        return mete_fail(err, METE_LNURL_INVALID, "", "no name before the @");
    }
    return METE_OK;
}

static bool has_upper(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] >= 'A' && t.p[i] <= 'Z') {
            return true;
        }
    }
    return false;
}

/* host:port, an address or a bare name: whatever makes a URL of which nothing but the host is new.
 */
static bool is_local_host(const struct lightning_address *address)
{
    struct buf b = {0};
    struct url url;
    buf_put_str(&b, "http://");
    buf_put_text(&b, address->host);
    bool is_good = url_read(buf_text(&b), &url) == NULL && url.path.len == 0 && !url.has_query &&
                   memchr(address->host.p, '#', address->host.len) == NULL;
    buf_clear(&b);
    return is_good;
}

static enum mete_code host_read(const struct lightning_address *address, unsigned switches,
                                struct mete_err *err)
{
    bool is_good = host_is_domain(address->host) && !has_upper(address->host);
    if (!is_good && (switches & LNURL_TAKES_LOCAL) != 0) {
        is_good = is_local_host(address);
    }
    return is_good
               ? METE_OK
               : mete_fail(err, METE_LNURL_INVALID, "",
                           "after the @ a domain in lower case is expected, such as example.com");
}

enum mete_code lightning_address_read(struct text in, unsigned switches,
                                      struct lightning_address *out, struct mete_err *err)
{
    const char *at = in.len == 0 ? NULL : memchr(in.p, '@', in.len);
    memset(out, 0, sizeof(*out));
    if (at == NULL) {
        return mete_fail(err, METE_LNURL_INVALID, "", "a Lightning address is user@domain");
    }
    out->user = (struct text){in.p, (size_t)(at - in.p)};
    out->host = (struct text){at + 1, in.len - out->user.len - 1};
    enum mete_code code = user_read(out->user, switches, err);
    return code == METE_OK ? host_read(out, switches, err) : code;
}

void lightning_address_url(struct buf *out, const struct lightning_address *address,
                           unsigned switches)
{
    bool is_local = (switches & LNURL_TAKES_LOCAL) != 0 && !host_is_domain(address->host);
    buf_put_str(out, is_local || host_is_onion(address->host) ? "http://" : "https://");
    buf_put_text(out, address->host);
    buf_put_str(out, "/.well-known/lnurlp/");
    buf_put_text(out, address->user);
}

static bool begins(struct text t, struct text with)
{
    return t.len >= with.len && host_eq((struct text){t.p, with.len}, with);
}

struct text lnurl_find(struct text in)
{
    const struct text scheme = TEXT("lightning:");
    const struct text key = TEXT("lightning=");
    if (begins(in, scheme)) {
        return (struct text){in.p + scheme.len, in.len - scheme.len};
    }
    struct url url;
    if (url_read(in, &url) != NULL) {
        return in;
    }
    for (struct text rest = url.query; rest.len > 0;) {
        const char *end = memchr(rest.p, '&', rest.len);
        size_t len = end == NULL ? rest.len : (size_t)(end - rest.p);
        if (begins((struct text){rest.p, len}, key)) {
            return (struct text){rest.p + key.len, len - key.len};
        }
        size_t skip = len + (end != NULL);
        rest = (struct text){rest.p + skip, rest.len - skip};
    }
    return in;
}

enum mete_code lnurl_read(struct arena *a, struct text in, unsigned switches, struct text *url,
                          struct mete_err *err)
{
    struct bech32 b;
    struct url parts;
    if (in.len > LNURL_TEXT_MAX) {
        return mete_fail(err, METE_LNURL_INVALID, "", "it is longer than %d characters",
                         LNURL_TEXT_MAX);
    }
    enum bech32_flaw flaw = bech32_decode(a, in, &b);
    if (flaw != BECH32_OK) {
        return mete_fail(err, METE_LNURL_INVALID, "", "%s", bech32_flaw_text(flaw));
    }
    if (!text_is(b.prefix, "lnurl")) {
        return mete_fail(err, METE_LNURL_INVALID, "", "it does not begin with lnurl1");
    }
    struct buf bytes = {0};
    bool is_good = symbols_to_bytes(&bytes, b.symbols);
    *url = arena_text(a, buf_text(&bytes));
    buf_clear(&bytes);
    if (!is_good) {
        return mete_fail(err, METE_LNURL_INVALID, "", "it is not filled up with zero bits");
    }
    return lnurl_url_read(*url, switches, &parts, "", err);
}

void lnurl_write(struct buf *out, struct text url)
{
    struct buf symbols = {0};
    symbols_of_bytes(&symbols, text_bytes(url));
    bech32_encode(out, TEXT("lnurl"), buf_bytes(&symbols));
    buf_clear(&symbols);
}

/* SPDX-License-Identifier: Apache-2.0
 * The section [lightning] of the settings. What would be unsafe is refused here, with the way to
 * mend it, before anything is asked of anybody. */
#include "rails/lightning/parts.h"

#include "base/text.h"
#include "crypto/seal.h"
#include "rails/secret_file.h"
#include "wire/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_MAX (2 * LIGHTNING_SECRET_MAX + 100) /* bytes */

static const struct node_kind *const nodes[] = {&node_cln, &node_lnd, &node_phoenixd, &node_lnbits};

const struct node_kind *node_kind_of(const char *name)
{
    for (size_t i = 0; name != NULL && i < ARRAY_LEN(nodes); i++) {
        if (strcmp(nodes[i]->name, name) == 0) {
            return nodes[i];
        }
    }
    return NULL;
}

static char *copy(struct text t)
{
    char *out = strndup(t.p, t.len);
    METE_ASSERT(out != NULL);
    return out;
}

/** NULL also when it is empty. */
static const char *setting(const struct rail_config *c, const char *name)
{
    const char *value = c->get(c->ctx, name);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

static bool number_read(const char *text, uint64_t max, uint64_t *out)
{
    u128 n;
    if (!u128_parse(text_of(text), &n) || n > max) {
        return false;
    }
    *out = (uint64_t)n;
    return true;
}

static enum mete_code number(const struct rail_config *c, const char *name, uint64_t range[2],
                             uint64_t *value, struct mete_err *err)
{
    const char *text = setting(c, name);
    uint64_t n = *value;
    if (text != NULL && (!number_read(text, range[1], &n) || n < range[0])) {
        return mete_fail(err, METE_USAGE, "",
                         "[lightning] %s: a whole number from %llu to %llu is expected", name,
                         (unsigned long long)range[0], (unsigned long long)range[1]);
    }
    *value = n;
    return METE_OK;
}

static enum mete_code yes_or_no(const struct rail_config *c, const char *name, bool *value,
                                struct mete_err *err)
{
    const char *text = setting(c, name);
    if (text == NULL) {
        return METE_OK;
    }
    *value = strcmp(text, "yes") == 0;
    return *value || strcmp(text, "no") == 0
               ? METE_OK
               : mete_fail(err, METE_USAGE, "", "[lightning] %s is yes or no", name);
}

/* --- the node's key ----------------------------------------------------------------------------*/

static enum mete_code auth_read(struct lightning_settings *s, const struct rail_config *c,
                                struct mete_err *err)
{
    const char *name = s->node->key_setting;
    const char *path = setting(c, name);
    if (path == NULL) {
        return mete_fail(err, METE_USAGE, "",
                         "[lightning] %s is missing: the file with the key of %s", name,
                         s->node->name);
    }
    struct secret_file file;
    struct buf header = {0};
    struct mete_err unread;
    if (secret_file_read(&file, path, LIGHTNING_SECRET_MAX, &unread) != METE_OK) {
        return mete_fail(err, METE_USAGE, "", "[lightning] %s: %s", name, unread.text);
    }
    buf_reserve(&header, HEADER_MAX); /* it never moves, so that one place is to be wiped */
    const char *wrong = s->node->auth(&header, (struct text){file.text, file.len});
    if (wrong == NULL) {
        s->auth = secret_text(buf_text(&header));
    }
    secret_file_clear(&file);
    secret_wipe(header.p, header.cap);
    buf_clear(&header);
    return wrong == NULL ? METE_OK
                         : mete_fail(err, METE_USAGE, "", "[lightning] %s: %s", name, wrong);
}

/* --- the rest ----------------------------------------------------------------------------------*/

static enum mete_code url_setting(struct lightning_settings *s, const struct rail_config *c,
                                  struct mete_err *err)
{
    struct url url;
    struct text text = text_of(setting(c, "url"));
    if (text.len == 0) {
        return mete_fail(err, METE_USAGE, "", "[lightning] url is missing: where %s listens",
                         s->node->name);
    }
    const char *wrong = url_read(text, &url);
    if (wrong != NULL || url.has_query || memchr(text.p, '#', text.len) != NULL) {
        return mete_fail(err, METE_USAGE, "", "[lightning] url %s",
                         wrong != NULL ? wrong : "has a query or a fragment");
    }
    if (!url.is_https && !host_is_loopback(url.host)) {
        return mete_fail(err, METE_USAGE, "",
                         "[lightning] url: the key would travel in the clear; use https, or "
                         "http to 127.0.0.1 alone");
    }
    while (text.p[text.len - 1] == '/') {
        text.len--;
    }
    s->url = copy(text);
    return METE_OK;
}

static enum mete_code file_setting(const struct rail_config *c, const char *name, char **out,
                                   struct mete_err *err)
{
    const char *path = setting(c, name);
    if (path == NULL) {
        return METE_OK;
    }
    if (access(path, R_OK) != 0) {
        return mete_fail(err, METE_USAGE, "", "[lightning] %s: the file cannot be read", name);
    }
    *out = copy(text_of(path));
    return METE_OK;
}

/** "1", "0.25": percent with up to four decimals, as parts of a million. */
static bool percent_read(const char *text, uint32_t *ppm)
{
    const char *dot = strchr(text, '.');
    const struct text whole = {text, dot != NULL ? (size_t)(dot - text) : strlen(text)};
    u128 units = 0;
    u128 parts = 0;
    if (!u128_parse(whole, &units) || units > 100) {
        return false;
    }
    if (dot != NULL) {
        const struct text decimals = text_of(dot + 1);
        if (decimals.len > 4 || !u128_parse(decimals, &parts)) {
            return false;
        }
        parts *= u128_pow10(4 - (unsigned)decimals.len);
    }
    *ppm = (uint32_t)(units * 10000 + parts);
    return *ppm <= 1000000;
}

static enum mete_code bounds_read(struct lightning_settings *s, const struct rail_config *c,
                                  struct mete_err *err)
{
    uint64_t base = 10, delay = 1008, pay = 30;
    const char *percent = setting(c, "fee_percent");
    s->fee_ppm = 10000;
    if (percent != NULL && !percent_read(percent, &s->fee_ppm)) {
        return mete_fail(
            err, METE_USAGE, "",
            "[lightning] fee_percent: 0 to 100 with at most four decimals, such as 0.5");
    }
    enum mete_code code = number(c, "fee_base_sat", (uint64_t[]){0, 1000000}, &base, err);
    if (code == METE_OK) {
        code = number(c, "max_delay_blocks", (uint64_t[]){40, BOLT11_CLTV_MAX}, &delay, err);
    }
    if (code == METE_OK) {
        code = number(c, "pay_timeout_s", (uint64_t[]){5, LIGHTNING_PAY_S_MAX}, &pay, err);
    }
    s->fee_base_msat = base * 1000;
    s->max_delay = (unsigned)delay;
    s->pay_s = (unsigned)pay;
    return code;
}

static enum mete_code network_read(struct lightning_settings *s, const struct rail_config *c,
                                   struct mete_err *err)
{
    const char *name = setting(c, "network");
    s->network = BOLT11_BITCOIN;
    if (name != NULL && !bolt11_network_of(text_of(name), &s->network)) {
        return mete_fail(err, METE_USAGE, "",
                         "[lightning] network is bitcoin, testnet, signet or regtest");
    }
    return METE_OK;
}

static enum mete_code switches_read(struct lightning_settings *s, const struct rail_config *c,
                                    struct mete_err *err)
{
    bool takes_plus = false;
    s->public_only = true;
    enum mete_code code = yes_or_no(c, "takes_plus", &takes_plus, err);
    if (code == METE_OK) {
        code = yes_or_no(c, "takes_any_description", &s->takes_any_description, err);
    }
    if (code == METE_OK) {
        code = yes_or_no(c, "resolve_public_only", &s->public_only, err);
    }
    s->switches = (takes_plus ? LNURL_TAKES_PLUS : 0) | (s->public_only ? 0 : LNURL_TAKES_LOCAL);
    if (code == METE_OK && !s->public_only) {
        (void)fputs("mete: warning: [lightning] resolve_public_only = no: whoever sets a "
                    "destination can make this machine ask its own network. For tests only.\n",
                    stderr);
    }
    return code;
}

static enum mete_code payees_read(struct lightning_settings *s, const struct rail_config *c,
                                  struct mete_err *err)
{
    const char *comment = setting(c, "comment");
    const char *proxy = setting(c, "onion_proxy");
    const char *to = setting(c, "resolve_to");
    if (comment != NULL && !text_is_utf8(text_of(comment))) {
        return mete_fail(err, METE_USAGE, "", "[lightning] comment is not UTF-8");
    }
    if (proxy != NULL && strncmp(proxy, "socks5h://", 10) != 0) {
        return mete_fail(err, METE_USAGE, "",
                         "[lightning] onion_proxy begins with socks5h:// so that the proxy looks "
                         "up names, such as socks5h://127.0.0.1:9050");
    }
    if (to != NULL && s->public_only) {
        return mete_fail(err, METE_USAGE, "",
                         "[lightning] resolve_to is for tests, with resolve_public_only = no");
    }
    s->resolve_to = to != NULL ? copy(text_of(to)) : NULL;
    s->comment = comment != NULL ? copy(text_of(comment)) : NULL;
    s->onion_proxy = proxy != NULL ? copy(text_of(proxy)) : NULL;
    return file_setting(c, "resolve_ca", &s->resolve_ca, err);
}

enum mete_code lightning_settings_read(struct lightning_settings *s, const struct rail_config *c,
                                       struct mete_err *err)
{
    *s = (struct lightning_settings){0};
    s->node = node_kind_of(setting(c, "node"));
    if (s->node == NULL) {
        return mete_fail(err, METE_USAGE, "",
                         "[lightning] node is cln, lnd, phoenixd or lnbits: what pays");
    }
    enum mete_code code = url_setting(s, c, err);
    enum mete_code (*const steps[])(struct lightning_settings *, const struct rail_config *,
                                    struct mete_err *) = {auth_read, network_read, bounds_read,
                                                          switches_read, payees_read};
    for (size_t i = 0; code == METE_OK && i < ARRAY_LEN(steps); i++) {
        code = steps[i](s, c, err);
    }
    return code == METE_OK ? file_setting(c, "node_certificate", &s->certificate, err) : code;
}

void lightning_settings_clear(struct lightning_settings *s)
{
    char *const texts[] = {s->url,        s->certificate, s->resolve_ca,
                           s->resolve_to, s->onion_proxy, s->comment};
    secret_text_free(s->auth);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        free(texts[i]);
    }
    *s = (struct lightning_settings){0};
}

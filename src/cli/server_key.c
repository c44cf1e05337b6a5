/* SPDX-License-Identifier: Apache-2.0
 * Invariant: what is not one plain word never becomes a header. */
#include "cli/server_key.h"

#include "base/text.h"
#include "crypto/seal.h"
#include "wire/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_plain(const char *key, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (key[i] <= ' ' || key[i] > '~') {
            return false;
        }
    }
    return len <= SERVER_KEY_MAX;
}

static enum mete_code header_write(const char *key, size_t len, const char *from,
                                   char header[SERVER_KEY_HEADER_MAX], struct mete_err *err)
{
    while (len > 0 && (key[len - 1] == '\n' || key[len - 1] == '\r')) {
        len--;
    }
    if (!is_plain(key, len)) {
        return mete_fail(err, METE_USAGE, NULL,
                         "%s: the server's key is one line of at most %u bytes, without spaces",
                         from, SERVER_KEY_MAX);
    }
    if (len > 0) {
        (void)snprintf(header, SERVER_KEY_HEADER_MAX, "Authorization: Bearer %.*s", (int)len, key);
    }
    return METE_OK;
}

enum mete_code server_key_read(struct cli *c, char header[SERVER_KEY_HEADER_MAX],
                               struct mete_err *err)
{
    const char *file = cli_option(c, "api-key-file");
    const char *key = getenv("METE_API_KEY");
    struct buf text = {0};
    header[0] = '\0';
    if (file == NULL) {
        return key != NULL ? header_write(key, strlen(key), "METE_API_KEY", header, err) : METE_OK;
    }
    enum mete_code code = cli_read_file(file, (size_t)SERVER_KEY_MAX + 2, &text, err);
    if (code == METE_OK) {
        code = header_write((const char *)text.p, text.len, file, header, err);
    }
    if (code == METE_OK && header[0] == '\0') {
        code = mete_fail(err, METE_USAGE, NULL, "%s: there is no key in it", file);
    }
    secret_wipe(text.p, text.cap);
    buf_clear(&text);
    return code;
}

bool server_is_near(const char *url)
{
    struct url u;
    return url_read(text_of(url), &u) == NULL && host_is_loopback(u.host);
}

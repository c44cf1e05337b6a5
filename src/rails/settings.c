/* SPDX-License-Identifier: Apache-2.0
 * Where a secret may be sent. */
#include "rails/settings.h"

#include "base/text.h"
#include "wire/url.h"

#include <stdlib.h>
#include <string.h>

enum mete_code rail_url_check(const char *name, const char *url, struct mete_err *err)
{
    struct url u;
    const char *wrong = url_read(text_of(url), &u);
    if (wrong != NULL) {
        return mete_fail(err, METE_USAGE, NULL, "%s: the URL %s", name, wrong);
    }
    if (u.has_query || u.fragment.len > 0) {
        return mete_fail(err, METE_USAGE, NULL, "%s: the URL may have no query", name);
    }
    return u.is_https || host_is_loopback(u.host)
               ? METE_OK
               : mete_fail(err, METE_USAGE, NULL,
                           "%s: a secret is sent there, so https, or http of this machine", name);
}

char *rail_url_base(const char *url)
{
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    char *out = strndup(url, len);
    METE_ASSERT(out != NULL);
    return out;
}

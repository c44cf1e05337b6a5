/* SPDX-License-Identifier: Apache-2.0
 * Invariant: what is not one plain word never becomes a header. */
#include "cli/server_key.h"

#include "base/text.h"
#include "rails/secret_file.h"
#include "wire/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum mete_code server_key_read(struct cli *c, char header[SERVER_KEY_HEADER_MAX],
                               struct mete_err *err)
{
    struct secret_file key = {0};
    const char *file = cli_option(c, "api-key-file");
    const char *value = getenv("METE_API_KEY");
    header[0] = '\0';
    if (file == NULL && (value == NULL || value[strspn(value, "\r\n")] == '\0')) {
        return METE_OK;
    }
    enum mete_code code = file != NULL
                              ? secret_file_line(&key, file, SERVER_KEY_MAX, err)
                              : secret_value_line(&key, "METE_API_KEY", value, SERVER_KEY_MAX, err);
    if (code == METE_OK) {
        (void)snprintf(header, SERVER_KEY_HEADER_MAX, "Authorization: Bearer %s", key.text);
    }
    secret_file_clear(&key);
    return code;
}

bool server_is_near(const char *url)
{
    struct url u;
    return url_read(text_of(url), &u) == NULL && host_is_loopback(u.host);
}

/* SPDX-License-Identifier: Apache-2.0
 * Names of roles. */
#include "http/roles.h"

#include "base/text.h"

static const struct {
    const char *name;
    unsigned role;
} ROLES[] = {{"all", ROLE_ALL},
             {"distributions", ROLE_DISTRIBUTIONS},
             {"wallet", ROLE_WALLET},
             {"manifests", ROLE_MANIFESTS},
             {"dashboard", ROLE_DASHBOARD},
             {"facilitator", ROLE_FACILITATOR},
             {"worker", ROLE_WORKER}};

static unsigned role_of(struct text name)
{
    for (size_t i = 0; i < ARRAY_LEN(ROLES); i++) {
        if (text_is(name, ROLES[i].name)) {
            return ROLES[i].role;
        }
    }
    return 0;
}

enum mete_code roles_parse(struct text list, unsigned *out, struct mete_err *err)
{
    *out = 0;
    for (size_t i = 0; i <= list.len;) {
        size_t len = 0;
        while (i + len < list.len && list.p[i + len] != ',') {
            len++;
        }
        struct text name = {list.p + i, len};
        unsigned role = role_of(name);
        if (role == 0) {
            return mete_fail(err, METE_USAGE, NULL,
                             "there is no role \"%.*s\": all, distributions, wallet, manifests, "
                             "dashboard, facilitator, worker",
                             (int)(len > 64 ? 64 : len), name.p);
        }
        *out |= role;
        i += len + 1;
    }
    return METE_OK;
}

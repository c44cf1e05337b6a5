/* SPDX-License-Identifier: Apache-2.0
 * Names of roles, and what they are good for. */
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

const char *roles_name(unsigned roles, size_t i)
{
    for (size_t k = 1; k < ARRAY_LEN(ROLES); k++) {
        if ((ROLES[k].role & roles) != 0 && i-- == 0) {
            return ROLES[k].name;
        }
    }
    return NULL;
}

struct text roles_text(struct arena *a, unsigned roles)
{
    struct text all = {0};
    const char *name;
    if (roles == ROLE_ALL) {
        return TEXT("all");
    }
    for (size_t i = 0; (name = roles_name(roles, i)) != NULL; i++) {
        all = arena_printf(a, "%.*s%s%s", (int)all.len, all.p, i == 0 ? "" : ", ", name);
    }
    return all;
}

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

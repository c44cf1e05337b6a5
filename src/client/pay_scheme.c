/* SPDX-License-Identifier: Apache-2.0
 * A scheme by its name. */
#include "client/pay_scheme.h"

#include <stdio.h>
#include <string.h>

const struct pay_scheme *pay_scheme_find(struct text name, enum x402_family family)
{
    for (size_t i = 0; PAY_SCHEMES[i] != NULL; i++) {
        if (PAY_SCHEMES[i]->family == family && text_is(name, PAY_SCHEMES[i]->name)) {
            return PAY_SCHEMES[i];
        }
    }
    return NULL;
}

bool pay_scheme_serves(enum x402_family family)
{
    for (size_t i = 0; PAY_SCHEMES[i] != NULL; i++) {
        if (PAY_SCHEMES[i]->family == family) {
            return true;
        }
    }
    return false;
}

/** The place of the first one of that name; that of the end when there is none. */
static size_t first_of(struct text name)
{
    size_t i = 0;
    while (PAY_SCHEMES[i] != NULL && !text_is(name, PAY_SCHEMES[i]->name)) {
        i++;
    }
    return i;
}

bool pay_scheme_is_known(struct text name)
{
    return PAY_SCHEMES[first_of(name)] != NULL;
}

void pay_scheme_names(char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; PAY_SCHEMES[i] != NULL && at < size; i++) {
        if (first_of(text_of(PAY_SCHEMES[i]->name)) == i) { /* of several kinds of networks: once */
            const int len =
                snprintf(out + at, size - at, "%s%s", i > 0 ? ", " : "", PAY_SCHEMES[i]->name);
            at += len > 0 ? (size_t)len : 0;
        }
    }
}

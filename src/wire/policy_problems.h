/* SPDX-License-Identifier: Apache-2.0
 * Everything that is wrong with a policy document, not only the first thing. */
#ifndef METE_WIRE_POLICY_PROBLEMS_H
#define METE_WIRE_POLICY_PROBLEMS_H

#include "base/arena.h"
#include "core/policy.h"
#include "mete/error.h"

#define PROBLEMS_MAX 100

struct problem {
    enum mete_code code;
    struct text pointer;
    struct text message;
};

/** The problems of a document or manifest, in the order in which they are met; none: it is valid.
 *  In `a`. */
size_t policy_problems(struct arena *a, struct text json, struct problem out[PROBLEMS_MAX]);

#endif

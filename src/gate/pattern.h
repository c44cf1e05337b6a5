/* SPDX-License-Identifier: Apache-2.0
 * Which paths a line of the configuration means: one path, a glob, or a POSIX extended regular
 * expression. They are compared with gate_path.key, thus in small letters. */
#ifndef METE_GATE_PATTERN_H
#define METE_GATE_PATTERN_H

#include "base/arena.h"
#include "gate/path.h"
#include "mete/error.h"

#include <regex.h>

struct gate_pattern {
    bool is_regex;
    struct text glob; /* folded; without '*' it is one path */
    regex_t *regex;   /* NULL: it is a glob */
};

/** `*` is anything within a segment, also nothing; `**` is anything; "/x/ **" (without the space)
 *  means "/x" as well. Errors: METE_MEMBER_VALUE; err->pointer is "". */
enum mete_code gate_pattern_glob(struct arena *a, struct text t, struct gate_pattern *out,
                                 struct mete_err *err) METE_MUST_CHECK;
/** As it is, case aside; it is not anchored. */
enum mete_code gate_pattern_regex(struct arena *a, struct text t, struct gate_pattern *out,
                                  struct mete_err *err) METE_MUST_CHECK;
void gate_pattern_clear(struct gate_pattern *p);

/** `key` has a NUL behind it. */
bool gate_pattern_match(const struct gate_pattern *p, struct text key);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The hand-made scenes. Every number in them was computed by hand; the arithmetic stands beside. */
#ifndef METE_TESTS_AUDIT_SCENES_H
#define METE_TESTS_AUDIT_SCENES_H

#include "scene.h"

struct scene_named {
    const char *name;
    void (*make)(struct scene *s);
};

extern const struct scene_named scenes[];
extern const size_t scene_count;

#endif

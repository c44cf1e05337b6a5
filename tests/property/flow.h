/* SPDX-License-Identifier: Apache-2.0
 * A random stream as a list of texts, to be sent more than once, in other orders, in part. */
#ifndef METE_TESTS_PROPERTY_FLOW_H
#define METE_TESTS_PROPERTY_FLOW_H

#include "oracle/gen.h"
#include "oracle/scene.h"

struct flow_item {
    char *json;
    size_t len;
    bool broken;
};

struct flow {
    struct flow_item *item;
    size_t count;
};

/** Events of a seed. `repeats`: duplicates, conflicts and broken ones too. */
void flow_make(struct flow *s, uint64_t seed, size_t count, bool repeats);
/** The same, event ids numbered from `first` on: for several flows in one book. No repeats. */
void flow_make_from(struct flow *s, uint64_t seed, size_t count, int first);
void flow_add(struct flow *s, const struct gen_item *item);
void flow_free(struct flow *s);
struct text flow_text(const struct flow *s, size_t i);
/** Sends all of it. */
void flow_send(const struct flow *s, struct scene *to);

/** The seed of METE_TEST_SEED, else `otherwise`; printed. */
uint64_t test_seed(uint64_t otherwise);

#endif

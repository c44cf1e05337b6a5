/* SPDX-License-Identifier: Apache-2.0
 * Streams made by the generator, which asks the oracle what could be reversed. */
#include "property/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void flow_add(struct flow *s, const struct gen_item *from)
{
    s->item = realloc(s->item, sizeof *s->item * (s->count + 1));
    METE_ASSERT(s->item != NULL);
    struct flow_item *item = &s->item[s->count++];
    item->json = malloc(from->json.len + 1);
    METE_ASSERT(item->json != NULL);
    memcpy(item->json, from->json.p, from->json.len);
    item->json[from->json.len] = 0;
    item->len = from->json.len;
    item->broken = from->event == NULL;
}

static void make(struct flow *s, struct gen *g, size_t count)
{
    uint64_t seen[SEEN_COUNT] = {0};
    struct oracle *o = oracle_new(seen);
    struct oracle_outcome out;
    struct gen_item item = {0};
    *s = (struct flow){0};
    while (s->count < count) {
        gen_next(g, o, &item);
        if (item.event != NULL)
            oracle_submit(o, item.event, &out);
        flow_add(s, &item);
    }
    buf_clear(&item.json);
    oracle_free(o);
}

void flow_make(struct flow *s, uint64_t seed, size_t count, bool repeats)
{
    struct gen g;
    gen_begin(&g, seed);
    if (!repeats)
        g.repeats = 0;
    make(s, &g, count);
    gen_end(&g);
}

void flow_make_from(struct flow *s, uint64_t seed, size_t count, int first)
{
    struct gen g;
    gen_begin(&g, seed);
    g.repeats = 0;
    g.next_id = first;
    make(s, &g, count);
    gen_end(&g);
}

void flow_free(struct flow *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->item[i].json);
    free(s->item);
}

struct text flow_text(const struct flow *s, size_t i)
{
    return (struct text){s->item[i].json, s->item[i].len};
}

void flow_send(const struct flow *s, struct scene *to)
{
    for (size_t i = 0; i < s->count; i++)
        METE_ASSERT(scene_submit(to, flow_text(s, i)) != SUBMIT_FAILED);
}

uint64_t test_seed(uint64_t otherwise)
{
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : otherwise;
    printf("# seed %llu (METE_TEST_SEED)\n", (unsigned long long)seed);
    return seed;
}

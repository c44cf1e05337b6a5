/* SPDX-License-Identifier: Apache-2.0
 * A random stream of the oracle's generator as NDJSON: dump SEED EVENTS. What tests/flow/agree.sh
 * lets the program book and the auditor judge. */
#include <stdio.h>
#include <stdlib.h>

#include "oracle/gen.h"

static void dump(uint64_t seed, uint64_t events)
{
    static uint64_t seen[SEEN_COUNT];
    struct gen g;
    struct gen_item item = {0};
    struct oracle *o = oracle_new(seen);
    gen_begin(&g, seed);
    for (uint64_t i = 0; i < events; i++) {
        struct oracle_outcome out;
        gen_next(&g, o, &item);
        if (item.event == NULL) /* broken on purpose, perhaps across lines */
            continue;
        oracle_submit(o, item.event, &out);
        buf_reset(&item.json);
        script_write(&item.json, item.event, NULL);
        printf("%.*s\n", (int)item.json.len, (const char *)item.json.p);
    }
    gen_end(&g);
    oracle_free(o);
    buf_clear(&item.json);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: dump SEED EVENTS\n");
        return 2;
    }
    dump(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * What the parts of mete fetch share: requests as they are asked for, and the history. */
#ifndef METE_CLI_FETCH_H
#define METE_CLI_FETCH_H

#include "cli/cli.h"
#include "mete/client.h"

#include <stdio.h>

#define FETCH_HEADERS_MAX 64
#define FETCH_BODY_MAX    ((size_t)256 << 20)

/* One request of the command line or of a batch. Texts live in an arena, or as long as argv. */
struct fetch_job {
    const char *url;
    const char *method; /* NULL: as the client has it */
    const char *header[FETCH_HEADERS_MAX + 1];
    struct bytes body;
    const char *output; /* file; NULL: stdout */
    const char *id;     /* NULL: none */
};

/** A batch: a URL a line, or a JSON object a line with url, method, headers, body, output, id. */
struct fetch_batch;
int fetch_batch_open(struct cli *c, const char *path, struct fetch_batch **out);
void fetch_batch_close(struct fetch_batch *b);
/** The next request in *job, which keeps the defaults that it comes with. *is_end: there is none.
 *  Texts are in `a`. CLI_OK, or what was wrong was told. */
int fetch_batch_next(struct cli *c, struct fetch_batch *b, struct arena *a, struct fetch_job *job,
                     bool *is_end);

/** mete fetch --history. */
int fetch_history(struct cli *c);

/** "0.01 USDC" of smallest units, in c->arena. */
const char *fetch_amount(struct cli *c, const char *units, unsigned decimals, const char *symbol);

#endif

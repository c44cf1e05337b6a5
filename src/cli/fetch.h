/* SPDX-License-Identifier: Apache-2.0
 * What the parts of mete fetch share: requests as they are asked for, and the history. */
#ifndef METE_CLI_FETCH_H
#define METE_CLI_FETCH_H

#include "cli/cli.h"
#include "mete/client.h"

#include <stdio.h>

#define FETCH_HEADERS_MAX  64
#define FETCH_PARALLEL     16
#define FETCH_PARALLEL_MAX 1024
#define FETCH_BODY_MAX     ((size_t)256 << 20)

/* One request of the command line or of a batch. Texts live in an arena, or as long as argv. */
struct fetch_job {
    const char *url;
    const char *method; /* NULL: as the client has it */
    const char *header[FETCH_HEADERS_MAX + 1];
    struct bytes body;
    const char *output; /* file; NULL: stdout */
    const char *id;     /* NULL: none */
};

/** The client that the options describe; METE_PAY_KEY is wiped. CLI_OK, or what was wrong was told.
 */
int fetch_client_open(struct cli *c, struct mete_client **out, uint64_t *total_ms);
/** What all requests have in common, with the body in *body. As above. */
int fetch_like_read(struct cli *c, struct buf *body, struct fetch_job *like);

/** A batch: a URL a line, or a JSON object a line with url, method, headers, body, output, id. */
struct fetch_batch;
int fetch_batch_open(struct cli *c, const char *path, struct fetch_batch **out);
void fetch_batch_close(struct fetch_batch *b);
/** What to wait for before fetch_batch_read, which takes what is there. */
int fetch_batch_fd(const struct fetch_batch *b);
void fetch_batch_read(struct fetch_batch *b);
/** Whether there is a line to go on with, or the end. */
bool fetch_batch_is_ready(const struct fetch_batch *b);
bool fetch_batch_is_end(const struct fetch_batch *b);
/** Takes a line: the next request in *job, which keeps the defaults that it comes with, or none.
 *  Texts are in `a`. CLI_OK, or what was wrong was told. Ready, and not at its end. */
int fetch_batch_next(struct cli *c, struct fetch_batch *b, struct arena *a, struct fetch_job *job,
                     bool *has_job);

/* A file that a body goes to. */
struct fetch_output {
    const char *path; /* borrowed; NULL: there is none */
    char *partial;    /* where it is written; NULL: at its place */
    int fd;
    unsigned mode; /* of the file that was there; 0: there was none */
    bool is_direct;
    bool has_bytes; /* some were written */
};
/** The last part of a URL's path, as -O wants it, in `a`; NULL when it is none. */
const char *fetch_remote_name(struct arena *a, const char *url);
/** False: it cannot be written, and that was told. `path` lives as long as it is open. */
bool fetch_output_open(struct fetch_output *o, const char *path);
/** Pieces as the client gives them: `at` 0 without a piece begins anew. False: it cannot be kept,
 *  and that was told. */
bool fetch_output_put(struct fetch_output *o, uint64_t at, const void *piece, size_t len);
/** Whole it takes its place, else it leaves nothing. False: that failed, and was told; what came
 *  whole stays beside its place. */
bool fetch_output_close(struct fetch_output *o, bool is_whole);

/** mete fetch --history. */
int fetch_history(struct cli *c);

/** "0.01 USDC" of smallest units, in c->arena. */
const char *fetch_amount(struct cli *c, const char *units, unsigned decimals, const char *symbol);

#endif

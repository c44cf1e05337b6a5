/* SPDX-License-Identifier: Apache-2.0
 * Streams of events from files and stdin into an engine. */
#ifndef METE_CLI_INPUT_H
#define METE_CLI_INPUT_H

#include "cli/cli.h"

#include <signal.h>

/** Notices an interruption (SIGINT, SIGTERM) between two reads: no handler runs anywhere. */
struct input_watch {
    int fd; /* readable once a signal came; -1: signals do what they always do */
    volatile sig_atomic_t stop;
};

/** From now on an interruption is only noticed. One watch a process. */
void input_watch_begin(struct input_watch *w);
void input_watch_end(struct input_watch *w);

/** Sends the stream at `path` ("-": stdin) through ingest_stream; in->read and in->stop are set
 *  here. `watch` may be NULL. The error names the file. */
enum mete_code input_ingest(struct engine *e, const char *path, struct input_watch *watch,
                            struct ingest *in, struct ingest_counts *counts,
                            struct mete_err *err) METE_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Streams of events from files and stdin into an engine. */
#ifndef METE_CLI_INPUT_H
#define METE_CLI_INPUT_H

#include "cli/cli.h"

/** Sends the stream at `path` ("-": stdin) through ingest_stream; in->read is set here. The error
 *  names the file. */
enum mete_code input_ingest(struct engine *e, const char *path, struct ingest *in,
                            struct ingest_counts *counts, struct mete_err *err) METE_MUST_CHECK;

#endif

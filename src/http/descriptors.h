/* SPDX-License-Identifier: Apache-2.0
 * Open files: a server that takes more connections than the system lets it open files for turns
 * everybody away at once, its own store included. */
#ifndef METE_HTTP_DESCRIPTORS_H
#define METE_HTTP_DESCRIPTORS_H

#include "base/types.h"

/* What is open beside the connections: stores, snapshots, calls to other services. */
#define DESCRIPTORS_OWN 200u

/** Asks the system for as many as `connections` need. Returns how many connections there may be
 *  then; at least 1, and never more than `connections`. */
unsigned descriptors_for(unsigned connections);

#endif

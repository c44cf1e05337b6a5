/* SPDX-License-Identifier: Apache-2.0
 * The socket that a server listens on. */
#ifndef METE_HTTP_LISTENER_H
#define METE_HTTP_LISTENER_H

#include "base/types.h"
#include "mete/error.h"

/** Listens on "HOST:PORT"; HOST may be [::1], PORT 0: any free one. *fd is the caller's; it is -1
 *  after a failure. METE_USAGE for a bad address, METE_LISTEN when it cannot listen. */
enum mete_code listener_open(const char *listen, int *fd, uint16_t *bound_to,
                             struct mete_err *err) METE_MUST_CHECK;

#endif

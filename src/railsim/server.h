/* SPDX-License-Identifier: Apache-2.0
 * The HTTP server of the simulator. */
#ifndef METE_RAILSIM_SERVER_H
#define METE_RAILSIM_SERVER_H

#include "railsim/parts.h"

/** False: it did not start; the socket is still the caller's. */
bool server_open(struct sim *s) METE_MUST_CHECK;
/** Ends all connections; nobody may hold the lock. */
void server_close(struct sim *s);

#endif

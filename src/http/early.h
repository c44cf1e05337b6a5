/* SPDX-License-Identifier: Apache-2.0
 * An answer before the body of its request has ended. libmicrohttpd queues none then, so this
 * writes it to the connection; the rest of the body is to be thrown away, and the connection to be
 * closed after it. */
#ifndef METE_HTTP_EARLY_H
#define METE_HTTP_EARLY_H

#include "http/exchange.h"

#include <gnutls/gnutls.h>

struct early_to {
    int fd;
    gnutls_session_t session; /* NULL: plain text */
};

/** Sends the answer that stands in `x`, which has no source, and tells the client that nothing more
 *  will come from here. Never blocks; false when not all of it could be sent. */
bool early_answer(const struct early_to *to, const struct exchange *x);

#endif

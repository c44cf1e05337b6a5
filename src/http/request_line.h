/* SPDX-License-Identifier: Apache-2.0
 * What the server's log says of each request. */
#ifndef METE_HTTP_REQUEST_LINE_H
#define METE_HTTP_REQUEST_LINE_H

#include "http/desk.h"

/** Its id: the client's own when it is a plain one, else a new one. */
void request_id_set(struct exchange *x);
/** It has come; what became of it is said at its end. */
void request_line_came(struct desk *d, const struct exchange *x);
/** The server_log of a desk. */
void request_line_end(void *desk, const struct exchange *x, bool sent);

#endif

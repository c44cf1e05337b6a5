/* SPDX-License-Identifier: Apache-2.0
 * Where this server is, as its client sees it. */
#ifndef METE_HTTP_BASE_URL_H
#define METE_HTTP_BASE_URL_H

#include "http/desk.h"

/** "https://HOST", without a slash at the end: the Host that the client named when that is a plain
 *  one, else the address that it is on. What is not on loopback has TLS, its own or a proxy's. */
struct text base_url(const struct desk *d, struct exchange *x);
/** True when this process answers a path of the table, with whatever method. */
bool path_is_answered(const struct desk *d, const char *path);

#endif

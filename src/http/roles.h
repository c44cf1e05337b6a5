/* SPDX-License-Identifier: Apache-2.0
 * Roles: which groups of routes a process serves, so that one program is each of several services.
 */
#ifndef METE_HTTP_ROLES_H
#define METE_HTTP_ROLES_H

#include "http/router.h"

/** Reads "wallet,dashboard", or "all". METE_USAGE. */
enum mete_code roles_parse(struct text list, unsigned *out, struct mete_err *err) METE_MUST_CHECK;

#endif

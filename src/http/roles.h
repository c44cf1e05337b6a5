/* SPDX-License-Identifier: Apache-2.0
 * Roles: which groups of routes a process serves, so that one program is each of several services.
 */
#ifndef METE_HTTP_ROLES_H
#define METE_HTTP_ROLES_H

#include "http/router.h"

/** Reads "wallet,dashboard", or "all". METE_USAGE. */
enum mete_code roles_parse(struct text list, unsigned *out, struct mete_err *err) METE_MUST_CHECK;
/** The name of the i-th of them; NULL past the end. */
const char *roles_name(unsigned roles, size_t i);
/** The same as text, "all" or "wallet, dashboard". In `a`. */
struct text roles_text(struct arena *a, unsigned roles);

#endif

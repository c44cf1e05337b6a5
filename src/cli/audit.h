/* SPDX-License-Identifier: Apache-2.0
 * The audit, for commands that end with one. */
#ifndef METE_CLI_AUDIT_H
#define METE_CLI_AUDIT_H

#include "cli/cli.h"

/** Audits c->book in c->store as mete audit does; says something only when it does not hold.
 * Returns the exit status. */
int audit_quietly(struct cli *c);

#endif

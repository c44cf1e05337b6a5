/* SPDX-License-Identifier: Apache-2.0
 * The networks that payments by x402 are taken on, as the settings name them. */
#ifndef METE_CLI_NETWORKS_H
#define METE_CLI_NETWORKS_H

#include "cli/settings.h"
#include "rails/x402/net.h"

/** Those of the file of networks, else the one of the settings and the environment; perhaps none.
 *  Connects to nothing, and forgets the key that the settings had. Free with nets_close, also after
 *  a failure. Errors: METE_FILE; those of nets_open. */
enum mete_code networks_open(struct nets **out, struct settings *s,
                             struct mete_err *err) METE_MUST_CHECK;

#endif

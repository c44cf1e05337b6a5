/* SPDX-License-Identifier: Apache-2.0
 * How a command shows itself to a server elsewhere: the same two options and one variable for all
 * of them, --api-key-file and METE_API_KEY. */
#ifndef METE_CLI_SERVER_KEY_H
#define METE_CLI_SERVER_KEY_H

#include "cli/cli.h"

#define SERVER_KEY_MAX        1024u
#define SERVER_KEY_HEADER_MAX (SERVER_KEY_MAX + 32u)

/** "Authorization: Bearer KEY" of --api-key-file, else of METE_API_KEY; empty when there is
 * neither. A key is one line without white space. Wipe it afterwards. */
enum mete_code server_key_read(struct cli *c, char header[SERVER_KEY_HEADER_MAX],
                               struct mete_err *err) METE_MUST_CHECK;

/** Is the URL of this machine, so that plain http gives nothing away? */
bool server_is_near(const char *url);

#endif

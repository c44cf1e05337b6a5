/* SPDX-License-Identifier: Apache-2.0
 * The program mete: the command line, and nothing else yet. */
#include "cli/cli.h"

#include <signal.h>

/* A bound on the size of files (RLIMIT_FSIZE) shall be an error like a full disk, not a death. */
int main(int argc, char **argv)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    return cli_main(argc, argv);
}

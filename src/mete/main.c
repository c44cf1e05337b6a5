/* SPDX-License-Identifier: Apache-2.0
 * The program mete: the command line, and nothing else yet. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}

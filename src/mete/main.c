/* SPDX-License-Identifier: Apache-2.0
 * The program mete: the command line, and nothing else yet. */
#include "cli/cli.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/** Who starts this with standard input, output or error closed would have the next file opened in
 *  their place, and messages written into it: a lock file, a backup. What takes the places cannot
 * be read or written either, so that nothing is lost unnoticed. */
static bool standard_files_hold(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        bool missing = fcntl(fd, F_GETFD) < 0;
        if (missing && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
            return false;
        }
    }
    return true;
}

/* A bound on the size of files (RLIMIT_FSIZE) shall be an error like a full disk, not a death. */
int main(int argc, char **argv)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    return !standard_files_hold() ? CLI_FAILED : cli_main(argc, argv);
}

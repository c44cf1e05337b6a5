/* SPDX-License-Identifier: Apache-2.0
 * mete-audit: the command line. Exit status: 0 all holds, 2 usage or an input that cannot be read,
 * 3 something differs. */
#include <stdio.h>
#include <string.h>

#include "audit/audit.h"

struct options {
    const char *file; /* NULL: standard input */
    bool json, quiet, help;
};

static const char usage_text[] =
    "usage: mete-audit [FILE|-] [--json] [--quiet]\n"
    "Recomputes the export of a book (mete export audit) and names what differs.\n";

static bool read_options(int argc, char **argv, struct options *o)
{
    const char *file = NULL;
    *o = (struct options){0};
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "--json") == 0) {
            o->json = true;
        } else if (strcmp(arg, "--quiet") == 0) {
            o->quiet = true;
        } else if (strcmp(arg, "--help") == 0) {
            o->help = true;
        } else if (file != NULL || (arg[0] == '-' && arg[1] != '\0')) {
            return false;
        } else {
            file = arg;
        }
    }
    if (file != NULL && strcmp(file, "-") != 0) {
        o->file = file;
    }
    return true;
}

static enum audit_status run(const struct options *o)
{
    FILE *in = o->file == NULL ? stdin : fopen(o->file, "rb");
    if (in == NULL) {
        fprintf(stderr, "mete-audit: %s cannot be opened\n", o->file);
        return AUDIT_UNREADABLE;
    }
    enum audit_status status = audit_run(in, stdout, o->json, o->quiet);
    if (status == AUDIT_UNREADABLE) {
        fprintf(stderr, "mete-audit: the input cannot be read to its end\n");
    }
    if (in != stdin) {
        (void)fclose(in);
    }
    return fflush(stdout) == 0 ? status : AUDIT_UNREADABLE;
}

int main(int argc, char **argv)
{
    struct options o;
    if (!read_options(argc, argv, &o)) {
        fputs(usage_text, stderr);
        return AUDIT_UNREADABLE;
    }
    if (o.help) {
        fputs(usage_text, stdout);
        return AUDIT_HOLDS;
    }
    return (int)run(&o);
}

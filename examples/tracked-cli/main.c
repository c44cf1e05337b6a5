/* SPDX-License-Identifier: Apache-2.0
 * A command-line tool that shares what it costs: a client of an imaginary payments API. All that it
 * knows of sharing is in three calls: open, track, close. Who is paid stands in its manifest. */
#include <mete/tracker.h>

#include <stdio.h>
#include <string.h>

#define CLI_ID "urn:fair:cli:tracked-cli"

struct endpoint {
    const char *command;
    const char *path;
    const char *cost; /* of one call, in USD */
};

static const struct endpoint ENDPOINTS[] = {
    {"charge", "/v1/charges", "0.01"},
    {"refund", "/v1/refunds", "0.005"},
    {"balance", "/v1/balance", "0.0001"},
};

/** What the tool is for. A real one would speak to its API here. */
static int api_call(const struct endpoint *e, const char *argument)
{
    printf("%s %s: done\n", e->path, argument);
    return 0;
}

int main(int argc, char **argv)
{
    const struct mete_tracker_options options = {.cli_id = CLI_ID};
    const struct endpoint *e = NULL;
    for (size_t i = 0; argc > 1 && i < sizeof(ENDPOINTS) / sizeof(ENDPOINTS[0]); i++) {
        e = strcmp(argv[1], ENDPOINTS[i].command) == 0 ? &ENDPOINTS[i] : e;
    }
    if (e == NULL) {
        fputs("usage: tracked-cli charge|refund|balance [ARGUMENT]...\n", stderr);
        return 2;
    }
    struct mete_tracker *tracker = mete_tracker_open(&options);
    int status = 0;
    for (int i = 2; i < argc || i == 2; i++) {
        status |= api_call(e, i < argc ? argv[i] : "");
        mete_track_call(tracker, e->path, e->cost);
    }
    mete_tracker_close(tracker);
    return status;
}

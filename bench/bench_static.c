/* SPDX-License-Identifier: Apache-2.0
 * A web server that costs next to nothing, behind and beside the gate in bench_gate: bench_static
 * PORT BYTES THREADS. GET gives BYTES bytes; /supported, /verify and /settle are those of a
 * facilitator that takes everything. Runs until it is killed. */
#include "base/types.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct page {
    const char *path;
    const char *text;
} PAGES[] = {
    {"/supported",
     "{\"kinds\":[{\"x402Version\":2,\"scheme\":\"exact\",\"network\":\"eip155:84532\"},"
     "{\"x402Version\":1,\"scheme\":\"exact\",\"network\":\"base-sepolia\"}],\"extensions\":[],"
     "\"signers\":{}}"},
    {"/verify", "{\"isValid\":true,\"payer\":\"0x857b06519E91e3A54538791bDbb0E22373e36b66\","
                "\"extra\":{\"reservation\":\"0123456789abcdef0123456789abcdef\"}}"},
    {"/settle",
     "{\"success\":true,\"transaction\":"
     "\"0x1234567890123456789012345678901234567890123456789012345678901234\","
     "\"network\":\"eip155:84532\",\"payer\":\"0x857b06519E91e3A54538791bDbb0E22373e36b66\"}"},
};

static char *file;
static size_t file_len;

static enum MHD_Result answer(void *ctx, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
    struct MHD_Response *r = NULL;
    static int seen;
    (void)ctx, (void)method, (void)version, (void)data;
    if (*state == NULL) {
        *state = &seen;
        return MHD_YES;
    }
    if (*size > 0) {
        *size = 0;
        return MHD_YES;
    }
    for (size_t i = 0; i < ARRAY_LEN(PAGES) && r == NULL; i++) {
        if (strcmp(url, PAGES[i].path) == 0) {
            r = MHD_create_response_from_buffer(
                strlen(PAGES[i].text), (void *)(uintptr_t)PAGES[i].text, MHD_RESPMEM_PERSISTENT);
        }
    }
    r = r != NULL ? r : MHD_create_response_from_buffer(file_len, file, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result queued = MHD_queue_response(c, 200, r);
    MHD_destroy_response(r);
    return queued;
}

static unsigned number(const char *t)
{
    unsigned n = 0;
    for (; *t >= '0' && *t <= '9' && n < 1u << 28; t++) {
        n = n * 10 + (unsigned)(*t - '0');
    }
    return n;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "bench_static PORT BYTES THREADS\n");
        return 2;
    }
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)number(argv[1])),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    file_len = number(argv[2]);
    file = malloc(file_len + 1);
    METE_ASSERT(file != NULL);
    memset(file, 'x', file_len);
    unsigned threads = number(argv[3]);
    struct MHD_Daemon *d = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, NULL, MHD_OPTION_SOCK_ADDR, &at,
        threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_CONNECTION_LIMIT,
        threads > 1 ? threads : 1024u, MHD_OPTION_END);
    if (d == NULL) {
        perror("bench_static");
        return 1;
    }
    puts("READY");
    fflush(stdout);
    pause();
    return 0;
}

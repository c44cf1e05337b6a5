/* SPDX-License-Identifier: Apache-2.0
 * The paying client as a program uses it, for tests: pay_many HISTORY URL COUNT. It has a loop of
 * its own (poll), a selector of its own, and asks COUNT times for URL/i. The key stands in KEY. It
 * prints one JSON object. */
#include <mete/client.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_MAX 2000u
#define URL_MAX   512

struct many {
    struct mete_client *client;
    unsigned paid;
    unsigned failed;
    unsigned signatures;
    unsigned seen; /* offers that the selector was shown */
    unsigned refused;
    uint64_t bytes;
    uint64_t restarts;
    unsigned loops;
    size_t most_open;
};

static int digit(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/** The last one that may be paid. */
static int choose(void *ctx, const struct mete_client_offer *offers, size_t count)
{
    struct many *m = ctx;
    int pick = -1;
    for (size_t i = 0; i < count; i++) {
        m->seen++;
        m->refused += offers[i].refusal != METE_CLIENT_OFFER_FINE;
        pick = offers[i].refusal == METE_CLIENT_OFFER_FINE ? (int)i : pick;
    }
    return pick;
}

static bool take(void *user, uint64_t at, const void *piece, size_t len)
{
    struct many *m = user;
    (void)piece;
    m->restarts += at == 0 && len == 0;
    m->bytes += len;
    return true;
}

static void result_count(struct many *m, struct mete_client_request *r)
{
    const struct mete_client_result *q = mete_client_result(r);
    const int good = q->error == METE_CLIENT_OK && q->money == METE_CLIENT_MONEY_PAID;
    m->paid += good != 0;
    m->failed += good == 0;
    m->signatures += q->signatures;
    mete_client_request_free(r);
}

/** A loop as a program of its own has it: it never waits inside of the library. */
static void loop(struct many *m)
{
    size_t open;
    do {
        struct mete_client_request *r;
        open = mete_client_work(m->client);
        m->most_open = open > m->most_open ? open : m->most_open;
        while ((r = mete_client_next(m->client)) != NULL) {
            result_count(m, r);
        }
        struct pollfd p = {.fd = mete_client_fd(m->client), .events = POLLIN};
        if (open > 0) {
            (void)poll(&p, 1, mete_client_timeout_ms(m->client));
            m->loops++;
        }
    } while (open > 0);
}

static int open_client(struct many *m, const char *history, uint8_t key[METE_CLIENT_KEY_LEN])
{
    char why[METE_CLIENT_ERROR_MAX];
    const char *const bad[] = {"nowhere", NULL};
    struct mete_client_options o = {.key = key, .history_file = history, .networks = bad};
    struct mete_client *none = NULL;
    if (mete_client_open(&o, &none, why) != METE_CLIENT_USAGE || none != NULL) {
        return 0;
    }
    const char *hex = getenv("KEY");
    for (size_t i = 0; i < METE_CLIENT_KEY_LEN; i++) {
        key[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    }
    o.networks = NULL;
    o.choose = choose;
    o.choose_ctx = m;
    o.parallel = 64;
    return mete_client_open(&o, &m->client, why) == METE_CLIENT_OK;
}

int main(int argc, char **argv)
{
    static const uint8_t zeros[METE_CLIENT_KEY_LEN];
    uint8_t key[METE_CLIENT_KEY_LEN] = {1};
    struct many m = {0};
    const unsigned count =
        argc == 4 ? (unsigned)strlen(argv[3]) : 0; /* as many as it has letters */
    if (count == 0 || count > COUNT_MAX || !open_client(&m, argv[1], key)) {
        return 2;
    }
    const int is_wiped = memcmp(key, zeros, sizeof key) == 0;
    struct mete_client_request *dropped = NULL;
    for (unsigned i = 0; i < count; i++) {
        char url[URL_MAX];
        snprintf(url, sizeof url, "%s/%u", argv[2], i);
        const struct mete_client_ask ask = {.url = url, .take = take, .user = &m};
        if (mete_client_start(m.client, &ask, i == 0 ? &dropped : NULL, NULL) != METE_CLIENT_OK) {
            return 2;
        }
    }
    const struct mete_client_ask wrong = {.url = "ftp://x/"};
    const int is_wrong = mete_client_start(m.client, &wrong, NULL, NULL) == METE_CLIENT_USAGE;
    mete_client_request_free(dropped); /* before its turn */
    loop(&m);
    printf(
        "{\"address\":\"%s\",\"wiped\":%d,\"usage\":%d,\"paid\":%u,\"failed\":%u,\"signatures\":%u,"
        "\"seen\":%u,\"refused\":%u,\"bytes\":%llu,\"restarts\":%llu,\"most_open\":%zu,"
        "\"loops\":%u}\n",
        mete_client_address(m.client), is_wiped, is_wrong, m.paid, m.failed, m.signatures, m.seen,
        m.refused, (unsigned long long)m.bytes, (unsigned long long)m.restarts, m.most_open,
        m.loops);
    mete_client_close(m.client);
    mete_client_close(NULL);
    return 0;
}

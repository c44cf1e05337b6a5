/* SPDX-License-Identifier: Apache-2.0
 * A server in C that sells one page by x402: libmicrohttpd in front, libmete for the payment.
 *   x402-microhttpd PORT FACILITATOR NETWORK PAY_TO PRICE
 * GET /article costs PRICE, everything else is free. */
#include <mete/x402.h>

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REMEMBERED 4096 /* payments; a facilitator that reserves needs none of this */

static struct mete_x402 *seller;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char seen[REMEMBERED][65];
static size_t seen_next;

/** False: another request has this payment, or had it. */
static bool take(const char *key)
{
    bool is_new = true;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < REMEMBERED && is_new; i++) {
        is_new = strcmp(seen[i], key) != 0;
    }
    if (is_new) {
        snprintf(seen[seen_next++ % REMEMBERED], sizeof seen[0], "%s", key);
    }
    pthread_mutex_unlock(&lock);
    return is_new;
}

static void give_back(const char *key)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < REMEMBERED; i++) {
        if (strcmp(seen[i], key) == 0) {
            seen[i][0] = '\0';
        }
    }
    pthread_mutex_unlock(&lock);
}

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *type,
                              const char *text, const char *name, const char *value)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(strlen(text), (void *)(size_t)text, MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(r, "Content-Type", type);
    if (name != NULL && value != NULL && value[0] != '\0') {
        MHD_add_response_header(r, name, value);
    }
    MHD_add_response_header(r, "Cache-Control", status == 200 ? "private" : "no-store");
    enum MHD_Result queued = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return queued;
}

static enum MHD_Result ask_for_pay(struct MHD_Connection *c, const char *url, const char *why)
{
    struct mete_x402_required r;
    mete_x402_required(seller, url, why, &r);
    enum MHD_Result queued =
        answer(c, 402, "application/json", r.body, "PAYMENT-REQUIRED", r.header);
    mete_x402_required_clear(&r);
    return queued;
}

/** What is sold; NULL: it could not be made (here: when ?fail=1 was asked for). */
static const char *page_make(struct MHD_Connection *c)
{
    const char *fail = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "fail");
    return fail == NULL ? "<h1>An article</h1>\n" : NULL;
}

/** The payment is for this page, and nobody else has it. */
static enum MHD_Result sell(struct MHD_Connection *c, const char *url, struct mete_x402_payment *p)
{
    switch (mete_x402_verify(seller, p)) {
    case METE_X402_YES:
        break;
    case METE_X402_NO:
    case METE_X402_PENDING:
        give_back(mete_x402_key(p));
        return ask_for_pay(c, url, mete_x402_reason(p));
    case METE_X402_NOBODY:
        give_back(mete_x402_key(p));
        return answer(c, 503, "text/plain", "Nobody can judge the payment now.\n", NULL, NULL);
    }
    const char *page = page_make(c);
    if (page == NULL) {
        mete_x402_release(seller, p);
        give_back(mete_x402_key(p));
        return answer(c, 500, "text/plain", "It failed, and costs nothing.\n", NULL, NULL);
    }
    enum mete_x402_outcome settled = mete_x402_settle(seller, p, NULL);
    for (int i = 0; i < 3 && settled == METE_X402_PENDING; i++) { /* the same bytes again */
        sleep(1);
        settled = mete_x402_settle(seller, p, NULL);
    }
    if (settled == METE_X402_YES) {
        return answer(c, 200, "text/html", page, mete_x402_response_name(p),
                      mete_x402_response_value(p));
    }
    if (settled == METE_X402_PENDING) { /* no 402: nobody is to pay twice */
        give_back(mete_x402_key(p));
        return answer(c, 503, "text/plain", "Ask again with the same payment.\n",
                      mete_x402_response_name(p), mete_x402_response_value(p));
    }
    mete_x402_release(seller, p);
    give_back(mete_x402_key(p));
    return ask_for_pay(c, url, mete_x402_reason(p));
}

static enum MHD_Result article(struct MHD_Connection *c)
{
    char url[512];
    struct mete_x402_payment *p;
    struct mete_err err;
    const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");
    const char *header = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "PAYMENT-SIGNATURE");
    if (header == NULL) {
        header = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "X-PAYMENT");
    }
    snprintf(url, sizeof url, "http://%s/article", host != NULL ? host : "localhost");
    if (header == NULL) {
        return ask_for_pay(c, url, "Payment required");
    }
    if (mete_x402_read(seller, url, header, &p, &err) != METE_OK) {
        return ask_for_pay(c, url, err.text);
    }
    enum MHD_Result queued =
        take(mete_x402_key(p)) ? sell(c, url, p) : ask_for_pay(c, url, "duplicate_settlement");
    mete_x402_payment_free(p);
    return queued;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    static int head;
    (void)ctx, (void)method, (void)version, (void)data;
    if (*state == NULL) {
        *state = &head;
        return MHD_YES;
    }
    if (*size > 0) {
        *size = 0;
        return MHD_YES;
    }
    return strcmp(path, "/article") == 0 ? article(c)
                                         : answer(c, 200, "text/plain", "free\n", NULL, NULL);
}

int main(int argc, char **argv)
{
    struct mete_err err;
    if (argc != 6) {
        fprintf(stderr, "usage: %s PORT FACILITATOR NETWORK PAY_TO PRICE\n", argv[0]);
        return 2;
    }
    const struct mete_x402_offer offer = {.network = argv[3], .pay_to = argv[4], .price = argv[5]};
    const struct mete_x402_options options = {.facilitator = argv[2],
                                              .offers = &offer,
                                              .offer_count = 1,
                                              .description = "An article",
                                              .mime_type = "text/html"};
    if (mete_x402_open(&seller, &options, &err) != METE_OK) {
        fprintf(stderr, "%s: %s\n", argv[0], err.text);
        return 1;
    }
    unsigned port = 0; /* 0: any free one */
    for (const char *p = argv[1]; *p >= '0' && *p <= '9' && port < 65536; p++) {
        port = port * 10 + (unsigned)(*p - '0');
    }
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *d =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION, 0, NULL,
                         NULL, on_request, NULL, MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_END);
    if (d == NULL) {
        perror(argv[0]);
        mete_x402_close(seller);
        return 1;
    }
    printf("READY %u\n", MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    while (getchar() != EOF) { /* until its input is closed */
    }
    MHD_stop_daemon(d);
    mete_x402_close(seller);
    return 0;
}

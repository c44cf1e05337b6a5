/* SPDX-License-Identifier: Apache-2.0
 * mete fetch: like curl where that makes sense, and it pays when it is asked to. Bodies go to
 * stdout or to files, all talk to stderr; what is paid by which rules is the client's business
 * (mete/client.h). */
#include "cli/fetch.h"

#include "base/encode.h"
#include "base/text.h"
#include "client/pay_history.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define JOB_ARENA_MAX ((size_t)64 << 20)
#define WAITING_MAX   256 /* answers that wait for one before them */
#define STATUS_FAILED 400
#define PATH_LEN_MAX  4096

enum fetch_exit { FETCH_UNKNOWN = CLI_UNPROVEN, FETCH_NOT_DELIVERED = 4 };

/* A request that is under way. */
struct fetch_one {
    struct fetch_job job;
    struct arena arena; /* of a batch's texts */
    struct fetch_output output;
    bool has_failed; /* its file cannot take its place */
    bool is_done;
    struct mete_client_request *request;
    struct fetch_one *next; /* in the order of asking: so bodies reach stdout */
};

struct fetch {
    struct cli *c;
    struct mete_client *client;
    struct json_writer w;
    struct fetch_job like; /* what all requests have in common */
    struct buf body;
    struct fetch_one *first;
    struct fetch_one *last;
    size_t count;
    uint64_t total_ms;
    int status;
};

/* --- where bodies go ---------------------------------------------------------------------------*/

static bool file_take(void *user, uint64_t at, const void *piece, size_t len)
{
    struct fetch_one *one = user;
    return fetch_output_put(&one->output, at, piece, len);
}

static void body_print(struct fetch *f, const struct fetch_one *one)
{
    size_t len;
    if (cli_flag(f->c, "include") && !f->c->json) {
        const char *head = mete_client_header(one->request, &len);
        buf_put(&f->c->out, head, len);
    }
    if (one->job.output == NULL && !f->c->json) {
        const char *body = mete_client_body(one->request, &len);
        buf_put(&f->c->out, body, len);
    }
    cli_flush(f->c);
}

/* --- what became of it -------------------------------------------------------------------------*/

static int exit_of(const struct fetch_one *one, const struct mete_client_result *r)
{
    if (r->error == METE_CLIENT_UNKNOWN) {
        return FETCH_UNKNOWN;
    }
    if (r->error == METE_CLIENT_NOT_DELIVERED) {
        return FETCH_NOT_DELIVERED;
    }
    const bool is_fine = r->error == METE_CLIENT_DRY_RUN ||
                         (r->error == METE_CLIENT_OK && r->status < STATUS_FAILED);
    return is_fine && !one->has_failed ? CLI_OK : CLI_FAILED;
}

/** The worst of all: unknown, then paid and not delivered, then failed. */
static int worse(int a, int b)
{
    static const int ORDER[] = {FETCH_UNKNOWN, FETCH_NOT_DELIVERED, CLI_FAILED};
    for (size_t i = 0; i < ARRAY_LEN(ORDER); i++) {
        if (a == ORDER[i] || b == ORDER[i]) {
            return ORDER[i];
        }
    }
    return CLI_OK;
}

/** A URL for people: its query may hold secrets. */
static struct text plain(const char *url)
{
    return (struct text){url, strcspn(url, "?#")};
}

static void tell(struct fetch *f, const struct fetch_one *one, const struct mete_client_result *r)
{
    const struct text url = plain(one->job.url);
    const struct mete_client_payment *p = &r->payment;
    if (r->error == METE_CLIENT_OK && r->money == METE_CLIENT_MONEY_PAID) {
        const char *amount = p->charged[0] != '\0'
                                 ? fetch_amount(f->c, p->charged, p->decimals, p->symbol)
                                 : p->price;
        cli_note(f->c, "mete: paid %s on %s for %.*s (%s)", amount, p->network, (int)url.len, url.p,
                 p->transaction[0] != '\0' ? p->transaction : "no transaction told");
    } else if (r->error != METE_CLIENT_OK && r->error != METE_CLIENT_DRY_RUN) {
        fprintf(stderr, "mete: %.*s: %s (%s)\n      %s\n", (int)url.len, url.p, r->text,
                mete_client_error_name(r->error), mete_client_error_remedy(r->error));
    } else if (r->text[0] != '\0') {
        cli_note(f->c, "mete: %.*s: %s", (int)url.len, url.p, r->text);
    } else if (r->status >= STATUS_FAILED) {
        cli_note(f->c, "mete: %.*s: the answer has status %u", (int)url.len, url.p, r->status);
    }
}

static void some(struct json_writer *w, const char *key, const char *value)
{
    jw_str(w, key, value[0] != '\0' ? value : NULL);
}

static void payment_write(struct json_writer *w, const struct mete_client_payment *p)
{
    jw_object(w, "payment");
    jw_str(w, "amount", p->amount);
    some(w, "charged", p->charged);
    jw_int(w, "decimals", p->decimals);
    some(w, "symbol", p->symbol);
    jw_str(w, "network", p->network);
    jw_str(w, "asset", p->asset);
    jw_str(w, "pay_to", p->pay_to);
    jw_str(w, "scheme", p->scheme);
    some(w, "transaction", p->transaction);
    some(w, "reason", p->reason);
    some(w, "id", p->id);
    jw_end_object(w);
}

/** What was paid for is not thrown away: as text, or what is none in base64. */
static void body_write(struct json_writer *w, const struct fetch_one *one)
{
    size_t len;
    const char *body = mete_client_body(one->request, &len);
    if (text_is_utf8((struct text){body, len})) {
        jw_text(w, "body", (struct text){body, len});
        return;
    }
    struct buf encoded = {0};
    buf_reserve(&encoded, BASE64_TEXT_MAX(len));
    encoded.len = base64_encode((char *)encoded.p, (struct bytes){(const uint8_t *)body, len});
    jw_text(w, "body_base64", buf_text(&encoded));
    buf_clear(&encoded);
}

static void summary_write(struct fetch *f, const struct fetch_one *one,
                          const struct mete_client_result *r)
{
    struct json_writer *w = &f->w;
    jw_object(w, NULL);
    jw_str(w, "url", one->job.url);
    jw_int(w, "status", r->status);
    jw_str(w, "error", r->error != METE_CLIENT_OK ? mete_client_error_name(r->error) : NULL);
    some(w, "message", r->text);
    jw_str(w, "money", mete_client_money_name(r->money));
    if (r->payment.amount[0] != '\0') {
        payment_write(w, &r->payment);
    } else {
        jw_null(w, "payment");
    }
    jw_int(w, "attempts", r->attempts);
    jw_int(w, "signatures", r->signatures);
    jw_bool(w, "resent", r->is_resent);
    jw_int(w, "bytes", (int64_t)r->body_len);
    jw_str(w, "output", one->job.output);
    jw_int(w, "ms", (int64_t)r->ms);
    if (one->job.output == NULL) {
        body_write(w, one);
    }
    jw_end_object(w);
}

static void one_free(struct fetch_one *one)
{
    mete_client_request_free(one->request);
    (void)fetch_output_close(&one->output, false);
    arena_clear(&one->arena);
    free(one);
}

/** What was paid for, and standard output did not take: whole, beside the history. */
static void body_keep(struct fetch *f, const struct fetch_one *one, const char *id)
{
    char usual[PATH_LEN_MAX];
    struct fetch_output o;
    size_t len;
    const int why = errno;
    const char *body = mete_client_body(one->request, &len);
    const char *history = cli_option(f->c, "history-file");
    if (history == NULL && history_usual(usual, sizeof usual)) {
        history = usual;
    }
    const char *path =
        arena_printf(&f->c->arena, "%s.%s.body", history != NULL ? history : "mete", id).p;
    const struct text url = plain(one->job.url);
    bool is_kept = fetch_output_open(&o, path);
    if (is_kept) {
        is_kept = fetch_output_put(&o, 0, NULL, 0) && fetch_output_put(&o, 0, body, len);
        is_kept = fetch_output_close(&o, is_kept) && is_kept;
    }
    fprintf(stderr, "mete: %.*s: was paid for, and standard output did not take it: %s%s\n",
            (int)url.len, url.p, is_kept ? "it is in " : "it is lost", is_kept ? path : "");
    errno = why;
}

/** Those at the head that are at their end: bodies come in the order of asking. */
static void print_due(struct fetch *f)
{
    while (f->first != NULL && f->first->is_done) {
        struct fetch_one *one = f->first;
        if (one->request != NULL) {
            const struct mete_client_result *r = mete_client_result(one->request);
            one->has_failed = !fetch_output_close(&one->output, r->is_whole);
            body_print(f, one);
            tell(f, one, r);
            f->status = worse(f->status, exit_of(one, r));
            if (f->c->json) {
                summary_write(f, one, r);
                cli_flush(f->c);
            }
            if (f->c->out_failed && one->job.output == NULL && r->body_len > 0 &&
                r->money == METE_CLIENT_MONEY_PAID) {
                body_keep(f, one, r->payment.id);
            }
        }
        f->first = one->next;
        f->count--;
        f->last = f->first != NULL ? f->last : NULL;
        one_free(one);
    }
}

/* --- running -----------------------------------------------------------------------------------*/

static int start(struct fetch *f, struct fetch_one *one)
{
    const char *output = one->job.output;
    if (output != NULL && strcmp(output, "-") == 0) {
        one->job.output = output = NULL;
    }
    if (output != NULL && !fetch_output_open(&one->output, output)) {
        one_free(one);
        return CLI_USAGE;
    }
    char why[METE_CLIENT_ERROR_MAX];
    const struct mete_client_ask ask = {.url = one->job.url,
                                        .method = one->job.method,
                                        .header = one->job.header,
                                        .body = one->job.body.p,
                                        .body_len = one->job.body.len,
                                        .id = one->job.id,
                                        .total_ms = (unsigned)f->total_ms,
                                        .take = one->job.output != NULL ? file_take : NULL,
                                        .user = one};
    if (mete_client_start(f->client, &ask, &one->request, why) != METE_CLIENT_OK) {
        const struct text url = plain(one->job.url);
        const int status = cli_usage(f->c, "%.*s: %s", (int)url.len, url.p, why);
        one_free(one);
        return status;
    }
    if (f->last != NULL) {
        f->last->next = one;
    } else {
        f->first = one;
    }
    f->last = one;
    f->count++;
    return CLI_OK;
}

static struct fetch_one *one_new(struct fetch *f)
{
    struct fetch_one *one = calloc(1, sizeof *one);
    METE_ASSERT(one != NULL);
    one->job = f->like;
    one->output.fd = -1;
    arena_init(&one->arena, JOB_ARENA_MAX);
    return one;
}

static volatile sig_atomic_t interrupted;
static volatile sig_atomic_t wake = -1; /* an eventfd, readable once it was interrupted */

static void on_signal(int number)
{
    static const uint64_t ONE = 1;
    const int before = errno;
    (void)number;
    interrupted = 1;
    (void)!write(wake, &ONE, sizeof ONE);
    errno = before;
}

/** An interruption, which any thread may take, ends all waiting; a second one ends the program as
 *  always. */
static void signals_set(void)
{
    static const int NUMBERS[] = {SIGINT, SIGTERM};
    const struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    (void)signal(SIGPIPE, SIG_IGN); /* who reads has left: what is paid for is kept */
    wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    METE_ASSERT(wake >= 0);
    for (size_t i = 0; i < ARRAY_LEN(NUMBERS); i++) {
        struct sigaction before;
        if (sigaction(NUMBERS[i], &act, &before) == 0 && before.sa_handler == SIG_IGN) {
            (void)sigaction(NUMBERS[i], &before, NULL); /* as who started it wants it */
        }
    }
}

/** Until something can be done, or an interruption: also one that came just now. `more`: what else
 *  to wait for, -1: nothing. Whether it can be read. */
static bool wait_for_any(const struct fetch *f, int more)
{
    struct pollfd p[] = {{.fd = mete_client_fd(f->client), .events = POLLIN},
                         {.fd = wake, .events = POLLIN},
                         {.fd = more, .events = POLLIN}};
    return poll(p, ARRAY_LEN(p), mete_client_timeout_ms(f->client)) > 0 && p[2].revents != 0;
}

/** What can be done without waiting. Returns how many requests are under way. */
static size_t turn(struct fetch *f)
{
    struct mete_client_request *r;
    size_t left = mete_client_work(f->client);
    if (interrupted && left > 0) {
        mete_client_stop(f->client);
        left = 0;
    }
    while ((r = mete_client_next(f->client)) != NULL) {
        ((struct fetch_one *)mete_client_user(r))->is_done = true;
    }
    print_due(f);
    return left;
}

/** Works until at most `open` requests are under way, and not too many wait for one before them. */
static void work(struct fetch *f, size_t open)
{
    size_t left;
    while ((left = turn(f)) > open || (left > 0 && f->count > open + WAITING_MAX)) {
        (void)wait_for_any(f, -1);
    }
}

static int operands_start(struct fetch *f)
{
    struct cli *c = f->c;
    int status = CLI_OK;
    for (int i = 0; status == CLI_OK && i < c->operand_count; i++) {
        struct fetch_one *one = one_new(f);
        one->job.url = c->operand[i];
        one->job.output = cli_option_at(c, "output", i);
        if (cli_flag(c, "remote-name") && one->job.output == NULL) {
            one->job.output = fetch_remote_name(&c->arena, one->job.url);
            if (one->job.output == NULL) {
                one_free(one);
                return cli_usage(c, "the URL has no name for a file: use -o");
            }
        }
        status = start(f, one);
    }
    return status;
}

static int batch_line(struct fetch *f, struct fetch_batch *b, size_t open)
{
    struct fetch_one *one = one_new(f);
    bool has_job;
    int status = fetch_batch_next(f->c, b, &one->arena, &one->job, &has_job);
    if (status != CLI_OK || !has_job) {
        one_free(one);
        return status;
    }
    status = start(f, one);
    work(f, open);
    return status;
}

static int batch_run(struct fetch *f, const char *path)
{
    struct fetch_batch *b;
    uint64_t parallel = FETCH_PARALLEL;
    int status = cli_option_number(f->c, "parallel", 1, FETCH_PARALLEL_MAX, &parallel);
    status = status == CLI_OK ? fetch_batch_open(f->c, path, &b) : status;
    if (status != CLI_OK) {
        return status;
    }
    while (status == CLI_OK && !fetch_batch_is_end(b) && !interrupted) {
        if (fetch_batch_is_ready(b)) {
            status = batch_line(f, b, 2 * parallel); /* a long file is not held in memory */
            continue;
        }
        (void)turn(f);
        if (wait_for_any(f, fetch_batch_fd(b))) {
            fetch_batch_read(b);
        }
    }
    fetch_batch_close(b);
    return status;
}

static void fetch_clear(struct fetch *f)
{
    while (f->first != NULL) {
        struct fetch_one *next = f->first->next;
        one_free(f->first);
        f->first = next;
    }
    mete_client_close(f->client);
    buf_clear(&f->body);
}

static int fetch_all(struct fetch *f)
{
    const char *batch = cli_option(f->c, "from-file");
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0}); /* a key is about */
    signals_set();
    int status = fetch_client_open(f->c, &f->client, &f->total_ms);
    status = status == CLI_OK ? fetch_like_read(f->c, &f->body, &f->like) : status;
    if (status != CLI_OK) {
        return status;
    }
    if (f->c->json) {
        cli_json_begin(f->c, &f->w);
        jw_array(&f->w, NULL);
    }
    status = operands_start(f);
    if (status == CLI_OK) { /* else nothing is asked at all */
        status = batch != NULL ? batch_run(f, batch) : status;
        work(f, 0);
    }
    if (f->c->json) {
        jw_end_array(&f->w);
        cli_json_end(f->c);
    }
    if (f->status == FETCH_UNKNOWN || f->status == FETCH_NOT_DELIVERED) {
        return f->status; /* whatever else went wrong: this is money */
    }
    return interrupted ? CLI_INTERRUPTED : status != CLI_OK ? status : f->status;
}

static int fetch_run(struct cli *c)
{
    struct fetch f = {.c = c, .status = CLI_OK};
    if (cli_flag(c, "history")) {
        return c->operand_count > 0 ? cli_usage(c, "--history takes no URL") : fetch_history(c);
    }
    if (c->csv) {
        return cli_usage(c, "--csv is for --history");
    }
    if (c->operand_count == 0 && cli_option(c, "from-file") == NULL) {
        return cli_usage(c, "a URL, or --from-file, or --history");
    }
    const int status = fetch_all(&f);
    fetch_clear(&f);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"request", 'X', "METHOD", "the method; else GET, or POST with a body"},
    {"header", 'H', "LINE", "a header, 'Name: value'; may be repeated"},
    {"data", 'd', "DATA|@FILE", "the body; may be repeated, joined by &"},
    {"output", 'o', "FILE", "where the body goes; once for each URL"},
    {"remote-name", 'O', NULL, "into a file of the URL's last name"},
    {"include", 'i', NULL, "print the header of the answer, too"},
    {"location", 'L', NULL, "follow redirections; a payment stays with its origin"},
    {"max-time", 0, "SECONDS", "for a request with all its attempts; else without bound"},
    {"attempt-time", 0, "SECONDS", "until an answer begins, and without a byte; else 60"},
    {"retry", 0, "N", "attempts after the first; else 4"},
    {"parallel", 0, "N", "requests at once; else 16"},
    {"from-file", 0, "FILE|-", "a batch: a URL a line, or a JSON object a line"},
    {"cacert", 0, "FILE", "certificates to trust, instead of the system's"},
    {"allow-http", 0, NULL, "http also outside of this machine"},
    {"public-only", 0, NULL, "only hosts with addresses of the public Internet"},
    {"key-file", 0, "FILE", "the private key; 64 hexadecimal digits, mode 0600"},
    {"key-env", 0, "NAME", "the variable that holds it; else METE_PAY_KEY"},
    {"max-amount", 0, "AMOUNT", "for one request: \"$0.05\", \"0.05 USDC\"; else $1"},
    {"max-per-host", 0, "AMOUNT", "for one host and day (UTC)"},
    {"max-per-day", 0, "AMOUNT", "for one day (UTC)"},
    {"max-total", 0, "AMOUNT", "for all of the history"},
    {"network", 0, "LIST", "only these: base,eip155:137"},
    {"asset", 0, "LIST", "only USDC, or also eip155:8453/0xADDRESS/6/NAME"},
    {"scheme", 0, "LIST", "only these: exact,upto"},
    {"recipient", 0, "LIST", "only these addresses are paid"},
    {"select", 0, "RULE", "cheapest (else), first, preferred (by --network)"},
    {"rpc", 0, "LIST", "NETWORK=URL: nodes that say what became of a payment"},
    {"id", 0, "ID", "names the request: it is paid once, ever"},
    {"dry-run", 0, NULL, "say what would be paid, and pay nothing"},
    {"no-pay", 0, NULL, "a 402 is an answer like others"},
    {"pay-again", 0, NULL, "pay anew where an old payment is unknown for good, or brought nothing"},
    {"history", 0, NULL, "list what was paid, by --network, --asset and those below"},
    {"history-file", 0, "FILE", "else METE_PAY_HISTORY, else one of the state home"},
    {"totals", 0, NULL, "sums by day, host and asset"},
    {"host", 0, "HOST", "payments to this host"},
    {"state", 0, "STATE", "signed, sent, paid, owed, refused, unknown, expired, abandoned"},
    {"from", 0, "TIME", "signed at this time or later"},
    {"until", 0, "TIME", "signed until this time"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_fetch = {
    .name = "fetch",
    .operands = "URL...",
    .operands_min = 0,
    .operands_max = CLI_ANY,
    .summary = "fetch URLs, and pay for those that ask for it (x402)",
    .about = "A payment is written down before it is sent; whatever happens, the same request\n"
             "sends the same payment again and never signs a second one. Exits 1 when one was\n"
             "not fetched, 3 when it is unknown whether a payment was taken, 4 when one was\n"
             "taken and nothing came for it.",
    .option = OPTIONS,
    .no_csv = false,
    .run = fetch_run};

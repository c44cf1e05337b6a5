/* SPDX-License-Identifier: Apache-2.0
 * covers: F-070 F-071 F-074 F-077
 * The tracker without a server: costs and lines by hand and at random (METE_TEST_SEED), sums that
 * do not depend on an order, bounds of memory and disk, fork, close, and how long calls take. */
#include "base/i128.h"
#include "base/rng.h"
#include "base/text.h"
#include "client/report.h"
#include "client/tracker_parts.h"
#include "mete/tracker.h"

#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <netinet/in.h>

#define NOBODY "http://127.0.0.1:9/usage"

static void seed_rng(struct rng *r)
{
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    print_message("# seed %llu (METE_TEST_SEED)\n", (unsigned long long)seed);
    rng_seed(r, seed);
}

/* Costs and lines */

static void test_costs_are_plain_decimals(void **state)
{
    static const struct {
        const char *text;
        const char *back; /* NULL: refused */
    } CASES[] = {{"0", "0"},
                 {"0.01", "0.01"},
                 {"1.50", "1.5"},
                 {"007", "7"},
                 {"0.000000000000000001", "0.000000000000000001"},
                 {"999999999999.999999999999999999", "999999999999.999999999999999999"},
                 {"1000000000000", NULL},
                 {"0.0000000000000000001", NULL},
                 {"", NULL},
                 {".5", NULL},
                 {"5.", NULL},
                 {"-1", NULL},
                 {"+1", NULL},
                 {"1e3", NULL},
                 {"1,5", NULL},
                 {" 1", NULL},
                 {"1.2.3", NULL}};
    char back[COST_TEXT_MAX];
    i128 v;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        assert_int_equal(cost_parse(text_of(CASES[i].text), &v), CASES[i].back != NULL);
        if (CASES[i].back != NULL) {
            assert_int_equal(cost_format(v, back), strlen(CASES[i].back));
            assert_string_equal(back, CASES[i].back);
        }
    }
}

static struct text random_member(struct rng *r, char *out)
{
    static const char *const PIECE[] = {"a", "/", "\"", "\\", " ", "\xc3\xa4", "\xf0\x9f\x98\x80",
                                        "0"};
    size_t len = 0;
    size_t pieces = 1 + rng_below(r, 40);
    for (size_t i = 0; i < pieces; i++) {
        const char *p = PIECE[rng_below(r, ARRAY_LEN(PIECE))];
        memcpy(out + len, p, strlen(p));
        len += strlen(p);
    }
    return (struct text){out, len};
}

static void random_call(struct rng *r, struct call *c, char text[4][METE_TRACKER_TEXT_MAX])
{
    *c = (struct call){.at = 1 + (mete_time)rng_below(r, (uint64_t)TIME_MAX),
                       .calls = 1 + rng_below(r, CALLS_MAX),
                       .cost = (i128)rng_next(r) * (i128)rng_below(r, UINT64_C(1) << 34),
                       .currency = TEXT("USD"),
                       .policy = random_member(r, text[0]),
                       .endpoint = random_member(r, text[1])};
    if (rng_below(r, 2) == 0) {
        c->wallet = random_member(r, text[2]);
    }
}

static void test_lines_come_back_and_changed_ones_do_not(void **state)
{
    char text[4][METE_TRACKER_TEXT_MAX];
    char line[CALL_LINE_MAX];
    struct rng r;
    struct call c;
    struct call back;
    (void)state;
    seed_rng(&r);
    for (int i = 0; i < 20000; i++) {
        random_call(&r, &c, text);
        assert_true(call_is_valid(&c));
        size_t len = call_format(&c, line);
        assert_int_equal(line[len - 1], '\n');
        assert_true(call_parse((struct text){line, len - 1}, &back));
        assert_true(back.at == c.at && back.calls == c.calls && back.cost == c.cost);
        assert_true(text_eq(back.policy, c.policy) && text_eq(back.endpoint, c.endpoint) &&
                    text_eq(back.wallet, c.wallet) && text_eq(back.currency, c.currency));
        assert_false(call_parse((struct text){line, rng_below(&r, len - 1)}, &back));
        line[rng_below(&r, len - 1)] ^= (char)(1 + rng_below(&r, 255));
        assert_false(call_parse((struct text){line, len - 1}, &back));
    }
}

/** The body that a file of these calls gives, all wallets after each other. */
static char *bodies_of(struct call *call, size_t count, struct text cli)
{
    char *file = NULL;
    char *out = NULL;
    size_t len;
    char line[CALL_LINE_MAX];
    struct report r;
    FILE *f = open_memstream(&file, &len);
    fwrite(line, 1, head_format(1, cli, line), f);
    for (size_t i = 0; i < count; i++) {
        fwrite(line, 1, call_format(&call[i], line), f);
    }
    fputs("call\t1\thalf a li", f);
    fclose(f);
    assert_int_equal(report_read(&r, (struct text){file, len}), REPORT_OK);
    assert_int_equal(r.torn, 1);
    f = open_memstream(&out, &len);
    for (size_t at = 0; at < r.count; at = report_run(&r, at)) {
        report_write(&r, at, report_run(&r, at), "id", f);
    }
    fclose(f);
    report_clear(&r);
    free(file);
    return out;
}

static void test_sums_do_not_depend_on_the_order(void **state)
{
    static const char *const ENDPOINT[] = {"/a", "/b\""};
    static const char *const WALLET[] = {"", "w"};
    static const char *const CURRENCY[] = {"USD", "EUR"};
    struct call call[200];
    struct rng r;
    (void)state;
    seed_rng(&r);
    for (size_t i = 0; i < ARRAY_LEN(call); i++) {
        call[i] = (struct call){.at = 1 + (mete_time)rng_below(&r, (uint64_t)TIME_SECOND_US * 7200),
                                .calls = 1 + rng_below(&r, 5),
                                .cost = (i128)rng_next(&r),
                                .currency = text_of(CURRENCY[rng_below(&r, 2)]),
                                .policy = TEXT("p"),
                                .endpoint = text_of(ENDPOINT[rng_below(&r, 2)]),
                                .wallet = text_of(WALLET[rng_below(&r, 2)])};
    }
    char *first = bodies_of(call, ARRAY_LEN(call), TEXT("c"));
    for (size_t i = ARRAY_LEN(call) - 1; i > 0; i--) {
        size_t with = rng_below(&r, i + 1);
        struct call c = call[i];
        call[i] = call[with];
        call[with] = c;
    }
    char *second = bodies_of(call, ARRAY_LEN(call), TEXT("c"));
    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void test_a_body_by_hand(void **state)
{
    struct call call[] = {{.at = 3000000,
                           .calls = 2,
                           .cost = (i128)u128_pow10(16),
                           .currency = TEXT("USD"),
                           .policy = TEXT("p"),
                           .endpoint = TEXT("/a\"\\"),
                           .wallet = TEXT("w")},
                          {.at = 1000000,
                           .calls = 1,
                           .cost = (i128)u128_pow10(17) * 3,
                           .currency = TEXT("USD"),
                           .policy = TEXT("p"),
                           .endpoint = TEXT("/a\"\\"),
                           .wallet = TEXT("w")},
                          {.at = 2000000,
                           .calls = 1,
                           .cost = 0,
                           .currency = TEXT("EUR"),
                           .policy = TEXT("p"),
                           .endpoint = TEXT("/a\"\\"),
                           .wallet = TEXT("w")}};
    (void)state;
    char *body = bodies_of(call, ARRAY_LEN(call), TEXT("c"));
    assert_string_equal(body, "{\"report_id\":\"id\",\"cliId\":\"c\",\"customerWallet\":\"w\","
                              "\"usage\":[{\"timestamp\":\"1970-01-01T00:00:02Z\",\"endpoint\":\"/"
                              "a\\\"\\\\\",\"cost\":\"0\",\"currency\":\"EUR\",\"calls\":1,"
                              "\"fairAttribution\":\"p\"},{\"timestamp\":\"1970-01-01T00:00:03Z\","
                              "\"endpoint\":\"/a\\\"\\\\\",\"cost\":\"0.31\",\"currency\":\"USD\","
                              "\"calls\":3,\"fairAttribution\":\"p\"}]}");
    free(body);
}

/* The functions of mete/tracker.h */

static void url_is(const char *given, const char *wanted)
{
    const struct mete_tracker_options o = {.cli_id = "urn:c", .url = given};
    struct mete_tracker_options full;
    assert_true(options_complete(&full, &o));
    assert_string_equal(full.url, wanted);
    options_clear(&full);
}

static void test_every_host_can_be_chosen(void **state)
{
    (void)state;
    unsetenv("METE_USAGE_URL");
    unsetenv("DISTRIBUTION_SERVICE_URL");
    url_is(NULL, "https://distribution.fair.io/usage");
    setenv("DISTRIBUTION_SERVICE_URL", "http://d:1", 1);
    url_is(NULL, "http://d:1/usage");
    setenv("DISTRIBUTION_SERVICE_URL", "http://d:1/", 1);
    url_is(NULL, "http://d:1/usage");
    setenv("METE_USAGE_URL", "http://u/x", 1);
    url_is(NULL, "http://u/x");
    url_is("http://given", "http://given");
    unsetenv("METE_USAGE_URL");
    unsetenv("DISTRIBUTION_SERVICE_URL");
}

struct place {
    char path[64];
};

static void place_make(struct place *p)
{
    (void)snprintf(p->path, sizeof(p->path), "/tmp/mete-tracker-XXXXXX");
    assert_non_null(mkdtemp(p->path));
}

/** Removes the folder; returns the bytes of its files that end so. */
static size_t place_end(struct place *p, const char *suffix)
{
    DIR *d = opendir(p->path);
    const struct dirent *e;
    size_t bytes = 0;
    while ((e = readdir(d)) != NULL) {
        char name[512];
        FILE *f;
        (void)snprintf(name, sizeof(name), "%s/%s", p->path, e->d_name);
        size_t len = strlen(name);
        if (e->d_name[0] != '.' && len > strlen(suffix) &&
            strcmp(name + len - strlen(suffix), suffix) == 0 && (f = fopen(name, "r")) != NULL) {
            fseek(f, 0, SEEK_END);
            bytes += (size_t)ftell(f);
            fclose(f);
        }
        (void)unlink(name);
    }
    closedir(d);
    assert_int_equal(rmdir(p->path), 0);
    return bytes;
}

static struct mete_tracker *tracker_in(const struct place *p, struct mete_tracker_options o)
{
    o.cli_id = "urn:c";
    o.url = o.url != NULL ? o.url : NOBODY;
    o.spool = p->path;
    struct mete_tracker *t = mete_tracker_open(&o);
    assert_non_null(t);
    return t;
}

static void test_nothing_is_a_tracker_too(void **state)
{
    const struct mete_tracker_options none = {.cli_id = NULL};
    const struct mete_tracker_options bad = {.cli_id = "a\nb"};
    struct mete_tracker_stats s;
    (void)state;
    assert_null(mete_tracker_open(NULL));
    assert_null(mete_tracker_open(&none));
    assert_null(mete_tracker_open(&bad));
    assert_false(mete_track_call(NULL, "/a", "1"));
    assert_false(mete_tracker_report(NULL, 1000));
    assert_false(mete_tracker_flush(NULL, 1000));
    mete_tracker_stats(NULL, &s);
    assert_int_equal(s.recorded, 0);
    mete_tracker_close(NULL);
}

static void test_what_cannot_be_reported_is_counted(void **state)
{
    char large[METE_TRACKER_TEXT_MAX + 2];
    struct mete_tracker_stats s;
    struct place p;
    (void)state;
    memset(large, 'a', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    place_make(&p);
    struct mete_tracker *t = tracker_in(&p, (struct mete_tracker_options){0});
    const struct mete_tracker_call bad[] = {
        {.endpoint = "/a", .cost = NULL},
        {.endpoint = "/a", .cost = "x"},
        {.endpoint = NULL, .cost = "1"},
        {.endpoint = "", .cost = "1"},
        {.endpoint = "a\tb", .cost = "1"},
        {.endpoint = "\xff", .cost = "1"},
        {.endpoint = large, .cost = "1"},
        {.endpoint = "/a", .cost = "1", .at_us = -1},
        {.endpoint = "/a", .cost = "1", .calls = UINT64_MAX},
        {.endpoint = "/a", .cost = "1", .currency = ""},
        {.endpoint = "/a", .cost = "1", .policy = ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(mete_tracker_record(t, &bad[i]));
    }
    assert_false(mete_tracker_record(t, NULL));
    large[METE_TRACKER_TEXT_MAX] = '\0';
    assert_true(mete_track_call(t, large, "1"));
    assert_true(mete_tracker_flush(t, 5000));
    mete_tracker_stats(t, &s);
    assert_int_equal(s.invalid, ARRAY_LEN(bad));
    assert_int_equal(s.recorded, 1);
    assert_int_equal(s.written, 1);
    mete_tracker_close(t);
    assert_true(place_end(&p, ".calls") > METE_TRACKER_TEXT_MAX);
}

static void test_memory_and_disk_have_bounds(void **state)
{
    struct mete_tracker_stats s;
    struct place p;
    (void)state;
    place_make(&p);
    const struct mete_tracker_options o = {.memory_max = 4096, .disk_max = 8192};
    struct mete_tracker *t = tracker_in(&p, o);
    for (int i = 0; i < 200000; i++) {
        (void)mete_track_call(t, "/v1/charges", "0.01");
    }
    (void)mete_tracker_flush(t, 5000);
    mete_tracker_stats(t, &s);
    assert_int_equal(s.recorded + s.dropped_memory, 200000);
    assert_int_equal(s.written + s.dropped_disk, s.recorded);
    assert_true(s.dropped_memory > 0);
    assert_true(s.dropped_disk > 0);
    mete_tracker_close(t);
    size_t bytes = place_end(&p, "");
    assert_true(bytes > 4096 && bytes <= 8192);
}

static void test_a_child_of_fork_does_nothing_and_holds_nothing(void **state)
{
    struct place p;
    int status;
    int runs[2]; /* the child says that fork() is over in it too: until then it holds what it
                    inherits */
    char one;
    (void)state;
    place_make(&p);
    struct mete_tracker *t = tracker_in(&p, (struct mete_tracker_options){0});
    assert_true(mete_track_call(t, "/a", "1") && mete_tracker_flush(t, 5000));
    assert_int_equal(pipe(runs), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)!write(runs[1], "x", 1);
        bool taken = mete_track_call(t, "/a", "1") || mete_tracker_report(t, 10);
        mete_tracker_close(t);
        sleep(2);
        _exit(taken);
    }
    assert_int_equal(read(runs[0], &one, 1), 1);
    close(runs[0]);
    close(runs[1]);
    mete_tracker_close(t);
    t = tracker_in(&p, (struct mete_tracker_options){0}); /* takes the file over at once */
    assert_true(mete_track_call(t, "/a", "1") && mete_tracker_flush(t, 5000));
    mete_tracker_close(t);
    DIR *d = opendir(p.path);
    int files = 0;
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        files += e->d_name[0] != '.';
    }
    closedir(d);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(files, 1);
    (void)place_end(&p, "");
}

static void test_exit_writes_what_nobody_closed(void **state)
{
    struct place p;
    int status;
    (void)state;
    place_make(&p);
    pid_t child = fork();
    if (child == 0) {
        /* a process of its own: cmocka's must not run its end twice */
        struct mete_tracker *t = tracker_in(&p, (struct mete_tracker_options){0});
        bool taken = mete_track_call(t, "/a", "1");
        exit(taken ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(place_end(&p, ".calls") > 100);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/** A server that takes connections and says nothing, ever. */
static int silent_server(char url[64])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(s, 16), 0);
    assert_int_equal(getsockname(s, (struct sockaddr *)&a, &len), 0);
    (void)snprintf(url, 64, "http://127.0.0.1:%u/usage", ntohs(a.sin_port));
    return s;
}

static void test_a_silent_server_holds_nobody_up(void **state)
{
    char url[64];
    struct mete_tracker_stats s;
    struct place p;
    (void)state;
    int server = silent_server(url);
    place_make(&p);
    struct mete_tracker *t =
        tracker_in(&p, (struct mete_tracker_options){.url = url, .close_wait_ms = 10000});
    assert_true(mete_track_call(t, "/a", "1"));
    assert_false(mete_tracker_report(t, 300));
    int64_t began = now_ms();
    assert_true(mete_track_call(t, "/b", "1"));
    assert_true(mete_tracker_flush(t, 5000)); /* written while the answer is awaited */
    assert_true(now_ms() - began < 1000);
    mete_tracker_stats(t, &s);
    assert_int_equal(s.written, 2);
    assert_int_equal(s.attempts, 0); /* it has not come to an end */
    began = now_ms();
    mete_tracker_close(t);
    assert_true(now_ms() - began < 1000);
    close(server);
    assert_true(place_end(&p, "") > 200);
}

/** Does somebody connect within so many milliseconds? */
static bool is_asked(int server, int ms)
{
    struct pollfd p = {.fd = server, .events = POLLIN};
    if (poll(&p, 1, ms) != 1) {
        return false;
    }
    close(accept(server, NULL, NULL));
    return true;
}

static void test_reports_come_by_themselves(void **state)
{
    char url[64];
    struct place p;
    (void)state;
    int server = silent_server(url);
    place_make(&p);
    struct mete_tracker *t = tracker_in(&p, (struct mete_tracker_options){.url = url});
    assert_true(mete_track_call(t, "/a", "1") && mete_tracker_flush(t, 5000));
    assert_false(is_asked(server, 1500)); /* not within the hour */
    mete_tracker_close(t);

    const struct mete_tracker_options second = {.url = url, .interval_s = 2};
    t = tracker_in(&p, second); /* what it finds is younger than two seconds, not for long */
    assert_true(is_asked(server, 4000));
    mete_tracker_close(t);
    (void)place_end(&p, "");

    place_make(&p);
    t = tracker_in(&p, second);
    assert_true(mete_track_call(t, "/b", "1") && mete_tracker_flush(t, 5000));
    assert_false(is_asked(server, 500));
    assert_true(is_asked(server, 4000));
    mete_tracker_close(t);
    (void)place_end(&p, "");
    close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_costs_are_plain_decimals),
        cmocka_unit_test(test_lines_come_back_and_changed_ones_do_not),
        cmocka_unit_test(test_sums_do_not_depend_on_the_order),
        cmocka_unit_test(test_a_body_by_hand),
        cmocka_unit_test(test_every_host_can_be_chosen),
        cmocka_unit_test(test_nothing_is_a_tracker_too),
        cmocka_unit_test(test_what_cannot_be_reported_is_counted),
        cmocka_unit_test(test_memory_and_disk_have_bounds),
        cmocka_unit_test(test_a_child_of_fork_does_nothing_and_holds_nothing),
        cmocka_unit_test(test_exit_writes_what_nobody_closed),
        cmocka_unit_test(test_a_silent_server_holds_nobody_up),
        cmocka_unit_test(test_reports_come_by_themselves),
    };
    return cmocka_run_group_tests_name("tracker", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Requests of workers against servers that misbehave, each in a thread of its own on the loopback:
 * what is said to be proven must be so. Names are resolved by this program itself, so that a name
 * can stand for any address. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "rails/web.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- names -------------------------------------------------------------------------------------*/

static const struct {
    const char *name;
    const char *address[2];
} names[] = {
    {"four.example", {"127.0.0.1", NULL}},       {"six.example", {"::1", NULL}},
    {"meta.example", {"169.254.169.254", NULL}}, {"mapped.example", {"::ffff:127.0.0.1", NULL}},
    {"private.example", {"10.0.0.1", NULL}},     {"both.example", {"10.0.0.1", "127.0.0.1"}},
    {"ula.example", {"fd00::1", NULL}},
};

static struct addrinfo *address_of(const char *text, unsigned short port)
{
    struct addrinfo *out = calloc(1, sizeof *out + sizeof(struct sockaddr_in6));
    assert_non_null(out);
    out->ai_addr = (struct sockaddr *)(void *)(out + 1);
    out->ai_socktype = SOCK_STREAM;
    out->ai_protocol = IPPROTO_TCP;
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)out->ai_addr;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)out->ai_addr;
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        out->ai_addrlen = sizeof *four;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        out->ai_addrlen = sizeof *six;
    }
    out->ai_family = out->ai_addr->sa_family;
    return out;
}

/* In the place of the C library's, for libcurl too. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    const unsigned short port = (unsigned short)(service != NULL ? strtoul(service, NULL, 10) : 0);
    (void)hints;
    *out = NULL;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i].name, node) == 0) {
            *out = address_of(names[i].address[0], port);
            if (names[i].address[1] != NULL)
                (*out)->ai_next = address_of(names[i].address[1], port);
            return 0;
        }
    }
    struct in6_addr any;
    if (inet_pton(AF_INET, node, &any) != 1 && inet_pton(AF_INET6, node, &any) != 1)
        return EAI_NONAME;
    *out = address_of(node, port);
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}

/* --- servers -----------------------------------------------------------------------------------*/

enum behaviour {
    SAYS,         /* the answer, then closes */
    SAYS_NOTHING, /* closes behind the request */
    HANGS,        /* reads, and says nothing until it is stopped */
    DRIPS,        /* a byte of the answer in 20 ms, for ever */
    SAYS_TWICE,   /* keeps the connection, closes it behind the second request without a word */
    CLOSES        /* does not even read */
};

struct server {
    enum behaviour behaviour;
    const char *answer;
    int listener;
    int stop[2];
    unsigned short port;
    pthread_t thread;
    unsigned connections;
    unsigned requests;
    char last[4096];
};

static bool stopped(struct server *s, int ms)
{
    struct pollfd p = {.fd = s->stop[0], .events = POLLIN};
    return poll(&p, 1, ms) > 0;
}

/** One whole request (heads and a body of its length); false: the client has gone. */
static bool request_take(struct server *s, int fd)
{
    size_t len = 0;
    memset(s->last, 0, sizeof s->last);
    for (;;) {
        struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = s->stop[0], .events = POLLIN}};
        if (poll(p, 2, -1) < 0 || p[1].revents != 0)
            return false;
        ssize_t n = read(fd, s->last + len, sizeof s->last - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        const char *end = strstr(s->last, "\r\n\r\n");
        const char *sized = strstr(s->last, "Content-Length: ");
        const size_t body = sized != NULL ? strtoul(sized + 16, NULL, 10) : 0;
        if (end != NULL && len >= (size_t)(end + 4 - s->last) + body) {
            s->requests++;
            return true;
        }
    }
}

static void put(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        text += n;
        len -= (size_t)n;
    }
}

static void behave(struct server *s, int fd)
{
    if (s->behaviour == CLOSES)
        return;
    bool is_asked = request_take(s, fd);
    switch (s->behaviour) {
    case SAYS:
        put(fd, s->answer, strlen(s->answer));
        break;
    case SAYS_TWICE:
        put(fd, s->answer, strlen(s->answer));
        (void)request_take(s, fd);
        break;
    case DRIPS:
        put(fd, s->answer, strlen(s->answer));
        while (is_asked && !stopped(s, 20) && send(fd, ".", 1, MSG_NOSIGNAL) == 1)
            ;
        break;
    case HANGS:
        (void)stopped(s, -1);
        break;
    case SAYS_NOTHING:
    case CLOSES:
    default:
        break;
    }
}

static void *serve(void *arg)
{
    struct server *s = arg;
    for (;;) {
        struct pollfd p[2] = {{.fd = s->listener, .events = POLLIN},
                              {.fd = s->stop[0], .events = POLLIN}};
        if (poll(p, 2, -1) < 0 || p[1].revents != 0)
            return NULL;
        int fd = accept(s->listener, NULL, NULL);
        s->connections++;
        behave(s, fd);
        close(fd);
    }
}

static int listener_make(unsigned short *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)(void *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static void server_start(struct server *s, enum behaviour b, const char *answer)
{
    *s = (struct server){.behaviour = b, .answer = answer};
    s->listener = listener_make(&s->port);
    assert_int_equal(pipe(s->stop), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
    assert_int_equal(write(s->stop[1], "x", 1), 1);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    close(s->listener);
    close(s->stop[0]);
    close(s->stop[1]);
}

/* --- asking ------------------------------------------------------------------------------------*/

static struct web_answer got;

static enum web_outcome ask(const struct web_options *o, struct web_request q, const char *url)
{
    struct web *w = NULL;
    q.url = url;
    q.method = q.method != NULL ? q.method : "GET";
    web_open(&w, o);
    web_do(w, &q, &got);
    web_close(w);
    return got.outcome;
}

static enum web_outcome ask_port(const struct web_options *o, struct web_request q,
                                 unsigned short port)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/path?secret=1", port);
    return ask(o, q, url);
}

static const struct web_options plain = {.allow_http = true, .total_ms = 30000};
static const struct web_request nothing = {.method = NULL};

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: a/b\r\n\r\nok"

static void test_a_whole_answer(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, SAYS,
                 "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nContent-Type: text/x; charset=y \r\n"
                 "Request-Id: req_1\r\nRetry-After: 7\r\n\r\nwait");
    struct web_request q = {
        .method = "POST", .header = {"X-A: 1", "X-B: 2"}, .body = {(const uint8_t *)"a\0b", 3}};
    assert_int_equal(ask_port(&plain, q, s.port), WEB_ANSWERED);
    assert_int_equal(got.status, 503);
    assert_true(text_is(buf_text(&got.body), "wait"));
    assert_string_equal(got.content_type, "text/x; charset=y");
    assert_string_equal(got.request_id, "req_1");
    assert_int_equal(got.retry_after_s, 7);
    assert_non_null(strstr(s.last, "POST /path?secret=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(s.last, "X-A: 1\r\nX-B: 2\r\n"));
    assert_non_null(strstr(s.last, "Content-Length: 3\r\n"));
    assert_null(strstr(s.last, "Expect"));
    server_stop(&s);
}

static void test_nothing_was_sent(void **state)
{
    (void)state;
    unsigned short port = 0;
    close(listener_make(&port)); /* now dead */
    assert_int_equal(ask_port(&plain, nothing, port), WEB_NOT_SENT);
    assert_null(strstr(got.error, "secret"));
    assert_int_equal(ask(&plain, nothing, "http://nobody.example/"), WEB_NOT_SENT);
}

static void test_nobody_can_say_what_was_received(void **state)
{
    (void)state;
    static const struct {
        enum behaviour behaviour;
        const char *answer;
    } rows[] = {
        {SAYS_NOTHING, NULL},
        {HANGS, NULL},
        {SAYS, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"},
        {SAYS, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"},
        {SAYS, "HTTP/1.1 200 OK\r\nContent-Le"},
        {SAYS, "rubbish"},
        {DRIPS, "HTTP/1.1 200 OK\r\n\r\n"},
        {DRIPS, "HTTP/1.1 200 OK\r\nX: "},
        {SAYS, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct server s;
        struct web_options o = plain;
        o.total_ms = rows[i].behaviour == HANGS || rows[i].behaviour == DRIPS ? 2500 : 30000;
        server_start(&s, rows[i].behaviour, rows[i].answer);
        if (ask_port(&o, (struct web_request){.method = "POST"}, s.port) != WEB_BROKEN)
            fail_msg("row %zu: outcome %d", i, (int)got.outcome);
        assert_true(got.error[0] != '\0');
        assert_null(strstr(got.error, "secret"));
        server_stop(&s);
        assert_int_equal(s.requests, 1);
    }
}

static void test_trailers_belong_to_a_whole_answer(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, SAYS,
                 "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                 "Trailer: X-End\r\n\r\n2\r\nok\r\n0\r\nX-End: 1\r\n\r\n");
    assert_int_equal(ask_port(&plain, nothing, s.port), WEB_ANSWERED);
    assert_true(text_is(buf_text(&got.body), "ok"));
    server_stop(&s);
}

static void test_an_answer_that_is_too_long(void **state)
{
    (void)state;
    struct server s;
    struct web_options o = plain;
    server_start(&s, SAYS, OK_ANSWER);
    o.answer_max = 2;
    assert_int_equal(ask_port(&o, nothing, s.port), WEB_ANSWERED);
    o.answer_max = 1;
    assert_int_equal(ask_port(&o, nothing, s.port), WEB_BROKEN);
    assert_non_null(strstr(got.error, "too long"));
    server_stop(&s);
    server_start(&s, DRIPS, "HTTP/1.1 200 OK\r\n\r\n"); /* without saying how long it gets */
    o.answer_max = 5;
    assert_int_equal(ask_port(&o, nothing, s.port), WEB_BROKEN);
    assert_non_null(strstr(got.error, "too long"));
    server_stop(&s);
}

static void test_redirects_are_answers(void **state)
{
    (void)state;
    struct server target;
    struct server s;
    char answer[200];
    server_start(&target, SAYS, OK_ANSWER);
    snprintf(answer, sizeof answer,
             "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/\r\nContent-Length: 0\r\n\r\n",
             target.port);
    server_start(&s, SAYS, answer);
    assert_int_equal(ask_port(&plain, nothing, s.port), WEB_ANSWERED);
    assert_int_equal(got.status, 302);
    server_stop(&s);
    server_stop(&target);
    assert_int_equal(target.connections, 0);
}

/* A stream that goes on: its first line is there at once, and the rest is not waited for. */
static void test_first_line_of_a_stream(void **state)
{
    (void)state;
    struct server s;
    struct web_request q = {.is_first_line = true};
    server_start(&s, DRIPS, "HTTP/1.1 200 OK\r\n\r\n{\"a\":1}\n{\"b\":2}\n");
    assert_int_equal(ask_port(&plain, q, s.port), WEB_ANSWERED);
    assert_true(text_is(buf_text(&got.body), "{\"a\":1}"));
    server_stop(&s);
    struct web_options o = plain;
    o.total_ms = 2500;
    server_start(&s, DRIPS, "HTTP/1.1 200 OK\r\n\r\n{\"a\":");
    assert_int_equal(ask_port(&o, q, s.port), WEB_BROKEN);
    server_stop(&s);
}

/* --- addresses ---------------------------------------------------------------------------------*/

static void test_addresses_that_are_not_public(void **state)
{
    (void)state;
    struct server s;
    const struct web_options o = {.allow_http = true, .public_only = true, .any_port = true};
    static const char *const hosts[] = {"four.example",    "six.example",       "meta.example",
                                        "ula.example",     "mapped.example",    "private.example",
                                        "both.example",    "127.0.0.1",         "[::1]",
                                        "169.254.169.254", "[::ffff:127.0.0.1]"};
    server_start(&s, SAYS, OK_ANSWER);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        char url[100];
        snprintf(url, sizeof url, "http://%s:%u/", hosts[i], s.port);
        if (ask(&o, nothing, url) != WEB_REFUSED)
            fail_msg("%s: outcome %d", hosts[i], (int)got.outcome);
        assert_null(strstr(got.error, hosts[i]));
    }
    char url[100];
    snprintf(url, sizeof url, "http://four.example:%u/", s.port);
    assert_int_equal(ask(&plain, nothing, url), WEB_ANSWERED); /* the name does lead there */
    server_stop(&s);
    assert_int_equal(s.connections, 1);
}

static void test_urls_that_are_not_asked(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool allow_http;
        const char *words;
    } rows[] = {
        {"http://pay.example/", false, "https"},   {"https://pay.example:8443/", false, "port"},
        {"http://pay.example:443/", true, "port"}, {"ftp://pay.example/", true, ""},
        {"https://u:p@pay.example/", true, ""},    {"https://pay.example/a b", true, ""},
        {"file:///etc/passwd", true, ""}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct web_options o = {.public_only = true, .allow_http = rows[i].allow_http};
        if (ask(&o, nothing, rows[i].url) != WEB_REFUSED ||
            strstr(got.error, rows[i].words) == NULL)
            fail_msg("%s: outcome %d '%s'", rows[i].url, (int)got.outcome, got.error);
    }
    const struct web_options o = {.public_only = true};
    assert_int_equal(ask(&o, nothing, "https://nobody.example/"), WEB_NOT_SENT);
    assert_null(strstr(got.error, "nobody"));
}

/* The environment must lead neither to a proxy nor around one. */
static void test_proxies_of_the_environment(void **state)
{
    (void)state;
    struct server s;
    struct server proxy;
    char url[64];
    server_start(&s, SAYS, OK_ANSWER);
    server_start(&proxy, CLOSES, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", proxy.port);
    assert_int_equal(setenv("http_proxy", url, 1), 0);
    assert_int_equal(setenv("all_proxy", url, 1), 0);
    assert_int_equal(ask_port(&plain, nothing, s.port), WEB_ANSWERED);
    assert_int_equal(proxy.connections, 0);
    assert_int_equal(setenv("no_proxy", "*", 1), 0);
    struct web_options o = plain;
    snprintf(url, sizeof url, "socks5h://127.0.0.1:%u", proxy.port);
    o.proxy = url;
    const enum web_outcome through = ask_port(&o, nothing, s.port);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("no_proxy");
    server_stop(&proxy);
    server_stop(&s);
    assert_int_equal(through, WEB_NOT_SENT);
    assert_int_equal(proxy.connections, 1);
    assert_int_equal(s.connections, 1);
}

/* --- connections that are kept -----------------------------------------------------------------*/

static void test_a_kept_connection_that_dies(void **state)
{
    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        struct server s;
        struct web *w = NULL;
        char url[64];
        struct web_options o = plain;
        o.keep_alive = keep;
        server_start(&s, SAYS_TWICE, OK_ANSWER);
        snprintf(url, sizeof url, "http://127.0.0.1:%u/", s.port);
        const struct web_request q = {.method = "POST", .url = url};
        web_open(&w, &o);
        web_do(w, &q, &got);
        assert_int_equal(got.outcome, WEB_ANSWERED);
        web_do(w, &q, &got);
        assert_int_equal(got.outcome, WEB_ANSWERED);
        web_close(w);
        server_stop(&s);
        /* kept: the second request died with its connection and was sent again */
        assert_int_equal(s.connections, 2);
        assert_int_equal(s.requests, keep ? 3 : 2);
    }
}

/* --- TLS ---------------------------------------------------------------------------------------*/

static char folder[] = "/tmp/mete-web-XXXXXX";

static void shell(const char *command)
{
    char line[600];
    snprintf(line, sizeof line, "cd %s && { %s; } >/dev/null 2>&1", folder, command);
    assert_int_equal(system(line), 0);
}

/** A server of openssl with the certificate `name`; returns when it listens. */
static pid_t tls_start(const char *name, unsigned short *port)
{
    char cert[100], key[100], accept_at[32];
    close(listener_make(port));
    snprintf(cert, sizeof cert, "%s/%s.pem", folder, name);
    snprintf(key, sizeof key, "%s/%s.key", folder, name);
    snprintf(accept_at, sizeof accept_at, "127.0.0.1:%u", *port);
    pid_t pid = fork();
    if (pid == 0) {
        (void)!freopen("/dev/null", "w", stdout);
        (void)!freopen("/dev/null", "w", stderr);
        execlp("openssl", "openssl", "s_server", "-www", "-accept", accept_at, "-cert", cert,
               "-key", key, (char *)NULL);
        _exit(127);
    }
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int tries = 0; tries < 2000; tries++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        int rc = connect(fd, (struct sockaddr *)(void *)&a, sizeof a);
        close(fd);
        if (rc == 0)
            return pid;
        assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
        usleep(10000);
    }
    fail_msg("openssl s_server does not listen");
    return -1;
}

static void tls_stop(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static enum web_outcome ask_tls(const char *host, unsigned short port, const char *ca,
                                const char *pinned)
{
    char url[64], ca_path[100], pinned_path[100];
    snprintf(url, sizeof url, "https://%s:%u/", host, port);
    snprintf(ca_path, sizeof ca_path, "%s/%s.pem", folder, ca != NULL ? ca : "");
    snprintf(pinned_path, sizeof pinned_path, "%s/%s.pem", folder, pinned != NULL ? pinned : "");
    const struct web_options o = {.ca_file = ca != NULL ? ca_path : NULL,
                                  .pinned = pinned != NULL ? pinned_path : NULL};
    return ask(&o, nothing, url);
}

static void test_tls(void **state)
{
    (void)state;
    unsigned short port = 0;
    shell("for n in one other; do openssl req -x509 -newkey ec -pkeyopt "
          "ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout $n.key -out $n.pem -subj /CN=$n "
          "-addext subjectAltName=DNS:four.example || exit 1; done");
    pid_t pid = tls_start("one", &port);
    assert_int_equal(ask_tls("four.example", port, "one", NULL), WEB_ANSWERED);
    assert_int_equal(got.status, 200);
    /* proven: not even the head of the request has left */
    assert_int_equal(ask_tls("four.example", port, NULL, NULL), WEB_NOT_SENT);
    assert_int_equal(ask_tls("four.example", port, "other", NULL), WEB_NOT_SENT);
    assert_int_equal(ask_tls("127.0.0.1", port, "one", NULL), WEB_NOT_SENT);
    /* the certificate itself, whatever name it bears */
    assert_int_equal(ask_tls("127.0.0.1", port, NULL, "one"), WEB_ANSWERED);
    assert_int_equal(ask_tls("127.0.0.1", port, NULL, "other"), WEB_NOT_SENT);
    tls_stop(pid);
}

static void test_tls_where_nobody_speaks_it(void **state)
{
    (void)state;
    static const enum behaviour behaviours[] = {SAYS, CLOSES, SAYS_NOTHING};
    for (size_t i = 0; i < ARRAY_LEN(behaviours); i++) {
        struct server s;
        char url[64];
        server_start(&s, behaviours[i], OK_ANSWER);
        snprintf(url, sizeof url, "https://127.0.0.1:%u/", s.port);
        const struct web_options o = {.total_ms = 400};
        assert_int_equal(ask(&o, nothing, url), WEB_NOT_SENT);
        server_stop(&s);
    }
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    web_answer_clear(&got);
    shell("rm -f one.pem one.key other.pem other.key");
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_answer),
        cmocka_unit_test(test_nothing_was_sent),
        cmocka_unit_test(test_nobody_can_say_what_was_received),
        cmocka_unit_test(test_trailers_belong_to_a_whole_answer),
        cmocka_unit_test(test_an_answer_that_is_too_long),
        cmocka_unit_test(test_redirects_are_answers),
        cmocka_unit_test(test_first_line_of_a_stream),
        cmocka_unit_test(test_addresses_that_are_not_public),
        cmocka_unit_test(test_urls_that_are_not_asked),
        cmocka_unit_test(test_proxies_of_the_environment),
        cmocka_unit_test(test_a_kept_connection_that_dies),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_tls_where_nobody_speaks_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

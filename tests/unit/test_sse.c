/* SPDX-License-Identifier: Apache-2.0
 * covers: F-001
 * Server-sent events: what is written, and what a client reads out of it by the steps of the WHATWG
 * standard, whatever characters go in. And which form of an answer an Accept header asks for. */
#include "base/rng.h"
#include "base/text.h"
#include "http/accept.h"
#include "http/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- a client ----------------------------------------------------------------------------------*/

struct client {
    struct buf id;
    struct buf type;
    struct buf data;
    struct buf last_data; /* of the last event that was dispatched */
    struct buf last_type;
    unsigned events;
};

static void client_clear(struct client *c)
{
    buf_clear(&c->id);
    buf_clear(&c->type);
    buf_clear(&c->data);
    buf_clear(&c->last_data);
    buf_clear(&c->last_type);
}

static void dispatch(struct client *c)
{
    if (c->data.len == 0) {
        buf_reset(&c->type);
        return;
    }
    buf_reset(&c->last_data);
    buf_put(&c->last_data, c->data.p, c->data.len - 1); /* without its last LF */
    buf_reset(&c->last_type);
    buf_put_text(&c->last_type, buf_text(&c->type));
    buf_reset(&c->data);
    buf_reset(&c->type);
    c->events++;
}

static void field(struct client *c, struct text line)
{
    const char *colon = memchr(line.p, ':', line.len);
    struct text name = {line.p, colon != NULL ? (size_t)(colon - line.p) : line.len};
    struct text value = {line.p + name.len, line.len - name.len};
    size_t skip = value.len > 1 && value.p[1] == ' ' ? 2 : value.len > 0;
    value = (struct text){value.p + skip, value.len - skip};
    if (text_is(name, "event")) {
        buf_reset(&c->type);
        buf_put_text(&c->type, value);
    } else if (text_is(name, "data")) {
        buf_put_text(&c->data, value);
        buf_put_u8(&c->data, '\n');
    } else if (text_is(name, "id") && (value.len == 0 || memchr(value.p, 0, value.len) == NULL)) {
        buf_reset(&c->id);
        buf_put_text(&c->id, value);
    }
}

static void client_read(struct client *c, struct text in)
{
    for (size_t at = 0; at < in.len;) {
        size_t len = 0;
        while (at + len < in.len && in.p[at + len] != '\r' && in.p[at + len] != '\n') {
            len++;
        }
        assert_true(at + len < in.len); /* the last line is ended, too */
        if (len == 0) {
            dispatch(c);
        } else if (in.p[at] != ':') {
            field(c, (struct text){in.p + at, len});
        }
        bool pair = in.p[at + len] == '\r' && at + len + 1 < in.len && in.p[at + len + 1] == '\n';
        at += len + 1 + pair;
    }
}

/* --- the encoder -------------------------------------------------------------------------------*/

static struct text event(struct buf *out, struct text id, struct text type, struct text data)
{
    buf_reset(out);
    sse_event(out, id, type, data);
    return buf_text(out);
}

static void an_event_is_written_as_the_standard_has_it(void **state)
{
    struct buf out = {0};
    (void)state;
    assert_true(text_is(event(&out, TEXT("7"), TEXT("a.b"), TEXT("{\"x\":1}")),
                        "id: 7\nevent: a.b\ndata: {\"x\":1}\n\n"));
    assert_true(
        text_is(event(&out, (struct text){0}, (struct text){0}, (struct text){0}), "data: \n\n"));
    assert_true(text_is(event(&out, TEXT("1"), TEXT(""), TEXT("a\nb\r\nc\rd")),
                        "id: 1\ndata: a\ndata: b\ndata: c\ndata: d\n\n"));
    assert_true(text_is(event(&out, TEXT("1"), TEXT(""), TEXT("\n\n")),
                        "id: 1\ndata: \ndata: \ndata: \n\n"));
    assert_true(text_is(event(&out, TEXT("\r\n"), TEXT("x\ndata: y"), TEXT("z")),
                        "event: xdata: y\ndata: z\n\n"));
    assert_true(text_is(event(&out, (struct text){"a\0b", 3}, TEXT(""), TEXT(" z")),
                        "id: ab\ndata:  z\n\n"));
    buf_reset(&out);
    sse_comment(&out, TEXT("a\ndata: b"));
    sse_comment(&out, TEXT(""));
    sse_retry(&out, 1500);
    assert_true(text_is(buf_text(&out), ": a\n: data: b\n\n: \n\nretry: 1500\n\n"));
    buf_clear(&out);
}

/** What a client sees for the data: every line break is one LF. */
static void seen(struct text data, struct buf *out)
{
    buf_reset(out);
    for (size_t i = 0; i < data.len; i++) {
        bool pair = data.p[i] == '\r' && i + 1 < data.len && data.p[i + 1] == '\n';
        buf_put_u8(out, (uint8_t)(data.p[i] == '\r' ? '\n' : data.p[i]));
        i += pair;
    }
}

static struct text random_text(struct rng *rng, char *room, size_t max)
{
    static const char letters[] = "ab: \r\n\r\n\0{d";
    size_t len = (size_t)rng_below(rng, max);
    for (size_t i = 0; i < len; i++) {
        room[i] = letters[rng_below(rng, sizeof letters - 1)];
    }
    return (struct text){room, len};
}

static void whatever_goes_in_comes_out(void **state)
{
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 20250101;
    struct rng rng;
    struct buf out = {0};
    struct buf wanted = {0};
    struct client c = {0};
    char room[3][40];
    (void)state;
    rng_seed(&rng, seed);
    print_message("# seed %llu (METE_TEST_SEED)\n", (unsigned long long)seed);
    for (unsigned i = 0; i < 20000; i++) {
        struct text id = random_text(&rng, room[0], 8);
        struct text type = random_text(&rng, room[1], 8);
        struct text data = random_text(&rng, room[2], sizeof room[2]);
        client_read(&c, event(&out, id, type, data));
        seen(data, &wanted);
        assert_int_equal(c.events, i + 1); /* one, not none and not two */
        assert_true(text_eq(buf_text(&c.last_data), buf_text(&wanted)));
        for (size_t k = 0; k < c.last_type.len; k++) {
            assert_non_null(memchr(type.p, c.last_type.p[k], type.len));
        }
        buf_reset(&out);
        sse_comment(&out, data);
        client_read(&c, buf_text(&out));
        assert_int_equal(c.events, i + 1); /* a comment says nothing */
    }
    client_clear(&c);
    buf_clear(&out);
    buf_clear(&wanted);
}

/* --- Accept ------------------------------------------------------------------------------------*/

static void the_form_is_the_one_that_is_liked_best(void **state)
{
    static const char *const offer[] = {"application/json", "text/event-stream",
                                        "application/x-ndjson", NULL};
    static const struct {
        const char *accept;
        size_t wanted;
    } rows[] = {
        {"", 0},
        {"*/*", 0},
        {"text/event-stream", 1},
        {"TEXT/Event-Stream", 1},
        {"text/*", 1},
        {"application/x-ndjson", 2},
        {"application/x-ndjson; charset=utf-8", 2},
        {"application/*", 0},
        {"text/event-stream, application/json", 0},
        {"text/event-stream, application/json;q=0.9", 1},
        {"application/json;q=0.5 , application/x-ndjson;q=0.51", 2},
        {"*/*;q=0.1, text/event-stream;q=0.2", 1},
        {"text/event-stream;q=0, */*;q=0.1", 0},
        {"application/json;q=0, */*", 1},
        {"text/html", 0},
        {"text/event-stream;q=banana", 0},
        {";;;,,,", 0},
        {"text/event-streamx", 0},
        {"text/event", 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct exchange x;
        exchange_init(&x);
        x.header[0] = (struct pair){TEXT("accept"), text_of(rows[i].accept)};
        x.header_count = 1;
        if (accept_pick(&x, offer) != rows[i].wanted) {
            fail_msg("\"%s\" picks %zu", rows[i].accept, accept_pick(&x, offer));
        }
        x.header_count = 0;
        assert_int_equal(accept_pick(&x, offer), 0);
        exchange_clear(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_written_as_the_standard_has_it),
        cmocka_unit_test(whatever_goes_in_comes_out),
        cmocka_unit_test(the_form_is_the_one_that_is_liked_best),
    };
    return cmocka_run_group_tests_name("sse", tests, NULL, NULL);
}

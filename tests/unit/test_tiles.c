/* SPDX-License-Identifier: Apache-2.0
 * The names of tiles: each tile has one, and nothing else is one. */
#include "http/tiles.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool read_name(const char *name, struct tile *t)
{
    return tile_index_read(text_of(name), t);
}

static void names_are_read(void **state)
{
    static const struct {
        const char *name;
        uint64_t index;
        unsigned width;
    } cases[] = {
        {"000", 0, 256},
        {"007", 7, 256},
        {"999", 999, 256},
        {"x001/000", 1000, 256},
        {"x001/234", 1234, 256},
        {"x001/x234/067", 1234067, 256},
        {"x004/x294/x967/295", 4294967295, 256},
        {"000.p/1", 0, 1},
        {"067.p/255", 67, 255},
        {"x001/234.p/17", 1234, 17},
        {"x004/x294/x967/295.p/9", 4294967295, 9},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tile t = {0};
        if (!read_name(cases[i].name, &t)) {
            fail_msg("%s is a name", cases[i].name);
        }
        assert_true(t.index == cases[i].index && t.width == cases[i].width);
    }
}

static void nothing_else_is_one(void **state)
{
    static const char *const names[] = {
        "",
        "0",
        "00",
        "0000",
        "1",
        "a00",
        "00a",
        "x00",
        "x000",
        "x001",
        "x001/",
        "/000",
        "000/",
        "001/000",
        "x000/001",
        "x001/x00",
        "x001/x000",
        "X001/000",
        "x01/000",
        "x0001/000",
        "000.p",
        "000.p/",
        "000.p/0",
        "000.p/00",
        "000.p/01",
        "000.p/256",
        "000.p/a",
        "000.p/-1",
        "000.p/1000",
        "000.q/1",
        "000/1",
        "x000.p/1",
        "x001/000.p",
        "000.p/1/1",
        "+00",
        " 00",
        "000.P/1",
        "00.p/1",
        "x001/x000/x000",
        "000.p/1.p/1",
        "x001/x001/x001/x001/x001/x001/x001/000",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct tile t = {0};
        if (read_name(names[i], &t)) {
            fail_msg("'%s' is no name", names[i]);
        }
    }
}

/* Written by the rule and read back, for numbers of every length. */
static void every_index_has_its_name(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < UINT64_C(1) << 32; n = n * 3 / 2 + 1) {
        char name[64];
        uint64_t high = n / 1000;
        size_t at = 0;
        for (uint64_t place = 1000000; place > 0; place /= 1000) {
            if (high >= place) {
                at += (size_t)snprintf(name + at, sizeof name - at, "x%03u/",
                                       (unsigned)(high / place % 1000));
            }
        }
        snprintf(name + at, sizeof name - at, "%03u", (unsigned)(n % 1000));
        struct tile t = {0};
        assert_true(read_name(name, &t));
        assert_true(t.index == n);
    }
}

static void levels(void **state)
{
    struct tile t = {0};
    (void)state;
    assert_true(tile_level_read(TEXT("0"), &t) && t.level == 0);
    assert_true(tile_level_read(TEXT("63"), &t) && t.level == 63);
    static const char *const wrong[] = {"", "64", "00", "01", "-1", "x", "1.0", "100", " 1"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_false(tile_level_read(text_of(wrong[i]), &t));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read),
        cmocka_unit_test(nothing_else_is_one),
        cmocka_unit_test(every_index_has_its_name),
        cmocka_unit_test(levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

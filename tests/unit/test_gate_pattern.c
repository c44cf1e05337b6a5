/* SPDX-License-Identifier: Apache-2.0
 * Globs of the gate against a matcher that tries everything, on random patterns and paths over few
 * letters; and paths in one spelling. The seed is printed. */
#include "base/rng.h"
#include "base/text.h"
#include "gate/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* By recursion over both: slow, and plainly what the header says. */
static bool plain_match(const char *g, const char *k)
{
    if (*g == '\0') {
        return *k == '\0';
    }
    if (*g != '*') {
        return *g == *k && plain_match(g + 1, k + 1);
    }
    bool is_double = g[1] == '*';
    const char *rest = g + (is_double ? 2 : 1);
    for (;; k++) {
        if (plain_match(rest, k)) {
            return true;
        }
        if (*k == '\0' || (*k == '/' && !is_double)) {
            return false;
        }
    }
}

static void globs_are_what_they_say(void **state)
{
    static const char LETTERS[] = "ab/*";
    struct rng r;
    struct arena a;
    unsigned hits = 0;
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20261122;
    (void)state;
    print_message("# seed %llu (METE_TEST_SEED)\n", (unsigned long long)seed);
    rng_seed(&r, seed);
    arena_init(&a, 1 << 20);
    for (int i = 0; i < 200000; i++) {
        char glob[16] = "/";
        char key[16] = "/";
        struct gate_pattern p;
        size_t glob_len = 1 + (size_t)rng_below(&r, 9);
        size_t key_len = 1 + (size_t)rng_below(&r, 9);
        for (size_t k = 1; k < glob_len; k++) {
            glob[k] = LETTERS[rng_below(&r, 4)];
        }
        for (size_t k = 1; k < key_len; k++) {
            key[k] = LETTERS[rng_below(&r, 3)];
        }
        arena_reset(&a);
        struct text t = {glob, glob_len};
        if (gate_pattern_glob(&a, t, &p, NULL) != METE_OK) {
            continue; /* "//" */
        }
        char folded[16] = {0};
        memcpy(folded, p.glob.p, p.glob.len);
        size_t len = strlen(folded);
        bool wanted = plain_match(folded, key);
        if (!wanted && len > 3 && strcmp(folded + len - 3, "/**") == 0) {
            folded[len - 3] = '\0';
            wanted = plain_match(folded, key);
        }
        hits += wanted;
        if (gate_pattern_match(&p, (struct text){key, key_len}) != wanted) {
            fail_msg("%s and %s: not %d", glob, key, wanted);
        }
    }
    print_message("# %u of them match\n", hits);
    assert_true(hits > 5000);
    arena_clear(&a);
}

static void a_path_has_one_spelling(void **state)
{
    static const struct {
        const char *raw, *clean, *key, *cut; /* clean NULL: refused */
    } rows[] = {
        {"/", "/", "/", "/"},
        {"/A/b", "/A/b", "/a/b", "/a/b"},
        {"/a/b/", "/a/b/", "/a/b", "/a/b"},
        {"//a///b", "/a/b", "/a/b", "/a/b"},
        {"/a/./b/../c", "/a/c", "/a/c", "/a/c"},
        {"/a/..", "/", "/", "/"},
        {"/%61%2Db", "/a-b", "/a-b", "/a-b"},
        {"/a%20b", "/a%20b", "/a b", "/a b"},
        {"/a;x=1/b", "/a;x=1/b", "/a;x=1/b", "/a/b"},
        {"/a%3fb/c", "/a%3Fb/c", "/a?b/c", "/a"},
        {"/a.", "/a.", "/a.", "/a"},
        {"/caf%c3%a9", "/caf%C3%A9", "/caf\xc3\xa9", "/caf\xc3\xa9"},
        {"/..", NULL, NULL, NULL},
        {"/a/../..", NULL, NULL, NULL},
        {"/a%2fb", NULL, NULL, NULL},
        {"/a%5cb", NULL, NULL, NULL},
        {"/a%00", NULL, NULL, NULL},
        {"/a%", NULL, NULL, NULL},
        {"/a%4", NULL, NULL, NULL},
        {"/a%zz", NULL, NULL, NULL},
        {"/%2561", NULL, NULL, NULL},
        {"/%ff", NULL, NULL, NULL},
        {"/a/..;/b", NULL, NULL, NULL},
        {"a", NULL, NULL, NULL},
        {"", NULL, NULL, NULL},
    };
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gate_path p;
        const char *wrong = gate_path_read(&a, text_of(rows[i].raw), &p);
        if ((wrong != NULL) != (rows[i].clean == NULL)) {
            fail_msg("%s: %s", rows[i].raw, wrong != NULL ? wrong : "taken");
        }
        if (wrong == NULL) {
            assert_string_equal(p.clean.p, rows[i].clean);
            assert_string_equal(p.key.p, rows[i].key);
            assert_string_equal(p.cut.p, rows[i].cut);
        }
    }
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs_are_what_they_say),
        cmocka_unit_test(a_path_has_one_spelling),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

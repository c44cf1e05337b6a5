/* SPDX-License-Identifier: Apache-2.0
 * What control groups allow, read from folders made like theirs. */
#include "store/memory_limit.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PHYSICAL ((size_t)16 << 30)

static char dir[64];

static const char *path_of(const char *name)
{
    static char path[256];
    assert_true(snprintf(path, sizeof path, "%s/%s", dir, name) < (int)sizeof path);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static size_t limit(const char *membership)
{
    char file[128];
    put("self", membership);
    assert_true(snprintf(file, sizeof file, "%s/self", dir) < (int)sizeof file);
    return memory_limit_of(file, dir, PHYSICAL);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/mete-limit.XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(mkdir(path_of("system.slice"), 0700), 0);
    assert_int_equal(mkdir(path_of("system.slice/mete.service"), 0700), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const files[] = {"self", "memory.max", "system.slice/memory.max",
                                        "system.slice/mete.service/memory.max"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        unlink(path_of(files[i]));
    }
    rmdir(path_of("system.slice/mete.service"));
    rmdir(path_of("system.slice"));
    return rmdir(dir);
}

static void test_the_least_counts(void **state)
{
    (void)state;
    const char *service = "0::/system.slice/mete.service\n";
    assert_int_equal(limit(service), PHYSICAL);
    put("system.slice/mete.service/memory.max", "max\n");
    assert_int_equal(limit(service), PHYSICAL);
    put("system.slice/memory.max", "1073741824\n");
    assert_int_equal(limit(service), 1073741824);
    put("system.slice/mete.service/memory.max", "268435456\n");
    assert_int_equal(limit(service), 268435456);
    assert_int_equal(limit("0::/system.slice\n"), 1073741824);
    put("system.slice/mete.service/memory.max", "99999999999999999999999\n");
    assert_int_equal(limit(service), 1073741824);
}

/* In a container the process sees its own group as the root. */
static void test_the_root_of_a_container(void **state)
{
    (void)state;
    put("memory.max", "536870912\n");
    assert_int_equal(limit("0::/\n"), 536870912);
    assert_int_equal(limit("1:name=systemd:/\n0::/\n"), 536870912);
    assert_int_equal(limit("0::/gone/elsewhere\n"), 536870912);
}

static void test_what_cannot_be_read_limits_nothing(void **state)
{
    (void)state;
    put("memory.max", "");
    assert_int_equal(limit("0::/\n"), PHYSICAL);
    put("memory.max", "17179869185\n");
    assert_int_equal(limit("0::/\n"), PHYSICAL);
    put("memory.max", "1\n");
    assert_int_equal(limit("4:memory:/only/of/the/older/kind\n"), PHYSICAL);
    assert_int_equal(memory_limit_of("/nowhere", dir, PHYSICAL), PHYSICAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_least_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_root_of_a_container, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_read_limits_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("memory_limit", tests, NULL, NULL);
}

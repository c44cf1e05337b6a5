/* SPDX-License-Identifier: Apache-2.0
 * The file of the internal ledger is its owner's alone, and making it changes nothing for the other
 * threads of the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "rails/ledger/ledger.h"

static unsigned masks_changed;

/** In the place of libc's: a process has one mask, and files are made by all of its threads. */
mode_t umask(mode_t mask)
{
    masks_changed++;
    return (mode_t)syscall(SYS_umask, mask);
}

static const char *setting_get(void *ctx, const char *name)
{
    return strcmp(name, "file") == 0 ? ctx : NULL;
}

static void mode_check(const char *file, const char *end)
{
    char path[200];
    struct stat st;
    snprintf(path, sizeof path, "%s%s", file, end);
    if (stat(path, &st) != 0 || (st.st_mode & 0777) != 0600) {
        fail_msg("%s: mode %03o", end, (unsigned)(st.st_mode & 0777));
    }
}

static void test_file(void **state)
{
    char folder[] = "/tmp/mete-ledger-XXXXXX";
    char file[100];
    char command[200];
    struct rail *r = NULL;
    struct arena a;
    struct mete_err err;
    struct rail_payment p = {.book = TEXT("main"),
                             .transfer_id = TEXT("po_00000000000000000000000000000001"),
                             .party = TEXT("did:a"),
                             .attempt = 1,
                             .asset = *asset_builtin(TEXT("USD")),
                             .amount = 100,
                             .fee_max = -1,
                             .destination = TEXT("a"),
                             .now = TIME_DAY_US};
    struct rail_payment *one = &p;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/wallets", folder);
    const mode_t before = (mode_t)syscall(SYS_umask, 0);
    const struct rail_config c = {setting_get, file};
    assert_int_equal(rail_internal_ledger.open(&r, &c, &err), METE_OK);
    arena_init(&a, (size_t)1 << 20);
    rail_internal_ledger.prepare(r, &one, 1, &a);
    assert_int_equal(p.report.outcome, RAIL_ACCEPTED);
    p.sending_at = p.now;
    rail_internal_ledger.send(r, &one, 1, &a);
    assert_int_equal(p.report.outcome, RAIL_PAID);
    mode_check(file, "");
    mode_check(file, "-wal");
    mode_check(file, "-shm");
    rail_internal_ledger.close(r);
    arena_clear(&a);
    assert_int_equal(syscall(SYS_umask, before), 0);
    assert_int_equal(masks_changed, 0);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_file)};
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}

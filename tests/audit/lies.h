/* SPDX-License-Identifier: Apache-2.0
 * What tests of the auditor share: a story is told once as it was, and then with each of its lies.
 * The truth is accepted; of a lie the first difference has to say where it stands. */
#ifndef METE_TESTS_AUDIT_LIES_H
#define METE_TESTS_AUDIT_LIES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit/audit.h"
#include "scene.h"

struct lies {
    const char *name;
    void (*tell)(struct scene *s, int lie); /* lie 0: the truth */
    const char *const *first_word;          /* [lie]: part of the first difference */
    int count;                              /* with the truth */
};

static const struct lies *lies;

/** A further row of the export; single quotes become double ones. */
METE_PRINTF(2, 3)
__attribute__((unused)) static void row(struct scene *s, const char *fmt, ...)
{
    char text[900];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    scene_row(s, text);
}

static char *audit_lie(int lie, enum audit_status *status)
{
    struct scene s;
    struct buf text = {0};
    char *report = NULL;
    size_t size = 0;
    scene_init(&s);
    lies->tell(&s, lie);
    scene_write(&s, &text);
    FILE *out = open_memstream(&report, &size);
    FILE *in = fmemopen(text.p, text.len, "rb");
    assert_non_null(out);
    assert_non_null(in);
    *status = audit_run(in, out, false, false);
    fclose(in);
    fclose(out);
    buf_clear(&text);
    scene_clear(&s);
    return report;
}

static void the_truth_is_accepted(void **state)
{
    (void)state;
    enum audit_status status;
    char *report = audit_lie(0, &status);
    if (status != AUDIT_HOLDS)
        fail_msg("%s", report);
    free(report);
}

static void each_lie_is_found_where_it_stands(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (int lie = 1; lie < lies->count; lie++) {
        enum audit_status status;
        char *report = audit_lie(lie, &status);
        const char *word = lies->first_word[lie];
        char *end = strchr(report, '\n');
        assert_non_null(word);
        assert_non_null(end);
        *end = '\0';
        if (status != AUDIT_DIFFERS || strstr(report, word) == NULL) {
            print_message("# lie %d: wanted \"%s\", found \"%s\"\n", lie, word, report);
            wrong++;
        }
        free(report);
    }
    print_message("# %d lies\n", lies->count - 1);
    assert_int_equal(wrong, 0);
}

static int lies_run(const struct lies *all)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_truth_is_accepted),
        cmocka_unit_test(each_lie_is_found_where_it_stands),
    };
    lies = all;
    return cmocka_run_group_tests_name(all->name, tests, NULL, NULL);
}

#endif

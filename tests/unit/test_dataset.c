/* SPDX-License-Identifier: Apache-2.0
 * covers: M-083 M-084
 * The columns of the dataset: a stable contract. Names are words and stand once in a family, every
 * column has a tier and a source, and keys come first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/export_dataset.h"

static bool is_word(const char *s)
{
    return s[0] != '\0' && strspn(s, "abcdefghijklmnopqrstuvwxyz_") == strlen(s);
}

static void column_check(const struct dataset_table *t, size_t i)
{
    const struct dataset_column *c = &t->column[i];
    bool is_path = c->path != NULL;
    if (!is_word(c->name) || c->tier > 3 || c->says[0] == '\0' ||
        is_path != (c->value == VALUE_NONE) || c->value >= VALUE_COUNT)
        fail_msg("%s.%s", t->name, c->name);
    if (is_path && strncmp(c->path, "payload/", 8) != 0 &&
        strncmp(c->path, "correlation/", 12) != 0 && strncmp(c->path, "source/", 7) != 0)
        fail_msg("%s.%s comes from %s", t->name, c->name, c->path);
    for (size_t k = 0; k < i; k++) {
        if (strcmp(t->column[k].name, c->name) == 0)
            fail_msg("%s.%s stands there twice", t->name, c->name);
        if (c->tier == 0 && t->column[k].tier != 0)
            fail_msg("%s.%s is a key behind others", t->name, c->name);
    }
}

static void columns_are_a_contract(void **state)
{
    (void)state;
    for (int f = 0; f < FAMILY_COUNT; f++) {
        const struct dataset_table *t = dataset_table_of((enum dataset_family)f);
        assert_true(is_word(t->name));
        assert_true(t->count > 0 && t->count <= DATASET_COLUMNS_MAX);
        for (size_t i = 0; i < t->count; i++)
            column_check(t, i);
        for (int k = 0; k < f; k++)
            assert_string_not_equal(t->name, dataset_table_of((enum dataset_family)k)->name);
    }
}

static bool has(enum dataset_family family, const char *name, unsigned tiers)
{
    const struct dataset_table *t = dataset_table_of(family);
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->column[i].name, name) == 0)
            return dataset_has_column(&t->column[i], tiers);
    }
    fail_msg("%s has no column %s", t->name, name);
    return false;
}

static void tiers_select(void **state)
{
    static const char *const growth[] = {
        "hook",          "cta",       "format", "offer_framing", "landing_page_type",
        "experiment_id", "variant_id"};
    const unsigned one = 1u << 1, two = 1u << 2, three = 1u << 3;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(growth); i++) {
        assert_true(has(FAMILY_CREATIVES, growth[i], two));
        assert_false(has(FAMILY_CREATIVES, growth[i], one | three));
    }
    assert_true(has(FAMILY_SPEND, "amount", one) && !has(FAMILY_SPEND, "amount", two));
    assert_true(has(FAMILY_SPEND, "pacing_reason", two) &&
                !has(FAMILY_SPEND, "pacing_reason", one));
    assert_true(has(FAMILY_KPIS, "clickstream", three) &&
                !has(FAMILY_KPIS, "clickstream", one | two));
    assert_true(has(FAMILY_CREATIVES, "creative_id", one));
    assert_false(dataset_has_family(dataset_table_of(FAMILY_CREATIVES), one));
    assert_false(dataset_has_family(dataset_table_of(FAMILY_OUTCOMES), two | three));
    assert_true(dataset_has_family(dataset_table_of(FAMILY_ATTRIBUTIONS), three));
    assert_false(dataset_has_family(dataset_table_of(FAMILY_KPIS), 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_a_contract),
        cmocka_unit_test(tiers_select),
    };
    return cmocka_run_group_tests_name("dataset", tests, NULL, NULL);
}

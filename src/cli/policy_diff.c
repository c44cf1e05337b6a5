/* SPDX-License-Identifier: Apache-2.0
 * mete policy diff: two versions of a policy, or two files, share by share. */
#include "base/i128.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/policy_rows.h"
#include "engine/words.h"

/* Rows of both sides that speak of the same share. */
struct pair {
    const struct policy_row *before; /* NULL: new */
    const struct policy_row *after;  /* NULL: gone */
};

static bool same_share(const struct policy_row *a, const struct policy_row *b)
{
    return text_eq(a->payee, b->payee) && text_eq(a->role, b->role) && text_eq(a->when, b->when) &&
           a->is_policy == b->is_policy;
}

/** Pairs rows in the order of the later side, each row once, then those that are gone. */
static size_t rows_pair(struct arena *a, const struct policy_rows *before,
                        const struct policy_rows *after, struct pair **out)
{
    bool *taken = arena_array(a, before->count + 1, sizeof *taken);
    size_t count = 0;
    *out = arena_array(a, before->count + after->count + 1, sizeof **out);
    for (size_t i = 0; i < after->count; i++) {
        struct pair *p = &(*out)[count++];
        p->after = &after->row[i];
        for (size_t k = 0; k < before->count && p->before == NULL; k++) {
            if (!taken[k] && same_share(&before->row[k], p->after)) {
                taken[k] = true;
                p->before = &before->row[k];
            }
        }
    }
    for (size_t k = 0; k < before->count; k++) {
        if (!taken[k]) {
            (*out)[count++].before = &before->row[k];
        }
    }
    return count;
}

/** after - before in percent, "+5%"; the fractions' denominators are below 2^120. */
static struct text change_label(struct arena *a, const struct pair *p)
{
    if (p->before == NULL || p->after == NULL) {
        return p->before == NULL ? TEXT("new") : TEXT("gone");
    }
    u128 den;
    if (!u128_lcm(p->before->den, p->after->den, &den)) {
        return TEXT("changed");
    }
    u128 unused;
    u128 before = u128_mul_div(p->before->num, den, p->before->den, &unused);
    u128 after = u128_mul_div(p->after->num, den, p->after->den, &unused);
    if (before == after) {
        return TEXT("=");
    }
    u128 change = after > before ? after - before : before - after;
    struct text percent = percent_label(a, change, den);
    return arena_printf(a, "%c%.*s", after > before ? '+' : '-', (int)percent.len, percent.p);
}

static void put_side(struct cli *c, struct table *t, const struct policy_row *r)
{
    if (r == NULL) {
        table_null(t);
        table_null(t);
    } else {
        table_text(t, percent_label(&c->arena, r->num, r->den));
        table_text(t, words_fraction(&c->arena, r->num, r->den));
    }
}

static void put_text(struct table *t, struct text value)
{
    if (value.len == 0) {
        table_null(t);
    } else {
        table_text(t, value);
    }
}

static void diff_show(struct cli *c, const struct policy *before, const struct policy *after)
{
    static const struct table_column COLUMNS[] = {
        {"payee", "PAYEE", COLUMN_TEXT},      {"role", "ROLE", COLUMN_TEXT},
        {"when", "WHEN", COLUMN_TEXT},        {"before", "BEFORE", COLUMN_TEXT},
        {"before_weight", NULL, COLUMN_TEXT}, {"after", "AFTER", COLUMN_TEXT},
        {"after_weight", NULL, COLUMN_TEXT},  {"change", "CHANGE", COLUMN_TEXT}};
    struct policy_rows x = policy_rows(&c->arena, before);
    struct policy_rows y = policy_rows(&c->arena, after);
    struct pair *pair;
    size_t count = rows_pair(&c->arena, &x, &y, &pair);
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < count; i++) {
        const struct policy_row *r = pair[i].after != NULL ? pair[i].after : pair[i].before;
        put_text(t, r->payee);
        put_text(t, r->role);
        put_text(t, r->when);
        put_side(c, t, pair[i].before);
        put_side(c, t, pair[i].after);
        table_text(t, change_label(&c->arena, &pair[i]));
    }
    if (before->kind != after->kind || before->rounding != after->rounding) {
        cli_note(c, "%s, rounding %s -> %s, rounding %s", policy_kind_name(before->kind),
                 rounding_name(before->rounding), policy_kind_name(after->kind),
                 rounding_name(after->rounding));
    }
    cli_table(c, t);
}

static enum mete_code file_load(struct cli *c, const char *path, struct buf *file,
                                struct policy *out, struct mete_err *err)
{
    struct policy_about about;
    enum mete_code code = cli_read_file(path, EVENT_SIZE_MAX, file, err);
    return code == METE_OK ? policy_read(&c->arena, buf_text(file), out, &about, err) : code;
}

static int files_diff(struct cli *c)
{
    struct buf file[2] = {0};
    struct policy p[2];
    struct mete_err err;
    enum mete_code code = file_load(c, c->operand[0], &file[0], &p[0], &err);
    code = code == METE_OK ? file_load(c, c->operand[1], &file[1], &p[1], &err) : code;
    if (code == METE_OK) {
        diff_show(c, &p[0], &p[1]);
    }
    buf_clear(&file[0]);
    buf_clear(&file[1]);
    return code == METE_OK ? CLI_OK : cli_fail(c, &err);
}

/** By default what the newest version changed. */
static enum mete_code versions_load(struct cli *c, struct engine *e, uint64_t from, uint64_t to,
                                    struct policy p[2], struct mete_err *err)
{
    struct text id = text_of(c->operand[0]);
    struct policy_about about;
    enum mete_code code = policy_load(e, &c->arena, id, (uint32_t)to, &p[1], &about, err);
    if (code == METE_OK && from == 0 && about.version == 1) {
        return mete_fail(err, METE_NOT_FOUND, "", "the policy has one version: nothing to compare");
    }
    if (code == METE_OK) {
        uint32_t earlier = from != 0 ? (uint32_t)from : about.version - 1;
        code = policy_load(e, &c->arena, id, earlier, &p[0], &about, err);
    }
    return code;
}

static int diff_run(struct cli *c)
{
    struct engine *e;
    struct policy p[2];
    struct mete_err err;
    uint64_t from = 0;
    uint64_t to = 0;
    if (c->operand_count == 2) {
        return files_diff(c);
    }
    int status = cli_option_number(c, "from", 1, UINT32_MAX, &from);
    status = status == CLI_OK ? cli_option_number(c, "to", 1, UINT32_MAX, &to) : status;
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    if (versions_load(c, e, from, to, p, &err) != METE_OK) {
        status = cli_fail(c, &err);
    } else {
        diff_show(c, &p[0], &p[1]);
    }
    engine_close(e);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"from", 0, "N", "the earlier version; else the one before --to"},
    {"to", 0, "N", "the later version; else the newest"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_policy_diff = {
    .name = "policy diff",
    .operands = "ID | FILE1 FILE2",
    .operands_min = 1,
    .operands_max = 2,
    .summary = "compare two versions of a policy, or two files, share by share",
    .option = OPTIONS,
    .run = diff_run};

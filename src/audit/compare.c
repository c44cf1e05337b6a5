/* SPDX-License-Identifier: Apache-2.0
 * Group by group, node by node, line by line. Nodes are matched by their place in the tree, so that
 * their order is free; lines are compared in order. */
#include "audit/compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/journal.h"
#include "audit/member.h"
#include "base/i128.h"
#include "base/text.h"

struct comparing {
    struct moment *m;
    struct report *report;
    struct want_group *want;
    const struct found_group *found;
    uint32_t index;       /* of the group */
    uint32_t *found_node; /* by wanted node */
};

struct number {
    char text[I128_TEXT_MAX];
};

static struct number show(i128 v)
{
    struct number n;
    (void)i128_format(v, n.text);
    return n;
}

static void differ_i128(struct comparing *c, const char *what, i128 want, i128 found)
{
    if (want != found) {
        report_difference(c->report, "%s should be %s, the book says %s", what, show(want).text,
                          show(found).text);
    }
}

static const char *line_word(unsigned kind)
{
    static const char *const words[] = {"line",  "fee",      "allocation", "unallocated part",
                                        "carry", "suspense", "transfer"};
    return kind < ARRAY_LEN(words) ? words[kind] : words[0];
}

#define PLACE_TEXT_MAX 700

/* "allocation e17/2 of did:x" */
static void name_found(struct comparing *c, uint32_t line, char out[PLACE_TEXT_MAX])
{
    const struct found_line *l = &c->found->line[line];
    struct text party = names_id(&c->m->book->parties, l->party);
    char path[LINE_PATH_MAX];
    found_path(c->found, c->index, line, path);
    if (c->found->kind == FOUND_REVERSAL) {
        (void)snprintf(out, PLACE_TEXT_MAX, "what is taken from %.*s (line %" PRIu32 ")",
                       (int)party.len, party.len > 0 ? party.p : "", line + 1);
        return;
    }
    (void)snprintf(out, PLACE_TEXT_MAX, "%s %.*s/%s of %.*s", line_word(l->kind),
                   (int)c->m->event_id.len, c->m->event_id.p, path, (int)party.len,
                   party.len > 0 ? party.p : "");
}

/* "an allocation of 58800 to did:x" */
static void describe(unsigned kind, struct text party, i128 amount, char out[PLACE_TEXT_MAX])
{
    (void)snprintf(out, PLACE_TEXT_MAX, "%s of %s to %.*s", line_word(kind), show(amount).text,
                   (int)party.len, party.len > 0 ? party.p : "");
}

static void describe_want(const struct want_line *l, char out[PLACE_TEXT_MAX])
{
    describe(l->kind, l->name, l->amount, out);
}

static void describe_found(struct comparing *c, const struct found_line *l,
                           char out[PLACE_TEXT_MAX])
{
    describe(l->kind, names_id(&c->m->book->parties, l->party), l->amount, out);
}

/* num/den equals the fraction */
static bool is_fraction(u128 num, u128 den, const struct frac *f)
{
    struct big n, d, left, right;
    big_set(&n, num);
    big_set(&d, den);
    big_mul(&left, &n, &f->den);
    big_mul(&right, &d, &f->num);
    return !big_is_zero(&d) && big_cmp(&left, &right) == 0;
}

static void differ_weight(struct comparing *c, const char *what, u128 num, u128 den,
                          const struct frac *want)
{
    char wanted[FRAC_TEXT_MAX], n[I128_TEXT_MAX], d[I128_TEXT_MAX];
    if (want == NULL || is_fraction(num, den, want)) {
        return;
    }
    frac_format(want, wanted);
    (void)u128_format(num, n);
    (void)u128_format(den, d);
    report_difference(c->report, "the weight of %s should be %s, the book says %s/%s", what, wanted,
                      n, d);
}

static uint32_t find_node(const struct comparing *c, const struct want_node *w)
{
    uint32_t parent = w->parent == NONE_U32 ? NONE_U32 : c->found_node[w->parent];
    for (uint32_t i = 0; i < c->found->node_count; i++) {
        const struct found_node *f = &c->found->node[i];
        if (f->parent == parent && (parent == NONE_U32 || f->share == w->share)) {
            return i;
        }
    }
    return NONE_U32;
}

static void compare_policy(struct comparing *c, const char *what, const struct want_node *w,
                           const struct found_node *f)
{
    struct text id = names_id(&c->m->book->policies, f->policy);
    if (w->rounding == BY_ROLE_POT) {
        return;
    }
    if (f->policy == 0 ? w->policy.len > 0 : w->policy.len == 0 || !text_eq(id, w->policy)) {
        report_difference(c->report, "%s should be split by policy %.*s, the book says %.*s", what,
                          (int)w->policy.len, w->policy.len > 0 ? w->policy.p : "", (int)id.len,
                          id.len > 0 ? id.p : "");
    }
    if (f->version != w->version) {
        report_difference(
            c->report,
            "%s should be split by version %" PRIu32 " of %.*s, the book says version %" PRIu32,
            what, w->version, (int)w->policy.len, w->policy.len > 0 ? w->policy.p : "", f->version);
    }
}

static void compare_node(struct comparing *c, const struct want_node *w, uint32_t index)
{
    const struct found_node *f = &c->found->node[index];
    char what[64];
    (void)snprintf(what, sizeof what, "node %" PRIu32, index);
    compare_policy(c, what, w, f);
    if (w->rounding != 0) {
        differ_i128(c, "the rounding of a node", w->rounding, f->rounding);
    }
    differ_i128(c, "the amount split at a node", w->input, f->input);
    if (w->rounding != BY_ROLE_POT && w->policy.len > 0) {
        differ_i128(c, "whether a node counts", w->counted, f->counted);
    }
    if (w->rounding == BY_ROLE_POT && f->counted != 0 && f->policy != 0) {
        report_difference(c->report, "a role's pot counts a second time");
    }
    if (w->weight != NULL) {
        differ_weight(c, what, f->weight, c->found->node[f->parent].den, w->weight);
        differ_i128(c, "what rounding added to a node", w->input - w->floor, f->extra);
    }
}

/* False when a node is not there: lines cannot be compared then. */
static bool compare_nodes(struct comparing *c)
{
    const struct want_group *w = c->want;
    c->found_node = arena_array(c->m->arena, w->node_count, sizeof c->found_node[0]);
    for (uint32_t i = 0; i < w->node_count; i++) {
        uint32_t index = c->found_node[i] = find_node(c, &w->node[i]);
        if (index == NONE_U32) {
            report_difference(c->report, "the split by policy %.*s is missing",
                              (int)w->node[i].policy.len,
                              w->node[i].policy.len > 0 ? w->node[i].policy.p : "");
            return false;
        }
        compare_node(c, &w->node[i], index);
    }
    if (c->found->node_count > w->node_count) {
        report_difference(c->report, "%" PRIu32 " splits are there, only %" PRIu32 " should be",
                          c->found->node_count, w->node_count);
    }
    return true;
}

static bool share_fits(const struct want_line *w, const struct found_line *f)
{
    return w->share == ANY_U32 || w->share == f->share ||
           (w->share_too != ANY_U32 && w->share_too == f->share);
}

static bool same_place(const struct want_line *w, const struct found_line *f)
{
    return w->kind == f->kind && w->party == f->party && w->party != 0;
}

static void compare_derivation(struct comparing *c, const char *what, const struct want_line *w,
                               const struct found_line *f)
{
    if (!share_fits(w, f)) {
        report_difference(c->report, "%s should be of share %" PRIu32 ", the book says %" PRIu32,
                          what, w->share + 1, f->share + 1);
    }
    if (w->entry != ANY_U32 && w->entry != f->entry) {
        report_difference(c->report, "%s should follow entry %" PRIu32 ", the book says %" PRIu32,
                          what, w->entry, f->entry);
    }
    if (w->node != ANY_U32) {
        uint32_t node = w->node == NONE_U32 ? NONE_U32 : c->found_node[w->node];
        if (f->node != node) {
            report_difference(c->report,
                              "%s should belong to node %" PRIu32 ", the book says %" PRIu32, what,
                              node + 1, f->node + 1);
        } else if (node != NONE_U32) {
            differ_weight(c, what, f->weight, c->found->node[node].den, w->weight);
        }
    }
    if (w->has_left && f->weight != (u128)w->left) {
        report_difference(c->report, "%s should have %s left, the book says %s", what,
                          show(w->left).text, show((i128)f->weight).text);
    }
    if (w->has_floor && f->extra != w->amount - w->floor) {
        report_difference(c->report, "rounding should add %s to %s, the book says %s",
                          show(w->amount - w->floor).text, what, show(f->extra).text);
    }
}

/* Nearly every line does, so that no sentence is put together for it. */
static bool line_agrees(const struct comparing *c, const struct want_line *w,
                        const struct found_line *f)
{
    if (w->amount != f->amount || !share_fits(w, f) ||
        (w->entry != ANY_U32 && w->entry != f->entry) ||
        (w->has_left && f->weight != (u128)w->left) ||
        (w->has_floor && f->extra != w->amount - w->floor) ||
        (!w->held_open && w->held != ((f->flags & FLAG_HELD) != 0))) {
        return false;
    }
    if (w->node == ANY_U32) {
        return true;
    }
    uint32_t node = w->node == NONE_U32 ? NONE_U32 : c->found_node[w->node];
    return f->node == node && (node == NONE_U32 || w->weight == NULL ||
                               is_fraction(f->weight, c->found->node[node].den, w->weight));
}

static void compare_line(struct comparing *c, const struct want_line *w, uint32_t index)
{
    const struct found_line *f = &c->found->line[index];
    if (line_agrees(c, w, f)) {
        return;
    }
    char what[PLACE_TEXT_MAX];
    bool held = (f->flags & FLAG_HELD) != 0;
    name_found(c, index, what);
    differ_i128(c, what, w->amount, f->amount);
    compare_derivation(c, what, w, f);
    if (!w->held_open && held != w->held) {
        report_difference(c->report, "%s should %sbe held", what, w->held ? "" : "not ");
    }
}

/* The credit of nobody's share and the carry line of one split may stand in either order. */
static void allow_carry_first(struct want_group *w, uint32_t at, const struct found_line *f)
{
    if (at + 1 >= w->line_count || w->line[at].kind != FOUND_UNALLOCATED ||
        w->line[at + 1].kind != FOUND_CARRY || f->kind != FOUND_CARRY ||
        w->line[at].node != w->line[at + 1].node) {
        return;
    }
    struct want_line first = w->line[at];
    w->line[at] = w->line[at + 1];
    w->line[at + 1] = first;
}

static void compare_lines(struct comparing *c)
{
    struct want_group *w = c->want;
    char wanted[PLACE_TEXT_MAX], found[PLACE_TEXT_MAX];
    uint32_t i = 0, k = 0;
    while (i < w->line_count && k < c->found->line_count) {
        const struct found_line *f = &c->found->line[k];
        allow_carry_first(w, i, f);
        if (same_place(&w->line[i], f) && (!w->line[i].optional || share_fits(&w->line[i], f))) {
            compare_line(c, &w->line[i++], k++);
        } else if (w->line[i].optional) {
            i++;
        } else {
            describe_want(&w->line[i], wanted);
            describe_found(c, f, found);
            report_difference(c->report, "line %" PRIu32 " should be %s, the book says %s", k + 1,
                              wanted, found);
            return;
        }
    }
    while (i < w->line_count && w->line[i].optional) {
        i++;
    }
    if (i < w->line_count) {
        describe_want(&w->line[i], wanted);
        report_difference(c->report, "line %" PRIu32 " is missing: %s", k + 1, wanted);
    }
    if (k < c->found->line_count) {
        describe_found(c, &c->found->line[k], found);
        report_difference(c->report, "line %" PRIu32 " should not be there: %s", k + 1, found);
    }
}

static void compare_time(struct comparing *c, mete_time want, mete_time found)
{
    char wanted[TIME_TEXT_MAX], said[TIME_TEXT_MAX];
    if (want == found) {
        return;
    }
    (void)time_format(want, wanted);
    (void)time_format(found, said);
    report_difference(c->report, "clears_at should be %s, the book says %s", wanted, said);
}

static void compare_customer(struct comparing *c)
{
    struct text want = c->want->customer;
    struct text found = names_id(&c->m->book->parties, c->found->customer);
    if (want.len == 0 ? c->found->customer != 0 : !text_eq(want, found)) {
        report_difference(c->report, "the customer should be %.*s, the book says %.*s",
                          (int)want.len, want.len > 0 ? want.p : "", (int)found.len,
                          found.len > 0 ? found.p : "");
    }
}

static void compare_asset(struct comparing *c)
{
    char name[64];
    if (c->want->asset == NULL || asset_learn(c->m->book, c->want->asset, c->found->asset)) {
        return;
    }
    asset_format(c->want->asset, name);
    report_difference(c->report, "the asset %s is not number %" PRIu32, name, c->found->asset);
}

static void compare_target(struct comparing *c)
{
    differ_i128(c, "the event that is taken back", (i128)c->want->target_seq,
                (i128)c->found->target_seq);
    if (c->want->target_seq == 0) {
        return;
    }
    differ_i128(c, "the page that is taken back", c->want->target_page, c->found->target_page);
    differ_i128(c, "the group that is taken back", c->want->target_group, c->found->target_group);
    if (c->want->kind == FOUND_REVERSAL) {
        differ_i128(c, "what was left before", c->want->den, (i128)c->found->den);
    }
}

/* What a party gains in a group, the source account's debit included. */
static i128 found_gain(const struct found_group *f, uint32_t party)
{
    i128 gain = f->source == party ? -f->gross : 0;
    for (uint32_t i = 0; i < f->line_count; i++) {
        if (f->line[i].party == party) {
            gain = i128_plus(gain, f->line[i].amount);
        }
    }
    return gain;
}

/* Between two parties only the effect is prescribed, not the form of the lines. */
static void compare_moves(struct comparing *c)
{
    const struct want_group *w = c->want;
    for (uint32_t i = 0; i < c->found->line_count; i++) {
        uint32_t party = c->found->line[i].party;
        i128 wanted = 0;
        for (uint32_t k = 0; k < w->line_count; k++) {
            wanted += w->line[k].party == party ? w->line[k].amount : 0;
        }
        char what[PLACE_TEXT_MAX];
        struct text name = names_id(&c->m->book->parties, party);
        (void)snprintf(what, sizeof what, "what %.*s gains", (int)name.len,
                       name.len > 0 ? name.p : "");
        differ_i128(c, what, wanted, found_gain(c->found, party));
        if (c->found->line[i].kind != FOUND_MOVED) {
            report_difference(c->report, "line %" PRIu32 " should be a transfer", i + 1);
        }
    }
    for (uint32_t k = 0; k < w->line_count; k++) {
        const struct want_line *l = &w->line[k];
        i128 wanted = 0;
        for (uint32_t i = 0; i < w->line_count; i++) {
            wanted += w->line[i].party == l->party ? w->line[i].amount : 0;
        }
        if (l->party == 0 || found_gain(c->found, l->party) != wanted) {
            report_difference(c->report, "%.*s should gain %s", (int)l->name.len,
                              l->name.len > 0 ? l->name.p : "", show(wanted).text);
        }
    }
}

static void compare_group(struct comparing *c)
{
    const struct want_group *w = c->want;
    const struct found_group *f = c->found;
    if (w->kind != f->kind) {
        report_difference(c->report, "the kind of group %" PRIu32 " should be %u, the book says %u",
                          c->index + 1, w->kind, f->kind);
        return;
    }
    compare_asset(c);
    if (w->kind == FOUND_TRANSFER || w->kind == FOUND_UPHELD) {
        compare_target(c);
        compare_moves(c);
        return;
    }
    differ_i128(c, "the gross amount", w->gross, f->gross);
    differ_i128(c, "the seq of the event whose money this is", (i128)w->source_seq,
                (i128)f->source_seq);
    differ_i128(c, "the source account", w->source, f->source);
    if (w->kind == FOUND_REVENUE) {
        differ_i128(c, "the version of the fees", w->fee_version, f->fee_version);
        differ_i128(c, "what investors had accrued before", w->accrued, f->accrued);
        differ_i128(c, "the quantity", (i128)w->quantity, (i128)f->quantity);
        compare_customer(c);
    }
    if (w->has_clears_at) {
        compare_time(c, w->clears_at, f->clears_at);
    }
    compare_target(c);
    if (compare_nodes(c)) {
        compare_lines(c);
    }
}

/* Which group of several is meant: the one in the asset of that number, or, while nobody knows
 * whose number it is, the one in a new asset with that gross amount and customer. */
static bool is_meant(const struct moment *m, const struct want_group *w, const struct asset *known,
                     const struct found_group *f)
{
    if (known != NULL) {
        return w->asset == known;
    }
    return w->asset != NULL && w->asset->number == 0 && w->gross == f->gross &&
           names_number(&m->book->parties, w->customer) == f->customer;
}

static void choose_group(struct moment *m, struct want *w, uint32_t at, const struct found_group *f)
{
    const struct asset *known = book_asset_numbered(m->book, f->asset);
    uint32_t i = at;
    while (i < w->group_count && !is_meant(m, &w->group[i], known, f)) {
        i++;
    }
    if (i == w->group_count) {
        return;
    }
    struct want_group meant = w->group[i];
    for (; i > at; i--) {
        w->group[i] = w->group[i - 1];
    }
    w->group[at] = meant;
}

/* Several revenues of one event stand by asset number; that of a new asset is known only now. */
static void compare_order(struct report *report, const struct found_group *group, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        if (group[i].kind == FOUND_REVENUE && group[i].asset < group[i - 1].asset) {
            report_difference(report, "its revenues do not stand by the number of their asset");
        }
    }
}

void compare_decision(struct moment *m, struct want *w, const struct found_group *group,
                      uint32_t count)
{
    struct report *report = m->book->report;
    for (uint32_t i = 0; i < w->group_count && i < count; i++) {
        choose_group(m, w, i, &group[i]);
        struct comparing c = {
            .m = m, .report = report, .want = &w->group[i], .found = &group[i], .index = i};
        compare_group(&c);
    }
    compare_order(report, group, count);
    if (w->group_count != count) {
        report_difference(report,
                          "%" PRIu32 " groups of lines should be there, the book has %" PRIu32,
                          w->group_count, count);
    }
}

void compare_balance(struct moment *m, const struct found_group *group, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        i128 sum = 0;
        for (uint32_t k = 0; k < group[i].line_count; k++) {
            sum = i128_plus(sum, group[i].line[k].amount);
        }
        if (sum != group[i].gross) {
            report_difference(m->book->report,
                              "the lines of group %" PRIu32 " add up to %s, its gross is %s", i + 1,
                              show(sum).text, show(group[i].gross).text);
        }
    }
}

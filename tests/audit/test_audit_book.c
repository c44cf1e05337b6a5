/* SPDX-License-Identifier: Apache-2.0
 * The auditor on hand-made books: it accepts what is right, and finds every single unit that is
 * not, naming the event where it stands first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit/audit.h"
#include "base/text.h"
#include "scenes.h"

static enum audit_status audit_text(struct bytes in, char **report, bool json)
{
    size_t size = 0;
    FILE *out = open_memstream(report, &size);
    FILE *file =
        in.len > 0 ? fmemopen((void *)(uintptr_t)in.p, in.len, "rb") : fopen("/dev/null", "rb");
    assert_non_null(out);
    assert_non_null(file);
    enum audit_status status = audit_run(file, out, json, false);
    fclose(file);
    fclose(out);
    return status;
}

static enum audit_status audit_scene(const struct scene *s, char **report)
{
    struct buf text = {0};
    scene_write(s, &text);
    enum audit_status status = audit_text(buf_bytes(&text), report, false);
    buf_clear(&text);
    return status;
}

static void test_right_books_are_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < scene_count; i++) {
        struct scene s;
        char *report;
        scene_init(&s);
        scenes[i].make(&s);
        if (audit_scene(&s, &report) != AUDIT_HOLDS)
            fail_msg("%s: %s", scenes[i].name, report);
        assert_memory_equal(report, "all holds: ", 11);
        free(report);
        scene_clear(&s);
    }
}

static void assert_begins(const char *report, const char *expected)
{
    if (strncmp(report, expected, strlen(expected)) != 0)
        fail_msg("expected: %s\nfound:    %s", expected, report);
}

static void test_the_first_difference_is_named(void **state)
{
    (void)state;
    struct scene s;
    char *report;
    scene_init(&s);
    scenes[0].make(&s);
    struct found_group *g = &s.step[2].d.group[0];
    g->line[2].amount++;
    g->line[3].amount--;
    assert_int_equal(audit_scene(&s, &report), AUDIT_DIFFERS);
    assert_begins(report,
                  "line 4: event sale: allocation sale/1 of did:a should be 88200, the book "
                  "says 88201\nline 4: event sale: ");
    free(report);
    g->line[2].amount--;
    g->line[3].amount++;
    g->line[1].party = 18;
    assert_int_equal(audit_scene(&s, &report), AUDIT_DIFFERS);
    assert_begins(report, "line 4: event sale: line 2 should be fee of 750 to "
                          "did:ethr:0xWeR1Protocol, the book says fee of 750 to did:a\n");
    free(report);
    scene_clear(&s);
}

/* Lies: one field of one thing is one more than it should be. A field that the format leaves open
 * is not in these tables. */

struct field {
    size_t offset, size;
    const char *name;
};

static const struct field group_fields[] = {
    {offsetof(struct found_group, kind), sizeof(uint8_t), "kind"},
    {offsetof(struct found_group, source_seq), sizeof(uint64_t), "source_seq"},
    {offsetof(struct found_group, asset), sizeof(uint32_t), "asset"},
    {offsetof(struct found_group, gross), sizeof(i128), "gross"},
    {offsetof(struct found_group, source), sizeof(uint32_t), "source"},
    {offsetof(struct found_group, fee_version), sizeof(uint32_t), "fee_version"},
    {offsetof(struct found_group, quantity), sizeof(uint64_t), "quantity"},
    {offsetof(struct found_group, customer), sizeof(uint32_t), "customer"},
    {offsetof(struct found_group, clears_at), sizeof(mete_time), "clears_at"},
    {offsetof(struct found_group, target_seq), sizeof(uint64_t), "target_seq"},
    {offsetof(struct found_group, target_page), sizeof(uint32_t), "target_page"},
    {offsetof(struct found_group, target_group), sizeof(uint32_t), "target_group"},
    {offsetof(struct found_group, den), sizeof(u128), "den"},
    {offsetof(struct found_group, accrued), sizeof(i128), "accrued"},
};
static const struct field node_fields[] = {
    {offsetof(struct found_node, policy), sizeof(uint32_t), "policy"},
    {offsetof(struct found_node, version), sizeof(uint32_t), "version"},
    {offsetof(struct found_node, parent), sizeof(uint32_t), "parent"},
    {offsetof(struct found_node, share), sizeof(uint32_t), "share"},
    {offsetof(struct found_node, rounding), sizeof(uint8_t), "rounding"},
    {offsetof(struct found_node, weight), sizeof(u128), "weight"},
    {offsetof(struct found_node, den), sizeof(u128), "den"},
    {offsetof(struct found_node, input), sizeof(i128), "input"},
    {offsetof(struct found_node, extra), sizeof(i128), "extra"},
    {offsetof(struct found_node, counted), sizeof(uint8_t), "counted"},
};
static const struct field line_fields[] = {
    {offsetof(struct found_line, kind), sizeof(uint8_t), "kind"},
    {offsetof(struct found_line, flags), sizeof(uint8_t), "flags"},
    {offsetof(struct found_line, party), sizeof(uint32_t), "party"},
    {offsetof(struct found_line, node), sizeof(uint32_t), "node"},
    {offsetof(struct found_line, share), sizeof(uint32_t), "share"},
    {offsetof(struct found_line, entry), sizeof(uint32_t), "entry"},
    {offsetof(struct found_line, weight), sizeof(u128), "weight"},
    {offsetof(struct found_line, amount), sizeof(i128), "amount"},
    {offsetof(struct found_line, extra), sizeof(i128), "extra"},
};

static void change(void *object, const struct field *f, int by)
{
    uint8_t *p = (uint8_t *)object + f->offset;
    u128 v = 0;
    memcpy(&v, p, f->size);
    v = by > 0 ? v + 1 : v - 1;
    memcpy(p, &v, f->size);
}

static bool is(const struct field *f, const char *name)
{
    return strcmp(f->name, name) == 0;
}

/* What doc/format.md leaves open for this kind of line. */
static bool line_is_open(const struct found_group *g, const struct found_line *l,
                         const struct field *f)
{
    bool derived = g->kind == FOUND_REVENUE && l->kind == FOUND_ALLOCATION;
    if (is(f, "kind") || is(f, "party") || is(f, "amount"))
        return false;
    if (g->kind == FOUND_MORE)
        derived = l->kind == FOUND_ALLOCATION;
    if (g->kind == FOUND_TRANSFER || g->kind == FOUND_UPHELD || l->kind == FOUND_SUSPENDED)
        return true;
    if (is(f, "node"))
        return !derived && l->kind != FOUND_CARRY;
    if (is(f, "flags"))
        return g->kind != FOUND_REVENUE;
    if (g->kind == FOUND_REVERSAL) /* inside a carry split only the amounts are prescribed */
        return !(is(f, "share") || (is(f, "weight") && g->den > 100 && l->weight > 1));
    if (l->kind == FOUND_FEE)
        return !is(f, "share") && !is(f, "entry");
    return !derived;
}

static bool node_is_open(const struct found_node *n, const struct field *f)
{
    bool root = n->parent == NONE_U32;
    if (is(f, "share") || is(f, "weight") || is(f, "extra"))
        return root;
    if (n->rounding == BY_ROLE_POT) /* a pot repeats its policy or not */
        return is(f, "policy") || is(f, "version") || is(f, "counted");
    if (root && is(f, "den") && n->rounding == BY_AUTHOR)
        return false;
    if (is(f, "counted"))
        return n->policy == 0;
    return false;
}

static bool group_is_open(const struct found_group *g, const struct field *f, bool first)
{
    bool moves = g->kind == FOUND_TRANSFER || g->kind == FOUND_UPHELD;
    if (is(f, "asset")) /* the first one says which number stands for the code */
        return first;
    if (is(f, "kind") || is(f, "gross"))
        return false;
    if (g->kind == FOUND_MORE)
        return !is(f, "clears_at") && !is(f, "source");
    if (is(f, "target_page") || is(f, "target_group"))
        return g->target_seq == 0;
    if (is(f, "den"))
        return g->kind != FOUND_REVERSAL;
    if (is(f, "target_seq"))
        return false;
    if (moves)
        return true;
    if (is(f, "accrued"))
        return g->node_count == 0 || g->node[0].rounding != BY_CONTRACT;
    if (is(f, "clears_at"))
        return g->kind == FOUND_SUSPENSE;
    if (is(f, "source_seq") || is(f, "source"))
        return false;
    return g->kind != FOUND_REVENUE;
}

/* A page that cannot be read is named by the event that it belongs to. */
static bool names_event(const struct scene *s, const struct step *step, const char *first)
{
    char where[120];
    (void)snprintf(where, sizeof where, ": event %.*s: ", (int)step->id.len, step->id.p);
    if (strstr(first, where) != NULL)
        return true;
    for (uint32_t i = 0; i < s->step_count && strstr(first, "is damaged") != NULL; i++) {
        const struct step *opener = &s->step[i];
        (void)snprintf(where, sizeof where, ": event %.*s: ", (int)opener->id.len, opener->id.p);
        if (opener->seq == step->seq && opener->page == 0)
            return strstr(first, where) != NULL;
    }
    return false;
}

static void expect_found(struct scene *s, const char *scene, const struct step *step,
                         const char *what, const char *field)
{
    char *report;
    enum audit_status status = audit_scene(s, &report);
    if (status != AUDIT_DIFFERS)
        fail_msg("%s, event %.*s: %s %s was changed and not found", scene, (int)step->id.len,
                 step->id.p, what, field);
    char *end = strchr(report, '\n');
    assert_non_null(end);
    *end = '\0';
    if (!names_event(s, step, report))
        fail_msg("%s, event %.*s: %s %s was changed; the first difference is: %s", scene,
                 (int)step->id.len, step->id.p, what, field, report);
    free(report);
}

static size_t lie_about_group(struct scene *s, const char *scene, struct step *step,
                              struct found_group *g, bool first)
{
    size_t lies = 0;
    for (size_t f = 0; f < ARRAY_LEN(group_fields); f++) {
        if (group_is_open(g, &group_fields[f], first))
            continue;
        change(g, &group_fields[f], 1);
        expect_found(s, scene, step, "group", group_fields[f].name);
        change(g, &group_fields[f], -1);
        lies++;
    }
    for (uint32_t i = 0; i < g->node_count; i++) {
        for (size_t f = 0; f < ARRAY_LEN(node_fields); f++) {
            if (node_is_open(&g->node[i], &node_fields[f]))
                continue;
            change(&g->node[i], &node_fields[f], 1);
            expect_found(s, scene, step, "node", node_fields[f].name);
            change(&g->node[i], &node_fields[f], -1);
            lies++;
        }
    }
    for (uint32_t i = 0; i < g->line_count; i++) {
        for (size_t f = 0; f < ARRAY_LEN(line_fields); f++) {
            if (line_is_open(g, &g->line[i], &line_fields[f]))
                continue;
            change(&g->line[i], &line_fields[f], 1);
            expect_found(s, scene, step, "line", line_fields[f].name);
            change(&g->line[i], &line_fields[f], -1);
            lies++;
        }
    }
    return lies;
}

static void test_every_lie_is_found(void **state)
{
    (void)state;
    size_t lies = 0;
    for (size_t i = 0; i < scene_count; i++) {
        struct scene s;
        scene_init(&s);
        scenes[i].make(&s);
        bool first = true;
        for (uint32_t k = 0; k < s.step_count; k++) {
            for (uint32_t g = 0; g < s.step[k].d.group_count; g++, first = false)
                lies +=
                    lie_about_group(&s, scenes[i].name, &s.step[k], &s.step[k].d.group[g], first);
        }
        scene_clear(&s);
    }
    print_message("# %zu lies\n", lies);
    assert_true(lies > 500);
}

/* A unit moved from one line to the next: every sum holds, only the split is wrong. */
static void test_a_unit_moved_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < scene_count; i++) {
        struct scene s;
        scene_init(&s);
        scenes[i].make(&s);
        for (uint32_t k = 0; k < s.step_count; k++) {
            for (uint32_t g = 0; g < s.step[k].d.group_count; g++) {
                struct found_group *x = &s.step[k].d.group[g];
                for (uint32_t l = 0; l + 1 < x->line_count; l++) {
                    x->line[l].amount--;
                    x->line[l + 1].amount++;
                    expect_found(&s, scenes[i].name, &s.step[k], "line", "amount (moved)");
                    x->line[l].amount++;
                    x->line[l + 1].amount--;
                }
            }
        }
        scene_clear(&s);
    }
}

static void test_lines_left_out_or_doubled_are_found(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    scenes[0].make(&s);
    struct found_group *g = &s.step[2].d.group[0];
    g->line_count--;
    g->gross -= 58800;
    expect_found(&s, "left out", &s.step[2], "line", "");
    g->line_count++;
    g->line[g->line_count++] = g->line[3];
    g->gross += 2 * 58800;
    expect_found(&s, "doubled", &s.step[2], "line", "");
    scene_clear(&s);
}

static void test_wrong_waits_are_found(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    scenes[8].make(&s);
    s.step[0].d.wait_code = 99; /* not the reason */
    expect_found(&s, "waiting", &s.step[0], "wait", "code");
    s.step[0].d.wait_code = 0; /* booked, although nobody knows the policy */
    expect_found(&s, "waiting", &s.step[0], "wait", "none");
    s.step[0].d.wait_code = 97;
    s.step[4].d.wait_code = 97; /* still waiting, although the policy is there */
    expect_found(&s, "waiting", &s.step[4], "wait", "still");
    s.step[4].d.wait_code = 0;
    s.step_count = 4; /* never decided anew */
    expect_found(&s, "waiting", &s.step[1], "release", "missing");
    scene_clear(&s);
}

static void test_names_are_followed(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    scenes[0].make(&s);
    struct found_names *names = &s.step[1].d.parties;
    names->first++;
    expect_found(&s, "a number skipped", &s.step[1], "names", "first");
    names->first--;
    struct text b = names->id[1];
    names->id[1] = names->id[0];
    expect_found(&s, "named twice", &s.step[1], "names", "id");
    names->id[1] = TEXT("did:nobody");
    expect_found(&s, "of whom nobody speaks", &s.step[1], "names", "id");
    names->id[1] = b;
    s.step[1].d.policies.id[0] = TEXT("urn:x");
    expect_found(&s, "another policy", &s.step[1], "names", "policy");
    scene_clear(&s);
}

static void test_times_are_followed(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    scenes[0].make(&s);
    s.step[2].recorded_at = scene_day(1); /* before the event before it, and before it occurred */
    expect_found(&s, "backwards", &s.step[2], "recorded_at", "");
    s.step[2].recorded_at = scene_day(3);
    s.step[1].recorded_at = scene_day(2) - 301 * TIME_SECOND_US;
    expect_found(&s, "ahead", &s.step[1], "occurred_at", "");
    scene_clear(&s);
}

static struct step *say_cleared(struct scene *s, unsigned day, const char *id, const char *payload)
{
    (void)scene_event(s, day, id, "allocation.cleared_through", payload);
    return &s->step[s->step_count - 1];
}

static void test_watermarks_are_followed(void **state)
{
    (void)state;
    struct scene s;
    char *report;
    scene_init(&s);
    scenes[0].make(&s);
    (void)say_cleared(&s, 20, "w1", "{\"through\":\"2025-01-19T00:00:00Z\"}");
    (void)say_cleared(&s, 21, "w2", "{\"through\":\"2025-01-20T00:00:00Z\"}");
    assert_int_not_equal(audit_scene(&s, &report), AUDIT_DIFFERS);
    free(report);
    expect_found(&s, "a watermark again",
                 say_cleared(&s, 22, "w3", "{\"through\":\"2025-01-20T00:00:00Z\"}"), "through",
                 "");
    scene_clear(&s);
    scene_init(&s);
    scenes[0].make(&s);
    expect_found(&s, "a watermark ahead",
                 say_cleared(&s, 18, "w", "{\"through\":\"2025-01-30T00:00:00Z\"}"), "through", "");
    scene_clear(&s);
}

static void make_scene(struct scene *s, const char *name)
{
    scene_init(s);
    for (size_t i = 0; i < scene_count; i++) {
        if (strcmp(scenes[i].name, name) == 0) {
            scenes[i].make(s);
            return;
        }
    }
    fail_msg("no scene %s", name);
}

static void expect_report(const struct scene *s, const char *part)
{
    char *report;
    assert_int_equal(audit_scene(s, &report), AUDIT_DIFFERS);
    if (strstr(report, part) == NULL)
        fail_msg("expected: %s\nfound:    %s", part, report);
    free(report);
}

static void test_hashes_are_checked(void **state)
{
    (void)state;
    struct scene s;
    make_scene(&s, "cut_in_two");
    s.wrong_rest = true;
    expect_report(&s, "event sale: the further pages of its decision have another hash");
    scene_clear(&s);
    make_scene(&s, "roles");
    s.wrong_checkpoint = true;
    expect_report(&s, ": the checkpoint of size 4 has another root than the log had");
    scene_clear(&s);
}

static void test_bytes_must_be_canonical(void **state)
{
    (void)state;
    struct scene s;
    make_scene(&s, "roles");
    struct text *event = &s.step[3].event;
    *event = arena_printf(&s.arena, "{ %.*s", (int)event->len - 1, event->p + 1);
    expect_report(&s, "line 5: event sale: its bytes are not the canonical ones (RFC 8785)");
    scene_clear(&s);
}

static void test_ids_are_unique(void **state)
{
    (void)state;
    struct scene s;
    make_scene(&s, "roles");
    scene_row(&s, "{\"kind\":\"event_id\",\"event_id\":\"c1\",\"seq\":\"1\"}");
    expect_report(&s, "the index has c1 twice");
    s.rows.len = 0;
    struct text *event = &s.step[1].event; /* the second contribution under the id of the first */
    char *id = strstr(event->p, "\"event_id\":\"c2\"");
    assert_non_null(id);
    id[strlen("\"event_id\":\"c")] = '1';
    expect_report(&s, "line 3: event c1: the id stands in the log already");
    scene_clear(&s);
}

static void test_quarantine_is_checked(void **state)
{
    (void)state;
    struct scene s;
    make_scene(&s, "roles");
    scene_row(
        &s,
        "{\"kind\":\"quarantine\",\"id\":\"1\",\"event_id\":\"x\",\"code\":\"c\",\"body\":\"abc\","
        "\"sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}");
    scene_row(&s, "{\"kind\":\"quarantine\",\"id\":\"2\",\"event_id\":\"x\",\"code\":\"c\","
                  "\"body_base64\":\"YWJj\",\"sha256\":"
                  "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}");
    char *report;
    assert_int_equal(audit_scene(&s, &report), AUDIT_HOLDS);
    free(report);
    scene_row(
        &s,
        "{\"kind\":\"quarantine\",\"id\":\"3\",\"event_id\":\"x\",\"code\":\"c\",\"body\":\"abd\","
        "\"sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}");
    expect_report(&s, "quarantined body 3 has the hash");
    scene_clear(&s);
}

/* Every number in every row after the events, one more than it is. */
static void test_every_row_is_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < scene_count; i++) {
        struct scene s;
        struct buf text = {0};
        scene_init(&s);
        scenes[i].make(&s);
        scene_write(&s, &text);
        const char *rows = strstr((const char *)text.p, "\n{\"kind\":\"party\"");
        assert_non_null(rows);
        for (uint8_t *p = text.p + (rows - (const char *)text.p); p < text.p + text.len - 1; p++) {
            char *report;
            if (*p < '0' || *p > '9' || (p[-1] != '"' && p[-1] != ':') ||
                (p[1] != '"' && p[1] != ',' && (p[1] < '0' || p[1] > '9')))
                continue;
            *p = *p == '9' ? '8' : (uint8_t)(*p + 1);
            enum audit_status status = audit_text(buf_bytes(&text), &report, false);
            if (status != AUDIT_DIFFERS)
                fail_msg("%s: a row with a wrong number: %.60s", scenes[i].name, (const char *)p);
            free(report);
            *p = *p == '8' ? '9' : (uint8_t)(*p - 1);
            /* 9 became 8 and 8 became 9: put back what was there */
            scene_write(&s, &text);
        }
        buf_clear(&text);
        scene_clear(&s);
    }
}

/* The only bytes that say nothing which could be checked: the book's name, and the moment of the
 * balances while nothing becomes clear. */
static bool byte_is_free(const struct buf *text, size_t at)
{
    static const char *const free_members[] = {"\"name\":\"main\"",
                                               "\"at\":\"2025-01-05T12:00:00Z\""};
    for (size_t i = 0; i < ARRAY_LEN(free_members); i++) {
        const char *member = strstr((const char *)text->p, free_members[i]);
        assert_non_null(member);
        const char *p = (const char *)text->p + at;
        if (p >= member && p < member + strlen(free_members[i]))
            return true;
    }
    return false;
}

static void test_every_byte_counts(void **state)
{
    (void)state;
    struct scene s;
    struct buf text = {0};
    scene_init(&s);
    scenes[7].make(&s);
    scene_write(&s, &text);
    buf_put_u8(&text, '\0');
    text.len--;
    for (size_t i = 0; i < text.len - 1; i++) {
        for (unsigned bit = 0; bit < 8; bit += 3) {
            char *report;
            if (byte_is_free(&text, i))
                continue;
            text.p[i] ^= (uint8_t)(1u << bit);
            enum audit_status status = audit_text(buf_bytes(&text), &report, false);
            text.p[i] ^= (uint8_t)(1u << bit);
            if (status != AUDIT_DIFFERS)
                fail_msg("byte %zu changed unseen: %.40s", i, (const char *)text.p + i);
            free(report);
        }
    }
    buf_clear(&text);
    scene_clear(&s);
}

/* Without any one of its lines the export is not whole. */
static void test_every_line_is_needed(void **state)
{
    (void)state;
    for (size_t i = 0; i < scene_count; i++) {
        struct scene s;
        struct buf text = {0}, less = {0};
        scene_init(&s);
        scenes[i].make(&s);
        scene_write(&s, &text);
        for (size_t from = 0, end; from < text.len; from = end) {
            char *report;
            const uint8_t *newline = memchr(text.p + from, '\n', text.len - from);
            end = (size_t)(newline - text.p) + 1;
            buf_reset(&less);
            buf_put(&less, text.p, from);
            buf_put(&less, text.p + end, text.len - end);
            if (audit_text(buf_bytes(&less), &report, false) != AUDIT_DIFFERS)
                fail_msg("%s: not missed: %.*s", scenes[i].name, (int)(end - from),
                         (const char *)text.p + from);
            free(report);
        }
        buf_clear(&text);
        buf_clear(&less);
        scene_clear(&s);
    }
}

static void test_reports_as_json(void **state)
{
    (void)state;
    struct scene s;
    struct buf text = {0};
    struct arena arena;
    struct json *j;
    char *report;
    arena_init(&arena, 1u << 20);
    scene_init(&s);
    scenes[0].make(&s);
    scene_write(&s, &text);
    assert_int_equal(audit_text(buf_bytes(&text), &report, true), AUDIT_HOLDS);
    assert_int_equal(json_parse(&arena, text_of(report), &j, NULL), METE_OK);
    assert_true(json_is_true(json_get(j, "ok")));
    assert_true(text_is(json_get(j, "events")->text, "3"));
    free(report);
    s.step[2].d.group[0].line[0].amount++;
    scene_write(&s, &text);
    assert_int_equal(audit_text(buf_bytes(&text), &report, true), AUDIT_DIFFERS);
    assert_int_equal(json_parse(&arena, text_of(report), &j, NULL), METE_OK);
    assert_false(json_is_true(json_get(j, "ok")));
    const struct json *first = json_get(j, "differences")->child;
    assert_true(text_is(json_get(first, "event_id")->text, "sale"));
    assert_true(text_is(json_get(first, "line")->text, "4"));
    assert_true(text_is(json_get(first, "message")->text,
                        "fee sale/f1 of did:fair:foundation should be 2250, the book says 2251"));
    free(report);
    buf_clear(&text);
    arena_clear(&arena);
    scene_clear(&s);
}

/* Nothing in a file may crash the auditor: cut anywhere, it says so. */
static void test_cut_files(void **state)
{
    (void)state;
    struct scene s;
    struct buf text = {0};
    scene_init(&s);
    scenes[0].make(&s);
    scene_write(&s, &text);
    for (size_t len = 0; len < text.len - 1; len += 7) {
        char *report;
        assert_int_equal(audit_text((struct bytes){text.p, len}, &report, false), AUDIT_DIFFERS);
        free(report);
    }
    buf_clear(&text);
    scene_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_books_are_accepted),
        cmocka_unit_test(test_the_first_difference_is_named),
        cmocka_unit_test(test_every_lie_is_found),
        cmocka_unit_test(test_a_unit_moved_is_found),
        cmocka_unit_test(test_lines_left_out_or_doubled_are_found),
        cmocka_unit_test(test_wrong_waits_are_found),
        cmocka_unit_test(test_watermarks_are_followed),
        cmocka_unit_test(test_names_are_followed),
        cmocka_unit_test(test_times_are_followed),
        cmocka_unit_test(test_hashes_are_checked),
        cmocka_unit_test(test_bytes_must_be_canonical),
        cmocka_unit_test(test_ids_are_unique),
        cmocka_unit_test(test_quarantine_is_checked),
        cmocka_unit_test(test_every_row_is_checked),
        cmocka_unit_test(test_every_byte_counts),
        cmocka_unit_test(test_every_line_is_needed),
        cmocka_unit_test(test_reports_as_json),
        cmocka_unit_test(test_cut_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

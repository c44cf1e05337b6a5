/* SPDX-License-Identifier: Apache-2.0
 * NACHA files: one by hand column by column, returns and changes, every planted corruption, random
 * files that come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/rng.h"
#include "base/text.h"
#include "wire/bank/nacha.h"

#define CREATED ((mete_time)1738323296123456) /* 2025-01-31T11:34:56.123456Z */
#define DAY     20122                         /* 2025-02-03, a Monday */

static struct routing routing_of(const char *s)
{
    struct routing out;
    assert_int_equal(routing_parse(text_of(s), "", &out, NULL), METE_OK);
    return out;
}

static struct nacha_file file_by_hand(void)
{
    return (struct nacha_file){
        .destination = routing_of("021000021"),
        .origin = TEXT("1234567890"),
        .created = CREATED,
        .modifier = 'A',
        .destination_name = TEXT("Example Bank"),
        .origin_name = TEXT("Müller Inc"),
        .reference = TEXT("B1"),
    };
}

static struct nacha_batch batch_by_hand(void)
{
    return (struct nacha_batch){
        .company = TEXT("Muller Inc"),
        .company_id = TEXT("1234567890"),
        .description = TEXT("Payout"),
        .effective_day = DAY,
        .odfi = "02100002",
        .number = 1,
    };
}

static struct nacha_entry entry_by_hand(void)
{
    return (struct nacha_entry){
        .bank = routing_of("091000019"),
        .account = TEXT("12345-678"),
        .cents = 84750,
        .id = TEXT("tr-0001"),
        .name = TEXT("Jane Doe"),
        .sequence = 1,
    };
}

/* Columns, counted by their pictures. */
static const char BY_HAND[] = "101 021000021123456789025013111"
                              "34A094101EXAMPLE BANK           MULLER INC             B1      \n"
                              "5220MULLER INC                          1234567890PPDPAYOUT         "
                              " 250203   1021000020000001\n"
                              "62209100001912345-678        0000084750TR-0001        JANE DOE      "
                              "          0021000020000001\n"
                              "632091000019987              9999999999TR-0002        A NAME THAT "
                              "IS FAR TOO  1021000020000002\n"
                              "705INVOICE 7                                                        "
                              "               00010000002\n"
                              "82200000030018200002000000000000010000084749"
                              "1234567890                         021000020000001\n"
                              "9000001000001000000030018200002000000000000010000084749"
                              "                                       \n"
                              "99999999999999999999999999999999999999999999999999999999999999999999"
                              "99999999999999999999999999\n"
                              "99999999999999999999999999999999999999999999999999999999999999999999"
                              "99999999999999999999999999\n"
                              "99999999999999999999999999999999999999999999999999999999999999999999"
                              "99999999999999999999999999\n";

static void write_by_hand(struct buf *out, bool crlf)
{
    struct nacha_file f = file_by_hand();
    struct nacha_batch b = batch_by_hand();
    struct nacha_entry first = entry_by_hand(), second = entry_by_hand();
    struct nacha_writer w;
    f.crlf = crlf;
    second.savings = true;
    second.account = TEXT("987");
    second.cents = NACHA_AMOUNT_MAX;
    second.id = TEXT("tr-0002");
    second.name = TEXT("A name that is far too long");
    second.note = TEXT("Invoice 7");
    second.sequence = 2;
    assert_int_equal(nacha_begin(&w, &f, out, NULL), METE_OK);
    assert_int_equal(nacha_batch_begin(&w, &b, out, NULL), METE_OK);
    assert_int_equal(nacha_entry(&w, &first, out, NULL), METE_OK);
    assert_int_equal(nacha_entry(&w, &second, out, NULL), METE_OK);
    assert_int_equal(nacha_batch_end(&w, out, NULL), METE_OK);
    assert_int_equal(nacha_end(&w, out, NULL), METE_OK);
}

static void test_the_file_by_hand(void **state)
{
    struct buf out = {0};
    (void)state;
    write_by_hand(&out, false);
    assert_int_equal(sizeof BY_HAND - 1, 950);
    for (size_t i = 0; i < 10; i++) { /* line by line, so that a difference is seen */
        char want[96] = "", made[96] = "";
        memcpy(want, BY_HAND + 95 * i, 95);
        memcpy(made, out.p + 95 * i, 95);
        assert_string_equal(made, want);
    }
    assert_int_equal(out.len, 950);
    buf_clear(&out);
}

struct entries {
    struct nacha_record r[512];
    size_t count;
};

static bool keep(void *ctx, const struct nacha_record *r)
{
    struct entries *e = ctx;
    assert_true(e->count < ARRAY_LEN(e->r));
    e->r[e->count++] = *r;
    return true;
}

static struct entries entries;

static enum mete_code read_bytes_of(const void *p, size_t len, struct mete_err *err)
{
    entries.count = 0;
    return nacha_read((struct bytes){p, len}, keep, &entries, err);
}

static void test_the_file_by_hand_is_read_with_either_line_end(void **state)
{
    (void)state;
    for (unsigned crlf = 0; crlf < 2; crlf++) {
        struct buf out = {0};
        write_by_hand(&out, crlf == 1);
        assert_int_equal(out.len, crlf == 1 ? 960 : 950);
        assert_int_equal(read_bytes_of(out.p, out.len, NULL), METE_OK);
        assert_int_equal(entries.count, 2);
        const struct nacha_record *a = &entries.r[0], *b = &entries.r[1];
        assert_true(a->kind == NACHA_PLAIN && a->code == 22 && a->credit && a->cents == 84750);
        assert_string_equal(a->bank.text, "091000019");
        assert_string_equal(a->account, "12345-678");
        assert_string_equal(a->id, "TR-0001");
        assert_string_equal(a->name, "JANE DOE");
        assert_string_equal(a->trace, "021000020000001");
        assert_string_equal(a->sec, "PPD");
        assert_true(a->note[0] == '\0' && b->code == 32 && b->cents == NACHA_AMOUNT_MAX);
        assert_string_equal(b->note, "INVOICE 7");
        /* the last line may lack its end */
        assert_int_equal(read_bytes_of(out.p, out.len - (crlf == 1 ? 2 : 1), NULL), METE_OK);
        buf_clear(&out);
    }
}

/* A return of tr-0001 and a change for tr-0002, as a bank would send them. */
static const char RETURNED[] = "101 123456789002100002125020412"
                               "00A094101MULLER INC             EXAMPLE BANK                   \n"
                               "5220MULLER INC                          1234567890PPDPAYOUT        "
                               "  250204   1091000010000001\n"
                               "62102100002112345-678        0000084750TR-0001        JANE DOE     "
                               "           1091000010000001\n"
                               "799R02021000020000001      09100001                                "
                               "            091000010000001\n"
                               "82200000020002100002000000000000000000084750"
                               "1234567890                         091000010000001\n"
                               "5220MULLER INC                          1234567890CORPAYOUT        "
                               "  250204   1091000010000002\n"
                               "631021000021987              0000000000TR-0002        A NAME       "
                               "           1091000010000002\n"
                               "798C01021000020000002      09100001"
                               "1918171614                                  091000010000002\n"
                               "82200000020002100002000000000000000000000000"
                               "1234567890                         091000010000002\n"
                               "9000002000001000000040004200004000000000000000000084750"
                               "                                       \n";

static void test_returns_and_changes_name_their_entry(void **state)
{
    struct mete_err err = {0};
    (void)state;
    if (read_bytes_of(RETURNED, sizeof RETURNED - 1, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(entries.count, 2);
    const struct nacha_record *back = &entries.r[0], *change = &entries.r[1];
    assert_true(back->kind == NACHA_RETURN && back->code == 21 && back->credit);
    assert_string_equal(back->reason, "R02");
    assert_string_equal(back->original_trace, "021000020000001");
    assert_true(back->cents == 84750 && change->kind == NACHA_CHANGE && change->cents == 0);
    assert_string_equal(change->reason, "C01");
    assert_string_equal(change->original_trace, "021000020000002");
    assert_string_equal(change->corrected, "1918171614");
    assert_string_equal(change->sec, "COR");
}

/* Each column that means something, one at a time: line from 1, column from 1, what stands there
 * instead. */
static const struct {
    unsigned line, column;
    const char *text;
} PLANTED[] = {
    {1, 1, "2"},   {1, 35, "095"}, {1, 40, "2"}, {2, 1, "1"},  {2, 2, "225"}, {2, 2, "210"},
    {2, 41, "9"},  {2, 80, "9"},   {2, 94, "2"}, {3, 1, "5"},  {3, 2, "27"},  {3, 2, "26"},
    {4, 80, "9"},  {3, 2, "25"},   {3, 2, "62"}, {3, 4, "19"}, {3, 12, "8"},  {3, 38, "9"},
    {3, 38, " "},  {3, 79, "1"},   {3, 79, " "}, {3, 80, "9"}, {3, 94, "2"},  {3, 94, "x"},
    {3, 55, "\t"}, {4, 79, "0"},   {4, 94, "1"}, {5, 1, "6"},  {5, 2, "06"},  {5, 94, "3"},
    {6, 1, "7"},   {6, 2, "200"},  {6, 10, "2"}, {6, 20, "3"}, {6, 32, "1"},  {6, 44, "8"},
    {6, 45, "2"},  {6, 80, "1"},   {6, 94, "2"}, {7, 7, "2"},  {7, 13, "2"},  {7, 21, "2"},
    {7, 31, "3"},  {7, 43, "1"},   {7, 55, "0"}, {7, 2, "x"},  {8, 1, "1"},   {8, 50, "8"},
    {10, 94, " "},
};

static void test_each_planted_corruption_is_found(void **state)
{
    struct buf good = {0};
    (void)state;
    write_by_hand(&good, false);
    for (size_t i = 0; i < ARRAY_LEN(PLANTED); i++) {
        struct mete_err err = {0};
        char bad[951];
        memcpy(bad, good.p, 950);
        char *at = bad + 95 * (PLANTED[i].line - 1) + PLANTED[i].column - 1;
        assert_memory_not_equal(at, PLANTED[i].text, strlen(PLANTED[i].text));
        memcpy(at, PLANTED[i].text, strlen(PLANTED[i].text));
        if (read_bytes_of(bad, 950, &err) != METE_BANK_FILE) {
            fail_msg("line %u column %u: %s", PLANTED[i].line, PLANTED[i].column, PLANTED[i].text);
        }
        assert_true(err.pointer[0] == '/' && err.text[0] != '\0');
    }
    print_message("# %zu planted corruptions, each found\n", ARRAY_LEN(PLANTED));
    buf_clear(&good);
}

static void test_lines_that_are_lost_added_or_cut_are_found(void **state)
{
    struct buf good = {0};
    (void)state;
    write_by_hand(&good, false);
    for (size_t line = 0; line < 10; line++) {
        char bad[1100];
        memcpy(bad, good.p, 95 * line);
        memcpy(bad + 95 * line, good.p + 95 * (line + 1), 950 - 95 * (line + 1));
        assert_int_equal(read_bytes_of(bad, 855, NULL), METE_BANK_FILE);
        memcpy(bad, good.p, 95 * (line + 1));
        memcpy(bad + 95 * (line + 1), good.p + 95 * line, 950 - 95 * line);
        assert_int_equal(read_bytes_of(bad, 1045, NULL), METE_BANK_FILE);
    }
    for (size_t len = 0; len < 949; len++) {
        assert_int_equal(read_bytes_of(good.p, len, NULL), METE_BANK_FILE);
    }
    buf_clear(&good);
}

static void test_bad_returns_are_refused(void **state)
{
    static const struct {
        unsigned line, column;
        const char *text;
    } planted[] = {{4, 4, "X"}, {4, 5, "x"}, {4, 7, " "}, {4, 2, "97"}, {8, 4, "R"}, {3, 79, "0"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(planted); i++) {
        char bad[sizeof RETURNED];
        memcpy(bad, RETURNED, sizeof RETURNED);
        memcpy(bad + 95 * (planted[i].line - 1) + planted[i].column - 1, planted[i].text,
               strlen(planted[i].text));
        assert_int_equal(read_bytes_of(bad, sizeof RETURNED - 1, NULL), METE_BANK_FILE);
    }
}

#define REFUSED(code, what)                                                                        \
    do {                                                                                           \
        struct nacha_entry e = entry_by_hand();                                                    \
        what;                                                                                      \
        assert_int_equal(nacha_entry(&w, &e, &out, NULL), code);                                   \
        assert_int_equal(out.len, len);                                                            \
    } while (0)

static void test_entries_that_no_file_can_carry_are_refused(void **state)
{
    struct nacha_file f = file_by_hand();
    struct nacha_batch b = batch_by_hand();
    struct nacha_writer w;
    struct buf out = {0};
    (void)state;
    assert_int_equal(nacha_begin(&w, &f, &out, NULL), METE_OK);
    struct nacha_writer empty = w;
    assert_int_equal(nacha_end(&empty, &out, NULL), METE_BANK_FILE);
    assert_int_equal(nacha_batch_begin(&w, &b, &out, NULL), METE_OK);
    size_t len = out.len;
    assert_int_equal(nacha_batch_end(&w, &out, NULL), METE_BANK_FILE);
    REFUSED(METE_BANK_AMOUNT, e.cents = 0);
    REFUSED(METE_BANK_AMOUNT, e.cents = NACHA_AMOUNT_MAX + 1ull);
    REFUSED(METE_BANK_AMOUNT, e.prenote = true);
    REFUSED(METE_BANK_FIELD, e.account = TEXT(""));
    REFUSED(METE_BANK_FIELD, e.account = TEXT("123456789012345678"));
    REFUSED(METE_BANK_FIELD, e.account = TEXT("12_3"));
    REFUSED(METE_BANK_FIELD, e.account = TEXT(" 123"));
    REFUSED(METE_BANK_FIELD, e.name = TEXT(""));
    REFUSED(METE_BANK_FIELD, e.name = TEXT("鈴木"));
    REFUSED(METE_BANK_FIELD, e.id = TEXT("1234567890123456"));
    REFUSED(METE_BANK_FIELD, e.bank.text[0] = '\0');
    REFUSED(METE_BANK_FIELD, e.sequence = 0);
    REFUSED(METE_BANK_FIELD, e.sequence = 10000000);
    REFUSED(METE_BANK_FIELD, e.note = TEXT("123456789012345678901234567890123456789012345678901234"
                                           "567890123456789012345678901"));
    struct nacha_entry first = entry_by_hand();
    first.sequence = 5;
    assert_int_equal(nacha_entry(&w, &first, &out, NULL), METE_OK);
    len = out.len;
    REFUSED(METE_BANK_FIELD, e.sequence = 5); /* traces ascend */
    w.totals.credits = NACHA_TOTAL_MAX - 84750 - 84749;
    REFUSED(METE_BANK_AMOUNT, e.sequence = 6); /* the columns of the total are full */
    buf_clear(&out);
}

static void test_headers_that_no_file_can_carry_are_refused(void **state)
{
    struct nacha_writer w;
    struct buf out = {0};
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct nacha_file f = file_by_hand();
        f.modifier = i == 0 ? 'a' : f.modifier;
        f.created = i == 1 ? -1 : f.created;
        f.origin = i == 2 ? TEXT("") : i == 3 ? TEXT("12345678901") : f.origin;
        f.origin_name = i == 4 ? TEXT("123456789012345678901234") : f.origin_name;
        f.reference = i == 5 ? TEXT("123456789") : f.reference;
        assert_int_equal(nacha_begin(&w, &f, &out, NULL), METE_BANK_FIELD);
        assert_int_equal(out.len, 0);
    }
    struct nacha_file f = file_by_hand();
    assert_int_equal(nacha_begin(&w, &f, &out, NULL), METE_OK);
    for (unsigned i = 0; i < 8; i++) {
        struct nacha_batch b = batch_by_hand();
        b.odfi[7] = i == 0 ? 'x' : b.odfi[7];
        b.odfi[7] = i == 1 ? '\0' : b.odfi[7];
        b.number = i == 2 ? 0 : i == 3 ? 10000000 : b.number;
        b.effective_day = i == 4 ? -1 : b.effective_day;
        b.company = i == 5 ? TEXT("12345678901234567") : b.company;
        b.company_id = i == 6 ? TEXT("") : b.company_id;
        b.description = i == 7 ? TEXT("12345678901") : b.description;
        assert_int_equal(nacha_batch_begin(&w, &b, &out, NULL), METE_BANK_FIELD);
        assert_int_equal(out.len, 95);
    }
    buf_clear(&out);
}

/* --- random files ---------------------------------------------------------------------------- */

struct meant {
    char account[18], id[16], name[23], note[81], bank[10];
    struct nacha_entry e;
};

static void random_word(struct rng *r, char *out, size_t max)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t len = 1 + rng_below(r, max);
    for (size_t i = 0; i < len; i++) {
        out[i] = set[rng_below(r, sizeof set - 1)];
    }
    out[len] = '\0';
}

static void random_entry(struct rng *r, uint32_t sequence, struct meant *m)
{
    for (unsigned i = 0; i < 8; i++) {
        m->bank[i] = (char)('0' + rng_below(r, 10));
    }
    m->bank[0] = '1';
    m->bank[8] = routing_check_digit(m->bank);
    m->bank[9] = '\0';
    random_word(r, m->account, 17);
    random_word(r, m->id, 15);
    random_word(r, m->name, 22);
    random_word(r, m->note, 80);
    m->e = (struct nacha_entry){
        .savings = rng_below(r, 2) == 0,
        .prenote = rng_below(r, 8) == 0,
        .bank = routing_of(m->bank),
        .account = text_of(m->account),
        .id = text_of(m->id),
        .name = text_of(m->name),
        .note = rng_below(r, 3) == 0 ? text_of(m->note) : TEXT(""),
        .sequence = sequence,
    };
    m->e.cents = m->e.prenote ? 0 : 1 + rng_below(r, 100000000);
}

static void same_entry(const struct nacha_record *r, const struct meant *m, bool business)
{
    char trace[16];
    snprintf(trace, sizeof trace, "02100002%07u", m->e.sequence);
    assert_int_equal(r->kind, NACHA_PLAIN);
    assert_int_equal(r->code, (m->e.savings ? 32 : 22) + (m->e.prenote ? 1 : 0));
    assert_string_equal(r->sec, business ? "CCD" : "PPD");
    assert_string_equal(r->bank.text, m->bank);
    assert_string_equal(r->account, m->account);
    assert_string_equal(r->id, m->id);
    assert_string_equal(r->name, m->name);
    assert_string_equal(r->note, m->e.note.len > 0 ? m->note : "");
    assert_string_equal(r->trace, trace);
    assert_true(r->cents == m->e.cents && r->credit);
}

/* One other digit in a bank, an amount, a trace or a control is always found. */
static size_t corrupt_digits(struct rng *r, const struct buf *file)
{
    struct buf bad = {0};
    size_t found = 0;
    for (size_t at = 0; at < file->len; at++) {
        size_t column = at % 95 + 1;
        char type = (char)file->p[at - at % 95];
        bool entry =
            type == '6' && ((column >= 4 && column <= 12) || (column >= 30 && column <= 39));
        bool control =
            (type == '8' && column >= 5 && column <= 44) ||
            (type == '9' && file->p[at - at % 95 + 90] == ' ' && column > 1 && column <= 55);
        if ((!entry && !control) || rng_below(r, 8) != 0) {
            continue;
        }
        buf_reset(&bad);
        buf_put(&bad, file->p, file->len);
        bad.p[at] = (uint8_t)('0' + (bad.p[at] - '0' + 1 + (int)rng_below(r, 9)) % 10);
        assert_int_equal(read_bytes_of(bad.p, bad.len, NULL), METE_BANK_FILE);
        found++;
    }
    buf_clear(&bad);
    return found;
}

static void random_file(struct rng *r, size_t *written, size_t *corruptions)
{
    static struct meant meant[120];
    struct nacha_file f = file_by_hand();
    struct nacha_batch b = batch_by_hand();
    struct nacha_writer w;
    struct buf out = {0};
    struct mete_err err = {0};
    size_t count = 0;
    assert_int_equal(nacha_begin(&w, &f, &out, NULL), METE_OK);
    unsigned batches = 1 + (unsigned)rng_below(r, 3);
    for (unsigned i = 0; i < batches; i++) {
        b.number = i + 1;
        b.business = i == 1;
        assert_int_equal(nacha_batch_begin(&w, &b, &out, NULL), METE_OK);
        for (size_t n = 1 + rng_below(r, 40); n > 0; n--, count++) {
            random_entry(r, (uint32_t)count * 3 + 1, &meant[count]);
            assert_int_equal(nacha_entry(&w, &meant[count].e, &out, NULL), METE_OK);
        }
        assert_int_equal(nacha_batch_end(&w, &out, NULL), METE_OK);
    }
    assert_int_equal(nacha_end(&w, &out, NULL), METE_OK);
    assert_int_equal(out.len % 950, 0);
    if (read_bytes_of(out.p, out.len, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(entries.count, count);
    for (size_t i = 0; i < count; i++) {
        same_entry(&entries.r[i], &meant[i], strcmp(entries.r[i].sec, "CCD") == 0);
    }
    *written += count;
    *corruptions += corrupt_digits(r, &out);
    buf_clear(&out);
}

static void test_random_files_come_back_and_single_corruptions_are_found(void **state)
{
    uint64_t seed = 20250203;
    struct rng r;
    size_t written = 0, corruptions = 0;
    (void)state;
    rng_seed(&r, seed);
    for (unsigned i = 0; i < 40; i++) {
        random_file(&r, &written, &corruptions);
    }
    print_message("# seed %llu: %zu entries came back, %zu corruptions found\n",
                  (unsigned long long)seed, written, corruptions);
    assert_true(corruptions > 1000);
}

static bool stop(void *ctx, const struct nacha_record *r)
{
    (void)ctx;
    (void)r;
    return false;
}

static void test_the_receiver_may_stop_and_may_be_none(void **state)
{
    struct bytes file = {(const uint8_t *)RETURNED, sizeof RETURNED - 1};
    (void)state;
    assert_int_equal(nacha_read(file, stop, NULL, NULL), METE_BANK_FILE);
    assert_int_equal(nacha_read(file, NULL, NULL, NULL), METE_OK);
    file.len = NACHA_FILE_MAX + 1;
    assert_int_equal(nacha_read(file, NULL, NULL, NULL), METE_BANK_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_file_by_hand),
        cmocka_unit_test(test_the_file_by_hand_is_read_with_either_line_end),
        cmocka_unit_test(test_returns_and_changes_name_their_entry),
        cmocka_unit_test(test_each_planted_corruption_is_found),
        cmocka_unit_test(test_lines_that_are_lost_added_or_cut_are_found),
        cmocka_unit_test(test_bad_returns_are_refused),
        cmocka_unit_test(test_entries_that_no_file_can_carry_are_refused),
        cmocka_unit_test(test_headers_that_no_file_can_carry_are_refused),
        cmocka_unit_test(test_random_files_come_back_and_single_corruptions_are_found),
        cmocka_unit_test(test_the_receiver_may_stop_and_may_be_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

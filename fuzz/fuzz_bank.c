/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a file of a bank: reports, transfer files in one piece and in two, NACHA files, and
 * the fields in them. What is read keeps the bounds that its readers rely on. The first byte
 * chooses. */
#include "base/text.h"
#include "base/time.h"
#include "wire/bank/nacha.h"
#include "wire/bank/pain001.h"
#include "wire/bank/report.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IS_TEXT(array)                                                                             \
    METE_ASSERT(memchr(array, 0, sizeof(array)) != NULL && text_is_utf8(text_of(array)))

static bool check_record(void *ctx, const struct bank_record *r)
{
    struct hash key;
    (void)ctx;
    IS_TEXT(r->message_id);
    IS_TEXT(r->original_message);
    IS_TEXT(r->original_payment);
    IS_TEXT(r->end_to_end);
    IS_TEXT(r->uetr);
    IS_TEXT(r->status);
    IS_TEXT(r->reason);
    IS_TEXT(r->account);
    IS_TEXT(r->entry_ref);
    IS_TEXT(r->servicer_ref);
    METE_ASSERT(r->amount_e5 >= 0 && (r->amount_known || r->amount_e5 == 0));
    METE_ASSERT(r->currency[0] == '\0' || bank_currency_valid(text_of(r->currency)));
    METE_ASSERT(bank_record_outcome(r) <= BANK_RETURNED);
    METE_ASSERT(bank_movement_key(r, &key) ||
                (r->servicer_ref[0] == '\0' && r->end_to_end[0] == '\0'));
    return true;
}

static bool check_statement(void *ctx, const struct bank_statement *s)
{
    (void)ctx;
    IS_TEXT(s->id);
    IS_TEXT(s->account);
    METE_ASSERT(s->message != BANK_CAMT_053 || !s->opening_known || !s->closing_known ||
                s->opening_e5 + s->booked_e5 == s->closing_e5);
    return true;
}

static void check_report(struct bytes in)
{
    struct bank_report_sink sink = {NULL, check_record, check_statement};
    struct mete_err err = {0};
    enum mete_code code = bank_report_read(in, &sink, 7u, &err);
    METE_ASSERT(code == METE_OK || (err.code == code && err.text[0] != '\0'));
}

static bool check_transfer(void *ctx, const struct pain001_read *t)
{
    i128 *sum = ctx;
    struct iban iban;
    METE_ASSERT(bank_id_check(t->id, "", NULL) == METE_OK && t->amount_e5 > 0);
    METE_ASSERT(iban_parse(t->iban, "", &iban, NULL) == METE_OK);
    METE_ASSERT(t->creditor.len > 0 && bank_basic(t->creditor) && bank_basic(t->note));
    *sum += t->amount_e5;
    return true;
}

/* However the bytes are cut, the answer is the same. */
static void check_transfers(struct bytes in)
{
    struct pain001_seen whole, cut;
    i128 sum = 0;
    enum mete_code code = pain001_check(in, false, 7u, &whole, NULL);
    struct pain001_checker *c = pain001_check_new(false, 7u, check_transfer, &sum, NULL);
    size_t half = in.len / 2;
    if (pain001_check_feed(c, (struct bytes){in.p, half}) != METE_OK ||
        pain001_check_feed(c, (struct bytes){in.p + half, in.len - half}) != METE_OK) {
        METE_ASSERT(code != METE_OK);
        pain001_check_drop(c);
        return;
    }
    METE_ASSERT((pain001_check_end(c, &cut) == METE_OK) == (code == METE_OK));
    if (code == METE_OK) {
        METE_ASSERT(sum == whole.sum_e5 && sum == cut.sum_e5 && whole.count > 0);
    }
}

static bool check_entry(void *ctx, const struct nacha_record *r)
{
    struct routing again;
    (void)ctx;
    METE_ASSERT(routing_parse(text_of(r->bank.text), "", &again, NULL) == METE_OK);
    METE_ASSERT(strlen(r->trace) == NACHA_TRACE_LEN && r->cents <= NACHA_AMOUNT_MAX);
    METE_ASSERT((r->kind == NACHA_PLAIN) == (r->reason[0] == '\0'));
    METE_ASSERT(r->kind == NACHA_PLAIN || strlen(r->original_trace) == NACHA_TRACE_LEN);
    return true;
}

static void check_nacha(struct bytes in)
{
    struct mete_err err = {0};
    enum mete_code code = nacha_read(in, check_entry, NULL, &err);
    METE_ASSERT(code == METE_OK || (err.code == METE_BANK_FILE && err.text[0] != '\0'));
}

static void check_fields(struct text t)
{
    struct iban iban, again;
    struct bic bic;
    struct buf b = {0};
    i128 e5 = 0, back = 0;
    unsigned decimals = 0;
    char paper[IBAN_PAPER_MAX];
    if (iban_parse(t, "", &iban, NULL) == METE_OK) {
        METE_ASSERT(iban_paper(&iban, paper) < sizeof paper);
        METE_ASSERT(iban_parse(text_of(paper), "", &again, NULL) == METE_OK);
        METE_ASSERT(strcmp(iban.text, again.text) == 0);
    }
    if (bic_parse(t, "", &bic, NULL) == METE_OK) {
        METE_ASSERT(strlen(bic.text) == t.len);
    }
    if (bank_letters_put(&b, t, BANK_NAME_MAX, "", NULL) == METE_OK) {
        METE_ASSERT(b.len > 0 && b.len <= BANK_NAME_MAX && bank_basic(buf_text(&b)));
    }
    buf_reset(&b);
    if (bank_decimal_parse(t, true, &e5, &decimals)) {
        bank_decimal_put(&b, e5, decimals);
        METE_ASSERT(bank_decimal_parse(buf_text(&b), true, &back, &decimals) && back == e5);
    }
    buf_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct bytes in = {data + 1, size - 1};
    switch (data[0] % 4) {
    case 0:
        check_report(in);
        break;
    case 1:
        check_transfers(in);
        break;
    case 2:
        check_nacha(in);
        break;
    default:
        check_fields(bytes_text(in));
        break;
    }
    return 0;
}

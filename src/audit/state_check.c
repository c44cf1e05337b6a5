/* SPDX-License-Identifier: Apache-2.0
 * The rows after the events: what the book remembers, held against what the events add up to. A row
 * that says zero may be missing; any other must be there once. */
#include "audit/audit.h"

#include <inttypes.h>
#include <string.h>

#include "audit/member.h"
#include "base/i128.h"
#include "base/text.h"

/* One row under judgement, with the words for its differences. */
struct row {
    struct audit *a;
    const struct json *line;
    struct text party_id;
    uint32_t party;
    struct asset *asset;
    char what[320];
};

static void unreadable(struct audit *a, const char *kind)
{
    report_difference(a->report, "the %s row cannot be read, or names something unknown", kind);
}

static void differ(struct row *row, const char *member, i128 want)
{
    i128 found;
    char wanted[I128_TEXT_MAX], said[I128_TEXT_MAX];
    (void)i128_format(want, wanted);
    if (!export_i128(row->line, member, &found)) {
        report_difference(row->a->report, "%s: %s cannot be read; it should be %s", row->what,
                          member, wanted);
        return;
    }
    if (found == want) {
        return;
    }
    (void)i128_format(found, said);
    report_difference(row->a->report, "%s: %s should be %s, the book says %s", row->what, member,
                      wanted, said);
}

static uint32_t party_number(const struct audit *a, struct text id)
{
    for (uint32_t i = OWN_CLEARING; i <= OWN_EXCHANGE; i++) {
        if (text_eq(names_id(&a->book.parties, i), id)) {
            return i;
        }
    }
    return names_number(&a->book.parties, id);
}

/* The row's party and asset; a book of no money in that asset has no number for it. */
static bool read_row(struct audit *a, const struct json *line, const char *kind, struct row *row)
{
    struct text asset;
    *row = (struct row){.a = a, .line = line};
    if (!export_text(line, "party", &row->party_id) || !export_text(line, "asset", &asset) ||
        (row->party = party_number(a, row->party_id)) == 0 ||
        (row->asset = book_asset_named(&a->book, asset)) == NULL) {
        unreadable(a, kind);
        return false;
    }
    (void)snprintf(row->what, sizeof row->what, "%s of %.*s in %.*s", kind, (int)row->party_id.len,
                   row->party_id.p, (int)asset.len, asset.p);
    return true;
}

static void check_party(struct audit *a, const struct json *line)
{
    uint64_t number;
    struct text id;
    if (!export_u64(line, "number", &number) || !export_text(line, "id", &id) ||
        number > UINT32_MAX) {
        unreadable(a, "party");
        return;
    }
    if (number >= PARTY_FIRST) {
        a->parties_exported++;
    }
    struct text known = names_id(&a->book.parties, (uint32_t)number);
    if (!text_eq(known, id)) {
        report_difference(a->report, "party %" PRIu64 " should be %.*s, the book says %.*s", number,
                          (int)known.len, known.len > 0 ? known.p : "", (int)id.len, id.p);
    }
}

static void said_twice(struct row *row, bool *exported)
{
    if (*exported) {
        report_difference(row->a->report, "%s: said a second time", row->what);
    }
    *exported = true;
}

static void check_account(struct audit *a, const struct json *line)
{
    static const char *const members[SUM_COUNT] = {"debits_posted", "credits_posted",
                                                   "debits_pending", "credits_pending"};
    struct row row;
    if (!read_row(a, line, "account", &row)) {
        return;
    }
    struct account *x = ledger_find(&a->ledger, row.party, row.asset->number);
    i128 sum[SUM_COUNT] = {0};
    if (x != NULL) {
        memcpy(sum, x->sum, sizeof sum);
        said_twice(&row, &x->account_exported);
    }
    for (unsigned i = 0; i < SUM_COUNT; i++) {
        differ(&row, members[i], sum[i]);
    }
}

static void check_balance(struct audit *a, const struct json *line)
{
    struct row row;
    if (!read_row(a, line, "balance", &row) || row.party < PARTY_FIRST) {
        return;
    }
    struct account *x = ledger_find(&a->ledger, row.party, row.asset->number);
    struct balance b = {0};
    if (x != NULL) {
        said_twice(&row, &x->balance_exported);
        b = account_balance(x, a->head.at);
    }
    differ(&row, "pending", b.pending);
    differ(&row, "disputed", b.disputed);
    differ(&row, "cleared", b.cleared);
    differ(&row, "debt", b.debt);
    a->balances++;
}

static void check_pending(struct audit *a, const struct json *line)
{
    struct row row;
    struct text day_text = {NULL, 0};
    int32_t day;
    if (!read_row(a, line, "pending", &row)) {
        return;
    }
    bool never = export_text(line, "day", &day_text) && text_is(day_text, "never");
    if (never) {
        day = DAY_NEVER;
    } else if (!time_parse_day(day_text, &day)) {
        unreadable(a, "pending");
        return;
    }
    struct due_day *d = ledger_day(&a->ledger, row.party, row.asset->number, day);
    if (d != NULL) {
        said_twice(&row, &d->exported);
    }
    if (d == NULL || d->amount == 0) {
        report_difference(a->report, "%s: nothing is due on %.*s, the row should not be there",
                          row.what, (int)day_text.len, day_text.p);
        return;
    }
    differ(&row, "amount", d->amount);
}

static struct book_policy *row_policy(struct audit *a, const struct json *line, struct row *row)
{
    struct text id;
    *row = (struct row){.a = a, .line = line};
    if (!export_text(line, "policy", &id)) {
        return NULL;
    }
    (void)snprintf(row->what, sizeof row->what, "policy %.*s", (int)id.len, id.p);
    return book_policy(&a->book, id);
}

static void check_net(struct audit *a, const struct json *line)
{
    struct row row;
    struct text asset;
    struct book_policy *p = row_policy(a, line, &row);
    if (p == NULL || !export_text(line, "asset", &asset) ||
        (row.asset = book_asset_named(&a->book, asset)) == NULL) {
        unreadable(a, "net");
        return;
    }
    for (uint32_t i = 0; i < p->net_count; i++) {
        if (p->net[i].asset == row.asset) {
            said_twice(&row, &p->net[i].exported);
        }
    }
    differ(&row, "amount", policy_net(p, row.asset));
}

static void check_quantity(struct audit *a, const struct json *line)
{
    struct row row;
    struct book_policy *p = row_policy(a, line, &row);
    if (p == NULL) {
        unreadable(a, "quantity");
        return;
    }
    said_twice(&row, &p->quantity_exported);
    differ(&row, "quantity", p->quantity);
}

static bool read_payee(struct audit *a, const struct json *line, struct payee *payee)
{
    struct text asset, kind;
    *payee = (struct payee){.kind = PAYEE_NOBODY};
    if (!export_text(line, "policy", &payee->policy) || !export_text(line, "asset", &asset) ||
        !export_text(line, "payee_kind", &kind) ||
        (payee->asset = book_asset_named(&a->book, asset)) == NULL) {
        return false;
    }
    if (text_is(kind, "nobody")) {
        return true;
    }
    payee->kind = text_is(kind, "policy") ? PAYEE_POLICY : PAYEE_PARTY;
    return (payee->kind == PAYEE_POLICY || text_is(kind, "party")) &&
           export_text(line, "payee", &payee->id);
}

static void check_residue(struct audit *a, const struct json *line)
{
    struct payee payee;
    i128 whole, num, den;
    struct frac part, left;
    if (!read_payee(a, line, &payee) || !export_i128(line, "whole", &whole) ||
        !export_i128(line, "num", &num) || !export_i128(line, "den", &den) || num < 0 ||
        den <= num || !frac_of_u128(&part, (u128)num, (u128)den)) {
        unreadable(a, "residue");
        return;
    }
    struct frac said = frac_int(whole);
    struct carried *c = carry_find(&a->carry, &payee);
    left = c != NULL ? c->left : frac_int(0);
    if (c != NULL) {
        c->exported = true;
    }
    if (!frac_add(&said, &said, &part) || frac_cmp(&said, &left) != 0) {
        char wanted[FRAC_TEXT_MAX], found[FRAC_TEXT_MAX];
        frac_format(&left, wanted);
        frac_format(&said, found);
        report_difference(a->report, "the residue of %.*s in %.*s should be %s, the book says %s",
                          (int)payee.id.len, payee.id.len > 0 ? payee.id.p : "",
                          (int)payee.policy.len, payee.policy.p, wanted, found);
    }
}

static void check_event_id(struct audit *a, const struct json *line)
{
    struct text id;
    uint64_t seq, known;
    if (!export_text(line, "event_id", &id) || !export_u64(line, "seq", &seq)) {
        unreadable(a, "event_id");
        return;
    }
    struct record *r = journal_find(&a->journal, id, &known);
    if (r == NULL || known != seq) {
        report_difference(a->report, "the index puts %.*s at seq %" PRIu64 ", the log does not",
                          (int)id.len, id.p, seq);
    } else if (r->id_exported) {
        report_difference(a->report, "the index has %.*s twice", (int)id.len, id.p);
    }
    if (r != NULL) {
        r->id_exported = true;
    }
}

static void check_waiting(struct audit *a, const struct json *line)
{
    struct text code;
    uint64_t seq;
    if (!export_u64(line, "seq", &seq) || !export_text(line, "code", &code)) {
        unreadable(a, "waiting");
        return;
    }
    struct record *r = journal_at(&a->journal, seq);
    if (r == NULL || !r->accepted_waiting || r->wait_exported) {
        report_difference(a->report, "event %" PRIu64 " does not wait, or is listed twice", seq);
    } else if (!text_is(code, mete_code_name(r->wait_code))) {
        report_difference(a->report, "event %" PRIu64 " waits for %s, the book lists %.*s", seq,
                          mete_code_name(r->wait_code), (int)code.len, code.p);
    }
    if (r != NULL) {
        r->wait_exported = true;
    }
}

/* What is not UTF-8 stands in base64. */
static bool read_body(struct audit *a, const struct json *line, struct bytes *body)
{
    struct text text;
    if (export_text(line, "body", &text)) {
        *body = text_bytes(text);
        return true;
    }
    return export_bytes(&a->decision, line, "body_base64", body);
}

static void check_quarantine(struct audit *a, const struct json *line)
{
    uint64_t id;
    struct bytes body;
    struct text said;
    arena_reset(&a->decision);
    if (!export_u64(line, "id", &id) || !read_body(a, line, &body) ||
        !export_text(line, "sha256", &said)) {
        unreadable(a, "quarantine");
        return;
    }
    struct hash h = sha256(body);
    char hex[65];
    hash_hex(&h, hex);
    if (!text_is(said, hex)) {
        report_difference(a->report, "quarantined body %" PRIu64 " has the hash %s", id, hex);
    }
    if (id <= a->quarantined) {
        report_difference(a->report, "quarantine ids do not go up");
    }
    a->quarantined = id;
}

void state_check(struct audit *a, const struct export_line *line)
{
    static const struct {
        const char *kind;
        void (*check)(struct audit *, const struct json *);
    } checks[] = {
        {"party", check_party},     {"account", check_account},
        {"pending", check_pending}, {"balance", check_balance},
        {"net", check_net},         {"quantity", check_quantity},
        {"residue", check_residue}, {"event_id", check_event_id},
        {"waiting", check_waiting}, {"quarantine", check_quarantine},
    };
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        if (text_is(line->kind, checks[i].kind)) {
            checks[i].check(a, line->object);
            return;
        }
    }
    if (state_check_economy(a, line) || state_check_payout(a, line) || state_check_x402(a, line)) {
        return;
    }
    report_difference(a->report, "no line has the kind %.*s", (int)line->kind.len, line->kind.p);
}

static void missing(struct audit *a, const char *kind, uint32_t party, uint32_t asset)
{
    struct text id = names_id(&a->book.parties, party);
    const struct asset *x = book_asset_numbered(&a->book, asset);
    char name[64] = "an unknown asset";
    if (x != NULL) {
        asset_format(x, name);
    }
    report_difference(a->report, "the %s of %.*s in %s is missing", kind, (int)id.len,
                      id.len > 0 ? id.p : "", name);
}

static bool has_sums(const struct account *x)
{
    return x->sum[0] != 0 || x->sum[1] != 0 || x->sum[2] != 0 || x->sum[3] != 0;
}

static void missing_accounts(struct audit *a)
{
    size_t i = 0;
    struct bytes key;
    void *value;
    while (map_next(&a->ledger.account_of, &i, &key, &value)) {
        const struct account *x = *(struct account **)value;
        if (!x->account_exported && has_sums(x)) {
            missing(a, "account", x->party, x->asset);
        }
        struct balance b = account_balance(x, a->head.at);
        bool empty = b.pending == 0 && b.disputed == 0 && b.cleared == 0 && b.debt == 0;
        if (!x->balance_exported && !empty && x->party >= PARTY_FIRST) {
            missing(a, "balance", x->party, x->asset);
        }
    }
    i = 0;
    while (map_next(&a->ledger.day_of, &i, &key, &value)) {
        const struct due_day *d = value;
        uint32_t account[2]; /* the key begins with party and asset: ledger.c */
        memcpy(account, key.p, sizeof account);
        if (!d->exported && d->amount != 0) {
            missing(a, "pending amount of a day", account[0], account[1]);
        }
    }
}

static void missing_policies(struct audit *a)
{
    size_t i = 0;
    struct bytes key;
    void *value;
    while (map_next(&a->book.policy_of, &i, &key, &value)) {
        const struct book_policy *p = *(struct book_policy **)value;
        for (uint32_t k = 0; k < p->net_count; k++) {
            if (!p->net[k].exported && p->net[k].amount != 0) {
                report_difference(a->report, "the net of policy %.*s is missing", (int)p->id.len,
                                  p->id.p);
            }
        }
        if (!p->quantity_exported && p->quantity != 0) {
            report_difference(a->report, "the quantity of policy %.*s is missing", (int)p->id.len,
                              p->id.p);
        }
    }
    i = 0;
    while (map_next(&a->carry.left, &i, &key, &value)) {
        const struct carried *c = *(struct carried **)value;
        if (!c->exported && !frac_is_zero(&c->left)) {
            report_difference(a->report, "a residue is missing");
        }
    }
}

void state_check_missing(struct audit *a)
{
    missing_accounts(a);
    missing_policies(a);
    state_missing_economy(a);
    state_missing_payout(a);
    state_missing_x402(a);
    for (uint64_t seq = 1; seq <= a->journal.count; seq++) {
        const struct record *r = journal_at(&a->journal, seq);
        if (!r->id_exported) {
            report_difference(a->report, "the index lacks %.*s", (int)r->id.len, r->id.p);
        }
        if (r->accepted_waiting && !r->wait_exported) {
            report_difference(a->report, "%.*s waits, but is not listed", (int)r->id.len, r->id.p);
        }
    }
    if (a->parties_exported != a->book.parties.count) {
        report_difference(a->report, "%" PRIu32 " parties were named, %" PRIu64 " are listed",
                          a->book.parties.count, a->parties_exported);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * A journal for Beancount 2 and 3. Source: the Beancount language syntax. An account's last part is
 * "P-" and the party id with every byte but letters and digits as "-XX"; metadata has it in full.
 */
#include "engine/export_parts.h"

#include "base/text.h"
#include "core/amount.h"

#define COMMODITY_LEN_MAX 24u
#define FIRST_DAY         "1970-01-01"

static void put_account(struct journal *j, uint32_t party)
{
    const char *own = party == PARTY_CLEARING      ? "Assets:Clearing"
                      : party == PARTY_UNALLOCATED ? "Liabilities:Mete:Unallocated"
                      : party == PARTY_CARRY       ? "Liabilities:Mete:Carry"
                      : party == PARTY_SUSPENSE    ? "Liabilities:Mete:Suspense"
                                                   : NULL;
    if (own != NULL) {
        buf_put_str(j->out, own);
        return;
    }
    buf_put_str(j->out, "Liabilities:Parties:P-");
    export_put_escaped(j->out, names_party(&j->names, party), '-', "");
}

static bool letter(char c)
{
    return c >= 'A' && c <= 'Z';
}

/** What Beancount takes for a commodity: capitals and digits, at least two, "._-" inside. */
static bool commodity_fits(struct text code)
{
    bool fits = code.len >= 2 && code.len <= COMMODITY_LEN_MAX && letter(code.p[0]);
    for (size_t i = 1; i < code.len && fits; i++) {
        char c = code.p[i];
        bool inside = i + 1 < code.len && (c == '.' || c == '_' || c == '-');
        fits = letter(c) || (c >= '0' && c <= '9') || inside;
    }
    return fits;
}

/** Other codes by their number, with an apostrophe, which no code of ours has. */
static void put_commodity(struct journal *j, const struct asset *asset)
{
    if (commodity_fits(text_of(asset->code))) {
        buf_put_str(j->out, asset->code);
    } else {
        buf_printf(j->out, "M'%u", asset->number);
    }
}

static void put_number(struct journal *j, i128 amount, const struct asset *asset)
{
    char text[AMOUNT_TEXT_MAX];
    amount_format(amount, asset->scale, text);
    buf_put_str(j->out, text);
}

/** A string in quotes; control characters, which ids may not keep here, as "?". */
static void put_string(struct buf *out, struct text t)
{
    buf_put_u8(out, '"');
    for (size_t i = 0; i < t.len; i++) {
        uint8_t c = (uint8_t)t.p[i];
        if (c == '"' || c == '\\') {
            buf_put_u8(out, '\\');
        }
        buf_put_u8(out, c < 0x20 || c == 0x7f ? '?' : c);
    }
    buf_put_u8(out, '"');
}

static void put_meta(struct journal *j, const char *indent, const char *name, struct text value)
{
    buf_printf(j->out, "%s%s: ", indent, name);
    put_string(j->out, value);
    buf_put_str(j->out, "\n");
}

static void put_day(struct journal *j, int32_t day)
{
    char text[11];
    time_format_day(day, text);
    buf_put_str(j->out, text);
}

static void begin(struct journal *j)
{
    buf_put_str(j->out, "option \"title\" ");
    put_string(j->out, text_of(engine_book_name(j->e)));
    buf_put_str(j->out, "\noption \"inferred_tolerance_default\" \"*:0\"\n"
                        "; Debits are positive: what is owed to a party is negative.\n\n");
}

static void commodity(struct journal *j, const struct asset *asset)
{
    buf_put_str(j->out, FIRST_DAY " commodity ");
    put_commodity(j, asset);
    buf_printf(j->out, "\n  code: \"%s\"\n  scale: %u\n", asset->code, asset->scale);
}

static void account(struct journal *j, uint32_t party)
{
    buf_put_str(j->out, FIRST_DAY " open ");
    put_account(j, party);
    buf_put_str(j->out, "\n");
    put_meta(j, "  ", "party", names_party(&j->names, party));
}

static void put_link(struct journal *j, struct text event_id)
{
    buf_put_str(j->out, " ^");
    export_put_escaped(j->out, event_id, '-', "_/.");
}

static void entry(struct journal *j, const struct journal_entry *e)
{
    buf_put_str(j->out, "\n");
    put_day(j, time_day(e->item->recorded_at));
    buf_printf(j->out, " * \"%s\" ", event_type_name(e->head->type));
    put_string(j->out, e->head->event_id);
    put_link(j, e->head->event_id);
    if (e->original.len > 0) {
        put_link(j, e->original);
    }
    buf_put_str(j->out, "\n");
    put_meta(j, "  ", "event_id", e->head->event_id);
    buf_printf(j->out, "  seq: %llu\n", (unsigned long long)e->item->seq);
    put_meta(j, "  ", "occurred_at", words_time(&j->a, e->head->occurred_at));
    put_meta(j, "  ", "recorded_at", words_time(&j->a, e->item->recorded_at));
}

static void opening(struct journal *j, mete_time at)
{
    buf_put_str(j->out, "\n");
    put_day(j, time_day(at));
    buf_put_str(j->out, " * \"opening balances\"\n");
}

static void posting(struct journal *j, const struct journal_posting *p)
{
    buf_put_str(j->out, "  ");
    put_account(j, p->party);
    buf_put_str(j->out, "  ");
    put_number(j, p->amount, p->asset);
    buf_put_str(j->out, " ");
    put_commodity(j, p->asset);
    buf_put_str(j->out, "\n");
    if (p->id.len > 0) {
        put_meta(j, "    ", "id", p->id);
    }
}

static void end(struct journal *j)
{
    (void)j;
}

/** A balance holds at the beginning of its day. */
static void assertion(struct journal *j, const struct journal_posting *p, mete_time last)
{
    put_day(j, time_day(last) + 1);
    buf_put_str(j->out, " balance ");
    put_account(j, p->party);
    buf_put_str(j->out, "  ");
    put_number(j, p->amount, p->asset);
    buf_put_str(j->out, " ~ 0 ");
    put_commodity(j, p->asset);
    buf_put_str(j->out, "\n");
}

enum mete_code export_beancount(struct engine *e, const struct export_query *q, struct buf *out,
                                struct mete_err *err)
{
    static const struct journal_style STYLE = {begin,   commodity, account, entry,
                                               opening, posting,   end,     assertion};
    return journal_write(e, q, &STYLE, out, err);
}

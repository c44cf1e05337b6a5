/* SPDX-License-Identifier: Apache-2.0
 * A journal for hledger. Source: hledger 1.25 manual, "Journal format". Names are percent-encoded,
 * so that a party's colons do not become a hierarchy. */
#include "engine/export_parts.h"

#include "base/text.h"
#include "core/amount.h"

#define TAG_PLAIN " !\"#$&'()*+-./:<=>?@[]^_`{|}~" /* a tag's value ends at a comma */

static void put_account(struct journal *j, uint32_t party)
{
    const char *own = party == PARTY_CLEARING      ? "assets:clearing"
                      : party == PARTY_UNALLOCATED ? "liabilities:mete:unallocated"
                      : party == PARTY_CARRY       ? "liabilities:mete:carry"
                      : party == PARTY_SUSPENSE    ? "liabilities:mete:suspense"
                                                   : NULL;
    if (own != NULL) {
        buf_put_str(j->out, own);
        return;
    }
    buf_put_str(j->out, "liabilities:parties:");
    export_put_escaped(j->out, names_party(&j->names, party), '%', "._-@+~");
}

static void put_commodity(struct journal *j, const struct asset *asset)
{
    bool letters = true;
    for (const char *c = asset->code; *c != 0; c++) {
        letters = letters && ((*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z'));
    }
    buf_printf(j->out, letters ? "%s" : "\"%s\"", asset->code);
}

static void put_amount(struct journal *j, i128 amount, const struct asset *asset)
{
    char text[AMOUNT_TEXT_MAX];
    amount_format(amount, asset->scale, text);
    buf_printf(j->out, "%s ", text);
    put_commodity(j, asset);
}

static void put_day(struct journal *j, mete_time t)
{
    char day[11];
    time_format_day(time_day(t), day);
    buf_put_str(j->out, day);
}

static void begin(struct journal *j)
{
    buf_printf(j->out,
               "; book %s of mete. Debits are positive: what is owed to a party is "
               "negative.\n; Names of parties are percent-encoded.\ndecimal-mark .\n\n",
               engine_book_name(j->e));
}

static void commodity(struct journal *j, const struct asset *asset)
{
    char text[AMOUNT_TEXT_MAX];
    amount_format((i128)u128_pow10(asset->scale) * 1000, asset->scale, text);
    buf_printf(j->out, "commodity %s%s ", text, asset->scale == 0 ? "." : "");
    put_commodity(j, asset);
    buf_put_str(j->out, "\n");
}

static void account(struct journal *j, uint32_t party)
{
    buf_put_str(j->out, "account ");
    put_account(j, party);
    buf_put_str(j->out, "\n");
}

static void put_tag(struct journal *j, const char *name, struct text value)
{
    buf_printf(j->out, "    ; %s: ", name);
    export_put_escaped(j->out, value, '%', TAG_PLAIN);
    buf_put_str(j->out, "\n");
}

static void entry(struct journal *j, const struct journal_entry *e)
{
    buf_put_str(j->out, "\n");
    put_day(j, e->item->recorded_at);
    buf_printf(j->out, " * (%llu) %s ", (unsigned long long)e->item->seq,
               event_type_name(e->head->type));
    export_put_escaped(j->out, e->head->event_id, '%', "._-@+~:/#");
    buf_put_str(j->out, "\n");
    put_tag(j, "event_id", e->head->event_id);
    if (e->original.len > 0) {
        put_tag(j, "original", e->original);
    }
    put_tag(j, "occurred_at", words_time(&j->a, e->head->occurred_at));
    put_tag(j, "recorded_at", words_time(&j->a, e->item->recorded_at));
}

static void opening(struct journal *j, mete_time at)
{
    buf_put_str(j->out, "\n");
    put_day(j, at);
    buf_put_str(j->out, " * opening balances\n");
}

static void posting(struct journal *j, const struct journal_posting *p)
{
    buf_put_str(j->out, "    ");
    put_account(j, p->party);
    buf_put_str(j->out, "  ");
    put_amount(j, p->amount, p->asset);
    if (p->id.len > 0) {
        buf_put_str(j->out, "  ; id: ");
        export_put_escaped(j->out, p->id, '%', TAG_PLAIN);
    }
    buf_put_str(j->out, "\n");
}

static void end(struct journal *j)
{
    (void)j;
}

static void assertion(struct journal *j, const struct journal_posting *p, mete_time last)
{
    buf_put_str(j->out, "\n");
    put_day(j, last);
    buf_put_str(j->out, " * balance\n    ");
    put_account(j, p->party);
    buf_put_str(j->out, "  ");
    put_amount(j, 0, p->asset);
    buf_put_str(j->out, " = ");
    put_amount(j, p->amount, p->asset);
    buf_put_str(j->out, "\n");
}

enum mete_code export_hledger(struct engine *e, const struct export_query *q, struct buf *out,
                              struct mete_err *err)
{
    static const struct journal_style STYLE = {begin,   commodity, account, entry,
                                               opening, posting,   end,     assertion};
    return journal_write(e, q, &STYLE, out, err);
}

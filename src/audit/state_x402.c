/* SPDX-License-Identifier: Apache-2.0
 * The rows of payments by x402 after the events: payments, which of them are open, account nonces
 * and policies of resources, held against what the events add up to. */
#include <string.h>

#include "audit/member.h"
#include "audit/said.h"
#include "base/text.h"

static struct x402_entry *entry_find(struct audit *a, const struct json *line, const char *kind,
                                     struct said *s)
{
    return said_find(a, &a->x402.payment_of, line, kind, "payment", s);
}

static void said_transactions(const struct said *s, const struct x402_entry *p)
{
    const struct json *list = json_get(s->line, "transactions");
    bool same = list != NULL && list->type == JSON_ARRAY && list->count == p->transactions;
    const struct json *j = same ? list->child : NULL;
    for (uint32_t i = 0; j != NULL; j = j->next) {
        same &= j->type == JSON_STRING && text_eq(j->text, p->transaction[i++]);
    }
    if (!same) {
        report_difference(s->a->report, "%s %.*s: its transactions are not those of its events",
                          s->kind, (int)s->id.len, s->id.p);
    }
}

static void check_payment(struct audit *a, const struct json *line)
{
    struct said s;
    struct x402_entry *p = entry_find(a, line, "x402", &s);
    if (p == NULL) {
        return;
    }
    said_once(&s, &p->exported);
    said_text(&s, "state", text_of(p->state));
    said_number(&s, "steps", p->steps);
    said_text(&s, "network", p->network);
    said_text(&s, "asset", p->asset);
    said_text(&s, "from", p->from);
    said_text(&s, "nonce", p->nonce);
    said_moment(&s, "until", p->until);
    said_text(&s, "reservation", p->reservation);
    said_text(&s, "scheme", p->scheme);
    said_text(&s, "to", p->to);
    said_text(&s, "value", p->value);
    said_text(&s, "resource", p->resource);
    said_text(&s, "policy", p->policy);
    said_text(&s, "request", p->request);
    said_text(&s, "signer", p->signer);
    said_number(&s, "account_nonce", p->account_nonce);
    said_text(&s, "settled_by", p->settled_by);
    said_number(&s, "block", p->block);
    said_text(&s, "reason", p->reason);
    said_text(&s, "outcome", p->outcome);
    said_transactions(&s, p);
    if (json_is_true(json_get(line, "cancels")) != p->cancels) {
        report_difference(a->report, "x402 %.*s: the newest transaction %s", (int)s.id.len, s.id.p,
                          p->cancels ? "cancels" : "does not cancel");
    }
}

static void check_open(struct audit *a, const struct json *line)
{
    struct said s;
    struct x402_entry *p = entry_find(a, line, "x402_open", &s);
    if (p != NULL) {
        said_once(&s, &p->open_exported);
    }
}

static void check_account(struct audit *a, const struct json *line)
{
    struct said s = {
        .a = a, .line = line, .kind = "x402_account", .id = member_text(line, "account")};
    size_t i = 0;
    struct bytes key;
    void *value;
    while (map_next(&a->x402.account_of, &i, &key, &value)) {
        struct x402_account *account = value;
        if (text_is(s.id, account->id)) {
            said_once(&s, &account->exported);
            said_number(&s, "next", account->next);
            return;
        }
    }
    report_difference(a->report, "x402_account %.*s: no event tells of it", (int)s.id.len,
                      s.id.len > 0 ? s.id.p : "");
}

static void check_policies(struct audit *a, const struct json *line)
{
    struct text pay_to = member_text(line, "pay_to");
    struct text resource = member_text(line, "resource");
    const struct x402_splits *all = map_get(&a->x402.splits_of, text_bytes(pay_to));
    for (uint32_t i = 0; all != NULL && i < all->count; i++) {
        struct x402_split *x = &all->split[i];
        if (text_eq(x->resource, resource) && text_eq(x->network, member_text(line, "network")) &&
            x->policy.len > 0 && !x->exported && text_eq(x->policy, member_text(line, "policy"))) {
            x->exported = true;
            return;
        }
    }
    report_difference(a->report, "x402_policy of %.*s: no event tells of it", (int)resource.len,
                      resource.len > 0 ? resource.p : "");
}

bool state_check_x402(struct audit *a, const struct export_line *line)
{
    static const struct {
        const char *kind;
        void (*check)(struct audit *, const struct json *);
    } checks[] = {{"x402", check_payment},         {"x402_open", check_open},
                  {"x402_account", check_account}, {"x402_policy", check_policies},
                  {"x402_sums", x402_check_sums},  {"x402_gas", x402_check_gas}};
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        if (text_is(line->kind, checks[i].kind)) {
            checks[i].check(a, line->object);
            return true;
        }
    }
    return false;
}

static void missing_accounts(struct audit *a)
{
    size_t i = 0;
    struct bytes key;
    void *value;
    while (map_next(&a->x402.account_of, &i, &key, &value)) {
        const struct x402_account *account = value;
        if (!account->exported) {
            report_difference(a->report, "x402_account %s is missing", account->id);
        }
    }
}

static void missing_policies(struct audit *a)
{
    size_t i = 0;
    struct bytes pay_to;
    void *value;
    while (map_next(&a->x402.splits_of, &i, &pay_to, &value)) {
        const struct x402_splits *all = value;
        for (uint32_t k = 0; k < all->count; k++) {
            const struct x402_split *x = &all->split[k];
            if (x->policy.len > 0 && !x->exported) {
                report_difference(a->report, "x402_policy of %.*s is missing", (int)x->resource.len,
                                  x->resource.p);
            }
        }
    }
}

void state_missing_x402(struct audit *a)
{
    size_t i = 0;
    struct bytes id;
    void *value;
    missing_accounts(a);
    missing_policies(a);
    x402_missing_sums(a);
    while (map_next(&a->x402.payment_of, &i, &id, &value)) {
        const struct x402_entry *p = *(struct x402_entry **)value;
        if (!p->exported) {
            report_difference(a->report, "x402 %.*s is missing", (int)id.len, (const char *)id.p);
        }
        if (p->open_exported != x402_entry_is_open(p)) {
            report_difference(a->report, "x402 %.*s: it is %s, and the book says otherwise",
                              (int)id.len, (const char *)id.p,
                              x402_entry_is_open(p) ? "open" : "not open");
        }
    }
}

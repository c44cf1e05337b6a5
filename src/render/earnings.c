/* SPDX-License-Identifier: Apache-2.0
 * What a party has earned, as agents read it. */
#include "render/render.h"

#include "base/text.h"
#include "core/machine.h"

static void agent_payout_json(struct json_writer *w, const char *key,
                              const struct earnings_payout *p)
{
    jw_object(w, key);
    jw_text(w, "transfer_id", p->transfer_id);
    jw_text(w, "batch_id", p->batch_id);
    jw_str(w, "state", machine_of(MACHINE_TRANSFER)->state[p->state]);
    jw_text(w, "rail", p->rail);
    jw_asset(w, &p->asset);
    jw_i128(w, "amount", p->amount);
    jw_i128(w, "paid", p->paid);
    jw_i128(w, "returned", p->returned);
    jw_int(w, "attempts", p->attempts);
    jw_time(w, "queued_at", p->queued_at);
    jw_time(w, "ended_at", p->ended_at);
    jw_text_or_null(w, "reason", p->reason);
    jw_text_or_null(w, "remediation", p->remediation);
    jw_end_object(w);
}

static void balances_members(struct json_writer *w, const struct earnings_account *account)
{
    static const struct balance none;
    const struct balance *b = account != NULL ? &account->balance : &none;
    jw_i128(w, "pending", b->pending);
    jw_i128(w, "cleared", b->cleared);
    jw_i128(w, "disputed", b->disputed);
    jw_i128(w, "paid", b->paid);
    jw_i128(w, "on_the_way", b->leaving);
    jw_i128(w, "debt", b->debt);
    if (account != NULL) {
        jw_asset(w, &account->asset);
    } else {
        jw_null(w, "asset");
    }
}

static void hold_member(struct json_writer *w, const struct earnings *x)
{
    if (x->hold == HOLD_NONE) {
        jw_null(w, "hold");
        return;
    }
    jw_object(w, "hold");
    jw_str(w, "kind", x->hold == HOLD_SUPERVISOR ? "supervisor" : "destination");
    jw_str(w, "ends_with",
           x->hold == HOLD_SUPERVISOR ? "payout.hold_released"
                                      : "party.destination_set or payout.hold_released");
    jw_end_object(w);
}

static void next_member(struct json_writer *w, const struct earnings *x)
{
    bool payable = x->next_code == METE_OK;
    bool cools = x->has_destination && x->holds_from > x->at;
    jw_object(w, "next_payout");
    jw_i128(w, "amount", payable ? x->next : 0);
    jw_i128(w, "minimum", x->minimum);
    jw_bool(w, "payable", payable);
    jw_time(w, "at", x->next_at);
    jw_bool(w, "on_demand", x->on_demand);
    jw_text_or_null(w, "rail", x->rail);
    jw_time(w, "not_before", cools ? x->holds_from : TIME_NEVER);
    jw_str(w, "code", payable ? NULL : mete_code_name(x->next_code));
    jw_str(w, "remediation", payable ? NULL : mete_code_remediation(x->next_code));
    jw_end_object(w);
}

static void year_member(struct json_writer *w, const struct earnings *x)
{
    jw_object(w, "year_to_date");
    jw_int(w, "year", x->year);
    jw_i128(w, "earned", x->earned);
    jw_i128(w, "paid_out", x->sent);
    jw_end_object(w);
}

static void lists_members(struct json_writer *w, const struct earnings *x)
{
    jw_array(w, "payouts");
    for (size_t i = 0; i < x->payout_count; i++) {
        agent_payout_json(w, NULL, &x->payout[i]);
    }
    jw_end_array(w);
    jw_array(w, "history");
    for (size_t i = 0; i < x->line_count; i++) {
        jw_object(w, NULL);
        statement_line_members(w, &x->line[i]);
        jw_end_object(w);
    }
    jw_end_array(w);
    jw_array(w, "accounts");
    for (size_t i = 0; i < x->account_count; i++) {
        jw_object(w, NULL);
        balances_members(w, &x->account[i]);
        jw_end_object(w);
    }
    jw_end_array(w);
}

void earnings_members(struct json_writer *w, const struct earnings *x)
{
    struct text remediation;
    const char *status = earnings_status(x, &remediation);
    balances_members(w, x->main);
    jw_str(w, "status", status);
    jw_text_or_null(w, "remediation", remediation);
    hold_member(w, x);
    if (x->failed != NULL) {
        agent_payout_json(w, "failed_payout", x->failed);
    } else {
        jw_null(w, "failed_payout");
    }
    next_member(w, x);
    year_member(w, x);
    lists_members(w, x);
}

/* SPDX-License-Identifier: Apache-2.0
 * Payloads of payout.*, which mete makes itself. What a rail needs to know its payment by stands in
 * `anchor`; what is sent to it, byte for byte, in `body`. */
#include "wire/payload_parts.h"

#define ANCHOR_LEN_MAX     200
#define ATTEMPT_NUMBER_MAX 1000
#define ATTEMPT                                                                                    \
    {                                                                                              \
        TEXT("attempt"), field_i32, true, AT(payout.attempt), 1, 1000, NULL                        \
    }
#define TRANSFER                                                                                   \
    {                                                                                              \
        TEXT("transfer_id"), field_event_id, true, AT(payout.transfer_id), 0, 0, NULL              \
    }

static enum mete_code field_amount_moved(const struct form_in *in, const struct field *f,
                                         const struct json *j, void *out)
{
    (void)f;
    struct event_payout *p = out;
    p->has_amount = true;
    return form_money(in, j, false, &p->amount);
}

static enum mete_code field_fee_taken(const struct form_in *in, const struct field *f,
                                      const struct json *j, void *out)
{
    (void)f;
    struct event_payout *p = out;
    p->has_fee = true;
    return form_money(in, j, false, &p->fee);
}

/* A text; it is private, so the log has its commitment. */
static enum mete_code field_body(const struct form_in *in, const struct field *f,
                                 const struct json *j, void *out)
{
    struct event_payout *p = out;
    p->has_body = true;
    return field_any_string(in, f, j, out);
}

static const struct field opened_fields[] = {
    {TEXT("asset"), field_currency, true, AT(payout.asset), 0, 0, NULL},
    {TEXT("rail"), field_id, true, AT(payout.rail), 0, 0, NULL},
    {TEXT("schedule"), field_any_string, false, 0, 0, 0, NULL},
    {TEXT("period"), field_any_string, false, 0, 0, 0, NULL},
    {TEXT("on_demand"), field_bool, false, AT(payout.on_demand), 0, 0, NULL},
    {TEXT("minimum"), field_decimal, false, AT(payout.minimum), 0, 0, NULL},
    {TEXT("fee"), field_decimal, false, AT(payout.fee_expected), 0, 0, NULL},
    {TEXT("fee_cap_bps"), field_i32, false, AT(payout.fee_cap_bps), 1, 10000, NULL},
    {TEXT("cutoff_at"), field_when, false, AT(payout.cutoff_at), 0, 0, NULL}};
FORM(opened_form, opened_fields);

static const struct field closed_fields[] = {
    {TEXT("batch_id"), field_event_id, true, AT(payout.batch_id), 0, 0, NULL}};
FORM(closed_form, closed_fields);

static const struct field queued_fields[] = {
    {TEXT("batch_id"), field_event_id, true, AT(payout.batch_id), 0, 0, NULL},
    {TEXT("party"), field_party, true, AT(payout.party), 0, 0, NULL},
    {TEXT("amount"), field_money, true, AT(payout.amount), 0, 0, NULL}};
FORM(queued_form, queued_fields);

static const struct field sending_fields[] = {
    TRANSFER,
    ATTEMPT,
    {TEXT("anchor"), field_event_id, true, AT(payout.anchor), 0, ANCHOR_LEN_MAX, NULL},
    {TEXT("body"), field_body, false, AT(payout), 0, 0, NULL},
    SHOWN("group"),
    {TEXT("party"), field_party, false, AT(payout.party), 0, 0, NULL}};
FORM(sending_form, sending_fields);

static const struct field noted_fields[] = {
    TRANSFER,
    ATTEMPT,
    {TEXT("reference"), field_any_string, false, 0, 0, 0, NULL},
    {TEXT("reason"), field_any_string, false, 0, 0, 0, NULL},
    {TEXT("retry_at"), field_when, false, AT(payout.retry_at), 0, 0, NULL}};
FORM(noted_form, noted_fields);

static const struct field paid_fields[] = {
    TRANSFER,
    ATTEMPT,
    {TEXT("amount"), field_amount_moved, false, AT(payout), 0, 0, NULL},
    {TEXT("fee"), field_fee_taken, false, AT(payout), 0, 0, NULL},
    {TEXT("reference"), field_any_string, false, 0, 0, 0, NULL},
    {TEXT("proof"), field_any_string, false, 0, 0, 0, NULL}};
FORM(paid_form, paid_fields);

static const struct field failed_fields[] = {
    TRANSFER,
    ATTEMPT,
    {TEXT("reason"), field_any_string, true, 0, 0, 0, NULL},
    {TEXT("unprepared"), field_bool, false, AT(payout.unprepared), 0, 0, NULL},
    {TEXT("retry_at"), field_when, false, AT(payout.retry_at), 0, 0, NULL}};
FORM(failed_form, failed_fields);

static const struct field ended_fields[] = {
    TRANSFER,
    {TEXT("reason"), field_any_string, true, 0, 0, 0, NULL},
    {TEXT("remediation"), field_any_string, false, 0, 0, 0, NULL}};
FORM(ended_form, ended_fields);

static const struct field returned_fields[] = {
    TRANSFER,
    {TEXT("attempt"), field_i32, false, AT(payout.attempt), 1, ATTEMPT_NUMBER_MAX, NULL},
    {TEXT("amount"), field_amount_moved, false, AT(payout), 0, 0, NULL},
    {TEXT("reason"), field_any_string, true, 0, 0, 0, NULL},
    {TEXT("reference"), field_any_string, false, 0, 0, 0, NULL}};
FORM(returned_form, returned_fields);

static const struct field hold_fields[] = {
    {TEXT("party"), field_party, true, AT(payout.party), 0, 0, NULL},
    {TEXT("reason"), field_any_string, true, 0, 0, 0, NULL}};
FORM(hold_form, hold_fields);

const struct payload_kind *payload_kind_payout(enum event_type type)
{
    static const struct payload_kind kinds[EVENT_TYPE_COUNT] = {
        [EVENT_PAYOUT_BATCH_OPENED] = {&opened_form, NULL, NULL},
        [EVENT_PAYOUT_BATCH_CLOSED] = {&closed_form, NULL, NULL},
        [EVENT_PAYOUT_TRANSFER_QUEUED] = {&queued_form, NULL, NULL},
        [EVENT_PAYOUT_TRANSFER_SENDING] = {&sending_form, NULL, NULL},
        [EVENT_PAYOUT_TRANSFER_SENT] = {&noted_form, NULL, NULL},
        [EVENT_PAYOUT_TRANSFER_UNKNOWN] = {&noted_form, NULL, NULL},
        [EVENT_PAYOUT_TRANSFER_PAID] = {&paid_form, NULL, NULL},
        [EVENT_PAYOUT_TRANSFER_FAILED] = {&failed_form, NULL, NULL},
        [EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT] = {&ended_form, NULL, NULL},
        [EVENT_PAYOUT_TRANSFER_RETURNED] = {&returned_form, NULL, NULL},
        [EVENT_PAYOUT_TRANSFER_CANCELLED] = {&ended_form, NULL, NULL},
        [EVENT_PAYOUT_HOLD_PLACED] = {&hold_form, NULL, NULL},
        [EVENT_PAYOUT_HOLD_RELEASED] = {&hold_form, NULL, NULL},
    };
    return kinds[type].form != NULL ? &kinds[type] : NULL;
}

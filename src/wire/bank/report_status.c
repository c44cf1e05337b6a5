/* SPDX-License-Identifier: Apache-2.0
 * pain.002: three levels of status. A record is given when its level ends; the group, whose status
 * stands before the rest, when its block ends. */
#include "base/text.h"
#include "wire/bank/report_parts.h"

#include <string.h>

/* A record of a level begins with what the level above it says, but not with its status. */
static struct bank_record below(const struct bank_record *above, enum bank_level level)
{
    struct bank_record made = *above;
    made.level = level;
    made.status[0] = '\0';
    made.reason[0] = '\0';
    return made;
}

bool status_open(struct report *r)
{
    if (report_at(r, "/OrgnlGrpInfAndSts")) {
        r->group = (struct bank_record){
            .message = r->message, .level = BANK_GROUP, .booking_day = BANK_DAY_NONE};
        memcpy(r->group.message_id, r->message_id, sizeof r->message_id);
        r->payment = r->group; /* some banks put transfers directly below the group */
    } else if (report_at(r, "/OrgnlPmtInfAndSts")) {
        r->payment = below(&r->group, BANK_PAYMENT);
    } else if (report_at(r, "/TxInfAndSts")) {
        r->transfer = below(&r->payment, BANK_TRANSFER);
    }
    return true;
}

static bool transfer_field(struct report *r)
{
    struct bank_record *t = &r->transfer;
    if (report_at(r, "/TxInfAndSts/OrgnlEndToEndId")) {
        return report_keep(r, t->end_to_end, sizeof t->end_to_end);
    }
    if (report_at(r, "/TxInfAndSts/OrgnlUETR")) {
        return report_keep(r, t->uetr, sizeof t->uetr);
    }
    if (report_at(r, "/TxInfAndSts/TxSts")) {
        return report_keep(r, t->status, sizeof t->status);
    }
    if (report_at(r, "/TxInfAndSts/AcctSvcrRef")) {
        return report_keep(r, t->servicer_ref, sizeof t->servicer_ref);
    }
    if (report_at(r, "/OrgnlTxRef/Amt/InstdAmt")) {
        t->amount_known = true;
        memcpy(t->currency, r->currency, sizeof r->currency);
        return report_amount(r, &t->amount_e5);
    }
    return true;
}

/* The first reason is kept: banks put the one that counts first. */
static bool reason_field(struct report *r, struct bank_record *t)
{
    if (t->reason[0] == '\0' &&
        (report_at(r, "/StsRsnInf/Rsn/Cd") || report_at(r, "/StsRsnInf/Rsn/Prtry"))) {
        return report_keep(r, t->reason, sizeof t->reason);
    }
    return true;
}

static bool upper_field(struct report *r)
{
    if (report_at(r, "/OrgnlGrpInfAndSts/OrgnlMsgId")) {
        return report_keep(r, r->group.original_message, sizeof r->group.original_message) &&
               report_keep(r, r->payment.original_message, sizeof r->payment.original_message);
    }
    if (report_at(r, "/OrgnlGrpInfAndSts/GrpSts")) {
        return report_keep(r, r->group.status, sizeof r->group.status);
    }
    if (report_at(r, "/OrgnlPmtInfAndSts/OrgnlPmtInfId")) {
        return report_keep(r, r->payment.original_payment, sizeof r->payment.original_payment);
    }
    if (report_at(r, "/OrgnlPmtInfAndSts/PmtInfSts")) {
        return report_keep(r, r->payment.status, sizeof r->payment.status);
    }
    return true;
}

/* A level without a status has nothing to say. */
static bool give_if_said(struct report *r, const struct bank_record *record)
{
    return record->status[0] == '\0' || report_give(r, record);
}

bool status_close(struct report *r)
{
    struct text path = bank_xml_path(r->xml);
    bool in_transfer = memmem(path.p, path.len, "/TxInfAndSts", 12) != NULL;
    bool in_payment = memmem(path.p, path.len, "/OrgnlPmtInfAndSts", 18) != NULL;
    if (report_at(r, "/TxInfAndSts")) {
        return give_if_said(r, &r->transfer);
    }
    if (report_at(r, "/OrgnlPmtInfAndSts")) {
        return give_if_said(r, &r->payment);
    }
    if (report_at(r, "/OrgnlGrpInfAndSts")) {
        return give_if_said(r, &r->group);
    }
    struct bank_record *here = in_transfer ? &r->transfer : in_payment ? &r->payment : &r->group;
    return reason_field(r, here) && (in_transfer ? transfer_field(r) : upper_field(r));
}

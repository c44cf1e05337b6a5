/* SPDX-License-Identifier: Apache-2.0
 * The table of pain001_rules.h, from the leaves to the root. Source: the xs:sequences of
 * pain.001.001.03 and .09, less what mete never writes. */
#include "wire/bank/pain001_rules.h"

static const struct pain001_rule NOT_PROVIDED[] = {
    {.name = "Id", .needed = true, .kind = KIND_WORD, .word = "NOTPROVIDED"},
    {0},
};

/* BIC, BICFI or Othr: that it is exactly one of them is checked where the counting is */
static const struct pain001_rule INSTITUTION[] = {
    {.name = "BIC", .version = 3, .kind = KIND_BIC},
    {.name = "BICFI", .version = 9, .kind = KIND_BIC},
    {.name = "Othr", .kind = KIND_NODE, .child = NOT_PROVIDED},
    {0},
};

static const struct pain001_rule AGENT[] = {
    {.name = "FinInstnId", .needed = true, .kind = KIND_NODE, .child = INSTITUTION},
    {0},
};

static const struct pain001_rule DEBTOR_IBAN[] = {
    {.name = "IBAN", .needed = true, .kind = KIND_IBAN, .role = ROLE_DEBTOR},
    {0},
};

static const struct pain001_rule DEBTOR_ACCOUNT[] = {
    {.name = "Id", .needed = true, .kind = KIND_NODE, .child = DEBTOR_IBAN},
    {0},
};

static const struct pain001_rule CREDITOR_IBAN[] = {
    {.name = "IBAN", .needed = true, .kind = KIND_IBAN, .role = ROLE_CREDITOR},
    {0},
};

static const struct pain001_rule CREDITOR_ACCOUNT[] = {
    {.name = "Id", .needed = true, .kind = KIND_NODE, .child = CREDITOR_IBAN},
    {0},
};

static const struct pain001_rule ADDRESS[] = {
    {.name = "TwnNm", .kind = KIND_TOWN},
    {.name = "Ctry", .needed = true, .kind = KIND_COUNTRY},
    {0},
};

static const struct pain001_rule PARTY[] = {
    {.name = "Nm", .needed = true, .kind = KIND_NAME},
    {0},
};

static const struct pain001_rule CREDITOR[] = {
    {.name = "Nm", .needed = true, .kind = KIND_NAME, .role = ROLE_CREDITOR},
    {.name = "PstlAdr", .kind = KIND_NODE, .child = ADDRESS},
    {0},
};

static const struct pain001_rule TRANSFER_ID[] = {
    {.name = "EndToEndId", .needed = true, .kind = KIND_ID, .role = ROLE_TRANSFER},
    {.name = "UETR", .needed = true, .version = 9, .kind = KIND_UETR},
    {0},
};

static const struct pain001_rule AMOUNT[] = {
    {.name = "InstdAmt", .needed = true, .kind = KIND_AMOUNT},
    {0},
};

static const struct pain001_rule NOTE[] = {
    {.name = "Ustrd", .needed = true, .kind = KIND_NOTE},
    {0},
};

static const struct pain001_rule TRANSFER[] = {
    {.name = "PmtId", .needed = true, .kind = KIND_NODE, .child = TRANSFER_ID},
    {.name = "Amt", .needed = true, .kind = KIND_NODE, .child = AMOUNT},
    {.name = "CdtrAgt", .kind = KIND_NODE, .child = AGENT},
    {.name = "Cdtr", .needed = true, .kind = KIND_NODE, .child = CREDITOR},
    {.name = "CdtrAcct", .needed = true, .kind = KIND_NODE, .child = CREDITOR_ACCOUNT},
    {.name = "RmtInf", .kind = KIND_NODE, .child = NOTE},
    {0},
};

static const struct pain001_rule SERVICE[] = {
    {.name = "Cd", .needed = true, .kind = KIND_WORD, .word = "SEPA", .role = ROLE_SEPA},
    {0},
};

static const struct pain001_rule PAYMENT_TYPE[] = {
    {.name = "SvcLvl", .needed = true, .kind = KIND_NODE, .child = SERVICE},
    {0},
};

static const struct pain001_rule DAY[] = {
    {.name = "Dt", .needed = true, .kind = KIND_DATE},
    {0},
};

static const struct pain001_rule PAYMENT[] = {
    {.name = "PmtInfId", .needed = true, .kind = KIND_ID, .role = ROLE_PAYMENT},
    {.name = "PmtMtd", .needed = true, .kind = KIND_WORD, .word = "TRF"},
    {.name = "BtchBookg", .needed = true, .kind = KIND_BOOLEAN},
    {.name = "NbOfTxs", .needed = true, .kind = KIND_COUNT},
    {.name = "CtrlSum", .needed = true, .kind = KIND_SUM},
    {.name = "PmtTpInf", .kind = KIND_NODE, .child = PAYMENT_TYPE},
    {.name = "ReqdExctnDt", .needed = true, .version = 3, .kind = KIND_DATE},
    {.name = "ReqdExctnDt", .needed = true, .version = 9, .kind = KIND_NODE, .child = DAY},
    {.name = "Dbtr", .needed = true, .kind = KIND_NODE, .child = PARTY},
    {.name = "DbtrAcct", .needed = true, .kind = KIND_NODE, .child = DEBTOR_ACCOUNT},
    {.name = "DbtrAgt", .needed = true, .kind = KIND_NODE, .child = AGENT},
    {.name = "ChrgBr", .needed = true, .kind = KIND_CHARGES},
    {.name = "CdtTrfTxInf",
     .needed = true,
     .many = true,
     .kind = KIND_NODE,
     .child = TRANSFER,
     .role = ROLE_TRANSFER},
    {0},
};

static const struct pain001_rule HEADER[] = {
    {.name = "MsgId", .needed = true, .kind = KIND_ID, .role = ROLE_MESSAGE},
    {.name = "CreDtTm", .needed = true, .kind = KIND_TIME},
    {.name = "NbOfTxs", .needed = true, .kind = KIND_COUNT},
    {.name = "CtrlSum", .needed = true, .kind = KIND_SUM},
    {.name = "InitgPty", .needed = true, .kind = KIND_NODE, .child = PARTY},
    {0},
};

static const struct pain001_rule INITIATION[] = {
    {.name = "GrpHdr", .needed = true, .kind = KIND_NODE, .child = HEADER},
    {.name = "PmtInf", .needed = true, .kind = KIND_NODE, .child = PAYMENT},
    {0},
};

static const struct pain001_rule DOCUMENT[] = {
    {.name = "CstmrCdtTrfInitn", .needed = true, .kind = KIND_NODE, .child = INITIATION},
    {0},
};

const struct pain001_rule PAIN001_ROOT[] = {
    {.name = "Document", .needed = true, .kind = KIND_NODE, .child = DOCUMENT},
    {0},
};

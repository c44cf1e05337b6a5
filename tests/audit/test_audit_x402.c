/* SPDX-License-Identifier: Apache-2.0
 * covers: V-049 V-054
 * The auditor on payments by x402: one is reserved, settled, replaced, undone with its block and
 * settled for good; another fails; a third is split by the policy of its resource. The same with
 * one lie in it is found out where it stands. */
#include "base/text.h"
#include "crypto/hash.h"
#include "lies.h"

#define PAYEE 16u
#define ANN   17u

/* X(name, what the first difference says) */
#define LIES(X)                                                                                    \
    X(RESERVED_TWICE, "event lie: the book took it although the payment is reserved")              \
    X(RELEASED_BY_ANOTHER, "event lie: the book took it although it gives back a reservation")     \
    X(SETTLED_BY_ANOTHER, "event set1: the book took it although the payment is reserved by")      \
    X(SETTLING_TWICE, "event lie: the book took it although the payment is settling")              \
    X(NONCE_TWICE, "event set2: the book took it although account nonce 5 was given before")       \
    X(TRANSACTION_TWICE, "event set2: the book took it although a payment has this transaction")   \
    X(NONCE_CHANGED, "event rep1: the book took it although a replacement has the account nonce")  \
    X(REPLACED_SETTLED, "event lie: the book took it although the payment is settled")             \
    X(VALUE_CHANGED, "event done1: the book took it although to, value, resource or policy")       \
    X(AMOUNT_OTHERWISE, "event set2: the book took it although its amount is not its value")       \
    X(BEYOND_ALL, "event set2: the book took it although a payment moves less than 2^96")          \
    X(SETTLED_TWICE, "event lie: the book took it although the payment is confirmed")              \
    X(BY_ANOTHERS_TRANSACTION, "event bad2: the book took it although this is the transaction of") \
    X(NOBODYS_POLICY, "event set2: the book took it although its policy is not that of its")       \
    X(ANOTHER_POLICY, "event set3: the book took it although its policy is not that of its")       \
    X(ANOTHER_NAME, "event set2: the book took it although its id is not that of network, asset")  \
    X(UNSIGNED_VALUE, "event set2: the book took it although a value moves by a transaction")      \
    X(PAID_LESS, "event done1: ")                                                                  \
    X(NOT_PAID, "event done1: ")                                                                   \
    X(SPLIT_TO_ANOTHER, "event done3: ")                                                           \
    X(TAKEN_BACK_HALF, "event und1: ")                                                             \
    X(NOT_TAKEN_BACK, "event und1: ")                                                              \
    X(FAILED_WITH_MONEY, "event bad2: ")                                                           \
    X(UNDOES_ANOTHER, "event und1: ")                                                              \
    X(CONFIRMED_FAILED, "event lie: the book took it although the payment is failed")              \
    X(UNDONE_FOR_GOOD, "event lie: the book took it although the payment is failed")               \
    X(ROW_OF_STATE, "state should be confirmed, the book says settled")                            \
    X(ROW_OF_STEPS, "steps should be 7")                                                           \
    X(ROW_OF_NONCE, "account_nonce should be 5")                                                   \
    X(ROW_OF_SETTLER, "settled_by should be 0xa2, the book says 0xa1")                             \
    X(ROW_OF_TRANSACTIONS, "its transactions are not those of its events")                         \
    X(ROW_MISSING, "is missing")                                                                   \
    X(ROW_OPEN, "it is not open, and the book says otherwise")                                     \
    X(ROW_NOT_OPEN, "it is open, and the book says otherwise")                                     \
    X(ROW_OF_POLICY, "x402_policy of https://a.org/*: no event tells of it")                       \
    X(ROW_OF_POLICY_MISSING, "x402_policy of https://a.org/* is missing")                          \
    X(ROW_OF_POLICY_TWICE, "x402_policy of https://a.org/*: no event tells of it")                 \
    X(ROW_OF_NAME, "nonce should be 1, the book says 2")                                           \
    X(ROW_OF_UNTIL, "until is of another moment")                                                  \
    X(ROW_OF_SCHEME, "scheme should be exact, the book says upto")                                 \
    X(ROW_OF_CANCELS, "the newest transaction does not cancel")                                    \
    X(ROW_OF_BLOCK, "block should be 77")                                                          \
    X(ROW_OF_REASON, "reason should be x, the book says y")                                        \
    X(ROW_OF_NEXT, "next should be 8")                                                             \
    X(ROW_OF_ANOTHER_ACCOUNT, "no event tells of it")                                              \
    X(ROW_OF_ACCOUNT_MISSING, "x402_account ")                                                     \
    X(SUM_OF_SETTLED, "settled should be 2")                                                       \
    X(SUM_OF_VALUE, "value should be 20000")                                                       \
    X(SUM_OF_FAILED, "failed should be 1")                                                         \
    X(SUM_OF_PAYERS, "payers should be 1")                                                         \
    X(SUM_OF_NOBODY, "settled should be 0")                                                        \
    X(SUM_TWICE, "said a second time")                                                             \
    X(SUM_MISSING, "x402_sums 1 20089 00000000000000000000000000000000 USD/2 eip155:1 is missing") \
    X(GAS_OF_TRANSACTIONS, "transactions should be 1")                                             \
    X(GAS_OF_USED, "used should be 3")                                                             \
    X(GAS_OF_COST, "cost should be 21")                                                            \
    X(GAS_MISSING, "x402_sums gas 20089 eip155:1 is missing")                                      \
    X(ROW_OF_PAID, "paid to eip155:1:0xaa: amount should be 10000")

enum x402_lie {
    TOLD_RIGHT,
#define X(name, word) name,
    LIES(X)
#undef X
        LIE_COUNT
};

static const char *const first_word[] = {"",
#define X(name, word) word,
                                         LIES(X)
#undef X
};

static const char *id_of(unsigned nonce)
{
    static char id[4][46];
    static unsigned next;
    char name[64], hex[65];
    (void)snprintf(name, sizeof name, "eip155:1|0xcc|0xbb|%u", nonce);
    struct hash h = sha256(text_bytes(text_of(name)));
    hash_hex(&h, hex);
    next = (next + 1) % 4;
    (void)snprintf(id[next], sizeof id[next], "x402-%.40s", hex);
    return id[next];
}

METE_PRINTF(4, 5)
static struct found_decision *told(struct scene *s, const char *id, const char *type,
                                   const char *fmt, ...)
{
    char text[1200];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    return scene_event(s, 1, id, type, text);
}

#define A64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define NAME "'network':'eip155:1','asset':'0xcc','from':'0xbb','nonce':'%u'"
#define VALUE(value, amount)                                                                       \
    "'to':'0xAA','value':'" value "','amount':{'amount':'" amount "','currency':'USD'}"

/* What differs from one payment to another. */
struct settling {
    const char *id;
    unsigned nonce;
    const char *transaction, *more, *value;
};

static void settle(struct scene *s, const struct settling *x, unsigned named)
{
    told(s, x->id, "x402.settling",
         "{'payment':'%s'," NAME ",'until':'2025-01-02T00:00:00Z','scheme':'exact',%s%s,"
         "'request':'" B64 "'%s%s%s}",
         id_of(x->nonce), named, x->value != NULL ? x->value : VALUE("10000", "100.00"), x->more,
         x->transaction != NULL ? ",'signer':'0xdd','raw':'0x00','transaction':'" : "",
         x->transaction != NULL ? x->transaction : "", x->transaction != NULL ? "'" : "");
}

static void chain_pays(struct scene *s, struct found_decision *d, i128 amount, i128 paid)
{
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, amount, scene_day(1));
    uint32_t party = scene_party(s, d, "eip155:1:0xaa");
    scene_node(s, g, 0, BY_LARGEST, 1, amount);
    scene_share(s, g, 0, 0, party, 1, amount);
    if (paid != 0) {
        g = scene_group(s, d, FOUND_TRANSFER, 0, 0);
        scene_line(s, g, FOUND_MOVED, party, -paid);
        scene_line(s, g, FOUND_MOVED, OWN_CLEARING, paid);
    }
}

static struct found_decision *settled(struct scene *s, const char *id, unsigned nonce,
                                      const char *transaction, const char *more)
{
    return told(s, id, "x402.settled",
                "{'payment':'%s'," NAME "," VALUE("10000", "100.00") ",'transaction':'%s'%s}",
                id_of(nonce), nonce, transaction, more);
}

/* Reserved, settled, replaced, undone, settled for good: 2 to 9. */
static void reserve(struct scene *s, enum x402_lie lie)
{
    told(s, "res1", "x402.reserved",
         "{'payment':'%s'," NAME ",'until':'2025-01-02T00:00:00Z','reservation':'" A64 "'}",
         id_of(1), 1u);
    if (lie == RESERVED_TWICE)
        told(s, "lie", "x402.reserved",
             "{'payment':'%s'," NAME ",'until':'2025-01-02T00:00:00Z','reservation':'" B64 "'}",
             id_of(1), 1u);
    if (lie == RELEASED_BY_ANOTHER)
        told(s, "lie", "x402.released", "{'payment':'%s','reservation':'" B64 "'}", id_of(1));
}

static void first_settling(struct scene *s, enum x402_lie lie)
{
    const struct settling x = {"set1", 1, "0xa1",
                               lie == SETTLED_BY_ANOTHER
                                   ? ",'account_nonce':5,'reservation':'" B64 "'"
                                   : ",'account_nonce':5,'reservation':'" A64 "'",
                               NULL};
    settle(s, &x, 1);
    if (lie == SETTLING_TWICE) {
        const struct settling again = {"lie", 1, "0xa9", ",'account_nonce':6", NULL};
        settle(s, &again, 1);
    }
    told(s, "rep1", "x402.replaced",
         "{'payment':'%s','transaction':'0xa2','account_nonce':%u,'raw':'0x01'}", id_of(1),
         lie == NONCE_CHANGED ? 6u : 5u);
}

static void first_undone(struct scene *s, enum x402_lie lie)
{
    struct found_decision *d = told(s, "und1", "x402.undone", "{'payment':'%s','undoes':'%s'}",
                                    id_of(1), lie == UNDOES_ANOTHER ? "set1" : "done1");
    if (lie == NOT_TAKEN_BACK)
        return;
    i128 amount = lie == TAKEN_BACK_HALF ? 5000 : 10000;
    struct found_group *g = scene_group(s, d, FOUND_REVERSAL, -amount, scene_day(1));
    g->target_seq = 5;
    g->den = 10000;
    struct found_line *l = scene_line(s, g, FOUND_ALLOCATION, PAYEE, -amount);
    l->share = 0;
    l->weight = 10000;
    g = scene_group(s, d, FOUND_TRANSFER, 0, 0);
    scene_line(s, g, FOUND_MOVED, PAYEE, amount);
    scene_line(s, g, FOUND_MOVED, OWN_CLEARING, -amount);
}

static void first(struct scene *s, enum x402_lie lie)
{
    reserve(s, lie);
    first_settling(s, lie);
    struct found_decision *d =
        lie == VALUE_CHANGED
            ? told(s, "done1", "x402.settled",
                   "{'payment':'%s'," NAME "," VALUE("20000", "200.00") ",'transaction':'0xa1'}",
                   id_of(1), 1u)
            : settled(s, "done1", 1, "0xa1", "");
    i128 amount = lie == VALUE_CHANGED ? 20000 : 10000;
    chain_pays(s, d, amount, lie == NOT_PAID ? 0 : lie == PAID_LESS ? 9999 : amount);
    first_undone(s, lie);
    chain_pays(s, settled(s, "done2", 1, "0xa2", ",'block':77,'gas_used':3,'gas_price':7"), 10000,
               10000);
    if (lie == REPLACED_SETTLED)
        told(s, "lie", "x402.replaced",
             "{'payment':'%s','transaction':'0xa3','account_nonce':5,'raw':'0x01'}", id_of(1));
    told(s, "fin1", "x402.confirmed", "{'payment':'%s'}", id_of(1));
    if (lie == SETTLED_TWICE)
        chain_pays(s, settled(s, "lie", 1, "0xa2", ""), 10000, 10000);
}

/* Fails, for good. */
static void second(struct scene *s, enum x402_lie lie)
{
    const struct settling x = {"set2", 2,
                               lie == UNSIGNED_VALUE      ? NULL
                               : lie == TRANSACTION_TWICE ? "0xa1"
                                                          : "0xb1",
                               lie == UNSIGNED_VALUE   ? ""
                               : lie == NONCE_TWICE    ? ",'account_nonce':5"
                               : lie == NOBODYS_POLICY ? ",'account_nonce':6,'policy':'urn:x'"
                                                       : ",'account_nonce':6",
                               lie == AMOUNT_OTHERWISE ? VALUE("10000", "100.01")
                               : lie == BEYOND_ALL     ? VALUE("79228162514264337593543950336",
                                                               "792281625142643375935439503.36")
                                                       : NULL};
    settle(s, &x, lie == ANOTHER_NAME ? 9 : 2);
    struct found_decision *d =
        told(s, "bad2", "x402.failed", "{'payment':'%s','transaction':'%s','reason':'x'}", id_of(2),
             lie == BY_ANOTHERS_TRANSACTION ? "0xa2" : "0xb1");
    if (lie == FAILED_WITH_MONEY)
        chain_pays(s, d, 10000, 10000);
    told(s, "fin2", "x402.confirmed", "{'payment':'%s'}", id_of(2));
    if (lie == UNDONE_FOR_GOOD)
        told(s, "lie", "x402.undone", "{'payment':'%s','undoes':'bad2'}", id_of(2));
    if (lie == CONFIRMED_FAILED)
        told(s, "lie", "x402.confirmed", "{'payment':'%s'}", id_of(2));
}

/* Split by its resource's policy. */
static void third(struct scene *s, enum x402_lie lie)
{
    struct found_decision *d = told(s, "pol", "policy.published",
                                    "{'policy':{'id':'urn:p','kind':'single','party':'ann'}}");
    uint32_t policy = scene_policy(s, d, "urn:p");
    (void)scene_party(s, d, "ann");
    told(s, "row", "x402.policy_set",
         "{'pay_to':'0xAA','resource':'https://a.org/*','policy':'urn:p'}");
    const struct settling x = {"set3", 3, "0xc1",
                               lie == ANOTHER_POLICY
                                   ? ",'account_nonce':7,'resource':'https://a.org/x'"
                                   : ",'account_nonce':7,'resource':'https://a.org/x','policy':"
                                     "'urn:p'",
                               NULL};
    settle(s, &x, 3);
    d = settled(s, "done3", 3, "0xc1",
                lie == ANOTHER_POLICY ? ",'resource':'https://a.org/x'"
                                      : ",'resource':'https://a.org/x','policy':'urn:p'");
    if (lie == ANOTHER_POLICY) {
        chain_pays(s, d, 10000, 10000);
        return;
    }
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, 10000, scene_day(1));
    scene_node(s, g, policy, BY_LARGEST, 1, 10000);
    scene_share(s, g, 0, 0, lie == SPLIT_TO_ANOTHER ? PAYEE : ANN, 1, 10000);
}

#define EVERY   "00000000000000000000000000000000"
#define NOTHING "e3b0c44298fc1c149afbf4c8996fb924" /* SHA-256("") */
#define A_ORG_X "0971aaff5594bb2412f584ebdfd62e51" /* SHA-256("https://a.org/x") */

/* --- rows --------------------------------------------------------------------------------------*/

/* What differs from one row to another. */
struct payment_row {
    unsigned nonce, steps, account_nonce, block;
    const char *state, *resource, *policy, *reservation, *settled_by, *outcome, *reason,
        *transactions;
};

static void payment_row(struct scene *s, const struct payment_row *x, enum x402_lie lie)
{
    bool first = x->nonce == 1;
    row(s,
        "{'kind':'x402','payment':'%s','state':'%s','steps':'%u','network':'eip155:1','asset':"
        "'0xcc','from':'0xbb','nonce':'%u','until':'2025-01-0%dT00:00:00Z','reservation':'%s',"
        "'scheme':'%s','to':'0xaa','value':'10000','resource':'%s','policy':'%s','request':'" B64
        "','signer':'0xdd','account_nonce':'%u','cancels':%s,'settled_by':'%s','block':'%u',"
        "'reason':'%s','outcome':'%s','transactions':[%s]}",
        id_of(x->nonce), x->state, x->steps, first && lie == ROW_OF_NAME ? 2u : x->nonce,
        first && lie == ROW_OF_UNTIL ? 3 : 2, x->reservation,
        first && lie == ROW_OF_SCHEME ? "upto" : "exact", x->resource, x->policy, x->account_nonce,
        first && lie == ROW_OF_CANCELS ? "true" : "false", x->settled_by, x->block, x->reason,
        x->outcome, x->transactions);
}

static void payment_rows(struct scene *s, enum x402_lie lie)
{
    const struct payment_row rows[] = {
        {.nonce = 1,
         .steps = lie == ROW_OF_STEPS ? 6 : 7,
         .account_nonce = lie == ROW_OF_NONCE ? 6 : 5,
         .block = lie == ROW_OF_BLOCK ? 78 : 77,
         .state = lie == ROW_OF_STATE ? "settled" : "confirmed",
         .resource = "",
         .policy = "",
         .reservation = A64,
         .settled_by = lie == ROW_OF_SETTLER ? "0xa1" : "0xa2",
         .outcome = "done2",
         .reason = "",
         .transactions = lie == ROW_OF_TRANSACTIONS ? "'0xa1'" : "'0xa1','0xa2'"},
        {.nonce = 2,
         .steps = 3,
         .account_nonce = 6,
         .state = "failed",
         .resource = "",
         .policy = "",
         .reservation = "",
         .settled_by = "0xb1",
         .outcome = "bad2",
         .reason = lie == ROW_OF_REASON ? "y" : "x",
         .transactions = "'0xb1'"},
        {.nonce = 3,
         .steps = 2,
         .account_nonce = 7,
         .state = "settled",
         .resource = "https://a.org/x",
         .policy = "urn:p",
         .reservation = "",
         .settled_by = "0xc1",
         .outcome = "done3",
         .reason = "",
         .transactions = "'0xc1'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (i != 1 || lie != ROW_MISSING)
            payment_row(s, &rows[i], lie);
    }
}

static void account_row(struct scene *s, enum x402_lie lie)
{
    struct buf both = {0};
    char hex[65];
    buf_put_sized(&both, TEXT("eip155:1"));
    buf_put_sized(&both, lie == ROW_OF_ANOTHER_ACCOUNT ? TEXT("0xee") : TEXT("0xdd"));
    struct hash h = sha256(buf_bytes(&both));
    buf_clear(&both);
    hash_hex(&h, hex);
    if (lie != ROW_OF_ACCOUNT_MISSING)
        row(s, "{'kind':'x402_account','account':'%.32s','next':'%u'}", hex,
            lie == ROW_OF_NEXT ? 7u : 8u);
}

static void policy_rows(struct scene *s, enum x402_lie lie)
{
    for (int i = lie == ROW_OF_POLICY_MISSING ? 1 : 0; i < (lie == ROW_OF_POLICY_TWICE ? 2 : 1);
         i++)
        row(s,
            "{'kind':'x402_policy','pay_to':'0xaa','resource':'https://a.org/*','network':'',"
            "'policy':'%s'}",
            lie == ROW_OF_POLICY ? "urn:q" : "urn:p");
}

/* Of all payments (1), of those of a resource on the day (2), of a resource (3). */
static void sum_row(struct scene *s, int of, const char *resource, enum x402_lie lie)
{
    bool all = of == 1, failed = strcmp(resource, A_ORG_X) != 0;
    row(s,
        "{'kind':'x402_sums','of':'%d','day':'%d','resource':'%s','asset':'USD/2','network':"
        "'eip155:%d','settled':'%d','value':'%d','failed':'%d','payers':'%d'}",
        of, of == 3 ? 0 : 20089, resource, lie == SUM_OF_NOBODY ? 2 : 1,
        all && lie != SUM_OF_SETTLED ? 2 : 1, all && lie != SUM_OF_VALUE ? 20000 : 10000,
        all && lie == SUM_OF_FAILED ? 0 : failed, all && lie == SUM_OF_PAYERS ? 2 : 1);
}

static void sum_rows(struct scene *s, enum x402_lie lie)
{
    if (lie != SUM_MISSING)
        sum_row(s, 1, EVERY, lie == SUM_OF_NOBODY ? TOLD_RIGHT : lie);
    if (lie == SUM_TWICE || lie == SUM_OF_NOBODY)
        sum_row(s, 1, EVERY, lie);
    for (int of = 2; of <= 3; of++) {
        sum_row(s, of, NOTHING, TOLD_RIGHT);
        sum_row(s, of, A_ORG_X, TOLD_RIGHT);
    }
    if (lie != GAS_MISSING)
        row(s,
            "{'kind':'x402_gas','day':'20089','network':'eip155:1','transactions':'%d','used':'%d',"
            "'cost':'%d'}",
            lie == GAS_OF_TRANSACTIONS ? 2 : 1, lie == GAS_OF_USED ? 4 : 3,
            lie == GAS_OF_COST ? 22 : 21);
}

static void rows(struct scene *s, enum x402_lie lie)
{
    payment_rows(s, lie);
    if (lie == ROW_OPEN)
        row(s, "{'kind':'x402_open','payment':'%s'}", id_of(2));
    if (lie != ROW_NOT_OPEN)
        row(s, "{'kind':'x402_open','payment':'%s'}", id_of(3));
    account_row(s, lie);
    policy_rows(s, lie);
    sum_rows(s, lie);
    row(s, "{'kind':'net','policy':'urn:p','asset':'USD/2','amount':'10000'}");
    row(s, "{'kind':'paid','party':'eip155:1:0xaa','asset':'USD/2','amount':'%u'}",
        lie == ROW_OF_PAID ? 20000u : 10000u);
}

static void tell(struct scene *s, int which)
{
    enum x402_lie lie = (enum x402_lie)which;
    told(s, "conf", "book.configured", "{'clear_after_days':0}");
    first(s, lie);
    second(s, lie);
    third(s, lie);
    rows(s, lie);
}

int main(void)
{
    const struct lies all = {"audit_x402", tell, first_word, LIE_COUNT};
    return lies_run(&all);
}

/* SPDX-License-Identifier: Apache-2.0
 * covers: F-058 F-059
 * The auditor on payouts: a party with 500.00 is paid 100.00, twice because its rail had lied, gets
 * 100.00 back, and has 200.00 on the way. The same with one lie in it is found out where it
 * stands. */
#include "base/encode.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "lies.h"

#define A 16u

/* X(name, what the first difference says) */
#define LIES(X)                                                                                    \
    X(QUEUED_BEYOND_BALANCE, "event t1: the book took it although no more than 50000 is cleared")  \
    X(QUEUED_AT_MINIMUM, "event t1: the book took it although no more than 50000 is cleared")      \
    X(QUEUED_TWICE, "event lie: the book took it although the batch has a payout to the party")    \
    X(QUEUED_COOLING, "event t2: the book took it although the party's destination is cooling")    \
    X(QUEUED_BELOW_BATCH, "event t2: the book took it although the batch pays no less than 20001") \
    X(QUEUED_ABOVE_CAP,                                                                            \
      "event t2: the book took it although the batch's fee is more than it lets")                  \
    X(BOUND_OF_NOTHING,                                                                            \
      "event b2: the book took it although its minimum is no amount of its asset")                 \
    X(CAP_OF_MORE_THAN_ALL,                                                                        \
      "event b2: the book took it although its fee_cap_bps is more than the")                      \
    X(QUEUED_HELD, "event t2: the book took it although the party is held")                        \
    X(QUEUED_ELSEWHERE, "event t2: the book took it although the party has no destination on")     \
    X(SENT_ANEW_TOO_EARLY, "event s2: the book took it although the payout is sending")            \
    X(SAME_ANCHOR_TWICE, "event s2: the book took it although another attempt has this anchor")    \
    X(FAILED_TWICE, "event lie: the book took it although what became of this attempt is known")   \
    X(PAID_TWICE, "event lie: the book took it although this attempt was booked already")          \
    X(PAID_WITHOUT_FEE, "event p2: what mete:clearing gains should be 10025, the book says 10000") \
    X(PAID_OUT_OF_NOTHING, "event p1: what mete:payout gains should be 0, the book says -10000")   \
    X(RETURNED_TWICE, "event lie: the book took it although this attempt was not paid, or came")   \
    X(RETURNED_MORE, "event back: the book took it although this attempt paid less than came")     \
    X(CANCELLED_WHILE_SENT, "event lie: the book took it although the payout is sent")             \
    X(CLOSED_TWICE, "event lie: the book took it although the batch is closed")                    \
    X(RELEASED_UNHELD, "event lie: the book took it although the party is not held")               \
    X(PAID_UNMADE, "event lie: the book took it although nothing of this attempt was ever sent")   \
    X(UNMADE_WHILE_SENT, "event lie: the book took it although the payout is sent, after 2")       \
    X(SENT_TO_ANOTHER, "event s3: the book took it although the payout is to another party")       \
    X(UNKNOWN_PAYOUT, "event lie: the book took it although there is no such payout")              \
    X(ROW_OF_STATE, "payout 16: state should be sent, the book says paid")                         \
    X(ROW_OF_HELD, "payout 16: held should be 20000")                                              \
    X(ROW_OF_DUE, "payout 16: due is of another moment")                                           \
    X(ROW_OF_BATCH, "payout_batch 4: paid should be 10000")                                        \
    X(ROW_OF_PAYEES, "payout_batch 12: pays should be asked, the book says all")                   \
    X(ROW_OF_MINIMUM, "payout_batch 12: minimum should be 20000")                                  \
    X(ROW_OF_FEE, "payout_batch 12: fee should be 50")                                             \
    X(ROW_OF_CAP, "payout_batch 12: fee_cap_bps should be 25")                                     \
    X(ROW_OF_ATTEMPT, "attempt 5: outcome should be returned, the book says paid")                 \
    X(ROW_OF_ATTEMPT_PAID, "attempt 5: paid should be 10000")                                      \
    X(ROW_OF_ATTEMPT_BACK, "attempt 5: returned should be 10000")                                  \
    X(ROW_OF_ANCHOR, "anchor 16: anchor should be")                                                \
    X(ROW_OF_UNMADE, "an attempt of payout t2 is missing")                                         \
    X(ROW_OF_BODIES, "attempt of payout 16: its bodies are not those of its events")               \
    X(ROW_OF_MADE, "attempt 16: made should be 18")                                                \
    X(ROW_OF_SEAL, "destination did:a: set_by should be 3")                                        \
    X(ROW_OF_DESTINATION, "destination did:a: holds_from is of another moment")                    \
    X(ROW_OF_LEAVING, "leaving did:a: amount should be 20000")                                     \
    X(ROW_OF_PAID, "paid to did:a: amount should be 10000")                                        \
    X(ROW_OF_HOLD, "hold did:a: why should be destination, the book says supervisor")              \
    X(HOLD_MISSING, "the hold of did:a is missing")                                                \
    X(OUTBOX_MISSING, "the row in the outbox of payout t2 is missing")                             \
    X(OUTBOX_OF_WHAT_RESTS, "outbox 5: due is of another moment")

enum payout_lie {
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

#define USD_OF(amount) "{\"amount\":\"" amount "\",\"currency\":\"USD\"}"

static struct found_group *move(struct scene *s, struct found_decision *d)
{
    return scene_group(s, d, FOUND_TRANSFER, 0, 0);
}

static struct found_decision *told(struct scene *s, unsigned day, const char *id, const char *type,
                                   const char *payload)
{
    return scene_event(s, day, id, type, payload);
}

static void line(struct scene *s, struct found_group *g, uint32_t party, i128 amount)
{
    scene_line(s, g, FOUND_MOVED, party, amount);
}

static void queued(struct scene *s, unsigned day, const char *id, const char *payload, i128 amount)
{
    struct found_group *g = move(s, told(s, day, id, "payout.transfer_queued", payload));
    line(s, g, A, -amount);
    line(s, g, OWN_PAYOUT, amount);
}

static void beginning(struct scene *s, enum payout_lie lie)
{
    struct found_decision *d =
        told(s, 1, "conf", "book.configured",
             lie == QUEUED_AT_MINIMUM
                 ? "{\"clear_after_days\":0,\"payout_minimum\":" USD_OF("500.00") "}"
                 : "{\"clear_after_days\":0}");
    d = told(s, 1, "r", "revenue.received",
             "{\"party\":\"did:a\",\"amount\":" USD_OF("500.00") "}");
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, 50000, scene_day(1));
    scene_node(s, g, 0, BY_LARGEST, 1, 50000);
    scene_share(s, g, 0, 0, scene_party(s, d, "did:a"), 1, 50000);
    told(s, 1, "dest", "party.destination_set",
         "{\"party\":\"did:a\",\"rail\":\"bank\",\"destination\":\"x\"}");
    told(s, 1, "b1", "payout.batch_opened", "{\"asset\":\"USD\",\"rail\":\"bank\"}");
}

/* Two attempts: the first was said to be dead, and was not. 5 to 11. */
static void first(struct scene *s, enum payout_lie lie)
{
    if (lie == QUEUED_BEYOND_BALANCE)
        queued(s, 2, "t1",
               "{\"batch_id\":\"b1\",\"party\":\"did:a\",\"amount\":" USD_OF("500.01") "}", 50001);
    else
        queued(s, 2, "t1",
               "{\"batch_id\":\"b1\",\"party\":\"did:a\",\"amount\":" USD_OF("100.00") "}", 10000);
    if (lie == QUEUED_TWICE)
        queued(s, 2, "lie",
               "{\"batch_id\":\"b1\",\"party\":\"did:a\",\"amount\":" USD_OF("1.00") "}", 100);
    told(s, 2, "s1", "payout.transfer_sending",
         "{\"transfer_id\":\"t1\",\"attempt\":1,\"anchor\":\"k1\"}");
    if (lie != SENT_ANEW_TOO_EARLY)
        told(s, 2, "f1", "payout.transfer_failed",
             "{\"transfer_id\":\"t1\",\"attempt\":1,\"reason\":\"no route\"}");
    if (lie == FAILED_TWICE)
        told(s, 2, "lie", "payout.transfer_failed",
             "{\"transfer_id\":\"t1\",\"attempt\":1,\"reason\":\"no route\"}");
    told(s, 2, "s2", "payout.transfer_sending",
         lie == SAME_ANCHOR_TWICE ? "{\"transfer_id\":\"t1\",\"attempt\":2,\"anchor\":\"k1\"}"
                                  : "{\"transfer_id\":\"t1\",\"attempt\":2,\"anchor\":\"k2\"}");
    told(s, 2, "n2", "payout.transfer_unknown", "{\"transfer_id\":\"t1\",\"attempt\":2}");
}

static void paid(struct scene *s, enum payout_lie lie)
{
    struct found_group *g =
        move(s, told(s, 2, "p2", "payout.transfer_paid",
                     "{\"transfer_id\":\"t1\",\"attempt\":2,\"fee\":" USD_OF("0.25") "}"));
    line(s, g, OWN_PAYOUT, -10000);
    line(s, g, OWN_CLEARING, 10000);
    if (lie != PAID_WITHOUT_FEE) {
        line(s, g, OWN_RAIL_FEES, -25);
        line(s, g, OWN_CLEARING, 25);
    }
    if (lie == PAID_TWICE) {
        g = move(
            s, told(s, 2, "lie", "payout.transfer_paid", "{\"transfer_id\":\"t1\",\"attempt\":2}"));
        line(s, g, A, -10000);
        line(s, g, OWN_CLEARING, 10000);
    }
    g = move(s, told(s, 2, "p1", "payout.transfer_paid", "{\"transfer_id\":\"t1\",\"attempt\":1}"));
    line(s, g, lie == PAID_OUT_OF_NOTHING ? OWN_PAYOUT : A, -10000);
    line(s, g, OWN_CLEARING, 10000);
}

/* 12 and on: t2 is sent, and one of the two payments of t1 comes back. */
static void second(struct scene *s, enum payout_lie lie)
{
    char opened[200];
    snprintf(opened, sizeof opened,
             "{\"asset\":\"USD\",\"rail\":\"%s\",\"on_demand\":true,\"minimum\":\"%s\","
             "\"fee\":\"%s\",\"fee_cap_bps\":%u}",
             lie == QUEUED_ELSEWHERE ? "stripe" : "bank",
             lie == QUEUED_BELOW_BATCH ? "200.01"
             : lie == BOUND_OF_NOTHING ? "200.001"
                                       : "200.00",
             lie == QUEUED_ABOVE_CAP ? "0.51" : "0.50", lie == CAP_OF_MORE_THAN_ALL ? 10001 : 25);
    told(s, 3, "b2", "payout.batch_opened", opened);
    if (lie == QUEUED_COOLING)
        told(s, 3, "lie", "party.destination_set",
             "{\"party\":\"did:a\",\"rail\":\"bank\",\"destination\":\"y\"}");
    if (lie == QUEUED_HELD)
        told(s, 3, "lie", "payout.hold_placed", "{\"party\":\"did:a\",\"reason\":\"r\"}");
    else
        told(s, 3, "h1", "payout.hold_placed", "{\"party\":\"did:a\",\"reason\":\"r\"}");
    if (lie != QUEUED_HELD)
        told(s, 3, "h2", "payout.hold_released", "{\"party\":\"did:a\",\"reason\":\"r\"}");
    if (lie == RELEASED_UNHELD)
        told(s, 3, "lie", "payout.hold_released", "{\"party\":\"did:a\",\"reason\":\"r\"}");
    told(s, 3, "c1", "payout.batch_closed", "{\"batch_id\":\"b1\"}");
    queued(s, 3, "t2", "{\"batch_id\":\"b2\",\"party\":\"did:a\",\"amount\":" USD_OF("200.00") "}",
           20000);
    told(s, 3, "u3", "payout.transfer_failed",
         "{\"transfer_id\":\"t2\",\"attempt\":1,\"reason\":\"r\",\"unprepared\":true}");
    if (lie == CLOSED_TWICE)
        told(s, 3, "lie", "payout.batch_closed", "{\"batch_id\":\"b1\"}");
    told(s, 3, "s3", "payout.transfer_sending",
         lie == SENT_TO_ANOTHER
             ? "{\"transfer_id\":\"t2\",\"attempt\":2,\"anchor\":\"k3\",\"party\":\"did:b\"}"
             : "{\"transfer_id\":\"t2\",\"attempt\":2,\"anchor\":\"k3\",\"party\":\"did:a\","
               "\"body\":\"commit:x\"}");
    told(s, 3, "n3", "payout.transfer_sent", "{\"transfer_id\":\"t2\",\"attempt\":2}");
    told(s, 3, "n4", "payout.transfer_sent", "{\"transfer_id\":\"t2\",\"attempt\":2}");
    if (lie == UNMADE_WHILE_SENT)
        told(s, 3, "lie", "payout.transfer_failed",
             "{\"transfer_id\":\"t2\",\"attempt\":3,\"reason\":\"r\",\"unprepared\":true}");
    if (lie == PAID_UNMADE)
        told(s, 3, "lie", "payout.transfer_paid", "{\"transfer_id\":\"t2\",\"attempt\":1}");
    if (lie == CANCELLED_WHILE_SENT) {
        struct found_group *g = move(s, told(s, 3, "lie", "payout.transfer_cancelled",
                                             "{\"transfer_id\":\"t2\",\"reason\":\"r\"}"));
        line(s, g, OWN_PAYOUT, -20000);
        line(s, g, A, 20000);
    }
    if (lie == UNKNOWN_PAYOUT)
        told(s, 3, "lie", "payout.transfer_sent", "{\"transfer_id\":\"t9\",\"attempt\":1}");
}

static void come_back(struct scene *s, const char *id, const char *amount, i128 moved)
{
    char payload[200];
    snprintf(payload, sizeof payload,
             "{\"transfer_id\":\"t1\",\"attempt\":2,\"reason\":\"closed\",\"amount\":"
             "{\"amount\":\"%s\",\"currency\":\"USD\"}}",
             amount);
    struct found_group *g = move(s, told(s, 4, id, "payout.transfer_returned", payload));
    line(s, g, OWN_CLEARING, -moved);
    line(s, g, A, moved);
}

/* --- rows --------------------------------------------------------------------------------------*/

static const char *hash_of(const char *anchor)
{
    static char hex[2][33];
    static unsigned next;
    struct buf both = {0};
    buf_put_sized(&both, TEXT("bank"));
    buf_put_sized(&both, text_of(anchor));
    struct hash h = sha256(buf_bytes(&both));
    buf_clear(&both);
    hex_encode(hex[next ^= 1], (struct bytes){h.b, 16});
    return hex[next];
}

struct attempt_row {
    unsigned payout, number, made;
    const char *outcome, *anchor, *bodies;
    unsigned paid, returned;
};

static void attempt(struct scene *s, const struct attempt_row *a, bool other)
{
    row(s,
        "{'kind':'attempt','payout':'%u','attempt':'%u','outcome':'%s','anchor':'%s',"
        "'paid':'%u','returned':'%u','made':'%u','bodies':[%s]}",
        a->payout, a->number, a->outcome, hash_of(a->anchor), a->paid, a->returned, a->made,
        a->bodies != NULL ? a->bodies : "");
    row(s, "{'kind':'anchor','payout':'%u','attempt':'%u','anchor':'%s'}", a->payout, a->number,
        hash_of(other ? "k9" : a->anchor));
}

static void attempts(struct scene *s, enum payout_lie lie)
{
    const struct attempt_row t1[] = {
        {5, 1, 6, "paid", "k1", NULL, lie == ROW_OF_ATTEMPT_PAID ? 20000 : 10000, 0},
        {5, 2, 8, lie == ROW_OF_ATTEMPT ? "paid" : "returned", "k2", NULL, 10000,
         lie == ROW_OF_ATTEMPT_BACK ? 0 : 10000}};
    const struct attempt_row t2 = {16,     2,    lie == ROW_OF_MADE ? 19 : 18,
                                   "open", "k3", lie == ROW_OF_BODIES ? "'18','19'" : "'18'",
                                   0,      0};
    attempt(s, &t1[0], false);
    attempt(s, &t1[1], false);
    attempt(s, &t2, lie == ROW_OF_ANCHOR);
    if (lie != ROW_OF_UNMADE)
        row(s, "{'kind':'attempt','payout':'16','attempt':'1','outcome':'unmade','anchor':"
               "'00000000000000000000000000000000','paid':'0','returned':'0','made':'17','bodies':["
               "]}");
}

#define AT(day, time) "2025-01-0" day "T" time "Z"

static void batches(struct scene *s, enum payout_lie lie)
{
    row(s,
        "{'kind':'payout_batch','seq':'4','state':'closed','asset':'USD/2','rail':'bank',"
        "'pays':'all','minimum':'0','fee':'0','fee_cap_bps':'0',"
        "'cutoff_at':'" AT("1", "12:00:00") "','transfers':'1','amount':'10000','resting':'1',"
                                            "'paid':'%u'}",
        lie == ROW_OF_BATCH ? 20000 : 10000);
    row(s,
        "{'kind':'payout_batch','seq':'12','state':'open','asset':'USD/2','rail':'bank',"
        "'pays':'%s','minimum':'%u','fee':'%u','fee_cap_bps':'%u',"
        "'cutoff_at':'" AT("3", "12:00:00") "','transfers':'1','amount':'20000','resting':'0',"
                                            "'paid':'0'}",
        lie == ROW_OF_PAYEES ? "all" : "asked", lie == ROW_OF_MINIMUM ? 0 : 20000,
        lie == ROW_OF_FEE ? 0 : 50, lie == ROW_OF_CAP ? 0 : 25);
    row(s, "{'kind':'batch_party','batch':'4','party':'did:a','payout':'5'}");
    row(s, "{'kind':'batch_party','batch':'12','party':'did:a','payout':'16'}");
}

static void rows(struct scene *s, enum payout_lie lie)
{
    static const char due[] = AT("3", "12:00:10");
    static const char late[] = AT("3", "12:00:05");
    batches(s, lie);
    row(s, "{'kind':'payout','seq':'5','batch':'4','party':'did:a','asset':'USD/2',"
           "'state':'paid','attempts':'2','looks':'1','amount':'10000','held':'0',"
           "'paid':'20000','returned':'10000'}");
    row(s,
        "{'kind':'payout','seq':'16','batch':'12','party':'did:a','asset':'USD/2','state':'%s',"
        "'attempts':'2','looks':'2','amount':'20000','held':'%u','paid':'0','returned':'0',"
        "'due':'%s'}",
        lie == ROW_OF_STATE ? "paid" : "sent", lie == ROW_OF_HELD ? 0 : 20000,
        lie == ROW_OF_DUE ? late : due);
    attempts(s, lie);
    if (lie == OUTBOX_OF_WHAT_RESTS)
        row(s, "{'kind':'outbox','payout':'5','due':'%s'}", due);
    if (lie != OUTBOX_MISSING)
        row(s, "{'kind':'outbox','payout':'16','due':'%s'}", due);
    if (lie != HOLD_MISSING)
        row(s, "{'kind':'hold','party':'did:a','why':'%s','since':'21'}",
            lie == ROW_OF_HOLD ? "supervisor" : "destination");
    row(s, "{'kind':'destination','party':'did:a','rail':'bank','holds_from':'%s','set_by':'%u'}",
        lie == ROW_OF_DESTINATION ? AT("2", "12:00:00") : AT("1", "12:00:00"),
        lie == ROW_OF_SEAL ? 4 : 3);
    row(s, "{'kind':'leaving','party':'did:a','asset':'USD/2','amount':'%u'}",
        lie == ROW_OF_LEAVING ? 0 : 20000);
    row(s, "{'kind':'paid','party':'did:a','asset':'USD/2','amount':'%u'}",
        lie == ROW_OF_PAID ? 20000 : 10000);
}

static void tell(struct scene *s, int which)
{
    enum payout_lie lie = (enum payout_lie)which;
    beginning(s, lie);
    first(s, lie);
    paid(s, lie);
    second(s, lie);
    if (lie == RETURNED_MORE)
        come_back(s, "back", "100.01", 10001);
    else
        come_back(s, "back", "100.00", 10000);
    if (lie == RETURNED_TWICE)
        come_back(s, "lie", "100.00", 10000);
    rows(s, lie);
}

int main(void)
{
    const struct lies all = {"audit_payout", tell, first_word, LIE_COUNT};
    return lies_run(&all);
}

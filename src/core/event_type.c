/* SPDX-License-Identifier: Apache-2.0
 * Questions about event types: name to type and back, who may send one, and which pairs may change
 * places. The names themselves stand in event_type.h alone. */
#include "core/event_type.h"

#include <string.h>

#include "base/text.h"

#define NAME_LEN_MIN 8 /* the hash reads the first and the last eight bytes */
#define SLOT_COUNT   256

struct type_row {
    struct text name;
    enum type_status status;
    enum producer_rule producers;
    const char *scope;
};

static const struct type_row rows[EVENT_TYPE_COUNT] = {
#define X(symbol, name, status, producers, scope)                                                  \
    [EVENT_##symbol] = {TEXT(name), TYPE_##status, producers, scope},
    EVENT_TYPES(X)
#undef X
};

/* A perfect hash: with this factor no two names share a slot. A name whose slot is taken or absent
 * shows in the test of all names; then another odd factor must be found by trial. */
#define HASH_FACTOR  UINT64_C(0x18ba3929a1e82f73)
#define SLOT(symbol) (1 + EVENT_##symbol)

/* 0: no name hashes to this slot. */
static const uint8_t slots[SLOT_COUNT] = {
    /* clang-format off */
    [0] = SLOT(SUBSCRIPTION_CANCELLED),
    [1] = SLOT(CREATIVE_GENERATED),
    [3] = SLOT(SETTLEMENT_FAILED),
    [7] = SLOT(ROUND_APPROVED),
    [8] = SLOT(LEDGER_ADJUSTED),
    [9] = SLOT(FX_CONVERTED),
    [17] = SLOT(COMMITMENT_CONFIRMED),
    [19] = SLOT(CAMPAIGN_ACTIVATED),
    [20] = SLOT(X402_LISTED),
    [21] = SLOT(WALLET_TRANSFERRED),
    [28] = SLOT(PAYOUT_BATCH_CLOSED),
    [29] = SLOT(SPEND_GRANT_CREATED),
    [31] = SLOT(ATTRIBUTION_UPDATED),
    [33] = SLOT(ROUND_CREATED),
    [36] = SLOT(KPI_REPORTED),
    [37] = SLOT(USAGE_METERED),
    [38] = SLOT(ROYALTY_DISABLED),
    [39] = SLOT(FX_RATE_SET),
    [44] = SLOT(CYCLE_CLOSED),
    [47] = SLOT(CONTRIBUTION_RECORDED),
    [50] = SLOT(X402_REPLACED),
    [52] = SLOT(REFUND_ISSUED),
    [54] = SLOT(FEES_SCHEDULED),
    [59] = SLOT(CHARGEBACK),
    [60] = SLOT(SPEND_REFUNDED),
    [69] = SLOT(ROUND_OPENED),
    [73] = SLOT(PAYOUT_TRANSFER_UNKNOWN),
    [75] = SLOT(ALLOCATION_EVIDENCE_ADDED),
    [77] = SLOT(ATTRIBUTION_ASSIGNED),
    [79] = SLOT(X402_UNLISTED),
    [83] = SLOT(CREATIVE_LAUNCHED),
    [85] = SLOT(SPEND_GRANT_DEPLOYED),
    [91] = SLOT(SETTLEMENT_PAID),
    [93] = SLOT(X402_POLICY_SET),
    [97] = SLOT(CAMPAIGN_CANCELLED),
    [98] = SLOT(SETTLEMENT_INITIATED),
    [105] = SLOT(ASSET_DEFINED),
    [107] = SLOT(X402_SETTLING),
    [112] = SLOT(X402_FAILED),
    [115] = SLOT(LEDGER_ACCRUED),
    [122] = SLOT(PAYOUT_TRANSFER_FAILED_PERMANENT),
    [124] = SLOT(CONDITION_CHANGED),
    [125] = SLOT(PARTY_DESTINATION_SET),
    [127] = SLOT(ALLOCATION_UPHELD),
    [131] = SLOT(X402_UNDONE),
    [132] = SLOT(REVENUE_RECEIVED),
    [133] = SLOT(PAYOUT_TRANSFER_FAILED),
    [135] = SLOT(SPEND_AUTHORIZED),
    [136] = SLOT(ALLOCATION_OVERRIDDEN),
    [138] = SLOT(REVENUE_REVERSED),
    [140] = SLOT(X402_CONFIRMED),
    [141] = SLOT(APP_REGISTERED),
    [142] = SLOT(ROUND_CANCELLED),
    [147] = SLOT(INVOICE_PAID),
    [157] = SLOT(CAMPAIGN_COMPLETED),
    [158] = SLOT(SPEND_EXECUTED),
    [160] = SLOT(METERING_CLOSED),
    [164] = SLOT(ROYALTY_ENABLED),
    [165] = SLOT(COMMITMENT_CANCELLED),
    [173] = SLOT(CAMPAIGN_CREATED),
    [176] = SLOT(PAYOUT_TRANSFER_QUEUED),
    [177] = SLOT(PAYOUT_HOLD_RELEASED),
    [178] = SLOT(TERMS_SET),
    [179] = SLOT(PAYOUT_TRANSFER_CANCELLED),
    [180] = SLOT(X402_RESERVED),
    [185] = SLOT(POLICY_PUBLISHED),
    [186] = SLOT(KEY_REVOKED),
    [193] = SLOT(PAYOUT_TRANSFER_SENT),
    [194] = SLOT(PARTY_REGISTERED),
    [200] = SLOT(CAMPAIGN_FUNDING_CLOSED),
    [205] = SLOT(PAYOUT_TRANSFER_RETURNED),
    [207] = SLOT(USAGE_REPORTED),
    [208] = SLOT(COMMITMENT_CREATED),
    [209] = SLOT(ROUND_CLOSED),
    [211] = SLOT(X402_RELEASED),
    [214] = SLOT(CLEARED_THROUGH),
    [217] = SLOT(PAYOUT_BATCH_OPENED),
    [222] = SLOT(ALLOCATION_ESCALATED),
    [223] = SLOT(KEY_REGISTERED),
    [224] = SLOT(CAMPAIGN_UPDATED),
    [225] = SLOT(X402_SETTLED),
    [226] = SLOT(ALLOCATION_DISPUTED),
    [230] = SLOT(PAYOUT_TRANSFER_SENDING),
    [240] = SLOT(CAMPAIGN_OPENED_FOR_FUNDING),
    [242] = SLOT(CAMPAIGN_PAUSED),
    [245] = SLOT(CAMPAIGN_RESUMED),
    [246] = SLOT(BOOK_CONFIGURED),
    [247] = SLOT(PAYOUT_HOLD_PLACED),
    [254] = SLOT(PAYOUT_TRANSFER_PAID),
    /* clang-format on */
};

static uint64_t load64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static unsigned slot_of(struct text name)
{
    uint64_t head = load64(name.p);
    uint64_t tail = load64(name.p + name.len - 8);
    uint64_t mixed = (head ^ (tail << 1 | tail >> 63)) + name.len;
    return (unsigned)(mixed * HASH_FACTOR >> 56);
}

bool event_type_of(struct text name, enum event_type *type)
{
    if (name.len < NAME_LEN_MIN) {
        return false;
    }
    unsigned slot = slots[slot_of(name)];
    if (slot == 0 || !text_eq(rows[slot - 1].name, name)) {
        return false;
    }
    *type = (enum event_type)(slot - 1);
    return true;
}

static const struct type_row *row_of(enum event_type type)
{
    METE_ASSERT((unsigned)type < EVENT_TYPE_COUNT);
    return &rows[type];
}

const char *event_type_name(enum event_type type)
{
    return row_of(type)->name.p;
}

enum type_status event_type_status(enum event_type type)
{
    return row_of(type)->status;
}

const char *event_type_scope(enum event_type type)
{
    return row_of(type)->scope;
}

/* An absent service ("") passes only where any service of the control plane does. */
static bool control_allows(enum producer_rule rule, struct text service)
{
    switch (rule) {
    case BY_CONTROL:
    case BY_ANYONE:
        return true;
    case BY_VALIDATION:
    case BY_GROWTH:
        return text_is(service, "validationengine");
    case BY_GOVERNANCE:
        return text_is(service, "governance");
    case BY_PAYMENT:
    case BY_SALE:
        return text_is(service, "payment");
    case BY_RUNTIME:
    case BY_NOBODY:
        return false;
    }
    METE_ASSERT(false);
}

static bool runtime_allows(enum producer_rule rule)
{
    return rule == BY_ANYONE || rule == BY_RUNTIME || rule == BY_GROWTH || rule == BY_SALE;
}

bool event_type_economic(enum event_type type)
{
    return type >= EVENT_CAMPAIGN_CREATED && type <= EVENT_SETTLEMENT_FAILED;
}

bool event_type_allows(enum event_type type, struct text producer, struct text service)
{
    enum producer_rule rule = row_of(type)->producers;
    if (rule == BY_NOBODY) {
        return false;
    }
    if (producer.len == 0) {
        return true;
    }
    if (text_is(producer, "runtime")) {
        return runtime_allows(rule);
    }
    return text_is(producer, "control_plane") && control_allows(rule, service);
}

/* Which pairs may change places.
 *
 * "The same" means: after both, every balance is the same, and stays so whatever follows. A balance
 * is the sum over its states (with rounding `carry`, which of two events carries the odd unit, and
 * so when it clears, does depend on the order; a policy below a carry split divides that unit
 * again, so that there the balances do too). Heads of the log always differ. One thing is left out
 * of every pair but usage with usage: providers with equal remainders in a usage cycle rank by who
 * was named first in the log, so two events that both name a provider for the first time keep their
 * order when a cycle follows. Types that are not handled yet, and mete's own, change places with
 * nothing. */

enum pair_class {
    PAIR_BOOK,
    PAIR_ASSET,
    PAIR_NAME, /* party.registered, party.destination_set */
    PAIR_KEY,
    PAIR_FEES,
    PAIR_POLICY,
    PAIR_CONTRIBUTION,
    PAIR_USAGE,
    PAIR_METERED,
    PAIR_METERING_CLOSE,
    PAIR_CYCLE_CLOSE,
    PAIR_CONDITION,
    PAIR_REVENUE,
    PAIR_REVERSAL,
    PAIR_DISPUTE,
    PAIR_TRANSFER,
    PAIR_RATE,
    PAIR_APP,
    PAIR_CAMPAIGN,
    PAIR_ROUND,
    PAIR_COMMITMENT,
    PAIR_GRANT,
    PAIR_FACT, /* kpi.*, creative.*, revenue.subscription_cancelled */
    PAIR_ATTRIBUTION,
    PAIR_INVOICE,
    PAIR_REFUND,
    PAIR_TERMS,
    PAIR_CLASS_COUNT
};

/* 1 + class of the handled types; 0: never. */
static const uint8_t pair_classes[EVENT_TYPE_COUNT] = {
    [EVENT_BOOK_CONFIGURED] = 1 + PAIR_BOOK,
    [EVENT_ASSET_DEFINED] = 1 + PAIR_ASSET,
    [EVENT_APP_REGISTERED] = 1 + PAIR_APP,
    [EVENT_PARTY_REGISTERED] = 1 + PAIR_NAME,
    [EVENT_PARTY_DESTINATION_SET] = 1 + PAIR_NAME,
    [EVENT_KEY_REGISTERED] = 1 + PAIR_KEY,
    [EVENT_KEY_REVOKED] = 1 + PAIR_KEY,
    [EVENT_FEES_SCHEDULED] = 1 + PAIR_FEES,
    [EVENT_POLICY_PUBLISHED] = 1 + PAIR_POLICY,
    [EVENT_CONTRIBUTION_RECORDED] = 1 + PAIR_CONTRIBUTION,
    [EVENT_USAGE_REPORTED] = 1 + PAIR_USAGE,
    [EVENT_USAGE_METERED] = 1 + PAIR_METERED,
    [EVENT_METERING_CLOSED] = 1 + PAIR_METERING_CLOSE,
    [EVENT_CYCLE_CLOSED] = 1 + PAIR_CYCLE_CLOSE,
    [EVENT_CONDITION_CHANGED] = 1 + PAIR_CONDITION,
    [EVENT_REVENUE_RECEIVED] = 1 + PAIR_REVENUE,
    [EVENT_REVENUE_REVERSED] = 1 + PAIR_REVERSAL,
    [EVENT_ALLOCATION_DISPUTED] = 1 + PAIR_DISPUTE,
    [EVENT_ALLOCATION_EVIDENCE_ADDED] = 1 + PAIR_DISPUTE,
    [EVENT_ALLOCATION_ESCALATED] = 1 + PAIR_DISPUTE,
    [EVENT_ALLOCATION_OVERRIDDEN] = 1 + PAIR_DISPUTE,
    [EVENT_ALLOCATION_UPHELD] = 1 + PAIR_DISPUTE,
    [EVENT_WALLET_TRANSFERRED] = 1 + PAIR_TRANSFER,
    [EVENT_FX_RATE_SET] = 1 + PAIR_RATE,
    [EVENT_CAMPAIGN_CREATED] = 1 + PAIR_CAMPAIGN,
    [EVENT_CAMPAIGN_UPDATED] = 1 + PAIR_CAMPAIGN,
    [EVENT_CAMPAIGN_OPENED_FOR_FUNDING] = 1 + PAIR_CAMPAIGN,
    [EVENT_CAMPAIGN_FUNDING_CLOSED] = 1 + PAIR_CAMPAIGN,
    [EVENT_CAMPAIGN_ACTIVATED] = 1 + PAIR_CAMPAIGN,
    [EVENT_CAMPAIGN_PAUSED] = 1 + PAIR_CAMPAIGN,
    [EVENT_CAMPAIGN_RESUMED] = 1 + PAIR_CAMPAIGN,
    [EVENT_CAMPAIGN_COMPLETED] = 1 + PAIR_CAMPAIGN,
    [EVENT_CAMPAIGN_CANCELLED] = 1 + PAIR_CAMPAIGN,
    [EVENT_ROUND_CREATED] = 1 + PAIR_ROUND,
    [EVENT_ROUND_APPROVED] = 1 + PAIR_ROUND,
    [EVENT_ROUND_OPENED] = 1 + PAIR_ROUND,
    [EVENT_ROUND_CLOSED] = 1 + PAIR_ROUND,
    [EVENT_ROUND_CANCELLED] = 1 + PAIR_ROUND,
    [EVENT_COMMITMENT_CREATED] = 1 + PAIR_COMMITMENT,
    [EVENT_COMMITMENT_CONFIRMED] = 1 + PAIR_COMMITMENT,
    [EVENT_COMMITMENT_CANCELLED] = 1 + PAIR_COMMITMENT,
    [EVENT_SPEND_GRANT_CREATED] = 1 + PAIR_GRANT,
    [EVENT_SPEND_GRANT_DEPLOYED] = 1 + PAIR_GRANT,
    [EVENT_SPEND_AUTHORIZED] = 1 + PAIR_GRANT,
    [EVENT_SPEND_EXECUTED] = 1 + PAIR_GRANT,
    [EVENT_SPEND_REFUNDED] = 1 + PAIR_GRANT,
    [EVENT_KPI_REPORTED] = 1 + PAIR_FACT,
    [EVENT_CREATIVE_GENERATED] = 1 + PAIR_FACT,
    [EVENT_CREATIVE_LAUNCHED] = 1 + PAIR_FACT,
    [EVENT_SUBSCRIPTION_CANCELLED] = 1 + PAIR_FACT,
    [EVENT_ATTRIBUTION_ASSIGNED] = 1 + PAIR_ATTRIBUTION,
    [EVENT_ATTRIBUTION_UPDATED] = 1 + PAIR_ATTRIBUTION,
    [EVENT_INVOICE_PAID] = 1 + PAIR_INVOICE,
    [EVENT_REFUND_ISSUED] = 1 + PAIR_REFUND,
    [EVENT_CHARGEBACK] = 1 + PAIR_REFUND,
    [EVENT_TERMS_SET] = 1 + PAIR_TERMS,
    [EVENT_ROYALTY_ENABLED] = 1 + PAIR_TERMS,
    [EVENT_ROYALTY_DISABLED] = 1 + PAIR_TERMS,
};

/* The lower half, row by row up to the diagonal; columns in the order of enum pair_class.
 * '-' never, '=' always, 'c' unconditional, 'u' unrelated, 'b' below the cap, 'B' that and
 * unrelated.
 */
static const char pairs[PAIR_CLASS_COUNT][PAIR_CLASS_COUNT + 1] = {
    /* Days and parties of the book go into every booking; a later one replaces it. */
    [PAIR_BOOK] = "-",
    /* An asset must be known to whatever names it; payout_minimum may. */
    [PAIR_ASSET] = "-u",
    /* The last one of the same name holds; no amount reads them. */
    [PAIR_NAME] = "==u",
    /* An event may be signed with a key that the other registers or revokes: then it names it. */
    [PAIR_KEY] = "uuuu",
    /* A schedule holds for what comes after it; of two, the order makes the versions. */
    [PAIR_FEES] = "=u=u-",
    /* Publishing books what waits, under the book and fees as they are then, and moves the sums
     * that conditions are computed from. Two policies can close a circle from afar: whichever
     * comes second is refused. */
    [PAIR_POLICY] = "-u=u--",
    /* Inside one item the order decides ties and who the first author is. */
    [PAIR_CONTRIBUTION] = "===u==u",
    /* Only counts, read by nothing but the cycle, and one that waits is booked when its policy
     * comes. Two of them: the rank of new providers, above. */
    [PAIR_USAGE] = "===u=-=-",
    /* Exact sums by policy, day, currency and customer. A close that waits takes what is there when
     * its policies and conditions let it. */
    [PAIR_METERED] = "=u=u=-===",
    /* A revenue of its policy. What is below one unit goes on to the next day, and nested policies
     * are shared, so the order of two closings is kept. A late cost belongs to another closing. */
    [PAIR_METERING_CLOSE] = "-==u--==u-",
    /* A revenue of its policy, weighed by the usage that stands in the log. */
    [PAIR_CYCLE_CLOSE] = "-u=u--=-=cc",
    /* Decides how what comes after it is split, and books what waits for it. */
    [PAIR_CONDITION] = "-==u--==----",
    /* Exact shares add up in any order; only conditions that are computed from earlier sums look
     * back. Its contributions must stand before it. */
    [PAIR_REVENUE] = "-u=u--u==cc-c",
    /* Waits for its original when it comes first, and takes lines back in proportion: of one
     * original the order of two partial ones shows in the rounding. Reads no condition, fee or
     * contribution, but lowers the sums that computed conditions read. */
    [PAIR_REVERSAL] = "-u=u=-===cc-cu",
    /* Moves one allocation of one original between states or parties. */
    [PAIR_DISPUTE] = "-==u=-===uu-uuu",
    /* Needs cleared money at that moment: every booking may give or take it. */
    [PAIR_TRANSFER] = "-u=u=-===-------",
    /* Kept for reports; the last one of a pair of assets holds. */
    [PAIR_RATE] = "=u=u============u",
    /* Books what waits for its owner, under the book and fees as they are then. */
    [PAIR_APP] = "-==u-=========u-=u",
    /* Changes who earns; a new one lets attributions go on that book anew; the end of funding
     * keeps the app's fees as they are then. */
    [PAIR_CAMPAIGN] = "-u=u-=========--=--",
    /* Says who may commit; no amount reads it. */
    [PAIR_ROUND] = "===u==============-u",
    /* Investors stand in the order of their commitments, and the odd unit goes by it. */
    [PAIR_COMMITMENT] = "=u=u==============---",
    /* Measures what may be spent elsewhere; no account reads it. */
    [PAIR_GRANT] = "=u=u==============-==u",
    /* Kept for reports. */
    [PAIR_FACT] = "===u===================",
    /* What it finds booked otherwise is booked anew as if it had come first. */
    [PAIR_ATTRIBUTION] = "-==u-========b--=b-=-==B",
    /* One payment has one invoice. Below the cap the pool of each is a matter of its own. */
    [PAIR_INVOICE] = "-u=u-========bu-=u-=-==bb",
    /* As a reversal, but of invoices alone. */
    [PAIR_REFUND] = "-u=u=========u--=======bbB",
    /* Fees of an app's revenue from then on. */
    [PAIR_TERMS] = "===u-============--====--=-",
};

bool event_type_forces(enum event_type type)
{
    return type == EVENT_TERMS_SET || type == EVENT_ROYALTY_ENABLED ||
           type == EVENT_ROYALTY_DISABLED;
}

enum commutes event_types_commute(enum event_type a, enum event_type b)
{
    METE_ASSERT((unsigned)a < EVENT_TYPE_COUNT && (unsigned)b < EVENT_TYPE_COUNT);
    unsigned high = pair_classes[a] > pair_classes[b] ? pair_classes[a] : pair_classes[b];
    unsigned low = pair_classes[a] > pair_classes[b] ? pair_classes[b] : pair_classes[a];
    if (low == 0) {
        return COMMUTE_NEVER;
    }
    switch (pairs[high - 1][low - 1]) {
    case '-':
        return COMMUTE_NEVER;
    case '=':
        return COMMUTE_ALWAYS;
    case 'c':
        return COMMUTE_UNCONDITIONAL;
    case 'u':
        return COMMUTE_UNRELATED;
    case 'b':
        return COMMUTE_BELOW_CAP;
    case 'B':
        return COMMUTE_BELOW_CAP_UNRELATED;
    default:
        METE_ASSERT(false);
    }
}

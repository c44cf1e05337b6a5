/* SPDX-License-Identifier: Apache-2.0
 * Events that nobody may accept, one of each kind of mistake, with the code they are refused for.
 */
#include "oracle/gen.h"

#define ID(type) "{\"event_id\":\"broken-%d\",\"event_type\":\"" type "\",\"occurred_at\":\"%s\","

static const struct {
    enum mete_code code;
    const char *json; /* %d: number of the event; %s: time */
} broken[] = {
    {METE_JSON_SYNTAX, ID("revenue.received") "\"payload\":{\"amount\":"},
    {METE_JSON_DUPLICATE_KEY, ID("revenue.received") "\"payload\":{},\"payload\":{}}"},
    {METE_TYPE_UNKNOWN, ID("revenue.recieved") "\"payload\":{}}"},
    {METE_TYPE_RESERVED, ID("payout.batch_opened") "\"payload\":{}}"},
    {METE_MEMBER_TYPE, ID("asset.defined") "\"payload\":{\"code\":7,\"scale\":2}}"},
    {METE_MEMBER_MISSING, ID("revenue.received") "\"payload\":{\"policy\":\"urn:fair:track:s2\"}}"},
    {METE_TARGET_AMBIGUOUS,
     ID("revenue.received") "\"payload\":{\"amount\":{\"amount\":\"1\",\"currency\":\"USD\"}}}"},
    {METE_TARGET_AMBIGUOUS,
     ID("revenue.received") "\"payload\":{\"amount\":{\"amount\":\"1\",\"currency\":\"USD\"},"
                            "\"party\":\"p1\",\"policy\":\"urn:fair:track:s2\"}}"},
    {METE_AMOUNT_SCALE,
     ID("revenue.received") "\"payload\":{\"amount\":{\"amount\":\"1.005\",\"currency\":\"USD\"},"
                            "\"party\":\"p1\"}}"},
    {METE_AMOUNT_INVALID,
     ID("revenue.received") "\"payload\":{\"amount\":{\"amount\":\"-1\",\"currency\":\"USD\"},"
                            "\"party\":\"p1\"}}"},
    {METE_AMOUNT_INVALID,
     ID("revenue.received") "\"payload\":{\"amount\":{\"amount\":\"1e3\",\"currency\":\"USD\"},"
                            "\"party\":\"p1\"}}"},
    {METE_AMOUNT_ZERO,
     ID("revenue.received") "\"payload\":{\"amount\":{\"amount\":\"0.00\",\"currency\":\"USD\"},"
                            "\"party\":\"p1\"}}"},
    {METE_AMOUNT_RANGE,
     ID("revenue.received") "\"payload\":{\"amount\":{\"amount\":"
                            "\"99999999999999999999999999999999999999\",\"currency\":\"USD\"},"
                            "\"party\":\"p1\"}}"},
    {METE_NUMBER_INEXACT,
     ID("revenue.received") "\"payload\":{\"amount\":{\"amount\":12345678901234567890.5,"
                            "\"currency\":\"USD\"},\"party\":\"p1\"}}"},
    {METE_PARTY_RESERVED,
     ID("revenue.received") "\"payload\":{\"amount\":{\"amount\":\"1\",\"currency\":\"USD\"},"
                            "\"party\":\"mete:carry\"}}"},
    {METE_WEIGHT_ABOVE_ONE,
     ID("policy.published") "\"payload\":{\"policy\":{\"id\":\"urn:x\",\"kind\":\"weights\","
                            "\"shares\":[{\"party\":\"p1\",\"weight\":\"2/3\"},"
                            "{\"party\":\"p2\",\"weight\":\"0.4\"}]}}}"},
    {METE_WEIGHT_INVALID,
     ID("policy.published") "\"payload\":{\"policy\":{\"id\":\"urn:x\",\"kind\":\"weights\","
                            "\"shares\":[{\"party\":\"p1\",\"weight\":\"half\"}]}}}"},
    {METE_MEMBER_UNKNOWN,
     ID("policy.published") "\"payload\":{\"policy\":{\"id\":\"urn:x\",\"kind\":\"weights\","
                            "\"shares\":[{\"party\":\"p1\",\"wieght\":\"0.5\",\"weight\":0.5}]}}}"},
    {METE_POLICY_CYCLE,
     ID("policy.published") "\"payload\":{\"policy\":{\"id\":\"urn:x\",\"kind\":\"weights\","
                            "\"shares\":[{\"policy\":\"urn:x\",\"weight\":\"0.5\"}]}}}"},
    {METE_FEES_INVALID,
     ID("fees.scheduled") "\"payload\":{\"fees\":[{\"label\":\"a\",\"bps\":10001,"
                          "\"payee\":\"p1\"}]}}"},
    {METE_FEES_INVALID,
     ID("fees.scheduled") "\"payload\":{\"fees\":[{\"label\":\"a\",\"bps\":100,\"payee\":\"p1\","
                          "\"children\":[{\"label\":\"b\",\"share_bps\":5001,\"payee\":\"p1\"},"
                          "{\"label\":\"c\",\"share_bps\":5000,\"payee\":\"p1\"}]}]}}"},
    {METE_TIME_ORDER,
     ID("cycle.closed") "\"payload\":{\"policy\":\"urn:p-19\",\"window_start\":"
                        "\"2025-02-01T00:00:00Z\",\"window_end\":\"2025-01-01T00:00:00Z\","
                        "\"pool\":{\"amount\":\"1\",\"currency\":\"USD\"}}}"},
    {METE_PII_EMAIL,
     ID("revenue.received") "\"payload\":{\"amount\":{\"amount\":\"1\",\"currency\":\"USD\"},"
                            "\"party\":\"p1\",\"note\":\"from jane@example.com\"}}"},
    {METE_SCHEMA_VERSION,
     ID("revenue.received") "\"schema_version\":\"2.0\",\"payload\":{\"amount\":{\"amount\":\"1\","
                            "\"currency\":\"USD\"},\"party\":\"p1\"}}"},
    {METE_PRODUCER_FORBIDDEN,
     ID("policy.published") "\"source\":{\"producer\":\"runtime\"},\"payload\":{\"policy\":{\"id\":"
                            "\"urn:x\",\"kind\":\"single\",\"party\":\"p1\"}}}"},
    {METE_NUMBER_RANGE,
     ID("contribution.recorded") "\"payload\":{\"content_item_id\":\"item-1\",\"party\":\"p1\","
                                 "\"role\":\"author\",\"weight\":0}}"},
};

size_t gen_broken_count(void)
{
    return ARRAY_LEN(broken);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
enum mete_code gen_broken(struct buf *out, size_t which, int id, mete_time at)
{
    char time[TIME_TEXT_MAX];
    time_format(at, time);
    buf_printf(out, broken[which].json, id, time);
    return broken[which].code;
}
#pragma GCC diagnostic pop

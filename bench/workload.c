/* SPDX-License-Identifier: Apache-2.0
 * Events are written in RFC 8785 order, so that the bytes that are signed are the bytes that are
 * sent. */
#include "workload.h"

#include "base/encode.h"
#include "base/rng.h"
#include "base/text.h"
#include "crypto/hash.h"

#include <stdio.h>
#include <string.h>

static const unsigned WEIGHT[WORKLOAD_SHARES] = {40, 25, 20, 10, 5};

static uint64_t mix(uint64_t i)
{
    struct rng r;
    rng_seed(&r, i);
    return rng_next(&r);
}

void workload_id(const struct workload *w, uint64_t i, uint8_t id[16])
{
    uint64_t half[2] = {mix(i ^ w->run << 40), i};
    memcpy(id, half, sizeof half);
}

uint64_t workload_gross(uint64_t i)
{
    return 100 + mix(i + 77) % 500000;
}

static unsigned policy_of(uint64_t i)
{
    return (unsigned)(mix(i + 33) % WORKLOAD_POLICIES);
}

static unsigned party_of(const struct workload *w, unsigned policy, unsigned share)
{
    return w->hot && share == 0 ? 0
                                : (policy * WORKLOAD_SHARES + share) * 7919 % WORKLOAD_PARTIES + 1;
}

unsigned workload_party(const struct workload *w, uint64_t i, unsigned share)
{
    return party_of(w, policy_of(i), share);
}

void workload_setup(const struct workload *w, struct buf *out)
{
    char at[TIME_TEXT_MAX];
    time_format(w->at - 86400 * TIME_SECOND_US, at);
    buf_printf(out,
               "{\"event_id\":\"fees\",\"event_type\":\"fees.scheduled\",\"occurred_at\":\"%s\","
               "\"payload\":{\"fees\":[{\"label\":\"platform\",\"bps\":200,\"payee\":"
               "\"did:bench:platform\"}]}}\n",
               at);
    for (unsigned p = 0; p < WORKLOAD_POLICIES; p++) {
        buf_printf(out,
                   "{\"event_id\":\"policy_%u\",\"event_type\":\"policy.published\","
                   "\"occurred_at\":\"%s\",\"payload\":{\"policy\":{\"id\":\"urn:bench:%u\","
                   "\"kind\":\"weights\",\"shares\":[",
                   p, at, p);
        for (unsigned s = 0; s < WORKLOAD_SHARES; s++) {
            buf_printf(out, "%s{\"party\":\"did:bench:%u\",\"weight\":\"0.%02u\"}",
                       s == 0 ? "" : ",", party_of(w, p, s), WEIGHT[s]);
        }
        buf_put_str(out, "]}}}\n");
    }
    if (!w->unsigned_) {
        buf_printf(out,
                   "{\"event_id\":\"key\",\"event_type\":\"key.registered\",\"occurred_at\":\"%s\","
                   "\"payload\":{\"key_id\":\"%s\",\"alg\":\"hmac-sha256\",\"secret\":\"%s\","
                   "\"producer\":\"runtime\"}}\n",
                   at, WORKLOAD_KEY_ID, WORKLOAD_SECRET);
    }
}

/** The members up to the place where the signature stands in their order, and the rest. */
static void event_write(const struct workload *w, uint64_t i, struct buf *out)
{
    uint8_t id[16];
    char hex[33];
    char at[TIME_TEXT_MAX];
    uint64_t gross = workload_gross(i);
    workload_id(w, i, id);
    hex_encode(hex, (struct bytes){id, sizeof id});
    time_format(w->at + (mete_time)(i % 1000) * 1000, at);
    buf_printf(out,
               "{\"actor\":{\"actor_id\":\"runtime-node-%02u\",\"actor_type\":\"app\"},"
               "\"correlation\":{\"campaign_id\":\"camp_%08u\",\"commitment_id\":"
               "\"comm_%016llx\",\"round_id\":\"round_%06u\",\"transaction_id\":"
               "\"txn_%.24s\",\"user_id\":\"enduser_%010llu\"},\"event_id\":\"evt_%s\","
               "\"event_type\":\"revenue.received\",\"event_version\":1,\"occurred_at\":\"%s\",",
               (unsigned)(i % 16), (unsigned)(i % 5000), (unsigned long long)mix(i + 5),
               (unsigned)(i % 900), hex, (unsigned long long)(mix(i + 6) % 10000000000ULL), hex,
               at);
    buf_printf(out,
               "\"payload\":{\"amount\":{\"amount\":\"%llu.%02llu\",\"currency\":\"USD\"},"
               "\"meta\":{\"channel\":\"api\",\"country\":\"DE\",\"model\":\"answer-large-2\","
               "\"plan\":\"metered-monthly\",\"request_class\":\"completion\",\"tokens_in\":%u,"
               "\"tokens_out\":%u,\"trace\":\"%016llx%016llx\",\"worker\":\"eu-central-1b-%04u\"},"
               "\"policy\":\"urn:bench:%u\",\"source\":\"api\",\"source_ref\":\"invoice-%012llu\"},"
               "\"schema_version\":\"1.0\",",
               (unsigned long long)(gross / 100), (unsigned long long)(gross % 100),
               (unsigned)(mix(i + 1) % 8000), (unsigned)(mix(i + 2) % 2000),
               (unsigned long long)mix(i + 3), (unsigned long long)mix(i + 4), (unsigned)(i % 4096),
               policy_of(i), (unsigned long long)i);
}

void workload_event(const struct workload *w, uint64_t i, struct buf *out)
{
    char source[200];
    char value[64];
    size_t begin = out->len;
    int n = snprintf(source, sizeof source,
                     "\"source\":{\"app_id\":\"app_%03u\",\"environment\":\"prod\",\"producer\":"
                     "\"runtime\",\"request_id\":\"req_%016llx\",\"service\":\"runtime_shell\"}}",
                     (unsigned)(i % 200), (unsigned long long)mix(i + 9));
    event_write(w, i, out);
    size_t before = out->len;
    buf_put(out, source, (size_t)n);
    if (!w->unsigned_) {
        struct hash h = hmac_sha256(text_bytes(text_of(WORKLOAD_SECRET)),
                                    (struct bytes){out->p + begin, out->len - begin});
        size_t len = base64url_encode(value, (struct bytes){h.b, sizeof h.b});
        out->len = before;
        buf_printf(out,
                   "\"signature\":{\"alg\":\"hmac-sha256\",\"key_id\":\"" WORKLOAD_KEY_ID
                   "\",\"value\":\"%.*s\"},",
                   (int)len, value);
        buf_put(out, source, (size_t)n);
    }
    buf_put_u8(out, '\n');
}

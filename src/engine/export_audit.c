/* SPDX-License-Identifier: Apache-2.0
 * All of a book for the auditor, as NDJSON (doc/format.md, "Export for the auditor"): the log as it
 * stands, and then everything that is said to follow from it. */
#include "engine/export_parts.h"

#include "base/encode.h"
#include "base/text.h"
#include "core/campaign.h"
#include "core/carry.h"
#include "core/funding.h"
#include "core/payout.h"
#include "core/work.h"
#include "crypto/sign.h"
#include "engine/internal.h"
#include "engine/log.h"
#include "engine/tile.h"
#include "wire/json_values.h"

#include <stdlib.h>

#define AUDIT_FORMAT 1
#define ARENA_MAX    ((size_t)4 << 30)

struct audit {
    struct engine *e;
    const struct export_query *q;
    struct buf *out;
    struct json_writer w;
    struct names names;
    struct arena a; /* of one line or batch */
    mete_time at;
    uint64_t lines;
    enum mete_code code;
    struct mete_err *err;
};

/* --- lines
 * --------------------------------------------------------------------------------------*/

static void line_begin(struct audit *x, const char *kind)
{
    jw_init(&x->w, x->out, false);
    jw_object(&x->w, NULL);
    jw_str(&x->w, "kind", kind);
}

static void line_end(struct audit *x)
{
    jw_end_object(&x->w);
    buf_put_str(x->out, "\n");
    x->lines++;
    if (x->code == METE_OK && !export_spill(x->q, x->out)) {
        x->code = export_stopped(x->err);
    }
}

static void put_u64(struct audit *x, const char *key, uint64_t v)
{
    jw_i128(&x->w, key, (i128)v);
}

static void put_time(struct audit *x, const char *key, mete_time t)
{
    char text[TIME_TEXT_MAX];
    size_t len = time_format(t, text);
    jw_text(&x->w, key, (struct text){text, len});
}

static void put_base64(struct audit *x, const char *key, struct bytes b)
{
    char *text = malloc(BASE64_TEXT_MAX(b.len));
    METE_ASSERT(text != NULL);
    size_t len = base64_encode(text, b);
    jw_text(&x->w, key, (struct text){text, len});
    free(text);
}

static void put_policy(struct audit *x, uint32_t number)
{
    struct text id = {0};
    (void)view_policy_id(engine_view(x->e), number, &id);
    jw_text(&x->w, "policy", id);
}

/* --- the log
 * ------------------------------------------------------------------------------------*/

static void book_line(struct audit *x)
{
    struct log_head head = book_head(engine_book(x->e));
    uint8_t public_key[ED25519_PUBLIC_LEN];
    char did[DID_KEY_TEXT_MAX] = "";
    if (x->e->has_keys) {
        ed25519_public(public_key, x->e->log_seed);
        did_key_format(did, public_key);
    }
    line_begin(x, "book");
    jw_int(&x->w, "format", AUDIT_FORMAT);
    jw_str(&x->w, "name", engine_book_name(x->e));
    put_u64(x, "size", head.size);
    jw_hash(&x->w, "root", &head.root);
    put_time(x, "at", x->at);
    jw_text(&x->w, "checkpoint_origin", log_origin(&x->a, x->e));
    jw_str(&x->w, "checkpoint_key", did);
    line_end(x);
}

static bool page_lines(struct audit *x, uint64_t seq)
{
    uint32_t count = book_page_count(engine_book(x->e), seq);
    for (uint32_t page = 1; page <= count && x->code == METE_OK; page++) {
        struct bytes packed;
        mete_time at;
        if (book_page(engine_book(x->e), seq, page, &packed, &at, x->err) != STORE_OK) {
            x->code = METE_STORE_FAILED;
            break;
        }
        line_begin(x, "page");
        put_u64(x, "seq", seq);
        jw_int(&x->w, "page", page);
        put_time(x, "recorded_at", at);
        put_base64(x, "decision", packed);
        line_end(x);
    }
    return x->code == METE_OK;
}

static bool event_line(void *arg, const struct log_row *row)
{
    struct audit *x = arg;
    line_begin(x, "event");
    put_u64(x, "seq", row->seq);
    put_time(x, "recorded_at", row->recorded_at);
    jw_raw(&x->w, "event", bytes_text(row->event));
    put_base64(x, "decision", row->decision);
    line_end(x);
    return page_lines(x, row->seq);
}

/** What the index says about every event's id. */
static bool event_id_line(void *arg, const struct log_row *row)
{
    struct audit *x = arg;
    struct walk_head head;
    arena_reset(&x->a);
    x->code = walk_head_of(&x->a, row->event, &head, x->err);
    if (x->code == METE_OK) {
        line_begin(x, "event_id");
        jw_text(&x->w, "event_id", head.event_id);
        put_u64(x, "seq", engine_seq_of(x->e, head.event_id));
        line_end(x);
    }
    return x->code == METE_OK;
}

static void rows_write(struct audit *x, log_visit *visit)
{
    if (x->code == METE_OK) {
        enum mete_code code =
            walk_rows(x->e, 1, book_size(engine_book(x->e)) + 1, visit, x, x->err);
        x->code = x->code == METE_OK ? code : x->code;
    }
}

/* --- state
 * --------------------------------------------------------------------------------------*/

typedef void state_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums);

struct writing {
    struct audit *x;
    state_line *line;
};

static enum mete_code state_key_visit(void *arg, const struct walk_key *k, bool *go_on)
{
    const struct writing *w = arg;
    (void)go_on;
    arena_reset(&w->x->a);
    w->line(w->x, k->key, k->value, k->sums);
    names_trim(&w->x->names);
    return w->x->code;
}

static void state_write(struct audit *x, enum key_class class, state_line *line)
{
    const struct key from = key_of(class);
    const struct key until = key_prefix_end(from);
    struct writing w = {x, line};
    if (x->code == METE_OK) {
        x->code = walk_each_key(x->e, &from, &until, state_key_visit, &w, x->err);
    }
}

static void party_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)sums;
    struct reader r = reader_of(value);
    line_begin(x, "party");
    jw_int(&x->w, "number", key_read_u32(key, 1));
    jw_text(&x->w, "id", read_sized(&r));
    line_end(x);
}

static void account_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    line_begin(x, "account");
    jw_text(&x->w, "party", names_party(&x->names, key_read_u32(key, 1)));
    jw_asset(&x->w, names_asset(&x->names, key_read_u32(key, 5)));
    jw_i128(&x->w, "debits_posted", sums[0]);
    jw_i128(&x->w, "credits_posted", sums[1]);
    jw_i128(&x->w, "debits_pending", sums[2]);
    jw_i128(&x->w, "credits_pending", sums[3]);
    line_end(x);
}

static void pending_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    int32_t day = (int32_t)(key_read_u32(key, 9) ^ (UINT32_C(1) << 31));
    if (sums[0] == 0) {
        return;
    }
    line_begin(x, "pending");
    jw_text(&x->w, "party", names_party(&x->names, key_read_u32(key, 1)));
    jw_asset(&x->w, names_asset(&x->names, key_read_u32(key, 5)));
    jw_text(&x->w, "day", words_day(&x->a, day));
    jw_i128(&x->w, "amount", sums[0]);
    line_end(x);
}

static void net_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    line_begin(x, "net");
    put_policy(x, key_read_u32(key, 1));
    jw_asset(&x->w, names_asset(&x->names, key_read_u32(key, 5)));
    jw_i128(&x->w, "amount", sums[0]);
    line_end(x);
}

static void quantity_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    line_begin(x, "quantity");
    put_policy(x, key_read_u32(key, 1));
    jw_i128(&x->w, "quantity", sums[0]);
    line_end(x);
}

static void payee_put(struct audit *x, uint32_t kind, uint32_t payee)
{
    static const char *const KIND[] = {
        [PAYEE_PARTY] = "party", [PAYEE_POLICY] = "policy", [PAYEE_NOBODY] = "nobody"};
    struct text id = {0};
    if (kind == PAYEE_PARTY) {
        id = names_party(&x->names, payee);
    } else if (kind == PAYEE_POLICY) {
        (void)view_policy_id(engine_view(x->e), payee, &id);
    }
    jw_text(&x->w, "payee", id);
    jw_str(&x->w, "payee_kind", kind < ARRAY_LEN(KIND) ? KIND[kind] : "");
}

static void put_u128(struct audit *x, const char *key, u128 v)
{
    char text[I128_TEXT_MAX];
    u128_format(v, text);
    jw_str(&x->w, key, text);
}

static void residue_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)sums;
    struct residue r;
    if (!residue_unpack(value, &r)) {
        x->code = mete_fail(x->err, METE_STORE_CORRUPT, "", "a residue cannot be read");
        return;
    }
    line_begin(x, "residue");
    put_policy(x, key_read_u32(key, 1));
    jw_asset(&x->w, names_asset(&x->names, key_read_u32(key, 5)));
    payee_put(x, key.p[13], key_read_u32(key, 9));
    jw_i128(&x->w, "whole", r.whole);
    put_u128(x, "num", r.num);
    put_u128(x, "den", r.den);
    line_end(x);
}

static void waiting_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)sums;
    struct reader r = reader_of(value);
    line_begin(x, "waiting");
    put_u64(x, "seq", key_read_u64(key, key.len - 8));
    jw_str(&x->w, "code", mete_code_name((enum mete_code)read_varint(&r)));
    line_end(x);
}

/* --- the economy
 * --------------------------------------------------------------------------------*/

/** The text behind the class of a key. */
static struct text key_id(struct bytes key)
{
    return (struct text){(const char *)key.p + 1, key.len - 1};
}

/** A campaign is known by the number of its contract. */
static void put_campaign(struct audit *x, uint32_t number)
{
    struct text id = {0};
    const size_t skip = sizeof CAMPAIGN_POLICY_PREFIX - 1;
    (void)view_policy_id(engine_view(x->e), number, &id);
    id = id.len >= skip ? (struct text){id.p + skip, id.len - skip} : id;
    jw_text(&x->w, "campaign_id", id);
}

static void put_moment(struct audit *x, const char *key, mete_time t)
{
    if (t != TIME_NEVER) {
        put_time(x, key, t);
    }
}

static void campaign_terms(struct audit *x, const struct campaign *c)
{
    jw_text(&x->w, "app_id", c->app_id);
    jw_str(&x->w, "funding_mode", c->is_offering ? "offering" : "self");
    jw_text(&x->w, "creator", names_party(&x->names, c->creator));
    jw_asset(&x->w, names_asset(&x->names, c->asset));
    jw_int(&x->w, "share_bps", c->share_bps);
    if (c->raise >= 0) {
        jw_i128(&x->w, "raise", c->raise);
    }
    if (c->cap_amount >= 0) {
        jw_i128(&x->w, "cap_amount", c->cap_amount);
    }
    if (c->cap_multiple.num != 0) {
        put_u128(x, "multiple_num", c->cap_multiple.num);
        put_u128(x, "multiple_den", c->cap_multiple.den);
    }
    jw_int(&x->w, "duration_days", c->duration_days);
}

static void campaign_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)sums;
    struct campaign c;
    i128 has[STATE_SUMS] = {0};
    uint32_t number = key_read_u32(key, 1);
    if (!campaign_unpack(&x->a, value, &c) ||
        view_campaign_sums(engine_view(x->e), number, has) == VIEW_MISSING) {
        x->code = mete_fail(x->err, METE_STORE_CORRUPT, "", "a campaign cannot be read");
        return;
    }
    line_begin(x, "campaign");
    jw_text(&x->w, "campaign_id", c.id);
    jw_str(&x->w, "state", machine_of(MACHINE_CAMPAIGN)->state[c.state]);
    campaign_terms(x, &c);
    put_moment(x, "activated_at", c.activated_at);
    put_moment(x, "completed_at", c.completed_at);
    jw_str(&x->w, "reason", completion_name((enum completion)c.reason));
    jw_i128(&x->w, "confirmed", has[CAMPAIGN_CONFIRMED]);
    jw_i128(&x->w, "accrued", has[CAMPAIGN_ACCRUED]);
    jw_i128(&x->w, "creators", has[CAMPAIGN_CREATORS]);
    jw_i128(&x->w, "reversed", has[CAMPAIGN_REVERSED]);
    line_end(x);
}

static void investment_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)sums;
    struct reader r = reader_of(value);
    line_begin(x, "investment");
    put_campaign(x, key_read_u32(key, 1));
    put_u64(x, "created", key_read_u64(key, 5));
    jw_text(&x->w, "party", names_party(&x->names, (uint32_t)read_varint(&r)));
    jw_i128(&x->w, "amount", read_zigzag(&r));
    line_end(x);
}

static void round_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)sums;
    struct reader r = reader_of(value);
    line_begin(x, "round");
    jw_text(&x->w, "round_id", key_id(key));
    jw_str(&x->w, "state", machine_of(MACHINE_ROUND)->state[read_u8(&r) % ROUND_STATE_COUNT]);
    put_campaign(x, (uint32_t)read_varint(&r));
    line_end(x);
}

static void commitment_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)sums;
    struct reader r = reader_of(value);
    uint8_t state = read_u8(&r) % COMMITMENT_STATE_COUNT;
    line_begin(x, "commitment");
    jw_text(&x->w, "commitment_id", key_id(key));
    jw_str(&x->w, "state", machine_of(MACHINE_COMMITMENT)->state[state]);
    put_campaign(x, (uint32_t)read_varint(&r));
    jw_text(&x->w, "party", names_party(&x->names, (uint32_t)read_varint(&r)));
    jw_i128(&x->w, "amount", read_zigzag(&r));
    line_end(x);
}

static void grant_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)sums;
    struct reader r = reader_of(value);
    line_begin(x, "grant");
    jw_text(&x->w, "allocation_id", key_id(key));
    jw_str(&x->w, "state", machine_of(MACHINE_GRANT)->state[read_u8(&r) % GRANT_STATE_COUNT]);
    put_campaign(x, (uint32_t)read_varint(&r));
    jw_asset(&x->w, names_asset(&x->names, (uint32_t)read_varint(&r)));
    jw_i128(&x->w, "amount", read_zigzag(&r));
    line_end(x);
}

static void app_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)sums;
    struct reader r = reader_of(value);
    line_begin(x, "app");
    jw_text(&x->w, "app_id", key_id(key));
    jw_text(&x->w, "owner", names_party(&x->names, (uint32_t)read_varint(&r)));
    line_end(x);
}

/** Whether the royalty is on, and every change of the app's fees. */
static void terms_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)sums;
    struct reader r = reader_of(value);
    struct version *version = NULL;
    size_t count = 0;
    uint32_t unused;
    (void)read_u8(&r); /* format */
    uint8_t royalty = read_u8(&r) % ROYALTY_STATE_COUNT;
    if (!versions_unpack(&x->a, text_bytes(read_sized(&r)), &unused, &version, &count)) {
        x->code = mete_fail(x->err, METE_STORE_CORRUPT, "", "the terms of an app cannot be read");
        return;
    }
    for (size_t i = 0; i < count && x->code == METE_OK; i++) {
        line_begin(x, "terms");
        jw_text(&x->w, "app_id", key_id(key));
        jw_str(&x->w, "royalty", machine_of(MACHINE_ROYALTY)->state[royalty]);
        put_u64(x, "fees", version[i].number);
        put_time(x, "from", version[i].from);
        line_end(x);
    }
}

static void settlement_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)sums;
    struct reader r = reader_of(value);
    uint8_t state = read_u8(&r) % SETTLEMENT_STATE_COUNT;
    line_begin(x, "settlement");
    jw_text(&x->w, "settlement_id", key_id(key));
    jw_str(&x->w, "state", machine_of(MACHINE_SETTLEMENT)->state[state]);
    jw_text(&x->w, "party", names_party(&x->names, (uint32_t)read_varint(&r)));
    jw_asset(&x->w, names_asset(&x->names, (uint32_t)read_varint(&r)));
    jw_i128(&x->w, "amount", read_zigzag(&r));
    line_end(x);
}

static void paid_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    if (sums[PAID_OUT] == 0) {
        return; /* it is on its way, or has come back */
    }
    line_begin(x, "paid");
    jw_text(&x->w, "party", names_party(&x->names, key_read_u32(key, 1)));
    jw_asset(&x->w, names_asset(&x->names, key_read_u32(key, 5)));
    jw_i128(&x->w, "amount", sums[PAID_OUT]);
    line_end(x);
}

static void leaving_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    if (sums[PAID_LEAVING] == 0) {
        return;
    }
    line_begin(x, "leaving");
    jw_text(&x->w, "party", names_party(&x->names, key_read_u32(key, 1)));
    jw_asset(&x->w, names_asset(&x->names, key_read_u32(key, 5)));
    jw_i128(&x->w, "amount", sums[PAID_LEAVING]);
    line_end(x);
}

/* --- payouts -----------------------------------------------------------------------------------*/

static void batch_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)sums;
    struct batch b;
    i128 has[STATE_SUMS] = {0};
    struct key of_sums = key_batch_number(key_read_u64(key, 1));
    of_sums.b[0] = KEY_BATCH_SUMS;
    const struct view *v = engine_view(x->e);
    if (!batch_unpack(&x->a, value, &b) ||
        v->sums(v->ctx, key_bytes(&of_sums), has) == VIEW_MISSING) {
        x->code = mete_fail(x->err, METE_STORE_CORRUPT, "", "a batch cannot be read");
        return;
    }
    line_begin(x, "payout_batch");
    put_u64(x, "seq", key_read_u64(key, 1));
    jw_str(&x->w, "state",
           machine_of(MACHINE_BATCH)->state[b.is_closed ? BATCH_CLOSED : BATCH_OPEN]);
    jw_asset(&x->w, names_asset(&x->names, b.asset));
    jw_text(&x->w, "rail", b.rail);
    jw_str(&x->w, "pays", b.on_demand ? "asked" : "all");
    jw_i128(&x->w, "minimum", b.bounds.minimum);
    jw_i128(&x->w, "fee", b.bounds.fee);
    put_u64(x, "fee_cap_bps", b.bounds.fee_cap_bps);
    put_time(x, "cutoff_at", b.cutoff_at);
    jw_i128(&x->w, "transfers", has[BATCH_TRANSFERS]);
    jw_i128(&x->w, "amount", has[BATCH_AMOUNT]);
    jw_i128(&x->w, "resting", has[BATCH_RESTING]);
    jw_i128(&x->w, "paid", has[BATCH_PAID]);
    line_end(x);
}

static void payout_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)sums;
    struct transfer t;
    if (!transfer_unpack(value, &t)) {
        x->code = mete_fail(x->err, METE_STORE_CORRUPT, "", "a payout cannot be read");
        return;
    }
    line_begin(x, "payout");
    put_u64(x, "seq", key_read_u64(key, 1));
    put_u64(x, "batch", t.batch);
    jw_text(&x->w, "party", names_party(&x->names, t.party));
    jw_asset(&x->w, names_asset(&x->names, t.asset));
    jw_str(&x->w, "state", machine_of(MACHINE_TRANSFER)->state[t.state]);
    put_u64(x, "attempts", t.attempts);
    put_u64(x, "looks", t.looks);
    jw_i128(&x->w, "amount", t.amount);
    jw_i128(&x->w, "held", t.held);
    jw_i128(&x->w, "paid", t.paid);
    jw_i128(&x->w, "returned", t.returned);
    put_moment(x, "due", t.due);
    line_end(x);
}

/** The half of an anchor's hash that stands in state twice. */
static void put_anchor(struct audit *x, const uint8_t *hash)
{
    char hex[2 * sizeof((struct attempt *)0)->anchor + 1];
    hex_encode(hex, (struct bytes){hash, sizeof((struct attempt *)0)->anchor});
    jw_str(&x->w, "anchor", hex);
}

static void attempt_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    static const char *const outcome[] = {"open", "dead", "paid", "returned", "unmade"};
    (void)sums;
    struct attempt t;
    if (!attempt_unpack(value, &t)) {
        x->code = mete_fail(x->err, METE_STORE_CORRUPT, "", "an attempt cannot be read");
        return;
    }
    line_begin(x, "attempt");
    put_u64(x, "payout", key_read_u64(key, 1));
    put_u64(x, "attempt", key_read_u32(key, 9));
    jw_str(&x->w, "outcome", outcome[t.outcome]);
    put_anchor(x, t.anchor);
    jw_i128(&x->w, "paid", t.paid);
    jw_i128(&x->w, "returned", t.returned);
    put_u64(x, "made", t.made);
    jw_array(&x->w, "bodies");
    for (uint32_t i = 0; i < t.body_count; i++) {
        put_u64(x, NULL, t.body[i]);
    }
    jw_end_array(&x->w);
    line_end(x);
}

static void anchor_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)sums;
    struct reader r = reader_of(value);
    line_begin(x, "anchor");
    put_anchor(x, key.p + 1);
    put_u64(x, "payout", read_varint(&r));
    put_u64(x, "attempt", read_varint(&r));
    line_end(x);
}

static void outbox_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    (void)sums;
    line_begin(x, "outbox");
    put_time(x, "due", key_read_time(key, 1));
    put_u64(x, "payout", key_read_u64(key, 9));
    line_end(x);
}

static void in_batch_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)sums;
    struct reader r = reader_of(value);
    line_begin(x, "batch_party");
    put_u64(x, "batch", key_read_u64(key, 1));
    jw_text(&x->w, "party", names_party(&x->names, key_read_u32(key, 9)));
    put_u64(x, "payout", read_varint(&r));
    line_end(x);
}

static void hold_line(struct audit *x, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)sums;
    struct reader r = reader_of(value);
    line_begin(x, "hold");
    jw_text(&x->w, "party", names_party(&x->names, key_read_u32(key, 1)));
    jw_str(&x->w, "why", read_u8(&r) == HOLD_SUPERVISOR ? "supervisor" : "destination");
    put_u64(x, "since", read_varint(&r));
    line_end(x);
}

static void destination_line(struct audit *x, struct bytes key, struct bytes value,
                             const i128 *sums)
{
    (void)sums;
    struct destination d;
    if (!destination_unpack(value, &d)) {
        x->code = mete_fail(x->err, METE_STORE_CORRUPT, "", "a destination cannot be read");
        return;
    }
    line_begin(x, "destination");
    jw_text(&x->w, "party", names_party(&x->names, key_read_u32(key, 1)));
    jw_text(&x->w, "rail", d.rail);
    put_time(x, "holds_from", d.holds_from);
    put_u64(x, "set_by", d.seq);
    line_end(x);
}

static void payouts_write(struct audit *x)
{
    state_write(x, KEY_PAYOUT_BATCH, batch_line);
    state_write(x, KEY_TRANSFER, payout_line);
    state_write(x, KEY_BATCH_PARTY, in_batch_line);
    state_write(x, KEY_ATTEMPT, attempt_line);
    state_write(x, KEY_ANCHOR, anchor_line);
    state_write(x, KEY_OUTBOX, outbox_line);
    state_write(x, KEY_HOLD, hold_line);
    state_write(x, KEY_DESTINATION, destination_line);
}

static void x402_write(struct audit *x)
{
    if (x->code == METE_OK) {
        x->code = export_x402(x->e, x->q, x->out, &x->lines, x->err);
    }
}

static void economy_write(struct audit *x)
{
    state_write(x, KEY_APP, app_line);
    state_write(x, KEY_TERMS, terms_line);
    state_write(x, KEY_CAMPAIGN, campaign_line);
    state_write(x, KEY_INVESTMENT, investment_line);
    state_write(x, KEY_ROUND, round_line);
    state_write(x, KEY_COMMITMENT, commitment_line);
    state_write(x, KEY_GRANT, grant_line);
    state_write(x, KEY_SETTLEMENT, settlement_line);
    state_write(x, KEY_PAID, paid_line);
    state_write(x, KEY_PAID, leaving_line);
}

static bool balance_line(void *arg, const struct party_row *row)
{
    struct audit *x = arg;
    line_begin(x, "balance");
    jw_text(&x->w, "party", row->party);
    jw_asset(&x->w, names_asset(&x->names, row->asset.number));
    jw_i128(&x->w, "pending", row->balance.pending);
    jw_i128(&x->w, "disputed", row->balance.disputed);
    jw_i128(&x->w, "cleared", row->balance.cleared);
    jw_i128(&x->w, "debt", row->balance.debt);
    line_end(x);
    return x->code == METE_OK;
}

static void balances_write(struct audit *x)
{
    const struct parties_query q = {.at = x->at};
    if (x->code == METE_OK) {
        enum mete_code code = parties_list(x->e, &q, balance_line, x, &x->a, NULL, NULL, x->err);
        x->code = x->code == METE_OK ? code : x->code;
    }
}

/* --- outside the log
 * ----------------------------------------------------------------------------*/

static bool quarantine_line(void *arg, const struct quarantined *q)
{
    struct audit *x = arg;
    struct hash body = sha256(text_bytes(q->body));
    line_begin(x, "quarantine");
    put_u64(x, "id", q->id);
    jw_text(&x->w, "event_id", q->event_id);
    jw_str(&x->w, "code", mete_code_name(q->code));
    if (text_is_utf8(q->body)) {
        jw_text(&x->w, "body", q->body);
    } else {
        put_base64(x, "body_base64", text_bytes(q->body));
    }
    jw_hash(&x->w, "sha256", &body);
    line_end(x);
    return x->code == METE_OK;
}

/** Without the key nobody can tell who signed: the auditor is not asked. */
static bool checkpoint_line(void *arg, const struct checkpoint *c)
{
    struct audit *x = arg;
    if (!x->e->has_keys) {
        return true;
    }
    line_begin(x, "checkpoint");
    put_u64(x, "size", c->size);
    jw_text(&x->w, "note", c->note);
    line_end(x);
    return x->code == METE_OK;
}

static void tile_line(struct audit *x, const struct tile *t)
{
    struct buf hashes = {0};
    x->code = tile_read(x->e, t, &hashes, x->err);
    line_begin(x, "tile");
    jw_int(&x->w, "level", t->level);
    put_u64(x, "index", t->index);
    put_base64(x, "hashes", buf_bytes(&hashes));
    line_end(x);
    buf_clear(&hashes);
}

static void tiles_write(struct audit *x)
{
    uint64_t nodes = book_size(engine_book(x->e));
    for (unsigned level = 0; nodes > 0; level++, nodes >>= TILE_BITS) {
        for (uint64_t i = 0; i * TILE_WIDTH < nodes && x->code == METE_OK; i++) {
            uint64_t left = nodes - i * TILE_WIDTH;
            const struct tile t = {level, i, left < TILE_WIDTH ? (unsigned)left : TILE_WIDTH};
            tile_line(x, &t);
        }
    }
}

static void outside_write(struct audit *x)
{
    struct book *b = engine_book(x->e);
    if (x->code == METE_OK && book_quarantine(b, 0, quarantine_line, x, x->err) == STORE_FAILED) {
        x->code = METE_STORE_FAILED;
    }
    tiles_write(x);
    if (x->code == METE_OK && book_checkpoints(b, checkpoint_line, x, x->err) == STORE_FAILED) {
        x->code = METE_STORE_FAILED;
    }
}

enum mete_code export_audit(struct engine *e, const struct export_query *q, struct buf *out,
                            struct mete_err *err)
{
    struct audit x = {.e = e, .q = q, .out = out, .at = engine_now(e), .err = err};
    names_init(&x.names, engine_view(e));
    arena_init(&x.a, ARENA_MAX);
    book_line(&x);
    rows_write(&x, event_line);
    state_write(&x, KEY_PARTY_NUMBER, party_line);
    state_write(&x, KEY_ACCOUNT, account_line);
    state_write(&x, KEY_PENDING, pending_line);
    balances_write(&x);
    state_write(&x, KEY_NET, net_line);
    state_write(&x, KEY_QUANTITY, quantity_line);
    state_write(&x, KEY_RESIDUE, residue_line);
    economy_write(&x);
    payouts_write(&x);
    x402_write(&x);
    rows_write(&x, event_id_line);
    state_write(&x, KEY_WAITING, waiting_line);
    outside_write(&x);
    line_begin(&x, "end");
    put_u64(&x, "lines", x.lines);
    line_end(&x);
    names_clear(&x.names);
    arena_clear(&x.a);
    return x.code;
}

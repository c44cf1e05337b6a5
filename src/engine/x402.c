/* SPDX-License-Identifier: Apache-2.0
 * What a payment by x402 has become, by its id or by a transaction, and which of them somebody has
 * to look after. Nothing here changes the book. */
#include "engine/x402_parts.h"

#include "base/text.h"
#include "engine/walk.h"

#include <string.h>

void x402_id(const struct x402_name *name, char out[X402_ID_LEN + 1])
{
    _Static_assert(X402_ID_SIZE == X402_ID_LEN + 1, "an id has one length");
    struct x402_number number = x402_number_of(name->network, name->asset, name->from, name->nonce);
    x402_number_text(&number, out);
}

struct text x402_address(struct arena *a, struct text t)
{
    if (!text_starts(t, "0x") && !text_starts(t, "0X")) {
        return t;
    }
    char *lower = arena_alloc(a, t.len);
    for (size_t i = 0; i < t.len; i++) {
        lower[i] = (char)(t.p[i] >= 'A' && t.p[i] <= 'Z' ? t.p[i] | 0x20 : t.p[i]);
    }
    return (struct text){lower, t.len};
}

/* --- one payment -------------------------------------------------------------------------------*/

static void transactions_fill(const struct x402_payment *p, struct arena *a,
                              struct x402_status *out)
{
    uint32_t count = p->transaction_count;
    out->transaction_count = count;
    out->transactions = arena_array(a, count, sizeof *out->transactions);
    out->raws = arena_array(a, count, sizeof *out->raws);
    for (uint32_t i = 0; i < count; i++) {
        out->transactions[i] = arena_text(a, p->transaction[count - 1 - i]);
        out->raws[i] = (struct text){0};
    }
}

static void asset_fill(struct engine *e, uint32_t number, struct arena *a, struct x402_status *out)
{
    struct asset asset;
    if (number != 0 && view_asset_number(engine_view(e), number, &asset) == VIEW_FOUND) {
        out->asset_code = arena_text(a, text_of(asset.code));
        out->asset_scale = asset.scale;
    }
}

void x402_status_of(struct engine *e, const struct x402_payment *p, struct arena *a,
                    struct x402_status *out)
{
    bool expired = x402_expired(p, engine_now(e));
    *out = (struct x402_status){
        .state = expired ? X402_NONE : (enum x402_state)p->state,
        .is_reserved = p->state == X402_RESERVED && !expired,
        .name = {arena_text(a, p->network), arena_text(a, p->asset), arena_text(a, p->from),
                 arena_text(a, p->nonce)},
        .request = p->request,
        .scheme = arena_text(a, p->scheme),
        .to = arena_text(a, p->to),
        .value = arena_text(a, p->value),
        .resource = arena_text(a, p->resource),
        .policy = arena_text(a, p->policy),
        .signer = arena_text(a, p->signer),
        .account_nonce = p->account_nonce,
        .until = p->until,
        .begun_at = p->begun_at,
        .settled_by = arena_text(a, p->settled_by),
        .block = p->block,
        .reason = arena_text(a, p->reason),
        .cancels = p->cancels,
    };
    transactions_fill(p, a, out);
    asset_fill(e, p->asset_number, a, out);
}

/** The signed bytes stand in the events that brought them. */
static enum mete_code raws_read(struct engine *e, const uint64_t *body, struct arena *a,
                                struct x402_status *out, struct mete_err *err)
{
    size_t count = out->transaction_count;
    struct envelope *event = arena_alloc(a, sizeof *event);
    enum mete_code code = METE_OK;
    for (size_t i = 0; i < count && code == METE_OK; i++) {
        mete_time unused;
        code = engine_event(e, body[count - 1 - i], a, event, &unused, err);
        out->raws[i] = code == METE_OK ? arena_text(a, event->event.x402.raw) : out->raws[i];
    }
    return code;
}

static enum mete_code find(struct engine *e, const struct x402_number *number, struct arena *a,
                           struct x402_status *out, struct mete_err *err)
{
    struct x402_payment p;
    uint64_t body[X402_TRANSACTIONS_MAX];
    if (view_x402(engine_view(e), a, number, &p) != VIEW_FOUND) {
        return mete_fail(err, METE_NOT_FOUND, "", "nobody has heard of this payment");
    }
    x402_status_of(e, &p, a, out);
    memcpy(body, p.body, sizeof body);
    return raws_read(e, body, a, out, err);
}

enum mete_code x402_find(struct engine *e, struct text id, struct arena *a, struct x402_status *out,
                         struct mete_err *err)
{
    struct x402_number number;
    enum mete_code code = x402_number_parse(id, &number)
                              ? find(e, &number, a, out, err)
                              : mete_fail(err, METE_NOT_FOUND, "",
                                          "no id of a payment: x402- and 40 hexadecimal digits");
    return engine_sound(e, code, err);
}

enum mete_code x402_find_transaction(struct engine *e, struct text transaction, struct arena *a,
                                     struct x402_status *out, struct mete_err *err)
{
    struct x402_number number;
    bool unused;
    enum view_result found =
        view_x402_transaction(engine_view(e), x402_address(a, transaction), &number, &unused);
    enum mete_code code =
        found == VIEW_FOUND ? find(e, &number, a, out, err)
                            : mete_fail(err, METE_NOT_FOUND, "", "no payment has this transaction");
    return engine_sound(e, code, err);
}

/* --- what is open ------------------------------------------------------------------------------*/

enum mete_code x402_open_ids(struct engine *e, struct text after, size_t max, struct arena *a,
                             struct text **ids, size_t *count, struct mete_err *err)
{
    struct key from = key_of(KEY_X402_OPEN);
    struct key until = key_prefix_end(from);
    struct x402_number number;
    struct walk_keys keys;
    *count = 0;
    if (after.len > 0 && !x402_number_parse(after, &number)) {
        return mete_fail(err, METE_REQUEST_INVALID, "/after", "the id of a payment, or nothing");
    }
    if (after.len > 0) {
        struct key last = key_x402_open(&number);
        from = walk_key_after(key_bytes(&last));
    }
    enum mete_code code = walk_keys(e, a, key_bytes(&from), key_bytes(&until), max, &keys, err);
    if (code != METE_OK) {
        return engine_sound(e, code, err);
    }
    *ids = arena_array(a, keys.count, sizeof **ids);
    for (size_t i = 0; i < keys.count; i++) {
        char id[X402_ID_LEN + 1];
        memcpy(number.b, keys.key[i].p + 1, sizeof number.b);
        x402_number_text(&number, id);
        (*ids)[i] = arena_text(a, text_of(id));
    }
    *count = keys.count;
    return engine_sound(e, METE_OK, err);
}

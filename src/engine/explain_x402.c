/* SPDX-License-Identifier: Apache-2.0
 * A payment by x402: what it is for, whose revenue it is, by which transactions it is settled, and
 * what was said of it, step by step. */
#include "engine/explain_parts.h"

#include "base/text.h"
#include "core/x402.h"
#include "engine/x402_parts.h"

#include <inttypes.h>

#define STEPS_SHOWN 200u /* a payment has as many when its chain is not sound */

static const char *became(const struct x402_status *p)
{
    switch (p->state) {
    case X402_NONE:
        return "its reservation has run out, and nobody settles it";
    case X402_RESERVED:
        return "it is reserved for whoever has the token";
    case X402_RELEASED:
        return "its reservation was given back";
    case X402_SETTLING:
        return p->cancels ? "it is being taken back: a transaction that pays nobody was sent"
                          : "it is being settled";
    case X402_SETTLED:
        return p->transaction_count > 0 ? "it is settled, and not final yet"
                                        : "it is settled: nothing was to be moved";
    case X402_FAILED:
        return "the chain has refused it, and nothing moved";
    case X402_CONFIRMED:
        return "it is settled for good";
    case X402_STATE_COUNT:
        break;
    }
    return "";
}

static struct explain_node *title(struct explain *x, const struct x402_status *p, struct text id,
                                  const struct x402_payment *raw)
{
    struct asset asset;
    struct explain_node *n;
    if (p->state >= X402_SETTLING &&
        view_asset_number(x->view, raw->asset_number, &asset) == VIEW_FOUND) {
        n = explain_add(x, NULL, "x402", "%.*s: %s to %.*s on %.*s, %s", (int)id.len, id.p,
                        words_money(x->a, raw->amount, &asset).p, (int)p->to.len, p->to.p,
                        (int)p->name.network.len, p->name.network.p, became(p));
        explain_amount(n, raw->amount, &asset);
        explain_fact(x, n, "party",
                     arena_printf(x->a, "%.*s:%.*s", (int)p->name.network.len, p->name.network.p,
                                  (int)p->to.len, p->to.p));
    } else {
        n = explain_add(x, NULL, "x402", "%.*s: %s", (int)id.len, id.p, became(p));
    }
    explain_fact(x, n, "id", id);
    explain_fact(x, n, "state", text_of(machine_of(MACHINE_X402)->state[raw->state]));
    return n;
}

static void whose(struct explain *x, struct explain_node *root, const struct x402_status *p)
{
    if (p->state < X402_SETTLING) {
        return;
    }
    if (p->resource.len > 0) {
        (void)explain_add(x, root, "resource", "for %.*s", (int)p->resource.len, p->resource.p);
    }
    if (p->policy.len > 0) {
        (void)explain_add(x, root, "policy",
                          "its revenue is split by %.*s, which was fixed when settling began",
                          (int)p->policy.len, p->policy.p);
    } else {
        (void)explain_add(
            x, root, "policy",
            "no policy holds for its resource: all of it is %.*s:%.*s, whom the chain "
            "has paid",
            (int)p->name.network.len, p->name.network.p, (int)p->to.len, p->to.p);
    }
}

static void transactions(struct explain *x, struct explain_node *root, const struct x402_status *p)
{
    for (size_t i = p->transaction_count; i-- > 0;) {
        bool mined = text_eq(p->transactions[i], p->settled_by);
        (void)explain_add(x, root, "transaction", "%.*s, account nonce %" PRIu64 " of %.*s%s%s",
                          (int)p->transactions[i].len, p->transactions[i].p, p->account_nonce,
                          (int)p->signer.len, p->signer.p, mined ? ": in block " : "",
                          mined ? arena_printf(x->a, "%" PRIu64, p->block).p : "");
    }
    if (p->reason.len > 0) {
        (void)explain_add(x, root, "reason", "%.*s", (int)p->reason.len, p->reason.p);
    }
}

/** What was said of it; an event that was decided anew stands there once more. What brought money
 *  is named, since its own explanation has the shares. */
static enum mete_code steps(struct explain *x, struct explain_node *root, struct text id)
{
    struct key from = key_about_x402(id);
    struct key until = key_prefix_end(from);
    struct walk_keys keys;
    uint64_t last = 0;
    enum mete_code code =
        walk_keys(x->e, x->a, key_bytes(&from), key_bytes(&until), STEPS_SHOWN, &keys, x->err);
    for (size_t i = 0; code == METE_OK && i < keys.count; i++) {
        uint64_t seq = key_read_u64(keys.key[i], KEY_ABOUT_SEQ_AT);
        struct envelope *event = arena_alloc(x->a, sizeof *event);
        mete_time at;
        if (seq == last) {
            continue;
        }
        last = seq;
        code = engine_event(x->e, seq, x->a, event, &at, x->err);
        if (code == METE_OK) {
            bool shares = event->event.type == EVENT_X402_SETTLED;
            struct explain_node *n =
                explain_add(x, root, "step", "%s: %s%s%.*s", words_moment(x->a, at).p,
                            event_type_name(event->event.type),
                            shares ? "; who has what of it is told by " : "",
                            shares ? (int)event->event.id.len : 0, event->event.id.p);
            explain_fact_i128(x, n, "seq", (i128)seq);
            explain_fact(x, n, "event_id", event->event.id);
        }
    }
    return code;
}

/** The payment of an id, or of one of its transactions' hashes. */
static bool number_of(struct explain *x, struct text id, struct x402_number *out)
{
    bool unused;
    return x402_number_parse(id, out) ||
           (text_starts(id, "0x") &&
            view_x402_transaction(x->view, x402_address(x->a, id), out, &unused) == VIEW_FOUND);
}

enum mete_code explain_x402(struct explain *x, struct text asked, bool *known,
                            struct explain_node **out)
{
    char name[X402_ID_LEN + 1];
    struct x402_number number;
    struct x402_payment raw;
    struct x402_status p;
    *known = number_of(x, asked, &number) && view_x402(x->view, x->a, &number, &raw) == VIEW_FOUND;
    if (!*known) {
        return METE_OK;
    }
    x402_number_text(&number, name);
    const struct text id = arena_text(x->a, text_of(name));
    x402_status_of(x->e, &raw, x->a, &p);
    struct explain_node *root = title(x, &p, id, &raw);
    whose(x, root, &p);
    transactions(x, root, &p);
    *out = root;
    return steps(x, root, id);
}

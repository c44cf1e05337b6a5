/* SPDX-License-Identifier: Apache-2.0
 * Sending what is committed. A node's refusal proves nothing: the same bytes may have been sent
 * before, by another process, through another node. So the answer is "accepted" or "unknown", and
 * the probe finds the end. */
#include "base/text.h"
#include "rails/evm/evm_parts.h"

struct sending {
    struct evm_sent sent;
    size_t place;
};

/** The one of the bytes, which may be new. NULL: they are no transaction. */
static struct sending *sending_of(struct rail *r, struct arena *own, struct sending *all,
                                  size_t *count, const struct rail_payment *p)
{
    struct evm_paid paid;
    const struct text body = p->body_count > 0 ? p->body[p->body_count - 1] : (struct text){0};
    for (size_t i = *count; i-- > 0;) {
        if (text_eq(all[i].sent.body, body)) {
            return &all[i];
        }
    }
    struct sending *s = &all[*count];
    if (!evm_sent_read(own, chain_id(r->chain), body, &s->sent) ||
        !evm_paid_read(r, &s->sent, p->anchor, &paid)) {
        return NULL;
    }
    (*count)++;
    return s;
}

/** All of it; what becomes of the fills is found by the probe. */
static void sending_ask(struct chain_round *round, struct sending *s)
{
    for (size_t i = 0; i < s->sent.fill_count; i++) {
        (void)chain_ask_send(round, s->sent.fill[i].raw);
    }
    s->place = chain_ask_send(round, s->sent.raw);
}

static void answer_judge(const struct chain_round *round, const struct sending *s,
                         struct rail_payment *p, struct arena *a)
{
    const struct rpc_answer *answer = chain_answer(round, s->place);
    struct hash id;
    p->report.reference = evm_hash_text(a, &s->sent.id);
    if (!answer->is_error && rpc_hash(answer->result, &id) && hash_eq(&id, &s->sent.id)) {
        rail_say(p, RAIL_ACCEPTED, "%s", "");
    } else if (!answer->is_error) {
        rail_say(p, RAIL_UNKNOWN, "the node answers with the hash of another transaction");
    } else if (rpc_is_known(answer)) {
        rail_say(p, RAIL_ACCEPTED, "the node had it already");
    } else {
        rail_say(p, RAIL_UNKNOWN, "the node refuses it: %lld %.*s", (long long)answer->error_code,
                 (int)(answer->error_text.len < 160 ? answer->error_text.len : 160),
                 answer->error_text.p);
    }
}

static void answers_judge(struct chain_round *round, struct sending **of, struct rail_payment **p,
                          size_t count, struct arena *a)
{
    struct mete_err err;
    const enum mete_code code = chain_round_go(round, &err);
    for (size_t i = 0; i < count; i++) {
        if (of[i] == NULL) {
            rail_say(p[i], RAIL_UNKNOWN,
                     "what is committed is no payment of this chain and these settings");
        } else if (code != METE_OK) {
            p[i]->report.reference = evm_hash_text(a, &of[i]->sent.id);
            rail_say(p[i], RAIL_UNKNOWN, "%s", err.text);
        } else {
            answer_judge(round, of[i], p[i], a);
        }
    }
}

void evm_send(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    struct arena own;
    struct chain_round round;
    size_t sent = 0;
    arena_init(&own, (count + 1) * (EVM_SENT_ARENA_MAX + 1024));
    struct sending *all = arena_array(&own, count, sizeof *all);
    struct sending **of = arena_array(&own, count, sizeof(struct sending *));
    chain_round_begin(&round, r->chain);
    for (size_t i = 0; i < count; i++) {
        const size_t before = sent;
        of[i] = sending_of(r, &own, all, &sent, p[i]);
        if (sent > before) {
            sending_ask(&round, of[i]);
            evm_lane_use(r->lane, &of[i]->sent);
        }
    }
    answers_judge(&round, of, p, count, a);
    chain_round_end(&round);
    arena_clear(&own);
}

/* SPDX-License-Identifier: Apache-2.0
 * Reading transactions. A cursor remembers the first field that was wrong, so that the readers
 * below are a list of fields; after a failure it reads nothing more. */
#include "wire/evm/tx.h"

#include "wire/evm/rlp.h"

/* Encoded bytes that an element of a list needs. Counts are held against them before memory is
 * taken, so that what is taken stays in proportion to the input. */
#define SLOT_SIZE           33
#define ACCESS_SIZE_MIN     23
#define DELEGATION_SIZE_MIN 27

struct cursor {
    struct bytes rest;
    const char *wrong; /* JSON pointer of the first field that could not be read, or NULL */
    struct arena *arena;
};

static void note(struct cursor *c, bool is_read, const char *field)
{
    if (!is_read && c->wrong == NULL) {
        c->wrong = field;
    }
}

static uint64_t take_u64(struct cursor *c, const char *field)
{
    uint64_t v = 0;
    note(c, c->wrong == NULL && rlp_next_u64(&c->rest, &v), field);
    return v;
}

static struct u256 take_u256(struct cursor *c, const char *field)
{
    struct u256 v = {0};
    note(c, c->wrong == NULL && rlp_next_u256(&c->rest, &v), field);
    return v;
}

static struct bytes take_string(struct cursor *c, const char *field)
{
    struct bytes b = {0};
    note(c, c->wrong == NULL && rlp_next_string(&c->rest, &b), field);
    return b;
}

static struct evm_address take_address(struct cursor *c, const char *field)
{
    struct evm_address a = {{0}};
    note(c, c->wrong == NULL && rlp_next_fixed(&c->rest, a.b, sizeof(a.b)), field);
    return a;
}

/* The items of a list, as a cursor of their own, and how many they are. */
static struct cursor take_list(struct cursor *c, const char *field, size_t *count)
{
    struct cursor inner = {.arena = c->arena};
    *count = 0;
    note(c,
         c->wrong == NULL && rlp_next_list(&c->rest, &inner.rest) && rlp_count(inner.rest, count),
         field);
    inner.wrong = c->wrong;
    return inner;
}

/* What went wrong inside is the outer one's failure; so is what was left unread. */
static void list_done(struct cursor *c, const struct cursor *inner, const char *field)
{
    note(c, inner->wrong == NULL && inner->rest.len == 0, field);
}

static void take_target(struct cursor *c, struct evm_tx *tx)
{
    struct bytes to = take_string(c, "/to");
    tx->is_create = to.len == 0;
    note(c, to.len == 0 || to.len == sizeof(tx->to.b), "/to");
    for (size_t i = 0; c->wrong == NULL && i < to.len; i++) {
        tx->to.b[i] = to.p[i];
    }
    tx->value = take_u256(c, "/value");
    tx->data = take_string(c, "/input");
}

static void take_access_entry(struct cursor *list, struct evm_access *out)
{
    size_t count = 0;
    struct cursor entry = take_list(list, "/accessList", &count);
    out->address = take_address(&entry, "/accessList");
    struct cursor slots = take_list(&entry, "/accessList", &count);
    note(&slots, count == slots.rest.len / SLOT_SIZE, "/accessList");
    if (slots.wrong == NULL) {
        struct hash *slot = arena_array(list->arena, count, sizeof(*slot));
        for (size_t i = 0; i < count; i++) {
            note(&slots, rlp_next_fixed(&slots.rest, slot[i].b, sizeof(slot[i].b)), "/accessList");
        }
        out->slots = slot;
        out->slot_count = count;
    }
    list_done(&entry, &slots, "/accessList");
    list_done(list, &entry, "/accessList");
}

static void take_access(struct cursor *c, struct evm_tx *tx)
{
    struct cursor list = take_list(c, "/accessList", &tx->access_count);
    struct evm_access *access = NULL;
    note(&list, tx->access_count <= list.rest.len / ACCESS_SIZE_MIN, "/accessList");
    if (list.wrong == NULL) {
        access = arena_array(c->arena, tx->access_count, sizeof(*access));
    }
    for (size_t i = 0; list.wrong == NULL && i < tx->access_count; i++) {
        take_access_entry(&list, &access[i]);
    }
    tx->access = access;
    list_done(c, &list, "/accessList");
}

/* r, s and a parity; refused ones become *code. */
static struct evm_signature take_signature(struct cursor *c, uint64_t parity, const char *field,
                                           enum mete_code *code, struct mete_err *err)
{
    struct evm_signature s = {0};
    struct u256 r_part = take_u256(c, "/r");
    struct u256 s_part = take_u256(c, "/s");
    note(c, parity <= 1, field);
    if (c->wrong == NULL && *code == METE_OK) {
        *code = evm_signature_join(r_part, s_part, (uint8_t)parity, &s, err);
        if (*code != METE_OK && err != NULL) {
            mete_err_place(err, field);
        }
    }
    return s;
}

static void take_delegation(struct cursor *list, struct evm_delegation *out, enum mete_code *code,
                            struct mete_err *err)
{
    static const char FIELD[] = "/authorizationList";
    size_t count = 0;
    struct cursor entry = take_list(list, FIELD, &count);
    out->chain_id = take_u256(&entry, FIELD);
    out->address = take_address(&entry, FIELD);
    out->nonce = take_u64(&entry, FIELD);
    note(&entry, out->nonce < UINT64_MAX, FIELD);
    uint64_t parity = take_u64(&entry, FIELD);
    out->signature = take_signature(&entry, parity, FIELD, code, err);
    list_done(list, &entry, FIELD);
}

static void take_delegations(struct cursor *c, struct evm_tx *tx, enum mete_code *code,
                             struct mete_err *err)
{
    static const char FIELD[] = "/authorizationList";
    struct cursor list = take_list(c, FIELD, &tx->delegation_count);
    struct evm_delegation *delegations = NULL;
    note(&list,
         tx->delegation_count > 0 && tx->delegation_count <= list.rest.len / DELEGATION_SIZE_MIN,
         FIELD);
    if (list.wrong == NULL) {
        delegations = arena_array(c->arena, tx->delegation_count, sizeof(*delegations));
    }
    for (size_t i = 0; list.wrong == NULL && i < tx->delegation_count; i++) {
        take_delegation(&list, &delegations[i], code, err);
    }
    tx->delegations = delegations;
    list_done(c, &list, FIELD);
}

static void take_typed(struct cursor *c, struct evm_tx *tx, enum mete_code *code,
                       struct mete_err *err)
{
    tx->chain_id = take_u64(c, "/chainId");
    tx->nonce = take_u64(c, "/nonce");
    tx->tip_max = take_u256(c, "/maxPriorityFeePerGas");
    tx->fee_max = take_u256(c, "/maxFeePerGas");
    tx->gas = take_u64(c, "/gas");
    take_target(c, tx);
    take_access(c, tx);
    if (tx->type == EVM_TX_SET_CODE) {
        note(c, !tx->is_create, "/to");
        take_delegations(c, tx, code, err);
    }
    uint64_t parity = take_u64(c, "/yParity");
    tx->signature = take_signature(c, parity, "/yParity", code, err);
}

static void take_legacy(struct cursor *c, struct evm_tx *tx, enum mete_code *code,
                        struct mete_err *err)
{
    tx->nonce = take_u64(c, "/nonce");
    tx->fee_max = take_u256(c, "/gasPrice");
    tx->gas = take_u64(c, "/gas");
    take_target(c, tx);
    /* 27 and 28 carry no chain id: anybody could repeat such a transaction on another chain. */
    uint64_t v = take_u64(c, "/v");
    note(c, v >= 37, "/v");
    tx->chain_id = v >= 37 ? (v - 35) / 2 : 0;
    tx->signature = take_signature(c, v >= 37 ? (v - 35) % 2 : 0, "/v", code, err);
}

/* The type, and the bytes of the list after it. */
static bool envelope_open(struct bytes raw, enum evm_tx_type *type, struct bytes *body)
{
    if (raw.len == 0) {
        return false;
    }
    *type = EVM_TX_LEGACY;
    if (raw.p[0] == EVM_TX_FEE_MARKET || raw.p[0] == EVM_TX_SET_CODE) {
        *type = raw.p[0] == EVM_TX_FEE_MARKET ? EVM_TX_FEE_MARKET : EVM_TX_SET_CODE;
        raw = (struct bytes){raw.p + 1, raw.len - 1};
    }
    struct rlp_item item;
    if (!rlp_whole(raw, &item) || !item.is_list) {
        return false;
    }
    *body = item.body;
    return true;
}

enum mete_code evm_tx_decode(struct arena *a, struct bytes raw, struct evm_tx *out,
                             struct mete_err *err)
{
    struct evm_tx tx = {.is_signed = true};
    struct cursor c = {.arena = a};
    enum mete_code code = METE_OK;
    if (raw.len > EVM_TX_SIZE_MAX) {
        return mete_fail(err, METE_CHAIN_ENCODING, "", "a transaction has at most %zu bytes",
                         EVM_TX_SIZE_MAX);
    }
    if (!envelope_open(raw, &tx.type, &c.rest)) {
        return mete_fail(err, METE_CHAIN_ENCODING, "",
                         "neither a legacy transaction nor one of type 2 or 4");
    }
    if (tx.type == EVM_TX_LEGACY) {
        take_legacy(&c, &tx, &code, err);
    } else {
        take_typed(&c, &tx, &code, err);
    }
    note(&c, tx.chain_id > 0 && tx.chain_id <= EVM_CHAIN_ID_MAX, "/chainId");
    note(&c, tx.nonce < UINT64_MAX, "/nonce");
    note(&c, c.rest.len == 0, "");
    if (c.wrong != NULL) {
        return mete_fail(err, METE_CHAIN_ENCODING, c.wrong, "%s is not in its proper form",
                         c.wrong[0] == '\0' ? "the end of the transaction" : c.wrong + 1);
    }
    if (code == METE_OK) {
        *out = tx;
    }
    return code;
}

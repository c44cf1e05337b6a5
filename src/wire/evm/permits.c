/* SPDX-License-Identifier: Apache-2.0
 * Tables of fields, and values put beside them in the same order. */
#include "wire/evm/permits.h"

#define ADDRESS(name)                                                                              \
    {                                                                                              \
        "address", name, EVM_KIND_ADDRESS, NULL, false                                             \
    }
#define UINT(name)                                                                                 \
    {                                                                                              \
        "uint256", name, EVM_KIND_UINT, NULL, false                                                \
    }
#define WORD(name)                                                                                 \
    {                                                                                              \
        "bytes32", name, EVM_KIND_BYTES32, NULL, false                                             \
    }

static const struct evm_field AUTHORIZATION[] = {
    ADDRESS("from"),    ADDRESS("to"),       UINT("value"),
    UINT("validAfter"), UINT("validBefore"), WORD("nonce"),
};
static const struct evm_field CANCEL[] = {ADDRESS("authorizer"), WORD("nonce")};
static const struct evm_field PERMIT[] = {
    ADDRESS("owner"), ADDRESS("spender"), UINT("value"), UINT("nonce"), UINT("deadline"),
};
static const struct evm_field TOKEN_PERMISSIONS[] = {ADDRESS("token"), UINT("amount")};
static const struct evm_field WITNESS_EXACT[] = {ADDRESS("to"), UINT("validAfter")};
static const struct evm_field WITNESS_UPTO[] = {
    ADDRESS("to"),
    ADDRESS("facilitator"),
    UINT("validAfter"),
};

static const struct evm_struct PERMISSIONS = {"TokenPermissions", TOKEN_PERMISSIONS,
                                              ARRAY_LEN(TOKEN_PERMISSIONS)};
static const struct evm_struct EXACT = {"Witness", WITNESS_EXACT, ARRAY_LEN(WITNESS_EXACT)};
static const struct evm_struct UPTO = {"Witness", WITNESS_UPTO, ARRAY_LEN(WITNESS_UPTO)};

#define PERMIT2_FIELDS(witness_struct)                                                             \
    {                                                                                              \
        {"TokenPermissions", "permitted", EVM_KIND_STRUCT, &PERMISSIONS, false},                   \
            ADDRESS("spender"), UINT("nonce"), UINT("deadline"),                                   \
            {"Witness", "witness", EVM_KIND_STRUCT, &(witness_struct), false},                     \
    }
static const struct evm_field PERMIT2_EXACT[] = PERMIT2_FIELDS(EXACT);
static const struct evm_field PERMIT2_UPTO[] = PERMIT2_FIELDS(UPTO);

const struct evm_struct EVM_TRANSFER_WITH_AUTHORIZATION = {"TransferWithAuthorization",
                                                           AUTHORIZATION, ARRAY_LEN(AUTHORIZATION)};
const struct evm_struct EVM_RECEIVE_WITH_AUTHORIZATION = {"ReceiveWithAuthorization", AUTHORIZATION,
                                                          ARRAY_LEN(AUTHORIZATION)};
const struct evm_struct EVM_CANCEL_AUTHORIZATION = {"CancelAuthorization", CANCEL,
                                                    ARRAY_LEN(CANCEL)};
const struct evm_struct EVM_PERMIT = {"Permit", PERMIT, ARRAY_LEN(PERMIT)};
const struct evm_struct EVM_PERMIT2_EXACT = {"PermitWitnessTransferFrom", PERMIT2_EXACT,
                                             ARRAY_LEN(PERMIT2_EXACT)};
const struct evm_struct EVM_PERMIT2_UPTO = {"PermitWitnessTransferFrom", PERMIT2_UPTO,
                                            ARRAY_LEN(PERMIT2_UPTO)};

const struct evm_address EVM_PERMIT2 = {{0x00, 0x00, 0x00, 0x00, 0x00, 0x22, 0xd4,
                                         0x73, 0x03, 0x0f, 0x11, 0x6d, 0xde, 0xe9,
                                         0xf6, 0xb4, 0x3a, 0xc7, 0x8b, 0xa3}};
const struct evm_address EVM_X402_EXACT_PROXY = {{0x40, 0x20, 0x85, 0xc2, 0x48, 0xee, 0xa2,
                                                  0x7d, 0x92, 0xe8, 0xb3, 0x0b, 0x2c, 0x58,
                                                  0xed, 0x07, 0xf9, 0xe2, 0x00, 0x01}};
const struct evm_address EVM_X402_UPTO_PROXY = {{0x40, 0x20, 0xa4, 0xf3, 0xb7, 0xb9, 0x0c,
                                                 0xca, 0x42, 0x3b, 0x9f, 0xab, 0xcc, 0x0c,
                                                 0xe5, 0x7c, 0x6c, 0x24, 0x00, 0x02}};
const struct evm_address EVM_MULTICALL3 = {{0xca, 0x11, 0xbd, 0xe0, 0x59, 0x77, 0xb3,
                                            0x63, 0x11, 0x67, 0x02, 0x88, 0x62, 0xbe,
                                            0x2a, 0x17, 0x39, 0x76, 0xca, 0x11}};

static struct hash authorization_hash(const struct evm_struct *s, const struct evm_authorization *a)
{
    struct evm_value values[] = {
        {.address = a->from},       {.address = a->to},          {.number = a->value},
        {.number = a->valid_after}, {.number = a->valid_before}, {.word = a->nonce},
    };
    return evm_struct_hash(s, values);
}

struct hash evm_transfer_hash(const struct evm_authorization *a)
{
    return authorization_hash(&EVM_TRANSFER_WITH_AUTHORIZATION, a);
}

struct hash evm_receive_hash(const struct evm_authorization *a)
{
    return authorization_hash(&EVM_RECEIVE_WITH_AUTHORIZATION, a);
}

struct hash evm_cancel_hash(const struct evm_address *authorizer, const struct hash *nonce)
{
    struct evm_value values[] = {{.address = *authorizer}, {.word = *nonce}};
    return evm_struct_hash(&EVM_CANCEL_AUTHORIZATION, values);
}

struct hash evm_permit_hash(const struct evm_permit *p)
{
    struct evm_value values[] = {
        {.address = p->owner}, {.address = p->spender}, {.number = p->value},
        {.number = p->nonce},  {.number = p->deadline},
    };
    return evm_struct_hash(&EVM_PERMIT, values);
}

struct hash evm_permit2_hash(const struct evm_permit2 *p)
{
    struct evm_value permitted[] = {{.address = p->token}, {.number = p->amount}};
    struct evm_value exact[] = {{.address = p->to}, {.number = p->valid_after}};
    struct evm_value upto[] = {
        {.address = p->to}, {.address = p->facilitator}, {.number = p->valid_after}};
    struct evm_value values[] = {
        {.items = permitted},
        {.address = p->spender},
        {.number = p->nonce},
        {.number = p->deadline},
        {.items = p->has_facilitator ? upto : exact},
    };
    return evm_struct_hash(p->has_facilitator ? &EVM_PERMIT2_UPTO : &EVM_PERMIT2_EXACT, values);
}

struct evm_domain evm_permit2_domain(struct u256 chain_id)
{
    return (struct evm_domain){
        .name = TEXT("Permit2"), .chain_id = chain_id, .contract = EVM_PERMIT2};
}

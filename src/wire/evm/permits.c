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
#define STRUCT(name, fields, hash)                                                                 \
    {                                                                                              \
        name, fields, ARRAY_LEN(fields), hash                                                      \
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

/* typeHash of what is judged often: worked out once, by hand, and held to the rest by a test. */
static const struct hash HASH_TRANSFER = {{0x7c, 0x7c, 0x6c, 0xdb, 0x67, 0xa1, 0x87, 0x43,
                                           0xf4, 0x9e, 0xc6, 0xfa, 0x9b, 0x35, 0xf5, 0x0d,
                                           0x52, 0xed, 0x05, 0xcb, 0xed, 0x4c, 0xc5, 0x92,
                                           0xe1, 0x3b, 0x44, 0x50, 0x1c, 0x1a, 0x22, 0x67}};
static const struct hash HASH_PERMISSIONS = {{0x61, 0x83, 0x58, 0xac, 0x3d, 0xb8, 0xdc, 0x27,
                                              0x4f, 0x0c, 0xd8, 0x82, 0x9d, 0xa7, 0xe2, 0x34,
                                              0xbd, 0x48, 0xcd, 0x73, 0xc4, 0xa7, 0x40, 0xae,
                                              0xde, 0x1a, 0xde, 0xc9, 0x84, 0x6d, 0x06, 0xa1}};
static const struct hash HASH_EXACT = {{0xd9, 0x7b, 0x32, 0x39, 0xa7, 0xf3, 0x22, 0x95,
                                        0x51, 0x7b, 0xd1, 0x4c, 0xb0, 0x74, 0xed, 0xfd,
                                        0xd1, 0x88, 0xdf, 0xe5, 0xeb, 0x42, 0xf8, 0x02,
                                        0xbb, 0x26, 0xd4, 0xfd, 0x1e, 0xb1, 0x2c, 0x37}};
static const struct hash HASH_UPTO = {{0xd4, 0x17, 0x1c, 0x44, 0x5a, 0x74, 0x21, 0x8b,
                                       0x01, 0xd4, 0xfd, 0x8a, 0xf3, 0x4f, 0xf1, 0x10,
                                       0x65, 0x80, 0xea, 0x1e, 0x36, 0xff, 0x83, 0x7e,
                                       0x64, 0x48, 0x4b, 0xfa, 0xa2, 0x25, 0x3b, 0x75}};
static const struct hash HASH_PERMIT2_EXACT = {{0xeb, 0xc1, 0x56, 0xcd, 0x23, 0x67, 0x8a, 0x74,
                                                0xc9, 0x4d, 0xf1, 0x3d, 0x77, 0x2e, 0xf5, 0x47,
                                                0x84, 0x20, 0x63, 0x7f, 0x0c, 0x94, 0xbd, 0x10,
                                                0xd5, 0x09, 0xe1, 0xdc, 0x98, 0xf5, 0x21, 0xc7}};
static const struct hash HASH_PERMIT2_UPTO = {{0x51, 0xdf, 0xf6, 0x97, 0x4a, 0xd4, 0x38, 0x8c,
                                               0x49, 0x9e, 0x7f, 0xcf, 0xe8, 0x38, 0xd2, 0xbd,
                                               0x76, 0x71, 0x62, 0x55, 0x3a, 0x14, 0x40, 0x98,
                                               0xce, 0x20, 0xea, 0x66, 0x1d, 0x70, 0xc2, 0xee}};

static const struct evm_struct PERMISSIONS =
    STRUCT("TokenPermissions", TOKEN_PERMISSIONS, &HASH_PERMISSIONS);
static const struct evm_struct EXACT = STRUCT("Witness", WITNESS_EXACT, &HASH_EXACT);
static const struct evm_struct UPTO = STRUCT("Witness", WITNESS_UPTO, &HASH_UPTO);

#define PERMIT2_FIELDS(witness_struct)                                                             \
    {                                                                                              \
        {"TokenPermissions", "permitted", EVM_KIND_STRUCT, &PERMISSIONS, false},                   \
            ADDRESS("spender"), UINT("nonce"), UINT("deadline"),                                   \
            {"Witness", "witness", EVM_KIND_STRUCT, &(witness_struct), false},                     \
    }
static const struct evm_field PERMIT2_EXACT[] = PERMIT2_FIELDS(EXACT);
static const struct evm_field PERMIT2_UPTO[] = PERMIT2_FIELDS(UPTO);

const struct evm_struct EVM_TRANSFER_WITH_AUTHORIZATION =
    STRUCT("TransferWithAuthorization", AUTHORIZATION, &HASH_TRANSFER);
const struct evm_struct EVM_RECEIVE_WITH_AUTHORIZATION =
    STRUCT("ReceiveWithAuthorization", AUTHORIZATION, NULL);
const struct evm_struct EVM_CANCEL_AUTHORIZATION = STRUCT("CancelAuthorization", CANCEL, NULL);
const struct evm_struct EVM_PERMIT = STRUCT("Permit", PERMIT, NULL);
const struct evm_struct EVM_PERMIT2_EXACT =
    STRUCT("PermitWitnessTransferFrom", PERMIT2_EXACT, &HASH_PERMIT2_EXACT);
const struct evm_struct EVM_PERMIT2_UPTO =
    STRUCT("PermitWitnessTransferFrom", PERMIT2_UPTO, &HASH_PERMIT2_UPTO);

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

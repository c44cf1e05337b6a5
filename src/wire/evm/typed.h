/* SPDX-License-Identifier: Apache-2.0
 * What people sign on EVM chains without sending a transaction: typed structures (EIP-712) by a
 * list of their fields, and texts (EIP-191). The structures of tokens and of Permit2 are in
 * wire/evm/permits.h. */
#ifndef METE_WIRE_EVM_TYPED_H
#define METE_WIRE_EVM_TYPED_H

#include "base/buf.h"
#include "base/u256.h"
#include "crypto/hash.h"
#include "wire/evm/address.h"

#define EVM_STRUCTS_MAX 16 /* different structures that one refers to, itself among them */
#define EVM_NESTING_MAX 8

enum evm_kind {
    EVM_KIND_ADDRESS,
    EVM_KIND_UINT, /* uint8 to uint256: the value has to fit, which is asserted */
    EVM_KIND_BOOL,
    EVM_KIND_BYTES32,
    EVM_KIND_BYTES, /* of any length */
    EVM_KIND_STRING,
    EVM_KIND_STRUCT,
};

struct evm_struct;

struct evm_field {
    const char *type; /* as the structure's text has it: "uint256", "address", "Witness" */
    const char *name;
    enum evm_kind kind;
    const struct evm_struct *of; /* of EVM_KIND_STRUCT, else NULL */
    bool is_array;               /* "type[]" */
};

struct evm_struct {
    const char *name;
    const struct evm_field *fields;
    size_t field_count;
    const struct hash *type_hash; /* when it is known already; NULL: worked out each time */
};

/** The value of a field, by its kind; of an array, `items`. Nothing is owned. */
struct evm_value {
    union {
        struct evm_address address;
        struct u256 number;
        bool flag;
        struct hash word;
        struct bytes bytes;            /* also of a string: UTF-8 */
        const struct evm_value *items; /* fields of a structure, or elements of an array */
    };
    size_t item_count; /* of an array */
};

/** Appends "Name(type field,...)" and those of the structures it refers to, by name. */
void evm_struct_put_type(const struct evm_struct *s, struct buf *out);
/** typeHash: the hash of that text. */
struct hash evm_struct_type_hash(const struct evm_struct *s);
/** hashStruct: `values` are s->field_count, in order. */
struct hash evm_struct_hash(const struct evm_struct *s, const struct evm_value *values);

/** Where a signature counts. Texts that are NULL are not part of the domain (Permit2 has no
 *  version); chain id and contract always are. */
struct evm_domain {
    struct text name;
    struct text version;
    struct u256 chain_id;
    struct evm_address contract;
};

/** hashStruct of the domain. It is the same for all signatures of a token: keep it. */
struct hash evm_domain_separator(const struct evm_domain *d);
/** What is signed: keccak256(0x19, 0x01, separator, hash of the structure). */
struct hash evm_typed_digest(const struct hash *separator, const struct hash *structure);

/** What personal_sign signs (EIP-191, version 0x45): the length of the text in it is in bytes. */
struct hash evm_personal_hash(struct bytes message);

#endif

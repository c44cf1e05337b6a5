/* SPDX-License-Identifier: Apache-2.0
 * EIP-712: a structure is hashed as its type's hash and one word for each field; what does not fit
 * a word is hashed first. */
#include "wire/evm/typed.h"

#include "base/text.h"
#include "crypto/keccak.h"

#include <string.h>

/* typeHash of the two usual domains: name, with or without version, chain and contract. */
static const struct hash HASH_DOMAIN = {{0x8b, 0x73, 0xc3, 0xc6, 0x9b, 0xb8, 0xfe, 0x3d,
                                         0x51, 0x2e, 0xcc, 0x4c, 0xf7, 0x59, 0xcc, 0x79,
                                         0x23, 0x9f, 0x7b, 0x17, 0x9b, 0x0f, 0xfa, 0xca,
                                         0xa9, 0xa7, 0x5d, 0x52, 0x2b, 0x39, 0x40, 0x0f}};
static const struct hash HASH_DOMAIN_UNVERSIONED = {
    {0x8c, 0xad, 0x95, 0x68, 0x7b, 0xa8, 0x2c, 0x2c, 0xe5, 0x0e, 0x74,
     0xf7, 0xb7, 0x54, 0x64, 0x5e, 0x51, 0x17, 0xc3, 0xa5, 0xbe, 0xc8,
     0x15, 0x1c, 0x07, 0x26, 0xd5, 0x85, 0x79, 0x80, 0xa8, 0x66}};

struct struct_list {
    const struct evm_struct *s[EVM_STRUCTS_MAX];
    size_t count;
};

/* All structures below `s` that are not in the list yet, without `s` itself. */
static void collect(const struct evm_struct *s, struct struct_list *list, unsigned depth)
{
    METE_ASSERT(depth < EVM_NESTING_MAX);
    for (size_t i = 0; i < s->field_count; i++) {
        const struct evm_struct *of = s->fields[i].of;
        bool is_known = of == NULL;
        for (size_t k = 0; !is_known && k < list->count; k++) {
            is_known = list->s[k] == of;
        }
        if (!is_known) {
            METE_ASSERT(list->count < EVM_STRUCTS_MAX);
            list->s[list->count++] = of;
            collect(of, list, depth + 1);
        }
    }
}

static void sort_by_name(struct struct_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        const struct evm_struct *s = list->s[i];
        size_t at = i;
        for (; at > 0 && strcmp(list->s[at - 1]->name, s->name) > 0; at--) {
            list->s[at] = list->s[at - 1];
        }
        list->s[at] = s;
    }
}

static void put_one(const struct evm_struct *s, struct buf *out)
{
    buf_put_str(out, s->name);
    buf_put_u8(out, '(');
    for (size_t i = 0; i < s->field_count; i++) {
        const struct evm_field *field = &s->fields[i];
        METE_ASSERT((field->kind == EVM_KIND_STRUCT) == (field->of != NULL));
        if (i > 0) {
            buf_put_u8(out, ',');
        }
        buf_put_str(out, field->type);
        buf_put_str(out, field->is_array ? "[] " : " ");
        buf_put_str(out, field->name);
    }
    buf_put_u8(out, ')');
}

void evm_struct_put_type(const struct evm_struct *s, struct buf *out)
{
    struct struct_list list = {.count = 0};
    collect(s, &list, 0);
    sort_by_name(&list);
    put_one(s, out);
    for (size_t i = 0; i < list.count; i++) {
        put_one(list.s[i], out);
    }
}

struct hash evm_struct_type_hash(const struct evm_struct *s)
{
    struct buf type = {0};
    if (s->type_hash != NULL) {
        return *s->type_hash;
    }
    evm_struct_put_type(s, &type);
    struct hash h = keccak256(buf_bytes(&type));
    buf_clear(&type);
    return h;
}

/* The bits of "uint40". */
static unsigned uint_bits(const char *type)
{
    METE_ASSERT(strncmp(type, "uint", 4) == 0);
    u128 bits = 0;
    METE_ASSERT(u128_parse(text_of(type + 4), &bits) && bits > 0 && bits <= 256 && bits % 8 == 0);
    return (unsigned)bits;
}

static struct hash field_word(const struct evm_field *field, const struct evm_value *v);

/* Elements are encoded as fields are, one word each, and hashed together. */
static struct hash array_word(const struct evm_field *field, const struct evm_value *v)
{
    struct evm_field element = *field;
    element.is_array = false;
    struct keccak k;
    keccak_init(&k);
    for (size_t i = 0; i < v->item_count; i++) {
        struct hash word = field_word(&element, &v->items[i]);
        keccak_add(&k, (struct bytes){word.b, sizeof(word.b)});
    }
    return keccak_end(&k);
}

static struct hash field_word(const struct evm_field *field, const struct evm_value *v)
{
    struct hash word = {{0}};
    if (field->is_array) {
        return array_word(field, v);
    }
    switch (field->kind) {
    case EVM_KIND_ADDRESS:
        memcpy(word.b + sizeof(word.b) - EVM_ADDRESS_LEN, v->address.b, EVM_ADDRESS_LEN);
        return word;
    case EVM_KIND_UINT:
        METE_ASSERT(u256_size(v->number) * 8 <= uint_bits(field->type));
        u256_to_be(v->number, word.b);
        return word;
    case EVM_KIND_BOOL:
        word.b[sizeof(word.b) - 1] = v->flag;
        return word;
    case EVM_KIND_BYTES32:
        return v->word;
    case EVM_KIND_BYTES:
    case EVM_KIND_STRING:
        return keccak256(v->bytes);
    case EVM_KIND_STRUCT:
        return evm_struct_hash(field->of, v->items);
    }
    METE_ASSERT(false);
    return word;
}

struct hash evm_struct_hash(const struct evm_struct *s, const struct evm_value *values)
{
    struct hash type = evm_struct_type_hash(s);
    struct keccak k;
    keccak_init(&k);
    keccak_add(&k, (struct bytes){type.b, sizeof(type.b)});
    for (size_t i = 0; i < s->field_count; i++) {
        struct hash word = field_word(&s->fields[i], &values[i]);
        keccak_add(&k, (struct bytes){word.b, sizeof(word.b)});
    }
    return keccak_end(&k);
}

struct hash evm_domain_separator(const struct evm_domain *d)
{
    struct evm_field fields[4];
    struct evm_value values[4];
    size_t count = 0;
    if (d->name.p != NULL) {
        fields[count] = (struct evm_field){"string", "name", EVM_KIND_STRING, NULL, false};
        values[count++] = (struct evm_value){.bytes = text_bytes(d->name)};
    }
    if (d->version.p != NULL) {
        fields[count] = (struct evm_field){"string", "version", EVM_KIND_STRING, NULL, false};
        values[count++] = (struct evm_value){.bytes = text_bytes(d->version)};
    }
    fields[count] = (struct evm_field){"uint256", "chainId", EVM_KIND_UINT, NULL, false};
    values[count++] = (struct evm_value){.number = d->chain_id};
    fields[count] =
        (struct evm_field){"address", "verifyingContract", EVM_KIND_ADDRESS, NULL, false};
    values[count++] = (struct evm_value){.address = d->contract};
    const struct hash *known = d->name.p == NULL      ? NULL
                               : d->version.p != NULL ? &HASH_DOMAIN
                                                      : &HASH_DOMAIN_UNVERSIONED;
    struct evm_struct domain = {"EIP712Domain", fields, count, known};
    return evm_struct_hash(&domain, values);
}

struct hash evm_typed_digest(const struct hash *separator, const struct hash *structure)
{
    static const uint8_t PREFIX[] = {0x19, 0x01};
    struct bytes parts[] = {{PREFIX, sizeof(PREFIX)},
                            {separator->b, sizeof(separator->b)},
                            {structure->b, sizeof(structure->b)}};
    return keccak256_parts(parts, ARRAY_LEN(parts));
}

struct hash evm_personal_hash(struct bytes message)
{
    char length[I128_TEXT_MAX];
    size_t digits = u128_format(message.len, length);
    struct bytes parts[] = {text_bytes(TEXT("\x19"
                                            "Ethereum Signed Message:\n")),
                            text_bytes((struct text){length, digits}), message};
    return keccak256_parts(parts, ARRAY_LEN(parts));
}

/* SPDX-License-Identifier: Apache-2.0
 * How an entry of the memory buffer lies in memory; for memtable*.c only. Entries are
 * bump-allocated in units of eight bytes and named by a 32-bit reference, which grows with their
 * age. */
#ifndef METE_STORE_STATE_MEMTABLE_ENTRY_H
#define METE_STORE_STATE_MEMTABLE_ENTRY_H

#include "store/state/memtable.h"

#define MEM_UNIT        ((size_t)8)
#define MEM_CHUNK_BITS  18 /* units of a chunk: 2 MiB, a huge page */
#define MEM_CHUNK_UNITS ((size_t)1 << MEM_CHUNK_BITS)

enum mem_shape {
    MEM_SUMS,  /* four sums of 64 bits, then the key */
    MEM_WIDE,  /* the same room, but a reference to four sums of 128 bits, which did not fit */
    MEM_VALUE, /* where the value is, then the key */
    MEM_BARE   /* the key alone: an empty value or a removal that nobody looks up */
};

struct mem_entry {
    uint32_t hash;
    uint16_t key_len;
    uint8_t op;    /* enum item_op */
    uint8_t shape; /* enum mem_shape */
};

/* Wide sums, aligned like everything else here to eight bytes. */
__extension__ typedef __int128 mem_i128 __attribute__((aligned(8)));

struct mem_value {
    uint8_t *p;
    uint32_t len;
    uint32_t cap;
};

static inline struct mem_entry *mem_entry_at(const struct memtable *m, uint32_t ref)
{
    uint8_t *chunk = m->chunk[ref >> MEM_CHUNK_BITS];
    return (struct mem_entry *)(void *)(chunk + (ref & (MEM_CHUNK_UNITS - 1)) * MEM_UNIT);
}

/** MEM_SUMS */
static inline int64_t *mem_entry_sums(struct mem_entry *e)
{
    return (int64_t *)(void *)(e + 1);
}

/** MEM_WIDE */
static inline mem_i128 *mem_entry_wide(const struct memtable *m, struct mem_entry *e)
{
    return (mem_i128 *)(void *)mem_entry_at(m, (uint32_t)*mem_entry_sums(e));
}

static inline void mem_entry_read_sums(const struct memtable *m, struct mem_entry *e,
                                       i128 out[STATE_SUMS])
{
    for (unsigned i = 0; i < STATE_SUMS; i++) {
        out[i] = e->shape == MEM_SUMS ? mem_entry_sums(e)[i] : mem_entry_wide(m, e)[i];
    }
}

static inline struct mem_value *mem_entry_value(struct mem_entry *e)
{
    return (struct mem_value *)(void *)(e + 1);
}

static inline struct bytes mem_entry_key(const struct mem_entry *e)
{
    const uint8_t *p = (const uint8_t *)(e + 1);
    if (e->shape <= MEM_WIDE) {
        p += STATE_SUMS * sizeof(int64_t);
    } else if (e->shape == MEM_VALUE) {
        p += sizeof(struct mem_value);
    }
    return (struct bytes){p, e->key_len};
}

bool mem_class_is_hashed(uint8_t class);
/** Adds what waits to be added: before anything reads sums or order. */
void mem_settle(struct memtable *m);

/* memtable_order.c */
void mem_order_push(struct memtable *m, uint8_t class, uint32_t ref);
/** Sorts what came since, and joins parts until each is at least twice the next. */
void mem_order_settle(struct memtable *m, unsigned class);

#endif

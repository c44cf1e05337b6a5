/* SPDX-License-Identifier: Apache-2.0
 * The youngest part of the state, in memory. A hash table finds a key; for ranges, the keys of a
 * class are sorted when somebody asks, and only those that came since the last time. Account
 * entries, which nobody looks up singly, are not even hashed. */
#ifndef METE_STORE_STATE_MEMTABLE_H
#define METE_STORE_STATE_MEMTABLE_H

#include "base/types.h"
#include "core/key.h"
#include "store/state/item.h"

#define MEM_CLASSES   256
#define MEM_PARTS_MAX 40

/* The keys of one class as references to entries: parts that are sorted, each, then new ones.
 * A part is at least twice the next, so there are few. */
struct mem_order {
    uint32_t *ref;
    size_t count;
    size_t cap;
    size_t end[MEM_PARTS_MAX]; /* of each sorted part */
    unsigned parts;
};

/* Adding finds its key at a random place: two cache misses. So what is added waits for a moment,
 * while the memory that it needs is on its way. */
#define MEM_WAITING         16u
#define MEM_WAITING_KEY_MAX 27u
struct mem_waiting {
    uint32_t hash;
    uint8_t key_len;
    uint8_t key[MEM_WAITING_KEY_MAX];
    i128 sums[STATE_SUMS];
};

struct mem_table {
    struct mem_slot *slots;
    size_t slot_count; /* power of two, 0 when empty */
    size_t used;
};

/* Event ids come once each and push everything else out of the processor's cache: they have a table
 * of their own, so that the keys that every decision asks for stay close. */
enum mem_table_kind { MEM_TABLE_HOT, MEM_TABLE_IDS, MEM_TABLES };

struct memtable {
    struct mem_waiting waiting[MEM_WAITING]; /* a ring */
    unsigned waiting_first;
    unsigned waiting_count;
    struct mem_table table[MEM_TABLES];
    uint8_t **chunk;
    size_t chunk_count;
    size_t chunk_cap;
    size_t used; /* units of the newest chunk */
    struct mem_big *big;
    struct mem_order order[MEM_CLASSES];
    size_t entries;
    size_t memory; /* bytes held */
    uint64_t seed;
};

void memtable_init(struct memtable *m, uint64_t seed);
/** Forgets everything and gives the memory back. */
void memtable_clear(struct memtable *m);
/** Forgets everything and keeps the memory for what comes. */
void memtable_reset(struct memtable *m);

void memtable_set(struct memtable *m, struct bytes key, struct bytes value);
void memtable_add(struct memtable *m, struct bytes key, const i128 sums[STATE_SUMS]);
void memtable_remove(struct memtable *m, struct bytes key);

/** What stands here for one key. ITEM_ADD and ITEM_SUM are in `sums`, ITEM_PUT in `value`: valid
 *  until the next write. False when the key never came. */
struct mem_found {
    enum item_op op;
    struct bytes value;
    i128 sums[STATE_SUMS];
};
bool memtable_get(struct memtable *m, struct bytes key, struct mem_found *out);

/** The key will be looked up soon: its memory is called for. Changes nothing. */
void memtable_expect(struct memtable *m, struct bytes key);

/** Walks the keys from `from` on in byte order. No writes while it is in use. */
struct mem_cursor {
    struct memtable *m;
    unsigned class;
    struct {
        size_t at;
        size_t end;
    } part[MEM_PARTS_MAX];
    unsigned parts;
    bool unique; /* no key of the class stands here twice */
    bool valid;
    struct item item; /* when valid */
    uint8_t packed[SUMS_PACKED_MAX];
};
void mem_cursor_seek(struct mem_cursor *c, struct memtable *m, struct bytes from);
void mem_cursor_next(struct mem_cursor *c);

/** Sorts every class into one part: before all of it is read once. */
void memtable_sort(struct memtable *m);

#endif

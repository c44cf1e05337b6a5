/* SPDX-License-Identifier: Apache-2.0
 * Writing to and finding in the memory buffer. A key that was removed stays as a removal, because
 * it has to hide what older runs say. */
#include "store/state/memtable.h"

#include "base/text.h"
#include "store/state/memtable_entry.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLOTS_MIN       ((size_t)1024)
#define HUGE_PAGE       ((size_t)2 << 20)
#define PREFETCH_PROBES ((size_t)6)
#define REF_NONE        UINT32_MAX
#define VALUE_SMALL_MAX ((size_t)4096) /* larger values are allocated on their own */

struct mem_slot {
    uint32_t hash;
    uint32_t ref; /* REF_NONE: empty */
};

struct mem_big {
    struct mem_big *older;
    struct mem_big **place; /* the pointer that points here */
    size_t size;
    uint8_t p[];
};

void memtable_init(struct memtable *m, uint64_t seed)
{
    *m = (struct memtable){.seed = seed};
}

static void bigs_free(struct memtable *m)
{
    for (struct mem_big *b = m->big, *older; b != NULL; b = older) {
        older = b->older;
        free(b);
    }
    m->big = NULL;
}

static void table_empty(struct mem_table *t)
{
    if (t->slot_count > 0) {
        memset(t->slots, 0xff, t->slot_count * sizeof *t->slots);
    }
    t->used = 0;
}

void memtable_clear(struct memtable *m)
{
    for (size_t i = 0; i < m->chunk_cap; i++) {
        free(m->chunk[i]);
    }
    for (size_t i = 0; i < MEM_CLASSES; i++) {
        free(m->order[i].ref);
    }
    bigs_free(m);
    for (size_t i = 0; i < MEM_TABLES; i++) {
        free(m->table[i].slots);
    }
    free(m->chunk);
    memtable_init(m, m->seed);
}

void memtable_reset(struct memtable *m)
{
    m->memory = 0;
    for (size_t i = 0; i < MEM_CLASSES; i++) {
        m->order[i].count = 0;
        m->order[i].parts = 0;
        m->memory += m->order[i].cap * sizeof *m->order[i].ref;
    }
    for (size_t i = 0; i < MEM_TABLES; i++) {
        table_empty(&m->table[i]);
        m->memory += m->table[i].slot_count * sizeof(struct mem_slot);
    }
    bigs_free(m);
    m->chunk_count = 0;
    m->entries = 0;
    m->waiting_count = 0;
}

/* Entries that nobody looks up by key, so they need no hash: see the head of memtable.h. */
bool mem_class_is_hashed(uint8_t class)
{
    return class != KEY_ENTRY;
}

/* --- memory ------------------------------------------------------------------------------------*/

/* Keys are met at random places: with huge pages, finding a page costs less than the miss itself.
 */
static void *huge_alloc(size_t size)
{
    void *p;
    if (size < HUGE_PAGE) {
        p = malloc(size);
    } else {
        p = aligned_alloc(HUGE_PAGE, (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
        if (p != NULL) {
            (void)madvise(p, size, MADV_HUGEPAGE);
        }
    }
    METE_ASSERT(p != NULL);
    return p;
}

/** The next chunk: one of before the last reset, or a new one. */
static void chunk_add(struct memtable *m)
{
    if (m->chunk_count == m->chunk_cap) {
        size_t cap = m->chunk_cap == 0 ? 8 : m->chunk_cap * 2;
        m->chunk = realloc(m->chunk, cap * sizeof *m->chunk);
        METE_ASSERT(m->chunk != NULL && cap <= REF_NONE >> MEM_CHUNK_BITS);
        memset(m->chunk + m->chunk_cap, 0, (cap - m->chunk_cap) * sizeof *m->chunk);
        m->chunk_cap = cap;
    }
    if (m->chunk[m->chunk_count] == NULL) {
        m->chunk[m->chunk_count] = huge_alloc(MEM_CHUNK_UNITS * MEM_UNIT);
    }
    m->chunk_count++;
    m->used = 0;
}

/** The reference of `size` new bytes. */
static uint32_t units_new(struct memtable *m, size_t size)
{
    size_t units = (size + MEM_UNIT - 1) / MEM_UNIT;
    if (m->chunk_count == 0 || MEM_CHUNK_UNITS - m->used < units) {
        chunk_add(m);
    }
    size_t ref = ((m->chunk_count - 1) << MEM_CHUNK_BITS) + m->used;
    m->used += units;
    m->memory += units * MEM_UNIT;
    return (uint32_t)ref;
}

static uint8_t *big_new(struct memtable *m, size_t size)
{
    struct mem_big *b = malloc(sizeof *b + size);
    METE_ASSERT(b != NULL);
    b->size = size;
    b->older = m->big;
    b->place = &m->big;
    if (m->big != NULL) {
        m->big->place = &b->older;
    }
    m->big = b;
    m->memory += sizeof *b + size;
    return b->p;
}

static void big_free(struct memtable *m, uint8_t *p)
{
    struct mem_big *b = (struct mem_big *)(void *)(p - offsetof(struct mem_big, p));
    *b->place = b->older;
    if (b->older != NULL) {
        b->older->place = b->place;
    }
    m->memory -= sizeof *b + b->size;
    free(b);
}

/** Stores a value; room doubles, so that a value that grows again and again costs little. The new
 *  value may be a part of the old one. */
static void value_store(struct memtable *m, struct mem_value *v, struct bytes value)
{
    METE_ASSERT(value.len <= UINT32_MAX / 2);
    uint8_t *old = v->p;
    size_t old_cap = v->cap;
    if (value.len > old_cap) {
        size_t cap = value.len > 2 * old_cap ? value.len : 2 * old_cap;
        v->p =
            cap > VALUE_SMALL_MAX ? big_new(m, cap) : (uint8_t *)mem_entry_at(m, units_new(m, cap));
        v->cap = (uint32_t)cap;
    }
    if (value.len > 0) {
        memmove(v->p, value.p, value.len);
    }
    v->len = (uint32_t)value.len;
    if (v->p != old && old_cap > VALUE_SMALL_MAX) {
        big_free(m, old);
    }
}

static struct mem_entry *entry_new(struct memtable *m, struct bytes key, enum mem_shape shape,
                                   uint32_t hash)
{
    METE_ASSERT(key.len > 0 && key.len <= STATE_KEY_MAX);
    size_t head = sizeof(struct mem_entry);
    if (shape == MEM_SUMS) {
        head += STATE_SUMS * sizeof(int64_t);
    } else if (shape == MEM_VALUE) {
        head += sizeof(struct mem_value);
    }
    uint32_t ref = units_new(m, head + key.len);
    struct mem_entry *e = mem_entry_at(m, ref);
    memset(e, 0, head);
    *e = (struct mem_entry){hash, (uint16_t)key.len, ITEM_DELETE, (uint8_t)shape};
    memcpy((uint8_t *)e + head, key.p, key.len);
    mem_order_push(m, key.p[0], ref);
    m->entries++;
    return e;
}

/* --- the hash table ----------------------------------------------------------------------------*/

static uint32_t key_hash(const struct memtable *m, struct bytes key)
{
    return (uint32_t)bytes_hash(key, m->seed);
}

static struct mem_table *table_of(struct memtable *m, struct bytes key)
{
    return &m->table[key.p[0] == KEY_EVENT_ID ? MEM_TABLE_IDS : MEM_TABLE_HOT];
}

static void table_grow(struct memtable *m, struct mem_table *t)
{
    size_t count = t->slot_count == 0 ? SLOTS_MIN : t->slot_count * 2;
    struct mem_slot *slots = huge_alloc(count * sizeof *slots);
    memset(slots, 0xff, count * sizeof *slots);
    for (size_t i = 0; i < t->slot_count; i++) {
        if (t->slots[i].ref == REF_NONE) {
            continue;
        }
        size_t to = t->slots[i].hash & (count - 1);
        while (slots[to].ref != REF_NONE) {
            to = (to + 1) & (count - 1);
        }
        slots[to] = t->slots[i];
    }
    free(t->slots);
    m->memory += (count - t->slot_count) * sizeof *slots;
    t->slots = slots;
    t->slot_count = count;
}

/** The slot of `key`, or the empty one where it belongs. Needs slots. */
static struct mem_slot *slot_find(const struct memtable *m, const struct mem_table *t,
                                  struct bytes key, uint32_t hash)
{
    size_t mask = t->slot_count - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct mem_slot *slot = &t->slots[i];
        if (slot->ref == REF_NONE) {
            return slot;
        }
        if (slot->hash != hash) {
            continue;
        }
        struct bytes other = mem_entry_key(mem_entry_at(m, slot->ref));
        if (other.len == key.len && memcmp(other.p, key.p, key.len) == 0) {
            return slot;
        }
    }
}

/** The entry of a hashed key, made as a removal when absent. */
static struct mem_entry *entry_of(struct memtable *m, struct bytes key, uint32_t hash, bool *made)
{
    struct mem_table *t = table_of(m, key);
    if (t->used >= t->slot_count / 4 * 3) {
        table_grow(m, t);
    }
    struct mem_slot *slot = slot_find(m, t, key, hash);
    *made = slot->ref == REF_NONE;
    if (!*made) {
        return mem_entry_at(m, slot->ref);
    }
    enum mem_shape shape = key_is_sums(key.p[0]) ? MEM_SUMS : MEM_VALUE;
    struct mem_entry *e = entry_new(m, key, shape, hash);
    struct mem_order *order = &m->order[key.p[0]];
    slot->hash = hash;
    slot->ref = order->ref[order->count - 1];
    t->used++;
    return e;
}

void memtable_set(struct memtable *m, struct bytes key, struct bytes value)
{
    METE_ASSERT(key.len > 0 && !key_is_sums(key.p[0]));
    struct mem_entry *e;
    bool made;
    if (mem_class_is_hashed(key.p[0])) {
        e = entry_of(m, key, key_hash(m, key), &made);
    } else {
        e = entry_new(m, key, value.len == 0 ? MEM_BARE : MEM_VALUE, 0);
    }
    e->op = ITEM_PUT;
    if (e->shape == MEM_VALUE) {
        value_store(m, mem_entry_value(e), value);
    }
}

/** Adds when all of it fits 64 bits; else changes nothing. */
static bool add_narrow(int64_t to[STATE_SUMS], const i128 more[STATE_SUMS])
{
    int64_t sum[STATE_SUMS];
    for (unsigned i = 0; i < STATE_SUMS; i++) {
        if (more[i] != (int64_t)more[i] ||
            __builtin_add_overflow(to[i], (int64_t)more[i], &sum[i])) {
            return false;
        }
    }
    memcpy(to, sum, sizeof sum);
    return true;
}

static void add_wide(struct memtable *m, struct mem_entry *e, const i128 more[STATE_SUMS])
{
    if (e->shape == MEM_SUMS) {
        uint32_t ref = units_new(m, STATE_SUMS * sizeof(mem_i128));
        mem_i128 *wide = (mem_i128 *)(void *)mem_entry_at(m, ref);
        for (unsigned i = 0; i < STATE_SUMS; i++) {
            wide[i] = mem_entry_sums(e)[i];
        }
        *mem_entry_sums(e) = ref;
        e->shape = MEM_WIDE;
    }
    mem_i128 *to = mem_entry_wide(m, e);
    for (unsigned i = 0; i < STATE_SUMS; i++) {
        METE_ASSERT(!__builtin_add_overflow(to[i], more[i], &to[i]));
    }
}

static void add_now(struct memtable *m, struct bytes key, uint32_t hash,
                    const i128 sums[STATE_SUMS])
{
    bool made;
    struct mem_entry *e = entry_of(m, key, hash, &made);
    if (made) {
        e->op = ITEM_ADD;
    } else if (e->op == ITEM_DELETE) {
        e->op = ITEM_SUM; /* its sums were zeroed by the removal */
    }
    if (e->shape != MEM_SUMS || !add_narrow(mem_entry_sums(e), sums)) {
        add_wide(m, e, sums);
    }
}

static void add_first_waiting(struct memtable *m)
{
    struct mem_waiting *w = &m->waiting[m->waiting_first];
    m->waiting_first = (m->waiting_first + 1) % MEM_WAITING;
    m->waiting_count--;
    add_now(m, (struct bytes){w->key, w->key_len}, w->hash, w->sums);
}

void mem_settle(struct memtable *m)
{
    while (m->waiting_count > 0) {
        add_first_waiting(m);
    }
}

/** The slot of one that waits for half the ring has come by now: its entry is called for. */
static void prefetch_entry(const struct memtable *m)
{
    const struct mem_waiting *w = &m->waiting[(m->waiting_first + MEM_WAITING / 2) % MEM_WAITING];
    const struct mem_table *t = &m->table[MEM_TABLE_HOT];
    for (size_t i = 0; i < PREFETCH_PROBES; i++) {
        const struct mem_slot *slot = &t->slots[(w->hash + i) & (t->slot_count - 1)];
        if (slot->ref == REF_NONE) {
            return;
        }
        if (slot->hash == w->hash) {
            const char *e = (const char *)mem_entry_at(m, slot->ref);
            __builtin_prefetch(e);
            __builtin_prefetch(e + MEM_WAITING_KEY_MAX + sizeof(int64_t) * STATE_SUMS);
            return;
        }
    }
}

void memtable_add(struct memtable *m, struct bytes key, const i128 sums[STATE_SUMS])
{
    METE_ASSERT(key.len > 0 && key_is_sums(key.p[0]));
    uint32_t hash = key_hash(m, key);
    const struct mem_table *t = &m->table[MEM_TABLE_HOT]; /* sums are never event ids */
    if (key.len > MEM_WAITING_KEY_MAX || t->slot_count == 0) {
        add_now(m, key, hash, sums);
        return;
    }
    __builtin_prefetch(&t->slots[hash & (t->slot_count - 1)]);
    if (m->waiting_count == MEM_WAITING) {
        prefetch_entry(m);
        add_first_waiting(m);
    }
    struct mem_waiting *w = &m->waiting[(m->waiting_first + m->waiting_count) % MEM_WAITING];
    m->waiting_count++;
    w->hash = hash;
    w->key_len = (uint8_t)key.len;
    memcpy(w->key, key.p, key.len);
    memcpy(w->sums, sums, sizeof w->sums);
}

void memtable_remove(struct memtable *m, struct bytes key)
{
    METE_ASSERT(key.len > 0);
    if (!mem_class_is_hashed(key.p[0])) {
        entry_new(m, key, MEM_BARE, 0);
        return;
    }
    bool made;
    mem_settle(m);
    struct mem_entry *e = entry_of(m, key, key_hash(m, key), &made);
    e->op = ITEM_DELETE;
    if (e->shape == MEM_SUMS) {
        memset(mem_entry_sums(e), 0, STATE_SUMS * sizeof(int64_t));
    } else if (e->shape == MEM_WIDE) {
        memset(mem_entry_wide(m, e), 0, STATE_SUMS * sizeof(mem_i128));
    }
}

static bool get_unhashed(struct memtable *m, struct bytes key, struct mem_found *out)
{
    struct mem_cursor c;
    mem_cursor_seek(&c, m, key);
    if (!c.valid || bytes_cmp(c.item.key, key) != 0) {
        return false;
    }
    out->op = c.item.op;
    out->value = c.item.value;
    return true;
}

void memtable_expect(struct memtable *m, struct bytes key)
{
    const struct mem_table *t = table_of(m, key);
    if (t->slot_count > 0) {
        __builtin_prefetch(&t->slots[key_hash(m, key) & (t->slot_count - 1)]);
    }
}

bool memtable_get(struct memtable *m, struct bytes key, struct mem_found *out)
{
    if (key.len == 0) {
        return false;
    }
    if (key_is_sums(key.p[0])) {
        mem_settle(m);
    }
    if (!mem_class_is_hashed(key.p[0])) {
        return get_unhashed(m, key, out);
    }
    const struct mem_table *t = table_of(m, key);
    if (t->used == 0) {
        return false;
    }
    struct mem_slot *slot = slot_find(m, t, key, key_hash(m, key));
    if (slot->ref == REF_NONE) {
        return false;
    }
    struct mem_entry *e = mem_entry_at(m, slot->ref);
    out->op = e->op;
    out->value = (struct bytes){0};
    if (e->shape <= MEM_WIDE) {
        mem_entry_read_sums(m, e, out->sums);
    } else if (e->op == ITEM_PUT) {
        out->value = (struct bytes){mem_entry_value(e)->p, mem_entry_value(e)->len};
    }
    return true;
}

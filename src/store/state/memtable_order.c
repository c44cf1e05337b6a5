/* SPDX-License-Identifier: Apache-2.0
 * Byte order in the memory buffer. Sorting is put off until somebody asks for a range, and then
 * only what is new is sorted and joined, so a writer that also scans pays little for each key. */
#include "base/text.h"
#include "store/state/memtable_entry.h"

#include <stdlib.h>
#include <string.h>

#define RADIX_MIN ((size_t)256) /* below this, passes over counters cost more than comparing */
#define PREFETCH  8

/* A reference with the eight bytes after the class, as a number: decides most comparisons. */
struct sort_key {
    uint64_t prefix;
    uint32_t ref;
};

void mem_order_push(struct memtable *m, uint8_t class, uint32_t ref)
{
    struct mem_order *o = &m->order[class];
    if (o->count == o->cap) {
        size_t cap = o->cap == 0 ? 64 : o->cap * 2;
        o->ref = realloc(o->ref, cap * sizeof *o->ref);
        METE_ASSERT(o->ref != NULL);
        m->memory += (cap - o->cap) * sizeof *o->ref;
        o->cap = cap;
    }
    o->ref[o->count++] = ref;
}

static uint64_t key_prefix(struct bytes key)
{
    uint64_t v = 0;
    size_t len = key.len - 1 < sizeof v ? key.len - 1 : sizeof v;
    memcpy(&v, key.p + 1, len);
    return __builtin_bswap64(v);
}

static struct bytes ref_key(const struct memtable *m, uint32_t ref)
{
    return mem_entry_key(mem_entry_at(m, ref));
}

/** Equal keys (of a class that is not hashed) keep their age: the older first. */
static int ref_cmp(const struct memtable *m, uint32_t a, uint32_t b)
{
    int c = bytes_cmp(ref_key(m, a), ref_key(m, b));
    return c != 0 ? c : (a > b) - (a < b);
}

static int sort_key_cmp(const void *a, const void *b, void *memtable)
{
    const struct sort_key *x = a;
    const struct sort_key *y = b;
    if (x->prefix != y->prefix) {
        return x->prefix < y->prefix ? -1 : 1;
    }
    return ref_cmp(memtable, x->ref, y->ref);
}

/** One stable pass over one byte of the prefixes; false when they all agree in it. */
static bool radix_pass(struct sort_key *from, struct sort_key *to, size_t n, unsigned shift)
{
    size_t place[256] = {0};
    for (size_t i = 0; i < n; i++) {
        place[(from[i].prefix >> shift) & 0xff]++;
    }
    if (place[(from[0].prefix >> shift) & 0xff] == n) {
        return false;
    }
    size_t at = 0;
    for (size_t i = 0; i < 256; i++) {
        size_t count = place[i];
        place[i] = at;
        at += count;
    }
    for (size_t i = 0; i < n; i++) {
        to[place[(from[i].prefix >> shift) & 0xff]++] = from[i];
    }
    return true;
}

/** Keys that agree in their prefix are compared in full; those of an account come in order. */
static void sort_ties(struct memtable *m, struct sort_key *k, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        bool sorted = true;
        while (end < n && k[end].prefix == k[i].prefix) {
            sorted = sorted && ref_cmp(m, k[end - 1].ref, k[end].ref) < 0;
            end++;
        }
        if (!sorted) {
            qsort_r(k + i, end - i, sizeof *k, sort_key_cmp, m);
        }
        i = end;
    }
}

static void refs_sort(struct memtable *m, uint32_t *ref, size_t n)
{
    if (n < 2) {
        return;
    }
    struct sort_key *k = malloc(2 * n * sizeof *k);
    METE_ASSERT(k != NULL);
    struct sort_key *from = k;
    struct sort_key *to = k + n;
    for (size_t i = 0; i < n; i++) {
        if (i + PREFETCH < n) {
            __builtin_prefetch(mem_entry_at(m, ref[i + PREFETCH]));
        }
        from[i] = (struct sort_key){key_prefix(ref_key(m, ref[i])), ref[i]};
    }
    if (n < RADIX_MIN) {
        qsort_r(from, n, sizeof *k, sort_key_cmp, m);
    } else {
        for (unsigned shift = 0; shift < 64; shift += 8) {
            if (radix_pass(from, to, n, shift)) {
                struct sort_key *swap = from;
                from = to;
                to = swap;
            }
        }
        sort_ties(m, from, n);
    }
    for (size_t i = 0; i < n; i++) {
        ref[i] = from[i].ref;
    }
    free(k);
}

static size_t part_begin(const struct mem_order *o, unsigned part)
{
    return part == 0 ? 0 : o->end[part - 1];
}

/** Joins the last two parts. */
static void parts_join(struct memtable *m, struct mem_order *o)
{
    size_t a = part_begin(o, o->parts - 2);
    size_t a_end = o->end[o->parts - 2];
    size_t b = a_end;
    size_t b_end = o->end[o->parts - 1];
    size_t left = a_end - a;
    uint32_t *first = malloc(left * sizeof *first);
    METE_ASSERT(first != NULL);
    memcpy(first, o->ref + a, left * sizeof *first);
    size_t to = a;
    size_t i = 0;
    while (i < left) {
        bool take_first = b == b_end || ref_cmp(m, first[i], o->ref[b]) < 0;
        o->ref[to++] = take_first ? first[i++] : o->ref[b++];
    }
    free(first);
    o->end[o->parts - 2] = b_end;
    o->parts--;
}

void mem_order_settle(struct memtable *m, unsigned class)
{
    struct mem_order *o = &m->order[class];
    size_t sorted = part_begin(o, o->parts);
    if (sorted == o->count) {
        return;
    }
    refs_sort(m, o->ref + sorted, o->count - sorted);
    METE_ASSERT(o->parts < MEM_PARTS_MAX);
    o->end[o->parts++] = o->count;
    while (o->parts >= 2) {
        size_t last = o->end[o->parts - 1] - part_begin(o, o->parts - 1);
        size_t before = o->end[o->parts - 2] - part_begin(o, o->parts - 2);
        if (before >= 2 * last) {
            break;
        }
        parts_join(m, o);
    }
}

void memtable_sort(struct memtable *m)
{
    mem_settle(m);
    for (unsigned class = 0; class < MEM_CLASSES; class ++) {
        struct mem_order *o = &m->order[class];
        if (o->count > 0 && (o->parts != 1 || o->end[0] != o->count)) {
            refs_sort(m, o->ref, o->count);
            o->parts = 1;
            o->end[0] = o->count;
        }
    }
}

/* --- walking -----------------------------------------------------------------------------------*/

static size_t part_seek(const struct memtable *m, const struct mem_order *o, size_t lo, size_t hi,
                        struct bytes from)
{
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (bytes_cmp(ref_key(m, o->ref[mid]), from) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

static void class_enter(struct mem_cursor *c, struct bytes from)
{
    struct mem_order *o = &c->m->order[c->class];
    mem_order_settle(c->m, c->class);
    c->parts = o->parts;
    c->unique = mem_class_is_hashed((uint8_t)c->class);
    for (unsigned i = 0; i < o->parts; i++) {
        c->part[i].end = o->end[i];
        c->part[i].at = part_seek(c->m, o, part_begin(o, i), o->end[i], from);
    }
}

static void item_load(struct mem_cursor *c, uint32_t ref)
{
    struct mem_entry *e = mem_entry_at(c->m, ref);
    c->item = (struct item){mem_entry_key(e), e->op, {0}};
    if (e->op == ITEM_PUT && e->shape == MEM_VALUE) {
        c->item.value = (struct bytes){mem_entry_value(e)->p, mem_entry_value(e)->len};
    } else if (e->shape <= MEM_WIDE && e->op != ITEM_DELETE) {
        i128 sums[STATE_SUMS];
        mem_entry_read_sums(c->m, e, sums);
        c->item.value = (struct bytes){c->packed, sums_pack(sums, c->packed)};
    }
}

/** Where all is one sorted part: on its way out. */
static bool part_take(struct mem_cursor *c, const uint32_t *ref)
{
    size_t at = c->part[0].at;
    size_t end = c->part[0].end;
    if (at == end) {
        return false;
    }
    if (at + PREFETCH < end) {
        __builtin_prefetch(mem_entry_at(c->m, ref[at + PREFETCH]));
        __builtin_prefetch((const char *)mem_entry_at(c->m, ref[at + PREFETCH]) + 63);
    }
    while (at + 1 < end && !c->unique &&
           bytes_cmp(ref_key(c->m, ref[at]), ref_key(c->m, ref[at + 1])) == 0) {
        at++; /* the newest comes last */
    }
    item_load(c, ref[at]);
    c->part[0].at = at + 1;
    return true;
}

/** The smallest key of all parts, its newest entry; equal ones are passed over. */
static bool class_take(struct mem_cursor *c)
{
    const struct mem_order *o = &c->m->order[c->class];
    if (c->parts == 1) {
        return part_take(c, o->ref);
    }
    bool any = false;
    uint32_t best = 0;
    for (unsigned i = 0; i < c->parts; i++) {
        if (c->part[i].at == c->part[i].end) {
            continue;
        }
        uint32_t ref = o->ref[c->part[i].at];
        if (!any || bytes_cmp(ref_key(c->m, ref), ref_key(c->m, best)) < 0) {
            any = true;
            best = ref;
        }
    }
    for (unsigned i = 0; any && i < c->parts; i++) {
        while (c->part[i].at < c->part[i].end) {
            uint32_t ref = o->ref[c->part[i].at];
            if (ref != best && bytes_cmp(ref_key(c->m, ref), ref_key(c->m, best)) != 0) {
                break;
            }
            best = ref > best ? ref : best;
            c->part[i].at++;
        }
    }
    if (any) {
        item_load(c, best);
    }
    return any;
}

void mem_cursor_next(struct mem_cursor *c)
{
    while (!class_take(c)) {
        do {
            c->class ++;
        } while (c->class < MEM_CLASSES && c->m->order[c->class].count == 0);
        if (c->class >= MEM_CLASSES) {
            c->valid = false;
            return;
        }
        class_enter(c, (struct bytes){0});
    }
    c->valid = true;
}

void mem_cursor_seek(struct mem_cursor *c, struct memtable *m, struct bytes from)
{
    mem_settle(m);
    c->m = m;
    c->class = from.len > 0 ? from.p[0] : 0;
    c->parts = 0;
    if (m->order[c->class].count > 0) {
        class_enter(c, from);
    }
    mem_cursor_next(c);
}

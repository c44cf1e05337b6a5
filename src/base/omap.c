/* SPDX-License-Identifier: Apache-2.0
 * Skip list in byte order. The height of a tower depends on the seed and the insertions before it,
 * never on an address or a clock: the same calls build the same list. A node keeps the first eight
 * bytes of its key as a number, which decides most comparisons without a look at the key. */
#include "base/map.h"

#include "base/text.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define HEIGHT_MAX  16 /* one node in four is a level higher: good for 4^16 keys */
#define VALUE_ALIGN ((size_t)16)

struct omap_node {
    uint64_t prefix; /* big-endian, zeros after a shorter key */
    uint32_t key_len;
    uint32_t value_size;
    uint16_t value_offset; /* from the node; the key follows the value */
    uint16_t height;
    struct omap_node *next[];
};

void omap_init(struct omap *m, size_t value_size, uint64_t seed)
{
    METE_ASSERT(value_size <= UINT32_MAX);
    *m = (struct omap){.value_size = value_size, .random = seed};
}

static uint64_t key_prefix(struct bytes key)
{
    uint64_t v = 0;
    if (key.len > 0) {
        memcpy(&v, key.p, key.len < sizeof(v) ? key.len : sizeof(v));
    }
    return be64toh(v);
}

static size_t value_offset(size_t height)
{
    size_t used = sizeof(struct omap_node) + height * sizeof(struct omap_node *);
    return (used + VALUE_ALIGN - 1) & ~(VALUE_ALIGN - 1);
}

static size_t node_size(const struct omap_node *n)
{
    return (size_t)n->value_offset + n->value_size + n->key_len;
}

void *omap_value(struct omap_node *n)
{
    return (uint8_t *)n + n->value_offset;
}

struct bytes omap_key(const struct omap_node *n)
{
    return (struct bytes){(const uint8_t *)n + n->value_offset + n->value_size, n->key_len};
}

struct omap_node *omap_next(const struct omap_node *n)
{
    return n->next[0];
}

static struct omap_node *node_new(struct omap *m, struct bytes key, size_t height)
{
    METE_ASSERT(key.len <= UINT32_MAX);
    size_t offset = value_offset(height);
    size_t size = offset + m->value_size + key.len;
    struct omap_node *n = malloc(size);
    METE_ASSERT(n != NULL);
    memset(n, 0, offset + m->value_size);
    n->prefix = key_prefix(key);
    n->key_len = (uint32_t)key.len;
    n->value_size = (uint32_t)m->value_size;
    n->value_offset = (uint16_t)offset;
    n->height = (uint16_t)height;
    if (key.len > 0) {
        memcpy((uint8_t *)n + offset + m->value_size, key.p, key.len);
    }
    m->memory += size;
    return n;
}

static bool node_is_below(const struct omap_node *n, uint64_t prefix, struct bytes key)
{
    if (n->prefix != prefix) {
        return n->prefix < prefix;
    }
    return bytes_cmp(omap_key(n), key) < 0;
}

/* The last node below `key` on each level that the head has, in before[]; `before` may be NULL.
 * Returns the first node that is not below. Needs a head. */
static struct omap_node *search(const struct omap *m, struct bytes key,
                                struct omap_node *before[HEIGHT_MAX])
{
    uint64_t prefix = key_prefix(key);
    struct omap_node *at = m->head;
    struct omap_node *refused = NULL; /* known not to be below: spares comparing it again */
    for (size_t level = HEIGHT_MAX; level-- > 0;) {
        struct omap_node *next = at->next[level];
        while (next != NULL && next != refused && node_is_below(next, prefix, key)) {
            at = next;
            next = at->next[level];
        }
        refused = next;
        if (before != NULL) {
            before[level] = at;
        }
    }
    return at->next[0];
}

static bool node_has_key(const struct omap_node *n, struct bytes key)
{
    return n != NULL && n->key_len == key.len && bytes_cmp(omap_key(n), key) == 0;
}

/* splitmix64; two zero bits make a level. */
static size_t random_height(struct omap *m)
{
    uint64_t z = m->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    size_t height = 1;
    for (; height < HEIGHT_MAX && (z & 3) == 0; height++) {
        z >>= 2;
    }
    return height;
}

void *omap_put(struct omap *m, struct bytes key, bool *made)
{
    if (m->head == NULL) {
        m->head = node_new(m, (struct bytes){0}, HEIGHT_MAX);
    }
    struct omap_node *before[HEIGHT_MAX];
    struct omap_node *n = search(m, key, before);
    bool absent = !node_has_key(n, key);
    if (made != NULL) {
        *made = absent;
    }
    if (!absent) {
        return omap_value(n);
    }
    n = node_new(m, key, random_height(m));
    for (size_t level = 0; level < n->height; level++) {
        n->next[level] = before[level]->next[level];
        before[level]->next[level] = n;
    }
    m->count++;
    return omap_value(n);
}

struct omap_node *omap_seek(const struct omap *m, struct bytes from)
{
    return m->head == NULL ? NULL : search(m, from, NULL);
}

void *omap_get(const struct omap *m, struct bytes key)
{
    struct omap_node *n = omap_seek(m, key);
    return node_has_key(n, key) ? omap_value(n) : NULL;
}

bool omap_remove(struct omap *m, struct bytes key)
{
    if (m->head == NULL) {
        return false;
    }
    struct omap_node *before[HEIGHT_MAX];
    struct omap_node *n = search(m, key, before);
    if (!node_has_key(n, key)) {
        return false;
    }
    for (size_t level = 0; level < n->height; level++) {
        METE_ASSERT(before[level]->next[level] == n);
        before[level]->next[level] = n->next[level];
    }
    m->memory -= node_size(n);
    m->count--;
    free(n);
    return true;
}

void omap_clear(struct omap *m)
{
    for (struct omap_node *n = m->head, *next; n != NULL; n = next) {
        next = n->next[0];
        free(n);
    }
    m->head = NULL;
    m->count = 0;
    m->memory = 0;
}

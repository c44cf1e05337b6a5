/* SPDX-License-Identifier: Apache-2.0
 * A chain of chunks with a bump pointer. The newest chunk is the one in use and the others are
 * full; chunks double, so a long-lived arena has few of them. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE_MIN ((size_t)4096)
#define CHUNK_SIZE_MAX ((size_t)1 << 20)
#define ALIGN          ((size_t)16)

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; /* bytes of `data` */
    size_t used;
    _Alignas(ALIGN) unsigned char data[];
};

void arena_init(struct arena *a, size_t size_max)
{
    *a = (struct arena){.size_max = size_max};
}

static void chunk_add(struct arena *a, size_t need)
{
    size_t size = a->chunk == NULL ? CHUNK_SIZE_MIN : a->chunk->size * 2;
    if (size > CHUNK_SIZE_MAX) {
        size = CHUNK_SIZE_MAX;
    }
    if (size < need) {
        size = need;
    }
    struct arena_chunk *c = malloc(sizeof(*c) + size);
    METE_ASSERT(c != NULL);
    c->older = a->chunk;
    c->size = size;
    c->used = 0;
    a->chunk = c;
}

static void *room(struct arena *a, size_t size)
{
    METE_ASSERT(size <= a->size_max - a->size);
    /* An empty object still gets an address of its own. */
    size_t need = size == 0 ? ALIGN : (size + ALIGN - 1) & ~(ALIGN - 1);
    struct arena_chunk *c = a->chunk;
    if (c == NULL || c->size - c->used < need) {
        chunk_add(a, need);
        c = a->chunk;
    }
    void *p = c->data + c->used;
    c->used += need;
    a->size += size;
    return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
    return memset(room(a, size), 0, size);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t total = 0;
    METE_ASSERT(!__builtin_mul_overflow(count, size, &total));
    return arena_alloc(a, total);
}

struct text arena_text(struct arena *a, struct text t)
{
    char *p = room(a, t.len + 1);
    if (t.len > 0) {
        memcpy(p, t.p, t.len);
    }
    p[t.len] = 0;
    return (struct text){p, t.len};
}

struct text arena_printf(struct arena *a, const char *fmt, ...)
{
    char small[256];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    METE_ASSERT(n >= 0);
    size_t len = (size_t)n;
    if (len < sizeof(small)) {
        return arena_text(a, (struct text){small, len});
    }
    char *p = arena_alloc(a, len + 1);
    va_start(args, fmt);
    n = vsnprintf(p, len + 1, fmt, args);
    va_end(args);
    METE_ASSERT(n >= 0 && (size_t)n == len);
    return (struct text){p, len};
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *keep = a->chunk;
    for (struct arena_chunk *c = a->chunk; c != NULL; c = c->older) {
        if (c->size > keep->size) {
            keep = c;
        }
    }
    for (struct arena_chunk *c = a->chunk, *older; c != NULL; c = older) {
        older = c->older;
        if (c != keep) {
            free(c);
        }
    }
    if (keep != NULL) {
        keep->older = NULL;
        keep->used = 0;
    }
    a->chunk = keep;
    a->size = 0;
}

void arena_wipe(struct arena *a)
{
    for (struct arena_chunk *c = a->chunk; c != NULL; c = c->older) {
        explicit_bzero(c->data, c->used);
    }
    arena_reset(a);
}

void arena_clear(struct arena *a)
{
    arena_reset(a);
    free(a->chunk);
    a->chunk = NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 * Leaf = SHA-256(0x00 || event hash || decision hash || recorded_at); the tree is that of RFC 9162.
 */
#include "audit/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/export_read.h"
#include "base/encode.h"
#include "base/text.h"

void log_init(struct log *l)
{
    memset(l, 0, sizeof *l);
}

void log_clear(struct log *l)
{
    for (size_t i = 0; i < MERKLE_LEVELS_MAX; i++) {
        free(l->level[i].hash);
    }
}

static void remember(void *ctx, unsigned level, uint64_t index, const struct hash *h)
{
    struct log_level *v = &((struct log *)ctx)->level[level];
    METE_ASSERT(index == v->count);
    if (v->count == v->capacity) {
        v->capacity = v->capacity == 0 ? 256 : v->capacity * 2;
        v->hash = realloc(v->hash, v->capacity * sizeof v->hash[0]);
        METE_ASSERT(v->hash != NULL);
    }
    v->hash[v->count++] = *h;
}

void log_append(struct log *l, struct bytes event, struct bytes decision, mete_time recorded_at)
{
    struct hash e = sha256(event), d = sha256(decision);
    struct hash leaf = merkle_leaf(&e, &d, recorded_at);
    merkle_append(&l->tree, &leaf, remember, l);
}

struct hash log_root(const struct log *l)
{
    return merkle_root(&l->tree);
}

static bool read_complete(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
    const struct log_level *v = &((struct log *)ctx)->level[level];
    if (index >= v->count) {
        return false;
    }
    *out = v->hash[index];
    return true;
}

void log_check_tile(struct log *l, struct report *r, const struct json *line)
{
    uint64_t level, index;
    struct text encoded;
    uint8_t bytes[TILE_WIDTH * SHA256_LEN];
    size_t len;
    if (!export_u64(line, "level", &level) || !export_u64(line, "index", &index) ||
        !export_text(line, "hashes", &encoded) ||
        !base64_decode(bytes, sizeof bytes, &len, encoded) || len % SHA256_LEN != 0 || len == 0 ||
        level >= MERKLE_LEVELS_MAX / TILE_LEVEL_HEIGHT || index > UINT32_MAX) {
        report_difference(r, "the tile cannot be read");
        return;
    }
    const struct log_level *v = &l->level[level * TILE_LEVEL_HEIGHT];
    size_t count = len / SHA256_LEN;
    for (size_t i = 0; i < count; i++) {
        uint64_t at = index * TILE_WIDTH + i;
        if (at >= v->count ||
            memcmp(v->hash[at].b, bytes + i * (size_t)SHA256_LEN, SHA256_LEN) != 0) {
            report_difference(r, "hash %zu of tile %" PRIu64 "/%" PRIu64 " is not that of the log",
                              i, level, index);
            return;
        }
    }
    if (count == TILE_WIDTH && index == l->tiles_seen[level]) {
        l->tiles_seen[level]++;
    }
}

void log_check_tiles(const struct log *l, struct report *r)
{
    for (size_t level = 0; level < MERKLE_LEVELS_MAX / TILE_LEVEL_HEIGHT; level++) {
        uint64_t full = l->level[level * TILE_LEVEL_HEIGHT].count / TILE_WIDTH;
        if (l->tiles_seen[level] < full) {
            report_difference(r,
                              "tile %zu/%" PRIu64 " is full, but is not in the export in its order",
                              level, l->tiles_seen[level]);
        }
    }
}

void log_check_checkpoint(struct log *l, struct report *r, const struct json *line,
                          struct text origin, const uint8_t *key)
{
    uint64_t size, signed_size;
    struct text note;
    struct hash root, mine;
    if (!export_u64(line, "size", &size) || !export_text(line, "note", &note)) {
        report_difference(r, "the checkpoint cannot be read");
        return;
    }
    if (key == NULL || !checkpoint_verify(note, origin, key, &signed_size, &root)) {
        report_difference(r, "the checkpoint of size %" PRIu64 " is not signed by the book's key",
                          size);
        return;
    }
    if (signed_size != size) {
        report_difference(r, "the checkpoint of size %" PRIu64 " is signed for size %" PRIu64, size,
                          signed_size);
    } else if (size > l->tree.size || !merkle_root_at(read_complete, l, size, &mine)) {
        report_difference(r, "the checkpoint is of size %" PRIu64 ", the log of size %" PRIu64,
                          size, l->tree.size);
    } else if (!hash_eq(&mine, &root)) {
        report_difference(r, "the checkpoint of size %" PRIu64 " has another root than the log had",
                          size);
    }
}

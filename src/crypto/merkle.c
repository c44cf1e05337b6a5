/* SPDX-License-Identifier: Apache-2.0
 * The RFC 9162 tree over stored complete subtrees, and checkpoints as C2SP signed notes. Any head
 * or proof needs only complete subtrees: a ragged right edge is folded from the few that end it. */
#include "crypto/merkle.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/sign.h"

#include <string.h>

/* Sizes stay far below this, so a proof never outgrows its array. */
#define SIZE_LIMIT (UINT64_C(1) << 62)

struct hash merkle_leaf(const struct hash *event, const struct hash *decision,
                        int64_t recorded_at_us)
{
    static const uint8_t leaf_tag = 0x00;
    uint8_t at[8];
    for (size_t i = 0; i < sizeof at; i++) {
        at[i] = (uint8_t)((uint64_t)recorded_at_us >> (56 - 8 * i));
    }
    const struct bytes parts[] = {
        {&leaf_tag, 1}, {event->b, SHA256_LEN}, {decision->b, SHA256_LEN}, {at, sizeof at}};
    return sha256_parts(parts, ARRAY_LEN(parts));
}

struct hash merkle_node(const struct hash *left, const struct hash *right)
{
    uint8_t in[1 + 2 * SHA256_LEN];
    in[0] = 0x01;
    memcpy(in + 1, left->b, SHA256_LEN);
    memcpy(in + 1 + SHA256_LEN, right->b, SHA256_LEN);
    return sha256((struct bytes){in, sizeof in});
}

void merkle_append(struct merkle *m, const struct hash *leaf, merkle_complete *complete, void *ctx)
{
    METE_ASSERT(m->size < SIZE_LIMIT);
    struct hash h = *leaf;
    uint64_t index = m->size;
    unsigned level = 0;
    if (complete != NULL) {
        complete(ctx, level, index, &h);
    }
    for (; (index & 1) != 0; index >>= 1) {
        h = merkle_node(&m->edge[level], &h);
        level++;
        if (complete != NULL) {
            complete(ctx, level, index >> 1, &h);
        }
    }
    m->edge[level] = h;
    m->size++;
}

static struct hash empty_root(void)
{
    return sha256((struct bytes){0});
}

struct hash merkle_root(const struct merkle *m)
{
    if (m->size == 0) {
        return empty_root();
    }
    unsigned level = (unsigned)__builtin_ctzll(m->size);
    struct hash h = m->edge[level];
    for (uint64_t above = (m->size >> level) >> 1; above != 0; above >>= 1) {
        level++;
        if ((above & 1) != 0) {
            h = merkle_node(&m->edge[level], &h);
        }
    }
    return h;
}

/** Root over leaves begin .. begin + size - 1; `begin` is a multiple of the smallest power of two
 *  that is not below `size`, as all ranges of RFC 9162 are. */
static bool range_root(merkle_read *read, void *ctx, uint64_t begin, uint64_t size,
                       struct hash *out)
{
    struct hash part[MERKLE_LEVELS_MAX];
    size_t count = 0;
    while (size != 0) {
        unsigned level = 63u - (unsigned)__builtin_clzll(size);
        if (!read(ctx, level, begin >> level, &part[count++])) {
            return false;
        }
        begin += UINT64_C(1) << level;
        size -= UINT64_C(1) << level;
    }
    struct hash h = part[count - 1];
    for (size_t i = count - 1; i-- > 0;) {
        h = merkle_node(&part[i], &h);
    }
    *out = h;
    return true;
}

bool merkle_root_at(merkle_read *read, void *ctx, uint64_t size, struct hash *out)
{
    METE_ASSERT(size < SIZE_LIMIT);
    if (size == 0) {
        *out = empty_root();
        return true;
    }
    return range_root(read, ctx, 0, size, out);
}

/** The largest power of two below n; needs n > 1. */
static uint64_t split_point(uint64_t n)
{
    return UINT64_C(1) << (63u - (unsigned)__builtin_clzll(n - 1));
}

static void reverse(struct hash *path, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct hash h = path[i];
        path[i] = path[count - 1 - i];
        path[count - 1 - i] = h;
    }
}

bool merkle_inclusion(merkle_read *read, void *ctx, uint64_t index, uint64_t size,
                      struct hash path[MERKLE_PROOF_MAX], size_t *count)
{
    METE_ASSERT(size < SIZE_LIMIT);
    if (index >= size) {
        return false;
    }
    size_t n = 0;
    uint64_t begin = 0;
    while (size > 1) {
        uint64_t left = split_point(size);
        bool in_left = index - begin < left;
        uint64_t other = in_left ? begin + left : begin;
        if (!range_root(read, ctx, other, in_left ? size - left : left, &path[n++])) {
            return false;
        }
        begin = in_left ? begin : begin + left;
        size = in_left ? left : size - left;
    }
    reverse(path, n);
    *count = n;
    return true;
}

/* RFC 9162 section 2.1.3.2: fn and sn walk up from the leaf and from the last leaf. */
bool merkle_inclusion_verify(const struct hash *leaf, uint64_t index, uint64_t size,
                             const struct hash *path, size_t count, const struct hash *root)
{
    if (index >= size) {
        return false;
    }
    uint64_t fn = index;
    uint64_t sn = size - 1;
    struct hash r = *leaf;
    for (size_t i = 0; i < count; i++) {
        if (sn == 0) {
            return false;
        }
        if ((fn & 1) != 0 || fn == sn) {
            r = merkle_node(&path[i], &r);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            r = merkle_node(&r, &path[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && hash_eq(&r, root);
}

bool merkle_consistency(merkle_read *read, void *ctx, uint64_t first, uint64_t second,
                        struct hash path[MERKLE_PROOF_MAX], size_t *count)
{
    METE_ASSERT(second < SIZE_LIMIT);
    if (first > second) {
        return false;
    }
    size_t n = 0;
    uint64_t begin = 0;
    bool whole = true; /* what is left of the first tree is all of it: its root is known */
    while (first != 0 && first != second) {
        uint64_t left = split_point(second);
        bool in_left = first <= left;
        uint64_t other = in_left ? begin + left : begin;
        if (!range_root(read, ctx, other, in_left ? second - left : left, &path[n++])) {
            return false;
        }
        if (in_left) {
            second = left;
        } else {
            whole = false;
            begin += left;
            first -= left;
            second -= left;
        }
    }
    if (!whole && !range_root(read, ctx, begin, second, &path[n++])) {
        return false;
    }
    reverse(path, n);
    *count = n;
    return true;
}

/* RFC 9162 section 2.1.4.2, from the point where the first hash is known. */
static bool consistency_walk(uint64_t fn, uint64_t sn, const struct hash *start,
                             const struct hash *path, size_t count, const struct hash *first_root,
                             const struct hash *second_root)
{
    struct hash fr = *start;
    struct hash sr = *start;
    for (size_t i = 0; i < count; i++) {
        if (sn == 0) {
            return false;
        }
        if ((fn & 1) != 0 || fn == sn) {
            fr = merkle_node(&path[i], &fr);
            sr = merkle_node(&path[i], &sr);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            sr = merkle_node(&sr, &path[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && hash_eq(&fr, first_root) && hash_eq(&sr, second_root);
}

bool merkle_consistency_verify(uint64_t first, uint64_t second, const struct hash *first_root,
                               const struct hash *second_root, const struct hash *path,
                               size_t count)
{
    if (first > second) {
        return false;
    }
    if (first == second) {
        return count == 0 && hash_eq(first_root, second_root);
    }
    if (first == 0) {
        struct hash empty = empty_root();
        return count == 0 && hash_eq(first_root, &empty);
    }
    uint64_t fn = first - 1;
    uint64_t sn = second - 1;
    while ((fn & 1) != 0) {
        fn >>= 1;
        sn >>= 1;
    }
    if ((first & (first - 1)) == 0) {
        return consistency_walk(fn, sn, first_root, path, count, first_root, second_root);
    }
    return count > 0 &&
           consistency_walk(fn, sn, &path[0], path + 1, count - 1, first_root, second_root);
}

/* --- checkpoints -------------------------------------------------------------------------------*/

#define KEY_ID_LEN      4
#define NOTE_PREFIX     "\xe2\x80\x94 " /* em dash, space */
#define NOTE_BLOB_LEN   (KEY_ID_LEN + ED25519_SIGNATURE_LEN)
#define NOTE_ALG_ED     0x01
#define SIZE_DIGITS_MAX 19

/* C2SP signed-note: a key name is not empty and has neither spaces nor plus signs. */
static bool is_key_name(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        uint8_t c = (uint8_t)t.p[i];
        if (c <= ' ' || c == '+' || c == 0x7f) {
            return false;
        }
    }
    return t.len > 0;
}

static void key_id(uint8_t out[KEY_ID_LEN], struct text name,
                   const uint8_t public_key[ED25519_PUBLIC_LEN])
{
    static const uint8_t middle[] = {'\n', NOTE_ALG_ED};
    const struct bytes parts[] = {
        text_bytes(name), {middle, sizeof middle}, {public_key, ED25519_PUBLIC_LEN}};
    struct hash h = sha256_parts(parts, ARRAY_LEN(parts));
    memcpy(out, h.b, KEY_ID_LEN);
}

void checkpoint_write(struct buf *out, struct text origin, uint64_t size, const struct hash *root,
                      const uint8_t seed[32])
{
    METE_ASSERT(is_key_name(origin));
    char root_text[BASE64_TEXT_MAX(SHA256_LEN)];
    base64_encode(root_text, (struct bytes){root->b, SHA256_LEN});
    size_t begin = out->len;
    buf_put_text(out, origin);
    buf_printf(out, "\n%llu\n%s\n", (unsigned long long)size, root_text);

    uint8_t public_key[ED25519_PUBLIC_LEN];
    uint8_t blob[NOTE_BLOB_LEN];
    char blob_text[BASE64_TEXT_MAX(NOTE_BLOB_LEN)];
    ed25519_public(public_key, seed);
    key_id(blob, origin, public_key);
    ed25519_sign(blob + KEY_ID_LEN, seed, (struct bytes){out->p + begin, out->len - begin});
    base64_encode(blob_text, (struct bytes){blob, sizeof blob});
    buf_put_str(out, "\n" NOTE_PREFIX);
    buf_put_text(out, origin);
    buf_printf(out, " %s\n", blob_text);
}

/** Takes the next line off `rest`, without its line feed; false when no line feed is left. */
static bool take_line(struct text *rest, struct text *line)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->p, '\n', rest->len);
    if (end == NULL) {
        return false;
    }
    line->p = rest->p;
    line->len = (size_t)(end - rest->p);
    rest->p += line->len + 1;
    rest->len -= line->len + 1;
    return true;
}

static bool read_size(struct text t, uint64_t *out)
{
    uint64_t v = 0;
    if (t.len == 0 || t.len > SIZE_DIGITS_MAX || (t.p[0] == '0' && t.len > 1)) {
        return false;
    }
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] < '0' || t.p[i] > '9') {
            return false;
        }
        v = v * 10 + (uint64_t)(t.p[i] - '0');
    }
    *out = v;
    return true;
}

/** One signature line: *ours when name and key id are those of the key that is asked for, and then
 *  the signature has to hold. False when the line is malformed or a signature of ours is wrong. */
static bool check_signature(struct text line, struct text origin,
                            const uint8_t public_key[ED25519_PUBLIC_LEN], struct bytes signed_text,
                            bool *ours)
{
    const size_t prefix = sizeof NOTE_PREFIX - 1;
    *ours = false;
    if (!text_starts(line, NOTE_PREFIX)) {
        return false;
    }
    struct text name = {line.p + prefix, line.len - prefix};
    const char *space = memchr(name.p, ' ', name.len);
    if (space == NULL) {
        return false;
    }
    struct text blob_text = {space + 1, (size_t)(name.p + name.len - space - 1)};
    name.len = (size_t)(space - name.p);
    uint8_t id[KEY_ID_LEN];
    uint8_t blob[NOTE_BLOB_LEN];
    size_t len = 0;
    key_id(id, origin, public_key);
    if (!is_key_name(name) || !text_eq(name, origin) ||
        !base64_decode(blob, sizeof blob, &len, blob_text) || len != sizeof blob ||
        memcmp(blob, id, KEY_ID_LEN) != 0) {
        return is_key_name(name); /* somebody else's, a witness perhaps */
    }
    *ours = ed25519_verify(blob + KEY_ID_LEN, public_key, signed_text);
    return *ours;
}

bool checkpoint_verify(struct text note, struct text origin, const uint8_t public_key[32],
                       uint64_t *size, struct hash *root)
{
    struct text rest = note;
    struct text line;
    uint64_t read = 0;
    struct hash h;
    size_t len = 0;
    if (!take_line(&rest, &line) || !text_eq(line, origin) || !take_line(&rest, &line) ||
        !read_size(line, &read) || !take_line(&rest, &line) ||
        !base64_decode(h.b, sizeof h.b, &len, line) || len != sizeof h.b) {
        return false;
    }
    struct bytes signed_text = {(const uint8_t *)note.p, 0};
    do { /* tlog-checkpoint: extension lines may follow; they are signed too */
        signed_text.len = (size_t)(rest.p - note.p);
        if (!take_line(&rest, &line)) {
            return false;
        }
    } while (line.len != 0);
    bool found = false;
    while (rest.len > 0) {
        bool ours = false;
        if (!take_line(&rest, &line) ||
            !check_signature(line, origin, public_key, signed_text, &ours)) {
            return false;
        }
        found = found || ours;
    }
    if (found) {
        *size = read;
        *root = h;
    }
    return found;
}

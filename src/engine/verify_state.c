/* SPDX-License-Identifier: Apache-2.0
 * State follows from the log: the stored decisions, applied again, must give the dictionary that
 * the book answers from, key for key. Of a value only its hash is kept here, and of the two classes
 * that grow with every event only a sum of hashes, so that memory grows with the parties alone. */
#include "engine/verify.h"

#include "base/map.h"
#include "base/text.h"
#include "engine/internal.h"
#include "engine/walk.h"
#include "store/hash_seed.h"

#include <string.h>

#define SCRATCH_MAX ((size_t)4 << 30)
#define SCAN_KEYS   4096u

struct expected {
    bool is_there;
    struct hash value; /* of a set key */
    i128 sums[STATE_SUMS];
};

/* A set of keys, whatever their order: how many, and the sum of their hashes. */
struct fingerprint {
    uint64_t count;
    u128 sum;
};

struct replay {
    struct engine *e;
    struct mete_err *err;
    struct map state;   /* key -> struct expected */
    struct map entries; /* of one page: an account may be posted to several times */
    struct fingerprint entry;
    struct fingerprint event_id;
    struct arena arena;
    uint64_t decisions;
    struct state_sink sink;
};

static void fingerprint_add(struct fingerprint *f, struct bytes key, struct bytes value)
{
    const struct bytes parts[2] = {key, value};
    struct hash h = sha256_parts(parts, ARRAY_LEN(parts));
    u128 n;
    memcpy(&n, h.b, sizeof n);
    f->sum += n;
    f->count++;
}

static bool fingerprint_eq(const struct fingerprint *a, const struct fingerprint *b)
{
    return a->count == b->count && a->sum == b->sum;
}

/* --- the replay --------------------------------------------------------------------------------*/

static void replay_set(void *ctx, struct bytes key, struct bytes value)
{
    struct replay *r = ctx;
    bool made;
    if (key.p[0] == KEY_ENTRY) {
        (void)map_put(&r->entries, key, &made);
        if (made) {
            fingerprint_add(&r->entry, key, value);
        }
        return;
    }
    struct expected *x = map_put(&r->state, key, NULL);
    x->is_there = true;
    x->value = sha256(value);
}

static void replay_add(void *ctx, struct bytes key, const i128 sums[STATE_SUMS])
{
    struct expected *x = map_put(&((struct replay *)ctx)->state, key, NULL);
    x->is_there = true;
    for (size_t i = 0; i < STATE_SUMS; i++) {
        x->sums[i] += sums[i];
    }
}

static void replay_remove(void *ctx, struct bytes key)
{
    struct expected *x = map_put(&((struct replay *)ctx)->state, key, NULL);
    *x = (struct expected){.is_there = false};
}

static enum mete_code page_replay(struct replay *r, uint64_t seq, uint32_t page,
                                  struct bytes packed, mete_time recorded_at)
{
    struct decision d;
    arena_reset(&r->arena);
    packed = text_bytes(arena_text(&r->arena, bytes_text(packed)));
    if (!decision_unpack(&r->arena, packed, &d)) {
        return mete_fail(r->err, METE_PROOF_FAILED, "",
                         "page %u of the decision of entry %llu cannot be read", page,
                         (unsigned long long)seq);
    }
    map_reset(&r->entries);
    decision_apply(&d, seq, page, recorded_at, &r->sink);
    r->decisions++;
    return METE_OK;
}

static enum mete_code event_id_replay(struct replay *r, const struct log_row *row)
{
    struct walk_head head;
    arena_reset(&r->arena);
    enum mete_code code = walk_head_of(&r->arena, row->event, &head, r->err);
    if (code == METE_OK) {
        struct key key = key_event_id(head.event_id);
        struct buf value = {0};
        buf_put_varint(&value, row->seq);
        fingerprint_add(&r->event_id, key_bytes(&key), buf_bytes(&value));
        buf_clear(&value);
    }
    return code;
}

static enum mete_code row_replay(struct replay *r, uint64_t seq)
{
    struct book *book = r->e->book;
    struct log_row row;
    struct bytes packed;
    mete_time at;
    if (book_row(book, seq, &row, r->err) != STORE_OK) {
        return mete_fail(r->err, METE_PROOF_FAILED, "", "entry %llu of the log cannot be read",
                         (unsigned long long)seq);
    }
    enum mete_code code = event_id_replay(r, &row);
    code = code == METE_OK ? page_replay(r, seq, 0, row.decision, row.recorded_at) : code;
    uint32_t pages = book_page_count(book, seq);
    for (uint32_t page = 1; page <= pages && code == METE_OK; page++) {
        if (book_page(book, seq, page, &packed, &at, r->err) != STORE_OK) {
            return mete_fail(r->err, METE_PROOF_FAILED, "", "page %u of entry %llu is missing",
                             page, (unsigned long long)seq);
        }
        code = page_replay(r, seq, page, packed, at);
    }
    return code;
}

/* --- comparing ---------------------------------------------------------------------------------*/

static const char *class_what(uint8_t class_byte)
{
    switch (class_byte) {
#define X(symbol, byte, is_sums, what)                                                             \
    case (byte):                                                                                   \
        return what;
        KEY_CLASSES(X)
#undef X
    default:
        return "a class that no decision writes";
    }
}

static enum mete_code differs(struct replay *r, struct bytes key)
{
    return mete_fail(r->err, METE_PROOF_FAILED, "",
                     "the state is not what the log gives: class '%c' (%s)", key.p[0],
                     class_what(key.p[0]));
}

static bool is_zero(const i128 sums[STATE_SUMS])
{
    return sums[0] == 0 && sums[1] == 0 && sums[2] == 0 && sums[3] == 0;
}

static bool key_agrees(struct replay *r, struct bytes key, const struct expected *x)
{
    struct book *book = r->e->book;
    if (key_is_sums(key.p[0])) {
        i128 sums[STATE_SUMS] = {0};
        return book_sums(book, key, sums, r->err) != STORE_FAILED &&
               memcmp(sums, x->sums, sizeof sums) == 0;
    }
    struct bytes value;
    enum store_result found = book_get(book, key, &value, r->err);
    if (found != STORE_OK) {
        return found == STORE_NONE && !x->is_there;
    }
    struct hash h = sha256(value);
    return x->is_there && hash_eq(&h, &x->value);
}

static enum mete_code forward_compare(struct replay *r, uint64_t *compared)
{
    struct bytes key;
    void *x;
    for (size_t i = 0; map_next(&r->state, &i, &key, &x);) {
        if (!key_agrees(r, key, x)) {
            return differs(r, key);
        }
        ++*compared;
    }
    return METE_OK;
}

struct backward {
    struct replay *r;
    uint8_t class_byte;
    struct fingerprint seen;
    enum mete_code code;
};

/** Every key that the book has must come out of the replay. */
static bool backward_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    struct backward *b = arg;
    if (b->class_byte == KEY_ENTRY || b->class_byte == KEY_EVENT_ID) {
        fingerprint_add(&b->seen, key, value);
        return true;
    }
    const struct expected *x = map_get(&b->r->state, key);
    bool nothing = sums != NULL && is_zero(sums);
    if (!nothing && (x == NULL || !x->is_there)) {
        b->code = differs(b->r, key);
        return false;
    }
    return true;
}

static enum mete_code class_compare(struct replay *r, uint8_t class_byte)
{
    struct backward b = {.r = r, .class_byte = class_byte, .code = METE_OK};
    struct key from = key_of((enum key_class)class_byte);
    struct key until = key_prefix_end(from);
    if (book_scan_state(r->e->book, key_bytes(&from), key_bytes(&until), backward_visit, &b,
                        r->err) == STORE_FAILED) {
        return METE_STORE_FAILED;
    }
    bool same = true;
    if (class_byte == KEY_ENTRY) {
        same = fingerprint_eq(&b.seen, &r->entry);
    } else if (class_byte == KEY_EVENT_ID) {
        same = fingerprint_eq(&b.seen, &r->event_id);
    }
    return b.code == METE_OK && !same ? differs(r, key_bytes(&from)) : b.code;
}

static enum mete_code backward_compare(struct replay *r)
{
    static const uint8_t CLASSES[] = {
#define X(symbol, byte, is_sums, what) (byte),
        KEY_CLASSES(X)
#undef X
    };
    enum mete_code code = METE_OK;
    for (size_t i = 0; i < ARRAY_LEN(CLASSES) && code == METE_OK; i++) {
        code = class_compare(r, CLASSES[i]);
    }
    return code;
}

enum mete_code state_verify(struct engine *e, struct verify_report *out, struct mete_err *err)
{
    struct replay r = {.e = e, .err = err};
    r.sink = (struct state_sink){&r, replay_set, replay_add, replay_remove, true};
    map_init(&r.state, sizeof(struct expected), hash_seed());
    map_init(&r.entries, 1, hash_seed());
    arena_init(&r.arena, SCRATCH_MAX);
    enum mete_code code = METE_OK;
    uint64_t size = book_size(e->book);
    for (uint64_t seq = 1; seq <= size && code == METE_OK; seq++) {
        code = row_replay(&r, seq);
    }
    code = code == METE_OK ? forward_compare(&r, &out->state_keys) : code;
    code = code == METE_OK ? backward_compare(&r) : code;
    out->state_keys += r.entry.count + r.event_id.count;
    out->decisions = r.decisions;
    map_clear(&r.state);
    map_clear(&r.entries);
    arena_clear(&r.arena);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0
 * Sealing private values, and bringing their salts back when an event is sent again. A value is
 * bound to its event and place: a sealed one that is moved does not open. */
#include "engine/sealed.h"

#include "base/encode.h"
#include "base/map.h"
#include "base/text.h"
#include "engine/destination.h"
#include "store/hash_seed.h"
#include "wire/json.h"

#include <string.h>

#define PREFIX_LEN (sizeof COMMITMENT_PREFIX - 1)

bool commitment_read(struct text t, struct hash *out)
{
    return t.len == PREFIX_LEN + 64 && text_starts(t, COMMITMENT_PREFIX) &&
           hex_decode(out->b, sizeof out->b, (struct text){t.p + PREFIX_LEN, 64});
}

/* --- places ------------------------------------------------------------------------------------*/

/** The member that one token of a JSON pointer names ("~1" is "/", "~0" is "~"). */
static const struct json *member_of(const struct json *j, struct text token)
{
    char name[192];
    size_t len = 0;
    for (size_t i = 0; i < token.len && len < sizeof name; i++) {
        char ch = token.p[i];
        if (ch == '~' && i + 1 < token.len) {
            ch = token.p[++i] == '1' ? '/' : '~';
        }
        name[len++] = ch;
    }
    if (j->type == JSON_OBJECT) {
        return json_get_text(j, (struct text){name, len});
    }
    u128 index;
    if (j->type != JSON_ARRAY || !u128_parse((struct text){name, len}, &index)) {
        return NULL;
    }
    const struct json *item = j->child;
    while (item != NULL && index-- > 0) {
        item = item->next;
    }
    return item;
}

const struct json *sealed_place(const struct json *tree, struct text pointer)
{
    size_t i = 0;
    while (tree != NULL && i < pointer.len) {
        size_t from = ++i; /* behind the slash */
        while (i < pointer.len && pointer.p[i] != '/') {
            i++;
        }
        tree = member_of(tree, (struct text){pointer.p + from, i - from});
    }
    return tree;
}

/* --- sealing and opening -----------------------------------------------------------------------*/

static void context_put(struct buf *out, uint64_t seq, struct text pointer)
{
    buf_put_be64(out, seq);
    buf_put_text(out, pointer);
}

void sealed_close(struct engine *e, uint64_t seq, struct text pointer, struct bytes plain,
                  struct buf *out)
{
    struct buf context = {0};
    uint8_t nonce[SEAL_NONCE_LEN];
    context_put(&context, seq, pointer);
    random_bytes(nonce, sizeof nonce);
    seal(out, e->seal_key, nonce, buf_bytes(&context), plain);
    buf_clear(&context);
}

enum store_result sealed_add(struct engine *e, const struct envelope *env, uint64_t seq)
{
    struct buf plain = {0};
    enum store_result r = STORE_OK;
    for (size_t i = 0; i < env->private_count && r == STORE_OK; i++) {
        const struct private_value *v = &env->private_value[i];
        buf_reset(&plain);
        buf_reset(&e->sealed);
        buf_put(&plain, v->salt, SALT_LEN);
        if (e->has_payout_key && destination_is_at(text_of(v->pointer))) {
            destination_box_put(&plain, e->payout_key, v->value);
        } else {
            buf_put(&plain, v->value.p, v->value.len);
        }
        sealed_close(e, seq, text_of(v->pointer), buf_bytes(&plain), &e->sealed);
        const struct sealed_value sealed = {seq, text_of(v->pointer), v->party, v->commitment,
                                            buf_bytes(&e->sealed)};
        r = book_seal_add(e->book, &sealed, &e->err);
    }
    secret_wipe(plain.p, plain.len);
    buf_clear(&plain);
    return r;
}

bool sealed_open(const struct engine *e, const struct sealed_value *v, struct buf *plain)
{
    struct buf context = {0};
    context_put(&context, v->seq, v->pointer);
    bool opened = seal_open(plain, e->seal_key, buf_bytes(&context), v->sealed);
    buf_clear(&context);
    return opened && plain->len >= SALT_LEN;
}

bool engine_unseal(const struct engine *e, const struct sealed_value *v, struct buf *plain)
{
    return sealed_open(e, v, plain);
}

struct wanted {
    const struct engine *e;
    struct text pointer;
    struct arena *a;
    struct text *out;
    bool unopened;
};

static bool wanted_visit(void *arg, const struct sealed_value *v)
{
    struct wanted *w = arg;
    struct buf plain = {0};
    if (!text_eq(v->pointer, w->pointer)) {
        return true;
    }
    if (sealed_open(w->e, v, &plain)) {
        const struct text value = {(const char *)plain.p + SALT_LEN, plain.len - SALT_LEN};
        *w->out = arena_text(w->a, value);
    } else {
        w->unopened = true;
    }
    secret_wipe(plain.p, plain.len);
    buf_clear(&plain);
    return false;
}

enum mete_code sealed_read(struct engine *e, uint64_t seq, struct text pointer, struct arena *a,
                           struct text *out, struct mete_err *err)
{
    struct wanted w = {.e = e, .pointer = pointer, .a = a, .out = out};
    *out = (struct text){0};
    enum store_result r = book_seals(e->book, seq, (struct text){0}, wanted_visit, &w, err);
    if (w.unopened) {
        return mete_fail(err, METE_SEAL_KEY, "",
                         "the sealed value at %.*s of entry %llu does not open with the keys of "
                         "this store: put its key file back",
                         (int)pointer.len, pointer.p, (unsigned long long)seq);
    }
    return r == STORE_FAILED ? METE_STORE_FAILED : METE_OK;
}

/* --- an event that is sent again ---------------------------------------------------------------*/

/* The salts of an event that stands in the log, by pointer. */
struct salts {
    struct engine *e;
    struct map map;
    struct mete_err *err;
    enum mete_code code;
};

static bool salt_visit(void *arg, const struct sealed_value *v)
{
    struct salts *s = arg;
    struct buf plain = {0};
    if (sealed_open(s->e, v, &plain)) {
        memcpy(map_put(&s->map, text_bytes(v->pointer), NULL), plain.p, SALT_LEN);
    } else {
        s->code = mete_fail(s->err, METE_SEAL_KEY, "",
                            "the sealed value at %.*s of entry %llu does not open with the keys "
                            "of this store: put its key file back",
                            (int)v->pointer.len, v->pointer.p, (unsigned long long)v->seq);
    }
    secret_wipe(plain.p, plain.len);
    buf_clear(&plain);
    return s->code == METE_OK;
}

static bool salt_of(void *ctx, const char *pointer, uint8_t salt[SALT_LEN])
{
    const struct salts *s = ctx;
    const uint8_t *found = map_get(&s->map, text_bytes(text_of(pointer)));
    if (found != NULL) {
        memcpy(salt, found, SALT_LEN);
    }
    return found != NULL;
}

/** Values without a salt: what stands in their place in the log. */
static void erased_take(struct salts *s, struct prepared *p, struct text stored)
{
    struct json *tree = NULL;
    struct mete_err unused;
    for (size_t i = 0; i < p->env.private_count; i++) {
        struct private_value *v = &p->env.private_value[i];
        struct text pointer = text_of(v->pointer);
        if (map_get(&s->map, text_bytes(pointer)) != NULL) {
            continue;
        }
        if (tree == NULL && json_parse(&p->arena, stored, &tree, &unused) != METE_OK) {
            return;
        }
        const struct json *at = sealed_place(tree, pointer);
        if (at != NULL && at->type == JSON_STRING && commitment_read(at->text, &v->commitment)) {
            v->node->text = at->text;
        }
    }
}

enum mete_code sealed_recall(struct engine *e, struct prepared *p, uint64_t seq, struct text stored)
{
    struct salts s = {.e = e, .err = &e->err};
    if (e->salt_seed != 0) {
        envelope_commit(&p->arena, &p->env, prepared_salt, p);
        return METE_OK;
    }
    map_init(&s.map, SALT_LEN, hash_seed());
    enum store_result r = book_seals(e->book, seq, (struct text){0}, salt_visit, &s, &e->err);
    if (r == STORE_FAILED && s.code == METE_OK) {
        s.code = METE_STORE_FAILED;
    }
    if (s.code == METE_OK) {
        envelope_commit(&p->arena, &p->env, salt_of, &s);
        erased_take(&s, p, stored);
    }
    map_clear(&s.map);
    return s.code;
}

/* SPDX-License-Identifier: Apache-2.0
 * What is listed for discovery: told by people, or seen in payments, and searched. What a listing
 * says stands in its event; state has its place and who is paid. */
#include "engine/x402_list.h"

#include "base/text.h"
#include "engine/own_event.h"
#include "engine/walk.h"
#include "engine/x402_parts.h"

#include <string.h>

#define BATCH_KEYS 128u
#define ARENA_MAX  ((size_t)1 << 30)

/* --- reading -----------------------------------------------------------------------------------*/

static struct text raw_of(const struct json *payload, const char *name)
{
    const struct json *j = json_get(payload, name);
    return j != NULL && j->type != JSON_NULL ? j->raw : (struct text){0};
}

static enum mete_code listed_read(struct engine *e, const struct x402_listing *l, struct arena *a,
                                  struct x402_listed *out, struct mete_err *err)
{
    struct envelope *event = arena_alloc(a, sizeof *event);
    enum mete_code code = engine_event(e, l->seq, a, event, &out->updated_at, err);
    out->listed_at = out->updated_at;
    if (code == METE_OK && l->made != l->seq) {
        struct envelope *first = arena_alloc(a, sizeof *first);
        code = engine_event(e, l->made, a, first, &out->listed_at, err);
    }
    if (code != METE_OK) {
        return code;
    }
    const struct event_x402_listing *x = &event->event.x402_listing;
    const struct json *payload = json_get(event->tree, "payload");
    out->number = l->made;
    out->offer = (struct x402_entry){.resource = x->resource,
                                     .tool = x->tool,
                                     .type = x->kind,
                                     .version = x->version,
                                     .accepts = raw_of(payload, "accepts"),
                                     .metadata = raw_of(payload, "metadata"),
                                     .extensions = raw_of(payload, "extensions"),
                                     .seen = l->seen};
    return METE_OK;
}

/* --- listing -----------------------------------------------------------------------------------*/

static void raw_write(struct json_writer *w, const char *name, struct text json)
{
    if (json.len > 0) {
        jw_raw(w, name, json);
    }
}

static void payload_write(struct json_writer *w, const struct x402_entry *o)
{
    jw_text(w, "resource", o->resource);
    if (o->tool.len > 0) {
        jw_text(w, "tool_name", o->tool);
    }
    jw_text(w, "type", o->type);
    jw_int(w, "x402_version", o->version);
    raw_write(w, "accepts", o->accepts);
    raw_write(w, "metadata", o->metadata);
    raw_write(w, "extensions", o->extensions);
    jw_str(w, "source", o->seen ? "seen" : "registered");
}

/** Whether it says anything new has been looked at. */
static enum mete_code listed_say(struct engine *e, const struct x402_entry *o, bool *changed,
                                 struct mete_err *err)
{
    struct own_event event;
    char id[OWN_PLACE_ID_MAX];
    const struct own_head head = {.id = own_event_place_id(e, "x402.listed", id),
                                  .type = EVENT_X402_LISTED};
    own_event_begin(&event, e, &head);
    payload_write(&event.w, o);
    return own_event_submit(&event, changed, err);
}

/** The same JSON, member by member: what stands in the log is in canonical form. */
static bool json_same(struct arena *a, struct text one, struct text other)
{
    struct json *x, *y;
    struct buf p = {0}, q = {0};
    if (one.len == 0 || other.len == 0) {
        return one.len == other.len;
    }
    bool same = json_parse(a, one, &x, NULL) == METE_OK &&
                json_parse(a, other, &y, NULL) == METE_OK &&
                json_canonical(x, &p, NULL) == METE_OK && json_canonical(y, &q, NULL) == METE_OK &&
                text_eq(buf_text(&p), buf_text(&q));
    buf_clear(&p);
    buf_clear(&q);
    return same;
}

static bool offer_same(struct arena *a, const struct x402_entry *x, const struct x402_entry *y)
{
    return text_eq(x->type, y->type) && x->version == y->version && x->seen == y->seen &&
           json_same(a, x->accepts, y->accepts) && json_same(a, x->metadata, y->metadata) &&
           json_same(a, x->extensions, y->extensions);
}

enum mete_code x402_offer_put(struct engine *e, const struct x402_entry *o, bool *changed,
                              struct mete_err *err)
{
    struct x402_listing l = {0};
    struct x402_listed row = {0};
    struct arena a;
    enum mete_code code = METE_OK;
    bool known = view_x402_listing(engine_view(e), o->resource, o->tool, &l) == VIEW_FOUND;
    *changed = false;
    arena_init(&a, ARENA_MAX);
    code = known ? listed_read(e, &l, &a, &row, err) : METE_OK;
    bool stays =
        code == METE_OK && known && ((o->seen && !row.offer.seen) || offer_same(&a, o, &row.offer));
    arena_clear(&a);
    code = code == METE_OK && !stays ? listed_say(e, o, changed, err) : code;
    return engine_sound(e, code, err);
}

/* --- searching ---------------------------------------------------------------------------------*/

struct searching {
    struct engine *e;
    const struct x402_offers_query *q;
    struct key from, until;
    size_t left;
    uint64_t last;
    bool full;
    x402_offer_visit *visit;
    void *arg;
    struct arena row;
    struct mete_err *err;
};

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static bool text_has(struct text in, struct text word)
{
    for (size_t i = 0; i + word.len <= in.len; i++) {
        size_t k = 0;
        while (k < word.len && lower(in.p[i + k]) == lower(word.p[k])) {
            k++;
        }
        if (k == word.len) {
            return true;
        }
    }
    return false;
}

static bool has_words(const struct x402_entry *o, struct text words)
{
    bool all = true;
    for (size_t i = 0; i < words.len && all;) {
        size_t len = 0;
        while (i + len < words.len && words.p[i + len] != ' ') {
            len++;
        }
        struct text word = {words.p + i, len};
        all = len == 0 || text_has(o->resource, word) || text_has(o->tool, word) ||
              text_has(o->metadata, word);
        i += len + 1;
    }
    return all;
}

/** The listing that was made first at this seq. */
static enum mete_code listing_find(struct searching *s, uint64_t made, struct x402_listing *out)
{
    struct key at = key_x402_listed_at(made);
    struct key key = key_of(KEY_X402_LISTING);
    const struct view *v = engine_view(s->e);
    struct bytes value;
    if (v->get(v->ctx, key_bytes(&at), &value) == VIEW_FOUND) {
        for (size_t i = 0; i < value.len; i++) {
            key_add_u8(&key, value.p[i]);
        }
        if (v->get(v->ctx, key_bytes(&key), &value) == VIEW_FOUND &&
            x402_listing_unpack(value, out)) {
            return METE_OK;
        }
    }
    return mete_fail(s->err, METE_STORE_FAILED, "", "a listing cannot be read");
}

static enum mete_code key_look(struct searching *s, uint64_t made)
{
    struct x402_listing l;
    struct x402_listed row = {0};
    arena_reset(&s->row);
    enum mete_code code = listing_find(s, made, &l);
    code = code == METE_OK ? listed_read(s->e, &l, &s->row, &row, s->err) : code;
    if (code != METE_OK) {
        return code;
    }
    bool wanted = (s->q->type.len == 0 || text_eq(s->q->type, row.offer.type)) &&
                  has_words(&row.offer, s->q->words);
    if (wanted && s->left == 0) {
        s->full = true;
        return METE_OK;
    }
    s->last = made;
    if (wanted) {
        s->left--;
        s->full = !s->visit(s->arg, &row);
    }
    return METE_OK;
}

static void range_find(struct searching *s)
{
    s->from = key_x402_listed_at(s->q->after + 1);
    s->until = key_prefix_end(key_of(KEY_X402_LISTED_AT));
    if (s->q->merchant.len > 0) {
        uint8_t hash[X402_HASH_LEN];
        x402_hash(x402_address(&s->row, s->q->merchant), hash);
        s->from = key_x402_merchant(hash, s->q->after + 1);
        s->until = s->from;
        s->until.len = 1 + X402_HASH_LEN;
        s->until = key_prefix_end(s->until);
    }
}

enum mete_code x402_offers(struct engine *e, const struct x402_offers_query *q,
                           x402_offer_visit *visit, void *arg, uint64_t *next, struct mete_err *err)
{
    struct searching s = {.e = e, .q = q, .left = q->limit, .visit = visit, .arg = arg, .err = err};
    struct walk_keys keys = {.more = true};
    struct arena a;
    enum mete_code code = METE_OK;
    arena_init(&s.row, ARENA_MAX);
    arena_init(&a, ARENA_MAX);
    range_find(&s);
    while (code == METE_OK && keys.more && !s.full) {
        arena_reset(&a);
        code = walk_keys(e, &a, key_bytes(&s.from), key_bytes(&s.until), BATCH_KEYS, &keys, err);
        for (size_t i = 0; i < keys.count && code == METE_OK && !s.full; i++) {
            code = key_look(&s, key_read_u64(keys.key[i], keys.key[i].len - 8));
            s.from = walk_key_after(keys.key[i]);
        }
    }
    *next = code == METE_OK && s.full ? s.last : 0;
    arena_clear(&a);
    arena_clear(&s.row);
    return engine_sound(e, code, err);
}

/* SPDX-License-Identifier: Apache-2.0
 * The keys of a book, for its administrators: made, listed, replaced and ended over HTTP as by mete
 * key. A key is shown once, in the answer that made it; the store has its hash alone. */
#include "http/desk.h"
#include "http/limits.h"
#include "http/mapping.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "crypto/seal.h"
#include "wire/json_values.h"

#include <string.h>

#define KEEP_DEFAULT_S 86400u
#define KEEP_MAX_S     (366u * 86400u)
#define NOTE_MAX       200u

/** NULL: the answer says why. */
static struct api_keys *keys_open(struct desk *d, struct exchange *x, bool writing)
{
    struct api_keys *k = NULL;
    struct mete_err err;
    if (api_keys_open(&k, d->o.store, writing, &err) != METE_OK) {
        reply_problem(x, &err);
        return NULL;
    }
    return k;
}

/* --- rows --------------------------------------------------------------------------------------*/

static const char *standing_of(const struct api_key *key, mete_time now)
{
    return key->revoked_at <= now ? "revoked" : key->expires_at <= now ? "expired" : "valid";
}

static void scopes_json(struct json_writer *w, uint32_t scopes)
{
    jw_array(w, "scopes");
    for (unsigned s = 0; s < SCOPE_COUNT; s++) {
        if ((scopes >> s & 1) != 0) {
            jw_str(w, NULL, scope_name((enum scope)s));
        }
    }
    jw_end_array(w);
}

static void key_members(struct json_writer *w, const struct api_key *key, mete_time now)
{
    jw_text(w, "key_id", key->key_id);
    jw_text(w, "book", key->book);
    jw_str(w, "standing", standing_of(key, now));
    scopes_json(w, key->scopes);
    jw_text_or_null(w, "party", key->party);
    jw_text_or_null(w, "producer", key->producer);
    jw_text_or_null(w, "service", key->service);
    jw_text_or_null(w, "limits", key->limits);
    jw_text_or_null(w, "note", key->note);
    jw_time(w, "created_at", key->created_at);
    jw_time(w, "expires_at", key->expires_at);
    jw_time(w, "revoked_at", key->revoked_at);
}

struct listing {
    struct exchange *x;
    struct json_writer w;
};

static bool row_write(void *arg, const struct api_key *key)
{
    struct listing *l = arg;
    if (text_is(key->book, l->x->who->book)) {
        jw_object(&l->w, NULL);
        key_members(&l->w, key, l->x->began_at);
        jw_end_object(&l->w);
    }
    return true;
}

void keys_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct listing l = {.x = x};
    struct api_keys *k = keys_open(d, x, false);
    (void)e;
    if (k == NULL) {
        return;
    }
    reply_json(x, 200, &l.w);
    jw_object(&l.w, NULL);
    jw_array(&l.w, "keys");
    if (api_keys_read(k, row_write, &l, &err) == METE_OK) {
        jw_end_array(&l.w);
        jw_end_object(&l.w);
    } else {
        reply_problem(x, &err);
    }
    api_keys_close(k);
}

/* --- making ------------------------------------------------------------------------------------*/

/** Adds the row of a new key and answers with it. */
static bool key_add(struct exchange *x, struct api_keys *k, struct api_key *row)
{
    char text[KEY_TEXT_MAX];
    char key_id[KEY_TEXT_MAX];
    struct mete_err err;
    struct json_writer w;
    api_key_make(text, key_id, &row->sha256);
    row->key_id = text_of(key_id);
    row->created_at = x->began_at;
    row->revoked_at = TIME_NEVER;
    bool added = api_keys_add(k, row, &err) == METE_OK;
    if (added) {
        reply_json(x, 201, &w);
        jw_object(&w, NULL);
        jw_str(&w, "key", text);
        key_members(&w, row, x->began_at);
        jw_end_object(&w);
        reply_secret(x);
    } else {
        reply_problem(x, &err);
    }
    secret_wipe(text, sizeof text);
    return added;
}

static bool scopes_read(struct exchange *x, const struct json *body, uint32_t *out)
{
    const struct json *list = json_get(body, "scopes");
    *out = 0;
    if (list == NULL || list->type != JSON_ARRAY || list->count == 0) {
        reply_fail(x, METE_REQUEST_INVALID, "/scopes", "scopes is a list of names, not empty");
        return false;
    }
    for (const struct json *j = list->child; j != NULL; j = j->next) {
        enum scope s;
        if (j->type != JSON_STRING || !scope_of(j->text, &s)) {
            reply_fail(x, METE_REQUEST_INVALID, "/scopes", "there is no scope \"%.*s\"",
                       (int)(j->text.len < 64 ? j->text.len : 64), j->text.p);
            return false;
        }
        *out |= UINT32_C(1) << s;
    }
    return true;
}

/** A member that is a string; empty: it is absent or null. */
static bool text_read(struct exchange *x, const struct json *body, const char *name, size_t max,
                      struct text *out)
{
    const struct json *j = json_get(body, name);
    char pointer[64] = "";
    *out = (struct text){0};
    if (j == NULL || j->type == JSON_NULL) {
        return true;
    }
    if (j->type == JSON_STRING && j->text.len > 0 && j->text.len <= max) {
        *out = j->text;
        return true;
    }
    json_pointer_add(pointer, sizeof pointer, text_of(name));
    reply_fail(x, METE_REQUEST_INVALID, pointer, "%s is a string of 1 to %zu bytes", name, max);
    return false;
}

static bool expiry_read(struct exchange *x, const struct json *body, mete_time *out)
{
    struct text at;
    *out = TIME_NEVER;
    if (!text_read(x, body, "expires_at", 64, &at)) {
        return false;
    }
    if (at.len > 0 && time_parse_date(at, true, out) != TIME_OK) {
        reply_fail(x, METE_TIME_INVALID, "/expires_at", "expected an RFC 3339 time, or a day");
        return false;
    }
    return true;
}

static bool producer_is_known(struct exchange *x, const struct api_key *row)
{
    if (row->producer.len == 0 || text_is(row->producer, "runtime") ||
        text_is(row->producer, "control_plane")) {
        return true;
    }
    reply_fail(x, METE_REQUEST_INVALID, "/producer", "producer is runtime or control_plane");
    return false;
}

static bool limits_read(struct exchange *x, const struct json *body, struct text *out)
{
    struct text list;
    struct mete_err err;
    if (!text_read(x, body, "limits", LIMITS_MAX, &list)) {
        return false;
    }
    if (limits_parse(&x->arena, list, out, &err) != METE_OK) {
        reply_fail(x, METE_REQUEST_INVALID, "/limits", "%s", err.text);
        return false;
    }
    return true;
}

static const char *const MEMBERS[] = {"scopes", "party",  "producer",   "service",
                                      "note",   "limits", "expires_at", NULL};

void keys_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct api_key row = {.book = text_of(x->who->book)};
    const struct json *body = body_object(x);
    (void)e;
    if (body == NULL || !body_is_known(x, body, MEMBERS) || !scopes_read(x, body, &row.scopes) ||
        !text_read(x, body, "party", 200, &row.party) ||
        !text_read(x, body, "producer", 32, &row.producer) || !producer_is_known(x, &row) ||
        !text_read(x, body, "service", 64, &row.service) ||
        !text_read(x, body, "note", NOTE_MAX, &row.note) || !limits_read(x, body, &row.limits) ||
        !expiry_read(x, body, &row.expires_at)) {
        return;
    }
    struct api_keys *k = keys_open(d, x, true);
    if (k != NULL) {
        (void)key_add(x, k, &row);
        api_keys_close(k);
    }
}

/* --- ending ------------------------------------------------------------------------------------*/

struct finding {
    struct exchange *x;
    struct text key_id;
    struct api_key row;
    bool found;
};

static bool row_find(void *arg, const struct api_key *key)
{
    struct finding *f = arg;
    struct arena *a = &f->x->arena;
    if (!text_eq(key->key_id, f->key_id) || !text_is(key->book, f->x->who->book)) {
        return true;
    }
    f->found = true;
    f->row = *key;
    struct text *text[] = {&f->row.key_id,  &f->row.book, &f->row.party, &f->row.producer,
                           &f->row.service, &f->row.note, &f->row.limits};
    for (size_t i = 0; i < ARRAY_LEN(text); i++) {
        *text[i] = arena_text(a, *text[i]);
    }
    return false;
}

/** The key of this id in the book of who asks; others' are not there. */
static bool key_find(struct exchange *x, struct api_keys *k, struct api_key *out)
{
    struct mete_err err;
    struct finding f = {.x = x, .key_id = x->param[0]};
    if (api_keys_read(k, row_find, &f, &err) != METE_OK) {
        reply_problem(x, &err);
    } else if (!f.found) {
        reply_fail(x, METE_NOT_FOUND, NULL, "this book has no such key");
    }
    *out = f.row;
    return x->status == 0;
}

void key_delete(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    struct api_key key;
    struct api_keys *k = keys_open(d, x, true);
    (void)e;
    if (k != NULL && key_find(x, k, &key)) {
        mete_time now = x->began_at;
        if (api_keys_revoke(k, key.key_id, now, &err) == METE_OK) {
            key.revoked_at = key.revoked_at < now ? key.revoked_at : now;
            reply_json(x, 200, &w);
            jw_object(&w, NULL);
            key_members(&w, &key, now);
            jw_end_object(&w);
        } else {
            reply_problem(x, &err);
        }
    }
    api_keys_close(k);
}

static bool keep_read(struct exchange *x, int64_t *out)
{
    const struct json *body = x->body.len > 0 ? body_object(x) : NULL;
    static const char *const members[] = {"keep_s", NULL};
    const struct json *keep = json_get(body, "keep_s");
    *out = KEEP_DEFAULT_S;
    if (body != NULL && !body_is_known(x, body, members)) {
        return false;
    }
    if (x->status == 0 && keep != NULL && !json_int(keep, 0, KEEP_MAX_S, out)) {
        reply_fail(x, METE_REQUEST_INVALID, "/keep_s", "keep_s is 0 to %u", KEEP_MAX_S);
    }
    return x->status == 0;
}

/** A new key that may do the same; the old one goes on for `keep_s`. */
void key_put(struct desk *d, struct engine *e, struct exchange *x)
{
    int64_t keep_s;
    struct mete_err err;
    struct api_key key;
    struct api_keys *k = keep_read(x, &keep_s) ? keys_open(d, x, true) : NULL;
    (void)e;
    if (k != NULL && key_find(x, k, &key)) {
        mete_time now = x->began_at;
        struct text old = key.key_id;
        if (key.revoked_at <= now || key.expires_at <= now) {
            reply_fail(x, METE_NOT_FOUND, NULL, "this key has ended");
        } else if (key_add(x, k, &key) &&
                   api_keys_revoke(k, old, now + keep_s * TIME_SECOND_US, &err) != METE_OK) {
            reply_problem(x, &err);
        }
    }
    api_keys_close(k);
}

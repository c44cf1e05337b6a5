/* SPDX-License-Identifier: Apache-2.0
 * What a backup says of itself, as one line of JSON: members are read by name, others are passed
 * over, so that a later version may add some. */
#include "base/encode.h"
#include "base/text.h"
#include "engine/backup.h"
#include "wire/json_values.h"

#define FORMAT "mete-backup/1"

static void book_put(struct json_writer *w, const struct backup_book *b)
{
    jw_object(w, NULL);
    jw_text(w, "book", b->name);
    jw_int(w, "size", (int64_t)b->size);
    jw_hash(w, "root", &b->root);
    jw_int(w, "recorded_at_us", b->recorded_at);
    jw_text_or_null(w, "checkpoint", b->note);
    jw_end_object(w);
}

void backup_text(const struct backup *b, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_str(&w, "format", FORMAT);
    jw_text(&w, "mete", b->version);
    jw_time(&w, "made_at", b->made_at);
    jw_int(&w, "bytes", (int64_t)b->bytes);
    jw_hash(&w, "sha256", &b->sha256);
    jw_bool(&w, "keys_beside", b->keys_beside);
    if (b->keys_known) {
        jw_hash(&w, "keys_sha256", &b->keys);
    }
    jw_array(&w, "books");
    for (size_t i = 0; i < b->count; i++) {
        book_put(&w, &b->book[i]);
    }
    jw_end_array(&w);
    jw_end_object(&w);
}

static bool hash_get(const struct json *j, const char *key, struct hash *out)
{
    const struct json *v = json_get(j, key);
    return v != NULL && v->type == JSON_STRING && hex_decode(out->b, sizeof out->b, v->text);
}

static bool number_get(const struct json *j, const char *key, uint64_t *out)
{
    int64_t value = 0;
    const struct json *v = json_get(j, key);
    bool read = v != NULL && json_int(v, 0, INT64_MAX, &value);
    *out = (uint64_t)value;
    return read;
}

static struct text text_get(const struct json *j, const char *key)
{
    const struct json *v = json_get(j, key);
    return v != NULL && v->type == JSON_STRING ? v->text : (struct text){0};
}

static bool book_get_one(struct arena *a, const struct json *j, struct backup_book *out)
{
    uint64_t at = 0;
    bool read = number_get(j, "size", &out->size) && hash_get(j, "root", &out->root) &&
                number_get(j, "recorded_at_us", &at);
    out->recorded_at = (mete_time)at;
    out->name = arena_text(a, text_get(j, "book"));
    out->note = text_get(j, "checkpoint");
    return read && out->name.len > 0;
}

static bool books_get(struct arena *a, const struct json *list, struct backup *out)
{
    if (list == NULL || list->type != JSON_ARRAY) {
        return false;
    }
    out->book = arena_array(a, list->count + 1, sizeof *out->book);
    for (const struct json *j = list->child; j != NULL; j = j->next) {
        if (!book_get_one(a, j, &out->book[out->count++])) {
            return false;
        }
    }
    return true;
}

bool backup_text_read(struct arena *a, struct text line, struct backup *out)
{
    struct json *j;
    struct mete_err unused;
    *out = (struct backup){0};
    if (json_parse(a, line, &j, &unused) != METE_OK || !text_is(text_get(j, "format"), FORMAT)) {
        return false;
    }
    out->version = text_get(j, "mete");
    out->keys_beside = json_is_true(json_get(j, "keys_beside"));
    out->keys_known = hash_get(j, "keys_sha256", &out->keys);
    return time_parse(text_get(j, "made_at"), &out->made_at) == TIME_OK &&
           number_get(j, "bytes", &out->bytes) && hash_get(j, "sha256", &out->sha256) &&
           books_get(a, json_get(j, "books"), out);
}

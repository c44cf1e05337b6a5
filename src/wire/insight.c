/* SPDX-License-Identifier: Apache-2.0
 * Reading bodies of points and insight events. What all items share is read first and refuses the
 * body; then each item is read on its own. */
#include "wire/insight.h"

#include "base/limits.h"
#include "base/text.h"
#include "wire/envelope_parts.h"
#include "wire/form.h"
#include "wire/json.h"

#include <string.h>

#define METRIC_LEN_MAX   120
#define UNIT_LEN_MAX     32
#define SEVERITY_LEN_MAX 32
#define MESSAGE_LEN_MAX  4000
#define TAG_NAME_LEN_MAX 64
#define TAG_LEN_MAX      200
#define DIGITS_MAX       40 /* of a value, on each side of its point */
#define BUCKET_DEFAULT   "1m"
#define ENV_DEFAULT      "prod"

/* --- values ------------------------------------------------------------------------------------*/

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/** A number taken apart: digits without its point, and where that stands. */
struct decimal {
    char digit[4 * DIGITS_MAX];
    size_t count;
    int64_t point; /* digits before it; may be negative */
    bool negative;
};

static size_t digits_take(struct text t, size_t at, struct decimal *d)
{
    size_t from = at;
    for (; at < t.len && is_digit(t.p[at]); at++) {
        if (d->count < sizeof d->digit) {
            d->digit[d->count++] = t.p[at];
        }
    }
    return at - from;
}

/** The exponent at `at`, which must be the end. */
static bool exponent_take(struct text t, size_t at, int64_t *out)
{
    bool minus = at < t.len && t.p[at] == '-';
    at += at < t.len && (t.p[at] == '-' || t.p[at] == '+');
    int64_t e = 0;
    size_t from = at;
    for (; at < t.len && is_digit(t.p[at]) && e <= 4 * DIGITS_MAX; at++) {
        e = e * 10 + (t.p[at] - '0');
    }
    *out = minus ? -e : e;
    return at == t.len && at > from;
}

static bool decimal_take(struct text t, struct decimal *d)
{
    int64_t e = 0;
    *d = (struct decimal){.negative = t.len > 0 && t.p[0] == '-'};
    size_t at = d->negative;
    size_t whole = digits_take(t, at, d);
    at += whole;
    if (whole == 0 || t.len > sizeof d->digit) {
        return false;
    }
    if (at < t.len && t.p[at] == '.') {
        size_t part = digits_take(t, at + 1, d);
        at += 1 + part;
        if (part == 0) {
            return false;
        }
    }
    if (at < t.len && (t.p[at] | 0x20) == 'e') {
        if (!exponent_take(t, at + 1, &e)) {
            return false;
        }
        at = t.len;
    }
    d->point = (int64_t)whole + e;
    return at == t.len;
}

/** Zeros at its ends say nothing. */
static void decimal_trim(struct decimal *d)
{
    size_t zeros = 0;
    while (d->count > 0 && d->digit[d->count - 1] == '0') {
        d->count--;
    }
    while (zeros < d->count && d->digit[zeros] == '0') {
        zeros++;
    }
    memmove(d->digit, d->digit + zeros, d->count - zeros);
    d->count -= zeros;
    d->point = d->count == 0 ? 0 : d->point - (int64_t)zeros;
    d->negative = d->negative && d->count > 0;
}

bool decimal_plain(struct arena *a, struct text number, struct text *out)
{
    struct decimal d;
    char text[2 * DIGITS_MAX + 8];
    size_t len = 0;
    if (!decimal_take(number, &d)) {
        return false;
    }
    decimal_trim(&d);
    int64_t parts = (int64_t)d.count - d.point; /* digits behind the point */
    if (d.point > DIGITS_MAX || parts > DIGITS_MAX) {
        return false;
    }
    if (d.negative) {
        text[len++] = '-';
    }
    for (int64_t i = d.point < 1 ? d.point - 1 : 0; i < (int64_t)d.count || i < d.point; i++) {
        if (i == d.point) {
            text[len++] = '.';
        }
        text[len++] = i >= 0 && i < (int64_t)d.count ? d.digit[i] : '0';
    }
    *out = arena_text(a, (struct text){text, len});
    return true;
}

bool bucket_is_good(struct text bucket)
{
    size_t digits = bucket.len - 1;
    if (bucket.len < 2 || digits > 4 || bucket.p[0] == '0' ||
        memchr("smhdw", bucket.p[digits], 5) == NULL) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        if (!is_digit(bucket.p[i])) {
            return false;
        }
    }
    return true;
}

/* --- members -----------------------------------------------------------------------------------*/

/** A member under its name or its other one; NULL: absent, or null. */
static const struct json *member(const struct json *obj, const char *name, const char *other)
{
    const struct json *j = json_get(obj, name);
    j = j == NULL && other != NULL ? json_get(obj, other) : j;
    return j != NULL && j->type != JSON_NULL ? j : NULL;
}

/** A line of at most `max` bytes; absent: *out stays. */
static enum mete_code line_take(const struct form_in *in, const struct json *j, size_t max,
                                struct text *out)
{
    return j == NULL ? METE_OK : form_line(in, j, 1, max, out);
}

/** Ids are anybody's and may look like a number of a phone, but an address is none. */
static enum mete_code id_take(const struct form_in *in, const struct json *obj, const char *name,
                              const struct json *j, struct text *out)
{
    if (j == NULL) {
        return form_missing(in, obj, text_of(name));
    }
    enum mete_code code = form_line(in, j, 1, EVENT_ID_LEN_MAX, out);
    if (code == METE_OK && text_has_email(*out)) {
        code = form_fail(in, j, METE_PII_EMAIL,
                         "this looks like an e-mail address: use an id that says nothing of a "
                         "person");
    }
    return code;
}

static enum mete_code moment_take(const struct form_in *in, const struct json *j, mete_time now,
                                  mete_time *out)
{
    enum mete_code code = form_time(in, j, false, false, out);
    if (code == METE_OK && *out - FUTURE_US_MAX > now) {
        code = form_fail(in, j, METE_TIME_FUTURE,
                         "this is more than 5 minutes ahead of the clock here");
    }
    return code;
}

static enum mete_code moment_needed(const struct form_in *in, const struct json *item,
                                    const struct insight_options *o, mete_time *out)
{
    const struct json *j = member(item, "t", NULL);
    if (j == NULL) {
        return form_missing(in, item, TEXT("t"));
    }
    enum mete_code code = moment_take(in, j, o->now, out);
    if (code == METE_OK && *out < o->oldest) {
        code = form_fail(in, j, METE_TIME_RANGE, "this is older than what is kept here");
    }
    return code;
}

/* --- what all items share ----------------------------------------------------------------------*/

static enum mete_code app_take(const struct form_in *in, const struct insight_options *o,
                               struct insight_body *out)
{
    const struct json *j = member(in->root, "appId", "app_id");
    out->app = o->app;
    if (text_starts(o->app, "mete:")) {
        return mete_fail(in->err, METE_PARTY_RESERVED, NULL,
                         "X-Mozaiks-App-Id: names that begin with mete: are mete's own");
    }
    if (j == NULL && o->app.len > 0) {
        return text_is_line(o->app) && o->app.len <= EVENT_ID_LEN_MAX
                   ? METE_OK
                   : mete_fail(in->err, METE_MEMBER_VALUE, NULL,
                               "X-Mozaiks-App-Id is a line of 1 to %d bytes", EVENT_ID_LEN_MAX);
    }
    enum mete_code code = id_take(in, in->root, "appId", j, &out->app);
    if (code == METE_OK && o->app.len > 0 && !text_eq(o->app, out->app)) {
        code = form_fail(in, j, METE_APP_MISMATCH,
                         "the header X-Mozaiks-App-Id names another app than the body");
    }
    if (code == METE_OK && text_starts(out->app, "mete:")) {
        code = form_fail(in, j, METE_PARTY_RESERVED, "names that begin with mete: are mete's own");
    }
    return code;
}

static enum mete_code env_take(const struct form_in *in, struct insight_body *out)
{
    static const struct {
        const char *said, *env;
    } known[] = {{"prod", "prod"},
                 {"production", "prod"},
                 {"staging", "staging"},
                 {"dev", "dev"},
                 {"development", "dev"}};
    const struct json *j = member(in->root, "env", "environment");
    out->env = TEXT(ENV_DEFAULT);
    if (j == NULL) {
        return METE_OK;
    }
    for (size_t i = 0; j->type == JSON_STRING && i < ARRAY_LEN(known); i++) {
        if (text_is(j->text, known[i].said)) {
            out->env = text_of(known[i].env);
            return METE_OK;
        }
    }
    return form_fail(in, j, METE_MEMBER_VALUE, "env is prod, staging or dev");
}

static enum mete_code sent_take(const struct form_in *in, mete_time now, struct insight_body *out)
{
    const struct json *j = member(in->root, "sentAtUtc", "sent_at_utc");
    out->sent_at = TIME_ALWAYS;
    return j == NULL ? METE_OK : moment_take(in, j, now, &out->sent_at);
}

static enum mete_code body_parse(struct form_in *in, struct text json,
                                 const struct insight_options *o, struct insight_body *out)
{
    struct json *root = NULL;
    *out = (struct insight_body){.tags = TEXT("{}"), .bucket = TEXT(BUCKET_DEFAULT)};
    enum mete_code code = json_parse(in->arena, json, &root, in->err);
    if (code != METE_OK) {
        return code;
    }
    in->root = root;
    code = form_type(in, root, JSON_OBJECT);
    code = code == METE_OK ? app_take(in, o, out) : code;
    code = code == METE_OK ? env_take(in, out) : code;
    return code == METE_OK ? sent_take(in, o->now, out) : code;
}

/* --- tags --------------------------------------------------------------------------------------*/

static bool names_users(struct text name)
{
    static const char *const names[] = {"user_id", "user_ids", "userId", "userIds", "user"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (text_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

static enum mete_code tag_check(const struct form_in *in, const struct json *tag)
{
    struct text unused;
    if (names_users(tag->key)) {
        return form_fail(in, tag, METE_MEMBER_VALUE,
                         "a metric is of many: name no user in its tags, but a label");
    }
    if (tag->key.len == 0 || tag->key.len > TAG_NAME_LEN_MAX || !text_is_line(tag->key)) {
        return form_fail(in, tag, METE_TEXT_LENGTH, "the name of a tag has 1 to %d bytes",
                         TAG_NAME_LEN_MAX);
    }
    return form_line(in, tag, 1, TAG_LEN_MAX, &unused);
}

static enum mete_code tags_take(const struct form_in *in, struct insight_body *out)
{
    const struct json *tags = member(in->root, "tags", NULL);
    struct buf canonical = {0};
    if (tags == NULL) {
        return METE_OK;
    }
    enum mete_code code = form_type(in, tags, JSON_OBJECT);
    if (code == METE_OK && tags->count > INSIGHT_TAGS_MAX) {
        code = form_fail(in, tags, METE_LIMIT, "at most %u tags", INSIGHT_TAGS_MAX);
    }
    for (const struct json *tag = tags->child; tag != NULL && code == METE_OK; tag = tag->next) {
        code = tag_check(in, tag);
    }
    code = code == METE_OK ? pii_check_all(in, tags) : code;
    code = code == METE_OK ? json_canonical(tags, &canonical, in->err) : code;
    if (code == METE_OK && canonical.len > INSIGHT_TAGS_SIZE) {
        code = form_fail(in, tags, METE_LIMIT, "all tags together have at most %u bytes",
                         INSIGHT_TAGS_SIZE);
    }
    out->tags = code == METE_OK ? arena_text(in->arena, buf_text(&canonical)) : out->tags;
    buf_clear(&canonical);
    return code;
}

/* --- items -------------------------------------------------------------------------------------*/

/** The array of items. */
static enum mete_code items_find(const struct form_in *in, const char *name, enum mete_code none,
                                 size_t max, const struct json **out)
{
    const struct json *items = member(in->root, name, NULL);
    char pointer[32] = "";
    json_pointer_add(pointer, sizeof pointer, text_of(name));
    if (items == NULL) {
        return mete_fail(in->err, none, pointer, "the body has no %s", name);
    }
    enum mete_code code = form_type(in, items, JSON_ARRAY);
    if (code == METE_OK && items->count == 0) {
        code = mete_fail(in->err, none, pointer, "%s is empty", name);
    }
    if (code == METE_OK && items->count > max) {
        code = mete_fail(in->err, METE_BODY_TOO_LARGE, pointer, "at most %zu %s in one request",
                         max, name);
    }
    *out = items;
    return code;
}

static void flaw_add(struct insight_body *out, size_t index, struct text name,
                     const struct mete_err *err)
{
    out->flaw[out->flaw_count++] = (struct insight_flaw){.index = index, .name = name, .err = *err};
}

static struct text name_of(const struct json *item, const char *name)
{
    const struct json *j = json_get(item, name);
    return j != NULL && j->type == JSON_STRING && j->text.len <= EVENT_ID_LEN_MAX
               ? j->text
               : (struct text){0};
}

static enum mete_code value_take(const struct form_in *in, const struct json *item,
                                 struct text *out)
{
    const struct json *j = member(item, "v", NULL);
    if (j == NULL) {
        return form_missing(in, item, TEXT("v"));
    }
    if (j->type != JSON_NUMBER && j->type != JSON_STRING) {
        return form_fail(in, j, METE_MEMBER_TYPE, "expected a number, or a decimal in a string");
    }
    return decimal_plain(in->arena, j->text, out)
               ? METE_OK
               : form_fail(in, j, METE_AMOUNT_INVALID,
                           "expected a decimal of at most %d digits on each side of its point",
                           DIGITS_MAX);
}

static enum mete_code point_take(const struct form_in *in, const struct json *item,
                                 const struct insight_options *o, struct kpi_item *out)
{
    *out = (struct kpi_item){0};
    enum mete_code code = form_type(in, item, JSON_OBJECT);
    if (code != METE_OK) {
        return code;
    }
    const struct json *metric = member(item, "metric", NULL);
    const struct json *unit = member(item, "unit", NULL);
    code = metric == NULL ? form_missing(in, item, TEXT("metric"))
                          : form_line(in, metric, 1, METRIC_LEN_MAX, &out->metric);
    code = code == METE_OK ? moment_needed(in, item, o, &out->t) : code;
    code = code == METE_OK ? value_take(in, item, &out->v) : code;
    code = code == METE_OK ? line_take(in, unit, UNIT_LEN_MAX, &out->unit) : code;
    code = code == METE_OK ? pii_check_all(in, metric) : code;
    return code == METE_OK && unit != NULL ? pii_check_all(in, unit) : code;
}

enum mete_code kpi_body_read(struct arena *a, struct text json, const struct insight_options *o,
                             struct insight_body *out, struct mete_err *err)
{
    struct form_in in = {.arena = a, .at = "", .err = err};
    const struct json *points = NULL;
    enum mete_code code = body_parse(&in, json, o, out);
    if (code != METE_OK) {
        return code;
    }
    const struct json *bucket = member(in.root, "bucket", NULL);
    const struct json *key = member(in.root, "dedupeKey", "dedupe_key");
    if (bucket != NULL && (bucket->type != JSON_STRING || !bucket_is_good(bucket->text))) {
        return form_fail(&in, bucket, METE_MEMBER_VALUE,
                         "a bucket is a count from 1 to 9999 and one of s, m, h, d, w, as in 1m");
    }
    out->bucket = bucket != NULL ? bucket->text : out->bucket;
    code = key != NULL ? id_take(&in, in.root, "dedupeKey", key, &out->dedupe_key) : METE_OK;
    code = code == METE_OK ? tags_take(&in, out) : code;
    code =
        code == METE_OK ? items_find(&in, "points", METE_NO_POINTS, KPI_POINTS_MAX, &points) : code;
    if (code != METE_OK) {
        return code;
    }
    out->point = arena_array(a, points->count, sizeof *out->point);
    out->flaw = arena_array(a, points->count, sizeof *out->flaw);
    size_t index = 0;
    for (const struct json *item = points->child; item != NULL; item = item->next, index++) {
        if (point_take(&in, item, o, &out->point[out->count]) == METE_OK) {
            out->count++;
        } else {
            flaw_add(out, index, name_of(item, "metric"), err);
        }
    }
    return METE_OK;
}

/* --- insight events ----------------------------------------------------------------------------*/

static enum mete_code message_take(const struct form_in *in, const struct json *j, struct text *out)
{
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code == METE_OK && j->text.len > MESSAGE_LEN_MAX) {
        code =
            form_fail(in, j, METE_TEXT_LENGTH, "a message has at most %d bytes", MESSAGE_LEN_MAX);
    }
    if (code == METE_OK && memchr(j->text.p, '\0', j->text.len) != NULL) {
        code = form_fail(in, j, METE_MEMBER_VALUE, "a message holds no zero byte");
    }
    *out = code == METE_OK ? j->text : (struct text){0};
    return code == METE_OK ? pii_check_all(in, j) : code;
}

static enum mete_code data_take(const struct form_in *in, const struct json *j, struct text *out)
{
    struct buf canonical = {0};
    struct mete_err inner;
    enum mete_code code = pii_check_all(in, j);
    if (code == METE_OK && json_canonical(j, &canonical, &inner) != METE_OK) {
        code = form_fail(in, j, inner.code, "%.60s: %.160s", inner.pointer, inner.text);
    }
    if (code == METE_OK && canonical.len > INSIGHT_DATA_SIZE) {
        code = form_fail(in, j, METE_LIMIT, "data has at most %u bytes", INSIGHT_DATA_SIZE);
    }
    *out = code == METE_OK ? arena_text(in->arena, buf_text(&canonical)) : (struct text){0};
    buf_clear(&canonical);
    return code;
}

static enum mete_code event_take(const struct form_in *in, const struct json *item,
                                 const struct insight_options *o, struct insight_item *out)
{
    *out = (struct insight_item){0};
    enum mete_code code = form_type(in, item, JSON_OBJECT);
    if (code != METE_OK) {
        return code;
    }
    const struct json *type = member(item, "type", NULL);
    const struct json *severity = member(item, "severity", NULL);
    const struct json *message = member(item, "message", NULL);
    const struct json *data = member(item, "data", NULL);
    code = id_take(in, item, "eventId", member(item, "eventId", "event_id"), &out->id);
    code = code == METE_OK ? moment_needed(in, item, o, &out->t) : code;
    if (code == METE_OK) {
        code = type == NULL ? form_missing(in, item, TEXT("type"))
                            : form_line(in, type, 1, LABEL_LEN_MAX, &out->type);
    }
    code = code == METE_OK ? line_take(in, severity, SEVERITY_LEN_MAX, &out->severity) : code;
    code = code == METE_OK ? pii_check_all(in, type) : code;
    code = code == METE_OK && severity != NULL ? pii_check_all(in, severity) : code;
    code = code == METE_OK && message != NULL ? message_take(in, message, &out->message) : code;
    return code == METE_OK && data != NULL ? data_take(in, data, &out->data) : code;
}

enum mete_code insight_body_read(struct arena *a, struct text json, const struct insight_options *o,
                                 struct insight_body *out, struct mete_err *err)
{
    struct form_in in = {.arena = a, .at = "", .err = err};
    const struct json *events = NULL;
    enum mete_code code = body_parse(&in, json, o, out);
    code = code == METE_OK ? items_find(&in, "events", METE_NO_EVENTS, INSIGHT_EVENTS_MAX, &events)
                           : code;
    if (code != METE_OK) {
        return code;
    }
    out->event = arena_array(a, events->count, sizeof *out->event);
    out->flaw = arena_array(a, events->count, sizeof *out->flaw);
    size_t index = 0;
    for (const struct json *item = events->child; item != NULL; item = item->next, index++) {
        if (event_take(&in, item, o, &out->event[out->count]) == METE_OK) {
            out->event[out->count++].index = index;
        } else {
            flaw_add(out, index, name_of(item, "eventId"), err);
        }
    }
    return METE_OK;
}

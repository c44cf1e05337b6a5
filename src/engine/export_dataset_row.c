/* SPDX-License-Identifier: Apache-2.0
 * One row of the dataset: its cells out of the event or what was computed, users replaced by
 * pseudonyms, as CSV (RFC 4180) and as a line of JSON. */
#include "engine/export_dataset.h"

#include "base/text.h"
#include "engine/sealed.h"

#include <string.h>

struct text dataset_given(struct text t)
{
    return t.len > 0 ? t : (struct text){0};
}

struct text dataset_integer(struct dataset *d, i128 v)
{
    return words_i128(&d->a, v);
}

struct text dataset_moment(struct dataset *d, mete_time t)
{
    return t == TIME_NEVER || t == TIME_ALWAYS ? (struct text){0} : words_time(&d->a, t);
}

struct text dataset_pseudonym(struct dataset *d, struct text id)
{
    char hex[65];
    if (id.len == 0) {
        return (struct text){0};
    }
    const struct bytes key = {d->pseudonym_key.b, sizeof d->pseudonym_key.b};
    struct hash h = hmac_sha256(key, text_bytes(id));
    hash_hex(&h, hex);
    return arena_printf(&d->a, "u_%.*s", PSEUDONYM_LEN, hex);
}

/* --- values out of events ----------------------------------------------------------------------*/

/** The member that a path such as "payload/segment/country" leads to, or NULL. */
static const struct json *path_follow(const struct json *event, const char *path)
{
    while (event != NULL && *path != '\0') {
        size_t len = strcspn(path, "/");
        event = json_get_text(event, (struct text){path, len});
        path += len + (path[len] == '/' ? 1 : 0);
    }
    return event;
}

/** True for a value that stands in the log as a commitment: it is private. */
static bool is_private(const struct json *j)
{
    struct hash unused;
    return j->type == JSON_STRING && commitment_read(j->text, &unused);
}

/** True for the names of members that name people: user_id, userIds, investor_id ... */
static bool names_people(struct text member)
{
    static const char *const who[] = {"user",    "investor", "creator",  "actor", "owner",
                                      "visitor", "customer", "session",  "party", "beneficiary",
                                      "device",  "account",  "anonymous"};
    char letters[24];
    size_t len = 0;
    for (size_t i = 0; i < member.len && len < sizeof letters - 1; i++) {
        int c = member.p[i] | 0x20;
        if (member.p[i] >= 'A' && c >= 'a' && c <= 'z') {
            letters[len++] = (char)c;
        }
    }
    letters[len] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(who); i++) {
        const char *rest = letters + strlen(who[i]);
        if (strncmp(letters, who[i], strlen(who[i])) == 0 &&
            (strcmp(rest, "id") == 0 || strcmp(rest, "ids") == 0)) {
            return true;
        }
    }
    return false;
}

/** A copy of a value without people and without commitments. */
static struct json *scrubbed(struct dataset *d, const struct json *j, bool is_person)
{
    struct json *copy = arena_alloc(&d->a, sizeof *copy);
    is_person |= names_people(j->key);
    *copy = (struct json){.type = is_private(j) ? JSON_NULL : j->type, .key = j->key};
    if (is_person && (j->type == JSON_STRING || j->type == JSON_NUMBER) && !is_private(j)) {
        copy->type = JSON_STRING;
        copy->text = dataset_pseudonym(d, j->text);
    } else if (copy->type == JSON_STRING || copy->type == JSON_NUMBER) {
        copy->text = j->text;
    }
    for (const struct json *child = j->child; child != NULL; child = child->next) {
        struct json *item = scrubbed(d, child, is_person);
        if (j->type == JSON_OBJECT) {
            json_set(copy, child->key, item);
        } else {
            json_add(copy, item);
        }
    }
    return copy;
}

static struct text json_text(struct dataset *d, const struct json *j)
{
    struct buf out = {0};
    struct mete_err unused;
    struct text t = {0};
    if (json_canonical(scrubbed(d, j, false), &out, &unused) == METE_OK) {
        t = arena_text(&d->a, buf_text(&out));
    }
    buf_clear(&out);
    return t;
}

static struct text member_text(struct dataset *d, const struct json *j, enum data_type type)
{
    if (j == NULL || j->type == JSON_NULL || is_private(j)) {
        return (struct text){0};
    }
    if (type == DATA_JSON) {
        return json_text(d, j);
    }
    if (type == DATA_BOOL) {
        return json_is_true(j) ? TEXT("true") : TEXT("false");
    }
    const struct json *amount = json_get(j, "amount"); /* of Money */
    j = type == DATA_NUMBER && amount != NULL ? amount : j;
    if (j->type != JSON_STRING && j->type != JSON_NUMBER) {
        return (struct text){0};
    }
    return type == DATA_PERSON ? dataset_pseudonym(d, j->text) : dataset_given(j->text);
}

static struct text cell_of(struct dataset *d, const struct dataset_row *r,
                           const struct dataset_column *c)
{
    if (c->path == NULL) {
        return r->value[c->value];
    }
    return member_text(d, path_follow(r->event, c->path), (enum data_type)c->type);
}

/* --- CSV ---------------------------------------------------------------------------------------*/

/** What a spreadsheet would take for a formula. */
static bool may_be_formula(struct text t, enum data_type type)
{
    bool is_text = type == DATA_WORD || type == DATA_JSON || type == DATA_MOMENT;
    return is_text && t.len > 0 && t.p[0] != '\0' && strchr("=+-@\t\r", t.p[0]) != NULL;
}

static void csv_put(struct buf *out, struct text t, enum data_type type)
{
    bool is_plain = true;
    for (size_t i = 0; i < t.len && is_plain; i++) {
        is_plain = t.p[i] != '"' && t.p[i] != ',' && t.p[i] != '\n' && t.p[i] != '\r';
    }
    if (!is_plain) {
        buf_put_u8(out, '"');
    }
    if (may_be_formula(t, type)) {
        buf_put_u8(out, '\'');
    }
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] == '"') {
            buf_put_u8(out, '"');
        }
        buf_put_u8(out, (uint8_t)t.p[i]);
    }
    if (!is_plain) {
        buf_put_u8(out, '"');
    }
    buf_put_u8(out, ',');
}

/** The last comma becomes the end of the line. */
static void csv_end(struct buf *out)
{
    METE_ASSERT(out->len > 0);
    out->len--;
    buf_put_str(out, "\r\n");
}

/* --- JSON --------------------------------------------------------------------------------------*/

static void jsonl_put(struct buf *out, const struct dataset_column *c, struct text t)
{
    json_put_string(out, text_of(c->name));
    buf_put_u8(out, ':');
    if (t.p == NULL) {
        buf_put_str(out, "null");
    } else if (c->type == DATA_INTEGER || c->type == DATA_BOOL || c->type == DATA_JSON) {
        buf_put_text(out, t);
    } else {
        json_put_string(out, t);
    }
    buf_put_u8(out, ',');
}

/* --- rows --------------------------------------------------------------------------------------*/

void dataset_head_put(struct dataset *d, enum dataset_family family)
{
    const struct dataset_table *t = dataset_table_of(family);
    struct dataset_file *csv = &d->folder.file[family][FORM_CSV];
    if (csv->fd < 0) {
        return;
    }
    for (size_t i = 0; i < t->count; i++) {
        if (dataset_has_column(&t->column[i], d->q->tiers)) {
            csv_put(&csv->waiting, text_of(t->column[i].name), DATA_WORD);
        }
    }
    csv_end(&csv->waiting);
}

static bool is_asked_for(struct text wanted, struct text value)
{
    return wanted.len == 0 || text_eq(wanted, value);
}

/** The app of the campaign that the row belongs to, when the event does not say it. */
static void app_fill(struct dataset *d, struct dataset_row *r)
{
    struct text campaign = r->value[VALUE_CAMPAIGN];
    struct version *versions;
    struct campaign c;
    uint32_t number = 0;
    size_t count = 0;
    if (r->value[VALUE_APP].len > 0 || campaign.len == 0 || campaign.len > CAMPAIGN_ID_LEN_MAX) {
        return;
    }
    const struct view *v = engine_view(d->e);
    if (view_policy(v, &d->a, campaign_policy_id(&d->a, campaign), &number, &versions, &count) ==
            VIEW_FOUND &&
        view_campaign(v, &d->a, number, &c) == VIEW_FOUND) {
        r->value[VALUE_APP] = dataset_given(arena_text(&d->a, c.app_id));
    }
}

/** The apps have no campaign: the one of the campaign asked for belongs to it. */
static bool is_selected(const struct dataset *d, enum dataset_family family,
                        const struct dataset_row *r)
{
    bool of_campaign = family == FAMILY_APPS && d->q->campaign.len > 0
                           ? text_eq(buf_text(&d->campaign_app), r->value[VALUE_APP])
                           : is_asked_for(d->q->campaign, r->value[VALUE_CAMPAIGN]);
    return of_campaign && is_asked_for(d->q->app, r->value[VALUE_APP]);
}

void dataset_row_put(struct dataset *d, enum dataset_family family, struct dataset_row *r)
{
    const struct dataset_table *t = dataset_table_of(family);
    struct dataset_file *csv = &d->folder.file[family][FORM_CSV];
    struct dataset_file *jsonl = &d->folder.file[family][FORM_JSONL];
    app_fill(d, r);
    if (csv->fd < 0 || !is_selected(d, family, r)) {
        return;
    }
    buf_put_u8(&jsonl->waiting, '{');
    for (size_t i = 0; i < t->count; i++) {
        const struct dataset_column *c = &t->column[i];
        if (dataset_has_column(c, d->q->tiers)) {
            struct text cell = cell_of(d, r, c);
            csv_put(&csv->waiting, cell, (enum data_type)c->type);
            jsonl_put(&jsonl->waiting, c, cell);
        }
    }
    csv_end(&csv->waiting);
    jsonl->waiting.len--;
    buf_put_str(&jsonl->waiting, "}\n");
    d->folder.rows[family]++;
    folder_spill(&d->folder, csv);
    folder_spill(&d->folder, jsonl);
}

/* SPDX-License-Identifier: Apache-2.0
 * mete export dataset: one walk over the log, one over the campaigns, and a manifest of what came
 * of it. Nothing in it depends on the clock, the machine or the kind of store: the same log gives
 * the same bytes. */
#include "engine/export_dataset.h"

#include "base/text.h"
#include "engine/campaigns.h"
#include "engine/internal.h"

#include <stdio.h>

#define ARENA_MAX ((size_t)4 << 30)
#define KEY_LABEL "mete dataset pseudonyms 1"

/* --- the log -----------------------------------------------------------------------------------*/

static bool item_visit(void *arg, const struct walk_item *item)
{
    struct dataset *d = arg;
    struct walk_head head;
    arena_reset(&d->a);
    d->code = walk_head_of(&d->a, item->bytes, &head, d->err);
    if (d->code == METE_OK) {
        dataset_fact(d, item, &head);
    }
    if (d->code == METE_OK) {
        dataset_money(d, item, &head);
    }
    names_trim(&d->names);
    if (d->code == METE_OK && d->folder.failed != 0) {
        d->code = export_stopped(d->err); /* folder_settle says why */
    }
    return d->code == METE_OK;
}

static void log_write(struct dataset *d)
{
    uint64_t from, until;
    const struct export_query stretch = {.from = d->q->from, .until = d->q->until};
    export_stretch(d->e, &stretch, &from, &until);
    enum mete_code code = walk_log(d->e, from, until, item_visit, d, d->err);
    d->code = d->code == METE_OK ? code : d->code;
}

/* --- the campaigns -----------------------------------------------------------------------------*/

static struct text amount_if(struct dataset *d, bool has, i128 amount)
{
    return has ? dataset_integer(d, amount) : (struct text){0};
}

static mete_time over_at(const struct campaign_row *row, mete_time as_of)
{
    mete_time end = row->campaign.completed_at;
    mete_time clock = campaign_ends_at(&row->campaign);
    end = clock < end ? clock : end;
    return end <= as_of ? end : TIME_NEVER;
}

static void outcome_end(struct dataset *d, const struct campaign_row *row, struct dataset_row *r)
{
    const struct campaign *c = &row->campaign;
    mete_time over = over_at(row, d->as_of);
    bool by_clock =
        over != TIME_NEVER && over == campaign_ends_at(c) && c->reason == COMPLETION_NONE;
    enum completion reason = by_clock ? COMPLETION_DURATION : (enum completion)c->reason;
    r->value[VALUE_ACTIVATED_AT] = dataset_moment(d, c->activated_at);
    r->value[VALUE_COMPLETED_AT] = dataset_moment(d, over);
    if (reason != COMPLETION_NONE) {
        r->value[VALUE_REASON] = text_of(completion_name(reason));
    }
    r->value[VALUE_OFF_RAMP] = dataset_given(c->off_ramp_taken);
    if (c->activated_at <= d->as_of) {
        mete_time until = over != TIME_NEVER ? over : d->as_of;
        r->value[VALUE_DAYS_RUN] = dataset_integer(d, (until - c->activated_at) / TIME_DAY_US);
    }
}

static void outcome_money(struct dataset *d, const struct campaign_row *row, struct dataset_row *r)
{
    const struct campaign *c = &row->campaign;
    r->value[VALUE_CURRENCY] = arena_text(&d->a, text_of(row->asset.code));
    r->value[VALUE_RAISE] = amount_if(d, c->raise >= 0, c->raise);
    r->value[VALUE_CONFIRMED] = dataset_integer(d, row->confirmed);
    r->value[VALUE_CAP] = amount_if(d, row->has_cap, row->cap);
    r->value[VALUE_ACCRUED] = dataset_integer(d, row->accrued);
    r->value[VALUE_CREATOR] = dataset_integer(d, row->creators);
    r->value[VALUE_REVERSED] = dataset_integer(d, row->reversed);
    if (row->confirmed > 0 && row->accrued < AMOUNT_LIMIT / 10000) {
        r->value[VALUE_REPAID_BPS] = dataset_integer(d, row->accrued * 10000 / row->confirmed);
    }
}

static bool outcome_put(struct dataset *d, struct bytes key)
{
    const struct view *v = engine_view(d->e);
    struct campaign_row row;
    struct investment *list;
    struct version *versions;
    uint32_t unused;
    size_t investors = 0, contracts = 0;
    struct dataset_row r = {.event = NULL};
    if (campaign_at(v, &d->a, key_read_u32(key, 1), d->as_of, &row) != VIEW_FOUND ||
        view_investments(v, &d->a, row.number, &list, &investors) == VIEW_MISSING ||
        view_policy(v, &d->a, campaign_policy_id(&d->a, row.campaign.id), &unused, &versions,
                    &contracts) == VIEW_MISSING) {
        return false;
    }
    const struct campaign *c = &row.campaign;
    r.value[VALUE_CAMPAIGN] = c->id;
    r.value[VALUE_APP] = dataset_given(c->app_id);
    r.value[VALUE_STATUS] = text_of(machine_of(MACHINE_CAMPAIGN)->state[row.state]);
    r.value[VALUE_FUNDING] = c->is_offering ? TEXT("offering") : TEXT("self");
    r.value[VALUE_PARTY] = dataset_pseudonym(d, names_party(&d->names, c->creator));
    r.value[VALUE_INVESTORS] = dataset_integer(d, (i128)investors);
    r.value[VALUE_SHARE_BPS] = dataset_integer(d, c->share_bps);
    r.value[VALUE_DURATION] = amount_if(d, c->duration_days > 0, c->duration_days);
    r.value[VALUE_VERSION] = dataset_integer(d, (i128)contracts);
    outcome_money(d, &row, &r);
    outcome_end(d, &row, &r);
    dataset_row_put(d, FAMILY_OUTCOMES, &r);
    return true;
}

static enum mete_code outcome_visit(void *arg, const struct walk_key *k, bool *go_on)
{
    struct dataset *d = arg;
    (void)go_on;
    arena_reset(&d->a);
    if (!outcome_put(d, k->key)) {
        d->code = mete_fail(d->err, METE_STORE_CORRUPT, "", "a campaign cannot be read");
    }
    names_trim(&d->names);
    return d->code;
}

void dataset_outcomes(struct dataset *d)
{
    const struct key from = key_of(KEY_CAMPAIGN);
    const struct key until = key_prefix_end(from);
    if (d->code == METE_OK) {
        d->code = walk_each_key(d->e, &from, &until, outcome_visit, d, d->err);
    }
}

/* --- the manifest ------------------------------------------------------------------------------*/

static void hash_put(struct json_writer *w, const char *key, const struct hash *h)
{
    char hex[65];
    hash_hex(h, hex);
    jw_str(w, key, hex);
}

static void moment_put(struct json_writer *w, const char *key, mete_time t)
{
    char text[TIME_TEXT_MAX];
    if (t < TIME_MIN || t > TIME_MAX) {
        jw_null(w, key);
        return;
    }
    (void)time_format(t, text);
    jw_str(w, key, text);
}

static void text_or_null(struct json_writer *w, const char *key, struct text t)
{
    if (t.len > 0) {
        jw_text(w, key, t);
    } else {
        jw_null(w, key);
    }
}

static void columns_put(struct json_writer *w, const struct dataset *d,
                        const struct dataset_table *t)
{
    jw_array(w, "columns");
    for (size_t i = 0; i < t->count; i++) {
        const struct dataset_column *c = &t->column[i];
        if (dataset_has_column(c, d->q->tiers)) {
            jw_object(w, NULL);
            jw_str(w, "name", c->name);
            jw_str(w, "type", data_type_name((enum data_type)c->type));
            jw_int(w, "tier", c->tier);
            jw_str(w, "says", c->says);
            jw_end_object(w);
        }
    }
    jw_end_array(w);
}

static void file_put(struct json_writer *w, const struct dataset_table *t, const char *ending,
                     const struct dataset_file *file)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s.%s", t->name, ending);
    jw_object(w, NULL);
    jw_str(w, "name", name);
    jw_int(w, "bytes", (int64_t)file->bytes);
    hash_put(w, "sha256", &file->sha256);
    jw_end_object(w);
}

static void families_put(struct json_writer *w, const struct dataset *d)
{
    jw_array(w, "families");
    for (size_t i = 0; i < FAMILY_COUNT; i++) {
        const struct dataset_table *t = dataset_table_of((enum dataset_family)i);
        if (!dataset_has_family(t, d->q->tiers)) {
            continue;
        }
        jw_object(w, NULL);
        jw_str(w, "name", t->name);
        jw_int(w, "rows", (int64_t)d->folder.rows[i]);
        jw_array(w, "files");
        file_put(w, t, "csv", &d->folder.file[i][FORM_CSV]);
        file_put(w, t, "jsonl", &d->folder.file[i][FORM_JSONL]);
        jw_end_array(w);
        columns_put(w, d, t);
        jw_end_object(w);
    }
    jw_end_array(w);
}

static void selection_put(struct json_writer *w, const struct dataset *d)
{
    const struct dataset_query *q = d->q;
    jw_array(w, "tiers");
    for (int64_t tier = 1; tier <= 3; tier++) {
        if ((q->tiers & (1u << tier)) != 0) {
            jw_int(w, NULL, tier);
        }
    }
    jw_end_array(w);
    moment_put(w, "from", q->from);
    moment_put(w, "to", q->until == TIME_NEVER ? TIME_NEVER : q->until - 1);
    text_or_null(w, "campaign", q->campaign);
    text_or_null(w, "app", q->app);
}

/** Tells exports apart whose pseudonyms do not fit together, and says nothing about the key. */
static void pseudonyms_put(struct json_writer *w, const struct dataset *d)
{
    char hex[65];
    const struct bytes key = {d->pseudonym_key.b, sizeof d->pseudonym_key.b};
    struct hash h = hmac_sha256(key, text_bytes(TEXT("")));
    hash_hex(&h, hex);
    jw_object(w, "pseudonyms");
    jw_str(w, "method", "u_ and the first 128 bits of HMAC-SHA-256");
    jw_text(w, "key_id", (struct text){hex, 16});
    jw_end_object(w);
}

static void manifest_put(const struct dataset *d, const struct log_head *head, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out, true);
    jw_object(&w, NULL);
    jw_str(&w, "format", "mete-dataset");
    jw_int(&w, "schema_version", DATASET_SCHEMA_VERSION);
    jw_str(&w, "book", d->e->name);
    jw_object(&w, "log");
    jw_int(&w, "size", (int64_t)head->size);
    hash_put(&w, "head", &head->root);
    moment_put(&w, "recorded_at", head->size > 0 ? head->recorded_at : TIME_NEVER);
    jw_end_object(&w);
    selection_put(&w, d);
    pseudonyms_put(&w, d);
    families_put(&w, d);
    jw_end_object(&w);
    buf_put_u8(out, '\n');
}

/* --- all of it ---------------------------------------------------------------------------------*/

static enum mete_code key_make(struct dataset *d)
{
    struct bytes own = {engine_seal_key(d->e), SEAL_KEY_LEN};
    if (d->q->pseudonym_key.len > 0) {
        d->pseudonym_key = hmac_sha256(d->q->pseudonym_key, text_bytes(TEXT(KEY_LABEL)));
        return METE_OK;
    }
    if (!engine_has_keys(d->e)) {
        return mete_fail(d->err, METE_SEAL_KEY, "",
                         "pseudonyms are made with the book's key file, which is not here: give "
                         "--pseudonym-key");
    }
    d->pseudonym_key = hmac_sha256(own, text_bytes(TEXT(KEY_LABEL)));
    return METE_OK;
}

/** Who asks for a campaign or an app that is not there has mistyped it. */
static enum mete_code asked_for_check(struct dataset *d)
{
    const struct view *v = engine_view(d->e);
    struct text id = d->q->campaign;
    struct version *versions;
    struct campaign c;
    uint32_t number = 0;
    size_t count;
    if (id.len > CAMPAIGN_ID_LEN_MAX ||
        (id.len > 0 && (view_policy(v, &d->a, campaign_policy_id(&d->a, id), &number, &versions,
                                    &count) != VIEW_FOUND ||
                        view_campaign(v, &d->a, number, &c) != VIEW_FOUND))) {
        return mete_fail(d->err, METE_NOT_FOUND, "", "there is no campaign '%.*s'",
                         (int)(id.len < 200 ? id.len : 200), id.p);
    }
    if (id.len > 0) {
        buf_put_text(&d->campaign_app, c.app_id);
    }
    return METE_OK;
}

static void families_write(struct dataset *d)
{
    for (size_t i = 0; i < FAMILY_COUNT; i++) {
        dataset_head_put(d, (enum dataset_family)i);
    }
    log_write(d);
    if (d->code == METE_OK) {
        dataset_outcomes(d);
    }
    struct mete_err why = {0};
    enum mete_code code = folder_settle(&d->folder, &why);
    if (code != METE_OK) {
        *d->err = why;
        d->code = code;
    }
}

static void count_rows(const struct dataset *d, struct dataset_result *out)
{
    *out = (struct dataset_result){.families = 0};
    for (size_t i = 0; i < FAMILY_COUNT; i++) {
        out->families += dataset_has_family(dataset_table_of((enum dataset_family)i), d->q->tiers);
        out->rows += d->folder.rows[i];
        out->bytes += d->folder.file[i][FORM_CSV].bytes + d->folder.file[i][FORM_JSONL].bytes;
    }
}

static void dataset_make(struct dataset *d, const struct log_head *head)
{
    struct buf manifest = {0};
    families_write(d);
    if (d->code == METE_OK) {
        manifest_put(d, head, &manifest);
        d->code = folder_finish(&d->folder, buf_bytes(&manifest), d->err);
    }
    buf_clear(&manifest);
}

enum mete_code export_dataset(struct engine *e, const struct dataset_query *q,
                              struct dataset_result *out, struct mete_err *err)
{
    struct log_head head = book_head(engine_book(e));
    struct dataset d = {.e = e, .q = q, .as_of = head.recorded_at, .err = err};
    names_init(&d.names, engine_view(e));
    lines_origin_init(&d.origin, e);
    arena_init(&d.a, ARENA_MAX);
    d.code = key_make(&d);
    d.code = d.code == METE_OK ? asked_for_check(&d) : d.code;
    if (d.code == METE_OK) {
        d.code = folder_begin(&d.folder, q->folder, q->force, q->tiers, err);
        if (d.code == METE_OK) {
            dataset_make(&d, &head);
        }
        count_rows(&d, out);
        folder_clear(&d.folder);
    }
    buf_clear(&d.campaign_app);
    names_clear(&d.names);
    lines_origin_clear(&d.origin);
    arena_clear(&d.a);
    secret_wipe(&d.pseudonym_key, sizeof d.pseudonym_key);
    return engine_sound(e, d.code, err);
}

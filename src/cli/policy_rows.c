/* SPDX-License-Identifier: Apache-2.0
 * Policies made readable. */
#include "cli/policy_rows.h"

#include "base/i128.h"
#include "base/text.h"
#include "engine/words.h"
#include "wire/document.h"
#include "wire/form.h"
#include "wire/json_values.h"

#define PERCENT_DECIMALS 6u

struct text percent_label(struct arena *a, u128 num, u128 den)
{
    u128 rest;
    u128 scale = u128_pow10(PERCENT_DECIMALS);
    u128 value = u128_mul_div(num, 100 * scale, den, &rest);
    char digits[I128_TEXT_MAX];
    u128_format(value / scale, digits);
    char fraction[PERCENT_DECIMALS + 1];
    u128 part = value % scale;
    for (unsigned i = PERCENT_DECIMALS; i-- > 0; part /= 10) {
        fraction[i] = (char)('0' + (int)(part % 10));
    }
    unsigned len = PERCENT_DECIMALS;
    while (rest == 0 && len > 0 && fraction[len - 1] == '0') {
        len--;
    }
    fraction[len] = 0;
    return arena_printf(a, "%s%s%s%s%%", digits, len > 0 ? "." : "", fraction,
                        rest != 0 ? "..." : "");
}

/* --- rows --------------------------------------------------------------------------------------*/

static struct text entry_when(struct arena *a, const struct policy *p, const struct split_entry *e)
{
    struct buf b = {0};
    if (e->from != TIME_ALWAYS) {
        struct text t = words_moment(a, e->from);
        buf_printf(&b, "from %.*s", (int)t.len, t.p);
    }
    if (e->until != TIME_NEVER) {
        struct text t = words_moment(a, e->until);
        buf_printf(&b, "%suntil %.*s", b.len > 0 ? " " : "", (int)t.len, t.p);
    }
    const char *before = b.len > 0 ? " while " : "while ";
    for (uint32_t i = 0; i < p->condition_count; i++) {
        if ((e->conditions >> i & 1) != 0) {
            buf_put_str(&b, before);
            buf_put_text(&b, p->condition[i]);
            before = " and ";
        }
    }
    if (b.len == 0) {
        buf_put_str(&b, "always");
    }
    buf_printf(&b, " (v%u)", e->version);
    struct text out = arena_text(a, buf_text(&b));
    buf_clear(&b);
    return out;
}

static void rows_of_shares(struct arena *a, const struct policy *p, struct policy_rows *out)
{
    out->row = arena_array(a, (size_t)p->share_count + p->entry_count, sizeof *out->row);
    for (uint32_t i = 0; i < p->share_count; i++) {
        const struct share *s = &p->share[i];
        struct policy_row row = {.payee = s->payee,
                                 .role = s->role,
                                 .is_policy = s->is_policy,
                                 .held = s->held,
                                 .num = s->weight,
                                 .den = p->den};
        out->row[out->count++] = row;
        for (uint32_t k = 0; k < s->entry_count; k++) {
            const struct split_entry *e = &p->entry[s->entry_first + k];
            row.when = entry_when(a, p, e);
            row.entry = e;
            row.num = e->weight;
            out->row[out->count++] = row;
        }
    }
}

static void rows_of_roles(struct arena *a, const struct policy *p, struct policy_rows *out)
{
    out->row = arena_array(a, p->role_count, sizeof *out->row);
    for (uint32_t i = 0; i < p->role_count; i++) {
        out->row[out->count++] =
            (struct policy_row){.role = p->role[i].role, .num = p->role[i].bps, .den = 10000};
    }
}

/** Factors of a usage policy: calls, KiB, and each provider's tier. */
static void rows_of_usage(struct arena *a, const struct policy *p, struct policy_rows *out)
{
    out->row = arena_array(a, (size_t)p->tier_count + 2, sizeof *out->row);
    out->row[out->count++] = (struct policy_row){
        .payee = TEXT("(each call)"), .num = p->calls_weight.num, .den = p->calls_weight.den};
    out->row[out->count++] = (struct policy_row){
        .payee = TEXT("(each KiB)"), .num = p->kib_weight.num, .den = p->kib_weight.den};
    for (uint32_t i = 0; i < p->tier_count; i++) {
        out->row[out->count++] = (struct policy_row){.payee = p->tier[i].provider,
                                                     .role = TEXT("tier"),
                                                     .num = p->tier[i].factor.num,
                                                     .den = p->tier[i].factor.den};
    }
}

struct policy_rows policy_rows(struct arena *a, const struct policy *p)
{
    struct policy_rows out = {0};
    switch (p->kind) {
    case POLICY_WEIGHTS:
        rows_of_shares(a, p, &out);
        break;
    case POLICY_SINGLE:
        out.row = arena_array(a, 1, sizeof *out.row);
        out.row[out.count++] = (struct policy_row){.payee = p->share[0].payee, .num = 1, .den = 1};
        break;
    case POLICY_ROLES:
        rows_of_roles(a, p, &out);
        break;
    case POLICY_USAGE:
        rows_of_usage(a, p, &out);
        break;
    case POLICY_CONTRACT:
        rows_of_shares(a, p, &out);
        break;
    }
    return out;
}

/* --- showing -----------------------------------------------------------------------------------*/

static void put_text(struct table *t, struct text value)
{
    if (value.len == 0) {
        table_null(t);
    } else {
        table_text(t, value);
    }
}

static void put_time(struct table *t, mete_time at)
{
    if (at == TIME_ALWAYS || at == TIME_NEVER) {
        table_null(t);
    } else {
        table_time(t, at);
    }
}

/** What programs want to know of a temporal entry; conditions with commas between them. */
static void put_entry(struct arena *a, struct table *t, const struct policy *p,
                      const struct split_entry *e)
{
    if (e == NULL) {
        for (size_t i = 0; i < 4; i++) {
            table_null(t);
        }
        return;
    }
    struct text names = {0};
    for (uint32_t i = 0; i < p->condition_count; i++) {
        if ((e->conditions >> i & 1) != 0) {
            const struct text *name = &p->condition[i];
            names = arena_printf(a, "%.*s%s%.*s", (int)names.len, names.len > 0 ? names.p : "",
                                 names.len > 0 ? "," : "", (int)name->len, name->p);
        }
    }
    put_time(t, e->from);
    put_time(t, e->until);
    put_text(t, names);
    table_number(t, e->version);
}

static struct table *rows_table(struct cli *c, const struct policy *p,
                                const struct policy_rows *rows)
{
    static const struct table_column COLUMNS[] = {
        {"payee", "PAYEE", COLUMN_TEXT},       {"kind", NULL, COLUMN_TEXT},
        {"role", "ROLE", COLUMN_TEXT},         {NULL, "WHEN", COLUMN_TEXT},
        {"effective_from", NULL, COLUMN_TEXT}, {"effective_until", NULL, COLUMN_TEXT},
        {"conditions", NULL, COLUMN_TEXT},     {"version", NULL, COLUMN_NUMBER},
        {"percent", "SHARE", COLUMN_TEXT},     {"weight", "EXACT", COLUMN_TEXT},
        {"held", "HELD", COLUMN_BOOL}};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < rows->count; i++) {
        const struct policy_row *r = &rows->row[i];
        put_text(t, r->payee);
        table_str(t, r->is_policy ? "policy" : "party");
        put_text(t, r->role);
        put_text(t, r->when);
        put_entry(&c->arena, t, p, r->entry);
        if (p->kind == POLICY_USAGE) {
            table_null(t);
        } else {
            table_text(t, percent_label(&c->arena, r->num, r->den));
        }
        table_text(t, words_fraction(&c->arena, r->num, r->den));
        table_bool(t, r->held);
    }
    return t;
}

/** Base weights together, over *den. */
static u128 sum_of(const struct policy *p, u128 *den)
{
    u128 sum = 0;
    *den = p->kind == POLICY_ROLES ? 10000 : p->den;
    for (uint32_t i = 0; p->kind == POLICY_WEIGHTS && i < p->share_count; i++) {
        sum += p->share[i].weight;
    }
    for (uint32_t i = 0; p->kind == POLICY_ROLES && i < p->role_count; i++) {
        sum += p->role[i].bps;
    }
    return sum;
}

static void print_text(struct cli *c, const char *label, struct text value)
{
    if (value.len > 0) {
        cli_print(c, "%-11s ", label);
        text_put_safe(&c->out, value);
        cli_print(c, "\n");
    }
}

static void show_sum(struct cli *c, const struct policy *p)
{
    u128 den;
    u128 sum = sum_of(p, &den);
    if (p->kind != POLICY_WEIGHTS && p->kind != POLICY_ROLES) {
        return;
    }
    struct text percent = percent_label(&c->arena, sum, den);
    bool temporal = policy_is_temporal(p);
    cli_print(c, "\nSum         %.*s%s", (int)percent.len, percent.p,
              temporal ? " of base weights, where no rule holds" : "");
    if (sum < den && !temporal) {
        percent = percent_label(&c->arena, den - sum, den);
        cli_print(c, "; %.*s %s", (int)percent.len, percent.p,
                  p->kind == POLICY_ROLES ? "goes to the first author" : "stays unallocated");
    }
    cli_print(c, "\n");
}

void policy_show_text(struct cli *c, const struct policy *p, const struct policy_about *about)
{
    char hash[65];
    hash_hex(&p->hash, hash);
    print_text(c, "Policy", p->id);
    print_text(c, "Title", p->title);
    if (about->generation != NULL) {
        cli_print(c, "%-11s .fair %s manifest, signature: %s\n", "Form", about->generation,
                  policy_signature_name(p->signature));
    }
    cli_print(c, "%-11s %s, rounding %s\n", "Kind", policy_kind_name(p->kind),
              rounding_name(p->rounding));
    if (about->version != 0) {
        struct text from = words_from(&c->arena, about->from);
        cli_print(c, "%-11s %u of %u, in force from %.*s\n", "Version", about->version,
                  about->versions, (int)from.len, from.p);
    }
    cli_print(c, "%-11s %s\n", "SHA-256", hash);
    if (p->has_recoup) {
        cli_print(c, "%-11s ", "Recoups");
        if (p->recoup_money.amount.len > 0) {
            text_put_safe(&c->out, p->recoup_money.amount);
            cli_print(c, " ");
            text_put_safe(&c->out, p->recoup_money.currency);
        } else {
            cli_print(c, "yes");
        }
        cli_print(c, "\n");
    }
    for (uint32_t i = 0; i < p->condition_count; i++) {
        print_text(c, i == 0 ? "Conditions" : "", p->condition[i]);
    }
    cli_print(c, "\n");
    struct policy_rows rows = policy_rows(&c->arena, p);
    struct table *t = rows_table(c, p, &rows);
    table_to_text(t, &c->out, c->color);
    table_free(t);
    show_sum(c, p);
}

void policy_show_json(struct cli *c, const struct policy *p, const struct policy_about *about)
{
    struct json_writer w;
    u128 den;
    u128 sum = sum_of(p, &den);
    cli_json_begin(c, &w);
    jw_object(&w, NULL);
    jw_bool(&w, "valid", true);
    jw_text(&w, "id", p->id);
    jw_str(&w, "kind", policy_kind_name(p->kind));
    jw_str(&w, "rounding", rounding_name(p->rounding));
    jw_str(&w, "generation", about->generation);
    jw_str(&w, "signature", policy_signature_name(p->signature));
    jw_text(&w, "title", p->title);
    jw_hash(&w, "sha256", &p->hash);
    if (about->version != 0) {
        jw_int(&w, "version", about->version);
        jw_int(&w, "versions", about->versions);
        jw_time(&w, "effective_from", about->from);
    }
    jw_array(&w, "conditions");
    for (uint32_t i = 0; i < p->condition_count; i++) {
        jw_text(&w, NULL, p->condition[i]);
    }
    jw_end_array(&w);
    struct policy_rows rows = policy_rows(&c->arena, p);
    struct table *t = rows_table(c, p, &rows);
    table_to_json(t, &w, "shares");
    table_free(t);
    if (p->kind == POLICY_WEIGHTS || p->kind == POLICY_ROLES) {
        jw_text(&w, "sum", words_fraction(&c->arena, sum, den));
    }
    jw_end_object(&w);
    cli_json_end(c);
}

/* --- where policies come from ------------------------------------------------------------------*/

/** A packed policy has numbers in place of names. */
static enum mete_code names_fill(const struct view *v, struct arena *a, struct policy *p,
                                 struct mete_err *err)
{
    bool fine = true;
    struct share *share = arena_array(a, p->share_count, sizeof *share);
    struct tier *tier = arena_array(a, p->tier_count, sizeof *tier);
    for (uint32_t i = 0; i < p->share_count && fine; i++) {
        struct text id = {0};
        share[i] = p->share[i];
        fine = (share[i].is_policy ? view_policy_id(v, share[i].number, &id)
                                   : view_party_id(v, share[i].number, &id)) == VIEW_FOUND;
        share[i].payee = arena_text(a, id);
    }
    for (uint32_t i = 0; i < p->tier_count && fine; i++) {
        struct text id = {0};
        tier[i] = p->tier[i];
        fine = view_party_id(v, tier[i].number, &id) == VIEW_FOUND;
        tier[i].provider = arena_text(a, id);
    }
    p->share = share;
    p->tier = tier;
    return fine ? METE_OK
                : mete_fail(err, METE_STORE_CORRUPT, "", "a payee of the policy has no name");
}

enum mete_code policy_load(struct engine *e, struct arena *a, struct text id, uint32_t version,
                           struct policy *out, struct policy_about *about, struct mete_err *err)
{
    const struct view *v = engine_view(e);
    const struct policy *stored;
    struct version *versions = NULL;
    size_t count = 0;
    uint32_t number = 0;
    (void)view_policy(v, a, id, &number, &versions, &count);
    if (count == 0) {
        return mete_fail(err, METE_POLICY_UNKNOWN, "", "no policy \"%.*s\" was published",
                         (int)id.len, id.p);
    }
    if (version > count) {
        return mete_fail(err, METE_NOT_FOUND, "", "the policy has %zu versions, no version %u",
                         count, version);
    }
    version = version == 0 ? (uint32_t)count : version;
    if (view_policy_version(v, a, number, version, &stored) != VIEW_FOUND) {
        return mete_fail(err, METE_STORE_CORRUPT, "", "version %u of the policy cannot be read",
                         version);
    }
    *out = *stored;
    out->id = id;
    *about = (struct policy_about){
        .version = version, .versions = (uint32_t)count, .from = versions[version - 1].from};
    return names_fill(v, a, out, err);
}

enum mete_code policy_read(struct arena *a, struct text json, struct policy *out,
                           struct policy_about *about, struct mete_err *err)
{
    struct json *doc;
    *about = (struct policy_about){0};
    enum mete_code code = json_parse(a, json, &doc, err);
    if (code != METE_OK) {
        return code;
    }
    if (!document_is_manifest(doc)) {
        return policy_document_read(a, doc, "", out, err);
    }
    about->generation = manifest_generation(doc);
    return manifest_read(a, doc, "", out, err);
}

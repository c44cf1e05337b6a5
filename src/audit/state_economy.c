/* SPDX-License-Identifier: Apache-2.0
 * The rows of the economy after the events: campaigns and what they have, investments, rounds,
 * commitments, spend grants, apps and their terms, held against what the events add up to. */
#include "audit/audit.h"

#include <inttypes.h>
#include <string.h>

#include "audit/member.h"
#include "base/i128.h"
#include "base/text.h"

/* One row and whose it is. */
struct said {
    struct audit *a;
    const struct json *line;
    const char *kind;
    struct text id;
};

static void differ_text(const struct said *s, const char *member, struct text want)
{
    struct text found = member_text(s->line, member);
    if (!text_eq(found, want)) {
        report_difference(s->a->report, "%s %.*s: %s should be %.*s, the book says %.*s", s->kind,
                          (int)s->id.len, s->id.p, member, (int)want.len,
                          want.len > 0 ? want.p : "", (int)found.len, found.len > 0 ? found.p : "");
    }
}

/* NO_AMOUNT: the member must not be there. */
static void differ_amount(const struct said *s, const char *member, i128 want)
{
    i128 found;
    char wanted[I128_TEXT_MAX];
    bool there = json_get(s->line, member) != NULL;
    if (want == NO_AMOUNT ? !there
                          : there && export_i128(s->line, member, &found) && found == want) {
        return;
    }
    (void)i128_format(want, wanted);
    report_difference(s->a->report, "%s %.*s: %s should be %s", s->kind, (int)s->id.len, s->id.p,
                      member, want == NO_AMOUNT ? "absent" : wanted);
}

static void differ_number(const struct said *s, const char *member, uint64_t want)
{
    uint64_t found;
    if (!export_u64(s->line, member, &found) || found != want) {
        report_difference(s->a->report, "%s %.*s: %s should be %" PRIu64, s->kind, (int)s->id.len,
                          s->id.p, member, want);
    }
}

static void differ_moment(const struct said *s, const char *member, mete_time want)
{
    mete_time found = TIME_NEVER;
    bool there = json_get(s->line, member) != NULL;
    if ((there && !export_time(s->line, member, &found)) || found != want) {
        report_difference(s->a->report, "%s %.*s: %s is of another moment", s->kind, (int)s->id.len,
                          s->id.p, member);
    }
}

static void differ_asset(const struct said *s, const struct asset *want)
{
    char name[64] = "";
    if (want != NULL) {
        asset_format(want, name);
    }
    differ_text(s, "asset", text_of(name));
}

/* What the row is about, by its id; NULL, and a difference, when no event told of it. */
static void *find_said(struct audit *a, const struct map *map, const struct json *line,
                       const char *kind, const char *id, struct said *s)
{
    *s = (struct said){.a = a, .line = line, .kind = kind, .id = member_text(line, id)};
    void **slot = map_get(map, text_bytes(s->id));
    if (slot == NULL) {
        report_difference(a->report, "%s %.*s: no event tells of it", kind, (int)s->id.len,
                          s->id.len > 0 ? s->id.p : "");
        return NULL;
    }
    return *slot;
}

static void once(const struct said *s, bool *exported)
{
    if (*exported) {
        report_difference(s->a->report, "%s %.*s: said a second time", s->kind, (int)s->id.len,
                          s->id.p);
    }
    *exported = true;
}

static void differ_campaign(const struct said *s, const struct campaign *c)
{
    differ_text(s, "campaign_id", c != NULL ? c->id : (struct text){NULL, 0});
}

/* num / den */
static void differ_multiple(const struct said *s, const struct campaign *c)
{
    i128 num = 0, den = 1;
    struct frac found = frac_int(0);
    bool there = json_get(s->line, "multiple_num") != NULL;
    bool read = !there || (export_i128(s->line, "multiple_num", &num) &&
                           export_i128(s->line, "multiple_den", &den) && num >= 0 && den > 0 &&
                           frac_of_u128(&found, (u128)num, (u128)den));
    if (!read || there != c->has_multiple || (there && frac_cmp(&found, &c->multiple) != 0)) {
        report_difference(s->a->report, "campaign %.*s: its cap_multiple is another",
                          (int)s->id.len, s->id.p);
    }
}

static void check_campaign(struct audit *a, const struct json *line)
{
    struct said s;
    struct campaign *c = find_said(a, &a->economy.campaign_of, line, "campaign", "campaign_id", &s);
    if (c == NULL) {
        return;
    }
    once(&s, &c->exported);
    differ_text(&s, "state", text_of(c->state));
    differ_text(&s, "app_id", c->app);
    differ_text(&s, "funding_mode", text_of(c->is_offering ? "offering" : "self"));
    differ_text(&s, "creator", c->creator);
    differ_asset(&s, c->asset);
    differ_number(&s, "share_bps", c->share_bps);
    differ_amount(&s, "raise", c->raise);
    differ_amount(&s, "cap_amount", c->cap_amount);
    differ_multiple(&s, c);
    differ_number(&s, "duration_days", c->days);
    differ_moment(&s, "activated_at", c->activated_at);
    differ_moment(&s, "completed_at", c->completed_at);
    differ_text(&s, "reason", text_of(c->reason));
    differ_amount(&s, "confirmed", c->confirmed);
    differ_amount(&s, "accrued", c->accrued);
    differ_amount(&s, "creators", c->creators);
    differ_amount(&s, "reversed", c->reversed);
}

static void check_investment(struct audit *a, const struct json *line)
{
    struct said s;
    struct campaign *c =
        find_said(a, &a->economy.campaign_of, line, "investment of", "campaign_id", &s);
    if (c == NULL) {
        return;
    }
    if (c->invested_exported == c->invested_count) {
        report_difference(a->report, "campaign %.*s: an investment that was not confirmed",
                          (int)s.id.len, s.id.p);
        return;
    }
    const struct invested *i = &c->invested[c->invested_exported++];
    differ_number(&s, "created", i->created);
    differ_text(&s, "party", i->party);
    differ_amount(&s, "amount", i->amount);
}

static void check_round(struct audit *a, const struct json *line)
{
    struct said s;
    struct round *r = find_said(a, &a->economy.round_of, line, "round", "round_id", &s);
    if (r != NULL) {
        once(&s, &r->exported);
        differ_text(&s, "state", text_of(r->state));
        differ_campaign(&s, r->campaign);
    }
}

static void check_commitment(struct audit *a, const struct json *line)
{
    struct said s;
    struct commitment *c =
        find_said(a, &a->economy.commitment_of, line, "commitment", "commitment_id", &s);
    if (c != NULL) {
        once(&s, &c->exported);
        differ_text(&s, "state", text_of(c->state));
        differ_campaign(&s, c->campaign);
        differ_text(&s, "party", c->investor);
        differ_amount(&s, "amount", c->amount);
    }
}

static void check_grant(struct audit *a, const struct json *line)
{
    struct said s;
    struct grant *g = find_said(a, &a->economy.grant_of, line, "grant", "allocation_id", &s);
    if (g != NULL) {
        once(&s, &g->exported);
        differ_text(&s, "state", text_of(g->state));
        differ_campaign(&s, g->campaign);
        differ_asset(&s, g->asset);
        differ_amount(&s, "amount", g->amount);
    }
}

static void check_app(struct audit *a, const struct json *line)
{
    struct said s;
    struct app *app = find_said(a, &a->economy.app_of, line, "app", "app_id", &s);
    if (app != NULL) {
        once(&s, &app->exported);
        differ_text(&s, "owner", app->owner);
    }
}

static void check_terms(struct audit *a, const struct json *line)
{
    struct said s;
    struct app *app = find_said(a, &a->economy.app_of, line, "terms of", "app_id", &s);
    if (app == NULL) {
        return;
    }
    if (app->terms_exported == app->terms_count) {
        report_difference(a->report, "terms of %.*s: a change of which no event tells",
                          (int)s.id.len, s.id.p);
        return;
    }
    const struct schedule *terms = app->terms[app->terms_exported++];
    differ_text(&s, "royalty", text_of(app->royalty));
    differ_number(&s, "fees", terms->version);
    differ_moment(&s, "from", terms->from);
}

static void check_settlement(struct audit *a, const struct json *line)
{
    struct said s;
    struct settlement *x =
        find_said(a, &a->economy.settlement_of, line, "settlement", "settlement_id", &s);
    if (x != NULL) {
        once(&s, &x->exported);
        differ_text(&s, "state", text_of(x->state));
        differ_text(&s, "party", x->party);
        differ_asset(&s, x->asset);
        differ_amount(&s, "amount", x->amount);
    }
}

static void check_paid(struct audit *a, const struct json *line)
{
    struct said s = {.a = a, .line = line, .kind = "paid to", .id = member_text(line, "party")};
    const struct asset *asset = book_asset_named(&a->book, member_text(line, "asset"));
    uint32_t party = names_number(&a->book.parties, s.id);
    struct account *x = asset != NULL ? ledger_find(&a->ledger, party, asset->number) : NULL;
    if (x != NULL) {
        once(&s, &x->paid_exported);
    }
    differ_amount(&s, "amount", x != NULL ? x->paid : 0);
}

bool state_check_economy(struct audit *a, const struct export_line *line)
{
    static const struct {
        const char *kind;
        void (*check)(struct audit *, const struct json *);
    } checks[] = {
        {"campaign", check_campaign},     {"investment", check_investment}, {"round", check_round},
        {"commitment", check_commitment}, {"grant", check_grant},           {"app", check_app},
        {"terms", check_terms},           {"settlement", check_settlement}, {"paid", check_paid},
    };
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        if (text_is(line->kind, checks[i].kind)) {
            checks[i].check(a, line->object);
            return true;
        }
    }
    return false;
}

/* --- what is missing ---------------------------------------------------------------------------*/

static void missing(struct audit *a, const char *kind, struct bytes id)
{
    report_difference(a->report, "%s %.*s is missing", kind, (int)id.len, (const char *)id.p);
}

static void missing_campaigns(struct audit *a)
{
    size_t i = 0;
    struct bytes id;
    void *value;
    while (map_next(&a->economy.campaign_of, &i, &id, &value)) {
        const struct campaign *c = *(struct campaign **)value;
        if (!c->exported) {
            missing(a, "campaign", id);
        }
        if (c->invested_exported != c->invested_count) {
            missing(a, "an investment of", id);
        }
    }
}

static void missing_apps(struct audit *a)
{
    size_t i = 0;
    struct bytes id;
    void *value;
    while (map_next(&a->economy.app_of, &i, &id, &value)) {
        const struct app *app = *(struct app **)value;
        if (!app->exported && app->owner.len > 0) {
            missing(a, "app", id);
        }
        if (app->terms_exported != app->terms_count) {
            missing(a, "a change of terms of", id);
        }
    }
}

void state_missing_economy(struct audit *a)
{
    const struct economy *e = &a->economy;
    size_t i = 0;
    struct bytes id;
    void *value;
    missing_campaigns(a);
    missing_apps(a);
    while (map_next(&e->round_of, &i, &id, &value)) {
        if (!(*(struct round **)value)->exported) {
            missing(a, "round", id);
        }
    }
    for (i = 0; map_next(&e->commitment_of, &i, &id, &value);) {
        if (!(*(struct commitment **)value)->exported) {
            missing(a, "commitment", id);
        }
    }
    for (i = 0; map_next(&e->settlement_of, &i, &id, &value);) {
        if (!(*(struct settlement **)value)->exported) {
            missing(a, "settlement", id);
        }
    }
    for (i = 0; map_next(&a->ledger.account_of, &i, &id, &value);) {
        const struct account *x = *(struct account **)value;
        if (!x->paid_exported && x->paid != 0) {
            missing(a, "what was paid to", text_bytes(names_id(&a->book.parties, x->party)));
        }
    }
    for (i = 0; map_next(&e->grant_of, &i, &id, &value);) {
        if (!(*(struct grant **)value)->exported) {
            missing(a, "grant", id);
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * Answers against the ledger and against each other. */
#include "query/check.h"

#include "base/limits.h"
#include "base/map.h"
#include "base/text.h"
#include "core/work.h"
#include "engine/lines.h"
#include "engine/walk.h"
#include "engine/words.h"
#include "render/render.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX ((size_t)4 << 30)

METE_PRINTF(1, 2) static bool wrong(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    printf("# ");
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
    return false;
}

static const char *digits(i128 v)
{
    static char text[4][I128_TEXT_MAX];
    static unsigned next;
    next = (next + 1) % 4;
    i128_format(v, text[next]);
    return text[next];
}

/* --- the ledger
 * ---------------------------------------------------------------------------------*/

struct accounts {
    struct arena a;
    struct walk_keys keys;
};

static void accounts_load(struct engine *e, struct accounts *x)
{
    struct key from = key_of(KEY_ACCOUNT);
    struct key until = key_prefix_end(from);
    struct mete_err err;
    arena_init(&x->a, ARENA_MAX);
    METE_ASSERT(walk_keys(e, &x->a, key_bytes(&from), key_bytes(&until), 1000000, &x->keys, &err) ==
                METE_OK);
}

static i128 net_at(const struct accounts *x, size_t i)
{
    const i128 *s = x->keys.sums[i];
    return s[1] - s[0] + s[3] - s[2];
}

/* --- statements
 * ---------------------------------------------------------------------------------*/

struct sheet {
    i128 opening, closing, sum, balance;
    uint64_t lines;
    bool open, bad;
    struct hash chain; /* over all lines shown */
};

static void sheet_open(void *ctx, const struct statement_account *a)
{
    struct sheet *s = ctx;
    s->bad |= s->open;
    s->open = true;
    s->opening = s->balance = a->opening;
    s->sum = 0;
}

static void sheet_line(void *ctx, const struct statement_line *l)
{
    struct sheet *s = ctx;
    s->sum += l->amount;
    s->balance += l->amount;
    s->bad |= s->balance != l->balance || l->event_id.len == 0 || l->what[0] == 0;
    s->lines++;
    const struct bytes parts[] = {{s->chain.b, sizeof s->chain.b},
                                  {(const uint8_t *)&l->seq, sizeof l->seq},
                                  {(const uint8_t *)&l->balance, sizeof l->balance},
                                  text_bytes(l->id)};
    s->chain = sha256_parts(parts, ARRAY_LEN(parts));
}

static void sheet_close(void *ctx, const struct statement_account *a)
{
    struct sheet *s = ctx;
    s->open = false;
    s->closing = a->closing;
    s->bad |= s->opening + s->sum != a->closing;
}

/** Reads all pages of `limit` lines. */
static bool statement_pages_read(struct engine *e, struct statement_query q, struct sheet *out)
{
    struct statement_pages pages = {0};
    struct mete_err err;
    char after[STATEMENT_CURSOR_MAX] = "";
    struct statement_sink sink = {out, sheet_open, sheet_line, sheet_close};
    for (unsigned i = 0; i == 0 || after[0] != 0; i++) {
        i128 closed = out->closing;
        uint64_t lines = out->lines;
        q.after = text_of(after);
        if (statement_read(e, &q, &sink, &pages, &err) != METE_OK) {
            return wrong("statement of %.*s: %s", (int)q.party.len, q.party.p, err.text);
        }
        if (i > 0 && q.asset.len > 0 && out->opening != closed) {
            return wrong("a page of %.*s opens with %s, the one before closed with %s",
                         (int)q.party.len, q.party.p, digits(out->opening), digits(closed));
        }
        if (q.limit != 0 && out->lines - lines > q.limit) {
            return wrong("a page of %.*s is too long", (int)q.party.len, q.party.p);
        }
        memcpy(after, pages.next, sizeof after);
    }
    return out->bad ? wrong("a statement of %.*s does not add up", (int)q.party.len, q.party.p)
                    : true;
}

static bool account_check(struct engine *e, uint32_t party, uint32_t asset, i128 net)
{
    struct names names;
    names_init(&names, engine_view(e));
    struct statement_query q = {.party = names_party(&names, party),
                                .asset = text_of(names_asset(&names, asset)->code),
                                .from = TIME_ALWAYS,
                                .until = TIME_NEVER,
                                .at = engine_now(e)};
    struct sheet whole = {0};
    bool fine = statement_pages_read(e, q, &whole);
    if (fine && (whole.opening != 0 || whole.closing != net)) {
        fine = wrong("%.*s: the statement ends with %s, the ledger says %s", (int)q.party.len,
                     q.party.p, digits(whole.closing), digits(net));
    }
    static const uint64_t LIMITS[] = {1, 3, 7};
    for (size_t i = 0; i < ARRAY_LEN(LIMITS) && fine && (i > 0 || whole.lines < 500); i++) {
        struct sheet paged = {0};
        q.limit = LIMITS[i];
        fine = statement_pages_read(e, q, &paged);
        if (fine && (paged.closing != net || !hash_eq(&paged.chain, &whole.chain))) {
            fine = wrong("%.*s: pages of %llu differ from the whole", (int)q.party.len, q.party.p,
                         (unsigned long long)q.limit);
        }
    }
    names_clear(&names);
    return fine;
}

bool check_statements(struct engine *e)
{
    struct accounts x;
    bool fine = true;
    accounts_load(e, &x);
    for (size_t i = 0; i < x.keys.count && fine; i++) {
        uint32_t party = key_read_u32(x.keys.key[i], 1);
        if (party != PARTY_CLEARING) {
            fine = account_check(e, party, key_read_u32(x.keys.key[i], 5), net_at(&x, i));
        }
    }
    arena_clear(&x.a);
    return fine;
}

/* --- sums by account
 * ----------------------------------------------------------------------------*/

struct sums {
    struct map map; /* party, asset code -> i128 */
    struct buf key;
};

static void sums_begin(struct sums *s)
{
    map_init(&s->map, sizeof(i128), 3);
    s->key = (struct buf){0};
}

static i128 *sum_of(struct sums *s, struct text party, const char *asset)
{
    buf_reset(&s->key);
    buf_put_text(&s->key, party);
    buf_put_u8(&s->key, 0);
    buf_put_str(&s->key, asset);
    return map_put(&s->map, buf_bytes(&s->key), NULL);
}

static void sums_end(struct sums *s)
{
    map_clear(&s->map);
    buf_clear(&s->key);
}

static bool sums_match(struct engine *e, struct sums *s, const char *what, bool clearing)
{
    struct accounts x;
    struct names names;
    bool fine = true;
    accounts_load(e, &x);
    names_init(&names, engine_view(e));
    for (size_t i = 0; i < x.keys.count && fine; i++) {
        uint32_t party = key_read_u32(x.keys.key[i], 1);
        struct text name = names_party(&names, party);
        i128 *sum = sum_of(s, name, names_asset(&names, key_read_u32(x.keys.key[i], 5))->code);
        if ((clearing || party != PARTY_CLEARING) && *sum != net_at(&x, i)) {
            fine = wrong("%s: %.*s has %s, the ledger says %s", what, (int)name.len, name.p,
                         digits(*sum), digits(net_at(&x, i)));
        }
    }
    names_clear(&names);
    arena_clear(&x.a);
    return fine;
}

/* --- reports
 * ------------------------------------------------------------------------------------*/

/** Moves that are no revenue: what a report leaves out and the ledger has. */
static bool others_add(void *arg, const struct walk_item *item)
{
    struct sums *s = ((void **)arg)[0];
    struct names *names = ((void **)arg)[1];
    for (uint32_t i = 0; i < item->decision.group_count; i++) {
        const struct group *g = &item->decision.group[i];
        const char *asset = names_asset(names, g->asset)->code;
        if (g->kind == GROUP_TRANSFER || g->kind == GROUP_SUSPENSE) {
            for (uint32_t k = 0; k < g->line_count; k++) {
                *sum_of(s, names_party(names, g->line[k].party), asset) += g->line[k].amount;
            }
        }
        if (g->source == PARTY_SUSPENSE) {
            *sum_of(s, TEXT("mete:suspense"), asset) -= g->gross;
        }
    }
    return true;
}

static bool report_read(struct engine *e, enum report_by by, struct arena *a, struct report *r)
{
    const struct report_query q = {.from = TIME_MIN, .until = TIME_MAX, .by = by};
    struct mete_err err;
    return report_make(e, &q, a, r, &err) == METE_OK ? true : wrong("report: %s", err.text);
}

static bool report_by_party(struct engine *e, struct arena *a)
{
    struct report r;
    struct sums s;
    struct names names;
    struct mete_err err;
    if (!report_read(e, REPORT_PARTY, a, &r)) {
        return false;
    }
    sums_begin(&s);
    names_init(&names, engine_view(e));
    for (size_t i = 0; i < r.row_count; i++) {
        *sum_of(&s, r.row[i].name, r.row[i].asset.code) += r.row[i].gross - r.row[i].reversed;
    }
    void *arg[] = {&s, &names};
    METE_ASSERT(walk_log(e, 1, book_size(engine_book(e)) + 1, others_add, arg, &err) == METE_OK);
    bool fine = sums_match(e, &s, "report by party", false);
    names_clear(&names);
    sums_end(&s);
    return fine;
}

/** What goes back by party is what goes back in all. */
static bool reversed_by_party(struct engine *e, struct arena *a, const struct report *all)
{
    struct report r;
    bool fine = report_read(e, REPORT_PARTY, a, &r);
    for (size_t k = 0; k < all->row_count && fine; k++) {
        i128 sum = 0;
        for (size_t i = 0; i < r.row_count; i++) {
            bool same = r.row[i].asset.number == all->row[k].asset.number;
            sum += same ? r.row[i].reversed : 0;
        }
        fine = sum == all->row[k].reversed || wrong("report: %s goes back by party, %s in all",
                                                    digits(sum), digits(all->row[k].reversed));
    }
    return fine;
}

/** Adds the columns of all rows of an asset. */
static struct report_row column_sums(const struct report *r, const char *asset)
{
    struct report_row sum = {.count = 0};
    for (size_t i = 0; i < r->row_count; i++) {
        const struct report_row *row = &r->row[i];
        if (strcmp(row->asset.code, asset) == 0) {
            sum.gross += row->gross;
            sum.fees += row->fees;
            sum.allocated += row->allocated;
            sum.unallocated += row->unallocated;
            sum.carried += row->carried;
            sum.reversed += row->reversed;
            sum.count += row->count;
        }
    }
    return sum;
}

static bool same_sums(const struct report_row *a, const struct report_row *b, bool roles)
{
    bool whole = a->gross == b->gross && a->fees == b->fees && a->unallocated == b->unallocated &&
                 a->carried == b->carried && a->reversed == b->reversed && a->count == b->count;
    return a->allocated == b->allocated && (roles || whole);
}

bool check_reports(struct engine *e)
{
    static const enum report_by BY[] = {REPORT_POLICY, REPORT_SOURCE, REPORT_ROLE};
    struct arena a;
    struct report all;
    arena_init(&a, ARENA_MAX);
    bool fine = report_by_party(e, &a) && report_read(e, REPORT_CURRENCY, &a, &all) &&
                reversed_by_party(e, &a, &all);
    for (size_t i = 0; fine && i < ARRAY_LEN(BY); i++) {
        struct report r;
        fine = report_read(e, BY[i], &a, &r);
        for (size_t k = 0; k < all.row_count && fine; k++) {
            const char *asset = all.row[k].asset.code;
            struct report_row sum = column_sums(&r, asset);
            const struct report_row *row = &all.row[k];
            fine = same_sums(&sum, row, BY[i] == REPORT_ROLE) ||
                   wrong("report %zu: the rows in %s do not sum to the total", i, asset);
            fine = fine &&
                   (row->gross == row->fees + row->allocated + row->unallocated + row->carried ||
                    wrong("the columns of %s do not sum to the gross", asset));
        }
    }
    arena_clear(&a);
    return fine;
}

/* --- explanations
 * -------------------------------------------------------------------------------*/

const struct explain_node *explain_find(const struct explain_node *n, const char *label)
{
    if (strcmp(n->label, label) == 0) {
        return n;
    }
    for (const struct explain_node *c = n->child; c != NULL; c = c->next) {
        const struct explain_node *hit = explain_find(c, label);
        if (hit != NULL) {
            return hit;
        }
    }
    return NULL;
}

struct text explain_value(const struct explain_node *n, const char *name)
{
    for (const struct explain_fact *f = n == NULL ? NULL : n->fact; f != NULL; f = f->next) {
        if (strcmp(f->name, name) == 0) {
            return f->value;
        }
    }
    return TEXT("");
}

static i128 signed_parse(struct text t)
{
    u128 v = 0;
    bool minus = t.len > 0 && t.p[0] == '-';
    struct text rest = {t.p + minus, t.len - minus};
    METE_ASSERT(u128_parse(rest, &v));
    return minus ? -(i128)v : (i128)v;
}

static i128 fact_number(const struct explain_node *n, const char *name)
{
    return signed_parse(explain_value(n, name));
}

/** Written-out sums are right: floor and rounding make a share, and what a share hands to a policy
 *  is what that divides. */
static bool sums_written(const struct explain_node *n)
{
    bool fine = true;
    if (strcmp(n->label, "share") == 0) {
        fine = fact_number(n, "floor") + fact_number(n, "extra") == n->amount ||
               wrong("%.*s", (int)n->text.len, n->text.p);
    }
    for (const struct explain_node *c = n->child; c != NULL && fine; c = c->next) {
        if (strcmp(n->label, "share") == 0 && strcmp(c->label, "policy") == 0) {
            fine =
                fact_number(c, "input") == n->amount || wrong("%.*s", (int)c->text.len, c->text.p);
        }
        fine = fine && sums_written(c);
    }
    return fine;
}

struct explaining {
    struct engine *e;
    struct arena a;
    bool fine;
};

static struct explain_node *explained(struct explaining *x, struct text id)
{
    struct mete_err err;
    struct explain_node *n = NULL;
    struct buf out = {0};
    struct json_writer w;
    enum mete_code code = explain_id(x->e, id, engine_now(x->e), &x->a, &n, &err);
    if (code != METE_OK) {
        x->fine = wrong("explain %.*s: %s", (int)id.len, id.p, err.text);
        return NULL;
    }
    explain_text(&out, n);
    jw_init(&w, &out, false);
    explain_json(&w, n);
    x->fine = x->fine && sums_written(n) &&
              (strstr((buf_put_u8(&out, 0), (char *)out.p), "(null)") == NULL ||
               wrong("explain %.*s has a hole", (int)id.len, id.p));
    buf_clear(&out);
    return n;
}

/** The last share on the way is the line's own: floor and rounding make its amount. */
static const struct explain_node *innermost_share(const struct explain_node *n)
{
    const struct explain_node *last = NULL;
    for (const struct explain_node *at = explain_find(n, "share"); at != NULL;) {
        last = at;
        at = NULL;
        for (const struct explain_node *c = last->child; c != NULL && at == NULL; c = c->next) {
            at = explain_find(c, "share");
        }
    }
    return last;
}

/** What is not reversed of a line, as the book remembers it. */
static i128 line_left(struct explaining *x, const struct walk_item *item, uint32_t group,
                      uint32_t line)
{
    const struct group *g = &item->decision.group[group];
    struct reversed r;
    METE_ASSERT(reversed_load(engine_view(x->e), &x->a, item->seq, item->page, group, g, &r) !=
                VIEW_MISSING);
    return g->line[line].amount - r.line[line];
}

static bool line_explained(struct explaining *x, struct text id, const struct walk_item *item,
                           uint32_t group, uint32_t line)
{
    const struct group *g = &item->decision.group[group];
    const struct line *l = &g->line[line];
    const struct explain_node *n = explained(x, id);
    if (n == NULL) {
        return false;
    }
    if (n->amount != l->amount) {
        return wrong("explain %.*s says %s, booked was %s", (int)id.len, id.p, digits(n->amount),
                     digits(l->amount));
    }
    const struct explain_node *state = explain_find(n, "state");
    i128 back = 0;
    for (const struct explain_node *c = n->child; c != NULL; c = c->next) {
        back += strcmp(c->label, "reversed") == 0 ? c->amount : 0;
    }
    bool moved = text_is(explain_value(state, "state"), "upheld");
    if (state == NULL || (!moved && state->amount != l->amount + back)) {
        return wrong("explain %.*s: the reversals do not make what it is worth now", (int)id.len,
                     id.p);
    }
    if (l->kind != LINE_CARRY && !moved && state->amount != line_left(x, item, group, line)) {
        return wrong("explain %.*s says that %s is left, the book says %s", (int)id.len, id.p,
                     digits(state->amount), digits(line_left(x, item, group, line)));
    }
    const struct explain_node *share = l->kind == LINE_ALLOCATION ? innermost_share(n) : NULL;
    if (l->kind == LINE_ALLOCATION && (share == NULL || share->amount != l->amount)) {
        return wrong("explain %.*s does not end at its share", (int)id.len, id.p);
    }
    return true;
}

/** An invoice that was booked anew: the ids of its lines are those of the new booking, as far as it
 *  has them. */
static bool is_former(struct explaining *x, const struct walk_item *item)
{
    struct decision unused;
    struct mete_err err;
    uint64_t seq;
    uint32_t page;
    METE_ASSERT(engine_decision(x->e, item->event_seq, &x->a, &unused, &seq, &page, &err) ==
                METE_OK);
    return seq != item->seq || page != item->page;
}

static bool item_explained(void *arg, const struct walk_item *item)
{
    struct explaining *x = arg;
    struct walk_head head;
    struct mete_err err;
    arena_reset(&x->a);
    METE_ASSERT(walk_head_of(&x->a, item->bytes, &head, &err) == METE_OK);
    struct text event_id = head.event_id;
    x->fine = explained(x, event_id) != NULL && x->fine;
    if (item->decision.wait_code == 0 && is_former(x, item)) {
        return x->fine;
    }
    for (uint32_t i = 0; i < item->decision.group_count && x->fine; i++) {
        const struct group *g = &item->decision.group[i];
        for (uint32_t k = 0; k < g->line_count && g->kind == GROUP_REVENUE && x->fine; k++) {
            char path[PATH_TEXT_MAX];
            if (k % 97 != 0 && k > 200) {
                continue; /* large splits: not every line */
            }
            (void)line_path(g, i, k, path);
            struct text id = arena_printf(&x->a, "%.*s/%s", (int)event_id.len, event_id.p, path);
            bool twice = g->line[k].kind == LINE_UNALLOCATED; /* several may have the path "u" */
            x->fine = twice ? explained(x, id) != NULL : line_explained(x, id, item, i, k);
        }
    }
    return x->fine;
}

static bool party_explained(void *arg, const struct party_row *row)
{
    struct explaining *x = arg;
    arena_reset(&x->a);
    x->fine = explained(x, row->party) != NULL;
    return x->fine;
}

bool check_explanations(struct engine *e)
{
    struct explaining x = {.e = e, .fine = true};
    struct mete_err err;
    const struct parties_query q = {.at = engine_now(e)};
    arena_init(&x.a, ARENA_MAX);
    METE_ASSERT(walk_log(e, 1, book_size(engine_book(e)) + 1, item_explained, &x, &err) == METE_OK);
    if (x.fine) {
        METE_ASSERT(parties_list(e, &q, party_explained, &x, &x.a, NULL, NULL, &err) == METE_OK);
    }
    arena_clear(&x.a);
    return x.fine;
}

/* --- exports
 * ------------------------------------------------------------------------------------*/

/** Cuts the next cell off a line without quotes. */
static struct text cell(struct text *line)
{
    size_t i = 0;
    while (i < line->len && line->p[i] != ',') {
        i++;
    }
    struct text out = {line->p, i};
    line->p += i + (i < line->len);
    line->len -= i + (i < line->len);
    return out;
}

static bool csv_row(struct sums *accounts, struct sums *decisions, struct text line)
{
    struct text column[14];
    for (size_t i = 0; i < ARRAY_LEN(column); i++) {
        column[i] = cell(&line);
    }
    i128 minor = signed_parse(column[11]);
    char asset[ASSET_CODE_LEN_MAX + 1];
    char decision[64];
    METE_ASSERT(text_copy(asset, sizeof asset, column[10]));
    snprintf(decision, sizeof decision, "%.*s.%.*s", (int)column[0].len, column[0].p,
             (int)column[1].len, column[1].p);
    *sum_of(accounts, column[8], asset) += minor;
    *sum_of(decisions, text_of(decision), asset) += minor;
    return true;
}

bool check_csv(struct engine *e)
{
    struct buf out = {0};
    struct sums accounts, decisions;
    struct mete_err err;
    const struct export_query q = {.from = TIME_ALWAYS, .until = TIME_NEVER};
    METE_ASSERT(export_csv(e, &q, &out, &err) == METE_OK);
    sums_begin(&accounts);
    sums_begin(&decisions);
    struct text rest = buf_text(&out);
    for (bool header = true; rest.len > 0; header = false) {
        const char *end = memchr(rest.p, '\n', rest.len);
        size_t len = end != NULL ? (size_t)(end - rest.p) : rest.len;
        if (!header) {
            (void)csv_row(&accounts, &decisions, (struct text){rest.p, len});
        }
        rest.p += len + 1;
        rest.len -= len + 1;
    }
    bool fine = sums_match(e, &accounts, "export csv", true);
    size_t i = 0;
    struct bytes key;
    void *value;
    while (fine && map_next(&decisions.map, &i, &key, &value)) {
        fine = *(i128 *)value == 0 ||
               wrong("export csv: decision %s does not sum to zero", (const char *)key.p);
    }
    sums_end(&accounts);
    sums_end(&decisions);
    buf_clear(&out);
    return fine;
}

bool check_audit(struct engine *e)
{
    struct buf out = {0};
    struct mete_err err;
    struct arena a;
    const struct export_query q = {.from = TIME_ALWAYS, .until = TIME_NEVER};
    METE_ASSERT(export_audit(e, &q, &out, &err) == METE_OK);
    arena_init(&a, ARENA_MAX);
    struct text rest = buf_text(&out);
    uint64_t lines = 0;
    uint64_t events = 0;
    bool fine = true;
    for (struct text kind = TEXT(""); rest.len > 0 && fine; lines++) {
        const char *end = memchr(rest.p, '\n', rest.len);
        struct json *line = NULL;
        size_t len = (size_t)(end - rest.p);
        arena_reset(&a);
        fine = json_parse(&a, (struct text){rest.p, len}, &line, &err) == METE_OK;
        kind = fine ? json_get(line, "kind")->text : kind;
        events += text_is(kind, "event");
        if (fine && text_is(kind, "end")) {
            struct text count = json_get(line, "lines")->text;
            fine = signed_parse(count) == (i128)lines && rest.len == len + 1;
        }
        rest.p += len + 1;
        rest.len -= len + 1;
    }
    fine = (fine && events == book_size(engine_book(e))) || wrong("export audit is not in order");
    arena_clear(&a);
    buf_clear(&out);
    return fine;
}

static bool log_line(void *arg, const struct log_row *row)
{
    struct buf *out = arg;
    buf_put(out, row->event.p, row->event.len);
    buf_put_u8(out, '\n');
    return true;
}

void check_log(struct engine *e, struct buf *json)
{
    struct mete_err err;
    METE_ASSERT(walk_rows(e, 1, book_size(engine_book(e)) + 1, log_line, json, &err) == METE_OK);
}

/* --- simulations
 * --------------------------------------------------------------------------------*/

bool check_simulation(struct engine *e)
{
    struct arena a;
    struct mete_err err;
    const struct simulate_query q = {.document_count = 0};
    arena_init(&a, ARENA_MAX);
    struct simulation *s = arena_alloc(&a, sizeof *s);
    bool fine = simulate_run(e, &q, &a, s, &err) == METE_OK || wrong("simulate: %s", err.text);
    fine = fine && ((s->changed == 0 && s->refused_count == 0 && s->uncovered == 0 &&
                     s->events == book_size(engine_book(e))) ||
                    wrong("simulating nothing changes %zu accounts, refuses %llu", s->changed,
                          (unsigned long long)s->refused_count));
    for (size_t i = 0; i < s->row_count && !fine; i++) {
        if (s->row[i].now != s->row[i].then) {
            (void)wrong("%.*s %s: %s, would have %s", (int)s->row[i].party.len, s->row[i].party.p,
                        s->row[i].asset.code, digits(s->row[i].now), digits(s->row[i].then));
        }
    }
    arena_clear(&a);
    return fine;
}

bool check_all(struct engine *e)
{
    return check_statements(e) && check_reports(e) && check_explanations(e) && check_csv(e) &&
           check_audit(e) && check_simulation(e);
}

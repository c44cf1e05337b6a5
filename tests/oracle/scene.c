/* SPDX-License-Identifier: Apache-2.0
 * Looking at an engine through its view alone. */
#include "oracle/scene.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i128.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/text.h"
#include "engine/query.h"

#define ARENA_MAX ((size_t)1 << 30)

static _Noreturn void stop(const char *what, const struct mete_err *err)
{
    fprintf(stderr, "%s: %s %s: %s\n", what, mete_code_name(err->code), err->pointer, err->text);
    abort();
}

void scene_open_store(struct scene *s, const char *store, size_t cache_size)
{
    struct mete_err err = {0};
    struct engine_options o = {.store = store,
                               .book = "main",
                               .create_store = true,
                               .cache_size = cache_size,
                               .strict_cache = true,
                               .clock = CLOCK_EVENT,
                               .salt_seed = 1};
    memset(s, 0, sizeof *s);
    enum mete_code code = engine_open(&s->engine, &o, &err);
    o.create_book = true;
    if (code == METE_STORE_MISSING)
        code = engine_open(&s->engine, &o, &err);
    if (code != METE_OK)
        stop("engine_open", &err);
    arena_init(&s->arena, ARENA_MAX);
}

void scene_open(struct scene *s)
{
    scene_open_store(s, "memory:", 0);
}

void scene_close(struct scene *s)
{
    engine_close(s->engine);
    buf_clear(&s->json);
    arena_clear(&s->arena);
}

void scene_commit(struct scene *s)
{
    struct mete_err err = {0};
    if (engine_commit(s->engine, &err) != METE_OK)
        stop("engine_commit", &err);
}

enum submit_status scene_submit(struct scene *s, struct text json)
{
    engine_submit(s->engine, json, NULL, &s->last);
    return s->last.status;
}

METE_PRINTF(2, 0) static enum submit_status send(struct scene *s, const char *fmt, va_list args)
{
    char *text = NULL;
    buf_reset(&s->json);
    int len = vasprintf(&text, fmt, args);
    METE_ASSERT(len >= 0);
    for (int i = 0; i < len; i++)
        buf_put_u8(&s->json, (uint8_t)(text[i] == '\'' ? '"' : text[i]));
    free(text);
    return scene_submit(s, buf_text(&s->json));
}

enum submit_status scene_send(struct scene *s, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    enum submit_status status = send(s, fmt, args);
    va_end(args);
    return status;
}

void scene_apply(struct scene *s, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    enum submit_status status = send(s, fmt, args);
    va_end(args);
    if (status != SUBMIT_APPLIED) {
        fprintf(stderr, "%s: %.*s\n", submit_status_name(status), (int)s->json.len,
                (const char *)s->json.p);
        stop("not applied", &s->last.err);
    }
}

/* --- accounts
 * -----------------------------------------------------------------------------------*/

static i128 net_of(const i128 *sums)
{
    return sums[1] - sums[0] + sums[3] - sums[2];
}

static bool number_of(const struct view *v, const char *party, uint32_t *number)
{
    for (uint32_t i = 1; i < PARTY_FIRST; i++) {
        const char *name = party_system_name(i);
        if (name != NULL && strcmp(name, party) == 0) {
            *number = i;
            return true;
        }
    }
    return view_party(v, text_of(party), number) == VIEW_FOUND;
}

i128 scene_net(struct scene *s, const char *party, const char *asset)
{
    const struct view *v = engine_view(s->engine);
    struct asset a;
    uint32_t number;
    i128 sums[STATE_SUMS];
    if (!number_of(v, party, &number) || view_asset(v, text_of(asset), &a) != VIEW_FOUND)
        return 0;
    struct key key = key_account(number, a.number);
    return v->sums(v->ctx, key_bytes(&key), sums) == VIEW_FOUND ? net_of(sums) : 0;
}

struct totals {
    struct map by_asset; /* -> i128 */
};

static bool total_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    struct totals *t = arg;
    (void)value;
    struct bytes asset = {key.p + 5, 4};
    *(i128 *)map_put(&t->by_asset, asset, NULL) += net_of(sums);
    return true;
}

bool scene_balanced(struct scene *s)
{
    const struct view *v = engine_view(s->engine);
    struct key from = key_of(KEY_ACCOUNT);
    struct key until = key_prefix_end(from);
    struct totals t;
    size_t i = 0;
    struct bytes key;
    void *value;
    bool balanced = true;
    map_init(&t.by_asset, sizeof(i128), 1);
    (void)!v->scan(v->ctx, key_bytes(&from), key_bytes(&until), total_visit, &t);
    while (map_next(&t.by_asset, &i, &key, &value))
        balanced &= *(i128 *)value == 0;
    map_clear(&t.by_asset);
    return balanced;
}

static int line_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct listing {
    struct buf keys; /* copies of account keys, with their nets */
};

struct account_row {
    uint32_t party;
    uint32_t asset;
    i128 net;
};

static bool account_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    struct listing *l = arg;
    (void)value;
    struct account_row row;
    memset(&row, 0, sizeof row);
    row.party = key_read_u32(key, 1);
    row.asset = key_read_u32(key, 5);
    row.net = net_of(sums);
    if (row.net != 0)
        buf_put(&l->keys, &row, sizeof row);
    return true;
}

static char *row_text(const struct view *v, const struct account_row *row)
{
    struct text party = {0};
    struct asset asset;
    char amount[I128_TEXT_MAX];
    char *text = NULL;
    (void)!view_asset_number(v, row->asset, &asset);
    (void)!view_party_id(v, row->party, &party);
    i128_format(row->net, amount);
    METE_ASSERT(asprintf(&text, "%.*s %s %s\n", (int)party.len, party.p, asset.code, amount) > 0);
    return text;
}

void scene_balances(struct scene *s, struct buf *out)
{
    const struct view *v = engine_view(s->engine);
    struct key from = key_of(KEY_ACCOUNT);
    struct key until = key_prefix_end(from);
    struct listing l = {0};
    (void)!v->scan(v->ctx, key_bytes(&from), key_bytes(&until), account_visit, &l);
    size_t count = l.keys.len / sizeof(struct account_row);
    char **line = calloc(count + 1, sizeof *line);
    METE_ASSERT(line != NULL);
    for (size_t i = 0; i < count; i++) {
        struct account_row row;
        memcpy(&row, l.keys.p + i * sizeof row, sizeof row);
        line[i] = row_text(v, &row);
    }
    qsort(line, count, sizeof *line, line_cmp);
    for (size_t i = 0; i < count; i++) {
        buf_put_str(out, line[i]);
        free(line[i]);
    }
    free(line);
    buf_clear(&l.keys);
}

/* --- the log and the state
 * ----------------------------------------------------------------------*/

static bool group_balanced(const struct group *g)
{
    i128 sum = 0;
    for (uint32_t i = 0; i < g->line_count; i++)
        sum += g->line[i].amount;
    return sum == g->gross;
}

static bool page_balanced(struct scene *s, struct bytes packed)
{
    struct decision d;
    uint32_t lines = 0;
    bool balanced = true;
    arena_reset(&s->arena);
    if (!decision_unpack(&s->arena, packed, &d))
        return false;
    for (uint32_t i = 0; i < d.group_count; i++) {
        balanced &= group_balanced(&d.group[i]);
        lines += d.group[i].line_count + 1;
    }
    return balanced && lines <= LEGS_MAX;
}

bool scene_pages_balanced(struct scene *s, uint64_t seq)
{
    struct book *b = engine_book(s->engine);
    struct mete_err err;
    struct log_row row;
    uint32_t pages = book_page_count(b, seq);
    if (book_row(b, seq, &row, &err) != STORE_OK || !page_balanced(s, row.decision))
        return false;
    for (uint32_t page = 1; page <= pages; page++) {
        struct bytes packed;
        mete_time at;
        if (book_page(b, seq, page, &packed, &at, &err) != STORE_OK || !page_balanced(s, packed))
            return false;
    }
    return true;
}

struct hash scene_root(struct scene *s)
{
    return book_head(engine_book(s->engine)).root;
}

static bool state_visit_one(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    struct buf *all = arg;
    buf_put_sized(all, bytes_text(key));
    buf_put_sized(all, bytes_text(value));
    if (sums != NULL)
        buf_put(all, sums, STATE_SUMS * sizeof *sums);
    return true;
}

/* All classes, whether sums or values. */
struct hash scene_state(struct scene *s)
{
    static const uint8_t classes[] = {
#define X(symbol, byte, is_sums, what) (byte),
        KEY_CLASSES(X)
#undef X
    };
    struct buf all = {0};
    struct mete_err err;
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        struct key from = key_of((enum key_class)classes[i]);
        struct key until = key_prefix_end(from);
        METE_ASSERT(book_scan_state(engine_book(s->engine), key_bytes(&from), key_bytes(&until),
                                    state_visit_one, &all, &err) != STORE_FAILED);
    }
    struct hash h = sha256(buf_bytes(&all));
    buf_clear(&all);
    return h;
}

bool scene_audited(struct scene *s, bool *asked)
{
    const char *auditor = getenv("METE_AUDIT");
    const struct export_query q = {.from = TIME_ALWAYS, .until = TIME_NEVER};
    struct buf all = {0};
    struct mete_err err;
    char command[4096];
    *asked = auditor != NULL;
    if (!*asked) {
        return true;
    }
    snprintf(command, sizeof command, "'%s' --quiet - >&2", auditor);
    FILE *to = popen(command, "w");
    METE_ASSERT(to != NULL);
    METE_ASSERT(export_audit(s->engine, &q, &all, &err) == METE_OK);
    (void)!fwrite(all.p, 1, all.len, to);
    buf_clear(&all);
    return pclose(to) == 0;
}

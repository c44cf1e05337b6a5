/* SPDX-License-Identifier: Apache-2.0
 * Building scenes, packing their decisions, writing their export. */
#include "scene.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/i128.h"
#include "base/text.h"
#include "crypto/merkle.h"
#include "crypto/sign.h"
#include "wire/json.h"

static const uint8_t checkpoint_seed[32] = {1, 2, 3};

void scene_init(struct scene *s)
{
    memset(s, 0, sizeof *s);
    arena_init(&s->arena, 1u << 24);
}

void scene_clear(struct scene *s)
{
    buf_clear(&s->rows);
    arena_clear(&s->arena);
}

mete_time scene_day(unsigned day)
{
    return (mete_time)1735732800 * TIME_SECOND_US + (mete_time)(day - 1) * TIME_DAY_US;
}

static struct step *add_step(struct scene *s, unsigned day, const char *id)
{
    METE_ASSERT(s->step_count < SCENE_STEPS_MAX);
    struct step *step = &s->step[s->step_count++];
    step->id = arena_text(&s->arena, text_of(id));
    step->recorded_at = scene_day(day);
    step->d.rules_version = 1;
    step->d.pages = 1;
    return step;
}

struct found_decision *scene_event(struct scene *s, unsigned day, const char *id, const char *type,
                                   const char *payload)
{
    return scene_told(s, day, id, type, "", payload);
}

struct found_decision *scene_told(struct scene *s, unsigned day, const char *id, const char *type,
                                  const char *more, const char *payload)
{
    struct step *step = add_step(s, day, id);
    char at[TIME_TEXT_MAX];
    struct json *j;
    struct buf canonical = {0};
    time_format(scene_day(day), at);
    struct text raw =
        arena_printf(&s->arena,
                     "{\"event_id\":\"%s\",\"event_type\":\"%s\",\"occurred_at\":\"%s\","
                     "%s\"payload\":%s}",
                     id, type, at, more, payload);
    METE_ASSERT(json_parse(&s->arena, raw, &j, NULL) == METE_OK);
    METE_ASSERT(json_canonical(j, &canonical, NULL) == METE_OK);
    step->event = arena_text(&s->arena, buf_text(&canonical));
    buf_clear(&canonical);
    step->seq = ++s->events;
    return &step->d;
}

struct found_decision *scene_page(struct scene *s, unsigned day, uint64_t about, const char *id)
{
    uint32_t page = s->step[s->step_count - 1].page + 1;
    struct step *step = add_step(s, day, id);
    step->seq = s->events;
    step->page = page;
    step->d.about = about;
    return &step->d;
}

static uint32_t number_of(struct scene *s, struct found_names *names, const char *id,
                          struct text *known, uint32_t *count, uint32_t first)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (text_is(known[i], id))
            return first + i;
    }
    METE_ASSERT(*count < SCENE_NAMES_MAX);
    if (names->count == 0) {
        names->first = first + *count;
        names->id = arena_array(&s->arena, SCENE_NAMES_MAX, sizeof names->id[0]);
    }
    known[*count] = names->id[names->count++] = arena_text(&s->arena, text_of(id));
    return first + (*count)++;
}

uint32_t scene_party(struct scene *s, struct found_decision *d, const char *id)
{
    return number_of(s, &d->parties, id, s->party, &s->party_count, PARTY_FIRST);
}

uint32_t scene_policy(struct scene *s, struct found_decision *d, const char *id)
{
    return number_of(s, &d->policies, id, s->policy, &s->policy_count, 1);
}

struct found_group *scene_group(struct scene *s, struct found_decision *d, unsigned kind,
                                i128 gross, mete_time clears_at)
{
    if (d->group == NULL)
        d->group = arena_array(&s->arena, 4, sizeof d->group[0]);
    METE_ASSERT(d->group_count < 4);
    struct found_group *g = &d->group[d->group_count++];
    g->kind = (uint8_t)kind;
    g->asset = USD;
    g->gross = gross;
    g->source = OWN_CLEARING;
    g->clears_at = clears_at;
    g->node = arena_array(&s->arena, SCENE_LINES_MAX, sizeof g->node[0]);
    g->line = arena_array(&s->arena, SCENE_LINES_MAX, sizeof g->line[0]);
    return g;
}

struct found_node *scene_node(struct scene *s, struct found_group *g, uint32_t policy,
                              unsigned rounding, u128 den, i128 input)
{
    (void)s;
    METE_ASSERT(g->node_count < SCENE_LINES_MAX);
    struct found_node *n = &g->node[g->node_count++];
    *n = (struct found_node){.policy = policy, .parent = NONE_U32, .den = den, .input = input};
    n->version = policy != 0 ? 1 : 0;
    n->rounding = (uint8_t)rounding;
    n->counted = policy != 0;
    return n;
}

struct found_line *scene_line(struct scene *s, struct found_group *g, unsigned kind, uint32_t party,
                              i128 amount)
{
    (void)s;
    METE_ASSERT(g->line_count < SCENE_LINES_MAX);
    struct found_line *l = &g->line[g->line_count++];
    *l = (struct found_line){.kind = (uint8_t)kind, .party = party, .amount = amount};
    l->node = NONE_U32;
    return l;
}

struct found_line *scene_share(struct scene *s, struct found_group *g, uint32_t node,
                               uint32_t share, uint32_t party, u128 weight, i128 amount)
{
    struct found_line *l = scene_line(s, g, FOUND_ALLOCATION, party, amount);
    l->node = node;
    l->share = share;
    l->weight = weight;
    l->extra = amount - (i128)((u128)g->node[node].input * weight / g->node[node].den);
    return l;
}

void scene_row(struct scene *s, const char *row)
{
    buf_put_str(&s->rows, row);
    buf_put_u8(&s->rows, '\n');
}

/* Packing: doc/format.md, "A decision, packed". */

static void pack_names(struct buf *out, const struct found_names *names)
{
    buf_put_varint(out, names->count);
    if (names->count > 0)
        buf_put_varint(out, names->first);
    for (uint32_t i = 0; i < names->count; i++)
        buf_put_sized(out, names->id[i]);
}

static void pack_optional(struct buf *out, uint32_t v)
{
    buf_put_varint(out, v == NONE_U32 ? 0 : (uint64_t)v + 1);
}

static void pack_node(struct buf *out, const struct found_node *n)
{
    buf_put_varint(out, n->policy);
    buf_put_varint(out, n->version);
    pack_optional(out, n->parent);
    buf_put_varint(out, n->share);
    buf_put_u8(out, n->rounding);
    buf_put_varint(out, n->conditions);
    buf_put_varint128(out, n->weight);
    buf_put_varint128(out, n->den);
    buf_put_zigzag(out, n->input);
    buf_put_zigzag(out, n->extra);
    buf_put_u8(out, n->counted);
}

static void pack_line(struct buf *out, const struct found_line *l)
{
    buf_put_u8(out, (uint8_t)(l->kind | l->flags << 4));
    buf_put_varint(out, l->party);
    pack_optional(out, l->node);
    pack_optional(out, l->share);
    buf_put_varint(out, l->entry);
    buf_put_varint128(out, l->weight);
    buf_put_zigzag(out, l->amount);
    buf_put_zigzag(out, l->extra);
}

static void pack_group(struct buf *out, const struct found_group *g)
{
    buf_put_u8(out, g->kind);
    buf_put_varint(out, g->source_seq);
    buf_put_varint(out, g->asset);
    buf_put_zigzag(out, g->gross);
    buf_put_varint(out, g->source);
    buf_put_varint(out, g->fee_version);
    buf_put_varint(out, g->quantity);
    buf_put_varint(out, g->customer);
    buf_put_zigzag(out, g->clears_at);
    buf_put_varint(out, g->target_seq);
    if (g->target_seq != 0) {
        buf_put_varint(out, g->target_page);
        buf_put_varint(out, g->target_group);
        buf_put_varint128(out, g->den);
    }
    buf_put_varint(out, g->node_count);
    for (uint32_t i = 0; i < g->node_count; i++)
        pack_node(out, &g->node[i]);
    if (g->node_count > 0 && g->node[0].rounding == BY_CONTRACT)
        buf_put_zigzag(out, g->accrued);
    buf_put_varint(out, g->line_count);
    for (uint32_t i = 0; i < g->line_count; i++)
        pack_line(out, &g->line[i]);
}

static void pack(struct buf *out, const struct found_decision *d)
{
    buf_put_u8(out, 1);
    buf_put_varint(out, d->rules_version);
    buf_put_varint(out, d->wait_code);
    buf_put_varint(out, d->about);
    buf_put_varint(out, d->pages);
    if (d->pages > 1)
        buf_put(out, d->rest.b, SHA256_LEN);
    pack_names(out, &d->parties);
    pack_names(out, &d->policies);
    buf_put_varint(out, d->group_count);
    for (uint32_t i = 0; i < d->group_count; i++)
        pack_group(out, &d->group[i]);
    buf_put_varint(out, 1); /* one state change, of no meaning to the auditor */
    buf_put_u8(out, 3);
    buf_put_sized(out, TEXT("key"));
}

/* Adding up, for the rows. */

struct sums {
    uint32_t party;
    i128 sum[4]; /* debits posted, credits posted, debits pending, credits pending */
    i128 later;  /* pending at the moment of the balances */
};

struct adding {
    struct sums of[SCENE_NAMES_MAX + 8];
    size_t count;
    struct {
        uint32_t party;
        int32_t day;
        i128 amount;
    } due[64];
    size_t due_count;
};

#define DAY_HELD INT32_MAX

static struct sums *sums_of(struct adding *a, uint32_t party)
{
    for (size_t i = 0; i < a->count; i++) {
        if (a->of[i].party == party)
            return &a->of[i];
    }
    METE_ASSERT(a->count < ARRAY_LEN(a->of));
    a->of[a->count].party = party;
    return &a->of[a->count++];
}

static void add_due(struct adding *a, uint32_t party, int32_t day, i128 amount)
{
    for (size_t i = 0; i < a->due_count; i++) {
        if (a->due[i].party == party && a->due[i].day == day) {
            a->due[i].amount += amount;
            return;
        }
    }
    METE_ASSERT(a->due_count < ARRAY_LEN(a->due));
    a->due[a->due_count].party = party;
    a->due[a->due_count].day = day;
    a->due[a->due_count++].amount = amount;
}

static void add_amount(struct sums *x, unsigned pending, i128 amount)
{
    x->sum[pending + (amount > 0)] += amount > 0 ? amount : -amount;
}

static void add_group(struct adding *a, const struct found_group *g, mete_time recorded_at,
                      mete_time at)
{
    add_amount(sums_of(a, g->source), 0, -g->gross);
    for (uint32_t i = 0; i < g->line_count; i++) {
        const struct found_line *l = &g->line[i];
        bool allocation = l->kind == FOUND_ALLOCATION;
        bool held = allocation && (l->flags & FLAG_HELD) != 0;
        bool pending = held || (allocation && g->clears_at > recorded_at);
        struct sums *x = sums_of(a, l->party);
        add_amount(x, pending ? 2 : 0, l->amount);
        if (pending)
            add_due(a, l->party, held ? DAY_HELD : time_day(g->clears_at), l->amount);
        if (held || (allocation && g->clears_at > at))
            x->later += l->amount;
    }
}

static struct text party_id(const struct scene *s, uint32_t number)
{
    static const char *const own[] = {"?",          "mete:clearing", "mete:unallocated",
                                      "mete:carry", "mete:suspense", "mete:payout"};
    if (number >= PARTY_FIRST && number - PARTY_FIRST < s->party_count)
        return s->party[number - PARTY_FIRST];
    return text_of(number < ARRAY_LEN(own) ? own[number] : own[0]);
}

static void put_amount(struct buf *out, const char *key, i128 v)
{
    char digits[I128_TEXT_MAX];
    (void)i128_format(v, digits);
    buf_printf(out, ",\"%s\":\"%s\"", key, digits);
}

static void put_party(struct buf *out, const struct scene *s, const char *kind, uint32_t party)
{
    struct text id = party_id(s, party);
    buf_printf(out, "{\"kind\":\"%s\",\"party\":\"%.*s\",\"asset\":\"USD/2\"", kind, (int)id.len,
               id.p);
}

static void write_account(const struct scene *s, struct buf *out, const struct sums *x)
{
    static const char *const names[] = {"debits_posted", "credits_posted", "debits_pending",
                                        "credits_pending"};
    put_party(out, s, "account", x->party);
    for (unsigned i = 0; i < 4; i++)
        put_amount(out, names[i], x->sum[i]);
    buf_put_str(out, "}\n");
}

static void write_balance(const struct scene *s, struct buf *out, const struct sums *x)
{
    i128 cleared = x->sum[1] + x->sum[3] - x->sum[0] - x->sum[2] - x->later;
    put_party(out, s, "balance", x->party);
    put_amount(out, "pending", x->later);
    put_amount(out, "disputed", 0);
    put_amount(out, "cleared", cleared > 0 ? cleared : 0);
    put_amount(out, "debt", cleared < 0 ? -cleared : 0);
    buf_put_str(out, "}\n");
}

static void write_sums(const struct scene *s, struct buf *out, mete_time at)
{
    struct adding a = {0};
    for (uint32_t i = 0; i < s->step_count; i++) {
        for (uint32_t k = 0; k < s->step[i].d.group_count; k++)
            add_group(&a, &s->step[i].d.group[k], s->step[i].recorded_at, at);
    }
    for (size_t i = 0; i < a.count; i++) {
        write_account(s, out, &a.of[i]);
        if (a.of[i].party >= PARTY_FIRST && !s->own_balances)
            write_balance(s, out, &a.of[i]);
    }
    for (size_t i = 0; i < a.due_count && !s->own_balances; i++) {
        char day[11] = "never";
        if (a.due[i].amount == 0)
            continue;
        if (a.due[i].day != DAY_HELD)
            time_format_day(a.due[i].day, day);
        put_party(out, s, "pending", a.due[i].party);
        buf_printf(out, ",\"day\":\"%s\"", day);
        put_amount(out, "amount", a.due[i].amount);
        buf_put_str(out, "}\n");
    }
}

/* The log. */

struct hashing {
    struct merkle tree;
    struct buf leaves;
};

/* The hash of the pages that continue this one. */
static struct hash hash_rest(const struct step *step)
{
    struct buf rest = {0};
    for (uint32_t i = 1; i < step->d.pages; i++)
        pack(&rest, &step[i].d);
    struct hash h = sha256(buf_bytes(&rest));
    buf_clear(&rest);
    return h;
}

static void write_step(const struct scene *s, const struct step *step, struct buf *out,
                       struct hashing *h)
{
    struct buf packed = {0};
    char at[TIME_TEXT_MAX];
    struct found_decision d = step->d;
    if (d.pages > 1)
        d.rest = hash_rest(step);
    if (s->wrong_rest)
        d.rest.b[0] ^= 1;
    pack(&packed, &d);
    char *encoded = malloc(BASE64_TEXT_MAX(packed.len));
    METE_ASSERT(encoded != NULL);
    base64_encode(encoded, buf_bytes(&packed));
    time_format(step->recorded_at, at);
    buf_printf(out, "{\"kind\":\"%s\",\"seq\":\"%" PRIu64 "\"",
               step->event.len > 0 ? "event" : "page", step->seq);
    if (step->event.len == 0)
        buf_printf(out, ",\"page\":%" PRIu32, step->page);
    buf_printf(out, ",\"recorded_at\":\"%s\"", at);
    if (step->event.len > 0) {
        struct hash event = sha256(text_bytes(step->event));
        struct hash decision = sha256(buf_bytes(&packed));
        struct hash leaf = merkle_leaf(&event, &decision, step->recorded_at);
        merkle_append(&h->tree, &leaf, NULL, NULL);
        buf_put(&h->leaves, leaf.b, SHA256_LEN);
        buf_printf(out, ",\"event\":%.*s", (int)step->event.len, step->event.p);
    }
    buf_printf(out, ",\"decision\":\"%s\"}\n", encoded);
    free(encoded);
    buf_clear(&packed);
}

static void write_head(const struct scene *s, struct buf *out, const struct hash *root,
                       mete_time at)
{
    uint8_t key[32];
    char did[DID_KEY_TEXT_MAX], hex[65], when[TIME_TEXT_MAX];
    ed25519_public(key, checkpoint_seed);
    did_key_format(did, key);
    hash_hex(root, hex);
    time_format(at, when);
    buf_printf(out,
               "{\"kind\":\"book\",\"format\":1,\"name\":\"main\",\"size\":\"%" PRIu64
               "\",\"root\":\"%s\",\"at\":\"%s\",\"checkpoint_origin\":\"mete.test/main\","
               "\"checkpoint_key\":\"%s\"}\n",
               s->events, hex, when, did);
}

static void write_log_rows(const struct scene *s, struct buf *out, const struct hashing *h,
                           const struct hash *root)
{
    struct buf note = {0};
    char encoded[BASE64_TEXT_MAX(SCENE_STEPS_MAX * SHA256_LEN)];
    for (uint32_t i = 0; i < s->step_count; i++) {
        if (s->step[i].event.len > 0)
            buf_printf(out,
                       "{\"kind\":\"event_id\",\"event_id\":\"%.*s\",\"seq\":\"%" PRIu64 "\"}\n",
                       (int)s->step[i].id.len, s->step[i].id.p, s->step[i].seq);
    }
    base64_encode(encoded, buf_bytes(&h->leaves));
    buf_printf(out, "{\"kind\":\"tile\",\"level\":0,\"index\":\"0\",\"hashes\":\"%s\"}\n", encoded);
    struct hash claimed = *root;
    if (s->wrong_checkpoint)
        claimed.b[0] ^= 1;
    checkpoint_write(&note, TEXT("mete.test/main"), s->events, &claimed, checkpoint_seed);
    buf_printf(out, "{\"kind\":\"checkpoint\",\"size\":\"%" PRIu64 "\",\"note\":", s->events);
    json_put_string(out, buf_text(&note));
    buf_put_str(out, "}\n");
    buf_clear(&note);
}

static size_t count_lines(const struct buf *b)
{
    size_t lines = 0;
    for (size_t i = 0; i < b->len; i++)
        lines += b->p[i] == '\n';
    return lines;
}

void scene_write(const struct scene *s, struct buf *out)
{
    struct hashing h = {0};
    struct buf events = {0};
    mete_time at = s->at != 0 ? s->at : s->step[s->step_count - 1].recorded_at;
    for (uint32_t i = 0; i < s->step_count; i++)
        write_step(s, &s->step[i], &events, &h);
    struct hash root = merkle_root(&h.tree);
    buf_reset(out);
    write_head(s, out, &root, at);
    buf_put_text(out, buf_text(&events));
    for (uint32_t i = 0; i < s->party_count; i++)
        buf_printf(out, "{\"kind\":\"party\",\"number\":%" PRIu32 ",\"id\":\"%.*s\"}\n",
                   PARTY_FIRST + i, (int)s->party[i].len, s->party[i].p);
    write_sums(s, out, at);
    buf_put_text(out, buf_text(&s->rows));
    write_log_rows(s, out, &h, &root);
    buf_printf(out, "{\"kind\":\"end\",\"lines\":\"%zu\"}\n", count_lines(out));
    buf_clear(&h.leaves);
    buf_clear(&events);
}

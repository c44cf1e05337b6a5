/* SPDX-License-Identifier: Apache-2.0
 * The order of a journal: declarations, what stood there before, one transaction for each decision
 * that moved money, and the balance of every account, taken from the live ledger when the journal
 * runs to the end of the log. The format is the style's business. */
#include "engine/export_parts.h"

#include "base/text.h"
#include "engine/lines.h"
#include "store/hash_seed.h"

#include <string.h>

#define SPILL_SIZE ((size_t)1 << 16)
#define ARENA_MAX  ((size_t)4 << 30)

/* --- shared by all exports
 * ----------------------------------------------------------------------*/

bool export_spill(const struct export_query *q, struct buf *out)
{
    return q->flush == NULL || out->len < SPILL_SIZE || q->flush(q->ctx, out);
}

enum mete_code export_stopped(struct mete_err *err)
{
    return mete_fail(err, METE_FILE, "", "the export cannot be written");
}

void export_put_escaped(struct buf *out, struct text t, char mark, const char *also)
{
    static const char HEX[] = "0123456789ABCDEF";
    for (size_t i = 0; i < t.len; i++) {
        char c = t.p[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                     (c != 0 && c != mark && strchr(also, c) != NULL);
        if (plain) {
            buf_put_u8(out, (uint8_t)c);
        } else {
            buf_put_u8(out, (uint8_t)mark);
            buf_put_u8(out, (uint8_t)HEX[(uint8_t)c >> 4]);
            buf_put_u8(out, (uint8_t)HEX[(uint8_t)c & 15]);
        }
    }
}

void export_stretch(struct engine *e, const struct export_query *q, uint64_t *from, uint64_t *until)
{
    struct book *book = engine_book(e);
    *from = q->from <= TIME_MIN ? 1 : book_seq_at(book, q->from);
    *until = q->until > TIME_MAX ? book_size(book) + 1 : book_seq_at(book, q->until);
}

/* --- declarations
 * -------------------------------------------------------------------------------*/

/* Calls `use` for every account of the ledger, in order of party and asset. */
typedef void account_use(struct journal *j, uint32_t party, uint32_t asset, const i128 *sums,
                         void *arg);

struct accounting {
    struct journal *j;
    account_use *use;
    void *arg;
};

static enum mete_code account_visit(void *arg, const struct walk_key *k, bool *go_on)
{
    const struct accounting *a = arg;
    struct journal *j = a->j;
    (void)go_on;
    a->use(j, key_read_u32(k->key, 1), key_read_u32(k->key, 5), k->sums, a->arg);
    names_trim(&j->names);
    return export_spill(j->q, j->out) ? METE_OK : export_stopped(j->err);
}

static enum mete_code accounts_each(struct journal *j, account_use *use, void *arg)
{
    const struct key from = key_of(KEY_ACCOUNT);
    const struct key until = key_prefix_end(from);
    struct accounting a = {j, use, arg};
    return walk_each_key(j->e, &from, &until, account_visit, &a, j->err);
}

static void commodity_note(struct journal *j, uint32_t party, uint32_t asset, const i128 *sums,
                           void *arg)
{
    (void)party;
    (void)sums;
    struct map *seen = arg;
    bool made = false;
    (void)map_put(seen, (struct bytes){(const uint8_t *)&asset, sizeof asset}, &made);
    if (made) {
        j->style->commodity(j, names_asset(&j->names, asset));
    }
}

static void account_note(struct journal *j, uint32_t party, uint32_t asset, const i128 *sums,
                         void *arg)
{
    (void)asset;
    (void)sums;
    uint32_t *last = arg;
    if (party != *last) {
        *last = party;
        j->style->account(j, party);
    }
}

static enum mete_code declare(struct journal *j)
{
    struct map seen;
    uint32_t last = 0;
    j->style->begin(j);
    map_init(&seen, 1, hash_seed());
    enum mete_code code = accounts_each(j, commodity_note, &seen);
    map_clear(&seen);
    return code == METE_OK ? accounts_each(j, account_note, &last) : code;
}

/* --- transactions
 * -------------------------------------------------------------------------------*/

static void post(struct journal *j, uint32_t party, const struct asset *asset, i128 credit,
                 struct text id)
{
    if (credit == 0) {
        return;
    }
    if (j->counting) {
        struct key key = key_account(party, asset->number);
        i128 *balance = map_put(&j->balance, key_bytes(&key), NULL);
        *balance += credit;
    }
    if (j->writing) {
        const struct journal_posting p = {party, asset, -credit, id};
        j->style->posting(j, &p);
    }
}

static void group_post(struct journal *j, const struct walk_item *item,
                       const struct walk_head *head, uint32_t group)
{
    const struct group *g = &item->decision.group[group];
    const struct asset *asset = names_asset(&j->names, g->asset);
    post(j, g->source, asset, -g->gross, (struct text){0});
    for (uint32_t i = 0; i < g->line_count; i++) {
        const struct lines_spot spot = {group, i, g->line[i].amount};
        struct text id = {0};
        if (j->writing && spot.amount != 0) {
            id = lines_id(&j->origin, &j->a, item, head, &spot);
        }
        post(j, g->line[i].party, asset, spot.amount, id);
    }
}

/** The event that a reversal or a dispute is about. */
static struct text original_of(const struct walk_head *head)
{
    const struct json *payload = json_get(head->tree, "payload");
    const struct json *reverses = json_get(payload, "reverses");
    const struct json *allocation = json_get(payload, "allocation_id");
    if (reverses != NULL && head->type == EVENT_REVENUE_REVERSED) {
        return reverses->text;
    }
    if (allocation == NULL || head->type != EVENT_ALLOCATION_UPHELD) {
        return (struct text){0};
    }
    size_t slash = allocation->text.len;
    while (slash > 0 && allocation->text.p[slash - 1] != '/') {
        slash--;
    }
    return (struct text){allocation->text.p, slash > 0 ? slash - 1 : 0};
}

static bool moves_money(const struct decision *d)
{
    for (uint32_t i = 0; i < d->group_count; i++) {
        for (uint32_t k = 0; k < d->group[i].line_count; k++) {
            if (d->group[i].line[k].amount != 0) {
                return true;
            }
        }
    }
    return false;
}

static bool item_write(void *arg, const struct walk_item *item)
{
    struct journal *j = arg;
    struct walk_head head;
    if (!moves_money(&item->decision)) {
        return true;
    }
    arena_reset(&j->a);
    j->code = walk_head_of(&j->a, item->bytes, &head, j->err);
    if (j->code != METE_OK) {
        return false;
    }
    j->last = item->recorded_at;
    if (j->writing) {
        const struct journal_entry entry = {item, &head, original_of(&head)};
        j->style->entry(j, &entry);
    }
    for (uint32_t i = 0; i < item->decision.group_count; i++) {
        group_post(j, item, &head, i);
    }
    if (j->writing) {
        j->style->end(j);
    }
    names_trim(&j->names);
    if (!export_spill(j->q, j->out)) {
        j->code = export_stopped(j->err);
    }
    return j->code == METE_OK;
}

static enum mete_code decisions(struct journal *j, uint64_t from, uint64_t until)
{
    enum mete_code code = walk_log(j->e, from, until, item_write, j, j->err);
    return code == METE_OK ? j->code : code;
}

/* --- balances
 * -----------------------------------------------------------------------------------*/

static i128 counted(const struct journal *j, uint32_t party, uint32_t asset)
{
    struct key key = key_account(party, asset);
    const i128 *balance = map_get(&j->balance, key_bytes(&key));
    return balance != NULL ? *balance : 0;
}

static void opening_post(struct journal *j, uint32_t party, uint32_t asset, const i128 *sums,
                         void *arg)
{
    (void)sums;
    (void)arg;
    const struct journal_posting p = {
        party, names_asset(&j->names, asset), -counted(j, party, asset), {0}};
    if (p.amount != 0) {
        j->style->posting(j, &p);
    }
}

/** What the accounts held before the part that is written. */
static enum mete_code opening_write(struct journal *j, uint64_t from)
{
    if (from <= 1) {
        return METE_OK;
    }
    j->counting = true;
    j->writing = false;
    enum mete_code code = decisions(j, 1, from);
    j->writing = true;
    if (code == METE_OK && j->balance.count > 0) {
        j->style->opening(j, j->q->from);
        code = accounts_each(j, opening_post, NULL);
        j->style->end(j);
    }
    return code;
}

static void assertion_write(struct journal *j, uint32_t party, uint32_t asset, const i128 *sums,
                            void *arg)
{
    const bool *live = arg;
    i128 credit = *live ? sums[1] - sums[0] + sums[3] - sums[2] : counted(j, party, asset);
    const struct journal_posting p = {party, names_asset(&j->names, asset), -credit, {0}};
    j->style->assertion(j, &p, j->last);
}

enum mete_code journal_write(struct engine *e, const struct export_query *q,
                             const struct journal_style *style, struct buf *out,
                             struct mete_err *err)
{
    struct journal j = {.e = e, .q = q, .style = style, .out = out, .writing = true, .err = err};
    uint64_t from, until;
    export_stretch(e, q, &from, &until);
    bool live = until > book_size(engine_book(e));
    names_init(&j.names, engine_view(e));
    lines_origin_init(&j.origin, e);
    map_init(&j.balance, sizeof(i128), hash_seed());
    arena_init(&j.a, ARENA_MAX);
    enum mete_code code = declare(&j);
    code = code == METE_OK ? opening_write(&j, from) : code;
    j.counting = !live;
    code = code == METE_OK ? decisions(&j, from, until) : code;
    code = code == METE_OK ? accounts_each(&j, assertion_write, &live) : code;
    names_clear(&j.names);
    lines_origin_clear(&j.origin);
    map_clear(&j.balance);
    arena_clear(&j.a);
    return code;
}

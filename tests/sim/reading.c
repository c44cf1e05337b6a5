/* SPDX-License-Identifier: Apache-2.0
 * What readers ask of a book while it lives, and what must hold of the answers. */
#include "sim.h"

#include "base/text.h"
#include "engine/log.h"
#include "engine/query.h"
#include "engine/verify.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t size_of(struct sim_book *b)
{
    return book_head(engine_book(b->real.engine)).size;
}

/* --- statements --------------------------------------------------------------------------------*/

struct pages {
    uint64_t lines;
    i128 sum, closing;
    i128 opening;
    bool first;
};

static void account_open(void *ctx, const struct statement_account *a)
{
    struct pages *p = ctx;
    if (p->first) {
        p->opening = a->opening;
        p->first = false;
    }
}

static void account_line(void *ctx, const struct statement_line *line)
{
    struct pages *p = ctx;
    p->lines++;
    p->sum += line->amount;
}

static void account_close(void *ctx, const struct statement_account *a)
{
    ((struct pages *)ctx)->closing = a->closing;
}

/** One page after the other holds what one page of everything does. */
bool reading_statement(struct sim *s, struct sim_book *b, struct mete_err *err)
{
    struct text party;
    struct asset asset;
    uint32_t number;
    if (!model_account(&b->model, &s->rng, UINT64_MAX, &party, &number)) {
        return true;
    }
    if (view_asset_number(engine_view(b->real.engine), number, &asset) != VIEW_FOUND) {
        return mete_fail(err, METE_STORE_FAILED, NULL, "an asset is gone") == METE_OK;
    }
    struct pages whole = {.first = true};
    struct pages paged = {.first = true};
    struct statement_sink sink = {&whole, account_open, account_line, account_close};
    struct statement_pages at;
    struct statement_query q = {.party = party,
                                .asset = text_of(asset.code),
                                .from = TIME_ALWAYS,
                                .until = TIME_NEVER,
                                .at = TIME_NEVER};
    if (statement_read(b->real.engine, &q, &sink, &at, err) != METE_OK) {
        return false;
    }
    sink.ctx = &paged;
    q.limit = 1 + rng_below(&s->rng, 40);
    do {
        char cursor[STATEMENT_CURSOR_MAX];
        memcpy(cursor, at.next, sizeof cursor);
        q.after = paged.lines == 0 ? (struct text){0} : text_of(cursor);
        if (statement_read(b->real.engine, &q, &sink, &at, err) != METE_OK) {
            return false;
        }
    } while (at.next[0] != '\0');
    SIM_CHECK(s, whole.lines == paged.lines && whole.sum == paged.sum);
    SIM_CHECK(s, whole.lines == 0 || whole.opening + whole.sum == whole.closing);
    SIM_CHECK(s, whole.lines == 0 || whole.closing == paged.closing);
    SIM_CHECK(s, whole.sum == model_net(&b->model, party, asset.number, size_of(b)));
    s->counts.lines += whole.lines;
    sim_checked(s, CHECK_STATEMENTS);
    return true;
}

/* --- explanations ------------------------------------------------------------------------------*/

bool reading_explain(struct sim *s, struct sim_book *b, struct mete_err *err)
{
    struct log_row row;
    struct arena a;
    struct explain_node *tree;
    char id[300];
    uint64_t size = size_of(b);
    if (size == 0) {
        return true;
    }
    uint64_t seq = 1 + rng_below(&s->rng, size);
    if (book_row(engine_book(b->real.engine), seq, &row, err) != STORE_OK) {
        return false;
    }
    SIM_CHECK(s, row.event_id.len < sizeof id);
    memcpy(id, row.event_id.p, row.event_id.len);
    const struct text event_id = {id, row.event_id.len};
    SIM_CHECK(s, engine_seq_of(b->real.engine, event_id) == seq || fault_disk_fired());
    arena_init(&a, (size_t)64 << 20);
    bool ok = explain_id(b->real.engine, event_id, TIME_NEVER, &a, &tree, err) == METE_OK;
    arena_clear(&a);
    return ok;
}

/* --- proofs ------------------------------------------------------------------------------------*/

bool reading_proof(struct sim *s, struct sim_book *b, struct mete_err *err)
{
    struct log_consistency c;
    struct log_inclusion in;
    uint64_t size = size_of(b);
    if (b->heads == 0 || size == 0) {
        return true;
    }
    const struct sim_head *h = &b->head[rng_below(&s->rng, b->heads)];
    if (h->size == 0) {
        return true;
    }
    if (log_prove_consistency(b->real.engine, h->size, size, &c, err) != METE_OK ||
        log_prove_inclusion(b->real.engine, 1 + rng_below(&s->rng, size), size, &in, err) !=
            METE_OK) {
        return false;
    }
    SIM_CHECK(s, log_consistency_holds(&c) && log_inclusion_holds(&in));
    SIM_CHECK(s, hash_eq(&c.first_root, &h->root)); /* what was seen once never changes */
    sim_checked(s, CHECK_PROOFS);
    return true;
}

/* --- the whole book ----------------------------------------------------------------------------*/

static bool into_file(void *ctx, struct buf *out)
{
    FILE *f = ctx;
    bool ok = fwrite(out->p, 1, out->len, f) == out->len;
    buf_reset(out);
    return ok;
}

static void auditor_run(struct sim *s, const char *path)
{
    pid_t child = fork();
    SIM_CHECK(s, child >= 0);
    if (child == 0) {
        execl(s->auditor, "mete-audit", path, "--quiet", (char *)NULL);
        _exit(127);
    }
    int status = 0;
    SIM_CHECK(s, waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        sim_die(s, "the auditor does not agree (%d): %s", status, path);
    }
    sim_checked(s, CHECK_AUDITS);
}

static bool audit(struct sim *s, struct sim_book *b, struct mete_err *err)
{
    char path[300];
    struct buf out = {0};
    snprintf(path, sizeof path, "%s.audit", s->file);
    FILE *f = fopen(path, "wb");
    SIM_CHECK(s, f != NULL);
    const struct export_query q = {
        .from = TIME_ALWAYS, .until = TIME_NEVER, .flush = into_file, .ctx = f};
    bool ok = export_audit(b->real.engine, &q, &out, err) == METE_OK;
    SIM_CHECK(s, into_file(f, &out) && fclose(f) == 0);
    buf_clear(&out);
    if (ok) {
        auditor_run(s, path);
    }
    (void)unlink(path);
    return ok;
}

bool reading_verify(struct sim *s, struct sim_book *b, bool audited, struct mete_err *err)
{
    struct verify_report report;
    if (book_verify(b->real.engine, &report, err) != METE_OK) {
        return false;
    }
    return s->auditor == NULL || !audited || audit(s, b, err);
}

/* --- a copy ------------------------------------------------------------------------------------*/

static bool copy_make(struct sim *s, const char *to)
{
    sqlite3 *from_db = NULL;
    sqlite3 *to_db = NULL;
    bool ok =
        sqlite3_open_v2(s->file, &from_db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_open_v2(to, &to_db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK;
    sqlite3_backup *b = ok ? sqlite3_backup_init(to_db, "main", from_db, "main") : NULL;
    ok = b != NULL && sqlite3_backup_step(b, -1) == SQLITE_DONE;
    ok = b != NULL && sqlite3_backup_finish(b) == SQLITE_OK && ok;
    sqlite3_close(from_db);
    sqlite3_close(to_db);
    return ok;
}

/** A copy that was made while the book lives opens by itself, with the same head. */
bool reading_backup(struct sim *s, struct sim_book *b, struct mete_err *err)
{
    char to[300];
    char key[600];
    snprintf(to, sizeof to, "%s.copy", s->file);
    (void)unlink(to);
    fault_disk_forget_file(to);
    if (!copy_make(s, to)) {
        return mete_fail(err, METE_STORE_FAILED, NULL, "the copy failed") == METE_OK;
    }
    snprintf(key, sizeof key, "%s.key", s->file);
    const struct engine_options o = {.store = to,
                                     .book = b->name,
                                     .read_only = true,
                                     .key_file = key,
                                     .cache_size = 1 << 20,
                                     .strict_cache = true};
    struct engine *e = NULL;
    if (engine_open(&e, &o, err) != METE_OK) {
        return false;
    }
    struct log_head copy = book_head(engine_book(e));
    struct log_head real = book_head(engine_book(b->real.engine));
    engine_close(e);
    SIM_CHECK(s, copy.size == real.size && hash_eq(&copy.root, &real.root));
    sim_checked(s, CHECK_COPIES);
    return true;
}

/** What the checkpointer's thread does in production, here by the seed and not by the scheduler. */
bool reading_copy_back(struct sim *s, struct mete_err *err)
{
    sqlite3 *db = NULL;
    static const int modes[] = {SQLITE_CHECKPOINT_PASSIVE, SQLITE_CHECKPOINT_RESTART,
                                SQLITE_CHECKPOINT_TRUNCATE};
    int mode = modes[rng_below(&s->rng, ARRAY_LEN(modes))];
    int result = sqlite3_open_v2(s->file, &db, SQLITE_OPEN_READWRITE, NULL);
    result = result == SQLITE_OK ? sqlite3_wal_checkpoint_v2(db, NULL, mode, NULL, NULL) : result;
    sqlite3_close(db);
    s->counts.copied_back += result == SQLITE_OK;
    if (result == SQLITE_OK || result == SQLITE_BUSY) { /* somebody reads old rows */
        return true;
    }
    return mete_fail(err, METE_STORE_FAILED, NULL, "copying back: %s", sqlite3_errstr(result)) ==
           METE_OK;
}

/* --- what would have been ----------------------------------------------------------------------*/

bool reading_simulate(struct sim *s, struct sim_book *b, struct mete_err *err)
{
    const struct text draft =
        TEXT("{\"id\":\"urn:sim:draft\",\"kind\":\"single\",\"party\":\"did:sim:draft\"}");
    const struct simulate_query q = {.document = &draft, .document_count = 1};
    struct simulation out;
    struct arena a;
    arena_init(&a, (size_t)256 << 20);
    bool ok = simulate_run(b->real.engine, &q, &a, &out, err) == METE_OK;
    if (ok) { /* nobody uses the draft: nothing may differ */
        SIM_CHECK(s, out.changed == 0 && out.events == size_of(b));
    }
    arena_clear(&a);
    return ok;
}

/* SPDX-License-Identifier: Apache-2.0
 * Dispatching lines, and the first and last word of the export. */
#include "audit/audit.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "crypto/sign.h"

void audit_init(struct audit *a, struct report *report)
{
    memset(a, 0, sizeof *a);
    a->report = report;
    book_init(&a->book, report);
    journal_init(&a->journal, &a->book.keep);
    ledger_init(&a->ledger, &a->book.keep);
    carry_init(&a->carry, &a->book.keep);
    usage_init(&a->usage, &a->book.keep);
    economy_init(&a->economy, &a->book.keep);
    payouts_init(&a->payouts, &a->book.keep);
    x402_init(&a->x402, &a->book.keep);
    log_init(&a->log);
    map_init(&a->waiting.originals, 1, 41);
    map_init(&a->waiting.list_of, sizeof(struct waiters), 42);
    arena_init(&a->decision, SIZE_MAX / 2);
    a->recorded_at = TIME_MIN;
}

void audit_clear(struct audit *a)
{
    buf_clear(&a->open.rest);
    buf_clear(&a->canonical);
    arena_clear(&a->decision);
    log_clear(&a->log);
    map_clear(&a->waiting.originals);
    map_clear(&a->waiting.list_of);
    economy_clear(&a->economy);
    x402_clear(&a->x402);
    payouts_clear(&a->payouts);
    usage_clear(&a->usage);
    carry_clear(&a->carry);
    ledger_clear(&a->ledger);
    journal_clear(&a->journal);
    book_clear(&a->book);
}

static void take_head(struct audit *a, const struct json *line)
{
    struct export_head *h = &a->head;
    uint64_t format;
    struct text origin, root, key;
    if (h->seen || a->lines != 1) {
        report_difference(a->report, "a book line that is not the first line");
    }
    h->seen = true;
    if (!export_u64(line, "format", &format) || format != 1) {
        report_difference(a->report, "this auditor reads format 1 only");
    }
    if (!export_u64(line, "size", &h->size) || !export_text(line, "root", &root) ||
        !export_time(line, "at", &h->at)) {
        report_difference(a->report, "the book line lacks size, root or at");
        return;
    }
    h->root = arena_text(&a->book.keep, root);
    if (export_text(line, "checkpoint_origin", &origin)) {
        h->origin = arena_text(&a->book.keep, origin);
    }
    if (export_text(line, "checkpoint_key", &key) && key.len > 0) {
        h->has_key = did_key_parse(h->key, key);
        if (!h->has_key) {
            report_difference(a->report, "checkpoint_key is not the did:key of an Ed25519 key");
        }
    }
}

static void take_end(struct audit *a, const struct json *line)
{
    uint64_t lines;
    if (!export_u64(line, "lines", &lines) || lines != a->lines - 1) {
        report_difference(a->report, "%" PRIu64 " lines stand before this one, it says otherwise",
                          a->lines - 1);
    }
    a->ended = true;
}

void audit_take(struct audit *a, const struct export_line *line)
{
    bool is_event = text_is(line->kind, "event");
    a->lines++;
    a->report->event = (struct text){NULL, 0};
    if (a->ended) {
        report_difference(a->report, "a line after the end");
    }
    if (a->lines == 1 && !text_is(line->kind, "book")) {
        report_difference(a->report, "the export does not begin with the book");
    }
    if (is_event) {
        chronicle_event(a, line);
        return;
    }
    if (text_is(line->kind, "page")) {
        chronicle_page(a, line);
        return;
    }
    chronicle_settle(a);
    if (text_is(line->kind, "book")) {
        take_head(a, line->object);
    } else if (text_is(line->kind, "tile")) {
        log_check_tile(&a->log, a->report, line->object);
    } else if (text_is(line->kind, "checkpoint")) {
        log_check_checkpoint(&a->log, a->report, line->object, a->head.origin,
                             a->head.has_key ? a->head.key : NULL);
    } else if (text_is(line->kind, "end")) {
        take_end(a, line->object);
    } else {
        state_check(a, line);
    }
}

static void check_head(struct audit *a, const char *root)
{
    const struct export_head *h = &a->head;
    if (!h->seen) {
        return; /* said when the first line came */
    }
    if (h->size != a->journal.count) {
        report_difference(a->report, "the book has %" PRIu64 " events, the export %" PRIu64,
                          h->size, a->journal.count);
    }
    if (!text_is(h->root, root)) {
        report_difference(a->report, "the root of the log is %s, the book says %.*s", root,
                          (int)h->root.len, h->root.len > 0 ? h->root.p : "");
    }
    if (h->at < a->recorded_at) {
        report_difference(a->report, "the balances are of a moment before the last event");
    }
}

void audit_end(struct audit *a, struct audit_totals *totals)
{
    struct hash root = log_root(&a->log);
    memset(totals, 0, sizeof *totals);
    hash_hex(&root, totals->root);
    a->report->line = a->lines;
    a->report->event = (struct text){NULL, 0};
    chronicle_settle(a);
    if (!a->ended) {
        report_difference(a->report, "the export ends without its last line");
    }
    check_head(a, totals->root);
    state_check_missing(a);
    log_check_tiles(&a->log, a->report);
    totals->events = a->journal.count;
    totals->decisions = a->decisions;
    totals->lines = a->ledger.lines;
    totals->balances = a->balances;
    for (uint64_t seq = 1; seq <= a->journal.count; seq++) {
        totals->waiting += journal_at(&a->journal, seq)->accepted_waiting;
    }
}

/* False when the input could not be read to its end. */
static bool read_all(struct audit *a, FILE *in)
{
    struct export_reader reader;
    struct export_line line;
    struct mete_err err = {0};
    enum export_read got;
    export_open(&reader, in);
    while ((got = export_next(&reader, &line, &err)) != EXPORT_END && got != EXPORT_FAILED &&
           !report_full(a->report)) {
        a->report->line = reader.number;
        if (got == EXPORT_LINE) {
            audit_take(a, &line);
            continue;
        }
        a->lines++;
        a->report->event = (struct text){NULL, 0};
        report_difference(a->report, "the line cannot be read: %s", err.text);
    }
    export_close(&reader);
    return got != EXPORT_FAILED;
}

enum audit_status audit_run(FILE *in, FILE *out, bool json, bool quiet)
{
    struct report report;
    struct audit audit;
    struct audit_totals totals;
    enum audit_status status = AUDIT_UNREADABLE;
    report_init(&report, out, json, quiet);
    audit_init(&audit, &report);
    if (read_all(&audit, in)) {
        audit_end(&audit, &totals);
        report_summary(&report, &totals);
        status = report.count == 0 ? AUDIT_HOLDS : AUDIT_DIFFERS;
    }
    audit_clear(&audit);
    report_clear(&report);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0
 * Events and pages in the order of the log: what can be judged of each by itself (order, times,
 * canonical bytes, hashes, names), and gathering the pages of a decision until it is complete. */
#include "audit/audit.h"

#include <inttypes.h>
#include <string.h>

#include "audit/member.h"
#include "base/limits.h"
#include "base/text.h"

#define RULES_KNOWN 1 /* the rules_version that this auditor computes */

/* The id of a string or of a member, anywhere in the event. */
static bool says(const struct json *j, struct text id)
{
    for (; j != NULL; j = j->next) {
        if ((j->type == JSON_STRING && text_eq(j->text, id)) || text_eq(j->key, id) ||
            says(j->child, id)) {
            return true;
        }
    }
    return false;
}

static void check_mentioned(struct audit *a, const struct found_names *found,
                            const struct json *event)
{
    for (uint32_t i = 0; i < found->count; i++) {
        struct text id = found->id[i];
        struct text told = id;
        if (text_starts(id, CAMPAIGN_POLICY)) { /* a campaign's contract is a policy */
            told = (struct text){id.p + strlen(CAMPAIGN_POLICY), id.len - strlen(CAMPAIGN_POLICY)};
        }
        if (!book_is_mentioned(&a->book, id) && !says(event->child, id) &&
            !says(event->child, told)) {
            report_difference(a->report, "the decision names %.*s, of which no event speaks",
                              (int)id.len, id.len > 0 ? id.p : "");
        }
    }
}

static void take_names(struct audit *a, struct open_decision *d, const struct found_decision *f)
{
    check_mentioned(a, &f->parties, d->event);
    check_mentioned(a, &f->policies, d->event);
    (void)names_take(&a->book, &a->book.parties, &f->parties);
    (void)names_take(&a->book, &a->book.policies, &f->policies);
}

/* One more page of the open decision. */
static void add_page(struct audit *a, struct open_decision *d, const struct found_decision *f)
{
    struct arena *arena = &a->decision;
    d->packed =
        arena_grow(arena, d->packed, d->page_count, &d->packed_capacity, sizeof d->packed[0]);
    d->pages = arena_grow(arena, d->pages, d->page_count, &d->pages_capacity, sizeof d->pages[0]);
    d->packed[d->page_count] = f->groups;
    d->pages[d->page_count++] = *f;
    const char *flaw = pages_join(arena, &d->group, &d->group_count, f->group, f->group_count);
    if (flaw != NULL && !d->damaged) {
        report_difference(a->report, "the pages of its decision do not fit together: %s", flaw);
        d->damaged = true;
    }
}

static void close_decision(struct audit *a)
{
    struct open_decision *d = &a->open;
    if (d->page_count > 1) {
        struct hash rest = sha256(buf_bytes(&d->rest));
        if (!hash_eq(&rest, &d->found.rest)) {
            report_difference(a->report, "the further pages of its decision have another hash");
        }
    }
    a->is_open = false;
    outcome_take(a, d);
}

static void open_decision(struct audit *a, const struct found_decision *f)
{
    struct open_decision *d = &a->open;
    d->found = *f;
    if (f->rules_version != RULES_KNOWN) {
        report_difference(a->report,
                          "it was decided under rules %" PRIu64 ", this auditor knows %d",
                          f->rules_version, RULES_KNOWN);
    }
    take_names(a, d, f);
    add_page(a, d, f);
    d->pages_due = f->pages > 1 ? f->pages - 1 : 0;
    a->is_open = true;
    if (d->pages_due == 0) {
        close_decision(a);
    }
}

static void continue_decision(struct audit *a, const struct found_decision *f, struct bytes packed)
{
    struct open_decision *d = &a->open;
    buf_put(&d->rest, packed.p, packed.len);
    take_names(a, d, f);
    add_page(a, d, f);
    if (--d->pages_due == 0) {
        close_decision(a);
    }
}

/* Forgets the last decision, keeps its buffer. */
static struct open_decision *fresh_decision(struct audit *a, uint64_t seq, uint32_t page)
{
    struct buf rest = a->open.rest;
    buf_reset(&rest);
    arena_reset(&a->decision);
    a->open =
        (struct open_decision){.seq = seq, .page = page, .booked_at = a->recorded_at, .rest = rest};
    a->open.line = a->report->line;
    return &a->open;
}

/* recorded_at never goes back. */
static void take_time(struct audit *a, const struct json *line)
{
    mete_time at;
    if (!export_time(line, "recorded_at", &at)) {
        report_difference(a->report, "recorded_at cannot be read");
        return;
    }
    if (at < a->recorded_at) {
        report_difference(a->report, "recorded_at lies before that of the line before");
    } else {
        a->recorded_at = at;
    }
}

static void check_canonical(struct audit *a, const struct json *event)
{
    struct mete_err err;
    buf_reset(&a->canonical);
    if (json_canonical(event, &a->canonical, &err) != METE_OK) {
        report_difference(a->report, "its bytes have no canonical form: %s", err.text);
    } else if (!text_eq(buf_text(&a->canonical), event->raw)) {
        report_difference(a->report, "its bytes are not the canonical ones (RFC 8785)");
    }
}

static void check_occurred(struct audit *a, const struct json *event)
{
    mete_time at;
    if (time_parse(member_text(event, "occurred_at"), &at) != TIME_OK) {
        report_difference(a->report, "occurred_at cannot be read");
    } else if (at > a->recorded_at + FUTURE_US_MAX) {
        report_difference(a->report, "occurred_at is more than 5 minutes ahead of recorded_at");
    }
}

static void register_event(struct audit *a, const struct json *event)
{
    bool known;
    struct text id = member_text(event, "event_id");
    struct record *record = journal_add(&a->journal, id, &known);
    record->line = a->report->line;
    a->report->event = record->id;
    if (id.len == 0) {
        report_difference(a->report, "it has no event_id");
    }
    if (known) {
        report_difference(a->report, "the id stands in the log already");
    }
}

/* A decision of several pages outlives its first line. */
static const struct json *keep_event(struct audit *a, const struct json *event, uint32_t pages)
{
    struct json *copy;
    if (pages <= 1) {
        return event;
    }
    struct text raw = arena_text(&a->decision, event->raw);
    METE_ASSERT(json_parse(&a->decision, raw, &copy, NULL) == METE_OK);
    return copy;
}

static bool read_decision(struct audit *a, const struct json *line, struct bytes *packed,
                          struct found_decision *f)
{
    if (!export_bytes(&a->decision, line, "decision", packed)) {
        report_difference(a->report, "its decision cannot be read");
        return false;
    }
    const char *flaw = decision_read(&a->decision, *packed, f);
    if (flaw != NULL) {
        report_difference(a->report, "its decision is damaged: it has %s", flaw);
    }
    return flaw == NULL;
}

static void check_seq(struct audit *a, const struct json *line)
{
    uint64_t seq;
    if (!export_u64(line, "seq", &seq) || seq != a->journal.count) {
        report_difference(a->report, "its seq should be %" PRIu64, a->journal.count);
    }
}

void chronicle_event(struct audit *a, const struct export_line *line)
{
    struct bytes packed = {NULL, 0};
    struct found_decision f;
    const struct json *event = line->event;
    chronicle_settle(a);
    if (event == NULL || event->type != JSON_OBJECT) {
        report_difference(a->report, "the line has no event");
        return;
    }
    register_event(a, event);
    take_time(a, line->object);
    struct open_decision *d = fresh_decision(a, a->journal.count, 0);
    a->page = 0;
    check_seq(a, line->object);
    check_canonical(a, event);
    check_occurred(a, event);
    bool whole = read_decision(a, line->object, &packed, &f);
    log_append(&a->log, text_bytes(event->raw), packed, a->recorded_at);
    if (!whole) {
        return;
    }
    if (f.about != 0) {
        report_difference(a->report, "its decision says that it is about event %" PRIu64, f.about);
    }
    d->event = keep_event(a, event, f.pages);
    open_decision(a, &f);
}

/* The page of a release: one waiting event, decided anew. */
static void begin_release(struct audit *a, struct open_decision *d, const struct found_decision *f)
{
    struct json *event;
    if (f->about == 0 && f->group_count == 0) {
        return; /* it only ends the queue */
    }
    d->waiter = waiting_next(a, f->about, &d->due);
    if (d->waiter == NULL || json_parse(&a->decision, d->waiter->raw, &event, NULL) != METE_OK) {
        report_difference(a->report, "no event waits that the page could decide");
        return;
    }
    d->event = event;
    a->report->event = member_text(event, "event_id");
    open_decision(a, f);
}

void chronicle_page(struct audit *a, const struct export_line *line)
{
    struct bytes packed;
    struct found_decision f;
    uint64_t seq, page;
    const struct record *opener = journal_at(&a->journal, a->journal.count);
    if (opener != NULL) {
        a->report->event = opener->id;
    }
    if (!export_u64(line->object, "seq", &seq) || !export_u64(line->object, "page", &page) ||
        seq != a->journal.count || page != (uint64_t)a->page + 1) {
        report_difference(a->report, "page %" PRIu32 " of event %" PRIu64 " should come here",
                          a->page + 1, a->journal.count);
        return;
    }
    a->page = (uint32_t)page;
    take_time(a, line->object);
    if (!a->is_open) {
        fresh_decision(a, seq, a->page);
    }
    if (!read_decision(a, line->object, &packed, &f)) {
        return;
    }
    if (a->is_open) {
        continue_decision(a, &f, packed);
    } else {
        begin_release(a, &a->open, &f);
    }
}

void chronicle_settle(struct audit *a)
{
    if (a->is_open) {
        report_difference(a->report, "%" PRIu32 " further pages of the decision before are missing",
                          a->open.pages_due);
        a->is_open = false;
    }
    if (a->waiting.queue_first < a->waiting.queue_count) {
        arena_reset(&a->decision);
    }
    waiting_settle(a);
    a->report->event = (struct text){NULL, 0};
}

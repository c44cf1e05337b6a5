/* SPDX-License-Identifier: Apache-2.0
 * What each book has. A family's samples stand together, so the list of books is gone through once
 * for each family. */
#include "base/text.h"
#include "http/metrics.h"

#include <stddef.h>
#include <string.h>

#define BOOKS_SHOWN 1000 /* of an operator's scrape: those that were opened first */

struct shown {
    size_t count;
    const char **name;
    struct book_numbers *numbers;
};

/* Those that are a member of struct book_numbers, all of 64 bits. */
static const struct family {
    const char *name;
    const char *type;
    enum unit unit;
    const char *help;
    size_t offset;
} FAMILY[] = {
    {"mete_allocations_total", "counter", UNIT_NONE, "Shares of revenue that were booked.",
     offsetof(struct book_numbers, counts.allocations)},
    {"mete_hash_chain_height", "gauge", UNIT_NONE, "Events in the log of the book.",
     offsetof(struct book_numbers, size)},
    {"mete_last_recorded_timestamp_seconds", "gauge", UNIT_SECONDS,
     "When the newest event of the log was recorded; 0: the log is empty.",
     offsetof(struct book_numbers, recorded_at)},
    {"mete_quarantine_size", "gauge", UNIT_NONE, "Refused events that are kept.",
     offsetof(struct book_numbers, quarantined)},
    {"mete_quarantine_limit", "gauge", UNIT_NONE,
     "Refused events that are kept at most; then the oldest go.",
     offsetof(struct book_numbers, quarantine_max)},
    {"mete_state_memory_bytes", "gauge", UNIT_NONE, "Buffers and caches of the book.",
     offsetof(struct book_numbers, state_memory)},
    {"mete_state_runs", "gauge", UNIT_NONE, "Sorted runs of the state of the book.",
     offsetof(struct book_numbers, state_runs)},
};

static void members_write(struct exposition *e, const struct shown *s)
{
    for (size_t f = 0; f < ARRAY_LEN(FAMILY); f++) {
        exposition_family(e, FAMILY[f].name, FAMILY[f].type, FAMILY[f].unit, FAMILY[f].help);
        for (size_t i = 0; i < s->count; i++) {
            const struct label label = {"book", text_of(s->name[i])};
            int64_t value;
            memcpy(&value, (const char *)&s->numbers[i] + FAMILY[f].offset, sizeof value);
            exposition_sample(e, &label, 1, value);
        }
    }
}

/** 0: nothing waits. */
static int64_t age(mete_time since, mete_time now)
{
    return since != 0 && now > since ? now - since : 0;
}

static void payouts_write(struct exposition *e, const struct shown *s, mete_time now)
{
    const struct machine *m = machine_of(MACHINE_TRANSFER);
    exposition_family(e, "mete_payouts", "gauge", UNIT_NONE, "Payouts, by their state.");
    for (size_t i = 0; i < s->count; i++) {
        for (unsigned k = TRANSFER_QUEUED; k < TRANSFER_STATE_COUNT; k++) {
            const struct label labels[] = {{"book", text_of(s->name[i])},
                                           {"state", text_of(m->state[k])}};
            exposition_sample(e, labels, ARRAY_LEN(labels), (int64_t)s->numbers[i].payouts[k]);
        }
    }
    exposition_family(
        e, "mete_payout_oldest_due_seconds", "gauge", UNIT_SECONDS,
        "For how long a payout has been due that no worker has looked at; 0: none is.");
    for (size_t i = 0; i < s->count; i++) {
        const struct label label = {"book", text_of(s->name[i])};
        exposition_sample(e, &label, 1, age(s->numbers[i].payout_due, now));
    }
}

/** Of what has money that is nobody's yet; a reversal that waits has none. */
static int64_t unattributed(const struct book_numbers *n, mete_time now)
{
    int64_t most = 0;
    for (unsigned r = 0; r < WAIT_REASONS; r++) {
        int64_t its = r == WAITS_FOR_EVENT ? 0 : age(n->waits.oldest_at[r], now);
        most = its > most ? its : most;
    }
    return most;
}

static void unattributed_write(struct exposition *e, const struct shown *s, mete_time now)
{
    exposition_family(e, "mete_oldest_unattributed_seconds", "gauge", UNIT_SECONDS,
                      "Age of the oldest event with money that is nobody's yet; 0: none.");
    for (size_t i = 0; i < s->count; i++) {
        const struct label label = {"book", text_of(s->name[i])};
        exposition_sample(e, &label, 1, unattributed(&s->numbers[i], now));
    }
}

static void outcomes_write(struct exposition *e, const struct shown *s)
{
    exposition_family(e, "mete_events_ingested_total", "counter", UNIT_NONE,
                      "Events that came in since the start, durable, by what became of them.");
    for (size_t i = 0; i < s->count; i++) {
        for (unsigned k = 0; k < SUBMIT_FAILED; k++) {
            const struct label label[] = {
                {"book", text_of(s->name[i])},
                {"result", text_of(submit_status_name((enum submit_status)k))}};
            exposition_sample(e, label, ARRAY_LEN(label), (int64_t)s->numbers[i].counts.outcome[k]);
        }
    }
}

static void waits_write(struct exposition *e, const struct shown *s, bool ages, mete_time now)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct waits *w = &s->numbers[i].waits;
        for (unsigned r = 0; r < WAIT_REASONS; r++) {
            const struct label label[] = {
                {"book", text_of(s->name[i])},
                {"reason", text_of(wait_reason_name((enum wait_reason)r))}};
            exposition_sample(e, label, ARRAY_LEN(label),
                              ages ? age(w->oldest_at[r], now) : (int64_t)w->count[r]);
        }
    }
}

static void shown_fill(struct shown *s, struct arena *a, struct known_books *known,
                       const char *name)
{
    const char *each;
    struct book_numbers numbers;
    size_t all = 0;
    while (all < BOOKS_SHOWN && known_books_at(known, all, &each, &numbers)) {
        all++;
    }
    s->name = arena_array(a, all, sizeof *s->name);
    s->numbers = arena_array(a, all, sizeof *s->numbers);
    for (size_t i = 0; i < all && known_books_at(known, i, &each, &numbers); i++) {
        if (name == NULL || strcmp(each, name) == 0) {
            s->name[s->count] = each;
            s->numbers[s->count++] = numbers;
        }
    }
}

void metrics_books_write(struct exposition *e, struct arena *a, struct known_books *known,
                         const char *name, mete_time now)
{
    struct shown s = {0};
    shown_fill(&s, a, known, name);
    outcomes_write(e, &s);
    members_write(e, &s);
    unattributed_write(e, &s, now);
    payouts_write(e, &s, now);
    exposition_family(e, "mete_waiting_events", "gauge", UNIT_NONE,
                      "Events in the log that are not booked yet, by what they wait for.");
    waits_write(e, &s, false, now);
    exposition_family(e, "mete_oldest_waiting_seconds", "gauge", UNIT_SECONDS,
                      "Age of the oldest event that is not booked yet; 0: none.");
    waits_write(e, &s, true, now);
}

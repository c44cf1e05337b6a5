/* SPDX-License-Identifier: Apache-2.0
 * One row for each route of the table, and one for requests that found none. */
#include "http/answers.h"

#include "base/text.h"
#include "http/routes.h"

#include <stdlib.h>

#define STATUS_MAX 6 /* first digits 0 to 5 */

struct answers_row {
    _Atomic uint64_t status[STATUS_MAX];
    struct histogram time;
};

struct answers {
    _Atomic uint64_t received, sent; /* bytes of bodies */
    _Atomic uint64_t limited, overloaded;
    struct answers_row row[]; /* ROUTES_COUNT, and one */
};

struct answers *answers_new(void)
{
    struct answers *t = calloc(1, sizeof *t + (ROUTES_COUNT + 1) * sizeof t->row[0]);
    METE_ASSERT(t != NULL);
    for (size_t i = 0; i <= ROUTES_COUNT; i++) {
        t->row[i].time.bounds = &histogram_of_time;
    }
    return t;
}

void answers_free(struct answers *t)
{
    free(t);
}

void answers_add(struct answers *t, const struct exchange *x, int64_t us)
{
    size_t i = x->route != NULL ? (size_t)(x->route - ROUTES) : ROUTES_COUNT;
    METE_ASSERT(i <= ROUTES_COUNT && x->status / 100 < STATUS_MAX);
    atomic_fetch_add(&t->row[i].status[x->status / 100], 1);
    histogram_add(&t->row[i].time, us);
    atomic_fetch_add(&t->received, x->received);
    atomic_fetch_add(&t->sent, x->out.len);
    atomic_fetch_add(&t->limited, x->status == 429);
    atomic_fetch_add(&t->overloaded, x->status == 503);
}

/* --- writing -----------------------------------------------------------------------------------*/

static const char *row_name(size_t i)
{
    return i < ROUTES_COUNT ? ROUTES[i].operation : "none";
}

static bool row_is_of(size_t i, unsigned roles)
{
    return i == ROUTES_COUNT || (ROUTES[i].roles & roles) != 0;
}

static void statuses_write(const struct answers_row *row, const char *name, struct exposition *e)
{
    static const char *const class[STATUS_MAX] = {NULL, NULL, "2xx", "3xx", "4xx", "5xx"};
    for (unsigned k = 2; k < STATUS_MAX; k++) {
        const struct label label[] = {{"route", text_of(name)}, {"status", text_of(class[k])}};
        exposition_sample(e, label, ARRAY_LEN(label), (int64_t)atomic_load(&row->status[k]));
    }
}

static void sums_write(const struct answers *t, struct exposition *e)
{
    const struct metric sums[] = {
        {"mete_http_received_bytes_total", "counter", UNIT_NONE, "Bytes of the bodies of requests.",
         (int64_t)atomic_load(&t->received)},
        {"mete_http_sent_bytes_total", "counter", UNIT_NONE, "Bytes of the bodies of answers.",
         (int64_t)atomic_load(&t->sent)},
        {"mete_http_rate_limited_total", "counter", UNIT_NONE,
         "Requests of keys that sent more than their rate (429).",
         (int64_t)atomic_load(&t->limited)},
        {"mete_http_overloaded_total", "counter", UNIT_NONE,
         "Requests turned away because too much was at work, or the server was ending (503).",
         (int64_t)atomic_load(&t->overloaded)}};
    exposition_list(e, sums, ARRAY_LEN(sums));
}

void answers_write(const struct answers *t, unsigned roles, struct exposition *e)
{
    exposition_family(e, "mete_http_requests_total", "counter", UNIT_NONE,
                      "Requests answered, by operation and class of status; route none: no such "
                      "path, or not with this method.");
    for (size_t i = 0; i <= ROUTES_COUNT; i++) {
        if (row_is_of(i, roles)) {
            statuses_write(&t->row[i], row_name(i), e);
        }
    }
    exposition_family(e, "mete_http_request_seconds", "histogram", UNIT_SECONDS,
                      "From a complete request to its answer, without the time on the network.");
    for (size_t i = 0; i <= ROUTES_COUNT; i++) {
        const struct label label = {"route", text_of(row_name(i))};
        if (row_is_of(i, roles) && histogram_count(&t->row[i].time) > 0) {
            exposition_histogram(e, &label, 1, &t->row[i].time);
        }
    }
    sums_write(t, e);
}

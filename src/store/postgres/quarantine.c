/* SPDX-License-Identifier: Apache-2.0
 * Refused events. Their number is bounded, a body is kept once, and its SHA-256 is kept with it, so
 * that a body that was changed in the database is not taken for what was sent. */
#include "base/text.h"
#include "store/postgres/postgres.h"

static const char SQL_ADD[] =
    "insert into mete.quarantine (book_id, number, received_at, event_id, code, pointer, message, "
    "body, cut, attempts, sha256) "
    "values ($1, $2, $3, $4, $5, $6, $7, $8, cast($9 as bigint) = 1, 1, $10)";
static const char SQL_AGAIN[] = "update mete.quarantine set attempts = attempts + 1 "
                                "where book_id = $1 and sha256 = $2";
static const char SQL_TRIM[] =
    "delete from mete.quarantine where book_id = $1 and number in (select number from "
    "mete.quarantine where book_id = $1 order by number limit $2)";
static const char SQL_NEXT[] = "update mete.book_state set quarantine_last = quarantine_last + 1 "
                               "where book_id = $1 returning quarantine_last";
static const char SQL_COUNT[] =
    "select cast(count(*) as bigint) from mete.quarantine where book_id = $1";
static const char SQL_REMOVE[] = "delete from mete.quarantine where book_id = $1 and number = $2";
static const char SQL_SIZES[] = "select cast(octet_length(body) as bigint), number "
                                "from mete.quarantine where book_id = $1 and number > $2 "
                                "order by number limit 512";
static const char SQL_LIST[] =
    "select number, received_at, event_id, code, pointer, message, body, cut, attempts, sha256 "
    "from mete.quarantine where book_id = $1 and number > $2 and number <= $3 order by number";

#define NUMBER_MAX  ((UINT64_C(1) << LOG_SIZE_BITS) - 1)
#define BATCH_BYTES (INT64_C(4) << 20)

/** A number that a step of the group gives. */
static enum store_result step_number(struct pg_log *l, const char *sql, int64_t *out,
                                     struct mete_err *err)
{
    struct pg_params p = pg_of_book(l);
    PGresult *r = pg_step_run(l, sql, &p, err);
    if (r == NULL) {
        return STORE_FAILED;
    }
    bool found = PQntuples(r) == 1;
    *out = found ? pg_int(r, 0, 0) : 0;
    PQclear(r);
    if (!found) {
        (void)mete_fail(err, METE_STORE_CORRUPT, NULL, "the book has no row for its state");
    }
    return found ? STORE_OK : STORE_FAILED;
}

static enum store_result count_rows(struct pg_log *l, struct mete_err *err)
{
    if (l->quarantine_known) {
        return STORE_OK;
    }
    enum store_result r = step_number(l, SQL_COUNT, &l->quarantine_rows, err);
    l->quarantine_known = r == STORE_OK;
    return r;
}

enum store_result pg_quarantine_count(void *log, uint64_t *count, struct mete_err *err)
{
    struct pg_log *l = log;
    struct pg_params p = pg_of_book(l);
    PGresult *r = pg_query_settled(l, SQL_COUNT, &p, err);
    *count = r != NULL ? (uint64_t)pg_int(r, 0, 0) : 0;
    PQclear(r);
    return r != NULL ? STORE_OK : STORE_FAILED;
}

/** Runs a step that changes rows; takes the parameters. */
static enum store_result step_change(struct pg_log *l, const char *sql, struct pg_params *p,
                                     uint64_t *changed, struct mete_err *err)
{
    PGresult *r = pg_step_run(l, sql, p, err);
    *changed = r != NULL ? pg_changed(r) : 0;
    PQclear(r);
    return r != NULL ? STORE_OK : STORE_FAILED;
}

static enum store_result insert(struct pg_log *l, const struct quarantined *q,
                                const struct hash *body, struct mete_err *err)
{
    int64_t number;
    if (step_number(l, SQL_NEXT, &number, err) != STORE_OK) {
        return STORE_FAILED;
    }
    struct pg_params p = pg_of_book(l);
    pg_put_int(&p, number);
    pg_put_int(&p, q->received_at);
    pg_put_bytes(&p, text_bytes(q->event_id));
    pg_put_int(&p, (int64_t)q->code);
    pg_put_bytes(&p, text_bytes(q->pointer));
    pg_put_bytes(&p, text_bytes(q->message));
    pg_put_bytes(&p, text_bytes(q->body));
    pg_put_int(&p, q->cut ? 1 : 0);
    pg_put_hash(&p, body);
    enum store_result r = pg_step_add(l, SQL_ADD, &p, err);
    l->quarantine_rows += r == STORE_OK;
    return r;
}

static enum store_result trim(struct pg_log *l, uint64_t max, struct mete_err *err)
{
    int64_t over = max > INT64_MAX ? 0 : l->quarantine_rows - (int64_t)max;
    if (over <= 0) {
        return STORE_OK;
    }
    uint64_t gone;
    struct pg_params p = pg_of_book(l);
    pg_put_int(&p, over);
    enum store_result r = step_change(l, SQL_TRIM, &p, &gone, err);
    l->quarantine_rows -= (int64_t)gone;
    return r;
}

enum store_result pg_quarantine_add(void *log, const struct quarantined *q, uint64_t max,
                                    struct mete_err *err)
{
    struct pg_log *l = log;
    struct hash body = sha256(text_bytes(q->body));
    uint64_t known;
    struct pg_params p = pg_of_book(l);
    pg_put_hash(&p, &body);
    if (step_change(l, SQL_AGAIN, &p, &known, err) != STORE_OK || count_rows(l, err) != STORE_OK) {
        return STORE_FAILED;
    }
    if (known > 0) {
        return STORE_OK;
    }
    enum store_result r = insert(l, q, &body, err);
    return r == STORE_OK ? trim(l, max, err) : r;
}

enum store_result pg_quarantine_remove(void *log, uint64_t id, struct mete_err *err)
{
    struct pg_log *l = log;
    uint64_t gone;
    if (id == 0 || id > NUMBER_MAX) {
        return STORE_NONE;
    }
    struct pg_params p = pg_of_book(l);
    pg_put_int(&p, (int64_t)id);
    enum store_result r = step_change(l, SQL_REMOVE, &p, &gone, err);
    l->quarantine_known = false;
    return r == STORE_OK && gone == 0 ? STORE_NONE : r;
}

/* --- reading -----------------------------------------------------------------------------------*/

/** False when the body is not the one that was kept. */
static bool row_read(const PGresult *r, int i, struct quarantined *q)
{
    struct hash kept;
    *q = (struct quarantined){.id = (uint64_t)pg_int(r, i, 0),
                              .received_at = pg_int(r, i, 1),
                              .event_id = bytes_text(pg_bytes(r, i, 2)),
                              .code = (enum mete_code)pg_int(r, i, 3),
                              .pointer = bytes_text(pg_bytes(r, i, 4)),
                              .message = bytes_text(pg_bytes(r, i, 5)),
                              .body = bytes_text(pg_bytes(r, i, 6)),
                              .cut = pg_bool(r, i, 7),
                              .attempts = (uint32_t)pg_int(r, i, 8)};
    struct hash body = sha256(text_bytes(q->body));
    return pg_hash(r, i, 9, &kept) && hash_eq(&kept, &body);
}

/** *last: the last row of the next batch; 0: there is none. */
static enum store_result batch_last(struct pg_log *l, uint64_t after, uint64_t *last,
                                    struct mete_err *err)
{
    struct pg_params p = pg_of_book(l);
    int64_t total = 0;
    pg_put_int(&p, (int64_t)after);
    PGresult *r = pg_query_settled(l, SQL_SIZES, &p, err);
    if (r == NULL) {
        return STORE_FAILED;
    }
    *last = 0;
    for (int i = 0; i < PQntuples(r) && total < BATCH_BYTES; i++) {
        total += pg_int(r, i, 0);
        *last = (uint64_t)pg_int(r, i, 1);
    }
    PQclear(r);
    return STORE_OK;
}

static enum store_result list_batch(struct pg_log *l, uint64_t after, uint64_t last,
                                    quarantine_visit *visit, void *arg, bool *go_on,
                                    struct mete_err *err)
{
    struct pg_params p = pg_of_book(l);
    pg_put_int(&p, (int64_t)after);
    pg_put_int(&p, (int64_t)last);
    PGresult *r = pg_query(l->store, SQL_LIST, &p, err);
    if (r == NULL) {
        return STORE_FAILED;
    }
    enum store_result result = STORE_OK;
    for (int i = 0; result == STORE_OK && *go_on && i < PQntuples(r); i++) {
        struct quarantined q;
        if (row_read(r, i, &q)) {
            *go_on = visit(arg, &q);
            continue;
        }
        (void)mete_fail(err, METE_STORE_CORRUPT, NULL,
                        "the body of quarantined event %llu is not what was kept",
                        (unsigned long long)q.id);
        result = STORE_FAILED;
    }
    PQclear(r);
    return result;
}

enum store_result pg_quarantine(void *log, uint64_t after, quarantine_visit *visit, void *arg,
                                struct mete_err *err)
{
    struct pg_log *l = log;
    enum store_result r = STORE_OK;
    bool go_on = true;
    while (r == STORE_OK && go_on && after <= NUMBER_MAX) {
        uint64_t last;
        r = batch_last(l, after, &last, err);
        if (r != STORE_OK || last == 0) {
            break;
        }
        r = list_batch(l, after, last, visit, arg, &go_on, err);
        after = last;
    }
    return r;
}

/* SPDX-License-Identifier: Apache-2.0
 * Inbox and answers as rows. No session state, no notifications: whoever waits looks again, so that
 * it works through poolers and on databases that only resemble PostgreSQL. */
#include "store/inbox.h"

#include "base/encode.h"
#include "base/text.h"
#include "store/postgres/postgres.h"

#include <stdlib.h>
#include <string.h>

struct inbox {
    char *url;
    struct pg_conn conn;
};

static const char SQL_BOOK[] = "select book_id from mete.book where name = $1";
static const char SQL_PUT[] =
    "insert into mete.inbox (book_id, id, received_at, kind, node, request) "
    "values ($1, $2, clock_timestamp(), $3, $4, $5) "
    "on conflict (book_id, id) do nothing";
static const char SQL_WITHDRAW[] = "delete from mete.inbox where book_id = $1 and id = $2";
static const char SQL_FIND[] = "select id from mete.inbox where book_id = $1 and id = $2";
static const char SQL_FIND_ANSWER[] = "select id from mete.answer where book_id = $1 and id = $2";
static const char SQL_ANSWERS[] =
    "select id, answer from mete.answer where book_id = $1 and node = $2 limit 512";
static const char SQL_ANSWERS_GONE[] =
    "delete from mete.answer where book_id = $1 and id = any(cast($2 as bytea[]))";
static const char SQL_BOOKS[] = "select book_id from mete.inbox group by book_id order by book_id";
static const char SQL_HOLDER[] =
    "select owner = $2, expires_at <= clock_timestamp() from mete.lease where book_id = $1";
static const char SQL_REQUESTS[] = "select id, kind, node from mete.inbox "
                                   "where book_id = $1 order by received_at, id limit 256";
static const char SQL_REQUEST[] = "select request from mete.inbox where book_id = $1 and id = $2";
static const char SQL_OLD_REQUESTS[] = "delete from mete.inbox where book_id = $1 and "
                                       "received_at < now() - interval '60 seconds'";
static const char SQL_OLD_ANSWERS[] = "delete from mete.answer where book_id = $1 and "
                                      "decided_at < now() - interval '60 seconds'";
static const char SQL_CLAIM[] = "select id from mete.inbox where book_id = $1 and id = $2 "
                                "for update skip locked";
static const char SQL_ANSWER[] = "insert into mete.answer (book_id, id, decided_at, node, answer) "
                                 "values ($1, $2, clock_timestamp(), $3, $4)";

struct inbox *inbox_new(const char *store)
{
    struct inbox *i = calloc(1, sizeof *i);
    METE_ASSERT(i != NULL);
    i->url = strdup(store);
    METE_ASSERT(i->url != NULL);
    i->conn.url = i->url;
    return i;
}

void inbox_free(struct inbox *i)
{
    if (i != NULL) {
        pg_disconnect(&i->conn);
        free(i->url);
        free(i);
    }
}

/* --- asking ------------------------------------------------------------------------------------*/

/** One statement; takes the parameters. NULL with err filled; the next call connects anew when it
 *  has to. */
static PGresult *ask(struct inbox *i, const char *sql, struct pg_params *p, struct mete_err *err)
{
    PGresult *r = NULL;
    if (pg_is_connected(&i->conn) || pg_connect(&i->conn, err) == METE_OK) {
        r = pg_send(&i->conn, sql, p);
        if (!pg_ok(r)) {
            enum pg_outcome o = pg_outcome_of(&i->conn, r);
            (void)pg_fail(&i->conn, r, err, "inbox");
            PQclear(r);
            r = NULL;
            if (o == PG_LOST) {
                pg_disconnect(&i->conn);
            }
        }
    }
    pg_params_clear(p);
    return r;
}

static enum mete_code change(struct inbox *i, const char *sql, struct pg_params *p,
                             uint64_t *changed, struct mete_err *err)
{
    PGresult *r = ask(i, sql, p, err);
    if (r == NULL) {
        return err->code;
    }
    if (changed != NULL) {
        *changed = pg_changed(r);
    }
    PQclear(r);
    return METE_OK;
}

static void put_id(struct pg_params *p, const struct inbox_id *id)
{
    pg_put_bytes(p, (struct bytes){id->b, sizeof id->b});
}

static struct pg_params of_book(int64_t book)
{
    struct pg_params p = {0};
    pg_put_int(&p, book);
    return p;
}

static struct pg_params of_item(int64_t book, const struct inbox_id *id)
{
    struct pg_params p = of_book(book);
    put_id(&p, id);
    return p;
}

static bool id_read(const PGresult *r, int row, struct inbox_id *out)
{
    struct bytes b = pg_bytes(r, row, 0);
    if (b.len != sizeof out->b) {
        return false;
    }
    memcpy(out->b, b.p, sizeof out->b);
    return true;
}

/* --- several statements at once ----------------------------------------------------------------*/

/** Of a transaction that need not outlive a crash of the server: whoever waits gives up then, and
 *  what is done is done by another transaction. */
static enum mete_code begin(struct inbox *i, struct mete_err *err)
{
    enum mete_code code = change(i, "begin", &(struct pg_params){0}, NULL, err);
    return code == METE_OK
               ? change(i, "set local synchronous_commit = off", &(struct pg_params){0}, NULL, err)
               : code;
}

/** Commits when all went well so far. */
static enum mete_code end(struct inbox *i, enum mete_code code, struct mete_err *err)
{
    struct mete_err unused;
    if (code == METE_OK) {
        code = change(i, "commit", &(struct pg_params){0}, NULL, err);
    }
    if (code != METE_OK && pg_is_connected(&i->conn)) {
        (void)change(i, "rollback", &(struct pg_params){0}, NULL, &unused);
    }
    return code;
}

/* --- books -------------------------------------------------------------------------------------*/

enum mete_code inbox_book(struct inbox *i, struct text name, int64_t *id, struct mete_err *err)
{
    struct pg_params p = {0};
    pg_put_text(&p, name);
    PGresult *r = ask(i, SQL_BOOK, &p, err);
    if (r == NULL) {
        return err->code;
    }
    *id = PQntuples(r) == 1 ? pg_int(r, 0, 0) : 0;
    PQclear(r);
    return METE_OK;
}

enum mete_code inbox_books(struct inbox *i, struct arena *a, int64_t **book, size_t *count,
                           struct mete_err *err)
{
    PGresult *r = ask(i, SQL_BOOKS, &(struct pg_params){0}, err);
    if (r == NULL) {
        return err->code;
    }
    *count = (size_t)PQntuples(r);
    *book = arena_array(a, *count + 1, sizeof **book);
    for (size_t n = 0; n < *count; n++) {
        (*book)[n] = pg_int(r, (int)n, 0);
    }
    PQclear(r);
    return METE_OK;
}

enum mete_code inbox_holder(struct inbox *i, int64_t book, struct text node,
                            enum inbox_holder *holder, struct mete_err *err)
{
    struct pg_params p = of_book(book);
    pg_put_text(&p, node);
    PGresult *r = ask(i, SQL_HOLDER, &p, err);
    if (r == NULL) {
        return err->code;
    }
    *holder = INBOX_HELD_BY_OTHERS;
    if (PQntuples(r) == 1) {
        *holder = pg_bool(r, 0, 1)   ? INBOX_HELD_BY_NONE
                  : pg_bool(r, 0, 0) ? INBOX_HELD_BY_NODE
                                     : INBOX_HELD_BY_OTHERS;
    }
    PQclear(r);
    return METE_OK;
}

/* --- who asks ----------------------------------------------------------------------------------*/

enum mete_code inbox_put(struct inbox *i, const struct inbox_item *item, size_t count,
                         struct mete_err *err)
{
    enum mete_code code = begin(i, err);
    for (size_t n = 0; code == METE_OK && n < count; n++) {
        struct pg_params p = of_item(item[n].book, &item[n].id);
        pg_put_int(&p, item[n].kind);
        pg_put_text(&p, item[n].node);
        pg_put_bytes(&p, item[n].data);
        code = change(i, SQL_PUT, &p, NULL, err);
    }
    return end(i, code, err);
}

enum mete_code inbox_withdraw(struct inbox *i, int64_t book, const struct inbox_id *id,
                              bool *was_there, struct mete_err *err)
{
    uint64_t gone = 0;
    struct pg_params p = of_item(book, id);
    enum mete_code code = change(i, SQL_WITHDRAW, &p, &gone, err);
    *was_there = gone == 1;
    return code;
}

/** In this order: whoever decides it moves it from the one to the other. */
enum mete_code inbox_find(struct inbox *i, int64_t book, const struct inbox_id *id, bool *there,
                          struct mete_err *err)
{
    static const char *const sql[] = {SQL_FIND, SQL_FIND_ANSWER};
    *there = false;
    for (size_t n = 0; n < ARRAY_LEN(sql) && !*there; n++) {
        struct pg_params p = of_item(book, id);
        PGresult *r = ask(i, sql[n], &p, err);
        if (r == NULL) {
            return err->code;
        }
        *there = PQntuples(r) > 0;
        PQclear(r);
    }
    return METE_OK;
}

/** Visits rows of (id, answer); *ids: those as an array's text. */
static void answers_visit(const PGresult *r, int64_t book, inbox_visit *visit, void *arg,
                          struct buf *ids)
{
    for (int row = 0; row < PQntuples(r); row++) {
        struct inbox_item item = {.book = book, .data = pg_bytes(r, row, 1)};
        char hex[2 * sizeof item.id.b + 1];
        if (!id_read(r, row, &item.id)) {
            continue;
        }
        (void)visit(arg, &item);
        hex_encode(hex, (struct bytes){item.id.b, sizeof item.id.b});
        buf_printf(ids, "%s\"\\\\x%s\"", ids->len > 0 ? "," : "{", hex);
    }
}

enum mete_code inbox_answers(struct inbox *i, int64_t book, struct text node, inbox_visit *visit,
                             void *arg, struct mete_err *err)
{
    struct buf ids = {0};
    struct pg_params p = of_book(book);
    pg_put_text(&p, node);
    PGresult *r = ask(i, SQL_ANSWERS, &p, err);
    if (r == NULL) {
        return err->code;
    }
    answers_visit(r, book, visit, arg, &ids);
    PQclear(r);
    enum mete_code code = METE_OK;
    if (ids.len > 0) { /* should this fail they are visited again, or swept */
        buf_put_u8(&ids, '}');
        code = begin(i, err);
        p = of_book(book);
        pg_put_text(&p, buf_text(&ids));
        code = code == METE_OK ? change(i, SQL_ANSWERS_GONE, &p, NULL, err) : code;
        code = end(i, code, err);
        pg_params_clear(&p);
    }
    buf_clear(&ids);
    return code;
}

/* --- who decides -------------------------------------------------------------------------------*/

enum mete_code inbox_requests(struct inbox *i, int64_t book, inbox_visit *visit, void *arg,
                              struct mete_err *err)
{
    struct pg_params p = of_book(book);
    enum mete_code code = change(i, SQL_OLD_REQUESTS, &p, NULL, err);
    p = of_book(book);
    code = code == METE_OK ? change(i, SQL_OLD_ANSWERS, &p, NULL, err) : code;
    if (code != METE_OK) {
        return code;
    }
    p = of_book(book);
    PGresult *r = ask(i, SQL_REQUESTS, &p, err);
    if (r == NULL) {
        return err->code;
    }
    bool go_on = true;
    for (int row = 0; go_on && row < PQntuples(r); row++) {
        struct inbox_item item = {
            .book = book, .kind = (enum inbox_kind)pg_int(r, row, 1), .node = pg_text(r, row, 2)};
        go_on = !id_read(r, row, &item.id) || visit(arg, &item);
    }
    PQclear(r);
    return METE_OK;
}

enum mete_code inbox_request(struct inbox *i, int64_t book, const struct inbox_id *id,
                             struct buf *data, struct mete_err *err)
{
    struct pg_params p = of_item(book, id);
    PGresult *r = ask(i, SQL_REQUEST, &p, err);
    if (r == NULL) {
        return err->code;
    }
    bool there = PQntuples(r) == 1;
    if (there) {
        struct bytes b = pg_bytes(r, 0, 0);
        buf_put(data, b.p, b.len);
    }
    PQclear(r);
    return there ? METE_OK : mete_fail(err, METE_NOT_FOUND, NULL, "the request is decided");
}

static struct pg_params answer_params(const struct inbox_item *answer)
{
    struct pg_params p = of_item(answer->book, &answer->id);
    pg_put_text(&p, answer->node);
    pg_put_bytes(&p, answer->data);
    return p;
}

enum mete_code inbox_answer(struct inbox *i, const struct inbox_item *answer, struct mete_err *err)
{
    uint64_t gone = 0;
    enum mete_code code = begin(i, err);
    if (code == METE_OK) {
        struct pg_params p = of_item(answer->book, &answer->id);
        code = change(i, SQL_WITHDRAW, &p, &gone, err);
    }
    if (code == METE_OK && gone == 1) { /* else nobody waits any more */
        struct pg_params p = answer_params(answer);
        code = change(i, SQL_ANSWER, &p, NULL, err);
    }
    return end(i, code, err);
}

enum store_result pg_inbox_claim(void *log, const struct inbox_id *id, struct mete_err *err)
{
    struct pg_log *l = log;
    struct pg_params p = of_item(l->book_id, id);
    PGresult *r = pg_step_run(l, SQL_CLAIM, &p, err);
    if (r == NULL) {
        return STORE_FAILED;
    }
    bool there = PQntuples(r) == 1;
    PQclear(r);
    return there ? STORE_OK : STORE_NONE;
}

enum store_result pg_inbox_answer(void *log, const struct inbox_item *answer, struct mete_err *err)
{
    struct pg_log *l = log;
    struct inbox_item own = *answer;
    own.book = l->book_id;
    struct pg_params p = of_item(l->book_id, &own.id);
    enum store_result r = pg_step_add(l, SQL_WITHDRAW, &p, err);
    p = answer_params(&own);
    return r == STORE_OK ? pg_step_add(l, SQL_ANSWER, &p, err) : r;
}

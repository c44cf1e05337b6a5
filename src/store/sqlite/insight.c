/* SPDX-License-Identifier: Apache-2.0
 * Points and insights. Both tables are their own index, ordered by names and then by time: a series
 * grows at one place. Only the ids of insights may be random. */
#include "store/sqlite/sqlite.h"

#include "base/text.h"

static const char SQL_KPI_FIND[] =
    "select v, unit, sent_at, received_at from kpi where book_id = ?1 and app = ?2 and "
    "metric = ?3 and bucket = ?4 and env = ?5 and tags = ?6 and t = ?7";
static const char SQL_KPI_PUT[] =
    "insert into kpi (book_id, app, metric, bucket, env, tags, t, v, unit, sent_at, received_at) "
    "values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "
    "on conflict (book_id, app, metric, bucket, env, tags, t) do update set v = excluded.v, "
    "unit = excluded.unit, sent_at = excluded.sent_at, received_at = excluded.received_at";
static const char SQL_KPI_REMOVE[] =
    "delete from kpi where book_id = ?1 and app = ?2 and metric = ?3 and bucket = ?4 and "
    "env = ?5 and tags = ?6 and t = ?7";
static const char SQL_KPI_SCAN[] =
    "select app, metric, bucket, env, tags, t, v, unit, sent_at, received_at from kpi "
    "where book_id = ?1 and (app, metric, bucket, env, tags, t) >= (?2, ?3, ?4, ?5, ?6, ?7) and "
    "(app, metric, bucket, env, tags, t) < (?8, ?9, ?10, ?11, ?12, ?13) "
    "order by app, metric, bucket, env, tags, t limit ?14";
static const char SQL_INSIGHT_FIND[] =
    "select t, sha256, received_at from insight where book_id = ?1 and kind = ?2 and app = ?3 and "
    "env = ?4 and id = ?5";
static const char SQL_INSIGHT_PUT[] =
    "insert into insight (book_id, kind, app, env, id, t, type, severity, message, data, sha256, "
    "received_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) "
    "on conflict (book_id, kind, app, env, id) do update set t = excluded.t, "
    "type = excluded.type, severity = excluded.severity, message = excluded.message, "
    "data = excluded.data, sha256 = excluded.sha256, received_at = excluded.received_at";
static const char SQL_INSIGHT_REMOVE[] =
    "delete from insight where book_id = ?1 and kind = ?2 and app = ?3 and env = ?4 and id = ?5";
static const char SQL_INSIGHT_SCAN[] =
    "select kind, app, env, id, t, type, severity, message, data, sha256, received_at "
    "from insight indexed by insight_by_time "
    "where book_id = ?1 and (kind, app, t, env, id) >= (?2, ?3, ?4, ?5, ?6) and "
    "(kind, app, t, env, id) < (?7, ?8, ?9, ?10, ?11) order by kind, app, t, env, id limit ?12";

/** One execution of a kept statement that changes rows. */
static enum store_result change(struct sqlite_log *l, sqlite3_stmt *s, struct mete_err *err)
{
    return s != NULL && sqlite_begin(l, err) == STORE_OK ? sqlite_run(l, s, err) : STORE_FAILED;
}

static enum store_result failed(struct sqlite_log *l, struct mete_err *err)
{
    (void)sqlite_fail(l->store->db, err, "insights");
    return STORE_FAILED;
}

static enum store_result damaged(struct mete_err *err)
{
    (void)mete_fail(err, METE_STORE_CORRUPT, NULL, "a hash in the store is damaged");
    return STORE_FAILED;
}

static int limit_of(size_t limit)
{
    return limit < INT32_MAX ? (int)limit : INT32_MAX;
}

/* --- points ------------------------------------------------------------------------------------*/

/** Six parameters from `at` on. */
static void bind_point(sqlite3_stmt *s, int at, const struct kpi_point *p)
{
    sqlite_bind_text_of(s, at, p->app);
    sqlite_bind_text_of(s, at + 1, p->metric);
    sqlite_bind_text_of(s, at + 2, p->bucket);
    sqlite_bind_text_of(s, at + 3, p->env);
    sqlite_bind_text_of(s, at + 4, p->tags);
    sqlite3_bind_int64(s, at + 5, p->t);
}

static enum store_result find_point(struct sqlite_log *l, const struct kpi_point *want,
                                    struct arena *a, struct kpi_point *found, struct mete_err *err)
{
    sqlite3_stmt *s = sqlite_use(l, KEPT_KPI_FIND, SQL_KPI_FIND, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    bind_point(s, 2, want);
    int step = sqlite3_step(s);
    *found = (struct kpi_point){0};
    if (step == SQLITE_ROW) {
        *found = *want;
        found->v = arena_text(a, sqlite_column_text_of(s, 0));
        found->unit = arena_text(a, sqlite_column_text_of(s, 1));
        found->sent_at = sqlite3_column_int64(s, 2);
        found->received_at = sqlite3_column_int64(s, 3);
    }
    enum store_result r = step == SQLITE_ROW || step == SQLITE_DONE ? STORE_OK : failed(l, err);
    sqlite3_reset(s);
    return r;
}

enum store_result sqlite_kpi_find(void *log, const struct kpi_point *want, size_t count,
                                  struct arena *a, struct kpi_point *found, struct mete_err *err)
{
    enum store_result r = STORE_OK;
    for (size_t i = 0; i < count && r == STORE_OK; i++) {
        r = find_point(log, &want[i], a, &found[i], err);
    }
    return r;
}

enum store_result sqlite_kpi_put(void *log, const struct kpi_point *p, size_t count,
                                 struct mete_err *err)
{
    struct sqlite_log *l = log;
    enum store_result r = STORE_OK;
    for (size_t i = 0; i < count && r == STORE_OK; i++) {
        sqlite3_stmt *s = sqlite_use(l, KEPT_KPI_PUT, SQL_KPI_PUT, err);
        if (s != NULL) {
            sqlite3_bind_int64(s, 1, l->book_id);
            bind_point(s, 2, &p[i]);
            sqlite_bind_text_of(s, 8, p[i].v);
            sqlite_bind_text_of(s, 9, p[i].unit);
            sqlite3_bind_int64(s, 10, p[i].sent_at);
            sqlite3_bind_int64(s, 11, p[i].received_at);
        }
        r = change(l, s, err);
    }
    return r;
}

enum store_result sqlite_kpi_remove(void *log, const struct kpi_point *p, size_t count,
                                    struct mete_err *err)
{
    struct sqlite_log *l = log;
    enum store_result r = STORE_OK;
    for (size_t i = 0; i < count && r == STORE_OK; i++) {
        sqlite3_stmt *s = sqlite_use(l, KEPT_KPI_REMOVE, SQL_KPI_REMOVE, err);
        if (s != NULL) {
            sqlite3_bind_int64(s, 1, l->book_id);
            bind_point(s, 2, &p[i]);
        }
        r = change(l, s, err);
    }
    return r;
}

static void read_point(sqlite3_stmt *s, struct kpi_point *p)
{
    *p = (struct kpi_point){.app = sqlite_column_text_of(s, 0),
                            .metric = sqlite_column_text_of(s, 1),
                            .bucket = sqlite_column_text_of(s, 2),
                            .env = sqlite_column_text_of(s, 3),
                            .tags = sqlite_column_text_of(s, 4),
                            .t = sqlite3_column_int64(s, 5),
                            .v = sqlite_column_text_of(s, 6),
                            .unit = sqlite_column_text_of(s, 7),
                            .sent_at = sqlite3_column_int64(s, 8),
                            .received_at = sqlite3_column_int64(s, 9)};
}

enum store_result sqlite_kpi_scan(void *log, const struct kpi_point *from,
                                  const struct kpi_point *until, size_t limit, kpi_visit *visit,
                                  void *arg, struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_KPI_SCAN, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    bind_point(s, 2, from);
    bind_point(s, 8, until);
    sqlite3_bind_int(s, 14, limit_of(limit));
    bool go_on = true;
    int step = SQLITE_DONE;
    while (go_on && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct kpi_point p;
        read_point(s, &p);
        go_on = visit(arg, &p);
    }
    enum store_result r = step == SQLITE_ROW || step == SQLITE_DONE ? STORE_OK : failed(l, err);
    sqlite3_finalize(s);
    return r;
}

/* --- insights ----------------------------------------------------------------------------------*/

/** Five parameters: book, kind, app, env, id. */
static void bind_name(struct sqlite_log *l, sqlite3_stmt *s, const struct insight *i)
{
    sqlite3_bind_int64(s, 1, l->book_id);
    sqlite3_bind_int(s, 2, (int)i->kind);
    sqlite_bind_text_of(s, 3, i->app);
    sqlite_bind_text_of(s, 4, i->env);
    sqlite_bind_text_of(s, 5, i->id);
}

static enum store_result find_insight(struct sqlite_log *l, const struct insight *want,
                                      struct insight *found, struct mete_err *err)
{
    sqlite3_stmt *s = sqlite_use(l, KEPT_INSIGHT_FIND, SQL_INSIGHT_FIND, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    bind_name(l, s, want);
    int step = sqlite3_step(s);
    bool whole = true;
    *found = (struct insight){.received_at = TIME_NEVER};
    if (step == SQLITE_ROW) {
        found->t = sqlite3_column_int64(s, 0);
        whole = sqlite_column_hash(s, 1, &found->sha256);
        found->received_at = sqlite3_column_int64(s, 2);
    }
    enum store_result r = step == SQLITE_ROW || step == SQLITE_DONE ? STORE_OK : failed(l, err);
    sqlite3_reset(s);
    return whole ? r : damaged(err);
}

enum store_result sqlite_insight_find(void *log, const struct insight *want, size_t count,
                                      struct insight *found, struct mete_err *err)
{
    enum store_result r = STORE_OK;
    for (size_t i = 0; i < count && r == STORE_OK; i++) {
        r = find_insight(log, &want[i], &found[i], err);
    }
    return r;
}

enum store_result sqlite_insight_put(void *log, const struct insight *in, size_t count,
                                     struct mete_err *err)
{
    struct sqlite_log *l = log;
    enum store_result r = STORE_OK;
    for (size_t i = 0; i < count && r == STORE_OK; i++) {
        sqlite3_stmt *s = sqlite_use(l, KEPT_INSIGHT_PUT, SQL_INSIGHT_PUT, err);
        if (s != NULL) {
            bind_name(l, s, &in[i]);
            sqlite3_bind_int64(s, 6, in[i].t);
            sqlite_bind_text_of(s, 7, in[i].type);
            sqlite_bind_text_of(s, 8, in[i].severity);
            sqlite_bind_text_of(s, 9, in[i].message);
            sqlite_bind_text_of(s, 10, in[i].data);
            sqlite_bind_bytes(s, 11, (struct bytes){in[i].sha256.b, sizeof in[i].sha256.b});
            sqlite3_bind_int64(s, 12, in[i].received_at);
        }
        r = change(l, s, err);
    }
    return r;
}

enum store_result sqlite_insight_remove(void *log, const struct insight *in, size_t count,
                                        struct mete_err *err)
{
    struct sqlite_log *l = log;
    enum store_result r = STORE_OK;
    for (size_t i = 0; i < count && r == STORE_OK; i++) {
        sqlite3_stmt *s = sqlite_use(l, KEPT_INSIGHT_REMOVE, SQL_INSIGHT_REMOVE, err);
        if (s != NULL) {
            bind_name(l, s, &in[i]);
        }
        r = change(l, s, err);
    }
    return r;
}

/** Five parameters from `at` on, in the order of insight_by_time. */
static void bind_moment(sqlite3_stmt *s, int at, const struct insight *i)
{
    sqlite3_bind_int(s, at, (int)i->kind);
    sqlite_bind_text_of(s, at + 1, i->app);
    sqlite3_bind_int64(s, at + 2, i->t);
    sqlite_bind_text_of(s, at + 3, i->env);
    sqlite_bind_text_of(s, at + 4, i->id);
}

static bool read_insight(sqlite3_stmt *s, struct insight *i)
{
    *i = (struct insight){.kind = (enum insight_kind)sqlite3_column_int(s, 0),
                          .app = sqlite_column_text_of(s, 1),
                          .env = sqlite_column_text_of(s, 2),
                          .id = sqlite_column_text_of(s, 3),
                          .t = sqlite3_column_int64(s, 4),
                          .type = sqlite_column_text_of(s, 5),
                          .severity = sqlite_column_text_of(s, 6),
                          .message = sqlite_column_text_of(s, 7),
                          .data = sqlite_column_text_of(s, 8),
                          .received_at = sqlite3_column_int64(s, 10)};
    return sqlite_column_hash(s, 9, &i->sha256);
}

enum store_result sqlite_insight_scan(void *log, const struct insight *from,
                                      const struct insight *until, size_t limit,
                                      insight_visit *visit, void *arg, struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_INSIGHT_SCAN, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    bind_moment(s, 2, from);
    bind_moment(s, 7, until);
    sqlite3_bind_int(s, 12, limit_of(limit));
    bool whole = true;
    bool go_on = true;
    int step = SQLITE_DONE;
    while (go_on && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct insight i;
        whole = read_insight(s, &i);
        go_on = whole && visit(arg, &i);
    }
    enum store_result r = step == SQLITE_ROW || step == SQLITE_DONE ? STORE_OK : failed(l, err);
    sqlite3_finalize(s);
    return whole ? r : damaged(err);
}

/* SPDX-License-Identifier: Apache-2.0
 * The contract of the store for what apps report of themselves, the same cases on memory, SQLite
 * and PostgreSQL: names, order, groups, and that books do not meet. covers: M-091 M-092 */
#include "store_fixture.h"

#include "store/insight.h"

static struct kpi_point point(const char *app, const char *metric, mete_time t, const char *v)
{
    return (struct kpi_point){.app = text_of(app),
                              .metric = text_of(metric),
                              .bucket = TEXT("1m"),
                              .env = TEXT("prod"),
                              .tags = TEXT("{}"),
                              .t = t,
                              .v = text_of(v),
                              .unit = TEXT("USD"),
                              .sent_at = 7,
                              .received_at = 9};
}

static struct insight event(const char *app, const char *id, mete_time t)
{
    return (struct insight){.kind = INSIGHT_EVENT,
                            .app = text_of(app),
                            .env = TEXT("dev"),
                            .id = text_of(id),
                            .t = t,
                            .type = TEXT("deploy"),
                            .severity = TEXT("info"),
                            .message = TEXT("two\nlines \"quoted\" \xc3\xa9"),
                            .data = TEXT("{\"a\":\"\\u0000\"}"),
                            .sha256 = sha256(text_bytes(text_of(id))),
                            .received_at = 11};
}

static const struct kpi_point FIRST = {.t = TIME_ALWAYS};
static const struct kpi_point LAST = {.app = {"\xff", 1}};
static const struct insight FIRST_EVENT = {.kind = INSIGHT_EVENT, .t = TIME_ALWAYS};
static const struct insight LAST_EVENT = {.kind = INSIGHT_EVENT, .app = {"\xff", 1}};

static bool point_write(void *arg, const struct kpi_point *p)
{
    buf_printf(arg, "%.*s/%.*s/%.*s/%.*s/%.*s@%lld=%.*s%.*s,%lld,%lld ", (int)p->app.len, p->app.p,
               (int)p->metric.len, p->metric.p, (int)p->bucket.len, p->bucket.p, (int)p->env.len,
               p->env.p, (int)p->tags.len, p->tags.p, (long long)p->t, (int)p->v.len, p->v.p,
               (int)p->unit.len, p->unit.len > 0 ? p->unit.p : "", (long long)p->sent_at,
               (long long)p->received_at);
    return true;
}

static bool event_write(void *arg, const struct insight *i)
{
    struct hash sum = sha256(text_bytes(i->id));
    buf_printf(arg, "%d/%.*s/%.*s/%.*s@%lld:%.*s,%.*s,%.*s,%.*s,%lld%s ", (int)i->kind,
               (int)i->app.len, i->app.p, (int)i->env.len, i->env.p, (int)i->id.len, i->id.p,
               (long long)i->t, (int)i->type.len, i->type.p, (int)i->severity.len, i->severity.p,
               (int)i->message.len, i->message.p, (int)i->data.len, i->data.p,
               (long long)i->received_at, hash_eq(&sum, &i->sha256) ? "" : " BROKEN");
    return true;
}

static void says(struct buf *b, const char *wanted)
{
    buf_put_u8(b, 0);
    assert_string_equal((const char *)b->p, wanted);
    buf_clear(b);
}

static void points_are(struct book *book, const struct kpi_point *from,
                       const struct kpi_point *until, size_t limit, const char *wanted)
{
    struct buf b = {0};
    assert_int_equal(book_kpi_scan(book, from, until, limit, point_write, &b, NULL), STORE_OK);
    says(&b, wanted);
}

static void events_are(struct book *book, const struct insight *from, const struct insight *until,
                       size_t limit, const char *wanted)
{
    struct buf b = {0};
    assert_int_equal(book_insight_scan(book, from, until, limit, event_write, &b, NULL), STORE_OK);
    says(&b, wanted);
}

/* --- points ------------------------------------------------------------------------------------*/

static void test_points_stand_under_their_names(void **state)
{
    struct fixture *f = *state;
    struct arena a;
    struct kpi_point found[3];
    arena_init(&a, 1 << 20);
    struct kpi_point p[] = {point("b", "m", 5, "1.5"), point("a", "n", 6, "-2"),
                            point("a", "m", 6, "3"), point("a", "m", 5, "40000000000000000000.1")};
    p[1].unit = (struct text){0};
    assert_int_equal(book_kpi_put(f->book, p, ARRAY_LEN(p), NULL), STORE_OK);
    const char *all = "a/m/1m/prod/{}@5=40000000000000000000.1USD,7,9 a/m/1m/prod/{}@6=3USD,7,9 "
                      "a/n/1m/prod/{}@6=-2,7,9 b/m/1m/prod/{}@5=1.5USD,7,9 ";
    points_are(f->book, &FIRST, &LAST, 100, all);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    fixture_reopen(f);
    points_are(f->book, &FIRST, &LAST, 100, all);
    points_are(f->book, &p[2], &p[0], 100, "a/m/1m/prod/{}@6=3USD,7,9 a/n/1m/prod/{}@6=-2,7,9 ");
    points_are(f->book, &FIRST, &LAST, 1, "a/m/1m/prod/{}@5=40000000000000000000.1USD,7,9 ");
    points_are(f->book, &FIRST, &LAST, 0, "");
    const struct kpi_point want[] = {p[1], point("a", "m", 7, ""), p[3]};
    assert_int_equal(book_kpi_find(f->book, want, ARRAY_LEN(want), &a, found, NULL), STORE_OK);
    assert_true(text_is(found[0].v, "-2") && found[0].unit.len == 0);
    assert_int_equal(found[0].sent_at, 7);
    assert_int_equal(found[0].received_at, 9);
    assert_int_equal(found[1].v.len, 0);
    assert_true(text_is(found[2].v, "40000000000000000000.1") && text_is(found[2].unit, "USD"));
    assert_int_equal(book_kpi_find(f->book, NULL, 0, &a, NULL, NULL), STORE_OK);
    arena_clear(&a);
}

static void test_every_part_of_a_name_counts(void **state)
{
    struct fixture *f = *state;
    struct arena a;
    struct kpi_point p[6];
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(p); i++) {
        p[i] = point("a", "m", 5, "1");
    }
    p[1].bucket = TEXT("1h");
    p[2].env = TEXT("dev");
    p[3].tags = TEXT("{\"country\":\"DE\"}");
    p[4].metric = TEXT("m2");
    p[5].app = TEXT("A");
    assert_int_equal(book_kpi_put(f->book, p, ARRAY_LEN(p), NULL), STORE_OK);
    points_are(f->book, &FIRST, &LAST, 100,
               "A/m/1m/prod/{}@5=1USD,7,9 a/m/1h/prod/{}@5=1USD,7,9 a/m/1m/dev/{}@5=1USD,7,9 "
               "a/m/1m/prod/{\"country\":\"DE\"}@5=1USD,7,9 a/m/1m/prod/{}@5=1USD,7,9 "
               "a/m2/1m/prod/{}@5=1USD,7,9 ");
    for (size_t i = 0; i + 1 < ARRAY_LEN(p); i++) {
        struct buf b = {0};
        struct kpi_point found;
        assert_int_equal(book_kpi_remove(f->book, &p[i], 1, NULL), STORE_OK);
        assert_int_equal(book_kpi_find(f->book, &p[i], 1, &a, &found, NULL), STORE_OK);
        assert_int_equal(found.v.len, 0);
        assert_int_equal(book_kpi_scan(f->book, &FIRST, &LAST, 100, point_write, &b, NULL),
                         STORE_OK);
        size_t left = 0;
        for (size_t k = 0; k < b.len; k++) {
            left += b.p[k] == '@';
        }
        assert_int_equal(left, ARRAY_LEN(p) - i - 1);
        buf_clear(&b);
    }
    points_are(f->book, &FIRST, &LAST, 100, "A/m/1m/prod/{}@5=1USD,7,9 ");
    assert_int_equal(book_kpi_remove(f->book, p, ARRAY_LEN(p), NULL), STORE_OK);
    points_are(f->book, &FIRST, &LAST, 100, "");
    arena_clear(&a);
}

static void test_a_point_is_replaced(void **state)
{
    struct fixture *f = *state;
    struct kpi_point p = point("a", "m", 5, "1");
    assert_int_equal(book_kpi_put(f->book, &p, 1, NULL), STORE_OK);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    p.v = TEXT("2");
    p.unit = TEXT("EUR");
    p.sent_at = 70;
    p.received_at = 90;
    assert_int_equal(book_kpi_put(f->book, &p, 1, NULL), STORE_OK);
    points_are(f->book, &FIRST, &LAST, 100, "a/m/1m/prod/{}@5=2EUR,70,90 ");
    book_rollback(f->book);
    points_are(f->book, &FIRST, &LAST, 100, "a/m/1m/prod/{}@5=1USD,7,9 ");
    assert_int_equal(book_kpi_remove(f->book, &p, 1, NULL), STORE_OK);
    points_are(f->book, &FIRST, &LAST, 100, "");
    book_rollback(f->book);
    points_are(f->book, &FIRST, &LAST, 100, "a/m/1m/prod/{}@5=1USD,7,9 ");
}

/* --- insights ----------------------------------------------------------------------------------*/

static void test_insights_stand_under_their_ids(void **state)
{
    struct fixture *f = *state;
    struct insight found[3];
    struct insight i[] = {event("b", "1", 5), event("a", "9", 5), event("a", "2", 6),
                          event("a", "3", 4)};
    assert_int_equal(book_insight_put(f->book, i, ARRAY_LEN(i), NULL), STORE_OK);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    fixture_reopen(f);
#define REST ":deploy,info,two\nlines \"quoted\" \xc3\xa9,{\"a\":\"\\u0000\"},11 "
    events_are(f->book, &FIRST_EVENT, &LAST_EVENT, 100,
               "1/a/dev/3@4" REST "1/a/dev/9@5" REST "1/a/dev/2@6" REST "1/b/dev/1@5" REST);
    events_are(f->book, &i[1], &i[0], 100, "1/a/dev/9@5" REST "1/a/dev/2@6" REST);
    events_are(f->book, &FIRST_EVENT, &LAST_EVENT, 1, "1/a/dev/3@4" REST);
    struct insight want[] = {i[2], event("a", "1", 5), event("a", "9", 77)};
    assert_int_equal(book_insight_find(f->book, want, ARRAY_LEN(want), found, NULL), STORE_OK);
    assert_int_equal(found[0].t, 6);
    assert_int_equal(found[0].received_at, 11);
    assert_true(hash_eq(&found[0].sha256, &i[2].sha256));
    assert_int_equal(found[1].received_at, TIME_NEVER);
    assert_int_equal(found[2].t, 5); /* by its id, whatever time is asked for */
    assert_int_equal(book_insight_put(f->book, &want[2], 1, NULL), STORE_OK);
    events_are(f->book, &FIRST_EVENT, &LAST_EVENT, 100,
               "1/a/dev/3@4" REST "1/a/dev/2@6" REST "1/a/dev/9@77" REST "1/b/dev/1@5" REST);
    assert_int_equal(book_insight_remove(f->book, i, ARRAY_LEN(i), NULL), STORE_OK);
    events_are(f->book, &FIRST_EVENT, &LAST_EVENT, 100, "");
    book_rollback(f->book);
    events_are(f->book, &FIRST_EVENT, &LAST_EVENT, 1, "1/a/dev/3@4" REST);
}

static void test_batches_are_no_events(void **state)
{
    struct fixture *f = *state;
    struct insight found;
    struct insight batch = event("a", "1", 5);
    batch.kind = INSIGHT_BATCH;
    struct insight same = event("a", "1", 5);
    assert_int_equal(book_insight_put(f->book, &batch, 1, NULL), STORE_OK);
    events_are(f->book, &FIRST_EVENT, &LAST_EVENT, 100, "");
    assert_int_equal(book_insight_find(f->book, &same, 1, &found, NULL), STORE_OK);
    assert_int_equal(found.received_at, TIME_NEVER);
    assert_int_equal(book_insight_put(f->book, &same, 1, NULL), STORE_OK);
    assert_int_equal(book_insight_remove(f->book, &batch, 1, NULL), STORE_OK);
    events_are(f->book, &FIRST_EVENT, &LAST_EVENT, 100, "1/a/dev/1@5" REST);
}

/* --- what stands beside them -------------------------------------------------------------------*/

static void test_books_do_not_meet(void **state)
{
    struct fixture *f = *state;
    struct book *other;
    struct mete_err err;
    const struct kpi_point p = point("a", "m", 5, "1");
    const struct insight i = event("a", "1", 5);
    assert_int_equal(book_kpi_put(f->book, &p, 1, NULL), STORE_OK);
    assert_int_equal(book_insight_put(f->book, &i, 1, NULL), STORE_OK);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    assert_int_equal(book_open(&other, f->store, TEXT("other"), true, &err), METE_OK);
    points_are(other, &FIRST, &LAST, 100, "");
    events_are(other, &FIRST_EVENT, &LAST_EVENT, 100, "");
    assert_int_equal(book_kpi_remove(other, &p, 1, NULL), STORE_OK);
    assert_int_equal(book_insight_remove(other, &i, 1, NULL), STORE_OK);
    assert_int_equal(book_commit(other, NULL), STORE_OK);
    book_close(other);
    points_are(f->book, &FIRST, &LAST, 100, "a/m/1m/prod/{}@5=1USD,7,9 ");
    events_are(f->book, &FIRST_EVENT, &LAST_EVENT, 100, "1/a/dev/1@5" REST);
}

/* The log knows nothing of them: the same head with and without. */
static void test_the_log_stays_as_it_is(void **state)
{
    struct fixture *f = *state;
    fixture_append(f, 20, 20);
    struct log_head before = book_head(f->book);
    fixture_queue(f);
    book_rollback(f->book);
    f->model.size = 20;
    const struct kpi_point p = point("a", "m", 5, "1");
    const struct insight i = event("a", "1", 5);
    assert_int_equal(book_kpi_put(f->book, &p, 1, NULL), STORE_OK);
    assert_int_equal(book_insight_put(f->book, &i, 1, NULL), STORE_OK);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    struct log_head after = book_head(f->book);
    assert_int_equal(after.size, before.size);
    assert_true(hash_eq(&after.root, &before.root));
    fixture_reopen(f);
    fixture_check_rows(f);
    fixture_append(f, 5, 5);
    points_are(f->book, &FIRST, &LAST, 100, "a/m/1m/prod/{}@5=1USD,7,9 ");
}

/* As many as a request may bring, in one group with events. */
static void test_many_at_once(void **state)
{
    struct fixture *f = *state;
    struct arena a;
    enum { MANY = 2000 };
    arena_init(&a, 64 << 20);
    struct kpi_point *p = arena_array(&a, MANY, sizeof *p);
    struct kpi_point *found = arena_array(&a, MANY, sizeof *found);
    for (int i = 0; i < MANY; i++) {
        p[i] = point("app", "m", 1000 + i, arena_printf(&a, "%d.5", i).p);
    }
    fixture_queue(f);
    assert_int_equal(book_kpi_find(f->book, p, MANY, &a, found, NULL), STORE_OK);
    assert_int_equal(book_kpi_put(f->book, p, MANY, NULL), STORE_OK);
    fixture_queue(f);
    assert_int_equal(book_kpi_find(f->book, p, MANY, &a, found, NULL), STORE_OK);
    for (int i = 0; i < MANY; i++) {
        assert_true(text_eq(found[i].v, p[i].v));
    }
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    fixture_check_rows(f);
    points_are(f->book, &p[MANY - 1], &LAST, 100, "app/m/1m/prod/{}@2999=1999.5USD,7,9 ");
    arena_clear(&a);
}

static int setup_memory(void **state)
{
    return fixture_setup(state, "memory:", 0);
}

static int setup_sqlite(void **state)
{
    return fixture_setup(state, "sqlite:", 0);
}

static int setup_postgres(void **state)
{
    return fixture_setup(state, "postgres:", 0);
}

#define ON_ALL(test)                                                                               \
    {#test " (memory)", test, setup_memory, fixture_teardown, NULL},                               \
        {#test " (sqlite)", test, setup_sqlite, fixture_teardown, NULL},                           \
    {                                                                                              \
#test " (postgres)", test, setup_postgres, fixture_teardown, NULL                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(test_points_stand_under_their_names),
        ON_ALL(test_every_part_of_a_name_counts),
        ON_ALL(test_a_point_is_replaced),
        ON_ALL(test_insights_stand_under_their_ids),
        ON_ALL(test_batches_are_no_events),
        ON_ALL(test_books_do_not_meet),
        ON_ALL(test_the_log_stays_as_it_is),
        ON_ALL(test_many_at_once),
    };
    if (database_url("APP") != NULL) {
        cmocka_set_test_filter("*postgres*");
    } else { /* they run beside a database: tests/pg/with_postgres */
        cmocka_set_skip_filter("*postgres*");
    }
    return cmocka_run_group_tests_name("store_insights", tests, NULL, NULL);
}

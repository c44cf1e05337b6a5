/* SPDX-License-Identifier: Apache-2.0
 * Counting and showing an operator's metrics. A sum has as many decimals as the finest value that
 * came, and is never rounded. */
#include "base/limits.h"
#include "core/amount.h"
#include "http/custom_metrics_parts.h"
#include "wire/json.h"

#include <stdio.h>
#include <string.h>

#define OTHER     "other"
#define BOOKS_MAX 1000 /* that may have a series of "other" beyond series_max */

/* --- counting ----------------------------------------------------------------------------------*/

/** What a pointer of names leads to; NULL: nothing. */
static const struct json *member_at(const struct json *j, const char *pointer)
{
    while (j != NULL && *pointer == '/') {
        const size_t len = strcspn(++pointer, "/");
        j = json_get_text(j, (struct text){pointer, len});
        pointer += len;
    }
    return j;
}

static bool type_fits(const struct custom_metric *m, struct text type)
{
    return m->is_family ? text_starts(type, m->event) : text_is(type, m->event);
}

/** A decimal that is not negative, in a string or as a number. */
static bool value_of(const struct custom_metric *m, const struct json *event,
                     struct custom_sum *out)
{
    if (m->value[0] == '\0') {
        *out = (struct custom_sum){.whole = 1};
        return true;
    }
    const struct json *j = member_at(event, m->value);
    if (j == NULL || (j->type != JSON_STRING && j->type != JSON_NUMBER)) {
        return false;
    }
    const char *point = j->text.len > 0 ? memchr(j->text.p, '.', j->text.len) : NULL;
    const size_t decimals = point != NULL ? (size_t)(j->text.p + j->text.len - point - 1) : 0;
    i128 all;
    if (decimals > SCALE_MAX || amount_parse(j->text, (unsigned)decimals, &all) != METE_OK) {
        return false;
    }
    const i128 one = (i128)u128_pow10((unsigned)decimals);
    *out = (struct custom_sum){all / one, all % one, (unsigned)decimals};
    return true;
}

static i128 fraction_at(const struct custom_sum *v, unsigned scale)
{
    return v->fraction * (i128)u128_pow10(scale - v->scale);
}

static bool sum_add(struct custom_sum *to, struct custom_sum v)
{
    const unsigned scale = to->scale > v.scale ? to->scale : v.scale;
    const i128 one = (i128)u128_pow10(scale);
    const i128 fraction = fraction_at(to, scale) + fraction_at(&v, scale);
    const i128 whole = to->whole + v.whole + fraction / one;
    if (whole >= AMOUNT_LIMIT) {
        return false;
    }
    *to = (struct custom_sum){whole, fraction % one, scale};
    return true;
}

/** The value of a label: "" where the event has no such member. */
static struct text label_of(const struct custom_label *l, const struct json *event)
{
    const struct json *j = member_at(event, l->pointer);
    struct text t = {0};
    if (j == NULL || j->type == JSON_NULL) {
        return t;
    }
    t = j->type == JSON_STRING ? j->text : j->raw; /* of a truth and a number: as it is written */
    return t.len > CUSTOM_VALUE_MAX || j->type == JSON_OBJECT || j->type == JSON_ARRAY ||
                   memchr(t.p, '\0', t.len) != NULL
               ? TEXT(OTHER)
               : t;
}

static void key_put(struct buf *key, struct text t)
{
    buf_put_text(key, t);
    buf_put_u8(key, 0);
}

/** The series of an event; the book's "other" when there are enough. NULL: there are too many
 *  books. */
static struct custom_sum *series_of(struct custom_metric *m, const char *book,
                                    const struct json *event)
{
    struct buf key = {0};
    key_put(&key, text_of(book));
    for (size_t i = 0; i < m->label_count; i++) {
        key_put(&key, label_of(&m->label[i], event));
    }
    struct custom_sum *s = omap_get(&m->series, buf_bytes(&key));
    if (s == NULL && m->series.count >= m->series_max) {
        buf_reset(&key);
        key_put(&key, text_of(book));
        for (size_t i = 0; i < m->label_count; i++) {
            key_put(&key, TEXT(OTHER));
        }
        s = omap_get(&m->series, buf_bytes(&key));
    }
    if (s == NULL && m->series.count < m->series_max + BOOKS_MAX) {
        s = omap_put(&m->series, buf_bytes(&key), NULL);
    }
    buf_clear(&key);
    return s;
}

static void event_count(struct custom_metric *m, const char *book, const struct json *event)
{
    struct custom_sum value;
    struct custom_sum *s = value_of(m, event, &value) ? series_of(m, book, event) : NULL;
    m->skipped += s == NULL || !sum_add(s, value);
}

struct counting {
    struct custom_metrics *m;
    const char *book;
    uint64_t next; /* row */
};

static bool row_count(void *arg, const struct log_row *row)
{
    struct counting *c = arg;
    const struct text text = {(const char *)row->event.p, row->event.len};
    struct arena a;
    struct json *event;
    struct mete_err err;
    arena_init(&a, JSON_ARENA_MAX(text.len));
    if (json_parse(&a, text, &event, &err) == METE_OK) {
        const struct json *type = json_get(event, "event_type");
        pthread_mutex_lock(&c->m->lock); /* for this row alone: who shows them does not wait */
        for (size_t i = 0; type != NULL && i < c->m->count; i++) {
            if (type_fits(&c->m->metric[i], type->text)) {
                event_count(&c->m->metric[i], c->book, event);
            }
        }
        pthread_mutex_unlock(&c->m->lock);
    }
    arena_clear(&a);
    c->next = row->seq + 1;
    return true;
}

uint64_t custom_metrics_count(struct custom_metrics *m, const char *name, struct book *book,
                              uint64_t from, uint64_t until)
{
    struct counting c = {m, name, from};
    struct mete_err err;
    if (m == NULL || m->count == 0 || from >= until) {
        return until;
    }
    /* a store that fails now says so to whoever writes next */
    return book_scan_log(book, from, until, row_count, &c, &err) == STORE_OK ? until : c.next;
}

/* --- showing -----------------------------------------------------------------------------------*/

static void sum_format(const struct custom_sum *s, char out[AMOUNT_TEXT_MAX])
{
    char fraction[AMOUNT_TEXT_MAX];
    const size_t len = amount_format(s->whole, 0, out);
    (void)amount_format(s->fraction, s->scale, fraction); /* "0.05": its zero is left out */
    (void)snprintf(out + len, AMOUNT_TEXT_MAX - len, "%s", fraction + 1);
}

static void series_write(const struct custom_metric *m, const struct omap_node *n,
                         const struct custom_sum *s, const char *book, struct exposition *e)
{
    struct label label[1 + CUSTOM_LABELS_MAX];
    char value[AMOUNT_TEXT_MAX];
    const char *p = (const char *)omap_key(n).p;
    if (book != NULL && strcmp(book, p) != 0) {
        return;
    }
    for (size_t i = 0; i <= m->label_count; i++) {
        label[i] = (struct label){i == 0 ? "book" : m->label[i - 1].name, text_of(p)};
        p += strlen(p) + 1;
    }
    sum_format(s, value);
    exposition_decimal(e, label, 1 + m->label_count, value);
}

static void skipped_write(const struct custom_metrics *m, struct exposition *e)
{
    exposition_family(e, "mete_custom_skipped_total", "counter", UNIT_NONE,
                      "Events that an own metric could not count: no decimal there, or too large.");
    for (size_t i = 0; i < m->count; i++) {
        const struct label label = {"metric", text_of(m->metric[i].name)};
        exposition_sample(e, &label, 1, (int64_t)m->metric[i].skipped);
    }
}

void custom_metrics_write(struct custom_metrics *m, const char *book, struct exposition *e)
{
    if (m == NULL || m->count == 0) {
        return;
    }
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->count; i++) {
        struct custom_metric *one = &m->metric[i];
        exposition_family(e, one->name, "counter", UNIT_NONE, one->help);
        for (struct omap_node *n = omap_seek(&one->series, (struct bytes){0}); n != NULL;
             n = omap_next(n)) {
            series_write(one, n, omap_value(n), book, e);
        }
    }
    if (book == NULL) { /* what one book's events have spoilt is not another's to see */
        skipped_write(m, e);
    }
    pthread_mutex_unlock(&m->lock);
}

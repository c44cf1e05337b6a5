/* SPDX-License-Identifier: Apache-2.0
 * Source: Prometheus, "Exposition formats". */
#include "http/exposition.h"

#include "base/text.h"

void exposition_family(struct exposition *e, const char *name, const char *type, enum unit unit,
                       const char *help)
{
    e->name = name;
    e->unit = unit;
    buf_printf(e->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/** Microseconds as seconds, without zeros at the end. */
static void seconds_put(struct buf *out, int64_t us)
{
    uint64_t size = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    uint64_t rest = size % 1000000;
    int digits = 6;
    buf_printf(out, "%s%llu", us < 0 ? "-" : "", (unsigned long long)size / 1000000);
    while (rest > 0 && rest % 10 == 0) {
        rest /= 10;
        digits--;
    }
    if (rest > 0) {
        buf_printf(out, ".%0*llu", digits, (unsigned long long)rest);
    }
}

static void value_put(const struct exposition *e, int64_t value)
{
    if (e->unit == UNIT_SECONDS) {
        seconds_put(e->out, value);
    } else {
        buf_printf(e->out, "%lld", (long long)value);
    }
}

static void escaped_put(struct buf *out, struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] == '\n') {
            buf_put_str(out, "\\n");
            continue;
        }
        if (t.p[i] == '"' || t.p[i] == '\\') {
            buf_put_u8(out, '\\');
        }
        buf_put_u8(out, (uint8_t)t.p[i]);
    }
}

/** Without the closing brace. */
static void labels_put(struct buf *out, const struct label *label, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%c%s=\"", i == 0 ? '{' : ',', label[i].name);
        escaped_put(out, label[i].value);
        buf_put_u8(out, '"');
    }
}

static void sample_begin(const struct exposition *e, const char *suffix, const struct label *label,
                         size_t count)
{
    buf_printf(e->out, "%s%s", e->name, suffix);
    labels_put(e->out, label, count);
    buf_put_str(e->out, count > 0 ? "} " : " ");
}

void exposition_sample(struct exposition *e, const struct label *label, size_t count, int64_t value)
{
    sample_begin(e, "", label, count);
    value_put(e, value);
    buf_put_u8(e->out, '\n');
}

static void bucket_begin(const struct exposition *e, const struct label *label, size_t count)
{
    buf_printf(e->out, "%s_bucket", e->name);
    labels_put(e->out, label, count);
    buf_put_str(e->out, count > 0 ? ",le=\"" : "{le=\"");
}

void exposition_decimal(struct exposition *e, const struct label *label, size_t count,
                        const char *value)
{
    sample_begin(e, "", label, count);
    buf_printf(e->out, "%s\n", value);
}

void exposition_histogram(struct exposition *e, const struct label *label, size_t count,
                          const struct histogram *h)
{
    uint64_t all = 0;
    for (unsigned i = 0; i <= h->bounds->count; i++) {
        all += atomic_load(&h->below[i]);
        bucket_begin(e, label, count);
        if (i < h->bounds->count) {
            value_put(e, h->bounds->bound[i]);
        } else {
            buf_put_str(e->out, "+Inf");
        }
        buf_printf(e->out, "\"} %llu\n", (unsigned long long)all);
    }
    sample_begin(e, "_sum", label, count);
    value_put(e, atomic_load(&h->sum));
    buf_put_u8(e->out, '\n');
    sample_begin(e, "_count", label, count);
    buf_printf(e->out, "%llu\n", (unsigned long long)all);
}

void exposition_list(struct exposition *e, const struct metric *m, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        exposition_family(e, m[i].name, m[i].type, m[i].unit, m[i].help);
        exposition_sample(e, NULL, 0, m[i].value);
    }
}

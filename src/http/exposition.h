/* SPDX-License-Identifier: Apache-2.0
 * Writing Prometheus' text format, version 0.0.4: families, and their samples. Values are whole
 * numbers, or whole microseconds that are shown as seconds. */
#ifndef METE_HTTP_EXPOSITION_H
#define METE_HTTP_EXPOSITION_H

#include "base/buf.h"
#include "http/histogram.h"

#define TYPE_EXPOSITION "text/plain; version=0.0.4; charset=utf-8"

enum unit { UNIT_NONE, UNIT_SECONDS };

struct label {
    const char *name;
    struct text value; /* anything: it is escaped */
};

/** Samples are of a family until the next one begins. */
struct exposition {
    struct buf *out;
    const char *name;
    enum unit unit;
};

/** `type`: "counter", "gauge" or "histogram". `help` is one line without backslashes. */
void exposition_family(struct exposition *e, const char *name, const char *type, enum unit unit,
                       const char *help);
void exposition_sample(struct exposition *e, const struct label *label, size_t count,
                       int64_t value);
/** The same of a decimal as text, which stays exact: "12.50". */
void exposition_decimal(struct exposition *e, const struct label *label, size_t count,
                        const char *value);
void exposition_histogram(struct exposition *e, const struct label *label, size_t count,
                          const struct histogram *h);
/* A family of one sample without labels. */
struct metric {
    const char *name;
    const char *type;
    enum unit unit;
    const char *help;
    int64_t value;
};
void exposition_list(struct exposition *e, const struct metric *m, size_t count);

#endif

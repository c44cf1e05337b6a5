/* SPDX-License-Identifier: Apache-2.0
 * What reading, counting and showing of an operator's metrics share. */
#ifndef METE_HTTP_CUSTOM_METRICS_PARTS_H
#define METE_HTTP_CUSTOM_METRICS_PARTS_H

#include "base/map.h"
#include "http/custom_metrics.h"

#include <pthread.h>

#define CUSTOM_NAME_MAX    80
#define CUSTOM_POINTER_MAX 160

struct custom_label {
    char name[CUSTOM_NAME_MAX];
    char pointer[CUSTOM_POINTER_MAX]; /* of the member of the event, a JSON pointer */
};

/** What a series has: whole + fraction / 10^scale, exactly. Apart, so that one value with many
 *  decimals does not take the room of all that come after it. */
struct custom_sum {
    i128 whole;
    i128 fraction; /* < 10^scale */
    unsigned scale;
};

struct custom_metric {
    char name[CUSTOM_NAME_MAX]; /* as it is shown: "mete_custom_..._total" */
    char help[CUSTOM_POINTER_MAX];
    char event[CUSTOM_NAME_MAX];    /* a type, or the beginning of one */
    bool is_family;                 /* the beginning of one */
    char value[CUSTOM_POINTER_MAX]; /* "": events are counted */
    struct custom_label label[CUSTOM_LABELS_MAX];
    size_t label_count;
    size_t series_max;
    struct omap series; /* book and values of labels, each ended by 0, -> struct custom_sum */
    uint64_t skipped;   /* events whose value is no decimal, or does not fit */
};

struct custom_metrics {
    pthread_mutex_t lock; /* of series and skipped */
    struct custom_metric metric[CUSTOM_METRICS_MAX];
    size_t count;
};

#endif

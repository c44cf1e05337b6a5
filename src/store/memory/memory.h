/* SPDX-License-Identifier: Apache-2.0
 * A store that lives as long as its process, for `mete run` and tests. A group that is rolled back
 * is cut off the ends of its arrays; the few rows that change in place keep a copy for that. */
#ifndef METE_STORE_MEMORY_H
#define METE_STORE_MEMORY_H

#include "base/map.h"
#include "store/port.h"

/* One event; its bytes follow each other: event, signature, decision. */
struct memory_row {
    mete_time recorded_at;
    const uint8_t *p;
    uint32_t event_len;
    uint32_t signature_len;
    uint32_t decision_len;
    struct hash leaf;
};

#define ROWS_CHUNK  ((size_t)4096)
#define NODE_LEVELS 4u /* 8, 16, 24, 32 */

struct memory_vector {
    void **item; /* owned, one allocation each */
    size_t count;
    size_t committed;
    size_t cap;
};

struct memory_nodes {
    struct hash *h;
    size_t count;
    size_t committed;
    size_t cap;
};

/* How an item was before the group changed it. */
struct memory_undo {
    struct memory_vector *vector;
    size_t index;
    void *before;
    size_t size; /* of its fixed part */
};

/* Fixed parts; the texts they point to stand behind them in the same allocation. */
struct memory_meta {
    struct text name;
    struct text value;
};
/* First in every item that can go: its place stays, its texts are given back. */
struct memory_mark {
    bool gone;
};
struct memory_seal {
    struct memory_mark mark;
    struct sealed_value v;
};
struct memory_refused {
    struct memory_mark mark;
    struct quarantined q;
    struct hash sha256;
};

/* Rows in order; each is whole in one allocation, and never changes. */
struct memory_rows {
    void **row;
    size_t count;
    size_t cap;
    void **before; /* the rows as they were when the group began; NULL: it changed none */
    size_t before_count;
    struct memory_vector all; /* owns them, those that are gone too */
};

struct memory_log {
    struct text name;
    struct memory_row **rows; /* chunks of ROWS_CHUNK */
    size_t rows_cap;
    uint64_t size;
    uint64_t committed_size;
    struct memory_chunk *bytes;
    struct memory_vector page; /* struct page_row */
    struct map page_at;        /* (seq, page) -> index in `page`; (seq) -> count */
    struct memory_nodes node[NODE_LEVELS];
    struct memory_vector checkpoint;
    struct memory_vector seal;    /* struct memory_seal */
    struct memory_vector refused; /* struct memory_refused, by id */
    struct map refused_at;        /* SHA-256 of a body -> index in `refused`, perhaps outdated */
    size_t refused_oldest;        /* all before this one are gone */
    uint64_t refused_live;
    struct memory_vector meta;  /* struct memory_meta: the last of a name holds */
    struct memory_rows point;   /* struct kpi_point, by kpi_point_cmp */
    struct memory_rows insight; /* struct insight, by insight_cmp */
    struct memory_undo *undo;
    size_t undo_count;
    size_t undo_cap;
    struct memory_log *next;
};

/** A new item with `extra` bytes behind its fixed part; *tail points to them. */
void *vector_push(struct memory_vector *v, size_t size, size_t extra, char **tail);
/** Copies a text to the tail, and moves that on. */
struct text tail_text(char **tail, struct text t);
void vector_cut(struct memory_vector *v, size_t count);
void vector_clear(struct memory_vector *v);
/** Keeps how an item was, for a rollback. */
void memory_touch(struct memory_log *l, struct memory_vector *v, size_t index, size_t size);

/* memory_side.c */
enum store_result memory_checkpoint_add(void *log, const struct checkpoint *c,
                                        struct mete_err *err);
enum store_result memory_checkpoints(void *log, checkpoint_visit *visit, void *arg,
                                     struct mete_err *err);
enum store_result memory_seal_add(void *log, const struct sealed_value *v, struct mete_err *err);
enum store_result memory_seals(void *log, uint64_t seq, struct text party, sealed_visit *visit,
                               void *arg, struct mete_err *err);
enum store_result memory_seal_erase(void *log, struct text party, uint64_t *count,
                                    struct mete_err *err);
enum store_result memory_quarantine_add(void *log, const struct quarantined *q, uint64_t max,
                                        struct mete_err *err);
enum store_result memory_quarantine_remove(void *log, uint64_t id, struct mete_err *err);
enum store_result memory_quarantine(void *log, uint64_t after, quarantine_visit *visit, void *arg,
                                    struct mete_err *err);
/** Counts anew after a rollback. */
void memory_quarantine_recount(struct memory_log *l);
enum store_result memory_meta_get(void *log, const char *name, struct arena *a, struct text *value,
                                  struct mete_err *err);
enum store_result memory_meta_set(void *log, const char *name, struct text value,
                                  struct mete_err *err);
enum store_result memory_metas(void *log, meta_visit *visit, void *arg, struct mete_err *err);

/* memory_insight.c */
/** The group at hand is kept, or void. */
void memory_insights_settle(struct memory_log *l, bool keep);
void memory_insights_clear(struct memory_log *l);
enum store_result memory_kpi_find(void *log, const struct kpi_point *want, size_t count,
                                  struct arena *a, struct kpi_point *found, struct mete_err *err);
enum store_result memory_kpi_put(void *log, const struct kpi_point *p, size_t count,
                                 struct mete_err *err);
enum store_result memory_kpi_remove(void *log, const struct kpi_point *p, size_t count,
                                    struct mete_err *err);
enum store_result memory_kpi_scan(void *log, const struct kpi_point *from,
                                  const struct kpi_point *until, size_t limit, kpi_visit *visit,
                                  void *arg, struct mete_err *err);
enum store_result memory_insight_find(void *log, const struct insight *want, size_t count,
                                      struct insight *found, struct mete_err *err);
enum store_result memory_insight_put(void *log, const struct insight *i, size_t count,
                                     struct mete_err *err);
enum store_result memory_insight_remove(void *log, const struct insight *i, size_t count,
                                        struct mete_err *err);
enum store_result memory_insight_scan(void *log, const struct insight *from,
                                      const struct insight *until, size_t limit,
                                      insight_visit *visit, void *arg, struct mete_err *err);

#endif

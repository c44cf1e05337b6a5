/* SPDX-License-Identifier: Apache-2.0
 * An open book, for book*.c: the log of its store, and what follows from it in memory. */
#ifndef METE_STORE_BOOK_H
#define METE_STORE_BOOK_H

#include "store/port.h"
#include "store/state/state.h"
#include "store/tree.h"

struct store {
    const struct store_port *port;
    void *impl;
    struct store_options options;
    struct book *open;   /* all that are open for writing */
    struct book *writer; /* the one of them whose group is open; NULL: none is */
};

struct book {
    struct store *store;
    struct book *next; /* of store->open */
    struct buf name;
    const struct log_port *port;
    void *log;
    bool read_only;
    bool no_entries;
    bool broken;  /* could not be brought back after a failure */
    bool dirty;   /* something is queued */
    bool failed;  /* a write of the queued group did: it cannot be committed */
    bool bounded; /* rows of the log may be read `rows_left` times more */
    bool spent;   /* and one more was asked for */
    uint64_t rows_left;
    bool hid; /* a call failed that has no words for it: why is in `hidden` */
    struct mete_err hidden;
    struct log_found found; /* size, recorded_at, pages: with what is queued */
    uint32_t tail_pages;    /* of the last event */
    bool tail_known;
    struct tree tree;
    struct hash root; /* of the first root_size events; root_size UINT64_MAX: not known */
    uint64_t root_size;
    struct state state;
    struct hash shape;      /* of the stored runs; readers only */
    struct buf id_room;     /* an event_id with escapes */
    struct mete_err unused; /* when the caller wants no words */
};

/** The caller's err, or a place for it. */
struct mete_err *book_err(struct book *b, struct mete_err *err);
/** False, with err filled, when the book is broken; `writing`: also when it is read-only. */
bool book_usable(struct book *b, bool writing, struct mete_err *err);
/** Opens the group: no other book of the store has one. */
void book_touch(struct book *b);
/** Marks the group as failed unless r is STORE_OK; returns r. */
enum store_result book_wrote(struct book *b, enum store_result r);
/** Fills row->event_id and checks the row against its leaf. */
enum store_result book_row_check(struct book *b, struct log_row *row, struct mete_err *err);
/** Puts event id and seq in the state. */
void book_event_id_put(struct book *b, const struct key *key, uint64_t seq);

/** Loads head, tree, runs, and replays the tail of the log into the buffer. */
enum mete_code book_load(struct book *b, struct mete_err *err) METE_MUST_CHECK;
/** The same from what is in memory already: of the snapshot before. */
enum mete_code book_advance(struct book *b, struct mete_err *err) METE_MUST_CHECK;

#endif

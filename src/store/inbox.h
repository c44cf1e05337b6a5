/* SPDX-License-Identifier: Apache-2.0
 * Requests that reached a process which does not write their book: put down for the one that does,
 * decided and removed by one transaction of it, and answered from there. On a connection of its
 * own. Only for stores that several processes share. What is put down is opaque here. */
#ifndef METE_STORE_INBOX_H
#define METE_STORE_INBOX_H

#include "store/store.h"

struct inbox_id {
    uint8_t b[16]; /* random */
};

enum inbox_kind {
    INBOX_WRITES = 1, /* is removed by the transaction that decides it */
    INBOX_TRIES = 2   /* changes nothing: may be done any number of times */
};

struct inbox_item {
    int64_t book;
    struct inbox_id id;
    enum inbox_kind kind;
    struct text node; /* who asks, and waits for the answer */
    struct bytes data;
};
typedef bool inbox_visit(void *arg, const struct inbox_item *item);

struct inbox;

/** Does not connect yet: each call does when it has to. */
struct inbox *inbox_new(const char *store);
void inbox_free(struct inbox *i);

/* Each returns METE_OK, or a code of the store with err filled; then nothing was done. */

/** *id: the book's number, 0 when there is none of this name. */
enum mete_code inbox_book(struct inbox *i, struct text name, int64_t *id,
                          struct mete_err *err) METE_MUST_CHECK;

/** Puts requests down, all of them at once. */
enum mete_code inbox_put(struct inbox *i, const struct inbox_item *item, size_t count,
                         struct mete_err *err) METE_MUST_CHECK;
/** Removes a request that nobody decided yet. *was_there false: it is decided, or just being. */
enum mete_code inbox_withdraw(struct inbox *i, int64_t book, const struct inbox_id *id,
                              bool *was_there, struct mete_err *err) METE_MUST_CHECK;
/** *there false: neither the request nor its answer is in the database, which lost it when it
 *  crashed: it was not decided, and will not be. For one that was put, and not answered. */
enum mete_code inbox_find(struct inbox *i, int64_t book, const struct inbox_id *id, bool *there,
                          struct mete_err *err) METE_MUST_CHECK;
/** Visits the answers for a node (kind is not set), then removes those. */
enum mete_code inbox_answers(struct inbox *i, int64_t book, struct text node, inbox_visit *visit,
                             void *arg, struct mete_err *err) METE_MUST_CHECK;

/** Books that have requests, in `a`. */
enum mete_code inbox_books(struct inbox *i, struct arena *a, int64_t **book, size_t *count,
                           struct mete_err *err) METE_MUST_CHECK;

enum inbox_holder {
    INBOX_HELD_BY_OTHERS,
    INBOX_HELD_BY_NODE, /* the one that asks */
    INBOX_HELD_BY_NONE  /* the lease has ended: whoever opens the book has it */
};
enum mete_code inbox_holder(struct inbox *i, int64_t book, struct text node,
                            enum inbox_holder *holder, struct mete_err *err) METE_MUST_CHECK;
/** Requests for a book without their data, the oldest first, at most 256. Old ones, for which
 * nobody waits any more, are removed instead. */
enum mete_code inbox_requests(struct inbox *i, int64_t book, inbox_visit *visit, void *arg,
                              struct mete_err *err) METE_MUST_CHECK;
/** Appends the data of one. METE_NOT_FOUND: it is gone. */
enum mete_code inbox_request(struct inbox *i, int64_t book, const struct inbox_id *id,
                             struct buf *data, struct mete_err *err) METE_MUST_CHECK;
/** Removes a request and stores its answer, outside of any group: for those that change nothing. */
enum mete_code inbox_answer(struct inbox *i, const struct inbox_item *answer,
                            struct mete_err *err) METE_MUST_CHECK;

/* In the group of the book that decides, on the thread that writes it. */

/** Locks a request for this group. STORE_NONE: it is decided or withdrawn. */
enum store_result book_inbox_claim(struct book *b, const struct inbox_id *id,
                                   struct mete_err *err) METE_MUST_CHECK;
/** Removes it, and stores its answer for the node that asked. */
enum store_result book_inbox_answer(struct book *b, const struct inbox_item *answer,
                                    struct mete_err *err) METE_MUST_CHECK;

#endif

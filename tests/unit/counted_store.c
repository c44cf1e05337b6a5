/* SPDX-License-Identifier: Apache-2.0
 * The adapter, and the list with it. What is not counted is SQLite's own function. */
#include "counted_store.h"

#include "store/port.h"

struct counted COUNTED;

static enum mete_code counted_open(void **out, const char *name, const struct store_options *o,
                                   struct mete_err *err)
{
    enum mete_code code = sqlite_store_port.open(out, name, o, err);
    COUNTED.opened += code == METE_OK;
    return code;
}

static void counted_close(void *store)
{
    COUNTED.closed++;
    sqlite_store_port.close(store);
}

static enum store_result counted_books(void *store, struct arena *a, struct text **names,
                                       size_t *count, struct mete_err *err)
{
    return sqlite_store_port.books(store, a, names, count, err);
}

static enum mete_code counted_book_open(void **log, void *store, struct text name, bool create,
                                        struct mete_err *err)
{
    return sqlite_store_port.book_open(log, store, name, create, err);
}

static enum store_result counted_append(void *log, const struct log_row *row, struct mete_err *err)
{
    COUNTED.rows++;
    return sqlite_store_port.log->append(log, row, err);
}

static enum store_result counted_commit(void *log, struct mete_err *err)
{
    COUNTED.commits++;
    return sqlite_store_port.log->commit(log, err);
}

static void counted_rollback(void *log)
{
    COUNTED.rollbacks++;
    sqlite_store_port.log->rollback(log);
}

/* All of SQLite's but for three: a log of it is a log of ours. */
static struct log_port counted_log;

static __attribute__((constructor)) void counted_fill(void)
{
    counted_log = *sqlite_store_port.log;
    counted_log.append = counted_append;
    counted_log.commit = counted_commit;
    counted_log.rollback = counted_rollback;
}

static const struct store_port counted_store_port = {
    .open = counted_open,
    .close = counted_close,
    .books = counted_books,
    .book_open = counted_book_open,
    .log = &counted_log,
    .keys = &sqlite_api_keys,
};

const struct store_kind STORE_KINDS[] = {
    {"memory:", STORE_NAMED_NOTHING, &memory_store_port},
    {"sqlite:", STORE_NAMED_REST, &sqlite_store_port},
    {"counted:", STORE_NAMED_REST, &counted_store_port},
    {"", STORE_NAMED_PATH, &sqlite_store_port},
    {NULL, STORE_NAMED_NOTHING, NULL},
};

/* SPDX-License-Identifier: Apache-2.0
 * Copying the write-ahead log back into the database, in a thread and a connection of its own: the
 * writer would otherwise stand still for as long as the disk needs for all of it. The thread is
 * started by the first group that makes the log long, or that erases: what was erased stands in the
 * log until nobody reads it any more, and a writer that waited for that would stand still. */
#include "store/sqlite/sqlite.h"
#include "store/steady.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAMES_WANTED 2048 /* database pages in the log: 32 MiB */
#define FRAMES_MAX                                                                                 \
    8192             /* then the writer waits, and does what is left: the thread does not keep up */
#define PASSES   8   /* what came meanwhile is copied too: the log starts anew when none did */
#define AGAIN_MS 100 /* while somebody reads what shall be emptied */

struct sqlite_checkpointer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* wanted or stop */
    pthread_cond_t done; /* no longer busy */
    bool wanted;         /* under `lock`, like the others */
    bool busy;
    bool stop;
    uint64_t erasures; /* of the writer */
    uint64_t emptied;  /* of them, gone from the log too */
    char path[];
};

/** True when the whole log is in the database. */
static bool pass(sqlite3 *db)
{
    int log = -1;
    int copied = -2;
    int result = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &copied);
    return result == SQLITE_OK && log == copied;
}

/** Once everything is in the database, nobody reads the log and it is cut to nothing. Never waits
 * for readers longer than `patience_ms`: writers would wait with it. */
static bool empty(sqlite3 *db, int patience_ms)
{
    sqlite3_busy_timeout(db, patience_ms);
    bool done =
        sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK;
    sqlite3_busy_timeout(db, BUSY_WAIT_MS);
    return done;
}

static void work_wait(struct sqlite_checkpointer *c)
{
    if (c->emptied == c->erasures) {
        pthread_cond_wait(&c->wake, &c->lock);
        return;
    }
    const struct timespec until = steady_after(AGAIN_MS);
    if (pthread_cond_timedwait(&c->wake, &c->lock, &until) == ETIMEDOUT) {
        c->wanted = true;
    }
}

/** Waits until there is something to do; false at the end. */
static bool wait_for_work(struct sqlite_checkpointer *c, uint64_t *erasures)
{
    pthread_mutex_lock(&c->lock);
    c->busy = false;
    pthread_cond_signal(&c->done);
    while (!c->wanted && !c->stop) {
        work_wait(c);
    }
    bool stop = c->stop;
    c->busy = !stop;
    c->wanted = false;
    *erasures = c->erasures;
    pthread_mutex_unlock(&c->lock);
    return !stop;
}

static void emptied(struct sqlite_checkpointer *c, uint64_t erasures)
{
    pthread_mutex_lock(&c->lock);
    c->emptied = erasures;
    pthread_mutex_unlock(&c->lock);
}

static void *work(void *arg)
{
    struct sqlite_checkpointer *c = arg;
    sqlite3 *db = NULL;
    uint64_t erasures;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    /* A failure costs nothing but its help: the writer copies the log when it grows too long. */
    bool ok = sqlite3_open_v2(c->path, &db, flags, NULL) == SQLITE_OK &&
              sqlite3_exec(db, "pragma synchronous = full", NULL, NULL, NULL) == SQLITE_OK;
    while (wait_for_work(c, &erasures)) {
        for (int i = 0; ok && i < PASSES && !pass(db); i++) {
        }
        if (ok && c->emptied != erasures && empty(db, 0)) {
            emptied(c, erasures);
        }
    }
    if (ok && c->emptied != c->erasures) {
        (void)empty(db, BUSY_WAIT_MS);
    }
    sqlite3_close(db);
    return NULL;
}

static struct sqlite_checkpointer *start(const char *path)
{
    size_t len = strlen(path) + 1;
    struct sqlite_checkpointer *c = calloc(1, sizeof *c + len);
    METE_ASSERT(c != NULL);
    memcpy(c->path, path, len);
    pthread_mutex_init(&c->lock, NULL);
    steady_cond_init(&c->wake);
    pthread_cond_init(&c->done, NULL);
    if (pthread_create(&c->thread, NULL, work, c) != 0) {
        free(c);
        return NULL;
    }
    return c;
}

void sqlite_checkpointer_stop(struct sqlite_checkpointer *c)
{
    if (c == NULL) {
        return;
    }
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->wake);
    pthread_cond_destroy(&c->done);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void wake(struct sqlite_checkpointer *c)
{
    pthread_mutex_lock(&c->lock);
    c->wanted = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

static void wait_until_idle(struct sqlite_checkpointer *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->busy || c->wanted) {
        pthread_cond_wait(&c->done, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
}

static void ensure(struct sqlite_store *s)
{
    if (s->checkpointer == NULL) {
        s->checkpointer = start(sqlite3_db_filename(s->db, "main"));
    }
}

/** Called by SQLite after each commit with the length of the log. */
static int on_commit(void *arg, sqlite3 *db, const char *schema, int frames)
{
    struct sqlite_store *s = arg;
    (void)schema;
    if (frames < FRAMES_WANTED) {
        return SQLITE_OK;
    }
    ensure(s);
    if (s->checkpointer != NULL && frames < FRAMES_MAX) {
        wake(s->checkpointer);
        return SQLITE_OK;
    }
    if (s->checkpointer != NULL) {
        wait_until_idle(s->checkpointer);
    }
    (void)pass(db); /* nobody writes now: unless somebody reads old rows, all of it is copied */
    return SQLITE_OK;
}

void sqlite_checkpointer_watch(struct sqlite_store *s)
{
    sqlite3_wal_hook(s->db, on_commit, s); /* takes the place of SQLite's own automatic one */
}

void sqlite_checkpointer_empty(struct sqlite_store *s)
{
    if (empty(s->db, 0)) {
        return;
    }
    ensure(s);
    if (s->checkpointer == NULL) {
        (void)empty(s->db, BUSY_WAIT_MS);
        return;
    }
    pthread_mutex_lock(&s->checkpointer->lock);
    s->checkpointer->erasures++;
    pthread_mutex_unlock(&s->checkpointer->lock);
    wake(s->checkpointer);
}

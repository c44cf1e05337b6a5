/* SPDX-License-Identifier: Apache-2.0
 * The real files always hold what the program has written; the platter is a copy in memory. Shared
 * memory beside a database goes through: no power cut leaves any of it. */
#include "fault_disk.h"

#include "base/buf.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR    512u
#define FILES_MAX 64u
#define SHM_END   "-shm"

const char *const DISK_FAULT_NAME[DISK_FAULTS] = {"write error", "short write", "disk full",
                                                  "sync error",  "read error",  "power cut"};

/* Something that was done since the last sync. */
struct change {
    struct change *next;
    sqlite3_int64 at; /* offset, or the new size */
    size_t len;
    bool truncates;
    uint8_t bytes[];
};

struct platter {
    char path[512];
    struct buf held;
    bool there;
    struct change *first;
    struct change **last;
};

struct disk_file {
    sqlite3_file base;
    struct platter *platter;
    sqlite3_file real[]; /* of the VFS below */
};

static sqlite3_vfs *below;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct platter *platter[FILES_MAX];
static uint64_t operations[DISK_FAULTS];
static enum disk_fault armed = DISK_FAULTS;
static uint64_t armed_at;
static bool fired;
static bool full;
static bool dark; /* the power is off */
static bool paused;
static struct rng chance;
static bool by_seed;

/* --- what is armed -----------------------------------------------------------------------------*/

/** Counts an operation; true when it is the one that fails. */
static bool strikes(enum disk_fault fault)
{
    if (paused) {
        return false;
    }
    operations[fault]++;
    if (armed == fault && operations[fault] == armed_at) {
        fired = true;
        armed = DISK_FAULTS;
        return true;
    }
    return false;
}

static bool power_fails(void)
{
    if (!dark && strikes(DISK_POWER_CUT)) {
        dark = true;
    }
    return dark;
}

void fault_disk_arm(enum disk_fault fault, uint64_t nth)
{
    pthread_mutex_lock(&lock);
    armed = fault;
    armed_at = operations[fault] + nth;
    fired = false;
    pthread_mutex_unlock(&lock);
}

void fault_disk_clear(void)
{
    pthread_mutex_lock(&lock);
    armed = DISK_FAULTS;
    full = false;
    pthread_mutex_unlock(&lock);
}

void fault_disk_pause(bool on)
{
    pthread_mutex_lock(&lock);
    paused = on;
    pthread_mutex_unlock(&lock);
}

bool fault_disk_is_dark(void)
{
    pthread_mutex_lock(&lock);
    bool is = dark;
    pthread_mutex_unlock(&lock);
    return is;
}

bool fault_disk_fired(void)
{
    pthread_mutex_lock(&lock);
    bool was = fired;
    pthread_mutex_unlock(&lock);
    return was;
}

uint64_t fault_disk_operations(enum disk_fault fault)
{
    pthread_mutex_lock(&lock);
    uint64_t n = operations[fault];
    pthread_mutex_unlock(&lock);
    return n;
}

/* --- the platter -------------------------------------------------------------------------------*/

static void held_resize(struct platter *p, size_t size)
{
    if (size > p->held.len) {
        size_t more = size - p->held.len;
        buf_reserve(&p->held, more);
        memset(p->held.p + p->held.len, 0, more);
    }
    p->held.len = size;
}

static void held_write(struct platter *p, size_t at, const uint8_t *bytes, size_t len)
{
    if (at + len > p->held.len) {
        held_resize(p, at + len);
    }
    memcpy(p->held.p + at, bytes, len);
}

static void change_add(struct platter *p, bool truncates, sqlite3_int64 at, const void *bytes,
                       size_t len)
{
    struct change *c = malloc(sizeof *c + len);
    METE_ASSERT(c != NULL);
    *c = (struct change){.at = at, .len = len, .truncates = truncates};
    if (len > 0) {
        memcpy(c->bytes, bytes, len);
    }
    *p->last = c;
    p->last = &c->next;
}

static void change_apply(struct platter *p, const struct change *c)
{
    if (c->truncates) {
        held_resize(p, (size_t)c->at);
    } else {
        held_write(p, (size_t)c->at, c->bytes, c->len);
    }
}

static struct change *change_pop(struct platter *p)
{
    struct change *c = p->first;
    if (c != NULL) {
        p->first = c->next;
        p->last = p->first == NULL ? &p->first : p->last;
    }
    return c;
}

static void changes_settle(struct platter *p, bool reach)
{
    for (struct change *c; (c = change_pop(p)) != NULL; free(c)) {
        if (reach) {
            change_apply(p, c);
        }
    }
}

static void platter_load(struct platter *p)
{
    FILE *f = fopen(p->path, "rb");
    uint8_t chunk[65536];
    buf_reset(&p->held);
    p->there = f != NULL;
    for (size_t n; f != NULL && (n = fread(chunk, 1, sizeof chunk, f)) > 0;) {
        buf_put(&p->held, chunk, n);
    }
    if (f != NULL) {
        fclose(f);
    }
}

static struct platter *platter_of(const char *path)
{
    size_t i = 0;
    while (i < FILES_MAX && platter[i] != NULL && strcmp(platter[i]->path, path) != 0) {
        i++;
    }
    METE_ASSERT(i < FILES_MAX);
    if (platter[i] == NULL) {
        platter[i] = calloc(1, sizeof **platter);
        METE_ASSERT(platter[i] != NULL && strlen(path) < sizeof platter[i]->path);
        memcpy(platter[i]->path, path, strlen(path) + 1);
        platter[i]->last = &platter[i]->first;
        platter_load(platter[i]);
    }
    return platter[i];
}

void fault_disk_forget_file(const char *path)
{
    pthread_mutex_lock(&lock);
    struct platter *p = platter_of(path);
    changes_settle(p, false);
    platter_load(p);
    pthread_mutex_unlock(&lock);
}

void fault_disk_forget(void)
{
    for (size_t i = 0; i < FILES_MAX && platter[i] != NULL; i++) {
        changes_settle(platter[i], false);
        buf_clear(&platter[i]->held);
        free(platter[i]);
        platter[i] = NULL;
    }
}

/* --- after a power cut -------------------------------------------------------------------------*/

static void change_tear(struct platter *p, const struct change *c, struct rng *rng)
{
    for (size_t at = 0; at < c->len; at += SECTOR) {
        size_t len = c->len - at < SECTOR ? c->len - at : SECTOR;
        if (rng_below(rng, 2) == 0) {
            held_write(p, (size_t)c->at + at, c->bytes + at, len);
        }
    }
}

/** Either the disk wrote in order and stopped somewhere, or each write is there, torn or lost for
 *  itself. */
static void changes_survive(struct platter *p, struct rng *rng, struct disk_loss *loss)
{
    bool in_order = rng_below(rng, 2) == 0;
    bool going = true;
    for (struct change *c; (c = change_pop(p)) != NULL; free(c)) {
        uint64_t fate = rng_below(rng, in_order ? 12 : 3);
        if (!going || (fate == 0 && !in_order)) {
            loss->lost++;
        } else if (fate == 1) {
            change_tear(p, c, rng);
            loss->torn++;
            going = !in_order;
        } else {
            change_apply(p, c);
            p->there = true;
            loss->kept++;
        }
    }
}

static void platter_write(const struct platter *p)
{
    if (!p->there) {
        (void)unlink(p->path);
        return;
    }
    FILE *f = fopen(p->path, "wb");
    METE_ASSERT(f != NULL && fwrite(p->held.p, 1, p->held.len, f) == p->held.len && fclose(f) == 0);
}

static void shared_memory_remove(const char *path)
{
    char shm[600];
    (void)snprintf(shm, sizeof shm, "%s" SHM_END, path);
    (void)unlink(shm);
}

void fault_disk_power_on(struct rng *rng, struct disk_loss *loss)
{
    pthread_mutex_lock(&lock);
    METE_ASSERT(dark);
    for (size_t i = 0; i < FILES_MAX && platter[i] != NULL; i++) {
        changes_survive(platter[i], rng, loss);
        platter_write(platter[i]);
        shared_memory_remove(platter[i]->path);
    }
    dark = false;
    full = false;
    armed = DISK_FAULTS;
    pthread_mutex_unlock(&lock);
}

/* --- files -------------------------------------------------------------------------------------*/

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct disk_file *)f)->real;
}

static struct platter *platter_at(sqlite3_file *f)
{
    return ((struct disk_file *)f)->platter;
}

static int file_close(sqlite3_file *f)
{
    sqlite3_file *r = real_of(f);
    return r->pMethods != NULL ? r->pMethods->xClose(r) : SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *to, int len, sqlite3_int64 at)
{
    pthread_mutex_lock(&lock);
    bool fails = power_fails() || strikes(DISK_READ_ERROR);
    pthread_mutex_unlock(&lock);
    if (fails) {
        return SQLITE_IOERR_READ;
    }
    return real_of(f)->pMethods->xRead(real_of(f), to, len, at);
}

/** How much of it arrives; what the program is told is in *told. */
static int write_fate(int len, int *told)
{
    if (power_fails() || strikes(DISK_WRITE_ERROR)) {
        *told = SQLITE_IOERR_WRITE;
        return 0;
    }
    if (strikes(DISK_SHORT_WRITE)) {
        *told = SQLITE_IOERR_WRITE;
        return len / 2;
    }
    full = full || strikes(DISK_FULL);
    *told = full ? SQLITE_FULL : SQLITE_OK;
    return full ? 0 : len;
}

static int file_write(sqlite3_file *f, const void *from, int len, sqlite3_int64 at)
{
    int told;
    pthread_mutex_lock(&lock);
    int arrives = write_fate(len, &told);
    if (arrives > 0) {
        int done = real_of(f)->pMethods->xWrite(real_of(f), from, arrives, at);
        METE_ASSERT(done == SQLITE_OK);
        change_add(platter_at(f), false, at, from, (size_t)arrives);
    }
    pthread_mutex_unlock(&lock);
    return told;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int told = SQLITE_IOERR_TRUNCATE;
    pthread_mutex_lock(&lock);
    if (!power_fails()) {
        told = real_of(f)->pMethods->xTruncate(real_of(f), size);
        change_add(platter_at(f), true, size, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    return told;
}

/** The system tells of a failed write once, by a failed sync, and forgets it: what was on its way
 *  counts as written from then on, whether it was or not. Here it never was. */
static int file_sync(sqlite3_file *f, int flags)
{
    (void)flags; /* no real sync: the platter is in memory */
    pthread_mutex_lock(&lock);
    bool fails = power_fails();
    if (!fails) {
        fails = strikes(DISK_SYNC_ERROR);
        changes_settle(platter_at(f), !fails);
        platter_at(f)->there = platter_at(f)->there || !fails;
    }
    pthread_mutex_unlock(&lock);
    return fails ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return dark ? SQLITE_IOERR_FSTAT : real_of(f)->pMethods->xFileSize(real_of(f), size);
}
static int file_lock(sqlite3_file *f, int level)
{
    return dark ? SQLITE_IOERR_LOCK : real_of(f)->pMethods->xLock(real_of(f), level);
}
static int file_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}
static int file_reserved(sqlite3_file *f, int *out)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}
static int file_control(sqlite3_file *f, int op, void *arg)
{
    return dark ? SQLITE_NOTFOUND : real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}
static int file_sector(sqlite3_file *f)
{
    (void)f;
    return (int)SECTOR;
}
static int file_traits(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f)); /* as in production */
}
static int file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return dark ? SQLITE_IOERR_SHMMAP
                : real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}
static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}
static void file_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}
static int file_shm_unmap(sqlite3_file *f, int del)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), del);
}

static const sqlite3_io_methods METHODS = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* --- the VFS -----------------------------------------------------------------------------------*/

static int disk_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    struct disk_file *d = (struct disk_file *)f;
    (void)v;
    f->pMethods = NULL;
    if (dark) {
        return SQLITE_CANTOPEN;
    }
    if (name == NULL) { /* a temporary file dies with the power anyway */
        return below->xOpen(below, name, f, flags, out);
    }
    pthread_mutex_lock(&lock);
    d->platter = platter_of(name);
    pthread_mutex_unlock(&lock);
    int opened = below->xOpen(below, name, d->real, flags, out);
    if (opened == SQLITE_OK) {
        f->pMethods = &METHODS;
    }
    return opened;
}

/** SQLite removes a log only when all of it is in the database, and that is synced. */
static int disk_delete(sqlite3_vfs *v, const char *name, int sync)
{
    int done = SQLITE_IOERR_DELETE;
    (void)v;
    pthread_mutex_lock(&lock);
    if (!power_fails()) {
        struct platter *p = platter_of(name);
        done = below->xDelete(below, name, sync);
        changes_settle(p, false);
        buf_reset(&p->held);
        p->there = false;
    }
    pthread_mutex_unlock(&lock);
    return done;
}

static int disk_access(sqlite3_vfs *v, const char *name, int flags, int *out)
{
    (void)v;
    return dark ? SQLITE_IOERR_ACCESS : below->xAccess(below, name, flags, out);
}

/** SQLite asks once, for the seed of its own generator. */
static int disk_random(sqlite3_vfs *v, int len, char *out)
{
    (void)v;
    if (!by_seed) {
        return below->xRandomness(below, len, out);
    }
    for (int i = 0; i < len; i++) {
        out[i] = (char)rng_next(&chance);
    }
    return len;
}

/** Nothing changes by waiting where one thread does all. */
static int disk_sleep(sqlite3_vfs *v, int us)
{
    (void)v;
    return by_seed ? us : below->xSleep(below, us);
}

void fault_disk_chance(uint64_t seed)
{
    rng_seed(&chance, seed);
    by_seed = true;
    sqlite3_randomness(0, NULL); /* it asks again */
}

void fault_disk_install(void)
{
    static sqlite3_vfs disk;
    METE_ASSERT(sqlite3_initialize() == SQLITE_OK);
    below = sqlite3_vfs_find(NULL);
    disk = *below; /* what is not replaced goes through: those take the VFS only as a word */
    disk.zName = "fault";
    disk.pNext = NULL;
    disk.szOsFile = (int)sizeof(struct disk_file) + below->szOsFile;
    disk.xOpen = disk_open;
    disk.xDelete = disk_delete;
    disk.xAccess = disk_access;
    disk.xRandomness = disk_random;
    disk.xSleep = disk_sleep;
    METE_ASSERT(sqlite3_vfs_register(&disk, 1) == SQLITE_OK);
}

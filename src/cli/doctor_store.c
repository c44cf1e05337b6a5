/* SPDX-License-Identifier: Apache-2.0
 * The store and its books, for mete doctor: opened for reading alone, and so that nothing is left
 * beside the file. */
#include "base/text.h"
#include "cli/doctor.h"
#include "engine/insights.h"
#include "engine/log.h"
#include "engine/numbers.h"
#include "store/api_key.h"
#include "store/examine.h"
#include "store/wall.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DISK_FREE_MIN ((uint64_t)1 << 30) /* bytes: below it a warning, below a tenth an error */
#define WAIT_OLD_US   (7 * TIME_DAY_US)
#define AHEAD_MAX_US  (300 * TIME_SECOND_US)
#define CLOCK_MIN_US  ((mete_time)1735689600 * TIME_SECOND_US) /* 2025: this program is younger */

struct look {
    struct doctor *d;
    const char *file; /* of an embedded store; NULL: it is none */
    bool was_still;   /* nobody was writing it when the look began */
    bool is_empty;    /* no event is in any book that could be opened */
};

static const char *beside(const struct look *l, const char *suffix)
{
    return arena_printf(&l->d->c->arena, "%s%s", l->file, suffix).p;
}

/** Damage that is found in a file that began to change meanwhile may be none. */
METE_PRINTF(3, 4)
static void tell_damage(const struct look *l, const char *what, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (l->was_still && access(beside(l, "-wal"), F_OK) == 0) {
        doctor_tell(l->d, WARNING, what,
                    "somebody began to write the store while it was read: run this again");
    } else {
        doctor_tell(l->d, WRONG, what, "%s", text);
    }
}

/* --- the place ---------------------------------------------------------------------------------*/

static const char *folder_of(struct look *l)
{
    const char *slash = strrchr(l->file, '/');
    if (slash == NULL) {
        return ".";
    }
    size_t len = slash == l->file ? 1 : (size_t)(slash - l->file);
    return arena_text(&l->d->c->arena, (struct text){l->file, len}).p;
}

static void disk_look(struct doctor *d, const char *folder)
{
    struct statvfs v;
    if (statvfs(folder, &v) != 0) {
        doctor_tell(d, WRONG, "disk", "%s: %s: make this folder", folder, strerror(errno));
        return;
    }
    uint64_t left = (uint64_t)v.f_bavail * v.f_frsize;
    enum finding f = left < DISK_FREE_MIN / 10 ? WRONG : left < DISK_FREE_MIN ? WARNING : FINE;
    doctor_tell(d, f, "disk", "%llu MiB free in %s%s", (unsigned long long)(left >> 20), folder,
                f == FINE ? "" : ": make room before events are refused");
    if ((v.f_flag & ST_RDONLY) != 0) {
        doctor_tell(d, WRONG, "disk", "%s is mounted for reading only: mount it for writing",
                    folder);
    }
}

/** Who may write into the folder can put another store or key file in the place of ours. */
static void folder_look(struct doctor *d, const char *folder)
{
    struct stat st;
    if (stat(folder, &st) != 0) {
        return; /* the disk has said so */
    }
    unsigned mode = (unsigned)(st.st_mode & 07777);
    if (access(folder, W_OK) != 0) {
        doctor_tell(d, WRONG, "folder", "%s: %s: chown it to the user that the server runs as",
                    folder, strerror(errno));
    } else if ((mode & S_IWOTH) != 0 && (mode & S_ISVTX) == 0) {
        doctor_tell(d, WRONG, "folder",
                    "everybody may put another store into %s (mode %03o): chmod go-w %s", folder,
                    mode, folder);
    } else if ((mode & (S_IWGRP | S_IWOTH)) != 0) {
        doctor_tell(d, WARNING, "folder", "others may write into %s (mode %03o): chmod go-w %s",
                    folder, mode, folder);
    } else {
        doctor_tell(d, FINE, "folder", "%s, mode %03o", folder, mode);
    }
}

/** True when it is there. */
static bool mode_look(struct doctor *d, const char *what, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return false;
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        doctor_tell(d, WARNING, what, "others can reach %s (mode %03o): chmod 600 %s", path,
                    (unsigned)(st.st_mode & 0777), path);
    } else {
        doctor_tell(d, FINE, what, "%s, mode %03o", path, (unsigned)(st.st_mode & 0777));
    }
    return true;
}

static void key_file_look(struct look *l)
{
    const char *path = beside(l, ".key");
    if (mode_look(l->d, "key file", path)) {
        return;
    }
    doctor_tell(l->d, l->is_empty ? WARNING : WRONG, "key file", "%s: %s%s", path, strerror(ENOENT),
                l->is_empty ? ": the server makes it"
                            : ": without it no server starts; put back the copy of it that is "
                              "kept apart from the store");
}

/* --- a book ------------------------------------------------------------------------------------*/

static void clock_look(struct doctor *d, const char *book, const struct log_head *head)
{
    char at[TIME_TEXT_MAX];
    char now_text[TIME_TEXT_MAX];
    mete_time now = wall_now();
    time_format(head->recorded_at, at);
    time_format(now, now_text);
    if (now < CLOCK_MIN_US) {
        doctor_tell(d, WRONG, "clock", "it says %s: set the clock of this machine", now_text);
    } else if (head->size > 0 && head->recorded_at > now + AHEAD_MAX_US) {
        doctor_tell(d, WRONG, "clock",
                    "%s: the newest event was recorded at %s, which is ahead of this machine's "
                    "clock: set the clock, else events of now are recorded then",
                    book, at);
    } else {
        doctor_tell(d, FINE, "clock", "%s: not before the newest event%s%s", book,
                    head->size > 0 ? ", " : "", head->size > 0 ? at : "");
    }
}

static void log_look(struct look *l, struct engine *e, const char *book)
{
    struct mete_err err;
    struct log_verdict v;
    if (log_verify(e, &v, &err) != METE_OK) {
        tell_damage(l, "log", "%s: %s: stop the server, keep the file, restore a copy", book,
                    err.text);
        return;
    }
    doctor_tell(l->d, FINE, "log", "%s: %llu rows and %llu checkpoints are what the head says%s",
                book, (unsigned long long)v.rows, (unsigned long long)v.checkpoints,
                v.signatures || v.checkpoints == 0 ? "" : "; who signed could not be looked at");
}

static void quarantine_look(struct doctor *d, const char *book, const struct book_numbers *n)
{
    unsigned long long kept = n->quarantined;
    bool full = n->quarantine_max > 0 && n->quarantined >= n->quarantine_max;
    const char *mend = full ? ": there is no room for more, the oldest are dropped; mete "
                              "quarantine list, replay, drop"
                            : ": mete quarantine list";
    doctor_tell(d, kept > 0 ? WARNING : FINE, "quarantine", "%s: %llu refused events%s", book, kept,
                kept > 0 ? mend : "");
}

static void insights_look(struct look *l, struct engine *e, const char *book)
{
    struct mete_err err;
    struct insights_held held;
    char oldest[TIME_TEXT_MAX];
    if (insights_verify(e, &held, &err) != METE_OK) {
        tell_damage(l, "insights", "%s: %s: stop the server, keep the file, restore a copy", book,
                    err.text);
        return;
    }
    time_format(held.oldest, oldest);
    doctor_tell(l->d, FINE, "insights", "%s: %llu points of %llu series, %llu events%s%s", book,
                (unsigned long long)held.points, (unsigned long long)held.series,
                (unsigned long long)held.events,
                held.oldest != TIME_NEVER ? ", the oldest of " : "",
                held.oldest != TIME_NEVER ? oldest : "");
}

static void wait_look(struct doctor *d, struct engine *e, const char *book,
                      const struct book_numbers *n, enum wait_reason r)
{
    char since[TIME_TEXT_MAX];
    struct log_row row;
    struct mete_err err;
    mete_time at = n->waits.oldest_at[r];
    bool old = r == WAITS_STUCK || wall_now() - at > WAIT_OLD_US;
    time_format(at, since);
    if (book_row(engine_book(e), n->waits.oldest[r], &row, &err) != STORE_OK) {
        doctor_tell(d, WRONG, "waiting", "%s: %s", book, err.text);
        return;
    }
    doctor_tell(d, old ? WARNING : FINE, "waiting",
                "%s: %llu events (%s), the oldest since %s%s%.*s%s%s", book,
                (unsigned long long)n->waits.count[r], wait_reason_name(r), since,
                old ? ": mete explain " : "", old ? (int)row.event_id.len : 0,
                row.event_id.len > 0 ? row.event_id.p : "", old ? " --book " : "", old ? book : "");
}

static void waits_look(struct doctor *d, struct engine *e, const char *book,
                       const struct book_numbers *n)
{
    uint64_t all = 0;
    for (unsigned r = 0; r < WAIT_REASONS; r++) {
        all += n->waits.count[r];
        if (n->waits.count[r] > 0) {
            wait_look(d, e, book, n, (enum wait_reason)r);
        }
    }
    if (all == 0) {
        doctor_tell(d, FINE, "waiting", "%s: nothing waits", book);
    }
}

static void open_book_look(struct look *l, struct engine *e, const char *book)
{
    struct mete_err err;
    struct book_numbers n;
    struct log_head head = book_head(engine_book(e));
    l->is_empty = l->is_empty && head.size == 0;
    doctor_tell(l->d, FINE, "book", "%s, %llu events", book, (unsigned long long)head.size);
    clock_look(l->d, book, &head);
    log_look(l, e, book);
    if (book_numbers_read(e, &n, &err) != METE_OK) {
        tell_damage(l, "book", "%s: %s", book, err.text);
        return;
    }
    quarantine_look(l->d, book, &n);
    insights_look(l, e, book);
    waits_look(l->d, e, book, &n);
    doctor_look_at_payouts(l->d, book, &n);
}

/** NULL: it cannot be opened, which was told. */
static struct engine *book_open_for(struct look *l, const char *book)
{
    struct engine *e;
    struct mete_err err;
    const struct engine_options o = {.store = l->d->c->store,
                                     .book = book,
                                     .read_only = true,
                                     .untouched = true,
                                     .clock = CLOCK_REAL};
    enum mete_code code = engine_open(&e, &o, &err);
    if (code == METE_OK) {
        return e;
    }
    if (code == METE_STORE_MISSING) {
        doctor_tell(l->d, WARNING, "book", "%s: %s: mete serve or mete init makes it", book,
                    err.text);
        return NULL;
    }
    l->is_empty = false;
    tell_damage(l, "book", "%s: %s: %s", book, err.text, mete_code_remediation(code));
    return NULL;
}

static void book_look(struct look *l, const char *book)
{
    struct engine *e = book_open_for(l, book);
    if (e != NULL) {
        open_book_look(l, e, book);
        engine_close(e);
    }
}

/** The one that was asked for, else all: the server opens whichever a key belongs to. */
static void books_look(struct look *l)
{
    struct cli *c = l->d->c;
    struct text *names = NULL;
    size_t count = 0;
    struct mete_err err;
    book_look(l, c->book);
    if (c->settings->value[SETTING_BOOK].source == FROM_OPTION) {
        return;
    }
    struct store *s;
    const struct store_options o = {.read_only = true, .untouched = true};
    if (store_open(&s, c->store, &o, &err) != METE_OK) {
        return; /* the book has said so */
    }
    bool read = store_books(s, &c->arena, &names, &count, &err) == STORE_OK;
    store_close(s);
    for (size_t i = 0; read && i < count; i++) {
        if (!text_is(names[i], c->book)) {
            book_look(l, arena_text(&c->arena, names[i]).p);
        }
    }
}

/* --- keys of users -----------------------------------------------------------------------------*/

static bool key_counts(void *arg, const struct api_key *key)
{
    mete_time now = wall_now();
    *(uint64_t *)arg += key->revoked_at > now && key->expires_at > now;
    return true;
}

static void keys_look(struct doctor *d, uint64_t keys)
{
    const struct settings *s = d->c->settings;
    const char *listen = settings_text(s, SETTING_LISTEN);
    bool own =
        settings_text(s, SETTING_API_KEY) != NULL || settings_text(s, SETTING_API_KEY_FILE) != NULL;
    if (keys == 0 && !own && listen_is_loopback(listen)) {
        doctor_tell(d, WARNING, "keys",
                    "none: while the server listens on loopback only, everybody on this machine "
                    "may do everything; mete key create");
    } else if (keys == 0 && !own) {
        doctor_tell(d, WARNING, "keys",
                    "none, and %s is not loopback: nobody may do anything; mete key create",
                    listen);
    } else {
        doctor_tell(d, FINE, "keys", "%llu that hold%s", (unsigned long long)keys,
                    own ? ", and the one of the settings" : "");
    }
}

static void keys_count(struct doctor *d)
{
    struct api_keys *k;
    struct mete_err err;
    uint64_t keys = 0;
    enum mete_code code = api_keys_open(&k, d->c->store, false, &err);
    if (code == METE_OK) {
        code = api_keys_read(k, key_counts, &keys, &err);
        api_keys_close(k);
    }
    if (code == METE_OK) {
        keys_look(d, keys);
    } else {
        doctor_tell(d, WRONG, "keys", "%s: %s", err.text, mete_code_remediation(code));
    }
}

/* --- the file ----------------------------------------------------------------------------------*/

/** True when its books can be opened. */
static bool file_look(struct look *l)
{
    struct store_report r;
    struct mete_err err;
    struct doctor *d = l->d;
    enum mete_code code = store_examine(d->c->store, wall_now(), &r, &err);
    if (code != METE_OK) {
        l->is_empty = false;
        tell_damage(l, "schema", "%s: %s", err.text, mete_code_remediation(code));
    } else if (r.schema < r.schema_known) {
        doctor_tell(d, WARNING, "schema",
                    "version %u: the next start of the server makes it %u; copy the store before",
                    r.schema, r.schema_known);
    } else {
        doctor_tell(d, FINE, "schema", "version %u", r.schema);
        keys_look(d, r.keys);
    }
    if (r.flaw[0] != '\0') {
        tell_damage(l, "structure", "%s: stop the server, keep the file, restore a copy", r.flaw);
    } else {
        doctor_tell(d, FINE, "structure", "every page is in its place");
    }
    doctor_tell(d, r.is_wal ? FINE : WARNING, "journal", "%s",
                r.is_wal ? "write-ahead log, synced with every commit"
                         : "not a write-ahead log: another program has changed that, the next "
                           "start of the server sets it again");
    return code == METE_OK && r.schema == r.schema_known;
}

static void file_store_look(struct look *l)
{
    struct stat st;
    const char *folder = folder_of(l);
    disk_look(l->d, folder);
    folder_look(l->d, folder);
    if (stat(l->file, &st) != 0 || st.st_size == 0) {
        doctor_tell(l->d, WARNING, "book",
                    "there is no store %s yet: mete serve or mete init makes it", l->file);
        return;
    }
    l->was_still = access(beside(l, "-wal"), F_OK) != 0;
    (void)mode_look(l->d, "store", l->file);
    if (file_look(l)) {
        books_look(l);
    }
    key_file_look(l);
}

void doctor_look_at_store(struct doctor *d)
{
    struct look l = {.d = d, .file = store_file(d->c->store), .is_empty = true};
    const struct settings *s = d->c->settings;
    if (s->is_blind && s->value[SETTING_STORE].source <= FROM_FILE) {
        doctor_tell(d, WRONG, "store",
                    "which one is meant cannot be told: mend the settings first");
    } else if (l.file != NULL) {
        file_store_look(&l);
    } else {
        books_look(&l);
        keys_count(d);
    }
}

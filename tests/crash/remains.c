/* SPDX-License-Identifier: Apache-2.0
 * The write-ahead log as SQLite documents it: a header of 32 bytes, then frames of 24 bytes and a
 * page; the last frame of a transaction says how large the database is. */
#include "remains.h"

#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAL_HEADER   32u
#define FRAME_HEADER 24u

static uint32_t number_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/** Frames of the log at hand follow its header's salt; what comes after is of an older one. */
static bool ends_half(FILE *wal)
{
    uint8_t header[WAL_HEADER];
    uint8_t frame[FRAME_HEADER];
    bool half = false;
    if (fread(header, 1, sizeof header, wal) != sizeof header) {
        return false;
    }
    long page = (long)number_at(header + 8);
    for (;;) {
        size_t got = fread(frame, 1, sizeof frame, wal);
        if (got < sizeof frame || memcmp(frame + 8, header + 16, 8) != 0) {
            return half || (got > 0 && got < sizeof frame);
        }
        half = number_at(frame + 4) == 0;
        if (fseek(wal, page, SEEK_CUR) != 0) {
            return half;
        }
    }
}

static bool copied(const char *from, const char *to)
{
    char chunk[65536];
    FILE *in = fopen(from, "rb");
    FILE *out = in != NULL ? fopen(to, "wb") : NULL;
    bool ok = out != NULL;
    for (size_t n; ok && (n = fread(chunk, 1, sizeof chunk, in)) > 0;) {
        ok = fwrite(chunk, 1, n, out) == n;
    }
    if (out != NULL) {
        ok = fclose(out) == 0 && ok;
    }
    if (in != NULL) {
        fclose(in);
    }
    return ok;
}

static int count_of(const char *file, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    int count = 0;
    if (sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) {
        count = sqlite3_column_int(s, 0);
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
    return count;
}

void remains_look(const char *file, struct remains *out)
{
    char wal[512];
    char copy[512];
    char copy_wal[520];
    char copy_shm[520];
    snprintf(wal, sizeof wal, "%s-wal", file);
    snprintf(copy, sizeof copy, "%s.look", file);
    snprintf(copy_wal, sizeof copy_wal, "%s-wal", copy);
    snprintf(copy_shm, sizeof copy_shm, "%s-shm", copy);
    *out = (struct remains){false, false};
    FILE *f = fopen(wal, "rb");
    if (f != NULL) {
        out->half_group = ends_half(f);
        fclose(f);
    }
    if (copied(file, copy)) {
        (void)copied(wal, copy_wal);
        out->merging = count_of(copy, "select count(*) from merge") > 0;
    }
    (void)unlink(copy_wal);
    (void)unlink(copy_shm);
    (void)unlink(copy);
}

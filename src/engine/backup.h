/* SPDX-License-Identifier: Apache-2.0
 * A backup: an image of a store as one SQLite file, and behind its last page what is in it, as one
 * line of JSON and a line that seals that one. SQLite reads past neither, so the file can be opened
 * as the store that it is; every byte of it is under one of two hashes. */
#ifndef METE_ENGINE_BACKUP_H
#define METE_ENGINE_BACKUP_H

#include "engine/engine.h"

struct backup_book {
    struct text name;
    uint64_t size; /* events */
    struct hash root;
    mete_time recorded_at; /* of the last event; 0: there is none */
    struct text note;      /* signed checkpoint; empty: no key was there */
};

struct backup {
    struct text version; /* of the mete that made it */
    mete_time made_at;
    uint64_t bytes;     /* of the image: what follows is not the store's */
    struct hash sha256; /* of those */
    bool keys_beside;   /* the key file was copied beside it */
    bool keys_known;    /* there was one */
    struct hash keys;   /* sha256 of its text */
    struct backup_book *book;
    size_t count;
};

/** The state of every book of a store, texts in `a`. `key_file` NULL: as engine_key_file says. */
enum mete_code backup_books(struct arena *a, const char *store, const char *key_file,
                            struct backup *out, struct mete_err *err) METE_MUST_CHECK;
/** The same books with the same heads. METE_PROOF_FAILED names the first that differs. */
enum mete_code backup_compare(const struct backup *wanted, const struct backup *found,
                              struct mete_err *err) METE_MUST_CHECK;

/** Writes an image of the store into `path`, which is missing or empty: of a file as it is at one
 *  moment, of a database every book up to an event that was its last at some moment. */
enum mete_code backup_image(const char *store, const char *path,
                            struct mete_err *err) METE_MUST_CHECK;
/** Hashes the image at `path`, fills bytes and sha256, writes all of `b` behind it, durably. */
enum mete_code backup_seal(const char *path, struct backup *b,
                           struct mete_err *err) METE_MUST_CHECK;
/** What a file says of itself, texts in `a`; the image is not read. METE_FILE; METE_STORE_CORRUPT:
 *  it is no backup, or not the whole of one. */
enum mete_code backup_read(struct arena *a, const char *path, struct backup *out,
                           struct mete_err *err) METE_MUST_CHECK;
/** Reads the image, and writes it to `to` unless that is negative. METE_STORE_CORRUPT: it is not
 *  what was hashed. */
enum mete_code backup_image_read(const char *path, const struct backup *b, int to,
                                 struct mete_err *err) METE_MUST_CHECK;

/** Appends the JSON line, and the other way round. */
void backup_text(const struct backup *b, struct buf *out);
bool backup_text_read(struct arena *a, struct text line, struct backup *out) METE_MUST_CHECK;

#endif

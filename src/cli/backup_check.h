/* SPDX-License-Identifier: Apache-2.0
 * Is a backup whole: what mete backup asks of what it wrote, mete backup verify of a file that has
 * lain for a while, mete restore of both sides. */
#ifndef METE_CLI_BACKUP_CHECK_H
#define METE_CLI_BACKUP_CHECK_H

#include "cli/cli.h"
#include "engine/backup.h"

struct backup_checked {
    struct backup backup;
    const char *keys; /* the key file that was used; NULL: none is here */
    bool keys_beside; /* it is the one beside the backup */
    bool keys_fit;    /* it signs for every book */
    bool audited;
};

struct backup_wants {
    const char *keys; /* NULL: the one beside the file, else that of METE_KEY_FILE */
    bool audit;
};

/** Bytes, structure, heads, log and, when wanted, the audit of every book. CLI_OK, or what is wrong
 *  was printed: CLI_UNPROVEN when bytes are not what they were. Texts in c->arena. */
int backup_check(struct cli *c, const char *file, const struct backup_wants *wants,
                 struct backup_checked *out) METE_MUST_CHECK;

/** Lets the commands that follow work on this store. */
void backup_turn_to(struct cli *c, const char *store, const char *key_file);
/** The audit of every book of c->store; the exit status. */
int backup_audit(struct cli *c, const struct backup *b) METE_MUST_CHECK;

/** "books": [...], and the same for people. */
void backup_books_json(struct json_writer *w, const struct backup *b);
void backup_books_text(struct cli *c, const struct backup *b);

#endif

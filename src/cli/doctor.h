/* SPDX-License-Identifier: Apache-2.0
 * What the parts of mete doctor share: one line for each thing that was looked at. */
#ifndef METE_CLI_DOCTOR_H
#define METE_CLI_DOCTOR_H

#include "cli/cli.h"
#include "cli/settings.h"
#include "engine/numbers.h"

enum finding { FINE, WARNING, WRONG };

struct doctor {
    struct cli *c;
    struct table *t;
    enum finding worst;
};

/** One line: what was looked at, how it stands, and for anything but FINE how to mend it. */
void doctor_tell(struct doctor *d, enum finding f, const char *what, const char *fmt, ...)
    METE_PRINTF(4, 5);

/** The store: its file, disk and folder, its books, its keys. */
void doctor_look_at_store(struct doctor *d);
/** The rails of the settings; what of a book is on its way. */
void doctor_look_at_rails(struct doctor *d);
void doctor_look_at_payouts(struct doctor *d, const char *book, const struct book_numbers *n);
/** The networks of payments by x402: their nodes are asked. */
void doctor_look_at_networks(struct doctor *d);
/** What lies in the folder that mete backup writes to. */
void doctor_look_at_backups(struct doctor *d, const char *folder);

#endif

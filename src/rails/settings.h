/* SPDX-License-Identifier: Apache-2.0
 * What the settings of several rails have in common: files that hold a secret, and URLs that a
 * secret may be sent to. */
#ifndef METE_RAILS_SETTINGS_H
#define METE_RAILS_SETTINGS_H

#include "base/types.h"
#include "mete/error.h"

/** The one line of a file without its end, in guarded memory and NUL-terminated; NULL: it cannot be
 *  read, is empty, has more than one line, or does not fit `max` bytes with its NUL. */
char *rail_secret_read(const char *file, size_t max);
/** The same of a text of the environment. */
char *rail_secret_copy(const char *text, size_t max);
void rail_secret_free(char *secret);

/** https, or http of this machine alone, without query and fragment. METE_USAGE; `name` says which
 *  setting. */
enum mete_code rail_url_check(const char *name, const char *url,
                              struct mete_err *err) METE_MUST_CHECK;
/** A copy without '/' at its end, to be freed. */
char *rail_url_base(const char *url);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * What the settings of several rails have in common: URLs that a secret may be sent to. */
#ifndef METE_RAILS_SETTINGS_H
#define METE_RAILS_SETTINGS_H

#include "base/types.h"
#include "mete/error.h"

/** https, or http of this machine alone, without query and fragment. METE_USAGE; `name` says which
 *  setting. */
enum mete_code rail_url_check(const char *name, const char *url,
                              struct mete_err *err) METE_MUST_CHECK;
/** A copy without '/' at its end, to be freed. */
char *rail_url_base(const char *url);

#endif

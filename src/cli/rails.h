/* SPDX-License-Identifier: Apache-2.0
 * The rails that the settings name, opened with their sections: a rail of the name N is given the
 * rows of SETTINGS whose section is N, files as their paths. */
#ifndef METE_CLI_RAILS_H
#define METE_CLI_RAILS_H

#include "cli/settings.h"
#include "engine/worker.h"

struct rails {
    struct worker_rail rail[WORKER_RAILS_MAX];
    size_t count;
    struct payout_keys *keys; /* that open destinations; NULL: none are configured */
};

/** Opens what `rails` of [rails] lists; nothing when it is not set. METE_USAGE says which setting
 *  and how to mend it; then none is open. The settings live as long as the rails. */
enum mete_code rails_open(struct rails *out, struct settings *s,
                          struct mete_err *err) METE_MUST_CHECK;
void rails_close(struct rails *r);
/** One rail by itself, whatever `rails` lists; closed by its kind. */
enum mete_code rails_open_one(struct rail **out, struct settings *s, const struct rail_kind *kind,
                              struct mete_err *err) METE_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The rails that the settings name, opened with their sections: a rail of the name N is given the
 * rows of SETTINGS whose section is N, files as their paths. And the networks of x402. */
#ifndef METE_CLI_RAILS_H
#define METE_CLI_RAILS_H

#include "cli/settings.h"
#include "engine/worker.h"
#include "rails/x402/net.h"

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

/** The networks that payments by x402 are taken on, of networks_file, else of NETWORK and what
 *  belongs to it; none when neither is set. Connects to nothing, and forgets PRIVATE_KEY. Errors
 *  are those of nets_open, with the name of the file. Free with nets_close, also after a failure.
 */
enum mete_code networks_open(struct nets **out, struct settings *s,
                             struct mete_err *err) METE_MUST_CHECK;

#endif

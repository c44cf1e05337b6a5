/* SPDX-License-Identifier: Apache-2.0
 * mete doctor on payouts: the rails of the settings, and what of a book is on its way. A rail is
 * opened, which connects to nothing, and closed again. */
#include "base/text.h"
#include "cli/doctor.h"
#include "cli/rails.h"
#include "store/wall.h"

#include <inttypes.h>

#define LATE_S 900

void doctor_look_at_rails(struct doctor *d)
{
    struct rails rails;
    struct mete_err err;
    struct settings *s = d->c->settings;
    if (settings_text(s, SETTING_RAILS) == NULL) {
        doctor_tell(d, FINE, "rails", "none: nobody pays out here");
        return;
    }
    if (rails_open(&rails, s, &err) != METE_OK) {
        doctor_tell(d, WRONG, "rails", "%s", err.text);
        return;
    }
    for (size_t i = 0; i < rails.count; i++) {
        doctor_tell(d, FINE, "rails", "%s", rails.rail[i].kind->name);
    }
    if (rails.keys == NULL) {
        doctor_tell(d, WARNING, "destinations",
                    "worker_keys_file of [rails] is not set: destinations that are sealed to a "
                    "worker cannot be paid to; mete worker key makes such a key");
    }
    rails_close(&rails);
}

void doctor_look_at_payouts(struct doctor *d, const char *book, const struct book_numbers *n)
{
    const uint64_t doubt = n->payouts[TRANSFER_UNKNOWN];
    const uint64_t moving = n->payouts[TRANSFER_QUEUED] + n->payouts[TRANSFER_SENDING] +
                            n->payouts[TRANSFER_SENT] + n->payouts[TRANSFER_FAILED] + doubt;
    mete_time late = n->payout_due != 0 ? wall_now() - n->payout_due : 0;
    if (moving == 0) {
        return;
    }
    bool waits = late > LATE_S * TIME_SECOND_US;
    doctor_tell(d, waits || doubt > 0 ? WARNING : FINE, "payouts",
                "%s: %" PRIu64 " on their way, of them %" PRIu64 " in doubt%s%s", book, moving,
                doubt, doubt > 0 ? ": a worker asks the rail until it knows" : "",
                waits ? "; one is long due: is there a worker with its rail?" : "");
}

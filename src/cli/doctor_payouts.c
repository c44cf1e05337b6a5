/* SPDX-License-Identifier: Apache-2.0
 * mete doctor on payments: the rails of the settings, what of a book is on its way, and the
 * networks of x402. What is opened connects to nothing, and is closed again. */
#include "base/text.h"
#include "cli/doctor.h"
#include "cli/rails.h"

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

static void network_tell(struct doctor *d, const struct net *n)
{
    char account[EVM_ADDRESS_TEXT_LEN + 1];
    if (n->account == NULL) {
        doctor_tell(d, WARNING, "x402",
                    "%s: it has no account to settle with, so that payments are verified alone: "
                    "set PRIVATE_KEY, or key_file of [facilitator]",
                    n->id);
        return;
    }
    evm_address_format(evm_signer_address(n->account), account);
    doctor_tell(d, FINE, "x402", "%s, settled by %s", n->id, account);
}

void doctor_look_at_networks(struct doctor *d)
{
    struct nets *nets = NULL;
    struct mete_err err;
    if (networks_open(&nets, d->c->settings, &err) != METE_OK) {
        doctor_tell(d, WRONG, "x402", "%s", err.text);
    } else if (nets->count == 0) {
        doctor_tell(d, FINE, "x402", "no networks: no payments are taken here");
    } else {
        for (size_t i = 0; i < nets->count; i++) {
            network_tell(d, &nets->net[i]);
        }
    }
    nets_close(nets);
}

void doctor_look_at_payouts(struct doctor *d, const char *book, const struct book_numbers *n)
{
    const uint64_t doubt = n->payouts[TRANSFER_UNKNOWN];
    const uint64_t moving = n->payouts[TRANSFER_QUEUED] + n->payouts[TRANSFER_SENDING] +
                            n->payouts[TRANSFER_SENT] + n->payouts[TRANSFER_FAILED] + doubt;
    mete_time late = n->payout_due != 0 ? doctor_now() - n->payout_due : 0;
    if (moving == 0) {
        return;
    }
    bool waits = late > LATE_S * TIME_SECOND_US;
    doctor_tell(d, waits || doubt > 0 ? WARNING : FINE, "payouts",
                "%s: %" PRIu64 " on their way, of them %" PRIu64 " in doubt%s%s", book, moving,
                doubt, doubt > 0 ? ": a worker asks the rail until it knows" : "",
                waits ? "; one is long due: is there a worker with its rail?" : "");
}

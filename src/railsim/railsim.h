/* SPDX-License-Identifier: Apache-2.0
 * Doubles of the services that rails pay through, in one HTTP server: an LNURL host, Lightning
 * nodes, Stripe, a bank, the reference rates of the ECB. For tests and for learning: no money is
 * here. What was paid is durable before anybody is told, so that a killed simulator forgets
 * nothing. */
#ifndef METE_RAILSIM_RAILSIM_H
#define METE_RAILSIM_RAILSIM_H

#include "base/buf.h"
#include "base/types.h"
#include "mete/error.h"
#include "wire/lightning/bolt11.h"

struct sim;

struct sim_options {
    int listen_fd;      /* listens already; closed by sim_stop */
    const char *state;  /* SQLite file, made when missing; NULL: in memory */
    uint64_t seed;      /* of faults by chance and of the payee's keys */
    uint32_t fault_ppm; /* how many of a million requests meet a fault by chance */
    uint32_t hold_ms;   /* how long a connection hangs when a fault does not say */
    enum bolt11_network network;
    const char *secret;         /* password, rune, macaroon and keys of all doubles */
    const char *bank_folder;    /* with in/ and out/; NULL: only over HTTP */
    const char *webhook_url;    /* where Stripe's events go; NULL: nowhere */
    const char *webhook_secret; /* whsec_... */
    const char *certificate;    /* PEM with its key: https; both NULL: http */
    const char *certificate_key;
};

/** Opens the state and serves. Errors: METE_SIM_STATE, METE_SIM_START. */
enum mete_code sim_start(struct sim **out, const struct sim_options *o,
                         struct mete_err *err) METE_MUST_CHECK;

/** Lets nobody wait any longer, ends, and appends one line: how often each fault has fired. */
void sim_stop(struct sim *s, struct buf *summary);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * A paywall before any web server: who asks for a paid path without a payment is told what it
 * costs; who pays is served, once, and nothing is delivered that was not settled. */
#ifndef METE_GATE_GATE_H
#define METE_GATE_GATE_H

#include "gate/config.h"

struct gate;

struct gate_options {
    struct gate_config *config;  /* the gate's from here on, also when it does not start */
    const char *upstream;        /* "http://127.0.0.1:8000" */
    const char *facilitator;     /* URL */
    const char *facilitator_key; /* sent as a bearer; NULL: none */
    const char *listen;          /* "HOST:PORT" */
    const char *admin;           /* the same for metrics; NULL: none */
    const char *stats;           /* file; NULL: nothing is kept */
    const char *state;           /* file; NULL: payments are remembered in memory alone */
    const char *certificate;     /* PEM texts; NULL: plain text */
    const char *certificate_key;
    unsigned upstream_ms;    /* until the head of an answer; 0: 60,000 */
    unsigned facilitator_ms; /* for one answer; 0: 90,000 */
    unsigned connections_max;
    int log_fd; /* lines of JSON; -1: none */
};

/** Errors: METE_USAGE for a bad address or certificate, METE_FILE. */
enum mete_code gate_start(struct gate **out, const struct gate_options *o,
                          struct mete_err *err) METE_MUST_CHECK;
/** Other routes and terms, another certificate and key from now on; all else of `o` stays as it
 * was, as do requests that are under way. What the gate has in memory of payments is kept. Errors:
 * METE_USAGE for a bad certificate: all stays as it was, and `config` the caller's. */
enum mete_code gate_reload(struct gate *g, const struct gate_options *o,
                           struct mete_err *err) METE_MUST_CHECK;
/** What should have been loaded cannot be: for log and metrics. False: there is no log. */
bool gate_refuse(struct gate *g, const char *why);
/** A line of the log: "INFO" or "ERROR", what happened, and why (NULL: no more to say). False:
 *  there is no log. */
bool gate_say(struct gate *g, const char *level, const char *what, const char *why);
uint16_t gate_port(const struct gate *g);
uint16_t gate_admin_port(const struct gate *g); /* 0: none */
/** No further requests; waits until those that are open are answered, `ms` at most. */
void gate_stop(struct gate *g, unsigned ms);

#endif

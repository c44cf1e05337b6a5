/* SPDX-License-Identifier: Apache-2.0
 * The table of routes. */
#include "http/routes.h"

#define WALLET  ROLE_WALLET
#define DISTRIB ROLE_DISTRIBUTIONS

const struct route ROUTES[] = {
    {"GET", "/healthz", "health", ROLE_ALL, SCOPE_NONE, PLACE_HERE, 0, NULL, health_get},
    {"GET", "/readyz", "ready", ROLE_ALL, SCOPE_NONE, PLACE_BOOK, 0, NULL, ready_get},
    {"GET", "/version", "version", ROLE_ALL, SCOPE_NONE, PLACE_HERE, 0, NULL, version_get},
    {"POST", "/v1/events", "postEvents", DISTRIB, SCOPE_ANY, PLACE_WRITE, 64 * MIB, events_prepare,
     events_post},
    {"POST", "/api/economic/events/ingest", "ingestEvents", DISTRIB, SCOPE_ANY, PLACE_WRITE,
     64 * MIB, events_prepare, events_ingest},
    {"GET", "/v1/events", "listEvents", DISTRIB, SCOPE_REVENUE_READ, PLACE_BOOK, 0, NULL, feed_get},
    {"GET", "/v1/events/{event_id}", "getEvent", DISTRIB, SCOPE_REVENUE_READ, PLACE_BOOK, 0, NULL,
     events_get},
    {"GET", "/v1/parties", "listParties", WALLET, SCOPE_AUDIT_READ, PLACE_APART, 0, NULL,
     parties_list_get},
    {"GET", "/v1/parties/{id}/balance", "getBalance", WALLET, SCOPE_EARNINGS_READ, PLACE_BOOK, 0,
     NULL, party_balance_get},
    {"GET", "/v1/explain/{id}", "explain", WALLET, SCOPE_EARNINGS_READ, PLACE_BOOK, 0, NULL,
     explain_get},
    {"GET", "/v1/statements", "getStatement", WALLET, SCOPE_EARNINGS_READ, PLACE_BOOK, 0, NULL,
     statement_get},
    {"GET", "/v1/log/checkpoint", "getCheckpoint", ROLE_ALL, SCOPE_ANY, PLACE_BOOK, 0, NULL,
     log_checkpoint_get},
    {"GET", "/v1/log/inclusion/{event_id}", "proveInclusion", ROLE_ALL, SCOPE_ANY, PLACE_BOOK, 0,
     NULL, log_inclusion_get},
    {"GET", "/v1/log/consistency", "proveConsistency", ROLE_ALL, SCOPE_ANY, PLACE_BOOK, 0, NULL,
     log_consistency_get},
    {"GET", "/v1/reports", "getReport", DISTRIB, SCOPE_AUDIT_READ, PLACE_APART, 0, NULL,
     report_get},
    {"GET", "/v1/quarantine", "listQuarantine", DISTRIB, SCOPE_ADMIN, PLACE_BOOK, 0, NULL,
     quarantine_list_get},
    {"POST", "/v1/simulate", "simulate", DISTRIB, SCOPE_POLICY_READ, PLACE_APART, 4 * MIB, NULL,
     simulate_post},
};
const size_t ROUTES_COUNT = ARRAY_LEN(ROUTES);

/* SPDX-License-Identifier: Apache-2.0
 * The table of routes. */
#include "http/routes.h"

#define WALLET   ROLE_WALLET
#define DISTRIB  ROLE_DISTRIBUTIONS
#define REGISTRY ROLE_MANIFESTS
#define READERS  (ROLE_DISTRIBUTIONS | ROLE_WALLET | ROLE_DASHBOARD)

/* What a supervisor does with an allocation. */
#define ACT(name, operation)                                                                       \
    {                                                                                              \
        "POST", "/v1/allocations/{id}/" name, operation, DISTRIB, SCOPE_DISPUTE_WRITE,             \
            PLACE_WRITE, 64 * KIB, allocation_act_prepare, created_post                            \
    }

/* Apps and the services that watch them report by either name. */
#define REPORT(path, operation, prepare, handle)                                                   \
    {                                                                                              \
        "POST", path, operation, DISTRIB, SCOPE_REVENUE_WRITE, PLACE_WRITE, MIB, prepare, handle   \
    }

const struct route ROUTES[] = {
    {"GET", "/", "index", ROLE_ALL, SCOPE_NONE, PLACE_BOOK, 0, index_prepare, index_get},
    {"GET", "/llms.txt", "guide", ROLE_ALL, SCOPE_NONE, PLACE_HERE, 0, NULL, guide_get},
    {"GET", "/.well-known/fair-policy.json", "fairPolicy", ROLE_ALL, SCOPE_GUEST, PLACE_BOOK, 0,
     NULL, fair_policy_get},
    {"GET", "/healthz", "health", ROLE_ALL, SCOPE_NONE, PLACE_HERE, 0, NULL, health_get},
    {"GET", "/readyz", "ready", ROLE_ALL, SCOPE_NONE, PLACE_BOOK, 0, NULL, ready_get},
    {"GET", "/version", "version", ROLE_ALL, SCOPE_NONE, PLACE_HERE, 0, NULL, version_get},
    {"GET", "/metrics", "metrics", ROLE_ALL, SCOPE_AUDIT_READ, PLACE_BOOK, 0, metrics_prepare,
     metrics_get},
    {"GET", "/openapi.json", "openapi", ROLE_ALL, SCOPE_NONE, PLACE_HERE, 0, NULL, openapi_get},
    {"POST", "/v1/events", "postEvents", DISTRIB, SCOPE_ANY, PLACE_WRITE, 64 * MIB, events_prepare,
     events_post},
    {"POST", "/api/economic/events/ingest", "ingestEvents", DISTRIB, SCOPE_ANY, PLACE_WRITE,
     64 * MIB, events_prepare, events_ingest},
    {"GET", "/v1/events", "listEvents", DISTRIB, SCOPE_REVENUE_READ, PLACE_READ, 0, NULL, feed_get},
    {"GET", "/v1/events/{event_id}", "getEvent", DISTRIB, SCOPE_REVENUE_READ, PLACE_READ, 0, NULL,
     events_get},
    {"GET", "/v1/parties", "listParties", WALLET, SCOPE_AUDIT_READ, PLACE_APART, 0, NULL,
     parties_list_get},
    {"GET", "/v1/parties/{id}/balance", "getBalance", WALLET, SCOPE_EARNINGS_READ, PLACE_READ, 0,
     NULL, party_balance_get},
    {"GET", "/v1/explain/{id}", "explain", WALLET, SCOPE_EARNINGS_READ, PLACE_READ, 0, NULL,
     explain_get},
    {"GET", "/v1/statements", "getStatement", WALLET, SCOPE_EARNINGS_READ, PLACE_READ, 0, NULL,
     statement_get},
    {"GET", "/v1/log/checkpoint", "getCheckpoint", ROLE_ALL, SCOPE_ANY, PLACE_BOOK, 0, NULL,
     log_checkpoint_get},
    {"GET", "/v1/log/inclusion/{event_id}", "proveInclusion", ROLE_ALL, SCOPE_ANY, PLACE_READ, 0,
     NULL, log_inclusion_get},
    {"GET", "/v1/log/consistency", "proveConsistency", ROLE_ALL, SCOPE_ANY, PLACE_READ, 0, NULL,
     log_consistency_get},
    {"GET", "/v1/log/tile/{level}/{index*}", "getTile", ROLE_ALL, SCOPE_ANY, PLACE_READ, 0, NULL,
     log_tile_get},
    {"GET", "/v1/reports", "getReport", DISTRIB, SCOPE_AUDIT_READ, PLACE_APART, 0, NULL,
     report_get},
    {"GET", "/v1/campaigns/{id}/report", "getCampaignReport", DISTRIB, SCOPE_AUDIT_READ,
     PLACE_APART, 0, NULL, campaign_report_get},
    {"GET", "/v1/quarantine", "listQuarantine", DISTRIB, SCOPE_ADMIN, PLACE_BOOK, 0, NULL,
     quarantine_list_get},
    {"POST", "/v1/simulate", "simulate", DISTRIB, SCOPE_POLICY_READ, PLACE_APART, 4 * MIB, NULL,
     simulate_post},
    {"POST", "/usage", "reportUsage", DISTRIB, SCOPE_REVENUE_WRITE, PLACE_WRITE, 4 * MIB,
     usage_prepare, usage_post},
    {"POST", "/v1/manifests", "publishManifest", REGISTRY, SCOPE_POLICY_WRITE, PLACE_WRITE, 4 * MIB,
     manifest_prepare, manifest_post},
    {"GET", "/v1/manifests", "listManifests", REGISTRY, SCOPE_POLICY_READ, PLACE_APART, 0, NULL,
     manifests_list_get},
    {"GET", "/v1/manifests/{id}", "getManifest", REGISTRY, SCOPE_POLICY_READ, PLACE_APART, 0, NULL,
     manifest_get},
    {"POST", "/validate", "validate", ROLE_ALL, SCOPE_ANY, PLACE_ASIDE, 4 * MIB, NULL,
     validate_post},
    {"POST", "/v1/manifests/validate", "validateManifest", REGISTRY, SCOPE_ANY, PLACE_ASIDE,
     4 * MIB, NULL, validate_post},
    {"POST", "/v1/contributions", "recordContribution", DISTRIB, SCOPE_POLICY_WRITE, PLACE_WRITE,
     64 * KIB, contribution_prepare, created_post},
    {"POST", "/providers/register", "registerProvider", DISTRIB, SCOPE_POLICY_WRITE, PLACE_WRITE,
     64 * KIB, provider_prepare, provider_post},
    {"POST", "/usage/submit", "submitUsage", DISTRIB, SCOPE_REVENUE_WRITE, PLACE_WRITE, 64 * KIB,
     usage_submit_prepare, usage_submit_post},
    {"GET", "/providers/{id}/earnings", "getProviderEarnings", WALLET, SCOPE_EARNINGS_READ,
     PLACE_APART, 0, NULL, provider_earnings_get},
    {"POST", "/revenue/distribute", "distributeRevenue", DISTRIB, SCOPE_REVENUE_WRITE, PLACE_WRITE,
     64 * KIB, distribute_prepare, created_post},
    {"GET", "/audit/totals", "getAuditTotals", READERS, SCOPE_AUDIT_READ, PLACE_APART, 0, NULL,
     audit_totals_get},
    {"GET", "/v1/allocations", "listAllocations", READERS, SCOPE_EARNINGS_READ, PLACE_APART, 0,
     NULL, allocations_get},
    {"GET", "/v1/campaigns", "listCampaigns", READERS, SCOPE_EARNINGS_READ, PLACE_APART, 0, NULL,
     campaigns_list_get},
    {"GET", "/v1/campaigns/{id}", "getCampaign", READERS, SCOPE_EARNINGS_READ, PLACE_APART, 0, NULL,
     campaign_get},
    {"POST", "/v1/settlements", "recordSettlement", DISTRIB, SCOPE_PAYOUT_APPROVE, PLACE_WRITE,
     64 * KIB, settlement_prepare, settlement_post},
    {"GET", "/v1/settlements", "listSettlements", READERS, SCOPE_EARNINGS_READ, PLACE_APART, 0,
     NULL, settlements_list_get},
    {"GET", "/v1/settlements/{id}", "getSettlement", READERS, SCOPE_EARNINGS_READ, PLACE_READ, 0,
     NULL, settlement_get},
    {"GET", "/v1/fx/rates", "listRates", READERS, SCOPE_POLICY_READ, PLACE_READ, 0, NULL,
     rates_get},
    {"POST", "/v1/fx/rates", "importRates", DISTRIB, SCOPE_POLICY_WRITE, PLACE_WRITE, 8 * MIB, NULL,
     rates_post},
    {"GET", "/v1/fx/quote", "quoteConversion", READERS, SCOPE_ANY, PLACE_READ, 0, NULL, quote_get},
    {"POST", "/v1/follow", "follow", ROLE_WALLET | ROLE_DASHBOARD, SCOPE_ANY, PLACE_HERE, 0, NULL,
     follow_post},
    REPORT("/api/insights/ingest/kpis", "ingestKpis", kpis_prepare, kpis_ingest),
    REPORT("/api/insights/ingest/events", "ingestInsights", insights_prepare, insights_ingest),
    REPORT("/api/internal/insights/ingest/kpis", "ingestKpisInternal", kpis_prepare, kpis_ingest),
    REPORT("/api/internal/insights/ingest/events", "ingestInsightsInternal", insights_prepare,
           insights_ingest),
    {"GET", "/v1/insights/kpis", "listKpis", READERS, SCOPE_REVENUE_READ, PLACE_APART, 0, NULL,
     kpis_get},
    {"GET", "/v1/insights/events", "listInsights", READERS, SCOPE_REVENUE_READ, PLACE_APART, 0,
     NULL, insights_get},
    {"POST", "/v1/payouts/claims", "claimPayouts", ROLE_WORKER, SCOPE_PAYOUT_WORK, PLACE_WRITE,
     64 * KIB, payout_claims_prepare, payout_claims_post},
    {"POST", "/v1/payouts/steps", "stepPayouts", ROLE_WORKER, SCOPE_PAYOUT_WORK, PLACE_WRITE,
     16 * MIB, payout_steps_prepare, payout_steps_post},
    ACT("dispute", "disputeAllocation"),
    ACT("evidence", "addEvidence"),
    ACT("escalate", "escalateDispute"),
    ACT("override", "overrideDispute"),
    ACT("uphold", "upholdDispute"),
};
const size_t ROUTES_COUNT = ARRAY_LEN(ROUTES);

/* SPDX-License-Identifier: Apache-2.0
 * Every route there is, in one table. What the server does not find here it does not answer, and
 * `mete serve --routes` prints it. */
#ifndef METE_HTTP_ROUTES_H
#define METE_HTTP_ROUTES_H

#include "http/router.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

extern const struct route ROUTES[];
extern const size_t ROUTES_COUNT;

/* Each in the file of its resource. */
route_handler events_prepare, events_post, events_ingest, events_get;
route_handler parties_list_get, party_balance_get;
route_handler explain_get;
route_handler statement_get;
route_handler feed_get;
route_handler log_checkpoint_get, log_inclusion_get, log_consistency_get, log_tile_get;
route_handler report_get, campaign_report_get, quarantine_list_get, simulate_post;
route_handler usage_prepare, usage_post;
route_handler manifest_prepare, manifest_post, manifest_get, manifests_list_get, validate_post;
route_handler contribution_prepare, distribute_prepare, allocation_act_prepare, created_post;
route_handler provider_prepare, provider_post, provider_earnings_get;
route_handler usage_submit_prepare, usage_submit_post;
route_handler campaigns_list_get, campaign_get;
route_handler mcp_prepare, mcp_post, tax_totals_get;
route_handler keys_get, keys_post, key_delete, key_put;
route_handler rates_get, rates_post, quote_get;
route_handler settlement_prepare, settlement_post, settlement_get, settlements_list_get;
route_handler payout_claims_prepare, payout_claims_post, payout_steps_prepare, payout_steps_post;
route_handler x402_steps_prepare, x402_steps_post, x402_payments_get, x402_payment_get;
route_handler x402_revenue_get, x402_policies_get, x402_policy_prepare, x402_policy_put;
route_handler payout_plan_post, payout_batch_prepare, payout_batch_post, payout_batches_get;
route_handler payout_batch_get, payouts_get, payout_get, payout_act_prepare, payout_hold_prepare,
    payout_cancel_post;
route_handler payout_release_post, payout_hold_post, payout_request_prepare, payout_request_post;
route_handler audit_totals_get, allocations_get, follow_post;
route_handler allocation_get, dispute_get, disputes_list_get, dispute_prepare;
route_handler my_earnings_get, earnings_get;
route_handler index_prepare, index_get, guide_get, fair_policy_get;
route_handler metrics_prepare, metrics_get;
route_handler kpis_prepare, kpis_ingest, kpis_get;
route_handler insights_prepare, insights_ingest, insights_get;
route_handler bank_statements_post, stripe_hook_prepare, stripe_hook_post;
route_handler x402_verify_post, x402_settle_post, x402_supported_get, x402_health_get;
route_handler x402_resources_get, x402_resource_prepare, x402_resource_post, x402_search_get;
route_handler x402_analytics_get;
route_handler x402_release_post;
route_handler payment_prepare, payment_post;
route_handler health_get, ready_get, version_get, openapi_get;

#endif

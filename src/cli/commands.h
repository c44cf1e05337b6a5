/* SPDX-License-Identifier: Apache-2.0
 * Every command, in the order in which help lists them. Each stands in the file of its name. */
#ifndef METE_CLI_COMMANDS_H
#define METE_CLI_COMMANDS_H

#include "cli/cli.h"

/* X(symbol): a `const struct cli_command command_<symbol>`. A name that begins with
 * another one stands before it. */
#define CLI_COMMANDS(X)                                                                            \
    X(run)                                                                                         \
    X(init)                                                                                        \
    X(ingest)                                                                                      \
    X(policy_check)                                                                                \
    X(policy_publish)                                                                              \
    X(policy_show)                                                                                 \
    X(policy_diff)                                                                                 \
    X(policy_list)                                                                                 \
    X(policy_sign)                                                                                 \
    X(parties)                                                                                     \
    X(statement)                                                                                   \
    X(explain)                                                                                     \
    X(report_campaign)                                                                             \
    X(campaigns)                                                                                   \
    X(settlements)                                                                                 \
    X(settle)                                                                                      \
    X(bank_import)                                                                                 \
    X(bank_check)                                                                                  \
    X(fx_import)                                                                                   \
    X(fx_list)                                                                                     \
    X(fx_quote)                                                                                    \
    X(fx_convert)                                                                                  \
    X(payout_plan)                                                                                 \
    X(payout_run)                                                                                  \
    X(payout_status)                                                                               \
    X(payout_list)                                                                                 \
    X(payout_show)                                                                                 \
    X(payout_cancel)                                                                               \
    X(payout_hold)                                                                                 \
    X(payout_release)                                                                              \
    X(x402_payments)                                                                               \
    X(x402_payment)                                                                                \
    X(x402_revenue)                                                                                \
    X(x402_policies)                                                                               \
    X(x402_policy)                                                                                 \
    X(dispute_list)                                                                                \
    X(dispute_show)                                                                                \
    X(dispute_open)                                                                                \
    X(dispute_evidence)                                                                            \
    X(dispute_escalate)                                                                            \
    X(dispute_override)                                                                            \
    X(dispute_uphold)                                                                              \
    X(earnings)                                                                                    \
    X(clear)                                                                                       \
    X(report)                                                                                      \
    X(export)                                                                                      \
    X(tax_totals)                                                                                  \
    X(tax_export)                                                                                  \
    X(simulate)                                                                                    \
    X(log_show)                                                                                    \
    X(log_head)                                                                                    \
    X(log_proof)                                                                                   \
    X(log_consistency)                                                                             \
    X(log_verify)                                                                                  \
    X(audit)                                                                                       \
    X(insights_kpis)                                                                               \
    X(insights_events)                                                                             \
    X(quarantine_list)                                                                             \
    X(quarantine_show)                                                                             \
    X(quarantine_replay)                                                                           \
    X(quarantine_drop)                                                                             \
    X(party_erase)                                                                                 \
    X(worker_key)                                                                                  \
    X(key_create)                                                                                  \
    X(key_list)                                                                                    \
    X(key_revoke)                                                                                  \
    X(key_rotate)                                                                                  \
    X(copy)                                                                                        \
    X(backup_verify)                                                                               \
    X(backup)                                                                                      \
    X(restore)                                                                                     \
    X(store_prepare)                                                                               \
    X(store_distribute)                                                                            \
    X(fetch)                                                                                       \
    X(serve)                                                                                       \
    X(mcp)                                                                                         \
    X(worker)                                                                                      \
    X(config_check)                                                                                \
    X(config_print)                                                                                \
    X(config_example)                                                                              \
    X(doctor)                                                                                      \
    X(rail_approve)                                                                                \
    X(rail_sim)                                                                                    \
    X(gate_report)                                                                                 \
    X(gate)                                                                                        \
    X(track_call)                                                                                  \
    X(track_report)                                                                                \
    X(events_list)                                                                                 \
    X(events_show)                                                                                 \
    X(events_validate)                                                                             \
    X(events_machine)                                                                              \
    X(errors)                                                                                      \
    X(completion)                                                                                  \
    X(version)

#define X(symbol) extern const struct cli_command command_##symbol;
CLI_COMMANDS(X)
#undef X

#endif

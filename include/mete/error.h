/* SPDX-License-Identifier: Apache-2.0
 * One table of everything that can go wrong; doc/errors.md, the strings and, later, the HTTP
 * answers come from it. A number is permanent: append, never renumber, never reuse. */
#ifndef METE_ERROR_H
#define METE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* X(symbol, number, wire name, HTTP status, retryable, meaning, how to mend it) */
#define METE_CODES(X)                                                                              \
    X(OK, 0, "ok", 200, 0, "All is well.", "")                                                     \
    /* 1..: the bytes */                                                                           \
    X(JSON_SYNTAX, 1, "json_syntax", 400, 0, "This is not JSON (RFC 8259).",                       \
      "Send one JSON value; the message names the byte where reading stopped.")                    \
    X(JSON_DEPTH, 2, "json_depth", 400, 0, "Arrays and objects are nested too deeply.",            \
      "Nest at most 64 levels.")                                                                   \
    X(JSON_DUPLICATE_KEY, 3, "json_duplicate_key", 400, 0, "An object has the same member twice.", \
      "Keep one of the two.")                                                                      \
    X(JSON_UTF8, 4, "json_utf8", 400, 0, "A string is not valid UTF-8.",                           \
      "Encode the text as UTF-8, without lone surrogates.")                                        \
    X(NUMBER_INEXACT, 5, "number_inexact", 400, 0,                                                 \
      "A JSON number has more digits than JSON readers keep.", "Send it as a string.")             \
    X(NUMBER_RANGE, 6, "number_range", 400, 0, "A number is outside what this member may hold.",   \
      "See the range in the message.")                                                             \
    X(EVENT_TOO_LARGE, 7, "event_too_large", 413, 0, "One event may have at most 4 MiB.",          \
      "Send less in one event.")                                                                   \
    /* 20..: the envelope */                                                                       \
    X(MEMBER_MISSING, 20, "member_missing", 422, 0, "A required member is absent.",                \
      "Add the member that the pointer names.")                                                    \
    X(MEMBER_TYPE, 21, "member_type", 422, 0, "A member has the wrong JSON type.",                 \
      "See the expected type in the message.")                                                     \
    X(MEMBER_VALUE, 22, "member_value", 422, 0, "A member has a value that is not allowed.",       \
      "See the allowed values in the message.")                                                    \
    X(MEMBER_UNKNOWN, 23, "member_unknown", 422, 0,                                                \
      "A policy, fee or book document has a member that mete does not know.",                      \
      "Correct the name, or begin it with x_ when it is yours.")                                   \
    X(TEXT_LENGTH, 24, "text_length", 422, 0, "A text is empty or too long.",                      \
      "See the limit in the message.")                                                             \
    X(SCHEMA_VERSION, 25, "schema_version", 422, 0, "This major schema version is unknown.",       \
      "Send schema_version 1.x and event_version 1.")                                              \
    X(TYPE_UNKNOWN, 26, "type_unknown", 422, 0, "No such event_type.",                             \
      "See the catalog of event types.")                                                           \
    X(TYPE_RESERVED, 27, "reserved_type", 422, 0, "Only mete itself makes events of this type.",   \
      "Leave it out: mete derives it.")                                                            \
    X(TYPE_NOT_YET, 28, "type_not_yet", 422, 1, "This version does not handle this type yet.",     \
      "Keep the event and send it again after an upgrade; nothing was stored.")                    \
    X(TIME_INVALID, 29, "time_invalid", 422, 0, "Not an RFC 3339 time.",                           \
      "Write it like 2025-01-31T12:00:00Z.")                                                       \
    X(TIME_RANGE, 30, "time_range", 422, 0, "A time before 1970 or after 9999.",                   \
      "Correct the time.")                                                                         \
    X(TIME_FUTURE, 31, "time_future", 422, 1, "occurred_at is more than 5 minutes ahead.",         \
      "Set the producer's clock, then send it again.")                                             \
    X(TIME_ORDER, 32, "time_order", 422, 0, "A window ends before it starts.",                     \
      "Exchange start and end.")                                                                   \
    X(PII_EMAIL, 33, "pii_email", 422, 0, "A payload may not carry an e-mail address.",            \
      "Use a stable id; personal text belongs into display_name or destination.")                  \
    X(PRODUCER_FORBIDDEN, 34, "producer_forbidden", 403, 0,                                        \
      "This producer or service may not send events of this type.",                                \
      "See the table of producers; send it from the service that owns the type.")                  \
    X(SIGNATURE_INVALID, 35, "signature_invalid", 422, 0, "The signature does not fit the bytes.", \
      "Sign the RFC 8785 bytes without the signature member, with the key that is named.")         \
    X(CONFLICT, 36, "conflict", 409, 0,                                                            \
      "This event_id already stands in the log with other bytes.",                                 \
      "Use a new event_id for a new fact; correct an old one by a reversal.")                      \
    X(PII_PHONE, 37, "pii_phone", 422, 0, "A payload may not carry a phone number.",               \
      "Use a stable id, or a label; personal text belongs into display_name or destination.")      \
    X(PII_IP, 38, "pii_ip", 422, 0, "A payload may not carry an IP address.",                      \
      "Use a country or a region; source.ip takes an address and keeps it out of the log.")        \
    /* 60..: money and parties */                                                                  \
    X(CURRENCY_UNKNOWN, 60, "currency_unknown", 422, 0, "This book does not know the currency.",   \
      "Use an ISO 4217 code, or send asset.defined first.")                                        \
    X(AMOUNT_INVALID, 61, "amount_invalid", 422, 0, "Not a plain decimal amount.",                 \
      "Write digits with at most one point, no sign and no exponent.")                             \
    X(AMOUNT_SCALE, 62, "amount_scale", 422, 0, "More decimals than the asset has.",               \
      "Round at the source; mete never rounds what it is given.")                                  \
    X(AMOUNT_RANGE, 63, "amount_range", 422, 0, "An amount is beyond 2^120 minor units.",          \
      "Check the scale; split the event.")                                                         \
    X(AMOUNT_ZERO, 64, "amount_zero", 422, 0, "The amount must be above zero.",                    \
      "Leave the event out, or correct the amount.")                                               \
    X(PARTY_INVALID, 65, "party_invalid", 422, 0, "Not a party id.",                               \
      "1 to 200 bytes of printable UTF-8 without white space.")                                    \
    X(PARTY_RESERVED, 66, "party_reserved", 422, 0, "Ids that begin with mete: are mete's own.",   \
      "Choose another id.")                                                                        \
    X(ASSET_EXISTS, 67, "asset_exists", 422, 0, "The asset is defined with another scale.",        \
      "Choose another code.")                                                                      \
    X(INSUFFICIENT_FUNDS, 68, "insufficient_funds", 422, 1,                                        \
      "The party has less cleared money than that.", "Transfer less, or wait until more clears.")  \
    /* 90..: policies and fees */                                                                  \
    X(POLICY_INVALID, 90, "policy_invalid", 422, 0, "The policy cannot be used as it stands.",     \
      "See the message and the pointer.")                                                          \
    X(WEIGHT_INVALID, 91, "weight_invalid", 422, 0, "Not a weight.",                               \
      "Write a decimal such as 0.25 or a fraction such as 1/3, from 0 to 1.")                      \
    X(WEIGHT_ABOVE_ONE, 92, "weight_above_one", 422, 0, "The weights sum to more than 1.",         \
      "Lower them; what is missing to 1 stays visible as unallocated.")                            \
    X(WEIGHT_SUM, 93, "weight_sum", 422, 0, "A .fair 1.1 manifest must sum to 1 within 0.000001.", \
      "Correct the shares, or publish it as an earlier version.")                                  \
    X(WEIGHT_RANGE, 94, "weight_range", 422, 0,                                                    \
      "The weights have no common denominator below 2^120.", "Use fewer decimals.")                \
    X(POLICY_CYCLE, 95, "policy_cycle", 422, 0, "The policy would contain itself.",                \
      "Remove the reference that closes the circle; the message shows it.")                        \
    X(POLICY_DEPTH, 96, "policy_depth", 422, 0, "Policies are nested more than 16 deep.",          \
      "Flatten the manifests.")                                                                    \
    X(POLICY_UNKNOWN, 97, "policy_unknown", 422, 1, "The policy is not published yet.",            \
      "Publish it; the waiting revenue is booked at that moment.")                                 \
    X(POLICY_KIND, 98, "policy_kind", 422, 0, "The policy is of another kind than is needed.",     \
      "See the message.")                                                                          \
    X(WEIGHTS_EXCEED_ONE, 99, "weights_exceed_one", 422, 1,                                        \
      "At this moment the effective weights sum to more than 1.",                                  \
      "Publish a corrected version; the event waits for it.")                                      \
    X(SHARES_LIMIT, 100, "shares_limit", 422, 0, "Too many shares, entries or conditions.",        \
      "See the limit in the message.")                                                             \
    X(FEES_INVALID, 101, "fees_invalid", 422, 0, "The fee schedule cannot be used as it stands.",  \
      "See the message and the pointer.")                                                          \
    X(FEE_EXCEEDS, 102, "fee_exceeds", 422, 0, "The fee is more than the gross amount.",           \
      "Correct fee or amount.")                                                                    \
    X(VERSION_STALE, 103, "version_stale", 422, 0,                                                 \
      "A book, condition or schedule change may not be dated before one in force.",                \
      "Give a later effective_from.")                                                              \
    /* 120..: what an event refers to */                                                           \
    X(TARGET_AMBIGUOUS, 120, "target_ambiguous", 422, 0,                                           \
      "Exactly one of policy, content_item_id and party names who shares.", "Keep one of them.")   \
    X(ORIGINAL_UNKNOWN, 121, "original_unknown", 422, 1, "The event to reverse has not come yet.", \
      "It waits; send the original.")                                                              \
    X(ORIGINAL_KIND, 122, "original_kind", 422, 0, "The event to reverse is not a revenue.",       \
      "Name a revenue event.")                                                                     \
    X(REVERSAL_EXCEEDS, 123, "reversal_exceeds", 422, 0,                                           \
      "More would be reversed than the original brought.", "Reverse at most what is left.")        \
    X(REVERSAL_CURRENCY, 124, "reversal_currency", 422, 0,                                         \
      "The reversal is in another currency than the original.", "Use the original's currency.")    \
    X(ALLOCATION_UNKNOWN, 125, "allocation_unknown", 404, 0, "No such allocation.",                \
      "Use an id as mete prints it.")                                                              \
    X(STATE_FORBIDS, 126, "state_forbids", 409, 0, "The present state does not allow this.",       \
      "The message names the state and what it allows.")                                           \
    X(USAGE_NONE, 127, "usage_none", 422, 1, "No usage was reported in this window.",              \
      "Report it, then close the cycle again; nothing is lost.")                                   \
    X(LIMIT, 128, "limit", 422, 0, "A bound of this book was reached.",                            \
      "See the limit in the message.")                                                             \
    X(KEY_UNKNOWN, 129, "key_unknown", 422, 0, "No such key.", "Register it first.")               \
    X(CAMPAIGN_UNKNOWN, 130, "campaign_unknown", 422, 1, "The campaign has not been created yet.", \
      "Send campaign.created, then this again.")                                                   \
    X(ROUND_UNKNOWN, 131, "round_unknown", 422, 1, "The round has not been created yet.",          \
      "Send round.created, then this again.")                                                      \
    X(COMMITMENT_UNKNOWN, 132, "commitment_unknown", 422, 1,                                       \
      "The commitment has not been created yet.", "Send commitment.created, then this again.")     \
    X(GRANT_UNKNOWN, 133, "grant_unknown", 422, 1, "The spend grant has not been created yet.",    \
      "Send allocation.created, then this again.")                                                 \
    X(UNATTRIBUTED, 134, "unattributed", 422, 1, "Nobody knows yet whose revenue this is.",        \
      "Send attribution.assigned for its user, or app.registered for its app.")                    \
    X(CAMPAIGN_CURRENCY, 135, "campaign_currency", 422, 0,                                         \
      "The campaign raises and repays in another currency.",                                       \
      "Attribute the user to a campaign in this currency.")                                        \
    X(BUDGET_EXCEEDED, 136, "budget_exceeded", 422, 1, "More than the grant has left.",            \
      "Authorize less, or create a further grant.")                                                \
    X(CORRECTIONS_OFF, 137, "corrections_off", 422, 0,                                             \
      "This book does not let attributions be corrected.",                                         \
      "Set attribution_corrections with book.configured, if it shall.")                            \
    X(CONTRACT_INVALID, 138, "contract_invalid", 422, 0,                                           \
      "The terms of the campaign cannot be used as they stand.", "See the message.")               \
    X(TIER_OFF, 139, "tier_off", 422, 0, "This book does not keep data of tier 3.",                \
      "Leave the member out; or set tier3 with book.configured, which a key of scope admin may, "  \
      "and send it again.")                                                                        \
    X(TRANSFER_UNKNOWN, 140, "transfer_unknown", 404, 0, "No such payout.",                        \
      "Use an id as mete payout status prints it.")                                                \
    X(BATCH_UNKNOWN, 141, "batch_unknown", 404, 0, "No such batch of payouts.",                    \
      "Use an id as mete payout status prints it.")                                                \
    X(PARTY_HELD, 142, "party_held", 409, 1, "Nothing is paid out to this party for now.",         \
      "Set a new destination, or let a supervisor release the hold.")                              \
    X(DESTINATION_MISSING, 143, "destination_missing", 422, 1,                                     \
      "The party has no destination on this rail.", "Send party.destination_set.")                 \
    X(DESTINATION_COOLING, 144, "destination_cooling", 409, 1,                                     \
      "The destination was changed a short time ago.", "Wait until the moment in the message.")    \
    X(BELOW_MINIMUM, 145, "below_minimum", 422, 1, "The balance does not exceed the minimum.",     \
      "It is paid out when it does.")                                                              \
    X(ANCHOR_USED, 146, "anchor_used", 409, 0, "An attempt with this anchor was made before.",     \
      "Ask the rail what became of it; a new attempt needs an anchor of its own.")                 \
    X(FEE_ABOVE_CAP, 147, "fee_above_cap", 422, 1, "The rail would take too much of it.",          \
      "It is paid out when it has grown, or raise fee_cap_bps of the schedule.")                   \
    X(SCHEDULE_UNKNOWN, 148, "schedule_unknown", 404, 0, "No such schedule of payouts.",           \
      "payout_schedules of book.configured has them.")                                             \
    X(PAYOUT_LIMIT, 149, "payout_limit", 409, 1, "More than may be asked for.",                    \
      "The message says how much and when.")                                                       \
    /* 150..: the program and its store */                                                         \
    X(USAGE, 150, "usage", 400, 0, "The command line is wrong.", "See --help.")                    \
    X(FILE, 151, "file", 500, 0, "A file cannot be read or written.",                              \
      "Check its path, its permissions and the free space.")                                       \
    X(STORE_MISSING, 152, "store_missing", 404, 0, "There is no store or book of that name.",      \
      "Make it with mete init.")                                                                   \
    X(STORE_EXISTS, 153, "store_exists", 409, 0, "The book exists already.",                       \
      "Choose another name; a book is never overwritten.")                                         \
    X(STORE_BUSY, 154, "store_busy", 503, 1, "Another process is writing this store.",             \
      "Try again when it is done.")                                                                \
    X(STORE_NEWER, 155, "store_newer", 500, 0, "The store was written by a newer mete.",           \
      "Upgrade this program.")                                                                     \
    X(STORE_FAILED, 156, "store_failed", 503, 1, "The store failed.",                              \
      "Send it again, with the same event_id or Idempotency-Key: nothing is half done, "           \
      "it counts once. If it stays, see to permissions, free space and the database.")             \
    X(STORE_CORRUPT, 157, "store_corrupt", 500, 0, "Stored bytes are not what was written.",       \
      "Stop, keep the file, restore a backup, run mete audit.")                                    \
    X(SEAL_KEY, 158, "seal_key", 500, 0, "The key that opens sealed values is missing or wrong.",  \
      "Put the key file back beside the store.")                                                   \
    X(NOT_FOUND, 159, "not_found", 404, 0, "Nothing has this id.", "Check the id.")                \
    X(PROOF_FAILED, 160, "proof_failed", 500, 0, "A proof or a balance does not hold.",            \
      "Do not pay out; compare with a backup.")                                                    \
    X(STORE_FULL, 161, "store_full", 507, 1, "There is no room left for the store.",               \
      "Make room, then send it again: nothing is half done.")                                      \
    X(LISTEN, 162, "listen", 500, 0, "The address cannot be listened on.",                         \
      "Say another one, or end the program that has it: ss -ltnp says who that is.")               \
    /* 170..: exchange, steps */                                                                   \
    X(RATE_MISSING, 170, "rate_missing", 422, 1, "No rate between these two assets is recorded.",  \
      "Record one with fx.rate_set, or mete fx import, and send it again.")                        \
    X(RATE_OLD, 171, "rate_old", 422, 1, "The rate between these two assets is over 7 days old.",  \
      "Record a newer one with fx.rate_set, or mete fx import, and send it again.")                \
    X(RATE_WORSE, 172, "rate_worse", 409, 1, "The conversion would give less than at_least.",      \
      "Ask for less, or wait for a better rate.")                                                  \
    X(STEP_LEFT_OUT, 173, "step_left_out", 409, 1,                                                 \
      "Another step of the request was refused, and it was to be all of them or none.",            \
      "Say it again without the step that was refused.")                                           \
    /* 180..: clearing, earnings */                                                                \
    X(CLEARING_AHEAD, 180, "clearing_ahead", 422, 1, "A watermark lies ahead of the clock.",       \
      "Clear through a moment that has come.")                                                     \
    X(CLEARING_KNOWN, 181, "clearing_known", 409, 0,                                               \
      "The book has cleared through that moment already.",                                         \
      "Nothing is to be done; or clear through a later moment.")                                   \
    X(PROFILE_NOT_FOUND, 182, "profile_not_found", 404, 0,                                         \
      "The key is bound to no agent, so it has no earnings.",                                      \
      "Use a key that was made with mete key create --party ID.")                                  \
    /* 200..: requests */                                                                          \
    X(UNAUTHORIZED, 200, "unauthorized", 401, 0, "A valid key is needed.",                         \
      "Send Authorization: Bearer KEY; mete key create makes one.")                                \
    X(FORBIDDEN, 201, "forbidden", 403, 0, "The key may not do this.",                             \
      "Use a key with the scope that the message names.")                                          \
    X(RATE_LIMITED, 202, "rate_limited", 429, 1, "This key asks too often.",                       \
      "Wait as long as Retry-After says.")                                                         \
    X(OVERLOADED, 203, "overloaded", 503, 1, "Too much is waiting, or the server is stopping.",    \
      "Wait as long as Retry-After says; what was not answered may be sent again.")                \
    X(ROUTE_UNKNOWN, 204, "route_unknown", 404, 0, "There is no such path.",                       \
      "GET /openapi.json describes every path; mete serve --routes lists them.")                   \
    X(METHOD, 205, "method_not_allowed", 405, 0, "This path does not take this method.",           \
      "The Allow header lists those it takes.")                                                    \
    X(BODY_TOO_LARGE, 206, "body_too_large", 413, 0, "The body is larger than is read here.",      \
      "Send it in several requests.")                                                              \
    X(REQUEST_INVALID, 207, "request_invalid", 400, 0, "The request cannot be read.",              \
      "See the message.")                                                                          \
    X(PRECONDITION, 208, "precondition_failed", 412, 0, "It is not what If-Match says any more.",  \
      "Read it again, then decide.")                                                               \
    X(IDEMPOTENCY_MISMATCH, 209, "idempotency_mismatch", 422, 0,                                   \
      "This Idempotency-Key came with another body before.", "Use a new one for a new request.")   \
    X(IDEMPOTENCY_RUNNING, 210, "idempotency_running", 409, 1,                                     \
      "The first request with this Idempotency-Key is still at work.", "Ask again in a moment.")   \
    X(INTERNAL, 211, "internal", 500, 1, "The server failed.",                                     \
      "Send the request id to its operator.")                                                      \
    X(UPSTREAM, 212, "upstream_failed", 503, 1, "Another service gave no answer.",                 \
      "Try again; if it goes on, tell the operator which service the message names.")              \
    X(NO_POINTS, 213, "no_points", 400, 0, "The body has no points.",                              \
      "Send at least one of {metric, t, v} in points.")                                            \
    X(NO_EVENTS, 214, "no_events", 400, 0, "The body has no events.",                              \
      "Send at least one of {eventId, t, type} in events.")                                        \
    X(APP_MISMATCH, 215, "app_id_mismatch", 403, 0,                                                \
      "The body is about another app than its header or its key.",                                 \
      "Send what one app reports with its own id, and with a key that may speak for it.")          \
    X(IDEMPOTENCY_SECRET, 216, "idempotency_secret", 409, 0,                                       \
      "The first request with this Idempotency-Key was answered with a secret, which is not "      \
      "kept.",                                                                                     \
      "It was done once. Of a key: list keys and replace it; of claims: claim again, without it.") \
    /* 240..: Lightning */                                                                         \
    X(INVOICE_INVALID, 240, "invoice_invalid", 422, 0, "This is not a sound Lightning invoice.",   \
      "Ask the payee for another one; the message says what BOLT 11 forbids in it.")               \
    X(INVOICE_REFUSED, 241, "invoice_refused", 422, 0,                                             \
      "The invoice is sound, but it is not the one that was agreed.",                              \
      "Do not pay it by hand either before the difference in the message is understood.")          \
    X(LNURL_INVALID, 242, "lnurl_invalid", 422, 0,                                                 \
      "A Lightning address, LNURL or answer of its service breaks the LNURL documents.",           \
      "Check the address; if it is right, show the message to the service that serves it.")        \
    X(LNURL_REFUSED, 243, "lnurl_refused", 422, 1,                                                 \
      "The service of the Lightning address does not take this payment.",                          \
      "See its reason in the message; nothing was paid.")                                          \
    /* 250..: banks */                                                                             \
    X(IBAN_INVALID, 250, "iban_invalid", 422, 0, "Not an IBAN.",                                   \
      "Copy it again from the payee; the message says which part does not hold.")                  \
    X(BIC_INVALID, 251, "bic_invalid", 422, 0, "Not a BIC.",                                       \
      "8 or 11 characters as the bank prints them; often it may be left out.")                     \
    X(ROUTING_INVALID, 252, "routing_invalid", 422, 0, "Not a routing number of a US bank.",       \
      "Nine digits as they stand on a cheque, the last of them the check digit.")                  \
    X(BANK_FIELD, 253, "bank_field", 422, 0, "A bank file cannot carry this value.",               \
      "See the length and the characters that the message names.")                                 \
    X(BANK_AMOUNT, 254, "bank_amount", 422, 0, "No bank transfer can have this amount.",           \
      "See the bounds and the decimals that the message names.")                                   \
    X(BANK_FILE, 255, "bank_file", 422, 0, "A bank file is broken or contradicts itself.",         \
      "Do not send it and book nothing from it; the message names the place.")                     \
    X(BANK_BALANCE, 256, "bank_balance", 422, 0,                                                   \
      "Opening balance and entries of an account statement do not give its closing balance.",      \
      "Book nothing from it; ask the bank for the statement again.")                               \
    /* 270..: the simulator of rails */                                                            \
    X(SIM_STATE, 270, "sim_state", 500, 0, "The state of the rail simulator cannot be used.",      \
      "Use another file, or end the simulator that has it open.")                                  \
    X(SIM_START, 271, "sim_start", 500, 0, "The rail simulator did not start.",                    \
      "See the message.")                                                                          \
    /* 275..: nodes of chains */                                                                   \
    X(CHAIN_UNREACHABLE, 275, "chain_unreachable", 503, 1, "No node of a chain has answered.",     \
      "Try again; when it lasts, look at rpc_url and add a second node.")                          \
    X(CHAIN_OTHER, 276, "chain_other", 503, 1,                                                     \
      "A node is of another chain than the settings say.",                                         \
      "Correct rpc_url, or chain_id and network.")                                                 \
    /* 300..: chains */                                                                            \
    X(ADDRESS_INVALID, 300, "address_invalid", 422, 0, "Not an address of an EVM chain.",          \
      "Write 0x and 40 hexadecimal digits.")                                                       \
    X(ADDRESS_CHECKSUM, 301, "address_checksum", 422, 0,                                           \
      "The capitals of the address are not its checksum (EIP-55): a digit may be wrong.",          \
      "Copy the address again from where it was made.")                                            \
    X(CHAIN_ENCODING, 302, "chain_encoding", 422, 0,                                               \
      "Bytes of a transaction, a call, an answer or a log are not in their one proper form.",      \
      "See the message for the part that is wrong.")                                               \
    X(CHAIN_SIGNATURE, 303, "chain_signature", 422, 0, "Not a signature that a chain would take.", \
      "Sign again: 65 bytes r, s, v with s in the lower half and v 27 or 28.")                     \
    X(RPC_ANSWER, 304, "rpc_answer", 503, 1, "A node of a chain gave an answer that is none.",     \
      "Try again or ask another node; the message says what was wrong with it.")                   \
    /* 305..: money by banks and payment providers */                                              \
    X(BANK_UNMATCHED, 305, "bank_unmatched", 422, 0, "A record of a bank fits no payout.",         \
      "See mete quarantine show; drop it when it is none of ours.")                                \
    X(WEBHOOK_SIGNATURE, 306, "webhook_signature", 401, 0,                                         \
      "The signature of a webhook is missing or does not fit its bytes.",                          \
      "Compare the secret here with that of the provider; the raw body is signed.")                \
    X(WEBHOOK_STALE, 307, "webhook_stale", 401, 0,                                                 \
      "A webhook is older than its window, or ahead.",                                             \
      "Set the clock; an event that is too old is entered by hand, after a look at the provider.") \
    X(WEBHOOK_PROVIDER, 308, "webhook_provider", 404, 0, "No such payment provider.",              \
      "Put its secret into the folder that [payments] webhook_keys names.")                        \
    X(PAYMENT_STATE, 309, "payment_state", 409, 0, "The payment's state does not allow this.",     \
      "The message names the state; what was refused stands in the quarantine.")                   \
    /* 320..: the Model Context Protocol */                                                        \
    X(ORIGIN, 320, "origin_forbidden", 403, 0, "A page of another site asks.",                     \
      "Let the server's operator name the site in mcp_origins, if it may ask.")                    \
    X(MEDIA_TYPE, 321, "media_type", 415, 0, "The body is of a type that is not read here.",       \
      "Send the Content-Type that the message names.")                                             \
    X(NOT_ACCEPTABLE, 322, "not_acceptable", 406, 0, "No answer is of a type that is wanted.",     \
      "Send an Accept header with the type that the message names, or none.")                      \
    X(KEY_LIMIT, 323, "key_limit", 403, 0, "More than the key may move at once.",                  \
      "Ask a supervisor, or show a key with a higher limit for this asset.")                       \
    /* 330..: x402 */                                                                              \
    X(X402_HEADER, 330, "x402_header", 400, 0, "A header of x402 is not base64 of JSON.",          \
      "Encode the JSON with the standard alphabet of base64, in one line.")                        \
    X(X402_VERSION, 331, "x402_version", 400, 0, "This version of x402 is unknown.",               \
      "Send x402Version 1 or 2, as a number.")                                                     \
    X(X402_NETWORK, 332, "x402_network", 422, 0, "Not a network that x402 can name.",              \
      "Write CAIP-2 such as eip155:8453; in version 1 a name such as base.")                       \
    X(X402_SCHEME, 333, "x402_scheme", 422, 0, "Not a scheme of x402 that is known here.",         \
      "Use exact, or upto with Permit2.")                                                          \
    X(X402_PRICE, 334, "x402_price", 422, 0, "Not a price.",                                       \
      "Write $0.01, 0.01 USDC, or the asset's smallest units such as 10000.")                      \
    X(X402_SCHEMA, 335, "x402_schema", 422, 0, "A JSON Schema asks for more than is judged here.", \
      "See the message; external references are never fetched.")                                   \
    /* 340..: payments by x402 */                                                                  \
    X(PAYMENT_RESERVED, 340, "payment_reserved", 409, 0,                                           \
      "The payment is reserved, and not by who asks.",                                             \
      "Settle with the reservation that verifying gave; nobody else can use this payment.")        \
    X(PAYMENT_OTHERWISE, 341, "payment_settled_otherwise", 409, 0,                                 \
      "The same payment was settled by another request.",                                          \
      "Repeat the first request byte for byte, or ask the payer for a new payment.")               \
    X(NO_SIGNER, 342, "no_signer", 503, 1, "This process cannot sign for the network.",            \
      "Run the facilitator where the book is written, with a key for this network.")               \
    X(TRANSACTION_USED, 343, "transaction_used", 409, 0,                                           \
      "The transaction belongs to another payment.",                                               \
      "Look the transaction up; a payment is settled by its own or by a stranger's.")

enum mete_code {
#define X(symbol, number, name, status, retryable, meaning, mend) METE_##symbol = (number),
    METE_CODES(X)
#undef X
};

/** What went wrong, where, in words. Filled by the callee; never allocated. */
struct mete_err {
    enum mete_code code;
    char pointer[192]; /* JSON pointer (RFC 6901) into what was sent; "" when it is the whole */
    char text[256];    /* one sentence, no secrets */
};

/** The wire name ("weight_above_one"); "unknown" for a number that is not in the table. */
const char *mete_code_name(enum mete_code code);
/** The code of a wire name; false when there is none. */
bool mete_code_of(const char *name, size_t len, enum mete_code *code);
int mete_code_status(enum mete_code code);
bool mete_code_retryable(enum mete_code code);
const char *mete_code_meaning(enum mete_code code);
const char *mete_code_remediation(enum mete_code code);
/** The i-th row's code for i = 0, 1, ...; false past the end. */
bool mete_code_at(size_t i, enum mete_code *code);

/** Fills `err` (which may be NULL) and returns `code`. `pointer` may be NULL. */
enum mete_code mete_fail(struct mete_err *err, enum mete_code code, const char *pointer,
                         const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/** The same from a list of arguments. */
enum mete_code mete_fail_args(struct mete_err *err, enum mete_code code, const char *pointer,
                              const char *fmt, va_list args) __attribute__((format(printf, 4, 0)));
/** Replaces the pointer; one that is too long is cut between characters. */
void mete_err_place(struct mete_err *err, const char *pointer);

#endif

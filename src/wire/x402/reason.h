/* SPDX-License-Identifier: Apache-2.0
 * Every reason for which a payment is not valid or not settled: the word that the protocol has for
 * it, and a sentence for people. One table. Facilitators of others may say more: their words are
 * passed on as text. */
#ifndef METE_WIRE_X402_REASON_H
#define METE_WIRE_X402_REASON_H

#include "base/types.h"
#include "mete/error.h"

/* X(symbol, word, sentence) */
#define X402_REASONS_COMMON(X)                                                                     \
    X(INVALID_VERSION, "invalid_x402_version", "x402Version has to be the number 1 or 2.")         \
    X(INVALID_PAYLOAD, "invalid_payload", "The payment cannot be read.")                           \
    X(INVALID_REQUIREMENTS, "invalid_payment_requirements",                                        \
      "The payment requirements cannot be read.")                                                  \
    X(INVALID_PAYMENT, "invalid_payment", "The payment is not valid.")                             \
    X(INVALID_SCHEME, "invalid_scheme", "Payment and requirements are of different schemes.")      \
    X(UNSUPPORTED_SCHEME, "unsupported_scheme", "This scheme is not served here.")                 \
    X(INVALID_NETWORK, "invalid_network", "This network is not served here.")                      \
    X(UNSUPPORTED_PAYLOAD, "unsupported_payload_type", "The scheme does not take such a payment.") \
    X(UNSUPPORTED_METHOD, "unsupported_asset_transfer_method",                                     \
      "This assetTransferMethod is not served here.")                                              \
    X(UNSUPPORTED_FLOW, "unsupported_payment_flow", "This paymentFlow is not served here.")        \
    X(EXTENSION_ECHO, "extension_echo_mismatch",                                                   \
      "An extension came back changed; echo its info and only add to it.")                         \
    X(INSUFFICIENT_FUNDS, "insufficient_funds", "The payer has less than the payment.")            \
    X(PAYMENT_EXPIRED, "payment_expired", "The payment's time is over.")                           \
    X(DUPLICATE_SETTLEMENT, "duplicate_settlement",                                                \
      "This payment is being settled by another request.")                                         \
    X(SETTLEMENT_PENDING, "settlement_pending",                                                    \
      "The transaction was sent and is not confirmed yet: ask again with the same payment, and "   \
      "do not pay anew.")                                                                          \
    X(INVALID_TRANSACTION_STATE, "invalid_transaction_state", "The transaction failed on chain.")  \
    X(UNEXPECTED_VERIFY, "unexpected_verify_error",                                                \
      "The payment could not be judged; nothing was taken.")                                       \
    X(UNEXPECTED_SETTLE, "unexpected_settle_error", "The payment could not be settled.")

#define X402_REASONS_EIP3009(X)                                                                    \
    X(EVM_SCHEME, "invalid_exact_evm_scheme", "Payment and requirements have to be \"exact\".")    \
    X(EVM_NETWORK_MISMATCH, "invalid_exact_evm_network_mismatch",                                  \
      "Payment and requirements name different networks.")                                         \
    X(EVM_MISSING_DOMAIN, "invalid_exact_evm_missing_eip712_domain",                               \
      "extra needs the name and the version of the token's EIP-712 domain.")                       \
    X(ASSET_NOT_DEPLOYED, "asset_not_deployed_contract", "There is no contract at the asset.")     \
    X(EIP6492_FACTORY, "eip6492_factory_not_allowed",                                              \
      "The factory of this smart wallet is not among those that are served here.")                 \
    X(EVM_SIGNATURE, "invalid_exact_evm_signature",                                                \
      "The signature is not one that the payer made over this authorization.")                     \
    X(EVM_SIGNATURE_PARSE, "invalid_exact_evm_failed_to_parse_signature",                          \
      "The signature cannot be read.")                                                             \
    X(EVM_RECIPIENT, "invalid_exact_evm_recipient_mismatch",                                       \
      "The authorization pays somebody else than payTo.")                                          \
    X(EVM_VALID_BEFORE, "invalid_exact_evm_payload_authorization_valid_before",                    \
      "The authorization ends too soon to be settled.")                                            \
    X(EVM_VALID_AFTER, "invalid_exact_evm_payload_authorization_valid_after",                      \
      "The authorization does not count yet.")                                                     \
    X(EVM_VALUE, "invalid_exact_evm_payload_authorization_value_mismatch",                         \
      "The authorization is not of exactly the amount that is asked for.")                         \
    X(EVM_VALUE_V1, "invalid_exact_evm_authorization_value",                                       \
      "The authorization is not of exactly the amount that is asked for.")                         \
    X(EVM_NO_EIP3009, "invalid_exact_evm_eip3009_not_supported",                                   \
      "The asset does not take authorizations of EIP-3009.")                                       \
    X(EVM_NONCE_USED, "invalid_exact_evm_nonce_already_used",                                      \
      "The authorization was used or cancelled.")                                                  \
    X(EVM_TOKEN_NAME, "invalid_exact_evm_token_name_mismatch",                                     \
      "extra.name is not what the token calls itself.")                                            \
    X(EVM_TOKEN_VERSION, "invalid_exact_evm_token_version_mismatch",                               \
      "extra.version is not the version that the token gives itself.")                             \
    X(EVM_BALANCE, "invalid_exact_evm_insufficient_balance",                                       \
      "The payer has less of the asset than the payment.")                                         \
    X(EVM_SIMULATION, "invalid_exact_evm_transaction_simulation_failed",                           \
      "The token refuses the transfer when it is tried.")                                          \
    X(EVM_TRANSACTION, "invalid_exact_evm_transaction_failed", "The transaction failed on chain.") \
    X(EVM_TRANSFER_EVENT, "invalid_exact_evm_transfer_event_mismatch",                             \
      "The transaction succeeded without the transfer that it was for.")                           \
    X(WALLET_DEPLOYMENT, "smart_wallet_deployment_failed",                                         \
      "The payer's smart wallet could not be put on chain.")

/* The names that the text of the specification and the packages of version 1 have. */
#define X402_REASONS_V1(X)                                                                         \
    X(V1_VALUE, "invalid_exact_evm_payload_authorization_value",                                   \
      "The authorization is of less than the amount that is asked for.")                           \
    X(V1_SIGNATURE, "invalid_exact_evm_payload_signature",                                         \
      "The signature is not one that the payer made over this authorization.")                     \
    X(V1_UNDEPLOYED_WALLET, "invalid_exact_evm_payload_undeployed_smart_wallet",                   \
      "The payer's smart wallet is not on chain yet.")                                             \
    X(V1_RECIPIENT, "invalid_exact_evm_payload_recipient_mismatch",                                \
      "The authorization pays somebody else than payTo.")

#define X402_REASONS_PERMIT2(X)                                                                    \
    X(PERMIT2_SPENDER, "invalid_permit2_spender",                                                  \
      "The permit names another spender than the contract of its scheme.")                         \
    X(PERMIT2_RECIPIENT, "invalid_permit2_recipient_mismatch",                                     \
      "The permit pays somebody else than payTo.")                                                 \
    X(PERMIT2_DEADLINE, "permit2_deadline_expired", "The permit ends too soon to be settled.")     \
    X(PERMIT2_NOT_YET, "permit2_not_yet_valid", "The permit does not count yet.")                  \
    X(PERMIT2_AMOUNT, "permit2_amount_mismatch",                                                   \
      "The permit is not of exactly the amount that is asked for.")                                \
    X(PERMIT2_TOKEN, "permit2_token_mismatch", "The permit is for another asset.")                 \
    X(PERMIT2_SIGNATURE, "invalid_permit2_signature",                                              \
      "The signature is not one that the payer made over this permit.")                            \
    X(PERMIT2_NO_PROXY, "permit2_proxy_not_deployed",                                              \
      "The contract that settles permits is not on this network.")                                 \
    X(PERMIT2_BALANCE, "permit2_insufficient_balance",                                             \
      "The payer has less of the asset than the payment.")                                         \
    X(PERMIT2_ALLOWANCE, "permit2_allowance_required",                                             \
      "The payer has to approve Permit2 for this asset first.")                                    \
    X(PERMIT2_SIMULATION, "permit2_simulation_failed", "The permit is refused when it is tried.")  \
    X(PERMIT2_INVALID_AMOUNT, "permit2_invalid_amount", "Permit2 refuses the amount.")             \
    X(PERMIT2_INVALID_DESTINATION, "permit2_invalid_destination",                                  \
      "The contract refuses the recipient.")                                                       \
    X(PERMIT2_INVALID_OWNER, "permit2_invalid_owner", "The contract refuses the payer.")           \
    X(PERMIT2_TOO_EARLY, "permit2_payment_too_early", "The permit does not count yet.")            \
    X(PERMIT2_NONCE, "permit2_invalid_nonce", "The permit was used before.")                       \
    X(PERMIT2_2612_AMOUNT, "permit2_2612_amount_mismatch",                                         \
      "The permit of EIP-2612 is not of the payment's amount.")                                    \
    X(EIP2612_FORMAT, "invalid_eip2612_extension_format", "eip2612GasSponsoring cannot be read.")  \
    X(EIP2612_FROM, "eip2612_from_mismatch", "eip2612GasSponsoring is of another payer.")          \
    X(EIP2612_ASSET, "eip2612_asset_mismatch", "eip2612GasSponsoring is for another asset.")       \
    X(EIP2612_SPENDER, "eip2612_spender_not_permit2",                                              \
      "eip2612GasSponsoring has to name Permit2 as spender.")                                      \
    X(EIP2612_DEADLINE, "eip2612_deadline_expired",                                                \
      "eip2612GasSponsoring ends too soon to be settled.")                                         \
    X(ERC20_FORMAT, "invalid_erc20_approval_extension_format",                                     \
      "erc20ApprovalGasSponsoring cannot be read.")                                                \
    X(ERC20_FROM, "erc20_approval_from_mismatch",                                                  \
      "erc20ApprovalGasSponsoring is of another payer.")                                           \
    X(ERC20_ASSET, "erc20_approval_asset_mismatch",                                                \
      "erc20ApprovalGasSponsoring is for another asset.")                                          \
    X(ERC20_SPENDER, "erc20_approval_spender_not_permit2",                                         \
      "erc20ApprovalGasSponsoring has to approve Permit2.")                                        \
    X(ERC20_TX_PARSE, "erc20_approval_tx_parse_failed",                                            \
      "The signed approval is no transaction that can be read.")                                   \
    X(ERC20_TX_TARGET, "erc20_approval_tx_wrong_target",                                           \
      "The signed approval calls another contract than the asset.")                                \
    X(ERC20_TX_SELECTOR, "erc20_approval_tx_wrong_selector",                                       \
      "The signed transaction is no approval.")                                                    \
    X(ERC20_TX_SPENDER, "erc20_approval_tx_wrong_spender",                                         \
      "The signed approval is for another spender than Permit2.")                                  \
    X(ERC20_TX_CALLDATA, "erc20_approval_tx_invalid_calldata",                                     \
      "The arguments of the signed approval cannot be read.")                                      \
    X(ERC20_TX_SIGNER, "erc20_approval_tx_signer_mismatch",                                        \
      "The approval was signed by somebody else than the payer.")                                  \
    X(ERC20_TX_SIGNATURE, "erc20_approval_tx_invalid_signature",                                   \
      "The signature of the approval cannot be read.")                                             \
    X(ERC20_BROADCAST, "erc20_approval_broadcast_failed",                                          \
      "The approval could not be sent; nothing was taken.")                                        \
    X(ERC20_TX_FAILED, "erc20_approval_tx_failed", "The approval failed on chain.")

#define X402_REASONS_UPTO(X)                                                                       \
    X(UPTO_SCHEME, "invalid_upto_evm_scheme", "Payment and requirements have to be \"upto\".")     \
    X(UPTO_NETWORK, "invalid_upto_evm_network_mismatch",                                           \
      "Payment and requirements name different networks.")                                         \
    X(UPTO_FACILITATOR, "upto_facilitator_mismatch",                                               \
      "The permit names another facilitator than this one.")                                       \
    X(UPTO_EXCEEDS, "invalid_upto_evm_payload_settlement_exceeds_amount",                          \
      "More would be charged than the permit allows.")                                             \
    X(UPTO_TRANSACTION, "invalid_upto_evm_transaction_failed", "The transaction failed on chain.") \
    X(UPTO_EXCEEDS_PERMITTED, "upto_amount_exceeds_permitted",                                     \
      "More would be charged than the permit allows.")                                             \
    X(UPTO_UNAUTHORIZED, "upto_unauthorized_facilitator",                                          \
      "The permit lets another facilitator settle it.")

/* mete's own. */
#define X402_REASONS_METE(X)                                                                       \
    X(PAYMENT_RESERVED, "payment_reserved",                                                        \
      "Somebody else holds this payment: it pays for one request alone.")                          \
    X(PAYMENT_SETTLED_OTHERWISE, "payment_settled_otherwise",                                      \
      "A payment with this nonce was settled with another payload or amount.")                     \
    X(ASSET_NOT_ALLOWED, "asset_not_allowed", "This asset is not among those served here.")        \
    X(GAS_TOO_HIGH, "gas_too_high",                                                                \
      "The transaction would cost more gas than is paid here; nothing was taken.")                 \
    X(NODE_UNAVAILABLE, "node_unavailable", "No node of this network answers; nothing was taken.") \
    X(RATE_LIMITED, "rate_limited", "Too many requests; try again later.")

/* "exact" on Solana. */
#define X402_REASONS_SVM(X)                                                                        \
    X(SVM_SCHEME, "invalid_exact_svm_unsupported_scheme",                                          \
      "Payment and requirements have to be \"exact\".")                                            \
    X(SVM_NETWORK, "invalid_exact_svm_network_mismatch",                                           \
      "Payment and requirements name different networks.")                                         \
    X(SVM_NO_FEE_PAYER, "invalid_exact_svm_payload_missing_fee_payer",                             \
      "extra.feePayer is absent.")                                                                 \
    X(SVM_FEE_PAYER_UNMANAGED, "invalid_exact_svm_fee_payer_not_managed_by_facilitator",           \
      "extra.feePayer is none of the keys of this facilitator.")                                   \
    X(SVM_UNREADABLE, "invalid_exact_svm_payload_transaction_could_not_be_decoded",                \
      "The transaction cannot be read.")                                                           \
    X(SVM_SIGNERS, "invalid_exact_svm_payload_excessive_signers",                                  \
      "The transaction has more signers than payer and fee payer.")                                \
    X(SVM_FEE_PAYER, "invalid_exact_svm_fee_payer_mismatch",                                       \
      "The transaction has another fee payer than extra.feePayer.")                                \
    X(SVM_SIGNATURE, "invalid_exact_svm_payload_signature_invalid",                                \
      "A signature of the transaction is missing or wrong.")                                       \
    X(SVM_ALT_UNAVAILABLE, "invalid_exact_svm_payload_smart_wallet_alt_resolution_not_available",  \
      "Address lookup tables are not taken here.")                                                 \
    X(SVM_ALT_FAILED, "invalid_exact_svm_payload_smart_wallet_alt_resolution_failed",              \
      "An address lookup table could not be read.")                                                \
    X(SVM_LENGTH, "invalid_exact_svm_payload_transaction_instructions_length",                     \
      "The transaction has too few or too many instructions.")                                     \
    X(SVM_COMPUTE_LIMIT,                                                                           \
      "invalid_exact_svm_payload_transaction_instructions_compute_limit_instruction",              \
      "The first instruction has to set the compute unit limit.")                                  \
    X(SVM_COMPUTE_PRICE,                                                                           \
      "invalid_exact_svm_payload_transaction_instructions_compute_price_instruction",              \
      "The second instruction has to set the compute unit price.")                                 \
    X(SVM_COMPUTE_PRICE_HIGH,                                                                      \
      "invalid_exact_svm_payload_transaction_instructions_compute_price_instruction_too_high",     \
      "The compute unit price is above what is paid here.")                                        \
    X(SVM_NO_TRANSFER, "invalid_exact_svm_payload_no_transfer_instruction",                        \
      "The third instruction has to be TransferChecked.")                                          \
    X(SVM_FEE_PAYER_TRANSFERS,                                                                     \
      "invalid_exact_svm_payload_transaction_fee_payer_transferring_funds",                        \
      "The facilitator's own key would pay.")                                                      \
    X(SVM_MINT, "invalid_exact_svm_payload_mint_mismatch", "The transfer is of another asset.")    \
    X(SVM_RECIPIENT, "invalid_exact_svm_payload_recipient_mismatch",                               \
      "The transfer pays somebody else than payTo.")                                               \
    X(SVM_AMOUNT, "invalid_exact_svm_payload_amount_mismatch",                                     \
      "The transfer is not of exactly the amount that is asked for.")                              \
    X(SVM_FOURTH, "invalid_exact_svm_payload_unknown_fourth_instruction",                          \
      "The fourth instruction is of no program that is taken here.")                               \
    X(SVM_FIFTH, "invalid_exact_svm_payload_unknown_fifth_instruction",                            \
      "The fifth instruction is of no program that is taken here.")                                \
    X(SVM_SIXTH, "invalid_exact_svm_payload_unknown_sixth_instruction",                            \
      "The sixth instruction is of no program that is taken here.")                                \
    X(SVM_SEVENTH, "invalid_exact_svm_payload_unknown_seventh_instruction",                        \
      "The seventh instruction is of no program that is taken here.")                              \
    X(SVM_MEMO_COUNT, "invalid_exact_svm_payload_memo_count",                                      \
      "The transaction has to have exactly one memo.")                                             \
    X(SVM_MEMO, "invalid_exact_svm_payload_memo_mismatch", "The memo is not extra.memo.")          \
    X(SVM_SIMULATION, "invalid_exact_svm_transaction_simulation_failed",                           \
      "The transaction fails when it is tried.")                                                   \
    X(SVM_TRANSACTION, "invalid_exact_svm_transaction_failed", "The transaction failed on chain.") \
    X(SVM_BLOCK_HEIGHT, "settle_exact_svm_block_height_exceeded",                                  \
      "The transaction's blockhash is too old.")                                                   \
    X(SVM_TIMEOUT, "settle_exact_svm_transaction_confirmation_timed_out",                          \
      "The transaction was sent and is not confirmed yet.")

#define X402_REASONS(X)                                                                            \
    X402_REASONS_COMMON(X)                                                                         \
    X402_REASONS_EIP3009(X)                                                                        \
    X402_REASONS_V1(X)                                                                             \
    X402_REASONS_PERMIT2(X)                                                                        \
    X402_REASONS_UPTO(X) X402_REASONS_METE(X) X402_REASONS_SVM(X)

enum x402_reason {
    X402_REASON_NONE, /* the payment is in order */
#define X(symbol, word, sentence) X402_REASON_##symbol,
    X402_REASONS(X)
#undef X
        X402_REASON_COUNT
};

/** The protocol's word; "" for X402_REASON_NONE. */
const char *x402_reason_text(enum x402_reason reason);
/** One sentence for people: invalidMessage, errorMessage. */
const char *x402_reason_message(enum x402_reason reason);
/** The reason of a word; X402_REASON_NONE for one that is not in the table. */
enum x402_reason x402_reason_of(struct text word);

/** What to answer when x402_request_read failed with `err`: which of the two parts could not be
 *  read, or that its version, its network or its scheme is not known. */
enum x402_reason x402_reason_of_error(const struct mete_err *err);

#endif

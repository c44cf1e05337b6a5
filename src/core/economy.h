/* SPDX-License-Identifier: Apache-2.0
 * What the files of the economic protocol share. Private to core. */
#ifndef METE_CORE_ECONOMY_H
#define METE_CORE_ECONOMY_H

#include "core/campaign.h"
#include "core/funding.h"
#include "core/work.h"

struct refund_note;

/* --- decide_campaign.c -------------------------------------------------------------------------*/

/** The number of the campaign that the event belongs to, named when it is new. Refuses without
 *  correlation.campaign_id. */
enum decided campaign_named(struct work *w, uint32_t *number);
/** The same, and what the book knows of it. Refuses an unknown one. */
enum decided campaign_load(struct work *w, uint32_t *number, struct campaign *c);
void campaign_put(struct work *w, uint32_t number, const struct campaign *c);

/** Takes a step of a machine; refuses by saying what state forbids it, and what is allowed. */
enum decided work_step(struct work *w, enum machine_kind kind, struct text id, uint8_t from,
                       enum event_type event, unsigned guards, uint8_t *to);

/** The next version of the campaign's policy, from its terms and investments; `more`, when not
 * NULL, is one that the book does not have yet. */
enum decided contract_publish(struct work *w, uint32_t number, const struct campaign *c,
                              const struct investment *more);

/* --- about.c
 * Lists that reports read, of what decisions are about. No decision reads them. A decision that is
 * not applied leaves nothing on them. -----------------------------------------------------------*/

/** Does nothing for an empty id. */
void about_campaign(struct work *w, struct text campaign_id);
void about_campaign_number(struct work *w, uint32_t number);
void about_payout(struct work *w, struct text transfer_id);
void about_x402(struct work *w, struct text payment_id);
void about_user(struct work *w, struct text app_id, struct text user_id);
void about_allocation(struct work *w, struct text allocation_id);

/* --- decide_funding.c --------------------------------------------------------------------------*/

/** Notes what this event has made for a campaign; 0: a settlement. */
void made_put(struct work *w, uint32_t campaign, enum machine_kind kind, struct text id);

/* --- decide_terms.c ----------------------------------------------------------------------------*/

/** From this event's moment on the app's fees include the royalty. */
enum decided terms_royalty_on(struct work *w, struct text app_id);
/** Finds the fees of an app's revenue: its own, or none when the book's hold. */
enum decided terms_find(struct work *w, struct text app_id);

/* --- decide_attribution.c ----------------------------------------------------------------------*/

/** The campaign that a user's revenue of a moment belongs to; 0: none. */
uint32_t attribution_at(struct work *w, struct text app_id, struct text user_id, mete_time at);
struct key attribution_key(enum key_class class, struct text app_id, struct text user_id);
struct key wait_app_key(struct text app_id);
struct key wait_user_key(struct text app_id, struct text user_id);

/* --- split_contract.c --------------------------------------------------------------------------*/

/** Splits `net` between a campaign's creator and its investors, and notes what they have accrued.
 */
enum decided split_by_contract(struct work *w, struct group *g, uint32_t number,
                               const struct campaign *c, i128 net, mete_time at);
/** Revenue of no campaign: all of `net` is the app owner's. */
void split_to_owner(struct work *w, struct group *g, uint32_t owner, i128 net);
/** The sums of a campaign go down again by what `reversal` takes from a group of its revenue. */
void contract_reversed(struct work *w, const struct group *original, const struct group *reversal);

/* --- decide_invoice.c --------------------------------------------------------------------------*/

/** Whose revenue an invoice is: a campaign's, else its app's owner's (a party); both 0: unknown.
 *  Refuses, or waits, as deciding it would. */
enum decided invoice_target(struct work *w, uint32_t *campaign, uint32_t *owner);
/** Books an invoice that is booked already anew, under the fees that it had. */
enum decided invoice_rebook(struct work *w, uint32_t campaign, uint32_t owner,
                            const struct decision *was, uint64_t was_seq, uint32_t was_page);

/** The seq of the invoice that a refund or a chargeback names, or what it waits for. */
enum decided refund_original(struct work *w, uint64_t *seq);
/** An invoice that is booked anew loses this amount again. */
enum decided refund_noted(struct work *w, uint64_t seq, i128 amount);
struct key wait_payment_key(struct text reference);

/* --- decide_reversal.c -------------------------------------------------------------------------*/

/** The revenue of an invoice in its decision; NULL: it brought none. */
const struct group *invoice_group(const struct decision *d);
/** Takes back all that is left of the revenues of a decision. */
void reverse_rest(struct work *w, const struct decision *d, uint64_t seq, uint32_t page);
/** Takes amounts back, one after the other, from a group of the very decision that is being made.
 */
void reverse_again(struct work *w, uint32_t group, const struct refund_note *refund, size_t count);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Lists of what decisions are about, by which a report of a campaign finds its events (facts that
 * move nothing, attributions, invoices, and what was taken back of them), and a dispute its
 * history. Written, never read, by decisions. */
#include "core/economy.h"

#include "base/text.h"

static void about_put(struct work *w, struct key key)
{
    const struct buf none = {0};
    for (uint32_t i = 0; i < w->about_count; i++) {
        if (bytes_cmp(key_bytes(&w->about[i]), key_bytes(&key)) == 0) {
            return;
        }
    }
    if (w->about_count < ARRAY_LEN(w->about)) {
        w->about[w->about_count++] = key;
    }
    key_add_u64(&key, w->log_size);
    key_add_u32(&key, w->page);
    work_set(w, key, &none);
}

void about_campaign(struct work *w, struct text campaign_id)
{
    if (campaign_id.len > 0) {
        about_put(w, key_about_campaign(campaign_id));
    }
}

void about_campaign_number(struct work *w, uint32_t number)
{
    const size_t prefix = sizeof CAMPAIGN_POLICY_PREFIX - 1;
    struct text id;
    if (view_policy_id(w->view, number, &id) != VIEW_FOUND) {
        w->missing = true;
        return;
    }
    METE_ASSERT(id.len > prefix);
    about_campaign(w, (struct text){id.p + prefix, id.len - prefix});
}

void about_allocation(struct work *w, struct text allocation_id)
{
    about_put(w, key_about_allocation(allocation_id));
}

void about_payout(struct work *w, struct text transfer_id)
{
    about_put(w, key_about_payout(transfer_id));
}

void about_x402(struct work *w, struct text payment_id)
{
    about_put(w, key_about_x402(payment_id));
}

void about_user(struct work *w, struct text app_id, struct text user_id)
{
    if (user_id.len > 0) {
        about_put(w, key_about_user(app_id, user_id));
    }
}

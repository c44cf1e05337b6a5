/* SPDX-License-Identifier: Apache-2.0
 * Opens a batch of payouts in a store that no server has open, and queues all that it would pay:
 *   queue_payouts STORE BOOK BATCH RAIL ASSET
 * Prints how many. */
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "engine/payouts.h"

static int fail(const struct mete_err *err)
{
    fprintf(stderr, "queue_payouts: %s\n", err->text);
    return 1;
}

static enum mete_code batch_open(struct engine *e, char **argv, struct mete_err *err)
{
    const struct submit_options own = {.own = true, .no_quarantine = true};
    struct submit_result r;
    char event[1000], at[TIME_TEXT_MAX];
    time_format(engine_now(e), at);
    snprintf(event, sizeof event,
             "{\"event_id\":\"%s\",\"event_type\":\"payout.batch_opened\",\"occurred_at\":\"%s\","
             "\"payload\":{\"asset\":\"%s\",\"rail\":\"%s\"}}",
             argv[3], at, argv[5], argv[4]);
    engine_submit(e, text_of(event), &own, &r);
    *err = r.err;
    return r.status == SUBMIT_APPLIED ? METE_OK : METE_STATE_FORBIDS;
}

int main(int argc, char **argv)
{
    struct engine *e;
    struct mete_err err = {.text = "STORE BOOK BATCH RAIL ASSET"};
    struct payout_batch_progress done;
    if (argc != 6) {
        return fail(&err);
    }
    const struct engine_options o = {.store = argv[1], .book = argv[2]};
    if (engine_open(&e, &o, &err) != METE_OK || batch_open(e, argv, &err) != METE_OK) {
        return fail(&err);
    }
    const struct payout_query q = {
        .asset = text_of(argv[5]), .rail = text_of(argv[4]), .at = engine_now(e)};
    if (payout_queue(e, text_of(argv[3]), &q, 100000, &done, &err) != METE_OK ||
        engine_commit(e, &err) != METE_OK) {
        return fail(&err);
    }
    printf("%" PRIu64 "\n", done.queued);
    engine_close(e);
    return 0;
}

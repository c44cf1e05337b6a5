/* SPDX-License-Identifier: Apache-2.0
 * The destination that a party has set last, opened. */
#include "engine/payout_destination.h"

#include "base/text.h"
#include "engine/sealed.h"

enum mete_code payout_destination_read(struct engine *e, uint32_t party, struct text rail,
                                       struct arena *a, struct text *out, struct mete_err *err)
{
    struct destination d;
    *out = (struct text){0};
    if (view_destination(engine_view(e), party, &d) != VIEW_FOUND || !text_eq(d.rail, rail)) {
        return engine_sound(e, METE_OK, err);
    }
    return sealed_read(e, d.seq, TEXT("/payload/destination"), a, out, err);
}

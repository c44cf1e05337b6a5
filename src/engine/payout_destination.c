/* SPDX-License-Identifier: Apache-2.0
 * The destination that a party has set last, opened. */
#include "engine/payout_destination.h"

#include "base/text.h"
#include "engine/destination.h"
#include "engine/sealed.h"

enum mete_code payout_destination_read(struct engine *e, uint32_t party, struct text rail,
                                       struct arena *a, struct text *out, struct mete_err *err)
{
    struct destination d;
    *out = (struct text){0};
    if (view_destination(engine_view(e), party, &d) != VIEW_FOUND || !text_eq(d.rail, rail)) {
        return engine_sound(e, METE_OK, err);
    }
    struct destination_box box;
    enum mete_code code = sealed_read(e, d.seq, TEXT("/payload/destination"), a, out, err);
    if (code == METE_OK && destination_box_read(text_bytes(*out), &box)) {
        *out = destination_box_text(a, &box);
    }
    return code;
}

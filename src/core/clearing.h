/* SPDX-License-Identifier: Apache-2.0
 * The watermark of a book: through when it has said that what was due has cleared. */
#ifndef METE_CORE_CLEARING_H
#define METE_CORE_CLEARING_H

#include "core/key.h"
#include "core/view.h"

/** Its value is the seq of the watermark that said so; the first key at or after a moment is the
 *  one that said it of that moment. */
struct key key_cleared(mete_time through);
/** The latest; TIME_ALWAYS and VIEW_ABSENT before the first. */
enum view_result view_cleared_through(const struct view *v, mete_time *through);

#endif

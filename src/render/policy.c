/* SPDX-License-Identifier: Apache-2.0
 * Versions of policies. */
#include "render/render.h"

void publication_members(struct json_writer *w, const struct publication *p)
{
    jw_int(w, "version", p->number);
    jw_int(w, "versions", p->count);
    jw_str(w, "kind", policy_kind_name(p->policy->kind));
    jw_text_or_null(w, "title", p->policy->title);
    jw_time(w, "effective_from", p->from);
}

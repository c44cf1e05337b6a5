/* SPDX-License-Identifier: Apache-2.0
 * Why. */
#include "render/render.h"

void explain_json(struct json_writer *w, const struct explain_node *n)
{
    jw_object(w, NULL);
    jw_str(w, "label", n->label);
    jw_text(w, "text", n->text);
    if (n->has_amount) {
        jw_i128(w, "amount", n->amount);
        jw_asset(w, &n->asset);
    }
    for (const struct explain_fact *f = n->fact; f != NULL; f = f->next) {
        jw_text(w, f->name, f->value);
    }
    if (n->child != NULL) {
        jw_array(w, "children");
        for (const struct explain_node *c = n->child; c != NULL; c = c->next) {
            explain_json(w, c);
        }
        jw_end_array(w);
    }
    jw_end_object(w);
}

/* SPDX-License-Identifier: Apache-2.0
 * Text inside HTML. */
#ifndef METE_RENDER_HTML_H
#define METE_RENDER_HTML_H

#include "base/buf.h"

/** Appends `t` so that it reads as it is, between tags or in a quoted attribute. */
void html_put(struct buf *out, struct text t);

#endif

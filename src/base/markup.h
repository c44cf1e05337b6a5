/* SPDX-License-Identifier: Apache-2.0
 * Text inside HTML and XML. */
#ifndef METE_BASE_MARKUP_H
#define METE_BASE_MARKUP_H

#include "base/buf.h"

/** Appends `t` so that it reads as it is, between tags or in a quoted attribute. */
void markup_put(struct buf *out, struct text t);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * What a request needs from another service before its book sees it: manifests that are not known
 * here, and the judgement of documents. Done on threads of its own, which wait for others; those
 * that read books never do, so that services may even ask each other. */
#ifndef METE_HTTP_FEDERATION_H
#define METE_HTTP_FEDERATION_H

#include "http/router.h"

/** The errand of a request that is ready for its second half; NULL: none. Run with a snapshot of
 *  the book, or NULL when there is none yet. It may answer. */
route_handler *federation_errand(struct desk *d, struct exchange *x);

#endif

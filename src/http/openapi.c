/* SPDX-License-Identifier: Apache-2.0
 * GET /openapi.json. The text itself lives in openapi/. */
#include "http/openapi/openapi.h"

#include "base/text.h"
#include "http/desk.h"
#include "http/reply.h"
#include "http/routes.h"

void openapi_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct text known = exchange_header(x, "If-None-Match");
    (void)d;
    (void)e;
    if (known.p != NULL && etag_is_listed(known, text_of(openapi_etag))) {
        reply_body(x, 304, TYPE_JSON, (struct text){0});
    } else {
        reply_body(x, 200, TYPE_JSON, (struct text){openapi_text, openapi_len});
    }
    reply_header(x, "ETag", text_of(openapi_etag));
}

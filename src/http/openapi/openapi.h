/* SPDX-License-Identifier: Apache-2.0
 * The description of every route, as OpenAPI 3.1. Its parts are the JSON files of this folder;
 * embed.py puts them together when mete is built. tests/http/test_openapi.py holds it to the
 * table of routes and to what is really answered. */
#ifndef METE_HTTP_OPENAPI_OPENAPI_H
#define METE_HTTP_OPENAPI_OPENAPI_H

#include <stddef.h>

extern const char openapi_text[];
extern const size_t openapi_len; /* bytes, without the zero at the end */
extern const char openapi_etag[];

#endif

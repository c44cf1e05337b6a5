/* SPDX-License-Identifier: Apache-2.0
 * What every handle of libcurl is told before it is told anything else: which protocols, no
 * redirects, nothing of the environment. Private to the files of rails that use libcurl. */
#ifndef METE_RAILS_WEB_CURL_H
#define METE_RAILS_WEB_CURL_H

#include "rails/web.h"

#include <curl/curl.h>

/** Sets protocols, TLS, proxy, times, connections and the user agent by the options. public_only
 *  and connect_to are the caller's to see to. */
void web_curl_set(CURL *c, const struct web_options *o);

#endif

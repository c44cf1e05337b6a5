/* SPDX-License-Identifier: Apache-2.0
 * The certificate that new connections are shown. It may be replaced while the server runs;
 * connections that are open go on with the one they began with. */
#ifndef METE_HTTP_CERTIFICATE_H
#define METE_HTTP_CERTIFICATE_H

#include "base/types.h"
#include "mete/error.h"

#include <gnutls/abstract.h>

/** Takes a chain and its private key, PEM, for the process: there is one server in it that speaks
 *  TLS. METE_USAGE when they are no pair; the one before then stays. */
enum mete_code certificate_set(const char *chain, const char *key,
                               struct mete_err *err) METE_MUST_CHECK;
/** What libmicrohttpd asks for each new connection: a gnutls_certificate_retrieve_function2. */
int certificate_retrieve(gnutls_session_t session, const gnutls_datum_t *authorities, int count,
                         const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                         gnutls_pcert_st **chain, unsigned *chain_len, gnutls_privkey_t *key);
/** Frees all. No connection may be open any more. */
void certificate_clear(void);

#endif

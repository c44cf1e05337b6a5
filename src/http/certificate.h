/* SPDX-License-Identifier: Apache-2.0
 * What a server shows to its clients and asks of them: certificate, key, client authorities. All
 * three may be replaced while it runs; connections that are open go on with what they began with.
 */
#ifndef METE_HTTP_CERTIFICATE_H
#define METE_HTTP_CERTIFICATE_H

#include "base/types.h"
#include "mete/error.h"

#include <gnutls/gnutls.h>

/** PEM texts. */
struct certificate_texts {
    const char *chain;
    const char *key;
    const char *client_ca; /* NULL: clients need no certificate */
};

/** Why a certificate and its key, both PEM, cannot be used, a sentence on one of the two; NULL:
 * they can. *is_key: on the key. */
const char *certificate_flaw(struct text chain, struct text key, bool *is_key);

struct certificates;
struct certificates *certificates_new(void);
/** No connection may be open any more. */
void certificates_free(struct certificates *all);
/** For connections that come from now on. METE_USAGE when they cannot be used, or key and
 *  certificate are no pair; those before then stay. Any thread. */
enum mete_code certificates_set(struct certificates *all, const struct certificate_texts *t,
                                struct mete_err *err) METE_MUST_CHECK;
/** Gives a connection, before its handshake, what was set last. Any thread. */
void certificates_use(struct certificates *all, gnutls_session_t session);

#endif

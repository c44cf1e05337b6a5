/* SPDX-License-Identifier: Apache-2.0
 * A list of credentials, the newest first. None is freed while the server runs: connections use
 * them, and there are as many as somebody replaced by hand. */
#include "http/certificate.h"

#include "base/text.h"

#include <gnutls/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct generation {
    struct generation *before;
    gnutls_certificate_credentials_t credentials;
    bool asks; /* clients for a certificate */
};

struct certificates {
    pthread_mutex_t lock;
    struct generation *newest;
};

static gnutls_datum_t datum_of(struct text pem)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)pem.p, (unsigned)pem.len};
}

static void generation_free(struct generation *g)
{
    if (g->credentials != NULL) {
        gnutls_certificate_free_credentials(g->credentials);
    }
    free(g);
}

static enum mete_code generation_fill(struct generation *g, const struct certificate_texts *t,
                                      struct mete_err *err)
{
    const gnutls_datum_t chain = datum_of(text_of(t->chain));
    const gnutls_datum_t key = datum_of(text_of(t->key));
    int result = gnutls_certificate_allocate_credentials(&g->credentials);
    if (result == 0) {
        result =
            gnutls_certificate_set_x509_key_mem(g->credentials, &chain, &key, GNUTLS_X509_FMT_PEM);
    }
    if (result < 0) {
        return mete_fail(err, METE_USAGE, NULL, "the certificate and its key cannot be used: %s",
                         gnutls_strerror(result));
    }
    if (t->client_ca != NULL) {
        const gnutls_datum_t authorities = datum_of(text_of(t->client_ca));
        g->asks = true;
        if (gnutls_certificate_set_x509_trust_mem(g->credentials, &authorities,
                                                  GNUTLS_X509_FMT_PEM) <= 0) {
            return mete_fail(err, METE_USAGE, NULL,
                             "the file of client authorities holds no PEM certificate");
        }
    }
    return METE_OK;
}

/* --- what is wrong with a pair -----------------------------------------------------------------*/

static bool is_pair(const gnutls_datum_t *chain, const gnutls_datum_t *key)
{
    gnutls_certificate_credentials_t both;
    if (gnutls_certificate_allocate_credentials(&both) != 0) {
        return false;
    }
    const bool fits =
        gnutls_certificate_set_x509_key_mem(both, chain, key, GNUTLS_X509_FMT_PEM) >= 0;
    gnutls_certificate_free_credentials(both);
    return fits;
}

static bool is_certificate(const gnutls_datum_t *pem)
{
    gnutls_x509_crt_t certificate;
    if (gnutls_x509_crt_init(&certificate) != 0) {
        return false;
    }
    const bool is_one = gnutls_x509_crt_import(certificate, pem, GNUTLS_X509_FMT_PEM) == 0;
    gnutls_x509_crt_deinit(certificate);
    return is_one;
}

static bool is_private_key(const gnutls_datum_t *pem)
{
    gnutls_x509_privkey_t key;
    if (gnutls_x509_privkey_init(&key) != 0) {
        return false;
    }
    const bool is_one = gnutls_x509_privkey_import2(key, pem, GNUTLS_X509_FMT_PEM, NULL, 0) == 0;
    gnutls_x509_privkey_deinit(key);
    return is_one;
}

const char *certificate_flaw(struct text chain, struct text key, bool *is_key)
{
    const gnutls_datum_t c = datum_of(chain);
    const gnutls_datum_t k = datum_of(key);
    const bool fits = is_pair(&c, &k);
    *is_key = !fits && is_certificate(&c);
    return fits                  ? NULL
           : !*is_key            ? "it holds no certificate in PEM"
           : !is_private_key(&k) ? "it holds no private key in PEM, or one that wants a password"
                                 : "it is not the key of the certificate";
}

/* --- generations -------------------------------------------------------------------------------*/

struct certificates *certificates_new(void)
{
    struct certificates *all = calloc(1, sizeof *all);
    METE_ASSERT(all != NULL && pthread_mutex_init(&all->lock, NULL) == 0);
    return all;
}

void certificates_free(struct certificates *all)
{
    if (all == NULL) {
        return;
    }
    while (all->newest != NULL) {
        struct generation *g = all->newest;
        all->newest = g->before;
        generation_free(g);
    }
    pthread_mutex_destroy(&all->lock);
    free(all);
}

enum mete_code certificates_set(struct certificates *all, const struct certificate_texts *t,
                                struct mete_err *err)
{
    struct generation *g = calloc(1, sizeof *g);
    METE_ASSERT(g != NULL);
    enum mete_code code = generation_fill(g, t, err);
    if (code != METE_OK) {
        generation_free(g);
        return code;
    }
    pthread_mutex_lock(&all->lock);
    g->before = all->newest;
    all->newest = g;
    pthread_mutex_unlock(&all->lock);
    return METE_OK;
}

void certificates_use(struct certificates *all, gnutls_session_t session)
{
    pthread_mutex_lock(&all->lock);
    struct generation *g = all->newest;
    pthread_mutex_unlock(&all->lock);
    METE_ASSERT(g != NULL &&
                gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, g->credentials) == 0);
    gnutls_certificate_server_set_request(session,
                                          g->asks ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
}

/* SPDX-License-Identifier: Apache-2.0
 * A list of pairs, the newest first. None is freed while the server runs: a handshake may just be
 * reading it, and there are as many as somebody replaced by hand. */
#include "http/certificate.h"

#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_MAX 16u

struct pair_of_keys {
    struct pair_of_keys *before;
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned chain_len;
    gnutls_privkey_t key;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pair_of_keys *newest;

static void pair_free(struct pair_of_keys *p)
{
    for (unsigned i = 0; i < p->chain_len; i++) {
        gnutls_pcert_deinit(&p->chain[i]);
    }
    if (p->key != NULL) {
        gnutls_privkey_deinit(p->key);
    }
    free(p);
}

static gnutls_datum_t datum_of(const char *pem)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};
}

/** Whether the key signs for the chain's first certificate: GnuTLS looks when it is given both. */
static int pair_fits(const gnutls_datum_t *chain, const gnutls_datum_t *key)
{
    gnutls_certificate_credentials_t both;
    int result = gnutls_certificate_allocate_credentials(&both);
    if (result == 0) {
        result = gnutls_certificate_set_x509_key_mem(both, chain, key, GNUTLS_X509_FMT_PEM);
        gnutls_certificate_free_credentials(both);
    }
    return result < 0 ? result : 0;
}

static int pair_read(struct pair_of_keys *p, const char *chain, const char *key)
{
    const gnutls_datum_t c = datum_of(chain);
    const gnutls_datum_t k = datum_of(key);
    unsigned len = CHAIN_MAX;
    int result = pair_fits(&c, &k);
    if (result == 0) {
        result = gnutls_pcert_list_import_x509_raw(p->chain, &len, &c, GNUTLS_X509_FMT_PEM, 0);
    }
    if (result != 0) {
        return result;
    }
    p->chain_len = len;
    result = gnutls_privkey_init(&p->key);
    return result == 0 ? gnutls_privkey_import_x509_raw(p->key, &k, GNUTLS_X509_FMT_PEM, NULL, 0)
                       : result;
}

enum mete_code certificate_set(const char *chain, const char *key, struct mete_err *err)
{
    struct pair_of_keys *p = calloc(1, sizeof *p);
    METE_ASSERT(p != NULL);
    int result = pair_read(p, chain, key);
    if (result != 0) {
        pair_free(p);
        return mete_fail(err, METE_USAGE, NULL, "the certificate and its key cannot be used: %s",
                         gnutls_strerror(result));
    }
    pthread_mutex_lock(&lock);
    p->before = newest;
    newest = p;
    pthread_mutex_unlock(&lock);
    return METE_OK;
}

int certificate_retrieve(gnutls_session_t session, const gnutls_datum_t *authorities, int count,
                         const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                         gnutls_pcert_st **chain, unsigned *chain_len, gnutls_privkey_t *key)
{
    (void)session;
    (void)authorities;
    (void)count;
    (void)algorithms;
    (void)algorithm_count;
    pthread_mutex_lock(&lock);
    struct pair_of_keys *p = newest;
    pthread_mutex_unlock(&lock);
    if (p == NULL) {
        return -1;
    }
    *chain = p->chain;
    *chain_len = p->chain_len;
    *key = p->key;
    return 0;
}

void certificate_clear(void)
{
    pthread_mutex_lock(&lock);
    while (newest != NULL) {
        struct pair_of_keys *p = newest;
        newest = p->before;
        pair_free(p);
    }
    pthread_mutex_unlock(&lock);
}

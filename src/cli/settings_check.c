/* SPDX-License-Identifier: Apache-2.0
 * What the settings mean together, and in this machine: files that can be read, secrets that others
 * cannot, a certificate and its key, an address that needs TLS. */
#include "cli/settings.h"

#include "base/text.h"
#include "cli/cli.h"
#include "crypto/seal.h"
#include "http/roles.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PEM_MAX   ((size_t)1 << 20)
#define KEY_MAX   ((size_t)4096)
#define SOON_DAYS 14

bool listen_is_loopback(const char *listen)
{
    return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]:", 6) == 0 ||
           strncmp(listen, "localhost:", 10) == 0;
}

const char *settings_path(struct settings *s, enum setting which)
{
    const char *path = settings_text(s, which);
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    struct stat st;
    if (path == NULL || SETTING[which].kind != SETTING_SECRET || credentials == NULL ||
        path[0] == '/') {
        return path;
    }
    const char *there = arena_printf(s->arena, "%s/%s", credentials, path).p;
    return stat(there, &st) == 0 ? there : path;
}

static bool file_text(struct settings *s, enum setting which, size_t max, struct buf *out)
{
    struct mete_err err;
    const struct setting_value *v = &s->value[which];
    const char *path = settings_path(s, which);
    if (cli_read_file(path, max, out, &err) != METE_OK) {
        settings_problem(s, v->where, false, "%s: %s", SETTING[which].name, err.text);
        return false;
    }
    return true;
}

const char *settings_secret(struct settings *s, enum setting value, enum setting file)
{
    struct buf text = {0};
    const char *out = settings_text(s, value);
    if (out != NULL || settings_text(s, file) == NULL || !file_text(s, file, KEY_MAX, &text)) {
        return out;
    }
    size_t len = 0;
    while (len < text.len && text.p[len] > ' ' && text.p[len] < 0x7f) {
        len++;
    }
    if (len > 0) {
        out = arena_text(s->arena, (struct text){(const char *)text.p, len}).p;
    } else {
        settings_problem(s, s->value[file].where, false, "%s: its first line is empty",
                         settings_text(s, file));
    }
    secret_wipe(text.p, text.len);
    buf_clear(&text);
    return out;
}

static void file_check(struct settings *s, enum setting which)
{
    const struct setting_value *v = &s->value[which];
    struct stat st;
    if (v->text == NULL) {
        return;
    }
    bool secret = SETTING[which].kind == SETTING_SECRET;
    const char *path = settings_path(s, which);
    if (stat(path, &st) != 0) {
        settings_problem(s, v->where, false, "%s: %s: %s", SETTING[which].name, path,
                         strerror(errno));
    } else if (access(path, R_OK) != 0) {
        settings_problem(s, v->where, false, "%s: %s: %s", SETTING[which].name, path,
                         strerror(errno));
    } else if (secret && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0 && path == v->text) {
        settings_problem(s, v->where, true, "%s: others may read %s (mode %03o): chmod 600 %s",
                         SETTING[which].name, path, (unsigned)(st.st_mode & 0777), path);
    }
}

/* --- TLS ---------------------------------------------------------------------------------------*/

static gnutls_datum_t datum_of(const struct buf *b)
{
    return (gnutls_datum_t){b->p, (unsigned)b->len};
}

static void validity_check(struct settings *s, const struct buf *pem)
{
    gnutls_x509_crt_t crt;
    const gnutls_datum_t text = datum_of(pem);
    const char *where = s->value[SETTING_CERTIFICATE].where;
    if (gnutls_x509_crt_init(&crt) != 0) {
        return;
    }
    if (gnutls_x509_crt_import(crt, &text, GNUTLS_X509_FMT_PEM) == 0) {
        time_t now = time(NULL);
        long days = (long)((gnutls_x509_crt_get_expiration_time(crt) - now) / 86400);
        if (gnutls_x509_crt_get_expiration_time(crt) <= now) {
            settings_problem(s, where, true, "the certificate has ended: clients will refuse it");
        } else if (days < SOON_DAYS) {
            settings_problem(s, where, true, "the certificate ends in %ld days", days);
        }
    }
    gnutls_x509_crt_deinit(crt);
}

static void pair_check(struct settings *s)
{
    struct buf certificate = {0};
    struct buf key = {0};
    gnutls_certificate_credentials_t both;
    if (file_text(s, SETTING_CERTIFICATE, PEM_MAX, &certificate) &&
        file_text(s, SETTING_CERTIFICATE_KEY, PEM_MAX, &key) &&
        gnutls_certificate_allocate_credentials(&both) == 0) {
        const gnutls_datum_t c = datum_of(&certificate);
        const gnutls_datum_t k = datum_of(&key);
        int fit = gnutls_certificate_set_x509_key_mem(both, &c, &k, GNUTLS_X509_FMT_PEM);
        if (fit < 0) {
            settings_problem(s, s->value[SETTING_CERTIFICATE].where, false,
                             "certificate and certificate_key do not go together: %s",
                             gnutls_strerror(fit));
        } else {
            validity_check(s, &certificate);
        }
        gnutls_certificate_free_credentials(both);
    }
    secret_wipe(key.p, key.len);
    buf_clear(&key);
    buf_clear(&certificate);
}

static void tls_check(struct settings *s)
{
    const struct setting_value *certificate = &s->value[SETTING_CERTIFICATE];
    const struct setting_value *key = &s->value[SETTING_CERTIFICATE_KEY];
    const struct setting_value *listen = &s->value[SETTING_LISTEN];
    if ((certificate->text == NULL) != (key->text == NULL)) {
        settings_problem(s, certificate->text != NULL ? certificate->where : key->where, false,
                         "--certificate and --certificate-key belong together");
    } else if (certificate->text != NULL && access(certificate->text, R_OK) == 0 &&
               access(settings_path(s, SETTING_CERTIFICATE_KEY), R_OK) ==
                   0) { /* else it has been said */
        pair_check(s);
    }
    if (settings_text(s, SETTING_CLIENT_CA) != NULL && certificate->text == NULL) {
        settings_problem(s, s->value[SETTING_CLIENT_CA].where, false,
                         "--client-ca needs TLS: give --certificate and --certificate-key");
    }
    if (!listen_is_loopback(listen->text) && certificate->text == NULL &&
        !settings_switch(s, SETTING_PLAINTEXT)) {
        settings_problem(s, listen->where, false,
                         "%s can be reached from elsewhere: give a certificate, or say "
                         "--plaintext-behind-proxy (plaintext_behind_proxy = yes)",
                         listen->text);
    }
}

/* --- the rest ----------------------------------------------------------------------------------*/

static void words_check(struct settings *s)
{
    unsigned roles;
    uint64_t port;
    struct mete_err err;
    const struct setting_value *listen = &s->value[SETTING_LISTEN];
    const char *colon = strrchr(listen->text, ':');
    if (roles_parse(text_of(settings_text(s, SETTING_ROLES)), &roles, &err) != METE_OK) {
        settings_problem(s, s->value[SETTING_ROLES].where, false, "%s", err.text);
    }
    if (colon == NULL || colon == listen->text || !cli_number(colon + 1, 0, 65535, &port)) {
        settings_problem(s, listen->where, false, "listen wants HOST:PORT, not '%.100s'",
                         listen->text);
    }
    if (settings_text(s, SETTING_BURST) != NULL && settings_number(s, SETTING_RATE) == 0) {
        settings_problem(s, s->value[SETTING_BURST].where, true,
                         "burst bounds nothing while rate is 0");
    }
}

void settings_check(struct settings *s)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        enum setting_kind kind = SETTING[i].kind;
        if (kind == SETTING_FILE || kind == SETTING_SECRET) {
            file_check(s, (enum setting)i);
        }
    }
    tls_check(s);
    words_check(s);
}

/* SPDX-License-Identifier: Apache-2.0
 * What the settings mean together, and in this machine: files that can be read, secrets that others
 * cannot, a certificate and its key, an address that needs TLS. */
#include "cli/settings.h"
#include "store/wall.h"

#include "base/text.h"
#include "cli/cli.h"
#include "crypto/seal.h"
#include "http/certificate.h"
#include "http/roles.h"
#include "wire/url.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM_MAX   ((size_t)1 << 20)
#define KEY_MAX   ((size_t)4096)
#define SOON_DAYS 14

bool listen_is_loopback(const char *listen)
{
    const char *colon = strrchr(listen, ':');
    return colon != NULL && host_is_loopback((struct text){listen, (size_t)(colon - listen)});
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

/** False: it has been told, and `out` is empty. */
static bool file_text(struct settings *s, enum setting which, size_t max, struct buf *out)
{
    struct mete_err err;
    const struct setting_value *v = &s->value[which];
    const char *path = settings_path(s, which);
    if (cli_read_file(path, max, out, &err) != METE_OK) {
        settings_problem(s, v->where, false, "%s: %s", SETTING[which].name, err.text);
        secret_wipe(out->p, out->len);
        buf_clear(out);
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

/** A secret that lies among systemd's credentials is theirs to guard. */
static void mode_check(struct settings *s, enum setting which, const char *path)
{
    struct stat st;
    const struct setting_value *v = &s->value[which];
    if (SETTING[which].kind == SETTING_SECRET && path == v->text && stat(path, &st) == 0 &&
        (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        settings_problem(s, v->where, true, "%s: others may read %s (mode %03o): chmod 600 %s",
                         SETTING[which].name, path, (unsigned)(st.st_mode & 0777), path);
    }
}

/** Whether there is a file that can be read; else it has been told, unless it is not set at all. */
static bool file_check(struct settings *s, enum setting which)
{
    const char *path = settings_path(s, which);
    if (path == NULL) {
        return false;
    }
    if (access(path, R_OK) != 0) {
        settings_problem(s, s->value[which].where, false, "%s: %s: %s", SETTING[which].name, path,
                         strerror(errno));
        return false;
    }
    mode_check(s, which, path);
    return true;
}

static void secrets_check(struct settings *s)
{
    if (settings_text(s, SETTING_STORE_FILE) != NULL) { /* it was read with the settings */
        mode_check(s, SETTING_STORE_FILE, settings_path(s, SETTING_STORE_FILE));
    }
    if (file_check(s, SETTING_API_KEY_FILE)) {
        (void)settings_secret(s, SETTING_API_KEY, SETTING_API_KEY_FILE);
    }
    if (file_check(s, SETTING_PEER_KEY_FILE)) {
        (void)settings_secret(s, SETTING_PEER_KEY, SETTING_PEER_KEY_FILE);
    }
}

/** Who else can read the password that the address of a store may have. */
static void password_check(struct settings *s)
{
    struct stat st;
    const struct setting_value *v = &s->value[SETTING_STORE];
    if (v->where == NULL || v->where == s->value[SETTING_STORE_FILE].where ||
        strcmp(setting_shown(s->arena, SETTING_STORE, v->text), v->text) == 0) {
        return;
    }
    if (v->source == FROM_OPTION) {
        settings_problem(s, v->where, true,
                         "everybody on this machine sees the password among the arguments: say it "
                         "by store_file, or by DATABASE_URL");
    }
    const char *colon = v->source == FROM_FILE ? strrchr(v->where, ':') : NULL;
    const char *file =
        colon != NULL ? arena_text(s->arena, (struct text){v->where, (size_t)(colon - v->where)}).p
                      : NULL;
    if (file != NULL && stat(file, &st) == 0 && (st.st_mode & (S_IRGRP | S_IROTH)) != 0) {
        settings_problem(s, v->where, true,
                         "others may read this password (mode %03o): chmod 600 %s, or put it into "
                         "a file of its own and name that by store_file",
                         (unsigned)(st.st_mode & 0777), file);
    }
}

/* --- TLS ---------------------------------------------------------------------------------------*/

static gnutls_datum_t datum_of(const struct buf *b)
{
    return (gnutls_datum_t){b->p, (unsigned)b->len};
}

/** From when and until when the first certificate of a chain holds. */
static bool validity_of(const struct buf *pem, mete_time *from, mete_time *until)
{
    gnutls_x509_crt_t crt;
    const gnutls_datum_t text = datum_of(pem);
    if (gnutls_x509_crt_init(&crt) != 0) {
        return false;
    }
    bool read = gnutls_x509_crt_import(crt, &text, GNUTLS_X509_FMT_PEM) == 0;
    if (read) {
        *from = (mete_time)gnutls_x509_crt_get_activation_time(crt) * TIME_SECOND_US;
        *until = (mete_time)gnutls_x509_crt_get_expiration_time(crt) * TIME_SECOND_US;
    }
    gnutls_x509_crt_deinit(crt);
    return read;
}

/** NULL: it holds for long. Else what to say of it. */
const char *settings_validity(struct settings *s, bool *ended)
{
    mete_time now = wall_now();
    char at[TIME_TEXT_MAX];
    time_format(s->certificate_until, at);
    *ended = s->certificate_until <= now || s->certificate_from > now;
    if (s->certificate_until <= now) {
        return arena_printf(s->arena,
                            "the certificate has ended at %s: clients refuse it; put a new one in "
                            "its place, then SIGHUP",
                            at)
            .p;
    }
    if (s->certificate_from > now) {
        time_format(s->certificate_from, at);
        return arena_printf(s->arena,
                            "the certificate begins at %s: clients refuse it until then; look at "
                            "the clock",
                            at)
            .p;
    }
    long long days = (s->certificate_until - now) / TIME_DAY_US;
    return days >= SOON_DAYS
               ? NULL
               : arena_printf(s->arena, "the certificate ends in %lld days, at %s: renew it", days,
                              at)
                     .p;
}

static void pair_check(struct settings *s)
{
    struct buf certificate = {0};
    struct buf key = {0};
    if (file_text(s, SETTING_CERTIFICATE, PEM_MAX, &certificate) &&
        file_text(s, SETTING_CERTIFICATE_KEY, PEM_MAX, &key)) {
        bool is_key;
        const char *flaw = certificate_flaw(buf_text(&certificate), buf_text(&key), &is_key);
        if (flaw != NULL) {
            settings_problem(s, s->value[SETTING_CERTIFICATE].where, false,
                             "certificate and certificate_key do not go together: of %s, %s",
                             is_key ? "certificate_key" : "certificate", flaw);
        } else {
            s->has_certificate =
                validity_of(&certificate, &s->certificate_from, &s->certificate_until);
        }
    }
    secret_wipe(key.p, key.len);
    buf_clear(&key);
    buf_clear(&certificate);
}

static void authorities_check(struct settings *s)
{
    struct buf pem = {0};
    gnutls_x509_crt_t *list = NULL;
    unsigned count = 0;
    if (!file_text(s, SETTING_CLIENT_CA, PEM_MAX, &pem)) {
        return;
    }
    const gnutls_datum_t text = datum_of(&pem);
    int result = gnutls_x509_crt_list_import2(&list, &count, &text, GNUTLS_X509_FMT_PEM, 0);
    for (unsigned i = 0; result >= 0 && i < count; i++) {
        gnutls_x509_crt_deinit(list[i]);
    }
    gnutls_free(list);
    buf_clear(&pem);
    if (result < 0 || count == 0) {
        settings_problem(s, s->value[SETTING_CLIENT_CA].where, false,
                         "client_ca: the file of client authorities holds no PEM certificate");
    }
}

static void tls_check(struct settings *s)
{
    const struct setting_value *certificate = &s->value[SETTING_CERTIFICATE];
    const struct setting_value *key = &s->value[SETTING_CERTIFICATE_KEY];
    const struct setting_value *listen = &s->value[SETTING_LISTEN];
    bool have_certificate = file_check(s, SETTING_CERTIFICATE);
    bool have_key = file_check(s, SETTING_CERTIFICATE_KEY);
    if (have_certificate && have_key) {
        pair_check(s);
    } else if ((certificate->text == NULL) != (key->text == NULL)) {
        settings_problem(s, certificate->text != NULL ? certificate->where : key->where, false,
                         "--certificate and --certificate-key belong together");
    }
    if (file_check(s, SETTING_CLIENT_CA)) {
        authorities_check(s);
    }
    if (settings_text(s, SETTING_CLIENT_CA) != NULL && certificate->text == NULL) {
        settings_problem(s, s->value[SETTING_CLIENT_CA].where, false,
                         "--client-ca needs TLS: give --certificate and --certificate-key");
    }
    bool is_address = strrchr(listen->text, ':') != NULL; /* else words_check says so */
    if (is_address && !listen_is_loopback(listen->text) && certificate->text == NULL &&
        !settings_switch(s, SETTING_PLAINTEXT)) {
        settings_problem(s, listen->where, false,
                         "%s can be reached from elsewhere: give a certificate, or say "
                         "--plaintext-behind-proxy (plaintext_behind_proxy = yes)",
                         listen->text);
    }
}

/* --- the rest ----------------------------------------------------------------------------------*/

unsigned settings_log_level(struct settings *s)
{
    static const char *const name[] = {"debug", "info", "warning", "error"};
    const struct setting_value *v = &s->value[SETTING_LOG_LEVEL];
    for (unsigned i = 0; i < ARRAY_LEN(name); i++) {
        if (host_eq(text_of(v->text), text_of(name[i]))) { /* INFO, too */
            return i;
        }
    }
    settings_problem(s, v->where, false,
                     "log_level wants debug, info, warning or error, not '%.50s'", v->text);
    return 1;
}

static void words_check(struct settings *s)
{
    (void)settings_log_level(s);
    if (strcmp(s->value[SETTING_LOG_FORMAT].text, "json") != 0) {
        settings_problem(s, s->value[SETTING_LOG_FORMAT].where, false,
                         "log_format wants json, not '%.50s'", s->value[SETTING_LOG_FORMAT].text);
    }
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

/* --- what other services are shown -------------------------------------------------------------*/

/** Plain text to a name or address of another network; a name without a dot is one of our own. */
static bool is_overheard(const char *url)
{
    static const char scheme[] = "http://";
    const char *host = url + sizeof scheme - 1;
    if (strncmp(url, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    size_t len = host[0] == '[' ? strcspn(host, "]/") : strcspn(host, ":/");
    len += host[len] == ']';
    return (memchr(host, '.', len) != NULL || host[0] == '[') &&
           !host_is_loopback((struct text){host, len});
}

static void services_check(struct settings *s)
{
    static const enum setting urls[] = {SETTING_REGISTRY_URL, SETTING_WALLET_URL,
                                        SETTING_DISTRIBUTION_URL, SETTING_VALIDATION_URL};
    bool own = settings_text(s, SETTING_PEER_KEY) != NULL ||
               settings_text(s, SETTING_PEER_KEY_FILE) != NULL;
    bool admin =
        settings_text(s, SETTING_API_KEY) != NULL || settings_text(s, SETTING_API_KEY_FILE) != NULL;
    bool told = own || !admin;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        const char *url = settings_text(s, urls[i]);
        if (url != NULL && !told) {
            settings_problem(s, s->value[urls[i]].where, true,
                             "this service is shown API_KEY, with which it may do everything here: "
                             "give it a key of its own (PEER_API_KEY)");
            told = true;
        }
        if (url != NULL && (own || admin) && is_overheard(url)) {
            settings_problem(s, s->value[urls[i]].where, true,
                             "the key that this service is shown goes over the net in the clear: "
                             "use https");
        }
    }
}

/* --- payments by x402 --------------------------------------------------------------------------*/

/** Whether what the other words say is in the file finds out who reads it: networks_open. */
static void networks_check(struct settings *s)
{
    static const enum setting words[] = {SETTING_X402_NETWORK, SETTING_X402_CHAIN,
                                         SETTING_X402_RPC};
    static const enum setting keys[] = {SETTING_X402_KEY, SETTING_X402_KEY_FILE};
    const struct setting_value *file = &s->value[SETTING_X402_NETWORKS];
    const bool is_named = file->text != NULL || settings_text(s, SETTING_X402_NETWORK) != NULL ||
                          settings_text(s, SETTING_X402_RPC) != NULL;
    for (size_t i = 0; i < ARRAY_LEN(words) && file->text != NULL; i++) {
        if (settings_text(s, words[i]) != NULL) {
            settings_problem(s, s->value[words[i]].where, true,
                             "%s is not used: the networks and their nodes are those of "
                             "networks_file (%s)",
                             words[i] == SETTING_X402_RPC ? "the URL" : SETTING[words[i]].name,
                             file->where);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(keys) && !is_named; i++) { /* perhaps another program's */
        if (settings_text(s, keys[i]) != NULL) {
            settings_problem(s, s->value[keys[i]].where, true,
                             "it is not used: there is a key to settle payments with, and no "
                             "network; set NETWORK and RPC_URL, or networks_file of [facilitator]");
        }
    }
}

void settings_check(struct settings *s)
{
    secrets_check(s);
    password_check(s);
    tls_check(s);
    words_check(s);
    services_check(s);
    networks_check(s);
}

void settings_check_validity(struct settings *s)
{
    bool ended;
    const char *text = s->has_certificate ? settings_validity(s, &ended) : NULL;
    if (text != NULL) {
        settings_problem(s, s->value[SETTING_CERTIFICATE].where, true, "%s", text);
    }
}

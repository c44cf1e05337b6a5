/* SPDX-License-Identifier: Apache-2.0
 * Destinations of bank transfers, and the ids that banks give back. Messages never quote a
 * destination. */
#include "rails/bank/bank_parts.h"

#include "base/text.h"
#include "wire/json.h"

#include <stdio.h>
#include <string.h>

#define DESTINATION_MAX ((size_t)4096)
#define HEX_LEN         32u

/* --- ids ---------------------------------------------------------------------------------------*/

static const char ATTEMPTS[] = "123456789abcdefghijklmnopqrstuvwxyz";

static bool hex_is(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return t.len == HEX_LEN;
}

bool bank_e2e_make(char out[BANK_E2E_LEN + 1], struct text transfer_id, uint32_t attempt)
{
    if (transfer_id.len != 3 + HEX_LEN || !text_starts(transfer_id, "po_") || attempt == 0 ||
        attempt >= sizeof ATTEMPTS || !hex_is((struct text){transfer_id.p + 3, HEX_LEN})) {
        return false;
    }
    (void)snprintf(out, BANK_E2E_LEN + 1, "po%c%.*s", ATTEMPTS[attempt - 1], (int)HEX_LEN,
                   transfer_id.p + 3);
    return true;
}

bool bank_e2e_read(struct text e2e, char transfer_id[BANK_E2E_LEN + 1], uint32_t *attempt)
{
    const char *digit =
        e2e.len == BANK_E2E_LEN && e2e.p[2] != '\0' ? strchr(ATTEMPTS, e2e.p[2]) : NULL;
    if (digit == NULL || !text_starts(e2e, "po") || !hex_is((struct text){e2e.p + 3, HEX_LEN})) {
        return false;
    }
    (void)snprintf(transfer_id, BANK_E2E_LEN + 1, "po_%.*s", (int)HEX_LEN, e2e.p + 3);
    *attempt = (uint32_t)(digit - ATTEMPTS) + 1;
    return true;
}

void bank_ach_make(char out[BANK_ACH_LEN + 1], const char e2e[BANK_E2E_LEN + 1])
{
    (void)snprintf(out, BANK_ACH_LEN + 1, "%.*s", (int)BANK_ACH_LEN, e2e + 2);
    for (char *c = out; *c != '\0'; c++) { /* the file is in capitals */
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    }
}

/* --- destinations ------------------------------------------------------------------------------*/

static struct text member(const struct json *j, const char *name)
{
    const struct json *m = json_get(j, name);
    return m != NULL && m->type == JSON_STRING ? m->text : (struct text){0};
}

static enum mete_code keep(char *out, size_t size, struct text t, const char *pointer,
                           struct mete_err *err)
{
    return text_copy(out, size, t)
               ? METE_OK
               : mete_fail(err, METE_BANK_FIELD, pointer, "at most %zu bytes", size - 1);
}

static enum mete_code ach_read(const struct json *j, struct payee *out, struct mete_err *err)
{
    struct text type = member(j, "type");
    struct text account = member(j, "account");
    if (type.len > 0 && !text_is(type, "checking") && !text_is(type, "savings")) {
        return mete_fail(err, METE_BANK_FIELD, "/type", "the type is checking or savings");
    }
    out->savings = text_is(type, "savings");
    if (account.len == 0) {
        return mete_fail(err, METE_BANK_FIELD, "/account", "the number of the account is missing");
    }
    enum mete_code code = keep(out->account, sizeof out->account, account, "/account", err);
    return code == METE_OK ? routing_parse(member(j, "routing"), "/routing", &out->routing, err)
                           : code;
}

static enum mete_code iban_read(const struct json *j, struct payee *out, struct mete_err *err)
{
    struct text bic = member(j, "bic");
    enum mete_code code = iban_parse(member(j, "iban"), "/iban", &out->iban, err);
    if (code == METE_OK && bic.len > 0) {
        code = bic_parse(bic, "/bic", &out->bic, err);
    }
    code =
        code == METE_OK ? keep(out->town, sizeof out->town, member(j, "town"), "/town", err) : code;
    return code == METE_OK
               ? keep(out->country, sizeof out->country, member(j, "country"), "/country", err)
               : code;
}

static enum mete_code object_read(struct text t, bool ach, struct payee *out, struct arena *a,
                                  struct mete_err *err)
{
    struct json *j = NULL;
    struct mete_err unused;
    if (json_parse(a, t, &j, &unused) != METE_OK) {
        return mete_fail(err, METE_BANK_FIELD, "", "the destination is not one JSON object");
    }
    struct text name = member(j, "name");
    if (name.len == 0) {
        return mete_fail(err, METE_BANK_FIELD, "/name",
                         "the name of the account's owner is missing");
    }
    enum mete_code code = keep(out->name, sizeof out->name, name, "/name", err);
    return code != METE_OK ? code : ach ? ach_read(j, out, err) : iban_read(j, out, err);
}

/** "DE89 3704 0044 0532 0130 00, Name of the owner". */
static enum mete_code line_read(struct text t, struct payee *out, struct mete_err *err)
{
    const char *comma = memchr(t.p, ',', t.len);
    if (comma == NULL) {
        return mete_fail(err, METE_BANK_FIELD, "", "expected an IBAN, a comma, and a name");
    }
    struct text name = {comma + 1, t.len - (size_t)(comma + 1 - t.p)};
    while (name.len > 0 && name.p[0] == ' ') {
        name = (struct text){name.p + 1, name.len - 1};
    }
    if (name.len == 0) {
        return mete_fail(err, METE_BANK_FIELD, "/name",
                         "the name of the account's owner is missing");
    }
    enum mete_code code = keep(out->name, sizeof out->name, name, "/name", err);
    return code == METE_OK
               ? iban_parse((struct text){t.p, (size_t)(comma - t.p)}, "/iban", &out->iban, err)
               : code;
}

enum mete_code payee_read(struct text destination, bool ach, struct payee *out, struct arena *a,
                          struct mete_err *err)
{
    *out = (struct payee){0};
    if (destination.len == 0 || destination.len > DESTINATION_MAX) {
        return mete_fail(err, METE_BANK_FIELD, "", "the destination is empty or too long");
    }
    if (destination.p[0] == '{') {
        return object_read(destination, ach, out, a, err);
    }
    return ach ? mete_fail(err, METE_BANK_FIELD, "",
                           "expected {\"name\", \"routing\", \"account\", \"type\"}")
               : line_read(destination, out, err);
}

/* SPDX-License-Identifier: Apache-2.0
 * The answers of an LNURL service. It is chosen by the payee and believed in nothing: each member
 * is checked before it is used, and null is the same as absent. */
#include <inttypes.h>
#include <string.h>

#include "base/encode.h"
#include "base/text.h"
#include "wire/lightning/bolt11.h"
#include "wire/lightning/lnurl_parts.h"

static enum mete_code invalid(struct mete_err *err, const char *pointer, const char *why)
{
    return mete_fail(err, METE_LNURL_INVALID, pointer, "%s", why);
}

static const struct json *member(const struct json *j, const char *key)
{
    const struct json *m = json_get(j, key);
    return m == NULL || m->type == JSON_NULL ? NULL : m;
}

static struct text string_of(const struct json *j)
{
    return j != NULL && j->type == JSON_STRING ? j->text : (struct text){NULL, 0};
}

/* The service's words for our logs: no line ends, no terminal commands (C0, DEL, C1). */
static enum mete_code service_refused(const struct json *answer, struct mete_err *err)
{
    char reason[LNURL_REASON_MAX + 1];
    struct text t = string_of(member(answer, "reason"));
    size_t len = t.len > LNURL_REASON_MAX ? LNURL_REASON_MAX : t.len;
    while (len < t.len && len > 0 && ((uint8_t)t.p[len] & 0xc0) == 0x80) {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)t.p[i];
        bool is_c1 = c == 0xc2 && i + 1 < len && (uint8_t)t.p[i + 1] < 0xa0;
        reason[i] = (char)(c < 0x20 || c == 0x7f || is_c1 ? ' ' : c);
        if (is_c1) {
            reason[++i] = ' ';
        }
    }
    reason[len] = '\0';
    return mete_fail(err, METE_LNURL_REFUSED, "/reason", "the service says: %s",
                     len > 0 ? reason : "no, without a reason");
}

static enum mete_code answer_read(struct arena *a, struct text body, size_t len_max,
                                  struct json **out, struct mete_err *err)
{
    struct mete_err inner = {0};
    if (body.len > len_max) {
        return mete_fail(err, METE_LNURL_INVALID, "", "the answer is longer than %zu bytes",
                         len_max);
    }
    if (json_parse(a, body, out, &inner) != METE_OK) {
        return mete_fail(err, METE_LNURL_INVALID, inner.pointer, "the answer is not sound JSON: %s",
                         inner.text);
    }
    if ((*out)->type != JSON_OBJECT) {
        return invalid(err, "", "the answer is no JSON object");
    }
    if (host_eq(string_of(member(*out, "status")), TEXT("ERROR"))) {
        return service_refused(*out, err);
    }
    return METE_OK;
}

/* The first answer */

static enum mete_code read_amounts(const struct json *answer, struct lnurl_pay *out,
                                   struct mete_err *err)
{
    int64_t min = 0, max = 0;
    if (!json_int(member(answer, "minSendable"), 1, INT64_MAX, &min)) {
        return invalid(err, "/minSendable", "expected a whole number of millisatoshi, 1 or more");
    }
    if (!json_int(member(answer, "maxSendable"), 1, INT64_MAX, &max)) {
        return invalid(err, "/maxSendable", "expected a whole number of millisatoshi, 1 or more");
    }
    if (min > max) {
        return invalid(err, "/maxSendable", "it is below minSendable");
    }
    out->min_msat = (uint64_t)min;
    out->max_msat = (uint64_t)max;
    return METE_OK;
}

static enum mete_code read_comment(const struct json *answer, struct lnurl_pay *out,
                                   struct mete_err *err)
{
    const struct json *j = member(answer, "commentAllowed");
    int64_t max = 0;
    if (j != NULL && !json_int(j, 0, INT32_MAX, &max)) {
        return invalid(err, "/commentAllowed", "expected a number of characters");
    }
    out->comment_max = (uint32_t)max;
    return METE_OK;
}

static enum mete_code check_payer_data(const struct json *answer, struct mete_err *err)
{
    const struct json *data = member(answer, "payerData");
    if (data != NULL && data->type != JSON_OBJECT) {
        return invalid(err, "/payerData", "expected an object");
    }
    for (const struct json *j = data == NULL ? NULL : data->child; j != NULL; j = j->next) {
        const struct json *mandatory = member(j, "mandatory");
        if (mandatory != NULL && mandatory->type != JSON_FALSE) {
            char pointer[sizeof err->pointer] = "/payerData";
            json_pointer_add(pointer, sizeof pointer, j->key);
            return mete_fail(err, METE_LNURL_REFUSED, pointer,
                             "the service demands to know this of the payer; it is not given out");
        }
    }
    return METE_OK;
}

/* Counts of what metadata may have once. */
struct metadata_counts {
    unsigned plain;
    unsigned identifier;
    unsigned picture;
};

static enum mete_code read_entry(const struct json *entry, struct lnurl_pay *out,
                                 struct metadata_counts *n, struct mete_err *err)
{
    if (entry->type != JSON_ARRAY || entry->child == NULL || entry->child->type != JSON_STRING) {
        return invalid(err, "/metadata", "each entry is an array that begins with its type");
    }
    struct text type = entry->child->text;
    const struct json *value = entry->child->next;
    bool is_plain = text_is(type, "text/plain"), is_identifier = text_is(type, "text/identifier");
    n->plain += is_plain;
    n->identifier += is_identifier;
    n->picture += text_is(type, "image/png;base64") || text_is(type, "image/jpeg;base64");
    if (!is_plain && !is_identifier) {
        return METE_OK;
    }
    if (value == NULL || value->type != JSON_STRING) {
        return invalid(err, "/metadata", "text/plain and text/identifier have a string");
    }
    *(is_plain ? &out->description : &out->identifier) = value->text;
    return METE_OK;
}

static enum mete_code read_entries(const struct json *list, struct lnurl_pay *out,
                                   struct mete_err *err)
{
    struct metadata_counts n = {0};
    enum mete_code code = METE_OK;
    for (const struct json *e = list->child; e != NULL && code == METE_OK; e = e->next) {
        code = read_entry(e, out, &n, err);
    }
    if (code == METE_OK && n.plain != 1) {
        return invalid(err, "/metadata", "exactly one entry text/plain is expected");
    }
    if (code == METE_OK && n.identifier > 1) {
        return invalid(err, "/metadata", "at most one entry text/identifier is expected");
    }
    if (code == METE_OK && n.picture > 1) {
        return invalid(err, "/metadata", "at most one picture is expected");
    }
    return code;
}

static enum mete_code read_metadata(struct arena *a, const struct json *answer,
                                    struct lnurl_pay *out, struct mete_err *err)
{
    const struct json *j = member(answer, "metadata");
    struct json *list = NULL;
    struct mete_err inner = {0};
    if (j == NULL || j->type != JSON_STRING) {
        return invalid(err, "/metadata", "expected a string");
    }
    out->metadata = j->text;
    if (json_parse(a, j->text, &list, &inner) != METE_OK) {
        return mete_fail(err, METE_LNURL_INVALID, "/metadata",
                         "the string is not sound JSON itself: %s", inner.text);
    }
    if (list->type != JSON_ARRAY) {
        return invalid(err, "/metadata", "the string is no JSON array");
    }
    return read_entries(list, out, err);
}

static enum mete_code check_identifier(const struct lnurl_pay *pay,
                                       const struct lightning_address *address,
                                       struct mete_err *err)
{
    if (address == NULL || pay->identifier.p == NULL) {
        return METE_OK;
    }
    struct buf b = {0};
    buf_put_text(&b, address->user);
    buf_put_u8(&b, '@');
    buf_put_text(&b, address->host);
    bool is_same = host_eq(buf_text(&b), pay->identifier);
    buf_clear(&b);
    return is_same ? METE_OK
                   : invalid(err, "/metadata", "text/identifier is not the address that was asked");
}

enum mete_code lnurl_pay_read(struct arena *a, struct text body,
                              const struct lightning_address *address, unsigned switches,
                              struct lnurl_pay *out, struct mete_err *err)
{
    struct json *answer = NULL;
    memset(out, 0, sizeof(*out));
    enum mete_code code = answer_read(a, body, LNURL_PAY_SIZE_MAX, &answer, err);
    if (code != METE_OK) {
        return code;
    }
    if (!text_is(string_of(member(answer, "tag")), "payRequest")) {
        return invalid(err, "/tag", "expected payRequest: nothing can be paid there");
    }
    out->callback_text = string_of(member(answer, "callback"));
    code = lnurl_url_read(out->callback_text, switches, &out->callback, "/callback", err);
    if (code == METE_OK) {
        code = read_amounts(answer, out, err);
    }
    if (code == METE_OK) {
        code = read_comment(answer, out, err);
    }
    if (code == METE_OK) {
        code = read_metadata(a, answer, out, err);
    }
    if (code == METE_OK) {
        code = check_identifier(out, address, err);
    }
    return code == METE_OK ? check_payer_data(answer, err) : code;
}

enum mete_code lnurl_pay_check_amount(const struct lnurl_pay *pay, uint64_t amount_msat,
                                      struct mete_err *err)
{
    if (amount_msat < pay->min_msat || amount_msat > pay->max_msat) {
        return mete_fail(err, METE_LNURL_REFUSED, "",
                         "the service takes %" PRIu64 " to %" PRIu64 " msat, not %" PRIu64,
                         pay->min_msat, pay->max_msat, amount_msat);
    }
    return METE_OK;
}

static size_t count_characters(struct text t)
{
    size_t count = 0;
    for (size_t i = 0; i < t.len; i++) {
        count += ((uint8_t)t.p[i] & 0xc0) != 0x80;
    }
    return count;
}

bool lnurl_callback_write(struct buf *out, const struct lnurl_pay *pay, uint64_t amount_msat,
                          struct text comment)
{
    const struct url *u = &pay->callback;
    if (!text_is_utf8(comment) || count_characters(comment) > pay->comment_max) {
        return false;
    }
    bool has_fragment = memchr(pay->callback_text.p, '#', pay->callback_text.len) != NULL;
    size_t len = pay->callback_text.len - (has_fragment ? u->fragment.len + 1 : 0);
    buf_put(out, pay->callback_text.p, len);
    bool is_joined = u->has_query && (u->query.len == 0 || u->query.p[u->query.len - 1] == '&');
    if (!is_joined) {
        buf_put_u8(out, u->has_query ? '&' : '?');
    }
    buf_printf(out, "amount=%" PRIu64, amount_msat);
    if (comment.len > 0) {
        buf_put_str(out, "&comment=");
        url_put_escaped(out, comment);
    }
    return true;
}

/* The second answer */

static enum mete_code read_action_url(const struct json *action, const struct lnurl_pay *pay,
                                      unsigned switches, struct lnurl_invoice *out,
                                      struct mete_err *err)
{
    struct url url;
    out->action = LNURL_ACTION_URL;
    out->action_text = string_of(member(action, "description"));
    out->action_url = string_of(member(action, "url"));
    enum mete_code code =
        lnurl_url_read(out->action_url, switches, &url, "/successAction/url", err);
    if (code == METE_OK && !host_eq(url.host, pay->callback.host)) {
        return invalid(err, "/successAction/url", "it is on another host than the callback");
    }
    return code;
}

static enum mete_code read_action(const struct json *answer, const struct lnurl_pay *pay,
                                  unsigned switches, struct lnurl_invoice *out,
                                  struct mete_err *err)
{
    const struct json *action = member(answer, "successAction");
    if (action == NULL) {
        return METE_OK;
    }
    struct text tag = string_of(member(action, "tag"));
    if (text_is(tag, "url")) {
        return read_action_url(action, pay, switches, out, err);
    }
    if (!text_is(tag, "message")) {
        return invalid(err, "/successAction/tag",
                       "expected message or url: other actions are not to be paid for (LUD-09)");
    }
    out->action = LNURL_ACTION_MESSAGE;
    out->action_text = string_of(member(action, "message"));
    return METE_OK;
}

static enum mete_code read_verify(const struct json *answer, unsigned switches,
                                  struct lnurl_invoice *out, struct mete_err *err)
{
    struct url url;
    const struct json *j = member(answer, "verify");
    if (j == NULL) {
        return METE_OK;
    }
    out->verify = string_of(j);
    return lnurl_url_read(out->verify, switches, &url, "/verify", err);
}

enum mete_code lnurl_invoice_read(struct arena *a, struct text body, const struct lnurl_pay *pay,
                                  unsigned switches, struct lnurl_invoice *out,
                                  struct mete_err *err)
{
    struct json *answer = NULL;
    memset(out, 0, sizeof(*out));
    enum mete_code code = answer_read(a, body, LNURL_INVOICE_SIZE_MAX, &answer, err);
    if (code != METE_OK) {
        return code;
    }
    out->invoice = string_of(member(answer, "pr"));
    if (out->invoice.len == 0 || out->invoice.len > BOLT11_LEN_MAX) {
        return mete_fail(err, METE_LNURL_INVALID, "/pr",
                         "expected an invoice of at most %d characters", BOLT11_LEN_MAX);
    }
    const struct json *disposable = member(answer, "disposable");
    out->is_disposable = disposable == NULL || disposable->type != JSON_FALSE;
    code = read_action(answer, pay, switches, out, err);
    return code == METE_OK ? read_verify(answer, switches, out, err) : code;
}

enum mete_code lnurl_verify_read(struct arena *a, struct text body, struct text invoice,
                                 const struct hash *payment_hash, bool *is_settled,
                                 struct mete_err *err)
{
    struct json *answer = NULL;
    uint8_t preimage[SHA256_LEN];
    *is_settled = false;
    enum mete_code code = answer_read(a, body, LNURL_INVOICE_SIZE_MAX, &answer, err);
    if (code != METE_OK) {
        return code;
    }
    if (!host_eq(string_of(member(answer, "pr")), invoice)) {
        return invalid(err, "/pr", "it is another invoice than the one asked about");
    }
    if (!json_is_true(member(answer, "settled"))) {
        return METE_OK;
    }
    struct text hex = string_of(member(answer, "preimage"));
    if (hex.len != 2 * sizeof preimage || !hex_decode(preimage, sizeof preimage, hex)) {
        return invalid(err, "/preimage", "expected 64 hexadecimal digits with settled");
    }
    struct hash h = sha256((struct bytes){preimage, sizeof preimage});
    if (!hash_eq(&h, payment_hash)) {
        return invalid(err, "/preimage", "it is not that of the payment hash");
    }
    *is_settled = true;
    return METE_OK;
}

/* SPDX-License-Identifier: Apache-2.0
 * Personal data does not enter the log: the walk over what an event says. E-mail addresses are
 * looked for in every payload. Phone numbers and IP addresses only in those of the economic
 * protocol, whose members are known: elsewhere ids are anybody's, and may look like either. */
#include <string.h>

#include "base/text.h"
#include "wire/envelope_parts.h"
#include "wire/pii_parts.h"

/* "mobile": 1234567 is how many; with an area or a country it is whose. */
#define PHONE_NUMBER_DIGITS_MIN 10

struct walk {
    const struct form_in *in;
    const struct envelope *envelope;
    size_t next;     /* the private value that is met next */
    bool all_of_it;  /* not e-mail addresses alone */
    const char *why; /* it matters */
};

static enum mete_code check_text(const struct walk *w, const struct json *node, struct text t,
                                 enum text_role role)
{
    if (text_has_email(t)) {
        return form_fail(w->in, node, METE_PII_EMAIL,
                         "this looks like an e-mail address, and %s: use a stable id", w->why);
    }
    if (w->all_of_it && text_has_phone(t, role)) {
        return form_fail(w->in, node, METE_PII_PHONE,
                         "this looks like a phone number, and %s: use a stable id", w->why);
    }
    if (w->all_of_it && text_has_ip(t, role)) {
        return form_fail(
            w->in, node, METE_PII_IP,
            "this looks like an IP address, and %s: use a coarse label such as a "
            "country%s",
            w->why, w->envelope->tree != NULL ? "; source.ip is the place for an address" : "");
    }
    return METE_OK;
}

/* Private values come in the order of the document, so one look at the next of them is enough. */
static bool is_private(struct walk *w, const struct json *node)
{
    if (w->next == w->envelope->private_count || w->envelope->private_value[w->next].node != node) {
        return false;
    }
    w->next++;
    return true;
}

/* `role` is that of the member in which an array stands: its items have no names. */
static enum mete_code check_node(struct walk *w, const struct json *node, enum text_role role)
{
    role = node->key.len > 0 ? text_role_of(node->key) : role;
    enum mete_code code = check_text(w, node, node->key, ROLE_ID);
    if (code != METE_OK || is_private(w, node)) {
        return code;
    }
    bool counts = node->type == JSON_NUMBER &&
                  (role != ROLE_PHONE || node->text.len < PHONE_NUMBER_DIGITS_MIN);
    if (node->type == JSON_STRING || (node->type == JSON_NUMBER && !counts)) {
        return check_text(w, node, node->text, role);
    }
    for (const struct json *child = node->child; child != NULL && code == METE_OK;
         child = child->next) {
        code = check_node(w, child, role);
    }
    return code;
}

/* Without an @, or an escape that may stand for one, there is nothing to walk for. */
static bool may_have_at(struct text raw)
{
    return raw.p == NULL || memchr(raw.p, '@', raw.len) != NULL ||
           memchr(raw.p, '\\', raw.len) != NULL;
}

static bool is_economic(enum event_type type)
{
    return type >= EVENT_CAMPAIGN_CREATED && type <= EVENT_ROYALTY_DISABLED;
}

enum mete_code pii_check(const struct form_in *in, const struct json *payload,
                         const struct envelope *e)
{
    struct walk w = {.in = in,
                     .envelope = e,
                     .all_of_it = is_economic(e->event.type),
                     .why = "the log cannot forget"};
    if (!w.all_of_it && !may_have_at(payload->raw)) {
        return METE_OK;
    }
    while (w.next < e->private_count &&
           strncmp(e->private_value[w.next].pointer, "/payload/", 9) != 0) {
        w.next++;
    }
    enum mete_code code = check_node(&w, payload, ROLE_TEXT);
    const struct json *correlation = json_get(e->tree, "correlation");
    if (code == METE_OK && w.all_of_it && correlation != NULL) {
        code = check_node(&w, correlation, ROLE_TEXT);
    }
    return code;
}

enum mete_code pii_check_all(const struct form_in *in, const struct json *node)
{
    static const struct envelope none;
    struct walk w = {
        .in = in, .envelope = &none, .all_of_it = true, .why = "many people read what is kept"};
    return check_node(&w, node, ROLE_TEXT);
}

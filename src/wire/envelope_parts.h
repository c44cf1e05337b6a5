/* SPDX-License-Identifier: Apache-2.0
 * What envelope.c is made of: the mapping of CloudEvents, payloads by type, private values, and the
 * search for personal data. Private to src/wire. */
#ifndef METE_WIRE_ENVELOPE_PARTS_H
#define METE_WIRE_ENVELOPE_PARTS_H

#include "wire/envelope.h"
#include "wire/form.h"

/** Renames the members of a CloudEvent (structured mode, JSON) in place. in->root is the tree. */
enum mete_code cloudevent_map(const struct form_in *in, struct json *tree) METE_MUST_CHECK;

/** Which member of `source` is wrong when a type is not allowed: "producer", when no service of his
 *  could send it, else "service". */
const char *producer_flaw(enum event_type type, struct text producer);

struct payload_in {
    const struct form_in *form;
    const struct json *payload;
    bool stored; /* private values are commitments already */
    struct event *event;
};

/** One event type's payload. */
struct payload_kind {
    const struct form *form;
    void (*prepare)(struct event *e); /* sets defaults that are not zero; may be NULL */
    enum mete_code (*check)(const struct payload_in *p); /* after reading; may be NULL */
};

/** Reads the payload of in->event->type, a handled one. */
enum mete_code payload_read(const struct payload_in *p) METE_MUST_CHECK;

/** True when there is a table for the type. */
bool payload_known(enum event_type type);

/* The tables; NULL for types of the others. */
const struct payload_kind *payload_kind_registry(enum event_type type);
const struct payload_kind *payload_kind_money(enum event_type type);
const struct payload_kind *payload_kind_economy(enum event_type type);
const struct payload_kind *payload_kind_growth(enum event_type type);
const struct payload_kind *payload_kind_payout(enum event_type type);
const struct payload_kind *payload_kind_x402(enum event_type type);

/** METE_TIME_ORDER at the member `end` of `in`, unless start <= end. */
enum mete_code payload_window(const struct payload_in *p, const struct json *in, const char *end,
                              mete_time start_at, mete_time end_at) METE_MUST_CHECK;

/** Fills private_value: source.ip first, then those of the payload in the order of the document.
 *  Errors: METE_SHARES_LIMIT, and those of json_canonical. */
enum mete_code private_collect(const struct form_in *in, struct envelope *e) METE_MUST_CHECK;

/** METE_PII_EMAIL, METE_PII_PHONE or METE_PII_IP at the first text or name in `payload`, outside
 *  private values, that looks like personal data. */
enum mete_code pii_check(const struct form_in *in, const struct json *payload,
                         const struct envelope *e) METE_MUST_CHECK;
/** The same for any value, with its name and all that is in it. */
enum mete_code pii_check_all(const struct form_in *in, const struct json *node) METE_MUST_CHECK;

#endif

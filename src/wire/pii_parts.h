/* SPDX-License-Identifier: Apache-2.0
 * The detectors of personal data in texts. They err on the side of finding: a refused event can be
 * sent again, a logged one cannot be unsaid. Private to src/wire. */
#ifndef METE_WIRE_PII_PARTS_H
#define METE_WIRE_PII_PARTS_H

#include "base/types.h"

/** What the place of a text says about it. */
enum text_role {
    ROLE_TEXT,
    ROLE_ID,      /* a member named ..._id, ..._ref: long numbers are usual there */
    ROLE_VERSION, /* a member named ..._version: four numbers with dots are no address */
    ROLE_PHONE    /* a member named phone, mobile, ...: any long number is one */
};

/** The role of the member `name`. */
enum text_role text_role_of(struct text name);

/** "+49 30 1234567" anywhere; outside of ids also "(030) 123-4567", "555-234-5678", and any long
 *  number near a word such as "call". */
bool text_has_phone(struct text t, enum text_role role);
/** An IPv4 or IPv6 address, with or without a port or a prefix. */
bool text_has_ip(struct text t, enum text_role role);

/** One of these words, given in small letters, in letters of either case. */
bool word_is_among(struct text t, const struct text *words, size_t count);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * What the payloads of the economic protocol share: rows of tables, amounts in either form,
 * windows. Private to payload_economy.c and payload_growth.c. */
#ifndef METE_WIRE_PAYLOAD_PARTS_H
#define METE_WIRE_PAYLOAD_PARTS_H

#include "base/limits.h"
#include "base/text.h"
#include "wire/envelope_parts.h"

#define AT(member) offsetof(struct event, member)
/* A line of text that the event keeps. */
#define LINE(name, member)                                                                         \
    {                                                                                              \
        TEXT(name), field_line, false, AT(member), 1, LABEL_LEN_MAX, NULL                          \
    }
/* A string, or any value, that stands in the log and is not looked at again. */
#define SHOWN(name)                                                                                \
    {                                                                                              \
        TEXT(name), field_any_string, false, 0, 0, 0, NULL                                         \
    }
#define KNOWN(name)                                                                                \
    {                                                                                              \
        TEXT(name), NULL, false, 0, 0, 0, NULL                                                     \
    }
/* A word that must be there, and say something. */
#define NEEDED(name)                                                                               \
    {                                                                                              \
        TEXT(name), field_word, true, 0, 1, LABEL_LEN_MAX, NULL                                    \
    }
/* The two forms of an amount; a third member names its currency in the first of them. */
#define MINOR(name, member)                                                                        \
    {                                                                                              \
        TEXT(name), field_minor, false, AT(member), 0, 0, NULL                                     \
    }
#define CURRENCY(member)                                                                           \
    {                                                                                              \
        TEXT("currency"), field_any_case_currency, false, AT(member.currency), 0, 0, NULL          \
    }
#define AMOUNT(name, member)                                                                       \
    {                                                                                              \
        TEXT(name), field_money_any_case, false, AT(member), 0, 0, NULL                            \
    }

field_read field_word;              /* nothing: a line of min..max bytes */
field_read field_minor;             /* struct money: an integer of the smallest units */
field_read field_any_case_currency; /* struct text: "usd" means USD */
field_read field_money_any_case;    /* struct money: the same */

/** One of the members `names` (NULL-terminated) holds the amount that was read into `m`; with a
 *  currency, and no second time. */
enum mete_code payload_amount(const struct payload_in *p, const struct money *m,
                              const char *const *names, bool required) METE_MUST_CHECK;

#endif

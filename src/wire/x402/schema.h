/* SPDX-License-Identifier: Apache-2.0
 * JSON Schema (2020-12) as far as x402's extensions use it, to judge what strangers send against
 * schemas that strangers send: nothing is fetched, no pattern is run, and the work is bounded. */
#ifndef METE_WIRE_X402_SCHEMA_H
#define METE_WIRE_X402_SCHEMA_H

#include "mete/error.h"
#include "wire/json.h"

#define X402_SCHEMA_DEPTH_MAX 32     /* nested schemas */
#define X402_SCHEMA_WORK_MAX  100000 /* steps of one judgement */

/** Judges `value` by `schema`.
 *  Knows:   true and false; type (also a list), const, enum, properties, required,
 *           additionalProperties, minProperties, maxProperties, items, minItems, maxItems,
 * minLength, maxLength, anyOf, allOf, oneOf, not; $ref within the same schema ("#",
 * "#/$defs/name"). Ignores: every other word, pattern and format among them, as the standard has it
 * for words that are not known. Refuses: $ref and $id anywhere in the schema that do not begin with
 * '#'; references that lead nowhere; words that it knows with values of the wrong type; more depth
 * or work than the bounds. Errors:  METE_X402_SCHEMA, err->pointer is the place in the schema;
 * METE_MEMBER_VALUE, err->pointer is the place in the value. */
enum mete_code x402_schema_check(const struct json *schema, const struct json *value,
                                 struct mete_err *err) METE_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 * XML as a walk over local names, through expat. No document type, hence no entities; depth, names,
 * values and size are bounded. What the reader of a message gets is a path and a value. */
#ifndef METE_WIRE_BANK_XML_H
#define METE_WIRE_BANK_XML_H

#include "base/types.h"
#include "mete/error.h"

#define BANK_XML_SIZE_MAX  ((size_t)256 << 20) /* bytes of one file */
#define BANK_XML_DEPTH_MAX 32
#define BANK_XML_NAME_MAX  64
#define BANK_XML_VALUE_MAX 1024 /* bytes; the rest of a longer value is left out */

struct bank_xml;

/** What is called at each begin and end of an element; false stops the reading (bank_xml_fail has
 *  said why). */
struct bank_xml_steps {
    void *ctx;
    bool (*open)(void *ctx, struct bank_xml *x);
    bool (*close)(void *ctx, struct bank_xml *x);
};

/** A reader; bank_xml_free gives it back. `salt` is the caller's chance, for expat's tables: who
 *  writes a file shall not know it. `err` may be NULL and must outlive it. */
struct bank_xml *bank_xml_new(const struct bank_xml_steps *steps, uint64_t salt,
                              struct mete_err *err);
void bank_xml_free(struct bank_xml *x);

/** The next bytes; `last` with the final ones (which may be none). After an error every further
 *  call gives the same code.
 *  Errors: METE_BANK_FILE (not XML, a document type, too deep, too large), or what a step said. */
enum mete_code bank_xml_feed(struct bank_xml *x, struct bytes in, bool last) METE_MUST_CHECK;

/** Inside a step: the local name of the element, its namespace, the names from the root joined by
 *  '/' (the first begins with '/'), and how many they are. */
struct text bank_xml_name(const struct bank_xml *x);
struct text bank_xml_namespace(const struct bank_xml *x);
struct text bank_xml_path(const struct bank_xml *x);
unsigned bank_xml_depth(const struct bank_xml *x);

/** In `close`: the characters of an element without children; empty for one with children. At most
 *  BANK_XML_VALUE_MAX bytes of it. */
struct text bank_xml_value(const struct bank_xml *x);
/** In `close`: the same without white space at its ends. */
struct text bank_xml_trimmed(const struct bank_xml *x);
/** In `open`: the first attribute, or empty: name and value. *count is how many there are. */
struct text bank_xml_attribute(const struct bank_xml *x, struct text *value, size_t *count);
/** In `open`: the attribute of that name without a namespace, or empty. */
struct text bank_xml_attribute_of(const struct bank_xml *x, const char *name);
/** In `close`: the element had no children. */
bool bank_xml_is_leaf(const struct bank_xml *x);
/** In `close`: characters other than white space stood between the children of this element. */
bool bank_xml_is_mixed(const struct bank_xml *x);

/** Says why a step stops; the path becomes the pointer, the line stands in the text. Returns
 *  false, to be returned by the step. */
bool bank_xml_fail(struct bank_xml *x, enum mete_code code, const char *fmt, ...) METE_PRINTF(3, 4);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * expat behind a few bounded buffers. expat reads no files and no network by itself, and a document
 * type stops the reading before any entity could be declared. */
#include "wire/bank/xml.h"

#include "base/text.h"

#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEPARATOR '|' /* between namespace and local name; no local name has one */
#define PATH_MAX_ (BANK_XML_DEPTH_MAX * (BANK_XML_NAME_MAX + 1) + 1)

struct bank_xml {
    struct bank_xml_steps steps;
    struct mete_err *err;
    XML_Parser parser;
    enum mete_code code;
    size_t size;
    unsigned depth;
    char path[PATH_MAX_];
    size_t path_len;
    char value[BANK_XML_VALUE_MAX];
    size_t value_len;
    struct text space;      /* of the element that opens */
    const char **attribute; /* in `open` alone */
    bool leaf;
    bool text_before[BANK_XML_DEPTH_MAX + 1]; /* characters between the children, by depth */
};

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void note_text(struct bank_xml *x)
{
    for (size_t i = 0; i < x->value_len; i++) {
        if (!is_white(x->value[i])) {
            x->text_before[x->depth] = true;
        }
    }
    x->value_len = 0;
}

static bool path_push(struct bank_xml *x, const char *qualified)
{
    const char *bar = strrchr(qualified, SEPARATOR);
    struct text name = text_of(bar == NULL ? qualified : bar + 1);
    x->space = (struct text){qualified, bar == NULL ? 0 : (size_t)(bar - qualified)};
    if (x->depth == BANK_XML_DEPTH_MAX) {
        return bank_xml_fail(x, METE_BANK_FILE, "elements are nested more than %d deep",
                             BANK_XML_DEPTH_MAX);
    }
    if (name.len > BANK_XML_NAME_MAX) {
        return bank_xml_fail(x, METE_BANK_FILE, "the name of an element is too long");
    }
    x->path[x->path_len++] = '/';
    memcpy(x->path + x->path_len, name.p, name.len);
    x->path_len += name.len;
    x->depth++;
    x->text_before[x->depth] = false;
    return true;
}

static void path_pop(struct bank_xml *x)
{
    x->path_len -= bank_xml_name(x).len + 1;
    x->depth--;
}

static void XMLCALL on_open(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
    struct bank_xml *x = ctx;
    if (x->code != METE_OK) {
        return;
    }
    note_text(x);
    x->leaf = true;
    x->attribute = attributes;
    bool go = path_push(x, name) && x->steps.open(x->steps.ctx, x);
    x->attribute = NULL;
    if (!go) {
        XML_StopParser(x->parser, XML_FALSE);
    }
}

static void XMLCALL on_close(void *ctx, const XML_Char *name)
{
    struct bank_xml *x = ctx;
    (void)name;
    if (x->code != METE_OK) {
        return;
    }
    if (!x->leaf) {
        note_text(x);
    }
    if (!x->steps.close(x->steps.ctx, x)) {
        XML_StopParser(x->parser, XML_FALSE);
        return;
    }
    x->value_len = 0;
    x->leaf = false;
    path_pop(x);
}

static void XMLCALL on_text(void *ctx, const XML_Char *s, int len)
{
    struct bank_xml *x = ctx;
    size_t room = sizeof x->value - x->value_len;
    size_t n = (size_t)len < room ? (size_t)len : room;
    memcpy(x->value + x->value_len, s, n);
    x->value_len += n;
}

static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public, int internal)
{
    struct bank_xml *x = ctx;
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    bank_xml_fail(x, METE_BANK_FILE, "a document type is not read here");
    XML_StopParser(x->parser, XML_FALSE);
}

struct bank_xml *bank_xml_new(const struct bank_xml_steps *steps, uint64_t salt,
                              struct mete_err *err)
{
    struct bank_xml *x = calloc(1, sizeof *x);
    METE_ASSERT(x != NULL);
    x->steps = *steps;
    x->err = err;
    x->parser = XML_ParserCreateNS(NULL, SEPARATOR);
    METE_ASSERT(x->parser != NULL);
    METE_ASSERT(XML_SetHashSalt(x->parser, (unsigned long)(salt | 1)) == 1); /* 0: its own */
    XML_SetUserData(x->parser, x);
    XML_SetElementHandler(x->parser, on_open, on_close);
    XML_SetCharacterDataHandler(x->parser, on_text);
    XML_SetStartDoctypeDeclHandler(x->parser, on_doctype);
    return x;
}

void bank_xml_free(struct bank_xml *x)
{
    if (x != NULL) {
        XML_ParserFree(x->parser);
        free(x);
    }
}

enum mete_code bank_xml_feed(struct bank_xml *x, struct bytes in, bool last)
{
    if (x->code != METE_OK) {
        return x->code;
    }
    if (in.len > BANK_XML_SIZE_MAX - x->size) {
        bank_xml_fail(x, METE_BANK_FILE, "the file has more than %zu bytes", BANK_XML_SIZE_MAX);
        return x->code;
    }
    x->size += in.len;
    const char *p = in.len == 0 ? "" : (const char *)in.p;
    if (XML_Parse(x->parser, p, (int)in.len, last) != XML_STATUS_OK && x->code == METE_OK) {
        bank_xml_fail(x, METE_BANK_FILE, "not XML: %s",
                      XML_ErrorString(XML_GetErrorCode(x->parser)));
    }
    return x->code;
}

struct text bank_xml_name(const struct bank_xml *x)
{
    size_t start = x->path_len;
    while (x->path[start - 1] != '/') {
        start--;
    }
    return (struct text){x->path + start, x->path_len - start};
}

struct text bank_xml_namespace(const struct bank_xml *x)
{
    return x->space;
}

struct text bank_xml_path(const struct bank_xml *x)
{
    return (struct text){x->path, x->path_len};
}

unsigned bank_xml_depth(const struct bank_xml *x)
{
    return x->depth;
}

struct text bank_xml_value(const struct bank_xml *x)
{
    return x->leaf ? (struct text){x->value, x->value_len} : (struct text){NULL, 0};
}

struct text bank_xml_trimmed(const struct bank_xml *x)
{
    struct text t = bank_xml_value(x);
    while (t.len > 0 && is_white(t.p[t.len - 1])) {
        t.len--;
    }
    while (t.len > 0 && is_white(t.p[0])) {
        t.p++;
        t.len--;
    }
    return t;
}

struct text bank_xml_attribute(const struct bank_xml *x, struct text *value, size_t *count)
{
    size_t n = 0;
    while (x->attribute[2 * n] != NULL) {
        n++;
    }
    *count = n;
    *value = text_of(n > 0 ? x->attribute[1] : NULL);
    return text_of(n > 0 ? x->attribute[0] : NULL);
}

struct text bank_xml_attribute_of(const struct bank_xml *x, const char *name)
{
    for (const char *const *a = (const char *const *)x->attribute; *a != NULL; a += 2) {
        if (strcmp(a[0], name) == 0) {
            return text_of(a[1]);
        }
    }
    return (struct text){0};
}

bool bank_xml_is_leaf(const struct bank_xml *x)
{
    return x->leaf;
}

bool bank_xml_is_mixed(const struct bank_xml *x)
{
    return x->text_before[x->depth];
}

bool bank_xml_fail(struct bank_xml *x, enum mete_code code, const char *fmt, ...)
{
    char why[160], pointer[192];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    text_copy(pointer, sizeof pointer, bank_xml_path(x));
    x->code = mete_fail(x->err, code, pointer, "Line %lu: %s.",
                        (unsigned long)XML_GetCurrentLineNumber(x->parser), why);
    return false;
}

/* SPDX-License-Identifier: Apache-2.0
 * Bech32 (BIP 173) without its limit of 90 characters, as BOLT 11 and LNURL use it, and the change
 * between bytes and symbols of five bits. Bech32m (BIP 350) is told apart and refused: nothing here
 * is written in it. */
#ifndef METE_WIRE_BECH32_H
#define METE_WIRE_BECH32_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/types.h"

#define BECH32_CHECKSUM_LEN 6

enum bech32_flaw {
    BECH32_OK,
    BECH32_CHARACTER,    /* outside printable ASCII, or not of the 32 characters after the '1' */
    BECH32_MIXED_CASE,   /* upper and lower case in one string */
    BECH32_NO_SEPARATOR, /* no '1' */
    BECH32_NO_PREFIX,    /* nothing before the last '1' */
    BECH32_TOO_SHORT,    /* fewer than six characters after it */
    BECH32_CHECKSUM,     /* a character was changed, lost or exchanged */
    BECH32_IS_M,         /* the checksum is that of Bech32m */
};

/** What is wrong, as the end of a sentence: "the checksum does not fit". "" for BECH32_OK. */
const char *bech32_flaw_text(enum bech32_flaw flaw);

struct bech32 {
    struct text prefix;   /* before the last '1', in lower case */
    struct bytes symbols; /* after it, without the checksum: values 0..31 */
};

/** Reads a string of upper or of lower case.
 *  Out: texts in `a`, which needs room for twice `in`; the caller has bounded its length. */
enum bech32_flaw bech32_decode(struct arena *a, struct text in, struct bech32 *out) METE_MUST_CHECK;

/** Appends the string in lower case. `prefix` is lower case, printable ASCII and not empty; symbols
 *  are 0..31. */
void bech32_encode(struct buf *out, struct text prefix, struct bytes symbols);

/** Appends the symbols of `in`, the last one filled up with zero bits. */
void symbols_of_bytes(struct buf *out, struct bytes in);

/** Appends the bytes of `symbols`. False when the bits left over are a whole symbol or more, or not
 *  all zero: two strings would mean the same bytes. `out` is then as before the call. */
bool symbols_to_bytes(struct buf *out, struct bytes symbols) METE_MUST_CHECK;

/** Appends the bits of `symbols`, filled up with zero bits to a whole byte: what BOLT 11 signs. */
void symbols_pack(struct buf *out, struct bytes symbols);

/** The number that `symbols` are, most significant first. False when it needs more than 64 bits. */
bool symbols_number(struct bytes symbols, uint64_t *out) METE_MUST_CHECK;

#endif

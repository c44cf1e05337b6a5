/* SPDX-License-Identifier: Apache-2.0
 * The assets that every book knows. A number is a row's place, from 1, and permanent: rows are
 * never moved, removed or inserted. New ones come at the end, as a further run. */
#include "core/asset.h"

#include <endian.h>
#include <string.h>

/* Each run is in byte order of its codes, which are at most four characters long. */

/* ISO 4217 list one as of January 2026, codes with minor units. */
#define ISO_CODES(X)                                                                               \
    X(AED, 2), X(AFN, 2), X(ALL, 2), X(AMD, 2), X(AOA, 2), X(ARS, 2), X(AUD, 2), X(AWG, 2),        \
        X(AZN, 2), X(BAM, 2), X(BBD, 2), X(BDT, 2), X(BHD, 3), X(BIF, 0), X(BMD, 2), X(BND, 2),    \
        X(BOB, 2), X(BOV, 2), X(BRL, 2), X(BSD, 2), X(BTN, 2), X(BWP, 2), X(BYN, 2), X(BZD, 2),    \
        X(CAD, 2), X(CDF, 2), X(CHE, 2), X(CHF, 2), X(CHW, 2), X(CLF, 4), X(CLP, 0), X(CNY, 2),    \
        X(COP, 2), X(COU, 2), X(CRC, 2), X(CUP, 2), X(CVE, 2), X(CZK, 2), X(DJF, 0), X(DKK, 2),    \
        X(DOP, 2), X(DZD, 2), X(EGP, 2), X(ERN, 2), X(ETB, 2), X(EUR, 2), X(FJD, 2), X(FKP, 2),    \
        X(GBP, 2), X(GEL, 2), X(GHS, 2), X(GIP, 2), X(GMD, 2), X(GNF, 0), X(GTQ, 2), X(GYD, 2),    \
        X(HKD, 2), X(HNL, 2), X(HTG, 2), X(HUF, 2), X(IDR, 2), X(ILS, 2), X(INR, 2), X(IQD, 3),    \
        X(IRR, 2), X(ISK, 0), X(JMD, 2), X(JOD, 3), X(JPY, 0), X(KES, 2), X(KGS, 2), X(KHR, 2),    \
        X(KMF, 0), X(KPW, 2), X(KRW, 0), X(KWD, 3), X(KYD, 2), X(KZT, 2), X(LAK, 2), X(LBP, 2),    \
        X(LKR, 2), X(LRD, 2), X(LSL, 2), X(LYD, 3), X(MAD, 2), X(MDL, 2), X(MGA, 2), X(MKD, 2),    \
        X(MMK, 2), X(MNT, 2), X(MOP, 2), X(MRU, 2), X(MUR, 2), X(MVR, 2), X(MWK, 2), X(MXN, 2),    \
        X(MXV, 2), X(MYR, 2), X(MZN, 2), X(NAD, 2), X(NGN, 2), X(NIO, 2), X(NOK, 2), X(NPR, 2),    \
        X(NZD, 2), X(OMR, 3), X(PAB, 2), X(PEN, 2), X(PGK, 2), X(PHP, 2), X(PKR, 2), X(PLN, 2),    \
        X(PYG, 0), X(QAR, 2), X(RON, 2), X(RSD, 2), X(RUB, 2), X(RWF, 0), X(SAR, 2), X(SBD, 2),    \
        X(SCR, 2), X(SDG, 2), X(SEK, 2), X(SGD, 2), X(SHP, 2), X(SLE, 2), X(SOS, 2), X(SRD, 2),    \
        X(SSP, 2), X(STN, 2), X(SVC, 2), X(SYP, 2), X(SZL, 2), X(THB, 2), X(TJS, 2), X(TMT, 2),    \
        X(TND, 3), X(TOP, 2), X(TRY, 2), X(TTD, 2), X(TWD, 2), X(TZS, 2), X(UAH, 2), X(UGX, 0),    \
        X(USD, 2), X(USN, 2), X(UYI, 0), X(UYU, 2), X(UYW, 4), X(UZS, 2), X(VED, 2), X(VES, 2),    \
        X(VND, 0), X(VUV, 0), X(WST, 2), X(XAD, 2), X(XAF, 0), X(XCD, 2), X(XCG, 2), X(XOF, 0),    \
        X(XPF, 0), X(YER, 2), X(ZAR, 2), X(ZMW, 2), X(ZWG, 2)

#define TOKENS(X)                                                                                  \
    X(AVAX, 18), X(BNB, 18), X(BTC, 8), X(ETH, 18), X(EURC, 6), X(MSAT, 0), X(POL, 18), X(SAT, 0), \
        X(SOL, 9), X(USDC, 6), X(USDT, 6)

/* Left list one between 2023 and 2026; streams from before still name them. */
#define WITHDRAWN_CODES(X) X(ANG, 2), X(BGN, 2), X(CUC, 2), X(HRK, 2), X(SLL, 2), X(ZWL, 2)

#define ALL_CODES(X) ISO_CODES(X), TOKENS(X), WITHDRAWN_CODES(X)

#define PLACE(name, decimals) PLACE_##name
enum place { ALL_CODES(PLACE) };

#define ROW(name, decimals)                                                                        \
    {                                                                                              \
        PLACE_##name + 1, (decimals), #name                                                        \
    }
static const struct asset ASSETS[] = {ALL_CODES(ROW)};

static const size_t RUN_END[] = {PLACE_ZWG + 1, PLACE_USDT + 1, PLACE_ZWL + 1};

#define BUILTIN_CODE_LEN_MAX 4

/* Four characters as a number whose order is that of the texts. */
static uint32_t code_number(const char code[BUILTIN_CODE_LEN_MAX])
{
    uint32_t v;
    memcpy(&v, code, sizeof v);
    return be32toh(v);
}

/* The last row of [from, end) whose code is not above `code`, or `from`. */
static const struct asset *run_find(size_t from, size_t end, uint32_t code)
{
    const struct asset *at = ASSETS + from;
    for (size_t left = end - from; left > 1;) {
        size_t half = left / 2;
        at += code_number(at[half].code) <= code ? half : 0;
        left -= half;
    }
    return at;
}

const struct asset *asset_builtin(struct text code)
{
    char padded[BUILTIN_CODE_LEN_MAX] = {0};
    if (code.len == 0 || code.len > sizeof padded) {
        return NULL;
    }
    memcpy(padded, code.p, code.len);
    uint32_t wanted = code_number(padded);
    size_t from = 0;
    for (size_t run = 0; run < ARRAY_LEN(RUN_END); run++) {
        const struct asset *at = run_find(from, RUN_END[run], wanted);
        if (code_number(at->code) == wanted) {
            /* "USD" and a NUL pads to the same number as "USD". */
            return at->code[code.len - 1] != '\0' ? at : NULL;
        }
        from = RUN_END[run];
    }
    return NULL;
}

const struct asset *asset_builtin_number(uint32_t number)
{
    return number == 0 ? NULL : asset_builtin_at(number - 1);
}

const struct asset *asset_builtin_at(size_t i)
{
    return i < ARRAY_LEN(ASSETS) ? &ASSETS[i] : NULL;
}

static bool is_code_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':';
}

bool asset_code_valid(struct text code)
{
    if (code.len == 0 || code.len > ASSET_CODE_LEN_MAX) {
        return false;
    }
    for (size_t i = 0; i < code.len; i++) {
        if (!is_code_char(code.p[i])) {
            return false;
        }
    }
    return true;
}

_Static_assert(ARRAY_LEN(ASSETS) < ASSET_DEFINED_FIRST, "numbers of books begin above ours");

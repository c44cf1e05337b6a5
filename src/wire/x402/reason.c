/* SPDX-License-Identifier: Apache-2.0
 * The table of reason.h as arrays. */
#include "wire/x402/reason.h"

#include "base/text.h"

static const char *const WORDS[X402_REASON_COUNT] = {[X402_REASON_NONE] = "",
#define X(symbol, word, sentence) [X402_REASON_##symbol] = (word),
                                                     X402_REASONS(X)
#undef X
};

static const char *const SENTENCES[X402_REASON_COUNT] = {[X402_REASON_NONE] =
                                                             "The payment is in order.",
#define X(symbol, word, sentence) [X402_REASON_##symbol] = (sentence),
                                                         X402_REASONS(X)
#undef X
};

const char *x402_reason_text(enum x402_reason reason)
{
    METE_ASSERT((unsigned)reason < X402_REASON_COUNT);
    return WORDS[reason];
}

const char *x402_reason_message(enum x402_reason reason)
{
    METE_ASSERT((unsigned)reason < X402_REASON_COUNT);
    return SENTENCES[reason];
}

enum x402_reason x402_reason_of(struct text word)
{
    for (unsigned i = X402_REASON_NONE + 1; i < X402_REASON_COUNT; i++) {
        if (text_is(word, WORDS[i])) {
            return (enum x402_reason)i;
        }
    }
    return X402_REASON_NONE;
}

enum x402_reason x402_reason_of_error(const struct mete_err *err)
{
    static const struct {
        enum mete_code code;
        enum x402_reason reason;
    } KNOWN[] = {
        {METE_X402_VERSION, X402_REASON_INVALID_VERSION},
        {METE_X402_NETWORK, X402_REASON_INVALID_NETWORK},
        {METE_X402_SCHEME, X402_REASON_UNSUPPORTED_SCHEME},
    };
    for (size_t i = 0; i < ARRAY_LEN(KNOWN); i++) {
        if (err->code == KNOWN[i].code) {
            return KNOWN[i].reason;
        }
    }
    return text_starts(text_of(err->pointer), "/paymentRequirements")
               ? X402_REASON_INVALID_REQUIREMENTS
               : X402_REASON_INVALID_PAYLOAD;
}

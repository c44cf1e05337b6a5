/* SPDX-License-Identifier: Apache-2.0
 * The names of errors and of what is known of money, from the table of mete/client.h. */
#include "base/types.h"
#include "mete/client.h"

struct error_words {
    enum mete_client_error error;
    const char *name;
    const char *meaning;
    const char *remedy;
};

static const struct error_words *words_of(enum mete_client_error error)
{
    static const struct error_words WORDS[] = {
#define X(symbol, number, name, meaning, mend) {METE_CLIENT_##symbol, name, meaning, mend},
        METE_CLIENT_ERRORS(X)
#undef X
    };
    static const struct error_words OTHER = {METE_CLIENT_OK, "unknown_error", "", ""};
    for (size_t i = 0; i < ARRAY_LEN(WORDS); i++) {
        if (WORDS[i].error == error) {
            return &WORDS[i];
        }
    }
    return &OTHER;
}

const char *mete_client_error_name(enum mete_client_error error)
{
    return words_of(error)->name;
}

const char *mete_client_error_meaning(enum mete_client_error error)
{
    return words_of(error)->meaning;
}

const char *mete_client_error_remedy(enum mete_client_error error)
{
    return words_of(error)->remedy;
}

const char *mete_client_money_name(enum mete_client_money money)
{
    static const char *const NAMES[] = {[METE_CLIENT_MONEY_NONE] = "none",
                                        [METE_CLIENT_MONEY_PAID] = "paid",
                                        [METE_CLIENT_MONEY_UNPAID] = "unpaid",
                                        [METE_CLIENT_MONEY_UNKNOWN] = "unknown"};
    return (size_t)money < ARRAY_LEN(NAMES) ? NAMES[money] : "unknown";
}

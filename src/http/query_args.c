/* SPDX-License-Identifier: Apache-2.0
 * Reading members of the query. */
#include "http/query_args.h"

#include "base/text.h"
#include "http/authority.h"
#include "http/reply.h"

bool text_number(struct text given, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (given.len == 0 || given.len > 16) {
        return false;
    }
    for (size_t i = 0; i < given.len; i++) {
        if (given.p[i] < '0' || given.p[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(given.p[i] - '0');
    }
    if (value < min || value > max) {
        return false;
    }
    *out = value;
    return true;
}

bool arg_number(struct exchange *x, const char *name, uint64_t min, uint64_t max, uint64_t *out)
{
    struct text given = exchange_query(x, name);
    if (given.p == NULL || text_number(given, min, max, out)) {
        return true;
    }
    reply_fail(x, METE_REQUEST_INVALID, NULL, "%s is a number from %llu to %llu", name,
               (unsigned long long)min, (unsigned long long)max);
    return false;
}

bool arg_time(struct exchange *x, const char *name, bool end_of_day, mete_time *out)
{
    struct text given = exchange_query(x, name);
    if (given.p == NULL || time_parse_date(given, end_of_day, out) == TIME_OK) {
        return true;
    }
    reply_fail(x, METE_TIME_INVALID, NULL, "%s is a time as in RFC 3339, or a day", name);
    return false;
}

/** "dry_run", "dry-run", "DryRun". */
static bool is_dry_run(struct text name)
{
    static const char letters[] = "dryrun";
    size_t at = 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = (char)(name.p[i] | 0x20);
        if (name.p[i] == '-' || name.p[i] == '_') {
            continue;
        }
        if (at == sizeof letters - 1 || c != letters[at++]) {
            return false;
        }
    }
    return at == sizeof letters - 1;
}

/* What nobody understood would be booked. */
bool arg_rehearsal_is_clear(struct exchange *x)
{
    static const char *const known[] = {"", "true", "1", "false", "0"};
    unsigned named = 0;
    bool clear = true;
    for (size_t i = 0; i < x->query_count && clear; i++) {
        const struct pair *p = &x->query[i];
        bool value = false;
        if (!is_dry_run(p->name)) {
            continue;
        }
        for (size_t k = 0; k < ARRAY_LEN(known); k++) {
            value = value || text_is(p->value, known[k]);
        }
        clear = value && text_is(p->name, "dry_run") && ++named == 1;
    }
    if (!clear) {
        reply_fail(x, METE_REQUEST_INVALID, NULL,
                   "a rehearsal is asked for by dry_run=true, once; nothing was done");
    }
    return clear;
}

bool arg_rehearsal_is_none(struct exchange *x)
{
    if (arg_rehearsal_is_clear(x) && exchange_query_flag(x, "dry_run")) {
        reply_fail(x, METE_REQUEST_INVALID, NULL,
                   "this has no rehearsal: without dry_run it is done; nothing was done");
    }
    return x->status == 0;
}

bool arg_own_party(struct exchange *x, struct text party)
{
    if (x->who->party.len == 0 || text_eq(x->who->party, party)) {
        return true;
    }
    reply_fail(x, METE_NOT_FOUND, NULL, "the log does not name this party");
    return false;
}

/* SPDX-License-Identifier: Apache-2.0
 * Sorting, adding up, writing. Memory that is not there is an answer here, not an end: this runs
 * inside other people's programs. */
#include "client/report.h"

#include "base/i128.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_US (TIME_SECOND_US * 3600)

/** What calls must share to be added up; wallets first, because each has a body of its own. */
static int call_cmp(const void *left, const void *right)
{
    const struct call *a = left;
    const struct call *b = right;
    int c = text_cmp(a->wallet, b->wallet);
    c = c != 0 ? c : text_cmp(a->policy, b->policy);
    c = c != 0 ? c : text_cmp(a->endpoint, b->endpoint);
    c = c != 0 ? c : text_cmp(a->currency, b->currency);
    return c != 0 ? c : (a->at / HOUR_US > b->at / HOUR_US) - (a->at / HOUR_US < b->at / HOUR_US);
}

static void calls_add_up(struct report *r)
{
    size_t kept = 0;
    if (r->count > 0) {
        qsort(r->call, r->count, sizeof(r->call[0]), call_cmp);
    }
    for (size_t i = 0; i < r->count; i++) {
        struct call *sum = kept > 0 ? &r->call[kept - 1] : NULL;
        const struct call *c = &r->call[i];
        if (sum == NULL || call_cmp(sum, c) != 0) {
            r->call[kept++] = *c;
            continue;
        }
        sum->at = sum->at > c->at ? sum->at : c->at;
        sum->calls += c->calls;
        METE_ASSERT(i128_add(sum->cost, c->cost, &sum->cost)); /* COST_DIGITS sees to it */
    }
    r->count = kept;
}

static size_t newlines(struct text t)
{
    size_t count = 0;
    for (size_t i = 0; i < t.len; i++) {
        count += t.p[i] == '\n';
    }
    return count;
}

enum report_read report_read(struct report *r, struct text file)
{
    struct text line;
    *r = (struct report){0};
    r->torn = file.len > 0 && file.p[file.len - 1] != '\n';
    if (!line_next(&file, &line) || !head_parse(line, &r->begun, &r->cli_id)) {
        return REPORT_NO_HEAD;
    }
    r->call = calloc(newlines(file) + 1, sizeof(r->call[0]));
    if (r->call == NULL) {
        return REPORT_NO_MEMORY;
    }
    while (line_next(&file, &line)) {
        if (call_parse(line, &r->call[r->count])) {
            r->count++;
        } else {
            r->torn += line.len > 0; /* an empty line ends a torn one */
        }
    }
    calls_add_up(r);
    return REPORT_OK;
}

void report_clear(struct report *r)
{
    free(r->call);
    *r = (struct report){0};
}

size_t report_run(const struct report *r, size_t from)
{
    size_t until = from;
    while (until < r->count && text_eq(r->call[until].wallet, r->call[from].wallet)) {
        until++;
    }
    return until;
}

/** Members have no control characters: two characters are left to escape. */
static void string_write(const char *key, struct text t, FILE *out)
{
    fprintf(out, "\"%s\":\"", key);
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] == '"' || t.p[i] == '\\') {
            fputc('\\', out);
        }
        fputc(t.p[i], out);
    }
    fputc('"', out);
}

static void call_write(const struct call *c, FILE *out)
{
    char at[TIME_TEXT_MAX];
    char cost[COST_TEXT_MAX];
    time_format(c->at, at);
    cost_format(c->cost, cost);
    fprintf(out, "{\"timestamp\":\"%s\",", at);
    string_write("endpoint", c->endpoint, out);
    fprintf(out, ",\"cost\":\"%s\",", cost);
    string_write("currency", c->currency, out);
    fprintf(out, ",\"calls\":%" PRIu64 ",", c->calls);
    string_write("fairAttribution", c->policy, out);
    fputc('}', out);
}

void report_write(const struct report *r, size_t from, size_t until, const char *report_id,
                  FILE *out)
{
    fputc('{', out);
    string_write("report_id", text_of(report_id), out);
    fputc(',', out);
    string_write("cliId", r->cli_id, out);
    if (r->call[from].wallet.len > 0) {
        fputc(',', out);
        string_write("customerWallet", r->call[from].wallet, out);
    }
    fputs(",\"usage\":[", out);
    for (size_t i = from; i < until; i++) {
        if (i > from) {
            fputc(',', out);
        }
        call_write(&r->call[i], out);
    }
    fputs("]}", out);
}

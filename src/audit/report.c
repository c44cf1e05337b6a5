/* SPDX-License-Identifier: Apache-2.0
 * Printing differences and the summary, as text or as one JSON object. */
#include "audit/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "wire/json.h"

#define SENTENCE_MAX 1024

void report_init(struct report *r, FILE *out, bool json, bool quiet)
{
    memset(r, 0, sizeof *r);
    r->out = out;
    r->json = json;
    r->quiet = quiet;
}

static void show_json(struct report *r, const char *sentence)
{
    if (r->shown.len > 0) {
        buf_put_u8(&r->shown, ',');
    }
    buf_printf(&r->shown, "{\"line\":%" PRIu64 ",\"event_id\":", r->line);
    if (r->event.len > 0) {
        json_put_string(&r->shown, r->event);
    } else {
        buf_put_str(&r->shown, "null");
    }
    buf_put_str(&r->shown, ",\"message\":");
    json_put_string(&r->shown, text_of(sentence));
    buf_put_u8(&r->shown, '}');
}

/* A cut sentence must not end inside a UTF-8 sequence: JSON would then be invalid. */
static void end_at_character(char *sentence)
{
    size_t len = strlen(sentence);
    while (len > 0 && !text_is_utf8((struct text){sentence, len})) {
        sentence[--len] = '\0';
    }
}

void report_difference(struct report *r, const char *fmt, ...)
{
    char sentence[SENTENCE_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(sentence, sizeof sentence, fmt, args);
    va_end(args);
    end_at_character(sentence);
    r->count++;
    if (r->quiet || r->count > REPORT_SHOWN_MAX) {
        return;
    }
    if (r->json) {
        show_json(r, sentence);
        return;
    }
    fprintf(r->out, "line %" PRIu64 ": ", r->line);
    if (r->event.len > 0) {
        fprintf(r->out, "event %.*s: ", (int)r->event.len, r->event.p);
    }
    fprintf(r->out, "%s\n", sentence);
}

bool report_full(const struct report *r)
{
    return r->count >= REPORT_COUNTED_MAX;
}

static void summary_json(struct report *r, const struct audit_totals *t)
{
    fprintf(r->out,
            "{\"ok\":%s,\"events\":%" PRIu64 ",\"decisions\":%" PRIu64 ",\"waiting\":%" PRIu64
            ",\"lines\":%" PRIu64 ",\"balances\":%" PRIu64
            ",\"root\":\"%s\",\"difference_count\":%" PRIu64
            ",\"complete\":%s,\"differences\":[%.*s]}\n",
            r->count == 0 ? "true" : "false", t->events, t->decisions, t->waiting, t->lines,
            t->balances, t->root, r->count, report_full(r) ? "false" : "true", (int)r->shown.len,
            r->shown.len > 0 ? (const char *)r->shown.p : "");
}

static void summary_text(struct report *r, const struct audit_totals *t)
{
    if (r->count > 0) {
        fprintf(r->out, "%s%" PRIu64 " difference%s; the first one is the one to look at\n",
                report_full(r) ? "stopped after " : "", r->count, r->count == 1 ? "" : "s");
        return;
    }
    fprintf(r->out,
            "all holds: %" PRIu64 " events, %" PRIu64 " decisions recomputed (%" PRIu64
            " events wait), %" PRIu64 " lines, %" PRIu64 " balances, root %s\n",
            t->events, t->decisions, t->waiting, t->lines, t->balances, t->root);
}

void report_summary(struct report *r, const struct audit_totals *totals)
{
    if (r->quiet) {
        return;
    }
    if (r->json) {
        summary_json(r, totals);
    } else {
        summary_text(r, totals);
    }
}

void report_clear(struct report *r)
{
    buf_clear(&r->shown);
}

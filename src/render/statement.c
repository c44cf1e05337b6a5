/* SPDX-License-Identifier: Apache-2.0
 * A party's lines, account by account: {party, as_of, accounts: [{asset, opening, lines: [...],
 * closing, count}], next, last}. */
#include "render/render.h"

#include "base/text.h"

void statement_line_members(struct json_writer *w, const struct statement_line *line)
{
    jw_int(w, "seq", (int64_t)line->seq);
    jw_time(w, "recorded_at", line->recorded_at);
    jw_time(w, "occurred_at", line->occurred_at);
    jw_text(w, "event_id", line->event_id);
    jw_str(w, "event_type", line->event_type);
    jw_str(w, "what", line->what);
    jw_text_or_null(w, "allocation_id", line->id);
    jw_i128(w, "amount", line->amount);
    jw_i128(w, "balance", line->balance);
    jw_str(w, "state", line->state);
    jw_time(w, "clears_at", line->clears_at);
}

static void account_open(void *ctx, const struct statement_account *account)
{
    struct json_writer *w = ctx;
    jw_object(w, NULL);
    jw_asset(w, &account->asset);
    jw_i128(w, "opening", account->opening);
    jw_array(w, "lines");
}

static void account_line(void *ctx, const struct statement_line *line)
{
    struct json_writer *w = ctx;
    jw_object(w, NULL);
    statement_line_members(w, line);
    jw_end_object(w);
    jw_spill(w);
}

static void account_close(void *ctx, const struct statement_account *account)
{
    struct json_writer *w = ctx;
    jw_end_array(w);
    jw_i128(w, "closing", account->closing);
    jw_int(w, "count", (int64_t)account->lines);
    jw_end_object(w);
}

struct statement_sink statement_json_sink(struct json_writer *w)
{
    return (struct statement_sink){w, account_open, account_line, account_close};
}

void statement_json_begin(struct json_writer *w, const struct statement_query *q)
{
    jw_object(w, NULL);
    jw_text(w, "party", q->party);
    jw_time(w, "as_of", q->at);
    jw_array(w, "accounts");
}

void statement_pages_members(struct json_writer *w, const struct statement_pages *pages)
{
    jw_text_or_null(w, "next", text_of(pages->next));
    jw_text_or_null(w, "last", text_of(pages->last));
}

void statement_json_end(struct json_writer *w, const struct statement_pages *pages)
{
    jw_end_array(w);
    statement_pages_members(w, pages);
    jw_end_object(w);
}
